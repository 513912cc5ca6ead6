//! Floods: alarms that belong together, grouped along the pipe network and over lost gateways, each group with its likely
//! causes in order. Activations and returns in, groups out.
//!
//! Grouping is data about alarms, never a change to one: every alarm keeps its own place, state and count, and whoever
//! folds a group counts what lies in it ([`Group::members`]). A group is one from [`LEAST_RELATED`] alarms on, well
//! below the rate at which a flood begins.
//!
//! Pure and deterministic: time and data are arguments. Must not know who is shown what.
//!
//! - `topology`: which part of the plant lies downstream of which, and how far;
//! - `symptom`: what an alarm says about the water, the machines or the gateways;
//! - `grouping`: which alarms belong together;
//! - `cause`: what may have begun it, and why that is thought;
//! - `rate`: when there are more calls than one person can answer.

mod cause;
mod grouping;
mod rate;
mod symptom;
#[cfg(test)]
mod tests;
mod topology;

pub use cause::MOST_CAUSES;
pub use grouping::{Group, GroupNo, Grouping, LEAST_RELATED, MOST_GROUPS, MOST_MEMBERS, Member};
pub use rate::{CallRate, Flooding};
pub use symptom::{Activation, Sign};
pub use topology::{Relation, SNAP_OF_ENDS_M, SNAP_TO_SITE_M, Topology, Way, Zone};
