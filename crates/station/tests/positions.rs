//! Operator positions with a real station: who may make them, who holds them, who attends them, and what is left after a
//! restart.

mod fixtures;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use penstock_api::{
    ApiError, Call, Code, GetAlarmFigures, Hello, ListPositions, RemovePosition, SavePosition, Session, SignIn,
    SignOut, StationCard, TakeUpPositions, WhoAmI,
};
use penstock_model::{AreaId, Clock, OperatorPosition, OperatorPositionId, Priority, Reach};
use penstock_station::secrets::Secrets;
use penstock_station::{Feed, Station};
use penstock_testkit::database::ScratchFolder;

use fixtures::{call, options};

const OPERATOR: &str = "asha.verma";
const SUPERVISOR: &str = "ravi.kulkarni";
const ADMIN: &str = "meera.joshi";

/// A station with the demo's people.
async fn start(data: &Path, secrets: &Secrets) -> Station {
    Station::start(options(data, secrets, "PENSTOCK_DEMO__PEOPLE", "true")).await.expect("starts")
}

struct Screen<'a> {
    station: &'a Station,
    session: Session,
}

impl<'a> Screen<'a> {
    /// Somebody of the demo at a screen of their own.
    async fn of(station: &'a Station, name: &str) -> Self {
        let card: StationCard = call(station, None, Hello {}).await.expect("anyone may ask");
        let person = card.demo_people.into_iter().find(|person| person.name == name).expect("of the demo");
        let sign_in = SignIn { name: person.name, password: person.password };
        Self { station, session: call(station, None, sign_in).await.expect("signs in") }
    }

    async fn call<C: Call>(&self, of: C) -> Result<C::Reply, ApiError> {
        call(self.station, Some(self.session.token.clone()), of).await
    }

    fn feed(&self) -> Feed {
        self.station.follow(&self.session.token).expect("may see")
    }

    /// Who attends each position.
    async fn attended(&self) -> Vec<(String, Vec<String>)> {
        let listed = self.call(ListPositions {}).await.expect("may see");
        listed.into_iter().map(|view| (view.position.name, view.holders)).collect()
    }
}

fn code<T>(outcome: Result<T, ApiError>) -> Option<Code> {
    outcome.err().map(|error| error.code)
}

fn new_position(name: &str, priorities: &[Priority]) -> OperatorPosition {
    OperatorPosition {
        id: OperatorPositionId(Default::default()),
        name: name.to_owned(),
        reach: Reach::Plant,
        priorities: priorities.iter().copied().collect(),
    }
}

