//! The banner on every screen: how many alarms, the two worst that nobody has acknowledged, the clock, the person.
//! Signed out it tells counts only: names are for people who may see them.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use penstock_api::{AlarmView, Language, SoundChoice, ThemeChoice};
use penstock_model::{Permission, Priority, RuleId, Timestamp};

use super::desk::Desk;
use crate::components::{Badge, BadgeFill, Glyph, Icon, Kbd, MenuButton, fill_of};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::page;
use crate::state::{App, set_language, set_sound, set_theme, use_app};
use crate::words;

/// Lines in the banner.
const LINES: usize = 2;
/// How long the lines stay under a hand that rests: one that only lies there must not keep a new alarm from them.
const HOLD_AFTER_MOVE: Duration = Duration::from_secs(3);
/// A line that came more lately than this was not read before the key was pressed.
const GLANCE: Duration = Duration::from_millis(500);

/// The worst alarms that nobody has acknowledged, of those that are shown.
fn worst(app: App) -> Vec<Arc<AlarmView>> {
    app.desk.with_shown(|shown| shown.iter().filter(|view| !view.state.acknowledged).take(LINES).cloned().collect())
}

/// The lines while a hand is on them: what was shown and still waits stays, in its order; only the room below is filled.
fn under_the_hand(
    shown: &[Arc<AlarmView>],
    worst: &[Arc<AlarmView>],
    now: impl Fn(RuleId) -> Option<Arc<AlarmView>>,
) -> Vec<Arc<AlarmView>> {
    let still = |line: &Arc<AlarmView>| {
        let same = |view: &Arc<AlarmView>| view.state.occurrence == line.state.occurrence;
        now(line.state.rule).filter(|view| same(view) && view.state.is_listed() && !view.state.acknowledged)
    };
    let mut lines: Vec<_> = shown.iter().filter_map(still).collect();
    for view in worst {
        if lines.len() < LINES && lines.iter().all(|line| line.state.rule != view.state.rule) {
            lines.push(Arc::clone(view));
        }
    }
    lines
}

/// Acknowledges the first line, if it has been there for long enough to be read.
pub(crate) fn acknowledge_first(app: App) {
    let may = app.session.with_untracked(|session| {
        session.as_ref().is_some_and(|session| session.permissions.allow(Permission::AnswerAlarms))
    });
    let Some((rule, occurrence, since)) = app.first_line.get_value().filter(|_| may) else { return };
    if page::steady().since(since) < GLANCE {
        let said = td_string!(app.i18n.get_locale_untracked(), frame.came_just_now).to_owned();
        app.announcement.update(|announcement| announcement.polite = said);
        return;
    }
    app.acknowledge(vec![(rule, occurrence)]);
}

