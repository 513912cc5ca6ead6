//! Sign-in, the first admin of a new installation, and what stands there before the station has answered.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{CreateFirstAdmin, DatabaseState, DemoPerson, Session, SignIn as SignInCall};

use crate::app::{Mark, ThemeAndLanguage};
use crate::components::{Glyph, Icon, Kbd, Notice, TextField};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{Start, use_app};
use crate::words;

/// The least length of a password.
const PASSWORD_LETTERS: usize = 12;

/// Before the station has answered.
#[component]
pub(crate) fn Starting() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let said = move || match app.start.get() {
        Start::Unreached(why) => {
            let text = t_string!(i18n, signin.unreached, why = why);
            view! { <Notice text=text is_fault=true/> }.into_any()
        }
        Start::Asking | Start::Done => view! { <p class="starting-word">{t!(i18n, signin.starting)}</p> }.into_any(),
    };
    view! { <main class="starting" role="status"><Mark size=64/>{said}</main> }.into_any()
}

/// Where there is no such screen.
#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <div class="content">
            <div class="empty">
                <p class="empty-why">{t!(i18n, signin.nowhere)}</p>
                <p class="empty-next"><a href="/">{t!(i18n, frame.overview)}</a></p>
            </div>
        </div>
    }
}

/// Signed out: how the station fares at the left, the form at the right.
#[component]
pub(crate) fn SignIn() -> impl IntoView {
    let app = use_app();
    let is_first = Memo::new(move |_| app.card.with(|card| card.as_ref().is_some_and(|card| card.first_start)));
    let form = move || {
        if is_first.get() { view! { <FirstAdmin/> }.into_any() } else { view! { <Form/> }.into_any() }
    };
    view! {
        <main class="sign-in" data-testid="sign-in">
            <section class="sign-in-station"><StationLines/></section>
            <section class="sign-in-form"><div class="sign-in-column">{form}</div></section>
        </main>
    }
    .into_any()
}

/// How the station fares, as far as anyone may know.
#[component]
fn StationLines() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let who = move || {
        app.card.with(|card| {
            let card = card.as_ref()?;
            let plant = card.plant.clone();
            let station = card.station.clone();
            Some(t_string!(i18n, signin.plant_station, plant = plant, station = station))
        })
    };
    let lines = move || {
        let locale = i18n.get_locale();
        let status = app.status.get()?;
        let rate = format::number(status.samples_per_sec, 0, locale);
        let live = t_string!(i18n, signin.live_line, n = rate, up = status.sources_up, all = status.sources_total);
        let (database, database_is_up) = match status.database {
            DatabaseState::Up { commit_ms } => {
                (t_string!(i18n, signin.database_up, ms = format::number(commit_ms, 0, locale)), true)
            }
            DatabaseState::Away { since } => {
                let age = format::age(app.now.get().since(since), locale);
                (t_string!(i18n, signin.database_away, age = age), false)
            }
        };
        let spool = t_string!(
            i18n,
            signin.spool_line,
            size = format::bytes(status.spool_bytes, locale),
            n = format::count(status.spool_waiting, locale)
        );
        let alarms = match app.counts.with(|counts| counts.active.iter().sum::<u32>()) {
            0 => t_string!(i18n, signin.no_alarms).to_owned(),
            1 => t_string!(i18n, signin.one_alarm).to_owned(),
            n => t_string!(i18n, signin.n_alarms, n = n),
        };
        let version = app.card.with(|card| card.as_ref().map(|card| card.version.clone())).unwrap_or_default();
        let line = |is_well: bool, name: AnyView, text: String| {
            let mark = if is_well {
                view! { <Icon glyph=Glyph::Check size=14/> }.into_any()
            } else {
                view! { <b class="bang" aria-hidden="true">"!"</b> }.into_any()
            };
            view! { <tr class:firm=!is_well><td>{mark}</td><th scope="row">{name}</th><td>{text}</td></tr> }
        };
        let sources_are_up = status.sources_up == status.sources_total && status.sources_total > 0;
        Some(view! {
            {line(sources_are_up, t!(i18n, signin.live_data).into_any(), live)}
            {line(database_is_up, t!(i18n, signin.database).into_any(), database)}
            {line(true, t!(i18n, signin.spool).into_any(), spool)}
            {line(true, t!(i18n, frame.alarms).into_any(), alarms)}
            {line(true, t!(i18n, signin.version).into_any(), version)}
        })
    };
    view! {
        <div class="product">
            <Mark size=64/>
            <div>
                <p class="product-name">"Penstock"</p>
                <p class="product-plant">{who}</p>
            </div>
        </div>
        <p class="table-caption">{t!(i18n, signin.this_station)}</p>
        <table class="lines"><tbody>{lines}</tbody></table>
        <p class="remark">{t!(i18n, signin.always)}</p>
    }
    .into_any()
}

