//! The journal as spans of time in which an alarm was active: what a run of the engine comes to, live or over history.
//! Must not know rules or who was called.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{RuleId, Timestamp, Transition, TransitionDetail, TransitionKind};

use super::repeats::{Repeats, SHORT};

/// What is active for longer than this is stale.
pub(super) const STALE: Duration = Duration::from_secs(24 * 3_600);

/// An alarm from its raise to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occurrence {
    /// Whose alarm.
    pub rule: RuleId,
    /// Which occurrence of it.
    pub number: u64,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it ended; none where it had not yet.
    pub cleared_at: Option<Timestamp>,
    /// The value that raised it, in SI.
    pub raised_value: Option<f64>,
    /// The value that ended it, in SI.
    pub cleared_value: Option<f64>,
    /// Whether somebody did something about it: a comment, also with an acknowledgement that did not demand it, or a
    /// reset. Whoever knows of another act, a command or an incident, sets it. Acknowledging alone, shelving and taking
    /// out of service are no such act: so a nuisance is answered as well.
    pub acted_on: bool,
}

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunFigures {
    /// How many occurrences.
    pub occurrences: usize,
    /// How many chattered: three or more of an alarm within 60 s.
    pub chattering: u32,
    /// How many were fleeting: under 10 s, without an act, not repeated within 60 s.
    pub fleeting: u32,
    /// How many were active for more than 24 hours.
    pub stale: usize,
    /// How many had not ended.
    pub unended: usize,
    /// How long alarms were active, all together.
    pub active: Duration,
    /// How long the longest was.
    pub longest: Duration,
}

impl Occurrence {
    /// When it ended, or ends at the earliest.
    pub fn ended_by(&self, until: Timestamp) -> Timestamp {
        self.cleared_at.unwrap_or(until).max(self.raised_at)
    }

    /// How long it was active, of a run that ends at `until`.
    pub fn active(&self, until: Timestamp) -> Duration {
        self.ended_by(until).since(self.raised_at)
    }

    /// Whether both were active at one moment, their first and last moments included.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.raised_at <= other.ended_by(Timestamp::MAX) && other.raised_at <= self.ended_by(Timestamp::MAX)
    }
}

impl RunFigures {
    /// Of a run that ends at `until`; occurrences of each alarm in the order of time.
    pub fn of<'a>(run: impl IntoIterator<Item = &'a Occurrence>, until: Timestamp) -> Self {
        let mut figures = Self::default();
        let mut repeats: BTreeMap<RuleId, Repeats> = BTreeMap::new();
        for occurrence in run {
            let active = occurrence.active(until);
            figures.occurrences += 1;
            figures.stale += usize::from(active > STALE);
            figures.unended += usize::from(occurrence.cleared_at.is_none());
            figures.active = figures.active.saturating_add(active);
            figures.longest = figures.longest.max(active);
            let was_short = occurrence.cleared_at.is_some() && active < SHORT && !occurrence.acted_on;
            repeats.entry(occurrence.rule).or_default().take(occurrence.raised_at, was_short);
        }
        for (chattering, fleeting) in repeats.into_values().map(Repeats::finish) {
            figures.chattering += chattering;
            figures.fleeting += fleeting;
        }
        figures
    }
}

/// Whether an entry shows that a person did something about the alarm. A comment that was demanded shows no more than
/// the acknowledgement does: also of a nuisance something has to be said then.
pub(super) fn is_act(entry: &Transition) -> bool {
    let says_something = entry.comment.as_ref().is_some_and(|comment| !comment.trim().is_empty());
    match entry.kind {
        TransitionKind::Commented => says_something,
        TransitionKind::Acknowledged => says_something && entry.detail != Some(TransitionDetail::CommentDemanded),
        TransitionKind::Reset => true,
        _ => false,
    }
}

