//! The baseline and the drift from it: what was approved, whether its chain is whole, and every setting that is not as it
//! was approved, to be approved as it is or returned.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{
    ApprovalEntry, Approvals, BrokenApproval, ListApprovals, ListDrift, RuleChange, RuleDrift, RulesDrift,
    VerifyApprovals,
};
use penstock_model::Permission;

use super::drift::{Line, as_approved, lines};
use super::title;
use crate::components::{Badge, BadgeFill, Loading, Notice, Panel};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, Decision, Overlay, PlantView, Question, use_app};
use crate::words;

/// What the station told.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    approvals: Approvals,
    /// Why not, where the chain is broken.
    drift: Result<RulesDrift, String>,
}

async fn ask(app: App) -> Result<Told, String> {
    let approvals = app.call(ListApprovals {}).await.map_err(|error| error.message)?;
    let drift = app.call(ListDrift {}).await.map_err(|error| error.message);
    Ok(Told { approvals, drift })
}

fn decide(app: App, decision: Decision, about: String, lines: Vec<String>) {
    app.overlay.set(Some(Overlay::Decide(Question { decision, about, lines })));
}

/// Where the chain is broken, and what is wrong there.
fn broken_words(broken: &BrokenApproval, locale: Locale) -> String {
    td_string!(locale, baseline.broken, n = broken.number, why = words::chain_fault(broken.fault, locale))
}

/// Who made a change, and when.
fn change_words(app: App, change: Option<&RuleChange>, locale: Locale) -> (String, String, String) {
    let Some(change) = change else {
        let none = || format::NO_VALUE.to_owned();
        return (none(), none(), String::new());
    };
    let by = change.by.clone().unwrap_or_else(|| td_string!(locale, baseline.by_station).to_owned());
    let now = app.now.get_untracked();
    let (at, full) = app.zone.with(|zone| (zone.moment(change.at, now, locale), zone.full(change.at, locale)));
    let tip = match &change.reason {
        Some(reason) => format!("{full}: {reason}"),
        None => full,
    };
    (by, at, tip)
}

