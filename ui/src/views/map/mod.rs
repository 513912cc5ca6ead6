//! The map. `/map?site=ID`, `?point=ID`, `?asset=ID` select; `/map?pick=POINT_ID` picks a place for a point and leads back
//! to `/points?point=POINT_ID&at=LAT,LON`.

use leptos::prelude::*;

use crate::app::Head;
use crate::components::Loading;
use crate::i18n::{t_string, use_i18n};

#[component]
pub(crate) fn Map() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Head title=Signal::derive(move || t_string!(i18n, frame.map).to_owned())/>
        <div class="content"><Loading/></div>
    }
    .into_any()
}
