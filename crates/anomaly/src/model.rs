//! What an asset's points say of each other: each target's next value from the last rows of all (a vector
//! autoregression with ridge), its value given also what the other targets show now (by the inverse covariance of the
//! innovations, so that one solution serves all targets and any may be missing), and the few directions in which all
//! move together (principal components of the newest rows, for T2 and Q). Must not know units, scores or time: it is
//! given standardised values.
//!
//! The factorisations are nalgebra's: they run once a refit, and a symmetric eigen-decomposition of 64 columns is no
//! sixty lines.

use nalgebra::{Cholesky, DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};

use crate::moments::Moments;
use crate::window::Shape;

/// Coefficients, fitted from moments of windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) shape: Shape,
    intercepts: Vec<f64>,
    /// Line by line, one of all regressors for each target.
    weights: Vec<f64>,
    /// Of the targets now given all regressors.
    innovation: Precision,
    /// Of the targets now by themselves.
    level: Precision,
    means: Vec<f64>,
    /// Columns of the window that the components are of, with the inverse of their spread.
    inverse_spreads: Vec<f64>,
    /// Line by line, one of all those columns for each component.
    components: Vec<f64>,
    inverse_variances: Vec<f64>,
}

/// An inverse covariance, and the standard deviation of each column given all the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Precision {
    cells: Vec<f64>,
    pub(crate) sigmas: Vec<f64>,
}

/// More columns than these are taken now alone: an eigen-decomposition costs the cube.
const MOST_COMPONENT_COLUMNS: usize = 64;
/// The ridge weighs as much as so many rows that say nothing.
const RIDGE_ROWS: f64 = 1.0;
/// Variance that the components explain.
const EXPLAINED: f64 = 0.85;
/// A variance of nothing would divide by nothing.
const LEAST_VARIANCE: f64 = 1e-9;

impl Model {
    /// Fits. `floors` are variances of the targets below which their instruments cannot tell.
    pub(crate) fn fit(shape: Shape, moments: &Moments, floors: &[f64]) -> Option<Self> {
        let rows = moments.rows();
        if rows < 8.0 || shape.targets == 0 {
            return None;
        }
        let means = moments.means();
        let mut covariances = moments.covariances();
        for column in 0..shape.columns() {
            let is_target = column < shape.of_targets();
            let floor = if is_target { floors.get(column % shape.targets).copied().unwrap_or_default() } else { 0.0 };
            if let Some(cell) = covariances.get_mut((column, column)) {
                *cell = cell.max(0.0) + floor.max(LEAST_VARIANCE);
            }
        }
        if !covariances.iter().all(|cell| cell.is_finite()) {
            return None;
        }
        let ridge = RIDGE_ROWS / rows + 1e-6;
        let (targets, regressors) = (shape.targets, shape.regressors());
        let now = covariances.view((0, 0), (targets, targets)).into_owned();
        let past = covariances.view((targets, targets), (regressors, regressors)).into_owned();
        let cross = covariances.view((targets, 0), (regressors, targets)).into_owned();
        let weights = Cholesky::new(with_ridge(&past, &past, ridge))?.solve(&cross);
        let explained = weights.transpose() * &cross;
        let innovation = &now - &explained - explained.transpose() + weights.transpose() * &past * &weights;
        let means_now = means.rows(0, targets);
        let means_past = means.rows(targets, regressors);
        let intercepts = means_now - weights.transpose() * means_past;
        let peer_ridge = RIDGE_ROWS / rows + 1e-6;
        let (inverse_spreads, components, inverse_variances) = components(shape, &covariances)?;
        Some(Self {
            shape,
            intercepts: intercepts.iter().copied().collect(),
            // Column-major with a column a target: just the order wanted.
            weights: weights.as_slice().to_vec(),
            innovation: Precision::of(&with_ridge(&innovation, &now, peer_ridge))?,
            level: Precision::of(&with_ridge(&now, &now, peer_ridge))?,
            means: means.iter().copied().collect(),
            inverse_spreads,
            components,
            inverse_variances,
        })
    }

