//! The alarms that loaded most, as a queue of work: what ails each, how far the work on it has come, and which changes
//! of its rule are worth trying. A row leads to the rule, and to the cure that history proves.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use penstock_api::{CureKind, ListWork, Offender, WorkRow};
use penstock_model::{Permission, RuleId, Subject};

use super::super::list::step;
use super::cure::{CureOf, USUAL_DAYS, look, summary};
use super::figures::share_text;
use super::{Told, title};
use crate::components::{Badge, BadgeFill, Empty, Panel, VirtualTable};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::keys::{List, ListDeed, list_deed};
use crate::page;
use crate::state::use_app;
use crate::words;

/// An alarm with its place among all by their load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranked {
    rank: usize,
    offender: Offender,
}

/// By their load, the most frequent first; where `only_ailing`, those with something to cure.
fn ranked(offenders: &[Offender], only_ailing: bool) -> Vec<Ranked> {
    let all = (1..).zip(offenders).map(|(rank, offender)| Ranked { rank, offender: offender.clone() });
    all.filter(|row| !only_ailing || row.offender.ails).collect()
}

/// Where an alarm's trend is shown, at its last call; none for what is no point.
fn trend_path(offender: &Offender) -> Option<String> {
    match offender.alarm.subject {
        Subject::Point(point) => {
            let at = offender.last_at.map(|at| format!("&at={}", at.as_micros())).unwrap_or_default();
            Some(format!("/trends?points={point}{at}"))
        }
        Subject::Site(_) | Subject::Asset(_) => None,
    }
}

/// What was done about each alarm, by its rule.
type Works = RwSignal<BTreeMap<RuleId, WorkRow>>;

/// The alarms that a cure is to be looked for: what ails, has something worth trying, and nobody has worked on yet or
/// whose rule has changed since.
fn to_look_for(offenders: &[Offender], works: &BTreeMap<RuleId, WorkRow>) -> Vec<RuleId> {
    let is_untouched = |rule: &RuleId| works.get(rule).is_none_or(|work| work.finding.is_none());
    let ailing = offenders.iter().filter(|offender| offender.ails && !offender.worth_trying.is_empty());
    ailing.map(|offender| offender.alarm.rule).filter(is_untouched).collect()
}

fn cure_word(cure: CureKind, locale: Locale) -> &'static str {
    match cure {
        CureKind::Deadband => td_string!(locale, rules.deadband),
        CureKind::OffDelay => td_string!(locale, rules.off_delay),
        CureKind::OnDelay => td_string!(locale, rules.on_delay),
        CureKind::Limit => td_string!(locale, rules.level),
    }
}

