//! A journal that was written into a real database, summed up against figures counted by hand.

use penstock_model::{
    Area, Condition, OperatorPositionId, Plant, PlantFile, Reach, Shelving, Site, SiteKind, TenantId,
};
use penstock_store::{AuditEntry, Batch, JournalEntry, Store, Writer};
use penstock_testkit::database::{ScratchDatabase, scratch_database};
use uuid::Uuid;

use super::*;
use crate::register::Register;

/// A whole hour, as the ranges of screens begin.
const FROM: Timestamp = Timestamp::from_secs(1_795_003_200);
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn tenant() -> TenantId {
    TenantId::derived(Uuid::nil(), "town")
}

fn area(name: &str) -> AreaId {
    AreaId::derived(tenant().0, name)
}

fn rule(name: &str) -> RuleId {
    RuleId::derived(tenant().0, name)
}

/// So many seconds after the range has begun.
fn after(secs: i64) -> Timestamp {
    Timestamp::from_micros(FROM.as_micros() + secs * 1_000_000)
}

/// A tower in the north with the alarm "stale", works in the south with "shelved" and "chatters".
fn town() -> PlantFile {
    let site = |name: &str, of: &str| Site {
        id: SiteId::derived(tenant().0, name),
        name: name.to_owned(),
        kind: SiteKind::Storage,
        area: Some(area(of)),
        position: None,
    };
    let alarm = |name: &str, at: &str, priority: Priority| {
        let subject = Subject::Site(SiteId::derived(tenant().0, at));
        let condition = Condition::Silence { after: Duration::from_secs(60) };
        AlarmRule { priority, ..AlarmRule::new(rule(name), subject, condition) }
    };
    let areas = ["north", "south"].map(|name| Area { id: area(name), name: name.to_owned(), boundary: Vec::new() });
    PlantFile {
        plant: Plant {
            tenant: tenant(),
            name: "Nandipur".to_owned(),
            time_zone: "Asia/Kolkata".to_owned(),
            areas: areas.to_vec(),
            sites: vec![site("tower", "north"), site("works", "south")],
            assets: Vec::new(),
            pipes: Vec::new(),
        },
        points: Vec::new(),
        rules: vec![
            alarm("stale", "tower", Priority::P2),
            alarm("shelved", "works", Priority::P3),
            alarm("chatters", "works", Priority::P4),
        ],
        guidance: Vec::new(),
    }
}

/// What happens, as rule, kind, occurrence and seconds after the range has begun.
fn journal() -> Vec<JournalEntry> {
    use TransitionKind::{Acknowledged, Cleared, Raised, Shelved, Unshelved};
    let mut told = vec![
        // An occurrence that is over before, and one that goes on until 33 hours after its raise.
        ("stale", Raised, 1, -30 * DAY),
        ("stale", Cleared, 1, -29 * DAY),
        ("stale", Raised, 2, -3 * HOUR),
        ("stale", Acknowledged, 2, -2 * HOUR),
        // Raised on its shelf, it calls when the shelf ends, and is answered 30 s later.
        ("shelved", Shelved, 0, -HOUR),
        ("shelved", Raised, 1, 10),
        ("shelved", Unshelved, 1, 60),
        ("shelved", Acknowledged, 1, 90),
        ("shelved", Cleared, 1, 100),
    ];
    // Eleven in 200 s, each for 5 s.
    for number in 0..11_u64 {
        let at = HOUR + 20 * i64::try_from(number).expect("small");
        told.extend([("chatters", Raised, number + 1, at), ("chatters", Cleared, number + 1, at + 5)]);
    }
    told.push(("stale", Cleared, 2, 30 * HOUR));
    // After the range.
    told.push(("stale", Raised, 3, 2 * DAY));
    let entry = |(seq, (name, kind, occurrence, secs)): (u64, (&str, TransitionKind, u64, i64))| JournalEntry {
        seq,
        transition: Transition {
            rule: rule(name),
            occurrence,
            kind,
            at: after(secs),
            value: None,
            by: (kind == Acknowledged || kind == Shelved).then(|| UserId::derived(tenant().0, "asha")),
            comment: None,
            rule_version: 1,
            detail: None,
        },
    };
    (1..).zip(told).map(entry).collect()
}

