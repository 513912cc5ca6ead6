//! A chart as SVG, for reports and tests.

use plotters::prelude::{DrawingBackend as _, SVGBackend};

use crate::{Chart, Error, Layout, Paper, draw};

/// The chart as one SVG element of the layout's size.
///
/// # Errors
/// [`Error::Surface`] where plotters refuses.
pub fn svg(chart: &Chart, layout: &Layout) -> Result<String, Error> {
    let units = |px: f64| (px * Paper::FINE).round() as u32;
    let size = (units(layout.width), units(layout.height));
    let mut text = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut text, size);
        draw(&mut backend, chart, layout, Paper::SVG)?;
        backend.present().map_err(|error| Error::Surface(error.to_string()))?;
    }
    // The backend's size is in units; the page wants px, and round joins.
    let own = format!("<svg width=\"{}\" height=\"{}\"", size.0, size.1);
    let wanted = format!("<svg width=\"{}\" height=\"{}\" stroke-linejoin=\"round\"", layout.width, layout.height);
    Ok(text.replacen(&own, &wanted, 1))
}
