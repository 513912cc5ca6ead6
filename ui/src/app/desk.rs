//! The desk in the banner: which operator positions the person holds and takes up, whose alarms are shown, and how many
//! are outside. Nothing of it is there where there are no positions, or where the person answers no alarms.

use std::collections::BTreeSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::PositionView;
use penstock_model::{AreaId, OperatorPosition, OperatorPositionId, Permission, Priority, Reach, Watch};

use crate::components::{Badge, BadgeFill, MenuButton};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{PlantView, use_app};
use crate::words;

/// Where a position answers.
pub(crate) fn reach_words(reach: &Reach, plant: Option<&PlantView>, locale: Locale) -> String {
    match reach {
        Reach::Plant => td_string!(locale, positions.whole_plant).to_owned(),
        Reach::Areas { areas, unzoned } => {
            let name = |id: &AreaId| plant.and_then(|plant| plant.area(*id)).map(|area| area.name.clone());
            let mut names: Vec<String> = areas.iter().filter_map(name).collect();
            names.sort_unstable();
            if *unzoned {
                names.push(td_string!(locale, positions.no_area).to_owned());
            }
            names.join(", ")
        }
    }
}

/// Which priorities a position answers for.
pub(crate) fn priority_words(position: &OperatorPosition, locale: Locale) -> String {
    if position.priorities.len() == Priority::ALL.len() {
        return td_string!(locale, positions.all_priorities).to_owned();
    }
    position.priorities.iter().map(|priority| words::priority(*priority, locale)).collect::<Vec<_>>().join(", ")
}

/// The choice of positions, and whose alarms are shown.
#[component]
pub(super) fn Desk() -> impl IntoView {
    let app = use_app();
    let is_there = Memo::new(move |_| app.may(Permission::AnswerAlarms) && app.desk.all.with(|all| !all.is_empty()));
    move || {
        is_there.get().then(|| {
            view! {
                <div class="banner-desk">
                    <Positions/>
                    <ScopeSwitch id="scope"/>
                </div>
            }
        })
    }
}

/// The positions of the person, and the menu to take them up and leave them.
#[component]
fn Positions() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let all = app.desk.all;
    // What was chosen and is on its way to the station.
    let pending = RwSignal::new(None::<BTreeSet<OperatorPositionId>>);
    let held = Memo::new(move |_| {
        app.session.with(|session| session.as_ref().map(|session| session.positions.clone()).unwrap_or_default())
    });
    let chosen = Memo::new(move |_| {
        let chosen = pending.get().unwrap_or_else(|| held.get());
        all.with(|all| {
            let ids = all.iter().map(|view| view.position.id);
            ids.filter(|id| chosen.contains(id)).collect::<BTreeSet<_>>()
        })
    });
    let names = Memo::new(move |_| {
        chosen.with(|chosen| {
            all.with(|all| {
                let held = all.iter().filter(|view| chosen.contains(&view.position.id));
                held.map(|view| view.position.name.clone()).collect::<Vec<_>>().join(", ")
            })
        })
    });
    let take_up = move |positions: BTreeSet<OperatorPositionId>| {
        pending.set(Some(positions.clone()));
        spawn_local(async move {
            app.take_up(positions).await;
            pending.try_set(None);
        });
    };
    let toggle = move |id: OperatorPositionId| {
        let mut positions = chosen.get_untracked();
        if !positions.remove(&id) {
            positions.insert(id);
        }
        take_up(positions);
    };
    let row = move |view: PositionView| {
        let locale = i18n.get_locale();
        let PositionView { position, holders } = view;
        let id = position.id;
        let reach = app.plant.with(|plant| reach_words(&position.reach, plant.as_deref(), locale));
        let about = format!("{reach} · {}", priority_words(&position, locale));
        let attended = match holders.is_empty() {
            true => td_string!(locale, positions.attended_by_nobody).to_owned(),
            false => td_string!(locale, positions.attended_by, names = holders.join(", ")),
        };
        view! {
            <label class="checked-line desk-position">
                <input
                    type="checkbox"
                    data-testid="take-position"
                    data-position=position.name.clone()
                    prop:checked=move || chosen.with(|chosen| chosen.contains(&id))
                    on:click=move |event| {
                        // One after the other, so that the last choice is the one that holds.
                        if pending.with_untracked(Option::is_some) {
                            event.prevent_default();
                        } else {
                            toggle(id);
                        }
                    }
                />
                <span>
                    <b>{position.name.clone()}</b>
                    <span class="desk-about">{about}</span>
                    <span class="desk-about">{attended}</span>
                </span>
            </label>
        }
    };
    let menu = Callback::new(move |close: Callback<()>| {
        view! {
            <p class="menu-name"><b>{t!(i18n, positions.title)}</b></p>
            {move || all.get().iter().cloned().map(row).collect_view()}
            <p class="desk-note">{t!(i18n, positions.note)}</p>
            {move || chosen.with(|chosen| !chosen.is_empty()).then(|| view! {
                <button
                    class="wide"
                    data-testid="leave-positions"
                    disabled=move || pending.with(Option::is_some)
                    on:click=move |_| {
                        take_up(BTreeSet::new());
                        close.run(());
                    }
                >
                    {t!(i18n, positions.leave)}
                </button>
            })}
        }
        .into_any()
    });
    let word = move || {
        let names = names.get();
        if names.is_empty() { t_string!(i18n, positions.choose).to_owned() } else { names }
    };
    let tip = Signal::derive(move || {
        let names = names.get();
        match names.is_empty() {
            true => t_string!(i18n, positions.choose_tip).to_owned(),
            false => t_string!(i18n, positions.held_tip, names = names),
        }
    });
    let label = Signal::derive(move || t_string!(i18n, positions.title).to_owned());
    let face = view! { <span class="desk-names">{word}</span> }.into_any();
    view! { <MenuButton name="desk" class="small" label=label tip=tip face=face menu=menu/> }
}

