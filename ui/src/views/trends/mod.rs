//! Trends. `/trends?points=ID,ID&at=MICROS` shows these pens around that moment.

mod data;
mod import;
mod pens;
mod table;
mod tip;
mod twin;

use std::time::Duration;

use leptos::ev::{KeyboardEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use penstock_api::{ExportFormat, ExportHistory};
use penstock_model::{Permission, PointId, Timestamp};
use penstock_plot::Range;

use self::data::Room;
pub(crate) use self::import::ImportValues;
use crate::app::Head;
use crate::canvas::TrendCanvas;
use crate::components::{Choice, Empty, Glyph, Icon, Kbd, Segmented};
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::{Overlay, use_app};

/// The lengths of time to choose from, in hours, with their keys.
const RANGES: [u64; 6] = [1, 4, 12, 24, 168, 720];
/// The longest range that can be zoomed out to.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);
/// Share of the range that Shift and an arrow key pan by.
const PAN: f64 = 0.25;
/// A press that moves further than this, in px, is a drag.
const CLICK_REACH: f64 = 4.0;

#[component]
pub(crate) fn Trends() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let room = Room::new(app);
    follow_query(room);
    room.follow();

    let chosen_range = Signal::derive(move || {
        let hours = room.range.get().length().as_secs_f64() / 3_600.0;
        RANGES.iter().find(|range| (**range as f64 - hours).abs() < 0.01).map(u64::to_string).unwrap_or_default()
    });
    let ranges = Signal::derive(move || {
        let words = [
            t_string!(i18n, trends.r_1h),
            t_string!(i18n, trends.r_4h),
            t_string!(i18n, trends.r_12h),
            t_string!(i18n, trends.r_1d),
            t_string!(i18n, trends.r_7d),
            t_string!(i18n, trends.r_30d),
        ];
        RANGES.iter().zip(words).map(|(hours, word)| Choice::new(hours.to_string(), word)).collect::<Vec<_>>()
    });
    let choose_range = Callback::new(move |hours: String| {
        if let Ok(hours) = hours.parse::<u64>() {
            room.set_length(Duration::from_secs(hours * 3_600));
        }
    });
    let period = move || {
        let range = room.range.get();
        let locale = i18n.get_locale();
        app.zone.with(|zone| {
            let to = if zone.local(range.from).day_number == zone.local(range.to).day_number {
                zone.minute(range.to)
            } else {
                format!("{} {}", zone.day(range.to, locale), zone.minute(range.to))
            };
            format!("{} {} – {to}", zone.day(range.from, locale), zone.minute(range.from))
        })
    };
    let may_import = Memo::new(move |_| app.may(Permission::AdministerPoints));
    let actions = move || {
        view! {
            <Segmented
                label=Signal::derive(move || t_string!(i18n, trends.ranges).to_owned())
                value=chosen_range
                choices=ranges
                on_choose=choose_range
            />
            <span class="trend-period nobreak" data-testid="trend-period">{period}</span>
            <button
                class:pressed=move || room.is_live.get()
                aria-pressed=move || room.is_live.get().to_string()
                data-testid="trend-live"
                on:click=move |_| room.toggle_live()
            >
                <LiveMark room=room/>
                {move || if room.is_live.get() { t_string!(i18n, trends.live) } else { t_string!(i18n, trends.paused) }}
                <Kbd keys="L"/>
            </button>
            <button
                class="icon-only"
                class:pressed=move || room.is_table.get()
                aria-pressed=move || room.is_table.get().to_string()
                aria-label=move || t_string!(i18n, trends.show_table)
                title=move || t_string!(i18n, trends.show_table)
                disabled=move || room.pens.with(Vec::is_empty)
                data-testid="trend-table"
                on:click=move |_| room.toggle_table()
            >
                <Icon glyph=Glyph::Points/>
            </button>
            <button data-testid="trend-csv" disabled=move || room.pens.with(Vec::is_empty) on:click=move |_| export(room, ExportFormat::Csv)>
                <Icon glyph=Glyph::Download/> {t!(i18n, trends.csv)}
            </button>
            <button data-testid="trend-parquet" disabled=move || room.pens.with(Vec::is_empty) on:click=move |_| export(room, ExportFormat::Parquet)>
                <Icon glyph=Glyph::Download/> {t!(i18n, trends.parquet)}
            </button>
            <button data-testid="trend-png" disabled=move || room.pens.with(Vec::is_empty) on:click=move |_| export_png(room)>
                <Icon glyph=Glyph::Download/> {t!(i18n, trends.picture)}
            </button>
            {move || may_import.get().then(|| view! {
                <button
                    class="icon-only"
                    aria-label=move || t_string!(i18n, trends.import)
                    title=move || t_string!(i18n, trends.import)
                    data-testid="trend-import"
                    on:click=move |_| app.overlay.set(Some(Overlay::ImportValues))
                >
                    <Icon glyph=Glyph::Upload/>
                </button>
            })}
            <pens::AddPen room=room/>
        }
    };
    let is_empty = Memo::new(move |_| room.pens.with(Vec::is_empty));
    let chart = move || {
        if is_empty.get() {
            view! {
                <div class="panel trend-panel">
                    <Empty
                        why=Signal::derive(move || t_string!(i18n, trends.empty).to_owned())
                        next=Signal::derive(move || t_string!(i18n, trends.empty_next).to_owned())
                    />
                </div>
            }
            .into_any()
        } else if room.is_table.get() {
            view! { <twin::Twin room=room/> }.into_any()
        } else {
            view! { <Chart room=room/> }.into_any()
        }
    };
    view! {
        <Head
            title=Signal::derive(move || t_string!(i18n, frame.trends).to_owned())
            scope=ViewFn::from(move || view! { <pens::Sets room=room/> })
            actions=ViewFn::from(actions)
        />
        <div class="content padded trends">
            {chart}
            <table::Table room=room/>
        </div>
    }
    .into_any()
}