#[component]
pub(super) fn Queue(
    told: Arc<Told>,
    on_rule: Callback<RuleId>,
    /// The alarm that is worked on.
    chosen: RwSignal<Option<RuleId>>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let only_ailing = RwSignal::new(true);
    let cursor = RwSignal::new(None::<usize>);
    let works: Works = RwSignal::new(BTreeMap::new());
    Effect::new(move || {
        app.decided.track();
        app.plant.track();
        spawn_local(async move {
            // While the station does not answer, what it told last stays.
            if let Ok(rows) = app.call(ListWork {}).await {
                works.try_set(rows.into_iter().map(|row| (row.rule, row)).collect());
            }
        });
    });
    let offenders = StoredValue::new(told.figures.offenders.clone());
    let all = told.figures.offender_count;
    let rows = Memo::new(move |_| Arc::new(ranked(&told.figures.offenders, only_ailing.get())));
    let at_cursor = move || {
        let at = cursor.get_untracked()?;
        rows.with_untracked(|rows| rows.get(at).cloned())
    };
    let navigate = use_navigate();
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if page::is_typing() || event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let key = event.key();
        let deed = list_deed(List::Load, &key);
        if let Some(to) = step(&key, cursor.get_untracked(), rows.with_untracked(|rows| rows.len())) {
            cursor.set(Some(to));
        } else if let (Some(ListDeed::Open), Some(row)) = (deed, at_cursor()) {
            on_rule.run(row.offender.alarm.rule);
        } else if let (Some(ListDeed::Cure), Some(row)) = (deed, at_cursor()) {
            chosen.set(Some(row.offender.alarm.rule));
        } else if let (Some(ListDeed::Trend), Some(path)) =
            (deed, at_cursor().and_then(|row| trend_path(&row.offender)))
        {
            navigate(&path, Default::default());
        } else if key == "Escape" {
            cursor.set(None);
        } else {
            return;
        }
        event.prevent_default();
    };
    let toggle = move |_| {
        cursor.set(None);
        only_ailing.update(|only_ailing| *only_ailing = !*only_ailing);
    };
    let row = move |at: usize, row: Ranked| {
        view! { <Row at=at row=row cursor=cursor on_rule=on_rule works=works chosen=chosen/> }.into_any()
    };
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let table = move || {
        if is_empty.get() {
            let why = Signal::derive(move || t_string!(i18n, analysis.nothing_ails).to_owned());
            return view! { <Empty why=why/> }.into_any();
        }
        view! {
            <VirtualTable
                rows=rows
                key=|row: &Ranked| (row.rank, row.offender.alarm.rule)
                row=row
                cursor=cursor
                edition=Signal::derive(move || app.edition() * 2 + u64::from(only_ailing.get()))
                label=Signal::derive(move || t_string!(i18n, analysis.queue).to_owned())
            />
        }
        .into_any()
    };
    // How many are through of how many that are looked for.
    let progress = RwSignal::new(None::<(usize, usize)>);
    let look_for_all = move |_| {
        if progress.get_untracked().is_some() {
            return;
        }
        let wanted = works.with_untracked(|works| offenders.with_value(|all| to_look_for(all, works)));
        let count = wanted.len();
        spawn_local(async move {
            // One after the other: each keeps a processor of the station busy.
            for (at, rule) in (1..).zip(wanted) {
                if progress.try_set(Some((at, count))).is_some() {
                    return;
                }
                // One that cannot be tried keeps none of the others from it.
                if let Err(why) = look(app, rule, USUAL_DAYS).await {
                    app.trouble.set(Some(why));
                    if app.is_away() {
                        break;
                    }
                }
            }
            progress.try_set(None);
        });
    };
    let looking = move || {
        let (at, count) = progress.get()?;
        Some(
            view! { <span data-testid="looking-all">{t_string!(i18n, baseline.looking_n, n = at, all = count)}</span> },
        )
    };
    let look_button = move || {
        app.may(Permission::SetLimits).then(|| {
            view! {
                <button
                    class="small"
                    data-testid="look-for-cures"
                    disabled=move || progress.with(Option::is_some)
                    on:click=look_for_all
                >
                    {t!(i18n, baseline.look_all)}
                </button>
            }
        })
    };
    let aside = move || {
        view! {
            {looking}
            <span>{move || t_string!(i18n, analysis.shown_of, n = rows.with(|rows| rows.len()), all = all)}</span>
            <button
                class="small"
                data-testid="only-ailing"
                aria-pressed=move || only_ailing.get().to_string()
                on:click=toggle
            >
                {t!(i18n, analysis.only_ailing)}
            </button>
            {look_button}
        }
    };
    let cure = move || {
        let rule = chosen.get()?;
        let alarm = offenders.with_value(|all| {
            all.iter().find(|offender| offender.alarm.rule == rule).map(|offender| offender.alarm.clone())
        })?;
        let work = Memo::new(move |_| works.with(|works| works.get(&rule).cloned()));
        let close = Callback::new(move |()| chosen.set(None));
        Some(view! { <CureOf alarm=alarm work=work on_rule=on_rule on_close=close/> })
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, analysis.queue).to_owned())
            aside=ViewFn::from(aside)
            class="analysis-queue"
        >
            <div
                class="table-list"
                tabindex="0"
                role="grid"
                aria-label=move || t_string!(i18n, analysis.queue)
                data-testid="bad-actors"
                on:keydown=on_key
            >
                <div class="table-head queue-columns" role="row">
                    <span class="end">{t!(i18n, analysis.rank)}</span>
                    <span></span>
                    <span>{t!(i18n, alarms.point)}</span>
                    <span class="column-site">{t!(i18n, alarms.site)}</span>
                    <span>{t!(i18n, alarms.alarm)}</span>
                    <span class="end">{t!(i18n, analysis.calls)}</span>
                    <span class="end">{t!(i18n, analysis.share)}</span>
                    <span class="end">{t!(i18n, analysis.chattering)}</span>
                    <span class="end">{t!(i18n, analysis.fleeting)}</span>
                    <span class="end">{t!(i18n, analysis.stale)}</span>
                    <span class="column-last">{t!(i18n, analysis.last)}</span>
                    <span class="column-cures">{t!(i18n, baseline.status)}</span>
                    <span></span>
                </div>
                {table}
            </div>
        </Panel>
        {cure}
    }
    .into_any()
}

