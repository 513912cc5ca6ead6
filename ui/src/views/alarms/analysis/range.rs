//! From when figures are asked for, and the load in slots of an hour or a day. Pure; must not know the page.

use std::time::Duration;

use penstock_api::AlarmFigures;
use penstock_model::Timestamp;

const HOUR_SECS: i64 = 3_600;
const DAY_SECS: i64 = 24 * HOUR_SECS;
/// Slots of a chart at most.
const MOST_SLOTS: i64 = 400;
/// Times named below a chart at most.
const MOST_MARKS: usize = 6;

/// The calls of an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) from: Timestamp,
    pub(super) calls: u32,
    /// Whether a flood was in it.
    pub(super) in_flood: bool,
}

/// Where a range of so many days begins: on the hour where it is one day, else at midnight, so that slots are those of
/// the clock.
pub(super) fn beginning(days: i64, now: Timestamp, offset_secs: i32) -> Timestamp {
    let offset = i64::from(offset_secs);
    let local = now.as_micros().div_euclid(1_000_000) + offset;
    let step = if days > 1 { DAY_SECS } else { HOUR_SECS };
    Timestamp::from_secs(local.div_euclid(step) * step - days * DAY_SECS - offset)
}

/// How wide a slot of a range of so many days is.
pub(super) const fn width(days: i64) -> Duration {
    Duration::from_secs(if days > 7 { DAY_SECS as u64 } else { HOUR_SECS as u64 })
}

/// The slots of figures, from the one that they begin in; slots are counted from the beginning that was asked for.
pub(super) fn slots(figures: &AlarmFigures, asked: Timestamp, width: Duration) -> Vec<Slot> {
    let width = i64::try_from(width.as_micros()).unwrap_or(i64::MAX).max(1);
    let first = asked.as_micros() + figures.from.micros_since(asked).div_euclid(width) * width;
    let count = (figures.to.as_micros() - first + width - 1).div_euclid(width).clamp(0, MOST_SLOTS);
    let is_flooded = |from: i64| {
        figures.floods.iter().any(|flood| {
            let until = flood.until.unwrap_or(figures.to);
            flood.first_at.as_micros() < from + width && until.as_micros() > from
        })
    };
    let begins = (0..count).map(|index| first + index * width);
    let mut slots: Vec<Slot> =
        begins.map(|from| Slot { from: Timestamp::from_micros(from), calls: 0, in_flood: is_flooded(from) }).collect();
    for hour in &figures.hours {
        let index = (hour.from.as_micros() - first).div_euclid(width);
        if let Some(slot) = usize::try_from(index).ok().and_then(|index| slots.get_mut(index)) {
            slot.calls += hour.calls;
        }
    }
    slots
}

/// A time named below the slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// At which slot it begins.
    pub(super) at: usize,
    /// As many slots are until the next.
    pub(super) span: usize,
    pub(super) name: MarkName,
}

/// How a time is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkName {
    Day,
    Time,
    /// Its day too: nothing else says it.
    DayAndTime,
}

/// The times named below slots, at round hours or days of the clock; `begins` are where slots begin in local time, in s.
pub(super) fn marks(begins: &[i64], width: Duration) -> Vec<Mark> {
    let width = i64::try_from(width.as_secs()).unwrap_or(DAY_SECS).max(1);
    // Round steps of hours and of days, in s.
    let hours = [1, 2, 3, 4, 6, 12].map(|hours| hours * HOUR_SECS);
    let days = [1, 2, 3, 7, 14, 28, 56].map(|days| days * DAY_SECS);
    let steps = hours.into_iter().chain(days).filter(|step| *step >= width);
    let on = |step: i64| {
        let is_on = |(_, begins): &(usize, &i64)| begins.rem_euclid(step) < width;
        begins.iter().enumerate().filter(is_on).map(|(at, _)| at).collect::<Vec<usize>>()
    };
    let fitting = steps.map(on).find(|at| !at.is_empty() && at.len() <= MOST_MARKS);
    let at = fitting.unwrap_or_else(|| (0..begins.len().min(1)).collect());
    let is_midnight = |at: usize| begins.get(at).is_some_and(|begins| begins.rem_euclid(DAY_SECS) < width);
    let has_day = at.iter().any(|at| is_midnight(*at));
    let ends = at.iter().skip(1).copied().chain(std::iter::once(begins.len()));
    let marks = at.iter().zip(ends).enumerate().map(|(place, (from, end))| {
        let name = match (is_midnight(*from), has_day || place > 0) {
            (true, _) => MarkName::Day,
            (false, true) => MarkName::Time,
            (false, false) => MarkName::DayAndTime,
        };
        Mark { at: *from, span: end.saturating_sub(*from).max(1), name }
    });
    marks.collect()
}

#[cfg(test)]
mod tests {
    use penstock_api::{Figure, FigureUnit, Flood, HourLoad, LoadClass, NamedAlarm};
    use penstock_model::{Condition, Priority, RuleId, SiteId, Subject};

