//! The server's configuration files, written anew whenever a station starts or adopts it, and its log.

use std::path::Path;

use super::account::Account;
use super::programs::Programs;
use super::{Durability, READER, ROLE};
use crate::{Error, Result};

/// The socket's number; nothing listens on TCP.
pub(super) const PORT: u16 = 5432;

/// Writes `postgresql.conf`, `pg_hba.conf` and `pg_ident.conf`.
pub(super) fn write(
    data: &Path,
    sockets: &Path,
    durability: Durability,
    account: &Account,
    programs: &Programs,
) -> Result<()> {
    // Of the ways to do so the one that costs a commit the least time, where the server has it.
    let compression = if programs.has_lz4(data) { "lz4" } else { "on" };
    let files = [
        ("postgresql.conf", settings(sockets, durability, compression)),
        ("pg_hba.conf", "# Written by Penstock at every start.\nlocal all all peer map=penstock\n".to_owned()),
        ("pg_ident.conf", people(account)),
    ];
    for (name, text) in files {
        let path = data.join(name);
        let fresh = data.join(format!("{name}.new"));
        std::fs::write(&fresh, text).map_err(Error::file("write", &fresh))?;
        account.own(&fresh, 0o600)?;
        std::fs::rename(&fresh, &path).map_err(Error::file("write", &path))?;
    }
    Ok(())
}

/// Who may connect, as the owner and as the reader: the station, root, and the system user `postgres`.
fn people(account: &Account) -> String {
    let mut names = vec!["root", "postgres", &account.name];
    names.sort_unstable();
    names.dedup();
    let lines = names.iter().flat_map(|name| [ROLE, READER].map(|role| format!("penstock \"{name}\" {role}\n")));
    std::iter::once("# Written by Penstock at every start.\n".to_owned()).chain(lines).collect()
}

fn settings(sockets: &Path, durability: Durability, compression: &str) -> String {
    let sockets = sockets.to_string_lossy().replace('\'', "''");
    let durability = match durability {
        Durability::Full => "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n",
        Durability::Scratch => "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
    };
    format!(
        "# Written by Penstock at every start; put what you want otherwise into local.conf beside it.
listen_addresses = ''
port = {PORT}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 40
{durability}
shared_buffers = 128MB
work_mem = 16MB
maintenance_work_mem = 64MB
temp_buffers = 16MB
wal_compression = {compression}
# Files of the log that have been used are used again rather than made anew.
min_wal_size = 512MB
max_wal_size = 1GB
checkpoint_timeout = 10min
# A bulk load fills the log's bound sooner than the timeout; that is no fault.
checkpoint_warning = 0
# Table pages go to the disk as they are written. Left to the system they go all at once, and a commit waits behind them.
backend_flush_after = 256kB
bgwriter_flush_after = 256kB
jit = off
effective_io_concurrency = 16
random_page_cost = 1.5
# Rows of samples never change: freeze and count them early, a partition at a time.
autovacuum_naptime = 1min
autovacuum_vacuum_insert_scale_factor = 0.1
# And calmly: what it writes into the log is what a commit waits behind.
autovacuum_vacuum_cost_delay = 20ms
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
# One file a weekday, overwritten a week later.
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_line_prefix = '%m [%p] %a '
log_min_duration_statement = 5s
log_checkpoints = off
include_if_exists = 'local.conf'
"
    )
}

/// The end of what the server said when it did not start.
pub(super) fn last_words(start_log: &Path, data: &Path) -> String {
    let newest = std::fs::read_dir(data.join("log"))
        .into_iter()
        .flatten()
        .flatten()
        .max_by_key(|entry| entry.metadata().and_then(|metadata| metadata.modified()).ok());
    let mut lines: Vec<String> = Vec::new();
    for path in [Some(start_log.to_owned()), newest.map(|entry| entry.path())].into_iter().flatten() {
        let text = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let of_file: Vec<&str> = text.lines().rev().take(8).collect();
        lines.extend(of_file.into_iter().rev().map(str::to_owned));
    }
    lines.join("\n")
}
