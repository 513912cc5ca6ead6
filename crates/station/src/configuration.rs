//! Changes of plant and points: checked, stored with their audit in one transaction, then taken up by the pipeline.
//!
//! Administration waits while the database is away, and says so; what comes in, the live feed and alarms wait for
//! nothing here. Must not know shells.

mod baseline;
mod guidance;
mod rules;

pub(crate) use baseline::{KnownBaseline, aside};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use penstock_api::{ApiError, Code, DatabaseState, ImportFault, ImportReport};
use penstock_model::{
    AlarmRule, Clock, Plant, PlantFile, Point, PointId, PointNo, PointState, Position, RuleId, Scope, ScopeAdvice,
    Subject, TenantId, Timestamp, Unit,
};
use penstock_store::{AuditEntry, PointEdit, Rescale, Store};
use tokio::sync::MutexGuard;

use crate::Error;
use crate::pipeline::{Order, Units};
use crate::points_csv::MAX_STALE_SECS;
use crate::register::{Inner, Register, changed_rules, following, is_derived};
use crate::settings::PlantSettings;
use crate::station::Shared;

/// Points changed by one call at most.
const MAX_POINTS: usize = 200_000;
/// Characters of a point's name and of its description at most.
const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 400;
/// How long a change waits for the one before it.
const TURN: Duration = Duration::from_secs(10);
/// How long it waits for what was received before it to be stored.
const CATCH_UP: Duration = Duration::from_secs(10);
/// Pauses between questions to a database that is away, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Reads a plant file.
pub(crate) fn read_plant_file(path: &Path) -> Result<PlantFile, Error> {
    let problem = |problem: String| Error::PlantFile { path: path.display().to_string(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| problem(error.to_string()))
}

/// The plant as a file that an import takes back: what people have made of it, without points that were only heard of
/// or are ignored, and without rules that follow by themselves.
pub(crate) fn plant_file(register: &Inner) -> PlantFile {
    let is_adopted = |id: PointId| register.point(id).is_some_and(|point| point.state == PointState::Adopted);
    let is_own = |rule: &&AlarmRule| match rule.subject {
        Subject::Point(id) if !is_adopted(id) => false,
        _ => rule.edited || !is_derived(rule),
    };
    let is_there = |set: &&ScopeAdvice| match set.scope {
        Scope::Point(id) => is_adopted(id),
        scope => register.has(scope),
    };
    PlantFile {
        plant: register.plant.clone(),
        points: register.points.values().filter(|point| point.state == PointState::Adopted).cloned().collect(),
        rules: register.rules.values().filter(is_own).cloned().collect(),
        guidance: register.guidance.values().filter(is_there).cloned().collect(),
    }
}

/// Plant, points, rules and guidance as storage holds them; at the first start, as the settings say.
pub(crate) async fn load_register(
    store: &Store,
    tenant: TenantId,
    settings: &PlantSettings,
    clock: &Clock,
) -> Result<Register, Error> {
    store.ensure_tenant(tenant, &settings.name, &settings.time_zone).await?;
    let mut plant = store.load_plant(tenant).await?;
    let empty = plant.areas.is_empty() && plant.sites.is_empty() && plant.assets.is_empty();
    if let (Some(path), true) = (&settings.import, empty) {
        let mut file = read_plant_file(path)?;
        if let Some(fault) = guidance::faults_of_file(&file, |_beside| false).into_iter().next() {
            return Err(Error::PlantFile { path: path.display().to_string(), problem: fault.message });
        }
        let set = store.load_guidance(tenant).await?;
        let set: BTreeMap<Scope, ScopeAdvice> = set.into_iter().map(|set| (set.scope, set)).collect();
        file.guidance = guidance::renewed(file.guidance, &set);
        number(&mut file.points, store.load_points(tenant).await?.iter().map(|point| point.no.0).max().unwrap_or(0));
        let subject = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut entry = AuditEntry::new(tenant, clock.now(), None, "import-plant", subject);
        entry.from_where = "first start".into();
        store.import_plant(&file, &[entry]).await?;
        plant = store.load_plant(tenant).await?;
    }
    let points = store.load_points(tenant).await?;
    let stored = store.load_rules(tenant).await?;
    let mut rules: BTreeMap<RuleId, AlarmRule> = stored.into_iter().map(|rule| (rule.id, rule)).collect();
    let numbered: BTreeMap<_, _> = points.iter().map(|point| (point.no, point.clone())).collect();
    let changed = changed_rules(&plant, &numbered, &rules, &following(&plant, &numbered, &rules));
    if !changed.is_empty() {
        let mut entry = AuditEntry::new(tenant, clock.now(), None, "derive-rules", format!("{} rules", changed.len()));
        entry.from_where = "start".into();
        store.save_rules(tenant, &changed, &[entry]).await?;
    }
    rules.extend(changed.into_iter().map(|rule| (rule.id, rule)));
    let guidance = store.load_guidance(tenant).await?;
    Ok(Register::new(plant, points, rules.into_values().collect()).with_guidance(guidance))
}

/// Gives points numbers after `last`.
fn number(points: &mut [Point], last: i32) {
    for (point, no) in points.iter_mut().zip(last.saturating_add(1)..) {
        point.no = PointNo(no);
    }
}

impl Shared {
    /// The turn to change something: one change at a time.
    ///
    /// # Errors
    /// [`Code::Away`] where the one before is not through in time.
    pub(crate) async fn turn(&self) -> Result<MutexGuard<'_, ()>, ApiError> {
        let turn = tokio::time::timeout(TURN, self.changing.lock()).await;
        turn.map_err(|_elapsed| {
            ApiError::new(Code::Away, "another change is not through yet, or waits for the database: try again later")
        })
    }

    /// Saves points as they shall be, all or none.
    pub(crate) async fn save_points(
        &self,
        points: Vec<Point>,
        audit: AuditEntry,
        dry_run: bool,
    ) -> Result<ImportReport, ApiError> {
        if points.len() > MAX_POINTS {
            return Err(ApiError::invalid(format!("at most {MAX_POINTS} points at once: split the change")));
        }
        let _one_at_a_time = self.turn().await?;
        let Sorted { report, mut added, changed, before } = self.sort(points);
        if dry_run || !report.faults.is_empty() || (added.is_empty() && changed.is_empty()) {
            return Ok(report);
        }
        {
            let mut register = self.register.lock();
            for point in &mut added {
                point.no = register.take_no();
            }
        }
        // What is in the spool was read by the old units: it goes first, then the change, then what comes after.
        let all: Vec<Point> = added.iter().chain(&changed).cloned().collect();
        let _whole = self.register.record_whole(with_other_units(&all, &before));
        let rules = self.rules_after(&all);
        let entries = audit_of(&audit, &all, &before);
        let switch = Switch { points: &all, before: &before, rules: &rules, entries: &entries };
        let store = move |switched: Timestamp| async move {
            let Switch { points, before, entries, .. } = switch;
            let edits: Vec<PointEdit> = points
                .iter()
                .map(|point| PointEdit {
                    point: point.clone(),
                    rescale: rescale(before.get(&point.id), point, switched),
                })
                .collect();
            self.store.save_points(self.tenant, &edits, entries).await
        };
        self.put_in_force(switch, store).await?;
        self.put_points(all);
        self.keep_rules(rules, &audit).await?;
        Ok(report)
    }

    /// Imports a plant file.
    pub(crate) async fn import_plant(&self, mut file: PlantFile, audit: AuditEntry) -> Result<ImportReport, ApiError> {
        let _one_at_a_time = self.turn().await?;
        file.plant.tenant = self.tenant;
        let mut report = ImportReport { read: count(file.points.len()), ..ImportReport::default() };
        report.faults = plant_faults(&file, &self.register.lock());
        if !report.faults.is_empty() {
            return Ok(report);
        }
        let mut before = BTreeMap::new();
        let (plant, places, derived, of_guidance) = {
            let mut register = self.register.lock();
            file.guidance = guidance::renewed(file.guidance, &register.guidance);
            let of_set = |set: &ScopeAdvice| guidance::audit_of_file(&audit, register.guidance.get(&set.scope), set);
            let of_guidance: Vec<AuditEntry> = file.guidance.iter().map(of_set).collect();
            for point in &mut file.points {
                // A point that the station has heard of keeps its number.
                let had = register.at_address(&point.address.source, &point.address.path).cloned();
                point.no = had.as_ref().map_or_else(|| register.take_no(), |had| had.no);
                before.extend(had.map(|had| (point.id, had)));
            }
            let mut plant = register.plant.clone();
            let places = bring_in(&mut plant, &file.plant);
            // The file's own rules are in force like those that follow from points, and go before them.
            let mut known = register.rules.clone();
            known.extend(file.rules.iter().map(|rule| (rule.id, rule.clone())));
            let mut all = register.points.clone();
            all.extend(file.points.iter().map(|point| (point.no, point.clone())));
            let mut former = following(&register.plant, &register.points, &register.rules);
            // One that the file has disabled is meant to be.
            former.extend(file.rules.iter().map(|rule| rule.id));
            let derived = changed_rules(&plant, &all, &known, &former);
            (plant, places, derived, of_guidance)
        };
        let of_derived = (!derived.is_empty()).then(|| of_rules(&audit, self.clock.now(), derived.len()));
        let entries: Vec<AuditEntry> = std::iter::once(audit).chain(of_derived).chain(of_guidance).collect();
        // Stored in one transaction with the rest, so that what is in force is what is stored. Of a rule whose limit in
        // the file is another than its point's, the point's counts.
        let again: BTreeSet<RuleId> = derived.iter().map(|rule| rule.id).collect();
        file.rules.retain(|rule| !again.contains(&rule.id));
        file.rules.extend(derived);
        let added = file.points.iter().filter(|point| !before.contains_key(&point.id)).count();
        let told_new = file.guidance.iter().filter(|set| set.version == 1).count();
        let told_anew = file.guidance.len() - told_new;

        // As in `save_points`: what is in the spool first, then the change, then what comes after.
        let _whole = self.register.record_whole(with_other_units(&file.points, &before));
        let given = &file;
        let switch = Switch { points: &given.points, before: &before, rules: &given.rules, entries: &entries };
        let store = move |switched: Timestamp| async move {
            let Switch { points, before, entries, .. } = switch;
            let rescales: Vec<(PointId, Rescale)> = points
                .iter()
                .filter_map(|point| Some((point.id, rescale(before.get(&point.id), point, switched)?)))
                .collect();
            self.store.import_plant_rescaling(given, &rescales, entries).await.map(|_imported| ())
        };
        self.put_in_force(switch, store).await?;
        {
            let mut register = self.register.lock();
            register.set_plant(plant);
            register.rules.extend(file.rules.into_iter().map(|rule| (rule.id, rule)));
            register.guidance.extend(file.guidance.into_iter().map(|set| (set.scope, set)));
        }
        report.added = count(added + places.added + told_new);
        report.changed = count(before.len() + places.changed + told_anew);
        self.put_points(file.points);
        Ok(report)
    }

    /// What is new, what differs, what is wrong.
    fn sort(&self, points: Vec<Point>) -> Sorted {
        let register = self.register.lock();
        let mut sorted = Sorted {
            report: ImportReport { read: count(points.len()), ..ImportReport::default() },
            ..Sorted::default()
        };
        let mut seen = BTreeSet::new();
        for (index, mut point) in points.into_iter().enumerate() {
            let line = count(index + 1);
            let mut fault = |field: &str, message: String| {
                sorted.report.faults.push(ImportFault { line, field: field.to_owned(), message });
            };
            if !seen.insert(point.id) {
                fault("id", format!("point {} is in the list twice: keep one", point.name));
                continue;
            }
            for (field, message) in faults_of(&point, register.point(point.id), &register.plant) {
                fault(field, message);
            }
            match register.point(point.id) {
                Some(had) => {
                    point.no = had.no;
                    if point.address != had.address {
                        fault("address", "an address cannot be changed: the other address is another point".into());
                    }
                    if *had == point {
                        sorted.report.same += 1;
                    } else {
                        sorted.report.changed += 1;
                        sorted.before.insert(point.id, had.clone());
                        sorted.changed.push(point);
                    }
                }
                None => {
                    if register.at_address(&point.address.source, &point.address.path).is_some() {
                        fault("address", "another point has this source and address: change that one".into());
                    }
                    sorted.report.added += 1;
                    sorted.added.push(point);
                }
            }
        }
        sorted
    }

    /// The rules that are new, changed and disabled once these points are as given.
    fn rules_after(&self, points: &[Point]) -> Vec<AlarmRule> {
        let register = self.register.lock();
        let mut all = register.points.clone();
        all.extend(points.iter().map(|point| (point.no, point.clone())));
        let former = following(&register.plant, &register.points, &register.rules);
        changed_rules(&register.plant, &all, &register.rules, &former)
    }

    /// Makes the pipeline judge by a change and has `store` store it, given the time from which it is judged by. Where
    /// it is not stored after all, the pipeline judges as before.
    ///
    /// # Errors
    /// Those of [`Self::take_up`], and why it is not stored: then nothing has changed.
    async fn put_in_force<S>(&self, switch: Switch<'_>, store: impl FnOnce(Timestamp) -> S) -> Result<(), ApiError>
    where
        S: Future<Output = penstock_store::Result<()>>,
    {
        let Switch { points, before, rules, entries } = switch;
        let switched = self.take_up(points, rules, other_units(points, before, entries)).await?;
        let outcome = store(switched).await;
        let Err(error) = self.settled(outcome, entries).await else { return Ok(()) };
        let gone = points.iter().filter(|point| !before.contains_key(&point.id)).cloned().collect();
        let units = former_units(points, before, entries);
        self.take_back(before.values().cloned().collect(), gone, rules, units).await;
        Err(store_error(error))
    }

    /// Makes the pipeline judge by the change; gives the time from which it does, once everything before is stored.
    ///
    /// # Errors
    /// [`Code::Away`] where the database is away or behind: then nothing has changed.
    async fn take_up(&self, points: &[Point], rules: &[AlarmRule], units: Units) -> Result<Timestamp, ApiError> {
        // Waited for twice: from the switch on until the change is stored much has to be undone where it is not, so that
        // what can be waited for is waited for before it.
        tokio::select! {
            biased;
            () = self.database.away() => {
                return Err(ApiError::new(Code::Away, "the database is away: administration waits until it is back"));
            }
            () = self.database.reached(self.spool.stats().last) => {}
            () = tokio::time::sleep(CATCH_UP) => {
                let message = "what was received is still being stored, see Station health: try again later";
                return Err(ApiError::new(Code::Away, message));
            }
        }
        let (points, rules) = (points.to_vec(), rules.to_vec());
        let (gone, removed) = (Vec::new(), Vec::new());
        let switched = self.ask(|reply| Order::Adopt { points, gone, rules, removed, units, reply }).await?;
        self.database.reached(self.spool.stats().last).await;
        Ok(switched)
    }

    /// What became of a change. Where the connection was lost it may be stored all the same: then the database is asked
    /// for the audit entry that was written with it, as often as it takes until it answers.
    async fn settled(&self, outcome: penstock_store::Result<()>, audit: &[AuditEntry]) -> penstock_store::Result<()> {
        let lost = match outcome {
            Err(error @ penstock_store::Error::Unavailable(_)) => error,
            known => return known,
        };
        let Some(proof) = audit.first() else { return Err(lost) };
        let since = self.clock.now();
        let mut pause = FIRST_PAUSE;
        let settled = loop {
            let began = Instant::now();
            match self.store.has_audit(proof.id).await {
                Ok(is_stored) => {
                    self.database.set(DatabaseState::Up { commit_ms: began.elapsed().as_secs_f64() * 1e3 });
                    break if is_stored { Ok(()) } else { Err(lost) };
                }
                Err(error) if error.is_transient() && !self.orders.is_closed() => {
                    self.database.set(DatabaseState::Away { since });
                    self.notices.set(
                        "configuration",
                        "unsure",
                        format!("the connection was lost while a change was being stored: {error}"),
                        "the station looks whether it is stored as soon as the database is back, and goes by that",
                    );
                }
                Err(error) => {
                    tracing::error!(%error, "whether a change is stored is not known; the next start goes by what is");
                    break Err(lost);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.notices.clear("configuration", "unsure");
        settled
    }

    /// Makes the pipeline judge as it did before a change that was not stored after all; `gone` are its new points.
    async fn take_back(&self, points: Vec<Point>, gone: Vec<Point>, rules: &[AlarmRule], units: Units) {
        let (mut former, mut removed) = (Vec::new(), Vec::new());
        {
            let register = self.register.lock();
            for rule in rules {
                match register.rules.get(&rule.id) {
                    Some(had) => former.push(had.clone()),
                    None => removed.push(rule.id),
                }
            }
        }
        let change = |reply| Order::Adopt { points, gone, rules: former, removed, units, reply };
        let outcome = self.ask(change).await;
        if let Err(error) = outcome {
            tracing::warn!(error = error.message, "a change that was not stored is in force until the restart");
        }
    }

    async fn keep_rules(&self, rules: Vec<AlarmRule>, audit: &AuditEntry) -> Result<(), ApiError> {
        if rules.is_empty() {
            return Ok(());
        }
        let entries = [of_rules(audit, self.clock.now(), rules.len())];
        let outcome = self.store.save_rules(self.tenant, &rules, &entries).await;
        self.settled(outcome, &entries).await.map_err(store_error)?;
        self.register.lock().rules.extend(rules.into_iter().map(|rule| (rule.id, rule)));
        Ok(())
    }

    /// Takes stored points up in the register, and tells the screens.
    fn put_points(&self, points: Vec<Point>) {
        let mut register = self.register.lock();
        register.put(points);
        self.live.set_register(register.version);
    }
}

/// What the station is to judge by, and to store with its audit.
#[derive(Debug, Clone, Copy)]
struct Switch<'a> {
    /// New and changed points.
    points: &'a [Point],
    /// Those of them that are not new, as they were.
    before: &'a BTreeMap<PointId, Point>,
    /// New and changed rules.
    rules: &'a [AlarmRule],
    /// The first proves afterwards that the change is stored.
    entries: &'a [AuditEntry],
}

/// What a file brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Brought {
    added: usize,
    changed: usize,
}

/// Makes `plant` what it is once `given` is imported: known ids are changed, new ones added, none removed.
fn bring_in(plant: &mut Plant, given: &Plant) -> Brought {
    fn each<T: Clone + PartialEq>(
        known: &mut Vec<T>,
        given: &[T],
        key: impl Fn(&T) -> (&str, uuid::Uuid),
        brought: &mut Brought,
    ) {
        let places: BTreeMap<uuid::Uuid, usize> =
            known.iter().enumerate().map(|(place, one)| (key(one).1, place)).collect();
        for one in given {
            match places.get(&key(one).1).and_then(|place| known.get_mut(*place)) {
                Some(had) => {
                    brought.changed += usize::from(*had != *one);
                    had.clone_from(one);
                }
                None => {
                    brought.added += 1;
                    known.push(one.clone());
                }
            }
        }
        // As storage lists them.
        known.sort_by(|one, other| key(one).cmp(&key(other)));
    }
    let mut brought = Brought::default();
    plant.name.clone_from(&given.name);
    plant.time_zone.clone_from(&given.time_zone);
    each(&mut plant.areas, &given.areas, |area| (area.name.as_str(), area.id.0), &mut brought);
    each(&mut plant.sites, &given.sites, |site| (site.name.as_str(), site.id.0), &mut brought);
    each(&mut plant.assets, &given.assets, |asset| (asset.name.as_str(), asset.id.0), &mut brought);
    each(&mut plant.pipes, &given.pipes, |pipe| (pipe.name.as_str(), pipe.id.0), &mut brought);
    brought
}

#[derive(Default)]
struct Sorted {
    report: ImportReport,
    added: Vec<Point>,
    changed: Vec<Point>,
    before: BTreeMap<PointId, Point>,
}

/// A number of things, as the contract counts them.
pub(crate) fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}

/// What is wrong with a point, whichever way it comes. What is stored already and stays as it is, is not judged again:
/// devices call themselves what they like.
fn faults_of(point: &Point, had: Option<&Point>, plant: &Plant) -> Vec<(&'static str, String)> {
    if had.is_some_and(|had| *had == Point { no: had.no, ..point.clone() }) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if had.is_none() {
        let address = [&point.address.source, &point.address.path];
        if address.iter().any(|part| part.trim().is_empty() || has_control(part)) {
            faults.push(("address", "a new point needs a source and an address, both without line breaks".to_owned()));
        }
    }
    if point.state == PointState::Adopted || had.is_none_or(|had| had.name != point.name) {
        if point.name.trim().is_empty() {
            faults.push(("name", "a point needs a name".into()));
        }
        if point.name.chars().count() > MAX_NAME {
            faults.push(("name", format!("at most {MAX_NAME} characters")));
        }
        if has_control(&point.name) {
            faults.push(("name", "no line breaks, tabs or other control characters".into()));
        }
    }
    if had.is_none_or(|had| had.description != point.description) {
        if point.description.chars().count() > MAX_DESCRIPTION {
            faults.push(("description", format!("at most {MAX_DESCRIPTION} characters")));
        }
        if has_control(&point.description) {
            faults.push(("description", "no line breaks, tabs or other control characters".into()));
        }
    }
    // What comes as JSON has not been through `Position::new`.
    if let Some(Err(error)) = point.position.map(|at| Position::new(at.lat(), at.lon())) {
        faults.push(("latitude", error.to_string()));
    }
    if point.unit.quantity() != point.quantity {
        let fitting: Vec<&str> = point.quantity.units().map(Unit::symbol).collect();
        let message =
            format!("{} does not measure {}: use one of {}", point.unit, point.quantity.name(), fitting.join(", "));
        faults.push(("unit", message));
    }
    if let Err(error) = point.limits.check() {
        faults.push(("limits", error.to_string()));
    }
    for (field, band) in [("normal", point.normal), ("span", point.span)] {
        if let Some(Err(error)) = band.map(|band| penstock_model::Band::new(band.low, band.high)) {
            faults.push((field, error.to_string()));
        }
    }
    if !(Duration::from_secs(1)..=Duration::from_secs(MAX_STALE_SECS)).contains(&point.stale_after) {
        faults.push(("stale_after", format!("give 1 to {MAX_STALE_SECS} seconds")));
    }
    // What comes as JSON has not been through `Recording::new`.
    if let Some(Err(error)) = point.recording.map(|recording| recording.check()) {
        faults.push(("recording", error.to_string()));
    }
    let mut place = |field, known: bool| {
        if !known {
            faults.push((field, format!("the plant has no such {field}: choose one of its own")));
        }
    };
    place("area", point.area.is_none_or(|id| plant.areas.iter().any(|area| area.id == id)));
    place("site", point.site.is_none_or(|id| plant.sites.iter().any(|site| site.id == id)));
    place("asset", point.asset.is_none_or(|id| plant.assets.iter().any(|asset| asset.id == id)));
    faults
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn plant_faults(file: &PlantFile, register: &Inner) -> Vec<ImportFault> {
    let mut faults = Vec::new();
    for (index, point) in file.points.iter().enumerate() {
        let at_address = || register.at_address(&point.address.source, &point.address.path);
        let had = register.point(point.id).or_else(at_address);
        for (field, message) in faults_of(point, had, &file.plant) {
            faults.push(ImportFault { line: count(index + 1), field: field.to_owned(), message });
        }
    }
    faults.extend(guidance::faults_of_file(file, |scope| register.has(scope)));
    faults
}

/// The points whose stored values become others.
fn with_other_units(points: &[Point], before: &BTreeMap<PointId, Point>) -> BTreeSet<PointNo> {
    let is_other = |point: &&Point| before.get(&point.id).is_some_and(|before| before.unit != point.unit);
    points.iter().filter(is_other).map(|point| point.no).collect()
}

/// How what is stored becomes SI where the point's unit is another now: old SI → the device's number → new SI.
fn rescale(before: Option<&Point>, after: &Point, received_before: Timestamp) -> Option<Rescale> {
    let before = before.filter(|before| before.unit != after.unit)?;
    // Both steps are linear: two values tell the line.
    let new_si = |old_si: f64| after.unit.to_si(before.unit.from_si(old_si));
    let offset = new_si(0.0);
    Some(Rescale { factor: new_si(1.0) - offset, offset, received_before })
}

/// What a change means for the units that samples are read by; it will be stored with `entries`.
fn other_units(points: &[Point], before: &BTreeMap<PointId, Point>, entries: &[AuditEntry]) -> Units {
    let rescaled = |point: &Point| {
        let line = rescale(before.get(&point.id), point, Timestamp::MAX)?;
        Some((point.no, line.factor, line.offset))
    };
    let points: Vec<_> = points.iter().filter_map(rescaled).collect();
    match entries.first() {
        Some(proof) if !points.is_empty() => Units::Others { proof: proof.id, points },
        _ => Units::Same,
    }
}

/// The same where the change was not stored after all.
fn former_units(points: &[Point], before: &BTreeMap<PointId, Point>, entries: &[AuditEntry]) -> Units {
    match other_units(points, before, entries) {
        Units::Others { proof, .. } => Units::FormerAgain { proof },
        same => same,
    }
}

fn audit_of(audit: &AuditEntry, points: &[Point], before: &BTreeMap<PointId, Point>) -> Vec<AuditEntry> {
    points
        .iter()
        .map(|point| {
            let entry =
                AuditEntry::new(audit.tenant, audit.at, audit.who, &audit.action, format!("point {}", point.id));
            AuditEntry {
                from_where: audit.from_where.clone(),
                reason: audit.reason.clone(),
                old: before.get(&point.id).and_then(|point| serde_json::to_value(point).ok()),
                new: serde_json::to_value(point).ok(),
                ..entry
            }
        })
        .collect()
}

fn of_rules(audit: &AuditEntry, at: Timestamp, rules: usize) -> AuditEntry {
    let entry = AuditEntry::new(audit.tenant, at, audit.who, "derive-rules", format!("{rules} rules"));
    AuditEntry { from_where: audit.from_where.clone(), reason: audit.reason.clone(), ..entry }
}

/// What went wrong in the database, as a call's error.
pub(crate) fn store_error(error: penstock_store::Error) -> ApiError {
    use penstock_store::Error as Store;
    let code = match &error {
        error if error.is_transient() => Code::Away,
        Store::Exists { .. } | Store::Changed { .. } | Store::RulesChanged { .. } => Code::Conflict,
        Store::Dangling { .. } | Store::Refused { .. } => Code::Invalid,
        Store::NotFound { .. } => Code::NotFound,
        _ => Code::Failed,
    };
    if code == Code::Failed {
        tracing::error!(error = &error as &dyn std::error::Error, "the database failed a call");
    }
    ApiError::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_unit_rescales_what_is_stored() {
        let mut before = crate::points_csv::read(
            "source,address,name,quantity,unit\nl,a,A,plain,\n",
            TenantId::made(Timestamp::from_secs(1), [1; 10]),
            &empty_plant(),
            &[],
        )
        .0
        .remove(0);
        before.quantity = penstock_model::Quantity::Plain;
        let mut after = before.clone();
        after.quantity = penstock_model::Quantity::Temperature;
        after.unit = Unit::parse("°C").expect("known");
        let rescale = rescale(Some(&before), &after, Timestamp::from_secs(9)).expect("another unit");
        assert!((rescale.factor * 20.0 + rescale.offset - 293.15).abs() < 1e-9);
        assert!(super::rescale(Some(&after), &after, Timestamp::from_secs(9)).is_none());
        assert!(super::rescale(None, &after, Timestamp::from_secs(9)).is_none());
    }

    #[test]
    fn only_a_new_unit_makes_stored_values_others() {
        let plant = empty_plant();
        let text = |unit: &str| format!("source,address,name,quantity,unit\nl,a,A,flow,{unit}\n");
        let read = |unit: &str| crate::points_csv::read(&text(unit), plant.tenant, &plant, &[]).0;
        let before: BTreeMap<PointId, Point> =
            read("L/s").into_iter().map(|point| (point.id, Point { no: PointNo(7), ..point })).collect();
        let after = |unit: &str| read(unit).into_iter().map(|point| Point { no: PointNo(7), ..point });
        let others = |unit: &str| with_other_units(&after(unit).collect::<Vec<_>>(), &before);
        assert_eq!(others("L/s"), BTreeSet::new());
        assert_eq!(others("m3/h"), BTreeSet::from([PointNo(7)]));
        assert_eq!(with_other_units(&read("m3/h"), &BTreeMap::new()), BTreeSet::new());
    }

    #[test]
    fn points_are_judged_alike_whichever_way_they_come() {
        let plant = empty_plant();
        let good = crate::points_csv::read("source,address,name\nl,a,A\n", plant.tenant, &plant, &[]).0.remove(0);
        let fields = |had: Option<&Point>, change: &dyn Fn(&mut Point)| {
            let mut point = good.clone();
            change(&mut point);
            faults_of(&point, had, &plant).into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert!(fields(None, &|_| ()).is_empty());
        let check = |field: &'static str, change: &dyn Fn(&mut Point)| {
            assert_eq!(fields(None, change), vec![field]);
        };
        check("address", &|point| point.address.path = " ".into());
        check("address", &|point| point.address.source = String::new());
        check("name", &|point| point.name = " ".into());
        check("name", &|point| point.name = "x".repeat(201));
        check("name", &|point| point.name = "a\0b".into());
        check("description", &|point| point.description = "a\nb".into());
        check("stale_after", &|point| point.stale_after = Duration::from_nanos(1));
        check("stale_after", &|point| point.stale_after = Duration::from_secs(u64::MAX));
        let recording = |deadband: f64, secs: u64| {
            let given = serde_json::json!({
                "deadband": deadband, "deviation": null, "at_least_every": { "secs": secs, "nanos": 0 }
            });
            serde_json::from_value::<penstock_model::Recording>(given).ok()
        };
        check("recording", &|point| point.recording = recording(-1.0, 60));
        check("recording", &|point| point.recording = recording(1.0, 86_401));
        assert!(fields(None, &|point| point.recording = recording(1.0, 60)).is_empty());
        let at =
            |lat: f64, lon: f64| serde_json::from_value::<Position>(serde_json::json!({ "lat": lat, "lon": lon })).ok();
        check("latitude", &|point| point.position = at(91.0, 0.0));
        check("latitude", &|point| point.position = at(0.0, 1e308));

        // What a device calls itself stands until somebody adopts it.
        let mut had = good.clone();
        had.address.path = " ".into();
        had.name = "\n".into();
        had.state = PointState::Discovered;
        let ignored = Point { state: PointState::Ignored, ..had.clone() };
        assert!(faults_of(&ignored, Some(&had), &plant).is_empty());
        let adopted = Point { state: PointState::Adopted, ..had.clone() };
        assert_eq!(faults_of(&adopted, Some(&had), &plant).len(), 2);
        assert!(faults_of(&adopted, Some(&adopted), &plant).is_empty());
    }

    #[test]
    fn an_import_changes_what_it_knows_and_adds_the_rest() {
        let tenant = empty_plant().tenant;
        let site = |name: &str, id: &str| penstock_model::Site {
            id: penstock_model::SiteId::derived(tenant.0, id),
            name: name.to_owned(),
            kind: penstock_model::SiteKind::Pumping,
            area: None,
            position: None,
        };
        let mut plant = Plant { sites: vec![site("PS-1", "a"), site("PS-2", "b")], ..empty_plant() };
        let sites = vec![site("PS-2", "b"), site("PS-9", "a"), site("PS-0", "c")];
        let file = Plant { name: "Town".into(), sites, ..empty_plant() };
        assert_eq!(bring_in(&mut plant, &file), Brought { added: 1, changed: 1 });
        assert_eq!(plant.sites, [site("PS-0", "c"), site("PS-2", "b"), site("PS-9", "a")]);
        assert_eq!(plant.name, "Town");
        assert_eq!(bring_in(&mut plant, &file), Brought::default());
    }

    #[test]
    fn a_plant_leaves_as_a_file_that_a_station_takes_back() {
        let tenant = empty_plant().tenant;
        let site = penstock_model::SiteId::derived(tenant.0, "a");
        let sites = vec![penstock_model::Site {
            id: site,
            name: "PS-1".into(),
            kind: penstock_model::SiteKind::Pumping,
            area: None,
            position: None,
        }];
        let plant = Plant { sites, ..empty_plant() };
        let text = "source,address,name\nl,a,A\nl,b,B\n";
        let mut points = crate::points_csv::read(text, tenant, &plant, &[]).0;
        number(&mut points, 0);
        let [adopted, heard_of] = points.as_mut_slice() else { panic!("two points") };
        adopted.state = PointState::Adopted;
        heard_of.state = PointState::Discovered;
        let (adopted, heard_of) = (adopted.clone(), heard_of.clone());
        let rule = |name: &str, subject: Subject| {
            let condition = penstock_model::Condition::Silence { after: Duration::from_secs(60) };
            AlarmRule::new(RuleId::derived(tenant.0, name), subject, condition)
        };
        let own = rule("own", Subject::Site(site));
        let follows = penstock_alarm::silence_rule(&plant.sites[0], Duration::from_secs(120));
        let rules = vec![own.clone(), follows, rule("of nothing", Subject::Point(heard_of.id))];
        let set = |scope: Scope, version: u32| ScopeAdvice {
            scope,
            version,
            advice: penstock_model::Advice { contact: "Crew".into(), ..Default::default() },
        };
        let mut told = vec![set(Scope::Tenant, 3), set(Scope::Site(site), 1), set(Scope::Point(adopted.id), 2)];
        let gone = penstock_model::AreaId::derived(tenant.0, "gone");
        let all = [told.clone(), vec![set(Scope::Point(heard_of.id), 1), set(Scope::Area(gone), 1)]].concat();
        let register = Register::new(plant.clone(), points, rules).with_guidance(all);

        let file = plant_file(&register.lock());
        let expect = PlantFile { plant, points: vec![adopted], rules: vec![own], guidance: told.clone() };
        assert_eq!(file, expect);
        let text = serde_json::to_string(&file).expect("plain data");
        assert_eq!(serde_json::from_str::<PlantFile>(&text).expect("a plant file"), file);
        let elsewhere = Register::new(empty_plant(), vec![], vec![]);
        assert_eq!(plant_faults(&file, &elsewhere.lock()), []);
        told.iter_mut().for_each(|set| set.version = 1);
        assert_eq!(guidance::renewed(file.guidance, &elsewhere.lock().guidance), told);
    }

    fn empty_plant() -> Plant {
        Plant {
            tenant: TenantId::made(Timestamp::from_secs(1), [1; 10]),
            name: String::new(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        }
    }
}
