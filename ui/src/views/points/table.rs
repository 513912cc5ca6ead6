//! The register's list: searched, filtered, of any length.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use penstock_model::{Permission, Point, PointId, PointState, Quantity};

use crate::components::{Choice, Empty, Loading, SearchField, Select, TrustTag, VirtualTable};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::page;
use crate::state::{Overlay, PlantView, Trust, use_app};
use crate::views::{SiteChoice, step};
use crate::words;

/// Whether every word occurs in one of the texts.
fn fits(wanted: &str, texts: &[&str]) -> bool {
    let all = texts.join(" ").to_lowercase();
    wanted.to_lowercase().split_whitespace().all(|word| all.contains(word))
}

#[component]
pub(super) fn PointTable(
    tab: ReadSignal<PointState>,
    chosen: RwSignal<Option<PointId>>,
    quantity: RwSignal<String>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let (text, site) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let ticks = RwSignal::new(BTreeSet::<PointId>::new());
    let is_discovered = Memo::new(move |_| tab.get() == PointState::Discovered);
    let may_edit = Memo::new(move |_| app.may(Permission::AdministerPoints));
    let can_tick = Memo::new(move |_| is_discovered.get() && may_edit.get());
    Effect::new(move || {
        tab.track();
        ticks.set(BTreeSet::new());
    });
    let rows = Memo::new(move |_| {
        let wanted = text.get();
        let site = site.with(|site| site.parse().ok());
        let quantity: Option<Quantity> = quantity.with(|quantity| quantity.parse().ok());
        let tab = tab.get();
        app.plant.with(|plant| {
            let Some(plant) = plant else { return Arc::default() };
            let lets = |point: &&Point| {
                point.state == tab
                    && site.is_none_or(|site| point.site == Some(site))
                    && quantity.is_none_or(|quantity| point.quantity == quantity)
                    && (wanted.is_empty()
                        || fits(
                            &wanted,
                            &[&point.name, &point.description, &point.address.path, plant.place_of(point)],
                        ))
            };
            let mut found: Vec<Point> = plant.register.points.iter().filter(lets).cloned().collect();
            found.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)).then_with(|| a.id.cmp(&b.id)));
            Arc::new(found)
        })
    });
    let cursor = Memo::new(move |_| {
        let chosen = chosen.get()?;
        rows.with(|rows| rows.iter().position(|point| point.id == chosen))
    });
    let toggle = move |id: PointId| {
        ticks.update(|ticks| {
            if !ticks.remove(&id) {
                ticks.insert(id);
            }
        });
    };
    let on_key = move |event: KeyboardEvent| {
        if page::is_typing() || event.alt_key() {
            return;
        }
        let key = event.key();
        let is_ctrl = event.ctrl_key() || event.meta_key();
        if let Some(to) =
            step(&key, cursor.get_untracked(), rows.with_untracked(|rows| rows.len())).filter(|_| !is_ctrl)
        {
            chosen.set(rows.with_untracked(|rows| rows.get(to).map(|point| point.id)));
            event.prevent_default();
            return;
        }
        match key.as_str() {
            "a" | "A" if is_ctrl && can_tick.get_untracked() => {
                ticks.set(rows.with_untracked(|rows| rows.iter().map(|point| point.id).collect()));
            }
            "x" | "X" if can_tick.get_untracked() => {
                if let Some(id) = chosen.get_untracked() {
                    toggle(id);
                }
            }
            "Enter" | " " => {
                page::focus(".drawer input, .drawer");
            }
            "Escape" => {
                chosen.set(None);
                ticks.set(BTreeSet::new());
            }
            _ => return,
        }
        event.prevent_default();
    };
    let quantities = Signal::derive(move || {
        let locale = i18n.get_locale();
        let all = Choice::new("", t_string!(i18n, points.all_quantities));
        let names =
            Quantity::ALL.into_iter().map(|quantity| Choice::new(quantity.name(), words::quantity(quantity, locale)));
        std::iter::once(all).chain(names).collect::<Vec<_>>()
    });
    let row = move |_: usize, point: Point| {
        view! { <Row point=point chosen=chosen ticks=ticks can_tick=can_tick on_toggle=Callback::new(toggle)/> }
            .into_any()
    };
    let is_known = Memo::new(move |_| app.plant.with(Option::is_some));
    let table =
        move || {
            if !is_known.get() {
                return view! { <Loading/> }.into_any();
            }
            if rows.with(|rows| rows.is_empty()) {
                let is_filtered =
                    !text.with(String::is_empty) || !site.with(String::is_empty) || !quantity.with(String::is_empty);
                let why = Signal::derive(move || match (is_filtered, is_discovered.get()) {
                    (true, _) => t_string!(i18n, points.none_found).to_owned(),
                    (false, true) => t_string!(i18n, points.none_discovered).to_owned(),
                    (false, false) => t_string!(i18n, points.none_adopted).to_owned(),
                });
                let next = Signal::derive(move || {
                    if is_filtered { String::new() } else { t_string!(i18n, points.none_next).to_owned() }
                });
                return view! { <Empty why=why next=next/> }.into_any();
            }
            view! {
                <VirtualTable
                    rows=rows
                    key=|point: &Point| (point.id, format!("{point:?}"))
                    row=row
                    cursor=cursor
                    edition=Signal::derive(move || u64::from(app.locale() == crate::i18n::Locale::hi))
                    label=Signal::derive(move || t_string!(i18n, points.title).to_owned())
                />
            }
            .into_any()
        };
    // What was ticked and is still there to be seen: nothing hidden by a filter is adopted.
    let picked = Memo::new(move |_| {
        ticks.with(|ticks| {
            rows.with(|rows| rows.iter().map(|point| point.id).filter(|id| ticks.contains(id)).collect::<Vec<_>>())
        })
    });
    let adopt = move || {
        let count = picked.with(Vec::len);
        (count > 0).then(|| {
            view! {
                <button
                    class="accent"
                    data-testid="adopt-many"
                    on:click=move |_| app.overlay.set(Some(Overlay::AdoptMany(picked.get_untracked())))
                >
                    {t!(i18n, points.adopt_n, n = count)}
                </button>
            }
        })
    };
    let tick_all = move || {
        can_tick.get().then(|| {
            let all =
                move || !rows.with(|rows| rows.is_empty()) && rows.with(|rows| rows.len()) == picked.with(Vec::len);
            let toggle_all = move |_| {
                if untrack(all) {
                    ticks.set(BTreeSet::new());
                } else {
                    ticks.set(rows.with_untracked(|rows| rows.iter().map(|point| point.id).collect()));
                }
            };
            view! {
                <input
                    type="checkbox"
                    data-testid="tick-all"
                    aria-label=move || t_string!(i18n, points.tick_all)
                    prop:checked=all
                    on:click=toggle_all
                />
            }
        })
    };
    view! {
        <div class="table">
            <div class="toolbar">
                <SearchField label=Signal::derive(move || t_string!(i18n, points.search).to_owned()) value=text/>
                <SiteChoice site=site/>
                <Select
                    id="quantity-filter"
                    label=Signal::derive(move || t_string!(i18n, points.quantity).to_owned())
                    value=quantity
                    choices=quantities
                />
                <span class="gap"></span>
                {adopt}
            </div>
            <div
                class="table-list"
                class:can-tick=move || can_tick.get()
                class:is-discovered=move || is_discovered.get()
                tabindex="0"
                role="grid"
                aria-label=move || t_string!(i18n, points.title)
                data-testid="point-list"
                on:keydown=on_key
            >
                <div class="table-head point-columns" role="row">
                    <span class="tick">{tick_all}</span>
                    <span>{t!(i18n, points.point)}</span>
                    <span class="column-description">{t!(i18n, points.description)}</span>
                    <span class="column-quantity">{t!(i18n, points.quantity)}</span>
                    <span class="column-place">{t!(i18n, points.place)}</span>
                    <span class="column-address">{t!(i18n, points.address)}</span>
                    <span class="end">{t!(i18n, points.value)}</span>
                    <span class="end column-age">{t!(i18n, points.age)}</span>
                </div>
                {table}
            </div>
            <div class="table-foot">
                <span>{move || t_string!(i18n, points.shown_n, n = format::count(rows.with(|rows| rows.len()) as u64, i18n.get_locale()))}</span>
                <span>{move || {
                    let count = picked.with(Vec::len);
                    (count > 0).then(|| t_string!(i18n, points.ticked_n, n = count))
                }}</span>
            </div>
        </div>
    }
    .into_any()
}

