//! Asks why before something is decided on alarms, and has it done: a cure applied or turned down, rules approved, one
//! returned to what was approved, the live figures begun anew.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ApplyCure, ApproveRules, DismissWork, ReopenWork, ResetAlarmMetrics, SaveRules};

use crate::components::{Dialog, Kbd, Notice, TextField};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, Decision, Question, use_app};

fn title_of(decision: &Decision, locale: Locale) -> &'static str {
    match decision {
        Decision::ApplyCure(_) => td_string!(locale, baseline.apply_title),
        Decision::Dismiss(_) => td_string!(locale, baseline.dismiss_title),
        Decision::Reopen(_) => td_string!(locale, baseline.reopen_title),
        Decision::Approve(..) => td_string!(locale, baseline.approve_title),
        Decision::Return(_) => td_string!(locale, baseline.return_title),
        Decision::ResetMetrics => td_string!(locale, baseline.reset_title),
    }
}

/// What it comes to.
fn note_of(decision: &Decision, locale: Locale) -> &'static str {
    match decision {
        Decision::ApplyCure(_) => td_string!(locale, baseline.apply_note),
        Decision::Dismiss(_) => td_string!(locale, baseline.dismiss_note),
        Decision::Reopen(_) => "",
        Decision::Approve(..) => td_string!(locale, baseline.approve_note),
        Decision::Return(_) => td_string!(locale, baseline.return_note),
        Decision::ResetMetrics => td_string!(locale, baseline.reset_note),
    }
}

fn verb_of(decision: &Decision, locale: Locale) -> &'static str {
    match decision {
        Decision::ApplyCure(_) => td_string!(locale, baseline.apply),
        Decision::Dismiss(_) => td_string!(locale, baseline.dismiss),
        Decision::Reopen(_) => td_string!(locale, baseline.reopen),
        Decision::Approve(..) => td_string!(locale, baseline.approve_one),
        Decision::Return(_) => td_string!(locale, baseline.return_one),
        Decision::ResetMetrics => td_string!(locale, words.reset),
    }
}

async fn carry_out(app: App, decision: Decision, reason: String) -> Result<(), String> {
    let faults = match decision {
        Decision::ApplyCure(rule) => app.call(ApplyCure { rule, reason }).await.map(|report| report.faults),
        Decision::Dismiss(rule) => app.call(DismissWork { rule, reason }).await.map(|_done| Vec::new()),
        Decision::Reopen(rule) => app.call(ReopenWork { rule, reason }).await.map(|_done| Vec::new()),
        Decision::Approve(rules, newest) => {
            app.call(ApproveRules { rules, newest, reason }).await.map(|_entry| Vec::new())
        }
        Decision::Return(rule) => app.call(SaveRules { rules: vec![*rule], reason }).await.map(|report| report.faults),
        Decision::ResetMetrics => app.call(ResetAlarmMetrics { reason }).await.map(|_done| Vec::new()),
    };
    let faults = faults.map_err(|error| error.message)?;
    if faults.is_empty() {
        return Ok(());
    }
    let all = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
    Err(all.collect::<Vec<_>>().join("; "))
}

/// The dialog.
#[component]
pub(crate) fn Decide(question: Question) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let Question { decision, about, lines } = question;
    let decision = StoredValue::new(decision);
    let word = move |of: fn(&Decision, Locale) -> &'static str| {
        Signal::derive(move || {
            let locale = i18n.get_locale();
            decision.with_value(|decision| of(decision, locale).to_owned())
        })
    };
    let (title, note, verb) = (word(title_of), word(note_of), word(verb_of));
    let reason = RwSignal::new(String::new());
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let close = Callback::new(move |()| app.overlay.set(None));
    let is_ready = move || !is_busy.get() && reason.with(|reason| !reason.trim().is_empty());
    let commit = Callback::new(move |()| {
        if !untrack(is_ready) {
            return;
        }
        is_busy.set(true);
        fault.set(None);
        let (decision, reason) = (decision.get_value(), reason.get_untracked().trim().to_owned());
        spawn_local(async move {
            match carry_out(app, decision, reason).await {
                Ok(()) => {
                    app.overlay.set(None);
                    app.decided.update(|decided| *decided += 1);
                    app.fetch_register().await;
                }
                Err(why) => {
                    fault.try_set(Some(why));
                    is_busy.try_set(false);
                }
            }
        });
    });
    view! {
        <Dialog title=title on_close=close on_commit=commit testid="decide-dialog">
            <div class="dialog-body">
                <p><b>{about}</b></p>
                {lines.into_iter().map(|line| view! { <p>{line}</p> }).collect_view()}
                <p class="quiet">{move || note.get()}</p>
                <TextField
                    id="decide-reason"
                    label=Signal::derive(move || t_string!(i18n, baseline.reason_label).to_owned())
                    value=reason
                />
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button on:click=move |_| close.run(())>{t!(i18n, words.cancel)}</button>
                <button
                    class="accent"
                    data-testid="decide-commit"
                    disabled=move || !is_ready()
                    on:click=move |_| commit.run(())
                >
                    {move || verb.get()} <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}
