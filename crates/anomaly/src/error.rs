//! Why a detector is not made, or not continued.

/// A detector that cannot be made, or a snapshot that cannot be continued from.
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
    /// The numbers in it are none.
    #[error("detector snapshot is damaged: the detector learns anew")]
    Damaged,
    /// An asset that cannot be judged as one.
    #[error("asset has {targets} measured points of {points}, it is judged with 1 to {most}: add a point or split it")]
    Points {
        /// Measured ones.
        targets: usize,
        /// All of them.
        points: usize,
        /// As many as there may be.
        most: usize,
    },
}
