//! What was measured: a table to read, and JSON with every run. Must not know what was asked of whom.

use std::time::Duration;

use serde_json::{Value, json};

/// What is asked of a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    AtMost(f64),
    AtLeast(f64),
    /// It is stated, and no more.
    Nothing,
}

/// One figure of all runs beside its peer.
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) asked: Asked,
    /// The figure of each run.
    pub(crate) runs: Vec<f64>,
    /// What stands beside it.
    pub(crate) peer: &'static str,
    /// The peer's figure of each run.
    pub(crate) beside: Vec<f64>,
    /// The first answer that was not the peer's.
    pub(crate) differs: Option<String>,
}

impl Line {
    pub(crate) const fn new(what: String, unit: &'static str, asked: Asked, peer: &'static str) -> Self {
        Self { what, unit, asked, runs: Vec::new(), peer, beside: Vec::new(), differs: None }
    }

    /// Whether it is not what is asked; what was never measured is not.
    pub(crate) fn is_missed(&self) -> bool {
        let measured = median(&self.runs);
        let is_met = match self.asked {
            Asked::Nothing => true,
            Asked::AtMost(most) => measured <= most,
            Asked::AtLeast(least) => measured >= least,
        };
        !is_met
    }

    fn verdict(&self) -> &'static str {
        match self.asked {
            _ if self.differs.is_some() => "WRONG",
            Asked::Nothing => "-",
            _ if self.is_missed() => "MISSED",
            _ => "met",
        }
    }

    fn to_json(&self) -> Value {
        let (bound, asked) = match self.asked {
            Asked::AtMost(most) => ("at most", Some(most)),
            Asked::AtLeast(least) => ("at least", Some(least)),
            Asked::Nothing => ("none", None),
        };
        json!({
            "what": self.what,
            "unit": self.unit,
            "measured": median(&self.runs),
            "runs": self.runs,
            "peer": self.peer,
            "beside": (!self.beside.is_empty()).then(|| median(&self.beside)),
            "beside_runs": self.beside,
            "bound": bound,
            "asked": asked,
            "verdict": self.verdict(),
            "differs": self.differs,
        })
    }

    fn cells(&self) -> [String; 6] {
        let (measured, beside) = (median(&self.runs), median(&self.beside));
        let (asked, ratio) = match self.asked {
            Asked::AtMost(most) => (format!("<= {} {}", figure(most), self.unit), beside / measured),
            Asked::AtLeast(least) => (format!(">= {} {}", figure(least), self.unit), measured / beside),
            Asked::Nothing => ("-".to_owned(), measured / beside),
        };
        let has_peer = !self.beside.is_empty();
        [
            self.what.clone(),
            format!("{} {}", figure(measured), self.unit),
            if has_peer { format!("{} ({})", figure(beside), self.peer) } else { "-".to_owned() },
            if has_peer { format!("{ratio:.2}") } else { "-".to_owned() },
            asked,
            self.verdict().to_owned(),
        ]
    }
}

/// The middle one; of an even number, the mean of the two.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN);
    (middle(sorted.len().saturating_sub(1) / 2) + middle(sorted.len() / 2)) / 2.0
}

pub(crate) fn millis(took: &[Duration]) -> f64 {
    median(&took.iter().map(|took| took.as_secs_f64() * 1e3).collect::<Vec<_>>())
}

fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 100.0 => format!("{value:.1}"),
        small if small < 10_000.0 => format!("{value:.0}"),
        _ => {
            let digits = format!("{value:.0}");
            let first = digits.len() % 3;
            let (head, rest) = digits.split_at(first);
            let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
            std::iter::once(head.to_owned()).chain(groups).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
        }
    }
}

/// The lines as an aligned table.
pub(crate) fn table(lines: &[Line]) -> String {
    let head = ["what", "measured", "beside", "ratio", "asked", "verdict"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(lines.iter().map(Line::cells)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut table = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let pad = width(column).saturating_sub(cell.chars().count());
            table.push_str(cell);
            if column + 1 < row.len() {
                table.extend(std::iter::repeat_n(' ', pad + 2));
            }
        }
        table.push('\n');
    }
    table
}

/// Everything as one document.
pub(crate) fn document(filled: Value, lines: &[Line]) -> Value {
    json!({ "filled": filled, "lines": lines.iter().map(Line::to_json).collect::<Vec<_>>() })
}
