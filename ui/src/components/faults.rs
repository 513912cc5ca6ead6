//! What is wrong with a file that was to be imported, row by row. Must not know what the file holds.

use leptos::prelude::*;
use penstock_api::ImportFault;

use crate::i18n::{t, t_string, use_i18n};

/// Faults shown; more do not help.
const SHOWN: usize = 50;

/// How many faults there are, as far as that was told.
fn count_text(told: usize, most: usize) -> String {
    if told < most { told.to_string() } else { format!("≥ {told}") }
}

/// How many faults there are, and the first of them; nothing where there are none.
#[component]
pub(crate) fn Faults(
    faults: Vec<ImportFault>,
    /// As many are told at most: where it is so many, there may be more.
    #[prop(default = usize::MAX)]
    most: usize,
) -> impl IntoView {
    let i18n = use_i18n();
    let count = faults.len();
    if count == 0 {
        return ().into_any();
    }
    view! {
        <p data-testid="import-faults">
            <b class="bang">"! "</b><b>{move || t_string!(i18n, points.faults_n, n = count_text(count, most))}</b>
        </p>
        <FaultTable faults=faults/>
    }
    .into_any()
}

/// The first remarks on a file with line, column and what is to be done.
#[component]
pub(crate) fn FaultTable(faults: Vec<ImportFault>) -> impl IntoView {
    let i18n = use_i18n();
    let rows = faults.into_iter().take(SHOWN).map(|fault| {
        view! { <tr><td class="end">{fault.line}</td><td><code>{fault.field}</code></td><td>{fault.message}</td></tr> }
    });
    let rows = rows.collect_view();
    view! {
        <div class="touched">
            <table class="fault-table">
                <thead><tr><th>{t!(i18n, points.line)}</th><th>{t!(i18n, points.column)}</th><th>{t!(i18n, points.what_is_wrong)}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_was_cut_says_so() {
        assert_eq!(count_text(3, 200), "3");
        assert_eq!(count_text(200, 200), "≥ 200");
        assert_eq!(count_text(200, usize::MAX), "200");
    }
}
