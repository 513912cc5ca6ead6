//! The asset's detector on made-up days of a pumping station, and on anything at all.

use penstock_anomaly::{
    ASSET_SNAPSHOT_VERSION, AssetConfig, AssetDetector, AssetPoint, AssetSnapshot, AssetVerdict, Error, PointFault,
    Reason, State,
};
use penstock_model::{Band, Timestamp};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEP_SECS: i64 = 300;
const FIT_ROWS: usize = 1_200;
const FLOW: usize = 0;
const PRESSURE: usize = 1;
const PUMP: usize = 3;

/// Demand that goes up and down, a pump that fills a tank, and a pressure that follows both.
struct Plant {
    random: ChaCha8Rng,
    row: i64,
    wander: f64,
    level: f64,
    pump: f64,
}

impl Plant {
    fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), row: 0, wander: 0.0, level: 3.0, pump: 0.0 }
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.random.random_range(0.0..1.0)).sum::<f64>() - 6.0
    }

    /// Flow, pressure, level, and whether the pump runs.
    fn row(&mut self) -> [f64; 4] {
        let hour = (self.row % 288) as f64 / 12.0;
        self.row += 1;
        self.wander = 0.9 * self.wander + 2.0 * self.normal();
        let demand = 100.0 + 40.0 * (hour / 24.0 * std::f64::consts::TAU).sin() + self.wander;
        self.pump = if self.level < 2.2 {
            1.0
        } else if self.level > 4.2 {
            0.0
        } else {
            self.pump
        };
        self.level += (220.0 * self.pump - demand) / 2_000.0;
        let pressure = 5.0 - demand * demand / 25_000.0 + 0.2 * self.pump + 0.02 * self.normal();
        [demand + 1.5 * self.normal(), pressure, self.level + 0.01 * self.normal(), self.pump]
    }
}

fn config(fit_rows: usize) -> AssetConfig {
    let range = Band::new(-5.0, 20.0).ok();
    let pressure = AssetPoint { range, ..AssetPoint::target() };
    AssetConfig { points: vec![AssetPoint::target(), pressure, AssetPoint::target(), AssetPoint::status()], fit_rows }
}

/// The time of a row.
fn at(row: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + row * STEP_SECS)
}

/// A plant that has run for long enough to be judged, and its detector.
fn fitted(seed: u64) -> (Plant, AssetDetector) {
    let mut plant = Plant::new(seed);
    let mut detector = AssetDetector::new(config(FIT_ROWS)).expect("can be judged");
    for _ in 0..FIT_ROWS {
        let (row, values) = (plant.row, plant.row());
        assert_eq!(detector.observe(at(row), &values).state, State::WarmingUp);
    }
    assert!(detector.fitted().is_some());
    (plant, detector)
}

/// Verdicts of so many further rows, changed from the given one on.
fn after_change(seed: u64, rows: i64, change: impl Fn(i64, &mut [f64; 4])) -> Vec<AssetVerdict> {
    let (mut plant, mut detector) = fitted(seed);
    (0..rows)
        .map(|since| {
            let (row, mut values) = (plant.row, plant.row());
            change(since, &mut values);
            detector.observe(at(row), &values).clone()
        })
        .collect()
}

#[test]
fn ordinary_days_are_quiet() {
    let (mut alarmed, mut flagged) = (0, 0);
    for seed in 0..4 {
        for verdict in after_change(seed, 2_880, |_, _| ()) {
            assert_eq!(verdict.state, State::Scoring);
            assert!(verdict.confidence > 0.3, "{}", verdict.confidence);
            alarmed += usize::from(verdict.is_alarm);
            flagged += verdict.points.iter().filter(|point| point.is_anomalous()).count();
            assert_eq!(verdict.points[PUMP].state, State::NotEnoughToSay, "a status is never judged");
        }
    }
    // 11,520 rows.
    assert!(alarmed < 230, "{alarmed} rows in alarm");
    assert!(flagged < 230, "{flagged} readings flagged");
}

#[test]
fn what_does_not_fit_is_named_and_its_neighbours_are_not() {
    let verdicts = after_change(7, 400, |since, values| {
        if since % 40 == 20 {
            values[PRESSURE] -= 0.5;
        }
    });
    let mut misnamed = 0;
    for (since, verdict) in verdicts.iter().enumerate() {
        if since % 40 != 20 {
            misnamed += usize::from(verdict.points[PRESSURE].is_anomalous());
            continue;
        }
        assert!(verdict.points[PRESSURE].is_anomalous(), "{since}: {verdict:?}");
        misnamed += usize::from(verdict.points[FLOW].is_anomalous());
        assert_eq!(verdict.contributions[0].point, PRESSURE, "{verdict:?}");
        assert!(verdict.contributions[0].share > 0.5);
        let Reason::JumpDown { by } = verdict.points[PRESSURE].reason else { panic!("{verdict:?}") };
        assert!((0.4..0.6).contains(&by), "{by}");
        let expected = verdict.points[PRESSURE].expected.expect("a band");
        assert!(expected.high - expected.low < 0.4, "{expected:?}");
        assert!((verdict.points[PRESSURE].residual + 0.5).abs() < 0.15);
    }
    assert!(misnamed <= 4, "{misnamed} readings flagged beside those that were wrong");
}