    /// Each target's next value from the regressors.
    pub(crate) fn predict(&self, regressors: &[f64], predicted: &mut [f64]) {
        let lines = self.weights.chunks_exact(self.shape.regressors().max(1));
        for ((predicted, intercept), line) in predicted.iter_mut().zip(&self.intercepts).zip(lines) {
            *predicted = intercept + dot(line, regressors);
        }
    }

    pub(crate) fn innovation(&self) -> &Precision {
        &self.innovation
    }

    /// How far each target lies from what the other targets lead to expect now, in standard deviations.
    pub(crate) fn levels(&self, targets: &[f64], deviations: &mut [f64], levels: &mut [f64]) {
        for ((deviation, value), mean) in deviations.iter_mut().zip(targets).zip(&self.means) {
            *deviation = value - mean;
        }
        self.level.pulls(deviations, levels);
        for (level, sigma) in levels.iter_mut().zip(&self.level.sigmas) {
            *level *= sigma;
        }
    }

    /// The roots of T2 and Q of a window: how far it lies out within the components, and how far beside them.
    pub(crate) fn distances(&self, columns: &[f64], scratch: &mut [f64]) -> (f64, f64) {
        let mut beside = 0.0;
        let parts = columns.iter().zip(&self.means).zip(&self.inverse_spreads);
        for (place, ((value, mean), inverse_spread)) in scratch.iter_mut().zip(parts) {
            *place = (value - mean) * inverse_spread;
            beside += *place * *place;
        }
        let mut within = 0.0;
        let lines = self.components.chunks_exact(self.inverse_spreads.len().max(1));
        for (line, inverse_variance) in lines.zip(&self.inverse_variances) {
            let along = dot(line, scratch);
            within += along * along * inverse_variance;
            beside -= along * along;
        }
        (within.max(0.0).sqrt(), beside.max(0.0).sqrt())
    }

    /// What each target adds to the square of Q.
    pub(crate) fn parts(&self, columns: &[f64], scratch: &mut [f64], parts: &mut [f64]) {
        let scaled = columns.iter().zip(&self.means).zip(&self.inverse_spreads);
        for (place, ((value, mean), inverse_spread)) in scratch.iter_mut().zip(scaled) {
            *place = (value - mean) * inverse_spread;
        }
        for line in self.components.chunks_exact(self.inverse_spreads.len().max(1)) {
            // The components stand square on each other: what is taken off along one changes nothing along the next.
            let along = dot(line, scratch);
            scratch.iter_mut().zip(line).for_each(|(place, cell)| *place -= along * cell);
        }
        parts.fill(0.0);
        for row in scratch.chunks(self.shape.targets.max(1)) {
            parts.iter_mut().zip(row).for_each(|(part, beside)| *part += beside * beside);
        }
    }

    /// How many columns of a window the components are of.
    pub(crate) fn component_columns(&self) -> usize {
        self.inverse_spreads.len()
    }

    /// Numbers that were fitted.
    pub(crate) fn coefficients(&self) -> usize {
        let halves = self.shape.targets * (self.shape.targets + 1);
        self.weights.len() + self.intercepts.len() + halves + self.components.len() + self.inverse_variances.len()
    }

    pub(crate) fn component_count(&self) -> usize {
        self.inverse_variances.len()
    }

    pub(crate) fn is_sound(&self, shape: Shape) -> bool {
        let columns = self.inverse_spreads.len();
        self.shape == shape
            && self.intercepts.len() == shape.targets
            && self.weights.len() == shape.targets * shape.regressors()
            && self.means.len() == shape.columns()
            && columns <= shape.of_targets()
            && self.components.len() == columns * self.inverse_variances.len()
            && self.innovation.is_sound(shape.targets)
            && self.level.is_sound(shape.targets)
            && [&self.intercepts, &self.weights, &self.means, &self.inverse_spreads, &self.components]
                .into_iter()
                .flatten()
                .chain(&self.inverse_variances)
                .all(|number| number.is_finite())
    }
}

