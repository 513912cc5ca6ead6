//! The alarm list: what is listed and what is kept from it, in which order, and how the order holds under the hand. Must not know how a row
//! looks.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::AlarmView;
use penstock_model::{AlarmState, Annunciation, KeptBy, Priority, RuleId, Subject};

/// Alarms in their order.
pub(crate) type Listed = Arc<Vec<Arc<AlarmView>>>;

/// Alarms, held by rule and shown in one total order; sorted once a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlarmList {
    by_rule: StoredValue<BTreeMap<RuleId, Arc<AlarmView>>>,
    /// All that are listed, worst first.
    pub(crate) listed: RwSignal<Listed>,
    /// All that are shelved, suppressed or out of service, what ends soonest first.
    pub(crate) kept: RwSignal<Listed>,
}

/// What a frame did to the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Critical ones that were raised just now.
    pub(crate) new_critical: Vec<RuleId>,
    /// How many others were.
    pub(crate) new_others: usize,
    /// The priority of the most urgent of them all.
    pub(crate) worst: Option<Priority>,
}

impl AlarmList {
    pub(crate) fn new() -> Self {
        Self {
            by_rule: StoredValue::new(BTreeMap::new()),
            listed: RwSignal::new(Listed::default()),
            kept: RwSignal::new(Listed::default()),
        }
    }

    /// Takes in what a frame brings. What does not concern who looks is listed, and no news.
    pub(crate) fn take(
        self,
        is_full: bool,
        changed: Vec<AlarmView>,
        gone: &[RuleId],
        concerns: impl Fn(&AlarmView) -> bool,
    ) -> Change {
        if !is_full && changed.is_empty() && gone.is_empty() {
            return Change::default();
        }
        let mut change = Change::default();
        let listed = self.by_rule.try_update_value(|by_rule| {
            if is_full {
                by_rule.clear();
            }
            for rule in gone {
                by_rule.remove(rule);
            }
            for view in changed {
                let rule = view.state.rule;
                let former = by_rule.get(&rule).filter(|former| is_alert(&former.state));
                let called = |state: &AlarmState| (state.occurrence, state.called_at);
                let has_called =
                    is_alert(&view.state) && former.map(|former| called(&former.state)) != Some(called(&view.state));
                let is_new = has_called && concerns(&view);
                if is_new {
                    change.worst = Some(change.worst.map_or(view.priority, |worst| worst.min(view.priority)));
                }
                match view.priority {
                    Priority::P1 if is_new => change.new_critical.push(rule),
                    _ if is_new => change.new_others += 1,
                    _ => {}
                }
                by_rule.insert(rule, Arc::new(view));
            }
            let (listed, kept): (Vec<_>, Vec<_>) = by_rule.values().cloned().partition(|view| view.state.is_listed());
            (worst_first(listed), soonest_first(kept))
        });
        if let Some((listed, kept)) = listed {
            self.listed.set(Arc::new(listed));
            if self.kept.with_untracked(|former| **former != kept) {
                self.kept.set(Arc::new(kept));
            }
        }
        // What was there before somebody looked is no news.
        if is_full { Change::default() } else { change }
    }

    /// One alarm as it stands, not tracked.
    pub(crate) fn peek(self, rule: RuleId) -> Option<Arc<AlarmView>> {
        self.by_rule.try_with_value(|by_rule| by_rule.get(&rule).cloned()).flatten()
    }

    /// The worst listed alarm about `subject`, tracked.
    pub(crate) fn worst_of(self, subject: Subject) -> Option<Arc<AlarmView>> {
        self.listed.with(|listed| listed.iter().find(|view| view.subject == subject).cloned())
    }

    /// Forgets all, for another person's session.
    pub(crate) fn clear(self) {
        self.by_rule.update_value(BTreeMap::clear);
        self.listed.set(Listed::default());
        self.kept.set(Listed::default());
    }
}

/// Whether it calls for a hand.
fn is_alert(state: &AlarmState) -> bool {
    state.annunciation() == Annunciation::Calling
}

/// The order of what is kept from the list: what is shelved by the time left, then what is out of service, then what is
/// suppressed by design, the longest first.
fn soonest_first(mut views: Vec<Arc<AlarmView>>) -> Vec<Arc<AlarmView>> {
    views.sort_by_key(|view| {
        let state = &view.state;
        let (kind, at) = match state.kept_by() {
            Some(KeptBy::Shelved) => (0, state.shelf.map(|shelf| shelf.shelving.until)),
            Some(KeptBy::OutOfService) => (1, state.out_of_service),
            Some(KeptBy::Suppressed) | None => (2, state.suppressed),
        };
        (kind, at, state.rule)
    });
    views
}

