//! The alarms.

use leptos::prelude::*;
use penstock_model::RuleId;

use crate::app::Head;
use crate::components::Loading;
use crate::i18n::{t_string, use_i18n};

#[component]
pub(crate) fn Alarms() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Head title=Signal::derive(move || t_string!(i18n, frame.alarms).to_owned())/>
        <div class="content"><Loading/></div>
    }
    .into_any()
}

#[component]
pub(crate) fn Acknowledge(alarms: Vec<(RuleId, u64)>) -> impl IntoView {
    drop(alarms);
}

#[component]
pub(crate) fn Comment(rule: RuleId, occurrence: u64) -> impl IntoView {
    let _both = (rule, occurrence);
}
