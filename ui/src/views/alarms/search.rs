//! What the journal is asked for as a person sets it, and what of an answer is news. Pure; must not know the page.

use std::time::Duration;

use penstock_api::{JournalFilter, JournalRow};
use penstock_model::{Priority, SiteId, Timestamp, TransitionKind, UserId};

use crate::format::Zone;

/// What can happen to an alarm, as the filter lists it.
pub(super) const KINDS: [TransitionKind; 12] = [
    TransitionKind::Raised,
    TransitionKind::Cleared,
    TransitionKind::Acknowledged,
    TransitionKind::Commented,
    TransitionKind::Realarmed,
    TransitionKind::Reset,
    TransitionKind::Shelved,
    TransitionKind::Unshelved,
    TransitionKind::Suppressed,
    TransitionKind::Unsuppressed,
    TransitionKind::TakenOutOfService,
    TransitionKind::ReturnedToService,
];

/// Clocks differ: what is from so soon is not missed.
const SOON: Duration = Duration::from_secs(60);

/// What a person wants to see of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Words that must all occur.
    pub(super) text: String,
    /// Priorities wanted, the most urgent first.
    pub(super) priorities: [bool; 4],
    pub(super) site: Option<SiteId>,
    pub(super) kind: Option<TransitionKind>,
    pub(super) person: Option<UserId>,
    pub(super) range: AskedRange,
}

/// Of when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AskedRange {
    /// So long up to the present.
    Last(Duration),
    /// Between two moments of the plant's zone as fields have them; an end that stands empty is open.
    Between(String, String),
}

impl Asked {
    /// Whether something is typed that is too short to be looked for yet.
    pub(super) fn is_too_short(&self) -> bool {
        !self.text.trim().is_empty() && !JournalFilter::can_find(&self.text)
    }

    /// The same for the station; none where nothing can fit.
    pub(super) fn filter(&self, now: Timestamp, zone: &Zone) -> Option<JournalFilter> {
        let (from, to) = match &self.range {
            AskedRange::Last(length) => (now - *length, now + SOON),
            AskedRange::Between(from, to) => {
                (zone.typed(from).unwrap_or(Timestamp::MIN), zone.typed(to).unwrap_or(Timestamp::MAX))
            }
        };
        let wanted: Vec<Priority> =
            Priority::ALL.into_iter().zip(self.priorities).filter(|(_, is_on)| *is_on).map(|(own, _)| own).collect();
        if from >= to || wanted.is_empty() {
            return None;
        }
        Some(JournalFilter {
            sites: self.site.into_iter().collect(),
            // All of them is none in particular.
            priorities: if wanted.len() == Priority::ALL.len() { Vec::new() } else { wanted },
            kinds: self.kind.into_iter().collect(),
            people: self.person.into_iter().collect(),
            text: if self.is_too_short() { String::new() } else { self.text.clone() },
            ..JournalFilter::within(from, to)
        })
    }
}

/// How many of the rows `found` came after all that are `shown`.
pub(super) fn news(shown: &[JournalRow], found: &[JournalRow]) -> usize {
    let newest = shown.iter().map(|row| row.seq).max();
    found.iter().filter(|row| newest.is_none_or(|newest| row.seq > newest)).count()
}

#[cfg(test)]
mod tests {
    use penstock_model::{Condition, RuleId, Subject, Transition};

    use super::*;

    fn row(seq: u64) -> JournalRow {
        let at = Timestamp::from_secs(1);
        JournalRow {
            seq,
            transition: Transition {
                rule: RuleId::made(at, [1; 10]),
                occurrence: 1,
                kind: TransitionKind::Raised,
                at,
                value: None,
                by: None,
                comment: None,
                rule_version: 1,
                detail: None,
            },
            by: None,
            subject: Subject::Site(SiteId::made(at, [1; 10])),
            site: None,
            area: None,
            name: String::new(),
            condition: Condition::Anomaly { score: 0.9 },
            priority: Priority::P2,
        }
    }

    #[test]
    fn what_is_set_is_what_is_asked_for() {
        let zone = Zone { name: String::new(), short: "IST".into(), offset_secs: 19_800 };
        let now = Timestamp::from_secs(1_000_000);
        let all = Asked {
            text: String::new(),
            priorities: [true; 4],
            site: None,
            kind: None,
            person: None,
            range: AskedRange::Last(Duration::from_secs(3_600)),
        };
        let range = JournalFilter::within(Timestamp::from_secs(996_400), Timestamp::from_secs(1_000_060));
        assert_eq!(all.filter(now, &zone), Some(range.clone()));

        let some = Asked {
            priorities: [true, false, false, true],
            kind: Some(TransitionKind::Shelved),
            text: "pump".into(),
            ..all.clone()
        };
        let expect = JournalFilter {
            priorities: vec![Priority::P1, Priority::P4],
            kinds: vec![TransitionKind::Shelved],
            text: "pump".into(),
            ..range
        };
        assert_eq!(some.filter(now, &zone), Some(expect));
        assert_eq!(Asked { priorities: [false; 4], ..all.clone() }.filter(now, &zone), None);

        let typed = |text: &str| Asked { text: text.into(), ..all.clone() };
        let text = |text: &str| typed(text).filter(now, &zone).map(|filter| filter.text);
        assert_eq!((typed("pu").is_too_short(), text("pu")), (true, Some(String::new())), "not looked for yet");
        assert_eq!((typed("pum 2").is_too_short(), text("pum 2")), (false, Some("pum 2".into())));
        assert!(!typed(" ").is_too_short());

        let between =
            |from: &str, to: &str| Asked { range: AskedRange::Between(from.into(), to.into()), ..all.clone() };
        let filter = between("1970-01-01T06:00", "").filter(now, &zone).expect("a range");
        assert_eq!((filter.from, filter.to), (Timestamp::from_secs(1_800), Timestamp::MAX));
        assert_eq!(between("1970-01-02T06:00", "1970-01-01T06:00").filter(now, &zone), None);
    }

    #[test]
    fn news_is_what_came_after_all_that_is_shown() {
        assert_eq!(news(&[row(4), row(7), row(5)], &[row(9), row(7), row(8), row(4)]), 2);
        assert_eq!(news(&[row(4)], &[row(4)]), 0);
        assert_eq!(news(&[], &[row(4)]), 1);
    }
}
