//! Changes of what is told beside the alarms of a part of the plant: checked, stored with their audit, then told. Must
//! not know shells, nor how one part inherits from another.

use penstock_api::{ApiError, Code};
use penstock_model::ScopeAdvice;
use penstock_store::AuditEntry;

use super::store_error;
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

#[cfg(test)]
mod tests {
    use penstock_model::{Advice, Plant, PointId, Scope, Site, SiteId, SiteKind, TenantId, Timestamp};

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
}
