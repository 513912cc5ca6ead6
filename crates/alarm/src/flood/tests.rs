//! Groups and their causes on a small plant: works, a station, a tower and two areas in a row of mains.

use std::time::Duration;

use penstock_model::{
    Address, AreaId, Asset, AssetId, AssetKind, CauseKind, CauseOrigin, CauseReason, Pipe, PipeId, Plant, Point,
    PointId, PointNo, Position, Priority, Quantity, RuleId, Site, SiteId, SiteKind, Subject, TenantId, Timestamp, Unit,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const TENANT: TenantId = TenantId(Uuid::nil());

fn site(name: &str) -> SiteId {
    SiteId::derived(TENANT.0, name)
}

fn area(name: &str) -> AreaId {
    AreaId::derived(TENANT.0, name)
}

fn asset(name: &str) -> AssetId {
    AssetId::derived(TENANT.0, name)
}

fn point(name: &str) -> PointId {
    PointId::discovered(TENANT, "s", name)
}

/// Name, site, equipment, what it measures.
const POINTS: [(&str, &str, Option<&str>, Quantity); 13] = [
    ("works chlorine", "works", None, Quantity::Chlorine),
    ("pump 1 trip", "station", Some("pump 1"), Quantity::State),
    ("pump 2 trip", "station", Some("pump 2"), Quantity::State),
    ("station flow", "station", None, Quantity::Flow),
    ("station pressure", "station", None, Quantity::Pressure),
    ("tower level", "tower", None, Quantity::Level),
    ("inflow one", "net one", None, Quantity::Flow),
    ("pressure one", "net one", None, Quantity::Pressure),
    ("far pressure one", "net one", None, Quantity::Pressure),
    ("chlorine one", "net one", None, Quantity::Chlorine),
    ("turbidity one", "net one", None, Quantity::Turbidity),
    ("pressure two", "net two", None, Quantity::Pressure),
    ("chlorine two", "net two", None, Quantity::Chlorine),
];

fn topology() -> Topology {
    let place =
        |(east_m, north_m): (f64, f64)| Position::new(north_m / 111_195.0, east_m / 111_195.0).expect("on earth");
    let at = |east_m| place((east_m, 0.0));
    let sites = [
        ("works", SiteKind::Works, 0.0),
        ("station", SiteKind::Pumping, 500.0),
        ("tower", SiteKind::Storage, 1_000.0),
        ("net one", SiteKind::Network, 1_500.0),
        ("net two", SiteKind::Network, 2_000.0),
    ];
    let area_of = |name: &str| name.strip_prefix("net ").map(area);
    let main = |name: &str, of: Option<&str>, course: &[(f64, f64)]| Pipe {
        id: PipeId::derived(TENANT.0, name),
        name: name.to_owned(),
        area: of.map(area),
        diameter_mm: 200.0,
        course: course.iter().copied().map(place).collect(),
    };
    let pump = |name: &str| Asset {
        id: asset(name),
        name: name.to_owned(),
        kind: AssetKind::Pump,
        site: Some(site("station")),
        area: None,
        position: None,
        capacity_m3: None,
        level_span: None,
    };
    let plant = Plant {
        tenant: TENANT,
        name: "plant".to_owned(),
        time_zone: "UTC".to_owned(),
        areas: Vec::new(),
        sites: sites
            .map(|(name, kind, east)| Site {
                id: site(name),
                name: name.to_owned(),
                kind,
                area: area_of(name),
                position: Some(at(east)),
            })
            .to_vec(),
        assets: vec![pump("pump 1"), pump("pump 2")],
        pipes: vec![
            main("raw", None, &[(0.0, 0.0), (500.0, 0.0)]),
            main("rising", None, &[(500.0, 0.0), (1_000.0, 0.0)]),
            main("to one", Some("one"), &[(1_000.0, 0.0), (1_500.0, 0.0)]),
            main("to two", Some("two"), &[(1_000.0, 0.0), (1_000.0, 300.0), (2_000.0, 300.0)]),
            main("in one", Some("one"), &[(1_500.0, 0.0), (1_700.0, 0.0)]),
        ],
    };
    let points: Vec<Point> = POINTS
        .iter()
        .map(|(name, of, equipment, quantity)| {
            let address = Address { source: "s".to_owned(), path: (*name).to_owned() };
            let mut point = Point::discovered(TENANT, PointNo(1), address, Unit::parse("bar").expect("known"));
            point.quantity = *quantity;
            point.site = Some(site(of));
            point.area = area_of(of);
            point.asset = equipment.map(asset);
            point.position = Some(at(if name.starts_with("far") { 1_690.0 } else { 1_490.0 }));
            point
        })
        .collect();
    Topology::new(&plant, &points)
}

/// A control room with a clock of minutes.
struct Room {
    grouping: Grouping,
    closed: Vec<Group>,
}

impl Room {
    fn new() -> Self {
        Self { grouping: Grouping::new(topology()), closed: Vec::new() }
    }

    fn raise(&mut self, subject: Subject, sign: Sign, priority: Priority, minute: f64) -> Option<GroupNo> {
        let name = format!("{subject:?} {sign:?} {priority:?}");
        let at = minutes(minute);
        let activation = Activation { rule: RuleId::derived(TENANT.0, &name), subject, sign, priority, at };
        self.grouping.activate(&activation, &mut self.closed)
    }

    fn point(&mut self, name: &str, sign: Sign, minute: f64) -> Option<GroupNo> {
        self.raise(Subject::Point(point(name)), sign, Priority::P3, minute)
    }

    fn silent(&mut self, name: &str, minute: f64) -> Option<GroupNo> {
        self.raise(Subject::Site(site(name)), Sign::Silent, Priority::P2, minute)
    }

    fn first_cause(&self, no: Option<GroupNo>) -> (CauseKind, CauseOrigin) {
        let causes = self.grouping.group(no.expect("placed")).expect("open").causes(self.grouping.topology());
        (causes[0].kind, causes[0].origin)
    }
}

fn minutes(minute: f64) -> Timestamp {
    Timestamp::from_micros((minute * 6e7) as i64)
}

#[test]
fn a_burst_is_much_flow_and_little_pressure_in_its_area() {
    let mut room = Room::new();
    let group = room.point("far pressure one", Sign::Low, 0.2);
    assert_eq!(room.point("inflow one", Sign::High, 0.5), group);
    assert_eq!(room.point("tower level", Sign::Low, 90.0), group);
    assert_eq!(room.point("turbidity one", Sign::High, 12.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::Burst, CauseOrigin::Area(area("one"))));
    let causes = room.grouping.group(group.expect("placed")).expect("open").causes(room.grouping.topology());
    assert_eq!(causes[0].main, Some(PipeId::derived(TENANT.0, "in one")));
    assert!(causes[0].reasons.contains(&CauseReason::Explains { alarms: 4, of: 4 }));
    assert!(causes[0].reasons.contains(&CauseReason::After(Duration::ZERO)));
    assert!(causes[0].reasons.contains(&CauseReason::Upstream { alarms: 3, of: 4 }));
}

#[test]
fn a_stop_explains_want_downstream_hours_later() {
    let mut room = Room::new();
    let group = room.point("pump 1 trip", Sign::High, 0.0);
    assert_eq!(room.point("station flow", Sign::Low, 0.6), group);
    assert_eq!(room.first_cause(group), (CauseKind::PumpTrip, CauseOrigin::Asset(asset("pump 1"))));
    assert_eq!(room.point("pump 2 trip", Sign::High, 1.0), group);
    assert_eq!(room.point("tower level", Sign::Low, 200.0), group);
    assert_eq!(room.point("pressure two", Sign::Low, 260.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::StationTrip, CauseOrigin::Site(site("station"))));
    assert_eq!(room.silent("station", 3.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::PowerLoss, CauseOrigin::Site(site("station"))));
}

#[test]
fn sites_that_fall_silent_at_once_have_one_cause() {
    let mut room = Room::new();
    let group = room.silent("net one", 0.0);
    assert_eq!(room.first_cause(group), (CauseKind::CommunicationsLoss, CauseOrigin::Site(site("net one"))));
    assert_eq!(room.silent("works", 0.3), group);
    assert_eq!(room.silent("tower", 4.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::CommunicationsLoss, CauseOrigin::Several));
    assert_ne!(room.silent("net two", 20.0), group);
}

#[test]
fn chlorine_is_lost_where_it_is_missed_first_and_most_upstream() {
    let mut room = Room::new();
    let group = room.point("works chlorine", Sign::Low, 0.0);
    assert_eq!(room.point("chlorine one", Sign::Low, 500.0), group);
    assert_eq!(room.point("chlorine two", Sign::Low, 700.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::ChlorineLoss, CauseOrigin::Site(site("works"))));

    let mut room = Room::new();
    let group = room.point("chlorine one", Sign::Low, 0.0);
    assert_eq!(room.first_cause(group), (CauseKind::ChlorineLoss, CauseOrigin::Area(area("one"))));
    assert_ne!(room.point("pressure one", Sign::Low, 1.0), group, "low pressure has nothing to do with it");
}

#[test]
fn what_nothing_explains_is_put_under_the_first_alarm() {
    let mut room = Room::new();
    let group = room.point("tower level", Sign::Off, 0.0);
    assert_eq!(room.point("station flow", Sign::Off, 1.0), group);
    let (kind, origin) = room.first_cause(group);
    assert_eq!((kind, origin), (CauseKind::FirstAlarm, CauseOrigin::Site(site("tower"))));
}

#[test]
fn a_tank_that_runs_empty_takes_its_areas_along() {
    let mut room = Room::new();
    let group = room.point("tower level", Sign::Low, 0.0);
    assert_eq!(room.point("pressure one", Sign::Low, 60.0), group);
    assert_eq!(room.point("pressure two", Sign::Low, 61.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::RunningEmpty, CauseOrigin::Site(site("tower"))));

    // A station that fell silent an hour before is the likelier cause.
    let mut room = Room::new();
    let group = room.silent("station", -60.0);
    assert_eq!(room.point("tower level", Sign::Low, 0.0), group);
    assert_eq!(room.point("pressure one", Sign::Low, 60.0), group);
    assert_eq!(room.first_cause(group), (CauseKind::PowerLoss, CauseOrigin::Site(site("station"))));
    let mut room = Room::new();
    let group = room.silent("station", -60.0);
    assert_ne!(room.point("pressure one", Sign::Low, 0.0), group, "the tower lies between");
}

#[test]
fn an_alarm_that_comes_again_is_the_same_member() {
    let mut room = Room::new();
    let low = |room: &mut Room, name: &str, priority, minute| {
        room.raise(Subject::Point(point(name)), Sign::Low, priority, minute)
    };
    let rule_of = |name: &str, priority: &str| {
        RuleId::derived(TENANT.0, &format!("{:?} Low {priority}", Subject::Point(point(name))))
    };
    low(&mut room, "pressure one", Priority::P2, 0.0);
    low(&mut room, "pressure one", Priority::P1, 0.1);
    let group = low(&mut room, "far pressure one", Priority::P1, 0.2).expect("placed");
    let (parent, child) = (rule_of("pressure one", "P2"), rule_of("far pressure one", "P1"));
    let told = |room: &Room| {
        let group = room.grouping.group(group).expect("open");
        let first = group.causes(room.grouping.topology()).first().expect("a cause").alarm;
        let members = group.members().iter();
        (first, members.map(|member| (member.rule, member.occurrences, member.is_active)).collect::<Vec<_>>())
    };
    let second = rule_of("pressure one", "P1");
    assert_eq!(told(&room), (parent, vec![(parent, 1, true), (second, 1, true), (child, 1, true)]));
    room.grouping.clear(child);
    assert_eq!(told(&room).1[2], (child, 1, false), "it stays in its group");
    low(&mut room, "far pressure one", Priority::P1, 3.0);
    assert_eq!(told(&room).1[2..], [(child, 2, true)], "it came again");
}

#[test]
fn a_group_closes_when_nothing_related_comes_any_more() {
    let mut room = Room::new();
    let group = room.point("pressure one", Sign::Low, 0.0);
    room.point("inflow one", Sign::High, 20.0);
    room.grouping.tick(minutes(50.0), &mut room.closed);
    assert!(room.closed.is_empty());
    room.grouping.tick(minutes(50.1), &mut room.closed);
    assert_eq!(room.closed.iter().map(|group| group.members().len()).collect::<Vec<_>>(), [2]);
    assert_eq!((room.closed[0].began_at(), room.closed[0].newest_at()), (minutes(0.0), minutes(20.0)));
    assert_eq!(room.grouping.groups().count(), 0);
    assert_ne!(room.point("pressure one", Sign::Low, 51.0), group);
    let nowhere = Subject::Point(PointId(Uuid::nil()));
    assert_eq!(room.raise(nowhere, Sign::Low, Priority::P1, 52.0), None);
}

#[test]
fn what_was_grouped_is_grouped_anew_by_the_plant_as_it_is_now() {
    let mut room = Room::new();
    let group = room.point("far pressure one", Sign::Low, 0.2).expect("placed");
    room.point("inflow one", Sign::High, 0.5);
    room.point("inflow one", Sign::High, 0.7);
    let inflow = room.grouping.group(group).expect("open").members()[1];
    room.grouping.clear(inflow.rule);
    let open_until = room.grouping.group(group).expect("open").open_until();
    room.grouping.lay(topology(), &mut room.closed);
    assert!(room.closed.is_empty());
    assert_eq!(room.grouping.member(inflow.rule), Some(&Member { occurrences: 2, is_active: false, ..inflow }));
    let again = room.grouping.group_of(inflow.rule).expect("open");
    assert!(again.no() > group, "a number is never given twice");
    assert_eq!((again.members().len(), again.open_until()), (2, open_until));
    // Of a plant without sites and mains nobody knows where an alarm lies.
    room.grouping.lay(Topology::default(), &mut room.closed);
    assert_eq!(room.grouping.groups().count(), 0);
}

#[test]
fn groups_are_bounded() {
    let mut room = Room::new();
    // Far enough apart that each begins a group, and no tick to close one.
    for index in 0..MOST_GROUPS + 10 {
        let subject = Subject::Point(point("station flow"));
        let at = minutes(index as f64);
        let activation = Activation {
            rule: RuleId::derived(TENANT.0, &format!("{index}")),
            subject: if index % 2 == 0 { subject } else { Subject::Point(point("works chlorine")) },
            sign: if index % 2 == 0 { Sign::High } else { Sign::Low },
            priority: Priority::P4,
            at: at + Duration::from_secs(400 * 3_600 * index as u64),
        };
        assert!(room.grouping.activate(&activation, &mut room.closed).is_some());
    }
    assert_eq!(room.grouping.groups().count(), MOST_GROUPS);
    assert_eq!(room.closed.len(), 10);
}

proptest! {
    #[test]
    fn every_alarm_is_in_one_group_and_counted(
        course in prop::collection::vec((0..POINTS.len() + 5, 0..5_usize, 0..600_i64, any::<bool>()), 1..120)
    ) {
        let signs = [Sign::High, Sign::Low, Sign::Off, Sign::State, Sign::Silent];
        let sites = ["works", "station", "tower", "net one", "net two"];
        let mut rooms = [Room::new(), Room::new()];
        for room in &mut rooms {
            let mut minute = 0.0;
            for (which, sign, wait, clears) in &course {
                minute += *wait as f64 / 20.0;
                let (subject, sign) = match POINTS.get(*which) {
                    Some((name, ..)) => (Subject::Point(point(name)), signs[*sign]),
                    None => (Subject::Site(site(sites[*which - POINTS.len()])), Sign::Silent),
                };
                let no = room.raise(subject, sign, Priority::P3, minute).expect("placed");
                let rule = room.grouping.group(no).expect("open").members().last().expect("one").rule;
                if *clears {
                    room.grouping.clear(rule);
                }
                room.grouping.tick(minutes(minute), &mut room.closed);
            }
            let mut rules: Vec<_> =
                room.grouping.groups().flat_map(|group| group.members().iter().map(|member| member.rule)).collect();
            let count = rules.len();
            rules.sort_unstable();
            rules.dedup();
            prop_assert_eq!(rules.len(), count);
            for group in room.grouping.groups() {
                let causes = group.causes(room.grouping.topology());
                prop_assert!(!causes.is_empty() && causes.len() <= MOST_CAUSES);
                prop_assert!(causes.iter().all(|cause| (0.0..=1.0 + 1e-9).contains(&cause.score)));
                prop_assert!(group.members().iter().any(|member| member.rule == causes[0].alarm));
            }
        }
        let [one, other] = rooms.map(|room| room.grouping.groups().map(|group| group.members().to_vec()).collect::<Vec<_>>());
        prop_assert_eq!(one, other);
    }
}
