//! Rows as CSV after RFC 4180: lines end in CR LF, texts with commas, quotes or line breaks are quoted.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe ahead, which [`plain`] takes away again.

use std::borrow::Cow;
use std::io::Write;

use penstock_model::Sample;

use super::{Column, NAMES, quality_word};
use crate::{Error, time};

/// Handed on at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes rows as CSV into anything that takes bytes.
#[derive(Debug)]
pub struct CsvWriter<W> {
    into: W,
    columns: Vec<Fixed>,
    buffer: Vec<u8>,
}

/// What is the same in each row of a column, ready to be copied.
#[derive(Debug)]
struct Fixed {
    column: Column,
    /// `,point,description,`
    ahead: Vec<u8>,
    /// `,unit,`
    behind: Vec<u8>,
}

impl Fixed {
    fn new(column: Column) -> Self {
        let mut ahead = vec![b','];
        put_text(&mut ahead, &column.name);
        ahead.push(b',');
        put_text(&mut ahead, &column.description);
        ahead.push(b',');
        let mut behind = vec![b','];
        put_text(&mut behind, column.unit.symbol());
        behind.push(b',');
        Self { column, ahead, behind }
    }
}

impl<W: Write> CsvWriter<W> {
    /// Begins a file with the heading. Rows name one of `columns` by its index.
    pub fn new(into: W, columns: Vec<Column>) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + 4_096);
        buffer.extend_from_slice(NAMES.join(",").as_bytes());
        buffer.extend_from_slice(b"\r\n");
        Self { into, columns: columns.into_iter().map(Fixed::new).collect(), buffer }
    }

    /// Appends rows: each a sample and the index of its column.
    ///
    /// # Errors
    /// [`Error::NoColumn`] for an index that is none, [`Error::Write`] where the bytes are not taken. The file is then
    /// not to be used.
    pub fn write<'a>(&mut self, rows: impl IntoIterator<Item = (usize, &'a Sample)>) -> Result<(), Error> {
        let known = self.columns.len();
        for (index, sample) in rows {
            let Some(fixed) = self.columns.get(index) else { return Err(Error::NoColumn { index, known }) };
            time::write(&mut self.buffer, sample.source_time);
            self.buffer.extend_from_slice(&fixed.ahead);
            if let Some(si) = sample.value {
                put_fixed(&mut self.buffer, fixed.column.unit.from_si(si), fixed.column.decimals);
            }
            self.buffer.extend_from_slice(&fixed.behind);
            self.buffer.extend_from_slice(quality_word(sample.quality).as_bytes());
            self.buffer.extend_from_slice(b"\r\n");
            if self.buffer.len() >= BUFFER_BYTES {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    /// Ends the file and gives back where it went.
    ///
    /// # Errors
    /// [`Error::Write`] where the last bytes are not taken.
    pub fn finish(mut self) -> Result<W, Error> {
        self.hand_on()?;
        self.into.flush().map_err(Error::write)?;
        Ok(self.into)
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        self.into.write_all(&self.buffer).map_err(Error::write)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Appends a text, guarded and quoted where it must be.
fn put_text(into: &mut Vec<u8>, text: &str) {
    let text = guarded(text);
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        into.extend_from_slice(text.as_bytes());
        return;
    }
    into.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            into.push(byte);
        }
        into.push(byte);
    }
    into.push(b'"');
}

/// What spreadsheets take for the beginning of a formula, also behind apostrophes: those are what [`guarded`] adds, and
/// a name of somebody's own that looks so must come back whole.
fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A text as a file may have it that a spreadsheet opens: where it would be taken for a formula, with an apostrophe
/// ahead, which [`plain`] takes away.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if looks_like_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// A text without the apostrophe that keeps spreadsheets from calculating it.
pub fn plain(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| looks_like_formula(rest)).unwrap_or(text)
}

/// Appends a number as `{:.decimals$}` writes it.
fn put_fixed(into: &mut Vec<u8>, value: f64, decimals: u8) {
    let tenfold = POWERS.get(usize::from(decimals)).copied();
    let Some((power, scaled)) = tenfold.map(|power| (power, value.abs() * power as f64)).filter(|(_, of)| *of < 1e12)
    else {
        let decimals = usize::from(decimals);
        // Writing to memory does not fail.
        return write!(into, "{value:.decimals$}").unwrap_or_default();
    };
    let whole = scaled.floor();
    let rest = scaled - whole;
    // So near to the middle that the last bit of the product may decide; also an exact tie, which goes to the even one.
    if (rest - 0.5).abs() < 1e-3 {
        let decimals = usize::from(decimals);
        return write!(into, "{value:.decimals$}").unwrap_or_default();
    }
    let number = whole as u64 + u64::from(rest > 0.5);
    if value.is_sign_negative() {
        into.push(b'-');
    }
    put_number(into, number / power, 1);
    if decimals > 0 {
        into.push(b'.');
        put_number(into, number % power, decimals);
    }
}