    use super::*;

    fn figures(from: i64, to: i64, hours: &[(i64, u32)], floods: &[(i64, Option<i64>)]) -> AlarmFigures {
        let at = Timestamp::from_secs;
        let flood = |(first, until): &(i64, Option<i64>)| Flood {
            first: NamedAlarm {
                rule: RuleId::made(at(1), [1; 10]),
                subject: Subject::Site(SiteId::made(at(1), [1; 10])),
                condition: Condition::Anomaly { score: 0.9 },
                name: String::new(),
                priority: Priority::P3,
            },
            first_at: at(*first),
            from: at(*first),
            until: until.map(at),
            calls: 11,
            most: 11,
            first_ten_minutes: Figure { value: 11.0, unit: FigureUnit::Count, target: None, verdict: None },
        };
        AlarmFigures {
            from: at(from),
            to: at(to),
            indicative: true,
            calls: 0,
            load: LoadClass::Acceptable,
            figures: vec![],
            priorities: vec![],
            time_to_acknowledge: None,
            hours: hours.iter().map(|(from, calls)| HourLoad { from: at(*from), calls: *calls }).collect(),
            floods: floods.iter().map(flood).collect(),
            flood_count: 0,
            offenders: vec![],
            offender_count: 0,
        }
    }

    #[test]
    fn ranges_begin_with_the_clock() {
        let now = Timestamp::parse("2026-11-21T13:12:07Z").expect("valid");
        let check = |days: i64, offset_secs: i32, expect: &str| {
            assert_eq!(beginning(days, now, offset_secs), Timestamp::parse(expect).expect("valid"), "{days}");
        };
        check(1, 0, "2026-11-20T13:00:00Z");
        // 18:42 there.
        check(1, 19_800, "2026-11-20T12:30:00Z");
        check(7, 19_800, "2026-11-13T18:30:00Z");
        check(30, -18_000, "2026-10-22T05:00:00Z");
    }

    #[test]
    fn slots_have_the_calls_and_floods_of_their_hours() {
        let hour = Duration::from_secs(3_600);
        let found = figures(0, 3 * 3_600 - 60, &[(0, 2), (7_200, 5)], &[(7_000, Some(7_300))]);
        let told = |slots: Vec<Slot>| slots.iter().map(|slot| (slot.calls, slot.in_flood)).collect::<Vec<_>>();
        assert_eq!(told(slots(&found, Timestamp::from_secs(0), hour)), [(2, false), (0, true), (5, true)]);
        // A flood that goes on.
        let on = figures(0, 7_200, &[], &[(3_600, None)]);
        assert_eq!(told(slots(&on, Timestamp::from_secs(0), hour)), [(0, false), (0, true)]);
    }

    #[test]
    fn times_are_named_at_round_hours_and_days() {
        let check = |first_hour: i64, count: i64, expect: &[(usize, usize, MarkName)]| {
            let begins: Vec<i64> = (first_hour..first_hour + count).map(|hour| hour * HOUR_SECS).collect();
            let told: Vec<_> = marks(&begins, Duration::from_secs(3_600))
                .into_iter()
                .map(|mark| (mark.at, mark.span, mark.name))
                .collect();
            assert_eq!(told, expect, "{count} h from {first_hour} h");
        };
        use MarkName::{Day, DayAndTime, Time};
        // A day from 13 o'clock: every four hours, midnight by its day.
        let day = [(3, 4, Time), (7, 4, Time), (11, 4, Day), (15, 4, Time), (19, 4, Time), (23, 2, Time)];
        check(13, 25, &day);
        // The journal began this morning: nothing but the first says which day.
        check(9, 5, &[(0, 1, DayAndTime), (1, 1, Time), (2, 1, Time), (3, 1, Time), (4, 1, Time)]);
        check(9, 1, &[(0, 1, DayAndTime)]);
        // A day and a half.
        let longer = [(0, 6, Day), (6, 6, Time), (12, 6, Time), (18, 6, Time), (24, 6, Day), (30, 6, Time)];
        check(0, 36, &longer);
        check(0, 0, &[]);
        let days: Vec<i64> = (0..30).map(|day| day * DAY_SECS).collect();
        let weeks: Vec<usize> = marks(&days, Duration::from_secs(86_400)).iter().map(|mark| mark.at).collect();
        assert_eq!(weeks, [0, 7, 14, 21, 28]);
    }

    #[test]
    fn what_was_before_the_journal_has_no_slot() {
        let day = Duration::from_secs(86_400);
        let late = figures(5 * 86_400 + 3_600, 7 * 86_400 + 60, &[(5 * 86_400 + 3_600, 1), (6 * 86_400, 2)], &[]);
        let slots = slots(&late, Timestamp::from_secs(0), day);
        let days: Vec<_> = slots.iter().map(|slot| (slot.from.as_micros() / 86_400_000_000, slot.calls)).collect();
        assert_eq!(days, [(5, 1), (6, 2), (7, 0)]);
    }
}
