//! The list of active and unacknowledged alarms with its filters, keys and footer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use penstock_api::AlarmView;
use penstock_model::{FloodId, Permission, Priority, RuleId, SiteId, Subject};

use super::detail::{Detail, can_reset, reset};
use super::fold::{Marks, Place};
use super::list::{Filter, next_by_rank, step};
use super::scope::NoneOwn;
use super::seen::{InSight, Sight};
use super::shown::{Hold, Shown, Sieve};
use super::together::{FloodingNow, FoldHandle, FoldingSwitch, Folds, cause_of};
use crate::app::ScopeSwitch;
use crate::components::{
    Badge, BadgeFill, Choice, Empty, Glyph, Icon, Kbd, SearchField, Select, TrustTag, VirtualTable,
};
use crate::format;
use crate::i18n::{t, t_string, td_string, use_i18n};
use crate::keys::{List, ListDeed, list_deed};
use crate::state::{App, Overlay, use_app};
use crate::{page, words};

/// How long the order stays as it is after a key.
const HOLD_AFTER_KEY: Duration = Duration::from_secs(5);

/// Up to this width an open drawer covers the list.
const SHEET_QUERY: &str = "(max-width: 767px)";

/// What a row is drawn anew for.
type RowKey = (RuleId, u64, i64, bool, bool, bool, Priority);

/// What stands in the place of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling {
    /// Nothing is listed.
    NoneListed,
    /// Nothing of it is the own positions'.
    NoneOwn,
    /// Nothing of it fits the filter.
    NoneFits,
    /// The rows themselves.
    Rows,
}

