//! What screens can read, and what they cannot.

use std::time::Duration;

use penstock_model::{
    Address, PlaceKind, Point, PointNo, Position, Quality, Quantity, Sample, TenantId, Timestamp, TransitionKind,
};
use penstock_store::{Batch, JournalFilter, JournalPage, Reader, Series, Store, Writer};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::fixtures::{OTHER, fresh};

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const NOBODY: TenantId = TenantId(Uuid::from_u128(3));

/// Everything that screens may read, each with its columns where these are not all.
const READ: [&str; 25] = [
    "alarm_approvals",
    "alarm_approvals_head",
    "alarm_journal",
    "alarm_rule_versions",
    "alarm_rules",
    "alarm_states",
    "alarm_work",
    "areas",
    "assets",
    "device_alerts",
    "guidance_versions",
    "operator_positions",
    "people (id, tenant, full_name)",
    "pipes",
    "points",
    "rejects",
    "rescalings",
    "rollups_day",
    "rollups_due",
    "rollups_hour",
    "rollups_minute",
    "samples",
    "samples_gone (first, next, archive, lost)",
    "sites",
    "spool_watermark",
];

/// A row of `$1` in each table that names its tenant.
const ROWS: [(&str, &str); 16] = [
    ("areas", "insert into areas (id, tenant, name) values (gen_random_uuid(), $1, 'DMA 1')"),
    ("sites", "insert into sites (id, tenant, name, kind) values (gen_random_uuid(), $1, 'Tower', 'storage')"),
    (
        "assets",
        "insert into assets (id, tenant, name, kind, position) \
         values (gen_random_uuid(), $1, 'V-1', 'valve', ST_SetSRID(ST_MakePoint(79, 20), 4326))",
    ),
    (
        "pipes",
        "insert into pipes (id, tenant, name, diameter_mm, course) values (gen_random_uuid(), $1, 'M-1', 300, \
         ST_SetSRID(ST_MakeLine(ST_MakePoint(79, 20), ST_MakePoint(79.1, 20)), 4326))",
    ),
    ("alarm_rules", "insert into alarm_rules (id, tenant, version, rule) values (gen_random_uuid(), $1, 1, '{}')"),
    (
        "alarm_rule_versions",
        "insert into alarm_rule_versions (rule, tenant, version, body, saved_at) \
         values (gen_random_uuid(), $1, 1, '{}', now())",
    ),
    (
        "guidance_versions",
        "insert into guidance_versions (tenant, scope, place, version, body, saved_at) \
         values ($1, 'tenant', $1, 1, '{}', now())",
    ),
    (
        "alarm_journal",
        "insert into alarm_journal (seq, tenant, rule, rule_version, occurrence, kind, at) \
         select count(*) + 1, $1, gen_random_uuid(), 1, 1, 'raised', '2026-11-20T10:00:00Z' from alarm_journal",
    ),
    (
        "alarm_states",
        "insert into alarm_states (rule, tenant, occurrence, active, acknowledged, raised_at, called_at, changed_at, \
         last_seq) values (gen_random_uuid(), $1, 1, true, false, now(), now(), now(), 1)",
    ),
    (
        "alarm_approvals",
        "insert into alarm_approvals \
         (tenant, number, at, approved_by, reason, settings, withdrawn, previous, digest) \
         values ($1, 1, now(), gen_random_uuid(), 'x', '{}', '{}', sha256('x'), sha256('y'))",
    ),
    ("alarm_approvals_head", "insert into alarm_approvals_head (tenant, number, digest) values ($1, 1, sha256('y'))"),
    ("alarm_work", "insert into alarm_work (tenant, rule, at, kind) values ($1, gen_random_uuid(), now(), 'found')"),
    (
        "rejects",
        "insert into rejects (tenant, at, source, topic, payload, payload_bytes, reason) \
         values ($1, now(), 'local', 't', 'x', 1, 'not a number')",
    ),
    (
        "device_alerts",
        "insert into device_alerts (tenant, at, source, device, message) values ($1, now(), 'local', 'gw1', 'flat')",
    ),
    (
        "operator_positions",
        "insert into operator_positions (id, tenant, name, reach, priorities) \
         values (gen_random_uuid(), $1, 'North', '\"plant\"', '{p1}')",
    ),
    (
        "people",
        "insert into people (id, tenant, name, full_name) values (gen_random_uuid(), $1, md5($1::text), 'Asha')",
    ),
];

fn point(tenant: TenantId, no: i32) -> Point {
    let address = Address { source: "local".into(), path: format!("p{no}") };
    Point::discovered(tenant, PointNo(no), address, Quantity::Plain.display_unit())
}

