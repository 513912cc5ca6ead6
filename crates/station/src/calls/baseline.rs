//! The baseline of alarm rules: approvals, whether their chain is whole, and what differs from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use penstock_alarm::{Approval, Baseline, BaselineError, Digest, Drift, Drifted, given_in};
use penstock_api::{
    ApiError, ApprovalEntry, Approvals, ApproveRules, BrokenApproval, ChainFault, ChainVerdict, DriftKind, FieldDrift,
    NamedAlarm, RuleChange, RuleDrift, RulesDrift,
};
use penstock_model::{AlarmRule, RuleId, UserId};
use penstock_store::{AuditEntry, Removal, RuleVersion};

use super::Context;
use super::alarms::demanded;
use super::points::to_its_end;
use crate::configuration::{aside, count, store_error};

type Names = BTreeMap<UserId, String>;

/// A rule with all of it that is not as it was approved.
#[derive(Debug, PartialEq)]
struct Found {
    rule: RuleId,
    kind: DriftKind,
    approved: Option<AlarmRule>,
    now: Option<AlarmRule>,
    /// Each with its name, as it was approved, and as it is.
    fields: Vec<(String, Option<String>, Option<String>)>,
}

impl Context<'_> {
    pub(super) async fn approvals(&self) -> Result<Approvals, ApiError> {
        let stored = self.shared.screens.approvals().await.map_err(store_error)?;
        let names = self.shared.screens.names().await.map_err(store_error)?;
        let told = aside(move || {
            let entries = stored.chain.iter().rev().map(|approval| entry_of(approval, &names)).collect();
            Ok(Approvals { entries, verdict: verdict_of(&stored, None) })
        });
        told.await
    }

    pub(super) async fn verify_approvals(&self) -> Result<ChainVerdict, ApiError> {
        let shared = self.shared;
        // The audit first: what is approved meanwhile follows in the chain what the audit had last.
        let audited = shared.store.audited_approval(shared.tenant).await.map_err(store_error)?;
        let stored = shared.screens.approvals().await.map_err(store_error)?;
        aside(move || Ok(verdict_of(&stored, audited))).await
    }

    pub(super) async fn approve_rules(&self, call: ApproveRules) -> Result<ApprovalEntry, ApiError> {
        let by = self.holder()?.person.id;
        let audit = AuditEntry { reason: Some(demanded(&call.reason)?), ..self.audit("baseline") };
        let shared = Arc::clone(self.shared);
        let change = async move { shared.approve_rules(call.rules, call.newest, by, audit).await };
        let approval = to_its_end(self.shared, change).await?;
        let names = self.shared.screens.names().await.map_err(store_error)?;
        Ok(entry_of(&approval, &names))
    }

    pub(super) async fn drift(&self) -> Result<RulesDrift, ApiError> {
        let stored = self.shared.screens.approvals().await.map_err(store_error)?;
        let rules: Vec<AlarmRule> = self.shared.register.lock().rules.values().cloned().collect();
        let found = aside(move || {
            let baseline = Baseline::read(&stored.chain, stored.head)?;
            Ok((baseline.newest(), found_in(&baseline, &rules)?))
        });
        let (newest, mut found) = found.await?;
        let version = |found: &Found| (found.rule, found.now.as_ref().map(|rule| rule.version));
        let versions: Vec<(RuleId, Option<u32>)> = found.iter().map(version).collect();
        let drifted = count(found.len());
        if newest == 0 {
            return Ok(RulesDrift { newest, count: drifted, versions, rules: Vec::new() });
        }
        found.sort_by_key(|found| found.kind);
        found.truncate(RulesDrift::MOST_RULES);
        Ok(RulesDrift { newest, count: drifted, versions, rules: self.with_changes(found).await? })
    }

    /// The same with who made it so.
    async fn with_changes(&self, found: Vec<Found>) -> Result<Vec<RuleDrift>, ApiError> {
        let shared = self.shared;
        let ids: Vec<RuleId> = found.iter().map(|found| found.rule).collect();
        let gone = found.iter().filter(|found| found.kind == DriftKind::Gone);
        let gone: Vec<RuleId> = gone.map(|found| found.rule).collect();
        let versions = shared.screens.versions_of(&ids).await.map_err(store_error)?;
        let removals = match gone.is_empty() {
            true => BTreeMap::new(),
            false => shared.store.removals(shared.tenant, &gone).await.map_err(store_error)?,
        };
        let names = shared.screens.names().await.map_err(store_error)?;
        let rows = aside(move || {
            let mut rows = Vec::with_capacity(found.len());
            for found in found {
                let versions = versions.get(&found.rule).map(Vec::as_slice).unwrap_or_default();
                let removal = removals.get(&found.rule);
                rows.extend(row(found, versions, removal, &names)?);
            }
            Ok(rows)
        });
        rows.await
    }
}

