//! Operator positions: what there is, and which of them somebody attends. A position is attended while a session that
//! holds it follows the live feed: a screen that was closed or lost hears nothing, whatever its session says.
//!
//! Must not know shells, nor which alarms there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use penstock_api::PositionView;
use penstock_model::{OperatorPosition, OperatorPositionId};

use crate::live::Live;
use crate::sessions::{SessionKey, Sessions, key_of};

/// The operator positions. Screens are told of every change by the live feed.
pub(crate) struct Positions {
    live: Arc<Live>,
    sessions: Arc<Sessions>,
    inner: Mutex<Inner>,
}

struct Inner {
    all: BTreeMap<OperatorPositionId, OperatorPosition>,
    /// How many feeds a session follows, by session.
    feeds: BTreeMap<SessionKey, u32>,
}

impl Positions {
    /// The positions that storage holds, none attended.
    pub(crate) fn new(live: Arc<Live>, sessions: Arc<Sessions>, all: Vec<OperatorPosition>) -> Arc<Self> {
        let all = all.into_iter().map(|position| (position.id, position)).collect();
        let positions = Self { live, sessions, inner: Mutex::new(Inner { all, feeds: BTreeMap::new() }) };
        positions.tell();
        Arc::new(positions)
    }

    /// Every position by name, with those who attend it.
    pub(crate) fn list(&self) -> Vec<PositionView> {
        self.lock().views(&self.sessions)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// One of them.
    pub(crate) fn get(&self, id: OperatorPositionId) -> Option<OperatorPosition> {
        self.lock().all.get(&id).cloned()
    }

    /// Those among `ids` that there are.
    pub(crate) fn known(&self, ids: &BTreeSet<OperatorPositionId>) -> BTreeSet<OperatorPositionId> {
        let inner = self.lock();
        ids.iter().copied().filter(|id| inner.all.contains_key(id)).collect()
    }

    /// Those among `ids` that there are, as an audit entry names them.
    pub(crate) fn named(&self, ids: &BTreeSet<OperatorPositionId>) -> serde_json::Value {
        let inner = self.lock();
        let named = |id: &OperatorPositionId| Some(serde_json::json!({ "id": id, "name": inner.all.get(id)?.name }));
        ids.iter().filter_map(named).collect()
    }

    /// Takes in a position as it was stored.
    pub(crate) fn put(&self, position: OperatorPosition) {
        self.lock().all.insert(position.id, position);
        self.tell();
    }

    /// Takes in that a position was removed.
    pub(crate) fn remove(&self, id: OperatorPositionId) {
        self.lock().all.remove(&id);
        self.tell();
    }

    /// Counts a feed of a session, so that its positions are attended, until what is given back is dropped.
    pub(crate) fn attend(self: &Arc<Self>, token: &str) -> Attendance {
        let session = key_of(token);
        *self.lock().feeds.entry(session).or_insert(0) += 1;
        self.tell();
        Attendance { positions: Arc::clone(self), session }
    }

    /// Tells screens how it stands, after sessions took up other positions or ended.
    pub(crate) fn tell(&self) {
        // Under the lock, so that what is told last is what is true last.
        let inner = self.lock();
        self.live.set_positions(inner.views(&self.sessions));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn views(&self, sessions: &Sessions) -> Vec<PositionView> {
        let attending: Vec<_> = self.feeds.keys().filter_map(|session| sessions.held_in(session)).collect();
        let view = |position: &OperatorPosition| {
            let holds = |(name, held): &(String, BTreeSet<OperatorPositionId>)| {
                held.contains(&position.id).then(|| name.clone())
            };
            let holders: BTreeSet<String> = attending.iter().filter_map(holds).collect();
            PositionView { position: position.clone(), holders: holders.into_iter().collect() }
        };
        let mut views: Vec<_> = self.all.values().map(view).collect();
        views.sort_by(|one, other| one.position.name.cmp(&other.position.name));
        views
    }
}

/// A feed of a session, as long as it lives.
pub(crate) struct Attendance {
    positions: Arc<Positions>,
    session: SessionKey,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        {
            let mut inner = self.positions.lock();
            let left = inner.feeds.get(&self.session).map_or(0, |feeds| feeds.saturating_sub(1));
            match left {
                0 => inner.feeds.remove(&self.session),
                left => inner.feeds.insert(self.session, left),
            };
        }
        self.positions.tell();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Clock, Person, Priority, Reach, Role, Timestamp, UserId};

    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    struct Room {
        clock: Clock,
        live: Arc<Live>,
        sessions: Arc<Sessions>,
        positions: Arc<Positions>,
    }

    impl Room {
        fn new(names: &[&str]) -> Self {
            let clock = Clock::manual(Timestamp::from_secs(1_000));
            let live = Live::new(clock.clone(), Duration::from_millis(5));
            let sessions = Arc::new(Sessions::new(clock.clone(), IDLE));
            let all = names.iter().map(|name| position(name)).collect();
            let positions = Positions::new(Arc::clone(&live), Arc::clone(&sessions), all);
            Self { clock, live, sessions, positions }
        }

        /// Signs in and takes up positions.
        fn sign_in(&self, name: &str, held: &[&str]) -> String {
            let person = Person {
                id: UserId::derived(uuid::Uuid::nil(), name),
                name: name.to_lowercase(),
                full_name: name.to_owned(),
                roles: vec![Role::Operator],
            };
            let (token, _) = self.sessions.open(person);
            let held = held.iter().map(|name| position(name).id).collect();
            self.sessions.hold(&token, held).expect("open");
            self.positions.tell();
            token
        }

        /// Who attends the position, as screens are told.
        async fn holders(&self, name: &str) -> Vec<String> {
            let told = self.live.follow().next().await.positions.expect("the first frame has everything");
            assert_eq!(told, self.positions.list());
            told.into_iter().find(|view| view.position.name == name).expect("there").holders
        }
    }

    fn position(name: &str) -> OperatorPosition {
        OperatorPosition {
            id: OperatorPositionId::derived(uuid::Uuid::nil(), name),
            name: name.to_owned(),
            reach: Reach::Plant,
            priorities: Priority::ALL.into(),
        }
    }

    #[tokio::test]
    async fn a_position_is_attended_only_while_its_holder_follows() {
        let room = Room::new(&["North", "South"]);
        let token = room.sign_in("Asha", &["North"]);
        assert!(room.holders("North").await.is_empty(), "nobody looks yet");
        let (first, second) = (room.positions.attend(&token), room.positions.attend(&token));
        assert_eq!(room.holders("North").await, ["Asha"]);
        assert!(room.holders("South").await.is_empty());
        drop(first);
        assert_eq!(room.holders("North").await, ["Asha"], "another window is open");
        drop(second);
        assert!(room.holders("North").await.is_empty(), "the last window is closed; the session is open");
        assert!(room.sessions.check(&token).is_ok());
    }

    #[tokio::test]
    async fn a_position_is_left_with_its_session() {
        let room = Room::new(&["North"]);
        let (asha, ravi) = (room.sign_in("Asha", &["North"]), room.sign_in("Ravi", &["North"]));
        let _feeds = [room.positions.attend(&asha), room.positions.attend(&ravi)];
        assert_eq!(room.holders("North").await, ["Asha", "Ravi"]);
        room.sessions.close(&asha);
        room.positions.tell();
        assert_eq!(room.holders("North").await, ["Ravi"]);
        room.clock.set(Timestamp::from_secs(1_000) + IDLE);
        room.positions.tell();
        assert!(room.holders("North").await.is_empty());
    }

    #[tokio::test]
    async fn what_changes_is_told_and_what_is_gone_is_held_by_nobody() {
        let room = Room::new(&["South"]);
        let token = room.sign_in("Asha", &["South", "North"]);
        let mut feed = room.live.follow().attended(room.positions.attend(&token));
        let names = |told: &[PositionView]| told.iter().map(|view| view.position.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&feed.next().await.positions.expect("told")), ["South"]);
        room.positions.put(position("North"));
        let told = feed.next().await.positions.expect("told");
        assert_eq!(names(&told), ["North", "South"]);
        assert_eq!(told[0].holders, ["Asha"]);
        let held = BTreeSet::from([position("South").id, position("North").id]);
        assert_eq!(room.positions.known(&held), held);
        room.positions.remove(position("South").id);
        assert_eq!(names(&feed.next().await.positions.expect("told")), ["North"]);
        assert_eq!(room.positions.known(&held), BTreeSet::from([position("North").id]));
        let named = serde_json::json!([{ "id": position("North").id, "name": "North" }]);
        assert_eq!(room.positions.named(&held), named);
        // What is told to nobody new is not told again.
        room.live.set_register(7);
        assert_eq!(feed.next().await.positions, None);
    }
}
