//! Months and the names of their files. Pure.

use penstock_model::Timestamp;

use crate::time;

/// A calendar month in UTC: what one file of the archive spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// A month, counted from 1; none beyond December or the years 1 to 9998.
    pub fn new(year: u16, month: u8) -> Option<Self> {
        ((1..=9_998).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// The month that a time is in; none beyond the years 1 to 9998.
    pub fn of(at: Timestamp) -> Option<Self> {
        let (year, month) = time::year_and_month(at);
        Self::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?)
    }

    /// Its first microsecond.
    pub fn start(self) -> Timestamp {
        Timestamp::of_date(i64::from(self.year), i64::from(self.month), 1)
    }

    /// The first microsecond behind it.
    pub fn end(self) -> Timestamp {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Self { year, month }.start()
    }

    /// Whether a time is in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.start() <= at && at < self.end()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The name of the `number`th file of a month, counted from 1: samples that come late make another file.
pub(super) fn file_name(month: Month, number: u32) -> String {
    if number == 1 { format!("samples-{month}.parquet") } else { format!("samples-{month}-{number}.parquet") }
}

/// The month and number of a file; none for a name that [`file_name`] does not give.
pub(super) fn parse_name(name: &str) -> Option<(Month, u32)> {
    let rest = name.strip_prefix("samples-")?.strip_suffix(".parquet")?;
    let mut parts = rest.splitn(3, '-');
    let month = Month::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)?;
    let number = parts.next().map_or(Some(1), |number| number.parse().ok())?;
    (file_name(month, number) == name).then_some((month, number))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_month_holds_its_days() {
        let at = |text: &str| Timestamp::parse(text).expect(text);
        let february = Month::new(2024, 2).expect("a month");
        assert_eq!((february.start(), february.end()), (at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z")));
        assert!(february.contains(at("2024-02-29T23:59:59.999999Z")));
        assert!(!february.contains(at("2024-03-01T00:00:00Z")));
        let mut month = Month::new(1969, 1).expect("a month");
        while month.start() < at("2031-01-01T00:00:00Z") {
            assert_eq!(Month::of(month.start()), Some(month));
            assert_eq!(Month::of(month.end() - Duration::from_micros(1)), Some(month));
            month = Month::of(month.end()).expect("in the calendar");
        }
        assert_eq!((Month::of(Timestamp::MIN), Month::of(Timestamp::MAX)), (None, None));
        assert_eq!((Month::new(2026, 0), Month::new(2026, 13), Month::new(0, 1)), (None, None, None));
    }

    #[test]
    fn names_and_back() {
        let month = Month::new(2026, 9).expect("a month");
        assert_eq!(file_name(month, 1), "samples-2026-09.parquet");
        assert_eq!(file_name(month, 12), "samples-2026-09-12.parquet");
        for number in [1, 2, 12] {
            assert_eq!(parse_name(&file_name(month, number)), Some((month, number)));
        }
        for name in [
            "",
            "samples-2026-9.parquet",
            "samples-2026-13.parquet",
            "samples-2026-09-1.parquet",
            "samples-2026-09-02.parquet",
            "samples-2026-09.parquet#1",
            "../samples-2026-09.parquet",
            "samples-2026-09-.parquet",
        ] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }
}
