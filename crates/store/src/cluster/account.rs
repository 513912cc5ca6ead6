//! Whom PostgreSQL runs as: the system user `postgres` where the station is root (PostgreSQL refuses root), else oneself.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User, geteuid};
use tokio::process::Command;

use super::short_name;
use crate::{Error, Result};

/// A Unix socket's address holds 107 bytes; the socket's own name takes 15.
const LONGEST_SOCKET_FOLDER: usize = 85;

/// The account that PostgreSQL runs as.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    uid: Uid,
    gid: Gid,
    is_other: bool,
}

impl Account {
    pub(super) fn choose() -> Result<Self> {
        let own = geteuid();
        let (user, is_other) =
            if own.is_root() { (User::from_name("postgres"), true) } else { (User::from_uid(own), false) };
        match user {
            Ok(Some(user)) => Ok(Self { name: user.name, uid: user.uid, gid: user.gid, is_other }),
            _ if is_other => Err(Error::Missing {
                what: "the system user postgres, which comes with PostgreSQL,".to_owned(),
                cure: super::programs::INSTALL.to_owned(),
            }),
            _ => Err(Error::Refused { why: format!("user id {own} has no entry among the system's users") }),
        }
    }

    pub(super) fn apply(&self, command: &mut Command) {
        if self.is_other {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
    }

    /// Makes `folder` exist, belong to the account and be within its reach.
    pub(super) fn prepare_folder(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        self.own(folder, 0o750)?;
        let real = folder.canonicalize().map_err(Error::file("find", folder))?;
        for above in real.ancestors().skip(1) {
            let metadata = std::fs::metadata(above).map_err(Error::file("look at", above))?;
            let enter = match metadata.uid() {
                uid if uid == self.uid.as_raw() => 0o100,
                _ if metadata.gid() == self.gid.as_raw() => 0o010,
                _ => 0o001,
            };
            if metadata.mode() & enter == 0 {
                return Err(Error::Unreachable { folder: above.to_owned(), account: self.name.clone() });
            }
        }
        Ok(())
    }

    /// The folder of the sockets: inside the cluster's own, or where that is too deep, a short one under the system's
    /// folder for such things.
    pub(super) fn socket_folder(&self, folder: &Path) -> Result<PathBuf> {
        let inside = folder.join("run");
        if inside.as_os_str().as_bytes().len() <= LONGEST_SOCKET_FOLDER {
            std::fs::create_dir_all(&inside).map_err(Error::file("create", &inside))?;
            self.own(&inside, 0o700)?;
            return Ok(inside);
        }
        let base = if self.is_other {
            PathBuf::from("/run")
        } else {
            std::env::var_os("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
        };
        let short = base.join(format!("penstock-{}-{}", self.uid, short_name(folder)));
        match std::fs::DirBuilder::new().mode(0o700).create(&short) {
            Ok(()) => self.own(&short, 0o700)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // In a folder that everybody may write to, somebody else may have been first.
                let metadata = std::fs::symlink_metadata(&short).map_err(Error::file("look at", &short))?;
                let is_ours = [self.uid.as_raw(), geteuid().as_raw()].contains(&metadata.uid());
                if !metadata.is_dir() || !is_ours {
                    let taken = std::io::Error::other("it belongs to somebody else");
                    return Err(Error::file("use", &short)(taken));
                }
                self.own(&short, 0o700)?;
            }
            Err(error) => return Err(Error::file("create", &short)(error)),
        }
        Ok(short)
    }

    /// Gives `path` to the account, with `mode`.
    pub(super) fn own(&self, path: &Path, mode: u32) -> Result<()> {
        if self.is_other {
            std::os::unix::fs::chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
                .map_err(Error::file("change the owner of", path))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(Error::file("change the mode of", path))
    }
}
