//! What people are told beside alarms and whom they call, as it is set for a part of the plant, and as it comes out for
//! one alarm. Must not know how one is inherited from the other: `penstock-alarm` does.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rule::{AlarmRule, Guidance, Subject};
use crate::{AreaId, AssetId, PointId, SiteId};

/// A part of the plant that something can be told for, the widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of the tenant's plant.
    Tenant,
    /// An area.
    Area(AreaId),
    /// A site.
    Site(SiteId),
    /// A piece of equipment.
    Asset(AssetId),
    /// One point.
    Point(PointId),
}

impl Scope {
    /// The word it is stored under; in braces, it stands for the id in the path of a screen.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Area(_) => "area",
            Self::Site(_) => "site",
            Self::Asset(_) => "asset",
            Self::Point(_) => "point",
        }
    }

    /// The id of the part; none where it is all.
    pub const fn place(self) -> Option<Uuid> {
        match self {
            Self::Tenant => None,
            Self::Area(area) => Some(area.0),
            Self::Site(site) => Some(site.0),
            Self::Asset(asset) => Some(asset.0),
            Self::Point(point) => Some(point.0),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place() {
            Some(place) => write!(f, "{} {place}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}

impl From<Subject> for Scope {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Point(point) => Self::Point(point),
            Subject::Site(site) => Self::Site(site),
            Subject::Asset(asset) => Self::Asset(asset),
        }
    }
}

/// What is told of alarms. What is empty says nothing: then what lies further out counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Advice {
    /// Cause, consequence and action.
    #[serde(default)]
    pub guidance: Guidance,
    /// Whom to call, in the order to call them, with their numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
    /// How soon to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_within: Option<Duration>,
    /// The screen that alarms lead to, as a path of the app. `{point}`, `{asset}`, `{site}` and `{area}` stand for the
    /// ids of where the alarm is; where it has no such place, the path counts as empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
}

impl Advice {
    /// Characters of each text of the guidance at most.
    pub const MOST_IN_TEXT: usize = 2_000;
    /// Characters of the contact at most.
    pub const MOST_IN_CONTACT: usize = 1_000;
    /// Characters of the screen's path at most.
    pub const MOST_IN_SCREEN: usize = 1_000;

    /// The same without the blanks around texts.
    #[must_use]
    pub fn trimmed(self) -> Self {
        let trimmed = |text: String| text.trim().to_owned();
        Self {
            guidance: Guidance {
                cause: trimmed(self.guidance.cause),
                consequence: trimmed(self.guidance.consequence),
                action: trimmed(self.guidance.action),
            },
            contact: trimmed(self.contact),
            call_within: self.call_within,
            screen: self.screen.map(trimmed).filter(|path| !path.is_empty()),
        }
    }

    /// What is wrong with it, each with its field and in words that name the cure; nothing where nothing is.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let screen = self.screen.as_deref().unwrap_or_default();
        let lengths = [
            ("cause", self.guidance.cause.as_str(), Self::MOST_IN_TEXT),
            ("consequence", self.guidance.consequence.as_str(), Self::MOST_IN_TEXT),
            ("action", self.guidance.action.as_str(), Self::MOST_IN_TEXT),
            ("contact", self.contact.as_str(), Self::MOST_IN_CONTACT),
            ("screen", screen, Self::MOST_IN_SCREEN),
        ];
        let too_long = lengths.into_iter().filter(|(_, text, most)| text.chars().count() > *most);
        let mut faults: Vec<(&'static str, String)> =
            too_long.map(|(field, _, most)| (field, format!("at most {most} characters: shorten it"))).collect();
        if let Some(problem) = call_within_fault(self.call_within) {
            faults.push(("call_within", problem.to_owned()));
        }
        if let Some(problem) = self.screen.as_deref().and_then(screen_fault) {
            faults.push(("screen", problem.to_owned()));
        }
        faults
    }
}

/// What is wrong with a time within which to call, in words that name the cure; none where nothing is.
pub(super) fn call_within_fault(within: Option<Duration>) -> Option<&'static str> {
    let is_wrong = within.is_some_and(|within| within.is_zero() || within > AlarmRule::LONGEST);
    is_wrong.then_some("the time within which to call is over 0 and at most 7 days: give another, or leave it out")
}

