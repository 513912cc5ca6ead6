//! When an alarm's condition holds. Must not know time's course or quality: what evaluates a condition does.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::PointId;

/// Which of a point's limits is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitLevel {
    /// LL.
    LowLow,
    /// L.
    Low,
    /// H.
    High,
    /// HH.
    HighHigh,
}

impl LimitLevel {
    /// Whether the alarm is on values above the limit.
    pub const fn is_high(self) -> bool {
        matches!(self, Self::High | Self::HighHigh)
    }
}

/// To which side a value must be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Above, or rising.
    Above,
    /// Below, or falling.
    Below,
    /// To either.
    Either,
}

/// What a value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// A setpoint that is part of the rule, in SI.
    Setpoint(f64),
    /// The newest value of another point, for example one that carries a setpoint, while that is good and not stale.
    Point(PointId),
}

/// What one value is asked. Values are in SI.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is so much or more.
    AtLeast(f64),
    /// It is so much or less.
    AtMost(f64),
    /// It is in this state: the value rounds to this number.
    Is(i64),
}

impl Test {
    /// Whether a value passes.
    pub fn passes(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Is(state) => state_of(value) == Some(state),
        }
    }
}

/// Values of points combined. What a point says whose newest sample is bad, uncertain or stale is unknown, and the whole
/// is known where it does not depend on what is unknown (Kleene's strong logic of three values).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// One point's newest value passes a test.
    Point {
        /// Whose value.
        point: PointId,
        /// What it is asked.
        test: Test,
    },
    /// It does not hold.
    Not(Box<Expression>),
    /// At least so many of these hold: all of them is AND, one is OR.
    AtLeast {
        /// How many, 1 or more.
        count: u32,
        /// Of which, at least one.
        of: Vec<Expression>,
    },
}

impl Expression {
    /// How deep expressions may be nested.
    pub const DEEPEST: usize = 8;
    /// How many points an expression may name.
    pub const MOST_POINTS: usize = 64;

    /// All of these.
    pub fn all(of: Vec<Self>) -> Self {
        Self::AtLeast { count: u32::try_from(of.len()).unwrap_or(u32::MAX), of }
    }

    /// Any of these.
    pub const fn any(of: Vec<Self>) -> Self {
        Self::AtLeast { count: 1, of }
    }

    /// The points it names, each as often as it does.
    pub fn points(&self) -> Vec<PointId> {
        match self {
            Self::Point { point, .. } => vec![*point],
            Self::Not(inner) => inner.points(),
            Self::AtLeast { of, .. } => of.iter().flat_map(Self::points).collect(),
        }
    }

