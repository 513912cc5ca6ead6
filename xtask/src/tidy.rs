//! `cargo xtask tidy`: what the compiler does not check. Runs as a test of this package too.
//!
//! Documentation at the head of every module, manifests in one form, arrows between crates as ARCHITECTURE.md draws
//! them, nothing of anybody's machine in the tree, nothing left to do in silence.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::workspace::Workspace;

/// The crates, each of which may use only those above it.
const ROWS: &[&str] = &[
    "penstock-model",
    "penstock-api",
    "penstock-theme",
    "penstock-codec",
    "penstock-anomaly",
    "penstock-alarm",
    "penstock-map",
    "penstock-plot",
    "penstock-sim",
    "penstock-spool",
    "penstock-archive",
    "penstock-store",
    "penstock-sources",
    "penstock-station",
    "penstock-gateway",
    "penstock-testkit",
    "penstock",
    "penstock-ui",
    "penstock-bindgen",
    "xtask",
];

/// What a crate must not know, beyond what its row says.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("penstock-model", PURE),
    ("penstock-api", PURE),
    ("penstock-theme", PURE),
    ("penstock-codec", PURE),
    ("penstock-anomaly", PURE),
    ("penstock-alarm", PURE),
    ("penstock-map", PURE),
    ("penstock-plot", PURE),
    ("penstock-sim", &["penstock-api", "sqlx", "tauri", "leptos", "axum"]),
    ("penstock-spool", &["penstock-model", "sqlx", "rumqttc", "tauri", "leptos", "axum"]),
    ("penstock-archive", &["penstock-api", "sqlx", "rumqttc", "tauri", "leptos", "axum", "egui"]),
    ("penstock-store", &["penstock-api", "penstock-spool", "rumqttc", "tauri", "leptos", "axum", "egui"]),
    ("penstock-sources", &["penstock-api", "penstock-store", "penstock-spool", "sqlx", "tauri", "leptos"]),
    ("penstock-station", &["penstock-sim", "penstock-map", "penstock-plot", "tauri", "axum", "leptos", "egui"]),
    ("penstock-gateway", &["penstock-store", "penstock-spool", "sqlx", "rumqttc", "tauri", "leptos"]),
    ("penstock", &["penstock-store", "penstock-spool", "sqlx", "rumqttc", "leptos"]),
    ("penstock-ui", &["penstock-station", "penstock-gateway", "penstock-sim", "tokio", "sqlx", "rumqttc", "tauri"]),
    ("penstock-bindgen", &["penstock-ui", "penstock-station", "tokio"]),
    ("xtask", &["penstock-model", "penstock-station", "penstock-testkit", "tokio"]),
];

/// What takes time and data as arguments knows neither the network nor the screen's framework.
const PURE: &[&str] = &["tokio", "sqlx", "rumqttc", "reqwest", "axum", "tauri", "leptos", "nix", "keyring"];

/// What may lie beside the root `Cargo.toml`.
const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "assets",
    "crates",
    "icons",
    "migrations",
    "src-tauri",
    "ui",
    "xtask",
];

/// Larger files make every clone slow, for ever.
const LARGEST_FILE: u64 = 1 << 20;

/// Where larger ones are data that the product ships.
const LARGE_FILES_IN: &[&str] = &["assets/fonts/", "assets/demo/"];

/// Words of work left undone; in two halves, so that this list does not find itself.
const UNDONE: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Places of one machine or one network. The lock file names the public index by its address, as it must.
const PLACES: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/main"),
    concat!("/wo", "rk/shared"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
    concat!("registry.", "npmjs.org"),
];

/// Tests that do not count, in two halves as well.
const EMPTY_TESTS: &[&str] = &[concat!("#[ig", "nore"), concat!("should_", "panic")];

/// `cargo xtask tidy`.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask tidy");
    }
    check(workspace)?;
    println!("tidy");
    Ok(())
}

/// Looks at every file of the checkout that git tracks or would.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut complaints = Vec::new();
    let mut manifests = BTreeMap::new();
    let files = files(workspace)?;
    for path in &files {
        let file = workspace.path(path);
        // A file that is tracked and gone is a deletion not yet committed.
        let Ok(metadata) = file.symlink_metadata() else { continue };
        complaints.extend(check_place_and_size(path, metadata.len()));
        let content = std::fs::read(&file).with_context(|| format!("cannot read {path}"))?;
        let Ok(text) = String::from_utf8(content) else { continue };
        complaints.extend(check_text(path, &text));
        if path.ends_with(".rs") {
            complaints.extend(check_rust(path, &text));
        }
        // The fuzz crates are workspaces of their own: nothing depends on them, and they take nothing from the root.
        if path.ends_with("/Cargo.toml") && !path.ends_with("/fuzz/Cargo.toml") {
            let manifest = Manifest::read(&text);
            complaints.extend(check_manifest(path, &text, &manifest));
            manifests.insert(manifest.package.clone(), manifest);
        }
        if path.ends_with("Cargo.lock") {
            complaints.extend(check_lock(path, &text));
        }
    }
    for manifest in manifests.values() {
        complaints.extend(check_arrows(manifest));
    }
    if !files.iter().any(|path| path == "LICENSE") {
        complaints.push("LICENSE is missing".to_owned());
    }
    if !complaints.is_empty() {
        bail!("{} things to tidy:\n  {}", complaints.len(), complaints.join("\n  "));
    }
    Ok(())
}

