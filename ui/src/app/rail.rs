//! The way to every screen that the person may see: icon and word.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use penstock_model::Permission;

use super::screen_name;
use crate::components::{Glyph, Icon};
use crate::i18n::{t_string, use_i18n};
use crate::keys::Screen;
use crate::state::{App, use_app};

/// Whether the person gets to see a screen at all.
pub(crate) fn is_shown(app: App, screen: Screen) -> bool {
    !screen.is_for_settling() || app.may(Permission::AdministerStation) || app.may(Permission::SetLimits)
}

const fn glyph(screen: Screen) -> Glyph {
    match screen {
        Screen::Overview => Glyph::Overview,
        Screen::Map => Glyph::Map,
        Screen::Trends => Glyph::Trends,
        Screen::Alarms => Glyph::Alarms,
        Screen::Points => Glyph::Points,
        Screen::Health => Glyph::Health,
        Screen::Settings => Glyph::Settings,
    }
}

#[component]
pub(crate) fn Rail() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let path = use_location().pathname;
    let here = Memo::new(move |_| path.with(|path| Screen::at(path)));
    let item = move |screen: Screen| {
        let keys = format!("G {}", screen.letter());
        let notices = move || {
            let count = app.status.with(|status| status.as_ref().map_or(0, |status| status.notices));
            (screen == Screen::Health && count > 0)
                .then(|| view! { <b class="rail-bang" title=t_string!(i18n, frame.notices_n, n = count)>"!"</b> })
        };
        view! {
            <a
                href=screen.path()
                class="rail-item"
                title=keys
                data-testid=format!("rail-{}", screen.path().trim_start_matches('/'))
                aria-current=move || (here.get() == Some(screen)).then_some("page")
            >
                <span class="rail-icon"><Icon glyph=glyph(screen) size=22/>{notices}</span>
                <span class="rail-word">{move || screen_name(screen, i18n.get_locale())}</span>
            </a>
        }
    };
    let shown = move || Screen::ALL.into_iter().filter(move |screen| is_shown(app, *screen));
    // Work above, the station below, as in the rest of the field.
    let is_below = |screen: &Screen| matches!(screen, Screen::Health | Screen::Settings);
    view! {
        <nav class="rail" aria-label=move || t_string!(i18n, frame.screens)>
            {move || shown().filter(|screen| !is_below(screen)).map(item).collect_view()}
            <span class="rail-gap"></span>
            {move || shown().filter(is_below).map(item).collect_view()}
        </nav>
    }
    .into_any()
}
