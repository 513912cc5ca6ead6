//! Asks why before something is decided on alarms, and has it done: a cure applied or turned down, rules approved, one
//! returned to what was approved, the live figures begun anew. Where others were faster it names what they changed and
//! has it shown anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{
    ApiError, ApplyCure, ApproveRules, Code, DismissWork, ListDrift, ListRules, NamedAlarm, ReopenWork,
    ResetAlarmMetrics, RulesDrift, SaveRules,
};
use penstock_model::{AlarmRule, RuleId};

use super::super::asking::{Asking, Say};
use super::title;
use crate::components::TextField;
use crate::i18n::{Locale, t_string, td_string, use_i18n};
use crate::state::{App, Decision, PlantView, Question, use_app};

/// Rules that are named at most where they were changed meanwhile.
const MOST_NAMED: usize = 5;

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

/// What became of a decision.
enum Outcome {
    Done,
    /// Others were faster, as this says: what was seen is not so any more.
    Overtaken(String),
}

async fn carry_out(app: App, decision: Decision, reason: String) -> Result<Outcome, String> {
    let faults = match decision {
        Decision::ApplyCure(rule) => app.call(ApplyCure { rule, reason }).await.map(|report| report.faults),
        Decision::Dismiss(rule) => app.call(DismissWork { rule, reason }).await.map(|_done| Vec::new()),
        Decision::Reopen(rule) => app.call(ReopenWork { rule, reason }).await.map(|_done| Vec::new()),
        Decision::Approve(seen, newest) => {
            let reply = app.call(ApproveRules { rules: seen.clone(), newest, reason }).await;
            match reply {
                Err(error) if error.code == Code::Conflict => {
                    return Ok(Outcome::Overtaken(overtaken(app, &seen, newest, error).await));
                }
                reply => reply.map(|_entry| Vec::new()),
            }
        }
        Decision::Return(rule) => app.call(SaveRules { rules: vec![*rule], reason }).await.map(|report| report.faults),
        Decision::ResetMetrics => app.call(ResetAlarmMetrics { reason }).await.map(|_done| Vec::new()),
    };
    let faults = faults.map_err(|error| error.message)?;
    if faults.is_empty() {
        return Ok(Outcome::Done);
    }
    let all = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
    Err(all.collect::<Vec<_>>().join("; "))
}

/// What others did since rules were looked at; where that cannot be found out, what the station says.
async fn overtaken(app: App, seen: &[(RuleId, Option<u32>)], newest: u64, error: ApiError) -> String {
    let (Ok(drift), Ok(rows)) = (app.call(ListDrift {}).await, app.call(ListRules {}).await) else {
        return error.message;
    };
    let locale = app.i18n.get_locale_untracked();
    if drift.newest != newest {
        return td_string!(locale, baseline.approved_meanwhile, n = drift.newest);
    }
    let rules: BTreeMap<RuleId, AlarmRule> = rows.into_iter().map(|row| (row.rule.id, row.rule)).collect();
    let changed = changed_since(seen, &rules);
    let called = app.plant.with_untracked(|plant| {
        let plant = plant.as_ref()?;
        let named = changed.iter().take(MOST_NAMED).map(|rule| called(*rule, &rules, &drift, plant, locale));
        Some(named.collect::<Vec<_>>().join(", "))
    });
    match called {
        Some(called) if !changed.is_empty() => {
            td_string!(locale, baseline.changed_meanwhile, n = changed.len(), which = called)
        }
        _ => error.message,
    }
}

/// Which of these rules are not of the version that was seen; one that was gone is changed where it is there again.
fn changed_since(seen: &[(RuleId, Option<u32>)], rules: &BTreeMap<RuleId, AlarmRule>) -> Vec<RuleId> {
    let version = |rule: &RuleId| rules.get(rule).map(|rule| rule.version);
    seen.iter().filter(|(rule, seen)| version(rule) != *seen).map(|(rule, _)| *rule).collect()
}

/// What a rule is called, also where it is gone and was approved once.
fn called(
    rule: RuleId,
    rules: &BTreeMap<RuleId, AlarmRule>,
    drift: &RulesDrift,
    plant: &PlantView,
    locale: Locale,
) -> String {
    let there = rules.get(&rule).map(|rule| NamedAlarm {
        rule: rule.id,
        subject: rule.subject,
        condition: rule.condition.clone(),
        name: rule.name.clone(),
        priority: rule.priority,
    });
    let gone = || drift.rules.iter().find(|drift| drift.alarm.rule == rule).map(|drift| drift.alarm.clone());
    match there.or_else(gone) {
        Some(alarm) => title(&alarm, plant, locale),
        None => td_string!(locale, baseline.gone).to_owned(),
    }
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
    let say: Say = Arc::new(move |reason: String| {
        let decision = decision.get_value();
        Box::pin(async move {
            let outcome = carry_out(app, decision, reason).await?;
            app.decided.update(|decided| *decided += 1);
            if let Outcome::Overtaken(why) = outcome {
                app.trouble.set(Some(why));
            }
            spawn_local(app.fetch_register());
            Ok(())
        })
    });
    view! {
        <Asking title=title verb=verb text=reason say=say testid="decide-dialog" commit_testid="decide-commit">
            <p><b>{about}</b></p>
            {lines.into_iter().map(|line| view! { <p>{line}</p> }).collect_view()}
            <p class="quiet">{move || note.get()}</p>
            <TextField
                id="decide-reason"
                label=Signal::derive(move || t_string!(i18n, baseline.reason_label).to_owned())
                value=reason
            />
        </Asking>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Condition, SiteId, Subject, Timestamp};

    use super::*;

    #[test]
    fn what_others_changed_is_found() {
        let at = Timestamp::from_secs(1);
        let rule = |id: u8, version: u32| {
            let site = Subject::Site(SiteId::made(at, [1; 10]));
            let condition = Condition::Silence { after: Duration::from_secs(60) };
            AlarmRule { version, ..AlarmRule::new(RuleId::made(at, [id; 10]), site, condition) }
        };
        let rules: BTreeMap<RuleId, AlarmRule> =
            [rule(1, 1), rule(2, 2), rule(3, 1)].into_iter().map(|rule| (rule.id, rule)).collect();
        let check = |id: u8, seen: Option<u32>, expect: bool| {
            let found = changed_since(&[(rule(id, 1).id, seen)], &rules);
            assert_eq!(!found.is_empty(), expect, "rule {id} as {seen:?}");
        };
        check(1, Some(1), false);
        check(4, None, false);
        check(2, Some(1), true);
        check(4, Some(1), true);
        check(3, None, true);
    }
}
