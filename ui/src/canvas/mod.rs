//! Hosts of what is drawn on canvases: the map (egui) and trends (plotters). Must not know the network or the station.

#[cfg(target_arch = "wasm32")]
mod gl;
mod map;
mod size;
mod trend;

pub(crate) use map::{BringTile, MapCanvas, MapHandle};
pub(crate) use size::Watch;
pub(crate) use trend::{TrendCanvas, TrendHandle};
