//! A trend on a canvas, drawn by plotters at the screen's full resolution, and as a picture for saving.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use penstock_plot::{Chart, Layout};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen::JsCast as _;

use super::size::Watch;
use crate::page;

/// A trend as a screen holds it.
#[derive(Clone, Copy)]
pub(crate) struct TrendHandle {
    /// What is drawn.
    pub(crate) chart: RwSignal<Option<Arc<Chart>>>,
    /// Width and height in px of the chart, once they are known; on a wall screen a px is larger.
    pub(crate) size: RwSignal<Option<(f64, f64)>>,
    canvas: NodeRef<html::Canvas>,
}

impl TrendHandle {
    pub(crate) fn new() -> Self {
        Self { chart: RwSignal::new(None), size: RwSignal::new(None), canvas: NodeRef::new() }
    }

    /// Where everything is now, not tracked.
    pub(crate) fn layout(self) -> Option<Layout> {
        let (width, height) = self.size.get_untracked()?;
        self.chart.with_untracked(|chart| chart.as_ref().map(|chart| Layout::new(chart, width, height)))
    }

    /// Where on the chart the pointer is, in px.
    pub(crate) fn place_of(self, event: &web_sys::MouseEvent) -> Option<(f64, f64)> {
        let rectangle = self.canvas.get_untracked()?.get_bounding_client_rect();
        let by = page::enlargement();
        let (x, y) = (f64::from(event.client_x()) - rectangle.left(), f64::from(event.client_y()) - rectangle.top());
        Some((x / by, y / by))
    }

    /// The chart as a PNG.
    pub(crate) async fn png(self) -> Option<Vec<u8>> {
        let canvas = self.canvas.get_untracked()?;
        let promise = js_sys::Promise::new(&mut |resolve, reject| {
            if canvas.to_blob(&resolve).is_err() {
                // The promise's own function takes any argument.
                drop(reject.call0(&wasm_bindgen::JsValue::NULL));
            }
        });
        let blob = wasm_bindgen_futures::JsFuture::from(promise).await.ok()?;
        let blob: web_sys::Blob = wasm_bindgen::JsCast::dyn_into(blob).ok()?;
        let buffer = wasm_bindgen_futures::JsFuture::from(blob.array_buffer()).await.ok()?;
        Some(js_sys::Uint8Array::new(&buffer).to_vec())
    }
}

/// The canvas, filling its place.
#[component]
pub(crate) fn TrendCanvas(handle: TrendHandle) -> impl IntoView {
    let watch = StoredValue::new_local(None::<Watch>);
    Effect::new(move || {
        if let Some(canvas) = handle.canvas.get() {
            let place = canvas.parent_element();
            let on_change = move |width: f64, height: f64| {
                let by = page::enlargement();
                handle.size.try_set(Some((width / by, height / by)));
            };
            watch.set_value(place.and_then(|place| Watch::new(&place, on_change)));
        }
    });
    on_cleanup(move || drop(watch.try_update_value(Option::take)));
    // However often the chart changes, it is drawn once for each picture of the screen.
    let is_due = StoredValue::new(false);
    Effect::new(move || {
        handle.chart.track();
        handle.size.track();
        if handle.canvas.get().is_none() || is_due.get_value() {
            return;
        }
        is_due.set_value(true);
        request_animation_frame(move || {
            is_due.try_set_value(false);
            draw_now(handle);
        });
    });
    view! { <canvas class="trend-surface" aria-hidden="true" node_ref=handle.canvas></canvas> }
}

#[cfg(target_arch = "wasm32")]
fn draw_now(handle: TrendHandle) {
    use penstock_plot::{Paper, draw};
    use plotters_canvas::CanvasBackend;

    let size = handle.size.try_get_untracked().flatten();
    let canvas = handle.canvas.try_get_untracked().flatten();
    let chart = handle.chart.try_get_untracked().flatten();
    let (Some((width, height)), Some(canvas), Some(chart)) = (size, canvas, chart) else { return };
    if width < 2.0 || height < 2.0 {
        return;
    }
    let ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio()).max(0.5) * page::enlargement();
    let pixels = |px: f64| (px * ratio).round() as u32;
    if (canvas.width(), canvas.height()) != (pixels(width), pixels(height)) {
        canvas.set_width(pixels(width));
        canvas.set_height(pixels(height));
    }
    let context = canvas.get_context("2d").ok().flatten();
    let Some(context) = context.and_then(|context| context.dyn_into::<web_sys::CanvasRenderingContext2d>().ok()) else {
        return;
    };
    let scale = ratio / Paper::FINE;
    if context.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0).is_err() {
        return;
    }
    context.set_line_join("round");
    let layout = Layout::new(&chart, width, height);
    if let Some(mut backend) = CanvasBackend::with_canvas_object(canvas.clone())
        && let Err(error) = draw(&mut backend, &chart, &layout, Paper::CANVAS)
    {
        leptos::logging::warn!("{error}");
    }
}

/// Natively there is no canvas to draw on.
#[cfg(not(target_arch = "wasm32"))]
fn draw_now(_: TrendHandle) {}
