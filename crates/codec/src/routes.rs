//! Which topic is decoded how, and under which address. Knows topics, not payloads.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Error, Problem};

/// How a payload is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JSON where it begins like an object or a list, else plain.
    #[default]
    Auto,
    /// JSON in one of the shapes of the crate's page.
    Json,
    /// A number, a state word, a number with a unit, or a short list of them.
    Plain,
    /// Whether a device is online, as text or JSON.
    Status,
    /// An alert that a device raised.
    Alert,
}

/// A configured route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Topics it is for: levels with `/` between; `{name}` and `+` stand for any one level, `#` at the end for any
    /// number.
    pub pattern: String,
    /// How their payloads are read.
    #[serde(default)]
    pub format: Format,
    /// The address their readings get: text with `{name}` for a level of the topic, `{topic}` for the whole.
    #[serde(default = "topic")]
    pub address: String,
}

fn topic() -> String {
    "{topic}".to_owned()
}

/// Where a message goes: how it is read, and the address of its readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// How it is read.
    pub format: Format,
    /// The address, which is that of the reading where there is one, and stands ahead of `#field` where there are more.
    pub address: Cow<'a, str>,
    /// Whether the address tells the sensor. Where it does not, a `sensor_id` inside the message becomes part of it.
    pub is_named: bool,
}

impl<'a> Target<'a> {
    /// A target whose address does not tell the sensor.
    pub fn new(format: Format, address: impl Into<Cow<'a, str>>) -> Self {
        Self { format, address: address.into(), is_named: false }
    }

    /// The address of a field of the message.
    pub(crate) fn field(&self, name: &str) -> String {
        format!("{}#{name}", self.address)
    }
}

/// Compiled routes; the first that matches a topic wins.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    routes: Vec<Compiled>,
}

#[derive(Debug, Clone)]
struct Compiled {
    levels: Vec<Level>,
    /// Whether any further levels may follow, from a `#`.
    is_open: bool,
    format: Format,
    address: Vec<Part>,
    is_named: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Exactly(String),
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Topic,
    /// The topic's level of this number.
    Level(usize),
}

impl Routes {
    /// Compiles routes; none at all match nothing.
    ///
    /// # Errors
    /// [`Error`] for the first that is wrong.
    pub fn compile(routes: &[Route]) -> Result<Self, Error> {
        let compiled = routes
            .iter()
            .map(|route| compile(route).map_err(|problem| Error { pattern: route.pattern.clone(), problem }));
        Ok(Self { routes: compiled.collect::<Result<_, _>>()? })
    }

    /// The routes that hold where none are configured.
    pub fn standard_routes() -> Vec<Route> {
        let route = |pattern: &str, format, address: &str| Route {
            pattern: pattern.to_owned(),
            format,
            address: address.to_owned(),
        };
        vec![
            route("jjm/sensors/{id}/data", Format::Json, "{id}"),
            route("jjm/sensors/{id}/status", Format::Status, "{id}#status"),
            route("jjm/alerts/#", Format::Alert, "{topic}"),
            route("#", Format::Auto, "{topic}"),
        ]
    }

    /// [`Routes::standard_routes`], compiled.
    pub fn standard() -> Self {
        Self { routes: Self::standard_routes().iter().filter_map(|route| compile(route).ok()).collect() }
    }

    /// Where a message on `topic` goes; none where no route is for it. A wildcard at the beginning is not for topics
    /// that start with `$`, as MQTT has it.
    pub fn find<'t>(&self, topic: &'t str) -> Option<Target<'t>> {
        let route = self.routes.iter().find(|route| route.matches(topic))?;
        Some(Target { format: route.format, address: route.address_of(topic), is_named: route.is_named })
    }

    /// The MQTT filters to subscribe to, without those that another one covers.
    pub fn filters(&self) -> Vec<String> {
        let mut filters: Vec<String> = Vec::new();
        for (no, route) in self.routes.iter().enumerate() {
            let covers = |(other_no, other): (usize, &Compiled)| {
                other_no != no && other.covers(route) && (other_no < no || !route.covers(other))
            };
            if !self.routes.iter().enumerate().any(covers) {
                filters.push(route.filter());
            }
        }
        filters
    }
}

