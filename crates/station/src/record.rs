//! What the station writes to its spool, in order, before anybody is told that it is done.
//!
//! Must not know how the spool stores it, nor how the database does.

use std::time::Duration;

use penstock_model::{
    Address, AreaId, AssetId, Band, Limits, Point, PointId, PointNo, PointRole, PointState, Position, Quantity, RuleId,
    Sample, SiteId, Timestamp, Transition, TransitionKind, Unit, UserId,
};
use penstock_store::{AuditEntry, Batch, Delivery, DeviceAlert, JournalEntry, Reject, UnitReturn, UnitSwitch};
use serde::{Deserialize, Serialize};

/// Version of the layout; a later one reads the earlier.
const VERSION: u8 = 3;
/// The layout from before points had recording settings; what is no point is as in the next.
const WITHOUT_RECORDING: u8 = 1;
/// The layout from before transitions had details; what is no transition is as it was.
const WITHOUT_DETAIL: u8 = 2;
/// What a discovered record begins with behind its version.
const DISCOVERED: u8 = 0;
/// What a record of alarms begins with behind its version.
const ALARMS: u8 = 2;
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
    /// From here on samples of some points are read by other units.
    Switched(UnitSwitch),
    /// And from here on by the former ones again.
    SwitchedBack(UnitReturn),
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
            Self::Switched(_) | Self::SwitchedBack(_) => return None,
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
            Some((&WITHOUT_RECORDING, [DISCOVERED, points @ ..])) => {
                let points: Vec<FormerPoint> = postcard::from_bytes(points)?;
                Ok(Self::Discovered(points.into_iter().map(Point::from).collect()))
            }
            Some((&(WITHOUT_RECORDING | WITHOUT_DETAIL), [ALARMS, alarms @ ..])) => {
                let (transitions, audits): (Vec<FormerEntry>, _) = postcard::from_bytes(alarms)?;
                let transitions = transitions.into_iter().map(JournalEntry::from).collect();
                Ok(Self::Alarms { transitions, audits })
            }
            Some((&(WITHOUT_RECORDING | WITHOUT_DETAIL), body)) => postcard::from_bytes(body),
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
            Self::Switched(switch) => batch.switches.push(switch),
            Self::SwitchedBack(back) => batch.returns.push(back),
        }
    }
}

/// A point as [`WITHOUT_RECORDING`] has it.
#[derive(Deserialize)]
struct FormerPoint {
    id: PointId,
    no: PointNo,
    address: Address,
    state: PointState,
    name: String,
    description: String,
    quantity: Quantity,
    unit: Unit,
    area: Option<AreaId>,
    site: Option<SiteId>,
    asset: Option<AssetId>,
    position: Option<Position>,
    role: Option<PointRole>,
    normal: Option<Band>,
    span: Option<Band>,
    limits: Limits,
    stale_after: Duration,
}

impl From<FormerPoint> for Point {
    fn from(former: FormerPoint) -> Self {
        Self {
            id: former.id,
            no: former.no,
            address: former.address,
            state: former.state,
            name: former.name,
            description: former.description,
            quantity: former.quantity,
            unit: former.unit,
            area: former.area,
            site: former.site,
            asset: former.asset,
            position: former.position,
            role: former.role,
            normal: former.normal,
            span: former.span,
            limits: former.limits,
            stale_after: former.stale_after,
            recording: None,
        }
    }
}

/// An entry of the alarm journal as [`WITHOUT_DETAIL`] has it.
#[derive(Deserialize)]
struct FormerEntry {
    seq: u64,
    transition: FormerTransition,
}

#[derive(Deserialize)]
struct FormerTransition {
    rule: RuleId,
    occurrence: u64,
    kind: TransitionKind,
    at: Timestamp,
    value: Option<f64>,
    by: Option<UserId>,
    comment: Option<String>,
    rule_version: u32,
}

