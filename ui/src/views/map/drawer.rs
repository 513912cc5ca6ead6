//! What was clicked, in the drawer: state, alarms, each value against its normal band and limits with the last day's
//! shape, facts, and the way to its trend.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use penstock_api::{AlarmView, GetHistory, Series};
use penstock_map::{Key, Symbol};
use penstock_model::{AssetKind, Point, PointId, SiteKind, Subject};

use super::Room;
use super::live::{asset_of, points_of, trend_path};
use crate::components::{Badge, Fact, Facts, Glyph, Icon, Indicator, Kbd, Sparkline, TrustTag, ValueText, fill_of};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, PlantView, use_app};
use crate::views::reading;
use crate::{page, words};

/// What sparklines show.
const DAY: Duration = Duration::from_secs(86_400);
/// As many values a sparkline has room for.
const SPARK_POINTS: u32 = 110;
/// How often sparklines are asked for anew.
const REFRESH: Duration = Duration::from_secs(120);
/// As many points at most are drawn with a sparkline.
const POINTS: usize = 16;

/// What the drawer says of a thing.
#[derive(Debug, Clone, PartialEq)]
struct Subjects {
    name: String,
    about: String,
    kind: String,
    points: Vec<Point>,
    parts: Vec<(Key, String)>,
    facts: Vec<(String, String)>,
}

/// Everything that is known of `key` and does not change by the second.
fn subjects(room: Room, key: Key, plant: &PlantView, locale: Locale) -> Option<Subjects> {
    let placed = room.placed.get();
    let own = || points_of(key, &placed, plant);
    let area_name = |id| plant.area(id).map(|area| area.name.clone()).unwrap_or_default();
    let mut facts: Vec<(String, String)> = Vec::new();
    let about = |parts: [String; 2]| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let found = match key {
        Key::Area(id) => {
            let area = plant.area(id)?;
            let kind = td_string!(locale, map.dma).to_owned();
            Subjects { name: area.name.clone(), about: kind.clone(), kind, points: own(), parts: Vec::new(), facts }
        }
        Key::Pipe(id) => {
            let pipe = plant.register.plant.pipes.iter().find(|pipe| pipe.id == id)?;
            let metres: f64 = pipe.course.windows(2).map(metres_between).sum();
            facts.push((
                td_string!(locale, map.diameter).to_owned(),
                format!("{}\u{a0}mm", format::number(pipe.diameter_mm, 0, locale)),
            ));
            facts.push((
                td_string!(locale, map.length).to_owned(),
                format!("{}\u{a0}m", format::number(metres, 0, locale)),
            ));
            let place = pipe.area.map_or_else(|| td_string!(locale, map.trunk).to_owned(), area_name);
            let kind = td_string!(locale, map.main).to_owned();
            Subjects {
                name: pipe.name.clone(),
                about: about([kind.clone(), place]),
                kind,
                points: own(),
                parts: Vec::new(),
                facts,
            }
        }
        Key::Site(id) => {
            let site = plant.site(id)?;
            let kind = site_kind(site.kind, locale).to_owned();
            let place = site.area.map(area_name).unwrap_or_default();
            Subjects {
                name: site.name.clone(),
                about: about([kind.clone(), place]),
                kind,
                points: own(),
                parts: parts_of(room, key),
                facts,
            }
        }
        Key::Asset(id) => {
            let asset = plant.asset(id)?;
            let kind = asset_kind(asset.kind, locale).to_owned();
            let site = asset.site.and_then(|site| plant.site(site)).map(|site| site.name.clone());
            let place = site.filter(|site| *site != asset.name).or(asset.area.map(area_name)).unwrap_or_default();
            if let Some(capacity) = asset.capacity_m3 {
                let text = format!("{}\u{a0}m³", format::number(capacity, 0, locale));
                facts.push((td_string!(locale, map.capacity).to_owned(), text));
            }
            Subjects {
                name: asset.name.clone(),
                about: about([kind.clone(), place]),
                kind,
                points: own(),
                parts: parts_of(room, key),
                facts,
            }
        }
        Key::Point(id) => {
            let point = plant.point(id)?;
            facts.push((
                td_string!(locale, map.address).to_owned(),
                format!("{} · {}", point.address.source, point.address.path),
            ));
            let kind = td_string!(locale, map.sensor).to_owned();
            Subjects {
                name: point.name.clone(),
                about: about([point.description.clone(), plant.place_of(point).to_owned()]),
                kind,
                points: vec![point.clone()],
                parts: Vec::new(),
                facts,
            }
        }
    };
    let mut found = found;
    let spot =
        room.handle.with(|model| model.marks.iter().find(|mark| mark.key == key).and_then(|mark| mark.spot)).flatten();
    if let Some(spot) = spot {
        found
            .facts
            .push((td_string!(locale, map.position).to_owned(), format!("{:.5}, {:.5}", spot.lat(), spot.lon())));
    }
    Some(found)
}

