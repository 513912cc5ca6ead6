//! Ctrl+K: to any screen, site or point by a few letters of its name.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use penstock_model::{Point, PointState, Site};

use super::rail::is_shown;
use super::screen_name;
use crate::components::{Dialog, Found, best};
use crate::i18n::{t_string, use_i18n};
use crate::keys::Screen;
use crate::state::use_app;

/// As many as fit the dialog.
const SHOWN: usize = 12;

/// Somewhere to go, by the path that leads there.
type Place = Found<String>;

#[component]
pub(crate) fn GoTo() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let wanted = RwSignal::new(String::new());
    let cursor = RwSignal::new(0_usize);
    let found = Memo::new(move |_| {
        let locale = i18n.get_locale();
        let screens = Screen::ALL.into_iter().filter(|screen| is_shown(app, *screen)).map(|screen| Place {
            name: screen_name(screen, locale).to_owned(),
            note: t_string!(i18n, frame.a_screen).to_owned(),
            key: screen.path().to_owned(),
        });
        let (sites, points) = app.plant.with(|plant| match plant {
            Some(plant) => {
                let site = |site: &Site| Place {
                    name: site.name.clone(),
                    note: t_string!(i18n, frame.a_site).to_owned(),
                    key: format!("/map?site={}", site.id),
                };
                let point = |point: &Point| Place {
                    name: point.name.clone(),
                    note: match point.state {
                        PointState::Adopted => format!("{} · {}", point.description, plant.place_of(point)),
                        _ => t_string!(i18n, frame.a_discovered_point).to_owned(),
                    },
                    key: format!("/points?point={}", point.id),
                };
                let sites: Vec<Place> = plant.register.plant.sites.iter().map(site).collect();
                let points: Vec<Place> = plant.register.points.iter().map(point).collect();
                (sites, points)
            }
            None => Default::default(),
        });
        wanted.with(|wanted| best(wanted, screens.chain(sites).chain(points), SHOWN))
    });
    Effect::new(move || {
        wanted.track();
        cursor.set(0);
    });
    let close = move || app.overlay.set(None);
    let navigate = use_navigate();
    let go = move |path: &str| {
        close();
        navigate(path, Default::default());
    };
    let on_key = {
        let go = go.clone();
        move |event: leptos::ev::KeyboardEvent| {
            let last = found.with_untracked(|found| found.len().saturating_sub(1));
            match event.key().as_str() {
                "ArrowDown" => cursor.update(|cursor| *cursor = (*cursor + 1).min(last)),
                "ArrowUp" => cursor.update(|cursor| *cursor = cursor.saturating_sub(1)),
                "Enter" => {
                    let chosen = found.with_untracked(|found| found.get(cursor.get_untracked()).cloned());
                    if let Some(place) = chosen {
                        go(&place.key);
                    }
                }
                _ => return,
            }
            event.prevent_default();
        }
    };
    let rows = move || {
        let go = go.clone();
        let rows = found.get().into_iter().enumerate().map(move |(at, place)| {
            let go = go.clone();
            let path = place.key.clone();
            view! {
                <button
                    role="option"
                    tabindex="-1"
                    class="go-row"
                    aria-selected=move || (cursor.get() == at).to_string()
                    on:click=move |_| go(&path)
                >
                    <b>{place.name}</b>
                    <span>{place.note}</span>
                </button>
            }
        });
        rows.collect_view()
    };
    view! {
        <Dialog
            title=Signal::derive(move || t_string!(i18n, frame.go_to).to_owned())
            on_close=Callback::new(move |()| close())
            testid="go-to"
        >
            <div class="dialog-body" on:keydown=on_key>
                <input
                    class="go-field"
                    data-testid="go-to-field"
                    autofocus=true
                    spellcheck="false"
                    aria-label=move || t_string!(i18n, frame.go_to_hint)
                    placeholder=move || t_string!(i18n, frame.go_to_hint)
                    prop:value=move || wanted.get()
                    on:input=move |event| wanted.set(event_target_value(&event))
                />
                <div class="go-rows" role="listbox">{rows}</div>
            </div>
        </Dialog>
    }
    .into_any()
}
