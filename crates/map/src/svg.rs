//! A scene as SVG: what is shown where WebGL is missing, and in reports and tests.

use std::fmt::Write as _;

use penstock_theme::Mode;

use crate::{Anchor, Px, Scene, Shape, Stroke, Symbol, symbol};

/// The scene as one SVG element of its view's size.
pub fn svg(scene: &Scene) -> String {
    let (width, height) = (scene.view.width, scene.view.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"'Noto Sans',sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        scene.land
    );
    for shape in &scene.shapes {
        // Writing to a string cannot fail.
        let _written = draw(&mut out, shape);
        out.push('\n');
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, shape: &Shape) -> std::fmt::Result {
    match shape {
        Shape::Polygon { points, fill, .. } => {
            write!(out, "<polygon points=\"{}\" fill=\"{fill}\"/>", places(points))
        }
        Shape::Convex { points, fill, edge } => {
            write!(out, "<polygon points=\"{}\" fill=\"{fill}\"{}/>", places(points), ink(edge.as_ref()))
        }
        Shape::Line { points, stroke, closed } => {
            let element = if *closed { "polygon" } else { "polyline" };
            write!(
                out,
                "<{element} points=\"{}\" fill=\"none\" stroke-linejoin=\"round\"{}/>",
                places(points),
                ink(Some(stroke))
            )
        }
        Shape::Circle { at: [x, y], radius, fill, edge } => {
            write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\"{}/>", ink(edge.as_ref()))
        }
        Shape::Text { at: [x, y], anchor, text, size, bold, colour, halo } => {
            let anchor = match anchor {
                Anchor::Left => "start",
                Anchor::Middle => "middle",
                Anchor::Right => "end",
            };
            // Half the height of capitals under the middle: the baseline.
            let baseline = y + size * 0.357;
            write!(out, "<text x=\"{x:.1}\" y=\"{baseline:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\"")?;
            if *bold {
                out.push_str(" font-weight=\"700\"");
            }
            if let Some(halo) = halo {
                write!(out, " stroke=\"{halo}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"")?;
            }
            write!(out, " fill=\"{colour}\">{}</text>", escape(text))
        }
    }
}

fn places(points: &[Px]) -> String {
    let mut out = String::with_capacity(points.len() * 12);
    for [x, y] in points {
        let _written = write!(out, "{x:.1},{y:.1} ");
    }
    out.truncate(out.trim_end().len());
    out
}

fn ink(stroke: Option<&Stroke>) -> String {
    let Some(Stroke { width, colour, dash }) = stroke else { return String::new() };
    let mut out = format!(" stroke=\"{colour}\" stroke-width=\"{width}\"");
    if !dash.is_empty() {
        let lengths: Vec<String> = dash.iter().map(f32::to_string).collect();
        let _written = write!(out, " stroke-dasharray=\"{}\"", lengths.join(" "));
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One symbol as an SVG element of `size` by `size` px, for lists and legends.
pub fn symbol_svg(symbol: Symbol, size: f64, mode: Mode) -> String {
    let theme = mode.theme();
    let middle = size as f32 / 2.0;
    let mut shapes = Vec::new();
    // A symbol of this size reaches to the edge at its widest.
    symbol::draw(symbol, [middle, middle], size as f32 * 0.62, theme, &mut shapes);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{size}\" height=\"{size}\" viewBox=\"0 0 {size} {size}\" \
         font-family=\"'Noto Sans',sans-serif\">"
    );
    for shape in &shapes {
        let _written = draw(&mut out, shape);
    }
    out.push_str("</svg>");
    out
}
