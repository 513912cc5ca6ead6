//! The load: calls of every hour or day as bars, floods hatched, the target dashed.

use std::sync::Arc;

use leptos::prelude::*;

use super::Told;
use super::range::{MarkName, Slot, marks, slots, width};
use crate::components::Panel;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

/// What a person can keep up with in an hour, and in a day (ISA-18.2).
const TARGET_OF_HOUR: f64 = 6.0;
const TARGET_OF_DAY: f64 = 150.0;

#[component]
pub(super) fn Load(told: Arc<Told>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let zone = app.zone.get_untracked();
    let days = told.asked.days;
    let is_by_day = width(days).as_secs() > 3_600;
    let target = if is_by_day { TARGET_OF_DAY } else { TARGET_OF_HOUR };
    let slots = slots(&told.figures, told.from, width(days));
    let top = slots.iter().map(|slot| slot.calls).max().unwrap_or(0);
    let first_top = slots.iter().position(|slot| slot.calls == top && top > 0);
    let full = f64::from(top).max(1.5 * target);
    let share = move |count: f64| format!("{:.1}%", 100.0 * count / full);
    let said = |slot: &Slot| {
        let at = if is_by_day { zone.day(slot.from, locale) } else { zone.full(slot.from, locale) };
        match slot.in_flood {
            true => t_string!(i18n, analysis.slot_in_flood, at = at, n = slot.calls),
            false => t_string!(i18n, analysis.slot, at = at, n = slot.calls),
        }
    };
    let bars = slots.iter().enumerate().map(|(at, slot)| {
        let class = if slot.in_flood { "load-bar in-flood" } else { "load-bar" };
        let word = (first_top == Some(at)).then(|| view! { <b class="load-word">{slot.calls}</b> });
        let height = share(f64::from(slot.calls));
        view! { <span class="load-slot" title=said(slot)>{word}<i class=class style:height=height></i></span> }
    });
    let bars = bars.collect_view();
    let local = |slot: &Slot| slot.from.as_micros().div_euclid(1_000_000) + i64::from(zone.offset_secs_at(slot.from));
    let begins: Vec<i64> = slots.iter().map(local).collect();
    let named = marks(&begins, width(days)).into_iter().filter_map(|mark| {
        let from = slots.get(mark.at)?.from;
        let text = match mark.name {
            MarkName::Day => zone.day(from, locale),
            MarkName::Time => zone.minute(from),
            MarkName::DayAndTime => format!("{}, {}", zone.day(from, locale), zone.minute(from)),
        };
        let column = format!("{} / span {}", mark.at + 1, mark.span);
        Some(view! { <span class="load-mark" style:grid-column=column>{text}</span> })
    });
    let named = named.collect_view();
    let columns = slots.len().max(1);
    let label = match is_by_day {
        true => t_string!(i18n, analysis.load_days, n = top),
        false => t_string!(i18n, analysis.load_hours, n = top),
    };
    let title = Signal::derive(move || match is_by_day {
        true => t_string!(i18n, analysis.by_day).to_owned(),
        false => t_string!(i18n, analysis.by_hour).to_owned(),
    });
    view! {
        <Panel
            title=title
            aside=ViewFn::from(move || view! { <span>{t!(i18n, analysis.load_legend, n = target)}</span> })
        >
            <div class="analysis-load" role="img" aria-label=label data-testid="analysis-load">
                <div class="load-chart">
                    {bars}
                    <i class="load-target" style:bottom=share(target)></i>
                </div>
                <div class="load-hours" style:grid-template-columns=format!("repeat({columns}, minmax(0, 1fr))")>
                    {named}
                </div>
            </div>
        </Panel>
    }
    .into_any()
}
