//! What is found in the journal, against a plain look at every entry.

use std::time::Duration;

use penstock_model::{
    Address, AlarmRule, Area, AreaId, Asset, AssetId, AssetKind, Condition, LimitLevel, Plant, PlantFile, Point,
    PointNo, Priority, Quantity, RuleId, Site, SiteId, SiteKind, Subject, TenantId, Transition, TransitionKind, UserId,
};
use penstock_store::{
    AuditEntry, Batch, JournalEntry, JournalFilter, JournalPage, JournalRecord, Reader, Store, Writer,
};
use penstock_testkit::database::ScratchDatabase;
use uuid::Uuid;

use crate::fixtures::{NOW, fresh, tenant};

const COUNT: u64 = 600;
const KINDS: [TransitionKind; 6] = [
    TransitionKind::Raised,
    TransitionKind::Cleared,
    TransitionKind::Acknowledged,
    TransitionKind::Commented,
    TransitionKind::Shelved,
    TransitionKind::Suppressed,
];
const COMMENTS: [&str; 4] = ["Pumpe läuft trocken", "100% open", "a_b\\c", "crew sent to TOWER"];

fn other() -> TenantId {
    TenantId::derived(Uuid::nil(), "village")
}

fn area(name: &str) -> AreaId {
    AreaId::derived(tenant().0, name)
}

fn site(name: &str) -> SiteId {
    SiteId::derived(tenant().0, name)
}

fn asset() -> AssetId {
    AssetId::derived(tenant().0, "pump")
}

fn person(name: &str) -> UserId {
    UserId::derived(tenant().0, name)
}

fn point(no: i32, path: &str, description: &str) -> Point {
    let address = Address { source: "local".into(), path: path.into() };
    let discovered = Point::discovered(tenant(), PointNo(no), address, Quantity::Plain.display_unit());
    Point { description: description.into(), ..discovered }
}

/// A rule with what a journal entry of it is found by.
struct Known {
    rule: AlarmRule,
    site: Option<SiteId>,
    area: Option<AreaId>,
    names: &'static str,
}

/// A point with places of its own, one that has them from its equipment, equipment itself, a site, and nothing known.
fn town() -> (PlantFile, Vec<Known>) {
    let points = vec![
        Point { site: Some(site("tower")), area: Some(area("north")), ..point(1, "LT-01", "Level, upper") },
        Point { asset: Some(asset()), ..point(2, "PT_02", "Pressure") },
        point(3, "FT-03", "Flow"),
    ];
    let subjects = [
        (Subject::Point(points[0].id), Some("tower"), Some("north"), "lt-01 level, upper tower north"),
        (Subject::Point(points[1].id), Some("works"), Some("south"), "pt_02 pressure pump 7 works south"),
        (Subject::Asset(asset()), Some("works"), Some("south"), "pump 7 works south"),
        (Subject::Site(site("tower")), Some("tower"), Some("north"), "tower north"),
        (Subject::Point(points[2].id), None, None, "night flow ft-03 flow"),
    ];
    let known = subjects.into_iter().enumerate().map(|(number, (subject, of_site, of_area, names))| {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: 0.0 };
        let mut rule = AlarmRule::new(RuleId::derived(tenant().0, &number.to_string()), subject, condition);
        rule.priority = Priority::ALL[number % 4];
        if number == 4 {
            rule.name = "Night flow".into();
        }
        Known { rule, site: of_site.map(site), area: of_area.map(area), names }
    });
    let known: Vec<Known> = known.collect();
    let places = |name: &str, of: &str| Site {
        id: site(name),
        name: name.into(),
        kind: SiteKind::Storage,
        area: Some(area(of)),
        position: None,
    };
    let plant = Plant {
        tenant: tenant(),
        name: "Nandipur".into(),
        time_zone: "Asia/Kolkata".into(),
        areas: ["North", "South"]
            .map(|name| Area { id: area(&name.to_lowercase()), name: name.into(), boundary: Vec::new() })
            .to_vec(),
        sites: vec![places("tower", "north"), places("works", "south")],
        assets: vec![Asset {
            id: asset(),
            name: "Pump 7".into(),
            kind: AssetKind::Pump,
            site: Some(site("works")),
            area: None,
            position: None,
            capacity_m3: None,
            level_span: None,
        }],
        pipes: Vec::new(),
    };
    let rules = known.iter().map(|known| known.rule.clone()).collect();
    (PlantFile { plant, points, rules, guidance: vec![] }, known)
}

