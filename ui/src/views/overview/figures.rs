//! The figures of the whole plant, each against its band: into supply, in storage, lowest pressure and chlorine, pumping.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_model::{Band, Limits, Point, PointRole, Priority, Quantity};

use super::standing::{active_priority, of_point, where_is};
use crate::components::{Badge, Indicator, Reading, fill_of};
use crate::format;
use crate::i18n::{t_string, use_i18n};
use crate::state::{App, PlantView, Trust, use_app};
use crate::views::reading;

/// A pump that draws more than this, in W, runs.
const RUNNING_WATTS: f64 = 100.0;

/// A figure as its tile shows it.
#[derive(Debug, Clone, PartialEq, Default)]
struct Figure {
    value: Option<String>,
    unit: &'static str,
    reading: Reading,
    context: String,
    badge: Option<(Priority, crate::components::BadgeFill)>,
    is_firm: bool,
}

#[component]
pub(super) fn Figures(plant: Arc<PlantView>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let has = |role: PointRole| plant.playing(role).next().is_some();
    let tile = |is_there: bool, name: Signal<String>, figure: fn(App, &PlantView) -> Figure, id: &'static str| {
        let plant = Arc::clone(&plant);
        is_there.then(|| {
            let figure = Memo::new(move |_| figure(app, &plant));
            view! { <Tile name=name figure=figure id=id/> }
        })
    };
    let has_inflow = has(PointRole::SupplyInflow) || has(PointRole::AreaInflow);
    view! {
        <div class="figures">
            {tile(has_inflow, Signal::derive(move || t_string!(i18n, overview.into_supply).to_owned()), into_supply, "into-supply")}
            {tile(has(PointRole::TankLevel), Signal::derive(move || t_string!(i18n, overview.in_storage).to_owned()), in_storage, "in-storage")}
            {tile(has(PointRole::CriticalPressure), Signal::derive(move || t_string!(i18n, overview.lowest_pressure).to_owned()), lowest_pressure, "lowest-pressure")}
            {tile(has(PointRole::AreaChlorine), Signal::derive(move || t_string!(i18n, overview.lowest_chlorine).to_owned()), lowest_chlorine, "lowest-chlorine")}
            {tile(has(PointRole::PumpPower), Signal::derive(move || t_string!(i18n, overview.pump_power).to_owned()), pump_power, "pump-power")}
            {tile(
                has(PointRole::PumpPower) && has_inflow,
                Signal::derive(move || t_string!(i18n, overview.pump_energy).to_owned()),
                pump_energy,
                "pump-energy",
            )}
        </div>
    }
    .into_any()
}

#[component]
fn Tile(name: Signal<String>, figure: Memo<Figure>, id: &'static str) -> impl IntoView {
    let badge = move || {
        figure.with(|figure| figure.badge).map(|(priority, fill)| view! { <Badge priority=priority fill=fill/> })
    };
    let reading = Signal::derive(move || figure.with(|figure| figure.reading));
    let has_scale = Memo::new(move |_| figure.with(|figure| figure.reading.scale().is_some()));
    view! {
        <section class="panel figure" data-testid=format!("figure-{id}")>
            <div class="figure-head"><h2>{move || name.get()}</h2>{badge}</div>
            <p class="figure-value" class:pale=move || figure.with(|figure| !figure.is_firm)>
                <b data-testid=format!("value-{id}")>
                    {move || figure.with(|figure| figure.value.clone().unwrap_or_else(|| format::NO_VALUE.to_owned()))}
                </b>
                <span class="unit">{move || figure.with(|figure| figure.unit)}</span>
            </p>
            <div class="figure-scale">{move || has_scale.get().then(|| view! { <Indicator reading=reading/> })}</div>
            <p class="figure-context cut" title=move || figure.with(|figure| figure.context.clone())>
                {move || figure.with(|figure| figure.context.clone())}
            </p>
        </section>
    }
    .into_any()
}

