//! The alarm journal as people read it: entries with names and rules, as rows of a list and as lines of a file. Lines
//! are made of the same rows, so that a file holds what the list shows. Must not know who asks.

use std::collections::{BTreeMap, BTreeSet};

use penstock_api::{ApiError, Code, JournalFilter, JournalRow};
use penstock_model::{AlarmRule, Condition, LimitLevel, RuleId, Subject, TransitionDetail, figure};
use penstock_store::{JournalRecord, Reader};

use crate::configuration::store_error;
use crate::points_csv::{for_spreadsheets, word};
use crate::register::{Inner, Register};

/// The columns of a file, in the order they are written. Times are UTC, values in the unit that screens show.
pub(crate) const COLUMNS: [&str; 13] = [
    "time",
    "point",
    "site",
    "area",
    "alarm",
    "priority",
    "what",
    "value",
    "unit",
    "who",
    "comment",
    "rule_version",
    "detail",
];

/// Rules, places, people and so on that a filter may name of each.
const MOST_NAMED: usize = 1_000;
/// Characters of the text that is looked for.
const MOST_CHARS: usize = 500;

/// What storage is asked for.
///
/// # Errors
/// [`Code::Invalid`] where it names too much, or words too short to be found.
pub(crate) fn filter_of(asked: JournalFilter) -> Result<penstock_store::JournalFilter, ApiError> {
    let JournalFilter { from, to, rules, sites, areas, priorities, kinds, people, text } = asked;
    let named = [rules.len(), sites.len(), areas.len(), priorities.len(), kinds.len(), people.len()];
    if named.into_iter().any(|count| count > MOST_NAMED) || text.chars().count() > MOST_CHARS {
        return Err(ApiError::invalid(format!(
            "a filter names at most {MOST_NAMED} of a kind and looks for at most {MOST_CHARS} characters: narrow it"
        )));
    }
    if !text.trim().is_empty() && !JournalFilter::can_find(&text) {
        let least = JournalFilter::LEAST_LETTERS;
        return Err(ApiError::invalid(format!("search begins at {least} letters: give one word at least that many")));
    }
    Ok(penstock_store::JournalFilter { from, to, rules, sites, areas, priorities, kinds, people, text })
}

/// Rules as they are, or as they were before they were removed: their alarms stay in the journal.
///
/// # Errors
/// Those of the database.
pub(crate) async fn rules_of(
    register: &Register,
    screens: &Reader,
    asked: BTreeSet<RuleId>,
) -> Result<BTreeMap<RuleId, AlarmRule>, ApiError> {
    let mut rules: BTreeMap<RuleId, AlarmRule> = {
        let register = register.lock();
        asked.iter().filter_map(|rule| Some((*rule, register.rules.get(rule)?.clone()))).collect()
    };
    let gone: Vec<RuleId> = asked.into_iter().filter(|rule| !rules.contains_key(rule)).collect();
    if !gone.is_empty() {
        let last = screens.last_rules(&gone).await.map_err(store_error)?;
        rules.extend(last.into_iter().map(|rule| (rule.id, rule)));
    }
    Ok(rules)
}

/// The rule of an alarm, as it is or as it was before it was removed.
///
/// # Errors
/// [`Code::NotFound`] where there never was one, and those of the database.
pub(crate) async fn rule_of(register: &Register, screens: &Reader, rule: RuleId) -> Result<AlarmRule, ApiError> {
    let found = rules_of(register, screens, BTreeSet::from([rule])).await?.remove(&rule);
    found.ok_or_else(|| ApiError::new(Code::NotFound, "there is no such alarm: load the list again"))
}

