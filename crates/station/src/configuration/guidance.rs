//! Changes of what is told beside the alarms of a part of the plant: checked, stored with their audit, then told. What
//! a plant file brings is stored with the rest of it. Must not know shells, nor how one part inherits from another.

use std::collections::{BTreeMap, BTreeSet};

use penstock_api::{ApiError, Code, ImportFault};
use penstock_model::{Advice, PlantFile, PointState, Scope, ScopeAdvice};
use penstock_store::AuditEntry;

use super::{count, store_error};
use crate::register::Inner;
use crate::station::Shared;

impl Shared {
    /// Sets what is told for a part of the plant. `given` names the version that was changed, 0 where nothing was ever
    /// set.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what cannot be told or for no part of the plant, [`Code::Conflict`] where it was changed
    /// meanwhile; those of the database.
    pub(crate) async fn save_guidance(&self, given: ScopeAdvice, audit: AuditEntry) -> Result<(), ApiError> {
        let _one_at_a_time = self.turn().await?;
        let had = {
            let register = self.register.lock();
            check(&given, &register)?;
            register.advice_for(given.scope)
        };
        if had.advice == given.advice {
            return Ok(());
        }
        let set = ScopeAdvice { version: had.version.saturating_add(1), ..given };
        let old = (had.version > 0).then(|| serde_json::to_value(&had.advice).ok()).flatten();
        let entries = [AuditEntry { old, new: serde_json::to_value(&set.advice).ok(), ..audit }];
        let outcome = self.store.save_guidance(self.tenant, &set, &entries).await;
        self.settled(outcome, &entries).await.map_err(store_error)?;
        self.register.lock().guidance.insert(set.scope, set);
        // Screens ask anew as soon as the register has another version.
        self.put_points(Vec::new());
        Ok(())
    }
}

/// Whether something can be told as given, for the part of the plant that it names.
fn check(given: &ScopeAdvice, register: &Inner) -> Result<(), ApiError> {
    if !register.has(given.scope) {
        return Err(ApiError::invalid("the plant has no such part: choose an area, site, asset or point of its own"));
    }
    let faults: Vec<String> =
        given.advice.faults().into_iter().map(|(field, problem)| format!("{field}: {problem}")).collect();
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults.join("; ")));
    }
    let stored = register.advice_for(given.scope).version;
    if stored != given.version {
        return Err(ApiError::new(
            Code::Conflict,
            format!(
                "it is version {stored} by now and this changes version {}: look at it again, then change it",
                given.version
            ),
        ));
    }
    Ok(())
}

/// What of a file's guidance differs from what is set, each with its next version.
pub(super) fn renewed(given: Vec<ScopeAdvice>, stored: &BTreeMap<Scope, ScopeAdvice>) -> Vec<ScopeAdvice> {
    let nothing = Advice::default();
    let next = |given: ScopeAdvice| {
        let had = stored.get(&given.scope);
        let advice = given.advice.trimmed();
        let is_same = advice == *had.map_or(&nothing, |had| &had.advice);
        let version = had.map_or(0, |had| had.version).saturating_add(1);
        (!is_same).then_some(ScopeAdvice { scope: given.scope, version, advice })
    };
    given.into_iter().filter_map(next).collect()
}

/// What is wrong with a file's guidance; `is_known` says which parts there are beside those of the file.
pub(super) fn faults_of_file(file: &PlantFile, is_known: impl Fn(Scope) -> bool) -> Vec<ImportFault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, ScopeAdvice { scope, advice, .. }) in file.guidance.iter().enumerate() {
        let mut fault = |problem: &str| {
            let message = format!("guidance of {scope}: {problem}");
            faults.push(ImportFault { line: count(index + 1), field: "guidance".to_owned(), message });
        };
        if !seen.insert(*scope) {
            fault("it is in the file twice: keep one");
        }
        if !is_in(file, *scope) && !is_known(*scope) {
            fault("the plant has no such part: add it to the file, or take its guidance out");
        }
        for (field, problem) in advice.clone().trimmed().faults() {
            fault(&format!("{field}: {problem}"));
        }
    }
    faults
}

fn is_in(file: &PlantFile, scope: Scope) -> bool {
    match scope {
        Scope::Tenant => true,
        Scope::Area(id) => file.plant.areas.iter().any(|area| area.id == id),
        Scope::Site(id) => file.plant.sites.iter().any(|site| site.id == id),
        Scope::Asset(id) => file.plant.assets.iter().any(|asset| asset.id == id),
        Scope::Point(id) => file.points.iter().any(|point| point.id == id && point.state != PointState::Ignored),
    }
}