/// A database with the journal.
async fn written() -> (ScratchDatabase, Store, Reader) {
    let database = scratch_database().await.expect("database");
    let owner = database.store().await.expect("store");
    let account = AuditEntry::new(tenant(), FROM, None, "plant.import", "test");
    owner.import_plant(&town(), &[account]).await.expect("imported");
    let mut writer = Writer::open(&owner).await.expect("writer");
    let batch = Batch { transitions: journal(), ..Batch::new(tenant()) };
    writer.apply(&batch, 1).await.expect("applied");
    let screens = owner.for_screens(tenant()).await.expect("screens");
    (database, owner, screens)
}

/// The figures of two days, where the rule "shelved" is gone from the register.
async fn figures(screens: &Reader, areas: &[AreaId], priorities: &[Priority]) -> Figures {
    let (areas, priorities) = (areas.iter().copied().collect(), priorities.iter().copied().collect());
    figures_of(screens, Position { areas, priorities, of: None }).await
}

async fn figures_of(screens: &Reader, position: Position) -> Figures {
    let PlantFile { plant, rules, .. } = town();
    let rules = rules.into_iter().filter(|known| known.id != rule("shelved")).collect();
    let register = Register::new(plant, Vec::new(), rules);
    let known = Arc::new(placed(&register.lock()));
    let period = Period::new(FROM, after(2 * DAY)).expect("two days");
    let room = Analyses::default().room().await.expect("room");
    tallied(screens, period, position, known, Authority::default(), room).await.expect("summed up")
}

fn value(told: &AlarmFigures, kind: FigureKind) -> f64 {
    told.figures.iter().find(|(of, _)| *of == kind).expect("told").1.value
}

#[test]
fn putting_away_needs_somebody_who_may_and_a_reason() {
    let [asha, ravi] = ["asha", "ravi"].map(|name| UserId::derived(tenant().0, name));
    let longest_shelves = HashMap::from([(rule("short"), Duration::from_secs(3_600))]);
    let authority = Authority { suppressors: BTreeSet::from([asha]), longest_shelves };
    let check = |name: &str, kind: TransitionKind, by: Option<UserId>, comment: Option<&str>, expect: bool| {
        let shelving = Shelving { until: after(8 * HOUR), one_shot: false };
        let entry = Transition {
            rule: rule(name),
            occurrence: 0,
            kind,
            at: after(0),
            value: None,
            by,
            comment: comment.map(str::to_owned),
            rule_version: 1,
            detail: (kind == TransitionKind::Shelved).then_some(TransitionDetail::Shelving(shelving)),
        };
        assert_eq!(authority.allows(&entry), expect, "{entry:?}");
    };
    use TransitionKind::{Shelved, Suppressed, TakenOutOfService};
    check("any", Shelved, Some(ravi), Some("probe"), true);
    check("any", Shelved, Some(ravi), None, false);
    check("any", Shelved, None, Some("probe"), false);
    check("short", Shelved, Some(ravi), Some("probe"), false);
    check("short", Shelved, Some(asha), Some("probe"), true);
    check("any", TakenOutOfService, Some(ravi), Some("broken"), false);
    check("any", TakenOutOfService, Some(asha), Some("broken"), true);
    check("any", Suppressed, None, None, true);
}

