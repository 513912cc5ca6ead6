//! Penstock's program: the control room in a window, or without one as a service that browsers reach on loopback.
//!
//! Starts the station, shows it, stops it. Must not know business rules.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod command_line;
mod host;
mod logs;
mod window;

use std::process::ExitCode;

use command_line::{CommandLine, Mode};
use host::Host;

fn main() -> ExitCode {
    let command_line = match CommandLine::read(std::env::args().skip(1)) {
        Ok(Some(command_line)) => command_line,
        Ok(None) => return ExitCode::SUCCESS,
        Err(problem) => {
            logs::say_error(&problem);
            return ExitCode::from(2);
        }
    };
    match run(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logs::say_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command_line: CommandLine) -> anyhow::Result<()> {
    let data = command_line.data()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("penstock").build()?;
    // The first on this data hosts the station; a later one shows it.
    let turn = match host::who(&data) {
        Host::Here(turn) => turn,
        Host::Elsewhere(running) if running.address.is_empty() => {
            anyhow::bail!("another process is starting the station on {}: try again in a moment", data.display())
        }
        Host::Elsewhere(running) => {
            return match command_line.mode() {
                Mode::Window => window::attach(&running),
                Mode::Headless => {
                    logs::say(&format!("Penstock runs already (process {}): open {}", running.pid, running.address));
                    Ok(())
                }
            };
        }
    };
    let (settings, log) = host::prepare(&data)?;
    let mode = command_line.mode();
    match mode {
        Mode::Headless => runtime.block_on(host::serve(data, settings, log, turn)),
        Mode::Window => window::host(&runtime, data, settings, log, turn),
    }
}