impl Compiled {
    fn matches(&self, topic: &str) -> bool {
        let is_system = topic.starts_with('$');
        if is_system && !matches!(self.levels.first(), Some(Level::Exactly(_))) {
            return false;
        }
        let mut rest = topic.split('/');
        for level in &self.levels {
            match (level, rest.next()) {
                (_, None) => return false,
                (Level::Any, Some(_)) => {}
                (Level::Exactly(text), Some(given)) if text == given => {}
                (Level::Exactly(_), Some(_)) => return false,
            }
        }
        self.is_open || rest.next().is_none()
    }

    fn address_of<'t>(&self, topic: &'t str) -> Cow<'t, str> {
        let value = |part: &Part| -> Cow<'t, str> {
            match part {
                Part::Text(text) => Cow::Owned(text.clone()),
                Part::Topic => Cow::Borrowed(topic),
                Part::Level(no) => Cow::Borrowed(topic.split('/').nth(*no).unwrap_or_default()),
            }
        };
        match self.address.as_slice() {
            [part] => value(part),
            parts => {
                let mut address = String::with_capacity(topic.len() + 16);
                for part in parts {
                    address.push_str(&value(part));
                }
                Cow::Owned(address)
            }
        }
    }

    fn filter(&self) -> String {
        let levels = self.levels.iter().map(|level| match level {
            Level::Exactly(text) => text.as_str(),
            Level::Any => "+",
        });
        levels.chain(self.is_open.then_some("#")).collect::<Vec<_>>().join("/")
    }

    /// Whether every topic of `other` is one of this too.
    fn covers(&self, other: &Self) -> bool {
        let is_system = matches!(other.levels.first(), Some(Level::Exactly(text)) if text.starts_with('$'));
        if is_system && !matches!(self.levels.first(), Some(Level::Exactly(_))) {
            return false;
        }
        let as_many = self.levels.len() == other.levels.len() && self.is_open == other.is_open;
        let is_wider = self.is_open && self.levels.len() <= other.levels.len();
        let mut pairs = self.levels.iter().zip(&other.levels);
        (as_many || is_wider) && pairs.all(|(wide, narrow)| *wide == Level::Any || wide == narrow)
    }
}

fn compile(route: &Route) -> Result<Compiled, Problem> {
    let pattern = route.pattern.as_str();
    if pattern.is_empty() {
        return Err(Problem::Empty);
    }
    if pattern.len() > 65_535 {
        return Err(Problem::TooLong);
    }
    let mut names: Vec<(&str, usize)> = Vec::new();
    let mut levels = Vec::new();
    let mut is_open = false;
    for (no, level) in pattern.split('/').enumerate() {
        if is_open {
            return Err(Problem::Hash);
        }
        if level == "#" {
            is_open = true;
        } else if level == "+" {
            levels.push(Level::Any);
        } else if let Some(name) = level.strip_prefix('{').and_then(|level| level.strip_suffix('}')) {
            if name.is_empty() || name.contains(['{', '}', '+', '#']) {
                return Err(Problem::Braces);
            }
            if name == "topic" {
                return Err(Problem::Reserved);
            }
            if names.iter().any(|&(known, _)| known == name) {
                return Err(Problem::Twice(name.to_owned()));
            }
            names.push((name, no));
            levels.push(Level::Any);
        } else if level.contains('#') {
            return Err(Problem::Hash);
        } else if level.contains('+') {
            return Err(Problem::Plus);
        } else if level.contains(['{', '}']) {
            return Err(Problem::Braces);
        } else {
            levels.push(Level::Exactly(level.to_owned()));
        }
    }
    let address = address_parts(&route.address, &names)?;
    let is_named = address.iter().any(|part| matches!(part, Part::Level(_)));
    Ok(Compiled { levels, is_open, format: route.format, address, is_named })
}

