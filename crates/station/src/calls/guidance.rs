//! What is told beside alarms: as it comes out for one alarm, and as it is set for parts of the plant. All but versions
//! is answered from memory, also while the database is away.

use std::sync::Arc;

use penstock_api::{ApiError, Code, Done, GuidanceVersion, SaveGuidance, ScopeGuidance};
use penstock_model::{Advice, ResolvedAdvice, RuleId, Scope, ScopeAdvice};
use penstock_store::AuditEntry;

use super::alarms::demanded;
use super::points::to_its_end;
use super::{Context, DONE};
use crate::configuration::store_error;
use crate::journal;

impl Context<'_> {
    pub(super) async fn alarm_guidance(&self, rule: RuleId) -> Result<ResolvedAdvice, ApiError> {
        let shared = self.shared;
        let found = journal::rule_of(&shared.register, &shared.screens, rule).await?;
        let register = shared.register.lock();
        Ok(register.advice_of(&found))
    }

    /// What is set, by part of the plant; parts that say nothing any more are left out.
    pub(super) fn guidance(&self) -> Vec<ScopeAdvice> {
        let register = self.shared.register.lock();
        let nothing = Advice::default();
        register.guidance.values().filter(|set| set.advice != nothing).cloned().collect()
    }

    pub(super) fn scope_guidance(&self, scope: Scope) -> Result<ScopeGuidance, ApiError> {
        let register = self.shared.register.lock();
        if !register.has(scope) {
            return Err(ApiError::new(Code::NotFound, "the plant has no such part: load the list again"));
        }
        Ok(ScopeGuidance { own: register.advice_for(scope), inherited: register.inherited_advice(scope) })
    }

    pub(super) async fn save_guidance(&self, call: SaveGuidance) -> Result<Done, ApiError> {
        let subject = format!("guidance of {}", call.scope);
        let audit = AuditEntry { reason: Some(demanded(&call.reason)?), ..self.audit(subject) };
        let given = ScopeAdvice { scope: call.scope, version: call.version, advice: call.advice.trimmed() };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move { shared.save_guidance(given, audit).await }).await?;
        Ok(DONE)
    }

    /// Every version of what was set for a part of the plant, newest first.
    pub(super) async fn guidance_versions(&self, scope: Scope) -> Result<Vec<GuidanceVersion>, ApiError> {
        let versions = self.shared.screens.guidance_versions(scope).await.map_err(store_error)?;
        let names = self.shared.screens.names().await.map_err(store_error)?;
        let version = |version: penstock_store::GuidanceVersion| GuidanceVersion {
            set: version.set,
            at: version.saved_at,
            by: version.saved_by.and_then(|by| names.get(&by).cloned()),
            reason: version.reason,
        };
        Ok(versions.into_iter().map(version).collect())
    }
}
