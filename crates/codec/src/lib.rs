//! Device bytes to readings, one module a wire format: pure, total and bounded. Whatever bytes come, decoding ends in
//! readings with finite values, in rejects that say why, or in both; it never panics and never fails as a whole.
//!
//! Must not know sockets, the database, or which points exist.
//!
//! | shape of a JSON message | readings |
//! |---|---|
//! | `{"value":1.5}` with optional time, `unit`, `type`, `quality` | one, at the address itself; other fields are left out |
//! | `[{"value":..,"ts":..},…]` | one each, at the address itself |
//! | `{"ts":…,"values":{"a":1,"b":2}}` | `address#a`, `address#b`; other fields are left out |
//! | `{"a":1,"b":{"c":2}}` | `address#a`, `address#b.c`; texts that are no number or state word, nulls and what is empty are left out |
//! | `{"Device A":[{"ts":…,"values":{"a":1}}]}` | `address#Device A.a` |
//! | `[1,2]` | `address#0`, `address#1` |
//!
//! `val` is `value`; `readings` and `samples` are `values`. A `sensor_id`, `sensorId`, `device_id` or `deviceId` at the
//! top or in a list becomes part of the address, `address#S1`, unless the route names the sensor; elsewhere it is left
//! out. An entry of a list of objects that gives nothing is refused.
//!
//! A `quality`, and a time, hold for everything inside that has none of its own. A `unit` and a `type` go with one
//! `value` only; a unit that is not known is as none, and so is a type.
//!
//! Times are `ts`, `time` or `timestamp`, before `Timestamp` or `datetime`, before `Epoch` or `epoch`, before
//! `last_seen` or `Time`: ISO 8601 with day and minute at least, or a count since 1970 whose magnitude tells seconds
//! from milli-, micro- and nanoseconds, as number or as text. A text without a zone is UTC, except Tasmota's `Time`,
//! which is local time and therefore not used. A time that cannot be read, before 2000 or more than a day ahead leaves
//! the value uncertain at the received time; one more than two minutes ahead is kept, the value uncertain. None, null or
//! an empty text is no time: the received one stands in, and the value is not doubted.
//!
//! A value of `null`, NaN or beyond a double gives in JSON a reading without value, of bad quality; in plain text it is
//! refused. Of a field that is there twice the first counts, and the second is refused where it gives a reading or says
//! something about one; a second time or sensor is left out.
//!
//! Plain text is a number, a state word, or a number with a unit behind it; or `P=4.12;F=0.83` as `address#P` and
//! `address#F`, where a pair named like a time tells that of the others; or `1780000000,4.12,0.83` with the time ahead as
//! `address#1` and `address#2`. A comma inside a number is refused.
//!
//! A status is the first there is of `status`, `state`, `online`, `connected` and `value`, with its time. An alert is the
//! first there is of `message`, `msg`, `text`, `alert`, `description`, `reason` and `type`, with its device, its severity
//! and its time, which is left out where it cannot be right; JSON that has none of these, or is broken, is the text
//! itself. Other fields of both are left out.

mod alert;
mod decoded;
mod error;
mod json;
mod plain;
mod reason;
mod routes;
mod shape;
mod status;
mod time;
mod words;

pub use decoded::{Decoded, DeviceAlert, Reading, Reject};
pub use error::{Error, Problem};
pub use reason::Reason;
pub use routes::{Format, Route, Routes, Target};

use penstock_model::Timestamp;

/// The largest payload that is looked at, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// The deepest nesting of a JSON message.
pub const MAX_DEPTH: usize = 32;
/// The most fields of one JSON object.
pub const MAX_FIELDS: usize = 1_000;
/// The most readings taken from one message.
pub const MAX_READINGS: usize = 10_000;
/// The longest address, in bytes.
pub const MAX_ADDRESS_BYTES: usize = 512;

/// Reads a time as devices and files write it: a count since 1970 whose magnitude tells its unit, or ISO 8601 with or
/// without a zone (then UTC). Whether it can be right is not asked.
pub fn read_time(text: &str) -> Option<Timestamp> {
    time::read(text)
}

/// Decodes one message into `out`, behind what is there already.
pub fn decode(target: &Target<'_>, payload: &[u8], received: Timestamp, out: &mut Decoded) {
    if let Err(reason) = decode_whole(target, payload, received, out) {
        out.reject(reason, "");
    }
}

