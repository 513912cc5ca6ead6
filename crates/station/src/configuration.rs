//! Changes of plant and points: checked, stored with their audit in one transaction, then taken up by the pipeline.
//!
//! Administration waits while the database is away, and says so. Must not know shells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use penstock_api::{ApiError, Code, ImportFault, ImportReport};
use penstock_model::{
    AlarmRule, Clock, Plant, PlantFile, Point, PointId, PointState, RuleId, TenantId, Timestamp, Unit,
};
use penstock_store::{AuditEntry, PointEdit, Rescale, Store};

use crate::Error;
use crate::pipeline::Order;
use crate::register::{Register, derived_rules};
use crate::settings::PlantSettings;
use crate::station::Shared;

/// Points changed by one call at most.
const MAX_POINTS: usize = 200_000;

/// Reads a plant file.
pub(crate) fn read_plant_file(path: &Path) -> Result<PlantFile, Error> {
    let problem = |problem: String| Error::PlantFile { path: path.display().to_string(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| problem(error.to_string()))
}

/// Plant, points and rules as storage holds them; at the first start, as the settings say.
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
        number(&mut file.points, store.load_points(tenant).await?.iter().map(|point| point.no.0).max().unwrap_or(0));
        let subject = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut entry = AuditEntry::new(tenant, clock.now(), None, "import-plant", subject);
        entry.from_where = "first start".into();
        store.import_plant(&file, &[entry]).await?;
        plant = store.load_plant(tenant).await?;
    }
    let points = store.load_points(tenant).await?;
    let stored = store.load_rules(tenant).await?;
    let numbered: BTreeMap<_, _> = points.iter().map(|point| (point.no, point.clone())).collect();
    let changed =
        renew(&derived_rules(&plant, &numbered), &stored.iter().map(|rule| (rule.id, rule.clone())).collect());
    if !changed.is_empty() {
        let mut entry = AuditEntry::new(tenant, clock.now(), None, "derive-rules", format!("{} rules", changed.len()));
        entry.from_where = "start".into();
        store.save_rules(tenant, &changed, &[entry]).await?;
    }
    let mut rules: BTreeMap<RuleId, AlarmRule> = stored.into_iter().map(|rule| (rule.id, rule)).collect();
    rules.extend(changed.into_iter().map(|rule| (rule.id, rule)));
    Ok(Register::new(plant, points, rules.into_values().collect()))
}

/// Gives points numbers after `last`.
fn number(points: &mut [Point], last: i32) {
    for (point, no) in points.iter_mut().zip(last.saturating_add(1)..) {
        point.no = penstock_model::PointNo(no);
    }
}

/// Those of `derived` that are new or differ from what is stored, with the next version.
fn renew(derived: &[AlarmRule], stored: &BTreeMap<RuleId, AlarmRule>) -> Vec<AlarmRule> {
    derived
        .iter()
        .filter_map(|rule| match stored.get(&rule.id) {
            None => Some(rule.clone()),
            Some(had) => {
                let next = AlarmRule { version: had.version, ..rule.clone() };
                (next != *had).then(|| AlarmRule { version: had.version + 1, ..next })
            }
        })
        .collect()
}

