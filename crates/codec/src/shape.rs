//! The shapes in which JSON messages carry readings; the crate's page lists them. Knows the tree, not how it was read.

use std::borrow::Cow;
use std::collections::HashSet;

use penstock_model::{Fault, Quality, Quantity, Timestamp, Unit};

use crate::json::{self, Node};
use crate::plain::{self, Value};
use crate::time::{self, Told};
use crate::{Decoded, MAX_ADDRESS_BYTES, MAX_READINGS, Reading, Reason, Target, words};

type Fields<'a> = [(Cow<'a, str>, Node<'a>)];

/// Up to so many readings of one object are compared one by one for duplicates.
const FEW: usize = 32;

/// Decodes a JSON message.
pub(crate) fn decode(target: &Target<'_>, text: &str, received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    let root = json::parse(text)?;
    let before = (out.readings.len(), out.rejected);
    let mut message = Message { target, received, room: MAX_READINGS, is_cut: false, out };
    let address = Address { base: target.address.to_string(), is_field: false };
    message.node(&address, &root, Around::default());
    if message.is_cut {
        message.out.reject(Reason::TooManyReadings, "");
    }
    // Something must come of a message: a reading, or the reason why not.
    if (message.out.readings.len(), message.out.rejected) == before { Err(Reason::NoValue) } else { Ok(()) }
}

/// What holds of everything inside, where nothing further in says otherwise.
#[derive(Clone, Copy, Default)]
struct Around {
    told: Told,
    quality: Quality,
}

/// Where the next reading goes.
struct Address {
    base: String,
    /// Whether a field name is part of it, so that a further one comes behind a dot.
    is_field: bool,
}

impl Address {
    fn field(&self, name: &str) -> Self {
        let separator = if self.is_field { '.' } else { '#' };
        let mut base = String::with_capacity(self.base.len() + name.len() + 1);
        base.push_str(&self.base);
        base.push(separator);
        base.push_str(name);
        Self { base, is_field: true }
    }
}

struct Message<'m, 't> {
    target: &'m Target<'t>,
    received: Timestamp,
    /// Readings that still fit.
    room: usize,
    /// Whether one did not.
    is_cut: bool,
    out: &'m mut Decoded,
}

impl Message<'_, '_> {
    /// What stands at the top, or in a list of readings.
    fn node(&mut self, address: &Address, node: &Node<'_>, around: Around) {
        match node {
            Node::Object(fields) => self.object(address, fields, around),
            Node::Array(items) if items.iter().any(|item| matches!(item, Node::Object(_))) => {
                for item in items {
                    if self.is_cut {
                        return;
                    }
                    let before = (self.out.readings.len(), self.out.rejected);
                    self.node(address, item, around);
                    // One entry that gives nothing must not hide behind the others that do.
                    if (self.out.readings.len(), self.out.rejected) == before && !self.is_cut {
                        self.out.reject(Reason::NoValue, field_of(&address.base, self.target));
                    }
                }
            }
            Node::Array(items) => self.items(address, items, around),
            scalar => self.one(address, scalar, Said::nothing(around), true),
        }
    }

    fn object(&mut self, address: &Address, fields: &Fields<'_>, outer: Around) {
        let said = self.said(fields, outer);
        let named;
        let address = match said.sensor.as_deref() {
            // The topic already tells the sensor where its route has the id in the address.
            Some(sensor) if !self.target.is_named => {
                let Some(below) = self.below(address, sensor) else { return };
                named = below;
                &named
            }
            _ => address,
        };
        let inside = said.inside();
        if let Some(value) = said.value {
            self.refuse(&said.twice);
            return match value {
                Node::Object(inner) => self.fields(address, inner, inside),
                Node::Array(items) => self.items(address, items, inside),
                scalar => self.one(address, scalar, said, true),
            };
        }
        match said.values {
            Some(values @ (Node::Object(_) | Node::Array(_))) => {
                self.refuse(&said.twice);
                match values {
                    Node::Object(inner) => self.fields(address, inner, inside),
                    list => self.node(address, list, inside),
                }
            }
            _ => {
                // Those that are readings are found among the readings.
                let about = said.twice.into_iter().filter(|(name, node)| is_about(name, node));
                self.refuse(&about.collect::<Vec<_>>());
                self.fields(address, fields, outer);
            }
        }
    }