#[component]
pub(crate) fn Banner() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let plant = move || {
        let of_register = app.plant.with(|plant| plant.as_ref().map(|plant| plant.register.plant.name.clone()));
        of_register.or_else(|| app.card.with(|card| card.as_ref().map(|card| card.plant.clone()))).unwrap_or_default()
    };
    let counts = Priority::ALL.into_iter().enumerate().map(|(at, priority)| {
        let waiting = Memo::new(move |_| app.desk.counts.with(|of| of.unacknowledged.get(at).copied().unwrap_or(0)));
        let active = Memo::new(move |_| app.desk.counts.with(|of| of.active.get(at).copied().unwrap_or(0)));
        let badge = move || {
            let fill = if waiting.get() > 0 { BadgeFill::Filled } else { BadgeFill::Outlined };
            view! { <Badge priority=priority fill=fill size=28/> }
        };
        let label = move || {
            t_string!(
                i18n,
                frame.count_label,
                priority = words::priority(priority, i18n.get_locale()),
                waiting = waiting.get(),
                active = active.get()
            )
        };
        view! {
            <div
                class="count"
                role="group"
                aria-label=label
                data-testid=format!("count-{}", priority.digit())
                data-waiting=move || waiting.get()
            >
                {badge}
                <div class="count-figures">
                    <b class:none=move || waiting.get() == 0>{move || waiting.get()}</b>
                    <span>{t!(i18n, frame.of_n, n = move || active.get())}</span>
                </div>
            </div>
        }
    });
    let is_signed_in = Memo::new(move |_| app.session.with(Option::is_some));
    let middle = move || {
        if is_signed_in.get() { view! { <Lines/> }.into_any() } else { view! { <Waiting/> }.into_any() }
    };
    let day = move || {
        let day = app.zone.with(|zone| zone.day(app.now.get(), app.locale()));
        view! { <span class="nobreak">{day}</span> }
    };
    view! {
        <header class="banner" role="banner" aria-label=move || t_string!(i18n, frame.banner)>
            <div class="banner-plant">
                <Mark/>
                <span title=plant>{plant}</span>
            </div>
            <div class="banner-counts">{counts.collect_view()} <KeptBack/></div>
            <Sounding/>
            <Desk/>
            <div class="banner-lines">{middle}</div>
            <div class="banner-clock">
                <div class="clock" data-testid="clock">
                    <b>{move || app.zone.with(|zone| zone.clock(app.now.get()))}</b>
                    <span>{move || app.zone.with(|zone| zone.short.clone())}</span>
                </div>
                <div class="banner-who">
                    {day}
                    {move || is_signed_in.get().then(|| view! { <PersonMenu/> })}
                </div>
            </div>
        </header>
    }
    .into_any()
}

/// How many alarms do not call although they might: always in sight.
#[component]
fn KeptBack() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let counts =
        Memo::new(move |_| app.counts.with(|counts| (counts.shelved, counts.suppressed, counts.out_of_service)));
    let label = move || {
        let (shelved, suppressed, out) = counts.get();
        t_string!(i18n, alarms.kept_tip, shelved = shelved, suppressed = suppressed, out = out)
    };
    let total = move || {
        let (shelved, suppressed, out) = counts.get();
        shelved + suppressed + out
    };
    view! {
        <a
            class="count kept-back"
            href="/alarms?tab=kept"
            title=label
            aria-label=label
            data-testid="kept-back"
            data-count=total
        >
            <Icon glyph=Glyph::Shelf size=24/>
            <div class="count-figures">
                <b class:none=move || total() == 0>{total}</b>
                <span>{t!(i18n, frame.kept)}</span>
            </div>
        </a>
    }
}

/// What of the alarms is heard, and how it is silenced. Its room is kept while there is nothing to say: the lines beside
/// it must not move under the hand.
#[component]
fn Sounding() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let hearing = app.hearing;
    let is_signed_in = Memo::new(move |_| app.session.with(Option::is_some));
    let is_off = Memo::new(move |_| is_signed_in.get() && !app.sound.with(|choice| choice.is_on));
    let is_calling = Memo::new(move |_| hearing.calling.with(Option::is_some));
    let mark = |id: &'static str, word: &'static str, tip: &'static str| {
        view! { <span class="tag word" title=tip data-testid=id>{word}</span> }
    };
    let button = move || {
        (is_calling.get() && !is_off.get()).then(|| {
            view! {
                <button
                    class="small"
                    data-testid="silence"
                    title=t_string!(i18n, frame.silence_tip)
                    on:click=move |_| app.silence()
                >
                    {t!(i18n, frame.silence)} <Kbd keys="F8"/>
                </button>
            }
        })
    };
    let off = move || {
        is_off
            .get()
            .then(|| mark("sound-off", t_string!(i18n, frame.sound_is_off), t_string!(i18n, frame.sound_is_off_tip)))
    };
    let mute = move || {
        (is_calling.get() && !is_off.get() && hearing.is_mute.get())
            .then(|| mark("sound-waits", t_string!(i18n, frame.sound_waits), t_string!(i18n, frame.sound_waits_tip)))
    };
    let overdue = move || {
        hearing
            .is_overdue
            .get()
            .then(|| mark("overdue", t_string!(i18n, frame.overdue), t_string!(i18n, frame.overdue_tip)))
    };
    view! { <div class="banner-sound">{button} {off} {mute} {overdue}</div> }
}