#[component]
pub(super) fn Active(chosen: RwSignal<Option<RuleId>>, remark: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let text = RwSignal::new(String::new());
    let priorities = RwSignal::new([true; 4]);
    let (site, state) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let ticks = RwSignal::new(BTreeMap::<RuleId, u64>::new());
    let is_over = RwSignal::new(false);
    let last_key = RwSignal::new(None::<penstock_model::Timestamp>);
    let taken = RwSignal::new(0_u32);
    let in_view = RwSignal::new((0_usize, 0_usize));

    let is_held = Memo::new(move |_| {
        app.now.track();
        let is_typing = last_key.get().is_some_and(|at| page::steady().since(at) < HOLD_AFTER_KEY);
        is_over.get() || is_typing || chosen.with(Option::is_some) || !ticks.with(BTreeMap::is_empty)
    });
    let filter = Memo::new(move |_| Filter {
        text: text.get(),
        priorities: priorities.get(),
        site: site.with(|site| site.parse::<SiteId>().ok()),
        state: state.get(),
        watch: app.desk.scope(),
    });
    // It keeps what it had and puts in what has changed: a frame must not cost more the more alarms there are.
    let shown: Memo<Shown> = Memo::new_owning(move |former: Option<Shown>| {
        let hold = Hold { is_held: is_held.get(), taken: taken.get() };
        let (plant, locale, edition) = (app.plant.get(), app.locale(), app.edition());
        let sieve = Sieve { filter: filter.get(), plant, locale, edition };
        app.alarms.listed.with(|listed| former.unwrap_or_default().follow(listed, hold, &sieve))
    });
    let found = Signal::derive(move || shown.with(|shown| Arc::clone(&shown.rows)));
    let is_narrow = Signal::derive(move || filter.with(Filter::is_narrow));
    let folds = Folds::new(found, is_narrow, is_held.into(), taken, chosen, ticks);
    let rows = folds.rows();
    let waiting = Memo::new(move |_| shown.with(|shown| shown.waiting));
    let cursor = Memo::new(move |_| {
        let chosen = chosen.get()?;
        rows.with(|rows| rows.iter().position(|view| view.state.rule == chosen))
    });
    // What is folded is shown: it is counted on the row that it lies under.
    let of_all = Memo::new(move |_| (found.with(|found| found.len()), app.alarms.listed.with(|listed| listed.len())));
    Effect::new(move || {
        let (shown, all) = of_all.get();
        remark.set(t_string!(i18n, alarms.shown_of, n = shown, all = all));
    });

    let picked = move || {
        // Filtered-out rows are never reached, ticked or not.
        let ticked: Vec<(RuleId, u64)> = rows.with_untracked(|rows| {
            let ticks = ticks.get_untracked();
            let seen = |view: &Arc<AlarmView>| ticks.get(&view.state.rule).map(|seen| (view.state.rule, *seen));
            rows.iter().filter_map(seen).collect()
        });
        if !ticked.is_empty() {
            return ticked;
        }
        let one = chosen.get_untracked().and_then(|rule| app.alarms.peek(rule));
        one.map(|view| (view.state.rule, view.state.occurrence)).into_iter().collect()
    };
    let acknowledge = move || {
        let waiting = |(rule, _): &(RuleId, u64)| app.alarms.peek(*rule).is_some_and(|view| view.can_be_acknowledged());
        let alarms: Vec<_> = picked().into_iter().filter(waiting).collect();
        ticks.set(BTreeMap::new());
        app.acknowledge(alarms);
    };
    let shelve = move || {
        let alarms: Vec<RuleId> = picked().into_iter().map(|(rule, _)| rule).collect();
        if !alarms.is_empty() {
            ticks.set(BTreeMap::new());
            app.overlay.set(Some(Overlay::Shelve(alarms)));
        }
    };
    let has_ticks = Memo::new(move |_| !ticks.with(BTreeMap::is_empty));
    let sight = StoredValue::new(Sight::default());
    let is_page_shown = RwSignal::new(true);
    let listener = window_event_listener_untyped("visibilitychange", move |_| is_page_shown.set(page::is_shown()));
    on_cleanup(move || listener.remove());
    let is_covered = Memo::new(move |_| {
        let is_under_drawer = chosen.with(Option::is_some) && page::matches(SHEET_QUERY);
        !is_page_shown.get() || app.overlay.with(Option::is_some) || is_under_drawer
    });
    let readable = move || -> Vec<Arc<AlarmView>> {
        if is_covered.get() {
            return Vec::new();
        }
        let (first, end) = in_view.get();
        rows.with(|rows| rows.get(first..end.min(rows.len())).unwrap_or_default().to_vec())
    };
    Effect::new(move || {
        let readable = readable();
        sight.update_value(|sight| sight.look(&readable, page::steady()));
    });
    let in_sight = Memo::new(move |_| {
        app.now.track();
        let readable = readable();
        sight.with_value(|sight| sight.waiting(&readable, page::steady()))
    });
    let acknowledge_seen = move || {
        let readable = untrack(readable);
        let InSight { seen, .. } = sight.with_value(|sight| sight.waiting(&readable, page::steady()));
        if seen.is_empty() {
            let said = td_string!(i18n.get_locale_untracked(), alarms.none_seen).to_owned();
            app.announcement.update(|announcement| announcement.polite = said);
            return;
        }
        ticks.set(BTreeMap::new());
        app.acknowledge(seen);
    };
    let may_answer = Memo::new(move |_| app.may(Permission::AnswerAlarms));
    let may_suppress = Memo::new(move |_| app.may(Permission::SuppressAlarms));
    let toggle = move |view: &AlarmView| {
        let (rule, occurrence) = (view.state.rule, view.state.occurrence);
        ticks.update(|ticks| {
            if ticks.remove(&rule).is_none() {
                ticks.insert(rule, occurrence);
            }
        });
    };
    let navigate = use_navigate();
    let on_key = move |event: KeyboardEvent| {
        if page::is_typing() || event.alt_key() {
            return;
        }
        let key = event.key();
        let is_ctrl = event.ctrl_key() || event.meta_key();
        last_key.set(Some(page::steady()));
        let at_cursor = || {
            let at = cursor.get_untracked()?;
            rows.with_untracked(|rows| rows.get(at).cloned())
        };
        if let Some(to) =
            step(&key, cursor.get_untracked(), rows.with_untracked(|rows| rows.len())).filter(|_| !is_ctrl)
        {
            if event.shift_key()
                && let Some(view) = at_cursor()
            {
                ticks.update(|ticks| {
                    ticks.insert(view.state.rule, view.state.occurrence);
                });
            }
            chosen.set(rows.with_untracked(|rows| rows.get(to).map(|view| view.state.rule)));
            event.prevent_default();
            return;
        }
        let Some(deed) = list_deed(List::Active, &key).filter(|_| !is_ctrl) else {
            match key.as_str() {
                "a" | "A" if is_ctrl => {
                    let readable = untrack(readable);
                    let seen = sight.with_value(|sight| sight.seen(&readable, page::steady()));
                    ticks.set(seen.into_iter().collect());
                }
                "Escape" if !is_ctrl => {
                    if ticks.with_untracked(BTreeMap::is_empty) {
                        chosen.set(None);
                    } else {
                        ticks.set(BTreeMap::new());
                    }
                }
                _ => return,
            }
            return event.prevent_default();
        };
        let is_allowed = match deed {
            ListDeed::Acknowledge
            | ListDeed::AcknowledgeSeen
            | ListDeed::Reset
            | ListDeed::Comment
            | ListDeed::Shelve => may_answer.get_untracked(),
            ListDeed::Service => may_suppress.get_untracked(),
            _ => true,
        };
        if !is_allowed {
            return;
        }
        match deed {
            ListDeed::Acknowledge => acknowledge(),
            ListDeed::AcknowledgeSeen => acknowledge_seen(),
            ListDeed::Reset => {
                let resettable = |rule: &RuleId| app.alarms.peek(*rule).is_some_and(|view| can_reset(&view.state));
                let alarms: Vec<RuleId> = picked().into_iter().map(|(rule, _)| rule).filter(resettable).collect();
                if !alarms.is_empty() {
                    ticks.set(BTreeMap::new());
                    reset(app, alarms);
                }
            }
            ListDeed::Service => {
                if let Some(view) = at_cursor() {
                    app.overlay.set(Some(Overlay::TakeOutOfService(view.state.rule)));
                }
            }
            ListDeed::Comment => {
                if let Some(view) = at_cursor() {
                    app.overlay.set(Some(Overlay::Comment(view.state.rule, view.state.occurrence)));
                }
            }
            ListDeed::Shelve => shelve(),
            ListDeed::Tick => {
                if let Some(view) = at_cursor() {
                    toggle(&view);
                }
            }
            ListDeed::Open => {
                if cursor.get_untracked().is_none() {
                    chosen.set(rows.with_untracked(|rows| rows.first().map(|view| view.state.rule)));
                }
                page::focus(".drawer");
            }
            ListDeed::Trend => {
                if let Some(path) = at_cursor().and_then(|view| trend_path(&view)) {
                    navigate(&path, Default::default());
                }
            }
            ListDeed::Map => {
                if let Some(view) = at_cursor() {
                    navigate(&map_path(view.subject), Default::default());
                }
            }
            ListDeed::Fold => {
                if !folds.turn(&key) {
                    return;
                }
            }
            ListDeed::NextByRank => {
                chosen.set(untrack(|| app.desk.with_shown(|shown| next_by_rank(chosen.get_untracked(), shown))));
            }
            ListDeed::TakeIn => taken.update(|taken| *taken += 1),
            // An empty list has nowhere to go, and the rest is of other lists.
            ListDeed::Move | ListDeed::Ends | ListDeed::Page | ListDeed::Unshelve | ListDeed::Cure => return,
        }
        event.prevent_default();
    };

    let row = move |_at: usize, view: Arc<AlarmView>| {
        let place = folds.place(view.state.rule);
        view! {
            <Row
                view=view
                place=place
                chosen=chosen
                ticks=ticks
                on_toggle=Callback::new(move |view: Arc<AlarmView>| toggle(&view))
                on_fold=Callback::new(move |group| folds.toggle(group))
            />
        }
        .into_any()
    };
    let filling = Memo::new(move |_| match of_all.get() {
        (_, 0) => Filling::NoneListed,
        (0, _) if app.desk.with_shown(<[_]>::is_empty) => Filling::NoneOwn,
        (0, _) => Filling::NoneFits,
        _ => Filling::Rows,
    });
    let table = move || match filling.get() {
        Filling::NoneListed => {
            let why = Signal::derive(move || t_string!(i18n, alarms.none_listed).to_owned());
            let next = Signal::derive(move || t_string!(i18n, alarms.none_listed_next).to_owned());
            view! { <Empty why=why next=next/> }.into_any()
        }
        Filling::NoneOwn => view! { <NoneOwn/> }.into_any(),
        Filling::NoneFits => {
            let why = Signal::derive(move || t_string!(i18n, alarms.none_found).to_owned());
            let clear = move |_| {
                text.set(String::new());
                priorities.set([true; 4]);
                site.set(String::new());
                state.set(String::new());
            };
            view! { <Empty why=why><button on:click=clear>{t!(i18n, alarms.clear_filter)}</button></Empty> }.into_any()
        }
        Filling::Rows => view! {
            <VirtualTable
                rows=rows
                key=key_of
                row=row
                cursor=cursor
                in_view=in_view
                edition=Signal::derive(move || app.edition())
                label=Signal::derive(move || t_string!(i18n, frame.alarms).to_owned())
            />
        }
        .into_any(),
    };
    let seen_tip = move || match in_sight.with(|in_sight| in_sight.fresh) {
        0 => t_string!(i18n, alarms.seen_tip).to_owned(),
        n => t_string!(i18n, alarms.seen_tip_fresh, n = n),
    };
    let seen_count = Memo::new(move |_| in_sight.with(|in_sight| in_sight.seen.len()));
    view! {
        <div class="with-drawer">
            <div class="table">
                <div class="toolbar wraps">
                    <SearchField label=Signal::derive(move || t_string!(i18n, alarms.filter).to_owned()) value=text/>
                    <PriorityChoice priorities=priorities/>
                    <SiteChoice site=site/>
                    <StateChoice state=state/>
                    <ScopeSwitch id="list"/>
                    <FoldingSwitch folds=folds/>
                    <span class="gap"></span>
                    <FloodingNow/>
                    {move || may_answer.get().then(|| view! {
                        <button
                            class="nobreak"
                            data-testid="acknowledge-seen"
                            data-count=move || seen_count.get()
                            title=seen_tip
                            disabled=move || seen_count.get() == 0
                            on:click=move |_| acknowledge_seen()
                        >
                            {t!(i18n, alarms.acknowledge_seen, n = move || seen_count.get())} <Kbd keys="V"/>
                        </button>
                    })}
                    {move || {
                        let waiting = waiting.get();
                        (waiting > 0).then(|| view! {
                            <button data-testid="take-in" on:click=move |_| taken.update(|taken| *taken += 1)>
                                {t!(i18n, alarms.n_new, n = waiting)} <Kbd keys="R"/>
                            </button>
                        })
                    }}
                </div>
                <div
                    class="table-list alarm-list"
                    tabindex="0"
                    role="treegrid"
                    aria-label=move || t_string!(i18n, frame.alarms)
                    data-testid="alarm-list"
                    on:keydown=on_key
                    on:pointerenter=move |_| is_over.set(true)
                    on:pointerleave=move |_| is_over.set(false)
                >
                    <div class="table-head alarm-columns" role="row">
                        <span></span>
                        <span>"↓"</span>
                        <span>{t!(i18n, alarms.raised)}</span>
                        <span>{t!(i18n, alarms.point)}</span>
                        <span class="column-site">{t!(i18n, alarms.site)}</span>
                        <span>{t!(i18n, alarms.alarm)}</span>
                        <span>{t!(i18n, alarms.state)}</span>
                        <span class="end">{t!(i18n, alarms.value)}</span>
                    </div>
                    {table}
                </div>
                <div class="table-foot">
                    {move || (has_ticks.get() && may_answer.get()).then(|| view! {
                        <button class="small" data-testid="acknowledge-ticked" on:click=move |_| acknowledge()>
                            {t!(i18n, alarms.acknowledge)} <Kbd keys="A"/>
                        </button>
                        <button class="small" data-testid="shelve-ticked" on:click=move |_| shelve()>
                            {t!(i18n, alarms.shelve)} <Kbd keys="S"/>
                        </button>
                    })}
                    <span class="foot-text">{move || foot_text(app, ticks.with(BTreeMap::len), is_held.get(), waiting.get())}</span>
                    <span class="keys-hint">
                        <span><Kbd keys="J"/> <Kbd keys="K"/> " " {t!(i18n, alarms.move_word)}</span>
                        <span><Kbd keys="X"/> " " {t!(i18n, alarms.select_word)}</span>
                        <span><Kbd keys="→"/> <Kbd keys="←"/> " " {t!(i18n, floods.key_fold)}</span>
                        {move || may_answer.get().then(|| view! {
                            <span><Kbd keys="A"/> " " {t!(i18n, alarms.acknowledge_word)}</span>
                            <span><Kbd keys="S"/> " " {t!(i18n, alarms.shelve_word)}</span>
                        })}
                        <span><Kbd keys="T"/> " " {t!(i18n, alarms.trend_word)}</span>
                        <span><Kbd keys="M"/> " " {t!(i18n, alarms.map_word)}</span>
                    </span>
                </div>
            </div>
            {move || chosen.get().map(|rule| view! { <Detail rule=rule on_close=Callback::new(move |()| chosen.set(None))/> })}
        </div>
    }
    .into_any()
}

