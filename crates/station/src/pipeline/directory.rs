//! From source and address to point, as quick as a hash.

use std::collections::HashMap;

use penstock_codec::Reading;
use penstock_model::{
    Address, Band, Doubt, Point, PointId, PointNo, PointState, Quality, Quantity, Sample, SiteId, TenantId, Timestamp,
    Unit,
};

use super::{scoring_of, within};

/// What the road needs of a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) no: PointNo,
    pub(super) id: PointId,
    pub(super) site: Option<SiteId>,
    pub(super) state: PointState,
    pub(super) scored: bool,
    /// Put in anew with another unit.
    pub(super) rescaled: bool,
    unit: Unit,
    span: Option<Band>,
}

impl Entry {
    fn of(point: &Point) -> Self {
        Self {
            no: point.no,
            id: point.id,
            site: point.site,
            state: point.state,
            scored: scoring_of(point).is_some(),
            rescaled: false,
            unit: point.unit,
            span: point.span,
        }
    }

    /// A reading as a sample of this point. A unit that the message states goes before the point's, where both measure
    /// the same.
    pub(super) fn sample(&self, reading: &Reading, received: Timestamp) -> Sample {
        let unit = reading.unit.filter(|unit| unit.quantity() == self.unit.quantity()).unwrap_or(self.unit);
        let value = reading.value.map(|value| unit.to_si(value)).filter(|value| value.is_finite());
        Sample {
            point: self.no,
            source_time: reading.source_time.unwrap_or(received),
            received_time: received,
            value,
            quality: within(self.span, value, reading.quality),
        }
    }
}

/// Every known address.
#[derive(Debug, Default)]
pub(super) struct Directory {
    by_source: HashMap<String, HashMap<String, Entry>>,
    /// Source time of the newest sample by point number.
    newest: Vec<Timestamp>,
}

impl Directory {
    pub(super) fn new<'a>(points: impl Iterator<Item = &'a Point>) -> Self {
        let mut directory = Self::default();
        for point in points {
            directory.put(point);
        }
        directory
    }

    pub(super) fn get(&self, source: &str, address: &str) -> Option<Entry> {
        self.by_source.get(source)?.get(address).copied()
    }

    /// Puts a point in, new or changed.
    pub(super) fn put(&mut self, point: &Point) -> Entry {
        let entry = Entry::of(point);
        let of_source = self.by_source.entry(point.address.source.clone()).or_default();
        let before = of_source.insert(point.address.path.clone(), entry);
        Entry { rescaled: before.is_some_and(|before| before.unit != entry.unit), ..entry }
    }

    /// Takes a point out; another one that has its address by now stays.
    pub(super) fn remove(&mut self, point: &Point) {
        if let Some(of_source) = self.by_source.get_mut(&point.address.source)
            && of_source.get(&point.address.path).is_some_and(|entry| entry.no == point.no)
        {
            of_source.remove(&point.address.path);
        }
    }

    /// Says that the clock may have been set back to `now`: what has later times holds up nothing that comes after it.
    pub(super) fn clock_was_set(&mut self, now: Timestamp) {
        for newest in &mut self.newest {
            *newest = (*newest).min(now);
        }
    }

    /// Whether no newer sample of its point was seen; if so it is the newest from now on. A time that lies ahead is
    /// shown and holds up nothing that comes after it.
    pub(super) fn is_newest(&mut self, sample: &Sample) -> bool {
        if sample.quality == Quality::Uncertain(Doubt::ClockAhead) {
            return true;
        }
        let Ok(index) = usize::try_from(sample.point.0) else { return false };
        if self.newest.len() <= index {
            self.newest.resize(index + 1, Timestamp::MIN);
        }
        match self.newest.get_mut(index) {
            Some(newest) if sample.source_time >= *newest => {
                *newest = sample.source_time;
                true
            }
            _ => false,
        }
    }
}

/// A point as far as its first message describes it.
pub(super) fn discovered(tenant: TenantId, no: PointNo, source: &str, path: &str, reading: &Reading) -> Point {
    let quantity = reading.unit.map(Unit::quantity).or(reading.quantity).unwrap_or(Quantity::Plain);
    let unit = reading.unit.unwrap_or_else(|| quantity.display_unit());
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path);
    let address = Address { source: source.to_owned(), path: path.to_owned() };
    Point { name: name.to_owned(), ..Point::discovered(tenant, no, address, unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_the_clock_was_set_back_holds_up_nothing() {
        let at = Timestamp::from_secs;
        let sample = |secs: i64| Sample {
            point: PointNo(1),
            source_time: at(secs),
            received_time: at(secs),
            value: Some(1.0),
            quality: Quality::Good,
        };
        let mut directory = Directory::default();
        assert!(directory.is_newest(&sample(7_200)));
        assert!(!directory.is_newest(&sample(3_600)));
        directory.clock_was_set(at(3_600));
        assert!(directory.is_newest(&sample(3_601)));
        assert!(!directory.is_newest(&sample(3_600)), "and the newest is the newest again");
    }

    #[test]
    fn a_point_that_is_not_to_be_leaves_its_address_to_others() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let address = Address { source: "local".into(), path: "a/b".into() };
        let point = |no: i32| Point::discovered(tenant, PointNo(no), address.clone(), Quantity::Plain.display_unit());
        let mut directory = Directory::new([point(3)].iter());
        directory.remove(&point(4));
        assert_eq!(directory.get("local", "a/b").map(|entry| entry.no), Some(PointNo(3)));
        directory.remove(&point(3));
        assert!(directory.get("local", "a/b").is_none());
    }
}
