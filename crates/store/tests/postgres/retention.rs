//! What retention takes away, and what stays readable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use penstock_archive::{Archive, ArchiveSettings, Month};
use penstock_model::{Address, Point, PointNo, Quality, Quantity, Sample, TenantId, Timestamp};
use penstock_store::{
    AuditEntry, Batch, Chunks, Error, Expired, PointEdit, Rescale, Retention, Series, Stays, Store, UnitSwitch, Writer,
};
use penstock_testkit::database::ScratchDatabase;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::fixtures::{at, fresh};

const DAY: Duration = Duration::from_secs(86_400);
/// When it is looked at what goes.
const NOW: Timestamp = Timestamp::of_date(2026, 9, 10);

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(9))
}

fn point(no: i32, quantity: Quantity) -> Point {
    let address = Address { source: "local".into(), path: format!("p{no}") };
    Point::discovered(tenant(), PointNo(no), address, quantity.display_unit())
}

/// A pressure and a flow, a sample every ten minutes from June to the end of August.
async fn filled() -> (ScratchDatabase, Store, Writer) {
    let (database, store) = fresh().await;
    store.ensure_tenant(tenant(), "Nandipur", "Asia/Kolkata").await.expect("tenant");
    let mut writer = Writer::open(&store).await.expect("writer");
    let points = [point(1, Quantity::Pressure), point(2, Quantity::Flow)];
    let start = at("2026-06-01T00:00:00Z");
    let sample = |no: i32, step: u64| Sample {
        point: PointNo(no),
        source_time: start + Duration::from_secs(600 * step),
        received_time: start + Duration::from_secs(600 * step),
        value: Some((step % 144) as f64),
        quality: Quality::Good,
    };
    let samples = (0..92 * 144).flat_map(|step| [sample(1, step), sample(2, step)]).collect();
    let batch = Batch { samples, discovered: points.to_vec(), ..Batch::new(tenant()) };
    writer.apply(&batch, 1).await.expect("applied");
    (database, store, writer)
}

fn retention(samples_days: u32, of: &[(Quantity, u32)]) -> Retention {
    Retention {
        samples: DAY * samples_days,
        samples_of: of.iter().map(|(quantity, days)| (*quantity, DAY * *days)).collect::<BTreeMap<_, _>>(),
        roll_ups: DAY * 3_650,
    }
}

async fn count(store: &Store, no: i32, from: &str, to: &str) -> usize {
    store.raw(PointNo(no), at(from), at(to), 1_000_000).await.expect("raw").len()
}

#[tokio::test]
async fn samples_go_by_the_month_once_they_are_rolled_up_and_trends_stay() {
    let (_database, store, mut writer) = filled().await;
    let before = store.history(PointNo(1), at("2026-06-05T00:00:00Z"), at("2026-06-20T00:00:00Z"), 400).await;
    let early = store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(early, Expired { waiting: 1, ..Expired::default() }, "nothing goes that is not rolled up");
    store.roll_up(NOW).await.expect("rolled up");
    let keeping = retention(60, &[]);
    let stays = |text: &str| keeping.stays(Quantity::Pressure, at(text), NOW);
    assert_eq!([stays("2026-06-30T23:59:59Z"), stays("2026-07-01T00:00:00Z")], [Stays::RollUps, Stays::Sample]);
    let expired = store.expire(NOW, &keeping, false).await.expect("expired");
    assert_eq!(expired, Expired { dropped: 1, ..Expired::default() });
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired"), Expired::default());
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 0);
    assert_eq!(count(&store, 1, "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z").await, 31 * 144);

    let after = store.history(PointNo(1), at("2026-06-05T00:00:00Z"), at("2026-06-20T00:00:00Z"), 400).await;
    assert_eq!(before.expect("history"), after.expect("history"));
    // An hour with six samples, of which nothing but the minutes is left.
    let (from, to) = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let Series::Reduced { buckets, .. } = store.history(PointNo(1), from, to, 1_000).await.expect("history") else {
        panic!("the samples are gone");
    };
    assert_eq!(buckets.len(), 6);
    let figures = store.statistics(PointNo(1), from, to, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| (of.count, of.min, of.max, of.mean)), Some((6, 60.0, 65.0, 62.5)));

    // What comes late for a month that is gone counts once, however often it comes, and for no time that others stood.
    for (seq, second) in [(2, 2), (3, 3), (4, 2), (5, 3)] {
        write(&mut writer, seq, vec![late(1, second)]).await;
        store.roll_up(NOW).await.expect("rolled up");
    }
    let figures = store.statistics(PointNo(1), from, to, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| (of.count, of.min, of.max, of.mean)), Some((8, 60.0, 1_000.0, 62.5)));
    // It is kept until the next pass, and known after it.
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 2);
    let expired = store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(expired, Expired { dropped: 1, ..Expired::default() });
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 0);
    write(&mut writer, 6, vec![late(1, 2), late(1, 4)]).await;
    store.roll_up(NOW).await.expect("rolled up");
    let figures = store.statistics(PointNo(1), from, to, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| (of.count, of.min, of.max, of.mean)), Some((9, 60.0, 1_000.0, 62.5)));
}

