//! How much alarms ask of people at present, and what keeps alarms from calling without anybody having allowed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use penstock_alarm::{Allowance, Baseline, PutAway, unauthorised};
use penstock_api::{
    AlarmMetrics, AlarmView, ApiError, Done, NamedAlarm, UnauthorisedSuppression, UnauthorisedSuppressions,
};
use penstock_model::{AlarmRule, KeptBy, Permission, Person, RuleId, Timestamp, Transition, TransitionKind, UserId};
use penstock_store::{AuditEntry, JournalFilter, JournalPage};

use super::alarms::{OPERATORS_SHELF, demanded};
use super::points::to_its_end;
use super::{Context, DONE};
use crate::configuration::{count, store_error};

/// Entries of the journal that are searched for who put alarms away.
const MOST_ENTRIES: u32 = 10_000;
/// What began less than this ago is not judged: its entry may be on its way into the database.
const SETTLES: Duration = Duration::from_secs(60);

/// The newest entry of each rule and kind, by whom where somebody is known.
type Entries = BTreeMap<(RuleId, TransitionKind), Transition>;

impl Context<'_> {
    pub(super) fn alarm_metrics(&self) -> AlarmMetrics {
        let (at, metrics) = self.shared.live.metrics();
        let (standing, stale) = self.shared.live.standing();
        let whole = |calls: f64| calls.round() as u32;
        AlarmMetrics {
            at,
            since: metrics.start_time,
            calls: metrics.alarm_count,
            in_ten_minutes: whole(metrics.current_rate),
            most_in_ten_minutes: whole(metrics.maximum_rate),
            average_in_ten_minutes: metrics.average_rate,
            longest_active: metrics.maximum_active,
            longest_unacknowledged: metrics.maximum_unacknowledged,
            most_realarms: metrics.maximum_realarm_count,
            standing: count(standing),
            stale: count(stale),
        }
    }

    /// Has the metrics begin anew once the audit says so, with what they were.
    pub(super) async fn reset_alarm_metrics(&self, reason: &str) -> Result<Done, ApiError> {
        let entry = AuditEntry {
            old: serde_json::to_value(self.alarm_metrics()).ok(),
            reason: Some(demanded(reason)?),
            ..self.audit("alarm metrics")
        };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move {
            shared.store.append_audit(&[entry]).await.map_err(store_error)?;
            shared.live.reset_metrics();
            Ok(DONE)
        })
        .await
    }

    pub(super) async fn unauthorised(&self) -> Result<UnauthorisedSuppressions, ApiError> {
        let shared = self.shared;
        let kept = shared.live.kept();
        if kept.is_empty() {
            return Ok(UnauthorisedSuppressions::default());
        }
        // A chain that is broken approves nothing.
        let baseline = shared.known_baseline().await?;
        let suppressors = self.suppressors().await?;
        let entries = self.who_put_away(&kept).await?;
        let names = shared.screens.names().await.map_err(store_error)?;
        let now = shared.clock.now();
        let register = shared.register.lock();
        let mut rows: Vec<UnauthorisedSuppression> = Vec::new();
        for view in &kept {
            let rule = register.rules.get(&view.state.rule);
            let entry = |kind: TransitionKind| entries.get(&(view.state.rule, kind));
            let allowance = Allowance {
                longest_shelf: rule.and_then(|rule| rule.longest_shelf).unwrap_or(OPERATORS_SHELF),
                shelved: put_away(
                    entry(TransitionKind::Shelved),
                    view.state.shelf.and_then(|shelf| shelf.by),
                    &suppressors,
                ),
                out_of_service: put_away(entry(TransitionKind::TakenOutOfService), None, &suppressors),
                is_design_approved: is_design_approved(rule, baseline.as_deref()),
            };
            let found = unauthorised(&view.state, &allowance, now).into_iter();
            // One that begins in the future began while the clock was ahead.
            let is_settled = |since: Timestamp| now.since(since) >= SETTLES || since > now;
            rows.extend(found.filter(|found| is_settled(found.since)).map(|found| {
                let by = match found.kept {
                    KeptBy::Shelved => entry(TransitionKind::Shelved),
                    KeptBy::OutOfService => entry(TransitionKind::TakenOutOfService),
                    KeptBy::Suppressed => None,
                };
                UnauthorisedSuppression {
                    alarm: named(view),
                    kept: found.kept,
                    since: found.since,
                    by: by.and_then(|entry| entry.by).and_then(|by| names.get(&by).cloned()),
                    objection: found.objection,
                }
            }));
        }
        Ok(longest(rows))
    }

    /// Who may take alarms out of service and shelve them for longer than an operator, by the roles they have now.
    pub(super) async fn suppressors(&self) -> Result<BTreeSet<UserId>, ApiError> {
        let shared = self.shared;
        let people = shared.store.people(shared.tenant).await.map_err(store_error)?;
        let may =
            |person: &Person| person.roles.iter().any(|role| role.permissions().allow(Permission::SuppressAlarms));
        let all = people.into_iter().chain(shared.demo.remembered());
        Ok(all.filter(may).map(|person| person.id).collect())
    }

    /// Who shelved these alarms last, and who took them out of service.
    async fn who_put_away(&self, kept: &[AlarmView]) -> Result<Entries, ApiError> {
        // What its design suppresses nobody has put away.
        let away = kept.iter().filter(|view| view.state.shelf.is_some() || view.state.out_of_service.is_some());
        let rules: Vec<RuleId> = away.map(|view| view.state.rule).collect();
        if rules.is_empty() {
            return Ok(Entries::new());
        }
        let filter = JournalFilter {
            rules,
            kinds: vec![TransitionKind::Shelved, TransitionKind::TakenOutOfService],
            ..JournalFilter::default()
        };
        let page = JournalPage { filter, before: None, limit: MOST_ENTRIES };
        // The newest come first.
        let page = self.shared.screens.journal(&page).await.map_err(store_error)?;
        Ok(newest(page.into_iter().map(|record| record.entry.transition)))
    }
}

