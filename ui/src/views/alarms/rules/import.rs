//! Alarm rules from a file: first what would happen, then, where nothing is wrong and there is a reason, for good.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ImportFault, ImportRules as ImportRulesCall, RulesReport};
use wasm_bindgen::JsCast as _;

use crate::components::{Dialog, Kbd, Notice, TextField};
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::use_app;

/// Faults and hints shown; more do not help.
const SHOWN: usize = 50;

#[component]
pub(crate) fn ImportRules() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let file_name = RwSignal::new(String::new());
    let text = StoredValue::new(String::new());
    let report = RwSignal::new(None::<RulesReport>);
    let reason = RwSignal::new(String::new());
    let (fault, is_busy, is_done) = (RwSignal::new(None::<String>), RwSignal::new(false), RwSignal::new(false));
    let close = Callback::new(move |()| app.overlay.set(None));
    let send = move |dry_run: bool| {
        is_busy.set(true);
        fault.set(None);
        let reason = reason.get_untracked().trim().to_owned();
        spawn_local(async move {
            let text = text.try_get_value().unwrap_or_default();
            match app.call(ImportRulesCall { text, dry_run, reason }).await {
                Ok(found) => {
                    is_done.try_set(!dry_run && found.faults.is_empty());
                    report.try_set(Some(found));
                    if !dry_run {
                        app.fetch_register().await;
                    }
                }
                Err(error) => {
                    fault.try_set(Some(error.message));
                }
            }
            is_busy.try_set(false);
        });
    };
    let choose = move |event: leptos::ev::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(file) = input.and_then(|input| input.files()?.get(0)) else { return };
        file_name.set(file.name());
        report.set(None);
        is_done.set(false);
        spawn_local(async move {
            match page::text_of(&file).await {
                Some(content) => {
                    text.try_set_value(content);
                    send(true);
                }
                None => {
                    fault.try_set(Some(t_string!(i18n, points.unreadable).to_owned()));
                }
            }
        });
    };
    let changes = move || report.with(|report| report.as_ref().map_or(0, |report| report.added + report.changed));
    let is_ready = move || {
        !is_busy.get()
            && !is_done.get()
            && changes() > 0
            && reason.with(|reason| !reason.trim().is_empty())
            && report.with(|report| report.as_ref().is_some_and(|report| report.faults.is_empty()))
    };
    let commit = Callback::new(move |()| {
        if untrack(is_ready) {
            send(false);
        }
    });
    let rows = |found: Vec<ImportFault>| {
        let rows = found.into_iter().take(SHOWN).map(|fault| {
            view! { <tr><td class="end">{fault.line}</td><td><code>{fault.field}</code></td><td>{fault.message}</td></tr> }
        });
        rows.collect_view()
    };
    let found = move || {
        let report = report.get()?;
        let sum = t_string!(
            i18n,
            points.import_sum,
            read = report.read,
            added = report.added,
            changed = report.changed,
            same = report.same
        );
        let (faults, hints) = (report.faults.len(), report.hints.len());
        let (fault_rows, hint_rows) = (rows(report.faults), rows(report.hints));
        let heading = move || {
            view! { <thead><tr><th>{t!(i18n, points.line)}</th><th>{t!(i18n, points.column)}</th><th>{t!(i18n, points.what_is_wrong)}</th></tr></thead> }
        };
        Some(view! {
            <p data-testid="import-report">{if is_done.get() { t_string!(i18n, points.imported) } else { t_string!(i18n, points.would) }} " " {sum}</p>
            {(report.points > 0).then(|| view! { <p>{t!(i18n, rules.import_points, n = report.points)}</p> })}
            {(faults > 0).then(|| view! {
                <p><b class="bang">"! "</b><b>{t!(i18n, points.faults_n, n = faults)}</b></p>
                <div class="touched"><table class="fault-table">{heading()}<tbody>{fault_rows}</tbody></table></div>
            })}
            {(hints > 0).then(|| view! {
                <p>{t!(i18n, rules.hints_n, n = hints)}</p>
                <div class="touched"><table class="fault-table">{heading()}<tbody>{hint_rows}</tbody></table></div>
            })}
        })
    };
    view! {
        <Dialog
            title=Signal::derive(move || t_string!(i18n, rules.import_title).to_owned())
            on_close=close
            on_commit=commit
            class="wide"
            testid="import-rules-dialog"
        >
            <div class="dialog-body">
                <p>{t!(i18n, rules.import_note)}</p>
                <label class="file-choice">
                    <input type="file" accept=".csv,.json,text/csv,application/json" data-testid="import-file" on:change=choose/>
                    <span class="button">{t!(i18n, points.choose_file)}</span>
                    <span class="cut">{move || file_name.get()}</span>
                </label>
                {found}
                <TextField id="import-reason" label=Signal::derive(move || t_string!(i18n, rules.reason).to_owned()) value=reason/>
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button on:click=move |_| close.run(())>
                    {move || if is_done.get() { t_string!(i18n, words.close) } else { t_string!(i18n, words.cancel) }}
                </button>
                <button class="accent" data-testid="import-commit" disabled=move || !is_ready() on:click=move |_| commit.run(())>
                    {t!(i18n, points.import_n, n = changes)} <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}
