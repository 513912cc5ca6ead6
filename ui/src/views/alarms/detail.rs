//! One alarm in the drawer: its value now, a small trend around the moment, what to do, what has happened.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{AlarmDetail, AlarmView, GetAlarm, ResetAlarms, UnshelveAlarms};
use penstock_model::{
    AcknowledgementModel, AlarmClass, AlarmState, Condition, Permission, Priority, Reference, RuleId, Subject,
    Timestamp, TransitionDetail, TransitionKind,
};

use super::active::map_path;
use super::around::Around;
use super::guidance::Guidance;
use super::similar::SimilarEpisodes;
use super::together::Together;
use crate::components::{Badge, BadgeFill, CloseButton, Fact, Facts, Kbd, Loading, Notice, fill_of};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, Link, Overlay, PlantView, use_app};
use crate::views::Now;
use crate::words;

/// What of an alarm's state makes its detail old.
fn version(app: App, rule: RuleId) -> Option<(u64, Timestamp, bool)> {
    app.alarms.listed.track();
    app.alarms.kept.track();
    let view = app.alarms.peek(rule)?;
    Some((view.state.occurrence, view.state.changed_at, view.state.acknowledged))
}

#[component]
pub(super) fn Detail(rule: RuleId, on_close: Callback<()>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let detail = RwSignal::new(None::<Result<Arc<AlarmDetail>, String>>);
    let version = Memo::new(move |_| version(app, rule));
    let is_up = Memo::new(move |_| app.link.get() == Link::Up);
    Effect::new(move || {
        // Read, not only tracked: a memo that nobody reads notices nothing.
        version.with(|_| ());
        is_up.with(|_| ());
        app.said.track();
        leptos::task::spawn_local(async move {
            let reply = app.call(GetAlarm { rule }).await;
            // While the station does not answer, what it told last stays.
            let is_known = detail.try_with_untracked(|detail| matches!(detail, Some(Ok(_)))).unwrap_or_default();
            if reply.is_ok() || !is_known {
                detail.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
            }
        });
    });
    // What is listed is shown at once; the rest follows.
    let known = Memo::new(move |_| {
        version.with(|_| ());
        let listed = app.alarms.peek(rule).map(|view| Known::of_view(&view));
        let told = || detail.with(|detail| detail.as_ref()?.as_ref().ok().map(|detail| Known::of_detail(detail)));
        listed.or_else(told)
    });
    let head = move || match (known.get(), app.plant.get(), i18n.get_locale()) {
        (Some(known), Some(plant), _) => view! { <Body known=known plant=plant on_close=on_close/> }.into_any(),
        _ => view! { <div class="drawer-head"><div></div><CloseButton on_close=on_close/></div> }.into_any(),
    };
    let rest = move || match (detail.get(), i18n.get_locale()) {
        (Some(Ok(detail)), _) => view! { <History detail=detail/> }.into_any(),
        (Some(Err(why)), _) => view! { <div class="drawer-section"><Notice text=why is_fault=true/></div> }.into_any(),
        (None, _) => view! { <Loading/> }.into_any(),
    };
    // Not with every change of the alarm: only another episode resembles others.
    let raised_at = Memo::new(move |_| {
        let state = known.with(|known| known.as_ref().and_then(|known| known.state.clone()))?;
        (state.occurrence > 0).then_some(state.raised_at)
    });
    let similar = move || raised_at.get().map(|raised_at| view! { <SimilarEpisodes rule=rule raised_at=raised_at/> });
    view! {
        <aside
            class="drawer wide"
            tabindex="-1"
            aria-label=move || t_string!(i18n, alarms.detail)
            data-testid="alarm-detail"
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.prevent_default();
                    on_close.run(());
                    crate::page::focus(".alarm-list");
                }
            }
        >
            {head}
            <Together rule=rule/>
            <Guidance rule=rule/>
            {rest}
            {similar}
        </aside>
    }
    .into_any()
}

/// What is known of an alarm as soon as it is listed.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    rule: RuleId,
    subject: Subject,
    condition: Condition,
    name: String,
    priority: Priority,
    class: AlarmClass,
    acknowledgement: AcknowledgementModel,
    /// Where it stands, where it was ever raised.
    state: Option<AlarmState>,
}

impl Known {
    fn of_view(view: &AlarmView) -> Self {
        Self {
            rule: view.state.rule,
            subject: view.subject,
            condition: view.condition.clone(),
            name: view.name.clone(),
            priority: view.priority,
            class: view.class,
            acknowledgement: view.acknowledgement,
            state: Some(view.state.clone()),
        }
    }

