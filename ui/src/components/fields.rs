//! Fields and choices of forms. An error of a field is neutral and bold with a `!`: alarm colours are for alarms alone.

use leptos::prelude::*;

use super::{Glyph, Icon, Kbd};
use crate::page;

/// A line of text with its label.
#[component]
pub(crate) fn TextField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    /// Name for tests and labels.
    id: &'static str,
    /// `text`, `password` or `number`.
    #[prop(default = "text")]
    kind: &'static str,
    /// What is wrong with it.
    #[prop(into, default = None.into())]
    fault: Signal<Option<String>>,
    /// What helps to fill it in.
    #[prop(into, default = String::new().into())]
    hint: Signal<String>,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(default = false)] autofocus: bool,
    #[prop(into, default = false.into())] disabled: Signal<bool>,
) -> impl IntoView {
    let class = move || if fault.with(Option::is_some) { "field has-fault" } else { "field" };
    let below = move || match fault.get() {
        Some(fault) => Some(view! { <span class="field-fault">"! " {fault}</span> }.into_any()),
        None => {
            let hint = hint.get();
            (!hint.is_empty()).then(|| view! { <span class="field-hint">{hint}</span> }.into_any())
        }
    };
    view! {
        <div class=class>
            <label for=id>{move || label.get()}</label>
            <input
                id=id
                type=kind
                data-testid=id
                autocomplete=autocomplete
                autofocus=autofocus
                spellcheck="false"
                disabled=move || disabled.get()
                aria-invalid=move || fault.with(Option::is_some).to_string()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            {below}
        </div>
    }
    .into_any()
}

/// A field that narrows a list.
#[component]
pub(crate) fn SearchField(#[prop(into)] label: Signal<String>, value: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="search">
            <Icon glyph=Glyph::Search/>
            <input
                type="search"
                class="filter"
                data-testid="filter"
                spellcheck="false"
                aria-label=move || label.get()
                placeholder=move || label.get()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        event.stop_propagation();
                        if value.with_untracked(String::is_empty) {
                            page::focus(".table-list");
                        }
                        value.set(String::new());
                    }
                }
            />
            <Kbd keys="/"/>
        </div>
    }
    .into_any()
}

/// One choice of several: its value, its word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What is kept.
    pub(crate) value: String,
    /// What is read.
    pub(crate) word: String,
}

impl Choice {
    /// A choice.
    pub(crate) fn new(value: impl Into<String>, word: impl Into<String>) -> Self {
        Self { value: value.into(), word: word.into() }
    }
}

/// One of many, in a menu.
#[component]
pub(crate) fn Select(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    /// Name for tests and labels.
    id: &'static str,
    /// Whether the label stands above, as in a form; else it is only read out.
    #[prop(default = false)]
    is_labelled: bool,
    #[prop(into, default = false.into())] disabled: Signal<bool>,
) -> impl IntoView {
    let options = move || {
        let chosen = value.get();
        let choices = choices.get().into_iter();
        choices
            .map(|choice| {
                let is_chosen = choice.value == chosen;
                view! { <option value=choice.value selected=is_chosen>{choice.word}</option> }
            })
            .collect_view()
    };
    let menu = view! {
        <div class="select">
            <select
                id=id
                data-testid=id
                aria-label=move || label.get()
                disabled=move || disabled.get()
                on:change=move |event| value.set(event_target_value(&event))
            >
                {options}
            </select>
            <Icon glyph=Glyph::Down size=14/>
        </div>
    };
    if is_labelled {
        view! { <div class="field"><label for=id>{move || label.get()}</label>{menu}</div> }.into_any()
    } else {
        menu.into_any()
    }
}

/// One of few, side by side.
#[component]
pub(crate) fn Segmented(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] value: Signal<String>,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    on_choose: Callback<String>,
) -> impl IntoView {
    let buttons = move || {
        let choices = choices.get().into_iter();
        choices
            .map(|choice| {
                let own = choice.value.clone();
                let is_chosen = Memo::new(move |_| value.get() == own);
                let own = choice.value.clone();
                view! {
                    <button
                        type="button"
                        data-testid=format!("choose-{}", choice.value)
                        aria-pressed=move || is_chosen.get().to_string()
                        on:click=move |_| on_choose.run(own.clone())
                    >
                        {choice.word}
                    </button>
                }
            })
            .collect_view()
    };
    view! { <div class="segmented" role="group" aria-label=move || label.get()>{buttons}</div> }.into_any()
}
