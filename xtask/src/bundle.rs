//! `cargo xtask bundle`: the Debian package of the desktop program, unpacked again and started to see that it lives.
//!
//! What the package says of itself stands in `src-tauri/tauri.conf.json`; Debian's own `dpkg-deb` packs it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::demo;
use crate::progress::{Plan, Step};
use crate::screens;
use crate::workspace::{Workspace, succeed};

const BUILD: Step = Step { name: "build the program, optimised", first_time: Duration::from_secs(20 * 60) };
const PACK: Step = Step { name: "pack it", first_time: Duration::from_secs(20) };
const TRY: Step = Step { name: "start what was packed", first_time: Duration::from_secs(20) };

/// The libraries a Tauri program is linked with or loads as it runs (the last draws the tray's icon).
const LIBRARIES: &[&str] = &["libwebkit2gtk-4.1-0", "libgtk-3-0", "libayatana-appindicator3-1"];

/// Where the icons go, by file.
const ICONS: &[(&str, &str)] =
    &[("32x32.png", "32x32"), ("128x128.png", "128x128"), ("128x128@2x.png", "256x256@2"), ("icon.png", "512x512")];

/// What a first start of a packed station may take.
const START: Duration = Duration::from_secs(60);

/// `cargo xtask bundle`: writes `bundle/penstock_VERSION_ARCHITECTURE.deb` in the build folder.
pub(crate) fn command(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    if !args.is_empty() {
        bail!("usage: cargo xtask bundle");
    }
    let mut plan = Plan::new(workspace, vec![screens::STEP, BUILD, PACK, TRY]);
    plan.step(screens::STEP.name, || screens::build(workspace))?;
    plan.step(BUILD.name, || {
        succeed(workspace.cargo().args(["build", "--release", "--package", "penstock"]), "the program does not compile")
    })?;
    let package = plan.step(PACK.name, || pack(workspace))?;
    plan.step(TRY.name, || start_what_was_packed(workspace, &package))?;
    println!("\npackage: {}\ninstall it with `sudo apt install` and this path", package.display());
    Ok(ExitCode::SUCCESS)
}

fn pack(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let about = About::read(workspace)?;
    let folder = workspace.target.join("bundle");
    let root = folder.join("penstock");
    remove(&root)?;
    copy(&workspace.target.join("release/penstock"), &root.join("usr/bin/penstock"), 0o755)?;
    for (file, size) in ICONS {
        let place = format!("usr/share/icons/hicolor/{size}/apps/penstock.png");
        copy(&workspace.path("icons").join(file), &root.join(place), 0o644)?;
    }
    copy(&workspace.path("LICENSE"), &root.join("usr/share/doc/penstock/copyright"), 0o644)?;
    write(&root.join("usr/share/applications/penstock.desktop"), &about.desktop_entry())?;
    let bytes = size_of(&root)?;
    write(&root.join("DEBIAN/control"), &about.control(bytes.div_ceil(1024)))?;

    let package = folder.join(format!("penstock_{}_{}.deb", about.version, about.architecture));
    let mut dpkg = workspace.command("dpkg-deb");
    dpkg.args(["--root-owner-group", "--build"]).arg(&root).arg(&package).stdout(Stdio::null());
    succeed(&mut dpkg, "dpkg-deb could not pack")?;
    Ok(package)
}

/// Unpacks the package and starts its station on a folder of its own, until it takes readings in.
fn start_what_was_packed(workspace: &Workspace, package: &Path) -> anyhow::Result<()> {
    let root = workspace.target.join("bundle/unpacked");
    remove(&root)?;
    succeed(workspace.command("dpkg-deb").arg("--extract").arg(package).arg(&root), "dpkg-deb could not unpack")?;
    let data = demo::data_folder(&format!("penstock-bundle-{}", std::process::id()))?;
    fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    let mut station = workspace.command(root.join("usr/bin/penstock"));
    station.args(["station", "--data"]).arg(&data).env("PENSTOCK_GATEWAY__LISTEN", "127.0.0.1:0");
    let mut station = station.stdout(Stdio::null()).spawn().context("the packed program cannot be started")?;
    let outcome = until_ready(&mut station, &data);
    if station.try_wait()?.is_none() {
        kill(Pid::from_raw(station.id().try_into()?), Signal::SIGTERM).context("the station cannot be stopped")?;
        station.wait().context("the station cannot be waited for")?;
    }
    remove(&data)?;
    outcome
}

