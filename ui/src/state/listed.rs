//! The listed alarms in their one order, kept up change by change: what a frame costs goes by what it changes, not by how
//! many are listed. Pure; must not know signals.

use std::collections::{HashMap, VecDeque};
use std::ops::Deref;
use std::sync::Arc;

use penstock_api::AlarmView;
use penstock_model::{Rank, RuleId, Subject};

/// Changes that are remembered for who follows the list; who is further behind takes it whole.
const REMEMBERED: usize = 1_024;

/// Alarms, the worst first; found by rule and by subject too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    rows: Vec<Arc<AlarmView>>,
    by_rule: HashMap<RuleId, Arc<AlarmView>>,
    /// Of each subject that has any, in their order.
    by_subject: HashMap<Subject, Vec<Arc<AlarmView>>>,
    /// Counts up with every change.
    version: u64,
    /// Whose changes the last ones were, the newest at the end.
    changed: VecDeque<RuleId>,
}

impl Listed {
    /// How alarm `rule` stands from now on; none where it is not listed any more. Tells whether that is a change.
    pub(crate) fn put(&mut self, rule: RuleId, now: Option<Arc<AlarmView>>) -> bool {
        let former = match &now {
            Some(now) => self.by_rule.insert(rule, Arc::clone(now)),
            None => self.by_rule.remove(&rule),
        };
        if former.is_none() && now.is_none() {
            return false;
        }
        if let Some(former) = former {
            take_out(&mut self.rows, &former);
            if let Some(own) = self.by_subject.get_mut(&former.subject) {
                take_out(own, &former);
                if own.is_empty() {
                    self.by_subject.remove(&former.subject);
                }
            }
        }
        if let Some(now) = now {
            put_in(self.by_subject.entry(now.subject).or_default(), Arc::clone(&now));
            put_in(&mut self.rows, now);
        }
        self.version += 1;
        if self.changed.len() == REMEMBERED {
            self.changed.pop_front();
        }
        self.changed.push_back(rule);
        true
    }

    /// Nothing of what was listed is any more.
    pub(crate) fn clear(&mut self) {
        let version = self.version + 1;
        *self = Self { version, ..Self::default() };
    }

    /// Counts up with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whose changes led here from `version`, in their order; none where that is too long ago.
    pub(crate) fn changed_since(&self, version: u64) -> Option<impl Iterator<Item = RuleId> + '_> {
        let behind = usize::try_from(self.version.checked_sub(version)?).ok()?;
        let first = self.changed.len().checked_sub(behind)?;
        Some(self.changed.range(first..).copied())
    }

    /// One alarm, where it is listed.
    pub(crate) fn get(&self, rule: RuleId) -> Option<&Arc<AlarmView>> {
        self.by_rule.get(&rule)
    }

    /// The worst one about `subject`.
    pub(crate) fn worst_of(&self, subject: Subject) -> Option<&Arc<AlarmView>> {
        self.by_subject.get(&subject)?.first()
    }
}

impl Deref for Listed {
    type Target = [Arc<AlarmView>];

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl FromIterator<Arc<AlarmView>> for Listed {
    fn from_iter<I: IntoIterator<Item = Arc<AlarmView>>>(views: I) -> Self {
        let mut listed = Self::default();
        for view in views {
            listed.put(view.state.rule, Some(view));
        }
        listed
    }
}

/// Where what has this rank stands in its order, or would.
fn place(rows: &[Arc<AlarmView>], rank: Rank) -> usize {
    rows.partition_point(|view| view.rank() < rank)
}

/// Puts a row where its rank belongs.
pub(crate) fn put_in(rows: &mut Vec<Arc<AlarmView>>, view: Arc<AlarmView>) {
    rows.insert(place(rows, view.rank()), view);
}

/// Takes a row from where its rank belongs, if it stands there.
pub(crate) fn take_out(rows: &mut Vec<Arc<AlarmView>>, view: &AlarmView) {
    let at = place(rows, view.rank());
    if rows.get(at).is_some_and(|found| found.state.rule == view.state.rule) {
        rows.remove(at);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use penstock_model::{AlarmClass, AlarmState, Condition, Priority, SiteId, Timestamp};

    use super::*;

    pub(crate) fn rule(id: u8) -> RuleId {
        RuleId::made(Timestamp::from_secs(1), [id; 10])
    }

    pub(crate) fn alarm(id: u8, priority: Priority, acknowledged: bool, raised_secs: i64) -> Arc<AlarmView> {
        Arc::new(AlarmView {
            state: AlarmState {
                occurrence: 1,
                active: true,
                acknowledged,
                ..AlarmState::normal(rule(id), Timestamp::from_secs(raised_secs))
            },
            subject: Subject::Site(SiteId::made(Timestamp::from_secs(1), [id % 7; 10])),
            condition: Condition::Anomaly { score: 0.9 },
            priority,
            class: AlarmClass::Supply,
            name: String::new(),
            acknowledgement: penstock_model::AcknowledgementModel::Required,
            longest_shelf: None,
            asks_for_comment: false,
        })
    }

    #[test]
    fn change_by_change_it_stays_as_if_sorted_anew() {
        let mut listed = Listed::default();
        let mut plain: Vec<Arc<AlarmView>> = Vec::new();
        let mut dice = 7_u64;
        for step in 0..2_000_i64 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let thrown = (dice >> 33) as u32;
            let id = (thrown % 60) as u8;
            let priority = Priority::ALL[(thrown / 60 % 4) as usize];
            let now = (!(thrown / 240).is_multiple_of(3))
                .then(|| alarm(id, priority, (thrown / 720).is_multiple_of(2), step / 3));
            listed.put(rule(id), now.clone());
            plain.retain(|view| view.state.rule != rule(id));
            plain.extend(now);
            plain.sort_by_key(|view| view.rank());
            assert_eq!(listed.to_vec(), plain, "step {step}");
            for view in &plain {
                let worst = plain.iter().find(|other| other.subject == view.subject);
                assert_eq!(listed.worst_of(view.subject), worst, "step {step}");
            }
        }
        assert!(plain.len() > 20, "the dice leave too few");
        assert_eq!(listed.by_subject.values().map(Vec::len).sum::<usize>(), plain.len());
    }

    #[test]
    fn who_follows_is_told_what_changed() {
        let since = |listed: &Listed, version: u64| listed.changed_since(version).map(Iterator::collect::<Vec<_>>);
        let mut listed: Listed = [alarm(1, Priority::P1, false, 1)].into_iter().collect();
        let seen = listed.version();
        assert_eq!(since(&listed, seen), Some(vec![]));
        assert!(!listed.put(rule(9), None), "what is not there does not go");
        listed.put(rule(2), Some(alarm(2, Priority::P2, false, 2)));
        listed.put(rule(1), None);
        assert_eq!(since(&listed, seen), Some(vec![rule(2), rule(1)]));
        assert_eq!(since(&listed, listed.version() + 1), None, "of another list");
        for _ in 0..REMEMBERED {
            listed.put(rule(2), Some(alarm(2, Priority::P2, false, 2)));
        }
        assert_eq!(since(&listed, seen), None, "too long ago");
        let before = listed.version();
        listed.clear();
        assert_eq!((since(&listed, before), listed.len()), (None, 0));
    }
}
