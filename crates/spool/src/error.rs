//! What can go wrong with the spool.

use std::io;
use std::path::PathBuf;

/// Why the spool could not do what was asked. After any of these it is consistent, and works again once the cause is
/// gone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory belongs to another process, or is open a second time in this one.
    #[error("spool {} is in use by process {holder}: stop that one, or give this station a directory of its own", dir.display())]
    Locked {
        /// The spool's directory.
        dir: PathBuf,
        /// The process that holds it, as it wrote itself down.
        holder: String,
    },
    /// The bound is reached. Nothing of the batch was kept.
    #[error(
        "spool is full: {used_bytes} of {bound_bytes} bytes wait for the database and {wanted_bytes} more do not fit: \
         get the database running again, or raise the spool's bound"
    )]
    Full {
        /// Bytes on disk now.
        used_bytes: u64,
        /// The bound that this kind of record has to keep.
        bound_bytes: u64,
        /// What the batch would have added.
        wanted_bytes: u64,
    },
    /// A batch that would not fit an empty spool, or a record beyond [`crate::MAX_PAYLOAD_BYTES`].
    #[error("batch of {bytes} bytes can never fit within {limit_bytes}: split it, or raise the spool's bound")]
    TooLarge {
        /// Size of the batch or record.
        bytes: u64,
        /// What is allowed.
        limit_bytes: u64,
    },
    /// Options that contradict one another.
    #[error("spool options do not fit together: {0}")]
    Options(&'static str),
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Makes an [`Error::Io`] out of what the system said.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
