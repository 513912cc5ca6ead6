//! Plant, points, rules and people on a real PostgreSQL.

use std::time::Duration;

use penstock_model::{
    Address, Advice, AlarmRule, Area, AreaId, Asset, AssetId, AssetKind, Band, Condition, Guidance, LimitLevel, Limits,
    Person, Pipe, PipeId, Plant, PlantFile, Point, PointId, PointNo, PointRole, PointState, Position, Priority,
    Quality, Quantity, Recording, Role, RuleId, Sample, Scope, ScopeAdvice, Site, SiteId, SiteKind, Subject, Timestamp,
    Unit, UserId,
};
use penstock_store::{
    AuditEntry, AuditPage, Batch, DetectorModel, Error, PointEdit, Rescale, UnitReturn, UnitSwitch, Writer,
};

use crate::fixtures::{NOW, audit, fresh, fresh_town, tenant};

fn position(lat: f64, lon: f64) -> Position {
    Position::new(lat, lon).expect("on earth")
}

fn discovered(path: &str) -> Point {
    Point {
        id: PointId::discovered(tenant(), "local", path),
        no: PointNo(0),
        address: Address { source: "local".into(), path: path.into() },
        state: PointState::Discovered,
        name: path.into(),
        description: String::new(),
        quantity: Quantity::Plain,
        unit: Unit::parse("–").expect("known"),
        area: None,
        site: None,
        asset: None,
        position: None,
        role: None,
        normal: None,
        span: None,
        limits: Limits::default(),
        stale_after: Duration::from_secs(300),
        recording: None,
    }
}

fn town() -> PlantFile {
    let area = AreaId::derived(tenant().0, "a");
    let site = SiteId::derived(tenant().0, "s");
    let asset = AssetId::derived(tenant().0, "t");
    let point = Point {
        id: PointId::derived(tenant().0, "LT-01"),
        no: PointNo(0),
        state: PointState::Adopted,
        name: "LT-01".into(),
        description: "Level, tower".into(),
        quantity: Quantity::Level,
        unit: Unit::parse("cm").expect("known"),
        area: Some(area),
        site: Some(site),
        asset: Some(asset),
        position: Some(position(20.123_456_789_012_3, 79.5)),
        role: Some(PointRole::TankLevel),
        normal: Some(Band::new(1.0, 4.0).expect("band")),
        span: Some(Band::new(0.0, 6.0).expect("band")),
        limits: Limits { ll: Some(0.5), l: None, h: Some(4.5), hh: Some(5.0) },
        recording: Recording::new(Some(0.005), None, Duration::from_millis(1_500)).ok(),
        ..discovered("tower/level")
    };
    PlantFile {
        rules: vec![AlarmRule {
            priority: Priority::P2,
            on_delay: Duration::from_millis(1_500),
            guidance: Guidance { cause: "c".into(), consequence: "d".into(), action: "e".into() },
            ..AlarmRule::new(
                RuleId::derived(tenant().0, "r"),
                Subject::Point(point.id),
                Condition::Limit { level: LimitLevel::High, limit: 4.5, deadband: 0.1 },
            )
        }],
        guidance: vec![ScopeAdvice {
            scope: Scope::Area(area),
            version: 1,
            advice: Advice { contact: "Duty engineer".into(), ..Advice::default() },
        }],
        points: vec![point],
        plant: Plant {
            tenant: tenant(),
            name: "Nandipur".into(),
            time_zone: "Asia/Kolkata".into(),
            areas: vec![Area {
                id: area,
                name: "DMA 1".into(),
                boundary: vec![position(20.1, 79.1), position(20.2, 79.1), position(20.2, 79.300_000_000_1)],
            }],
            sites: vec![Site {
                id: site,
                name: "Tower".into(),
                kind: SiteKind::Storage,
                area: Some(area),
                position: Some(position(-20.0, -79.0)),
            }],
            assets: vec![Asset {
                id: asset,
                name: "Tower 1".into(),
                kind: AssetKind::Tower,
                site: Some(site),
                area: Some(area),
                position: None,
                capacity_m3: Some(450.0),
                level_span: Some(Band::new(0.0, 5.5).expect("band")),
            }],
            pipes: vec![Pipe {
                id: PipeId::derived(tenant().0, "p"),
                name: "M-1".into(),
                area: None,
                diameter_mm: 300.0,
                course: vec![position(20.1, 79.1), position(20.15, 79.15), position(20.2, 79.3)],
            }],
        },
    }
}

