//! The areas, the worst first: inflow, critical pressure and chlorine against their bands, inflow of the last day.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_model::{AreaId, Point, PointRole};

use super::Order;
use super::standing::{Standing, active_priority, day_of, point_badge, series_of};
use crate::components::{Indicator, Panel, Sparkline, TrustTag};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{PlantView, use_app};
use crate::views::reading;

/// The points that tell how an area fares.
#[derive(Debug, Clone, PartialEq)]
struct AreaPoints {
    id: AreaId,
    name: String,
    inflow: Option<Point>,
    pressure: Option<Point>,
    chlorine: Option<Point>,
}

fn areas_of(plant: &PlantView) -> Vec<AreaPoints> {
    let find = |role: PointRole, area: AreaId| plant.playing(role).find(|point| point.area == Some(area)).cloned();
    let areas = plant.register.plant.areas.iter().map(|area| AreaPoints {
        id: area.id,
        name: area.name.clone(),
        inflow: find(PointRole::AreaInflow, area.id),
        pressure: find(PointRole::CriticalPressure, area.id),
        chlorine: find(PointRole::AreaChlorine, area.id),
    });
    areas.filter(|area| area.inflow.is_some() || area.pressure.is_some() || area.chlorine.is_some()).collect()
}

#[component]
pub(super) fn Areas(plant: Arc<PlantView>, order: ReadSignal<Order>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let areas = areas_of(&plant);
    let day = day_of(app, areas.iter().filter_map(|area| Some(area.inflow.as_ref()?.id)).collect());
    let of_standing = Arc::clone(&plant);
    let rows = Memo::new(move |_| {
        let mut rows: Vec<(Standing, AreaPoints)> = app.alarms.listed.with(|listed| {
            let mut parts = Standing::by_part(listed, |view| of_standing.area_of_subject(view.subject));
            areas.iter().map(|area| (parts.remove(&area.id).unwrap_or_default(), area.clone())).collect()
        });
        match order.get() {
            Order::WorstFirst => rows.sort_by(|a, b| a.0.rank().cmp(&b.0.rank()).then_with(|| a.1.name.cmp(&b.1.name))),
            Order::ByArea => rows.sort_by(|a, b| a.1.name.cmp(&b.1.name)),
        }
        rows
    });
    let body = move || {
        let locale = i18n.get_locale();
        let rows = rows.get().into_iter().map(|(standing, area)| {
            let text = standing.text(&plant, locale);
            let class = format!("area-row area-columns {}", standing.row_class());
            let spark = area.inflow.as_ref().map(|point| {
                let id = point.id;
                let alarm = Signal::derive(move || active_priority(app, id));
                view! { <Sparkline series=series_of(day, id) alarm=alarm/> }
            });
            let (tip, path) = (text.clone(), format!("/map?area={}", area.id));
            view! {
                <a class=class href=path role="row" data-testid="area-row" data-area=area.name.clone()>
                    {standing.badge(20)}
                    <span class="area-name"><b class="cut">{area.name.clone()}</b><span class="cut" title=tip>{text}</span></span>
                    <Cell point=area.inflow.clone()/>
                    <Cell point=area.pressure.clone()/>
                    <Cell point=area.chlorine.clone()/>
                    <span class="spark-cell">{spark}</span>
                </a>
            }
        });
        rows.collect_view()
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, overview.areas).to_owned())
            aside=ViewFn::from(move || view! { <span class="cut hide-narrow">{t!(i18n, overview.legend)}</span> })
            class="areas"
        >
            <div class="area-columns area-head" role="row">
                <span></span>
                <span>{t!(i18n, overview.area)}</span>
                <span class="area-unit">{t!(i18n, overview.inflow)} " m³/h"</span>
                <span class="area-unit">{t!(i18n, overview.critical_point)} " bar"</span>
                <span class="area-unit">{t!(i18n, overview.chlorine)} " mg/L"</span>
                <span>{t!(i18n, overview.inflow_24)}</span>
            </div>
            <div class="area-rows" role="rowgroup">{body}</div>
        </Panel>
    }
    .into_any()
}

/// One value of an area against its band.
#[component]
fn Cell(point: Option<Point>) -> impl IntoView {
    let app = use_app();
    match point {
        None => {
            view! { <span class="area-cell"><span></span><b class="quiet">{format::NO_VALUE}</b><span></span></span> }
                .into_any()
        }
        Some(point) => {
            let quantity = point.quantity;
            let badge = point_badge(app, point.id, 16);
            let signal = app.points.signal(point.no);
            let of_reading = point.clone();
            let reading = Memo::new(move |_| reading(app, &of_reading));
            let of_trust = point.clone();
            let trust = Memo::new(move |_| app.trust(&of_trust));
            let mark = move || {
                if trust.get().is_firm() { badge() } else { view! { <TrustTag trust=trust/> }.into_any() }
            };
            let text = move || format::value_or_none(signal.get().and_then(|view| view.value), quantity, app.locale());
            view! {
                <span class="area-cell" title=point.name.clone()>
                    <span class="area-mark">{mark}</span>
                    <b class:pale=move || !trust.get().is_firm() data-testid=format!("live-{}", point.name)>{text}</b>
                    <Indicator reading=reading/>
                </span>
            }
            .into_any()
        }
    }
}
