//! Versions of rules, the stream of the journal, and where alarms stand on every axis.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{
    AlarmRule, AlarmState, Priority, Raise, RuleId, Shelving, Transition, TransitionDetail, TransitionKind, UserId,
};
use penstock_store::{AuditEntry, Batch, Error, JournalEntry, RuleVersion, Store, Writer};
use sqlx::Executor as _;

use crate::fixtures::{NOW, OTHER, asha, fresh, fresh_town, rule, tenant};

fn account(secs: u64, who: Option<UserId>, reason: Option<&str>) -> Vec<AuditEntry> {
    let mut entry = AuditEntry::new(tenant(), NOW + Duration::from_secs(secs), who, "rule.save", "test");
    entry.reason = reason.map(str::to_owned);
    vec![entry]
}

async fn numbers(store: &Store, rule: RuleId) -> Vec<u32> {
    let versions = store.rule_versions(tenant(), rule).await.expect("versions");
    versions.into_iter().map(|version| version.rule.version).collect()
}

#[tokio::test]
async fn every_version_of_a_rule_stays_with_who_saved_it_and_why() {
    let (_database, store) = fresh_town().await;
    let (first, other) = (rule("a"), rule("b"));
    let second = AlarmRule { version: 2, priority: Priority::P1, ..first.clone() };
    let both = [first.clone(), other.clone()];
    store.save_rules(tenant(), &both, &account(0, None, None)).await.expect("saved");
    let why = Some("the tower is lower\0");
    store.save_rules(tenant(), std::slice::from_ref(&second), &account(60, Some(asha()), why)).await.expect("saved");

    // What is stored as it is given adds no version, what is stale neither.
    store.save_rules(tenant(), std::slice::from_ref(&second), &account(70, None, None)).await.expect("there already");
    for stale in [first.clone(), AlarmRule { enabled: false, ..second.clone() }] {
        let refused = store.save_rules(tenant(), &[other.clone(), stale], &account(80, None, None)).await;
        assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    }
    let versions = store.rule_versions(tenant(), first.id).await.expect("versions");
    let newest = RuleVersion {
        rule: second.clone(),
        saved_at: NOW + Duration::from_secs(60),
        saved_by: Some(asha()),
        reason: Some("the tower is lower\u{fffd}".into()),
    };
    let oldest = RuleVersion { rule: first.clone(), saved_at: NOW, saved_by: None, reason: None };
    assert_eq!(versions, [newest, oldest]);
    assert_eq!(numbers(&store, other.id).await, [1]);
    let current = store.load_rules(tenant()).await.expect("rules");
    assert_eq!(current.iter().find(|rule| rule.id == first.id), Some(&second));

    let screens = store.for_screens(tenant()).await.expect("screens");
    assert_eq!(screens.rule_versions(first.id).await.expect("versions"), versions);
    let others = store.for_screens(OTHER).await.expect("screens");
    assert_eq!(others.rule_versions(first.id).await.expect("versions"), []);
    assert_eq!(store.rule_versions(OTHER, first.id).await.expect("versions"), []);

    for statement in [
        "update alarm_rule_versions set reason = 'x'",
        "delete from alarm_rule_versions",
        "truncate alarm_rule_versions",
    ] {
        let refused = store.pool().execute(statement).await.map_err(Error::from);
        assert!(matches!(refused, Err(Error::Refused { .. })), "{statement}: {refused:?}");
    }
}

#[tokio::test]
async fn a_rule_that_was_stored_when_it_had_less_to_say_is_still_the_same_rule() {
    let (_database, store) = fresh_town().await;
    let rule = rule("a");
    store.save_rules(tenant(), std::slice::from_ref(&rule), &account(0, None, None)).await.expect("saved");
    let stripped = sqlx::query("update alarm_rules set rule = rule - 'name' - 'latches' - 'cool_down' - 'screen'");
    assert_eq!(stripped.execute(store.pool()).await.expect("stripped").rows_affected(), 1);
    store.save_rules(tenant(), std::slice::from_ref(&rule), &account(1, None, None)).await.expect("the same");
    assert_eq!(numbers(&store, rule.id).await, [1]);
}

type Act<'a> = (&'a str, u64, TransitionKind, Option<TransitionDetail>);

fn entry(seq: u64, (name, occurrence, kind, detail): Act<'_>) -> JournalEntry {
    let transition = Transition {
        rule: RuleId::derived(tenant().0, name),
        occurrence,
        kind,
        at: NOW + Duration::from_secs(seq),
        value: (kind == TransitionKind::Raised).then_some(4.5),
        by: (kind != TransitionKind::Raised).then(asha),
        comment: None,
        rule_version: 1,
        detail,
    };
    JournalEntry { seq, transition }
}