/// The order of every alarm list: unacknowledged, priority, newest, then id, so that it is total.
fn worst_first(mut views: Vec<Arc<AlarmView>>) -> Vec<Arc<AlarmView>> {
    views.sort_by_key(|view| {
        let state = &view.state;
        (state.acknowledged, view.priority, Reverse(state.raised_at), state.rule)
    });
    views
}

/// The order that is shown while the hand is on the list: what was shown stays where it is, what is gone drops out,
/// newcomers wait. Returns what is shown and how many wait.
pub(crate) fn hold(shown: &[RuleId], listed: &[Arc<AlarmView>]) -> (Vec<Arc<AlarmView>>, usize) {
    let by_rule: BTreeMap<RuleId, &Arc<AlarmView>> = listed.iter().map(|view| (view.state.rule, view)).collect();
    let held: Vec<_> = shown.iter().filter_map(|rule| by_rule.get(rule).map(|view| Arc::clone(view))).collect();
    let waiting = listed.len() - held.len();
    (held, waiting)
}

#[cfg(test)]
mod tests {
    use penstock_model::{AlarmClass, Condition, SiteId, Timestamp};

    use super::*;

    fn alarm(id: u8, priority: Priority, active: bool, acknowledged: bool, raised_secs: i64) -> Arc<AlarmView> {
        let at = Timestamp::from_secs(raised_secs);
        Arc::new(AlarmView {
            state: AlarmState {
                occurrence: 1,
                active,
                acknowledged,
                ..AlarmState::normal(RuleId::made(Timestamp::from_secs(1), [id; 10]), at)
            },
            subject: Subject::Site(SiteId::made(Timestamp::from_secs(1), [id; 10])),
            condition: Condition::Anomaly { score: 0.9 },
            priority,
            class: AlarmClass::Supply,
            name: String::new(),
        })
    }

    fn ids(views: &[Arc<AlarmView>]) -> Vec<RuleId> {
        views.iter().map(|view| view.state.rule).collect()
    }

    #[test]
    fn the_worst_stands_first_and_ties_are_settled() {
        let expect = [
            alarm(9, Priority::P1, true, false, 50),
            alarm(4, Priority::P1, false, false, 45),
            alarm(8, Priority::P1, true, false, 40),
            alarm(1, Priority::P2, true, false, 90),
            alarm(2, Priority::P2, true, false, 90),
            alarm(3, Priority::P1, true, true, 99),
        ];
        let mut mixed = expect.to_vec();
        mixed.reverse();
        assert_eq!(ids(&worst_first(mixed)), ids(&expect));
    }

    #[test]
    fn under_the_hand_nothing_moves_and_newcomers_wait() {
        let (a, b) = (alarm(1, Priority::P3, true, false, 1), alarm(2, Priority::P2, true, false, 2));
        let shown = [a.state.rule, b.state.rule];
        let newcomer = alarm(3, Priority::P1, true, false, 3);
        let (held, waiting) = hold(&shown, &[newcomer, b.clone(), a.clone()]);
        assert_eq!((ids(&held), waiting), (shown.to_vec(), 1));
        let (held, waiting) = hold(&shown, std::slice::from_ref(&b));
        assert_eq!((ids(&held), waiting), (vec![b.state.rule], 0));
    }

    #[test]
    fn only_news_is_told() {
        let owner = Owner::new();
        owner.set();
        let list = AlarmList::new();
        let critical = alarm(1, Priority::P1, true, false, 1);
        let other = alarm(2, Priority::P3, true, false, 1);
        let plain = |view: &Arc<AlarmView>| AlarmView::clone(view);
        let everything = |_: &AlarmView| true;
        assert_eq!(list.take(true, vec![plain(&critical)], &[], everything), Change::default());
        assert_eq!(list.take(false, vec![plain(&critical)], &[], everything), Change::default());
        let change = list.take(false, vec![plain(&other)], &[], everything);
        assert_eq!(change, Change { new_critical: vec![], new_others: 1, worst: Some(Priority::P3) });
        let mut again = plain(&critical);
        again.state.occurrence = 2;
        assert_eq!(list.take(false, vec![again], &[], everything).new_critical, vec![critical.state.rule]);
        list.take(false, vec![], &[other.state.rule], everything);
        assert_eq!(list.listed.get_untracked().len(), 1);
        let urgent = |view: &AlarmView| view.priority == Priority::P1;
        assert_eq!(list.take(false, vec![plain(&other)], &[], urgent), Change::default());
        assert_eq!(list.listed.get_untracked().len(), 2, "it is listed all the same");
    }
}
