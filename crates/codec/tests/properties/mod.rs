//! What holds of each decoder whatever bytes it is given: one function a decoder, for the replay of the kept corpus and
//! for the fuzz targets alike. Uses the public interface only.

use std::time::Duration;

use penstock_codec::{
    Decoded, DeviceAlert, Format, MAX_ADDRESS_BYTES, MAX_READINGS, Reading, Reason, Reject, Route, Routes, Target,
    decode,
};
use penstock_model::{Doubt, Quality, Quantity, Timestamp};

/// When every message arrives: 2026-11-21 12:00 UTC.
pub(crate) const RECEIVED: Timestamp = Timestamp::from_secs(1_795_262_400);
const EARLIEST: Timestamp = Timestamp::from_secs(946_684_800);
const ALLOWED_AHEAD: Duration = Duration::from_secs(120);
const LATEST_AHEAD: Duration = Duration::from_secs(86_400);
/// Rejects kept; further ones are only counted.
const REJECTS_KEPT: usize = 32;

/// A property with the name of its target and its folder of the corpus.
pub(crate) type Property = (&'static str, fn(&[u8]));

/// Every property there is.
pub(crate) const ALL: [Property; 6] =
    [("auto", auto), ("json", json), ("plain", plain), ("status", status), ("alert", alert), ("routes", routes)];

/// Auto reads as JSON what begins like an object or a list, everything else as plain text, and nothing in its own way.
pub(crate) fn auto(payload: &[u8]) {
    let is_json = std::str::from_utf8(payload).is_ok_and(|text| {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        text.trim_start_matches(|c: char| c.is_whitespace() || c == '\0').starts_with(['{', '['])
    });
    let format = if is_json { Format::Json } else { Format::Plain };
    for target in targets(Format::Auto) {
        let out = decoded(&target, payload);
        assert_eq!(out, decoded(&Target { format, ..target.clone() }, payload), "{target:?}");
    }
}

/// JSON gives readings and no alerts.
pub(crate) fn json(payload: &[u8]) {
    for target in targets(Format::Json) {
        let out = decoded(&target, payload);
        assert!(out.alerts.is_empty());
    }
}

/// Plain text gives readings with a value, at most one without a field.
pub(crate) fn plain(payload: &[u8]) {
    for target in targets(Format::Plain) {
        let out = decoded(&target, payload);
        assert!(out.alerts.is_empty());
        assert!(out.readings.iter().all(|reading| reading.value.is_some()), "{out:?}");
        let whole = out.readings.iter().filter(|reading| reading.address == target.address).count();
        assert!(whole == 0 || out.readings.len() == 1 && out.rejected == 0, "{out:?}");
    }
}

/// A status is one reading of 0 or 1 at the address itself, or one reason why not.
pub(crate) fn status(payload: &[u8]) {
    for target in targets(Format::Status) {
        let out = decoded(&target, payload);
        assert_eq!(out.readings.len() + out.rejected, 1, "{out:?}");
        assert!(out.alerts.is_empty());
        for reading in &out.readings {
            assert_eq!(reading.address, target.address);
            assert!(matches!(reading.value, Some(0.0 | 1.0)), "{reading:?}");
            assert_eq!((reading.quantity, reading.unit), (Some(Quantity::State), None));
        }
    }
}

/// An alert gives no reading, and says something in one line.
pub(crate) fn alert(payload: &[u8]) {
    for target in targets(Format::Alert) {
        let out = decoded(&target, payload);
        assert!(out.readings.is_empty());
        assert!(out.alerts.len() <= 100);
        out.alerts.iter().for_each(check_alert);
    }
}

/// Routes and topics, a line each: routes as `pattern address` up to an empty line, then topics. A topic goes to the
/// first pattern that MQTT's own rules find, and is covered by one of the filters subscribed to.
pub(crate) fn routes(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let (routes, topics) = text.split_once("\n\n").unwrap_or((&text, ""));
    let configured: Vec<Route> = routes
        .lines()
        .take(16)
        .map(|line| {
            let (pattern, address) = line.split_once(' ').unwrap_or((line, "{topic}"));
            Route { pattern: pattern.to_owned(), format: Format::Plain, address: address.to_owned() }
        })
        .collect();
    // One wrong route refuses them all; the good ones among them are tried all the same.
    let good: Vec<Route> =
        configured.iter().filter(|route| Routes::compile(&[(*route).clone()]).is_ok()).cloned().collect();
    match Routes::compile(&configured) {
        Ok(_) => assert_eq!(good, configured),
        Err(error) => {
            assert_ne!(good, configured);
            assert!(configured.iter().any(|route| route.pattern == error.pattern), "{error}");
        }
    }
    let Ok(compiled) = Routes::compile(&good) else { panic!("each compiles, together they do not: {good:?}") };
    let filters = compiled.filters();
    assert!(filters.len() <= good.len());
    for topic in topics.lines().take(64) {
        let expected = good.iter().find(|route| matches(&filter_of(&route.pattern), topic));
        let found = compiled.find(topic);
        assert_eq!(found.is_some(), expected.is_some(), "{topic:?} in {good:?}");
        assert_eq!(filters.iter().any(|filter| matches(filter, topic)), found.is_some(), "{topic:?} in {filters:?}");
        let (Some(target), Some(route)) = (found, expected) else { continue };
        assert_eq!(target.address, address_of(route, topic), "{topic:?} in {route:?}");
        // Whatever the topic makes of the address, what is read there keeps to it.
        decoded(&target, b"1");
    }
    if let Some(target) = Routes::standard().find(topics.lines().next().unwrap_or_default()) {
        decoded(&target, b"{\"a\":1}");
    }
}

/// The MQTT filter of a pattern that compiles.
fn filter_of(pattern: &str) -> String {
    let levels = pattern.split('/').map(|level| if level.starts_with('{') { "+" } else { level });
    levels.collect::<Vec<_>>().join("/")
}

/// The rules of MQTT 3.1.1, 4.7, word by word.
fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        if level == "#" {
            return true;
        }
        if !topic.next().is_some_and(|given| level == "+" || level == given) {
            return false;
        }
    }
    topic.next().is_none()
}

