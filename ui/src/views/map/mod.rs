//! The map. `/map?site=ID`, `?point=ID`, `?asset=ID` select; `/map?pick=POINT_ID` picks a place for a point and leads back
//! to `/points?point=POINT_ID&at=LAT,LON`.

mod drawer;
mod find;
mod live;
mod near;
mod tools;
mod twin;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_query_map};
use penstock_map::{Ground, Hit, Key, MapModel, Spot};
use penstock_model::PointId;

use self::live::{Placed, dress, in_order, next_alarm, placed, trend_path};
use crate::app::Head;
use crate::canvas::{BringTile, MapCanvas, MapHandle};
use crate::components::{Empty, Glyph, Icon, Kbd, Notice};
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::{App, use_app};

/// Where the page keeps the base map.
const BASE_MAP: &str = "/demo/basemap.json";
/// How near the map goes to what was asked for.
const NEAR: f64 = 16.2;
/// How far the arrow keys move, in px.
const STEP: f64 = 80.0;

thread_local! {
    /// The base map, fetched once for as long as the page lives.
    static GROUND: RefCell<Option<Arc<Ground>>> = const { RefCell::new(None) };
}

/// What the parts of the screen share.
#[derive(Clone, Copy)]
struct Room {
    app: App,
    handle: MapHandle,
    /// What is selected.
    chosen: RwSignal<Option<Key>>,
    /// Which points each mark shows.
    placed: RwSignal<Arc<Placed>>,
    /// Marks without a place: key and name.
    not_placed: RwSignal<Vec<(Key, String)>>,
    /// Whether the map is shown as a table.
    is_table: RwSignal<bool>,
    /// Where what is nearest is listed, if anywhere.
    near: RwSignal<Option<Spot>>,
    /// Another screen that is asked for.
    leaves_for: RwSignal<Option<String>>,
}

impl Room {
    /// Selects `key` and shows it.
    fn go_to(self, key: Key) {
        self.chosen.set(Some(key));
        self.handle.centre_on(key, NEAR);
    }

    fn next_alarm(self) {
        let chosen = self.chosen.get_untracked();
        if let Some(key) = self.handle.with(|model| next_alarm(&model.alarmed(), chosen)).flatten() {
            self.go_to(key);
        }
    }

    /// Shows the map as a table, or the map again.
    fn toggle_table(self) {
        let is_table = !self.is_table.get_untracked();
        self.is_table.set(is_table);
        if !is_table {
            // The map takes no focus before it is shown again.
            request_animation_frame(|| {
                page::focus(".map-surface");
            });
        }
    }

    /// Lists what is nearest to the middle of the map, or closes the list.
    fn toggle_near(self) {
        if self.near.with_untracked(Option::is_some) {
            self.near.set(None);
            page::focus(".map-surface");
        } else {
            self.near.set(self.handle.view.get_untracked().map(|view| view.centre));
        }
    }

    /// To the trend of what is selected.
    fn to_trend(self) {
        let Some(key) = self.chosen.get_untracked() else { return };
        let placed = self.placed.get_untracked();
        let path = self.app.plant.with_untracked(|plant| trend_path(key, &placed, plant.as_deref()?));
        if path.is_some() {
            self.leaves_for.set(path);
        }
    }

    /// On to the next symbol, those with alarms first, the worst first.
    fn next_mark(self, is_back: bool) {
        let chosen = self.chosen.get_untracked();
        let next = self.handle.with(|model| {
            let wanted = in_order(model).into_iter().filter(|mark| mark.alarm.is_some() || mark.parent.is_none());
            let keys: Vec<Key> = wanted.map(|mark| mark.key).collect();
            let count = keys.len().max(1);
            let at = chosen.and_then(|key| keys.iter().position(|other| *other == key));
            let next = match (at, is_back) {
                (None, _) => 0,
                (Some(at), false) => (at + 1) % count,
                (Some(at), true) => (at + count - 1) % count,
            };
            keys.get(next).copied()
        });
        if let Some(key) = next.flatten() {
            self.go_to(key);
        }
    }
}

