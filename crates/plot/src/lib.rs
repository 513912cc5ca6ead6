//! Decimation, axes and drawing of trends on any plotters backend: canvas on screen, SVG in reports and tests.
//!
//! A [`Chart`] is plain data; [`Layout`] says where everything is, so that the host can point, pan and zoom; [`draw`]
//! draws it. Must not know Leptos or Tauri.

mod axis;
mod chart;
mod draw;
mod error;
mod label;
mod layout;
mod pencil;
mod reduce;
mod sparkline;
mod svg;

pub use axis::{TimeTick, ValueAxis, time_ticks};
pub use chart::{
    Alarm, AlarmLook, Chart, Flag, FlagKind, Lane, Limit, Pen, Range, Stretch, Track, Words, format_value,
};
pub use draw::draw;
pub use error::Error;
pub use jiff::tz::Offset;
pub use label::label_places;
pub use layout::{Column, LaneBox, Layout, Snap};
pub use pencil::Paper;
pub use reduce::{Dot, gaps, reduce};
pub use sparkline::{Sparkline, sparkline};
pub use svg::svg;