/// Entries with the names and rules that a list shows: what they were about then, under the names of today.
///
/// # Errors
/// Those of the database.
pub(crate) async fn rows(
    register: &Register,
    screens: &Reader,
    records: Vec<JournalRecord>,
) -> Result<Vec<JournalRow>, ApiError> {
    let names = match records.iter().any(|record| record.entry.transition.by.is_some()) {
        true => screens.names().await.map_err(store_error)?,
        false => BTreeMap::new(),
    };
    let asked = records.iter().map(|record| record.entry.transition.rule).collect();
    let rules = rules_of(register, screens, asked).await?;
    let row = |record: JournalRecord| {
        let rule = rules.get(&record.entry.transition.rule)?;
        Some(JournalRow {
            seq: record.entry.seq,
            by: record.entry.transition.by.and_then(|by| names.get(&by).cloned()),
            subject: record.subject.unwrap_or(rule.subject),
            site: record.site,
            area: record.area,
            name: rule.name.clone(),
            condition: rule.condition.clone(),
            priority: record.priority.unwrap_or(rule.priority),
            transition: record.entry.transition,
        })
    };
    Ok(records.into_iter().filter_map(row).collect())
}

/// A row as a line of a file.
pub(crate) fn cells(register: &Inner, row: &JournalRow) -> [String; COLUMNS.len()] {
    let transition = &row.transition;
    let plant = &register.plant;
    let point = register.point_of(row.subject);
    let site = row.site.and_then(|id| plant.sites.iter().find(|site| site.id == id));
    let area = row.area.and_then(|id| plant.areas.iter().find(|area| area.id == id));
    let unit = point.map(|point| point.display_unit()).filter(|_| transition.value.is_some());
    let value = transition.value.map(|si| figure(unit.map_or(si, |unit| unit.from_si(si))));
    for_spreadsheets([
        transition.at.to_string(),
        point.map(|point| point.name.clone()).unwrap_or_default(),
        site.map(|site| site.name.clone()).unwrap_or_default(),
        area.map(|area| area.name.clone()).unwrap_or_default(),
        called(register, &row.name, row.subject, &row.condition),
        format!("P{}", row.priority.digit()),
        word(&transition.kind),
        value.unwrap_or_default(),
        unit.map(|unit| unit.symbol().to_owned()).unwrap_or_default(),
        row.by.clone().unwrap_or_default(),
        transition.comment.clone().unwrap_or_default(),
        transition.rule_version.to_string(),
        detail_of(transition.detail.as_ref()),
    ])
}

/// What an alarm is called: its rule's own name, else what it is about and what it judges.
pub(crate) fn called(register: &Inner, name: &str, subject: Subject, condition: &Condition) -> String {
    if !name.is_empty() {
        return name.to_owned();
    }
    let plant = &register.plant;
    let about = match subject {
        Subject::Point(id) => register.point(id).map(|point| match point.description.is_empty() {
            true => point.quantity.name().to_owned(),
            false => point.description.clone(),
        }),
        Subject::Site(id) => plant.sites.iter().find(|site| site.id == id).map(|site| site.name.clone()),
        Subject::Asset(id) => plant.assets.iter().find(|asset| asset.id == id).map(|asset| asset.name.clone()),
    };
    let judged = match condition {
        Condition::Limit { level: LimitLevel::LowLow, .. } => "low-low",
        Condition::Limit { level: LimitLevel::Low, .. } => "low",
        Condition::Limit { level: LimitLevel::High, .. } => "high",
        Condition::Limit { level: LimitLevel::HighHigh, .. } => "high-high",
        other => other.kind(),
    };
    match about {
        Some(about) => format!("{about}: {judged}"),
        None => judged.to_owned(),
    }
}

