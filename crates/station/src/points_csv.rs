//! Points as CSV, out and in: values in each row's own unit, places by name, every fault with its line.
//!
//! Pure: must not know storage.

use std::collections::HashMap;
use std::time::Duration;

use penstock_api::ImportFault;
use penstock_archive::{guarded, plain};
use penstock_model::{
    Address, Band, Limits, Plant, Point, PointId, PointNo, PointRole, PointState, Position, Quantity, Recording,
    TenantId, Unit,
};

/// The columns, in the order they are written. Only `source`, `address` and `name` must be there on import; a column
/// that is not there leaves what the point has.
const COLUMNS: [&str; 25] = [
    "source",
    "address",
    "state",
    "name",
    "description",
    "quantity",
    "unit",
    "area",
    "site",
    "asset",
    "latitude",
    "longitude",
    "role",
    "normal_low",
    "normal_high",
    "span_low",
    "span_high",
    "ll",
    "l",
    "h",
    "hh",
    "stale_after_secs",
    "deadband",
    "deviation",
    "record_every_secs",
];

/// At most so many rows are read.
const MAX_ROWS: usize = 200_000;

/// The longest that a point may be without a sample before it is stale: 400 days.
pub(crate) const MAX_STALE_SECS: u64 = 400 * 24 * 3_600;

/// Every point as a line, values in its own unit.
pub(crate) fn write(plant: &Plant, points: &[&Point]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let heading = writer.write_record(COLUMNS);
    let rows = points.iter().try_for_each(|point| writer.write_record(for_spreadsheets(row(plant, point))));
    // Writing to memory does not fail.
    let bytes = heading.and(rows).ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// The cells of a line as spreadsheets may open it: nothing that somebody wrote is calculated, and numbers stay
/// numbers. [`plain`] gives each back.
pub(crate) fn for_spreadsheets<const CELLS: usize>(cells: [String; CELLS]) -> [String; CELLS] {
    cells.map(|cell| match cell.parse::<f64>() {
        Ok(_) => cell,
        Err(_) => guarded(&cell).into_owned(),
    })
}

fn row(plant: &Plant, point: &Point) -> [String; COLUMNS.len()] {
    let number = |si: Option<f64>| si.map(|si| trim(point.unit.from_si(si))).unwrap_or_default();
    let difference = |si: Option<f64>| si.map(|si| trim(point.unit.difference_from_si(si))).unwrap_or_default();
    let every = point.recording.map(|recording| recording.at_least_every().as_secs().to_string());
    let area = point.area.and_then(|id| plant.areas.iter().find(|area| area.id == id)).map(|area| area.name.clone());
    let site = point.site.and_then(|id| plant.sites.iter().find(|site| site.id == id)).map(|site| site.name.clone());
    let asset = point.asset.and_then(|id| plant.assets.iter().find(|asset| asset.id == id));
    let place = |of: fn(Position) -> f64| point.position.map(|at| format!("{:.6}", of(at))).unwrap_or_default();
    [
        point.address.source.clone(),
        point.address.path.clone(),
        word(&point.state),
        point.name.clone(),
        point.description.clone(),
        point.quantity.name().to_owned(),
        point.unit.symbol().to_owned(),
        area.unwrap_or_default(),
        site.unwrap_or_default(),
        asset.map(|asset| asset.name.clone()).unwrap_or_default(),
        place(Position::lat),
        place(Position::lon),
        point.role.as_ref().map(word).unwrap_or_default(),
        number(point.normal.map(|band| band.low)),
        number(point.normal.map(|band| band.high)),
        number(point.span.map(|band| band.low)),
        number(point.span.map(|band| band.high)),
        number(point.limits.ll),
        number(point.limits.l),
        number(point.limits.h),
        number(point.limits.hh),
        point.stale_after.as_secs().to_string(),
        difference(point.recording.and_then(|recording| recording.deadband())),
        difference(point.recording.and_then(|recording| recording.deviation())),
        every.unwrap_or_default(),
    ]
}

/// A number without the digits that a change of unit leaves behind.
fn trim(value: f64) -> String {
    let rounded = format!("{value:.9}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// The word a closed list has in files.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What a word of a closed list stands for.
pub(crate) fn from_word<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| format!("{what} {text:?}: {error}"))
}

/// Reads points; those that exist (by source and address) are changed, others made. Faults come with their lines; what
/// is returned beside faults is not to be used.
pub(crate) fn read(text: &str, tenant: TenantId, plant: &Plant, existing: &[&Point]) -> (Vec<Point>, Vec<ImportFault>) {
    let by_address: HashMap<(&str, &str), &Point> =
        existing.iter().map(|point| ((point.address.source.as_str(), point.address.path.as_str()), *point)).collect();
    let mut reader = reader_of(text);
    let mut faults = Vec::new();
    let columns: HashMap<String, usize> = match reader.headers() {
        Ok(headers) => headers.iter().enumerate().map(|(at, name)| (name.to_ascii_lowercase(), at)).collect(),
        Err(error) => {
            return (Vec::new(), vec![ImportFault { line: 1, field: String::new(), message: error.to_string() }]);
        }
    };
    for needed in ["source", "address", "name"] {
        if !columns.contains_key(needed) {
            let message = format!("the column {needed:?} is missing; the columns are {}", COLUMNS.join(", "));
            faults.push(ImportFault { line: 1, field: needed.to_owned(), message });
        }
    }
    let mut unknown: Vec<&String> = columns.keys().filter(|name| !COLUMNS.contains(&name.as_str())).collect();
    unknown.sort();
    for name in unknown {
        let message = format!("there is no column {name:?}; the columns are {}", COLUMNS.join(", "));
        faults.push(ImportFault { line: 1, field: name.clone(), message });
    }
    if !faults.is_empty() {
        return (Vec::new(), faults);
    }

    let mut points = Vec::new();
    let mut seen = HashMap::new();
    for (index, record) in reader.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                faults.push(ImportFault { line: clamp(line), field: String::new(), message: error.to_string() });
                continue;
            }
        };
        let line = clamp(record.position().map_or(0, csv::Position::line));
        if index >= MAX_ROWS {
            let message = format!("at most {MAX_ROWS} rows are read: split the file");
            faults.push(ImportFault { line, field: String::new(), message });
            break;
        }
        let row = Row { columns: &columns, record: &record };
        match row.point(tenant, plant, &by_address) {
            Ok(point) => {
                if let Some(first) = seen.insert(point.id, line) {
                    let message = format!("the same source and address are on line {first}: keep one");
                    faults.push(ImportFault { line, field: "address".into(), message });
                }
                points.push(point);
            }
            Err((field, message)) => faults.push(ImportFault { line, field: field.to_owned(), message }),
        }
    }
    (points, faults)
}

