//! Every kind of bad input in every format, and what comes of it: a reading with its value, time and quality, a reject
//! with its reason, an alert. Nothing of it disappears, and nothing of it is an accident.

use std::time::Duration;

use penstock_codec::{
    Decoded, Format, MAX_DEPTH, MAX_FIELDS, MAX_PAYLOAD_BYTES, MAX_READINGS, Route, Routes, Target, decode,
};
use penstock_model::{Doubt, Fault, Quality, Timestamp};

use Format::{Alert, Auto, Json, Plain, Status};

/// 2026-11-21 12:00 UTC.
const RECEIVED: Timestamp = Timestamp::from_secs(1_795_262_400);
const FORMATS: [Format; 5] = [Auto, Json, Plain, Status, Alert];

/// What came of a message on topic `t`, a piece each: `field=value`, with `@` its age in microseconds and `?` or `!` a
/// quality that is not good; `reason` or `field:reason` of a reject; `"text"` of an alert.
fn told(out: &Decoded) -> String {
    let mut pieces = Vec::new();
    for reading in &out.readings {
        let field = reading.address.strip_prefix('t').expect("the topic");
        let mut piece = format!("{field}={}", reading.value.map_or("none".to_owned(), |value| value.to_string()));
        if let Some(at) = reading.source_time {
            piece += &format!("@{}", RECEIVED.as_micros() - at.as_micros());
        }
        piece += match reading.quality {
            Quality::Good => "",
            Quality::Uncertain(Doubt::Device) => "?device",
            Quality::Uncertain(Doubt::ClockAhead) => "?ahead",
            Quality::Uncertain(Doubt::ClockBroken) => "?clock",
            Quality::Uncertain(_) => "?other",
            Quality::Bad(Fault::Device) => "!device",
            Quality::Bad(Fault::NotANumber) => "!not_a_number",
            Quality::Bad(_) => "!other",
        };
        pieces.push(piece);
    }
    for reject in &out.rejects {
        let field = if reject.field.is_empty() { String::new() } else { format!("{}:", reject.field) };
        pieces.push(format!("{field}{}", reject.reason.name()));
    }
    if out.rejected > out.rejects.len() {
        pieces.push(format!("and {} more", out.rejected - out.rejects.len()));
    }
    for alert in &out.alerts {
        let age = alert.source_time.map_or(String::new(), |at| format!("@{}", RECEIVED.as_micros() - at.as_micros()));
        pieces.push(format!("{:?}{age}", alert.text));
    }
    pieces.join(" ")
}

fn decoded(format: Format, payload: &[u8]) -> Decoded {
    let mut out = Decoded::default();
    decode(&Target::new(format, "t"), payload, RECEIVED, &mut out);
    out
}

fn check(format: Format, payload: &[u8], expected: &str) {
    let got = told(&decoded(format, payload));
    let shown = String::from_utf8_lossy(payload.get(..80).unwrap_or(payload));
    assert_eq!(got, expected, "{format:?} {shown:?}");
}

/// One payload in every format, in the order of [`FORMATS`].
fn check_all(payload: &[u8], expected: [&str; 5]) {
    for (format, expected) in FORMATS.into_iter().zip(expected) {
        check(format, payload, expected);
    }
}

#[test]
fn wrong_topic() {
    let standard = Routes::standard();
    assert_eq!(standard.find("$SYS/broker/uptime"), None);
    // A topic that nobody expected is read as it comes, under its own name.
    let found = standard.find("jjm/sensor/S0001/data").map(|target| (target.format, target.address.into_owned()));
    assert_eq!(found, Some((Auto, "jjm/sensor/S0001/data".to_owned())));
    let only = Route { pattern: "a/{id}".to_owned(), format: Auto, address: "{id}".to_owned() };
    let only = Routes::compile(&[only]).expect("a good route");
    for topic in ["", "a", "A/x", "a/x/y", "/a/x"] {
        assert_eq!(only.find(topic), None, "{topic}");
    }
    // A topic may match and still give no address, or none that can be kept.
    let long = format!("a/{}", "x".repeat(513));
    for topic in ["a/", "a/x\0y", "a/x\ny", "a/\u{85}", long.as_str()] {
        let target = only.find(topic).expect("a match");
        for format in FORMATS {
            for payload in [&b"1"[..], b"{\"value\":1}", b"online"] {
                let mut out = Decoded::default();
                decode(&Target { format, ..target.clone() }, payload, RECEIVED, &mut out);
                assert_eq!(told(&out), "address", "{topic:?} {format:?}");
            }
        }
    }
}

