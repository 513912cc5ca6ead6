//! What both ways need of JavaScript: errors and frames out of its values.

use penstock_api::{ApiError, Code, Frame};
use wasm_bindgen::{JsCast as _, JsValue};

/// A failure of the page's own machinery as an error that a person can read.
pub(super) fn failed(doing: &str, error: &JsValue) -> ApiError {
    ApiError::new(Code::Away, format!("{doing}: {}", text_of(error)))
}

/// An error that the station sent as JSON, as text or as an object.
pub(super) fn sent_error(value: &JsValue) -> ApiError {
    let text = value.as_string().or_else(|| js_sys::JSON::stringify(value).ok().and_then(|text| text.as_string()));
    text.as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| ApiError::new(Code::Failed, text_of(value)))
}

/// The frame in a binary message.
pub(super) fn frame_of(message: &JsValue) -> Option<Frame> {
    let bytes = if let Some(buffer) = message.dyn_ref::<js_sys::ArrayBuffer>() {
        js_sys::Uint8Array::new(buffer).to_vec()
    } else if let Some(bytes) = message.dyn_ref::<js_sys::Uint8Array>() {
        bytes.to_vec()
    } else {
        // A channel without raw messages brings an array of numbers.
        message.dyn_ref::<js_sys::Array>().map(|numbers| js_sys::Uint8Array::new(numbers).to_vec())?
    };
    Frame::from_bytes(&bytes).ok()
}

fn text_of(value: &JsValue) -> String {
    value
        .as_string()
        .or_else(|| value.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())))
        .unwrap_or_else(|| format!("{value:?}"))
}
