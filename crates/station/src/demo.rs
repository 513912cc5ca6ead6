//! The demo plant's people: accounts with passwords made at each start and kept in memory, for loopback only.
//!
//! They are gone with the first broker that somebody adds. Must not know shells.

use std::sync::{Mutex, PoisonError};

use penstock_api::{ApiError, DemoPerson};
use penstock_model::{Person, Role, TenantId, UserId};

use crate::secrets::random_bytes;
use crate::sessions::hash_password;

/// Two words and four digits: easy to type from the screen, and only good on this machine until the next start.
const FIRST: [&str; 16] = [
    "tidal", "amber", "quiet", "copper", "river", "silver", "north", "gentle", "mellow", "bright", "stone", "harbour",
    "winter", "maple", "linen", "cobalt",
];
const SECOND: [&str; 16] = [
    "mango", "sluice", "basin", "heron", "valve", "cistern", "weir", "spring", "lotus", "canal", "meadow", "otter",
    "pebble", "tower", "ferry", "garden",
];

/// The demo's people, while there are any.
#[derive(Default)]
pub(crate) struct Demo {
    people: Mutex<Vec<(DemoPerson, Person, String)>>,
}

impl Demo {
    /// The people of the demo with passwords of their own.
    ///
    /// # Errors
    /// Where a password cannot be hashed.
    pub(crate) fn start(tenant: TenantId) -> Result<Self, ApiError> {
        let cast: [(&str, &str, &[Role]); 3] = [
            ("asha.verma", "Asha Verma", &[Role::Operator]),
            ("ravi.kulkarni", "Ravi Kulkarni", &[Role::Supervisor]),
            ("meera.joshi", "Meera Joshi", &[Role::Admin]),
        ];
        let mut people = Vec::new();
        for (name, full_name, roles) in cast {
            let password = made_password();
            let hash = hash_password(&password)?;
            let person = Person {
                id: UserId::derived(tenant.0, &format!("demo {name}")),
                name: name.to_owned(),
                full_name: full_name.to_owned(),
                roles: roles.to_vec(),
            };
            let shown =
                DemoPerson { name: name.to_owned(), full_name: full_name.to_owned(), roles: roles.to_vec(), password };
            people.push((shown, person, hash));
        }
        Ok(Self { people: Mutex::new(people) })
    }

    /// What the sign-in screen shows.
    pub(crate) fn shown(&self) -> Vec<DemoPerson> {
        self.lock().iter().map(|(shown, ..)| shown.clone()).collect()
    }

    /// The people as the journal remembers them: under names that no account can have.
    pub(crate) fn remembered(&self) -> Vec<Person> {
        let of_demo = |person: &Person| Person { name: format!("demo:{}", person.name), ..person.clone() };
        self.lock().iter().map(|(_, person, _)| of_demo(person)).collect()
    }

    /// Who signs in by that name, and the hash of their password.
    pub(crate) fn find(&self, name: &str) -> Option<(Person, String)> {
        self.lock()
            .iter()
            .find(|(_, person, _)| person.name == name)
            .map(|(_, person, hash)| (person.clone(), hash.clone()))
    }

    /// Ends the demo's accounts and says whose they were.
    pub(crate) fn end(&self) -> Vec<UserId> {
        std::mem::take(&mut *self.lock()).into_iter().map(|(_, person, _)| person.id).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(DemoPerson, Person, String)>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn made_password() -> String {
    let bytes = random_bytes(4);
    let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
    let word = |words: &[&'static str; 16], byte: usize| words.get(byte % 16).copied().unwrap_or_default();
    format!("{}-{}-{:04}", word(&FIRST, at(0)), word(&SECOND, at(1)), (at(2) * 256 + at(3)) % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::verify_password;

    #[test]
    fn people_sign_in_until_the_demo_ends() {
        let demo = Demo::start(TenantId::made(penstock_model::Timestamp::from_secs(1), [1; 10])).expect("hashes");
        let shown = demo.shown();
        let (person, hash) = demo.find(&shown[0].name).expect("there");
        assert!(verify_password(&shown[0].password, Some(&hash)));
        assert_eq!(demo.end(), vec![person.id, demo_id("ravi.kulkarni"), demo_id("meera.joshi")]);
        assert!(demo.find(&shown[0].name).is_none() && demo.shown().is_empty());
    }

    fn demo_id(name: &str) -> UserId {
        UserId::derived(TenantId::made(penstock_model::Timestamp::from_secs(1), [1; 10]).0, &format!("demo {name}"))
    }
}
