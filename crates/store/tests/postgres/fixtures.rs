//! What tests begin with: a database of their own, the town that it belongs to, and somebody who does things there.
//! Must not know what is tested.

use penstock_model::{AlarmRule, Condition, LimitLevel, PointId, RuleId, Subject, TenantId, Timestamp, UserId};
use penstock_store::{AuditEntry, Store};
use penstock_testkit::database::{ScratchDatabase, scratch_database};
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);
pub(crate) const OTHER: TenantId = TenantId(Uuid::from_u128(2));

pub(crate) fn tenant() -> TenantId {
    TenantId::derived(Uuid::nil(), "town")
}

pub(crate) fn asha() -> UserId {
    UserId::derived(tenant().0, "asha")
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

pub(crate) fn rule(name: &str) -> AlarmRule {
    let point = Subject::Point(PointId::derived(tenant().0, name));
    // A number that is no short one, which must come back to the last bit.
    let condition = Condition::Limit { level: LimitLevel::High, limit: 0.1 + 0.2, deadband: 1.0e-7 };
    AlarmRule::new(RuleId::derived(tenant().0, name), point, condition)
}

pub(crate) fn audit(action: &str) -> Vec<AuditEntry> {
    vec![AuditEntry::new(tenant(), NOW, None, action, "test")]
}

/// An empty database.
pub(crate) async fn fresh() -> (ScratchDatabase, Store) {
    let database = scratch_database().await.expect("database");
    let store = database.store().await.expect("store");
    (database, store)
}

/// One that knows the town's name and no more.
pub(crate) async fn fresh_town() -> (ScratchDatabase, Store) {
    let (database, store) = fresh().await;
    store.ensure_tenant(tenant(), "Nandipur", "Asia/Kolkata").await.expect("tenant");
    (database, store)
}
