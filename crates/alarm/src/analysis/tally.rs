//! The journal summed up to the performance figures of an operator's position over a period (ISA-18.2, IEC 62682,
//! EEMUA 191). Must not know where the journal is kept or how rules are evaluated.
//!
//! Entries are taken in the order of the journal, which is not quite that of their times: a transition has the time of
//! its point. What stands, is shelved or is suppressed is counted in the order of the journal, rates and floods over
//! sorted times. Memory: 16 bytes a call, 8 an acknowledgement, some 200 an alarm.
//!
//! | figure | target | manageable |
//! |---|---|---|
//! | calls a day | 150 | 300 |
//! | calls an hour | 6 | 12 |
//! | calls in 10 min | 1 | 2 |
//! | most in any 10 min | 10 | |
//! | most in any hour, any minute (Nimmo) | 15, 2 | |
//! | 10-min stretches with more than 10, hours with more than 30, time in flood | below 1 % | |
//! | ten most frequent alarms | below 1 % | 5 % |
//! | chattering, fleeting, unauthorised suppressions | 0 | |
//! | stale on any day | below 5 | |
//! | P4, P3, P2, P1 | 80 % or more, 15 %, 5 %, below 1 % | |
//! | first 10 min of a flood (EEMUA) | below 10 | 20 |
//! | standing, shelved at most (EEMUA) | below 10, below 30 | |

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use penstock_model::{AlarmState, Priority, RuleId, Timestamp, Transition, TransitionKind};

use super::annunciation::{Call, Course, Placed};
use super::figure::{Bound, Figure, Load, Target};
use super::occurrence::{STALE, is_act};
use super::period::Period;
use super::repeats::{Repeats, SHORT};
use super::window::{Called, FLOOD_ABOVE, TEN_MINUTES, busy, floods, loads, most_within};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// An hour is busy with more calls than this.
const BUSY_HOUR_ABOVE: usize = 30;

const NONE: Target = Target::only(Bound::AtMost(0.0));
const RARELY: Target = Target::only(Bound::Below(0.01));
const TOP_TEN: Target = Target::or(Bound::Below(0.01), Bound::AtMost(0.05));
const STALE_A_DAY: Target = Target::only(Bound::Below(5.0));
const UPSET: Target = Target::or(Bound::Below(10.0), Bound::AtMost(20.0));

/// The share that each priority should have of what is annunciated, P1 to P4.
const SHARES: [Target; 4] =
    [RARELY, Target::only(Bound::AtMost(0.05)), Target::only(Bound::AtMost(0.15)), Target::only(Bound::AtLeast(0.8))];

/// How often an operator was called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// On average over the period.
    pub average: Figure,
    /// At most in any such stretch of time, wherever it begins.
    pub most: Figure,
}

/// The calls of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourLoad {
    /// When the hour begins.
    pub from: Timestamp,
    /// How many calls.
    pub calls: usize,
}

/// How many alarms stood somewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// At the end of the period.
    pub now: u32,
    /// At most.
    pub most: Figure,
}

/// More calls than one person can answer: from more than 10 in 10 minutes until there are fewer than 5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloodEpisode {
    /// The alarm that called first.
    pub first: RuleId,
    /// When it did.
    pub first_at: Timestamp,
    /// When there were more than ten.
    pub from: Timestamp,
    /// When there were fewer than five; none where it went on when the period ended.
    pub until: Option<Timestamp>,
    /// How many calls, from the first.
    pub calls: usize,
    /// The most in any 10 minutes.
    pub most: usize,
    /// How many in the 10 minutes from the first call.
    pub first_ten_minutes: Figure,
}

/// An alarm by the load it made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offender {
    /// Whose alarm.
    pub rule: RuleId,
    /// Its priority and place.
    pub placed: Placed,
    /// How often it called.
    pub annunciations: u32,
    /// When it last called; none where it did not, and only stood.
    pub last_at: Option<Timestamp>,
    /// Its share of all calls, 0 to 1.
    pub share: f64,
    /// How many of its raises chattered: three or more within 60 s.
    pub chattering: u32,
    /// How many of its raises were fleeting: under 10 s, without an act, not repeated within 60 s.
    pub fleeting: u32,
    /// How many of its occurrences stood on the list after they had been active for 24 hours.
    pub stale: u32,
    /// How many of the occurrences that called were acted on: a comment, also with an acknowledgement that did not
    /// demand it, a reset, or an act told by [`Tally::acted`]. Acknowledging alone is not acting; putting away is not
    /// either.
    pub acted_on: u32,
}

/// How long calls waited to be acknowledged, from the first that nobody had answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeToAcknowledge {
    /// How many acknowledgements by people.
    pub count: usize,
    /// Half of them took no longer (nearest rank).
    pub median: Duration,
    /// Nine of ten took no longer (nearest rank).
    pub ninetieth: Duration,
}

