//! Which topic is decoded how, and under which address. Knows topics, not payloads.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Problem};

/// The most levels of a pattern; topics may have more.
const MAX_LEVELS: usize = 64;

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
    /// The routes by their levels, so that finding one costs the topic's length and not their number.
    tree: Branch,
}

/// Routes that agree in their levels so far, each by its place in the order.
#[derive(Debug, Clone, Default)]
struct Branch {
    /// Continues with this very level.
    exactly: HashMap<String, Branch>,
    /// Continues with any level.
    any: Option<Box<Branch>>,
    /// Ends here.
    ends: Option<usize>,
    /// Takes whatever follows.
    open: Option<usize>,
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
        Ok(Self::of(compiled.collect::<Result<_, _>>()?))
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
        Self::of(Self::standard_routes().iter().filter_map(|route| compile(route).ok()).collect())
    }

    /// Where a message on `topic` goes; none where no route is for it. A wildcard at the beginning is not for topics
    /// that start with `$`, as MQTT has it.
    pub fn find<'t>(&self, topic: &'t str) -> Option<Target<'t>> {
        let route = self.routes.get(self.tree.first(topic)?)?;
        Some(Target { format: route.format, address: route.address_of(topic), is_named: route.is_named })
    }

    fn of(routes: Vec<Compiled>) -> Self {
        let mut tree = Branch::default();
        for (no, route) in routes.iter().enumerate() {
            tree.add(&route.levels, route.is_open, no);
        }
        Self { routes, tree }
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

impl Branch {
    fn add(&mut self, levels: &[Level], is_open: bool, no: usize) {
        let branch = match levels.split_first() {
            Some((Level::Exactly(text), rest)) => {
                return self.exactly.entry(text.clone()).or_default().add(rest, is_open, no);
            }
            Some((Level::Any, rest)) => return self.any.get_or_insert_default().add(rest, is_open, no),
            None if is_open => &mut self.open,
            None => &mut self.ends,
        };
        // Of two routes with the same pattern the first wins.
        branch.get_or_insert(no);
    }

    /// The first route for `topic`. Wildcards at the beginning are not for system topics.
    fn first(&self, topic: &str) -> Option<usize> {
        if topic.starts_with('$') {
            let (level, rest) = split_level(topic);
            return self.exactly.get(level)?.first_below(rest);
        }
        self.first_below(Some(topic))
    }

    /// The first route of this branch for what is left of a topic. Goes no deeper than the longest pattern.
    fn first_below(&self, rest: Option<&str>) -> Option<usize> {
        let longer = match rest {
            None => self.ends,
            Some(rest) => {
                let (level, rest) = split_level(rest);
                let exactly = self.exactly.get(level).and_then(|branch| branch.first_below(rest));
                let any = self.any.as_ref().and_then(|branch| branch.first_below(rest));
                exactly.into_iter().chain(any).min()
            }
        };
        longer.into_iter().chain(self.open).min()
    }
}

/// The first level of a topic, and what is left behind its separator.
fn split_level(topic: &str) -> (&str, Option<&str>) {
    topic.split_once('/').map_or((topic, None), |(level, rest)| (level, Some(rest)))
}

impl Compiled {
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
        if no >= MAX_LEVELS {
            return Err(Problem::TooDeep);
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
    fn the_first_wins() {
        let routes = routes(&["a/+/c", "a/b/#", "a/b/c", "+/b/c", "a/+/c", "#", "a"]);
        let check = |topic: &str, no: usize| assert_eq!(routes.tree.first(topic), Some(no), "{topic}");
        check("a/b/c", 0);
        check("a/b/d", 1);
        check("a/b", 1);
        check("x/b/c", 3);
        check("a", 5);
        check("", 5);
        check(&"a/".repeat(30_000), 5);
    }

    proptest::proptest! {
        /// The tree finds what trying one pattern after the other finds.
        #[test]
        fn as_one_by_one(
            patterns in proptest::collection::vec("(a|b|\\$s|\\+)(/(a|b|\\+|)){0,3}(/#)?", 1..8),
            topics in proptest::collection::vec("(a|b|\\$s|)(/(a|b|c|)){0,4}", 1..20),
        ) {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let routes = routes(&patterns);
            for topic in &topics {
                let expected = patterns.iter().position(|pattern| matches(pattern, topic));
                proptest::prop_assert_eq!(routes.tree.first(topic), expected, "{} in {:?}", topic, patterns);
            }
        }
    }

    /// The rules of MQTT 3.1.1, 4.7, word by word.
    fn matches(pattern: &str, topic: &str) -> bool {
        if topic.starts_with('$') && pattern.starts_with('+') {
            return false;
        }
        let pattern: Vec<&str> = pattern.split('/').collect();
        let topic: Vec<&str> = topic.split('/').collect();
        let is_open = pattern.last() == Some(&"#");
        let fixed = if is_open { &pattern[..pattern.len() - 1] } else { &pattern[..] };
        let fits = if is_open { topic.len() >= fixed.len() } else { topic.len() == fixed.len() };
        fits && fixed.iter().zip(&topic).all(|(level, given)| *level == "+" || level == given)
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
        check(&"a/".repeat(64), "{topic}", Problem::TooDeep);
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
