//! `cargo xtask setup`: from a machine with Rust and a C compiler to one that builds, runs and tests Penstock.
//!
//! Repeatable: what is there is left alone. Only what the command at hand needs is asked for.

use std::io::IsTerminal as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::packages::{self, Need};
use crate::progress::{Plan, Step};
use crate::wasm;
use crate::workspace::{Workspace, has_program};

/// The workspace's `rust-version`.
pub(crate) const OLDEST_RUSTC: (u32, u32) = (1, 95);

pub(crate) const TOOLS: Step = Step { name: "check the compilers", first_time: Duration::from_secs(1) };
pub(crate) const PACKAGES: Step = Step { name: "install system packages", first_time: Duration::from_secs(90) };
pub(crate) const WASM: Step = Step { name: "get the wasm target", first_time: Duration::from_secs(60) };

/// `cargo xtask setup [--yes]`: everything, also what only the tests need.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<()> {
    let is_agreed = match args {
        [] => is_agreed(false),
        [flag] if flag == "--yes" => is_agreed(true),
        _ => bail!("usage: cargo xtask setup [--yes]"),
    };
    let mut plan = Plan::new(workspace, steps(&[Need::Build, Need::Run, Need::Test])?);
    set_up(workspace, &mut plan, &[Need::Build, Need::Run, Need::Test], is_agreed)?;
    println!("\nReady: `cargo xtask run` opens the control room, `cargo xtask test` checks everything.");
    Ok(())
}

/// Whether a person need not be asked: they said so, or nobody is there.
pub(crate) fn is_agreed(has_yes: bool) -> bool {
    has_yes || !std::io::stdin().is_terminal()
}

/// The steps that [`set_up`] will take, for a plan of one's own.
pub(crate) fn steps(needs: &[Need]) -> anyhow::Result<Vec<Step>> {
    let mut steps = vec![TOOLS];
    if !packages::missing(needs)?.is_empty() {
        steps.push(PACKAGES);
    }
    steps.push(WASM);
    Ok(steps)
}

/// Sets up what `needs` asks for; takes the steps of [`steps`].
pub(crate) fn set_up(workspace: &Workspace, plan: &mut Plan, needs: &[Need], is_agreed: bool) -> anyhow::Result<()> {
    plan.step(TOOLS.name, || check_compilers(workspace))?;
    let missing = packages::missing(needs)?;
    if !missing.is_empty() {
        plan.step(PACKAGES.name, || packages::install(workspace, &missing, is_agreed))?;
    }
    plan.step(WASM.name, || {
        let toolchain = wasm::set_up(workspace, is_agreed, needs.contains(&Need::Test))?;
        println!(
            "   the screens are compiled by {}",
            match toolchain {
                wasm::Toolchain::Own => "the toolchain in use",
                wasm::Toolchain::Debian => "Debian's own rustc, beside the toolchain in use",
            }
        );
        Ok(())
    })
}

fn check_compilers(workspace: &Workspace) -> anyhow::Result<()> {
    let version = rustc_version(workspace.command("rustc").get_program().to_string_lossy().as_ref())?;
    if version < OLDEST_RUSTC {
        bail!(
            "rustc is {}.{}, Penstock needs {}.{} or newer: `rustup update stable`, or https://rustup.rs where rustc came \
             from the distribution",
            version.0,
            version.1,
            OLDEST_RUSTC.0,
            OLDEST_RUSTC.1
        );
    }
    if !has_program("cc") {
        bail!("no C compiler: `sudo apt-get install gcc libc6-dev`");
    }
    println!("   rustc {}.{}, a C compiler", version.0, version.1);
    Ok(())
}

/// Major and minor of a compiler.
pub(crate) fn rustc_version(program: &str) -> anyhow::Result<(u32, u32)> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("{program} cannot be started: install Rust with https://rustup.rs"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    parse_version(&text).with_context(|| format!("{program} says `{}` of its version", text.trim()))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_states_its_version() {
        assert_eq!(parse_version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(parse_version("rustc 1.63.0"), Some((1, 63)));
        assert_eq!(parse_version("command not found"), None);
    }

    #[test]
    fn the_workspace_asks_for_the_compiler_that_is_checked() {
        let manifest = include_str!("../../Cargo.toml");
        let (major, minor) = OLDEST_RUSTC;
        assert!(manifest.contains(&format!("rust-version = \"{major}.{minor}\"")), "Cargo.toml asks for another rustc");
    }
}
