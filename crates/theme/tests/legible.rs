//! Recomputes what the token table promises: contrast of every pair that is used, and colours that people with each kind
//! of colour vision tell apart.

use penstock_theme::{Mode, Rgba, Theme};

/// Contrast that text needs (WCAG 2.2, 1.4.3).
const TEXT: f64 = 4.5;
/// Contrast that what is not text needs (WCAG 2.2, 1.4.11).
const NON_TEXT: f64 = 3.0;

fn both(check: impl Fn(&str, &Theme)) {
    for mode in Mode::ALL {
        check(mode.name(), mode.theme());
    }
}

fn at_least(floor: f64, theme: &str, what: &str, ink: Rgba, ground: Rgba) {
    let contrast = ink.contrast(ground);
    assert!(contrast >= floor, "{theme}: {what} has contrast {contrast:.2}, needs {floor}");
}

#[test]
fn text_is_legible_on_every_ground() {
    both(|name, theme| {
        let (surface, text) = (&theme.surface, &theme.text);
        let inks = [("primary", text.primary), ("secondary", text.secondary), ("tertiary", text.tertiary)];
        let grounds = [
            ("rail", surface.rail),
            ("app", surface.app),
            ("panel", surface.panel),
            ("raised", surface.raised),
            ("control", surface.control),
            ("overlay", surface.overlay),
            ("chart", surface.chart),
            ("selection", theme.selection.fill),
            ("P1 tint", theme.alarm[0].tint),
            ("P2 tint", theme.alarm[1].tint),
            ("P3 tint", theme.alarm[2].tint),
            ("P4 tint", theme.alarm[3].tint),
        ];
        for (ink_name, ink) in inks {
            for (ground_name, ground) in grounds {
                at_least(TEXT, name, &format!("{ink_name} on {ground_name}"), ink, ground);
            }
        }
        at_least(TEXT, name, "on accent", text.on_accent, theme.accent.fill);
        at_least(TEXT, name, "on accent under the pointer", text.on_accent, theme.accent.hover);
        for (ground_name, ground) in
            [("app", surface.app), ("panel", surface.panel), ("overlay", surface.overlay), ("raised", surface.raised)]
        {
            at_least(TEXT, name, &format!("accent text on {ground_name}"), theme.accent.text, ground);
        }
        for (ground_name, ground) in [("land", theme.map.land), ("water", theme.map.water)] {
            at_least(TEXT, name, &format!("map label on {ground_name}"), theme.map.label, ground);
        }
        for (at, alarm) in theme.alarm.iter().enumerate() {
            at_least(TEXT, name, &format!("digit of P{}", at + 1), alarm.mark, alarm.fill);
        }
    });
}

#[test]
fn marks_lines_and_pens_stand_out() {
    both(|name, theme| {
        let surface = &theme.surface;
        for (at, alarm) in theme.alarm.iter().enumerate() {
            for (ground_name, ground) in [
                ("app", surface.app),
                ("panel", surface.panel),
                ("overlay", surface.overlay),
                ("chart", surface.chart),
                ("its tint", alarm.tint),
                ("land", theme.map.land),
            ] {
                at_least(NON_TEXT, name, &format!("edge of P{} on {ground_name}", at + 1), alarm.edge, ground);
            }
        }
        for (ground_name, ground) in [
            ("app", surface.app),
            ("panel", surface.panel),
            ("control", surface.control),
            ("overlay", surface.overlay),
            ("raised", surface.raised),
        ] {
            at_least(NON_TEXT, name, &format!("control line on {ground_name}"), theme.line.control, ground);
            at_least(NON_TEXT, name, &format!("focus ring on {ground_name}"), theme.focus.ring, ground);
        }
        at_least(NON_TEXT, name, "selection on panel", theme.selection.edge, surface.panel);
        at_least(NON_TEXT, name, "selection on land", theme.selection.edge, theme.map.land);
        at_least(NON_TEXT, name, "main on land", theme.map.main, theme.map.land);
        at_least(NON_TEXT, name, "boundary on land", theme.map.boundary, theme.map.land);
        at_least(NON_TEXT, name, "symbol on land", theme.map.asset, theme.map.land);
        at_least(NON_TEXT, name, "pointer on normal band", theme.indicator.pointer, theme.indicator.normal);
        at_least(NON_TEXT, name, "pointer on track", theme.indicator.pointer, theme.indicator.track);
        for (at, pen) in theme.pens.iter().enumerate() {
            at_least(TEXT, name, &format!("pen {} on chart", at + 1), *pen, surface.chart);
        }
    });
}

#[test]
fn the_base_map_stays_behind_the_network() {
    both(|name, theme| {
        let map = &theme.map;
        for (what, ink) in [
            ("water", map.water),
            ("green", map.green),
            ("building", map.building),
            ("road", map.road),
            ("main road", map.road_major),
        ] {
            let contrast = ink.contrast(map.land);
            assert!(contrast < 1.6, "{name}: {what} on land has contrast {contrast:.2}, must stay under 1.6");
        }
    });
}