    fn of_detail(detail: &AlarmDetail) -> Self {
        let AlarmDetail { rule, state, .. } = detail;
        Self {
            rule: rule.id,
            subject: rule.subject,
            condition: rule.condition.clone(),
            name: rule.name.clone(),
            priority: rule.priority,
            class: rule.class,
            acknowledgement: rule.acknowledgement,
            state: state.clone(),
        }
    }
}

#[component]
fn Body(known: Known, plant: Arc<PlantView>, on_close: Callback<()>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let Known { rule: id, subject, condition, name, priority, class, acknowledgement, state } = known;
    let title = if name.is_empty() { words::title(subject, &condition, &plant, locale) } else { name };
    let place = plant.place_of_subject(subject).to_owned();
    let about = [
        place,
        words::tag(subject, &plant).to_owned(),
        words::priority(priority, locale).to_owned(),
        words::class(class, locale).to_owned(),
    ];
    let about =
        about.into_iter().filter(|part| !part.is_empty() && part != format::NO_VALUE).collect::<Vec<_>>().join(" · ");
    let fill = state.as_ref().map_or(BadgeFill::Outlined, fill_of);
    let point = plant.point_of(subject).cloned();
    let must_return = acknowledgement == AcknowledgementModel::AfterReturn;
    let waits = state.as_ref().is_some_and(|state| !(state.acknowledged || state.active && must_return));
    let occurrence = state.as_ref().map_or(0, |state| state.occurrence);
    let may_answer = app.may(Permission::AnswerAlarms);
    let trend = point.as_ref().map(|point| {
        let at = state.as_ref().map(|state| format!("&at={}", state.raised_at.as_micros())).unwrap_or_default();
        format!("/trends?points={}{at}", point.id)
    });
    let acknowledge = move |_| {
        app.acknowledge(vec![(id, occurrence)]);
        // The button is about to go; a dialog sees to the focus itself.
        if app.overlay.with_untracked(Option::is_none) {
            crate::page::focus(".alarm-list");
        }
    };
    let acts = Acts::of(state.as_ref(), app);
    let has_occurred = occurrence > 0;
    let chart = state.clone().zip(point.clone());
    view! {
        <div class="drawer-head">
            <Badge priority=priority fill=fill size=28/>
            <div>
                <h2 data-testid="detail-title">{title}</h2>
                <p>{about}</p>
            </div>
            <CloseButton on_close=on_close/>
        </div>
        <div class="drawer-section first">
            {point.map(|point| view! { <Now point=point/> })}
            <div class="drawer-actions">
                {(may_answer && waits).then(|| view! {
                    <button class="accent" data-testid="acknowledge" on:click=acknowledge>
                        {t!(i18n, alarms.acknowledge)} <Kbd keys="A"/>
                    </button>
                })}
                {acts.reset.then(|| view! {
                    <button class="accent" data-testid="reset" on:click=move |_| reset(app, vec![id])>{t!(i18n, alarms.reset)} <Kbd keys="E"/></button>
                })}
                {acts.shelve.then(|| view! {
                    <button data-testid="shelve" on:click=move |_| app.overlay.set(Some(Overlay::Shelve(vec![id])))>
                        {t!(i18n, alarms.shelve)} <Kbd keys="S"/>
                    </button>
                })}
                {acts.unshelve.then(|| view! {
                    <button data-testid="unshelve" on:click=move |_| unshelve(app, id)>{t!(i18n, alarms.unshelve)}</button>
                })}
                {acts.take_out.then(|| view! {
                    <button data-testid="take-out" on:click=move |_| app.overlay.set(Some(Overlay::TakeOutOfService(id)))>
                        {t!(i18n, alarms.take_out)} <Kbd keys="O"/>
                    </button>
                })}
                {acts.put_back.then(|| view! {
                    <button data-testid="put-back" on:click=move |_| app.overlay.set(Some(Overlay::ReturnToService(id)))>
                        {t!(i18n, alarms.put_back)}
                    </button>
                })}
                {(may_answer && has_occurred).then(|| view! {
                    <button data-testid="comment" on:click=move |_| app.overlay.set(Some(Overlay::Comment(id, occurrence)))>
                        {t!(i18n, alarms.comment)} <Kbd keys="C"/>
                    </button>
                })}
                {trend.map(|path| view! { <a class="button" href=path data-testid="to-trend">{t!(i18n, alarms.trend)} <Kbd keys="T"/></a> })}
                <a class="button" href=map_path(subject)>{t!(i18n, alarms.map)} <Kbd keys="M"/></a>
                <a class="button" href=format!("/alarms?rule={id}") data-testid="to-rule">{t!(i18n, alarms.rule)}</a>
            </div>
        </div>
        {chart.map(|(state, point)| view! { <Around state=state condition=condition point=point priority=priority/> })}
    }
    .into_any()
}

