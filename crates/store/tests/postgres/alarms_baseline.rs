//! The chain of approvals, what was done to it behind its back, and the work on alarms that load.

use std::time::Duration;

use penstock_alarm::{Approval, Baseline, Digest, Draft};
use penstock_model::{AlarmRule, RuleId};
use penstock_store::{Approvals, AuditEntry, Error, Store, Work, WorkKind};
use sqlx::Executor as _;

use crate::fixtures::{NOW, OTHER, asha, fresh, fresh_town, rule, tenant};

fn account(action: &str) -> Vec<AuditEntry> {
    vec![AuditEntry::new(tenant(), NOW, Some(asha()), action, "test")]
}

/// What the audit says of an approval.
fn account_of(approval: &Approval) -> Vec<AuditEntry> {
    let said = serde_json::json!({ "approval": approval.number, "digest": approval.digest.to_string() });
    account("approve-rules").into_iter().map(|entry| AuditEntry { new: Some(said.clone()), ..entry }).collect()
}

/// Two rules, one of them changed, one withdrawn, stored one by one.
async fn approved(store: &Store) -> (Vec<Approval>, Baseline) {
    store.ensure_tenant(tenant(), "Nandipur", "Asia/Kolkata").await.expect("tenant");
    let mut baseline = Baseline::new();
    let both = [rule("a"), rule("b")];
    let changed = [AlarmRule { on_delay: Duration::from_secs(10), name: "\u{1}Pump\u{0}".into(), ..rule("a") }];
    let withdrawn = [rule("b").id];
    let draft = |secs: u64, reason: &'static str| Draft {
        at: NOW + Duration::from_micros(secs * 1_000_000 + 1),
        by: asha(),
        reason,
        rules: &[],
        withdrawn: &[],
    };
    let drafts = [
        Draft { rules: &both, ..draft(0, "rationalised in \"May\"") },
        Draft { rules: &changed, ..draft(60, "chatters") },
        Draft { withdrawn: &withdrawn, ..draft(120, "an event") },
    ];
    let mut chain = Vec::new();
    for draft in drafts {
        let approval = baseline.approve(draft).expect("approved");
        store.append_approval(tenant(), &approval, &[], &account_of(&approval)).await.expect("stored");
        chain.push(approval);
    }
    (chain, baseline)
}

#[tokio::test]
async fn approvals_come_back_as_they_were_given_and_only_grow() {
    let (_database, store) = fresh().await;
    assert_eq!(store.approvals(tenant()).await.expect("read"), Approvals::default());
    let (chain, baseline) = approved(&store).await;
    let stored = store.approvals(tenant()).await.expect("read");
    assert_eq!(stored, Approvals { chain: chain.clone(), head: (3, baseline.head()) });
    assert_eq!(Baseline::read(&stored.chain, stored.head).expect("whole"), baseline);

    let screens = store.for_screens(tenant()).await.expect("screens");
    assert_eq!(screens.approvals().await.expect("read"), stored);
    let others = store.for_screens(OTHER).await.expect("screens");
    assert_eq!(others.approvals().await.expect("read"), Approvals::default());
    assert_eq!(screens.approvals_head().await.expect("read"), stored.head);
    assert_eq!(others.approvals_head().await.expect("read"), (0, Digest::default()));
    assert_eq!(store.audited_approval(tenant()).await.expect("read"), Some(stored.head));
    assert_eq!(store.audited_approval(OTHER).await.expect("read"), None);

    // Somebody approved meanwhile.
    let stale = [chain[2].clone(), Approval { number: 4, ..chain[2].clone() }];
    for stale in stale {
        let refused = store.append_approval(tenant(), &stale, &[], &account_of(&stale)).await;
        assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    }
    assert_eq!(store.approvals(tenant()).await.expect("read"), stored);
    let audited = store.audited_approval(tenant()).await.expect("read");
    assert_eq!(audited, Some(stored.head), "what was refused is not audited");
    for statement in [
        "update alarm_approvals set reason = 'x'",
        "delete from alarm_approvals",
        "truncate alarm_approvals",
        "delete from alarm_work",
    ] {
        let refused = store.pool().execute(statement).await.map_err(Error::from);
        assert!(matches!(refused, Err(Error::Refused { .. })), "{statement}: {refused:?}");
    }
}

