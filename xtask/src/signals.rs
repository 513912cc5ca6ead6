//! Ctrl-C and its like as something to wait for, so that children are stopped in order.

use std::sync::mpsc::Sender;

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal};

/// From now on SIGINT, SIGTERM and SIGHUP end nothing by themselves: each is sent into `into` as `make` says.
///
/// To be called before any other thread starts, as threads inherit the mask. Children do not: the standard library
/// clears it for them.
pub(crate) fn forward<T: Send + 'static>(
    into: Sender<T>,
    make: impl Fn(Signal) -> T + Send + 'static,
) -> anyhow::Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("signals cannot be held back")?;
    std::thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            if into.send(make(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}
