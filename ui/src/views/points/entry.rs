//! A point as a form holds it: every field as typed text, and the way there and back. Pure; must not know the page.

use std::time::Duration;

use penstock_model::{Band, Limits, Point, PointRole, PointState, Position, Quantity, Recording, Unit};

use crate::format::{self, NoNumber};

/// A form's fields as typed. Values are in the quantity's usual unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) quantity: String,
    pub(super) unit: String,
    pub(super) area: String,
    pub(super) site: String,
    pub(super) asset: String,
    pub(super) lat: String,
    pub(super) lon: String,
    pub(super) role: String,
    pub(super) normal_low: String,
    pub(super) normal_high: String,
    pub(super) span_low: String,
    pub(super) span_high: String,
    pub(super) ll: String,
    pub(super) l: String,
    pub(super) h: String,
    pub(super) hh: String,
    pub(super) stale_secs: String,
    pub(super) deadband: String,
    pub(super) deviation: String,
    pub(super) record_secs: String,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Nothing stands there, and something must.
    Missing,
    /// It is no number.
    NoNumber,
    /// Not on earth, or only one of latitude and longitude.
    NoPlace,
    /// Low is not below high, or only one of them.
    NoBand,
    /// LL <= L <= H <= HH does not hold.
    NoOrder,
    /// Not above 0.
    NotAbove,
    /// Not between 1 s and 24 h.
    NoInterval,
}

