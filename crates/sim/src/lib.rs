//! The demo water network, publishing real MQTT, and the player of recorded data.
//! Must not know the inside of a station.

mod error;
mod geo;
mod noise;
mod plant;
mod sensors;
mod town;

pub use error::Error;
pub use plant::{plant_file, tenant};
