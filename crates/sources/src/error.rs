//! What can go wrong with settings and with the private broker; what goes wrong with a connection is a
//! [`Problem`](crate::Problem) in its state.

use std::path::PathBuf;

/// A failure that names the thing and the cure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot work.
    #[error("setting {key} of source {source_name:?} is wrong: {cure}")]
    Setting {
        /// Name of the source.
        source_name: String,
        /// The setting's key.
        key: &'static str,
        /// What is wrong and what to do.
        cure: String,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers for a password: {0}")]
    Random(String),
    /// A program of the broker's package is missing.
    #[error("{program} is not installed: install it with `apt-get install mosquitto`")]
    Missing {
        /// The program looked for.
        program: &'static str,
    },
    /// A file or folder of the broker could not be used.
    #[error("cannot {action} {}: {cause}; make the folder writable for this user", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The path it was tried on.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// Another station supervises the broker of this folder.
    #[error("broker folder {} is in use by another station: close that one, or choose another data folder", .0.display())]
    InUse(PathBuf),
    /// The broker's programs ran and failed.
    #[error("{program} failed: {cause}")]
    Program {
        /// The program.
        program: &'static str,
        /// What it said.
        cause: String,
    },
    /// No port of the private broker's range is free.
    #[error("no port between {first} and {last} is free on loopback for the private broker: free one of them")]
    NoPort {
        /// First port tried.
        first: u16,
        /// Last port tried.
        last: u16,
    },
    /// The broker runs and does not take connections in time.
    #[error("the private broker does not answer on port {port}: {cause}; its log is {}", log.display())]
    Silent {
        /// The port it should answer on.
        port: u16,
        /// The last failure.
        cause: String,
        /// Where to read more.
        log: PathBuf,
    },
}
