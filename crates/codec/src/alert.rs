//! Alerts that devices raise by themselves. Whatever one says is shown: a message that is no JSON is the text itself.

use penstock_model::Timestamp;

use crate::json::{self, Node};
use crate::{Decoded, DeviceAlert, Reason, Target, time};

/// The longest text kept, in characters.
const TEXT_CHARS: usize = 1_000;
/// The longest device name and severity kept, in characters.
const NAME_CHARS: usize = 128;
/// The most alerts taken from one message.
const MAX_ALERTS: usize = 100;

/// Decodes an alert message: one object, a list of them, or any text.
pub(crate) fn decode(target: &Target<'_>, text: &str, received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    match json::parse(text) {
        Ok(Node::Object(fields)) => out.alerts.push(alert(target, &fields, text, received)),
        Ok(Node::Array(items)) if items.iter().any(|item| matches!(item, Node::Object(_))) => {
            for item in items.iter().take(MAX_ALERTS) {
                match item {
                    Node::Object(fields) => out.alerts.push(alert(target, fields, text, received)),
                    _ => out.reject(Reason::NoValue, ""),
                }
            }
            if items.len() > MAX_ALERTS {
                out.reject(Reason::TooManyReadings, "");
            }
        }
        Ok(Node::Text(text)) => out.alerts.push(plain(target, &text)),
        _ => out.alerts.push(plain(target, text)),
    }
    Ok(())
}

fn plain(target: &Target<'_>, text: &str) -> DeviceAlert {
    DeviceAlert {
        device: clean(&target.address, NAME_CHARS),
        severity: None,
        text: clean(text, TEXT_CHARS),
        source_time: None,
    }
}

fn alert(
    target: &Target<'_>,
    fields: &[(std::borrow::Cow<'_, str>, Node<'_>)],
    whole: &str,
    received: Timestamp,
) -> DeviceAlert {
    let find = |names: &[&str]| {
        names.iter().find_map(|&name| fields.iter().find(|(field, _)| field == name)).map(|(_, node)| node)
    };
    let text_of = |names: &[&str], chars: usize| match find(names)? {
        Node::Text(text) => Some(clean(text, chars)).filter(|text| !text.is_empty()),
        Node::Number(text) => Some((*text).to_owned()),
        _ => None,
    };
    DeviceAlert {
        device: text_of(&["sensor_id", "sensorId", "device_id", "deviceId", "device", "id"], NAME_CHARS)
            .unwrap_or_else(|| clean(&target.address, NAME_CHARS)),
        severity: text_of(&["severity", "priority", "level"], NAME_CHARS),
        text: text_of(&["message", "msg", "text", "alert", "description", "reason", "type"], TEXT_CHARS)
            .unwrap_or_else(|| clean(whole, TEXT_CHARS)),
        source_time: find(&["ts", "timestamp", "time"]).and_then(|node| time::of_node(node, received)?.at),
    }
}

/// One line without control characters, cut to `chars`.
fn clean(text: &str, chars: usize) -> String {
    let spaced = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    spaced.take(chars).collect::<String>().trim().to_owned()
}
