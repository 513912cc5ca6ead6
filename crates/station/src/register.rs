//! Plant, points, rules and guidance as the station knows them at present: what calls read and what the pipeline looks
//! addresses up in.
//!
//! Must not know storage: it is filled from it at the start and told of changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use penstock_model::{
    Advice, AlarmRule, AssetId, Condition, Plant, Point, PointId, PointNo, PointRole, PointState, Recording,
    ResolvedAdvice, RuleId, Scope, ScopeAdvice, SiteId, Subject,
};

/// Plant, points, rules and guidance, shared by calls and pipeline.
pub(crate) struct Register {
    inner: Mutex<Inner>,
}

/// What is in a register.
pub(crate) struct Inner {
    /// Counts up with every change.
    pub version: u64,
    /// Counts up where plant, or points that have a place in it, become others.
    pub laid: u64,
    /// Areas, sites, equipment and mains.
    pub plant: Plant,
    /// Every point, the ignored ones too.
    pub points: BTreeMap<PointNo, Point>,
    /// Every rule; those that follow from nothing any more are disabled, so that what they raised can be read.
    pub rules: BTreeMap<RuleId, AlarmRule>,
    /// What was set to be told beside alarms, by part of the plant.
    pub guidance: BTreeMap<Scope, ScopeAdvice>,
    /// Another one after every change of what is recorded.
    pub recording_version: RecordingVersion,
    /// Points of which every sample is recorded for the time being, whatever their settings say.
    whole: BTreeSet<PointNo>,
    by_id: HashMap<PointId, PointNo>,
    /// The number that the next new point gets.
    free: i32,
}

/// Tells one state of what is recorded from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RecordingVersion {
    /// Counts up where stored values become others: what was known of them is not true any more.
    pub rescales: u64,
    changes: u64,
}

impl Register {
    /// A register of what storage holds.
    pub(crate) fn new(plant: Plant, points: Vec<Point>, rules: Vec<AlarmRule>) -> Self {
        let mut inner = Inner {
            version: 1,
            laid: 1,
            plant,
            points: BTreeMap::new(),
            rules: rules.into_iter().map(|rule| (rule.id, rule)).collect(),
            guidance: BTreeMap::new(),
            recording_version: RecordingVersion::default(),
            whole: BTreeSet::new(),
            by_id: HashMap::new(),
            free: 1,
        };
        inner.put(points);
        Self { inner: Mutex::new(inner) }
    }

    /// The same with what is set to be told beside alarms.
    pub(crate) fn with_guidance(self, guidance: Vec<ScopeAdvice>) -> Self {
        self.lock().guidance = guidance.into_iter().map(|set| (set.scope, set)).collect();
        self
    }

    /// Looks into it; hold on to it for moments only.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has every sample of these points recorded until what is given back is dropped: while stored values become
    /// others, what comes cannot be compared with them.
    pub(crate) fn record_whole(&self, points: BTreeSet<PointNo>) -> WholeRecording<'_> {
        self.lock().set_whole(points);
        WholeRecording(self)
    }
}

/// As long as it lives, some points are recorded whole.
pub(crate) struct WholeRecording<'a>(&'a Register);

impl Drop for WholeRecording<'_> {
    fn drop(&mut self) {
        self.0.lock().set_whole(BTreeSet::new());
    }
}

impl Inner {
    /// Puts points in, new and changed.
    pub(crate) fn put(&mut self, points: Vec<Point>) {
        for point in points {
            self.by_id.insert(point.id, point.no);
            self.free = self.free.max(point.no.0.saturating_add(1));
            let has_place = is_placed(&point);
            let former = self.points.insert(point.no, point);
            self.laid += u64::from(has_place || former.as_ref().is_some_and(is_placed));
        }
        self.version += 1;
        self.recording_version.changes += 1;
    }

    /// Takes the plant as it is now; its points are put in besides.
    pub(crate) fn set_plant(&mut self, plant: Plant) {
        self.plant = plant;
        self.laid += 1;
    }

