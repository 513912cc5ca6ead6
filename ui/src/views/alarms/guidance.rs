//! What to do about one alarm: likely cause, consequence, action, whom to call, and the screen that shows more, each
//! with where it comes from. Asked for apart from the rest of the detail, which waits for the database: this does not.

use std::time::Duration;

use leptos::prelude::*;
use penstock_api::GetAlarmGuidance;
use penstock_model::{Provenance, ResolvedAdvice, RuleId, Scope, Sourced};

use crate::app::screen_name;
use crate::components::{Fact, Facts};
use crate::format;
use crate::i18n::{Locale, t, td_string, use_i18n};
use crate::keys::Screen;
use crate::state::{Link, PlantView, use_app};

#[component]
pub(super) fn Guidance(rule: RuleId) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let told = RwSignal::new(None::<ResolvedAdvice>);
    let is_up = Memo::new(move |_| app.link.get() == Link::Up);
    Effect::new(move || {
        // Read, not only tracked: a memo that nobody reads notices nothing.
        is_up.with(|_| ());
        // The register counts up with what is set for a place too.
        app.plant.track();
        leptos::task::spawn_local(async move {
            // While the station does not answer, what it told last stays.
            if let Ok(advice) = app.call(GetAlarmGuidance { rule }).await {
                told.try_set(Some(advice));
            }
        });
    });
    move || {
        let (advice, plant) = (told.get()?, app.plant.get()?);
        let facts = facts(advice, &plant, i18n.get_locale());
        let section = view! {
            <div class="drawer-section" data-testid="alarm-guidance">
                <h3>{t!(i18n, alarms.guidance)}</h3>
                <Facts facts=facts/>
            </div>
        };
        Some(section.into_any())
    }
}

/// What is told, one fact each; what nothing is told of is left out.
fn facts(advice: ResolvedAdvice, plant: &PlantView, locale: Locale) -> Vec<Fact> {
    let text = |name: &'static str, said: Option<Sourced<String>>| {
        let Sourced { value, from } = said?;
        Some(fact(name, lines(&value), vec![from], plant, locale))
    };
    let called = [
        text(td_string!(locale, alarms.likely_cause), advice.cause),
        text(td_string!(locale, alarms.if_left), advice.consequence),
        text(td_string!(locale, alarms.do_now), advice.action),
        call(advice.contact, advice.call_within, plant, locale),
        advice.screen.map(|screen| linked(screen, plant, locale)),
    ];
    called.into_iter().flatten().collect()
}

/// Whom to call, and how soon.
fn call(
    contact: Option<Sourced<String>>,
    within: Option<Sourced<Duration>>,
    plant: &PlantView,
    locale: Locale,
) -> Option<Fact> {
    let mut sources: Vec<Provenance> = contact.iter().map(|contact| contact.from).collect();
    sources.extend(within.iter().map(|within| within.from));
    sources.dedup();
    let mut said = contact.map(|contact| lines(&contact.value)).unwrap_or_default();
    said.extend(within.map(|within| {
        let time = format::age(within.value, locale);
        line(td_string!(locale, guidance.within, time = time))
    }));
    (!said.is_empty()).then(|| fact(td_string!(locale, guidance.call), said, sources, plant, locale))
}

/// The link to the screen, under that screen's name.
fn linked(screen: Sourced<String>, plant: &PlantView, locale: Locale) -> Fact {
    let Sourced { value: path, from } = screen;
    let own = path.split(['?', '#']).next().and_then(Screen::at);
    let name = own.map_or_else(|| path.clone(), |screen| screen_name(screen, locale).to_owned());
    let tip = path.clone();
    let link = view! { <a href=path title=tip data-testid="linked-screen">{name}</a> }.into_any();
    fact(td_string!(locale, guidance.linked_screen), vec![link], vec![from], plant, locale)
}

/// What people have set says where it comes from; of what stands there since the start only the tip does.
fn fact(
    name: &'static str,
    mut said: Vec<AnyView>,
    sources: Vec<Provenance>,
    plant: &PlantView,
    locale: Locale,
) -> Fact {
    let tip = sources.iter().map(|from| from_text(*from, plant, locale)).collect::<Vec<_>>().join("; ");
    let set = sources.into_iter().filter(|from| *from != Provenance::Starting);
    said.extend(set.map(|from| view! { <div class="quiet">{from_text(from, plant, locale)}</div> }.into_any()));
    Fact::new(name, said).with_tip(tip)
}

fn lines(text: &str) -> Vec<AnyView> {
    text.lines().map(|text| line(text.to_owned())).collect()
}

fn line(text: String) -> AnyView {
    view! { <div>{text}</div> }.into_any()
}

/// Where something that is told comes from, in words.
pub(super) fn from_text(from: Provenance, plant: &PlantView, locale: Locale) -> String {
    let Provenance::Scope(scope) = from else {
        let is_own = from == Provenance::Rule;
        let text =
            if is_own { td_string!(locale, guidance.from_rule) } else { td_string!(locale, guidance.from_start) };
        return text.to_owned();
    };
    let name = scope_name(scope, plant);
    match scope {
        Scope::Tenant => td_string!(locale, guidance.from_plant, name = name),
        Scope::Area(_) => td_string!(locale, guidance.from_area, name = name),
        Scope::Site(_) => td_string!(locale, guidance.from_site, name = name),
        Scope::Asset(_) => td_string!(locale, guidance.from_asset, name = name),
        Scope::Point(_) => td_string!(locale, guidance.from_point, name = name),
    }
}

/// What a part of the plant is called; its kind and id where it is not known.
pub(super) fn scope_name(scope: Scope, plant: &PlantView) -> String {
    let name = match scope {
        Scope::Tenant => Some(&plant.register.plant.name),
        Scope::Area(id) => plant.area(id).map(|area| &area.name),
        Scope::Site(id) => plant.site(id).map(|site| &site.name),
        Scope::Asset(id) => plant.asset(id).map(|asset| &asset.name),
        Scope::Point(id) => plant.point(id).map(|point| &point.name),
    };
    name.cloned().unwrap_or_else(|| scope.to_string())
}

#[cfg(test)]
mod tests {
    use penstock_api::Register;
    use penstock_model::{Area, AreaId, Plant, Quantity, TenantId, Timestamp};

    use super::*;
    use crate::state::test_point;

    #[test]
    fn where_it_comes_from_is_named() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let area = Area { id: AreaId::derived(tenant.0, "a"), name: "DMA 3".to_owned(), boundary: vec![] };
        let point = test_point(Quantity::Pressure);
        let (of_area, of_point) = (Scope::Area(area.id), Scope::Point(point.id));
        let name = point.name.clone();
        let plant = Plant {
            tenant,
            name: "Nandipur".to_owned(),
            time_zone: "UTC".to_owned(),
            areas: vec![area],
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        };
        let plant = PlantView::new(Register { version: 1, plant, points: vec![point], tiles: false });
        let check = |from: Provenance, expect: &str| assert_eq!(from_text(from, &plant, Locale::en), expect);
        check(Provenance::Rule, "from the rule itself");
        check(Provenance::Scope(Scope::Tenant), "from the whole plant, Nandipur");
        check(Provenance::Scope(of_area), "from area DMA 3");
        check(Provenance::Scope(of_point), &format!("from point {name}"));
        let gone = Scope::Area(AreaId::derived(tenant.0, "b"));
        assert_eq!(scope_name(gone, &plant), gone.to_string());
    }
}
