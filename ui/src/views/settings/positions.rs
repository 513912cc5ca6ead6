//! Operator positions: what each desk answers for and who attends it, and a drawer that changes one. Removing asks twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ApiError, PositionView, RemovePosition, SavePosition};
use penstock_model::{AreaId, OperatorPosition, OperatorPositionId, Priority, Reach};

use super::Edited;
use super::drawer::FormDrawer;
use crate::app::{priority_words, reach_words};
use crate::components::{Choice, Glyph, Icon, Notice, Panel, Segmented, TextField};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;
use crate::words;

/// What is wrong with what was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Name,
    Reach,
    Priorities,
}

fn wrong_text(wrong: Wrong, locale: Locale) -> &'static str {
    match wrong {
        Wrong::Name => td_string!(locale, positions.name_rule),
        Wrong::Reach => td_string!(locale, positions.reach_rule),
        Wrong::Priorities => td_string!(locale, positions.priorities_rule),
    }
}

/// What was chosen as a position.
fn read(
    id: OperatorPositionId,
    name: &str,
    reach: Reach,
    priorities: BTreeSet<Priority>,
) -> Result<OperatorPosition, Wrong> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > OperatorPosition::LONGEST_NAME {
        return Err(Wrong::Name);
    }
    if matches!(&reach, Reach::Areas { areas, unzoned: false } if areas.is_empty()) {
        return Err(Wrong::Reach);
    }
    if priorities.is_empty() {
        return Err(Wrong::Priorities);
    }
    Ok(OperatorPosition { id, name: name.to_owned(), reach, priorities })
}

/// Whether there may be an alarm that no position answers for.
fn leaves_gaps(all: &[PositionView], areas: &[AreaId]) -> bool {
    let places = areas.iter().copied().map(Some).chain([None]);
    let mut kinds = places.flat_map(|place| Priority::ALL.map(|priority| (place, priority)));
    kinds.any(|(place, priority)| !all.iter().any(|view| view.position.answers_for(place, priority)))
}

/// A position that is not there yet.
fn new_position() -> OperatorPosition {
    OperatorPosition {
        id: OperatorPositionId(Default::default()),
        name: String::new(),
        reach: Reach::Areas { areas: BTreeSet::new(), unzoned: false },
        priorities: Priority::ALL.into(),
    }
}

/// Every position.
#[component]
pub(super) fn Positions(edited: RwSignal<Option<Edited>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let all = app.desk.all;
    let row = move |view: &PositionView| {
        let locale = i18n.get_locale();
        let PositionView { position, holders } = view.clone();
        let own = position.clone();
        let reach = app.plant.with(|plant| reach_words(&position.reach, plant.as_deref(), locale));
        let holders = match holders.is_empty() {
            true => td_string!(locale, positions.nobody).to_owned(),
            false => holders.join(", "),
        };
        let priorities = priority_words(&position, locale);
        view! {
            <tr data-testid="position" data-position=position.name.clone()>
                <td><b>{position.name.clone()}</b></td>
                <td class="wraps">{reach}</td>
                <td>{priorities}</td>
                <td>{holders}</td>
                <td class="end">
                    <button
                        class="small"
                        data-testid="edit-position"
                        on:click=move |_| edited.set(Some(Edited::Position(own.clone())))
                    >
                        <Icon glyph=Glyph::Edit size=14/> {t!(i18n, positions.edit)}
                    </button>
                </td>
            </tr>
        }
    };
    let has_gaps = Memo::new(move |_| {
        let areas = app.plant.with(|plant| {
            let areas = plant.as_ref().map(|plant| plant.register.plant.areas.as_slice()).unwrap_or_default();
            areas.iter().map(|area| area.id).collect::<Vec<_>>()
        });
        all.with(|all| !all.is_empty() && leaves_gaps(all, &areas))
    });
    let uncovered = Signal::derive(move || t_string!(i18n, positions.uncovered).to_owned());
    let list = move || {
        let all: Arc<Vec<PositionView>> = all.get();
        if all.is_empty() {
            return view! { <p class="panel-calm">{t!(i18n, positions.none)}</p> }.into_any();
        }
        view! {
            <div class="sheet"><table class="data">
                <thead><tr>
                    <th>{t!(i18n, positions.name)}</th>
                    <th>{t!(i18n, positions.reach)}</th>
                    <th>{t!(i18n, positions.priorities)}</th>
                    <th>{t!(i18n, positions.attended)}</th>
                    <th></th>
                </tr></thead>
                <tbody>{all.iter().map(row).collect_view()}</tbody>
            </table></div>
        }
        .into_any()
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, positions.title).to_owned())
            aside=ViewFn::from(move || view! {
                <button
                    class="small"
                    data-testid="add-position"
                    on:click=move |_| edited.set(Some(Edited::Position(new_position())))
                >
                    <Icon glyph=Glyph::Plus size=14/> {t!(i18n, positions.add)}
                </button>
            })
        >
            {list}
            {move || has_gaps.get().then(|| view! { <Notice text=uncovered/> })}
        </Panel>
    }
    .into_any()
}

