//! A value against its normal band and limits, on a scale that does not move with it.

use leptos::prelude::*;
use penstock_model::{Band, LimitLevel, Limits, Priority};

/// What an indicator shows, in any one unit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Reading {
    /// The value, where there is one.
    pub(crate) value: Option<f64>,
    /// Its normal band.
    pub(crate) normal: Option<Band>,
    /// Its alarm limits.
    pub(crate) limits: Limits,
    /// What the instrument can show.
    pub(crate) span: Option<Band>,
    /// Where it is expected now.
    pub(crate) expected: Option<f64>,
    /// Whether the value is firm: neither stale nor bad.
    pub(crate) is_firm: bool,
    /// The worst active alarm of the point, which colours the violated zone.
    pub(crate) alarm: Option<Priority>,
}

impl Reading {
    /// The scale: around limits and normal band with room at both ends, else the instrument's span.
    pub(crate) fn scale(&self) -> Option<Band> {
        let Limits { ll, l, h, hh } = self.limits;
        let marks = [ll, l, h, hh, self.normal.map(|band| band.low), self.normal.map(|band| band.high)];
        let marks: Vec<f64> = marks.into_iter().flatten().collect();
        let (low, high) = marks
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), mark| (low.min(*mark), high.max(*mark)));
        if low >= high || marks.len() < 2 {
            return self.span;
        }
        let room = (high - low) * 0.22;
        // A value that cannot be below nothing is given no room there.
        let floor = self.span.map_or(if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY }, |span| span.low);
        let ceiling = self.span.map_or(f64::INFINITY, |span| span.high);
        Band::new((low - room).max(floor.min(low)), (high + room).min(ceiling.max(high))).ok()
    }

    /// The zone that the value violates: from one limit to the next, or to the scale's end.
    pub(crate) fn violated(&self, scale: Band) -> Option<Band> {
        let value = self.value?;
        let Limits { ll, l, h, hh } = self.limits;
        let zone = |low: f64, high: f64| (low < high).then_some(Band { low, high });
        match self.level()? {
            LimitLevel::HighHigh => zone(hh?, scale.high.max(value)),
            LimitLevel::High => zone(h?, hh.unwrap_or(scale.high)),
            LimitLevel::Low => zone(ll.unwrap_or(scale.low), l?),
            LimitLevel::LowLow => zone(scale.low.min(value), ll?),
        }
    }

    fn level(&self) -> Option<LimitLevel> {
        let value = self.value?;
        let Limits { ll, l, h, hh } = self.limits;
        if hh.is_some_and(|limit| value >= limit) {
            Some(LimitLevel::HighHigh)
        } else if ll.is_some_and(|limit| value <= limit) {
            Some(LimitLevel::LowLow)
        } else if h.is_some_and(|limit| value >= limit) {
            Some(LimitLevel::High)
        } else if l.is_some_and(|limit| value <= limit) {
            Some(LimitLevel::Low)
        } else {
            None
        }
    }
}

/// Where `value` lies on `scale`, 0 to 100.
pub(crate) fn percent(value: f64, scale: Band) -> f64 {
    ((value - scale.low) / (scale.high - scale.low) * 100.0).clamp(0.0, 100.0)
}

/// The indicator. Its words are those beside it, so it is silent for a screen reader.
#[component]
pub(crate) fn Indicator(#[prop(into)] reading: Signal<Reading>) -> impl IntoView {
    let pieces = move || {
        let reading = reading.get();
        let Some(scale) = reading.scale() else {
            return view! { <div class="indicator-track"></div> }.into_any();
        };
        let at = |value: f64| format!("{:.2}%", percent(value, scale));
        let zone = |band: Band, class: &'static str| {
            let (left, width) = (percent(band.low, scale), percent(band.high, scale) - percent(band.low, scale));
            view! {
                <div class=class style:left=format!("{left:.2}%") style:width=format!("{width:.2}%")></div>
            }
        };
        let normal = reading.normal.map(|band| zone(band, "indicator-normal"));
        let violated = reading.violated(scale).filter(|_| reading.is_firm).map(|band| {
            let class = match reading.alarm {
                Some(Priority::P1) => "indicator-zone p1",
                Some(Priority::P2) => "indicator-zone p2",
                Some(Priority::P3) => "indicator-zone p3",
                Some(Priority::P4) => "indicator-zone p4",
                None => "indicator-zone",
            };
            zone(band, class)
        });
        let Limits { ll, l, h, hh } = reading.limits;
        let ticks = [(ll, true), (l, false), (h, false), (hh, true)].into_iter().filter_map(|(limit, is_outer)| {
            let class = if is_outer { "indicator-tick outer" } else { "indicator-tick" };
            limit.map(|limit| view! { <div class=class style:left=at(limit)></div> })
        });
        let expected = reading.expected.map(|value| {
            view! { <div class="indicator-expected" style:left=at(value)></div> }
        });
        let pointer_class = if reading.is_firm { "indicator-pointer" } else { "indicator-pointer hollow" };
        let pointer = reading.value.map(|value| {
            view! {
                <svg class=pointer_class style:left=at(value) width="12" height="8" viewBox="0 0 12 8">
                    <path d="M1 .7h10L6 7.3z"/>
                </svg>
            }
        });
        view! {
            <div class="indicator-track"></div>
            {normal}
            {violated}
            {ticks.collect_view()}
            {expected}
            {pointer}
        }
        .into_any()
    };
    view! { <div class="indicator" aria-hidden="true">{pieces}</div> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(value: f64) -> Reading {
        Reading {
            value: Some(value),
            normal: Some(Band { low: 60.0, high: 90.0 }),
            limits: Limits { ll: None, l: Some(40.0), h: Some(110.0), hh: Some(120.0) },
            is_firm: true,
            ..Reading::default()
        }
    }

    #[test]
    fn the_scale_does_not_move_with_the_value() {
        assert_eq!(reading(50.0).scale(), reading(500.0).scale());
        let scale = reading(50.0).scale().expect("limits");
        assert!(scale.low >= 0.0 && scale.low < 40.0 && scale.high > 120.0);
        assert_eq!(percent(500.0, scale), 100.0);
        let unknown = Reading { value: Some(1.0), ..Reading::default() };
        assert_eq!(unknown.scale(), None);
        let span = Some(Band { low: 0.0, high: 10.0 });
        assert_eq!(Reading { span, ..unknown }.scale(), span);
    }

    #[test]
    fn only_the_violated_zone_is_told() {
        let scale = Band { low: 0.0, high: 140.0 };
        let check = |value: f64, expect: Option<(f64, f64)>| {
            let zone = reading(value).violated(scale).map(|band| (band.low, band.high));
            assert_eq!(zone, expect, "{value}");
        };
        check(80.0, None);
        check(112.0, Some((110.0, 120.0)));
        check(130.0, Some((120.0, 140.0)));
        check(39.0, Some((0.0, 40.0)));
    }
}
