//! The running control room: the pipeline from message to alarm, supervision of everything it starts, sessions and
//! permissions, and the calls that every shell makes.
//!
//! Must not know Tauri, HTTP or Leptos.

mod calls;
mod clock;
mod configuration;
mod cures;
mod demo;
mod error;
mod exports;
mod floods;
mod follower;
mod housekeeping;
pub mod instance;
mod journal;
pub mod live;
pub mod notices;
mod patience;
mod pipeline;
mod points_csv;
mod positions;
mod record;
mod register;
mod rules_file;
pub mod secrets;
mod sessions;
pub mod settings;
mod spooler;
mod station;
mod tiles;
mod trials;
mod values_csv;
mod ways_in;
mod writer;

pub use calls::{Caller, Origin};
pub use error::Error;
pub use exports::Taken;
pub use follower::{Follower, Step};
pub use live::Feed;
pub use patience::Waiting;
pub use station::{Options, Station};