#[test]
fn a_small_lasting_offset_raises_one_alarm() {
    let verdicts = after_change(3, 300, |since, values| {
        if since >= 100 {
            values[PRESSURE] -= 0.12;
        }
    });
    let first = verdicts.iter().skip(100).position(|verdict| verdict.is_alarm).expect("found");
    assert!(first < 40, "only after {first} rows");
    let verdict = &verdicts[100 + first];
    assert!(verdict.since.is_some() && verdict.score > 0.5);
}

#[test]
fn missing_and_impossible_values_are_faults() {
    let verdicts = after_change(1, 30, |since, values| match since {
        10..13 => values[FLOW] = f64::NAN,
        15 => values[PRESSURE] = 1e6,
        20 => *values = [f64::NAN; 4],
        _ => (),
    });
    assert_eq!(verdicts[11].points[FLOW].fault, Some(PointFault::Missing));
    assert_eq!(verdicts[11].state, State::Scoring, "the others are there");
    assert_eq!(verdicts[11].points[PRESSURE].state, State::Scoring);
    assert_eq!(verdicts[15].points[PRESSURE].fault, Some(PointFault::OutOfRange));
    assert_eq!(verdicts[20].state, State::NotEnoughToSay, "all are silent: nothing is said of the asset");
    assert_eq!(verdicts[20].points[FLOW].fault, None);
    assert!(verdicts.iter().skip(25).all(|verdict| verdict.state == State::Scoring));
}

#[test]
fn a_stuck_point_is_told() {
    let verdicts = after_change(2, 60, |since, values| {
        if since >= 10 {
            values[FLOW] = 101.25;
        }
    });
    let stuck = verdicts.iter().any(|verdict| matches!(verdict.points[FLOW].reason, Reason::Stuck { .. }));
    assert!(stuck, "{:?}", verdicts.last());
}

#[test]
fn another_unit_is_another_plant_after_a_while() {
    let (mut plant, mut detector) = fitted(4);
    let mut alarmed = 0;
    for since in 0..8 * FIT_ROWS {
        let (row, values) = (plant.row, plant.row().map(|value| value * 3.6));
        let verdict = detector.observe(at(row), &values);
        alarmed += usize::from(since < FIT_ROWS / 2 && verdict.is_alarm);
    }
    assert!(alarmed > FIT_ROWS / 3, "{alarmed} rows in alarm at first");
    let fitted = detector.fitted().expect("fitted");
    assert!(fitted.baselines >= 2, "{fitted:?}");
    assert!(!detector.verdict().is_alarm, "{:?}", detector.verdict());
}

#[test]
fn it_learns_and_tells_what_it_rests_on() {
    let (mut plant, mut detector) = fitted(5);
    let before = detector.fitted().expect("fitted");
    assert!(before.rows > FIT_ROWS - 10 && before.coefficients > 20 && before.components > 0, "{before:?}");
    assert!(before.inflation > 0.5 && before.inflation < 2.0, "{before:?}");
    assert!(before.explained[FLOW].is_some_and(|share| share > 0.8), "{before:?}");
    assert_eq!(before.explained[PUMP], None);
    for _ in 0..3_000 {
        let row = plant.row;
        detector.observe(at(row), &plant.row());
    }
    let after = detector.fitted().expect("fitted");
    assert!(after.refits >= 2 && after.effective_rows > before.effective_rows, "{after:?}");
}

#[test]
fn planned_work_is_neither_judged_nor_learned() {
    let (mut plant, mut detector) = fitted(6);
    let before = detector.fitted();
    for _ in 0..200 {
        let row = plant.row;
        let verdict = detector.pass(at(row), &plant.row().map(|value| value + 50.0));
        assert!(!verdict.is_alarm && verdict.score == 0.0 && verdict.state == State::NotEnoughToSay);
    }
    assert_eq!(detector.fitted(), before);
    let quiet = (0..100).filter(|_| {
        let row = plant.row;
        !detector.observe(at(row), &plant.row()).is_alarm
    });
    assert!(quiet.count() > 90);
}