/// Entries whose times come neither even nor in order, with what each must be found by.
fn entries(known: &[Known]) -> Vec<(JournalRecord, String)> {
    let stranger = RuleId::derived(tenant().0, "stranger");
    let mut state = 12_345_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut entry = |seq: u64| {
        let of = known.get(below(known.len() as u64 + 1) as usize);
        let kind = KINDS[below(KINDS.len() as u64) as usize];
        let comment = COMMENTS.get(below(8) as usize).map(|comment| (*comment).to_owned());
        let by = ["asha", "ravi"].get(below(4) as usize).map(|name| person(name));
        let at = NOW + Duration::from_secs(seq / 3 * 10) - Duration::from_secs(below(3) * 35);
        let transition = Transition {
            rule: of.map_or(stranger, |of| of.rule.id),
            occurrence: seq,
            kind,
            at,
            value: None,
            by,
            comment: comment.clone(),
            rule_version: 1,
            detail: None,
        };
        let words = format!("{} {}", of.map_or("", |of| of.names), comment.unwrap_or_default().to_lowercase());
        let record = JournalRecord {
            entry: JournalEntry { seq, transition },
            priority: of.map(|of| of.rule.priority),
            subject: of.map(|of| of.rule.subject),
            site: of.and_then(|of| of.site),
            area: of.and_then(|of| of.area),
        };
        (record, words)
    };
    (1..=COUNT).map(&mut entry).collect()
}

/// Whether an entry is what a filter asks for.
fn passes(filter: &JournalFilter, (record, words): &(JournalRecord, String)) -> bool {
    fn asks<T: PartialEq>(for_any: &[T], value: Option<&T>) -> bool {
        for_any.is_empty() || value.is_some_and(|value| for_any.contains(value))
    }
    let transition = &record.entry.transition;
    (filter.from..filter.to).contains(&transition.at)
        && asks(&filter.rules, Some(&transition.rule))
        && asks(&filter.sites, record.site.as_ref())
        && asks(&filter.areas, record.area.as_ref())
        && asks(&filter.priorities, record.priority.as_ref())
        && asks(&filter.kinds, Some(&transition.kind))
        && asks(&filter.people, transition.by.as_ref())
        && filter.text.to_lowercase().split_whitespace().all(|word| words.contains(word))
}

async fn filled() -> (ScratchDatabase, Store, Vec<(JournalRecord, String)>) {
    let (database, store) = fresh().await;
    let (file, known) = town();
    let account = AuditEntry::new(tenant(), NOW, None, "plant.import", "test");
    store.import_plant(&file, &[account]).await.expect("imported");
    let all = entries(&known);
    let mut writer = Writer::open(&store).await.expect("writer");
    for (number, part) in (1..).zip(all.chunks(100)) {
        let transitions = part.iter().map(|(record, _)| record.entry.clone()).collect();
        writer.apply(&Batch { transitions, ..Batch::new(tenant()) }, number).await.expect("applied");
    }
    // What another tenant's alarms say is found by none of this one's filters.
    let foreign = all.iter().take(50).map(|(record, _)| JournalEntry {
        seq: record.entry.seq + 10_000,
        transition: record.entry.transition.clone(),
    });
    let foreign = Batch { transitions: foreign.collect(), ..Batch::new(other()) };
    writer.apply(&foreign, 100).await.expect("applied");
    (database, store, all)
}

