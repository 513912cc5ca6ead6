//! What a run of other rules would have done differently from a run before it. Must not know the rules.

use std::collections::BTreeMap;

use penstock_model::{RuleId, Timestamp};

use super::occurrence::{Occurrence, RunFigures};

/// How two runs over the same time differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What the run before comes to.
    pub before: RunFigures,
    /// What the run after comes to.
    pub after: RunFigures,
    /// Occurrences of both, the one before and the one after it in whose time it was active too.
    pub matched: Vec<(Occurrence, Occurrence)>,
    /// Occurrences that are no more, or have become part of another.
    pub removed: Vec<Occurrence>,
    /// Occurrences that are new.
    pub added: Vec<Occurrence>,
}

/// Compares two runs that end at `until`. Occurrences of an alarm match where both are active at one moment, each at
/// most once, as many as can. Lists are by the time of the raise and then by rule.
pub fn compare(before: &[Occurrence], after: &[Occurrence], until: Timestamp) -> Difference {
    let (before, after) = (by_rule(before), by_rule(after));
    let mut difference = Difference {
        before: RunFigures::of(before.values().flatten(), until),
        after: RunFigures::of(after.values().flatten(), until),
        matched: Vec::new(),
        removed: Vec::new(),
        added: Vec::new(),
    };
    for (rule, old) in &before {
        difference.pair(old, after.get(rule).map_or(&[], Vec::as_slice));
    }
    let new = after.iter().filter(|(rule, _)| !before.contains_key(rule));
    difference.added.extend(new.flat_map(|(_, new)| new));
    let order = |occurrence: &Occurrence| (occurrence.raised_at, occurrence.rule);
    difference.matched.sort_by_key(|(old, _)| order(old));
    difference.removed.sort_by_key(order);
    difference.added.sort_by_key(order);
    difference
}

impl Difference {
    /// Pairs the occurrences of one alarm, both sides in the order of time.
    fn pair(&mut self, old: &[Occurrence], new: &[Occurrence]) {
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            match (old.peek(), new.peek()) {
                (Some(before), Some(after)) if before.meets(after) => {
                    self.matched.push((**before, **after));
                    old.next();
                    new.next();
                }
                // They do not meet: the earlier one meets none that come later either.
                (Some(before), Some(after)) if before.raised_at > after.raised_at => {
                    self.added.push(**after);
                    new.next();
                }
                (Some(before), _) => {
                    self.removed.push(**before);
                    old.next();
                }
                (None, Some(after)) => {
                    self.added.push(**after);
                    new.next();
                }
                (None, None) => break,
            }
        }
    }
}

fn by_rule(run: &[Occurrence]) -> BTreeMap<RuleId, Vec<Occurrence>> {
    let mut by_rule: BTreeMap<RuleId, Vec<Occurrence>> = BTreeMap::new();
    for occurrence in run {
        by_rule.entry(occurrence.rule).or_default().push(*occurrence);
    }
    for occurrences in by_rule.values_mut() {
        occurrences.sort_by_key(|occurrence| occurrence.raised_at);
    }
    by_rule
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_burst_that_becomes_one() {
        let burst = [span("a", 0, 5), span("a", 10, 15), span("a", 20, 25)];
        let one = [span("a", 0, 30)];
        let difference = compare(&burst, &one, secs(100));
        assert_eq!(difference.matched, [(burst[0], one[0])]);
        assert_eq!(difference.removed, burst[1..]);
        assert_eq!(difference.added, []);
        assert_eq!((difference.before.chattering, difference.after.chattering), (3, 0));
        let active = (difference.before.active.as_secs(), difference.after.active.as_secs());
        assert_eq!(active, (15, 30));
        let back = compare(&one, &burst, secs(100));
        assert_eq!((back.matched.len(), back.removed.len(), back.added.len()), (1, 0, 2));
    }

    #[test]
    fn only_the_same_alarm_at_the_same_time_matches() {
        let check = |before: Occurrence, after: Occurrence, expect: bool| {
            let difference = compare(&[before], &[after], secs(100));
            let counts = (difference.matched.len(), difference.removed.len(), difference.added.len());
            assert_eq!(counts, if expect { (1, 0, 0) } else { (0, 1, 1) }, "{before:?} {after:?}");
        };
        check(span("a", 0, 10), span("a", 5, 20), true);
        check(span("a", 0, 10), span("a", 10, 20), true);
        check(span("a", 0, 10), span("a", 11, 20), false);
        check(span("a", 11, 20), span("a", 0, 10), false);
        check(span("a", 0, 10), span("b", 0, 10), false);
        check(Occurrence { cleared_at: None, ..span("a", 0, 0) }, span("a", 90, 95), true);
    }

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn span(name: &str, raised: i64, cleared: i64) -> Occurrence {
        Occurrence {
            rule: RuleId::derived(Uuid::nil(), name),
            number: 1,
            raised_at: secs(raised),
            cleared_at: Some(secs(cleared)),
            raised_value: None,
            cleared_value: None,
            acted_on: false,
        }
    }
}
