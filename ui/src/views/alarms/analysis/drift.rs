//! What of a rule is not as it was approved, in lines that people read: setting, approved value, present value, who
//! made it so and when. Pure; must not know the page.

use penstock_api::{DriftKind, FieldDrift, RuleChange, RuleDrift};
use penstock_model::AlarmRule;

use super::super::rules::{Difference, differences};
use crate::format;
use crate::i18n::{Locale, td_string};
use crate::state::PlantView;

/// A line of a rule that drifted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) setting: String,
    pub(super) approved: String,
    pub(super) now: String,
    pub(super) change: Option<RuleChange>,
}

/// Every line in which a rule is not as it was approved.
pub(super) fn lines(drift: &RuleDrift, plant: &PlantView, locale: Locale) -> Vec<Line> {
    let whole = |text: &'static str| {
        let change = drift.change.clone();
        let none = || format::NO_VALUE.to_owned();
        vec![Line { setting: text.to_owned(), approved: none(), now: none(), change }]
    };
    match (drift.kind, &drift.approved, &drift.now) {
        (DriftKind::Gone, ..) => whole(td_string!(locale, baseline.gone)),
        (DriftKind::Changed, Some(approved), Some(now)) => changed(&drift.fields, approved, now, plant, locale),
        _ => whole(td_string!(locale, baseline.unapproved)),
    }
}

fn changed(
    fields: &[FieldDrift],
    approved: &AlarmRule,
    now: &AlarmRule,
    plant: &PlantView,
    locale: Locale,
) -> Vec<Line> {
    // Whether a person has edited it is no setting.
    let now = AlarmRule { edited: approved.edited, ..now.clone() };
    let told = differences(approved, &now, plant, locale);
    let is_told = |field: &&FieldDrift| told.iter().any(|line| line.tells_of(&field.field));
    // What no line tells of, or what rounding hides, is shown as it is stored.
    let untold = fields.iter().filter(|field| !is_told(field)).map(|field| Line {
        setting: field.field.clone(),
        approved: field.approved.clone().unwrap_or_else(|| format::NO_VALUE.to_owned()),
        now: field.now.clone().unwrap_or_else(|| format::NO_VALUE.to_owned()),
        change: field.change.clone(),
    });
    let line = |told: &Difference| {
        let field = fields.iter().find(|field| told.tells_of(&field.field));
        let change = field.and_then(|field| field.change.clone());
        Line { setting: told.name.to_owned(), approved: told.was.clone(), now: told.is.clone(), change }
    };
    told.iter().map(line).chain(untold).collect()
}

/// The rule that a save returns to what was approved; none where it was never approved.
pub(super) fn as_approved(drift: &RuleDrift) -> Option<AlarmRule> {
    let approved = drift.approved.as_deref()?.clone();
    let version = drift.now.as_ref().map_or(approved.version, |now| now.version);
    Some(AlarmRule { version, ..approved })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_api::{NamedAlarm, Register};
    use penstock_model::{Condition, LimitLevel, Plant, Quantity, RuleId, Subject, TenantId, Timestamp};

    use super::*;
    use crate::state::test_point;

    fn plant() -> PlantView {
        let plant = Plant {
            tenant: TenantId::made(Timestamp::from_secs(1), [1; 10]),
            name: String::new(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        };
        PlantView::new(Register { version: 1, plant, points: vec![test_point(Quantity::Pressure)], tiles: false })
    }

    fn rule(deadband: f64) -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 5e5, deadband };
        let id = RuleId::made(Timestamp::from_secs(1), [1; 10]);
        AlarmRule::new(id, Subject::Point(test_point(Quantity::Pressure).id), condition)
    }

    fn drift(kind: DriftKind, now: Option<AlarmRule>, fields: Vec<FieldDrift>) -> RuleDrift {
        let approved = rule(10_000.0);
        let alarm = NamedAlarm {
            rule: approved.id,
            subject: approved.subject,
            condition: approved.condition.clone(),
            name: String::new(),
            priority: approved.priority,
        };
        let change = Some(change(9));
        RuleDrift { alarm, kind, approved: Some(Box::new(approved)), now: now.map(Box::new), fields, change }
    }

    fn change(version: u32) -> RuleChange {
        RuleChange { version: Some(version), at: Timestamp::from_secs(1), by: Some("Asha".into()), reason: None }
    }

    fn field(name: &str, version: u32) -> FieldDrift {
        let text = |text: &str| Some(text.to_owned());
        FieldDrift { field: name.to_owned(), approved: text("1"), now: text("2"), change: Some(change(version)) }
    }

    #[test]
    fn every_setting_has_its_own_change() {
        let on_delay = Duration::from_secs(30);
        let now = AlarmRule { version: 4, edited: true, on_delay, contact: "Asha".into(), ..rule(20_000.0) };
        let named = [("condition.limit.deadband", 3), ("contact", 5), ("later.setting", 2), ("on_delay", 4)];
        let fields = named.into_iter().map(|(name, version)| field(name, version)).collect();
        let drift = drift(DriftKind::Changed, Some(now), fields);
        let told: Vec<_> = lines(&drift, &plant(), Locale::en)
            .into_iter()
            .map(|line| (line.setting, line.approved.replace('\u{a0}', " "), line.change.and_then(|own| own.version)))
            .collect();
        let line =
            |setting: &str, approved: &str, version: u32| (setting.to_owned(), approved.to_owned(), Some(version));
        let expected = [
            line("Deadband", "0.1 bar", 3),
            line("On-delay", "0 s", 4),
            line("Whom to call, in this order", format::NO_VALUE, 5),
            line("later.setting", "1", 2),
        ];
        assert_eq!(told, expected);
        let back = as_approved(&drift).expect("approved");
        assert_eq!(back, AlarmRule { version: 4, ..rule(10_000.0) });
    }

    #[test]
    fn what_is_gone_or_new_is_one_line() {
        let told = |drift: &RuleDrift| {
            let lines = lines(drift, &plant(), Locale::en);
            lines.into_iter().map(|line| line.setting).collect::<Vec<_>>()
        };
        let gone = drift(DriftKind::Gone, None, vec![]);
        assert_eq!(told(&gone), ["The rule was removed"]);
        assert_eq!(as_approved(&gone).map(|rule| rule.version), Some(1));
        let new = RuleDrift { approved: None, ..drift(DriftKind::Unapproved, Some(rule(0.0)), vec![]) };
        assert_eq!(told(&new), ["The rule was never approved"]);
        assert_eq!(as_approved(&new), None);
    }
}
