//! What can be wrong with a value of this crate.

/// A value that breaks an invariant of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A coordinate outside the globe or not a number.
    #[error("position {lat}, {lon} is not on earth: latitude is -90 to 90, longitude -180 to 180")]
    Position {
        /// Latitude as given, in degrees.
        lat: String,
        /// Longitude as given, in degrees.
        lon: String,
    },
    /// A unit that nobody knows.
    #[error("unit {0:?} is not known: use one of the listed symbols, for example m3/h, bar or mg/L")]
    Unit(String),
    /// A time that is not RFC 3339.
    #[error("time {0:?} is not RFC 3339, for example 2026-11-21T18:42:07Z")]
    Time(String),
    /// Alarm limits out of order.
    #[error("limits are out of order: LL <= L <= H <= HH must hold")]
    Limits,
    /// A band whose ends are swapped or not finite.
    #[error("normal band {low} to {high} is empty: low must be below high")]
    Band {
        /// Lower end as given.
        low: String,
        /// Upper end as given.
        high: String,
    },
    /// Recording settings that say nothing, or what cannot be.
    #[error(
        "recording settings need a deadband, a deviation or both, each above 0, and a sample at least every 1 s to 24 h"
    )]
    Recording,
    /// A word that is none of a closed list.
    #[error("{what} {given:?} is not known: use one of {known}")]
    Word {
        /// What the word stands for.
        what: &'static str,
        /// The word as given.
        given: String,
        /// The known words, comma separated.
        known: String,
    },
}
