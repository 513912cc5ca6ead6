//! The register as screens look things up in it: plant and points by id, number and name. Must not know live values.

use std::collections::HashMap;

use penstock_api::Register;
use penstock_model::{
    Area, AreaId, Asset, AssetId, Point, PointId, PointRole, PointState, Site, SiteId, SiteKind, Subject,
};

/// The register with its indexes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlantView {
    /// As it came.
    pub(crate) register: Register,
    points: HashMap<PointId, usize>,
    sites: HashMap<SiteId, usize>,
    areas: HashMap<AreaId, usize>,
    assets: HashMap<AssetId, usize>,
}

impl PlantView {
    pub(crate) fn new(register: Register) -> Self {
        let plant = &register.plant;
        Self {
            points: index(register.points.iter().map(|point| point.id)),
            sites: index(plant.sites.iter().map(|site| site.id)),
            areas: index(plant.areas.iter().map(|area| area.id)),
            assets: index(plant.assets.iter().map(|asset| asset.id)),
            register,
        }
    }

    pub(crate) fn point(&self, id: PointId) -> Option<&Point> {
        self.register.points.get(*self.points.get(&id)?)
    }

    pub(crate) fn site(&self, id: SiteId) -> Option<&Site> {
        self.register.plant.sites.get(*self.sites.get(&id)?)
    }

    pub(crate) fn area(&self, id: AreaId) -> Option<&Area> {
        self.register.plant.areas.get(*self.areas.get(&id)?)
    }

    pub(crate) fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.register.plant.assets.get(*self.assets.get(&id)?)
    }

    /// Points that people have adopted.
    pub(crate) fn adopted(&self) -> impl Iterator<Item = &Point> {
        self.register.points.iter().filter(|point| point.state == PointState::Adopted)
    }

    /// Points that wait to be adopted.
    pub(crate) fn discovered(&self) -> impl Iterator<Item = &Point> {
        self.register.points.iter().filter(|point| point.state == PointState::Discovered)
    }

    /// Adopted points that play `role`.
    pub(crate) fn playing(&self, role: PointRole) -> impl Iterator<Item = &Point> {
        self.adopted().filter(move |point| point.role == Some(role))
    }

    /// Name of the place a point belongs to: its site, else its area. Points spread over an area are known by the area.
    pub(crate) fn place_of(&self, point: &Point) -> &str {
        let area = || point.area.and_then(|id| self.area(id)).map(|area| area.name.as_str());
        match point.site.and_then(|id| self.site(id)) {
            Some(site) if site.kind == SiteKind::Network => area().unwrap_or(&site.name),
            Some(site) => &site.name,
            None => area().unwrap_or_default(),
        }
    }

    /// What a point measures and where, in one line.
    pub(crate) fn about(&self, point: &Point) -> String {
        let parts = [point.description.as_str(), self.place_of(point)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// Name of the place that an alarm is about.
    pub(crate) fn place_of_subject(&self, subject: Subject) -> &str {
        match subject {
            Subject::Point(id) => self.point(id).map(|point| self.place_of(point)).unwrap_or_default(),
            Subject::Site(id) => self.site(id).map(|site| site.name.as_str()).unwrap_or_default(),
            Subject::Asset(id) => self.asset(id).map(|asset| asset.name.as_str()).unwrap_or_default(),
        }
    }

    /// The site that an alarm is about.
    pub(crate) fn site_of_subject(&self, subject: Subject) -> Option<SiteId> {
        match subject {
            Subject::Point(id) => self.point(id)?.site,
            Subject::Site(id) => Some(id),
            Subject::Asset(id) => self.asset(id)?.site,
        }
    }

    /// The area that an alarm is about.
    pub(crate) fn area_of_subject(&self, subject: Subject) -> Option<AreaId> {
        match subject {
            Subject::Point(id) => self.point(id)?.area,
            Subject::Site(id) => self.site(id)?.area,
            Subject::Asset(id) => self.asset(id)?.area,
        }
    }

    /// Where an alarm lies as operator positions have it: the area of its point, else of its equipment, else of its
    /// site, as the station's figures have it too. None where what it is about is not known, which does not mean that it
    /// lies in no area.
    pub(crate) fn lies_in(&self, subject: Subject) -> Option<Option<AreaId>> {
        let (point, own_asset, own_site) = match subject {
            Subject::Point(id) => (Some(self.point(id)?), None, None),
            Subject::Asset(id) => (None, Some(self.asset(id)?), None),
            Subject::Site(id) => (None, None, Some(self.site(id)?)),
        };
        let asset = own_asset.or(point.and_then(|point| point.asset).and_then(|id| self.asset(id)));
        let site = point.and_then(|point| point.site).or(asset.and_then(|asset| asset.site));
        let site = own_site.or(site.and_then(|id| self.site(id)));
        let area = point.and_then(|point| point.area).or(asset.and_then(|asset| asset.area));
        Some(area.or(site.and_then(|site| site.area)))
    }

    /// The point that an alarm is about.
    pub(crate) fn point_of(&self, subject: Subject) -> Option<&Point> {
        match subject {
            Subject::Point(id) => self.point(id),
            Subject::Site(_) | Subject::Asset(_) => None,
        }
    }
}

fn index<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    keys.enumerate().map(|(at, key)| (key, at)).collect()
}
