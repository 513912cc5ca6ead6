//! The least intrusive change of a rule that takes its nuisance away, found by running it over history with one change
//! after the other. Must not know how a rule is run or where history is kept.
//!
//! Tried in this order, in each kind the smallest first; the first that does is proposed:
//!
//! 1. deadband: 1, 1.5, 2 and 3 times the observed noise. Changes nothing about when an alarm is raised;
//! 2. off-delay: 5 s to 15 min. Holds an alarm longer;
//! 3. on-delay: 5 s to 5 min. Raises it later;
//! 4. limit: ½, 1, 2 and 3 times the noise further off. May not raise it at all; never for safety.
//!
//! Noise is how far the value swings between what raises an alarm and what ends it: the median over the nuisance.
//!
//! | class | off-delay up to | on-delay up to |
//! |---|---|---|
//! | safety | 60 s | 30 s |
//! | environment | 5 min | 1 min |
//! | supply | 10 min | 2 min |
//! | equipment | 15 min | 5 min |
//!
//! No off-delay is longer than the time to respond, and no on-delay takes more than a quarter of it.

use std::time::Duration;

use penstock_model::{AlarmClass, AlarmRule, Condition, Timestamp};

use super::occurrence::{Occurrence, RunFigures};

/// A change of a rule against nuisance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cure {
    /// This deadband, in the unit of the condition.
    Deadband(f64),
    /// This off-delay.
    OffDelay(Duration),
    /// This on-delay.
    OnDelay(Duration),
    /// This limit, deviation, rate or score, in the unit of the condition.
    Limit(f64),
}

/// A kind of change, the least intrusive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CureKind {
    /// A wider deadband.
    Deadband,
    /// A longer off-delay.
    OffDelay,
    /// A longer on-delay.
    OnDelay,
    /// A limit further off.
    Limit,
}

/// What a run of a rule comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The run's figures.
    pub figures: RunFigures,
    /// Occurrences that were active in no occurrence that somebody acted on.
    pub nuisance: usize,
}

/// A change that does.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// The change.
    pub cure: Cure,
    /// The rule with it.
    pub rule: AlarmRule,
    /// The rule as it is.
    pub before: Trial,
    /// The rule with the change.
    pub after: Trial,
    /// How many occurrences that somebody acted on were held against it, and are kept. One that the rule as it is does
    /// not raise either is none of them.
    pub kept: usize,
    /// How many changes were tried, with this one.
    pub tried: usize,
}

/// No change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncured {
    /// The rule as it is.
    pub before: Trial,
    /// How many occurrences that somebody acted on a change has to keep.
    pub to_keep: usize,
    /// How many changes were tried.
    pub tried: usize,
    /// What is in the way.
    pub obstacle: Obstacle,
}

/// What is in the way of a change, the one that came nearest to being offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// There are fewer than three that nobody acted on: they say nothing of a habit.
    TooFew,
    /// Condition, class and time to respond leave nothing to change.
    NothingToTry,
    /// No change takes 80 % of the nuisance away; the best takes so many.
    RemovesTooLittle {
        /// How many.
        removed: usize,
    },
    /// What takes enough away leaves more alarms stale or unended.
    StandsLonger,
    /// What takes enough away loses at least so many that somebody acted on.
    LosesActedOn {
        /// How many.
        lost: usize,
    },
}

/// Fewer say nothing of a habit.
const FEWEST_NUISANCE: usize = 3;
/// This share of the nuisance must go.
const REMOVED_SHARE: f64 = 0.8;
const DEADBANDS: [f64; 4] = [1.0, 1.5, 2.0, 3.0];
const LIMITS: [f64; 4] = [0.5, 1.0, 2.0, 3.0];
const DELAYS_SECS: [u64; 9] = [5, 10, 15, 30, 60, 120, 300, 600, 900];
/// An on-delay may take one part in so many of the time to respond.
const ON_DELAY_PART: u32 = 4;

impl CureKind {
    /// Every kind, the least intrusive first.
    pub const ALL: [Self; 4] = [Self::Deadband, Self::OffDelay, Self::OnDelay, Self::Limit];
}

impl Cure {
    /// Its kind.
    pub const fn kind(self) -> CureKind {
        match self {
            Self::Deadband(_) => CureKind::Deadband,
            Self::OffDelay(_) => CureKind::OffDelay,
            Self::OnDelay(_) => CureKind::OnDelay,
            Self::Limit(_) => CureKind::Limit,
        }
    }

