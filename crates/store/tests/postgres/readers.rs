//! What screens can read, and what they cannot.

use std::time::Duration;

use penstock_model::{Address, Point, PointNo, Quality, Quantity, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Series, Writer};
use penstock_testkit::database::scratch_database;
use uuid::Uuid;

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const OTHER: TenantId = TenantId(Uuid::from_u128(2));

fn point(tenant: TenantId, no: i32) -> Point {
    let address = Address { source: "local".into(), path: format!("p{no}") };
    Point::discovered(tenant, PointNo(no), address, Quantity::Plain.display_unit())
}

#[tokio::test]
async fn screens_see_their_own_tenant_and_no_partition() {
    let database = scratch_database().await.expect("database");
    let store = database.store().await.expect("store");
    let mut writer = Writer::open(&store).await.expect("writer");
    let start = Timestamp::parse("2026-11-20T10:00:00Z").expect("time");
    for (seq, (tenant, no)) in [(1, (ONE, 1)), (2, (OTHER, 2))] {
        store.ensure_tenant(tenant, "Nandipur", "Asia/Kolkata").await.expect("tenant");
        let sample = |step: u64| Sample {
            point: PointNo(no),
            source_time: start + Duration::from_secs(10 * step),
            received_time: start,
            value: Some(step as f64),
            quality: Quality::Good,
        };
        let samples = (0..3_000).map(sample).collect();
        let batch = Batch { samples, discovered: vec![point(tenant, no)], ..Batch::new(tenant) };
        writer.apply(&batch, seq).await.expect("applied");
    }
    store.roll_up(start + Duration::from_secs(86_400)).await.expect("rolled up");

    let screens = store.for_screens(ONE).await.expect("screens");
    let end = start + Duration::from_secs(86_400);
    let hold = Duration::from_secs(900);
    for max_points in [10, 100, 5_000] {
        let own = screens.history(PointNo(1), start, end, max_points).await.expect("history");
        assert_eq!(own, store.history(PointNo(1), start, end, max_points).await.expect("history"));
        let others = screens.history(PointNo(2), start, end, max_points).await.expect("history");
        assert_eq!(others, Series::Raw(Vec::new()));
    }
    let figures = screens.statistics(PointNo(1), start, end, hold).await.expect("figures").expect("some");
    assert_eq!(figures.count, 3_000);
    assert_eq!(screens.statistics(PointNo(2), start, end, hold).await.expect("figures"), None);
    assert_eq!(screens.latest(ONE).await.expect("latest").len(), 1);
    assert_eq!(screens.latest(OTHER).await.expect("latest"), []);

    for refused in [
        "select count(*) from samples_2026_11",
        "select count(*) from rollups_minute_2026_11",
        "delete from samples",
        "insert into samples_gone values (now(), now(), now())",
        "select count(*) from people",
    ] {
        let error = sqlx::query(refused).execute(screens.pool()).await.expect_err(refused);
        assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"), "{refused}");
    }
    let of_role: i64 = sqlx::query_scalar("select count(*) from points").fetch_one(screens.pool()).await.expect("own");
    assert_eq!(of_role, 1);
}