/// A sample that comes in September for the 10th of June, 10:05 and so many seconds.
fn late(no: i32, second: u64) -> Sample {
    Sample {
        point: PointNo(no),
        source_time: at("2026-06-10T10:05:00Z") + Duration::from_secs(second),
        received_time: NOW,
        value: Some(1_000.0),
        quality: Quality::Good,
    }
}

async fn write(writer: &mut Writer, seq: u64, samples: Vec<Sample>) {
    writer.apply(&Batch { samples, ..Batch::new(tenant()) }, seq).await.expect("applied");
}

/// An archive in a folder, which is used from here on.
async fn archiving(store: &Store) -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().display().to_string();
    let archive = Archive::open(&ArchiveSettings { place, ..ArchiveSettings::default() }).await.expect("archive");
    store.use_archive(archive.clone());
    (folder, archive)
}

#[tokio::test]
async fn a_gap_that_is_filled_late_counts_for_its_time() {
    let (_database, store, mut writer) = filled().await;
    store.roll_up(NOW).await.expect("rolled up");
    // A point that sends nothing until its month is gone.
    let silent = point(3, Quantity::Level);
    let batch = Batch { discovered: vec![silent], ..Batch::new(tenant()) };
    writer.apply(&batch, 2).await.expect("applied");
    store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    let samples =
        [(0, 10.0), (600, 40.0), (1_200, 70.0)].map(|(second, value)| Sample { value: Some(value), ..late(3, second) });
    write(&mut writer, 3, samples.to_vec()).await;
    store.roll_up(NOW).await.expect("rolled up");
    let (from, to) = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let figures = store.statistics(PointNo(3), from, to, Duration::from_secs(900)).await.expect("figures");
    let figures = figures.expect("some");
    // 10 and 40 stand until the next, 70 for as long as the point may be silent.
    let mean = (10.0 * 600.0 + 40.0 * 600.0 + 70.0 * 900.0) / 2_100.0;
    assert_eq!(figures.count, 3);
    assert!((figures.mean - mean).abs() < 1e-6, "{figures:?}");
}

