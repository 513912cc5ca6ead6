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
//! - `zone`: whether a zone loses water, over days;
//! - `features`, `forest`: an isolation forest over the features of one point, as a second opinion.

mod autoregression;
mod detector;
mod error;
mod features;
mod fleet;
mod forest;
mod jumps;
mod profile;
mod run;
mod tail;
mod verdict;
mod zone;

pub use detector::{Config, Detector};
pub use error::Error;
pub use features::{FEATURES, Feature, Features};
pub use fleet::{Fleet, SNAPSHOT_VERSION, Snapshot};
pub use forest::{Forest, ForestConfig, Opinion};
pub use verdict::{ALARM_SCORE, Reason, State, Verdict};
pub use zone::{Finding, Leak, Sign, Storage, Witness, ZoneConfig, ZoneDetector, ZoneVerdict};