#[component]
fn LiveMark(room: Room) -> impl IntoView {
    let path = move || if room.is_live.get() { "M8 5v14M16 5v14" } else { "M8 5l11 7-11 7z" };
    view! {
        <svg class="icon" width="16" height="16" viewBox="0 0 24 24" aria-hidden="true"><path d=path/></svg>
    }
}

/// Shows the pens and the moment that the address asks for.
fn follow_query(room: Room) {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let get = |name: &str| query.with(|query| query.get(name));
        let points = get("points").unwrap_or_default();
        let points: Vec<PointId> = points.split(',').filter_map(|id| id.trim().parse().ok()).collect();
        let at = get("at").and_then(|at| at.parse().ok()).map(Timestamp::from_micros);
        (points, at)
    });
    Effect::new(move || {
        let (points, at) = asked.get();
        if !points.is_empty() {
            room.show(&points);
        }
        if let Some(at) = at {
            room.look_around(at);
        }
    });
}

/// The chart with what a hand does to it.
#[component]
fn Chart(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let place = NodeRef::<html::Div>::new();
    let drag = StoredValue::new(None::<Drag>);
    let time_at = move |x: f64| room.handle.layout().map(|layout| layout.time_at(x));
    let on_down = move |event: PointerEvent| {
        let Some((x, _)) = room.handle.place_of(&event).filter(|_| event.button() == 0) else { return };
        if let Some(element) = place.get_untracked() {
            // The pointer may be gone by then; then there is no drag either.
            drop(element.set_pointer_capture(event.pointer_id()));
            drop(element.focus());
        }
        drag.set_value(Some(Drag { from: x, last: x, moved: 0.0, is_box: event.shift_key() }));
    };
    let on_move = move |event: PointerEvent| {
        let Some((x, y)) = room.handle.place_of(&event) else { return };
        let Some(mut press) = drag.get_value() else {
            return room.point_at(x, y);
        };
        press.moved += (x - press.last).abs();
        if press.moved > CLICK_REACH {
            if press.is_box {
                room.selection
                    .set(time_at(press.from).zip(time_at(x)).map(|(a, b)| Range { from: a.min(b), to: a.max(b) }));
            } else if let (Some(before), Some(after)) = (time_at(press.last), time_at(x)) {
                room.leave();
                room.pan_micros(before.micros_since(after));
            }
        }
        press.last = x;
        drag.set_value(Some(press));
    };
    let on_up = move |event: PointerEvent| {
        let is_click = drag.get_value().is_some_and(|press| press.moved <= CLICK_REACH);
        drag.set_value(None);
        let chosen = room.selection.get_untracked();
        room.selection.set(None);
        if let Some(range) = chosen.filter(|range| range.length() >= Range::SHORTEST) {
            room.set_range(range);
        } else if let Some((x, y)) = room.handle.place_of(&event).filter(|_| is_click) {
            room.pin_at(x, y);
        }
    };
    let on_wheel = move |event: WheelEvent| {
        event.prevent_default();
        let Some((x, _)) = room.handle.place_of(&event) else { return };
        if event.shift_key() || event.delta_x().abs() > event.delta_y().abs() {
            let step = if event.delta_x() == 0.0 { event.delta_y() } else { event.delta_x() };
            return room.pan(step / 1_000.0);
        }
        if let Some(held) = time_at(x) {
            room.zoom((event.delta_y() / 500.0).exp2(), held);
        }
    };
    let label = move || {
        let names = room.pens.with(|pens| pens.iter().map(|pen| pen.name.clone()).collect::<Vec<_>>().join(", "));
        t_string!(i18n, trends.label, names = names)
    };
    view! {
        <div
            class="panel trend-panel trend-chart"
            role="application"
            tabindex="0"
            node_ref=place
            aria-label=label
            aria-busy=move || room.is_fetching.get().to_string()
            title=""
            data-testid="trend"
            data-from=move || room.range.get().from.as_micros().to_string()
            data-to=move || room.range.get().to.as_micros().to_string()
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=on_up
            on:pointerleave=move |_| if drag.get_value().is_none() { room.leave() }
            on:wheel=on_wheel
            on:keydown=move |event| on_key(room, &event)
        >
            <TrendCanvas handle=room.handle/>
            <tip::Tip room=room/>
        </div>
    }
    .into_any()
}

