//! The dialogs: acknowledging an alarm that asks for a comment, or several, saying something about one, keeping some from calling.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{
    AcknowledgeAlarms, ActReport, AlarmView, CommentAlarm, ReturnToService, ShelveAlarms, TakeOutOfService,
};
use penstock_model::{Permission, RuleId};

use super::asking::{Asking, Say};
use crate::components::{Badge, Choice, Segmented, fill_of};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{App, use_app};
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
    let asking = views.iter().filter(|view| view.asks_for_comment).count();
    let is_required = asking > 0;
    let title = Signal::derive(move || match count {
        1 => t_string!(i18n, alarms.acknowledge_one).to_owned(),
        n => t_string!(i18n, alarms.acknowledge_n, n = n),
    });
    let note = Signal::derive(move || match asking {
        0 => t_string!(i18n, words.optional).to_owned(),
        1 => t_string!(i18n, alarms.required_one).to_owned(),
        n => t_string!(i18n, alarms.required_n, n = n),
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
            settle(app, &report)
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

/// How long alarms are shelved, in minutes; the last is the longest of all.
const SHELVES: [u32; 8] = [15, 60, 240, 480, 1_440, 4_320, 10_080, 43_200];
/// The longest that an operator may, where the alarm has no limit of its own: one shift.
const OPERATORS_SHELF: u32 = 480;
/// What is chosen at first, where it may be.
const USUAL_SHELF: u32 = 60;

/// For how long these may be shelved, in minutes: none for longer than each of them lets an operator, all of them for
/// who may suppress alarms.
fn shelves(views: &[Arc<AlarmView>], may_suppress: bool) -> Vec<u32> {
    let limit = |view: &Arc<AlarmView>| match view.longest_shelf {
        Some(longest) => u32::try_from(longest.as_secs() / 60).unwrap_or(u32::MAX),
        None => OPERATORS_SHELF,
    };
    let longest = match may_suppress {
        true => u32::MAX,
        false => views.iter().map(limit).min().unwrap_or(OPERATORS_SHELF),
    };
    let mut shelves: Vec<u32> = SHELVES.into_iter().filter(|minutes| *minutes <= longest).collect();
    if shelves.is_empty() && longest > 0 {
        shelves.push(longest);
    }
    shelves
}

/// Keeps alarms from calling for a while.
#[component]
pub(crate) fn Shelve(alarms: Vec<RuleId>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let count = alarms.len();
    let views: Vec<Arc<AlarmView>> = alarms.iter().filter_map(|rule| app.alarms.peek(*rule)).collect();
    let shelves = shelves(&views, untrack(|| app.may(Permission::SuppressAlarms)));
    let usual = shelves.iter().rev().find(|minutes| **minutes <= USUAL_SHELF).copied().unwrap_or(USUAL_SHELF);
    let (minutes, is_one_shot) = (RwSignal::new(usual.to_string()), RwSignal::new(false));
    let title = Signal::derive(move || match count {
        1 => t_string!(i18n, alarms.shelve_one).to_owned(),
        n => t_string!(i18n, alarms.shelve_n, n = n),
    });
    let choices = Signal::derive(move || {
        let choice = |minutes: u32| {
            let word = match minutes {
                0..60 => t_string!(i18n, alarms.minutes_n, n = minutes),
                60..1_440 => t_string!(i18n, alarms.hours_n, n = minutes / 60),
                _ => t_string!(i18n, alarms.days_n, n = minutes / 1_440),
            };
            Choice::new(minutes.to_string(), word)
        };
        shelves.iter().copied().map(choice).collect::<Vec<_>>()
    });
    let say: Say = Arc::new(move |reason: String| {
        let minutes = minutes.with_untracked(|minutes| minutes.parse().unwrap_or(60));
        let one_shot = is_one_shot.get_untracked();
        let call = ShelveAlarms { alarms: alarms.clone(), minutes, one_shot, reason };
        Box::pin(async move {
            let report = app.call(call).await.map_err(|error| error.message)?;
            settle(app, &report)
        })
    });
    let above = move || {
        view! {
            <div class="field">
                <label>{t!(i18n, alarms.shelve_for)}</label>
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, alarms.shelve_for).to_owned())
                    value=minutes
                    choices=choices
                    on_choose=Callback::new(move |value| minutes.set(value))
                />
                <label class="checked-line">
                    <input
                        type="checkbox"
                        data-testid="one-shot"
                        prop:checked=move || is_one_shot.get()
                        on:change=move |event| is_one_shot.set(event_target_checked(&event))
                    />
                    {t!(i18n, alarms.until_normal)}
                </label>
            </div>
        }
        .into_any()
    };
    view! {
        <Saying
            views=views
            title=title
            verb=Signal::derive(move || t_string!(i18n, alarms.shelve).to_owned())
            remark=Signal::derive(move || t_string!(i18n, alarms.shelve_remark).to_owned())
            is_reason=true
            is_required=true
            say=say
            above=ViewFn::from(above)
            testid="shelve-dialog"
            commit_testid="shelve-commit"
        />
    }
    .into_any()
}

