//! `cargo xtask`: sets a machine up, runs, tests, measures and photographs Penstock, and keeps the tree tidy.
//!
//! Depends on next to nothing, so that its first question comes within seconds of a fresh clone. Must not know what a
//! station or a screen does: it builds and starts the programs, and reads the one file in which they say where they are.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its standard streams")]

mod bench;
mod bundle;
mod checks;
mod demo;
mod fingerprint;
mod fuzz;
mod packages;
mod progress;
mod run;
mod screens;
mod setup;
mod shots;
mod signals;
mod tidy;
mod wasm;
mod workspace;

use std::process::ExitCode;

use crate::workspace::Workspace;

const USAGE: &str = "\
cargo xtask COMMAND

  setup [--yes]          install what building, running and testing needs
  run [--yes] [--headless] [--data DIR] [--no-demo]
                         set up, build and open the control room on the demo plant
  test [--quick]         everything CI runs; --quick leaves out the screens and the journeys through them
  ui                     build the screens into ui/dist
  bench start [--json FILE]
                         time to the first live value, memory, CPU
  bench ingest [--json FILE] [--only PART,PART] [--quick]
                         throughput, latency, a frozen database and memory, each beside its ceiling
  bench history [--json FILE] [--samples N] [--folder FOLDER]
                         how fast 50,000,000 stored samples answer, and what they take on disk
  bench alarms [--json FILE] [--days N] [--rows N]
                         how fast alarms are evaluated, a rule is tried on a month, 1,500,000 entries are searched, and
                         the station starts with them
  bench anomaly --data DIR [--scores OUT] [--json FILE]
                         what the detectors find on labelled recordings and on the demo town, and what they cost
  bench NAME [ARG]...    run the benchmark NAME of whichever crate has it
  fuzz [TARGET] [--secs N]
                         the decoders' fuzz targets, each for N seconds (30), with the compiler in use
  bundle                 the Debian package, optimised, and a try whether it starts
  shots                  a picture of every screen into target/shots
  tidy                   check what the compiler does not: documentation, manifests, arrows between crates
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, args)) = args.split_first() else {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    let workspace = Workspace::find()?;
    match command.as_str() {
        "setup" => setup::command(&workspace, args)?,
        "run" => return run::command(&workspace, args),
        "test" => return checks::command(&workspace, args),
        "bench" => return bench::command(&workspace, args),
        "fuzz" => return fuzz::command(&workspace, args),
        "bundle" => return bundle::command(&workspace, args),
        "shots" => return shots::command(&workspace, args),
        "ui" => screens::command(&workspace, args)?,
        "tidy" => tidy::command(&workspace, args)?,
        "help" | "-h" | "--help" => print!("{USAGE}"),
        other => anyhow::bail!("no command `{other}`\n\n{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}
