//! One point in the drawer: how it stands, and for admins every field of it. Adopting is saving for the first time.

use std::cell::RefCell;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use penstock_api::SavePoints;
use penstock_model::{Permission, Point, PointId, PointState, Quantity, Recording};

use super::entry::{Entry, Fault, ROLES, Wrong};
use crate::components::{Choice, Drawer, Fact, Facts, Glyph, Icon, Notice, Select, TextField};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;
use crate::views::Now;
use crate::words;

thread_local! {
    /// What was typed when the person left for the map to pick a place.
    static LEFT_FOR_MAP: RefCell<Option<(PointId, Entry)>> = const { RefCell::new(None) };
}

/// Every field as a signal.
#[derive(Clone, Copy)]
struct Fields {
    name: RwSignal<String>,
    description: RwSignal<String>,
    quantity: RwSignal<String>,
    unit: RwSignal<String>,
    area: RwSignal<String>,
    site: RwSignal<String>,
    asset: RwSignal<String>,
    lat: RwSignal<String>,
    lon: RwSignal<String>,
    role: RwSignal<String>,
    normal_low: RwSignal<String>,
    normal_high: RwSignal<String>,
    span_low: RwSignal<String>,
    span_high: RwSignal<String>,
    ll: RwSignal<String>,
    l: RwSignal<String>,
    h: RwSignal<String>,
    hh: RwSignal<String>,
    stale_secs: RwSignal<String>,
    deadband: RwSignal<String>,
    deviation: RwSignal<String>,
    record_secs: RwSignal<String>,
}

impl Fields {
    fn of(entry: Entry) -> Self {
        Self {
            name: RwSignal::new(entry.name),
            description: RwSignal::new(entry.description),
            quantity: RwSignal::new(entry.quantity),
            unit: RwSignal::new(entry.unit),
            area: RwSignal::new(entry.area),
            site: RwSignal::new(entry.site),
            asset: RwSignal::new(entry.asset),
            lat: RwSignal::new(entry.lat),
            lon: RwSignal::new(entry.lon),
            role: RwSignal::new(entry.role),
            normal_low: RwSignal::new(entry.normal_low),
            normal_high: RwSignal::new(entry.normal_high),
            span_low: RwSignal::new(entry.span_low),
            span_high: RwSignal::new(entry.span_high),
            ll: RwSignal::new(entry.ll),
            l: RwSignal::new(entry.l),
            h: RwSignal::new(entry.h),
            hh: RwSignal::new(entry.hh),
            stale_secs: RwSignal::new(entry.stale_secs),
            deadband: RwSignal::new(entry.deadband),
            deviation: RwSignal::new(entry.deviation),
            record_secs: RwSignal::new(entry.record_secs),
        }
    }

    fn entry(self) -> Entry {
        Entry {
            name: self.name.get(),
            description: self.description.get(),
            quantity: self.quantity.get(),
            unit: self.unit.get(),
            area: self.area.get(),
            site: self.site.get(),
            asset: self.asset.get(),
            lat: self.lat.get(),
            lon: self.lon.get(),
            role: self.role.get(),
            normal_low: self.normal_low.get(),
            normal_high: self.normal_high.get(),
            span_low: self.span_low.get(),
            span_high: self.span_high.get(),
            ll: self.ll.get(),
            l: self.l.get(),
            h: self.h.get(),
            hh: self.hh.get(),
            stale_secs: self.stale_secs.get(),
            deadband: self.deadband.get(),
            deviation: self.deviation.get(),
            record_secs: self.record_secs.get(),
        }
    }
}

fn wrong_text(wrong: Wrong, locale: Locale) -> &'static str {
    match wrong {
        Wrong::Missing => td_string!(locale, points.wrong_missing),
        Wrong::NoNumber => td_string!(locale, points.wrong_number),
        Wrong::NoPlace => td_string!(locale, points.wrong_place),
        Wrong::NoBand => td_string!(locale, points.wrong_band),
        Wrong::NoOrder => td_string!(locale, points.wrong_order),
        Wrong::NotAbove => td_string!(locale, points.wrong_not_above),
        Wrong::NoInterval => td_string!(locale, points.wrong_interval),
    }
}