    fn refuse(&mut self, twice: &[(&str, &Node<'_>)]) {
        for (name, _) in twice {
            self.out.reject(Reason::DuplicateField, name);
        }
    }

    /// What an object says about its readings.
    fn said<'n>(&self, fields: &'n Fields<'n>, outer: Around) -> Said<'n> {
        let mut said = Said::nothing(outer);
        if let Some(told) = time::of_fields(fields, self.received) {
            said.outer.told = told;
        }
        for (name, node) in fields {
            let slot = match name.as_ref() {
                "value" | "val" => &mut said.value,
                "values" | "readings" | "samples" => &mut said.values,
                "unit" | "units" | "uom" => &mut said.unit,
                "quality" | "q" => &mut said.quality,
                "type" | "quantity" => &mut said.kind,
                "sensor_id" | "sensorId" | "device_id" | "deviceId" => {
                    said.sensor = said.sensor.take().or_else(|| identity(node));
                    continue;
                }
                _ => continue,
            };
            if slot.is_some() {
                said.twice.push((name, node));
            } else {
                *slot = Some(node);
            }
        }
        said
    }

    /// An object whose fields are readings of their own.
    fn fields(&mut self, address: &Address, fields: &Fields<'_>, outer: Around) {
        let before = self.out.readings.len();
        self.inner_fields(address, fields, outer);
        self.drop_duplicates(before);
    }

    fn inner_fields(&mut self, address: &Address, fields: &Fields<'_>, outer: Around) {
        let around = Around {
            told: time::of_fields(fields, self.received).unwrap_or(outer.told),
            // A number of this name is a reading; only a word is certain to be about the others.
            quality: fields
                .iter()
                .find(|(name, node)| matches!(name.as_ref(), "quality" | "q") && matches!(node, Node::Text(_)))
                .map_or(outer.quality, |(_, node)| quality_of(node)),
        };
        for (name, node) in fields {
            if self.is_cut {
                return;
            }
            if time::is_time(name) || is_about(name, node) {
                continue;
            }
            if let Node::Null = node {
                continue;
            }
            let Some(address) = self.below(address, name) else { continue };
            match node {
                Node::Object(inner) => {
                    let is_reading = inner.iter().any(|(name, _)| matches!(name.as_ref(), "value" | "values"));
                    if is_reading {
                        self.object(&address, inner, around)
                    } else {
                        self.inner_fields(&address, inner, around)
                    }
                }
                Node::Array(_) => self.node(&address, node, around),
                scalar => self.one(&address, scalar, Said::nothing(around), false),
            }
        }
    }

    /// The address of a field; refuses one that cannot be, with all that is below it.
    fn below(&mut self, address: &Address, name: &str) -> Option<Address> {
        if words::is_address(name) && address.base.len() + 1 + name.len() <= MAX_ADDRESS_BYTES {
            Some(address.field(name))
        } else {
            self.out.reject(Reason::Address, name);
            None
        }
    }

    /// A list of plain values: each is known by its place.
    fn items(&mut self, address: &Address, items: &[Node<'_>], around: Around) {
        for (no, item) in items.iter().enumerate() {
            if self.is_cut {
                return;
            }
            let Some(address) = self.below(address, &no.to_string()) else { continue };
            self.node(&address, item, around);
        }
    }

    /// One value. `is_wanted` where the message says that it is one: then what is none is refused, or bad; elsewhere
    /// texts and nulls are passed over.
    fn one(&mut self, address: &Address, node: &Node<'_>, said: Said<'_>, is_wanted: bool) {
        let (value, fault) = match node {
            Node::Number(text) => match text.parse().map_err(|_never| Reason::NotANumber).and_then(plain::finite) {
                Ok(number) => (Some(Value { number, unit: None, quantity: None }), None),
                Err(_) => (None, Some(Fault::NotANumber)),
            },
            Node::Bool(is_on) => {
                let number = if *is_on { 1.0 } else { 0.0 };
                (Some(Value { number, unit: None, quantity: Some(Quantity::State) }), None)
            }
            Node::Text(text) => match plain::value(text) {
                Ok(value) => (Some(value), None),
                Err(Reason::NotFinite) => (None, Some(Fault::NotANumber)),
                // A number that is written wrongly is told wherever it stands.
                Err(reason) if !is_wanted && reason != Reason::DecimalComma => return,
                Err(reason) => return self.out.reject(reason, field_of(&address.base, self.target)),
            },
            Node::NotFinite => (None, Some(Fault::NotANumber)),
            Node::Null if is_wanted => (None, Some(Fault::Device)),
            Node::Null => return,
            Node::Array(_) | Node::Object(_) => return,
        };
        let unit = said.unit().or(value.and_then(|value| value.unit));
        // The unit fixes how the value is converted: it wins over a word that says otherwise.
        let quantity = unit.map(Unit::quantity).or(said.quantity()).or(value.and_then(|value| value.quantity));
        let quality = fault.map_or_else(|| said.quality(), Quality::Bad);
        if self.room == 0 {
            self.is_cut = true;
            return;
        }
        self.room -= 1;
        self.out.readings.push(Reading {
            address: address.base.clone(),
            value: value.map(|value| value.number),
            quality,
            source_time: said.outer.told.at,
            unit,
            quantity,
        });
    }

    /// Keeps the first of readings with the same address and time.
    fn drop_duplicates(&mut self, before: usize) {
        let fresh = self.out.readings.get(before..).unwrap_or_default();
        let is_twice = |later: &Reading, earlier: &Reading| {
            later.address == earlier.address && later.source_time == earlier.source_time
        };
        let twice: Vec<usize> = if fresh.len() <= FEW {
            let places = fresh.iter().enumerate();
            places
                .filter(|&(no, later)| fresh.iter().take(no).any(|earlier| is_twice(later, earlier)))
                .map(|(no, _)| before + no)
                .collect()
        } else {
            let mut seen = HashSet::with_capacity(fresh.len());
            let places = fresh.iter().enumerate();
            places
                .filter(|(_, reading)| !seen.insert((reading.address.as_str(), reading.source_time)))
                .map(|(no, _)| before + no)
                .collect()
        };
        if twice.is_empty() {
            return;
        }
        let mut places = 0..;
        let mut twice = twice.into_iter().peekable();
        let Decoded { readings, .. } = &mut *self.out;
        let dropped: Vec<Reading> = readings
            .extract_if(before.., |_| twice.next_if_eq(&(before + places.next().unwrap_or(0))).is_some())
            .collect();
        for reading in dropped {
            self.out.reject(Reason::DuplicateField, field_of(&reading.address, self.target));
        }
    }
}

/// What an object says about the readings in it.
#[derive(Default)]
struct Said<'n> {
    /// What holds around the object, with its own time where it has one.
    outer: Around,
    sensor: Option<Cow<'n, str>>,
    value: Option<&'n Node<'n>>,
    values: Option<&'n Node<'n>>,
    unit: Option<&'n Node<'n>>,
    quality: Option<&'n Node<'n>>,
    kind: Option<&'n Node<'n>>,
    /// What was said a second time.
    twice: Vec<(&'n str, &'n Node<'n>)>,
}

impl Said<'_> {
    fn nothing(outer: Around) -> Self {
        Self { outer, ..Self::default() }
    }

    /// What holds of the readings inside, where they are several.
    fn inside(&self) -> Around {
        Around { quality: self.device_quality(), ..self.outer }
    }

    fn unit(&self) -> Option<Unit> {
        match self.unit {
            Some(Node::Text(text)) => Unit::parse(text).ok(),
            _ => None,
        }
    }

    fn quantity(&self) -> Option<Quantity> {
        match self.kind {
            Some(Node::Text(text)) => words::quantity(text),
            _ => None,
        }
    }

    /// What the device says of the quality; where it finds it good, what its clock makes of it.
    fn quality(&self) -> Quality {
        match (self.device_quality(), self.outer.told.doubt) {
            (Quality::Good, Some(doubt)) => Quality::Uncertain(doubt),
            (device, _) => device,
        }
    }

    fn device_quality(&self) -> Quality {
        self.quality
            .map_or(self.outer.quality, |node| if *node == Node::Null { self.outer.quality } else { quality_of(node) })
    }
}

/// The quality in a device's word or code.
fn quality_of(node: &Node<'_>) -> Quality {
    match node {
        Node::Text(text) => text.trim().parse().map_or_else(|_word| words::quality(text), words::quality_code),
        Node::Number(text) => text.parse().map_or_else(|_never| words::quality(text), words::quality_code),
        Node::Bool(is_good) => words::quality(if *is_good { "good" } else { "bad" }),
        Node::Null | Node::NotFinite | Node::Array(_) | Node::Object(_) => words::quality(""),
    }
}

/// Whether a field says something about the readings and is none itself.
fn is_about(name: &str, node: &Node<'_>) -> bool {
    match name {
        "sensor_id" | "sensorId" | "device_id" | "deviceId" => true,
        "type" | "quantity" | "unit" | "units" | "uom" | "quality" | "q" => matches!(node, Node::Text(_)),
        _ => false,
    }
}

fn identity<'n>(node: &'n Node<'n>) -> Option<Cow<'n, str>> {
    match node {
        Node::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Cow::Borrowed),
        Node::Number(text) => Some(Cow::Borrowed(text)),
        _ => None,
    }
}

/// The part of an address that is a field of the message.
fn field_of<'a>(address: &'a str, target: &Target<'_>) -> &'a str {
    address.strip_prefix(target.address.as_ref()).map_or(address, |field| field.trim_start_matches('#'))
}

#[cfg(test)]
mod tests {
    use penstock_model::Doubt;