    /// What is recorded of the points that have settings for it and are not recorded whole for the time being.
    pub(crate) fn recording(&self) -> BTreeMap<PointNo, Recording> {
        let thinned = self.points.values().filter(|point| !self.whole.contains(&point.no));
        thinned.filter_map(|point| Some((point.no, point.recording?))).collect()
    }

    fn set_whole(&mut self, points: BTreeSet<PointNo>) {
        self.recording_version.rescales += u64::from(!points.is_empty());
        self.recording_version.changes += 1;
        self.whole = points;
    }

    /// The point of that id.
    pub(crate) fn point(&self, id: PointId) -> Option<&Point> {
        self.points.get(self.by_id.get(&id)?)
    }

    /// The point that a rule is about; none where it is about a site or equipment.
    pub(crate) fn point_of(&self, subject: Subject) -> Option<&Point> {
        match subject {
            Subject::Point(id) => self.point(id),
            Subject::Site(_) | Subject::Asset(_) => None,
        }
    }

    /// Whether the plant has such a part.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        match scope {
            Scope::Tenant => true,
            Scope::Area(id) => self.plant.areas.iter().any(|area| area.id == id),
            Scope::Site(id) => self.plant.sites.iter().any(|site| site.id == id),
            Scope::Asset(id) => self.plant.assets.iter().any(|asset| asset.id == id),
            Scope::Point(id) => self.point(id).is_some_and(|point| point.state != PointState::Ignored),
        }
    }

    /// What is set for a part of the plant itself; version 0 where nothing ever was.
    pub(crate) fn advice_for(&self, scope: Scope) -> ScopeAdvice {
        let set = self.guidance.get(&scope).cloned();
        set.unwrap_or_else(|| ScopeAdvice { scope, version: 0, advice: Advice::default() })
    }

    /// What a part of the plant inherits where nothing is set for itself.
    pub(crate) fn inherited_advice(&self, scope: Scope) -> ResolvedAdvice {
        let point = match scope {
            Scope::Point(id) => self.point(id),
            _ => None,
        };
        penstock_alarm::inherited_advice(scope, &self.plant, point, &self.guidance)
    }

    /// What is told beside the alarm of a rule.
    pub(crate) fn advice_of(&self, rule: &AlarmRule) -> ResolvedAdvice {
        penstock_alarm::advice_of(rule, &self.plant, self.point_of(rule.subject), &self.guidance)
    }

    /// A number for a new point; never given twice.
    pub(crate) fn take_no(&mut self) -> PointNo {
        let no = PointNo(self.free);
        self.free = self.free.saturating_add(1);
        no
    }

    /// The point that `source` gives under `path`.
    pub(crate) fn at_address(&self, source: &str, path: &str) -> Option<&Point> {
        self.points.values().find(|point| point.address.source == source && point.address.path == path)
    }
}

/// Whether it is known where in the plant a point belongs.
pub(crate) const fn is_placed(point: &Point) -> bool {
    point.site.is_some() || point.asset.is_some() || point.area.is_some()
}

/// Whether a role's points alarm by their anomaly score: those that tell of a whole area. For the others the score is
/// shown, and nobody is called.
const fn is_watched(role: PointRole) -> bool {
    matches!(role, PointRole::SupplyInflow | PointRole::AreaInflow | PointRole::CriticalPressure)
}

/// Who speaks, a site or a piece of equipment.
#[derive(Debug, Clone, Copy, Default)]
struct Speaker {
    /// How many adopted points it has.
    points: usize,
    /// How long the slowest of them may be without a sample.
    slowest: Duration,
    /// Of equipment: its site.
    site: Option<SiteId>,
}

impl Speaker {
    fn add(&mut self, point: &Point) {
        self.points += 1;
        self.slowest = self.slowest.max(point.stale_after);
        self.site = self.site.or(point.site);
    }
}