#[component]
pub(super) fn PositionDrawer(position: OperatorPosition, on_close: Callback<()>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let id = position.id;
    let is_new = id.0.is_nil();
    let (chosen_areas, chosen_rest) = match &position.reach {
        Reach::Plant => (BTreeSet::new(), false),
        Reach::Areas { areas, unzoned } => (areas.clone(), *unzoned),
    };
    let name = RwSignal::new(position.name.clone());
    let is_whole = RwSignal::new(position.reach == Reach::Plant);
    let (areas, unzoned) = (RwSignal::new(chosen_areas), RwSignal::new(chosen_rest));
    let priorities = RwSignal::new(position.priorities.clone());
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let asked_to_remove = RwSignal::new(false);
    let known = move || {
        app.plant.with(|plant| {
            let areas = plant.as_ref().map(|plant| plant.register.plant.areas.as_slice()).unwrap_or_default();
            areas.iter().map(|area| (area.id, area.name.clone())).collect::<Vec<_>>()
        })
    };
    let settled = move |outcome: Result<(), ApiError>| match outcome {
        Ok(()) => on_close.run(()),
        Err(error) => {
            fault.try_set(Some(error.message));
            is_busy.try_set(false);
        }
    };
    let submit = Callback::new(move |()| {
        if is_busy.get_untracked() {
            return;
        }
        let reach = match is_whole.get_untracked() {
            true => Reach::Plant,
            false => {
                // What is gone from the plant is not shown, and not kept.
                let known: BTreeSet<AreaId> = untrack(known).into_iter().map(|(area, _)| area).collect();
                let areas = areas.with_untracked(|areas| areas.intersection(&known).copied().collect());
                Reach::Areas { areas, unzoned: unzoned.get_untracked() }
            }
        };
        let position = match read(id, &name.get_untracked(), reach, priorities.get_untracked()) {
            Ok(position) => position,
            Err(wrong) => {
                let locale = i18n.get_locale_untracked();
                return fault.set(Some(wrong_text(wrong, locale).to_owned()));
            }
        };
        fault.set(None);
        is_busy.set(true);
        spawn_local(async move { settled(app.call(SavePosition { position }).await.map(drop)) });
    });
    let remove = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        if !asked_to_remove.get_untracked() {
            return asked_to_remove.set(true);
        }
        fault.set(None);
        is_busy.set(true);
        spawn_local(async move { settled(app.call(RemovePosition { position: id }).await.map(drop)) });
    };
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let reaches = Signal::derive(move || {
        let locale = i18n.get_locale();
        vec![
            Choice::new("areas", td_string!(locale, positions.in_areas)),
            Choice::new("plant", td_string!(locale, positions.whole_plant)),
        ]
    });
    let reach = Signal::derive(move || if is_whole.get() { "plant" } else { "areas" }.to_owned());
    let area_views = move || {
        let known = known();
        let none = known.is_empty().then(|| view! { <p class="quiet">{t!(i18n, positions.no_areas)}</p> });
        let boxes = known.into_iter().map(|(area, name)| {
            view! {
                <label class="checked-line">
                    <input
                        type="checkbox"
                        data-testid="position-area"
                        data-area=name.clone()
                        prop:checked=move || areas.with(|areas| areas.contains(&area))
                        on:change=move |_| toggle(areas, area)
                    />
                    <span>{name}</span>
                </label>
            }
        });
        view! {
            {none}
            {boxes.collect_view()}
            <label class="checked-line">
                <input
                    type="checkbox"
                    data-testid="position-unzoned"
                    prop:checked=move || unzoned.get()
                    on:change=move |_| unzoned.update(|unzoned| *unzoned = !*unzoned)
                />
                <span>{t!(i18n, positions.unzoned)}</span>
            </label>
        }
    };
    let priority_views = Priority::ALL.into_iter().map(move |priority| {
        view! {
            <label class="checked-line">
                <input
                    type="checkbox"
                    data-testid=format!("position-priority-{}", priority.digit())
                    prop:checked=move || priorities.with(|priorities| priorities.contains(&priority))
                    on:change=move |_| toggle(priorities, priority)
                />
                <span>{move || words::priority(priority, i18n.get_locale())}</span>
            </label>
        }
    });
    let holders = Memo::new(move |_| {
        app.desk.all.with(|all| {
            let own = all.iter().find(|view| view.position.id == id);
            own.map(|view| view.holders.join(", ")).unwrap_or_default()
        })
    });
    let warning = Signal::derive(move || t_string!(i18n, positions.remove_held, names = holders.get()));
    let title = Signal::derive(move || match is_new {
        true => t_string!(i18n, positions.new_position).to_owned(),
        false => t_string!(i18n, positions.position).to_owned(),
    });
    let actions = view! {
        <button type="submit" class="accent" data-testid="save-position" disabled=move || is_busy.get()>
            {t!(i18n, words.save)}
        </button>
        {(!is_new).then(|| view! {
            <button type="button" data-testid="remove-position" disabled=move || is_busy.get() on:click=remove>
                {move || match asked_to_remove.get() {
                    true => t_string!(i18n, positions.remove_really),
                    false => t_string!(i18n, positions.remove),
                }}
            </button>
        })}
    }
    .into_any();
    view! {
        <FormDrawer
            title=title
            testid="position-form"
            on_submit=submit
            on_close=Callback::new(move |_is_changed: bool| on_close.run(()))
            fault=fault
            actions=actions
        >
            <p class="quiet">{t!(i18n, positions.form_note)}</p>
            <TextField
                id="position-name"
                label=word(|l| td_string!(l, positions.name))
                hint=word(|l| td_string!(l, positions.name_hint))
                value=name
            />
            <h3>{t!(i18n, positions.reach)}</h3>
            <Segmented
                label=word(|l| td_string!(l, positions.reach))
                value=reach
                choices=reaches
                on_choose=Callback::new(move |value: String| is_whole.set(value == "plant"))
            />
            {move || (!is_whole.get()).then(area_views)}
            <h3>{t!(i18n, positions.priorities)}</h3>
            {priority_views.collect_view()}
            {move || (asked_to_remove.get() && holders.with(|holders| !holders.is_empty())).then(|| {
                view! { <Notice text=warning/> }
            })}
        </FormDrawer>
    }
    .into_any()
}