#[tokio::test]
async fn a_plant_comes_back_as_it_was_imported_and_again_changes_nothing() {
    let (_database, store) = fresh().await;
    let file = town();
    let imported = store.import_plant(&file, &audit("plant.import")).await.expect("imported");
    assert_eq!((imported.places_added, imported.points_added, imported.rules), (4, 1, 1));
    assert_eq!(store.load_plant(tenant()).await.expect("plant"), file.plant);
    let points = store.load_points(tenant()).await.expect("points");
    let [point] = points.as_slice() else { panic!("{points:?}") };
    assert_eq!(*point, Point { no: point.no, ..file.points[0].clone() });
    assert_eq!(store.load_rules(tenant()).await.expect("rules"), file.rules);
    assert_eq!(store.load_guidance(tenant()).await.expect("guidance"), file.guidance);

    let again = store.import_plant(&file, &audit("plant.import")).await.expect("imported");
    assert_eq!((again.places_added, again.places_changed, again.points_added), (0, 0, 0));
    assert_eq!(store.load_points(tenant()).await.expect("points"), points);
    assert_eq!(store.load_plant(tenant()).await.expect("plant"), file.plant);
}

#[tokio::test]
async fn an_import_that_fails_leaves_nothing_behind() {
    let (_database, store) = fresh().await;
    let mut file = town();
    file.points[0].asset = Some(AssetId::derived(tenant().0, "nowhere"));
    let refused = store.import_plant(&file, &audit("plant.import")).await;
    assert!(matches!(refused, Err(Error::Dangling { .. })), "{refused:?}");
    assert!(matches!(store.load_plant(tenant()).await, Err(Error::NotFound { .. })));
    let unaccounted = store.import_plant(&town(), &[]).await;
    assert!(matches!(unaccounted, Err(Error::Refused { .. })), "{unaccounted:?}");
}

#[tokio::test]
async fn a_discovered_point_keeps_number_and_samples_when_it_is_imported() {
    let (_database, store) = fresh_town().await;
    let points = [discovered("a"), discovered("tower/level"), discovered("b\0c")];
    let numbers = store.discover(tenant(), &points).await.expect("numbers");
    assert_eq!(store.discover(tenant(), &points).await.expect("numbers"), numbers);
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let stored = store.load_points(tenant()).await.expect("points");
    let level = stored.iter().find(|point| point.name == "LT-01").expect("imported");
    assert_eq!((level.no, level.id), (numbers[1], town().points[0].id));
    assert_eq!(stored.len(), 3);
}

