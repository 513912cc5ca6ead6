//! What the alarm engine is about to do (running delays, what conditions look back on), kept in a file, and how an engine
//! that was killed is taken up where it was: the kept moment first, then what was stored since, in the order it came.
//!
//! The states themselves follow from the journal; where the file is missing or torn, the engine begins with them and its
//! delays begin anew. Must not know what a condition is, but for silence.
//!
//! # Silence
//! What is stored of a sample does not say who told it: its device, or a broker that had kept it or spoke in a dead
//! device's stead, which is no sign of life. So nobody's silence is judged by what is played: what the journal says of
//! it holds. What a former run found in the last moment before it was killed, and could not journal any more, is found
//! anew: the station listens from its start on, so that a silence is told of at most its own time later, and one that
//! was over ends with the next word.
//!
//! # A clock that was set back
//! Where what was kept lies ahead of the clock, that was set back meanwhile, by at least so much: what it had timed
//! moves along, and how long the station did not run is not counted. The shelves do so too, unless the former run had
//! moved them already and was killed before it kept another moment. Where nothing was kept, nothing says by how much it
//! was set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use penstock_alarm::{Engine, Evaluated, PointFacts, Snapshot};
use penstock_model::{
    AlarmRule, AlarmState, Condition, Doubt, Point, PointId, PointNo, PointState, Quality, RuleId, Sample, TenantId,
    Timestamp, Transition, TransitionDetail, TransitionKind,
};
use penstock_store::{JournalEntry, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::facts_of;
use crate::floods::Grouped;
use crate::register::Register;

/// Version of the file's layout; of another one nothing is taken up.
const VERSION: u8 = 4;
const FILE: &str = "alarms.now";
/// How far back samples may have been measured that came since: what is older was history when it came, and older than
/// what had been judged by then.
const LATE: Duration = Duration::from_secs(300);
/// How often an engine that is taken up looks at its clocks.
const TICK: Duration = Duration::from_secs(1);
/// How old the moment that is kept is at most when a station stops, unless its disk does not take it.
const KEPT_WITHIN: Duration = Duration::from_secs(60);

/// The engine at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// Number of the newest journal entry that is in it.
    pub journal_seq: u64,
    /// Received time up to which samples are in it.
    pub received: Timestamp,
    /// Where every alarm stood.
    pub states: Vec<AlarmState>,
    /// What the engine was about to do.
    pub engine: Snapshot,
    /// The alarms that were grouped, listed ones and those that had gone from the list.
    pub grouped: Vec<Grouped>,
}

/// An engine as it is taken up.
pub(crate) struct Resumed {
    /// The engine.
    pub engine: Engine,
    /// What happened and was not journalled before the station stopped.
    pub missed: Vec<Transition>,
    /// The alarms that were grouped.
    pub grouped: Vec<Grouped>,
}

impl Moment {
    /// As the file keeps it.
    ///
    /// # Errors
    /// Where memory for it cannot be had.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_extend(self, vec![VERSION])
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, body)) => postcard::from_bytes(body).ok(),
            _ => None,
        }
    }
}

/// The moment that a former run kept below `data`; none where there is none that can be read.
pub(crate) fn kept(data: &Path) -> Option<Moment> {
    let path = data.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let moment = Moment::from_bytes(&bytes);
            if moment.is_none() {
                tracing::warn!(file = %path.display(), "delays of alarms begin anew: what was kept cannot be read");
            }
            moment
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "delays of alarms begin anew");
            None
        }
    }
}

/// Keeps the newest moment in a file below `data`, until nobody makes one any more. A crash leaves the one before whole.
pub(crate) async fn keep(data: PathBuf, mut moments: watch::Receiver<Vec<u8>>) {
    let mut has_failed = false;
    while moments.changed().await.is_ok() {
        let bytes = moments.borrow_and_update().clone();
        let (path, fresh) = (data.join(FILE), data.join(format!("{FILE}.new")));
        let written = tokio::task::spawn_blocking(move || write(&fresh, &path, &bytes)).await;
        let problem = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let (Some(problem), false) = (&problem, has_failed) {
            tracing::warn!(problem, "what alarms are about to do is not kept: after a restart their delays begin anew");
        }
        has_failed = problem.is_some();
    }
}

fn write(fresh: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
}