/// A figure that is one point's value.
fn of_one(app: App, point: &Point, context: String) -> Figure {
    let view = app.points.get(point.no);
    let reading = reading(app, point);
    Figure {
        value: view.and_then(|view| view.value).map(|value| format::value(value, point.quantity, app.locale())),
        unit: format::unit(point.quantity),
        is_firm: reading.is_firm,
        reading,
        context,
        badge: of_point(app, point.id).map(|alarm| (alarm.priority, fill_of(&alarm.state))),
    }
}

/// A point's value where it is to be trusted; tracked.
fn firm(app: App, point: &Point) -> Option<f64> {
    let value = app.points.get(point.no)?.value?;
    app.trust(point).is_firm().then_some(value)
}

/// Values of the points that can be trusted now, and that they can. Where none can, the last ones, to be shown as old.
fn known<'a>(app: App, points: impl Iterator<Item = &'a Point>) -> (Vec<(f64, &'a Point)>, bool) {
    let points: Vec<&Point> = points.collect();
    let trusted: Vec<_> = points.iter().filter_map(|point| Some((firm(app, point)?, *point))).collect();
    if !trusted.is_empty() {
        return (trusted, true);
    }
    let last = points.into_iter().filter_map(|point| {
        let is_old = matches!(app.trust(point), Trust::Stale(_));
        Some((app.points.get(point.no).filter(|_| is_old)?.value?, point))
    });
    (last.collect(), false)
}

fn into_supply(app: App, plant: &PlantView) -> Figure {
    let i18n = app.i18n;
    let locale = app.locale();
    let of_supply: Vec<&Point> = plant.playing(PointRole::SupplyInflow).collect();
    let points = if of_supply.is_empty() { plant.playing(PointRole::AreaInflow).collect() } else { of_supply };
    let expected: Option<f64> = points
        .iter()
        .map(|point| {
            let band = app.points.get(point.no)?.expected?;
            Some(f64::midpoint(band.low, band.high))
        })
        .sum();
    let context = match expected {
        Some(expected) => {
            t_string!(i18n, overview.expected_now, value = format::value(expected, Quantity::Flow, locale))
        }
        None => match points.len() {
            1 => points.first().map(|point| where_is(plant, point)).unwrap_or_default(),
            n => t_string!(i18n, overview.sum_of, n = n),
        },
    };
    if let [point] = points.as_slice() {
        return of_one(app, point, context);
    }
    let values: Vec<Option<f64>> = points.iter().map(|point| firm(app, point)).collect();
    let unit = Quantity::Flow.display_unit();
    let sum: Option<f64> = values.iter().copied().sum();
    let normal: Option<Vec<Band>> = points.iter().map(|point| point.normal).collect();
    let normal = normal.and_then(|bands| {
        let (low, high) = bands.iter().fold((0.0, 0.0), |(low, high), band| (low + band.low, high + band.high));
        Band::new(unit.from_si(low), unit.from_si(high)).ok()
    });
    Figure {
        value: sum.map(|sum| format::value(sum, Quantity::Flow, locale)),
        unit: unit.symbol(),
        reading: Reading {
            value: sum.map(|sum| unit.from_si(sum)),
            normal,
            expected: expected.map(|expected| unit.from_si(expected)),
            is_firm: sum.is_some(),
            ..Reading::default()
        },
        context,
        badge: None,
        is_firm: sum.is_some(),
    }
}

fn in_storage(app: App, plant: &PlantView) -> Figure {
    let i18n = app.i18n;
    let locale = app.locale();
    let (mut held, mut room, mut low, mut high, mut count) = (0.0, 0.0, 0.0, 0.0, 0_u32);
    let (levels, is_firm) = known(app, plant.playing(PointRole::TankLevel));
    for (level, point) in levels {
        let Some(tank) = point.asset.and_then(|id| plant.asset(id)) else { continue };
        let (Some(capacity), Some(span)) = (tank.capacity_m3, tank.level_span) else { continue };
        let share = |level: f64| ((level - span.low) / (span.high - span.low)).clamp(0.0, 1.0);
        held += share(level) * capacity;
        room += capacity;
        let normal = point.normal.unwrap_or(span);
        low += share(normal.low) * capacity;
        high += share(normal.high) * capacity;
        count += 1;
    }
    let percent = |part: f64| part / room * 100.0;
    let value = (room > 0.0).then(|| percent(held));
    let context = if count == 0 {
        t_string!(i18n, overview.no_level).to_owned()
    } else {
        let (held, room) = (format::number(held, 0, locale), format::number(room, 0, locale));
        t_string!(i18n, overview.held_of, held = held, room = room)
    };
    Figure {
        value: value.map(|value| format::number(value, 0, locale)),
        unit: "%",
        reading: Reading {
            value,
            normal: value.and_then(|_| Band::new(percent(low), percent(high)).ok()),
            span: Some(Band { low: 0.0, high: 100.0 }),
            limits: Limits::default(),
            is_firm,
            ..Reading::default()
        },
        context,
        badge: None,
        is_firm,
    }
}

fn lowest(app: App, plant: &PlantView, role: PointRole) -> Figure {
    let (values, _) = known(app, plant.playing(role));
    let lowest = values.into_iter().min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)));
    match lowest {
        Some((_, point)) => of_one(app, point, where_is(plant, point)),
        None => Figure { context: t_string!(app.i18n, overview.none_fresh).to_owned(), ..Figure::default() },
    }
}

