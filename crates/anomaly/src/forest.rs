//! An isolation forest (Liu, Ting, Zhou, "Isolation Forest", ICDM 2008): what a few random cuts part from the rest is
//! strange. A second opinion beside the point's own detector, off unless somebody asks for it. Must not know what its
//! columns mean.
//!
//! The same rows and the same seed give the same forest on every machine.

use serde::{Deserialize, Serialize};

use crate::ALARM_SCORE;

/// How a forest is grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForestConfig {
    /// Trees, at least one.
    pub trees: u16,
    /// Rows that each is grown from, at least two.
    pub sample: u16,
    /// What chance is drawn from.
    pub seed: u64,
}

/// A grown forest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    width: usize,
    nodes: Vec<Node>,
    /// Where each tree begins.
    roots: Vec<u32>,
    /// Path length that the score is relative to.
    usual_path: f64,
    /// Median and threshold of the scores of the rows it was grown from.
    median_score: f64,
    threshold: f64,
    /// What is ordinary of each column.
    medians: Vec<f64>,
}

/// A cut, or the leaf where a path ends. The nodes of a tree follow each other, the lower side of a cut right after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Node {
    /// Of a cut the greatest value of its lower side, of a leaf the length of the paths that end in it.
    value: f64,
    /// Where the upper side of a cut is.
    upper: u32,
    /// The column that is cut; [`LEAF`] of a leaf.
    column: u16,
}

/// What a forest says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// The forest's score: 0.5 and less is ordinary, near 1 is alone.
    pub isolation: f64,
    /// The same on the scale of [`ALARM_SCORE`]: that is reached one and a half times as far above the median as a
    /// hundredth of the rows lies that it was grown from.
    pub score: f32,
}

struct Grower<'a> {
    rows: &'a [f64],
    width: usize,
    deepest: u32,
    random: Random,
    nodes: Vec<Node>,
    columns: Vec<u16>,
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

const LEAF: u16 = u16::MAX;
/// No path is longer: 2^16 rows are the most that a tree is grown from.
const LONGEST_PATH: usize = 18;
/// Rows that the threshold and the medians are taken from.
const JUDGED: usize = 2_048;
/// Scores of rows that are nearly alike differ by chance this much.
const LEAST_SPREAD: f64 = 0.02;
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

impl Default for ForestConfig {
    /// As the authors have it.
    fn default() -> Self {
        Self { trees: 100, sample: 256, seed: 0 }
    }
}

impl Opinion {
    /// Whether it reaches the forest's own threshold.
    pub fn is_anomalous(&self) -> bool {
        self.score >= ALARM_SCORE
    }
}

impl Forest {
    /// Grows a forest from rows of `width` columns, one after the other. Rows with anything but finite numbers are left
    /// out; none with fewer than two others.
    pub fn fit(rows: &[f64], width: usize, config: ForestConfig) -> Option<Self> {
        if width == 0 || width >= usize::from(LEAF) {
            return None;
        }
        let is_sound = |row: &&[f64]| row.iter().all(|value| value.is_finite());
        let sound: Vec<f64>;
        let rows = if rows.chunks_exact(width).all(|row| is_sound(&row)) {
            rows
        } else {
            sound = rows.chunks_exact(width).filter(is_sound).flatten().copied().collect();
            &sound
        };
        let count = u32::try_from(rows.len() / width).ok()?;
        if count < 2 {
            return None;
        }
        let sample = usize::from(config.sample.max(2)).min(count as usize);
        let mut grower = Grower {
            rows,
            width,
            deepest: usize::BITS - (sample - 1).leading_zeros(),
            random: Random(config.seed),
            nodes: Vec::with_capacity(usize::from(config.trees) * sample),
            columns: (0..width as u16).collect(),
        };
        let mut order: Vec<u32> = (0..count).collect();
        let mut roots = Vec::with_capacity(usize::from(config.trees));
        for _ in 0..config.trees.max(1) {
            for place in 0..sample {
                let other = place + grower.random.below(order.len() - place);
                order.swap(place, other);
            }
            roots.push(u32::try_from(grower.nodes.len()).ok()?);
            grower.grow(order.get_mut(..sample)?, 0)?;
        }
        let mut forest = Self {
            width,
            nodes: grower.nodes,
            roots,
            usual_path: average_path(sample),
            median_score: 0.5,
            threshold: 0.5,
            medians: Vec::new(),
        };
        forest.calibrate(rows);
        Some(forest)
    }

