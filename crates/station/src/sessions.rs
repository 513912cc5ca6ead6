//! Who is signed in: sessions with tokens, and the passwords that open them.
//!
//! Must not know shells: a session is a token that a call carries, whatever way it came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use penstock_api::{ApiError, Code};
use penstock_model::{Clock, OperatorPositionId, Permissions, Person, Role, Timestamp, UserId};
use sha2::Digest;

use crate::secrets::random_bytes;

/// At most so many sessions; the one idle for longest gives way.
const MAX_SESSIONS: usize = 1_000;
/// Wrong passwords in a row of one name before it waits.
const FREE_TRIES: u32 = 5;
/// The longest wait after wrong passwords.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Names whose wrong passwords are counted at once.
const MAX_COUNTED_NAMES: usize = 10_000;

/// The shortest password that is taken, in characters (NIST SP 800-63B asks for 8 and advises more).
pub(crate) const MIN_PASSWORD_CHARS: usize = 12;

/// What a session is known by: the hash of its token.
pub(crate) type SessionKey = [u8; 32];

/// Open sessions by the hash of their token: a copy of memory gives no token away.
pub(crate) struct Sessions {
    clock: Clock,
    idle: Duration,
    open: Mutex<BTreeMap<SessionKey, Open>>,
    tries: Mutex<BTreeMap<String, Tries>>,
}

#[derive(Clone)]
struct Open {
    person: Person,
    permissions: Permissions,
    positions: BTreeSet<OperatorPositionId>,
    used_at: Timestamp,
}

#[derive(Clone, Copy)]
struct Tries {
    wrong: u32,
    last: Timestamp,
}

/// The one who makes a call, after the session check.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    /// Who.
    pub person: Person,
    /// What they may do.
    pub permissions: Permissions,
    /// The operator positions that they took up in this session; some may have been removed since.
    pub positions: BTreeSet<OperatorPositionId>,
}

impl Sessions {
    /// None open; each ends after `idle` without use.
    pub(crate) fn new(clock: Clock, idle: Duration) -> Self {
        Self { clock, idle, open: Mutex::default(), tries: Mutex::default() }
    }

