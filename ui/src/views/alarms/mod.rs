//! The alarms: the list in its order, held under the hand; what is kept from it; the journal; the analysis; the rules;
//! one alarm's detail; what people do to alarms.

mod acknowledge;
mod active;
mod analysis;
mod around;
mod asking;
mod causes;
mod detail;
mod fold;
mod guidance;
mod journal;
mod kept;
mod list;
mod rules;
mod scope;
mod search;
mod seen;
mod shown;
mod similar;
mod together;

pub(crate) use acknowledge::{Acknowledge, Comment, Service, Shelve};
pub(crate) use active::SiteChoice;
pub(crate) use analysis::Decide;
pub(crate) use list::step;
pub(crate) use rules::{ImportRules, RemoveRule};

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use penstock_model::RuleId;

use crate::app::Head;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Active,
    Kept,
    Journal,
    Analysis,
    Rules,
}

impl Tab {
    /// The tab that a path names.
    fn named(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "kept" => Some(Self::Kept),
            "journal" => Some(Self::Journal),
            "analysis" => Some(Self::Analysis),
            "rules" => Some(Self::Rules),
            _ => None,
        }
    }
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
        let asked: Option<RuleId> = query.with(|query| query.get("alarm").and_then(|id| id.parse().ok()));
        if let Some(rule) = asked {
            let is_kept = app.alarms.peek(rule).is_some_and(|view| !view.state.is_listed());
            app.reveal(rule);
            chosen.set(Some(rule));
            tab.set(if is_kept { Tab::Kept } else { Tab::Active });
        } else if let Some(rule) = query.with(|query| query.get("rule").and_then(|id| id.parse::<RuleId>().ok())) {
            chosen.set(Some(rule));
            tab.set(Tab::Rules);
        } else if let Some(named) = query.with(|query| query.get("tab").and_then(|word| Tab::named(&word))) {
            tab.set(named);
        }
    });
    let count = Memo::new(move |_| app.desk.with_shown(<[_]>::len));
    let kept = Memo::new(move |_| app.alarms.kept.with(|kept| kept.len()));
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
                {button(Tab::Kept, "tab-kept", t!(i18n, alarms.kept_n, n = move || kept.get()).into_any())}
                {button(Tab::Journal, "tab-journal", t!(i18n, alarms.journal).into_any())}
                {button(Tab::Analysis, "tab-analysis", t!(i18n, analysis.title).into_any())}
                {button(Tab::Rules, "tab-rules", t!(i18n, rules.title).into_any())}
            </div>
        }
    };
    let to_rule = Callback::new(move |rule: RuleId| {
        chosen.set(Some(rule));
        tab.set(Tab::Rules);
    });
    let body = move || match tab.get() {
        Tab::Active => view! { <active::Active chosen=chosen remark=remark/> }.into_any(),
        Tab::Kept => view! { <kept::Kept chosen=chosen remark=remark/> }.into_any(),
        Tab::Journal => view! { <journal::Journal remark=remark/> }.into_any(),
        Tab::Analysis => view! { <analysis::Analysis on_rule=to_rule remark=remark/> }.into_any(),
        Tab::Rules => view! { <rules::Rules chosen=chosen remark=remark/> }.into_any(),
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