fn decode_whole(target: &Target<'_>, payload: &[u8], received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Reason::TooLarge);
    }
    if !words::is_address(&target.address) {
        return Err(Reason::Address);
    }
    let text = std::str::from_utf8(payload).map_err(|_at| Reason::NotText)?;
    // Devices written in C often send the zero byte behind their text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    match target.format {
        Format::Auto if text.starts_with(['{', '[']) => shape::decode(target, text, received, out),
        Format::Json => shape::decode(target, text, received, out),
        Format::Auto | Format::Plain => plain::decode(target, text, received, out),
        Format::Status => status::decode(target, text, received, out),
        Format::Alert => alert::decode(target, text, received, out),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::Doubt;
    use penstock_model::Quality;
    use proptest::prelude::*;

    use super::*;

    const RECEIVED: Timestamp = Timestamp::from_secs(1_795_262_400);
    const FORMATS: [Format; 5] = [Format::Auto, Format::Json, Format::Plain, Format::Status, Format::Alert];

    /// What holds of everything that comes out, whatever went in.
    fn check(target: &Target<'_>, payload: &[u8]) -> Decoded {
        let mut out = Decoded::default();
        decode(target, payload, RECEIVED, &mut out);
        for reading in &out.readings {
            assert!(reading.value.is_none_or(f64::is_finite), "{reading:?}");
            assert!(reading.value.is_some() || reading.quality.is_bad(), "{reading:?}");
            assert!(words::is_address(&reading.address), "{reading:?}");
            assert!(reading.address.starts_with(target.address.as_ref()), "{reading:?}");
            if let Some(at) = reading.source_time {
                assert!(at <= RECEIVED + Duration::from_secs(86_400), "{reading:?}");
                assert!(at >= Timestamp::from_secs(946_684_800), "{reading:?}");
            }
            if reading.quality == Quality::Uncertain(Doubt::ClockBroken) {
                assert_eq!(reading.source_time, None);
            }
        }
        for alert in &out.alerts {
            assert!(!alert.text.is_empty() && !alert.text.contains(char::is_control), "{alert:?}");
            assert!(!alert.device.is_empty() && !alert.device.contains(char::is_control), "{alert:?}");
        }
        assert!(out.readings.len() <= MAX_READINGS && out.rejects.len() <= out.rejected);
        // No message disappears: it gives something, or the reason why not.
        assert!(!out.is_empty());
        out
    }

    /// Text made of the pieces that messages are made of, in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            " ",
            "\\",
            "\\u00",
            "\"value\":",
            "\"ts\":",
            "\"values\":{",
            "\"a\":",
            "\"unit\":",
            "\"quality\":",
            "\"sensor_id\":",
            "\"status\":",
            "\"online\"",
            "1",
            "-0",
            "1e9",
            "1e308",
            "9999999999999999999",
            "1795262400",
            "NaN",
            "-Infinity",
            "null",
            "true",
            "4,1",
            "=",
            ";",
            "bar",
            "°C",
            "on",
            "\0",
            "é",
            "\u{feff}",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// JSON that is well formed, with field names that mean something.
    fn json(depth: u32) -> BoxedStrategy<String> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(|number| format!("{number:?}")),
            any::<i64>().prop_map(|number| number.to_string()),
            Just("null".to_owned()),
            any::<bool>().prop_map(|is_on| is_on.to_string()),
            "[a-z0-9 .,:TZ+-]{0,24}".prop_map(|text| format!("\"{text}\"")),
        ];
        let name = prop::sample::select(vec![
            "value",
            "values",
            "ts",
            "time",
            "Time",
            "Epoch",
            "unit",
            "quality",
            "type",
            "sensor_id",
            "a",
            "b",
            "status",
            "message",
            "severity",
            "readings",
        ]);
        leaf.prop_recursive(depth, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((name.clone(), inner), 0..8).prop_map(|fields| {
                    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                    format!("{{{}}}", fields.join(","))
                }),
            ]
        })
        .boxed()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes(payload in prop::collection::vec(any::<u8>(), 0..300), format in prop::sample::select(&FORMATS[..])) {
            check(&Target::new(format, "t"), &payload);
        }

        #[test]
        fn any_pieces(payload in pieces(), format in prop::sample::select(&FORMATS[..])) {
            check(&Target::new(format, "t"), payload.as_bytes());
        }

        #[test]
        fn any_json(payload in json(6), format in prop::sample::select(&FORMATS[..])) {
            let out = check(&Target::new(format, "t"), payload.as_bytes());
            prop_assert!(out.rejects.iter().all(|reject| reject.reason != Reason::Json), "{}: {:?}", payload, out);
        }

        #[test]
        fn any_topic(topic in ".{0,40}", payload in json(2)) {
            if let Some(target) = Routes::standard().find(&topic) {
                let mut out = Decoded::default();
                decode(&target, payload.as_bytes(), RECEIVED, &mut out);
                prop_assert!(!out.is_empty());
            } else {
                prop_assert!(topic.starts_with('$'));
            }
        }
    }

    #[test]
    fn what_is_decoded_comes_behind_what_is_there() {
        let mut out = Decoded::default();
        let target = Target::new(Format::Auto, "t");
        decode(&target, b"1", RECEIVED, &mut out);
        decode(&target, b"{\"a\":2}", RECEIVED, &mut out);
        decode(&target, b"x", RECEIVED, &mut out);
        assert_eq!((out.readings.len(), out.rejected), (2, 1));
        assert_eq!(out.rejects[0].to_string(), "text is neither a number nor a known state word");
        out.clear();
        assert!(out.is_empty());
    }

    #[test]
    fn large_and_odd() {
        let reason = |payload: &[u8]| check(&Target::new(Format::Auto, "t"), payload).rejects.first().map(|r| r.reason);
        assert_eq!(reason(&vec![b'1'; MAX_PAYLOAD_BYTES]), Some(Reason::NotFinite));
        assert_eq!(reason(&vec![b'1'; MAX_PAYLOAD_BYTES + 1]), Some(Reason::TooLarge));
        assert_eq!(reason(b"[\xff]"), Some(Reason::NotText));
        assert_eq!(reason(&[b"[".repeat(33), b"]".repeat(33)].concat()), Some(Reason::TooDeep));
        let mut out = Decoded::default();
        decode(&Target::new(Format::Auto, "a\0b"), b"1", RECEIVED, &mut out);
        assert_eq!(out.rejects[0].reason, Reason::Address);
    }
}
