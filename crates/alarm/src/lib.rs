//! Alarm rules and the ISA-18.2 state machine: samples, ticks and people's acts in, journal transitions out.
//!
//! Pure and deterministic: time and data are arguments. Must not know who is told or where an alarm is stored.
//!
//! - `state`: the axes an alarm stands on and what moves each of them;
//! - `condition`: when a rule's condition holds, deadband included;
//! - `window`: what a condition that looks back remembers;
//! - `engine`: ties these together over rules, points, sites and assets, with delays and silence, and can be kept and
//!   taken up again;
//! - `derive`: the rules that follow from a point's limits, its anomaly score and its site;
//! - `guidance`: what is told beside an alarm, inherited down the plant;
//! - `list`: counts of alarms;
//! - `flood`: which alarms belong together, and what may have begun them;
//! - `similar`: earlier episodes that resemble one;
//! - `analysis`: performance figures, bad actors with their cures, what another rule would have done, the baseline;
//! - `backtest`: rules over history, by the engine itself.

mod analysis;
mod backtest;
mod condition;
mod derive;
mod engine;
mod error;
mod flood;
mod guidance;
mod list;
mod similar;
mod state;
mod window;

use std::time::Duration;

use penstock_model::Timestamp;

pub use analysis::{
    AlarmMetrics, Allowance, Annunciated, Annunciations, Approval, BadActor, Baseline, BaselineError, Bound, Call,
    Cure, CureKind, Difference, Digest, Draft, Drift, Drifted, Figure, Figures, FloodEpisode, HourLoad, Level, Load,
    Metrics, Obstacle, Occurrence, Offender, Period, Placed, Proposed, PutAway, Rate, RunFigures, Tally, Target,
    TimeToAcknowledge, Trial, Unauthorised, Uncured, Verdict, bad_actors, canonical, compare, cures, given_in,
    occurrences, unauthorised,
};
pub use backtest::{Backtest, BacktestError};
pub use condition::Reading;
pub use derive::{
    ANOMALY_SCORE, SILENCE_AFTER, anomaly_rule, default_priority, derived_id, device_silence_rule, rules_of,
    silence_rule,
};
pub use engine::{Engine, Evaluated, PointFacts, Snapshot};
pub use error::Error;
pub use flood::{
    Activation, CallRate, Flooding, Group, GroupNo, Grouping, LEAST_RELATED, MOST_CAUSES, MOST_GROUPS, MOST_MEMBERS,
    Member, Relation, SNAP_OF_ENDS_M, SNAP_TO_SITE_M, Sign, Topology, Way, Zone,
};
pub use guidance::{advice_of, inherited_advice};
pub use list::{Counts, counts};
pub use similar::{COMPANY_WITHIN, Episode, Similar, episodes, similar};
pub use state::{Acknowledgement, Activity, Axes, Latch, Service, ShelvingState, Standing, Suppression, apply};

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn after(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}
