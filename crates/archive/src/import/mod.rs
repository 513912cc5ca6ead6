//! Historic samples from CSV: `time, point, value` and perhaps `quality`, `unit`, in any order, under a heading.
//!
//! Reads what [`crate::CsvWriter`] writes and what people and other historians export. Resolves nothing: points and
//! units stay texts, for whoever knows the plant.

mod records;

use std::io::Read;
use std::sync::Arc;

use penstock_codec::read_time;
use penstock_model::{Doubt, Quality, Timestamp};

use crate::export::plain;
use records::{Record, Records};

/// The columns, of which the first three must be there. What the description says is not looked at.
const COLUMNS: [&str; 6] = ["time", "point", "value", "quality", "unit", "description"];
const TIME: usize = 0;
const POINT: usize = 1;
const VALUE: usize = 2;
const QUALITY: usize = 3;
const UNIT: usize = 4;
const NEEDED: usize = 3;

/// A row that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line it begins on; the heading is on line 1.
    pub line: u64,
    /// When the value was measured.
    pub time: Timestamp,
    /// The point as the file calls it, letter by letter.
    pub point: Arc<str>,
    /// The value in the row's unit, always finite; none where the field is empty.
    pub value: Option<f64>,
    /// How far the value can be trusted. Where the file does not say: good with a value, bad without.
    pub quality: Quality,
    /// The unit as the file writes it; none where it says nothing.
    pub unit: Option<Arc<str>>,
}

/// Why a row cannot be taken, and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line that the row begins on.
    pub line: u64,
    /// The column; empty where it is the row as a whole.
    pub column: String,
    /// What is wrong and what helps.
    pub message: String,
}

impl Fault {
    fn new(line: u64, column: &str, message: impl Into<String>) -> Self {
        Self { line, column: column.to_owned(), message: message.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, column, message } = self;
        if column.is_empty() {
            write!(f, "line {line}: {message}")
        } else {
            write!(f, "line {line}, {column}: {message}")
        }
    }
}

impl std::error::Error for Fault {}

/// The rows of a file, one after another, in bounded memory. A faulty row does not end them, but what cannot be parted
/// into rows any more does.
#[derive(Debug)]
pub struct Rows<R> {
    records: Records<R>,
    record: Record,
    /// Where each of [`COLUMNS`] is.
    places: [Option<usize>; COLUMNS.len()],
    fields: usize,
    /// Texts of the row before: files repeat them.
    point: Arc<str>,
    unit: Option<Arc<str>>,
}

impl<R: Read> Rows<R> {
    /// Begins to read, up to the heading.
    ///
    /// # Errors
    /// What is wrong with the heading: a needed column missing, an unknown or repeated one, or no heading at all.
    pub fn new(input: R) -> Result<Self, Fault> {
        let mut records = Records::new(input).map_err(|error| unreadable(1, &error))?;
        let mut record = Record::default();
        let missing = || format!("there is no heading: begin the file with a line like {}", COLUMNS.join(","));
        if !records.read(&mut record)? {
            return Err(Fault::new(1, "", missing()));
        }
        let names: Vec<String> = (0..record.len())
            .map(|at| Ok(record.text(at)?.trim().to_ascii_lowercase()))
            .collect::<Result<_, Fault>>()?;
        let line = record.line;
        if let [only] = names.as_slice()
            && only.contains([';', '\t'])
        {
            return Err(Fault::new(line, "", "the fields are not parted by commas: save the file with commas"));
        }
        let mut places = [None; COLUMNS.len()];
        for (at, name) in names.iter().enumerate() {
            let known = COLUMNS.iter().zip(&mut places).find(|(column, _)| *column == name);
            let Some((_, place)) = known else {
                let columns = COLUMNS.join(", ");
                let message =
                    format!("there is no column {name:?}: rename it or take it out; the columns are {columns}");
                return Err(Fault::new(line, name, message));
            };
            if place.replace(at).is_some() {
                return Err(Fault::new(line, name, "the column is there twice: keep one"));
            }
        }
        for (name, place) in COLUMNS.iter().zip(&places).take(NEEDED) {
            if place.is_none() {
                let message = format!("the column is missing; the columns are {}", COLUMNS.join(", "));
                return Err(Fault::new(line, name, message));
            }
        }
        Ok(Self { records, record, places, fields: names.len(), point: Arc::from(""), unit: None })
    }