    /// What it says of a row. None where the row has not its width, or anything but finite numbers.
    pub fn judge(&self, row: &[f64]) -> Option<Opinion> {
        if row.len() != self.width || !row.iter().all(|value| value.is_finite()) {
            return None;
        }
        let isolation = self.isolation(row);
        let ratio = ((isolation - self.median_score) / (self.threshold - self.median_score)).max(0.0);
        // A quarter puts the threshold itself at the alarm score.
        let score = ratio * ratio / (ratio * ratio + 0.25);
        Some(Opinion { isolation, score: if score.is_finite() { score as f32 } else { 0.0 } })
    }

    /// How much less strange a row would be with each of its columns at what is ordinary, in units of
    /// [`Opinion::isolation`]: what pushed it. Empty where [`Forest::judge`] says nothing.
    pub fn contributions(&self, row: &[f64]) -> Vec<f64> {
        let Some(opinion) = self.judge(row) else { return Vec::new() };
        let mut changed = row.to_vec();
        let mut contributions = Vec::with_capacity(self.width);
        for (column, (value, median)) in row.iter().zip(&self.medians).enumerate() {
            if let Some(slot) = changed.get_mut(column) {
                *slot = *median;
            }
            contributions.push(opinion.isolation - self.isolation(&changed));
            if let Some(slot) = changed.get_mut(column) {
                *slot = *value;
            }
        }
        contributions
    }

    /// Whether it is whole; a restored forest that is not is grown anew.
    pub fn is_sound(&self) -> bool {
        let numbers = [self.usual_path, self.median_score, self.threshold];
        self.medians.len() == self.width
            && numbers.iter().chain(&self.medians).all(|number| number.is_finite())
            && self.usual_path > 0.0
            && self.threshold > self.median_score
            && !self.roots.is_empty()
            && self.roots.iter().all(|root| (*root as usize) < self.nodes.len())
            && self.nodes.iter().enumerate().all(|(index, node)| {
                let upper = node.upper as usize;
                let is_cut = upper > index + 1 && upper < self.nodes.len() && usize::from(node.column) < self.width;
                node.value.is_finite() && (node.column == LEAF || is_cut)
            })
    }

    fn isolation(&self, row: &[f64]) -> f64 {
        let sum: f64 = self.roots.iter().map(|root| self.path(row, *root as usize)).sum();
        (-sum / self.roots.len().max(1) as f64 / self.usual_path).exp2()
    }

    fn path(&self, row: &[f64], root: usize) -> f64 {
        let mut index = root;
        for _ in 0..LONGEST_PATH {
            let Some(node) = self.nodes.get(index) else { return 0.0 };
            let Some(value) = row.get(usize::from(node.column)) else { return node.value };
            index = if *value <= node.value { index + 1 } else { node.upper as usize };
        }
        0.0
    }

    /// Takes median and threshold of the scores, and the medians of the columns, from rows spread over all.
    fn calibrate(&mut self, rows: &[f64]) {
        let width = self.width;
        let apart = (rows.len() / width).div_ceil(JUDGED).max(1);
        let some = || rows.chunks_exact(width).step_by(apart);
        let mut scores: Vec<f64> = some().map(|row| self.isolation(row)).collect();
        scores.sort_by(f64::total_cmp);
        let at = |sorted: &[f64], share: f64| {
            sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize).copied().unwrap_or(0.5)
        };
        self.median_score = at(&scores, 0.5);
        self.threshold = self.median_score + 1.5 * (at(&scores, 0.99) - self.median_score).max(LEAST_SPREAD);
        self.medians = (0..width)
            .map(|column| {
                let mut values: Vec<f64> = some().filter_map(|row| row.get(column).copied()).collect();
                values.sort_by(f64::total_cmp);
                at(&values, 0.5)
            })
            .collect();
    }
}

