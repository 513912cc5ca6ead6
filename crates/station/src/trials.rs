//! Rules over stored history: what a rule would have done, and which change would take its nuisance away. Judges on
//! threads that may wait, never on those that answer calls. Must not know calls, nor which rules are stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use penstock_alarm::{
    Backtest, BacktestError, Cure, Difference, Occurrence, Period, PointFacts, Proposed, RunFigures, compare, cures,
};
use penstock_api::{ApiError, Capped, Code, CureChange, CureProposal, RuleTrial, TrialFigures, TrialSpan};
use penstock_model::{AlarmRule, Condition, PointNo, Sample, Timestamp};
use penstock_store::Chunks;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock::offset_of;
use crate::configuration::{count, store_error};

/// Trials at once: each keeps a processor and a connection to the database busy.
const AT_ONCE: usize = 2;
/// How long one may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Samples that are held in memory for a cure, which runs over them again and again: a month of one point a second.
const MOST_HELD: usize = 3_000_000;
/// How often daylight saving is looked for, of received time.
const OFFSET_EVERY: Duration = Duration::from_secs(3_600);

/// Room for trials.
pub(crate) struct Trials {
    room: Arc<Semaphore>,
}

impl Default for Trials {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Trials {
    /// Room for one trial, for as long as it is kept.
    ///
    /// # Errors
    /// [`Code::Away`] where there is none.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy =
            |_| ApiError::new(Code::Away, format!("{AT_ONCE} rules are being tried already: try again in a moment"));
        Arc::clone(&self.room).try_acquire_owned().map_err(busy)
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
        let mut watched = self.watch([before, after])?;
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

    /// The least intrusive change that takes the nuisance of a rule away; `annotated` are its occurrences as people saw
    /// them. Blocks.
    ///
    /// # Errors
    /// As for a trial, and [`Code::Invalid`] where there are more samples than can be held.
    pub(crate) fn propose(
        &self,
        rule: &AlarmRule,
        annotated: &[Occurrence],
        mut of: Chunks,
    ) -> Result<Option<CureProposal>, ApiError> {
        let began = Instant::now();
        self.watch([rule.clone()])?;
        let mut samples: Vec<Sample> = Vec::new();
        while let Some(chunk) = of.blocking_recv() {
            samples.extend(chunk.map_err(store_error)?);
            if self.gone.is_cancelled() {
                return Err(nobody_waits());
            }
            if samples.len() > MOST_HELD || began.elapsed() > LONGEST {
                return Err(too_long());
            }
        }
        let mut is_cut = false;
        let run = |rule: &AlarmRule| {
            is_cut |= self.gone.is_cancelled() || began.elapsed() > LONGEST;
            // Whatever is found once it was cut is thrown away.
            let watched = if is_cut { None } else { self.watch([rule.clone()]).ok() };
            let run = watched.and_then(|mut watched| {
                watched.feed(&samples, self.time_zone.as_deref());
                watched.backtest.finish(self.period).into_iter().next()
            });
            run.unwrap_or_default()
        };
        let proposed = cures(rule, run, annotated, self.period.until());
        if is_cut {
            return Err(too_long());
        }
        Ok(proposed.map(|proposed| proposal_of(proposed, rule)))
    }

    fn watch(&self, rules: impl IntoIterator<Item = AlarmRule>) -> Result<Watched, ApiError> {
        let wrong = |error: BacktestError| ApiError::invalid(error.to_string());
        let backtest = Backtest::new(rules, self.points.iter().copied(), self.start).map_err(wrong)?;
        Ok(Watched { backtest, offset_until: Timestamp::MIN })
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
        let proposal = history().propose(&high(), &[], chunks(&spikes(20))).expect("a right one").expect("a cure");
        let to = Duration::from_secs(10);
        assert_eq!(proposal.change, CureChange::OnDelay { was: Duration::ZERO, to });
        assert_eq!(proposal.rule, AlarmRule { on_delay: to, ..high() });
        assert_eq!((proposal.nuisance_before, proposal.nuisance_after, proposal.kept), (21, 1, 0));
        let quiet = history().propose(&high(), &[], chunks(&[5.0; 100])).expect("a right one");
        assert_eq!(quiet, None);
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
