//! The dialog of an import: a file is chosen and looked at, then, where nothing is wrong and there is news, taken for
//! good. Must not know what the file holds or who takes it.

use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ApiError, ImportFault, ImportReport, RulesReport};
use wasm_bindgen::JsCast as _;

use super::{Dialog, Kbd, Loading, Notice};
use crate::format;
use crate::i18n::{Locale, t, t_string, use_i18n};
use crate::page;

/// A larger file does not fit into one call, whose text is quoted on its way.
const LARGEST: f64 = 48e6;

/// What an import did, or would do, as far as the dialog has to know.
pub(crate) trait Report: Clone + Send + Sync + 'static {
    /// What is wrong; while anything is, nothing is changed.
    fn faults(&self) -> &[ImportFault];

    /// How much is new or becomes another.
    fn changes(&self) -> u32;
}

impl Report for ImportReport {
    fn faults(&self) -> &[ImportFault] {
        &self.faults
    }

    fn changes(&self) -> u32 {
        self.added + self.changed
    }
}

impl Report for RulesReport {
    fn faults(&self) -> &[ImportFault] {
        &self.faults
    }

    fn changes(&self) -> u32 {
        self.added + self.changed
    }
}

/// The station's answer, once it is there.
pub(crate) type Answer<R> = Pin<Box<dyn Future<Output = Result<R, ApiError>>>>;

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
fn is_ready<R: Report>(step: Step, report: Option<&R>) -> bool {
    step == Step::Checked && report.is_some_and(|report| report.faults().is_empty() && report.changes() > 0)
}

fn input_of(event: &web_sys::Event) -> Option<web_sys::HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

/// The dialog with its file, what was found in it, and the button that takes it.
#[component]
pub(crate) fn ImportDialog<R: Report>(
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// Name for tests.
    testid: &'static str,
    /// Kinds of files, as a file field names them.
    accept: &'static str,
    /// Asks the station, given the file's text and whether it shall only say what would happen.
    ask: Callback<(String, bool), Answer<R>>,
    /// Draws what the station found, told whether that is stored.
    found: Callback<(R, bool), AnyView>,
    /// What the button says that takes so much.
    take: fn(u32, Locale) -> String,
    /// What the station does, told whether it stores; none where it is over at once. What was found gives way to it.
    #[prop(optional)]
    doing: Option<fn(bool, Locale) -> &'static str>,
    /// What else is asked for, below what was found.
    #[prop(into, default = ViewFn::from(|| ()))]
    more: ViewFn,
    /// Whether that was given.
    #[prop(into, default = true.into())]
    is_given: Signal<bool>,
    /// What closes it, told whether something is stored.
    on_close: Callback<bool>,
    /// What can be imported.
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let file_name = RwSignal::new(String::new());
    let text = StoredValue::new(String::new());
    let report = RwSignal::new(None::<R>);
    let (fault, step) = (RwSignal::new(None::<String>), RwSignal::new(Step::Choose));
    let close = Callback::new(move |()| on_close.run(step.get_untracked() == Step::Stored));
    let send = move |dry_run: bool| {
        let Some(content) = text.try_get_value() else { return };
        fault.set(None);
        step.set(if dry_run { Step::Check } else { Step::Store });
        let answer = ask.run((content, dry_run));
        spawn_local(async move {
            match answer.await {
                Ok(found) => {
                    let is_stored = !dry_run && found.faults().is_empty();
                    report.try_set(Some(found));
                    step.try_set(if is_stored { Step::Stored } else { Step::Checked });
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
    let can_store = Memo::new(move |_| is_given.get() && report.with(|report| is_ready(step.get(), report.as_ref())));
    let changes = move || report.with(|report| report.as_ref().map_or(0, Report::changes));
    let commit = Callback::new(move |()| {
        if can_store.get_untracked() {
            send(false);
        }
    });
    let progress = move || {
        doing.filter(|_| is_busy.get()).map(|doing| {
            view! {
                <p role="status" data-testid="import-busy">{move || doing(step.get() == Step::Store, i18n.get_locale())}</p>
                <Loading/>
            }
        })
    };
    let findings = move || {
        let report = report.get().filter(|_| doing.is_none() || !is_busy.get())?;
        Some(found.run((report, step.get() == Step::Stored)))
    };
    view! {
        <Dialog title=title on_close=close on_commit=commit class="wide" testid=testid>
            <div class="dialog-body">
                {children()}
                <label class="file-choice">
                    <input
                        type="file"
                        accept=accept
                        data-testid="import-file"
                        disabled=move || is_busy.get()
                        on:click=forget
                        on:change=choose
                    />
                    <span class="button">{t!(i18n, points.choose_file)}</span>
                    <span class="cut">{move || file_name.get()}</span>
                </label>
                {progress}
                {findings}
                {more.run()}
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button data-testid="import-close" on:click=move |_| close.run(())>
                    {move || if step.get() == Step::Stored { t_string!(i18n, words.close) } else { t_string!(i18n, words.cancel) }}
                </button>
                <button class="accent" data-testid="import-commit" disabled=move || !can_store.get() on:click=move |_| commit.run(())>
                    {move || take(changes(), i18n.get_locale())} " " <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_checked_file_with_news_and_without_faults_can_be_stored() {
        let news = ImportReport { read: 3, added: 2, same: 1, ..ImportReport::default() };
        let known = ImportReport { read: 3, same: 3, ..ImportReport::default() };
        let fault = ImportFault { line: 2, field: "time".to_owned(), message: "not a time".to_owned() };
        let faulty = ImportReport { faults: vec![fault], ..news.clone() };
        assert!(is_ready(Step::Checked, Some(&news)));
        assert!(is_ready(Step::Checked, Some(&RulesReport { read: 3, changed: 1, ..RulesReport::default() })));
        assert!(!is_ready(Step::Checked, Some(&known)));
        assert!(!is_ready(Step::Checked, Some(&faulty)));
        assert!(!is_ready(Step::Checked, None::<&ImportReport>));
        for step in [Step::Choose, Step::Check, Step::Store, Step::Stored] {
            assert!(!is_ready(step, Some(&news)), "{step:?}");
        }
    }
}