/// What the recording settings of an entry mean, in words.
fn recording_words(entry: &Entry, unit: &str, locale: Locale) -> String {
    let with_unit = |by: &str| if unit.is_empty() { by.to_owned() } else { format!("{by}\u{a0}{unit}") };
    let (deadband, deviation) = entry.leaves_out();
    if deadband.is_none() && deviation.is_none() {
        return td_string!(locale, points.recording_off).to_owned();
    }
    let every = entry.record_secs.trim().parse::<u64>().map_or(Recording::USUAL_INTERVAL, Duration::from_secs);
    let sentences = [
        deadband.map(|by| td_string!(locale, points.recording_deadband, by = with_unit(by))),
        deviation.map(|by| td_string!(locale, points.recording_deviation, by = with_unit(by))),
        Some(td_string!(locale, points.recording_every, every = format::age(every, locale))),
        Some(td_string!(locale, points.recording_else).to_owned()),
    ];
    sentences.into_iter().flatten().collect::<Vec<String>>().join(" ")
}

#[component]
pub(super) fn PointDrawer(
    point: Point,
    /// Latitude and longitude that were picked on the map.
    picked: Option<(String, String)>,
    on_close: Callback<()>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let may_edit = app.may(Permission::AdministerPoints);
    let id = point.id;
    let place = app.plant.with_untracked(|plant| plant.as_ref().map(|plant| plant.place_of(&point).to_owned()));
    let about = match point.state {
        PointState::Discovered => t_string!(i18n, points.waits).to_owned(),
        _ => place.filter(|place| !place.is_empty()).unwrap_or_else(|| point.address.source.clone()),
    };
    let (title, description) = (point.name.clone(), point.description.clone());
    let now = point.clone();
    let body = if may_edit {
        view! { <Form point=point.clone() picked=picked/> }.into_any()
    } else {
        view! { <Known point=point.clone()/> }.into_any()
    };
    let is_placed = point.position.is_some();
    let head = view! {
        <div>
            <h2>{title}</h2>
            <p>{about} {(!description.is_empty()).then(|| format!(" · {description}"))}</p>
        </div>
    }
    .into_any();
    let label = Signal::derive(move || t_string!(i18n, points.detail).to_owned());
    view! {
        <Drawer class="wide" label=label testid="point-detail" head=head back_to=".table-list" on_close=on_close>
            <div class="drawer-section first">
                <Now point=now shows_time=true/>
                <div class="drawer-actions">
                    <a class="button" href=format!("/trends?points={id}")>{t!(i18n, points.trend)}</a>
                    {is_placed.then(|| view! { <a class="button" href=format!("/map?point={id}")>{t!(i18n, points.on_map)}</a> })}
                </div>
            </div>
            {body}
        </Drawer>
    }
    .into_any()
}

