//! A burst in the demo plant, from samples over the alarm engine to what screens are told.

use penstock_alarm::{Evaluated, PointFacts, rules_of};
use penstock_model::{
    AreaId, CauseKind, CauseOrigin, CauseReason, PlantFile, Point, PointId, PointNo, Quality, Sample, SiteKind,
    Subject, UserId,
};
use uuid::Uuid;

use super::*;

const PLANT: &str = include_str!("../../../../assets/demo/plant.json");
const AREA: &str = "DMA 3 Riverside";
/// What a burst there shows itself by: much flow into the area and little pressure in it, in SI.
const BURST: [(&str, f64); 7] = [
    ("FT-01", 0.06),
    ("PT-01", 50_000.0),
    ("PT-02", 50_000.0),
    ("PT-03", 50_000.0),
    ("PT-04", 50_000.0),
    ("PT-05", 50_000.0),
    ("PT-06", 50_000.0),
];
/// Limits that it is beyond: H and HH of the flow, L of the first pressure, L and LL of the others.
const ALARMS: u32 = 13;

fn file() -> PlantFile {
    serde_json::from_str(PLANT).expect("a plant file")
}

fn area() -> AreaId {
    file().plant.areas.iter().find(|area| area.name == AREA).expect("there").id
}

fn topology() -> Topology {
    let file = file();
    Topology::new(&file.plant, &file.points)
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_795_003_200) + Duration::from_secs(secs)
}

/// Engine and floods as the pipeline has them.
struct Room {
    points: Vec<Point>,
    engine: Engine,
    floods: Floods,
}

impl Room {
    fn new() -> Self {
        let points = file().points;
        let rules = points.iter().flat_map(rules_of).collect();
        let engine = Engine::new(rules, Vec::new(), points.iter().map(PointFacts::from));
        let floods = Floods::new(topology(), &engine, &[], at(0));
        Self { points, engine, floods }
    }

    /// The same after a restart that took up what was `grouped`.
    fn restarted(&self, grouped: &[Grouped], secs: u64) -> Self {
        let rules = self.points.iter().flat_map(rules_of).collect();
        let states = self.engine.states().cloned().collect();
        let engine = Engine::new(rules, states, self.points.iter().map(PointFacts::from));
        let floods = Floods::new(topology(), &engine, grouped, at(secs));
        Self { points: self.points.clone(), engine, floods }
    }

    /// Has points measure these values for a while.
    fn measure(&mut self, values: &[(&str, f64)], from_secs: u64, until_secs: u64) {
        for secs in (from_secs..until_secs).step_by(10) {
            let mut out = Vec::new();
            for (name, value) in values {
                let point = self.points.iter().find(|point| point.name == *name).expect("there");
                let sample = Sample {
                    point: point.no,
                    source_time: at(secs),
                    received_time: at(secs),
                    value: Some(*value),
                    quality: Quality::Good,
                };
                let evaluated = Evaluated { point: point.id, site: point.site, sample: &sample, score: None };
                self.engine.sample(&evaluated, &mut out);
            }
            self.engine.tick(at(secs), &mut out);
            self.hear(out.iter().map(|transition| transition.rule).collect(), secs);
        }
    }

    fn hear(&mut self, mut rules: Vec<RuleId>, secs: u64) {
        rules.sort_unstable();
        rules.dedup();
        self.floods.hear(&self.engine, &rules, at(secs));
        self.floods.tick(at(secs));
    }

    /// The rules of a point's alarms that are listed.
    fn listed(&self, name: &str) -> Vec<RuleId> {
        let point = self.points.iter().find(|point| point.name == name).expect("there").id;
        let listed = self.engine.states().filter(|state| is_listed(state)).map(|state| state.rule);
        listed
            .filter(|rule| self.engine.rule(*rule).is_some_and(|rule| rule.subject == Subject::Point(point)))
            .collect()
    }

    fn acknowledge(&mut self, rules: &[RuleId], secs: u64) {
        for rule in rules {
            let occurrence = self.engine.state(*rule).expect("raised").occurrence;
            let by = UserId::derived(Uuid::nil(), "asha");
            self.engine.acknowledge(*rule, occurrence, by, None, at(secs)).expect("waits");
        }
        self.hear(rules.to_vec(), secs);
    }

    fn news(&mut self, secs: u64) -> FloodNews {
        self.floods.news(at(secs)).expect("something has changed")
    }
}

/// A room after two minutes of a burst, and the one group that it is told of.
fn after_a_burst() -> (Room, AlarmGroup) {
    let mut room = Room::new();
    room.measure(&BURST, 10, 120);
    let news = room.news(120);
    assert_eq!(news.changed.len(), 1);
    assert_eq!(news.standing, [news.changed[0].id]);
    (room, news.changed[0].clone())
}

