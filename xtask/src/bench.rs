//! `cargo xtask bench`: what a start takes in time, memory and processor, how much is taken in how fast, and the way to
//! the crates' own benchmarks.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::demo::{self, Options};
use crate::shots;
use crate::workspace::{Workspace, succeed};
use crate::{run, screens, signals};

/// What the station may settle for after the past was published.
const SETTLE: Duration = Duration::from_secs(30);
/// How long the processor's time is counted.
const COUNTED: Duration = Duration::from_secs(30);

/// `cargo xtask bench start [--json FILE]`, `cargo xtask bench ingest [ARG]...` or `cargo xtask bench NAME [ARG]...`.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    match args.split_first() {
        Some((name, rest)) if name == "start" => {
            let file = match rest {
                [] => None,
                [flag, file] if flag == "--json" => Some(PathBuf::from(file)),
                _ => bail!("usage: cargo xtask bench start [--json FILE]"),
            };
            start(workspace, file.as_deref())?;
            Ok(ExitCode::SUCCESS)
        }
        Some((name, rest)) if name == "ingest" => ingest(workspace, rest),
        Some((name, rest)) if name == "anomaly" => of_a_crate(workspace, "judge", &from_here(rest)?),
        Some((name, rest)) if name == "alarms" => alarms(workspace, &from_here(rest)?),
        Some((name, rest)) if name == "history" => of_a_crate(workspace, name, &from_here(rest)?),
        Some((name, rest)) => of_a_crate(workspace, name, rest),
        None => bail!("usage: cargo xtask bench start [--json FILE] | bench ingest [ARG]... | bench NAME [ARG]..."),
    }
}

/// Arguments with the files and folders among them as they are called from the folder of the call: a benchmark runs in
/// the checkout's.
fn from_here(args: &[String]) -> anyhow::Result<Vec<String>> {
    let mut from_here = Vec::with_capacity(args.len());
    let mut is_path = false;
    for arg in args {
        from_here.push(if is_path {
            std::path::absolute(arg).with_context(|| format!("{arg} is no path"))?.display().to_string()
        } else {
            arg.clone()
        });
        is_path = matches!(arg.as_str(), "--json" | "--folder" | "--data" | "--scores");
    }
    Ok(from_here)
}

fn start(workspace: &Workspace, file: Option<&Path>) -> anyhow::Result<()> {
    screens::build(workspace)?;
    run::build(workspace)?;
    shots::build_example(workspace, "start")?;
    let (sender, signals) = mpsc::channel();
    signals::forward(sender)?;
    let options = shots::scratch_options(workspace, "penstock-bench")?;
    let outcome = measure(workspace, &options, &signals);
    std::fs::remove_dir_all(&options.data)
        .with_context(|| format!("the scratch folder {} cannot be removed", options.data.display()))?;
    let report = outcome?;
    let text = serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")?;
    println!("{text}");
    if let Some(file) = file {
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn measure(workspace: &Workspace, options: &Options, signals: &Receiver<Signal>) -> anyhow::Result<Value> {
    println!("setting the demo plant up, with a week of its past");
    let mut room = shots::filled(workspace, options, signals)?;
    demo::wait(SETTLE, signals)?;
    println!("counting the station's processor time for {} s", COUNTED.as_secs());
    let pid = room.note.pid;
    let (before, start) = (cpu_time(pid)?, Instant::now());
    demo::wait(COUNTED, signals)?;
    let cpu = (cpu_time(pid)? - before).as_secs_f64() / start.elapsed().as_secs_f64();
    let (rss, pss) = (memory(pid, "Rss:")?, memory(pid, "Pss:")?);
    room.stop(signals)?;
    drop(room);

    println!("starting it again in its window");
    let mut window = workspace.command(workspace.program("examples/start"));
    window
        .arg(workspace.program("penstock"))
        .arg(workspace.program("penstock-sim"))
        .arg(&options.data)
        .envs(options.settings.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::inherit());
    demo::add_settings(&mut window, workspace, "bench-of-one-machine");
    window.env("PENSTOCK_SIM_PASSWORD", "bench-of-one-machine");
    let output = window.output().context("the window cannot be timed")?;
    if !output.status.success() {
        bail!("the window could not be timed: {}", output.status);
    }
    let mut report: Value = serde_json::from_slice(&output.stdout).context("the window was timed without a report")?;
    let Some(fields) = report.as_object_mut() else { bail!("the window was timed without a report") };
    fields.insert("station_cpu_of_a_core".to_owned(), json!(cpu));
    fields.insert("station_rss_bytes".to_owned(), json!(rss));
    fields.insert("station_pss_bytes".to_owned(), json!(pss));
    Ok(report)
}

/// Time a process has spent on processors.
fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the station is gone")?;
    parse_cpu_time(&stat).context("the system tells no processor time")
}

/// Linux counts in hundredths of a second on every platform Penstock runs on.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

fn memory(pid: u32, field: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).context("the station is gone")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context("the system tells no memory")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().context("memory is no number")?;
    Ok(kilobytes * 1024)
}

