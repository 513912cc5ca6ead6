//! What a detector says of one sample. Must not know how it came to it.

use std::time::Duration;

use penstock_model::Band;
use serde::{Deserialize, Serialize};

/// The score of a deviation that is just as large as chance produces about once in ten days of a point.
pub const ALARM_SCORE: f32 = 0.8;

/// What a detector says of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// 0 ordinary to 1 certainly not; [`ALARM_SCORE`] is the point's own threshold. 0 unless the state is
    /// [`State::Scoring`].
    pub score: f32,
    /// How much the score rests on, 0 to 1: it grows with what has been learned.
    pub confidence: f32,
    /// Where the value was expected after the last ones, in SI: outside it the score reaches [`ALARM_SCORE`], unless the
    /// step is one that comes again and again.
    pub expected: Option<Band>,
    /// Whether it can judge.
    pub state: State,
    /// What stands out the most, also where it is no more than ordinary.
    pub reason: Reason,
}

/// Whether a detector can judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It still learns.
    WarmingUp,
    /// It judges.
    Scoring,
    /// This sample cannot be judged: not good, without value, older than the newest, or of a point that never moves.
    NotEnoughToSay,
}

/// What stands out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// Nothing, or nothing that can be told.
    Nothing,
    /// A sudden change upwards: so far above the value expected after the last ones, in SI.
    JumpUp {
        /// How far.
        by: f64,
    },
    /// A sudden change downwards: so far below the value expected after the last ones, in SI.
    JumpDown {
        /// How far.
        by: f64,
    },
    /// For some while above what is ordinary at this time of day, on average by so much, in SI.
    Above {
        /// How far.
        by: f64,
    },
    /// For some while below what is ordinary at this time of day, on average by so much, in SI.
    Below {
        /// How far.
        by: f64,
    },
    /// The very same value for longer than this point ever holds one.
    Stuck {
        /// For how long.
        lasting: Duration,
    },
    /// Scatter grew to so many times the usual.
    Noisy {
        /// How many times.
        times: f64,
    },
}

impl Verdict {
    /// Nothing to say of this sample.
    pub(crate) const fn silent(state: State, confidence: f32) -> Self {
        Self { score: 0.0, confidence, expected: None, state, reason: Reason::Nothing }
    }

    /// Whether it reaches the point's own threshold.
    pub fn is_anomalous(&self) -> bool {
        self.score >= ALARM_SCORE
    }
}
