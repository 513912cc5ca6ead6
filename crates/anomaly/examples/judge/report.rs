//! Figures beside what they are to reach and the best that is known, as a table and as JSON. Must not know how a figure
//! comes about.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What a figure says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reading {
    /// A number; none where there was nothing to count.
    Number(Option<f64>),
    /// So many of so many.
    Of(usize, usize),
}

/// What it is to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reach {
    AtLeast(f64),
    AtMost(f64),
    /// Every one.
    All,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) set: &'static str,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) reading: Reading,
    pub(crate) reach: Option<Reach>,
    pub(crate) best_known: &'static str,
}

impl Figure {
    /// A number that nothing is asked of.
    pub(crate) fn number(set: &'static str, what: impl Into<String>, number: Option<f64>) -> Self {
        Self { set, what: what.into(), unit: "", reading: Reading::Number(number), reach: None, best_known: "" }
    }

    /// So many found of so many.
    pub(crate) fn found(set: &'static str, what: impl Into<String>, found: usize, all: usize) -> Self {
        Self { reading: Reading::Of(found, all), ..Self::number(set, what, None) }
    }

    pub(crate) fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) fn reach(mut self, reach: Reach) -> Self {
        self.reach = Some(reach);
        self
    }

    pub(crate) fn best_known(mut self, best_known: &'static str) -> Self {
        self.best_known = best_known;
        self
    }

    /// Whether it is reached; none where nothing is asked, or there was nothing to count.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let number = match self.reading {
            Reading::Number(number) => number?,
            Reading::Of(_, 0) => return None,
            Reading::Of(found, all) => found as f64 / all as f64,
        };
        Some(match self.reach? {
            Reach::AtLeast(bound) => number >= bound,
            Reach::AtMost(bound) => number <= bound,
            Reach::All => number >= 1.0,
        })
    }

    fn said(&self) -> String {
        match self.reading {
            Reading::Number(Some(number)) => format!("{}{}", short(number), self.unit),
            Reading::Number(None) => "-".to_owned(),
            Reading::Of(found, all) => format!("{found} of {all}"),
        }
    }

    fn asked(&self) -> String {
        let sign = match self.is_met() {
            Some(true) => "met",
            Some(false) => "NOT",
            None => "",
        };
        match self.reach {
            Some(Reach::AtLeast(bound)) => format!("{sign:<4}>= {}{}", short(bound), self.unit),
            Some(Reach::AtMost(bound)) => format!("{sign:<4}<= {}{}", short(bound), self.unit),
            Some(Reach::All) => format!("{sign:<4}all"),
            None => String::new(),
        }
    }

    fn to_json(&self) -> Value {
        let reading = match self.reading {
            Reading::Number(number) => json!({ "value": number }),
            Reading::Of(found, all) => json!({ "found": found, "of": all }),
        };
        let reach = self.reach.map(|reach| match reach {
            Reach::AtLeast(bound) => json!({ "at_least": bound }),
            Reach::AtMost(bound) => json!({ "at_most": bound }),
            Reach::All => json!("all"),
        });
        json!({
            "set": self.set,
            "what": self.what,
            "unit": self.unit.trim(),
            "reading": reading,
            "reach": reach,
            "is_met": self.is_met(),
            "best_known": self.best_known,
        })
    }
}

/// The table of one contender.
pub(crate) fn table(contender: &str, figures: &[Figure]) -> String {
    let mut text = format!("{contender}\n");
    let mut set = "";
    for figure in figures {
        let heading = if figure.set == set { "" } else { figure.set };
        set = figure.set;
        let line = format!(
            "{heading:<14} {:<44} {:>12}  {:<16} {}",
            figure.what,
            figure.said(),
            figure.asked(),
            figure.best_known
        );
        // Writing to a string cannot fail.
        let written = writeln!(text, "{}", line.trim_end());
        debug_assert!(written.is_ok());
    }
    text
}

/// All tables as one document.
pub(crate) fn document(tables: &[(&str, Vec<Figure>)]) -> Value {
    let contenders = tables.iter().map(|(contender, figures)| {
        json!({ "contender": contender, "figures": figures.iter().map(Figure::to_json).collect::<Vec<_>>() })
    });
    json!({ "contenders": contenders.collect::<Vec<_>>() })
}

/// Three digits behind the point for shares, fewer for what is larger.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_met_at_its_very_bound() {
        let at_least = |number| Figure::number("a", "b", number).reach(Reach::AtLeast(0.5)).is_met();
        assert_eq!([0.5, 0.499].map(|number| at_least(Some(number))), [Some(true), Some(false)]);
        assert_eq!(at_least(None), None);
        let at_most = |number| Figure::number("a", "b", Some(number)).reach(Reach::AtMost(0.5)).is_met();
        assert_eq!([0.5, 0.501].map(at_most), [Some(true), Some(false)]);
        let found = |found, all| Figure::found("a", "b", found, all).reach(Reach::All).is_met();
        assert_eq!([found(3, 3), found(2, 3), found(0, 0)], [Some(true), Some(false), None]);
        assert_eq!(Figure::number("a", "b", Some(1.0)).is_met(), None);
    }

    #[test]
    fn a_set_is_named_once_and_what_is_missed_stands_out() {
        let figures = [
            Figure::number("skab", "F1", Some(0.5)).reach(Reach::AtLeast(0.85)).best_known("0.835"),
            Figure::found("skab", "events", 2, 2).reach(Reach::All),
            Figure::number("skab", "delay", None).unit(" s"),
        ];
        let text = table("points", &figures);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["skab", "F1", "0.500", "NOT", ">=", "0.850", "0.835"]);
        assert_eq!(lines[2], ["events", "2", "of", "2", "met", "all"]);
        assert_eq!(lines[3], ["delay", "-"]);
        let first = &document(&[("points", figures.to_vec())])["contenders"][0]["figures"][0];
        assert_eq!((&first["reading"]["value"], &first["is_met"]), (&json!(0.5), &json!(false)));
    }
}