/// The two worst lines.
#[component]
fn Lines() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let moved_at = RwSignal::new(None::<Timestamp>);
    let is_held = Memo::new(move |_| {
        app.now.track();
        moved_at.get().is_some_and(|at| page::steady().since(at) < HOLD_AFTER_MOVE)
    });
    let shown = Memo::new(move |former: Option<&Vec<Arc<AlarmView>>>| {
        let worst = worst(app);
        match former.filter(|_| is_held.get()) {
            Some(former) => under_the_hand(former, &worst, |rule| app.alarms.peek(rule)),
            None => worst,
        }
    });
    Effect::new(move || {
        let first = shown.with(|lines| lines.first().map(|view| (view.state.rule, view.state.occurrence)));
        let known = app.first_line.get_value().map(|(rule, occurrence, _)| (rule, occurrence));
        if first != known {
            app.first_line.set_value(first.map(|(rule, occurrence)| (rule, occurrence, page::steady())));
        }
    });
    on_cleanup(move || {
        app.first_line.try_set_value(None);
    });
    let may = move || app.may(Permission::AnswerAlarms);
    let lines = move || {
        let lines = shown.get();
        if lines.is_empty() {
            let is_all = app.desk.shows_all.get() || app.desk.outside.get().all == 0;
            let text = match is_all {
                true => t_string!(i18n, frame.nothing_waits),
                false => t_string!(i18n, positions.none_own_waits),
            };
            return view! { <p class="banner-calm">{text}</p> }.into_any();
        }
        let rows = lines.into_iter().enumerate().map(|(line, view)| {
            let locale = i18n.get_locale();
            let (title, place) = app.plant.with(|plant| match plant {
                Some(plant) => {
                    (words::alarm_title(&view, plant, locale), plant.place_of_subject(view.subject).to_owned())
                }
                None => (String::new(), String::new()),
            });
            let text = if place.is_empty() { title } else { format!("{place}: {title}") };
            let raised = app.zone.with(|zone| zone.clock(view.state.raised_at));
            let label = t_string!(i18n, frame.acknowledge_this, what = text.clone());
            let class = format!("banner-line p{}", view.priority.digit());
            let tip = text.clone();
            let path = format!("/alarms?alarm={}", view.state.rule);
            let seen = (view.state.rule, view.state.occurrence);
            view! {
                <div class=class data-testid="banner-line">
                    <Badge priority=view.priority fill=fill_of(&view.state)/>
                    <span class="banner-time">{raised}</span>
                    <a class="banner-text" href=path title=tip>{text}</a>
                    <LiveValue view=Arc::clone(&view)/>
                    {may().then(|| view! {
                        <button
                            class="small"
                            data-testid=format!("banner-ack-{}", line + 1)
                            aria-label=label
                            on:click=move |_| app.acknowledge(vec![seen])
                        >
                            {t!(i18n, frame.ack)}
                            {(line == 0).then(|| view! { <Kbd keys="F9"/> })}
                        </button>
                    })}
                </div>
            }
        });
        rows.collect_view().into_any()
    };
    let hold = move |_| {
        let now = page::steady();
        // Once a second is enough, and each time asks for the lines anew.
        if moved_at.get_untracked().is_none_or(|at| now.since(at) >= Duration::from_secs(1)) {
            moved_at.set(Some(now));
        }
    };
    view! {
        <div class="banner-held" on:pointermove=hold on:pointerleave=move |_| moved_at.set(None)>
            {lines}
        </div>
    }
}

