//! Numbers, units and times as screens write them: decimals fixed by quantity, true minus, no-break space, grouping by
//! language, local time. Must not know where a value comes from.

use std::time::Duration;

use penstock_model::{Quantity, Timestamp};

use crate::i18n::{Locale, td_string};

const MINUS: char = '\u{2212}';
const NO_BREAK: char = '\u{a0}';
/// Stands where there is no value.
pub(crate) const NO_VALUE: &str = "–";

/// `value` with `decimals`, grouped as `locale` does.
pub(crate) fn number(value: f64, decimals: usize, locale: Locale) -> String {
    if !value.is_finite() {
        return NO_VALUE.to_owned();
    }
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(a, b)| (a, Some(b)));
    let is_zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut out = String::with_capacity(plain.len() + 4);
    if value < 0.0 && !is_zero {
        out.push(MINUS);
    }
    let digits = whole.len();
    for (at, digit) in whole.chars().enumerate() {
        let left = digits - at;
        if at > 0 && breaks_before(left, locale) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Whether a comma stands before the last `left` digits: by thousands in English, thousand, lakh, crore in Hindi.
const fn breaks_before(left: usize, locale: Locale) -> bool {
    match locale {
        Locale::en => left.is_multiple_of(3),
        Locale::hi => left == 3 || (left > 3 && (left - 3).is_multiple_of(2)),
    }
}

/// An SI value of `quantity` in its usual unit, without the unit.
pub(crate) fn value(si: f64, quantity: Quantity, locale: Locale) -> String {
    let shown = quantity.display_unit().from_si(si);
    number(shown, decimals(shown, quantity), locale)
}

/// The same, or the sign for no value.
pub(crate) fn value_or_none(si: Option<f64>, quantity: Quantity, locale: Locale) -> String {
    si.map_or_else(|| NO_VALUE.to_owned(), |si| value(si, quantity, locale))
}

/// An SI value of `quantity` with its unit.
pub(crate) fn value_with_unit(si: f64, quantity: Quantity, locale: Locale) -> String {
    let unit = unit(quantity);
    let value = value(si, quantity, locale);
    if unit.is_empty() { value } else { format!("{value}{NO_BREAK}{unit}") }
}

/// A difference of two SI values of `quantity` with its unit, which knows no zero: four digits that count, since it may
/// be small.
pub(crate) fn difference_with_unit(si: f64, quantity: Quantity, locale: Locale) -> String {
    let shown = quantity.display_unit().difference_from_si(si);
    let above_one = if shown == 0.0 { 0 } else { shown.abs().log10().floor() as i32 };
    let text = number(shown, usize::try_from((3 - above_one).clamp(0, 12)).unwrap_or(0), locale);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text.as_str() };
    let unit = unit(quantity);
    if unit.is_empty() { text.to_owned() } else { format!("{text}{NO_BREAK}{unit}") }
}

/// What was typed is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoNumber;

/// A number as people type it, none where nothing stands there: a true minus, a decimal comma and blanks between digits
/// are all right.
///
/// # Errors
/// [`NoNumber`] where it is none.
pub(crate) fn typed(text: &str) -> Result<Option<f64>, NoNumber> {
    let mut plain: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    plain = plain.replace(MINUS, "-");
    if !plain.contains('.') && plain.matches(',').count() == 1 {
        plain = plain.replace(',', ".");
    }
    plain = plain.replace(',', "");
    if plain.is_empty() {
        return Ok(None);
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite()).map(Some).ok_or(NoNumber)
}

/// The unit's symbol as screens write it; none for states, plain numbers and pH.
pub(crate) fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::State | Quantity::Plain | Quantity::Ph => "",
        _ => quantity.display_unit().symbol(),
    }
}

fn decimals(shown: f64, quantity: Quantity) -> usize {
    match quantity {
        Quantity::Flow if shown.abs() >= 1_000.0 => 0,
        Quantity::Turbidity if shown.abs() >= 1.0 => 1,
        _ => usize::from(quantity.decimals()),
    }
}

/// A number of bytes, in decimal units.
pub(crate) fn bytes(count: u64, locale: Locale) -> String {
    let count = count as f64;
    let (value, unit, decimals) = match count {
        c if c < 1e3 => (c, "B", 0),
        c if c < 1e6 => (c / 1e3, "kB", 0),
        c if c < 1e9 => (c / 1e6, "MB", 1),
        c => (c / 1e9, "GB", 1),
    };
    format!("{}{NO_BREAK}{unit}", number(value, decimals, locale))
}

/// A count.
pub(crate) fn count(count: u64, locale: Locale) -> String {
    number(count as f64, 0, locale)
}