/// The newest entry of each rule and kind, of entries the newest first. One by nobody gives way to who put the alarm
/// away: the end of a shelf moves along with the station's clock.
fn newest(entries: impl IntoIterator<Item = Transition>) -> Entries {
    let mut newest = Entries::new();
    for entry in entries {
        let known = newest.entry((entry.rule, entry.kind)).or_insert_with(|| entry.clone());
        if known.by.is_none() && entry.by.is_some() {
            *known = entry;
        }
    }
    newest
}

/// Those that are told of these, with how many there are.
fn longest(mut rows: Vec<UnauthorisedSuppression>) -> UnauthorisedSuppressions {
    let all = count(rows.len());
    rows.sort_by_key(|row| (row.since, row.alarm.rule));
    rows.truncate(UnauthorisedSuppressions::MOST_ROWS);
    UnauthorisedSuppressions { count: all, rows }
}

/// As the journal says, and as the alarm's state does where the entry lies too far back.
pub(super) fn put_away(entry: Option<&Transition>, known: Option<UserId>, suppressors: &BTreeSet<UserId>) -> PutAway {
    let by = entry.and_then(|entry| entry.by).or(known);
    let reason = entry.and_then(|entry| entry.comment.as_deref()).unwrap_or_default();
    PutAway {
        is_known: by.is_some(),
        has_reason: !reason.trim().is_empty(),
        may_suppress: by.is_some_and(|by| suppressors.contains(&by)),
    }
}

/// Whether what suppresses a rule by design is as it was approved. Where nothing was approved yet there is nothing to
/// hold it against; where the baseline cannot be read, nothing is approved.
fn is_design_approved(rule: Option<&AlarmRule>, baseline: Option<&Baseline>) -> bool {
    let Some(baseline) = baseline else { return false };
    if baseline.newest() == 0 {
        return true;
    }
    let Some((rule, approved)) = rule.and_then(|rule| Some((rule, baseline.rule(rule.id)?))) else { return false };
    (&rule.suppressed_while, &rule.schedule) == (&approved.suppressed_while, &approved.schedule)
}

fn named(view: &AlarmView) -> NamedAlarm {
    NamedAlarm {
        rule: view.state.rule,
        subject: view.subject,
        condition: view.condition.clone(),
        name: view.name.clone(),
        priority: view.priority,
    }
}

#[cfg(test)]
mod tests {
    use penstock_alarm::Draft;
    use penstock_model::{Condition, Schedule, SiteId, Subject, SuppressionObjection, Window};
    use uuid::Uuid;

    use super::*;

