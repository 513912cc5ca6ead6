//! Physical quantities and the units they come and are shown in. Values are SI inside.

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a point measures. It fixes the SI unit that values are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Volume flow, m³/s.
    Flow,
    /// Pressure, Pa.
    Pressure,
    /// Level or length, m.
    Level,
    /// Volume, m³.
    Volume,
    /// Residual chlorine, kg/m³.
    Chlorine,
    /// Turbidity, NTU (no SI unit exists).
    Turbidity,
    /// pH, dimensionless.
    Ph,
    /// Conductivity, S/m.
    Conductivity,
    /// Power, W.
    Power,
    /// Energy, J.
    Energy,
    /// Energy for each volume pumped, J/m³.
    SpecificEnergy,
    /// Vibration velocity, m/s.
    Vibration,
    /// Temperature, K.
    Temperature,
    /// A share, 0 to 1: valve position, speed, filling.
    Ratio,
    /// Frequency, Hz.
    Frequency,
    /// A state as a small integer: 0 off or closed, 1 on or open.
    State,
    /// A number of which nothing more is known.
    Plain,
}

/// A unit that values come or are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(&'static Definition);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Definition {
    symbol: &'static str,
    aliases: &'static [&'static str],
    quantity: Quantity,
    /// SI value = given × numerator / denominator + offset / 1000.
    numerator: u64,
    denominator: u64,
    offset_milli: i64,
}

const fn unit(
    symbol: &'static str,
    aliases: &'static [&'static str],
    quantity: Quantity,
    numerator: u64,
    denominator: u64,
) -> Definition {
    Definition { symbol, aliases, quantity, numerator, denominator, offset_milli: 0 }
}

static UNITS: &[Definition] = &[
    unit("m³/h", &["m3/h", "cmh"], Quantity::Flow, 1, 3_600),
    unit("m³/s", &["m3/s"], Quantity::Flow, 1, 1),
    unit("L/s", &["l/s", "lps"], Quantity::Flow, 1, 1_000),
    unit("L/min", &["l/min", "lpm"], Quantity::Flow, 1, 60_000),
    unit("ML/d", &["Ml/d", "mld"], Quantity::Flow, 1_000, 86_400),
    unit("bar", &[], Quantity::Pressure, 100_000, 1),
    unit("Pa", &[], Quantity::Pressure, 1, 1),
    unit("kPa", &[], Quantity::Pressure, 1_000, 1),
    unit("mH₂O", &["mH2O", "mwc"], Quantity::Pressure, 980_665, 100),
    unit("psi", &[], Quantity::Pressure, 6_894_757, 1_000),
    unit("m", &[], Quantity::Level, 1, 1),
    unit("cm", &[], Quantity::Level, 1, 100),
    unit("mm", &[], Quantity::Level, 1, 1_000),
    unit("ft", &[], Quantity::Level, 3_048, 10_000),
    unit("m³", &["m3"], Quantity::Volume, 1, 1),
    unit("L", &["l"], Quantity::Volume, 1, 1_000),
    unit("ML", &["Ml"], Quantity::Volume, 1_000, 1),
    unit("mg/L", &["mg/l", "ppm"], Quantity::Chlorine, 1, 1_000),
    unit("kg/m³", &["kg/m3"], Quantity::Chlorine, 1, 1),
    unit("NTU", &["ntu", "FNU"], Quantity::Turbidity, 1, 1),
    unit("pH", &["ph"], Quantity::Ph, 1, 1),
    unit("µS/cm", &["uS/cm", "us/cm"], Quantity::Conductivity, 1, 10_000),
    unit("S/m", &[], Quantity::Conductivity, 1, 1),
    unit("kW", &["kw"], Quantity::Power, 1_000, 1),
    unit("W", &[], Quantity::Power, 1, 1),
    unit("kWh", &["kwh"], Quantity::Energy, 3_600_000, 1),
    unit("J", &[], Quantity::Energy, 1, 1),
    unit("kWh/m³", &["kWh/m3"], Quantity::SpecificEnergy, 3_600_000, 1),
    unit("J/m³", &["J/m3"], Quantity::SpecificEnergy, 1, 1),
    unit("mm/s", &[], Quantity::Vibration, 1, 1_000),
    unit("m/s", &[], Quantity::Vibration, 1, 1),
    Definition {
        symbol: "°C",
        aliases: &["C", "degC"],
        quantity: Quantity::Temperature,
        numerator: 1,
        denominator: 1,
        offset_milli: 273_150,
    },
    unit("K", &[], Quantity::Temperature, 1, 1),
    unit("%", &["percent"], Quantity::Ratio, 1, 100),
    unit("1", &["ratio"], Quantity::Ratio, 1, 1),
    unit("Hz", &["hz"], Quantity::Frequency, 1, 1),
    unit("", &["state"], Quantity::State, 1, 1),
    unit("–", &["-", "plain"], Quantity::Plain, 1, 1),
];

impl Quantity {
    /// Every quantity, in the order that screens list them.
    pub const ALL: [Self; 17] = [
        Self::Flow,
        Self::Pressure,
        Self::Level,
        Self::Volume,
        Self::Chlorine,
        Self::Turbidity,
        Self::Ph,
        Self::Conductivity,
        Self::Power,
        Self::Energy,
        Self::SpecificEnergy,
        Self::Vibration,
        Self::Temperature,
        Self::Ratio,
        Self::Frequency,
        Self::State,
        Self::Plain,
    ];

