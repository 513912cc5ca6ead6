//! The store on a real PostgreSQL.

mod alarms;
mod alarms_baseline;
mod alarms_search;
mod cluster;
mod history;
mod places;
mod readers;
mod recording;
mod records;
mod register;
mod replay;
mod retention;
mod rollups;
mod writing;
mod writing_random;