fn key_of(view: &Arc<AlarmView>) -> RowKey {
    let state = &view.state;
    let at = state.changed_at.as_micros();
    (state.rule, state.occurrence, at, state.active, state.acknowledged, state.latched, view.priority)
}

/// Where an alarm's trend is shown; none for what is no point.
pub(super) fn trend_path(view: &AlarmView) -> Option<String> {
    match view.subject {
        Subject::Point(point) => Some(format!("/trends?points={point}&at={}", view.state.raised_at.as_micros())),
        Subject::Site(_) | Subject::Asset(_) => None,
    }
}

/// Where what an alarm is about is shown.
pub(super) fn map_path(subject: Subject) -> String {
    match subject {
        Subject::Point(point) => format!("/map?point={point}"),
        Subject::Site(site) => format!("/map?site={site}"),
        Subject::Asset(asset) => format!("/map?asset={asset}"),
    }
}

fn foot_text(app: App, ticked: usize, is_held: bool, waiting: usize) -> String {
    let i18n = app.i18n;
    match (ticked, is_held, waiting) {
        (0, false, _) => t_string!(i18n, alarms.foot_free).to_owned(),
        (0, true, 0) => t_string!(i18n, alarms.foot_held).to_owned(),
        (0, true, n) => t_string!(i18n, alarms.foot_held_n, n = n),
        (ticked, _, 0) => t_string!(i18n, alarms.foot_ticked, n = ticked),
        (ticked, _, waiting) => t_string!(i18n, alarms.foot_ticked_n, n = ticked, waiting = waiting),
    }
}