#[tokio::test]
async fn what_comes_late_is_read_beside_the_archive_and_goes_there_once() {
    let (_database, store, mut writer) = filled().await;
    let (_folder, archive) = archiving(&store).await;
    let (june, july) = (at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"));
    let mut expected = store.raw(PointNo(1), june, july + DAY * 31, 1_000_000).await.expect("raw");
    let mut of_flow = store.raw(PointNo(2), june, july + DAY * 31, 1_000_000).await.expect("raw");
    store.roll_up(NOW).await.expect("rolled up");
    let keeping = retention(60, &[]);
    store.expire(NOW, &keeping, false).await.expect("expired");
    assert_eq!(archive.list().await.expect("list").len(), 1);

    // Two that are new, and one that the archive holds.
    let again = expected[9 * 144 + 60];
    let another = Sample { value: Some(-1.0), ..expected[9 * 144 + 61] };
    write(&mut writer, 2, vec![late(1, 7), late(2, 5), late(1, 5), again]).await;
    store.roll_up(NOW).await.expect("rolled up");
    expected.extend([late(1, 5), late(1, 7)]);
    expected.sort_by_key(|sample| sample.source_time);
    of_flow.push(late(2, 5));
    of_flow.sort_by_key(|sample| sample.source_time);
    let all: Vec<Sample> = of_flow.iter().chain(&expected).copied().collect();
    let before = expected.iter().filter(|sample| sample.source_time < july).count();
    let hour = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let of_hour: Vec<Sample> =
        expected.iter().filter(|sample| (hour.0..hour.1).contains(&sample.source_time)).copied().collect();
    // In the database, then in a file of its own.
    for files in [1, 2] {
        assert_eq!(archive.list().await.expect("list").len(), files);
        assert_eq!(store.raw(PointNo(1), june, july + DAY * 31, 1_000_000).await.expect("raw"), expected);
        assert_eq!(store.raw(PointNo(1), june, july, 1_360).await.expect("raw"), expected[..1_360]);
        assert_eq!(scanned(store.scan(vec![PointNo(2), PointNo(1)], june, july + DAY * 31)).await, all);
        let trend = store.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history");
        assert_eq!(trend, Series::Raw(of_hour.clone()));
        let expired = store.expire(NOW, &keeping, false).await.expect("expired");
        assert_eq!(expired.dropped, if files == 1 { 1 } else { 0 });
    }
    // Coming again, it makes no further file, and is counted no more.
    write(&mut writer, 3, vec![late(1, 5), late(2, 5)]).await;
    store.roll_up(NOW).await.expect("rolled up");
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired").dropped, 1);
    assert_eq!(archive.list().await.expect("list").len(), 2);
    assert_eq!(store.raw(PointNo(1), june, july, 1_000_000).await.expect("raw"), expected[..before]);
    let figures = store.statistics(PointNo(1), hour.0, hour.1, Duration::from_secs(900)).await.expect("figures");
    // The six that were there and the two that came late; the archive knows the one that came again.
    assert_eq!(figures.map(|of| of.count), Some(8));
    // With another value it is another sample, and nobody has counted it.
    write(&mut writer, 4, vec![another]).await;
    store.roll_up(NOW).await.expect("rolled up");
    let figures = store.statistics(PointNo(1), hour.0, hour.1, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| (of.count, of.min)), Some((9, -1.0)));
}

#[tokio::test]
async fn what_comes_late_waits_for_an_archive_that_is_away_and_nothing_else_does() {
    let (_database, store, mut writer) = filled().await;
    let (folder, _archive) = archiving(&store).await;
    let (from, to) = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let again = store.raw(PointNo(1), from, to, 10).await.expect("raw")[0];
    store.roll_up(NOW).await.expect("rolled up");
    assert_eq!(store.expire(NOW, &retention(60, &[]), false).await.expect("expired").dropped, 1);
    let (file, aside) = (folder.path().join("samples-2026-06.parquet"), folder.path().join("aside"));
    std::fs::rename(&file, &aside).expect("aside");
    // Not missing, and yet nobody can open it.
    std::os::unix::fs::symlink(&file, &file).expect("a link to itself");
    let fresh = Sample { source_time: at("2026-08-31T23:55:00Z"), ..late(1, 0) };
    write(&mut writer, 2, vec![again, fresh]).await;
    let away = store.roll_up(NOW).await;
    assert!(matches!(away, Err(Error::Archive(_))), "{away:?}");
    let due = async |of: &'static str| -> i64 { sqlx::query_scalar(of).fetch_one(store.pool()).await.expect("count") };
    assert_eq!(due("select count(*) from rollups_due where hour >= '2026-07-01'").await, 0);
    assert!(due("select count(*) from rollups_due where hour < '2026-07-01'").await > 0);

    std::fs::remove_file(&file).expect("no link");
    std::fs::rename(&aside, &file).expect("back");
    store.roll_up(NOW).await.expect("rolled up");
    let figures = store.statistics(PointNo(1), from, to, Duration::from_secs(900)).await.expect("figures");
    assert_eq!(figures.map(|of| of.count), Some(6), "it was counted before it went");
}

#[tokio::test]
async fn a_point_that_is_new_makes_no_month_be_written_anew() {
    let (_database, store, mut writer) = filled().await;
    let (_folder, archive) = archiving(&store).await;
    let oid = "select 'samples_2026_06'::regclass::oid::bigint";
    store.roll_up(NOW).await.expect("rolled up");
    let keeping = retention(365, &[(Quantity::Flow, 60)]);
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired").thinned, 1);
    let partition: i64 = sqlx::query_scalar(oid).fetch_one(store.pool()).await.expect("partition");
    // It measures what has gone, and had no sample then.
    let batch = Batch { discovered: vec![point(3, Quantity::Flow)], ..Batch::new(tenant()) };
    writer.apply(&batch, 2).await.expect("applied");
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired"), Expired::default());
    write(&mut writer, 3, vec![late(2, 5)]).await;
    store.roll_up(NOW).await.expect("rolled up");
    let expired = store.expire(NOW, &keeping, false).await.expect("expired");
    assert_eq!(expired, Expired { thinned: 1, ..Expired::default() });
    let after: i64 = sqlx::query_scalar(oid).fetch_one(store.pool()).await.expect("partition");
    assert_eq!(after, partition);
    assert_eq!(archive.list().await.expect("list").len(), 2);
    assert_eq!(count(&store, 2, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 30 * 144 + 1);
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 30 * 144);
}

