//! The status bar: how the station fares, in one line on every screen.

use leptos::prelude::*;
use penstock_api::DatabaseState;

use crate::components::Kbd;
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{Link, Overlay, use_app};

#[component]
pub(crate) fn StatusBar() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let station = move || app.card.with(|card| card.as_ref().map(|card| card.station.clone()));
    let parts = move || {
        let locale = i18n.get_locale();
        let status = app.status.get()?;
        let is_short = status.sources_up < status.sources_total;
        let brokers = t_string!(i18n, frame.brokers, up = status.sources_up, all = status.sources_total);
        let rate = t_string!(i18n, frame.rate, n = format::number(status.samples_per_sec, 0, locale));
        let queue = t_string!(i18n, frame.queue, n = format::count(status.queue.into(), locale));
        let spool = t_string!(i18n, frame.spool, size = format::bytes(status.spool_bytes, locale));
        let (database, is_away) = match status.database {
            DatabaseState::Up { commit_ms } => {
                (t_string!(i18n, frame.database_ms, ms = format::number(commit_ms, 0, locale)), false)
            }
            DatabaseState::Away { since } => {
                let age = format::age(app.now.get().since(since), locale);
                let waiting = format::count(status.spool_waiting, locale);
                (t_string!(i18n, frame.database_away, age = age, n = waiting), true)
            }
        };
        Some(view! {
            <span class:firm=is_short>{brokers}</span>
            <span data-testid="rate">{rate}</span>
            <span>{queue}</span>
            <span>{spool}</span>
            <span class:firm=is_away>{database}</span>
        })
    };
    let link = move || match app.link.get() {
        _ if app.session.with(Option::is_none) => ().into_any(),
        Link::Up => view! { <span data-testid="live">{t!(i18n, frame.live)}</span> }.into_any(),
        Link::Opening => view! { <span>{t!(i18n, frame.opening)}</span> }.into_any(),
        Link::Away(_) => view! { <span class="firm">{t!(i18n, frame.away)}</span> }.into_any(),
    };
    view! {
        <footer class="status" aria-label=move || t_string!(i18n, frame.status)>
            <span><b>{station}</b></span>
            {parts}
            <div class="status-end">
                {link}
                <button class="plain" data-testid="keys" on:click=move |_| app.overlay.set(Some(Overlay::Keys))>
                    <Kbd keys="?"/> {t!(i18n, frame.keys)}
                </button>
            </div>
        </footer>
    }
    .into_any()
}
