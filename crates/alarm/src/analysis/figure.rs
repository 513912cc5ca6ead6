//! A figure beside what it is held against. Must not know how it was counted.

/// What comes of holding a figure against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As it should be.
    Met,
    /// Not as it should be, and still to be managed.
    Manageable,
    /// Neither.
    NotMet,
}

/// A bound on a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Less than this.
    Below(f64),
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Within this it is as it should be.
    pub met: Bound,
    /// Within this it can be managed, where the field names such a bound.
    pub manageable: Option<Bound>,
}

/// A figure with its target and what comes of the two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The figure. Shares are 0 to 1.
    pub value: f64,
    /// What it is held against; none where the field names no target.
    pub target: Option<Target>,
    /// What comes of it; none where there is no target.
    pub verdict: Option<Verdict>,
}

/// What an average rate means for the person who answers (EEMUA 191, by calls in 10 minutes over the long run).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Load {
    /// Below 1: very likely to be acceptable.
    Acceptable,
    /// Up to 2: manageable.
    Manageable,
    /// Up to 10: likely to be over-demanding.
    OverDemanding,
    /// More: very likely to be unacceptable.
    Unacceptable,
}

impl Bound {
    /// Whether a figure is within it; one that is no number never is.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Below(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl Target {
    /// A target without a manageable side.
    pub const fn only(met: Bound) -> Self {
        Self { met, manageable: None }
    }

    /// A target with a bound up to which it can be managed.
    pub const fn or(met: Bound, manageable: Bound) -> Self {
        Self { met, manageable: Some(manageable) }
    }

    /// What comes of a figure.
    pub fn verdict(self, value: f64) -> Verdict {
        if self.met.holds(value) {
            Verdict::Met
        } else if self.manageable.is_some_and(|bound| bound.holds(value)) {
            Verdict::Manageable
        } else {
            Verdict::NotMet
        }
    }
}

impl Figure {
    /// A figure that the field names no target for.
    pub const fn plain(value: f64) -> Self {
        Self { value, target: None, verdict: None }
    }

    /// A figure held against a target.
    pub fn against(value: f64, target: Target) -> Self {
        Self { value, target: Some(target), verdict: Some(target.verdict(value)) }
    }
}

impl Load {
    /// What an average of so many calls in 10 minutes means.
    pub fn of(per_ten_minutes: f64) -> Self {
        if per_ten_minutes < 1.0 {
            Self::Acceptable
        } else if per_ten_minutes <= 2.0 {
            Self::Manageable
        } else if per_ten_minutes <= 10.0 {
            Self::OverDemanding
        } else {
            Self::Unacceptable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_at_their_edges() {
        let check =
            |target: Target, value: f64, expect| assert_eq!(target.verdict(value), expect, "{target:?} {value}");
        let rate = Target::or(Bound::AtMost(150.0), Bound::AtMost(300.0));
        check(rate, 150.0, Verdict::Met);
        check(rate, 150.1, Verdict::Manageable);
        check(rate, 300.0, Verdict::Manageable);
        check(rate, 300.1, Verdict::NotMet);
        check(Target::only(Bound::Below(0.01)), 0.01, Verdict::NotMet);
        check(Target::only(Bound::Below(0.01)), 0.009, Verdict::Met);
        check(Target::only(Bound::AtLeast(0.8)), 0.8, Verdict::Met);
        check(Target::only(Bound::AtLeast(0.8)), f64::NAN, Verdict::NotMet);
    }

    #[test]
    fn loads_at_their_edges() {
        let check = |rate: f64, expect| assert_eq!(Load::of(rate), expect, "{rate}");
        check(0.99, Load::Acceptable);
        check(1.0, Load::Manageable);
        check(2.0, Load::Manageable);
        check(2.01, Load::OverDemanding);
        check(10.0, Load::OverDemanding);
        check(10.01, Load::Unacceptable);
    }
}
