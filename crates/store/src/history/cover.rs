//! Which part of a range is read from which roll-ups, and which from the samples. Pure: must not know SQL.

use std::collections::BTreeSet;

use penstock_model::Timestamp;

use super::Gone;
use crate::rollups::Level;

/// What is known of a range before it is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The beginnings, in microseconds, of hours whose roll-ups do not say yet what their samples do.
    pub(super) due: BTreeSet<i64>,
    /// Months whose samples are gone.
    pub(super) gone: Vec<Gone>,
    skips_minutes: bool,
}

impl Known {
    pub(super) fn has_gone(&self, from: Timestamp, to: Timestamp) -> bool {
        self.gone.iter().any(|month| month.first < to && from < month.next)
    }

    /// The same for figures that need all the time between samples, which minutes leave out: from minutes comes only
    /// what nothing else holds any more.
    pub(super) fn without_minutes(self) -> Self {
        Self { skips_minutes: true, ..self }
    }

    fn is_due(&self, from: Timestamp, to: Timestamp) -> bool {
        let from = Level::Hour.floor(from).as_micros();
        self.due.range(from..to.as_micros()).next().is_some()
    }
}

/// A part of a range that is read in one go: roll-ups of a level, or samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) level: Option<Level>,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// Parts a range into pieces, in time order and without gap: as much as can be from roll-ups of `level`, the rest from
/// finer ones, and what is left from the samples.
pub(super) fn cover(from: Timestamp, to: Timestamp, level: Option<Level>, known: &Known) -> Vec<Piece> {
    let mut pieces = Vec::new();
    part(from, to, level, known, &mut pieces);
    pieces
}

fn part(from: Timestamp, to: Timestamp, level: Option<Level>, known: &Known, pieces: &mut Vec<Piece>) {
    if from >= to {
        return;
    }
    let Some(level) = level else { return push(pieces, Piece { level: None, from, to }) };
    let finer = match level {
        Level::Day => Some(Level::Hour),
        Level::Hour if known.skips_minutes && !known.has_gone(from, to) => None,
        Level::Hour => Some(Level::Minute),
        Level::Minute => None,
    };
    let (first, last) = (level.ceil(from), level.floor(to));
    if first >= last {
        return part(from, to, finer, known, pieces);
    }
    part(from, first, finer, known, pieces);
    let mut at = first;
    while at < last {
        // Whole runs of the same sort at once: what is due is looked up, not stepped through.
        let due = known.due.range(Level::Hour.floor(at).as_micros()..last.as_micros()).next();
        let clean_until = due.map_or(last, |&hour| level.floor(Timestamp::from_micros(hour)).max(at));
        if at < clean_until {
            push(pieces, Piece { level: Some(level), from: at, to: clean_until });
            at = clean_until;
            continue;
        }
        let mut end = at + level.length();
        while end < last && known.is_due(end, end + level.length()) {
            end = end + level.length();
        }
        part(at, end, finer, known, pieces);
        at = end;
    }
    part(last, to, finer, known, pieces);
}

fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match pieces.last_mut() {
        Some(last) if last.level == piece.level && last.to == piece.from => last.to = piece.to,
        _ => pieces.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect(text)
    }

    #[test]
    fn days_where_they_are_whole_and_finer_ones_around() {
        let mut known = Known::default();
        known.due.insert(at("2026-11-03T05:00:00Z").as_micros());
        let pieces = cover(at("2026-11-01T22:59:30Z"), at("2026-11-05T00:00:00Z"), Some(Level::Day), &known);
        let piece = |level, from: &str, to: &str| Piece { level, from: at(from), to: at(to) };
        let expected = [
            piece(None, "2026-11-01T22:59:30Z", "2026-11-01T23:00:00Z"),
            piece(Some(Level::Hour), "2026-11-01T23:00:00Z", "2026-11-02T00:00:00Z"),
            piece(Some(Level::Day), "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
            piece(Some(Level::Hour), "2026-11-03T00:00:00Z", "2026-11-03T05:00:00Z"),
            piece(None, "2026-11-03T05:00:00Z", "2026-11-03T06:00:00Z"),
            piece(Some(Level::Hour), "2026-11-03T06:00:00Z", "2026-11-04T00:00:00Z"),
            piece(Some(Level::Day), "2026-11-04T00:00:00Z", "2026-11-05T00:00:00Z"),
        ];
        assert_eq!(pieces, expected);
    }

    proptest! {
        #[test]
        fn pieces_fill_the_range_and_never_roll_up_what_is_due(
            from in 0..300_000_i64,
            span in 1..600_000_i64,
            due in prop::collection::btree_set(0..250_i64, 0..20),
            level in 0..4_usize,
        ) {
            let secs = |secs: i64| Timestamp::from_secs(1_796_083_200 + secs);
            let (from, to) = (secs(from), secs(from + span));
            let due: BTreeSet<i64> = due.into_iter().map(|hour| secs(hour * 3_600).as_micros()).collect();
            let known = Known { due, ..Known::default() };
            let pieces = cover(from, to, Level::ALL.get(level).copied(), &known);
            prop_assert_eq!(pieces.first().map(|piece| piece.from), Some(from));
            prop_assert_eq!(pieces.last().map(|piece| piece.to), Some(to));
            for pair in pieces.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            for piece in &pieces {
                prop_assert!(piece.from < piece.to);
                if let Some(level) = piece.level {
                    prop_assert_eq!(level.floor(piece.from), piece.from);
                    prop_assert_eq!(level.floor(piece.to), piece.to);
                    prop_assert!(!known.is_due(piece.from, piece.to));
                }
            }
        }
    }
}