fn until_ready(station: &mut Child, data: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        if demo::Note::read(data).is_some_and(|note| note.is_ready && note.pid == station.id()) {
            println!("   the packed station was ready after {:.1} s", start.elapsed().as_secs_f64());
            return Ok(());
        }
        if let Some(status) = station.try_wait().context("the station cannot be waited for")? {
            bail!("the packed station did not start: {status}");
        }
        if start.elapsed() > START {
            bail!("the packed station was not ready within {} s", START.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the package says of itself.
struct About {
    version: String,
    architecture: String,
    summary: String,
    description: String,
    maintainer: String,
    section: String,
    depends: Vec<String>,
}

impl About {
    fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let file = workspace.path("src-tauri/tauri.conf.json");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let config: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        let architecture = Command::new("dpkg").arg("--print-architecture").output();
        let architecture = architecture.context("packing needs Debian's dpkg")?;
        Self::parse(&config, String::from_utf8_lossy(&architecture.stdout).trim())
    }

    fn parse(config: &Value, architecture: &str) -> anyhow::Result<Self> {
        let text = |path: &str| {
            let value = config.pointer(path).and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("tauri.conf.json does not say {path}"))
        };
        let depends = config.pointer("/bundle/linux/deb/depends").and_then(Value::as_array);
        let depends = depends.context("tauri.conf.json does not say what the package depends on")?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            architecture: architecture.to_owned(),
            summary: text("/bundle/shortDescription")?,
            description: text("/bundle/longDescription")?,
            maintainer: text("/bundle/copyright")?,
            section: text("/bundle/linux/deb/section")?,
            depends: LIBRARIES
                .iter()
                .copied()
                .chain(depends.iter().filter_map(Value::as_str))
                .map(str::to_owned)
                .collect(),
        })
    }

    /// As Debian's policy, section 5.3, has it.
    fn control(&self, kibibytes: u64) -> String {
        format!(
            "Package: penstock\nVersion: {}\nArchitecture: {}\nMaintainer: {} <noreply@penstock.invalid>\n\
             Installed-Size: {kibibytes}\nSection: {}\nPriority: optional\nDepends: {}\nDescription: {}\n {}\n",
            self.version,
            self.architecture,
            self.maintainer,
            self.section,
            self.depends.join(", "),
            self.summary,
            self.description
        )
    }

    /// As the Desktop Entry Specification 1.5 has it.
    fn desktop_entry(&self) -> String {
        format!(
            "[Desktop Entry]\nType=Application\nName=Penstock\nComment={}\nExec=penstock\nIcon=penstock\n\
             Terminal=false\nCategories=Utility;\nStartupWMClass=penstock\n",
            self.summary
        )
    }
}

fn copy(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    make_folder_of(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).with_context(|| format!("cannot open {}", to.display()))
}

fn write(file: &Path, content: &str) -> anyhow::Result<()> {
    make_folder_of(file)?;
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
        .with_context(|| format!("cannot open {}", file.display()))
}

fn make_folder_of(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().with_context(|| format!("{} lies in no folder", file.display()))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let mut files = Vec::new();
    crate::fingerprint::collect(folder, &mut files)?;
    let sizes = files.iter().map(|file| Ok(fs::metadata(file)?.len()));
    sizes.sum::<std::io::Result<u64>>().with_context(|| format!("cannot measure {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_says_what_it_needs() -> anyhow::Result<()> {
        let config: Value = serde_json::from_str(include_str!("../../src-tauri/tauri.conf.json"))?;
        let control = About::parse(&config, "amd64")?.control(1_024);
        assert!(control.starts_with("Package: penstock\nVersion: "), "{control}");
        let depends = control.lines().find_map(|line| line.strip_prefix("Depends: ")).context("no dependencies")?;
        for package in ["libwebkit2gtk-4.1-0", "postgresql", "postgresql-postgis", "mosquitto"] {
            assert!(depends.split(", ").any(|name| name == package), "{package} is missing: {depends}");
        }
        // The long description is indented, and the file ends with the line.
        assert!(control.lines().last().is_some_and(|line| line.starts_with(' ')) && control.ends_with('\n'));
        assert!(!control.contains("\n\n"));
        Ok(())
    }
}