/// What a person may see who may not change it.
#[component]
fn Known(point: Point) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let shown = |si: Option<f64>| {
        si.map_or_else(|| format::NO_VALUE.to_owned(), |si| format::value_with_unit(si, point.quantity, locale))
    };
    let normal = point.normal.map_or_else(
        || format::NO_VALUE.to_owned(),
        |band| {
            format!(
                "{} – {}",
                format::value(band.low, point.quantity, locale),
                format::value_with_unit(band.high, point.quantity, locale)
            )
        },
    );
    let asset = app.plant.with_untracked(|plant| {
        plant.as_ref().and_then(|plant| plant.asset(point.asset?)).map(|asset| asset.name.clone())
    });
    let asset = asset.map(|asset| Fact::new(t_string!(i18n, points.asset), asset));
    let recording = recording_words(&Entry::of(&point), format::unit(point.quantity), locale);
    let first = [Fact::new(t_string!(i18n, points.quantity), words::quantity(point.quantity, locale))];
    let others = [
        Fact::new(t_string!(i18n, points.normal), normal),
        Fact::new("HH", shown(point.limits.hh)),
        Fact::new("H", shown(point.limits.h)),
        Fact::new("L", shown(point.limits.l)),
        Fact::new("LL", shown(point.limits.ll)),
        Fact::new(t_string!(i18n, points.stale_after), format::age(point.stale_after, locale)),
        Fact::new(t_string!(i18n, points.recording), recording),
        Fact::new(t_string!(i18n, points.source), point.address.source.clone()),
        Fact::new(t_string!(i18n, points.address), point.address.path.clone()),
    ];
    let facts: Vec<Fact> = first.into_iter().chain(asset).chain(others).collect();
    view! { <div class="drawer-section"><Facts facts=facts/></div> }.into_any()
}

