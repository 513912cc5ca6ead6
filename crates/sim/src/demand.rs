//! What the town uses: a daily and weekly pattern, the weather of the day and the chance of the minute.
//! A pure function of seed and time. Must not know pressures or pipes.

use penstock_model::Timestamp;

use crate::noise::Noise;
use crate::town::AREAS;

/// Seconds that local time in Nandipur is ahead of UTC; it has no summer time.
pub(crate) const ZONE_SECS: i64 = 19_800;

/// Use by the hour of households on a working day, as a share of the day's average.
const HOUSEHOLD: [f64; 24] = [
    0.34, 0.28, 0.26, 0.28, 0.42, 0.92, 1.52, 1.78, 1.66, 1.40, 1.20, 1.12, 1.14, 1.06, 0.94, 0.90, 0.98, 1.18, 1.42,
    1.50, 1.26, 0.98, 0.70, 0.46,
];

/// Use by the hour of shops and mills.
const TRADE: [f64; 24] = [
    0.44, 0.42, 0.42, 0.44, 0.50, 0.66, 0.92, 1.22, 1.40, 1.44, 1.42, 1.38, 1.26, 1.34, 1.42, 1.40, 1.34, 1.24, 1.14,
    1.02, 0.86, 0.68, 0.54, 0.48,
];

/// Share of its ordinary use that trade draws on each weekday, Monday first.
const TRADE_WEEK: [f64; 7] = [1.04, 1.04, 1.03, 1.03, 1.04, 0.98, 0.80];

/// Share of their ordinary use that households draw on each weekday, Monday first.
const HOUSEHOLD_WEEK: [f64; 7] = [1.01, 0.99, 0.99, 0.99, 1.0, 1.01, 1.04];

/// Seconds since local midnight, and the weekday with Monday as 0.
pub(crate) fn local(at: Timestamp) -> (f64, usize) {
    let secs = at.as_secs_f64() + ZONE_SECS as f64;
    let day = (secs / 86_400.0).floor();
    // 1970-01-01 was a Thursday.
    let weekday = (day as i64 + 3).rem_euclid(7);
    (secs - day * 86_400.0, usize::try_from(weekday).unwrap_or(0))
}

/// Seconds after local midnight at which the duty of the pumps turns.
const DUTY_TURNS_SECS: f64 = 21_480.0;

/// The day by which the pumps' duty turns.
pub(crate) fn duty_day(at: Timestamp) -> i64 {
    ((at.as_secs_f64() + ZONE_SECS as f64 - DUTY_TURNS_SECS) / 86_400.0).floor() as i64
}

/// What an area's people would use at full pressure, m³/s.
pub(crate) fn of_area(area: usize, at: Timestamp, noise: Noise) -> f64 {
    let Some(spec) = AREAS.get(area) else { return 0.0 };
    let (secs, weekday) = local(at);
    let stream = 100 + 10 * area as u64;
    // Some mornings start late and some evenings end early, by up to a quarter of an hour.
    let shifted = secs + 900.0 * noise.smooth(stream, at, 40_000.0);
    let household = hour_curve(&HOUSEHOLD, shifted) * HOUSEHOLD_WEEK.get(weekday).copied().unwrap_or(1.0);
    let trade = hour_curve(&TRADE, shifted) * TRADE_WEEK.get(weekday).copied().unwrap_or(1.0);
    let usual = household * (1.0 - spec.trade) + trade * spec.trade;
    let weather = 1.0 + 0.030 * noise.smooth(stream + 1, at, 86_400.0 * 1.7);
    let drift = 1.0 + 0.030 * noise.smooth(stream + 2, at, 2_700.0);
    let flutter = 1.0 + 0.018 * noise.smooth(stream + 3, at, 240.0);
    spec.use_m3h / 3_600.0 * usual * weather * drift * flutter
}

/// A curve through the middle of each hour.
fn hour_curve(hours: &[f64; 24], secs: f64) -> f64 {
    let place = secs / 3_600.0 - 0.5;
    let cell = place.floor();
    let hour = |offset: i64| {
        let index = (cell as i64 + offset).rem_euclid(24);
        usize::try_from(index).ok().and_then(|index| hours.get(index)).copied().unwrap_or(1.0)
    };
    let t = place - cell;
    let (before, from, to, after) = (hour(-1), hour(0), hour(1), hour(2));
    // Catmull and Rom: smooth, and through every knot.
    0.5 * (2.0 * from
        + (to - before) * t
        + (2.0 * before - 5.0 * from + 4.0 * to - after) * t * t
        + (3.0 * from - before - 3.0 * to + after) * t * t * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monday(hour: f64) -> Timestamp {
        // 2026-11-16 was a Monday; its local midnight is 18:30 UTC of the day before.
        let midnight = Timestamp::parse("2026-11-15T18:30:00Z").expect("valid");
        Timestamp::from_micros(midnight.as_micros() + (hour * 3.6e9) as i64)
    }

    #[test]
    fn local_time_is_that_of_kolkata() {
        let (secs, weekday) = local(monday(7.5));
        assert!((secs - 27_000.0).abs() < 1e-6);
        assert_eq!(weekday, 0);
        assert_eq!(local(monday(-0.1)).1, 6);
    }

    #[test]
    fn the_duty_turns_in_the_morning() {
        assert_eq!(duty_day(monday(5.9)), duty_day(monday(-17.0)));
        assert_eq!(duty_day(monday(6.0)), duty_day(monday(5.9)) + 1);
    }

    #[test]
    fn mornings_are_busy_and_nights_are_quiet() {
        let noise = Noise::new(1);
        for area in 0..AREAS.len() {
            let use_at = |hour| of_area(area, monday(hour), noise);
            assert!(use_at(7.5) > 1.9 * use_at(2.5), "{area}");
        }
    }

    #[test]
    fn a_week_uses_the_average() {
        for (area, spec) in AREAS.iter().enumerate() {
            let minutes = 7 * 24 * 60;
            let noise = Noise::new(3);
            let sum: f64 = (0..minutes).map(|minute| of_area(area, monday(f64::from(minute) / 60.0), noise)).sum();
            let mean = sum / f64::from(minutes) * 3_600.0;
            assert!((mean / spec.use_m3h - 1.0).abs() < 0.06, "{}: {mean}", spec.name);
        }
    }
}
