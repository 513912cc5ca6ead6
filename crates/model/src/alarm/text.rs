//! Expressions, tests and schedules as text that people read and write, in files and on screens:
//! `all([FT-01] >= 12.5 m³/h, not([PU-1] is 1))`, `Mon Tue 22:00-06:00; Sun 00:00-00:00`. Text is data: it is read into
//! an expression, never run. Must not know where points are looked up.

use super::condition::{Expression, Test};
use super::rule::{Schedule, Window};
use crate::{PointId, Quantity, Unit};

/// The days of a week as a schedule names them, Monday first.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const EVERY_DAY: &str = "daily";
const DAY: u16 = 1_440;

/// A number with the twelve digits that a change of unit leaves true, and without an exponent.
pub fn figure(value: f64) -> String {
    let rounded = format!("{value:.11e}").parse().unwrap_or(value);
    // Minus nothing is nothing.
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

impl Test {
    /// As text, for example `>= 12.5 m³/h`; values in `unit`.
    pub fn text(self, unit: Unit) -> String {
        let symbol = match unit.quantity() {
            Quantity::State | Quantity::Plain | Quantity::Ph => String::new(),
            _ => format!(" {unit}"),
        };
        match self {
            Self::AtLeast(least) => format!(">= {}{symbol}", figure(unit.from_si(least))),
            Self::AtMost(most) => format!("<= {}{symbol}", figure(unit.from_si(most))),
            Self::Is(state) => format!("is {state}"),
        }
    }

    /// Reads what [`Test::text`] writes; a number without a unit is in `unit`.
    ///
    /// # Errors
    /// What is wrong, in words that name the cure.
    pub fn parse(text: &str, unit: Unit) -> Result<Self, String> {
        let text = text.trim();
        let sides = [">=", "<=", "is", "="].into_iter().find_map(|sign| Some((sign, text.strip_prefix(sign)?.trim())));
        let (sign, given) = sides.ok_or_else(|| format!("{text:?} is no test: write >=, <= or is, and a number"))?;
        let end = given.find(|letter: char| !letter.is_ascii_digit() && !"+-.eE".contains(letter));
        let (number, symbol) = given.split_at(end.unwrap_or(given.len()));
        let no_number = || format!("{given:?} is no number: write one with a decimal point, and its unit after it");
        if matches!(sign, "is" | "=") {
            let state = number.parse().ok().filter(|_| symbol.trim().is_empty());
            return state.map(Self::Is).ok_or_else(|| format!("{given:?} is no state: write a whole number"));
        }
        let unit = match symbol.trim() {
            "" => unit,
            symbol => {
                let given = Unit::parse(symbol).map_err(|error| error.to_string())?;
                if given.quantity() != unit.quantity() {
                    return Err(format!("{given} does not measure {}: use {unit}", unit.quantity().name()));
                }
                given
            }
        };
        let value = number.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(no_number)?;
        let value = unit.to_si(value);
        Ok(if sign == ">=" { Self::AtLeast(value) } else { Self::AtMost(value) })
    }
}

impl Expression {
    /// As text: `all(…)`, `any(…)`, `2 of(…)`, `not(…)` around tests on points in brackets. `name` says what a point is
    /// called and which unit its values are written in.
    pub fn text(&self, name: &impl Fn(PointId) -> (String, Unit)) -> String {
        match self {
            Self::Point { point, test } => {
                let (name, unit) = name(*point);
                format!("[{}] {}", name.replace(']', "]]"), test.text(unit))
            }
            Self::Not(inner) => format!("not({})", inner.text(name)),
            Self::AtLeast { count, of } => {
                let inner = of.iter().map(|inner| inner.text(name)).collect::<Vec<_>>().join(", ");
                match usize::try_from(*count) {
                    Ok(count) if count == of.len() => format!("all({inner})"),
                    Ok(1) => format!("any({inner})"),
                    _ => format!("{count} of({inner})"),
                }
            }
        }
    }

    /// Reads what [`Expression::text`] writes. `find` says which point a name means, and the unit of a number that has
    /// none of its own.
    ///
    /// # Errors
    /// What is wrong, in words that name the cure.
    pub fn parse(text: &str, find: &impl Fn(&str) -> Result<(PointId, Unit), String>) -> Result<Self, String> {
        let mut reader = Reader { rest: text.trim(), find };
        let expression = reader.expression(1)?;
        match reader.rest.trim() {
            "" => Ok(expression),
            rest => Err(format!("{rest:?} stands after the end: join tests with all(…) or any(…)")),
        }
    }
}

struct Reader<'a, F> {
    rest: &'a str,
    find: &'a F,
}

