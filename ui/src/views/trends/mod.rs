//! Trends. `/trends?points=ID,ID&at=MICROS` shows these pens around that moment.

use leptos::prelude::*;

use crate::app::Head;
use crate::components::Loading;
use crate::i18n::{t_string, use_i18n};

#[component]
pub(crate) fn Trends() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Head title=Signal::derive(move || t_string!(i18n, frame.trends).to_owned())/>
        <div class="content"><Loading/></div>
    }
    .into_any()
}
