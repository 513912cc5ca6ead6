//! Every sample of some points, in chunks that come as they are asked for: from the archive where the database has let
//! them go, else from the database. Must not know what they are wanted for.

use std::fmt::Write as _;
use std::time::Duration;

use penstock_archive::Selection;
use penstock_model::{PointNo, Sample, Timestamp};
use sqlx::postgres::{PgConnection, PgPool};
use tokio::sync::mpsc;

use futures_util::StreamExt as _;

use crate::copy::{Row, Rows};
use crate::history::Gone;
use crate::reader::in_time;
use crate::sql::quality;
use crate::{Error, Result, Store};

/// Samples of a chunk.
const CHUNK: usize = 8_192;
/// Chunks that wait for whoever asked; then reading waits.
const AHEAD: usize = 4;

/// Chunks as they come. Dropped, it stops reading.
pub type Chunks = mpsc::Receiver<Result<Vec<Sample>>>;

impl Store {
    /// Every sample of `points` with a source time from `from` up to, but not including, `to`: point by point as they
    /// are given, each in time order.
    pub fn scan(&self, points: Vec<PointNo>, from: Timestamp, to: Timestamp) -> Chunks {
        self.scan_patiently(points, from, to, Duration::MAX)
    }

    /// The same where no chunk may take the database longer than `patience`.
    pub(crate) fn scan_patiently(
        &self,
        points: Vec<PointNo>,
        from: Timestamp,
        to: Timestamp,
        patience: Duration,
    ) -> Chunks {
        let (into, chunks) = mpsc::channel(AHEAD);
        let store = self.clone();
        tokio::spawn(async move {
            if let Err(error) = store.scan_into(&points, from, to, patience, &into).await {
                // Nobody is told where nobody reads any more.
                drop(into.send(Err(error)).await);
            }
        });
        chunks
    }

    async fn scan_into(
        &self,
        points: &[PointNo],
        from: Timestamp,
        to: Timestamp,
        patience: Duration,
        into: &mpsc::Sender<Result<Vec<Sample>>>,
    ) -> Result<()> {
        let mut together: Vec<PointNo> = Vec::new();
        for &point in points {
            let gone = in_time(patience, self.gone(point, from, to)).await?;
            if gone.iter().all(|month| month.files.is_empty()) {
                together.push(point);
                continue;
            }
            copy_into(&self.pool, &of_points(&together, from, to), patience, into).await?;
            together.clear();
            for month in &gone {
                self.archived_into(month, point, from, to, into).await?;
            }
            together.push(point);
        }
        copy_into(&self.pool, &of_points(&together, from, to), patience, into).await
    }

    /// The samples of `point` in a month that is gone, from the archive, in time order.
    pub(crate) async fn archived(
        &self,
        month: &Gone,
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Sample>> {
        let (into, mut chunks) = mpsc::channel(AHEAD);
        let reading = async {
            let done = self.archived_into(month, point, from, to, &into).await;
            drop(into);
            done
        };
        let collecting = async {
            let mut samples = Vec::new();
            while let Some(chunk) = chunks.recv().await {
                samples.extend(chunk?);
            }
            Ok::<_, Error>(samples)
        };
        let ((), mut samples) = tokio::try_join!(reading, collecting)?;
        samples.sort_by_key(|sample| sample.source_time);
        Ok(samples)
    }

    async fn archived_into(
        &self,
        month: &Gone,
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
        into: &mpsc::Sender<Result<Vec<Sample>>>,
    ) -> Result<()> {
        let Some(first) = month.files.first() else { return Ok(()) };
        let Some(archive) = self.archive.get() else {
            let why = format!("the samples of this time are in the archive ({first}), which is not open");
            return Err(Error::Refused { why: format!("{why}: see Station health and [archive] in penstock.toml") });
        };
        let selection = Selection::of(&[point], from, to);
        for file in &month.files {
            let mut samples = archive.read(file, &selection).await?;
            while let Some(chunk) = samples.next().await {
                if into.send(Ok(chunk?)).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What a COPY of samples selects; see [`sample`].
pub(crate) const COLUMNS: &str = "point_no, source_time, received_time, value, quality";

pub(crate) fn of_points(points: &[PointNo], from: Timestamp, to: Timestamp) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut values = String::new();
    for (number, point) in points.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        // Writing to text cannot fail.
        let _written = write!(values, "{comma}({number}, {})", point.0);
    }
    let (from, to) = crate::history::within(from, to);
    format!(
        "select sample.* from (values {values}) as asked (number, point) cross join lateral (\
         select {COLUMNS} from samples where point_no = point and source_time >= timestamptz '{from}' \
         and source_time < timestamptz '{to}' order by source_time) sample"
    )
}

/// Sends what `query`, a selection of [`COLUMNS`], finds; nothing where it is empty. No chunk may take the database
/// longer than `patience`; whoever takes them may take as long as they like.
pub(crate) async fn copy_into(
    pool: &PgPool,
    query: &str,
    patience: Duration,
    into: &mpsc::Sender<Result<Vec<Sample>>>,
) -> Result<()> {
    if query.is_empty() {
        return Ok(());
    }
    let mut connection = pool.acquire().await?;
    let sent = send_chunks(&mut connection, query, patience, into).await;
    if !matches!(sent, Ok(true)) {
        // What is still on its way would meet the next query.
        drop(connection.detach());
    }
    sent.map(|_is_all| ())
}

/// The same over one connection. Whether that was all there is: who wants no more closes the channel.
async fn send_chunks(
    connection: &mut PgConnection,
    query: &str,
    patience: Duration,
    into: &mpsc::Sender<Result<Vec<Sample>>>,
) -> Result<bool> {
    let mut rows = in_time(patience, Rows::of(connection, query)).await?;
    loop {
        let chunk = in_time(patience, next_chunk(&mut rows)).await?;
        let is_last = chunk.len() < CHUNK;
        let is_wanted = chunk.is_empty() || into.send(Ok(chunk)).await.is_ok();
        if is_last || !is_wanted {
            return Ok(is_last);
        }
    }
}

/// The next rows, fewer than [`CHUNK`] only where they end.
async fn next_chunk(rows: &mut Rows<'_>) -> Result<Vec<Sample>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while chunk.len() < CHUNK
        && let Some(mut row) = rows.next().await?
    {
        chunk.push(sample(&mut row)?);
    }
    Ok(chunk)
}

/// A sample from a row of [`COLUMNS`].
fn sample(row: &mut Row) -> Result<Sample> {
    let missing = || Error::unreadable("sample")(&"a column that is never null is");
    Ok(Sample {
        point: PointNo(row.int()?.ok_or_else(missing)?),
        source_time: row.time()?.ok_or_else(missing)?,
        received_time: row.time()?.ok_or_else(missing)?,
        value: row.double()?,
        quality: quality(row.small()?.ok_or_else(missing)?),
    })
}
