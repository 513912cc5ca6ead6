//! What the historian needs beside the road: hours rolled up when they are over, partitions made ahead, and what is kept
//! long enough archived and taken away. Must not know the road.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use penstock_api::DatabaseState;
use penstock_archive::{Archive, ArchiveSettings, Key};
use penstock_model::Timestamp;
use penstock_store::{Error, Expired};
use tokio_util::sync::CancellationToken;

use crate::notices::Notices;
use crate::secrets::Secret;
use crate::settings;
use crate::station::Shared;

/// How often it is looked for hours that are over.
const ROLL_UP: Duration = Duration::from_secs(10);
/// How often partitions are looked at.
const PARTITIONS: Duration = Duration::from_secs(3_600);
/// After a leap of the clock, or a long rest of the station, little is taken away for so long.
const SETTLED: Duration = Duration::from_secs(24 * 3_600);
/// The clock may go wrong by so much between two looks, and still goes as it did: more is a leap.
const GOES_WRONG: Duration = Duration::from_secs(3_600);
/// Passes in a row that may fail for a passing reason before people are told.
const PASSES: u32 = 3;
/// Months that are made ahead.
const AHEAD: u32 = 2;

/// The name that the secret of the archive's key is kept under.
pub(crate) const ARCHIVE_SECRET: &str = "archive";

/// Keeps house until `stop`.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let rolling = async {
        // What comes late for a month in the archive is compared with it. Why it cannot be opened, the look at the
        // partitions tells.
        drop(shared.open_archive().await);
        let mut every = tokio::time::interval(ROLL_UP);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            shared.roll_up().await;
        }
    };
    // Apart, because a month may take long on its way into the archive.
    let keeping = async {
        let mut every = tokio::time::interval(PARTITIONS);
        let mut settled = Settled::new(shared.clock.now(), Instant::now());
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = shared.archive_is_set.notified() => {}
            }
            let is_settled = settled.look(shared.clock.now(), Instant::now());
            shared.look_after_partitions(is_settled).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = rolling => {}
        () = keeping => {}
    }
}

/// For how long the clock has gone as time does.
struct Settled {
    since: Instant,
    said: Timestamp,
    seen: Instant,
}

impl Settled {
    fn new(says: Timestamp, at: Instant) -> Self {
        Self { since: at, said: says, seen: at }
    }

    /// Whether it is long enough to believe what the clock says. A machine that slept looks like a leap; waiting does no
    /// harm.
    fn look(&mut self, says: Timestamp, at: Instant) -> bool {
        let passed = i64::try_from(at.duration_since(self.seen).as_micros()).unwrap_or(i64::MAX);
        let wrong = says.micros_since(self.said).saturating_sub(passed);
        if u128::from(wrong.unsigned_abs()) > GOES_WRONG.as_micros() {
            self.since = at;
        }
        (self.said, self.seen) = (says, at);
        at.duration_since(self.since) >= SETTLED
    }
}

impl Shared {
    async fn roll_up(&self) {
        match self.store.roll_up(self.clock.now()).await {
            Ok(done) => {
                self.is_kept("roll-up");
                if done.hours > 0 {
                    tracing::debug!(hours = done.hours, samples = done.samples, "rolled up");
                }
            }
            Err(error) => self.tell_of(&error, "roll-up", "hours that are over could not be rolled up"),
        }
    }

    /// `confirmed` where the clock has been as it is for a day.
    async fn look_after_partitions(&self, confirmed: bool) {
        let now = self.clock.now();
        if let Err(error) = self.store.prepare_partitions(now, AHEAD).await {
            return self.tell_of(&error, "partitions", "partitions could not be made ahead");
        }
        if let Err(problem) = self.open_archive().await {
            let cure = "correct it in the settings, under Archive; until then nothing is taken away";
            return self.notices.set("historian", "archive", problem, cure);
        }
        self.notices.clear("historian", "archive");
        let retention = self.settings().settings.retention.to_store();
        match self.store.expire(now, &retention, confirmed).await {
            Ok(expired) => {
                self.is_kept("partitions");
                tell_what_went(&self.notices, now, &expired);
            }
            Err(error) => self.tell_of(&error, "partitions", "what was kept long enough could not be taken away"),
        }
    }

    /// Opens the archive where one is set and not open yet: a store on the network may come later than the station.
    async fn open_archive(&self) -> Result<(), String> {
        let wanted = self.settings().settings.archive.clone();
        if wanted.place.is_none() || self.store.has_archive() {
            return Ok(());
        }
        self.store.use_archive(self.archive_at(wanted, None).await?);
        Ok(())
    }