#[test]
fn time_that_runs_backwards_changes_nothing() {
    let (mut plant, mut detector) = fitted(8);
    let row = plant.row;
    detector.observe(at(row), &plant.row());
    let before = detector.snapshot();
    assert_eq!(detector.observe(at(row - 5), &[0.0; 4]).state, State::NotEnoughToSay);
    assert_eq!(detector.observe(at(row + 1), &[0.0; 3]).state, State::NotEnoughToSay, "not a row of this asset");
    let values = plant.row();
    let mut other = AssetDetector::restore(before).expect("sound");
    assert_eq!(detector.observe(at(row + 1), &values), other.observe(at(row + 1), &values));
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_happened() {
    let (mut plant, mut detector) = fitted(9);
    for rows in [0, 700] {
        (0..rows).for_each(|_| {
            let row = plant.row;
            detector.observe(at(row), &plant.row());
        });
        let text = serde_json::to_string(&detector.snapshot()).expect("written");
        let snapshot: AssetSnapshot = serde_json::from_str(&text).expect("read");
        let mut restored = AssetDetector::restore(snapshot.clone()).expect("same version");
        for _ in 0..100 {
            let (row, values) = (plant.row, plant.row());
            assert_eq!(restored.observe(at(row), &values), detector.observe(at(row), &values));
        }
        let other = AssetSnapshot { version: ASSET_SNAPSHOT_VERSION + 1, ..snapshot };
        assert!(matches!(AssetDetector::restore(other), Err(Error::Version { .. })));
    }
    let damaged = serde_json::to_string(&detector.snapshot()).expect("written").replacen("\"lags\":", "\"lags\":1", 1);
    let damaged: AssetSnapshot = serde_json::from_str(&damaged).expect("read");
    assert_eq!(AssetDetector::restore(damaged), Err(Error::Damaged));
}

#[test]
fn a_million_equal_rows_and_other_poor_series() {
    let mut detector = AssetDetector::new(config(500)).expect("can be judged");
    for row in 0..1_000_000 {
        let verdict = detector.observe(at(row), &[4.2, 1.0, 2.0, 0.0]);
        assert!(verdict.score == 0.0 && !verdict.is_alarm, "{row}: {verdict:?}");
        assert!(verdict.points.iter().all(|point| point.state != State::Scoring));
    }
    let mut two = AssetDetector::new(config(2)).expect("can be judged");
    two.observe(at(0), &[1.0, 2.0, 3.0, 0.0]);
    assert_eq!(two.observe(at(1), &[-1e308, 2.0, 3.0, 0.0]).state, State::WarmingUp);
    assert_eq!(two.observe(at(2), &[-1e308, 2.0, 3.0, 0.0]).state, State::WarmingUp);
}

#[test]
fn an_asset_without_a_measured_point_is_refused() {
    let config = AssetConfig { points: vec![AssetPoint::status()], fit_rows: 100 };
    assert!(matches!(AssetDetector::new(config), Err(Error::Points { targets: 0, .. })));
    let config = AssetConfig { points: vec![AssetPoint::target(); 1_000], fit_rows: 100 };
    assert!(matches!(AssetDetector::new(config), Err(Error::Points { .. })));
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -100.0..100.0,
        2 => Just(0.0),
        2 => Just(7.0),
        1 => any::<f64>(),
        1 => prop::sample::select(vec![f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN, 1e-300]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever comes, every score is in 0 to 1, bands are in order, the state stays sound, and the same comes out
    /// twice.
    #[test]
    fn never_anything_but_a_verdict(
        steps in prop::collection::vec((prop_oneof![9 => Just(60_i64), 1 => -5_000..5_000_i64, 1 => 0..40_000_000_i64], prop::array::uniform3(any_value())), 1..400),
        fit_rows in 0..120_usize,
        has_status in any::<bool>(),
    ) {
        let last = if has_status { AssetPoint::status() } else { AssetPoint::target() };
        let config = AssetConfig { points: vec![AssetPoint::target(), AssetPoint::target(), last], fit_rows };
        let mut detector = AssetDetector::new(config.clone()).expect("can be judged");
        let mut twin = AssetDetector::new(config).expect("can be judged");
        let mut seconds = 1_700_000_000_i64;
        for (after, values) in steps {
            seconds += after;
            let at = Timestamp::from_secs(seconds);
            let verdict = detector.observe(at, &values).clone();
            prop_assert_eq!(&verdict, twin.observe(at, &values));
            let shares = verdict.contributions.iter().map(|contribution| contribution.share);
            let numbers = [verdict.score, verdict.confidence, verdict.together, verdict.apart];
            for number in numbers.into_iter().chain(shares).chain(verdict.points.iter().map(|point| point.score)) {
                prop_assert!((0.0..=1.0).contains(&number), "{:?}", verdict);
            }
            prop_assert!(verdict.state == State::Scoring || verdict.score == 0.0);
            for point in &verdict.points {
                prop_assert!(point.residual.is_finite());
                prop_assert!(point.expected.is_none_or(|band| band.low < band.high));
            }
        }
        prop_assert!(AssetDetector::restore(detector.snapshot()).is_ok());
    }
}
