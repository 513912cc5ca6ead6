//! How fast the history answers, and what it takes on disk: `history [--samples N] [--json FILE] [--folder FOLDER]`.
//! `cargo xtask bench history` calls it.
//!
//! Writes N samples (50 million) of 10,000 points over 35 days into a durable cluster, rolls them up, and asks what
//! screens ask, in three runs, each on a server that was just started; beside each answer the same by plain SQL on the
//! samples. With FOLDER the cluster stays there, and the next call asks the same samples. It fails where something could
//! not be measured or an answer is not the plain one's.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its whole purpose")]

mod disk;
mod export;
mod fill;
mod questions;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use penstock_model::Clock;
use penstock_store::{Cluster, ClusterSettings, Store};
use penstock_testkit::database::ScratchFolder;

use fill::Filled;
use report::{Asked, Line};

const RUNS: usize = 3;
/// Where the cluster is made: on a disk, which the folder for temporary files need not be.
const PARENT: &str = "/var/lib";
const STOP_DEADLINE: Duration = Duration::from_secs(120);

struct Options {
    samples: u64,
    json: Option<PathBuf>,
    folder: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = options()?;
    let scratch = match options.folder {
        Some(_) => None,
        None => Some(ScratchFolder::below(Path::new(PARENT))?),
    };
    let folder = match (&options.folder, &scratch) {
        (Some(folder), _) => folder.clone(),
        (None, Some(scratch)) => scratch.path().to_owned(),
        (None, None) => bail!("there is no folder"),
    };
    let (filled, lines) = measure(&folder, options.samples).await?;
    print!("{}", report::table(&lines));
    if let Some(file) = options.json {
        let text = serde_json::to_string_pretty(&report::document(filled.to_json(), &lines))?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let mut code = ExitCode::SUCCESS;
    for line in &lines {
        if let Some(how) = &line.differs {
            eprintln!("{}: not the answer of plain SQL: {how}", line.what);
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn options() -> Result<Options> {
    let mut options = Options { samples: fill::FULL, json: None, folder: None };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--samples" => options.samples = value.parse().context("--samples needs a number")?,
            "--json" => options.json = Some(value.into()),
            "--folder" => options.folder = Some(value.into()),
            _ => bail!("usage: history [--samples N] [--json FILE] [--folder FOLDER]"),
        }
    }
    Ok(options)
}

async fn measure(folder: &Path, samples: u64) -> Result<(Filled, Vec<Line>)> {
    let note = folder.join("filled.json");
    let filled = on_cluster(folder, async |store| fill::fill(store, &note, samples, Clock::System.now()).await).await?;
    let (mut questions, mut exports) = on_cluster(folder, async |store| {
        Ok((questions::Questions::new(store, &filled).await?, export::Exports::new(store, &filled).await?))
    })
    .await?;
    for run in 1..=RUNS {
        eprintln!("run {run} of {RUNS}");
        on_cluster(folder, async |store| {
            questions.run(store).await?;
            exports.run(store).await
        })
        .await?;
    }
    let mut lines = of_filling(&filled);
    lines.extend(questions.into_lines());
    lines.extend(exports.into_lines());
    lines.extend(on_cluster(folder, async |store| disk::measure(store).await).await?);
    Ok((filled, lines))
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

fn of_filling(filled: &Filled) -> Vec<Line> {
    let line = |what: String, unit, figure: f64| {
        let mut line = Line::new(what, unit, Asked::Nothing, "");
        line.runs.push(figure);
        line
    };
    let (hours, read) = (filled.rolled_hours as f64, filled.rolled_samples as f64);
    vec![
        line(format!("writing {} samples", filled.samples), "s", filled.load_secs),
        line("writing".to_owned(), "samples/s", filled.samples as f64 / filled.load_secs),
        line("rolling them up".to_owned(), "s", filled.roll_up_secs),
        line("rolling up".to_owned(), "samples/s", read / filled.roll_up_secs),
        line("rolling up".to_owned(), "hours of points/s", hours / filled.roll_up_secs),
        line("vacuum and analyze".to_owned(), "s", filled.vacuum_secs),
    ]
}
