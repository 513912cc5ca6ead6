//! A tank's level upright: water, limits, the normal band beside it, a pointer at the level.

use leptos::prelude::*;
use penstock_model::Limits;

use super::Reading;
use super::indicator::percent;

/// The level in a tank; the reading's span is the tank from floor to overflow.
#[component]
pub(crate) fn LevelIndicator(#[prop(into)] reading: Signal<Reading>) -> impl IntoView {
    let pieces = move || {
        let reading = reading.get();
        let Some(scale) = reading.span.or_else(|| reading.scale()) else { return ().into_any() };
        let at = |value: f64| format!("{:.2}%", percent(value, scale));
        let water = reading.value.map(|value| {
            let class = if reading.is_firm { "tank-water" } else { "tank-water stale" };
            view! { <div class=class style:height=at(value)></div> }
        });
        let normal = reading.normal.map(|band| {
            let height = percent(band.high, scale) - percent(band.low, scale);
            view! { <div class="tank-normal" style:bottom=at(band.low) style:height=format!("{height:.2}%")></div> }
        });
        let Limits { ll, l, h, hh } = reading.limits;
        let ticks = [ll, l, h, hh].into_iter().flatten().map(|limit| {
            view! { <div class="tank-tick" style:bottom=at(limit)></div> }
        });
        let pointer_class = if reading.is_firm { "tank-pointer" } else { "tank-pointer hollow" };
        let pointer = reading.value.map(|value| {
            view! {
                <svg class=pointer_class style:bottom=at(value) width="8" height="12" viewBox="0 0 8 12">
                    <path d="M7.3 1v10L.7 6z"/>
                </svg>
            }
        });
        view! {
            <div class="tank-body">{water}</div>
            {normal}
            {ticks.collect_view()}
            {pointer}
        }
        .into_any()
    };
    view! { <div class="tank" aria-hidden="true">{pieces}</div> }
}