    fn row(&mut self) -> Result<Row, Fault> {
        let Self { record, places, .. } = self;
        let line = record.line;
        if record.len() != self.fields {
            let message = format!(
                "{} fields under {} columns: write numbers with a decimal point, and put texts with commas in quotes",
                record.len(),
                self.fields
            );
            return Err(Fault::new(line, "", message));
        }
        if record.has_stray_quote {
            let message = "something follows the closing quote of a text: write each quote inside a text twice";
            return Err(Fault::new(line, "", message));
        }
        let field = |column: usize| match places.get(column).copied().flatten() {
            Some(at) => record.text(at).map(Some),
            None => Ok(None),
        };
        let text = field(TIME)?.unwrap_or_default().trim();
        let time = read_time(text).ok_or_else(|| {
            let message = format!("{text:?} is not a time: write it like 2026-11-21T18:42:07Z, or count from 1970");
            Fault::new(line, "time", message)
        })?;
        let text = field(VALUE)?.unwrap_or_default().trim();
        let value = match text {
            "" => None,
            text => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Some(value),
                Ok(_) => {
                    let message = format!("{text:?} is not finite: leave the field empty where there is no value");
                    return Err(Fault::new(line, "value", message));
                }
                Err(_) => {
                    let message = format!("{text:?} is not a number: write it with a decimal point and no unit");
                    return Err(Fault::new(line, "value", message));
                }
            },
        };
        let text = field(QUALITY)?.unwrap_or_default().trim();
        let quality = quality(text, value.is_some()).ok_or_else(|| {
            Fault::new(line, "quality", format!("{text:?} is not a quality: write good, uncertain or bad"))
        })?;
        let point = plain(field(POINT)?.unwrap_or_default());
        if point.is_empty() {
            return Err(Fault::new(line, "point", "no point is named: write the point's name"));
        }
        let unit = field(UNIT)?.map(|unit| plain(unit.trim())).filter(|unit| !unit.is_empty());
        if *self.point != *point {
            self.point = Arc::from(point);
        }
        if self.unit.as_deref() != unit {
            self.unit = unit.map(Arc::from);
        }
        Ok(Row { line, time, point: Arc::clone(&self.point), value, quality, unit: self.unit.clone() })
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.records.read(&mut self.record) {
            Ok(true) => Some(self.row()),
            Ok(false) => None,
            Err(fault) => Some(Err(fault)),
        }
    }
}

fn quality(word: &str, has_value: bool) -> Option<Quality> {
    const BAD: Quality = Quality::Bad(penstock_model::Fault::Device);
    match word {
        "" if has_value => Some(Quality::Good),
        "" => Some(BAD),
        word if word.eq_ignore_ascii_case("good") => Some(Quality::Good),
        word if word.eq_ignore_ascii_case("uncertain") => Some(Quality::Uncertain(Doubt::Device)),
        word if word.eq_ignore_ascii_case("bad") => Some(BAD),
        _ => None,
    }
}

fn unreadable(line: u64, error: &std::io::Error) -> Fault {
    Fault::new(line, "", format!("the file cannot be read on: {error}; send it again"))
}

#[cfg(test)]
mod tests {
    use penstock_model::{PointNo, Sample, Unit};
    use proptest::prelude::*;

    use super::*;
    use crate::{Column, CsvWriter};

    fn rows(text: &str) -> Vec<Result<Row, Fault>> {
        Rows::new(text.as_bytes()).expect("a heading").collect()
    }

    fn heading_fault(text: &str) -> (u64, String, String) {
        let fault = Rows::new(text.as_bytes()).map(|_| ()).expect_err(text);
        (fault.line, fault.column, fault.message)
    }