fn metres_between(pair: &[penstock_model::Position]) -> f64 {
    let [from, to] = pair else { return 0.0 };
    let mean = ((from.lat() + to.lat()) / 2.0).to_radians();
    let (north, east) = (to.lat() - from.lat(), (to.lon() - from.lon()) * mean.cos());
    north.hypot(east).to_radians() * 6_371_000.0
}

/// The equipment that belongs to a station.
fn parts_of(room: Room, key: Key) -> Vec<(Key, String)> {
    let parts = room.handle.with(|model| {
        let parts =
            model.marks.iter().filter(|mark| mark.parent == Some(key) && !matches!(mark.symbol, Symbol::Gateway));
        let mut parts: Vec<(Key, String)> = parts.map(|mark| (mark.key, mark.name.clone())).collect();
        parts.sort_by(|a, b| a.1.cmp(&b.1));
        parts
    });
    parts.unwrap_or_default()
}

fn site_kind(kind: SiteKind, locale: Locale) -> &'static str {
    match kind {
        SiteKind::Works => td_string!(locale, map.works),
        SiteKind::Pumping => td_string!(locale, map.pumping_station),
        SiteKind::Storage => td_string!(locale, map.reservoir),
        SiteKind::Network => td_string!(locale, map.dma),
    }
}

fn asset_kind(kind: AssetKind, locale: Locale) -> &'static str {
    match kind {
        AssetKind::TreatmentWorks => td_string!(locale, map.works),
        AssetKind::Reservoir => td_string!(locale, map.reservoir),
        AssetKind::Tower => td_string!(locale, map.tower),
        AssetKind::PumpingStation => td_string!(locale, map.pumping_station),
        AssetKind::Pump => td_string!(locale, map.pump),
        AssetKind::Valve => td_string!(locale, map.valve),
        AssetKind::Sensor => td_string!(locale, map.sensor),
        AssetKind::Gateway => td_string!(locale, map.gateway),
        AssetKind::Borehole => td_string!(locale, map.borehole),
    }
}

#[component]
pub(super) fn Drawer(room: Room, key: Key) -> impl IntoView {
    let i18n = use_i18n();
    let app = use_app();
    let known = Memo::new(move |_| {
        let plant = app.plant.get()?;
        subjects(room, key, &plant, i18n.get_locale())
    });
    let body = move || known.get().map(|known| view! { <Body room=room key=key known=known/> });
    view! {
        <aside
            class="drawer map-drawer"
            tabindex="-1"
            aria-label=move || t_string!(i18n, map.detail)
            data-testid="map-drawer"
            on:keydown=move |event| {
                match event.key().as_str() {
                    "Escape" => {
                        room.chosen.set(None);
                        page::focus(".map-twin, .map-surface");
                    }
                    "t" | "T" if !event.ctrl_key() && !event.alt_key() && !event.shift_key() => room.to_trend(),
                    _ => return,
                }
                event.prevent_default();
            }
        >
            {body}
        </aside>
    }
    .into_any()
}

#[component]
fn Body(room: Room, key: Key, known: Subjects) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let Subjects { name, about, points, parts, facts, .. } = known;
    let trend = app.plant.with(|plant| trend_path(key, &room.placed.get(), plant.as_deref()?));
    let of_alarms = points.iter().map(|point| point.id).collect::<Vec<_>>();
    let state = move || {
        app.frames.track();
        state_words(room, key, i18n.get_locale())
    };
    view! {
        <div class="drawer-head">
            <SymbolOf room=room key=key/>
            <div>
                <h2 data-testid="drawer-title">{name.clone()}</h2>
                <p>{about}</p>
            </div>
            <button
                class="plain"
                aria-label=move || t_string!(i18n, words.close)
                data-testid="close-drawer"
                on:click=move |_| room.chosen.set(None)
            >
                <Icon glyph=Glyph::Close size=18/>
            </button>
        </div>
        <div class="drawer-scroll">
            {move || state().map(|state| view! { <p class="drawer-state">{state}</p> })}
            <Alarms key=key points=of_alarms/>
            <Values points=points of=name.clone()/>
            <Parts room=room parts=parts/>
            {(!facts.is_empty()).then(|| {
                let facts: Vec<Fact> = facts.into_iter().map(|(name, text)| Fact::new(name, text)).collect();
                view! { <div class="drawer-section"><Facts facts=facts/></div> }
            })}
        </div>
        {trend.map(|path| view! {
            <div class="drawer-foot">
                <a class="button accent" href=path data-testid="to-trend">{t!(i18n, map.trend)} <Kbd keys="T"/></a>
            </div>
        })}
    }
    .into_any()
}