/// The engine where a former run left it: at `kept`, and through what was stored since. Where that cannot be read the
/// engine begins with what the journal says, and its delays begin anew.
///
/// # Errors
/// Transient ones of the database, and those of reading the states.
pub(crate) async fn taken_up(
    store: &Store,
    kept: Option<Moment>,
    tenant: TenantId,
    register: &Register,
    latest: &[Sample],
    now: Timestamp,
) -> penstock_store::Result<Resumed> {
    match resumed(store, kept, tenant, register, latest, now).await {
        Err(error) if !error.is_transient() => {
            tracing::warn!(%error, "delays of alarms begin anew: what came since they were kept cannot be read");
            resumed(store, None, tenant, register, latest, now).await
        }
        outcome => outcome,
    }
}

async fn resumed(
    store: &Store,
    kept: Option<Moment>,
    tenant: TenantId,
    register: &Register,
    latest: &[Sample],
    now: Timestamp,
) -> penstock_store::Result<Resumed> {
    let (rules, points) = {
        let inner = register.lock();
        let points: BTreeMap<PointNo, Point> = inner.points.clone();
        (inner.rules.values().cloned().collect::<Vec<_>>(), points)
    };
    // A time that was still to come would shut out what comes after it; so would one that came while our own clock was
    // ahead.
    let is_believed =
        |sample: &&Sample| sample.quality != Quality::Uncertain(Doubt::ClockAhead) && sample.received_time <= now;
    let evaluated: BTreeMap<PointNo, Timestamp> =
        latest.iter().filter(is_believed).map(|sample| (sample.point, sample.source_time)).collect();
    let facts = || points.values().map(|point| facts_of(point, evaluated.get(&point.no).copied()));
    let Some(moment) = kept.filter(|moment| moment.received.as_micros() > 0) else {
        let engine = Engine::new(rules, store.alarm_states(tenant).await?, facts());
        return Ok(Resumed { engine, missed: Vec::new(), grouped: Vec::new() });
    };
    let mut entries = Vec::new();
    let mut since = store.journal_since(tenant, moment.journal_seq);
    while let Some(chunk) = since.recv().await {
        entries.extend(chunk?);
    }
    let judged: BTreeSet<PointId> = rules.iter().flat_map(AlarmRule::points).collect();
    let adopted = points.values().filter(|point| point.state == PointState::Adopted);
    let replayed: Vec<PointNo> = adopted.filter(|point| judged.contains(&point.id)).map(|point| point.no).collect();
    let (from, received) = (moment.received - LATE, moment.received);
    let without_end = points.values().map(|point| facts_of(point, None)).collect();
    // Where even the moment that was kept lies ahead, the clock was set back while the station did not run: all of it is
    // gone through on the clock of then. Else only what was received while the clock was ahead is not to be judged by.
    let end = if received > now { Timestamp::MAX } else { now };
    let mut last = received;
    let mut resuming = Resuming::new(moment, rules, without_end, entries, end);
    let mut chunks = store.received_since(&replayed, from, received);
    while let Some(chunk) = chunks.recv().await {
        for sample in chunk?.iter().filter(|sample| sample.received_time <= end) {
            // A time far behind the moment is of a clock that was ahead before it, and tells nothing of when the station
            // stopped.
            last = last.max(sample.received_time.min(received + KEPT_WITHIN));
            if let Some(point) = points.get(&sample.point) {
                resuming.sample(&Evaluated { point: point.id, site: point.site, sample, score: None });
            }
        }
    }
    let mut resumed = resuming.finish(last.micros_since(now).max(0), now);
    resumed.engine.set_points(facts());
    Ok(resumed)
}

/// An engine that is being taken up.
pub(crate) struct Resuming {
    engine: Engine,
    /// What the engine did by itself according to the journal: it will do it again.
    known: BTreeSet<(RuleId, u64, TransitionKind, Timestamp)>,
    /// The journal's entries since, in order; what people did is done again at its time.
    entries: std::vec::IntoIter<JournalEntry>,
    next: Option<JournalEntry>,
    /// All of them, for what comes out otherwise this time.
    all: Vec<JournalEntry>,
    /// The rules on silence, of which the journal alone is heard.
    silences: BTreeSet<RuleId>,
    /// Whether the clock was set back before the station stopped: then the journal has shelves that end by it.
    has_moved_shelves: bool,
    ticked: Timestamp,
    /// What is journalled with a later time was so for the sake of its order, after the clock had been set back.
    now: Timestamp,
    missed: Vec<Transition>,
    grouped: Vec<Grouped>,
}