#[tokio::test]
async fn a_written_journal_comes_to_what_was_counted_by_hand() {
    let (_database, _owner, screens) = written().await;
    assert_eq!(screens.journal_begins().await.expect("told"), Some(after(-30 * DAY)));
    let figures = figures(&screens, &[], &[]).await;
    let rules: BTreeMap<RuleId, AlarmRule> = town().rules.into_iter().map(|rule| (rule.id, rule)).collect();
    assert!(shown(&figures).into_iter().eq(rules.keys().copied()));
    let told = told(&figures, &rules, |known| known != rule("shelved"));

    assert_eq!((told.from, told.to, told.indicative), (FROM, after(2 * DAY), true));
    assert_eq!((told.calls, told.load), (12, LoadClass::Acceptable));
    let expected = [
        (FigureKind::PerDay, 6.0),
        (FigureKind::MostInDay, 12.0),
        (FigureKind::MostInHour, 11.0),
        (FigureKind::MostInTenMinutes, 11.0),
        (FigureKind::MostInMinute, 3.0),
        (FigureKind::BusyTenMinutes, 1.0 / 288.0),
        (FigureKind::BusyHours, 0.0),
        // From the eleventh call until ten minutes after the seventh.
        (FigureKind::InFlood, 520.0 / 172_800.0),
        (FigureKind::TopTen, 1.0),
        (FigureKind::Chattering, 11.0),
        (FigureKind::Fleeting, 0.0),
        (FigureKind::Stale, 1.0),
        // "stale" stood when the range began; beside it "shelved", and later "chatters".
        (FigureKind::Standing, 2.0),
        (FigureKind::Shelved, 1.0),
        (FigureKind::OutOfService, 0.0),
        // What was put away without a reason was so before the range.
        (FigureKind::Unauthorised, 0.0),
    ];
    for (kind, expected) in expected {
        assert_eq!(value(&told, kind), expected, "{kind:?}");
    }
    let waited = Duration::from_secs(30);
    assert_eq!(told.time_to_acknowledge, Some(TimeToAcknowledge { count: 1, median: waited, ninetieth: waited }));
    assert_eq!(told.priorities.iter().map(|of| of.calls).collect::<Vec<_>>(), [0, 0, 1, 11]);
    assert_eq!(told.hours, [HourLoad { from: FROM, calls: 1 }, HourLoad { from: after(HOUR), calls: 11 }]);

    let [flood] = &told.floods[..] else { panic!("one flood: {:?}", told.floods) };
    assert_eq!((flood.first.rule, flood.first_at), (rule("chatters"), after(HOUR)));
    assert_eq!((flood.from, flood.until), (after(HOUR + 200), Some(after(HOUR + 720))));
    assert_eq!((flood.calls, flood.most, told.flood_count), (11, 11, 1));
    assert_eq!(flood.first_ten_minutes.verdict, Some(Verdict::Manageable));

    let nothing: &[CureKind] = &[];
    let ranked: Vec<_> = told
        .offenders
        .iter()
        .map(|of| (of.alarm.rule, of.calls, of.chattering, of.stale, of.last_at, of.worth_trying.as_slice()))
        .collect();
    assert_eq!(
        ranked,
        [
            (rule("chatters"), 11, 11, 0, Some(after(HOUR + 200)), &[CureKind::OffDelay, CureKind::OnDelay][..]),
            (rule("shelved"), 1, 0, 0, Some(after(60)), nothing),
            (rule("stale"), 0, 0, 1, None, nothing),
        ]
    );
    assert!(told.offenders.iter().all(|of| of.ails), "nobody said anything about any of them");
}

#[tokio::test]
async fn a_position_is_its_areas_and_priorities() {
    let (_database, _owner, screens) = written().await;
    let north = figures(&screens, &[area("north")], &[]).await;
    assert_eq!((north.annunciations, north.offenders.len()), (0, 1));
    assert_eq!(north.offenders[0].rule, rule("stale"));
    // A rule that is gone counts where its entries say.
    let medium = figures(&screens, &[area("south")], &[Priority::P3, Priority::P2]).await;
    assert_eq!((medium.annunciations, medium.offenders[0].rule), (1, rule("shelved")));
    assert_eq!(figures(&screens, &[area("nowhere")], &[]).await.offenders, []);
}

