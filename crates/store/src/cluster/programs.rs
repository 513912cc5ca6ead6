//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// The command that installs what is missing.
pub(super) const INSTALL: &str = "apt install postgresql postgresql-postgis";
const OLDEST: u32 = 14;

/// One installed version of PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    pub(super) version: u32,
}

impl Programs {
    /// The programs in `given`, or of the newest version in the usual places and on PATH. Data that exists can only be
    /// served by its own version, `needed`.
    pub(super) fn find(given: Option<&Path>, needed: Option<u32>) -> Result<Self> {
        let mut found: Vec<Self> = match given {
            Some(folder) => Self::in_folder(folder).into_iter().collect(),
            None => usual_folders().iter().filter_map(|folder| Self::in_folder(folder)).collect(),
        };
        found.retain(|programs| needed.map_or(programs.version >= OLDEST, |needed| programs.version == needed));
        found.into_iter().max_by_key(|programs| programs.version).ok_or_else(|| match (given, needed) {
            (Some(folder), _) => Error::Missing {
                what: format!("a usable PostgreSQL in {}", folder.display()),
                cure: INSTALL.to_owned(),
            },
            (None, Some(needed)) => Error::Missing {
                what: format!("PostgreSQL {needed}, which the station's data was written by,"),
                cure: format!("apt install postgresql-{needed} postgresql-{needed}-postgis-3"),
            },
            (None, None) => Error::Missing { what: format!("PostgreSQL {OLDEST} or newer"), cure: INSTALL.to_owned() },
        })
    }

    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// Whether the server can write its log with LZ4: from version 15 on, where it was built with it.
    pub(super) fn has_lz4(&self, data: &Path) -> bool {
        let mut ask = Command::new(self.path("postgres"));
        ask.args(["-C", "wal_compression", "-c", "wal_compression=lz4", "-D"]).arg(data);
        self.version >= 15 && ask.output().is_ok_and(|output| output.status.success())
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        // "postgres (PostgreSQL) 15.20 (Debian 15.20-1)", "postgres (PostgreSQL) 18beta1"
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { folder: folder.to_owned(), version: digits.parse().ok()? })
    }
}

/// Debian's, Fedora's, and what PATH lists.
fn usual_folders() -> Vec<PathBuf> {
    let entries = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let debian = entries("/usr/lib/postgresql").map(|entry| entry.path().join("bin"));
    let fedora = entries("/usr")
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("pgsql-"))
        .map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Of equal versions the last is taken: what PATH lists may be links to the others.
    std::env::split_paths(&path).chain(fedora).chain(debian).collect()
}

/// The major version that wrote the data folder, where it exists.
pub(super) fn version_of_data(data: &Path) -> Result<Option<u32>> {
    let file = data.join("PG_VERSION");
    match std::fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(Error::Unreadable { what: "PG_VERSION", why: format!("{text:?} is no version") }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", &file)(error)),
    }
}