/// The occurrences that journal entries tell of, by the time they were raised and then by rule. Entries are in the order
/// of the journal; what ends before it begins in them is left out.
pub fn occurrences<'a>(journal: impl IntoIterator<Item = &'a Transition>) -> Vec<Occurrence> {
    let mut newest: BTreeMap<RuleId, usize> = BTreeMap::new();
    let mut occurrences: Vec<Occurrence> = Vec::new();
    for entry in journal {
        let known = newest.get(&entry.rule).and_then(|index| occurrences.get_mut(*index));
        if entry.kind == TransitionKind::Raised {
            if let Some(known) = known {
                if entry.occurrence <= known.number {
                    continue;
                }
                // A raise without a return before it: the journal lacks it.
                known.cleared_at.get_or_insert(entry.at);
            }
            newest.insert(entry.rule, occurrences.len());
            occurrences.push(Occurrence {
                rule: entry.rule,
                number: entry.occurrence,
                raised_at: entry.at,
                cleared_at: None,
                raised_value: entry.value,
                cleared_value: None,
                acted_on: false,
            });
        } else if let Some(known) = known.filter(|known| known.number == entry.occurrence) {
            if entry.kind == TransitionKind::Cleared && known.cleared_at.is_none() {
                known.cleared_at = Some(entry.at);
                known.cleared_value = entry.value;
            }
            known.acted_on |= is_act(entry);
        }
    }
    occurrences.sort_by_key(|occurrence| (occurrence.raised_at, occurrence.rule));
    occurrences
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn spans_with_what_people_did() {
        use TransitionKind::{Acknowledged, Cleared, Commented, Raised, Shelved};
        let journal = [
            entry(Cleared, 4, 1, None),
            entry(Raised, 5, 10, None),
            entry(Acknowledged, 5, 12, None),
            entry(Cleared, 5, 20, None),
            entry(Raised, 6, 30, None),
            entry(Acknowledged, 6, 31, Some("valve closed")),
            entry(Raised, 7, 50, None),
            entry(Commented, 6, 55, Some("too late for this one")),
            entry(Shelved, 7, 60, Some("known")),
        ];
        let spans: Vec<_> = occurrences(&journal)
            .iter()
            .map(|span| (span.number, seconds(span.raised_at), span.cleared_at.map(seconds), span.acted_on))
            .collect();
        assert_eq!(spans, [(5, 10, Some(20), false), (6, 30, Some(50), true), (7, 50, None, false)]);
    }

    #[test]
    fn what_is_an_act() {
        let check = |kind: TransitionKind, comment: Option<&str>, expect: bool| {
            assert_eq!(is_act(&entry(kind, 1, 0, comment)), expect, "{kind:?} {comment:?}");
        };
        check(TransitionKind::Acknowledged, None, false);
        check(TransitionKind::Acknowledged, Some(" "), false);
        check(TransitionKind::Acknowledged, Some("seen on site"), true);
        check(TransitionKind::Commented, Some("crew sent"), true);
        check(TransitionKind::Reset, None, true);
        check(TransitionKind::Shelved, Some("nuisance"), false);
        check(TransitionKind::TakenOutOfService, Some("broken"), false);
        let said = entry(TransitionKind::Acknowledged, 1, 0, Some("again"));
        let demanded = Transition { detail: Some(TransitionDetail::CommentDemanded), ..said };
        assert!(!is_act(&demanded), "something had to be said");
    }

    #[test]
    fn figures_of_a_run_at_their_edges() {
        let day = 86_400;
        let run = |spans: &[(i64, Option<i64>)]| -> Vec<Occurrence> {
            (1..)
                .zip(spans)
                .map(|(number, (raised, cleared))| Occurrence {
                    rule: RuleId(Uuid::nil()),
                    number,
                    raised_at: Timestamp::from_secs(*raised),
                    cleared_at: cleared.map(Timestamp::from_secs),
                    raised_value: None,
                    cleared_value: None,
                    acted_on: false,
                })
                .collect()
        };
        let figures = |spans: &[(i64, Option<i64>)]| RunFigures::of(&run(spans), Timestamp::from_secs(10 * day));
        assert_eq!(figures(&[(0, Some(day))]).stale, 0);
        assert_eq!(figures(&[(0, Some(day + 1))]).stale, 1);
        let open = figures(&[(9 * day - 1, None)]);
        assert_eq!((open.stale, open.unended, open.active.as_secs()), (1, 1, 86_401));
        assert_eq!(figures(&[(0, Some(9)), (100, Some(130)), (200, Some(210))]).longest.as_secs(), 30);
        assert_eq!(figures(&[(0, Some(9)), (100, Some(110))]).fleeting, 1);
        assert_eq!(figures(&[(0, Some(9)), (20, Some(29)), (40, Some(49))]).chattering, 3);
    }

    fn seconds(at: Timestamp) -> i64 {
        at.as_micros() / 1_000_000
    }

    fn entry(kind: TransitionKind, occurrence: u64, at_secs: i64, comment: Option<&str>) -> Transition {
        Transition {
            rule: RuleId(Uuid::nil()),
            occurrence,
            kind,
            at: Timestamp::from_secs(at_secs),
            value: None,
            by: None,
            comment: comment.map(str::to_owned),
            rule_version: 1,
            detail: None,
        }
    }
}