/// The present value of what an alarm is about.
#[component]
fn LiveValue(view: Arc<AlarmView>) -> impl IntoView {
    let app = use_app();
    let point = app.plant.with(|plant| plant.as_ref().and_then(|plant| plant.point_of(view.subject).cloned()));
    point.map(|point| {
        let signal = app.points.signal(point.no);
        let text = move || {
            let value = signal.get().and_then(|value| value.value);
            value.map(|value| format::value_with_unit(value, point.quantity, app.locale()))
        };
        view! { <b class="banner-value">{text}</b> }
    })
}

/// Signed out: how many wait and since when.
#[component]
fn Waiting() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let text = move || {
        let counts = app.counts.get();
        let waiting: u32 = counts.unacknowledged.iter().sum();
        let since = counts.oldest_unacknowledged.map(|at| app.zone.with(|zone| zone.minute(at)));
        match (waiting, since) {
            (0, _) => t_string!(i18n, frame.none_wait).to_owned(),
            (1, Some(since)) => t_string!(i18n, frame.one_waits, since = since),
            (n, Some(since)) => t_string!(i18n, frame.n_wait, n = n, since = since),
            (n, None) => t_string!(i18n, frame.n_wait_plain, n = n),
        }
    };
    view! { <p class="banner-calm">{text}</p> }
}

/// The person: theme, language, sound, sign out.
#[component]
fn PersonMenu() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let name = move || app.session.with(|session| session.as_ref().map(|session| session.person.full_name.clone()));
    let roles = move || {
        let locale = i18n.get_locale();
        app.session.with(|session| {
            let roles = session.as_ref().map(|session| session.person.roles.clone()).unwrap_or_default();
            roles.into_iter().map(|role| words::role(role, locale)).collect::<Vec<_>>().join(", ")
        })
    };
    let menu = Callback::new(move |_close: Callback<()>| {
        view! {
            <p class="menu-name"><b>{name}</b> <span>{roles}</span></p>
            <ThemeAndLanguage/>
            <SoundChoices/>
            <button class="wide" data-testid="sign-out" on:click=move |_| app.sign_out()>
                {t!(i18n, frame.sign_out)}
            </button>
        }
        .into_any()
    });
    let label = Signal::derive(move || name().unwrap_or_default());
    let face = view! { <span class="nobreak">{name}</span> }.into_any();
    view! { <MenuButton name="person" class="plain" label=label face=face menu=menu/> }
}

/// Whether and how loud alarms are heard.
#[component]
fn SoundChoices() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let choice = move |is_on: bool, id: &'static str, word: Signal<String>| {
        view! {
            <button
                type="button"
                data-testid=id
                aria-pressed=move || app.sound.with(|choice| choice.is_on == is_on).to_string()
                on:click=move |_| set_sound(app, SoundChoice { is_on, ..app.sound.get_untracked() })
            >
                {move || word.get()}
            </button>
        }
    };
    let on = Signal::derive(move || t_string!(i18n, frame.sound_on).to_owned());
    let off = Signal::derive(move || t_string!(i18n, frame.sound_off).to_owned());
    let set_volume = move |event: leptos::ev::Event| {
        if let Ok(volume) = event_target_value(&event).parse() {
            set_sound(app, SoundChoice { volume, ..app.sound.get_untracked() });
            app.try_sound();
        }
    };
    view! {
        <div class="choices">
            <div class="segmented" role="group" aria-label=move || t_string!(i18n, frame.sound)>
                {choice(true, "sound-on", on)}
                {choice(false, "sound-off-choice", off)}
            </div>
            <input
                type="range"
                min="10"
                max="100"
                step="10"
                data-testid="volume"
                aria-label=move || t_string!(i18n, frame.volume)
                title=move || t_string!(i18n, frame.volume)
                prop:value=move || app.sound.with(|choice| choice.volume.to_string())
                disabled=move || app.sound.with(|choice| !choice.is_on)
                on:change=set_volume
            />
        </div>
    }
    .into_any()
}