#[component]
fn Row(
    at: usize,
    row: Ranked,
    cursor: RwSignal<Option<usize>>,
    on_rule: Callback<RuleId>,
    works: Works,
    chosen: RwSignal<Option<RuleId>>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let plant = app.plant.get_untracked();
    let Ranked { rank, offender } = row;
    let (rule, subject) = (offender.alarm.rule, offender.alarm.subject);
    let words = plant.as_ref().map(|plant| {
        let place = plant.place_of_subject(subject).to_owned();
        (words::tag(subject, plant).to_owned(), place, title(&offender.alarm, plant, locale))
    });
    let (tag, place, called) = words.unwrap_or_default();
    let last = offender.last_at.map(|at| {
        app.zone.with_untracked(|zone| (zone.moment(at, app.now.get_untracked(), locale), zone.full(at, locale)))
    });
    let (last, last_tip) = last.unwrap_or_else(|| (format::NO_VALUE.to_owned(), String::new()));
    let cures = offender.worth_trying.iter().map(|cure| cure_word(*cure, locale)).collect::<Vec<_>>().join(", ");
    let cures = match (cures.is_empty(), offender.ails, offender.acted_on) {
        (false, ..) => format!("{}: {cures}", td_string!(locale, analysis.worth_trying)),
        (true, true, 0) => td_string!(locale, analysis.never_acted_on).to_owned(),
        _ => cures,
    };
    let alarm = StoredValue::new(offender.alarm.clone());
    let work = Memo::new(move |_| {
        let plant = app.plant.get();
        works.with(|works| {
            let row = works.get(&rule)?;
            Some(alarm.with_value(|alarm| summary(row, alarm, plant.as_deref(), locale)))
        })
    });
    let status = Memo::new(move |_| work.get().unwrap_or_else(|| cures.clone()));
    let work_on = view! {
        <button class="small" data-testid="work-on" on:click=move |event| {
            event.stop_propagation();
            chosen.set(Some(rule));
        }>{t!(i18n, baseline.work_on)}</button>
    };
    let number = |count: u32| match count {
        0 => format::NO_VALUE.to_owned(),
        _ => format::count(u64::from(count), locale),
    };
    let navigate = use_navigate();
    let trend = trend_path(&offender).map(|path| {
        view! {
            <button class="small" data-testid="queue-trend" on:click=move |event| {
                event.stop_propagation();
                navigate(&path, Default::default());
            }>{t!(i18n, alarms.trend)}</button>
        }
    });
    let is_chosen = Memo::new(move |_| cursor.get() == Some(at));
    let (place_tip, called_tip, own_tag) = (place.clone(), called.clone(), tag.clone());
    view! {
        <div
            class="table-row queue-columns"
            class:is-selected=move || is_chosen.get()
            role="row"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="queue-row"
            data-point=own_tag
            on:click=move |_| on_rule.run(rule)
        >
            <span class="end">{rank}</span>
            <Badge priority=offender.alarm.priority fill=BadgeFill::Outlined/>
            <span class="cut">{tag}</span>
            <span class="cut column-site" title=place_tip>{place}</span>
            <span class="cut" title=called_tip>{called}</span>
            <span class="end">{format::count(u64::from(offender.calls), locale)}</span>
            <span class="end">{share_text(offender.share, locale)}</span>
            <span class="end">{number(offender.chattering)}</span>
            <span class="end">{number(offender.fleeting)}</span>
            <span class="end">{number(offender.stale)}</span>
            <span class="column-last" title=last_tip>{last}</span>
            <span class="cut column-cures" title=move || status.get()>{move || status.get()}</span>
            <span class="end queue-acts">{trend} {work_on}</span>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_api::{CureFinding, CureObstacle, CureOutcome, NamedAlarm, NoCure, WorkStatus};
    use penstock_model::{Condition, PointId, Priority, SiteId, Timestamp};

    use super::*;

    fn offender(subject: Subject, ails: bool) -> Offender {
        Offender {
            alarm: NamedAlarm {
                rule: RuleId::made(Timestamp::from_secs(1), [1; 10]),
                subject,
                condition: Condition::Anomaly { score: 0.9 },
                name: String::new(),
                priority: Priority::P2,
            },
            calls: 3,
            last_at: Some(Timestamp::from_secs(7)),
            share: 0.5,
            chattering: 0,
            fleeting: 0,
            stale: 0,
            acted_on: 3,
            ails,
            worth_trying: vec![],
        }
    }

    #[test]
    fn who_is_left_out_keeps_its_rank() {
        let site = Subject::Site(SiteId::made(Timestamp::from_secs(1), [1; 10]));
        let offenders = [offender(site, false), offender(site, true)];
        let ranks = |only_ailing| ranked(&offenders, only_ailing).iter().map(|row| row.rank).collect::<Vec<_>>();
        assert_eq!(ranks(true), [2]);
        assert_eq!(ranks(false), [1, 2]);
    }

    #[test]
    fn cures_are_looked_for_where_there_is_none_yet() {
        let site = Subject::Site(SiteId::made(Timestamp::from_secs(1), [1; 10]));
        let named = |id: u8| {
            let own = offender(site, true);
            let alarm = NamedAlarm { rule: RuleId::made(Timestamp::from_secs(1), [id; 10]), ..own.alarm.clone() };
            Offender { alarm, worth_trying: vec![CureKind::OnDelay], ..own }
        };
        let well = Offender { ails: false, ..named(1) };
        let nothing_to_try = Offender { worth_trying: vec![], ..named(2) };
        let all = [well, nothing_to_try, named(3), named(4)];
        let third = all[2].alarm.rule;
        let row = |finding: Option<CureFinding>| WorkRow {
            rule: third,
            status: WorkStatus::Open,
            at: Timestamp::from_secs(1),
            by: None,
            reason: None,
            finding,
        };
        let found = CureFinding {
            rule: third,
            version: 1,
            from: Timestamp::from_secs(0),
            to: Timestamp::from_secs(1),
            is_cut: false,
            samples: 0,
            outcome: CureOutcome::NotOffered(NoCure { nuisance: 0, to_keep: 0, tried: 0, why: CureObstacle::TooFew }),
        };
        let looked = |finding: Option<CureFinding>| to_look_for(&all, &BTreeMap::from([(third, row(finding))]));
        assert_eq!(to_look_for(&all, &BTreeMap::new()), [third, all[3].alarm.rule]);
        assert_eq!(looked(None), [third, all[3].alarm.rule]);
        assert_eq!(looked(Some(found)), [all[3].alarm.rule]);
    }

    #[test]
    fn the_trend_is_at_the_last_call() {
        let point = PointId::made(Timestamp::from_secs(1), [1; 10]);
        let called = offender(Subject::Point(point), true);
        assert_eq!(trend_path(&called), Some(format!("/trends?points={point}&at=7000000")));
        let stood = Offender { last_at: None, ..called };
        assert_eq!(trend_path(&stood), Some(format!("/trends?points={point}")));
        assert_eq!(trend_path(&offender(Subject::Site(SiteId::made(Timestamp::from_secs(1), [1; 10])), true)), None);
    }
}
