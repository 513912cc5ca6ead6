//! The shapes in which JSON messages carry readings; the crate's page lists them. Knows the tree, not how it was read.

use std::borrow::Cow;
use std::collections::HashSet;

use penstock_model::{Fault, Quality, Quantity, Timestamp, Unit};

use crate::json::{self, Node};
use crate::plain::{self, Value};
use crate::time::{self, Told};
use crate::{Decoded, MAX_READINGS, Reading, Reason, Target, words};

type Fields<'a> = [(Cow<'a, str>, Node<'a>)];

/// Up to so many readings of one object are compared one by one for duplicates.
const FEW: usize = 32;

/// Decodes a JSON message.
pub(crate) fn decode(target: &Target<'_>, text: &str, received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    let root = json::parse(text)?;
    let before = (out.readings.len(), out.rejected);
    let mut message = Message { target, received, room: MAX_READINGS, out };
    let address = Address { base: target.address.to_string(), is_field: false };
    message.node(&address, &root, Told::default());
    if message.room == 0 {
        message.out.reject(Reason::TooManyReadings, "");
    }
    // Something must come of a message: a reading, or the reason why not.
    if (message.out.readings.len(), message.out.rejected) == before { Err(Reason::NoValue) } else { Ok(()) }
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
    out: &'m mut Decoded,
}

impl Message<'_, '_> {
    /// What stands at the top, or in a list of readings.
    fn node(&mut self, address: &Address, node: &Node<'_>, told: Told) {
        match node {
            Node::Object(fields) => self.object(address, fields, told),
            Node::Array(items) if items.iter().any(|item| matches!(item, Node::Object(_))) => {
                for item in items {
                    if self.room == 0 {
                        return;
                    }
                    self.node(address, item, told);
                }
            }
            Node::Array(items) => self.items(address, items, told),
            scalar => self.one(address, scalar, Said { told, ..Said::default() }, true),
        }
    }

    fn object(&mut self, address: &Address, fields: &Fields<'_>, outer: Told) {
        let said = self.said(fields, outer);
        let named;
        let address = match said.sensor.as_deref() {
            // The topic already tells the sensor where its route has the id in the address.
            Some(sensor) if !self.target.is_named => {
                named = address.field(sensor);
                &named
            }
            _ => address,
        };
        if let Some(value) = said.value {
            return match value {
                Node::Object(inner) => self.fields(address, inner, said.told),
                Node::Array(items) => self.items(address, items, said.told),
                scalar => self.one(address, scalar, said, true),
            };
        }
        match said.values {
            Some(Node::Object(inner)) => self.fields(address, inner, said.told),
            Some(list @ Node::Array(items)) if items.iter().any(|item| matches!(item, Node::Object(_))) => {
                self.node(address, list, said.told);
            }
            Some(Node::Array(items)) => self.items(address, items, said.told),
            _ => self.fields(address, fields, said.told),
        }
    }

    /// What an object says about its readings.
    fn said<'n>(&mut self, fields: &'n Fields<'n>, outer: Told) -> Said<'n> {
        let mut said = Said { told: outer, ..Said::default() };
        let mut rank = 0;
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
                other => {
                    let better = time_rank(other);
                    if better > rank
                        && let Some(told) = self.time(other, node)
                    {
                        said.told = told;
                        rank = better;
                    }
                    continue;
                }
            };
            if slot.is_some() {
                self.out.reject(Reason::DuplicateField, name);
            } else {
                *slot = Some(node);
            }
        }
        said
    }

    fn time(&self, name: &str, node: &Node<'_>) -> Option<Told> {
        if let (true, Node::Text(text)) = (name == "Time", node)
            && !matches!(time::iso(text.trim()), Some((_, true)))
        {
            return None;
        }
        time::of_node(node, self.received)
    }

    /// An object whose fields are readings of their own.
    fn fields(&mut self, address: &Address, fields: &Fields<'_>, told: Told) {
        let before = self.out.readings.len();
        self.inner_fields(address, fields, told);
        self.drop_duplicates(before);
    }

    fn inner_fields(&mut self, address: &Address, fields: &Fields<'_>, told: Told) {
        for (name, node) in fields {
            if self.room == 0 {
                return;
            }
            if time_rank(name) > 0 || is_about(name, node) {
                continue;
            }
            let address = address.field(name);
            match node {
                Node::Object(inner) => {
                    let is_reading = inner.iter().any(|(name, _)| matches!(name.as_ref(), "value" | "values"));
                    if is_reading {
                        self.object(&address, inner, told)
                    } else {
                        self.inner_fields(&address, inner, told)
                    }
                }
                Node::Array(_) => self.node(&address, node, told),
                scalar => self.one(&address, scalar, Said { told, ..Said::default() }, false),
            }
        }
    }

    /// A list of plain values: each is known by its place.
    fn items(&mut self, address: &Address, items: &[Node<'_>], told: Told) {
        for (no, item) in items.iter().enumerate() {
            if self.room == 0 {
                return;
            }
            self.node(&address.field(&no.to_string()), item, told);
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
                Err(_) if !is_wanted => return,
                Err(reason) => return self.out.reject(reason, field_of(&address.base, self.target)),
            },
            Node::NotFinite => (None, Some(Fault::NotANumber)),
            Node::Null if is_wanted => (None, Some(Fault::Device)),
            Node::Null => return,
            Node::Array(_) | Node::Object(_) => return self.out.reject(Reason::NoValue, &address.base),
        };
        if !words::is_address(&address.base) {
            return self.out.reject(Reason::Address, field_of(&address.base, self.target));
        }
        let unit = said.unit().or(value.and_then(|value| value.unit));
        let quantity = said.quantity().or(unit.map(Unit::quantity)).or(value.and_then(|value| value.quantity));
        let quality = fault.map_or_else(|| said.quality(), Quality::Bad);
        self.room -= 1;
        self.out.readings.push(Reading {
            address: address.base.clone(),
            value: value.map(|value| value.number),
            quality,
            source_time: said.told.at,
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
        for &place in twice.iter().rev() {
            let reading = self.out.readings.remove(place);
            self.out.reject(Reason::DuplicateField, field_of(&reading.address, self.target));
        }
    }
}

/// What an object says about the readings in it.
#[derive(Default)]
struct Said<'n> {
    told: Told,
    sensor: Option<Cow<'n, str>>,
    value: Option<&'n Node<'n>>,
    values: Option<&'n Node<'n>>,
    unit: Option<&'n Node<'n>>,
    quality: Option<&'n Node<'n>>,
    kind: Option<&'n Node<'n>>,
}

impl Said<'_> {
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
        let device = match self.quality {
            None | Some(Node::Null) => Quality::Good,
            Some(Node::Text(text)) => {
                text.trim().parse().map_or_else(|_word| words::quality(text), words::quality_code)
            }
            Some(Node::Number(text)) => text.parse().map_or_else(|_never| words::quality(text), words::quality_code),
            Some(Node::Bool(is_good)) => words::quality(if *is_good { "good" } else { "bad" }),
            Some(Node::NotFinite | Node::Array(_) | Node::Object(_)) => words::quality(""),
        };
        match (device, self.told.doubt) {
            (Quality::Good, Some(doubt)) => Quality::Uncertain(doubt),
            (device, _) => device,
        }
    }
}

/// How far a field is trusted to be the time; 0 where it is none.
fn time_rank(name: &str) -> u8 {
    match name {
        "ts" | "timestamp" | "time" => 4,
        "Timestamp" | "datetime" => 3,
        "Epoch" | "epoch" => 2,
        "Time" | "last_seen" => 1,
        _ => 0,
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