#[component]
pub(super) fn BaselinePanel() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let found = RwSignal::new(None::<Result<Arc<Told>, String>>);
    let verified = RwSignal::new(None::<String>);
    // The register counts up with every change of rules too.
    Effect::new(move || {
        app.decided.track();
        app.plant.track();
        spawn_local(async move {
            let told = ask(app).await.map(Arc::new);
            // While the station does not answer, what it told last stays.
            let is_known = found.try_with_untracked(|found| matches!(found, Some(Ok(_)))).unwrap_or_default();
            if told.is_ok() || !is_known {
                found.try_set(Some(told));
            }
        });
    });
    let verify = move |_| {
        verified.set(None);
        spawn_local(async move {
            let Some(verdict) = app.ask_for(VerifyApprovals {}).await else { return };
            let locale = app.i18n.get_locale_untracked();
            let text = match verdict.broken {
                None => td_string!(locale, baseline.whole, n = verdict.approvals),
                Some(broken) => broken_words(&broken, locale),
            };
            verified.try_set(Some(text));
        });
    };
    let body = move || match found.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Err(why)) => view! { <Notice text=why is_fault=true/> }.into_any(),
        Some(Ok(told)) => {
            let locale = i18n.get_locale();
            let broken = told.approvals.verdict.broken.as_ref().map(|broken| {
                view! { <Notice text=broken_words(broken, locale) is_fault=true/> }
            });
            let drift = match (&told.drift, app.plant.get()) {
                (Ok(drift), Some(plant)) => drifted(app, drift, &plant, locale),
                (Err(why), _) if told.approvals.verdict.broken.is_none() => {
                    view! { <Notice text=why.clone() is_fault=true/> }.into_any()
                }
                _ => ().into_any(),
            };
            let entries = &told.approvals.entries;
            let entries = (!entries.is_empty()).then(|| {
                let rows = entries.iter().map(|entry| approval_row(app, entry, locale)).collect_view();
                view! {
                    <details class="approvals">
                        <summary>{t!(i18n, baseline.approvals)}</summary>
                        <div class="sheet tall" tabindex="0">
                            <table class="data" data-testid="approvals">
                                <thead><tr>
                                    <th class="end">{t!(i18n, baseline.number)}</th>
                                    <th>{t!(i18n, baseline.changed_at)}</th>
                                    <th>{t!(i18n, baseline.who)}</th>
                                    <th class="end">{t!(i18n, baseline.rules_approved)}</th>
                                    <th class="end">{t!(i18n, baseline.rules_withdrawn)}</th>
                                    <th>{t!(i18n, baseline.reason)}</th>
                                    <th>{t!(i18n, baseline.digest)}</th>
                                </tr></thead>
                                <tbody>{rows}</tbody>
                            </table>
                        </div>
                        <p class="panel-calm">
                            <button class="small" data-testid="verify-approvals" on:click=verify>
                                {t!(i18n, baseline.verify)}
                            </button>
                            " "
                            <span data-testid="verified">{move || verified.get()}</span>
                        </p>
                    </details>
                }
            });
            view! { {broken} {drift} {entries} }.into_any()
        }
    };
    let aside = move || {
        let told = found.with(|found| found.as_ref().and_then(|found| found.as_ref().ok()).cloned())?;
        let newest = told.approvals.entries.first()?.clone();
        let locale = i18n.get_locale();
        let at = app.zone.with(|zone| zone.moment(newest.at, app.now.get_untracked(), locale));
        let by = newest.by.unwrap_or_else(|| td_string!(locale, baseline.nobody).to_owned());
        Some(view! { <span>{t_string!(i18n, baseline.newest, n = newest.number, at = at, by = by)}</span> })
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, baseline.title).to_owned())
            aside=ViewFn::from(move || view! { {aside} })
            class="analysis-wide"
        >
            <div data-testid="baseline">{body}</div>
        </Panel>
    }
    .into_any()
}

