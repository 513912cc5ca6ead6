//! How the database fares, what devices sent that was no sample, and the fitted detectors.

use penstock_model::{PointNo, TenantId, Timestamp};
use sqlx::Row as _;

use crate::sql::At;
use crate::writer::DeviceAlert;
use crate::{Reject, Result, Store};

/// How the database fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// PostgreSQL's version, for example `15.20`.
    pub version: String,
    /// Bytes of all tables and indexes.
    pub size_bytes: u64,
    /// Samples, as PostgreSQL estimates them.
    pub samples_estimate: u64,
    /// Partitions of samples.
    pub partitions: u32,
    /// Up to where the spool is in the database.
    pub watermark: u64,
}

/// A rejected message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReject {
    /// The message; of a payload over 4 KiB the beginning.
    pub reject: Reject,
    /// How long the payload was, in bytes.
    pub payload_bytes: u64,
}

/// A fitted detector of a point, in the detector's own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorModel {
    /// Whose values it was fitted to.
    pub point: PointNo,
    /// Which detector, a fixed word.
    pub detector: String,
    /// When.
    pub fitted_at: Timestamp,
    /// The model.
    pub model: Vec<u8>,
}

impl Store {
    /// How the database fares.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn figures(&self) -> Result<Figures> {
        let row = sqlx::query(
            "select current_setting('server_version') as version, pg_database_size(current_database()) as size, \
             (select coalesce(sum(greatest(reltuples, 0)), 0)::bigint from pg_inherits \
              join pg_class on oid = inhrelid where inhparent = 'samples'::regclass) as samples, \
             (select count(*) from pg_inherits where inhparent = 'samples'::regclass) as partitions, \
             (select seq from spool_watermark) as watermark",
        )
        .fetch_one(&self.pool)
        .await?;
        let version: String = row.try_get("version")?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        Ok(Figures {
            // Debian's says "15.20 (Debian 15.20-0+deb12u1)".
            version: version.split(' ').next().unwrap_or_default().to_owned(),
            size_bytes: count("size")?,
            samples_estimate: count("samples")?,
            partitions: u32::try_from(count("partitions")?).unwrap_or(u32::MAX),
            watermark: count("watermark")?,
        })
    }

    /// Messages that could not be read, the newest first, at most `limit` of the 1,000 that are kept.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rejects(&self, tenant: TenantId, limit: u32) -> Result<Vec<KeptReject>> {
        let rows = sqlx::query("select * from rejects where tenant = $1 order by no desc limit $2")
            .bind(tenant.0)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(KeptReject {
                    reject: Reject {
                        at: row.try_get::<At, _>("at")?.0,
                        source: row.try_get("source")?,
                        topic: row.try_get("topic")?,
                        payload: row.try_get("payload")?,
                        reason: row.try_get("reason")?,
                    },
                    payload_bytes: row.try_get::<i64, _>("payload_bytes")?.unsigned_abs(),
                })
            })
            .collect()
    }

    /// What devices reported in words, the newest first, at most `limit` of the 1,000 that are kept.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn device_alerts(&self, tenant: TenantId, limit: u32) -> Result<Vec<DeviceAlert>> {
        let rows = sqlx::query("select * from device_alerts where tenant = $1 order by no desc limit $2")
            .bind(tenant.0)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(DeviceAlert {
                    at: row.try_get::<At, _>("at")?.0,
                    source: row.try_get("source")?,
                    device: row.try_get("device")?,
                    severity: row.try_get("severity")?,
                    message: row.try_get("message")?,
                })
            })
            .collect()
    }

    /// Keeps fitted detectors in place of the ones of the same point and kind.
    ///
    /// # Errors
    /// [`crate::Error::Dangling`] for an unknown point; those of the database.
    pub async fn save_models(&self, models: &[DetectorModel]) -> Result<()> {
        sqlx::query(
            "insert into detector_models (point_no, detector, fitted_at, model) \
             select * from unnest($1::int[], $2::text[], $3::timestamptz[], $4::bytea[]) \
             on conflict (point_no, detector) do update set fitted_at = excluded.fitted_at, model = excluded.model",
        )
        .bind(models.iter().map(|model| model.point.0).collect::<Vec<_>>())
        .bind(models.iter().map(|model| model.detector.clone()).collect::<Vec<_>>())
        .bind(models.iter().map(|model| At(model.fitted_at)).collect::<Vec<_>>())
        .bind(models.iter().map(|model| model.model.clone()).collect::<Vec<_>>())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Every fitted detector of the tenant, by point.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load_models(&self, tenant: TenantId) -> Result<Vec<DetectorModel>> {
        let rows = sqlx::query(
            "select detector_models.* from detector_models join points on no = point_no where tenant = $1 \
             order by point_no, detector",
        )
        .bind(tenant.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(DetectorModel {
                    point: PointNo(row.try_get("point_no")?),
                    detector: row.try_get("detector")?,
                    fitted_at: row.try_get::<At, _>("fitted_at")?.0,
                    model: row.try_get("model")?,
                })
            })
            .collect()
    }
}
