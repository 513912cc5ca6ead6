//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, with the compiler in use and nothing else installed.
//!
//! The stable compiler instruments for coverage as cargo-fuzz has it do; only AddressSanitizer would take a nightly one,
//! and would find little in crates without unsafe code. What a run finds anew it keeps in the build folder, for the next
//! run; the corpus in the tree is read and never written.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::workspace::{Workspace, succeed};

const USAGE: &str = "usage: cargo xtask fuzz [TARGET] [--secs N]";

/// The crates that have fuzz targets.
const CRATES: &[&str] = &["codec", "spool"];

/// What cargo-fuzz passes, without the sanitizer: counters at each edge, and what comparisons compare.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "--cfg=fuzzing",
];

/// One input may take so long: all of them are bounded.
const INPUT_LIMIT: Duration = Duration::from_secs(10);
/// The longest input tried, in bytes.
const LONGEST_INPUT: usize = 4_096;

/// `cargo xtask fuzz [TARGET] [--secs N]`: all targets or one, each for so many seconds. Fails where one crashed.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    let options = Options::read(args)?;
    let all = targets(workspace)?;
    let chosen: Vec<&Target> =
        all.iter().filter(|target| options.target.as_ref().is_none_or(|name| *name == target.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
        bail!("no target is called `{}`: there are {}", options.target.unwrap_or_default(), names.join(", "));
    }
    let host = host(workspace)?;
    for folder in CRATES {
        if chosen.iter().any(|target| target.crate_folder == *folder) {
            build(workspace, folder, &host, options.target.as_deref())?;
        }
    }
    let mut crashed = Vec::new();
    for target in &chosen {
        println!("fuzzing {} for {} s", target.name, options.secs);
        let run = run(workspace, target, &host, options.secs)?;
        if let Some(figures) = &run.figures {
            println!("  {figures}");
        }
        if !run.is_success {
            match &run.crash {
                Some(file) => println!("  crashed; the input is {file}"),
                None => println!("  failed without an input to show for it"),
            }
            crashed.push(target.name.as_str());
        }
    }
    if crashed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("crashed: {}", crashed.join(", "));
    Ok(ExitCode::FAILURE)
}

struct Options {
    target: Option<String>,
    secs: u64,
}

impl Options {
    fn read(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { target: None, secs: 30 };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--secs" {
                let secs = args.next().and_then(|secs| secs.parse().ok()).filter(|secs| *secs > 0);
                options.secs = secs.context(USAGE)?;
            } else if arg.starts_with('-') || options.target.is_some() {
                bail!(USAGE);
            } else {
                options.target = Some(arg.clone());
            }
        }
        Ok(options)
    }
}

struct Target {
    crate_folder: &'static str,
    name: String,
}

/// Every file in the folders of targets, by name.
fn targets(workspace: &Workspace) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for crate_folder in CRATES {
        let folder = workspace.path(&format!("crates/{crate_folder}/fuzz/fuzz_targets"));
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).context("a target without a name")?;
            targets.push(Target { crate_folder, name: name.to_owned() });
        }
    }
    targets.sort_by(|one, other| (one.crate_folder, &one.name).cmp(&(other.crate_folder, &other.name)));
    Ok(targets)
}

/// The platform compiled for. Named to cargo, it keeps the flags away from what runs while building.
fn host(workspace: &Workspace) -> anyhow::Result<String> {
    let output = workspace.command("rustc").arg("-vV").output().context("rustc cannot be started")?;
    let text = String::from_utf8(output.stdout).context("rustc says nothing that can be read")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}

fn build_folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("fuzz")
}

fn build(workspace: &Workspace, crate_folder: &str, host: &str, only: Option<&str>) -> anyhow::Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--target", host, "--manifest-path"])
        .arg(workspace.path(&format!("crates/{crate_folder}/fuzz/Cargo.toml")))
        .env("CARGO_TARGET_DIR", build_folder(workspace))
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    match only {
        Some(name) => cargo.args(["--bin", name]),
        None => cargo.arg("--bins"),
    };
    succeed(&mut cargo, "the fuzz targets do not build; libFuzzer needs a C++ compiler, as in Debian's package g++")
}

struct Run {
    is_success: bool,
    /// What libFuzzer counted at the end.
    figures: Option<String>,
    /// The file with the input that it crashed on.
    crash: Option<String>,
}

