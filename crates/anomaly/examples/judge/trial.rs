//! One recording under judgement: the stretch to fit on, the rows after it, their labels, and what a contender said of
//! them. Must not know which set it is of, nor how what was said is scored.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use crate::contender::{Contender, Finding};
use crate::table::{Outcome, Table};

/// Something labelled as out of the ordinary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    /// The columns that are labelled; none where the label is the asset's alone.
    pub(crate) sensors: Vec<usize>,
    /// Rows of the input.
    pub(crate) rows: Range<usize>,
}

/// One recording.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    /// The input, as it lies below the set's folder, without its ending.
    pub(crate) name: String,
    /// Shown first, without labels. Several trials may share it.
    pub(crate) fit: Rc<Table>,
    /// The rows to judge.
    pub(crate) judged: Table,
    /// The input's row that the first of them is, from 0.
    pub(crate) first_row: usize,
    /// A label each of them.
    pub(crate) labels: Vec<bool>,
    /// The same for each column, where they are labelled one by one.
    pub(crate) sensor_labels: Vec<Vec<bool>>,
    /// In the order of their first rows.
    pub(crate) events: Vec<Event>,
}

/// A trial with what a contender said of its judged rows.
#[derive(Debug, Clone)]
pub(crate) struct Scored<'a> {
    pub(crate) trial: &'a Trial,
    pub(crate) asset: Vec<Finding>,
    /// By column.
    pub(crate) sensors: Vec<Vec<Finding>>,
}

impl Trial {
    /// A recording of one file: fitted on its rows from `fit`, judged on those after it by the asset's `labels`. Each
    /// run of labelled rows is an event.
    pub(crate) fn of_one(name: String, table: Table, fit: Range<usize>, labels: &[bool]) -> Self {
        let (shown, judged) = table.split_at(fit.end);
        let (_, fit_rows) = shown.split_at(fit.start);
        let labels: Vec<bool> = labels.iter().skip(fit.end).copied().collect();
        let first_row = fit.end;
        Self::new(name, Rc::new(fit_rows), judged, first_row, labels)
    }

    /// A recording whose stretch to fit on is elsewhere.
    pub(crate) fn new(name: String, fit: Rc<Table>, judged: Table, first_row: usize, labels: Vec<bool>) -> Self {
        let events = runs(&labels).into_iter().map(|rows| Event {
            kind: "event".to_owned(),
            sensors: Vec::new(),
            rows: rows.start + first_row..rows.end + first_row,
        });
        Self { name, fit, judged, first_row, events: events.collect(), labels, sensor_labels: Vec::new() }
    }

    /// An event's rows among those judged; empty where none of them is.
    pub(crate) fn judged_rows(&self, event: &Event) -> Range<usize> {
        let inside = |row: usize| row.saturating_sub(self.first_row).min(self.labels.len());
        inside(event.rows.start)..inside(event.rows.end)
    }

    /// Lets a contender see the recording row by row.
    pub(crate) fn run(&self, contender: &Contender) -> Outcome<Scored<'_>> {
        let mut judged = (contender.make)(&self.judged.columns, self.fit.times.len());
        for (at, values) in self.fit.rows() {
            judged.learn(at, values);
        }
        judged.fit();
        let width = self.judged.columns.len();
        let mut scored = Scored { trial: self, asset: Vec::new(), sensors: vec![Vec::new(); width] };
        let mut sensors = vec![Finding::default(); width];
        for (at, values) in self.judged.rows() {
            let asset = judged.judge(at, values, &mut sensors);
            if !sensors.iter().chain([&asset]).all(|finding| (0.0..=1.0).contains(&finding.score)) {
                return Err(format!("{} says no score in 0 to 1 of {} at {at}", contender.name, self.name).into());
            }
            scored.asset.push(asset);
            scored.sensors.iter_mut().zip(&sensors).for_each(|(all, finding)| all.push(*finding));
        }
        Ok(scored)
    }
}

