//! The map view over plain data: [`MapModel`] and [`View`] in, a list of plain shapes out ([`scene`]), drawn by egui with
//! walkers ([`MapView`]) or as SVG ([`svg`]).
//!
//! Compiles natively and to wasm. Must not know Leptos, Tauri or the network.

mod clip;
mod cluster;
mod error;
mod ground;
mod label;
mod model;
mod paint;
mod plant;
mod scene;
mod shape;
mod svg;
mod symbol;
mod tiles;
mod view;
mod world;

pub use error::Error;
pub use ground::{Ground, Place, PlaceKind};
pub use model::{Alarm, AreaMark, Flow, Key, Look, MapModel, Mark, PipeMark, Suspicion, Symbol, Trust};
pub use paint::{font_definitions, is_for_the_page, paint};
pub use plant::Owners;
pub use scene::{Blink, Hit, Scene, Style, scene};
pub use shape::{Anchor, Px, Shape, Stroke};
pub use svg::{svg, symbol_svg};
pub use tiles::FedTiles;
pub use view::{MapView, Shown};
pub use walkers::TileId;
pub use world::{Bounds, Spot, View};
