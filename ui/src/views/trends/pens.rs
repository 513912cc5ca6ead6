//! Choosing pens: by a few letters of a point's name, or all of an area at once.

use leptos::prelude::*;
use penstock_model::{AreaId, Point, PointId};

use super::data::{PENS, Room, set_of_area};
use crate::components::{Choice, Glyph, Icon, Kbd, Select};
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::PlantView;

/// As many as the list shows.
const SHOWN: usize = 10;

/// The areas, each with the pens that tell how it fares.
#[component]
pub(super) fn Sets(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let chosen = RwSignal::new(String::new());
    let choices = Signal::derive(move || {
        let mut choices = vec![Choice::new("", t_string!(i18n, trends.choose_set))];
        room.app.plant.with(|plant| {
            let areas = plant.iter().flat_map(|plant| &plant.register.plant.areas);
            choices.extend(areas.map(|area| Choice::new(area.id.to_string(), area.name.clone())));
        });
        choices
    });
    Effect::new(move || {
        let Ok(area) = chosen.with(|chosen| chosen.parse::<AreaId>()) else { return };
        let points = room.app.plant.with_untracked(|plant| plant.as_ref().map(|plant| set_of_area(plant, area)));
        if let Some(points) = points.filter(|points| !points.is_empty()) {
            room.show(&points);
        }
    });
    // The choice stands for as long as its pens are shown.
    Effect::new(move || {
        let shown = room.pens.with(|pens| pens.iter().map(|pen| pen.point).collect::<Vec<_>>());
        let fitting = room.app.plant.with(|plant| {
            let plant = plant.as_ref()?;
            let mut areas = plant.register.plant.areas.iter();
            areas.find(|area| !shown.is_empty() && set_of_area(plant, area.id) == shown).map(|area| area.id.to_string())
        });
        let fitting = fitting.unwrap_or_default();
        if chosen.get_untracked() != fitting {
            chosen.set(fitting);
        }
    });
    view! {
        <div class="trend-sets">
            <Select
                label=Signal::derive(move || t_string!(i18n, trends.sets).to_owned())
                value=chosen
                choices=choices
                id="trend-set"
            />
        </div>
    }
    .into_any()
}

/// The points that answer what was typed, those whose tag begins with it first.
fn find<'a>(wanted: &str, plant: &'a PlantView) -> Vec<&'a Point> {
    let wanted = wanted.trim().to_lowercase();
    let rank = |point: &Point| {
        let (name, text) = (point.name.to_lowercase(), point.description.to_lowercase());
        match () {
            () if name.starts_with(&wanted) => Some(0),
            () if name.contains(&wanted) => Some(1),
            () if text.contains(&wanted) => Some(2),
            () if plant.place_of(point).to_lowercase().contains(&wanted) => Some(3),
            () => None,
        }
    };
    let mut found: Vec<(u8, &Point)> = plant.adopted().filter_map(|point| Some((rank(point)?, point))).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    found.into_iter().map(|(_, point)| point).take(SHOWN).collect()
}

/// Adds a pen.
#[component]
pub(super) fn AddPen(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let is_open = RwSignal::new(false);
    let wanted = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let found = Memo::new(move |_| -> Vec<(PointId, String, String)> {
        if !is_open.get() {
            return Vec::new();
        }
        let shown = room.pens.with(|pens| pens.iter().map(|pen| pen.point).collect::<Vec<_>>());
        room.app.plant.with(|plant| {
            let Some(plant) = plant else { return Vec::new() };
            let found = find(&wanted.get(), plant).into_iter().filter(|point| !shown.contains(&point.id));
            found
                .map(|point| {
                    (point.id, point.name.clone(), format!("{}, {}", point.description, plant.place_of(point)))
                })
                .collect()
        })
    });
    let is_full = Memo::new(move |_| room.pens.with(Vec::len) >= PENS);
    let choose = move |point: PointId| {
        room.add(point);
        wanted.set(String::new());
        at.set(0);
        if is_full.get_untracked() {
            is_open.set(false);
            page::focus(".trend-chart");
        }
    };
    let list = move || {
        is_open.get().then(|| {
            let rows = found.get().into_iter().enumerate().map(|(index, (id, name, note))| {
                view! {
                    <div
                        role="option"
                        class="find-row"
                        aria-selected=move || (at.get() == index).to_string()
                        on:pointerdown=move |event| {
                            event.prevent_default();
                            choose(id);
                        }
                    >
                        <b class="cut">{name}</b>
                        <span class="cut">{note}</span>
                    </div>
                }
            });
            let rows = rows.collect_view();
            let remark = move || {
                if is_full.get() {
                    Some(t_string!(i18n, trends.full))
                } else if found.with(Vec::is_empty) {
                    Some(t_string!(i18n, trends.nothing_found))
                } else {
                    None
                }
            };
            view! {
                <div class="find-list" role="listbox" id="pens-found">
                    {move || remark().map(|text| view! { <p class="quiet">{text}</p> })}
                    {rows}
                </div>
            }
        })
    };
    view! {
        <div class="search pen-search-place">
            <Icon glyph=Glyph::Plus/>
            <input
                type="search"
                class="pen-search filter"
                data-testid="add-pen"
                spellcheck="false"
                role="combobox"
                aria-controls="pens-found"
                aria-expanded=move || is_open.get().to_string()
                aria-label=move || t_string!(i18n, trends.add_pen_long)
                placeholder=move || t_string!(i18n, trends.add_pen)
                prop:value=move || wanted.get()
                on:focus=move |_| is_open.set(true)
                on:blur=move |_| {
                    is_open.set(false);
                    wanted.set(String::new());
                }
                on:input=move |event| {
                    wanted.set(event_target_value(&event));
                    at.set(0);
                    is_open.set(true);
                }
                on:keydown=move |event| {
                    let count = found.with(Vec::len).max(1);
                    match event.key().as_str() {
                        "ArrowDown" => at.update(|at| *at = (*at + 1) % count),
                        "ArrowUp" => at.update(|at| *at = (*at + count - 1) % count),
                        "Enter" => {
                            if let Some((id, _, _)) = found.with(|found| found.get(at.get_untracked()).cloned()) {
                                choose(id);
                            }
                        }
                        "Escape" => {
                            page::focus(".trend-chart");
                        }
                        _ => return,
                    }
                    event.prevent_default();
                    event.stop_propagation();
                }
            />
            <Kbd keys="P"/>
            {list}
            <span class="unseen">{t!(i18n, trends.find_point)}</span>
        </div>
    }
    .into_any()
}
