//! A text that is told beside alarms, as a field that shows what it inherits while it is empty, and where from; and
//! what the texts of a rule inherit. Must not know who saves them.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use penstock_api::ScopeGuidance;
use penstock_model::{Provenance, ResolvedAdvice, ScopeAdvice, Sourced, figure};

use crate::i18n::use_i18n;
use crate::state::PlantView;
use crate::views::alarms::guidance::from_text;

/// Minutes as a field shows them.
pub(super) fn minutes(time: Option<Duration>) -> String {
    time.map(|time| figure(time.as_secs_f64() / 60.0)).unwrap_or_default()
}

/// What a rule is told where it says nothing itself: what is set for what it is about, or further out; else, of what is
/// `told` beside its alarm, what stands there since the start.
pub(super) fn inherited(of_subject: ScopeGuidance, told: ResolvedAdvice) -> ResolvedAdvice {
    let ScopeGuidance { own: ScopeAdvice { scope, advice, .. }, inherited } = of_subject;
    let from = Provenance::Scope(scope);
    let text = |own: String, outer: Option<Sourced<String>>, told: Option<Sourced<String>>| {
        let own = (!own.trim().is_empty()).then_some(Sourced { value: own, from });
        own.or(outer).or(told.filter(|told| told.from == Provenance::Starting))
    };
    ResolvedAdvice {
        cause: text(advice.guidance.cause, inherited.cause, told.cause),
        consequence: text(advice.guidance.consequence, inherited.consequence, told.consequence),
        action: text(advice.guidance.action, inherited.action, told.action),
        contact: text(advice.contact, inherited.contact, told.contact),
        call_within: advice.call_within.map(|value| Sourced { value, from }).or(inherited.call_within),
        screen: text(advice.screen.unwrap_or_default(), inherited.screen, told.screen),
    }
}

/// A text that shows what it inherits for as long as it is empty.
#[component]
pub(super) fn Inheriting(
    /// Name for tests and labels.
    id: &'static str,
    label: Signal<String>,
    value: RwSignal<String>,
    inherits: Signal<Option<Sourced<String>>>,
    plant: Arc<PlantView>,
    /// Whether it has several lines.
    is_long: bool,
    /// Whether it is only to be read.
    is_fixed: bool,
    fault: Signal<Option<String>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let placeholder = move || inherits.get().map(|inherits| inherits.value).unwrap_or_default();
    let input = if is_long {
        view! {
            <textarea
                id=id
                data-testid=id
                maxlength="2000"
                placeholder=placeholder
                disabled=is_fixed
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            ></textarea>
        }
        .into_any()
    } else {
        view! {
            <input
                id=id
                type="text"
                data-testid=id
                autocomplete="off"
                spellcheck="false"
                placeholder=placeholder
                disabled=is_fixed
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
        }
        .into_any()
    };
    let below = move || {
        if let Some(fault) = fault.get() {
            return Some(view! { <span class="field-fault">"! " {fault}</span> }.into_any());
        }
        let Sourced { from, .. } = inherits.get().filter(|_| value.with(|value| value.trim().is_empty()))?;
        Some(view! { <span class="field-hint">{from_text(from, &plant, i18n.get_locale())}</span> }.into_any())
    };
    view! {
        <div class="field" class:has-fault=move || fault.with(Option::is_some)>
            <label for=id>{move || label.get()}</label>
            {input}
            {below}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_model::{Advice, AreaId, Guidance, PointId, Scope, TenantId, Timestamp};

    use super::*;

    #[test]
    fn an_empty_text_of_a_rule_is_told_by_the_nearest_that_says_so() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let point = Scope::Point(PointId::derived(tenant.0, "PT-01"));
        let area = Provenance::Scope(Scope::Area(AreaId::derived(tenant.0, "DMA 3")));
        let told = |value: &str, from: Provenance| Some(Sourced { value: value.to_owned(), from });
        let advice = Advice {
            guidance: Guidance { cause: "a leak".into(), consequence: " ".into(), ..Guidance::default() },
            call_within: Some(Duration::from_secs(600)),
            ..Advice::default()
        };
        let outer = ResolvedAdvice {
            cause: told("a burst", area),
            consequence: told("no water", area),
            contact: told("Duty engineer", area),
            call_within: Some(Sourced { value: Duration::from_secs(60), from: area }),
            ..ResolvedAdvice::default()
        };
        let alarm = ResolvedAdvice {
            cause: told("a leak", Provenance::Scope(point)),
            action: told("close the valve", Provenance::Rule),
            screen: told("/trends", Provenance::Starting),
            ..ResolvedAdvice::default()
        };
        let own = ScopeAdvice { scope: point, version: 2, advice };
        let found = inherited(ScopeGuidance { own, inherited: outer }, alarm);
        assert_eq!(found.cause, told("a leak", Provenance::Scope(point)));
        assert_eq!(found.consequence, told("no water", area));
        assert_eq!(found.action, None, "what the rule itself says is not inherited");
        assert_eq!(found.contact, told("Duty engineer", area));
        let within = Sourced { value: Duration::from_secs(600), from: Provenance::Scope(point) };
        assert_eq!(found.call_within, Some(within));
        assert_eq!(found.screen, told("/trends", Provenance::Starting));
    }
}