#[tokio::test]
async fn states_have_every_axis_and_come_back_when_they_are_made_anew() {
    use TransitionKind::{
        Acknowledged, Cleared, Raised, Realarmed, ReturnedToService, Shelved, Suppressed, TakenOutOfService,
        Unsuppressed,
    };
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let raise = Raise { latches: true, needs_no_acknowledgement: false, first_out: true };
    let raise = Some(TransitionDetail::Raise(raise));
    let shelving = Shelving { until: NOW + Duration::from_secs(3_600), one_shot: true };
    let shelving = Some(TransitionDetail::Shelving(shelving));
    let acts = [
        ("latched", 1, Raised, raise.clone()),
        ("again", 1, Raised, None),
        ("shelved", 0, Shelved, shelving),
        ("suppressed", 0, Suppressed, None),
        ("out", 0, TakenOutOfService, None),
        ("plain", 1, Raised, None),
        ("again", 1, Acknowledged, None),
        ("again", 1, Realarmed, None),
        ("latched", 1, Acknowledged, None),
        ("latched", 1, Cleared, None),
        ("returned", 0, TakenOutOfService, None),
        ("returned", 0, ReturnedToService, None),
        ("plain", 1, Suppressed, None),
        ("plain", 1, Unsuppressed, None),
        ("shelved", 1, Raised, raise),
    ];
    let entries: Vec<JournalEntry> = (1..).zip(acts).map(|(seq, act)| entry(seq, act)).collect();
    for (number, part) in (1..).zip(entries.chunks(4)) {
        let batch = Batch { transitions: part.to_vec(), ..Batch::new(tenant()) };
        writer.apply(&batch, number).await.expect("applied");
    }

    let mut expected: BTreeMap<RuleId, AlarmState> = BTreeMap::new();
    for entry in &entries {
        let rule = entry.transition.rule;
        let mut state = expected.remove(&rule);
        penstock_alarm::apply(&mut state, &entry.transition);
        expected.extend(state.map(|state| (rule, state)));
    }
    let expected: Vec<AlarmState> = expected.into_values().collect();
    assert!(expected.iter().any(|state| state.latched));
    assert!(expected.iter().any(|state| state.shelf.is_some()));
    assert!(expected.iter().any(|state| state.suppressed.is_some()));
    assert!(expected.iter().any(|state| state.out_of_service.is_some()));
    assert!(expected.iter().any(|state| state.first_out));
    assert!(expected.iter().any(|state| state.realarms > 0));
    assert!(expected.iter().any(|state| state.called_at != state.raised_at));
    assert!(expected.iter().any(|state| state.acknowledged_at.is_some()));
    assert_eq!(store.alarm_states(tenant()).await.expect("states"), expected);

    sqlx::query("delete from alarm_states").execute(store.pool()).await.expect("deleted");
    assert_eq!(store.rebuild_alarm_states(tenant()).await.expect("rebuilt"), expected.len());
    assert_eq!(store.alarm_states(tenant()).await.expect("states"), expected);
}

#[tokio::test]
async fn the_journal_comes_in_its_order_after_any_entry() {
    const COUNT: u64 = 10_000;
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    assert_eq!(store.last_journal_seq().await.expect("seq"), 0);
    // Later numbers have earlier times.
    let backwards = |seq: u64| {
        let mut entry = entry(seq, ("a", seq, TransitionKind::Commented, None));
        entry.transition.at = NOW - Duration::from_secs(seq);
        entry
    };
    let entries: Vec<JournalEntry> = (1..=COUNT).map(backwards).collect();
    let batch = Batch { transitions: entries.clone(), ..Batch::new(tenant()) };
    writer.apply(&batch, 1).await.expect("applied");
    assert_eq!(store.last_journal_seq().await.expect("seq"), COUNT);
    for after in [0, 1, 4_095, 4_096, 9_999, COUNT, COUNT + 1] {
        let mut chunks = store.journal_since(tenant(), after);
        let mut read = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            read.extend(chunk.expect("chunk"));
        }
        let expected: Vec<_> = entries.iter().filter(|entry| entry.seq > after).cloned().collect();
        assert!(read == expected, "after {after}: {} of {}", read.len(), expected.len());
    }
    assert!(store.journal_since(OTHER, 0).recv().await.is_none());
    // Let go in the middle, it leaves nothing behind that meets what is asked next.
    for _ in 0..30 {
        assert!(store.journal_since(tenant(), 0).recv().await.is_some_and(|chunk| chunk.is_ok()));
    }
    assert_eq!(store.last_journal_seq().await.expect("seq"), COUNT);
}
