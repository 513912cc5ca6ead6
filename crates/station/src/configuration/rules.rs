//! Changes of alarm rules: checked, stored with their audit, then judged by. A limit that is changed by its rule
//! changes at its point in the same transaction, so that point, trend and rule never disagree. Must not know shells or
//! files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_api::{ApiError, ImportFault, RemovedRules, RulesReport};
use penstock_model::{
    Advice, AlarmRule, Condition, LimitLevel, Limits, Plant, PlantFile, Point, PointId, PointState, RuleId, Scope,
    Subject, Timestamp,
};
use penstock_store::AuditEntry;

use super::{Switch, audit_of, count, has_control, store_error};
use crate::pipeline::{Order, Units};
use crate::register::{Inner, changed_rules, following, is_derived, with_limit_of};
use crate::secrets::random_bytes;
use crate::station::Shared;

/// Rules changed by one call at most.
const MAX_RULES: usize = 200_000;
/// Characters of a rule's name and of its first-out group at most.
const MAX_NAME: usize = 200;
/// The longest that an operator can be let shelve an alarm.
const LONGEST_SHELF: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Shared {
    /// Saves rules as they shall be, all or none.
    pub(crate) async fn save_rules(
        &self,
        mut given: Vec<AlarmRule>,
        audit: AuditEntry,
        dry_run: bool,
    ) -> Result<RulesReport, ApiError> {
        if given.len() > MAX_RULES {
            return Err(ApiError::invalid(format!("at most {MAX_RULES} rules at once: split the change")));
        }
        let _one_at_a_time = self.turn().await?;
        for rule in given.iter_mut().filter(|rule| rule.id.0.is_nil()) {
            rule.id = RuleId::made(self.clock.now(), random_bytes(10).try_into().unwrap_or([0; 10]));
        }
        let Change { report, points, mut rules } = change_of(&self.register.lock(), given);
        if dry_run || !report.faults.is_empty() || (points.is_empty() && rules.is_empty()) {
            return Ok(report);
        }
        self.count_on(&mut rules).await?;
        let (of_points, mut entries) = {
            let register = self.register.lock();
            let had = points.iter().filter_map(|point| register.point(point.id).cloned());
            let before: BTreeMap<PointId, Point> = had.map(|point| (point.id, point)).collect();
            let of_rules = audit_of_rules(&audit, &rules, &register.rules);
            (before, of_rules)
        };
        entries.extend(audit_of(&audit, &points, &of_points));
        let switch = Switch { points: &points, before: &of_points, rules: &rules, entries: &entries };
        self.put_in_force(switch, |_switched| self.store_rules(&points, &rules, &entries)).await?;
        self.register.lock().rules.extend(rules.into_iter().map(|rule| (rule.id, rule)));
        self.put_points(points);
        Ok(report)
    }

    /// A rule that was removed and comes back goes on counting its versions: those that it had stay.
    async fn count_on(&self, rules: &mut [AlarmRule]) -> Result<(), ApiError> {
        let new: Vec<RuleId> = {
            let register = self.register.lock();
            rules.iter().map(|rule| rule.id).filter(|id| !register.rules.contains_key(id)).collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let former = self.store.last_rules(self.tenant, &new).await.map_err(store_error)?;
        let former: BTreeMap<RuleId, u32> = former.into_iter().map(|rule| (rule.id, rule.version)).collect();
        for rule in rules {
            if let Some(version) = former.get(&rule.id) {
                rule.version = version.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Rules, and the points whose limits change with them, in one transaction.
    async fn store_rules(
        &self,
        points: &[Point],
        rules: &[AlarmRule],
        audit: &[AuditEntry],
    ) -> penstock_store::Result<()> {
        if points.is_empty() {
            return self.store.save_rules(self.tenant, rules, audit).await;
        }
        // A plant file changes what it names, and leaves the rest.
        let (name, time_zone) = {
            let register = self.register.lock();
            (register.plant.name.clone(), register.plant.time_zone.clone())
        };
        let plant = Plant {
            tenant: self.tenant,
            name,
            time_zone,
            areas: Vec::new(),
            sites: Vec::new(),
            assets: Vec::new(),
            pipes: Vec::new(),
        };
        let file = PlantFile { plant, points: points.to_vec(), rules: rules.to_vec(), guidance: Vec::new() };
        self.store.import_plant(&file, audit).await.map(|_imported| ())
    }

    /// Removes rules that people made, and disables those that would follow again.
    pub(crate) async fn remove_rules(&self, given: &[RuleId], audit: AuditEntry) -> Result<RemovedRules, ApiError> {
        if given.is_empty() || given.len() > MAX_RULES {
            return Err(ApiError::invalid(format!("name 1 to {MAX_RULES} rules")));
        }
        let _one_at_a_time = self.turn().await?;
        let (report, changed) = removal_of(&self.register.lock(), given);
        if report.removed.is_empty() && changed.is_empty() {
            return Ok(report);
        }
        let (of_changed, of_removed) = {
            let register = self.register.lock();
            let gone = |id: &RuleId| audit_of_rule(&audit, *id, register.rules.get(id), None);
            let of_removed: Vec<AuditEntry> = report.removed.iter().map(gone).collect();
            (audit_of_rules(&audit, &changed, &register.rules), of_removed)
        };
        let switch = Switch { points: &[], before: &BTreeMap::new(), rules: &changed, entries: &of_changed };
        let store = move |_switched: Timestamp| async move {
            match switch.rules {
                [] => Ok(()),
                rules => self.store.save_rules(self.tenant, rules, switch.entries).await,
            }
        };
        self.put_in_force(switch, store).await?;
        self.register.lock().rules.extend(changed.into_iter().map(|rule| (rule.id, rule)));
        if !report.removed.is_empty() {
            let outcome = self.store.remove_rules(self.tenant, &report.removed, &of_removed).await;
            self.settled(outcome, &of_removed).await.map_err(store_error)?;
            let (points, gone, rules, removed) = (Vec::new(), Vec::new(), Vec::new(), report.removed.clone());
            let units = Units::Same;
            self.ask(|reply| Order::Adopt { points, gone, rules, removed, units, reply }).await?;
            let mut register = self.register.lock();
            for id in &report.removed {
                register.rules.remove(id);
            }
        }
        self.put_points(Vec::new());
        Ok(report)
    }
}

/// What a change of rules comes to.
#[derive(Debug, Default)]
struct Change {
    report: RulesReport,
    /// Points whose limits change with their rules, as they shall be.
    points: Vec<Point>,
    /// Rules as they shall be stored, each with its next version: those that were given, and those that follow.
    rules: Vec<AlarmRule>,
}

/// What a given rule is to the stored one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    New,
    Same,
    /// It goes back to all that follows from its point or site.
    Back,
    Changed,
}

fn edit_of(rule: &AlarmRule, stored: Option<&AlarmRule>) -> Edit {
    let Some(had) = stored else { return Edit::New };
    let is_alike = AlarmRule { version: had.version, edited: had.edited, ..rule.clone() } == *had;
    match (is_alike, had.edited && !rule.edited) {
        (true, false) => Edit::Same,
        (true, true) => Edit::Back,
        (false, _) => Edit::Changed,
    }
}

fn change_of(register: &Inner, given: Vec<AlarmRule>) -> Change {
    let mut report = RulesReport { read: count(given.len()), ..RulesReport::default() };
    let mut points: BTreeMap<PointId, (u32, Point)> = BTreeMap::new();
    let mut rules: BTreeMap<RuleId, AlarmRule> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (index, rule) in given.into_iter().enumerate() {
        let line = count(index + 1);
        let mark = |(field, message): (&'static str, String)| ImportFault { line, field: field.to_owned(), message };
        let stored = register.rules.get(&rule.id);
        if !seen.insert(rule.id) {
            report.faults.push(mark(("id", format!("rule {} is in the list twice: keep one", rule.id))));
            continue;
        }
        let edit = edit_of(&rule, stored);
        let found = match edit {
            Edit::Same => Vec::new(),
            Edit::Back => version_fault(&rule, stored).into_iter().collect(),
            Edit::New | Edit::Changed => faults_of(&rule, stored, register),
        };
        let is_right = found.is_empty();
        report.faults.extend(found.into_iter().map(mark));
        match edit {
            Edit::Same => report.same += 1,
            Edit::New => report.added += 1,
            Edit::Back | Edit::Changed => report.changed += 1,
        }
        if edit == Edit::Same || !is_right {
            continue;
        }
        if let (Edit::Back, Some(had)) = (edit, stored) {
            rules.insert(rule.id, AlarmRule { edited: false, ..had.clone() });
            continue;
        }
        report.hints.extend(hints_of(&rule, register).into_iter().map(mark));
        let followed = stored.filter(|had| is_derived(had));
        if followed.is_some()
            && let Some(point) = point_with_limit_of(&rule, register, &points)
        {
            let is_rest_alike = followed.is_some_and(|had| {
                let condition = with_limit_of(&had.condition, &rule.condition);
                edit_of(&AlarmRule { condition, edited: had.edited, ..rule.clone() }, Some(had)) == Edit::Same
            });
            points.insert(point.id, (line, point));
            if is_rest_alike {
                // The limit follows from the point; nothing else was touched.
                continue;
            }
        }
        rules.insert(rule.id, AlarmRule { edited: followed.is_some(), ..rule });
    }
    for (line, point) in points.values() {
        if let Err(error) = point.limits.check() {
            let message = format!("{}: {error}", point.name);
            report.faults.push(ImportFault { line: *line, field: "limit".to_owned(), message });
        }
    }
    if !report.faults.is_empty() {
        return Change { report, ..Change::default() };
    }
    report.points = count(points.len());
    let points: Vec<Point> = points.into_values().map(|(_, point)| point).collect();

    let mut all = register.points.clone();
    all.extend(points.iter().map(|point| (point.no, point.clone())));
    let mut known = register.rules.clone();
    known.extend(rules.iter().map(|(id, rule)| (*id, rule.clone())));
    let former = following(&register.plant, &register.points, &register.rules);
    rules.extend(changed_rules(&register.plant, &all, &known, &former).into_iter().map(|rule| (rule.id, rule)));
    let next = |rule: AlarmRule| {
        let version = register.rules.get(&rule.id).map_or(1, |had| had.version.saturating_add(1));
        AlarmRule { version, ..rule }
    };
    Change { report, points, rules: rules.into_values().map(next).collect() }
}

/// The point of a limit's rule with the limit that the rule gives it; none where it has that, or where the rule is
/// disabled and the point has none.
fn point_with_limit_of(rule: &AlarmRule, register: &Inner, changed: &BTreeMap<PointId, (u32, Point)>) -> Option<Point> {
    let (Subject::Point(id), Condition::Limit { level, limit, .. }) = (rule.subject, &rule.condition) else {
        return None;
    };
    let mut point = changed.get(&id).map(|(_, point)| point).or_else(|| register.point(id))?.clone();
    let own = limit_of(&mut point.limits, *level);
    let is_wanted = *own != Some(*limit) && (own.is_some() || rule.enabled);
    *own = Some(*limit);
    is_wanted.then_some(point)
}

fn limit_of(limits: &mut Limits, level: LimitLevel) -> &mut Option<f64> {
    match level {
        LimitLevel::LowLow => &mut limits.ll,
        LimitLevel::Low => &mut limits.l,
        LimitLevel::High => &mut limits.h,
        LimitLevel::HighHigh => &mut limits.hh,
    }
}

/// A field with what is to be said of it.
type Remark = (&'static str, String);

fn version_fault(rule: &AlarmRule, stored: Option<&AlarmRule>) -> Option<Remark> {
    let had = stored.filter(|had| had.version != rule.version)?;
    let message = format!(
        "it is version {} by now and this changes version {}: look at it again, then change it",
        had.version, rule.version
    );
    Some(("version", message))
}

/// What is wrong with a rule that is new or differs from the stored one, whichever way it comes.
fn faults_of(rule: &AlarmRule, stored: Option<&AlarmRule>, register: &Inner) -> Vec<Remark> {
    let mut faults: Vec<Remark> = version_fault(rule, stored).into_iter().collect();
    let mut fault = |field: &'static str, message: &str| faults.push((field, message.to_owned()));
    match stored {
        Some(had) if is_derived(had) && !is_derived(rule) => fault(
            "condition",
            "it follows from its point or site and keeps subject and kind: disable it, and make a rule of your own",
        ),
        None if is_derived(rule) => {
            fault("id", "this rule follows from its point or site, which has none such: set the limit of the point");
        }
        _ => {}
    }
    if let Some(message) = rule.fault() {
        fault("rule", &message);
    }
    let is_known = |id: PointId| register.has(Scope::Point(id));
    let is_adopted = |id: PointId| register.point(id).is_some_and(|point| point.state == PointState::Adopted);
    let (has_subject, own) = match rule.subject {
        Subject::Point(id) => (if rule.enabled { is_adopted(id) } else { is_known(id) }, Some(id)),
        Subject::Site(_) | Subject::Asset(_) => (register.has(Scope::from(rule.subject)), None),
    };
    if !has_subject {
        fault("subject", "there is no such site, asset or adopted point: choose one, or adopt the point first");
    }
    if rule.points().into_iter().any(|id| Some(id) != own && !is_known(id)) {
        fault("points", "it looks at a point that the register does not know: choose another");
    }
    for (field, text, most) in [
        ("name", rule.name.as_str(), MAX_NAME),
        ("first_out", rule.first_out.as_deref().unwrap_or_default(), MAX_NAME),
        ("screen", rule.screen.as_deref().unwrap_or_default(), Advice::MOST_IN_SCREEN),
    ] {
        if text.chars().count() > most || has_control(text) {
            fault(field, &format!("at most {most} characters, and no line breaks or other control characters"));
        }
    }
    let guidance = &rule.guidance;
    for (field, text, most) in [
        ("cause", &guidance.cause, Advice::MOST_IN_TEXT),
        ("consequence", &guidance.consequence, Advice::MOST_IN_TEXT),
        ("action", &guidance.action, Advice::MOST_IN_TEXT),
        ("contact", &rule.contact, Advice::MOST_IN_CONTACT),
    ] {
        if text.chars().count() > most {
            fault(field, &format!("at most {most} characters: shorten it"));
        }
    }
    if rule.longest_shelf.is_some_and(|longest| longest < Duration::from_secs(60) || longest > LONGEST_SHELF) {
        fault("longest_shelf", "give 1 minute to 30 days, or leave it out");
    }
    faults
}

/// What a person should look at in a rule.
fn hints_of(rule: &AlarmRule, register: &Inner) -> Vec<Remark> {
    let proposed = rule.severity.zip(rule.time_to_respond).map(|(severity, time)| severity.priority(time));
    let priority = proposed.filter(|proposed| *proposed != rule.priority).map(|proposed| {
        let (proposed, given) = (proposed.digit(), rule.priority.digit());
        ("priority", format!("consequence and time to respond propose P{proposed}, and it is P{given}"))
    });
    // What is said for its place is said for it.
    let asks_for_none = rule.guidance.action.trim().is_empty() && register.advice_of(rule).action.is_none();
    let action = asks_for_none
        .then(|| ("action", "an alarm that asks for no action is an event: say what is to be done".to_owned()));
    priority.into_iter().chain(action).collect()
}

/// What becomes of rules that are to be removed, and what is to be stored with it.
fn removal_of(register: &Inner, given: &[RuleId]) -> (RemovedRules, Vec<AlarmRule>) {
    let mut report = RemovedRules::default();
    let mut known = register.rules.clone();
    let mut changed = BTreeMap::new();
    let given: BTreeSet<RuleId> = given.iter().copied().collect();
    for id in given {
        match register.rules.get(&id) {
            None => report.refused.push((id, "there is no such rule: load the list again".to_owned())),
            Some(rule) if is_derived(rule) => {
                report.disabled.push(id);
                if rule.enabled {
                    let version = rule.version.saturating_add(1);
                    let disabled = AlarmRule { version, enabled: false, edited: true, ..rule.clone() };
                    known.insert(id, disabled.clone());
                    changed.insert(id, disabled);
                }
            }
            Some(_) => {
                known.remove(&id);
                report.removed.push(id);
            }
        }
    }
    // Where a rule of a person's own is gone, what it stood for may follow again.
    let former = following(&register.plant, &register.points, &register.rules);
    let after = changed_rules(&register.plant, &register.points, &known, &former);
    changed.extend(after.into_iter().map(|rule| (rule.id, rule)));
    (report, changed.into_values().collect())
}

fn audit_of_rules(audit: &AuditEntry, rules: &[AlarmRule], stored: &BTreeMap<RuleId, AlarmRule>) -> Vec<AuditEntry> {
    rules.iter().map(|rule| audit_of_rule(audit, rule.id, stored.get(&rule.id), Some(rule))).collect()
}

fn audit_of_rule(audit: &AuditEntry, id: RuleId, old: Option<&AlarmRule>, new: Option<&AlarmRule>) -> AuditEntry {
    let entry = AuditEntry::new(audit.tenant, audit.at, audit.who, &audit.action, format!("rule {id}"));
    AuditEntry {
        from_where: audit.from_where.clone(),
        reason: audit.reason.clone(),
        old: old.and_then(|rule| serde_json::to_value(rule).ok()),
        new: new.and_then(|rule| serde_json::to_value(rule).ok()),
        ..entry
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{PointNo, Priority, Severity, Site, SiteId, SiteKind, TenantId};

    use super::*;
    use crate::register::Register;

    /// A site with a pressure that has limits at 2 and 5 bar, and what follows from it.
    fn register() -> Register {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let site = Site {
            id: SiteId::derived(tenant.0, "PS-1"),
            name: "PS-1".to_owned(),
            kind: SiteKind::Pumping,
            area: None,
            position: None,
        };
        let plant = Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![site],
            assets: vec![],
            pipes: vec![],
        };
        let text = "source,address,name,quantity,unit,site,l,h\nlocal,a,PT-1,pressure,bar,PS-1,2,5\n";
        let (points, faults) = crate::points_csv::read(text, tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        let points: Vec<Point> = points.into_iter().map(|point| Point { no: PointNo(1), ..point }).collect();
        let numbered = points.iter().map(|point| (point.no, point.clone())).collect();
        let rules = changed_rules(&plant, &numbered, &BTreeMap::new(), &BTreeSet::new());
        Register::new(plant, points, rules)
    }

    fn high(register: &Inner) -> AlarmRule {
        let is_high = |rule: &&AlarmRule| matches!(rule.condition, Condition::Limit { level: LimitLevel::High, .. });
        register.rules.values().find(is_high).expect("derived").clone()
    }

    fn with_limit(rule: &AlarmRule, limit: f64) -> AlarmRule {
        let Condition::Limit { level, deadband, .. } = rule.condition else { panic!("a limit") };
        AlarmRule { condition: Condition::Limit { level, limit, deadband }, ..rule.clone() }
    }

    #[test]
    fn a_rule_that_follows_is_marked_when_a_person_changes_it_and_may_go_back() {
        let register = register();
        let mut inner = register.lock();
        let rule = high(&inner);
        let Change { report, points, rules } =
            change_of(&inner, vec![AlarmRule { priority: Priority::P4, ..rule.clone() }]);
        assert_eq!((report.changed, report.faults, points), (1, vec![], vec![]));
        let edited = AlarmRule { priority: Priority::P4, edited: true, version: 2, ..rule.clone() };
        assert_eq!(rules, vec![edited.clone()]);

        inner.rules.insert(edited.id, edited.clone());
        assert_eq!(change_of(&inner, vec![edited.clone()]).report.same, 1);
        let back = change_of(&inner, vec![AlarmRule { edited: false, ..edited.clone() }]);
        assert_eq!(back.rules, vec![AlarmRule { version: 3, ..rule }]);
        // What was changed and has lost its mark is a change.
        let both = AlarmRule { edited: false, priority: Priority::P1, ..edited };
        assert!(change_of(&inner, vec![both]).rules[0].edited);
    }

    #[test]
    fn the_limit_of_a_rule_is_that_of_its_point() {
        let register = register();
        let inner = register.lock();
        let rule = high(&inner);
        let Change { report, points, rules } = change_of(&inner, vec![with_limit(&rule, 6e5)]);
        assert_eq!((report.changed, report.points, report.faults), (1, 1, vec![]));
        assert_eq!(points[0].limits.h, Some(6e5));
        // Nothing else was touched, so that all of it goes on following.
        let moved = rules.iter().find(|changed| changed.id == rule.id).expect("it moves");
        assert!(matches!(moved.condition, Condition::Limit { limit, .. } if limit == 6e5));
        assert_eq!((moved.version, moved.edited), (2, false));

        let both = AlarmRule { priority: Priority::P4, ..with_limit(&rule, 6e5) };
        let both = change_of(&inner, vec![both]);
        let moved = both.rules.iter().find(|changed| changed.id == rule.id).expect("it moves");
        assert_eq!((both.points.len(), moved.version, moved.edited), (1, 2, true));

        let below_low = change_of(&inner, vec![with_limit(&rule, 1e5)]);
        assert_eq!(below_low.report.faults[0].field, "limit");
        assert!(below_low.rules.is_empty() && below_low.points.is_empty());
    }

    #[test]
    fn a_limit_that_is_gone_comes_with_its_rule() {
        let register = register();
        let mut inner = register.lock();
        let rule = AlarmRule { enabled: false, ..high(&inner) };
        inner.rules.insert(rule.id, rule.clone());
        let mut point = inner.points[&PointNo(1)].clone();
        point.limits.h = None;
        inner.put(vec![point]);
        let texts = AlarmRule { priority: Priority::P4, ..rule.clone() };
        assert!(change_of(&inner, vec![texts]).points.is_empty());
        let again = change_of(&inner, vec![AlarmRule { enabled: true, ..rule.clone() }]);
        assert_eq!(again.points[0].limits.h, Some(5e5));
        assert!(again.rules.iter().any(|changed| changed.id == rule.id && changed.enabled));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let register = register();
        let inner = register.lock();
        let rule = high(&inner);
        let own = RuleId::derived(inner.plant.tenant.0, "own");
        let check = |given: AlarmRule, field: &str| {
            let Change { report, points, rules } = change_of(&inner, vec![rule.clone(), given]);
            let found: Vec<_> = report.faults.iter().map(|fault| (fault.line, fault.field.as_str())).collect();
            assert_eq!(found, vec![(2, field)], "{:?}", report.faults);
            assert!(points.is_empty() && rules.is_empty());
        };
        let made = |subject: Subject| AlarmRule::new(own, subject, rule.condition.clone());
        let nowhere = PointId::derived(inner.plant.tenant.0, "nowhere");
        check(rule.clone(), "id");
        check(made(Subject::Point(nowhere)), "subject");
        check(made(Subject::Site(inner.plant.sites[0].id)), "rule");
        check(AlarmRule { name: "a\nb".into(), ..made(rule.subject) }, "name");
        check(AlarmRule { longest_shelf: Some(Duration::ZERO), ..made(rule.subject) }, "longest_shelf");
        let from = penstock_model::Reference::Point(nowhere);
        let side = penstock_model::Side::Either;
        let deviation = Condition::Deviation { from, side, by: 1.0, deadband: 0.0 };
        check(AlarmRule::new(own, rule.subject, deviation), "points");
        let absent = Condition::Limit { level: LimitLevel::LowLow, limit: 1e5, deadband: 0.0 };
        let id = penstock_alarm::derived_id(rule.subject, &absent);
        check(AlarmRule::new(id, rule.subject, absent), "id");

        let faults = |given: AlarmRule| change_of(&inner, vec![given]).report.faults;
        let stale = AlarmRule { version: 7, priority: Priority::P1, ..rule.clone() };
        assert_eq!(faults(stale)[0].field, "version");
        let other_kind = AlarmRule { condition: Condition::Anomaly { score: 0.9 }, ..rule.clone() };
        assert_eq!(faults(other_kind)[0].field, "condition");
    }

    #[test]
    fn a_priority_beside_consequence_and_time_is_a_hint() {
        let register = register();
        let inner = register.lock();
        let rule = high(&inner);
        let severe = AlarmRule {
            severity: Some(Severity::Severe),
            time_to_respond: Some(Duration::from_secs(60)),
            priority: Priority::P4,
            ..rule
        };
        let report = change_of(&inner, vec![severe]).report;
        assert_eq!(report.faults, vec![]);
        assert_eq!(report.hints[0].field, "priority");
    }

    #[test]
    fn what_follows_is_disabled_and_what_people_made_goes() {
        let register = register();
        let mut inner = register.lock();
        let rule = high(&inner);
        let site = Subject::Site(inner.plant.sites[0].id);
        let id = RuleId::derived(inner.plant.tenant.0, "own");
        let own = AlarmRule::new(id, site, Condition::Silence { after: Duration::from_secs(60) });
        let made = change_of(&inner, vec![own]);
        // The silence that followed is this one now.
        assert_eq!((made.report.added, made.rules.len()), (1, 2));
        inner.rules.extend(made.rules.into_iter().map(|rule| (rule.id, rule)));

        let unknown = RuleId::derived(inner.plant.tenant.0, "unknown");
        let (report, changed) = removal_of(&inner, &[rule.id, id, unknown]);
        assert_eq!((report.removed, report.disabled), (vec![id], vec![rule.id]));
        assert_eq!(report.refused.len(), 1);
        let told: BTreeMap<RuleId, bool> = changed.iter().map(|rule| (rule.id, rule.enabled)).collect();
        assert_eq!(told.get(&rule.id), Some(&false));
        assert_eq!(told.values().filter(|is_enabled| **is_enabled).count(), 1);
    }
}
