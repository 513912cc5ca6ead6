//! The station's database as the rest of the station sees it: a pool of connections to tables of this version.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use penstock_archive::Archive;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::rollups::Due;
use crate::{Error, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

const MOST_CONNECTIONS: u32 = 12;
const ACQUIRE_DEADLINE: Duration = Duration::from_secs(5);

/// The database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) due: Due,
    pub(crate) archive: Arc<OnceLock<Archive>>,
    options: PgConnectOptions,
}

impl Store {
    /// Opens the database that `options` name: creates it where it is missing and brings its tables to this version.
    ///
    /// # Errors
    /// [`Error::Missing`] without PostGIS, [`Error::Migration`] for a database of a newer version,
    /// [`Error::Unavailable`] where it does not answer.
    pub async fn open(options: &PgConnectOptions) -> Result<Self> {
        create_database(options).await?;
        let pool = pool_of(MOST_CONNECTIONS).min_connections(1).connect_with(options.clone()).await?;
        let store = Self { pool, due: Due::default(), archive: Arc::default(), options: options.clone() };
        store.migrate().await?;
        Ok(store)
    }

    /// The same database over other connections.
    pub(crate) fn over(&self, pool: PgPool) -> Self {
        Self { pool, ..self.clone() }
    }

    /// Gives it the archive that samples go to before retention takes them away, and are read back from; the first one
    /// given stays.
    pub fn use_archive(&self, archive: Archive) {
        self.archive.get_or_init(|| archive);
    }

    /// Whether it has one.
    pub fn has_archive(&self) -> bool {
        self.archive.get().is_some()
    }

    /// How this database is reached, for connections of one's own.
    pub const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// The pool, for what has no method here.
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn migrate(&self) -> Result<()> {
        let has_postgis: bool =
            sqlx::query_scalar("select exists (select from pg_available_extensions where name = 'postgis')")
                .fetch_one(&self.pool)
                .await?;
        if !has_postgis {
            let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int / 10000")
                .fetch_one(&self.pool)
                .await?;
            return Err(Error::Missing {
                what: format!("PostGIS for PostgreSQL {version}"),
                cure: format!("apt install postgresql-{version}-postgis-3"),
            });
        }
        Ok(MIGRATIONS.run(&self.pool).await?)
    }
}

/// A pool of so many connections at most; one that is not to be had within 5 s is an error.
pub(crate) fn pool_of(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_DEADLINE)
        .after_release(|connection, _| Box::pin(is_whole(connection)))
}

/// A short name for the tables' version: changes with every migration.
pub fn schema_name() -> String {
    let all: Vec<u8> = MIGRATIONS.iter().flat_map(|migration| migration.checksum.to_vec()).collect();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &all).simple().to_string().chars().take(12).collect()
}

/// Whether a connection answers what it is asked. One that was let go in the middle of a COPY answers the next question
/// with the end of the last one: it is closed.
async fn is_whole(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let one = sqlx::query_scalar::<_, i32>("select 1").fetch_one(connection).await;
    Ok(matches!(one, Ok(1)))
}

async fn create_database(options: &PgConnectOptions) -> Result<()> {
    let Some(name) = options.get_database() else { return Ok(()) };
    let mut server = options.clone().database("postgres").connect().await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut server)
        .await?;
    if !exists {
        let quoted = name.replace('"', "\"\"");
        let created = server.execute(AssertSqlSafe(format!("create database \"{quoted}\" template template0"))).await;
        match created.map_err(Error::from) {
            Ok(_) => {}
            // Somebody else was a moment earlier.
            Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(server.close().await?)
}
