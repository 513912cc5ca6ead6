//! What an operator is told beside an alarm and whom they call: each field from the nearest that says something of it,
//! from the rule itself over its point, equipment, site and area up to all of the plant, and last from what Penstock
//! starts with. Must not know where any of it is kept or how it is shown.
//!
//! A rule that follows from its subject carries the texts that Penstock starts with. As long as nobody has changed one,
//! it is not the rule that says so: what people set for the place comes before it.

mod starting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use penstock_model::{
    Advice, AlarmRule, Condition, Guidance, Plant, Point, Provenance, ResolvedAdvice, Scope, ScopeAdvice, Site, SiteId,
    Sourced, Subject, screen_fault,
};

use crate::derive::derived_id;
pub(crate) use starting::{anomaly, device_silence, limit, silence};

/// What is told beside the alarm of a rule. `point` is the one that it is about, where it is about one; `set` is what
/// is set for parts of the plant.
pub fn advice_of(
    rule: &AlarmRule,
    plant: &Plant,
    point: Option<&Point>,
    set: &BTreeMap<Scope, ScopeAdvice>,
) -> ResolvedAdvice {
    let starting = starting_advice(rule, plant, point);
    let own = own_advice(rule, &starting.guidance);
    let levels = levels(Scope::from(rule.subject), plant, point);
    let sources: Vec<(Provenance, &Advice)> = std::iter::once((Provenance::Rule, &own))
        .chain(set_for(&levels, set))
        .chain(std::iter::once((Provenance::Starting, &starting)))
        .collect();
    resolve(&sources, |path| filled(path, &levels))
}

/// What a part of the plant inherits from those that it lies in, where nothing is set for itself. `point` is the one
/// that `scope` is, where it is one. Paths of screens are as they were set, with their braces.
pub fn inherited_advice(
    scope: Scope,
    plant: &Plant,
    point: Option<&Point>,
    set: &BTreeMap<Scope, ScopeAdvice>,
) -> ResolvedAdvice {
    let levels = levels(scope, plant, point);
    let outer = levels.get(1..).unwrap_or_default();
    let sources: Vec<(Provenance, &Advice)> = set_for(outer, set).collect();
    resolve(&sources, said)
}

/// A part of the plant and all that it lies in, the nearest first: by the same order of precedence as `alarm_facts` in
/// the database.
fn levels(of: Scope, plant: &Plant, point: Option<&Point>) -> Vec<Scope> {
    let (point, own_asset, own_site, own_area) = match of {
        Scope::Tenant => (None, None, None, None),
        Scope::Area(area) => (None, None, None, Some(area)),
        Scope::Site(site) => (None, None, Some(site), None),
        Scope::Asset(asset) => (None, Some(asset), None, None),
        Scope::Point(id) => (point.filter(|point| point.id == id), None, None, None),
    };
    let asset = own_asset.or(point.and_then(|point| point.asset));
    let of_asset = asset.and_then(|id| plant.assets.iter().find(|asset| asset.id == id));
    let site = own_site.or(point.and_then(|point| point.site)).or(of_asset.and_then(|asset| asset.site));
    let of_site = site.and_then(|id| site_of(plant, id));
    let area = own_area
        .or(point.and_then(|point| point.area))
        .or(of_asset.and_then(|asset| asset.area))
        .or(of_site.and_then(|site| site.area));
    let own = matches!(of, Scope::Point(_)).then_some(of);
    let around = [own, asset.map(Scope::Asset), site.map(Scope::Site), area.map(Scope::Area), Some(Scope::Tenant)];
    around.into_iter().flatten().collect()
}

fn site_of(plant: &Plant, id: SiteId) -> Option<&Site> {
    plant.sites.iter().find(|site| site.id == id)
}

/// What is set for each of these, in their order.
fn set_for<'a>(
    levels: &'a [Scope],
    set: &'a BTreeMap<Scope, ScopeAdvice>,
) -> impl Iterator<Item = (Provenance, &'a Advice)> {
    levels.iter().filter_map(move |scope| Some((Provenance::Scope(*scope), &set.get(scope)?.advice)))
}

/// What Penstock itself tells: its texts for rules that follow from their subject, and the screen of the subject.
fn starting_advice(rule: &AlarmRule, plant: &Plant, point: Option<&Point>) -> Advice {
    let screen = match rule.subject {
        Subject::Point(_) => "/trends?points={point}",
        Subject::Site(_) => "/map?site={site}",
        Subject::Asset(_) => "/map?asset={asset}",
    };
    let site = match rule.subject {
        Subject::Site(site) => site_of(plant, site),
        Subject::Point(_) | Subject::Asset(_) => None,
    };
    let follows = rule.id == derived_id(rule.subject, &rule.condition);
    let guidance = match (&rule.condition, point, site) {
        (Condition::Limit { level, .. }, Some(point), _) if follows => limit(point.quantity, point.role, *level),
        (Condition::Anomaly { .. }, ..) if follows => anomaly(),
        (Condition::Silence { .. }, _, Some(site)) if follows => silence(site.kind),
        (Condition::Silence { .. }, ..) if follows && matches!(rule.subject, Subject::Asset(_)) => device_silence(),
        _ => Guidance::default(),
    };
    Advice { guidance, screen: Some(screen.to_owned()), ..Advice::default() }
}

/// What a rule says itself: a text that nobody has changed since the start is not its own.
fn own_advice(rule: &AlarmRule, starting: &Guidance) -> Advice {
    let own = |text: &str, starting: &str| if text.trim() == starting { String::new() } else { text.to_owned() };
    Advice {
        guidance: Guidance {
            cause: own(&rule.guidance.cause, &starting.cause),
            consequence: own(&rule.guidance.consequence, &starting.consequence),
            action: own(&rule.guidance.action, &starting.action),
        },
        contact: rule.contact.clone(),
        call_within: rule.call_within,
        screen: rule.screen.clone(),
    }
}

/// Field by field the first of `sources` that says something of it; `screen` makes of a path that is set the one that
/// is told, where there is one.
fn resolve(sources: &[(Provenance, &Advice)], screen: impl Fn(&str) -> Option<String>) -> ResolvedAdvice {
    ResolvedAdvice {
        cause: nearest(sources, |advice| said(&advice.guidance.cause)),
        consequence: nearest(sources, |advice| said(&advice.guidance.consequence)),
        action: nearest(sources, |advice| said(&advice.guidance.action)),
        contact: nearest(sources, |advice| said(&advice.contact)),
        call_within: nearest(sources, |advice| advice.call_within.filter(|within| !within.is_zero())),
        screen: nearest(sources, |advice| screen(advice.screen.as_deref()?)),
    }
}

fn nearest<T>(sources: &[(Provenance, &Advice)], says: impl Fn(&Advice) -> Option<T>) -> Option<Sourced<T>> {
    sources.iter().find_map(|&(from, advice)| Some(Sourced { value: says(advice)?, from }))
}

/// A text without the blanks around it; none where nothing is left.
fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The path of a screen with the ids of where the alarm is; none where that is no path, or the alarm has no such place.
fn filled(path: &str, levels: &[Scope]) -> Option<String> {
    let path = said(path).filter(|path| screen_fault(path).is_none())?;
    let filled = levels.iter().fold(path, |path, scope| match scope.place() {
        Some(id) => path.replace(&format!("{{{}}}", scope.kind()), &id.to_string()),
        None => path,
    });
    (!filled.contains('{')).then_some(filled)
}
