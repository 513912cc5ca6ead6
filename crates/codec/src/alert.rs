//! Alerts that devices raise by themselves. Whatever one says is shown: a message that is no JSON is the text itself.

use std::borrow::Cow;

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
        Ok(Node::Object(fields)) => {
            out.alerts.push(alert(target, &fields, received).unwrap_or_else(|| plain(target, text)))
        }
        Ok(Node::Array(items)) if items.iter().any(|item| matches!(item, Node::Object(_))) => {
            for item in items.iter().take(MAX_ALERTS) {
                match item {
                    Node::Object(fields) => match alert(target, fields, received) {
                        Some(alert) => out.alerts.push(alert),
                        None => out.reject(Reason::NoAlertText, ""),
                    },
                    Node::Text(text) if !clean(text, TEXT_CHARS).is_empty() => out.alerts.push(plain(target, text)),
                    _ => out.reject(Reason::NoAlertText, ""),
                }
            }
            if items.len() > MAX_ALERTS {
                out.reject(Reason::TooManyAlerts, "");
            }
        }
        Ok(Node::Text(text)) if clean(&text, TEXT_CHARS).is_empty() => return Err(Reason::NoAlertText),
        Ok(Node::Text(text)) => out.alerts.push(plain(target, &text)),
        _ if clean(text, TEXT_CHARS).is_empty() => return Err(Reason::NoAlertText),
        _ => out.alerts.push(plain(target, text)),
    }
    Ok(())
}

fn plain(target: &Target<'_>, text: &str) -> DeviceAlert {
    DeviceAlert { device: address_of(target), severity: None, text: clean(text, TEXT_CHARS), source_time: None }
}

/// The alert in an object; none where it says nothing in words.
fn alert(target: &Target<'_>, fields: &[(Cow<'_, str>, Node<'_>)], received: Timestamp) -> Option<DeviceAlert> {
    let text_of = |names: &[&str], chars: usize| {
        names.iter().find_map(|&name| match fields.iter().find(|(field, _)| field == name)? {
            (_, Node::Text(text)) => Some(clean(text, chars)).filter(|text| !text.is_empty()),
            (_, Node::Number(text)) => Some(clean(text, chars)),
            _ => None,
        })
    };
    Some(DeviceAlert {
        device: text_of(&["sensor_id", "sensorId", "device_id", "deviceId", "device", "id"], NAME_CHARS)
            .unwrap_or_else(|| address_of(target)),
        severity: text_of(&["severity", "priority", "level"], NAME_CHARS),
        text: text_of(&["message", "msg", "text", "alert", "description", "reason", "type"], TEXT_CHARS)?,
        source_time: time::of_fields(fields, received).and_then(|told| told.at),
    })
}

/// The address as a device's name: it has no control characters, but may be of spaces only.
fn address_of(target: &Target<'_>) -> String {
    target.address.chars().take(NAME_CHARS).collect()
}

/// One line without control characters, cut to `chars`.
fn clean(text: &str, chars: usize) -> String {
    let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    spaced.skip_while(|c| c.is_whitespace()).take(chars).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    fn decoded(payload: &str) -> Decoded {
        let mut out = Decoded::default();
        let target = Target::new(Format::Alert, "jjm/alerts/pump");
        crate::decode(&target, payload.as_bytes(), Timestamp::from_secs(1_795_262_400), &mut out);
        out
    }

    fn check(payload: &str, device: &str, severity: Option<&str>, text: &str) {
        let out = decoded(payload);
        let [alert] = out.alerts.as_slice() else { panic!("{payload}: {out:?}") };
        let got = (alert.device.as_str(), alert.severity.as_deref(), alert.text.as_str());
        assert_eq!(got, (device, severity, text), "{payload}");
    }

    #[test]
    fn forms() {
        check("low battery", "jjm/alerts/pump", None, "low battery");
        check("\"low\\nbattery\"", "jjm/alerts/pump", None, "low battery");
        check(
            r#"{"sensor_id":"S0007","severity":"high","message":"pressure drop"}"#,
            "S0007",
            Some("high"),
            "pressure drop",
        );
        check(r#"{"device":12,"priority":1,"type":"burst"}"#, "12", Some("1"), "burst");
        check(r#"{"code":7}"#, "jjm/alerts/pump", None, r#"{"code":7}"#);
        check(r#"{"message":"#, "jjm/alerts/pump", None, r#"{"message":"#);
        assert_eq!(decoded(&"x".repeat(5_000)).alerts[0].text.len(), 1_000);
        check(r#"{"message":"","msg":null,"text":"low"}"#, "jjm/alerts/pump", None, "low");
        check(&format!("{}low", "\u{1}".repeat(1_000)), "jjm/alerts/pump", None, "low");
    }

    #[test]
    fn an_address_of_spaces_still_names_the_device() {
        let mut out = Decoded::default();
        crate::decode(&Target::new(Format::Alert, " "), b"low", Timestamp::from_secs(1_795_262_400), &mut out);
        assert_eq!((out.alerts[0].device.as_str(), out.alerts[0].text.as_str()), (" ", "low"));
    }

    #[test]
    fn lists_and_times() {
        let out = decoded(r#"[{"message":"a","ts":1795262000},{"code":1},3,{"message":"b","ts":"soon"}]"#);
        let got: Vec<_> = out.alerts.iter().map(|alert| (alert.text.as_str(), alert.source_time)).collect();
        assert_eq!(got, [("a", Some(Timestamp::from_secs(1_795_262_000))), ("b", None)]);
        assert_eq!(out.rejects.iter().map(|r| r.reason).collect::<Vec<_>>(), [Reason::NoAlertText; 2]);
        let out = decoded(r#"["low",{"message":"a"},""," "]"#);
        assert_eq!(out.alerts.iter().map(|alert| alert.text.as_str()).collect::<Vec<_>>(), ["low", "a"]);
        assert_eq!(out.rejected, 2);
        let many = format!("[{}]", vec![r#"{"message":"a"}"#; 101].join(","));
        let out = decoded(&many);
        assert_eq!((out.alerts.len(), out.rejects[0].reason), (100, Reason::TooManyAlerts));
        assert_eq!(decoded("\u{1}").rejects[0].reason, Reason::NoAlertText);
        let out = decoded(r#"{"message":"a","ts":null,"last_seen":1795262000}"#);
        assert_eq!(out.alerts[0].source_time, Some(Timestamp::from_secs(1_795_262_000)));
    }
}
