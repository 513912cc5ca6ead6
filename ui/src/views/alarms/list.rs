//! What a person wants to see of the list, and the cursor's steps. Pure; must not know the page.

use std::sync::Arc;

use penstock_api::AlarmView;
use penstock_model::{RuleId, SiteId, Watch};

use crate::i18n::Locale;
use crate::keys::moves_cursor;
use crate::state::{PlantView, concerns};
use crate::words;

/// What a person wants to see.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    /// Words that must all occur in point, place or alarm.
    pub(super) text: String,
    /// Priorities wanted, the most urgent first.
    pub(super) priorities: [bool; 4],
    pub(super) site: Option<SiteId>,
    /// `unacked`, `acked`, `returned`, `latched` or empty.
    pub(super) state: String,
    /// Only what concerns who watches so.
    pub(super) watch: Watch,
}

impl Filter {
    /// Whether somebody looks for something in particular.
    pub(super) fn is_narrow(&self) -> bool {
        !self.text.trim().is_empty() || self.priorities != [true; 4] || self.site.is_some() || !self.state.is_empty()
    }

    /// Whether an alarm is wanted.
    pub(super) fn lets(&self, view: &AlarmView, plant: Option<&PlantView>, locale: Locale) -> bool {
        let at = usize::from(view.priority.digit() - 1);
        if !self.priorities.get(at).copied().unwrap_or(true) {
            return false;
        }
        let is_state = match self.state.as_str() {
            "unacked" => view.state.active && !view.state.acknowledged,
            "acked" => view.state.active && view.state.acknowledged,
            "returned" => !view.state.active,
            "latched" => view.state.latched && !view.state.active,
            _ => true,
        };
        if !is_state {
            return false;
        }
        if self.site.is_some() && plant.and_then(|plant| plant.site_of_subject(view.subject)) != self.site {
            return false;
        }
        if !concerns(&self.watch, plant, view) {
            return false;
        }
        if self.text.trim().is_empty() {
            return true;
        }
        let Some(plant) = plant else { return true };
        let (title, place) = (words::alarm_title(view, plant, locale), plant.place_of_subject(view.subject));
        let all = format!("{} {place} {title}", words::tag(view.subject, plant)).to_lowercase();
        self.text.to_lowercase().split_whitespace().all(|word| all.contains(word))
    }
}

/// Where the cursor goes from `at` in a list of `len` rows; by the keys that the keyboard's map shows alone.
pub(crate) fn step(key: &str, at: Option<usize>, len: usize) -> Option<usize> {
    let last = len.checked_sub(1).filter(|_| moves_cursor(key))?;
    match (key, at) {
        ("Home", _) => Some(0),
        ("End", _) => Some(last),
        ("j" | "J" | "ArrowDown", None) | ("k" | "K" | "ArrowUp", None) => Some(0),
        ("j" | "J" | "ArrowDown", Some(at)) => Some((at + 1).min(last)),
        ("k" | "K" | "ArrowUp", Some(at)) => Some(at.saturating_sub(1).min(last)),
        ("PageDown", at) => Some((at.unwrap_or(0) + 10).min(last)),
        ("PageUp", at) => Some(at.unwrap_or(0).saturating_sub(10)),
        _ => None,
    }
}

/// The next alarm by rank after `rule`: the next in the list's own order that waits for a hand, else from the top.
pub(super) fn next_by_rank(rule: Option<RuleId>, listed: &[Arc<AlarmView>]) -> Option<RuleId> {
    let waiting: Vec<RuleId> =
        listed.iter().filter(|view| !view.state.acknowledged).map(|view| view.state.rule).collect();
    let at = rule.and_then(|rule| waiting.iter().position(|other| *other == rule));
    let next = at.map_or(0, |at| (at + 1) % waiting.len().max(1));
    waiting.get(next).copied().or_else(|| listed.first().map(|view| view.state.rule))
}

#[cfg(test)]
mod tests {
    use penstock_model::Priority;

    use super::*;
    use crate::keys::LIST_LINES;
    use crate::state::{test_alarm, test_rule};

    fn alarm(id: u8, acknowledged: bool) -> Arc<AlarmView> {
        test_alarm(id, Priority::P2, acknowledged, 1)
    }

    #[test]
    fn filters_narrow() {
        let everything = Watch::default();
        let all =
            Filter { text: String::new(), priorities: [true; 4], site: None, state: String::new(), watch: everything };
        let lets = |filter: &Filter, view: &AlarmView| filter.lets(view, None, Locale::en);
        assert!(lets(&all, &alarm(1, false)));
        assert!(!lets(&Filter { priorities: [true, false, true, true], ..all.clone() }, &alarm(1, false)));
        assert!(!lets(&Filter { state: "acked".into(), ..all.clone() }, &alarm(1, false)));
        assert!(lets(&Filter { state: "acked".into(), ..all.clone() }, &alarm(1, true)));
        assert!(!all.is_narrow() && !Filter { text: "  ".into(), ..all.clone() }.is_narrow());
        assert!(Filter { text: "ghat".into(), ..all.clone() }.is_narrow());
        assert!(Filter { priorities: [true, true, true, false], ..all }.is_narrow());
    }

    #[test]
    fn the_cursor_stays_on_the_list() {
        let check = |key: &str, at: Option<usize>, expect: Option<usize>| assert_eq!(step(key, at, 3), expect, "{key}");
        check("j", None, Some(0));
        check("j", Some(2), Some(2));
        check("ArrowUp", Some(0), Some(0));
        check("End", None, Some(2));
        check("a", Some(1), None);
        assert_eq!(step("j", None, 0), None);
    }

    #[test]
    fn every_key_that_the_map_shows_moves_the_cursor() {
        let shown: Vec<&str> = LIST_LINES.iter().flat_map(|line| line.keys.iter().copied()).collect();
        let moving: Vec<&str> = shown.into_iter().filter(|key| moves_cursor(key)).collect();
        assert_eq!(moving.len(), 8);
        for key in moving {
            assert!(step(key, Some(20), 41).is_some_and(|to| to != 20), "{key}");
        }
    }

    #[test]
    fn the_next_by_rank_waits_for_a_hand() {
        let listed = [alarm(1, false), alarm(2, false), alarm(3, true)];
        let rule = |id: u8| Some(test_rule(id));
        assert_eq!(next_by_rank(None, &listed), rule(1));
        assert_eq!(next_by_rank(rule(1), &listed), rule(2));
        assert_eq!(next_by_rank(rule(2), &listed), rule(1));
        assert_eq!(next_by_rank(rule(3), &listed), rule(1));
        assert_eq!(next_by_rank(None, &[]), None);
    }
}