const POWERS: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Appends a number with at least `digits` digits.
fn put_number(into: &mut Vec<u8>, number: u64, digits: u8) {
    let mut text = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for place in text.iter_mut().rev() {
        if rest == 0 && used >= usize::from(digits) {
            break;
        }
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
    }
    into.extend(text.iter().skip(text.len() - used));
}

#[cfg(test)]
mod tests {
    use penstock_model::{Doubt, Fault, PointNo, Quality, Timestamp, Unit};
    use proptest::prelude::*;

    use super::*;

    fn column(name: &str, description: &str, unit: &str, decimals: u8) -> Column {
        let unit = Unit::parse(unit).expect(unit);
        Column { name: name.into(), description: description.into(), unit, decimals }
    }

    fn sample(at: &str, value: Option<f64>, quality: Quality) -> Sample {
        let at = Timestamp::parse(at).expect(at);
        Sample { point: PointNo(1), source_time: at, received_time: at, value, quality }
    }

    fn text(columns: Vec<Column>, rows: &[(usize, Sample)]) -> String {
        let mut writer = CsvWriter::new(Vec::new(), columns);
        writer.write(rows.iter().map(|(column, sample)| (*column, sample))).expect("known columns");
        String::from_utf8(writer.finish().expect("memory")).expect("UTF-8")
    }

    #[test]
    fn rows_of_two_points() {
        let columns =
            vec![column("FT-01", "Inflow, Ghat Road", "m³/h", 3), column("PT-01", "the \"high\" one", "bar", 4)];
        let rows = [
            (0, sample("2026-11-21T18:42:07.5Z", Some(0.01), Quality::Good)),
            (1, sample("2026-11-21T18:42:07Z", Some(-123_456.0), Quality::Uncertain(Doubt::OutOfRange))),
            (1, sample("2026-11-21T18:42:08.000001Z", None, Quality::Bad(Fault::Disconnected))),
        ];
        let expected = "time,point,description,value,unit,quality\r\n\
                        2026-11-21T18:42:07.5Z,FT-01,\"Inflow, Ghat Road\",36.000,m³/h,good\r\n\
                        2026-11-21T18:42:07Z,PT-01,\"the \"\"high\"\" one\",-1.2346,bar,uncertain\r\n\
                        2026-11-21T18:42:08.000001Z,PT-01,\"the \"\"high\"\" one\",,bar,bad\r\n";
        assert_eq!(text(columns, &rows), expected);
    }

    #[test]
    fn an_index_without_column_is_refused() {
        let mut writer = CsvWriter::new(Vec::new(), vec![column("A", "", "bar", 2)]);
        let row = sample("2026-11-21T18:42:07Z", None, Quality::Good);
        assert!(matches!(writer.write([(1, &row)]), Err(Error::NoColumn { index: 1, known: 1 })));
    }

    #[test]
    fn no_text_is_a_formula() {
        let check = |given: &str, expected: &str| {
            assert_eq!(guarded(given), expected);
            assert_eq!(plain(expected), given);
        };
        check("=1+1", "'=1+1");
        check("+1", "'+1");
        check("-FT", "'-FT");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("'=1", "''=1");
        check("FT-01", "FT-01");
        check("'tis", "'tis");
        check("", "");
    }

    /// Where the sum of a file is larger than the buffer, nothing is left out.
    #[test]
    fn more_than_the_buffer_holds() {
        let row = sample("2026-11-21T18:42:07Z", Some(1.0), Quality::Good);
        let rows = vec![(0, row); 10_000];
        assert_eq!(text(vec![column("A", "", "bar", 2)], &rows).lines().count(), 10_001);
    }

    proptest! {
        #[test]
        fn numbers_as_the_standard_library_writes_them(
            value in prop_oneof![
                any::<f64>(),
                -1e6..1e6,
                (-1_000_000_i64..1_000_000).prop_map(|steps| steps as f64 / 64.0),
                (-1_000_000_i64..1_000_000, 0_u8..5).prop_map(|(steps, of)| steps as f64 / 10_f64.powi(of.into())),
                (-1_000_000_i64..1_000_000).prop_map(|steps| (steps as f64 + 0.5) / 1e4),
                -1e-3..1e-3,
            ],
            decimals in 0_u8..9,
        ) {
            let mut text = Vec::new();
            put_fixed(&mut text, value, decimals);
            let decimals = usize::from(decimals);
            prop_assert_eq!(String::from_utf8(text).expect("ASCII"), format!("{value:.decimals$}"));
        }

        #[test]
        fn any_text_comes_back(text in "['=+@\\-\ta\r]{0,6}") {
            let guarded = guarded(&text);
            prop_assert_eq!(plain(&guarded), text.as_str());
            prop_assert!(!guarded.starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