    /// Whether it holds, by what each point says; none where that depends on what is unknown.
    pub fn holds(&self, passes: &impl Fn(PointId, Test) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Point { point, test } => passes(*point, *test),
            Self::Not(inner) => inner.holds(passes).map(|holds| !holds),
            Self::AtLeast { count, of } => {
                let (mut held, mut unknown) = (0_u32, 0_u32);
                for inner in of {
                    match inner.holds(passes) {
                        Some(true) => held += 1,
                        Some(false) => {}
                        None => unknown += 1,
                    }
                }
                if held >= *count {
                    Some(true)
                } else if held.saturating_add(unknown) < *count {
                    Some(false)
                } else {
                    None
                }
            }
        }
    }

    /// What is wrong with it, in words that name the cure; none where nothing is.
    pub fn fault(&self) -> Option<String> {
        if self.depth() > Self::DEEPEST {
            return Some(format!("it is nested deeper than {}: split it into several rules", Self::DEEPEST));
        }
        if self.points().len() > Self::MOST_POINTS {
            return Some(format!("it names more than {} points: split it into several rules", Self::MOST_POINTS));
        }
        self.fault_within()
    }

    fn fault_within(&self) -> Option<String> {
        match self {
            Self::Point { test: Test::AtLeast(value) | Test::AtMost(value), .. } if !value.is_finite() => {
                Some("a value in it is no number: give one".to_owned())
            }
            Self::Point { .. } => None,
            Self::Not(inner) => inner.fault_within(),
            Self::AtLeast { count, of } => {
                let among = 1..=u32::try_from(of.len()).unwrap_or(u32::MAX);
                if among.contains(count) {
                    of.iter().find_map(Self::fault_within)
                } else {
                    Some(format!("it asks for {count} of {}: ask for 1 to {}", of.len(), of.len()))
                }
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Point { .. } => 1,
            Self::Not(inner) => 1 + inner.depth(),
            Self::AtLeast { of, .. } => 1 + of.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}

/// When an alarm's condition holds. Values are in SI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The value is at or beyond a limit; it ends when the value is back by more than the deadband.
    Limit {
        /// Which limit.
        level: LimitLevel,
        /// The limit.
        limit: f64,
        /// How far back the value must come, 0 or more.
        deadband: f64,
    },
    /// The value is off a setpoint or another point's value by so much or more.
    Deviation {
        /// From what.
        from: Reference,
        /// To which side.
        side: Side,
        /// By how much, above 0.
        by: f64,
        /// How far back the value must come, 0 or more, below `by`.
        deadband: f64,
    },
    /// The value rises or falls by so much a second or more: the difference between its newest good sample and the one in
    /// force `over` earlier, by the time between the two. Nothing is known where that one was stale then.
    Rate {
        /// Which way.
        side: Side,
        /// How fast, a second, above 0.
        per_second: f64,
        /// Over what time.
        over: Duration,
        /// By how much slower it must be to end, a second, 0 or more, below `per_second`.
        deadband: f64,
    },
    /// The value has not moved: all good samples of so long lie within a band of this width, while samples do come. Time
    /// in which the point was stale does not count.
    Stuck {
        /// The width of the band, 0 or more.
        within: f64,
        /// How long.
        after: Duration,
    },
    /// No point of the site or asset has spoken for so long.
    Silence {
        /// How long.
        after: Duration,
    },
    /// A discrete value is in one of these states: it rounds to one of these numbers.
    State {
        /// Which, at least one.
        states: BTreeSet<i64>,
    },
    /// Values of several points combined; the rule's subject is the point or asset that it is about.
    Expression(Expression),
    /// The point's anomaly score is at or above a threshold.
    Anomaly {
        /// The threshold, 0 to 1.
        score: f64,
    },
    /// The value has begun to pass a test so many times within a window: a pump that starts too often. It ends with the
    /// first good sample after enough of them have left the window.
    Count {
        /// What is counted: from not passing to passing.
        of: Test,
        /// How many times, 2 or more.
        at_least: u32,
        /// Within what time.
        within: Duration,
    },
}

impl Condition {
    /// How many times a window may be asked to count.
    pub const MOST_COUNTED: u32 = 1_000;
    /// The longest that a rate, a stuck value or a count may look back.
    pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

    /// The points beside its subject whose values it looks at.
    pub fn other_points(&self) -> Vec<PointId> {
        match self {
            Self::Deviation { from: Reference::Point(point), .. } => vec![*point],
            Self::Expression(expression) => expression.points(),
            _ => Vec::new(),
        }
    }

    /// The word for its kind, the same as in its JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Limit { .. } => "limit",
            Self::Deviation { .. } => "deviation",
            Self::Rate { .. } => "rate",
            Self::Stuck { .. } => "stuck",
            Self::Silence { .. } => "silence",
            Self::State { .. } => "state",
            Self::Expression(_) => "expression",
            Self::Anomaly { .. } => "anomaly",
            Self::Count { .. } => "count",
        }
    }

    /// What is wrong with it, in words that name the cure; none where nothing is.
    pub fn fault(&self) -> Option<String> {
        let wrong = |text: &str| Some(text.to_owned());
        let back_below = |deadband: f64, of: f64| (0.0..of).contains(&deadband);
        let looks_back = |over: Duration| !over.is_zero() && over <= Self::LONGEST;
        match self {
            Self::Limit { limit, .. } if !limit.is_finite() => wrong("the limit is no number: give one"),
            Self::Limit { deadband, .. } if !(deadband.is_finite() && *deadband >= 0.0) => {
                wrong("the deadband is below 0 or no number: give 0 or more")
            }
            Self::Deviation { from: Reference::Setpoint(setpoint), .. } if !setpoint.is_finite() => {
                wrong("the setpoint is no number: give one")
            }
            Self::Deviation { by, .. } | Self::Rate { per_second: by, .. } if !(by.is_finite() && *by > 0.0) => {
                wrong("the deviation or rate is not above 0: give more")
            }
            Self::Deviation { by, deadband, .. } | Self::Rate { per_second: by, deadband, .. }
                if !back_below(*deadband, *by) =>
            {
                wrong("the deadband is not between 0 and the deviation or rate: nothing would end the alarm")
            }
            Self::Stuck { within, .. } if !(within.is_finite() && *within >= 0.0) => {
                wrong("the band is below 0 or no number: give 0 or more")
            }
            Self::Rate { over: back, .. } | Self::Stuck { after: back, .. } | Self::Count { within: back, .. }
                if !looks_back(*back) =>
            {
                wrong("the time is 0 or longer than 7 days: give one between")
            }
            Self::Silence { after } if after.is_zero() => wrong("the time of silence is 0: give more"),
            Self::State { states } if states.is_empty() => wrong("no state is named: name one"),
            Self::Expression(expression) => expression.fault(),
            Self::Anomaly { score } if !(0.0..=1.0).contains(score) => wrong("the score is not between 0 and 1"),
            Self::Count { at_least, .. } if !(2..=Self::MOST_COUNTED).contains(at_least) => {
                wrong("the count is not between 2 and 1,000")
            }
            Self::Count { of: Test::AtLeast(value) | Test::AtMost(value), .. } if !value.is_finite() => {
                wrong("the value that is counted is no number: give one")
            }
            _ => None,
        }
    }
}