#[component]
pub(crate) fn Map() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let room = Room {
        app,
        handle: MapHandle::new(),
        chosen: RwSignal::new(None),
        placed: RwSignal::new(Arc::default()),
        not_placed: RwSignal::new(Vec::new()),
        is_table: RwSignal::new(false),
        near: RwSignal::new(None),
        leaves_for: RwSignal::new(None),
    };
    let picking = follow_query(room);
    fetch_ground(room);
    follow_plant(room);
    follow_present(room);
    follow_clicks(room, picking);
    let navigate = use_navigate();
    Effect::new(move || {
        if let Some(path) = room.leaves_for.get() {
            navigate(&path, Default::default());
        }
    });
    Effect::new(move || room.handle.set_mode(app.mode.get()));

    let has_alarm = Memo::new(move |_| {
        app.frames.track();
        app.alarms.listed.with(|listed| !listed.is_empty())
    });
    let is_near = Memo::new(move |_| room.near.with(Option::is_some));
    let actions = move || {
        view! {
            <button
                class:pressed=move || is_near.get()
                aria-pressed=move || is_near.get().to_string()
                data-testid="map-near-list"
                title=move || t_string!(i18n, map.near_note)
                disabled=move || room.is_table.get()
                on:click=move |_| room.toggle_near()
            >
                <Icon glyph=Glyph::Place/> {t!(i18n, map.near)} <Kbd keys="W"/>
            </button>
            <button
                class:pressed=move || room.is_table.get()
                aria-pressed=move || room.is_table.get().to_string()
                data-testid="map-table"
                title=move || t_string!(i18n, map.show_table)
                on:click=move |_| room.toggle_table()
            >
                <Icon glyph=Glyph::Points/> {t!(i18n, map.table)} <Kbd keys="Shift T"/>
            </button>
            <button
                data-testid="next-alarm"
                disabled=move || !has_alarm.get()
                title=move || if has_alarm.get() { "" } else { t_string!(i18n, map.no_alarm) }
                on:click=move |_| room.next_alarm()
            >
                <Icon glyph=Glyph::Alarms/> {t!(i18n, map.next_alarm)} <Kbd keys="N"/>
            </button>
        }
    };
    let drawer = move || {
        let key = room.chosen.get()?;
        Some(view! { <drawer::Drawer room=room key=key/> })
    };
    let empty = move || {
        let plant = app.plant.get()?;
        let model = room.placed.with(|_| room.handle.with(|model| model.extent().is_none()))?;
        (model && !plant.register.tiles && picking.get().is_none()).then(|| {
            view! {
                <div class="map-empty">
                    <Empty
                        why=Signal::derive(move || t_string!(i18n, map.table_empty).to_owned())
                        next=Signal::derive(move || t_string!(i18n, map.empty_next).to_owned())
                    >
                        <a class="button" href="/points">{t!(i18n, map.to_points)}</a>
                    </Empty>
                </div>
            }
        })
    };
    let pick_remark = move || {
        let point = picking.get()?;
        let name = app.plant.with(|plant| plant.as_ref()?.point(point).map(|point| point.name.clone()))?;
        let text = t_string!(i18n, map.pick, name = name);
        let back = Callback::new({
            let navigate = use_navigate();
            move |()| navigate(&format!("/points?point={point}"), Default::default())
        });
        Some(view! { <Notice text=text on_close=back/> })
    };
    view! {
        <Head
            title=Signal::derive(move || t_string!(i18n, frame.map).to_owned())
            scope=ViewFn::from(move || view! { <find::Find room=room/> })
            actions=ViewFn::from(actions)
        />
        {pick_remark}
        <div class="content">
            <div class="with-drawer">
                <div class="map-place">
                    <div inert=move || room.is_table.get()>
                        <MapCanvas
                            handle=room.handle
                            label=Signal::derive(move || t_string!(i18n, map.label).to_owned())
                            on_key=Callback::new(move |event| on_key(room, &event))
                        />
                        <tools::Tools room=room/>
                        {move || is_near.get().then(|| view! { <near::NearList room=room/> })}
                    </div>
                    {empty}
                    {move || room.is_table.get().then(|| view! { <twin::Twin room=room/> })}
                </div>
                {drawer}
            </div>
        </div>
    }
    .into_any()
}

/// Selects what the address asks for; tells the point that a place is picked for.
fn follow_query(room: Room) -> Memo<Option<PointId>> {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let get = |name: &str| query.with(|query| query.get(name));
        let placed = room.placed.get();
        let point = get("point").and_then(|id| id.parse().ok());
        let site = get("site").and_then(|id| id.parse().ok());
        let asset = get("asset").and_then(|id| id.parse().ok()).map(Key::Asset);
        let area = get("area").and_then(|id| id.parse().ok()).map(Key::Area);
        let point = point.and_then(|point| placed.owners.of_point(point));
        asset.or(area).or(point).or_else(|| placed.owners.of_site(site?))
    });
    Effect::new(move || {
        if let Some(key) = asked.get() {
            room.go_to(key);
        }
    });
    Memo::new(move |_| query.with(|query| query.get("pick").and_then(|id| id.parse().ok())))
}

