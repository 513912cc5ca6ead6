//! What keeps alarms from calling without anybody having allowed it: none is the target. A row leads to the alarm.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ListUnauthorised, UnauthorisedSuppression};
use penstock_model::SuppressionObjection;

use super::title;
use crate::components::{Loading, Notice, Panel};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;
use crate::words;

fn objection_word(objection: SuppressionObjection, locale: Locale) -> &'static str {
    match objection {
        SuppressionObjection::Expired => td_string!(locale, baseline.objection_expired),
        SuppressionObjection::TooLong => td_string!(locale, baseline.objection_too_long),
        SuppressionObjection::ByNobody => td_string!(locale, baseline.objection_by_nobody),
        SuppressionObjection::NotAllowed => td_string!(locale, baseline.objection_not_allowed),
        SuppressionObjection::NoReason => td_string!(locale, baseline.objection_no_reason),
        SuppressionObjection::NotApproved => td_string!(locale, baseline.objection_not_approved),
    }
}

#[component]
pub(super) fn Suppressions() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let found = RwSignal::new(None::<Result<Arc<Vec<UnauthorisedSuppression>>, String>>);
    // What is kept, and what was approved, decide.
    let kept =
        Memo::new(move |_| app.alarms.kept.with(|kept| kept.iter().map(|view| view.state.rule).collect::<Vec<_>>()));
    Effect::new(move || {
        kept.with(|_| ());
        app.decided.track();
        app.plant.track();
        spawn_local(async move {
            let reply = app.call(ListUnauthorised {}).await;
            found.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
        });
    });
    let body = move || match found.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Err(why)) => view! { <Notice text=why is_fault=true/> }.into_any(),
        Some(Ok(rows)) if rows.is_empty() => {
            view! { <p class="panel-calm" data-testid="unauthorised-none">{t!(i18n, baseline.unauthorised_none)}</p> }
                .into_any()
        }
        Some(Ok(rows)) => {
            let locale = i18n.get_locale();
            let rows = rows.iter().map(|row| row_of(row, locale)).collect_view();
            view! {
                <div class="sheet tall" tabindex="0">
                    <table class="data" data-testid="unauthorised">
                        <thead><tr>
                            <th>{t!(i18n, baseline.alarm)}</th>
                            <th>{t!(i18n, baseline.kept_by)}</th>
                            <th>{t!(i18n, baseline.since)}</th>
                            <th>{t!(i18n, baseline.who)}</th>
                            <th>{t!(i18n, baseline.wrong)}</th>
                        </tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
            .into_any()
        }
    };
    let aside = move || {
        let count = found.with(|found| match found {
            Some(Ok(rows)) => Some(rows.len()),
            _ => None,
        })?;
        Some(view! { <span>{t_string!(i18n, baseline.unauthorised_n, n = count)}</span> })
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, baseline.unauthorised).to_owned())
            aside=ViewFn::from(move || view! { {aside} })
            class="analysis-wide"
        >
            {body}
        </Panel>
    }
    .into_any()
}

fn row_of(row: &UnauthorisedSuppression, locale: Locale) -> AnyView {
    let app = use_app();
    let called = app.plant.with_untracked(|plant| plant.as_ref().map(|plant| title(&row.alarm, plant, locale)));
    let (since, full) = app
        .zone
        .with_untracked(|zone| (zone.moment(row.since, app.now.get_untracked(), locale), zone.full(row.since, locale)));
    let by = row.by.clone().unwrap_or_else(|| td_string!(locale, baseline.nobody).to_owned());
    view! {
        <tr>
            <td class="wraps"><a href=format!("/alarms?alarm={}", row.alarm.rule)>{called.unwrap_or_default()}</a></td>
            <td class="state">{words::kept_by(row.kept, locale)}</td>
            <td class="state" title=full>{since}</td>
            <td class="state">{by}</td>
            <td class="wraps"><b>{objection_word(row.objection, locale)}</b></td>
        </tr>
    }
    .into_any()
}
