//! The audit: who changed what, from where and why, as a chain of hashes. An entry is written in the transaction that
//! makes the change. Must not know what the changes mean.

use penstock_model::{TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::sql::{At, clean, clean_json};
use crate::{Error, Result, Store};

/// One change by a person or the station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id: an entry that comes again is one entry.
    pub id: Uuid,
    /// Whose plant.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// Who; none where the station itself did it.
    pub who: Option<UserId>,
    /// From where, for example `window on this machine` or a network address.
    pub from_where: String,
    /// What was done, a fixed word, for example `point.adopt`.
    pub action: String,
    /// To what, for example a point's id.
    pub subject: String,
    /// What it was before.
    #[serde(with = "json_text")]
    pub old: Option<serde_json::Value>,
    /// What it is now.
    #[serde(with = "json_text")]
    pub new: Option<serde_json::Value>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

impl AuditEntry {
    /// An entry about `action` on `subject`, with a new id; fill in the rest.
    pub fn new(tenant: TenantId, at: Timestamp, who: Option<UserId>, action: &str, subject: impl Into<String>) -> Self {
        Self {
            id: Uuid::new_v7(id_time(at)),
            tenant,
            at,
            who,
            from_where: String::new(),
            action: action.to_owned(),
            subject: subject.into(),
            old: None,
            new: None,
            reason: None,
        }
    }
}

/// An entry as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// The entry.
    pub entry: AuditEntry,
    /// SHA-256 over the entry and the hash before it.
    pub hash: Vec<u8>,
}

/// Which entries are wanted: the newest first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Only by this person.
    pub who: Option<UserId>,
    /// Only entries before this place in the chain: the last one of the page before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many entries there are.
    pub entries: u64,
    /// The hash of the newest, to be compared with one written down elsewhere.
    pub head: Vec<u8>,
    /// The first entry whose content does not match its hash.
    pub changed: Option<u64>,
    /// The first entry that does not follow the one before it: something was removed or put in there.
    pub unlinked: Option<u64>,
    /// Whether the newest entry is the one that was written last.
    pub is_complete: bool,
}

impl AuditVerdict {
    /// Whether nothing was found.
    pub const fn is_sound(&self) -> bool {
        self.changed.is_none() && self.unlinked.is_none() && self.is_complete
    }
}

/// What is hashed: every column in a form that neither the session's settings nor PostgreSQL's version change.
macro_rules! hashed {
    () => {
        "sha256(convert_to(jsonb_build_array(seq, id, tenant, (extract(epoch from at) * 1000000)::bigint, who, \
         from_where, action, subject, old, new, reason, encode(prev_hash, 'hex'))::text, 'UTF8'))"
    };
}

const APPEND: &str = concat!(
    "insert into audit (seq, id, tenant, at, who, from_where, action, subject, old, new, reason, prev_hash, hash) ",
    "select *, ",
    hashed!(),
    " from (select $1::bigint as seq, $2::uuid as id, $3::uuid as tenant, $4::timestamptz as at, $5::uuid as who, ",
    "$6::text as from_where, $7::text as action, $8::text as subject, $9::jsonb as old, $10::jsonb as new, ",
    "$11::text as reason, $12::bytea as prev_hash) entry ",
    "where not exists (select from audit where audit.id = entry.id) returning hash",
);

const VERIFY: &str = concat!(
    "with chain as (select seq, hash, hash = ",
    hashed!(),
    " as is_whole, prev_hash = coalesce(lag(hash) over chained, ''::bytea) and ",
    "seq = coalesce(lag(seq) over chained, 0) + 1 as is_linked ",
    "from audit window chained as (order by seq)) ",
    "select count(*) as entries, min(seq) filter (where not is_whole) as changed, ",
    "min(seq) filter (where not is_linked) as unlinked, ",
    "(select hash from chain order by seq desc limit 1) as head, ",
    "(select head.seq = coalesce((select max(seq) from chain), 0) and ",
    "head.hash = coalesce((select hash from chain order by seq desc limit 1), ''::bytea) from audit_head head) ",
    "as is_complete from chain",
);

