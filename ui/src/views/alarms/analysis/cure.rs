//! The work on one alarm that loads: how far it has come, the cure that history proves with its proof or why there is
//! none, and what a person can decide.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{
    CureChange, CureFinding, CureObstacle, CureOutcome, CureProposal, NamedAlarm, NoCure, ProposeCure, WorkRow,
    WorkStatus,
};
use penstock_model::{Condition, Permission, Quantity, RuleId, figure};

use super::figures::share_text;
use super::title;
use crate::components::{Choice, Fact, Facts, Loading, Notice, Panel, Segmented};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, Decision, Overlay, PlantView, Question, use_app};

/// The times to choose from, in days, and the one that proves something (ISA-18.2).
const DAYS: [u64; 3] = [7, 30, 90];
pub(super) const USUAL_DAYS: u64 = 30;

/// Has a cure looked for in the last so many days; what is found is told with the work on all alarms.
pub(super) async fn look(app: App, rule: RuleId, days: u64) -> Result<(), String> {
    let to = app.now.get_untracked();
    let from = to - Duration::from_secs(days * 24 * 3_600);
    app.call(ProposeCure { rule, from, to }).await.map_err(|error| error.message)?;
    app.decided.update(|decided| *decided += 1);
    Ok(())
}

pub(super) fn status_word(status: WorkStatus, locale: Locale) -> &'static str {
    match status {
        WorkStatus::Open => td_string!(locale, baseline.open),
        WorkStatus::Proposed => td_string!(locale, baseline.proposed),
        WorkStatus::Applied => td_string!(locale, baseline.applied),
        WorkStatus::Dismissed => td_string!(locale, baseline.dismissed),
    }
}

/// What a cure changes, as it is and as it would be, in the unit of what the rule judges.
fn change_text(change: CureChange, condition: &Condition, quantity: Quantity, locale: Locale) -> String {
    let difference = |si: f64| format::difference_with_unit(si, quantity, locale);
    let secs = |time: Duration| format!("{}\u{a0}s", figure(time.as_secs_f64()));
    let threshold = |si: f64| match condition {
        Condition::Limit { .. } => format::value_with_unit(si, quantity, locale),
        Condition::Anomaly { .. } => figure(si),
        _ => difference(si),
    };
    let (name, was, to) = match change {
        CureChange::Deadband { was, to } => (td_string!(locale, rules.deadband), difference(was), difference(to)),
        CureChange::OffDelay { was, to } => (td_string!(locale, rules.off_delay), secs(was), secs(to)),
        CureChange::OnDelay { was, to } => (td_string!(locale, rules.on_delay), secs(was), secs(to)),
        CureChange::Limit { was, to } => (td_string!(locale, rules.level), threshold(was), threshold(to)),
    };
    format!("{name}: {was} → {to}")
}

fn change_of(proposal: &CureProposal, alarm: &NamedAlarm, plant: &PlantView, locale: Locale) -> String {
    let quantity = plant.point_of(alarm.subject).map_or(Quantity::Plain, |point| point.quantity);
    change_text(proposal.change, &alarm.condition, quantity, locale)
}

/// Nuisance before and after, with the share that goes.
fn nuisance_text(before: u32, after: u32, locale: Locale) -> String {
    let share = match before {
        0 => 0.0,
        _ => f64::from(before.saturating_sub(after)) / f64::from(before),
    };
    td_string!(
        locale,
        baseline.nuisance_change,
        before = format::count(u64::from(before), locale),
        after = format::count(u64::from(after), locale),
        share = share_text(share, locale)
    )
}

fn obstacle_text(none: &NoCure, locale: Locale) -> String {
    let count = |count: u32| format::count(u64::from(count), locale);
    match none.why {
        CureObstacle::TooFew => td_string!(locale, baseline.too_few, n = count(none.nuisance)),
        CureObstacle::NothingToTry => td_string!(locale, baseline.nothing_to_try).to_owned(),
        CureObstacle::RemovesTooLittle(removed) => td_string!(
            locale,
            baseline.removes_too_little,
            tried = count(none.tried),
            n = count(removed),
            all = count(none.nuisance)
        ),
        CureObstacle::StandsLonger => td_string!(locale, baseline.stands_longer).to_owned(),
        CureObstacle::LosesActedOn(lost) => td_string!(locale, baseline.loses_acted_on, n = count(lost)),
    }
}

/// How far the work on an alarm has come, in one line of a list.
pub(super) fn summary(row: &WorkRow, alarm: &NamedAlarm, plant: Option<&PlantView>, locale: Locale) -> String {
    let status = status_word(row.status, locale);
    let more = match (row.status, row.finding.as_ref().map(|finding| &finding.outcome)) {
        (WorkStatus::Dismissed, _) => row.reason.clone(),
        (_, Some(CureOutcome::Offered(proposal))) => plant.map(|plant| change_of(proposal, alarm, plant, locale)),
        (WorkStatus::Open, Some(CureOutcome::NotOffered(none))) => Some(obstacle_text(none, locale)),
        _ => None,
    };
    more.map_or_else(|| status.to_owned(), |more| format!("{status}: {more}"))
}

