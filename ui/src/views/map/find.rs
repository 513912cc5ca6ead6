//! Finds a site, a piece of equipment, an area or a point on the map by a few letters of its name.

use leptos::prelude::*;
use penstock_map::Key;

use super::Room;
use crate::components::{Glyph, Icon, Kbd};
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::PlantView;

/// As many as the list shows.
const SHOWN: usize = 9;

/// Something that can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    key: Key,
    name: String,
    note: String,
}

/// What answers `wanted`: names that begin with it first, then names and notes that hold it.
fn find(wanted: &str, all: &[Found]) -> Vec<Found> {
    let wanted = wanted.trim().to_lowercase();
    if wanted.is_empty() {
        return Vec::new();
    }
    let rank = |found: &Found| {
        let (name, note) = (found.name.to_lowercase(), found.note.to_lowercase());
        match () {
            () if name.starts_with(&wanted) => Some(0),
            () if name.split([' ', '-']).any(|word| word.starts_with(&wanted)) => Some(1),
            () if name.contains(&wanted) => Some(2),
            () if note.contains(&wanted) => Some(3),
            () => None,
        }
    };
    let mut found: Vec<(u8, &Found)> = all.iter().filter_map(|found| Some((rank(found)?, found))).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    found.into_iter().take(SHOWN).map(|(_, found)| found.clone()).collect()
}

fn all(room: Room, plant: &PlantView) -> Vec<Found> {
    let placed = room.placed.get_untracked();
    let mut all: Vec<Found> = Vec::new();
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
            add(key, &point.name, &format!("{}, {}", point.description, plant.place_of(point)));
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
    let wanted = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let found = Memo::new(move |_| {
        let wanted = wanted.get();
        let plant = room.app.plant.get();
        plant.map(|plant| find(&wanted, &all(room, &plant))).unwrap_or_default()
    });
    let choose = move |key: Key| {
        wanted.set(String::new());
        room.go_to(key);
        page::focus(".map-surface");
    };
    let list = move || {
        if wanted.with(|wanted| wanted.trim().is_empty()) {
            return ().into_any();
        }
        let rows = found.get();
        if rows.is_empty() {
            return view! { <div class="find-list"><p class="quiet">{t!(i18n, map.nothing_found)}</p></div> }
                .into_any();
        }
        let rows = rows.into_iter().enumerate().map(|(index, found)| {
            let key = found.key;
            view! {
                <div
                    role="option"
                    class="find-row"
                    aria-selected=move || (at.get() == index).to_string()
                    on:pointerdown=move |event| {
                        event.prevent_default();
                        choose(key);
                    }
                >
                    <b class="cut">{found.name}</b>
                    <span class="cut">{found.note}</span>
                </div>
            }
        });
        view! { <div class="find-list" role="listbox" id="map-found">{rows.collect_view()}</div> }.into_any()
    };
    view! {
        <div class="search map-search">
            <Icon glyph=Glyph::Search/>
            <input
                type="search"
                class="filter"
                data-testid="map-search"
                spellcheck="false"
                role="combobox"
                aria-controls="map-found"
                aria-expanded=move || (!found.with(Vec::is_empty)).to_string()
                aria-label=move || t_string!(i18n, map.search)
                placeholder=move || t_string!(i18n, map.search)
                prop:value=move || wanted.get()
                on:input=move |event| {
                    wanted.set(event_target_value(&event));
                    at.set(0);
                }
                on:blur=move |_| wanted.set(String::new())
                on:keydown=move |event| {
                    let count = found.with(Vec::len).max(1);
                    match event.key().as_str() {
                        "ArrowDown" => at.update(|at| *at = (*at + 1) % count),
                        "ArrowUp" => at.update(|at| *at = (*at + count - 1) % count),
                        "Enter" => {
                            let chosen = found.with(|found| found.get(at.get_untracked()).map(|found| found.key));
                            if let Some(key) = chosen {
                                choose(key);
                            }
                        }
                        "Escape" => {
                            wanted.set(String::new());
                            page::focus(".map-surface");
                        }
                        _ => return,
                    }
                    event.prevent_default();
                    event.stop_propagation();
                }
            />
            <Kbd keys="/"/>
            {list}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_model::{PointId, Timestamp};

    use super::*;

    #[test]
    fn names_come_before_notes() {
        let found = |n: u8, name: &str, note: &str| Found {
            key: Key::Point(PointId::made(Timestamp::from_secs(1), [n; 10])),
            name: name.to_owned(),
            note: note.to_owned(),
        };
        let all = [found(1, "FT-01", "Inflow, Pump house"), found(2, "Pump 3", ""), found(3, "PS-2 Pump 1", "")];
        let names = |wanted: &str| find(wanted, &all).into_iter().map(|found| found.name).collect::<Vec<_>>();
        assert_eq!(names("pump"), ["Pump 3", "PS-2 Pump 1", "FT-01"]);
        assert_eq!(names("  "), Vec::<String>::new());
        assert_eq!(names("nowhere"), Vec::<String>::new());
    }
}