/// The performance figures of a position over a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Over what time.
    pub period: Period,
    /// Whether it is shorter than 30 days, so that the figures show where to look and prove nothing.
    pub is_indicative: bool,
    /// How often an alarm called.
    pub annunciations: usize,
    /// Calls a day.
    pub per_day: Rate,
    /// Calls an hour.
    pub per_hour: Rate,
    /// Calls in 10 minutes.
    pub per_ten_minutes: Rate,
    /// Calls a minute.
    pub per_minute: Rate,
    /// What the average means (EEMUA 191).
    pub load: Load,
    /// The hours that had calls, in the order of time, counted from the period's beginning.
    pub hours: Vec<HourLoad>,
    /// Share of 10-minute stretches, counted from the period's beginning, with more than 10 calls.
    pub busy_ten_minutes: Figure,
    /// Share of hours, counted from the period's beginning, with more than 30 calls.
    pub busy_hours: Figure,
    /// Share of the time in flood.
    pub in_flood: Figure,
    /// The floods.
    pub floods: Vec<FloodEpisode>,
    /// Share of the ten most frequent alarms in all calls.
    pub top_ten: Figure,
    /// Raises that chattered.
    pub chattering: Figure,
    /// Raises that were fleeting.
    pub fleeting: Figure,
    /// Most alarms that were stale on one day, counted from the period's beginning.
    pub stale: Figure,
    /// Calls by priority, P1 to P4.
    pub by_priority: [usize; 4],
    /// Share of each priority, P1 to P4.
    pub priorities: [Figure; 4],
    /// How long people took; none where nobody acknowledged anything.
    pub time_to_acknowledge: Option<TimeToAcknowledge>,
    /// Active, and nothing keeps them from the list.
    pub standing: Level,
    /// On a shelf.
    pub shelved: Level,
    /// Suppressed by design.
    pub suppressed: Level,
    /// Out of service.
    pub out_of_service: Level,
    /// Entries that put an alarm away without authority; none where nobody looked.
    pub unauthorised_suppressions: Option<Figure>,
    /// Every alarm that called, chattered or was stale, the most frequent first.
    pub offenders: Vec<Offender>,
}

/// The journal on its way to [`Figures`].
pub struct Tally<'a> {
    period: Period,
    placed: Box<dyn FnMut(RuleId) -> Option<Placed> + 'a>,
    authority: Option<Authority<'a>>,
    alarms: Vec<Alarm>,
    /// Looked up by id, never iterated; none of what is not counted.
    alarm_of: HashMap<RuleId, Option<u32>>,
    calls: Vec<Called>,
    waits_micros: Vec<u64>,
    now: [u32; 4],
    most: [u32; 4],
    /// Whether an entry of the period has come.
    begun: bool,
    unauthorised: u32,
    /// How many alarms more, or fewer, are stale on a day than on the day before.
    stale_days: BTreeMap<u64, i64>,
}

/// Whether an entry that puts an alarm away was made with authority.
type Authority<'a> = Box<dyn FnMut(&Transition) -> bool + 'a>;

#[derive(Debug)]
struct Alarm {
    rule: RuleId,
    placed: Placed,
    course: Course,
    listed_since: Option<Timestamp>,
    occurrence: Activation,
    repeats: Repeats,
    calls: u32,
    acted_on: u32,
    stale: u32,
    /// The first day that it is not known to be stale on.
    not_stale_from: u64,
}

/// The newest occurrence of an alarm.
#[derive(Debug, Clone, Copy, Default)]
struct Activation {
    /// The call that its raise was, by its place among all.
    raise: Option<u32>,
    called: bool,
    acted_on: bool,
    is_stale: bool,
    cleared_at: Option<Timestamp>,
}

/// In place of an alarm, where a call is taken back.
const TAKEN_BACK: u32 = u32::MAX;

impl<'a> Tally<'a> {
    /// Nothing has happened yet. `placed` says an alarm's priority and place, and nothing of an alarm that is not of
    /// this position; it is asked once an alarm.
    pub fn new(period: Period, placed: impl FnMut(RuleId) -> Option<Placed> + 'a) -> Self {
        Self {
            period,
            placed: Box::new(placed),
            authority: None,
            alarms: Vec::new(),
            alarm_of: HashMap::new(),
            calls: Vec::new(),
            waits_micros: Vec::new(),
            now: [0; 4],
            most: [0; 4],
            begun: false,
            unauthorised: 0,
            stale_days: BTreeMap::new(),
        }
    }