/// Two tenants with a point each: number 1 is one's, number 2 the other's.
async fn settle(store: &Store) {
    for (tenant, no) in [(ONE, 1), (OTHER, 2)] {
        store.ensure_tenant(tenant, "Nandipur", "Asia/Kolkata").await.expect("tenant");
        let numbers = store.discover(tenant, &[point(tenant, no)]).await.expect("discovered");
        assert_eq!(numbers, [PointNo(no)]);
    }
}

/// How many rows of a table screens see.
async fn seen(screens: &Reader, table: &str) -> i64 {
    let count = AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(count).fetch_one(screens.pool()).await.expect(table)
}

async fn texts(store: &Store, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(store.pool()).await.expect(query)
}

/// Asserts that screens have no right to do any of this.
async fn assert_refused(screens: &Reader, statements: &[&'static str]) {
    for statement in statements {
        let error = sqlx::query(*statement).execute(screens.pool()).await.expect_err(statement);
        assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"), "{statement}");
    }
}

#[tokio::test]
async fn screens_see_their_own_tenant_and_no_partition() {
    let (_database, store) = fresh().await;
    settle(&store).await;
    let mut writer = Writer::open(&store).await.expect("writer");
    let start = Timestamp::parse("2026-11-20T10:00:00Z").expect("time");
    for (seq, (tenant, no)) in [(1, (ONE, 1)), (2, (OTHER, 2))] {
        let sample = |step: u64| Sample {
            point: PointNo(no),
            source_time: start + Duration::from_secs(10 * step),
            received_time: start,
            value: Some(step as f64),
            quality: Quality::Good,
        };
        let samples = (0..3_000).map(sample).collect();
        writer.apply(&Batch { samples, ..Batch::new(tenant) }, seq).await.expect("applied");
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
    let mut chunks = screens.scan(vec![PointNo(2), PointNo(1)], start, end);
    let mut scanned = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        scanned.extend(chunk.expect("chunk").into_iter().map(|sample| sample.point));
    }
    assert_eq!(scanned, [PointNo(1); 3_000]);
    assert_eq!((seen(&screens, "points").await, seen(&screens, "samples").await), (1, 3_000));

    assert_refused(
        &screens,
        &[
            "select count(*) from samples_2026_11",
            "select count(*) from rollups_minute_2026_11",
            "delete from samples",
            "insert into samples_gone values (now(), now(), now())",
            "select points from samples_gone",
            "select name from people",
            "select count(*) from credentials",
            "select count(*) from person_positions",
            "select count(*) from audit",
        ],
    )
    .await;
}

#[tokio::test]
async fn no_table_shows_what_is_another_tenants() {
    let (_database, store) = fresh().await;
    settle(&store).await;
    for (table, insert) in ROWS {
        for tenant in [ONE, OTHER] {
            sqlx::query(insert).bind(tenant.0).execute(store.pool()).await.expect(table);
        }
    }
    let screens = store.for_screens(ONE).await.expect("screens");
    let nobody = store.for_screens(NOBODY).await.expect("screens");
    for (table, _) in ROWS {
        let owner: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(store.pool())
            .await
            .expect(table);
        assert_eq!((owner, seen(&screens, table).await, seen(&nobody, table).await), (2, 1, 0), "{table}");
    }

    let page = JournalPage { filter: JournalFilter::default(), before: None, limit: 10 };
    let journal = screens.journal(&page).await.expect("journal");
    let kinds: Vec<_> = journal.iter().map(|record| record.entry.transition.kind).collect();
    assert_eq!(kinds, [TransitionKind::Raised]);
    assert_eq!(screens.names().await.expect("names").into_values().collect::<Vec<_>>(), ["Asha"]);
    assert_eq!(screens.rejects(10).await.expect("rejects").len(), 1);
    assert_eq!(screens.device_alerts(10).await.expect("alerts").len(), 1);
    let here = Position::new(20.0, 79.0).expect("on earth");
    assert_eq!(screens.places_near(&[PlaceKind::Asset], here, 10).await.expect("places").len(), 1);
    assert_eq!(nobody.places_near(&[PlaceKind::Asset], here, 10).await.expect("places"), []);
    assert_eq!(screens.figures().await.expect("figures").partitions, 2);
}

#[tokio::test]
async fn a_month_that_is_gone_is_seen_by_whose_samples_went_with_it() {
    let (_database, store) = fresh().await;
    settle(&store).await;
    sqlx::query(
        "insert into samples_gone (first, next, dropped_at, points) values \
         ('2026-05-01T00:00:00Z', '2026-06-01T00:00:00Z', now(), '{2}'), \
         ('2026-06-01T00:00:00Z', '2026-07-01T00:00:00Z', now(), '{1, 2}'), \
         ('2026-07-01T00:00:00Z', '2026-08-01T00:00:00Z', now(), null)",
    )
    .execute(store.pool())
    .await
    .expect("inserted");
    for (tenant, expected) in [(ONE, vec![6, 7]), (OTHER, vec![5, 6, 7]), (NOBODY, vec![7])] {
        let screens = store.for_screens(tenant).await.expect("screens");
        let months: Vec<i32> = sqlx::query_scalar(
            "select extract(month from first at time zone 'UTC')::int from samples_gone order by first",
        )
        .fetch_all(screens.pool())
        .await
        .expect("months");
        assert_eq!(months, expected, "{tenant}");
    }
}

#[tokio::test]
async fn screens_may_read_what_is_listed_here_and_write_nothing() {
    let (_database, store) = fresh().await;
    let now = Timestamp::parse("2026-11-20T10:00:00Z").expect("time");
    store.prepare_partitions(now, 1).await.expect("partitions");

    // What PostGIS brings along is everybody's.
    let read = texts(
        &store,
        "select case when has_table_privilege('penstock_reader', pg_class.oid, 'select') then relname::text else \
             relname || ' (' || ( \
                 select string_agg(attname::text, ', ' order by attnum) from pg_attribute \
                 where attrelid = pg_class.oid and attnum > 0 and not attisdropped \
                     and has_column_privilege('penstock_reader', attrelid, attnum, 'select') \
             ) || ')' end \
         from pg_class \
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') \
             and has_any_column_privilege('penstock_reader', pg_class.oid, 'select') \
             and not exists ( \
                 select from pg_depend \
                 where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e' \
             ) \
         order by relname",
    )
    .await;
    assert_eq!(read, READ);
    let unguarded = texts(
        &store,
        "select relname::text from pg_class \
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity \
             and has_any_column_privilege('penstock_reader', pg_class.oid, 'select') \
             and relname <> 'spatial_ref_sys'",
    )
    .await;
    assert_eq!(unguarded, ["spool_watermark"]);

    let written = texts(
        &store,
        "select relname::text from pg_class \
         where relnamespace = 'public'::regnamespace and case \
             when relkind in ('r', 'p', 'v', 'm', 'f') then \
                 has_any_column_privilege('penstock_reader', oid, 'insert, update, references') \
                 or has_table_privilege('penstock_reader', oid, 'delete, truncate, trigger') \
             when relkind = 'S' then has_sequence_privilege('penstock_reader', oid, 'usage, select, update') \
             else false end",
    )
    .await;
    assert_eq!(written, Vec::<String>::new());
    let partitions = texts(
        &store,
        "select relname::text from pg_inherits join pg_class on pg_class.oid = inhrelid where relkind in ('r', 'p')",
    )
    .await;
    // Two months of samples and of minutes, a year of hours and of days, and the times that no plant has.
    assert_eq!(partitions.len(), 8, "{partitions:?}");
    let open = texts(
        &store,
        "select relname::text from pg_inherits join pg_class on pg_class.oid = inhrelid \
         where relkind in ('r', 'p') \
             and (has_any_column_privilege('penstock_reader', inhrelid, 'select, insert, update, references') \
                 or has_table_privilege('penstock_reader', inhrelid, 'delete, truncate, trigger'))",
    )
    .await;
    assert_eq!(open, Vec::<String>::new());

    let screens = store.for_screens(ONE).await.expect("screens");
    assert_refused(
        &screens,
        &[
            "update points set name = 'x'",
            "delete from alarm_states",
            "truncate alarm_journal",
            "update spool_watermark set seq = 0",
            "create table mine (no int)",
            "select samples_partition('2031-01-01T00:00:00Z')",
            "alter table people disable row level security",
            "set role postgres",
            "set session authorization postgres",
        ],
    )
    .await;
}

#[tokio::test]
async fn sessions_stay_the_readers_and_end_what_takes_too_long() {
    let (_database, store) = fresh().await;
    let screens = store.for_screens(ONE).await.expect("screens");
    let mut connection = screens.pool().acquire().await.expect("connection");
    sqlx::query("reset role").execute(&mut *connection).await.expect("nothing to put off");
    let session: (String, String, String) = sqlx::query_as(
        "select current_user::text, current_setting('statement_timeout'), current_setting('lock_timeout')",
    )
    .fetch_one(&mut *connection)
    .await
    .expect("session");
    assert_eq!(session, ("penstock_reader".to_owned(), "30s".to_owned(), "10s".to_owned()));
}
