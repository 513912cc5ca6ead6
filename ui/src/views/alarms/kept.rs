//! What is kept from the list: shelved with the time left, out of service, suppressed by design.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use penstock_api::AlarmView;
use penstock_model::{KeptBy, Permission, RuleId, Timestamp};

use super::active::{map_path, trend_path};
use super::detail::{Detail, unshelve};
use super::list::step;
use crate::components::{Badge, BadgeFill, Empty, Kbd, VirtualTable};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::keys::{List, ListDeed, list_deed};
use crate::state::{Overlay, use_app};
use crate::{page, words};

#[component]
pub(super) fn Kept(chosen: RwSignal<Option<RuleId>>, remark: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let rows = app.alarms.kept;
    Effect::new(move || {
        let counts = app.counts.get();
        remark.set(t_string!(
            i18n,
            alarms.kept_shown,
            n = counts.shelved,
            suppressed = counts.suppressed,
            out = counts.out_of_service
        ));
    });
    let cursor = Memo::new(move |_| {
        let chosen = chosen.get()?;
        rows.with(|rows| rows.iter().position(|view| view.state.rule == chosen))
    });
    let navigate = use_navigate();
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if page::is_typing() || event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let key = event.key();
        if let Some(to) = step(&key, cursor.get_untracked(), rows.with_untracked(|rows| rows.len())) {
            chosen.set(rows.with_untracked(|rows| rows.get(to).map(|view| view.state.rule)));
        } else if key == "Escape" {
            chosen.set(None);
        } else {
            let view = chosen.get_untracked().and_then(|rule| app.alarms.peek(rule));
            let answers = || untrack(|| app.may(Permission::AnswerAlarms));
            let suppresses = || untrack(|| app.may(Permission::SuppressAlarms));
            match (list_deed(List::Kept, &key), view) {
                // On a row's own button, these keys press it.
                (Some(ListDeed::Open), _) if !page::is_on_button() => {
                    page::focus(".drawer");
                }
                (Some(ListDeed::Unshelve), Some(view))
                    if view.state.kept_by() == Some(KeptBy::Shelved) && answers() =>
                {
                    unshelve(app, view.state.rule);
                }
                (Some(ListDeed::Service), Some(view))
                    if view.state.kept_by() == Some(KeptBy::OutOfService) && suppresses() =>
                {
                    app.overlay.set(Some(Overlay::ReturnToService(view.state.rule)));
                }
                (Some(ListDeed::Comment), Some(view)) if view.state.occurrence > 0 && answers() => {
                    app.overlay.set(Some(Overlay::Comment(view.state.rule, view.state.occurrence)));
                }
                (Some(ListDeed::Map), Some(view)) => navigate(&map_path(view.subject), Default::default()),
                (Some(ListDeed::Trend), Some(view)) => match trend_path(&view) {
                    Some(path) => navigate(&path, Default::default()),
                    None => return,
                },
                _ => return,
            }
        }
        event.prevent_default();
    };
    let row = move |_at: usize, view: Arc<AlarmView>| view! { <Row view=view chosen=chosen/> }.into_any();
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let table = move || {
        if is_empty.get() {
            let why = Signal::derive(move || t_string!(i18n, alarms.kept_none).to_owned());
            let next = Signal::derive(move || t_string!(i18n, alarms.kept_none_next).to_owned());
            view! { <Empty why=why next=next/> }.into_any()
        } else {
            view! {
                <VirtualTable
                    rows=rows
                    key=key_of
                    row=row
                    cursor=cursor
                    edition=Signal::derive(move || app.edition())
                    label=Signal::derive(move || t_string!(i18n, alarms.kept_why).to_owned())
                />
            }
            .into_any()
        }
    };
    view! {
        <div class="with-drawer">
            <div class="table">
                <div
                    class="table-list alarm-list"
                    tabindex="0"
                    role="grid"
                    aria-label=move || t_string!(i18n, alarms.kept_why)
                    data-testid="kept-list"
                    on:keydown=on_key
                >
                    <div class="table-head kept-columns" role="row">
                        <span></span>
                        <span>{t!(i18n, alarms.point)}</span>
                        <span>{t!(i18n, alarms.site)}</span>
                        <span>{t!(i18n, alarms.alarm)}</span>
                        <span>{t!(i18n, alarms.kept_why)}</span>
                        <span>{t!(i18n, alarms.since)}</span>
                        <span>{t!(i18n, alarms.left)}</span>
                        <span></span>
                    </div>
                    {table}
                </div>
            </div>
            {move || chosen.get().map(|rule| view! { <Detail rule=rule on_close=Callback::new(move |()| chosen.set(None))/> })}
        </div>
    }
    .into_any()
}

