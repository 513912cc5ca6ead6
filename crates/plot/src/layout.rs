//! Where everything of a chart is, in px, and back from px to time and value.

use penstock_model::Timestamp;

use crate::{Chart, Lane, Range, ValueAxis};

/// Room for the scales on the left.
const LEFT: f64 = 64.0;
/// Room for the pens' names on the right.
const RIGHT: f64 = 120.0;
/// Room for a lane's title above it.
const TITLE: f64 = 26.0;
/// Room for badges and times below.
const BELOW: f64 = 52.0;
/// Least height of a lane.
const LEAST_LANE: f64 = 36.0;

/// From where to where something reaches from left to right, in px.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its left edge.
    pub left: f64,
    /// Its right edge.
    pub right: f64,
}

/// Where a lane is and what its scale is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaneBox {
    /// Its upper edge in px.
    pub top: f64,
    /// Its lower edge in px.
    pub bottom: f64,
    /// Its scale.
    pub axis: ValueAxis,
}

impl LaneBox {
    /// Where `value` is, in px from the top of the chart.
    pub fn y_of(&self, value: f64) -> f64 {
        let share = (value - self.axis.low) / (self.axis.high - self.axis.low);
        self.bottom - share * (self.bottom - self.top)
    }

    /// Which value is at `y`.
    pub fn value_at(&self, y: f64) -> f64 {
        let share = (self.bottom - y) / (self.bottom - self.top);
        self.axis.low + share * (self.axis.high - self.axis.low)
    }
}

/// Where everything of a chart is.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Width of the whole chart in px.
    pub width: f64,
    /// Its height in px.
    pub height: f64,
    /// The part that has time across it.
    pub plot: Column,
    /// The lanes, the upper first.
    pub lanes: Vec<LaneBox>,
    /// The time across it.
    pub range: Range,
}

/// The sample of a pen that the cursor snaps to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snap {
    /// Lane of the pen, from 0.
    pub lane: usize,
    /// The pen in its lane, from 0.
    pub pen: usize,
    /// When it was measured.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
    /// Where it was expected: low and high.
    pub expected: Option<(f64, f64)>,
}

impl Layout {
    /// Lays `chart` out on `width` by `height` px.
    pub fn new(chart: &Chart, width: f64, height: f64) -> Self {
        let narrow = width < 560.0;
        let (left, right) = if narrow { (48.0, 12.0) } else { (LEFT, RIGHT) };
        let plot = Column { left, right: (width - right).max(left + 1.0) };
        let weights: f64 = chart.lanes.iter().map(|lane| lane.weight.max(0.1)).sum();
        let titles = TITLE * chart.lanes.len() as f64;
        let room = height - BELOW - titles;
        let mut top = 0.0;
        let lanes = chart
            .lanes
            .iter()
            .map(|lane| {
                top += TITLE;
                let tall = (room * lane.weight.max(0.1) / weights).max(LEAST_LANE);
                let lane = LaneBox { top, bottom: top + tall, axis: axis_of(lane, chart.range) };
                top = lane.bottom;
                lane
            })
            .collect();
        Self { width, height, plot, lanes, range: chart.range }
    }

    /// Where `at` is, in px from the left; outside the plot for times out of range.
    pub fn x_of(&self, at: Timestamp) -> f64 {
        let length = self.range.to.micros_since(self.range.from).max(1) as f64;
        let share = at.micros_since(self.range.from) as f64 / length;
        self.plot.left + share * (self.plot.right - self.plot.left)
    }

    /// Which time is at `x`.
    pub fn time_at(&self, x: f64) -> Timestamp {
        let share = (x - self.plot.left) / (self.plot.right - self.plot.left);
        let length = self.range.to.micros_since(self.range.from) as f64;
        Timestamp::from_micros(self.range.from.as_micros().saturating_add((share * length).round() as i64))
    }

    /// The lane at `y`, its title included.
    pub fn lane_at(&self, y: f64) -> Option<usize> {
        self.lanes.iter().position(|lane| y >= lane.top - TITLE && y <= lane.bottom)
    }

    /// Whether `x` lies where time is across.
    pub fn is_in_plot(&self, x: f64) -> bool {
        (self.plot.left..=self.plot.right).contains(&x)
    }

    /// Lower edge of the lowest lane.
    pub fn bottom(&self) -> f64 {
        self.lanes.last().map_or(self.height - BELOW, |lane| lane.bottom)
    }

    /// The time of the real sample nearest to `at` among all shown pens.
    pub fn snap_time(&self, chart: &Chart, at: Timestamp) -> Option<Timestamp> {
        let shown = chart.lanes.iter().flat_map(|lane| lane.pens.iter().filter(|pen| pen.shown));
        shown
            .filter_map(|pen| pen.track.nearest(at))
            .map(|(time, _)| time)
            .min_by_key(|time| time.micros_since(at).unsigned_abs())
    }

    /// The samples of all shown pens nearest to `at`.
    pub fn snaps(&self, chart: &Chart, at: Timestamp) -> Vec<Snap> {
        let mut snaps = Vec::new();
        for (lane_index, lane) in chart.lanes.iter().enumerate() {
            for (pen_index, pen) in lane.pens.iter().enumerate().filter(|(_, pen)| pen.shown) {
                if let Some((time, value)) = pen.track.nearest(at) {
                    let expected = pen
                        .expected
                        .iter()
                        .min_by_key(|(when, _, _)| when.micros_since(time).unsigned_abs())
                        .map(|(_, low, high)| (*low, *high));
                    snaps.push(Snap { lane: lane_index, pen: pen_index, at: time, value, expected });
                }
            }
        }
        snaps
    }
}

/// A scale that holds what the lane's pens show, and its limits as far as they are near.
fn axis_of(lane: &Lane, range: Range) -> ValueAxis {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut hold = |value: f64| (low, high) = (low.min(value), high.max(value));
    for pen in lane.pens.iter().filter(|pen| pen.shown) {
        let seen = pen.track.samples().filter(|(at, _)| range.holds(*at));
        seen.filter_map(|(_, value)| value).filter(|value| value.is_finite()).for_each(&mut hold);
        let expected = pen.expected.iter().filter(|(at, _, _)| range.holds(*at));
        expected.flat_map(|(_, low, high)| [*low, *high]).filter(|value| value.is_finite()).for_each(&mut hold);
    }
    let narrowest = 4.0 * 10_f64.powi(-i32::from(lane.decimals));
    if low > high {
        // Without any value the limits are all that there is to see.
        let limits = || lane.limits.iter().map(|limit| limit.value);
        let (low, high) = limits().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        return if low < high {
            ValueAxis::around(low, high, narrowest)
        } else {
            ValueAxis::around(0.0, 1.0, narrowest)
        };
    }
    // A steady value is seen against its limits, and its noise stays small; a limit that is far off would press
    // everything flat.
    let middle = ((low + high) / 2.0).abs();
    let narrowest = narrowest.max(middle * 0.05);
    let reach = (3.0 * (high - low)).max(0.6 * middle);
    let (least, most) = (low - reach, high + reach);
    for limit in lane.limits.iter().filter(|limit| limit.value > least && limit.value < most) {
        (low, high) = (low.min(limit.value), high.max(limit.value));
    }
    ValueAxis::around(low, high, narrowest)
}