fn files(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let output = workspace
        .command("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("git cannot be started, and only it knows which files belong to the tree")?;
    if !output.status.success() {
        bail!("git cannot list the tree: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let list = String::from_utf8(output.stdout).context("a file's name is no text")?;
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn check_place_and_size(path: &str, bytes: u64) -> Vec<String> {
    let mut complaints = Vec::new();
    let top = path.split('/').next().unwrap_or(path);
    if !TOP_LEVEL.contains(&top) {
        complaints.push(format!("{path}: `{top}` has no place at the top level (the list is in xtask/src/tidy.rs)"));
    }
    if bytes > LARGEST_FILE && !LARGE_FILES_IN.iter().any(|folder| path.starts_with(folder)) {
        complaints.push(format!("{path}: {bytes} bytes, more than {LARGEST_FILE}"));
    }
    complaints
}

fn check_text(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for word in UNDONE {
            if line.contains(word) {
                complaints.push(format!("{path}:{number}: `{word}`: do it, or say in words why it is as it is"));
            }
        }
        for place in PLACES {
            if line.contains(place) && path != "Cargo.lock" {
                complaints.push(format!("{path}:{number}: `{place}` is a place of one machine or network"));
            }
        }
    }
    complaints
}

fn check_rust(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !first.starts_with("//!") || first.trim_start_matches("//!").trim().split(' ').count() < 3 {
        complaints.push(format!("{path}:1: begin with `//!` and a sentence on what the module is for"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for mark in EMPTY_TESTS {
            if line.contains(mark) {
                complaints.push(format!("{path}:{number}: `{mark}`: a test runs, and states what it expects"));
            }
        }
    }
    complaints
}

fn check_lock(path: &str, text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("source = \"")?.strip_suffix('"'))
        .filter(|source| *source != "registry+https://github.com/rust-lang/crates.io-index")
        .map(|source| format!("{path}: `{source}` is not crates.io"))
        .collect()
}

/// What the rules ask of a member's manifest.
#[derive(Default)]
struct Manifest {
    package: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    is_for_tests: bool,
    is_from_workspace: bool,
}

impl Manifest {
    /// Reads the one form in which manifests are written here: a dependency a line.
    fn read(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut section = "";
        for line in text.lines() {
            let line = line.trim_end();
            if line.starts_with('[') {
                section = line;
            } else if let Some(name) = line.strip_prefix("name = ").filter(|_| section == "[package]") {
                manifest.package = name.trim_matches('"').to_owned();
            } else if section.ends_with("dependencies]") && line.starts_with(|first: char| first.is_ascii_alphabetic())
            {
                let name = line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
                let is_from_workspace = line.replace(' ', "").contains("workspace=true");
                let is_for_tests = section.contains("dev-dependencies");
                manifest.dependencies.push(Dependency { name, is_for_tests, is_from_workspace });
            }
        }
        manifest
    }
}

fn check_manifest(path: &str, text: &str, manifest: &Manifest) -> Vec<String> {
    let mut complaints = Vec::new();
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if !text.contains(&format!("\n{field}.workspace = true\n")) {
            complaints.push(format!("{path}: `{field}.workspace = true` is missing"));
        }
    }
    if !text.contains("\n[lints]\nworkspace = true\n") {
        complaints.push(format!("{path}: `[lints] workspace = true` is missing"));
    }
    if !text.contains("\ndescription = \"") {
        complaints.push(format!("{path}: `description` is missing"));
    }
    if text.lines().any(|line| line.starts_with('[') && line.contains("dependencies.")) {
        complaints.push(format!("{path}: write each dependency on a line of its own under `[dependencies]`"));
    }
    for dependency in manifest.dependencies.iter().filter(|dependency| !dependency.is_from_workspace) {
        complaints.push(format!("{path}: take `{}` from the workspace", dependency.name));
    }
    if !ROWS.contains(&manifest.package.as_str()) {
        complaints.push(format!("{path}: `{}` has no row in xtask/src/tidy.rs and ARCHITECTURE.md", manifest.package));
    } else {
        let folder =
            Path::new(path).parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        let has_own_name = matches!(folder, "src-tauri" | "xtask");
        if !has_own_name && manifest.package != format!("penstock-{folder}") {
            complaints.push(format!("{path}: the package of the folder `{folder}` is called `penstock-{folder}`"));
        }
    }
    complaints
}

fn check_arrows(manifest: &Manifest) -> Vec<String> {
    let mut complaints = Vec::new();
    let row = |name: &str| ROWS.iter().position(|row| *row == name);
    let forbidden =
        FORBIDDEN.iter().find(|(package, _)| *package == manifest.package).map_or(&[][..], |(_, list)| list);
    for dependency in &manifest.dependencies {
        let name = dependency.name.as_str();
        if dependency.is_for_tests {
            continue;
        }
        if name == "penstock-testkit" {
            complaints.push(format!("{}: penstock-testkit is for tests alone", manifest.package));
        }
        if let (Some(own), Some(other)) = (row(&manifest.package), row(name))
            && other >= own
        {
            complaints.push(format!("{} must not use {name}: it stands below", manifest.package));
        }
        if forbidden.contains(&name) {
            complaints.push(format!("{} must not know {name}", manifest.package));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() -> anyhow::Result<()> {
        check(&Workspace::find()?)
    }

    fn complaints_about(manifest: &str) -> Vec<String> {
        check_arrows(&Manifest::read(manifest))
    }

    #[test]
    fn arrows_point_up() {
        let upward = "[package]\nname = \"penstock-alarm\"\n[dependencies]\npenstock-model.workspace = true\n";
        assert_eq!(complaints_about(upward), Vec::<String>::new());
        let downward = "[package]\nname = \"penstock-model\"\n[dependencies]\npenstock-alarm.workspace = true\n";
        assert_eq!(complaints_about(downward), ["penstock-model must not use penstock-alarm: it stands below"]);
    }

    #[test]
    fn pure_crates_know_no_network() {
        let manifest = "[package]\nname = \"penstock-codec\"\n[dependencies]\ntokio = { workspace = true }\n";
        assert_eq!(complaints_about(manifest), ["penstock-codec must not know tokio"]);
        let for_tests = "[package]\nname = \"penstock-codec\"\n[dev-dependencies]\ntokio = { workspace = true }\n";
        assert_eq!(complaints_about(for_tests), Vec::<String>::new());
        let for_wasm = "[package]\nname = \"penstock-ui\"\n[target.'cfg(x)'.dependencies]\ntokio.workspace = true\n";
        assert_eq!(complaints_about(for_wasm), ["penstock-ui must not know tokio"]);
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        let manifest = "[package]\nname = \"penstock\"\n[dependencies]\npenstock-testkit.workspace = true\n";
        assert_eq!(complaints_about(manifest), ["penstock: penstock-testkit is for tests alone"]);
    }

    #[test]
    fn manifests_take_from_the_workspace() {
        let manifest = "[package]\nname = \"penstock-codec\"\ndescription = \"d\"\nversion.workspace = true\n\
            edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
            publish.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\nserde = \"1\"\n";
        let path = "crates/codec/Cargo.toml";
        assert_eq!(
            check_manifest(path, manifest, &Manifest::read(manifest)),
            ["crates/codec/Cargo.toml: take `serde` from the workspace"]
        );
        let bare = "[package]\nname = \"penstock-other\"\n";
        assert_eq!(check_manifest("crates/codec/Cargo.toml", bare, &Manifest::read(bare)).len(), 8);
    }

    #[test]
    fn what_is_undone_or_of_one_machine_is_named_with_its_line() {
        let text = format!("fine\n{} later\n{}me/x\n", concat!("TO", "DO"), "/ho");
        let complaints = check_text("a.md", &text);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints.iter().zip([2, 3]).all(|(complaint, line)| complaint.starts_with(&format!("a.md:{line}:"))));
    }

    #[test]
    fn a_module_says_what_it_is_for() {
        assert_eq!(check_rust("a.rs", "\n//! Decimation for charts.\n"), Vec::<String>::new());
        assert_eq!(check_rust("a.rs", "//! stub\nfn main() {}\n").len(), 1);
        assert_eq!(check_rust("a.rs", "use std::fs;\n").len(), 1);
    }

    #[test]
    fn places_and_sizes_are_bounded() {
        assert_eq!(check_place_and_size("crates/a/src/lib.rs", 1), Vec::<String>::new());
        assert_eq!(check_place_and_size("notes.txt", 1).len(), 1);
        assert_eq!(check_place_and_size("crates/a/big.bin", LARGEST_FILE + 1).len(), 1);
        assert_eq!(check_place_and_size("assets/fonts/big.ttf", LARGEST_FILE + 1), Vec::<String>::new());
    }

    #[test]
    fn only_crates_io_is_locked() {
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nsource = \"git+https://x\"\n";
        assert_eq!(check_lock("Cargo.lock", lock), ["Cargo.lock: `git+https://x` is not crates.io"]);
    }
}
