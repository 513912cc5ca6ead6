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
    let told = time::of_fields(fields, received);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    fn check(payload: &str, expected: Result<f64, Reason>) {
        let mut out = Decoded::default();
        let target = Target::new(Format::Status, "S0001#status");
        crate::decode(&target, payload.as_bytes(), Timestamp::from_secs(1_795_262_400), &mut out);
        match expected {
            Ok(value) => {
                let [reading] = out.readings.as_slice() else { panic!("{payload}: {out:?}") };
                assert_eq!((reading.address.as_str(), reading.value), ("S0001#status", Some(value)), "{payload}");
                assert_eq!((reading.quality, reading.quantity), (Quality::Good, Some(Quantity::State)), "{payload}");
            }
            Err(reason) => {
                assert!(out.readings.is_empty(), "{payload}");
                assert_eq!(out.rejects.iter().map(|reject| reject.reason).collect::<Vec<_>>(), [reason], "{payload}");
            }
        }
    }

    #[test]
    fn texts() {
        check("online", Ok(1.0));
        check("Offline", Ok(0.0));
        check(" ONLINE\n", Ok(1.0));
        check("\"offline\"", Ok(0.0));
        check("1", Ok(1.0));
        check("false", Ok(0.0));
        check("sleepy", Err(Reason::UnknownStatus));
        check("", Err(Reason::Empty));
    }

    #[test]
    fn json_objects() {
        check(r#"{"status":"online"}"#, Ok(1.0));
        check(r#"{"sensor_id":"S0001","status":"offline","battery":3.1}"#, Ok(0.0));
        check(r#"{"online":false}"#, Ok(0.0));
        check(r#"{"state":{"state":"online"}}"#, Ok(1.0));
        check(r#"{"value":1}"#, Ok(1.0));
        check(r#"{"status":"sleepy"}"#, Err(Reason::UnknownStatus));
        check(r#"{"battery":3.1}"#, Err(Reason::NoValue));
        check(r#"{"status":"#, Err(Reason::Json));
    }

    #[test]
    fn time_is_taken() {
        let mut out = Decoded::default();
        let received = Timestamp::from_secs(1_795_262_400);
        crate::decode(&Target::new(Format::Status, "a"), br#"{"status":"online","ts":1795262000}"#, received, &mut out);
        assert_eq!(out.readings[0].source_time, Some(Timestamp::from_secs(1_795_262_000)));
        out.clear();
        let payload = br#"{"state":"online","ts":null,"last_seen":1795262000}"#;
        crate::decode(&Target::new(Format::Status, "a"), payload, received, &mut out);
        assert_eq!(out.readings[0].source_time, Some(Timestamp::from_secs(1_795_262_000)));
    }
}