/// The line that each row of a file without faults begins on, in the order of what [`read`] returns.
pub(crate) fn lines(text: &str) -> Vec<u32> {
    let line = |record: csv::StringRecord| clamp(record.position().map_or(0, csv::Position::line));
    reader_of(text).records().map_while(Result::ok).map(line).collect()
}

/// Fields are trimmed when they are looked at: an address that a device gave may begin or end with a space.
pub(crate) fn reader_of(text: &str) -> csv::Reader<&[u8]> {
    let text = text.trim_start_matches('\u{feff}');
    csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes())
}

pub(crate) fn clamp(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    record: &'a csv::StringRecord,
}

type Fault = (&'static str, String);

/// How a number of a file becomes SI, and back.
#[derive(Clone, Copy)]
enum Scale {
    /// It is a value.
    Value(Unit),
    /// It is a difference of two values, which knows no zero.
    Difference(Unit),
}

impl Scale {
    fn to_si(self, given: f64) -> f64 {
        match self {
            Self::Value(unit) => unit.to_si(given),
            Self::Difference(unit) => unit.difference_to_si(given),
        }
    }

    fn given_of(self, si: f64) -> f64 {
        match self {
            Self::Value(unit) => unit.from_si(si),
            Self::Difference(unit) => unit.difference_from_si(si),
        }
    }
}

impl Row<'_> {
    /// The text of a column as it is; none where the column is not there.
    fn whole(&self, column: &str) -> Option<&str> {
        self.columns.get(column).and_then(|at| self.record.get(*at)).map(plain)
    }

    /// The text of a column; none where the column is not there.
    fn text(&self, column: &str) -> Option<&str> {
        self.whole(column).map(str::trim)
    }

    /// A number as SI; the outer none where the column is not there, the inner where the field is empty.
    fn number(&self, column: &'static str, scale: Scale, stored: Option<f64>) -> Result<Option<Option<f64>>, Fault> {
        let Some(text) = self.text(column) else { return Ok(None) };
        if text.is_empty() {
            return Ok(Some(None));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(Some(settled(stored, scale.to_si(value), text, scale)))),
            _ => Err((column, format!("{text:?} is not a number; write it with a decimal point"))),
        }
    }

    fn band(
        &self,
        low: &'static str,
        high: &'static str,
        unit: Unit,
        had: Option<Band>,
        stored: Option<Band>,
    ) -> Result<Option<Band>, Fault> {
        let from = self.number(low, Scale::Value(unit), stored.map(|band| band.low))?;
        let to = self.number(high, Scale::Value(unit), stored.map(|band| band.high))?;
        match (from, to) {
            (None, None) => Ok(had),
            (Some(Some(from)), Some(Some(to))) => {
                Band::new(from, to).map(Some).map_err(|error| (low, error.to_string()))
            }
            (Some(None), Some(None)) => Ok(None),
            _ => Err((low, format!("{low} and {high} go together: give both or none"))),
        }
    }

    fn recording(
        &self,
        unit: Unit,
        had: Option<Recording>,
        stored: Option<Recording>,
        is_stored: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Recording>, Fault> {
        let difference = Scale::Difference(unit);
        let had_deadband = had.and_then(|had| had.deadband());
        let had_deviation = had.and_then(|had| had.deviation());
        let deadband = self.number("deadband", difference, stored.and_then(|stored| stored.deadband()))?;
        let deviation = self.number("deviation", difference, stored.and_then(|stored| stored.deviation()))?;
        let (deadband, deviation) = (deadband.unwrap_or(had_deadband), deviation.unwrap_or(had_deviation));
        let had_every = had.map_or(Recording::USUAL_INTERVAL, |had| had.at_least_every());
        let every = match self.text("record_every_secs").filter(|_| !is_stored("record_every_secs")) {
            None => had_every,
            Some("") => Recording::USUAL_INTERVAL,
            Some(text) => match text.parse::<u64>().map(Duration::from_secs) {
                Ok(every) if (Recording::LEAST_INTERVAL..=Recording::MOST_INTERVAL).contains(&every) => every,
                _ => {
                    let most = Recording::MOST_INTERVAL.as_secs();
                    return Err(("record_every_secs", format!("{text:?} is not 1 to {most} seconds")));
                }
            },
        };
        let is_every_given = self.text("record_every_secs").is_some_and(|text| !text.is_empty());
        match (deadband, deviation) {
            (None, None) if is_every_given => Err((
                "record_every_secs",
                "goes with a deadband or a deviation: give one of them, or leave it empty".into(),
            )),
            (None, None) => Ok(None),
            _ => {
                let field = if deviation.is_some_and(|by| by <= 0.0) { "deviation" } else { "deadband" };
                Recording::new(deadband, deviation, every).map(Some).map_err(|error| (field, error.to_string()))
            }
        }
    }

    fn point(&self, tenant: TenantId, plant: &Plant, existing: &HashMap<(&str, &str), &Point>) -> Result<Point, Fault> {
        let needed = |column: &'static str| match self.text(column) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err((column, "must not be empty".to_owned())),
        };
        let whole = (self.whole("source").unwrap_or_default(), self.whole("address").unwrap_or_default());
        let (source, path) = if existing.contains_key(&whole) { whole } else { (whole.0.trim(), whole.1.trim()) };
        let had = existing.get(&(source, path)).copied();
        if had.is_none() {
            needed("source")?;
            needed("address")?;
        }
        let written = had.map(|had| row(plant, had));
        // Whether the file says of a column only what is stored, as an export writes it.
        let is_stored = |column: &str| {
            let stored = COLUMNS.iter().position(|name| *name == column).zip(written.as_ref());
            let stored = stored.and_then(|(at, written)| written.get(at));
            stored.is_some_and(|stored| self.text(column) == Some(stored.trim()))
        };
        let quantity: Quantity = match self.text("quantity") {
            Some(text) if !text.is_empty() => {
                text.parse().map_err(|error: penstock_model::Error| ("quantity", error.to_string()))?
            }
            _ => had.map_or(Quantity::Plain, |point| point.quantity),
        };
        let unit = match self.text("unit") {
            Some(text) if !text.is_empty() => Unit::parse(text).map_err(|error| ("unit", error.to_string()))?,
            _ => had
                .map(|point| point.unit)
                .filter(|unit| unit.quantity() == quantity)
                .unwrap_or_else(|| quantity.display_unit()),
        };
        if unit.quantity() != quantity {
            let fitting: Vec<&str> = quantity.units().map(Unit::symbol).collect();
            let message = format!("{unit} does not measure {}: use one of {}", quantity.name(), fitting.join(", "));
            return Err(("unit", message));
        }
        let mut point = had.cloned().unwrap_or_else(|| Point {
            id: PointId::discovered(tenant, source, path),
            no: PointNo(0),
            address: Address { source: source.to_owned(), path: path.to_owned() },
            state: PointState::Adopted,
            name: String::new(),
            description: String::new(),
            quantity,
            unit,
            area: None,
            site: None,
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: Duration::from_secs(15 * 60),
            recording: None,
        });
        point.quantity = quantity;
        point.unit = unit;
        if !is_stored("name") {
            point.name = needed("name")?.to_owned();
        }
        if let Some(text) = self.text("description").filter(|_| !is_stored("description")) {
            point.description = text.to_owned();
        }
        point.state = match self.text("state") {
            Some(text) if !text.is_empty() => from_word(text, "state").map_err(|message| ("state", message))?,
            _ => PointState::Adopted,
        };
        self.places(plant, &mut point, &is_stored)?;
        point.role = match self.text("role") {
            None => point.role,
            Some("") => None,
            Some(text) => Some(from_word::<PointRole>(text, "role").map_err(|message| ("role", message))?),
        };
        let same_unit = had.filter(|had| had.unit == unit);
        let (normal, span) = (same_unit.and_then(|had| had.normal), same_unit.and_then(|had| had.span));
        point.normal = self.band("normal_low", "normal_high", unit, point.normal, normal)?;
        point.span = self.band("span_low", "span_high", unit, point.span, span)?;
        let stored = same_unit.map(|had| had.limits).unwrap_or_default();
        let value = Scale::Value(unit);
        let limits = Limits {
            ll: self.number("ll", value, stored.ll)?.unwrap_or(point.limits.ll),
            l: self.number("l", value, stored.l)?.unwrap_or(point.limits.l),
            h: self.number("h", value, stored.h)?.unwrap_or(point.limits.h),
            hh: self.number("hh", value, stored.hh)?.unwrap_or(point.limits.hh),
        };
        limits.check().map_err(|error| ("ll", error.to_string()))?;
        point.limits = limits;
        let stale_after = self.text("stale_after_secs").filter(|text| !text.is_empty());
        if let Some(text) = stale_after.filter(|_| !is_stored("stale_after_secs")) {
            match text.parse::<u64>() {
                Ok(secs @ 1..=MAX_STALE_SECS) => point.stale_after = Duration::from_secs(secs),
                _ => return Err(("stale_after_secs", format!("{text:?} is not 1 to {MAX_STALE_SECS} seconds"))),
            }
        }
        let stored = same_unit.and_then(|had| had.recording);
        point.recording = self.recording(unit, point.recording, stored, &is_stored)?;
        Ok(point)
    }

    /// Area, site, equipment and position; what the file says as it is stored stays, also where a name is not the only
    /// one of its kind or the position has more digits.
    fn places(&self, plant: &Plant, point: &mut Point, is_stored: &dyn Fn(&str) -> bool) -> Result<(), Fault> {
        let site_before = point.site;
        if let Some(text) = self.text("area").filter(|_| !is_stored("area")) {
            let found = plant.areas.iter().find(|area| area.name == text).map(|area| area.id);
            point.area = named(text, found, "area")?;
        }
        if let Some(text) = self.text("site").filter(|_| !is_stored("site")) {
            let found = plant.sites.iter().find(|site| site.name == text).map(|site| site.id);
            point.site = named(text, found, "site")?;
        }
        let same_asset = point.site == site_before && is_stored("asset");
        if let Some(text) = self.text("asset").filter(|_| !same_asset) {
            let on_site = |asset: &&penstock_model::Asset| {
                asset.name == text && (point.site.is_none() || asset.site == point.site)
            };
            let found = plant.assets.iter().find(on_site).map(|asset| asset.id);
            point.asset = named(text, found, "asset")?;
        }
        match (self.text("latitude"), self.text("longitude")) {
            (None, None) => {}
            (Some(""), Some("")) => point.position = None,
            _ if is_stored("latitude") && is_stored("longitude") => {}
            (lat, lon) => {
                let degrees = |text: Option<&str>, column: &'static str| {
                    text.unwrap_or_default().parse::<f64>().map_err(|_not_a_number| {
                        (column, "give both latitude and longitude in degrees, or none".to_owned())
                    })
                };
                let (lat, lon) = (degrees(lat, "latitude")?, degrees(lon, "longitude")?);
                point.position = Some(Position::new(lat, lon).map_err(|error| ("latitude", error.to_string()))?);
            }
        }
        Ok(())
    }
}

