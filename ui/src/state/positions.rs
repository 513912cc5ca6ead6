//! The operator positions: what there is, which of them this session holds, and which alarms concern it by that. Must not
//! know how alarms are shown or heard.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{AlarmCounts, AlarmView, PositionView, Session, TakeUpPositions};
use penstock_model::{OperatorPositionId, Priority, RuleId, Watch};

use super::{AlarmList, App, Listed, PlantView};
use crate::sound::Waiting;

/// What this desk answers for.
#[derive(Clone, Copy)]
pub(crate) struct Desk {
    /// Every position by name, with those who attend it.
    pub(crate) all: RwSignal<Arc<Vec<PositionView>>>,
    /// Whether list and banner show the alarms of other positions too.
    pub(crate) shows_all: RwSignal<bool>,
    /// Which alarms concern this session.
    pub(crate) watch: Memo<Watch>,
    alarms: AlarmList,
    sorted: Memo<Sorted>,
    /// What is listed and concerns others alone.
    pub(crate) outside: Memo<Outside>,
    /// How many alarms of those that are shown wait, and are active.
    pub(crate) counts: Memo<Counts>,
}

/// Listed alarms that concern others alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outside {
    /// How many there are.
    pub(crate) all: usize,
    /// How many of them are critical, active, and acknowledged by nobody.
    pub(crate) critical: usize,
}

/// How many alarms there are by priority, the most urgent first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Not acknowledged.
    pub(crate) unacknowledged: [u32; 4],
    /// Active.
    pub(crate) active: [u32; 4],
}

/// The listed alarms by whom they concern, kept up change by change.
#[derive(Debug, Clone, Default)]
struct Sorted {
    /// None where all concern this session: then nothing is sorted, and a frame costs nothing here.
    parted: Option<Parted>,
}

/// The list in two.
#[derive(Debug, Clone)]
struct Parted {
    /// Those that concern this session.
    own: Listed,
    others: Listed,
    /// Up to which change of the list, and by what it was parted.
    version: u64,
    watch: Watch,
    plant: Option<Arc<PlantView>>,
}

impl Desk {
    pub(super) fn new(
        session: RwSignal<Option<Session>>,
        plant: RwSignal<Option<Arc<PlantView>>>,
        alarms: AlarmList,
        counts: RwSignal<AlarmCounts>,
    ) -> Self {
        let all = RwSignal::new(Arc::<Vec<PositionView>>::default());
        let shows_all = RwSignal::new(false);
        let watch = Memo::new(move |_| {
            session.with(|session| match session {
                Some(session) => all.with(|all| watch_of(all, &session.positions)),
                None => Watch::default(),
            })
        });
        let sorted = Memo::new_owning(move |former: Option<Sorted>| {
            let former = former.unwrap_or_default();
            if watch.with(Watch::is_whole) {
                return (Sorted::default(), former.parted.is_some());
            }
            let plant = plant.get();
            watch.with(|watch| alarms.listed.with(|listed| former.follow(listed, watch, plant.as_ref())))
        });
        let outside = Memo::new(move |_| sorted.with(Sorted::outside));
        let counts = Memo::new(move |_| {
            let shows_all = shows_all.get();
            sorted.with(|sorted| match sorted.own() {
                Some(own) if !shows_all => count(own),
                // The station's word, which is all there is before anybody has signed in.
                _ => counts.with(|of| Counts { unacknowledged: of.unacknowledged, active: of.active }),
            })
        });
        Self { all, shows_all, watch, alarms, sorted, outside, counts }
    }

    /// Whose alarms list and banner show; tracked.
    pub(crate) fn scope(self) -> Watch {
        if self.shows_all.get() { Watch::default() } else { self.watch.get() }
    }

    /// Looks at the alarms that list and banner show, worst first; tracked.
    pub(crate) fn with_shown<T>(self, look: impl FnOnce(&[Arc<AlarmView>]) -> T) -> T {
        let shows_all = self.shows_all.get();
        self.sorted.with(|sorted| match sorted.own() {
            Some(own) if !shows_all => look(own),
            _ => self.alarms.listed.with(|listed| look(listed)),
        })
    }

    /// Forgets all, for another person's session.
    pub(super) fn clear(self) {
        self.all.set(Arc::default());
        self.shows_all.set(false);
    }
}

impl App {
    /// Takes in the positions as a frame brings them.
    pub(super) fn take_positions(self, positions: Vec<PositionView>) {
        self.desk.all.set(Arc::new(positions));
    }

