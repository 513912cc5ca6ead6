//! Fewer samples than pixels, without losing a peak or bridging a gap.

use std::time::Duration;

use penstock_model::Timestamp;

use crate::{Range, Track};

/// A place on a line: time and value.
pub type Dot = (Timestamp, f64);

/// The lines to draw for `track` over `range` in `columns` columns of pixels. Each column keeps its first, least,
/// greatest and last value; a line ends where a value is missing or the next one is further off than a gap. The
/// samples just outside the range come along, so that lines reach the edges.
pub fn reduce(track: &Track, range: Range, columns: usize) -> Vec<Vec<Dot>> {
    let start = track.times.partition_point(|at| *at < range.from).saturating_sub(1);
    let end = (track.times.partition_point(|at| *at <= range.to) + 1).min(track.times.len());
    let width = (range.length().as_micros() as f64 / columns.max(1) as f64).max(1.0);
    let column_of = |at: Timestamp| (at.micros_since(range.from) as f64 / width).floor() as i64;

    let mut lines = Vec::new();
    let mut line = Line::default();
    let mut before: Option<Timestamp> = None;
    for (at, value) in track.samples().skip(start).take(end.saturating_sub(start)) {
        let far = before.is_some_and(|before| at.since(before) > track.gap_after);
        match value.filter(|value| value.is_finite()) {
            Some(value) => {
                if far {
                    line.end(&mut lines);
                }
                line.add(column_of(at), (at, value));
                before = Some(at);
            }
            None => {
                line.end(&mut lines);
                before = None;
            }
        }
    }
    line.end(&mut lines);
    lines
}

/// A line that is being reduced.
#[derive(Default)]
struct Line {
    done: Vec<Dot>,
    open: Option<Column>,
}

/// What is kept of one column.
struct Column {
    number: i64,
    first: Dot,
    least: Dot,
    greatest: Dot,
    last: Dot,
}

impl Line {
    fn add(&mut self, number: i64, dot: Dot) {
        match &mut self.open {
            Some(column) if column.number == number => {
                if dot.1 < column.least.1 {
                    column.least = dot;
                }
                if dot.1 > column.greatest.1 {
                    column.greatest = dot;
                }
                column.last = dot;
            }
            _ => {
                self.close_column();
                self.open = Some(Column { number, first: dot, least: dot, greatest: dot, last: dot });
            }
        }
    }

    fn close_column(&mut self) {
        let Some(Column { first, least, greatest, last, .. }) = self.open.take() else { return };
        let (sooner, later) = if least.0 <= greatest.0 { (least, greatest) } else { (greatest, least) };
        for dot in [first, sooner, later, last] {
            if self.done.last() != Some(&dot) {
                self.done.push(dot);
            }
        }
    }

    fn end(&mut self, lines: &mut Vec<Vec<Dot>>) {
        self.close_column();
        if !self.done.is_empty() {
            lines.push(std::mem::take(&mut self.done));
        }
    }
}

/// Stretches inside `range` of at least `least` where none of `tracks` has anything; the time after the last sample of
/// all is not among them: nothing is known of it yet.
pub fn gaps(tracks: &[&Track], range: Range, least: Duration) -> Vec<Range> {
    let mut common: Option<Vec<Range>> = None;
    for track in tracks {
        let own = gaps_of(track, range);
        common = Some(match common {
            None => own,
            Some(others) => meet(&others, &own),
        });
    }
    let mut gaps = common.unwrap_or_default();
    gaps.retain(|gap| gap.length() >= least);
    gaps
}

fn gaps_of(track: &Track, range: Range) -> Vec<Range> {
    let usable = track.samples().filter_map(|(at, value)| value.map(|_| at));
    let mut gaps = Vec::new();
    let mut before: Option<Timestamp> = None;
    for at in usable {
        let from = before.unwrap_or(range.from.min(at));
        let broken = match before {
            // Between two usable samples with an unusable one, too, there is nothing.
            Some(before) => at.since(before) > track.gap_after || unusable_between(track, before, at),
            None => at.since(range.from) > track.gap_after,
        };
        if broken && at > range.from && from < range.to {
            gaps.push(Range { from: from.max(range.from), to: at.min(range.to) });
        }
        before = Some(at);
    }
    gaps
}

