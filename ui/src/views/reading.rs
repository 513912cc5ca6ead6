//! A point as an indicator shows it.

use penstock_model::{Band, Limits, Point, Subject};

use crate::components::Reading;
use crate::state::App;

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
