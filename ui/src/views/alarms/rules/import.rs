//! Alarm rules from a file: first what would happen, then, where nothing is wrong and there is a reason, for good.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ImportRules as ImportRulesCall, RulesReport};

use crate::components::{Answer, FaultTable, Faults, ImportDialog, TextField};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;

#[component]
pub(crate) fn ImportRules() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let reason = RwSignal::new(String::new());
    let ask = Callback::new(move |(text, dry_run): (String, bool)| -> Answer<RulesReport> {
        let reason = reason.get_untracked().trim().to_owned();
        Box::pin(async move {
            let answer = app.call(ImportRulesCall { text, dry_run, reason }).await;
            if !dry_run && answer.is_ok() {
                spawn_local(app.fetch_register());
            }
            answer
        })
    });
    let found = Callback::new(move |(report, is_stored): (RulesReport, bool)| -> AnyView {
        let sum = t_string!(
            i18n,
            points.import_sum,
            read = report.read,
            added = report.added,
            changed = report.changed,
            same = report.same
        );
        let (points, hints) = (report.points, report.hints);
        view! {
            <p data-testid="import-report">{if is_stored { t_string!(i18n, points.imported) } else { t_string!(i18n, points.would) }} " " {sum}</p>
            {(points > 0).then(|| view! { <p>{t!(i18n, rules.import_points, n = points)}</p> })}
            <Faults faults=report.faults/>
            {(!hints.is_empty()).then(|| {
                let count = hints.len();
                view! { <p>{t!(i18n, rules.hints_n, n = count)}</p><FaultTable faults=hints/> }
            })}
        }
        .into_any()
    });
    view! {
        <ImportDialog
            title=Signal::derive(move || t_string!(i18n, rules.import_title).to_owned())
            testid="import-rules-dialog"
            accept=".csv,.json,text/csv,application/json"
            ask=ask
            found=found
            take=|n: u32, locale: Locale| td_string!(locale, points.import_n, n = n)
            more=ViewFn::from(move || view! {
                <TextField id="import-reason" label=Signal::derive(move || t_string!(i18n, rules.reason).to_owned()) value=reason/>
            })
            is_given=Signal::derive(move || reason.with(|reason| !reason.trim().is_empty()))
            on_close=Callback::new(move |_is_stored: bool| app.overlay.set(None))
        >
            <p>{t!(i18n, rules.import_note)}</p>
        </ImportDialog>
    }
    .into_any()
}