    /// Which alarms are news to this session as it stands now; not tracked.
    pub(super) fn is_news(self) -> impl Fn(&AlarmView) -> bool {
        let (watch, plant) = (self.desk.watch.get_untracked(), self.plant.get_untracked());
        move |view| concerns(&watch, plant.as_deref(), view)
    }

    /// Hears what concerns this session, and the priority of the most urgent that has called just now.
    pub(super) fn hear_own(self, called: Option<Priority>) {
        let waiting = self.desk.sorted.with_untracked(|sorted| match sorted.own() {
            Some(own) => waiting(own),
            None => self.alarms.listed.with_untracked(|listed| waiting(listed)),
        });
        self.hear(waiting, called);
    }

    /// Shows the alarms of all positions where the one that is looked for would not be shown else.
    pub(crate) fn reveal(self, rule: RuleId) {
        let is_news = self.is_news();
        if self.alarms.peek(rule).is_some_and(|view| view.state.is_listed() && !is_news(&view)) {
            self.desk.shows_all.set(true);
        }
    }

    /// Holds these positions in this session from now on, and no others.
    pub(crate) async fn take_up(self, positions: BTreeSet<OperatorPositionId>) {
        let Some(held) = self.ask_for(TakeUpPositions { positions }).await else { return };
        self.session.try_update(|session| {
            if let Some(session) = session {
                session.positions = held;
            }
        });
        if self.session.try_with_untracked(Option::is_some) == Some(true) {
            self.desk.shows_all.set(false);
            self.hear_own(None);
        }
    }
}

/// Who holds `held` watches so.
fn watch_of(all: &[PositionView], held: &BTreeSet<OperatorPositionId>) -> Watch {
    let own = all.iter().filter(|view| held.contains(&view.position.id));
    let attended = all.iter().filter(|view| !view.holders.is_empty());
    Watch::new(own.map(|view| view.position.clone()).collect(), attended.map(|view| view.position.clone()).collect())
}

/// Whether an alarm concerns who watches so. As long as its place is not known it may be anybody's, and is everybody's.
pub(crate) fn concerns(watch: &Watch, plant: Option<&PlantView>, view: &AlarmView) -> bool {
    if watch.is_whole() {
        return true;
    }
    match plant.and_then(|plant| plant.lies_in(view.subject)) {
        Some(area) => watch.concerns(area, view.priority),
        None => true,
    }
}

impl Sorted {
    /// The same by the list as it is now, and whether that is anything else.
    fn follow(self, listed: &Listed, watch: &Watch, plant: Option<&Arc<PlantView>>) -> (Self, bool) {
        let is_so = |parted: &Parted| {
            let is_plant = match (&parted.plant, plant) {
                (Some(former), Some(plant)) => Arc::ptr_eq(former, plant),
                (former, plant) => former.is_none() && plant.is_none(),
            };
            is_plant && parted.watch == *watch
        };
        let known = self.parted.filter(is_so).and_then(|parted| {
            let changed: Vec<RuleId> = listed.changed_since(parted.version)?.collect();
            Some((parted, changed))
        });
        let (mut parted, changed) = known.unwrap_or_else(|| {
            let (own, others) = (Listed::default(), Listed::default());
            let parted = Parted { own, others, version: 0, watch: watch.clone(), plant: plant.cloned() };
            (parted, listed.iter().map(|view| view.state.rule).collect())
        });
        for rule in &changed {
            let now = listed.get(*rule).cloned();
            let is_own = now.as_ref().is_some_and(|view| concerns(watch, plant.map(Arc::as_ref), view));
            let (own, other) = if is_own { (now, None) } else { (None, now) };
            parted.own.put(*rule, own);
            parted.others.put(*rule, other);
        }
        let is_else = !changed.is_empty() || parted.version != listed.version();
        parted.version = listed.version();
        (Self { parted: Some(parted) }, is_else)
    }

    /// Those that concern this session; none where all do.
    fn own(&self) -> Option<&[Arc<AlarmView>]> {
        self.parted.as_ref().map(|parted| &*parted.own)
    }

    fn outside(&self) -> Outside {
        let Some(parted) = &self.parted else { return Outside::default() };
        let is_critical =
            |view: &&Arc<AlarmView>| view.priority == Priority::P1 && view.state.active && !view.state.acknowledged;
        Outside { all: parted.others.len(), critical: parted.others.iter().filter(is_critical).count() }
    }
}