/// How long something lasts or is past: seconds under a minute, then minutes, `2 h 36`, days.
pub(crate) fn age(duration: Duration, locale: Locale) -> String {
    let secs = duration.as_secs();
    let (minutes, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
    match secs {
        0..60 => td_string!(locale, words.age_s, n = secs),
        60..3_600 => td_string!(locale, words.age_min, n = minutes),
        3_600..86_400 => td_string!(locale, words.age_h, h = hours, m = format!("{:02}", minutes % 60)),
        86_400..172_800 => td_string!(locale, words.age_day).to_owned(),
        _ => td_string!(locale, words.age_days, n = days),
    }
}

/// The zone that screens show times in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Zone {
    /// IANA name.
    pub(crate) name: String,
    /// As the clock shows it, for example `IST`.
    pub(crate) short: String,
    /// Offset from UTC in s, where the page cannot tell it for the moment in question.
    pub(crate) offset_secs: i32,
}

/// A moment in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// 0 Monday to 6 Sunday.
    pub(crate) weekday: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    /// Days since 1970-01-01.
    pub(crate) day_number: i64,
}

impl Zone {
    /// Offset from UTC at `at` in s.
    pub(crate) fn offset_secs_at(&self, at: Timestamp) -> i32 {
        crate::page::zone_offset_secs(&self.name, at).unwrap_or(self.offset_secs)
    }

    /// `at` in this zone.
    pub(crate) fn local(&self, at: Timestamp) -> Local {
        Local::from_secs(at.as_micros().div_euclid(1_000_000) + i64::from(self.offset_secs_at(at)))
    }

    /// `18:42:07`.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{:02}:{:02}:{:02}", local.hour, local.minute, local.second)
    }

    /// `18:42`.
    pub(crate) fn minute(&self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{:02}:{:02}", local.hour, local.minute)
    }

    /// `Sat 21 Nov`.
    pub(crate) fn day(&self, at: Timestamp, locale: Locale) -> String {
        let local = self.local(at);
        format!("{} {} {}", weekday(local.weekday, locale), local.day, month(local.month, locale))
    }

    /// The shortest form that is still plain: `18:31:52` today, `Fri 22:40` within a week, then `7 Sep 2026`.
    pub(crate) fn moment(&self, at: Timestamp, now: Timestamp, locale: Locale) -> String {
        let (local, today) = (self.local(at), self.local(now));
        let days = today.day_number - local.day_number;
        match days {
            0 => self.clock(at),
            -6..=6 => format!("{} {:02}:{:02}", weekday(local.weekday, locale), local.hour, local.minute),
            _ => format!("{} {} {}", local.day, month(local.month, locale), local.year),
        }
    }

    /// `at` as a field for date and time has it, to the minute: `2026-11-21T18:42`.
    pub(crate) fn field(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let (month, day) = (local.month, local.day);
        format!("{:04}-{month:02}-{day:02}T{:02}:{:02}", local.year, local.hour, local.minute)
    }

    /// The moment that a field for date and time has; none where it is empty or not whole.
    pub(crate) fn typed(&self, text: &str) -> Option<Timestamp> {
        let secs = match text.len() {
            16 => ":00",
            19.. => "",
            _ => return None,
        };
        let as_utc = Timestamp::parse(&format!("{text}{secs}Z")).ok()?;
        let less = |offset_secs: i32| Timestamp::from_micros(as_utc.as_micros() - i64::from(offset_secs) * 1_000_000);
        // Where the clocks change, what counts is the offset at the moment itself.
        Some(less(self.offset_secs_at(less(self.offset_secs_at(as_utc)))))
    }

    /// Date and time in full, for tooltips: `21 Nov 2026 18:31:52 IST`.
    pub(crate) fn full(&self, at: Timestamp, locale: Locale) -> String {
        let local = self.local(at);
        let (month, clock) = (month(local.month, locale), self.clock(at));
        format!("{} {month} {} {clock} {}", local.day, local.year, self.short)
    }
}

impl Local {
    /// From seconds since the epoch, the zone's offset added.
    fn from_secs(secs: i64) -> Self {
        let (day_number, of_day) = (secs.div_euclid(86_400), secs.rem_euclid(86_400) as u32);
        // Days to a civil date by 400-year eras that begin in March.
        let shifted = day_number + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 } as u32;
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: (of_year - (153 * from_march + 2) / 5 + 1) as u32,
            weekday: (day_number + 3).rem_euclid(7) as u32,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            day_number,
        }
    }
}

/// A day of the week, 0 being Monday.
pub(crate) fn weekday(weekday: u32, locale: Locale) -> &'static str {
    match weekday {
        0 => td_string!(locale, words.mon),
        1 => td_string!(locale, words.tue),
        2 => td_string!(locale, words.wed),
        3 => td_string!(locale, words.thu),
        4 => td_string!(locale, words.fri),
        5 => td_string!(locale, words.sat),
        _ => td_string!(locale, words.sun),
    }
}

