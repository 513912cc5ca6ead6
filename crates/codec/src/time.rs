//! Times as devices write them, and whether they can be right.

use std::borrow::Cow;
use std::time::Duration;

use penstock_model::{Doubt, Timestamp};

use crate::json::Node;

/// 2000-01-01: no device that is asked here measured before.
const EARLIEST: Timestamp = Timestamp::from_secs(946_684_800);
/// Further ahead of the received time than this is told as a doubt.
const AHEAD: Duration = Duration::from_secs(120);
/// Further ahead than this cannot be right.
const ABSURD: Duration = Duration::from_secs(86_400);

/// The time of a reading, and the doubt that it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) at: Option<Timestamp>,
    pub(crate) doubt: Option<Doubt>,
}

/// A time that was given but cannot be read or be right: the received time stands in.
const BROKEN: Told = Told { at: None, doubt: Some(Doubt::ClockBroken) };

/// Judges a time against the received one.
pub(crate) fn judge(at: Option<Timestamp>, received: Timestamp) -> Told {
    match at {
        Some(at) if at < EARLIEST || at > received + ABSURD => BROKEN,
        Some(at) if at > received + AHEAD => Told { at: Some(at), doubt: Some(Doubt::ClockAhead) },
        Some(at) => Told { at: Some(at), doubt: None },
        None => BROKEN,
    }
}

/// The time among the fields of an object, the most trusted one first; none where there is none.
pub(crate) fn of_fields(fields: &[(Cow<'_, str>, Node<'_>)], received: Timestamp) -> Option<Told> {
    let mut best = None;
    let mut rank = 0;
    for (name, node) in fields {
        let better = rank_of(name);
        if better > rank
            && !is_local(name, node)
            && let Some(told) = of_node(node, received)
        {
            best = Some(told);
            rank = better;
        }
    }
    best
}

/// Whether a field of this name tells a time.
pub(crate) fn is_time(name: &str) -> bool {
    rank_of(name) > 0
}

/// How far a field is trusted to be the time; 0 where it is none.
fn rank_of(name: &str) -> u8 {
    match name {
        "ts" | "timestamp" | "time" => 4,
        "Timestamp" | "datetime" => 3,
        "Epoch" | "epoch" => 2,
        "Time" | "last_seen" => 1,
        _ => 0,
    }
}

/// Whether it is Tasmota's time in a zone that nobody tells.
fn is_local(name: &str, node: &Node<'_>) -> bool {
    name == "Time" && matches!(node, Node::Text(text) if !matches!(iso(text.trim()), Some((_, true))))
}

/// Reads a time field: a count since 1970 as number or text, or ISO 8601. None where there is none.
pub(crate) fn of_node(node: &Node<'_>, received: Timestamp) -> Option<Told> {
    match node {
        Node::Number(text) => Some(judge(epoch(text), received)),
        Node::Text(text) if text.trim().is_empty() => None,
        Node::Text(text) => Some(judge(read(text.trim()), received)),
        Node::Null => None,
        Node::Bool(_) | Node::NotFinite | Node::Array(_) | Node::Object(_) => Some(BROKEN),
    }
}

/// Reads a time without judging it: a count since 1970, or ISO 8601 with or without a zone (then UTC).
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    epoch(text).or_else(|| iso(text).map(|(at, _)| at))
}

/// A count since 1970; its magnitude tells seconds (below 10¹¹) from milliseconds (10¹⁴), microseconds (10¹⁷) and
/// nanoseconds. What follows the decimal point of a second counts down to the microsecond.
pub(crate) fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        // Perhaps with an exponent, as some scripts write large numbers.
        return rounded(text);
    }
    let Ok(count) = whole.parse::<i64>() else {
        return rounded(text);
    };
    scaled(count, micros_of_fraction(fraction))
}