    #[test]
    fn columns_in_any_order_and_case() {
        let text = "\u{feff}Unit, POINT ,Quality,Value,Time\r\n\
                    bar,PT-01,GOOD, 1.5 ,2026-11-21T12:00:00Z\r\n\
                    \r\n\
                    bar,PT-01,,2e0,1795262401\r\n\
                    ,\"PT \"\"2\"\", old\",,,2026-11-21 12:00:02\n\
                    bar,\"two\nlines\",uncertain,-0.5,1795262403000";
        let row = |line, secs: i64, point: &str, value, quality, unit: Option<&str>| {
            let time = Timestamp::from_secs(1_795_262_400 + secs);
            Ok(Row { line, time, point: point.into(), value, quality, unit: unit.map(Arc::from) })
        };
        let bad = Quality::Bad(penstock_model::Fault::Device);
        let expected = vec![
            row(2, 0, "PT-01", Some(1.5), Quality::Good, Some("bar")),
            row(4, 1, "PT-01", Some(2.0), Quality::Good, Some("bar")),
            row(5, 2, "PT \"2\", old", None, bad, None),
            row(6, 3, "two\nlines", Some(-0.5), Quality::Uncertain(Doubt::Device), Some("bar")),
        ];
        assert_eq!(rows(text), expected);
    }

    #[test]
    fn faults_name_line_column_and_cure() {
        let check = |row: &str, column: &str, cure: &str| {
            let text = format!("time,point,value,quality\n{row}\n2026-11-21T12:00:00Z,PT-01,1,good\n");
            let found = rows(&text);
            let fault = found[0].as_ref().expect_err(row);
            assert_eq!((fault.line, fault.column.as_str()), (2, column), "{row}: {fault}");
            assert!(fault.message.contains(cure), "{row}: {fault}");
            assert!(found[1].is_ok() && found.len() == 2, "{row}: what follows is read");
        };
        check("yesterday,PT-01,1,good", "time", "2026-11-21T18:42:07Z");
        check("2026-11-21T12:00:00Z,,1,good", "point", "name");
        check("2026-11-21T12:00:00Z,PT-01,\"1,5\",good", "value", "decimal point");
        check("2026-11-21T12:00:00Z,PT-01,1,5,good", "", "decimal point");
        check("2026-11-21T12:00:00Z,PT-01,1.5 bar,good", "value", "no unit");
        check("2026-11-21T12:00:00Z,PT-01,NaN,good", "value", "empty");
        check("2026-11-21T12:00:00Z,PT-01,1,fine", "quality", "uncertain");
        check("2026-11-21T12:00:00Z,PT-01,1", "", "3 fields under 4");
        check("2026-11-21T12:00:00Z,\"PT\"01,1,good", "", "twice");
    }

    #[test]
    fn headings_are_checked() {
        let check = |text: &str, column: &str, cure: &str| {
            let (line, found, message) = heading_fault(text);
            assert_eq!((line, found.as_str()), (1, column), "{text}: {message}");
            assert!(message.contains(cure), "{text}: {message}");
        };
        check("", "", "begin the file");
        check("time,point\n", "value", "missing");
        check("time,point,value,colour\n", "colour", "take it out");
        check("time,point,value,Value\n", "value", "keep one");
        check("time;point;value\n", "", "commas");
        check("time\tpoint\tvalue\n", "", "commas");
        check("\"time,point,value\n", "", "quote");
    }