#[component]
fn Row(
    view: Arc<AlarmView>,
    #[prop(into)] place: Signal<Place>,
    chosen: RwSignal<Option<RuleId>>,
    ticks: RwSignal<BTreeMap<RuleId, u64>>,
    on_toggle: Callback<Arc<AlarmView>>,
    on_fold: Callback<FloodId>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let rule = view.state.rule;
    let is_chosen = Memo::new(move |_| chosen.get() == Some(rule));
    let is_ticked = Memo::new(move |_| ticks.with(|ticks| ticks.contains_key(&rule)));
    let locale = i18n.get_locale_untracked();
    let plant = app.plant.get_untracked();
    let words = plant.as_ref().map(|plant| {
        let title = words::alarm_title(&view, plant, locale);
        let place = plant.place_of_subject(view.subject).to_owned();
        (title, place, words::tag(view.subject, plant).to_owned(), plant.point_of(view.subject).cloned())
    });
    let (title, site, tag, point) = words.unwrap_or_default();
    // Folded, the row shows the worst of all that lies in it.
    let marks = {
        let view = Arc::clone(&view);
        Memo::new(move |_| Marks::of(&view, place.get()))
    };
    let is_marked = move |priority: Priority| marks.with(|marks| marks.calls && marks.priority == priority);
    let state = view.state.clone();
    let badge = move || {
        let marks = marks.get();
        let fill = match (marks.calls, marks.is_active) {
            (true, _) => BadgeFill::Filled,
            (false, true) => BadgeFill::Outlined,
            (false, false) => BadgeFill::Dashed,
        };
        view! { <Badge priority=marks.priority fill=fill/> }
    };
    let handle = move || match place.get() {
        Place::Head(fold) => Some(view! { <FoldHandle fold=fold on_fold=on_fold/> }),
        Place::Single | Place::Child { .. } => None,
    };
    let cause_in_words = cause_of(rule);
    let cause = move || {
        let words = place.get().expanded().and_then(|_| cause_in_words())?;
        Some(view! { <b class="fold-cause">{words}</b> " · " })
    };
    let (raised_at, full_time) = (view.state.raised_at, app.zone.with(|zone| zone.full(view.state.raised_at, locale)));
    let raised = move || app.zone.with(|zone| zone.moment(raised_at, app.now.get(), i18n.get_locale()));
    let age = move || format::age(app.now.get().since(raised_at), i18n.get_locale());
    let glyph = match (view.state.active, view.state.acknowledged) {
        (true, false) => Glyph::Dot,
        (true, true) => Glyph::Check,
        (false, _) => Glyph::Return,
    };
    let value = point.map(|point| {
        let signal = app.points.signal(point.no);
        let shown = {
            let signal = signal.clone();
            move || format::value_or_none(signal.get().and_then(|view| view.value), point.quantity, app.locale())
        };
        let of_trust = point.clone();
        let trust = Memo::new(move |_| app.trust(&of_trust));
        view! {
            <span class="value with-unit" class:pale=move || !trust.get().is_firm()>
                <b><TrustTag trust=trust/> " " {shown}</b>
                <span class="unit">{format::unit(point.quantity)}</span>
            </span>
        }
    });
    let first_out = state.first_out.then(|| {
        let tip = t_string!(i18n, alarms.first_out_tip);
        view! { " " <span class="tag word" title=tip data-testid="first-out">{t_string!(i18n, alarms.first_out)}</span> }
    });
    let toggled = Arc::clone(&view);
    let label = t_string!(i18n, alarms.tick_this, what = title.clone());
    let site_title = site.clone();
    let tip = title.clone();
    let own_tag = tag.clone();
    view! {
        <div
            class="table-row alarm-columns"
            class:unacked=move || marks.with(|marks| marks.calls)
            class:returned=move || marks.with(|marks| !marks.calls && !marks.is_active)
            class:p1=move || is_marked(Priority::P1)
            class:p2=move || is_marked(Priority::P2)
            class:p3=move || is_marked(Priority::P3)
            class:p4=move || is_marked(Priority::P4)
            class:in-fold=move || place.get().is_child()
            class:is-selected=move || is_chosen.get() || is_ticked.get()
            role="row"
            prop:ariaLevel=move || place.get().level().to_string()
            aria-expanded=move || place.get().expanded().map(|is_open| is_open.to_string())
            aria-selected=move || is_chosen.get().to_string()
            data-testid="alarm-row"
            data-rule=rule.to_string()
            data-point=own_tag
            data-state=words::alarm_state(&state, crate::i18n::Locale::en)
            on:click=move |_| chosen.set(Some(rule))
        >
            <span class="tick">
                <input
                    type="checkbox"
                    tabindex="-1"
                    aria-label=label
                    prop:checked=move || is_ticked.get()
                    on:click=move |event| {
                        event.stop_propagation();
                        on_toggle.run(Arc::clone(&toggled));
                    }
                />
            </span>
            {badge}
            <span title=full_time>{raised} " " <span class="age">{age}</span></span>
            <span class="cut">{tag}</span>
            <span class="column-site" title=site_title>{site.clone()}</span>
            <span class="alarm-title" title=tip>
                {handle}
                {cause}
                {title}
                {first_out}
                {(!site.is_empty()).then(|| view! { <span class="site-in-text">" · " {site}</span> })}
            </span>
            <span class="state-word">
                <Icon glyph=glyph size=15/> " " {words::alarm_state(&state, locale)}
            </span>
            {value}
        </div>
    }
    .into_any()
}