/// Name and password.
#[component]
fn Form() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let (name, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let shows = RwSignal::new(false);
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let enter = move |name: String, password: String| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        fault.set(None);
        spawn_local(async move {
            let reply = app.backend.call(None, SignInCall { name, password }).await;
            take_session(app, reply, fault);
            is_busy.try_set(false);
        });
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        enter(name.get_untracked().trim().to_lowercase(), password.get_untracked());
    };
    let use_person = move |person: &DemoPerson| {
        name.set(person.name.clone());
        password.set(person.password.clone());
        enter(person.name.clone(), person.password.clone());
    };
    let kind = move || if shows.get() { "text" } else { "password" };
    let is_incomplete = move || name.with(|name| name.trim().is_empty()) || password.with(String::is_empty);
    view! {
        <div class="sign-in-head">
            <h1>{t!(i18n, signin.sign_in)}</h1>
            <ThemeAndLanguage/>
        </div>
        <form on:submit=submit>
            <TextField
                id="name"
                label=Signal::derive(move || t_string!(i18n, signin.name).to_owned())
                value=name
                autocomplete="username"
                autofocus=true
            />
            <div class="field">
                <div class="field-top">
                    <label for="password">{t!(i18n, signin.password)}</label>
                    <button type="button" class="plain" on:click=move |_| shows.update(|shows| *shows = !*shows)>
                        {move || if shows.get() { t_string!(i18n, signin.hide) } else { t_string!(i18n, signin.show) }}
                    </button>
                </div>
                <input
                    id="password"
                    data-testid="password"
                    type=kind
                    autocomplete="current-password"
                    prop:value=move || password.get()
                    on:input=move |event| password.set(event_target_value(&event))
                />
            </div>
            {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            <button
                type="submit"
                class="accent wide tall"
                data-testid="submit"
                disabled=move || is_busy.get() || is_incomplete()
            >
                {t!(i18n, signin.sign_in)} <Kbd keys="Enter"/>
            </button>
        </form>
        <DemoPeople on_use=use_person/>
    }
    .into_any()
}

/// The demo plant's people with their passwords, where the station tells them.
#[component]
fn DemoPeople(on_use: impl Fn(&DemoPerson) + Copy + Send + Sync + 'static) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let people = Memo::new(move |_| {
        app.card.with(|card| card.as_ref().map(|card| card.demo_people.clone())).unwrap_or_default()
    });
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if crate::page::is_typing() || event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let at = event.key().parse::<usize>().ok().and_then(|digit| digit.checked_sub(1));
        let person = at.and_then(|at| people.with_untracked(|people| people.get(at).cloned()));
        if let Some(person) = person {
            on_use(&person);
        }
    });
    on_cleanup(move || keys.remove());
    let rows = move || {
        let locale = i18n.get_locale();
        let rows = people.get().into_iter().enumerate().map(move |(at, person)| {
            let roles: Vec<_> = person.roles.iter().map(|role| words::role(*role, locale)).collect();
            let label = t_string!(i18n, signin.use_person, name = person.full_name.clone());
            let name = person.name.clone();
            let chosen = person.clone();
            view! {
                <tr>
                    <th scope="row">{person.full_name.clone()}</th>
                    <td>{roles.join(", ")}</td>
                    <td><code>{person.password.clone()}</code></td>
                    <td>
                        <button
                            type="button"
                            class="small"
                            aria-label=label
                            data-testid=format!("use-{name}")
                            on:click=move |_| on_use(&chosen)
                        >
                            {t!(i18n, signin.use_short)}
                            <kbd>{at + 1}</kbd>
                        </button>
                    </td>
                </tr>
            }
        });
        rows.collect_view()
    };
    let table = move || {
        (!people.with(Vec::is_empty)).then(|| {
            view! {
                <div class="demo-people">
                    <p class="table-caption">
                        <span>{t!(i18n, signin.demo_people)}</span>
                        <span>{t!(i18n, signin.demo_note)}</span>
                    </p>
                    <table class="people"><tbody>{rows}</tbody></table>
                </div>
            }
        })
    };
    table.into_any()
}

