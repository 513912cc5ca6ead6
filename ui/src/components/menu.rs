//! A button with a menu below it. Must not know what is in the menu.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::page;

/// A button that opens a menu and closes it; a click beside the menu closes it too, and so does Escape, which gives the
/// focus back to the button.
#[component]
pub(crate) fn MenuButton(
    /// Class and name for tests of the two together; the menu's is the same with `-menu`.
    name: &'static str,
    /// The button's class.
    class: &'static str,
    /// What the menu is called where it is read out.
    label: Signal<String>,
    /// What the button says under the pointer.
    #[prop(optional)]
    tip: Option<Signal<String>>,
    /// What stands on the button.
    face: AnyView,
    /// Draws what is in the menu, given what closes it.
    menu: Callback<Callback<()>, AnyView>,
) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let close = Callback::new(move |()| {
        is_open.set(false);
        page::focus(&format!(".{name} > button"));
    });
    let close_on_escape = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" && is_open.get_untracked() {
            close.run(());
        }
    };
    let shown = move || {
        is_open.get().then(|| {
            view! {
                <div class="menu-ground" on:click=move |_| is_open.set(false)></div>
                <div class="menu" role="group" aria-label=move || label.get() data-testid=format!("{name}-menu")>
                    {menu.run(close)}
                </div>
            }
        })
    };
    view! {
        <div class=name on:keydown=close_on_escape>
            <button
                class=class
                data-testid=name
                title=move || tip.map(|tip| tip.get())
                aria-haspopup="true"
                aria-expanded=move || is_open.get().to_string()
                on:click=move |_| is_open.update(|is_open| *is_open = !*is_open)
            >
                {face}
                <Icon glyph=Glyph::Down size=12/>
            </button>
            {shown}
        </div>
    }
    .into_any()
}
