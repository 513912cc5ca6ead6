//! The alarm journal: what was raised, acknowledged, said and ended, newest first; searched by the station, page by page
//! as it is scrolled, and taken away as a file.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use penstock_api::{ExportJournal, JournalFilter, JournalRow, JournalRows, ListJournal, ListNames, NamedPerson};
use penstock_model::{SiteId, Subject};

use super::active::{PriorityChoice, SiteChoice};
use super::detail::happened;
use super::list::step;
use super::search::{Asked, AskedRange, KINDS, news};
use crate::components::{
    Badge, BadgeFill, Choice, Empty, Glyph, Icon, Kbd, Loading, SearchField, Segmented, Select, VirtualTable,
};
use crate::i18n::{t, t_string, td_string, use_i18n};
use crate::keys::{List, ListDeed, list_deed};
use crate::page;
use crate::state::{App, use_app};
use crate::words;

/// Entries that are asked for at once.
const PAGE: u32 = 200;
/// The page below is asked for when no more rows than these are left beneath those in sight.
const AHEAD: usize = 60;
/// How long typing must pause before it is looked for.
const PAUSE: Duration = Duration::from_millis(300);
/// Changes of alarms are in the database a moment later; many at once are asked for once.
const SETTLE: Duration = Duration::from_secs(1);
/// What came without a change of a listed alarm is asked for that often, in s.
const EVERY_SECS: i64 = 15;
/// The choice of a range of one's own.
const OWN: &str = "own";

/// How far a search has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Awaited,
    There,
    Failed(String),
}

/// The pages of a search that were fetched so far.
#[derive(Clone, Copy)]
struct Pages {
    app: App,
    rows: RwSignal<Arc<Vec<JournalRow>>>,
    /// What the page below comes after; none where nothing is below.
    next: RwSignal<Option<u64>>,
    answer: RwSignal<Answer>,
    /// How many newcomers wait to be taken in.
    waiting: RwSignal<usize>,
    /// The first page with them.
    fresh: StoredValue<Option<(JournalFilter, JournalRows)>>,
    /// What the pages are of; none where nothing can fit.
    filter: StoredValue<Option<JournalFilter>>,
    /// Counts up with every first page: what was asked for before is of no use any more.
    turn: StoredValue<u64>,
    is_fetching: StoredValue<bool>,
    /// The row that is brought into sight.
    cursor: RwSignal<Option<usize>>,
}

impl Pages {
    fn new(app: App) -> Self {
        Self {
            app,
            rows: RwSignal::new(Arc::default()),
            next: RwSignal::new(None),
            answer: RwSignal::new(Answer::Awaited),
            waiting: RwSignal::new(0),
            fresh: StoredValue::new(None),
            filter: StoredValue::new(None),
            turn: StoredValue::new(0),
            is_fetching: StoredValue::new(false),
            cursor: RwSignal::new(None),
        }
    }

    /// What is asked for at present, as the station understands it.
    fn filter_of(self, asked: &Asked) -> Option<JournalFilter> {
        let now = self.app.now.get_untracked();
        self.app.zone.with_untracked(|zone| asked.filter(now, zone))
    }

    /// Shows these pages from now on.
    fn show(self, filter: Option<JournalFilter>, found: JournalRows) {
        self.turn.try_update_value(|turn| *turn += 1);
        self.filter.try_set_value(filter);
        self.fresh.try_set_value(None);
        self.waiting.try_set(0);
        self.next.try_set(found.next);
        self.rows.try_set(Arc::new(found.rows));
        self.answer.try_set(Answer::There);
    }

    /// Asks for the first page of something else.
    fn search(self, asked: &Asked) {
        let Some(filter) = self.filter_of(asked) else {
            return self.show(None, JournalRows { rows: Vec::new(), next: None });
        };
        let turn = self.turn.get_value() + 1;
        self.turn.set_value(turn);
        spawn_local(async move {
            let call = ListJournal { filter: filter.clone(), before: None, limit: PAGE };
            let reply = self.app.call(call).await;
            // A reply that has been overtaken is of no use.
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            match reply {
                Ok(found) => {
                    self.show(Some(filter), found);
                    self.cursor.try_set(Some(0));
                }
                Err(error) => {
                    self.answer.try_set(Answer::Failed(error.message));
                }
            }
        });
    }