fn rounded(text: &str) -> Option<Timestamp> {
    let count = text.parse::<f64>().ok().filter(|count| count.abs() < i64::MAX as f64)?;
    scaled(count as i64, 0)
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

/// ISO 8601 as devices write it: date and time with `T` or a space between, seconds and their fraction where there are
/// any, then `Z`, an offset, or nothing. Tells also whether the zone was there; without one the time is taken as UTC.
pub(crate) fn iso(text: &str) -> Option<(Timestamp, bool)> {
    let bytes = text.as_bytes();
    let year = digits(bytes.get(0..4)?)?;
    let month = digits(bytes.get(5..7)?)?;
    let day = digits(bytes.get(8..10)?)?;
    let separators = [bytes.get(4)?, bytes.get(7)?];
    if separators != [&b'-', &b'-'] || !matches!(bytes.get(10)?, b'T' | b't' | b' ') || bytes.get(13)? != &b':' {
        return None;
    }
    let hour = digits(bytes.get(11..13)?)?;
    let minute = digits(bytes.get(14..16)?)?;
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
    let (offset_minutes, has_zone) = match rest {
        [] => (0, false),
        [b'Z' | b'z'] => (0, true),
        [sign @ (b'+' | b'-'), tail @ ..] => {
            let (hours, minutes) = match tail {
                [_, _] => (digits(tail)?, 0),
                [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
                _ => return None,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            (if *sign == b'-' { -minutes } else { minutes }, true)
        }
        _ => return None,
    };
    // A leap second reads as the first of the next minute.
    if !(1..=days_in(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let secs = (hour * 60 + minute - offset_minutes) * 60 + second;
    Some((
        Timestamp::from_micros(Timestamp::of_date(year, month, day).as_micros() + secs * 1_000_000 + micros),
        has_zone,
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-11-21T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect(text)
    }

    #[test]
    fn iso_forms() {
        let check = |text: &str, expected: Option<(&str, bool)>| {
            assert_eq!(iso(text), expected.map(|(time, has_zone)| (at(time), has_zone)), "{text}");
        };
        check("2026-11-21T12:00:00Z", Some((NOON, true)));
        check("2026-11-21t12:00:00z", Some((NOON, true)));
        check("2026-11-21 12:00", Some((NOON, false)));
        check("2026-11-21T17:30:00+05:30", Some((NOON, true)));
        check("2026-11-21T07:00:00.000-0500", Some((NOON, true)));
        check("2026-11-21T07:00:00-05", Some((NOON, true)));
        check("2026-11-21T12:00:00.1234567Z", Some(("2026-11-21T12:00:00.123456Z", true)));
        check("2026-11-21T12:00:00,5", Some(("2026-11-21T12:00:00.5Z", false)));
        check("2024-02-29T00:00:00Z", Some(("2024-02-29T00:00:00Z", true)));
        check("1969-12-31T23:59:59Z", Some(("1969-12-31T23:59:59Z", true)));
        check("2016-12-31T23:59:60Z", Some(("2017-01-01T00:00:00Z", true)));
        for text in [
            "",
            "2026",
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
        ] {
            check(text, None);
        }
    }

    #[test]
    fn every_day_of_four_centuries_agrees_with_the_model() {
        for day in 0..146_097 {
            let expected = at("1900-01-01T00:00:00Z") + Duration::from_secs(day * 86_400);
            assert_eq!(iso(&expected.to_string()), Some((expected, true)));
        }
    }

    #[test]
    fn epochs_by_magnitude() {
        let noon = at(NOON);
        for text in [
            "1795262400",
            "1795262400.0",
            "1795262400000",
            "1795262400000000",
            "1795262400000000000",
            "1.7952624e9",
            "1.7952624e18",
        ] {
            assert_eq!(epoch(text), Some(noon), "{text}");
        }
        assert_eq!(epoch("1795262400.25"), Some(noon + Duration::from_millis(250)));
        assert_eq!(epoch("1795262400000.5"), Some(noon + Duration::from_micros(500)));
        assert_eq!(epoch("1795262400000123456"), Some(noon + Duration::from_micros(123)));
        for text in ["", "noon", "1e400", "NaN", "99999999999999999999"] {
            assert_eq!(epoch(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_right() {
        let noon = at(NOON);
        let check = |text: &str, at: Option<Timestamp>, doubt: Option<Doubt>| {
            assert_eq!(of_node(&Node::Text(text.into()), noon), Some(Told { at, doubt }), "{text}");
        };
        check(NOON, Some(noon), None);
        check("2000-01-01T00:00:00Z", Some(EARLIEST), None);
        check("1999-12-31T23:59:59Z", None, Some(Doubt::ClockBroken));
        check("0", None, Some(Doubt::ClockBroken));
        check("later", None, Some(Doubt::ClockBroken));
        check("2026-11-21T12:02:00Z", Some(noon + AHEAD), None);
        check("2026-11-21T12:02:01Z", Some(noon + Duration::from_secs(121)), Some(Doubt::ClockAhead));
        check("2026-11-22T12:00:00Z", Some(noon + ABSURD), Some(Doubt::ClockAhead));
        check("2026-11-22T12:00:00.000001Z", None, Some(Doubt::ClockBroken));
        assert_eq!(of_node(&Node::Null, noon), None);
        assert_eq!(of_node(&Node::Bool(true), noon), Some(BROKEN));
    }
}