/// What is not as it was approved, with what can be done about it.
fn drifted(app: App, drift: &RulesDrift, plant: &PlantView, locale: Locale) -> AnyView {
    let may = app.may(Permission::SetLimits);
    let newest = drift.newest;
    let count = format::count(u64::from(drift.count), locale);
    let all_rules = td_string!(locale, baseline.all_rules);
    let said = td_string!(locale, baseline.drift_n, n = count.clone());
    let is_capped = usize::try_from(drift.count).is_ok_and(|count| count > drift.rules.len());
    let first = is_capped.then(|| {
        let shown = format::count(drift.rules.len() as u64, locale);
        td_string!(locale, baseline.drift_first, n = shown)
    });
    let approve_all = (may && drift.count > 0).then(|| {
        let said = std::iter::once(said.clone()).chain(first.clone());
        let lines: Vec<String> = if newest == 0 { Vec::new() } else { said.collect() };
        let seen = drift.versions.clone();
        view! {
            <button
                data-testid="approve-all"
                on:click=move |_| {
                    decide(app, Decision::Approve(seen.clone(), newest), all_rules.to_owned(), lines.clone());
                }
            >
                {td_string!(locale, baseline.approve_all)}
            </button>
        }
    });
    if newest == 0 {
        return view! {
            <p class="panel-calm" data-testid="baseline-none">{td_string!(locale, baseline.nothing_yet, n = count)}</p>
            <p class="panel-calm">{approve_all}</p>
        }
        .into_any();
    }
    if drift.count == 0 {
        return view! { <p class="panel-calm" data-testid="baseline-calm">{td_string!(locale, baseline.calm)}</p> }
            .into_any();
    }
    let rows = drift.rules.iter().map(|rule| rule_rows(app, rule, newest, may, plant, locale)).collect_view();
    let first = first.map(|first| view! { <p class="panel-calm">{first}</p> });
    view! {
        <p class="panel-calm"><b data-testid="drift-count">{said}</b> " " {approve_all}</p>
        {first}
        <div class="sheet tall" tabindex="0">
            <table class="data" data-testid="drift">
                <thead><tr>
                    <th></th>
                    <th>{td_string!(locale, baseline.alarm)}</th>
                    <th>{td_string!(locale, baseline.setting)}</th>
                    <th>{td_string!(locale, baseline.approved_value)}</th>
                    <th>{td_string!(locale, baseline.present_value)}</th>
                    <th>{td_string!(locale, baseline.changed_by)}</th>
                    <th>{td_string!(locale, baseline.changed_at)}</th>
                    <th></th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The lines of one rule; the first names it and has what can be done about it.
fn rule_rows(app: App, drift: &RuleDrift, newest: u64, may: bool, plant: &PlantView, locale: Locale) -> AnyView {
    let called = title(&drift.alarm, plant, locale);
    let lines = lines(drift, plant, locale);
    let texts: Vec<String> =
        lines.iter().map(|line| format!("{}: {} → {}", line.setting, line.now, line.approved)).collect();
    let span = lines.len().max(1).to_string();
    let back = as_approved(drift).filter(|_| may).map(|rule| {
        let (about, texts) = (called.clone(), texts.clone());
        view! {
            <button
                class="small"
                data-testid="return-rule"
                on:click=move |_| {
                    decide(app, Decision::Return(Box::new(rule.clone())), about.clone(), texts.clone());
                }
            >
                {td_string!(locale, baseline.return_one)}
            </button>
        }
    });
    let rule = drift.alarm.rule;
    let version = drift.now.as_ref().map(|now| now.version);
    let about = called.clone();
    let approve = may.then(|| {
        view! {
            <button
                class="small"
                data-testid="approve-rule"
                on:click=move |_| {
                    decide(app, Decision::Approve(vec![(rule, version)], newest), about.clone(), Vec::new());
                }
            >
                {td_string!(locale, baseline.approve_one)}
            </button>
        }
    });
    let path = format!("/alarms?rule={rule}");
    let mut head = Some(view! {
        <td rowspan=span.clone()><Badge priority=drift.alarm.priority fill=BadgeFill::Outlined/></td>
        <td class="wraps" rowspan=span.clone()><a href=path>{called}</a></td>
    });
    let mut acts = Some(view! { <td class="drift-acts" rowspan=span>{back} {approve}</td> });
    let rows = lines.into_iter().map(|Line { setting, approved, now, change }| {
        let (by, at, tip) = change_words(app, change.as_ref(), locale);
        view! {
            <tr data-testid="drift-row">
                {head.take()}
                <td class="wraps">{setting}</td>
                <td class="wraps">{approved}</td>
                <td class="wraps"><b>{now}</b></td>
                <td class="state">{by}</td>
                <td class="state" title=tip>{at}</td>
                {acts.take()}
            </tr>
        }
    });
    rows.collect_view().into_any()
}

fn approval_row(app: App, entry: &ApprovalEntry, locale: Locale) -> AnyView {
    let count = |count: u32| format::count(u64::from(count), locale);
    let now = app.now.get_untracked();
    let (at, full) = app.zone.with(|zone| (zone.moment(entry.at, now, locale), zone.full(entry.at, locale)));
    let by = entry.by.clone().unwrap_or_else(|| td_string!(locale, baseline.nobody).to_owned());
    let short: String = entry.digest.chars().take(12).collect();
    view! {
        <tr>
            <td class="end">{entry.number}</td>
            <td class="state" title=full>{at}</td>
            <td class="state">{by}</td>
            <td class="end">{count(entry.approved)}</td>
            <td class="end">{count(entry.withdrawn)}</td>
            <td class="wraps">{entry.reason.clone()}</td>
            <td class="state" title=entry.digest.clone()><code>{short}</code></td>
        </tr>
    }
    .into_any()
}