    /// Goes on from where alarms stood, where the journal is not given from its beginning.
    pub fn with_states<'s>(mut self, states: impl IntoIterator<Item = &'s AlarmState>) -> Self {
        for state in states {
            let Some(index) = self.index(state.rule) else { continue };
            let Some(alarm) = self.alarms.get_mut(index as usize) else { continue };
            alarm.course = Course::of(state);
            alarm.listed_since = alarm.course.stands().then_some(state.raised_at.max(state.called_at));
            count(&mut self.now, [false; 4], axes(&alarm.course));
        }
        self
    }

    /// Has every entry of the period that puts an alarm away judged: whether it was done with authority.
    pub fn with_authority(mut self, is_authorised: impl FnMut(&Transition) -> bool + 'a) -> Self {
        self.authority = Some(Box::new(is_authorised));
        self
    }

    /// Takes the next entry. Those before the period tell where alarms stand when it begins; those after it are left
    /// out.
    pub fn take(&mut self, entry: &Transition) {
        if entry.at >= self.period.until() {
            return;
        }
        let is_counted = entry.at >= self.period.from();
        if is_counted {
            self.begin();
        }
        let Some(index) = self.index(entry.rule) else { return };
        let Some(alarm) = self.alarms.get_mut(index as usize) else { return };
        let before = alarm.course;
        let Some(effect) = alarm.course.follow(entry) else { return };
        let after = alarm.course;
        if before.stands() && (!after.stands() || after.occurrence != before.occurrence) {
            alarm.leave_list(before.raised_at, entry.at, self.period, &mut self.stale_days);
        }
        if after.occurrence != before.occurrence {
            alarm.settle(before.raised_at);
        }
        if after.stands() {
            alarm.listed_since.get_or_insert(entry.at);
        }
        if is_act(entry) {
            alarm.occurrence.acted_on = true;
        }
        if entry.kind == TransitionKind::Cleared {
            alarm.occurrence.cleared_at = Some(entry.at);
        }
        if let Some(call) = effect.call.filter(|_| is_counted) {
            if call == Call::Raised {
                alarm.occurrence.raise = u32::try_from(self.calls.len()).ok();
            }
            alarm.occurrence.called = true;
            alarm.calls += 1;
            self.calls.push(Called { at: entry.at, alarm: index });
        }
        if entry.kind == TransitionKind::Acknowledged {
            if entry.by.is_none() && alarm.occurrence.cleared_at == Some(entry.at) {
                // The station heard of it when it was over, and asked nobody.
                if let Some(call) = alarm.take_back().and_then(|call| self.calls.get_mut(call as usize)) {
                    call.alarm = TAKEN_BACK;
                }
            } else if let Some(waited) = effect.waited.filter(|_| is_counted) {
                self.waits_micros.push(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
            }
        }
        let puts_away = matches!(
            entry.kind,
            TransitionKind::Shelved | TransitionKind::Suppressed | TransitionKind::TakenOutOfService
        );
        // The end of a shelf that moves along with the station's clock is nobody's.
        let puts_away = puts_away && !(entry.kind == TransitionKind::Shelved && entry.by.is_none() && before.shelved);
        if let Some(is_authorised) = self.authority.as_mut().filter(|_| puts_away && is_counted) {
            self.unauthorised += u32::from(!is_authorised(entry));
        }
        count(&mut self.now, axes(&before), axes(&after));
        if self.begun {
            self.rise();
        }
    }

    /// A person did something about an alarm's newest occurrence that the journal does not tell: a command to its site,
    /// an incident opened from it, an entry made by hand.
    pub fn acted(&mut self, rule: RuleId) {
        if let Some(alarm) = self.index(rule).and_then(|index| self.alarms.get_mut(index as usize)) {
            alarm.occurrence.acted_on = true;
        }
    }

    /// The figures.
    pub fn finish(mut self) -> Figures {
        self.begin();
        let period = self.period;
        for alarm in &mut self.alarms {
            alarm.leave_list(alarm.course.raised_at, period.until(), period, &mut self.stale_days);
            alarm.settle(alarm.course.raised_at);
        }
        let mut calls = std::mem::take(&mut self.calls);
        calls.retain(|call| call.alarm != TAKEN_BACK);
        calls.sort_unstable();
        let total = calls.len();
        let rate = |stretch: Duration, average: Option<Target>, most: Option<Target>| Rate {
            average: held(total as f64 * (stretch.as_secs_f64() / period.length().as_secs_f64()), average),
            most: held(most_within(&calls, stretch) as f64, most),
        };
        let at_most = |met: f64| Some(Target::only(Bound::AtMost(met)));
        let or = |met: f64, manageable: f64| Some(Target::or(Bound::AtMost(met), Bound::AtMost(manageable)));
        let per_ten_minutes = rate(TEN_MINUTES, or(1.0, 2.0), at_most(10.0));
        let busy_share = |stretch: Duration, above: usize| {
            Figure::against(busy(&calls, period, stretch, above) as f64 / period.stretches(stretch) as f64, RARELY)
        };
        let floods = self.floods(&calls);
        let flooded: f64 = floods.iter().map(|flood| flood.length(period).as_secs_f64()).sum();
        let offenders = self.offenders(&calls);
        let top_ten = offenders.iter().take(10).map(|offender| offender.annunciations as usize).sum::<usize>();
        let by_priority = self.by_priority(&calls);
        let [standing, shelved, suppressed, out_of_service] = self.levels();
        let sum =
            |count: fn(&Offender) -> u32| offenders.iter().map(|offender| f64::from(count(offender))).sum::<f64>();
        Figures {
            period,
            is_indicative: period.is_indicative(),
            annunciations: total,
            per_day: rate(DAY, or(150.0, 300.0), None),
            per_hour: rate(HOUR, or(6.0, 12.0), at_most(15.0)),
            per_ten_minutes,
            per_minute: rate(MINUTE, None, at_most(2.0)),
            load: Load::of(per_ten_minutes.average.value),
            hours: hours(&calls, period),
            busy_ten_minutes: busy_share(TEN_MINUTES, FLOOD_ABOVE),
            busy_hours: busy_share(HOUR, BUSY_HOUR_ABOVE),
            in_flood: Figure::against(flooded / period.length().as_secs_f64(), RARELY),
            floods,
            top_ten: Figure::against(share(top_ten, total), TOP_TEN),
            chattering: Figure::against(sum(|offender| offender.chattering), NONE),
            fleeting: Figure::against(sum(|offender| offender.fleeting), NONE),
            stale: Figure::against(self.most_stale() as f64, STALE_A_DAY),
            by_priority,
            priorities: priorities(by_priority, total),
            time_to_acknowledge: time_to_acknowledge(std::mem::take(&mut self.waits_micros)),
            standing,
            shelved,
            suppressed,
            out_of_service,
            unauthorised_suppressions: self
                .authority
                .is_some()
                .then(|| Figure::against(f64::from(self.unauthorised), NONE)),
            offenders,
        }
    }

    /// The place of an alarm in the table; none of one that is not counted.
    fn index(&mut self, rule: RuleId) -> Option<u32> {
        let Self { placed, alarms, alarm_of, .. } = self;
        *alarm_of.entry(rule).or_insert_with(|| {
            let placed = placed(rule)?;
            let index = u32::try_from(alarms.len()).ok().filter(|index| *index < TAKEN_BACK)?;
            alarms.push(Alarm::new(rule, placed));
            Some(index)
        })
    }

    /// What stands as the period begins is what there was at most so far.
    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            self.most = self.now;
        }
    }

    fn rise(&mut self) {
        for (most, now) in self.most.iter_mut().zip(self.now) {
            *most = now.max(*most);
        }
    }

    fn levels(&self) -> [Level; 4] {
        let targets = [Some(10.0), Some(30.0), None, None].map(|below| Some(Target::only(Bound::Below(below?))));
        let mut levels = [Level { now: 0, most: Figure::plain(0.0) }; 4];
        for (((level, now), most), target) in levels.iter_mut().zip(self.now).zip(self.most).zip(targets) {
            *level = Level { now, most: held(f64::from(most), target) };
        }
        levels
    }

    fn floods(&self, calls: &[Called]) -> Vec<FloodEpisode> {
        let episodes = floods(calls, self.period.until()).into_iter();
        let named = episodes.filter_map(|episode| {
            Some(FloodEpisode {
                first: self.alarm(episode.first)?.rule,
                first_at: episode.first.at,
                from: episode.from,
                until: episode.until,
                calls: episode.calls,
                most: episode.most,
                first_ten_minutes: Figure::against(episode.in_first_ten_minutes as f64, UPSET),
            })
        });
        named.collect()
    }

    /// Calls in the order of time.
    fn offenders(&self, calls: &[Called]) -> Vec<Offender> {
        let mut last: Vec<Option<Timestamp>> = vec![None; self.alarms.len()];
        for call in calls {
            if let Some(last) = last.get_mut(call.alarm as usize) {
                *last = Some(call.at);
            }
        }
        let all = self.alarms.iter().zip(last).map(|(alarm, last_at)| {
            let (chattering, fleeting) = alarm.repeats.finish();
            Offender {
                rule: alarm.rule,
                placed: alarm.placed,
                annunciations: alarm.calls,
                last_at,
                share: share(alarm.calls as usize, calls.len()),
                chattering,
                fleeting,
                stale: alarm.stale,
                acted_on: alarm.acted_on,
            }
        });
        let mut offenders: Vec<Offender> =
            all.filter(|offender| offender.annunciations > 0 || offender.stale > 0).collect();
        let load =
            |offender: &Offender| (offender.annunciations, offender.chattering + offender.fleeting, offender.stale);
        offenders.sort_unstable_by(|a, b| load(b).cmp(&load(a)).then(a.rule.cmp(&b.rule)));
        offenders
    }

    fn by_priority(&self, calls: &[Called]) -> [usize; 4] {
        let mut counts = [0; 4];
        for alarm in calls.iter().filter_map(|call| self.alarm(*call)) {
            if let Some(count) = counts.get_mut(usize::from(alarm.placed.priority.digit() - 1)) {
                *count += 1;
            }
        }
        counts
    }

    fn most_stale(&self) -> i64 {
        let mut stale = 0;
        let days = self.stale_days.values().map(|change| {
            stale += change;
            stale
        });
        days.max().unwrap_or(0)
    }

    fn alarm(&self, call: Called) -> Option<&Alarm> {
        self.alarms.get(call.alarm as usize)
    }
}

