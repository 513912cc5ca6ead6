//! The rules that raise alarms: listed, filtered, edited in the drawer, brought in and out as files; what is told
//! beside the alarms of a place.

mod entry;
mod facts;
mod fields;
mod filter;
mod form;
mod import;
mod inheriting;
mod places;
mod tree;
mod trial;
mod versions;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ExportRules, ListRules, RuleFormat, RuleRow};
use penstock_model::{Permission, PointId, RuleId, SiteId, Subject};

pub(super) use facts::{Difference, differences};
pub(crate) use form::RemoveRule;
pub(crate) use import::ImportRules;

use super::active::{PriorityChoice, SiteChoice};
use super::detail::rule_text;
use super::list::step;
use crate::components::{Badge, BadgeFill, Choice, Empty, Glyph, Icon, Loading, SearchField, Select, VirtualTable};
use crate::format;
use crate::i18n::{t, t_string, td_string, use_i18n};
use crate::keys::{List, ListDeed, list_deed};
use crate::page;
use crate::state::{App, Overlay, use_app};
use crate::words;
use entry::{KINDS, new_rule};
use facts::kind_word;
use filter::{Filter, sorted, title};
use form::RuleDrawer;
use places::GuidanceDrawer;

type Found = RwSignal<Option<Result<Arc<Vec<RuleRow>>, String>>>;

/// Asks for the rules anew.
async fn fetch(app: App, found: Found) {
    let reply = app.call(ListRules {}).await;
    let plant = app.plant.try_get_untracked().flatten();
    let reply = reply.map(|rows| Arc::new(sorted(rows, plant.as_deref()))).map_err(|error| error.message);
    // While the station does not answer, what it told last stays.
    let is_known = found.try_with_untracked(|found| matches!(found, Some(Ok(_)))).unwrap_or_default();
    if reply.is_ok() || !is_known {
        found.try_set(Some(reply));
    }
}

fn export(app: App, format: RuleFormat) {
    spawn_local(async move {
        if let Some(file) = app.ask_for(ExportRules { format }).await {
            app.save_file(&file.file_name, &file.media_type, file.text.as_bytes()).await;
        }
    });
}