impl<F: Fn(&str) -> Result<(PointId, Unit), String>> Reader<'_, F> {
    fn expression(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > Expression::DEEPEST {
            return Err(format!("it is nested deeper than {}: split it into several rules", Expression::DEEPEST));
        }
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('[') {
            return self.point();
        }
        let end = self.rest.find(['(', '[', ',', ')']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.trim() {
            "all" => Ok(Expression::all(self.list(depth)?)),
            "any" => Ok(Expression::any(self.list(depth)?)),
            "not" => match <[Expression; 1]>::try_from(self.list(depth)?) {
                Ok([inner]) => Ok(Expression::Not(Box::new(inner))),
                Err(_several) => Err("not(…) has one in it: put any(…) or all(…) between".to_owned()),
            },
            word => {
                let count = word.strip_suffix("of").and_then(|count| count.trim().parse().ok());
                let count = count.ok_or_else(|| {
                    format!("{word:?} is not known: write all(…), any(…), 2 of(…), not(…) or [a point] >= a number")
                })?;
                Ok(Expression::AtLeast { count, of: self.list(depth)? })
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Expression>, String> {
        self.demand('(')?;
        let mut of = vec![self.expression(depth + 1)?];
        while self.takes(',') {
            of.push(self.expression(depth + 1)?);
        }
        self.demand(')')?;
        Ok(of)
    }

    fn point(&mut self) -> Result<Expression, String> {
        let name = self.name()?;
        let (point, unit) = (self.find)(&name)?;
        let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
        let (test, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Expression::Point { point, test: Test::parse(test, unit)? })
    }

    /// A name in brackets; a closing one that is part of it is doubled.
    fn name(&mut self) -> Result<String, String> {
        self.demand('[')?;
        let within = self.rest;
        let mut name = String::new();
        let mut letters = within.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != ']' {
                name.push(letter);
            } else if letters.next_if(|(_, next)| *next == ']').is_some() {
                name.push(']');
            } else {
                self.rest = within.get(at + 1..).unwrap_or_default();
                return Ok(name);
            }
        }
        Err("the name of a point has no end: close it with ]".to_owned())
    }

    fn takes(&mut self, sign: char) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn demand(&mut self, sign: char) -> Result<(), String> {
        if self.takes(sign) {
            return Ok(());
        }
        match self.rest.trim() {
            "" => Err(format!("it ends too early: {sign} is missing")),
            rest => Err(format!("{sign} is missing before {rest:?}")),
        }
    }
}

impl Schedule {
    /// As text: each window as its days, from when and until when, windows parted by semicolons.
    pub fn text(&self) -> String {
        self.windows.iter().map(|window| window.text()).collect::<Vec<_>>().join("; ")
    }

    /// Reads what [`Schedule::text`] writes.
    ///
    /// # Errors
    /// What is wrong, in words that name the cure.
    pub fn parse(text: &str) -> Result<Self, String> {
        let windows = text.split(';').map(str::trim).filter(|window| !window.is_empty()).map(Window::parse);
        Ok(Self { windows: windows.collect::<Result<_, _>>()? })
    }
}

impl Window {
    /// As text, for example `Mon Tue 22:00-06:00`; a whole day ends when it begins.
    pub fn text(self) -> String {
        let days = match self.days {
            [true, true, true, true, true, true, true] => EVERY_DAY.to_owned(),
            days => {
                let named = DAYS.into_iter().zip(days).filter(|(_, is_on)| *is_on).map(|(day, _)| day);
                named.collect::<Vec<_>>().join(" ")
            }
        };
        let until = self.from_minute.saturating_add(self.minutes) % DAY;
        format!("{days} {}-{}", clock(self.from_minute), clock(until))
    }

    /// Reads what [`Window::text`] writes.
    ///
    /// # Errors
    /// What is wrong, in words that name the cure.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no window: write it like Mon Tue 22:00-06:00 or daily 08:00-17:00");
        let (days, times) = text.trim().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
        let (from, until) = times.split_once('-').ok_or_else(wrong)?;
        let mut on = [false; 7];
        for word in days.split_whitespace() {
            if word.eq_ignore_ascii_case(EVERY_DAY) {
                on = [true; 7];
                continue;
            }
            let named = DAYS.into_iter().zip(&mut on).find(|(day, _)| day.eq_ignore_ascii_case(word));
            let (_, is_on) = named.ok_or_else(wrong)?;
            *is_on = true;
        }
        let (from, until) = (minute_of(from).ok_or_else(wrong)?, minute_of(until).ok_or_else(wrong)?);
        let minutes = match (until + DAY - from % DAY) % DAY {
            0 => DAY,
            minutes => minutes,
        };
        Ok(Self { days: on, from_minute: from % DAY, minutes })
    }
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// A minute of the day, 0 to 1,440.
fn minute_of(clock: &str) -> Option<u16> {
    let (hour, minute) = clock.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && of_day <= DAY).then_some(of_day)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NAMES: [&str; 3] = ["FT-01", "PU [1]", "LT-3, tower"];

    fn point(name: &str) -> PointId {
        PointId::derived(Uuid::nil(), name)
    }

    fn unit() -> Unit {
        Quantity::Flow.display_unit()
    }

    fn written(expression: &Expression) -> String {
        let name = |id: PointId| NAMES.into_iter().find(|name| point(name) == id).unwrap_or("?").to_owned();
        expression.text(&|id| (name(id), unit()))
    }

    fn read(text: &str) -> Result<Expression, String> {
        Expression::parse(text, &|name: &str| match NAMES.contains(&name) {
            true => Ok((point(name), unit())),
            false => Err(format!("no point is called {name:?}")),
        })
    }

    #[test]
    fn an_expression_is_read_as_it_was_written() {
        let leaf = |at: usize, test: Test| Expression::Point { point: point(NAMES[at]), test };
        let flow = leaf(0, Test::AtLeast(unit().to_si(12.5)));
        let runs = leaf(1, Test::Is(1));
        let low = leaf(2, Test::AtMost(unit().to_si(-0.25)));
        let check = |expression: Expression, text: &str| {
            assert_eq!(written(&expression), text);
            assert_eq!(read(text).as_ref().map(written), Ok(text.to_owned()));
        };
        check(flow.clone(), "[FT-01] >= 12.5 m³/h");
        check(runs.clone(), "[PU [1]]] is 1");
        check(Expression::all(vec![flow.clone(), runs.clone()]), "all([FT-01] >= 12.5 m³/h, [PU [1]]] is 1)");
        let two = Expression::AtLeast { count: 2, of: vec![flow.clone(), runs.clone(), low.clone()] };
        check(two.clone(), "2 of([FT-01] >= 12.5 m³/h, [PU [1]]] is 1, [LT-3, tower] <= -0.25 m³/h)");
        let nested = Expression::any(vec![Expression::Not(Box::new(two)), Expression::all(vec![runs])]);
        assert_eq!(read(&written(&nested)).as_ref().map(written), Ok(written(&nested)));
        // Another unit of the same quantity is as good.
        assert_eq!(read("[FT-01] >= 1 L/s"), Ok(leaf(0, Test::AtLeast(0.001))));
    }

    #[test]
    fn what_is_no_expression_is_said() {
        for text in [
            "",
            "[FT-01]",
            "[FT-01] > 2",
            "[FT-01] >= much",
            "[FT-01] >= 2 bar",
            "[FT-01 >= 2",
            "[FT-9] >= 2",
            "all()",
            "all([FT-01] >= 2",
            "not([FT-01] >= 2, [FT-01] >= 3)",
            "some([FT-01] >= 2)",
            "[FT-01] >= 1 [FT-01] >= 2",
            "[FT-01] = 1.5",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = (0..9).fold("[FT-01] = 1".to_owned(), |inner, _| format!("not({inner})"));
        assert!(read(&deep).is_err_and(|problem| problem.contains("deeper")));
        let endless = "not(".repeat(100_000);
        assert!(read(&endless).is_err());
    }

    #[test]
    fn a_schedule_is_read_as_it_was_written() {
        let check = |text: &str, expect: Vec<Window>| {
            let schedule = Schedule::parse(text).expect(text);
            assert_eq!(schedule, Schedule { windows: expect });
            assert_eq!(schedule.text(), text);
        };
        let window = |days: [bool; 7], from_minute: u16, minutes: u16| Window { days, from_minute, minutes };
        let weekend = [false, false, false, false, false, true, true];
        check("Sat Sun 22:00-06:00", vec![window(weekend, 1_320, 480)]);
        check("daily 00:00-00:00", vec![window([true; 7], 0, 1_440)]);
        check(
            "daily 08:00-17:30; Sun 00:00-01:00",
            vec![window([true; 7], 480, 570), window([false, false, false, false, false, false, true], 0, 60)],
        );
        assert_eq!(
            Schedule::parse("mon 00:00-24:00").map(|schedule| schedule.text()),
            Ok("Mon 00:00-00:00".to_owned())
        );
        for wrong in ["Mon", "Mon 8-9", "Mon 08:60-09:00", "Mon 25:00-26:00", "Holiday 08:00-09:00"] {
            assert!(Schedule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn figures_have_no_noise() {
        let check = |value: f64, expect: &str| assert_eq!(figure(value), expect);
        check(0.1 + 0.2, "0.3");
        check(187.999_999_999_999_97, "188");
        check(-0.0, "0");
        check(0.000_000_012_5, "0.0000000125");
        check(1.0 / 3.0, "0.333333333333");
    }
}
