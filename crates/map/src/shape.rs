//! The plain shapes that a scene is made of, in px from the upper left corner of the view.

use std::sync::Arc;

use penstock_theme::Rgba;

/// A place on screen: x to the right, y down.
pub type Px = [f32; 2];

/// A line's ink.
#[derive(Debug, Clone, PartialEq)]
pub struct Stroke {
    /// Width in px.
    pub width: f32,
    /// Colour.
    pub colour: Rgba,
    /// Lengths of on and off in turn, in px; empty for a whole line.
    pub dash: Arc<[f32]>,
}

impl Stroke {
    /// A whole line.
    pub fn solid(width: f32, colour: Rgba) -> Self {
        Self { width, colour, dash: Arc::default() }
    }

    /// A dashed line.
    pub fn dashed(width: f32, colour: Rgba, dash: &[f64]) -> Self {
        Self { width, colour, dash: dash.iter().map(|length| *length as f32).collect() }
    }
}

/// Which part of a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Left,
    /// Its middle.
    Middle,
    /// Its right end.
    Right,
}

/// Something to draw; later ones lie over earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled outline of any form, with the triangles it falls into.
    Polygon {
        /// Corners.
        points: Vec<Px>,
        /// Corners of each triangle, as positions in `points`.
        triangles: Arc<[[u32; 3]]>,
        /// Ink.
        fill: Rgba,
    },
    /// A filled convex outline.
    Convex {
        /// Corners.
        points: Vec<Px>,
        /// Ink inside.
        fill: Rgba,
        /// Ink of the edge.
        edge: Option<Stroke>,
    },
    /// A line.
    Line {
        /// Its course, at least two places.
        points: Vec<Px>,
        /// Its ink.
        stroke: Stroke,
        /// Whether the last place is joined to the first.
        closed: bool,
    },
    /// A circle.
    Circle {
        /// Its middle.
        at: Px,
        /// Its radius in px.
        radius: f32,
        /// Ink inside.
        fill: Rgba,
        /// Ink of the edge.
        edge: Option<Stroke>,
    },
    /// One line of text, vertically centred at its place.
    Text {
        /// Where.
        at: Px,
        /// What lies there.
        anchor: Anchor,
        /// The text.
        text: String,
        /// Size in px.
        size: f32,
        /// Whether bold.
        bold: bool,
        /// Ink.
        colour: Rgba,
        /// Ink around the letters, so that they stand out of what is behind.
        halo: Option<Rgba>,
    },
}
