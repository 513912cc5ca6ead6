//! A small line that shows shape only: no axis, a dot at the present.

use std::fmt::Write as _;

use crate::{Range, Track, reduce};

/// A sparkline as SVG path data in a box of its width and height.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sparkline {
    /// The line.
    pub line: String,
    /// Outline of where values are expected; empty where that is not known.
    pub expected: String,
    /// Where the last value is.
    pub dot: Option<(f64, f64)>,
}

/// The sparkline of `track` over `range` in `width` by `height` px, usually 110 by 32. `expected` gives the lower and
/// upper end at even times over the range; the scale holds both.
pub fn sparkline(track: &Track, expected: &[(f64, f64)], range: Range, width: f64, height: f64) -> Sparkline {
    let lines = reduce(track, range, width.ceil().max(1.0) as usize);
    let values = lines.iter().flatten().map(|(_, value)| *value);
    let ends = expected.iter().flat_map(|(low, high)| [*low, *high]).filter(|value| value.is_finite());
    let (low, high) = values
        .chain(ends)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return Sparkline::default();
    }
    // The dot needs room at the right and in both directions up and down.
    let inset = 3.0;
    let span = (high - low).max(high.abs() * 1e-6).max(1e-9);
    let y = |value: f64| height - inset - (value - low) / span * (height - 2.0 * inset);
    let length = range.to.micros_since(range.from).max(1) as f64;
    let x = |at: penstock_model::Timestamp| {
        (at.micros_since(range.from) as f64 / length * (width - inset)).clamp(0.0, width - inset)
    };
    let mut line = String::new();
    for dots in &lines {
        for (index, (at, value)) in dots.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _written = write!(line, "{command}{:.1} {:.1}", x(*at), y(*value));
        }
    }
    let mut outline = String::new();
    let steps = expected.len().saturating_sub(1).max(1) as f64;
    let upper = expected.iter().enumerate().map(|(index, (_, high))| (index, *high));
    let lower = expected.iter().enumerate().rev().map(|(index, (low, _))| (index, *low));
    for (index, value) in upper.chain(lower) {
        let command = if outline.is_empty() { 'M' } else { 'L' };
        let _written = write!(outline, "{command}{:.1} {:.1}", index as f64 / steps * (width - inset), y(value));
    }
    if !outline.is_empty() {
        outline.push('Z');
    }
    let dot = lines.last().and_then(|dots| dots.last()).map(|(at, value)| (x(*at), y(*value)));
    Sparkline { line, expected: outline, dot }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::Timestamp;

    use super::*;

    #[test]
    fn it_fills_its_box_and_ends_in_a_dot() {
        let at = Timestamp::from_secs;
        let track = Track {
            times: vec![at(0), at(50), at(100)],
            values: vec![Some(1.0), Some(3.0), Some(2.0)],
            gap_after: Duration::from_secs(60),
        };
        let spark = sparkline(&track, &[(1.5, 2.5), (1.5, 2.5)], Range { from: at(0), to: at(100) }, 110.0, 32.0);
        assert_eq!(spark.line, "M0.0 29.0L53.5 3.0L107.0 16.0");
        assert_eq!(spark.expected, "M0.0 9.5L107.0 9.5L107.0 22.5L0.0 22.5Z");
        assert_eq!(spark.dot, Some((107.0, 16.0)));
    }

    #[test]
    fn nothing_to_show_is_nothing() {
        let range = Range { from: Timestamp::from_secs(0), to: Timestamp::from_secs(1) };
        assert_eq!(sparkline(&Track::default(), &[], range, 110.0, 32.0), Sparkline::default());
    }
}
