//! The way through the desktop shell: its commands, and one channel for the live feed of a session. Must not know HTTP.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use penstock_api::{ApiError, Code};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{Live, Sink, js};

/// How long to wait before the live feed is asked for again.
const RETRY_MILLIS: u32 = 1_000;

/// Whether this page is the shell's own.
pub(super) fn is_here() -> bool {
    let Some(window) = web_sys::window() else { return false };
    let location = window.location();
    let is_own = location.protocol().is_ok_and(|protocol| protocol == "tauri:")
        || location.hostname().is_ok_and(|host| host == "tauri.localhost");
    is_own && core().is_some()
}

pub(super) async fn call(name: &str, body: &str, token: Option<&str>) -> Result<String, ApiError> {
    let args = object(&[
        ("name", name.into()),
        ("body", body.into()),
        ("token", token.map_or(JsValue::NULL, JsValue::from_str)),
    ]);
    let reply = invoke("call", &args).await?;
    reply.as_string().ok_or_else(|| ApiError::new(Code::Failed, format!("the shell's reply to {name} is no text")))
}

pub(super) async fn save_file(name: &str, bytes: &[u8]) -> Result<Option<String>, ApiError> {
    let args = object(&[("name", name.into()), ("bytes", js_sys::Uint8Array::from(bytes).into())]);
    invoke("save_file", &args).await.map(|path| path.as_string())
}

pub(super) async fn save_export(ticket: &str) -> Result<Option<String>, ApiError> {
    invoke("save_export", &object(&[("ticket", ticket.into())])).await.map(|path| path.as_string())
}

/// The live feed of one session. The shell numbers a channel's messages, so each session has a channel of its own.
pub(crate) struct Feed {
    channel: Option<JsValue>,
    has_ended: Rc<Cell<bool>>,
    _on_message: Closure<dyn FnMut(JsValue)>,
}

impl Feed {
    pub(super) fn open(token: &str, sink: Sink) -> Self {
        let on_message = {
            let sink = Rc::clone(&sink);
            Closure::<dyn FnMut(JsValue)>::new(move |message: JsValue| {
                // A text asks whether the page is still there; frames are binary.
                if message.is_string() {
                    spawn_local(say_here());
                    return;
                }
                match js::frame_of(&message) {
                    Some(frame) => sink(Live::Frame(Box::new(frame))),
                    // An empty message tells that the session has ended.
                    None => sink(Live::Lost),
                }
            })
        };
        let has_ended = Rc::new(Cell::new(false));
        let channel = new_channel(on_message.as_ref());
        if let Some(channel) = &channel {
            let args = object(&[("token", token.into()), ("channel", channel.clone())]);
            let has_ended = Rc::clone(&has_ended);
            spawn_local(async move {
                // A station that is still starting refuses; nothing has been sent on the channel then.
                while invoke("live", &args).await.is_err() && !has_ended.get() {
                    sink(Live::Lost);
                    TimeoutFuture::new(RETRY_MILLIS).await;
                    if has_ended.get() {
                        break;
                    }
                }
            });
        } else {
            sink(Live::Lost);
        }
        Self { channel, has_ended, _on_message: on_message }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.has_ended.set(true);
        // What is still on its way falls on nothing, not on a closure that is gone.
        if let Some(channel) = &self.channel {
            let nothing = Closure::<dyn FnMut(JsValue)>::new(|_late| {});
            set(channel, "onmessage", &nothing.into_js_value());
        }
    }
}

/// Says that this page is there, until it is heard: the shell asks once, and sends nothing to a page that is not there.
async fn say_here() {
    while invoke("here", &object(&[])).await.is_err() {
        TimeoutFuture::new(RETRY_MILLIS).await;
    }
}

async fn invoke(command: &str, args: &JsValue) -> Result<JsValue, ApiError> {
    let missing = || ApiError::new(Code::Failed, "the shell's IPC is not there: start Penstock anew");
    let core = core().ok_or_else(missing)?;
    let function = get(&core, "invoke").and_then(|invoke| invoke.dyn_into::<js_sys::Function>().ok());
    let promise = function
        .ok_or_else(missing)?
        .call2(&core, &command.into(), args)
        .map_err(|error| js::failed("the shell cannot be asked", &error))?;
    JsFuture::from(js_sys::Promise::resolve(&promise)).await.map_err(|error| js::sent_error(&error))
}

fn new_channel(on_message: &JsValue) -> Option<JsValue> {
    let class = get(&core()?, "Channel")?.dyn_into::<js_sys::Function>().ok()?;
    let channel = js_sys::Reflect::construct(&class, &js_sys::Array::new()).ok()?;
    set(&channel, "onmessage", on_message);
    Some(channel)
}

fn core() -> Option<JsValue> {
    let window: JsValue = web_sys::window()?.into();
    get(&get(&window, "__TAURI__")?, "core")
}

fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = js_sys::Object::new();
    for (key, value) in members {
        set(&object, key, value);
    }
    object.into()
}

fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &key.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

fn set(object: &JsValue, key: &str, value: &JsValue) {
    // Fails on frozen objects only; these are our own or the shell's channel.
    drop(js_sys::Reflect::set(object, &key.into(), value));
}
