//! What a rule in its form would have done over stored history, beside what it does as it is saved: on the trend of its
//! point, and in figures.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{GetHistory, RuleTrial, Series, TrialSpan, TryRule};
use penstock_model::{AlarmRule, Condition, LimitLevel, Limits, PointId, Subject, Timestamp};

use super::facts::unit_of;
use super::fields::Fields;
use super::form::unit_of_subject;
use crate::components::{Choice, Fact, Facts, Loading, MiniTrend, Notice, Segmented, Strip};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, PlantView, use_app};

/// How long after the last change of a figure it is tried again.
const SETTLE: Duration = Duration::from_millis(600);
/// The times to choose from, in days.
const DAYS: [u64; 3] = [1, 7, 30];
/// As many values of the trend as there is room for.
const PLACES: u32 = 720;

/// A trial with what its chart needs.
struct Tried {
    rule: AlarmRule,
    trial: RuleTrial,
    point: Option<PointId>,
    series: Option<Series>,
    from: Timestamp,
    to: Timestamp,
}

/// What of a rule decides when it is raised and when it ends: texts and priority change nothing about that.
fn judged(rule: &AlarmRule) -> AlarmRule {
    AlarmRule {
        enabled: rule.enabled,
        on_delay: rule.on_delay,
        off_delay: rule.off_delay,
        cool_down: rule.cool_down,
        suppressed_while: rule.suppressed_while.clone(),
        schedule: rule.schedule.clone(),
        ..AlarmRule::new(rule.id, rule.subject, rule.condition.clone())
    }
}

/// The point whose trend shows why a rule is raised.
fn point_of(rule: &AlarmRule) -> Option<PointId> {
    match rule.subject {
        Subject::Point(point) => Some(point),
        Subject::Site(_) | Subject::Asset(_) => rule.condition.other_points().into_iter().next(),
    }
}

/// The limits of a point, with that of the rule where it is one of them.
fn limits_with(mut limits: Limits, rule: &AlarmRule) -> Limits {
    if let Condition::Limit { level, limit, .. } = rule.condition {
        let own = match level {
            LimitLevel::LowLow => &mut limits.ll,
            LimitLevel::Low => &mut limits.l,
            LimitLevel::High => &mut limits.h,
            LimitLevel::HighHigh => &mut limits.hh,
        };
        *own = Some(limit);
    }
    limits
}

/// The strips below the trend: as the rule is saved, and as it would be.
fn strips(trial: &RuleTrial) -> Vec<Strip> {
    let of = |span: &TrialSpan| (span.raised_at, span.cleared_at.unwrap_or(trial.until));
    let before = trial.removed.first.iter().chain(trial.kept.first.iter().map(|(before, _)| before));
    let after = trial.added.first.iter().chain(trial.kept.first.iter().map(|(_, after)| after));
    vec![
        Strip { class: "before", spans: before.map(of).collect() },
        Strip { class: "after", spans: after.map(of).collect() },
    ]
}

/// Whether the change makes no difference.
fn is_alike(trial: &RuleTrial) -> bool {
    trial.before == trial.after && trial.added.count == 0 && trial.removed.count == 0
}

/// A count before and after, with the difference.
fn change_of_count(before: u32, after: u32, locale: Locale) -> String {
    let shown = |count: u32| format::count(u64::from(count), locale);
    if before == after {
        return td_string!(locale, rules.trial_alike, n = shown(before));
    }
    let difference = format::number((f64::from(after) - f64::from(before)).abs(), 0, locale);
    let sign = if after > before { '+' } else { '\u{2212}' };
    format!("{} → {} ({sign}{difference})", shown(before), shown(after))
}

/// A length of time before and after.
fn change_of_time(before: Duration, after: Duration, locale: Locale) -> String {
    let [was, is] = [before, after].map(|time| format::age(time, locale));
    if was == is { td_string!(locale, rules.trial_alike, n = was) } else { format!("{was} → {is}") }
}

/// Every figure of a trial, each with its change.
fn lines(trial: &RuleTrial, locale: Locale) -> Vec<(&'static str, String)> {
    let (before, after) = (&trial.before, &trial.after);
    let shown = |count: u32| format::count(u64::from(count), locale);
    let spans = td_string!(
        locale,
        rules.trial_spans,
        added = shown(trial.added.count),
        removed = shown(trial.removed.count),
        kept = shown(trial.kept.count)
    );
    vec![
        (td_string!(locale, rules.trial_raised), change_of_count(before.raised, after.raised, locale)),
        (td_string!(locale, rules.trial_changes), spans),
        (td_string!(locale, rules.trial_active), change_of_time(before.active, after.active, locale)),
        (td_string!(locale, rules.trial_longest), change_of_time(before.longest, after.longest, locale)),
        (td_string!(locale, rules.trial_chattering), change_of_count(before.chattering, after.chattering, locale)),
        (td_string!(locale, rules.trial_fleeting), change_of_count(before.fleeting, after.fleeting, locale)),
        (td_string!(locale, rules.trial_stale), change_of_count(before.stale, after.stale, locale)),
    ]
}