/// Puts one in, or takes it out where it is in.
fn toggle<T: Ord + Send + Sync + 'static>(set: RwSignal<BTreeSet<T>>, one: T) {
    set.update(|set| {
        if !set.remove(&one) {
            set.insert(one);
        }
    });
}

#[cfg(test)]
mod tests {
    use penstock_model::Timestamp;

    use super::*;

    const MADE: Timestamp = Timestamp::from_secs(1);

    fn area(id: u8) -> AreaId {
        AreaId::made(MADE, [id; 10])
    }

    fn within(areas: &[u8], unzoned: bool) -> Reach {
        Reach::Areas { areas: areas.iter().map(|id| area(*id)).collect(), unzoned }
    }

    #[test]
    fn what_is_chosen_becomes_a_position_or_is_refused() {
        let id = OperatorPositionId::made(MADE, [1; 10]);
        let check = |name: &str, reach: Reach, priorities: &[Priority], expect: Result<&str, Wrong>| {
            let found = read(id, name, reach.clone(), priorities.iter().copied().collect());
            let expect = expect.map(|name| OperatorPosition {
                id,
                name: name.to_owned(),
                reach,
                priorities: priorities.iter().copied().collect(),
            });
            // What passes here the station takes too.
            assert!(!found.as_ref().is_ok_and(|position| position.fault().is_some()), "{found:?}");
            assert_eq!(found, expect);
        };
        check(" North ", Reach::Plant, &[Priority::P1], Ok("North"));
        check("North", within(&[1], false), &Priority::ALL, Ok("North"));
        check("Works", within(&[], true), &Priority::ALL, Ok("Works"));
        check(" ", Reach::Plant, &Priority::ALL, Err(Wrong::Name));
        check(&"x".repeat(81), Reach::Plant, &Priority::ALL, Err(Wrong::Name));
        check("North", within(&[], false), &Priority::ALL, Err(Wrong::Reach));
        check("North", Reach::Plant, &[], Err(Wrong::Priorities));
    }

    #[test]
    fn what_no_position_answers_for_is_noticed() {
        let view = |reach: Reach, priorities: &[Priority]| PositionView {
            position: OperatorPosition { reach, priorities: priorities.iter().copied().collect(), ..new_position() },
            holders: vec![],
        };
        let areas = [area(1), area(2)];
        let check = |all: &[PositionView], expect: bool| assert_eq!(leaves_gaps(all, &areas), expect, "{all:?}");
        check(&[view(Reach::Plant, &Priority::ALL)], false);
        check(&[view(Reach::Plant, &[Priority::P1])], true);
        check(&[view(within(&[1, 2], false), &Priority::ALL)], true);
        check(&[view(within(&[1], true), &Priority::ALL), view(within(&[2], false), &Priority::ALL)], false);
        check(&[view(within(&[1], true), &Priority::ALL), view(within(&[2], false), &[Priority::P1])], true);
    }
}
