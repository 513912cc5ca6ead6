//! Messages that are one number or word, or a short list of them. Knows no JSON.

use std::borrow::Cow;

use penstock_model::{Quality, Quantity, Timestamp, Unit};

use crate::json::Node;
use crate::time::{self, Told};
use crate::{Decoded, MAX_FIELDS, Reading, Reason, Target, words};

/// A value out of a text, with what the text says about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    pub(crate) number: f64,
    pub(crate) unit: Option<Unit>,
    pub(crate) quantity: Option<Quantity>,
}

/// One value; or `P=4.12;F=0.83` as `address#P`, `address#F`; or `1780000000,4.12,0.83` with the time ahead, as
/// `address#1`, `address#2`.
pub(crate) fn decode(target: &Target<'_>, text: &str, received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    if text.contains('=') {
        return pairs(target, text, received, out);
    }
    if let Some((told, values)) = timed_list(text, received) {
        return list(target, told, values, out);
    }
    let value = value(text)?;
    out.readings.push(reading(target.address.to_string(), value, Told::default()));
    Ok(())
}

/// Reads a number, a state word or a number with a unit behind it.
pub(crate) fn value(text: &str) -> Result<Value, Reason> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if let Ok(number) = text.parse::<f64>() {
        return finite(number).map(|number| Value { number, unit: None, quantity: None });
    }
    if let Some(number) = words::state(text) {
        return Ok(Value { number, unit: None, quantity: Some(Quantity::State) });
    }
    let len = number_len(text);
    let (number, suffix) = text.split_at_checked(len).unwrap_or((text, ""));
    let Ok(number) = number.parse::<f64>() else {
        return Err(Reason::NotANumber);
    };
    let is_grouped = suffix.strip_prefix(',').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if is_grouped {
        return Err(Reason::DecimalComma);
    }
    let unit = Unit::parse(suffix).map_err(|_unknown| Reason::UnknownUnit)?;
    Ok(Value { number: finite(number)?, unit: Some(unit), quantity: Some(unit.quantity()) })
}

/// Only finite numbers are values.
pub(crate) fn finite(number: f64) -> Result<f64, Reason> {
    if number.is_finite() { Ok(number) } else { Err(Reason::NotFinite) }
}

/// How much of the beginning is a decimal number.
fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits_from = |at: usize| bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
    let mut len = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    len += digits_from(len);
    if bytes.get(len) == Some(&b'.') {
        len += 1 + digits_from(len + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(len) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let digits = digits_from(len + 1 + sign);
        if digits > 0 {
            len += 1 + sign + digits;
        }
    }
    len
}

/// `name=value` with `;`, `,`, `&` or line ends between. A pair named like a time tells that of the others.
fn pairs(target: &Target<'_>, text: &str, received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    let before = (out.readings.len(), out.rejected);
    let times: Vec<_> = split_pairs(text)
        .take(MAX_FIELDS)
        .filter(|(name, _)| time::is_time(name))
        .map(|(name, given)| (Cow::Borrowed(name), Node::Text(Cow::Borrowed(given))))
        .collect();
    let told = time::of_fields(&times, received).unwrap_or_default();
    for (no, (name, given)) in split_pairs(text).enumerate() {
        if no >= MAX_FIELDS {
            out.reject(Reason::TooManyFields, "");
            break;
        }
        if time::is_time(name) {
            continue;
        }
        let address = target.field(name);
        if name.is_empty() || !words::is_address(&address) {
            out.reject(Reason::Address, name);
        } else if out.readings.iter().skip(before.0).any(|reading| reading.address == address) {
            out.reject(Reason::DuplicateField, name);
        } else {
            match value(given) {
                Ok(value) => out.readings.push(reading(address, value, told)),
                Err(reason) => out.reject(reason, name),
            }
        }
    }
    if (out.readings.len(), out.rejected) == before { Err(Reason::NoValue) } else { Ok(()) }
}

