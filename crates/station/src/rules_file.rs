//! Alarm rules as files, out and in. CSV has one rule a row, readable in a spreadsheet: points and places by name,
//! values in the unit that screens show, combined conditions and schedules as text. JSON has the rules as they are
//! stored. What a file leaves as it was exported stays to the last bit; every fault comes with its line.
//!
//! Pure: must not know storage, nor whether a rule makes sense.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use penstock_api::ImportFault;
use penstock_model::{
    AcknowledgementModel, AlarmClass, AlarmRule, Condition, Expression, LimitLevel, Plant, Point, PointId, Priority,
    Quantity, Realarm, Reference, RuleId, Schedule, Severity, Side, Subject, Test, Unit, figure,
};

use crate::points_csv::{clamp, for_spreadsheets, from_word, reader_of, word};
use crate::register::Inner;
use crate::values_csv::Names;

/// The columns, in the order they are written. A row without an id is a new rule, and needs `subject` and `condition`;
/// a column that is not there leaves what the rule has.
const COLUMNS: [&str; 45] = [
    "id",
    "version",
    "edited",
    "enabled",
    "name",
    "about",
    "subject",
    "priority",
    "condition",
    "level",
    "side",
    "unit",
    "limit",
    "setpoint",
    "from_point",
    "by",
    "rate_per_s",
    "band",
    "deadband",
    "score",
    "time_s",
    "states",
    "test",
    "count",
    "expression",
    "on_delay_s",
    "off_delay_s",
    "cool_down_s",
    "class",
    "severity",
    "respond_s",
    "latches",
    "acknowledgement",
    "realarm_s",
    "realarm_most",
    "first_out",
    "suppressed_while",
    "schedule",
    "longest_shelf_s",
    "screen",
    "cause",
    "consequence",
    "action",
    "contact",
    "call_within_s",
];

/// The columns that a condition is made of: side by side, from its kind to what comes after it.
fn of_condition() -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().skip_while(|column| *column != "condition").take_while(|column| *column != "on_delay_s")
}

/// At most so many rows are read.
const MAX_ROWS: usize = 200_000;

const LEVELS: [(LimitLevel, &str); 4] =
    [(LimitLevel::LowLow, "LL"), (LimitLevel::Low, "L"), (LimitLevel::High, "H"), (LimitLevel::HighHigh, "HH")];

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// The rules as they shall be; a new one has a nil id. Not to be used beside faults.
    pub rules: Vec<AlarmRule>,
    /// The line that each begins on.
    pub lines: Vec<u32>,
    /// What cannot be read.
    pub faults: Vec<ImportFault>,
}

/// Every rule as a line of CSV.
pub(crate) fn write_csv(register: &Inner) -> String {
    let book = Book::of(register);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let heading = writer.write_record(COLUMNS);
    let rows = register.rules.values().try_for_each(|rule| writer.write_record(for_spreadsheets(book.row(rule))));
    // Writing to memory does not fail.
    let bytes = heading.and(rows).ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// Every rule as JSON.
///
/// # Errors
/// None that a rule of this model can bring about.
pub(crate) fn write_json(register: &Inner) -> serde_json::Result<String> {
    let rules: Vec<&AlarmRule> = register.rules.values().collect();
    serde_json::to_string_pretty(&rules)
}

/// Reads a file of either kind.
pub(crate) fn read(text: &str, register: &Inner) -> Read {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') { read_json(text) } else { read_csv(text, register) }
}

fn read_json(text: &str) -> Read {
    let mut read = Read::default();
    let documents: Vec<&serde_json::value::RawValue> = match serde_json::from_str(text) {
        Ok(documents) => documents,
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            read.faults.push(ImportFault { line, field: String::new(), message: error.to_string() });
            return read;
        }
    };
    let (mut rest, mut line) = (text, 1);
    for document in documents {
        let document = document.get();
        let (before, from) = rest.split_at(rest.find(document).unwrap_or(0));
        line += before.matches('\n').count();
        let first = line;
        line += document.matches('\n').count();
        rest = from.get(document.len()..).unwrap_or_default();
        match serde_json::from_str(document) {
            Ok(rule) => {
                read.rules.push(rule);
                read.lines.push(u32::try_from(first).unwrap_or(u32::MAX));
            }
            Err(error) => {
                let line = u32::try_from(first + error.line().saturating_sub(1)).unwrap_or(u32::MAX);
                read.faults.push(ImportFault { line, field: "rule".to_owned(), message: error.to_string() });
            }
        }
    }
    read
}