#[test]
fn colours_are_told_apart_by_every_kind_of_sight() {
    // Floors of ΔE2000: the first four pens, all eight, the alarms, and any pen from any alarm.
    for (mode, floors) in [(Mode::Dark, [16.0, 10.0, 11.0, 9.0]), (Mode::Light, [12.5, 12.0, 13.0, 9.0])] {
        let theme = mode.theme();
        for sight in Sight::ALL {
            let seen = |inks: &[Rgba]| inks.iter().map(|ink| sight.lab(*ink)).collect::<Vec<_>>();
            let pens = seen(&theme.pens);
            let alarms = seen(&theme.alarm.map(|alarm| alarm.fill));
            let least = |pairs: &mut dyn Iterator<Item = f64>| pairs.fold(f64::INFINITY, f64::min);
            let within = |labs: &[[f64; 3]]| {
                least(
                    &mut (0..labs.len())
                        .flat_map(|a| (0..a).map(move |b| (a, b)))
                        .map(|(a, b)| apart(labs[a], labs[b])),
                )
            };
            let figures = [
                within(&pens[..4]),
                within(&pens),
                within(&alarms),
                least(&mut pens.iter().flat_map(|pen| alarms.iter().map(move |alarm| apart(*pen, *alarm)))),
            ];
            for ((what, figure), floor) in
                ["first four pens", "pens", "alarms", "pen to alarm"].iter().zip(figures).zip(floors)
            {
                println!("{} {sight:?} {what}: {figure:.2}", mode.name());
                assert!(figure >= floor, "{} {sight:?}: {what} are {figure:.2} apart, need {floor}", mode.name());
            }
        }
    }
}

#[test]
fn the_measure_of_difference_agrees_with_published_pairs() {
    // Pairs 1, 7, 17, 25 and 32 of the test data of Sharma, Wu and Dalal (2005).
    let check = |a: [f64; 3], b: [f64; 3], expect: f64| {
        let given = apart(a, b);
        assert!((given - expect).abs() < 1e-4, "{a:?} {b:?}: {given} instead of {expect}");
    };
    check([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425);
    check([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669);
    check([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492);
    check([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644);
    check([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373);
}

/// A kind of colour vision.
#[derive(Debug, Clone, Copy)]
enum Sight {
    Normal,
    Protan,
    Deutan,
    Tritan,
}

impl Sight {
    const ALL: [Self; 4] = [Self::Normal, Self::Protan, Self::Deutan, Self::Tritan];

    /// What this sight sees of a colour, in CIE L*a*b* (D65). Matrices for linear RGB at full severity from Machado,
    /// Oliveira and Fernandes (2009).
    fn lab(self, colour: Rgba) -> [f64; 3] {
        let matrix = match self {
            Self::Normal => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Protan => {
                [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
            }
            Self::Deutan => {
                [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
            }
            Self::Tritan => {
                [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
            }
        };
        let linear = colour.linear();
        let seen = matrix
            .map(|row| row.iter().zip(linear).map(|(factor, channel)| factor * channel).sum::<f64>().clamp(0.0, 1.0));
        lab(seen)
    }
}

fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let curve = |share: f64| {
        if share > 216.0 / 24_389.0 { share.cbrt() } else { (24_389.0 / 27.0 * share + 16.0) / 116.0 }
    };
    let x = curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    let y = curve(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    let z = curve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// CIEDE2000 colour difference, after Sharma, Wu and Dalal (2005).
fn apart([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let chroma_mean = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let seventh = chroma_mean.powi(7);
    let g = 0.5 * (1.0 - (seventh / (seventh + 25f64.powi(7))).sqrt());
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let (grey, far) = (c1 * c2 == 0.0, (h1 - h2).abs() > 180.0);
    let dh = match (grey, h2 - h1) {
        (true, _) => 0.0,
        (false, d) if d > 180.0 => d - 360.0,
        (false, d) if d < -180.0 => d + 360.0,
        (false, d) => d,
    };
    let dh = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin();
    let h_mean = match (grey, far) {
        (true, _) => h1 + h2,
        (false, false) => (h1 + h2) / 2.0,
        (false, true) if h1 + h2 < 360.0 => (h1 + h2 + 360.0) / 2.0,
        (false, true) => (h1 + h2 - 360.0) / 2.0,
    };
    let (l_mean, c_mean) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h_mean - 30.0) + 0.24 * cos(2.0 * h_mean) + 0.32 * cos(3.0 * h_mean + 6.0)
        - 0.20 * cos(4.0 * h_mean - 63.0);
    let off = (l_mean - 50.0).powi(2);
    let sl = 1.0 + 0.015 * off / (20.0 + off).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c_mean, 1.0 + 0.015 * c_mean * t);
    let turn = 30.0 * (-((h_mean - 275.0) / 25.0).powi(2)).exp();
    let seventh = c_mean.powi(7);
    let rotation = -2.0 * (seventh / (seventh + 25f64.powi(7))).sqrt() * (2.0 * turn).to_radians().sin();
    let (dl, dc, dh) = ((l2 - l1) / sl, (c2 - c1) / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rotation * dc * dh).sqrt()
}
