//! How much the station takes in, how fast, and what that costs: `ingest --program PATH [--base DIR] [--json FILE]
//! [--only PART,PART] [--runs N] [--quick]`. `cargo xtask bench ingest` builds what it needs and calls it.
//!
//! Everything is real and on this machine: the release program, its own Mosquitto and PostgreSQL with fsync on, and
//! publishers as processes of their own. Rows and times come from the database, by its own commit times. Each figure
//! stands beside its ceiling or peer, measured in the same runs, which take turns. It fails where a figure is missed,
//! but for `--quick`, which measures too little to say so. Must not know the station's inside.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its whole purpose")]

mod copy;
mod live;
mod mqtt;
mod panel;
mod parts;
mod plant;
mod processes;
mod publisher;
mod report;
mod room;
mod subscriber;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use parts::Scale;
use report::Report;
use room::Site;

/// What is measured of its own accord, and what is for the asking: it needs a browser.
const PARTS: [&str; 5] = ["road", "batches", "latency", "freeze", "memory"];
const PANEL: &str = "panel";

struct Args {
    site: Site,
    json: Option<PathBuf>,
    parts: Vec<String>,
    is_quick: bool,
    /// Runs of each part, where not as many as its scale has.
    runs: Option<usize>,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let (mut program, mut base, mut json, mut is_quick) = (None, std::env::temp_dir(), None, false);
        let (mut parts, mut runs) = (PARTS.map(str::to_owned).to_vec(), None);
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--program" => program = Some(PathBuf::from(value()?)),
                "--base" => base = PathBuf::from(value()?),
                "--json" => json = Some(PathBuf::from(value()?)),
                "--only" => parts = value()?.split(',').map(str::to_owned).collect(),
                "--runs" => {
                    let count = value()?.parse().ok().filter(|count| *count > 0);
                    runs = Some(count.context("--runs needs a number from 1")?);
                }
                "--quick" => is_quick = true,
                other => bail!("{other:?} is not known"),
            }
        }
        for part in &parts {
            let is_part = PARTS.contains(&part.as_str()) || part == PANEL;
            ensure!(is_part, "{part:?} is no part: {}, {PANEL}", PARTS.join(", "));
        }
        let program = std::path::absolute(program.context("--program is missing")?)?;
        Ok(Self { site: Site { program, base }, json, parts, is_quick, runs })
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [role, argument] if role == publisher::ROLE => return publisher::main(argument),
        [role, argument] if role == subscriber::ROLE => return subscriber::main(argument),
        [role, argument] if role == panel::ROLE => return panel::main(argument),
        _ => {}
    }
    let args = Args::parse(args.into_iter())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&args))
}

async fn measure(args: &Args) -> Result<()> {
    let scale = if args.is_quick { Scale::QUICK } else { Scale::FULL };
    let scale = scale.with_runs(args.runs);
    let mut report = Report::default();
    let mut outcome = Ok(());
    for part in &args.parts {
        outcome = match part.as_str() {
            "road" => parts::road(&args.site, &scale, &mut report).await,
            "batches" => parts::batches(&args.site, &scale, &mut report).await,
            "latency" => parts::latency(&args.site, &scale, &mut report).await,
            "freeze" => parts::freeze(&args.site, &scale, &mut report).await,
            PANEL => parts::panel(&args.site, &scale, &mut report).await,
            _ => parts::memory(&args.site, &scale, &mut report).await,
        }
        .with_context(|| part.clone());
        if outcome.is_err() {
            break;
        }
    }
    // What was measured before a failure is told all the same.
    println!("\n{}", report.table());
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&report.json(&machine(), args.is_quick))?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    outcome?;
    let missed: Vec<&str> = report.rows.iter().filter(|row| !row.is_met).map(|row| row.what.as_str()).collect();
    ensure!(args.is_quick || missed.is_empty(), "not what is asked: {}", missed.join("; "));
    Ok(())
}

/// What the figures were measured on.
fn machine() -> Value {
    let version = |program: &str, option: &str| {
        let output = std::process::Command::new(program).arg(option).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().next().map(str::to_owned)
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "processors": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "kernel": version("uname", "-r"),
        "mosquitto": version("/usr/sbin/mosquitto", "-h"),
        "postgresql": version("psql", "--version"),
        "load_at_the_end": load.trim(),
    })
}

/// Says how far the measurement is.
fn tell(line: &str) {
    eprintln!("{line}");
}
