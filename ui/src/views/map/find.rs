//! Finds a site, a piece of equipment, an area or a point on the map by a few letters of its name.

use leptos::prelude::*;
use penstock_map::Key;

use super::Room;
use crate::components::{Finder, Found, best};
use crate::i18n::{t_string, use_i18n};
use crate::page;
use crate::state::PlantView;

/// As many as the list shows.
const SHOWN: usize = 9;

fn all(room: Room, plant: &PlantView) -> Vec<Found<Key>> {
    let placed = room.placed.get();
    let mut all: Vec<Found<Key>> = Vec::new();
    let mut add = |key: Key, name: &str, note: &str| {
        all.push(Found { key, name: name.to_owned(), note: note.to_owned() });
    };
    for area in &plant.register.plant.areas {
        add(Key::Area(area.id), &area.name, "");
    }
    for asset in &plant.register.plant.assets {
        let site = asset.site.and_then(|site| plant.site(site)).map_or("", |site| site.name.as_str());
        add(Key::Asset(asset.id), &asset.name, if site == asset.name { "" } else { site });
    }
    for point in plant.adopted() {
        if let Some(key) = placed.owners.of_point(point.id) {
            add(key, &point.name, &plant.about(point));
        }
    }
    for pipe in &plant.register.plant.pipes {
        add(Key::Pipe(pipe.id), &pipe.name, "");
    }
    all
}

#[component]
pub(super) fn Find(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let find = move |wanted: &str| {
        let plant = room.app.plant.get();
        plant.map(|plant| best(wanted, all(room, &plant), SHOWN)).unwrap_or_default()
    };
    let choose = Callback::new(move |key: Key| {
        room.go_to(key);
        page::focus(".map-surface");
    });
    view! {
        <Finder
            label=Signal::derive(move || t_string!(i18n, map.search).to_owned())
            find=find
            on_choose=choose
            on_leave=Callback::new(|()| {
                page::focus(".map-surface");
            })
            keys="/"
            class="map-search"
            testid="map-search"
        />
    }
    .into_any()
}
