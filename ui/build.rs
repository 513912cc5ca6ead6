//! Turns the files of each language into the keys that screens name, so that a missing or misspelt one does not compile.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use leptos_i18n_parser::parse_locales::options::{Config, ParseOptions};
use leptos_i18n_parser::parse_locales::parse_locales;

const LANGUAGES: [&str; 2] = ["en", "hi"];
/// One file a screen, so that each is edited on its own.
const FILES: [&str; 16] = [
    "words",
    "frame",
    "signin",
    "overview",
    "alarms",
    "analysis",
    "rules",
    "guidance",
    "points",
    "health",
    "settings",
    "map",
    "trends",
    "positions",
    "floods",
    "baseline",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed=locales");
    println!("cargo::rerun-if-changed=build.rs");
    for file in FILES {
        agree(&root, file)?;
    }

    let [first, others @ ..] = LANGUAGES;
    let options = ParseOptions::new().interpolate_display(true);
    let config = Config::new(first)?.add_locales(others)?.add_namespaces(FILES)?.parse_options(options);
    let parsed = parse_locales(Some(root), config)?;
    let attributes =
        "#![allow(missing_docs, unreachable_pub, dead_code, unused_imports, clippy::all, clippy::pedantic)]".parse()?;
    let code = leptos_i18n_codegen::gen_code(&parsed, None, false, Some(&attributes), false)?;
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("i18n.rs"), code.to_string())?;
    Ok(())
}

/// Whether every language has the same keys in `file`.
fn agree(root: &Path, file: &str) -> Result<(), Box<dyn Error>> {
    let keys = |language: &str| -> Result<BTreeSet<String>, Box<dyn Error>> {
        let path = root.join("locales").join(language).join(format!("{file}.json"));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let table: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(table.into_iter().map(|(key, _)| key).collect())
    };
    let [first, others @ ..] = LANGUAGES;
    let wanted = keys(first)?;
    for language in others {
        let given = keys(language)?;
        if let Some(key) = wanted.symmetric_difference(&given).next() {
            return Err(format!("ui/locales: {file}.{key} is not in both of {first} and {language}").into());
        }
    }
    Ok(())
}