impl Resuming {
    /// Begins at `moment`; `entries` is the journal since then, up to `now`.
    pub(crate) fn new(
        moment: Moment,
        rules: Vec<AlarmRule>,
        facts: Vec<PointFacts>,
        entries: Vec<JournalEntry>,
        now: Timestamp,
    ) -> Self {
        let is_silence = |rule: &&AlarmRule| matches!(rule.condition, Condition::Silence { .. });
        let silences = rules.iter().filter(is_silence).map(|rule| rule.id).collect();
        let engine = Engine::restore(rules, moment.states, facts, moment.engine);
        let known = entries.iter().map(|entry| key(&entry.transition)).collect();
        let all = entries.clone();
        let mut entries = entries.into_iter();
        let next = entries.next();
        let (ticked, grouped) = (moment.received, moment.grouped);
        Self {
            engine,
            known,
            entries,
            next,
            all,
            silences,
            has_moved_shelves: false,
            ticked,
            now,
            missed: Vec::new(),
            grouped,
        }
    }

    /// Takes a sample that was stored since, in received order.
    pub(crate) fn sample(&mut self, evaluated: &Evaluated<'_>) {
        let received = evaluated.sample.received_time;
        self.until(received);
        let mut out = Vec::new();
        // Whether its device said so is not known.
        self.engine.sample_by_broker(evaluated, &mut out);
        self.note(out);
    }

    /// Lets time go on to `at`, with what people did until then.
    fn until(&mut self, at: Timestamp) {
        self.acts_until(at);
        if at.since(self.ticked) >= TICK {
            self.tick(at);
        }
    }

    fn acts_until(&mut self, at: Timestamp) {
        while let Some(JournalEntry { transition, .. }) = self.next.take_if(|entry| entry.transition.at <= at) {
            if is_act(&transition) {
                self.tick(transition.at.min(self.now));
                self.engine.apply(&transition);
            } else if self.happens_at_its_time(&transition) {
                self.engine.apply(&transition);
            }
            self.next = self.entries.next();
        }
    }

    /// Whether an entry that is nobody's act does not come out of the engine by itself, and is to be taken at its time.
    /// The end of a shelf that has moved back is not: what is played until the journal's end goes by the clock of
    /// before.
    fn happens_at_its_time(&mut self, entry: &Transition) -> bool {
        match (entry.kind, &entry.detail) {
            (TransitionKind::Shelved, Some(TransitionDetail::Shelving(moved))) => {
                let shelf = self.engine.state(entry.rule).and_then(|state| state.shelf);
                let is_ahead = shelf.is_some_and(|shelf| moved.until > shelf.shelving.until);
                self.has_moved_shelves |= !is_ahead;
                is_ahead
            }
            (TransitionKind::Raised | TransitionKind::Cleared, _) => self.silences.contains(&entry.rule),
            _ => false,
        }
    }

    fn tick(&mut self, at: Timestamp) {
        let mut out = Vec::new();
        self.engine.listen_from(at);
        self.engine.tick(at, &mut out);
        self.ticked = self.ticked.max(at);
        self.note(out);
    }

    fn note(&mut self, out: Vec<Transition>) {
        let is_new = |entry: &Transition| !self.known.contains(&key(entry));
        self.missed.extend(out.into_iter().filter(is_new));
    }

    /// The engine where it was when the station stopped, by a clock that says `now` and has been set back by so many
    /// microseconds since. What the journal has and did not come out again, for example because recording settings left
    /// samples out, holds.
    pub(crate) fn finish(mut self, ahead_micros: i64, now: Timestamp) -> Resumed {
        self.acts_until(Timestamp::MAX);
        for entry in &self.all {
            self.engine.apply(&entry.transition);
        }
        match (ahead_micros, self.has_moved_shelves) {
            (..=0, _) => {}
            (_, true) => self.engine.clock_had_been_set(-ahead_micros),
            (_, false) => self.engine.clock_was_set(-ahead_micros, now, &mut self.missed),
        }
        Resumed { engine: self.engine, missed: self.missed, grouped: self.grouped }
    }
}