/// Takes an alarm out of service, or returns it.
#[component]
pub(crate) fn Service(rule: RuleId, is_out: bool) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let say: Say = Arc::new(move |reason: String| {
        Box::pin(async move {
            let alarms = vec![rule];
            let report = match is_out {
                true => app.call(TakeOutOfService { alarms, reason }).await,
                false => app.call(ReturnToService { alarms, reason }).await,
            };
            settle(app, &report.map_err(|error| error.message)?)
        })
    });
    let (title, verb, remark) = (
        move || if is_out { t_string!(i18n, alarms.take_out_one) } else { t_string!(i18n, alarms.put_back_one) },
        move || if is_out { t_string!(i18n, alarms.take_out) } else { t_string!(i18n, alarms.put_back) },
        move || if is_out { t_string!(i18n, alarms.take_out_remark) } else { t_string!(i18n, alarms.put_back_remark) },
    );
    view! {
        <Saying
            views=app.alarms.peek(rule).into_iter().collect()
            title=Signal::derive(move || title().to_owned())
            verb=Signal::derive(move || verb().to_owned())
            remark=Signal::derive(move || remark().to_owned())
            is_reason=true
            is_required=true
            say=say
            testid="service-dialog"
            commit_testid="service-commit"
        />
    }
    .into_any()
}

/// Tells what became of an act; where nothing came of it, the dialog says why and stays.
fn settle(app: App, report: &ActReport) -> Result<(), String> {
    if let (true, Some((rule, refusal))) = (report.done.is_empty(), report.refused.first()) {
        return Err(app.refusal_words(*rule, refusal));
    }
    app.report(report);
    Ok(())
}

/// The dialog of them all: the alarms that it touches, a text about them, and one verb.
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
    /// The text is the reason of what is done.
    #[prop(default = false)]
    is_reason: bool,
    say: Say,
    /// What is chosen beside the text.
    #[prop(optional, into)]
    above: ViewFn,
    testid: &'static str,
    commit_testid: &'static str,
) -> impl IntoView {
    let i18n = use_i18n();
    let comment = RwSignal::new(String::new());
    let label = move || if is_reason { t_string!(i18n, alarms.reason) } else { t_string!(i18n, alarms.comment) };
    let note = move || if is_reason { t_string!(i18n, alarms.reason_required).to_owned() } else { note.get() };
    view! {
        <Asking
            title=title
            verb=verb
            text=comment
            is_required=is_required
            say=say
            testid=testid
            commit_testid=commit_testid
        >
            <Touched views=views/>
            {move || {
                let remark = remark.get();
                (!remark.is_empty()).then(|| view! { <p class="quiet">{remark}</p> })
            }}
            {above.run()}
            <div class="field">
                <div class="field-top">
                    <label for="comment-text">{move || label()}</label>
                    <span class="field-hint">{move || note()}</span>
                </div>
                <textarea
                    id="comment-text"
                    data-testid="comment-text"
                    maxlength="1000"
                    prop:value=move || comment.get()
                    on:input=move |event| comment.set(event_target_value(&event))
                ></textarea>
            </div>
            <Phrases comment=comment is_reason=is_reason/>
        </Asking>
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
fn Phrases(comment: RwSignal<String>, is_reason: bool) -> impl IntoView {
    let i18n = use_i18n();
    let phrases = move || {
        let of_comments = [
            t_string!(i18n, alarms.crew_called),
            t_string!(i18n, alarms.isolating),
            t_string!(i18n, alarms.watching),
            t_string!(i18n, alarms.known_work),
        ];
        let of_reasons = [
            t_string!(i18n, alarms.in_maintenance),
            t_string!(i18n, alarms.sensor_faulty),
            t_string!(i18n, alarms.crew_on_site),
            t_string!(i18n, alarms.nuisance),
        ];
        (if is_reason { of_reasons } else { of_comments })
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::Priority;

    use super::*;
    use crate::state::test_alarm;

    #[test]
    fn nobody_is_offered_a_shelf_that_is_refused() {
        let plain = test_alarm(1, Priority::P2, false, 1);
        let limited = |minutes: u64| {
            Arc::new(AlarmView { longest_shelf: Some(Duration::from_secs(60 * minutes)), ..AlarmView::clone(&plain) })
        };
        assert_eq!(shelves(std::slice::from_ref(&plain), false), [15, 60, 240, 480]);
        assert_eq!(shelves(&[plain.clone(), limited(30)], false), [15]);
        assert_eq!(shelves(&[limited(1_440)], false), [15, 60, 240, 480, 1_440]);
        assert_eq!(shelves(&[limited(10)], false), [10]);
        assert_eq!(shelves(&[limited(10)], true), SHELVES);
    }
}
