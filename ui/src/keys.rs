//! The keyboard: which keys do what everywhere, as a pure table. What a list or canvas does with its own letters is its
//! own affair; must not know the page.

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

#[cfg(test)]
mod tests {
    use super::*;

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
