//! Weighted sums of a stream of rows and of their products, from which means and covariances come. A row never leaves
//! again: it only counts less and less. Must not know what the columns are.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// Sums of rows and of products of their columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    width: usize,
    sums: Vec<f64>,
    /// Lower triangle, line by line.
    products: Vec<f64>,
    weight: f64,
    /// Weight of the next row: it grows, instead of all that was summed shrinking with every row.
    next: f64,
    growth: f64,
}

/// Beyond this the sums are scaled down, long before digits are lost.
const MOST_NEXT: f64 = 1e6;

impl Moments {
    /// Of rows with `width` columns; none forgets another until [`Self::forget`].
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            sums: vec![0.0; width],
            products: vec![0.0; width * (width + 1) / 2],
            weight: 0.0,
            next: 1.0,
            growth: 1.0,
        }
    }

    /// From now on a row counts half after this many further ones.
    pub(crate) fn forget(&mut self, half_life_rows: f64) {
        self.growth = (1.0 / half_life_rows.max(1.0)).exp2();
    }

    /// Takes a row that counts so much.
    pub(crate) fn take_part(&mut self, row: &[f64], part: f64) {
        let next = self.next;
        self.next *= part;
        self.add_row(row);
        self.next = next;
    }

    /// Takes a row.
    pub(crate) fn take(&mut self, row: &[f64]) {
        self.add_row(row);
        self.next *= self.growth;
        if self.next > MOST_NEXT {
            self.scale(1.0 / self.next);
            self.next = 1.0;
        }
    }

    fn add_row(&mut self, row: &[f64]) {
        let mut rest = self.products.as_mut_slice();
        for (index, value) in row.iter().enumerate() {
            let Some((line, after)) = std::mem::take(&mut rest).split_at_mut_checked(index + 1) else { break };
            let scaled = value * self.next;
            for (sum, other) in line.iter_mut().zip(row) {
                *sum += scaled * other;
            }
            rest = after;
        }
        for (sum, value) in self.sums.iter_mut().zip(row) {
            *sum += value * self.next;
        }
        self.weight += self.next;
    }

    /// Adds the rows of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, 1.0 / other.next * self.next);
    }

    /// What is left without the rows of another, which it was made of.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.combine(other, -1.0 / other.next * self.next);
        rest
    }

    /// How many rows of full weight it rests on.
    pub(crate) fn rows(&self) -> f64 {
        self.weight / self.next
    }

    pub(crate) fn means(&self) -> DVector<f64> {
        let weight = self.weight.max(f64::MIN_POSITIVE);
        DVector::from_iterator(self.width, self.sums.iter().map(|sum| sum / weight))
    }

    pub(crate) fn covariances(&self) -> DMatrix<f64> {
        let means = self.means();
        let weight = self.weight.max(f64::MIN_POSITIVE);
        let mut covariances = DMatrix::zeros(self.width, self.width);
        let mut products = self.products.iter();
        for (line, mean) in means.iter().enumerate() {
            for (column, other) in means.iter().enumerate().take(line + 1) {
                let product = products.next().copied().unwrap_or_default();
                let covariance = product / weight - mean * other;
                for place in [(line, column), (column, line)] {
                    if let Some(cell) = covariances.get_mut(place) {
                        *cell = covariance;
                    }
                }
            }
        }
        covariances
    }

    pub(crate) fn is_sound(&self, width: usize) -> bool {
        self.width == width
            && self.sums.len() == width
            && self.products.len() == width * (width + 1) / 2
            && self.weight >= 0.0
            && self.next > 0.0
            && self.growth >= 1.0
            && self
                .sums
                .iter()
                .chain(&self.products)
                .chain([&self.weight, &self.next, &self.growth])
                .all(|v| v.is_finite())
    }

    fn combine(&mut self, other: &Self, factor: f64) {
        let others = other.sums.iter().chain(&other.products);
        for (sum, other) in self.sums.iter_mut().chain(&mut self.products).zip(others) {
            *sum += factor * other;
        }
        self.weight += factor * other.weight;
    }

    fn scale(&mut self, factor: f64) {
        self.sums.iter_mut().chain(&mut self.products).for_each(|sum| *sum *= factor);
        self.weight *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<[f64; 2]> {
        (0..40).map(|index| [f64::from(index % 7), f64::from(index % 5) - f64::from(index)]).collect()
    }

    fn moments_of(rows: &[[f64; 2]]) -> Moments {
        let mut moments = Moments::new(2);
        rows.iter().for_each(|row| moments.take(row));
        moments
    }

    #[test]
    fn means_and_covariances() {
        let moments = moments_of(&[[1.0, 2.0], [3.0, 6.0], [5.0, 4.0]]);
        assert_eq!(moments.rows(), 3.0);
        assert_eq!(moments.means().as_slice(), [3.0, 4.0]);
        let covariances = moments.covariances();
        assert!((covariances[(0, 0)] - 8.0 / 3.0).abs() < 1e-12);
        assert!((covariances[(0, 1)] - 4.0 / 3.0).abs() < 1e-12);
        assert_eq!(covariances[(0, 1)], covariances[(1, 0)]);
    }

    #[test]
    fn parts_make_up_the_whole() {
        let rows = rows();
        let (early, late) = (moments_of(&rows[..25]), moments_of(&rows[25..]));
        let whole = moments_of(&rows);
        let mut sum = early.clone();
        sum.add(&late);
        for (found, expected) in [(sum, whole.clone()), (whole.without(&early), late)] {
            assert_eq!(found.rows(), expected.rows());
            assert!((found.covariances() - expected.covariances()).norm() < 1e-9);
        }
    }

    #[test]
    fn the_old_counts_less_and_less() {
        let mut moments = Moments::new(1);
        moments.forget(10.0);
        (0..1_000).for_each(|_| moments.take(&[100.0]));
        (0..10).for_each(|_| moments.take(&[0.0]));
        // Ten rows on, all before them counts half.
        assert!((moments.means()[0] - 50.0).abs() < 1e-6, "{}", moments.means()[0]);
        assert!(moments.is_sound(1));
    }
}