/// The own alarms or those of all positions; how many are outside is said either way, and what is critical there stands
/// out. Nothing where everything is one's own.
#[component]
pub(crate) fn ScopeSwitch(
    /// Name for tests.
    id: &'static str,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let desk = app.desk;
    let is_whole = Memo::new(move |_| desk.watch.with(Watch::is_whole));
    let choice = move |shows_all: bool, name: &'static str, word: Signal<String>| {
        view! {
            <button
                type="button"
                data-testid=format!("{id}-{name}")
                aria-pressed=move || (desk.shows_all.get() == shows_all).to_string()
                on:click=move |_| desk.shows_all.set(shows_all)
            >
                {move || word.get()}
            </button>
        }
    };
    let own = Signal::derive(move || t_string!(i18n, positions.of_own).to_owned());
    let all = Signal::derive(move || t_string!(i18n, positions.of_all).to_owned());
    move || {
        (!is_whole.get()).then(|| {
            view! {
                <div class="scope">
                    <div class="segmented" role="group" aria-label=move || t_string!(i18n, positions.whose)>
                        {choice(false, "own", own)}
                        {choice(true, "all", all)}
                    </div>
                    <Outside id=id/>
                </div>
            }
        })
    }
}

/// How many alarms concern others alone.
#[component]
fn Outside(id: &'static str) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let desk = app.desk;
    let count = move || desk.outside.get().all;
    let critical = move || desk.outside.get().critical;
    let has_critical = Memo::new(move |_| critical() > 0);
    let text = move || match critical() {
        0 => t_string!(i18n, positions.outside_n, n = count()),
        critical => t_string!(i18n, positions.outside_critical, critical = critical, n = count()),
    };
    view! {
        <a
            class="outside"
            class:firm=move || has_critical.get()
            href="/alarms?tab=active"
            title=move || t_string!(i18n, positions.outside_tip)
            data-testid=format!("{id}-outside")
            data-count=count
            data-critical=critical
            on:click=move |_| desk.shows_all.set(true)
        >
            {move || has_critical.get().then(|| view! {
                <Badge priority=Priority::P1 fill=BadgeFill::Filled size=16/>
            })}
            <span>{text}</span>
        </a>
    }
}

#[cfg(test)]
mod tests {
    use penstock_api::Register;
    use penstock_model::{Area, Plant, TenantId, Timestamp};

    use super::*;

    const MADE: Timestamp = Timestamp::from_secs(1);

    fn plant(names: &[&str]) -> PlantView {
        let area = |name: &&str| Area { id: area(name), name: (*name).to_owned(), boundary: vec![] };
        let plant = Plant {
            tenant: TenantId::made(MADE, [1; 10]),
            name: "Nandipur".to_owned(),
            time_zone: "Asia/Kolkata".to_owned(),
            areas: names.iter().map(area).collect(),
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        };
        PlantView::new(Register { version: 1, plant, points: vec![], tiles: false })
    }

    fn area(name: &str) -> AreaId {
        AreaId::made(MADE, [name.len() as u8; 10])
    }

    #[test]
    fn a_position_says_what_it_answers_for() {
        let plant = plant(&["South", "Riverside"]);
        let check = |reach: Reach, expect: &str| {
            assert_eq!(reach_words(&reach, Some(&plant), Locale::en), expect);
        };
        check(Reach::Plant, "Whole plant");
        let both: BTreeSet<AreaId> = [area("South"), area("Riverside")].into();
        check(Reach::Areas { areas: both.clone(), unzoned: false }, "Riverside, South");
        check(Reach::Areas { areas: both, unzoned: true }, "Riverside, South, what lies in no area");
        // An area that is gone has no name any more.
        check(Reach::Areas { areas: [area("East")].into(), unzoned: true }, "what lies in no area");

        let position = |priorities: &[Priority]| OperatorPosition {
            id: OperatorPositionId::made(MADE, [1; 10]),
            name: "North".to_owned(),
            reach: Reach::Plant,
            priorities: priorities.iter().copied().collect(),
        };
        assert_eq!(priority_words(&position(&Priority::ALL), Locale::en), "all priorities");
        let some = priority_words(&position(&[Priority::P2, Priority::P1]), Locale::en);
        assert_eq!(some, [Priority::P1, Priority::P2].map(|of| words::priority(of, Locale::en)).join(", "));
    }
}
