//! The values around the moment of an alarm, with the limits of its point and its own.

use std::time::Duration;

use leptos::prelude::*;
use penstock_api::{GetHistory, Series};
use penstock_model::{AlarmState, Condition, LimitLevel, Point, Priority, Reference, Side};

use crate::components::{MiniTrend, OwnLimit};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;

/// What the chart shows before the moment.
const BEFORE: Duration = Duration::from_secs(30 * 60);
/// And after it.
const AFTER: Duration = Duration::from_secs(10 * 60);
/// While that is not over, the chart goes on so often, in µs.
const EVERY_MICROS: i64 = 30_000_000;

/// The values from which a condition holds, where they can be drawn across a trend of its point.
fn own_limits(condition: &Condition, locale: Locale) -> Vec<OwnLimit> {
    match condition {
        Condition::Limit { level, limit, .. } => {
            let word = match level {
                LimitLevel::LowLow => "LL",
                LimitLevel::Low => "L",
                LimitLevel::High => "H",
                LimitLevel::HighHigh => "HH",
            };
            vec![OwnLimit { value: *limit, word: word.to_owned() }]
        }
        Condition::Deviation { from: Reference::Setpoint(setpoint), by, side, .. } => {
            let line = |value: f64| OwnLimit { value, word: td_string!(locale, alarms.calls_at).to_owned() };
            let (above, below) = (line(setpoint + by), line(setpoint - by));
            match side {
                Side::Above => vec![above],
                Side::Below => vec![below],
                Side::Either => vec![above, below],
            }
        }
        Condition::Deviation { from: Reference::Point(_), .. }
        | Condition::Rate { .. }
        | Condition::Stuck { .. }
        | Condition::State { .. }
        | Condition::Expression(_)
        | Condition::Count { .. }
        | Condition::Anomaly { .. }
        | Condition::Silence { .. } => Vec::new(),
    }
}

/// The chart.
#[component]
pub(super) fn Around(state: AlarmState, condition: Condition, point: Point, priority: Priority) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let raised_at = state.raised_at;
    let (from, to) = (raised_at - BEFORE, raised_at + AFTER);
    let series = RwSignal::new(None::<Series>);
    let id = point.id;
    let beat = Memo::new(move |_| {
        let now = app.now.get();
        (now < to).then(|| now.as_micros() / EVERY_MICROS)
    });
    Effect::new(move || {
        // Read, not only tracked: a memo that nobody reads notices nothing.
        beat.with(|_| ());
        app.imported.track();
        leptos::task::spawn_local(async move {
            if let Ok(found) = app.call(GetHistory { points: vec![id], from, to, max_points: 360 }).await {
                series.try_set(found.into_iter().next());
            }
        });
    });
    let (quantity, limits) = (point.quantity, point.limits);
    let chart = move || match series.get() {
        Some(series) => view! {
            <MiniTrend
                series=series
                quantity=quantity
                limits=limits
                own=own_limits(&condition, i18n.get_locale())
                from=from
                to=to
                moment=raised_at
                priority=priority
                zone=app.zone.get()
                locale=i18n.get_locale()
            />
        }
        .into_any(),
        None => view! { <div class="mini-trend"></div> }.into_any(),
    };
    let score = {
        let signal = app.points.signal(point.no);
        move || {
            let score = signal.get().and_then(|view| view.score).filter(|score| *score >= 0.5)?;
            Some(t_string!(i18n, alarms.anomaly, score = format::number(f64::from(score), 2, i18n.get_locale())))
        }
    };
    view! {
        <div class="drawer-section" data-testid="alarm-around">
            <p class="chart-caption">
                <span>{t!(i18n, alarms.around, unit = format::unit(quantity))}</span>
                <span>{score}</span>
            </p>
            {chart}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use penstock_model::PointId;

    use super::*;

    #[test]
    fn what_an_alarm_begins_at_is_drawn() {
        let check = |condition: Condition, expect: &[f64]| {
            let values: Vec<f64> = own_limits(&condition, Locale::en).into_iter().map(|own| own.value).collect();
            assert_eq!(values, expect, "{condition:?}");
        };
        let off = |from: Reference, side: Side| Condition::Deviation { from, by: 0.5, side, deadband: 0.0 };
        check(Condition::Limit { level: LimitLevel::High, limit: 2.0, deadband: 0.1 }, &[2.0]);
        check(off(Reference::Setpoint(3.0), Side::Above), &[3.5]);
        check(off(Reference::Setpoint(3.0), Side::Either), &[3.5, 2.5]);
        let another = PointId::made(penstock_model::Timestamp::from_secs(1), [1; 10]);
        check(off(Reference::Point(another), Side::Either), &[]);
        check(Condition::Anomaly { score: 0.9 }, &[]);
    }
}