#[tokio::test]
async fn an_operator_position_has_figures_and_floods_of_its_own() {
    let (_database, _owner, screens) = written().await;
    let desk = |reach: Reach, priorities: &[Priority]| {
        let priorities = priorities.iter().copied().collect();
        let id = OperatorPositionId::derived(tenant().0, "desk");
        Some(OperatorPosition { id, name: "desk".to_owned(), reach, priorities })
    };
    let within = |name: &str| Reach::Areas { areas: [area(name)].into(), unzoned: false };
    let all = |of: Option<OperatorPosition>| Position { areas: BTreeSet::new(), priorities: BTreeSet::new(), of };
    let check = async |of: Option<OperatorPosition>, calls: usize, floods: usize, offenders: &[&str]| {
        let told = figures_of(&screens, all(of.clone())).await;
        let names: BTreeSet<RuleId> = told.offenders.iter().map(|offender| offender.rule).collect();
        assert_eq!((told.annunciations, told.floods.len()), (calls, floods), "{of:?}");
        let expected: BTreeSet<RuleId> = offenders.iter().map(|name| rule(name)).collect();
        assert_eq!(names, expected, "{of:?}");
    };
    check(None, 12, 1, &["chatters", "shelved", "stale"]).await;
    check(desk(Reach::Plant, &Priority::ALL), 12, 1, &["chatters", "shelved", "stale"]).await;
    check(desk(within("north"), &Priority::ALL), 0, 0, &["stale"]).await;
    check(desk(within("south"), &Priority::ALL), 12, 1, &["chatters", "shelved"]).await;
    // The flood is of alarms that this desk does not answer for; a rule that is gone counts where its entries say.
    check(desk(within("south"), &[Priority::P1, Priority::P3]), 1, 0, &["shelved"]).await;
    check(desk(Reach::Areas { areas: BTreeSet::new(), unzoned: true }, &Priority::ALL), 0, 0, &[]).await;
    // What is asked for beside it narrows it down.
    let narrowed = Position { priorities: [Priority::P4].into(), ..all(desk(within("south"), &Priority::ALL)) };
    assert_eq!(figures_of(&screens, narrowed).await.annunciations, 11);
}

#[tokio::test]
async fn two_analyses_run_at_once() {
    let analyses = Analyses::default();
    let first = analyses.room().await.expect("room");
    let _second = analyses.room().await.expect("room");
    assert_eq!(analyses.0.available_permits(), 0);
    drop(first);
    assert!(analyses.room().await.is_ok());
}

#[tokio::test]
async fn an_analysis_ends_when_its_caller_goes() {
    let (_database, _owner, screens) = written().await;
    let analyses = Analyses::default();
    let room = analyses.room().await.expect("room");
    let position = Position { areas: BTreeSet::new(), priorities: BTreeSet::new(), of: None };
    let period = Period::new(FROM, after(DAY)).expect("a day");
    let asked = tallied(&screens, period, position, Arc::default(), Authority::default(), room);
    assert!(tokio::time::timeout(Duration::ZERO, asked).await.is_err(), "nobody waited for it");
    let both = tokio::time::timeout(Duration::from_secs(20), analyses.0.acquire_many(2)).await;
    assert!(both.is_ok_and(|both| both.is_ok()), "its room is free again");
}

#[test]
fn a_range_begins_no_earlier_than_the_journal() {
    let check = |journal: Option<i64>, expect: i64| {
        assert_eq!(beginning(FROM, after(DAY), journal.map(after)), after(expect), "{journal:?}");
    };
    check(None, 0);
    check(Some(-HOUR), 0);
    check(Some(3_599), 0);
    check(Some(7_300), 2 * HOUR);
    check(Some(DAY), 0);
}