fn read_csv(text: &str, register: &Inner) -> Read {
    let mut read = Read::default();
    let mut reader = reader_of(text);
    let columns: HashMap<String, usize> = match reader.headers() {
        Ok(headers) => headers.iter().enumerate().map(|(at, name)| (name.to_ascii_lowercase(), at)).collect(),
        Err(error) => {
            read.faults.push(ImportFault { line: 1, field: String::new(), message: error.to_string() });
            return read;
        }
    };
    let unknown: BTreeSet<&String> = columns.keys().filter(|name| !COLUMNS.contains(&name.as_str())).collect();
    for name in unknown {
        let message = format!("there is no column {name:?}; the columns are {}", COLUMNS.join(", "));
        read.faults.push(ImportFault { line: 1, field: name.clone(), message });
    }
    if !["id", "subject"].into_iter().any(|needed| columns.contains_key(needed)) {
        let message = format!("the column \"id\" or \"subject\" is needed; the columns are {}", COLUMNS.join(", "));
        read.faults.push(ImportFault { line: 1, field: "id".to_owned(), message });
    }
    if !read.faults.is_empty() {
        return read;
    }
    let book = Book::of(register);
    for (index, record) in reader.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = clamp(error.position().map_or(0, csv::Position::line));
                read.faults.push(ImportFault { line, field: String::new(), message: error.to_string() });
                continue;
            }
        };
        let line = clamp(record.position().map_or(0, csv::Position::line));
        if index >= MAX_ROWS {
            let message = format!("at most {MAX_ROWS} rows are read: split the file");
            read.faults.push(ImportFault { line, field: String::new(), message });
            break;
        }
        match Row::of(&book, &columns, &record).and_then(|row| row.rule()) {
            Ok(rule) => {
                read.rules.push(rule);
                read.lines.push(line);
            }
            Err((field, message)) => read.faults.push(ImportFault { line, field: field.to_owned(), message }),
        }
    }
    read
}

type Fault = (&'static str, String);

/// What rules are about, by name.
struct Book<'a> {
    register: &'a Inner,
    names: Names,
}

impl<'a> Book<'a> {
    fn of(register: &'a Inner) -> Self {
        Self { register, names: Names::of(register) }
    }

    fn plant(&self) -> &Plant {
        &self.register.plant
    }

    fn sites(&self) -> impl Iterator<Item = (penstock_model::SiteId, &str)> {
        self.plant().sites.iter().map(|site| (site.id, site.name.as_str()))
    }

    fn assets(&self) -> impl Iterator<Item = (penstock_model::AssetId, &str)> {
        self.plant().assets.iter().map(|asset| (asset.id, asset.name.as_str()))
    }

    /// What finds a point again, and the unit that its values are written in.
    fn point(&self, id: PointId) -> (String, Unit) {
        match self.register.point(id) {
            Some(point) => (self.names.name_of(point), point.display_unit()),
            None => (id.to_string(), Quantity::Plain.display_unit()),
        }
    }

    fn find(&self, text: &str) -> Result<&Point, String> {
        self.names.find(text)
    }

    fn expression(&self, text: &str) -> Result<Expression, String> {
        Expression::parse(text, &|name: &str| self.find(name).map(|point| (point.id, point.display_unit())))
    }

    /// The unit that a rule's values are written in.
    fn unit(&self, subject: Subject) -> Unit {
        match subject {
            Subject::Point(id) => self.point(id).1,
            Subject::Site(_) | Subject::Asset(_) => Quantity::Plain.display_unit(),
        }
    }

    fn row(&self, rule: &AlarmRule) -> [String; COLUMNS.len()] {
        COLUMNS.map(|column| self.cell(rule, column))
    }

    fn cell(&self, rule: &AlarmRule, column: &str) -> String {
        let secs = |time: Option<Duration>| time.map(|time| figure(time.as_secs_f64())).unwrap_or_default();
        let guidance = &rule.guidance;
        match column {
            "id" => rule.id.to_string(),
            "version" => rule.version.to_string(),
            "edited" => rule.edited.to_string(),
            "enabled" => rule.enabled.to_string(),
            "name" => rule.name.clone(),
            "about" => match rule.subject {
                Subject::Point(_) => "point".to_owned(),
                Subject::Site(_) => "site".to_owned(),
                Subject::Asset(_) => "asset".to_owned(),
            },
            "subject" => match rule.subject {
                Subject::Point(id) => self.point(id).0,
                Subject::Site(id) => name_of(self.sites(), id),
                Subject::Asset(id) => name_of(self.assets(), id),
            },
            "priority" => format!("P{}", rule.priority.digit()),
            "on_delay_s" => secs(Some(rule.on_delay)),
            "off_delay_s" => secs(Some(rule.off_delay)),
            "cool_down_s" => secs(Some(rule.cool_down)),
            "class" => word(&rule.class),
            "severity" => rule.severity.as_ref().map(word).unwrap_or_default(),
            "respond_s" => secs(rule.time_to_respond),
            "latches" => rule.latches.to_string(),
            "acknowledgement" => word(&rule.acknowledgement),
            "realarm_s" => secs(rule.realarm.map(|realarm| realarm.after)),
            "realarm_most" => rule.realarm.map(|realarm| realarm.at_most.to_string()).unwrap_or_default(),
            "first_out" => rule.first_out.clone().unwrap_or_default(),
            "suppressed_while" => {
                let text = |expression: &Expression| expression.text(&|id| self.point(id));
                rule.suppressed_while.as_ref().map(text).unwrap_or_default()
            }
            "schedule" => rule.schedule.as_ref().map(Schedule::text).unwrap_or_default(),
            "longest_shelf_s" => secs(rule.longest_shelf),
            "screen" => rule.screen.clone().unwrap_or_default(),
            "cause" => guidance.cause.clone(),
            "consequence" => guidance.consequence.clone(),
            "action" => guidance.action.clone(),
            "contact" => rule.contact.clone(),
            "call_within_s" => secs(rule.call_within),
            _ => self.cell_of_condition(rule, column).unwrap_or_default(),
        }
    }

