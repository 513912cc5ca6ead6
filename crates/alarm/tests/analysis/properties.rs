//! What holds for any course of events.

use std::time::Duration;

use penstock_alarm::{
    AlarmMetrics, Annunciations, Figures, Level, Occurrence, Period, RunFigures, Tally, compare, occurrences,
};
use penstock_model::{RuleId, Timestamp, Transition};
use proptest::prelude::*;
use uuid::Uuid;

use crate::course::{ALARMS, Event, events, journal, period, placed, rule};
use crate::literal::{self, Called};

const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn tallied(journal: &[Transition], period: Period) -> Figures {
    let mut tally = Tally::new(period, placed);
    journal.iter().for_each(|entry| tally.take(entry));
    tally.finish()
}

/// Journal, period and the calls within it.
fn course(events: &[Event], cut: (u8, u8)) -> (Vec<Transition>, Period, Vec<Called>) {
    let journal = journal(events);
    let period = period(&journal, cut);
    let mut calls = literal::calls(&journal);
    calls.retain(|called| period.includes(called.at));
    (journal, period, calls)
}

fn times(calls: &[Called]) -> Vec<Timestamp> {
    calls.iter().map(|called| called.at).collect()
}

fn cut() -> impl Strategy<Value = (u8, u8)> {
    prop_oneof![Just((0, 0)), (0..200_u8, 0..200_u8)]
}

/// Spans that do not touch one another, as gap and length in seconds.
fn spans() -> impl Strategy<Value = Vec<Occurrence>> {
    prop::collection::vec((1..30_i64, 0..30_i64), 0..12).prop_map(|steps| {
        let mut at = 0;
        let span = |(number, (gap, length)): (u64, (i64, i64))| {
            let raised = at + gap;
            at = raised + length;
            Occurrence {
                rule: RuleId(Uuid::nil()),
                number,
                raised_at: Timestamp::from_secs(raised),
                cleared_at: Some(Timestamp::from_secs(at)),
                raised_value: None,
                cleared_value: None,
                acted_on: false,
            }
        };
        (1..).zip(steps).map(span).collect()
    })
}

