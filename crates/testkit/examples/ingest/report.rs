//! Figures as a table for people and as JSON for programs: each beside what it is held against. Must not know how they
//! were measured.

use serde::Serialize;
use serde_json::{Value, json};

/// How a latency is spread, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    /// Half are below.
    pub(crate) p50: f64,
    /// 99 of 100 are below.
    pub(crate) p99: f64,
    /// The longest.
    pub(crate) max: f64,
}

/// A figure with what is asked of it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// The median of its runs.
    pub(crate) measured: f64,
    /// What it is held against, measured in the same runs.
    pub(crate) beside: Option<f64>,
    /// The unit of both.
    pub(crate) unit: &'static str,
    /// What the other figure is.
    pub(crate) beside_what: &'static str,
    /// The first over the second.
    pub(crate) ratio: Option<f64>,
    /// What is asked, in words.
    pub(crate) asked: String,
    /// Whether that is so.
    pub(crate) is_met: bool,
}

impl Row {
    /// A throughput that is asked to reach a share of another.
    pub(crate) fn reach(what: &str, measured: &[f64], beside: &[f64], beside_what: &'static str, share: f64) -> Self {
        let (measured, beside) = (median(measured), median(beside));
        let ratio = measured / beside;
        Self {
            what: what.to_owned(),
            measured,
            beside: Some(beside),
            unit: "/s",
            beside_what,
            ratio: Some(ratio),
            asked: format!("ratio >= {share}"),
            is_met: ratio >= share,
        }
    }

    /// A figure that is asked to stay within a bound; what stands beside it only explains it.
    pub(crate) fn within(
        what: String,
        measured: &[f64],
        beside: Option<(&[f64], &'static str)>,
        unit: &'static str,
        most: f64,
    ) -> Self {
        let measured = median(measured);
        let other = beside.map(|(beside, _)| median(beside));
        Self {
            what,
            measured,
            beside: other,
            unit,
            beside_what: beside.map_or("", |(_, what)| what),
            ratio: other.map(|other| measured / other),
            asked: format!("<= {most} {unit}"),
            is_met: measured <= most,
        }
    }
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The figures.
    pub(crate) rows: Vec<Row>,
    /// Each single run.
    pub(crate) runs: Vec<Value>,
}

impl Report {
    /// The figures as an aligned table.
    pub(crate) fn table(&self) -> String {
        let head = ["what", "measured", "beside", "ratio", "asked", "verdict"].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.rows.iter().map(|row| {
            let beside = row
                .beside
                .map_or_else(String::new, |beside| format!("{} ({})", figure(beside, row.unit), row.beside_what));
            [
                row.what.clone(),
                figure(row.measured, row.unit),
                beside,
                row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                row.asked.clone(),
                if row.is_met { "met" } else { "missed" }.to_owned(),
            ]
        }));
        let mut widths = [0; 6];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        let aligned = lines.iter().map(|line| {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        aligned.collect::<Vec<_>>().join("\n")
    }

    /// Everything as JSON.
    pub(crate) fn json(&self, machine: &Value, is_quick: bool) -> Value {
        json!({ "machine": machine, "quick": is_quick, "figures": self.rows, "runs": self.runs })
    }
}

fn figure(value: f64, unit: &str) -> String {
    let space = if unit.starts_with('/') { "" } else { " " };
    if value.abs() >= 1_000.0 { format!("{value:.0}{space}{unit}") } else { format!("{value:.1}{space}{unit}") }
}

/// The middle one; of an even number the lower of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