fn entry_of(approval: &Approval, names: &Names) -> ApprovalEntry {
    ApprovalEntry {
        number: approval.number,
        at: approval.at,
        by: names.get(&approval.by).cloned(),
        reason: approval.reason.clone(),
        approved: count(approval.settings.len()),
        withdrawn: count(approval.withdrawn.len()),
        digest: approval.digest.to_string(),
    }
}

/// What a check finds; `audited` is what the audit has as the last approval, where that is asked.
fn verdict_of(stored: &penstock_store::Approvals, audited: Option<(u64, Digest)>) -> ChainVerdict {
    let read = Baseline::read(&stored.chain, stored.head);
    let checked = read.and_then(|_whole| match audited {
        Some(audited) => Baseline::hold_against(&stored.chain, audited),
        None => Ok(()),
    });
    let broken = checked.err();
    let broken = broken.map(|error| BrokenApproval {
        number: error.approval().unwrap_or_default(),
        fault: fault_of(&error),
        message: error.to_string(),
    });
    ChainVerdict { approvals: count(stored.chain.len()), broken }
}

fn fault_of(error: &BaselineError) -> ChainFault {
    match error {
        BaselineError::Gap { given, .. } => ChainFault::Gap { given: *given },
        BaselineError::Altered { .. } => ChainFault::Altered,
        BaselineError::Cut { head, .. } => ChainFault::Cut { head: *head },
        BaselineError::Unreadable { .. } | BaselineError::Unwritable { .. } => ChainFault::Unreadable,
    }
}

/// Every rule that is not as it was approved, by id.
fn found_in(baseline: &Baseline, rules: &[AlarmRule]) -> Result<Vec<Found>, BaselineError> {
    let present: BTreeMap<RuleId, &AlarmRule> = rules.iter().map(|rule| (rule.id, rule)).collect();
    let mut found: BTreeMap<RuleId, Found> = BTreeMap::new();
    for Drift { rule, drifted } in baseline.drift(rules)? {
        let of_rule = found.entry(rule).or_insert_with(|| Found {
            rule,
            kind: DriftKind::Changed,
            approved: baseline.rule(rule).cloned(),
            now: present.get(&rule).copied().cloned(),
            fields: Vec::new(),
        });
        match drifted {
            Drifted::Unapproved => of_rule.kind = DriftKind::Unapproved,
            Drifted::Gone => of_rule.kind = DriftKind::Gone,
            Drifted::Changed { attribute, approved, now } => of_rule.fields.push((attribute, approved, now)),
        }
    }
    Ok(found.into_values().collect())
}

