//! Alarm rules and the ISA-18.2 state machine: samples, ticks and people's acts in, journal transitions out.
//!
//! Pure and deterministic: time and data are arguments. Must not know who is told or where an alarm is stored.
//!
//! - `state`: the axes an alarm stands on and what moves each of them;
//! - `condition`: when a rule's condition holds, deadband included;
//! - `engine`: ties both together over rules, points and sites, with delays and silence;
//! - `derive`: the rules that follow from a point's limits, its anomaly score and its site;
//! - `list`: the order alarms are listed in, and counts of them.

mod analysis;
mod condition;
mod derive;
mod engine;
mod error;
mod guidance;
mod list;
mod state;

pub use analysis::{
    AlarmMetrics, Annunciated, Annunciations, Approval, BadActor, Baseline, BaselineError, Bound, Call, Cure, CureKind,
    Difference, Digest, Draft, Drift, Drifted, Figure, Figures, FloodEpisode, Level, Load, Metrics, Occurrence,
    Offender, Period, Placed, Proposed, Rate, RunFigures, Tally, Target, TimeToAcknowledge, Trial, Verdict, bad_actors,
    canonical, compare, cures, occurrences,
};
pub use condition::Reading;
pub use derive::{ANOMALY_SCORE, SILENCE_AFTER, anomaly_rule, default_priority, derived_id, rules_of, silence_rule};
pub use engine::{Engine, Evaluated, PointFacts};
pub use error::Error;
pub use list::{Counts, Rank, counts, rank};
pub use state::{Acknowledgement, Activity, Axes, Standing, apply};