    /// The rule with this change, its version as it was; none where its condition knows no such thing or would be
    /// faulty with it.
    pub fn applied(self, rule: &AlarmRule) -> Option<AlarmRule> {
        let mut changed = rule.clone();
        match (self, &mut changed.condition) {
            (
                Self::Deadband(to),
                Condition::Limit { deadband, .. }
                | Condition::Deviation { deadband, .. }
                | Condition::Rate { deadband, .. },
            ) => *deadband = to,
            (
                Self::Limit(to),
                Condition::Limit { limit: threshold, .. }
                | Condition::Deviation { by: threshold, .. }
                | Condition::Rate { per_second: threshold, .. }
                | Condition::Anomaly { score: threshold },
            ) => *threshold = to,
            (Self::Deadband(_) | Self::Limit(_), _) => return None,
            (Self::OffDelay(to), _) => changed.off_delay = to,
            (Self::OnDelay(to), _) => changed.on_delay = to,
        }
        changed.fault().is_none().then_some(changed)
    }
}

/// Looks for the least intrusive change that takes at least 80 % of a rule's nuisance away, and nothing that somebody
/// acted on. `run` runs a rule over history that ends at `until`; `annotated` are the occurrences that people saw, of
/// which those count that they acted on.
///
/// Nuisance is what nobody acted on: occurrences of a run that were active at no moment of an occurrence that somebody
/// acted on. An occurrence that somebody acted on is kept where the changed rule is active at some moment of it, or is
/// raised at most its on-delay later than it was. A change that leaves more alarms stale or unended is none.
///
/// # Errors
/// [`Uncured`] where no change does.
pub fn cures(
    rule: &AlarmRule,
    mut run: impl FnMut(&AlarmRule) -> Vec<Occurrence>,
    annotated: &[Occurrence],
    until: Timestamp,
) -> Result<Proposed, Uncured> {
    let own = |occurrence: &&Occurrence| occurrence.rule == rule.id && occurrence.acted_on;
    let acted_on: Vec<&Occurrence> = annotated.iter().filter(own).collect();
    let as_it_is = run(rule);
    let before = Trial::of(&as_it_is, &acted_on, until);
    let to_keep: Vec<&Occurrence> =
        acted_on.iter().copied().filter(|seen| is_kept(seen, &as_it_is, rule.on_delay)).collect();
    let mut uncured = Uncured { before, to_keep: to_keep.len(), tried: 0, obstacle: Obstacle::TooFew };
    if before.nuisance < FEWEST_NUISANCE {
        return Err(uncured);
    }
    uncured.obstacle = Obstacle::NothingToTry;
    for (cure, rule) in candidates(rule, noise(&as_it_is, &acted_on)) {
        uncured.tried += 1;
        let changed = run(&rule);
        let after = Trial::of(&changed, &acted_on, until);
        let removed = before.nuisance.saturating_sub(after.nuisance);
        let lost = to_keep.iter().filter(|seen| !is_kept(seen, &changed, rule.on_delay)).count();
        let ends = after.figures.stale <= before.figures.stale && after.figures.unended <= before.figures.unended;
        let obstacle = if (removed as f64) < REMOVED_SHARE * before.nuisance as f64 {
            Obstacle::RemovesTooLittle { removed }
        } else if lost > 0 {
            Obstacle::LosesActedOn { lost }
        } else if !ends {
            Obstacle::StandsLonger
        } else {
            return Ok(Proposed { cure, rule, before, after, kept: to_keep.len(), tried: uncured.tried });
        };
        uncured.obstacle = uncured.obstacle.or_nearer(obstacle);
    }
    Err(uncured)
}

impl Obstacle {
    /// The one that came nearer to being none.
    fn or_nearer(self, other: Self) -> Self {
        match (self, other) {
            (Self::RemovesTooLittle { removed }, Self::RemovesTooLittle { removed: other }) => {
                Self::RemovesTooLittle { removed: removed.max(other) }
            }
            (Self::LosesActedOn { lost }, Self::LosesActedOn { lost: other }) => {
                Self::LosesActedOn { lost: lost.min(other) }
            }
            (one, other) => {
                if other.nearness() > one.nearness() {
                    other
                } else {
                    one
                }
            }
        }
    }

    const fn nearness(self) -> u8 {
        match self {
            Self::TooFew => 0,
            Self::NothingToTry => 1,
            Self::RemovesTooLittle { .. } => 2,
            Self::StandsLonger => 3,
            Self::LosesActedOn { .. } => 4,
        }
    }
}

