//! What a chart shows, as plain data. Values are in the units that they are shown in.

use std::time::Duration;

use jiff::tz::Offset;
use penstock_model::{LimitLevel, Priority, Timestamp};
use penstock_theme::Mode;

/// A stretch of time, `from` before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

impl Range {
    /// The shortest range that is shown.
    pub const SHORTEST: Duration = Duration::from_secs(10);

    /// How long it is.
    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// Whether `at` lies in it.
    pub fn holds(self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }

    /// Moved by a share of its length; to the left where that is negative.
    #[must_use]
    pub fn panned(self, share: f64) -> Self {
        let by = self.length().as_secs_f64() * share.abs();
        let by = Duration::try_from_secs_f64(by).unwrap_or_default();
        if share < 0.0 {
            Self { from: self.from - by, to: self.to - by }
        } else {
            Self { from: self.from + by, to: self.to + by }
        }
    }

    /// Lengthened by `factor` (under 1 shortens) so that `held` stays where it is on screen; never shorter than
    /// [`Range::SHORTEST`], never longer than `longest`.
    #[must_use]
    pub fn zoomed(self, factor: f64, held: Timestamp, longest: Duration) -> Self {
        let length = self.length().as_secs_f64().max(1e-6);
        let wanted = (length * factor).clamp(Self::SHORTEST.as_secs_f64(), longest.as_secs_f64());
        let share = held.since(self.from).as_secs_f64() / length;
        let before = Duration::try_from_secs_f64(wanted * share).unwrap_or_default();
        let from = held - before;
        Self { from, to: from + Duration::try_from_secs_f64(wanted).unwrap_or(Self::SHORTEST) }
    }
}

/// Everything that is drawn.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Which theme.
    pub mode: Mode,
    /// The time that is shown.
    pub range: Range,
    /// Lanes, the upper first.
    pub lanes: Vec<Lane>,
    /// Unusual stretches.
    pub stretches: Vec<Stretch>,
    /// Badges under the lanes.
    pub flags: Vec<Flag>,
    /// Where the cursor stands.
    pub cursor: Option<Timestamp>,
    /// A range that is being drawn open with the pointer.
    pub selection: Option<Range>,
    /// The present, where the chart follows it.
    pub now: Option<Timestamp>,
    /// The plant's offset from UTC.
    pub offset: Offset,
    /// What the chart says in words.
    pub words: Words,
}

/// What the chart says in words, in the language of the screen.
#[derive(Debug, Clone)]
pub struct Words {
    /// In a gap.
    pub no_data: String,
    /// Short name of the time zone, for example `IST`.
    pub zone: String,
    /// Short names of the months, January first.
    pub months: [String; 12],
}

impl Default for Words {
    fn default() -> Self {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        Self { no_data: "No data".to_owned(), zone: "UTC".to_owned(), months: months.map(str::to_owned) }
    }
}

/// Pens of one unit over a scale of their own.
#[derive(Debug, Clone)]
pub struct Lane {
    /// What is measured, for example `Flow`.
    pub title: String,
    /// The unit, for example `m³/h`.
    pub unit: String,
    /// Decimals of its values.
    pub decimals: u8,
    /// How much of the height it gets against others.
    pub weight: f64,
    /// Its pens, the front one last.
    pub pens: Vec<Pen>,
    /// Alarm limits drawn in it.
    pub limits: Vec<Limit>,
}

/// One point's line.
#[derive(Debug, Clone)]
pub struct Pen {
    /// Which ink of the token table, from 0; it goes round.
    pub ink: usize,
    /// Its name at the right end.
    pub name: String,
    /// Whether it is shown.
    pub shown: bool,
    /// Whether it is the one in hand; then the others stand back.
    pub selected: bool,
    /// Its values.
    pub track: Track,
    /// Where its values are expected, at even times: time, low, high.
    pub expected: Vec<(Timestamp, f64, f64)>,
}

/// Values in time order.
#[derive(Debug, Clone, Default)]
pub struct Track {
    /// When each was measured.
    pub times: Vec<Timestamp>,
    /// Each value; none where there was nothing usable.
    pub values: Vec<Option<f64>>,
    /// No line is drawn between values further apart than this.
    pub gap_after: Duration,
}