/// The most pairs, one after the other by trying to make room (Kuhn).
fn most_pairs(before: &[Occurrence], after: &[Occurrence]) -> usize {
    fn find(
        old: usize,
        before: &[Occurrence],
        after: &[Occurrence],
        tried: &mut [bool],
        pair: &mut [Option<usize>],
    ) -> bool {
        for new in 0..after.len() {
            let meet = before[old].raised_at <= after[new].cleared_at.expect("ended")
                && after[new].raised_at <= before[old].cleared_at.expect("ended");
            if meet && !std::mem::replace(&mut tried[new], true) {
                let is_free = pair[new].is_none_or(|other| find(other, before, after, tried, pair));
                if is_free {
                    pair[new] = Some(old);
                    return true;
                }
            }
        }
        false
    }
    let mut pair = vec![None; after.len()];
    (0..before.len()).filter(|old| find(*old, before, after, &mut vec![false; after.len()], &mut pair)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Entry by entry the stream says what the whole journal before an entry says.
    #[test]
    fn calls_are_what_the_journal_says(events in events(150)) {
        let journal = journal(&events);
        let mut annunciations = Annunciations::new(placed);
        let streamed: Vec<Called> = journal.iter().enumerate().filter_map(|(entry, transition)| {
            let called = annunciations.take(transition)?;
            Some(Called { entry, rule: called.rule, at: called.at, call: called.call })
        }).collect();
        prop_assert_eq!(streamed, literal::calls(&journal));
    }

    #[test]
    fn rates_and_floods(events in events(250), cut in cut()) {
        let (journal, period, calls) = course(&events, cut);
        let figures = tallied(&journal, period);
        let times = times(&calls);
        prop_assert_eq!(figures.annunciations, times.len());
        for (rate, stretch) in [
            (figures.per_minute, MINUTE), (figures.per_ten_minutes, TEN_MINUTES),
            (figures.per_hour, HOUR), (figures.per_day, DAY),
        ] {
            prop_assert_eq!(rate.most.value, literal::most_within(&times, stretch) as f64);
            let average = times.len() as f64 * stretch.as_secs_f64() / period.length().as_secs_f64();
            prop_assert!((rate.average.value - average).abs() < 1e-9 * average.max(1.0));
        }
        prop_assert_eq!(figures.busy_ten_minutes.value, literal::busy(&times, period, TEN_MINUTES, 10));
        prop_assert_eq!(figures.busy_hours.value, literal::busy(&times, period, HOUR, 30));
        let floods: Vec<literal::Flood> = figures.floods.iter()
            .map(|flood| (flood.first_at, flood.from, flood.until, flood.calls, flood.most)).collect();
        prop_assert_eq!(floods, literal::floods(&times, period.until()));
        prop_assert!((0.0..=1.0).contains(&figures.in_flood.value));
    }

    #[test]
    fn offenders(events in events(250), cut in cut()) {
        let (journal, period, calls) = course(&events, cut);
        let figures = tallied(&journal, period);
        let (most_stale, stale) = literal::stale(&journal, period);
        prop_assert_eq!(figures.stale.value, most_stale as f64);
        for alarm in 0..ALARMS {
            let rule = rule(alarm);
            let own = calls.iter().filter(|called| called.rule == rule).count();
            let (chattering, fleeting) = literal::repeats(&journal, &calls, rule, period.until());
            let acted_on = literal::acted_on(&journal, &calls, rule, period.until());
            let stale = stale.iter().filter(|(of, _)| *of == rule).count();
            let found = figures.offenders.iter().find(|offender| offender.rule == rule);
            let counts = found.map_or((0, 0, 0, 0, 0), |offender| {
                (offender.annunciations, offender.chattering, offender.fleeting, offender.acted_on, offender.stale)
            });
            let expected = [own, chattering, fleeting, acted_on, stale].map(|count| count as u32);
            prop_assert_eq!([counts.0, counts.1, counts.2, counts.3, counts.4], expected);
        }
        let shares: f64 = figures.offenders.iter().map(|offender| offender.share).sum();
        prop_assert!(calls.is_empty() || (shares - 1.0).abs() < 1e-9);
        prop_assert!(figures.offenders.is_sorted_by(|a, b| a.annunciations >= b.annunciations));
        prop_assert_eq!(figures.by_priority.iter().sum::<usize>(), calls.len());
    }

    #[test]
    fn levels_and_waits(events in events(120), cut in cut()) {
        let (journal, period, _) = course(&events, cut);
        let figures = tallied(&journal, period);
        let of_period = |index: &usize| *index == 0 || journal[index - 1].at < period.until();
        let begin = journal.partition_point(|entry| entry.at < period.from());
        let levels: Vec<[u32; 4]> =
            (begin..=journal.len()).filter(of_period).map(|index| literal::levels(&journal[..index])).collect();
        let shown = [figures.standing, figures.shelved, figures.suppressed, figures.out_of_service];
        for (axis, Level { now, most }) in shown.into_iter().enumerate() {
            let expected = levels.iter().map(|level| level[axis]);
            prop_assert_eq!(expected.clone().next_back().unwrap_or(0), now);
            prop_assert_eq!(f64::from(expected.max().unwrap_or(0)), most.value);
        }
        let waits = literal::waits(&journal, &literal::calls(&journal), period);
        let ranks = figures.time_to_acknowledge.map(|time| (time.count, time.median, time.ninetieth));
        let ranked = |tenths: usize| waits[(waits.len() * tenths).div_ceil(10) - 1];
        prop_assert_eq!(ranks, (!waits.is_empty()).then(|| (waits.len(), ranked(5), ranked(9))));
    }

    /// Entries of different alarms may come in another order than their times: rates, floods and offenders are the same.
    #[test]
    fn the_order_among_alarms_changes_no_rate(events in events(200)) {
        let journal = journal(&events);
        let period = period(&journal, (0, 0));
        let mut by_alarm = journal.clone();
        by_alarm.sort_by_key(|entry| entry.rule);
        let (one, other) = (tallied(&journal, period), tallied(&by_alarm, period));
        prop_assert_eq!(one.per_ten_minutes, other.per_ten_minutes);
        prop_assert_eq!(&one.offenders, &other.offenders);
        prop_assert_eq!((one.stale, one.time_to_acknowledge), (other.stale, other.time_to_acknowledge));
        let spans = |figures: &Figures| -> Vec<_> {
            figures.floods.iter().map(|flood| (flood.first_at, flood.from, flood.until, flood.calls)).collect()
        };
        prop_assert_eq!(spans(&one), spans(&other));
    }

    /// What is live says the same as what is summed up later.
    #[test]
    fn live_metrics_agree_with_the_figures(events in events(200)) {
        let journal = journal(&events);
        let own: Vec<Transition> = journal.into_iter().filter(|entry| placed(entry.rule).is_some()).collect();
        let period = period(&own, (0, 0));
        let mut metrics = AlarmMetrics::new(period.from(), []);
        own.iter().for_each(|entry| metrics.take(entry));
        let (figures, live) = (tallied(&own, period), metrics.at(period.until()));
        prop_assert_eq!(live.alarm_count, figures.annunciations as u64);
        prop_assert_eq!(live.maximum_rate, figures.per_ten_minutes.most.value);
        prop_assert!((live.average_rate - figures.per_ten_minutes.average.value).abs() < 1e-9 * live.average_rate.max(1.0));
        let spans = occurrences(&own);
        let longest = spans.iter().map(|span| span.active(period.until())).max().unwrap_or_default();
        prop_assert_eq!(live.maximum_active, longest);
    }

    /// As many match as can; every occurrence is on one list.
    #[test]
    fn runs_are_compared_in_full(before in spans(), after in spans()) {
        let until = Timestamp::from_secs(1_000);
        let difference = compare(&before, &after, until);
        prop_assert_eq!(difference.matched.len(), most_pairs(&before, &after));
        prop_assert_eq!(difference.matched.len() + difference.removed.len(), before.len());
        prop_assert_eq!(difference.matched.len() + difference.added.len(), after.len());
        prop_assert_eq!(difference.before, RunFigures::of(&before, until));
        let mut old: Vec<Occurrence> = difference.matched.iter().map(|(old, _)| *old).collect();
        old.extend(&difference.removed);
        old.sort_by_key(|span| span.raised_at);
        prop_assert_eq!(old, before.clone());
        let same = compare(&before, &before, until);
        prop_assert!(same.removed.is_empty() && same.added.is_empty() && same.before == same.after);
    }
}
