//! What is told beside the alarms of a place, edited in the drawer. An empty field shows what it inherits, and where
//! from.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{
    GetScopeGuidance, GuidanceVersion, ListGuidance, ListGuidanceVersions, SaveGuidance, ScopeGuidance,
};
use penstock_model::{Advice, Guidance, Permission, Scope, ScopeAdvice, Sourced};

use super::entry::Wrong;
use super::facts::{Line, advice_lines, differing, screen_line};
use super::fields::{Pick, find_subjects};
use super::form::wrong_text;
use super::inheriting::{Inheriting, minutes};
use super::versions::version_row;
use crate::components::{Drawer, Found, Loading, Notice, TextField, best};
use crate::format::{self, NoNumber};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, PlantView, use_app};
use crate::views::alarms::guidance::scope_name;

/// As many answers as the picker shows.
const SHOWN: usize = 10;
/// As many places as are listed that something is set for; the picker finds the others.
const LISTED: usize = 40;
/// What a path of a screen looks like that follows the alarm.
const EXAMPLE: &str = "/trends?points={point}";

/// The parts of the plant that answer what was typed, the wide ones first.
fn find_scopes(app: App, wanted: &str) -> Vec<Found<Scope>> {
    let locale = app.locale();
    let (plant_word, area_word) = (td_string!(locale, guidance.plant), td_string!(locale, points.area));
    let wide = app.plant.with(|plant| {
        let Some(plant) = plant else { return Vec::new() };
        let all = &plant.register.plant;
        let whole = Found { key: Scope::Tenant, name: all.name.clone(), note: plant_word.to_owned() };
        let areas = all.areas.iter().map(|area| Found {
            key: Scope::Area(area.id),
            name: area.name.clone(),
            note: area_word.to_owned(),
        });
        best(wanted, std::iter::once(whole).chain(areas), SHOWN)
    });
    let subjects = find_subjects(app, wanted).into_iter().map(|found| Found {
        key: Scope::from(found.key),
        name: found.name,
        note: found.note,
    });
    wide.into_iter().chain(subjects).take(SHOWN).collect()
}

/// The time that stands in a field of minutes; what nobody touched stays to the last bit.
fn time_of(text: &str, former: Option<Duration>) -> Result<Option<Duration>, Wrong> {
    if text == minutes(former) {
        return Ok(former);
    }
    match format::typed(text) {
        Ok(None) => Ok(None),
        Ok(Some(typed)) => Duration::try_from_secs_f64(typed * 60.0).map(Some).map_err(|_no_duration| Wrong::NoTime),
        Err(NoNumber) => Err(Wrong::NoTime),
    }
}

#[component]
pub(super) fn GuidanceDrawer(on_close: Callback<()>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let chosen = RwSignal::new(Some(Scope::Tenant));
    let found = RwSignal::new(None::<Result<Arc<ScopeGuidance>, String>>);
    let saved = RwSignal::new(0_u32);
    // For which place: it is no news of the next one.
    let said = RwSignal::new(None::<(Scope, String)>);
    // Another place and a save, not each new register, make the form anew: what is being typed stays.
    Effect::new(move || {
        saved.track();
        let Some(scope) = chosen.get() else { return };
        spawn_local(async move {
            let reply = app.call(GetScopeGuidance { scope }).await;
            if chosen.try_get_untracked().flatten() == Some(scope) {
                found.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
            }
        });
    });
    let set = RwSignal::new(Vec::<Scope>::new());
    Effect::new(move || {
        app.plant.track();
        spawn_local(async move {
            if let Ok(all) = app.call(ListGuidance {}).await {
                set.try_set(all.into_iter().map(|own| own.scope).collect());
            }
        });
    });
    let on_saved = Callback::new(move |scope: Scope| {
        let locale = app.i18n.get_locale_untracked();
        said.try_set(Some((scope, td_string!(locale, points.saved).to_owned())));
        saved.try_update(|saved| *saved += 1);
    });
    let has_plant = Memo::new(move |_| app.plant.with(Option::is_some));
    let body = move || {
        let plant = has_plant.get().then(|| app.plant.get_untracked()).flatten();
        match (found.get(), plant) {
            (Some(Ok(guidance)), Some(plant)) => {
                let scope = guidance.own.scope;
                view! { <Form guidance=guidance plant=plant on_saved=on_saved/> <Versions scope=scope/> }.into_any()
            }
            (Some(Err(why)), _) => {
                view! { <div class="drawer-section"><Notice text=why is_fault=true/></div> }.into_any()
            }
            _ => view! { <Loading/> }.into_any(),
        }
    };
    let news = move || {
        let (scope, text) = said.get()?;
        let is_of_chosen = chosen.get() == Some(scope);
        is_of_chosen.then(|| view! { <div data-testid="guidance-saved"><Notice text=text/></div> })
    };
    let places = move || {
        let (plant, all) = (app.plant.get()?, set.get());
        let button = |own: Scope| {
            let name = scope_name(own, &plant);
            view! {
                <button
                    type="button"
                    class="small"
                    aria-pressed=move || (chosen.get() == Some(own)).to_string()
                    on:click=move |_| chosen.set(Some(own))
                >
                    {name}
                </button>
            }
        };
        let buttons = all.iter().take(LISTED).copied().map(button).collect_view();
        (!all.is_empty()).then(|| {
            view! {
                <p class="quiet">{t!(i18n, guidance.set_for)}</p>
                <div class="drawer-actions" data-testid="guidance-places">{buttons}</div>
            }
        })
    };
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let title = word(|l| td_string!(l, guidance.title));
    let head = view! {
        <div>
            <h2>{move || title.get()}</h2>
            <p>{t!(i18n, guidance.note)}</p>
        </div>
    }
    .into_any();
    view! {
        <Drawer class="wide" label=title testid="guidance-detail" head=head back_to=".rule-list" on_close=on_close>
            <div class="drawer-section first point-form">
                <div class="field">
                    <label>{t!(i18n, guidance.place)}</label>
                    <Pick
                        label=word(|l| td_string!(l, guidance.find))
                        value=chosen
                        name=scope_name
                        find=find_scopes
                        testid="guidance-place"
                    />
                </div>
                {places}
                {news}
            </div>
            {body}
        </Drawer>
    }
    .into_any()
}

