//! A dialog over the screens, below the banner: the rest is out of reach while it is open, and the focus returns after.

use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;

use super::Kbd;
use crate::i18n::{t, use_i18n};
use crate::page;

/// The dialog's frame.
#[component]
pub(crate) fn Dialog(
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// What closes it.
    on_close: Callback<()>,
    /// What Ctrl+Enter does.
    #[prop(optional)]
    on_commit: Option<Callback<()>>,
    /// `wide` for tables.
    #[prop(default = "")]
    class: &'static str,
    /// Name for tests.
    testid: &'static str,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let body = NodeRef::<Div>::new();
    let former = StoredValue::new_local(page::focused());
    Effect::new(move || {
        if body.get().is_some() {
            // The first field, else the dialog itself.
            if !page::focus(".dialog [autofocus], .dialog textarea, .dialog input:not([type=checkbox])") {
                page::focus(".dialog");
            }
        }
    });
    on_cleanup(move || {
        if let Some(Some(former)) = former.try_get_value() {
            drop(former.focus());
        }
    });
    let keys = window_event_listener(ev::keydown, move |event| match event.key().as_str() {
        "Escape" => {
            event.prevent_default();
            on_close.run(());
        }
        "Enter" if event.ctrl_key() || event.meta_key() => {
            event.prevent_default();
            if let Some(on_commit) = on_commit {
                on_commit.run(());
            }
        }
        _ => {}
    });
    on_cleanup(move || keys.remove());
    view! {
        <div class="scrim">
            <div
                class=format!("dialog {class}")
                node_ref=body
                role="dialog"
                aria-modal="true"
                aria-label=move || title.get()
                tabindex="-1"
                data-testid=testid
            >
                <div class="dialog-head">
                    <h2>{move || title.get()}</h2>
                    <button class="plain" on:click=move |_| on_close.run(())>
                        <Kbd keys="Esc"/> {t!(i18n, words.close_lower)}
                    </button>
                </div>
                {children()}
            </div>
        </div>
    }
    .into_any()
}
