//! Recordings as tables: a CSV file's columns by name, and the times and readings of one asset. Must not know what is
//! judged, or by which rule.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use csv::{ReaderBuilder, StringRecord};
use penstock_model::{PointRole, Quantity, Timestamp};

/// What can fail names the file and what is wrong with it.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// A measured point of the asset, as the plant's register would know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) quantity: Quantity,
    pub(crate) role: Option<PointRole>,
}

/// Readings of one asset, a row a time. A missing reading is NaN.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) times: Vec<Timestamp>,
    /// Row after row.
    values: Vec<f64>,
}

/// A CSV file.
pub(crate) struct Sheet {
    path: PathBuf,
    header: Vec<String>,
    records: Vec<StringRecord>,
}

/// When the rows of a file were measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    /// In a column of this name, as UTC.
    Column(&'static str),
    /// Nobody knows: a row a second.
    EverySecond,
}

impl Column {
    /// A point that no role is known of.
    pub(crate) fn new(name: &str, quantity: Quantity) -> Self {
        Self { name: name.to_owned(), quantity, role: None }
    }
}

impl Table {
    /// A table of so many columns; rows whose values are not as many as the columns would shift all others.
    pub(crate) fn new(columns: Vec<Column>, times: Vec<Timestamp>, values: Vec<f64>) -> Outcome<Self> {
        if values.len() != columns.len() * times.len() {
            return Err(format!("{} readings do not fill {} rows", values.len(), times.len()).into());
        }
        Ok(Self { columns, times, values })
    }

    /// Every row: its time, and a reading of each column.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Timestamp, &[f64])> {
        self.times.iter().copied().zip(self.values.chunks_exact(self.columns.len().max(1)))
    }

    /// The rows before `row`, and those from it on.
    pub(crate) fn split_at(mut self, row: usize) -> (Self, Self) {
        let row = row.min(self.times.len());
        let later = Self {
            columns: self.columns.clone(),
            times: self.times.split_off(row),
            values: self.values.split_off(row * self.columns.len()),
        };
        (self, later)
    }

    /// The same with so many decimals.
    pub(crate) fn rounded(mut self, decimals: i32) -> Self {
        let steps = 10_f64.powi(decimals);
        self.values.iter_mut().for_each(|value| *value = (*value * steps).round() / steps);
        self
    }

    /// The usual time between two rows.
    pub(crate) fn interval_secs(&self) -> f64 {
        let later = self.times.iter().skip(1);
        let apart = self.times.iter().zip(later).map(|(time, later)| later.micros_since(*time) as f64 / 1e6);
        median(apart.collect()).unwrap_or(0.0)
    }
}

impl Sheet {
    /// Reads a file, whichever of comma and semicolon it is separated by.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let of_file = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| of_file(&error))?;
        let first_line = text.lines().next().unwrap_or_default();
        let delimiter = if first_line.contains(';') { b';' } else { b',' };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| of_file(&error))?.iter().map(|name| name.trim().to_owned());
        let header = header.collect();
        let records = reader.records().collect::<Result<_, _>>().map_err(|error| of_file(&error))?;
        Ok(Self { path: path.to_owned(), header, records })
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has a column.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.header.iter().any(|known| known == name)
    }

    /// A column's texts.
    pub(crate) fn texts(&self, name: &str) -> Outcome<impl Iterator<Item = &str>> {
        let place = self.header.iter().position(|known| known == name);
        let place = place.ok_or_else(|| format!("{} has no column {name}", self.path.display()))?;
        Ok(self.records.iter().map(move |record| record.get(place).unwrap_or_default().trim()))
    }

    /// A column of marks: whether each is 1.
    pub(crate) fn marks(&self, name: &str) -> Outcome<Vec<bool>> {
        Ok(self.texts(name)?.map(|text| number(text) == 1.0).collect())
    }

    /// The readings of those columns that `column_of` knows.
    pub(crate) fn table(&self, times: Times, column_of: impl Fn(&str) -> Option<Column>) -> Outcome<Table> {
        let known = self.header.iter().enumerate().filter_map(|(place, name)| Some((place, column_of(name)?)));
        let (places, columns): (Vec<usize>, Vec<Column>) = known.unzip();
        let times = match times {
            Times::Column(name) => self.texts(name)?.map(|text| self.time(text)).collect::<Outcome<_>>()?,
            Times::EverySecond => {
                let first = Timestamp::of_date(2020, 1, 1);
                (0..self.records.len() as u64).map(|row| first + Duration::from_secs(row)).collect()
            }
        };
        let readings = |record: &StringRecord| -> Vec<f64> {
            places.iter().map(|place| number(record.get(*place).unwrap_or_default().trim())).collect()
        };
        Table::new(columns, times, self.records.iter().flat_map(readings).collect())
    }

    fn time(&self, text: &str) -> Outcome<Timestamp> {
        parse_time(text).map_err(|error| format!("{}: {error}", self.path.display()).into())
    }
}