    #[test]
    fn a_text_that_is_not_utf8_is_a_fault_of_its_row() {
        let bytes = b"time,point,value\n1795262400,P\xff,1\n1795262400,P,1\n";
        let found: Vec<_> = Rows::new(&bytes[..]).expect("a heading").collect();
        let fault = found[0].as_ref().expect_err("not UTF-8");
        assert_eq!((fault.line, fault.message.contains("UTF-8")), (2, true));
        assert!(found[1].is_ok());
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_file() {
        let text = format!("time,point,value\n1795262400,\"P,1\n{}", "1795262400,P,1\n".repeat(20_000));
        let found = rows(&text);
        assert_eq!(found.len(), 1);
        let fault = found[0].as_ref().expect_err("not closed");
        assert_eq!((fault.line, fault.message.contains("close")), (2, true), "{fault}");
        let found = rows("time,point,value\n1795262400,\"P,1\n");
        assert_eq!((found.len(), found[0].as_ref().map_err(|fault| fault.line)), (1, Err(2)));
    }

    #[test]
    fn a_file_that_breaks_off_says_so() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _into: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("the line went dead"))
            }
        }
        let text = &b"time,point,value\n1795262400,P,1\n"[..];
        let found: Vec<_> = Rows::new(text.chain(Broken)).expect("a heading").collect();
        assert_eq!(found.len(), 2);
        assert!(found[1].as_ref().is_err_and(|fault| fault.line == 3 && fault.message.contains("went dead")));
    }

    /// Gives a few bytes at a time, so that every state is met at the end of what is at hand.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let len = self.1.min(into.len());
            self.0.read(into.get_mut(..len).unwrap_or_default())
        }
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[A-Z]{2}-[0-9]{2}", "['=+@\\-a-z,\" \n\r\t]{1,8}", "\\PC{1,12}"]
    }

    fn sample(points: usize) -> impl Strategy<Value = (usize, Sample)> {
        let quality = prop_oneof![
            Just(Quality::Good),
            Just(Quality::Uncertain(Doubt::Device)),
            Just(Quality::Bad(penstock_model::Fault::Device))
        ];
        let value = proptest::option::of(-1e6..1e6);
        (0..points, -62_135_596_800_000_000..253_402_207_200_000_000_i64, value, quality).prop_map(
            |(column, micros, value, quality)| {
                let at = Timestamp::from_micros(micros);
                (column, Sample { point: PointNo(0), source_time: at, received_time: at, value, quality })
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            names in proptest::collection::vec((name(), name(), 0_usize..4, 0_u8..7), 3),
            rows in proptest::collection::vec(sample(3), 0..40),
            step in 1_usize..50,
        ) {
            let column = |(name, description, unit, decimals): (String, String, usize, u8)| {
                let unit = Unit::parse(["bar", "m³/h", "°C", "state"][unit]).expect("known");
                Column { name, description, unit, decimals }
            };
            let columns: Vec<Column> = names.into_iter().map(column).collect();
            let mut writer = CsvWriter::new(Vec::new(), columns.clone());
            writer.write(rows.iter().map(|(column, sample)| (*column, sample))).expect("known columns");
            let text = writer.finish().expect("memory");
            let found: Vec<Row> = Rows::new(Dribble(&text, step))
                .expect("a heading")
                .collect::<Result<_, _>>()
                .map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            prop_assert_eq!(found.len(), rows.len());
            for (row, (column, sample)) in found.iter().zip(&rows) {
                let column = &columns[*column];
                prop_assert_eq!((row.time, row.quality), (sample.source_time, sample.quality));
                prop_assert_eq!(&*row.point, column.name.as_str());
                prop_assert_eq!(row.unit.as_deref().unwrap_or_default(), column.unit.symbol());
                prop_assert_eq!(row.value.is_some(), sample.value.is_some());
                let written = sample.value.map_or(0.0, |si| column.unit.from_si(si));
                let step = 10_f64.powi(-i32::from(column.decimals));
                let near = (row.value.unwrap_or_default() - written).abs() <= step * 0.5 + written.abs() * 1e-15;
                prop_assert!(near, "{:?} of {}", row.value, written);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            text in "(time,point,value\n)?[a-z0-9,\"\r\n;.TZ:=-]{0,200}",
            step in 1_usize..20,
        ) {
            if let Ok(rows) = Rows::new(Dribble(text.as_bytes(), step)) {
                prop_assert!(rows.count() <= text.len() + 1);
            }
        }
    }
}
