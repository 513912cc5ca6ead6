//! Choosing pens: by a few letters of a point's name, or all of an area at once.

use leptos::prelude::*;
use penstock_model::{AreaId, Point, PointId};

use super::data::{PENS, Room, set_of_area};
use crate::components::{Choice, Finder, Found, Glyph, Select, best};
use crate::i18n::{t_string, use_i18n};
use crate::page;

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

/// The points that answer what was typed and are no pens yet.
fn find(room: Room, wanted: &str) -> Vec<Found<PointId>> {
    let shown = room.pens.with(|pens| pens.iter().map(|pen| pen.point).collect::<Vec<_>>());
    room.app.plant.with(|plant| {
        let Some(plant) = plant else { return Vec::new() };
        let mut points: Vec<&Point> = plant.adopted().filter(|point| !shown.contains(&point.id)).collect();
        points.sort_by(|a, b| a.name.cmp(&b.name));
        let found =
            points.into_iter().map(|point| Found { key: point.id, name: point.name.clone(), note: plant.about(point) });
        best(wanted, found, SHOWN)
    })
}

/// Adds a pen.
#[component]
pub(super) fn AddPen(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let is_full = Memo::new(move |_| room.pens.with(Vec::len) >= PENS);
    let choose = Callback::new(move |point: PointId| {
        room.add(point);
        if is_full.get_untracked() {
            page::focus(".trend-chart");
        }
    });
    view! {
        <Finder
            label=Signal::derive(move || t_string!(i18n, trends.add_pen_long).to_owned())
            placeholder=Signal::derive(move || t_string!(i18n, trends.add_pen).to_owned())
            find=move |wanted: &str| if is_full.get() { Vec::new() } else { find(room, wanted) }
            on_choose=choose
            on_leave=Callback::new(|()| {
                page::focus(".trend-chart");
            })
            remark=Signal::derive(move || is_full.get().then(|| t_string!(i18n, trends.full).to_owned()))
            opens_empty=true
            glyph=Glyph::Plus
            keys="P"
            class="pen-search-place"
            input_class="pen-search filter"
            testid="add-pen"
        />
    }
    .into_any()
}