impl Precision {
    fn of(covariances: &DMatrix<f64>) -> Option<Self> {
        let inverse = Cholesky::new(covariances.clone())?.inverse();
        let sigmas: Vec<f64> = inverse.diagonal().iter().map(|cell| cell.sqrt().recip()).collect();
        let is_sound = sigmas.iter().all(|sigma| sigma.is_finite()) && inverse.iter().all(|cell| cell.is_finite());
        is_sound.then(|| Self { cells: inverse.as_slice().to_vec(), sigmas })
    }

    /// The product with `deviations`: times its variance, each is how far that column lies from what the others expect.
    pub(crate) fn pulls(&self, deviations: &[f64], pulls: &mut [f64]) {
        let lines = self.cells.chunks_exact(self.sigmas.len().max(1));
        for (pull, line) in pulls.iter_mut().zip(lines) {
            *pull = dot(line, deviations);
        }
    }

    /// Puts one column where the others expect it, and carries what that changes on to their pulls.
    pub(crate) fn settle(&self, index: usize, deviations: &mut [f64], pulls: &mut [f64]) {
        let width = self.sigmas.len();
        let (Some(sigma), Some(pull)) = (self.sigmas.get(index), pulls.get(index)) else { return };
        let by = pull * sigma * sigma;
        if let Some(deviation) = deviations.get_mut(index) {
            *deviation -= by;
        }
        let line = self.cells.get(index * width..(index + 1) * width).unwrap_or_default();
        for (pull, cell) in pulls.iter_mut().zip(line) {
            *pull -= cell * by;
        }
    }

    fn is_sound(&self, width: usize) -> bool {
        self.sigmas.len() == width
            && self.cells.len() == width * width
            && self.sigmas.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0)
            && self.cells.iter().all(|cell| cell.is_finite())
    }
}

type Components = (Vec<f64>, Vec<f64>, Vec<f64>);

fn components(shape: Shape, covariances: &DMatrix<f64>) -> Option<Components> {
    let columns = if shape.of_targets() <= MOST_COMPONENT_COLUMNS { shape.of_targets() } else { shape.targets };
    // A column that never moved says nothing.
    let inverse_spreads: Vec<f64> = covariances
        .diagonal()
        .iter()
        .take(columns)
        .map(|variance| if *variance > 2.0 * LEAST_VARIANCE { variance.sqrt().recip() } else { 0.0 })
        .collect();
    let mut correlations = covariances.view((0, 0), (columns, columns)).into_owned();
    for (mut column, inverse) in correlations.column_iter_mut().zip(&inverse_spreads) {
        for (cell, other) in column.iter_mut().zip(&inverse_spreads) {
            *cell *= inverse * other;
        }
    }
    let total: f64 = correlations.diagonal().sum();
    let eigen = SymmetricEigen::try_new(correlations, 1e-12, 10_000)?;
    let mut order: Vec<(f64, usize)> = eigen.eigenvalues.iter().copied().zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut lines, mut inverse_variances, mut reached) = (Vec::new(), Vec::new(), 0.0);
    for (variance, index) in order {
        if reached >= EXPLAINED * total || variance <= 1e-6 {
            break;
        }
        reached += variance;
        lines.extend(eigen.eigenvectors.column(index).iter());
        inverse_variances.push(variance.recip());
    }
    Some((inverse_spreads, lines, inverse_variances))
}

/// A share of each column's own variance on the diagonal.
fn with_ridge(matrix: &DMatrix<f64>, variances: &DMatrix<f64>, share: f64) -> DMatrix<f64> {
    let mut ridged = matrix.clone();
    for index in 0..matrix.nrows() {
        let variance = variances.get((index, index)).copied().unwrap_or_default();
        if let Some(cell) = ridged.get_mut((index, index)) {
            *cell += share * variance;
        }
    }
    ridged
}

