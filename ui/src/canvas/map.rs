//! The map on the page: egui on WebGL where the browser has it, else the same scene as SVG. A [`MapHandle`] is all that a
//! screen holds of it.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use leptos::html;
use leptos::prelude::*;
use penstock_map::{Blink, Bounds, Hit, Key, MapModel, Px, Scene, Spot, Style, TileId, View, scene, svg};
use penstock_theme::Mode;
use wasm_bindgen::JsCast as _;

use super::size::Watch;
use crate::i18n::{t, use_i18n};
use crate::page::{self, Store};

/// Under this key a machine keeps `svg` where the map is to be drawn without WebGL.
const SURFACE_KEY: &str = "penstock.map";
/// A press that moves further than this, in px, is a drag.
const CLICK_REACH: f64 = 4.0;
/// How often the page's blink is looked at, in ms.
const BLINK_WATCH_MILLIS: u32 = 80;

/// What a click or the pointer meets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pointed {
    /// What is there.
    pub(crate) hit: Option<Hit>,
    /// The place on earth.
    pub(crate) spot: Spot,
    /// The place on screen.
    pub(crate) at: Px,
}

/// The map as a screen holds it: what it shows, where it looks, what was clicked.
#[derive(Clone, Copy)]
pub(crate) struct MapHandle {
    shared: StoredValue<Rc<Shared>, LocalStorage>,
    /// What is in view, once that is known.
    pub(crate) view: RwSignal<Option<View>>,
    /// What lies under the pointer.
    pub(crate) hovered: RwSignal<Option<Pointed>>,
    /// What was clicked last; counts as new each time.
    pub(crate) clicked: RwSignal<Option<Pointed>>,
    /// Counts up with every change of what is shown.
    version: RwSignal<u64>,
    /// Texts that egui cannot shape.
    page_texts: RwSignal<Vec<PageText>>,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) model: RefCell<MapModel>,
    pub(super) style: Cell<Style>,
    pub(super) bring_tile: RefCell<Option<BringTile>>,
    pub(super) wanted: Cell<Option<Wanted>>,
    /// Whether it was ever told where to look: until then it looks at nothing in particular.
    pub(super) is_aimed: Cell<bool>,
    pub(super) wake: RefCell<Option<Box<dyn Fn()>>>,
}

/// Brings the picture of a tile, where it can be had.
pub(crate) type BringTile = Rc<dyn Fn(TileId) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>>>>>;

/// Where the map is to look next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    View(View),
    All(Bounds),
}

/// A text that the page draws over the canvas, because egui does not shape its script.
#[derive(Debug, Clone, PartialEq)]
struct PageText {
    at: Px,
    text: String,
    class: &'static str,
}

impl MapHandle {
    pub(crate) fn new() -> Self {
        Self {
            shared: StoredValue::new_local(Rc::default()),
            view: RwSignal::new(None),
            hovered: RwSignal::new(None),
            clicked: RwSignal::new(None),
            version: RwSignal::new(0),
            page_texts: RwSignal::new(Vec::new()),
        }
    }

    pub(super) fn shared(self) -> Option<Rc<Shared>> {
        self.shared.try_get_value()
    }

    /// Changes what is shown.
    pub(crate) fn change(self, change: impl FnOnce(&mut MapModel)) {
        let Some(shared) = self.shared() else { return };
        change(&mut shared.model.borrow_mut());
        self.redraw(&shared);
    }

    /// Looks something up in what is shown.
    pub(crate) fn with<T>(self, look: impl FnOnce(&MapModel) -> T) -> Option<T> {
        self.shared().map(|shared| look(&shared.model.borrow()))
    }

    /// Draws in `mode` from now on.
    pub(crate) fn set_mode(self, mode: Mode) {
        self.restyle(|style| style.mode = mode);
    }

    /// Shows tiles from now on, or the base map again.
    pub(crate) fn set_tiles(self, bring_tile: Option<BringTile>) {
        if let Some(shared) = self.shared() {
            *shared.bring_tile.borrow_mut() = bring_tile;
            self.redraw(&shared);
        }
    }

