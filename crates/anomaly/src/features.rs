//! What an isolation forest looks at of one point: the value with what the last ten and the clock say about it. Must not
//! know what becomes of it.

use std::f64::consts::TAU;

use penstock_model::{Limits, Quality, Sample, Timestamp};
use serde::{Deserialize, Serialize};

/// How many features a sample has.
pub const FEATURES: usize = 13;
/// Samples of which mean, deviation, minimum and maximum are taken, with the newest.
const WINDOW: usize = 10;
/// Values beyond this are no measurements; cutting them keeps every square finite.
const LARGEST: f64 = 1e30;
const DAY_SECS: f64 = 86_400.0;

/// A feature of a sample, in the order of their array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The value, in SI.
    Value,
    /// Mean of the last ten.
    Mean,
    /// Standard deviation of the last ten.
    Deviation,
    /// Least of the last ten.
    Minimum,
    /// Most of the last ten.
    Maximum,
    /// Change since the last one, in SI a second.
    Rate,
    /// The value less the mean of the last ten.
    FromMean,
    /// Time of day in UTC, as the sine of its angle.
    HourSine,
    /// The same as its cosine.
    HourCosine,
    /// Day of the week in UTC, as the sine of its angle.
    WeekdaySine,
    /// The same as its cosine.
    WeekdayCosine,
    /// Distance to the nearest alarm limit, negative beyond it, in SI; 0 where none is set.
    ToLimit,
    /// 0 good, 0.5 uncertain, 1 bad.
    Quality,
}

/// The features of a stream of samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Features {
    newest: Option<(Timestamp, f64)>,
    window: [f64; WINDOW],
    /// How many of the window are known, and which is next.
    known: usize,
    next: usize,
}

impl Feature {
    /// All of them, in the order of their array.
    pub const ALL: [Self; FEATURES] = [
        Self::Value,
        Self::Mean,
        Self::Deviation,
        Self::Minimum,
        Self::Maximum,
        Self::Rate,
        Self::FromMean,
        Self::HourSine,
        Self::HourCosine,
        Self::WeekdaySine,
        Self::WeekdayCosine,
        Self::ToLimit,
        Self::Quality,
    ];
}

impl Features {
    /// The features of a sample, none of which is ever not a number. A sample without value stands at the last one. None
    /// where it is not newer than the newest, or has no value and there was none before.
    pub fn observe(&mut self, sample: &Sample, limits: &Limits) -> Option<[f64; FEATURES]> {
        let at = sample.source_time;
        if self.newest.is_some_and(|(newest, _)| at <= newest) {
            return None;
        }
        let given = sample.value.filter(|value| value.is_finite()).map(|value| value.clamp(-LARGEST, LARGEST));
        let value = given.or_else(|| self.newest.map(|(_, value)| value))?;
        let rate = self.newest.map_or(0.0, |(newest, last)| (value - last) / (at.micros_since(newest) as f64 / 1e6));
        self.newest = Some((at, value));
        if let Some(slot) = self.window.get_mut(self.next) {
            *slot = value;
        }
        self.next = (self.next + 1) % WINDOW;
        self.known = (self.known + 1).min(WINDOW);

        let known = || self.window.iter().take(self.known).copied();
        let count = self.known as f64;
        let mean = known().sum::<f64>() / count;
        let deviation = (known().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        let (hour, weekday) = angles_of(at);
        Some([
            value,
            mean,
            deviation,
            known().fold(value, f64::min),
            known().fold(value, f64::max),
            rate,
            value - mean,
            hour.sin(),
            hour.cos(),
            weekday.sin(),
            weekday.cos(),
            distance(value, limits),
            match sample.quality {
                Quality::Good => 0.0,
                Quality::Uncertain(_) => 0.5,
                Quality::Bad(_) => 1.0,
            },
        ])
    }
}

/// Time of day and day of the week as angles.
fn angles_of(at: Timestamp) -> (f64, f64) {
    let secs = at.as_micros().div_euclid(1_000_000);
    let day = secs.div_euclid(DAY_SECS as i64).rem_euclid(7);
    (secs.rem_euclid(DAY_SECS as i64) as f64 / DAY_SECS * TAU, day as f64 / 7.0 * TAU)
}

fn distance(value: f64, limits: &Limits) -> f64 {
    let above = [limits.ll, limits.l].into_iter().flatten().map(|limit| value - limit);
    let below = [limits.h, limits.hh].into_iter().flatten().map(|limit| limit - value);
    above.chain(below).filter(|distance| distance.is_finite()).reduce(f64::min).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use penstock_model::{Fault, PointNo};

    use super::*;

    fn sample(secs: i64, value: f64) -> Sample {
        let at = Timestamp::from_secs(secs);
        Sample { point: PointNo(0), source_time: at, received_time: at, value: Some(value), quality: Quality::Good }
    }

    #[test]
    fn of_three_samples_by_hand() {
        let limits = Limits { l: Some(1.0), h: Some(10.0), ..Limits::default() };
        let mut features = Features::default();
        features.observe(&sample(0, 2.0), &limits);
        features.observe(&sample(10, 4.0), &limits);
        let found = features.observe(&sample(20, 9.0), &limits).expect("newer");
        let expected = [9.0, 5.0, (26.0_f64 / 3.0).sqrt(), 2.0, 9.0, 0.5, 4.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(found[11..], [1.0, 0.0]);
        assert_eq!(Feature::ALL.len(), found.len());
    }

    #[test]
    fn the_window_is_of_ten() {
        let mut features = Features::default();
        let mut found = None;
        for index in 0..25_i32 {
            found = features.observe(&sample(i64::from(index), f64::from(index)), &Limits::default());
        }
        let found = found.expect("newer");
        assert_eq!((found[1], found[3], found[4]), (19.5, 15.0, 24.0));
    }

    #[test]
    fn six_in_the_morning_is_a_quarter_of_the_day() {
        let mut features = Features::default();
        let found = features.observe(&sample(21_600, 1.0), &Limits::default()).expect("first");
        assert!((found[7] - 1.0).abs() < 1e-12 && found[8].abs() < 1e-12);
        assert_eq!((found[9], found[10]), (0.0, 1.0));
    }

    #[test]
    fn what_cannot_be_told() {
        let mut features = Features::default();
        let lost = Sample { value: None, quality: Quality::Bad(Fault::Device), ..sample(0, 0.0) };
        assert_eq!(features.observe(&lost, &Limits::default()), None);
        features.observe(&sample(10, 3.0), &Limits::default());
        assert_eq!(features.observe(&sample(10, 4.0), &Limits::default()), None);
        let later = Sample { source_time: Timestamp::from_secs(20), ..lost };
        let found = features.observe(&later, &Limits::default()).expect("stands at the last one");
        assert_eq!((found[0], found[12]), (3.0, 1.0));
        let wild = [f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE];
        for (index, value) in wild.into_iter().enumerate() {
            let sample = sample(30 + i64::try_from(index).expect("small"), value);
            let found = features.observe(&sample, &Limits::default()).expect("newer");
            assert!(found.iter().all(|feature| feature.is_finite()), "{value}: {found:?}");
        }
    }
}