/// The rules that follow from the points and sites of a register: each limit of an adopted point, the anomaly score of
/// points that tell of a whole area, and the silence of sites that have adopted points, and of their equipment. What
/// has a silence rule of its own among `stored` gets no other: its silence is one alarm. Equipment that alone speaks
/// for its site gets none either: that is the site's.
fn derived_rules(
    plant: &Plant,
    points: &BTreeMap<PointNo, Point>,
    stored: &BTreeMap<RuleId, AlarmRule>,
) -> Vec<AlarmRule> {
    let adopted = || points.values().filter(|point| point.state == PointState::Adopted);
    let mut rules: Vec<AlarmRule> = adopted().flat_map(penstock_alarm::rules_of).collect();
    rules.extend(adopted().filter(|point| point.role.is_some_and(is_watched)).filter_map(penstock_alarm::anomaly_rule));
    let with_own: BTreeSet<Subject> =
        stored.values().filter(|rule| rule.enabled && !is_derived(rule)).filter_map(subject_of_silence).collect();
    let mut sites: BTreeMap<SiteId, Speaker> = BTreeMap::new();
    let mut equipment: BTreeMap<AssetId, Speaker> = BTreeMap::new();
    for point in adopted() {
        if let Some(site) = point.site {
            sites.entry(site).or_default().add(point);
        }
        if let Some(asset) = point.asset {
            equipment.entry(asset).or_default().add(point);
        }
    }
    for site in plant.sites.iter().filter(|site| !with_own.contains(&Subject::Site(site.id))) {
        // A site is silent when even its slowest point is overdue.
        rules.extend(sites.get(&site.id).map(|speaker| penstock_alarm::silence_rule(site, speaker.slowest)));
    }
    for asset in plant.assets.iter().filter(|asset| !with_own.contains(&Subject::Asset(asset.id))) {
        let Some(speaker) = equipment.get(&asset.id) else { continue };
        let site = speaker.site.and_then(|site| sites.get(&site));
        if site.is_some_and(|site| site.points <= speaker.points) {
            continue;
        }
        // Never before its site is: a site that is lost must not be told of device by device.
        let after = site.map_or(speaker.slowest, |site| site.slowest.max(speaker.slowest));
        rules.push(penstock_alarm::device_silence_rule(asset, after));
    }
    rules
}

/// The rules that follow from a register as it stands.
pub(crate) fn following(
    plant: &Plant,
    points: &BTreeMap<PointNo, Point>,
    stored: &BTreeMap<RuleId, AlarmRule>,
) -> BTreeSet<RuleId> {
    derived_rules(plant, points, stored).iter().map(|rule| rule.id).collect()
}

/// What is to be stored once plant and points are as given, each with its next version: the derived rules that are new
/// or differ from `stored`, and, disabled, those of `stored` that follow from nothing any more. These stay, for the
/// journal and for alarms that nobody has acknowledged yet. Of a rule that a person has edited only its limit goes on
/// following, and it is enabled where it follows again and was not among the `former` ones: a person who gives a point
/// its limit back wants its alarm.
pub(crate) fn changed_rules(
    plant: &Plant,
    points: &BTreeMap<PointNo, Point>,
    stored: &BTreeMap<RuleId, AlarmRule>,
    former: &BTreeSet<RuleId>,
) -> Vec<AlarmRule> {
    let derived = derived_rules(plant, points, stored);
    let following: BTreeSet<RuleId> = derived.iter().map(|rule| rule.id).collect();
    let gone = |rule: &&AlarmRule| rule.enabled && !following.contains(&rule.id) && is_derived(rule);
    let disabled = stored.values().filter(gone).map(|rule| AlarmRule {
        version: rule.version.saturating_add(1),
        enabled: false,
        ..rule.clone()
    });
    let renewed = |rule: &AlarmRule| renewed(rule, stored.get(&rule.id), !former.contains(&rule.id));
    derived.iter().filter_map(renewed).chain(disabled).collect()
}

