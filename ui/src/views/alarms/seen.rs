//! What has stood on the screen for long enough to have been read: only that is acknowledged with everything on screen.
//! Pure, time injected; must not know the page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use penstock_api::AlarmView;
use penstock_model::{AlarmState, RuleId, Timestamp};

/// For how long a row must have stood in sight to have been seen.
const GLANCE: Duration = Duration::from_secs(1);

/// Which call of an alarm stands in sight, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stand {
    occurrence: u64,
    called_at: Timestamp,
    since: Timestamp,
}

/// The rows in sight, each with since when.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    stands: HashMap<RuleId, Stand>,
}

/// What of the rows in sight waits to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct InSight {
    /// What was seen: rule and occurrence of each, in the order of the rows.
    pub(super) seen: Vec<(RuleId, u64)>,
    /// How many have only just come into sight.
    pub(super) fresh: usize,
}

impl Sight {
    /// Takes in which rows are in sight from now on. What has left it, if only for a moment, begins anew, and so does
    /// what was raised or called anew.
    pub(super) fn look(&mut self, rows: &[Arc<AlarmView>], now: Timestamp) {
        let mut former = std::mem::take(&mut self.stands);
        for view in rows {
            let state = &view.state;
            let same = |stand: &Stand| stand.occurrence == state.occurrence && stand.called_at == state.called_at;
            let stand = former.remove(&state.rule).filter(same);
            let new = Stand { occurrence: state.occurrence, called_at: state.called_at, since: now };
            self.stands.insert(state.rule, stand.unwrap_or(new));
        }
    }

    /// What of these rows, which are in sight, was seen: rule and occurrence of each.
    pub(super) fn seen(&self, rows: &[Arc<AlarmView>], now: Timestamp) -> Vec<(RuleId, u64)> {
        let seen = rows.iter().map(|view| &view.state).filter(|state| self.has_seen(state, now));
        seen.map(|state| (state.rule, state.occurrence)).collect()
    }

    /// What of these rows waits to be acknowledged.
    pub(super) fn waiting(&self, rows: &[Arc<AlarmView>], now: Timestamp) -> InSight {
        let mut found = InSight::default();
        for state in rows.iter().filter(|view| view.can_be_acknowledged()).map(|view| &view.state) {
            if self.has_seen(state, now) {
                found.seen.push((state.rule, state.occurrence));
            } else {
                found.fresh += 1;
            }
        }
        found
    }

    fn has_seen(&self, state: &AlarmState, now: Timestamp) -> bool {
        self.stands.get(&state.rule).is_some_and(|stand| {
            let is_same = stand.occurrence == state.occurrence && stand.called_at == state.called_at;
            is_same && now.since(stand.since) >= GLANCE
        })
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::Priority;

    use super::*;
    use crate::state::{test_alarm, test_rule};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(10_000_000 + millis)
    }

    #[test]
    fn only_what_stood_long_enough_was_seen() {
        let (a, b) = (test_alarm(1, Priority::P2, false, 1), test_alarm(2, Priority::P2, false, 1));
        let acknowledged = test_alarm(3, Priority::P2, true, 1);
        let mut sight = Sight::default();
        sight.look(&[a.clone(), acknowledged.clone()], at(0));
        let rows = [a.clone(), b.clone(), acknowledged];
        assert_eq!(sight.waiting(&rows, at(999)), InSight { seen: vec![], fresh: 2 });
        sight.look(&rows, at(999));
        assert_eq!(sight.waiting(&rows, at(1_000)), InSight { seen: vec![(test_rule(1), 1)], fresh: 1 });
        assert_eq!(sight.waiting(&rows, at(1_999)).seen, [(test_rule(1), 1), (test_rule(2), 1)]);
        assert_eq!(sight.seen(&rows, at(1_999)).len(), 3, "acknowledged or not");
        assert_eq!(sight.waiting(&[b], at(5_000)).seen, [(test_rule(2), 1)], "what is in sight alone");
        assert!(sight.waiting(&[a], at(-5_000)).seen.is_empty(), "a clock that is set back sees nothing");
    }

    #[test]
    fn what_leaves_or_calls_anew_begins_anew() {
        let first = test_alarm(1, Priority::P2, false, 1);
        let changed = |change: fn(&mut AlarmView)| {
            let mut view = AlarmView::clone(&first);
            change(&mut view);
            Arc::new(view)
        };
        let raised = changed(|view| view.state.occurrence = 2);
        let called = changed(|view| view.state.called_at = Timestamp::from_secs(9));
        let quiet = changed(|view| view.state.active = false);
        let mut sight = Sight::default();
        let seen =
            |sight: &Sight, view: &Arc<AlarmView>| sight.waiting(std::slice::from_ref(view), at(3_000)).seen.len();
        sight.look(std::slice::from_ref(&first), at(0));
        assert_eq!(seen(&sight, &raised), 0, "nobody has looked at this one");
        for anew in [&raised, &called] {
            sight.look(std::slice::from_ref(anew), at(2_500));
            assert_eq!(seen(&sight, anew), 0);
            sight.look(std::slice::from_ref(&first), at(0));
        }
        sight.look(std::slice::from_ref(&quiet), at(2_500));
        assert_eq!(seen(&sight, &quiet), 1, "it was seen before it returned to normal");
        sight.look(&[], at(2_600));
        sight.look(std::slice::from_ref(&quiet), at(2_700));
        assert_eq!(seen(&sight, &quiet), 0, "it was out of sight");
    }
}
