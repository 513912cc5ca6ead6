//! Judges the causes that floods are put under, on the demo town's troubles:
//! `cargo xtask bench floods` or `cargo run --release -p penstock-alarm --example floods -- [ARG]...`.
//!
//! - `--seeds FIRST-LAST`: the seeds; 101-140 where none are given. 1-20 are those that the weights were tuned on.
//! - `--only NAME`: one trouble, for example `burst`.
//! - `--without PERCENT`: leaves out so many of the rules, by chance.
//! - `--another`: lets something else go wrong elsewhere at about the same time.
//! - `--explain`: what was named wherever the true cause was not named first; `--explain all` for every flood.
//!
//! It fails where the true cause of all floods is named too seldom first or among the first three, unless that is made
//! harder.

#![expect(clippy::print_stdout, reason = "what it finds is what it is for")]

mod judge;

use std::error::Error;
use std::ops::RangeInclusive;
use std::process::ExitCode;

use judge::{Conditions, Trouble, Verdict, judge};

/// How often the true cause is to be named first and among the first three, in percent.
const ASKED_FIRST: f64 = 80.0;
const ASKED_AMONG_THREE: f64 = 95.0;

struct Arguments {
    seeds: RangeInclusive<u64>,
    troubles: Vec<Trouble>,
    conditions: Conditions,
    explains: Explains,
}

#[derive(PartialEq)]
enum Explains {
    Nothing,
    Misses,
    All,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = arguments()?;
    println!("{:<28} {:>5} {:>7} {:>8} {:>9} {:>13}", "", "runs", "floods", "alarms", "grouped", "first / three");
    let mut all = Vec::new();
    let mut runs = 0;
    for trouble in &arguments.troubles {
        let mut verdicts = Vec::new();
        for seed in arguments.seeds.clone() {
            runs += 1;
            let Some(verdict) = judge(*trouble, seed, arguments.conditions)? else { continue };
            let is_told = match arguments.explains {
                Explains::Nothing => false,
                Explains::Misses => verdict.place != Some(0),
                Explains::All => true,
            };
            if is_told {
                println!("  seed {seed}: {}", verdict.account);
            }
            verdicts.push(verdict);
        }
        line(trouble.name(), arguments.seeds.clone().count(), &verdicts);
        all.extend(verdicts);
    }
    line("all", runs, &all);
    let end: Vec<_> = all.iter().map(|flood| flood.place).collect();
    let (first, among_three) = (named_within(1, &end), named_within(3, &end));
    let is_harder = arguments.conditions.without_percent > 0 || arguments.conditions.another;
    if is_harder || (first >= ASKED_FIRST && among_three >= ASKED_AMONG_THREE) {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "named first in {first:.1} % and among three in {among_three:.1} %: \
         {ASKED_FIRST:.0} % and {ASKED_AMONG_THREE:.0} % are asked"
    );
    Ok(ExitCode::FAILURE)
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

/// In how many percent of floods the true cause is among the first so many places.
fn named_within(places: usize, all: &[Option<usize>]) -> f64 {
    percent(all.iter().filter(|place| place.is_some_and(|place| place < places)).count(), all.len())
}

/// One line: runs, floods among them, alarms of a flood, how many of them are in its group, and how often the true cause
/// is first and among the first three, at the end and when the group has just enough alarms to be folded.
fn line(name: &str, runs: usize, floods: &[Verdict]) {
    let end: Vec<_> = floods.iter().map(|flood| flood.place).collect();
    let fold: Vec<_> = floods.iter().map(|flood| flood.place_at_fold).collect();
    let alarms: usize = floods.iter().map(|flood| flood.alarms).sum();
    let grouped: usize = floods.iter().map(|flood| flood.grouped).sum();
    println!(
        "{name:<28} {runs:>5} {:>7} {:>8.1} {:>7.0} % {:>5.0} % {:>4.0} %   at the fold {:>3.0} % {:>3.0} %",
        floods.len(),
        alarms as f64 / floods.len().max(1) as f64,
        percent(grouped, alarms),
        named_within(1, &end),
        named_within(3, &end),
        named_within(1, &fold),
        named_within(3, &fold),
    );
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments {
        seeds: 101..=140,
        troubles: Trouble::ALL.to_vec(),
        conditions: Conditions::default(),
        explains: Explains::Nothing,
    };
    let mut given = std::env::args().skip(1).peekable();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--seeds" => {
                let seeds = given.next().ok_or("--seeds needs FIRST-LAST")?;
                let (first, last) = seeds.split_once('-').ok_or("--seeds needs FIRST-LAST, for example 101-140")?;
                found.seeds = first.parse()?..=last.parse()?;
            }
            "--only" => {
                let name = given.next().ok_or("--only needs a trouble's name")?;
                found.troubles.retain(|trouble| trouble.name() == name);
                if found.troubles.is_empty() {
                    let known = Trouble::ALL.map(Trouble::name).join(", ");
                    return Err(format!("{name} is no trouble: take one of {known}").into());
                }
            }
            "--without" => {
                found.conditions.without_percent = given.next().ok_or("--without needs a percentage")?.parse()?;
            }
            "--another" => found.conditions.another = true,
            "--explain" => {
                let is_all = given.next_if(|word| word == "all").is_some();
                found.explains = if is_all { Explains::All } else { Explains::Misses };
            }
            other => {
                return Err(
                    format!("{other} is not known: use --seeds, --only, --without, --another and --explain").into()
                );
            }
        }
    }
    Ok(found)
}
