//! The overview: the whole plant at a glance, the worst first. Where points have roles it sums the plant up by areas,
//! tanks and stations; a plant without roles gets a card for each quantity.

mod areas;
mod figures;
mod groups;
mod situation;
mod standing;
mod stations;
mod storage;

use std::sync::Arc;

use leptos::prelude::*;
use penstock_model::PointRole;

use crate::app::Head;
use crate::components::{Choice, Empty, Loading, Segmented};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{PlantView, Trust, trust, use_app};

/// How the areas are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    WorstFirst,
    ByArea,
}

/// The screen.
#[component]
pub(crate) fn Overview() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let order = RwSignal::new(Order::WorstFirst);
    let scope = move || {
        app.plant.with(|plant| {
            let plant = plant.as_ref()?;
            let of_plant = &plant.register.plant;
            let locale = i18n.get_locale();
            Some(t_string!(
                i18n,
                overview.scope,
                plant = of_plant.name.clone(),
                sites = format::count(of_plant.sites.len() as u64, locale),
                areas = format::count(of_plant.areas.len() as u64, locale),
                points = format::count(plant.adopted().count() as u64, locale)
            ))
        })
    };
    // Once a second is often enough for counts over all points.
    let health = Memo::new(move |_| {
        let now = app.now.get();
        app.plant.with(|plant| {
            let mut counts = [0_u32; 4];
            for point in plant.iter().flat_map(|plant| plant.adopted()) {
                let at = match trust(&app.points.peek(point.no), point, now) {
                    Trust::Good | Trust::Uncertain => 0,
                    Trust::Stale(_) => 1,
                    Trust::Bad => 2,
                    Trust::Never => 3,
                };
                if let Some(count) = counts.get_mut(at) {
                    *count += 1;
                }
            }
            counts
        })
    });
    let health_words = move || {
        let [good, stale, bad, never] = health.get();
        let mut words = vec![t_string!(i18n, overview.n_good, n = good)];
        for (count, word) in [
            (stale, t_string!(i18n, overview.n_stale, n = stale)),
            (bad, t_string!(i18n, overview.n_bad, n = bad)),
            (never, t_string!(i18n, overview.n_never, n = never)),
        ] {
            if count > 0 {
                words.push(word);
            }
        }
        words.join(" · ")
    };
    let has_areas = Memo::new(move |_| {
        app.plant.with(|plant| {
            plant.as_ref().is_some_and(|plant| {
                let roles = [PointRole::AreaInflow, PointRole::CriticalPressure, PointRole::AreaChlorine];
                roles.into_iter().any(|role| plant.playing(role).any(|point| point.area.is_some()))
            })
        })
    });
    let chosen = Signal::derive(move || match order.get() {
        Order::WorstFirst => "worst".to_owned(),
        Order::ByArea => "area".to_owned(),
    });
    let choices = Signal::derive(move || {
        vec![
            Choice::new("worst", t_string!(i18n, overview.worst_first)),
            Choice::new("area", t_string!(i18n, overview.by_area)),
        ]
    });
    let actions = move || {
        view! {
            <span class="hide-narrow">{health_words}</span>
            {move || has_areas.get().then(|| view! {
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, overview.order).to_owned())
                    value=chosen
                    choices=choices
                    on_choose=Callback::new(move |value: String| {
                        order.set(if value == "area" { Order::ByArea } else { Order::WorstFirst });
                    })
                />
            })}
        }
    };
    let body = move || match app.plant.get() {
        None => view! { <Loading/> }.into_any(),
        Some(plant) if plant.register.points.is_empty() => view! { <NoPoints/> }.into_any(),
        Some(plant) => view! { <Body plant=plant order=order.read_only()/> }.into_any(),
    };
    view! {
        <Head
            title=Signal::derive(move || t_string!(i18n, frame.overview).to_owned())
            scope=ViewFn::from(move || view! { <span>{scope}</span> })
            actions=ViewFn::from(actions)
        />
        <div class="content scrolls padded overview" data-testid="overview">{body}</div>
    }
    .into_any()
}

#[component]
fn NoPoints() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Empty
            why=Signal::derive(move || t_string!(i18n, overview.no_points).to_owned())
            next=Signal::derive(move || t_string!(i18n, overview.no_points_next).to_owned())
        >
            <a class="button" href="/health">{t!(i18n, overview.to_health)}</a>
        </Empty>
    }
    .into_any()
}

/// The panels that there is something for.
#[component]
fn Body(plant: Arc<PlantView>, order: ReadSignal<Order>) -> impl IntoView {
    let has = |role: PointRole| plant.playing(role).next().is_some();
    let has_areas = [PointRole::AreaInflow, PointRole::CriticalPressure, PointRole::AreaChlorine]
        .into_iter()
        .any(|role| plant.playing(role).any(|point| point.area.is_some()));
    let has_tanks = has(PointRole::TankLevel);
    let has_stations =
        [PointRole::StationFlow, PointRole::StationPressure, PointRole::PumpRunning].into_iter().any(has);
    if !has_areas && !has_tanks && !has_stations {
        return view! {
            <div class="overview-middle loose">
                <groups::Groups plant=Arc::clone(&plant)/>
                <situation::Situation/>
            </div>
        }
        .into_any();
    }
    let lower = (has_tanks || has_stations).then(|| {
        view! {
            <div class="overview-lower" class:one=!(has_tanks && has_stations)>
                {has_tanks.then(|| view! { <storage::Storage plant=Arc::clone(&plant)/> })}
                {has_stations.then(|| view! { <stations::Stations plant=Arc::clone(&plant)/> })}
            </div>
        }
    });
    view! {
        <figures::Figures plant=Arc::clone(&plant)/>
        <div class="overview-middle" class:loose=!has_areas>
            {if has_areas {
                view! { <areas::Areas plant=Arc::clone(&plant) order=order/> }.into_any()
            } else {
                view! { <groups::Groups plant=Arc::clone(&plant)/> }.into_any()
            }}
            <situation::Situation/>
        </div>
        {lower}
    }
    .into_any()
}