fn detail_of(detail: Option<&TransitionDetail>) -> String {
    match detail {
        None => String::new(),
        Some(TransitionDetail::Raise(raise)) => {
            let said = [
                (raise.latches, "latches"),
                (raise.needs_no_acknowledgement, "needs no acknowledgement"),
                (raise.first_out, "first of its group"),
            ];
            said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, said)| said).collect::<Vec<_>>().join(", ")
        }
        Some(TransitionDetail::Shelving(shelving)) => match shelving.one_shot {
            true => format!("until {}, or until it returns to normal", shelving.until),
            false => format!("until {}", shelving.until),
        },
        Some(TransitionDetail::CommentDemanded) => "comment demanded".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{
        Plant, Priority, Raise, Shelving, Site, SiteId, SiteKind, TenantId, Timestamp, Transition, TransitionKind,
    };

    use super::*;

    fn plant(site: SiteId) -> Plant {
        let kind = SiteKind::Pumping;
        Plant {
            tenant: TenantId::made(Timestamp::from_secs(1), [1; 10]),
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![Site { id: site, name: "PS-1".into(), kind, area: None, position: None }],
            assets: vec![],
            pipes: vec![],
        }
    }

    #[test]
    fn a_line_says_what_a_row_shows() {
        let at = Timestamp::from_secs(1_000);
        let site = SiteId::made(at, [1; 10]);
        let row = JournalRow {
            seq: 7,
            transition: Transition {
                rule: RuleId::made(at, [2; 10]),
                occurrence: 1,
                kind: TransitionKind::Shelved,
                at,
                value: Some(0.5),
                by: None,
                comment: Some("pump, \"2\"".into()),
                rule_version: 3,
                detail: Some(TransitionDetail::Shelving(Shelving {
                    until: Timestamp::from_secs(1_900),
                    one_shot: true,
                })),
            },
            by: Some("Asha Verma".into()),
            subject: Subject::Site(site),
            site: Some(site),
            area: None,
            name: String::new(),
            condition: Condition::Anomaly { score: 0.9 },
            priority: Priority::P2,
        };
        let register = Register::new(plant(site), Vec::new(), Vec::new());
        let line = cells(&register.lock(), &row).join("|");
        let expect = "1970-01-01T00:16:40Z||PS-1||PS-1: anomaly|P2|shelved|0.5||Asha Verma|pump, \"2\"|3|\
                      until 1970-01-01T00:31:40Z, or until it returns to normal";
        assert_eq!(line, expect);
        let comment = Some("=HYPERLINK(\"http://elsewhere\")".to_owned());
        let transition = Transition { comment, value: Some(-0.5), ..row.transition };
        let named = JournalRow { name: "Inflow watch".into(), transition, ..row };
        let line = cells(&register.lock(), &named);
        assert_eq!(line.get(4).map(String::as_str), Some("Inflow watch"));
        // A spreadsheet calculates no comment, and takes a value as the number it is.
        assert_eq!(line.get(7).map(String::as_str), Some("-0.5"));
        assert_eq!(line.get(10).map(String::as_str), Some("'=HYPERLINK(\"http://elsewhere\")"));
    }

    #[test]
    fn what_a_raise_begins_is_said() {
        let raise = Raise { latches: true, needs_no_acknowledgement: false, first_out: true };
        assert_eq!(detail_of(Some(&TransitionDetail::Raise(raise))), "latches, first of its group");
        assert_eq!(detail_of(None), "");
        assert_eq!(detail_of(Some(&TransitionDetail::CommentDemanded)), "comment demanded");
    }

    #[test]
    fn a_filter_is_bounded() {
        let all = JournalFilter::within(Timestamp::MIN, Timestamp::MAX);
        assert_eq!(filter_of(all.clone()).ok(), Some(penstock_store::JournalFilter::default()));
        assert!(filter_of(JournalFilter { text: "x".repeat(MOST_CHARS + 1), ..all.clone() }).is_err());
        let texts = |text: &str| filter_of(JournalFilter { text: text.into(), ..all.clone() }).is_ok();
        assert_eq!(["", "  ", "ab", "ab 1", "ab cde", "पंप"].map(texts), [true, true, false, false, true, true]);
        assert!(!texts("a b c d e f g h long"), "words beyond those that count find nothing");
        let rule = RuleId::made(Timestamp::from_secs(1), [1; 10]);
        assert!(filter_of(JournalFilter { rules: vec![rule; MOST_NAMED + 1], ..all }).is_err());
    }
}
