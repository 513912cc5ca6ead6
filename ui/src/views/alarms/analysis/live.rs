//! How much alarms ask of people at present: calls in the last ten minutes, what stands, what is kept. Asked for again
//! and again while it is shown; who may set limits may have it counted anew.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{AlarmMetrics, GetAlarmMetrics};
use penstock_model::{Permission, Timestamp};

use crate::components::Panel;
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{Decision, Overlay, Question, use_app};

/// How often the station is asked.
const EVERY: Duration = Duration::from_secs(5);
/// With more calls than this in ten minutes a flood begins.
const MOST_IN_TEN_MINUTES: u32 = 10;
/// As many may stand at once (EEMUA 191), and fewer than this may be stale on a day.
const MOST_STANDING: u32 = 10;
const STALE_BELOW: u32 = 5;

/// A figure with whether it is more than it should be.
type Line = (&'static str, String, bool);

fn lines(metrics: &AlarmMetrics, locale: Locale) -> Vec<Line> {
    let count = |count: u32| format::count(u64::from(count), locale);
    let average = metrics.average_in_ten_minutes;
    vec![
        (
            td_string!(locale, baseline.live_ten),
            count(metrics.in_ten_minutes),
            metrics.in_ten_minutes > MOST_IN_TEN_MINUTES,
        ),
        (
            td_string!(locale, baseline.live_most),
            count(metrics.most_in_ten_minutes),
            metrics.most_in_ten_minutes > MOST_IN_TEN_MINUTES,
        ),
        (td_string!(locale, baseline.live_average), format::number(average, 2, locale), average > 2.0),
        (td_string!(locale, baseline.live_standing), count(metrics.standing), metrics.standing > MOST_STANDING),
        (td_string!(locale, baseline.live_stale), count(metrics.stale), metrics.stale >= STALE_BELOW),
        (td_string!(locale, baseline.live_waited), format::age(metrics.longest_unacknowledged, locale), false),
    ]
}

#[component]
pub(super) fn Live() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let told = RwSignal::new(None::<AlarmMetrics>);
    let asked_at = StoredValue::new(None::<(Timestamp, u32)>);
    Effect::new(move || {
        let (now, decided) = (app.now.get(), app.decided.get());
        // A clock that was set back asks too, and so does what was decided: it may be counted anew by it.
        let is_due = asked_at
            .get_value()
            .is_none_or(|(asked, before)| now < asked || now.since(asked) >= EVERY || decided != before);
        if !is_due {
            return;
        }
        asked_at.set_value(Some((now, decided)));
        spawn_local(async move {
            // While the station does not answer, what it told last stays.
            if let Ok(metrics) = app.call(GetAlarmMetrics {}).await {
                told.try_set(Some(metrics));
            }
        });
    });
    let figures = move || {
        let locale = i18n.get_locale();
        let counts = app.counts.get();
        let unacked: u32 = counts.unacknowledged.iter().sum();
        let kept = [counts.shelved, counts.suppressed, counts.out_of_service];
        let kept = kept.map(|count| format::count(u64::from(count), locale)).join(" / ");
        let here: [Line; 2] = [
            (td_string!(locale, baseline.live_unacked), format::count(u64::from(unacked), locale), false),
            (td_string!(locale, baseline.live_kept), kept, false),
        ];
        let asked = told.get().map(|metrics| lines(&metrics, locale)).unwrap_or_default();
        let figure = |(name, text, is_over): Line| {
            let mark = is_over.then(|| view! { <span class="bang" aria-hidden="true">"! "</span> });
            view! { <div class:not-met=is_over><dt>{name}</dt><dd>{mark}{text}</dd></div> }
        };
        asked.into_iter().chain(here).map(figure).collect_view()
    };
    let since = move || {
        let metrics = told.get()?;
        let locale = i18n.get_locale();
        let at = app.zone.with(|zone| zone.moment(metrics.since, app.now.get_untracked(), locale));
        Some(t_string!(i18n, baseline.live_since, at = at))
    };
    let ask_why = move |_| {
        let about = t_string!(i18n, baseline.live).to_owned();
        let lines = untrack(since).into_iter().collect();
        app.overlay.set(Some(Overlay::Decide(Question { decision: Decision::ResetMetrics, about, lines })));
    };
    let reset = move || {
        app.may(Permission::SetLimits).then(|| {
            view! {
                <button class="small" data-testid="reset-metrics" on:click=ask_why>{t!(i18n, words.reset)}</button>
            }
        })
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, baseline.live).to_owned())
            aside=ViewFn::from(move || view! { <span>{since}</span> {reset} })
            class="analysis-wide"
        >
            <dl class="live-figures" data-testid="live-figures">{figures}</dl>
        </Panel>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_its_bound_is_marked() {
        let metrics = AlarmMetrics {
            at: Timestamp::from_secs(9),
            since: Timestamp::from_secs(1),
            calls: 30,
            in_ten_minutes: 11,
            most_in_ten_minutes: 10,
            average_in_ten_minutes: 0.5,
            longest_active: Duration::ZERO,
            longest_unacknowledged: Duration::from_secs(120),
            most_realarms: 0,
            standing: 11,
            stale: 4,
        };
        let marked: Vec<bool> = lines(&metrics, Locale::en).into_iter().map(|(.., is_over)| is_over).collect();
        assert_eq!(marked, [true, false, false, true, false, false]);
        let stale = AlarmMetrics { stale: 5, ..metrics };
        assert!(lines(&stale, Locale::en)[4].2);
    }
}