    /// A cell of what a condition is made of; none where it has no such part.
    fn cell_of_condition(&self, rule: &AlarmRule, column: &str) -> Option<String> {
        let unit = self.unit(rule.subject);
        let value = |si: f64| Some(figure(unit.from_si(si)));
        let difference = |si: f64| Some(figure(unit.difference_from_si(si)));
        let secs = |time: Duration| Some(figure(time.as_secs_f64()));
        match (column, &rule.condition) {
            ("condition", condition) => Some(condition.kind().to_owned()),
            (
                "unit",
                Condition::Limit { .. }
                | Condition::Deviation { .. }
                | Condition::Rate { .. }
                | Condition::Stuck { .. }
                | Condition::Count { .. },
            ) => Some(unit.symbol().to_owned()),
            ("level", Condition::Limit { level, .. }) => {
                LEVELS.into_iter().find(|(own, _)| own == level).map(|(_, word)| word.to_owned())
            }
            ("side", Condition::Deviation { side, .. } | Condition::Rate { side, .. }) => Some(word(side)),
            ("limit", Condition::Limit { limit, .. }) => value(*limit),
            ("setpoint", Condition::Deviation { from: Reference::Setpoint(setpoint), .. }) => value(*setpoint),
            ("from_point", Condition::Deviation { from: Reference::Point(point), .. }) => Some(self.point(*point).0),
            ("by", Condition::Deviation { by, .. }) => difference(*by),
            ("rate_per_s", Condition::Rate { per_second, .. }) => difference(*per_second),
            ("band", Condition::Stuck { within, .. }) => difference(*within),
            (
                "deadband",
                Condition::Limit { deadband, .. }
                | Condition::Deviation { deadband, .. }
                | Condition::Rate { deadband, .. },
            ) => difference(*deadband),
            ("score", Condition::Anomaly { score }) => Some(figure(*score)),
            (
                "time_s",
                Condition::Rate { over: time, .. }
                | Condition::Stuck { after: time, .. }
                | Condition::Silence { after: time }
                | Condition::Count { within: time, .. },
            ) => secs(*time),
            ("states", Condition::State { states }) => {
                Some(states.iter().map(i64::to_string).collect::<Vec<_>>().join("; "))
            }
            ("test", Condition::Count { of, .. }) => Some(of.text(unit)),
            ("count", Condition::Count { at_least, .. }) => Some(at_least.to_string()),
            ("expression", Condition::Expression(expression)) => Some(expression.text(&|id| self.point(id))),
            _ => None,
        }
    }
}

/// What finds a place again: its name where it alone has it, else its id.
fn name_of<'a, I: PartialEq + Display>(all: impl Iterator<Item = (I, &'a str)>, id: I) -> String {
    let all: Vec<(I, &str)> = all.collect();
    let name = all.iter().find(|(own, _)| *own == id).map(|(_, name)| *name);
    match name.filter(|name| all.iter().filter(|(_, other)| other == name).count() == 1) {
        Some(name) => name.to_owned(),
        None => id.to_string(),
    }
}

/// The place that a text names.
fn find_named<'a, I: PartialEq + FromStr>(
    all: impl Iterator<Item = (I, &'a str)>,
    text: &str,
    what: &str,
) -> Result<I, String> {
    let id: Option<I> = text.parse().ok();
    let is_meant = |(own, name): &(I, &str)| *name == text || id.as_ref() == Some(own);
    let mut found: Vec<I> = all.filter(is_meant).map(|(own, _)| own).collect();
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(format!("several are called {text:?}: give the id of the {what}")),
        (None, _) => Err(format!("there is no {what} {text:?}: give its name or id as the plant has it")),
    }
}

/// A row of a file, beside the rule that it changes.
struct Row<'a> {
    book: &'a Book<'a>,
    columns: &'a HashMap<String, usize>,
    record: &'a csv::StringRecord,
    stored: Option<&'a AlarmRule>,
    /// What an export writes of the stored rule.
    written: BTreeMap<&'static str, String>,
}

/// How a number of a file becomes SI.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Value,
    Difference,
}

impl<'a> Row<'a> {
    fn of(
        book: &'a Book<'a>,
        columns: &'a HashMap<String, usize>,
        record: &'a csv::StringRecord,
    ) -> Result<Self, Fault> {
        let mut row = Self { book, columns, record, stored: None, written: BTreeMap::new() };
        let id = row.text("id").filter(|text| !text.is_empty());
        let id: Option<RuleId> = id.map(str::parse::<RuleId>).transpose().map_err(|_no_uuid| {
            ("id", "this is no id: leave it as it was exported, or empty for a new rule".to_owned())
        })?;
        row.stored = id.and_then(|id| book.register.rules.get(&id));
        if let Some(rule) = row.stored {
            row.written = COLUMNS.into_iter().zip(book.row(rule)).collect();
        } else if id.is_some() {
            return Err(("id", "there is no such rule here: leave the id empty to make a new one".to_owned()));
        }
        Ok(row)
    }