/// What a person may do to an alarm beside acknowledging it and saying something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Acts {
    reset: bool,
    shelve: bool,
    unshelve: bool,
    take_out: bool,
    put_back: bool,
}

impl Acts {
    fn of(state: Option<&AlarmState>, app: App) -> Self {
        let (answers, suppresses) = (app.may(Permission::AnswerAlarms), app.may(Permission::SuppressAlarms));
        let is = |check: fn(&AlarmState) -> bool| state.is_some_and(check);
        let (is_shelved, is_out) = (is(|state| state.shelf.is_some()), is(|state| state.out_of_service.is_some()));
        Self {
            reset: answers && is(can_reset),
            shelve: answers && !is_shelved && !is_out,
            unshelve: answers && is_shelved,
            take_out: suppresses && !is_out,
            put_back: suppresses && is_out,
        }
    }
}

/// Whether what it has latched can be ended.
pub(super) fn can_reset(state: &AlarmState) -> bool {
    state.latched && state.acknowledged && !state.active
}

/// Ends what alarms have latched.
pub(super) fn reset(app: App, alarms: Vec<RuleId>) {
    leptos::task::spawn_local(async move {
        if let Some(report) = app.ask_for(ResetAlarms { alarms, comment: None }).await {
            app.report(&report);
        }
    });
}

/// Takes an alarm from the shelf.
pub(super) fn unshelve(app: App, rule: RuleId) {
    leptos::task::spawn_local(async move {
        if let Some(report) = app.ask_for(UnshelveAlarms { alarms: vec![rule], comment: None }).await {
            app.report(&report);
        }
    });
}

#[component]
fn History(detail: Arc<AlarmDetail>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let now = app.now.get_untracked();
    let quantity = app
        .plant
        .with(|plant| plant.as_ref().and_then(|plant| plant.point_of(detail.rule.subject)).map(|point| point.quantity));
    let rows = detail.journal.iter().map(|row| {
        let at = app.zone.with(|zone| zone.moment(row.transition.at, now, locale));
        let full = app.zone.with(|zone| zone.full(row.transition.at, locale));
        let what = app.zone.with(|zone| happened(row, quantity, zone, locale));
        Fact::new(at, what).with_tip(full)
    });
    let limit = rule_text(&detail.rule.condition, quantity, locale);
    let often = match detail.raised_30_days {
        1 => t_string!(i18n, alarms.once_in_30).to_owned(),
        n => t_string!(i18n, alarms.n_in_30, n = n),
    };
    let about = [Fact::new(t_string!(i18n, alarms.last_30), often), Fact::new(t_string!(i18n, alarms.rule), limit)];
    let facts: Vec<Fact> = rows.chain(about).collect();
    view! {
        <div class="drawer-section">
            <h3>{t!(i18n, alarms.history)}</h3>
            <Facts facts=facts/>
        </div>
    }
    .into_any()
}

/// An entry of the journal in words, with what more it says.
pub(super) fn happened(
    row: &penstock_api::JournalRow,
    quantity: Option<penstock_model::Quantity>,
    zone: &format::Zone,
    locale: Locale,
) -> String {
    let what = happened_in_short(row, quantity, locale);
    match more(row.transition.detail.as_ref(), zone, locale) {
        more if more.is_empty() => what,
        more => format!("{what} · {more}"),
    }
}

/// What an entry says beside what happened: of a raise that it was the first of its group or latches, of a shelf when
/// it ends.
fn more(detail: Option<&TransitionDetail>, zone: &format::Zone, locale: Locale) -> String {
    match detail {
        None | Some(TransitionDetail::CommentDemanded) => String::new(),
        Some(TransitionDetail::Raise(raise)) => {
            let said = [
                (raise.first_out, td_string!(locale, alarms.first_out_tip)),
                (raise.latches, td_string!(locale, alarms.latches)),
            ];
            said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, said)| said).collect::<Vec<_>>().join(", ")
        }
        Some(TransitionDetail::Shelving(shelving)) => {
            let until = zone.full(shelving.until, locale);
            match shelving.one_shot {
                true => td_string!(locale, alarms.shelved_until_or_normal, until = until),
                false => td_string!(locale, alarms.shelved_until, until = until),
            }
        }
    }
}