/// Appends `entries` to the chain inside the caller's transaction. The end of the chain stays locked until that ends.
pub(crate) async fn append(connection: &mut PgConnection, entries: &[AuditEntry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let head = sqlx::query("select seq, hash from audit_head for update").fetch_one(&mut *connection).await?;
    let mut seq: i64 = head.try_get("seq")?;
    let mut hash: Vec<u8> = head.try_get("hash")?;
    for entry in entries {
        let json = |value: &Option<serde_json::Value>| {
            value.clone().map(|mut value| {
                clean_json(&mut value);
                Json(value)
            })
        };
        let appended: Option<Vec<u8>> = sqlx::query_scalar(APPEND)
            .bind(seq + 1)
            .bind(entry.id)
            .bind(entry.tenant.0)
            .bind(At(entry.at))
            .bind(entry.who.map(|who| who.0))
            .bind(clean(&entry.from_where))
            .bind(clean(&entry.action))
            .bind(clean(&entry.subject))
            .bind(json(&entry.old))
            .bind(json(&entry.new))
            .bind(entry.reason.as_deref().map(clean))
            .bind(&hash)
            .fetch_optional(&mut *connection)
            .await?;
        // An entry that is there already adds nothing.
        if let Some(appended) = appended {
            seq += 1;
            hash = appended;
        }
    }
    sqlx::query("update audit_head set seq = $1, hash = $2").bind(seq).bind(&hash).execute(connection).await?;
    Ok(())
}

impl Store {
    /// Appends to the audit what changes nothing in the database, for example a sign-in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn append_audit(&self, entries: &[AuditEntry]) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        append(&mut transaction, entries).await?;
        Ok(transaction.commit().await?)
    }

    /// Whether an entry is stored, and with it the change that it was written with: what a connection that is lost in
    /// the middle of a commit leaves open. Waits for a commit that is still under way.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn has_audit(&self, entry: Uuid) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        // Whoever appends holds the end of the chain until the outcome is there.
        sqlx::query("select from audit_head for update").execute(&mut *transaction).await?;
        let is_stored = sqlx::query_scalar("select exists (select from audit where id = $1)")
            .bind(entry)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.rollback().await?;
        Ok(is_stored)
    }

    /// A page of the audit, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn audit(&self, tenant: TenantId, page: &AuditPage) -> Result<Vec<AuditRecord>> {
        let records = sqlx::query_as(
            "select seq, id, tenant, at, who, from_where, action, subject, old, new, reason, hash from audit \
             where tenant = $1 and at >= $2 and at < $3 and ($4::uuid is null or who = $4) \
             and ($5::bigint is null or seq < $5) order by seq desc limit $6",
        )
        .bind(tenant.0)
        .bind(At(page.from))
        .bind(At(page.to))
        .bind(page.who.map(|who| who.0))
        .bind(page.before.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)))
        .bind(i64::from(page.limit))
        .fetch_all(&self.pool)
        .await?;
        Ok(records)
    }

    /// Checks the whole chain.
    ///
    /// # Errors
    /// Those of the database; what the check finds is no error.
    pub async fn verify_audit(&self) -> Result<AuditVerdict> {
        let row = sqlx::query(VERIFY).fetch_one(&self.pool).await?;
        let seq = |name: &str| row.try_get::<Option<i64>, _>(name).map(|seq| seq.map(i64::unsigned_abs));
        Ok(AuditVerdict {
            entries: seq("entries")?.unwrap_or(0),
            head: row.try_get::<Option<_>, _>("head")?.unwrap_or_default(),
            changed: seq("changed")?,
            unlinked: seq("unlinked")?,
            is_complete: row.try_get("is_complete")?,
        })
    }
}

/// Refuses a change of configuration that nobody accounts for.
pub(crate) fn demand(entries: &[AuditEntry]) -> Result<()> {
    if entries.is_empty() {
        return Err(Error::Refused { why: "a change needs an audit entry that says who makes it".to_owned() });
    }
    Ok(())
}

impl FromRow<'_, PgRow> for AuditRecord {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let json = |name: &str| row.try_get::<Option<Json<_>>, _>(name).map(|json| json.map(|Json(value)| value));
        Ok(Self {
            seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
            hash: row.try_get("hash")?,
            entry: AuditEntry {
                id: row.try_get("id")?,
                tenant: TenantId(row.try_get("tenant")?),
                at: row.try_get::<At, _>("at")?.0,
                who: row.try_get::<Option<_>, _>("who")?.map(UserId),
                from_where: row.try_get("from_where")?,
                action: row.try_get("action")?,
                subject: row.try_get("subject")?,
                old: json("old")?,
                new: json("new")?,
                reason: row.try_get("reason")?,
            },
        })
    }
}

fn id_time(at: Timestamp) -> uuid::Timestamp {
    let micros = u64::try_from(at.as_micros()).unwrap_or(0);
    let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
    uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos)
}

/// JSON as text, so that formats that do not describe themselves carry it too.
mod json_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<serde_json::Value>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(serde_json::Value::to_string).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<serde_json::Value>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| serde_json::from_str(&text).map_err(serde::de::Error::custom)).transpose()
    }
}
