//! How fast alarms are evaluated, tried on history and found again, and the station started with all of them: `alarms
//! --program PATH [--days N] [--rows N] [--json FILE]`. `cargo xtask bench alarms` builds what it needs and calls it.
//!
//! Evaluates 10,000 rules in memory; then lets the station's program make its database, and writes N days (30) of three
//! points at 1 Hz and N journal entries (1.5 million) into it. In three runs, each on a server that was just started,
//! tries an edited rule on all of it as the station does, asks for first pages of the journal, and reads what a station
//! reads of alarms at its start; then starts the station's program itself three times, as it did before there was a
//! journal. It fails where something could not be measured, a trial did not come to what was written, or a figure is
//! missed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its whole purpose")]

mod engine;
mod fill;
mod journal;
#[path = "../history/report.rs"]
mod report;
mod start;
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
use start::{Starts, Station};

const RUNS: usize = 3;
/// Where the station keeps everything: on a disk, which the folder for temporary files need not be.
const PARENT: &str = "/var/lib";
const STOP_DEADLINE: Duration = Duration::from_secs(120);

struct Options {
    program: PathBuf,
    days: u64,
    rows: u64,
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Options { program, days, rows, json } = options()?;
    let mut lines = Vec::from(engine::measure(RUNS));
    let scratch = ScratchFolder::below(Path::new(PARENT))?;
    let station = Station { program, data: scratch.path().to_owned() };
    let database = station.database();
    let plant = fill::plant()?;
    station.lay_out(&plant).await?;
    let mut filled =
        on_cluster(&database, async |store| fill::past(store, &plant, days, Clock::System.now()).await).await?;
    let mut starts = Starts::new(rows);
    for run in 1..=RUNS {
        eprintln!("start {run} of {RUNS} without a journal");
        starts.run_without(&station).await?;
    }
    on_cluster(&database, async |store| fill::journal(store, &mut filled, rows).await).await?;
    let (mut trials, mut journal) = (trial::Trials::new(days), journal::Questions::new(rows));
    for run in 1..=RUNS {
        eprintln!("run {run} of {RUNS}");
        on_cluster(&database, async |store| {
            trials.run(store, &filled).await?;
            journal.run(store, &filled).await
        })
        .await?;
    }
    station.take_up_journal(filled.standing).await?;
    for run in 1..=RUNS {
        eprintln!("start {run} of {RUNS} with the journal");
        starts.run(&station, filled.standing).await?;
    }
    lines.extend(of_filling(&filled));
    lines.extend(trials.into_lines());
    lines.extend(journal.into_lines());
    lines.push(starts.into_line());
    print!("{}", report::table(&lines));
    if let Some(file) = json {
        let filled = json!({ "samples": filled.samples, "rows": filled.rows, "standing": filled.standing });
        let text = serde_json::to_string_pretty(&report::document(filled, &lines))?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let mut code = ExitCode::SUCCESS;
    for line in lines.iter().filter(|line| line.is_missed()) {
        eprintln!("{}: not what is asked", line.what);
        code = ExitCode::FAILURE;
    }
    Ok(code)
}

fn options() -> Result<Options> {
    let mut options = Options { program: PathBuf::new(), days: 30, rows: 1_500_000, json: None };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--program" => options.program = std::path::absolute(value)?,
            "--days" => options.days = value.parse().context("--days needs a number")?,
            "--rows" => options.rows = value.parse().context("--rows needs a number")?,
            "--json" => options.json = Some(value.into()),
            _ => bail!("usage: alarms --program PATH [--days N] [--rows N] [--json FILE]"),
        }
    }
    ensure!(options.program != Path::new(""), "--program is missing");
    // Of what is older than 90 days the station keeps no samples.
    ensure!((1..=89).contains(&options.days), "--days needs 1 to 89");
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
