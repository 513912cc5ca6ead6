//! The keyboard's map: what lists of alarms do with keys is read from the table that they go by.

use leptos::prelude::*;

use super::ScreenKeys;
use super::rail::is_shown;
use crate::components::Dialog;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::keys::{ALARM_LINES, LIST_LINES, ListDeed, ListLine, Screen};
use crate::state::use_app;

/// What stands on a key that the browser names so.
fn label(key: &'static str) -> &'static str {
    match key {
        "ArrowUp" => "↑",
        "ArrowDown" => "↓",
        "ArrowLeft" => "←",
        "ArrowRight" => "→",
        "PageUp" => "Page ↑",
        "PageDown" => "Page ↓",
        " " => "Space",
        other => other,
    }
}

fn word(deed: ListDeed, locale: Locale) -> &'static str {
    match deed {
        ListDeed::Move => td_string!(locale, frame.key_move),
        ListDeed::Ends => td_string!(locale, frame.key_ends),
        ListDeed::Page => td_string!(locale, frame.key_page),
        ListDeed::Tick => td_string!(locale, frame.key_tick),
        ListDeed::Open => td_string!(locale, frame.key_open),
        ListDeed::Acknowledge => td_string!(locale, frame.key_ack),
        ListDeed::AcknowledgeSeen => td_string!(locale, frame.key_ack_seen),
        ListDeed::Comment => td_string!(locale, frame.key_comment),
        ListDeed::Shelve => td_string!(locale, frame.key_shelve),
        ListDeed::Unshelve => td_string!(locale, frame.key_unshelve),
        ListDeed::Service => td_string!(locale, frame.key_service),
        ListDeed::Reset => td_string!(locale, frame.key_reset),
        ListDeed::Trend => td_string!(locale, frame.key_trend),
        ListDeed::Map => td_string!(locale, frame.key_to_map),
        ListDeed::NextByRank => td_string!(locale, frame.key_next),
        ListDeed::TakeIn => td_string!(locale, frame.key_take_in),
        ListDeed::Fold => td_string!(locale, floods.key_fold),
        ListDeed::Cure => td_string!(locale, frame.key_cure),
    }
}

#[component]
pub(crate) fn KeyMap() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let screens = Screen::ALL.into_iter().filter(move |screen| is_shown(app, *screen));
    let line = |keys: &'static [&'static str], word: AnyView| {
        let keys: Vec<_> = keys.iter().map(|key| view! { <kbd>{*key}</kbd>" " }).collect();
        view! { <span class="keys">{keys}</span> <span>{word}</span> }
    };
    let of_list = move |line: &'static ListLine| {
        let keys: Vec<_> = line.keys.iter().map(|key| view! { <kbd>{label(key)}</kbd>" " }).collect();
        view! { <span class="keys">{keys}</span> <span>{move || word(line.deed, i18n.get_locale())}</span> }
    };
    view! {
        <Dialog
            title=Signal::derive(move || t_string!(i18n, frame.keyboard).to_owned())
            on_close=Callback::new(move |()| app.overlay.set(None))
            class="wide"
            testid="key-map"
        >
            <div class="dialog-body key-map">
                <section>
                    <h3>{t!(i18n, frame.keys_everywhere)}</h3>
                    <div class="key-lines">
                        {line(&["F8"], t!(i18n, frame.silence_tip).into_any())}
                        {line(&["F9"], t!(i18n, frame.key_ack_first).into_any())}
                        {line(&["Ctrl", "K"], t!(i18n, frame.key_go_to).into_any())}
                        {line(&["F6"], t!(i18n, frame.key_region).into_any())}
                        {line(&["/"], t!(i18n, frame.key_filter).into_any())}
                        {line(&["Esc"], t!(i18n, frame.key_back).into_any())}
                        {line(&["?"], t!(i18n, frame.key_map).into_any())}
                    </div>
                    <h3>{t!(i18n, frame.screens)}</h3>
                    <div class="key-lines">
                        {screens.map(|screen| view! { <ScreenKeys screen=screen/> }).collect_view()}
                    </div>
                </section>
                <section>
                    <h3>{t!(i18n, frame.keys_lists)}</h3>
                    <div class="key-lines">
                        {LIST_LINES.iter().map(of_list).collect_view()}
                        {line(&["Shift", "↑", "↓"], t!(i18n, frame.key_extend).into_any())}
                        {line(&["Ctrl", "A"], t!(i18n, frame.key_tick_all).into_any())}
                    </div>
                    <h3>{t!(i18n, frame.keys_alarms)}</h3>
                    <div class="key-lines">
                        {ALARM_LINES.iter().map(of_list).collect_view()}
                        {line(&["Ctrl", "Enter"], t!(i18n, frame.key_commit).into_any())}
                    </div>
                </section>
                <section>
                    <h3>{t!(i18n, frame.keys_trends)}</h3>
                    <div class="key-lines">
                        {line(&["←", "→"], t!(i18n, frame.key_cursor).into_any())}
                        {line(&["Enter"], t!(i18n, frame.key_pin).into_any())}
                        {line(&["Shift", "←", "→"], t!(i18n, frame.key_pan).into_any())}
                        {line(&["+", "−"], t!(i18n, frame.key_zoom).into_any())}
                        {line(&["L"], t!(i18n, frame.key_live).into_any())}
                        {line(&["P"], t!(i18n, frame.key_pen).into_any())}
                        {line(&["1–8"], t!(i18n, frame.key_show_pen).into_any())}
                        {line(&["Shift", "T"], t!(i18n, frame.key_table).into_any())}
                    </div>
                    <h3>{t!(i18n, frame.keys_map)}</h3>
                    <div class="key-lines">
                        {line(&["←", "↑", "→", "↓"], t!(i18n, frame.key_pan).into_any())}
                        {line(&["+", "−"], t!(i18n, frame.key_zoom).into_any())}
                        {line(&["0"], t!(i18n, frame.key_whole).into_any())}
                        {line(&["Tab"], t!(i18n, frame.key_next_asset).into_any())}
                        {line(&["N"], t!(i18n, frame.key_next_map).into_any())}
                        {line(&["W"], t!(i18n, frame.key_near).into_any())}
                        {line(&["Enter"], t!(i18n, frame.key_drawer).into_any())}
                        {line(&["T"], t!(i18n, frame.key_trend).into_any())}
                        {line(&["Shift", "T"], t!(i18n, frame.key_table).into_any())}
                    </div>
                </section>
            </div>
        </Dialog>
    }
    .into_any()
}
