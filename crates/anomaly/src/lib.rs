//! Streaming anomaly detectors with explanations: how far a sample lies from what its own point leads one to expect,
//! and from what the other points of its asset do.
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
//! - `features`, `forest`: an isolation forest over the features of one point, as a second opinion;
//! - `asset`: an asset's detector and its verdicts, from the points' residual of each other and of the last rows;
//! - `rows`: samples of an asset's points side by side, at even times;
//! - `model`: what the points say of each other; `moments`: the sums that it is fitted from; `window`: the newest rows;
//! - `baseline`: what is fitted from a stretch of `history`; `scorer`: how far a row lies from it;
//! - `limits`: from which size on a score stands out among a stream's own.

mod asset;
mod asset_verdict;
mod autoregression;
mod baseline;
mod detector;
mod error;
mod features;
mod fleet;
mod forest;
mod history;
mod jumps;
mod limits;
mod model;
mod moments;
mod profile;
mod rows;
mod run;
mod scorer;
mod tail;
mod verdict;
mod window;
mod zone;

pub use asset::{ASSET_SNAPSHOT_VERSION, AssetConfig, AssetDetector, AssetPoint, AssetSnapshot, Fitted, Part};
pub use asset_verdict::{AssetVerdict, Contribution, PointFault, PointVerdict};
pub use detector::{Config, Detector};
pub use error::Error;
pub use features::{FEATURES, Feature, Features};
pub use fleet::{Fleet, SNAPSHOT_VERSION, Snapshot};
pub use forest::{Forest, ForestConfig, Opinion};
pub use rows::Rows;
pub use verdict::{ALARM_SCORE, Reason, State, Verdict};
pub use zone::{Finding, Leak, Sign, Storage, Witness, ZoneConfig, ZoneDetector, ZoneVerdict};