/// Names and what is given for them. What follows a comma without a name of its own belongs to the pair before:
/// `P=4,1` is one pair, whose number has a comma.
fn split_pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let groups = text.split([';', '&', '\n']);
    let pairs = groups.flat_map(|group| {
        let mut rest = Some(group);
        std::iter::from_fn(move || {
            let group = rest?;
            let is_name_next = |at: usize| group.get(at + 1..)?.split(',').next().map(|next| next.contains('='));
            let end = group.match_indices(',').map(|(at, _)| at).find(|&at| is_name_next(at) == Some(true));
            let (pair, tail) = end.and_then(|at| group.split_at_checked(at)).unzip();
            rest = tail.and_then(|tail| tail.strip_prefix(','));
            Some(pair.unwrap_or(group))
        })
    });
    let pairs = pairs.map(|pair| pair.trim_matches(|c: char| c.is_whitespace() || c == ','));
    pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, given) = pair.split_once('=').unwrap_or((pair, ""));
        (name.trim(), given)
    })
}

/// Values with a comma between, behind a time: without it, `4,137` could be one number.
fn timed_list(text: &str, received: Timestamp) -> Option<(Told, &str)> {
    let (first, rest) = text.split_once(',')?;
    let first = first.trim();
    let is_long = first.bytes().take_while(u8::is_ascii_digit).count() >= 9;
    let at = if is_long { time::epoch(first) } else { time::iso(first).map(|(at, _)| at) };
    let told = time::judge(at, received);
    // A count that cannot be a time now is the whole part of a number with a decimal comma.
    told.at.map(|_| (told, rest))
}

fn list(target: &Target<'_>, told: Told, values: &str, out: &mut Decoded) -> Result<(), Reason> {
    for (no, given) in values.split(',').enumerate() {
        let name = (no + 1).to_string();
        if no >= MAX_FIELDS {
            out.reject(Reason::TooManyFields, "");
            break;
        }
        let address = target.field(&name);
        match value(given) {
            Ok(value) if words::is_address(&address) => out.readings.push(reading(address, value, told)),
            Ok(_) => out.reject(Reason::Address, &name),
            Err(reason) => out.reject(reason, &name),
        }
    }
    Ok(())
}