    fn rule(name: &str) -> AlarmRule {
        let site = Subject::Site(SiteId(Uuid::nil()));
        AlarmRule::new(RuleId::derived(Uuid::nil(), name), site, Condition::Silence { after: SETTLES })
    }

    #[test]
    fn a_design_is_held_against_what_was_approved() {
        let at_night = |minutes: u16| {
            let windows = vec![Window { days: [true; 7], from_minute: 1_320, minutes }];
            AlarmRule { schedule: Some(Schedule { windows }), ..rule("a") }
        };
        let mut baseline = Baseline::new();
        assert!(is_design_approved(Some(&at_night(60)), Some(&baseline)), "nothing was approved yet");
        let approved = [at_night(60)];
        let (at, by) = (Timestamp::from_secs(1), UserId(Uuid::nil()));
        baseline.approve(Draft { at, by, reason: "x", rules: &approved, withdrawn: &[] }).expect("approved");
        let check = |rule: &AlarmRule, expect: bool| {
            assert_eq!(is_design_approved(Some(rule), Some(&baseline)), expect, "{rule:?}");
        };
        check(&at_night(60), true);
        check(&AlarmRule { on_delay: SETTLES, ..at_night(60) }, true);
        check(&at_night(61), false);
        check(&rule("a"), false);
        check(&AlarmRule { id: rule("b").id, ..at_night(60) }, false);
        assert!(!is_design_approved(Some(&at_night(60)), None), "a broken chain");
    }

    #[test]
    fn of_very_many_the_longest_are_told() {
        let most = UnauthorisedSuppressions::MOST_ROWS;
        let row = |secs: usize| {
            let rule = rule("a");
            UnauthorisedSuppression {
                alarm: NamedAlarm {
                    rule: rule.id,
                    subject: rule.subject,
                    condition: rule.condition,
                    name: String::new(),
                    priority: rule.priority,
                },
                kept: KeptBy::Shelved,
                since: Timestamp::from_secs(secs as i64),
                by: None,
                objection: SuppressionObjection::ByNobody,
            }
        };
        let told = longest((0..most + 2).rev().map(row).collect());
        assert_eq!((told.count as usize, told.rows.len()), (most + 2, most));
        let ends = [told.rows.first(), told.rows.last()].map(|row| row.map(|row| row.since));
        assert_eq!(ends, [0, most as i64 - 1].map(|secs| Some(Timestamp::from_secs(secs))));
    }

    fn entry(by: Option<UserId>, comment: Option<&str>) -> Transition {
        Transition {
            rule: rule("a").id,
            occurrence: 0,
            kind: TransitionKind::Shelved,
            at: Timestamp::from_secs(1),
            value: None,
            by,
            comment: comment.map(str::to_owned),
            rule_version: 1,
            detail: None,
        }
    }

    #[test]
    fn a_shelf_whose_end_has_moved_is_still_that_persons() {
        let [asha, ravi] = ["asha", "ravi"].map(|name| Some(UserId::derived(Uuid::nil(), name)));
        let told = |entries: &[Transition]| {
            let newest = newest(entries.iter().cloned());
            newest.get(&(rule("a").id, TransitionKind::Shelved)).map(|entry| (entry.by, entry.comment.clone()))
        };
        let moved = || entry(None, Some("the clock was set"));
        let (newer, older) = (entry(asha, Some("probe")), entry(ravi, Some("works")));
        let hers = Some((asha, Some("probe".to_owned())));
        assert_eq!(told(&[newer.clone(), moved(), older.clone()]), hers);
        assert_eq!(told(&[moved(), moved(), newer, older]), hers);
        assert_eq!(told(&[moved()]), Some((None, Some("the clock was set".to_owned()))));
    }

    #[test]
    fn who_put_an_alarm_away_is_what_the_journal_says() {
        let asha = UserId::derived(Uuid::nil(), "asha");
        let suppressors = BTreeSet::from([asha]);
        let check = |entry: Option<&Transition>, expect: (bool, bool, bool)| {
            let found = put_away(entry, None, &suppressors);
            assert_eq!((found.is_known, found.has_reason, found.may_suppress), expect, "{entry:?}");
        };
        check(None, (false, false, false));
        check(Some(&entry(Some(asha), Some("probe"))), (true, true, true));
        check(Some(&entry(Some(UserId(Uuid::nil())), Some(" "))), (true, false, false));
        check(Some(&entry(None, Some("probe"))), (false, true, false));
    }
}
