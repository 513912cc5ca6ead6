//! `cargo xtask ui`: the screens, compiled to wasm and laid out in `ui/dist` as both shells serve them.
//!
//! The page loads `boot.js`, which starts `penstock.js` and `penstock_bg.wasm`; no script stands in the page itself, so
//! that the content security policy can forbid it. Nothing is built where nothing changed.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::fingerprint;
use crate::progress::Step;
use crate::wasm::{self, Toolchain};
use crate::workspace::{Workspace, succeed};

pub(crate) const STEP: Step = Step { name: "build the screens", first_time: Duration::from_secs(11 * 60) };

/// What the screens are made of.
const INGREDIENTS: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "ui/Cargo.toml",
    "ui/build.rs",
    "ui/index.html",
    "ui/src",
    "ui/locales",
    "ui/static",
    "ui/style",
    "crates/api",
    "crates/map",
    "crates/model",
    "crates/plot",
    "crates/theme",
    "assets/demo",
    "assets/fonts",
    "assets/sounds",
    "assets/theme",
    "xtask/bindgen",
    "xtask/src/screens.rs",
];

/// Files and folders copied as they are: from the checkout, to below `ui/dist`. A later one wins over an earlier one.
const COPIED: &[(&str, &str)] = &[
    ("assets/fonts", "fonts"),
    ("assets/sounds", "sounds"),
    ("assets/demo/basemap.json", "demo/basemap.json"),
    ("ui/style", "style"),
    ("ui/static", ""),
];

/// Starts the module; a file of its own because the page may hold no script.
const BOOT: &str = "import init from './penstock.js';\nawait init({ module_or_path: './penstock_bg.wasm' });\n";

/// `cargo xtask ui`.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask ui");
    }
    build(workspace)
}

/// Builds `ui/dist`, or finds that it is up to date.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    let toolchain = Toolchain::require(workspace)?;
    let scratch = workspace.scratch()?;
    let lock = fs::File::create(scratch.join("screens.lock")).context("the lock on the screens cannot be made")?;
    lock.lock().context("the lock on the screens cannot be had")?;

    let dist = workspace.path("ui/dist");
    let stamp = scratch.join(format!("screens-{:016x}", hash(&workspace.root)));
    let fingerprint = fingerprint::of(&workspace.root, INGREDIENTS, &[&toolchain.version(workspace)])?;
    let is_fresh = fs::read_to_string(&stamp).is_ok_and(|last| last == fingerprint);
    if is_fresh && dist.join("index.html").is_file() && dist.join("penstock_bg.wasm").is_file() {
        println!("   the screens are up to date");
        return Ok(());
    }

    compile(workspace, toolchain)?;
    let stage = scratch.join("dist");
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| format!("cannot empty {}", stage.display()))?;
    }
    lay_out(workspace, &stage)?;
    mirror(&stage, &dist)?;
    fs::write(&stamp, fingerprint).with_context(|| format!("cannot write {}", stamp.display()))?;
    report(&dist)
}

fn compile(workspace: &Workspace, toolchain: Toolchain) -> anyhow::Result<()> {
    let mut cargo = toolchain.cargo(workspace, "build");
    succeed(cargo.args(["--package", "penstock-ui", "--profile", "ui"]), "the screens do not compile")?;
    // In the profile of the screens too: the development profile's folder stays free for whoever builds there now.
    let mut cargo = workspace.cargo();
    succeed(
        cargo.args(["build", "--package", "penstock-bindgen", "--profile", "ui"]),
        "the tool that binds the screens to a browser does not compile",
    )
}

fn lay_out(workspace: &Workspace, stage: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(stage).with_context(|| format!("cannot make {}", stage.display()))?;
    let wasm = workspace.target.join(wasm::TARGET).join("ui").join("penstock-ui.wasm");
    let mut bindgen = workspace.command(workspace.target.join("ui").join("penstock-bindgen"));
    succeed(bindgen.arg(&wasm).arg(stage).arg("penstock"), "the screens cannot be bound to a browser")?;
    write(&stage.join("boot.js"), BOOT.as_bytes())?;
    for (from, to) in COPIED {
        let from = workspace.path(from);
        let mut files = Vec::new();
        fingerprint::collect(&from, &mut files)?;
        for file in files {
            let relative = file.strip_prefix(&from).with_context(|| format!("{} lies elsewhere", file.display()))?;
            // A file is its own only content, and a path joined with nothing would be a folder's.
            let name = if relative.as_os_str().is_empty() { stage.join(to) } else { stage.join(to).join(relative) };
            write(&name, &read(&file)?)?;
        }
    }
    let page = read(&workspace.path("ui/index.html"))?;
    if String::from_utf8_lossy(&page).split("<script").skip(1).any(|tag| !tag.contains(" src=")) {
        bail!("ui/index.html holds a script of its own, which the content security policy forbids: move it to a file");
    }
    write(&stage.join("index.html"), &page)
}

/// Makes `dist` equal to `stage`. Files that are the same keep their dates, so that nothing compiled from them is
/// compiled again.
fn mirror(stage: &Path, dist: &Path) -> anyhow::Result<()> {
    let relative_files = |folder: &Path| -> anyhow::Result<BTreeSet<PathBuf>> {
        let mut files = Vec::new();
        fingerprint::collect(folder, &mut files)?;
        Ok(files.iter().filter_map(|file| file.strip_prefix(folder).ok()).map(Path::to_path_buf).collect())
    };
    let wanted = relative_files(stage)?;
    for stale in relative_files(dist)?.difference(&wanted) {
        let file = dist.join(stale);
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    for relative in &wanted {
        let content = read(&stage.join(relative))?;
        if fs::read(dist.join(relative)).ok().as_ref() != Some(&content) {
            write(&dist.join(relative), &content)?;
        }
    }
    Ok(())
}

fn report(dist: &Path) -> anyhow::Result<()> {
    let module = dist.join("penstock_bg.wasm");
    let size = fs::metadata(&module).with_context(|| format!("cannot read {}", module.display()))?.len();
    println!("   {}: the module is {:.1} MB", dist.display(), size as f64 / 1e6);
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_drops_what_is_gone_and_leaves_what_is_the_same() -> anyhow::Result<()> {
        let root = std::env::temp_dir().join(format!("penstock-mirror-{}", std::process::id()));
        let (stage, dist) = (root.join("stage"), root.join("dist"));
        write(&stage.join("same"), b"1")?;
        write(&stage.join("sub/new"), b"2")?;
        write(&dist.join("same"), b"1")?;
        write(&dist.join("gone"), b"3")?;
        let before = fs::metadata(dist.join("same"))?.modified()?;
        mirror(&stage, &dist)?;
        assert_eq!(fs::metadata(dist.join("same"))?.modified()?, before);
        assert_eq!(read(&dist.join("sub/new"))?, b"2");
        assert!(!dist.join("gone").exists());
        fs::remove_dir_all(root)?;
        Ok(())
    }
}
