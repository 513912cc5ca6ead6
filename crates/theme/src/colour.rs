//! One colour, and how far two colours are apart to the eye.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// An sRGB colour with straight (not premultiplied) alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rgba {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// Opacity, 255 opaque.
    pub a: u8,
}

impl Rgba {
    /// Nothing at all.
    pub const TRANSPARENT: Self = Self { r: 0, g: 0, b: 0, a: 0 };

    /// Reads `#RRGGBB` or `#RRGGBBAA`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let a = match digits.len() {
            6 => 255,
            8 => channel(6)?,
            _ => return None,
        };
        Some(Self { r: channel(0)?, g: channel(2)?, b: channel(4)?, a })
    }

    /// The same colour at `opacity`, 0 to 1.
    pub fn with_opacity(self, opacity: f64) -> Self {
        Self { a: (opacity.clamp(0.0, 1.0) * 255.0).round() as u8, ..self }
    }

    /// How opaque it is, 0 to 1.
    pub fn opacity(self) -> f64 {
        f64::from(self.a) / 255.0
    }

    /// The opaque colour that is seen where this one lies over `ground`.
    pub fn over(self, ground: Self) -> Self {
        let mix = |top: u8, below: u8| {
            (f64::from(top) * self.opacity() + f64::from(below) * (1.0 - self.opacity())).round() as u8
        };
        Self { r: mix(self.r, ground.r), g: mix(self.g, ground.g), b: mix(self.b, ground.b), a: 255 }
    }

    /// Relative luminance of WCAG 2.2, 0 to 1, opacity aside.
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast ratio of WCAG 2.2, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Linear-light red, green and blue, 0 to 1 each.
    pub fn linear(self) -> [f64; 3] {
        [self.r, self.g, self.b].map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }
}

impl std::fmt::Display for Rgba {
    /// As CSS and SVG write it: `#rrggbb`, with two more digits where it is not opaque.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.r, self.g, self.b)?;
        if self.a < 255 { write!(f, "{:02x}", self.a) } else { Ok(()) }
    }
}

impl<'de> Deserialize<'de> for Rgba {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("colour {text:?} is not #RRGGBB or #RRGGBBAA")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let check = |text: &str, expect: Option<Rgba>| assert_eq!(Rgba::parse(text), expect, "{text}");
        check("#0A0C0E99", Some(Rgba { r: 10, g: 12, b: 14, a: 153 }));
        check("#ffffff", Some(Rgba { r: 255, g: 255, b: 255, a: 255 }));
        check("ffffff", None);
        check("#fff", None);
        check("#gg0000", None);
        check("#ééé", None);
        assert_eq!(Rgba::parse("#0A0C0E99").map(|c| c.to_string()).as_deref(), Some("#0a0c0e99"));
    }

    #[test]
    fn black_on_white_is_21_to_1() {
        let (black, white) = (Rgba { r: 0, g: 0, b: 0, a: 255 }, Rgba { r: 255, g: 255, b: 255, a: 255 });
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert_eq!(white.with_opacity(0.5).over(black), Rgba { r: 128, g: 128, b: 128, a: 255 });
    }
}
