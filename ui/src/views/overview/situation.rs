//! The situation: the worst that is going on, with what to do next, and how many alarms came every ten minutes.

use std::time::Duration;

use leptos::prelude::*;
use penstock_api::{JournalFilter, JournalRow, ListJournal};
use penstock_model::{Timestamp, TransitionKind};

use crate::components::{Badge, Panel, fill_of};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;
use crate::words;

/// Ten minutes, the field's measure of load.
const BUCKET: Duration = Duration::from_secs(600);
/// How many of them are shown: four hours.
const BUCKETS: usize = 24;
/// What a person can keep up with in ten minutes (EEMUA 191).
const TARGET: f64 = 1.0;
/// Many changes of alarms at once are asked for once.
const SETTLE: Duration = Duration::from_secs(2);
/// Alarms listed below the worst.
const OTHERS: usize = 6;

/// Alarms raised in each of the last ten-minute stretches, the newest last; the stretches end at round times.
fn load(journal: &[JournalRow], now: Timestamp) -> Vec<u32> {
    let bucket = BUCKET.as_micros() as i64;
    let newest = now.as_micros().div_euclid(bucket);
    let mut counts = vec![0; BUCKETS];
    for row in journal.iter().filter(|row| row.transition.kind == TransitionKind::Raised) {
        let back = newest - row.transition.at.as_micros().div_euclid(bucket);
        let at = usize::try_from(back).ok().and_then(|back| BUCKETS.checked_sub(back + 1));
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    counts
}

#[component]
pub(super) fn Situation() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let worst = Memo::new(move |_| app.alarms.listed.with(|listed| listed.first().cloned()));
    let others = Memo::new(move |_| {
        app.alarms.listed.with(|listed| listed.iter().skip(1).take(OTHERS).cloned().collect::<Vec<_>>())
    });
    let aside = move || {
        worst.get().map(|view| {
            let since = app.zone.with(|zone| zone.moment(view.state.raised_at, app.now.get(), i18n.get_locale()));
            let age = format::age(app.now.get().since(view.state.raised_at), i18n.get_locale());
            view! { <span>{t!(i18n, overview.since, at = since.clone(), age = age.clone())}</span> }
        })
    };
    let body = move || {
        let locale = i18n.get_locale();
        let Some(view) = worst.get() else {
            return view! {
                <div class="situation-calm">
                    <p class="empty-why">{t!(i18n, overview.calm)}</p>
                    <p>{t!(i18n, overview.calm_next)}</p>
                </div>
            }
            .into_any();
        };
        let plant = app.plant.get();
        let (title, place) = plant
            .as_ref()
            .map(|plant| {
                let title = words::alarm_title(&view, plant, locale);
                (title, plant.place_of_subject(view.subject).to_owned())
            })
            .unwrap_or_default();
        let point = plant.as_ref().and_then(|plant| plant.point_of(view.subject).cloned());
        let facts = point.as_ref().map(|point| {
            let signal = app.points.signal(point.no);
            let quantity = point.quantity;
            let raised_at = view.state.value;
            let now = {
                let signal = signal.clone();
                move || signal.get().and_then(|view| view.value).map(|value| format::value_with_unit(value, quantity, app.locale()))
            };
            let beyond = move || {
                let view = signal.get()?;
                let expected = view.expected?;
                let value = view.value?;
                if (expected.low..=expected.high).contains(&value) {
                    return None;
                }
                let away = value - f64::midpoint(expected.low, expected.high);
                let unit = quantity.display_unit();
                let text = format::number(unit.from_si(away) - unit.from_si(0.0), usize::from(quantity.decimals()), app.locale());
                let sign = if away > 0.0 { "+" } else { "" };
                Some(view! { <dt>{t!(i18n, overview.beyond_expected)}</dt><dd><b>{format!("{sign}{text}\u{a0}{}", format::unit(quantity))}</b></dd> })
            };
            view! {
                <dl class="facts right">
                    <dt>{point.name.clone()} " " {t!(i18n, overview.now)}</dt><dd><b>{now}</b></dd>
                    {raised_at.map(|value| view! {
                        <dt>{t!(i18n, overview.when_raised)}</dt><dd><b>{format::value_with_unit(value, quantity, locale)}</b></dd>
                    })}
                    {beyond}
                </dl>
            }
        });
        let alarm_path = format!("/alarms?alarm={}", view.state.rule);
        let trend_path =
            point.map(|point| format!("/trends?points={}&at={}", point.id, view.state.raised_at.as_micros()));
        let map_path = match view.subject {
            penstock_model::Subject::Point(id) => format!("/map?point={id}"),
            penstock_model::Subject::Site(id) => format!("/map?site={id}"),
            penstock_model::Subject::Asset(id) => format!("/map?asset={id}"),
        };
        let rest = others.get().into_iter().map(|view| {
            let title = plant.as_ref().map(|plant| words::alarm_title(&view, plant, locale)).unwrap_or_default();
            let place = plant.as_ref().map(|plant| plant.place_of_subject(view.subject).to_owned()).unwrap_or_default();
            let tip = format!("{place}: {title}");
            view! {
                <a class="situation-other" href=format!("/alarms?alarm={}", view.state.rule) title=tip>
                    <Badge priority=view.priority fill=fill_of(&view.state) size=16/>
                    <span class="cut">{title}</span>
                    <span class="cut quiet">{place}</span>
                </a>
            }
        });
        view! {
            <div class="situation-worst">
                <Badge priority=view.priority fill=fill_of(&view.state) size=28/>
                <div>
                    <p class="situation-title">{title}</p>
                    <p class="quiet">{place}</p>
                </div>
            </div>
            {facts}
            <div class="drawer-actions">
                <a class="button accent" href=alarm_path data-testid="open-worst">{t!(i18n, overview.open_alarms)}</a>
                <a class="button" href=map_path>{t!(i18n, overview.show_on_map)}</a>
                {trend_path.map(|path| view! { <a class="button" href=path>{t!(i18n, overview.trend)}</a> })}
            </div>
            <div class="situation-others">{rest.collect_view()}</div>
        }
        .into_any()
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, overview.situation).to_owned())
            aside=ViewFn::from(move || view! { {aside} })
            class="situation"
        >
            <div class="situation-body">{body}</div>
            <Load/>
        </Panel>
    }
    .into_any()
}

