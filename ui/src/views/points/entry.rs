//! A point as a form holds it: every field as typed text, and the way there and back. Pure; must not know the page.

use std::time::Duration;

use penstock_model::{Band, Limits, Point, PointRole, PointState, Position, Quantity, Unit};

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
            ..former.clone()
        })
    }
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

/// A number as people type it: a true minus, a decimal comma and blanks between digits are all right.
fn read(text: &str) -> Result<Option<f64>, Wrong> {
    let mut plain: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    plain = plain.replace('\u{2212}', "-");
    if !plain.contains('.') && plain.matches(',').count() == 1 {
        plain = plain.replace(',', ".");
    }
    plain = plain.replace(',', "");
    if plain.is_empty() {
        return Ok(None);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(Wrong::NoNumber),
    }
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
        check(Entry { stale_secs: String::new(), ..good }, ("stale_secs", Wrong::NoNumber));
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        let check = |text: &str, expect: Result<Option<f64>, Wrong>| assert_eq!(read(text), expect, "{text}");
        check("", Ok(None));
        check(" 1,5 ", Ok(Some(1.5)));
        check("1,234.5", Ok(Some(1_234.5)));
        check("−0.4", Ok(Some(-0.4)));
        check("inf", Err(Wrong::NoNumber));
    }

    #[test]
    fn a_unit_of_another_quantity_falls_back_to_the_usual_one() {
        let point = test_point(Quantity::Flow);
        let entry = Entry { quantity: "pressure".into(), unit: "L/s".into(), ..Entry::of(&point) };
        let changed = entry.point(&point).expect("right");
        assert_eq!((changed.quantity, changed.unit.symbol()), (Quantity::Pressure, "bar"));
    }
}
