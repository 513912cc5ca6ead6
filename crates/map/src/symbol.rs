//! The symbols of equipment and the badges of alarms, as plain shapes.

use penstock_model::Priority;
use penstock_theme::{AlarmColours, Rgba, Theme};

use crate::{Alarm, Anchor, Look, Px, Shape, Stroke, Symbol, Trust};

/// Width in px of the lines that symbols are drawn with.
const INK: f32 = 1.75;

/// Half the height and width of a symbol of `size`, rings aside.
pub(crate) fn reach(symbol: Symbol, size: f32) -> f32 {
    match symbol {
        Symbol::Works | Symbol::PumpingStation => size * 0.68,
        Symbol::Reservoir { .. } => size * 0.8,
        Symbol::Tower { .. } => size * 0.62,
        Symbol::Gateway => size * 0.36,
        Symbol::Pump { .. } | Symbol::Valve { .. } | Symbol::Sensor { .. } | Symbol::Borehole => size * 0.5,
    }
}

/// Draws a symbol of `size` px around `at`.
pub(crate) fn draw(symbol: Symbol, at: Px, size: f32, theme: &Theme, out: &mut Vec<Shape>) {
    let map = &theme.map;
    let line = || Stroke::solid(INK.max(size / 12.0), map.asset);
    let radius = reach(symbol, size);
    let circle = |radius: f32, fill: Rgba| Shape::Circle { at, radius, fill, edge: Some(line()) };
    match symbol {
        Symbol::Works => {
            out.push(Shape::Convex { points: ring(at, radius, 6, 0.0), fill: map.asset_fill, edge: Some(line()) });
            for row in [-0.32, 0.0, 0.32] {
                let wave = (0..=12).map(|step| {
                    let share = step as f32 / 12.0 - 0.5;
                    let sway = (share * 4.0 * std::f32::consts::PI).sin() * radius * 0.09;
                    [at[0] + share * radius * 1.05, at[1] + row * radius + sway]
                });
                out.push(Shape::Line { points: wave.collect(), stroke: Stroke::solid(1.25, map.asset), closed: false });
            }
        }
        Symbol::PumpingStation => {
            out.push(circle(radius, map.asset_fill));
            out.push(Shape::Circle {
                at,
                radius: radius - 3.0,
                fill: Rgba::TRANSPARENT,
                edge: Some(Stroke::solid(1.25, map.asset)),
            });
            out.push(Shape::Convex { points: chevron(at, radius * 0.42), fill: map.asset, edge: None });
        }
        Symbol::Pump { running } => {
            let (ground, mark) = match running {
                Some(true) => (map.asset_fill, map.asset),
                Some(false) => (theme.equipment.stopped, map.asset_fill),
                None => (map.asset_fill, map.asset_fill),
            };
            out.push(circle(radius, ground));
            let edge = Some(Stroke::solid(1.25, map.asset));
            out.push(Shape::Convex { points: chevron(at, radius * 0.52), fill: mark, edge });
        }
        Symbol::Reservoir { filling } => tank(at, radius, size * 0.5, filling, theme, out),
        Symbol::Tower { filling } => {
            let bowl = [at[0], at[1] - size * 0.16];
            for side in [-0.45_f32, 0.45] {
                let x = at[0] + side * radius;
                let leg = vec![[x, bowl[1] + size * 0.36], [x, at[1] + size * 0.62]];
                out.push(Shape::Line { points: leg, stroke: line(), closed: false });
            }
            tank(bowl, radius, size * 0.38, filling, theme, out);
        }
        Symbol::Valve { closed } => {
            let fill = if closed { map.asset } else { map.asset_fill };
            let tall = radius * 0.62;
            for side in [-1.0_f32, 1.0] {
                let x = at[0] + side * radius;
                let points = vec![at, [x, at[1] - tall], [x, at[1] + tall]];
                out.push(Shape::Convex { points, fill, edge: Some(Stroke::solid(1.5, map.asset)) });
            }
        }
        Symbol::Sensor { letter } => {
            out.push(circle(radius, map.asset_fill));
            if radius > 6.0 {
                out.push(Shape::Text {
                    at,
                    anchor: Anchor::Middle,
                    text: letter.to_string(),
                    size: (radius * 1.22).round(),
                    bold: true,
                    colour: map.asset,
                    halo: None,
                });
            }
        }
        Symbol::Gateway => {
            out.push(Shape::Convex { points: rectangle(at, radius, radius), fill: map.asset_fill, edge: Some(line()) });
            out.push(Shape::Circle { at, radius: radius * 0.34, fill: map.asset, edge: None });
        }
        Symbol::Borehole => {
            out.push(circle(radius, map.asset_fill));
            out.push(Shape::Circle { at, radius: radius * 0.36, fill: map.asset, edge: None });
        }
    }
}

/// A vessel with its level.
fn tank(at: Px, half_width: f32, half_height: f32, filling: Option<f32>, theme: &Theme, out: &mut Vec<Shape>) {
    let ground = theme.map.asset_fill;
    out.push(Shape::Convex { points: rectangle(at, half_width, half_height), fill: ground, edge: None });
    if let Some(share) = filling.filter(|share| share.is_finite()) {
        let high = half_height * share.clamp(0.0, 1.0);
        let water = [at[0], at[1] + half_height - high];
        let points = rectangle(water, half_width, high);
        out.push(Shape::Convex { points, fill: theme.indicator.water, edge: None });
    }
    let edge = Some(Stroke::solid(INK, theme.map.asset));
    out.push(Shape::Convex { points: rectangle(at, half_width, half_height), fill: Rgba::TRANSPARENT, edge });
}