/// Alarms each ten minutes over the last four hours.
#[component]
fn Load() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let journal = RwSignal::new(None::<Vec<JournalRow>>);
    let minute = Memo::new(move |_| app.now.get().as_micros() / 60_000_000);
    let ask = move || {
        let now = app.now.get_untracked();
        let from = now - BUCKET * BUCKETS as u32;
        let range = JournalFilter::within(from, now + Duration::from_secs(60));
        let filter = JournalFilter { kinds: vec![TransitionKind::Raised], ..range };
        let call = ListJournal { filter, before: None, limit: 10_000 };
        leptos::task::spawn_local(async move {
            // Where it is away the bars stay as they were; the status bar says why.
            if let Ok(page) = app.call(call).await {
                journal.try_set(Some(page.rows));
            }
        });
    };
    let is_settling = StoredValue::new(false);
    Effect::new(move |former: Option<()>| {
        minute.with(|_| ());
        app.alarms.listed.track();
        if former.is_none() {
            return ask();
        }
        if is_settling.get_value() {
            return;
        }
        is_settling.set_value(true);
        let later = move || {
            if is_settling.try_set_value(false).is_none() {
                ask();
            }
        };
        set_timeout(later, SETTLE);
    });
    let counts = Memo::new(move |_| {
        minute.with(|_| ());
        let now = app.now.get_untracked();
        journal.with(|journal| journal.as_deref().map(|journal| load(journal, now)))
    });
    let chart = move || {
        let counts = counts.get()?;
        let top = counts.iter().copied().max().unwrap_or(0).max(3);
        let share = |count: f64| format!("{:.1}%", 100.0 * count / f64::from(top));
        let last = counts.len().saturating_sub(1);
        let bars = counts.iter().enumerate().map(|(at, count)| {
            let class = if at == last { "load-bar now" } else { "load-bar" };
            let word = (f64::from(*count) > 2.0 * TARGET).then(|| view! { <b class="load-word">{*count}</b> });
            view! { <span class="load-slot">{word}<i class=class style:height=share(f64::from(*count))></i></span> }
        });
        let now = app.now.get_untracked();
        let zone = app.zone.get();
        let bucket = BUCKET.as_micros() as i64;
        let first = (now.as_micros().div_euclid(bucket) - BUCKETS as i64 + 1) * bucket;
        let hours = (0..4_i64).map(|hour| {
            let at = Timestamp::from_micros(first + hour * 3_600_000_000);
            view! { <span>{zone.minute(at)}</span> }
        });
        Some(view! {
            <div role="img" aria-label=t_string!(i18n, overview.load)>
                <div class="load-chart">
                    {bars.collect_view()}
                    <i class="load-target" style:bottom=share(TARGET)></i>
                </div>
                <div class="load-hours">{hours.collect_view()}</div>
            </div>
        })
    };
    let average = move || {
        let counts = counts.get()?;
        let average = counts.iter().sum::<u32>() as f64 / counts.len().max(1) as f64;
        Some(t_string!(i18n, overview.average, n = format::number(average, 1, i18n.get_locale())))
    };
    view! {
        <div class="load">
            <p class="load-head"><b>{t!(i18n, overview.load)}</b><span>{average}</span></p>
            {chart}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_model::{Condition, Priority, RuleId, SiteId, Subject, Transition};

    use super::*;

    #[test]
    fn load_counts_what_was_raised() {
        let now = Timestamp::from_secs(100_000 * 600 + 30);
        let row = |back_secs: u64, kind: TransitionKind| JournalRow {
            seq: back_secs,
            transition: Transition {
                rule: RuleId::made(Timestamp::from_secs(1), [1; 10]),
                occurrence: 1,
                kind,
                at: now - Duration::from_secs(back_secs),
                value: None,
                by: None,
                comment: None,
                rule_version: 1,
                detail: None,
            },
            by: None,
            subject: Subject::Site(SiteId::made(Timestamp::from_secs(1), [1; 10])),
            site: None,
            area: None,
            name: String::new(),
            condition: Condition::Anomaly { score: 0.9 },
            priority: Priority::P2,
        };
        let rows = [
            row(0, TransitionKind::Raised),
            row(29, TransitionKind::Raised),
            row(31, TransitionKind::Raised),
            row(31, TransitionKind::Cleared),
            row(86_400, TransitionKind::Raised),
        ];
        let counts = load(&rows, now);
        assert_eq!(counts.len(), BUCKETS);
        assert_eq!(counts.get(BUCKETS - 2..), Some([1, 2].as_slice()));
        assert_eq!(counts.iter().sum::<u32>(), 3);
    }
}
