//! What can go wrong in the simulator.

use std::path::PathBuf;

/// What can go wrong in the simulator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A kind of event that does not exist.
    #[error("event {given:?} is not known: use one of {known}")]
    Kind {
        /// As given.
        given: String,
        /// The known ones, comma separated.
        known: String,
    },
    /// A place that does not exist or does not suit the event.
    #[error("there is no {wanted} {given:?}: use one of {known}")]
    Place {
        /// What was looked for.
        wanted: &'static str,
        /// As given.
        given: String,
        /// The known ones, comma separated.
        known: String,
    },
    /// A duration that cannot be read.
    #[error("duration {0:?} is not understood: write for example 90s, 10m, 6h or 7d")]
    Duration(String),
    /// An option of the command line that cannot be read.
    #[error("{0}")]
    Usage(String),
    /// A script that cannot be read.
    #[error("script {path} line {line}: {why}")]
    Script {
        /// The script.
        path: PathBuf,
        /// The line in it, from 1.
        line: usize,
        /// What is wrong with the line.
        why: String,
    },
    /// A recording that cannot be played.
    #[error("recording {path}: {why}")]
    Recording {
        /// The recording.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file that cannot be read or written.
    #[error("{what} {path}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A running simulator that cannot be reached.
    #[error("no simulator answers at {path}: start one with `penstock-sim run --control {path}` ({source})")]
    Control {
        /// The socket.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A running simulator refused.
    #[error("the simulator refused: {0}")]
    Refused(String),
    /// A broker that refused the name or password.
    #[error("broker {address} refused the connection: check --user and PENSTOCK_SIM_PASSWORD ({why})")]
    Broker {
        /// Host and port.
        address: String,
        /// Why.
        why: String,
    },
    /// A value that breaks an invariant of the plant's types.
    #[error(transparent)]
    Model(#[from] penstock_model::Error),
    /// Text that is not the JSON it should be.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}