    /// The text of a column; none where the column is not there.
    fn text(&self, column: &str) -> Option<&'a str> {
        let (record, at) = (self.record, self.columns.get(column)?);
        record.get(*at).map(|text| penstock_archive::plain(text.trim()))
    }

    /// The text of a column where it says otherwise than what is stored.
    fn given(&self, column: &str) -> Option<&'a str> {
        let text = self.text(column)?;
        let is_as_written = self.written.get(column).is_some_and(|written| written.trim() == text);
        (!is_as_written).then_some(text)
    }

    fn rule(&self) -> Result<AlarmRule, Fault> {
        let subject = self.subject()?;
        let condition = self.condition(subject)?;
        let new = || AlarmRule::new(RuleId(uuid::Uuid::nil()), subject, condition.clone());
        let mut rule = self.stored.cloned().unwrap_or_else(new);
        (rule.subject, rule.condition) = (subject, condition);
        if let Some(text) = self.given("version").filter(|text| !text.is_empty()) {
            rule.version = whole("version", text)?;
        }
        self.put("edited", &mut rule.edited, flag)?;
        self.put("enabled", &mut rule.enabled, flag)?;
        self.put("latches", &mut rule.latches, flag)?;
        self.put("name", &mut rule.name, |_, text| Ok(text.to_owned()))?;
        self.put("priority", &mut rule.priority, |_, text| priority(text))?;
        self.put("class", &mut rule.class, one_of::<AlarmClass>)?;
        self.put("severity", &mut rule.severity, |column, text| optional(column, text, one_of::<Severity>))?;
        self.put("acknowledgement", &mut rule.acknowledgement, |column, text| match text {
            "" => Ok(AcknowledgementModel::default()),
            text => one_of(column, text),
        })?;
        self.put("on_delay_s", &mut rule.on_delay, time_or_none)?;
        self.put("off_delay_s", &mut rule.off_delay, time_or_none)?;
        self.put("cool_down_s", &mut rule.cool_down, time_or_none)?;
        self.put("respond_s", &mut rule.time_to_respond, |column, text| optional(column, text, time))?;
        self.put("longest_shelf_s", &mut rule.longest_shelf, |column, text| optional(column, text, time))?;
        rule.realarm = self.realarm(rule.realarm)?;
        let some_text = |_: &'static str, text: &str| Ok((!text.is_empty()).then(|| text.to_owned()));
        self.put("first_out", &mut rule.first_out, some_text)?;
        self.put("screen", &mut rule.screen, some_text)?;
        self.put("suppressed_while", &mut rule.suppressed_while, |column, text| {
            optional(column, text, |column, text| self.book.expression(text).map_err(|problem| (column, problem)))
        })?;
        self.put("schedule", &mut rule.schedule, |column, text| {
            optional(column, text, |column, text| Schedule::parse(text).map_err(|problem| (column, problem)))
        })?;
        self.put("cause", &mut rule.guidance.cause, |_, text| Ok(text.to_owned()))?;
        self.put("consequence", &mut rule.guidance.consequence, |_, text| Ok(text.to_owned()))?;
        self.put("action", &mut rule.guidance.action, |_, text| Ok(text.to_owned()))?;
        self.put("contact", &mut rule.contact, |_, text| Ok(text.to_owned()))?;
        self.put("call_within_s", &mut rule.call_within, |column, text| optional(column, text, time))?;
        Ok(rule)
    }

    /// Takes what a column says, where it says otherwise than what is stored.
    fn put<T>(
        &self,
        column: &'static str,
        into: &mut T,
        read: impl FnOnce(&'static str, &str) -> Result<T, Fault>,
    ) -> Result<(), Fault> {
        if let Some(text) = self.given(column) {
            *into = read(column, text)?;
        }
        Ok(())
    }

    fn subject(&self) -> Result<Subject, Fault> {
        if let Some(stored) = self.stored
            && self.given("about").is_none()
            && self.given("subject").is_none()
        {
            return Ok(stored.subject);
        }
        let text = self.text("subject").unwrap_or_default();
        if text.is_empty() {
            return Err(("subject", "name the point, site or asset that the rule is about".to_owned()));
        }
        let wrong = |problem: String| ("subject", problem);
        match self.text("about").unwrap_or_default() {
            "" | "point" => self.book.find(text).map(|point| Subject::Point(point.id)).map_err(wrong),
            "site" => find_named(self.book.sites(), text, "site").map(Subject::Site).map_err(wrong),
            "asset" => find_named(self.book.assets(), text, "asset").map(Subject::Asset).map_err(wrong),
            other => Err(("about", format!("{other:?} is not known: use one of point, site, asset"))),
        }
    }

    fn realarm(&self, had: Option<Realarm>) -> Result<Option<Realarm>, Fault> {
        let (mut after, mut at_most) = (had.map(|had| had.after), had.map(|had| had.at_most));
        self.put("realarm_s", &mut after, |column, text| optional(column, text, time))?;
        self.put("realarm_most", &mut at_most, |column, text| optional(column, text, whole::<u32>))?;
        match (after, at_most) {
            (Some(after), Some(at_most)) => Ok(Some(Realarm { after, at_most })),
            (None, None) => Ok(None),
            _ => Err(("realarm_s", "realarm_s and realarm_most go together: give both or none".to_owned())),
        }
    }

    fn condition(&self, subject: Subject) -> Result<Condition, Fault> {
        let is_same_subject = self.stored.is_some_and(|stored| stored.subject == subject);
        if let Some(stored) = self.stored
            && is_same_subject
            && of_condition().all(|column| self.given(column).is_none())
        {
            return Ok(stored.condition.clone());
        }
        let stored = self.stored.map(|stored| &stored.condition);
        let kind = match self.text("condition") {
            Some(kind) if !kind.is_empty() => kind,
            _ => stored.map(Condition::kind).unwrap_or_default(),
        };
        let had = stored.filter(|had| had.kind() == kind);
        let unit = self.unit(subject)?;
        // A number that is left as it was exported is the stored one, unless it is read in another unit now.
        let keeps = is_same_subject && self.given("unit").is_none();
        let number = |column: &'static str, scale: Scale, had: Option<f64>| -> Result<Option<f64>, Fault> {
            if keeps && self.given(column).is_none() && had.is_some() {
                return Ok(had);
            }
            let Some(text) = self.text(column).filter(|text| !text.is_empty()) else { return Ok(None) };
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            let wrong = || (column, format!("{text:?} is not a number; write it with a decimal point"));
            let value = value.ok_or_else(wrong)?;
            Ok(Some(match scale {
                Scale::Value => unit.to_si(value),
                Scale::Difference => unit.difference_to_si(value),
            }))
        };
        let needed = |column: &'static str, scale: Scale, had: Option<f64>| -> Result<f64, Fault> {
            number(column, scale, had)?.ok_or_else(|| missing(column, kind))
        };
        let or_nothing = |had: Option<f64>| number("deadband", Scale::Difference, had).map(Option::unwrap_or_default);
        let lasting = |had: Option<Duration>| match (had, self.given("time_s"), self.text("time_s")) {
            (Some(had), None, _) => Ok(had),
            (_, _, Some(text)) if !text.is_empty() => time("time_s", text),
            _ => Err(missing("time_s", kind)),
        };
        let side = |had: Option<Side>| match (had, self.given("side"), self.text("side")) {
            (Some(had), None, _) => Ok(had),
            (_, _, Some(text)) if !text.is_empty() => one_of("side", text),
            _ => Ok(Side::Either),
        };
        match kind {
            "limit" => {
                let had = match had {
                    Some(Condition::Limit { level, limit, deadband }) => Some((*level, *limit, *deadband)),
                    _ => None,
                };
                let level = match (self.text("level"), had) {
                    (Some(text), _) if !text.is_empty() => LEVELS
                        .into_iter()
                        .find(|(_, word)| word.eq_ignore_ascii_case(text))
                        .map(|(level, _)| level)
                        .ok_or_else(|| ("level", format!("{text:?} is no limit: use one of LL, L, H, HH")))?,
                    (_, Some((level, ..))) => level,
                    (_, None) => return Err(missing("level", kind)),
                };
                let limit = needed("limit", Scale::Value, had.map(|(_, limit, _)| limit))?;
                Ok(Condition::Limit { level, limit, deadband: or_nothing(had.map(|(.., deadband)| deadband))? })
            }
            "deviation" => {
                let had = match had {
                    Some(Condition::Deviation { from, side, by, deadband }) => Some((*from, *side, *by, *deadband)),
                    _ => None,
                };
                let from = self.reference(had.map(|(from, ..)| from), &number)?;
                let by = needed("by", Scale::Difference, had.map(|(_, _, by, _)| by))?;
                let deadband = or_nothing(had.map(|(.., deadband)| deadband))?;
                Ok(Condition::Deviation { from, side: side(had.map(|(_, side, ..)| side))?, by, deadband })
            }
            "rate" => {
                let had = match had {
                    Some(Condition::Rate { side, per_second, over, deadband }) => {
                        Some((*side, *per_second, *over, *deadband))
                    }
                    _ => None,
                };
                let per_second = needed("rate_per_s", Scale::Difference, had.map(|(_, rate, ..)| rate))?;
                let deadband = or_nothing(had.map(|(.., deadband)| deadband))?;
                let over = lasting(had.map(|(_, _, over, _)| over))?;
                Ok(Condition::Rate { side: side(had.map(|(side, ..)| side))?, per_second, over, deadband })
            }
            "stuck" => {
                let had = match had {
                    Some(Condition::Stuck { within, after }) => Some((*within, *after)),
                    _ => None,
                };
                let within = needed("band", Scale::Difference, had.map(|(within, _)| within))?;
                Ok(Condition::Stuck { within, after: lasting(had.map(|(_, after)| after))? })
            }
            "silence" => {
                let had = match had {
                    Some(Condition::Silence { after }) => Some(*after),
                    _ => None,
                };
                Ok(Condition::Silence { after: lasting(had)? })
            }
            "state" => {
                let text = self.text("states").unwrap_or_default();
                let states = text.split([';', ' ', ',']).filter(|state| !state.is_empty());
                let states: BTreeSet<i64> = states.map(|state| whole("states", state)).collect::<Result<_, _>>()?;
                match (had, self.text("states")) {
                    (Some(had), None) => Ok(had.clone()),
                    _ => Ok(Condition::State { states }),
                }
            }
            "anomaly" => {
                let text = self.text("score").filter(|text| !text.is_empty());
                let score = text.and_then(|text| text.parse::<f64>().ok()).filter(|score| score.is_finite());
                match (had, self.given("score"), score) {
                    (Some(had), None, _) => Ok(had.clone()),
                    (.., Some(score)) => Ok(Condition::Anomaly { score }),
                    (.., None) => Err(missing("score", kind)),
                }
            }
            "count" => {
                let had = match had {
                    Some(Condition::Count { of, at_least, within }) => Some((*of, *at_least, *within)),
                    _ => None,
                };
                let of = match (had, self.given("test"), self.text("test")) {
                    (Some((of, ..)), None, _) if keeps => of,
                    (_, _, Some(text)) if !text.is_empty() => {
                        Test::parse(text, unit).map_err(|problem| ("test", problem))?
                    }
                    _ => return Err(missing("test", kind)),
                };
                let at_least = match (had, self.text("count")) {
                    (_, Some(text)) if !text.is_empty() => whole("count", text)?,
                    (Some((_, at_least, _)), _) => at_least,
                    (None, _) => return Err(missing("count", kind)),
                };
                Ok(Condition::Count { of, at_least, within: lasting(had.map(|(.., within)| within))? })
            }
            "expression" => match (had, self.given("expression"), self.text("expression")) {
                (Some(had), None, _) => Ok(had.clone()),
                (_, _, Some(text)) if !text.is_empty() => {
                    let expression = self.book.expression(text).map_err(|problem| ("expression", problem))?;
                    Ok(Condition::Expression(expression))
                }
                _ => Err(missing("expression", kind)),
            },
            other => Err((
                "condition",
                format!(
                    "{other:?} is not known: use one of limit, deviation, rate, stuck, silence, state, expression, \
                     anomaly, count"
                ),
            )),
        }
    }

    /// The unit that the row's values are in: the one it names, else the one that screens show.
    fn unit(&self, subject: Subject) -> Result<Unit, Fault> {
        let usual = self.book.unit(subject);
        let Some(text) = self.given("unit").filter(|text| !text.is_empty()) else { return Ok(usual) };
        let unit = Unit::parse(text).map_err(|error| ("unit", error.to_string()))?;
        if unit.quantity() == usual.quantity() {
            Ok(unit)
        } else {
            Err(("unit", format!("{unit} does not measure {}: use {usual}", usual.quantity().name())))
        }
    }

    fn reference(
        &self,
        had: Option<Reference>,
        number: &impl Fn(&'static str, Scale, Option<f64>) -> Result<Option<f64>, Fault>,
    ) -> Result<Reference, Fault> {
        let (had_setpoint, had_point) = match had {
            Some(Reference::Setpoint(setpoint)) => (Some(setpoint), None),
            Some(Reference::Point(point)) => (None, Some(point)),
            None => (None, None),
        };
        let point = match (self.given("from_point"), self.text("from_point")) {
            (None, _) if had_point.is_some() => had_point,
            (_, Some(text)) if !text.is_empty() => {
                Some(self.book.find(text).map_err(|problem| ("from_point", problem))?.id)
            }
            _ => None,
        };
        let is_setpoint_given = self.text("setpoint").is_none_or(|text| !text.is_empty());
        let setpoint = if is_setpoint_given { number("setpoint", Scale::Value, had_setpoint)? } else { None };
        match (setpoint, point) {
            (Some(setpoint), None) => Ok(Reference::Setpoint(setpoint)),
            (None, Some(point)) => Ok(Reference::Point(point)),
            _ => Err(("setpoint", "give either setpoint or from_point".to_owned())),
        }
    }
}

