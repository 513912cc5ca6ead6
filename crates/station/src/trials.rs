//! Rules over stored history: what a rule would have done, and which change would take its nuisance away. Judges on
//! threads that may wait, never on those that answer calls. Must not know calls, nor which rules are stored.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use penstock_alarm::{
    Backtest, BacktestError, Cure, Difference, Obstacle, Occurrence, Period, PointFacts, Proposed, RunFigures, Uncured,
    compare, cures,
};
use penstock_api::{
    ApiError, Capped, Code, CureChange, CureFinding, CureObstacle, CureOutcome, CureProposal, NoCure, RuleTrial,
    TrialFigures, TrialSpan,
};
use penstock_model::{AlarmRule, Condition, PointNo, Sample, Timestamp};
use penstock_store::Chunks;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock::offset_of;
use crate::configuration::{count, store_error};

/// Trials of people at once: each keeps a processor and a connection to the database busy.
const AT_ONCE: usize = 2;
/// Trials of the station's own beside those: nobody waits behind it, and it waits for nobody.
const OWN_AT_ONCE: usize = 1;
/// How long one may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Samples that are held in memory for a cure, which runs over them again and again: a month of one point a second. Of
/// more the newest are held.
const MOST_HELD: usize = 3_000_000;
/// How long reading them may take: what has not come by then is left out.
const LONGEST_READ: Duration = Duration::from_secs(30);
/// How often daylight saving is looked for, of received time.
const OFFSET_EVERY: Duration = Duration::from_secs(3_600);

/// Room for trials.
pub(crate) struct Trials {
    room: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

impl Default for Trials {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)), own: Arc::new(Semaphore::new(OWN_AT_ONCE)) }
    }
}

impl Trials {
    /// Room for one trial that somebody asks for, for as long as it is kept.
    ///
    /// # Errors
    /// [`Code::Away`] where there is none.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy =
            |_| ApiError::new(Code::Away, format!("{AT_ONCE} rules are being tried already: try again in a moment"));
        Arc::clone(&self.room).try_acquire_owned().map_err(busy)
    }

    /// Room for one trial that nobody asked for, for as long as it is kept: never that of people.
    ///
    /// # Errors
    /// [`Code::Away`] where there is none.
    pub(crate) fn enter_unasked(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy = |_| ApiError::new(Code::Away, "a cure is being looked for already: the next pass comes to this one");
        Arc::clone(&self.own).try_acquire_owned().map_err(busy)
    }
}

/// The history that rules are tried on.
pub(crate) struct History {
    /// The points that the rules look at.
    pub(crate) points: Vec<(PointNo, PointFacts)>,
    /// What is judged.
    pub(crate) period: Period,
    /// From when samples are read, so that what stands when the period begins is known.
    pub(crate) start: Timestamp,
    /// IANA name of the plant's time zone, where a rule has a schedule.
    pub(crate) time_zone: Option<String>,
    /// Ends the work: nobody waits for it any more.
    pub(crate) gone: CancellationToken,
}

/// The newest samples that there is room for.
#[derive(Default)]
struct Held {
    chunks: VecDeque<Vec<Sample>>,
    count: usize,
    /// Whether older ones gave way.
    is_cut: bool,
}

/// A backtest that is told of daylight saving.
struct Watched {
    backtest: Backtest,
    offset_until: Timestamp,
}