/// What is stored, where the file only repeats it: the way to another unit and back leaves noise in the last digits.
fn settled(stored: Option<f64>, si: f64, text: &str, scale: Scale) -> f64 {
    let repeats = |stored: &f64| (si - stored).abs() <= stored.abs() * 1e-12 || trim(scale.given_of(*stored)) == text;
    stored.filter(repeats).unwrap_or(si)
}

/// Nothing for an empty name, the found one, or the fault that there is none.
fn named<T>(text: &str, found: Option<T>, column: &'static str) -> Result<Option<T>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    found
        .map(Some)
        .ok_or_else(|| (column, format!("there is no {column} {text:?} in the plant: import the plant first")))
}

#[cfg(test)]
mod tests {
    use penstock_model::{Site, SiteId, SiteKind};

    use super::*;

    fn plant() -> Plant {
        let tenant = TenantId::made(penstock_model::Timestamp::from_secs(1), [1; 10]);
        Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![Site {
                id: SiteId::derived(tenant.0, "ps-1"),
                name: "PS-1".into(),
                kind: SiteKind::Pumping,
                area: None,
                position: None,
            }],
            assets: vec![],
            pipes: vec![],
        }
    }

    fn faults(text: &str) -> Vec<(u32, String)> {
        let plant = plant();
        read(text, plant.tenant, &plant, &[]).1.into_iter().map(|fault| (fault.line, fault.field)).collect()
    }

    #[test]
    fn out_and_in_again_is_the_same() {
        let plant = plant();
        let text = "source,address,name,quantity,unit,site,latitude,longitude,role,normal_low,normal_high,ll,l,h,hh\n\
                    local,FT-01,FT-01,flow,L/s,PS-1,18.5,74.25,area_inflow,1.5,20,0,1,30,40\n";
        let (points, faults) = read(text, plant.tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        let point = &points[0];
        assert!((point.limits.hh.expect("set") - 0.04).abs() < 1e-12);
        assert_eq!(point.site, Some(plant.sites[0].id));
        let written = write(&plant, &[point]);
        let (again, faults) = read(&written, plant.tenant, &plant, &[point]);
        assert_eq!(faults, vec![]);
        assert_eq!(again, points);
    }

    #[test]
    fn no_text_is_a_formula_and_numbers_stay_numbers() {
        let cells = ["=1+1", "-5", "-1.5e3", "-FT", "'=1", "FT-01", ""].map(str::to_owned);
        let written = for_spreadsheets(cells.clone());
        assert_eq!(written, ["'=1+1", "-5", "-1.5e3", "'-FT", "''=1", "FT-01", ""]);
        assert_eq!(written.each_ref().map(|cell| plain(cell).to_owned()), cells);
        let plant = plant();
        let text = "source,address,name,description,quantity,unit,l\n\
                    local,FT-01,'=FT,'@HYPERLINK(1),temperature,°C,-5\n";
        let (points, faults) = read(text, plant.tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        assert_eq!((points[0].name.as_str(), points[0].description.as_str()), ("=FT", "@HYPERLINK(1)"));
        let written = write(&plant, &[&points[0]]);
        assert!(written.contains(",'=FT,'@HYPERLINK(1),") && written.contains(",-5,"), "{written}");
        let (again, faults) = read(&written, plant.tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        assert_eq!(again[0].name, "=FT");
    }

    #[test]
    fn faults_come_with_line_and_field() {
        let check = |row: &str, field: &str| {
            let text = format!("source,address,name,quantity,unit,site,latitude,longitude,ll,l,h,hh\n{row}\n");
            assert_eq!(faults(&text), vec![(2, field.to_owned())], "{row}");
        };
        check("local,a,,flow,,,,,,,,", "name");
        check("local,a,A,heat,,,,,,,,", "quantity");
        check("local,a,A,flow,bar,,,,,,,", "unit");
        check("local,a,A,flow,,PS-9,,,,,,", "site");
        check("local,a,A,flow,,,95,10,,,,", "latitude");
        check("local,a,A,flow,,,18.5,,,,,", "longitude");
        check("local,a,A,flow,,,,,3,2,,", "ll");
        check("local,a,A,flow,,,,,\"1,5\",,,", "ll");
    }

    #[test]
    fn headings_and_repeats_are_checked() {
        assert_eq!(faults("source,name\nx,y\n"), vec![(1, "address".to_owned())]);
        assert_eq!(faults("source,address,name,colour\n"), vec![(1, "colour".to_owned())]);
        assert_eq!(faults("source,address,name\nl,a,A\nl,a,B\n"), vec![(3, "address".to_owned())]);
        assert_eq!(faults("source,address,name\nl,a\n").len(), 1);
    }

    #[test]
    fn columns_left_out_keep_what_the_point_has() {
        let plant = plant();
        let (points, _) = read("source,address,name,quantity,h\nlocal,a,A,pressure,5\n", plant.tenant, &plant, &[]);
        let (changed, faults) = read("source,address,name\nlocal,a,B\n", plant.tenant, &plant, &[&points[0]]);
        assert_eq!(faults, vec![]);
        assert_eq!(changed[0].name, "B");
        assert_eq!(changed[0].limits, points[0].limits);
        assert_eq!(changed[0].quantity, Quantity::Pressure);
    }

    #[test]
    fn an_export_brought_in_again_changes_nothing() {
        let check = |quantity: &str, unit: &str, low: f64, high: f64| {
            let plant = plant();
            let text = format!("source,address,name,quantity,unit\nlocal,a,A,{quantity},{unit}\n");
            let (mut points, faults) = read(&text, plant.tenant, &plant, &[]);
            assert_eq!(faults, vec![], "{unit}");
            let point = &mut points[0];
            let band = Band::new(low, high).expect("in order");
            (point.normal, point.span) = (Some(band), Some(band));
            point.limits = Limits { ll: Some(low), l: Some(low), h: Some(high), hh: None };
            point.position = Position::new(18.123_456_789_012, -74.000_000_049).ok();
            point.stale_after = Duration::from_millis(1_500);
            let by = high - low;
            point.recording = Recording::new(Some(by), Some(by / 3.0), Duration::from_millis(1_500)).ok();
            assert!(point.recording.is_some());
            let written = write(&plant, &[&points[0]]);
            let (again, faults) = read(&written, plant.tenant, &plant, &[&points[0]]);
            assert_eq!(faults, vec![], "{low} to {high} in {unit}");
            assert_eq!(again, points, "{low} to {high} in {unit}");
        };
        for (low, high) in [(0.000_28, 0.1 + 0.2), (1.0 / 3.0, 2.0 / 3.0), (-1e-13, 7.7), (0.0, 1e9 / 7.0)] {
            check("flow", "L/s", low, high);
            check("flow", "m³/h", low, high);
            check("pressure", "bar", low, high);
            check("temperature", "°C", low, high);
        }
    }

    #[test]
    fn what_a_file_says_otherwise_is_taken() {
        let plant = plant();
        let text = |h: &str, unit: &str| format!("source,address,name,quantity,unit,h\nlocal,a,A,flow,{unit},{h}\n");
        let (points, _) = read(&text("0.28", "L/s"), plant.tenant, &plant, &[]);
        let changed = |h: &str, unit: &str| {
            let (changed, faults) = read(&text(h, unit), plant.tenant, &plant, &[&points[0]]);
            assert_eq!(faults, vec![]);
            changed[0].limits.h
        };
        assert_eq!(changed("0.280", "L/s"), points[0].limits.h);
        assert_ne!(changed("0.280000001", "L/s"), points[0].limits.h);
        assert!((changed("0.28", "m³/h").expect("set") - 0.28 / 3_600.0).abs() < 1e-15);
        assert_eq!(changed("", "L/s"), None);
    }

    #[test]
    fn recording_settings_are_differences_in_the_unit_of_the_row() {
        let plant = plant();
        let text = |fields: &str| {
            let heading = "source,address,name,quantity,unit,deadband,deviation,record_every_secs";
            format!("{heading}\nlocal,a,A,temperature,°C,{fields}\n")
        };
        let (points, found) = read(&text("1,0.5,600"), plant.tenant, &plant, &[]);
        assert_eq!(found, vec![]);
        let expect = Recording::new(Some(1.0), Some(0.5), Duration::from_secs(600)).expect("right");
        assert_eq!(points[0].recording, Some(expect));
        // Off is empty; an hour is meant where nothing else is said; what is not there stays.
        let changed = |text: &str| {
            let (changed, found) = read(text, plant.tenant, &plant, &[&points[0]]);
            assert_eq!(found, vec![]);
            changed[0].recording
        };
        assert_eq!(changed(&text(",,")), None);
        assert_eq!(changed(&text("2,,")), Recording::new(Some(2.0), None, Recording::USUAL_INTERVAL).ok());
        assert_eq!(changed("source,address,name\nlocal,a,B\n"), Some(expect));

        assert_eq!(faults(&text("0,,")), vec![(2, "deadband".to_owned())]);
        assert_eq!(faults(&text("1,-1,")), vec![(2, "deviation".to_owned())]);
        assert_eq!(faults(&text("1,,86401")), vec![(2, "record_every_secs".to_owned())]);
        assert_eq!(faults(&text("1,wide,")), vec![(2, "deviation".to_owned())]);
        assert_eq!(faults(&text("1,,hourly")), vec![(2, "record_every_secs".to_owned())]);
        assert_eq!(faults(&text(",,60")), vec![(2, "record_every_secs".to_owned())]);
    }

    #[test]
    fn an_address_that_a_device_gave_is_found_as_it_is() {
        let plant = plant();
        let (mut points, _) = read("source,address,name\nlocal,a,A\n", plant.tenant, &plant, &[]);
        let point = &mut points[0];
        point.address.path = " ".into();
        point.id = PointId::discovered(plant.tenant, "local", " ");
        point.state = PointState::Discovered;
        point.name = " \n".into();
        let written = write(&plant, &[&points[0]]);
        let (again, found) = read(&written, plant.tenant, &plant, &[&points[0]]);
        assert_eq!(found, vec![]);
        assert_eq!(again, points);
        // Nobody gives a new point such an address.
        assert_eq!(faults("source,address,name\nlocal, ,A\n"), vec![(2, "address".to_owned())]);
    }

    #[test]
    fn rows_know_their_lines() {
        assert_eq!(lines("source,address,name,description\nl,a,A,\"x\ny\"\nl,b,B,\n"), vec![2, 4]);
    }
}