#[component]
pub(super) fn CureOf(
    alarm: NamedAlarm,
    /// What was done about it; none where nothing was.
    work: Memo<Option<WorkRow>>,
    on_rule: Callback<RuleId>,
    on_close: Callback<()>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let rule = alarm.rule;
    let days = RwSignal::new(USUAL_DAYS);
    let is_busy = RwSignal::new(false);
    let trouble = RwSignal::new(None::<String>);
    let may = Memo::new(move |_| app.may(Permission::SetLimits));
    let alarm = StoredValue::new(alarm);
    let called = move |locale: Locale| {
        let plant = app.plant.get();
        let called = plant.map(|plant| alarm.with_value(|alarm| title(alarm, &plant, locale)));
        called.unwrap_or_default()
    };
    let start = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        trouble.set(None);
        let days = days.get_untracked();
        spawn_local(async move {
            if let Err(why) = look(app, rule, days).await {
                trouble.try_set(Some(why));
            }
            is_busy.try_set(false);
        });
    };
    let decide = move |decision: Decision, lines: Vec<String>| {
        let about = untrack(|| called(i18n.get_locale()));
        app.overlay.set(Some(Overlay::Decide(Question { decision, about, lines })));
    };
    let apply = move |_| {
        let locale = i18n.get_locale_untracked();
        let (work, plant) = (work.get_untracked(), app.plant.get_untracked());
        let offered = work.and_then(|work| work.finding).map(|finding| finding.outcome);
        let (Some(CureOutcome::Offered(proposal)), Some(plant)) = (offered, plant) else { return };
        let change = alarm.with_value(|alarm| change_of(&proposal, alarm, &plant, locale));
        let nuisance = nuisance_text(proposal.nuisance_before, proposal.nuisance_after, locale);
        let nuisance = format!("{}: {nuisance}", td_string!(locale, baseline.nuisance));
        decide(Decision::ApplyCure(rule), vec![change, nuisance]);
    };
    let heading = Signal::derive(move || {
        let locale = i18n.get_locale();
        format!("{}: {}", td_string!(locale, baseline.work_title), called(locale))
    });
    let ranges = Signal::derive(move || {
        DAYS.map(|days| Choice::new(days.to_string(), t_string!(i18n, baseline.days_n, n = days))).to_vec()
    });
    let choose = Callback::new(move |chosen: String| {
        if let Ok(chosen) = chosen.parse() {
            days.set(chosen);
        }
    });
    let told = move || {
        let locale = i18n.get_locale();
        let plant = app.plant.get();
        let work = work.get();
        match (&work, plant) {
            (Some(work), Some(plant)) => alarm.with_value(|alarm| known(app, work, alarm, &plant, locale)),
            _ => view! { <p class="panel-calm">{t_string!(i18n, baseline.not_tried)}</p> }.into_any(),
        }
    };
    let status = Memo::new(move |_| work.with(|work| work.as_ref().map_or(WorkStatus::Open, |work| work.status)));
    let decisions = move || {
        let is_settled = matches!(status.get(), WorkStatus::Applied | WorkStatus::Dismissed);
        may.get().then(|| view! {
            {(status.get() == WorkStatus::Proposed).then(|| view! {
                <button class="accent" data-testid="apply-cure" on:click=apply>{t!(i18n, baseline.apply)}</button>
            })}
            {if is_settled {
                view! {
                    <button data-testid="reopen-work" on:click=move |_| decide(Decision::Reopen(rule), Vec::new())>
                        {t!(i18n, baseline.reopen)}
                    </button>
                }
                .into_any()
            } else {
                view! {
                    <button data-testid="dismiss-work" on:click=move |_| decide(Decision::Dismiss(rule), Vec::new())>
                        {t!(i18n, baseline.dismiss)}
                    </button>
                }
                .into_any()
            }}
        })
    };
    let search = move || {
        may.get().then(|| {
            view! {
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, baseline.over).to_owned())
                    value=Signal::derive(move || days.get().to_string())
                    choices=ranges
                    on_choose=choose
                />
                <button data-testid="look-for-cure" disabled=move || is_busy.get() on:click=start>
                    {t!(i18n, baseline.look)}
                </button>
            }
        })
    };
    view! {
        <Panel
            title=heading
            aside=ViewFn::from(move || view! {
                <button class="small" on:click=move |_| on_close.run(())>{t!(i18n, words.close)}</button>
            })
            class="analysis-wide"
        >
            <div class="work" data-testid="cure">
                {told}
                {move || trouble.get().map(|text| view! { <Notice text=text is_fault=true/> })}
                {move || is_busy.get().then(|| view! {
                    <p class="panel-calm" data-testid="looking">{t!(i18n, baseline.looking)}</p>
                    <Loading/>
                })}
                <div class="work-acts">
                    {search}
                    {decisions}
                    <button on:click=move |_| on_rule.run(rule)>{t!(i18n, baseline.to_rule)}</button>
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

/// What was done about an alarm, with the proof of what is offered.
fn known(app: App, work: &WorkRow, alarm: &NamedAlarm, plant: &PlantView, locale: Locale) -> AnyView {
    let (at, full) =
        app.zone.with(|zone| (zone.moment(work.at, app.now.get_untracked(), locale), zone.full(work.at, locale)));
    let by = work.by.clone().unwrap_or_else(|| td_string!(locale, baseline.by_station).to_owned());
    let status = status_word(work.status, locale);
    let reason = work.reason.clone().map(|reason| view! { <p class="panel-calm">{reason}</p> });
    let finding = work.finding.as_ref().map(|finding| proof(app, finding, alarm, plant, locale));
    view! {
        <p class="panel-calm" title=full data-testid="work-status">
            <b>{status}</b>
            {format!(" · {at} · {by}")}
        </p>
        {reason}
        {finding}
    }
    .into_any()
}

fn proof(app: App, finding: &CureFinding, alarm: &NamedAlarm, plant: &PlantView, locale: Locale) -> AnyView {
    let count = |count: u32| format::count(u64::from(count), locale);
    let [begin, end] = app.zone.with(|zone| [finding.from, finding.to].map(|at| zone.full(at, locale)));
    let range =
        td_string!(locale, baseline.range_text, begin = begin, end = end, n = format::count(finding.samples, locale));
    let cut = finding.is_cut.then(|| {
        let text = td_string!(locale, baseline.range_cut).to_owned();
        view! { <Notice text=text/> }
    });
    let range = Fact::new(td_string!(locale, baseline.range_used), range);
    let facts = match &finding.outcome {
        CureOutcome::Offered(proposal) => vec![
            Fact::new(td_string!(locale, baseline.change), change_of(proposal, alarm, plant, locale)).firm(true),
            Fact::new(
                td_string!(locale, baseline.nuisance),
                nuisance_text(proposal.nuisance_before, proposal.nuisance_after, locale),
            ),
            Fact::new(td_string!(locale, baseline.acted_kept), count(proposal.kept)),
            Fact::new(td_string!(locale, baseline.tried), count(proposal.tried)),
            range,
        ],
        CureOutcome::NotOffered(none) => vec![
            Fact::new(td_string!(locale, baseline.not_offered), obstacle_text(none, locale)),
            Fact::new(td_string!(locale, baseline.tried), count(none.tried)),
            range,
        ],
    };
    view! {
        {cut}
        <div class="panel-facts" data-testid="cure-proof"><Facts facts=facts/></div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_model::LimitLevel;

    use super::*;

    #[test]
    fn a_change_is_told_in_the_unit_of_what_is_judged() {
        let limit = Condition::Limit { level: LimitLevel::High, limit: 5e5, deadband: 0.0 };
        let check = |change: CureChange, expect: &str| {
            let text = change_text(change, &limit, Quantity::Pressure, Locale::en).replace('\u{a0}', " ");
            assert_eq!(text, expect);
        };
        check(CureChange::Deadband { was: 0.0, to: 10_000.0 }, "Deadband: 0 bar → 0.1 bar");
        let secs = Duration::from_secs;
        check(CureChange::OnDelay { was: secs(0), to: secs(10) }, "On-delay: 0 s → 10 s");
        check(CureChange::OffDelay { was: secs(5), to: secs(300) }, "Off-delay: 5 s → 300 s");
        check(CureChange::Limit { was: 5e5, to: 5.5e5 }, "Limit: 5.00 bar → 5.50 bar");
    }

    #[test]
    fn why_no_cure_is_offered_is_said_with_its_figures() {
        let none = |why: CureObstacle| NoCure { nuisance: 21, to_keep: 1, tried: 12, why };
        let text = obstacle_text(&none(CureObstacle::RemovesTooLittle(9)), Locale::en);
        assert_eq!(text, "The best of 12 changes removes 9 of 21 nuisance activations; 80 % are needed.");
        assert!(obstacle_text(&none(CureObstacle::LosesActedOn(2)), Locale::en).contains("lose 2 that"));
        let share = nuisance_text(21, 1, Locale::en).replace('\u{a0}', " ");
        assert_eq!(share, "21 → 1 (95.2 % removed)");
        assert!(nuisance_text(0, 0, Locale::en).starts_with("0 → 0"));
    }
}