/// Every page of a filter, seven entries each.
async fn pages(store: &Store, screens: &Reader, filter: &JournalFilter) -> Vec<JournalRecord> {
    let mut page = JournalPage { filter: filter.clone(), before: None, limit: 7 };
    let mut found: Vec<JournalRecord> = Vec::new();
    loop {
        let part = store.journal(tenant(), &page).await.expect("page");
        assert_eq!(screens.journal(&page).await.expect("page"), part, "{page:?}");
        let is_last = part.len() < 7;
        found.extend(part);
        page.before = found.last().map(|record| record.entry.seq);
        if is_last {
            let count = screens.count_journal(filter).await.expect("counted");
            assert_eq!(count, found.len() as u64, "{filter:?}");
            return found;
        }
    }
}

fn filters() -> Vec<JournalFilter> {
    let any = JournalFilter::default;
    let text = |text: &str| JournalFilter { text: text.into(), ..any() };
    let rule = |name: &str| RuleId::derived(tenant().0, name);
    let (from, to) = (NOW + Duration::from_secs(500), NOW + Duration::from_secs(900));
    vec![
        any(),
        JournalFilter { from, to, ..any() },
        JournalFilter { from: to, to: from, ..any() },
        JournalFilter { rules: vec![rule("1")], ..any() },
        JournalFilter { rules: vec![rule("1"), rule("stranger"), rule("1")], ..any() },
        JournalFilter { rules: vec![rule("nobody's")], ..any() },
        JournalFilter { sites: vec![site("tower")], ..any() },
        JournalFilter { sites: vec![site("tower"), site("works")], from, ..any() },
        JournalFilter { areas: vec![area("south")], ..any() },
        JournalFilter { priorities: vec![Priority::P1], ..any() },
        JournalFilter { priorities: vec![Priority::P4, Priority::P2], to, ..any() },
        JournalFilter { kinds: vec![TransitionKind::Shelved], ..any() },
        JournalFilter { kinds: vec![TransitionKind::Raised, TransitionKind::Cleared], ..any() },
        JournalFilter { kinds: vec![TransitionKind::Raised], priorities: vec![Priority::P3], ..any() },
        JournalFilter { people: vec![person("asha")], ..any() },
        JournalFilter { people: vec![person("ravi"), person("asha")], kinds: vec![KINDS[3]], ..any() },
        text("tower"),
        text("TOWER crew"),
        text("LÄUFT"),
        text("100%"),
        text("%"),
        text("_"),
        text("b\\c"),
        text("pump 7"),
        text("lt-0_"),
        text("night"),
        text("nowhere"),
        JournalFilter { sites: vec![site("works")], text: "pt_02".into(), ..any() },
        JournalFilter {
            from,
            rules: vec![rule("0"), rule("3")],
            areas: vec![area("north")],
            sites: vec![site("tower")],
            priorities: vec![Priority::P1],
            kinds: KINDS.to_vec(),
            text: "level".into(),
            ..any()
        },
    ]
}

#[tokio::test]
async fn each_filter_finds_what_a_look_at_every_entry_does() {
    let (_database, store, all) = filled().await;
    let screens = store.for_screens(tenant()).await.expect("screens");
    let mut found_by_some = 0;
    for filter in filters() {
        let mut expected: Vec<JournalRecord> =
            all.iter().filter(|entry| passes(&filter, entry)).map(|(record, _)| record.clone()).collect();
        expected.sort_by_key(|record| (record.entry.transition.at, record.entry.seq));
        let mut scanned = Vec::new();
        let mut chunks = screens.scan_journal(&filter).expect("scan");
        while let Some(chunk) = chunks.recv().await {
            scanned.extend(chunk.expect("chunk"));
        }
        assert_eq!(scanned, expected, "{filter:?}");
        expected.reverse();
        assert_eq!(pages(&store, &screens, &filter).await, expected, "{filter:?}");
        found_by_some += usize::from(!expected.is_empty() && expected.len() < all.len());
    }
    // All but the one that asks for everything and those that ask for what there is not.
    assert_eq!(found_by_some, filters().len() - 5);
}