/// The state that a value stands for: the whole number it rounds to; none where it is none.
pub(crate) fn state_of(value: f64) -> Option<i64> {
    let rounded = value.round();
    // Every whole number of this size is exact in f64.
    (rounded.abs() <= 9_007_199_254_740_992.0).then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_unknown_counts_only_where_it_decides() {
        let leaf = |name: &str| Expression::Point { point: point(name), test: Test::AtLeast(1.0) };
        let check = |expression: &Expression, [a, b]: [Option<bool>; 2], expect: Option<bool>| {
            let says = |of: PointId, _: Test| if of == point("a") { a } else { b };
            assert_eq!(expression.holds(&says), expect, "{expression:?} {a:?} {b:?}");
        };
        let (all, any) = (Expression::all(vec![leaf("a"), leaf("b")]), Expression::any(vec![leaf("a"), leaf("b")]));
        check(&all, [Some(true), Some(true)], Some(true));
        check(&all, [Some(false), None], Some(false));
        check(&all, [Some(true), None], None);
        check(&any, [Some(true), None], Some(true));
        check(&any, [Some(false), None], None);
        check(&any, [Some(false), Some(false)], Some(false));
        check(&Expression::Not(Box::new(leaf("a"))), [None, Some(true)], None);
        check(&Expression::Not(Box::new(leaf("a"))), [Some(false), None], Some(true));
    }

    #[test]
    fn tests_on_values() {
        let check = |test: Test, value: f64, expect| assert_eq!(test.passes(value), expect, "{test:?} {value}");
        check(Test::AtLeast(2.0), 2.0, true);
        check(Test::AtLeast(2.0), 1.9, false);
        check(Test::AtMost(2.0), 2.0, true);
        check(Test::Is(1), 0.9, true);
        check(Test::Is(1), 1.5, false);
        check(Test::Is(0), f64::NAN, false);
    }

    #[test]
    fn faults_are_named() {
        let leaf = || Expression::Point { point: point("a"), test: Test::Is(1) };
        let check = |condition: Condition, is_right: bool| {
            assert_eq!(condition.fault().is_none(), is_right, "{condition:?}: {:?}", condition.fault());
        };
        let (over, side) = (Duration::from_secs(60), Side::Either);
        check(Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: 0.0 }, true);
        check(Condition::Limit { level: LimitLevel::High, limit: f64::NAN, deadband: 0.0 }, false);
        check(Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: -1.0 }, false);
        check(Condition::Deviation { from: Reference::Setpoint(1.0), side, by: 0.5, deadband: 0.1 }, true);
        check(Condition::Deviation { from: Reference::Setpoint(1.0), side, by: 0.5, deadband: 0.5 }, false);
        check(Condition::Rate { side, per_second: 0.0, over, deadband: 0.0 }, false);
        check(Condition::Rate { side, per_second: 1.0, over: Duration::ZERO, deadband: 0.0 }, false);
        check(Condition::Stuck { within: 0.0, after: over }, true);
        check(Condition::State { states: BTreeSet::new() }, false);
        check(Condition::Count { of: Test::Is(1), at_least: 1, within: over }, false);
        check(Condition::Expression(Expression::AtLeast { count: 2, of: vec![leaf()] }), false);
        check(Condition::Expression(Expression::AtLeast { count: 0, of: vec![leaf()] }), false);
        let deep = (0..9).fold(leaf(), |inner, _| Expression::Not(Box::new(inner)));
        check(Condition::Expression(deep), false);
        check(Condition::Expression(Expression::any(vec![leaf(); 65])), false);
    }

    fn point(name: &str) -> PointId {
        PointId::derived(Uuid::nil(), name)
    }
}