/// The first admin of a new installation.
#[component]
fn FirstAdmin() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let (name, full_name) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (password, again) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let name_fault = Signal::derive(move || {
        let is_wrong = name.with(|name| !is_name(name) && !name.is_empty());
        is_wrong.then(|| t_string!(i18n, signin.name_rule).to_owned())
    });
    let password_fault = Signal::derive(move || {
        let letters = password.with(|password| password.chars().count());
        (1..PASSWORD_LETTERS)
            .contains(&letters)
            .then(|| t_string!(i18n, signin.password_rule, n = PASSWORD_LETTERS, have = letters))
    });
    let again_fault = Signal::derive(move || {
        let differs = again.with(|again| !again.is_empty() && password.with(|password| again != password));
        differs.then(|| t_string!(i18n, signin.password_differs).to_owned())
    });
    let is_complete = move || {
        name.with(|name| is_name(name))
            && full_name.with(|name| !name.trim().is_empty())
            && password.with(|password| password.chars().count() >= PASSWORD_LETTERS)
            && password.with(|password| again.with(|again| again == password))
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !is_complete() || is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        fault.set(None);
        let call = CreateFirstAdmin {
            name: name.get_untracked(),
            full_name: full_name.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
        };
        spawn_local(async move {
            let reply = app.backend.call(None, call).await;
            take_session(app, reply, fault);
            is_busy.try_set(false);
        });
    };
    view! {
        <div class="sign-in-head">
            <h1>{t!(i18n, signin.first_admin)}</h1>
            <ThemeAndLanguage/>
        </div>
        <p class="remark">{t!(i18n, signin.first_admin_why)}</p>
        <form on:submit=submit data-testid="first-admin">
            <TextField
                id="full-name"
                label=Signal::derive(move || t_string!(i18n, signin.full_name).to_owned())
                value=full_name
                autocomplete="name"
                autofocus=true
            />
            <TextField
                id="name"
                label=Signal::derive(move || t_string!(i18n, signin.name).to_owned())
                hint=Signal::derive(move || t_string!(i18n, signin.name_hint).to_owned())
                value=name
                fault=name_fault
                autocomplete="username"
            />
            <TextField
                id="password"
                kind="password"
                label=Signal::derive(move || t_string!(i18n, signin.password).to_owned())
                hint=Signal::derive(move || t_string!(i18n, signin.password_hint, n = PASSWORD_LETTERS))
                value=password
                fault=password_fault
                autocomplete="new-password"
            />
            <TextField
                id="password-again"
                kind="password"
                label=Signal::derive(move || t_string!(i18n, signin.password_again).to_owned())
                value=again
                fault=again_fault
                autocomplete="new-password"
            />
            {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            <button
                type="submit"
                class="accent wide tall"
                data-testid="submit"
                disabled=move || is_busy.get() || !is_complete()
            >
                {t!(i18n, signin.create)} <Kbd keys="Enter"/>
            </button>
        </form>
    }
    .into_any()
}

fn take_session(
    app: crate::state::App,
    reply: Result<Session, penstock_api::ApiError>,
    fault: RwSignal<Option<String>>,
) {
    match reply {
        Ok(session) => app.enter(session),
        Err(error) => {
            fault.try_set(Some(error.message));
        }
    }
}

/// Whether a name to sign in with is in order: lower-case letters, digits, dot, hyphen.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_letters_digits_dot_and_hyphen() {
        let check = |name: &str, is_right: bool| assert_eq!(is_name(name), is_right, "{name}");
        check("asha.verma", true);
        check("station-2", true);
        check("", false);
        check("Asha", false);
        check("a b", false);
    }
}
