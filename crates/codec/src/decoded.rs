//! What came out of messages.

use penstock_model::{Quality, Quantity, Timestamp, Unit};

use crate::Reason;

/// Rejects kept with their field; further ones are only counted.
const REJECTS_KEPT: usize = 32;
/// The longest field name kept in a reject, in characters.
const FIELD_CHARS: usize = 64;

/// One value as a device said it, in the device's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The address inside the source: the target's, with `#field` behind it where a message carries several.
    pub address: String,
    /// The value, always finite; none where the device said it has none.
    pub value: Option<f64>,
    /// How far it can be trusted, as far as the message tells.
    pub quality: Quality,
    /// When it was measured; none where the message does not tell, or tells what cannot be.
    pub source_time: Option<Timestamp>,
    /// The unit that the value is in, where the message tells.
    pub unit: Option<Unit>,
    /// What it measures, where the message tells.
    pub quantity: Option<Quantity>,
}

/// Something that gave no reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: Reason,
    /// The field it is about, cut to 64 characters; empty where it is the whole message.
    pub field: String,
}

impl std::fmt::Display for Reject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() { self.reason.fmt(f) } else { write!(f, "{}: {}", self.field, self.reason) }
    }
}

/// An alert that a device raised by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAlert {
    /// The device as it names itself, else the address.
    pub device: String,
    /// The severity in the device's own words.
    pub severity: Option<String>,
    /// What it says, without control characters, at most 1,000 characters.
    pub text: String,
    /// When it was raised, where the message tells.
    pub source_time: Option<Timestamp>,
}

/// What came out of messages. Meant to be kept and [cleared](Self::clear), so that its memory is used again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The readings, in the order of the message.
    pub readings: Vec<Reading>,
    /// The first of what gave no reading.
    pub rejects: Vec<Reject>,
    /// How many rejects there were, kept or not.
    pub rejected: usize,
    /// What devices raised.
    pub alerts: Vec<DeviceAlert>,
}

impl Decoded {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.readings.clear();
        self.rejects.clear();
        self.rejected = 0;
        self.alerts.clear();
    }

    /// Whether nothing came out.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty() && self.rejected == 0 && self.alerts.is_empty()
    }

    pub(crate) fn reject(&mut self, reason: Reason, field: &str) {
        self.rejected += 1;
        if self.rejects.len() < REJECTS_KEPT {
            let field = field.chars().filter(|c| !c.is_control()).take(FIELD_CHARS).collect();
            self.rejects.push(Reject { reason, field });
        }
    }
}