/// What a row is drawn anew for.
fn key_of(view: &Arc<AlarmView>) -> (RuleId, Timestamp, bool) {
    (view.state.rule, view.state.changed_at, view.state.active)
}

#[component]
fn Row(view: Arc<AlarmView>, chosen: RwSignal<Option<RuleId>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let state = view.state.clone();
    let rule = state.rule;
    let locale = i18n.get_locale_untracked();
    let plant = app.plant.get_untracked();
    let words = plant.as_ref().map(|plant| {
        let title = words::alarm_title(&view, plant, locale);
        (title, plant.place_of_subject(view.subject).to_owned(), words::tag(view.subject, plant).to_owned())
    });
    let (title, place, tag) = words.unwrap_or_default();
    let kept = state.kept_by();
    let since = match kept {
        Some(KeptBy::OutOfService) => state.out_of_service,
        Some(KeptBy::Suppressed) => state.suppressed,
        Some(KeptBy::Shelved) | None => state.shelf.map(|shelf| shelf.since),
    };
    let since = move || since.map(|at| app.zone.with(|zone| zone.moment(at, app.now.get(), i18n.get_locale())));
    let shelving = state.shelf.map(|shelf| shelf.shelving).filter(|_| kept == Some(KeptBy::Shelved));
    let left = move || match shelving {
        Some(shelving) => {
            let left = format::age(shelving.until.since(app.now.get()), i18n.get_locale());
            match shelving.one_shot {
                true => format!("{left}, {}", t_string!(i18n, alarms.one_shot)),
                false => left,
            }
        }
        None => t_string!(i18n, alarms.no_end).to_owned(),
    };
    let fill = if state.active { BadgeFill::Filled } else { BadgeFill::Outlined };
    let (site_title, tip, own_tag) = (place.clone(), title.clone(), tag.clone());
    let is_chosen = Memo::new(move |_| chosen.get() == Some(rule));
    let end = move || match kept {
        Some(KeptBy::Shelved) if app.may(Permission::AnswerAlarms) => Some(
            view! {
                <button class="small" data-testid="unshelve-row" on:click=move |event| {
                    event.stop_propagation();
                    unshelve(app, rule);
                }>{t!(i18n, alarms.unshelve)} <Kbd keys="U"/></button>
            }
            .into_any(),
        ),
        Some(KeptBy::OutOfService) if app.may(Permission::SuppressAlarms) => Some(
            view! {
                <button class="small" data-testid="put-back-row" on:click=move |event| {
                    event.stop_propagation();
                    app.overlay.set(Some(Overlay::ReturnToService(rule)));
                }>{t!(i18n, alarms.put_back)} <Kbd keys="O"/></button>
            }
            .into_any(),
        ),
        _ => None,
    };
    view! {
        <div
            class="table-row kept-columns"
            class:is-selected=move || is_chosen.get()
            role="row"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="kept-row"
            data-point=own_tag
            on:click=move |_| chosen.set(Some(rule))
        >
            <Badge priority=view.priority fill=fill/>
            <span class="cut">{tag}</span>
            <span class="cut" title=site_title>{place}</span>
            <span class="cut" title=tip>{title}</span>
            <span>{kept.map(|kept| words::kept_by(kept, locale))}</span>
            <span>{since}</span>
            <span>{left}</span>
            <span class="end">{end}</span>
        </div>
    }
    .into_any()
}
