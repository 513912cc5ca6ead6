//! The compiler for the screens: rustup's wasm target, else the one in Debian's own packages.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::packages;
use crate::workspace::{Workspace, has_program};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may take; beyond that its server counts as out of reach.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Debian's compiler with its library sources, which builds the standard library for wasm itself.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// Debian's linter, of the same version as its compiler.
const DEBIAN_CLIPPY: &str = "rust-web-clippy";

/// Which compiler makes wasm on this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Toolchain {
    /// The one in use, with its wasm target.
    Own,
    /// `/usr/bin/rustc`, beside the one in use and not in its way.
    Debian,
}

impl Toolchain {
    /// The one that is ready, if any.
    pub(crate) fn ready(workspace: &Workspace) -> Option<Self> {
        if own_is_ready(workspace) {
            Some(Self::Own)
        } else if debian_is_ready() {
            Some(Self::Debian)
        } else {
            None
        }
    }

    /// The one that is ready, or what to do about it.
    pub(crate) fn require(workspace: &Workspace) -> anyhow::Result<Self> {
        Self::ready(workspace).context("the compiler cannot make wasm yet: `cargo xtask setup` sees to it")
    }

    /// `cargo SUBCOMMAND` for wasm, ready for more arguments.
    pub(crate) fn cargo(self, workspace: &Workspace, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Own => workspace.cargo(),
            Self::Debian => {
                let mut command = workspace.command("/usr/bin/cargo");
                let path = std::env::var_os("PATH").unwrap_or_default();
                let paths = std::iter::once("/usr/bin".into()).chain(std::env::split_paths(&path));
                if let Ok(path) = std::env::join_paths(paths) {
                    command.env("PATH", path);
                }
                command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
                // The standard library's source may only be built with the compiler's unstable switches.
                command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
                command
            }
        };
        command.args([subcommand, "--target", TARGET]);
        if self == Self::Debian {
            command.args(["-Z", "build-std=std,panic_abort"]);
        }
        command
    }

    /// Whether `cargo clippy` for wasm is to be had.
    pub(crate) fn has_clippy(self) -> bool {
        match self {
            Self::Own => true,
            Self::Debian => Path::new("/usr/bin/clippy-driver").is_file(),
        }
    }

    /// What tells one compiler's output from the other's.
    pub(crate) fn version(self, workspace: &Workspace) -> String {
        let mut rustc = match self {
            Self::Own => workspace.command("rustc"),
            Self::Debian => workspace.command("/usr/bin/rustc"),
        };
        let version = rustc.arg("-vV").output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        format!("{self:?} {}", version.unwrap_or_default())
    }
}

/// Gets the wasm target: from rustup within a bounded time, else from Debian's packages.
pub(crate) fn set_up(workspace: &Workspace, is_agreed: bool, wants_clippy: bool) -> anyhow::Result<Toolchain> {
    let toolchain = match Toolchain::ready(workspace) {
        Some(toolchain) => toolchain,
        None if rustup_adds_target(workspace)? => Toolchain::Own,
        None => {
            set_up_debian(workspace, is_agreed)?;
            Toolchain::Debian
        }
    };
    if toolchain == Toolchain::Debian && wants_clippy && !toolchain.has_clippy() {
        packages::install(workspace, &packages::missing_of(&[DEBIAN_CLIPPY])?, is_agreed)?;
    }
    Ok(toolchain)
}

fn own_is_ready(workspace: &Workspace) -> bool {
    let Ok(output) = workspace.command("rustc").args(["--print", "target-libdir", "--target", TARGET]).output() else {
        return false;
    };
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(files) = std::fs::read_dir(folder) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

fn debian_is_ready() -> bool {
    Path::new("/usr/bin/cargo").is_file()
        && Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
        && packages::missing_of(DEBIAN_PACKAGES).is_ok_and(|missing| missing.is_empty())
}

fn rustup_adds_target(workspace: &Workspace) -> anyhow::Result<bool> {
    if !has_program("rustup") {
        return Ok(false);
    }
    println!("   rustup target add {TARGET} (at most {} s)", RUSTUP_LIMIT.as_secs());
    let mut rustup = workspace
        .command("rustup")
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .spawn()
        .context("rustup cannot be started")?;
    let start = Instant::now();
    while start.elapsed() < RUSTUP_LIMIT {
        if let Some(status) = rustup.try_wait().context("rustup cannot be waited for")? {
            return Ok(status.success());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    rustup.kill().context("rustup cannot be stopped")?;
    rustup.wait().context("rustup cannot be waited for")?;
    Ok(false)
}

fn set_up_debian(workspace: &Workspace, is_agreed: bool) -> anyhow::Result<()> {
    println!("   rustup cannot bring the wasm target here: Debian's own compiler does");
    let cure = "make rustup's server reachable and run `rustup target add wasm32-unknown-unknown`";
    if !has_program("apt-get") {
        bail!("no wasm target: {cure}");
    }
    packages::install(workspace, &packages::missing_of(DEBIAN_PACKAGES)?, is_agreed)
        .with_context(|| format!("no wasm target from Debian either: {cure}"))?;
    if !debian_is_ready() {
        bail!("Debian's packages came without the library's source: {cure}");
    }
    let version = crate::setup::rustc_version("/usr/bin/rustc")?;
    if version < crate::setup::OLDEST_RUSTC {
        bail!("Debian's rustc is {}.{}, older than Penstock needs: {cure}", version.0, version.1);
    }
    Ok(())
}
