//! Where passwords and keys are kept: the operating system's keyring, else systemd's credentials, else memory.
//!
//! Nothing secret is ever written to disk in clear. Must not know what a secret is for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

/// A secret in memory; wiped when it is let go.
pub type Secret = Zeroizing<String>;

/// The name secrets have in the keyring.
const SERVICE: &str = "penstock";
/// Variables of the environment that give secrets begin with this.
const VARIABLE: &str = "PENSTOCK_SECRET__";

/// Where this station's secrets are kept.
#[derive(Clone)]
pub struct Secrets {
    /// Tells this station's secrets from another's on the same machine.
    scope: String,
    place: Place,
    memory: Arc<Mutex<BTreeMap<String, Secret>>>,
    given: Arc<BTreeMap<String, Secret>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Keyring,
    Memory { why: String },
}

/// Why a secret could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("the keyring refused {name}: {problem}; unlock it and try again")]
pub struct SecretError {
    name: String,
    problem: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("scope", &self.scope).field("place", &self.place).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Finds out which place there is, by writing and reading a probe: a keyring may answer and still be locked. Blocks.
    pub fn open(scope: &str, environment: impl Iterator<Item = (String, String)>) -> Self {
        let place = match probe(scope) {
            Ok(()) => Place::Keyring,
            Err(error) => Place::Memory { why: error.to_string() },
        };
        Self {
            scope: scope.to_owned(),
            place,
            memory: Arc::default(),
            given: Arc::new(given_secrets(environment, std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))),
        }
    }

    /// Secrets that are kept in memory only and forgotten at the end.
    pub fn in_memory(why: &str) -> Self {
        Self {
            scope: String::new(),
            place: Place::Memory { why: why.to_owned() },
            memory: Arc::default(),
            given: Arc::default(),
        }
    }

    /// Which place is in use, in words for people.
    pub fn describe(&self) -> String {
        let given = match self.given.len() {
            0 => String::new(),
            count => format!("; {count} given at start by the environment or systemd"),
        };
        match &self.place {
            Place::Keyring => format!("in the operating system's keyring{given}"),
            Place::Memory { why } => {
                format!("in memory until the station ends, because there is no usable keyring ({why}){given}")
            }
        }
    }

    /// Whether what is kept survives the station's end.
    pub fn lasting(&self) -> bool {
        self.place == Place::Keyring
    }

    /// The secret of that name, where there is one. What was given at start goes before what is kept. Blocks.
    ///
    /// # Errors
    /// Where the keyring is there but refuses.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        if let Some(secret) = self.given(name) {
            return Ok(Some(secret.clone()));
        }
        match self.place {
            Place::Memory { .. } => Ok(self.lock().get(name).cloned()),
            Place::Keyring => match self.entry(name)?.get_password() {
                Ok(secret) => Ok(Some(Zeroizing::new(secret))),
                Err(keyring::Error::NoEntry) => Ok(None),
                Err(error) => Err(SecretError { name: name.to_owned(), problem: error.to_string() }),
            },
        }
    }

    /// Whether what is kept under that name is there after a restart: the keyring has it, or it is given at each start.
    pub fn is_lasting(&self, name: &str) -> bool {
        self.lasting() || self.given(name).is_some()
    }

    fn given(&self, name: &str) -> Option<&Secret> {
        self.given.get(name).or_else(|| self.given.get(&plain(name)))
    }

    /// Keeps a secret under that name. Blocks.
    ///
    /// # Errors
    /// Where the keyring is there but refuses.
    pub fn set(&self, name: &str, secret: &str) -> Result<(), SecretError> {
        match self.place {
            Place::Memory { .. } => {
                self.lock().insert(name.to_owned(), Zeroizing::new(secret.to_owned()));
                Ok(())
            }
            Place::Keyring => self
                .entry(name)?
                .set_password(secret)
                .map_err(|error| SecretError { name: name.to_owned(), problem: error.to_string() }),
        }
    }

    /// Forgets a secret; it is well where there was none. Blocks.
    ///
    /// # Errors
    /// Where the keyring is there but refuses.
    pub fn forget(&self, name: &str) -> Result<(), SecretError> {
        match self.place {
            Place::Memory { .. } => {
                self.lock().remove(name);
                Ok(())
            }
            Place::Keyring => match self.entry(name)?.delete_credential() {
                Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
                Err(error) => Err(SecretError { name: name.to_owned(), problem: error.to_string() }),
            },
        }
    }

    /// The secret of that name, made by `make` and kept where there was none. Blocks.
    ///
    /// # Errors
    /// Where the keyring is there but refuses.
    pub fn get_or_make(&self, name: &str, make: impl FnOnce() -> String) -> Result<Secret, SecretError> {
        if let Some(secret) = self.get(name)? {
            return Ok(secret);
        }
        let secret = Zeroizing::new(make());
        self.set(name, &secret)?;
        Ok(secret)
    }

    fn entry(&self, name: &str) -> Result<keyring::Entry, SecretError> {
        keyring::Entry::new(SERVICE, &format!("{}/{name}", self.scope))
            .map_err(|error| SecretError { name: name.to_owned(), problem: error.to_string() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Secret>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes, reads and deletes a probe. Without a session bus this fails at once.
fn probe(scope: &str) -> Result<(), keyring::Error> {
    let entry = keyring::Entry::new(SERVICE, &format!("{scope}/probe"))?;
    entry.set_password("probe")?;
    entry.get_password()?;
    entry.delete_credential()
}

/// The name of a secret as the environment can spell it: small letters and digits, all else a hyphen.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// The variable of the environment that gives the secret of that name.
pub(crate) fn variable(name: &str) -> String {
    format!("{VARIABLE}{}", plain(name).replace('-', "_").to_ascii_uppercase())
}

/// Secrets given at start: `PENSTOCK_SECRET__DEVICE_PASSWORD` is `device-password`, as is systemd's credential of that
/// name; `PENSTOCK_SECRET__BROKER_SITE_2` is the password of the broker `site-2`, or `Site.2`.
fn given_secrets(
    environment: impl Iterator<Item = (String, String)>,
    credentials: Option<PathBuf>,
) -> BTreeMap<String, Secret> {
    let mut given = BTreeMap::new();
    for file in credentials.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten() {
        if let (Some(name), Ok(text)) = (file.file_name().to_str(), std::fs::read_to_string(file.path())) {
            given.insert(name.to_owned(), Zeroizing::new(text.trim_end_matches('\n').to_owned()));
        }
    }
    for (name, value) in environment {
        if let Some(name) = name.strip_prefix(VARIABLE) {
            given.insert(plain(name), Zeroizing::new(value));
        }
    }
    given
}

/// A password of `bytes` random bytes, in hexadecimal.
pub fn random_password(bytes: usize) -> String {
    hex::encode(random_bytes(bytes))
}

/// Random bytes from the operating system.
///
/// # Panics
/// Where the operating system has none, which leaves nothing safe to do.
#[expect(clippy::expect_used, reason = "without random bytes nothing safe can be done")]
pub(crate) fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_in_memory_and_told_so() {
        let secrets = Secrets::in_memory("no session bus");
        assert!(!secrets.lasting());
        assert!(secrets.describe().contains("no session bus"));
        assert_eq!(secrets.get("a").expect("memory"), None);
        let made = secrets.get_or_make("a", || "one".into()).expect("memory");
        assert_eq!(secrets.get_or_make("a", || "two".into()).expect("memory"), made);
        secrets.forget("a").expect("memory");
        assert_eq!(secrets.get("a").expect("memory"), None);
    }

    #[test]
    fn given_secrets_come_from_environment_and_systemd() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("site-2"), "from systemd\n").expect("written");
        let environment = [("PENSTOCK_SECRET__DEVICE_PASSWORD".to_owned(), "from the environment".to_owned())];
        let given = given_secrets(environment.into_iter(), Some(folder.path().to_owned()));
        assert_eq!(given.get("site-2").map(|s| s.as_str()), Some("from systemd"));
        assert_eq!(given.get("device-password").map(|s| s.as_str()), Some("from the environment"));
    }

    #[test]
    fn a_given_secret_is_found_by_any_name_of_a_broker() {
        let given = given_secrets([("PENSTOCK_SECRET__BROKER_SITE_2".to_owned(), "dry".to_owned())].into_iter(), None);
        let secrets = Secrets { given: Arc::new(given), ..Secrets::in_memory("test") };
        for name in ["broker-site-2", "broker-Site.2", "broker-site_2"] {
            assert_eq!(secrets.get(name).expect("memory").as_deref().map(String::as_str), Some("dry"), "{name}");
            assert!(secrets.is_lasting(name));
            assert_eq!(variable(name), "PENSTOCK_SECRET__BROKER_SITE_2");
        }
        assert_eq!(secrets.get("broker-site-3").expect("memory"), None);
        assert!(!secrets.is_lasting("broker-site-3"));
    }

    #[test]
    fn secrets_do_not_show() {
        let secrets = Secrets::in_memory("test");
        secrets.set("a", "hunter2").expect("memory");
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