#[test]
fn a_burst_is_one_group_under_its_cause_with_reasons() {
    let (room, group) = after_a_burst();
    assert_eq!((group.alarms, group.members.len(), group.ended_at), (ALARMS, 13, None));
    let first = &group.causes[0];
    assert_eq!((first.kind, first.origin), (CauseKind::Burst, CauseOrigin::Area(area())));
    assert!(first.main.is_some());
    assert!(first.reasons.contains(&CauseReason::After(Duration::ZERO)), "{:?}", first.reasons);
    assert!(first.reasons.contains(&CauseReason::Explains { alarms: ALARMS, of: ALARMS }), "{:?}", first.reasons);
    assert!(first.reasons.contains(&CauseReason::Upstream { alarms: ALARMS, of: ALARMS }), "{:?}", first.reasons);
    assert!(group.causes.len() > 1, "nothing else was thought of");
    let roles = |role: MemberRole| group.members.iter().filter(|member| member.role == role).count();
    assert_eq!((roles(MemberRole::Cause), roles(MemberRole::There)), (1, 12));
    assert!(group.members.iter().any(|member| member.rule == first.alarm && member.role == MemberRole::Cause));
    // Thirteen calls are more than ten.
    let flooding = room.floods.rate.flooding().expect("a flood");
    assert_eq!((flooding.calls, flooding.most), (13, 13));
}

#[test]
fn what_changes_no_group_is_not_told() {
    let (mut room, group) = after_a_burst();
    assert_eq!(room.floods.news(at(130)), None);
    let seen: Vec<RuleId> = group.members.iter().map(|member| member.rule).collect();
    room.acknowledge(&seen, 140);
    assert_eq!(room.floods.news(at(140)), None, "all of them still stand");
    // Nor is it told more often than four times a second.
    room.measure(&[("FT-01", 0.02)], 150, 300);
    assert_eq!(room.news(300).changed[0].members.len(), 11);
    room.measure(&[("PT-01", 300_000.0)], 300, 400);
    assert_eq!(room.floods.news(at(300)), None, "too soon");
    let news = room.news(400);
    assert_eq!((news.changed[0].alarms, news.changed[0].members.len()), (ALARMS, 10));
}

#[test]
fn a_group_is_told_anew_where_it_has_changed_and_no_other() {
    let (mut room, burst) = after_a_burst();
    // Water that is off at the works has nothing to do with it.
    room.measure(&[("CL-61", 0.000_1), ("PH-61", 4.0)], 120, 260);
    let news = room.news(260);
    assert_eq!((news.changed.len(), news.standing.len()), (1, 2));
    assert!(news.changed[0].id != burst.id && news.changed[0].members.len() == 4);
    // The inlet valve opens: one more of the burst.
    room.measure(&[("ZT-01", 0.9)], 260, 360);
    let news = room.news(360);
    let changed: Vec<(FloodId, u32)> = news.changed.iter().map(|group| (group.id, group.alarms)).collect();
    assert_eq!((changed, news.standing.len()), (vec![(burst.id, ALARMS + 1)], 2));
}

#[test]
fn an_alarm_that_is_alone_is_no_news_of_a_group() {
    let mut room = Room::new();
    room.measure(&[("TT-11", 350.0)], 10, 100);
    assert_eq!(room.listed("TT-11").len(), 1);
    assert_eq!(room.floods.news(at(100)), None);
}

#[test]
fn a_restart_finds_the_group_again_with_those_that_had_gone() {
    let (mut room, group) = after_a_burst();
    room.measure(&[("FT-01", 0.02)], 120, 300);
    let returned = room.listed("FT-01");
    assert_eq!(returned.len(), 2, "they wait to be acknowledged");
    room.acknowledge(&returned, 300);
    let before = room.news(300).changed[0].clone();
    assert_eq!((before.id, before.alarms, before.members.len()), (group.id, ALARMS, 11));

    let mut again = room.restarted(&room.floods.grouped(), 310);
    assert_eq!(again.news(310).changed, std::slice::from_ref(&before));
    // Without what was kept, of the alarms that are listed.
    let mut bare = room.restarted(&[], 310);
    let news = bare.news(310);
    assert_eq!((news.changed.len(), news.changed[0].alarms, news.changed[0].members.len()), (1, 11, 11));
    assert_eq!(news.changed[0].causes[0].kind, CauseKind::Burst);
}