/// A route's address with its names filled in, one character after the other.
fn address_of(route: &Route, topic: &str) -> String {
    let mut address = String::new();
    let mut name: Option<String> = None;
    for c in route.address.chars() {
        match (c, name.as_mut()) {
            ('{', None) => name = Some(String::new()),
            ('}', Some(wanted)) => {
                let levels = route.pattern.split('/').zip(topic.split('/'));
                let level = levels.into_iter().find(|(level, _)| *level == format!("{{{wanted}}}"));
                address.push_str(if wanted == "topic" { topic } else { level.map_or("", |(_, given)| given) });
                name = None;
            }
            (c, Some(wanted)) => wanted.push(c),
            (c, None) => address.push(c),
        }
    }
    address
}

/// Addresses of every kind: one that leaves the sensor open, one that names it, one with hardly any room behind it, one
/// that cannot be.
fn targets(format: Format) -> [Target<'static>; 4] {
    [
        Target::new(format, "t"),
        Target { is_named: true, ..Target::new(format, "S0001") },
        Target::new(format, "x".repeat(MAX_ADDRESS_BYTES - 4)),
        Target::new(format, ""),
    ]
}

/// Decodes a message and checks what holds in every format.
pub(crate) fn decoded(target: &Target<'_>, payload: &[u8]) -> Decoded {
    let mut out = Decoded::default();
    decode(target, payload, RECEIVED, &mut out);

    assert!(!out.is_empty(), "nothing came of the message, not even a reason");
    assert!(out.readings.len() <= MAX_READINGS);
    // Each costs a byte at least, so that no message makes much of little.
    assert!(out.readings.len() + out.rejected <= payload.len() + 1, "{} of {}", out.rejected, payload.len());
    assert_eq!(out.rejects.len(), out.rejected.min(REJECTS_KEPT));
    for reading in &out.readings {
        check_reading(target, reading);
    }
    for reject in &out.rejects {
        assert!(reject.field.chars().count() <= 64 && !reject.field.contains(char::is_control), "{reject:?}");
    }
    if !is_address(&target.address) {
        assert!(out.readings.is_empty() && out.alerts.is_empty());
        assert!(matches!(out.rejects[0].reason, Reason::Address | Reason::TooLarge));
    }

    check_behind(target, payload, &out);
    out
}

