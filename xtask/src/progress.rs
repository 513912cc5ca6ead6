//! Tells what is being done and how long it will still take, from how long each step took the last time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::workspace::Workspace;

/// How often a long step says that it goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// One thing of a [`Plan`].
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// The words a person reads; also what last time's duration is kept under.
    pub(crate) name: &'static str,
    /// A guess for a machine that never did it: two cores, nothing compiled.
    pub(crate) first_time: Duration,
}

/// The steps of one command, in order.
pub(crate) struct Plan {
    steps: Vec<Step>,
    next: usize,
    durations: BTreeMap<String, u64>,
    file: Option<PathBuf>,
}

impl Plan {
    pub(crate) fn new(workspace: &Workspace, steps: Vec<Step>) -> Self {
        let file = workspace.scratch().ok().map(|folder| folder.join("durations"));
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        let durations = text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(secs, name)| Some((name.to_owned(), secs.parse().ok()?)))
            .collect();
        Self { steps, next: 0, durations, file }
    }

    /// Does the next step, `name`, and says before, during and after it how time stands.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let start = Instant::now();
        let outcome = self.last_step(name, work);
        if outcome.is_ok() {
            println!("   done in {}", words(start.elapsed()));
        }
        outcome
    }

    /// As [`Plan::step`], with nothing said after it: what the step printed stays the last word.
    pub(crate) fn last_step<T>(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let expected = self.expected(name);
        let remaining: Duration = self.steps.iter().skip(self.next).map(|step| self.expected(step.name)).sum();
        self.next += 1;
        println!(
            "\n── {} of {}: {name} (about {}; in all about {} left)",
            self.next,
            self.steps.len(),
            words(expected),
            words(remaining)
        );
        let start = Instant::now();
        let (finished, is_finished) = mpsc::channel::<()>();
        let title = name.to_owned();
        let heartbeat = std::thread::spawn(move || {
            while is_finished.recv_timeout(HEARTBEAT) == Err(mpsc::RecvTimeoutError::Timeout) {
                let elapsed = start.elapsed();
                let left = match expected.checked_sub(elapsed) {
                    Some(left) => format!("about {} left", words(left)),
                    None => "longer than expected".to_owned(),
                };
                eprintln!("   … {title}: {} gone, {left}", words(elapsed));
            }
        });
        let outcome = work();
        drop(finished);
        if heartbeat.join().is_err() {
            eprintln!("   the clock of this step stopped");
        }
        if outcome.is_ok() {
            self.remember(name, start.elapsed());
        }
        outcome
    }

    fn expected(&self, name: &str) -> Duration {
        if let Some(&secs) = self.durations.get(name) {
            return Duration::from_secs(secs);
        }
        self.steps.iter().find(|step| step.name == name).map_or(Duration::ZERO, |step| step.first_time)
    }

    fn remember(&mut self, name: &str, took: Duration) {
        self.durations.insert(name.to_owned(), took.as_secs());
        let text: String = self.durations.iter().map(|(name, secs)| format!("{secs}\t{name}\n")).collect();
        if let Some(file) = &self.file
            && let Err(error) = std::fs::write(file, text)
        {
            eprintln!("   {}: {error} (the next estimate will be a guess)", file.display());
        }
    }
}

/// `8 s`, `1 min 30 s`, `12 min`: no more exact than an estimate is.
pub(crate) fn words(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0..60 => format!("{secs} s"),
        60..300 if secs % 60 >= 10 => format!("{} min {} s", secs / 60, secs % 60 / 10 * 10),
        _ => format!("{} min", (secs + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_estimates() {
        let check = |secs, expected: &str| assert_eq!(words(Duration::from_secs(secs)), expected);
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(95, "1 min 30 s");
        check(299, "4 min 50 s");
        check(700, "12 min");
    }
}