#[test]
fn not_utf8() {
    let utf16: Vec<u8> = "4.1".encode_utf16().flat_map(u16::to_be_bytes).collect();
    check_all(&utf16, ["unknown_unit", "json", "unknown_unit", "unknown_status", "\"4 . 1\""]);
    for payload in [&b"\xff\xfe4\0"[..], b"4.1\xb0C", b"{\"a\":\"\xe9\"}", b"\x80", b"online\xc0\x80", b"\xed\xa0\x80"]
    {
        check_all(payload, ["not_text"; 5]);
    }
}

#[test]
fn nothing() {
    for payload in [&b""[..], b" \r\n\t", b"\0", b"\xef\xbb\xbf", b"\xef\xbb\xbf \0 "] {
        check_all(payload, ["empty"; 5]);
    }
    check_all(b"{}", ["no_value", "no_value", "not_a_number", "no_value", "\"{}\""]);
    check_all(b"[]", ["no_value", "no_value", "not_a_number", "unknown_status", "\"[]\""]);
    check_all(b"null", ["not_a_number", "=none!device", "not_a_number", "unknown_status", "\"null\""]);
    check_all(b"\"\"", ["empty", "empty", "empty", "unknown_status", "no_alert_text"]);
    check_all(b"\x01", ["not_a_number", "json", "not_a_number", "unknown_status", "no_alert_text"]);
}

#[test]
fn not_finite() {
    for text in ["NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"] {
        let alert = format!("{text:?}");
        let expected = ["not_finite", "=none!not_a_number", "not_finite", "unknown_status", &alert];
        check_all(text.as_bytes(), expected);
        let none = "=none!not_a_number";
        for value in [text.to_owned(), format!("\"{text}\"")] {
            let payload = format!("{{\"value\":{value}}}");
            for format in [Auto, Json] {
                check(format, payload.as_bytes(), none);
            }
            check(Plain, payload.as_bytes(), "not_a_number");
            check(Status, payload.as_bytes(), "unknown_status");
            check(Alert, payload.as_bytes(), &format!("{payload:?}"));
        }
    }
    check_all(b"-nan", ["not_finite", "=none!not_a_number", "not_finite", "unknown_status", "\"-nan\""]);
    check_all(b"1e999", ["not_finite", "=none!not_a_number", "not_finite", "unknown_status", "\"1e999\""]);
    check(Json, b"{\"a\":1,\"b\":-1e999,\"c\":\"nan\"}", "#a=1 #b=none!not_a_number #c=none!not_a_number");
    check(Plain, b"A=1;B=nan;C=-1e999 bar", "#A=1 B:not_finite C:not_finite");
    check(Json, b"1e-999", "=0");
    check(Json, b"{\"value\":+Infinity}", "json");
    check(Json, b"{\"value\":1.#INF}", "json");
}

