//! Alarm analysis: performance figures of an operator position, bad actors with cures to try, what another rule would
//! have done, and whether rules still are as they were approved. Definitions after ISA-18.2, IEC 62682 and EEMUA 191.
//!
//! Pure: journal entries, rules and times are arguments. Must not know where a journal is kept or how a rule is run.
//!
//! - `annunciation`: which entries of the journal call a person;
//! - `figure`: a figure beside what it is held against;
//! - `period`: the time that figures are of;
//! - `window`: rates, busy stretches and floods over the times of calls;
//! - `repeats`: chattering and fleeting;
//! - `tally`: the journal summed up to the figures of a period;
//! - `metrics`: the live set of OPC UA Part 9;
//! - `occurrence`: the journal as spans of time in which an alarm was active;
//! - `compare`: what a run of other rules would have done differently;
//! - `bad_actors`: the alarms that load most, as a queue of work;
//! - `cures`: the least intrusive change of a rule that takes its nuisance away;
//! - `baseline`: the settings that were approved, chained, and what differs from them;
//! - `suppressions`: what keeps alarms from calling and was not allowed to.

mod annunciation;
mod bad_actors;
mod baseline;
mod compare;
mod cures;
mod figure;
mod metrics;
mod occurrence;
mod period;
mod repeats;
mod suppressions;
mod tally;
mod window;

pub use annunciation::{Annunciated, Annunciations, Call, Placed};
pub use bad_actors::{BadActor, bad_actors};
pub use baseline::{Approval, Baseline, BaselineError, Digest, Draft, Drift, Drifted, canonical, given_in};
pub use compare::{Difference, compare};
pub use cures::{Cure, CureKind, Obstacle, Proposed, Trial, Uncured, cures};
pub use figure::{Bound, Figure, Load, Target, Verdict};
pub use metrics::{AlarmMetrics, Metrics};
pub use occurrence::{Occurrence, RunFigures, occurrences};
pub use period::Period;
pub use suppressions::{Allowance, PutAway, Unauthorised, unauthorised};
pub use tally::{Figures, FloodEpisode, HourLoad, Level, Offender, Rate, Tally, TimeToAcknowledge};
pub(crate) use window::{FLOOD_ABOVE, FLOOD_OVER_BELOW, TEN_MINUTES};
