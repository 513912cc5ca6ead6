//! Events by script: when each begins, from the present of a run, and the usual past of the demo town.
//! Must not know what events do.

use std::path::Path;
use std::time::Duration;

use penstock_model::Timestamp;
use serde::Deserialize;

use crate::Error;
use crate::events::{EventKind, Request, parse_duration};

/// An event of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What happens.
    pub request: Request,
    /// Microseconds after the run's present at which it begins; before it where negative.
    pub after_micros: i64,
}

impl Step {
    /// When it begins in a run whose present is `now`.
    pub(crate) const fn at(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.as_micros().saturating_add(self.after_micros))
    }
}

/// A line of a script.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    after: String,
    kind: EventKind,
    at: Option<String>,
    size: Option<f64>,
    #[serde(rename = "for")]
    length: Option<String>,
}

/// Reads a script: JSON Lines such as `{"after":"10m","kind":"burst","at":"DMA 3","size":80,"for":"2h"}`; `after` may be
/// negative (`-3d`) to lie in the past; empty lines and lines that begin with `#` are passed over.
///
/// # Errors
/// [`Error::File`] where it cannot be read, [`Error::Script`] where a line is wrong.
pub fn read(path: &Path) -> Result<Vec<Step>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        what: "cannot read",
        path: path.to_owned(),
        source,
    })?;
    let mut steps = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let step = parse(line).map_err(|why| Error::Script { path: path.to_owned(), line: number + 1, why })?;
        steps.push(step);
    }
    Ok(steps)
}

fn parse(line: &str) -> Result<Step, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let (sign, after) = match line.after.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, line.after.trim()),
    };
    let length = |text: &str| parse_duration(text).map_err(|error| error.to_string());
    let after = if after == "0" || after == "0s" { Duration::ZERO } else { length(after)? };
    let for_secs = match &line.length {
        Some(text) => Some(length(text)?.as_secs_f64()),
        None => None,
    };
    Ok(Step {
        request: Request { kind: line.kind, at: line.at, size: line.size, for_secs },
        after_micros: sign * i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
    })
}

/// What went wrong in the past of the demo town, as far as `history` reaches.
pub(crate) fn past(now: Timestamp, history: Duration) -> Vec<Step> {
    let hours = |hours: f64| Duration::from_secs_f64(hours * 3_600.0);
    let ago = |ago_hours: f64, request: Request| Step { request, after_micros: -(ago_hours * 3.6e9) as i64 };
    let worn = crate::sensors::pump_name(1, crate::pumps::on_duty(3, crate::demand::duty_day(now)) + 1);
    let steps = vec![
        // A bearing that has worn for most of a week and goes on wearing, of the pump that runs now.
        ago(6.7 * 24.0, Request::of(EventKind::BearingWear).at(&worn).sized(1.0).lasting(hours(252.0))),
        ago(5.6 * 24.0, Request::of(EventKind::Dropout).at("PT-22").lasting(hours(3.0))),
        ago(5.1 * 24.0, Request::of(EventKind::ChlorineLoss).at("DMA 5").sized(0.85).lasting(hours(4.0))),
        ago(4.3 * 24.0, Request::of(EventKind::PumpTrip).at("PS-1 Pump 2").lasting(hours(1.5))),
        ago(3.2 * 24.0, Request::of(EventKind::Burst).at("DMA 3").lasting(hours(3.2))),
        ago(2.9 * 24.0, Request::of(EventKind::Leak).at("DMA 5").sized(13.0).lasting(hours(8.0 * 24.0))),
        ago(2.4 * 24.0, Request::of(EventKind::Offline).at("PS-3").lasting(hours(1.1))),
        ago(1.7 * 24.0, Request::of(EventKind::Stuck).at("PT-42").lasting(hours(5.0))),
        ago(1.2 * 24.0, Request::of(EventKind::Spike).at("TU-21").sized(2.0)),
        ago(0.8 * 24.0, Request::of(EventKind::Drift).at("CL-22").sized(0.8).lasting(hours(7.0))),
    ];
    let first = now - history;
    steps.into_iter().filter(|step| step.at(now) >= first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_and_a_wrong_line_named() {
        let folder = tempfile::tempdir().expect("scratch");
        let path = folder.path().join("script.jsonl");
        let good = "# two\n\n{\"after\":\"10m\",\"kind\":\"burst\",\"at\":\"DMA 3\",\"for\":\"2h\"}\n{\"after\":\"-3d\",\"kind\":\"pump-trip\"}\n";
        std::fs::write(&path, good).expect("written");
        let steps = read(&path).expect("read");
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].after_micros, 600_000_000);
        assert_eq!(steps[0].request.for_secs, Some(7_200.0));
        assert_eq!(steps[1].at(Timestamp::from_secs(3 * 86_400)), Timestamp::from_secs(0));
        std::fs::write(&path, "{\"after\":\"soon\",\"kind\":\"burst\"}").expect("written");
        let error = read(&path).expect_err("no duration").to_string();
        assert!(error.contains("line 1") && error.contains("soon"), "{error}");
    }

    #[test]
    fn the_past_reaches_no_further_back_than_asked() {
        let now = Timestamp::from_secs(1_000_000_000);
        let day = Duration::from_secs(86_400);
        assert_eq!(past(now, day * 7).len(), 10);
        assert!(past(now, day).iter().all(|step| step.at(now) >= now - day));
        assert!(past(now, Duration::from_secs(60)).is_empty());
    }
}
