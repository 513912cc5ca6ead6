//! Draws in px on any plotters backend. Backends know whole numbers only, so a px is cut into units; they differ in how
//! they size letters, which [`Paper`] evens out.

use penstock_theme::Rgba;
use plotters::prelude::{DrawingBackend, FontDesc, FontFamily, FontStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBAColor, ShapeStyle};

use crate::Error;

/// The letters, as CSS names them.
const FAMILY: &str = "'Noto Sans','Noto Sans Devanagari',sans-serif";

/// What is drawn on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paper {
    /// Units of the backend for each px of the chart.
    pub units_per_px: f64,
    /// What sizes of letters are multiplied with.
    pub letters: f64,
}

impl Paper {
    /// Units for each px that let lines of 1.75 px and slopes come out smooth.
    pub const FINE: f64 = 8.0;

    /// A canvas whose context is scaled by its device pixel ratio divided by [`Paper::FINE`].
    pub const CANVAS: Self = Self { units_per_px: Self::FINE, letters: 1.0 };

    /// plotters' SVG, which divides sizes of letters by 1.24, with a view box [`Paper::FINE`] times its size.
    pub const SVG: Self = Self { units_per_px: Self::FINE, letters: 1.24 };
}

/// A place on the chart in px.
pub(crate) type Place = (f64, f64);

/// Which part of a text lies at its place; its middle from top to bottom always does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    Left,
    Middle,
    Right,
}

/// Ink and width of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink<'a> {
    pub(crate) colour: Rgba,
    pub(crate) width: f64,
    pub(crate) dash: &'a [f64],
}

impl Ink<'_> {
    pub(crate) const fn solid(colour: Rgba, width: f64) -> Self {
        Self { colour, width, dash: &[] }
    }
}

pub(crate) struct Pencil<'a, DB: DrawingBackend> {
    backend: &'a mut DB,
    paper: Paper,
}

impl<'a, DB: DrawingBackend> Pencil<'a, DB> {
    pub(crate) fn new(backend: &'a mut DB, paper: Paper) -> Self {
        Self { backend, paper }
    }

    pub(crate) fn line(&mut self, points: &[Place], ink: Ink<'_>) -> Result<(), Error> {
        if points.len() < 2 {
            return Ok(());
        }
        if ink.dash.is_empty() {
            return self.stroke(points, ink);
        }
        for part in dashes(points, ink.dash) {
            self.stroke(&part, ink)?;
        }
        Ok(())
    }

    fn stroke(&mut self, points: &[Place], ink: Ink<'_>) -> Result<(), Error> {
        let width = (ink.width * self.paper.units_per_px).round().max(1.0) as u32;
        let style = ShapeStyle { color: plotters_ink(ink.colour), filled: false, stroke_width: width };
        let points: Vec<(i32, i32)> = points.iter().map(|point| self.units(*point)).collect();
        self.backend.draw_path(points, &style).map_err(refused)
    }

    pub(crate) fn fill(&mut self, points: &[Place], colour: Rgba) -> Result<(), Error> {
        let points: Vec<(i32, i32)> = points.iter().map(|point| self.units(*point)).collect();
        self.backend.fill_polygon(points, &plotters_ink(colour)).map_err(refused)
    }

    pub(crate) fn rectangle(&mut self, from: Place, to: Place, fill: Rgba, edge: Option<Ink<'_>>) -> Result<(), Error> {
        if fill.a > 0 {
            let (from, to) = (self.units(from), self.units(to));
            self.backend.draw_rect(from, to, &plotters_ink(fill), true).map_err(refused)?;
        }
        match edge {
            Some(ink) => self.line(&[from, (to.0, from.1), to, (from.0, to.1), from], ink),
            None => Ok(()),
        }
    }

    pub(crate) fn circle(&mut self, at: Place, radius: f64, fill: Rgba, edge: Ink<'_>) -> Result<(), Error> {
        let (centre, radius) = (self.units(at), (radius * self.paper.units_per_px).round() as u32);
        self.backend.draw_circle(centre, radius, &plotters_ink(fill), true).map_err(refused)?;
        let width = (edge.width * self.paper.units_per_px).round().max(1.0) as u32;
        let style = ShapeStyle { color: plotters_ink(edge.colour), filled: false, stroke_width: width };
        self.backend.draw_circle(centre, radius, &style, false).map_err(refused)
    }

    pub(crate) fn text(
        &mut self,
        text: &str,
        place: Place,
        at: At,
        (px, bold): (f64, bool),
        colour: Rgba,
    ) -> Result<(), Error> {
        let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
        let size = px * self.paper.units_per_px * self.paper.letters;
        let horizontal = match at {
            At::Left => HPos::Left,
            At::Middle => HPos::Center,
            At::Right => HPos::Right,
        };
        let style = TextStyle {
            font: FontDesc::new(FontFamily::Name(FAMILY), size, style),
            color: plotters_ink(colour).to_backend_color(),
            pos: Pos::new(horizontal, VPos::Center),
        };
        let place = self.units(place);
        self.backend.draw_text(text, &style, place).map_err(refused)
    }

    fn units(&self, (x, y): Place) -> (i32, i32) {
        let unit = |px: f64| (px * self.paper.units_per_px).round() as i32;
        (unit(x), unit(y))
    }
}

fn plotters_ink(colour: Rgba) -> RGBAColor {
    RGBAColor(colour.r, colour.g, colour.b, colour.opacity())
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::Surface(error.to_string())
}

/// The inked parts of a dashed line.
fn dashes(points: &[Place], pattern: &[f64]) -> Vec<Vec<Place>> {
    let mut lengths = pattern.iter().copied().map(|length| length.max(0.25)).cycle();
    let (mut left, mut inked) = (lengths.next().unwrap_or(1.0), true);
    let mut parts = Vec::new();
    let mut part: Vec<Place> = points.first().copied().into_iter().collect();
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let here = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            if inked {
                part.push(here);
                parts.push(std::mem::take(&mut part));
            } else {
                part = vec![here];
            }
            inked = !inked;
            left = lengths.next().unwrap_or(1.0);
        }
        left -= length - done;
        if inked {
            part.push(*to);
        }
    }
    if inked && part.len() > 1 {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_run_on_round_corners() {
        let parts = dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 5.0)], &[4.0, 2.0]);
        assert_eq!(parts, [vec![(0.0, 0.0), (4.0, 0.0)], vec![(5.0, 1.0), (5.0, 5.0)]]);
    }
}