    /// Opens a session and gives its token.
    pub(crate) fn open(&self, person: Person) -> (String, Permissions) {
        let token = hex::encode(random_bytes(32));
        let permissions = permissions_of(&person.roles);
        let now = self.clock.now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| now.since(session.used_at) < self.idle);
        if open.len() >= MAX_SESSIONS {
            let oldest = open.iter().min_by_key(|(_, session)| session.used_at).map(|(key, _)| *key);
            if let Some(key) = oldest {
                open.remove(&key);
            }
        }
        let session = Open { person, permissions: permissions.clone(), positions: BTreeSet::new(), used_at: now };
        open.insert(key_of(&token), session);
        (token, permissions)
    }

    /// Has a session hold these operator positions from now on, and no others.
    ///
    /// # Errors
    /// [`Code::SignedOut`] where it has ended.
    pub(crate) fn hold(&self, token: &str, positions: BTreeSet<OperatorPositionId>) -> Result<(), ApiError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&key_of(token)).ok_or_else(ended)?;
        session.positions = positions;
        Ok(())
    }

    /// What the person of a session is called, and the operator positions that they hold in it; none where it has
    /// ended. Does not count as use.
    pub(crate) fn held_in(&self, session: &SessionKey) -> Option<(String, BTreeSet<OperatorPositionId>)> {
        let now = self.clock.now();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(session).filter(|session| now.since(session.used_at) < self.idle)?;
        Some((session.person.full_name.clone(), session.positions.clone()))
    }

    /// Whose session `token` is; counts as use.
    ///
    /// # Errors
    /// [`Code::SignedOut`] where there is none or it has ended.
    pub(crate) fn check(&self, token: &str) -> Result<Holder, ApiError> {
        let now = self.clock.now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key_of(token);
        match open.get_mut(&key) {
            Some(session) if now.since(session.used_at) < self.idle => {
                session.used_at = now;
                Ok(Holder {
                    person: session.person.clone(),
                    permissions: session.permissions.clone(),
                    positions: session.positions.clone(),
                })
            }
            found => {
                if found.is_some() {
                    open.remove(&key);
                }
                Err(ended())
            }
        }
    }

    /// What those of these people are called who are signed in.
    pub(crate) fn names_of(&self, people: &BTreeSet<UserId>) -> BTreeMap<UserId, String> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.values().map(|session| &session.person).filter(|person| people.contains(&person.id));
        known.map(|person| (person.id, person.full_name.clone())).collect()
    }

    /// Ends a session.
    pub(crate) fn close(&self, token: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&key_of(token));
    }

    /// Ends every session of these people.
    pub(crate) fn close_all_of(&self, people: &[UserId]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| !people.contains(&session.person.id));
    }

    /// Whether `name` may try a password now.
    ///
    /// # Errors
    /// [`Code::Forbidden`] with the time to wait after too many wrong ones.
    pub(crate) fn may_try(&self, name: &str) -> Result<(), ApiError> {
        let tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(counted) = tries.get(name) else { return Ok(()) };
        let wait = wait_after(counted.wrong);
        let waited = self.clock.now().since(counted.last);
        if waited >= wait {
            return Ok(());
        }
        let left = (wait - waited).as_secs() + 1;
        Err(ApiError::new(Code::Forbidden, format!("too many wrong passwords: try again in {left} s")))
    }

    /// Counts a wrong password, or forgets them after a right one.
    pub(crate) fn tried(&self, name: &str, right: bool) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if right {
            tries.remove(name);
            return;
        }
        let now = self.clock.now();
        if tries.len() >= MAX_COUNTED_NAMES {
            tries.retain(|_, counted| now.since(counted.last) < LONGEST_WAIT);
        }
        let counted = tries.entry(name.to_owned()).or_insert(Tries { wrong: 0, last: now });
        *counted = Tries { wrong: counted.wrong.saturating_add(1), last: now };
    }
}

/// Doubles from one second after the free tries.
fn wait_after(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(over) => Duration::from_secs(1 << over.min(16)).min(LONGEST_WAIT),
    }
}

fn ended() -> ApiError {
    ApiError::new(Code::SignedOut, "the session has ended: sign in again")
}

pub(crate) fn key_of(token: &str) -> SessionKey {
    sha2::Sha256::digest(token.as_bytes()).into()
}

/// Permissions of several roles add up.
fn permissions_of(roles: &[Role]) -> Permissions {
    penstock_model::Permission::ALL
        .into_iter()
        .filter(|permission| roles.iter().any(|role| role.permissions().allow(*permission)))
        .collect()
}

/// Argon2id with the costs that OWASP's password storage cheat sheet names first (19 MiB, 2 passes).
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1_024, 2, 1, None).unwrap_or_default())
}

/// The hash of a password, in PHC form. Takes tens of milliseconds of computing.
pub(crate) fn hash_password(password: &str) -> Result<String, ApiError> {
    hasher()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| ApiError::new(Code::Failed, format!("the password could not be hashed: {error}")))
}