    /// Opens an archive with the secret that is `given`, else with the one that is kept.
    pub(crate) async fn archive_at(
        &self,
        wanted: settings::ArchiveSettings,
        given: Option<Secret>,
    ) -> Result<Archive, String> {
        let settings::ArchiveSettings { place, endpoint, region, access_key } = wanted;
        let key = match access_key {
            None => None,
            Some(access_key) => {
                let secret = match given {
                    Some(secret) => Some(secret),
                    None => self.archive_secret().await?,
                };
                let secret = secret.ok_or_else(|| format!("no secret is kept for the archive's key {access_key:?}"))?;
                Some(Key { access_key, secret: secret.to_string() })
            }
        };
        let place = place.unwrap_or_default();
        let opened = Archive::open(&ArchiveSettings { place, endpoint, region, key }).await;
        opened.map_err(|error| error.to_string())
    }

    /// The secret of the archive's key, where one is kept.
    pub(crate) async fn archive_secret(&self) -> Result<Option<Secret>, String> {
        let secrets = self.secrets.clone();
        let secret = tokio::task::spawn_blocking(move || secrets.get(ARCHIVE_SECRET)).await;
        secret.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// A pass did what it was to do.
    fn is_kept(&self, kind: &'static str) {
        self.house_failures.lock().unwrap_or_else(PoisonError::into_inner).remove(kind);
        self.notices.clear("historian", kind);
    }

    /// While the database is away others tell of it, and the next pass does what this one could not.
    fn tell_of(&self, error: &Error, kind: &'static str, what: &str) {
        if error.is_transient() {
            tracing::debug!(%error, what, "tried again later");
            let is_away = matches!(self.database.state(), DatabaseState::Away { .. });
            let mut failed = self.house_failures.lock().unwrap_or_else(PoisonError::into_inner);
            let passes = failed.entry(kind).or_insert(0);
            *passes += u32::from(!is_away);
            if *passes < PASSES {
                return;
            }
        }
        let cure = "samples go on being stored; it is tried again by itself: see the log if it stands";
        self.notices.set("historian", kind, format!("{what}: {error}"), cure);
    }
}

/// Says what a pass took away, and asks people for a look where the clock held it back.
fn tell_what_went(notices: &Notices, now: Timestamp, expired: &Expired) {
    let Expired { dropped, thinned, waiting, held_since } = *expired;
    match held_since {
        Some(last) => notices.set(
            "historian",
            "clock",
            format!("nothing is taken away: the clock says {now}, more than a month after {last}, when it last was"),
            "set the station's clock if it is wrong; if it is right, as after a long rest, wait: what is over goes once \
             the station has run for a day",
        ),
        None => notices.clear("historian", "clock"),
    }
    if dropped + thinned > 0 {
        tracing::info!(dropped, thinned, "took away what was kept long enough");
    }
    if waiting > 0 {
        tracing::debug!(waiting, "what was kept long enough waits until it is rolled up");
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::Clock;

    use super::*;

    #[test]
    fn a_clock_that_leaps_is_believed_a_day_later_however_long_the_station_has_run() {
        let (wall, start) = (Timestamp::from_secs(1_795_000_000), Instant::now());
        let hour = |n: u32| Duration::from_secs(3_600) * n;
        let mut settled = Settled::new(wall, start);
        assert!(!settled.look(wall + hour(1), start + hour(1)));
        assert!(settled.look(wall + hour(30), start + hour(30)));
        // A year ahead at once, then as before.
        let leapt = wall + hour(24 * 365);
        assert!(!settled.look(leapt + hour(31), start + hour(31)));
        assert!(!settled.look(leapt + hour(54), start + hour(54)));
        assert!(settled.look(leapt + hour(55), start + hour(55)));
        // And back.
        assert!(!settled.look(wall + hour(56), start + hour(56)));
    }

    #[test]
    fn a_clock_that_leaps_is_told_and_taken_back() {
        let now = Timestamp::parse("2037-09-10T00:00:00Z").expect("a time");
        let last = Timestamp::parse("2026-09-10T00:00:00Z").expect("a time");
        let notices = Notices::new(Clock::manual(now));
        tell_what_went(&notices, now, &Expired { dropped: 3, thinned: 1, waiting: 1, held_since: None });
        assert_eq!(notices.list(), []);
        tell_what_went(&notices, now, &Expired { held_since: Some(last), ..Expired::default() });
        let list = notices.list();
        let [notice] = list.as_slice() else { panic!("{list:?}") };
        assert_eq!(notice.part, "historian");
        assert!(notice.what.contains("2037-09-10") && notice.what.contains("2026-09-10"), "{}", notice.what);
        assert!(notice.cure.contains("clock"), "{}", notice.cure);
        tell_what_went(&notices, last, &Expired::default());
        assert_eq!(notices.list(), []);
    }
}
