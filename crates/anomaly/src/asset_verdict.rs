//! What an asset's detector says of one row. Must not know how it came to it.

use penstock_model::{Band, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{ALARM_SCORE, Reason, State};

/// What an asset's detector says of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetVerdict {
    /// 0 ordinary to 1 certainly not; [`ALARM_SCORE`] is the asset's own threshold. 0 unless the state is
    /// [`State::Scoring`].
    pub score: f32,
    /// Whether it is in alarm: from the threshold on, and some while after the score fell below it, so that one event
    /// does not raise one alarm after the other.
    pub is_alarm: bool,
    /// Since when it has been in alarm.
    pub since: Option<Timestamp>,
    /// How much the score rests on, 0 to 1: it grows with the rows learned from, and shrinks by as much as scores grew
    /// on rows that the model had not seen.
    pub confidence: f32,
    /// Whether it can judge.
    pub state: State,
    /// How far all points together lie out along the ways in which they move together (T2), on the scale of the score.
    pub together: f32,
    /// How far they lie beside those ways (Q), on the scale of the score.
    pub apart: f32,
    /// Of each point, in the order of the configuration.
    pub points: Vec<PointVerdict>,
    /// Which points push the score, the one that pushes most first.
    pub contributions: Vec<Contribution>,
}

/// What an asset's detector says of one of its points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PointVerdict {
    /// 0 ordinary to 1 certainly not; [`ALARM_SCORE`] is the point's own threshold.
    pub score: f32,
    /// Where the value was expected from the asset's other points and the last rows, in SI.
    pub expected: Option<Band>,
    /// How far the value lies from the middle of that, in SI.
    pub residual: f64,
    /// Whether the point can be judged.
    pub state: State,
    /// What stands out the most, also where it is no more than ordinary.
    pub reason: Reason,
    /// Why its value cannot be one.
    pub fault: Option<PointFault>,
}

/// Why a value cannot be one, whatever the others say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointFault {
    /// There is none, though other points of the asset have one.
    Missing,
    /// It lies outside what is physically possible.
    OutOfRange,
}

/// A point's share in an asset's score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// Its place in the configuration.
    pub point: usize,
    /// 0 to 1; all together make 1, unless nothing pushes.
    pub share: f32,
}

impl AssetVerdict {
    /// Nothing to say yet of so many points.
    pub(crate) fn silent(points: usize, state: State, confidence: f32) -> Self {
        Self {
            score: 0.0,
            is_alarm: false,
            since: None,
            confidence,
            state,
            together: 0.0,
            apart: 0.0,
            points: vec![PointVerdict::silent(state); points],
            contributions: (0..points).map(|point| Contribution { point, share: 0.0 }).collect(),
        }
    }

    /// Makes it say nothing, in place.
    pub(crate) fn silence(&mut self, state: State) {
        self.score = 0.0;
        self.is_alarm = false;
        self.since = None;
        self.state = state;
        self.together = 0.0;
        self.apart = 0.0;
        self.points.iter_mut().for_each(|point| *point = PointVerdict::silent(state));
        self.contributions.iter_mut().for_each(|contribution| contribution.share = 0.0);
    }
}

impl AssetVerdict {
    /// Makes it say nothing of the asset, but keep what it says of the points.
    pub(crate) fn keep_quiet(&mut self) {
        self.score = 0.0;
        self.state = State::NotEnoughToSay;
        self.together = 0.0;
        self.apart = 0.0;
        self.contributions.iter_mut().for_each(|contribution| contribution.share = 0.0);
    }
}

impl PointVerdict {
    pub(crate) const fn silent(state: State) -> Self {
        Self { score: 0.0, expected: None, residual: 0.0, state, reason: Reason::Nothing, fault: None }
    }

    /// Whether it reaches the point's own threshold, or cannot be a value at all.
    pub fn is_anomalous(&self) -> bool {
        self.score >= ALARM_SCORE || self.fault.is_some()
    }
}
