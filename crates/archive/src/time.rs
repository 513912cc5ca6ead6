//! Times as text and back, quicker than a calendar library: a file has millions of them. Pure.

use std::io::Write as _;

use penstock_model::Timestamp;

const DAY_SECS: i64 = 86_400;

/// 0001-01-01T00:00:00Z, and the last whole second that [`Timestamp`] shows as a date: in between years have four
/// digits.
const PLAIN_SECS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_207_199;

/// Appends what [`Timestamp`]'s `Display` says: RFC 3339 in UTC, with as many decimals of the second as are not zero.
pub(crate) fn write(into: &mut Vec<u8>, at: Timestamp) {
    let secs = at.as_micros().div_euclid(1_000_000);
    if !PLAIN_SECS.contains(&secs) {
        // Writing to memory does not fail.
        write!(into, "{at}").unwrap_or_default();
        return;
    }
    let (year, month, day) = civil(secs.div_euclid(DAY_SECS));
    let of_day = secs.rem_euclid(DAY_SECS);
    let mut text = *b"0000-00-00T00:00:00";
    put_digits(&mut text, 0, 4, year);
    put_digits(&mut text, 5, 2, month);
    put_digits(&mut text, 8, 2, day);
    put_digits(&mut text, 11, 2, of_day / 3_600);
    put_digits(&mut text, 14, 2, of_day / 60 % 60);
    put_digits(&mut text, 17, 2, of_day % 60);
    into.extend_from_slice(&text);
    let micros = at.as_micros().rem_euclid(1_000_000);
    if micros != 0 {
        let mut fraction = *b".000000";
        put_digits(&mut fraction, 1, 6, micros);
        let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
        into.extend(fraction.iter().take(fraction.len() - zeros));
    }
    into.push(b'Z');
}

/// The last `len` decimal digits of `number` into the places from `at`.
fn put_digits(text: &mut [u8], at: usize, len: usize, number: i64) {
    let mut rest = number;
    for place in text.iter_mut().skip(at).take(len).rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Reads a time: a count since 1970, or RFC 3339 with or without a zone (then UTC). The same rules as for what devices
/// send.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    epoch(text).or_else(|| iso(text))
}

/// A count since 1970; its magnitude tells seconds (below 10¹¹) from milliseconds (10¹⁴), microseconds (10¹⁷) and
/// nanoseconds. What follows the decimal point of a second counts down to the microsecond.
fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match whole.parse::<i64>() {
        Ok(count) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => scaled(count, micros_of_fraction(fraction)),
        // Perhaps with an exponent, as some scripts write large numbers.
        _ => text.parse::<f64>().ok().filter(|count| count.abs() < 1e18).and_then(|count| scaled(count as i64, 0)),
    }
}

fn scaled(count: i64, fraction_micros: i64) -> Option<Timestamp> {
    let micros = match count.unsigned_abs() {
        0..100_000_000_000 => count.checked_mul(1_000_000)?.checked_add(fraction_micros)?,
        100_000_000_000..100_000_000_000_000 => count.checked_mul(1_000)?.checked_add(fraction_micros / 1_000)?,
        100_000_000_000_000..100_000_000_000_000_000 => count,
        _ => count / 1_000,
    };
    Some(Timestamp::from_micros(micros))
}