/// The ring around a symbol that tells an unacknowledged alarm.
pub(crate) fn state_ring(at: Px, radius: f32, width: f32, colour: Rgba) -> Shape {
    Shape::Circle { at, radius, fill: Rgba::TRANSPARENT, edge: Some(Stroke::solid(width, colour)) }
}

/// Draws the badge of `alarm`, `size` px wide, around `at`. `opacity` is that of its fill while it blinks; with
/// `double_edge` a second edge tells what blinking would.
pub(crate) fn badge(
    alarm: Alarm,
    at: Px,
    size: f32,
    opacity: f64,
    double_edge: bool,
    theme: &Theme,
    out: &mut Vec<Shape>,
) {
    let Some(colours) = usize::from(alarm.priority.digit()).checked_sub(1).and_then(|index| theme.alarm.get(index))
    else {
        return;
    };
    let unit = size / 20.0;
    let filled = alarm.look == Look::Unacknowledged;
    let outline = |scale: f32, inset: f64| -> Vec<Px> {
        let corners = penstock_theme::Shape::of_priority(alarm.priority.digit()).outline(inset).into_iter();
        corners.map(|(x, y)| [at[0] + x as f32 * scale, at[1] + y as f32 * scale]).collect()
    };
    let own = outline(unit, if filled { 0.0 } else { 1.0 });
    let AlarmColours { fill, edge, mark, .. } = *colours;
    if filled {
        // A rim in the halo's ink keeps the badge off whatever lies under it.
        out.push(Shape::Convex {
            points: own.clone(),
            fill: theme.map.label_halo,
            edge: Some(Stroke::solid(2.5, theme.map.label_halo)),
        });
        let edge = (edge != fill).then(|| Stroke::solid(1.0, edge));
        out.push(Shape::Convex { points: own, fill: fill.with_opacity(opacity), edge });
        if double_edge {
            out.push(Shape::Line {
                points: outline(unit * 1.3, 0.0),
                stroke: Stroke::solid(1.25, colours.edge),
                closed: true,
            });
        }
    } else {
        let dash: &[f64] = if alarm.look == Look::Returned { &[3.0, 2.0] } else { &[] };
        out.push(Shape::Convex { points: own.clone(), fill: theme.map.label_halo, edge: None });
        out.push(Shape::Line { points: own, stroke: Stroke::dashed(2.0 * unit.max(0.75), edge, dash), closed: true });
    }
    let drop = if alarm.priority == Priority::P2 { 2.6 * unit } else { 0.0 };
    out.push(Shape::Text {
        at: [at[0], at[1] + drop],
        anchor: Anchor::Middle,
        text: alarm.priority.digit().to_string(),
        size: (11.5 * unit).max(8.0),
        bold: true,
        colour: if filled { mark } else { theme.text.primary },
        halo: None,
    });
}

/// The neutral tag that says a value is not to be trusted.
pub(crate) fn trust_tag(trust: Trust, at: Px, theme: &Theme, out: &mut Vec<Shape>) {
    let ink = theme.text.tertiary;
    let outline = rectangle(at, 7.0, 7.0);
    if trust == Trust::Good {
        return;
    }
    out.push(Shape::Convex { points: outline.clone(), fill: theme.map.label_halo, edge: None });
    out.push(Shape::Line { points: outline, stroke: Stroke::dashed(1.0, ink, &[3.0, 2.0]), closed: true });
    match trust {
        Trust::Good => {}
        Trust::Bad => out.push(Shape::Text {
            at,
            anchor: Anchor::Middle,
            text: "?".to_owned(),
            size: 10.0,
            bold: true,
            colour: ink,
            halo: None,
        }),
        Trust::Stale => {
            let hand = Stroke::solid(1.0, ink);
            out.push(Shape::Circle { at, radius: 4.2, fill: Rgba::TRANSPARENT, edge: Some(hand.clone()) });
            let points = vec![[at[0], at[1] - 2.8], at, [at[0] + 2.2, at[1] + 1.0]];
            out.push(Shape::Line { points, stroke: hand, closed: false });
        }
    }
}

/// The head of an arrow at `at` along `direction`.
pub(crate) fn arrow(at: Px, direction: Px, length: f32, fill: Rgba, halo: Rgba) -> Shape {
    let [dx, dy] = direction;
    let corner = |forward: f32, side: f32| [at[0] + dx * forward - dy * side, at[1] + dy * forward + dx * side];
    let points =
        vec![corner(length * 0.6, 0.0), corner(-length * 0.5, length * 0.5), corner(-length * 0.5, -length * 0.5)];
    Shape::Convex { points, fill, edge: Some(Stroke::solid(1.25, halo)) }
}

pub(crate) fn rectangle([x, y]: Px, half_width: f32, half_height: f32) -> Vec<Px> {
    vec![
        [x - half_width, y - half_height],
        [x + half_width, y - half_height],
        [x + half_width, y + half_height],
        [x - half_width, y + half_height],
    ]
}

fn chevron([x, y]: Px, size: f32) -> Vec<Px> {
    vec![[x - size * 0.7, y - size], [x + size * 1.05, y], [x - size * 0.7, y + size]]
}

fn ring([x, y]: Px, radius: f32, corners: u32, turned: f32) -> Vec<Px> {
    (0..corners)
        .map(|corner| {
            let angle = turned + std::f32::consts::TAU * corner as f32 / corners as f32;
            [x + radius * angle.cos(), y + radius * angle.sin()]
        })
        .collect()
}
