//! The room: the frame around every screen, the keyboard, and which screen is shown. Must not know what is on a screen.

mod banner;
mod desk;
mod foot;
mod go_to;
mod key_map;
mod rail;

pub(crate) use banner::{Mark, ThemeAndLanguage};
pub(crate) use desk::{ScopeSwitch, priority_words, reach_words};
use leptos::ev;
use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::path;

use crate::components::Notice;
use crate::i18n::{I18nContextProvider, Locale, t_string, td_string, use_i18n};
use crate::keys::{Deed, Press, Screen, deed};
use crate::page;
use crate::sound;
use crate::state::{App, Link, Overlay, Start, use_app};
use crate::views;

/// All of it.
#[component]
pub(crate) fn Root() -> impl IntoView {
    view! {
        <I18nContextProvider enable_cookie=false set_dir_attr_on_html=false>
            <Room/>
        </I18nContextProvider>
    }
}

#[component]
fn Room() -> impl IntoView {
    let app = App::provide(use_i18n());
    let is_signed_in = Memo::new(move |_| app.session.with(Option::is_some));
    let has_started = Memo::new(move |_| app.start.get() == Start::Done);
    let inside = move || match (has_started.get(), is_signed_in.get()) {
        (true, true) => view! { <Screens/> }.into_any(),
        (true, false) => view! { <views::SignIn/> }.into_any(),
        (false, _) => view! { <views::Starting/> }.into_any(),
    };
    view! {
        <Router>
            <div
                class="frame"
                class:signed-out=move || !is_signed_in.get()
                data-testid="frame"
                data-link=move || match app.link.get() {
                    Link::Up => "up",
                    Link::Opening => "opening",
                    Link::Away(_) => "away",
                }
            >
                <banner::Banner/>
                <div class="under-banner" inert=move || app.overlay.with(Option::is_some)>
                    {inside}
                    <foot::StatusBar/>
                </div>
                <Overlays/>
                <div class="unseen" aria-live="assertive">
                    {move || app.announcement.with(|announcement| announcement.assertive.clone())}
                </div>
                <div class="unseen" aria-live="polite">
                    {move || app.announcement.with(|announcement| announcement.polite.clone())}
                </div>
            </div>
            <Keyboard/>
        </Router>
    }
}

/// The screens of a session.
#[component]
fn Screens() -> impl IntoView {
    let app = use_app();
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        // What was said on one screen is not about the next.
        if before.is_some_and(|before| before != path) {
            app.trouble.set(None);
            app.remark.set(None);
        }
        path
    });
    view! {
        <rail::Rail/>
        <main class="screen" tabindex="-1">
            <Routes fallback=|| view! { <views::Nowhere/> }>
                <Route path=path!("/") view=views::Overview/>
                <Route path=path!("/map") view=views::Map/>
                <Route path=path!("/trends") view=views::Trends/>
                <Route path=path!("/alarms") view=views::Alarms/>
                <Route path=path!("/points") view=views::Points/>
                <Route path=path!("/health") view=views::Health/>
                <Route path=path!("/settings") view=views::Settings/>
            </Routes>
        </main>
    }
    .into_any()
}

/// The head of a screen, with the bars that tell what is away and what went wrong.
#[component]
pub(crate) fn Head(
    /// The screen's name.
    #[prop(into)]
    title: Signal<String>,
    /// Scope and filters, at the left.
    #[prop(into, default = ViewFn::from(|| ()))]
    scope: ViewFn,
    /// Range and actions, at the right.
    #[prop(into, default = ViewFn::from(|| ()))]
    actions: ViewFn,
) -> impl IntoView {
    let app = use_app();
    Effect::new(move || {
        let plant = app.plant.with(|plant| plant.as_ref().map(|plant| plant.register.plant.name.clone()));
        page::set_title(&format!("{} · {}", title.get(), plant.as_deref().unwrap_or("Penstock")));
    });
    view! {
        <header class="head">
            <h1>{move || title.get()}</h1>
            <div class="head-scope">{scope.run()}</div>
            <div class="head-actions">{actions.run()}</div>
        </header>
        <Bars/>
    }
    .into_any()
}

#[component]
fn Bars() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let away = move || match app.link.get() {
        Link::Away(since) => {
            let at = app.zone.with(|zone| zone.clock(since));
            let text = t_string!(i18n, frame.offline, at = at);
            view! {
                <div class="bar" role="alert" data-testid="offline">
                    <b class="bang" aria-hidden="true">"!"</b>
                    <span>{text}</span>
                </div>
            }
            .into_any()
        }
        Link::Up | Link::Opening => ().into_any(),
    };
    let trouble = move || {
        app.trouble.get().map(|text| {
            view! { <Notice text=text is_fault=true on_close=Callback::new(move |()| app.trouble.set(None))/> }
        })
    };
    let remark = move || {
        app.remark.get().map(|text| {
            view! { <Notice text=text on_close=Callback::new(move |()| app.remark.set(None))/> }
        })
    };
    view! { {away} {trouble} {remark} }.into_any()
}

