//! What faults must leave of alarms: every acknowledgement, shelf, latch and running delay, and a journal that has each
//! transition once. What the station did is held against an engine that was never interrupted.

use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use nix::sys::signal::Signal;
use penstock_alarm::{Engine, Evaluated, PointFacts};
use penstock_api::{
    AcknowledgeAlarms, ActReport, CommentAlarm, GetAlarm, GetRegister, ImportPlant, JournalFilter, ListJournal,
    ListRules, ResetAlarms, ReturnToService, SavePoints, SaveRules, ShelveAlarms, TakeOutOfService, UnshelveAlarms,
};
use penstock_model::{
    AlarmRule, AlarmState, Asset, AssetId, AssetKind, Clock, Limits, PlantFile, Point, PointNo, PointState, Quality,
    Realarm, RuleId, Sample, Site, SiteId, SiteKind, Subject, Timestamp, Transition, TransitionDetail, TransitionKind,
};
use penstock_testkit::publisher::Publisher;

use crate::Moments;
use crate::clock::Jump;
use crate::room::{PATIENCE, Room, signal, wait_for};

/// The source that the points here come over.
const SOURCE: &str = "local";
/// Above this the gauges alarm; what is beyond it, and what is well below.
const LIMIT: f64 = 10.0;
const HIGH: f64 = 20.0;
const NORMAL: f64 = 1.0;
/// How far the readings of a gauge with a time of its own are apart; each stands for as long.
const STEP: Duration = Duration::from_secs(2);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A gauge with a limit that alarms.
struct Gauge {
    path: &'static str,
    publisher: Publisher,
    point: Point,
    rule: AlarmRule,
    /// When its newest reading was measured. It tells of the last minutes in steps: delays run in its time alone.
    own: Timestamp,
}

