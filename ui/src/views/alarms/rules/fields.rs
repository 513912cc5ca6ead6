//! The fields of a rule's form as signals, and the pieces that show what is more than one text: a subject, a point,
//! rows that are joined, windows of the week.

use std::collections::BTreeMap;

use leptos::prelude::*;
use penstock_model::{Expression, PointId, Subject};

use super::entry::{Entry, TEXTS, WindowEntry, YES};
use super::facts::{choice_word, expression_text, point_name};
use super::tree::{Group, How, Leaf, Part, TESTS};
use crate::components::{Finder, Found, Glyph, Icon, best};
use crate::i18n::{t, t_string, td_string, use_i18n};
use crate::page;
use crate::state::{App, PlantView, use_app};

/// As many answers as a picker shows.
const SHOWN: usize = 10;

/// Every field as a signal.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    texts: StoredValue<BTreeMap<&'static str, RwSignal<String>>>,
    pub(super) subject: RwSignal<Option<Subject>>,
    pub(super) from_point: RwSignal<Option<PointId>>,
    pub(super) expression: GroupFields,
    pub(super) suppression: GroupFields,
    pub(super) windows: RwSignal<Vec<WindowFields>>,
}

/// The fields of rows that are joined.
#[derive(Clone, Copy)]
pub(super) struct GroupFields {
    is_not: RwSignal<bool>,
    how: RwSignal<String>,
    count: RwSignal<String>,
    parts: RwSignal<Vec<PartFields>>,
}

#[derive(Clone, Copy)]
enum PartFields {
    Leaf(LeafFields),
    Group(GroupFields),
    Fixed(StoredValue<Expression>),
}

#[derive(Clone, Copy)]
struct LeafFields {
    is_not: RwSignal<bool>,
    point: RwSignal<Option<PointId>>,
    test: RwSignal<String>,
    value: RwSignal<String>,
}

/// The fields of a window of the week.
#[derive(Clone, Copy)]
pub(super) struct WindowFields {
    days: RwSignal<[bool; 7]>,
    from: RwSignal<String>,
    until: RwSignal<String>,
}

impl Fields {
    pub(super) fn of(entry: Entry) -> Self {
        let texts = TEXTS.into_iter().map(|name| (name, RwSignal::new(entry.text_as_it_is(name)))).collect();
        Self {
            texts: StoredValue::new(texts),
            subject: RwSignal::new(entry.subject),
            from_point: RwSignal::new(entry.from_point),
            expression: GroupFields::of(entry.expression),
            suppression: GroupFields::of(entry.suppression),
            windows: RwSignal::new(entry.windows.into_iter().map(WindowFields::of).collect()),
        }
    }

    /// A field that is one text.
    pub(super) fn text(self, name: &str) -> RwSignal<String> {
        let found = self.texts.with_value(|texts| texts.get(name).copied());
        found.unwrap_or_else(|| RwSignal::new(String::new()))
    }

    /// What stands in the fields; tracked.
    pub(super) fn entry(self) -> Entry {
        let texts = self.texts.with_value(|texts| texts.iter().map(|(name, text)| (*name, text.get())).collect());
        Entry {
            texts,
            subject: self.subject.get(),
            from_point: self.from_point.get(),
            expression: self.expression.group(),
            suppression: self.suppression.group(),
            windows: self.windows.get().into_iter().map(WindowFields::entry).collect(),
        }
    }
}

impl GroupFields {
    fn of(group: Group) -> Self {
        Self {
            is_not: RwSignal::new(group.is_not),
            how: RwSignal::new(group.how.name().to_owned()),
            count: RwSignal::new(group.count),
            parts: RwSignal::new(group.parts.into_iter().map(PartFields::of).collect()),
        }
    }

    fn group(self) -> Group {
        Group {
            is_not: self.is_not.get(),
            how: self.how.with(|how| How::named(how)),
            count: self.count.get(),
            parts: self.parts.get().into_iter().map(PartFields::part).collect(),
        }
    }

    fn add(self, part: PartFields) {
        self.parts.update(|parts| parts.push(part));
    }
}

impl PartFields {
    fn of(part: Part) -> Self {
        match part {
            Part::Leaf(leaf) => Self::Leaf(LeafFields::of(leaf)),
            Part::Group(group) => Self::Group(GroupFields::of(group)),
            Part::Fixed(expression) => Self::Fixed(StoredValue::new(expression)),
        }
    }

