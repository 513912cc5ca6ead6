//! `cargo xtask test`: everything CI runs, in the order in which a mistake is cheapest to find.
//!
//! The tests themselves come last, so that what they say of themselves is the last thing on the screen.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::progress::{Plan, Step};
use crate::screens;
use crate::tidy;
use crate::wasm::Toolchain;
use crate::workspace::{Workspace, has_program, succeed};

const TIDY: Step = Step { name: "tidy", first_time: Duration::from_secs(1) };
const FORMAT: Step = Step { name: "formatting", first_time: Duration::from_secs(5) };
const CLIPPY: Step = Step { name: "clippy", first_time: Duration::from_secs(8 * 60) };
const CLIPPY_SCREENS: Step = Step { name: "clippy of the screens", first_time: Duration::from_secs(5 * 60) };
const DENY: Step = Step { name: "licences, bans and sources", first_time: Duration::from_secs(10) };
const DOC_TESTS: Step = Step { name: "examples in the documentation", first_time: Duration::from_secs(60) };
const TESTS: Step = Step { name: "tests", first_time: Duration::from_secs(25 * 60) };

/// `cargo xtask test [--quick]`. The code is that of the tests where they are what failed.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    let is_quick = match args {
        [] => false,
        [flag] if flag == "--quick" => true,
        _ => bail!("usage: cargo xtask test [--quick]"),
    };
    let mut steps = vec![TIDY, FORMAT];
    if !is_quick {
        Toolchain::require(workspace)?;
        steps.push(screens::STEP);
    }
    steps.push(CLIPPY);
    if !is_quick {
        steps.extend([CLIPPY_SCREENS, DENY]);
    }
    steps.extend([DOC_TESTS, TESTS]);
    let mut plan = Plan::new(workspace, steps);
    let mut passed = Vec::new();
    let mut unchecked = Vec::new();

    plan.step(TIDY.name, || tidy::check(workspace))?;
    passed.push(TIDY.name);
    plan.step(FORMAT.name, || {
        succeed(workspace.cargo().args(["fmt", "--all", "--check"]), "`cargo fmt` has something to change")
    })?;
    passed.push(FORMAT.name);
    if !is_quick {
        plan.step(screens::STEP.name, || screens::build(workspace))?;
        passed.push(screens::STEP.name);
    }
    plan.step(CLIPPY.name, || clippy(workspace, is_quick))?;
    passed.push(CLIPPY.name);
    if !is_quick {
        match plan.step(CLIPPY_SCREENS.name, || clippy_screens(workspace))? {
            Outcome::Passed => passed.push(CLIPPY_SCREENS.name),
            Outcome::NotChecked(why) => unchecked.push(format!("{}: {why}", CLIPPY_SCREENS.name)),
        }
        match plan.step(DENY.name, || deny(workspace))? {
            Outcome::Passed => passed.push(DENY.name),
            Outcome::NotChecked(why) => unchecked.push(format!("{}: {why}", DENY.name)),
        }
    }
    plan.step(DOC_TESTS.name, || {
        let mut cargo = workspace.cargo();
        // The same packages as the tests: with others, cargo would choose other features and compile everything twice.
        cargo.args(["test", "--doc", "--workspace"]).args(without(is_quick, true));
        succeed(&mut cargo, "an example in the documentation fails")
    })?;
    passed.push(DOC_TESTS.name);

    plan.last_step(TESTS.name, || {
        println!("\npassed so far: {}", passed.join(", "));
        for line in &unchecked {
            println!("not checked:   {line}");
        }
        println!("now the tests, journeys through window and browser included\n");
        tests(workspace, is_quick)
    })
}

/// What a check that needs a tool of its own came to.
enum Outcome {
    Passed,
    NotChecked(String),
}

/// What a native build leaves out: the tool that binds the screens, and in a quick run the shell, which embeds the built
/// screens. The screens themselves run in a browser; natively only their tests do.
fn without(is_quick: bool, with_screens: bool) -> Vec<&'static str> {
    let mut packages = vec!["penstock-bindgen"];
    if is_quick || !with_screens {
        packages.push("penstock-ui");
    }
    if is_quick {
        packages.push("penstock");
    }
    packages.into_iter().flat_map(|package| ["--exclude", package]).collect()
}

fn clippy(workspace: &Workspace, is_quick: bool) -> anyhow::Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["clippy", "--workspace", "--all-targets"])
        .args(without(is_quick, false))
        .args(["--", "-D", "warnings"]);
    succeed(&mut cargo, "clippy has something to say")
}

fn clippy_screens(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let toolchain = Toolchain::require(workspace)?;
    if !toolchain.has_clippy() {
        return Ok(Outcome::NotChecked("Debian's clippy is missing, `cargo xtask setup` installs it".to_owned()));
    }
    let mut cargo = toolchain.cargo(workspace, "clippy");
    cargo.args(["--package", "penstock-ui", "--profile", "ui", "--", "-D", "warnings"]);
    succeed(&mut cargo, "clippy has something to say about the screens")?;
    Ok(Outcome::Passed)
}

/// What can be checked with nothing but the lock file and the sources. The advisories need their database from the
/// internet: a run without it says so.
fn deny(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !has_program("cargo-deny") {
        return Ok(Outcome::NotChecked("cargo-deny is not installed (`cargo install --locked cargo-deny`)".to_owned()));
    }
    let mut cargo = workspace.cargo();
    succeed(cargo.args(["deny", "check", "bans", "licenses", "sources"]), "cargo-deny has something to say")?;
    let advisories = workspace.cargo().args(["deny", "check", "advisories"]).output();
    let output = advisories.context("cargo-deny cannot be started")?;
    if output.status.success() {
        return Ok(Outcome::Passed);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if complaint.contains("failed to fetch advisory database") {
        return Ok(Outcome::NotChecked("advisories, as their database cannot be reached (the rest passed)".to_owned()));
    }
    bail!("cargo-deny found an advisory:\n{complaint}");
}

fn tests(workspace: &Workspace, is_quick: bool) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace.cargo();
    if has_program("cargo-nextest") {
        cargo.args(["nextest", "run", "--no-fail-fast", "--workspace"]);
    } else {
        println!("(cargo-nextest is not installed: `cargo test` does the same, only slower)\n");
        cargo.args(["test", "--no-fail-fast", "--workspace", "--lib", "--bins", "--tests"]);
    }
    let status = cargo.args(without(is_quick, true)).status().context("cargo cannot be started")?;
    // What failed was said by the tests themselves; an error of this program would push it off the screen.
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