    /// Asks for the page below.
    fn fetch_below(self) {
        let (Some(filter), Some(before)) = (self.filter.get_value(), self.next.get_untracked()) else { return };
        if self.is_fetching.get_value() {
            return;
        }
        self.is_fetching.set_value(true);
        let turn = self.turn.get_value();
        spawn_local(async move {
            let found = self.app.ask_for(ListJournal { filter, before: Some(before), limit: PAGE }).await;
            self.is_fetching.try_set_value(false);
            let Some(found) = found.filter(|_| self.turn.try_get_value() == Some(turn)) else { return };
            self.next.try_set(found.next);
            self.rows.try_update(|rows| Arc::make_mut(rows).extend(found.rows));
        });
    }

    /// Asks whether anything is new. It is shown at once where `is_free`, else it waits to be taken in.
    fn look_for_news(self, asked: &Asked, is_free: impl Fn() -> bool + 'static) {
        let Some(filter) = self.filter_of(asked) else { return };
        let turn = self.turn.get_value();
        spawn_local(async move {
            let call = ListJournal { filter: filter.clone(), before: None, limit: PAGE };
            let Ok(found) = self.app.call(call).await else { return };
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            let count = self.rows.try_with_untracked(|rows| news(rows, &found.rows)).unwrap_or_default();
            let has_failed = self.answer.try_get_untracked() != Some(Answer::There);
            if has_failed || (count > 0 && is_free()) {
                self.show(Some(filter), found);
            } else if count > 0 {
                self.fresh.try_set_value(Some((filter, found)));
                self.waiting.try_set(count);
            }
        });
    }

    /// Takes in what waits, and goes to it.
    fn take_in(self) {
        if let Some((filter, found)) = self.fresh.get_value() {
            self.show(Some(filter), found);
            self.cursor.set(Some(0));
        }
    }
}

