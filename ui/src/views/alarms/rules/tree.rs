//! A combined condition as a form holds it: rows of point, test and value, joined by all, any or at least so many, and
//! groups of such rows one level down. What is nested deeper stays as it is. Pure; must not know the page.

use penstock_model::{Expression, PointId, Test, Unit, figure};

use super::entry::Wrong;
use crate::format::{self, NoNumber};

/// How many of a group's parts must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum How {
    #[default]
    All,
    Any,
    AtLeast,
}

impl How {
    /// Each with its name in forms.
    pub(super) const ALL: [(Self, &str); 3] = [(Self::All, "all"), (Self::Any, "any"), (Self::AtLeast, "at_least")];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(how, _)| *how == self).map_or("all", |(_, name)| name)
    }

    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|(_, own)| *own == name).map(|(how, _)| how).unwrap_or_default()
    }
}

/// What a row asks of a point's value, with its name in forms.
pub(super) const TESTS: [&str; 3] = ["at_least", "at_most", "is"];

/// One row: a point, what is asked of its value, and the value as typed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Leaf {
    pub(super) is_not: bool,
    pub(super) point: Option<PointId>,
    pub(super) test: String,
    pub(super) value: String,
}

/// Rows joined.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Group {
    pub(super) is_not: bool,
    pub(super) how: How,
    /// How many, where it is at least so many.
    pub(super) count: String,
    pub(super) parts: Vec<Part>,
}

/// A part of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Leaf(Leaf),
    Group(Group),
    /// Nested deeper than a form shows.
    Fixed(Expression),
}

/// The unit that a point's values are typed in.
pub(super) type UnitOf<'a> = &'a dyn Fn(PointId) -> Unit;

/// A test as a form's two fields.
pub(super) fn fields_of(test: Test, unit: Unit) -> (String, String) {
    match test {
        Test::AtLeast(least) => ("at_least".to_owned(), figure(unit.from_si(least))),
        Test::AtMost(most) => ("at_most".to_owned(), figure(unit.from_si(most))),
        Test::Is(state) => ("is".to_owned(), state.to_string()),
    }
}

/// The test that a form's two fields say.
pub(super) fn test_of(test: &str, value: &str, unit: Unit) -> Result<Test, Wrong> {
    if test == "is" {
        return value.trim().parse().map(Test::Is).map_err(|_no_number| Wrong::NoWhole);
    }
    match format::typed(value) {
        Err(NoNumber) => Err(Wrong::NoNumber),
        Ok(None) => Err(Wrong::Missing),
        Ok(Some(value)) if test == "at_most" => Ok(Test::AtMost(unit.to_si(value))),
        Ok(Some(value)) => Ok(Test::AtLeast(unit.to_si(value))),
    }
}

impl Group {
    /// A group that shows an expression.
    pub(super) fn of(expression: &Expression, units: UnitOf<'_>) -> Self {
        match Part::of(expression, units, 0) {
            Part::Group(group) => group,
            part => Self { parts: vec![part], ..Self::default() },
        }
    }

    /// The expression that it says.
    pub(super) fn expression(&self, units: UnitOf<'_>) -> Result<Expression, Wrong> {
        let of = self.parts.iter().map(|part| part.expression(units)).collect::<Result<Vec<_>, _>>()?;
        if of.is_empty() {
            return Err(Wrong::Missing);
        }
        let joined = match self.how {
            How::All => Expression::all(of),
            How::Any => Expression::any(of),
            How::AtLeast => {
                let among = 1..=u32::try_from(of.len()).unwrap_or(u32::MAX);
                let count = self.count.trim().parse().ok().filter(|count| among.contains(count));
                Expression::AtLeast { count: count.ok_or(Wrong::NoCount)?, of }
            }
        };
        Ok(negated(self.is_not, joined))
    }
}

