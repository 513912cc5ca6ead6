//! How far a value can be trusted.

use serde::{Deserialize, Serialize};

/// How far a value can be trusted, after OPC UA Part 8's three classes. Staleness is not here: it is a matter of age,
/// told by the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum Quality {
    /// To be trusted.
    #[default]
    Good,
    /// Perhaps right; shown, stored, and never evaluated by a process alarm.
    Uncertain(Doubt),
    /// Not to be trusted.
    Bad(Fault),
}

/// Why a value is uncertain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The device says so.
    Device,
    /// The device's clock is ahead of the station's by more than is allowed.
    ClockAhead,
    /// The device gave a time that cannot be right; the received time stands in.
    ClockBroken,
    /// Outside the instrument's physical range.
    OutOfRange,
    /// Another value came for the same point and time; kept at the next free microsecond.
    Conflict,
}

/// Why a value is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The device says so.
    Device,
    /// The device is not connected.
    Disconnected,
    /// Not a number.
    NotANumber,
}

impl Quality {
    /// Whether a process alarm may look at the value.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good)
    }

    /// Whether the value is not to be trusted at all.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Bad(_))
    }

    /// The code it is stored under: 0 good, 64 and up uncertain, 128 and up bad.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Uncertain(Doubt::Device) => 64,
            Self::Uncertain(Doubt::ClockAhead) => 65,
            Self::Uncertain(Doubt::ClockBroken) => 66,
            Self::Uncertain(Doubt::OutOfRange) => 67,
            Self::Uncertain(Doubt::Conflict) => 68,
            Self::Bad(Fault::Device) => 128,
            Self::Bad(Fault::Disconnected) => 129,
            Self::Bad(Fault::NotANumber) => 130,
        }
    }

    /// From its code; a code of a newer version reads as its class.
    pub const fn from_code(code: u8) -> Self {
        match code {
            65 => Self::Uncertain(Doubt::ClockAhead),
            66 => Self::Uncertain(Doubt::ClockBroken),
            67 => Self::Uncertain(Doubt::OutOfRange),
            68 => Self::Uncertain(Doubt::Conflict),
            129 => Self::Bad(Fault::Disconnected),
            130 => Self::Bad(Fault::NotANumber),
            0..=63 => Self::Good,
            64..=127 => Self::Uncertain(Doubt::Device),
            _ => Self::Bad(Fault::Device),
        }
    }
}

impl From<u8> for Quality {
    fn from(code: u8) -> Self {
        Self::from_code(code)
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_and_total() {
        for code in 0..=u8::MAX {
            let quality = Quality::from_code(code);
            assert_eq!(Quality::from_code(quality.code()), quality);
        }
        assert_eq!(Quality::Bad(Fault::NotANumber).code(), 130);
    }
}
