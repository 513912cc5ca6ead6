//! When a rule's condition holds, by one reading of its point or by the newest values of several. Must not know time,
//! delays or the alarm's history beyond whether it is active: that alone decides which side of the deadband counts.

use penstock_model::{Condition, PointId, Reference, Sample, Side, Test};

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

/// Whether the condition holds; none where the reading says nothing about it, or not it alone.
///
/// A limit is reached at or beyond it. Once the alarm is active it takes a value back by more than the deadband to
/// end it; before, the deadband plays no part, so that a value inside it never raises.
pub(crate) fn holds(condition: &Condition, active: bool, reading: Reading) -> Option<bool> {
    let slack = |deadband: f64| if active { deadband.max(0.0) } else { 0.0 };
    match condition {
        Condition::Limit { level, limit, deadband } => {
            let value = reading.value?;
            let slack = slack(*deadband);
            Some(if level.is_high() { value >= limit - slack } else { value <= limit + slack })
        }
        Condition::Deviation { from: Reference::Setpoint(setpoint), side, by, deadband } => {
            Some(is_off(reading.value? - setpoint, *side, by - slack(*deadband)))
        }
        Condition::State { states } => {
            let value = reading.value?;
            Some(states.iter().any(|state| Test::Is(*state).passes(value)))
        }
        Condition::Anomaly { score } => Some(reading.score? >= *score),
        // Silence is told by the clock, and these by a window or by several points.
        Condition::Silence { .. }
        | Condition::Deviation { .. }
        | Condition::Rate { .. }
        | Condition::Stuck { .. }
        | Condition::Expression(_)
        | Condition::Count { .. } => None,
    }
}

/// Whether a condition on several points holds, by what each of them says; none where that is not known.
pub(crate) fn holds_jointly(
    condition: &Condition,
    active: bool,
    subject: Option<PointId>,
    value_of: &impl Fn(PointId) -> Option<f64>,
) -> Option<bool> {
    match condition {
        Condition::Deviation { from: Reference::Point(from), side, by, deadband } => {
            let slack = if active { deadband.max(0.0) } else { 0.0 };
            Some(is_off(value_of(subject?)? - value_of(*from)?, *side, by - slack))
        }
        Condition::Expression(expression) => expression.holds(&|point, test| value_of(point).map(|it| test.passes(it))),
        _ => None,
    }
}

/// Whether a difference, or a rate, is so much or more to this side.
pub(crate) fn is_off(difference: f64, side: Side, by: f64) -> bool {
    match side {
        Side::Above => difference >= by,
        Side::Below => -difference >= by,
        Side::Either => difference.abs() >= by,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use penstock_model::{Doubt, Expression, Fault, LimitLevel, PointNo, Quality, Timestamp};
    use uuid::Uuid;

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
    fn deviations_go_to_their_side() {
        let check = |side, value, active, expect| {
            let from = Reference::Setpoint(50.0);
            let condition = Condition::Deviation { from, side, by: 10.0, deadband: 2.0 };
            let reading = Reading { value: Some(value), score: None };
            assert_eq!(holds(&condition, active, reading), Some(expect), "{side:?} {value} active {active}");
        };
        check(Side::Above, 60.0, false, true);
        check(Side::Above, 59.0, false, false);
        check(Side::Above, 58.0, true, true);
        check(Side::Above, 57.9, true, false);
        check(Side::Above, 30.0, false, false);
        check(Side::Below, 40.0, false, true);
        check(Side::Below, 42.0, true, true);
        check(Side::Below, 42.1, true, false);
        check(Side::Either, 40.0, false, true);
        check(Side::Either, 60.0, false, true);
        check(Side::Either, 50.0, true, false);
    }

    #[test]
    fn states_are_whole_numbers() {
        let condition = Condition::State { states: BTreeSet::from([0, 3]) };
        let check = |value, expect| {
            assert_eq!(holds(&condition, false, Reading { value, score: None }), expect, "{value:?}");
        };
        check(Some(0.2), Some(true));
        check(Some(3.0), Some(true));
        check(Some(1.0), Some(false));
        check(None, None);
    }

    #[test]
    fn several_points_are_needed_as_far_as_they_decide() {
        let [here, there] = ["here", "there"].map(|name| PointId::derived(Uuid::nil(), name));
        let from = Reference::Point(there);
        let off = Condition::Deviation { from, side: Side::Either, by: 2.0, deadband: 1.0 };
        let leaf = |point| Expression::Point { point, test: Test::AtLeast(5.0) };
        let any = Condition::Expression(Expression::any(vec![leaf(here), leaf(there)]));
        let check = |condition: &Condition, active, values: [Option<f64>; 2], expect| {
            let value_of = |point| if point == here { values[0] } else { values[1] };
            assert_eq!(holds_jointly(condition, active, Some(here), &value_of), expect, "{condition:?} {values:?}");
        };
        check(&off, false, [Some(7.0), Some(5.0)], Some(true));
        check(&off, false, [Some(6.5), Some(5.0)], Some(false));
        check(&off, true, [Some(6.0), Some(5.0)], Some(true));
        check(&off, false, [Some(9.0), None], None);
        check(&any, false, [Some(9.0), None], Some(true));
        check(&any, false, [Some(1.0), None], None);
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
