//! The log on standard error, and the few words for the one who started the program.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the program speaks to the one who started it")]

use std::io::IsTerminal as _;

use penstock_station::notices::RecentLog;
use penstock_station::settings::{LogFormat, LogSettings};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Says something to the one who started the program.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Says why the program ends.
pub(crate) fn say_error(text: &str) {
    eprintln!("penstock: {text}");
}

/// Starts the log as the settings say, and keeps its newest warnings in `recent`.
///
/// # Errors
/// Where the level cannot be read.
pub(crate) fn start(settings: &LogSettings, recent: RecentLog) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .map_err(|error| anyhow::anyhow!("log.level {:?}: {error}; use for example info", settings.level))?;
    let registry = tracing_subscriber::registry().with(filter).with(recent);
    // Colours are for eyes: a file or a pipe gets plain text.
    let has_colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = tracing_subscriber::fmt::layer().with_ansi(has_colours).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Text => registry.with(layer.with_target(false)).try_init()?,
        LogFormat::Json => registry.with(layer.json()).try_init()?,
    }
    Ok(())
}