impl History {
    /// What a rule would have done beside what it did, by its samples as they come. Blocks.
    ///
    /// # Errors
    /// [`Code::Invalid`] where a rule cannot be tried, or not even its beginning within the time there is; what the
    /// database and the archive say.
    pub(crate) fn try_rule(&self, before: AlarmRule, after: AlarmRule, mut of: Chunks) -> Result<RuleTrial, ApiError> {
        let began = Instant::now();
        let mut watched = self.watch([before, after], self.start)?;
        let (mut samples, mut period, mut is_cut) = (0_u64, self.period, false);
        while let Some(chunk) = of.blocking_recv() {
            let chunk = chunk.map_err(store_error)?;
            if self.gone.is_cancelled() {
                return Err(nobody_waits());
            }
            watched.feed(&chunk, self.time_zone.as_deref());
            samples += chunk.len() as u64;
            if began.elapsed() > LONGEST {
                let until = watched.backtest.received().min(period.until());
                period = Period::new(period.from(), until).ok_or_else(too_long)?;
                is_cut = true;
                break;
            }
        }
        let mut runs = watched.backtest.finish(period).into_iter();
        let (before, after) = (runs.next().unwrap_or_default(), runs.next().unwrap_or_default());
        let difference = compare(&before, &after, period.until());
        Ok(RuleTrial { samples, is_cut, ..trial_of(&difference, period.until()) })
    }

    /// The least intrusive change that takes the nuisance of a rule away, or why there is none; `annotated` are its
    /// occurrences as people saw them. Blocks.
    ///
    /// # Errors
    /// As for a trial, and [`Code::Invalid`] where there is too much history to run over again and again.
    pub(crate) fn propose(
        &self,
        rule: &AlarmRule,
        annotated: &[Occurrence],
        of: Chunks,
    ) -> Result<CureFinding, ApiError> {
        self.propose_holding(MOST_HELD, rule, annotated, of)
    }

    fn propose_holding(
        &self,
        most: usize,
        rule: &AlarmRule,
        annotated: &[Occurrence],
        mut of: Chunks,
    ) -> Result<CureFinding, ApiError> {
        let began = Instant::now();
        self.watch([rule.clone()], self.start)?;
        let mut held = Held::default();
        let mut until = self.period.until();
        while let Some(chunk) = of.blocking_recv() {
            held.take(chunk.map_err(store_error)?, most);
            if self.gone.is_cancelled() {
                return Err(nobody_waits());
            }
            if began.elapsed() > LONGEST_READ {
                until = until.min(held.received().unwrap_or(until));
                break;
            }
        }
        // What stands when the time in question begins has to be known: what precedes it is judged and not counted.
        let lead = self.period.from().since(self.start);
        let start = held.begins().filter(|_| held.is_cut).unwrap_or(self.start);
        let period = Period::new(self.period.from().max(start + lead), until).ok_or_else(too_long)?;
        let mut is_late = false;
        let run = |rule: &AlarmRule| {
            is_late |= self.gone.is_cancelled() || began.elapsed() > LONGEST;
            // Whatever is found once it is late is thrown away.
            let watched = if is_late { None } else { self.watch([rule.clone()], start).ok() };
            let run = watched.and_then(|mut watched| {
                for chunk in &held.chunks {
                    watched.feed(chunk, self.time_zone.as_deref());
                }
                watched.backtest.finish(period).into_iter().next()
            });
            run.unwrap_or_default()
        };
        let outcome = match cures(rule, run, annotated, period.until()) {
            Ok(proposed) => CureOutcome::Offered(Box::new(proposal_of(proposed, rule))),
            Err(uncured) => CureOutcome::NotOffered(no_cure_of(&uncured)),
        };
        if is_late {
            return Err(too_long());
        }
        Ok(CureFinding {
            rule: rule.id,
            version: rule.version,
            from: period.from(),
            to: period.until(),
            is_cut: period != self.period,
            samples: held.count as u64,
            outcome,
        })
    }

    fn watch(&self, rules: impl IntoIterator<Item = AlarmRule>, start: Timestamp) -> Result<Watched, ApiError> {
        let wrong = |error: BacktestError| ApiError::invalid(error.to_string());
        let backtest = Backtest::new(rules, self.points.iter().copied(), start).map_err(wrong)?;
        Ok(Watched { backtest, offset_until: Timestamp::MIN })
    }
}

