//! How every part of the station fares.

use std::sync::atomic::Ordering;
use std::time::Duration;

use penstock_api::{
    ApiError, Code, DatabaseHealth, DeviceAlertRow, Health, PipelineHealth, PublishExample, RejectRow, SpoolHealth,
};
use penstock_sources::broker::{DEVICE, HOST};

use super::Context;
use crate::configuration::store_error;
use crate::pipeline;

/// How long the database is waited for: what is known without it must not wait for longer.
const FIGURES: Duration = Duration::from_millis(500);

impl Context<'_> {
    pub(super) async fn health(&self) -> Health {
        let shared = self.shared;
        let counters = &shared.counters;
        let spool = shared.spool.stats();
        // While the database is away its figures are what is known without it.
        let figures = tokio::time::timeout(FIGURES, shared.screens.figures()).await.ok().and_then(Result::ok);
        Health {
            since: shared.since,
            notices: shared.notices.list(),
            sources: shared.ways_in.health(),
            pipeline: PipelineHealth {
                messages: counters.messages.load(Ordering::Relaxed),
                samples: counters.samples.load(Ordering::Relaxed),
                rejected: counters.rejected.load(Ordering::Relaxed),
                duplicates: counters.duplicates.load(Ordering::Relaxed),
                stored: counters.stored.load(Ordering::Relaxed),
                left_out: counters.left_out.load(Ordering::Relaxed),
                queue: counters.queue.load(Ordering::Relaxed),
                queue_bound: u32::try_from(pipeline::QUEUE).unwrap_or(u32::MAX),
                feeds: shared.live.feeds(),
            },
            spool: SpoolHealth { bytes: spool.disk_bytes, bound_bytes: spool.max_bytes, waiting: spool.waiting },
            database: DatabaseHealth {
                state: shared.database.state(),
                version: figures.as_ref().map(|figures| figures.version.clone()).unwrap_or_default(),
                size_bytes: figures.as_ref().map_or(0, |figures| figures.size_bytes),
                samples: figures.map_or(0, |figures| figures.samples_estimate),
            },
            secrets: shared.secrets.describe(),
            log: shared.log.list(),
        }
    }

    pub(super) async fn rejects(&self, limit: u32) -> Result<Vec<RejectRow>, ApiError> {
        let rejects = self.shared.screens.rejects(limit.clamp(1, 1_000)).await.map_err(store_error)?;
        let row = |kept: penstock_store::KeptReject| {
            let reject = kept.reject;
            RejectRow {
                at: reject.at,
                source: reject.source,
                topic: reject.topic,
                payload: printable(&reject.payload),
                reason: reject.reason,
            }
        };
        Ok(rejects.into_iter().map(row).collect())
    }

    pub(super) async fn device_alerts(&self, limit: u32) -> Result<Vec<DeviceAlertRow>, ApiError> {
        let alerts = self.shared.screens.device_alerts(limit.clamp(1, 1_000)).await.map_err(store_error)?;
        let row = |alert: penstock_store::DeviceAlert| DeviceAlertRow {
            at: alert.at,
            source: alert.source,
            device: alert.device,
            severity: alert.severity,
            text: alert.message,
        };
        Ok(alerts.into_iter().map(row).collect())
    }

    pub(super) fn publish_example(&self) -> Result<PublishExample, ApiError> {
        if !self.caller.origin.is_local() {
            return Err(ApiError::new(
                Code::Forbidden,
                "the devices' password is shown on the station's own machine only",
            ));
        }
        let none = || ApiError::new(Code::NotFound, "the station runs no broker of its own: use your broker's account");
        let broker = self.shared.broker.as_ref().ok_or_else(none)?;
        Ok(PublishExample {
            command: broker.publish_example(),
            host: HOST.to_owned(),
            port: broker.port(),
            user: DEVICE.to_owned(),
            password: broker.credentials().device.expose().to_owned(),
        })
    }
}

/// Bytes as text: what cannot be printed as `\xNN`.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' | '\t' => text.push(letter),
                letter if letter.is_control() => text.extend(letter.escape_default()),
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn bytes_are_shown_as_they_are() {
        assert_eq!(printable(b"{\"a\":1}"), "{\"a\":1}");
        assert_eq!(printable(b"a\xFF\x00b"), "a\\xFF\\u{0}b");
    }
}
