//! Whatever comes on a topic that no route is for, which is read as JSON or as plain text.

#![no_main]

#[expect(dead_code, reason = "one target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::auto(bytes));
