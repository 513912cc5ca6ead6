//! Files of the archive, and how what is in them becomes what is measured now. Pure: must not know SQL, nor where the
//! archive is.
//!
//! A file is never written anew. Where the unit of a point changes, what the database holds is converted and the change
//! is listed; a file that was written before keeps its values, which are converted as they are read.

use penstock_model::{PointNo, Sample, Timestamp};
use serde::Deserialize;

/// What the database says of a file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Entry {
    name: String,
    /// The last change of a unit that its values have been through.
    #[serde(default)]
    rescalings: i64,
}

/// A change of a point's unit: new value = old value × factor + offset, of what was received before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rescaled {
    /// Changes are numbered as they came.
    pub(crate) no: i64,
    pub(crate) point: PointNo,
    pub(crate) factor: f64,
    pub(crate) offset: f64,
    pub(crate) received_before: Timestamp,
}

/// A file of the archive, and what is to be done to values that are read from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filed {
    pub(crate) name: String,
    rescaled: Vec<Rescaled>,
}

impl Filed {
    /// The file of an entry, where `rescaled` are changes of units in the order of their numbers.
    pub(crate) fn new(entry: Entry, rescaled: &[Rescaled]) -> Self {
        let later = rescaled.iter().filter(|rescaled| rescaled.no > entry.rescalings);
        Self { rescaled: later.copied().collect(), name: entry.name }
    }

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

    fn sample(secs: i64, value: Option<f64>) -> Sample {
        Sample {
            point: PointNo(1),
            source_time: Timestamp::from_secs(secs),
            received_time: Timestamp::from_secs(secs),
            value,
            quality: Quality::Good,
        }
    }

    #[test]
    fn each_later_change_of_unit_counts_for_what_was_received_before() {
        let rescaled = |no, point, factor, offset, secs| Rescaled {
            no,
            point: PointNo(point),
            factor,
            offset,
            received_before: Timestamp::from_secs(secs),
        };
        let rescaled = [
            rescaled(2, 1, 7.0, 7.0, 90),
            rescaled(4, 1, 0.5, 1.0, 20),
            rescaled(5, 2, 9.0, 0.0, 90),
            rescaled(9, 1, 10.0, 0.0, 30),
        ];
        let check = |entry: &str, expected: [Option<f64>; 4]| {
            let file = Filed::new(serde_json::from_str(entry).expect(entry), &rescaled);
            assert_eq!(file.name, "samples-2026-06.parquet");
            let samples = vec![sample(10, Some(4.0)), sample(11, None), sample(20, Some(4.0)), sample(30, Some(4.0))];
            let values: Vec<_> = file.converted(samples).into_iter().map(|sample| sample.value).collect();
            assert_eq!(values, expected, "{entry}");
        };
        let some = |values: [f64; 3]| [Some(values[0]), None, Some(values[1]), Some(values[2])];
        check(r#"{"name": "samples-2026-06.parquet", "rows": 4, "rescalings": 2}"#, some([30.0, 40.0, 4.0]));
        check(r#"{"name": "samples-2026-06.parquet", "rescalings": 4}"#, some([40.0, 40.0, 4.0]));
        check(r#"{"name": "samples-2026-06.parquet", "rescalings": 9}"#, some([4.0, 4.0, 4.0]));
        // Written before changes were numbered.
        check(r#"{"name": "samples-2026-06.parquet"}"#, some([185.0, 350.0, 35.0]));
    }
}
