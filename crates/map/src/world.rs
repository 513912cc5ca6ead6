//! Places as the screen's projection sees them: Web Mercator, the whole world one unit wide, and the part of it that is
//! in view.

use std::f64::consts::PI;

use penstock_model::Position;

use crate::Px;

/// Side in px of the whole world at zoom 0.
const WORLD_PX: f64 = 256.0;
/// Beyond this latitude Web Mercator has no place.
const LAT_LIMIT: f64 = 85.05;
/// Length of the equator in m.
const EQUATOR_METRES: f64 = 40_075_016.686;

/// A place in Web Mercator, 0 to 1 from west to east and from north to south.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// From west to east.
    pub x: f64,
    /// From north to south.
    pub y: f64,
}

impl Spot {
    /// Of a place on earth; none too near the poles, and none at 0, 0, which is what broken devices send.
    pub fn at(position: Position) -> Option<Self> {
        Self::from_degrees(position.lon(), position.lat())
    }

    /// Of longitude and latitude in degrees, under the same conditions.
    pub fn from_degrees(lon: f64, lat: f64) -> Option<Self> {
        let on_map = (-180.0..=180.0).contains(&lon) && (-LAT_LIMIT..=LAT_LIMIT).contains(&lat);
        let broken = lon == 0.0 && lat == 0.0;
        (on_map && !broken)
            .then(|| Self { x: (1.0 + lon / 180.0) / 2.0, y: (1.0 - lat.to_radians().tan().asinh() / PI) / 2.0 })
    }

    /// Longitude in degrees.
    pub fn lon(self) -> f64 {
        (self.x * 2.0 - 1.0) * 180.0
    }

    /// Latitude in degrees.
    pub fn lat(self) -> f64 {
        ((1.0 - 2.0 * self.y) * PI).sinh().atan().to_degrees()
    }

    /// Metres on the ground for each unit here.
    pub fn metres_per_unit(self) -> f64 {
        EQUATOR_METRES * self.lat().to_radians().cos()
    }
}

/// A rectangle of the world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// North-west corner.
    pub min: Spot,
    /// South-east corner.
    pub max: Spot,
}

impl Bounds {
    /// Around `spots`; none where there is none.
    pub fn around(spots: impl IntoIterator<Item = Spot>) -> Option<Self> {
        spots.into_iter().fold(None, |bounds: Option<Self>, spot| {
            let Some(Self { min, max }) = bounds else { return Some(Self { min: spot, max: spot }) };
            Some(Self {
                min: Spot { x: min.x.min(spot.x), y: min.y.min(spot.y) },
                max: Spot { x: max.x.max(spot.x), y: max.y.max(spot.y) },
            })
        })
    }

    /// Whether the two have a place in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.min.x <= other.max.x && other.min.x <= self.max.x && self.min.y <= other.max.y && other.min.y <= self.max.y
    }

    /// Whether `spot` lies in it.
    pub fn holds(&self, spot: Spot) -> bool {
        self.meets(&Self { min: spot, max: spot })
    }

    /// Its middle.
    pub fn centre(&self) -> Spot {
        Spot { x: (self.min.x + self.max.x) / 2.0, y: (self.min.y + self.max.y) / 2.0 }
    }
}

/// The part of the world that is on screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// What lies in the middle.
    pub centre: Spot,
    /// Zoom level: the world is 256 px wide at 0, and twice as wide with each level.
    pub zoom: f64,
    /// Width in px.
    pub width: f64,
    /// Height in px.
    pub height: f64,
}

impl View {
    /// The furthest out.
    pub const MIN_ZOOM: f64 = 3.0;
    /// The furthest in.
    pub const MAX_ZOOM: f64 = 20.0;

    /// The view that shows all of `bounds` with `margin` px around it, no nearer than zoom 17.
    pub fn fitting(bounds: Bounds, width: f64, height: f64, margin: f64) -> Self {
        let room = |side: f64| (side - 2.0 * margin).max(32.0);
        let scale = |px: f64, units: f64| if units > 0.0 { (px / units / WORLD_PX).log2() } else { Self::MAX_ZOOM };
        let zoom = scale(room(width), bounds.max.x - bounds.min.x)
            .min(scale(room(height), bounds.max.y - bounds.min.y))
            .clamp(Self::MIN_ZOOM, 17.0);
        Self { centre: bounds.centre(), zoom, width, height }
    }

    /// Px for each unit of the world.
    pub fn scale(&self) -> f64 {
        WORLD_PX * self.zoom.exp2()
    }

    /// Metres on the ground for each px, in the middle of the view.
    pub fn metres_per_px(&self) -> f64 {
        self.centre.metres_per_unit() / self.scale()
    }

    /// Where on screen `spot` is, from the upper left corner.
    pub fn screen_from_world(&self, spot: Spot) -> Px {
        let scale = self.scale();
        [
            ((spot.x - self.centre.x) * scale + self.width / 2.0) as f32,
            ((spot.y - self.centre.y) * scale + self.height / 2.0) as f32,
        ]
    }