    use super::*;
    use crate::Format;

    const RECEIVED: &str = "2026-11-21T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect(text)
    }

    fn decoded(target: &Target<'_>, payload: &str) -> Decoded {
        let mut out = Decoded::default();
        crate::decode(target, payload.as_bytes(), at(RECEIVED), &mut out);
        out
    }

    /// Addresses and values that come of a message on topic `t`, times left aside.
    fn check(payload: &str, expected: &[(&str, f64)]) {
        let out = decoded(&Target::new(Format::Auto, "t"), payload);
        let got: Vec<_> = out.readings.iter().map(|r| (r.address.as_str(), r.value.unwrap_or(f64::NAN))).collect();
        assert_eq!(got, expected, "{payload}");
        assert_eq!(out.rejected, 0, "{payload}: {:?}", out.rejects);
    }

    fn check_rejects(payload: &str, readings: usize, expected: &[(Reason, &str)]) {
        let out = decoded(&Target::new(Format::Auto, "t"), payload);
        let got: Vec<_> = out.rejects.iter().map(|reject| (reject.reason, reject.field.as_str())).collect();
        assert_eq!(got, expected, "{payload}");
        assert_eq!((out.readings.len(), out.rejected), (readings, expected.len()), "{payload}: {:?}", out.readings);
    }