/// Which priorities are shown.
#[component]
pub(super) fn PriorityChoice(priorities: RwSignal<[bool; 4]>) -> impl IntoView {
    let i18n = use_i18n();
    let buttons = Priority::ALL.into_iter().enumerate().map(|(at, priority)| {
        let is_on = Memo::new(move |_| priorities.with(|all| all.get(at).copied().unwrap_or(true)));
        let toggle = move |_| {
            priorities.update(|all| {
                if let Some(own) = all.get_mut(at) {
                    *own = !*own;
                }
            });
        };
        view! {
            <button
                data-testid=format!("priority-{}", priority.digit())
                aria-pressed=move || is_on.get().to_string()
                aria-label=move || words::priority(priority, i18n.get_locale())
                title=move || words::priority(priority, i18n.get_locale())
                on:click=toggle
            >
                <Badge priority=priority fill=BadgeFill::Outlined size=16/>
            </button>
        }
    });
    view! { <div class="segmented badges" role="group" aria-label=move || t_string!(i18n, alarms.priorities)>{buttons.collect_view()}</div> }
        .into_any()
}

/// All sites, or one.
#[component]
pub(crate) fn SiteChoice(site: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let choices = Signal::derive(move || {
        let all = Choice::new("", t_string!(i18n, alarms.all_sites));
        let sites = app.plant.with(|plant| {
            let sites = plant.as_ref().map(|plant| plant.register.plant.sites.as_slice()).unwrap_or_default();
            sites.iter().map(|site| Choice::new(site.id.to_string(), site.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(all).chain(sites).collect::<Vec<_>>()
    });
    let label = Signal::derive(move || t_string!(i18n, alarms.site).to_owned());
    view! { <Select id="site" label=label value=site choices=choices/> }
}

#[component]
fn StateChoice(state: RwSignal<String>) -> impl IntoView {
    let i18n = use_i18n();
    let choices = Signal::derive(move || {
        vec![
            Choice::new("", t_string!(i18n, alarms.all_states)),
            Choice::new("unacked", t_string!(i18n, words.unacked)),
            Choice::new("acked", t_string!(i18n, words.acked)),
            Choice::new("returned", t_string!(i18n, words.returned)),
            Choice::new("latched", t_string!(i18n, words.latched)),
        ]
    });
    let label = Signal::derive(move || t_string!(i18n, alarms.state).to_owned());
    view! { <Select id="state" label=label value=state choices=choices/> }
}
