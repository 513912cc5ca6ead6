//! The live feed: one coalesced frame a tick.

use std::time::Duration;

use penstock_model::{
    AcknowledgementModel, AlarmClass, AlarmState, Band, Condition, PointNo, Priority, Quality, Rank, RuleId, Subject,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{FloodNews, PositionView};

/// What has changed since the frame before; the first one of a feed is full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Counts up by one; a jump means that a frame was skipped for a slow reader and its content folded into this one.
    pub seq: u64,
    /// When the station made it.
    pub at: Timestamp,
    /// Whether it holds everything, not only what has changed.
    pub full: bool,
    /// Version of the register of plant and points; a screen that holds another one asks for it anew.
    pub register: u64,
    /// Newest value of each point that has a newer one.
    pub values: Vec<PointValue>,
    /// Alarms that have changed and are listed, or kept from it: shelved, suppressed or out of service.
    pub alarms: Vec<AlarmView>,
    /// Alarms that are neither any more.
    pub gone: Vec<RuleId>,
    /// How many alarms there are, where that has changed.
    pub counts: Option<AlarmCounts>,
    /// Every operator position by name, where one or who attends it has changed.
    pub positions: Option<Vec<PositionView>>,
    /// Which alarms belong together, where that has changed.
    pub floods: Option<FloodNews>,
    /// How the station is, about once a second.
    pub status: Option<StationStatus>,
}

impl Frame {
    /// As it travels.
    ///
    /// # Errors
    /// Where memory for it cannot be had.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// From how it travels.
    ///
    /// # Errors
    /// Where the bytes are not a frame, for example one of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

/// The newest value of a point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PointValue {
    /// Whose.
    pub point: PointNo,
    /// When it was measured.
    pub source_time: Timestamp,
    /// When it reached the station.
    pub received_time: Timestamp,
    /// The value in SI.
    pub value: Option<f64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// Where the detector expects it, in SI.
    pub expected: Option<Band>,
    /// Its anomaly score, 0 to 1; none while the detector has not enough to say.
    pub score: Option<f32>,
}

/// An alarm as lists and maps need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmView {
    /// Where it stands.
    pub state: AlarmState,
    /// What it is about.
    pub subject: Subject,
    /// What it judges.
    pub condition: Condition,
    /// How urgent.
    pub priority: Priority,
    /// What is at stake.
    pub class: AlarmClass,
    /// Its own name, where it has one.
    pub name: String,
    /// Whether and when a person acknowledges it.
    pub acknowledgement: AcknowledgementModel,
    /// The longest that an operator may shelve it; that of any alarm where it is none.
    pub longest_shelf: Option<Duration>,
    /// Whether it is acknowledged with a comment only.
    pub asks_for_comment: bool,
}

impl AlarmView {
    /// Whether somebody can acknowledge it now: nobody has, and it need not return to normal first.
    pub const fn can_be_acknowledged(&self) -> bool {
        let must_return = matches!(self.acknowledgement, AcknowledgementModel::AfterReturn);
        !(self.state.acknowledged || self.state.active && must_return)
    }

    /// Its place in every list.
    pub const fn rank(&self) -> Rank {
        Rank::of(&self.state, self.priority)
    }
}

/// How many alarms there are by priority, the most urgent first. What is shelved, suppressed or out of service counts as
/// that alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmCounts {
    /// Not acknowledged, those that have returned to normal included.
    pub unacknowledged: [u32; 4],
    /// Active now.
    pub active: [u32; 4],
    /// The longest unacknowledged one was raised then.
    pub oldest_unacknowledged: Option<Timestamp>,
    /// How many are shelved.
    pub shelved: u32,
    /// How many are suppressed by design.
    pub suppressed: u32,
    /// How many are out of service.
    pub out_of_service: u32,
}