impl Scored<'_> {
    /// Writes a row each judged row, for others to score: below `folder`, under the input's name; where each column has
    /// labels of its own, a file each column as well.
    pub(crate) fn write(&self, folder: &Path) -> Outcome<()> {
        let name = &self.trial.name;
        self.write_one(&folder.join(format!("{name}.csv")), &self.asset)?;
        if !self.trial.sensor_labels.is_empty() {
            for (column, findings) in self.trial.judged.columns.iter().zip(&self.sensors) {
                self.write_one(&folder.join(format!("{name}.{}.csv", column.name)), findings)?;
            }
        }
        Ok(())
    }

    fn write_one(&self, path: &Path, findings: &[Finding]) -> Outcome<()> {
        let text = self.csv(findings)?;
        let parent = path.parent().ok_or_else(|| format!("{} is no file's name", path.display()))?;
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, text)).map_err(|error| {
            let path = path.display();
            format!("cannot write {path}: {error}").into()
        })
    }

    fn csv(&self, findings: &[Finding]) -> Result<String, std::fmt::Error> {
        let mut text = "row,score,alarm,first_contributor\n".to_owned();
        for (row, finding) in (self.trial.first_row..).zip(findings) {
            let contributor = finding.contributor.and_then(|index| self.trial.judged.columns.get(index));
            let contributor = contributor.map_or("", |column| column.name.as_str());
            writeln!(text, "{row},{:.6},{},{contributor}", finding.score, u8::from(finding.is_alarm))?;
        }
        Ok(text)
    }
}

/// The runs of rows that are marked.
pub(crate) fn runs(marks: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (row, _) in marks.iter().enumerate().filter(|(_, is_marked)| **is_marked) {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

#[cfg(test)]
pub(crate) mod tests {
    use penstock_model::{Quantity, Timestamp};

    use super::*;
    use crate::contender::Judged;
    use crate::table::Column;

    /// A trial of one column whose readings are the row numbers, a row a second.
    pub(crate) fn counted(rows: usize, fit: Range<usize>, labels: &[bool]) -> Trial {
        let times = (0..rows as i64).map(Timestamp::from_secs).collect();
        let values = (0..rows).map(|row| row as f64).collect();
        let table = Table::new(vec![Column::new("a", Quantity::Plain)], times, values).expect("full rows");
        Trial::of_one("folder/counted".to_owned(), table, fit, labels)
    }

    /// The same with alarms in those of its judged rows that are given.
    pub(crate) fn scored<'a>(trial: &'a Trial, alarms: &[usize]) -> Scored<'a> {
        let finding = |row: usize| match alarms.contains(&row) {
            true => Finding { score: 0.9, is_alarm: true, contributor: Some(0) },
            false => Finding { score: 0.1, is_alarm: false, contributor: None },
        };
        let asset: Vec<Finding> = (0..trial.labels.len()).map(finding).collect();
        Scored { trial, sensors: vec![asset.clone()], asset }
    }

    #[test]
    fn labelled_rows_side_by_side_are_one_event_in_the_inputs_numbering() {
        let mut labels = vec![false; 10];
        [4, 5, 8].into_iter().for_each(|row: usize| labels[row] = true);
        let trial = counted(10, 1..4, &labels);
        assert_eq!(trial.fit.rows().map(|(_, values)| values[0]).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
        assert_eq!(trial.judged.rows().map(|(_, values)| values[0]).next(), Some(4.0));
        let rows: Vec<Range<usize>> = trial.events.iter().map(|event| event.rows.clone()).collect();
        assert_eq!(rows, [4..6, 8..9]);
        assert_eq!(trial.judged_rows(&trial.events[1]), 4..5);
    }

    #[test]
    fn what_was_said_is_written_with_the_inputs_row_numbers() {
        let trial = counted(5, 0..2, &[false; 5]);
        let scored = scored(&trial, &[1]);
        let text = scored.csv(&scored.asset).expect("text");
        assert_eq!(text, "row,score,alarm,first_contributor\n2,0.100000,0,\n3,0.900000,1,a\n4,0.100000,0,\n");
    }

    /// Says what it was shown last, and no number where that was 7.
    struct Echo {
        shown: Vec<f64>,
    }

    impl Judged for Echo {
        fn learn(&mut self, _at: Timestamp, values: &[f64]) {
            self.shown.extend(values);
        }

        fn judge(&mut self, _at: Timestamp, values: &[f64], sensors: &mut [Finding]) -> Finding {
            self.shown.extend(values);
            sensors[0].score = if values == [7.0] { f32::NAN } else { self.shown.len() as f32 / 100.0 };
            sensors[0]
        }
    }

    #[test]
    fn rows_are_shown_once_and_in_order_and_every_score_is_a_number() {
        let contender = Contender { name: "echo", make: |_, _| Box::new(Echo { shown: Vec::new() }) };
        let trial = counted(6, 2..4, &[false; 6]);
        let said: Vec<f32> = trial.run(&contender).expect("scores").asset.iter().map(|said| said.score).collect();
        assert_eq!(said, [0.03, 0.04]);
        let error = counted(9, 2..4, &[false; 9]).run(&contender).expect_err("no number").to_string();
        assert!(error.contains("echo") && error.contains("folder/counted"), "{error}");
    }
}