    fn restyle(self, change: impl FnOnce(&mut Style)) {
        let Some(shared) = self.shared() else { return };
        let mut style = shared.style.get();
        change(&mut style);
        if style != shared.style.get() {
            shared.style.set(style);
            self.redraw(&shared);
        }
    }

    /// Shows all of `bounds`.
    pub(crate) fn fit(self, bounds: Bounds) {
        self.want(Wanted::All(bounds));
    }

    /// Shows the whole plant.
    pub(crate) fn fit_all(self) {
        if let Some(extent) = self.with(MapModel::extent).flatten() {
            self.fit(extent);
        }
    }

    /// Whether it was told where to look.
    pub(crate) fn is_aimed(self) -> bool {
        self.shared().is_some_and(|shared| shared.is_aimed.get())
    }

    /// Shows `key` in the middle, at least as near as `zoom`.
    pub(crate) fn centre_on(self, key: Key, zoom: f64) {
        let bounds = self.with(|model| model.extent_of(key)).flatten();
        let is_spot = matches!(key, Key::Site(_) | Key::Asset(_) | Key::Point(_));
        match (bounds, self.view.get_untracked()) {
            (Some(bounds), Some(view)) if is_spot => self.look(view.centred_on(bounds.centre(), zoom)),
            (Some(bounds), _) => self.fit(bounds),
            (None, _) => {}
        }
    }

    /// Moves what is in view by px.
    pub(crate) fn pan(self, dx: f64, dy: f64) {
        if let Some(view) = self.view.get_untracked() {
            self.look(view.panned(dx, dy));
        }
    }

    /// Zooms by levels around the middle.
    pub(crate) fn zoom(self, levels: f64) {
        if let Some(view) = self.view.get_untracked() {
            self.look(view.zoomed(levels, [(view.width / 2.0) as f32, (view.height / 2.0) as f32]));
        }
    }

    fn look(self, view: View) {
        self.view.set(Some(view));
        self.want(Wanted::View(view));
    }

    fn want(self, wanted: Wanted) {
        if let Some(shared) = self.shared() {
            shared.wanted.set(Some(wanted));
            shared.is_aimed.set(true);
            self.redraw(&shared);
        }
    }

    fn redraw(self, shared: &Shared) {
        self.version.try_update(|version| *version += 1);
        if let Some(wake) = &*shared.wake.borrow() {
            wake();
        }
    }

    /// Takes over what a surface has drawn and met.
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only a page has WebGL"))]
    pub(super) fn drawn(self, scene: &Scene, hovered: Option<Pointed>, clicked: Option<Pointed>) {
        if self.view.try_get_untracked().flatten() != Some(scene.view) {
            self.view.try_set(Some(scene.view));
        }
        if self.hovered.try_get_untracked().flatten() != hovered {
            self.hovered.try_set(hovered);
        }
        if let Some(clicked) = clicked {
            self.clicked.try_set(Some(clicked));
        }
        let texts = page_texts(scene);
        if self.page_texts.try_with_untracked(|shown| *shown != texts) == Some(true) {
            self.page_texts.try_set(texts);
        }
    }
}

/// The texts of a scene in scripts that egui does not shape.
fn page_texts(scene: &Scene) -> Vec<PageText> {
    use penstock_map::{Anchor, Shape};
    let texts = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Text { at, anchor, text, .. } if penstock_map::is_for_the_page(text) => {
            let class = match anchor {
                Anchor::Left => "map-text",
                Anchor::Middle => "map-text middle",
                Anchor::Right => "map-text right",
            };
            Some(PageText { at: *at, text: text.clone(), class })
        }
        _ => None,
    });
    texts.collect()
}

/// What the map is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surface {
    WebGl,
    Svg,
}