#[component]
fn Form(guidance: Arc<ScopeGuidance>, plant: Arc<PlantView>, on_saved: Callback<Scope>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let ScopeGuidance { own, inherited } = guidance.as_ref().clone();
    let ScopeAdvice { scope, version, advice: Advice { guidance, contact, call_within, screen } } = own;
    let may_edit = app.may(Permission::SetLimits);
    let cause = RwSignal::new(guidance.cause);
    let consequence = RwSignal::new(guidance.consequence);
    let action = RwSignal::new(guidance.action);
    let contact = RwSignal::new(contact);
    let within = RwSignal::new(minutes(call_within));
    let screen = RwSignal::new(screen.unwrap_or_default());
    let reason = RwSignal::new(String::new());
    let fault = RwSignal::new(None::<(&'static str, Wrong)>);
    let (trouble, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));

    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let fault_of = move |field: &'static str| {
        Signal::derive(move || {
            let locale = i18n.get_locale();
            let (_, wrong) = fault.get().filter(|(own, _)| *own == field)?;
            Some(wrong_text(wrong, locale).to_owned())
        })
    };
    let send = move |advice: Advice, reason: String| {
        is_busy.set(true);
        spawn_local(async move {
            match app.call(SaveGuidance { scope, version, advice, reason }).await {
                Ok(_done) => {
                    on_saved.try_run(scope);
                    app.fetch_register().await;
                }
                Err(error) => {
                    trouble.try_set(Some(error.message));
                }
            }
            is_busy.try_set(false);
        });
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        fault.set(None);
        trouble.set(None);
        let call_within = match time_of(&within.get_untracked(), call_within) {
            Ok(time) => time,
            Err(wrong) => {
                fault.set(Some(("within", wrong)));
                return;
            }
        };
        let guidance = Guidance {
            cause: cause.get_untracked(),
            consequence: consequence.get_untracked(),
            action: action.get_untracked(),
        };
        let (contact, screen) = (contact.get_untracked(), Some(screen.get_untracked()));
        let advice = Advice { guidance, contact, call_within, screen }.trimmed();
        if let Some((_, problem)) = advice.faults().into_iter().next() {
            trouble.set(Some(problem));
            return;
        }
        let why = reason.get_untracked().trim().to_owned();
        if why.is_empty() {
            fault.set(Some(("reason", Wrong::Missing)));
            return;
        }
        send(advice, why);
    };
    let inherited_within =
        inherited.call_within.map(|within| Sourced { value: minutes(Some(within.value)), from: within.from });
    let text =
        move |id: &'static str, label: Signal<String>, value: RwSignal<String>, inherits: Option<Sourced<String>>| {
            let plant = Arc::clone(&plant);
            let (is_long, is_fixed) = (!matches!(id, "guidance-within" | "guidance-screen"), !may_edit);
            view! {
                <Inheriting
                    id=id
                    label=label
                    value=value
                    inherits=Signal::derive(move || inherits.clone())
                    plant=plant
                    is_long=is_long
                    is_fixed=is_fixed
                    fault=fault_of(id.trim_start_matches("guidance-"))
                />
            }
        };
    let screen_label = Signal::derive(move || t_string!(i18n, guidance.screen, example = EXAMPLE));
    view! {
        <form class="drawer-section point-form rule-form" on:submit=submit novalidate=true data-testid="guidance-form">
            {text("guidance-cause", word(|l| td_string!(l, alarms.likely_cause)), cause, inherited.cause)}
            {text("guidance-consequence", word(|l| td_string!(l, alarms.if_left)), consequence, inherited.consequence)}
            {text("guidance-action", word(|l| td_string!(l, alarms.do_now)), action, inherited.action)}
            {text("guidance-contact", word(|l| td_string!(l, guidance.contact)), contact, inherited.contact)}
            {text("guidance-within", word(|l| td_string!(l, guidance.call_within_min)), within, inherited_within)}
            {text("guidance-screen", screen_label, screen, inherited.screen)}
            {may_edit.then(|| view! {
                <TextField
                    id="guidance-reason"
                    label=word(|l| td_string!(l, rules.reason))
                    value=reason
                    fault=fault_of("reason")
                />
            })}
            {move || trouble.get().map(|text| view! { <Notice text=text is_fault=true/> })}
            {may_edit.then(|| view! {
                <div class="drawer-actions form-actions">
                    <button type="submit" class="accent" data-testid="save-guidance" disabled=move || is_busy.get()>
                        {t!(i18n, words.save)}
                    </button>
                </div>
            })}
        </form>
    }
    .into_any()
}

