//! A plant whose points have no roles: a card for each quantity with every value against its band and its last day.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_model::{Point, PointState, Quantity};

use super::standing::{active_priority, day_of, point_badge, series_of};
use crate::components::{Indicator, Panel, Sparkline, TrustTag};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{PlantView, use_app};
use crate::views::reading;
use crate::words;

/// Points shown of one quantity; the rest is a click away.
const SHOWN: usize = 8;

/// Points by quantity in the order that screens list quantities; adopted ones, or all where none is adopted.
fn groups(plant: &PlantView) -> Vec<(Quantity, Vec<Point>)> {
    let has_adopted = plant.adopted().next().is_some();
    let counts = |point: &&Point| point.state == if has_adopted { PointState::Adopted } else { PointState::Discovered };
    let groups = Quantity::ALL.into_iter().map(|quantity| {
        let points = plant.register.points.iter().filter(counts).filter(|point| point.quantity == quantity);
        (quantity, points.cloned().collect::<Vec<_>>())
    });
    groups.filter(|(_, points)| !points.is_empty()).collect()
}

#[component]
pub(super) fn Groups(plant: Arc<PlantView>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let cards = groups(&plant).into_iter().map(|(quantity, points)| {
        let all = points.len();
        let own = Arc::clone(&plant);
        // Those with an alarm come first, so that the worst is never among the rest.
        let shown = Memo::new(move |_| {
            let mut points = points.clone();
            app.alarms.listed.with(|listed| {
                points.sort_by_cached_key(|point| {
                    let subject = penstock_model::Subject::Point(point.id);
                    let worst = listed.worst_of(subject);
                    (worst.is_none(), worst.map(|view| view.rank()))
                });
            });
            points.truncate(SHOWN);
            points
        });
        let day = day_of(app, untrack(|| shown.with(|points| points.iter().map(|point| point.id).collect())));
        let rows = move || {
            let rows = shown.get().into_iter().map(|point| {
                let place = own.place_of(&point).to_owned();
                let words = if point.description.is_empty() { place } else { point.description.clone() };
                let of_reading = point.clone();
                let reading = Memo::new(move |_| reading(app, &of_reading));
                let of_trust = point.clone();
                let trust = Memo::new(move |_| app.trust(&of_trust));
                let signal = app.points.signal(point.no);
                let text = move || format::value_or_none(signal.get().and_then(|view| view.value), quantity, app.locale());
                let badge = point_badge(app, point.id, 16);
                let mark = move || {
                    if trust.get().is_firm() { badge() } else { view! { <TrustTag trust=trust/> }.into_any() }
                };
                let id = point.id;
                let tip = words.clone();
                view! {
                    <a class="group-row" href=format!("/trends?points={id}")>
                        <span class="area-name"><b class="cut">{point.name.clone()}</b><span class="cut" title=tip>{words}</span></span>
                        <span class="area-mark">{mark}</span>
                        <b class="end" class:pale=move || !trust.get().is_firm() data-testid=format!("live-{}", point.name)>{text}</b>
                        <span>{reading.get_untracked().scale().map(|_| view! { <Indicator reading=reading/> })}</span>
                        <Sparkline series=series_of(day, id) alarm=Signal::derive(move || active_priority(app, id))/>
                    </a>
                }
            });
            rows.collect_view()
        };
        let name = Signal::derive(move || words::quantity(quantity, i18n.get_locale()).to_owned());
        let aside = move || {
            view! {
                <span>{format::unit(quantity)}</span>
                {(all > SHOWN).then(|| view! {
                    <a href=format!("/points?quantity={}", quantity.name())>{t!(i18n, overview.all_n, n = all)}</a>
                })}
            }
        };
        view! { <Panel title=name aside=ViewFn::from(aside) class="group"><div class="group-rows">{rows}</div></Panel> }
    });
    let cards = cards.collect_view();
    view! { <div class="groups" aria-label=move || t_string!(i18n, overview.by_quantity)>{cards}</div> }.into_any()
}