impl FloodEpisode {
    /// How long it lasted within the period.
    pub fn length(&self, period: Period) -> Duration {
        self.until.unwrap_or(period.until()).since(self.from)
    }
}

impl Figures {
    /// How many calls of a priority.
    pub fn annunciations_of(&self, priority: Priority) -> usize {
        self.by_priority.get(usize::from(priority.digit() - 1)).copied().unwrap_or(0)
    }
}

impl Alarm {
    fn new(rule: RuleId, placed: Placed) -> Self {
        Self {
            rule,
            placed,
            course: Course::default(),
            listed_since: None,
            occurrence: Activation::default(),
            repeats: Repeats::default(),
            calls: 0,
            acted_on: 0,
            stale: 0,
            not_stale_from: 0,
        }
    }

    /// It stands on the list no more: notes the days on which it was stale.
    fn leave_list(&mut self, raised_at: Timestamp, at: Timestamp, period: Period, stale_days: &mut BTreeMap<u64, i64>) {
        let Some(listed_since) = self.listed_since.take() else { return };
        let (from, until) = (listed_since.max(raised_at + STALE).max(period.from()), at.min(period.until()));
        if from >= until {
            return;
        }
        if !self.occurrence.is_stale {
            self.occurrence.is_stale = true;
            self.stale += 1;
        }
        let last = Timestamp::from_micros(until.as_micros() - 1);
        let (first, last) = (period.stretch_of(from, DAY).max(self.not_stale_from), period.stretch_of(last, DAY));
        if first <= last {
            *stale_days.entry(first).or_default() += 1;
            *stale_days.entry(last + 1).or_default() -= 1;
            self.not_stale_from = last + 1;
        }
    }

