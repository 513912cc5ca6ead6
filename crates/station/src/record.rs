//! What the station writes to its spool, in order, before anybody is told that it is done.
//!
//! Must not know how the spool stores it, nor how the database does.

use penstock_model::{Point, Sample};
use penstock_store::{AuditEntry, Batch, DeviceAlert, JournalEntry, Reject};
use serde::{Deserialize, Serialize};

/// Version of the layout; a later one reads the earlier.
const VERSION: u8 = 1;

/// One entry of the spool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// Points heard of for the first time; ahead of their samples.
    Discovered(Vec<Point>),
    /// Samples as they came.
    Samples(Vec<Sample>),
    /// Alarm transitions with the audit of what people did, in one entry.
    Alarms {
        /// The transitions.
        transitions: Vec<JournalEntry>,
        /// Who did what.
        audits: Vec<AuditEntry>,
    },
    /// Messages that could not be read.
    Rejects(Vec<Reject>),
    /// What devices reported in words.
    DeviceAlerts(Vec<DeviceAlert>),
}

impl Record {
    /// As the spool keeps it.
    ///
    /// # Errors
    /// Where memory for it cannot be had.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_extend(self, vec![VERSION])
    }

    /// From how the spool keeps it.
    ///
    /// # Errors
    /// Where it is of a later version or no record at all.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        match bytes.split_first() {
            Some((&VERSION, body)) => postcard::from_bytes(body),
            _ => Err(postcard::Error::DeserializeBadEncoding),
        }
    }

    /// Adds it to what is written to the database at once.
    pub(crate) fn put_into(self, batch: &mut Batch) {
        match self {
            Self::Discovered(points) => batch.discovered.extend(points),
            Self::Samples(samples) => batch.samples.extend(samples),
            Self::Alarms { transitions, audits } => {
                batch.transitions.extend(transitions);
                batch.audits.extend(audits);
            }
            Self::Rejects(rejects) => batch.rejects.extend(rejects),
            Self::DeviceAlerts(alerts) => batch.alerts.extend(alerts),
        }
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{PointNo, Quality, Timestamp};

    use super::*;

    #[test]
    fn records_survive_the_way() {
        let record = Record::Samples(vec![Sample {
            point: PointNo(3),
            source_time: Timestamp::from_secs(1),
            received_time: Timestamp::from_secs(2),
            value: Some(1.5),
            quality: Quality::Good,
        }]);
        let bytes = record.to_bytes().expect("fits");
        assert_eq!(Record::from_bytes(&bytes), Ok(record));
        assert!(Record::from_bytes(&[]).is_err());
        assert!(Record::from_bytes(&[9, 1, 2]).is_err());
    }
}
