//! Ctrl-C and its like as something to wait for, so that children are stopped in order.

use std::sync::mpsc::Sender;

use anyhow::Context as _;
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// From now on SIGINT, SIGTERM and SIGHUP end nothing by themselves: each is sent into `into`.
///
/// By handlers, not by a mask: a mask would pass on to children, which could not be asked to end any more.
pub(crate) fn forward(into: Sender<Signal>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be listened for")?;
    std::thread::spawn(move || {
        let named = signals.forever().filter_map(|number| Signal::try_from(number).ok());
        for signal in named {
            if into.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc;
    use std::time::Duration;

    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::*;

    #[test]
    fn a_signal_is_told_and_children_still_end_by_it() -> anyhow::Result<()> {
        let (sender, signals) = mpsc::channel();
        forward(sender)?;
        kill(Pid::this(), Signal::SIGTERM)?;
        assert_eq!(signals.recv_timeout(Duration::from_secs(10))?, Signal::SIGTERM);

        let mut child = Command::new("sleep").arg("1000").spawn()?;
        kill(Pid::from_raw(child.id().try_into()?), Signal::SIGTERM)?;
        assert!(!child.wait()?.success());
        Ok(())
    }
}