/// The account of guidance that a file brings, beside `audit` of the import.
pub(super) fn audit_of_file(audit: &AuditEntry, had: Option<&ScopeAdvice>, set: &ScopeAdvice) -> AuditEntry {
    let subject = format!("guidance of {}", set.scope);
    let entry = AuditEntry::new(audit.tenant, audit.at, audit.who, "save-guidance", subject);
    AuditEntry {
        from_where: audit.from_where.clone(),
        reason: audit.reason.clone(),
        old: had.and_then(|had| serde_json::to_value(&had.advice).ok()),
        new: serde_json::to_value(&set.advice).ok(),
        ..entry
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Plant, PointId, Site, SiteId, SiteKind, TenantId, Timestamp};

    use super::*;
    use crate::register::Register;

    #[test]
    fn what_cannot_be_told_is_refused() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let site = SiteId::derived(tenant.0, "PS-1");
        let plant = Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![Site { id: site, name: "PS-1".into(), kind: SiteKind::Pumping, area: None, position: None }],
            assets: vec![],
            pipes: vec![],
        };
        let told = Advice { contact: "Duty engineer".into(), ..Advice::default() };
        let set = |scope: Scope, version: u32| ScopeAdvice { scope, version, advice: told.clone() };
        let register = Register::new(plant, vec![], vec![]).with_guidance(vec![set(Scope::Site(site), 3)]);
        let code = |given: ScopeAdvice| check(&given, &register.lock()).map_err(|error| error.code);
        assert_eq!(code(set(Scope::Site(site), 3)), Ok(()));
        assert_eq!(code(set(Scope::Tenant, 0)), Ok(()));
        assert_eq!(code(set(Scope::Site(site), 2)), Err(Code::Conflict));
        assert_eq!(code(set(Scope::Tenant, 1)), Err(Code::Conflict));
        assert_eq!(code(set(Scope::Site(SiteId::derived(tenant.0, "PS-9")), 0)), Err(Code::Invalid));
        assert_eq!(code(set(Scope::Point(PointId::derived(tenant.0, "PT-9")), 0)), Err(Code::Invalid));
        let away = Advice { screen: Some("https://elsewhere.example".into()), ..Advice::default() };
        assert_eq!(code(ScopeAdvice { scope: Scope::Tenant, version: 0, advice: away }), Err(Code::Invalid));
    }

    #[test]
    fn a_file_brings_what_differs_and_leaves_the_rest() {
        let told = |contact: &str| Advice { contact: contact.to_owned(), ..Advice::default() };
        let set = |scope: Scope, version: u32, contact: &str| ScopeAdvice { scope, version, advice: told(contact) };
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let [a, b, c] = ["a", "b", "c"].map(|name| Scope::Site(SiteId::derived(tenant.0, name)));
        let stored = [set(Scope::Tenant, 2, "Engineer"), set(a, 5, "Crew"), set(b, 1, "Manager")];
        let stored: BTreeMap<Scope, ScopeAdvice> = stored.into_iter().map(|set| (set.scope, set)).collect();
        let file = vec![set(Scope::Tenant, 7, " Engineer "), set(a, 1, "Duty"), set(b, 1, ""), set(c, 9, "New")];
        assert_eq!(renewed(file, &stored), [set(a, 6, "Duty"), set(b, 2, ""), set(c, 1, "New")]);
        assert_eq!(renewed(vec![set(c, 3, " ")], &stored), [], "nothing is told there, and nothing was");
        assert_eq!(renewed(vec![], &stored), []);
    }

    #[test]
    fn what_a_file_cannot_tell_is_named() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let [here, known, nowhere] = ["here", "known", "nowhere"].map(|name| SiteId::derived(tenant.0, name));
        let set = |site: SiteId, screen: &str| ScopeAdvice {
            scope: Scope::Site(site),
            version: 1,
            advice: Advice { screen: Some(screen.to_owned()), ..Advice::default() },
        };
        let site = Site { id: here, name: "PS-1".into(), kind: SiteKind::Pumping, area: None, position: None };
        let plant = Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![site],
            assets: vec![],
            pipes: vec![],
        };
        let faults = |guidance: Vec<ScopeAdvice>| {
            let file = PlantFile { plant: plant.clone(), points: vec![], rules: vec![], guidance };
            let faults = faults_of_file(&file, |scope| scope == Scope::Site(known));
            faults.into_iter().map(|fault| (fault.line, fault.message)).collect::<Vec<_>>()
        };
        assert_eq!(faults(vec![set(here, "/map"), set(known, "/map")]), []);
        let check = |guidance: Vec<ScopeAdvice>, line: u32, words: &str| {
            let found = faults(guidance);
            let [(at, message)] = found.as_slice() else { panic!("{found:?}") };
            assert!(*at == line && message.contains(words), "{found:?}");
        };
        check(vec![set(here, "/map"), set(nowhere, "/map")], 2, "no such part");
        check(vec![set(here, "/map"), set(here, "/")], 2, "twice");
        check(vec![set(here, "https://elsewhere.example")], 1, "no path of the app");
    }
}
