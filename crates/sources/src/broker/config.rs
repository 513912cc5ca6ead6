//! The private broker's files: folder, configuration, access list, remembered port.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::{DEVICE, HOST, STATION};
use crate::Error;

pub(super) const CONFIG: &str = "mosquitto.conf";
pub(super) const PASSWORDS: &str = "passwords";
pub(super) const LOG: &str = "mosquitto.log";
pub(super) const OUTPUT: &str = "mosquitto.out";
const ACCESS: &str = "access";
const DATA: &str = "data";
const PORT: &str = "port";

/// A log larger than this is set aside before the next start.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

/// Whom the broker runs as.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum User {
    /// As whoever runs the station, which is not root.
    Same,
    /// The station is root: the broker becomes this one, and its files belong to it.
    Named { name: &'static str, uid: u32, gid: u32 },
    /// The station is root and the broker's user is missing or cannot reach the folder.
    Root,
}

/// The broker's user. Mosquitto started by root gives root up before it opens anything but its configuration.
pub(super) fn user(folder: &Path) -> User {
    const NAME: &str = "mosquitto";
    if !nix::unistd::geteuid().is_root() {
        return User::Same;
    }
    match nix::unistd::User::from_name(NAME) {
        Ok(Some(user)) if is_reachable(folder, user.uid.as_raw()) => {
            User::Named { name: NAME, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
        }
        _ => {
            tracing::warn!(
                folder = %folder.display(),
                "the private broker runs as root, because user mosquitto is missing or cannot reach its folder: a data \
                 folder below /var/lib would let it run as its own user"
            );
            User::Root
        }
    }
}

fn is_reachable(folder: &Path, uid: u32) -> bool {
    folder.ancestors().skip(1).all(|ancestor| match ancestor.metadata() {
        Ok(metadata) if metadata.uid() == uid => metadata.mode() & 0o100 != 0,
        Ok(metadata) => metadata.mode() & 0o001 != 0,
        Err(_) => false,
    })
}

/// Makes the folder, for its owner alone, and gives its path in full: the path tells our broker from others.
pub(super) fn create_folder(folder: &Path) -> Result<PathBuf, Error> {
    let failed = |action, cause| Error::File { action, path: folder.to_owned(), cause };
    std::fs::create_dir_all(folder).map_err(|cause| failed("create", cause))?;
    set_mode(folder, 0o700).map_err(|cause| failed("protect", cause))?;
    folder.canonicalize().map_err(|cause| failed("find", cause))
}

/// Writes everything the broker reads but its passwords.
pub(super) fn write_all(folder: &Path, user: &User, port: u16) -> Result<(), Error> {
    let data = folder.join(DATA);
    std::fs::create_dir_all(&data).map_err(|cause| Error::File { action: "create", path: data.clone(), cause })?;
    set_aside_log(folder);
    write(&folder.join(CONFIG), &text(folder, user, port), user)?;
    write(&folder.join(ACCESS), &access(), user)?;
    write(&folder.join(PORT), &format!("{port}\n"), user)?;
    write(&folder.join(OUTPUT), "", user)?;
    hand_over(&folder.join(PASSWORDS), 0o600, user)?;
    hand_over(&data, 0o700, user)?;
    hand_over(folder, 0o700, user)
}

/// Whether the files on disk are those that [`write_all`] would write.
pub(super) fn is_written(folder: &Path, user: &User, port: u16) -> bool {
    let is = |name, text: String| std::fs::read_to_string(folder.join(name)).is_ok_and(|written| written == text);
    is(CONFIG, text(folder, user, port)) && is(ACCESS, access())
}

pub(super) fn remembered_port(folder: &Path) -> Option<u16> {
    std::fs::read_to_string(folder.join(PORT)).ok()?.trim().parse().ok().filter(|port| *port != 0)
}

/// The line of the password file, a salted hash, that lets this account in; none where there is no such account.
pub(super) fn kept_account(folder: &Path, account: &str) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(PASSWORDS)).ok()?;
    let is_of_account =
        |line: &&str| line.split_once(':').is_some_and(|(name, hash)| name == account && hash.len() > 1);
    text.lines().find(is_of_account).map(|line| format!("{line}\n"))
}