    /// The name it has in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Pressure => "pressure",
            Self::Level => "level",
            Self::Volume => "volume",
            Self::Chlorine => "chlorine",
            Self::Turbidity => "turbidity",
            Self::Ph => "ph",
            Self::Conductivity => "conductivity",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::SpecificEnergy => "specific_energy",
            Self::Vibration => "vibration",
            Self::Temperature => "temperature",
            Self::Ratio => "ratio",
            Self::Frequency => "frequency",
            Self::State => "state",
            Self::Plain => "plain",
        }
    }

    /// The unit that screens show it in where nobody chose another.
    pub fn display_unit(self) -> Unit {
        // Every quantity has an entry; its first one is the usual unit in the field.
        UNITS.iter().find(|unit| unit.quantity == self).map_or(Unit(&UNITS[UNITS.len() - 1]), Unit)
    }

    /// The units that values of it come in.
    pub fn units(self) -> impl Iterator<Item = Unit> {
        UNITS.iter().filter(move |unit| unit.quantity == self).map(Unit)
    }

    /// Decimals that its values are shown with in the usual unit, fixed so that digits do not jump.
    pub const fn decimals(self) -> u8 {
        match self {
            Self::Pressure
            | Self::Level
            | Self::Chlorine
            | Self::Turbidity
            | Self::Energy
            | Self::SpecificEnergy
            | Self::Plain => 2,
            Self::Flow | Self::Ph | Self::Power | Self::Vibration | Self::Frequency => 1,
            Self::Volume | Self::Conductivity | Self::Temperature | Self::Ratio | Self::State => 0,
        }
    }
}

impl std::str::FromStr for Quantity {
    type Err = Error;

    /// Reads [`Quantity::name`], letter case aside.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wanted = text.trim();
        Self::ALL.into_iter().find(|quantity| quantity.name().eq_ignore_ascii_case(wanted)).ok_or_else(|| Error::Word {
            what: "quantity",
            given: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

impl Unit {
    /// Reads a symbol or one of its plain-letter forms, for example `m³/h` or `m3/h`.
    ///
    /// # Errors
    /// [`Error::Unit`] where nobody knows it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wanted = text.trim();
        UNITS
            .iter()
            .find(|unit| unit.symbol == wanted || unit.aliases.contains(&wanted))
            .map(Self)
            .ok_or_else(|| Error::Unit(text.to_owned()))
    }

    /// As screens write it.
    pub const fn symbol(self) -> &'static str {
        self.0.symbol
    }

    /// What it measures.
    pub const fn quantity(self) -> Quantity {
        self.0.quantity
    }

    /// A value in this unit, in SI.
    pub fn to_si(self, value: f64) -> f64 {
        self.difference_to_si(value) + self.0.offset_milli as f64 / 1e3
    }

    /// An SI value, in this unit.
    pub fn from_si(self, value: f64) -> f64 {
        self.difference_from_si(value - self.0.offset_milli as f64 / 1e3)
    }

    /// A difference of two values in this unit, in SI: 1 °C is 1 K here, wherever zero lies.
    pub fn difference_to_si(self, difference: f64) -> f64 {
        difference * self.0.numerator as f64 / self.0.denominator as f64
    }

    /// A difference of two SI values, in this unit.
    pub fn difference_from_si(self, difference: f64) -> f64 {
        difference * self.0.denominator as f64 / self.0.numerator as f64
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.symbol)
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.symbol)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for unit in UNITS.iter().map(Unit) {
            let back = unit.from_si(unit.to_si(12.5));
            assert!((back - 12.5).abs() < 1e-9, "{unit}: {back}");
        }
    }

    #[test]
    fn known_values() {
        let check = |text: &str, given: f64, si: f64| {
            let unit = Unit::parse(text).expect(text);
            assert!((unit.to_si(given) - si).abs() < 1e-9 * si.abs().max(1.0), "{given} {text}");
        };
        check("m3/h", 3_600.0, 1.0);
        check("bar", 1.0, 100_000.0);
        check("°C", 20.0, 293.15);
        check("ML/d", 86.4, 1.0);
        check("uS/cm", 10_000.0, 1.0);
    }

    #[test]
    fn differences_know_no_zero() {
        for unit in UNITS.iter().map(Unit) {
            let difference = unit.to_si(12.5) - unit.to_si(10.0);
            assert!((unit.difference_to_si(2.5) - difference).abs() <= 1e-9 * difference.abs().max(1.0), "{unit}");
            assert!((unit.difference_from_si(unit.difference_to_si(2.5)) - 2.5).abs() < 1e-9, "{unit}");
        }
        assert_eq!(Unit::parse("°C").map(|unit| unit.difference_to_si(1.0)), Ok(1.0));
    }

    #[test]
    fn every_quantity_has_a_usual_unit_and_every_symbol_reads_back() {
        for quantity in Quantity::ALL {
            assert_eq!(quantity.display_unit().quantity(), quantity);
            assert_eq!(quantity.name().parse(), Ok(quantity));
        }
        for unit in UNITS.iter().map(Unit) {
            assert_eq!(Unit::parse(unit.symbol()), Ok(unit));
        }
    }
}
