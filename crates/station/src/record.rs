//! What the station writes to its spool, in order, before anybody is told that it is done.
//!
//! Must not know how the spool stores it, nor how the database does.

use penstock_model::{Point, Sample};
use penstock_store::{AuditEntry, Batch, Delivery, DeviceAlert, JournalEntry, Reject};
use serde::{Deserialize, Serialize};

/// Version of the layout; a later one reads the earlier.
const VERSION: u8 = 1;
/// The most bytes of an entry that holds more than one thing; far below what the spool takes at once.
const ENTRY_BYTES: usize = 1 << 20;

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
    /// Messages that hold values without a time of their own.
    Deliveries(Vec<Delivery>),
}

impl Record {
    /// As the spool keeps it: one entry, or several in order where it would be larger than [`ENTRY_BYTES`].
    ///
    /// # Errors
    /// Where memory for it cannot be had.
    pub(crate) fn into_entries(self) -> Result<Vec<Vec<u8>>, postcard::Error> {
        let bytes = postcard::to_extend(&self, vec![VERSION])?;
        if bytes.len() <= ENTRY_BYTES {
            return Ok(vec![bytes]);
        }
        let Some((one, other)) = self.halves() else { return Ok(vec![bytes]) };
        let mut entries = one.into_entries()?;
        entries.extend(other.into_entries()?);
        Ok(entries)
    }

    /// Two records that say together what this one says; none where it holds one thing alone. A transition stays with
    /// the audit of who caused it: where there are audits, there is one for each.
    fn halves(self) -> Option<(Self, Self)> {
        fn halve<T>(mut all: Vec<T>) -> Option<(Vec<T>, Vec<T>)> {
            let rest = all.split_off(all.len() / 2);
            (!all.is_empty()).then_some((all, rest))
        }
        Some(match self {
            Self::Discovered(points) => halve(points).map(|(a, b)| (Self::Discovered(a), Self::Discovered(b)))?,
            Self::Samples(samples) => halve(samples).map(|(a, b)| (Self::Samples(a), Self::Samples(b)))?,
            Self::Rejects(rejects) => halve(rejects).map(|(a, b)| (Self::Rejects(a), Self::Rejects(b)))?,
            Self::Deliveries(all) => halve(all).map(|(a, b)| (Self::Deliveries(a), Self::Deliveries(b)))?,
            Self::DeviceAlerts(alerts) => halve(alerts).map(|(a, b)| (Self::DeviceAlerts(a), Self::DeviceAlerts(b)))?,
            Self::Alarms { transitions, mut audits } => {
                let (first, rest) = halve(transitions)?;
                let of_rest = audits.split_off(audits.len() / 2);
                (Self::Alarms { transitions: first, audits }, Self::Alarms { transitions: rest, audits: of_rest })
            }
        })
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
            Self::Deliveries(deliveries) => batch.deliveries.extend(deliveries),
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
        let entries = record.clone().into_entries().expect("encoded");
        assert_eq!(entries.iter().map(|bytes| Record::from_bytes(bytes)).collect::<Vec<_>>(), [Ok(record)]);
        assert!(Record::from_bytes(&[]).is_err());
        assert!(Record::from_bytes(&[9, 1, 2]).is_err());
    }

    #[test]
    fn a_large_record_becomes_several_that_keep_the_order() {
        let alert = |number: usize| DeviceAlert {
            at: Timestamp::from_secs(number as i64),
            source: "local".into(),
            device: "pump".into(),
            severity: None,
            message: "high water ".repeat(1_000),
        };
        let alerts: Vec<DeviceAlert> = (0..500).map(alert).collect();
        let entries = Record::DeviceAlerts(alerts.clone()).into_entries().expect("encoded");
        assert!(entries.len() > 1 && entries.iter().all(|bytes| bytes.len() <= ENTRY_BYTES));
        let mut batch = Batch::new(penstock_model::TenantId(uuid::Uuid::nil()));
        for bytes in &entries {
            Record::from_bytes(bytes).expect("as written").put_into(&mut batch);
        }
        assert_eq!(batch.alerts, alerts);
        // One thing alone stays whole, however large.
        let whole = Record::DeviceAlerts(vec![DeviceAlert { message: "x".repeat(2 * ENTRY_BYTES), ..alert(0) }]);
        assert_eq!(whole.into_entries().map(|entries| entries.len()), Ok(1));
    }
}
