//! Scratch databases: one PostgreSQL cluster for all test processes, and a database of its own for each test.
//!
//! The cluster lives in the system's folder for temporary files and is as quick as it can be: a commit survives the
//! server, not the machine. Every test process holds a shared lock on it; a small watch of the shell, which outlives
//! them all, ends the cluster and removes it when nobody has held the lock for a while, also after a killed run.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use penstock_store::{Cluster, ClusterSettings, ConnectOptions, Durability, Store};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::OnceCell;

/// How long nobody may use the shared cluster before it ends.
const IDLE_SECS: u32 = 60;

/// A database of its own, with the tables of this version, dropped with this value.
#[derive(Debug)]
pub struct ScratchDatabase {
    options: ConnectOptions,
    server: ConnectOptions,
    name: String,
}

impl ScratchDatabase {
    /// How to reach it.
    pub const fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Opens it as the station does.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.options).await?)
    }
}

/// A database for one test, cloned from a migrated template.
///
/// # Errors
/// Where PostgreSQL is missing or does not start.
pub async fn scratch_database() -> Result<ScratchDatabase> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let shared = shared_cluster().await?;
    let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut server = shared.server.connect().await?;
    // A process of the same number may have been killed before it could drop its own.
    server.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await?;
    server.execute(AssertSqlSafe(format!("create database {name} template {}", shared.template))).await?;
    server.close().await?;
    Ok(ScratchDatabase { options: shared.server.clone().database(&name), server: shared.server.clone(), name })
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        let server = self.server.clone();
        let drop = format!("drop database if exists {} with (force)", self.name);
        // A test's own runtime cannot be waited on from inside it.
        let dropped = std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut server = server.connect().await?;
                server.execute(AssertSqlSafe(drop)).await?;
                Ok(server.close().await?)
            })
        });
        // A database that stays is removed with the cluster; a test's verdict does not hang on it.
        drop_quietly(dropped.join());
    }
}

fn drop_quietly<T>(_: T) {}

#[derive(Debug)]
struct Shared {
    /// The server's own database, for creating others.
    server: ConnectOptions,
    template: String,
    /// Held as long as the process lives.
    _in_use: File,
}

async fn shared_cluster() -> Result<&'static Shared> {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    SHARED.get_or_try_init(start_shared).await
}

async fn start_shared() -> Result<Shared> {
    let user = nix::unistd::geteuid();
    let base = std::env::temp_dir().join(format!("penstock-test-{user}"));
    let (in_use, starting) = tokio::task::spawn_blocking({
        let base = base.clone();
        move || -> Result<(File, File)> {
            let open = |name: &str| {
                std::fs::create_dir_all(&base)?;
                std::fs::set_permissions(&base, Permissions::from_mode(0o755))?;
                File::options().create(true).append(true).open(base.join(name))
            };
            let in_use = open("in-use.lock").with_context(|| format!("cannot lock {}", base.display()))?;
            in_use.lock_shared()?;
            let starting = open("starting.lock")?;
            starting.lock()?;
            Ok((in_use, starting))
        }
    })
    .await??;

    let folder = base.join("cluster");
    let cluster = match scratch_start(&folder).await {
        Ok(cluster) => cluster,
        Err(_) => {
            // What a switched-off machine left of a cluster that never waits for the disk is not worth repairing.
            std::fs::remove_dir_all(&folder)?;
            scratch_start(&folder).await?
        }
    };
    let options = cluster.options();
    let template = format!("template_{}", penstock_store::schema_name());
    prepare_template(&options, &template).await?;
    watch_shared(&base, &cluster)?;
    drop(starting);
    Ok(Shared { server: options.database("postgres"), template, _in_use: in_use })
}

async fn scratch_start(folder: &Path) -> Result<Cluster> {
    let settings = ClusterSettings { durability: Durability::Scratch, ..ClusterSettings::new(folder) };
    Ok(Cluster::start(settings).await?)
}

async fn prepare_template(options: &ConnectOptions, template: &str) -> Result<()> {
    let mut server = options.clone().database("postgres").connect().await?;
    let is_ready: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
            .bind(template)
            .fetch_one(&mut server)
            .await?;
    if !is_ready {
        server.execute(AssertSqlSafe(format!("drop database if exists {template} with (force)"))).await?;
        let store = Store::open(&options.clone().database(template)).await?;
        store.close().await;
        server.execute(AssertSqlSafe(format!("alter database {template} is_template true"))).await?;
    }
    Ok(server.close().await?)
}

/// Starts the watch that ends the cluster, where none runs: it holds a lock of its own as long as it lives.
fn watch_shared(base: &Path, cluster: &Cluster) -> Result<()> {
    const WATCH: &str = r#"
        exec 8>"$1/watch.lock" 9>>"$1/in-use.lock"
        flock -n 8 || exit 0
        idle=0
        while [ "$idle" -lt "$2" ]; do
            sleep 5
            if flock -n -x 9; then idle=$((idle + 5)); flock -u 9; else idle=0; fi
        done
        flock -x 9
        pid=$(head -n 1 "$1/cluster/data/postmaster.pid" 2>/dev/null)
        [ -n "$pid" ] && kill -QUIT "$pid"
        while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
        rm -rf "$1/cluster"
    "#;
    anyhow::ensure!(cluster.is_alive(), "the shared cluster ended right after its start");
    Command::new("sh")
        .args(["-c", WATCH, "penstock-test-watch"])
        .arg(base)
        .arg(IDLE_SECS.to_string())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start the watch of the shared cluster")?;
    Ok(())
}

/// A folder that PostgreSQL can live in whoever runs the test. It is removed with this value, and whatever runs on its
/// files, PostgreSQL or a broker, is ended first: also when the test is killed.
#[derive(Debug)]
pub struct ScratchFolder {
    path: PathBuf,
    cleaner: Child,
}

impl ScratchFolder {
    /// A new empty folder.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new() -> Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    /// A new empty folder in `parent`: some systems keep the one for temporary files in memory.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn within(parent: &Path) -> Result<Self> {
        const CLEAN: &str = r#"
            read -r _
            for file in "$1"/data/postmaster.pid "$1"/*/data/postmaster.pid; do
                pid=$(head -n 1 "$file" 2>/dev/null) || continue
                [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$(dirname "$file")" ] || continue
                kill -CONT "$pid"; kill -QUIT "$pid"
                while [ -e "/proc/$pid/cwd" ]; do sleep 0.1; done
            done
            for line in $(grep -lsF -- "$1/" /proc/[0-9]*/cmdline); do
                pid=${line#/proc/}
                kill -KILL "${pid%/cmdline}" 2>/dev/null
            done
            rm -rf "$1"
        "#;
        let path = tempfile::Builder::new().prefix("penstock-test-").tempdir_in(parent)?.keep();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        // Its input ends when this process does.
        let cleaner = Command::new("sh")
            .args(["-c", CLEAN, "penstock-test-clean"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { path, cleaner })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        drop(self.cleaner.stdin.take());
        drop_quietly(self.cleaner.wait());
    }
}
