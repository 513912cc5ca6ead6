//! Random courses of events as journals.

use std::time::Duration;

use penstock_alarm::{Period, Placed};
use penstock_model::{Priority, RuleId, Timestamp, Transition, TransitionKind, UserId};
use proptest::prelude::*;
use uuid::Uuid;

/// How many alarms; the last is of another position.
pub(crate) const ALARMS: u8 = 4;

/// One thing that happens to an alarm, so long after the one before.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    after: Duration,
    alarm: u8,
    kind: TransitionKind,
    says_something: bool,
}

pub(crate) fn rule(alarm: u8) -> RuleId {
    RuleId::derived(Uuid::nil(), &format!("alarm {alarm}"))
}

/// What the lookup says: priorities of their own, and nothing of the last.
pub(crate) fn placed(of: RuleId) -> Option<Placed> {
    let alarm = (0..ALARMS - 1).find(|alarm| rule(*alarm) == of)?;
    let priority = Priority::ALL[usize::from(alarm)];
    Some(Placed { priority, area: None, site: None })
}

pub(crate) fn events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    let gap_secs = prop_oneof![20 => 0..20_u64, 8 => 20..90_u64, 2 => 300..700_u64, 1 => 10_000..100_000_u64];
    let kind = prop_oneof![
        12 => Just(TransitionKind::Raised),
        9 => Just(TransitionKind::Cleared),
        2 => Just(TransitionKind::Acknowledged),
        1 => Just(TransitionKind::Commented),
        1 => Just(TransitionKind::Realarmed),
        1 => Just(TransitionKind::Reset),
        1 => Just(TransitionKind::Shelved),
        2 => Just(TransitionKind::Unshelved),
        1 => Just(TransitionKind::Suppressed),
        2 => Just(TransitionKind::Unsuppressed),
        1 => Just(TransitionKind::TakenOutOfService),
        2 => Just(TransitionKind::ReturnedToService),
    ];
    let event = (gap_secs, 0..ALARMS, kind, any::<bool>()).prop_map(|(gap, alarm, kind, says_something)| Event {
        after: Duration::from_secs(gap),
        alarm,
        kind,
        says_something,
    });
    prop::collection::vec(event, 1..most)
}

/// The journal of a course of events from 1,000 s on: a raise only of what is not active, a return only of what is.
pub(crate) fn journal(events: &[Event]) -> Vec<Transition> {
    let mut known = [(0_u64, false); ALARMS as usize];
    let mut at = Timestamp::from_secs(1_000);
    let mut journal = Vec::new();
    for event in events {
        at = at + event.after;
        let (occurrence, active) = &mut known[usize::from(event.alarm)];
        match event.kind {
            TransitionKind::Raised if !*active => (*occurrence, *active) = (*occurrence + 1, true),
            TransitionKind::Cleared if *active => *active = false,
            TransitionKind::Realarmed if *active => {}
            TransitionKind::Raised | TransitionKind::Cleared | TransitionKind::Realarmed => continue,
            _ => {}
        }
        let by_person = matches!(
            event.kind,
            TransitionKind::Acknowledged | TransitionKind::Commented | TransitionKind::Reset | TransitionKind::Shelved
        );
        journal.push(Transition {
            rule: rule(event.alarm),
            occurrence: *occurrence,
            kind: event.kind,
            at,
            value: None,
            by: by_person.then_some(UserId(Uuid::nil())),
            comment: (by_person && event.says_something).then(|| "seen".to_owned()),
            rule_version: 1,
            detail: None,
        });
    }
    journal
}

/// A period that may begin within the journal and end before it does.
pub(crate) fn period(journal: &[Transition], cut: (u8, u8)) -> Period {
    let last = journal.last().map_or(1_000_000_000, |entry| entry.at.as_micros());
    let length = last - 1_000_000_000;
    let from = 1_000_000_000 + length * i64::from(cut.0) / 400;
    let until = last + 700_000_000 - length * i64::from(cut.1) / 400;
    Period::new(Timestamp::from_micros(from), Timestamp::from_micros(until.max(from + 1))).expect("longer than nothing")
}