    fn one(payload: &str) -> Reading {
        let out = decoded(&Target::new(Format::Json, "t"), payload);
        assert_eq!((out.readings.len(), out.rejected), (1, 0), "{payload}: {out:?}");
        out.readings.into_iter().next().expect("one")
    }

    #[test]
    fn one_value() {
        let target = crate::Routes::standard().find("jjm/sensors/S0001/data").expect("standard");
        for payload in [
            r#"{"sensor_id":"S0001","type":"flow","value":250.5}"#,
            r#"{"sensor_id":"another","type":"flow","value":"250.5","battery":3.6}"#,
        ] {
            let out = decoded(&target, payload);
            let expected = Reading {
                address: "S0001".to_owned(),
                value: Some(250.5),
                quality: Quality::Good,
                source_time: None,
                unit: None,
                quantity: Some(Quantity::Flow),
            };
            assert_eq!((out.readings.as_slice(), out.rejected), (&[expected][..], 0));
        }
        check(r#"{"sensor_id":"S0001","value":1}"#, &[("t#S0001", 1.0)]);
        check(r#"{"sensor_id":7,"a":1,"b":2}"#, &[("t#7.a", 1.0), ("t#7.b", 2.0)]);
        check(r#"{"val":"4.1 bar"}"#, &[("t", 4.1)]);
        check(r#"{"value":{"a":1}}"#, &[("t#a", 1.0)]);
        check(r#"{"value":[1,2]}"#, &[("t#0", 1.0), ("t#1", 2.0)]);
    }

    #[test]
    fn units_and_quantities() {
        let check = |payload: &str, unit: Option<&str>, quantity: Option<Quantity>| {
            let reading = one(payload);
            assert_eq!((reading.unit.map(Unit::symbol), reading.quantity), (unit, quantity), "{payload}");
        };
        check(r#"{"value":1,"unit":"m3/h"}"#, Some("m³/h"), Some(Quantity::Flow));
        check(r#"{"value":1,"unit":"gpm"}"#, None, None);
        check(r#"{"value":1,"type":"Residual_Chlorine","unit":"mg/L"}"#, Some("mg/L"), Some(Quantity::Chlorine));
        check(r#"{"value":1,"type":"flow","unit":"bar"}"#, Some("bar"), Some(Quantity::Pressure));
        check(r#"{"value":true}"#, None, Some(Quantity::State));
        check(r#"{"value":"4 bar"}"#, Some("bar"), Some(Quantity::Pressure));
        check(r#"{"value":1,"type":"gauge"}"#, None, None);
    }

    #[test]
    fn qualities() {
        let check = |quality: &str, expected: Quality| {
            let reading = one(&format!(r#"{{"value":1,"quality":{quality}}}"#));
            assert_eq!((reading.quality, reading.value), (expected, Some(1.0)), "{quality}");
        };
        let doubt = Quality::Uncertain(Doubt::Device);
        let bad = Quality::Bad(Fault::Device);
        for (text, expected) in [
            ("\"good\"", Quality::Good),
            ("\"OK\"", Quality::Good),
            ("null", Quality::Good),
            ("true", Quality::Good),
            ("0", Quality::Good),
            ("192", Quality::Good),
            ("\"192\"", Quality::Good),
            ("1073741824", doubt),
            ("64", doubt),
            ("\"uncertain\"", doubt),
            ("\"fine, I think\"", doubt),
            ("-1", doubt),
            ("[]", doubt),
            ("1e300", doubt),
            ("NaN", doubt),
            ("\"bad\"", bad),
            ("false", bad),
            ("8", bad),
            ("2147483648", bad),
            ("\"disconnected\"", Quality::Bad(Fault::Disconnected)),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn values_that_are_none() {
        for (value, fault) in [
            ("null", Fault::Device),
            ("NaN", Fault::NotANumber),
            ("-Infinity", Fault::NotANumber),
            ("1e999", Fault::NotANumber),
            ("\"nan\"", Fault::NotANumber),
        ] {
            let reading = one(&format!(r#"{{"value":{value}}}"#));
            assert_eq!((reading.value, reading.quality), (None, Quality::Bad(fault)), "{value}");
        }
    }

    #[test]
    fn times() {
        let check = |time: &str, source_time: Option<&str>, quality: Quality| {
            let reading = one(&format!(r#"{{"value":1,{time}}}"#));
            assert_eq!((reading.source_time, reading.quality), (source_time.map(at), quality), "{time}");
        };
        let before = Some("2026-11-21T11:59:00Z");
        for time in [
            r#""ts":"2026-11-21T11:59:00Z""#,
            r#""time":"2026-11-21T17:29:00+05:30""#,
            r#""timestamp":1795262340"#,
            r#""ts":1795262340000"#,
            r#""ts":1795262340000000"#,
            r#""ts":"1795262340000000000""#,
            r#""Time":"2026-11-21T12:59:00","Epoch":1795262340"#,
            r#""Time":"2026-11-21T11:59:00Z""#,
            r#""last_seen":"2026-11-21T10:00:00Z","ts":1795262340"#,
            r#""ts":null,"Epoch":1795262340"#,
        ] {
            check(time, before, Quality::Good);
        }
        check(r#""Time":"2026-11-21T11:59:00""#, None, Quality::Good);
        check(r#""ts":"""#, None, Quality::Good);
        let broken = Quality::Uncertain(Doubt::ClockBroken);
        for time in
            [r#""ts":0"#, r#""ts":"soon""#, r#""ts":{}"#, r#""ts":"1999-01-01T00:00:00Z""#, r#""ts":1895262340"#]
        {
            check(time, None, broken);
        }
        let ahead = Quality::Uncertain(Doubt::ClockAhead);
        check(r#""ts":"2026-11-21T12:10:00Z""#, Some("2026-11-21T12:10:00Z"), ahead);
        check(
            r#""ts":"2026-11-21T12:10:00Z","quality":"bad""#,
            Some("2026-11-21T12:10:00Z"),
            Quality::Bad(Fault::Device),
        );
    }

    #[test]
    fn batches() {
        let target = crate::Routes::standard().find("jjm/sensors/S0001/data").expect("standard");
        let items: Vec<String> =
            (0..300).map(|no| format!(r#"{{"value":{no}.5,"ts":{}}}"#, 1_795_262_000_000_i64 + no)).collect();
        for payload in
            [format!("[{}]", items.join(",")), format!(r#"{{"sensor_id":"S0001","readings":[{}]}}"#, items.join(","))]
        {
            let out = decoded(&target, &payload);
            assert_eq!((out.readings.len(), out.rejected), (300, 0));
            for (no, reading) in (0..).zip(&out.readings) {
                assert_eq!(reading.address, "S0001");
                assert_eq!(reading.value, Some(no as f64 + 0.5));
                assert_eq!(reading.source_time, Some(Timestamp::from_millis(1_795_262_000_000 + no)));
            }
        }
        // A bad one among good ones costs itself only.
        check_rejects(r#"[{"value":1},{"value":"x"},{"value":3}]"#, 2, &[(Reason::NotANumber, "")]);
        check(r#"[{"sensor_id":"a","value":1},{"sensor_id":"b","value":2}]"#, &[("t#a", 1.0), ("t#b", 2.0)]);
        check("[1, true, \"2 bar\"]", &[("t#0", 1.0), ("t#1", 1.0), ("t#2", 2.0)]);
    }

    #[test]
    fn thingsboard() {
        check(r#"{"temperature": 42, "humidity": 73}"#, &[("t#temperature", 42.0), ("t#humidity", 73.0)]);
        let payload = r#"{"ts": 1451649600512, "values": {"temperature": 42, "humidity": 73}}"#;
        check(payload, &[("t#temperature", 42.0), ("t#humidity", 73.0)]);
        let out = decoded(&Target::new(Format::Auto, "t"), payload);
        assert!(out.readings.iter().all(|r| r.source_time == Some(Timestamp::from_millis(1_451_649_600_512))));
        check(
            r#"{"Device A":[{"ts":1483228800000,"values":{"temperature":42,"humidity":80}},
                {"ts":1483228801000,"values":{"temperature":43,"humidity":82}}],
                "Device B":[{"ts":1483228800000,"values":{"temperature":42,"humidity":80}}]}"#,
            &[
                ("t#Device A.temperature", 42.0),
                ("t#Device A.humidity", 80.0),
                ("t#Device A.temperature", 43.0),
                ("t#Device A.humidity", 82.0),
                ("t#Device B.temperature", 42.0),
                ("t#Device B.humidity", 80.0),
            ],
        );
    }

    #[test]
    fn tasmota() {
        check(r#"{"Time":"2019-12-20T11:29:22","VL53L0X":{"Distance":263}}"#, &[("t#VL53L0X.Distance", 263.0)]);
        check(
            r#"{"Time":"2023-05-28T20:04:27","SCD40":{"CarbonDioxide":618,"Temperature":23.8},"TempUnit":"C"}"#,
            &[("t#SCD40.CarbonDioxide", 618.0), ("t#SCD40.Temperature", 23.8)],
        );
        check(
            r#"{"Time":"2020-09-25T12:47:15","ENERGY":{"TotalStartTime":"2018-11-23T15:33:47","Total":0.017,
                "TotalTariff":[0.0,0.017],"ReactivePower":-7.21}}"#,
            &[
                ("t#ENERGY.Total", 0.017),
                ("t#ENERGY.TotalTariff.0", 0.0),
                ("t#ENERGY.TotalTariff.1", 0.017),
                ("t#ENERGY.ReactivePower", -7.21),
            ],
        );
        let out = decoded(
            &Target::new(Format::Auto, "t"),
            r#"{"Time":"2019-09-04T13:08:48","Epoch":1567595328,"ANALOG":{"A0":8}}"#,
        );
        assert_eq!(out.readings.first().and_then(|r| r.source_time), Some(Timestamp::from_secs(1_567_595_328)));
        check_rejects(r#"{"Time":"2018-08-18T16:13:47","MCP230XX": "D0":0,"D1":0}}"#, 0, &[(Reason::Json, "")]);
    }

    #[test]
    fn zigbee() {
        check(r#"{"temperature": 27.34, "humidity": 44.72}"#, &[("t#temperature", 27.34), ("t#humidity", 44.72)]);
        check(r#"{"occupancy": true}"#, &[("t#occupancy", 1.0)]);
        check(r#"{"state":"ON","update":null}"#, &[("t#state", 1.0)]);
        check(
            r#"{"battery":100,"water_leak":true,"last_seen":"2026-06-01T10:00:00+00:00"}"#,
            &[("t#battery", 100.0), ("t#water_leak", 1.0)],
        );
        let joined = r#"{"type":"device_joined","data":{"friendly_name":"0x90fd","ieee_address":"0x90fd"}}"#;
        check_rejects(joined, 0, &[(Reason::NoValue, "")]);
    }

    #[test]
    fn refused() {
        check_rejects("{}", 0, &[(Reason::NoValue, "")]);
        check_rejects("[]", 0, &[(Reason::NoValue, "")]);
        check_rejects("{\"value\":", 0, &[(Reason::Json, "")]);
        check_rejects(r#"{"value":[]}"#, 0, &[(Reason::NoValue, "")]);
        check_rejects(r#"{"value":1,"value":2}"#, 1, &[(Reason::DuplicateField, "value")]);
        check_rejects(
            r#"{"a":1,"a":2,"b":{"c":1},"b.c":2}"#,
            2,
            &[(Reason::DuplicateField, "a"), (Reason::DuplicateField, "b.c")],
        );
        check_rejects(r#"{"a":"4,137","b":1}"#, 1, &[(Reason::DecimalComma, "a")]);
        check_rejects(r#"{"":1,"a\u0000b":2,"c":3}"#, 1, &[(Reason::Address, ""), (Reason::Address, "ab")]);
        let long = "x".repeat(600);
        check_rejects(&format!(r#"{{"{long}":{{"a":1}},"c":3}}"#), 1, &[(Reason::Address, &long[..64])]);
        let fields: Vec<String> = (0..900).map(|no| format!("\"f{}\":{no}", no % 850)).collect();
        let out = decoded(&Target::new(Format::Auto, "t"), &format!("{{{}}}", fields.join(",")));
        assert_eq!((out.readings.len(), out.rejected, out.rejects.len()), (850, 50, 32));
        assert!((0..).zip(&out.readings).all(|(no, reading)| reading.value == Some(f64::from(no))));
    }

    #[test]
    fn a_message_gives_so_many_readings_and_no_more() {
        let list = |len: usize| format!("[{}]", vec![r#"{"value":1}"#; len].join(","));
        check_rejects(&list(MAX_READINGS), MAX_READINGS, &[]);
        check_rejects(&list(MAX_READINGS + 1), MAX_READINGS, &[(Reason::TooManyReadings, "")]);
    }
}