impl Held {
    /// Takes the next samples, and lets the oldest go where there are too many.
    fn take(&mut self, chunk: Vec<Sample>, most: usize) {
        self.count += chunk.len();
        self.chunks.push_back(chunk);
        while self.count > most && self.chunks.len() > 1 {
            self.count -= self.chunks.pop_front().map_or(0, |oldest| oldest.len());
            self.is_cut = true;
        }
    }

    /// When the first sample was received.
    fn begins(&self) -> Option<Timestamp> {
        self.chunks.iter().find_map(|chunk| chunk.first()).map(|sample| sample.received_time)
    }

    /// When the last sample was received.
    fn received(&self) -> Option<Timestamp> {
        self.chunks.iter().rev().find_map(|chunk| chunk.last()).map(|sample| sample.received_time)
    }
}

impl Watched {
    fn feed(&mut self, samples: &[Sample], time_zone: Option<&str>) {
        for sample in samples {
            if let Some(time_zone) = time_zone
                && sample.received_time >= self.offset_until
            {
                self.backtest.set_utc_offset(offset_of(time_zone, sample.received_time));
                self.offset_until = sample.received_time + OFFSET_EVERY;
            }
            self.backtest.sample(sample);
        }
    }
}

fn nobody_waits() -> ApiError {
    ApiError::new(Code::Failed, "nobody waits for this trial any more")
}

fn too_long() -> ApiError {
    ApiError::invalid("there is too much history to try this on: choose a shorter time")
}

fn trial_of(difference: &Difference, until: Timestamp) -> RuleTrial {
    RuleTrial {
        before: figures_of(&difference.before),
        after: figures_of(&difference.after),
        added: capped(&difference.added, span_of),
        removed: capped(&difference.removed, span_of),
        kept: capped(&difference.matched, |(before, after)| (span_of(before), span_of(after))),
        samples: 0,
        until,
        is_cut: false,
    }
}

fn capped<T, S>(all: &[T], shown: impl Fn(&T) -> S) -> Capped<S> {
    Capped { count: count(all.len()), first: all.iter().take(RuleTrial::MOST_LISTED).map(shown).collect() }
}

const fn span_of(occurrence: &Occurrence) -> TrialSpan {
    TrialSpan { raised_at: occurrence.raised_at, cleared_at: occurrence.cleared_at, value: occurrence.raised_value }
}

fn figures_of(figures: &RunFigures) -> TrialFigures {
    TrialFigures {
        raised: count(figures.occurrences),
        chattering: figures.chattering,
        fleeting: figures.fleeting,
        stale: count(figures.stale),
        active: figures.active,
        longest: figures.longest,
    }
}

fn proposal_of(proposed: Proposed, rule: &AlarmRule) -> CureProposal {
    let change = match proposed.cure {
        Cure::Deadband(to) => CureChange::Deadband { was: deadband_of(&rule.condition), to },
        Cure::OffDelay(to) => CureChange::OffDelay { was: rule.off_delay, to },
        Cure::OnDelay(to) => CureChange::OnDelay { was: rule.on_delay, to },
        Cure::Limit(to) => CureChange::Limit { was: threshold_of(&rule.condition), to },
    };
    CureProposal {
        rule: proposed.rule,
        change,
        before: figures_of(&proposed.before.figures),
        after: figures_of(&proposed.after.figures),
        nuisance_before: count(proposed.before.nuisance),
        nuisance_after: count(proposed.after.nuisance),
        kept: count(proposed.kept),
        tried: count(proposed.tried),
    }
}

fn no_cure_of(uncured: &Uncured) -> NoCure {
    let why = match uncured.obstacle {
        Obstacle::TooFew => CureObstacle::TooFew,
        Obstacle::NothingToTry => CureObstacle::NothingToTry,
        Obstacle::RemovesTooLittle { removed } => CureObstacle::RemovesTooLittle(count(removed)),
        Obstacle::StandsLonger => CureObstacle::StandsLonger,
        Obstacle::LosesActedOn { lost } => CureObstacle::LosesActedOn(count(lost)),
    };
    NoCure {
        nuisance: count(uncured.before.nuisance),
        to_keep: count(uncured.to_keep),
        tried: count(uncured.tried),
        why,
    }
}