#[tokio::test]
async fn the_newest_sample_of_a_silent_point_outlives_its_month() {
    let (_database, store, mut writer) = filled().await;
    let silent = [point(3, Quantity::Flow), point(4, Quantity::Flow), point(5, Quantity::Pressure)];
    let batch = Batch { discovered: silent.to_vec(), ..Batch::new(tenant()) };
    writer.apply(&batch, 2).await.expect("applied");
    let of_silent = async || -> Vec<Sample> {
        let latest = store.latest(tenant(), NOW).await.expect("latest");
        latest.into_iter().filter(|sample| sample.point.0 > 2).collect()
    };
    let of_flow = retention(365, &[(Quantity::Flow, 60)]);
    let mut told: Vec<Sample> = Vec::new();
    // With others that stay, late behind others that have gone, and with all of its month. Nothing is looked up for good.
    let given = [(3, &of_flow, (1, 0)), (4, &of_flow, (1, 0)), (5, &retention(60, &[]), (0, 1))];
    for (seq, (no, keeping, (thinned, dropped))) in (3..).zip(given) {
        let last = late(no, no.unsigned_abs().into());
        write(&mut writer, seq, vec![last]).await;
        told.push(last);
        store.roll_up(NOW).await.expect("rolled up");
        let expired = store.expire(NOW, keeping, false).await.expect("expired");
        assert_eq!(expired, Expired { thinned, dropped, ..Expired::default() });
        assert_eq!(count(&store, no, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 0);
        assert_eq!(of_silent().await, told);
    }
    while !writer.is_settled() {
        writer.settle_some().await.expect("settled");
    }
    assert_eq!(of_silent().await, told);
}

/// June is gone, and a point is known that has not sent anything yet.
async fn with_a_silent_point(store: &Store, writer: &mut Writer) {
    store.roll_up(NOW).await.expect("rolled up");
    let batch = Batch { discovered: vec![point(3, Quantity::Level)], ..Batch::new(tenant()) };
    writer.apply(&batch, 2).await.expect("applied");
    assert_eq!(store.expire(NOW, &retention(60, &[]), false).await.expect("expired").dropped, 1);
}

fn adoption() -> AuditEntry {
    AuditEntry::new(tenant(), NOW, None, "point.adopt", "test")
}

/// Gives a point another unit.
async fn rescale(store: &Store, no: i32, rescale: Rescale, audit: AuditEntry) {
    let point = store.load_points(tenant()).await.expect("points").into_iter().find(|point| point.no == PointNo(no));
    let edit = PointEdit { point: point.expect("known"), rescale: Some(rescale) };
    store.save_points(tenant(), &[edit], &[audit]).await.expect("rescaled");
}

/// Gives a point another unit, of which what was received before is half as many.
async fn halve(store: &Store, no: i32, received_before: Timestamp, audit: AuditEntry) {
    rescale(store, no, Rescale { factor: 0.5, offset: 0.0, received_before }, audit).await;
}

/// Waits until a session waits for a lock on `table`, or `task` has ended without.
async fn until_waiting(store: &Store, table: &str, task: &JoinHandle<()>) {
    let waits = "select exists (select from pg_locks where not granted and relation = $1::regclass \
                 and database = (select oid from pg_database where datname = current_database()))";
    while !task.is_finished() {
        let is_waiting: bool = sqlx::query_scalar(waits).bind(table).fetch_one(store.pool()).await.expect("locks");
        if is_waiting {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_change_of_unit_and_a_pass_of_roll_ups_keep_apart() {
    let (from, to) = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    // Each is held in its middle while the other comes.
    for (pass_is_first, table, lock) in [
        (true, "samples_added", "lock table samples_added in access exclusive mode"),
        (false, "rollups_day", "lock table rollups_day in share mode"),
    ] {
        let (_database, store, mut writer) = filled().await;
        with_a_silent_point(&store, &mut writer).await;
        write(&mut writer, 3, vec![late(3, 0)]).await;
        let pass = || {
            let store = store.clone();
            tokio::spawn(async move {
                store.roll_up(NOW).await.expect("rolled up");
            })
        };
        let change = || {
            let store = store.clone();
            tokio::spawn(async move {
                halve(&store, 3, NOW + DAY, adoption()).await;
            })
        };
        let mut held = store.pool().begin().await.expect("begun");
        sqlx::query(lock).execute(&mut *held).await.expect("held");
        let first = if pass_is_first { pass() } else { change() };
        until_waiting(&store, table, &first).await;
        let second = if pass_is_first { change() } else { pass() };
        until_waiting(&store, "rescalings", &second).await;
        held.rollback().await.expect("let go");
        first.await.expect("the first");
        second.await.expect("the second");

        store.roll_up(NOW).await.expect("rolled up");
        let figures = store.statistics(PointNo(3), from, to, Duration::from_secs(900)).await.expect("figures");
        let figures = figures.map(|of| (of.count, of.min, of.max, of.mean));
        assert_eq!(figures, Some((1, 500.0, 500.0, 500.0)), "{table}");
    }
}

#[tokio::test]
async fn what_comes_late_while_a_unit_changes_is_added_in_the_unit_that_stays() {
    let (from, to) = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    for is_stored in [true, false] {
        let (_database, store, mut writer) = filled().await;
        with_a_silent_point(&store, &mut writer).await;
        write(&mut writer, 3, vec![late(3, 0)]).await;
        store.roll_up(NOW).await.expect("rolled up");
        let audit = adoption();
        let switched = NOW + Duration::from_secs(1);
        let switch = UnitSwitch { proof: audit.id, at: switched, points: vec![(PointNo(3), 0.5, 0.0)] };
        let since = Sample { received_time: switched, value: Some(500.0), ..late(3, 600) };
        let batch = Batch { switches: vec![switch], samples: vec![since], ..Batch::new(tenant()) };
        writer.apply(&batch, 4).await.expect("applied");
        assert_eq!(store.roll_up(NOW).await.expect("rolled up").hours, 0, "it waits for what comes of the change");
        if is_stored {
            halve(&store, 3, switched, audit).await;
        } else {
            assert_eq!(store.undo_switches().await.expect("undone"), 1);
        }
        store.roll_up(NOW).await.expect("rolled up");
        let figures = store.statistics(PointNo(3), from, to, Duration::from_secs(900)).await.expect("figures");
        let value = if is_stored { 500.0 } else { 1_000.0 };
        assert_eq!(figures.map(|of| (of.count, of.min, of.max)), Some((2, value, value)));
    }
}

#[tokio::test]
async fn a_change_of_unit_rolls_up_anew_only_what_came_since() {
    let (_database, store, _writer) = filled().await;
    let noon = at("2026-08-31T12:00:00Z");
    store.roll_up(NOW).await.expect("rolled up");
    let hour = Duration::from_secs(3_600);
    let figures = async |from: Timestamp| {
        let figures = store.statistics(PointNo(1), from, from + hour, Duration::from_secs(900)).await;
        figures.expect("figures").map(|of| (of.count, of.min, of.max, of.mean)).expect("some")
    };
    let halved = |(count, min, max, mean): (u64, f64, f64, f64)| (count, min / 2.0, max / 2.0, mean / 2.0);
    let july = at("2026-07-10T10:00:00Z");
    let before = [figures(july).await, figures(noon - hour).await, figures(noon + hour).await];
    halve(&store, 1, noon, adoption()).await;
    // The twelve hours of the afternoon, and the one that the last value stands into.
    assert_eq!(store.roll_up(NOW).await.expect("rolled up").hours, 13);
    assert_eq!([figures(july).await, figures(noon + hour).await], [halved(before[0]), before[2]]);
    let (count, min, max, _) = figures(noon - hour).await;
    assert_eq!((count, min * 2.0, max * 2.0), (before[1].0, before[1].1, before[1].2));
}

#[tokio::test]
async fn what_comes_late_beside_samples_that_stay_goes_by_itself() {
    let (_database, store, mut writer) = filled().await;
    let (_folder, archive) = archiving(&store).await;
    let oid = "select 'samples_2026_06'::regclass::oid::bigint";
    store.roll_up(NOW).await.expect("rolled up");
    let keeping = retention(365, &[(Quantity::Flow, 60)]);
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired").thinned, 1);
    let partition: i64 = sqlx::query_scalar(oid).fetch_one(store.pool()).await.expect("partition");
    write(&mut writer, 2, vec![late(1, 5), late(2, 5)]).await;
    store.roll_up(NOW).await.expect("rolled up");
    let expired = store.expire(NOW, &keeping, false).await.expect("expired");
    assert_eq!(expired, Expired { thinned: 1, ..Expired::default() });
    // A month is not written anew for it.
    let after: i64 = sqlx::query_scalar(oid).fetch_one(store.pool()).await.expect("partition");
    assert_eq!(after, partition);
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired"), Expired::default());
    assert_eq!(archive.list().await.expect("list").len(), 2);
    for no in [1, 2] {
        assert_eq!(count(&store, no, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 30 * 144 + 1, "{no}");
    }
    // A file that somebody took out of the archive holds nothing up, and no other comes to be in its place.
    archive.remove("samples-2026-06-2.parquet").await.expect("removed");
    write(&mut writer, 3, vec![late(2, 6)]).await;
    store.roll_up(NOW).await.expect("rolled up");
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired").thinned, 1);
    let names: Vec<String> = archive.list().await.expect("list").into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["samples-2026-06.parquet", "samples-2026-06-3.parquet"]);
}

#[tokio::test]
async fn a_change_of_unit_holds_for_files_that_were_written_before_it() {
    let (_database, store, mut writer) = filled().await;
    let (_folder, archive) = archiving(&store).await;
    let (june, september) = (at("2026-06-01T00:00:00Z"), at("2026-09-01T00:00:00Z"));
    let raw = store.raw(PointNo(1), june, september, 1_000_000).await.expect("raw");
    let of_flow = store.raw(PointNo(2), june, september, 1_000_000).await.expect("raw");
    store.roll_up(NOW).await.expect("rolled up");
    store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    let mut expected = raw;
    for (factor, offset) in [(0.5, 1.0), (0.25, 0.0)] {
        rescale(&store, 1, Rescale { factor, offset, received_before: NOW }, adoption()).await;
        for sample in &mut expected {
            sample.value = sample.value.map(|value| value * factor + offset);
        }
        assert_eq!(store.raw(PointNo(1), june, september, 1_000_000).await.expect("raw"), expected);
    }
    // July goes in the new unit, between a file of the old one and samples that came late in the new one.
    store.roll_up(NOW).await.expect("rolled up");
    assert_eq!(store.expire(NOW, &retention(30, &[]), false).await.expect("expired").dropped, 1);
    write(&mut writer, 2, vec![late(1, 5)]).await;
    store.roll_up(NOW).await.expect("rolled up");
    assert_eq!(store.expire(NOW, &retention(30, &[]), false).await.expect("expired").dropped, 1);
    assert_eq!(archive.list().await.expect("list").len(), 3);
    expected.push(late(1, 5));
    expected.sort_by_key(|sample| sample.source_time);
    assert_eq!(store.raw(PointNo(1), june, september, 1_000_000).await.expect("raw"), expected);
    assert_eq!(store.raw(PointNo(2), june, september, 1_000_000).await.expect("raw"), of_flow);
    let until_august: Vec<Sample> =
        expected.iter().filter(|sample| sample.source_time < at("2026-08-01T00:00:00Z")).copied().collect();
    assert_eq!(scanned(store.scan(vec![PointNo(1)], june, at("2026-08-01T00:00:00Z"))).await, until_august);
    // What the archive holds in the old unit is known in the new one.
    write(&mut writer, 3, vec![expected[100]]).await;
    store.roll_up(NOW).await.expect("rolled up");
    assert_eq!(store.expire(NOW, &retention(30, &[]), false).await.expect("expired").dropped, 1);
    assert_eq!(archive.list().await.expect("list").len(), 3);
}

#[tokio::test]
async fn a_file_that_a_crash_left_goes_and_no_other_does() {
    let (_database, store, _writer) = filled().await;
    let (_folder, archive) = archiving(&store).await;
    let june = Month::new(2026, 6).expect("a month");
    let chunks = |value| {
        let sample = Sample { value: Some(value), ..late(1, 0) };
        futures_util::stream::iter([Ok::<_, std::io::Error>(vec![sample])])
    };
    // Noted and written, then the station was killed.
    let begin = "insert into archive_begun (name) values ($1) returning mark::text";
    let name = archive.free_name(june, &[]).await.expect("free");
    let mark: String = sqlx::query_scalar(begin).bind(&name).fetch_one(store.pool()).await.expect("noted");
    archive.put_as(&name, &mark, chunks(1.0)).await.expect("kept");
    // Noted, and then somebody else put a file of this name.
    let strange = archive.put(june, chunks(2.0)).await.expect("kept");
    sqlx::query(begin).bind(&strange.name).execute(store.pool()).await.expect("noted");
    // Noted and not written.
    sqlx::query(begin).bind("samples-2026-06-9.parquet").execute(store.pool()).await.expect("noted");

    let names =
        async || -> Vec<String> { archive.list().await.expect("list").into_iter().map(|file| file.name).collect() };
    store.roll_up(NOW).await.expect("rolled up");
    store.expire(NOW, &retention(365, &[]), false).await.expect("expired");
    assert_eq!(names().await, std::slice::from_ref(&strange.name));
    let expired = store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(expired.dropped, 1);
    let registered: Vec<String> =
        sqlx::query_scalar("select file ->> 'name' from samples_gone, jsonb_array_elements(archive) as file")
            .fetch_all(store.pool())
            .await
            .expect("registered");
    assert_eq!(registered, ["samples-2026-06-3.parquet"]);
    store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(names().await, [strange.name, "samples-2026-06-3.parquet".to_owned()]);
    let begun: i64 =
        sqlx::query_scalar("select count(*) from archive_begun").fetch_one(store.pool()).await.expect("count");
    assert_eq!(begun, 0);
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").await, 30 * 144);
}

/// Counts the files of the archive that are opened.
#[derive(Clone, Default)]
struct Opened(Arc<AtomicUsize>);

impl tracing::Subscriber for Opened {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "penstock_store::scan" && metadata.fields().field("archived").is_some()
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn a_trend_opens_a_file_of_the_archive_once() {
    let (_database, store, mut writer) = filled().await;
    let (_folder, _archive) = archiving(&store).await;
    // More samples than the trend may have points, in buckets that are narrower than any roll-up.
    write(&mut writer, 2, (0..30).map(|second| late(1, second)).collect()).await;
    let (from, to) = (at("2026-06-10T10:05:00Z"), at("2026-06-10T10:05:30Z"));
    let before = store.history(PointNo(1), from, to, 8).await.expect("history");
    assert!(matches!(&before, Series::Reduced { buckets, .. } if buckets.len() == 1), "{before:?}");
    store.roll_up(NOW).await.expect("rolled up");
    store.expire(NOW, &retention(60, &[]), false).await.expect("expired");

    let opened = Opened::default();
    let counting = tracing::subscriber::set_default(opened.clone());
    let after = store.history(PointNo(1), from, to, 8).await.expect("history");
    drop(counting);
    assert_eq!(after, before);
    assert_eq!(opened.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn points_may_keep_their_samples_for_longer_or_shorter() {
    let (_database, store, mut writer) = filled().await;
    store.roll_up(NOW).await.expect("rolled up");
    let keeping = retention(60, &[(Quantity::Pressure, 365), (Quantity::Flow, 30)]);
    let expired = store.expire(NOW, &keeping, false).await.expect("expired");
    assert_eq!(expired, Expired { thinned: 2, ..Expired::default() });
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired"), Expired::default());
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 92 * 144);
    assert_eq!(count(&store, 2, "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z").await, 0);
    assert_eq!(count(&store, 2, "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 31 * 144);
    // The partition that took the other's place is written to as before, and by a writer that knew the old one.
    write(&mut writer, 2, vec![late(1, 0)]).await;
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 92 * 144 + 1);
    let Series::Reduced { .. } = store
        .history(PointNo(2), at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"), 1_000)
        .await
        .expect("history")
    else {
        panic!("the flow's samples are gone");
    };
}

#[tokio::test]
async fn roll_ups_go_when_their_time_is_over_and_partitions_are_made_ahead() {
    let (_database, store, _writer) = filled().await;
    store.roll_up(NOW).await.expect("rolled up");
    let keeping = Retention { roll_ups: DAY * 60, ..retention(60, &[]) };
    store.expire(NOW, &keeping, false).await.expect("expired");
    let months: Vec<String> = sqlx::query_scalar("select partition from time_partitions('rollups_minute')")
        .fetch_all(store.pool())
        .await
        .expect("partitions");
    assert_eq!(months, ["rollups_minute_2026_07", "rollups_minute_2026_08"]);
    let stays = |text: &str| keeping.stays(Quantity::Flow, at(text), NOW);
    // Hours and days go by the year.
    let expected = [Stays::Nothing, Stays::RollUps, Stays::Sample, Stays::Sample];
    let times = ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-08-01T00:00:00Z", "1999-12-31T23:59:59Z"];
    assert_eq!(times.map(stays), expected);
    store.prepare_partitions(at("2026-12-15T00:00:00Z"), 1).await.expect("prepared");
    let all: Vec<String> = sqlx::query_scalar(
        "select p.partition from unnest(array['samples', 'rollups_minute', 'rollups_hour', 'rollups_day']) parent, \
         time_partitions(parent) p where p.next > '2026-12-15' order by 1",
    )
    .fetch_all(store.pool())
    .await
    .expect("partitions");
    let expected = [
        "rollups_day_2026",
        "rollups_day_2027",
        "rollups_hour_2026",
        "rollups_hour_2027",
        "rollups_minute_2026_12",
        "rollups_minute_2027_01",
        "samples_2026_12",
        "samples_2027_01",
    ];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn what_was_archived_is_read_back_by_the_same_calls() {
    let (_database, store, mut writer) = filled().await;
    let (_folder, archive) = archiving(&store).await;
    let screens = store.for_screens(tenant()).await.expect("screens");
    let (june, july) = (at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"));
    let august = at("2026-08-01T00:00:00Z");
    let points = |numbers: &[i32]| numbers.iter().map(|no| PointNo(*no)).collect::<Vec<_>>();
    let raw = store.raw(PointNo(1), june, july + DAY, 1_000_000).await.expect("raw");
    let hour = (at("2026-06-10T10:00:00Z"), at("2026-06-10T11:00:00Z"));
    let trend = store.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history");
    let all = scanned(store.scan(points(&[2, 1]), june, august)).await;

    store.roll_up(NOW).await.expect("rolled up");
    // First the flow alone, then the rest of the month: two files.
    let keeping = retention(365, &[(Quantity::Flow, 60)]);
    assert_eq!(store.expire(NOW, &keeping, false).await.expect("expired").thinned, 1);
    let expired = store.expire(NOW, &retention(60, &[]), false).await.expect("expired");
    assert_eq!(expired, Expired { dropped: 1, ..Expired::default() });
    assert_eq!(archive.list().await.expect("list").len(), 2);

    assert_eq!(store.raw(PointNo(1), june, july + DAY, 1_000_000).await.expect("raw"), raw);
    assert_eq!(store.raw(PointNo(1), june, july, 10).await.expect("raw"), raw[..10]);
    assert_eq!(store.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history"), trend);
    assert_eq!(screens.history(PointNo(1), hour.0, hour.1, 1_000).await.expect("history"), trend);
    assert_eq!(scanned(store.scan(points(&[2, 1]), june, august)).await, all);
    assert_eq!(scanned(screens.scan(points(&[2, 1]), june, august)).await, all);
    // Nothing is written twice, and what was let go does not come back.
    assert_eq!(store.expire(NOW, &retention(60, &[]), false).await.expect("expired"), Expired::default());
    writer.apply(&Batch::new(tenant()), 9).await.expect("applied");
}

async fn scanned(mut chunks: Chunks) -> Vec<Sample> {
    let mut samples = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        samples.extend(chunk.expect("chunk"));
    }
    samples
}

#[tokio::test]
async fn a_clock_that_leaps_takes_nothing_along() {
    let (_database, store, _writer) = filled().await;
    store.roll_up(NOW).await.expect("rolled up");
    store.expire(NOW, &retention(365, &[]), false).await.expect("expired");
    let leapt = at("2037-09-10T00:00:00Z");
    let held = store.expire(leapt, &retention(365, &[]), false).await.expect("expired");
    assert_eq!(held, Expired { held_since: Some(NOW), ..Expired::default() });
    assert_eq!(count(&store, 1, "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z").await, 92 * 144);
    let confirmed = store.expire(leapt, &retention(365, &[]), true).await.expect("expired");
    assert!(confirmed.dropped > 3, "{confirmed:?}");
}
