//! Where the checkout and its build folder are, and how cargo is called in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The checkout that `cargo xtask` was called in.
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds; as `CARGO_TARGET_DIR` says, else `target` in the checkout.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks the environment, never the path this program was compiled at: a build folder may serve several checkouts.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(manifest_dir) => PathBuf::from(manifest_dir),
            None => std::env::current_dir().context("the current folder cannot be read")?,
        };
        let root = start
            .ancestors()
            .find(|folder| folder.join("Cargo.toml").is_file() && folder.join("xtask").is_dir())
            .with_context(|| format!("{} is not inside a checkout of Penstock", start.display()))?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The file or folder `relative` of the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A program of the development profile, built or not.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// xtask's own corner of the build folder: logs, locks, what the last steps took.
    pub(crate) fn scratch(&self) -> anyhow::Result<PathBuf> {
        let folder = self.target.join("xtask");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// `cargo` of the toolchain in use, in the checkout, as if called by hand.
    pub(crate) fn cargo(&self) -> Command {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        self.command(program)
    }

    /// Any program, started in the checkout with the environment the user has, not the one `cargo run` adds.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let is_from_cargo_run = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME"
            });
            if is_from_cargo_run {
                command.env_remove(name);
            }
        }
        command.env("CARGO_TARGET_DIR", &self.target);
        match without_cargo_libraries(&self.target) {
            Some(paths) => command.env("LD_LIBRARY_PATH", paths),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
        command
    }
}

/// `LD_LIBRARY_PATH` without what `cargo run` puts into it: another toolchain's compiler would load the wrong libraries.
fn without_cargo_libraries(target: &Path) -> Option<OsString> {
    let paths = std::env::var_os("LD_LIBRARY_PATH")?;
    let own: Vec<PathBuf> = std::env::split_paths(&paths)
        .filter(|path| !path.as_os_str().is_empty() && !path.starts_with(target) && !path.ends_with("lib/rustlib"))
        .filter(|path| !path.components().any(|part| part.as_os_str() == "toolchains" || part.as_os_str() == "rustlib"))
        .collect();
    if own.is_empty() { None } else { std::env::join_paths(own).ok() }
}

/// Runs a program to its end; fails with `complaint` where that was no success.
pub(crate) fn succeed(command: &mut Command, complaint: &str) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    if !command.status().with_context(|| format!("{program} cannot be started"))?.success() {
        bail!("{complaint}");
    }
    Ok(())
}

/// Whether a program of this name can be started.
pub(crate) fn has_program(name: &str) -> bool {
    find_program(name).is_some()
}

/// The first program of this name on `PATH` and in the system's own folders, which an ordinary user's `PATH` may lack.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