/// How the station is, for the status bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationStatus {
    /// Samples a second over the last seconds.
    pub samples_per_sec: f64,
    /// Messages taken in and not yet worked on.
    pub queue: u32,
    /// Bytes in the spool.
    pub spool_bytes: u64,
    /// Records in the spool that the database has not.
    pub spool_waiting: u64,
    /// The station's database.
    pub database: DatabaseState,
    /// Sources connected.
    pub sources_up: u32,
    /// Sources configured.
    pub sources_total: u32,
    /// Things under Station health that want a look.
    pub notices: u32,
}

/// How a database is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    /// It answers; the last commit took so many milliseconds.
    Up {
        /// Milliseconds of the last commit.
        commit_ms: f64,
    },
    /// It does not answer.
    Away {
        /// Since when.
        since: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use penstock_model::{CauseKind, CauseOrigin, CauseReason, GroupCause, Symptom};

    use crate::{AlarmGroup, GroupMember, MemberRole};

    #[test]
    fn a_frame_survives_the_way() {
        let limit = Condition::Limit { level: penstock_model::LimitLevel::HighHigh, limit: 1.5, deadband: 0.1 };
        let rule = RuleId::made(Timestamp::from_secs(1), [7; 10]);
        let flood = penstock_model::FloodId::made(Timestamp::from_secs(1), [8; 10]);
        let frame = Frame {
            seq: 3,
            at: Timestamp::from_secs(2),
            full: true,
            register: 9,
            values: vec![PointValue {
                point: PointNo(4),
                source_time: Timestamp::from_secs(1),
                received_time: Timestamp::from_secs(2),
                value: Some(1.25),
                quality: Quality::Uncertain(penstock_model::Doubt::ClockAhead),
                expected: Band::new(1.0, 2.0).ok(),
                score: Some(0.5),
            }],
            alarms: vec![AlarmView {
                state: AlarmState {
                    occurrence: 2,
                    active: true,
                    acknowledged: false,
                    value: Some(1.6),
                    ..AlarmState::normal(rule, Timestamp::from_secs(1))
                },
                subject: Subject::Site(penstock_model::SiteId::made(Timestamp::from_secs(1), [1; 10])),
                condition: limit,
                priority: Priority::P1,
                class: AlarmClass::Supply,
                name: String::new(),
                acknowledgement: penstock_model::AcknowledgementModel::Required,
                longest_shelf: None,
                asks_for_comment: false,
            }],
            gone: vec![rule],
            counts: Some(AlarmCounts { unacknowledged: [1, 0, 0, 0], ..AlarmCounts::default() }),
            positions: Some(vec![PositionView {
                position: penstock_model::OperatorPosition {
                    id: penstock_model::OperatorPositionId::made(Timestamp::from_secs(1), [2; 10]),
                    name: "North".into(),
                    reach: penstock_model::Reach::Areas {
                        areas: [penstock_model::AreaId::made(Timestamp::from_secs(1), [3; 10])].into(),
                        unzoned: true,
                    },
                    priorities: [Priority::P1, Priority::P2].into(),
                },
                holders: vec!["Asha Verma".into()],
            }]),
            floods: Some(FloodNews {
                changed: vec![AlarmGroup {
                    id: flood,
                    began_at: Timestamp::from_secs(1),
                    newest_at: Timestamp::from_secs(2),
                    ended_at: None,
                    alarms: 4,
                    causes: vec![GroupCause {
                        kind: CauseKind::Burst,
                        origin: CauseOrigin::Several,
                        main: None,
                        alarm: rule,
                        score: 0.75,
                        reasons: vec![
                            CauseReason::After(std::time::Duration::ZERO),
                            CauseReason::Explains { alarms: 3, of: 4 },
                            CauseReason::Shows(vec![Symptom::FlowHigh]),
                        ],
                    }],
                    members: vec![GroupMember {
                        rule,
                        raised_at: Timestamp::from_secs(1),
                        occurrences: 2,
                        role: MemberRole::Downstream { metres: 120 },
                    }],
                }],
                standing: vec![flood],
                flooding: None,
            }),
            status: None,
        };
        let bytes = frame.to_bytes().expect("fits");
        assert_eq!(Frame::from_bytes(&bytes).expect("a frame"), frame);
        assert!(Frame::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}