#[tokio::test]
async fn what_is_moved_or_renamed_later_is_found_where_it_was() {
    let (_database, store, all) = filled().await;
    let (mut file, _) = town();
    file.plant.sites[0].name = "Reservoir".into();
    file.points[0].site = Some(site("works"));
    for rule in &mut file.rules {
        rule.version = 2;
        rule.priority = Priority::P4;
    }
    let account = AuditEntry::new(tenant(), NOW, None, "plant.import", "test");
    store.import_plant(&file, &[account]).await.expect("imported");
    let page = JournalPage { filter: JournalFilter::default(), before: None, limit: 10_000 };
    let mut found = store.journal(tenant(), &page).await.expect("page");
    found.sort_by_key(|record| record.entry.seq);
    assert_eq!(found, all.iter().map(|(record, _)| record.clone()).collect::<Vec<_>>());

    // A late entry is judged by the version that it names, and stands where its point is now.
    let mut late = all.iter().find(|(record, _)| record.site == Some(site("tower"))).expect("some").0.clone();
    late.entry.seq = COUNT + 1;
    late.entry.transition.rule = file.rules[0].id;
    let mut writer = Writer::open(&store).await.expect("writer");
    let batch = Batch { transitions: vec![late.entry.clone()], ..Batch::new(tenant()) };
    writer.apply(&batch, 101).await.expect("applied");
    let renamed =
        JournalFilter { rules: vec![file.rules[0].id], text: "lt-01 works".into(), ..JournalFilter::default() };
    let page = JournalPage { filter: renamed, before: None, limit: 10 };
    let expected = JournalRecord {
        priority: Some(Priority::P1),
        subject: Some(file.rules[0].subject),
        site: Some(site("works")),
        area: Some(area("north")),
        entry: late.entry,
    };
    assert_eq!(store.journal(tenant(), &page).await.expect("page"), [expected]);
}

/// What an entry of a kind that puts an alarm away or lets it go is about.
fn axis(kind: TransitionKind) -> Option<u8> {
    match kind {
        TransitionKind::Shelved | TransitionKind::Unshelved => Some(1),
        TransitionKind::Suppressed | TransitionKind::Unsuppressed => Some(2),
        TransitionKind::TakenOutOfService | TransitionKind::ReturnedToService => Some(3),
        _ => None,
    }
}

#[tokio::test]
async fn where_alarms_stood_is_told_by_their_newest_occurrence_and_what_put_them_away() {
    let (_database, store, all) = filled().await;
    let screens = store.for_screens(tenant()).await.expect("screens");
    let mut all: Vec<JournalRecord> = all.into_iter().map(|(record, _)| record).collect();
    all.sort_by_key(|record| (record.entry.transition.at, record.entry.seq));
    assert_eq!(screens.journal_begins().await.expect("told"), Some(all[0].entry.transition.at));
    for secs in [0, 40, 700, 1_500, 1_000_000] {
        let moment = NOW + Duration::from_secs(secs);
        let before: Vec<&JournalRecord> = all.iter().filter(|record| record.entry.transition.at < moment).collect();
        let told = before.iter().filter(|record| {
            let own = &record.entry.transition;
            let of_alarm = before.iter().filter(|other| other.entry.transition.rule == own.rule);
            let raises = of_alarm.clone().filter(|other| other.entry.transition.kind == TransitionKind::Raised);
            let raised_at = raises.map(|raise| raise.entry.transition.at).max();
            let on_axis = of_alarm.filter(|other| axis(other.entry.transition.kind) == axis(own.kind));
            let is_last = on_axis.map(|other| (other.entry.transition.at, other.entry.seq)).max()
                == Some((own.at, record.entry.seq));
            raised_at.is_some_and(|raised_at| own.at >= raised_at) || (axis(own.kind).is_some() && is_last)
        });
        let expected: Vec<JournalRecord> = told.map(|record| (*record).clone()).collect();
        let mut chunks = screens.journal_before(moment);
        let mut found = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            found.extend(chunk.expect("chunk"));
        }
        assert_eq!(found, expected, "{secs} s");
    }
    let nobody = store.for_screens(TenantId::derived(Uuid::nil(), "hamlet")).await.expect("screens");
    assert_eq!(nobody.journal_begins().await.expect("told"), None);
}