/// Date and time with `T` or a space between, seconds and their fraction where there are any, then `Z`, an offset, or
/// nothing.
fn iso(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (year, month, day) = (digits(bytes.get(0..4)?)?, digits(bytes.get(5..7)?)?, digits(bytes.get(8..10)?)?);
    let (hour, minute) = (digits(bytes.get(11..13)?)?, digits(bytes.get(14..16)?)?);
    let marks = [bytes.get(4)?, bytes.get(7)?, bytes.get(13)?];
    if marks != [&b'-', &b'-', &b':'] || !matches!(bytes.get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let mut rest = bytes.get(16..)?;
    let mut second = 0;
    let mut micros = 0;
    if let [b':', tail @ ..] = rest {
        second = digits(tail.get(..2)?)?;
        rest = tail.get(2..)?;
        if let [b'.' | b',', tail @ ..] = rest {
            let len = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if len == 0 {
                return None;
            }
            micros = micros_of_fraction(std::str::from_utf8(tail.get(..len)?).ok()?);
            rest = tail.get(len..)?;
        }
    }
    // A leap second reads as the first of the next minute.
    if !(1..=days_in(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let secs = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes(rest)?) * 60 + second;
    Some(Timestamp::from_micros(secs * 1_000_000 + micros))
}

/// Minutes that a zone is ahead of UTC; no zone is UTC.
fn offset_minutes(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [_, _] => (digits(rest)?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// The first six digits behind the point of a second; the rest is cut off.
fn micros_of_fraction(digits: &str) -> i64 {
    let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    padded.fold(0, |micros, digit| micros * 10 + i64::from(digit.saturating_sub(b'0')))
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    })
}

/// Days from 1970-01-01 in the Gregorian calendar: years are counted from March, so that the leap day comes last.
pub(crate) fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - 719_468
}

/// Year, month and day of a day counted from 1970-01-01.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Year and month of a time.
pub(crate) fn year_and_month(at: Timestamp) -> (i64, i64) {
    let (year, month, _) = civil(at.as_micros().div_euclid(DAY_SECS * 1_000_000));
    (year, month)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect(text)
    }

    fn written(at: Timestamp) -> String {
        let mut text = Vec::new();
        write(&mut text, at);
        String::from_utf8(text).expect("ASCII")
    }

    #[test]
    fn written_as_the_model_shows_it() {
        for micros in [
            0,
            -1,
            1,
            500_000,
            120_000,
            i64::MIN,
            i64::MAX,
            PLAIN_SECS.start() * 1_000_000,
            PLAIN_SECS.start() * 1_000_000 - 1,
            PLAIN_SECS.end() * 1_000_000 + 999_999,
            (PLAIN_SECS.end() + 1) * 1_000_000,
        ] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(written(at), at.to_string());
        }
    }

    #[test]
    fn every_day_of_four_centuries() {
        for day in 0..146_097 {
            let expected = at("1900-01-01T12:34:56Z") + Duration::from_secs(day * 86_400);
            assert_eq!(written(expected), expected.to_string());
            assert_eq!(read(&expected.to_string()), Some(expected));
        }
    }

    proptest! {
        #[test]
        fn any_time_as_the_model_shows_it(micros in any::<i64>()) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(written(at), at.to_string());
        }

        #[test]
        fn any_time_of_the_calendar_and_back(
            secs in PLAIN_SECS,
            fraction in prop_oneof![Just(0_i64), (0_i64..1_000).prop_map(|millis| millis * 1_000), 0_i64..1_000_000],
        ) {
            let at = Timestamp::from_micros(secs * 1_000_000 + fraction);
            prop_assert_eq!(written(at), at.to_string());
            prop_assert_eq!(read(&at.to_string()), Some(at));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            read(&text);
        }
    }

    // The same texts, with the same answers, as the tests of the codec: files and devices are read alike.
    #[test]
    fn forms_that_are_read() {
        let noon = at("2026-11-21T12:00:00Z");
        let check = |text: &str, expected: Timestamp| assert_eq!(read(text), Some(expected), "{text}");
        for text in [
            "2026-11-21T12:00:00Z",
            "2026-11-21t12:00:00z",
            "2026-11-21 12:00",
            "2026-11-21T12:00:00",
            "2026-11-21T17:30:00+05:30",
            "2026-11-21T07:00:00.000-0500",
            "2026-11-21T07:00:00-05",
            "1795262400",
            "1795262400.0",
            "1795262400000",
            "1795262400000000",
            "1795262400000000000",
            "1.7952624e9",
        ] {
            check(text, noon);
        }
        check("2026-11-21T12:00:00.1234567Z", noon + Duration::from_micros(123_456));
        check("2026-11-21T12:00:00,5", noon + Duration::from_millis(500));
        check("2016-12-31T23:59:60Z", at("2017-01-01T00:00:00Z"));
        check("1795262400.25", noon + Duration::from_millis(250));
        check("1795262400000.5", noon + Duration::from_micros(500));
        check("1795262400000123456", noon + Duration::from_micros(123));
    }

    #[test]
    fn forms_that_are_refused() {
        for text in [
            "",
            "noon",
            "2026-11-21",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:60:00Z",
            "2026-11-21T12:00:61Z",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00+5",
            "2026-11-21T12:00:00+99:00",
            "2026-11-21T12:00:00Zulu",
            "2026/11/21T12:00:00Z",
            "2026-11-21é12:00:00Z",
            "+026-11-21T12:00:00Z",
            "1e400",
            "NaN",
            "99999999999999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