impl Shared {
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
        let _one_at_a_time = self.changing.lock().await;
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
        let rules = self.rules_after(&all);
        let switched = self.take_up(&all, &rules).await?;
        let edits: Vec<PointEdit> = all
            .iter()
            .map(|point| PointEdit { point: point.clone(), rescale: rescale(before.get(&point.id), point, switched) })
            .collect();
        let entries = audit_of(&audit, &all, &before);
        if let Err(error) = self.store.save_points(self.tenant, &edits, &entries).await {
            // Nothing was stored: judge by what was there before.
            let before: Vec<Point> = before.into_values().collect();
            let rules = self.rules_after(&before);
            drop(self.take_up(&before, &rules).await);
            return Err(store_error(error));
        }
        self.keep_rules(rules, &audit).await?;
        let mut register = self.register.lock();
        register.put(all);
        self.live.set_register(register.version);
        Ok(report)
    }

    /// Imports a plant file.
    pub(crate) async fn import_plant(&self, mut file: PlantFile, audit: AuditEntry) -> Result<ImportReport, ApiError> {
        let _one_at_a_time = self.changing.lock().await;
        file.plant.tenant = self.tenant;
        let mut report = ImportReport { read: count(file.points.len()), ..ImportReport::default() };
        report.faults = plant_faults(&file);
        if !report.faults.is_empty() {
            return Ok(report);
        }
        let mut before = BTreeMap::new();
        {
            let mut register = self.register.lock();
            for point in &mut file.points {
                // A point that the station has heard of keeps its number.
                let had = register.at_address(&point.address.source, &point.address.path).cloned();
                point.no = had.as_ref().map_or_else(|| register.take_no(), |had| had.no);
                before.extend(had.map(|had| (point.id, had)));
            }
        }
        let imported = self.store.import_plant(&file, std::slice::from_ref(&audit)).await.map_err(store_error)?;
        let plant = self.store.load_plant(self.tenant).await.map_err(store_error)?;
        self.register.lock().plant = plant;
        let rules = self.rules_after(&file.points);
        let switched = self.take_up(&file.points, &rules).await?;
        for point in &file.points {
            if let Some(rescale) = rescale(before.get(&point.id), point, switched) {
                self.store.rescale(point.no, &rescale, std::slice::from_ref(&audit)).await.map_err(store_error)?;
            }
        }
        self.keep_rules(rules, &audit).await?;
        report.added = count(imported.points_added + imported.places_added);
        report.changed = count(imported.points_changed + imported.places_changed);
        let mut register = self.register.lock();
        register.put(file.points);
        self.live.set_register(register.version);
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
            for (field, message) in faults_of(&point, &register.plant) {
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

    /// The rules that are new, changed and gone once these points are as given.
    fn rules_after(&self, points: &[Point]) -> RuleChange {
        let register = self.register.lock();
        let mut all = register.points.clone();
        all.extend(points.iter().map(|point| (point.no, point.clone())));
        let derived = derived_rules(&register.plant, &all);
        let kept: BTreeSet<RuleId> = derived.iter().map(|rule| rule.id).collect();
        let earlier = derived_rules(&register.plant, &register.points);
        RuleChange {
            changed: renew(&derived, &register.rules),
            removed: earlier.iter().map(|rule| rule.id).filter(|id| !kept.contains(id)).collect(),
        }
    }

    /// Makes the pipeline judge by the change; gives the time from which it does, once everything before is stored.
    async fn take_up(&self, points: &[Point], rules: &RuleChange) -> Result<Timestamp, ApiError> {
        if matches!(self.database.state(), penstock_api::DatabaseState::Away { .. }) {
            return Err(ApiError::new(Code::Away, "the database is away: administration waits until it is back"));
        }
        let (points, changed, removed) = (points.to_vec(), rules.changed.clone(), rules.removed.clone());
        let switched = self.ask(|reply| Order::Adopt { points, rules: changed, removed, reply }).await?;
        self.database.reached(self.spool.stats().last).await;
        Ok(switched)
    }

    async fn keep_rules(&self, rules: RuleChange, audit: &AuditEntry) -> Result<(), ApiError> {
        if !rules.changed.is_empty() {
            let entry = of_rules(audit, self.clock.now(), rules.changed.len());
            self.store.save_rules(self.tenant, &rules.changed, &[entry]).await.map_err(store_error)?;
        }
        if !rules.removed.is_empty() {
            let entry = of_rules(audit, self.clock.now(), rules.removed.len());
            self.store.remove_rules(self.tenant, &rules.removed, &[entry]).await.map_err(store_error)?;
        }
        let mut register = self.register.lock();
        for rule in &rules.removed {
            register.rules.remove(rule);
        }
        register.rules.extend(rules.changed.into_iter().map(|rule| (rule.id, rule)));
        Ok(())
    }
}

#[derive(Default)]
struct Sorted {
    report: ImportReport,
    added: Vec<Point>,
    changed: Vec<Point>,
    before: BTreeMap<PointId, Point>,
}

struct RuleChange {
    changed: Vec<AlarmRule>,
    removed: Vec<RuleId>,
}

/// A number of things, as the contract counts them.
pub(crate) fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}

/// What is wrong with a point.
fn faults_of(point: &Point, plant: &Plant) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    if point.state == PointState::Adopted && point.name.trim().is_empty() {
        faults.push(("name", "an adopted point needs a name".into()));
    }
    if point.name.chars().count() > 80 || point.description.chars().count() > 400 {
        faults.push(("name", "at most 80 characters for the name and 400 for the description".into()));
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
    if point.stale_after.is_zero() {
        faults.push(("stale_after", "give at least one second".into()));
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

fn plant_faults(file: &PlantFile) -> Vec<ImportFault> {
    let mut faults = Vec::new();
    for (index, point) in file.points.iter().enumerate() {
        for (field, message) in faults_of(point, &file.plant) {
            faults.push(ImportFault { line: count(index + 1), field: field.to_owned(), message });
        }
    }
    faults
}

/// How what is stored becomes SI where the point's unit is another now: old SI → the device's number → new SI.
fn rescale(before: Option<&Point>, after: &Point, received_before: Timestamp) -> Option<Rescale> {
    let before = before.filter(|before| before.unit != after.unit)?;
    // Both steps are linear: two values tell the line.
    let new_si = |old_si: f64| after.unit.to_si(before.unit.from_si(old_si));
    let offset = new_si(0.0);
    Some(Rescale { factor: new_si(1.0) - offset, offset, received_before })
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
        Store::Exists { .. } | Store::Changed { .. } => Code::Conflict,
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
