//! Historic values from a CSV file: first what would happen, then, where nothing is wrong, for good. Must not know what
//! charts show: they are told that there is more.

use leptos::prelude::*;
use penstock_api::{ImportHistory, ImportReport};

use crate::components::{Answer, Faults, ImportDialog, Notice};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;

/// What the station does with a file, told whether it stores it.
fn doing(is_storing: bool, locale: Locale) -> &'static str {
    if is_storing { td_string!(locale, trends.import_storing) } else { td_string!(locale, trends.import_checking) }
}

#[component]
pub(crate) fn ImportValues() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let on_close = Callback::new(move |is_stored: bool| {
        // What was stored while the dialog was open is in the database by now.
        if is_stored {
            app.imported.update(|count| *count += 1);
        }
        app.overlay.set(None);
    });
    let ask = Callback::new(move |(csv, dry_run): (String, bool)| -> Answer<ImportReport> {
        Box::pin(async move {
            let answer = app.call(ImportHistory { csv, dry_run }).await;
            if !dry_run && answer.as_ref().is_ok_and(|found| found.faults.is_empty()) {
                app.imported.try_update(|count| *count += 1);
            }
            answer
        })
    });
    let found = Callback::new(move |(report, is_stored): (ImportReport, bool)| -> AnyView {
        let locale = i18n.get_locale();
        let number = |count: u32| format::count(u64::from(count), locale);
        let (read, added, same) = (number(report.read), number(report.added), number(report.same));
        let sum = if is_stored {
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
        view! {
            <p data-testid="import-report">{sum}</p>
            {old}
            {has_nothing.then(|| view! { <p class="quiet">{t!(i18n, trends.import_nothing)}</p> })}
            <Faults faults=report.faults most=ImportReport::MOST_FAULTS/>
        }
        .into_any()
    });
    view! {
        <ImportDialog
            title=Signal::derive(move || t_string!(i18n, trends.import_title).to_owned())
            testid="import-dialog"
            accept=".csv,text/csv"
            ask=ask
            found=found
            take=|n: u32, locale: Locale| td_string!(locale, trends.import_n, n = format::count(u64::from(n), locale))
            doing=doing
            on_close=on_close
        >
            <p>{t!(i18n, trends.import_note)}</p>
            <p class="quiet">{t!(i18n, trends.import_columns)}</p>
        </ImportDialog>
    }
    .into_any()
}
