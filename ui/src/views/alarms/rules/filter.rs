//! What the list of rules shows of what there is, and in which order. Pure; must not know the page.

use penstock_api::RuleRow;
use penstock_model::{AlarmRule, SiteId};

use crate::i18n::Locale;
use crate::state::PlantView;
use crate::words;

/// What a person wants to see.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    /// Words that must all occur in point, place, alarm or version.
    pub(super) text: String,
    /// Priorities wanted, the most urgent first.
    pub(super) priorities: [bool; 4],
    pub(super) site: Option<SiteId>,
    /// A kind of condition, or empty.
    pub(super) kind: String,
    /// `on`, `off`, `edited`, `own` or empty.
    pub(super) state: String,
}

impl Filter {
    /// Whether a rule is wanted.
    pub(super) fn lets(&self, row: &RuleRow, plant: Option<&PlantView>, locale: Locale) -> bool {
        let rule = &row.rule;
        let at = usize::from(rule.priority.digit() - 1);
        let is_state = match self.state.as_str() {
            "on" => rule.enabled,
            "off" => !rule.enabled,
            "edited" => rule.edited,
            "own" => !row.follows,
            _ => true,
        };
        if !is_state || !self.priorities.get(at).copied().unwrap_or(true) {
            return false;
        }
        if !self.kind.is_empty() && rule.condition.kind() != self.kind {
            return false;
        }
        let is_there = |site: SiteId| plant.and_then(|plant| plant.site_of_subject(rule.subject)) == Some(site);
        if !self.site.is_none_or(is_there) {
            return false;
        }
        if self.text.trim().is_empty() {
            return true;
        }
        let Some(plant) = plant else { return true };
        let (place, title) = (plant.place_of_subject(rule.subject), title(rule, plant, locale));
        let all = format!("{} {place} {title}", words::tag(rule.subject, plant)).to_lowercase();
        self.text.to_lowercase().split_whitespace().all(|word| all.contains(word))
    }
}

/// What a rule is called: its own name, else what its alarm says.
pub(super) fn title(rule: &AlarmRule, plant: &PlantView, locale: Locale) -> String {
    match rule.name.is_empty() {
        true => words::title(rule.subject, &rule.condition, plant, locale),
        false => rule.name.clone(),
    }
}

/// By point and place, then by kind and level, so that the rules of a point stand together.
pub(super) fn sorted(mut rows: Vec<RuleRow>, plant: Option<&PlantView>) -> Vec<RuleRow> {
    let key = |row: &RuleRow| {
        let rule = &row.rule;
        let of_plant = |plant: &PlantView| {
            let point = plant.point_of(rule.subject).map(|point| point.name.clone());
            (point.is_none(), point.unwrap_or_default(), plant.place_of_subject(rule.subject).to_owned())
        };
        (plant.map(of_plant), rule.condition.kind(), level(rule), rule.id)
    };
    rows.sort_by_cached_key(key);
    rows
}

fn level(rule: &AlarmRule) -> Option<penstock_model::LimitLevel> {
    match rule.condition {
        penstock_model::Condition::Limit { level, .. } => Some(level),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Condition, LimitLevel, PointId, Priority, RuleId, Subject, Timestamp};

    use super::*;

    fn row(id: u8, level: LimitLevel) -> RuleRow {
        let subject = Subject::Point(PointId::made(Timestamp::from_secs(1), [1; 10]));
        let condition = Condition::Limit { level, limit: 1.0, deadband: 0.0 };
        let rule = AlarmRule::new(RuleId::made(Timestamp::from_secs(1), [id; 10]), subject, condition);
        RuleRow { rule, follows: true }
    }

    #[test]
    fn filters_narrow() {
        let all = Filter {
            text: String::new(),
            priorities: [true; 4],
            site: None,
            kind: String::new(),
            state: String::new(),
        };
        let mut edited = row(1, LimitLevel::High);
        (edited.rule.edited, edited.rule.enabled, edited.rule.priority) = (true, false, Priority::P2);
        let lets = |filter: Filter| filter.lets(&edited, None, Locale::en);
        assert!(lets(all.clone()));
        assert!(!lets(Filter { priorities: [true, false, true, true], ..all.clone() }));
        for (state, expect) in [("on", false), ("off", true), ("edited", true), ("own", false)] {
            assert_eq!(lets(Filter { state: state.into(), ..all.clone() }), expect, "{state}");
        }
        assert!(lets(Filter { kind: "limit".into(), ..all.clone() }));
        assert!(!lets(Filter { kind: "rate".into(), ..all }));
    }

    #[test]
    fn the_rules_of_a_point_stand_in_order() {
        let rows = vec![row(1, LimitLevel::HighHigh), row(3, LimitLevel::Low), row(2, LimitLevel::Low)];
        let order: Vec<RuleId> = sorted(rows.clone(), None).into_iter().map(|row| row.rule.id).collect();
        assert_eq!(order, [rows[2].rule.id, rows[1].rule.id, rows[0].rule.id]);
    }
}