    /// The newest occurrence is the newest no more.
    fn settle(&mut self, raised_at: Timestamp) {
        let occurrence = std::mem::take(&mut self.occurrence);
        if occurrence.raise.is_some() {
            let was_short = occurrence.cleared_at.is_some_and(|cleared| cleared.since(raised_at) < SHORT);
            self.repeats.take(raised_at, was_short && !occurrence.acted_on);
        }
        self.acted_on += u32::from(occurrence.called && occurrence.acted_on);
    }

    /// The raise called nobody after all; its place among the calls.
    fn take_back(&mut self) -> Option<u32> {
        let raise = self.occurrence.raise.take()?;
        self.occurrence.called = false;
        self.calls = self.calls.saturating_sub(1);
        Some(raise)
    }
}

fn hours(calls: &[Called], period: Period) -> Vec<HourLoad> {
    let hours = loads(calls, period, HOUR).into_iter();
    let begins = |hour: u64| period.from() + Duration::from_secs(hour.saturating_mul(HOUR.as_secs()));
    hours.map(|(hour, calls)| HourLoad { from: begins(hour), calls }).collect()
}

/// Whether it stands, is shelved, suppressed, out of service.
const fn axes(course: &Course) -> [bool; 4] {
    [course.stands(), course.shelved, course.suppressed, course.out_of_service]
}

fn count(now: &mut [u32; 4], before: [bool; 4], after: [bool; 4]) {
    for ((now, before), after) in now.iter_mut().zip(before).zip(after) {
        *now = (*now + u32::from(after)).saturating_sub(u32::from(before));
    }
}

