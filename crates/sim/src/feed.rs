//! What devices say: topics and payloads of readings and gateways. Must not know how they are carried.

use std::fmt::Write as _;

use penstock_model::Timestamp;

use crate::sensors::Sensor;
use crate::simulator::Reading;

/// Readings in one message of the past.
pub(crate) const READINGS_A_MESSAGE: usize = 240;

/// Topic of a device's readings.
pub(crate) fn data_topic(prefix: &str, id: &str) -> String {
    format!("{prefix}/{id}/data")
}

/// Topic of a gateway's status.
pub(crate) fn status_topic(prefix: &str, gateway: &str) -> String {
    format!("{prefix}/{gateway}/status")
}

/// The unit in letters that every device can write, for example `m3/h`.
pub(crate) fn plain_unit(symbol: &str) -> String {
    symbol.replace('³', "3").replace('µ', "u").replace("°C", "degC").replace('₂', "2")
}

/// One live reading as the device says it.
pub(crate) fn live_payload(sensor: &Sensor, value: f64, at: Timestamp) -> String {
    let unit = plain_unit(sensor.unit.symbol());
    let (id, kind) = (&sensor.id, sensor.quantity.name());
    format!(r#"{{"sensor_id":"{id}","type":"{kind}","value":{value},"unit":"{unit}","ts":"{at}"}}"#)
}

/// Readings of one device that have not been sent, in the order of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backlog {
    text: String,
    count: usize,
}

impl Backlog {
    /// Adds a reading.
    pub(crate) fn push(&mut self, reading: &Reading, at: Timestamp) {
        self.text.push(if self.count == 0 { '[' } else { ',' });
        // Writing to a string cannot fail.
        let written = write!(self.text, r#"{{"value":{},"ts":"{at}"}}"#, reading.value);
        debug_assert!(written.is_ok());
        self.count += 1;
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// The message that says them all; the backlog is empty then.
    pub(crate) fn take(&mut self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        self.count = 0;
        let capacity = self.text.capacity();
        let mut text = std::mem::replace(&mut self.text, String::with_capacity(capacity));
        text.push(']');
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensors::sensors;
    use crate::town::Town;
    use penstock_model::Unit;

    #[test]
    fn a_live_reading_reads_as_json() {
        let sensors = sensors(&Town::nandipur()).expect("units of the tables");
        for sensor in &sensors {
            let text = live_payload(sensor, 142.6, Timestamp::from_millis(1_795_286_527_123));
            let read: serde_json::Value = serde_json::from_str(&text).expect("json");
            assert_eq!(read["sensor_id"], sensor.id.as_str());
            assert_eq!(read["value"], 142.6);
            assert_eq!(read["ts"], "2026-11-21T18:42:07.123Z");
            let unit = read["unit"].as_str().expect("text");
            assert!(unit.is_ascii(), "{unit}");
            assert_eq!(Unit::parse(if unit.is_empty() { "state" } else { unit }), Ok(sensor.unit));
        }
    }

    #[test]
    fn a_backlog_reads_as_json_in_order() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.take(), None);
        for second in 0..3 {
            let at = Timestamp::from_secs(second);
            backlog.push(&Reading { sensor: 0, at, value: second as f64 }, at);
        }
        assert_eq!(backlog.len(), 3);
        let read: serde_json::Value = serde_json::from_str(&backlog.take().expect("three")).expect("json");
        assert_eq!(read[2]["ts"], "1970-01-01T00:00:02Z");
        assert_eq!(read[2]["value"], 2.0);
        assert_eq!(backlog.len(), 0);
    }
}
