//! What of the list stands on the screen: in its order, or, while a hand is on it, in the order it had, with newcomers
//! waiting. Follows the list change by change. Pure; must not know the page.

use std::sync::Arc;

use penstock_api::AlarmView;
use penstock_model::RuleId;

use super::list::Filter;
use crate::i18n::Locale;
use crate::state::{Listed, PlantView, put_in, take_out};

/// More changes than these at once, and everything is looked at anew.
const FEW: usize = 64;

/// Whether the order holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hold {
    /// A hand is on the list.
    pub(super) is_held: bool,
    /// How often newcomers were taken in by hand.
    pub(super) taken: u32,
}

/// What is let through, and in which words it is looked for.
pub(super) struct Sieve {
    pub(super) filter: Filter,
    pub(super) plant: Option<Arc<PlantView>>,
    pub(super) locale: Locale,
    /// Changes with plant and language.
    pub(super) edition: u64,
}

impl Sieve {
    fn lets(&self, view: &AlarmView) -> bool {
        self.filter.lets(view, self.plant.as_deref(), self.locale)
    }
}

/// What is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// What the filter lets through, in the order in which it is shown.
    pub(super) rows: Arc<Vec<Arc<AlarmView>>>,
    /// How many newcomers wait, whatever the filter says of them.
    pub(super) waiting: usize,
    /// The same as the rows before the filter.
    order: Vec<Arc<AlarmView>>,
    hold: Hold,
    /// By what the rows were let through.
    sieved: Option<(Filter, u64)>,
    /// Up to which change of the list this has everything.
    version: u64,
}

impl Shown {
    /// What is shown next, and whether that is anything else.
    pub(super) fn follow(mut self, listed: &Listed, hold: Hold, sieve: &Sieve) -> (Self, bool) {
        let keeps_order = hold.is_held && self.hold.taken == hold.taken && !self.order.is_empty();
        let was_in_order = self.waiting == 0 && !self.hold.is_held;
        let is_sieved =
            self.sieved.as_ref().is_some_and(|(filter, edition)| *filter == sieve.filter && *edition == sieve.edition);
        let changed: Option<Vec<RuleId>> =
            listed.changed_since(self.version).map(|changed| changed.take(FEW + 1).collect());
        let few = changed.filter(|changed| changed.len() <= FEW);
        let mut is_else = true;
        match few {
            Some(changed) if keeps_order && is_sieved => is_else = self.hold_still(&changed, listed, sieve),
            Some(changed) if !hold.is_held && was_in_order && is_sieved && self.hold.taken == hold.taken => {
                is_else = !changed.is_empty();
                self.keep_up(&changed, listed, sieve);
            }
            _ => {
                if keeps_order {
                    let now = |view: &Arc<AlarmView>| listed.get(view.state.rule).cloned();
                    self.order = self.order.iter().filter_map(now).collect();
                } else {
                    self.order = listed.to_vec();
                }
                self.sift(sieve);
            }
        }
        self.waiting = listed.len().saturating_sub(self.order.len());
        self.hold = hold;
        self.version = listed.version();
        (self, is_else)
    }

    /// Everything stays where it is: what is gone drops out, what has changed is shown so.
    fn hold_still(&mut self, changed: &[RuleId], listed: &Listed, sieve: &Sieve) -> bool {
        let mut is_let_in = false;
        for rule in changed {
            let is_own = |view: &Arc<AlarmView>| view.state.rule == *rule;
            let Some(at) = self.order.iter().position(is_own) else { continue };
            let rows = Arc::make_mut(&mut self.rows);
            let in_rows = rows.iter().position(is_own);
            let now = listed.get(*rule);
            match (now, in_rows) {
                (Some(now), Some(row)) if sieve.lets(now) => {
                    if let Some(slot) = rows.get_mut(row) {
                        *slot = Arc::clone(now);
                    }
                }
                (_, Some(row)) => drop(rows.remove(row)),
                (Some(now), None) => is_let_in |= sieve.lets(now),
                (None, None) => {}
            }
            match now {
                Some(now) => {
                    if let Some(slot) = self.order.get_mut(at) {
                        *slot = Arc::clone(now);
                    }
                }
                None => drop(self.order.remove(at)),
            }
        }
        if is_let_in {
            self.sift(sieve);
        }
        // Newcomers count too.
        !changed.is_empty()
    }

