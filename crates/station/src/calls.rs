//! The one gate: every call of every shell comes through [`Station::call`], which checks the session and the permission
//! before anything else.
//!
//! Must not know shells: a call is what it asks, whoever carried it.

mod alarms;
mod analysis;
mod baseline;
mod floods;
mod guidance;
mod health;
mod history;
mod people;
mod places;
mod points;
mod positions;
mod rules;
mod settings;
mod similar;
mod suppressions;
mod trial;
mod work;

use std::net::IpAddr;
use std::sync::Arc;

use penstock_api::{Access, ApiError, Call, Code, Done, Register as RegisterReply, Request};
use penstock_store::AuditEntry;
use serde::Serialize;

use crate::sessions::Holder;
use crate::station::{Shared, Station};
pub(crate) use analysis::Analyses;

/// Where a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The window on the station's own machine.
    Window,
    /// HTTP, from this address.
    Http(IpAddr),
}

impl Origin {
    /// Whether it is the station's own machine.
    pub fn is_local(self) -> bool {
        match self {
            Self::Window => true,
            Self::Http(address) => address.is_loopback(),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Window => f.write_str("window on this machine"),
            Self::Http(address) => write!(f, "{address}"),
        }
    }
}

/// Who makes a call, as far as the shell can tell.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The session it carries.
    pub token: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A call that has passed the gate.
struct Context<'a> {
    shared: &'a Arc<Shared>,
    caller: &'a Caller,
    /// Who; none where the call needs nobody.
    holder: Option<Holder>,
    name: &'static str,
}

impl Station {
    /// Makes a call; its reply comes as JSON.
    ///
    /// # Errors
    /// [`Code::SignedOut`] and [`Code::Forbidden`] from the gate, else what the call says.
    pub async fn call(&self, caller: &Caller, request: Request) -> Result<String, ApiError> {
        let name = request.name();
        let holder = self.admit(caller, &request)?;
        let context = Context { shared: &self.shared, caller, holder, name };
        let outcome = context.answer(request).await;
        if let Err(error) = &outcome
            && error.code == Code::Failed
        {
            tracing::error!(call = name, error = error.message, "a call failed");
        }
        outcome
    }

    /// The gate: the session that the call carries, where it needs one, holds what the call needs.
    fn admit(&self, caller: &Caller, request: &Request) -> Result<Option<Holder>, ApiError> {
        let signed_out = || ApiError::new(Code::SignedOut, "sign in first");
        let holder = || self.shared.sessions.check(caller.token.as_deref().ok_or_else(signed_out)?);
        match request.access() {
            Access::Anyone => Ok(None),
            Access::SignedIn => holder().map(Some),
            Access::Holding(permission) => {
                let holder = holder()?;
                if holder.permissions.allow(permission) {
                    return Ok(Some(holder));
                }
                tracing::warn!(call = request.name(), person = holder.person.name, from = %caller.origin, "refused");
                Err(ApiError::new(Code::Forbidden, "your roles do not allow this: ask an admin"))
            }
        }
    }
}

