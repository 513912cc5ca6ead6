//! A point as it stands now: its value against normal band and limits, in every drawer alike.

use leptos::prelude::*;
use penstock_model::{Band, Limits, Point, Subject};

use crate::components::{Indicator, Reading, TrustTag, ValueText};
use crate::format;
use crate::i18n::{t_string, use_i18n};
use crate::state::{App, use_app};

/// A device's clock that is off by more, in µs, shows both times.
const SKEW_MICROS: u64 = 2_000_000;

/// The value now, on its scale where it has one, with what was expected.
#[component]
pub(crate) fn Now(
    point: Point,
    /// Whether it is said when the value was measured.
    #[prop(default = false)]
    shows_time: bool,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let signal = app.points.signal(point.no);
    let quantity = point.quantity;
    let of_reading = point.clone();
    let reading = Memo::new(move |_| reading(app, &of_reading));
    let has_scale = Memo::new(move |_| reading.with(|reading| reading.scale().is_some()));
    let trust = Memo::new(move |_| app.trust(&point));
    let value = Signal::derive({
        let signal = signal.clone();
        move || signal.get().and_then(|view| view.value)
    });
    let expected = move || {
        let centre = reading.with(|reading| reading.expected)?;
        let text = format::value(quantity.display_unit().to_si(centre), quantity, i18n.get_locale());
        Some(t_string!(i18n, alarms.expected, value = text))
    };
    let measured = move || {
        let view = signal.get()?;
        let (now, locale) = (app.now.get(), i18n.get_locale());
        let text = app.zone.with(|zone| zone.moment(view.source_time, now, locale));
        let skew = view.received_time.micros_since(view.source_time).unsigned_abs();
        let received = (skew > SKEW_MICROS).then(|| app.zone.with(|zone| zone.moment(view.received_time, now, locale)));
        Some(match received {
            Some(received) => t_string!(i18n, points.measured_received, at = text, received = received),
            None => t_string!(i18n, points.measured, at = text),
        })
    };
    view! {
        <div class="value-now">
            <span class="now-value" data-testid="point-value">
                <TrustTag trust=trust/>
                <ValueText value=value quantity=quantity is_firm=Signal::derive(move || trust.get().is_firm())/>
            </span>
            <span>{move || has_scale.get().then(|| view! { <Indicator reading=reading/> })}</span>
            <span class="quiet nobreak">{expected}</span>
        </div>
        {shows_time.then(|| view! { <p class="quiet now-line">{measured}</p> })}
    }
    .into_any()
}

/// What an indicator shows of a point now, in its usual unit; tracked.
pub(crate) fn reading(app: App, point: &Point) -> Reading {
    let unit = point.quantity.display_unit();
    let shown = |si: f64| unit.from_si(si);
    let band = |band: Band| Band { low: shown(band.low), high: shown(band.high) };
    let view = app.points.get(point.no);
    let limits = point.limits;
    Reading {
        value: view.and_then(|view| view.value).map(shown),
        normal: point.normal.map(band),
        limits: Limits {
            ll: limits.ll.map(shown),
            l: limits.l.map(shown),
            h: limits.h.map(shown),
            hh: limits.hh.map(shown),
        },
        span: point.span.map(band),
        expected: view.and_then(|view| view.expected).map(|band| shown(f64::midpoint(band.low, band.high))),
        is_firm: app.trust(point).is_firm(),
        alarm: app
            .alarms
            .worst_of(Subject::Point(point.id))
            .filter(|alarm| alarm.state.active)
            .map(|alarm| alarm.priority),
    }
}
