//! `cargo xtask run`: from a fresh machine to the control room on the demo plant, and in order back.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::demo::{self, Options, Started};
use crate::packages::Need;
use crate::progress::{Plan, Step};
use crate::screens;
use crate::setup;
use crate::signals;
use crate::workspace::Workspace;

const BUILD: Step = Step { name: "build the programs", first_time: Duration::from_secs(14 * 60) };

struct Args {
    has_yes: bool,
    is_headless: bool,
    data: Option<PathBuf>,
    has_demo: bool,
}

impl Args {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut parsed = Self { has_yes: false, is_headless: false, data: None, has_demo: true };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--yes" => parsed.has_yes = true,
                "--headless" => parsed.is_headless = true,
                "--no-demo" => parsed.has_demo = false,
                "--data" => parsed.data = Some(args.next().context("--data needs a folder")?.into()),
                _ => bail!("usage: cargo xtask run [--yes] [--headless] [--data DIR] [--no-demo]"),
            }
        }
        Ok(parsed)
    }
}

/// `cargo xtask run`. Its exit code is the station's.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    let args = Args::parse(args)?;
    let needs = [Need::Build, Need::Run];
    let mut steps = setup::steps(&needs)?;
    steps.extend([screens::STEP, BUILD]);
    let mut plan = Plan::new(workspace, steps);
    setup::set_up(workspace, &mut plan, &needs, setup::is_agreed(args.has_yes))?;
    plan.step(screens::STEP.name, || screens::build(workspace))?;
    plan.step(BUILD.name, || build(workspace))?;

    let has_window = !args.is_headless && has_display();
    let default_name = if args.has_demo { "penstock-demo" } else { "penstock" };
    let data = match args.data {
        Some(folder) => std::path::absolute(folder).context("the data folder's path cannot be made absolute")?,
        None => demo::data_folder(default_name)?,
    };
    let options =
        Options { data, has_window, has_demo: args.has_demo, settings: Vec::new(), simulator: Vec::new(), log: None };

    let (sender, signals) = mpsc::channel();
    signals::forward(sender)?;
    println!("\nstarting the station; its data is in {}", options.data.display());
    match demo::start(workspace, &options, &signals)? {
        Started::Interrupted => Ok(ExitCode::SUCCESS),
        Started::Elsewhere(note) => {
            println!("\nPenstock runs already (process {}): {}", note.pid, note.address);
            Ok(ExitCode::SUCCESS)
        }
        Started::Attached(room) => {
            println!("\nPenstock runs already (process {}); this is a window on it", room.note.pid);
            room.stay(&signals)?;
            Ok(ExitCode::SUCCESS)
        }
        Started::Here(room) => {
            if has_window {
                println!("\nPenstock is open; Ctrl-C here stops it");
            } else {
                println!("\nPenstock runs: open {}\nCtrl-C here stops it", room.note.address);
            }
            match room.stay(&signals)? {
                Some(status) if !status.success() => bail!("the station ended: {status}"),
                _ => Ok(ExitCode::SUCCESS),
            }
        }
    }
}

/// Compiles what [`demo::start`] starts.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    let status = workspace
        .cargo()
        .args(["build", "--package", "penstock", "--package", "penstock-sim"])
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("the programs do not compile");
    }
    Ok(())
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
