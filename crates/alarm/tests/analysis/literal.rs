//! The definitions read literally: slow, over the whole journal again for every question.

use std::collections::BTreeSet;
use std::time::Duration;

use penstock_alarm::{Call, Period};
use penstock_model::{RuleId, Timestamp, Transition, TransitionKind};

use crate::course::placed;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// An entry that calls, by its place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) entry: usize,
    pub(crate) rule: RuleId,
    pub(crate) at: Timestamp,
    pub(crate) call: Call,
}

/// A flood: its first call, its beginning, its end, its calls and the most in a window.
pub(crate) type Flood = (Timestamp, Timestamp, Option<Timestamp>, usize, usize);

/// Whether the newest of the entries of a rule that are of these two kinds is of the first.
fn is_on(before: &[Transition], rule: RuleId, on: TransitionKind, off: TransitionKind) -> bool {
    let newest = before.iter().rev().find(|entry| entry.rule == rule && (entry.kind == on || entry.kind == off));
    newest.is_some_and(|entry| entry.kind == on)
}

const KEPT: [(TransitionKind, TransitionKind); 3] = [
    (TransitionKind::Shelved, TransitionKind::Unshelved),
    (TransitionKind::Suppressed, TransitionKind::Unsuppressed),
    (TransitionKind::TakenOutOfService, TransitionKind::ReturnedToService),
];

fn is_active(before: &[Transition], rule: RuleId) -> bool {
    is_on(before, rule, TransitionKind::Raised, TransitionKind::Cleared)
}

fn is_kept(before: &[Transition], rule: RuleId) -> bool {
    KEPT.iter().any(|(on, off)| is_on(before, rule, *on, *off))
}

/// How many stand, are shelved, suppressed, out of service after these entries.
pub(crate) fn levels(before: &[Transition]) -> [u32; 4] {
    let rules: BTreeSet<RuleId> =
        before.iter().map(|entry| entry.rule).filter(|rule| placed(*rule).is_some()).collect();
    let count = |is_so: &dyn Fn(RuleId) -> bool| rules.iter().filter(|rule| is_so(**rule)).count() as u32;
    let standing = count(&|rule| is_active(before, rule) && !is_kept(before, rule));
    let [shelved, suppressed, out_of_service] = KEPT.map(|(on, off)| count(&|rule| is_on(before, rule, on, off)));
    [standing, shelved, suppressed, out_of_service]
}

/// Every call of a journal.
pub(crate) fn calls(journal: &[Transition]) -> Vec<Called> {
    let of = |(index, entry): (usize, &Transition)| {
        let (before, with) = (&journal[..index], &journal[..=index]);
        let was_let_go = KEPT.iter().any(|(on, off)| entry.kind == *off && is_on(before, entry.rule, *on, *off));
        let call = match entry.kind {
            TransitionKind::Raised => Call::Raised,
            TransitionKind::Realarmed => Call::Again,
            _ if was_let_go => Call::LetGo,
            _ => return None,
        };
        let calls = is_active(with, entry.rule) && !is_kept(with, entry.rule) && placed(entry.rule).is_some();
        calls.then_some(Called { entry: index, rule: entry.rule, at: entry.at, call })
    };
    journal.iter().enumerate().filter_map(of).collect()
}

fn in_window(times: &[Timestamp], end: Timestamp, window: Duration) -> usize {
    times.iter().filter(|at| **at <= end && end.since(**at) < window).count()
}

pub(crate) fn most_within(times: &[Timestamp], window: Duration) -> usize {
    times.iter().map(|end| in_window(times, *end, window)).max().unwrap_or(0)
}

/// The share of a period's stretches with more than so many.
pub(crate) fn busy(times: &[Timestamp], period: Period, stretch: Duration, above: usize) -> f64 {
    let (mut from, mut all, mut busy) = (period.from(), 0, 0);
    while from < period.until() {
        all += 1;
        busy += u32::from(times.iter().filter(|at| from <= **at && **at < from + stretch).count() > above);
        from = from + stretch;
    }
    f64::from(busy) / f64::from(all)
}

/// Looks at the window at every moment at which it can change: a call comes, or leaves it.
pub(crate) fn floods(times: &[Timestamp], until: Timestamp) -> Vec<Flood> {
    let moments: BTreeSet<Timestamp> = times.iter().flat_map(|at| [*at, *at + TEN_MINUTES]).collect();
    let mut floods: Vec<Flood> = Vec::new();
    let mut since: Option<Timestamp> = None;
    let mut free_from = Timestamp::MIN;
    let mut flood = |from: Timestamp, until: Option<Timestamp>, free_from: Timestamp| {
        let end = until.unwrap_or(Timestamp::MAX);
        let own = times.iter().filter(|at| **at > free_from && from.since(**at) < TEN_MINUTES && **at < end);
        let during = times.iter().filter(|at| from <= **at && **at < end);
        let most = during.map(|at| in_window(times, *at, TEN_MINUTES)).max().unwrap_or(0);
        floods.push((own.clone().copied().min().expect("eleven calls"), from, until, own.count(), most));
    };
    for moment in moments.into_iter().filter(|moment| *moment < until) {
        let count = in_window(times, moment, TEN_MINUTES);
        match since {
            None if count > 10 => since = Some(moment),
            Some(from) if count < 5 => {
                flood(from, Some(moment), free_from);
                (since, free_from) = (None, moment);
            }
            _ => {}
        }
    }
    if let Some(from) = since {
        flood(from, None, free_from);
    }
    floods
}