/// Four sums side by side, so that the processor need not wait for one.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (mut sums, width) = ([0.0; 4], left.len().min(right.len()));
    let (left, right) = (left.get(..width).unwrap_or_default(), right.get(..width).unwrap_or_default());
    let (lefts, rights) = (left.chunks_exact(4), right.chunks_exact(4));
    let rest: f64 = lefts.remainder().iter().zip(rights.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in lefts.zip(rights) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::window::Window;

    /// A pump's flow and a pressure that follows it, with a switch that both follow.
    fn fitted() -> (Model, Window) {
        let shape = Shape { targets: 2, statuses: 1, lags: 2 };
        let (mut window, mut moments) = (Window::new(shape), Moments::new(shape.columns()));
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut flow = 0.0;
        for row in 0..4_000 {
            let switch = f64::from(row / 40 % 2);
            flow = 0.7 * flow + switch + random.random_range(-0.5..0.5);
            let pressure = 2.0 * flow - 3.0 * switch + random.random_range(-0.1..0.1);
            window.advance([switch].into_iter());
            window.set_targets(&[flow, pressure]);
            if window.is_full() {
                moments.take(window.columns());
            }
        }
        (Model::fit(shape, &moments, &[0.0, 0.0]).expect("fitted"), window)
    }

    #[test]
    fn a_target_is_known_from_its_peers() {
        let (model, window) = fitted();
        assert!(model.is_sound(Shape { targets: 2, statuses: 1, lags: 2 }));
        // Given the flow, the pressure is known to little more than its own noise, a uniform one 0.2 wide.
        let sigma = model.innovation().sigmas[1];
        assert!((0.05..0.1).contains(&sigma), "{sigma}");
        let mut predicted = [0.0; 2];
        model.predict(window.regressors(), &mut predicted);
        let mut deviations = [1.0, 0.0];
        let mut pulls = [0.0; 2];
        model.innovation().pulls(&deviations, &mut pulls);
        model.innovation().settle(1, &mut deviations, &mut pulls);
        assert!((deviations[1] - 2.0).abs() < 0.1, "{deviations:?}");
        assert!(pulls[1].abs() < 1e-9);
    }

    #[test]
    fn distances_grow_with_what_is_odd() {
        let (model, window) = fitted();
        let mut scratch = vec![0.0; model.component_columns()];
        let (_, beside) = model.distances(window.columns(), &mut scratch);
        let mut odd = window.columns().to_vec();
        odd[1] += 10.0;
        let (_, beside_odd) = model.distances(&odd, &mut scratch);
        assert!(beside_odd > 2.0 * beside + 0.5, "{beside} {beside_odd}");
        let mut parts = [0.0; 2];
        model.parts(&odd, &mut scratch, &mut parts);
        assert!((parts[0] + parts[1] - beside_odd * beside_odd).abs() < 1e-6 * beside_odd * beside_odd, "{parts:?}");
        assert!(parts[1] > parts[0], "{parts:?}");
    }

    #[test]
    fn columns_that_never_move_or_are_equal_can_be_fitted() {
        let shape = Shape { targets: 3, statuses: 1, lags: 3 };
        let (mut window, mut moments) = (Window::new(shape), Moments::new(shape.columns()));
        for row in 0..100 {
            window.advance([1.0].into_iter());
            let value = f64::from(row % 9);
            window.set_targets(&[0.0, value, value]);
            moments.take(window.columns());
        }
        let model = Model::fit(shape, &moments, &[0.0; 3]).expect("fitted");
        assert!(model.is_sound(shape) && model.component_count() > 0 && model.coefficients() > 0);
        assert_eq!(Model::fit(shape, &Moments::new(shape.columns()), &[0.0; 3]), None);
    }
}