impl Context<'_> {
    async fn answer(&self, request: Request) -> Result<String, ApiError> {
        match request {
            Request::Hello(_) => reply::<penstock_api::Hello>(&self.hello()),
            Request::CreateFirstAdmin(call) => {
                reply::<penstock_api::CreateFirstAdmin>(&self.create_first_admin(call).await?)
            }
            Request::SignIn(call) => reply::<penstock_api::SignIn>(&self.sign_in(call).await?),
            Request::SignOut(_) => reply::<penstock_api::SignOut>(&self.sign_out().await),
            Request::WhoAmI(_) => reply::<penstock_api::WhoAmI>(&self.who_am_i().await?),
            Request::SavePreferences(call) => {
                reply::<penstock_api::SavePreferences>(&self.save_preferences(&call.preferences).await?)
            }
            Request::GetRegister(_) => reply::<penstock_api::GetRegister>(&self.register()),
            Request::SavePoints(call) => reply::<penstock_api::SavePoints>(&self.save_points(call).await?),
            Request::ImportPoints(call) => reply::<penstock_api::ImportPoints>(&self.import_points(call).await?),
            Request::ExportPoints(_) => reply::<penstock_api::ExportPoints>(&self.export_points()),
            Request::ExportPlant(_) => reply::<penstock_api::ExportPlant>(&self.export_plant()),
            Request::ImportPlant(call) => reply::<penstock_api::ImportPlant>(&self.import_plant(*call.file).await?),
            Request::ListPlacesNear(call) => reply::<penstock_api::ListPlacesNear>(&self.places_near(call).await?),
            Request::ListPlacesWithin(call) => {
                reply::<penstock_api::ListPlacesWithin>(&self.places_within(call).await?)
            }
            Request::ListPlacesAlong(call) => reply::<penstock_api::ListPlacesAlong>(&self.places_along(call).await?),
            Request::GetHistory(call) => reply::<penstock_api::GetHistory>(&self.history(call).await?),
            Request::ExportHistory(call) => reply::<penstock_api::ExportHistory>(&self.export_history(call)?),
            Request::ImportHistory(call) => reply::<penstock_api::ImportHistory>(&self.import_history(call).await?),
            Request::GetValuesAt(call) => reply::<penstock_api::GetValuesAt>(&self.values_at(call).await?),
            Request::GetAlarm(call) => reply::<penstock_api::GetAlarm>(&self.alarm(call.rule).await?),
            Request::ListSimilarEpisodes(call) => {
                reply::<penstock_api::ListSimilarEpisodes>(&self.similar_episodes(call).await?)
            }
            Request::ListJournal(call) => reply::<penstock_api::ListJournal>(&self.journal(call).await?),
            Request::ExportJournal(call) => reply::<penstock_api::ExportJournal>(&self.export_journal(call)?),
            Request::ListNames(_) => reply::<penstock_api::ListNames>(&self.names().await?),
            Request::GetAlarmFigures(call) => reply::<penstock_api::GetAlarmFigures>(&self.alarm_figures(call).await?),
            Request::ListPositions(_) => reply::<penstock_api::ListPositions>(&self.shared.positions.list()),
            Request::SavePosition(call) => {
                reply::<penstock_api::SavePosition>(&self.save_position(call.position).await?)
            }
            Request::RemovePosition(call) => {
                reply::<penstock_api::RemovePosition>(&self.remove_position(call.position).await?)
            }
            Request::TakeUpPositions(call) => {
                reply::<penstock_api::TakeUpPositions>(&self.take_up_positions(call.positions).await?)
            }
            Request::ListFloodGroups(call) => reply::<penstock_api::ListFloodGroups>(&self.flood_groups(call).await?),
            Request::AcknowledgeAlarms(call) => {
                reply::<penstock_api::AcknowledgeAlarms>(&self.acknowledge(call).await?)
            }
            Request::CommentAlarm(call) => reply::<penstock_api::CommentAlarm>(&self.comment(call).await?),
            Request::ResetAlarms(call) => reply::<penstock_api::ResetAlarms>(&self.reset(call).await?),
            Request::ShelveAlarms(call) => reply::<penstock_api::ShelveAlarms>(&self.shelve(call).await?),
            Request::UnshelveAlarms(call) => reply::<penstock_api::UnshelveAlarms>(&self.unshelve(call).await?),
            Request::TakeOutOfService(call) => {
                reply::<penstock_api::TakeOutOfService>(&self.take_out_of_service(call).await?)
            }
            Request::ReturnToService(call) => {
                reply::<penstock_api::ReturnToService>(&self.return_to_service(call).await?)
            }
            Request::ListRules(_) => reply::<penstock_api::ListRules>(&self.rules()),
            Request::SaveRules(call) => reply::<penstock_api::SaveRules>(&self.save_rules(call).await?),
            Request::RemoveRules(call) => reply::<penstock_api::RemoveRules>(&self.remove_rules(call).await?),
            Request::ListRuleVersions(call) => {
                reply::<penstock_api::ListRuleVersions>(&self.rule_versions(call.rule).await?)
            }
            Request::TryRule(call) => reply::<penstock_api::TryRule>(&self.try_rule(call).await?),
            Request::ProposeCure(call) => reply::<penstock_api::ProposeCure>(&self.propose_cure(&call).await?),
            Request::ListWork(_) => reply::<penstock_api::ListWork>(&self.work().await?),
            Request::ApplyCure(call) => reply::<penstock_api::ApplyCure>(&self.apply_cure(call).await?),
            Request::DismissWork(call) => reply::<penstock_api::DismissWork>(&self.dismiss_work(call).await?),
            Request::ReopenWork(call) => reply::<penstock_api::ReopenWork>(&self.reopen_work(call).await?),
            Request::ListApprovals(_) => reply::<penstock_api::ListApprovals>(&self.approvals().await?),
            Request::VerifyApprovals(_) => reply::<penstock_api::VerifyApprovals>(&self.verify_approvals().await?),
            Request::ListDrift(_) => reply::<penstock_api::ListDrift>(&self.drift().await?),
            Request::ApproveRules(call) => reply::<penstock_api::ApproveRules>(&self.approve_rules(call).await?),
            Request::GetAlarmMetrics(_) => reply::<penstock_api::GetAlarmMetrics>(&self.alarm_metrics()),
            Request::ResetAlarmMetrics(call) => {
                reply::<penstock_api::ResetAlarmMetrics>(&self.reset_alarm_metrics(&call.reason).await?)
            }
            Request::ListUnauthorised(_) => reply::<penstock_api::ListUnauthorised>(&self.unauthorised().await?),
            Request::ExportRules(call) => reply::<penstock_api::ExportRules>(&self.export_rules(&call)?),
            Request::ImportRules(call) => reply::<penstock_api::ImportRules>(&self.import_rules(call).await?),
            Request::GetAlarmGuidance(call) => {
                reply::<penstock_api::GetAlarmGuidance>(&self.alarm_guidance(call.rule).await?)
            }
            Request::ListGuidance(_) => reply::<penstock_api::ListGuidance>(&self.guidance()),
            Request::GetScopeGuidance(call) => {
                reply::<penstock_api::GetScopeGuidance>(&self.scope_guidance(call.scope)?)
            }
            Request::SaveGuidance(call) => reply::<penstock_api::SaveGuidance>(&self.save_guidance(call).await?),
            Request::ListGuidanceVersions(call) => {
                reply::<penstock_api::ListGuidanceVersions>(&self.guidance_versions(call.scope).await?)
            }
            Request::GetHealth(_) => reply::<penstock_api::GetHealth>(&self.health().await),
            Request::ListRejects(call) => reply::<penstock_api::ListRejects>(&self.rejects(call.limit).await?),
            Request::ListDeviceAlerts(call) => {
                reply::<penstock_api::ListDeviceAlerts>(&self.device_alerts(call.limit).await?)
            }
            Request::GetPublishExample(_) => reply::<penstock_api::GetPublishExample>(&self.publish_example()?),
            Request::GetSettings(_) => reply::<penstock_api::GetSettings>(&self.settings_view().await?),
            Request::SaveBroker(call) => reply::<penstock_api::SaveBroker>(&self.save_broker(call.broker).await?),
            Request::RemoveBroker(call) => reply::<penstock_api::RemoveBroker>(&self.remove_broker(&call.name).await?),
            Request::TestBroker(call) => reply::<penstock_api::TestBroker>(&self.test_broker(call.broker).await?),
            Request::SaveTiles(call) => reply::<penstock_api::SaveTiles>(&self.save_tiles(call.enabled).await?),
            Request::SaveRetention(call) => {
                reply::<penstock_api::SaveRetention>(&self.save_retention(&call.retention).await?)
            }
            Request::SaveArchive(call) => reply::<penstock_api::SaveArchive>(&self.save_archive(call.archive).await?),
            Request::TestArchive(call) => reply::<penstock_api::TestArchive>(&self.test_archive(call.archive).await?),
        }
    }

    /// The one who makes the call.
    ///
    /// # Errors
    /// [`Code::SignedOut`] where the call needs nobody and nobody is signed in.
    fn holder(&self) -> Result<&Holder, ApiError> {
        self.holder.as_ref().ok_or_else(|| ApiError::new(Code::SignedOut, "sign in first"))
    }

    /// An audit entry about this call.
    fn audit(&self, subject: impl Into<String>) -> AuditEntry {
        let who = self.holder.as_ref().map(|holder| holder.person.id);
        let entry = AuditEntry::new(self.shared.tenant, self.shared.clock.now(), who, self.name, subject);
        AuditEntry { from_where: self.caller.origin.to_string(), ..entry }
    }

    fn register(&self) -> RegisterReply {
        let tiles = self.shared.settings().settings.map.tiles;
        let register = self.shared.register.lock();
        let listed = register.points.values().filter(|point| point.state != penstock_model::PointState::Ignored);
        RegisterReply {
            version: register.version,
            plant: register.plant.clone(),
            points: listed.cloned().collect(),
            tiles,
        }
    }
}