/// The deadband of a condition that has one.
const fn deadband_of(condition: &Condition) -> f64 {
    match condition {
        Condition::Limit { deadband, .. }
        | Condition::Deviation { deadband, .. }
        | Condition::Rate { deadband, .. } => *deadband,
        _ => 0.0,
    }
}

/// What the limit of a cure moves.
const fn threshold_of(condition: &Condition) -> f64 {
    match condition {
        Condition::Limit { limit: threshold, .. }
        | Condition::Deviation { by: threshold, .. }
        | Condition::Rate { per_second: threshold, .. }
        | Condition::Anomaly { score: threshold } => *threshold,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{LimitLevel, PointId, Quality, RuleId, Subject};
    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn a_longer_delay_takes_spikes_away() {
        let delayed = AlarmRule { on_delay: Duration::from_secs(30), ..high() };
        let trial = history().try_rule(high(), delayed.clone(), chunks(&spikes(20))).expect("a right one");
        assert_eq!((trial.before.raised, trial.after.raised), (21, 1));
        assert_eq!((trial.removed.count, trial.added.count, trial.kept.count), (20, 0, 1));
        assert_eq!((trial.before.fleeting, trial.after.fleeting), (20, 0));
        assert_eq!(trial.before.active.as_secs() - trial.after.active.as_secs(), 20 * 8 + 30);
        assert_eq!(trial.after.longest.as_secs(), 70);
        assert_eq!((trial.samples, trial.until, trial.is_cut), (21_000, at(DAY), false));
        let (as_it_is, as_it_would_be) = trial.kept.first[0];
        assert_eq!(as_it_would_be.raised_at, as_it_is.raised_at + Duration::from_secs(30));
        let back = history().try_rule(delayed, high(), chunks(&spikes(20))).expect("a right one");
        assert_eq!((back.removed.count, back.added.count, back.kept.count), (0, 20, 1));
    }

    #[test]
    fn what_is_disabled_raises_nothing_and_lists_are_capped() {
        let off = AlarmRule { enabled: false, ..high() };
        // Over the limit each other second.
        let values: Vec<f64> = (0..6_000).map(|secs| if secs % 2 == 0 { 12.0 } else { 5.0 }).collect();
        let trial = history().try_rule(off, high(), chunks(&values)).expect("a right one");
        assert_eq!((trial.before, trial.added.count), (TrialFigures::default(), 3_000));
        assert_eq!(trial.added.first.len(), RuleTrial::MOST_LISTED);
        assert_eq!(trial.added.first[1].raised_at, at(2));
    }

    #[test]
    fn a_cure_is_proposed_with_what_it_does() {
        let found = history().propose(&high(), &[], chunks(&spikes(20))).expect("a right one");
        assert_eq!((found.from, found.to, found.is_cut, found.samples), (at(0), at(DAY), false, 21_000));
        assert_eq!((found.rule, found.version), (high().id, 1));
        let proposal = offered(&found);
        let to = Duration::from_secs(10);
        assert_eq!(proposal.change, CureChange::OnDelay { was: Duration::ZERO, to });
        assert_eq!(proposal.rule, AlarmRule { on_delay: to, ..high() });
        assert_eq!((proposal.nuisance_before, proposal.nuisance_after, proposal.kept), (21, 1, 0));
        let quiet = history().propose(&high(), &[], chunks(&[5.0; 100])).expect("a right one");
        let nothing = NoCure { nuisance: 0, to_keep: 0, tried: 0, why: CureObstacle::TooFew };
        assert_eq!(quiet.outcome, CureOutcome::NotOffered(nothing));
    }

    #[test]
    fn of_very_many_samples_the_newest_are_judged() {
        // Those of the seconds 11,000 to 20,999, of which the first hour only leads up.
        let found = history().propose_holding(10_000, &high(), &[], chunks(&spikes(20))).expect("a right one");
        assert_eq!((found.from, found.to, found.is_cut), (at(14_600), at(DAY), true));
        assert_eq!(found.samples, 10_000);
        let proposal = offered(&found);
        assert_eq!((proposal.nuisance_before, proposal.nuisance_after), (6, 1));
        // Of fewer than its lead nothing can be said.
        let refused = history().propose_holding(10_000, &high(), &[], chunks(&vec![5.0; 100_000]));
        assert_eq!(refused.map(|found| found.from).map_err(|error| error.code), Err(Code::Invalid));
    }

    #[test]
    fn what_cannot_be_tried_says_why() {
        let anomaly = AlarmRule { condition: Condition::Anomaly { score: 0.9 }, ..high() };
        let refused = history().try_rule(high(), anomaly, chunks(&[])).expect_err("no scores");
        assert_eq!(refused.code, Code::Invalid);
        let history = history();
        history.gone.cancel();
        assert!(history.try_rule(high(), high(), chunks(&[5.0])).is_err());
    }

    #[test]
    fn a_third_at_once_is_refused() {
        let trials = Trials::default();
        let [first, second] = [trials.enter(), trials.enter()];
        assert_eq!(trials.enter().map(drop).map_err(|error| error.code), Err(Code::Away));
        drop(first);
        assert!(trials.enter().is_ok());
        assert!(second.is_ok());
    }

    #[test]
    fn what_the_station_tries_by_itself_takes_no_room_of_people() {
        let trials = Trials::default();
        let own = trials.enter_unasked();
        assert!(own.is_ok());
        assert_eq!(trials.enter_unasked().map(drop).map_err(|error| error.code), Err(Code::Away));
        let [first, second] = [trials.enter(), trials.enter()];
        assert!(first.is_ok() && second.is_ok(), "people have as much room as ever");
        drop(own);
        assert!(trials.enter_unasked().is_ok(), "nor do people take the station's");
    }

    fn offered(found: &CureFinding) -> &CureProposal {
        match &found.outcome {
            CureOutcome::Offered(proposal) => proposal,
            CureOutcome::NotOffered(why) => panic!("{why:?}"),
        }
    }

    fn history() -> History {
        let facts = PointFacts {
            id: point(),
            site: None,
            asset: None,
            stale_after: Duration::from_secs(300),
            evaluated_until: None,
        };
        History {
            points: vec![(PointNo(1), facts)],
            period: Period::new(at(0), at(DAY)).expect("a day"),
            start: at(-3_600),
            time_zone: None,
            gone: CancellationToken::new(),
        }
    }

    /// Spikes of 8 s, and one of 100 s at the end, 1,000 s apart.
    fn spikes(count: usize) -> Vec<f64> {
        let spike = |secs: usize| [vec![12.0; secs], vec![5.0; 1_000 - secs]].concat();
        (0..count).flat_map(|_| spike(8)).chain(spike(100)).collect()
    }

    /// Values of each second, in chunks.
    fn chunks(values: &[f64]) -> Chunks {
        let sample = |(secs, value): (i64, &f64)| Sample {
            point: PointNo(1),
            source_time: at(secs),
            received_time: at(secs),
            value: Some(*value),
            quality: Quality::Good,
        };
        let samples: Vec<Sample> = (0..).zip(values).map(sample).collect();
        let parts: Vec<Vec<Sample>> = samples.chunks(1_000).map(<[Sample]>::to_vec).collect();
        let (into, chunks) = mpsc::channel(parts.len().max(1));
        for part in parts {
            into.try_send(Ok(part)).expect("room for all");
        }
        chunks
    }

    fn high() -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 10.0, deadband: 0.0 };
        AlarmRule::new(RuleId(Uuid::nil()), Subject::Point(point()), condition)
    }

    fn point() -> PointId {
        PointId::derived(Uuid::nil(), "point")
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }
}