    /// What is at a place on screen.
    pub fn world_from_screen(&self, [x, y]: Px) -> Spot {
        let scale = self.scale();
        Spot {
            x: self.centre.x + (f64::from(x) - self.width / 2.0) / scale,
            y: self.centre.y + (f64::from(y) - self.height / 2.0) / scale,
        }
    }

    /// What is in view, and `margin` px around it.
    pub fn bounds(&self, margin: f64) -> Bounds {
        let scale = self.scale();
        let (half_x, half_y) = ((self.width / 2.0 + margin) / scale, (self.height / 2.0 + margin) / scale);
        Bounds {
            min: Spot { x: self.centre.x - half_x, y: self.centre.y - half_y },
            max: Spot { x: self.centre.x + half_x, y: self.centre.y + half_y },
        }
    }

    /// Moved so that what was at a place on screen is `dx`, `dy` px from it.
    #[must_use]
    pub fn panned(self, dx: f64, dy: f64) -> Self {
        let scale = self.scale();
        let centre =
            Spot { x: (self.centre.x - dx / scale).clamp(0.0, 1.0), y: (self.centre.y - dy / scale).clamp(0.0, 1.0) };
        Self { centre, ..self }
    }

    /// Zoomed by `levels` so that what is at `fixed` on screen stays there.
    #[must_use]
    pub fn zoomed(self, levels: f64, fixed: Px) -> Self {
        let held = self.world_from_screen(fixed);
        let zoomed = Self { zoom: (self.zoom + levels).clamp(Self::MIN_ZOOM, Self::MAX_ZOOM), ..self };
        let [x, y] = zoomed.screen_from_world(held);
        zoomed.panned(f64::from(fixed[0] - x), f64::from(fixed[1] - y))
    }

    /// With `spot` in the middle, at least as near as `zoom`.
    #[must_use]
    pub fn centred_on(self, spot: Spot, zoom: f64) -> Self {
        Self { centre: spot, zoom: self.zoom.max(zoom).min(Self::MAX_ZOOM), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let centre = Spot::from_degrees(73.8567, 18.5204).expect("on earth");
        View { centre, zoom: 15.0, width: 800.0, height: 600.0 }
    }

    #[test]
    fn degrees_and_back() {
        for (lon, lat) in [(73.8567, 18.5204), (-179.9, -84.0), (12.5, 0.0), (0.0, 51.5)] {
            let spot = Spot::from_degrees(lon, lat).expect("on the map");
            assert!((spot.lon() - lon).abs() < 1e-9 && (spot.lat() - lat).abs() < 1e-9, "{lon} {lat}: {spot:?}");
        }
    }

    #[test]
    fn bad_coordinates_have_no_spot() {
        for (lon, lat) in [(0.0, 0.0), (200.0, 10.0), (10.0, 89.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(Spot::from_degrees(lon, lat), None, "{lon} {lat}");
        }
    }

    #[test]
    fn agrees_with_walkers() {
        let view = view();
        let mut memory = walkers::MapMemory::default();
        memory.set_zoom(view.zoom).expect("a valid zoom");
        let size = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(800.0, 600.0));
        let middle = walkers::lon_lat(view.centre.lon(), view.centre.lat());
        let projector = walkers::Projector::new(size, &walkers::MercatorProjection, &memory, middle);
        for (lon, lat) in [(73.86, 18.53), (73.80, 18.50)] {
            let ours = view.screen_from_world(Spot::from_degrees(lon, lat).expect("on earth"));
            let theirs = projector.project(walkers::lon_lat(lon, lat));
            assert!((ours[0] - theirs.x).abs() < 0.01 && (ours[1] - theirs.y).abs() < 0.01, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn zooming_holds_the_place_under_the_pointer() {
        let (view, at) = (view(), [120.0, 450.0]);
        let before = view.world_from_screen(at);
        let [x, y] = view.zoomed(1.7, at).screen_from_world(before);
        assert!((x - at[0]).abs() < 0.01 && (y - at[1]).abs() < 0.01, "{x} {y}");
        assert_eq!(view.zoomed(99.0, at).zoom, View::MAX_ZOOM);
    }

    #[test]
    fn fitting_shows_all_of_it() {
        let corner = |lon, lat| Spot::from_degrees(lon, lat).expect("on earth");
        let bounds = Bounds::around([corner(73.80, 18.50), corner(73.90, 18.56)]).expect("two corners");
        let view = View::fitting(bounds, 1000.0, 700.0, 40.0);
        for spot in [bounds.min, bounds.max] {
            let [x, y] = view.screen_from_world(spot);
            assert!((39.0..=961.0).contains(&x) && (39.0..=661.0).contains(&y), "{x} {y}");
        }
        let one = View::fitting(Bounds { min: bounds.min, max: bounds.min }, 100.0, 100.0, 10.0);
        assert_eq!(one.zoom, 17.0);
    }

    #[test]
    fn metres_are_right() {
        // 156,543 m a px at zoom 0 on the equator.
        let equator = Spot::from_degrees(10.0, 0.0).expect("on earth");
        let view = View { centre: equator, zoom: 0.0, ..view() };
        assert!((view.metres_per_px() - 156_543.03).abs() < 0.1);
    }
}
