//! The table's types, as far as something drawn outside CSS reads them.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Mode, Rgba};

pub(crate) const TABLE: &str = include_str!("../../../assets/theme/tokens.json");

/// The token table.
pub fn tokens() -> &'static Tokens {
    static TOKENS: LazyLock<Tokens> = LazyLock::new(|| match serde_json::from_str(TABLE) {
        Ok(tokens) => tokens,
        // The table is part of the program; a test reads it, so that a wrong one is never built into a release.
        Err(error) => unreachable!("assets/theme/tokens.json does not fit its types: {error}"),
    });
    &TOKENS
}

/// The whole table.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    themes: Themes,
    /// How each alarm priority is marked, the most urgent first.
    pub priorities: Vec<Priority>,
    /// Dash pattern of each pen in px, on and off in turn; empty for solid.
    pub pen_dash: Vec<Vec<f64>>,
    /// Widths of pens.
    pub pen_width: PenWidths,
    /// Sizes and patterns of the map.
    pub map: MapSizes,
    /// How things move.
    pub motion: Motion,
    #[serde(rename = "type")]
    letters: Letters,
}

#[derive(Debug, Clone, Deserialize)]
struct Themes {
    dark: Theme,
    light: Theme,
}

#[derive(Debug, Clone, Deserialize)]
struct Letters {
    scale: Scale,
}

#[derive(Debug, Clone, Deserialize)]
struct Scale {
    axis: Typeface,
    label: Typeface,
    body: Typeface,
    strong: Typeface,
}

impl Tokens {
    /// The colours of one theme.
    pub const fn theme(&self, mode: Mode) -> &Theme {
        match mode {
            Mode::Dark => &self.themes.dark,
            Mode::Light => &self.themes.light,
        }
    }

    /// Ticks and scales.
    pub const fn axis_type(&self) -> Typeface {
        self.letters.scale.axis
    }

    /// Labels on maps and charts.
    pub const fn label_type(&self) -> Typeface {
        self.letters.scale.label
    }

    /// Running text.
    pub const fn body_type(&self) -> Typeface {
        self.letters.scale.body
    }

    /// Running text, emphasised.
    pub const fn strong_type(&self) -> Typeface {
        self.letters.scale.strong
    }
}

/// Size and weight of letters.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Typeface {
    /// Size in px.
    pub px: f64,
    /// Height of a line in px.
    pub line: f64,
    /// 400 regular, 700 bold.
    pub weight: u16,
}

/// The colours of one theme.
#[derive(Debug, Clone, Deserialize)]
pub struct Theme {
    /// Grounds.
    pub surface: Surface,
    /// Dividing lines and borders.
    pub line: Line,
    /// Inks of text.
    pub text: Text,
    /// The keyboard's place.
    pub focus: Focus,
    /// What is selected.
    pub selection: Selection,
    /// The one thing to do next.
    pub accent: Accent,
    /// Alarm colours, the most urgent first; for alarms alone.
    pub alarm: [AlarmColours; 4],
    /// Pens of charts.
    pub pens: [Rgba; 8],
    /// What the detectors say.
    pub anomaly: Anomaly,
    /// Analogue indicators.
    pub indicator: Indicator,
    /// Equipment.
    pub equipment: Equipment,
    /// Inks of the map.
    pub map: MapColours,
}

macro_rules! colours {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Rgba),*
        }
    )*};
}

colours! {
    /// Grounds, from the furthest back.
    Surface {
        /// Navigation rail.
        rail,
        /// The window.
        app,
        /// Panels.
        panel,
        /// Heads of tables and groups.
        raised,
        /// Buttons and fields.
        control,
        /// Dialogs, menus and tips.
        overlay,
        /// Charts.
        chart,
    }
    /// Dividing lines and borders.
    Line {
        /// Between rows; grids.
        subtle,
        /// Around panels.
        strong,
        /// Around controls.
        control,
    }
    /// Inks of text.
    Text {
        /// What is read first.
        primary,
        /// What explains it.
        secondary,
        /// Units, ages and axes.
        tertiary,
        /// What cannot be used now.
        disabled,
        /// On the accent's ground.
        on_accent,
    }
    /// The keyboard's place.
    Focus {
        /// The ring.
        ring,
    }
    /// What is selected.
    Selection {
        /// Its ground.
        fill,
        /// Its ring.
        edge,
    }
    /// The one thing to do next.
    Accent {
        /// Its ground.
        fill,
        /// Its ground under the pointer.
        hover,
        /// As text.
        text,
    }
    /// The colours of one alarm priority.
    AlarmColours {
        /// Ground of a filled badge.
        fill,
        /// Ring and outline.
        edge,
        /// The digit on the fill.
        mark,
        /// Ground of a row.
        tint,
    }
    /// Analogue indicators.
    Indicator {
        /// The scale.
        track,
        /// The normal band.
        normal,
        /// Water in a tank.
        water,
        /// The value.
        pointer,
        /// A limit.
        limit,
        /// What the detectors expect.
        expected,
    }
    /// Equipment.
    Equipment {
        /// At work.
        running,
        /// At rest.
        stopped,
        /// Its outline.
        outline,
    }
    /// Inks of the map.
    MapColours {
        /// Ground.
        land,
        /// Rivers and lakes.
        water,
        /// Parks.
        green,
        /// Buildings.
        building,
        /// Streets.
        road,
        /// Main streets.
        road_major,
        /// Names of the base map.
        label,
        /// Around every label.
        label_halo,
        /// Around areas.
        boundary,
        /// Mains.
        main,
        /// Selected mains.
        main_selected,
        /// Outline of symbols.
        asset,
        /// Ground of symbols.
        asset_fill,
    }
}