#[component]
pub(super) fn Journal(remark: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let pages = Pages::new(app);
    let (text, paused) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let priorities = RwSignal::new([true; 4]);
    let (site, kind, person) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let hours = RwSignal::new("24".to_owned());
    let (from, to) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let names = RwSignal::new(Vec::<NamedPerson>::new());
    spawn_local(async move {
        if let Ok(found) = app.call(ListNames {}).await {
            names.try_set(found);
        }
    });

    let typing = StoredValue::new(0_u32);
    Effect::new(move || {
        let text = text.with(|text| text.trim().to_owned());
        let turn = typing.get_value() + 1;
        typing.set_value(turn);
        if text == paused.get_untracked() {
            return;
        }
        let later = set_timeout_with_handle(
            move || {
                if typing.try_get_value() == Some(turn) {
                    paused.try_set(text);
                }
            },
            PAUSE,
        );
        drop(later);
    });
    let asked = Memo::new(move |_| Asked {
        text: paused.get(),
        priorities: priorities.get(),
        site: site.with(|site| site.parse::<SiteId>().ok()),
        kind: kind.with(|kind| kind.parse::<usize>().ok()).and_then(|at| KINDS.get(at).copied()),
        person: person.with(|person| person.parse().ok()),
        range: match hours.with(|hours| hours.parse::<u64>()) {
            Ok(hours) => AskedRange::Last(Duration::from_secs(hours * 3_600)),
            Err(_) => AskedRange::Between(from.get(), to.get()),
        },
    });
    let is_too_short = Memo::new(move |_| asked.with(Asked::is_too_short));
    Effect::new(move || asked.with(|asked| pages.search(asked)));

    let in_view = RwSignal::new((0_usize, 0_usize));
    Effect::new(move || {
        let (_, end) = in_view.get();
        if pages.next.get().is_some() && end + AHEAD >= pages.rows.with(|rows| rows.len()) {
            pages.fetch_below();
        }
    });
    // At the top newcomers come in by themselves, unless the hand is on the list.
    let is_over = RwSignal::new(false);
    let chosen = RwSignal::new(None::<u64>);
    let is_free = move || {
        let (first, _) = in_view.try_get_untracked().unwrap_or_default();
        let is_chosen = chosen.try_get_untracked().flatten().is_some();
        first == 0 && !is_chosen && !is_over.try_get_untracked().unwrap_or_default()
    };
    let is_settling = StoredValue::new(false);
    let beat = Memo::new(move |_| app.now.get().as_micros() / (EVERY_SECS * 1_000_000));
    Effect::new(move |former: Option<()>| {
        beat.with(|_| ());
        app.alarms.listed.track();
        app.alarms.kept.track();
        app.said.track();
        if former.is_none() || is_settling.get_value() {
            return;
        }
        is_settling.set_value(true);
        let later = set_timeout_with_handle(
            move || {
                is_settling.try_set_value(false);
                asked.try_with_untracked(|asked| pages.look_for_news(asked, is_free));
            },
            SETTLE,
        );
        drop(later);
    });
    Effect::new(move || {
        let shown = pages.rows.with(|rows| rows.len());
        remark.set(match pages.next.get() {
            Some(_) => t_string!(i18n, alarms.entries_more, n = shown),
            None => t_string!(i18n, alarms.entries_n, n = shown),
        });
    });

    let export = move |_| {
        let Some(filter) = asked.with_untracked(|asked| pages.filter_of(asked)) else { return };
        spawn_local(async move {
            let Some(export) = app.ask_for(ExportJournal { filter }).await else { return };
            match app.backend.save_export(&export).await {
                Ok(Some(path)) => {
                    let locale = app.i18n.get_locale_untracked();
                    app.remark.try_set(Some(td_string!(locale, frame.saved_as, path = path)));
                }
                Ok(None) => {}
                Err(error) => {
                    app.trouble.try_set(Some(error.message));
                }
            }
        });
    };
    let choose_range = Callback::new(move |value: String| {
        if value == OWN && from.with_untracked(String::is_empty) && to.with_untracked(String::is_empty) {
            let now = app.now.get_untracked();
            let length = Duration::from_secs(hours.with_untracked(|hours| hours.parse().unwrap_or(24)) * 3_600);
            from.set(app.zone.with_untracked(|zone| zone.field(now - length)));
            to.set(app.zone.with_untracked(|zone| zone.field(now + Duration::from_secs(60))));
        }
        hours.set(value);
    });
    let ranges = Signal::derive(move || {
        vec![
            Choice::new("4", t_string!(i18n, alarms.hours_4)),
            Choice::new("24", t_string!(i18n, alarms.hours_24)),
            Choice::new("168", t_string!(i18n, alarms.days_7)),
            Choice::new("720", t_string!(i18n, alarms.days_30)),
            Choice::new(OWN, t_string!(i18n, alarms.own_range)),
        ]
    });
    let kinds = Signal::derive(move || {
        let locale = i18n.get_locale();
        let all = Choice::new("", t_string!(i18n, alarms.all_kinds));
        let kinds = KINDS.into_iter().enumerate();
        let choices = kinds.map(|(at, kind)| Choice::new(at.to_string(), words::transition(kind, locale)));
        std::iter::once(all).chain(choices).collect::<Vec<_>>()
    });
    let people = Signal::derive(move || {
        let all = Choice::new("", t_string!(i18n, alarms.all_people));
        let people = names.get().into_iter().map(|person| Choice::new(person.id.to_string(), person.full_name));
        std::iter::once(all).chain(people).collect::<Vec<_>>()
    });
    let is_own = Memo::new(move |_| hours.with(|hours| hours == OWN));
    let own_range = move || {
        is_own.get().then(|| {
            view! {
                <div class="own-range">
                    <input
                        type="datetime-local"
                        data-testid="journal-from"
                        aria-label=move || t_string!(i18n, alarms.range_from)
                        prop:value=move || from.get()
                        on:change=move |event| from.set(event_target_value(&event))
                    />
                    <span>"–"</span>
                    <input
                        type="datetime-local"
                        data-testid="journal-to"
                        aria-label=move || t_string!(i18n, alarms.range_to)
                        prop:value=move || to.get()
                        on:change=move |event| to.set(event_target_value(&event))
                    />
                </div>
            }
        })
    };

    let row = move |_: usize, row: JournalRow| view! { <Row row=row chosen=chosen/> }.into_any();
    let is_empty = Memo::new(move |_| pages.rows.with(|rows| rows.is_empty()));
    let table = move || match pages.answer.get() {
        Answer::Awaited => view! { <Loading/> }.into_any(),
        Answer::Failed(why) => view! { <Empty why=why/> }.into_any(),
        Answer::There if is_empty.get() => {
            view! { <Empty why=Signal::derive(move || t_string!(i18n, alarms.no_entries).to_owned())/> }.into_any()
        }
        Answer::There => view! {
            <VirtualTable
                rows=pages.rows
                key=|row: &JournalRow| row.seq
                row=row
                row_px=32
                cursor=pages.cursor
                in_view=in_view
                edition=Signal::derive(move || app.edition())
                label=Signal::derive(move || t_string!(i18n, alarms.journal).to_owned())
            />
        }
        .into_any(),
    };
    let navigate = use_navigate();
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if page::is_typing() || event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let key = event.key();
        let (at, row, count) = pages.rows.with_untracked(|rows| {
            let at = chosen.get_untracked().and_then(|seq| rows.iter().position(|row| row.seq == seq));
            (at, at.and_then(|at| rows.get(at).cloned()), rows.len())
        });
        if let Some(to) = step(&key, at, count) {
            chosen.set(pages.rows.with_untracked(|rows| rows.get(to).map(|row| row.seq)));
            pages.cursor.set(Some(to));
            return event.prevent_default();
        }
        if key == "Escape" && row.is_some() {
            chosen.set(None);
            return event.prevent_default();
        }
        match (list_deed(List::Journal, &key), row) {
            (Some(ListDeed::TakeIn), _) => pages.take_in(),
            (Some(ListDeed::Open), Some(row)) => {
                navigate(&format!("/alarms?alarm={}", row.transition.rule), Default::default());
            }
            (Some(ListDeed::Trend), Some(JournalRow { subject: Subject::Point(point), transition, .. })) => {
                navigate(&format!("/trends?points={point}&at={}", transition.at.as_micros()), Default::default());
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="table full-height">
            <div class="toolbar wraps">
                <SearchField label=Signal::derive(move || t_string!(i18n, alarms.filter).to_owned()) value=text/>
                {move || is_too_short.get().then(|| view! {
                    <span class="quiet nobreak" role="status" data-testid="search-hint">
                        {t!(i18n, alarms.search_begins, n = JournalFilter::LEAST_LETTERS)}
                    </span>
                })}
                <PriorityChoice priorities=priorities/>
                <SiteChoice site=site/>
                <Select
                    id="journal-kind"
                    label=Signal::derive(move || t_string!(i18n, alarms.what).to_owned())
                    value=kind
                    choices=kinds
                />
                <Select
                    id="journal-person"
                    label=Signal::derive(move || t_string!(i18n, alarms.person).to_owned())
                    value=person
                    choices=people
                />
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, alarms.range).to_owned())
                    value=hours
                    choices=ranges
                    on_choose=choose_range
                />
                {own_range}
                <span class="gap"></span>
                {move || {
                    let waiting = pages.waiting.get();
                    (waiting > 0).then(|| view! {
                        <button data-testid="take-in" on:click=move |_| pages.take_in()>
                            {t!(i18n, alarms.n_new, n = waiting)} <Kbd keys="R"/>
                        </button>
                    })
                }}
                <button data-testid="export-journal" on:click=export>
                    <Icon glyph=Glyph::Download/> "CSV"
                </button>
            </div>
            <div
                class="table-list"
                tabindex="0"
                role="grid"
                aria-label=move || t_string!(i18n, alarms.journal)
                data-testid="journal"
                on:keydown=on_key
                on:pointerenter=move |_| is_over.set(true)
                on:pointerleave=move |_| is_over.set(false)
            >
                <div class="table-head journal-columns" role="row">
                    <span></span>
                    <span>{t!(i18n, alarms.when)}</span>
                    <span>{t!(i18n, alarms.point)}</span>
                    <span>{t!(i18n, alarms.site)}</span>
                    <span>{t!(i18n, alarms.alarm)}</span>
                    <span>{t!(i18n, alarms.what)}</span>
                </div>
                {table}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Row(row: JournalRow, chosen: RwSignal<Option<u64>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let words = app.plant.with(|plant| {
        plant.as_ref().map(|plant| {
            let title = match row.name.is_empty() {
                true => words::title(row.subject, &row.condition, plant, locale),
                false => row.name.clone(),
            };
            (
                words::tag(row.subject, plant).to_owned(),
                plant.place_of_subject(row.subject).to_owned(),
                title,
                plant.point_of(row.subject).map(|point| point.quantity),
            )
        })
    });
    let (tag, place, title, quantity) = words.unwrap_or_default();
    let at = app.zone.with(|zone| zone.moment(row.transition.at, app.now.get(), locale));
    let full = app.zone.with(|zone| zone.full(row.transition.at, locale));
    let what = app.zone.with(|zone| happened(&row, quantity, zone, locale));
    let fill = match row.transition.kind {
        penstock_model::TransitionKind::Cleared => BadgeFill::Dashed,
        _ => BadgeFill::Outlined,
    };
    let (place_tip, title_tip, what_tip, own_tag) = (place.clone(), title.clone(), what.clone(), tag.clone());
    let seq = row.seq;
    let is_chosen = Memo::new(move |_| chosen.get() == Some(seq));
    view! {
        <div
            class="table-row journal-columns"
            class:is-selected=move || is_chosen.get()
            role="row"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="journal-row"
            data-point=own_tag
            on:click=move |_| chosen.set(Some(seq))
        >
            <Badge priority=row.priority fill=fill size=16/>
            <span title=full>{at}</span>
            <span>{tag}</span>
            <span title=place_tip>{place}</span>
            <span title=title_tip>{title}</span>
            <span title=what_tip>{what}</span>
        </div>
    }
    .into_any()
}
