//! What the historian keeps of a point's samples, where not all of them. Must not know how it leaves them out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What the historian keeps of a point's samples. Only what is stored is meant: what screens show live, what is scored
/// and what alarms judge is every sample.
///
/// The deadband is exception reporting, as the absolute deadband of OPC UA Part 8; the deviation is a swinging door,
/// after E. H. Bristol, "Swinging door trending: adaptive trend recording?", ISA 1990.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    deadband: Option<f64>,
    deviation: Option<f64>,
    at_least_every: Duration,
}

impl Recording {
    /// How far apart recorded samples are at most where nobody says otherwise.
    pub const USUAL_INTERVAL: Duration = Duration::from_secs(3_600);
    /// The shortest time that recorded samples may be kept apart.
    pub const LEAST_INTERVAL: Duration = Duration::from_secs(1);
    /// The longest.
    pub const MOST_INTERVAL: Duration = Duration::from_secs(24 * 3_600);

    /// Settings with a deadband, a deviation or both, as differences in the SI unit of the point's quantity, and how
    /// far apart in time two recorded samples are at most that have left-out ones between them.
    ///
    /// # Errors
    /// [`Error::Recording`] unless one is given, those that are given are finite and above 0, and the time is between
    /// [`Self::LEAST_INTERVAL`] and [`Self::MOST_INTERVAL`].
    pub fn new(deadband: Option<f64>, deviation: Option<f64>, at_least_every: Duration) -> Result<Self, Error> {
        let recording = Self { deadband, deviation, at_least_every };
        recording.check().map(|()| recording)
    }

    /// Checks what did not come through [`Self::new`].
    ///
    /// # Errors
    /// As there.
    pub fn check(&self) -> Result<(), Error> {
        let mut given = self.deadband.iter().chain(&self.deviation).peekable();
        let is_some = given.peek().is_some();
        let interval = Self::LEAST_INTERVAL..=Self::MOST_INTERVAL;
        if is_some && given.all(|by| by.is_finite() && *by > 0.0) && interval.contains(&self.at_least_every) {
            Ok(())
        } else {
            Err(Error::Recording)
        }
    }

    /// A sample that differs from the last recorded one by no more than this is left out, in SI.
    pub const fn deadband(&self) -> Option<f64> {
        self.deadband
    }

    /// A sample that a line through the recorded ones comes this close to is left out, in SI.
    pub const fn deviation(&self) -> Option<f64> {
        self.deviation
    }

    /// How far apart two recorded samples are at most that have left-out ones between them.
    pub const fn at_least_every(&self) -> Duration {
        self.at_least_every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_must_say_something_that_can_be() {
        let is_right =
            |deadband, deviation, secs| Recording::new(deadband, deviation, Duration::from_secs_f64(secs)).is_ok();
        assert!(is_right(Some(0.1), None, 1.0));
        assert!(is_right(None, Some(1e-9), 3_600.0));
        assert!(is_right(Some(0.1), Some(0.2), 86_400.0));
        assert!(!is_right(None, None, 3_600.0));
        assert!(!is_right(Some(0.0), None, 3_600.0));
        assert!(!is_right(Some(0.1), Some(-0.1), 3_600.0));
        assert!(!is_right(Some(f64::NAN), None, 3_600.0));
        assert!(!is_right(None, Some(f64::INFINITY), 3_600.0));
        assert!(!is_right(Some(0.1), None, 0.999));
        assert!(!is_right(Some(0.1), None, 86_400.001));
    }

    #[test]
    fn a_point_of_an_older_file_records_everything() {
        let point: crate::Point = serde_json::from_str(
            r#"{"id": "00000000-0000-0000-0000-000000000001", "no": 1, "address": {"source": "l", "path": "a"},
                "state": "adopted", "name": "A", "description": "", "quantity": "flow", "unit": "L/s", "area": null,
                "site": null, "asset": null, "position": null, "role": null, "normal": null, "span": null,
                "limits": {"ll": null, "l": null, "h": null, "hh": null}, "stale_after": {"secs": 60, "nanos": 0}}"#,
        )
        .expect("as it was");
        assert_eq!(point.recording, None);
    }
}