async fn ask(app: App, rule: AlarmRule, days: u64) -> Result<Arc<Tried>, String> {
    let to = app.now.get_untracked();
    let from = to - Duration::from_secs(days * 24 * 3_600);
    let call = TryRule { rule: Box::new(rule.clone()), from, to };
    let trial = app.call(call).await.map_err(|error| error.message)?;
    let point = point_of(&rule);
    let series = match point {
        Some(id) => {
            let found = app.call(GetHistory { points: vec![id], from, to, max_points: PLACES }).await;
            found.ok().and_then(|found| found.into_iter().next())
        }
        None => None,
    };
    Ok(Arc::new(Tried { rule, trial, point, series, from, to }))
}

#[component]
pub(super) fn TrialOf(
    fields: Fields,
    /// The rule as the form was filled from.
    former: StoredValue<AlarmRule>,
    plant: StoredValue<Arc<PlantView>>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let days = RwSignal::new(7_u64);
    let is_busy = RwSignal::new(false);
    let found = RwSignal::new(None::<Result<Arc<Tried>, String>>);
    let (was_run, turn) = (StoredValue::new(false), StoredValue::new(0_u32));
    // None while a field is wrong.
    let wanted = Memo::new(move |_| {
        let entry = fields.entry();
        let (former, plant) = (former.get_value(), plant.get_value());
        let unit = unit_of_subject(entry.subject, &plant);
        let rule = entry.rule(&former, unit, &|point: PointId| unit_of(Some(&plant), point)).ok()?;
        rule.fault().is_none().then(|| judged(&rule))
    });
    let run = move || {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        was_run.set_value(true);
        spawn_local(async move {
            // What was changed meanwhile is asked anew.
            loop {
                let asked = (wanted.try_get_untracked().flatten(), days.try_get_untracked());
                let answer = match asked.clone() {
                    (Some(rule), Some(days)) => ask(app, rule, days).await,
                    _ => {
                        let locale = app.i18n.get_locale_untracked();
                        Err(td_string!(locale, rules.trial_faults).to_owned())
                    }
                };
                if (wanted.try_get_untracked().flatten(), days.try_get_untracked()) == asked {
                    found.try_set(Some(answer));
                    break;
                }
            }
            is_busy.try_set(false);
        });
    };
    Effect::new(move || {
        // Read, not only tracked: a memo that nobody reads notices nothing.
        wanted.with(|_| ());
        days.track();
        if !was_run.get_value() {
            return;
        }
        let own = turn.get_value() + 1;
        turn.set_value(own);
        let later = set_timeout_with_handle(
            move || {
                if turn.try_get_value() == Some(own) {
                    run();
                }
            },
            SETTLE,
        );
        drop(later);
    });
    let ranges = Signal::derive(move || {
        let word = |days: u64| match days {
            1 => t_string!(i18n, rules.trial_day).to_owned(),
            _ => t_string!(i18n, rules.trial_days, n = days),
        };
        DAYS.map(|days| Choice::new(days.to_string(), word(days))).to_vec()
    });
    let choose = Callback::new(move |chosen: String| {
        if let Ok(chosen) = chosen.parse() {
            days.set(chosen);
        }
    });
    let outcome = move || match found.get()? {
        Ok(tried) => Some(shown(&tried, &plant.get_value())),
        Err(why) => Some(view! { <Notice text=why is_fault=true/> }.into_any()),
    };
    view! {
        <h3>{t!(i18n, rules.trial)}</h3>
        <p class="quiet">{t!(i18n, rules.trial_note)}</p>
        <div class="trial" data-testid="rule-trial">
            <div class="trial-head">
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, rules.trial_range).to_owned())
                    value=Signal::derive(move || days.get().to_string())
                    choices=ranges
                    on_choose=choose
                />
                <button type="button" data-testid="try-rule" disabled=move || is_busy.get() on:click=move |_| run()>
                    {t!(i18n, rules.trial_run)}
                </button>
            </div>
            {move || is_busy.get().then(|| view! {
                <p class="quiet" data-testid="trial-running">{t!(i18n, rules.trial_running)}</p>
                <Loading/>
            })}
            {outcome}
        </div>
    }
    .into_any()
}

