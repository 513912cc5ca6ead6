//! Operator positions: saved, removed, taken up for a session and left with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use penstock_api::{ApiError, Code, Done};
use penstock_model::{OperatorPosition, OperatorPositionId, Permission, Permissions, Reach, UserId};
use penstock_store::AuditEntry;

use super::points::to_its_end;
use super::{Context, DONE};
use crate::configuration::store_error;
use crate::secrets::random_bytes;

/// Positions at most: each travels to every screen.
const MOST: usize = 100;

impl Context<'_> {
    pub(super) async fn save_position(&self, mut position: OperatorPosition) -> Result<OperatorPosition, ApiError> {
        position.name = position.name.trim().to_owned();
        if let Some(fault) = position.fault() {
            return Err(ApiError::invalid(fault));
        }
        self.is_of_the_plant(&position.reach)?;
        let _one_at_a_time = self.shared.turn().await?;
        let former = self.shared.positions.get(position.id);
        if position.id.0.is_nil() {
            if self.shared.positions.count() >= MOST {
                return Err(ApiError::invalid(format!("there are {MOST} positions, the most: remove one first")));
            }
            let random = random_bytes(10).try_into().unwrap_or([0; 10]);
            position.id = OperatorPositionId::made(self.shared.clock.now(), random);
        } else if former.is_none() {
            return Err(unknown());
        }
        let entry = AuditEntry {
            old: former.and_then(|former| serde_json::to_value(former).ok()),
            new: serde_json::to_value(&position).ok(),
            ..self.audit(format!("position {}", position.name))
        };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move {
            shared.store.save_position(shared.tenant, &position, &[entry]).await.map_err(store_error)?;
            shared.positions.put(position.clone());
            Ok(position)
        })
        .await
    }

    pub(super) async fn remove_position(&self, id: OperatorPositionId) -> Result<Done, ApiError> {
        let _one_at_a_time = self.shared.turn().await?;
        let former = self.shared.positions.get(id).ok_or_else(unknown)?;
        let subject = format!("position {}", former.name);
        let entry = AuditEntry { old: serde_json::to_value(former).ok(), ..self.audit(subject) };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move {
            shared.store.remove_position(shared.tenant, id, &[entry]).await.map_err(store_error)?;
            shared.positions.remove(id);
            Ok(DONE)
        })
        .await
    }

    /// Holds these positions in this session from now on, and no others.
    pub(super) async fn take_up_positions(
        &self,
        wanted: BTreeSet<OperatorPositionId>,
    ) -> Result<BTreeSet<OperatorPositionId>, ApiError> {
        let shared = self.shared;
        if shared.positions.known(&wanted) != wanted {
            return Err(unknown());
        }
        let holder = self.holder()?;
        let entry = AuditEntry {
            old: Some(shared.positions.named(&holder.positions)),
            new: Some(shared.positions.named(&wanted)),
            ..self.audit("positions")
        };
        let (person, token) = (holder.person.id, self.caller.token.clone().unwrap_or_default());
        let shared = Arc::clone(shared);
        to_its_end(self.shared, async move {
            shared.store.take_up_positions(person, &wanted, &[entry]).await.map_err(store_error)?;
            shared.sessions.hold(&token, wanted.clone())?;
            shared.positions.tell();
            Ok(wanted)
        })
        .await
    }

    /// Has a new session hold the positions that the person took up last, where they may answer alarms. What cannot be
    /// accounted for is not held: then they answer for everything.
    pub(super) async fn begin_with_positions(
        &self,
        token: &str,
        person: UserId,
        permissions: &Permissions,
    ) -> BTreeSet<OperatorPositionId> {
        let shared = self.shared;
        if !permissions.allow(Permission::AnswerAlarms) {
            return BTreeSet::new();
        }
        let begun = async {
            let last = shared.store.last_positions(person).await.map_err(store_error)?;
            let held = shared.positions.known(&last);
            if !held.is_empty() {
                let new = Some(shared.positions.named(&held));
                let entry = AuditEntry { who: Some(person), new, ..self.audit("positions") };
                shared.store.append_audit(&[entry]).await.map_err(store_error)?;
                shared.sessions.hold(token, held.clone())?;
            }
            Ok::<_, ApiError>(held)
        };
        begun.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the positions that were taken up last are not held: who signed in answers for all");
            BTreeSet::new()
        })
    }

    /// Accounts for the positions that the session held, which has ended by now.
    pub(super) async fn leave_positions(&self) {
        let shared = self.shared;
        shared.positions.tell();
        let held = self.holder.as_ref().map(|holder| shared.positions.known(&holder.positions)).unwrap_or_default();
        if held.is_empty() {
            return;
        }
        let entry = AuditEntry { old: Some(shared.positions.named(&held)), ..self.audit("positions") };
        if let Err(error) = shared.store.append_audit(&[entry]).await {
            tracing::warn!(%error, "that positions were left with a session is not in the audit");
        }
    }

    /// Whether there are the areas that a position answers for.
    fn is_of_the_plant(&self, reach: &Reach) -> Result<(), ApiError> {
        let Reach::Areas { areas, .. } = reach else { return Ok(()) };
        let register = self.shared.register.lock();
        let known: BTreeSet<_> = register.plant.areas.iter().map(|area| area.id).collect();
        match areas.is_subset(&known) {
            true => Ok(()),
            false => Err(ApiError::invalid("the position names an area that is not in the plant: load the list again")),
        }
    }
}

fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such position any more: load the list again")
}
