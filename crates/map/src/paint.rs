//! Shapes as egui draws them.

use std::sync::Arc;

use egui::epaint::{CircleShape, Mesh, PathShape, PathStroke, TextShape, Vertex, WHITE_UV};
use egui::{Color32, FontData, FontDefinitions, FontFamily, FontId, Painter, Pos2, Vec2, pos2, vec2};
use penstock_theme::Rgba;

use crate::{Anchor, Px, Shape, Stroke};

/// Name of the bold letters among egui's font families.
const BOLD: &str = "bold";

/// The letters that the map is written in, for [`egui::Context::set_fonts`].
pub fn font_definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let files: [(&str, &'static [u8]); 2] = [
        ("regular", include_bytes!("../../../assets/fonts/NotoSans-Regular.ttf")),
        (BOLD, include_bytes!("../../../assets/fonts/NotoSans-Bold.ttf")),
    ];
    for (name, file) in files {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(file)));
    }
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(family, vec!["regular".to_owned()]);
    }
    fonts.families.insert(FontFamily::Name(BOLD.into()), vec![BOLD.to_owned()]);
    fonts
}

/// Whether a text holds letters that egui does not shape, such as Devanagari: the page draws it over the map.
pub fn is_for_the_page(text: &str) -> bool {
    text.chars().any(|letter| matches!(u32::from(letter), 0x0590..=0x1cff | 0xa800..=0xabff))
}

/// Draws `shapes`, except texts that are [for the page](is_for_the_page), whose places count from `origin`.
pub fn paint(painter: &Painter, origin: Pos2, shapes: &[Shape]) {
    let origin = origin.to_vec2();
    let place = |[x, y]: Px| pos2(x, y) + origin;
    let places = |points: &[Px]| points.iter().map(|point| place(*point)).collect::<Vec<_>>();
    for shape in shapes {
        match shape {
            Shape::Polygon { points, triangles, fill } => {
                let vertex = |point: &Px| Vertex { pos: place(*point), uv: WHITE_UV, color: ink(*fill) };
                let mesh = Mesh {
                    indices: triangles.iter().flatten().copied().collect(),
                    vertices: points.iter().map(vertex).collect(),
                    ..Mesh::default()
                };
                painter.add(mesh);
            }
            Shape::Convex { points, fill, edge } => {
                painter.add(PathShape::convex_polygon(places(points), ink(*fill), path_stroke(edge.as_ref())));
            }
            Shape::Line { points, stroke, closed } => {
                let mut points = places(points);
                if stroke.dash.is_empty() {
                    let stroke = path_stroke(Some(stroke));
                    painter.add(if *closed {
                        PathShape::closed_line(points, stroke)
                    } else {
                        PathShape::line(points, stroke)
                    });
                } else {
                    if *closed {
                        points.extend(points.first().copied());
                    }
                    let (on, off): (Vec<f32>, Vec<f32>) =
                        stroke.dash.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or(pair[0]))).unzip();
                    let stroke = egui::Stroke::new(stroke.width, ink(stroke.colour));
                    painter.extend(egui::Shape::dashed_line_with_offset(&points, stroke, &on, &off, 0.0));
                }
            }
            Shape::Circle { at, radius, fill, edge } => {
                let stroke =
                    edge.as_ref().map_or(egui::Stroke::NONE, |edge| egui::Stroke::new(edge.width, ink(edge.colour)));
                painter.add(CircleShape { center: place(*at), radius: *radius, fill: ink(*fill), stroke });
            }
            Shape::Text { text, .. } if is_for_the_page(text) => {}
            Shape::Text { at, anchor, text, size, bold, colour, halo } => {
                let family = if *bold { FontFamily::Name(BOLD.into()) } else { FontFamily::Proportional };
                let galley = painter.layout_no_wrap(text.clone(), FontId::new(*size, family), ink(*colour));
                let left = match anchor {
                    Anchor::Left => 0.0,
                    Anchor::Middle => galley.size().x / 2.0,
                    Anchor::Right => galley.size().x,
                };
                let corner = place(*at) - vec2(left, galley.size().y / 2.0);
                if let Some(halo) = halo {
                    for step in AROUND {
                        let shape = TextShape::new(corner + Vec2::from(step) * 1.5, galley.clone(), ink(*halo));
                        painter.add(shape.with_override_text_color(ink(*halo)));
                    }
                }
                painter.galley(corner, galley, ink(*colour));
            }
        }
    }
}

/// Directions that a halo is drawn in.
const AROUND: [[f32; 2]; 8] =
    [[1.0, 0.0], [0.7, 0.7], [0.0, 1.0], [-0.7, 0.7], [-1.0, 0.0], [-0.7, -0.7], [0.0, -1.0], [0.7, -0.7]];

fn path_stroke(stroke: Option<&Stroke>) -> PathStroke {
    stroke.map_or(PathStroke::NONE, |stroke| PathStroke::new(stroke.width, ink(stroke.colour)))
}

pub(crate) fn ink(Rgba { r, g, b, a }: Rgba) -> Color32 {
    Color32::from_rgba_unmultiplied(r, g, b, a)
}