#[test]
fn the_plant_as_it_becomes_groups_anew() {
    let (mut room, group) = after_a_burst();
    room.floods.lay(Topology::default(), &room.engine);
    let nowhere = room.news(130);
    assert_eq!((nowhere.changed, nowhere.standing), (vec![], vec![]));
    room.floods.lay(topology(), &room.engine);
    let back = room.news(140);
    assert_eq!((back.changed.len(), back.changed[0].id), (1, group.id));
    assert_eq!(back.changed[0].causes[0].kind, CauseKind::Burst);
    // Whoever follows is told once of the group that took another's place.
    room.floods.lay(topology(), &room.engine);
    assert_eq!(room.news(150).standing, [group.id]);
}

#[test]
fn a_group_that_is_over_is_told_until_its_alarms_are_gone() {
    let (mut room, group) = after_a_burst();
    // Half an hour after the last of them nothing more can be an effect; what comes late still finds it.
    room.floods.tick(at(45 * 60));
    assert!(room.news(45 * 60).changed[0].ended_at.is_some_and(|ended| ended < at(45 * 60)));
    assert!(room.floods.ended.is_empty());

    let over = LATE.as_secs() + 45 * 60;
    room.floods.tick(at(over));
    let news = room.news(over);
    assert_eq!((news.changed[0].id, news.changed[0].members.len()), (group.id, 13));
    assert!(news.changed[0].ended_at.is_some_and(|ended| ended < at(over)));
    assert_eq!(news.flooding, None);

    // All are seen; one after the other returns to normal. The group is told exactly while it has three listed alarms.
    let seen: Vec<RuleId> = group.members.iter().map(|member| member.rule).collect();
    room.acknowledge(&seen, over);
    let mut standing = vec![group.id];
    let mut now = over;
    for (name, _) in BURST {
        room.measure(&[(name, if name == "FT-01" { 0.02 } else { 400_000.0 })], now + 10, now + 200);
        now += 200;
        if let Some(news) = room.floods.news(at(now)) {
            standing = news.standing;
        }
        let listed = room.engine.states().filter(|state| is_listed(state)).count();
        assert_eq!(standing == [group.id], listed >= LEAST_RELATED, "{listed} are listed after {name}");
    }
    assert!(standing.is_empty() && room.floods.ended.is_empty() && room.floods.ended_of.is_empty());
}

#[test]
fn what_is_kept_and_told_is_bounded() {
    let (mut room, _) = after_a_burst();
    let members: Vec<RuleId> = room.floods.listed.keys().copied().collect();
    // Many groups that are over, of the same alarms.
    for round in 1..=u64::try_from(MOST_ENDED).expect("small") + 3 {
        for rule in &members {
            let rule = room.engine.rule(*rule).expect("there");
            let at = at(round * 24 * 3_600);
            room.floods.leave_ended(rule.id);
            room.floods.grouping.activate(&Activation::of(rule, at), &mut Vec::new());
        }
        room.floods.tick(at(round * 24 * 3_600 + 12 * 3_600));
    }
    assert!(room.floods.ended.len() <= MOST_ENDED, "{} groups", room.floods.ended.len());
    assert!(room.floods.ended_of.len() <= members.len());
    let told = room.news(400 * 24 * 3_600);
    assert_eq!(told.standing.len(), 1, "of each alarm the newest group");
    assert!(room.floods.ended.len() <= 1);
}

#[tokio::test]
async fn a_changed_plant_is_handed_on() {
    let file = file();
    let works = file.plant.sites.iter().find(|site| site.kind == SiteKind::Works).expect("there").id;
    let numbered = (1..).map(PointNo).zip(file.points).map(|(no, point)| Point { no, ..point });
    let points: Vec<Point> = numbered.collect();
    let register = Arc::new(Register::new(file.plant, points.clone(), Vec::new()));
    let (laid, first) = topology_of(&register);
    let zone = |topology: &Topology| topology.zone(Subject::Point(points[0].id));
    assert_ne!(zone(&first), Some(Zone::Site(works)));
    let (into, mut topologies) = mpsc::channel(1);
    let following = tokio::spawn(follow_plant(Arc::clone(&register), laid, into));

    let (id, no) = (PointId(Uuid::nil()), PointNo(9_999));
    let unplaced = Point { id, no, site: None, asset: None, area: None, ..points[0].clone() };
    register.lock().put(vec![unplaced]);
    assert_eq!(register.lock().laid, laid, "a point without a place changes nothing");
    register.lock().put(vec![Point { site: Some(works), ..points[0].clone() }]);
    let handed_on = tokio::time::timeout(Duration::from_secs(60), topologies.recv()).await;
    assert_eq!(zone(&handed_on.expect("in time").expect("handed on")), Some(Zone::Site(works)));
    drop(topologies);
    tokio::time::timeout(Duration::from_secs(60), following).await.expect("in time").expect("ends");
}