/// A field that is wrong.
pub(super) type Fault = (&'static str, Wrong);

/// All roles with their names in forms.
pub(super) const ROLES: [(PointRole, &str); 9] = [
    (PointRole::SupplyInflow, "supply_inflow"),
    (PointRole::AreaInflow, "area_inflow"),
    (PointRole::CriticalPressure, "critical_pressure"),
    (PointRole::AreaChlorine, "area_chlorine"),
    (PointRole::TankLevel, "tank_level"),
    (PointRole::PumpRunning, "pump_running"),
    (PointRole::StationFlow, "station_flow"),
    (PointRole::StationPressure, "station_pressure"),
    (PointRole::PumpPower, "pump_power"),
];

impl Entry {
    /// The fields of a point.
    pub(super) fn of(point: &Point) -> Self {
        let unit = point.quantity.display_unit();
        let shown = |si: Option<f64>| si.map(|si| plain(unit.from_si(si))).unwrap_or_default();
        let difference = |si: Option<f64>| si.map(|si| plain(unit.difference_from_si(si))).unwrap_or_default();
        let id = |id: Option<String>| id.unwrap_or_default();
        let role = point.role.and_then(|role| ROLES.iter().find(|(own, _)| *own == role));
        Self {
            name: point.name.clone(),
            description: point.description.clone(),
            quantity: point.quantity.name().to_owned(),
            unit: point.unit.symbol().to_owned(),
            area: id(point.area.map(|area| area.to_string())),
            site: id(point.site.map(|site| site.to_string())),
            asset: id(point.asset.map(|asset| asset.to_string())),
            lat: point.position.map(|position| format!("{:.6}", position.lat())).unwrap_or_default(),
            lon: point.position.map(|position| format!("{:.6}", position.lon())).unwrap_or_default(),
            role: role.map(|(_, name)| (*name).to_owned()).unwrap_or_default(),
            normal_low: shown(point.normal.map(|band| band.low)),
            normal_high: shown(point.normal.map(|band| band.high)),
            span_low: shown(point.span.map(|band| band.low)),
            span_high: shown(point.span.map(|band| band.high)),
            ll: shown(point.limits.ll),
            l: shown(point.limits.l),
            h: shown(point.limits.h),
            hh: shown(point.limits.hh),
            stale_secs: point.stale_after.as_secs().to_string(),
            deadband: difference(point.recording.and_then(|recording| recording.deadband())),
            deviation: difference(point.recording.and_then(|recording| recording.deviation())),
            record_secs: interval(point.recording).as_secs().to_string(),
        }
    }

    /// The point that `former` becomes, adopted.
    pub(super) fn point(&self, former: &Point) -> Result<Point, Vec<Fault>> {
        let mut faults = Vec::new();
        let quantity: Quantity = self.quantity.parse().unwrap_or(former.quantity);
        let unit = Unit::parse(&self.unit).ok().filter(|unit| unit.quantity() == quantity);
        let shown = quantity.display_unit();
        // What nobody touched stays as it is, to the last bit: rounding for the form is no change.
        let untouched = Self::of(former);
        let keeps = quantity == former.quantity;
        let mut number = |field: &'static str, text: &str, before: &str, value: Option<f64>| {
            if keeps && text == before {
                return value;
            }
            match read(text) {
                Ok(value) => value.map(|value| shown.to_si(value)),
                Err(wrong) => {
                    faults.push((field, wrong));
                    None
                }
            }
        };
        let (low, high) = (|band: Band| band.low, |band: Band| band.high);
        let normal = (
            number("normal_low", &self.normal_low, &untouched.normal_low, former.normal.map(low)),
            number("normal_high", &self.normal_high, &untouched.normal_high, former.normal.map(high)),
        );
        let span = (
            number("span_low", &self.span_low, &untouched.span_low, former.span.map(low)),
            number("span_high", &self.span_high, &untouched.span_high, former.span.map(high)),
        );
        let limits = Limits {
            ll: number("ll", &self.ll, &untouched.ll, former.limits.ll),
            l: number("l", &self.l, &untouched.l, former.limits.l),
            h: number("h", &self.h, &untouched.h, former.limits.h),
            hh: number("hh", &self.hh, &untouched.hh, former.limits.hh),
        };
        let normal = band("normal_low", normal, &mut faults);
        let span = band("span_low", span, &mut faults);
        if limits.check().is_err() {
            faults.push(("ll", Wrong::NoOrder));
        }
        if self.name.trim().is_empty() {
            faults.push(("name", Wrong::Missing));
        }
        let is_moved = self.lat != untouched.lat || self.lon != untouched.lon;
        let position = match (read(&self.lat), read(&self.lon)) {
            _ if !is_moved => former.position,
            (Ok(None), Ok(None)) => None,
            (Ok(Some(lat)), Ok(Some(lon))) => match Position::new(lat, lon) {
                Ok(position) => Some(position),
                Err(_) => {
                    faults.push(("lat", Wrong::NoPlace));
                    None
                }
            },
            _ => {
                faults.push(("lat", Wrong::NoPlace));
                None
            }
        };
        let stale_after = match self.stale_secs.trim().parse::<u64>() {
            Ok(secs) => Duration::from_secs(secs),
            Err(_) => {
                faults.push(("stale_secs", Wrong::NoNumber));
                former.stale_after
            }
        };
        let recording = self.recording(former, quantity, &untouched, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Point {
            state: PointState::Adopted,
            name: self.name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            quantity,
            unit: unit.unwrap_or_else(|| quantity.display_unit()),
            area: self.area.parse().ok(),
            site: self.site.parse().ok(),
            asset: self.asset.parse().ok(),
            position,
            role: ROLES.iter().find(|(_, name)| *name == self.role).map(|(role, _)| *role),
            normal,
            span,
            limits,
            stale_after,
            recording,
            ..former.clone()
        })
    }

    /// What is recorded: everything, where there is neither deadband nor deviation.
    fn recording(
        &self,
        former: &Point,
        quantity: Quantity,
        untouched: &Self,
        faults: &mut Vec<Fault>,
    ) -> Option<Recording> {
        let had = former.recording;
        let mut difference = |field: &'static str, text: &str, before: &str, value: Option<f64>| {
            if quantity == former.quantity && text == before {
                return value;
            }
            match read(text) {
                Ok(Some(value)) if value <= 0.0 => {
                    faults.push((field, Wrong::NotAbove));
                    None
                }
                Ok(value) => value.map(|value| quantity.display_unit().difference_to_si(value)),
                Err(wrong) => {
                    faults.push((field, wrong));
                    None
                }
            }
        };
        let had_deadband = had.and_then(|had| had.deadband());
        let had_deviation = had.and_then(|had| had.deviation());
        let deadband = difference("deadband", &self.deadband, &untouched.deadband, had_deadband);
        let deviation = difference("deviation", &self.deviation, &untouched.deviation, had_deviation);
        if deadband.is_none() && deviation.is_none() {
            return None;
        }
        let every = match self.record_secs.trim() {
            "" => Recording::USUAL_INTERVAL,
            text if text == untouched.record_secs => interval(had),
            text => Duration::from_secs(text.parse().unwrap_or_default()),
        };
        let recording = Recording::new(deadband, deviation, every).ok();
        if recording.is_none() {
            faults.push(("record_secs", Wrong::NoInterval));
        }
        recording
    }

    /// Deadband and deviation as typed, where they are above 0.
    pub(super) fn leaves_out(&self) -> (Option<&str>, Option<&str>) {
        (above_zero(&self.deadband), above_zero(&self.deviation))
    }
}

fn interval(recording: Option<Recording>) -> Duration {
    recording.map_or(Recording::USUAL_INTERVAL, |recording| recording.at_least_every())
}