impl From<FormerEntry> for JournalEntry {
    fn from(FormerEntry { seq, transition: former }: FormerEntry) -> Self {
        let transition = Transition {
            rule: former.rule,
            occurrence: former.occurrence,
            kind: former.kind,
            at: former.at,
            value: former.value,
            by: former.by,
            comment: former.comment,
            rule_version: former.rule_version,
            detail: None,
        };
        Self { seq, transition }
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::Quality;

    use super::*;

    fn sample() -> Sample {
        Sample {
            point: PointNo(3),
            source_time: Timestamp::from_secs(1),
            received_time: Timestamp::from_secs(2),
            value: Some(1.5),
            quality: Quality::Good,
        }
    }

    #[test]
    fn records_survive_the_way() {
        let record = Record::Samples(vec![sample()]);
        let entries = record.clone().into_entries().expect("encoded");
        assert_eq!(entries.iter().map(|bytes| Record::from_bytes(bytes)).collect::<Vec<_>>(), [Ok(record)]);
        assert!(Record::from_bytes(&[]).is_err());
        assert!(Record::from_bytes(&[9, 1, 2]).is_err());
    }

    /// Points as the version before recording settings wrote them.
    const FORMER_POINTS: &[&[u8]] = &[
        // Version, discovered, two points.
        b"\x01\x00\x02",
        // Id, number 3, source and path.
        b"\x10\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x06\x05local\x03a/b",
        // Discovered, name, no description, flow, unit.
        b"\x00\x01b\x00\x00\x03L/s",
        // Nothing of what is not known, no limits, stale after 900 s.
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x84\x07\x00",
        // The same of number 200, a temperature with a description.
        b"\x10\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x90\x03\x05local\x01c\x00\x01c",
        b"\x01x\x0c\x03\xc2\xb0C",
        // Area, position, tank level, normal band, limit L, stale after 1.5 s.
        b"\x01\x10\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x00\x00\x01\x00\x00\x00\x00",
        b"\x00\x802@\x00\x00\x00\x00\x00\x90R@\x01\x04\x01\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00",
        b"\x00\x00@\x00\x00\x01\x00\x00\x00\x00\x00\x00\xe0?\x00\x00\x01\x80\xca\xb5\xee\x01",
    ];

    #[test]
    fn points_of_the_former_version_are_read() {
        let bytes = FORMER_POINTS.concat();
        let Ok(Record::Discovered(points)) = Record::from_bytes(&bytes) else { panic!("they cannot be read") };
        let [one, other] = points.as_slice() else { panic!("{points:?}") };
        let plain = Point {
            id: PointId(uuid::Uuid::from_bytes([1; 16])),
            no: PointNo(3),
            address: Address { source: "local".into(), path: "a/b".into() },
            state: PointState::Discovered,
            name: "b".into(),
            description: String::new(),
            quantity: Quantity::Flow,
            unit: Unit::parse("L/s").expect("known"),
            area: None,
            site: None,
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: Duration::from_secs(900),
            recording: None,
        };
        assert_eq!(*one, plain);
        let full = Point {
            id: PointId(uuid::Uuid::from_bytes([2; 16])),
            no: PointNo(200),
            address: Address { source: "local".into(), path: "c".into() },
            name: "c".into(),
            description: "x".into(),
            quantity: Quantity::Temperature,
            unit: Unit::parse("°C").expect("known"),
            area: Some(AreaId(uuid::Uuid::from_bytes([3; 16]))),
            position: Position::new(18.5, 74.25).ok(),
            role: Some(PointRole::TankLevel),
            normal: Band::new(1.0, 2.0).ok(),
            limits: Limits { l: Some(0.5), ..Limits::default() },
            stale_after: Duration::from_millis(1_500),
            ..plain
        };
        assert_eq!(*other, full);
        // What is left of them is no record.
        assert!(Record::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn all_but_points_is_as_it_was() {
        let record = Record::Samples(vec![sample()]);
        let mut entries = record.clone().into_entries().expect("encoded");
        entries[0][0] = WITHOUT_RECORDING;
        assert_eq!(Record::from_bytes(&entries[0]), Ok(record));
    }

    #[test]
    fn transitions_of_the_former_version_are_read() {
        // Version, alarms, one entry: seq 7, rule, occurrence 1, acknowledged, at 1 s, no value, nobody, a comment,
        // version 2 of the rule, no audits.
        let rule = [&b"\x10"[..], &[5; 16]].concat();
        let bytes = [&b"\x02\x02\x01\x07"[..], &rule, b"\x01\x02\x80\x89\x7a\x00\x00\x01\x02ok\x02\x00"].concat();
        let Ok(Record::Alarms { transitions, audits }) = Record::from_bytes(&bytes) else {
            panic!("they cannot be read")
        };
        let transition = Transition {
            rule: RuleId(uuid::Uuid::from_bytes([5; 16])),
            occurrence: 1,
            kind: TransitionKind::Acknowledged,
            at: Timestamp::from_secs(1),
            value: None,
            by: None,
            comment: Some("ok".to_owned()),
            rule_version: 2,
            detail: None,
        };
        assert_eq!((transitions, audits), (vec![JournalEntry { seq: 7, transition }], vec![]));
    }

    #[test]
    fn a_point_keeps_its_recording_settings() {
        let Ok(Record::Discovered(mut points)) = Record::from_bytes(&FORMER_POINTS.concat()) else {
            panic!("they cannot be read")
        };
        points[1].recording = penstock_model::Recording::new(Some(0.5), None, Duration::from_secs(60)).ok();
        let record = Record::Discovered(points);
        let entries = record.clone().into_entries().expect("encoded");
        assert_eq!(entries.iter().map(|bytes| Record::from_bytes(bytes)).collect::<Vec<_>>(), [Ok(record)]);
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
