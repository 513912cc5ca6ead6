//! The labelled sets: where each begins to be judged, and by which rule. Must not know what is judged.

mod batadal;
mod gecco;
mod nab;
mod skab;
mod synth;
mod wds;

use std::path::Path;

use crate::report::{Figure, Reach};
use crate::score::Tally;
use crate::table::Outcome;
use crate::trial::{Scored, Trial};

/// A set of recordings.
#[derive(Clone, Copy)]
pub(crate) struct Set {
    /// Its folder below that of the data.
    pub(crate) folder: &'static str,
    /// Reads whatever recordings the folder has.
    pub(crate) read: fn(&Path) -> Outcome<Vec<Trial>>,
    /// What a contender reached on them.
    pub(crate) figures: fn(&[Scored<'_>]) -> Vec<Figure>,
}

/// Every set.
pub(crate) const SETS: [Set; 6] = [
    Set { folder: skab::SET, read: skab::read, figures: skab::figures },
    Set { folder: batadal::SET, read: batadal::read, figures: batadal::figures },
    Set { folder: wds::SET, read: wds::read, figures: wds::figures },
    Set { folder: gecco::SET, read: gecco::read, figures: gecco::figures },
    Set { folder: nab::SET, read: nab::read, figures: nab::figures },
    Set { folder: synth::SET, read: synth::read, figures: synth::figures },
];

/// Events found, all of which are to be.
fn events(set: &'static str, tally: &Tally, best_known: &'static str) -> Figure {
    Figure::found(set, "events found", tally.found, tally.events).reach(Reach::All).best_known(best_known)
}

/// What is told of every set and nothing is asked of.
fn besides(set: &'static str, tally: &Tally) -> [Figure; 5] {
    [
        Figure::number(set, "median delay of those found", tally.median_delay_secs()).unit(" s"),
        Figure::number(set, "false alarms a day", tally.false_episodes_a_day()),
        Figure::number(set, "  of them far from any event", tally.unfounded_episodes_a_day()),
        Figure::number(set, "ranking of the scores (AUC)", tally.ranking_quality()),
        Figure::number(set, "F1 at the best threshold by the labels", tally.best_f1()),
    ]
}

/// An input's name without its ending.
fn stem(name: &str) -> &str {
    name.strip_suffix(".csv").unwrap_or(name)
}