/// A rule that drifted as the contract has it; `versions` in the order they were saved.
fn row(
    found: Found,
    versions: &[RuleVersion],
    removal: Option<&Removal>,
    names: &Names,
) -> Result<Option<RuleDrift>, BaselineError> {
    let Found { rule: _, kind, approved, now, fields } = found;
    let Some(named) = now.as_ref().or(approved.as_ref()) else { return Ok(None) };
    let alarm = NamedAlarm {
        rule: named.id,
        subject: named.subject,
        condition: named.condition.clone(),
        name: named.name.clone(),
        priority: named.priority,
    };
    let name = |by: Option<UserId>| by.and_then(|by| names.get(&by).cloned());
    let change_of = |version: &RuleVersion| RuleChange {
        version: Some(version.rule.version),
        at: version.saved_at,
        by: name(version.saved_by),
        reason: version.reason.clone(),
    };
    let change = match kind {
        DriftKind::Changed | DriftKind::Unapproved => versions.last().map(change_of),
        DriftKind::Gone => removal.map(|removal| RuleChange {
            version: None,
            at: removal.at,
            by: name(removal.by),
            reason: removal.reason.clone(),
        }),
    };
    let bodies: Vec<AlarmRule> = versions.iter().map(|version| version.rule.clone()).collect();
    let mut drifted = Vec::with_capacity(fields.len());
    for (field, approved, now) in fields {
        let given = given_in(&field, &bodies)?.and_then(|at| versions.get(at));
        drifted.push(FieldDrift { field, approved, now, change: given.map(change_of) });
    }
    let (approved, now) = (approved.map(Box::new), now.map(Box::new));
    Ok(Some(RuleDrift { alarm, kind, approved, now, fields: drifted, change }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_alarm::Draft;
    use penstock_model::{Condition, SiteId, Subject, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn rule(name: &str) -> AlarmRule {
        let site = Subject::Site(SiteId::derived(Uuid::nil(), name));
        AlarmRule::new(RuleId::derived(Uuid::nil(), name), site, Condition::Silence { after: Duration::from_secs(60) })
    }

    fn asha() -> UserId {
        UserId::derived(Uuid::nil(), "asha")
    }

    fn version(rule: AlarmRule, by: Option<UserId>, reason: &str) -> RuleVersion {
        let saved_at = Timestamp::from_secs(i64::from(rule.version));
        RuleVersion { rule, saved_at, saved_by: by, reason: Some(reason.to_owned()) }
    }

    #[test]
    fn each_field_names_who_made_it_so() {
        let mut baseline = Baseline::new();
        let approved = [rule("changed"), rule("gone"), rule("same")];
        let draft = Draft { at: Timestamp::from_secs(1), by: asha(), reason: "x", rules: &approved, withdrawn: &[] };
        baseline.approve(draft).expect("approved");
        let delayed = AlarmRule { version: 2, on_delay: Duration::from_secs(30), ..rule("changed") };
        let off = AlarmRule { version: 3, enabled: false, ..delayed.clone() };
        let found = found_in(&baseline, &[off.clone(), rule("new"), rule("same")]).expect("JSON");
        let kinds: BTreeMap<RuleId, DriftKind> = found.iter().map(|found| (found.rule, found.kind)).collect();
        let expected = [("changed", DriftKind::Changed), ("gone", DriftKind::Gone), ("new", DriftKind::Unapproved)];
        assert_eq!(kinds, BTreeMap::from(expected.map(|(name, kind)| (rule(name).id, kind))));

        let names = Names::from([(asha(), "Asha Verma".to_owned())]);
        let versions = [
            version(rule("changed"), None, "derived"),
            version(delayed, Some(asha()), "chatters"),
            version(off, None, "the station"),
        ];
        let own = |name: &str| {
            let found = found_in(&baseline, &[versions[2].rule.clone(), rule("same")]).expect("JSON");
            found.into_iter().find(|found| found.rule == rule(name).id).expect("it drifted")
        };
        let told = row(own("changed"), &versions, None, &names).expect("JSON").expect("named");
        let changes: Vec<_> = told
            .fields
            .iter()
            .map(|field| {
                let change = field.change.as_ref().expect("known");
                (field.field.as_str(), change.version, change.by.as_deref())
            })
            .collect();
        assert_eq!(changes, [("enabled", Some(3), None), ("on_delay", Some(2), Some("Asha Verma"))]);
        assert_eq!(told.change.and_then(|change| change.version), Some(3));
        assert_eq!(told.now.map(|rule| rule.enabled), Some(false));

        let removal = Removal { at: Timestamp::from_secs(9), by: Some(asha()), reason: Some("an event".into()) };
        let told = row(own("gone"), &[], Some(&removal), &names).expect("JSON").expect("named");
        let by = told.change.and_then(|change| change.by);
        assert_eq!((told.now, told.fields.len(), by.as_deref()), (None, 0, Some("Asha Verma")));
    }

    #[test]
    fn a_broken_chain_says_where() {
        let mut baseline = Baseline::new();
        let draft = Draft { at: Timestamp::from_secs(1), by: asha(), reason: "x", rules: &[], withdrawn: &[] };
        let first = baseline.approve(draft).expect("approved");
        let mut stored = penstock_store::Approvals { chain: vec![first], head: (1, baseline.head()) };
        assert_eq!(verdict_of(&stored, None), ChainVerdict { approvals: 1, broken: None });
        assert_eq!(verdict_of(&stored, Some((1, baseline.head()))), ChainVerdict { approvals: 1, broken: None });
        let cut = verdict_of(&stored, Some((3, Digest::default()))).broken.expect("the audit knows of more");
        assert_eq!((cut.number, cut.fault), (2, ChainFault::Cut { head: 3 }));
        for approval in &mut stored.chain {
            approval.reason.push('!');
        }
        let broken = verdict_of(&stored, None).broken.expect("changed");
        assert_eq!((broken.number, broken.fault), (1, ChainFault::Altered));
        assert!(broken.message.contains("approval 1 was changed"), "{}", broken.message);
    }
}