impl Trial {
    fn of(run: &[Occurrence], acted_on: &[&Occurrence], until: Timestamp) -> Self {
        let nuisance = run.iter().filter(|occurrence| is_nuisance(occurrence, acted_on)).count();
        Self { figures: RunFigures::of(run, until), nuisance }
    }
}

fn is_nuisance(occurrence: &Occurrence, acted_on: &[&Occurrence]) -> bool {
    !acted_on.iter().any(|seen| seen.meets(occurrence))
}

fn is_kept(seen: &Occurrence, run: &[Occurrence], on_delay: Duration) -> bool {
    let raised_within = seen.raised_at..=seen.raised_at + on_delay;
    run.iter().any(|occurrence| seen.meets(occurrence) || raised_within.contains(&occurrence.raised_at))
}

/// How far the value swings between what raises the alarm and what ends it, in SI; none where no value was told.
fn noise(run: &[Occurrence], acted_on: &[&Occurrence]) -> Option<f64> {
    let nuisance = run.iter().filter(|occurrence| is_nuisance(occurrence, acted_on));
    let mut swings: Vec<f64> = nuisance
        .filter_map(|occurrence| Some((occurrence.raised_value? - occurrence.cleared_value?).abs()))
        .filter(|swing| swing.is_finite() && *swing > 0.0)
        .collect();
    swings.sort_by(f64::total_cmp);
    swings.get(swings.len().checked_sub(1)? / 2).copied()
}

/// The changes to try with the rules that they give, the least intrusive first.
fn candidates(rule: &AlarmRule, noise: Option<f64>) -> Vec<(Cure, AlarmRule)> {
    let (longest_off, longest_on) = longest_delays(rule);
    let delays = |present: Duration, longest: Duration| {
        DELAYS_SECS.map(Duration::from_secs).into_iter().filter(move |delay| *delay > present && *delay <= longest)
    };
    let deadbands = noise.into_iter().flat_map(|noise| deadbands(rule, noise)).map(Cure::Deadband);
    let off_delays = delays(rule.off_delay, longest_off).map(Cure::OffDelay);
    let on_delays = delays(rule.on_delay, longest_on).map(Cure::OnDelay);
    let noise_of_limit = noise.filter(|_| rule.class != AlarmClass::Safety);
    let limits = noise_of_limit.into_iter().flat_map(|noise| limits(rule, noise)).map(Cure::Limit);
    let cures = deadbands.chain(off_delays).chain(on_delays).chain(limits);
    cures.filter_map(|cure| Some((cure, cure.applied(rule)?))).collect()
}

/// Only where the condition is on the value that the journal tells.
fn deadbands(rule: &AlarmRule, noise: f64) -> Vec<f64> {
    let (Condition::Limit { deadband, .. } | Condition::Deviation { deadband, .. }) = rule.condition else {
        return Vec::new();
    };
    DEADBANDS.iter().map(|times| two_digits(times * noise)).filter(|wider| *wider > deadband).collect()
}

fn limits(rule: &AlarmRule, noise: f64) -> Vec<f64> {
    let shifts = LIMITS.map(|times| two_digits(times * noise));
    match rule.condition {
        Condition::Limit { level, limit, .. } if level.is_high() => shifts.map(|shift| limit + shift).to_vec(),
        Condition::Limit { limit, .. } => shifts.map(|shift| limit - shift).to_vec(),
        Condition::Deviation { by, .. } => shifts.map(|shift| by + shift).to_vec(),
        _ => Vec::new(),
    }
}

/// The longest off- and on-delay that a rule may be given.
fn longest_delays(rule: &AlarmRule) -> (Duration, Duration) {
    let (off_secs, on_secs) = match rule.class {
        AlarmClass::Safety => (60, 30),
        AlarmClass::Environment => (300, 60),
        AlarmClass::Supply => (600, 120),
        AlarmClass::Equipment => (900, 300),
    };
    let (off, on) = (Duration::from_secs(off_secs), Duration::from_secs(on_secs));
    match rule.time_to_respond {
        Some(respond) => (off.min(respond), on.min(respond / ON_DELAY_PART)),
        None => (off, on),
    }
}

