//! The rows that a model is fitted from, while they are gathered: a bounded ring, in single precision as deviations from
//! the first value of each point. Must not know what a row becomes.

use serde::{Deserialize, Serialize};

/// The newest rows of an asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    width: usize,
    most_rows: usize,
    /// First value of each column.
    origins: Vec<Option<f64>>,
    values: Vec<f32>,
    /// The oldest row, once the ring is full.
    head: usize,
    is_full: bool,
    taken: usize,
}

/// Stands for a missing value: not every snapshot format knows NaN.
const MISSING: f32 = f32::MAX;

impl History {
    pub(crate) fn new(width: usize, most_rows: usize) -> Self {
        Self { width, most_rows, origins: vec![None; width], values: Vec::new(), head: 0, is_full: false, taken: 0 }
    }

    /// Takes a row, NaN where a value is missing; the oldest one goes where there is no more room.
    pub(crate) fn take(&mut self, row: &[f64]) {
        if row.len() != self.width {
            return;
        }
        for (origin, value) in self.origins.iter_mut().zip(row) {
            if origin.is_none() && value.is_finite() {
                *origin = Some(*value);
            }
        }
        for (column, value) in row.iter().enumerate() {
            let origin = self.origins.get(column).copied().flatten().filter(|_| value.is_finite());
            self.put(column, origin.map_or(MISSING, |origin| (value - origin) as f32));
        }
        self.advance();
        self.taken = self.taken.saturating_add(1);
    }

    /// What comes next does not follow on what came before.
    pub(crate) fn break_off(&mut self) {
        if self.taken > 0 {
            (0..self.width).for_each(|column| self.put(column, MISSING));
            self.advance();
        }
    }

    /// Writes one value of the newest row.
    fn put(&mut self, column: usize, deviation: f32) {
        if self.values.len() < self.most_rows * self.width {
            self.values.push(deviation);
        } else if let Some(place) = self.values.get_mut(self.head * self.width + column) {
            *place = deviation;
            self.is_full = true;
        }
    }

    /// The newest row is complete.
    fn advance(&mut self) {
        if self.is_full {
            self.head = (self.head + 1) % self.most_rows.max(1);
        }
    }

    /// Rows taken so far, also those that have gone again.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Rows that are still there.
    pub(crate) fn kept(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Calls with each row, oldest first.
    pub(crate) fn each(&self, mut call: impl FnMut(usize, &[f64])) {
        let mut row = vec![0.0; self.width];
        let (late, early) = self.values.split_at(self.values.len().min(self.head * self.width));
        let lines = early.chunks_exact(self.width.max(1)).chain(late.chunks_exact(self.width.max(1)));
        for (index, line) in lines.enumerate() {
            for ((value, deviation), origin) in row.iter_mut().zip(line).zip(&self.origins) {
                let origin = origin.filter(|_| *deviation != MISSING);
                *value = origin.map_or(f64::NAN, |origin| origin + f64::from(*deviation));
            }
            call(index, &row);
        }
    }

    pub(crate) fn is_sound(&self, width: usize) -> bool {
        self.width == width
            && self.origins.iter().flatten().all(|origin| origin.is_finite())
            && self.values.iter().all(|value| value.is_finite())
            && self.origins.len() == width
            && self.values.len() <= self.most_rows * width
            && self.values.len().is_multiple_of(width.max(1))
            && self.head <= self.most_rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(history: &History) -> Vec<Vec<f64>> {
        let mut rows = Vec::new();
        history.each(|_, row| rows.push(row.to_vec()));
        rows
    }

    #[test]
    fn the_newest_rows_in_their_order() {
        let mut history = History::new(2, 3);
        for row in 0..5 {
            history.take(&[1e6 + f64::from(row), -f64::from(row)]);
        }
        assert_eq!(kept(&history), [[1e6 + 2.0, -2.0], [1e6 + 3.0, -3.0], [1e6 + 4.0, -4.0]]);
        assert_eq!(history.taken(), 5);
    }

    #[test]
    fn a_missing_value_is_missing() {
        let mut history = History::new(2, 3);
        history.take(&[f64::NAN, 1.0]);
        history.take(&[7.0, f64::NAN]);
        let rows = kept(&history);
        assert!(rows[0][0].is_nan() && rows[1][1].is_nan());
        assert_eq!((rows[0][1], rows[1][0]), (1.0, 7.0));
        let text = serde_json::to_string(&history).expect("written");
        let restored: History = serde_json::from_str(&text).expect("read");
        assert_eq!(restored, history);
    }
}