#[derive(Debug, Clone, Copy)]
struct Drag {
    from: f64,
    last: f64,
    moved: f64,
    is_box: bool,
}

/// The keys of the chart while it has the focus.
fn on_key(room: Room, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let middle = || {
        room.cursor.get_untracked().unwrap_or_else(|| {
            let range = room.range.get_untracked();
            range.from + range.length() / 2
        })
    };
    match event.key().as_str() {
        "ArrowLeft" if event.shift_key() => room.pan(-PAN),
        "ArrowRight" if event.shift_key() => room.pan(PAN),
        "ArrowLeft" => room.step_cursor(-1),
        "ArrowRight" => room.step_cursor(1),
        "+" | "=" => room.zoom(0.5, middle()),
        "-" => room.zoom(2.0, middle()),
        "t" | "T" if event.shift_key() => room.toggle_table(),
        "l" | "L" => room.toggle_live(),
        "p" | "P" => {
            page::focus(".pen-search");
        }
        "Enter" => room.toggle_pin(),
        "Escape" => room.clear_cursor(),
        key => match key.parse::<usize>() {
            Ok(number @ 1..=8) => room.toggle(number - 1),
            _ => return,
        },
    }
    event.prevent_default();
}

fn export(room: Room, format: ExportFormat) {
    let (points, range) = (room.points_untracked(), room.range.get_untracked());
    leptos::task::spawn_local(async move {
        let call = ExportHistory { points, from: range.from, to: range.to, format };
        let Some(export) = room.app.ask_for(call).await else { return };
        if let Err(error) = room.app.backend.save_export(&export).await {
            room.app.trouble.try_set(Some(error.message));
        }
    });
}

fn export_png(room: Room) {
    leptos::task::spawn_local(async move {
        let Some(png) = room.handle.png().await else { return };
        let zone = room.app.zone.get_untracked();
        let local = zone.local(room.range.get_untracked().to);
        let (year, month, day) = (local.year, local.month, local.day);
        let name = format!("trend-{year}-{month:02}-{day:02}-{:02}{:02}.png", local.hour, local.minute);
        save(room, &name, "image/png", &png).await;
    });
}

async fn save(room: Room, name: &str, mime: &str, bytes: &[u8]) {
    if let Err(error) = room.app.backend.save_file(name, mime, bytes).await {
        room.app.trouble.try_set(Some(error.message));
    }
}
