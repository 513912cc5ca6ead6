//! The plant: areas, sites, equipment and mains, with their places.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AlarmRule, AreaId, AssetId, Band, Error, PipeId, Point, ScopeAdvice, SiteId, TenantId};

/// A place on earth, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    lat: f64,
    lon: f64,
}

impl Position {
    /// From degrees.
    ///
    /// # Errors
    /// [`Error::Position`] where it is not on earth.
    pub fn new(lat: f64, lon: f64) -> Result<Self, Error> {
        if (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) {
            Ok(Self { lat, lon })
        } else {
            Err(Error::Position { lat: lat.to_string(), lon: lon.to_string() })
        }
    }

    /// Latitude in degrees.
    pub const fn lat(self) -> f64 {
        self.lat
    }

    /// Longitude in degrees.
    pub const fn lon(self) -> f64 {
        self.lon
    }
}

/// A part of the network that is measured as a whole: a district metered area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Its id.
    pub id: AreaId,
    /// Its name, for example `DMA 3 Riverside`.
    pub name: String,
    /// Its boundary, a ring without the closing point.
    pub boundary: Vec<Position>,
}

/// What a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    /// Treatment works.
    Works,
    /// Pumping station.
    Pumping,
    /// Reservoir or tower.
    Storage,
    /// Measuring points spread over an area behind one gateway.
    Network,
}

/// A place with equipment behind one gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Its name, for example `PS-2 Station Road`.
    pub name: String,
    /// What it is.
    pub kind: SiteKind,
    /// The area it belongs to, where it serves one.
    pub area: Option<AreaId>,
    /// Where it is.
    pub position: Option<Position>,
}

/// What a piece of equipment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// Treatment works.
    TreatmentWorks,
    /// Ground reservoir.
    Reservoir,
    /// Water tower.
    Tower,
    /// Pumping station.
    PumpingStation,
    /// One pump.
    Pump,
    /// Valve.
    Valve,
    /// Instrument.
    Sensor,
    /// Radio or network gateway of a site.
    Gateway,
    /// Borehole.
    Borehole,
}

/// A piece of equipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: AssetId,
    /// Its name, for example `Pump 3`.
    pub name: String,
    /// What it is.
    pub kind: AssetKind,
    /// The site it stands on.
    pub site: Option<SiteId>,
    /// The area it belongs to.
    pub area: Option<AreaId>,
    /// Where it is.
    pub position: Option<Position>,
    /// Of a tank: its capacity in m³.
    pub capacity_m3: Option<f64>,
    /// Of a tank: the level of its floor and its overflow in m.
    pub level_span: Option<Band>,
}

/// A stretch of main.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipe {
    /// Its id.
    pub id: PipeId,
    /// Its name, for example `M-14`.
    pub name: String,
    /// The area it belongs to; none for trunk mains.
    pub area: Option<AreaId>,
    /// Inner diameter in mm.
    pub diameter_mm: f64,
    /// Its course, at least two positions, in the usual direction of flow.
    pub course: Vec<Position>,
}

/// What a place is the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A site.
    Site,
    /// A piece of equipment.
    Asset,
    /// A point.
    Point,
}

/// A site, a piece of equipment or a point where it lies, as a question about places finds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// What it is.
    pub kind: PlaceKind,
    /// Its id as a site, an asset or a point.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Where it is; of a point without a position of its own, where its equipment or its site is.
    pub position: Position,
    /// How far it is from the position or the main that was asked about, in m; none where a polygon was.
    pub distance_m: Option<f64>,
    /// Where it lies along the main that was asked about, in m from where its course begins; else none.
    pub chainage_m: Option<f64>,
}

/// The plant as one document; points are listed apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plant {
    /// Whose plant it is.
    pub tenant: TenantId,
    /// Its name, for example `Nandipur`.
    pub name: String,
    /// IANA name of the zone it lies in, for example `Asia/Kolkata`.
    pub time_zone: String,
    /// Its areas.
    pub areas: Vec<Area>,
    /// Its sites.
    pub sites: Vec<Site>,
    /// Its equipment.
    pub assets: Vec<Asset>,
    /// Its mains.
    pub pipes: Vec<Pipe>,
}

/// A plant with its points, rules and guidance as one file, for import and export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlantFile {
    /// Areas, sites, equipment and mains.
    pub plant: Plant,
    /// Its points; their numbers are the exporting station's and are given anew on import.
    pub points: Vec<Point>,
    /// Alarm rules beside those that follow from the points' limits.
    pub rules: Vec<AlarmRule>,
    /// What is told beside the alarms of its parts, each part once; their versions are the exporting station's and are
    /// counted anew on import. What is set for a part that is not listed stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guidance: Vec<ScopeAdvice>,
}