fn held(value: f64, target: Option<Target>) -> Figure {
    target.map_or(Figure::plain(value), |target| Figure::against(value, target))
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

/// The shares of P1 to P4; without a call there is nothing to hold against a target.
fn priorities(counts: [usize; 4], total: usize) -> [Figure; 4] {
    let mut figures = [Figure::plain(0.0); 4];
    for ((figure, count), target) in figures.iter_mut().zip(counts).zip(SHARES) {
        *figure = held(share(count, total), (total > 0).then_some(target));
    }
    figures
}

fn time_to_acknowledge(mut waits_micros: Vec<u64>) -> Option<TimeToAcknowledge> {
    waits_micros.sort_unstable();
    let ranked = |tenths: usize| {
        let rank = (waits_micros.len() * tenths).div_ceil(10).saturating_sub(1);
        waits_micros.get(rank).copied().map(Duration::from_micros)
    };
    Some(TimeToAcknowledge { count: waits_micros.len(), median: ranked(5)?, ninetieth: ranked(9)? })
}

#[cfg(test)]
mod tests {
    use penstock_model::UserId;
    use uuid::Uuid;

    use super::*;
    use crate::analysis::Verdict;

    const MINUTES: i64 = 60;
    const HOURS: i64 = 3_600;
    const DAYS: i64 = 86_400;

    use TransitionKind::{
        Acknowledged, Cleared, Commented, Raised, Realarmed, ReturnedToService, Shelved, Suppressed, TakenOutOfService,
        Unshelved, Unsuppressed,
    };

    #[test]
    fn an_empty_period_counts_its_empty_stretches() {
        let figures = tallied(30 * DAYS, &[]);
        assert!(!figures.is_indicative);
        assert_eq!((figures.annunciations, figures.load), (0, Load::Acceptable));
        assert_eq!(figures.busy_ten_minutes.value, 0.0);
        assert_eq!(figures.per_day.average.verdict, Some(Verdict::Met));
        assert_eq!(figures.time_to_acknowledge, None);
        assert_eq!(figures.unauthorised_suppressions, None, "nobody looked");
        assert!(figures.priorities.iter().all(|share| share.verdict.is_none()));
    }

    #[test]
    fn rates_and_shares() {
        // Eleven calls in one of the 144 stretches of a day, one in another.
        let mut journal: Vec<Transition> =
            (0..11).map(|index| entry(&format!("a{index}"), Raised, 1, 20 * MINUTES + i64::from(index))).collect();
        journal.push(entry("a0", Raised, 2, 12 * HOURS));
        let figures = tallied(DAYS, &journal);
        assert!(figures.is_indicative);
        assert_eq!((figures.annunciations, figures.per_day.average.value), (12, 12.0));
        assert_eq!((figures.per_hour.average.value, figures.per_hour.most.value), (0.5, 11.0));
        assert_eq!(figures.per_ten_minutes.most.verdict, Some(Verdict::NotMet), "eleven");
        assert_eq!(figures.busy_ten_minutes.value, 1.0 / 144.0);
        assert_eq!(figures.busy_ten_minutes.verdict, Some(Verdict::Met));
        assert_eq!(figures.busy_hours.value, 0.0);
        assert_eq!(figures.per_minute.most.value, 11.0);
        // In flood from the eleventh until the seventh is ten minutes past.
        let [flood] = figures.floods[..] else { panic!("one flood") };
        assert_eq!((flood.first, flood.first_at), (rule("a0"), secs(20 * MINUTES)));
        assert_eq!(flood.length(figures.period), Duration::from_secs(596));
        assert_eq!(figures.in_flood.value, 596.0 / 86_400.0);
        assert_eq!((flood.calls, flood.first_ten_minutes.verdict), (11, Some(Verdict::Manageable)));
        assert_eq!((figures.offenders[0].rule, figures.offenders[0].share), (rule("a0"), 2.0 / 12.0));
        assert_eq!(figures.offenders[0].last_at, Some(secs(12 * HOURS)));
        let hours = [HourLoad { from: secs(0), calls: 11 }, HourLoad { from: secs(12 * HOURS), calls: 1 }];
        assert_eq!(figures.hours, hours);
        assert_eq!(figures.top_ten.value, 11.0 / 12.0);
        assert_eq!(figures.annunciations_of(Priority::P3), 12);
        assert_eq!(figures.priorities[3].verdict, Some(Verdict::NotMet), "none is P4");
    }

    #[test]
    fn the_period_is_counted_and_what_came_before_it_is_known() {
        let period = Period::new(secs(100), secs(200)).expect("longer than nothing");
        let journal = [
            entry("a", Raised, 1, 50),
            entry("b", Shelved, 0, 60),
            entry("b", Raised, 1, 100),
            entry("a", Cleared, 1, 150),
            entry("c", Raised, 1, 199),
            entry("d", Raised, 1, 200),
        ];
        let figures = tally(period, &journal);
        assert_eq!(figures.annunciations, 1, "c alone: a was before, b is on a shelf, d is after");
        assert_eq!((figures.standing.now, figures.standing.most.value), (1, 1.0));
        assert_eq!((figures.shelved.now, figures.shelved.most.value), (1, 1.0));
    }

    #[test]
    fn goes_on_from_states() {
        let period = Period::new(secs(100), secs(100 + 2 * DAYS)).expect("longer than nothing");
        let state =
            AlarmState { occurrence: 3, active: true, acknowledged: false, ..AlarmState::normal(rule("a"), secs(40)) };
        let mut tally = Tally::new(period, |_| Some(ALARM)).with_states([&state]);
        tally.take(&entry("a", Acknowledged, 3, 140));
        let figures = tally.finish();
        assert_eq!((figures.annunciations, figures.standing.now), (0, 1));
        assert_eq!(figures.time_to_acknowledge.map(|wait| wait.median), Some(Duration::from_secs(100)));
        assert_eq!((figures.stale.value, figures.offenders[0].stale), (1.0, 1));
        assert_eq!(figures.offenders[0].last_at, None, "it called before the period");
    }

    #[test]
    fn levels_follow_every_axis() {
        let journal = [
            entry("a", Raised, 1, 0),
            entry("b", Raised, 1, 1),
            entry("a", Shelved, 1, 2),
            entry("b", Suppressed, 1, 3),
            entry("b", TakenOutOfService, 1, 4),
            entry("b", Unsuppressed, 1, 5),
            entry("a", Unshelved, 1, 6),
            entry("b", ReturnedToService, 1, 7),
            entry("b", Cleared, 1, 8),
        ];
        let figures = tallied(DAYS, &journal);
        let level = |level: Level| (level.now, level.most.value);
        assert_eq!(level(figures.standing), (1, 2.0));
        assert_eq!((level(figures.shelved), level(figures.suppressed)), ((0, 1.0), (0, 1.0)));
        assert_eq!(level(figures.out_of_service), (0, 1.0));
        assert_eq!(figures.annunciations, 4, "two raised, two let go");
    }

    #[test]
    fn chattering_and_fleeting_are_of_raises_that_called() {
        let short = |number: u64, at: i64| [entry("a", Raised, number, at), entry("a", Cleared, number, at + 9)];
        let burst = [short(1, 0), short(2, 20), short(3, 40)].concat();
        let counts = |journal: &[Transition]| {
            let figures = tallied(DAYS, journal);
            (figures.chattering.value, figures.fleeting.value)
        };
        assert_eq!(counts(&burst), (3.0, 0.0));
        assert_eq!(counts(&[vec![entry("a", Shelved, 0, 0)], burst].concat()), (0.0, 0.0), "on a shelf");
        assert_eq!(counts(&short(1, 0)), (0.0, 1.0));
        let ten = [entry("a", Raised, 1, 0), entry("a", Cleared, 1, 10)];
        assert_eq!(counts(&ten), (0.0, 0.0), "ten seconds are not short");
        // Acknowledging alone is no act, saying something is, also when it is over.
        assert_eq!(counts(&[short(1, 0).to_vec(), vec![entry("a", Acknowledged, 1, 20)]].concat()), (0.0, 1.0));
        let said = Transition { comment: Some("seen".to_owned()), ..entry("a", Commented, 1, 500) };
        assert_eq!(counts(&[short(1, 0).to_vec(), vec![said]].concat()), (0.0, 0.0));
        // Called again while it stands: no raise.
        let again = [entry("a", Raised, 1, 0), entry("a", Realarmed, 1, 20), entry("a", Realarmed, 1, 40)];
        assert_eq!((counts(&again), tallied(DAYS, &again).annunciations), ((0.0, 0.0), 3));
    }

    #[test]
    fn what_somebody_did_elsewhere_is_an_act() {
        let mut tally = Tally::new(day(), |_| Some(ALARM));
        tally.take(&entry("a", Raised, 1, 0));
        tally.take(&entry("a", Cleared, 1, 5));
        tally.acted(rule("a"));
        tally.take(&entry("a", Raised, 2, 500));
        let [offender] = tally.finish().offenders[..] else { panic!("one") };
        assert_eq!((offender.annunciations, offender.acted_on, offender.fleeting), (2, 1, 0));
    }

    #[test]
    fn stale_after_a_day_on_the_days_that_it_is() {
        let stale = |journal: &[Transition]| tallied(5 * DAYS, journal).stale.value;
        assert_eq!(stale(&[entry("a", Raised, 1, 0), entry("a", Cleared, 1, DAYS)]), 0.0);
        assert_eq!(stale(&[entry("a", Raised, 1, 0), entry("a", Cleared, 1, DAYS + 1)]), 1.0);
        // Put away before it is a day old, it stands on no list.
        assert_eq!(stale(&[entry("a", Raised, 1, 0), entry("a", Shelved, 1, DAYS)]), 0.0);
        // Two on different days are one a day; twice on one day is one alarm.
        let apart = [
            entry("a", Raised, 1, 0),
            entry("b", Raised, 1, DAYS + HOURS),
            entry("a", Cleared, 1, DAYS + HOURS),
            entry("b", Cleared, 1, 2 * DAYS + 2 * HOURS),
        ];
        assert_eq!(stale(&apart), 1.0);
        let twice = [
            entry("a", Raised, 1, 0),
            entry("a", Shelved, 1, DAYS + HOURS),
            entry("a", Unshelved, 1, DAYS + 2 * HOURS),
        ];
        assert_eq!(stale(&twice), 1.0);
        assert_eq!(tallied(5 * DAYS, &twice).offenders[0].stale, 1, "one occurrence");
        let five: Vec<Transition> = (0..5).map(|index| entry(&format!("a{index}"), Raised, 1, 0)).collect();
        assert_eq!(tallied(2 * DAYS, &five).stale.verdict, Some(Verdict::NotMet));
        assert_eq!(tallied(2 * DAYS, &five[1..]).stale.verdict, Some(Verdict::Met));
    }

    #[test]
    fn ranks_of_the_time_to_acknowledge() {
        let waits = |waits: &[u64]| {
            time_to_acknowledge(waits.to_vec()).map(|time| (time.median.as_micros(), time.ninetieth.as_micros()))
        };
        assert_eq!(waits(&[]), None);
        assert_eq!(waits(&[7]), Some((7, 7)));
        assert_eq!(waits(&[4, 1, 3, 2]), Some((2, 4)));
        assert_eq!(waits(&(1..=10).collect::<Vec<_>>()), Some((5, 9)));
        assert_eq!(waits(&(1..=11).collect::<Vec<_>>()), Some((6, 10)));
    }

    #[test]
    fn history_that_asked_nobody_did_not_call() {
        let asked_nobody = |at: i64| Transition { by: None, ..entry("a", Acknowledged, 1, at) };
        let history = [entry("a", Raised, 1, 0), entry("a", Cleared, 1, 5), asked_nobody(5)];
        let figures = tallied(DAYS, &history);
        assert_eq!((figures.annunciations, figures.fleeting.value), (0, 0.0));
        assert_eq!((figures.time_to_acknowledge, figures.offenders.len()), (None, 0));
        // A person who is not known any more is a person all the same.
        let later = [entry("a", Raised, 1, 0), entry("a", Cleared, 1, 5), asked_nobody(9)];
        assert_eq!(tallied(DAYS, &later).annunciations, 1);
    }

    #[test]
    fn suppressions_are_judged_where_somebody_looks() {
        let unauthorised = |is_authorised: fn(&Transition) -> bool| {
            let mut tally = Tally::new(day(), |_| Some(ALARM)).with_authority(is_authorised);
            // The second is the end of the shelf that has moved along with the clock.
            for kind in [Shelved, Shelved, TakenOutOfService, Suppressed, Unshelved, Raised] {
                tally.take(&entry("a", kind, u64::from(kind == Raised), 10));
            }
            tally.finish().unauthorised_suppressions.expect("looked at")
        };
        assert_eq!(unauthorised(|_| true).verdict, Some(Verdict::Met));
        assert_eq!(unauthorised(|_| false).value, 3.0);
        assert_eq!(unauthorised(|entry| entry.kind != Shelved).verdict, Some(Verdict::NotMet));
    }

    #[test]
    fn a_call_is_small() {
        assert!(size_of::<Called>() <= 16, "there may be a million of them");
        assert!(size_of::<Alarm>() <= 256, "{}", size_of::<Alarm>());
    }

    const ALARM: Placed = Placed { priority: Priority::P3, area: None, site: None };

    fn tallied(length_secs: i64, journal: &[Transition]) -> Figures {
        tally(Period::new(secs(0), secs(length_secs)).expect("longer than nothing"), journal)
    }

    fn tally(period: Period, journal: &[Transition]) -> Figures {
        let mut tally = Tally::new(period, |_| Some(ALARM));
        journal.iter().for_each(|entry| tally.take(entry));
        tally.finish()
    }

    fn day() -> Period {
        Period::new(secs(0), secs(DAYS)).expect("longer than nothing")
    }

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn rule(name: &str) -> RuleId {
        RuleId::derived(Uuid::nil(), name)
    }

    fn entry(name: &str, kind: TransitionKind, occurrence: u64, at_secs: i64) -> Transition {
        Transition {
            rule: rule(name),
            occurrence,
            kind,
            at: secs(at_secs),
            value: None,
            by: (kind == Acknowledged).then_some(UserId(Uuid::nil())),
            comment: None,
            rule_version: 1,
            detail: None,
        }
    }
}