/// The station as it is shipped, under load: the program and the load optimised, on the disk that data is kept on.
fn ingest(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    const USAGE: &str = "usage: cargo xtask bench ingest [--json FILE] [--only road,batches,latency,freeze,memory,panel] [--runs N] [--quick]";
    let mut passed_on = Vec::new();
    let mut left = args.iter();
    while let Some(arg) = left.next() {
        passed_on.push(PathBuf::from(arg));
        match (arg.as_str(), if arg == "--quick" { None } else { left.next() }) {
            ("--quick", _) => {}
            ("--only" | "--runs", Some(value)) => passed_on.push(value.into()),
            // The load runs in the checkout, its caller perhaps elsewhere.
            ("--json", Some(file)) => {
                passed_on.push(std::path::absolute(file).with_context(|| format!("{file} is no file's name"))?);
            }
            _ => bail!(USAGE),
        }
    }
    screens::build(workspace)?;
    build_released(workspace, &["--package", "penstock"], "the program does not compile")?;
    let load = ["--package", "penstock-testkit", "--example", "ingest"];
    build_released(workspace, &load, "the load does not compile")?;
    let data = demo::data_folder("penstock-bench")?;
    let base = data.parent().context("the folder of data folders has no name")?;
    std::fs::create_dir_all(base).with_context(|| format!("the folder {} cannot be made", base.display()))?;
    let released = workspace.target.join("release");
    let status = workspace
        .command(released.join("examples/ingest"))
        .arg("--program")
        .arg(released.join("penstock"))
        .arg("--base")
        .arg(base)
        .args(passed_on)
        .status()
        .context("the load cannot be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The engine, trials, the journal and the start of a station that has it, then the panel of a station under load in a
/// browser; one document of both where one is asked for.
fn alarms(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    screens::build(workspace)?;
    build_released(workspace, &["--package", "penstock"], "the program does not compile")?;
    let program = workspace.target.join("release/penstock").display().to_string();
    let args: Vec<String> = ["--program".to_owned(), program].into_iter().chain(args.iter().cloned()).collect();
    let Some(at) = args.iter().position(|arg| arg == "--json") else {
        let ended = of_a_crate(workspace, "alarms", &args)?;
        let panel = ingest(workspace, &["--only", "panel"].map(str::to_owned))?;
        return Ok(if ended == ExitCode::SUCCESS { panel } else { ended });
    };
    let file = Path::new(args.get(at + 1).context("--json needs a file")?);
    let mut document = serde_json::Map::new();
    let mut outcome = ExitCode::SUCCESS;
    for part in ["alarms", "panel"] {
        // What is there is of another run.
        if file.symlink_metadata().is_ok_and(|found| found.is_file()) {
            std::fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
        let ended = match part {
            "alarms" => of_a_crate(workspace, part, &args)?,
            _ => ingest(workspace, &["--only", part, "--json", &file.display().to_string()].map(str::to_owned))?,
        };
        // What is missed is written all the same.
        if ended != ExitCode::SUCCESS {
            outcome = ended;
            if !file.is_file() {
                continue;
            }
        }
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let figures: Value = serde_json::from_str(&text).context("the figures are no JSON")?;
        document.insert(part.to_owned(), figures);
    }
    let text = serde_json::to_string_pretty(&document).context("the report cannot be written as JSON")?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    Ok(outcome)
}

/// Builds as [`crate::bundle`] does, so that what is measured is what is shipped.
fn build_released(workspace: &Workspace, what: &[&str], complaint: &str) -> anyhow::Result<()> {
    succeed(workspace.cargo().args(["build", "--release"]).args(what), complaint)
}

/// Runs `NAME` from whichever crate has it among its benches or examples, optimised.
fn of_a_crate(workspace: &Workspace, name: &str, args: &[String]) -> anyhow::Result<ExitCode> {
    let mut found = None;
    for crate_folder in std::fs::read_dir(workspace.path("crates")).context("crates cannot be listed")? {
        let folder = crate_folder.context("crates cannot be listed")?.path();
        for (kind, option) in [("benches", "--bench"), ("examples", "--example")] {
            let of_kind = folder.join(kind);
            if of_kind.join(format!("{name}.rs")).is_file() || of_kind.join(name).join("main.rs").is_file() {
                found = Some((folder.clone(), option));
            }
        }
    }
    let (folder, option) = found.with_context(|| format!("no crate has a benchmark called {name}"))?;
    let crate_name = folder.file_name().and_then(|name| name.to_str()).context("a crate without a name")?;
    let package = format!("penstock-{crate_name}");
    let mut cargo = workspace.cargo();
    match option {
        "--bench" => cargo.args(["bench", "--package", &package, "--bench", name]),
        _ => cargo.args(["run", "--release", "--package", &package, "--example", name]),
    };
    let status = cargo.arg("--").args(args).status().context("cargo cannot be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_folder_of_the_call() {
        let here = std::env::current_dir().expect("a folder").join("a").display().to_string();
        for flag in ["--json", "--folder", "--data", "--scores"] {
            let args = ["--samples", "10", flag, "a", flag, "/b"].map(str::to_owned);
            assert_eq!(from_here(&args).expect("paths"), ["--samples", "10", flag, &here, flag, "/b"]);
        }
    }

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "12 (a) b) S 1 2 3 0 -1 4194560 10 0 0 0 150 50 0 0 20 0 1 0 100";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_cpu_time("12 (a"), None);
    }
}