#[tokio::test]
async fn only_rules_as_they_were_seen_are_approved() {
    let (_database, store) = fresh_town().await;
    let (kept, changed, removed) = (rule("a"), rule("b"), rule("c"));
    store.save_rules(tenant(), &[kept.clone(), changed.clone()], &account("save-rules")).await.expect("saved");
    let (rules, withdrawn) = ([kept.clone(), changed.clone()], [removed.id]);
    let draft = Draft { at: NOW, by: asha(), reason: "rationalised", rules: &rules, withdrawn: &withdrawn };
    let approval = Baseline::new().approve(draft).expect("approved");
    let seen = [(kept.id, Some(1)), (changed.id, Some(1)), (removed.id, None)];
    let append = async |seen: &[(RuleId, Option<u32>)]| {
        store.append_approval(tenant(), &approval, seen, &account_of(&approval)).await
    };

    // Somebody saved one meanwhile, and one that was gone is there again.
    let again = AlarmRule { version: 2, enabled: false, ..changed.clone() };
    store.save_rules(tenant(), &[again, removed.clone()], &account("save-rules")).await.expect("saved");
    let refused = append(&seen).await;
    let Err(Error::RulesChanged { rules }) = &refused else { panic!("{refused:?}") };
    assert_eq!(*rules, [changed.id, removed.id]);
    store.remove_rules(tenant(), &[kept.id], &account("remove-rules")).await.expect("removed");
    let refused = append(&[(kept.id, Some(1)), (changed.id, Some(2))]).await;
    let Err(Error::RulesChanged { rules }) = &refused else { panic!("{refused:?}") };
    assert_eq!(*rules, [kept.id], "one that is gone by now");
    assert_eq!(store.approvals(tenant()).await.expect("read"), Approvals::default());
    assert_eq!(store.audited_approval(tenant()).await.expect("read"), None);

    append(&[(kept.id, None), (changed.id, Some(2)), (removed.id, Some(1))]).await.expect("as they were seen");
    assert_eq!(store.approvals_head(tenant()).await.expect("read"), (1, approval.digest));
}

/// The first approval that is not as it was given after the owner of the database ran a statement.
async fn broken_by(store: &Store, statement: &'static str) -> Option<u64> {
    let mut transaction = store.pool().begin().await.expect("begun");
    for before in [
        "alter table alarm_approvals disable trigger user",
        "create table kept as table alarm_approvals",
        "create table kept_head as table alarm_approvals_head",
        statement,
    ] {
        transaction.execute(before).await.expect(before);
    }
    transaction.commit().await.expect("committed");
    let audited = store.audited_approval(tenant()).await.expect("read").expect("approved");
    let found = store.approvals(tenant()).await.expect("read");
    let checked = Baseline::read(&found.chain, found.head)
        .and_then(|baseline| Baseline::hold_against(&found.chain, audited).map(|()| baseline));
    let broken = checked.err().and_then(|error| error.approval());
    let mut transaction = store.pool().begin().await.expect("begun");
    for after in [
        "delete from alarm_approvals",
        "insert into alarm_approvals table kept",
        "delete from alarm_approvals_head",
        "insert into alarm_approvals_head table kept_head",
        "drop table kept, kept_head",
        "alter table alarm_approvals enable trigger user",
    ] {
        transaction.execute(after).await.expect(after);
    }
    transaction.commit().await.expect("committed");
    broken
}

