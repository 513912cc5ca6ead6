//! What can go wrong with files of samples and where they are kept.

use penstock_model::{PointNo, Timestamp};

use crate::Month;

/// Why a file could not be written, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive's place or what belongs to it cannot be understood.
    #[error("the archive's place {place:?} cannot be used: {cure}")]
    Settings {
        /// As it was given.
        place: String,
        /// What is wrong and what helps.
        cure: String,
    },
    /// The folder or the store refused.
    #[error("cannot {action} {place}: {source}; {cure}")]
    Store {
        /// What was tried.
        action: &'static str,
        /// On which place or file in it.
        place: String,
        /// What the place said.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What helps.
        cure: &'static str,
    },
    /// A file is not in the archive.
    #[error("there is no {file} in the archive {place}: list the archive again")]
    Missing {
        /// The file's name.
        file: String,
        /// The archive.
        place: String,
    },
    /// Another file has the name that a new one was to have.
    #[error("there is a {file} in the archive {place} already: ask it for a free name and put the samples there")]
    Taken {
        /// The file's name.
        file: String,
        /// The archive.
        place: String,
    },
    /// A file that was cut, changed, or never was one of samples.
    #[error("{file} is not a whole file of samples ({reason}): bring it back from a copy, or remove it")]
    Damaged {
        /// The file.
        file: String,
        /// What does not fit.
        reason: String,
    },
    /// What was kept is not what was sent. It has been removed again.
    #[error("{place} did not keep {file} as it was sent ({difference}): check the disk or the store, then try again")]
    NotKept {
        /// The archive.
        place: String,
        /// The file's name.
        file: String,
        /// What differs.
        difference: String,
    },
    /// A month without samples makes no file.
    #[error("there are no samples of {month}: nothing is archived")]
    Empty {
        /// The month.
        month: Month,
    },
    /// A sample that does not follow the one before it.
    #[error(
        "sample of point {} at {at} comes after point {} at {after_at}: \
         samples go into a file by point, then time, each once",
        point.0, after.0
    )]
    Order {
        /// Its point.
        point: PointNo,
        /// Its source time.
        at: Timestamp,
        /// The point of the one before.
        after: PointNo,
        /// The source time of the one before.
        after_at: Timestamp,
    },
    /// A sample that does not belong into the month's file.
    #[error("sample of point {} at {at} is not of {month}: give each month its own file", point.0)]
    OtherMonth {
        /// Its point.
        point: PointNo,
        /// Its source time.
        at: Timestamp,
        /// The month.
        month: Month,
    },
    /// A row names a column that is not there.
    #[error("row of column {index}, but there are {known} columns: name every point of the file ahead")]
    NoColumn {
        /// The index that was given.
        index: usize,
        /// How many columns there are.
        known: usize,
    },
    /// The file that is written cannot be written.
    #[error("cannot write the file: {0}; see that there is room and that it may be written")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Whoever gives the samples could not.
    #[error("cannot get the samples to archive: {0}")]
    Input(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The work on a file ended before its time.
    #[error("the work on {file} was broken off: {reason}; try again")]
    BrokenOff {
        /// The file.
        file: String,
        /// What is known.
        reason: String,
    },
}

impl Error {
    /// Makes an [`Error::Write`] out of what the writer said.
    pub(crate) fn write(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Write(source.into())
    }

    /// Makes an [`Error::Damaged`] out of what the reader said.
    pub(crate) fn damaged(file: &str, reason: impl ToString) -> Self {
        Self::Damaged { file: file.to_owned(), reason: reason.to_string() }
    }
}
