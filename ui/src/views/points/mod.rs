//! Points and assets.

use leptos::prelude::*;
use penstock_model::PointId;

use crate::app::Head;
use crate::components::Loading;
use crate::i18n::{t_string, use_i18n};

#[component]
pub(crate) fn Points() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Head title=Signal::derive(move || t_string!(i18n, frame.points).to_owned())/>
        <div class="content"><Loading/></div>
    }
    .into_any()
}

#[component]
pub(crate) fn AdoptMany(points: Vec<PointId>) -> impl IntoView {
    drop(points);
}

#[component]
pub(crate) fn ImportPoints() -> impl IntoView {}