#[component]
pub(super) fn Rules(chosen: RwSignal<Option<RuleId>>, remark: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let found: Found = RwSignal::new(None);
    let text = RwSignal::new(String::new());
    let priorities = RwSignal::new([true; 4]);
    let (site, kind, state) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (is_new, saved) = (RwSignal::new(false), RwSignal::new(0_u32));
    let is_guidance = RwSignal::new(false);
    let said = RwSignal::new(None::<String>);
    let may_edit = Memo::new(move |_| app.may(Permission::SetLimits));
    // The register counts up with every change of rules too.
    Effect::new(move || {
        app.plant.track();
        spawn_local(fetch(app, found));
    });
    let all = Memo::new(move |_| match found.get() {
        Some(Ok(rows)) => rows,
        _ => Arc::default(),
    });
    let filter = Memo::new(move |_| Filter {
        text: text.get(),
        priorities: priorities.get(),
        site: site.with(|site| site.parse::<SiteId>().ok()),
        kind: kind.get(),
        state: state.get(),
    });
    let rows = Memo::new(move |_| {
        let (plant, locale) = (app.plant.get(), app.locale());
        filter.with(|filter| {
            let lets = |row: &&RuleRow| filter.lets(row, plant.as_deref(), locale);
            Arc::new(all.with(|all| all.iter().filter(lets).cloned().collect::<Vec<_>>()))
        })
    });
    Effect::new(move || {
        let (shown, all) = (rows.with(|rows| rows.len()), all.with(|all| all.len()));
        remark.set(t_string!(i18n, rules.shown_of, n = shown, all = all));
    });
    let cursor = Memo::new(move |_| {
        let chosen = chosen.get()?;
        rows.with(|rows| rows.iter().position(|row| row.rule.id == chosen))
    });
    let choose = move |rule: Option<RuleId>| {
        is_new.set(false);
        is_guidance.set(false);
        said.set(None);
        chosen.set(rule);
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if page::is_typing() || event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let key = event.key();
        if let Some(to) = step(&key, cursor.get_untracked(), rows.with_untracked(|rows| rows.len())) {
            choose(rows.with_untracked(|rows| rows.get(to).map(|row| row.rule.id)));
        } else if list_deed(List::Rules, &key) == Some(ListDeed::Open) {
            page::focus(".drawer input, .drawer");
        } else if key == "Escape" {
            choose(None);
        } else {
            return;
        }
        event.prevent_default();
    };
    let kinds = Signal::derive(move || {
        let locale = i18n.get_locale();
        let all = Choice::new("", t_string!(i18n, rules.all_kinds));
        std::iter::once(all).chain(KINDS.map(|kind| Choice::new(kind, kind_word(kind, locale)))).collect::<Vec<_>>()
    });
    let states = Signal::derive(move || {
        vec![
            Choice::new("", t_string!(i18n, rules.all_rules)),
            Choice::new("on", t_string!(i18n, rules.state_on)),
            Choice::new("off", t_string!(i18n, rules.state_off)),
            Choice::new("edited", t_string!(i18n, rules.state_edited)),
            Choice::new("own", t_string!(i18n, rules.state_own)),
        ]
    });
    let row = move |_: usize, row: RuleRow| {
        view! { <Row row=row chosen=chosen on_choose=Callback::new(move |rule| choose(Some(rule)))/> }.into_any()
    };
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let answer = Memo::new(move |_| found.with(|found| found.as_ref().map(|found| found.as_ref().err().cloned())));
    let table = move || match answer.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Some(why)) => view! { <Empty why=why/> }.into_any(),
        Some(None) if is_empty.get() => {
            view! { <Empty why=Signal::derive(move || t_string!(i18n, rules.none_found).to_owned())/> }.into_any()
        }
        Some(None) => view! {
            <VirtualTable
                rows=rows
                key=|row: &RuleRow| (row.rule.id, row.rule.version)
                row=row
                cursor=cursor
                edition=Signal::derive(move || app.edition())
                label=Signal::derive(move || t_string!(i18n, rules.title).to_owned())
            />
        }
        .into_any(),
    };
    let is_known = Memo::new(move |_| {
        let has_answer = found.with(|found| matches!(found, Some(Ok(_))));
        has_answer && app.plant.with(Option::is_some)
    });
    let drawer = move || {
        if is_guidance.get() && chosen.with(Option::is_none) {
            let on_close = Callback::new(move |()| choose(None));
            return Some(view! { <GuidanceDrawer on_close=on_close/> }.into_any());
        }
        // Only another rule and a save, not each new list, make the form anew: what is being typed stays.
        saved.track();
        if !is_known.get() {
            return None;
        }
        let (is_stored, row) = if is_new.get() {
            let subject = Subject::Point(PointId(Default::default()));
            (false, RuleRow { rule: new_rule(subject), follows: false })
        } else {
            let id = chosen.get()?;
            (true, all.with_untracked(|all| all.iter().find(|row| row.rule.id == id).cloned())?)
        };
        let on_saved = Callback::new(move |()| {
            spawn_local(async move {
                fetch(app, found).await;
                if !is_stored {
                    is_new.try_set(false);
                    let locale = app.i18n.get_locale_untracked();
                    app.remark.try_set(Some(td_string!(locale, rules.made).to_owned()));
                }
                saved.try_update(|saved| *saved += 1);
            });
        });
        let on_close = Callback::new(move |()| choose(None));
        let drawer = view! { <RuleDrawer row=row is_stored=is_stored said=said on_saved=on_saved on_close=on_close/> };
        Some(drawer.into_any())
    };
    view! {
        <div class="with-drawer">
            <div class="table">
                <div class="toolbar wraps">
                    <SearchField label=Signal::derive(move || t_string!(i18n, alarms.filter).to_owned()) value=text/>
                    <PriorityChoice priorities=priorities/>
                    <SiteChoice site=site/>
                    <Select
                        id="rule-kind-filter"
                        label=Signal::derive(move || t_string!(i18n, rules.kind).to_owned())
                        value=kind
                        choices=kinds
                    />
                    <Select
                        id="rule-state-filter"
                        label=Signal::derive(move || t_string!(i18n, rules.state).to_owned())
                        value=state
                        choices=states
                    />
                    <span class="gap"></span>
                    <button data-testid="guidance" on:click=move |_| {
                        choose(None);
                        is_guidance.set(true);
                    }>
                        {t!(i18n, guidance.button)}
                    </button>
                    {move || may_edit.get().then(|| view! {
                        <button data-testid="new-rule" on:click=move |_| {
                            choose(None);
                            is_new.set(true);
                        }>
                            <Icon glyph=Glyph::Plus/> {t!(i18n, rules.new_rule)}
                        </button>
                        <button data-testid="import-rules" on:click=move |_| app.overlay.set(Some(Overlay::ImportRules))>
                            <Icon glyph=Glyph::Upload/> {t!(i18n, points.import)}
                        </button>
                    })}
                    <button data-testid="export-rules-csv" on:click=move |_| export(app, RuleFormat::Csv)>
                        <Icon glyph=Glyph::Download/> "CSV"
                    </button>
                    <button data-testid="export-rules-json" on:click=move |_| export(app, RuleFormat::Json)>
                        <Icon glyph=Glyph::Download/> "JSON"
                    </button>
                </div>
                <div
                    class="table-list rule-list"
                    tabindex="0"
                    role="grid"
                    aria-label=move || t_string!(i18n, rules.title)
                    data-testid="rule-list"
                    on:keydown=on_key
                >
                    <div class="table-head rule-columns" role="row">
                        <span></span>
                        <span>{t!(i18n, alarms.point)}</span>
                        <span class="column-site">{t!(i18n, alarms.site)}</span>
                        <span>{t!(i18n, alarms.alarm)}</span>
                        <span>{t!(i18n, rules.condition)}</span>
                        <span class="column-delays">{t!(i18n, rules.delays)}</span>
                        <span class="column-marks"></span>
                        <span class="end">{t!(i18n, rules.version)}</span>
                    </div>
                    {table}
                </div>
            </div>
            {drawer}
        </div>
    }
    .into_any()
}

