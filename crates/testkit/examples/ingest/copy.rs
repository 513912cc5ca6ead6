//! The ceiling of a writer: binary COPY of the very rows that the station wrote, in the order it received them, into the
//! same table, a commit every 5,000. Must not know how they came there.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures_util::TryStreamExt as _;
use sqlx::Executor as _;

use crate::room::Room;

/// Rows of a batch.
const BATCH: usize = 5_000;
/// Bytes of a COPY ahead of its rows, of each row (five fields, none of them null), and behind them (PostgreSQL's
/// manual, "COPY", Binary Format).
const HEAD: usize = 19;
const ROW: usize = 52;
const END: [u8; 2] = [0xff, 0xff];

/// Rows a second. Empties the table first, and leaves it as it was.
pub(crate) async fn rows_per_sec(room: &Room, first: i64) -> Result<f64> {
    let mut connection = room.connection().await?;
    let out = format!(
        "copy (select point_no, source_time, received_time, value, quality from samples \
         where source_time >= timestamptz 'epoch' + {first} * interval '1 microsecond' \
         order by received_time, point_no, source_time) to stdout (format binary)"
    );
    let mut all = Vec::new();
    {
        let mut stream = connection.copy_out_raw(&out).await?;
        while let Some(bytes) = stream.try_next().await? {
            all.extend_from_slice(&bytes);
        }
    }
    let head = all.get(..HEAD).context("no rows")?.to_vec();
    let rows = all.get(HEAD..all.len() - END.len()).context("no rows")?;
    ensure!(rows.len().is_multiple_of(ROW), "a row has a null, which samples of this load do not have");
    let batches: Vec<Vec<u8>> =
        rows.chunks(BATCH * ROW).map(|rows| [head.as_slice(), rows, END.as_slice()].concat()).collect();
    let count = rows.len() / ROW;
    connection.execute("truncate samples").await?;
    let begun = Instant::now();
    for batch in &batches {
        let statement =
            "copy samples (point_no, source_time, received_time, value, quality) from stdin (format binary)";
        let mut copy = connection.copy_in_raw(statement).await?;
        copy.send(batch.as_slice()).await?;
        copy.finish().await?;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}