fn above_zero(text: &str) -> Option<&str> {
    matches!(read(text), Ok(Some(value)) if value > 0.0).then_some(text.trim())
}

fn band(field: &'static str, ends: (Option<f64>, Option<f64>), faults: &mut Vec<Fault>) -> Option<Band> {
    match ends {
        (None, None) => None,
        (Some(low), Some(high)) if low < high => Some(Band { low, high }),
        _ => {
            faults.push((field, Wrong::NoBand));
            None
        }
    }
}

fn read(text: &str) -> Result<Option<f64>, Wrong> {
    format::typed(text).map_err(|NoNumber| Wrong::NoNumber)
}

/// A number as a field shows it: at most six significant digits behind the point, no noise of the conversion.
fn plain(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::test_point;

    #[test]
    fn a_point_survives_the_form() {
        let mut point = test_point(Quantity::Pressure);
        point.limits = Limits { ll: Some(150_000.0), l: Some(200_000.0), h: None, hh: None };
        point.normal = Some(Band { low: 220_000.0, high: 1_000_000.0 / 3.0 });
        point.role = Some(PointRole::CriticalPressure);
        point.position = Position::new(26.5, 88.123_456_789).ok();
        let entry = Entry::of(&point);
        assert_eq!((entry.ll.as_str(), entry.normal_high.as_str()), ("1.5", "3.333333"));
        assert_eq!(entry.point(&point), Ok(point));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let point = test_point(Quantity::Flow);
        let good = Entry::of(&point);
        let check = |entry: Entry, expect: Fault| assert_eq!(entry.point(&point), Err(vec![expect]));
        check(Entry { name: " ".into(), ..good.clone() }, ("name", Wrong::Missing));
        check(Entry { h: "high".into(), ..good.clone() }, ("h", Wrong::NoNumber));
        check(Entry { l: "3".into(), h: "2".into(), ..good.clone() }, ("ll", Wrong::NoOrder));
        check(Entry { normal_low: "3".into(), ..good.clone() }, ("normal_low", Wrong::NoBand));
        check(Entry { lat: "91".into(), lon: "0".into(), ..good.clone() }, ("lat", Wrong::NoPlace));
        check(Entry { stale_secs: String::new(), ..good.clone() }, ("stale_secs", Wrong::NoNumber));
        check(Entry { deadband: "0".into(), ..good.clone() }, ("deadband", Wrong::NotAbove));
        check(Entry { deviation: "wide".into(), ..good.clone() }, ("deviation", Wrong::NoNumber));
        let daily = Entry { deadband: "1".into(), record_secs: "86401".into(), ..good.clone() };
        check(daily, ("record_secs", Wrong::NoInterval));
        check(Entry { deadband: "1".into(), record_secs: "often".into(), ..good }, ("record_secs", Wrong::NoInterval));
    }

    #[test]
    fn recording_settings_are_differences_and_off_where_they_are_empty() {
        let point = test_point(Quantity::Temperature);
        let off = Entry::of(&point);
        assert_eq!((off.leaves_out(), off.record_secs.as_str()), ((None, None), "3600"));
        assert_eq!(off.point(&point).map(|point| point.recording), Ok(None));

        let on = Entry { deadband: " 0,5".into(), record_secs: "600".into(), ..off };
        assert_eq!(on.leaves_out(), (Some("0,5"), None));
        let changed = on.point(&point).expect("right");
        assert_eq!(changed.recording, Recording::new(Some(0.5), None, Duration::from_secs(600)).ok());

        // What nobody touched stays to the last bit.
        let mut exact = changed;
        exact.recording = Recording::new(Some(1.0 / 3.0), Some(2.0 / 3.0), Duration::from_millis(1_500)).ok();
        let entry = Entry::of(&exact);
        assert_eq!((entry.deadband.as_str(), entry.record_secs.as_str()), ("0.333333", "1"));
        assert_eq!(entry.point(&exact).map(|point| point.recording), Ok(exact.recording));
        let without = Entry { deviation: String::new(), ..entry };
        let expect = Recording::new(Some(1.0 / 3.0), None, Duration::from_millis(1_500)).ok();
        assert_eq!(without.point(&exact).map(|point| point.recording), Ok(expect));
    }

    #[test]
    fn a_unit_of_another_quantity_falls_back_to_the_usual_one() {
        let point = test_point(Quantity::Flow);
        let entry = Entry { quantity: "pressure".into(), unit: "L/s".into(), ..Entry::of(&point) };
        let changed = entry.point(&point).expect("right");
        assert_eq!((changed.quantity, changed.unit.symbol()), (Quantity::Pressure, "bar"));
    }
}