#[component]
fn Row(row: RuleRow, chosen: RwSignal<Option<RuleId>>, on_choose: Callback<RuleId>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let plant = app.plant.get_untracked();
    let RuleRow { rule, follows } = row;
    let id = rule.id;
    let is_chosen = Memo::new(move |_| chosen.get() == Some(id));
    let words = plant.as_ref().map(|plant| {
        let place = plant.place_of_subject(rule.subject).to_owned();
        let quantity = plant.point_of(rule.subject).map(|point| point.quantity);
        let asks = rule_text(&rule.condition, quantity, locale);
        (words::tag(rule.subject, plant).to_owned(), place, title(&rule, plant, locale), asks)
    });
    let (tag, place, called, asks) = words.unwrap_or_default();
    let delays = [rule.on_delay, rule.off_delay].map(|delay| format::age(delay, locale)).join(" / ");
    let mark = move |is_so: bool, letter: &'static str, tip: &'static str| {
        is_so.then(|| view! { <span class="tag" title=tip>{letter}</span> })
    };
    let is_off = !rule.enabled;
    let fill = if is_off { BadgeFill::Dashed } else { BadgeFill::Outlined };
    let (place_tip, called_tip, asks_tip, own_tag) = (place.clone(), called.clone(), asks.clone(), tag.clone());
    view! {
        <div
            class="table-row rule-columns"
            class:is-selected=move || is_chosen.get()
            class:off=is_off
            role="row"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="rule-row"
            data-point=own_tag
            data-kind=rule.condition.kind()
            on:click=move |_| on_choose.run(id)
        >
            <Badge priority=rule.priority fill=fill/>
            <span class="cut">{tag}</span>
            <span class="cut column-site" title=place_tip>{place}</span>
            <span class="cut" title=called_tip>{called}</span>
            <span class="cut" title=asks_tip>{asks}</span>
            <span class="column-delays">{delays}</span>
            <span class="column-marks">
                {mark(is_off, "–", t_string!(i18n, rules.state_off))}
                {mark(rule.latches, "L", t_string!(i18n, rules.latches))}
                {mark(rule.edited, "E", t_string!(i18n, rules.edited))}
                {mark(!follows, "O", t_string!(i18n, rules.state_own))}
            </span>
            <span class="end">{rule.version}</span>
        </div>
    }
    .into_any()
}
