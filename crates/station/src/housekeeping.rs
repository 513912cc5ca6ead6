//! What the historian needs beside the road: hours rolled up when they are over, partitions made ahead, and what is kept
//! long enough taken away. Must not know the road.

use std::sync::Arc;
use std::time::Duration;

use penstock_store::{Error, Expired};
use tokio_util::sync::CancellationToken;

use crate::station::Shared;

/// How often it is looked for hours that are over.
const ROLL_UP: Duration = Duration::from_secs(10);
/// How often partitions are looked at.
const PARTITIONS: Duration = Duration::from_secs(3_600);
/// Months that are made ahead.
const AHEAD: u32 = 2;

/// Keeps house until `stop`.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut roll_up = tokio::time::interval(ROLL_UP);
    roll_up.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut partitions = tokio::time::interval(PARTITIONS);
    loop {
        let work = async {
            tokio::select! {
                _ = roll_up.tick() => shared.roll_up().await,
                _ = partitions.tick() => shared.look_after_partitions().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = work => {}
        }
    }
}

impl Shared {
    async fn roll_up(&self) {
        match self.store.roll_up(self.clock.now()).await {
            Ok(done) => {
                self.notices.clear("historian", "roll-up");
                if done.hours > 0 {
                    tracing::debug!(hours = done.hours, samples = done.samples, "rolled up");
                }
            }
            Err(error) => self.tell_of(&error, "roll-up", "hours that are over could not be rolled up"),
        }
    }

    async fn look_after_partitions(&self) {
        let now = self.clock.now();
        if let Err(error) = self.store.prepare_partitions(now, AHEAD).await {
            return self.tell_of(&error, "partitions", "partitions could not be made ahead");
        }
        let retention = self.settings().settings.retention.to_store();
        match self.store.expire(now, &retention).await {
            Ok(expired) => {
                self.notices.clear("historian", "partitions");
                if expired != Expired::default() {
                    let Expired { dropped, thinned, waiting } = expired;
                    tracing::info!(dropped, thinned, waiting, "took away what was kept long enough");
                }
            }
            Err(error) => self.tell_of(&error, "partitions", "what was kept long enough could not be taken away"),
        }
    }

    /// While the database is away others tell of it, and the next pass does what this one could not.
    fn tell_of(&self, error: &Error, kind: &'static str, what: &str) {
        if error.is_transient() {
            tracing::debug!(%error, what, "tried again later");
            return;
        }
        let cure = "samples go on being stored; it is tried again by itself: see the log if it stands";
        self.notices.set("historian", kind, format!("{what}: {error}"), cure);
    }
}
