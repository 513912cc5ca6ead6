//! The keyboard: which keys do what everywhere, and in the lists of alarms and their rules, as pure tables, which the
//! keyboard's map shows. What a canvas does with its own letters is its own affair; must not know the page.

/// A key as it was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Press<'a> {
    /// The key's value as the browser names it.
    pub(crate) key: &'a str,
    /// Control, or Command on a Mac.
    pub(crate) ctrl: bool,
    /// Alt.
    pub(crate) alt: bool,
    /// Whether letters are being typed.
    pub(crate) typing: bool,
    /// Whether G was pressed just before.
    pub(crate) after_g: bool,
    /// Whether a dialog is open.
    pub(crate) in_dialog: bool,
}

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Screen {
    Overview,
    Map,
    Trends,
    Alarms,
    Points,
    Health,
    Settings,
}

impl Screen {
    /// All of them, as the rail lists them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Overview, Self::Map, Self::Trends, Self::Alarms, Self::Points, Self::Health, Self::Settings];

    /// Where it lies.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Map => "/map",
            Self::Trends => "/trends",
            Self::Alarms => "/alarms",
            Self::Points => "/points",
            Self::Health => "/health",
            Self::Settings => "/settings",
        }
    }

    /// The screen at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        Self::ALL.into_iter().find(|screen| screen.path() == path)
    }

    /// The letter that leads there after G.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Overview => 'O',
            Self::Map => 'M',
            Self::Trends => 'T',
            Self::Alarms => 'A',
            Self::Points => 'P',
            Self::Health => 'H',
            Self::Settings => 'S',
        }
    }

    /// Whether only those see it who settle how the station works: admins, and supervisors for their part.
    pub(crate) const fn is_for_settling(self) -> bool {
        matches!(self, Self::Settings)
    }
}

/// What a key does everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Silence what calls.
    Silence,
    /// Acknowledge the banner's first line.
    AcknowledgeFirst,
    /// Open the list of all places.
    GoTo,
    /// Show the keyboard's map.
    ShowKeys,
    /// On to the next region: banner, rail, content, drawer.
    NextRegion,
    /// Wait for the letter of a screen.
    AwaitLetter,
    /// To a screen.
    To(Screen),
    /// To the filter of the screen.
    Filter,
    /// Close the dialog.
    Close,
}

/// What `press` does, if anything.
pub(crate) fn deed(press: Press<'_>) -> Option<Deed> {
    match press.key {
        "F8" => return Some(Deed::Silence),
        // What is being typed in a dialog is not thrown away.
        "F9" if !press.in_dialog => return Some(Deed::AcknowledgeFirst),
        "F6" if !press.in_dialog => return Some(Deed::NextRegion),
        "Escape" if press.in_dialog => return Some(Deed::Close),
        "k" | "K" if press.ctrl && !press.alt && !press.in_dialog => return Some(Deed::GoTo),
        _ => {}
    }
    if press.typing || press.ctrl || press.alt || press.in_dialog {
        return None;
    }
    let letter = press.key.chars().next().filter(|_| press.key.chars().count() == 1)?;
    if press.after_g {
        let letter = letter.to_ascii_uppercase();
        return Screen::ALL.into_iter().find(|screen| screen.letter() == letter).map(Deed::To);
    }
    match letter {
        'g' | 'G' => Some(Deed::AwaitLetter),
        '?' => Some(Deed::ShowKeys),
        '/' => Some(Deed::Filter),
        _ => None,
    }
}

/// A list of alarms, or of their rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Active,
    Kept,
    Journal,
    /// Those that load most, in the analysis.
    Load,
    Rules,
}

impl List {
    const ALL: [Self; 5] = [Self::Active, Self::Kept, Self::Journal, Self::Load, Self::Rules];
}

/// What a key does in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListDeed {
    /// The cursor goes to another row.
    Move,
    /// The cursor goes to the first or the last row.
    Ends,
    /// The cursor goes ten rows on or back.
    Page,
    Tick,
    Open,
    Acknowledge,
    /// Everything that was on screen.
    AcknowledgeSeen,
    Comment,
    Shelve,
    Unshelve,
    /// Out of service, and back.
    Service,
    /// What has latched.
    Reset,
    Trend,
    Map,
    NextByRank,
    /// New rows.
    TakeIn,
    /// A group folds or unfolds.
    Fold,
    /// A cure is looked for.
    Cure,
}

/// Keys that do one thing in some lists: a line of the keyboard's map.
#[derive(Debug)]
pub(crate) struct ListLine {
    /// As the browser names them; a letter counts in either case.
    pub(crate) keys: &'static [&'static str],
    pub(crate) deed: ListDeed,
    lists: &'static [List],
}

impl ListLine {
    const fn new(keys: &'static [&'static str], deed: ListDeed, lists: &'static [List]) -> Self {
        Self { keys, deed, lists }
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|own| own.eq_ignore_ascii_case(key))
    }
}

/// What keys do in lists of any kind.
pub(crate) static LIST_LINES: [ListLine; 5] = [
    ListLine::new(&["J", "K", "ArrowUp", "ArrowDown"], ListDeed::Move, &List::ALL),
    ListLine::new(&["Home", "End"], ListDeed::Ends, &List::ALL),
    ListLine::new(&["PageUp", "PageDown"], ListDeed::Page, &List::ALL),
    ListLine::new(&["X"], ListDeed::Tick, &[List::Active]),
    ListLine::new(&["Enter", " "], ListDeed::Open, &List::ALL),
];

