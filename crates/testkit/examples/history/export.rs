//! How fast samples leave for a file, each way of writing one beside PostgreSQL's own `COPY` of the same rows as text.

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use penstock_model::{PointNo, Timestamp};
use penstock_store::Store;
use sqlx::postgres::PgPoolCopyExt as _;

use crate::fill::{Filled, points_in_order};
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
const WAYS: [(&str, Write); 1] =
    [("export, the reading alone (binary COPY)", |store, extract| Box::pin(read(store, extract)))];

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