#[test]
fn numbers_as_text() {
    check_all(b"\"4.137\"", ["=4.137", "=4.137", "=4.137", "unknown_status", "\"4.137\""]);
    check_all(b"4,137", ["decimal_comma", "json", "decimal_comma", "unknown_status", "\"4,137\""]);
    check_all(b"0x1F", ["unknown_unit", "json", "unknown_unit", "unknown_status", "\"0x1F\""]);
    for (text, wanted, field) in [
        ("4.137", "=4.137", "#a=4.137"),
        (" -1.5e3 ", "=-1500", "#a=-1500"),
        ("12 m3/h", "=12", "#a=12"),
        ("on", "=1", "#a=1"),
        ("4,137", "decimal_comma", "a:decimal_comma"),
        ("1.234,5", "decimal_comma", "a:decimal_comma"),
        // In a field that need not be a value, a text that is none is left out.
        ("0x1F", "unknown_unit", "no_value"),
        ("1 000", "unknown_unit", "no_value"),
        ("1'000", "unknown_unit", "no_value"),
        ("5 furlongs", "unknown_unit", "no_value"),
        ("four", "not_a_number", "no_value"),
        ("\u{2212}5", "not_a_number", "no_value"),
        ("\u{ff11}", "not_a_number", "no_value"),
        ("-", "not_a_number", "no_value"),
        ("", "empty", "no_value"),
    ] {
        for format in [Auto, Json] {
            check(format, format!("{{\"value\":\"{text}\"}}").as_bytes(), wanted);
            check(format, format!("{{\"a\":\"{text}\"}}").as_bytes(), field);
        }
        let plain = if text.is_empty() { "a:empty".to_owned() } else { format!("a:{wanted}").replace("a:=", "#a=") };
        check(Plain, format!("a={text}").as_bytes(), &plain);
    }
    check_all(b"1", ["=1", "=1", "=1", "=1", "\"1\""]);
    check(Status, b"{\"status\":\"1\"}", "=1");
    check(Status, b"{\"status\":1}", "=1");
    check(Status, b"{\"status\":2}", "unknown_status");
    check(Alert, b"{\"message\":7,\"severity\":\"1\"}", "\"7\"");
    // A comma without a name behind it is part of the number before.
    check(Plain, b"P=4,137,F=1", "#F=1 P:decimal_comma");
}

