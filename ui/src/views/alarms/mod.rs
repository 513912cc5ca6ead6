//! The alarms: the list in its order, held under the hand; the journal; one alarm's detail; acknowledging and commenting.

mod acknowledge;
mod active;
mod detail;
mod journal;
mod list;

pub(crate) use acknowledge::{Acknowledge, Comment};
pub(crate) use active::SiteChoice;
pub(crate) use detail::CloseButton;
pub(crate) use list::step;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use penstock_model::RuleId;

use crate::app::Head;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Active,
    Journal,
}

/// The screen.
#[component]
pub(crate) fn Alarms() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let tab = RwSignal::new(Tab::Active);
    let query = use_query_map();
    let chosen = RwSignal::new(None::<RuleId>);
    Effect::new(move || {
        let asked = query.with(|query| query.get("alarm").and_then(|id| id.parse().ok()));
        if asked.is_some() {
            chosen.set(asked);
            tab.set(Tab::Active);
        }
    });
    let count = Memo::new(move |_| app.alarms.listed.with(|listed| listed.len()));
    let remark = RwSignal::new(String::new());
    let tabs = move || {
        let button = move |own: Tab, id: &'static str, word: AnyView| {
            view! {
                <button
                    role="tab"
                    data-testid=id
                    aria-selected=move || (tab.get() == own).to_string()
                    on:click=move |_| tab.set(own)
                >
                    {word}
                </button>
            }
        };
        view! {
            <div class="tabs" role="tablist">
                {button(Tab::Active, "tab-active", t!(i18n, alarms.active_n, n = move || count.get()).into_any())}
                {button(Tab::Journal, "tab-journal", t!(i18n, alarms.journal).into_any())}
            </div>
        }
    };
    let body = move || match tab.get() {
        Tab::Active => view! { <active::Active chosen=chosen remark=remark/> }.into_any(),
        Tab::Journal => view! { <journal::Journal remark=remark/> }.into_any(),
    };
    view! {
        <Head
            title=Signal::derive(move || t_string!(i18n, frame.alarms).to_owned())
            scope=ViewFn::from(tabs)
            actions=ViewFn::from(move || view! { <span>{move || remark.get()}</span> })
        />
        <div class="content">{body}</div>
    }
    .into_any()
}
