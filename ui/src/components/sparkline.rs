//! The shape of a day, 110 × 32: the line, where it was expected, a dot at now. No axis.

use std::fmt::Write as _;

use leptos::prelude::*;
use penstock_api::Series;
use penstock_model::Priority;

const WIDTH: f64 = 110.0;
const HEIGHT: f64 = 32.0;
/// Room for the dot and the line's width.
const EDGE: f64 = 3.0;

/// A series as the paths that draw it.
#[derive(Debug, Clone, PartialEq, Default)]
struct Drawing {
    line: String,
    expected: String,
    end: Option<(f64, f64)>,
}

/// Beyond how many s two values are not joined. Reduced data holds four values a stretch wherever they fall in it, so
/// that two neighbours may lie nearly two stretches apart with nothing missing between them.
pub(super) fn gap_secs(series: &Series) -> f64 {
    series.gap_after.as_secs_f64() * if series.reduced { 2.0 } else { 1.0 }
}

/// Lays a series out; gaps stay gaps.
fn draw(series: &Series) -> Drawing {
    let samples: Vec<(f64, Option<f64>)> =
        series.times.iter().zip(&series.values).map(|(at, value)| (at.as_secs_f64(), *value)).collect();
    let (Some((first, _)), Some((last, _))) = (samples.first(), samples.last()) else { return Drawing::default() };
    let bands = || series.expected.iter().filter(|(at, _)| (*first..=*last).contains(&at.as_secs_f64()));
    let heights = samples.iter().filter_map(|(_, value)| *value);
    let heights = heights.chain(bands().flat_map(|(_, band)| [band.low, band.high]));
    let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if !low.is_finite() {
        return Drawing::default();
    }
    // Noise about a steady value is drawn small, not blown up to full height.
    let middle = f64::midpoint(low, high);
    let reach = ((high - low) / 2.0).max(middle.abs() * 0.02).max(f64::MIN_POSITIVE);
    let x = |at: f64| EDGE + (at - first) / (last - first).max(1.0) * (WIDTH - 2.0 * EDGE);
    let y = |value: f64| HEIGHT / 2.0 - (value - middle) / reach * (HEIGHT / 2.0 - EDGE);

    let mut drawing = Drawing::default();
    let gap = gap_secs(series);
    let mut former: Option<f64> = None;
    for (at, value) in &samples {
        let Some(value) = value else {
            former = None;
            continue;
        };
        let verb = if former.is_some_and(|former| gap <= 0.0 || at - former <= gap) { 'L' } else { 'M' };
        let _always_ok = write!(drawing.line, "{verb}{:.1} {:.1}", x(*at), y(*value));
        former = Some(*at);
        drawing.end = Some((x(*at), y(*value)));
    }
    let above: Vec<String> =
        bands().map(|(at, band)| format!("{:.1} {:.1}", x(at.as_secs_f64()), y(band.high))).collect();
    let below = bands().map(|(at, band)| format!("{:.1} {:.1}", x(at.as_secs_f64()), y(band.low)));
    if above.len() > 1 {
        let below: Vec<String> = below.collect::<Vec<_>>().into_iter().rev().collect();
        drawing.expected = format!("M{}L{}Z", above.join("L"), below.join("L"));
    }
    drawing
}

/// The sparkline of a series.
#[component]
pub(crate) fn Sparkline(
    #[prop(into)] series: Signal<Option<Series>>,
    /// The worst active alarm of the point, which colours the dot.
    #[prop(into, default = None.into())]
    alarm: Signal<Option<Priority>>,
) -> impl IntoView {
    let drawing = Memo::new(move |_| series.with(|series| series.as_ref().map(draw)).unwrap_or_default());
    let dot = move || {
        let (x, y) = drawing.with(|drawing| drawing.end)?;
        let class = match alarm.get() {
            Some(priority) => format!("spark-dot p{}", priority.digit()),
            None => "spark-dot".to_owned(),
        };
        Some(view! { <circle class=class cx=x cy=y r="2.6"/> })
    };
    view! {
        <svg class="spark" width="110" height="32" viewBox="0 0 110 32" aria-hidden="true">
            <path class="spark-expected" d=move || drawing.with(|drawing| drawing.expected.clone())/>
            <path class="spark-line" d=move || drawing.with(|drawing| drawing.line.clone())/>
            {dot}
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Band, PointId, Timestamp};

    use super::*;

    fn series(values: &[(i64, Option<f64>)]) -> Series {
        Series {
            point: PointId::made(Timestamp::from_secs(1), [1; 10]),
            reduced: false,
            gap_after: Duration::from_secs(60),
            times: values.iter().map(|(at, _)| Timestamp::from_secs(*at)).collect(),
            values: values.iter().map(|(_, value)| *value).collect(),
            qualities: vec![0; values.len()],
            statistics: None,
            expected: Vec::new(),
        }
    }

    #[test]
    fn a_gap_is_a_gap() {
        let moves = |line: &str| line.matches('M').count();
        let check = |values: &[(i64, Option<f64>)], stretches: usize| {
            assert_eq!(moves(&draw(&series(values)).line), stretches, "{values:?}");
        };
        check(&[(0, Some(1.0)), (60, Some(2.0))], 1);
        check(&[(0, Some(1.0)), (61, Some(2.0))], 2);
        check(&[(0, Some(1.0)), (20, None), (40, Some(2.0))], 2);
        check(&[], 0);
        let mut reduced = series(&[(0, Some(1.0)), (100, Some(2.0)), (221, Some(3.0))]);
        reduced.reduced = true;
        assert_eq!(moves(&draw(&reduced).line), 2);
    }

    #[test]
    fn all_stays_inside() {
        let drawing = draw(&series(&[(0, Some(-5.0)), (30, Some(900.0)), (60, Some(3.0))]));
        for pair in drawing.line.split(['M', 'L']).skip(1) {
            let (x, y) = pair.split_once(' ').expect("a pair");
            let (x, y): (f64, f64) = (x.parse().expect("x"), y.parse().expect("y"));
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{pair}");
        }
        let steady = draw(&series(&[(0, Some(100.0)), (60, Some(100.1))]));
        assert!(steady.line.contains(" 16") || steady.line.contains(" 15"), "{}", steady.line);
        let mut expected = series(&[(0, Some(1.0)), (60, Some(1.0))]);
        expected.expected = [0, 60].map(|at| (Timestamp::from_secs(at), Band { low: 0.5, high: 1.5 })).to_vec();
        assert!(draw(&expected).expected.ends_with('Z'));
    }
}
