//! Topic patterns as configured, and topics to find a route for.

#![no_main]

#[expect(dead_code, reason = "one target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::routes(bytes));
