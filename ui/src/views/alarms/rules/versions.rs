//! The versions that a rule had, newest first: who changed what, when and why.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{ListRuleVersions, RuleVersion};
use penstock_model::{RuleId, Timestamp};

use super::facts::{Difference, differences};
use crate::components::{Loading, Notice};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

#[component]
pub(super) fn Versions(rule: RuleId) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let found = RwSignal::new(None::<Result<Arc<Vec<RuleVersion>>, String>>);
    leptos::task::spawn_local(async move {
        let reply = app.call(ListRuleVersions { rule }).await;
        found.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
    });
    let list = move || match (found.get(), app.plant.get()) {
        (Some(Ok(versions)), Some(plant)) => {
            let former = versions.iter().skip(1).map(Some).chain(std::iter::once(None));
            let rows = versions.iter().zip(former).map(|(RuleVersion { rule, at, by, reason }, former)| {
                let changed = former.map(|former| differences(&former.rule, rule, &plant, i18n.get_locale()));
                version_row(rule.version, *at, by.as_deref(), reason.as_deref(), changed.unwrap_or_default())
            });
            rows.collect_view().into_any()
        }
        (Some(Err(why)), _) => view! { <Notice text=why is_fault=true/> }.into_any(),
        _ => view! { <Loading/> }.into_any(),
    };
    view! {
        <div class="drawer-section" data-testid="rule-versions">
            <h3>{t!(i18n, rules.versions)}</h3>
            {list}
        </div>
    }
    .into_any()
}

/// A version with what it changed of the one before it.
pub(super) fn version_row(
    number: u32,
    at: Timestamp,
    by: Option<&str>,
    reason: Option<&str>,
    changed: Vec<Difference>,
) -> AnyView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let (at, full) = app.zone.with(|zone| (zone.moment(at, app.now.get_untracked(), locale), zone.full(at, locale)));
    let by = by.unwrap_or_else(|| t_string!(i18n, rules.by_station)).to_owned();
    let reason = reason.map(str::to_owned);
    let lines = changed.into_iter().map(|Difference { name, was, is, .. }| {
        view! { <dt>{name}</dt><dd>{was} " → " <b>{is}</b></dd> }
    });
    view! {
        <div class="version">
            <p>
                <b>{t_string!(i18n, rules.version_n, n = number)}</b>
                <span class="quiet" title=full>{format!(" · {at} · {by}")}</span>
            </p>
            {reason.map(|reason| view! { <p>{reason}</p> })}
            <dl class="facts">{lines.collect_view()}</dl>
        </div>
    }
    .into_any()
}
