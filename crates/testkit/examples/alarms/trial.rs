//! An edited rule over all history there is, read from the database as the station reads it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use penstock_alarm::{Backtest, Difference, Period, PointFacts, compare};
use penstock_model::{
    AlarmRule, Condition, Expression, LimitLevel, PointId, PointNo, RuleId, Subject, Test, Timestamp,
};
use penstock_store::{Reader, Store};

use crate::fill::{Filled, PENS, SPIKE, SPIKE_EVERY, timed};
use crate::report::{Asked, Line};

/// What is asked of a month of up to three points.
const ASKED_SECS: f64 = 10.0;

pub(crate) struct Trials {
    one: Line,
    three: Line,
}

impl Trials {
    pub(crate) fn new(days: u64) -> Self {
        let line = |what: &str| {
            let what = format!("trying {what} on {days} days at 1 Hz");
            // The bound is a month's: more days are only stated.
            let asked = if days <= 31 { Asked::AtMost(ASKED_SECS) } else { Asked::Nothing };
            Line::new(what, "s", asked, "")
        };
        Self { one: line("a limit of one point"), three: line("a combination of three points") }
    }

    pub(crate) fn into_lines(self) -> [Line; 2] {
        [self.one, self.three]
    }

    /// One run, on a database that was just started.
    pub(crate) async fn run(&mut self, store: &Store, filled: &Filled) -> Result<()> {
        let screens = store.for_screens(filled.tenant).await?;
        let (first, _) = filled.pens.split_first().context("there is no point to try a rule on")?;
        let leaf = |(_, point): &(PointNo, PointId)| Expression::Point { point: *point, test: Test::AtLeast(80.0) };
        let all = Condition::Expression(Expression::all(filled.pens.iter().map(leaf).collect()));
        let limit = Condition::Limit { level: LimitLevel::High, limit: 80.0, deadband: 2.0 };
        for (line, condition, pens) in [(&mut self.one, limit, 1), (&mut self.three, all, PENS)] {
            let before = AlarmRule::new(RuleId::derived(first.1.0, "tried"), Subject::Point(first.1), condition);
            let spike = Duration::from_secs(SPIKE.unsigned_abs());
            let after = AlarmRule { on_delay: spike / 2, ..before.clone() };
            let points: Vec<(PointNo, PointFacts)> = filled.pens.iter().take(pens).map(facts).collect();
            let (difference, took) = timed(tried(&screens, [before, after], points, filled)).await?;
            line.runs.push(took.as_secs_f64());
            // Both find each spike, the second one half of its time later.
            let spikes = usize::try_from(filled.until.micros_since(filled.from) / 1_000_000 / SPIKE_EVERY)?;
            let found = (difference.before.occurrences, difference.after.occurrences, difference.matched.len());
            ensure!(found == (spikes, spikes, spikes), "{found:?} alarms, and {spikes} spikes");
            let lasting = u32::try_from(spikes)? * spike;
            let times = (difference.before.active, difference.after.active);
            ensure!(times == (lasting, lasting / 2), "active for {times:?}, and spikes for {lasting:?}");
        }
        screens.close().await;
        Ok(())
    }
}

fn facts((no, id): &(PointNo, PointId)) -> (PointNo, PointFacts) {
    let stale_after = Duration::from_secs(120);
    (*no, PointFacts { id: *id, site: None, asset: None, stale_after, evaluated_until: None })
}

async fn tried(
    screens: &Reader,
    rules: [AlarmRule; 2],
    points: Vec<(PointNo, PointFacts)>,
    filled: &Filled,
) -> Result<Difference> {
    let period = Period::new(filled.from, filled.until).context("the past is empty")?;
    let start: Timestamp = filled.from - rules.iter().map(Backtest::lead).max().unwrap_or_default();
    let numbers = points.iter().map(|(no, _)| *no).collect();
    let mut backtest = Backtest::new(rules, points, start)?;
    let mut chunks = screens.replay(numbers, start, filled.until);
    let work = tokio::task::spawn_blocking(move || -> Result<Difference> {
        while let Some(chunk) = chunks.blocking_recv() {
            chunk?.iter().for_each(|sample| backtest.sample(sample));
        }
        let mut runs = backtest.finish(period).into_iter();
        let (before, after) = (runs.next().unwrap_or_default(), runs.next().unwrap_or_default());
        Ok(compare(&before, &after, period.until()))
    });
    work.await?
}
