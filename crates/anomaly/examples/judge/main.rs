//! Judges the detectors on labelled recordings, on the demo town and by what they cost:
//! `cargo xtask bench anomaly --data DIR` or `cargo run --release -p penstock-anomaly --example judge -- [ARG]...`.
//!
//! - `--data DIR`: a folder with any of `skab`, `batadal`, `wdseventdb`, `gecco2018`, `nab` and `synth`, each with
//!   whichever of its files and rows. Without it, only the demo town and the costs are judged.
//! - `--scores OUT`: a CSV file each input, for others to score: its row number from 0, the asset's score, whether that
//!   is an alarm, and the first contributor; where points are labelled one by one, the same for each point. Of the
//!   first contender.
//! - `--json FILE`: all figures.
//! - `--only NAME,NAME`: some of the sets, `demo` and `cost` among them.
//! - `--with NAME,NAME`: some of the contenders.
//! - `--seeds FIRST-LAST`: the towns of `demo`; 201-220 where none are given, which nothing is tuned on.
//!
//! One rule for all: a contender sees the stretch to fit on without labels, then every row once and none before its
//! time, and nothing of it is set by the data set. The alarms are its own; no threshold is chosen by labels.

#![expect(clippy::print_stdout, reason = "what it finds is what it is for")]

mod contender;
mod cost;
mod demo;
mod report;
mod score;
mod sets;
mod table;
mod trial;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use contender::{CONTENDERS, Contender};
use report::Figure;
use sets::SETS;
use table::Outcome;
use trial::Trial;

struct Arguments {
    data: Option<PathBuf>,
    scores: Option<PathBuf>,
    json: Option<PathBuf>,
    only: Option<Vec<String>>,
    contenders: Vec<Contender>,
    seeds: RangeInclusive<u64>,
}

fn main() -> Outcome<()> {
    let mut given = std::env::args().skip(1).peekable();
    if given.next_if(|word| word == cost::MEMORY_OF).is_some() {
        let [contender] = contenders(&given.next().unwrap_or_default())?[..] else {
            return Err("the memory of one contender at a time".into());
        };
        if let Some(bytes) = cost::resident_bytes(&contender)? {
            println!("{bytes}");
        }
        return Ok(());
    }
    let arguments = arguments(given)?;
    let tables = judge(&arguments)?;
    for (contender, figures) in &tables {
        println!("{}", report::table(contender, figures));
    }
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report::document(&tables))?;
        std::fs::write(file, text + "\n").map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

fn judge(arguments: &Arguments) -> Outcome<Vec<(&'static str, Vec<Figure>)>> {
    let is_wanted = |name: &str| arguments.only.as_ref().is_none_or(|only| only.iter().any(|wanted| wanted == name));
    let mut tables: Vec<(&str, Vec<Figure>)> =
        arguments.contenders.iter().map(|contender| (contender.name, Vec::new())).collect();
    for set in SETS.iter().filter(|set| is_wanted(set.folder)) {
        let Some(data) = &arguments.data else { continue };
        let trials = (set.read)(&data.join(set.folder))?;
        if trials.is_empty() {
            println!("{}: nothing there to judge", set.folder);
            continue;
        }
        for (place, (contender, (_, figures))) in arguments.contenders.iter().zip(&mut tables).enumerate() {
            let scored = trials.iter().map(|trial: &Trial| trial.run(contender)).collect::<Outcome<Vec<_>>>()?;
            figures.extend((set.figures)(&scored));
            if let (0, Some(scores)) = (place, &arguments.scores) {
                scored.iter().try_for_each(|scored| scored.write(&scores.join(set.folder)))?;
            }
        }
    }
    if is_wanted(demo::SET) {
        let judged = demo::judge(&arguments.contenders, arguments.seeds.clone())?;
        tables.iter_mut().zip(judged).for_each(|((_, figures), judged)| figures.extend(judged));
    }
    if is_wanted(cost::SET) {
        for (contender, (_, figures)) in arguments.contenders.iter().zip(&mut tables) {
            figures.extend(cost::figures(contender)?);
        }
    }
    Ok(tables)
}

fn arguments(mut given: impl Iterator<Item = String>) -> Outcome<Arguments> {
    let mut found = Arguments {
        data: None,
        scores: None,
        json: None,
        only: None,
        contenders: CONTENDERS.to_vec(),
        seeds: demo::SEEDS,
    };
    while let Some(flag) = given.next() {
        let value = given.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--data" => found.data = Some(value.into()),
            "--scores" => found.scores = Some(value.into()),
            "--json" => found.json = Some(value.into()),
            "--only" => found.only = Some(sets_named(&value)?),
            "--with" => found.contenders = contenders(&value)?,
            "--seeds" => {
                let (first, last) = value.split_once('-').ok_or("--seeds needs FIRST-LAST, for example 201-220")?;
                found.seeds = first.parse()?..=last.parse()?;
            }
            _ => {
                let known = "--data, --scores, --json, --only, --with and --seeds";
                return Err(format!("{flag} is not known: use {known}").into());
            }
        }
    }
    if let Some(data) = found.data.as_ref().filter(|data| !data.is_dir()) {
        return Err(format!("{} is no folder: say where the recordings are with --data", data.display()).into());
    }
    Ok(found)
}

fn sets_named(names: &str) -> Outcome<Vec<String>> {
    let known: Vec<&str> = SETS.iter().map(|set| set.folder).chain([demo::SET, cost::SET]).collect();
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("{name} is no set: take some of {}", known.join(", ")).into()),
        None => Ok(names),
    }
}

fn contenders(names: &str) -> Outcome<Vec<Contender>> {
    let of_name = |name: &str| {
        let found = CONTENDERS.iter().find(|contender| contender.name == name).copied();
        found.ok_or_else(|| {
            let known: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
            format!("{name} is no contender: take some of {}", known.join(", ")).into()
        })
    };
    names.split(',').map(of_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &[&str]) -> Outcome<Arguments> {
        arguments(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn arguments_are_read_and_wrong_ones_named() {
        let found = given(&["--only", "skab,cost", "--with", "points", "--seeds", "3-4"]).expect("arguments");
        assert_eq!(found.only, Some(vec!["skab".to_owned(), "cost".to_owned()]));
        assert_eq!((found.contenders.len(), found.seeds), (1, 3..=4));
        for (wrong, named) in [
            (["--only", "skab,moon"], "moon"),
            (["--with", "oracle"], "oracle"),
            (["--seeds", "7"], "FIRST-LAST"),
            (["--data", "no-such-folder"], "no-such-folder"),
            (["--speed", "9"], "--speed"),
        ] {
            let error = given(&wrong).err().expect("refused").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