/// How what the detectors say is drawn; advice, so no alarm colour.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anomaly {
    /// Opacity of the expected band, in its pen's colour.
    pub band_alpha: f64,
    /// Opacity of the band's edges.
    pub band_edge_alpha: f64,
    /// Ink over an unusual stretch.
    pub stretch_ink: Rgba,
    /// Opacity of that ink.
    pub stretch_alpha: f64,
}

/// The outline that tells a priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// Critical.
    Diamond,
    /// High.
    Triangle,
    /// Medium.
    Square,
    /// Low.
    Circle,
}

impl Shape {
    /// The outline of a priority's badge, 1 the most urgent.
    pub fn of_priority(digit: u8) -> Self {
        let priorities = &tokens().priorities;
        priorities.iter().find(|priority| priority.priority == digit).map_or(Self::Circle, |priority| priority.shape)
    }

    /// Its corners in turn, from the middle of a badge that is 20 units wide and high, y downwards; drawn in by `inset`
    /// units, so that a thick line keeps inside. All four look equally large.
    pub fn outline(self, inset: f64) -> Vec<(f64, f64)> {
        const ROUND: u8 = 32;
        match self {
            Self::Diamond => {
                let reach = 10.0 - inset * std::f64::consts::SQRT_2;
                vec![(0.0, -reach), (reach, 0.0), (0.0, reach), (-reach, 0.0)]
            }
            Self::Triangle => {
                let (top, side, bottom) = (inset * 2.0 - 9.0, 10.0 - inset * 1.6, 8.6 - inset);
                vec![(0.0, top), (side, bottom), (-side, bottom)]
            }
            Self::Square => {
                let half = 8.2 - inset;
                vec![(-half, -half), (half, -half), (half, half), (-half, half)]
            }
            Self::Circle => (0..ROUND)
                .map(|step| {
                    let (sin, cos) = (std::f64::consts::TAU * f64::from(step) / f64::from(ROUND)).sin_cos();
                    ((8.6 - inset) * cos, (8.6 - inset) * sin)
                })
                .collect(),
        }
    }
}

/// How one alarm priority is marked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Priority {
    /// 1, the most urgent, to 4.
    pub priority: u8,
    /// The digit in its badge.
    pub mark: String,
    /// Its outline.
    pub shape: Shape,
    /// Size of the outline against the badge, so that all look equally large.
    pub size_ratio: f64,
}

/// Widths of pens in px.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct PenWidths {
    /// As a rule.
    pub normal: f64,
    /// Of the pen in hand.
    pub selected: f64,
    /// Of the others meanwhile.
    pub dimmed: f64,
}

/// Sizes and patterns of the map, in px.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MapSizes {
    /// Widths of mains, the thinnest first.
    pub main_width_by_diameter_mm: Vec<MainWidth>,
    /// Service lines.
    pub service_dash: Vec<f64>,
    /// Closed mains.
    pub closed_dash: Vec<f64>,
    /// Area boundaries.
    pub boundary_dash: Vec<f64>,
    /// Diameters of symbols.
    pub asset_size: Symbols,
    /// Rings around symbols.
    pub ring: Rings,
}

/// Width of the mains up to a diameter.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MainWidth {
    /// Largest diameter in mm.
    pub up_to: f64,
    /// Width in px.
    pub px: f64,
}

/// Diameters of symbols in px.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Symbols {
    /// Far out.
    pub far: f64,
    /// In a quarter of the town.
    pub near: f64,
    /// In a street.
    pub close: f64,
}

/// Rings around symbols in px.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Rings {
    /// Width of the selection's.
    pub selected: f64,
    /// Width of the alarm's.
    pub state: f64,
    /// Between a symbol and its rings.
    pub gap: f64,
}

/// How things move.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Motion {
    /// Period of the blink of unacknowledged badges in ms.
    pub blink_period: f64,
    /// Share of the period at full ink.
    pub blink_duty: f64,
    /// Opacity of the fill in the other share.
    pub blink_to: f64,
}

impl MapSizes {
    /// Width in px of a main of `diameter_mm`.
    pub fn main_width(&self, diameter_mm: f64) -> f64 {
        let widths = &self.main_width_by_diameter_mm;
        widths.iter().find(|width| diameter_mm <= width.up_to).or(widths.last()).map_or(1.0, |width| width.px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_its_types() {
        let tokens = tokens();
        assert_eq!(tokens.priorities.len(), 4);
        assert_eq!(tokens.pen_dash.len(), tokens.theme(Mode::Dark).pens.len());
        assert_eq!(tokens.theme(Mode::Dark).surface.chart.to_string(), "#181c20");
        assert_eq!(tokens.axis_type().px, 11.0);
    }

    #[test]
    fn mains_are_as_wide_as_the_table_says() {
        let sizes = &tokens().map;
        let check = |diameter: f64, px: f64| assert_eq!(sizes.main_width(diameter), px, "{diameter}");
        check(63.0, 1.25);
        check(110.0, 1.25);
        check(160.0, 1.75);
        check(200.0, 2.5);
        check(400.0, 3.5);
        check(450.0, 5.0);
        check(1e6, 5.0);
    }
}
