//! Streaming anomaly detectors with explanations: how far a sample lies from what its own point leads one to expect.
//!
//! Pure, strictly causal and deterministic: time and data are arguments, nothing is allocated for a sample, nothing is
//! random. Must not know where samples come from or what becomes of a score.
//!
//! - `detector`: one point's detector and its verdicts;
//! - `profile`: the ordinary day;
//! - `autoregression`: the next value from the last ones;
//! - `tail`: from which size on a deviation is rarer than a false alarm may be;
//! - `run`: values that do not move; `jumps`: steps that come again and again;
//! - `fleet`: the detectors of a station, with snapshots;
//! - `rows`: samples of an asset's points side by side, at even times.

mod autoregression;
mod detector;
mod error;
mod fleet;
mod jumps;
mod profile;
mod rows;
mod run;
mod tail;
mod verdict;

pub use detector::{Config, Detector};
pub use error::Error;
pub use fleet::{Fleet, SNAPSHOT_VERSION, Snapshot};
pub use rows::Rows;
pub use verdict::{ALARM_SCORE, Reason, State, Verdict};
