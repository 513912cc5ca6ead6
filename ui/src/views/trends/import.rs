//! Historic values from a CSV file: first what would happen, then, where nothing is wrong, for good. Must not know what
//! charts show: they are told that there is more.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ImportHistory, ImportReport};
use wasm_bindgen::JsCast as _;

use crate::components::{Dialog, Faults, Kbd, Loading, Notice};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::use_app;

/// A larger file does not fit into one call, whose text is quoted on its way.
const LARGEST: f64 = 48e6;

/// Where the import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A file is to be chosen.
    Choose,
    /// The station looks at it.
    Check,
    /// It can be stored, or says why not.
    Checked,
    /// The station stores it.
    Store,
    /// It is stored.
    Stored,
}

/// Whether there is something to store and nothing against it.
fn is_ready(step: Step, report: Option<&ImportReport>) -> bool {
    step == Step::Checked && report.is_some_and(|report| report.faults.is_empty() && report.added > 0)
}

fn input_of(event: &web_sys::Event) -> Option<web_sys::HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

#[component]
pub(crate) fn ImportValues() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let file_name = RwSignal::new(String::new());
    let text = StoredValue::new(String::new());
    let report = RwSignal::new(None::<ImportReport>);
    let (fault, step) = (RwSignal::new(None::<String>), RwSignal::new(Step::Choose));
    let close = Callback::new(move |()| {
        // What was stored while the dialog was open is in the database by now.
        if step.get_untracked() == Step::Stored {
            app.imported.update(|count| *count += 1);
        }
        app.overlay.set(None);
    });
    let send = move |dry_run: bool| {
        let Some(csv) = text.try_get_value() else { return };
        fault.set(None);
        step.set(if dry_run { Step::Check } else { Step::Store });
        spawn_local(async move {
            match app.call(ImportHistory { csv, dry_run }).await {
                Ok(found) => {
                    let is_stored = !dry_run && found.faults.is_empty();
                    report.try_set(Some(found));
                    step.try_set(if is_stored { Step::Stored } else { Step::Checked });
                    if is_stored {
                        app.imported.try_update(|count| *count += 1);
                    }
                }
                Err(error) => {
                    fault.try_set(Some(error.message));
                    // A file that was looked at can be tried again: what is stored by then is left out.
                    step.try_set(if dry_run { Step::Choose } else { Step::Checked });
                }
            }
        });
    };
    let choose = move |event: leptos::ev::Event| {
        let Some(file) = input_of(&event).and_then(|input| input.files()?.get(0)) else { return };
        file_name.set(file.name());
        report.set(None);
        fault.set(None);
        step.set(Step::Choose);
        if file.size() > LARGEST {
            let locale = i18n.get_locale_untracked();
            let (size, most) = (format::bytes(file.size() as u64, locale), format::bytes(LARGEST as u64, locale));
            return fault.set(Some(t_string!(i18n, trends.import_large, size = size, most = most)));
        }
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
    // A file that was mended is the same one to the page, and choosing it again would be no change.
    let forget = move |event: leptos::ev::MouseEvent| {
        if let Some(input) = input_of(&event) {
            input.set_value("");
        }
    };
    let is_busy = Memo::new(move |_| matches!(step.get(), Step::Check | Step::Store));
    let can_store = Memo::new(move |_| report.with(|report| is_ready(step.get(), report.as_ref())));
    let count = move || report.with(|report| report.as_ref().map_or(0, |report| report.added));
    let commit = Callback::new(move |()| {
        if can_store.get_untracked() {
            send(false);
        }
    });
    let progress = move || {
        is_busy.get().then(|| {
            let doing = move || match step.get() {
                Step::Store => t_string!(i18n, trends.import_storing),
                _ => t_string!(i18n, trends.import_checking),
            };
            view! {
                <p role="status" data-testid="import-busy">{doing}</p>
                <Loading/>
            }
        })
    };
    let found = move || {
        let report = report.get().filter(|_| !is_busy.get())?;
        let locale = i18n.get_locale();
        let number = |count: u32| format::count(u64::from(count), locale);
        let (read, added, same) = (number(report.read), number(report.added), number(report.same));
        let sum = if step.get() == Step::Stored {
            t_string!(i18n, trends.import_stored, read = read, added = added, same = same)
        } else {
            t_string!(i18n, trends.import_would, read = read, added = added, same = same)
        };
        let old = report.old.map(|old| {
            let n = number(old.count);
            let mut told = if old.archived {
                t_string!(i18n, trends.import_old, n = n)
            } else {
                t_string!(i18n, trends.import_old_gone, n = n)
            };
            if old.beyond_roll_ups > 0 {
                let n = number(old.beyond_roll_ups);
                told.push(' ');
                told.push_str(&t_string!(i18n, trends.import_oldest, n = n));
            }
            view! { <div data-testid="import-old"><Notice text=told/></div> }
        });
        let has_nothing = report.faults.is_empty() && report.added == 0;
        Some(view! {
            <p data-testid="import-report">{sum}</p>
            {old}
            {has_nothing.then(|| view! { <p class="quiet">{t!(i18n, trends.import_nothing)}</p> })}
            <Faults faults=report.faults/>
        })
    };
    view! {
        <Dialog
            title=Signal::derive(move || t_string!(i18n, trends.import_title).to_owned())
            on_close=close
            on_commit=commit
            class="wide"
            testid="import-dialog"
        >
            <div class="dialog-body">
                <p>{t!(i18n, trends.import_note)}</p>
                <p class="quiet">{t!(i18n, trends.import_columns)}</p>
                <label class="file-choice">
                    <input
                        type="file"
                        accept=".csv,text/csv"
                        data-testid="import-file"
                        disabled=move || is_busy.get()
                        on:click=forget
                        on:change=choose
                    />
                    <span class="button">{t!(i18n, points.choose_file)}</span>
                    <span class="cut">{move || file_name.get()}</span>
                </label>
                {progress}
                {found}
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button data-testid="import-close" on:click=move |_| close.run(())>
                    {move || if step.get() == Step::Stored { t_string!(i18n, words.close) } else { t_string!(i18n, words.cancel) }}
                </button>
                <button class="accent" data-testid="import-commit" disabled=move || !can_store.get() on:click=move |_| commit.run(())>
                    {move || t_string!(i18n, trends.import_n, n = format::count(u64::from(count()), i18n.get_locale()))}
                    " " <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_api::ImportFault;

    use super::*;

    #[test]
    fn only_a_checked_file_with_news_and_without_faults_can_be_stored() {
        let news = ImportReport { read: 3, added: 2, same: 1, ..ImportReport::default() };
        let known = ImportReport { read: 3, same: 3, ..ImportReport::default() };
        let fault = ImportFault { line: 2, field: "time".to_owned(), message: "not a time".to_owned() };
        let faulty = ImportReport { faults: vec![fault], ..news.clone() };
        assert!(is_ready(Step::Checked, Some(&news)));
        assert!(!is_ready(Step::Checked, Some(&known)));
        assert!(!is_ready(Step::Checked, Some(&faulty)));
        assert!(!is_ready(Step::Checked, None));
        for step in [Step::Choose, Step::Check, Step::Store, Step::Stored] {
            assert!(!is_ready(step, Some(&news)), "{step:?}");
        }
    }
}