/// Whether `password` has the hash `stored`. Where there is no such person the same work is done for nothing, so that
/// the answer takes as long.
pub(crate) fn verify_password(password: &str, stored: Option<&str>) -> bool {
    // The hash of a password that nobody has: random, made once.
    static NOBODY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let known = stored.is_some();
    let stored = stored.map_or_else(
        || NOBODY.get_or_init(|| hash_password(&hex::encode(random_bytes(16))).unwrap_or_default()).clone(),
        str::to_owned,
    );
    let Ok(hash) = argon2::PasswordHash::new(&stored) else { return false };
    hasher().verify_password(password.as_bytes(), &hash).is_ok() && known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person {
            id: UserId::made(Timestamp::from_secs(1), [1; 10]),
            name: "asha".into(),
            full_name: "Asha Verma".into(),
            roles: vec![Role::Operator],
        }
    }

    #[test]
    fn a_session_ends_when_it_idles() {
        let clock = Clock::manual(Timestamp::from_secs(1_000));
        let sessions = Sessions::new(clock.clone(), Duration::from_secs(60));
        let (token, permissions) = sessions.open(person());
        assert!(permissions.allow(penstock_model::Permission::AnswerAlarms));
        assert!(!permissions.allow(penstock_model::Permission::AdministerPoints));
        clock.set(Timestamp::from_secs(1_050));
        assert!(sessions.check(&token).is_ok());
        clock.set(Timestamp::from_secs(1_100));
        assert!(sessions.check(&token).is_ok(), "use prolongs it");
        clock.set(Timestamp::from_secs(1_161));
        assert_eq!(sessions.check(&token).map(|_| ()).map_err(|e| e.code), Err(Code::SignedOut));
        assert!(sessions.check("no such token").is_err());
    }

    #[test]
    fn signing_out_and_closing_end_it() {
        let sessions = Sessions::new(Clock::manual(Timestamp::from_secs(1)), Duration::from_secs(60));
        let (token, _) = sessions.open(person());
        sessions.close(&token);
        assert!(sessions.check(&token).is_err());
        let (token, _) = sessions.open(person());
        sessions.close_all_of(&[person().id]);
        assert!(sessions.check(&token).is_err());
    }

    #[test]
    fn positions_are_held_as_long_as_the_session_lasts() {
        let clock = Clock::manual(Timestamp::from_secs(1_000));
        let sessions = Sessions::new(clock.clone(), Duration::from_secs(60));
        let (token, _) = sessions.open(person());
        let held = |sessions: &Sessions| sessions.held_in(&key_of(&token));
        assert_eq!(held(&sessions), Some(("Asha Verma".to_owned(), BTreeSet::new())));
        let north = BTreeSet::from([OperatorPositionId::made(Timestamp::from_secs(1), [2; 10])]);
        sessions.hold(&token, north.clone()).expect("open");
        assert_eq!(held(&sessions).map(|(_, positions)| positions), Some(north.clone()));
        assert_eq!(sessions.check(&token).map(|holder| holder.positions), Ok(north.clone()));
        // Another session of the same person holds its own.
        let (other, _) = sessions.open(person());
        assert_eq!(sessions.check(&other).map(|holder| holder.positions), Ok(BTreeSet::new()));
        clock.set(Timestamp::from_secs(1_061));
        assert_eq!(held(&sessions), None, "it has idled too long");
        sessions.close(&token);
        assert_eq!(sessions.hold(&token, north).map_err(|error| error.code), Err(Code::SignedOut));
    }

    #[test]
    fn wrong_passwords_wait_longer_and_longer() {
        let clock = Clock::manual(Timestamp::from_secs(1));
        let sessions = Sessions::new(clock.clone(), Duration::from_secs(60));
        for _ in 0..FREE_TRIES {
            assert!(sessions.may_try("asha").is_ok());
            sessions.tried("asha", false);
        }
        assert!(sessions.may_try("asha").is_err());
        assert!(sessions.may_try("rohan").is_ok());
        clock.set(Timestamp::from_secs(3));
        assert!(sessions.may_try("asha").is_ok());
        sessions.tried("asha", true);
        assert!(sessions.may_try("asha").is_ok());
        assert_eq!(wait_after(1_000), LONGEST_WAIT);
    }

    #[test]
    fn passwords_are_hashed_and_told_apart() {
        let hash = hash_password("quiet-basin-2581").expect("hashes");
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_password("quiet-basin-2581", Some(&hash)));
        assert!(!verify_password("quiet-basin-2582", Some(&hash)));
        assert!(!verify_password("quiet-basin-2581", None));
        assert!(!verify_password("x", Some("not a hash")));
    }
}
