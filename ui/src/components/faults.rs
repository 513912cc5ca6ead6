//! What is wrong with a file that was to be imported, row by row. Must not know what the file holds.

use leptos::prelude::*;
use penstock_api::{ImportFault, ImportReport};

use crate::i18n::{t, t_string, use_i18n};

/// Faults shown; more do not help.
const SHOWN: usize = 50;

/// How many faults there are, as far as that was told.
fn count_text(told: usize) -> String {
    if told < ImportReport::MOST_FAULTS { told.to_string() } else { format!("≥ {told}") }
}

/// The first faults with line, column and cure; nothing where there are none.
#[component]
pub(crate) fn Faults(faults: Vec<ImportFault>) -> impl IntoView {
    let i18n = use_i18n();
    let count = faults.len();
    if count == 0 {
        return ().into_any();
    }
    let rows = faults.into_iter().take(SHOWN).map(|fault| {
        view! { <tr><td class="end">{fault.line}</td><td><code>{fault.field}</code></td><td>{fault.message}</td></tr> }
    });
    let rows = rows.collect_view();
    view! {
        <p data-testid="import-faults"><b class="bang">"! "</b><b>{move || t_string!(i18n, points.faults_n, n = count_text(count))}</b></p>
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
        assert_eq!(count_text(3), "3");
        assert_eq!(count_text(ImportReport::MOST_FAULTS), format!("≥ {}", ImportReport::MOST_FAULTS));
    }
}
