//! What is kept for good: the alarm journal and the audit. And what is kept within bounds.

use std::time::Duration;

use penstock_model::{RuleId, Transition, TransitionKind, UserId};
use penstock_store::{AuditEntry, Batch, DeviceAlert, Error, JournalEntry, JournalFilter, JournalPage, Reject, Writer};
use sqlx::Executor as _;

use crate::fixtures::{NOW, fresh, tenant};

fn rule(name: &str) -> RuleId {
    RuleId::derived(tenant().0, name)
}

fn entry(seq: u64, rule: RuleId, occurrence: u64, kind: TransitionKind) -> JournalEntry {
    let by = matches!(kind, TransitionKind::Acknowledged).then(|| UserId::derived(tenant().0, "asha"));
    let at = NOW + Duration::from_secs(seq);
    let comment = Some("a\0b".into());
    let transition =
        Transition { rule, occurrence, kind, at, value: Some(4.5), by, comment, rule_version: 3, detail: None };
    JournalEntry { seq, transition }
}

#[tokio::test]
async fn states_follow_the_journal_however_often_it_comes() {
    use TransitionKind::{Acknowledged, Cleared, Commented, Raised};
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let (a, b) = (rule("a"), rule("b"));
    let entries = [
        entry(1, a, 1, Raised),
        entry(2, a, 1, Acknowledged),
        entry(3, b, 1, Raised),
        entry(4, a, 1, Cleared),
        entry(5, a, 2, Raised),
        // Meant for the occurrence that is over.
        entry(6, a, 1, Acknowledged),
        entry(7, b, 1, Commented),
        entry(8, b, 1, Cleared),
    ];
    let mut seq = 0;
    for part in [&entries[..3], &entries[1..5], &entries[4..], &entries[..]] {
        seq += 1;
        let batch = Batch { transitions: part.to_vec(), ..Batch::new(tenant()) };
        writer.apply(&batch, seq).await.expect("applied");
    }
    let states = store.alarm_states(tenant()).await.expect("states");
    let of = |rule: RuleId| states.iter().find(|state| state.rule == rule).expect("state");
    assert_eq!((of(a).occurrence, of(a).active, of(a).acknowledged), (2, true, false));
    assert_eq!((of(b).occurrence, of(b).active, of(b).acknowledged), (1, false, false));

    sqlx::query("delete from alarm_states").execute(store.pool()).await.expect("deleted");
    assert_eq!(store.rebuild_alarm_states(tenant()).await.expect("rebuilt"), 2);
    assert_eq!(store.alarm_states(tenant()).await.expect("states"), states);

    let page = JournalPage { filter: JournalFilter::default(), before: None, limit: 100 };
    let journal = store.journal(tenant(), &page).await.expect("journal");
    assert_eq!(journal.iter().map(|record| record.entry.seq).collect::<Vec<_>>(), [8, 7, 6, 5, 4, 3, 2, 1]);
    let of_b = JournalFilter { rules: vec![b], ..JournalFilter::default() };
    let page = JournalPage { filter: of_b, before: Some(8), limit: 1 };
    let journal: Vec<JournalEntry> =
        store.journal(tenant(), &page).await.expect("journal").into_iter().map(|record| record.entry).collect();
    let mut expected = entries[6].clone();
    expected.transition.comment = Some("a\u{fffd}b".into());
    assert_eq!(journal, [expected]);
    assert_eq!(store.last_journal_seq().await.expect("seq"), 8);
}

#[tokio::test]
async fn journal_and_audit_refuse_to_be_changed() {
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let batch = Batch {
        transitions: vec![entry(1, rule("a"), 1, TransitionKind::Raised)],
        audits: vec![AuditEntry::new(tenant(), NOW, None, "start", "station")],
        ..Batch::new(tenant())
    };
    writer.apply(&batch, 1).await.expect("applied");
    for statement in [
        "update alarm_journal set comment = 'x'",
        "delete from alarm_journal",
        "truncate alarm_journal",
        "update audit set action = 'x'",
        "delete from audit where false",
        "truncate audit",
    ] {
        let refused = store.pool().execute(statement).await.map_err(Error::from);
        assert!(matches!(refused, Err(Error::Refused { .. })), "{statement}: {refused:?}");
    }
}

