//! What alarms have to do with operator positions: the list where all that is listed is outside, and the choice of the
//! position that figures are of.

use leptos::prelude::*;

use crate::components::{Choice, Empty, Select};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

/// Nothing of one's own is listed, though something of others is.
#[component]
pub(super) fn NoneOwn() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let why = Signal::derive(move || t_string!(i18n, positions.none_own).to_owned());
    let next = Signal::derive(move || t_string!(i18n, positions.none_own_next, n = app.desk.outside.get().all));
    view! {
        <Empty why=why next=next>
            <button data-testid="show-all" on:click=move |_| app.desk.shows_all.set(true)>
                {t!(i18n, positions.show_all)}
            </button>
        </Empty>
    }
}

/// All positions, or one; nothing where there are none.
#[component]
pub(super) fn PositionChoice(position: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    // Who attends them is no reason to draw the choice anew.
    let named = Memo::new(move |_| {
        app.desk.all.with(|all| {
            let named = all.iter().map(|view| (view.position.id, view.position.name.clone()));
            named.collect::<Vec<_>>()
        })
    });
    let choices = Signal::derive(move || {
        let all = Choice::new("", t_string!(i18n, positions.all_positions));
        let each = named.get().into_iter().map(|(id, name)| Choice::new(id.to_string(), name));
        std::iter::once(all).chain(each).collect::<Vec<_>>()
    });
    let label = Signal::derive(move || t_string!(i18n, positions.position).to_owned());
    // One that is chosen stays in sight until another is, also where the last one was removed.
    let is_there =
        Memo::new(move |_| named.with(|named| !named.is_empty()) || position.with(|chosen| !chosen.is_empty()));
    move || {
        is_there.get().then(|| view! { <Select id="analysis-position" label=label value=position choices=choices/> })
    }
}
