//! The token table (`assets/theme/tokens.json`) as plain values: the colours, sizes and type that CSS, egui and plotters
//! all read, so that nothing is typed twice.
//!
//! Must not know egui, plotters or the page.

mod colour;
mod css;
mod letters;
mod table;

pub use colour::Rgba;
pub use css::{css_constants, css_variables};
pub use letters::text_width;
pub use table::{
    Accent, AlarmColours, Anomaly, Equipment, Focus, Indicator, Line, MainWidth, MapColours, MapSizes, Motion,
    PenWidths, Priority, Rings, Selection, Shape, Surface, Symbols, Text, Theme, Tokens, Typeface, tokens,
};

/// Which of the two themes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// Light ink on dark ground.
    #[default]
    Dark,
    /// Dark ink on light ground.
    Light,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Dark, Self::Light];

    /// The name it has in the table, in storage and in CSS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// Its colours.
    pub fn theme(self) -> &'static Theme {
        tokens().theme(self)
    }
}