fn audits(count: u32) -> Vec<AuditEntry> {
    (0..count)
        .map(|i| {
            let mut entry =
                AuditEntry::new(tenant(), NOW + Duration::from_millis(i.into()), None, "point.edit", format!("p{i}"));
            entry.old = Some(serde_json::json!({"limit": f64::from(i) * 0.1, "b": null, "a": "x\0"}));
            entry.new = (i % 2 == 0).then(|| serde_json::json!([1.0, 1e300, -0.0, 12_345_678_901_234_567_i64]));
            entry.reason = (i % 3 == 0).then(|| "why \"not\"".to_owned());
            entry
        })
        .collect()
}

#[tokio::test]
async fn the_audit_shows_what_was_changed_removed_put_in_or_cut_off() {
    let (_database, store) = fresh().await;
    let sound = store.verify_audit().await.expect("checked");
    assert!(sound.is_sound() && sound.entries == 0, "{sound:?}");
    store.append_audit(&audits(20)).await.expect("appended");
    // The same entries again, as after a crash between the database and the spool, are no new ones.
    let again = audits(20);
    store.append_audit(&again).await.expect("appended");
    store.append_audit(&again).await.expect("appended");
    let sound = store.verify_audit().await.expect("checked");
    assert!(sound.is_sound() && sound.entries == 40, "{sound:?}");

    // Whoever owns the database can switch the triggers off; the chain tells.
    let tampered = |statement: &'static str| {
        let pool = store.pool().clone();
        let store = store.clone();
        async move {
            let mut transaction = pool.begin().await.expect("begun");
            transaction.execute("alter table audit disable trigger user").await.expect("off");
            transaction.execute("create table kept as table audit").await.expect("kept");
            transaction.execute(statement).await.expect(statement);
            transaction.commit().await.expect("committed");
            let verdict = store.verify_audit().await.expect("checked");
            let mut transaction = pool.begin().await.expect("begun");
            transaction.execute("delete from audit").await.expect("emptied");
            transaction.execute("insert into audit table kept").await.expect("restored");
            transaction.execute("drop table kept").await.expect("dropped");
            transaction.execute("alter table audit enable trigger user").await.expect("on");
            transaction.commit().await.expect("committed");
            verdict
        }
    };
    assert_eq!(tampered("update audit set reason = 'other' where seq = 7").await.changed, Some(7));
    assert_eq!(tampered("update audit set old = '{}' where seq = 9").await.changed, Some(9));
    assert_eq!(tampered("update audit set at = at + interval '1 microsecond' where seq = 9").await.changed, Some(9));
    assert_eq!(tampered("delete from audit where seq = 11").await.unlinked, Some(12));
    assert_eq!(tampered("delete from audit where seq = 1").await.unlinked, Some(2));
    assert!(!tampered("delete from audit where seq = 40").await.is_complete);
    let recomputed = tampered("update audit set hash = sha256('x') where seq = 5").await;
    assert_eq!((recomputed.changed, recomputed.unlinked), (Some(5), Some(6)));
    assert!(store.verify_audit().await.expect("checked").is_sound());
}

#[tokio::test]
async fn rejects_and_alerts_stay_within_their_bounds() {
    let (_database, store) = fresh().await;
    let mut writer = Writer::open(&store).await.expect("writer");
    for round in 1..=3_u64 {
        let reject = |i: u64| Reject {
            at: NOW + Duration::from_secs(round * 1_000 + i),
            source: "local".into(),
            topic: "t\0".into(),
            payload: vec![0; 10_000],
            reason: format!("round {round}"),
        };
        let alert = |i: u64| DeviceAlert {
            at: NOW + Duration::from_secs(i),
            source: "local".into(),
            device: format!("gw{i}"),
            severity: None,
            message: "ä".repeat(4_000),
        };
        let batch = Batch {
            rejects: (0..600).map(reject).collect(),
            alerts: (0..600).map(alert).collect(),
            ..Batch::new(tenant())
        };
        writer.apply(&batch, round).await.expect("applied");
    }
    let rejects = store.rejects(tenant(), 5_000).await.expect("rejects");
    assert_eq!(rejects.len(), 1_000);
    let newest = rejects.first().expect("newest");
    assert_eq!((newest.reject.payload.len(), newest.payload_bytes), (4_096, 10_000));
    assert_eq!(newest.reject.reason, "round 3");
    let alerts = store.device_alerts(tenant(), 5_000).await.expect("alerts");
    assert_eq!((alerts.len(), alerts.first().expect("newest").message.len()), (1_000, 4_096));
}