/// Runs a target over what earlier runs found and the corpus in the tree. Its own words are shown where it fails.
fn run(workspace: &Workspace, target: &Target, host: &str, secs: u64) -> anyhow::Result<Run> {
    let folder = build_folder(workspace);
    let corpus = folder.join("corpus").join(target.crate_folder).join(&target.name);
    let found = folder.join("found").join(target.crate_folder).join(&target.name);
    for folder in [&corpus, &found] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut program = workspace.command(folder.join(host).join("release").join(&target.name));
    let words = workspace.path(&format!("crates/{}/fuzz/words.dict", target.crate_folder));
    if words.is_file() {
        program.arg(format!("-dict={}", words.display()));
    }
    let mut child = program
        .arg(format!("-max_total_time={secs}"))
        .arg(format!("-timeout={}", INPUT_LIMIT.as_secs()))
        .arg(format!("-max_len={LONGEST_INPUT}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}", folder_prefix(&found)))
        .arg(&corpus)
        .arg(workspace.path(&format!("crates/{}/fuzz/corpus/{}", target.crate_folder, target.name)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", target.name))?;
    let mut lines = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            lines.push(String::from_utf8_lossy(&line.context("its words cannot be read")?).into_owned());
        }
    }
    let is_success = child.wait().context("it cannot be waited for")?.success();
    if !is_success {
        let complaint = lines.iter().skip_while(|line| !is_complaint(line));
        for line in complaint {
            eprintln!("  {line}");
        }
    }
    Ok(Run { is_success, figures: figures(&lines), crash: crash(&lines) })
}

fn folder_prefix(folder: &Path) -> String {
    format!("{}/", folder.display())
}

fn is_complaint(line: &str) -> bool {
    line.contains("panicked at") || line.contains("ERROR: libFuzzer")
}

fn crash(lines: &[String]) -> Option<String> {
    lines.iter().find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim().to_owned()))
}

/// Executions, edges covered, and inputs kept, from libFuzzer's last status line.
fn figures(lines: &[String]) -> Option<String> {
    let status = lines.iter().rev().find(|line| line.starts_with('#') && line.contains(" cov: "))?;
    let after = |label: &str| {
        let (_, rest) = status.split_once(label)?;
        rest.split_whitespace().next()
    };
    let executions = status.trim_start_matches('#').split_whitespace().next()?;
    let (inputs, _) = after(" corp: ")?.split_once('/')?;
    Some(format!(
        "{executions} executions, {} a second, {} edges covered by {inputs} inputs",
        after(" exec/s: ")?,
        after(" cov: ")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let read = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            Options::read(&args).map(|options| (options.target, options.secs)).ok()
        };
        assert_eq!(read(&[]), Some((None, 30)));
        assert_eq!(read(&["json", "--secs", "60"]), Some((Some("json".to_owned()), 60)));
        assert_eq!(read(&["--secs", "5", "json"]), Some((Some("json".to_owned()), 5)));
        for wrong in [&["--secs"][..], &["--secs", "0"], &["--secs", "x"], &["a", "b"], &["--jobs"]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn figures_of_the_last_status() {
        let lines = [
            "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 28Mb",
            "#358028\tDONE   cov: 670 ft: 1395 corp: 496/10680b lim: 949 exec/s: 27540 rss: 28Mb",
            "Done 358028 runs in 13 second(s)",
        ]
        .map(str::to_owned);
        let expected = "358028 executions, 27540 a second, 670 edges covered by 496 inputs";
        assert_eq!(figures(&lines).as_deref(), Some(expected));
        assert_eq!(figures(&[]), None);
        assert_eq!(crash(&lines), None);
    }

    #[test]
    fn a_crash_is_told_with_its_file() {
        let line = "artifact_prefix='found/'; Test unit written to found/crash-e224".to_owned();
        assert_eq!(crash(&[line]).as_deref(), Some("found/crash-e224"));
    }

    #[test]
    fn every_target_has_a_name_of_its_own_and_seeds() -> anyhow::Result<()> {
        let workspace = Workspace::find()?;
        let targets = targets(&workspace)?;
        let mut names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), targets.len());
        for target in &targets {
            let corpus = workspace.path(&format!("crates/{}/fuzz/corpus/{}", target.crate_folder, target.name));
            assert!(std::fs::read_dir(&corpus)?.next().is_some(), "{}", corpus.display());
        }
        Ok(())
    }
}
