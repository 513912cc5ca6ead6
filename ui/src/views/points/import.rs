//! Points from a CSV file: first what would happen, then, where nothing is wrong, for good.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ImportPoints as ImportPointsCall, ImportReport};

use crate::components::{Answer, Faults, ImportDialog};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;

#[component]
pub(crate) fn ImportPoints() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let ask = Callback::new(move |(csv, dry_run): (String, bool)| -> Answer<ImportReport> {
        Box::pin(async move {
            let answer = app.call(ImportPointsCall { csv, dry_run }).await;
            if !dry_run && answer.is_ok() {
                spawn_local(app.fetch_register());
            }
            answer
        })
    });
    let found = Callback::new(move |(report, is_stored): (ImportReport, bool)| -> AnyView {
        let sum = t_string!(
            i18n,
            points.import_sum,
            read = report.read,
            added = report.added,
            changed = report.changed,
            same = report.same
        );
        view! {
            <p data-testid="import-report">{if is_stored { t_string!(i18n, points.imported) } else { t_string!(i18n, points.would) }} " " {sum}</p>
            <Faults faults=report.faults most=ImportReport::MOST_FAULTS/>
        }
        .into_any()
    });
    view! {
        <ImportDialog
            title=Signal::derive(move || t_string!(i18n, points.import_title).to_owned())
            testid="import-dialog"
            accept=".csv,text/csv"
            ask=ask
            found=found
            take=|n: u32, locale: Locale| td_string!(locale, points.import_n, n = n)
            on_close=Callback::new(move |_is_stored: bool| app.overlay.set(None))
        >
            <p>{t!(i18n, points.import_note)}</p>
        </ImportDialog>
    }
    .into_any()
}