/// What waits to be acknowledged; it stands first.
fn waiting(rows: &[Arc<AlarmView>]) -> Waiting {
    Waiting::of_alarms(rows.iter().take_while(|view| !view.state.acknowledged).map(Arc::as_ref))
}

fn count(rows: &[Arc<AlarmView>]) -> Counts {
    let mut counts = Counts::default();
    let add = |of: &mut [u32; 4], priority: Priority| {
        if let Some(count) = of.get_mut(usize::from(priority.digit() - 1)) {
            *count += 1;
        }
    };
    for view in rows {
        if view.state.active {
            add(&mut counts.active, view.priority);
        }
        if !view.state.acknowledged {
            add(&mut counts.unacknowledged, view.priority);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use penstock_api::Register;
    use penstock_model::{
        AlarmClass, AlarmState, Area, AreaId, Condition, OperatorPosition, Plant, Reach, Site, SiteId, SiteKind,
        Subject, TenantId, Timestamp,
    };

    use super::*;

    const MADE: Timestamp = Timestamp::from_secs(1);

    fn area(id: u8) -> AreaId {
        AreaId::made(MADE, [id; 10])
    }

    fn site(id: u8) -> SiteId {
        SiteId::made(MADE, [id; 10])
    }

    /// Areas 1 and 2 with a site each of the same number, and site 3 that lies in none.
    fn plant() -> PlantView {
        let plain = |id: u8, area: Option<AreaId>| Site {
            id: site(id),
            name: format!("Site {id}"),
            kind: SiteKind::Pumping,
            area,
            position: None,
        };
        PlantView::new(Register {
            version: 1,
            plant: Plant {
                tenant: TenantId::made(MADE, [1; 10]),
                name: "Nandipur".to_owned(),
                time_zone: "Asia/Kolkata".to_owned(),
                areas: [1, 2].map(|id| Area { id: area(id), name: format!("Area {id}"), boundary: vec![] }).to_vec(),
                sites: vec![plain(1, Some(area(1))), plain(2, Some(area(2))), plain(3, None)],
                assets: vec![],
                pipes: vec![],
            },
            points: vec![],
            tiles: false,
        })
    }

    fn alarm(id: u8, priority: Priority, acknowledged: bool) -> Arc<AlarmView> {
        Arc::new(AlarmView {
            state: AlarmState {
                occurrence: 1,
                active: true,
                acknowledged,
                ..AlarmState::normal(RuleId::made(MADE, [id; 10]), MADE)
            },
            subject: Subject::Site(site(id)),
            condition: Condition::Anomaly { score: 0.9 },
            priority,
            class: AlarmClass::Supply,
            name: String::new(),
            acknowledgement: penstock_model::AcknowledgementModel::Required,
            longest_shelf: None,
            asks_for_comment: false,
        })
    }

    fn position(id: u8, holders: &[&str]) -> PositionView {
        PositionView {
            position: OperatorPosition {
                id: OperatorPositionId::made(MADE, [id; 10]),
                name: format!("Desk {id}"),
                reach: Reach::Areas { areas: [area(id)].into(), unzoned: false },
                priorities: Priority::ALL.into(),
            },
            holders: holders.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn held(ids: &[u8]) -> BTreeSet<OperatorPositionId> {
        ids.iter().map(|id| OperatorPositionId::made(MADE, [*id; 10])).collect()
    }

    #[test]
    fn a_desk_sees_its_own_alarms_and_how_many_are_outside() {
        let listed = [alarm(2, Priority::P1, false), alarm(1, Priority::P2, false), alarm(3, Priority::P3, true)];
        let (plant, list) = (Arc::new(plant()), listed.iter().cloned().collect::<Listed>());
        let check = |all: &[PositionView], own: &[u8], own_of: &[usize], outside: (usize, usize)| {
            let (sorted, _) = Sorted::default().follow(&list, &watch_of(all, &held(own)), Some(&plant));
            let expected: Vec<_> = own_of.iter().map(|at| Arc::clone(&listed[*at])).collect();
            assert_eq!(sorted.own(), Some(expected.as_slice()), "{all:?} {own:?}");
            assert_eq!((sorted.outside().all, sorted.outside().critical), outside, "{all:?} {own:?}");
        };
        let (one, two) = (position(1, &["Asha"]), position(2, &["Ravi"]));
        // Site 3 lies in no area, which neither desk answers for.
        check(&[one.clone(), two.clone()], &[1], &[1, 2], (1, 1));
        check(&[one.clone(), two.clone()], &[2], &[0, 2], (1, 0));
        check(&[one.clone(), two.clone()], &[1, 2], &[0, 1, 2], (0, 0));
        check(&[one.clone(), two], &[], &[0, 1, 2], (0, 0));
        // Nobody attends the other desk, or it is gone: its alarms are everybody's.
        check(&[one.clone(), position(2, &[])], &[1], &[0, 1, 2], (0, 0));
        check(std::slice::from_ref(&one), &[1], &[0, 1, 2], (0, 0));
        // Their own is gone: they answer for everything.
        check(&[position(2, &["Ravi"])], &[1], &[0, 1, 2], (0, 0));
    }

    #[test]
    fn what_lies_nobody_knows_where_concerns_everybody() {
        let watch = watch_of(&[position(1, &["Asha"]), position(2, &["Ravi"])], &held(&[1]));
        let (own, others, elsewhere) =
            (alarm(1, Priority::P1, false), alarm(2, Priority::P1, false), alarm(9, Priority::P1, false));
        let plant = plant();
        let check = |view: &AlarmView, with_plant: bool, without: bool| {
            assert_eq!((concerns(&watch, Some(&plant), view), concerns(&watch, None, view)), (with_plant, without));
        };
        check(&own, true, true);
        check(&others, false, true);
        check(&elsewhere, true, true);
    }

    #[test]
    fn counts_are_of_what_is_listed() {
        let mut returned = AlarmView::clone(&alarm(1, Priority::P4, false));
        returned.state.active = false;
        let listed = [alarm(2, Priority::P1, false), alarm(1, Priority::P1, true), Arc::new(returned)];
        assert_eq!(count(&listed), Counts { unacknowledged: [1, 0, 0, 1], active: [2, 0, 0, 0] });
    }

    #[test]
    fn a_desk_follows_session_positions_and_the_switch() {
        let owner = Owner::new();
        owner.set();
        let session = RwSignal::new(None::<Session>);
        let station = AlarmCounts { unacknowledged: [1, 1, 0, 0], active: [1, 1, 0, 0], ..AlarmCounts::default() };
        let alarms = AlarmList::new();
        let desk = Desk::new(session, RwSignal::new(Some(Arc::new(plant()))), alarms, RwSignal::new(station));
        assert_eq!(desk.counts.get_untracked().unacknowledged, [1, 1, 0, 0], "before anybody has signed in");

        let listed = [alarm(2, Priority::P1, false), alarm(1, Priority::P2, false)];
        alarms.take(true, listed.iter().map(|view| AlarmView::clone(view)).collect(), &[], |_: &AlarmView| true);
        desk.all.set(Arc::new(vec![position(1, &["Asha"]), position(2, &["Ravi"])]));
        session.set(Some(of_asha(held(&[1]))));
        let shown = || untrack(|| desk.with_shown(|shown| shown.iter().map(|view| view.priority).collect::<Vec<_>>()));
        assert_eq!(shown(), [Priority::P2]);
        assert_eq!(desk.counts.get_untracked().unacknowledged, [0, 1, 0, 0]);
        assert_eq!(desk.outside.get_untracked(), Outside { all: 1, critical: 1 });

        desk.shows_all.set(true);
        assert_eq!(shown(), [Priority::P1, Priority::P2]);
        assert_eq!(desk.counts.get_untracked().unacknowledged, [1, 1, 0, 0]);
        assert_eq!(desk.outside.get_untracked(), Outside { all: 1, critical: 1 }, "it is outside all the same");

        desk.shows_all.set(false);
        desk.all.set(Arc::new(vec![position(1, &["Asha"]), position(2, &[])]));
        assert_eq!(shown(), [Priority::P1, Priority::P2], "Ravi has gone: what was his is everybody's");
        assert_eq!(desk.outside.get_untracked(), Outside::default());
    }

    fn of_asha(positions: BTreeSet<OperatorPositionId>) -> Session {
        Session {
            token: String::new(),
            person: penstock_model::Person {
                id: penstock_model::UserId::made(MADE, [1; 10]),
                name: "asha".to_owned(),
                full_name: "Asha".to_owned(),
                roles: vec![],
            },
            permissions: std::iter::empty().collect(),
            positions,
            preferences: penstock_api::Preferences::default(),
        }
    }
}
