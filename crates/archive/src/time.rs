//! Times as text, quicker than a calendar library: a file has millions of them. Pure.

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

/// Year, month and day of a day counted from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
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

    use penstock_codec::read_time as read;
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
