//! The newest rows of an asset side by side: every target now and some rows back, then every status point now and one
//! row back. Must not know units: it holds standardised values.

use serde::{Deserialize, Serialize};

/// How many columns there are, and in which order: targets now, targets one row back and so on, statuses now, statuses
/// one row back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) targets: usize,
    pub(crate) statuses: usize,
    pub(crate) lags: usize,
}

/// The newest rows side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    shape: Shape,
    columns: Vec<f64>,
    rows_known: usize,
}

/// A lone point is told from its own past alone, so it is given more of it.
const LEAST_COLUMNS: usize = 16;
const LEAST_LAGS: usize = 3;

impl Shape {
    pub(crate) fn new(targets: usize, statuses: usize) -> Self {
        let lags = (LEAST_COLUMNS / targets.max(1)).saturating_sub(1).max(LEAST_LAGS);
        Self { targets, statuses, lags }
    }

    /// Columns of targets, now and back.
    pub(crate) fn of_targets(self) -> usize {
        self.targets * (self.lags + 1)
    }

    pub(crate) fn columns(self) -> usize {
        self.of_targets() + 2 * self.statuses
    }

    /// All columns but the targets now.
    pub(crate) fn regressors(self) -> usize {
        self.columns() - self.targets
    }
}

impl Window {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, columns: vec![0.0; shape.columns()], rows_known: 0 }
    }

    /// Moves everything one row back; statuses now are given, targets now stay as they were until
    /// [`Self::set_targets`].
    pub(crate) fn advance(&mut self, statuses: impl Iterator<Item = f64>) {
        let Shape { targets, statuses: width, lags } = self.shape;
        let first = self.shape.of_targets();
        self.columns.copy_within(0..targets * lags, targets);
        self.columns.copy_within(first..first + width, first + width);
        for (column, status) in self.columns.iter_mut().skip(first).zip(statuses.take(width)) {
            *column = status;
        }
        self.rows_known = self.rows_known.saturating_add(1);
    }

    pub(crate) fn set_targets(&mut self, values: &[f64]) {
        for (column, value) in self.columns.iter_mut().take(self.shape.targets).zip(values) {
            *column = *value;
        }
    }

    /// Whether every lag has been seen since the last break.
    pub(crate) fn is_full(&self) -> bool {
        self.rows_known > self.shape.lags
    }

    /// What comes next does not follow on what came before.
    pub(crate) fn break_off(&mut self) {
        self.rows_known = 0;
    }

    pub(crate) fn columns(&self) -> &[f64] {
        &self.columns
    }

    /// All columns but the targets now.
    pub(crate) fn regressors(&self) -> &[f64] {
        self.columns.get(self.shape.targets..).unwrap_or_default()
    }

    pub(crate) fn is_sound(&self, shape: Shape) -> bool {
        self.shape == shape && self.columns.len() == shape.columns() && self.columns.iter().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_move_back_one_by_one() {
        let shape = Shape { targets: 2, statuses: 1, lags: 2 };
        let mut window = Window::new(shape);
        for row in [1.0, 2.0, 3.0] {
            assert!(!window.is_full());
            window.advance([row * 100.0].into_iter());
            window.set_targets(&[row, row * 10.0]);
        }
        assert!(window.is_full());
        assert_eq!(window.columns(), [3.0, 30.0, 2.0, 20.0, 1.0, 10.0, 300.0, 200.0]);
        assert_eq!(window.regressors().len(), shape.regressors());
        window.break_off();
        assert!(!window.is_full());
    }

    #[test]
    fn a_lone_point_is_given_more_of_its_past() {
        assert_eq!(Shape::new(1, 0).of_targets(), 16);
        assert_eq!(Shape::new(8, 2), Shape { targets: 8, statuses: 2, lags: 3 });
        assert_eq!(Shape::new(0, 1).regressors(), 2);
    }
}