/// What was set for a place before, newest first: who changed what, when and why.
#[component]
fn Versions(scope: Scope) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let found = RwSignal::new(None::<Result<Arc<Vec<GuidanceVersion>>, String>>);
    spawn_local(async move {
        let reply = app.call(ListGuidanceVersions { scope }).await;
        found.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
    });
    move || {
        let list = match found.get()? {
            Ok(versions) if versions.is_empty() => return None,
            Ok(versions) => {
                let nothing = Advice::default();
                let former = versions.iter().skip(1).map(|version| &version.set.advice).chain([&nothing]);
                let rows = versions.iter().zip(former).map(|(GuidanceVersion { set, at, by, reason }, former)| {
                    let locale = i18n.get_locale();
                    let changed = differing(lines(former, locale), lines(&set.advice, locale));
                    version_row(set.version, *at, by.as_deref(), reason.as_deref(), changed)
                });
                rows.collect_view().into_any()
            }
            Err(why) => view! { <Notice text=why is_fault=true/> }.into_any(),
        };
        let section = view! {
            <div class="drawer-section" data-testid="guidance-versions">
                <h3>{t!(i18n, rules.versions)}</h3>
                {list}
            </div>
        };
        Some(section.into_any())
    }
}

/// What is told, line by line, always the same ones in the same order.
fn lines(advice: &Advice, locale: Locale) -> impl Iterator<Item = Line> {
    let Advice { guidance, contact, call_within, screen } = advice;
    let told = advice_lines(guidance, contact, *call_within, locale);
    told.into_iter().chain([screen_line(screen.as_deref(), locale)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_minutes_is_read_and_left_alone() {
        let third = Some(Duration::from_millis(20_001));
        let check = |text: &str, former: Option<Duration>, expect: Result<Option<Duration>, Wrong>| {
            assert_eq!(time_of(text, former), expect, "{text:?}");
        };
        check(&minutes(third), third, Ok(third));
        check("", third, Ok(None));
        check("15", None, Ok(Some(Duration::from_secs(900))));
        check("0,5", third, Ok(Some(Duration::from_secs(30))));
        check("soon", None, Err(Wrong::NoTime));
        check("-5", None, Err(Wrong::NoTime));
    }

    #[test]
    fn versions_have_a_line_for_each_thing_that_is_told() {
        let advice = Advice {
            contact: "Duty engineer".into(),
            call_within: Some(Duration::from_secs(900)),
            ..Advice::default()
        };
        let told: Vec<_> = lines(&advice, Locale::en).map(|line| (line.name, line.text)).collect();
        let expect = [
            ("Likely cause", ""),
            ("If left", ""),
            ("Do now", ""),
            ("Whom to call, in this order", "Duty engineer"),
            ("Call within", "15 min"),
            ("Linked screen", ""),
        ];
        assert_eq!(told, expect.map(|(name, text)| (name, text.to_owned())));
    }
}