fn fetch_ground(room: Room) {
    let show = move |ground: Arc<Ground>| room.handle.change(|model| model.ground = ground);
    if let Some(ground) = GROUND.with_borrow(Clone::clone) {
        return show(ground);
    }
    leptos::task::spawn_local(async move {
        // Without a base map the plant is still there to see.
        let Ok(bytes) = room.app.backend.fetch(None, BASE_MAP).await else { return };
        let ground = std::str::from_utf8(&bytes).ok().and_then(|text| Ground::from_json(text).ok()).map(Arc::new);
        if let Some(ground) = ground {
            GROUND.set(Some(Arc::clone(&ground)));
            show(ground);
        }
    });
}

/// Lays the plant out anew whenever the register changes.
fn follow_plant(room: Room) {
    Effect::new(move || {
        let Some(plant) = room.app.plant.get() else { return };
        let (model, placed) = placed(&plant, Arc::default());
        let is_first = room.handle.with(|shown| shown.marks.is_empty()).unwrap_or(true);
        room.handle.change(|shown| {
            let ground = std::mem::take(&mut shown.ground);
            *shown = MapModel { ground, selection: shown.selection, ..model };
            dress(shown, &placed, &plant, room.app);
        });
        let not_placed = room
            .handle
            .with(|model| model.not_placed().into_iter().map(|mark| (mark.key, mark.name.clone())).collect::<Vec<_>>());
        room.not_placed.set(not_placed.unwrap_or_default());
        room.placed.set(Arc::new(placed));
        if is_first && !room.handle.is_aimed() {
            room.handle.fit_all();
        }
        let tiles = plant.register.tiles.then(|| bring_tiles(room.app));
        room.handle.set_tiles(tiles);
    });
}

/// Brings tiles as the station serves them, which fetches and keeps them.
fn bring_tiles(app: App) -> BringTile {
    Rc::new(move |id| {
        Box::pin(async move {
            let token = app.session.try_get_untracked().flatten().map(|session| session.token);
            let path = format!("/tiles/{}/{}/{}", id.zoom, id.x, id.y);
            app.backend.fetch(token, &path).await.ok()
        })
    })
}

/// Puts the present on the map with every frame, and the selection.
fn follow_present(room: Room) {
    let app = room.app;
    Effect::new(move || {
        app.frames.track();
        app.alarms.listed.track();
        app.locale();
        // What goes stale does so without a frame.
        app.now.track();
        let Some(plant) = app.plant.get_untracked() else { return };
        let placed = room.placed.get_untracked();
        room.handle.change(|model| dress(model, &placed, &plant, app));
    });
    Effect::new(move || {
        let chosen = room.chosen.get();
        room.handle.change(|model| model.selection = chosen);
    });
}

fn follow_clicks(room: Room, picking: Memo<Option<PointId>>) {
    let navigate = use_navigate();
    Effect::new(move || {
        let Some(clicked) = room.handle.clicked.get() else { return };
        if let Some(point) = picking.get_untracked() {
            let at = format!("{:.6},{:.6}", clicked.spot.lat(), clicked.spot.lon());
            return navigate(&format!("/points?point={point}&at={at}"), Default::default());
        }
        match clicked.hit {
            Some(Hit::One(key)) => room.chosen.set(Some(key)),
            Some(Hit::Cluster(bounds)) => room.handle.fit(bounds),
            None if room.near.with_untracked(Option::is_some) => room.near.set(Some(clicked.spot)),
            None => room.chosen.set(None),
        }
    });
}

/// The keys of the map while it has the focus.
fn on_key(room: Room, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    match event.key().as_str() {
        "ArrowLeft" => room.handle.pan(STEP, 0.0),
        "ArrowRight" => room.handle.pan(-STEP, 0.0),
        "ArrowUp" => room.handle.pan(0.0, STEP),
        "ArrowDown" => room.handle.pan(0.0, -STEP),
        "+" | "=" => room.handle.zoom(0.5),
        "-" => room.handle.zoom(-0.5),
        "0" => room.handle.fit_all(),
        "n" | "N" => room.next_alarm(),
        "w" | "W" => room.toggle_near(),
        "t" | "T" if event.shift_key() => room.toggle_table(),
        "t" | "T" => room.to_trend(),
        "Tab" => room.next_mark(event.shift_key()),
        "Enter" if room.chosen.with_untracked(Option::is_some) => {
            page::focus(".map-drawer");
        }
        // With nothing selected, Escape leads out of the map, as Tab stays inside.
        "Escape" if room.chosen.with_untracked(Option::is_none) => {
            page::focus(".head input.filter");
        }
        "Escape" => room.chosen.set(None),
        _ => return,
    }
    event.prevent_default();
}