    fn part(self) -> Part {
        match self {
            Self::Leaf(leaf) => Part::Leaf(Leaf {
                is_not: leaf.is_not.get(),
                point: leaf.point.get(),
                test: leaf.test.get(),
                value: leaf.value.get(),
            }),
            Self::Group(group) => Part::Group(group.group()),
            Self::Fixed(expression) => Part::Fixed(expression.get_value()),
        }
    }
}

/// A row for a person to fill in.
fn blank_row() -> Part {
    Part::Leaf(Leaf { test: "at_least".to_owned(), ..Leaf::default() })
}

impl LeafFields {
    fn of(leaf: Leaf) -> Self {
        Self {
            is_not: RwSignal::new(leaf.is_not),
            point: RwSignal::new(leaf.point),
            test: RwSignal::new(leaf.test),
            value: RwSignal::new(leaf.value),
        }
    }
}

impl WindowFields {
    fn of(window: WindowEntry) -> Self {
        Self { days: RwSignal::new(window.days), from: RwSignal::new(window.from), until: RwSignal::new(window.until) }
    }

    fn entry(self) -> WindowEntry {
        WindowEntry { days: self.days.get(), from: self.from.get(), until: self.until.get() }
    }
}

/// The adopted points that answer what was typed.
pub(super) fn find_points(app: App, wanted: &str) -> Vec<Found<PointId>> {
    app.plant.with(|plant| match plant {
        Some(plant) => best(wanted, points(plant), SHOWN),
        None => Vec::new(),
    })
}

/// The points, sites and equipment that answer what was typed.
pub(super) fn find_subjects(app: App, wanted: &str) -> Vec<Found<Subject>> {
    let locale = app.locale();
    let (site_word, asset_word) = (td_string!(locale, points.site), td_string!(locale, points.asset));
    app.plant.with(|plant| {
        let Some(plant) = plant else { return Vec::new() };
        let of_points = points(plant).into_iter().map(|found| Found {
            key: Subject::Point(found.key),
            name: found.name,
            note: found.note,
        });
        let all = &plant.register.plant;
        let sites = all.sites.iter().map(|site| Found {
            key: Subject::Site(site.id),
            name: site.name.clone(),
            note: site_word.to_owned(),
        });
        let assets = all.assets.iter().map(|asset| Found {
            key: Subject::Asset(asset.id),
            name: asset.name.clone(),
            note: asset_word.to_owned(),
        });
        best(wanted, of_points.chain(sites).chain(assets), SHOWN)
    })
}

fn points(plant: &PlantView) -> Vec<Found<PointId>> {
    let mut points: Vec<_> = plant
        .adopted()
        .map(|point| Found { key: point.id, name: point.name.clone(), note: plant.about(point) })
        .collect();
    points.sort_by(|a, b| a.name.cmp(&b.name));
    points
}

/// What a subject is called.
pub(super) fn subject_name(subject: Subject, plant: &PlantView) -> String {
    match plant.point_of(subject) {
        Some(point) => format!("{}, {}", point.name, plant.about(point)),
        None => plant.place_of_subject(subject).to_owned(),
    }
}

/// Something of the plant, chosen by a few letters of its name.
#[component]
pub(super) fn Pick<K>(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<Option<K>>,
    /// What the chosen one is called.
    name: fn(K, &PlantView) -> String,
    /// What answers what was typed; tracked.
    find: fn(App, &str) -> Vec<Found<K>>,
    /// Name for tests.
    testid: &'static str,
) -> impl IntoView
where
    K: Copy + PartialEq + Send + Sync + 'static,
{
    let app = use_app();
    let i18n = use_i18n();
    let is_changing = RwSignal::new(false);
    let choose = Callback::new(move |key: K| {
        value.set(Some(key));
        is_changing.set(false);
    });
    let shown = Memo::new(move |_| value.get().filter(|_| !is_changing.get()));
    move || match shown.get() {
        Some(key) => {
            let called = app.plant.with(|plant| plant.as_ref().map(|plant| name(key, plant)).unwrap_or_default());
            let tip = called.clone();
            view! {
                <div class="picked">
                    <b class="cut" title=tip>{called}</b>
                    <button
                        type="button"
                        class="small"
                        data-testid=format!("change-{testid}")
                        on:click=move |_| is_changing.set(true)
                    >
                        {t!(i18n, rules.change)}
                    </button>
                </div>
            }
            .into_any()
        }
        None => view! {
            <Finder
                label=label
                find=move |wanted: &str| find(app, wanted)
                on_choose=choose
                on_leave=Callback::new(move |()| {
                    is_changing.set(false);
                    page::focus(".drawer");
                })
                opens_empty=true
                keys=""
                class="pick"
                input_class="pick-input"
                testid=testid
            />
        }
        .into_any(),
    }
}

