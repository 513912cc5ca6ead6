//! What is inherited, on one point of one pump in one station of one area.

use std::time::Duration;

use penstock_model::{
    Address, Area, AreaId, Asset, AssetId, AssetKind, LimitLevel, PointId, PointNo, PointState, Quantity, RuleId,
    SiteKind, TenantId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{SILENCE_AFTER, silence_rule};

const TENANT: TenantId = TenantId(Uuid::nil());

fn area() -> AreaId {
    AreaId::derived(TENANT.0, "DMA 3")
}

fn site() -> SiteId {
    SiteId::derived(TENANT.0, "PS-2")
}

fn asset() -> AssetId {
    AssetId::derived(TENANT.0, "Pump 3")
}

fn plant() -> Plant {
    Plant {
        tenant: TENANT,
        name: "Nandipur".to_owned(),
        time_zone: "Asia/Kolkata".to_owned(),
        areas: vec![Area { id: area(), name: "DMA 3".to_owned(), boundary: vec![] }],
        sites: vec![Site {
            id: site(),
            name: "PS-2".to_owned(),
            kind: SiteKind::Pumping,
            area: Some(area()),
            position: None,
        }],
        assets: vec![Asset {
            id: asset(),
            name: "Pump 3".to_owned(),
            kind: AssetKind::Pump,
            site: Some(site()),
            area: None,
            position: None,
            capacity_m3: None,
            level_span: None,
        }],
        pipes: vec![],
    }
}

/// A point that has its place from its equipment alone.
fn point() -> Point {
    let address = Address { source: "s".to_owned(), path: "a".to_owned() };
    Point {
        id: PointId::discovered(TENANT, "s", "a"),
        state: PointState::Adopted,
        asset: Some(asset()),
        ..Point::discovered(TENANT, PointNo(1), address, Quantity::Pressure.display_unit())
    }
}

/// The parts of the plant that the point lies in, the nearest first.
fn around() -> [Scope; 5] {
    [Scope::Point(point().id), Scope::Asset(asset()), Scope::Site(site()), Scope::Area(area()), Scope::Tenant]
}

/// The rule that follows from a high limit of the point.
fn rule() -> AlarmRule {
    let subject = Subject::Point(point().id);
    let condition = Condition::Limit { level: LimitLevel::High, limit: 6e5, deadband: 0.0 };
    let guidance = limit(Quantity::Pressure, None, LimitLevel::High);
    AlarmRule { guidance, ..AlarmRule::new(derived_id(subject, &condition), subject, condition) }
}

fn set(advice: impl IntoIterator<Item = (Scope, Advice)>) -> BTreeMap<Scope, ScopeAdvice> {
    advice.into_iter().map(|(scope, advice)| (scope, ScopeAdvice { scope, version: 1, advice })).collect()
}

fn action(text: &str) -> Advice {
    Advice { guidance: Guidance { action: text.to_owned(), ..Guidance::default() }, ..Advice::default() }
}

fn told(rule: &AlarmRule, set: &BTreeMap<Scope, ScopeAdvice>) -> ResolvedAdvice {
    advice_of(rule, &plant(), Some(&point()), set)
}

fn from<T>(sourced: Option<&Sourced<T>>) -> Option<Provenance> {
    sourced.map(|sourced| sourced.from)
}

#[test]
fn each_field_comes_from_the_nearest_that_sets_it() {
    let [of_point, of_asset, of_site, of_area, all] = around();
    let set = set([
        (all, Advice { contact: "Duty engineer".into(), screen: Some("/".into()), ..action("Call.") }),
        (of_area, Advice { contact: "  ".into(), ..action("Look at the area.") }),
        (of_site, Advice { call_within: Some(Duration::from_secs(600)), ..action(" ") }),
        (of_asset, Advice { screen: Some("/map".into()), ..Advice::default() }),
        (of_point, action("\n")),
    ]);
    let found = told(&rule(), &set);
    assert_eq!(from(found.cause.as_ref()), Some(Provenance::Starting));
    assert_eq!(from(found.consequence.as_ref()), Some(Provenance::Starting));
    let own = |value: &str, from: Scope| Some(Sourced { value: value.to_owned(), from: Provenance::Scope(from) });
    assert_eq!(found.action, own("Look at the area.", of_area));
    assert_eq!(found.contact, own("Duty engineer", all));
    assert_eq!(found.call_within.map(|within| within.value), Some(Duration::from_secs(600)));
    assert_eq!(found.screen, own("/map", of_asset));
}

#[test]
fn what_a_rule_says_itself_comes_first_and_what_it_started_with_last() {
    let of_point = Scope::Point(point().id);
    let set = set([(of_point, action("Ask the pump hall."))]);
    assert_eq!(from(told(&rule(), &BTreeMap::new()).action.as_ref()), Some(Provenance::Starting));
    assert_eq!(from(told(&rule(), &set).action.as_ref()), Some(Provenance::Scope(of_point)));
    let mut own = rule();
    own.guidance.action = "Close valve 7.".to_owned();
    let found = told(&own, &set);
    assert_eq!(
        found.action.map(|action| (action.value, action.from)),
        Some(("Close valve 7.".to_owned(), Provenance::Rule))
    );
    // Of the same rule the texts that nobody has changed are still those of the start.
    assert_eq!(from(found.cause.as_ref()), Some(Provenance::Starting));
    // What people made is theirs, whatever it says.
    let made = AlarmRule { id: RuleId::derived(TENANT.0, "made"), ..rule() };
    assert_eq!(from(told(&made, &set).action.as_ref()), Some(Provenance::Rule));
}

#[test]
fn places_follow_from_each_other() {
    let plant = plant();
    let point = point();
    let [of_point, of_asset, of_site, of_area, all] = around();
    let check = |of: Scope, expect: &[Scope]| assert_eq!(levels(of, &plant, Some(&point)), expect);
    check(of_point, &[of_point, of_asset, of_site, of_area, all]);
    check(of_asset, &[of_asset, of_site, of_area, all]);
    check(of_site, &[of_site, of_area, all]);
    check(of_area, &[of_area, all]);
    check(all, &[all]);
    // Its own place comes before that of its equipment.
    let other = Scope::Area(AreaId::derived(TENANT.0, "DMA 4"));
    let moved = Point { area: Some(AreaId::derived(TENANT.0, "DMA 4")), ..point.clone() };
    assert_eq!(levels(of_point, &plant, Some(&moved)), [of_point, of_asset, of_site, other, all]);
    // What the plant does not know lies in nothing but all of it.
    assert_eq!(levels(of_point, &plant, None), [of_point, all]);
}

#[test]
fn a_screen_leads_to_where_the_alarm_is() {
    let (rule, point, [_, _, of_site, of_area, all]) = (rule(), point(), around());
    let screen = |path: &str| Advice { screen: Some(path.to_owned()), ..Advice::default() };
    let path = |found: ResolvedAdvice| found.screen.map(|screen| screen.value);
    assert_eq!(path(told(&rule, &BTreeMap::new())), Some(format!("/trends?points={}", point.id)));
    let one = set([(of_area, screen("/map?area={area}&point={point}"))]);
    assert_eq!(path(told(&rule, &one)), Some(format!("/map?area={}&point={}", area(), point.id)));
    // A path that leads out of the app is none, however it came to be set.
    let out = set([(of_area, screen("/\\elsewhere.example")), (all, screen("/alarms?tab=journal"))]);
    assert_eq!(path(told(&rule, &out)), Some("/alarms?tab=journal".to_owned()));
    // A whole site has no point: what lies further out counts.
    let plant = plant();
    let silence = silence_rule(&plant.sites[0], SILENCE_AFTER);
    let both = set([(of_site, screen("/trends?points={point}")), (all, screen("/map?site={site}"))]);
    let found = advice_of(&silence, &plant, None, &both);
    assert_eq!(
        found.screen.map(|screen| (screen.value, screen.from)),
        Some((format!("/map?site={}", site()), Provenance::Scope(all)))
    );
    assert_eq!(from(found.action.as_ref()), Some(Provenance::Starting));
    // Who sets it sees it as it was set.
    assert_eq!(path(inherited_advice(of_site, &plant, None, &both)), Some("/map?site={site}".to_owned()));
}

#[test]
fn a_part_inherits_from_what_it_lies_in_and_not_from_itself() {
    let [of_point, _, of_site, _, all] = around();
    let set = set([(all, action("all")), (of_site, action("site")), (of_point, action("point"))]);
    let check = |scope: Scope, expect: Option<(&str, Scope)>| {
        let found = inherited_advice(scope, &plant(), Some(&point()), &set).action;
        let found = found.as_ref().map(|action| (action.value.as_str(), action.from));
        assert_eq!(found, expect.map(|(text, scope)| (text, Provenance::Scope(scope))), "{scope}");
    };
    check(of_point, Some(("site", of_site)));
    check(of_site, Some(("all", all)));
    check(all, None);
}

/// For each of the five parts, what it says of the action and of whom to call; blanks say nothing.
fn sayings() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = || prop_oneof![Just(String::new()), Just(" \n".to_owned()), "[a-z]{1,8}"];
    proptest::collection::vec((text(), text()), 5)
}

