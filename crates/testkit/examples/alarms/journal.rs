//! The journal: first pages of what people ask for, and what a station reads of alarms at its start.

use std::time::Duration;

use anyhow::{Result, ensure};
use penstock_model::{Priority, TransitionKind};
use penstock_store::{JournalFilter, JournalPage, Reader, Store};

use crate::fill::{Filled, timed};
use crate::report::{Asked, Line, millis};

/// What is asked of a first page, and with how many entries at most.
const ASKED_MILLIS: f64 = 100.0;
const ASKED_ROWS: u64 = 1_500_000;
const REPETITIONS: usize = 15;
/// Rows of a first page.
const SHOWN: u32 = 200;

/// The lines in the order of the table.
pub(crate) struct Questions {
    first: Vec<Line>,
    again: Vec<Line>,
    start: Line,
}

const ASKED: [&str; 12] = [
    "everything",
    "one rule",
    "one site",
    "priority 1",
    "what was acknowledged",
    "a word of a comment",
    "one person",
    "one area",
    "one person's comments",
    "a word where it was acknowledged",
    "a word with priority 3",
    "a word that is nowhere",
];
/// The place of the only one that finds nothing.
const NOWHERE: usize = ASKED.len() - 1;

fn filter(number: usize, filled: &Filled) -> JournalFilter {
    let all = JournalFilter { from: filled.from, to: filled.until, ..JournalFilter::default() };
    let one_person = || filled.people.iter().take(1).copied().collect();
    match number {
        0 => all,
        1 => JournalFilter { rules: filled.rules.iter().take(1).copied().collect(), ..all },
        2 => JournalFilter { sites: filled.sites.iter().take(1).copied().collect(), ..all },
        3 => JournalFilter { priorities: vec![Priority::P1], ..all },
        4 => JournalFilter { kinds: vec![TransitionKind::Acknowledged], ..all },
        5 => JournalFilter { text: "valve 42 closed".to_owned(), ..all },
        6 => JournalFilter { people: one_person(), ..all },
        7 => JournalFilter { areas: filled.areas.iter().take(1).copied().collect(), ..all },
        // Few among very many of that person's entries.
        8 => JournalFilter { people: one_person(), kinds: vec![TransitionKind::Commented], ..all },
        9 => JournalFilter { text: "P-007".to_owned(), kinds: vec![TransitionKind::Acknowledged], ..all },
        10 => JournalFilter { text: "closed".to_owned(), priorities: vec![Priority::P3], ..all },
        _ => JournalFilter { text: "nowhere".to_owned(), ..all },
    }
}

impl Questions {
    pub(crate) fn new(rows: u64) -> Self {
        let line = |what: String, asked: Asked| Line::new(what, "ms", asked, "");
        let page = if rows <= ASKED_ROWS { Asked::AtMost(ASKED_MILLIS) } else { Asked::Nothing };
        let of = |when: &str| Vec::from(ASKED.map(|asked| line(format!("first page of {asked}, {when}"), page)));
        Self {
            first: of("first"),
            again: of("again"),
            start: line(format!("reading rules and states at the start, {rows} journal entries"), Asked::Nothing),
        }
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        let pairs = self.first.into_iter().zip(self.again).flat_map(<[Line; 2]>::from);
        pairs.chain([self.start]).collect()
    }

    /// One run, on a database that was just started.
    pub(crate) async fn run(&mut self, store: &Store, filled: &Filled) -> Result<()> {
        let (alarms, took) = timed(at_start(store, filled)).await?;
        ensure!(alarms == filled.rules.len(), "{alarms} states of {} rules", filled.rules.len());
        self.start.runs.push(millis(&[took]));
        let screens = store.for_screens(filled.tenant).await?;
        for (number, (first, again)) in self.first.iter_mut().zip(&mut self.again).enumerate() {
            let page = JournalPage { filter: filter(number, filled), before: None, limit: SHOWN };
            let finds_any = number != NOWHERE;
            first.runs.push(millis(&[asked(&screens, &page, finds_any).await?]));
            let mut took = Vec::with_capacity(REPETITIONS);
            for _ in 0..REPETITIONS {
                took.push(asked(&screens, &page, finds_any).await?);
            }
            again.runs.push(millis(&took));
        }
        screens.close().await;
        Ok(())
    }
}

async fn asked(screens: &Reader, page: &JournalPage, finds_any: bool) -> Result<Duration> {
    let (found, took) = timed(async { screens.journal(page).await.map_err(anyhow::Error::from) }).await?;
    ensure!(found.is_empty() != finds_any, "{} entries were found by {:?}", found.len(), page.filter);
    Ok(took)
}

/// What a station reads of alarms before it evaluates; how many states there are.
async fn at_start(store: &Store, filled: &Filled) -> Result<usize> {
    store.load_rules(filled.tenant).await?;
    let newest = store.last_journal_seq().await?;
    ensure!(newest == filled.rows, "the newest entry is {newest} of {}", filled.rows);
    Ok(store.alarm_states(filled.tenant).await?.len())
}
