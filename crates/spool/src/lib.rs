//! The append-only journal ahead of the database: what [`Spool::append`] took is on the disk when it returns, and stays
//! until [`Spool::trim`] forgets it.
//!
//! Blocking; a caller in async code gives it a thread of its own. Must not know SQL, nor what a record means.
//!
//! A directory holds segments named after their first sequence number, each with a header (kept twice) and frames:
//!
//! ```text
//! segment: magic 8 · first u64 · previous u64 · salt u32 · crc u32, the same again, then frames
//! frame:   len u32 · seq u64 · crc of these u32 · crc of the payload u32 · payload        (little endian)
//! ```
//!
//! Behind the last frame there may be zeros, which were there before anything was written ([`Options::makes_ahead`]).
//!
//! The salt, different in each segment, goes into every checksum, so that bytes inside a payload cannot pass for a frame
//! when a damaged segment is searched for the next good one.

mod error;
mod frame;
mod reader;
mod segment;
mod spare;
mod spool;
mod watermark;

pub use error::Error;
pub use frame::MAX_PAYLOAD_BYTES;
pub use reader::{Reader, Record};
pub use spool::{Damage, Opened, Options, Room, Seq, Spool, Stats};

#[cfg(test)]
mod tests;