/// A derived rule with its next version; none where it is what is stored.
fn renewed(rule: &AlarmRule, stored: Option<&AlarmRule>, has_returned: bool) -> Option<AlarmRule> {
    let Some(had) = stored else { return Some(rule.clone()) };
    let next = if had.edited {
        let condition = with_limit_of(&rule.condition, &had.condition);
        AlarmRule { condition, enabled: had.enabled || has_returned, ..had.clone() }
    } else {
        AlarmRule { version: had.version, ..rule.clone() }
    };
    (next != *had).then(|| AlarmRule { version: had.version.saturating_add(1), ..next })
}

/// A condition with the limit of another one, where both are limits.
pub(crate) fn with_limit_of(of: &Condition, condition: &Condition) -> Condition {
    match (of, condition) {
        (Condition::Limit { limit, .. }, Condition::Limit { level, deadband, .. }) => {
            Condition::Limit { level: *level, limit: *limit, deadband: *deadband }
        }
        _ => condition.clone(),
    }
}

/// Whether a rule's id is the one that a rule derived from its subject has.
pub(crate) fn is_derived(rule: &AlarmRule) -> bool {
    rule.id == penstock_alarm::derived_id(rule.subject, &rule.condition)
}

fn subject_of_silence(rule: &AlarmRule) -> Option<Subject> {
    matches!(rule.condition, Condition::Silence { .. }).then_some(rule.subject)
}

#[cfg(test)]
mod tests {
    use penstock_model::{Asset, AssetKind, Site, SiteKind, TenantId, Timestamp};

    use super::*;

