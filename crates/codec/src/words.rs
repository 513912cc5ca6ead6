//! The words devices use for states, qualities and quantities, and what may be an address.

use penstock_model::{Doubt, Fault, Quality, Quantity};

use crate::MAX_ADDRESS_BYTES;

/// The word as 1 or 0, where it is one of the known state words.
pub(crate) fn state(word: &str) -> Option<f64> {
    const ON: [&str; 4] = ["on", "true", "open", "online"];
    const OFF: [&str; 4] = ["off", "false", "closed", "offline"];
    is_one_of(word, &ON).then_some(1.0).or_else(|| is_one_of(word, &OFF).then_some(0.0))
}

/// Whether a device is there, as 1 or 0.
pub(crate) fn presence(word: &str) -> Option<f64> {
    const HERE: [&str; 8] = ["online", "connected", "up", "alive", "active", "true", "on", "1"];
    const GONE: [&str; 9] = ["offline", "disconnected", "down", "dead", "inactive", "lost", "false", "off", "0"];
    is_one_of(word, &HERE).then_some(1.0).or_else(|| is_one_of(word, &GONE).then_some(0.0))
}

/// A quality in a device's words; one that nobody knows is a doubt.
pub(crate) fn quality(word: &str) -> Quality {
    if is_one_of(word, &["good", "ok", "valid", "true"]) {
        Quality::Good
    } else if is_one_of(word, &["bad", "invalid", "fault", "faulty", "error", "false"]) {
        Quality::Bad(Fault::Device)
    } else if is_one_of(word, &["disconnected", "offline"]) {
        Quality::Bad(Fault::Disconnected)
    } else {
        Quality::Uncertain(Doubt::Device)
    }
}

/// A quality as a number: an OPC UA status code, where the two highest bits tell (0 is good), or an OPC classic quality
/// of 1 to 255 (192 and up good, 64 to 127 uncertain, else bad).
pub(crate) fn quality_code(code: f64) -> Quality {
    if !(0.0..4_294_967_296.0).contains(&code) {
        return Quality::Uncertain(Doubt::Device);
    }
    match code as u32 {
        0 | 192..0x4000_0000 => Quality::Good,
        64..=127 | 0x4000_0000..0x8000_0000 => Quality::Uncertain(Doubt::Device),
        1..=63 | 128..=191 | 0x8000_0000.. => Quality::Bad(Fault::Device),
    }
}

/// What a device's word for what it measures stands for.
pub(crate) fn quantity(word: &str) -> Option<Quantity> {
    const ALIASES: [(&str, Quantity); 18] = [
        ("flow_rate", Quantity::Flow),
        ("flowrate", Quantity::Flow),
        ("tank_level", Quantity::Level),
        ("water_level", Quantity::Level),
        ("residual_chlorine", Quantity::Chlorine),
        ("free_chlorine", Quantity::Chlorine),
        ("pump_power", Quantity::Power),
        ("bearing_temperature", Quantity::Temperature),
        ("temp", Quantity::Temperature),
        ("valve_position", Quantity::Ratio),
        ("position", Quantity::Ratio),
        ("humidity", Quantity::Ratio),
        ("speed", Quantity::Ratio),
        ("ec", Quantity::Conductivity),
        ("running", Quantity::State),
        ("status", Quantity::State),
        ("pump_state", Quantity::State),
        ("switch", Quantity::State),
    ];
    let word = word.trim();
    let known = Quantity::ALL.into_iter().find(|quantity| quantity.name().eq_ignore_ascii_case(word));
    known.or_else(|| ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word)).map(|&(_, quantity)| quantity))
}

/// Whether `text` can be an address or a part of one: the database keeps no zero byte, and screens no other control
/// character.
pub(crate) fn is_address(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ADDRESS_BYTES && !text.chars().any(char::is_control)
}

fn is_one_of(word: &str, known: &[&str]) -> bool {
    let word = word.trim();
    known.iter().any(|known| known.eq_ignore_ascii_case(word))
}
