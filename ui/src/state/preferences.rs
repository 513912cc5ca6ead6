//! Theme, language and sound: shown at once, kept with the person, and on this machine for the sign-in screen.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{Language, Preferences, SavePreferences, SoundChoice, ThemeChoice};
use penstock_theme::Mode;

use super::App;
use crate::i18n::Locale;
use crate::page::{self, Store};

const THEME_KEY: &str = "penstock.theme";
const LANGUAGE_KEY: &str = "penstock.language";
const VOLUME_KEY: &str = "penstock.volume";
const LIGHT_QUERY: &str = "(prefers-color-scheme: light)";

/// Shows `theme` from now on, and keeps it.
pub(crate) fn set_theme(app: App, theme: ThemeChoice) {
    show_theme(app, theme);
    save(app);
}

/// Speaks `language` from now on, and keeps it.
pub(crate) fn set_language(app: App, language: Language) {
    show_language(app, language);
    save(app);
}

/// Has alarms heard like this from now on, and keeps it.
pub(crate) fn set_sound(app: App, sound: SoundChoice) {
    hear(app, sound);
    save(app);
}

/// How loud was chosen on this machine last; before anybody has signed in, alarms are heard.
pub(super) fn kept_sound() -> SoundChoice {
    let usual = SoundChoice::default();
    let volume = page::kept(Store::Machine, VOLUME_KEY).and_then(|volume| volume.parse().ok());
    SoundChoice { volume: volume.unwrap_or(usual.volume), ..usual }
}

/// The theme that was chosen on this machine last.
pub(super) fn kept_theme() -> ThemeChoice {
    match page::kept(Store::Machine, THEME_KEY).as_deref() {
        Some("dark") => ThemeChoice::Dark,
        Some("light") => ThemeChoice::Light,
        _ => ThemeChoice::System,
    }
}

/// What is shown for a choice.
pub(super) fn mode_of(theme: ThemeChoice) -> Mode {
    match theme {
        ThemeChoice::Dark => Mode::Dark,
        ThemeChoice::Light => Mode::Light,
        ThemeChoice::System if page::matches(LIGHT_QUERY) => Mode::Light,
        ThemeChoice::System => Mode::Dark,
    }
}

/// Puts theme and language of this machine on the page.
pub(super) fn set_up(app: App) {
    show_theme(app, kept_theme());
    if page::kept(Store::Machine, LANGUAGE_KEY).as_deref() == Some("hi") {
        show_language(app, Language::Hi);
    } else {
        show_language(app, Language::En);
    }
    page::on_media(LIGHT_QUERY, move |_| {
        if let Some(theme) = app.theme.try_get_untracked() {
            show_theme(app, theme);
        }
    });
}

/// Takes over what a person prefers.
pub(super) fn adopt(app: App, preferences: &Preferences) {
    show_theme(app, preferences.theme);
    show_language(app, preferences.language);
    hear(app, preferences.sound);
}

fn hear(app: App, sound: SoundChoice) {
    page::keep(Store::Machine, VOLUME_KEY, Some(&sound.volume.to_string()));
    app.sound.set(sound);
}

fn show_theme(app: App, theme: ThemeChoice) {
    let mode = mode_of(theme);
    page::set_root("data-theme", mode.name());
    let kept = match theme {
        ThemeChoice::System => None,
        ThemeChoice::Dark => Some("dark"),
        ThemeChoice::Light => Some("light"),
    };
    page::keep(Store::Machine, THEME_KEY, kept);
    app.theme.set(theme);
    app.mode.set(mode);
}

fn show_language(app: App, language: Language) {
    let (locale, name) = match language {
        Language::En => (Locale::en, "en"),
        Language::Hi => (Locale::hi, "hi"),
    };
    page::set_root("lang", name);
    page::keep(Store::Machine, LANGUAGE_KEY, Some(name));
    app.i18n.set_locale(locale);
}

fn save(app: App) {
    let language = match app.i18n.get_locale_untracked() {
        Locale::en => Language::En,
        Locale::hi => Language::Hi,
    };
    let (theme, sound) = (app.theme.get_untracked(), app.sound.get_untracked());
    let mut preferences = None;
    app.session.update(|session| {
        if let Some(session) = session {
            session.preferences.theme = theme;
            session.preferences.language = language;
            session.preferences.sound = sound;
            preferences = Some(session.preferences.clone());
        }
    });
    if let Some(preferences) = preferences {
        spawn_local(async move {
            let _told = app.ask_for(SavePreferences { preferences }).await;
        });
    }
}
