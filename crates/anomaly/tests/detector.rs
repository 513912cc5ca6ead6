//! The detector on made-up days of a plant, and on anything at all.

use std::time::Duration;

use penstock_anomaly::{ALARM_SCORE, Config, Detector, Error, Fleet, Reason, State, Verdict};
use penstock_model::{Doubt, Fault, PointNo, Quality, Sample, Timestamp};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEP_SECS: i64 = 300;
const DAY: i64 = 86_400 / STEP_SECS;

fn sample(at_secs: i64, value: f64) -> Sample {
    let at = Timestamp::from_secs(at_secs);
    Sample { point: PointNo(0), source_time: at, received_time: at, value: Some(value), quality: Quality::Good }
}

/// Flow into an area: two peaks a day, demand that wanders, a meter that scatters.
struct Town {
    random: ChaCha8Rng,
    wander: f64,
}

impl Town {
    fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), wander: 0.0 }
    }

    fn flow(&mut self, row: i64) -> f64 {
        let hour = (row % DAY) as f64 / DAY as f64 * 24.0;
        let peak = |at: f64, width: f64| (-0.5 * ((hour - at) / width).powi(2)).exp();
        self.wander = 0.9 * self.wander + 0.02 * self.normal();
        100.0 * (0.5 + 0.7 * peak(7.5, 1.6) + 0.6 * peak(19.0, 2.2)) * (1.0 + self.wander) + 1.0 * self.normal()
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.random.random_range(0.0..1.0)).sum::<f64>() - 6.0
    }
}

/// What happens to the flow from the given row on.
type Change = fn(&mut Town, f64, i64) -> f64;

/// Verdicts of twelve days of which the last four are changed, from the first changed row on.
fn after_change(change: Change) -> Vec<Verdict> {
    let mut town = Town::new(11);
    let mut detector = Detector::new(Config::default());
    (0..12 * DAY)
        .filter_map(|row| {
            let flow = town.flow(row);
            let since = row - 8 * DAY;
            let value = if since >= 0 { change(&mut town, flow, since) } else { flow };
            let verdict = detector.observe(&sample(row * STEP_SECS, value));
            (since >= 0).then_some(verdict)
        })
        .collect()
}

fn first_flagged(verdicts: &[Verdict]) -> Option<(usize, Reason)> {
    verdicts.iter().enumerate().find(|(_, verdict)| verdict.is_anomalous()).map(|(row, verdict)| (row, verdict.reason))
}

#[test]
fn an_ordinary_fortnight_is_quiet() {
    let mut flagged = 0;
    for seed in 0..8 {
        let mut town = Town::new(seed);
        let mut detector = Detector::new(Config::default());
        for row in 0..14 * DAY {
            let verdict = detector.observe(&sample(row * STEP_SECS, town.flow(row)));
            flagged += usize::from(verdict.is_anomalous());
            assert_eq!(verdict.state == State::WarmingUp, row < 300, "{row}");
        }
    }
    // 8 points for 13 days: one in ten days each would be 10.
    assert!(flagged <= 10, "{flagged} flagged");
}

#[test]
fn spikes_are_flagged_at_once_and_leave_no_echo() {
    let spike: Change = |_, flow, row| if row % 50 == 20 { flow + 40.0 } else { flow };
    let verdicts = after_change(spike);
    for (row, verdict) in verdicts.iter().enumerate() {
        let is_spike = row % 50 == 20;
        assert_eq!(verdict.is_anomalous(), is_spike, "{row}: {verdict:?}");
        if is_spike {
            let Reason::JumpUp { by } = verdict.reason else { panic!("{verdict:?}") };
            assert!((30.0..50.0).contains(&by), "{by}");
            assert!(verdict.expected.is_some_and(|band| band.low < band.high));
        }
    }
}