/// The symbol as the map draws it.
#[component]
fn SymbolOf(room: Room, key: Key) -> impl IntoView {
    let drawing = Memo::new(move |_| {
        room.app.frames.track();
        let mode = room.app.mode.get();
        let symbol = room.handle.with(|model| model.marks.iter().find(|mark| mark.key == key).map(|mark| mark.symbol));
        symbol.flatten().map(|symbol| penstock_map::symbol_svg(symbol, 30.0, mode))
    });
    move || drawing.get().map(|svg| view! { <span class="drawer-symbol" inner_html=svg aria-hidden="true"></span> })
}

/// How the thing is, in words; nothing where it has no state of its own.
pub(super) fn state_words(room: Room, key: Key, locale: Locale) -> Option<String> {
    let mark = room.handle.with(|model| model.marks.iter().find(|mark| mark.key == key).cloned())??;
    match mark.symbol {
        Symbol::Pump { running: Some(true) } => Some(td_string!(locale, map.running).to_owned()),
        Symbol::Pump { running: Some(false) } => Some(td_string!(locale, map.stopped).to_owned()),
        Symbol::Pump { running: None } => Some(td_string!(locale, map.not_known).to_owned()),
        Symbol::Valve { closed: true } => Some(td_string!(locale, map.closed).to_owned()),
        Symbol::Valve { closed: false } => Some(td_string!(locale, map.is_open).to_owned()),
        Symbol::Reservoir { .. } | Symbol::Tower { .. } => mark.value,
        _ => None,
    }
}

/// The listed alarms of a thing.
#[component]
fn Alarms(key: Key, points: Vec<PointId>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let alarms = Memo::new(move |_| -> Vec<Arc<AlarmView>> {
        let plant = app.plant.get();
        let is_own = |view: &AlarmView| match (view.subject, key) {
            (Subject::Point(point), _) if points.contains(&point) => true,
            (subject, Key::Area(area)) => plant.as_ref().and_then(|plant| plant.area_of_subject(subject)) == Some(area),
            (Subject::Site(site), Key::Site(own)) => site == own,
            (Subject::Asset(asset), Key::Asset(own)) => asset == own,
            (Subject::Site(site), Key::Asset(_)) => {
                plant.as_ref().and_then(|plant| asset_of(key, plant)?.site) == Some(site)
            }
            _ => false,
        };
        app.alarms.listed.with(|listed| listed.iter().filter(|view| is_own(view)).cloned().collect())
    });
    move || {
        let alarms = alarms.get();
        (!alarms.is_empty()).then(|| {
            let (locale, now) = (i18n.get_locale(), app.now.get_untracked());
            let plant = app.plant.get();
            let rows = alarms.iter().take(6).map(|view| {
                let title = plant.as_ref().map(|plant| words::alarm_title(view, plant, locale)).unwrap_or_default();
                let at = app.zone.with(|zone| zone.moment(view.state.raised_at, now, locale));
                let state = words::alarm_state(&view.state, locale);
                let is_waiting = !view.state.acknowledged;
                view! {
                    <div class="drawer-alarm" class:waiting=is_waiting data-testid="drawer-alarm">
                        <Badge priority=view.priority fill=fill_of(&view.state) size=28/>
                        <div><b>{title}</b><span>{format!("{at} · {state}")}</span></div>
                        <a class="button" href=format!("/alarms?alarm={}", view.state.rule)>{t!(i18n, map.open)}</a>
                    </div>
                }
            });
            let more = alarms.len().saturating_sub(6);
            view! {
                <div class="drawer-alarms">
                    {rows.collect_view()}
                    {(more > 0).then(|| view! { <p class="quiet">{t!(i18n, map.more_n, n = more)}</p> })}
                </div>
            }
        })
    }
}

