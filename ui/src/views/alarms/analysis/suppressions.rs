//! What keeps alarms from calling without anybody having allowed it: none is the target. A row leads to the alarm. The
//! station is asked when something changes, but not again and again in a flood.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ListUnauthorised, UnauthorisedSuppression, UnauthorisedSuppressions};
use penstock_model::{SuppressionObjection, Timestamp};

use super::title;
use crate::components::{Loading, Notice, Panel};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;
use crate::words;

/// The station is asked no more often than this, whatever changes.
const LEAST: Duration = Duration::from_secs(5);
/// And as often as this where nothing does: what began lately is judged a minute later.
const MOST: Duration = Duration::from_secs(60);

/// Whether the station is asked now: what it told before may be `stale`, since something has changed. A clock that was
/// set back asks too.
fn is_due(asked_at: Option<Timestamp>, now: Timestamp, stale: bool) -> bool {
    let pause = if stale { LEAST } else { MOST };
    asked_at.is_none_or(|asked| now < asked || now.since(asked) >= pause)
}

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
    let found = RwSignal::new(None::<Result<Arc<UnauthorisedSuppressions>, String>>);
    // What is kept, and what was approved, decide.
    let kept =
        Memo::new(move |_| app.alarms.kept.with(|kept| kept.iter().map(|view| view.state.rule).collect::<Vec<_>>()));
    let (is_stale, asked_at) = (RwSignal::new(false), StoredValue::new(None::<Timestamp>));
    Effect::new(move || {
        kept.with(|_| ());
        app.decided.track();
        app.plant.track();
        is_stale.set(true);
    });
    Effect::new(move || {
        let now = app.now.get();
        if !is_due(asked_at.get_value(), now, is_stale.get()) {
            return;
        }
        asked_at.set_value(Some(now));
        is_stale.set(false);
        spawn_local(async move {
            let reply = app.call(ListUnauthorised {}).await;
            found.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
        });
    });
    let body = move || match found.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Err(why)) => view! { <Notice text=why is_fault=true/> }.into_any(),
        Some(Ok(told)) if told.rows.is_empty() => {
            view! { <p class="panel-calm" data-testid="unauthorised-none">{t!(i18n, baseline.unauthorised_none)}</p> }
                .into_any()
        }
        Some(Ok(told)) => {
            let locale = i18n.get_locale();
            let is_capped = usize::try_from(told.count).is_ok_and(|count| count > told.rows.len());
            let first = is_capped.then(|| {
                let shown = format::count(told.rows.len() as u64, locale);
                view! { <p class="panel-calm">{td_string!(locale, baseline.unauthorised_first, n = shown)}</p> }
            });
            let rows = told.rows.iter().map(|row| row_of(row, locale)).collect_view();
            view! {
                {first}
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
            Some(Ok(told)) => Some(told.count),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_asks_no_more_often_than_a_calm() {
        let at = Timestamp::from_secs;
        let check = |asked: Option<i64>, now: i64, stale: bool, expect: bool| {
            assert_eq!(is_due(asked.map(at), at(now), stale), expect, "asked at {asked:?}, now {now}, stale: {stale}");
        };
        check(None, 100, true, true);
        check(Some(100), 104, true, false);
        check(Some(100), 105, true, true);
        check(Some(100), 105, false, false);
        check(Some(100), 160, false, true);
        check(Some(100), 90, false, true);
    }
}
