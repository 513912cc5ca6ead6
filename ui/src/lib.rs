//! The screens of the control room: one build for the desktop window and for any browser. Everything they know comes
//! over `backend` as the types of `penstock-api`; they must not know how a station works inside.

#![expect(unreachable_pub, reason = "the component macro makes its types public, whatever the component is")]

mod app;
mod backend;
mod canvas;
mod components;
mod format;
mod keys;
mod page;
mod sound;
mod state;
mod theme;
mod views;
mod words;

/// The keys of all texts, made from `locales/` by the build script.
mod keys_of_texts {
    include!(concat!(env!("OUT_DIR"), "/i18n.rs"));
}

use keys_of_texts::i18n;

/// Puts the screens on the page.
pub fn start() {
    console_error_panic_hook::set_once();
    theme::adopt();
    leptos::mount::mount_to_body(app::Root);
}
