//! The newest value of every point, one signal each, and how old it may be. Must not know alarms or screens.

use std::collections::HashMap;
use std::time::Duration;

use leptos::prelude::*;
use penstock_api::PointValue;
use penstock_model::{Point, PointNo, Quality, Timestamp};

/// How a point stands: its newest value, none before the first.
pub(crate) type PointView = Option<PointValue>;

/// All points' newest values. A frame sets the signals of what has changed and no others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointTable {
    signals: StoredValue<HashMap<PointNo, ArcRwSignal<PointView>>>,
}

impl PointTable {
    pub(crate) fn new() -> Self {
        Self { signals: StoredValue::new(HashMap::new()) }
    }

    /// The signal of one point.
    pub(crate) fn signal(self, point: PointNo) -> ArcRwSignal<PointView> {
        let made = self
            .signals
            .try_update_value(|signals| signals.entry(point).or_insert_with(|| ArcRwSignal::new(None)).clone());
        made.unwrap_or_else(|| ArcRwSignal::new(None))
    }

    /// A point's newest value, tracked.
    pub(crate) fn get(self, point: PointNo) -> PointView {
        self.signal(point).get()
    }

    /// A point's newest value, not tracked.
    pub(crate) fn peek(self, point: PointNo) -> PointView {
        self.signals.try_with_value(|signals| signals.get(&point).and_then(|signal| signal.get_untracked())).flatten()
    }

    /// Takes in what a frame brings.
    pub(crate) fn take(self, values: &[PointValue]) {
        for value in values {
            self.signal(value.point).set(Some(*value));
        }
    }

    /// Forgets all values, for another person's session.
    pub(crate) fn clear(self) {
        self.signals.update_value(HashMap::clear);
    }
}

/// How far what is shown of a point can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trust {
    /// As good as it gets.
    Good,
    /// Perhaps right.
    Uncertain,
    /// Not to be trusted.
    Bad,
    /// Too old, by this age.
    Stale(Duration),
    /// Never heard of.
    Never,
}

impl Trust {
    /// Whether it is shown as now: firm ink, filled pointer.
    pub(crate) const fn is_firm(self) -> bool {
        matches!(self, Self::Good | Self::Uncertain)
    }
}

/// How far `view` of `point` can be trusted at `now`.
pub(crate) fn trust(view: &PointView, point: &Point, now: Timestamp) -> Trust {
    let Some(value) = view else { return Trust::Never };
    // By the time it came, not by the device's clock: a device whose clock is slow is not silent.
    let age = now.since(value.received_time);
    match value.quality {
        Quality::Bad(_) => Trust::Bad,
        _ if value.value.is_none() => Trust::Bad,
        _ if !point.stale_after.is_zero() && age > point.stale_after => Trust::Stale(age),
        Quality::Uncertain(_) => Trust::Uncertain,
        Quality::Good => Trust::Good,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use penstock_model::{Address, Fault, Limits, PointId, PointState, Quantity};

    use super::*;

    pub(crate) fn point(quantity: Quantity) -> Point {
        Point {
            id: PointId::made(Timestamp::from_secs(1), [1; 10]),
            no: PointNo(1),
            address: Address { source: "local".into(), path: "a".into() },
            state: PointState::Adopted,
            name: "FT-01".into(),
            description: "Inflow, Ghat Road".into(),
            quantity,
            unit: quantity.display_unit(),
            area: None,
            site: None,
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: Duration::from_secs(60),
            recording: None,
        }
    }

    #[test]
    fn trust_falls_with_age_and_quality() {
        let point = point(Quantity::Flow);
        let at = Timestamp::from_secs(1_000);
        let value = |quality: Quality, received: i64| {
            Some(PointValue {
                point: point.no,
                source_time: Timestamp::from_secs(1),
                received_time: Timestamp::from_secs(received),
                value: Some(1.0),
                quality,
                expected: None,
                score: None,
            })
        };
        assert_eq!(trust(&None, &point, at), Trust::Never);
        assert_eq!(trust(&value(Quality::Good, 940), &point, at), Trust::Good);
        assert_eq!(trust(&value(Quality::Good, 939), &point, at), Trust::Stale(Duration::from_secs(61)));
        assert_eq!(trust(&value(Quality::Bad(Fault::Device), 1_000), &point, at), Trust::Bad);
        assert_eq!(trust(&value(Quality::from_code(64), 1_000), &point, at), Trust::Uncertain);
        let never_stale = Point { stale_after: Duration::ZERO, ..point.clone() };
        assert_eq!(trust(&value(Quality::Good, 1), &never_stale, at), Trust::Good);
    }
}
