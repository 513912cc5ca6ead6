//! Pumping and treatment: what runs, what is delivered, the worst alarm of each station.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_model::{Point, PointRole, Site, SiteKind};

use super::standing::Standing;
use crate::components::{Indicator, Panel, TrustTag, ValueText};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{PlantView, Trust, use_app};
use crate::views::reading;

/// A station and the points that tell how it fares.
#[derive(Debug, Clone, PartialEq)]
struct StationPoints {
    site: Site,
    flow: Option<Point>,
    pressure: Option<Point>,
    pumps: Vec<Point>,
}

fn stations_of(plant: &PlantView) -> Vec<StationPoints> {
    let find = |role: PointRole, site: &Site| plant.playing(role).find(|point| point.site == Some(site.id)).cloned();
    let sites =
        plant.register.plant.sites.iter().filter(|site| matches!(site.kind, SiteKind::Works | SiteKind::Pumping));
    let stations = sites.map(|site| {
        let mut pumps: Vec<Point> =
            plant.playing(PointRole::PumpRunning).filter(|point| point.site == Some(site.id)).cloned().collect();
        pumps.sort_by(|a, b| a.name.cmp(&b.name));
        StationPoints {
            site: site.clone(),
            flow: find(PointRole::StationFlow, site),
            pressure: find(PointRole::StationPressure, site),
            pumps,
        }
    });
    stations
        .filter(|station| station.flow.is_some() || station.pressure.is_some() || !station.pumps.is_empty())
        .collect()
}

#[component]
pub(super) fn Stations(plant: Arc<PlantView>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let stations = stations_of(&plant);
    let of_standing = Arc::clone(&plant);
    let rows = Memo::new(move |_| {
        let mut rows: Vec<(Standing, StationPoints)> = app.alarms.listed.with(|listed| {
            let mut parts = Standing::by_part(listed, |view| of_standing.site_of_subject(view.subject));
            let mut standing = |station: &StationPoints| parts.remove(&station.site.id).unwrap_or_default();
            stations.iter().map(|station| (standing(station), station.clone())).collect()
        });
        rows.sort_by(|a, b| a.0.rank().cmp(&b.0.rank()).then_with(|| a.1.site.name.cmp(&b.1.site.name)));
        rows
    });
    let body = move || {
        let locale = i18n.get_locale();
        let rows = rows.get().into_iter().map(|(standing, station)| {
            let text = standing.text(&plant, locale);
            let path = format!("/map?site={}", station.site.id);
            let tip = text.clone();
            view! {
                <a class=format!("station-row {}", standing.row_class()) href=path data-testid="station-row">
                    {standing.badge(16)}
                    <span class="area-name"><b class="cut">{station.site.name}</b><span class="cut" title=tip>{text}</span></span>
                    <span class="pumps">{station.pumps.into_iter().map(|point| view! { <Pump point=point/> }).collect_view()}</span>
                    <Delivered flow=station.flow pressure=station.pressure/>
                </a>
            }
        });
        rows.collect_view()
    };
    let legend = move || {
        view! {
            <span class="pump-legend"><PumpMark class="running"/> {t!(i18n, overview.runs)}</span>
            <span class="pump-legend"><PumpMark class="stopped"/> {t!(i18n, overview.stopped)}</span>
            <span class="pump-legend"><PumpMark class="unknown"/> {t!(i18n, overview.not_known)}</span>
        }
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, overview.pumping).to_owned())
            aside=ViewFn::from(legend)
            class="stations"
        >
            <div class="station-rows">{body}</div>
        </Panel>
    }
    .into_any()
}

#[component]
fn PumpMark(class: &'static str) -> impl IntoView {
    view! {
        <svg class=format!("pump {class}") width="20" height="20" viewBox="0 0 24 24" aria-hidden="true">
            <circle cx="12" cy="12" r="10"/>
            <path d="M9.5 7.4v9.2l7-4.6z"/>
        </svg>
    }
}

/// One pump: light while it runs, dark while it stands, dashed while nobody knows.
#[component]
fn Pump(point: Point) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let signal = app.points.signal(point.no);
    let name = point.name.clone();
    let of_trust = point.clone();
    let state = Memo::new(move |_| {
        let value = signal.get().and_then(|view| view.value);
        match (app.trust(&of_trust), value) {
            (Trust::Bad | Trust::Never, _) | (_, None) => "unknown",
            (Trust::Stale(_), _) => "unknown",
            (_, Some(value)) if value > 0.5 => "running",
            _ => "stopped",
        }
    });
    let words = move || match state.get() {
        "running" => t_string!(i18n, overview.runs),
        "stopped" => t_string!(i18n, overview.stopped),
        _ => t_string!(i18n, overview.not_known),
    };
    let mark = move || view! { <PumpMark class=state.get()/> };
    view! { <span class="pump-spot" title=move || format!("{name}: {}", words())>{mark}<span class="unseen">{words}</span></span> }
        .into_any()
}

/// What a station delivers.
#[component]
fn Delivered(flow: Option<Point>, pressure: Option<Point>) -> impl IntoView {
    let app = use_app();
    let indicator = flow.clone().map(|point| {
        let of_reading = point.clone();
        let reading = Memo::new(move |_| reading(app, &of_reading));
        view! { <Indicator reading=reading/> }
    });
    let value = |point: Option<Point>| {
        point.map(|point| {
            let signal = app.points.signal(point.no);
            let quantity = point.quantity;
            let trust = Memo::new(move |_| app.trust(&point));
            let value = Signal::derive(move || signal.get().and_then(|view| view.value));
            view! {
                <TrustTag trust=trust/>
                <ValueText value=value quantity=quantity is_firm=Signal::derive(move || trust.get().is_firm())/>
            }
        })
    };
    view! {
        <span class="station-scale">{indicator}</span>
        <span class="station-value">{value(flow)}</span>
        <span class="station-value">{value(pressure)}</span>
    }
    .into_any()
}
