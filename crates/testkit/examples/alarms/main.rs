//! How fast alarms are evaluated, tried on history and found again: `alarms [--days N] [--rows N] [--json FILE]`.
//! `cargo xtask bench alarms` calls it.
//!
//! Evaluates 10,000 rules in memory; then writes N days (30) of three points at 1 Hz and N journal entries (1.5 million)
//! into a durable cluster, and in three runs, each on a server that was just started, tries an edited rule on all of it
//! as the station does, asks for first pages of the journal, and reads what a station reads at its start. It fails where
//! something could not be measured or a trial did not come to what was written.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its whole purpose")]

mod engine;
mod fill;
mod journal;
#[expect(dead_code, reason = "history asks more of its figures than is asked here")]
#[path = "../history/report.rs"]
mod report;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use penstock_model::Clock;
use penstock_store::{Cluster, ClusterSettings, Store};
use penstock_testkit::database::ScratchFolder;
use serde_json::json;

use fill::Filled;
use report::Line;

const RUNS: usize = 3;
/// Where the cluster is made: on a disk, which the folder for temporary files need not be.
const PARENT: &str = "/var/lib";
const STOP_DEADLINE: Duration = Duration::from_secs(120);

struct Options {
    days: u64,
    rows: u64,
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = options()?;
    let mut lines = Vec::from(engine::measure(RUNS));
    let scratch = ScratchFolder::below(Path::new(PARENT))?;
    let filled = on_cluster(scratch.path(), async |store| {
        fill::fill(store, options.days, options.rows, Clock::System.now()).await
    })
    .await?;
    let (mut trials, mut journal) = (trial::Trials::new(options.days), journal::Questions::new(options.rows));
    for run in 1..=RUNS {
        eprintln!("run {run} of {RUNS}");
        on_cluster(scratch.path(), async |store| {
            trials.run(store, &filled).await?;
            journal.run(store, &filled).await
        })
        .await?;
    }
    lines.extend(of_filling(&filled));
    lines.extend(trials.into_lines());
    lines.extend(journal.into_lines());
    print!("{}", report::table(&lines));
    if let Some(file) = options.json {
        let filled = json!({ "samples": filled.samples, "rows": filled.rows });
        let text = serde_json::to_string_pretty(&report::document(filled, &lines))?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options() -> Result<Options> {
    let mut options = Options { days: 30, rows: 1_500_000, json: None };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--days" => options.days = value.parse().context("--days needs a number")?,
            "--rows" => options.rows = value.parse().context("--rows needs a number")?,
            "--json" => options.json = Some(value.into()),
            _ => bail!("usage: alarms [--days N] [--rows N] [--json FILE]"),
        }
    }
    ensure!((1..=92).contains(&options.days), "--days needs 1 to 92");
    ensure!(options.rows >= fill::LEAST_ROWS, "--rows needs {} or more", fill::LEAST_ROWS);
    Ok(options)
}

/// Works on a server that was just started, and stops it, whatever comes of the work.
async fn on_cluster<T>(folder: &Path, work: impl AsyncFnOnce(&Store) -> Result<T>) -> Result<T> {
    let mut cluster = Cluster::start(ClusterSettings::new(folder)).await?;
    let outcome = match Store::open(&cluster.options()).await {
        Ok(store) => {
            let outcome = work(&store).await;
            store.close().await;
            outcome
        }
        Err(error) => Err(error.into()),
    };
    cluster.stop(STOP_DEADLINE).await?;
    outcome
}

fn of_filling(filled: &Filled) -> [Line; 2] {
    let line = |what: &str, unit, figure: f64| {
        let mut line = Line::new(what.to_owned(), unit, report::Asked::Nothing, "");
        line.runs.push(figure);
        line
    };
    [
        line("writing samples", "samples/s", filled.samples as f64 / filled.samples_secs),
        line("writing journal entries", "entries/s", filled.rows as f64 / filled.rows_secs),
    ]
}
