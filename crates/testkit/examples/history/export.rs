//! How fast samples leave for a file, each way of writing one beside PostgreSQL's own `COPY` of the same rows as text.

use std::collections::HashMap;
use std::io::{BufWriter, Write as _};
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use penstock_archive::{Column, RowFormat, RowWriter};
use penstock_model::{PointNo, Quantity, Timestamp};
use penstock_store::Store;
use sqlx::postgres::PgPoolCopyExt as _;

use crate::fill::{Filled, points_in_order, tenant};
use crate::report::{Asked, Line};

/// Points of one file: all pens, and others.
const POINTS: usize = 200;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What goes into a file.
pub(crate) struct Extract {
    points: Vec<PointNo>,
    from: Timestamp,
    to: Timestamp,
}

/// Writes an extract, and says how many samples it wrote.
type Write = for<'a> fn(&'a Store, &'a Extract) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'a>>;

/// What is asked of every way, in samples a second; so of the reading alone too.
const ASKED: Asked = Asked::AtLeast(500_000.0);

/// The ways to write a file.
const WAYS: [(&str, Write); 3] = [
    ("export, the reading alone (binary COPY)", |store, extract| Box::pin(read(store, extract))),
    ("export to CSV", |store, extract| Box::pin(write(store, extract, RowFormat::Csv))),
    ("export to Parquet", |store, extract| Box::pin(write(store, extract, RowFormat::Parquet))),
];

/// A file as the station writes it: read on one task, written on a thread.
async fn write(store: &Store, extract: &Extract, format: RowFormat) -> Result<u64> {
    // As screens have it: one tenant's, under row-level security.
    let screens = store.for_screens(tenant()).await?;
    let mut chunks = screens.scan(extract.points.clone(), extract.from, extract.to);
    let columns: Vec<Column> = extract.points.iter().map(column).collect();
    let place: HashMap<PointNo, usize> = extract.points.iter().enumerate().map(|(at, point)| (*point, at)).collect();
    let file = BufWriter::new(tempfile::tempfile()?);
    let work = tokio::task::spawn_blocking(move || -> Result<u64> {
        let mut written = 0;
        let mut writer = RowWriter::new(format, file, columns)?;
        while let Some(chunk) = chunks.blocking_recv() {
            let chunk = chunk?;
            writer.write(chunk.iter().map(|sample| (place[&sample.point], sample)))?;
            written += chunk.len() as u64;
        }
        writer.finish()?.flush()?;
        Ok(written)
    });
    work.await?
}

fn column(point: &PointNo) -> Column {
    let quantity = Quantity::Pressure;
    Column {
        name: format!("PT-{}", point.0),
        description: "Pressure in the main".to_owned(),
        unit: quantity.display_unit(),
        decimals: quantity.decimals() + 2,
    }
}

/// The lines in the order of the table; one run after the other adds its figures.
pub(crate) struct Exports {
    extract: Extract,
    lines: Vec<Line>,
}

impl Exports {
    pub(crate) async fn new(store: &Store, filled: &Filled) -> Result<Self> {
        let points = points_in_order(store).await?.into_iter().take(POINTS).collect();
        let line = |(what, _): &(&str, Write)| Line::new((*what).to_owned(), "samples/s", ASKED, "COPY as CSV");
        let extract = Extract { points, from: filled.end - WEEK, to: filled.end };
        Ok(Self { extract, lines: WAYS.iter().map(line).collect() })
    }

    pub(crate) async fn run(&mut self, store: &Store) -> Result<()> {
        let expected = count(store, &self.extract).await?;
        ensure!(expected > 0, "there is nothing to write to a file");
        let begun = Instant::now();
        let plain = lines_of(store, &self.extract.query("csv")).await?;
        let beside = plain as f64 / begun.elapsed().as_secs_f64();
        for ((_, write), line) in WAYS.iter().zip(&mut self.lines) {
            let begun = Instant::now();
            let written = write(store, &self.extract).await?;
            line.runs.push(written as f64 / begun.elapsed().as_secs_f64());
            line.beside.push(beside);
            if written != expected || plain != expected {
                line.differs = Some(format!("{written} samples, {plain} as CSV, {expected} counted"));
            }
        }
        Ok(())
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

impl Extract {
    fn query(&self, format: &str) -> String {
        let points: Vec<String> = self.points.iter().map(|point| point.0.to_string()).collect();
        format!(
            "copy (select point_no, source_time, value, quality from samples where point_no in ({}) \
             and source_time >= '{}' and source_time < '{}' order by point_no, source_time) to stdout (format {format})",
            points.join(", "),
            self.from,
            self.to
        )
    }
}

async fn count(store: &Store, extract: &Extract) -> Result<u64> {
    let count: i64 = sqlx::query_scalar(
        "select count(*) from samples where point_no = any ($1) and source_time >= to_timestamp($2) \
         and source_time < to_timestamp($3)",
    )
    .bind(extract.points.iter().map(|point| point.0).collect::<Vec<_>>())
    .bind(extract.from.as_secs_f64())
    .bind(extract.to.as_secs_f64())
    .fetch_one(store.pool())
    .await?;
    Ok(count.unsigned_abs())
}

async fn lines_of(store: &Store, query: &str) -> Result<u64> {
    let mut chunks = store.pool().copy_out_raw(query).await?;
    let mut lines = 0;
    while let Some(chunk) = futures_util::TryStreamExt::try_next(&mut chunks).await? {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok(lines)
}

/// Every row out of the database as the binary form has it, and no more.
async fn read(store: &Store, extract: &Extract) -> Result<u64> {
    let mut chunks = store.pool().copy_out_raw(&extract.query("binary")).await?;
    let mut rows = 0_u64;
    while let Some(chunk) = futures_util::TryStreamExt::try_next(&mut chunks).await? {
        // The server sends a row a message; the head comes with the first row, the end by itself.
        rows += u64::from(chunk.len() > 2);
    }
    Ok(rows)
}
