//! A backtest raises what the engine has raised live, over any course of samples.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plant::{Bench, asset, facts, high, point, rule, secs, silence};
use penstock_alarm::{Backtest, Occurrence, Period, occurrences};
use penstock_model::{
    AlarmRule, Condition, Doubt, Expression, Fault, LimitLevel, PointNo, Quality, Reference, Sample, Side, Subject,
    Test, Timestamp,
};
use proptest::prelude::*;

const START: i64 = 1_000;

/// One or more of every condition that history can tell of.
fn rules() -> Vec<AlarmRule> {
    let minute = Duration::from_secs(60);
    let at = |index| Subject::Point(point(index));
    let leaf = |index, test| Expression::Point { point: point(index), test };
    let low = Condition::Limit { level: LimitLevel::LowLow, limit: 3.0, deadband: 1.0 };
    let rate = Condition::Rate { side: Side::Either, per_second: 0.05, over: minute, deadband: 0.02 };
    let count = Condition::Count { of: Test::AtLeast(7.0), at_least: 2, within: 3 * minute };
    let off = |from, by| Condition::Deviation { from, side: Side::Either, by, deadband: 1.0 };
    let both = Expression::all(vec![leaf(0, Test::AtLeast(7.0)), leaf(1, Test::AtMost(6.0))]);
    vec![
        high(0, 0, 0),
        AlarmRule { cool_down: minute, ..high(1, 15, 5) },
        high(2, 150, 40),
        rule("low 3", at(3), low, 10, 0),
        rule("off 2", at(2), off(Reference::Setpoint(7.0), 5.0), 0, 5),
        rule("off 0 and 1", at(0), off(Reference::Point(point(1)), 4.0), 10, 10),
        rule("rate 2", at(2), rate, 0, 0),
        rule("stuck 3", at(3), Condition::Stuck { within: 5.0, after: minute }, 0, 20),
        rule("states 3", at(3), Condition::State { states: BTreeSet::from([2, 3, 9]) }, 5, 0),
        rule("count 0", at(0), count, 0, 10),
        rule("both", Subject::Asset(asset(0)), Condition::Expression(both), 20, 0),
        silence(0, 40, 0),
        silence(1, 5_000, 30),
        rule("silence of 2", Subject::Asset(asset(2)), Condition::Silence { after: minute }, 5, 0),
    ]
}

/// Seconds after the sample before, how late it is, its point, value and quality.
type Given = (i64, i64, u8, f64, Quality);

fn given() -> impl Strategy<Value = Given> {
    let after = prop_oneof![20 => 0..40_i64, 1 => 3_000..9_000_i64];
    let quality = prop_oneof![
        20 => Just(Quality::Good),
        1 => Just(Quality::Bad(Fault::Device)),
        1 => Just(Quality::Bad(Fault::Disconnected)),
        1 => Just(Quality::Uncertain(Doubt::ClockAhead)),
    ];
    (after, 0..30_i64, 0..4_u8, 0.0..14.0, quality)
}

/// Each sample with its point, as received.
fn samples(given: &[Given]) -> Vec<(u8, Sample)> {
    let mut received = secs(START);
    let sample = |(after, late, index, value, quality): &Given| {
        received = received + Duration::from_secs(after.unsigned_abs());
        let source_time = received - Duration::from_secs(late.unsigned_abs());
        let point = PointNo(i32::from(*index));
        (*index, Sample { point, source_time, received_time: received, value: Some(*value), quality: *quality })
    };
    given.iter().map(sample).collect()
}

/// Ticked each second, as a station does, until so long after the last sample.
fn live(rule: AlarmRule, samples: &[(u8, Sample)], until: Timestamp) -> Vec<Occurrence> {
    let mut bench = Bench::new(vec![rule]);
    let mut now = secs(START);
    let mut tick_until = |bench: &mut Bench, until: Timestamp| {
        while now < until {
            bench.engine.tick(now, &mut bench.journal);
            now = now + Duration::from_secs(1);
        }
    };
    for (index, sample) in samples {
        tick_until(&mut bench, sample.received_time);
        bench.give(*index, sample, None);
    }
    tick_until(&mut bench, until);
    occurrences(&bench.journal)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// All rules side by side raise and end what each has raised and ended live, to the microsecond.
    #[test]
    fn a_backtest_is_what_was_live(given in prop::collection::vec(given(), 1..60)) {
        let samples = samples(&given);
        let until = samples.last().map_or(secs(START), |(_, last)| last.received_time) + Duration::from_secs(7_200);
        let points = (0..4).map(PointNo).zip(facts(4));
        let mut backtest = Backtest::new(rules(), points, secs(START)).expect("right ones");
        samples.iter().for_each(|(_, sample)| backtest.sample(sample));
        let told = backtest.finish(Period::new(Timestamp::MIN, until).expect("longer than nothing"));
        for (rule, told) in rules().into_iter().zip(told) {
            let name = format!("{:?} {:?}", rule.subject, rule.condition);
            prop_assert_eq!(told, live(rule, &samples, until), "{}", name);
        }
    }
}
