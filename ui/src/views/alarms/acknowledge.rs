//! The dialogs: acknowledging a critical alarm or several, and saying something about one.

use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{AcknowledgeAlarms, AlarmView, CommentAlarm};
use penstock_model::{Priority, RuleId};

use super::list::needs_comment;
use crate::components::{Badge, Dialog, Kbd, Notice, fill_of};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;
use crate::words;

/// Acknowledges what was seen: nothing that came in since.
#[component]
pub(crate) fn Acknowledge(
    /// Rule and occurrence of each.
    alarms: Vec<(RuleId, u64)>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let views: Vec<Arc<AlarmView>> = alarms.iter().filter_map(|(rule, _)| app.alarms.peek(*rule)).collect();
    let count = alarms.len();
    let critical = views.iter().filter(|view| view.priority == Priority::P1).count();
    let is_required = needs_comment(views.iter());
    let title = Signal::derive(move || match count {
        1 => t_string!(i18n, alarms.acknowledge_one).to_owned(),
        n => t_string!(i18n, alarms.acknowledge_n, n = n),
    });
    let note = Signal::derive(move || match (is_required, critical) {
        (false, _) => t_string!(i18n, words.optional).to_owned(),
        (true, 1) => t_string!(i18n, alarms.required_one).to_owned(),
        (true, n) => t_string!(i18n, alarms.required_n, n = n),
    });
    let verb = Signal::derive(move || match count {
        1 => t_string!(i18n, alarms.acknowledge).to_owned(),
        n => t_string!(i18n, alarms.acknowledge_verb_n, n = n),
    });
    let remark = Signal::derive(move || match count {
        1 => String::new(),
        _ => t_string!(i18n, alarms.only_seen).to_owned(),
    });
    let say: Say = Arc::new(move |comment: String| {
        let call = AcknowledgeAlarms { alarms: alarms.clone(), comment: (!comment.is_empty()).then_some(comment) };
        Box::pin(async move {
            let report = app.call(call).await.map_err(|error| error.message)?;
            app.report(&report);
            Ok(())
        })
    });
    view! {
        <Saying
            views=views
            title=title
            verb=verb
            remark=remark
            note=note
            is_required=is_required
            say=say
            testid="acknowledge-dialog"
            commit_testid="acknowledge-commit"
        />
    }
    .into_any()
}

/// Says something about an alarm.
#[component]
pub(crate) fn Comment(rule: RuleId, occurrence: u64) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let say: Say = Arc::new(move |comment: String| {
        Box::pin(async move {
            app.call(CommentAlarm { rule, occurrence, comment }).await.map_err(|error| error.message)?;
            app.said.try_update(|said| *said += 1);
            Ok(())
        })
    });
    view! {
        <Saying
            views=app.alarms.peek(rule).into_iter().collect()
            title=Signal::derive(move || t_string!(i18n, alarms.comment_title).to_owned())
            verb=Signal::derive(move || t_string!(i18n, alarms.comment_verb).to_owned())
            is_required=true
            say=say
            testid="comment-dialog"
            commit_testid="comment-commit"
        />
    }
    .into_any()
}

/// What is done with the text, and what went wrong with it.
type Say = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), String>>>> + Send + Sync>;

/// The dialog of both: the alarms that it touches, a text about them, and one verb.
#[component]
fn Saying(
    views: Vec<Arc<AlarmView>>,
    title: Signal<String>,
    verb: Signal<String>,
    /// What else is to be known before.
    #[prop(into, default = String::new().into())]
    remark: Signal<String>,
    /// Whether the text may be left out, in words.
    #[prop(into, default = String::new().into())]
    note: Signal<String>,
    is_required: bool,
    say: Say,
    testid: &'static str,
    commit_testid: &'static str,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let comment = RwSignal::new(String::new());
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let close = Callback::new(move |()| app.overlay.set(None));
    let is_ready = move || !is_busy.get() && (!is_required || comment.with(|comment| !comment.trim().is_empty()));
    let commit = Callback::new(move |()| {
        if !untrack(is_ready) {
            return;
        }
        is_busy.set(true);
        fault.set(None);
        let said = say(comment.get_untracked().trim().to_owned());
        spawn_local(async move {
            match said.await {
                Ok(()) => app.overlay.set(None),
                Err(why) => {
                    fault.try_set(Some(why));
                    is_busy.try_set(false);
                }
            }
        });
    });
    view! {
        <Dialog title=title on_close=close on_commit=commit testid=testid>
            <div class="dialog-body">
                <Touched views=views/>
                {move || {
                    let remark = remark.get();
                    (!remark.is_empty()).then(|| view! { <p class="quiet">{remark}</p> })
                }}
                <div class="field">
                    <div class="field-top">
                        <label for="comment-text">{t!(i18n, alarms.comment)}</label>
                        <span class="field-hint">{move || note.get()}</span>
                    </div>
                    <textarea
                        id="comment-text"
                        data-testid="comment-text"
                        maxlength="1000"
                        prop:value=move || comment.get()
                        on:input=move |event| comment.set(event_target_value(&event))
                    ></textarea>
                </div>
                <Phrases comment=comment/>
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button on:click=move |_| close.run(())>{t!(i18n, words.cancel)}</button>
                <button class="accent" data-testid=commit_testid disabled=move || !is_ready() on:click=move |_| commit.run(())>
                    {move || verb.get()} <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}

/// The alarms that a dialog touches.
#[component]
fn Touched(views: Vec<Arc<AlarmView>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let plant = app.plant.get();
    let rows = views.into_iter().map(|view| {
        let words = plant.as_ref().map(|plant| {
            let title = words::alarm_title(&view, plant, locale);
            (words::tag(view.subject, plant).to_owned(), title, plant.point_of(view.subject).cloned())
        });
        let (tag, title, point) = words.unwrap_or_default();
        let value = point.map(|point| {
            let signal = app.points.signal(point.no);
            let text = move || format::value_or_none(signal.get().and_then(|view| view.value), point.quantity, locale);
            view! { <b>{text}</b>" "<span class="unit">{format::unit(point.quantity)}</span> }
        });
        view! {
            <div class="touched-row">
                <Badge priority=view.priority fill=fill_of(&view.state)/>
                <b class="cut">{tag}</b>
                <span class="cut">{title}</span>
                <span class="nobreak">{value}</span>
            </div>
        }
    });
    view! { <div class="touched">{rows.collect_view()}</div> }.into_any()
}

/// What is often said, to be put in with a click.
#[component]
fn Phrases(comment: RwSignal<String>) -> impl IntoView {
    let i18n = use_i18n();
    let phrases = move || {
        [
            t_string!(i18n, alarms.crew_called),
            t_string!(i18n, alarms.isolating),
            t_string!(i18n, alarms.watching),
            t_string!(i18n, alarms.known_work),
        ]
        .map(|phrase| {
            let add = move |_| {
                comment.update(|comment| {
                    if !comment.is_empty() && !comment.ends_with(' ') {
                        comment.push_str(", ");
                    }
                    comment.push_str(phrase);
                });
                crate::page::focus("#comment-text");
            };
            view! { <button type="button" class="small" on:click=add>{phrase}</button> }
        })
        .collect_view()
    };
    view! { <div class="phrases">{phrases}</div> }.into_any()
}