/// What is wrong with the path of a linked screen, in words that name the cure; none where nothing is. A path never
/// leads out of the app.
pub fn screen_fault(path: &str) -> Option<&'static str> {
    // Browsers read a backslash as a slash and leave line breaks out: both could make two slashes, and so a host.
    let is_path = path.starts_with('/') && !path.starts_with("//");
    if !is_path || path.contains('\\') || path.chars().any(char::is_control) {
        return Some(
            "the linked screen is no path of the app: begin it with one slash, without backslash or line break",
        );
    }
    let is_known = |rest: &str| ["point}", "asset}", "site}", "area}"].iter().any(|name| rest.starts_with(name));
    let is_whole = path.split('{').skip(1).all(is_known) && path.matches('{').count() == path.matches('}').count();
    (!is_whole)
        .then_some("the linked screen has braces: only {point}, {asset}, {site} and {area} stand for where an alarm is")
}

/// What is set for a part of the plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeAdvice {
    /// The part.
    pub scope: Scope,
    /// Counts up with every change; 0 where nothing was ever set.
    pub version: u32,
    /// What is told.
    pub advice: Advice,
}

/// Where something that is told comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The rule says so itself.
    Rule,
    /// It is set for a part of the plant.
    Scope(Scope),
    /// Nobody has set it: it is what Penstock starts with.
    Starting,
}

/// Something that is told, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// What is told.
    pub value: T,
    /// Where it comes from.
    pub from: Provenance,
}

/// What comes out for one alarm or one part of the plant, field by field as in [`Advice`]; none where nothing says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResolvedAdvice {
    /// The likely cause.
    pub cause: Option<Sourced<String>>,
    /// What happens if nothing is done.
    pub consequence: Option<Sourced<String>>,
    /// What to do now.
    pub action: Option<Sourced<String>>,
    /// Whom to call, in the order to call them.
    pub contact: Option<Sourced<String>>,
    /// How soon to call them.
    pub call_within: Option<Sourced<Duration>>,
    /// The screen to look at.
    pub screen: Option<Sourced<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_a_path_of_the_app_and_of_nothing_else() {
        let check = |path: &str, is_right: bool| assert_eq!(screen_fault(path).is_none(), is_right, "{path:?}");
        check("/", true);
        check("/map?site=5", true);
        check("/trends?points={point}", true);
        check("/map?site={site}&area={area}&asset={asset}", true);
        check("", false);
        check("map", false);
        check("//elsewhere.example", false);
        check("/\\elsewhere.example", false);
        check("/\t/elsewhere.example", false);
        check("https://elsewhere.example", false);
        check("/map?site={town}", false);
        check("/map?site={site", false);
        check("/map?site=site}", false);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        let check = |advice: Advice, field: &str| {
            let fields: Vec<_> = advice.faults().into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, [field]);
        };
        let long = |most: usize| "x".repeat(most + 1);
        let text =
            |action: String| Advice { guidance: Guidance { action, ..Guidance::default() }, ..Advice::default() };
        check(text(long(Advice::MOST_IN_TEXT)), "action");
        check(Advice { contact: long(Advice::MOST_IN_CONTACT), ..Advice::default() }, "contact");
        check(Advice { call_within: Some(Duration::ZERO), ..Advice::default() }, "call_within");
        check(Advice { call_within: Some(Duration::from_secs(8 * 86_400)), ..Advice::default() }, "call_within");
        check(Advice { screen: Some("map".into()), ..Advice::default() }, "screen");
        let right = Advice {
            contact: "Duty engineer 98 10 20\nArea manager".into(),
            call_within: Some(Duration::from_secs(900)),
            screen: Some("/map".into()),
            ..text("a\nb".into())
        };
        assert_eq!(right.faults(), []);
    }

    #[test]
    fn blanks_say_nothing() {
        let blank = Advice {
            guidance: Guidance { cause: " \n".into(), consequence: "\t".into(), action: " ".into() },
            contact: "  ".into(),
            call_within: None,
            screen: Some(" ".into()),
        };
        assert_eq!(blank.trimmed(), Advice::default());
    }

    #[test]
    fn what_was_stored_with_less_to_say_is_read() {
        assert_eq!(serde_json::from_str::<Advice>("{}").expect("readable"), Advice::default());
        let set = ScopeAdvice {
            scope: Scope::Site(SiteId(Uuid::nil())),
            version: 3,
            advice: Advice { call_within: Some(Duration::from_secs(60)), ..Advice::default() },
        };
        let text = serde_json::to_string(&set).expect("plain");
        assert_eq!(serde_json::from_str::<ScopeAdvice>(&text).expect("readable"), set);
    }
}
