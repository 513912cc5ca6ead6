//! Whether a device is there: online and offline, as text or JSON. A state of its own, good in quality either way.

use penstock_model::{Quality, Quantity, Timestamp};

use crate::json::{self, Node};
use crate::time::{self, Told};
use crate::{Decoded, Reading, Reason, Target, words};

/// Decodes a status message into 1 or 0 at the target's address.
pub(crate) fn decode(target: &Target<'_>, text: &str, received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    let (value, told) = if text.starts_with(['{', '"']) {
        of_json(&json::parse(text)?, received)?
    } else {
        (words::presence(text).ok_or(Reason::UnknownStatus)?, Told::default())
    };
    out.readings.push(Reading {
        address: target.address.to_string(),
        value: Some(value),
        quality: told.doubt.map_or(Quality::Good, Quality::Uncertain),
        source_time: told.at,
        unit: None,
        quantity: Some(Quantity::State),
    });
    Ok(())
}

fn of_json(root: &Node<'_>, received: Timestamp) -> Result<(f64, Told), Reason> {
    let Node::Object(fields) = root else {
        return Ok((presence(root).ok_or(Reason::UnknownStatus)?, Told::default()));
    };
    let find = |names: &[&str]| names.iter().find_map(|&name| fields.iter().find(|(field, _)| field == name));
    let (_, status) = find(&["status", "state", "online", "connected", "value"]).ok_or(Reason::NoValue)?;
    let told = find(&["ts", "timestamp", "time"]).and_then(|(_, node)| time::of_node(node, received));
    Ok((presence(status).ok_or(Reason::UnknownStatus)?, told.unwrap_or_default()))
}

fn presence(node: &Node<'_>) -> Option<f64> {
    match node {
        Node::Text(text) => words::presence(text),
        Node::Number(text) => words::presence(text),
        Node::Bool(is_there) => Some(if *is_there { 1.0 } else { 0.0 }),
        // Zigbee2MQTT nests it once in a state object.
        Node::Object(fields) => fields.iter().find(|(name, _)| name == "state").and_then(|(_, node)| match node {
            Node::Text(text) => words::presence(text),
            _ => None,
        }),
        Node::Null | Node::NotFinite | Node::Array(_) => None,
    }
}
