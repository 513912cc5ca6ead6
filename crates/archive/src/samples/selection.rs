//! Which samples of a file are wanted, and which of its groups and pages may hold one.

use std::ops::Range;

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::statistics::Statistics;
use penstock_model::{PointNo, Sample, Timestamp};

use super::{POINT, SOURCE_TIME};

/// Which samples are wanted: of some points or all, with a source time from one time up to, but not including, another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Sorted; none stands for every point.
    points: Option<Vec<PointNo>>,
    from: Timestamp,
    to: Timestamp,
}

impl Selection {
    /// Every sample.
    pub const ALL: Self = Self { points: None, from: Timestamp::MIN, to: Timestamp::MAX };

    /// Those of `points` with a source time from `from` up to, but not including, `to`.
    pub fn of(points: &[PointNo], from: Timestamp, to: Timestamp) -> Self {
        let mut points = points.to_vec();
        points.sort_unstable();
        points.dedup();
        Self { points: Some(points), from, to }
    }

    /// Those of every point with a source time from `from` up to, but not including, `to`.
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self { points: None, from, to }
    }

    /// Whether a sample is wanted. Before everything and after everything are not kept out.
    pub(crate) fn takes(&self, sample: &Sample) -> bool {
        self.may_take_time(sample.source_time, sample.source_time) && self.may_take_point(sample.point, sample.point)
    }

    fn may_take_point(&self, least: PointNo, greatest: PointNo) -> bool {
        let Some(points) = &self.points else { return true };
        let at = points.partition_point(|point| *point < least);
        points.get(at).is_some_and(|point| *point <= greatest)
    }

    fn may_take_time(&self, least: Timestamp, greatest: Timestamp) -> bool {
        greatest >= self.from && (least < self.to || self.to == Timestamp::MAX)
    }

    /// Where the bounds say nothing, the answer is yes.
    fn may_take(&self, column: usize, bounds: Option<(i64, i64)>) -> bool {
        let Some((least, greatest)) = bounds else { return true };
        if column == SOURCE_TIME {
            return self.may_take_time(Timestamp::from_micros(least), Timestamp::from_micros(greatest));
        }
        match (i32::try_from(least), i32::try_from(greatest)) {
            (Ok(least), Ok(greatest)) => self.may_take_point(PointNo(least), PointNo(greatest)),
            _ => true,
        }
    }
}

/// The groups of a file that are read, and which rows of them all.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) groups: Vec<usize>,
    pub(crate) rows: RowSelection,
}

impl Plan {
    /// What of a file may hold a wanted sample; the reason where its index contradicts itself.
    pub(crate) fn new(metadata: &ParquetMetaData, selection: &Selection) -> Result<Self, String> {
        let mut groups = Vec::new();
        let mut rows: Vec<RowSelector> = Vec::new();
        for (at, group) in metadata.row_groups().iter().enumerate() {
            let count = usize::try_from(group.num_rows()).map_err(|_negative| "rows below zero".to_owned())?;
            let keys = [POINT, SOURCE_TIME];
            if !keys.iter().all(|column| selection.may_take(*column, bounds_of_group(group, *column))) {
                continue;
            }
            let mut wanted = RowSelection::from(vec![RowSelector::select(count)]);
            let index = metadata.page_index_for_row_group(at);
            for column in keys {
                let (Some(bounds), Some(pages)) = (index.column_index(column), index.page_locations(column)) else {
                    continue;
                };
                let of_pages = pages_selection(selection, column, bounds, pages, count)?;
                wanted = wanted.intersection(&of_pages);
            }
            if wanted.selects_any() {
                groups.push(at);
                rows.extend(Vec::<RowSelector>::from(wanted));
            }
        }
        Ok(Self { groups, rows: RowSelection::from(rows) })
    }
}

fn bounds_of_group(group: &RowGroupMetaData, column: usize) -> Option<(i64, i64)> {
    match group.columns().get(column)?.statistics()? {
        Statistics::Int32(of) => Some((i64::from(*of.min_opt()?), i64::from(*of.max_opt()?))),
        Statistics::Int64(of) => Some((*of.min_opt()?, *of.max_opt()?)),
        _ => None,
    }
}

fn bounds_of_page(index: &ColumnIndexMetaData, page: usize) -> Option<(i64, i64)> {
    let pages = usize::try_from(index.num_pages()).ok()?;
    if page >= pages || index.is_null_page(page) {
        return None;
    }
    match index {
        ColumnIndexMetaData::INT32(of) => Some((i64::from(*of.min_value(page)?), i64::from(*of.max_value(page)?))),
        ColumnIndexMetaData::INT64(of) => Some((*of.min_value(page)?, *of.max_value(page)?)),
        _ => None,
    }
}

/// The rows of those pages of one column that may hold a wanted sample.
fn pages_selection(
    selection: &Selection,
    column: usize,
    index: &ColumnIndexMetaData,
    pages: &[PageLocation],
    count: usize,
) -> Result<RowSelection, String> {
    let starts: Vec<usize> =
        pages.iter().filter_map(|page| usize::try_from(page.first_row_index).ok()).chain([count]).collect();
    let in_order = starts.first() == Some(&0) && starts.windows(2).all(|pair| matches!(pair, [a, b] if a <= b));
    if !in_order || starts.len() != pages.len() + 1 {
        return Err("its pages are out of order".to_owned());
    }
    let spans = starts.iter().zip(starts.iter().skip(1)).map(|(from, to)| Range { start: *from, end: *to });
    let wanted = spans
        .enumerate()
        .filter(|(page, _)| selection.may_take(column, bounds_of_page(index, *page)))
        .map(|(_, span)| span);
    Ok(RowSelection::from_consecutive_ranges(wanted, count))
}
