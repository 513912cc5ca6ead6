//! When a rule's condition holds for one reading of its point. Must not know time, delays or the alarm's history
//! beyond whether it is active: that alone decides which side of the deadband counts.

use penstock_model::{Condition, Sample};

/// What a sample says to the conditions of its point.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reading {
    /// The value in SI; none where it cannot be trusted.
    pub value: Option<f64>,
    /// The anomaly score, 0 to 1; none where the detector had nothing to say.
    pub score: Option<f64>,
}

impl Reading {
    /// The quality gate: a bad or uncertain sample says nothing at all, and neither does its score.
    pub fn of(sample: &Sample, score: Option<f32>) -> Self {
        match sample.trusted().filter(|value| value.is_finite()) {
            Some(value) => Self { value: Some(value), score: score.map(f64::from).filter(|score| score.is_finite()) },
            None => Self::default(),
        }
    }
}

/// Whether the condition holds; none where the reading says nothing about it.
///
/// A limit is reached at or beyond it. Once the alarm is active it takes a value back by more than the deadband to
/// end it; before, the deadband plays no part, so that a value inside it never raises.
pub(crate) fn holds(condition: &Condition, active: bool, reading: Reading) -> Option<bool> {
    match *condition {
        Condition::Limit { level, limit, deadband } => {
            let value = reading.value?;
            let slack = if active { deadband.max(0.0) } else { 0.0 };
            Some(if level.is_high() { value >= limit - slack } else { value <= limit + slack })
        }
        Condition::Anomaly { score } => Some(reading.score? >= score),
        // Silence is told by the clock, not by a reading.
        Condition::Silence { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Doubt, Fault, LimitLevel, PointNo, Quality, Timestamp};

    use super::*;

    #[test]
    fn deadband_counts_on_the_way_back_only() {
        let check = |level, value, active, expect| {
            let condition = Condition::Limit { level, limit: 10.0, deadband: 2.0 };
            let reading = Reading { value: Some(value), score: None };
            assert_eq!(holds(&condition, active, reading), Some(expect), "{level:?} {value} active {active}");
        };
        check(LimitLevel::High, 9.9, false, false);
        check(LimitLevel::High, 10.0, false, true);
        check(LimitLevel::High, 8.0, true, true);
        check(LimitLevel::High, 7.9, true, false);
        check(LimitLevel::LowLow, 10.1, false, false);
        check(LimitLevel::LowLow, 10.0, false, true);
        check(LimitLevel::LowLow, 12.0, true, true);
        check(LimitLevel::LowLow, 12.1, true, false);
    }

    #[test]
    fn a_deadband_or_limit_that_is_no_number_does_no_harm() {
        let limit = |limit, deadband| Condition::Limit { level: LimitLevel::High, limit, deadband };
        let reading = Reading { value: Some(5.0), score: None };
        assert_eq!(holds(&limit(5.0, f64::NAN), true, reading), Some(true));
        assert_eq!(holds(&limit(5.1, -9.0), true, reading), Some(false));
        assert_eq!(holds(&limit(f64::NAN, 1.0), false, reading), Some(false));
    }

    #[test]
    fn only_good_samples_speak() {
        let at = Timestamp::from_secs(0);
        let sample = |value, quality| Sample { point: PointNo(0), source_time: at, received_time: at, value, quality };
        let check = |value, quality, score, expect: (Option<f64>, Option<f64>)| {
            let reading = Reading::of(&sample(value, quality), score);
            assert_eq!((reading.value, reading.score), expect);
        };
        check(Some(1.0), Quality::Good, Some(0.5), (Some(1.0), Some(0.5)));
        check(Some(1.0), Quality::Good, Some(f32::NAN), (Some(1.0), None));
        check(Some(1.0), Quality::Uncertain(Doubt::OutOfRange), Some(1.0), (None, None));
        check(Some(1.0), Quality::Bad(Fault::Device), Some(1.0), (None, None));
        check(None, Quality::Good, Some(1.0), (None, None));
        check(Some(f64::INFINITY), Quality::Good, None, (None, None));
    }
}