/// Replaces a file in one step, readable by the broker alone.
pub(super) fn write(path: &Path, text: &str, user: &User) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let failed = |cause| Error::File { action: "write", path: path.to_owned(), cause };
    std::fs::write(&beside, text).map_err(failed)?;
    hand_over(&beside, 0o600, user)?;
    std::fs::rename(&beside, path).map_err(failed)
}

/// Makes the file the broker's, with this mode.
pub(super) fn hand_over(path: &Path, mode: u32, user: &User) -> Result<(), Error> {
    let given = match user {
        User::Named { uid, gid, .. } => chown(path, Some(*uid), Some(*gid)),
        User::Same | User::Root => Ok(()),
    };
    given.and_then(|()| set_mode(path, mode)).map_err(|cause| Error::File {
        action: "protect",
        path: path.to_owned(),
        cause,
    })
}

/// What the broker and its output said last, for an error message.
pub(super) fn last_words(folder: &Path) -> String {
    let last = |name| {
        let text = std::fs::read(folder.join(name)).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(line.trim().to_owned())
    };
    last(OUTPUT).or_else(|| last(LOG)).unwrap_or_else(|| "it said nothing".to_owned())
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

fn set_aside_log(folder: &Path) {
    let log = folder.join(LOG);
    if log.metadata().is_ok_and(|metadata| metadata.len() > LOG_BYTES)
        && let Err(cause) = std::fs::rename(&log, folder.join("mosquitto.log.old"))
    {
        tracing::warn!(%cause, log = %log.display(), "the broker's log stays large: make its folder writable");
    }
}

fn access() -> String {
    // `#` does not match topics that begin with `$`.
    format!("user {STATION}\ntopic readwrite #\ntopic read $SYS/#\n\nuser {DEVICE}\ntopic readwrite #\n")
}

fn text(folder: &Path, user: &User, port: u16) -> String {
    let user = match user {
        User::Named { name, .. } => format!("user {name}\n"),
        User::Root => "user root\n".to_owned(),
        User::Same => String::new(),
    };
    let folder = folder.display();
    format!(
        "# Written by Penstock at each start: changes are lost.
{user}listener {port} {HOST}
socket_domain ipv4
allow_anonymous false
password_file {folder}/{PASSWORDS}
acl_file {folder}/{ACCESS}

# Stock settings acknowledge a message and drop it when a client has 1000 waiting. Messages of QoS 0 are not queued:
# with queue_qos0_messages, Mosquitto 2.0.11 loses the first of QoS 1 behind those in flight when it is killed.
max_inflight_messages 2000
max_queued_messages 1000000
max_queued_bytes 268435456
max_packet_size 16777216
persistent_client_expiration 14d

# Queues are written down every second, because a broker that is killed keeps only what it has written.
persistence true
persistence_location {folder}/{DATA}/
autosave_interval 1

set_tcp_nodelay true
sys_interval 5
log_dest file {folder}/{LOG}
log_type error
log_type warning
log_type notice
connection_messages false
log_timestamp_format %Y-%m-%dT%H:%M:%S
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_account_is_its_own_line_with_a_hash() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(kept_account(folder.path(), DEVICE), None, "no file");
        let text = "station:$7$101$a$b\ndevices:$7$101$c$d\ndevice:$7$101$e$f\n";
        std::fs::write(folder.path().join(PASSWORDS), text).expect("written");
        assert_eq!(kept_account(folder.path(), DEVICE).as_deref(), Some("device:$7$101$e$f\n"));
        std::fs::write(folder.path().join(PASSWORDS), "device:\n").expect("written");
        assert_eq!(kept_account(folder.path(), DEVICE), None, "no hash");
    }
}
