//! egui on the map's canvas: started when the canvas is there, destroyed with it, painted only when something changed.

use std::cell::Cell;
use std::rc::Rc;

use eframe::{WebOptions, WebRunner};
use leptos::html;
use leptos::prelude::*;
use penstock_map::{Bounds, FedTiles, MapView, Px, font_definitions};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;

use super::map::{MapHandle, Pointed, Shared, Wanted};
use crate::page;

/// As many tiles at most are being fetched at a time.
const FETCHES: usize = 6;

/// Runs the map on `canvas` for as long as the component lives; calls `on_missing` where WebGL cannot be had, or is lost.
pub(super) fn run(handle: MapHandle, canvas: NodeRef<html::Canvas>, on_missing: impl Fn() + Copy + 'static) {
    let runner = StoredValue::new_local(None::<WebRunner>);
    let on_lost = StoredValue::new_local(None::<Closure<dyn FnMut()>>);
    Effect::new(move || {
        let Some(canvas) = canvas.get() else { return };
        let lost = Closure::<dyn FnMut()>::new(on_missing);
        // A browser without the event says nothing; then nothing is missed.
        drop(canvas.add_event_listener_with_callback("webglcontextlost", lost.as_ref().unchecked_ref()));
        on_lost.set_value(Some(lost));
        leptos::task::spawn_local(async move {
            let started = WebRunner::new();
            let options = WebOptions {
                // The page's own keys work while the map has the focus.
                should_stop_propagation: Box::new(|_| false),
                should_prevent_default: Box::new(|event| matches!(event, egui::Event::MouseWheel { .. })),
                dithering: false,
                ..WebOptions::default()
            };
            let creator: eframe::AppCreator<'static> = Box::new(move |context| {
                context.egui_ctx.set_fonts(font_definitions());
                let (wake, shared) = (context.egui_ctx.clone(), handle.shared().unwrap_or_default());
                *shared.wake.borrow_mut() = Some(Box::new(move || wake.request_repaint()));
                Ok(Box::new(MapApp::new(handle, shared)))
            });
            match started.start(canvas, options, creator).await {
                Ok(()) if runner.is_disposed() => started.destroy(),
                Ok(()) => runner.set_value(Some(started)),
                Err(_) => {
                    started.destroy();
                    on_missing();
                }
            }
        });
    });
    on_cleanup(move || {
        if let Some(shared) = handle.shared() {
            shared.wake.borrow_mut().take();
        }
        if let Some(Some(runner)) = runner.try_update_value(Option::take) {
            runner.destroy();
        }
        drop(on_lost.try_update_value(Option::take));
    });
}

struct MapApp {
    handle: MapHandle,
    shared: Rc<Shared>,
    map: MapView,
    tiles: Rc<std::cell::RefCell<FedTiles>>,
    fetching: Rc<Cell<usize>>,
}

impl MapApp {
    fn new(handle: MapHandle, shared: Rc<Shared>) -> Self {
        let mut map = MapView::new(shared.model.borrow().extent());
        // Back on the screen, it looks where it looked before.
        if let Some(view) = handle.view.try_get_untracked().flatten() {
            map.look_at(view);
        }
        Self { handle, shared, map, tiles: Rc::default(), fetching: Rc::default() }
    }

    fn fetch_tiles(&self, context: &egui::Context) {
        let Some(bring) = self.shared.bring_tile.borrow().clone() else { return };
        let free = FETCHES.saturating_sub(self.fetching.get());
        let wanted = self.tiles.borrow_mut().take_wanted(free);
        for id in wanted.into_iter().rev() {
            let (tiles, fetching, context) = (Rc::clone(&self.tiles), Rc::clone(&self.fetching), context.clone());
            let bring = Rc::clone(&bring);
            fetching.set(fetching.get() + 1);
            leptos::task::spawn_local(async move {
                let picture = bring(id).await;
                fetching.set(fetching.get() - 1);
                // A tile that cannot be had stays empty; the base map of lower zooms shows in its place.
                if let Some(picture) = picture {
                    drop(tiles.borrow_mut().feed(id, &picture, &context));
                }
                context.request_repaint();
            });
        }
    }
}

impl eframe::App for MapApp {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let by = page::enlargement() as f32;
        if (ui.ctx().zoom_factor() - by).abs() > 1e-3 {
            ui.ctx().set_zoom_factor(by);
        }
        match self.shared.wanted.take() {
            Some(Wanted::View(view)) => self.map.look_at(view),
            Some(Wanted::All(bounds)) => self.map.fit(bounds),
            None => self.aim(),
        }
        let has_tiles = self.shared.bring_tile.borrow().is_some();
        let shown = {
            let model = self.shared.model.borrow();
            let mut tiles = self.tiles.borrow_mut();
            let tiles = has_tiles.then_some(&mut *tiles as &mut dyn walkers::Tiles);
            self.map.show(ui, &model, self.shared.style.get(), tiles)
        };
        if has_tiles {
            self.fetch_tiles(&ui.ctx().clone());
        }
        let view = self.map.view();
        let pointed = |at: Px, hit| Pointed { hit, spot: view.world_from_screen(at), at };
        let hovered = shown.pointer.map(|at| pointed(at, shown.hovered));
        let clicked = shown.clicked.and_then(|hit| Some(pointed(shown.pointer?, hit)));
        let cursor = if shown.hovered.is_some() { egui::CursorIcon::PointingHand } else { egui::CursorIcon::Default };
        ui.ctx().set_cursor_icon(cursor);
        self.handle.drawn(&shown.scene, hovered, clicked);
    }
}

impl MapApp {
    /// Looks at the plant as soon as there is one.
    fn aim(&mut self) {
        if self.shared.is_aimed.get() {
            return;
        }
        let extent: Option<Bounds> = self.shared.model.borrow().extent();
        if let Some(extent) = extent {
            self.map.fit(extent);
            self.shared.is_aimed.set(true);
        }
    }
}