/// The reply of the call `C` as JSON: its type is checked against what the contract says.
fn reply<C: Call>(reply: &C::Reply) -> Result<String, ApiError>
where
    C::Reply: Serialize,
{
    serde_json::to_string(reply)
        .map_err(|error| ApiError::new(Code::Failed, format!("{}: the reply cannot be written: {error}", C::NAME)))
}

const DONE: Done = Done {};

#[cfg(test)]
mod tests {
    /// What calls ask the owner of the tables for: changes, what signing in needs, what people may do, who removed a
    /// rule, what the audit says of the last approval, and whether there is an archive.
    const OF_OWNER: [&str; 14] = [
        "append_audit",
        "audited_approval",
        "create_first_admin",
        "has_archive",
        "last_positions",
        "password_hash",
        "people",
        "person_by_name",
        "preferences",
        "removals",
        "remove_position",
        "save_position",
        "set_preferences",
        "take_up_positions",
    ];

    #[test]
    fn calls_read_as_screens_and_never_as_the_owner() {
        let sources = [
            include_str!("calls/alarms.rs"),
            include_str!("calls/analysis.rs"),
            include_str!("calls/guidance.rs"),
            include_str!("calls/floods.rs"),
            include_str!("calls/baseline.rs"),
            include_str!("calls/health.rs"),
            include_str!("calls/history.rs"),
            include_str!("calls/people.rs"),
            include_str!("calls/places.rs"),
            include_str!("calls/points.rs"),
            include_str!("calls/positions.rs"),
            include_str!("calls/rules.rs"),
            include_str!("calls/settings.rs"),
            include_str!("calls/similar.rs"),
            include_str!("calls/suppressions.rs"),
            include_str!("calls/trial.rs"),
            include_str!("calls/work.rs"),
        ];
        for source in sources {
            let source: String = source.split_whitespace().collect();
            let asked = source.split("store.").skip(1).filter_map(|after| after.split('(').next());
            for method in asked {
                assert!(OF_OWNER.contains(&method), "store.{method}: read through `screens`");
            }
        }
    }
}