/// A trial in its chart and its figures.
fn shown(tried: &Tried, plant: &PlantView) -> AnyView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale();
    let zone = app.zone.get();
    let trial = &tried.trial;
    let remark = if trial.is_cut {
        let until = zone.full(trial.until, locale);
        let text = t_string!(i18n, rules.trial_cut, until = until);
        Some(view! { <Notice text=text is_fault=true/> }.into_any())
    } else {
        let text = t_string!(i18n, rules.trial_same).to_owned();
        is_alike(trial).then(|| view! { <Notice text=text/> }.into_any())
    };
    let point = tried.point.and_then(|id| plant.point(id));
    let chart = point.zip(tried.series.clone()).map(|(point, series)| {
        view! {
            <MiniTrend
                series=series
                quantity=point.quantity
                limits=limits_with(point.limits, &tried.rule)
                from=tried.from
                to=tried.to
                zone=zone
                locale=locale
                strips=strips(trial)
            />
            <p class="chart-caption">
                <span>{t_string!(i18n, rules.trial_before)}</span>
                <span>{t_string!(i18n, rules.trial_after)}</span>
            </p>
        }
    });
    let lists = [(trial.added.count, trial.added.first.len()), (trial.removed.count, trial.removed.first.len())];
    let is_capped = lists
        .into_iter()
        .chain([(trial.kept.count, trial.kept.first.len())])
        .any(|(count, listed)| usize::try_from(count).is_ok_and(|count| count > listed));
    let most = format::count(RuleTrial::MOST_LISTED as u64, locale);
    let first = is_capped.then(|| view! { <p class="quiet">{t_string!(i18n, rules.trial_first, n = most)}</p> });
    let facts: Vec<Fact> = lines(trial, locale).into_iter().map(|(name, text)| Fact::new(name, text)).collect();
    let samples = t_string!(i18n, rules.trial_samples, n = format::count(trial.samples, locale));
    view! {
        {remark}
        {chart}
        {first}
        <Facts facts=facts/>
        <p class="quiet" data-testid="trial-samples">{samples}</p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_api::{Capped, TrialFigures};
    use penstock_model::{Priority, RuleId, SiteId};

    use super::*;

    #[test]
    fn only_what_decides_a_raise_is_tried() {
        let rule = high(5.0);
        let texts =
            AlarmRule { priority: Priority::P1, name: "Pump".into(), latches: true, version: 7, ..rule.clone() };
        assert_eq!(judged(&rule), judged(&texts));
        let check = |changed: AlarmRule| assert_ne!(judged(&rule), judged(&changed), "{changed:?}");
        check(high(6.0));
        check(AlarmRule { on_delay: Duration::from_secs(5), ..rule.clone() });
        check(AlarmRule { off_delay: Duration::from_secs(5), ..rule.clone() });
        check(AlarmRule { cool_down: Duration::from_secs(5), ..rule.clone() });
        check(AlarmRule { enabled: false, ..rule.clone() });
    }

    #[test]
    fn changes_read_as_before_and_after() {
        let count = |before: u32, after: u32| change_of_count(before, after, Locale::en);
        assert_eq!(count(21, 1), "21 → 1 (\u{2212}20)");
        assert_eq!(count(0, 1_200), "0 → 1,200 (+1,200)");
        assert_eq!(count(3, 3), "3, as before");
        let time = |before: u64, after: u64| {
            change_of_time(Duration::from_secs(before), Duration::from_secs(after), Locale::en)
        };
        assert_eq!(time(120, 30), "2 min → 30 s");
        assert_eq!(time(120, 120), "2 min, as before");
    }

    #[test]
    fn strips_are_of_both_runs() {
        let at = Timestamp::from_secs;
        let span = |from: i64, to: Option<i64>| TrialSpan { raised_at: at(from), cleared_at: to.map(at), value: None };
        let capped = |spans: Vec<TrialSpan>| Capped { count: spans.len() as u32, first: spans };
        let trial = RuleTrial {
            before: TrialFigures::default(),
            after: TrialFigures::default(),
            added: capped(vec![]),
            removed: capped(vec![span(10, Some(20))]),
            kept: Capped { count: 1, first: vec![(span(30, None), span(35, Some(40)))] },
            samples: 1,
            until: at(100),
            is_cut: false,
        };
        let [before, after] = &strips(&trial)[..] else { panic!("two strips") };
        assert_eq!(before.spans, [(at(10), at(20)), (at(30), at(100))]);
        assert_eq!(after.spans, [(at(35), at(40))]);
        assert!(!is_alike(&trial));
        assert!(is_alike(&RuleTrial { removed: capped(vec![]), ..trial }));
    }

    #[test]
    fn the_limit_that_is_typed_is_the_one_that_is_drawn() {
        let limits = limits_with(Limits { h: Some(4.0), l: Some(1.0), ..Limits::default() }, &high(5.0));
        assert_eq!((limits.h, limits.l, limits.hh), (Some(5.0), Some(1.0), None));
        let silence = AlarmRule {
            subject: Subject::Site(SiteId(Default::default())),
            condition: Condition::Silence { after: Duration::from_secs(60) },
            ..high(5.0)
        };
        assert_eq!(point_of(&silence), None);
        assert_eq!(point_of(&high(5.0)), Some(PointId(Default::default())));
    }

    fn high(limit: f64) -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit, deadband: 0.0 };
        AlarmRule::new(RuleId(Default::default()), Subject::Point(PointId(Default::default())), condition)
    }
}