fn missing(column: &'static str, kind: &str) -> Fault {
    (column, format!("a rule of the kind {kind} needs this: fill it in"))
}

fn flag(column: &'static str, text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" | "" => Ok(false),
        _ => Err((column, format!("{text:?} is neither true nor false"))),
    }
}

fn whole<N: FromStr>(column: &'static str, text: &str) -> Result<N, Fault> {
    text.parse().map_err(|_no_number| (column, format!("{text:?} is no whole number that fits here")))
}

fn time(column: &'static str, text: &str) -> Result<Duration, Fault> {
    let secs = text.parse::<f64>().ok().and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    secs.ok_or_else(|| (column, format!("{text:?} is not a number of seconds from 0")))
}

/// Nothing written is no time at all.
fn time_or_none(column: &'static str, text: &str) -> Result<Duration, Fault> {
    if text.is_empty() { Ok(Duration::ZERO) } else { time(column, text) }
}

fn priority(text: &str) -> Result<Priority, Fault> {
    let found = Priority::ALL.into_iter().find(|priority| {
        let digit = priority.digit().to_string();
        text.strip_prefix(['P', 'p']).unwrap_or(text) == digit
    });
    found.ok_or_else(|| ("priority", format!("{text:?} is no priority: use one of P1, P2, P3, P4")))
}