impl Track {
    /// Time and value of each sample.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        self.times.iter().copied().zip(self.values.iter().copied())
    }

    /// The last usable value.
    pub fn last(&self) -> Option<(Timestamp, f64)> {
        self.samples().rev().find_map(|(at, value)| Some((at, value?)))
    }

    /// The sample nearest to `at`, where it has a value no further away than a gap.
    pub fn nearest(&self, at: Timestamp) -> Option<(Timestamp, f64)> {
        let next = self.times.partition_point(|time| *time < at);
        let sample = |index: usize| Some((*self.times.get(index)?, (*self.values.get(index)?)?));
        let distance = |(time, _): &(Timestamp, f64)| time.micros_since(at).unsigned_abs();
        let near = [next.checked_sub(1).and_then(sample), sample(next)];
        let gap = u64::try_from(self.gap_after.as_micros()).unwrap_or(u64::MAX);
        near.into_iter().flatten().min_by_key(distance).filter(|found| distance(found) <= gap)
    }
}

/// An alarm limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Which.
    pub level: LimitLevel,
    /// Where.
    pub value: f64,
}

/// A stretch that the detectors find unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Which lane, from 0.
    pub lane: usize,
    /// When.
    pub range: Range,
    /// How unusual, 0 to 1.
    pub score: f32,
    /// What it looks like, in words.
    pub what: Option<String>,
}

/// How an alarm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmLook {
    /// Not acknowledged: filled.
    Unacknowledged,
    /// Acknowledged: outlined.
    Acknowledged,
}

/// An alarm that was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// How urgent.
    pub priority: Priority,
    /// How it stands.
    pub look: AlarmLook,
}

/// What a badge under the lanes stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// An alarm.
    Alarm(Alarm),
    /// Something that somebody said.
    Comment,
}

/// A badge under the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: FlagKind,
}

/// A value with `decimals`, a true minus and groups of three from 10,000 on set apart by a thin no-break space.
pub fn format_value(value: f64, decimals: u8) -> String {
    let text = format!("{:.*}", usize::from(decimals), value.abs());
    let (whole, part) = text.split_once('.').map_or((text.as_str(), None), |(whole, part)| (whole, Some(part)));
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut out = String::new();
    if value < 0.0 && !is_zero {
        out.push('\u{2212}');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && whole.len() > 4 && (whole.len() - index) % 3 == 0 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if let Some(part) = part {
        out.push('.');
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_the_rules_say() {
        let check = |value: f64, decimals: u8, expect: &str| assert_eq!(format_value(value, decimals), expect);
        check(142.62, 1, "142.6");
        check(-0.04, 1, "0.0");
        check(-3.5, 1, "\u{2212}3.5");
        check(1_234.0, 0, "1234");
        check(31_204.0, 0, "31\u{202f}204");
        check(1_234_567.8, 1, "1\u{202f}234\u{202f}567.8");
    }

    #[test]
    fn zooming_holds_what_is_under_the_pointer() {
        let at = Timestamp::from_secs;
        let range = Range { from: at(1_000), to: at(2_000) };
        let day = Duration::from_secs(86_400);
        let zoomed = range.zoomed(0.5, at(1_250), day);
        assert_eq!(zoomed, Range { from: at(1_125), to: at(1_625) });
        assert_eq!(range.zoomed(1e-9, at(1_250), day).length(), Range::SHORTEST);
        assert_eq!(range.zoomed(1e9, at(1_250), day).length(), day);
        assert_eq!(range.panned(-0.25), Range { from: at(750), to: at(1_750) });
    }

    #[test]
    fn the_nearest_sample_is_found_and_none_beyond_a_gap() {
        let at = Timestamp::from_secs;
        let track = Track {
            times: vec![at(10), at(20), at(30)],
            values: vec![Some(1.0), Some(2.0), None],
            gap_after: Duration::from_secs(6),
        };
        assert_eq!(track.nearest(at(14)), Some((at(10), 1.0)));
        assert_eq!(track.nearest(at(16)), Some((at(20), 2.0)));
        assert_eq!(track.nearest(at(3)), None);
        assert_eq!(track.nearest(at(31)), None);
        assert_eq!(track.last(), Some((at(20), 2.0)));
    }
}
