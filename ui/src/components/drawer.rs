//! The drawer beside what it was opened from, and the button that closes it. Must not know what is in it.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::i18n::{t_string, use_i18n};
use crate::page;

/// The drawer's frame: its head with the button that closes it, and what is below; Escape closes it too, unless
/// something in it took the key.
#[component]
pub(crate) fn Drawer(
    /// `wide` or `wider`.
    class: &'static str,
    /// What it is called where it is read out.
    label: Signal<String>,
    /// Name for tests.
    testid: &'static str,
    /// Its heading, and what stands beside it.
    head: AnyView,
    /// Where the focus goes on Escape, as a selector.
    #[prop(optional)]
    back_to: Option<&'static str>,
    on_close: Callback<()>,
    children: Children,
) -> impl IntoView {
    view! {
        <aside
            class=format!("drawer {class}")
            tabindex="-1"
            aria-label=move || label.get()
            data-testid=testid
            on:keydown=move |event| {
                if event.key() == "Escape" && !event.default_prevented() {
                    event.prevent_default();
                    on_close.run(());
                    if let Some(back_to) = back_to {
                        page::focus(back_to);
                    }
                }
            }
        >
            <div class="drawer-head">
                {head}
                <CloseButton on_close=on_close/>
            </div>
            {children()}
        </aside>
    }
    .into_any()
}

/// Closes a drawer, or what is like one.
#[component]
pub(crate) fn CloseButton(on_close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <button
            class="plain"
            aria-label=move || t_string!(i18n, words.close)
            data-testid="close-drawer"
            on:click=move |_| on_close.run(())
        >
            <Icon glyph=Glyph::Close size=18/>
        </button>
    }
}