fn happened_in_short(
    row: &penstock_api::JournalRow,
    quantity: Option<penstock_model::Quantity>,
    locale: Locale,
) -> String {
    let who = row.by.clone().unwrap_or_default();
    let value = row.transition.value.zip(quantity);
    let value = value.map(|(value, quantity)| format::value_with_unit(value, quantity, locale));
    let comment = row.transition.comment.clone().unwrap_or_default();
    match (row.transition.kind, value) {
        (TransitionKind::Raised, Some(value)) => {
            td_string!(locale, alarms.raised_at, value = value, version = row.transition.rule_version)
        }
        (TransitionKind::Raised, None) => words::transition(TransitionKind::Raised, locale).to_owned(),
        (TransitionKind::Cleared, Some(value)) => td_string!(locale, alarms.cleared_at, value = value),
        (TransitionKind::Cleared, None) => words::transition(TransitionKind::Cleared, locale).to_owned(),
        // What was over before the station heard of it, the station closes itself.
        (TransitionKind::Acknowledged, _) if who.is_empty() => {
            td_string!(locale, alarms.acknowledged_by_station).to_owned()
        }
        (TransitionKind::Acknowledged, _) if comment.is_empty() => {
            td_string!(locale, alarms.acknowledged_by, who = who)
        }
        (TransitionKind::Acknowledged, _) => {
            td_string!(locale, alarms.acknowledged_saying, who = who, comment = comment)
        }
        (TransitionKind::Commented, _) => td_string!(locale, alarms.said, who = who, comment = comment),
        (kind, _) => {
            let what = words::transition(kind, locale);
            match (who.is_empty(), comment.is_empty()) {
                (true, _) => td_string!(locale, alarms.by_station, what = what),
                (false, true) => td_string!(locale, alarms.by_who, what = what, who = who),
                (false, false) => td_string!(locale, alarms.by_who_saying, what = what, who = who, comment = comment),
            }
        }
    }
}

/// What a condition asks, in words.
pub(super) fn rule_text(condition: &Condition, quantity: Option<penstock_model::Quantity>, locale: Locale) -> String {
    match (condition, quantity) {
        (Condition::Limit { level, limit, .. }, Some(quantity)) => {
            let limit = format::value_with_unit(*limit, quantity, locale);
            if level.is_high() {
                td_string!(locale, alarms.at_or_above, limit = limit)
            } else {
                td_string!(locale, alarms.at_or_below, limit = limit)
            }
        }
        (Condition::Deviation { from, by, .. }, Some(quantity)) => {
            let from = match from {
                Reference::Setpoint(setpoint) => format::value_with_unit(*setpoint, quantity, locale),
                Reference::Point(_) => td_string!(locale, alarms.another_point).to_owned(),
            };
            td_string!(locale, alarms.off_by, by = format::difference_with_unit(*by, quantity, locale), from = from)
        }
        (Condition::Rate { per_second, over, .. }, Some(quantity)) => td_string!(
            locale,
            alarms.rate_of,
            rate = format::difference_with_unit(*per_second, quantity, locale),
            over = format::age(*over, locale)
        ),
        (Condition::Stuck { within, after }, Some(quantity)) => td_string!(
            locale,
            alarms.stuck_for,
            within = format::difference_with_unit(*within, quantity, locale),
            after = format::age(*after, locale)
        ),
        (
            Condition::Limit { .. } | Condition::Deviation { .. } | Condition::Rate { .. } | Condition::Stuck { .. },
            None,
        ) => format::NO_VALUE.to_owned(),
        (Condition::State { states }, _) => {
            let states = states.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            td_string!(locale, alarms.one_of, states = states)
        }
        (Condition::Expression(expression), _) => {
            td_string!(locale, alarms.combination, n = expression.points().len())
        }
        (Condition::Count { at_least, within, .. }, _) => {
            td_string!(locale, alarms.counted, n = *at_least, within = format::age(*within, locale))
        }
        (Condition::Anomaly { score }, _) => {
            td_string!(locale, alarms.score_from, score = format::number(*score, 2, locale))
        }
        (Condition::Silence { after }, _) => td_string!(locale, alarms.silent_for, after = format::age(*after, locale)),
    }
}
