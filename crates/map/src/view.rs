//! The map as an egui widget: walkers pans, zooms and projects, the scene is painted over it.

use egui::{Response, Ui, vec2};
use walkers::{Map, MapMemory, Plugin, Projector, Tiles, lon_lat};

use crate::paint::{ink, paint};
use crate::{Bounds, Hit, MapModel, Px, Scene, Spot, Style, View, scene};

/// The map as an egui widget. It holds what is in view and nothing else.
#[derive(Debug, Clone)]
pub struct MapView {
    view: View,
    memory: MapMemory,
    /// What the map is to show of its own accord as soon as its size is known.
    aim: Option<Bounds>,
}

/// What came of showing the map.
#[derive(Debug)]
pub struct Shown {
    /// What was drawn.
    pub scene: Scene,
    /// What was clicked; a click beside everything is `Some(None)`.
    pub clicked: Option<Option<Hit>>,
    /// What lies under the pointer.
    pub hovered: Option<Hit>,
    /// Where the pointer is.
    pub pointer: Option<Px>,
}

impl MapView {
    /// A map that will show `extent`; the whole world where the plant has none.
    pub fn new(extent: Option<Bounds>) -> Self {
        let view = View { centre: Spot { x: 0.5, y: 0.5 }, zoom: View::MIN_ZOOM, width: 0.0, height: 0.0 };
        Self { view, memory: MapMemory::default(), aim: extent }
    }

    /// What is in view.
    pub fn view(&self) -> View {
        self.view
    }

    /// Shows something else from now on; the size stays the widget's.
    pub fn look_at(&mut self, view: View) {
        self.view = View { width: self.view.width, height: self.view.height, ..view };
        self.aim = None;
    }

    /// Shows all of `bounds`.
    pub fn fit(&mut self, bounds: Bounds) {
        self.aim = Some(bounds);
    }

    /// Shows the map in all the room there is.
    pub fn show(&mut self, ui: &mut Ui, model: &MapModel, style: Style, tiles: Option<&mut dyn Tiles>) -> Shown {
        let room = ui.available_size();
        (self.view.width, self.view.height) = (f64::from(room.x), f64::from(room.y));
        if let Some(bounds) = self.aim.filter(|_| room.x > 1.0 && room.y > 1.0) {
            self.view = View::fitting(bounds, self.view.width, self.view.height, 48.0);
            self.aim = None;
        }
        self.steer();
        let style = Style { bare: tiles.is_some(), ..style };
        ui.painter().rect_filled(ui.available_rect_before_wrap(), 0.0, ink(style.mode.theme().map.land));
        let mut drawn = None;
        let overlay = Overlay { model, style, view: self.view, drawn: &mut drawn };
        let middle = lon_lat(self.view.centre.lon(), self.view.centre.lat());
        let response = Map::new(tiles, &mut self.memory, middle)
            .zoom_with_ctrl(false)
            .double_click_to_zoom(true)
            .with_plugin(overlay)
            .show(ui, |_, response, _, _| response.clone())
            .inner;
        let (scene, view) = drawn.unwrap_or_else(|| (scene(model, &self.view, style), self.view));
        self.view = view;
        let origin = response.rect.min;
        let place = |at: egui::Pos2| -> Px { (at - origin).into() };
        let pointer = response.hover_pos().map(place);
        let clicked = response.clicked().then(|| response.interact_pointer_pos()).flatten();
        Shown {
            clicked: clicked.map(|at| scene.hit(place(at))),
            hovered: pointer.and_then(|at| scene.hit(at)),
            pointer,
            scene,
        }
    }

    /// Makes walkers look where the view does.
    fn steer(&mut self) {
        let wanted = lon_lat(self.view.centre.lon(), self.view.centre.lat());
        if self.memory.detached() != Some(wanted) && !self.memory.animating() {
            self.memory.center_at(wanted);
        }
        // Zooms of a view are within walkers' range, so that this cannot be refused.
        let _accepted = self.memory.set_zoom(self.view.zoom.clamp(View::MIN_ZOOM, View::MAX_ZOOM));
    }
}

/// Paints the scene where walkers has panned and zoomed to.
struct Overlay<'a> {
    model: &'a MapModel,
    style: Style,
    view: View,
    drawn: &'a mut Option<(Scene, View)>,
}

impl Plugin for Overlay<'_> {
    fn run(self: Box<Self>, ui: &mut Ui, response: &Response, projector: &Projector<'_>, _memory: &MapMemory) {
        let rect = response.rect;
        let middle = projector.unproject(rect.center().to_vec2());
        let centre = Spot::from_degrees(middle.x(), middle.y()).unwrap_or(self.view.centre);
        let zoom = projector.zoom().clamp(View::MIN_ZOOM, View::MAX_ZOOM);
        let view = View { centre, zoom, width: f64::from(rect.width()), height: f64::from(rect.height()) };
        let scene = scene(self.model, &view, self.style);
        paint(&ui.painter().with_clip_rect(rect), rect.min + vec2(0.0, 0.0), &scene.shapes);
        *self.drawn = Some((scene, view));
    }
}