fn check_reading(target: &Target<'_>, reading: &Reading) {
    assert!(reading.value.is_none_or(f64::is_finite), "{reading:?}");
    assert!(reading.value.is_some() || matches!(reading.quality, Quality::Bad(_)), "{reading:?}");
    assert!(is_address(&reading.address), "{reading:?}");
    let field = reading.address.strip_prefix(target.address.as_ref());
    assert!(field.is_some_and(|field| field.is_empty() || field.starts_with('#')), "{reading:?}");
    if let Some(at) = reading.source_time {
        assert!((EARLIEST..=RECEIVED + LATEST_AHEAD).contains(&at), "{reading:?}");
        assert!(at <= RECEIVED + ALLOWED_AHEAD || reading.quality != Quality::Good, "{reading:?}");
    }
    match reading.quality {
        Quality::Uncertain(Doubt::ClockBroken) => assert_eq!(reading.source_time, None),
        Quality::Uncertain(Doubt::ClockAhead) => {
            assert!(reading.source_time.is_some_and(|at| at > RECEIVED + ALLOWED_AHEAD), "{reading:?}");
        }
        _ => {}
    }
    if let Some(unit) = reading.unit {
        assert_eq!(reading.quantity, Some(unit.quantity()), "{reading:?}");
    }
}

fn check_alert(alert: &DeviceAlert) {
    let is_line = |text: &str, chars: usize| {
        !text.is_empty() && text.chars().count() <= chars && !text.contains(char::is_control)
    };
    assert!(is_line(&alert.text, 1_000) && alert.text.trim() == alert.text, "{alert:?}");
    assert!(is_line(&alert.device, 128), "{alert:?}");
    assert!(alert.severity.as_deref().is_none_or(|severity| is_line(severity, 128)), "{alert:?}");
    assert!(alert.source_time.is_none_or(|at| (EARLIEST..=RECEIVED + LATEST_AHEAD).contains(&at)), "{alert:?}");
}

/// The same bytes give the same a second time, behind what is there already, which stays as it is.
fn check_behind(target: &Target<'_>, payload: &[u8], expected: &Decoded) {
    let reading = Reading {
        address: target.address.to_string(),
        value: Some(0.5),
        quality: Quality::Good,
        source_time: None,
        unit: None,
        quantity: None,
    };
    // Fields that messages have, so that what was there before could be taken for the message's own.
    let fields = ["", "#a", "#P", "#1", "#value"]
        .map(|field| Reading { address: format!("{}{field}", target.address), ..reading.clone() });
    let alert =
        DeviceAlert { device: "t".to_owned(), severity: None, text: "there before".to_owned(), source_time: None };
    let reject = Reject { reason: Reason::Empty, field: "there before".to_owned() };
    let mut there = Decoded { readings: fields.to_vec(), rejects: vec![reject], rejected: 1, alerts: vec![alert] };
    let before = there.clone();
    decode(target, payload, RECEIVED, &mut there);
    let behind = Decoded {
        readings: before.readings.iter().chain(&expected.readings).cloned().collect(),
        rejects: before.rejects.iter().chain(&expected.rejects).take(REJECTS_KEPT).cloned().collect(),
        rejected: before.rejected + expected.rejected,
        alerts: before.alerts.iter().chain(&expected.alerts).cloned().collect(),
    };
    assert_eq!(there, behind);
}

fn is_address(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ADDRESS_BYTES && !text.contains(char::is_control)
}
