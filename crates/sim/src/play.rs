//! Recorded data played as devices: each column of a CSV file is one device that speaks again, at any speed.
//! Must not know the demo town.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::DateTime;
use penstock_model::{Clock, Timestamp};

use crate::Error;
use crate::feed::data_topic;
use crate::link::{Broker, Carrier};

/// Names of the column that holds the time, letter case aside, where nobody names one.
const TIME_NAMES: [&str; 6] = ["datetime", "timestamp", "time", "date", "date_time", "ts"];

/// Columns that say what is wrong rather than what is measured, letter case aside.
const TRUTH_NAMES: [&str; 8] =
    ["anomaly", "changepoint", "label", "labels", "attack", "att_flag", "att_flag_source", "event"];

/// Ways in which recordings write local time.
const TIME_FORMS: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%y %H",
];

/// What a device's readings are stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamp {
    /// The moment that they are played.
    #[default]
    Now,
    /// The time in the recording, taken as UTC.
    Recorded,
}

/// How a recording is played.
#[derive(Debug, Clone)]
pub struct Play {
    /// The broker.
    pub broker: Broker,
    /// The CSV file; its delimiter (`,`, `;` or tab) is found out.
    pub file: PathBuf,
    /// Recorded seconds in a second of the clock, above 0; infinite plays without waiting.
    pub speed: f64,
    /// The column that holds the time; found by its name where nothing is said. A file without one plays a row a
    /// second.
    pub time_column: Option<String>,
    /// What every device's id begins with.
    pub id_prefix: String,
    /// What readings are stamped with.
    pub stamp: Stamp,
    /// Where the present comes from.
    pub clock: Clock,
}

/// What was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Played {
    /// Rows of the file.
    pub rows: u64,
    /// Readings said.
    pub readings: u64,
    /// Cells that hold no number.
    pub empty: u64,
}

impl Play {
    /// Plays the whole recording, or until `stop` completes.
    ///
    /// # Errors
    /// [`Error::Recording`] where the file cannot be played, [`Error::Broker`] where the broker refuses us.
    pub async fn until(self, stop: impl Future<Output = ()> + Send) -> Result<Played, Error> {
        if self.speed.is_nan() || self.speed <= 0.0 {
            return Err(Error::Usage(format!("option --speed cannot be {}: it is above 0", self.speed)));
        }
        let mut recording = Recording::open(&self.file, self.time_column.as_deref(), &self.id_prefix)?;
        let mut carrier = Carrier::connect(&self.broker, "play").await?;
        let mut played = Played::default();
        tokio::pin!(stop);
        tokio::select! {
            done = self.play(&mut recording, &mut carrier, &mut played) => done?,
            () = &mut stop => {}
        }
        carrier.finish().await?;
        Ok(played)
    }

    async fn play(&self, recording: &mut Recording, carrier: &mut Carrier, played: &mut Played) -> Result<(), Error> {
        let begun = tokio::time::Instant::now();
        let mut first = None;
        while let Some(row) = recording.next_row()? {
            let origin = *first.get_or_insert(row.at);
            let offset = row.at.since(origin).div_f64(self.speed);
            if !offset.is_zero() {
                tokio::time::sleep_until(begun + offset).await;
            }
            let at = match self.stamp {
                Stamp::Now => self.clock.now(),
                Stamp::Recorded => row.at,
            };
            played.rows += 1;
            played.empty += row.empty;
            for (id, value) in row.values {
                let topic = data_topic(&self.broker.topic_prefix, &id);
                let payload = serde_json::json!({ "sensor_id": id, "value": value, "ts": at.to_string() });
                carrier.say(&topic, false, payload.to_string()).await?;
                played.readings += 1;
            }
        }
        Ok(())
    }
}

/// A recording that is read row by row.
struct Recording {
    path: PathBuf,
    rows: csv::StringRecordsIntoIter<std::fs::File>,
    time: Option<usize>,
    devices: Vec<(usize, String)>,
    last: Timestamp,
}

/// One row of a recording.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    at: Timestamp,
    values: Vec<(String, f64)>,
    empty: u64,
}

