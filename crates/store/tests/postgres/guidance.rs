//! What is told beside the alarms of a part of the plant: kept version by version, each part and each tenant apart.

use std::time::Duration;

use penstock_model::{
    Advice, AreaId, AssetId, Guidance, Plant, PlantFile, PointId, Scope, ScopeAdvice, SiteId, TenantId,
};
use penstock_store::{AuditEntry, AuditPage, Error, GuidanceVersion};
use sqlx::Executor as _;
use uuid::Uuid;

use crate::fixtures::{NOW, OTHER, asha, fresh, tenant};

/// All of the plant, and one part of each kind; the site and the point have the same id.
fn scopes() -> [Scope; 5] {
    let id = Uuid::from_u128(9);
    let area = AreaId::derived(tenant().0, "DMA 1");
    let asset = AssetId::derived(tenant().0, "Pump 1");
    [Scope::Tenant, Scope::Area(area), Scope::Site(SiteId(id)), Scope::Asset(asset), Scope::Point(PointId(id))]
}

fn set(scope: Scope, version: u32, action: &str) -> ScopeAdvice {
    let guidance = Guidance { action: action.to_owned(), ..Guidance::default() };
    let advice = Advice {
        guidance,
        contact: "Duty engineer\nArea manager".to_owned(),
        call_within: Some(Duration::from_secs(900)),
        screen: Some("/map?site={site}".to_owned()),
    };
    ScopeAdvice { scope, version, advice }
}

fn account(tenant: TenantId, secs: u64, reason: Option<&str>) -> Vec<AuditEntry> {
    let mut entry = AuditEntry::new(tenant, NOW + Duration::from_secs(secs), Some(asha()), "save-guidance", "test");
    entry.reason = reason.map(str::to_owned);
    vec![entry]
}

#[tokio::test]
async fn every_version_stays_and_the_newest_counts() {
    let (_database, store) = fresh().await;
    for one in [tenant(), OTHER] {
        store.ensure_tenant(one, "Nandipur", "Asia/Kolkata").await.expect("tenant");
    }
    assert_eq!(store.load_guidance(tenant()).await.expect("nothing yet"), []);
    for scope in scopes() {
        let first = set(scope, 1, &format!("of {scope}"));
        store.save_guidance(tenant(), &first, &account(tenant(), 0, None)).await.expect("saved");
    }
    let [all, _, site, ..] = scopes();
    let others = set(all, 1, "of another plant");
    store.save_guidance(OTHER, &others, &account(OTHER, 0, None)).await.expect("saved");
    let second = set(site, 2, "call the crew\0");
    let why = account(tenant(), 60, Some("it took too long\0"));
    store.save_guidance(tenant(), &second, &why).await.expect("saved");

    // What it is not the next of is refused, and leaves no audit.
    for stale in [set(site, 2, "late"), set(site, 4, "ahead"), set(all, 3, "ahead")] {
        let refused = store.save_guidance(tenant(), &stale, &account(tenant(), 70, None)).await;
        assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    }
    let refused = store.save_guidance(tenant(), &set(all, 2, "nobody"), &[]).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    let page = AuditPage { from: NOW, to: NOW + Duration::from_secs(3_600), who: None, before: None, limit: 100 };
    assert_eq!(store.audit(tenant(), &page).await.expect("audit").len(), 6);

    let mut loaded = store.load_guidance(tenant()).await.expect("guidance");
    loaded.sort_by_key(|set| set.scope);
    let expect = scopes().map(|scope| match scope {
        Scope::Site(_) => set(scope, 2, "call the crew\u{fffd}"),
        _ => set(scope, 1, &format!("of {scope}")),
    });
    assert_eq!(loaded, expect);

    let newest = GuidanceVersion {
        set: set(site, 2, "call the crew\u{fffd}"),
        saved_at: NOW + Duration::from_secs(60),
        saved_by: Some(asha()),
        reason: Some("it took too long\u{fffd}".into()),
    };
    let oldest = GuidanceVersion {
        set: set(site, 1, &format!("of {site}")),
        saved_at: NOW,
        saved_by: Some(asha()),
        reason: None,
    };
    let versions = store.guidance_versions(tenant(), site).await.expect("versions");
    assert_eq!(versions, [newest, oldest]);

    // Screens read the same of their own tenant, and nothing of another's.
    let screens = store.for_screens(tenant()).await.expect("screens");
    assert_eq!(screens.guidance_versions(site).await.expect("versions"), versions);
    let others = store.for_screens(OTHER).await.expect("screens");
    assert_eq!(others.guidance_versions(site).await.expect("versions"), []);
    assert_eq!(others.guidance_versions(all).await.expect("versions").len(), 1);

    for statement in ["update guidance_versions set reason = 'x'", "delete from guidance_versions"] {
        let refused = store.pool().execute(statement).await.map_err(Error::from);
        assert!(matches!(refused, Err(Error::Refused { .. })), "{statement}: {refused:?}");
    }
}

#[tokio::test]
async fn a_plant_file_brings_guidance_and_one_without_leaves_it() {
    let (_database, store) = fresh().await;
    let plant = Plant {
        tenant: tenant(),
        name: "Nandipur".into(),
        time_zone: "Asia/Kolkata".into(),
        areas: vec![],
        sites: vec![],
        assets: vec![],
        pipes: vec![],
    };
    let file = |guidance: Vec<ScopeAdvice>| PlantFile { plant: plant.clone(), points: vec![], rules: vec![], guidance };
    let why = || account(tenant(), 0, Some("from the old station"));
    let [all, area, ..] = scopes();
    let (of_all, of_area) = (set(all, 1, "call"), set(area, 1, "close the valve"));
    // The same file again, and one without guidance, change nothing.
    let both = || vec![of_all.clone(), set(area, 1, "close the valve")];
    for guidance in [both(), both(), vec![]] {
        store.import_plant(&file(guidance), &why()).await.expect("imported");
        let mut loaded = store.load_guidance(tenant()).await.expect("guidance");
        loaded.sort_by_key(|set| set.scope);
        assert_eq!(loaded, [of_all.clone(), of_area.clone()]);
    }
    // All or none, and only what follows on what is stored.
    for stale in [set(all, 1, "wait"), set(all, 3, "wait")] {
        let refused = store.import_plant(&file(vec![set(area, 2, "wait"), stale]), &why()).await;
        assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    }
    store.import_plant(&file(vec![set(all, 2, "wait")]), &why()).await.expect("imported");
    let versions = store.guidance_versions(tenant(), all).await.expect("versions");
    let told: Vec<_> = versions.into_iter().map(|version| (version.set, version.saved_by, version.reason)).collect();
    let reason = Some("from the old station".to_owned());
    assert_eq!(told, [(set(all, 2, "wait"), Some(asha()), reason.clone()), (of_all, Some(asha()), reason)]);
    assert_eq!(store.guidance_versions(tenant(), area).await.expect("versions").len(), 1);
}
