//! `cargo xtask shots`: a picture of every screen, both themes, of a plant with a week behind it and a burst under way.

use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use crate::demo::{self, Options, Room, Started};
use crate::progress::{Plan, Step};
use crate::workspace::{Workspace, succeed};
use crate::{run, screens, signals};

const BUILD: Step = Step { name: "build the programs", first_time: Duration::from_secs(14 * 60) };
const START: Step = Step { name: "fill a week of the demo plant", first_time: Duration::from_secs(90) };
const BURST: Step = Step { name: "let a burst show", first_time: Duration::from_secs(60) };
const PICTURES: Step = Step { name: "take the pictures", first_time: Duration::from_secs(150) };

/// How long the past may take to be published.
const PAST: Duration = Duration::from_secs(300);
/// What alarms of a burst need to come up.
const BURST_TIME: Duration = Duration::from_secs(60);

/// `cargo xtask shots`: writes `target/shots/*.png` in the checkout.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    if !args.is_empty() {
        bail!("usage: cargo xtask shots");
    }
    let mut plan = Plan::new(workspace, vec![screens::STEP, BUILD, START, BURST, PICTURES]);
    plan.step(screens::STEP.name, || screens::build(workspace))?;
    plan.step(BUILD.name, || {
        run::build(workspace)?;
        build_example(workspace, "shots")
    })?;
    let (sender, signals) = mpsc::channel();
    signals::forward(sender)?;

    let options = scratch_options(workspace, "penstock-shots")?;
    let outcome = photograph(workspace, &mut plan, &options, &signals);
    std::fs::remove_dir_all(&options.data)
        .with_context(|| format!("the scratch folder {} cannot be removed", options.data.display()))?;
    outcome?;
    println!("\npictures: {}", workspace.path("target/shots").display());
    Ok(ExitCode::SUCCESS)
}

fn photograph(
    workspace: &Workspace,
    plan: &mut Plan,
    options: &Options,
    signals: &Receiver<Signal>,
) -> anyhow::Result<()> {
    let mut room = plan.step(START.name, || filled(workspace, options, signals))?;
    plan.step(BURST.name, || {
        let mut event = workspace.command(workspace.program("penstock-sim"));
        event.args(["event", "burst", "--control"]).arg(options.data.join("simulator.sock"));
        succeed(&mut event, "the simulator takes no event")?;
        demo::wait(BURST_TIME, signals)
    })?;
    plan.step(PICTURES.name, || {
        let mut shots = workspace.command(workspace.program("examples/shots"));
        succeed(shots.arg(&room.note.address).arg(workspace.path("target/shots")), "the pictures were not taken")
    })?;
    room.stop(signals)
}

/// A data folder for this run alone, a free port, and one known plant.
pub(crate) fn scratch_options(workspace: &Workspace, name: &str) -> anyhow::Result<Options> {
    let data = demo::data_folder(&format!("{name}-{}", std::process::id()))?;
    let control = data.join("simulator.sock").display().to_string();
    Ok(Options {
        data,
        has_window: false,
        has_demo: true,
        settings: vec![("PENSTOCK_GATEWAY__LISTEN".to_owned(), "127.0.0.1:0".to_owned())],
        simulator: ["--seed", "1", "--control", &control].map(str::to_owned).to_vec(),
        log: Some(workspace.scratch()?),
    })
}

/// A started room whose past is published.
pub(crate) fn filled(
    workspace: &Workspace,
    options: &Options,
    signals: &Receiver<Signal>,
) -> anyhow::Result<Box<Room>> {
    let room = match demo::start(workspace, options, signals)? {
        Started::Here(room) => room,
        Started::Attached(_) | Started::Elsewhere(_) => bail!("a station runs on the scratch folder already"),
        Started::Interrupted => bail!("interrupted"),
    };
    let state = options.data.join(demo::SIMULATOR_STATE);
    let start = Instant::now();
    while !state.exists() {
        if start.elapsed() > PAST {
            bail!("the past was not published within {} s; see simulator.log in {:?}", PAST.as_secs(), options.log);
        }
        demo::wait(Duration::from_millis(200), signals)?;
    }
    Ok(room)
}

/// Compiles one of the test kit's programs.
pub(crate) fn build_example(workspace: &Workspace, name: &str) -> anyhow::Result<()> {
    let mut cargo = workspace.cargo();
    succeed(
        cargo.args(["build", "--package", "penstock-testkit", "--example", name]),
        "the program that drives the screens does not compile",
    )
}