impl Recording {
    fn open(path: &Path, time_column: Option<&str>, id_prefix: &str) -> Result<Self, Error> {
        let broken = |why: String| Error::Recording { path: path.to_owned(), why };
        let file = |source| Error::File { what: "cannot read", path: path.to_owned(), source };
        let delimiter = delimiter_of(&first_line(path).map_err(file)?);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| broken(error.to_string()))?;
        let headers = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
        let is = |name: &str, wanted: &str| name.trim_start_matches('\u{feff}').eq_ignore_ascii_case(wanted);
        let time = match time_column {
            Some(wanted) => match headers.iter().position(|name| is(name, wanted)) {
                Some(found) => Some(found),
                None => {
                    let known = headers.iter().collect::<Vec<_>>().join(", ");
                    return Err(broken(format!("there is no column {wanted:?}: use one of {known}")));
                }
            },
            None => headers.iter().position(|name| TIME_NAMES.iter().any(|time| is(name, time))),
        };
        let says_truth = |name: &str| {
            TRUTH_NAMES.iter().any(|truth| is(name, truth)) || name.to_ascii_lowercase().starts_with("label_")
        };
        let devices: Vec<(usize, String)> = headers
            .iter()
            .enumerate()
            .filter(|(column, name)| Some(*column) != time && !name.is_empty() && !says_truth(name))
            .map(|(column, name)| (column, format!("{id_prefix}{}", device_id(name))))
            .collect();
        if devices.is_empty() {
            return Err(broken("no column holds readings".to_owned()));
        }
        let rows = reader.into_records();
        Ok(Self { path: path.to_owned(), rows, time, devices, last: Timestamp::MIN })
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        let Some(record) = self.rows.next() else { return Ok(None) };
        let broken = |why: String| Error::Recording { path: self.path.clone(), why };
        let record = record.map_err(|error| broken(error.to_string()))?;
        let second = Duration::from_secs(1);
        let at = match self.time.and_then(|column| record.get(column)) {
            Some(text) => parse_time(text).ok_or_else(|| {
                let line = record.position().map_or(0, csv::Position::line);
                broken(format!("line {line}: time {text:?} is not understood, write for example 2026-11-21 18:42:07"))
            })?,
            None if self.last == Timestamp::MIN => Timestamp::from_secs(0),
            None => self.last + second,
        };
        self.last = at;
        let mut row = Row { at, values: Vec::new(), empty: 0 };
        for (column, id) in &self.devices {
            match record.get(*column).and_then(parse_value) {
                Some(value) => row.values.push((id.clone(), value)),
                None => row.empty += 1,
            }
        }
        Ok(Some(row))
    }
}

fn first_line(path: &Path) -> std::io::Result<String> {
    use std::io::BufRead as _;
    let mut line = String::new();
    std::io::BufReader::new(std::fs::File::open(path)?).read_line(&mut line)?;
    Ok(line)
}

/// The delimiter that parts the header into the most columns.
fn delimiter_of(header: &str) -> u8 {
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    [b';', b'\t', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// A column's name as a device id that stands in a topic.
fn device_id(name: &str) -> String {
    let keep = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    name.trim().trim_start_matches('\u{feff}').chars().map(keep).collect()
}

fn parse_value(text: &str) -> Option<f64> {
    let value = match text.to_ascii_lowercase().as_str() {
        "true" => 1.0,
        "false" => 0.0,
        text => text.parse().ok()?,
    };
    Some(value).filter(|value: &f64| value.is_finite())
}

/// A recorded time; one without a zone is taken as UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = Timestamp::parse(text) {
        return Some(at);
    }
    let civil = TIME_FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_micros(at.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, time_column: Option<&str>) -> Result<Vec<Row>, Error> {
        let folder = tempfile::tempdir().expect("scratch");
        let path = folder.path().join("recording.csv");
        std::fs::write(&path, text).expect("written");
        let mut recording = Recording::open(&path, time_column, "")?;
        let mut rows = Vec::new();
        while let Some(row) = recording.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn semicolons_and_labels() {
        let read = rows(
            "datetime;Volume Flow RateRMS;Current;anomaly;changepoint\n\
             2020-03-09 10:14:33;32.0;1.25;0.0;0.0\n2020-03-09 10:14:34;;NaN;0.0;0.0\n",
            None,
        )
        .expect("a recording");
        assert_eq!(read[0].values, [("Volume_Flow_RateRMS".to_owned(), 32.0), ("Current".to_owned(), 1.25)]);
        assert_eq!(read[0].at, Timestamp::parse("2020-03-09T10:14:33Z").expect("valid"));
        assert_eq!((read[1].values.len(), read[1].empty), (0, 2));
    }

    #[test]
    fn a_recording_without_time_plays_a_row_a_second() {
        let read = rows("Pressure 1 Out,Labels\n9.9,0\n9.8,0\n9.7,1\n", None).expect("a recording");
        assert_eq!(read[2].at.since(read[0].at), Duration::from_secs(2));
        assert_eq!(read[2].values, [("Pressure_1_Out".to_owned(), 9.7)]);
    }

    #[test]
    fn times_are_understood_as_people_write_them() {
        let check = |text: &str, expect: &str| {
            assert_eq!(parse_time(text), Some(Timestamp::parse(expect).expect("valid")), "{text}");
        };
        check("2016-07-04 01:00:00", "2016-07-04T01:00:00Z");
        check("2026-11-21T18:42:07.5+05:30", "2026-11-21T13:12:07.5Z");
        check("2016-08-03 11:49", "2016-08-03T11:49:00Z");
        check("01/02/2016 11:49", "2016-02-01T11:49:00Z");
        check("06/01/14 23", "2014-06-01T23:00:00Z");
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn what_cannot_be_played_is_named() {
        let check = |text: &str, column: Option<&str>, part: &str| {
            let error = rows(text, column).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        };
        check("time,a\n2020-01-01 00:00:00,1\n", Some("when"), "\"when\": use one of time, a");
        check("time,a\nsoon,1\n", None, "line 2: time \"soon\"");
        check("time,anomaly\n2020-01-01 00:00:00,1\n", None, "no column holds readings");
    }
}
