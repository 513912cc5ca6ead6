//! The map as a table, in the order in which Tab goes through it: for those who cannot see the map, or want to read it.

use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use penstock_map::{Alarm, Key, Look, Mark, Symbol, Trust};

use super::Room;
use super::drawer::state_words;
use super::live::in_order;
use crate::components::{Badge, BadgeFill, Empty, VirtualTable, focused_when_shown};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::PlantView;
use crate::views::step;
use crate::{page, words};

/// A mark as a line.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    key: Key,
    name: String,
    kind: String,
    place: String,
    value: String,
    is_firm: bool,
    alarm: Option<Alarm>,
}

/// All marks; tracked by the frames that change them.
fn lines(room: Room, plant: &PlantView, locale: Locale) -> Vec<Line> {
    let placed = room.placed.get();
    let marks = room.handle.with(|model| in_order(model).into_iter().cloned().collect::<Vec<Mark>>());
    let line = |mark: Mark| {
        let point = placed.points_of(mark.key).first().and_then(|id| plant.point(*id));
        let kind = match (mark.symbol, point) {
            (Symbol::Sensor { .. }, Some(point)) => words::quantity(point.quantity, locale),
            (symbol, _) => kind(symbol, locale),
        };
        let place = match mark.key {
            Key::Asset(id) => plant.asset(id).and_then(|asset| {
                let area = asset.area.and_then(|area| plant.area(area)).map(|area| area.name.clone());
                area.or_else(|| Some(plant.site(asset.site?)?.name.clone()))
            }),
            Key::Point(_) => point.map(|point| plant.place_of(point).to_owned()),
            Key::Site(id) => plant.site(id).and_then(|site| Some(plant.area(site.area?)?.name.clone())),
            Key::Area(_) | Key::Pipe(_) => None,
        };
        let value = mark.value.clone().or_else(|| state_words(room, mark.key, locale)).unwrap_or_default();
        Line {
            key: mark.key,
            place: place.filter(|place| *place != mark.name).unwrap_or_default(),
            name: mark.name,
            kind: kind.to_owned(),
            value,
            is_firm: mark.trust == Trust::Good,
            alarm: mark.alarm,
        }
    };
    marks.unwrap_or_default().into_iter().map(line).collect()
}

fn kind(symbol: Symbol, locale: Locale) -> &'static str {
    match symbol {
        Symbol::Works => td_string!(locale, map.works),
        Symbol::PumpingStation => td_string!(locale, map.pumping_station),
        Symbol::Pump { .. } => td_string!(locale, map.pump),
        Symbol::Reservoir { .. } => td_string!(locale, map.reservoir),
        Symbol::Tower { .. } => td_string!(locale, map.tower),
        Symbol::Valve { .. } => td_string!(locale, map.valve),
        Symbol::Sensor { .. } => td_string!(locale, map.sensor),
        Symbol::Gateway => td_string!(locale, map.gateway),
        Symbol::Borehole => td_string!(locale, map.borehole),
    }
}

fn fill(look: Look) -> BadgeFill {
    match look {
        Look::Unacknowledged => BadgeFill::Filled,
        Look::Acknowledged => BadgeFill::Outlined,
        Look::Returned => BadgeFill::Dashed,
    }
}

fn alarm_word(alarm: Option<Alarm>, locale: Locale) -> &'static str {
    match alarm.map(|alarm| alarm.look) {
        None => "",
        Some(Look::Unacknowledged) => td_string!(locale, words.unacked),
        Some(Look::Acknowledged) => td_string!(locale, words.acked),
        Some(Look::Returned) => td_string!(locale, words.returned),
    }
}

/// The table over the map.
#[component]
pub(super) fn Twin(room: Room) -> impl IntoView {
    let app = room.app;
    let i18n = use_i18n();
    let rows = Memo::new(move |_| {
        app.frames.track();
        app.alarms.listed.track();
        let locale = i18n.get_locale();
        Arc::new(app.plant.get().map(|plant| lines(room, &plant, locale)).unwrap_or_default())
    });
    let cursor = Memo::new(move |_| {
        let chosen = room.chosen.get()?;
        rows.with(|rows| rows.iter().position(|line| line.key == chosen))
    });
    let on_key = move |event: KeyboardEvent| {
        if page::is_typing() || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let key = event.key();
        let count = rows.with_untracked(|rows| rows.len());
        if let Some(to) = step(&key, cursor.get_untracked(), count) {
            room.chosen.set(rows.with_untracked(|rows| rows.get(to).map(|line| line.key)));
            return event.prevent_default();
        }
        match key.as_str() {
            "t" | "T" if event.shift_key() => room.toggle_table(),
            "t" | "T" => room.to_trend(),
            "n" | "N" => room.next_alarm(),
            "Enter" | " " => {
                page::focus(".map-drawer");
            }
            "Escape" if room.chosen.with_untracked(Option::is_some) => room.chosen.set(None),
            "Escape" => room.toggle_table(),
            _ => return,
        }
        event.prevent_default();
    };
    let list = focused_when_shown();
    let row = move |_: usize, line: Line| view! { <Row room=room line=line/> }.into_any();
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let table = move || {
        if is_empty.get() {
            let why = Signal::derive(move || t_string!(i18n, map.table_empty).to_owned());
            return view! { <Empty why=why/> }.into_any();
        }
        view! {
            <VirtualTable
                rows=rows
                key=|line: &Line| (line.key, line.name.clone(), line.value.clone(), line.is_firm, line.alarm)
                row=row
                cursor=cursor
                edition=Signal::derive(move || app.edition())
                label=Signal::derive(move || t_string!(i18n, map.label).to_owned())
            />
        }
        .into_any()
    };
    view! {
        <div
            class="table-list map-twin"
            tabindex="0"
            role="grid"
            node_ref=list
            aria-label=move || t_string!(i18n, map.label)
            data-testid="map-twin"
            on:keydown=on_key
        >
            <div class="table-head twin-columns" role="row">
                <span></span>
                <span>{t!(i18n, map.name)}</span>
                <span>{t!(i18n, map.kind)}</span>
                <span>{t!(i18n, map.where_is)}</span>
                <span>{t!(i18n, map.alarm)}</span>
                <span class="end">{t!(i18n, map.value)}</span>
            </div>
            {table}
        </div>
    }
    .into_any()
}

#[component]
fn Row(room: Room, line: Line) -> impl IntoView {
    let i18n = use_i18n();
    let key = line.key;
    let is_chosen = Memo::new(move |_| room.chosen.get() == Some(key));
    let unacked = line.alarm.filter(|alarm| alarm.look == Look::Unacknowledged);
    let class = match unacked {
        Some(alarm) => format!("table-row twin-columns unacked p{}", alarm.priority.digit()),
        None => "table-row twin-columns".to_owned(),
    };
    let badge = line.alarm.map(|alarm| view! { <Badge priority=alarm.priority fill=fill(alarm.look)/> });
    let (name_tip, place_tip) = (line.name.clone(), line.place.clone());
    view! {
        <div
            class=class
            class:is-selected=is_chosen
            role="row"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="map-twin-row"
            on:click=move |_| room.go_to(key)
        >
            <span class="twin-badge">{badge}</span>
            <b title=name_tip>{line.name}</b>
            <span>{line.kind}</span>
            <span title=place_tip>{line.place}</span>
            <span>{alarm_word(line.alarm, i18n.get_locale_untracked())}</span>
            <span class="end" class:quiet=!line.is_firm>{line.value}</span>
        </div>
    }
    .into_any()
}