/// The map, filling its place.
#[component]
pub(crate) fn MapCanvas(
    handle: MapHandle,
    /// What a screen reader calls it.
    #[prop(into)]
    label: Signal<String>,
    /// Keys that it has the focus for.
    on_key: Callback<leptos::ev::KeyboardEvent>,
) -> impl IntoView {
    let is_plain = page::kept(Store::Machine, SURFACE_KEY).as_deref() == Some("svg") || !has_webgl();
    let surface = RwSignal::new(if is_plain { Surface::Svg } else { Surface::WebGl });
    follow_blink(handle);
    let drawing = move || match surface.get() {
        Surface::WebGl => view! { <OnWebGl handle=handle surface=surface/> }.into_any(),
        Surface::Svg => view! { <AsSvg handle=handle/> }.into_any(),
    };
    let texts = move || {
        let texts = handle.page_texts.get().into_iter();
        texts
            .map(|PageText { at, text, class }| {
                let by = page::enlargement() as f32;
                let (left, top) = (format!("{:.1}px", at[0] * by), format!("{:.1}px", at[1] * by));
                view! { <span class=class style:left=left style:top=top>{text}</span> }
            })
            .collect_view()
    };
    view! {
        <div
            class="map-canvas"
            role="application"
            aria-label=move || label.get()
            data-testid="map"
            data-surface=move || if surface.get() == Surface::Svg { "svg" } else { "webgl" }
            data-zoom=move || handle.view.get().map(|view| format!("{:.2}", view.zoom))
            data-centre=move || {
                handle.view.get().map(|view| format!("{:.5},{:.5}", view.centre.lat(), view.centre.lon()))
            }
            on:keydown=move |event| on_key.run(event)
        >
            {drawing}
            <div class="map-texts" aria-hidden="true">{texts}</div>
        </div>
    }
    .into_any()
}

/// Whether the browser gives a canvas of WebGL.
fn has_webgl() -> bool {
    if !cfg!(target_arch = "wasm32") {
        return false;
    }
    let canvas = web_sys::window()
        .and_then(|window| window.document()?.create_element("canvas").ok())
        .and_then(|element| element.dyn_into::<web_sys::HtmlCanvasElement>().ok());
    canvas.is_some_and(|canvas| {
        ["webgl2", "webgl"].iter().any(|kind| canvas.get_context(kind).is_ok_and(|context| context.is_some()))
    })
}

/// Keeps the badges of the map in phase with those of the page.
fn follow_blink(handle: MapHandle) {
    if page::matches("(prefers-reduced-motion: reduce)") {
        return handle.restyle(|style| style.blink = Blink::DoubleEdge);
    }
    let watch = gloo_timers::callback::Interval::new(BLINK_WATCH_MILLIS, move || {
        let has_unacknowledged = handle
            .with(|model| {
                let marks = model.marks.iter().filter_map(|mark| mark.alarm);
                let areas = model.areas.iter().filter_map(|area| area.alarm);
                marks.chain(areas).any(|alarm| alarm.look == penstock_map::Look::Unacknowledged)
            })
            .unwrap_or(false);
        let blink = if has_unacknowledged && is_dim() { Blink::Dim } else { Blink::Full };
        handle.restyle(|style| style.blink = blink);
    });
    let watch = StoredValue::new_local(Some(watch));
    on_cleanup(move || drop(watch.try_update_value(Option::take)));
}

/// Whether the page's badges are in the dim half of their blink.
fn is_dim() -> bool {
    let value = web_sys::window().and_then(|window| {
        let frame = window.document()?.query_selector(".frame").ok()??;
        window.get_computed_style(&frame).ok()??.get_property_value("--blink").ok()
    });
    value.and_then(|value| value.trim().parse::<f64>().ok()).is_some_and(|opacity| opacity < 0.9)
}

#[component]
fn OnWebGl(handle: MapHandle, surface: RwSignal<Surface>) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    #[cfg(target_arch = "wasm32")]
    super::gl::run(handle, canvas, move || {
        surface.try_set(Surface::Svg);
    });
    #[cfg(not(target_arch = "wasm32"))]
    Effect::new(move || surface.set(if handle.shared().is_some() { Surface::Svg } else { Surface::WebGl }));
    view! { <canvas class="map-surface" node_ref=canvas></canvas> }
}

