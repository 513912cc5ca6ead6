//! What can go wrong with the database, and what to do about it. The one place that reads SQLSTATE codes.

use std::path::PathBuf;
use std::time::Duration;

use penstock_model::RuleId;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

/// A failed operation of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program or extension that the system's packages provide is not installed.
    #[error("{what} is not installed: run `{cure}`")]
    Missing {
        /// What is missing.
        what: String,
        /// The command that installs it.
        cure: String,
    },
    /// The data folder cannot be entered by the account that PostgreSQL runs as.
    #[error(
        "folder {} cannot be entered by the system user {account}, which PostgreSQL runs as: \
         keep the station's data under /var/lib, or run `chmod o+x {}`",
        .folder.display(), .folder.display()
    )]
    Unreachable {
        /// The first folder on the way that is closed.
        folder: PathBuf,
        /// The account.
        account: String,
    },
    /// A file or folder of the cluster could not be read or written.
    #[error("cannot {doing} {}: check its owner, its mode and the free space", .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed for {}: {output}", .folder.display())]
    Program {
        /// The program.
        program: String,
        /// The cluster's folder.
        folder: PathBuf,
        /// The last it said.
        output: String,
    },
    /// A program of PostgreSQL was ended from outside, for example by a system that is out of memory.
    #[error("{program} was killed in {}: see whether memory runs short", .folder.display())]
    Killed {
        /// The program.
        program: String,
        /// The cluster's folder.
        folder: PathBuf,
    },
    /// PostgreSQL runs in the data folder but does not answer.
    #[error(
        "PostgreSQL (process {pid}) runs in {} but does not answer: look at the log folder there, \
         or end it with `kill -INT {pid}` and start again",
        .folder.display()
    )]
    Unanswered {
        /// Its process id.
        pid: i32,
        /// Its data folder.
        folder: PathBuf,
    },
    /// The database cannot be reached at the moment.
    #[error("the database does not answer ({0}): try again in a moment, Station health says how it fares")]
    Unavailable(#[source] sqlx::Error),
    /// A screen has waited for so long and was not answered.
    #[error(
        "the database, or the archive behind it, did not answer within {} s: try again, ask for less at once, or see \
         Station health",
        .0.as_secs()
    )]
    Late(Duration),
    /// The disk under the database is full.
    #[error("the disk under the database is full: free space on it, recording goes on by itself")]
    DiskFull(#[source] sqlx::Error),
    /// Something of the same name, id or address exists.
    #[error("{what} exists already: choose another, or change the one that is there")]
    Exists {
        /// What exists.
        what: String,
    },
    /// Something refers to what does not exist, or is still referred to.
    #[error("{what} refers to something that does not exist: save that first, or correct the reference")]
    Dangling {
        /// What refers.
        what: String,
    },
    /// A value breaks a rule of the database.
    #[error("the database refuses this: {why}")]
    Refused {
        /// The rule, in the database's words.
        why: String,
    },
    /// Somebody else changed it meanwhile.
    #[error("{what} was changed meanwhile: load it again and repeat the change")]
    Changed {
        /// What was changed.
        what: String,
    },
    /// Rules were changed since somebody looked at them.
    #[error("{} of the alarm rules were changed meanwhile: look at them again and repeat the change", .rules.len())]
    RulesChanged {
        /// Which.
        rules: Vec<RuleId>,
    },
    /// It is not there.
    #[error("{what} does not exist: load the list again")]
    NotFound {
        /// What is missing.
        what: String,
    },
    /// A stored row does not read back as what it should be.
    #[error("stored {what} cannot be read: {why}; restore it from a backup, or correct it by hand")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// Why it cannot be.
        why: String,
    },
    /// The database's tables are of another version of Penstock, or could not be brought to this one.
    #[error(
        "the database's tables cannot be brought to this version ({0}): start the newest Penstock that has used this \
         data, or restore a backup"
    )]
    Migration(#[source] MigrateError),
    /// The archive of old samples could not be read or written.
    #[error(transparent)]
    Archive(#[from] penstock_archive::Error),
    /// Anything else that PostgreSQL or the connection reports.
    #[error("the database reports an error: {0}")]
    Database(#[source] sqlx::Error),
}

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether the same call may succeed later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::Late(_)
            | Self::DiskFull(_)
            | Self::Killed { .. }
            | Self::Unanswered { .. } => true,
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            // PostgreSQL's word for it; its programs are run without a language of their own.
            Self::Program { output, .. } => {
                // The second where a killed server's process is not yet gone.
                let lock_held = output.contains("lock file") && output.contains("already exists");
                lock_held || output.contains("No space left on device")
            }
            _ => false,
        }
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn unreadable(what: &'static str) -> impl FnOnce(&dyn std::fmt::Display) -> Self {
        move |why| Self::Unreadable { what, why: why.to_string() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Protocol(text) if text.contains("EOF") => Self::Unavailable(error),
            sqlx::Error::Database(database) => match from_state(&**database) {
                State::Unavailable => Self::Unavailable(error),
                State::DiskFull => Self::DiskFull(error),
                State::Other => Self::Database(error),
                State::Domain(domain) => domain,
            },
            _ => Self::Database(error),
        }
    }
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => Self::from(error),
            MigrateError::ExecuteMigration(error, version) => match Self::from(error) {
                error if error.is_transient() => error,
                Self::Database(error) => Self::Migration(MigrateError::ExecuteMigration(error, version)),
                other => Self::Migration(MigrateError::Source(format!("migration {version}: {other}").into())),
            },
            other => Self::Migration(other),
        }
    }
}

enum State {
    Unavailable,
    DiskFull,
    Domain(Error),
    Other,
}

/// Maps SQLSTATE (PostgreSQL manual, appendix A) to what it means here.
fn from_state(error: &dyn DatabaseError) -> State {
    let code = error.code().unwrap_or_default();
    let subject = || match (error.table(), error.constraint()) {
        (_, Some("points_address")) => "a point with this source and address".to_owned(),
        (_, Some("people_name")) => "a person with this name".to_owned(),
        (_, Some("operator_positions_name")) => "a position with this name".to_owned(),
        (Some(table), Some(constraint)) => format!("{table} entry ({constraint})"),
        _ => error.message().to_owned(),
    };
    match &*code {
        "23505" | "42P04" => State::Domain(Error::Exists { what: subject() }),
        "23503" => State::Domain(Error::Dangling { what: subject() }),
        // Restrict (also raised by tables that keep what was written), not null, check, bad text, null character.
        "23001" | "23502" | "23514" | "22P02" | "22P05" | "22021" | "22003" => {
            State::Domain(Error::Refused { why: error.message().to_owned() })
        }
        "53100" => State::DiskFull,
        // A partition that retention has dropped since it was looked up; a lock that was not to be had in time;
        // serialisation failure and deadlock; too many connections and out of memory; a statement that took longer than
        // its session allows; an administrator or a crash ended the session; starting up or shutting down; connection
        // exceptions.
        "42P01" | "55P03" | "40001" | "40P01" | "53200" | "53300" | "57014" | "57P01" | "57P02" | "57P03" => {
            State::Unavailable
        }
        _ if code.starts_with("08") => State::Unavailable,
        _ => State::Other,
    }
}