/// What an entry of the engine's own is known by. An occurrence is raised and cleared once, whenever that was: of a change
/// of rules it was the moment of the change, which does not come again.
fn key(entry: &Transition) -> (RuleId, u64, TransitionKind, Timestamp) {
    let is_once = matches!(entry.kind, TransitionKind::Raised | TransitionKind::Cleared);
    (entry.rule, entry.occurrence, entry.kind, if is_once { Timestamp::MIN } else { entry.at })
}

/// Whether an entry is not the engine's own: somebody did it, or the station for what was over before it was heard of.
fn is_act(entry: &Transition) -> bool {
    entry.by.is_some() || matches!(entry.kind, TransitionKind::Acknowledged | TransitionKind::Commented)
}

#[cfg(test)]
mod tests {
    use penstock_model::{LimitLevel, Raise, Shelving, SiteId, Subject, UserId};

    use super::*;

    const POINT: PointNo = PointNo(1);

    fn point() -> PointId {
        PointId(uuid::Uuid::from_bytes([1; 16]))
    }

    fn rule() -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 10.0, deadband: 1.0 };
        AlarmRule {
            on_delay: Duration::from_secs(30),
            off_delay: Duration::from_secs(20),
            ..AlarmRule::new(RuleId(uuid::Uuid::from_bytes([2; 16])), Subject::Point(point()), condition)
        }
    }

    fn facts() -> PointFacts {
        PointFacts {
            id: point(),
            site: None,
            asset: None,
            stale_after: Duration::from_secs(300),
            evaluated_until: None,
        }
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000) + Duration::from_secs(secs)
    }

    fn sample(secs: u64, value: f64) -> Sample {
        Sample {
            point: POINT,
            source_time: at(secs),
            received_time: at(secs),
            value: Some(value),
            quality: Quality::Good,
        }
    }

    fn moment(engine: &Engine, journal_seq: u64, secs: u64) -> Moment {
        let states = engine.states().cloned().collect();
        Moment { journal_seq, received: at(secs), states, engine: engine.snapshot(), grouped: Vec::new() }
    }

    fn give(engine: &mut Engine, sample: &Sample, out: &mut Vec<Transition>) {
        engine.sample(&Evaluated { point: point(), site: None, sample, score: None }, out);
    }

    #[test]
    fn a_running_delay_goes_on_where_it_was() {
        let mut engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let mut out = Vec::new();
        give(&mut engine, &sample(0, 11.0), &mut out);
        give(&mut engine, &sample(10, 11.0), &mut out);
        assert_eq!(out, []);
        let bytes = moment(&engine, 0, 10).to_bytes().expect("fits");
        let moment = Moment::from_bytes(&bytes).expect("readable");
        let mut resuming = Resuming::new(moment, vec![rule()], vec![facts()], Vec::new(), at(100));
        for sample in [sample(10, 11.0), sample(20, 11.5), sample(31, 12.0)] {
            resuming.sample(&Evaluated { point: point(), site: None, sample: &sample, score: None });
        }
        let resumed = resuming.finish(0, at(1_000));
        let raised: Vec<_> = resumed.missed.iter().map(|entry| (entry.kind, entry.at)).collect();
        assert_eq!(raised, [(TransitionKind::Raised, at(30))]);
        assert!(resumed.engine.state(rule().id).is_some_and(|state| state.active));
    }

    #[test]
    fn what_is_journalled_happens_once_and_people_are_heard_in_between() {
        let mut engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let mut out = Vec::new();
        give(&mut engine, &sample(0, 11.0), &mut out);
        let moment = moment(&engine, 0, 0);
        give(&mut engine, &sample(31, 11.0), &mut out);
        let by = UserId(uuid::Uuid::from_bytes([3; 16]));
        let shelving = Shelving { until: at(100), one_shot: false };
        out.push(engine.acknowledge(rule().id, 1, by, None, at(32)).expect("raised"));
        out.push(engine.shelve(rule().id, shelving, by, "work", at(33)).expect("known"));
        give(&mut engine, &sample(40, 5.0), &mut out);
        let entries: Vec<JournalEntry> =
            (1..).zip(&out).map(|(seq, entry)| JournalEntry { seq, transition: entry.clone() }).collect();
        assert_eq!(entries.len(), 3);

        let mut resuming = Resuming::new(moment, vec![rule()], vec![facts()], entries, at(100));
        for sample in [sample(31, 11.0), sample(40, 5.0), sample(61, 5.0)] {
            resuming.sample(&Evaluated { point: point(), site: None, sample: &sample, score: None });
        }
        let resumed = resuming.finish(0, at(1_000));
        // Only what came after the journal's end is new.
        let missed: Vec<_> = resumed.missed.iter().map(|entry| (entry.kind, entry.at)).collect();
        assert_eq!(missed, [(TransitionKind::Cleared, at(60))]);
        let state = resumed.engine.state(rule().id).expect("raised");
        assert_eq!((state.active, state.acknowledged_by), (false, Some(by)));
        assert_eq!(state.shelf.map(|shelf| shelf.shelving), Some(shelving));
    }

    #[test]
    fn a_journal_that_came_out_otherwise_holds() {
        let engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let raised = Transition {
            rule: rule().id,
            occurrence: 1,
            kind: TransitionKind::Raised,
            at: at(5),
            value: Some(12.0),
            by: None,
            comment: None,
            rule_version: 1,
            detail: Some(TransitionDetail::Raise(Raise::default())),
        };
        let entries = vec![JournalEntry { seq: 1, transition: raised }];
        let resumed =
            Resuming::new(moment(&engine, 0, 0), vec![rule()], vec![facts()], entries, at(100)).finish(0, at(100));
        assert_eq!(resumed.missed, []);
        assert!(resumed.engine.state(rule().id).is_some_and(|state| state.active));
    }

    /// The end of a shelf of an hour by what was missed, and by the engine with whose shelf it is.
    fn shelves(resumed: &Resumed) -> (Vec<Timestamp>, Option<(Timestamp, Option<UserId>)>) {
        let until = |entry: &Transition| match entry.detail {
            Some(TransitionDetail::Shelving(shelving)) => Some(shelving.until),
            _ => None,
        };
        let shelf = resumed.engine.state(rule().id).and_then(|state| state.shelf);
        (resumed.missed.iter().filter_map(until).collect(), shelf.map(|shelf| (shelf.shelving.until, shelf.by)))
    }

    #[test]
    fn a_shelf_lasts_as_long_where_the_clock_was_set_meanwhile() {
        let by = UserId(uuid::Uuid::from_bytes([3; 16]));
        let mut engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let shelving = Shelving { until: at(3_600), one_shot: false };
        engine.shelve(rule().id, shelving, by, "work", at(10)).expect("known");
        let kept = moment(&engine, 0, 20);
        let resuming = |entries: &[Transition], end: Timestamp| {
            let entries =
                (1..).zip(entries).map(|(seq, entry)| JournalEntry { seq, transition: entry.clone() }).collect();
            Resuming::new(kept.clone(), vec![rule()], vec![facts()], entries, end)
        };
        // By more than the shelf is long: it ends before the time that is played, by the clock of then.
        let (back, set_back) = (4_000_000_000, Duration::from_secs(4_000));
        let (now, ends) = (at(20) - set_back, at(3_600) - set_back);
        // While the station did not run.
        let resumed = resuming(&[], Timestamp::MAX).finish(back, now);
        assert_eq!(shelves(&resumed), (vec![ends], Some((ends, Some(by)))));
        // Before it was killed, and it had moved the end itself.
        let mut moved = Vec::new();
        engine.clock_was_set(-back, now, &mut moved);
        let mut played = resuming(&moved, Timestamp::MAX);
        played.sample(&Evaluated { point: point(), site: None, sample: &sample(30, 5.0), score: None });
        let resumed = played.finish(back, now);
        assert_eq!(shelves(&resumed), (vec![], Some((ends, Some(by)))));
        assert_eq!(resumed.engine.state(rule().id), engine.state(rule().id));
        assert_eq!(resumed.missed, []);
    }

    #[test]
    fn a_shelf_whose_end_had_moved_ahead_does_not_end_by_what_is_played() {
        let by = UserId(uuid::Uuid::from_bytes([3; 16]));
        let mut engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let shelving = Shelving { until: at(100), one_shot: false };
        engine.shelve(rule().id, shelving, by, "work", at(10)).expect("known");
        let kept = moment(&engine, 0, 20);
        let mut moved = Vec::new();
        engine.clock_was_set(500_000_000, at(520), &mut moved);
        let entries = (1..).zip(moved).map(|(seq, transition)| JournalEntry { seq, transition }).collect();
        let mut resuming = Resuming::new(kept, vec![rule()], vec![facts()], entries, at(1_000));
        resuming.sample(&Evaluated { point: point(), site: None, sample: &sample(521, 5.0), score: None });
        let resumed = resuming.finish(0, at(521));
        assert_eq!(resumed.missed, []);
        assert_eq!(shelves(&resumed).1, Some((at(600), Some(by))));
    }

    /// The rule on the silence of the point's site, and an engine in which it stands since second 60.
    fn silent() -> (AlarmRule, PointFacts, Engine) {
        let site = SiteId(uuid::Uuid::from_bytes([4; 16]));
        let silence = AlarmRule {
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
            ..AlarmRule::new(
                RuleId(uuid::Uuid::from_bytes([5; 16])),
                Subject::Site(site),
                Condition::Silence { after: Duration::from_secs(60) },
            )
        };
        let facts = PointFacts { site: Some(site), ..facts() };
        let mut engine = Engine::new(vec![rule(), silence.clone()], Vec::new(), [facts]);
        engine.tick(at(0), &mut Vec::new());
        engine.tick(at(61), &mut Vec::new());
        assert!(engine.state(silence.id).is_some_and(|state| state.active));
        (silence, facts, engine)
    }

    #[test]
    fn what_is_played_is_no_sign_of_life_and_no_silence() {
        let (silence, facts, engine) = silent();
        let play = |kept: Moment, entries: Vec<JournalEntry>, samples: &[Sample]| {
            let rules = vec![rule(), silence.clone()];
            let mut resuming = Resuming::new(kept, rules, vec![facts], entries, at(10_000));
            for sample in samples {
                resuming.sample(&Evaluated { point: point(), site: facts.site, sample, score: None });
            }
            let resumed = resuming.finish(0, at(10_000));
            assert_eq!(resumed.missed, []);
            resumed.engine.state(silence.id).is_some_and(|state| state.active)
        };
        let kept = moment(&engine, 0, 61);
        // A broker may have kept it.
        assert!(play(kept.clone(), Vec::new(), &[sample(70, 5.0), sample(500, 5.0)]));
        // What the journal says holds.
        let raised = engine.state(silence.id).map(|state| state.occurrence);
        let cleared = Transition {
            rule: silence.id,
            occurrence: raised.expect("raised"),
            kind: TransitionKind::Cleared,
            at: at(65),
            value: None,
            by: None,
            comment: None,
            rule_version: silence.version,
            detail: None,
        };
        let entries = vec![JournalEntry { seq: 1, transition: cleared }];
        assert!(!play(kept, entries, &[sample(70, 5.0), sample(500, 5.0)]));
        // Nor is anybody silent for want of samples that are kept.
        let mut speaking = Engine::new(vec![rule(), silence.clone()], Vec::new(), [facts]);
        speaking.tick(at(0), &mut Vec::new());
        assert!(!play(moment(&speaking, 0, 0), Vec::new(), &[sample(10, 5.0), sample(5_000, 5.0)]));
    }

    /// Numbers that look random and are the same each time, by xorshift.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        }
    }

    /// One second of a station's life: a sample, a tick, and perhaps what a person does half a second later.
    fn live_on(engine: &mut Engine, sample: &Sample, act: u64, out: &mut Vec<Transition>) {
        let (id, by, now) = (rule().id, UserId(uuid::Uuid::from_bytes([3; 16])), sample.received_time);
        give(engine, sample, out);
        engine.tick(now, out);
        let later = now + Duration::from_millis(500);
        // As the station does before every act.
        engine.tick(later, out);
        let occurrence = engine.state(id).map_or(0, |state| state.occurrence);
        let shelving = |one_shot| Shelving { until: later + Duration::from_secs(7), one_shot };
        let done = match act {
            0 | 1 => engine.acknowledge(id, occurrence, by, None, later),
            2 => engine.shelve(id, shelving(false), by, "work", later),
            3 => engine.shelve(id, shelving(true), by, "work", later),
            4 => engine.unshelve(id, by, None, later),
            5 => engine.take_out_of_service(id, by, "work", later),
            6 => engine.return_to_service(id, by, None, later),
            7 | 8 => engine.reset(id, by, None, later),
            9 => engine.comment(id, occurrence, by, "seen", later),
            _ => return,
        };
        out.extend(done);
    }

    /// Killed at any moment, at most five seconds after one was kept, an engine that is taken up goes on exactly as one
    /// that was never stopped, and nothing is journalled twice.
    #[test]
    fn taken_up_anywhere_is_never_stopped() {
        // Nothing is due at the moment of a sample: that is for the one that comes first to say.
        let rule = AlarmRule {
            on_delay: Duration::from_millis(3_250),
            off_delay: Duration::from_millis(2_250),
            cool_down: Duration::from_millis(6_250),
            latches: true,
            realarm: Some(penstock_model::Realarm { after: Duration::from_secs(4), at_most: 2 }),
            ..rule()
        };
        for seed in 1..=300 {
            let mut below = numbers(seed);
            let mut value = 5.0;
            let course: Vec<(Sample, u64)> = (0..60)
                .map(|second| {
                    if below(5) == 0 {
                        value = if value > 10.0 { 5.0 } else { 12.0 };
                    }
                    (sample(second, value), below(20))
                })
                .collect();
            let killed = 1 + below(50);
            let kept = killed - below(killed.min(5));
            let mut engine = Engine::new(vec![rule.clone()], Vec::new(), [facts()]);
            let mut journal = Vec::new();
            let mut moment_kept = None;
            for (second, (sample, act)) in (0..killed).zip(&course) {
                live_on(&mut engine, sample, *act, &mut journal);
                if second + 1 == kept {
                    moment_kept = Some((moment(&engine, journal.len() as u64, second), journal.len()));
                }
            }
            let (moment_kept, journalled) = moment_kept.expect("kept before it was killed");
            let since = journal.iter().skip(journalled).cloned();
            let entries = (journalled as u64 + 1..)
                .zip(since)
                .map(|(seq, transition)| JournalEntry { seq, transition })
                .collect();
            let mut resuming = Resuming::new(moment_kept, vec![rule.clone()], vec![facts()], entries, at(1_000));
            for (sample, _) in course.iter().take(usize::try_from(killed).expect("small")) {
                resuming.sample(&Evaluated { point: point(), site: None, sample, score: None });
            }
            let mut resumed = resuming.finish(0, at(1_000));
            assert_eq!(resumed.missed, [], "seed {seed}, kept at {kept}, killed at {killed}");
            assert_eq!(resumed.engine.state(rule.id), engine.state(rule.id), "seed {seed}");
            let (mut never_stopped, mut again) = (Vec::new(), Vec::new());
            for (sample, act) in course.iter().skip(usize::try_from(killed).expect("small")) {
                live_on(&mut engine, sample, *act, &mut never_stopped);
                live_on(&mut resumed.engine, sample, *act, &mut again);
            }
            assert_eq!(again, never_stopped, "seed {seed}, kept at {kept}, killed at {killed}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        let engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let bytes = moment(&engine, 0, 0).to_bytes().expect("fits");
        assert!(Moment::from_bytes(&bytes).is_some());
        assert!(Moment::from_bytes(&bytes[..bytes.len() - 1]).is_none());
        assert!(Moment::from_bytes(&[VERSION + 1]).is_none());
        assert!(Moment::from_bytes(&[]).is_none());
    }

    #[tokio::test]
    async fn the_newest_moment_is_kept() {
        let folder = std::env::temp_dir().join(format!("penstock-resume-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        assert!(kept(&folder).is_none());
        let engine = Engine::new(vec![rule()], Vec::new(), [facts()]);
        let (moments, newest) = watch::channel(Vec::new());
        let keeping = tokio::spawn(keep(folder.clone(), newest));
        let last = moment(&engine, 7, 3);
        moments.send(last.to_bytes().expect("fits")).expect("is listened to");
        drop(moments);
        keeping.await.expect("ends");
        assert_eq!(kept(&folder), Some(last));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