#[test]
fn a_burst_is_flagged_at_once_and_as_long_as_it_is_new() {
    let verdicts = after_change(|_, flow, _| flow + 60.0);
    assert!(matches!(first_flagged(&verdicts), Some((0, Reason::JumpUp { .. }))));
    let rows = usize::try_from(DAY).expect("small");
    let held = verdicts.iter().skip(12).take(rows / 2).filter(|verdict| verdict.is_anomalous()).count();
    assert!(held > rows / 3, "{held} of {}", rows / 2);
    // Nearly everything flagged for a day: the new ordinary. The last two days are judged anew and quiet.
    let late = verdicts.iter().skip(2 * rows + 300).filter(|verdict| verdict.is_anomalous()).count();
    assert!(late < 10, "{late} still flagged");
}

#[test]
fn a_slow_drift_is_flagged_before_it_is_large() {
    // 3 % of the mean flow an hour.
    let verdicts = after_change(|_, flow, row| flow + 100.0 * 0.03 * row as f64 / 12.0);
    let (row, reason) = first_flagged(&verdicts).expect("found");
    assert!(row < 12 * 12, "only after {row} rows");
    assert!(matches!(reason, Reason::Above { .. }), "{reason:?}");
}

#[test]
fn a_stuck_sensor_is_flagged_within_an_hour() {
    let verdicts = after_change(|_, _, _| 77.25);
    let stuck = verdicts.iter().take(12).find_map(|verdict| match verdict.reason {
        Reason::Stuck { lasting } if verdict.is_anomalous() => Some(lasting),
        _ => None,
    });
    assert!(stuck.is_some_and(|lasting| lasting <= Duration::from_secs(3_600)), "{stuck:?}");
}

#[test]
fn noise_is_flagged() {
    let verdicts = after_change(|town, flow, _| flow + 6.0 * town.normal());
    assert!(first_flagged(&verdicts).is_some_and(|(row, _)| row < 24));
}

#[test]
fn a_pump_that_starts_every_few_hours_becomes_known() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut detector = Detector::new(Config::default());
    let (mut running, mut until) = (false, 0);
    let (mut alarms, mut was_flagged) = (0, false);
    for minute in 0..10 * 1_440_i64 {
        if minute >= until {
            running = !running;
            until = minute + random.random_range(90..300);
        }
        let power = if running { 45.0 + random.random_range(-0.5..0.5) } else { 0.0 };
        let verdict = detector.observe(&sample(minute * 60, power));
        if minute > 4 * 1_440 && verdict.is_anomalous() {
            assert!(matches!(verdict.reason, Reason::Above { .. } | Reason::Below { .. }), "{minute}: {verdict:?}");
            alarms += usize::from(!was_flagged);
        }
        was_flagged = verdict.is_anomalous();
    }
    // No start or stop; that it ran unusually long may be told now and then.
    assert!(alarms <= 2, "{alarms} alarms in six days");
}

#[test]
fn what_is_not_good_is_not_judged_and_changes_nothing() {
    let mut town = Town::new(3);
    let mut detector = Detector::new(Config::default());
    (0..3 * DAY).for_each(|row| {
        detector.observe(&sample(row * STEP_SECS, town.flow(row)));
    });
    let before = detector.clone();
    let later = 4 * DAY * STEP_SECS;
    let good = sample(later, 1e9);
    for bad in [
        Sample { quality: Quality::Bad(Fault::Device), ..good },
        Sample { quality: Quality::Uncertain(Doubt::OutOfRange), ..good },
        Sample { value: None, ..good },
        Sample { value: Some(f64::NAN), ..good },
        Sample { source_time: Timestamp::from_secs(5), ..good },
    ] {
        let verdict = detector.observe(&bad);
        assert_eq!((verdict.state, verdict.score), (State::NotEnoughToSay, 0.0));
        assert_eq!(detector, before);
    }
}

#[test]
fn expectation_follows_the_day() {
    let mut town = Town::new(3);
    let mut detector = Detector::new(Config::default());
    assert_eq!(detector.expected_at(Timestamp::from_secs(0)), None);
    (0..8 * DAY).for_each(|row| {
        detector.observe(&sample(row * STEP_SECS, town.flow(row)));
    });
    let mut inside = 0;
    for row in 8 * DAY..9 * DAY {
        let band = detector.expected_at(Timestamp::from_secs(row * STEP_SECS)).expect("known");
        let flow = town.flow(row);
        inside += i64::from((band.low..=band.high).contains(&flow));
        assert!(band.high - band.low < 80.0, "{band:?} says nothing");
    }
    assert!(inside * 100 > DAY * 95, "{inside} of {DAY}");
}