fn address_parts(address: &str, names: &[(&str, usize)]) -> Result<Vec<Part>, Problem> {
    if address.is_empty() {
        return Err(Problem::NoAddress);
    }
    let mut parts = Vec::new();
    let mut rest = address;
    while let Some((text, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}').ok_or(Problem::AddressBraces)?;
        push_text(&mut parts, text)?;
        parts.push(match names.iter().find(|&&(known, _)| known == name) {
            _ if name == "topic" => Part::Topic,
            Some(&(_, no)) => Part::Level(no),
            None => return Err(Problem::Unknown(name.to_owned())),
        });
        rest = tail;
    }
    push_text(&mut parts, rest)?;
    Ok(parts)
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), Problem> {
    if text.contains('}') {
        return Err(Problem::AddressBraces);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Routes {
        let route = |pattern: &&str| Route { pattern: (*pattern).to_owned(), format: Format::Auto, address: topic() };
        Routes::compile(&patterns.iter().map(route).collect::<Vec<_>>()).expect("good patterns")
    }

    #[test]
    fn standard_topics() {
        let check = |topic: &str, expected: Option<(Format, &str, bool)>| {
            let routes = Routes::standard();
            let target = routes.find(topic);
            let got = target.as_ref().map(|target| (target.format, target.address.as_ref(), target.is_named));
            assert_eq!(got, expected, "{topic}");
        };
        check("jjm/sensors/S0001/data", Some((Format::Json, "S0001", true)));
        check("jjm/sensors/S0001/status", Some((Format::Status, "S0001#status", true)));
        check("jjm/alerts", Some((Format::Alert, "jjm/alerts", false)));
        check("jjm/alerts/a/b", Some((Format::Alert, "jjm/alerts/a/b", false)));
        check("jjm/sensors/S0001/other", Some((Format::Auto, "jjm/sensors/S0001/other", false)));
        check("jjm/sensors/S0001/data/x", Some((Format::Auto, "jjm/sensors/S0001/data/x", false)));
        check("plant1/pump3/pressure", Some((Format::Auto, "plant1/pump3/pressure", false)));
        check("$SYS/broker/uptime", None);
        assert_eq!(Routes::standard().routes.len(), Routes::standard_routes().len());
        assert_eq!(Routes::standard().filters(), ["#"]);
    }

    #[test]
    fn mqtt_wildcards() {
        let check = |pattern: &str, topic: &str, expected: bool| {
            assert_eq!(routes(&[pattern]).find(topic).is_some(), expected, "{pattern} {topic}");
        };
        check("a/+/c", "a/b/c", true);
        check("a/+/c", "a//c", true);
        check("a/+/c", "a/b/d", false);
        check("a/+", "a", false);
        check("a/+", "a/b/c", false);
        check("a/#", "a", true);
        check("a/#", "a/b/c", true);
        check("a/#", "ab", false);
        check("+", "a", true);
        check("+/+", "/a", true);
        check("#", "$SYS/x", false);
        check("+/x", "$SYS/x", false);
        check("$SYS/#", "$SYS/x", true);
        check("a", "A", false);
    }

    #[test]
    fn addresses() {
        let route = Route {
            pattern: "town/{area}/{device}/#".to_owned(),
            format: Format::Auto,
            address: "{device}@{area}".to_owned(),
        };
        let routes = Routes::compile(&[route]).expect("good");
        assert_eq!(routes.find("town/north/P1/x/y").expect("matches").address, "P1@north");
    }

    #[test]
    fn wrong_patterns_are_named() {
        let check = |pattern: &str, address: &str, problem: Problem| {
            let route = Route { pattern: pattern.to_owned(), format: Format::Auto, address: address.to_owned() };
            let error = Routes::compile(&[route]).expect_err(pattern);
            assert!(error.to_string().contains(&format!("{pattern:?}")), "{error}");
            assert_eq!(error.problem, problem, "{pattern}");
        };
        check("", "{topic}", Problem::Empty);
        check("a/#/b", "{topic}", Problem::Hash);
        check("a/b#", "{topic}", Problem::Hash);
        check("a/b+", "{topic}", Problem::Plus);
        check("a/x{id}", "{topic}", Problem::Braces);
        check("a/{}", "{topic}", Problem::Braces);
        check("{id}/{id}", "{id}", Problem::Twice("id".to_owned()));
        check("{topic}/a", "{topic}", Problem::Reserved);
        check("a/+", "{id}", Problem::Unknown("id".to_owned()));
        check("a/{id}", "", Problem::NoAddress);
        check("a/{id}", "{id", Problem::AddressBraces);
        check("a/{id}", "id}", Problem::AddressBraces);
    }

    #[test]
    fn filters_leave_out_what_is_covered() {
        assert_eq!(routes(&["a/{id}/data", "a/#", "b/+", "b/+"]).filters(), ["a/#", "b/+"]);
        assert_eq!(routes(&["#", "$SYS/broker/#"]).filters(), ["#", "$SYS/broker/#"]);
        assert_eq!(routes(&["a/b", "a/+"]).filters(), ["a/+"]);
    }
}