/// Language and theme, side by side.
#[component]
pub(crate) fn ThemeAndLanguage() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let language = move |language: Language, word: &'static str, lang: &'static str| {
        let own = match language {
            Language::En => Locale::en,
            Language::Hi => Locale::hi,
        };
        view! {
            <button
                type="button"
                lang=lang
                data-testid=format!("language-{lang}")
                aria-pressed=move || (i18n.get_locale() == own).to_string()
                on:click=move |_| set_language(app, language)
            >
                {word}
            </button>
        }
    };
    let theme = move |theme: ThemeChoice, id: &'static str, word: Signal<String>| {
        view! {
            <button
                type="button"
                data-testid=format!("theme-{id}")
                aria-pressed=move || (app.theme.get() == theme).to_string()
                on:click=move |_| set_theme(app, theme)
            >
                {move || word.get()}
            </button>
        }
    };
    let system = Signal::derive(move || t_string!(i18n, frame.system).to_owned());
    let dark = Signal::derive(move || t_string!(i18n, frame.dark).to_owned());
    let light = Signal::derive(move || t_string!(i18n, frame.light).to_owned());
    view! {
        <div class="choices">
            <div class="segmented" role="group" aria-label=move || t_string!(i18n, frame.language)>
                {language(Language::En, "English", "en")}
                {language(Language::Hi, "हिन्दी", "hi")}
            </div>
            <div class="segmented" role="group" aria-label=move || t_string!(i18n, frame.theme)>
                {theme(ThemeChoice::System, "system", system)}
                {theme(ThemeChoice::Dark, "dark", dark)}
                {theme(ThemeChoice::Light, "light", light)}
            </div>
        </div>
    }
    .into_any()
}

/// The product's mark: a gate in a channel.
#[component]
pub(crate) fn Mark(#[prop(default = 30)] size: u32) -> impl IntoView {
    view! {
        <svg class="mark" width=size height=size viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark-firm" d="M10 3.5h12v2.4H10zM14.6 5.9h2.8V17h-2.8zM11.3 9.5h1.9V17h-1.9zM18.8 9.5h1.9V17h-1.9z"/>
            <path class="mark-firm" d="M1 19.3h7v2.6H1zM24 19.3h7v2.6h-7z"/>
            <path class="mark-soft" d="M8 17h16v7H8z"/>
            <path class="mark-firm" d="M10 14.5h2.2V28H10zM19.8 14.5H22V28h-2.2z"/>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{test_alarm, test_rule};

    #[test]
    fn lines_stay_under_the_hand() {
        let (a, b) = (test_alarm(1, Priority::P2, false, 1), test_alarm(2, Priority::P3, false, 1));
        let (new, done) = (test_alarm(3, Priority::P1, false, 9), test_alarm(1, Priority::P2, true, 1));
        let rules = |lines: Vec<Arc<AlarmView>>| lines.iter().map(|view| view.state.rule).collect::<Vec<_>>();
        let shown = [a.clone(), b.clone()];
        let worst = [new.clone(), a.clone()];
        let all_wait = |rule: RuleId| [&a, &b, &new].into_iter().find(|view| view.state.rule == rule).cloned();
        assert_eq!(rules(under_the_hand(&shown, &worst, all_wait)), [test_rule(1), test_rule(2)]);
        let one_is_done = |rule: RuleId| if rule == test_rule(1) { Some(done.clone()) } else { all_wait(rule) };
        let worst = [new.clone(), b.clone()];
        assert_eq!(rules(under_the_hand(&shown, &worst, one_is_done)), [test_rule(2), test_rule(3)]);
        let raised_anew = |rule: RuleId| {
            all_wait(rule).map(|view| {
                let mut view = AlarmView::clone(&view);
                view.state.occurrence += 1;
                Arc::new(view)
            })
        };
        assert_eq!(rules(under_the_hand(&shown, &worst, raised_anew)), [test_rule(3), test_rule(2)]);
    }
}