fn advice((action, contact): &(String, String)) -> Advice {
    Advice {
        guidance: Guidance { action: action.clone(), ..Guidance::default() },
        contact: contact.clone(),
        ..Advice::default()
    }
}

proptest! {
    #[test]
    fn the_first_that_says_something_counts_field_by_field(sayings in sayings()) {
        let set = set(around().into_iter().zip(sayings.iter().map(advice)));
        let found = told(&rule(), &set);
        let first = |field: fn(&(String, String)) -> &String| {
            let said = around().into_iter().zip(sayings.iter().map(field));
            let mut said = said.filter(|(_, text)| !text.trim().is_empty());
            said.next().map(|(scope, text)| Sourced { value: text.clone(), from: Provenance::Scope(scope) })
        };
        let starting = Sourced { value: rule().guidance.action, from: Provenance::Starting };
        prop_assert_eq!(found.action, Some(first(|said| &said.0).unwrap_or(starting)));
        prop_assert_eq!(found.contact, first(|said| &said.1));
    }

    #[test]
    fn what_is_set_further_out_changes_nothing_that_is_said_nearer(
        sayings in sayings(), at in 0_usize..5, text in "[a-z]{1,8}"
    ) {
        let parts = || around().into_iter().zip(sayings.iter().map(advice)).collect::<Vec<_>>();
        let before = told(&rule(), &set(parts()));
        let mut changed = parts();
        changed[at].1.guidance.action = text.clone();
        let after = told(&rule(), &set(changed));
        let is_said_nearer = sayings[..at].iter().any(|(action, _)| !action.trim().is_empty());
        if is_said_nearer {
            prop_assert_eq!(&after, &before);
        } else {
            let expect = Sourced { value: text, from: Provenance::Scope(around()[at]) };
            prop_assert_eq!(after.action, Some(expect));
            prop_assert_eq!(after.contact, before.contact);
        }
    }

    #[test]
    fn what_a_part_inherits_is_what_is_told_where_it_says_nothing(sayings in sayings(), at in 0_usize..4) {
        let scope = around()[at];
        let parts = around().into_iter().zip(sayings.iter().map(advice));
        let all = set(parts);
        let inherited = inherited_advice(scope, &plant(), Some(&point()), &all);
        // Nearer ones are silent, so that what the part inherits is what the alarm is told.
        let mut outer = all;
        outer.retain(|own, _| around()[at + 1..].contains(own));
        let told = told(&rule(), &outer);
        prop_assert_eq!(inherited.contact, told.contact);
        let starting = Sourced { value: rule().guidance.action, from: Provenance::Starting };
        prop_assert_eq!(Some(inherited.action.unwrap_or(starting)), told.action);
    }
}
