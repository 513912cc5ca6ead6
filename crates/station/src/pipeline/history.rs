//! Alarms that were over before anybody here could hear of them, as a gateway tells them that had kept its samples for
//! a while. Must not know how they are evaluated or who answers alarms.

use std::collections::HashMap;

use penstock_model::{RuleId, Timestamp, Transition, TransitionKind};

/// Raises that came out of late samples and were not yet over. A start begins with none: what it does not know waits
/// for a person, as any alarm does.
#[derive(Debug, Default)]
pub(super) struct LateRaises {
    /// The occurrence, and when it was heard of: of each rule the newest.
    heard: HashMap<RuleId, (u64, Timestamp)>,
}

impl LateRaises {
    /// What came out of a late sample that was received at `received`: gives the returns of alarms that were over
    /// before their raise was heard of.
    pub(super) fn over<'a>(&mut self, entries: &'a [Transition], received: Timestamp) -> Vec<&'a Transition> {
        let mut over = Vec::new();
        for entry in entries {
            match entry.kind {
                TransitionKind::Raised => {
                    self.heard.insert(entry.rule, (entry.occurrence, received));
                }
                TransitionKind::Cleared => {
                    let heard = self.heard.remove(&entry.rule);
                    if heard.is_some_and(|(raised, heard_at)| raised == entry.occurrence && entry.at <= heard_at) {
                        over.push(entry);
                    }
                }
                _ => {}
            }
        }
        over
    }

    /// These rules are gone.
    pub(super) fn forget(&mut self, rules: &[RuleId]) {
        for rule in rules {
            self.heard.remove(rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_was_raised_and_over_before_it_was_heard_of_is_history() {
        use TransitionKind::{Cleared, Raised};
        let mut late = LateRaises::default();
        let (raised, heard) = (at(0), at(60));
        // Both out of the gateway's buffer.
        let returned = entry(Cleared, 1, raised + Duration::from_secs(300));
        assert!(late.over(&[entry(Raised, 1, raised)], heard).is_empty());
        assert_eq!(late.over(std::slice::from_ref(&returned), heard), [&returned]);
        assert!(late.over(std::slice::from_ref(&returned), heard).is_empty(), "once");
        // Both out of one sample.
        let both = [entry(Raised, 2, raised), entry(Cleared, 2, heard)];
        assert_eq!(late.over(&both, heard), [&both[1]]);
    }

    #[test]
    fn a_live_alarm_whose_return_is_late_waits_for_a_person() {
        use TransitionKind::{Cleared, Raised};
        let mut late = LateRaises::default();
        // Its raise was heard of in time: it came out of no late sample.
        assert!(late.over(&[entry(Cleared, 4, at(5))], at(60)).is_empty());
        // An older occurrence was late, this one was not.
        assert!(late.over(&[entry(Raised, 5, at(0))], at(20)).is_empty());
        assert!(late.over(&[entry(Cleared, 6, at(15))], at(60)).is_empty());
        // It went on after it was heard of, late as that was.
        assert!(late.over(&[entry(Raised, 7, at(0))], at(20)).is_empty());
        assert!(late.over(&[entry(Cleared, 7, at(21))], at(60)).is_empty());
        // Its rule went and came again.
        assert!(late.over(&[entry(Raised, 8, at(0))], at(20)).is_empty());
        late.forget(&[RuleId(uuid::Uuid::nil())]);
        assert!(late.over(&[entry(Cleared, 8, at(10))], at(60)).is_empty());
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_secs(minutes * 60)
    }

    fn entry(kind: TransitionKind, occurrence: u64, at: Timestamp) -> Transition {
        Transition {
            rule: RuleId(uuid::Uuid::nil()),
            occurrence,
            kind,
            at,
            value: None,
            by: None,
            comment: None,
            rule_version: 1,
            detail: None,
        }
    }
}
