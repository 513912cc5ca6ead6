//! The words of a water network's control room as plain types: ids, time, units, quality, points, samples,
//! the plant, alarms, people and operator positions, each with its invariants.
//!
//! Compiles natively and to wasm. Must not know I/O, async, SQL or screens.

mod alarm;
mod clock;
mod error;
mod id;
mod operator_position;
mod people;
mod plant;
mod point;
mod quality;
mod recording;
mod sample;
mod time;
mod unit;

pub use alarm::{
    AcknowledgementModel, Advice, AlarmClass, AlarmRule, AlarmState, Annunciation, CauseKind, CauseOrigin, CauseReason,
    Condition, Expression, GroupCause, Guidance, KeptBy, Kinship, LimitLevel, Priority, Provenance, Raise, Rank,
    Realarm, Reference, ResolvedAdvice, Schedule, Scope, ScopeAdvice, Severity, Shelf, Shelving, Side, Sourced,
    Subject, SuppressionObjection, Symptom, Test, Transition, TransitionDetail, TransitionKind, Window, figure,
    screen_fault,
};
pub use clock::Clock;
pub use error::Error;
pub use id::{
    AreaId, AssetId, FloodId, OperatorPositionId, PipeId, PointId, RuleId, SiteId, SourceId, StationId, TenantId,
    UserId,
};
pub use operator_position::{OperatorPosition, Reach, Watch};
pub use people::{Permission, Permissions, Person, Role};
pub use plant::{Area, Asset, AssetKind, Pipe, Place, PlaceKind, Plant, PlantFile, Position, Site, SiteKind};
pub use point::{Address, Band, Limits, Point, PointNo, PointRole, PointState};
pub use quality::{Doubt, Fault, Quality};
pub use recording::Recording;
pub use sample::Sample;
pub use time::Timestamp;
pub use unit::{Quantity, Unit};
