//! PostgreSQL: the private cluster, migrations, repositories, the COPY writer, roll-ups.
//!
//! Must not know screens or protocols.

mod alarms;
mod audit;
mod cluster;
mod copy;
mod error;
mod figures;
mod geometry;
mod history;
mod newest;
mod people;
mod places;
mod positions;
mod reader;
mod register;
mod replay;
mod retention;
mod rollups;
mod scan;
mod sql;
mod store;
mod switches;
mod writer;

pub use sqlx::postgres::PgConnectOptions as ConnectOptions;

pub use alarms::{
    Approvals, Entries, GuidanceVersion, JournalEntry, JournalFilter, JournalPage, JournalRecord, Records, Removal,
    RuleVersion, Work, WorkKind,
};
pub use audit::{AuditEntry, AuditPage, AuditRecord, AuditVerdict};
pub use cluster::{Cluster, ClusterEvent, ClusterSettings, DATABASE, Durability, Stopped};
pub use error::{Error, Result};
pub use figures::{DetectorModel, Figures, KeptReject};
pub use history::{Bucket, Interpolated, Interpolation, Mark, Marks, Series, Statistics};
pub use places::Found;
pub use reader::Reader;
pub use register::{Imported, PointEdit, Rescale};
pub use retention::{Expired, Retention, Stays};
pub use rollups::RolledUp;
pub use scan::Chunks;
pub use store::{Store, schema_name};
pub use switches::{UnitReturn, UnitSwitch};
pub use writer::{Applied, Batch, Delivery, DeviceAlert, Reject, Writer};
