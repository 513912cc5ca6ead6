//! Tells the size of an element whenever it changes.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;

/// Watches an element's size until it is dropped.
pub(crate) struct Watch {
    observer: web_sys::ResizeObserver,
    _on_change: Closure<dyn FnMut(js_sys::Array)>,
}

impl Watch {
    /// Calls `on_change` with width and height in px, at once and whenever they change.
    pub(crate) fn new(element: &web_sys::Element, mut on_change: impl FnMut(f64, f64) + 'static) -> Option<Self> {
        let closure = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
            if let Ok(entry) = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>() {
                let rectangle = entry.content_rect();
                on_change(rectangle.width(), rectangle.height());
            }
        });
        let observer = web_sys::ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _on_change: closure })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
