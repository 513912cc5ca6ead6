//! The alarms: what is listed and what is kept from the list. Must not know how a row looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::AlarmView;
use penstock_model::{AlarmState, Annunciation, KeptBy, Priority, RuleId, Subject};

use super::Listed;

/// Alarms that are kept from the list, in their order.
pub(crate) type Kept = Arc<Vec<Arc<AlarmView>>>;

/// Alarms, held by rule and shown in one total order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlarmList {
    by_rule: StoredValue<BTreeMap<RuleId, Arc<AlarmView>>>,
    /// All that are listed, worst first.
    pub(crate) listed: RwSignal<Listed>,
    /// All that are shelved, suppressed or out of service, what ends soonest first.
    pub(crate) kept: RwSignal<Kept>,
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
            kept: RwSignal::new(Kept::default()),
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
        let moved = self.by_rule.try_update_value(|by_rule| {
            if is_full {
                by_rule.clear();
            }
            let mut moved: Vec<Moved> = Vec::with_capacity(gone.len() + changed.len());
            moved.extend(gone.iter().map(|rule| Moved { rule: *rule, former: by_rule.remove(rule), now: None }));
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
                let now = Arc::new(view);
                moved.push(Moved { rule, former: by_rule.insert(rule, Arc::clone(&now)), now: Some(now) });
            }
            moved
        });
        self.show(is_full, moved.unwrap_or_default());
        // What was there before somebody looked is no news.
        if is_full { Change::default() } else { change }
    }

    /// Puts what has moved where it belongs, and wakes only those who look at that.
    fn show(self, is_full: bool, moved: Vec<Moved>) {
        if is_full || moved.iter().any(|moved| moved.touches(Moved::is_kept)) {
            let kept = self.by_rule.try_with_value(|by_rule| {
                soonest_first(by_rule.values().filter(|view| !view.state.is_listed()).cloned().collect())
            });
            if let Some(kept) = kept
                && self.kept.with_untracked(|former| **former != kept)
            {
                self.kept.set(Arc::new(kept));
            }
        }
        if is_full || moved.iter().any(|moved| moved.touches(Moved::is_listed)) {
            self.listed.update(|listed| {
                if is_full {
                    listed.clear();
                }
                for Moved { rule, now, .. } in moved {
                    listed.put(rule, now.filter(|view| view.state.is_listed()));
                }
            });
        }
    }

    /// One alarm as it stands, not tracked.
    pub(crate) fn peek(self, rule: RuleId) -> Option<Arc<AlarmView>> {
        self.by_rule.try_with_value(|by_rule| by_rule.get(&rule).cloned()).flatten()
    }

    /// The worst listed alarm about `subject`, tracked.
    pub(crate) fn worst_of(self, subject: Subject) -> Option<Arc<AlarmView>> {
        self.listed.with(|listed| listed.worst_of(subject).cloned())
    }

    /// Forgets all, for another person's session.
    pub(crate) fn clear(self) {
        self.by_rule.update_value(BTreeMap::clear);
        self.listed.update(Listed::clear);
        self.kept.set(Kept::default());
    }
}

/// An alarm before and after a frame.
struct Moved {
    rule: RuleId,
    former: Option<Arc<AlarmView>>,
    now: Option<Arc<AlarmView>>,
}

impl Moved {
    fn is_listed(view: &AlarmView) -> bool {
        view.state.is_listed()
    }

    fn is_kept(view: &AlarmView) -> bool {
        !view.state.is_listed()
    }

    /// Whether it was so or is.
    fn touches(&self, is_so: fn(&AlarmView) -> bool) -> bool {
        [&self.former, &self.now].into_iter().flatten().any(|view| is_so(view))
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

#[cfg(test)]
mod tests {
    use penstock_model::{Shelf, Shelving, Timestamp};

    use super::super::listed::tests::alarm;
    use super::*;

    #[test]
    fn only_news_is_told() {
        let owner = Owner::new();
        owner.set();
        let list = AlarmList::new();
        let critical = alarm(1, Priority::P1, false, 1);
        let other = alarm(2, Priority::P3, false, 1);
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
        assert_eq!(list.listed.with_untracked(|listed| listed.len()), 1);
        let urgent = |view: &AlarmView| view.priority == Priority::P1;
        assert_eq!(list.take(false, vec![plain(&other)], &[], urgent), Change::default());
        assert_eq!(list.listed.with_untracked(|listed| listed.len()), 2, "it is listed all the same");
    }

    #[test]
    fn a_shelf_takes_from_the_list_and_gives_back() {
        let owner = Owner::new();
        owner.set();
        let list = AlarmList::new();
        let everything = |_: &AlarmView| true;
        let open = AlarmView::clone(&alarm(1, Priority::P1, false, 1));
        let shelving = Shelving { until: Timestamp::from_secs(900), one_shot: false };
        let mut shelved = open.clone();
        let since = Timestamp::from_secs(2);
        shelved.state.shelf = Some(Shelf { shelving, since, by: None, first_since: None });
        let counts = || (list.listed.with_untracked(|all| all.len()), list.kept.with_untracked(|kept| kept.len()));
        list.take(true, vec![open.clone()], &[], everything);
        assert_eq!(counts(), (1, 0));
        list.take(false, vec![shelved.clone()], &[], everything);
        assert_eq!(counts(), (0, 1));
        list.take(false, vec![open], &[], everything);
        assert_eq!(counts(), (1, 0));
        list.take(false, vec![shelved.clone()], &[], everything);
        list.take(false, vec![], &[shelved.state.rule], everything);
        assert_eq!(counts(), (0, 0));
    }
}