    /// What has changed goes where it belongs.
    fn keep_up(&mut self, changed: &[RuleId], listed: &Listed, sieve: &Sieve) {
        for rule in changed {
            if let Some(at) = self.order.iter().position(|view| view.state.rule == *rule) {
                let former = self.order.remove(at);
                take_out(Arc::make_mut(&mut self.rows), &former);
            }
            if let Some(now) = listed.get(*rule) {
                put_in(&mut self.order, Arc::clone(now));
                if sieve.lets(now) {
                    put_in(Arc::make_mut(&mut self.rows), Arc::clone(now));
                }
            }
        }
    }

    fn sift(&mut self, sieve: &Sieve) {
        self.rows = Arc::new(self.order.iter().filter(|view| sieve.lets(view)).cloned().collect());
        self.sieved = Some((sieve.filter.clone(), sieve.edition));
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Priority, Watch};

    use super::*;
    use crate::state::{test_alarm, test_rule};

    fn everything() -> Sieve {
        let filter = Filter {
            text: String::new(),
            priorities: [true; 4],
            site: None,
            state: String::new(),
            watch: Watch::default(),
        };
        Sieve { filter, plant: None, locale: Locale::en, edition: 0 }
    }

    fn only(state: &str) -> Sieve {
        let all = everything();
        Sieve { filter: Filter { state: state.into(), ..all.filter }, ..all }
    }

    fn ids(shown: &Shown) -> Vec<RuleId> {
        shown.rows.iter().map(|view| view.state.rule).collect()
    }

    const FREE: Hold = Hold { is_held: false, taken: 0 };
    const HELD: Hold = Hold { is_held: true, taken: 0 };

    #[test]
    fn newcomers_wait_until_they_are_taken_in() {
        let mut listed: Listed = [test_alarm(1, Priority::P3, false, 1)].into_iter().collect();
        let (first, _) = Shown::default().follow(&listed, HELD, &everything());
        assert_eq!((first.rows.len(), first.waiting), (1, 0));
        listed.put(test_rule(2), Some(test_alarm(2, Priority::P1, false, 2)));
        let (held, is_else) = first.follow(&listed, HELD, &everything());
        assert_eq!((held.rows.len(), held.waiting, is_else), (1, 1, true));
        let (same, is_else) = held.follow(&listed, HELD, &everything());
        assert_eq!((same.waiting, is_else), (1, false));
        let (taken, _) = same.clone().follow(&listed, Hold { taken: 1, ..HELD }, &everything());
        assert_eq!((ids(&taken), taken.waiting), (vec![test_rule(2), test_rule(1)], 0));
        let (freed, _) = same.follow(&listed, FREE, &everything());
        assert_eq!(ids(&freed), vec![test_rule(2), test_rule(1)]);
    }

    #[test]
    fn under_the_hand_nothing_moves() {
        let (a, b) = (test_alarm(1, Priority::P1, false, 1), test_alarm(2, Priority::P2, false, 2));
        let mut listed: Listed = [a, b].into_iter().collect();
        let (shown, _) = Shown::default().follow(&listed, HELD, &everything());
        let acknowledged = test_alarm(1, Priority::P1, true, 1);
        listed.put(test_rule(1), Some(Arc::clone(&acknowledged)));
        assert_eq!(listed.first().map(|view| view.state.rule), Some(test_rule(2)), "it has gone down the list");
        let (shown, _) = shown.follow(&listed, HELD, &everything());
        assert_eq!(shown.rows.first(), Some(&acknowledged));
        listed.put(test_rule(1), None);
        let (shown, _) = shown.follow(&listed, HELD, &everything());
        assert_eq!((ids(&shown), shown.waiting), (vec![test_rule(2)], 0));
    }

