//! The alarm journal: what was raised, acknowledged, said and ended, newest first.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use penstock_api::{JournalRow, ListJournal};

use super::detail::happened;
use crate::components::{Badge, BadgeFill, Choice, Empty, Loading, SearchField, Segmented, VirtualTable};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;
use crate::words;

/// As many entries as are asked for at once.
const LIMIT: u32 = 5_000;

/// By when it happened: what came late from a device's memory stands where it belongs.
fn newest_first(mut rows: Vec<JournalRow>) -> Vec<JournalRow> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.transition.at));
    rows
}

#[component]
pub(super) fn Journal(remark: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let hours = RwSignal::new("24".to_owned());
    let text = RwSignal::new(String::new());
    let found = RwSignal::new(None::<Result<Arc<Vec<JournalRow>>, String>>);
    // Entries come with what happens to listed alarms.
    let listed = app.alarms.listed;
    Effect::new(move || {
        listed.track();
        app.said.track();
        let hours = hours.with(|hours| hours.parse::<u64>().unwrap_or(24));
        let now = app.now.get_untracked();
        let call = ListJournal {
            rule: None,
            from: now - Duration::from_secs(hours * 3_600),
            to: now + Duration::from_secs(60),
            limit: LIMIT,
        };
        leptos::task::spawn_local(async move {
            let reply = app.call(call).await.map(newest_first).map(Arc::new).map_err(|error| error.message);
            // While the station does not answer, what it told last stays.
            let is_known = found.try_with_untracked(|found| matches!(found, Some(Ok(_)))).unwrap_or_default();
            if reply.is_ok() || !is_known {
                found.try_set(Some(reply));
            }
        });
    });
    let rows = Memo::new(move |_| {
        let (locale, plant) = (app.locale(), app.plant.get());
        let wanted = text.with(|text| text.to_lowercase());
        let rows = match found.get() {
            Some(Ok(rows)) => rows,
            _ => Arc::default(),
        };
        let Some(plant) = plant.filter(|_| !wanted.trim().is_empty()) else { return rows };
        let lets = |row: &&JournalRow| {
            let all = format!(
                "{} {} {} {} {}",
                words::tag(row.subject, &plant),
                plant.place_of_subject(row.subject),
                words::title(row.subject, &row.condition, &plant, locale),
                row.by.as_deref().unwrap_or_default(),
                row.transition.comment.as_deref().unwrap_or_default(),
            )
            .to_lowercase();
            wanted.split_whitespace().all(|word| all.contains(word))
        };
        Arc::new(rows.iter().filter(lets).cloned().collect::<Vec<_>>())
    });
    Effect::new(move || {
        let shown = rows.with(|rows| rows.len());
        remark.set(if shown >= LIMIT as usize {
            t_string!(i18n, alarms.entries_capped, n = shown)
        } else {
            t_string!(i18n, alarms.entries_n, n = shown)
        });
    });
    let ranges = Signal::derive(move || {
        vec![
            Choice::new("4", t_string!(i18n, alarms.hours_4)),
            Choice::new("24", t_string!(i18n, alarms.hours_24)),
            Choice::new("168", t_string!(i18n, alarms.days_7)),
            Choice::new("720", t_string!(i18n, alarms.days_30)),
        ]
    });
    let row = move |_: usize, row: JournalRow| view! { <Row row=row/> }.into_any();
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let state = Memo::new(move |_| found.with(|found| found.as_ref().map(|found| found.as_ref().err().cloned())));
    let table = move || match state.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Some(why)) => view! { <Empty why=why/> }.into_any(),
        Some(None) if is_empty.get() => {
            view! { <Empty why=Signal::derive(move || t_string!(i18n, alarms.no_entries).to_owned())/> }.into_any()
        }
        Some(None) => view! {
            <VirtualTable
                rows=rows
                key=|row: &JournalRow| (row.transition.rule, row.transition.at, row.transition.kind)
                row=row
                row_px=32
                edition=Signal::derive(move || app.edition())
                label=Signal::derive(move || t_string!(i18n, alarms.journal).to_owned())
            />
        }
        .into_any(),
    };
    view! {
        <div class="table full-height">
            <div class="toolbar">
                <SearchField label=Signal::derive(move || t_string!(i18n, alarms.filter).to_owned()) value=text/>
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, alarms.range).to_owned())
                    value=hours
                    choices=ranges
                    on_choose=Callback::new(move |value| hours.set(value))
                />
            </div>
            <div class="table-list" tabindex="0" role="grid" aria-label=move || t_string!(i18n, alarms.journal) data-testid="journal">
                <div class="table-head journal-columns" role="row">
                    <span></span>
                    <span>{t!(i18n, alarms.when)}</span>
                    <span>{t!(i18n, alarms.point)}</span>
                    <span>{t!(i18n, alarms.site)}</span>
                    <span>{t!(i18n, alarms.alarm)}</span>
                    <span>{t!(i18n, alarms.what)}</span>
                </div>
                {table}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Row(row: JournalRow) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let words = app.plant.with(|plant| {
        plant.as_ref().map(|plant| {
            (
                words::tag(row.subject, plant).to_owned(),
                plant.place_of_subject(row.subject).to_owned(),
                words::title(row.subject, &row.condition, plant, locale),
                plant.point_of(row.subject).map(|point| point.quantity),
            )
        })
    });
    let (tag, place, title, quantity) = words.unwrap_or_default();
    let at = app.zone.with(|zone| zone.moment(row.transition.at, app.now.get_untracked(), locale));
    let full = app.zone.with(|zone| zone.full(row.transition.at, locale));
    let what = happened(&row, quantity, locale);
    let fill = match row.transition.kind {
        penstock_model::TransitionKind::Cleared => BadgeFill::Dashed,
        _ => BadgeFill::Outlined,
    };
    let (place_tip, title_tip, what_tip) = (place.clone(), title.clone(), what.clone());
    view! {
        <div class="table-row journal-columns" role="row">
            <Badge priority=row.priority fill=fill size=16/>
            <span title=full>{at}</span>
            <span>{tag}</span>
            <span title=place_tip>{place}</span>
            <span title=title_tip>{title}</span>
            <span title=what_tip>{what}</span>
        </div>
    }
    .into_any()
}