#[component]
fn Form(point: Point, picked: Option<(String, String)>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let id = point.id;
    let is_new = point.state == PointState::Discovered;
    let left = LEFT_FOR_MAP.with_borrow_mut(|left| left.take_if(|(own, _)| *own == id));
    let mut entry = left.map_or_else(|| Entry::of(&point), |(_, entry)| entry);
    if let Some((lat, lon)) = picked {
        (entry.lat, entry.lon) = (lat, lon);
    }
    let fields = Fields::of(entry);
    let faults = RwSignal::new(Vec::<Fault>::new());
    let reason = RwSignal::new(String::new());
    let (trouble, is_busy, is_saved) = (RwSignal::new(None::<String>), RwSignal::new(false), RwSignal::new(false));
    let fault = move |field: &'static str| {
        Signal::derive(move || {
            let locale = i18n.get_locale();
            faults.with(|faults| {
                faults.iter().find(|(own, _)| *own == field).map(|(_, wrong)| wrong_text(*wrong, locale).to_owned())
            })
        })
    };
    let of_quantity = move || fields.quantity.with(|quantity| quantity.parse::<Quantity>().ok());
    let shown_unit = move || of_quantity().map(format::unit).unwrap_or_default();
    let former = StoredValue::new(point.clone());
    let send = move |changed: Point, reason: String| {
        is_busy.set(true);
        trouble.set(None);
        is_saved.set(false);
        spawn_local(async move {
            match app.call(SavePoints { points: vec![changed.clone()], reason }).await {
                Ok(report) if report.faults.is_empty() => {
                    former.try_set_value(changed);
                    is_saved.try_set(true);
                    app.fetch_register().await;
                }
                Ok(report) => {
                    trouble.try_set(report.faults.first().map(|fault| format!("{}: {}", fault.field, fault.message)));
                }
                Err(error) => {
                    trouble.try_set(Some(error.message));
                }
            }
            is_busy.try_set(false);
        });
    };
    let said = move |otherwise: &str| {
        let said = reason.get_untracked().trim().to_owned();
        if said.is_empty() { otherwise.to_owned() } else { said }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        match untrack(|| fields.entry()).point(&former.get_value()) {
            Ok(changed) => {
                faults.set(Vec::new());
                let otherwise =
                    if is_new { t_string!(i18n, points.adopted_word) } else { t_string!(i18n, points.changed_word) };
                send(changed, said(otherwise));
            }
            Err(found) => faults.set(found),
        }
    };
    let ignore = move |_| {
        let ignored = Point { state: PointState::Ignored, ..former.get_value() };
        send(ignored, said(t_string!(i18n, points.ignored_word)));
    };
    let navigate = use_navigate();
    let pick = move |_| {
        LEFT_FOR_MAP.set(Some((id, untrack(|| fields.entry()))));
        navigate(&format!("/map?pick={id}"), Default::default());
    };

    let quantities = Signal::derive(move || {
        let locale = i18n.get_locale();
        Quantity::ALL.map(|quantity| Choice::new(quantity.name(), words::quantity(quantity, locale))).to_vec()
    });
    let units = Signal::derive(move || {
        let units = of_quantity().into_iter().flat_map(Quantity::units);
        let none = t_string!(i18n, words.none);
        let word = |unit: penstock_model::Unit| if unit.symbol().is_empty() { none } else { unit.symbol() };
        units.map(|unit| Choice::new(unit.symbol(), word(unit))).collect::<Vec<_>>()
    });
    let none = move || Choice::new("", t_string!(i18n, words.none));
    let areas = Signal::derive(move || {
        let areas = app.plant.with(|plant| {
            let areas = plant.as_ref().map(|plant| plant.register.plant.areas.as_slice()).unwrap_or_default();
            areas.iter().map(|area| Choice::new(area.id.to_string(), area.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(none()).chain(areas).collect::<Vec<_>>()
    });
    let sites = Signal::derive(move || {
        let sites = app.plant.with(|plant| {
            let sites = plant.as_ref().map(|plant| plant.register.plant.sites.as_slice()).unwrap_or_default();
            sites.iter().map(|site| Choice::new(site.id.to_string(), site.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(none()).chain(sites).collect::<Vec<_>>()
    });
    let assets = Signal::derive(move || {
        let site = fields.site.with(|site| site.parse().ok());
        let assets = app.plant.with(|plant| {
            let assets = plant.as_ref().map(|plant| plant.register.plant.assets.as_slice()).unwrap_or_default();
            let own = assets.iter().filter(|asset| site.is_none() || asset.site == site);
            own.map(|asset| Choice::new(asset.id.to_string(), asset.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(none()).chain(assets).collect::<Vec<_>>()
    });
    let roles = Signal::derive(move || {
        let locale = i18n.get_locale();
        let roles = ROLES.iter().map(|(role, name)| Choice::new(*name, role_name(*role, locale)));
        std::iter::once(none()).chain(roles).collect::<Vec<_>>()
    });
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let number = move |label: &'static str, value: RwSignal<String>, id: &'static str, field: &'static str| {
        view! { <TextField id=id label=label.to_owned() value=value fault=fault(field)/> }
    };
    let recording = move || recording_words(&fields.entry(), shown_unit(), i18n.get_locale());
    let address = format!("{} · {}", point.address.source, point.address.path);
    view! {
        <form class="drawer-section point-form" on:submit=submit novalidate=true>
            <TextField id="point-name" label=word(|l| td_string!(l, points.name)) value=fields.name fault=fault("name")/>
            <TextField
                id="point-description"
                label=word(|l| td_string!(l, points.description))
                hint=word(|l| td_string!(l, points.description_hint))
                value=fields.description
            />
            <div class="two">
                <Select id="point-quantity" is_labelled=true label=word(|l| td_string!(l, points.quantity)) value=fields.quantity choices=quantities/>
                <Select id="point-unit" is_labelled=true label=word(|l| td_string!(l, points.device_unit)) value=fields.unit choices=units/>
            </div>
            <div class="two">
                <Select id="point-site" is_labelled=true label=word(|l| td_string!(l, points.site)) value=fields.site choices=sites/>
                <Select id="point-area" is_labelled=true label=word(|l| td_string!(l, points.area)) value=fields.area choices=areas/>
            </div>
            <div class="two">
                <Select id="point-asset" is_labelled=true label=word(|l| td_string!(l, points.asset)) value=fields.asset choices=assets/>
                <Select id="point-role" is_labelled=true label=word(|l| td_string!(l, points.role)) value=fields.role choices=roles/>
            </div>
            <div class="place">
                <TextField id="point-lat" label=word(|l| td_string!(l, points.latitude)) value=fields.lat fault=fault("lat")/>
                <TextField id="point-lon" label=word(|l| td_string!(l, points.longitude)) value=fields.lon/>
                <button type="button" data-testid="pick" on:click=pick><Icon glyph=Glyph::Place/> {t!(i18n, points.pick)}</button>
            </div>
            <h3>{t!(i18n, points.normal)} " " {shown_unit}</h3>
            <div class="two">
                <TextField id="point-normal-low" label=word(|l| td_string!(l, points.from)) value=fields.normal_low fault=fault("normal_low")/>
                <TextField id="point-normal-high" label=word(|l| td_string!(l, points.to)) value=fields.normal_high fault=fault("normal_high")/>
            </div>
            <h3>{t!(i18n, points.limits)} " " {shown_unit}</h3>
            <div class="four">
                {number("LL", fields.ll, "point-ll", "ll")}
                {number("L", fields.l, "point-l", "l")}
                {number("H", fields.h, "point-h", "h")}
                {number("HH", fields.hh, "point-hh", "hh")}
            </div>
            <h3>{t!(i18n, points.span)} " " {shown_unit}</h3>
            <div class="two">
                <TextField id="point-span-low" label=word(|l| td_string!(l, points.from)) value=fields.span_low fault=fault("span_low")/>
                <TextField id="point-span-high" label=word(|l| td_string!(l, points.to)) value=fields.span_high fault=fault("span_high")/>
            </div>
            <TextField
                id="point-stale"
                label=word(|l| td_string!(l, points.stale_after_s))
                value=fields.stale_secs
                fault=fault("stale_secs")
            />
            <h3>{t!(i18n, points.recording)} " " {shown_unit}</h3>
            <div class="two">
                <TextField id="point-deadband" label=word(|l| td_string!(l, points.deadband)) value=fields.deadband fault=fault("deadband")/>
                <TextField id="point-deviation" label=word(|l| td_string!(l, points.deviation)) value=fields.deviation fault=fault("deviation")/>
            </div>
            <TextField
                id="point-record-secs"
                label=word(|l| td_string!(l, points.record_every_s))
                value=fields.record_secs
                fault=fault("record_secs")
            />
            <p class="quiet" data-testid="recording">{recording}</p>
            <TextField id="point-reason" label=word(|l| td_string!(l, points.reason)) value=reason/>
            <p class="quiet address">{address}</p>
            {move || trouble.get().map(|text| view! { <Notice text=text is_fault=true/> })}
            {move || (!faults.with(Vec::is_empty)).then(|| view! {
                <Notice text=Signal::derive(move || t_string!(i18n, points.has_faults).to_owned()) is_fault=true/>
            })}
            {move || is_saved.get().then(|| view! {
                <Notice text=Signal::derive(move || t_string!(i18n, points.saved).to_owned())/>
            })}
            <div class="drawer-actions form-actions">
                <button type="submit" class="accent" data-testid="save-point" disabled=move || is_busy.get()>
                    {if is_new { t_string!(i18n, points.adopt) } else { t_string!(i18n, words.save) }}
                </button>
                <button type="button" data-testid="ignore-point" disabled=move || is_busy.get() on:click=ignore>
                    {t!(i18n, points.ignore)}
                </button>
            </div>
        </form>
    }
    .into_any()
}

fn role_name(role: penstock_model::PointRole, locale: Locale) -> &'static str {
    use penstock_model::PointRole;
    match role {
        PointRole::SupplyInflow => td_string!(locale, points.role_supply_inflow),
        PointRole::AreaInflow => td_string!(locale, points.role_area_inflow),
        PointRole::CriticalPressure => td_string!(locale, points.role_critical_pressure),
        PointRole::AreaChlorine => td_string!(locale, points.role_area_chlorine),
        PointRole::TankLevel => td_string!(locale, points.role_tank_level),
        PointRole::PumpRunning => td_string!(locale, points.role_pump_running),
        PointRole::StationFlow => td_string!(locale, points.role_station_flow),
        PointRole::StationPressure => td_string!(locale, points.role_station_pressure),
        PointRole::PumpPower => td_string!(locale, points.role_pump_power),
    }
}