#[component]
fn Overlays() -> impl IntoView {
    let app = use_app();
    move || match app.overlay.get() {
        None => ().into_any(),
        Some(Overlay::Acknowledge(alarms)) => view! { <views::Acknowledge alarms=alarms/> }.into_any(),
        Some(Overlay::Comment(rule, occurrence)) => {
            view! { <views::Comment rule=rule occurrence=occurrence/> }.into_any()
        }
        Some(Overlay::Shelve(alarms)) => view! { <views::Shelve alarms=alarms/> }.into_any(),
        Some(Overlay::TakeOutOfService(rule)) => view! { <views::Service rule=rule is_out=true/> }.into_any(),
        Some(Overlay::ReturnToService(rule)) => view! { <views::Service rule=rule is_out=false/> }.into_any(),
        Some(Overlay::GoTo) => view! { <go_to::GoTo/> }.into_any(),
        Some(Overlay::Keys) => view! { <key_map::KeyMap/> }.into_any(),
        Some(Overlay::AdoptMany(points)) => view! { <views::AdoptMany points=points/> }.into_any(),
        Some(Overlay::ImportPoints) => view! { <views::ImportPoints/> }.into_any(),
        Some(Overlay::ImportValues) => view! { <views::ImportValues/> }.into_any(),
        Some(Overlay::ImportRules) => view! { <views::ImportRules/> }.into_any(),
        Some(Overlay::Decide(question)) => view! { <views::Decide question=question/> }.into_any(),
        Some(Overlay::RemoveRule(rule, title)) => view! { <views::RemoveRule rule=rule title=title/> }.into_any(),
    }
}

/// How long G waits for its letter.
const LETTER_MILLIS: u64 = 1_500;

/// The keys that work everywhere.
#[component]
fn Keyboard() -> impl IntoView {
    let app = use_app();
    let navigate = use_navigate();
    let location = use_location();
    let after_g = RwSignal::new(false);
    let pointer = window_event_listener(ev::pointerdown, |_| sound::wake());
    let listener = window_event_listener(ev::keydown, move |event| {
        sound::wake();
        if event.default_prevented() || event.is_composing() {
            return;
        }
        let is_signed_in = app.session.with_untracked(Option::is_some);
        let key = event.key();
        let press = Press {
            key: &key,
            ctrl: event.ctrl_key() || event.meta_key(),
            alt: event.alt_key(),
            typing: page::is_typing(),
            after_g: after_g.get_untracked(),
            in_dialog: app.overlay.with_untracked(Option::is_some),
        };
        after_g.set(false);
        let Some(deed) = deed(press) else { return };
        match deed {
            Deed::ShowKeys => app.overlay.set(Some(Overlay::Keys)),
            // A dialog closes itself, so that it can be asked first.
            Deed::Close => return,
            // Alarms are heard whether or not anybody is signed in.
            Deed::Silence => app.silence(),
            _ if !is_signed_in => return,
            Deed::AcknowledgeFirst => banner::acknowledge_first(app),
            Deed::GoTo => app.overlay.set(Some(Overlay::GoTo)),
            Deed::NextRegion => next_region(),
            Deed::AwaitLetter => {
                after_g.set(true);
                let forget = move || {
                    let _gone = after_g.try_set(false);
                };
                set_timeout(forget, std::time::Duration::from_millis(LETTER_MILLIS));
            }
            Deed::To(screen) => {
                if rail::is_shown(app, screen) && Screen::at(&location.pathname.get_untracked()) != Some(screen) {
                    navigate(screen.path(), Default::default());
                }
            }
            Deed::Filter => {
                page::focus("input.filter");
            }
        }
        event.prevent_default();
    });
    on_cleanup(move || {
        listener.remove();
        pointer.remove();
    });
}

/// The regions that F6 goes through, each with what takes the focus in it.
const REGIONS: [(&str, &str); 4] = [
    (".banner", ".banner a, .banner button"),
    (".rail", ".rail a[aria-current], .rail a"),
    (".content", ".content .table-list, .content a, .content button, .content [tabindex]"),
    (".drawer", ".drawer button, .drawer"),
];

fn next_region() {
    let now = page::focused();
    let inside = |region: &str| now.as_ref().is_some_and(|element| element.closest(region).ok().flatten().is_some());
    // The drawer lies inside the content, so the innermost region counts.
    let at = REGIONS.iter().rposition(|(region, _)| inside(region));
    let first = at.map_or(0, |at| at + 1);
    let order = (first..first + REGIONS.len()).map(|at| at % REGIONS.len());
    for (_, inner) in order.filter_map(|at| REGIONS.get(at)) {
        if page::focus(inner) {
            break;
        }
    }
}

/// The name of a screen.
pub(crate) fn screen_name(screen: Screen, locale: Locale) -> &'static str {
    match screen {
        Screen::Overview => td_string!(locale, frame.overview),
        Screen::Map => td_string!(locale, frame.map),
        Screen::Trends => td_string!(locale, frame.trends),
        Screen::Alarms => td_string!(locale, frame.alarms),
        Screen::Points => td_string!(locale, frame.points),
        Screen::Health => td_string!(locale, frame.health),
        Screen::Settings => td_string!(locale, frame.settings),
    }
}

/// A screen's letters as the key map shows them.
#[component]
pub(crate) fn ScreenKeys(screen: Screen) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <span class="keys"><kbd>"G"</kbd> <kbd>{screen.letter().to_string()}</kbd></span>
        <span>{move || screen_name(screen, i18n.get_locale())}</span>
    }
}
