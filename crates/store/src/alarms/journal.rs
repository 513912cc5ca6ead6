//! Journal entries in and, in the order they were written, out again. Must not know what an alarm is about.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use penstock_model::{RuleId, TenantId, Transition, TransitionDetail, UserId};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{Postgres, Row as _};
use tokio::sync::mpsc;

use super::{number, states, version};
use crate::reader::in_time;
use crate::scan::streamed;
use crate::sql::{At, clean, from_word, word};
use crate::{Error, Result, Store};

/// Entries of a chunk.
const CHUNK: usize = 4_096;
/// Chunks that wait for whoever asked; then reading waits.
const AHEAD: usize = 2;

/// What an entry is read from; see [`entry_from`].
macro_rules! columns {
    () => {
        "seq, rule, rule_version, occurrence, kind, at, value, person, comment, detail"
    };
}
pub(super) use columns;

/// A transition with its place in the station's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Counts up over the station's life; given before the entry is spooled, so that it is the same after a restart.
    pub seq: u64,
    /// What happened.
    pub transition: Transition,
}

/// Chunks of entries as they come. Dropped, it stops reading.
pub type Entries = mpsc::Receiver<Result<Vec<JournalEntry>>>;

/// Writes `entries` into the journal, each with what its alarm is about now, and brings the states along; entries that
/// are there already change nothing.
pub(crate) async fn append(connection: &mut PgConnection, tenant: TenantId, entries: &[JournalEntry]) -> Result<u64> {
    if entries.is_empty() {
        return Ok(0);
    }
    let transitions = || entries.iter().map(|entry| &entry.transition);
    let kinds =
        transitions().map(|transition| word("kind of transition", &transition.kind)).collect::<Result<Vec<_>>>()?;
    let written: Vec<i64> = sqlx::query_scalar(include_str!("../../queries/append_journal.sql"))
        .bind(tenant.0)
        .bind(entries.iter().map(|entry| number(entry.seq)).collect::<Vec<_>>())
        .bind(transitions().map(|transition| transition.rule.0).collect::<Vec<_>>())
        .bind(transitions().map(|transition| version(transition.rule_version)).collect::<Vec<_>>())
        .bind(transitions().map(|transition| number(transition.occurrence)).collect::<Vec<_>>())
        .bind(kinds)
        .bind(transitions().map(|transition| At(transition.at)).collect::<Vec<_>>())
        .bind(transitions().map(|transition| transition.value).collect::<Vec<_>>())
        .bind(transitions().map(|transition| transition.by.map(|by| by.0)).collect::<Vec<_>>())
        .bind(transitions().map(|transition| transition.comment.as_deref().map(clean)).collect::<Vec<_>>())
        .bind(transitions().map(|transition| transition.detail.as_ref().map(Json)).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    let written: BTreeSet<i64> = written.into_iter().collect();
    let mut fresh: Vec<&JournalEntry> = entries.iter().filter(|entry| written.contains(&number(entry.seq))).collect();
    fresh.sort_by_key(|entry| entry.seq);
    states::follow(connection, tenant, &fresh).await?;
    Ok(written.len() as u64)
}

impl Store {
    /// Every entry after number `seq`, in the order of their numbers: what happened since a state was kept.
    pub fn journal_since(&self, tenant: TenantId, seq: u64) -> Entries {
        let query = sqlx::query(concat!(
            "select ",
            columns!(),
            " from alarm_journal where tenant = $1 and seq > $2 order by seq"
        ));
        stream(&self.pool, query.bind(tenant.0).bind(number(seq)), Duration::MAX, entry_from)
    }

    /// The number of the journal's newest entry, 0 where there is none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_journal_seq(&self) -> Result<u64> {
        // Ordered, not the greatest: PostgreSQL then takes it from the end of the index in every case.
        let seq: Option<i64> = sqlx::query_scalar("select seq from alarm_journal order by seq desc limit 1")
            .fetch_optional(&self.pool)
            .await?;
        Ok(seq.map_or(0, i64::unsigned_abs))
    }
}

/// What `query` finds, in chunks as they are taken. No chunk may take the database longer than `patience`.
pub(super) fn stream<T: Send + 'static>(
    pool: &PgPool,
    query: Query<'static, Postgres, PgArguments>,
    patience: Duration,
    read: fn(&PgRow) -> Result<T>,
) -> mpsc::Receiver<Result<Vec<T>>> {
    let pool = pool.clone();
    streamed(AHEAD, move |into| async move { stream_into(&pool, query, patience, read, &into).await })
}

async fn stream_into<T: Send>(
    pool: &PgPool,
    query: Query<'static, Postgres, PgArguments>,
    patience: Duration,
    read: fn(&PgRow) -> Result<T>,
    into: &mpsc::Sender<Result<Vec<T>>>,
) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let sent = send_chunks(&mut connection, query, patience, read, into).await;
    if !matches!(sent, Ok(true)) {
        // What is still on its way would have to be read to its end before the next query.
        drop(connection.detach());
    }
    sent.map(|_is_all| ())
}

/// Whether that was all there is: who wants no more closes the channel.
async fn send_chunks<T: Send>(
    connection: &mut PgConnection,
    query: Query<'static, Postgres, PgArguments>,
    patience: Duration,
    read: fn(&PgRow) -> Result<T>,
    into: &mpsc::Sender<Result<Vec<T>>>,
) -> Result<bool> {
    let mut rows = query.fetch(connection);
    loop {
        let next_chunk = async {
            let mut chunk = Vec::with_capacity(CHUNK);
            while chunk.len() < CHUNK
                && let Some(row) = rows.next().await
            {
                chunk.push(read(&row?)?);
            }
            Ok::<_, Error>(chunk)
        };
        let chunk = in_time(patience, next_chunk).await?;
        let is_last = chunk.len() < CHUNK;
        let is_wanted = chunk.is_empty() || into.send(Ok(chunk)).await.is_ok();
        if is_last || !is_wanted {
            return Ok(is_last);
        }
    }
}

/// An entry from a row of [`columns`].
pub(super) fn entry_from(row: &PgRow) -> Result<JournalEntry> {
    let detail: Option<Json<serde_json::Value>> = row.try_get("detail")?;
    let read = |Json(detail)| {
        serde_json::from_value::<TransitionDetail>(detail)
            .map_err(|error| Error::unreadable("detail of a journal entry")(&error))
    };
    Ok(JournalEntry {
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        transition: Transition {
            rule: RuleId(row.try_get("rule")?),
            occurrence: row.try_get::<i64, _>("occurrence")?.unsigned_abs(),
            kind: from_word("kind of transition", row.try_get("kind")?)?,
            at: row.try_get::<At, _>("at")?.0,
            value: row.try_get("value")?,
            by: row.try_get::<Option<_>, _>("person")?.map(UserId),
            comment: row.try_get("comment")?,
            rule_version: row.try_get::<i32, _>("rule_version")?.unsigned_abs(),
            detail: detail.map(read).transpose()?,
        },
    })
}