fn lowest_pressure(app: App, plant: &PlantView) -> Figure {
    lowest(app, plant, PointRole::CriticalPressure)
}

fn lowest_chlorine(app: App, plant: &PlantView) -> Figure {
    lowest(app, plant, PointRole::AreaChlorine)
}

fn sum(values: &[(f64, &Point)]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().map(|(value, _)| value).sum())
}

fn pump_power(app: App, plant: &PlantView) -> Figure {
    let i18n = app.i18n;
    let (powers, is_firm) = known(app, plant.playing(PointRole::PumpPower));
    let running = powers.iter().filter(|(power, _)| *power > RUNNING_WATTS).count();
    let context = if powers.is_empty() {
        t_string!(i18n, overview.none_fresh).to_owned()
    } else {
        t_string!(i18n, overview.pumps_run, n = running, all = powers.len())
    };
    Figure {
        value: sum(&powers).map(|sum| format::value(sum, Quantity::Power, app.locale())),
        unit: format::unit(Quantity::Power),
        reading: Reading::default(),
        context,
        badge: worst_of_role(app, plant, PointRole::PumpPower),
        is_firm,
    }
}

fn pump_energy(app: App, plant: &PlantView) -> Figure {
    let i18n = app.i18n;
    let (powers, is_power_firm) = known(app, plant.playing(PointRole::PumpPower));
    let mut flows = known(app, plant.playing(PointRole::SupplyInflow));
    if flows.0.is_empty() {
        flows = known(app, plant.playing(PointRole::AreaInflow));
    }
    let (flows, is_flow_firm) = flows;
    let flow = sum(&flows).filter(|flow| *flow > 0.0);
    let value = sum(&powers).zip(flow).map(|(power, flow)| power / flow);
    Figure {
        value: value.map(|value| format::value(value, Quantity::SpecificEnergy, app.locale())),
        unit: format::unit(Quantity::SpecificEnergy),
        reading: Reading::default(),
        context: t_string!(i18n, overview.power_over_inflow).to_owned(),
        badge: None,
        is_firm: is_power_firm && is_flow_firm,
    }
}

fn worst_of_role(app: App, plant: &PlantView, role: PointRole) -> Option<(Priority, crate::components::BadgeFill)> {
    let worst = plant.playing(role).filter_map(|point| Some((active_priority(app, point.id)?, point)));
    let (_, point) = worst.min_by_key(|(priority, point)| (*priority, point.id))?;
    of_point(app, point.id).map(|alarm| (alarm.priority, fill_of(&alarm.state)))
}
