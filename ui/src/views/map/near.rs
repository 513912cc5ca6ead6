//! What is nearest to a place on the map, as the station finds it: to the middle of the map first, then to wherever is
//! clicked.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::ListPlacesNear;
use penstock_map::{Key, Owners, Spot};
use penstock_model::{AssetId, Place, PlaceKind, PointId, Position, SiteId};

use super::Room;
use crate::components::{CloseButton, Loading, Notice, focused_when_shown};
use crate::format;
use crate::i18n::{Locale, t, t_string, use_i18n};
use crate::page;

/// The groups that are asked for, each by itself: a works full of instruments must not hide the next pump.
const GROUPS: [&[PlaceKind]; 2] = [&[PlaceKind::Site, PlaceKind::Asset], &[PlaceKind::Point]];
/// As many of each group are shown.
const SHOWN: usize = 6;
/// As many of each group are asked for, as the map shows several by one mark and some not at all.
const ASKED: u32 = 24;

/// Something near.
#[derive(Debug, Clone, PartialEq)]
struct Near {
    /// The mark that shows it.
    key: Key,
    name: String,
    distance_m: f64,
}

/// The places that the map shows, the nearest first; of a site and the equipment that stands for it the nearer one.
fn listed(places: Vec<Place>, owners: &Owners) -> Vec<Near> {
    let mut found: Vec<Near> = Vec::new();
    for place in places {
        let key = match place.kind {
            PlaceKind::Site => owners.of_site(SiteId(place.id)),
            PlaceKind::Asset => Some(Key::Asset(AssetId(place.id))),
            PlaceKind::Point => owners.of_point(PointId(place.id)),
        };
        let (Some(key), Some(distance_m)) = (key, place.distance_m) else { continue };
        let is_shown = place.kind != PlaceKind::Point && found.iter().any(|near| near.key == key);
        if !is_shown {
            found.push(Near { key, name: place.name, distance_m });
        }
    }
    found.truncate(SHOWN);
    found
}

/// A distance: whole metres, from a kilometre on kilometres with one decimal.
fn distance_text(metres: f64, locale: Locale) -> String {
    if metres < 999.5 {
        format!("{}\u{a0}m", format::number(metres, 0, locale))
    } else {
        format!("{}\u{a0}km", format::number(metres / 1_000.0, 1, locale))
    }
}

async fn ask(room: Room, spot: Spot) -> Result<Vec<Vec<Near>>, String> {
    let position = Position::new(spot.lat(), spot.lon()).map_err(|error| error.to_string())?;
    let mut groups = Vec::new();
    for kinds in GROUPS {
        let call = ListPlacesNear { position, kinds: kinds.to_vec(), limit: ASKED };
        let places = room.app.call(call).await.map_err(|error| error.message)?;
        let placed = room.placed.try_get_untracked().unwrap_or_default();
        groups.push(listed(places, &placed.owners));
    }
    Ok(groups)
}

#[component]
pub(super) fn NearList(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let found = RwSignal::new(None::<Result<Vec<Vec<Near>>, String>>);
    Effect::new(move || {
        let Some(spot) = room.near.get() else { return };
        spawn_local(async move {
            let reply = ask(room, spot).await;
            // A place that was clicked since has a question of its own.
            if room.near.try_get_untracked().flatten() == Some(spot) {
                found.try_set(Some(reply));
            }
        });
    });
    let close = Callback::new(move |()| {
        room.near.set(None);
        page::focus(".map-surface");
    });
    let place = move || {
        let spot = room.near.get()?;
        let text = format!("{:.5}, {:.5}", spot.lat(), spot.lon());
        Some(view! { <span class="nobreak">{text}</span> })
    };
    let row = move |near: Near| {
        let Near { key, name, distance_m } = near;
        let distance = distance_text(distance_m, i18n.get_locale());
        view! {
            <li>
                <button class="plain near-row" data-testid="near-row" on:click=move |_| room.go_to(key)>
                    <b class="cut">{name}</b>
                    <span class="nobreak">{distance}</span>
                </button>
            </li>
        }
    };
    let list = move || match found.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Err(why)) => view! { <Notice text=why is_fault=true/> }.into_any(),
        Some(Ok(groups)) if groups.iter().all(Vec::is_empty) => {
            view! { <p class="panel-calm">{t!(i18n, map.near_nothing)}</p> }.into_any()
        }
        Some(Ok(groups)) => {
            let words = [t_string!(i18n, map.near_equipment), t_string!(i18n, map.near_points)];
            let groups = words.into_iter().zip(groups).filter(|(_, group)| !group.is_empty());
            let groups = groups.map(|(word, group)| {
                view! {
                    <h3>{word}</h3>
                    <ul>{group.into_iter().map(row).collect_view()}</ul>
                }
            });
            groups.collect_view().into_any()
        }
    };
    let frame = focused_when_shown();
    view! {
        <div
            class="panel map-near"
            role="region"
            tabindex="-1"
            node_ref=frame
            aria-label=move || t_string!(i18n, map.near)
            data-testid="map-near"
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.prevent_default();
                    event.stop_propagation();
                    close.run(());
                }
            }
        >
            <header class="panel-head">
                <h2>{t!(i18n, map.near)}</h2>
                <div class="panel-aside">{place} <CloseButton on_close=close/></div>
            </header>
            <div class="near-lists" aria-live="polite">
                <p class="quiet">{t!(i18n, map.near_note)}</p>
                {list}
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_model::Timestamp;

    use super::*;

    fn place(kind: PlaceKind, id: AssetId, distance_m: Option<f64>) -> Place {
        let position = Position::new(25.6, 85.1).expect("on earth");
        Place { kind, id: id.0, name: "PS-2".to_owned(), position, distance_m, chainage_m: None }
    }

    #[test]
    fn what_one_mark_shows_is_listed_once_and_what_none_shows_not_at_all() {
        let id = |byte: u8| AssetId::made(Timestamp::from_secs(1), [byte; 10]);
        let places = vec![
            place(PlaceKind::Asset, id(1), Some(10.0)),
            place(PlaceKind::Asset, id(1), Some(12.0)),
            place(PlaceKind::Site, id(2), Some(13.0)),
            place(PlaceKind::Point, id(3), Some(14.0)),
            place(PlaceKind::Asset, id(4), None),
            place(PlaceKind::Asset, id(5), Some(20.0)),
        ];
        let found = listed(places, &Owners::default());
        let found: Vec<(Key, f64)> = found.into_iter().map(|near| (near.key, near.distance_m)).collect();
        assert_eq!(found, [(Key::Asset(id(1)), 10.0), (Key::Asset(id(5)), 20.0)]);
        let many = (0..40).map(|byte| place(PlaceKind::Asset, id(byte), Some(f64::from(byte))));
        assert_eq!(listed(many.collect(), &Owners::default()).len(), SHOWN);
    }

    #[test]
    fn distances_are_short() {
        let check = |metres: f64, text: &str| assert_eq!(distance_text(metres, Locale::en), text, "{metres}");
        check(0.4, "0\u{a0}m");
        check(999.4, "999\u{a0}m");
        check(999.6, "1.0\u{a0}km");
        check(12_340.0, "12.3\u{a0}km");
    }
}
