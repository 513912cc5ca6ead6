//! The floods, newest first: when, for how long, how many calls, and the alarm that called first.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::Flood;

use super::{Told, title};
use crate::components::Panel;
use crate::format;
use crate::i18n::{t, t_string, td_string, use_i18n};
use crate::state::use_app;

#[component]
pub(super) fn Floods(told: Arc<Told>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let plant = app.plant.get_untracked();
    let (count, to) = (told.figures.flood_count, told.figures.to);
    let row = |flood: &Flood| {
        let (at, full) = app.zone.with_untracked(|zone| {
            (zone.moment(flood.first_at, app.now.get_untracked(), locale), zone.full(flood.first_at, locale))
        });
        let age = format::age(flood.until.unwrap_or(to).since(flood.first_at), locale);
        let lasted = match flood.until {
            Some(_) => age,
            None => td_string!(locale, analysis.goes_on, age = age),
        };
        let first = plant.as_ref().map(|plant| title(&flood.first, plant, locale)).unwrap_or_default();
        let path = format!("/alarms?alarm={}", flood.first.rule);
        view! {
            <tr data-testid="flood-row">
                <td class="state" title=full>{at}</td>
                <td class="state">{lasted}</td>
                <td class="end">{flood.calls}</td>
                <td class="end">{flood.most}</td>
                <td class="end">{format::number(flood.first_ten_minutes.value, 0, locale)}</td>
                <td class="wraps"><a href=path>{first}</a></td>
            </tr>
        }
    };
    let rows = told.figures.floods.iter().rev().map(row).collect_view();
    let body = match told.figures.floods.is_empty() {
        true => view! { <p class="panel-calm">{t!(i18n, analysis.no_floods)}</p> }.into_any(),
        false => view! {
            <div class="sheet tall" tabindex="0">
                <table class="data" data-testid="floods">
                    <thead><tr>
                        <th>{t!(i18n, analysis.began)}</th>
                        <th>{t!(i18n, analysis.lasted)}</th>
                        <th class="end">{t!(i18n, analysis.calls)}</th>
                        <th class="end">{t!(i18n, analysis.peak)}</th>
                        <th class="end">{t!(i18n, analysis.first_ten)}</th>
                        <th>{t!(i18n, analysis.first_alarm)}</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any(),
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, analysis.floods).to_owned())
            aside=ViewFn::from(move || view! { <span>{t!(i18n, analysis.floods_n, n = count)}</span> })
        >
            {body}
        </Panel>
    }
    .into_any()
}
