//! The ordinary day of a point: mean and scatter by time of day, in half hours joined by straight lines, forgetting
//! over about a week. Half hours follow the steep sides of a morning peak better than a few harmonics do, and cost the
//! same. The day is the UTC day; a change to summer time is learned anew within days. Must not know samples.

use penstock_model::Timestamp;
use serde::{Deserialize, Serialize};

const BINS: usize = 48;
const DAY_MICROS: i64 = 86_400_000_000;
const MEMORY_DAYS: f64 = 7.0;

/// Mean and scatter by time of day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    bins: Vec<Bin>,
    /// Sum of the means, kept along so that the centre costs nothing.
    sum: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Bin {
    mean: f64,
    scatter: f64,
    step: f64,
    weight: f64,
}

/// What is ordinary at one time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ordinary {
    /// Offset from the day's mean.
    pub(crate) offset: f64,
    /// Mean absolute deviation at that time.
    pub(crate) scatter: f64,
    /// Mean absolute step residual at that time.
    pub(crate) step: f64,
}

/// The two bins around a time of day, and the share of the later one.
#[derive(Debug, Clone, Copy)]
struct Place {
    earlier: usize,
    later: usize,
    share: f64,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self { bins: vec![Bin::default(); BINS], sum: 0.0 }
    }

    /// What is ordinary at this time of day; none where one of the half hours around it was never seen.
    pub(crate) fn at(&self, time: Timestamp) -> Option<Ordinary> {
        let place = Place::of(time);
        let (earlier, later) = (self.bins.get(place.earlier)?, self.bins.get(place.later)?);
        if earlier.weight <= 0.0 || later.weight <= 0.0 {
            return None;
        }
        let mix = |a: f64, b: f64| a + (b - a) * place.share;
        Some(Ordinary {
            offset: mix(earlier.mean, later.mean) - self.sum / BINS as f64,
            scatter: mix(earlier.scatter, later.scatter),
            step: mix(earlier.step, later.step),
        })
    }

    /// Takes a value with its deviation from the ordinary and the size of its step residual, at samples `interval_secs`
    /// apart.
    pub(crate) fn learn(&mut self, time: Timestamp, value: f64, deviation: f64, step: f64, interval_secs: f64) {
        let place = Place::of(time);
        let most = (MEMORY_DAYS * 86_400.0 / BINS as f64 / interval_secs.max(1e-3)).max(MEMORY_DAYS);
        let mean_of = |bin: Option<&Bin>| bin.filter(|bin| bin.weight > 0.0).map_or(value, |bin| bin.mean);
        let (earlier, later) = (mean_of(self.bins.get(place.earlier)), mean_of(self.bins.get(place.later)));
        let error = value - (earlier + (later - earlier) * place.share);
        for (index, share) in [(place.earlier, 1.0 - place.share), (place.later, place.share)] {
            let Some(bin) = self.bins.get_mut(index) else { continue };
            let before = bin.mean;
            if bin.weight <= 0.0 {
                bin.mean = value;
                bin.scatter = deviation.abs();
                bin.step = step;
            }
            bin.weight = (bin.weight + share).min(most).max(f64::MIN_POSITIVE);
            let gain = (share / bin.weight).min(share);
            bin.mean += gain * error;
            bin.scatter += gain * (deviation.abs() - bin.scatter);
            bin.step += gain * (step - bin.step);
            self.sum += bin.mean - before;
        }
    }

    /// Whether it has all its parts and every number is one.
    pub(crate) fn is_sound(&self) -> bool {
        self.bins.len() == BINS
            && self.sum.is_finite()
            && self.bins.iter().all(|bin| {
                bin.mean.is_finite() && bin.scatter.is_finite() && bin.step.is_finite() && bin.weight.is_finite()
            })
    }

    /// Whether every part of the day was seen on about this many days.
    pub(crate) fn is_known(&self, days: f64, interval_secs: f64) -> bool {
        let each_day = (86_400.0 / BINS as f64 / interval_secs.max(1e-3)).max(0.1);
        self.bins.iter().filter(|bin| bin.weight >= 0.7 * days * each_day.min(8.0)).count() * 10 >= BINS * 9
    }
}

impl Place {
    fn of(time: Timestamp) -> Self {
        // Bin centres lie on the half hours; the last one is joined to the first over midnight.
        let of_day = time.as_micros().rem_euclid(DAY_MICROS);
        let position = of_day as f64 / DAY_MICROS as f64 * BINS as f64;
        let earlier = (position as usize).min(BINS - 1);
        Self { earlier, later: (earlier + 1) % BINS, share: (position - earlier as f64).clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_the_shape_of_a_day() {
        let mut profile = Profile::new();
        let day = |secs: i64| 10.0 + (secs as f64 / 86_400.0 * std::f64::consts::TAU).sin();
        assert_eq!(profile.at(Timestamp::from_secs(0)), None);
        for secs in (0..5 * 86_400).step_by(300) {
            profile.learn(Timestamp::from_secs(secs), day(secs), 0.1, 0.0, 300.0);
        }
        assert!(profile.is_known(2.0, 300.0));
        for secs in (0..86_400).step_by(1_000) {
            let ordinary = profile.at(Timestamp::from_secs(secs)).expect("known");
            assert!((ordinary.offset + 10.0 - day(secs)).abs() < 0.02, "{secs}: {ordinary:?}");
            assert!((ordinary.scatter - 0.1).abs() < 1e-9);
        }
    }

    #[test]
    fn half_a_day_is_not_known() {
        let mut profile = Profile::new();
        for secs in (0..43_200).step_by(60) {
            profile.learn(Timestamp::from_secs(secs), 1.0, 0.0, 0.0, 60.0);
        }
        assert!(!profile.is_known(0.1, 60.0));
        assert_eq!(profile.at(Timestamp::from_secs(60_000)), None);
    }
}
