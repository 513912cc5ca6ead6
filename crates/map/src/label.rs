//! Where labels go: the best ranked take their places first, and one that finds none is dropped.

use penstock_theme::{Rgba, text_width};

use crate::clip::Box2;
use crate::{Alarm, Anchor, Key, Px, Shape};

/// A label that wants a place.
#[derive(Debug)]
pub(crate) struct Label {
    /// What it names.
    pub(crate) key: Option<Key>,
    /// The lesser goes first.
    pub(crate) rank: i32,
    /// Places to try, the best first: what lies there, and where the first line's middle would be.
    pub(crate) places: Vec<(Anchor, Px)>,
    /// Its lines, the upper first.
    pub(crate) lines: Vec<Line>,
    /// A badge before the first line, for a label that stands left-aligned.
    pub(crate) badge: Option<Alarm>,
    /// Whether it may lie over symbols where nothing else is left.
    pub(crate) forced: bool,
}

/// A label that found its place.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) key: Option<Key>,
    pub(crate) bounds: Box2,
    /// Where its badge goes.
    pub(crate) badge: Option<(Alarm, Px)>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) size: f32,
    pub(crate) bold: bool,
    pub(crate) colour: Rgba,
    pub(crate) halo: Rgba,
}

/// Height of a line against its letters' size.
const LEADING: f32 = 1.34;
/// Width in px of a badge and the space behind it.
const BADGE_ROOM: f32 = 24.0;

impl Label {
    pub(crate) fn bounds(&self, anchor: Anchor, at: Px) -> Box2 {
        let width = |line: &Line| text_width(&line.text, f64::from(line.size), line.bold) as f32;
        let wide = self.lines.iter().map(width).fold(0.0, f32::max);
        let first = self.lines.first().map_or(0.0, |line| line.size * LEADING);
        let high: f32 = self.lines.iter().map(|line| line.size * LEADING).sum();
        let left = match anchor {
            Anchor::Left => at[0],
            Anchor::Middle => at[0] - wide / 2.0,
            Anchor::Right => at[0] - wide,
        };
        let left = if self.badge.is_some() { left - BADGE_ROOM } else { left };
        let wide = if self.badge.is_some() { wide + BADGE_ROOM } else { wide };
        let top = at[1] - first / 2.0;
        Box2 { min: [left - 2.0, top], max: [left + wide + 2.0, top + high] }
    }

    fn draw(&self, anchor: Anchor, at: Px, shapes: &mut Vec<Shape>) {
        let mut y = at[1];
        for (index, line) in self.lines.iter().enumerate() {
            if index > 0 {
                y += line.size * LEADING;
            }
            shapes.push(Shape::Text {
                at: [at[0], y],
                anchor,
                text: line.text.clone(),
                size: line.size,
                bold: line.bold,
                colour: line.colour,
                halo: Some(line.halo),
            });
        }
    }
}

/// Draws those of `labels` that find a place inside `frame` and clear of `taken`.
pub(crate) fn place(
    mut labels: Vec<Label>,
    mut taken: Vec<Box2>,
    frame: &Box2,
    shapes: &mut Vec<Shape>,
) -> Vec<Placed> {
    labels.sort_by_key(|label| label.rank);
    let mut placed = Vec::new();
    for label in &labels {
        let fits = |(anchor, at): &&(Anchor, Px)| {
            let bounds = label.bounds(*anchor, *at);
            frame.holds(bounds.min) && frame.holds(bounds.max) && !taken.iter().any(|other| other.meets(&bounds))
        };
        let chosen = label.places.iter().find(fits).or(label.places.first().filter(|_| label.forced)).copied();
        if let Some((anchor, at)) = chosen {
            let bounds = label.bounds(anchor, at);
            taken.push(bounds);
            label.draw(anchor, at, shapes);
            let badge = label.badge.map(|alarm| (alarm, [bounds.min[0] + 11.0, at[1]]));
            placed.push(Placed { key: label.key, bounds, badge });
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Box2 = Box2 { min: [0.0, 0.0], max: [300.0, 100.0] };

    fn label(rank: i32, text: &str, at: &[f32]) -> Label {
        let ink = Rgba::TRANSPARENT;
        let line = Line { text: text.to_owned(), size: 12.0, bold: false, colour: ink, halo: ink };
        let places = at.iter().map(|x| (Anchor::Left, [*x, 50.0])).collect();
        Label { key: None, rank, places, lines: vec![line], badge: None, forced: false }
    }

    fn placed(labels: Vec<Label>) -> Vec<(String, f32)> {
        let mut shapes = Vec::new();
        place(labels, Vec::new(), &FRAME, &mut shapes);
        shapes
            .into_iter()
            .filter_map(|shape| match shape {
                Shape::Text { text, at, .. } => Some((text, at[0])),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_better_ranked_wins_and_the_other_moves_or_goes() {
        let both = |second: &[f32]| placed(vec![label(2, "second", second), label(1, "first", &[50.0])]);
        assert_eq!(both(&[55.0]), [("first".to_owned(), 50.0)]);
        assert_eq!(both(&[55.0, 120.0]), [("first".to_owned(), 50.0), ("second".to_owned(), 120.0)]);
    }

    #[test]
    fn nothing_is_written_over_the_edge() {
        assert_eq!(placed(vec![label(1, "a long name", &[270.0])]), []);
    }
}