#[test]
fn a_million_equal_values_and_other_poor_series() {
    let mut detector = Detector::new(Config::default());
    for at in 0..1_000_000 {
        let verdict = detector.observe(&sample(at, 4.2));
        assert_eq!(verdict.score, 0.0);
        assert!(verdict.state != State::Scoring);
    }
    let mut two = Detector::new(Config::default());
    two.observe(&sample(0, 1.0));
    assert_eq!(two.observe(&sample(1, -1e308)).state, State::WarmingUp);
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_happened() {
    let mut town = Town::new(9);
    let mut fleet = Fleet::new();
    fleet.watch(PointNo(0), Config::default());
    fleet.watch(PointNo(3), Config::default());
    fleet.watch(PointNo(-1), Config::default());
    (0..4 * DAY).for_each(|row| {
        fleet.observe(&sample(row * STEP_SECS, town.flow(row)));
    });
    let text = serde_json::to_string(&fleet.snapshot()).expect("written");
    let mut restored = Fleet::restore(serde_json::from_str(&text).expect("read")).expect("same version");
    assert_eq!(restored, fleet);
    for row in 4 * DAY..6 * DAY {
        let sample = sample(row * STEP_SECS, town.flow(row) + if row % 40 == 0 { 30.0 } else { 0.0 });
        assert_eq!(restored.observe(&sample), fleet.observe(&sample));
    }
    assert!(fleet.expected_at(PointNo(0), Timestamp::from_secs(0)).is_some());
    fleet.forget(PointNo(0));
    assert_eq!(fleet.observe(&sample(9 * DAY * STEP_SECS, 1.0)).state, State::NotEnoughToSay);

    let mut other = restored.snapshot();
    other.version += 1;
    assert!(matches!(Fleet::restore(other), Err(Error::Version { .. })));
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -100.0..100.0,
        2 => Just(0.0),
        1 => Just(7.0),
        1 => any::<f64>(),
        1 => prop::sample::select(vec![f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN, 1e-300]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever comes, the score is in 0 to 1, a band is in order, the state stays sound, and the same comes out twice.
    #[test]
    fn never_anything_but_a_verdict(
        steps in prop::collection::vec((prop_oneof![8 => 1..900_i64, 1 => -5_000..5_000_i64, 1 => 0..40_000_000_i64], any_value()), 1..700),
        warm_up in 0..50_u32,
        rate in prop_oneof![0.0..10.0, any::<f64>()],
    ) {
        let config = Config { warm_up, false_alarms_per_day: rate };
        let (mut detector, mut twin) = (Detector::new(config), Detector::new(config));
        let mut at = 1_700_000_000_i64;
        for (after, value) in steps {
            at += after;
            let sample = sample(at, value);
            let verdict = detector.observe(&sample);
            prop_assert_eq!(verdict, twin.observe(&sample));
            prop_assert!((0.0..=1.0).contains(&verdict.score), "{:?}", verdict);
            prop_assert!((0.0..=1.0).contains(&verdict.confidence), "{:?}", verdict);
            prop_assert!(verdict.state == State::Scoring || verdict.score == 0.0);
            for band in [verdict.expected, detector.expected_at(Timestamp::from_secs(at + 60))].into_iter().flatten() {
                prop_assert!(band.low < band.high);
            }
        }
        let mut fleet = penstock_anomaly::Snapshot { version: penstock_anomaly::SNAPSHOT_VERSION, detectors: Vec::new() };
        fleet.detectors.push((PointNo(0), detector.clone()));
        let restored = Fleet::restore(fleet).expect("same version");
        prop_assert_eq!(restored.detector(PointNo(0)), Some(&detector), "left out as unsound");
    }
}

#[test]
fn the_threshold_is_what_an_alarm_rule_compares_with() {
    assert!((f64::from(ALARM_SCORE) - 0.8).abs() < 1e-6);
}
