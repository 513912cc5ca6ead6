//! The keyboard's map.

use leptos::prelude::*;

use super::ScreenKeys;
use super::rail::is_shown;
use crate::components::Dialog;
use crate::i18n::{t, t_string, use_i18n};
use crate::keys::Screen;
use crate::state::use_app;

#[component]
pub(crate) fn KeyMap() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let screens = Screen::ALL.into_iter().filter(move |screen| is_shown(app, *screen));
    let line = |keys: &'static [&'static str], word: AnyView| {
        let keys: Vec<_> = keys.iter().map(|key| view! { <kbd>{*key}</kbd>" " }).collect();
        view! { <span class="keys">{keys}</span> <span>{word}</span> }
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
                        {line(&["J", "K", "↑", "↓"], t!(i18n, frame.key_move).into_any())}
                        {line(&["Home", "End"], t!(i18n, frame.key_ends).into_any())}
                        {line(&["X"], t!(i18n, frame.key_tick).into_any())}
                        {line(&["Shift", "↑", "↓"], t!(i18n, frame.key_extend).into_any())}
                        {line(&["Ctrl", "A"], t!(i18n, frame.key_tick_all).into_any())}
                        {line(&["Enter", "Space"], t!(i18n, frame.key_open).into_any())}
                    </div>
                    <h3>{t!(i18n, frame.keys_alarms)}</h3>
                    <div class="key-lines">
                        {line(&["A"], t!(i18n, frame.key_ack).into_any())}
                        {line(&["V"], t!(i18n, frame.key_ack_seen).into_any())}
                        {line(&["C"], t!(i18n, frame.key_comment).into_any())}
                        {line(&["S"], t!(i18n, frame.key_shelve).into_any())}
                        {line(&["U"], t!(i18n, frame.key_unshelve).into_any())}
                        {line(&["O"], t!(i18n, frame.key_service).into_any())}
                        {line(&["E"], t!(i18n, frame.key_reset).into_any())}
                        {line(&["T"], t!(i18n, frame.key_trend).into_any())}
                        {line(&["M"], t!(i18n, frame.key_to_map).into_any())}
                        {line(&["N"], t!(i18n, frame.key_next).into_any())}
                        {line(&["R"], t!(i18n, frame.key_take_in).into_any())}
                        {line(&["→", "←"], t!(i18n, floods.key_fold).into_any())}
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
