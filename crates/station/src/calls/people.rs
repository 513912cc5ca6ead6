//! Signing in and out, the first admin, and what a person prefers.

use penstock_api::{
    ApiError, Code, CreateFirstAdmin, Done, NamedPerson, Preferences, Session, SignIn, SoundChoice, StationCard,
};
use penstock_model::{Person, Role, UserId};
use penstock_store::AuditEntry;

use super::{Context, DONE};
use crate::clock::offset_of;
use crate::configuration::store_error;
use crate::secrets::random_bytes;
use crate::sessions::{MIN_PASSWORD_CHARS, hash_password, verify_password};

/// Hashes computed at once: each takes 19 MiB and tens of milliseconds of a core.
static HASHING: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

impl Context<'_> {
    pub(super) fn hello(&self) -> StationCard {
        let shared = self.shared;
        let (plant, time_zone) = {
            let register = shared.register.lock();
            (register.plant.name.clone(), register.plant.time_zone.clone())
        };
        let demo_people = match self.caller.origin.is_local() {
            true => shared.demo.shown(),
            false => Vec::new(),
        };
        StationCard {
            station: shared.settings().settings.station.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            utc_offset_secs: offset_of(&time_zone, shared.clock.now()),
            plant,
            time_zone,
            first_start: shared.first_start.load(std::sync::atomic::Ordering::Acquire) && demo_people.is_empty(),
            demo_people,
            counts: shared.live.counts(),
            status: shared.status(),
        }
    }

    pub(super) async fn create_first_admin(&self, call: CreateFirstAdmin) -> Result<Session, ApiError> {
        if !self.caller.origin.is_local() {
            return Err(ApiError::new(Code::Forbidden, "the first admin is made on the station's own machine"));
        }
        let name = checked_name(&call.name)?;
        let full_name = call.full_name.trim().to_owned();
        if full_name.is_empty() || full_name.chars().count() > 80 {
            return Err(ApiError::invalid("give the full name, 1 to 80 characters"));
        }
        check_password(&call.password, &name)?;
        let _one_at_a_time = self.shared.turn().await?;
        if !self.shared.first_start.load(std::sync::atomic::Ordering::Acquire) || !self.shared.demo.shown().is_empty() {
            return Err(ApiError::new(Code::Conflict, "there is an admin already: sign in, or ask them"));
        }
        let hash = hashed(call.password).await?;
        let now = self.shared.clock.now();
        let random = random_bytes(10).try_into().unwrap_or([0; 10]);
        // Who sets a station up alone must also be able to answer its alarms, and to keep some from calling.
        let person =
            Person { id: UserId::made(now, random), name, full_name, roles: vec![Role::Admin, Role::Supervisor] };
        let entry = AuditEntry {
            who: Some(person.id),
            new: serde_json::to_value(&person).ok(),
            ..self.audit(format!("person {}", person.name))
        };
        self.shared
            .store
            .create_first_admin(self.shared.tenant, &person, &hash, &[entry])
            .await
            .map_err(store_error)?;
        self.shared.first_start.store(false, std::sync::atomic::Ordering::Release);
        Ok(self.open(person, Preferences::default()).await)
    }

    pub(super) async fn sign_in(&self, call: SignIn) -> Result<Session, ApiError> {
        let shared = self.shared;
        let name = call.name.trim().to_lowercase();
        if name.len() > 200 || call.password.len() > 1_000 {
            return Err(ApiError::invalid("name or password is too long"));
        }
        shared.sessions.may_try(&name)?;
        let found = match shared.demo.find(&name).filter(|_| self.caller.origin.is_local()) {
            Some((person, hash)) => Some((person, hash)),
            None => self.stored_person(&name).await?,
        };
        let (person, hash) = found.map_or((None, None), |(person, hash)| (Some(person), Some(hash)));
        let right = verified(call.password, hash).await?;
        shared.sessions.tried(&name, right);
        match person.filter(|_| right) {
            Some(person) => {
                let preferences = self.preferences_of(person.id).await.unwrap_or_default();
                tracing::info!(person = person.name, from = %self.caller.origin, "signed in");
                Ok(self.open(person, preferences).await)
            }
            None => {
                tracing::warn!(name, from = %self.caller.origin, "a sign-in was refused");
                Err(ApiError::new(Code::Forbidden, "name or password is wrong"))
            }
        }
    }

    pub(super) async fn sign_out(&self) -> Done {
        if let Some(token) = &self.caller.token {
            self.shared.sessions.close(token);
            self.leave_positions().await;
        }
        DONE
    }

    pub(super) async fn who_am_i(&self) -> Result<Session, ApiError> {
        let holder = self.holder()?;
        let preferences = self.preferences_of(holder.person.id).await.unwrap_or_default();
        Ok(Session {
            token: self.caller.token.clone().unwrap_or_default(),
            person: holder.person.clone(),
            permissions: holder.permissions.clone(),
            positions: self.shared.positions.known(&holder.positions),
            preferences,
        })
    }

    pub(super) async fn save_preferences(&self, preferences: &Preferences) -> Result<Done, ApiError> {
        let preferences = Preferences {
            trend_pens: preferences.trend_pens.iter().copied().take(16).collect(),
            sound: SoundChoice { volume: preferences.sound.volume.clamp(1, 100), ..preferences.sound },
            ..preferences.clone()
        };
        let value = serde_json::to_value(&preferences).map_err(|error| ApiError::invalid(error.to_string()))?;
        self.shared.store.set_preferences(self.holder()?.person.id, &value).await.map_err(store_error)?;
        Ok(DONE)
    }

    pub(super) async fn names(&self) -> Result<Vec<NamedPerson>, ApiError> {
        let names = self.shared.screens.names().await.map_err(store_error)?;
        let mut people: Vec<_> = names.into_iter().map(|(id, full_name)| NamedPerson { id, full_name }).collect();
        people.sort_by(|one, other| one.full_name.cmp(&other.full_name));
        Ok(people)
    }

    /// Who has an account of that name here, and the hash of their password.
    async fn stored_person(&self, name: &str) -> Result<Option<(Person, String)>, ApiError> {
        let store = &self.shared.store;
        let found = store.person_by_name(name).await.map_err(store_error)?;
        let Some((_, person)) = found.filter(|(tenant, _)| *tenant == self.shared.tenant) else { return Ok(None) };
        let hash = store.password_hash(person.id).await.map_err(store_error)?;
        Ok(hash.map(|hash| (person, hash)))
    }

    async fn open(&self, person: Person, preferences: Preferences) -> Session {
        let (token, permissions) = self.shared.sessions.open(person.clone());
        let positions = self.begin_with_positions(&token, person.id, &permissions).await;
        Session { token, person, permissions, positions, preferences }
    }

    /// What a person prefers; the defaults while the database is away.
    async fn preferences_of(&self, person: UserId) -> Option<Preferences> {
        let value = self.shared.store.preferences(person).await.ok()?;
        serde_json::from_value(value).ok()
    }
}

fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim().to_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if (2..=40).contains(&name.len()) && name.chars().all(plain) {
        Ok(name)
    } else {
        Err(ApiError::invalid("the name to sign in with has 2 to 40 letters a to z, digits, dots and hyphens"))
    }
}

fn check_password(password: &str, name: &str) -> Result<(), ApiError> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(ApiError::invalid(format!(
            "the password needs at least {MIN_PASSWORD_CHARS} characters; three words do"
        )));
    }
    if password.len() > 1_000 || password.to_lowercase().contains(name) {
        return Err(ApiError::invalid("the password must not contain the name, nor be longer than 1,000 characters"));
    }
    Ok(())
}

async fn hashed(password: String) -> Result<String, ApiError> {
    let _turn = HASHING.acquire().await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?;
    tokio::task::spawn_blocking(move || hash_password(&password))
        .await
        .map_err(|error| ApiError::new(Code::Failed, error.to_string()))?
}

async fn verified(password: String, hash: Option<String>) -> Result<bool, ApiError> {
    let _turn = HASHING.acquire().await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?;
    tokio::task::spawn_blocking(move || verify_password(&password, hash.as_deref()))
        .await
        .map_err(|error| ApiError::new(Code::Failed, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_checked() {
        assert_eq!(checked_name(" Asha.Verma "), Ok("asha.verma".to_owned()));
        for bad in ["", "a", "has space", "ü.b", "x".repeat(41).as_str()] {
            assert!(checked_name(bad).is_err(), "{bad}");
        }
        assert!(check_password("quiet-basin-2581", "asha").is_ok());
        assert!(check_password("short", "asha").is_err());
        assert!(check_password("asha-asha-asha", "asha").is_err());
    }

    #[test]
    fn zones_have_offsets() {
        let at = penstock_model::Timestamp::parse("2026-11-21T12:00:00Z").expect("time");
        assert_eq!(offset_of("Asia/Kolkata", at), 19_800);
        assert_eq!(offset_of("Nowhere/Land", at), 0);
    }
}