/// How many raises of an alarm chatter, and how many are fleeting, of those that called within the period.
pub(crate) fn repeats(journal: &[Transition], calls: &[Called], rule: RuleId, until: Timestamp) -> (usize, usize) {
    let raises: Vec<&Called> =
        calls.iter().filter(|called| called.rule == rule && called.call == Call::Raised).collect();
    let times: Vec<Timestamp> = raises.iter().map(|called| called.at).collect();
    let near = |a: Timestamp, b: Timestamp| a.since(b).max(b.since(a)) < Duration::from_secs(60);
    let windows: Vec<Vec<usize>> = times
        .iter()
        .map(|end| (0..times.len()).filter(|index| times[*index] <= *end && near(times[*index], *end)).collect())
        .collect();
    let chattering: BTreeSet<usize> = windows.into_iter().filter(|window| window.len() >= 3).flatten().collect();
    let is_fleeting = |index: usize| {
        let of = &journal[raises[index].entry];
        let mut own =
            journal.iter().filter(|entry| entry.rule == rule && entry.occurrence == of.occurrence && entry.at < until);
        let was_short = own
            .clone()
            .any(|entry| entry.kind == TransitionKind::Cleared && entry.at.since(of.at) < Duration::from_secs(10));
        let is_alone = (0..times.len()).all(|other| other == index || !near(times[other], times[index]));
        was_short && is_alone && !own.any(is_act)
    };
    (chattering.len(), (0..raises.len()).filter(|index| is_fleeting(*index)).count())
}

fn is_act(entry: &Transition) -> bool {
    match entry.kind {
        TransitionKind::Acknowledged | TransitionKind::Commented => entry.comment.is_some(),
        TransitionKind::Reset => true,
        _ => false,
    }
}

/// How many of an alarm's occurrences that called within the period were acted on.
pub(crate) fn acted_on(journal: &[Transition], calls: &[Called], rule: RuleId, until: Timestamp) -> usize {
    let of_rule = calls.iter().filter(|called| called.rule == rule);
    let called: BTreeSet<u64> = of_rule.map(|called| journal[called.entry].occurrence).collect();
    let was_acted_on = |occurrence: &&u64| {
        journal
            .iter()
            .any(|entry| entry.rule == rule && entry.occurrence == **occurrence && entry.at < until && is_act(entry))
    };
    called.iter().filter(was_acted_on).count()
}

/// The most alarms that are stale on a day, and how many of an alarm's occurrences are: between any two moments at which
/// something changes, all is as at the first of them.
pub(crate) fn stale(journal: &[Transition], period: Period) -> (usize, BTreeSet<(RuleId, u64)>) {
    let raises = journal.iter().filter(|entry| entry.kind == TransitionKind::Raised);
    let mut moments: BTreeSet<Timestamp> = raises.map(|entry| entry.at + DAY).collect();
    moments.extend(journal.iter().map(|entry| entry.at));
    let mut day = period.from();
    while day < period.until() {
        moments.insert(day);
        day = day + DAY;
    }
    let mut days: BTreeSet<(u128, RuleId)> = BTreeSet::new();
    let mut occurrences = BTreeSet::new();
    for moment in moments.into_iter().filter(|moment| period.includes(*moment)) {
        let before = &journal[..journal.partition_point(|entry| entry.at <= moment)];
        let rules: BTreeSet<RuleId> = before.iter().map(|entry| entry.rule).collect();
        for rule in rules.into_iter().filter(|rule| placed(*rule).is_some()) {
            let raise = before.iter().rev().find(|entry| entry.rule == rule && entry.kind == TransitionKind::Raised);
            let Some(raise) = raise else { continue };
            if is_active(before, rule) && !is_kept(before, rule) && moment >= raise.at + DAY {
                days.insert((moment.since(period.from()).as_micros() / DAY.as_micros(), rule));
                occurrences.insert((rule, raise.occurrence));
            }
        }
    }
    let most = days.iter().map(|(day, _)| days.iter().filter(|(other, _)| other == day).count()).max();
    (most.unwrap_or(0), occurrences)
}

/// How long the calls that were answered within the period had waited, in ascending order.
pub(crate) fn waits(journal: &[Transition], calls: &[Called], period: Period) -> Vec<Duration> {
    let mut waits: Vec<Duration> = Vec::new();
    for (index, entry) in journal.iter().enumerate() {
        if entry.kind != TransitionKind::Acknowledged || !period.includes(entry.at) {
            continue;
        }
        let answers = |other: &Transition| {
            other.rule == entry.rule
                && (other.kind == TransitionKind::Acknowledged || KEPT.iter().any(|(on, _)| other.kind == *on))
        };
        let answered = journal[..index].iter().rposition(answers).map_or(0, |answer| answer + 1);
        let waiting =
            calls.iter().find(|called| called.rule == entry.rule && (answered..index).contains(&called.entry));
        waits.extend(waiting.map(|called| entry.at.since(called.at)));
    }
    waits.sort_unstable();
    waits
}