/// A time as the recordings write it, `2016-08-03 11:49:00`.
pub(crate) fn parse_time(text: &str) -> Outcome<Timestamp> {
    Ok(Timestamp::parse(&format!("{}Z", text.trim_end_matches('Z').replace(' ', "T")))?)
}

/// Every file below a folder whose name ends so, with its name below it in front, in the order of those names; none
/// where the folder is not there.
pub(crate) fn files(folder: &Path, ending: &str) -> Outcome<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = prefix.clone() + &entry.file_name().to_string_lossy();
            if entry.path().is_dir() {
                folders.push((name + "/", entry.path()));
            } else if name.ends_with(ending) {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The middle one; none of nothing.
pub(crate) fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let upper = numbers.get(numbers.len() / 2).copied()?;
    let lower = numbers.get((numbers.len() - 1) / 2).copied()?;
    Some((lower + upper) / 2.0)
}

/// What is no finite number is missing.
fn number(text: &str) -> f64 {
    text.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
        let header = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        Sheet { path: "t.csv".into(), header, records: reader.records().collect::<Result<_, _>>().expect("rows") }
    }

    #[test]
    fn readings_are_taken_by_name_and_what_is_missing_is_nan() {
        let sheet = sheet("t,a,label,b\n2020-01-01 00:00:00,1.5,0,\n2020-01-01 00:05:00,nan,1.0,-2\n");
        let quantity = |name: &str| (name.len() == 1 && name != "t").then(|| Column::new(name, Quantity::Plain));
        let table = sheet.table(Times::Column("t"), quantity).expect("a table");
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let rows: Vec<Vec<f64>> = table.rows().map(|(_, values)| values.to_vec()).collect();
        assert_eq!(rows[0][0], 1.5);
        assert_eq!(rows[1][1], -2.0);
        assert!(rows[0][1].is_nan() && rows[1][0].is_nan());
        assert_eq!(table.interval_secs(), 300.0);
        assert_eq!(sheet.marks("label").expect("marks"), [false, true]);
        assert!(sheet.marks("other").is_err());
    }

    #[test]
    fn a_table_is_parted_between_rows() {
        let times: Vec<Timestamp> = (0..3).map(Timestamp::from_secs).collect();
        let columns = vec![Column::new("a", Quantity::Plain), Column::new("b", Quantity::Plain)];
        let table = Table::new(columns, times, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).expect("full rows");
        let (before, after) = table.clone().split_at(1);
        assert_eq!(before.rows().map(|(_, values)| values.to_vec()).collect::<Vec<_>>(), [[0.0, 1.0]]);
        assert_eq!(after.rows().map(|(_, values)| values.to_vec()).collect::<Vec<_>>(), [[2.0, 3.0], [4.0, 5.0]]);
        assert_eq!(table.split_at(9).1.times.len(), 0);
    }

    #[test]
    fn decimals_are_rounded_and_what_is_missing_stays_missing() {
        let columns = vec![Column::new("a", Quantity::Plain), Column::new("b", Quantity::Plain)];
        let table = Table::new(columns, vec![Timestamp::from_secs(0)], vec![0.509_729_922, f64::NAN]);
        let table = table.expect("full rows").rounded(2);
        let (_, values) = table.rows().next().expect("one row");
        assert!(values[0] == 0.51 && values[1].is_nan(), "{values:?}");
    }

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