impl Grower<'_> {
    /// Grows the part of a tree that these rows fall into.
    fn grow(&mut self, rows: &mut [u32], depth: u32) -> Option<()> {
        let cut = if rows.len() > 1 && depth < self.deepest { self.cut(rows) } else { None };
        let Some((column, value)) = cut else {
            let value = f64::from(depth) + average_path(rows.len());
            self.nodes.push(Node { value, upper: 0, column: LEAF });
            return Some(());
        };
        let mut lower = 0;
        for place in 0..rows.len() {
            if self.at(*rows.get(place)?, column) <= value {
                rows.swap(lower, place);
                lower += 1;
            }
        }
        let (lower, upper) = rows.split_at_mut_checked(lower)?;
        let index = self.nodes.len();
        self.nodes.push(Node { value, upper: 0, column });
        self.grow(lower, depth + 1)?;
        let begins = u32::try_from(self.nodes.len()).ok()?;
        self.nodes.get_mut(index)?.upper = begins;
        self.grow(upper, depth + 1)
    }

    /// A random column in which the rows differ, and a random value between their least and their greatest. None where
    /// they are all alike.
    fn cut(&mut self, rows: &[u32]) -> Option<(u16, f64)> {
        for tried in 0..self.columns.len() {
            let other = tried + self.random.below(self.columns.len() - tried);
            self.columns.swap(tried, other);
            let column = *self.columns.get(tried)?;
            let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
            for row in rows {
                let value = self.at(*row, column);
                (least, greatest) = (least.min(value), greatest.max(value));
            }
            if least < greatest {
                let share = self.random.unit();
                let value = least * (1.0 - share) + greatest * share;
                // Rounding must leave something on either side.
                return Some((column, if (least..greatest).contains(&value) { value } else { least }));
            }
        }
        None
    }

    fn at(&self, row: u32, column: u16) -> f64 {
        self.rows.get(row as usize * self.width + usize::from(column)).copied().unwrap_or(0.0)
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 up to but not `end`.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// 0 up to but not 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Average length of an unsuccessful search in a binary tree of so many rows: what a leaf with that many still hides, and
/// what a path is held against (equation 1 of the paper).
fn average_path(rows: usize) -> f64 {
    if rows < 2 {
        return 0.0;
    }
    let below = (rows - 1) as f64;
    let harmonic =
        if rows <= 64 { (1..rows).map(|term| 1.0 / term as f64).sum() } else { below.ln() + EULER_GAMMA + 0.5 / below };
    2.0 * harmonic - 2.0 * below / rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cloud around the origin.
    fn cloud(rows: usize, width: usize, seed: u64) -> Vec<f64> {
        let mut random = Random(seed);
        let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        (0..rows * width).map(|_| normal()).collect()
    }

    #[test]
    fn path_lengths_by_hand() {
        assert_eq!((average_path(0), average_path(1)), (0.0, 0.0));
        assert_eq!(average_path(2), 1.0);
        assert!((average_path(3) - (3.0 - 4.0 / 3.0)).abs() < 1e-12);
        assert!((average_path(256) - 10.2487).abs() < 1e-3, "{}", average_path(256));
        // Both ways to sum agree where they meet.
        assert!((average_path(65) - average_path(64)) > 0.0 && (average_path(65) - average_path(64)) < 0.05);
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn two_rows_are_parted_by_one_cut() {
        let forest = Forest::fit(&[0.0, 1.0], 1, ForestConfig::default()).expect("enough");
        // Each path is 1 long, and so is the average: 2^-1.
        assert_eq!(forest.judge(&[0.0]).map(|opinion| opinion.isolation), Some(0.5));
        assert!(forest.is_sound());
    }

    #[test]
    fn what_lies_far_off_is_alone_and_told_by_its_column() {
        let forest = Forest::fit(&cloud(2_000, 4, 1), 4, ForestConfig::default()).expect("enough");
        let far = [0.0, 0.0, 9.0, 0.0];
        let (far_off, middle) = (forest.judge(&far).expect("sound"), forest.judge(&[0.0; 4]).expect("sound"));
        assert!(middle.isolation < 0.5 && far_off.isolation > middle.isolation + 0.1, "{middle:?} {far_off:?}");
        assert!(forest.judge(&[9.0; 4]).is_some_and(|opinion| opinion.isolation > 0.6 && opinion.is_anomalous()));
        assert!(!middle.is_anomalous());
        let contributions = forest.contributions(&far);
        let strongest = (0..4).max_by(|a, b| contributions[*a].total_cmp(&contributions[*b]));
        assert_eq!(strongest, Some(2), "{contributions:?}");
    }

    #[test]
    fn about_a_hundredth_or_less_reaches_the_threshold() {
        let rows = cloud(5_000, 3, 2);
        let forest = Forest::fit(&rows, 3, ForestConfig::default()).expect("enough");
        let fresh = cloud(5_000, 3, 3);
        let reached = fresh.chunks_exact(3).filter(|row| forest.judge(row).is_some_and(|one| one.is_anomalous()));
        assert!(reached.count() < 50);
    }

    #[test]
    fn the_same_seed_grows_the_same_forest() {
        let rows = cloud(500, 3, 5);
        let grown = |seed: u64| Forest::fit(&rows, 3, ForestConfig { seed, ..ForestConfig::default() });
        assert_eq!(grown(7), grown(7));
        assert_ne!(grown(7), grown(8));
        let forest = grown(7).expect("enough");
        let text = serde_json::to_string(&forest).expect("written");
        assert_eq!(serde_json::from_str::<Forest>(&text).expect("read"), forest);
    }

    #[test]
    fn poor_rows() {
        let config = ForestConfig::default();
        assert_eq!(Forest::fit(&[], 3, config), None);
        assert_eq!(Forest::fit(&[1.0, 2.0, 3.0], 3, config), None);
        assert_eq!(Forest::fit(&[1.0, 2.0], 0, config), None);
        assert_eq!(Forest::fit(&[f64::NAN, 1.0, f64::INFINITY], 1, config), None);
        let alike = Forest::fit(&[4.0; 600], 2, config).expect("enough");
        assert!(alike.is_sound());
        let opinion = alike.judge(&[4.0, 4.0]).expect("sound");
        assert!((opinion.isolation - 0.5).abs() < 1e-9 && opinion.score == 0.0, "{opinion:?}");
        assert_eq!(alike.judge(&[4.0]), None);
        assert_eq!(alike.judge(&[4.0, f64::NAN]), None);
        assert!(alike.contributions(&[f64::NAN, 4.0]).is_empty());
        let wide = [f64::MIN, f64::MAX, 0.0, 1.0, -1e-300, f64::MIN_POSITIVE];
        let forest = Forest::fit(&wide, 1, config).expect("enough");
        assert!(forest.is_sound());
        for value in wide {
            let opinion = forest.judge(&[value]).expect("finite");
            assert!((0.0..=1.0).contains(&opinion.isolation) && (0.0..=1.0).contains(&opinion.score));
        }
    }

    #[test]
    fn a_damaged_forest_is_told_and_does_no_harm() {
        let mut forest = Forest::fit(&cloud(300, 2, 1), 2, ForestConfig::default()).expect("enough");
        assert!(forest.is_sound());
        let cut = forest.nodes.iter().position(|node| node.column != LEAF).expect("one cut");
        forest.nodes[cut].upper = cut as u32;
        assert!(!forest.is_sound());
        assert!(forest.judge(&[9.0, 9.0]).is_some());
    }
}