    #[test]
    fn what_the_filter_hides_comes_back_to_its_place() {
        let all = [1, 2, 3].map(|id| test_alarm(id, Priority::P2, false, i64::from(id)));
        let mut listed: Listed = all.into_iter().collect();
        let (shown, _) = Shown::default().follow(&listed, HELD, &only("acked"));
        assert!(shown.rows.is_empty());
        listed.put(test_rule(2), Some(test_alarm(2, Priority::P2, true, 2)));
        let (shown, _) = shown.follow(&listed, HELD, &only("acked"));
        assert_eq!(ids(&shown), vec![test_rule(2)]);
        let (shown, _) = shown.follow(&listed, HELD, &everything());
        assert_eq!(ids(&shown), vec![test_rule(3), test_rule(2), test_rule(1)], "as it stood under the hand");
        let (shown, _) = shown.follow(&listed, HELD, &only("unacked"));
        assert_eq!(ids(&shown), vec![test_rule(3), test_rule(1)]);
    }

    #[test]
    fn a_change_rebuilds_nothing() {
        let many = (0..250).map(|id| test_alarm(id, Priority::P3, false, i64::from(id)));
        for hold in [FREE, HELD] {
            let mut listed: Listed = many.clone().collect();
            let (shown, _) = Shown::default().follow(&listed, hold, &everything());
            let (before, untouched) = (Arc::as_ptr(&shown.rows), Arc::strong_count(&shown.rows[7]));
            listed.put(test_rule(100), Some(test_alarm(100, Priority::P1, true, 1)));
            listed.put(test_rule(50), None);
            let (shown, _) = shown.follow(&listed, hold, &everything());
            assert_eq!(Arc::as_ptr(&shown.rows), before, "the rows are the same, changed in place");
            assert_eq!(Arc::strong_count(&shown.rows[7]), untouched);
            assert_eq!(shown.rows.len(), 249);
        }
    }

    #[test]
    fn change_by_change_it_shows_what_the_list_would() {
        let mut listed = Listed::default();
        let (mut free, mut narrow) = (Shown::default(), Shown::default());
        let mut dice = 11_u64;
        for step in 0..600_i64 {
            let burst = if step % 97 == 96 { 200 } else { 3 };
            for _ in 0..burst {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let thrown = (dice >> 33) as u32;
                let id = (thrown % 80) as u8;
                let now = (!(thrown / 80).is_multiple_of(3)).then(|| {
                    test_alarm(id, Priority::ALL[(thrown / 240 % 4) as usize], (thrown / 960).is_multiple_of(2), step)
                });
                listed.put(test_rule(id), now);
            }
            // A hand now and then.
            let hold = if step % 50 < 10 { HELD } else { FREE };
            (free, _) = free.follow(&listed, hold, &everything());
            (narrow, _) = narrow.follow(&listed, hold, &only("unacked"));
            let wanted = |view: &&Arc<AlarmView>| only("unacked").lets(view);
            if hold == FREE {
                assert_eq!(*free.rows, listed.to_vec(), "step {step}");
                assert_eq!(*narrow.rows, listed.iter().filter(wanted).cloned().collect::<Vec<_>>(), "step {step}");
            } else {
                for row in free.rows.iter() {
                    assert_eq!(listed.get(row.state.rule), Some(row), "step {step}");
                }
                assert_eq!(free.rows.len() + free.waiting, listed.len(), "step {step}");
                assert_eq!(*narrow.rows, free.rows.iter().filter(wanted).cloned().collect::<Vec<_>>(), "step {step}");
            }
        }
    }
}
