//! Files of the archive, and how what is in them becomes what is measured now. Pure: must not know SQL, nor where the
//! archive is.
//!
//! A file is never written anew. Where the unit of a point changes, each file that was written before keeps the values
//! that it has, and its entry in the database takes the conversion up; later files hold converted values already.

use penstock_model::{PointNo, Sample, Timestamp};
use serde::{Deserialize, Serialize};

/// A file of the archive as the database knows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Filed {
    /// Its name in the archive.
    pub(crate) name: String,
    /// What has happened to units since it was written, in that order.
    #[serde(default)]
    rescaled: Vec<Rescaled>,
}

/// A change of a point's unit: new value = old value × factor + offset, of what was received before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rescaled {
    pub(crate) point: PointNo,
    pub(crate) factor: f64,
    pub(crate) offset: f64,
    pub(crate) received_before: Timestamp,
}

impl Filed {
    /// Samples of the file, in the units of now.
    pub(crate) fn converted(&self, mut samples: Vec<Sample>) -> Vec<Sample> {
        for rescaled in &self.rescaled {
            let is_older =
                |sample: &Sample| sample.point == rescaled.point && sample.received_time < rescaled.received_before;
            for sample in samples.iter_mut().filter(|sample| is_older(sample)) {
                // Not fused: the same as what the database computes.
                sample.value = sample.value.map(|value| value * rescaled.factor + rescaled.offset);
            }
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::Quality;

    use super::*;

    #[test]
    fn each_change_of_unit_counts_for_what_was_received_before() {
        let text = r#"{"name": "samples-2026-06.parquet", "rows": 3, "rescaled": [
            {"point": 1, "factor": 0.5, "offset": 1.0, "received_before": 20000000},
            {"point": 2, "factor": 9.0, "offset": 0.0, "received_before": 90000000},
            {"point": 1, "factor": 10.0, "offset": 0.0, "received_before": 30000000}
        ]}"#;
        let file: Filed = serde_json::from_str(text).expect("an entry");
        let sample = |secs, value| Sample {
            point: PointNo(1),
            source_time: Timestamp::from_secs(secs),
            received_time: Timestamp::from_secs(secs),
            value,
            quality: Quality::Good,
        };
        let samples = vec![sample(10, Some(4.0)), sample(11, None), sample(20, Some(4.0)), sample(30, Some(4.0))];
        let values: Vec<_> = file.converted(samples).into_iter().map(|sample| sample.value).collect();
        assert_eq!(values, [Some(30.0), None, Some(40.0), Some(4.0)]);
        let plain: Filed = serde_json::from_str(r#"{"name": "samples-2026-06.parquet"}"#).expect("an entry");
        assert_eq!(plain.converted(vec![sample(10, Some(4.0))]), [sample(10, Some(4.0))]);
    }
}