    fn plant() -> Plant {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let site = |name: &str| Site {
            id: SiteId::derived(tenant.0, name),
            name: name.to_owned(),
            kind: SiteKind::Pumping,
            area: None,
            position: None,
        };
        Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![site("PS-1"), site("PS-2")],
            assets: vec![],
            pipes: vec![],
        }
    }

    /// One point on each site, with a high and a high-high limit, and watched for anomalies.
    fn points(plant: &Plant) -> BTreeMap<PointNo, Point> {
        let text = "source,address,name,quantity,unit,site,role,h,hh\n\
                    local,a,A,flow,L/s,PS-1,area_inflow,30,40\nlocal,b,B,flow,L/s,PS-2,area_inflow,30,40\n";
        let (points, faults) = crate::points_csv::read(text, plant.tenant, plant, &[]);
        assert_eq!(faults, vec![]);
        (1..).map(PointNo).zip(points).map(|(no, point)| (no, Point { no, ..point })).collect()
    }

    /// What changes where nothing that followed has gone and come back.
    fn changes(
        plant: &Plant,
        points: &BTreeMap<PointNo, Point>,
        stored: &BTreeMap<RuleId, AlarmRule>,
    ) -> Vec<AlarmRule> {
        changed_rules(plant, points, stored, &following(plant, points, stored))
    }

    fn by_id(rules: Vec<AlarmRule>) -> BTreeMap<RuleId, AlarmRule> {
        rules.into_iter().map(|rule| (rule.id, rule)).collect()
    }

    #[test]
    fn a_site_with_a_silence_rule_of_its_own_gets_no_other() {
        let plant = plant();
        let points = points(&plant);
        let derived = changes(&plant, &points, &BTreeMap::new());
        assert_eq!(derived.iter().filter_map(subject_of_silence).count(), 2);
        assert!(derived.iter().all(is_derived));

        let own = AlarmRule {
            id: RuleId::derived(plant.tenant.0, "silence of PS-1"),
            ..penstock_alarm::silence_rule(&plant.sites[0], Duration::from_secs(120))
        };
        assert!(!is_derived(&own));
        let silent = |rules: &[AlarmRule]| rules.iter().filter_map(subject_of_silence).collect::<Vec<_>>();
        let beside = changes(&plant, &points, &by_id(vec![own.clone()]));
        assert_eq!(silent(&beside), vec![Subject::Site(plant.sites[1].id)]);

        // One that was derived before is disabled, once.
        let mut stored = by_id(derived);
        stored.insert(own.id, own);
        let changed = changes(&plant, &points, &stored);
        assert_eq!(silent(&changed), vec![Subject::Site(plant.sites[0].id)]);
        assert_eq!(changed.len(), 1);
        assert!(!changed[0].enabled);
        stored.extend(by_id(changed));
        assert_eq!(changes(&plant, &points, &stored), vec![]);
    }

    #[test]
    fn equipment_that_speaks_beside_others_of_its_site_has_a_silence_of_its_own() {
        let mut plant = plant();
        let asset = |name: &str| Asset {
            id: AssetId::derived(plant.tenant.0, name),
            name: name.to_owned(),
            kind: AssetKind::Pump,
            site: None,
            area: None,
            position: None,
            capacity_m3: None,
            level_span: None,
        };
        let pumps = [asset("Pump 1"), asset("Pump 2"), asset("Pump 3")];
        plant.assets = pumps.to_vec();
        let points = |of: [(usize, Option<usize>, u64); 4]| {
            let template = points(&plant).remove(&PointNo(1)).expect("made");
            let point = |(no, (site, asset, stale_secs)): (i32, (usize, Option<usize>, u64))| {
                let address = penstock_model::Address { source: "local".into(), path: format!("p{no}") };
                let point = Point {
                    id: PointId::discovered(plant.tenant, "local", &address.path),
                    no: PointNo(no),
                    address,
                    site: Some(plant.sites[site].id),
                    asset: asset.map(|asset| pumps[asset].id),
                    stale_after: Duration::from_secs(stale_secs),
                    limits: penstock_model::Limits::default(),
                    role: None,
                    ..template.clone()
                };
                (point.no, point)
            };
            (1..).zip(of).map(point).collect::<BTreeMap<_, _>>()
        };
        let silences = |points: &BTreeMap<PointNo, Point>, stored: &BTreeMap<RuleId, AlarmRule>| {
            let mut found: Vec<(Subject, u64)> = derived_rules(&plant, points, stored)
                .iter()
                .filter_map(|rule| match rule.condition {
                    Condition::Silence { after } => Some((rule.subject, after.as_secs())),
                    _ => None,
                })
                .collect();
            found.sort();
            found
        };
        let sorted = |mut expect: Vec<(Subject, u64)>| {
            expect.sort();
            expect
        };
        let (site, pump) = (|n: usize| Subject::Site(plant.sites[n].id), |n: usize| Subject::Asset(pumps[n].id));
        // Two pumps on one site, never before the site; one that is all of its site is the site's.
        let given = points([(0, Some(0), 60), (0, Some(1), 300), (1, Some(2), 60), (0, None, 120)]);
        let expect = sorted(vec![(site(0), 300), (site(1), 60), (pump(0), 300), (pump(1), 300)]);
        assert_eq!(silences(&given, &BTreeMap::new()), expect);
        // One with a rule that a person made gets no other.
        let own = AlarmRule {
            id: RuleId::derived(plant.tenant.0, "silence of Pump 1"),
            ..penstock_alarm::device_silence_rule(&pumps[0], Duration::from_secs(30))
        };
        let without = expect.into_iter().filter(|(subject, _)| *subject != pump(0)).collect::<Vec<_>>();
        assert_eq!(silences(&given, &by_id(vec![own])), without);
    }

    #[test]
    fn the_rule_of_a_limit_that_is_taken_away_is_disabled_and_comes_back() {
        let plant = plant();
        let mut points = points(&plant);
        let mut stored = by_id(changes(&plant, &points, &BTreeMap::new()));
        assert_eq!(changes(&plant, &points, &stored), vec![]);
        let point = points.get_mut(&PointNo(1)).expect("made");
        let limits = point.limits;
        point.limits.hh = None;
        let rule = RuleId::derived(point.id.0, "HH");

        let changed = changes(&plant, &points, &stored);
        let told =
            |rules: &[AlarmRule]| rules.iter().map(|rule| (rule.id, rule.version, rule.enabled)).collect::<Vec<_>>();
        assert_eq!(told(&changed), vec![(rule, 2, false)]);
        stored.extend(by_id(changed));
        assert_eq!(changes(&plant, &points, &stored), vec![]);

        points.get_mut(&PointNo(1)).expect("made").limits = limits;
        assert_eq!(told(&changes(&plant, &points, &stored)), vec![(rule, 3, true)]);
    }

    #[test]
    fn of_an_edited_rule_only_the_limit_follows() {
        let plant = plant();
        let mut points = points(&plant);
        let mut stored = by_id(changes(&plant, &points, &BTreeMap::new()));
        let id = RuleId::derived(points[&PointNo(1)].id.0, "HH");
        let rule = stored.get_mut(&id).expect("derived");
        rule.edited = true;
        rule.priority = penstock_model::Priority::P4;
        let Condition::Limit { level, limit, .. } = rule.condition else { panic!("a limit") };
        rule.condition = Condition::Limit { level, limit, deadband: 0.000_1 };
        let edited = rule.clone();
        assert_eq!(changes(&plant, &points, &stored), vec![]);

        points.get_mut(&PointNo(1)).expect("made").limits.hh = Some(0.05);
        let changed = changes(&plant, &points, &stored);
        let of_hh: Vec<&AlarmRule> = changed.iter().filter(|rule| rule.id == id).collect();
        let condition = Condition::Limit { level, limit: 0.05, deadband: 0.000_1 };
        assert_eq!(of_hh, vec![&AlarmRule { version: 2, condition, ..edited }]);

        // One that has lost its mark is what follows again.
        stored.get_mut(&id).expect("derived").edited = false;
        let back = changes(&plant, &points, &stored);
        let back = back.iter().find(|rule| rule.id == id).expect("changed");
        assert!(back.priority != penstock_model::Priority::P4 && !back.edited);
    }

    #[test]
    fn an_edited_rule_that_a_person_disabled_stays_so_until_its_limit_is_given_anew() {
        let plant = plant();
        let with_limit = points(&plant);
        let mut stored = by_id(changes(&plant, &with_limit, &BTreeMap::new()));
        let id = RuleId::derived(with_limit[&PointNo(1)].id.0, "HH");
        let rule = stored.get_mut(&id).expect("derived");
        (rule.edited, rule.enabled) = (true, false);
        assert_eq!(changes(&plant, &with_limit, &stored), vec![]);

        let mut without = with_limit.clone();
        without.get_mut(&PointNo(1)).expect("made").limits.hh = None;
        let of_rule = |changed: Vec<AlarmRule>| changed.into_iter().find(|rule| rule.id == id).map(|rule| rule.enabled);
        assert_eq!(of_rule(changes(&plant, &without, &stored)), None);
        let former = following(&plant, &without, &stored);
        assert_eq!(of_rule(changed_rules(&plant, &with_limit, &stored, &former)), Some(true));
    }

    #[test]
    fn while_stored_values_become_others_a_point_is_recorded_whole() {
        let plant = plant();
        let settings = Recording::new(Some(0.001), None, Duration::from_secs(60)).expect("right");
        let thinned = points(&plant).into_values().map(|point| Point { recording: Some(settings), ..point }).collect();
        let register = Register::new(plant, thinned, Vec::new());
        let both = BTreeMap::from([(PointNo(1), settings), (PointNo(2), settings)]);
        assert_eq!(register.lock().recording(), both);
        let version = register.lock().recording_version;
        let whole = register.record_whole(BTreeSet::from([PointNo(1)]));
        assert_eq!(register.lock().recording(), BTreeMap::from([(PointNo(2), settings)]));
        let during = register.lock().recording_version;
        assert_eq!(during.rescales, version.rescales + 1);
        drop(whole);
        assert_eq!(register.lock().recording(), both);
        let after = register.lock().recording_version;
        assert!(after != during && after.rescales == during.rescales);
        // A change that makes no stored value another one leaves what is known of them.
        drop(register.record_whole(BTreeSet::new()));
        assert_eq!(register.lock().recording_version.rescales, after.rescales);
    }
}