fn names(attended: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    attended.iter().map(|(name, holders)| ((*name).to_owned(), owned(holders))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_is_made_taken_up_left_and_begun_with_again() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let (asha, ravi) = (Screen::of(&station, OPERATOR).await, Screen::of(&station, SUPERVISOR).await);
    let meera = Screen::of(&station, ADMIN).await;
    assert!(asha.session.positions.is_empty(), "whoever holds none answers for everything");

    // Supervisors and admins make them; what makes no sense is refused.
    let save = |position: &OperatorPosition| SavePosition { position: position.clone() };
    let urgent = new_position("  Urgent ", &[Priority::P1, Priority::P2]);
    assert_eq!(code(asha.call(save(&urgent)).await), Some(Code::Forbidden));
    let urgent = ravi.call(save(&urgent)).await.expect("a supervisor may");
    assert!(urgent.name == "Urgent" && !urgent.id.0.is_nil(), "{urgent:?}");
    let rest = meera.call(save(&new_position("Rest", &[Priority::P3, Priority::P4]))).await.expect("an admin may");
    assert_eq!(code(ravi.call(save(&new_position("Rest", &[Priority::P1]))).await), Some(Code::Conflict));
    assert_eq!(code(ravi.call(save(&new_position("None", &[]))).await), Some(Code::Invalid));
    let areas = [AreaId::derived(urgent.id.0, "nowhere")].into();
    let nowhere = OperatorPosition { reach: Reach::Areas { areas, unzoned: false }, ..urgent.clone() };
    assert_eq!(code(ravi.call(save(&nowhere)).await), Some(Code::Invalid));
    let unknown = OperatorPosition { id: OperatorPositionId::derived(urgent.id.0, "x"), ..new_position("X", &[]) };
    let unknown = OperatorPosition { priorities: Priority::ALL.into(), ..unknown };
    assert_eq!(code(ravi.call(save(&unknown)).await), Some(Code::NotFound));

    // Who may answer alarms takes them up; what nobody follows is attended by nobody.
    let take = |ids: &[OperatorPositionId]| TakeUpPositions { positions: ids.iter().copied().collect() };
    assert_eq!(code(meera.call(take(&[rest.id])).await), Some(Code::Forbidden));
    assert_eq!(code(asha.call(take(&[unknown.id])).await), Some(Code::NotFound));
    let both = BTreeSet::from([urgent.id, rest.id]);
    assert_eq!(asha.call(take(&[urgent.id, rest.id])).await, Ok(both));
    assert_eq!(asha.call(take(&[urgent.id])).await, Ok(BTreeSet::from([urgent.id])));
    assert_eq!(ravi.attended().await, names(&[("Rest", &[]), ("Urgent", &[])]));
    let mut of_ravi = ravi.feed();
    of_ravi.next().await;
    let of_asha = asha.feed();
    let told = until_attended(&mut of_ravi, "Urgent").await;
    assert_eq!(told, ["Asha Verma"]);
    assert_eq!(ravi.attended().await, names(&[("Rest", &[]), ("Urgent", &["Asha Verma"])]));
    drop(of_asha);
    assert_eq!(ravi.attended().await, names(&[("Rest", &[]), ("Urgent", &[])]), "her screen is closed");

    // A page that is loaded anew holds them still, the next session begins with them, and signing out leaves them.
    let reloaded = asha.call(WhoAmI {}).await.expect("signed in");
    assert_eq!(reloaded.positions, BTreeSet::from([urgent.id]));
    let again = Screen::of(&station, OPERATOR).await;
    assert_eq!(again.session.positions, BTreeSet::from([urgent.id]));
    let _open = again.feed();
    assert_eq!(ravi.attended().await, names(&[("Rest", &[]), ("Urgent", &["Asha Verma"])]));
    again.call(SignOut {}).await.expect("signed in");
    assert_eq!(ravi.attended().await, names(&[("Rest", &[]), ("Urgent", &[])]), "though its feed is not through yet");

    // Figures are summed up for one that there is.
    let to = Clock::System.now();
    let figures = |position: OperatorPositionId| GetAlarmFigures {
        from: to - Duration::from_secs(86_400),
        to,
        areas: vec![],
        priorities: vec![],
        position: Some(position),
    };
    assert_eq!(asha.call(figures(urgent.id)).await.expect("may see").calls, 0);

    // What is removed is held by nobody, and its holder answers for everything.
    assert_eq!(code(asha.call(RemovePosition { position: urgent.id }).await), Some(Code::Forbidden));
    ravi.call(RemovePosition { position: urgent.id }).await.expect("a supervisor may");
    assert_eq!(code(ravi.call(RemovePosition { position: urgent.id }).await), Some(Code::NotFound));
    assert!(asha.call(WhoAmI {}).await.expect("signed in").positions.is_empty());
    assert_eq!(code(asha.call(figures(urgent.id)).await), Some(Code::NotFound));
    let renamed = OperatorPosition { name: "Evening".into(), ..rest.clone() };
    assert_eq!(ravi.call(save(&renamed)).await, Ok(renamed.clone()));
    asha.call(take(&[rest.id])).await.expect("it is there");
    station.stop().await;
    drop(station);

    let station = start(data.path(), &secrets).await;
    let asha = Screen::of(&station, OPERATOR).await;
    assert_eq!(asha.session.positions, BTreeSet::from([rest.id]));
    assert_eq!(asha.attended().await, names(&[("Evening", &[])]));
    asha.call(take(&[])).await.expect("left");
    assert!(Screen::of(&station, OPERATOR).await.session.positions.is_empty());
    station.stop().await;
}

/// Follows `feed` until somebody attends the position, and says who.
async fn until_attended(feed: &mut Feed, name: &str) -> Vec<String> {
    let wait = async {
        loop {
            let told = feed.next().await.positions.unwrap_or_default();
            let holders = told.into_iter().find(|view| view.position.name == name).map(|view| view.holders);
            if let Some(holders) = holders.filter(|holders| !holders.is_empty()) {
                return holders;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("somebody does")
}
