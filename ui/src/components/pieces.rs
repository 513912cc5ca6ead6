//! Small pieces: keys, tags of doubt, values with their unit, panels, what stands where there is nothing yet.

use std::time::Duration;

use leptos::prelude::*;
use penstock_model::Quantity;

use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{Trust, use_app};

/// A key of the keyboard.
#[component]
pub(crate) fn Kbd(keys: &'static str) -> impl IntoView {
    view! { <kbd>{keys}</kbd> }
}

/// A panel with its heading.
#[component]
pub(crate) fn Panel(
    #[prop(into)] title: Signal<String>,
    /// At the head's right.
    #[prop(into, default = ViewFn::from(|| ()))]
    aside: ViewFn,
    #[prop(default = "")] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <section class=format!("panel {class}")>
            <header class="panel-head">
                <h2>{move || title.get()}</h2>
                <div class="panel-aside">{aside.run()}</div>
            </header>
            {children()}
        </section>
    }
    .into_any()
}

/// The tag of a value that is not to be trusted, dashed; nothing for one that is.
#[component]
pub(crate) fn TrustTag(#[prop(into)] trust: Signal<Trust>) -> impl IntoView {
    let i18n = use_i18n();
    move || match trust.get() {
        Trust::Good | Trust::Never => ().into_any(),
        Trust::Uncertain => {
            view! { <span class="tag dashed" title=t_string!(i18n, words.uncertain)>"?"</span> }.into_any()
        }
        Trust::Bad => view! { <span class="tag dashed hatched" title=t_string!(i18n, words.bad)>"?"</span> }.into_any(),
        Trust::Stale(age) => {
            let title = t_string!(i18n, words.stale_for, age = format::age(age, i18n.get_locale()));
            view! {
                <span class="tag dashed" title=title>
                    <svg width="10" height="10" viewBox="0 0 10 10" class="icon" aria-hidden="true">
                        <path d="M5 .8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4zM5 2.6V5l1.6 1.2"/>
                    </svg>
                </span>
            }
            .into_any()
        }
    }
}

/// An SI value in its usual unit, decimals in line, the unit beside it.
#[component]
pub(crate) fn ValueText(
    #[prop(into)] value: Signal<Option<f64>>,
    quantity: Quantity,
    /// Whether it is firm; else its ink is pale.
    #[prop(into, default = true.into())]
    is_firm: Signal<bool>,
) -> impl IntoView {
    let app = use_app();
    view! {
        <span class="value" class:pale=move || !is_firm.get()>
            <b>{move || format::value_or_none(value.get(), quantity, app.locale())}</b>
            <span class="unit">{format::unit(quantity)}</span>
        </span>
    }
    .into_any()
}

/// Something known: what, and how it is.
pub(crate) struct Fact {
    name: String,
    value: AnyView,
    tip: Option<String>,
}

impl Fact {
    /// `name` is so and so.
    pub(crate) fn new(name: impl Into<String>, value: impl IntoAny) -> Self {
        Self { name: name.into(), value: value.into_any(), tip: None }
    }

    /// Says more of the name under the pointer.
    pub(crate) fn with_tip(self, tip: String) -> Self {
        Self { tip: Some(tip), ..self }
    }

    /// Stands out where `is_firm`.
    pub(crate) fn firm(self, is_firm: bool) -> Self {
        if is_firm { Self { value: view! { <b class="firm">{self.value}</b> }.into_any(), ..self } } else { self }
    }
}

/// What is known, one line each.
#[component]
pub(crate) fn Facts(
    facts: Vec<Fact>,
    /// `right` for figures.
    #[prop(default = "")]
    class: &'static str,
) -> impl IntoView {
    let rows = facts.into_iter().map(|fact| view! { <dt title=fact.tip>{fact.name}</dt><dd>{fact.value}</dd> });
    view! { <dl class=format!("facts {class}")>{rows.collect_view()}</dl> }.into_any()
}

/// Where there is nothing: why, and the next step.
#[component]
pub(crate) fn Empty(
    #[prop(into)] why: Signal<String>,
    #[prop(into, default = String::new().into())] next: Signal<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-why">{move || why.get()}</p>
            <p class="empty-next">{move || next.get()}</p>
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}

/// While something is fetched: nothing at first, then still grey bars, then how long it takes.
#[component]
pub(crate) fn Loading() -> impl IntoView {
    let i18n = use_i18n();
    let stage = RwSignal::new(0_u32);
    let soon = set_timeout_with_handle(
        move || {
            let _gone = stage.try_set(1);
        },
        Duration::from_millis(150),
    );
    let later = set_interval_with_handle(
        move || {
            let _gone = stage.try_update(|stage| *stage += 1);
        },
        Duration::from_secs(1),
    );
    on_cleanup(move || {
        if let Ok(soon) = soon {
            soon.clear();
        }
        if let Ok(later) = later {
            later.clear();
        }
    });
    move || match stage.get() {
        0 => ().into_any(),
        stage => view! {
            <div class="loading" role="status">
                <i></i><i></i><i></i>
                {(stage > 2).then(|| view! { <span>{t!(i18n, words.waiting_s, n = stage - 1)}</span> })}
            </div>
        }
        .into_any(),
    }
}

/// A remark in its place, neutral and bold with a `!` where it is a fault.
#[component]
pub(crate) fn Notice(
    #[prop(into)] text: Signal<String>,
    #[prop(default = false)] is_fault: bool,
    #[prop(optional)] on_close: Option<Callback<()>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let class = if is_fault { "notice fault" } else { "notice" };
    view! {
        <div class=class role=if is_fault { "alert" } else { "status" } data-testid="notice">
            {is_fault.then(|| view! { <b class="bang" aria-hidden="true">"!"</b> })}
            <span>{move || text.get()}</span>
            {on_close.map(|on_close| view! {
                <button class="plain" on:click=move |_| on_close.run(())>{t!(i18n, words.close)}</button>
            })}
        </div>
    }
    .into_any()
}
