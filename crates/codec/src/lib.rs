//! Device bytes to readings, one module a wire format: pure, total and bounded. Whatever bytes come, decoding ends in
//! readings with finite values, in rejects that say why, or in both; it never panics and never fails as a whole.
//!
//! Must not know sockets, the database, or which points exist.
//!
//! | shape of a JSON message | readings |
//! |---|---|
//! | `{"value":1.5}` with optional time, `unit`, `type`, `quality` | one, at the address itself |
//! | `[{"value":..,"ts":..},…]` | one each, at the address itself |
//! | `{"ts":…,"values":{"a":1,"b":2}}` | `address#a`, `address#b` |
//! | `{"a":1,"b":{"c":2}}` | `address#a`, `address#b.c`; texts that are no number or state word are left out |
//! | `{"Device A":[{"ts":…,"values":{"a":1}}]}` | `address#Device A.a` |
//!
//! Times are `ts`, `time`, `timestamp`, `Epoch` or `last_seen`: ISO 8601, or a count since 1970 whose magnitude tells
//! seconds from milli-, micro- and nanoseconds. A text without a zone is UTC, except Tasmota's `Time`, which is local
//! time and therefore not used.

mod alert;
mod decoded;
mod error;
mod json;
mod plain;
mod reason;
mod routes;
mod shape;
mod status;
mod time;
mod words;

pub use decoded::{Decoded, DeviceAlert, Reading, Reject};
pub use error::{Error, Problem};
pub use reason::Reason;
pub use routes::{Format, Route, Routes, Target};

use penstock_model::Timestamp;

/// The largest payload that is looked at, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// The deepest nesting of a JSON message.
pub const MAX_DEPTH: usize = 32;
/// The most fields of one JSON object.
pub const MAX_FIELDS: usize = 1_000;
/// The most readings taken from one message.
pub const MAX_READINGS: usize = 10_000;
/// The longest address, in bytes.
pub const MAX_ADDRESS_BYTES: usize = 512;

/// Decodes one message into `out`, behind what is there already.
pub fn decode(target: &Target<'_>, payload: &[u8], received: Timestamp, out: &mut Decoded) {
    if let Err(reason) = decode_whole(target, payload, received, out) {
        out.reject(reason, "");
    }
}

fn decode_whole(target: &Target<'_>, payload: &[u8], received: Timestamp, out: &mut Decoded) -> Result<(), Reason> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Reason::TooLarge);
    }
    if !words::is_address(&target.address) {
        return Err(Reason::Address);
    }
    let text = std::str::from_utf8(payload).map_err(|_at| Reason::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    match target.format {
        Format::Auto if text.starts_with(['{', '[']) => shape::decode(target, text, received, out),
        Format::Json => shape::decode(target, text, received, out),
        Format::Auto | Format::Plain => plain::decode(target, text, received, out),
        Format::Status => status::decode(target, text, received, out),
        Format::Alert => alert::decode(target, text, received, out),
    }
}
