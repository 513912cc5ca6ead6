//! The demo water network, publishing real MQTT, and the player of recorded data: pure physics inside
//! ([`Simulator`]), devices that speak at its edge ([`Run`]). Must not know the inside of a station.

pub mod control;
pub mod script;

mod basemap;
mod demand;
mod error;
mod events;
#[cfg(test)]
mod faults;
mod feed;
mod geo;
#[cfg(test)]
mod healthy;
mod link;
mod network;
mod noise;
mod plant;
mod play;
mod pumps;
mod quality;
mod run;
mod sensors;
mod simulator;
mod tanks;
mod town;

pub use basemap::{BaseMap, Label, base_map};
pub use error::Error;
pub use events::{EventKind, Request, Truth, parse_duration};
pub use link::Broker;
pub use plant::{plant_file, tenant};
pub use play::{Play, Played, Stamp};
pub use run::{Published, Run};
pub use simulator::{Ledger, Reading, Simulator, State};
