//! Operator positions on a real PostgreSQL.

use std::collections::BTreeSet;

use penstock_model::{
    AreaId, OperatorPosition, OperatorPositionId, Person, Priority, Reach, Role, TenantId, Timestamp, UserId,
};
use penstock_store::{AuditPage, Error, Store};
use penstock_testkit::database::ScratchDatabase;
use uuid::Uuid;

use crate::fixtures::{audit, fresh_town, tenant};

fn position(name: &str) -> OperatorPosition {
    OperatorPosition {
        id: OperatorPositionId::derived(tenant().0, name),
        name: name.to_owned(),
        reach: Reach::Areas { areas: [AreaId::derived(tenant().0, name)].into(), unzoned: true },
        priorities: [Priority::P1, Priority::P3].into(),
    }
}

/// A town with an operator.
async fn town() -> (ScratchDatabase, Store, UserId) {
    let (database, store) = fresh_town().await;
    let asha = Person {
        id: UserId::derived(tenant().0, "asha"),
        name: "asha".into(),
        full_name: "Asha Verma".into(),
        roles: vec![Role::Operator],
    };
    store.create_person(tenant(), &asha, "$argon2id$1", &audit("people.create")).await.expect("created");
    (database, store, asha.id)
}

/// What was done, the newest first.
async fn actions(store: &Store) -> Vec<String> {
    let page = AuditPage { from: Timestamp::MIN, to: Timestamp::MAX, who: None, before: None, limit: 100 };
    store.audit(tenant(), &page).await.expect("audit").into_iter().map(|record| record.entry.action).collect()
}

#[tokio::test]
async fn positions_are_saved_changed_and_removed() {
    let (_database, store, _asha) = town().await;
    let (north, south) = (position("North"), position("South"));
    for position in [&south, &north] {
        store.save_position(tenant(), position, &audit("save-position")).await.expect("saved");
    }
    assert_eq!(store.positions(tenant()).await.expect("read"), [north.clone(), south.clone()], "by name");
    assert_eq!(store.positions(TenantId::derived(Uuid::nil(), "other")).await.expect("read"), []);

    let whole = OperatorPosition { name: "All of it".into(), reach: Reach::Plant, ..south.clone() };
    store.save_position(tenant(), &whole, &audit("save-position")).await.expect("changed");
    assert_eq!(store.positions(tenant()).await.expect("read"), [whole.clone(), north.clone()]);

    let twin = OperatorPosition { name: "North".into(), ..position("Third") };
    let refused = store.save_position(tenant(), &twin, &audit("save-position")).await;
    assert!(matches!(&refused, Err(Error::Exists { what }) if what == "a position with this name"), "{refused:?}");
    for wrong in [
        OperatorPosition { name: " ".into(), ..position("Third") },
        OperatorPosition { priorities: BTreeSet::new(), ..position("Third") },
    ] {
        let refused = store.save_position(tenant(), &wrong, &audit("save-position")).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }
    let unaccounted = store.save_position(tenant(), &position("Third"), &[]).await;
    assert!(matches!(unaccounted, Err(Error::Refused { .. })), "{unaccounted:?}");

    // Another tenant's id is not changed by knowing it.
    let other = TenantId::derived(Uuid::nil(), "other");
    store.ensure_tenant(other, "Elsewhere", "Asia/Kolkata").await.expect("tenant");
    let taken = store.save_position(other, &north, &audit("save-position")).await;
    assert!(matches!(taken, Err(Error::Exists { .. })), "{taken:?}");
    let kept = store.remove_position(other, north.id, &audit("remove-position")).await;
    assert!(matches!(kept, Err(Error::NotFound { .. })), "{kept:?}");

    store.remove_position(tenant(), north.id, &audit("remove-position")).await.expect("removed");
    assert_eq!(store.positions(tenant()).await.expect("read"), [whole]);
    let again = store.remove_position(tenant(), north.id, &audit("remove-position")).await;
    assert!(matches!(again, Err(Error::NotFound { .. })), "{again:?}");
    // What was refused left no trace.
    let saved = "save-position";
    assert_eq!(actions(&store).await, ["remove-position", saved, saved, saved, "people.create"]);
}

#[tokio::test]
async fn a_person_begins_with_the_positions_taken_up_last() {
    let (_database, store, asha) = town().await;
    let (north, south) = (position("North"), position("South"));
    for position in [&north, &south] {
        store.save_position(tenant(), position, &audit("save-position")).await.expect("saved");
    }
    let last = async || store.last_positions(asha).await.expect("read");
    assert_eq!(last().await, BTreeSet::new());
    for chosen in
        [BTreeSet::from([north.id, south.id]), BTreeSet::from([south.id]), BTreeSet::from([north.id, south.id])]
    {
        store.take_up_positions(asha, &chosen, &audit("take-up-positions")).await.expect("kept");
        assert_eq!(last().await, chosen);
    }

    let unknown = BTreeSet::from([OperatorPositionId::derived(tenant().0, "nowhere")]);
    let refused = store.take_up_positions(asha, &unknown, &audit("take-up-positions")).await;
    assert!(matches!(refused, Err(Error::Dangling { .. })), "{refused:?}");
    assert_eq!(last().await, BTreeSet::from([north.id, south.id]), "what was refused changed nothing");
    assert_eq!(actions(&store).await.iter().filter(|action| *action == "take-up-positions").count(), 3);

    // A position that is gone is held by nobody.
    store.remove_position(tenant(), south.id, &audit("remove-position")).await.expect("removed");
    assert_eq!(last().await, BTreeSet::from([north.id]));
    store.take_up_positions(asha, &BTreeSet::new(), &audit("take-up-positions")).await.expect("left");
    assert_eq!(last().await, BTreeSet::new());
}