fn reading(address: String, value: Value, told: Told) -> Reading {
    Reading {
        address,
        value: Some(value.number),
        quality: told.doubt.map_or(Quality::Good, Quality::Uncertain),
        source_time: told.at,
        unit: value.unit,
        quantity: value.quantity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    fn decoded(payload: &[u8]) -> Decoded {
        let mut out = Decoded::default();
        let received = Timestamp::parse("2026-11-21T12:00:00Z").expect("valid");
        crate::decode(&Target::new(Format::Auto, "s/7"), payload, received, &mut out);
        out
    }

    fn check(payload: &str, expected: Result<(f64, Option<&str>, Option<Quantity>), Reason>) {
        let out = decoded(payload.as_bytes());
        match expected {
            Ok((number, unit, quantity)) => {
                let [reading] = out.readings.as_slice() else { panic!("{payload}: {out:?}") };
                assert_eq!(out.rejected, 0, "{payload}");
                assert_eq!(reading.address, "s/7", "{payload}");
                assert_eq!(reading.value, Some(number), "{payload}");
                assert_eq!(reading.unit.map(Unit::symbol), unit, "{payload}");
                assert_eq!(reading.quantity, quantity, "{payload}");
                assert_eq!((reading.quality, reading.source_time), (Quality::Good, None), "{payload}");
            }
            Err(reason) => {
                assert!(out.readings.is_empty(), "{payload}: {out:?}");
                assert_eq!(out.rejects.first().map(|reject| reject.reason), Some(reason), "{payload}");
            }
        }
    }

    #[test]
    fn numbers() {
        check("4.137", Ok((4.137, None, None)));
        check(" 4.137\n", Ok((4.137, None, None)));
        check("100234", Ok((100_234.0, None, None)));
        check("1.25e-3", Ok((0.001_25, None, None)));
        check("1.2e3", Ok((1_200.0, None, None)));
        check("-5", Ok((-5.0, None, None)));
        check("+.5", Ok((0.5, None, None)));
        check("\"23.4\"", Ok((23.4, None, None)));
        check("\u{feff}23.4", Ok((23.4, None, None)));
    }

    #[test]
    fn state_words() {
        for (word, number) in [("ON", 1.0), ("off", 0.0), ("True", 1.0), ("false", 0.0), ("open", 1.0), ("CLOSED", 0.0)]
        {
            check(word, Ok((number, None, Some(Quantity::State))));
        }
        check("online", Ok((1.0, None, Some(Quantity::State))));
        check("Offline", Ok((0.0, None, Some(Quantity::State))));
    }

    #[test]
    fn units() {
        check("4.137 bar", Ok((4.137, Some("bar"), Some(Quantity::Pressure))));
        check("23.4 bar\0", Ok((23.4, Some("bar"), Some(Quantity::Pressure))));
        check("23.4°C", Ok((23.4, Some("°C"), Some(Quantity::Temperature))));
        check("1e2 m3/h", Ok((100.0, Some("m³/h"), Some(Quantity::Flow))));
        check("55 %", Ok((55.0, Some("%"), Some(Quantity::Ratio))));
        check("5 furlongs", Err(Reason::UnknownUnit));
    }

    #[test]
    fn refused() {
        check("", Err(Reason::Empty));
        check(" \r\n", Err(Reason::Empty));
        check("4,137", Err(Reason::DecimalComma));
        check("4,137 bar", Err(Reason::DecimalComma));
        check("123456789,5", Err(Reason::DecimalComma));
        check("NaN", Err(Reason::NotFinite));
        check("-inf", Err(Reason::NotFinite));
        check("1e999", Err(Reason::NotFinite));
        check("hello", Err(Reason::NotANumber));
        check("0x1F", Err(Reason::UnknownUnit));
        check("-", Err(Reason::NotANumber));
        assert_eq!(decoded(b"\xff\xfe4").rejects.first().map(|reject| reject.reason), Some(Reason::NotText));
    }

    #[test]
    fn lists() {
        let out = decoded(b"P=4.12;F=0.83;BAT=3.61;P=5;X=;Y=4,1");
        let got: Vec<_> = out.readings.iter().map(|reading| (reading.address.as_str(), reading.value)).collect();
        assert_eq!(got, [("s/7#P", Some(4.12)), ("s/7#F", Some(0.83)), ("s/7#BAT", Some(3.61))]);
        let why: Vec<_> = out.rejects.iter().map(|reject| (reject.field.as_str(), reject.reason)).collect();
        assert_eq!(why, [("P", Reason::DuplicateField), ("X", Reason::Empty), ("Y", Reason::DecimalComma)]);

        let out = decoded(b"P=4.12,F=4,1,N=2,,BAT=3.61,");
        let got: Vec<_> = out.readings.iter().map(|reading| (reading.address.as_str(), reading.value)).collect();
        assert_eq!(got, [("s/7#P", Some(4.12)), ("s/7#N", Some(2.0)), ("s/7#BAT", Some(3.61))]);
        let why: Vec<_> = out.rejects.iter().map(|reject| (reject.field.as_str(), reject.reason)).collect();
        assert_eq!(why, [("F", Reason::DecimalComma)]);

        let out = decoded(b"1780000000,4.12,0.83,1");
        let at = Some(Timestamp::from_secs(1_780_000_000));
        let got: Vec<_> = out.readings.iter().map(|r| (r.address.as_str(), r.value, r.source_time)).collect();
        assert_eq!(got, [("s/7#1", Some(4.12), at), ("s/7#2", Some(0.83), at), ("s/7#3", Some(1.0), at)]);

        for payload in ["ts=1780000000;P=4.12", "P=4.12&time=2026-05-28T20:26:40Z"] {
            let out = decoded(payload.as_bytes());
            let got: Vec<_> = out.readings.iter().map(|r| (r.address.as_str(), r.value, r.source_time)).collect();
            assert_eq!((got.as_slice(), out.rejected), (&[("s/7#P", Some(4.12), at)][..], 0), "{payload}");
        }
        assert_eq!(decoded(b"ts=1780000000").rejects.first().map(|reject| reject.reason), Some(Reason::NoValue));
    }
}
