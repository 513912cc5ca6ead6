//! The drawer that a part of the settings is changed in, and its rows that can be taken out. Must not know what is
//! changed.

use leptos::prelude::*;

use crate::components::{Drawer, Glyph, Icon, Notice};

/// A form with its heading, what is wrong with it, and what can be done; Escape closes it.
#[component]
pub(super) fn FormDrawer(
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// Name for tests.
    testid: &'static str,
    /// What its first button does, and Enter in a field.
    on_submit: Callback<()>,
    /// Told whether anything was changed.
    on_close: Callback<bool>,
    /// What the station said against it.
    fault: RwSignal<Option<String>>,
    /// The buttons.
    actions: AnyView,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let head = view! { <div><h2>{move || title.get()}</h2></div> }.into_any();
    let close = Callback::new(move |()| on_close.run(false));
    view! {
        <Drawer class="wider" label=title testid=testid head=head on_close=close>
            <form
                class="drawer-section first point-form"
                novalidate=true
                on:submit=move |event| {
                    event.prevent_default();
                    on_submit.run(());
                }
            >
                {children()}
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
                <div class="drawer-actions form-actions">{actions}</div>
            </form>
        </Drawer>
    }
    .into_any()
}

/// Fields in a row, and a bin that takes it out.
#[component]
pub(super) fn RowWithBin(
    class: &'static str,
    /// What the bin is called.
    #[prop(into)]
    label: Signal<String>,
    on_remove: Callback<()>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class=class>
            {children()}
            <button type="button" class="icon-only" aria-label=move || label.get() on:click=move |_| on_remove.run(())>
                <Icon glyph=Glyph::Bin/>
            </button>
        </div>
    }
    .into_any()
}