#[tokio::test]
async fn what_was_done_to_the_chain_behind_its_back_is_named() {
    let (_database, store) = fresh().await;
    let (_, baseline) = approved(&store).await;
    assert_eq!(broken_by(&store, "select 1").await, None);
    for (statement, first) in [
        ("update alarm_approvals set reason = 'other' where number = 2", 2),
        ("update alarm_approvals set at = at + interval '1 microsecond' where number = 1", 1),
        ("update alarm_approvals set approved_by = gen_random_uuid() where number = 3", 3),
        ("update alarm_approvals set settings[1] = replace(settings[1], '10', '11') where number = 2", 2),
        // The same rule in other words is not what was approved.
        ("update alarm_approvals set settings[1] = settings[1] || ' ' where number = 1", 1),
        ("update alarm_approvals set withdrawn = '{}' where number = 3", 3),
        ("update alarm_approvals set digest = sha256('x') where number = 1", 1),
        ("delete from alarm_approvals where number = 2", 2),
        ("delete from alarm_approvals where number = 3", 3),
        ("delete from alarm_approvals", 1),
        ("update alarm_approvals_head set digest = sha256('x')", 3),
        // The end is cut off and its note with it: only the audit knows.
        (
            "with cut as (delete from alarm_approvals where number = 3) update alarm_approvals_head head set \
             number = given.number, digest = given.digest from alarm_approvals given where given.number = 2",
            3,
        ),
        ("with cut as (delete from alarm_approvals) delete from alarm_approvals_head", 1),
    ] {
        assert_eq!(broken_by(&store, statement).await, Some(first), "{statement}");
    }
    let found = store.approvals(tenant()).await.expect("read");
    assert_eq!(Baseline::read(&found.chain, found.head).expect("whole again"), baseline);
    assert_ne!(found.head.1, Digest::default());
}

#[tokio::test]
async fn the_newest_finding_and_the_newest_decision_of_each_rule_are_told() {
    let (_database, store) = fresh_town().await;
    let note = |name: &str, secs: u64, kind: WorkKind| Work {
        rule: rule(name).id,
        at: NOW + Duration::from_secs(secs),
        by: Some(asha()),
        kind,
        reason: (kind == WorkKind::Dismissed).then(|| "it is right\u{0}".to_owned()),
        finding: (kind == WorkKind::Found).then(|| serde_json::json!({ "samples": secs, "limit": 0.1 + 0.2 })),
    };
    let noted = [
        note("a", 1, WorkKind::Found),
        note("a", 2, WorkKind::Dismissed),
        note("b", 3, WorkKind::Applied),
        note("a", 4, WorkKind::Reopened),
        note("a", 5, WorkKind::Found),
        note("c", 6, WorkKind::Dismissed),
    ];
    for work in &noted {
        store.note_work(tenant(), work, &account("dismiss-bad-actor")).await.expect("noted");
    }
    let told = store.work(tenant()).await.expect("read");
    let expected = [
        noted[2].clone(),
        noted[3].clone(),
        noted[4].clone(),
        Work { reason: Some("it is right\u{fffd}".into()), ..noted[5].clone() },
    ];
    assert_eq!(told, expected);
    let screens = store.for_screens(tenant()).await.expect("screens");
    assert_eq!(screens.work().await.expect("read"), told);
    assert_eq!(store.work(OTHER).await.expect("read"), []);
    let unaccounted = store.note_work(tenant(), &noted[0], &[]).await;
    assert!(matches!(unaccounted, Err(Error::Refused { .. })), "{unaccounted:?}");
}

#[tokio::test]
async fn who_removed_a_rule_is_known_and_every_version_of_several() {
    let (_database, store) = fresh_town().await;
    let (first, other) = (rule("a"), rule("b"));
    let second = AlarmRule { version: 2, enabled: false, ..first.clone() };
    store.save_rules(tenant(), &[first.clone(), other.clone()], &account("save-rules")).await.expect("saved");
    store.save_rules(tenant(), std::slice::from_ref(&second), &account("save-rules")).await.expect("saved");
    let versions = store.versions_of(tenant(), &[first.id, other.id]).await.expect("versions");
    let numbers: Vec<u32> = versions[&first.id].iter().map(|version| version.rule.version).collect();
    assert_eq!((numbers, versions[&other.id].len()), (vec![1, 2], 1));
    assert!(store.versions_of(OTHER, &[first.id]).await.expect("versions").is_empty());

    let entry = AuditEntry::new(tenant(), NOW, Some(asha()), "remove-rules", format!("rule {}", other.id));
    let entry = AuditEntry { reason: Some("an event".into()), old: Some(serde_json::json!({})), ..entry };
    store.remove_rules(tenant(), &[other.id], &[entry]).await.expect("removed");
    let removals = store.removals(tenant(), &[first.id, other.id]).await.expect("read");
    assert_eq!(removals.keys().copied().collect::<Vec<_>>(), [other.id]);
    let removal = &removals[&other.id];
    assert_eq!((removal.at, removal.by, removal.reason.as_deref()), (NOW, Some(asha()), Some("an event")));
}