impl Part {
    fn of(expression: &Expression, units: UnitOf<'_>, level: usize) -> Self {
        let (is_not, inner) = match expression {
            Expression::Not(inner) => (true, inner.as_ref()),
            expression => (false, expression),
        };
        match inner {
            Expression::Point { point, test } => {
                let (test, value) = fields_of(*test, units(*point));
                Self::Leaf(Leaf { is_not, point: Some(*point), test, value })
            }
            Expression::AtLeast { count, of } if level < 2 => {
                let how = match usize::try_from(*count) {
                    Ok(count) if count == of.len() => How::All,
                    Ok(1) => How::Any,
                    _ => How::AtLeast,
                };
                let parts = of.iter().map(|part| Self::of(part, units, level + 1)).collect();
                Self::Group(Group { is_not, how, count: count.to_string(), parts })
            }
            Expression::Not(_) | Expression::AtLeast { .. } => Self::Fixed(expression.clone()),
        }
    }

    fn expression(&self, units: UnitOf<'_>) -> Result<Expression, Wrong> {
        match self {
            Self::Leaf(leaf) => {
                let point = leaf.point.ok_or(Wrong::Missing)?;
                let test = test_of(&leaf.test, &leaf.value, units(point))?;
                Ok(negated(leaf.is_not, Expression::Point { point, test }))
            }
            Self::Group(group) => group.expression(units),
            Self::Fixed(expression) => Ok(expression.clone()),
        }
    }
}

fn negated(is_not: bool, expression: Expression) -> Expression {
    if is_not { Expression::Not(Box::new(expression)) } else { expression }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Quantity, Timestamp};

    use super::*;

    fn point(id: u8) -> PointId {
        PointId::made(Timestamp::from_secs(1), [id; 10])
    }

    fn units(_: PointId) -> Unit {
        Quantity::Pressure.display_unit()
    }

    #[test]
    fn an_expression_survives_the_form() {
        let high = Expression::Point { point: point(1), test: Test::AtLeast(250_000.0) };
        let stands = Expression::Not(Box::new(Expression::Point { point: point(2), test: Test::Is(1) }));
        let any = Expression::any(vec![high.clone(), stands.clone(), high.clone()]);
        let two = Expression::AtLeast { count: 2, of: vec![high.clone(), stands.clone(), any.clone()] };
        let deep = Expression::all(vec![two.clone(), stands.clone()]);
        for expression in [any, two, deep, Expression::Not(Box::new(Expression::all(vec![high.clone(), stands])))] {
            let group = Group::of(&expression, &units);
            assert_eq!(group.expression(&units), Ok(expression));
        }
        // One row alone is a group of one.
        let one = Group::of(&high, &units);
        let rows = vec![Part::Leaf(Leaf {
            is_not: false,
            point: Some(point(1)),
            test: "at_least".into(),
            value: "2.5".into(),
        })];
        assert_eq!(one, Group { parts: rows, ..Group::default() });
        assert_eq!(one.expression(&units), Ok(Expression::all(vec![high])));
    }

    #[test]
    fn what_lies_deeper_than_the_form_stays() {
        let leaf = || Expression::Point { point: point(1), test: Test::Is(1) };
        let third = Expression::any(vec![leaf(), leaf()]);
        let second = Expression::all(vec![third.clone(), leaf()]);
        let Part::Group(group) = Part::of(&Expression::any(vec![second, leaf()]), &units, 0) else { panic!("a group") };
        let Part::Group(inner) = &group.parts[0] else { panic!("a group") };
        assert_eq!(inner.parts[0], Part::Fixed(third));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let row = |value: &str, test: &str| Leaf {
            is_not: false,
            point: Some(point(1)),
            test: test.into(),
            value: value.into(),
        };
        let check = |group: Group, expect: Wrong| assert_eq!(group.expression(&units), Err(expect));
        let of = |leaf: Leaf| Group { parts: vec![Part::Leaf(leaf)], ..Group::default() };
        check(Group::default(), Wrong::Missing);
        check(of(Leaf { point: None, ..row("1", "is") }), Wrong::Missing);
        check(of(row("", "at_least")), Wrong::Missing);
        check(of(row("much", "at_most")), Wrong::NoNumber);
        check(of(row("1.5", "is")), Wrong::NoWhole);
        let two_of_one = Group { how: How::AtLeast, count: "2".into(), ..of(row("1", "is")) };
        check(two_of_one, Wrong::NoCount);
    }
}