#[test]
fn times_of_every_kind() {
    let minute = "@60000000";
    let broken = "?clock";
    let cases = [
        // Seconds, milliseconds, microseconds, nanoseconds; as number and as text.
        ("1795262340", minute),
        ("1795262340.25", "@59750000"),
        ("1795262340000", minute),
        ("1795262340000000", minute),
        ("1795262340000000000", minute),
        ("1795262340000000123", minute),
        ("\"1795262340\"", minute),
        ("\"1795262340000000000\"", minute),
        ("1.79526234e9", minute),
        ("1.79526234e12", minute),
        ("1.79526234e18", minute),
        // ISO 8601 with and without a zone.
        ("\"2026-11-21T11:59:00Z\"", minute),
        ("\"2026-11-21T11:59:00\"", minute),
        ("\"2026-11-21 11:59\"", minute),
        ("\"2026-11-21T17:29:00+05:30\"", minute),
        ("\"2026-11-21T06:59:00-0500\"", minute),
        ("\"2026-11-21T11:59:00.5Z\"", "@59500000"),
        ("\"2026-11-21T11:59:00,5\"", "@59500000"),
        ("\"2026-11-21T11:58:60Z\"", minute),
        // None.
        ("null", ""),
        ("\"\"", ""),
        ("\"  \"", ""),
        // What cannot be read.
        ("\"soon\"", broken),
        ("\"2026-11-21\"", broken),
        ("\"2026-02-30T00:00:00Z\"", broken),
        ("\"2026-11-21T24:00:00Z\"", broken),
        ("\"2026-11-21T12:00:00 UTC\"", broken),
        ("\"21.11.2026 12:00\"", broken),
        ("true", broken),
        ("[]", broken),
        ("{}", broken),
        ("NaN", broken),
        ("1e999", broken),
        ("99999999999999999999", broken),
        ("-99999999999999999999", broken),
        // What cannot be right.
        ("0", broken),
        ("-1", broken),
        ("12345", broken),
        ("20261121", broken),
        ("946684799", broken),
        ("946684800", "@848577600000000"),
        ("9223372036854775807", broken),
        ("-9223372036854775808", broken),
        ("\"1970-01-01T00:00:00Z\"", broken),
        ("\"9999-12-31T23:59:59Z\"", broken),
        // Ahead.
        ("1795262520", "@-120000000"),
        ("1795262521", "@-121000000?ahead"),
        ("1795348800", "@-86400000000?ahead"),
        ("1795348801", broken),
    ];
    for (time, outcome) in cases {
        for name in ["ts", "time", "timestamp", "Timestamp", "datetime", "Epoch", "epoch", "last_seen"] {
            let with = |rest: &str| format!("{{\"{name}\":{time},{rest}}}");
            for format in [Auto, Json] {
                check(format, with("\"value\":1").as_bytes(), &format!("=1{outcome}"));
                check(format, with("\"a\":1").as_bytes(), &format!("#a=1{outcome}"));
                check(format, with("\"values\":{\"a\":1}").as_bytes(), &format!("#a=1{outcome}"));
                check(format, with("\"readings\":[{\"value\":1}]").as_bytes(), &format!("=1{outcome}"));
                let inside = format!("{{\"a\":{}}}", with("\"b\":1"));
                check(format, inside.as_bytes(), &format!("#a.b=1{outcome}"));
            }
            check(Status, with("\"status\":\"online\"").as_bytes(), &format!("=1{outcome}"));
            // An alert has no quality: a time in doubt is the time, and one that cannot be right is left out.
            let age = outcome.trim_end_matches("?ahead").trim_end_matches("?clock");
            check(Alert, with("\"message\":\"m\"").as_bytes(), &format!("\"m\"{age}"));
        }
        let text = time.trim_matches('"');
        if !["null", "true", "[]", "{}"].contains(&time) {
            check(Plain, format!("ts={text};P=1").as_bytes(), &format!("#P=1{outcome}"));
        }
        // Without a name, a time that cannot be one makes the comma that of a number, or nothing that can be read.
        if outcome.contains('@') && !text.contains([',', 'e']) {
            check(Plain, format!("{text},1").as_bytes(), &format!("#1=1{outcome}"));
        }
    }
    check(Plain, b"0,1", "decimal_comma");
    check(Plain, b"9223372036854775807,1", "decimal_comma");
    check(Plain, b"1970-01-01T00:00:00Z,1", "unknown_unit");
    // Tasmota's own time is local and not used, unless it tells its zone.
    check(Json, b"{\"Time\":\"2026-11-21T11:59:00\",\"a\":1}", "#a=1");
    check(Json, b"{\"Time\":\"2026-11-21T11:59:00Z\",\"a\":1}", "#a=1@60000000");
    check(Status, b"{\"Time\":\"2026-11-21T11:59:00\",\"status\":\"off\"}", "=0");
    // Missing.
    check_all(b"{\"value\":1}", ["=1", "=1", "not_a_number", "=1", "\"{\\\"value\\\":1}\""]);
}