fn month(month: u32, locale: Locale) -> &'static str {
    match month {
        1 => td_string!(locale, words.jan),
        2 => td_string!(locale, words.feb),
        3 => td_string!(locale, words.mar),
        4 => td_string!(locale, words.apr),
        5 => td_string!(locale, words.may),
        6 => td_string!(locale, words.jun),
        7 => td_string!(locale, words.jul),
        8 => td_string!(locale, words.aug),
        9 => td_string!(locale, words.sep),
        10 => td_string!(locale, words.oct),
        11 => td_string!(locale, words.nov),
        _ => td_string!(locale, words.dec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_true_minus_and_grouping() {
        let check = |value: f64, decimals: usize, en: &str, hi: &str| {
            assert_eq!(number(value, decimals, Locale::en), en);
            assert_eq!(number(value, decimals, Locale::hi), hi);
        };
        check(-0.63, 2, "−0.63", "−0.63");
        check(-0.001, 2, "0.00", "0.00");
        check(31_204.0, 0, "31,204", "31,204");
        check(1_234_567.0, 0, "1,234,567", "12,34,567");
        check(999.0, 1, "999.0", "999.0");
        check(f64::NAN, 1, "–", "–");
    }

    #[test]
    fn decimals_follow_the_quantity() {
        let check = |quantity: Quantity, shown: f64, text: &str| {
            let si = quantity.display_unit().to_si(shown);
            assert_eq!(value(si, quantity, Locale::en), text, "{quantity:?}");
        };
        check(Quantity::Flow, 142.6, "142.6");
        check(Quantity::Flow, 1_142.6, "1,143");
        check(Quantity::Pressure, 1.42, "1.42");
        check(Quantity::Turbidity, 0.314, "0.31");
        check(Quantity::Turbidity, 3.81, "3.8");
        check(Quantity::Temperature, 64.2, "64");
        assert_eq!(value_with_unit(142_000.0, Quantity::Pressure, Locale::en), "1.42\u{a0}bar");
        assert_eq!(value_or_none(None, Quantity::Flow, Locale::en), NO_VALUE);
    }

    #[test]
    fn what_fields_have_is_local_time() {
        let zone = Zone { name: String::new(), short: "IST".into(), offset_secs: 19_800 };
        let at = Timestamp::from_secs(1_795_285_320);
        assert_eq!(zone.field(at), "2026-11-21T23:52");
        assert_eq!(zone.typed("2026-11-21T23:52"), Some(at));
        assert_eq!(zone.typed("2026-11-21T23:52:30"), Some(at + Duration::from_secs(30)));
        assert_eq!((zone.typed(""), zone.typed("2026-11-21")), (None, None));
    }

    #[test]
    fn ages_are_short() {
        let check = |secs: u64, text: &str| {
            assert_eq!(age(Duration::from_secs(secs), Locale::en).replace('\u{a0}', " "), text);
        };
        check(42, "42 s");
        check(60, "1 min");
        check(9_360, "2 h 36");
        check(7_500, "2 h 05");
        check(90_000, "1 day");
        check(200_000, "2 days");
    }

    #[test]
    fn differences_know_no_zero() {
        let check = |si: f64, quantity: Quantity, text: &str| {
            assert_eq!(difference_with_unit(si, quantity, Locale::en).replace('\u{a0}', " "), text);
        };
        check(2.0, Quantity::Temperature, "2 °C");
        check(150.0, Quantity::Pressure, "0.0015 bar");
        check(0.5, Quantity::Flow, "1,800 m³/h");
        check(1.0 / 3.0, Quantity::Level, "0.3333 m");
        check(0.0, Quantity::State, "0");
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        let check = |text: &str, expect: Result<Option<f64>, NoNumber>| assert_eq!(typed(text), expect, "{text}");
        check("", Ok(None));
        check(" 1,5 ", Ok(Some(1.5)));
        check("1,234.5", Ok(Some(1_234.5)));
        check("−0.4", Ok(Some(-0.4)));
        check("inf", Err(NoNumber));
    }

    #[test]
    fn times_are_local() {
        let zone = Zone { name: String::new(), short: "IST".into(), offset_secs: 19_800 };
        let at = Timestamp::parse("2026-11-21T13:12:07Z").expect("valid");
        assert_eq!(zone.clock(at), "18:42:07");
        assert_eq!(zone.day(at, Locale::en), "Sat 21 Nov");
        let before = |secs: u64| zone.moment(at - Duration::from_secs(secs), at, Locale::en);
        assert_eq!(before(60), "18:41:07");
        assert_eq!(before(86_400), "Fri 18:42");
        assert_eq!(before(75 * 86_400), "7 Sep 2026");
        assert_eq!(zone.full(at, Locale::en), "21 Nov 2026 18:42:07 IST");
        let leap = Timestamp::parse("2028-02-28T20:00:00Z").expect("valid");
        assert_eq!(zone.local(leap).day, 29);
        assert_eq!(zone.local(Timestamp::from_secs(-86_400)).year, 1969);
    }
}
