//! The store on a real PostgreSQL.

mod cluster;
mod history;
mod recording;
mod records;
mod register;
mod writing;
mod writing_random;