fn unusable_between(track: &Track, from: Timestamp, to: Timestamp) -> bool {
    let start = track.times.partition_point(|at| *at <= from);
    track.samples().skip(start).take_while(|(at, _)| *at < to).any(|(_, value)| value.is_none())
}

fn meet(a: &[Range], b: &[Range]) -> Vec<Range> {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| Range { from: a.from.max(b.from), to: a.to.min(b.to) })
        .filter(|range| range.from < range.to)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn track(samples: &[(i64, Option<f64>)], gap_secs: u64) -> Track {
        let (times, values) = samples.iter().map(|(secs, value)| (at(*secs), *value)).unzip();
        Track { times, values, gap_after: Duration::from_secs(gap_secs) }
    }

    #[test]
    fn gaps_and_missing_values_end_a_line() {
        let track = track(&[(0, Some(1.0)), (5, Some(2.0)), (60, Some(3.0)), (65, None), (70, Some(4.0))], 10);
        let lines = reduce(&track, Range { from: at(0), to: at(100) }, 1_000);
        let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1]);
        let found = gaps(&[&track], Range { from: at(0), to: at(100) }, Duration::from_secs(1));
        assert_eq!(found, [Range { from: at(5), to: at(60) }, Range { from: at(60), to: at(70) }]);
    }

    #[test]
    fn only_gaps_of_all_pens_are_gaps_of_the_lane() {
        let first = track(&[(0, Some(1.0)), (50, Some(1.0)), (100, Some(1.0))], 10);
        let second = track(&[(0, Some(1.0)), (20, Some(1.0)), (30, Some(1.0)), (100, Some(1.0))], 10);
        let found = gaps(&[&first, &second], Range { from: at(0), to: at(100) }, Duration::from_secs(5));
        let expect = [(0, 20), (30, 50), (50, 100)].map(|(from, to)| Range { from: at(from), to: at(to) });
        assert_eq!(found, expect);
    }

    #[test]
    fn neighbours_outside_come_along_so_that_lines_reach_the_edges() {
        let samples: Vec<(i64, Option<f64>)> = (0..100).map(|n| (n * 10, Some(1.0))).collect();
        let lines = reduce(&track(&samples, 20), Range { from: at(101), to: at(199) }, 500);
        let times: Vec<i64> = lines[0].iter().map(|(time, _)| time.as_micros() / 1_000_000).collect();
        assert_eq!((times.first(), times.last()), (Some(&100), Some(&200)));
    }

    proptest! {
        #[test]
        fn extremes_order_and_gaps_survive(
            steps in prop::collection::vec((1_i64..40, prop::option::weighted(0.95, -1e3..1e3_f64)), 1..600),
            columns in 1_usize..80,
        ) {
            let mut time = 0;
            let samples: Vec<(i64, Option<f64>)> = steps
                .into_iter()
                .map(|(step, value)| {
                    time += step;
                    (time, value)
                })
                .collect();
            let track = track(&samples, 20);
            let range = Range { from: at(0), to: at(time) };
            let lines = reduce(&track, range, columns);
            let kept: Vec<Dot> = lines.iter().flatten().copied().collect();

            let extreme = |values: &mut dyn Iterator<Item = f64>| {
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
            };
            let all = extreme(&mut samples.iter().filter_map(|(_, value)| *value));
            prop_assert_eq!(extreme(&mut kept.iter().map(|(_, value)| *value)), all);
            prop_assert!(kept.is_sorted_by_key(|(time, _)| *time));
            // Four values a column, and a line that ends inside one begins another four.
            prop_assert!(kept.len() <= 4 * (columns + 1 + lines.len()));
            for line in &lines {
                for (from, to) in line.iter().zip(line.iter().skip(1)) {
                    let between = track.samples().filter(|(time, _)| *time >= from.0 && *time <= to.0);
                    let mut last = from.0;
                    for (time, value) in between {
                        prop_assert!(value.is_some());
                        prop_assert!(time.since(last) <= track.gap_after);
                        last = time;
                    }
                }
            }
        }
    }
}