/// The scene as SVG, panned and zoomed by the page.
#[component]
fn AsSvg(handle: MapHandle) -> impl IntoView {
    let i18n = use_i18n();
    let place = NodeRef::<html::Div>::new();
    let watch = StoredValue::new_local(None::<Watch>);
    let size = RwSignal::new((0.0_f64, 0.0_f64));
    Effect::new(move || {
        if let Some(element) = place.get() {
            watch.set_value(Watch::new(&element, move |width, height| {
                let by = page::enlargement();
                size.try_set((width / by, height / by));
            }));
        }
    });
    on_cleanup(move || drop(watch.try_update_value(Option::take)));
    Effect::new(move || {
        handle.version.track();
        let (width, height) = size.get();
        let Some(shared) = handle.shared().filter(|_| width > 1.0 && height > 1.0) else { return };
        let former = handle.view.get_untracked();
        let view = match (shared.wanted.take(), former) {
            (Some(Wanted::View(view)), _) => view,
            (Some(Wanted::All(bounds)), _) => View::fitting(bounds, width, height, 48.0),
            (None, Some(view)) => view,
            (None, None) => match shared.model.borrow().extent() {
                Some(extent) => View::fitting(extent, width, height, 48.0),
                None => return,
            },
        };
        let view = View { width, height, ..view };
        if former != Some(view) {
            handle.view.set(Some(view));
        }
    });
    let drawn = Memo::new(move |_| {
        handle.version.track();
        let view = handle.view.get()?;
        let shared = handle.shared()?;
        let scene = scene(&shared.model.borrow(), &view, shared.style.get());
        Some(svg(&scene))
    });
    let hit = move |at: Px| {
        let (shared, view) = handle.shared().zip(handle.view.get_untracked())?;
        let scene = scene(&shared.model.borrow(), &view, shared.style.get());
        Some(Pointed { hit: scene.hit(at), spot: view.world_from_screen(at), at })
    };
    let place_of = move |event: &web_sys::MouseEvent| -> Option<Px> {
        let rectangle = place.get_untracked()?.get_bounding_client_rect();
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        let by = page::enlargement();
        Some([((x - rectangle.left()) / by) as f32, ((y - rectangle.top()) / by) as f32])
    };
    let press = StoredValue::new(None::<(f64, f64, f64)>);
    view! {
        <div
            class="map-surface as-svg"
            tabindex="0"
            node_ref=place
            inner_html=move || drawn.get().unwrap_or_default()
            on:pointerdown=move |event| {
                let at = (f64::from(event.client_x()), f64::from(event.client_y()));
                press.set_value(Some((at.0, at.1, 0.0)));
                if let Some(element) = place.get_untracked() {
                    // The pointer may be gone by then; then there is no drag either.
                    drop(element.set_pointer_capture(event.pointer_id()));
                    drop(element.focus());
                }
            }
            on:pointermove=move |event| {
                let at = (f64::from(event.client_x()), f64::from(event.client_y()));
                match press.get_value() {
                    Some((x, y, moved)) => {
                        let (dx, dy) = (at.0 - x, at.1 - y);
                        press.set_value(Some((at.0, at.1, moved + dx.hypot(dy))));
                        if moved + dx.hypot(dy) > CLICK_REACH {
                            let by = page::enlargement();
                            handle.pan(dx / by, dy / by);
                        }
                    }
                    None => {
                        let pointed = place_of(&event).and_then(hit);
                        handle.hovered.set(pointed);
                    }
                }
            }
            on:pointerup=move |event| {
                let pressed = press.get_value();
                press.set_value(None);
                if pressed.is_some_and(|(_, _, moved)| moved <= CLICK_REACH) {
                    handle.clicked.set(place_of(&event).and_then(hit));
                }
            }
            on:pointerleave=move |_| handle.hovered.set(None)
            on:wheel=move |event| {
                event.prevent_default();
                let (at, view) = (place_of(&event), handle.view.get_untracked());
                if let Some((at, view)) = at.zip(view) {
                    handle.look(view.zoomed(-event.delta_y() / 400.0, at));
                }
            }
        ></div>
        <p class="map-remark">{t!(i18n, map.without_webgl)}</p>
    }
    .into_any()
}