fn one_of<T: serde::de::DeserializeOwned>(column: &'static str, text: &str) -> Result<T, Fault> {
    from_word(text, column).map_err(|message| (column, message))
}

/// What a field says that may be empty.
fn optional<T>(
    column: &'static str,
    text: &str,
    read: impl FnOnce(&'static str, &str) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    if text.is_empty() { Ok(None) } else { read(column, text).map(Some) }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Guidance, PointNo, Site, SiteId, SiteKind, TenantId, Timestamp, Window};

    use super::*;
    use crate::register::Register;

    /// Two flows and a pump of one name on a site, and a rule of each kind.
    fn register() -> Register {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let site = Site {
            id: SiteId::derived(tenant.0, "PS-1"),
            name: "PS-1".to_owned(),
            kind: SiteKind::Pumping,
            area: None,
            position: None,
        };
        let subject = Subject::Site(site.id);
        let plant = Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![site],
            assets: vec![],
            pipes: vec![],
        };
        let text = "source,address,name,quantity,unit,site\nlocal,a,FT-1,flow,L/s,PS-1\n\
                    local,b,FT-1,flow,L/s,PS-1\nlocal,c,TT-1,temperature,°C,PS-1\nlocal,d,PU-1,state,,PS-1\n";
        let (points, faults) = crate::points_csv::read(text, tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        let points: Vec<Point> = (1..).map(PointNo).zip(points).map(|(no, point)| Point { no, ..point }).collect();
        let [flow, other, warm, pump] = [0, 1, 2, 3].map(|at: usize| points[at].id);
        let third = 1.0 / 3.0;
        let expression = Expression::all(vec![
            Expression::Point { point: flow, test: Test::AtLeast(third) },
            Expression::Not(Box::new(Expression::Point { point: pump, test: Test::Is(1) })),
        ]);
        let time = Duration::from_millis(90_500);
        let conditions = [
            (warm, Condition::Limit { level: LimitLevel::HighHigh, limit: 300.0 + third, deadband: third }),
            (
                flow,
                Condition::Deviation {
                    from: Reference::Setpoint(third / 7.0),
                    side: Side::Above,
                    by: third / 9.0,
                    deadband: 0.0,
                },
            ),
            (
                flow,
                Condition::Deviation { from: Reference::Point(other), side: Side::Either, by: third, deadband: 1e-7 },
            ),
            (warm, Condition::Rate { side: Side::Below, per_second: third / 1e6, over: time, deadband: 0.0 }),
            (flow, Condition::Stuck { within: 0.1 + 0.2, after: time }),
            (pump, Condition::State { states: BTreeSet::from([-1, 3]) }),
            (pump, Condition::Count { of: Test::AtLeast(third), at_least: 6, within: time }),
            (other, Condition::Anomaly { score: 0.8 }),
        ];
        let rule = |(subject, condition): (Subject, Condition), name: String| {
            AlarmRule::new(RuleId::derived(tenant.0, &name), subject, condition)
        };
        let of_points = conditions.into_iter().map(|(point, condition)| (Subject::Point(point), condition));
        let of_site =
            [(subject, Condition::Silence { after: time }), (subject, Condition::Expression(expression.clone()))];
        let mut rules: Vec<AlarmRule> =
            of_points.chain(of_site).enumerate().map(|(at, rule_of)| rule(rule_of, format!("rule {at}"))).collect();
        let full = &mut rules[0];
        full.version = 4;
        full.edited = true;
        full.name = "Bearing, \"hot\"".into();
        full.priority = Priority::P1;
        full.guidance = Guidance { cause: "a\nb".into(), consequence: " c ".into(), action: "= d".into() };
        full.latches = true;
        full.acknowledgement = AcknowledgementModel::AfterReturn;
        full.realarm = Some(Realarm { after: time, at_most: 3 });
        full.severity = Some(Severity::Severe);
        full.time_to_respond = Some(Duration::from_secs(600));
        full.first_out = Some("Pump 1".into());
        full.suppressed_while = Some(expression);
        full.schedule = Some(Schedule { windows: vec![Window { days: [true; 7], from_minute: 60, minutes: 90 }] });
        full.longest_shelf = Some(Duration::from_secs(3_600));
        full.screen = Some("/trends".into());
        full.contact = "Duty engineer\nArea manager".into();
        full.call_within = Some(Duration::from_secs(600));
        rules[1].enabled = false;
        Register::new(plant, points, rules)
    }

    fn stored(register: &Inner) -> Vec<AlarmRule> {
        register.rules.values().cloned().collect()
    }

    #[test]
    fn what_a_condition_is_made_of_stands_side_by_side() {
        let columns: Vec<&str> = of_condition().collect();
        assert_eq!((columns[0], columns[columns.len() - 1], columns.len()), ("condition", "expression", 17));
    }

    #[test]
    fn an_export_brought_in_again_changes_nothing() {
        let register = register();
        let inner = register.lock();
        for text in [write_csv(&inner), write_json(&inner).expect("plain")] {
            let Read { rules, lines, faults } = read(&text, &inner);
            assert_eq!(faults, vec![]);
            assert_eq!(rules, stored(&inner));
            assert!(lines.windows(2).all(|pair| pair[0] < pair[1]) && lines.len() == rules.len());
        }
    }

    #[test]
    fn what_somebody_wrote_is_no_formula_and_comes_back() {
        let register = register();
        let mut inner = register.lock();
        let id = RuleId::derived(inner.plant.tenant.0, "rule 0");
        let rule = inner.rules.get_mut(&id).expect("a rule");
        rule.name = "=HYPERLINK(\"http://elsewhere\")".to_owned();
        rule.guidance.cause = "'@SUM(A1)".to_owned();
        rule.guidance.action = "- close the valve".to_owned();
        let text = write_csv(&inner);
        for guarded in ["\"'=HYPERLINK(", ",''@SUM(A1),", ",'- close the valve,"] {
            assert!(text.contains(guarded), "{guarded} in {text}");
        }
        let Read { rules, faults, .. } = read(&text, &inner);
        assert_eq!(faults, vec![]);
        assert_eq!(rules, stored(&inner));
        // Also where there is nothing stored to be left as it is.
        let new = "subject,condition,level,limit,deadband,name\nTT-1,limit,H,-5,1,'=1\n";
        let Read { rules, faults, .. } = read(new, &inner);
        assert_eq!(faults, vec![]);
        assert_eq!(rules[0].name, "=1");
    }

    /// The rows of an export as a spreadsheet has them, with one cell changed.
    fn with_cell(text: &str, id: RuleId, column: &str, value: &str) -> String {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let at = reader.headers().expect("headings").iter().position(|name| name == column).expect("a column");
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS).expect("in memory");
        for record in reader.records() {
            let record = record.expect("well formed");
            let is_meant = record.get(0) == Some(id.to_string().as_str());
            let cells = record.iter().enumerate().map(|(own, cell)| if is_meant && own == at { value } else { cell });
            writer.write_record(cells).expect("in memory");
        }
        String::from_utf8(writer.into_inner().expect("in memory")).expect("text")
    }

    #[test]
    fn what_a_cell_says_otherwise_is_all_that_changes() {
        let register = register();
        let inner = register.lock();
        let text = write_csv(&inner);
        let rule = |at: usize| inner.rules[&RuleId::derived(inner.plant.tenant.0, &format!("rule {at}"))].clone();
        let check = |at: usize, column: &str, value: &str, expect: AlarmRule| {
            let Read { rules, faults, .. } = read(&with_cell(&text, expect.id, column, value), &inner);
            assert_eq!(faults, vec![], "{column}");
            for (rule, stored) in rules.iter().zip(stored(&inner)) {
                assert_eq!(*rule, if rule.id == expect.id { expect.clone() } else { stored }, "{column} of {at}");
            }
        };
        let Condition::Limit { level, limit, .. } = rule(0).condition else { panic!("a limit") };
        // A degree is a kelvin where it is a difference.
        let wider = Condition::Limit { level, limit, deadband: 2.5 };
        check(0, "deadband", "2.5", AlarmRule { condition: wider, ..rule(0) });
        check(0, "priority", "p3", AlarmRule { priority: Priority::P3, ..rule(0) });
        check(0, "schedule", "", AlarmRule { schedule: None, ..rule(0) });
        check(0, "enabled", "FALSE", AlarmRule { enabled: false, ..rule(0) });
        check(0, "on_delay_s", "1.5", AlarmRule { on_delay: Duration::from_millis(1_500), ..rule(0) });
        let silent = Condition::Silence { after: Duration::from_secs(60) };
        check(8, "time_s", "60", AlarmRule { condition: silent, ..rule(8) });
        let states = Condition::State { states: BTreeSet::from([2]) };
        check(5, "states", "2", AlarmRule { condition: states, ..rule(5) });
    }

    #[test]
    fn a_row_without_an_id_is_a_new_rule() {
        let register = register();
        let inner = register.lock();
        let text = "subject,condition,level,limit,unit,deadband,suppressed_while\n\
                    TT-1,limit,H,50,,1,[PU-1] is 0\nlocal,limit,H,1,,,\nb,limit,L,36,m3/h,,\n";
        let Read { rules, lines, faults } = read(text, &inner);
        assert_eq!(lines, vec![2, 4]);
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), vec![3]);
        assert!(rules[0].id.0.is_nil() && rules[0].enabled && rules[0].suppressed_while.is_some());
        let is = |rule: &AlarmRule, expect: f64| matches!(rule.condition, Condition::Limit { limit, .. } if (limit - expect).abs() < 1e-9);
        assert!(is(&rules[0], 323.15) && is(&rules[1], 0.01));
    }

    #[test]
    fn faults_come_with_line_and_column() {
        let register = register();
        let inner = register.lock();
        let check = |row: &str, field: &str| {
            let text = format!("subject,about,condition,level,limit,unit,time_s,expression,class,schedule\n{row}\n");
            let found: Vec<_> = read(&text, &inner).faults.into_iter().map(|fault| (fault.line, fault.field)).collect();
            assert_eq!(found, vec![(2, field.to_owned())], "{row}");
        };
        check("FT-1,,limit,H,1,,,,,", "subject");
        check(",,limit,H,1,,,,,", "subject");
        check("PS-9,site,silence,,,,60,,,", "subject");
        check("PS-1,place,silence,,,,60,,,", "about");
        check("TT-1,,heat,,,,,,,", "condition");
        check("TT-1,,limit,,1,,,,,", "level");
        check("TT-1,,limit,H,,,,,,", "limit");
        check("TT-1,,limit,H,\"1,5\",,,,,", "limit");
        check("TT-1,,limit,H,1,bar,,,,", "unit");
        check("PS-1,site,silence,,,,soon,,,", "time_s");
        check("PS-1,site,expression,,,,,[TT-1] > 2,,", "expression");
        check("TT-1,,limit,H,1,,,,fun,", "class");
        check("TT-1,,limit,H,1,,,,supply,always", "schedule");

        let faults = |text: &str| read(text, &inner).faults.into_iter().map(|fault| fault.line).collect::<Vec<_>>();
        assert_eq!(faults("id,colour\n"), vec![1]);
        assert_eq!(faults("id,subject\nnothing,TT-1\n"), vec![2]);
        assert_eq!(faults("[\n  {}\n]"), vec![2]);
        assert_eq!(faults("[\n  {"), vec![2]);
    }
}