impl Gauge {
    /// A gauge whose point and rule are as these say.
    fn adopted(
        room: &Room,
        path: &'static str,
        as_point: impl FnOnce(Point) -> Point,
        as_rule: impl FnOnce(AlarmRule) -> AlarmRule,
    ) -> Result<Self> {
        let publisher = room.device(path)?;
        room.hears(SOURCE, |topic, payload| publish(&publisher, topic, payload))?;
        // With its own time: a later one would shut out what follows.
        let own = Clock::System.now() - Duration::from_secs(90);
        publish(&publisher, &topic_of(path), &format!(r#"{{"ts":{},"value":1}}"#, own.as_micros()))?;
        room.knows(SOURCE, path)?;
        let register = room.ask(&GetRegister {})?;
        let found = register.points.into_iter().find(|point| point.address.path == path).context("it is known")?;
        let limits = Limits { h: Some(LIMIT), ..Limits::default() };
        let point = as_point(Point { state: PointState::Adopted, limits, ..found });
        let report = room.ask(&SavePoints { points: vec![point.clone()], reason: "a test".into() })?;
        ensure!(report.changed == 1, "the point is another from now on: {report:?}");
        let derived = rule_of(room, Subject::Point(point.id))?;
        let rule = as_rule(derived.clone());
        if rule != derived {
            save(room, &rule)?;
        }
        let rule = rule_of(room, Subject::Point(point.id))?;
        Ok(Self { path, publisher, point, rule, own })
    }

    /// Hands a reading of its next step to the broker.
    fn give(&mut self, value: f64) -> Result<Sample> {
        self.own = self.own + STEP;
        self.give_at(value, self.own)
    }

    /// Hands a reading of that time to the broker.
    fn give_at(&self, value: f64, at: Timestamp) -> Result<Sample> {
        let payload = format!(r#"{{"ts":{},"value":{value}}}"#, at.as_micros());
        publish(&self.publisher, &topic_of(self.path), &payload)?;
        let point = PointNo(0);
        Ok(Sample { point, source_time: at, received_time: at, value: Some(value), quality: Quality::Good })
    }

    /// Hands a reading without a time to the broker.
    fn say(&self, value: f64) -> Result<()> {
        publish(&self.publisher, &topic_of(self.path), &format!(r#"{{"value":{value}}}"#))
    }

    /// Waits until a reading of that time is stored: then it has been judged, too.
    fn is_stored(&self, room: &Room, at: Timestamp) -> Result<()> {
        let query = format!(
            "select s.value from samples s join points p on p.no = s.point_no where p.path = '{}' \
             and (extract(epoch from s.source_time) * 1000000)::bigint = {}",
            self.path,
            at.as_micros()
        );
        wait_for("the reading is stored", || Ok((!room.sql(&query)?.is_empty()).then_some(())))
    }

    /// Waits until a reading of that value is stored.
    fn is_shown(&self, room: &Room, value: f64) -> Result<()> {
        room.shows(SOURCE, self.path, value)
    }
}

fn topic_of(path: &str) -> String {
    format!("jjm/sensors/{path}/data")
}

fn publish(publisher: &Publisher, topic: &str, payload: &str) -> Result<()> {
    publisher.publish(topic, payload.as_bytes(), PATIENCE).map(drop).context("the broker takes no message")
}

/// The rule about a subject that follows from the register.
fn rule_of(room: &Room, subject: Subject) -> Result<AlarmRule> {
    let rows = room.ask(&ListRules {})?;
    let mut follows = rows.into_iter().filter(|row| row.follows && row.rule.enabled && row.rule.subject == subject);
    Ok(follows.next().with_context(|| format!("a rule on {subject:?} follows"))?.rule)
}

fn save(room: &Room, rule: &AlarmRule) -> Result<()> {
    let report = room.ask(&SaveRules { rules: vec![rule.clone()], reason: "a test".into() })?;
    ensure!(report.faults.is_empty() && report.changed + report.added == 1, "the rule is saved: {report:?}");
    Ok(())
}

/// What the journal has of a rule, in the order it was written.
fn journal(room: &Room, rule: RuleId) -> Result<Vec<Transition>> {
    let now = Clock::System.now();
    let filter = JournalFilter { rules: vec![rule], ..JournalFilter::within(now - DAY, now + DAY) };
    let mut rows = room.ask(&ListJournal { filter, before: None, limit: 10_000 })?.rows;
    rows.sort_by_key(|row| row.seq);
    Ok(rows.into_iter().map(|row| row.transition).collect())
}

/// The same as what happened alone.
fn kinds(room: &Room, rule: RuleId) -> Result<Vec<TransitionKind>> {
    Ok(journal(room, rule)?.into_iter().map(|entry| entry.kind).collect())
}

fn state(room: &Room, rule: RuleId) -> Result<Option<AlarmState>> {
    Ok(room.ask(&GetAlarm { rule })?.state)
}

/// Waits until an alarm stands as this says, and answers how.
fn stands(room: &Room, rule: RuleId, what: &str, is_so: impl Fn(&AlarmState) -> bool) -> Result<AlarmState> {
    wait_for(what, || Ok(state(room, rule)?.filter(&is_so))).with_context(|| {
        let said = || Ok::<_, anyhow::Error>((state(room, rule)?, kinds(room, rule)?));
        format!("it stands: {:?}", said())
    })
}

/// Waits until what stands now is in the moment that a start begins with. One may be on its way to the disk that knows
/// nothing of it: the next but one does.
fn a_moment_is_kept(room: &Room) -> Result<()> {
    let kept = || std::fs::metadata(room.data().join("alarms.now")).and_then(|file| file.modified()).ok();
    for _ in 0..2 {
        let before = kept();
        wait_for("a moment is kept", || Ok(kept().filter(|at| Some(*at) != before)))?;
    }
    Ok(())
}

/// The numbers of the journal's entries have no gap.
fn has_no_gap(room: &Room) -> Result<()> {
    let rows = room.sql("select count(*), coalesce(min(seq), 1), coalesce(max(seq), 0) from alarm_journal")?;
    let [row] = rows.as_slice() else { bail!("a count is one row: {rows:?}") };
    let [count, first, last] = row.as_slice() else { bail!("three columns: {row:?}") };
    ensure!(first == "1" && count == last, "{count} entries are numbered {first} to {last}");
    Ok(())
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Comment,
    Acknowledge,
    Reset,
    Shelve { one_shot: bool },
    Unshelve,
    TakeOut,
    Return,
}

impl Act {
    /// The entry it makes, and what the audit calls it.
    const fn leaves(self) -> (TransitionKind, &'static str) {
        match self {
            Self::Comment => (TransitionKind::Commented, "comment"),
            Self::Acknowledge => (TransitionKind::Acknowledged, "acknowledge"),
            Self::Reset => (TransitionKind::Reset, "reset-alarms"),
            Self::Shelve { .. } => (TransitionKind::Shelved, "shelve-alarms"),
            Self::Unshelve => (TransitionKind::Unshelved, "unshelve-alarms"),
            Self::TakeOut => (TransitionKind::TakenOutOfService, "take-out-of-service"),
            Self::Return => (TransitionKind::ReturnedToService, "return-to-service"),
        }
    }

    /// Does it to an occurrence, and answers whether the station says that it is done.
    fn perform(self, room: &Room, rule: RuleId, occurrence: u64) -> Result<bool> {
        let alarms = vec![rule];
        let reason = "a test".to_owned();
        let report: ActReport = match self {
            Self::Comment => {
                room.ask(&CommentAlarm { rule, occurrence, comment: reason })?;
                return Ok(true);
            }
            Self::Acknowledge => {
                room.ask(&AcknowledgeAlarms { alarms: vec![(rule, occurrence)], comment: Some(reason) })?
            }
            Self::Reset => room.ask(&ResetAlarms { alarms, comment: None })?,
            Self::Shelve { one_shot } => room.ask(&ShelveAlarms { alarms, minutes: 60, one_shot, reason })?,
            Self::Unshelve => room.ask(&UnshelveAlarms { alarms, comment: None })?,
            Self::TakeOut => room.ask(&TakeOutOfService { alarms, reason })?,
            Self::Return => room.ask(&ReturnToService { alarms, reason })?,
        };
        Ok(report.done == [rule])
    }
}

/// What people did to an alarm, by its journal.
fn acts(room: &Room, rule: RuleId) -> Result<Vec<Transition>> {
    Ok(journal(room, rule)?.into_iter().filter(|entry| entry.by.is_some()).collect())
}

/// Every act is in the journal and in the audit, once and in the same order, by the same person and at its time.
fn is_accounted_for(room: &Room, rule: RuleId, done: &[Act]) -> Result<()> {
    let entries = acts(room, rule)?;
    let found: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    let expected: Vec<_> = done.iter().map(|act| act.leaves().0).collect();
    ensure!(found == expected, "the journal has {found:?} of {expected:?}");
    let rows = room.sql(&format!(
        "select action, who, (extract(epoch from at) * 1000000)::bigint from audit where subject like '{rule}%' \
         and action <> 'save-rules' and action <> 'derive-rules' order by seq"
    ))?;
    ensure!(rows.len() == done.len(), "the audit has {rows:?} of {done:?}");
    for ((row, act), entry) in rows.iter().zip(done).zip(&entries) {
        let [action, who, at] = row.as_slice() else { bail!("three columns: {row:?}") };
        let by = entry.by.context("a person did it")?;
        ensure!(action == act.leaves().1 && *who == by.to_string(), "{act:?} is audited as {row:?}");
        // An entry may be pushed on a little, so that it follows what was done before it.
        ensure!(at.parse::<i64>()? <= entry.at.as_micros(), "{act:?} of {} is audited at {at}", entry.at);
    }
    Ok(())
}

/// A step of a gauge's course.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It measures.
    Give(f64),
    /// A person acts.
    Do(Act),
    /// It calls again by itself.
    Again,
}

/// Through every transition there is but those by design: raised and cleared, called again, latched and reset, kept
/// from calling by a shelf of each kind and out of service, with delays and the cool-down running in between.
const COURSE: &[Step] = &[
    Step::Give(NORMAL),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Do(Act::Comment),
    Step::Do(Act::Acknowledge),
    Step::Again,
    Step::Do(Act::Acknowledge),
    Step::Do(Act::Shelve { one_shot: true }),
    Step::Give(NORMAL),
    Step::Give(NORMAL),
    Step::Give(NORMAL),
    Step::Do(Act::Reset),
    // The cool-down goes on for longer than the delay.
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Do(Act::TakeOut),
    Step::Give(NORMAL),
    Step::Give(NORMAL),
    Step::Give(NORMAL),
    Step::Do(Act::Return),
    Step::Do(Act::Acknowledge),
    Step::Do(Act::Shelve { one_shot: false }),
    Step::Do(Act::Reset),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Give(HIGH),
    Step::Do(Act::Unshelve),
    Step::Do(Act::Acknowledge),
    Step::Again,
];

/// How long after an acknowledgement the gauge of the course calls again.
const AGAIN_AFTER: Duration = Duration::from_secs(4);

fn rule_of_course(rule: AlarmRule) -> AlarmRule {
    AlarmRule {
        on_delay: Duration::from_secs(3),
        off_delay: Duration::from_secs(3),
        cool_down: Duration::from_secs(9),
        latches: true,
        realarm: Some(Realarm { after: AGAIN_AFTER, at_most: 1 }),
        ..rule
    }
}

/// What an engine that nobody interrupts makes of the course, where people act as the journal says.
fn uninterrupted(gauge: &Gauge, given: &[Sample], acts: &[Transition]) -> Result<(Vec<Transition>, Engine)> {
    let mut engine = Engine::new(vec![gauge.rule.clone()], Vec::new(), [PointFacts::from(&gauge.point)]);
    let (mut given, mut acts) = (given.iter(), acts.iter());
    let mut out = Vec::new();
    for step in COURSE {
        match step {
            Step::Give(_) => {
                let sample = given.next().context("each step is a sample")?;
                let evaluated = Evaluated { point: gauge.point.id, site: gauge.point.site, sample, score: None };
                engine.sample(&evaluated, &mut out);
            }
            Step::Do(act) => {
                let entry = acts.next().with_context(|| format!("{act:?} is in the journal"))?;
                ensure!(entry.kind == act.leaves().0, "{act:?} comes next, not {entry:?}");
                out.push(act_again(&mut engine, entry)?);
            }
            Step::Again => {
                let seen = engine.state(gauge.rule.id).and_then(|state| state.acknowledged_at);
                engine.tick(seen.context("it is acknowledged")? + AGAIN_AFTER, &mut out);
            }
        }
    }
    Ok((out, engine))
}

/// Does what an entry says that a person did.
fn act_again(engine: &mut Engine, entry: &Transition) -> Result<Transition> {
    let (rule, at, by) = (entry.rule, entry.at, entry.by.context("a person did it")?);
    let comment = entry.comment.clone();
    let reason = comment.clone().unwrap_or_default();
    Ok(match (entry.kind, &entry.detail) {
        (TransitionKind::Commented, _) => engine.comment(rule, entry.occurrence, by, &reason, at)?,
        // Whether the comment was demanded is the station's to note, not the engine's.
        (TransitionKind::Acknowledged, detail) => {
            let again = engine.acknowledge(rule, entry.occurrence, by, comment, at)?;
            Transition { detail: detail.clone(), ..again }
        }
        (TransitionKind::Reset, _) => engine.reset(rule, by, comment, at)?,
        (TransitionKind::Shelved, Some(TransitionDetail::Shelving(shelving))) => {
            engine.shelve(rule, *shelving, by, &reason, at)?
        }
        (TransitionKind::Unshelved, _) => engine.unshelve(rule, by, comment, at)?,
        (TransitionKind::TakenOutOfService, _) => engine.take_out_of_service(rule, by, &reason, at)?,
        (TransitionKind::ReturnedToService, _) => engine.return_to_service(rule, by, comment, at)?,
        _ => bail!("nobody does {entry:?}"),
    })
}

/// Waits until the station says of an alarm what follows from its journal.
fn follows_from_its_journal(room: &Room, rule: RuleId) -> Result<()> {
    room.copied()?;
    wait_for("an alarm stands as its journal says", || {
        let mut folded = None;
        for entry in journal(room, rule)? {
            ensure!(penstock_alarm::apply(&mut folded, &entry), "{entry:?} does not belong where it is");
        }
        Ok((state(room, rule)? == folded).then_some(()))
    })
}

#[test]
fn station_killed_at_any_transition_of_an_alarm() -> Result<()> {
    const KILLS: u64 = 7;
    /// About as long as a reading or an act takes through the station.
    const UNDERWAY: Duration = Duration::from_millis(12);
    let mut moments = Moments::new()?;
    let again = moments.again();
    let mut room = Room::started()?;
    let as_point = |point: Point| Point { stale_after: STEP, ..point };
    let mut gauge = Gauge::adopted(&room, "COURSE", as_point, rule_of_course)?;
    let rule = gauge.rule.id;
    let (mut given, mut done) = (Vec::new(), Vec::new());
    let mut kills_left = KILLS;
    for (steps_left, step) in (1..=COURSE.len() as u64).rev().zip(COURSE) {
        let is_killed = moments.below(steps_left) < kills_left;
        kills_left -= u64::from(is_killed);
        let is_underway = moments.below(2) == 0;
        let mut kill = |room: &mut Room, most: Duration| -> Result<()> {
            std::thread::sleep(moments.within(most));
            room.kill()?;
            room.start().with_context(|| format!("start after {step:?}"))
        };
        match *step {
            Step::Give(value) => {
                given.push(gauge.give(value)?);
                if is_killed {
                    kill(&mut room, UNDERWAY)?;
                }
                gauge.is_stored(&room, gauge.own).with_context(again)?;
            }
            Step::Do(act) => {
                let occurrence = state(&room, rule)?.map_or(0, |state| state.occurrence);
                let was_told = if is_killed && is_underway {
                    let perform = |room: &Room| act.perform(room, rule, occurrence);
                    let was_told = acting_while_killed(&mut room, &mut moments, UNDERWAY, perform)?;
                    room.start().with_context(|| format!("start during {act:?}"))?;
                    was_told
                } else {
                    ensure!(act.perform(&room, rule, occurrence).with_context(again)?, "{act:?} is done; {}", again());
                    if is_killed {
                        kill(&mut room, UNDERWAY)?;
                    }
                    true
                };
                room.copied()?;
                done.push(act);
                let is_kept = acts(&room, rule)?.len() == done.len();
                ensure!(is_kept || !was_told, "{act:?} was done and is lost; {}", again());
                if !is_kept {
                    ensure!(act.perform(&room, rule, occurrence).with_context(again)?, "{act:?} is done; {}", again());
                }
            }
            Step::Again => {
                if is_killed {
                    kill(&mut room, AGAIN_AFTER)?;
                }
                stands(&room, rule, "it calls again", |state| state.realarms == 1).with_context(again)?;
            }
        }
        if is_killed {
            follows_from_its_journal(&room, rule).with_context(|| format!("after {step:?}")).with_context(again)?;
        }
    }

    room.copied()?;
    is_accounted_for(&room, rule, &done).with_context(again)?;
    let (expected, engine) = uninterrupted(&gauge, &given, &acts(&room, rule)?).with_context(again)?;
    let found = journal(&room, rule)?;
    ensure!(found == expected, "the journal is {found:#?}\nnot {expected:#?}; {}", again());
    ensure!(state(&room, rule)?.as_ref() == engine.state(rule), "{:?}; {}", engine.state(rule), again());
    has_no_gap(&room).with_context(again)
}

/// Kills the station while it is asked to do something, and answers whether it said that it was done.
fn acting_while_killed(
    room: &mut Room,
    moments: &mut Moments,
    most: Duration,
    act: impl FnOnce(&Room) -> Result<bool> + Send,
) -> Result<bool> {
    let shared: &Room = room;
    let moment = moments.within(most);
    let was_told = std::thread::scope(|scope| -> Result<bool> {
        let acting = scope.spawn(move || act(shared));
        std::thread::sleep(moment);
        signal(&[shared.pid()?], Signal::SIGKILL)?;
        let outcome = acting.join().map_err(|_panicked| anyhow!("the one who acts panicked"))?;
        // That nobody answered is what may be.
        Ok(outcome.unwrap_or(false))
    })?;
    room.kill()?;
    Ok(was_told)
}

#[test]
fn what_an_alarm_is_about_to_do_comes_at_its_time_while_the_station_is_dead() -> Result<()> {
    const DELAY: Duration = Duration::from_secs(2);
    let mut room = Room::started()?;
    let as_rule =
        |rule: AlarmRule| AlarmRule { on_delay: DELAY, realarm: Some(Realarm { after: DELAY, at_most: 1 }), ..rule };
    let gauge = Gauge::adopted(&room, "DELAYED", |point| point, as_rule)?;
    let rule = gauge.rule.id;

    // A delay that begins before the kill and is over before the start.
    let begun = Clock::System.now();
    gauge.give_at(HIGH, begun)?;
    gauge.is_stored(&room, begun)?;
    dead_until(&mut room, begun + DELAY)?;
    stands(&room, rule, "the alarm is raised", |state| state.active)?;
    // So does the time to call again.
    ensure!(Act::Acknowledge.perform(&room, rule, 1)?, "it is acknowledged");
    room.copied()?;
    let seen = acts(&room, rule)?.first().context("it is acknowledged")?.at;
    dead_until(&mut room, seen + DELAY)?;
    stands(&room, rule, "it calls again", |state| state.realarms == 1)?;
    room.copied()?;
    let entries: Vec<_> = journal(&room, rule)?.into_iter().map(|entry| (entry.kind, entry.at)).collect();
    let expected = [
        (TransitionKind::Raised, begun + DELAY),
        (TransitionKind::Acknowledged, seen),
        (TransitionKind::Realarmed, seen + DELAY),
    ];
    ensure!(entries == expected, "{entries:?} are not {expected:?}");
    has_no_gap(&room)
}

/// Kills the station and starts it again once that time is over.
fn dead_until(room: &mut Room, at: Timestamp) -> Result<()> {
    room.kill()?;
    std::thread::sleep(at.since(Clock::System.now()));
    room.start()
}

#[test]
fn alarms_are_answered_while_the_database_is_away() -> Result<()> {
    let mut room = Room::started()?;
    let as_point = |point: Point| Point { stale_after: STEP, ..point };
    let as_rule =
        |rule: AlarmRule| AlarmRule { on_delay: Duration::ZERO, off_delay: Duration::ZERO, latches: true, ..rule };
    let mut gauge = Gauge::adopted(&room, "AWAY", as_point, as_rule)?;
    let rule = gauge.rule.id;
    gauge.give(HIGH)?;
    gauge.is_stored(&room, gauge.own)?;
    let mut done = Vec::new();
    let mut times = Vec::new();

    // Away, and back again.
    let shelve = Act::Shelve { one_shot: false };
    let away: &[Act] = &[Act::Comment, Act::Acknowledge, shelve, Act::Unshelve, Act::Acknowledge];
    let begun = Clock::System.now();
    let frozen = room.database()?;
    signal(&frozen, Signal::SIGSTOP)?;
    let outcome = all_done(&room, rule, away).and_then(|()| {
        gauge.give(NORMAL)?;
        // Once what it latched is all that is left of it.
        wait_for("it is reset", || Ok(Act::Reset.perform(&room, rule, 1)?.then_some(())))
    });
    times.push((away.len() + 1, begun, Clock::System.now()));
    signal(&frozen, Signal::SIGCONT)?;
    outcome?;
    done.extend(away.iter().copied().chain([Act::Reset]));
    room.cleared("database")?;
    room.copied()?;
    is_accounted_for(&room, rule, &done)?;

    // Away, and the station is killed before it is back: the spool alone has it.
    gauge.give(HIGH)?;
    gauge.is_stored(&room, gauge.own)?;
    let away: &[Act] = &[Act::Acknowledge, shelve, Act::TakeOut];
    let begun = Clock::System.now();
    let frozen = room.database()?;
    signal(&frozen, Signal::SIGSTOP)?;
    let outcome = away.iter().try_for_each(|act| match act.perform(&room, rule, 2) {
        Ok(true) => Ok(()),
        Ok(false) => Err(anyhow!("{act:?} is refused")),
        Err(error) => Err(error),
    });
    times.push((away.len(), begun, Clock::System.now()));
    let killed = room.kill();
    signal(&frozen, Signal::SIGCONT)?;
    outcome?;
    killed?;
    room.start()?;
    done.extend(away);
    room.copied()?;
    is_accounted_for(&room, rule, &done)?;
    let standing = state(&room, rule)?.context("it was raised")?;
    let is_kept = standing.shelf.is_some() && standing.out_of_service.is_some();
    ensure!(is_kept && standing.active && standing.acknowledged, "{standing:?}");

    // Each has the time at which it was done, not that at which the database was back.
    let mut entries = acts(&room, rule)?.into_iter();
    for (count, begun, over) in times {
        for entry in entries.by_ref().take(count) {
            ensure!((begun..=over).contains(&entry.at), "{entry:?} was done from {begun} to {over}");
        }
    }
    follows_from_its_journal(&room, rule)?;
    has_no_gap(&room)
}

/// Does all of this to the first occurrence.
fn all_done(room: &Room, rule: RuleId, all: &[Act]) -> Result<()> {
    for act in all {
        ensure!(act.perform(room, rule, 1)?, "{act:?} is done");
    }
    Ok(())
}

#[test]
fn two_people_answer_the_same_alarm_at_once() -> Result<()> {
    const ROUNDS: u64 = 6;
    let room = Room::started()?;
    let as_point = |point: Point| Point { stale_after: STEP, ..point };
    let as_rule = |rule: AlarmRule| AlarmRule { on_delay: Duration::ZERO, off_delay: Duration::ZERO, ..rule };
    let mut gauge = Gauge::adopted(&room, "SHARED", as_point, as_rule)?;
    let rule = gauge.rule.id;
    let colleague = room.colleague("ravi", "Ravi Kulkarni")?;
    for occurrence in 1..=ROUNDS {
        gauge.give(HIGH)?;
        gauge.is_stored(&room, gauge.own)?;
        let call = AcknowledgeAlarms { alarms: vec![(rule, occurrence)], comment: None };
        one_is_first(&at_once(|| room.ask(&call), || room.ask_as(&colleague, &call))?, "has acknowledged it")?;
        let call = ShelveAlarms { alarms: vec![rule], minutes: 30, one_shot: false, reason: "a test".into() };
        one_is_first(&at_once(|| room.ask(&call), || room.ask_as(&colleague, &call))?, "has shelved it")?;
        ensure!(Act::Unshelve.perform(&room, rule, occurrence)?, "anybody takes it off the shelf");
        gauge.give(NORMAL)?;
        gauge.is_stored(&room, gauge.own)?;
    }
    room.copied()?;
    let found = kinds(&room, rule)?;
    let count = |kind: TransitionKind| found.iter().filter(|found| **found == kind).count() as u64;
    for kind in [TransitionKind::Raised, TransitionKind::Acknowledged, TransitionKind::Shelved] {
        ensure!(count(kind) == ROUNDS, "{ROUNDS} are {kind:?}: {found:?}");
    }
    let audited = room.sql(&format!(
        "select action, count(*) from audit where subject like '{rule}%' \
         and action in ('acknowledge', 'shelve-alarms') group by action order by action"
    ))?;
    let expected = ["acknowledge", "shelve-alarms"].map(|action| vec![action.to_owned(), ROUNDS.to_string()]);
    ensure!(audited == expected, "what was refused is not audited as done: {audited:?}");
    follows_from_its_journal(&room, rule)?;
    has_no_gap(&room)
}

/// Lets two make a call at the same moment.
fn at_once(
    one: impl FnOnce() -> Result<ActReport> + Send,
    other: impl FnOnce() -> Result<ActReport> + Send,
) -> Result<[ActReport; 2]> {
    let ready = &Barrier::new(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(move || {
            ready.wait();
            other()
        });
        ready.wait();
        let one = one();
        let other = other.join().map_err(|_panicked| anyhow!("the other panicked"))?;
        Ok([one?, other?])
    })
}

/// One of two did it, and the other is told who.
fn one_is_first([asha, ravi]: &[ActReport; 2], what: &str) -> Result<()> {
    let (second, first) = match (asha.done.len(), ravi.done.len()) {
        (1, 0) => (ravi, "Asha Verma"),
        (0, 1) => (asha, "Ravi Kulkarni"),
        _ => bail!("{what}: one is done: {asha:?}, {ravi:?}"),
    };
    let [(_, refusal)] = second.refused.as_slice() else { bail!("{what}: one is refused: {second:?}") };
    let words = &refusal.message;
    ensure!(words.contains(first) && words.contains(what), "who {what} first is named: {words}");
    Ok(())
}

/// A site with two devices behind one gateway.
struct Behind {
    site: SiteId,
    devices: [AssetId; 2],
}

impl Behind {
    fn imported(room: &Room) -> Result<Self> {
        let mut plant = room.ask(&GetRegister {})?.plant;
        let site = Site {
            id: SiteId::derived(plant.tenant.0, "PS-1"),
            name: "PS-1".into(),
            kind: SiteKind::Pumping,
            area: None,
            position: None,
        };
        let asset = |name: &str| Asset {
            id: AssetId::derived(plant.tenant.0, name),
            name: name.into(),
            kind: AssetKind::Sensor,
            site: Some(site.id),
            area: None,
            position: None,
            capacity_m3: None,
            level_span: None,
        };
        let assets = [asset("PT-1"), asset("PT-2")];
        let behind = Self { site: site.id, devices: [assets[0].id, assets[1].id] };
        plant.sites = vec![site];
        plant.assets = assets.into();
        let file = PlantFile { plant, points: Vec::new(), rules: Vec::new(), guidance: Vec::new() };
        let report = room.ask(&ImportPlant { file: Box::new(file) })?;
        ensure!(report.faults.is_empty(), "nothing is wrong with the plant: {report:?}");
        Ok(behind)
    }
}

#[test]
fn a_site_that_is_lost_is_one_alarm() -> Result<()> {
    const STALE: Duration = Duration::from_secs(4);
    use TransitionKind::{Cleared, Raised};
    let mut room = Room::started()?;
    let behind = Behind::imported(&room)?;
    let (site, devices) = (behind.site, behind.devices);
    let on = move |device: usize| {
        let asset = Some(devices[device]);
        move |point: Point| Point { site: Some(site), asset, stale_after: STALE, ..point }
    };
    let instant = |rule: AlarmRule| AlarmRule { on_delay: Duration::ZERO, off_delay: Duration::ZERO, ..rule };
    let active = Gauge::adopted(&room, "ACTIVE", on(0), instant)?;
    // A delay that one value, while it stands, cannot end.
    let slow = |rule: AlarmRule| AlarmRule { on_delay: 3 * STALE, ..rule };
    let delayed = Gauge::adopted(&room, "DELAYED", on(1), slow)?;
    let of_site = rule_of(&room, Subject::Site(site))?.id;
    let [first, second] = devices.map(|device| rule_of(&room, Subject::Asset(device)));
    let (of_first, of_second) = (first?.id, second?.id);

    active.say(HIGH)?;
    delayed.say(HIGH)?;
    active.is_shown(&room, HIGH)?;
    delayed.is_shown(&room, HIGH)?;
    stands(&room, of_site, "the site's silence is raised", |state| state.active)?;
    let is_unmoved = |room: &Room| -> Result<()> {
        room.copied()?;
        ensure!(
            kinds(room, active.rule.id)? == [Raised],
            "stale values clear nothing: {:?}",
            kinds(room, active.rule.id)?
        );
        ensure!(
            kinds(room, delayed.rule.id)?.is_empty(),
            "stale values raise nothing: {:?}",
            kinds(room, delayed.rule.id)?
        );
        for device in [of_first, of_second] {
            ensure!(kinds(room, device)?.is_empty(), "its devices are silent with it: {:?}", kinds(room, device)?);
        }
        Ok(())
    };
    is_unmoved(&room)?;

    // Nor do values that are stale at the start.
    let is_journalled = || -> Result<Option<Vec<TransitionKind>>> {
        Ok(Some(kinds(&room, of_site)?).filter(|kinds| kinds.last() == Some(&Raised)))
    };
    let told = wait_for("the site's silence is in the journal", is_journalled)?;
    room.kill()?;
    room.start()?;
    stands(&room, of_site, "the site's silence stands", |state| state.active)?;
    is_unmoved(&room)?;
    ensure!(kinds(&room, of_site)? == told, "it is not told again: {:?}", kinds(&room, of_site)?);

    // Back again, but for one of its devices.
    wait_for("the silence of one device is raised", || {
        active.say(HIGH + 1.0)?;
        Ok(state(&room, of_second)?.filter(|state| state.active))
    })?;
    wait_for("the site speaks", || {
        active.say(HIGH + 1.0)?;
        Ok(state(&room, of_site)?.filter(|state| !state.active))
    })?;
    ensure!(kinds(&room, of_first)?.is_empty(), "and so does its other device");
    wait_for("the device speaks again", || {
        active.say(HIGH + 1.0)?;
        delayed.say(NORMAL)?;
        Ok(state(&room, of_second)?.filter(|state| !state.active))
    })?;
    room.copied()?;
    ensure!(kinds(&room, of_second)? == [Raised, Cleared], "{:?}", kinds(&room, of_second)?);
    ensure!(kinds(&room, active.rule.id)? == [Raised], "{:?}", kinds(&room, active.rule.id)?);
    ensure!(kinds(&room, delayed.rule.id)?.is_empty(), "{:?}", kinds(&room, delayed.rule.id)?);
    has_no_gap(&room)
}

/// The clock of the station's machine is set by an hour, ahead, back, and back while the station does not run.
#[test]
fn clock_is_set_while_alarms_run() -> Result<()> {
    const HOUR: i64 = 3_600;
    let mut room = Room::new()?;
    let clock = Jump::prepare(&mut room)?;
    room.start()?;
    // What it says stands for longer than the clock is set by: it is the same value before and after.
    let as_point = |point: Point| Point { stale_after: Duration::from_secs(3 * 3_600), ..point };
    let as_rule = |rule: AlarmRule| AlarmRule { on_delay: Duration::ZERO, off_delay: Duration::ZERO, ..rule };
    let gauge = Gauge::adopted(&room, "CLOCKED", as_point, as_rule)?;
    let rule = gauge.rule.id;
    let half_an_hour = AlarmRule {
        on_delay: Duration::from_secs(1_800),
        ..AlarmRule::new(RuleId(Default::default()), gauge.rule.subject, gauge.rule.condition.clone())
    };
    save(&room, &half_an_hour)?;
    let is_slow = |rule: &AlarmRule| rule.on_delay == half_an_hour.on_delay && rule.id != gauge.rule.id;
    let slow = room.ask(&ListRules {})?.into_iter().map(|row| row.rule).find(is_slow).context("it is saved")?.id;
    gauge.say(HIGH)?;
    stands(&room, rule, "the alarm is raised", |state| state.active)?;
    let shelve = Act::Shelve { one_shot: false };
    ensure!(shelve.perform(&room, rule, 1)?, "it is shelved for an hour");

    let until = |state: &AlarmState| state.shelf.map(|shelf| shelf.shelving.until);
    let shelved = state(&room, rule)?.and_then(|state| state.shelf).context("it is shelved")?;
    // Its end as it was once the clock is set by so many hours, but for what a look at two clocks is apart.
    let has_moved = |state: &AlarmState, hours: i64| {
        let (end, moved) = (until(state), shelved.shelving.until.as_micros() + hours * HOUR * 1_000_000);
        end.is_some_and(|end| end.as_micros().abs_diff(moved) < 60_000_000)
    };

    // Ahead: the shelf lasts as long, and so does a delay.
    clock.set(HOUR)?;
    stands(&room, rule, "the shelf's end is an hour later", |state| has_moved(state, 1))?;
    gauge.say(HIGH + 1.0)?;
    gauge.is_shown(&room, HIGH + 1.0)?;
    room.copied()?;
    ensure!(kinds(&room, slow)?.is_empty(), "half an hour has not passed: {:?}", journal(&room, slow)?);

    // Back: the same, and what is measured now counts though the clock has said later times.
    clock.set(0)?;
    gauge.say(NORMAL + 1.0)?;
    stands(&room, rule, "it returns to normal", |state| !state.active)?;
    let kept = stands(&room, rule, "the shelf has its end again", |state| has_moved(state, 0))?.shelf;
    ensure!(kept.is_some_and(|kept| kept.by == shelved.by), "it is still that person's: {kept:?}");
    room.copied()?;
    let moved = journal(&room, rule)?.into_iter().filter(|entry| entry.kind == TransitionKind::Shelved);
    let moved: Vec<_> = moved.map(|entry| (entry.by.is_some(), entry.comment)).collect();
    let [(true, _), (false, Some(ahead)), (false, Some(back))] = moved.as_slice() else {
        bail!("the journal says who shelved it and twice that the clock was set: {moved:?}");
    };
    ensure!(ahead.contains("ahead") && back.contains("back"), "{ahead}; {back}");
    ensure!(Act::Unshelve.perform(&room, rule, 1)?, "it is taken off the shelf");
    let short = ShelveAlarms { alarms: vec![rule], minutes: 1, one_shot: true, reason: "a test".into() };
    let report = room.ask(&short)?;
    ensure!(report.done == [rule], "a shelf that ends before what has been said last: {report:?}");
    ensure!(Act::Unshelve.perform(&room, rule, 1)?, "it is taken off the shelf");

    // Back while the station does not run.
    ensure!(shelve.perform(&room, rule, 1)?, "it is shelved anew");
    let shelved = state(&room, rule)?.and_then(|state| state.shelf).context("it is shelved")?;
    gauge.say(NORMAL + 2.0)?;
    gauge.is_shown(&room, NORMAL + 2.0)?;
    room.copied()?;
    // By how much the clock was set back meanwhile is told by the moment that is kept every few seconds.
    a_moment_is_kept(&room)?;
    room.kill()?;
    clock.set(-HOUR)?;
    room.start()?;
    // For how long the station did not run is not known, and not counted.
    let kept = stands(&room, rule, "it is shelved", |state| state.shelf.is_some())?.shelf.context("it is")?;
    let left = kept.shelving.until.micros_since(Clock::System.now() - Duration::from_secs(HOUR.unsigned_abs()));
    ensure!(left <= HOUR * 1_000_000, "never longer than an hour: {kept:?} of {shelved:?}");
    ensure!(Act::Unshelve.perform(&room, rule, 1)?, "it is taken off the shelf");
    gauge.say(HIGH + 2.0)?;
    stands(&room, rule, "it is raised again", |state| state.active && state.occurrence == 2)?;
    room.copied()?;
    ensure!(kinds(&room, slow)?.is_empty(), "half an hour has not passed: {:?}", journal(&room, slow)?);
    follows_from_its_journal(&room, rule)?;
    has_no_gap(&room)
}
