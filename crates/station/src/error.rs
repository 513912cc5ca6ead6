//! Why a station cannot start or go on.

/// Why a station cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be used.
    #[error("{file}: {key}: {problem}")]
    Setting {
        /// The file, or `environment`.
        file: String,
        /// The setting, for example `gateway.listen`.
        key: String,
        /// What is wrong with it and how to mend it.
        problem: String,
    },
    /// A file or folder that cannot be read or written.
    #[error("{what} {path}: {source}; check that it exists and that this user may use it")]
    File {
        /// What it is to the station.
        what: &'static str,
        /// Where.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another station already runs on this data.
    #[error("a station already runs on {data} (process {pid}, {address})")]
    Running {
        /// The data folder.
        data: String,
        /// Its process.
        pid: u32,
        /// Where its screens are.
        address: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] penstock_store::Error),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] penstock_spool::Error),
    /// A way in, or the private broker.
    #[error(transparent)]
    Source(#[from] penstock_sources::Error),
    /// The plant file that a first start imports.
    #[error("plant file {path}: {problem}")]
    PlantFile {
        /// Where.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A topic pattern of a broker.
    #[error("broker {broker}: {problem}")]
    Route {
        /// The broker's name.
        broker: String,
        /// What is wrong with the pattern.
        problem: String,
    },
    /// A secret.
    #[error(transparent)]
    Secret(#[from] crate::secrets::SecretError),
    /// It was told to stop while it waited for its database.
    #[error("the station was stopped while it waited for its database, and had not started yet")]
    Interrupted,
    /// A part could not be set up.
    #[error("a part of the station could not be set up: {0}; see the log")]
    SetUp(String),
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { what, path: path.display().to_string(), source }
    }
}