/// `what` without the name that stands above it: of `PS-2 Pump 1`, `Pump 1 power` is `Power`.
fn without_name(what: &str, name: &str) -> String {
    let rest = name.char_indices().filter(|(at, _)| *at == 0 || name[..*at].ends_with(' ')).find_map(|(at, _)| {
        let rest = what.strip_prefix(&name[at..])?.strip_prefix(' ')?;
        (!rest.is_empty()).then_some(rest)
    });
    let Some(rest) = rest else { return what.to_owned() };
    let mut letters = rest.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Each value now against its normal band and limits, and the last day's shape.
#[component]
fn Values(points: Vec<Point>, of: String) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    if points.is_empty() {
        return view! { <div class="drawer-section"><p class="quiet">{t!(i18n, map.no_points)}</p></div> }.into_any();
    }
    let days = RwSignal::new(BTreeMap::<PointId, Series>::new());
    let ids: Vec<PointId> = points.iter().map(|point| point.id).take(POINTS).collect();
    let round = RwSignal::new(0_u32);
    let refresh = set_interval_with_handle(
        move || {
            round.try_update(|round| *round += 1);
        },
        REFRESH,
    );
    on_cleanup(move || {
        if let Ok(refresh) = refresh {
            refresh.clear();
        }
    });
    Effect::new(move || {
        round.track();
        let (points, to) = (ids.clone(), app.now.get_untracked());
        leptos::task::spawn_local(async move {
            let call = GetHistory { points, from: to - DAY, to, max_points: SPARK_POINTS };
            if let Ok(found) = app.call(call).await {
                days.try_set(found.into_iter().map(|series| (series.point, series)).collect());
            }
        });
    });
    let rows = points.into_iter().map(|point| view! { <ValueRow point=point days=days of=of.clone()/> });
    view! {
        <div class="drawer-section">
            <h3 class="values-caption"><span>{t!(i18n, map.now_against)}</span><span>{t!(i18n, map.day)}</span></h3>
            <div class="drawer-values">{rows.collect_view()}</div>
        </div>
    }
    .into_any()
}

#[component]
fn ValueRow(
    point: Point,
    days: RwSignal<BTreeMap<PointId, Series>>,
    /// The name of the thing that all rows belong to.
    of: String,
) -> impl IntoView {
    let app: App = use_app();
    let (id, quantity) = (point.id, point.quantity);
    let signal = app.points.signal(point.no);
    let of_reading = point.clone();
    let reading = Memo::new(move |_| reading(app, &of_reading));
    let of_trust = point.clone();
    let trust = Memo::new(move |_| app.trust(&of_trust));
    let value = Signal::derive(move || signal.get().and_then(|view| view.value));
    let worst =
        Memo::new(move |_| app.alarms.worst_of(Subject::Point(id)).map(|view| (view.priority, fill_of(&view.state))));
    let alarm = Signal::derive(move || worst.get().map(|(priority, _)| priority));
    let series = Signal::derive(move || days.with(|days| days.get(&id).cloned()));
    let badge = move || worst.get().map(|(priority, fill)| view! { <Badge priority=priority fill=fill size=16/> });
    let what = {
        let point = point.clone();
        move || without_name(&words::what(&point, app.locale()), &of)
    };
    let tip = format!("{} · {}", point.name, point.description);
    view! {
        <span class="cut" title=tip>{what}</span>
        <span class="drawer-marks"><TrustTag trust=trust/>{badge}</span>
        <ValueText value=value quantity=quantity is_firm=Signal::derive(move || trust.get().is_firm())/>
        <Indicator reading=reading/>
        <Sparkline series=series alarm=alarm/>
    }
    .into_any()
}

/// The equipment of a station.
#[component]
fn Parts(room: Room, parts: Vec<(Key, String)>) -> impl IntoView {
    let i18n = use_i18n();
    (!parts.is_empty()).then(|| {
        let rows = parts.into_iter().map(|(key, name)| {
            let state = move || {
                room.app.frames.track();
                state_words(room, key, i18n.get_locale())
            };
            view! {
                <button class="plain drawer-part" on:click=move |_| room.go_to(key)>
                    <SymbolOf room=room key=key/>
                    <b>{name}</b>
                    <span class="quiet">{state}</span>
                </button>
            }
        });
        view! {
            <div class="drawer-section">
                <h3>{t!(i18n, map.equipment)}</h3>
                {rows.collect_view()}
            </div>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_does_not_repeat_the_name_above_it() {
        let check = |what: &str, name: &str, expect: &str| assert_eq!(without_name(what, name), expect);
        check("Pump 1 power", "PS-2 Pump 1", "Power");
        check("Inflow", "Mill Estate", "Inflow");
        check("Pump 10 power", "PS-2 Pump 1", "Pump 10 power");
        check("Pump 1", "PS-2 Pump 1", "Pump 1");
    }
}
