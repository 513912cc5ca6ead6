//! Round ticks for values and for local time.

use jiff::tz::Offset;
use penstock_model::Timestamp;

use crate::{Range, Words, format_value};

/// A scale of values between round ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueAxis {
    /// Lower end, itself a tick.
    pub low: f64,
    /// Upper end, itself a tick.
    pub high: f64,
    /// From tick to tick.
    pub step: f64,
    /// Decimals that the ticks need.
    pub decimals: u8,
}

impl ValueAxis {
    /// A scale with 4 to 6 ticks that holds `low` to `high`, no narrower than `narrowest`.
    pub fn around(low: f64, high: f64, narrowest: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() && low <= high { (low, high) } else { (0.0, 1.0) };
        let lack = (narrowest - (high - low)).max(0.0) / 2.0;
        let (low, high) = (low - lack, high + lack);
        let span = (high - low).max(f64::MIN_POSITIVE.max(high.abs() * 1e-9)).max(1e-12);
        let scale = 10_f64.powf((span / 5.0).log10().floor());
        let fits = |step: f64| {
            let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
            ((last - first) <= 5.0).then_some((first * step, last * step, step))
        };
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0].map(|factor| factor * scale);
        let (first, last, step) = steps.into_iter().find_map(fits).unwrap_or((low, high, span / 4.0));
        // Two or three intervals tell too little: a finer step within the same ends tells more.
        let intervals = ((last - first) / step).round();
        let step = if intervals <= 2.0 { step / 2.0 } else { step };
        Self { low: first, high: last, step, decimals: decimals_of(step) }
    }

    /// Its ticks with what stands beside them, the lowest first.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let count = ((self.high - self.low) / self.step).round().clamp(0.0, 12.0) as u32;
        (0..=count)
            .map(|index| {
                let value = self.low + f64::from(index) * self.step;
                (value, format_value(value, self.decimals))
            })
            .collect()
    }
}

fn decimals_of(step: f64) -> u8 {
    (0..9_u8)
        .find(|decimals| {
            let scaled = step * 10_f64.powi(i32::from(*decimals));
            (scaled - scaled.round()).abs() < 1e-6
        })
        .unwrap_or(9)
}

/// A tick of the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeTick {
    /// When.
    pub at: Timestamp,
    /// What stands under it.
    pub text: String,
    /// Whether a new day begins here.
    pub is_day: bool,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const STEPS: [i64; 23] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    30 * DAY,
    90 * DAY,
];

/// Round local times in `range`, at most `most` of them.
pub fn time_ticks(range: Range, offset: Offset, most: usize, words: &Words) -> Vec<TimeTick> {
    let length = range.to.micros_since(range.from).max(1);
    let most = i64::try_from(most.max(1)).unwrap_or(1);
    let step = STEPS.into_iter().find(|step| length / step < most).unwrap_or(length / most + 1);
    let shift = i64::from(offset.seconds()) * SECOND;
    // Steps are counted from a local midnight, so that ticks fall on full local hours in zones of half hours too.
    let first = (range.from.as_micros() + shift).div_euclid(step) * step;
    (0..)
        .map(|index: i64| first + index * step)
        .skip_while(|local| local - shift < range.from.as_micros())
        .take_while(|local| local - shift <= range.to.as_micros())
        .map(|local| {
            let is_day = local.rem_euclid(DAY) == 0;
            let at = Timestamp::from_micros(local - shift);
            let text = if is_day { day_text(at, offset, words) } else { clock_text(at, offset, step < MINUTE) };
            TimeTick { at, text, is_day }
        })
        .collect()
}

/// `21 Nov` in local time.
pub(crate) fn day_text(at: Timestamp, offset: Offset, words: &Words) -> String {
    let Ok(stamp) = jiff::Timestamp::from_microsecond(at.as_micros()) else { return String::new() };
    let date = offset.to_datetime(stamp).date();
    let month = usize::try_from(date.month() - 1).ok().and_then(|month| words.months.get(month));
    format!("{} {}", date.day(), month.map_or("", String::as_str))
}

/// `18:42`, or `18:42:07`, in local time.
pub(crate) fn clock_text(at: Timestamp, offset: Offset, seconds: bool) -> String {
    let Ok(stamp) = jiff::Timestamp::from_microsecond(at.as_micros()) else { return String::new() };
    let time = offset.to_datetime(stamp).time();
    if seconds {
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    } else {
        format!("{:02}:{:02}", time.hour(), time.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_4_to_6_round_ticks() {
        let check = |low: f64, high: f64, expect: &[&str]| {
            let axis = ValueAxis::around(low, high, 1e-6);
            let ticks: Vec<String> = axis.ticks().into_iter().map(|(_, text)| text).collect();
            assert_eq!(ticks, expect, "{low} to {high}");
        };
        check(78.5, 144.0, &["60", "80", "100", "120", "140", "160"]);
        check(1.42, 3.48, &["1.0", "1.5", "2.0", "2.5", "3.0", "3.5"]);
        check(0.36, 0.44, &["0.36", "0.38", "0.40", "0.42", "0.44"]);
        check(-3.0, 9.0, &["\u{2212}5", "0", "5", "10"]);
        check(0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn ticks_are_local_full_hours_and_days() {
        let india = Offset::from_seconds(19_800).expect("5 h 30 min");
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let words = Words::default();
        let check = |from: &str, to: &str, most: usize, expect: &[&str]| {
            let ticks = time_ticks(Range { from: at(from), to: at(to) }, india, most, &words);
            let texts: Vec<&str> = ticks.iter().map(|tick| tick.text.as_str()).collect();
            assert_eq!(texts, expect, "{from} to {to}");
        };
        // 06:42 to 18:42 in India.
        check(
            "2026-11-21T01:12:07Z",
            "2026-11-21T13:12:07Z",
            8,
            &["08:00", "10:00", "12:00", "14:00", "16:00", "18:00"],
        );
        check("2026-11-21T16:30:00Z", "2026-11-21T20:30:00Z", 5, &["22:00", "23:00", "22 Nov", "01:00", "02:00"]);
        check(
            "2026-11-21T13:00:00Z",
            "2026-11-21T13:00:20Z",
            6,
            &["18:30:00", "18:30:05", "18:30:10", "18:30:15", "18:30:20"],
        );
        check(
            "2026-11-18T00:00:00Z",
            "2026-11-25T00:00:00Z",
            8,
            &["19 Nov", "20 Nov", "21 Nov", "22 Nov", "23 Nov", "24 Nov", "25 Nov"],
        );
    }
}
