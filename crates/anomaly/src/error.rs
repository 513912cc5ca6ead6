//! Why a snapshot is refused.

/// A snapshot that cannot be continued from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Written by another version of the detectors.
    #[error("detector snapshot has version {found}, this station reads {expected}: the detectors learn anew")]
    Version {
        /// As found.
        found: u16,
        /// As written by this version.
        expected: u16,
    },
}