/// A name in pieces that sort as people count: `PT-9` before `PT-10`.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut pieces = Vec::new();
    let (mut word, mut digits) = (String::new(), String::new());
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
        } else {
            if !digits.is_empty() {
                pieces.push((std::mem::take(&mut word), digits.parse().unwrap_or(u64::MAX)));
                digits.clear();
            }
            word.push(letter);
        }
    }
    pieces.push((word, digits.parse().unwrap_or(0)));
    pieces
}

#[component]
fn Row(
    point: Point,
    chosen: RwSignal<Option<PointId>>,
    ticks: RwSignal<BTreeSet<PointId>>,
    can_tick: Memo<bool>,
    on_toggle: Callback<PointId>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let id = point.id;
    let is_chosen = Memo::new(move |_| chosen.get() == Some(id));
    let is_ticked = Memo::new(move |_| ticks.with(|ticks| ticks.contains(&id)));
    let place = app.plant.with_untracked(|plant| {
        plant.as_ref().map(|plant: &Arc<PlantView>| plant.place_of(&point).to_owned()).unwrap_or_default()
    });
    let signal = app.points.signal(point.no);
    let of_trust = point.clone();
    let trust = Memo::new(move |_| app.trust(&of_trust));
    let quantity = point.quantity;
    let value = {
        let signal = signal.clone();
        move || format::value_or_none(signal.get().and_then(|view| view.value), quantity, app.locale())
    };
    let age = move || {
        let received = signal.get()?.received_time;
        Some(format::age(app.now.get().since(received), i18n.get_locale()))
    };
    let tick = {
        let label = t_string!(i18n, points.tick_this, what = point.name.clone());
        move || {
            let label = label.clone();
            can_tick.get().then(|| {
                view! {
                    <input
                        type="checkbox"
                        tabindex="-1"
                        aria-label=label
                        prop:checked=move || is_ticked.get()
                        on:click=move |event| {
                            event.stop_propagation();
                            on_toggle.run(id);
                        }
                    />
                }
            })
        }
    };
    let (name, description, address) = (point.name.clone(), point.description.clone(), point.address.path.clone());
    let tag = point.name.clone();
    let (description_tip, place_tip, address_tip) = (description.clone(), place.clone(), address.clone());
    view! {
        <div
            class="table-row point-columns"
            class:is-selected=move || is_chosen.get() || is_ticked.get()
            role="row"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="point-row"
            data-point=tag
            on:click=move |_| chosen.set(Some(id))
        >
            <span class="tick">{tick}</span>
            <b title=point.name>{name}</b>
            <span class="column-description" title=description_tip>{description}</span>
            <span class="column-quantity">{move || words::quantity(quantity, i18n.get_locale())}</span>
            <span class="column-place" title=place_tip>{place}</span>
            <span class="column-address quiet" title=address_tip>{address}</span>
            <span class="value with-unit" class:pale=move || !trust.get().is_firm()>
                <b><TrustTag trust=trust/> " " {value}</b>
                <span class="unit">{format::unit(quantity)}</span>
            </span>
            <span class="end quiet column-age" class:firm=move || matches!(trust.get(), Trust::Stale(_))>{age}</span>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["PT-10", "PT-9", "FT-1", "PT-9a", "pt-2"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["FT-1", "pt-2", "PT-9", "PT-9a", "PT-10"]);
    }

    #[test]
    fn every_word_must_occur() {
        assert!(fits("ghat pt", &["PT-04", "Pressure, Ghat Road"]));
        assert!(!fits("ghat ft", &["PT-04", "Pressure, Ghat Road"]));
    }
}
