//! The way through the gateway: calls as POST, the live feed as a WebSocket that reconnects by itself. Must not know
//! Tauri.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use penstock_api::{ApiError, Code};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{Live, Sink, js};

pub(super) async fn call(name: &str, body: &str, token: Option<&str>) -> Result<String, ApiError> {
    let unreached = |error: JsValue| js::failed("the station does not answer", &error);
    let window = web_sys::window().ok_or_else(|| ApiError::new(Code::Failed, "there is no window"))?;
    let headers = web_sys::Headers::new().map_err(unreached)?;
    headers.set("content-type", "application/json").map_err(unreached)?;
    if let Some(token) = token {
        headers.set("authorization", &format!("Bearer {token}")).map_err(unreached)?;
    }
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&body.into());
    let response = JsFuture::from(window.fetch_with_str_and_init(&format!("/api/call/{name}"), &init));
    let response: web_sys::Response = response.await.map_err(unreached)?.unchecked_into();
    let text = JsFuture::from(response.text().map_err(unreached)?).await.map_err(unreached)?;
    let text = text.as_string().unwrap_or_default();
    if response.ok() {
        return Ok(text);
    }
    Err(serde_json::from_str(&text).unwrap_or_else(|_| {
        ApiError::new(Code::Away, format!("the station answered {} {}", response.status(), response.status_text()))
    }))
}

pub(super) async fn fetch(path: &str, token: Option<&str>) -> Result<Vec<u8>, ApiError> {
    let unreached = |error: JsValue| js::failed(&format!("{path} cannot be fetched"), &error);
    let window = web_sys::window().ok_or_else(|| ApiError::new(Code::Failed, "there is no window"))?;
    let init = web_sys::RequestInit::new();
    if let Some(token) = token {
        let headers = web_sys::Headers::new().map_err(unreached)?;
        headers.set("authorization", &format!("Bearer {token}")).map_err(unreached)?;
        init.set_headers(&headers);
    }
    let response = JsFuture::from(window.fetch_with_str_and_init(path, &init)).await.map_err(unreached)?;
    let response: web_sys::Response = response.unchecked_into();
    if !response.ok() {
        return Err(ApiError::new(Code::NotFound, format!("{path}: the answer was {}", response.status())));
    }
    let buffer = JsFuture::from(response.array_buffer().map_err(unreached)?).await.map_err(unreached)?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// Has the browser download what is at `url`, under `name`.
pub(super) fn follow(url: &str, name: &str) {
    let document = web_sys::window().and_then(|window| window.document());
    let link = document.and_then(|document| document.create_element("a").ok());
    if let Some(link) = link.and_then(|link| link.dyn_into::<web_sys::HtmlAnchorElement>().ok()) {
        link.set_href(url);
        link.set_download(name);
        link.click();
    }
}

pub(super) fn save_file(name: &str, mime: &str, bytes: &[u8]) -> Result<(), ApiError> {
    let refused = |error: JsValue| js::failed("the file cannot be saved", &error);
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(mime);
    let blob = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options).map_err(refused)?;
    let url = web_sys::Url::create_object_url_with_blob(&blob).map_err(refused)?;
    follow(&url, name);
    // The browser has taken the blob by then.
    Timeout::new(10_000, move || drop(web_sys::Url::revoke_object_url(&url))).forget();
    Ok(())
}

/// The live feed of one session.
pub(crate) struct Feed(Rc<Link>);

struct Link {
    token: String,
    sink: Sink,
    open: RefCell<Option<Open>>,
    retry: RefCell<Option<Timeout>>,
    attempt: Cell<u32>,
    has_ended: Cell<bool>,
}

struct Open {
    socket: web_sys::WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(web_sys::MessageEvent)>,
    _on_close: Closure<dyn FnMut()>,
}

impl Feed {
    pub(super) fn open(token: String, sink: Sink) -> Self {
        let link = Rc::new(Link {
            token,
            sink,
            open: RefCell::default(),
            retry: RefCell::default(),
            attempt: Cell::new(0),
            has_ended: Cell::new(false),
        });
        connect(&link);
        Self(link)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.has_ended.set(true);
        self.0.retry.take();
        if let Some(open) = self.0.open.take() {
            open.detach();
        }
    }
}

impl Open {
    fn detach(self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Fails only for a wrong closing code; there is none.
        drop(self.socket.close());
    }
}

fn connect(link: &Rc<Link>) {
    let Some(socket) = live_address().and_then(|address| web_sys::WebSocket::new(&address).ok()) else {
        (link.sink)(Live::Lost);
        return retry_later(link);
    };
    socket.set_binary_type(web_sys::BinaryType::Arraybuffer);
    let on_open = {
        let (socket, token) = (socket.clone(), link.token.clone());
        // A socket that has just opened takes text; were it gone again, its close event says so.
        Closure::<dyn FnMut()>::new(move || drop(socket.send_with_str(&token)))
    };
    let on_message = {
        let link = Rc::clone(link);
        Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
            if let Some(frame) = js::frame_of(&event.data()) {
                link.attempt.set(0);
                (link.sink)(Live::Frame(Box::new(frame)));
            }
        })
    };
    let on_close = {
        let link = Rc::clone(link);
        Closure::<dyn FnMut()>::new(move || {
            if !link.has_ended.get() {
                (link.sink)(Live::Lost);
                retry_later(&link);
            }
        })
    };
    socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
    let open = Open { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close };
    if let Some(former) = link.open.replace(Some(open)) {
        former.detach();
    }
}

fn retry_later(link: &Rc<Link>) {
    let attempt = link.attempt.get();
    link.attempt.set(attempt.saturating_add(1));
    let next = Rc::clone(link);
    let retry = Timeout::new(retry_millis(attempt), move || {
        if !next.has_ended.get() {
            connect(&next);
        }
    });
    link.retry.replace(Some(retry));
}

/// How long to wait before the next try, in ms: half a second, doubled up to eight.
fn retry_millis(attempt: u32) -> u32 {
    500 << attempt.min(4)
}

fn live_address() -> Option<String> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/live", location.host().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_grow_apart_up_to_a_bound() {
        let waits: Vec<u32> = (0..7).map(retry_millis).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    }
}