#[test]
fn huge() {
    let digits = vec![b'1'; MAX_PAYLOAD_BYTES];
    let text = format!("{:?}", "1".repeat(1_000));
    check_all(&digits, ["not_finite", "=none!not_a_number", "not_finite", "unknown_status", &text]);
    check_all(&[&digits[..], b"1"].concat(), ["too_large"; 5]);
    check_all(&vec![0xff; MAX_PAYLOAD_BYTES + 1], ["too_large"; 5]);

    let object = |fields: usize| {
        let fields: Vec<String> = (0..fields).map(|no| format!("\"f{no}\":{no}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    for format in [Auto, Json] {
        let out = decoded(format, object(MAX_FIELDS).as_bytes());
        assert_eq!((out.readings.len(), out.rejected), (MAX_FIELDS, 0));
        check(format, object(MAX_FIELDS + 1).as_bytes(), "too_many_fields");
        check(format, format!("[{},{}]", object(1), object(MAX_FIELDS + 1)).as_bytes(), "too_many_fields");
        let out = decoded(format, format!("[{}]", vec!["1"; MAX_READINGS + 1].join(",")).as_bytes());
        assert_eq!((out.readings.len(), out.rejected), (MAX_READINGS, 1));
        assert_eq!(out.rejects[0].reason.name(), "too_many_readings");
    }
    check(Status, object(MAX_FIELDS + 1).as_bytes(), "too_many_fields");
    let alert = decoded(Alert, object(MAX_FIELDS + 1).as_bytes());
    assert_eq!((alert.alerts.len(), alert.rejected, alert.alerts[0].text.chars().count()), (1, 0, 1_000));
    let many = decoded(Alert, format!("[{}]", vec!["{\"message\":\"m\"}"; 101].join(",")).as_bytes());
    assert_eq!((many.alerts.len(), many.rejects[0].reason.name()), (100, "too_many_alerts"));

    let pairs: Vec<String> = (0..=MAX_FIELDS).map(|no| format!("f{no}={no}")).collect();
    let out = decoded(Plain, pairs.join(";").as_bytes());
    assert_eq!((out.readings.len(), out.rejected, out.rejects[0].reason.name()), (MAX_FIELDS, 1, "too_many_fields"));
    let out = decoded(Plain, format!("1795262340{}", ",1".repeat(MAX_FIELDS + 5)).as_bytes());
    assert_eq!((out.readings.len(), out.rejected, out.rejects[0].reason.name()), (MAX_FIELDS, 1, "too_many_fields"));

    // Names too long to be kept, and more rejects than are kept with their field.
    let long = "x".repeat(600);
    check(Json, format!("{{\"{long}\":1,\"a\":2}}").as_bytes(), &format!("#a=2 {}:address", &long[..64]));
    check(Plain, format!("{long}=1;a=2").as_bytes(), &format!("#a=2 {}:address", &long[..64]));
    let refused = decoded(Json, format!("[{}]", vec!["\"x\""; 100].join(",")).as_bytes());
    assert_eq!((refused.rejects.len(), refused.rejected), (32, 100));
}

#[test]
fn deep() {
    let lists = |depth: usize| "[".repeat(depth) + "1" + &"]".repeat(depth);
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    for format in [Auto, Json] {
        check(format, objects(MAX_DEPTH).as_bytes(), &format!("#{}=1", vec!["a"; MAX_DEPTH].join(".")));
        check(format, lists(MAX_DEPTH).as_bytes(), &format!("#{}=1", vec!["0"; MAX_DEPTH].join(".")));
        for text in
            [objects(MAX_DEPTH + 1), lists(MAX_DEPTH + 1), "[".repeat(MAX_PAYLOAD_BYTES), "{\"a\":".repeat(9_999)]
        {
            check(format, text.as_bytes(), "too_deep");
        }
    }
    check(Plain, lists(99).as_bytes(), "not_a_number");
    check(Status, objects(MAX_DEPTH + 1).as_bytes(), "too_deep");
    check(Status, lists(99).as_bytes(), "unknown_status");
    check(Alert, lists(40).as_bytes(), &format!("{:?}", lists(40)));
}

#[test]
fn duplicate_keys() {
    for format in [Auto, Json] {
        check(format, br#"{"value":1,"value":2}"#, "=1 value:duplicate_field");
        check(format, br#"{"value":1,"val":2}"#, "=1 val:duplicate_field");
        check(format, br#"{"a":1,"a":2}"#, "#a=1 a:duplicate_field");
        check(format, br#"{"a":null,"a":2}"#, "#a=2");
        check(format, br#"{"a":1,"a":null}"#, "#a=1");
        check(format, br#"{"a":{"b":1},"a":{"b":2,"c":3}}"#, "#a.b=1 #a.c=3 a.b:duplicate_field");
        check(format, br#"{"a":{"b":1},"a.b":2}"#, "#a.b=1 a.b:duplicate_field");
        check(format, br#"{"values":{"a":1},"values":{"b":2}}"#, "#a=1 values:duplicate_field");
        check(format, br#"{"values":{"a":1},"readings":{"b":2}}"#, "#a=1 readings:duplicate_field");
        check(format, br#"{"values":5,"readings":6}"#, "#values=5 #readings=6");
        check(format, br#"{"value":1,"quality":"bad","quality":"good"}"#, "=1!device quality:duplicate_field");
        check(format, br#"{"a":1,"quality":"bad","quality":"good"}"#, "#a=1!device quality:duplicate_field");
        check(format, br#"{"q":1,"q":2}"#, "#q=1 q:duplicate_field");
        check(format, br#"{"value":1,"ts":1795262340,"ts":1795262341}"#, "=1@60000000");
        check(format, br#"{"value":1,"ts":null,"ts":1795262340}"#, "=1@60000000");
        check(format, br#"{"value":1,"last_seen":1795262341,"ts":1795262340}"#, "=1@60000000");
        check(format, br#"{"value":1,"sensor_id":"A","sensor_id":"B"}"#, "#A=1");
    }
    check(Plain, b"a=1;a=2;b=3", "#a=1 #b=3 a:duplicate_field");
    check(Plain, b"ts=1795262340;ts=1795262341;P=1", "#P=1@60000000");
    check(Status, br#"{"status":"online","status":"offline"}"#, "=1");
    check(Alert, br#"{"message":"a","message":"b"}"#, "\"a\"");
}

#[test]
fn what_goes_on_beside_the_values() {
    for format in [Auto, Json] {
        // A quality goes for all that is inside, and for nothing beside.
        check(format, br#"{"quality":"bad","a":1,"b":{"c":2}}"#, "#a=1!device #b.c=2!device");
        check(format, br#"{"a":1,"b":{"q":"bad","c":2}}"#, "#a=1 #b.c=2!device");
        check(format, br#"{"quality":"bad","values":{"a":1}}"#, "#a=1!device");
        check(format, br#"{"quality":false,"readings":[{"value":1},{"value":2,"quality":"good"}]}"#, "=1!device =2");
        check(format, br#"{"quality":"bad","value":[1]}"#, "#0=1!device");
        check(format, br#"{"quality":"who knows","a":1}"#, "#a=1?device");
        // A number of that name may be a flow.
        check(format, br#"{"q":5.5,"a":1}"#, "#q=5.5 #a=1");
        // Inner times before outer ones.
        check(format, br#"{"ts":1795262341,"a":1,"b":{"ts":1795262340,"c":2}}"#, "#a=1@59000000 #b.c=2@60000000");
        // One entry that gives nothing among others that do.
        check(
            format,
            br#"[{"value":1},{},{"note":"x"},[],{"value":[]},{"ts":1}]"#,
            &format!("=1{}", " no_value".repeat(5)),
        );
        check(format, br#"{"a":[{"b":1},{"c":"text"}]}"#, "#a.b=1 a:no_value");
        check(format, br#"{"a":1,"b":{},"c":[],"d":"text","e":null}"#, "#a=1");
        check(format, br#"{"value":1,"unit":"furlongs","type":"speediness"}"#, "=1");
    }
}

#[test]
fn broken_json() {
    for text in ["{", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{'a':1}", "{\"a\":01}", "{\"a\":1}{\"b\":2}", "{\"a\":-null}"]
    {
        check(Auto, text.as_bytes(), "json");
        check(Json, text.as_bytes(), "json");
        check(Plain, text.as_bytes(), "not_a_number");
        check(Status, text.as_bytes(), "json");
        check(Alert, text.as_bytes(), &format!("{text:?}"));
    }
}

#[test]
fn the_bounds_of_time_follow_the_received_one() {
    let mut out = Decoded::default();
    let later = RECEIVED + Duration::from_secs(86_400);
    decode(&Target::new(Json, "t"), br#"{"value":1,"ts":1795348801}"#, later, &mut out);
    assert_eq!(out.readings[0].quality, Quality::Good);
}