/// A box to tick.
pub(super) fn tick_box(value: RwSignal<String>, id: &'static str, label: Signal<String>) -> AnyView {
    view! {
        <label class="checked-line">
            <input
                type="checkbox"
                data-testid=id
                prop:checked=move || value.with(|value| value == YES)
                on:change=move |event| {
                    value.set(if event_target_checked(&event) { YES.to_owned() } else { String::new() });
                }
            />
            <span>{move || label.get()}</span>
        </label>
    }
    .into_any()
}

/// One of few, in a row of its own kind.
fn menu(
    value: RwSignal<String>,
    names: &'static [&'static str],
    word: fn(&str, crate::i18n::Locale) -> &'static str,
    label: Signal<String>,
) -> AnyView {
    let i18n = use_i18n();
    let options = move || {
        let locale = i18n.get_locale();
        let chosen = value.get();
        names
            .iter()
            .map(|name| {
                let (name, is_chosen) = (*name, *name == chosen);
                view! { <option value=name selected=is_chosen>{word(name, locale)}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="select">
            <select aria-label=move || label.get() on:change=move |event| value.set(event_target_value(&event))>
                {options}
            </select>
            <Icon glyph=Glyph::Down size=14/>
        </div>
    }
    .into_any()
}

fn how_word(name: &str, locale: crate::i18n::Locale) -> &'static str {
    match How::named(name) {
        How::All => td_string!(locale, rules.how_all),
        How::Any => td_string!(locale, rules.how_any),
        How::AtLeast => td_string!(locale, rules.how_at_least),
    }
}

const HOWS: [&str; 3] = ["all", "any", "at_least"];

fn not_box(is_not: RwSignal<bool>) -> AnyView {
    let i18n = use_i18n();
    view! {
        <label class="checked-line not-box">
            <input
                type="checkbox"
                prop:checked=move || is_not.get()
                on:change=move |event| is_not.set(event_target_checked(&event))
            />
            {t!(i18n, rules.not)}
        </label>
    }
    .into_any()
}

/// Takes a row away.
fn bin(on_click: impl Fn() + 'static) -> AnyView {
    let i18n = use_i18n();
    view! {
        <button
            type="button"
            class="icon-only plain"
            aria-label=move || t_string!(i18n, rules.take_away)
            title=move || t_string!(i18n, rules.take_away)
            on:click=move |_| on_click()
        >
            <Icon glyph=Glyph::Bin/>
        </button>
    }
    .into_any()
}

/// Rows that are joined; groups of rows one level down.
pub(super) fn group_rows(group: GroupFields, level: usize) -> AnyView {
    let i18n = use_i18n();
    let is_inner = level > 0;
    let label = Signal::derive(move || t_string!(i18n, rules.how).to_owned());
    let is_count = Memo::new(move |_| group.how.with(|how| How::named(how) == How::AtLeast));
    let rows = move || {
        let parts = group.parts.get().into_iter().enumerate().map(|(at, part)| {
            let remove = move || {
                group.parts.update(|parts| {
                    parts.remove(at);
                });
            };
            match part {
                PartFields::Leaf(leaf) => leaf_row(leaf, remove),
                PartFields::Group(inner) => {
                    view! { <div class="joined">{group_rows(inner, level + 1)}{bin(remove)}</div> }.into_any()
                }
                PartFields::Fixed(expression) => fixed_row(expression, remove),
            }
        });
        parts.collect_view()
    };
    let how_many = move || {
        is_count.get().then(|| {
            view! {
                <input
                    class="how-many"
                    inputmode="numeric"
                    aria-label=move || t_string!(i18n, rules.least_count)
                    prop:value=move || group.count.get()
                    on:input=move |event| group.count.set(event_target_value(&event))
                />
            }
        })
    };
    view! {
        <div class="join" class:inner=is_inner>
            <div class="join-head">
                {not_box(group.is_not)}
                {menu(group.how, &HOWS, how_word, label)}
                {how_many}
            </div>
            {rows}
            <div class="drawer-actions">
                <button type="button" class="small" data-testid="add-row" on:click=move |_| group.add(PartFields::of(blank_row()))>
                    <Icon glyph=Glyph::Plus/> {t!(i18n, rules.add_row)}
                </button>
                {(!is_inner).then(|| view! {
                    <button type="button" class="small" data-testid="add-group" on:click=move |_| {
                        let inner = Group { how: How::Any, parts: vec![blank_row()], ..Group::default() };
                        group.add(PartFields::of(Part::Group(inner)));
                    }>
                        <Icon glyph=Glyph::Plus/> {t!(i18n, rules.add_group)}
                    </button>
                })}
            </div>
        </div>
    }
    .into_any()
}

fn leaf_row(leaf: LeafFields, remove: impl Fn() + 'static) -> AnyView {
    let app = use_app();
    let i18n = use_i18n();
    let unit = move || {
        let point = leaf.point.get()?;
        app.plant.with(|plant| Some(crate::format::unit(plant.as_ref()?.point(point)?.quantity)))
    };
    let label = Signal::derive(move || t_string!(i18n, rules.test).to_owned());
    view! {
        <div class="leaf">
            {not_box(leaf.is_not)}
            <Pick
                label=Signal::derive(move || t_string!(i18n, rules.point).to_owned())
                value=leaf.point
                name=point_name
                find=find_points
                testid="row-point"
            />
            {menu(leaf.test, &TESTS, choice_word, label)}
            <input
                class="leaf-value"
                inputmode="decimal"
                data-testid="row-value"
                aria-label=move || t_string!(i18n, rules.value)
                prop:value=move || leaf.value.get()
                on:input=move |event| leaf.value.set(event_target_value(&event))
            />
            <span class="unit">{unit}</span>
            {bin(remove)}
        </div>
    }
    .into_any()
}

/// What is nested deeper than the form shows.
fn fixed_row(expression: StoredValue<Expression>, remove: impl Fn() + 'static) -> AnyView {
    let app = use_app();
    let i18n = use_i18n();
    let text = move || {
        app.plant.with(|plant| {
            let plant = plant.as_ref()?;
            expression.try_with_value(|expression| expression_text(expression, plant))
        })
    };
    view! {
        <div class="leaf">
            <code class="fixed" title=move || t_string!(i18n, rules.too_deep)>{text}</code>
            {bin(remove)}
        </div>
    }
    .into_any()
}

/// The windows of the week in which a rule is in force.
pub(super) fn window_rows(windows: RwSignal<Vec<WindowFields>>) -> AnyView {
    let i18n = use_i18n();
    let time = move |value: RwSignal<String>, label: fn(crate::i18n::Locale) -> &'static str| {
        view! {
            <input
                class="clock-time"
                placeholder="00:00"
                aria-label=move || label(i18n.get_locale())
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
        }
    };
    let rows = move || {
        let rows = windows.get().into_iter().enumerate().map(|(at, window)| {
            let days = (0..7_usize).map(|day| {
                let is_on = Memo::new(move |_| window.days.with(|days| days.get(day).copied().unwrap_or_default()));
                let toggle = move |_| {
                    window.days.update(|days| {
                        if let Some(own) = days.get_mut(day) {
                            *own = !*own;
                        }
                    });
                };
                view! {
                    <button type="button" aria-pressed=move || is_on.get().to_string() on:click=toggle>
                        {move || crate::format::weekday(day as u32, i18n.get_locale())}
                    </button>
                }
            });
            let remove = move || {
                windows.update(|windows| {
                    windows.remove(at);
                });
            };
            view! {
                <div class="window-row">
                    <div class="segmented days" role="group" aria-label=move || t_string!(i18n, rules.days)>{days.collect_view()}</div>
                    <div class="window-times">
                        {time(window.from, |l| td_string!(l, points.from))}
                        "–"
                        {time(window.until, |l| td_string!(l, points.to))}
                        {bin(remove)}
                    </div>
                </div>
            }
        });
        rows.collect_view()
    };
    let add = move |_| windows.update(|windows| windows.push(WindowFields::of(WindowEntry::new())));
    view! {
        {rows}
        <div class="drawer-actions">
            <button type="button" class="small" data-testid="add-window" on:click=add>
                <Icon glyph=Glyph::Plus/> {t!(i18n, rules.add_window)}
            </button>
        </div>
    }
    .into_any()
}