/// What keys do in lists of alarms alone.
pub(crate) static ALARM_LINES: [ListLine; 13] = [
    ListLine::new(&["A"], ListDeed::Acknowledge, &[List::Active]),
    ListLine::new(&["V"], ListDeed::AcknowledgeSeen, &[List::Active]),
    ListLine::new(&["C"], ListDeed::Comment, &[List::Active, List::Kept]),
    ListLine::new(&["S"], ListDeed::Shelve, &[List::Active]),
    ListLine::new(&["U"], ListDeed::Unshelve, &[List::Kept]),
    ListLine::new(&["O"], ListDeed::Service, &[List::Active, List::Kept]),
    ListLine::new(&["E"], ListDeed::Reset, &[List::Active]),
    ListLine::new(&["T"], ListDeed::Trend, &[List::Active, List::Kept, List::Journal, List::Load]),
    ListLine::new(&["M"], ListDeed::Map, &[List::Active, List::Kept]),
    ListLine::new(&["N"], ListDeed::NextByRank, &[List::Active]),
    ListLine::new(&["R"], ListDeed::TakeIn, &[List::Active, List::Journal]),
    ListLine::new(&["ArrowRight", "ArrowLeft"], ListDeed::Fold, &[List::Active]),
    ListLine::new(&["C"], ListDeed::Cure, &[List::Load]),
];

/// What `key` does in a list, if anything.
pub(crate) fn list_deed(list: List, key: &str) -> Option<ListDeed> {
    let mut lines = LIST_LINES.iter().chain(&ALARM_LINES);
    lines.find(|line| line.has(key) && line.lists.contains(&list)).map(|line| line.deed)
}

/// Whether `key` moves the cursor of every list.
pub(crate) fn moves_cursor(key: &str) -> bool {
    let is_move = |deed: ListDeed| matches!(deed, ListDeed::Move | ListDeed::Ends | ListDeed::Page);
    LIST_LINES.iter().any(|line| is_move(line.deed) && line.has(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_one_thing_in_a_list_and_a_thing_is_one_line() {
        let lines = || LIST_LINES.iter().chain(&ALARM_LINES);
        for line in lines() {
            assert_eq!(lines().filter(|other| other.deed == line.deed).count(), 1, "{line:?}");
            assert!(!line.keys.is_empty() && !line.lists.is_empty(), "{line:?}");
            for (list, key) in line.lists.iter().flat_map(|list| line.keys.iter().map(move |key| (*list, *key))) {
                assert_eq!(list_deed(list, key), Some(line.deed), "{key} in {list:?}");
                assert_eq!(list_deed(list, &key.to_lowercase()), Some(line.deed), "{key} in {list:?}");
            }
        }
        assert_eq!(list_deed(List::Active, "C"), Some(ListDeed::Comment));
        assert_eq!(list_deed(List::Load, "c"), Some(ListDeed::Cure));
        assert_eq!(list_deed(List::Rules, "C"), None);
        assert_eq!(list_deed(List::Journal, "A"), None);
    }

    const PLAIN: Press<'_> =
        Press { key: "", ctrl: false, alt: false, typing: false, after_g: false, in_dialog: false };

    #[test]
    fn keys_do_what_the_map_says() {
        let check = |press: Press<'_>, expect: Option<Deed>| assert_eq!(deed(press), expect, "{press:?}");
        check(Press { key: "F8", typing: true, in_dialog: true, ..PLAIN }, Some(Deed::Silence));
        check(Press { key: "F9", typing: true, ..PLAIN }, Some(Deed::AcknowledgeFirst));
        check(Press { key: "F9", in_dialog: true, ..PLAIN }, None);
        check(Press { key: "k", ctrl: true, typing: true, ..PLAIN }, Some(Deed::GoTo));
        check(Press { key: "g", ..PLAIN }, Some(Deed::AwaitLetter));
        check(Press { key: "a", after_g: true, ..PLAIN }, Some(Deed::To(Screen::Alarms)));
        check(Press { key: "z", after_g: true, ..PLAIN }, None);
        check(Press { key: "a", ..PLAIN }, None);
        check(Press { key: "?", typing: true, ..PLAIN }, None);
        check(Press { key: "?", ..PLAIN }, Some(Deed::ShowKeys));
        check(Press { key: "g", ctrl: true, ..PLAIN }, None);
        check(Press { key: "Escape", in_dialog: true, typing: true, ..PLAIN }, Some(Deed::Close));
        check(Press { key: "Escape", ..PLAIN }, None);
        check(Press { key: "Enter", after_g: true, ..PLAIN }, None);
    }

    #[test]
    fn every_screen_has_a_path_and_a_letter_of_its_own() {
        for screen in Screen::ALL {
            assert_eq!(Screen::at(screen.path()), Some(screen));
            assert_eq!(Screen::ALL.into_iter().filter(|other| other.letter() == screen.letter()).count(), 1);
        }
        assert_eq!(Screen::at("/alarms/"), Some(Screen::Alarms));
        assert_eq!(Screen::at("/nowhere"), None);
    }
}