/// A setting is written by people: 0.023, not 0.0228173.
fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use penstock_model::{LimitLevel, PointId, RuleId, SiteId, Subject};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_wider_deadband_ends_chatter() {
        let rule = rule();
        let values = noisy();
        let proposed = cures(&rule, |rule| watched(rule, &values), &[], end(&values)).expect("a cure");
        // The value swings by 0.4 around the limit.
        assert_eq!(proposed.cure, Cure::Deadband(0.4));
        assert_eq!((proposed.before.nuisance, proposed.after.nuisance), (20, 1));
        assert_eq!((proposed.before.figures.chattering, proposed.after.figures.chattering), (20, 0));
        assert_eq!(proposed.tried, 1);
    }

    #[test]
    fn what_somebody_acted_on_stays() {
        // Spikes of 8 s every 5 min, and one that lasts 100 s.
        let mut values: Vec<f64> = (0..20).flat_map(|_| [vec![12.0; 8], vec![5.0; 292]].concat()).collect();
        let long_from = values.len();
        values.extend([vec![12.0; 100], vec![5.0; 300]].concat());
        let rule = rule();
        let seen: Vec<Occurrence> = watched(&rule, &values);
        let acted = |index: usize| Occurrence { acted_on: true, ..seen[index] };
        let long = acted(20);
        assert_eq!(long.raised_at, at(long_from));
        let proposed = cures(&rule, |rule| watched(rule, &values), &[long], end(&values)).expect("a cure");
        assert_eq!(proposed.cure, Cure::OnDelay(Duration::from_secs(10)));
        assert_eq!((proposed.before.nuisance, proposed.after.nuisance, proposed.kept), (20, 0, 1));
        // Somebody acted on one of the spikes as well: nothing that takes it away is proposed.
        let none = cures(&rule, |rule| watched(rule, &values), &[long, acted(3)], end(&values));
        let uncured = none.expect_err("it would be lost");
        assert_eq!(uncured.obstacle, Obstacle::LosesActedOn { lost: 1 });
        assert_eq!((uncured.before.nuisance, uncured.to_keep), (19, 2));
    }

    #[test]
    fn limits_of_safety_are_left_alone() {
        // 150 s above the limit, by a little, again and again: too long for an on-delay.
        let values: Vec<f64> = (0..10).flat_map(|_| [vec![10.2; 150], vec![9.8; 1_500]].concat()).collect();
        let proposed = cures(&rule(), |rule| watched(rule, &values), &[], end(&values)).expect("a cure");
        assert_eq!(proposed.cure, Cure::Limit(10.4));
        let safety = AlarmRule { class: AlarmClass::Safety, ..rule() };
        let uncured = cures(&safety, |rule| watched(rule, &values), &[], end(&values)).expect_err("no limit");
        assert_eq!(uncured.obstacle, Obstacle::StandsLonger, "what holds them together never ends");
    }

    #[test]
    fn what_never_ends_the_alarm_is_no_cure() {
        // The value stays near the limit: with a wider deadband or a longer off-delay one alarm would stand for ever.
        let values: Vec<f64> = (0..40).flat_map(|_| [vec![10.1; 300], vec![9.9; 300]].concat()).collect();
        let with = |cure: Cure| watched(&cure.applied(&rule()).expect("a right one"), &values);
        assert_eq!(with(Cure::Deadband(0.2)).len(), 1);
        assert_eq!(with(Cure::OffDelay(Duration::from_secs(300))).len(), 1);
        let proposed = cures(&rule(), |rule| watched(rule, &values), &[], end(&values)).expect("a cure");
        assert_eq!(proposed.cure.kind(), CureKind::Limit);
    }

    #[test]
    fn a_few_are_no_habit() {
        let values = [vec![12.0; 5], vec![5.0; 300], vec![12.0; 5], vec![5.0; 300]].concat();
        let uncured = cures(&rule(), |rule| watched(rule, &values), &[], end(&values)).expect_err("two");
        assert_eq!((uncured.obstacle, uncured.tried), (Obstacle::TooFew, 0));
    }

    #[test]
    fn what_is_in_the_way_is_what_came_nearest() {
        use Obstacle::{LosesActedOn, NothingToTry, RemovesTooLittle, StandsLonger};
        let check = |found: &[Obstacle], expect: Obstacle| {
            let nearest = found.iter().fold(NothingToTry, |nearest, other| nearest.or_nearer(*other));
            assert_eq!(nearest, expect, "{found:?}");
        };
        check(&[], NothingToTry);
        check(&[RemovesTooLittle { removed: 2 }, RemovesTooLittle { removed: 1 }], RemovesTooLittle { removed: 2 });
        check(&[StandsLonger, RemovesTooLittle { removed: 9 }], StandsLonger);
        check(&[LosesActedOn { lost: 3 }, StandsLonger, LosesActedOn { lost: 2 }], LosesActedOn { lost: 2 });
    }

    #[test]
    fn delays_stay_within_class_and_time_to_respond() {
        let check = |class: AlarmClass, respond_secs: Option<u64>, expect: (u64, u64)| {
            let time_to_respond = respond_secs.map(Duration::from_secs);
            let rule = AlarmRule { class, time_to_respond, ..rule() };
            let longest = |kind: CureKind| {
                let of_kind = candidates(&rule, None).into_iter().filter(|(cure, _)| cure.kind() == kind);
                of_kind.map(|(_, rule)| (rule.off_delay + rule.on_delay).as_secs()).max().unwrap_or(0)
            };
            let found = (longest(CureKind::OffDelay), longest(CureKind::OnDelay));
            assert_eq!(found, expect, "{class:?} {respond_secs:?}");
        };
        check(AlarmClass::Safety, None, (60, 30));
        check(AlarmClass::Environment, None, (300, 60));
        check(AlarmClass::Supply, None, (600, 120));
        check(AlarmClass::Equipment, None, (900, 300));
        check(AlarmClass::Equipment, Some(240), (120, 60));
        check(AlarmClass::Safety, Some(8), (5, 0));
    }

    #[test]
    fn a_change_needs_a_condition_that_knows_it() {
        let silence = AlarmRule {
            subject: Subject::Site(SiteId(Uuid::nil())),
            condition: Condition::Silence { after: Duration::from_secs(60) },
            ..rule()
        };
        assert_eq!(Cure::Deadband(1.0).applied(&silence), None);
        assert_eq!(Cure::Limit(1.0).applied(&silence), None);
        assert!(Cure::OffDelay(Duration::from_secs(5)).applied(&silence).is_some());
        assert_eq!(Cure::Deadband(-1.0).applied(&rule()), None, "it would be faulty");
        let low = Condition::Limit { level: LimitLevel::Low, limit: 2.0, deadband: 0.0 };
        let low = AlarmRule { condition: low, ..rule() };
        let limits: Vec<Cure> = candidates(&low, Some(0.2))
            .into_iter()
            .map(|(cure, _)| cure)
            .filter(|cure| cure.kind() == CureKind::Limit)
            .collect();
        assert_eq!(limits, [1.9, 1.8, 1.6, 1.4].map(Cure::Limit), "away from what is normal");
    }

    /// 20 times over the limit and back, 5 s each, then well below.
    fn noisy() -> Vec<f64> {
        let chatter = (0..20).flat_map(|_| [vec![10.2; 5], vec![9.8; 5]].concat());
        std::iter::repeat_n(5.0, 60).chain(chatter).chain(std::iter::repeat_n(5.0, 60)).collect()
    }

    fn rule() -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 10.0, deadband: 0.0 };
        AlarmRule::new(RuleId(Uuid::nil()), Subject::Point(PointId(Uuid::nil())), condition)
    }

    fn at(index: usize) -> Timestamp {
        Timestamp::from_secs(i64::try_from(index).expect("small"))
    }

    fn end(values: &[f64]) -> Timestamp {
        at(values.len())
    }

    /// A high limit with deadband and delays over one value a second.
    fn watched(rule: &AlarmRule, values: &[f64]) -> Vec<Occurrence> {
        let Condition::Limit { limit, deadband, .. } = rule.condition else { panic!("a limit") };
        let mut occurrences: Vec<Occurrence> = Vec::new();
        let (mut is_active, mut holds, mut since) = (false, false, 0);
        for (index, value) in values.iter().enumerate() {
            let held = if holds { *value > limit - deadband || *value >= limit } else { *value >= limit };
            if held != holds {
                (holds, since) = (held, index);
            }
            let delay = if holds { rule.on_delay } else { rule.off_delay };
            if holds == is_active || at(index).since(at(since)) < delay {
                continue;
            }
            is_active = holds;
            if is_active {
                occurrences.push(Occurrence {
                    rule: rule.id,
                    number: 1,
                    raised_at: at(index),
                    cleared_at: None,
                    raised_value: Some(*value),
                    cleared_value: None,
                    acted_on: false,
                });
            } else if let Some(last) = occurrences.last_mut() {
                (last.cleared_at, last.cleared_value) = (Some(at(index)), Some(*value));
            }
        }
        occurrences
    }
}
