//! Points: the measured and commanded values of the plant.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AreaId, AssetId, Error, PointId, Position, Quantity, Recording, SiteId, TenantId, Unit};

/// A point nobody described is stale after this long.
const DISCOVERED_STALE_AFTER: Duration = Duration::from_secs(15 * 60);

/// The small number that stands for a point in storage and live frames of one station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointNo(pub i32);

/// Where a point's values come from: a source and an address inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The source's name in the settings, for example `local`.
    pub source: String,
    /// The address inside the source: for MQTT the topic, with `#field` behind it where a message carries several.
    pub path: String,
}

/// What a point is to the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointState {
    /// Heard of, stored, not yet adopted by a person.
    Discovered,
    /// Part of the plant.
    Adopted,
    /// Not wanted: no longer stored, not listed unless asked for.
    Ignored,
}

/// A range of values in SI, low below high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Band {
    /// A band from `low` to `high`.
    ///
    /// # Errors
    /// [`Error::Band`] unless both are finite and low is below high.
    pub fn new(low: f64, high: f64) -> Result<Self, Error> {
        if low.is_finite() && high.is_finite() && low < high {
            Ok(Self { low, high })
        } else {
            Err(Error::Band { low: low.to_string(), high: high.to_string() })
        }
    }
}

/// Alarm limits in SI; each one that is set raises its own alarm.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Low-low.
    pub ll: Option<f64>,
    /// Low.
    pub l: Option<f64>,
    /// High.
    pub h: Option<f64>,
    /// High-high.
    pub hh: Option<f64>,
}

impl Limits {
    /// Checks that the set ones are finite and LL <= L <= H <= HH.
    ///
    /// # Errors
    /// [`Error::Limits`] where they are not.
    pub fn check(&self) -> Result<(), Error> {
        let set: Vec<f64> = [self.ll, self.l, self.h, self.hh].into_iter().flatten().collect();
        let ordered = set.windows(2).all(|pair| matches!(pair, [a, b] if a <= b));
        if ordered && set.iter().all(|limit| limit.is_finite()) { Ok(()) } else { Err(Error::Limits) }
    }
}

/// What a point is to the screens that sum the plant up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointRole {
    /// Flow into the whole supply.
    SupplyInflow,
    /// Flow into an area.
    AreaInflow,
    /// The pressure an area is judged by.
    CriticalPressure,
    /// The residual chlorine an area is judged by.
    AreaChlorine,
    /// Level of a tank, as a height above its floor.
    TankLevel,
    /// Whether a pump runs: a state.
    PumpRunning,
    /// Flow delivered by a pumping station or works.
    StationFlow,
    /// Pressure delivered by a pumping station or works.
    StationPressure,
    /// Power drawn by a pump.
    PumpPower,
}

/// A measured or commanded value of the plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its id, the same on every station.
    pub id: PointId,
    /// Its number on this station.
    pub no: PointNo,
    /// Where its values come from.
    pub address: Address,
    /// What the station makes of it.
    pub state: PointState,
    /// The tag people know it by, for example `FT-01`; of a discovered point, what its address suggests.
    pub name: String,
    /// What it measures in words, for example `Inflow, Ghat Road`.
    pub description: String,
    /// What it measures.
    pub quantity: Quantity,
    /// The unit that the device speaks.
    pub unit: Unit,
    /// The area it belongs to.
    pub area: Option<AreaId>,
    /// The site it belongs to.
    pub site: Option<SiteId>,
    /// The equipment it belongs to.
    pub asset: Option<AssetId>,
    /// Where it is.
    pub position: Option<Position>,
    /// What it is to the overview.
    pub role: Option<PointRole>,
    /// The range its values are in on an ordinary day.
    pub normal: Option<Band>,
    /// The range the instrument can show; what lies outside is uncertain.
    pub span: Option<Band>,
    /// Its alarm limits.
    pub limits: Limits,
    /// After how long without a sample its value is stale.
    pub stale_after: Duration,
    /// What the historian keeps of its samples; none where it keeps all of them.
    #[serde(default)]
    pub recording: Option<Recording>,
}

impl Point {
    /// A point that was heard of at an address and that nobody has described: named as the address, stale after a quarter
    /// of an hour.
    pub fn discovered(tenant: TenantId, no: PointNo, address: Address, unit: Unit) -> Self {
        Self {
            id: PointId::discovered(tenant, &address.source, &address.path),
            no,
            name: address.path.clone(),
            address,
            state: PointState::Discovered,
            description: String::new(),
            quantity: unit.quantity(),
            unit,
            area: None,
            site: None,
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: DISCOVERED_STALE_AFTER,
            recording: None,
        }
    }

    /// The unit that screens show it in.
    pub fn display_unit(&self) -> Unit {
        self.quantity.display_unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_must_be_in_order() {
        let limits = |ll, l, h, hh| Limits { ll, l, h, hh }.check();
        assert!(limits(Some(1.0), Some(2.0), Some(3.0), Some(4.0)).is_ok());
        assert!(limits(None, None, None, None).is_ok());
        assert!(limits(Some(2.0), None, Some(1.0), None).is_err());
        assert!(limits(None, Some(f64::NAN), None, None).is_err());
    }
}