#[tokio::test]
async fn adoption_makes_stored_values_si_and_says_so_in_the_audit() {
    let (_database, store) = fresh_town().await;
    let mut point = Point { no: PointNo(41), ..discovered("x") };
    let sample = |secs: u64, value| Sample {
        point: point.no,
        source_time: NOW + Duration::from_secs(secs),
        received_time: NOW + Duration::from_secs(secs),
        value,
        quality: Quality::Good,
    };
    let samples = vec![sample(0, Some(250.0)), sample(1, None), sample(10, Some(3.0))];
    let mut writer = Writer::open(&store).await.expect("writer");
    let batch = Batch { samples, discovered: vec![point.clone()], ..Batch::new(tenant()) };
    writer.apply(&batch, 1).await.expect("applied");

    point.state = PointState::Adopted;
    point.unit = Unit::parse("cm").expect("known");
    point.quantity = Quantity::Level;
    let rescale = Rescale { factor: 0.01, offset: 0.0, received_before: NOW + Duration::from_secs(5) };
    let edit = PointEdit { point: point.clone(), rescale: Some(rescale) };
    store.save_points(tenant(), &[edit], &audit("point.adopt")).await.expect("saved");
    assert_eq!(store.load_points(tenant()).await.expect("points"), [point.clone()]);
    let raw = store.raw(point.no, Timestamp::MIN, Timestamp::MAX, 10).await.expect("raw");
    assert_eq!(raw.iter().map(|sample| sample.value).collect::<Vec<_>>(), [Some(2.5), None, Some(3.0)]);
    assert_eq!(store.latest(tenant(), NOW).await.expect("latest"), [raw[2]]);
    let page = AuditPage { from: Timestamp::MIN, to: Timestamp::MAX, who: None, before: None, limit: 10 };
    let actions: Vec<String> =
        store.audit(tenant(), &page).await.expect("audit").into_iter().map(|record| record.entry.action).collect();
    assert_eq!(actions, ["point.adopt"]);

    let stranger = Point { id: PointId::derived(tenant().0, "other"), address: discovered("y").address, ..point };
    let refused = store.save_points(tenant(), &[PointEdit { point: stranger, rescale: None }], &audit("x")).await;
    assert!(matches!(refused, Err(Error::Exists { .. } | Error::NotFound { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_import_with_another_unit_rescales_what_is_stored_or_leaves_everything() {
    let (_database, store) = fresh().await;
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let no = store.load_points(tenant()).await.expect("points")[0].no;
    let sample = Sample { point: no, source_time: NOW, received_time: NOW, value: Some(2.5), quality: Quality::Good };
    let mut writer = Writer::open(&store).await.expect("writer");
    let batch = Batch { samples: vec![sample], ..Batch::new(tenant()) };
    writer.apply(&batch, 1).await.expect("applied");
    let value = async || store.raw(no, Timestamp::MIN, Timestamp::MAX, 10).await.expect("raw")[0].value;
    let unit = async || store.load_points(tenant()).await.expect("points")[0].unit;

    let mut file = town();
    file.points[0].unit = Unit::parse("m").expect("known");
    let rescale = Rescale { factor: 100.0, offset: 0.0, received_before: NOW + Duration::from_secs(1) };
    let rescales = [(file.points[0].id, rescale)];
    // Another rule of the same version: what is written last is refused.
    file.rules[0].priority = Priority::P1;
    let refused = store.import_plant_rescaling(&file, &rescales, &audit("plant.import")).await;
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    assert_eq!((value().await, unit().await), (Some(2.5), town().points[0].unit));

    file.rules[0].version = 2;
    store.import_plant_rescaling(&file, &rescales, &audit("plant.import")).await.expect("imported");
    assert_eq!((value().await, unit().await), (Some(250.0), file.points[0].unit));
    let stranger = [(PointId::derived(tenant().0, "other"), rescale)];
    let refused = store.import_plant_rescaling(&file, &stranger, &audit("plant.import")).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_audit_entry_tells_whether_its_change_is_stored() {
    let (_database, store) = fresh().await;
    let (stored, refused) = (audit("plant.import"), audit("plant.import"));
    store.import_plant(&town(), &stored).await.expect("imported");
    let mut file = town();
    file.points[0].asset = Some(AssetId::derived(tenant().0, "nowhere"));
    store.import_plant(&file, &refused).await.expect_err("nothing is there");
    assert!(store.has_audit(stored[0].id).await.expect("answers"));
    assert!(!store.has_audit(refused[0].id).await.expect("answers"));

    // One that is still being committed is waited for.
    let mut under_way = store.pool().begin().await.expect("begun");
    sqlx::query("select from audit_head for update").execute(&mut *under_way).await.expect("held");
    let asked = tokio::time::timeout(Duration::from_millis(200), store.has_audit(stored[0].id)).await;
    assert!(asked.is_err(), "{asked:?}");
    under_way.rollback().await.expect("let go");
    assert!(store.has_audit(stored[0].id).await.expect("answers"));
}

/// A station that dies between the moment from which samples are read by another unit and the change itself.
#[tokio::test]
async fn what_was_read_by_a_unit_that_never_came_is_read_back() {
    let (_database, store) = fresh().await;
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let point = store.load_points(tenant()).await.expect("points").remove(0);
    let at = |secs: u64| NOW + Duration::from_secs(secs);
    let sample = |secs: u64, value: f64| Sample {
        point: point.no,
        source_time: at(secs),
        received_time: at(secs),
        value: Some(value),
        quality: Quality::Good,
    };
    let switch = |proof: &[AuditEntry], secs: u64| UnitSwitch {
        proof: proof[0].id,
        at: at(secs),
        points: vec![(point.no, 100.0, 1.0)],
    };
    let values = async || -> Vec<f64> {
        let raw = store.raw(point.no, Timestamp::MIN, Timestamp::MAX, 100).await.expect("raw");
        assert_eq!(store.latest(tenant(), Timestamp::MAX).await.expect("latest").last(), raw.last());
        raw.iter().filter_map(|sample| sample.value).collect()
    };
    let mut writer = Writer::open(&store).await.expect("writer");
    let empty = || Batch::new(tenant());

    // Neither stored nor taken back.
    let lost = audit("points.save");
    let batch = Batch { switches: vec![switch(&lost, 5)], samples: vec![sample(1, 2.0), sample(6, 201.0)], ..empty() };
    writer.apply(&batch, 1).await.expect("applied");
    assert_eq!(values().await, [2.0, 201.0]);
    assert_eq!(store.undo_switches().await.expect("undone"), 1);
    assert_eq!(values().await, [2.0, 2.0]);
    assert_eq!(store.undo_switches().await.expect("nothing is left"), 0);

    // Taken back: what came before and after was read by the unit that stays.
    let refused = audit("points.save");
    let batch = Batch { switches: vec![switch(&refused, 10)], samples: vec![sample(11, 301.0)], ..empty() };
    writer.apply(&batch, 2).await.expect("applied");
    let back = UnitReturn { proof: refused[0].id, at: at(13) };
    let batch = Batch { returns: vec![back], samples: vec![sample(12, 301.0), sample(13, 3.0)], ..empty() };
    writer.apply(&batch, 3).await.expect("applied");
    assert_eq!(values().await, [2.0, 2.0, 3.0, 3.0, 3.0]);

    // Stored: nothing is undone.
    let stored = audit("points.save");
    let batch = Batch { switches: vec![switch(&stored, 20)], samples: vec![sample(21, 401.0)], ..empty() };
    writer.apply(&batch, 4).await.expect("applied");
    let rescale = Rescale { factor: 100.0, offset: 1.0, received_before: at(20) };
    let edit = PointEdit { point: point.clone(), rescale: Some(rescale) };
    store.save_points(tenant(), &[edit], &stored).await.expect("saved");
    assert_eq!(store.undo_switches().await.expect("nothing to undo"), 0);
    assert_eq!(values().await, [201.0, 201.0, 301.0, 301.0, 301.0, 401.0]);
}

#[tokio::test]
async fn what_came_since_a_switch_is_found_wherever_it_was_measured() {
    let (_database, store) = fresh().await;
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let no = store.load_points(tenant()).await.expect("points")[0].no;
    let sample = |measured: Timestamp, received: u64, value: f64| Sample {
        point: no,
        source_time: measured,
        received_time: NOW + Duration::from_secs(received),
        value: Some(value),
        quality: Quality::Good,
    };
    let second = Duration::from_secs(1);
    // Now, half a year ago, and by clocks that no plant has.
    let measured = [
        NOW,
        NOW - Duration::from_secs(180 * 86_400),
        Timestamp::parse("1999-12-31T23:00:00Z").expect("a time"),
        Timestamp::parse("2100-01-01T00:00:00Z").expect("a time"),
    ];
    let mut writer = Writer::open(&store).await.expect("writer");
    let before = measured.map(|at| sample(at, 1, 2.0)).to_vec();
    writer.apply(&Batch { samples: before, ..Batch::new(tenant()) }, 1).await.expect("applied");
    let late = NOW + Duration::from_secs(30 * 86_400);
    store.roll_up(late).await.expect("rolled up");
    let lost = audit("points.save");
    let switch = UnitSwitch { proof: lost[0].id, at: NOW + second * 5, points: vec![(no, 100.0, 1.0)] };
    let since = measured.map(|at| sample(at + second, 6, 201.0)).to_vec();
    let batch = Batch { switches: vec![switch], samples: since, ..Batch::new(tenant()) };
    writer.apply(&batch, 2).await.expect("applied");
    store.roll_up(late).await.expect("rolled up");
    assert_eq!(store.undo_switches().await.expect("undone"), 4);
    let raw = store.raw(no, Timestamp::MIN, Timestamp::MAX, 100).await.expect("raw");
    assert_eq!(raw.iter().map(|sample| sample.value).collect::<Vec<_>>(), [Some(2.0); 8]);
}

#[tokio::test]
async fn a_rule_that_changed_meanwhile_is_not_overwritten() {
    let (_database, store) = fresh().await;
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let mut rule = town().rules.remove(0);
    rule.version = 2;
    rule.enabled = false;
    store.save_rules(tenant(), std::slice::from_ref(&rule), &audit("rule.save")).await.expect("saved");
    let stale = AlarmRule { enabled: true, ..rule.clone() };
    let refused = store.save_rules(tenant(), &[stale], &audit("rule.save")).await;
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    assert_eq!(store.load_rules(tenant()).await.expect("rules"), [rule]);
}

#[tokio::test]
async fn a_rule_is_removed_once_and_only_with_an_audit() {
    let (_database, store) = fresh().await;
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let rule = town().rules[0].id;
    assert!(store.remove_rules(tenant(), &[rule], &[]).await.is_err());
    assert_eq!(store.load_rules(tenant()).await.expect("rules").len(), 1);
    for _ in 0..2 {
        store.remove_rules(tenant(), &[rule], &audit("rule.remove")).await.expect("removed");
        assert_eq!(store.load_rules(tenant()).await.expect("rules"), []);
    }
}

#[tokio::test]
async fn there_is_one_first_admin_and_always_one_left() {
    let (_database, store) = fresh_town().await;
    let person = |name: &str, roles: Vec<Role>| Person {
        id: UserId::derived(tenant().0, name),
        name: name.to_owned(),
        full_name: name.to_uppercase(),
        roles,
    };
    let asha = person("Asha.Verma", vec![Role::Admin]);
    let other = person("ravi", vec![Role::Admin, Role::Operator]);
    let entries = (audit("people.first"), audit("people.first"));
    let (first, second) = tokio::join!(
        store.create_first_admin(tenant(), &asha, "$argon2id$1", &entries.0),
        store.create_first_admin(tenant(), &other, "$argon2id$2", &entries.1),
    );
    let failed: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
    assert!(matches!(failed.as_slice(), [Error::Exists { .. }]), "{failed:?}");
    assert_eq!(store.count_admins(tenant()).await.expect("count"), 1);

    let only = store.people(tenant()).await.expect("people").remove(0);
    let shouted = only.name.to_uppercase();
    assert_eq!(store.person_by_name(&shouted).await.expect("found"), Some((tenant(), only.clone())));
    let refused = store.set_roles(only.id, &[Role::Operator], &audit("people.roles")).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    let twice = Person { id: UserId::derived(tenant().0, "third"), ..only.clone() };
    let refused = store.create_person(tenant(), &twice, "$argon2id$3", &audit("people.create")).await;
    assert!(matches!(refused, Err(Error::Exists { .. })), "{refused:?}");

    assert!(store.password_hash(only.id).await.expect("hash").is_some_and(|hash| hash.starts_with("$argon2id$")));
    let dark = serde_json::json!({"theme": "dark"});
    store.set_preferences(only.id, &dark).await.expect("set");
    assert_eq!(store.preferences(only.id).await.expect("preferences"), dark);
}

#[tokio::test]
async fn detectors_figures_and_months_ahead() {
    let (_database, store) = fresh().await;
    store.import_plant(&town(), &audit("plant.import")).await.expect("imported");
    let no = store.load_points(tenant()).await.expect("points")[0].no;
    let model = DetectorModel { point: no, detector: "residual".into(), fitted_at: NOW, model: vec![1, 2, 3] };
    store.save_models(std::slice::from_ref(&model)).await.expect("saved");
    let newer = DetectorModel { model: vec![4], ..model };
    store.save_models(std::slice::from_ref(&newer)).await.expect("saved");
    assert_eq!(store.load_models(tenant()).await.expect("models"), [newer]);
    let before = store.figures().await.expect("figures").partitions;
    store.prepare_partitions(NOW, 3).await.expect("prepared");
    store.prepare_partitions(NOW, 3).await.expect("prepared");
    let figures = store.figures().await.expect("figures");
    assert_eq!(figures.partitions, before + 4);
    assert!(figures.size_bytes > 1 << 20, "{figures:?}");
}
