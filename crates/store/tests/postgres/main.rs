//! The store on a real PostgreSQL.

mod alarms;
mod alarms_baseline;
mod alarms_search;
mod cluster;
mod fixtures;
mod guidance;
mod history;
mod places;
mod positions;
mod readers;
mod recording;
mod records;
mod register;
mod replay;
mod retention;
mod rollups;
mod writing;
mod writing_random;
