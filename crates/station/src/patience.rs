//! Patience at the start: what only has to be waited for does not end it. Must not know what is waited for.

use std::time::Duration;

use penstock_api::{ApiError, Code};
use penstock_model::{Clock, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::notices::Notices;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What cures all of it.
const CURE: &str = "the station waits for its database and starts when it is there; if that lasts, see to the cause";

/// What a start waits for, as whoever asks before the station runs is told: nothing of the plant or of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Since when.
    pub since: Timestamp,
    /// What is being done, and what is wrong with it.
    pub what: String,
}

impl Waiting {
    /// As the answer to any call.
    pub fn told(&self) -> ApiError {
        ApiError::new(Code::Away, format!("{} (since {}): {CURE}", self.what, self.since))
    }
}

/// How a start waits, and whom it tells.
pub(crate) struct Patience {
    pub(crate) clock: Clock,
    pub(crate) notices: Notices,
    /// What is waited for at the moment.
    pub(crate) waiting: watch::Sender<Option<Waiting>>,
    /// Ends the waiting.
    pub(crate) stop: CancellationToken,
}

impl Patience {
    /// Does `work`, which needs the database, until it is done; pauses that double are between the tries. Tells `doing`
    /// and what is wrong for as long.
    ///
    /// # Errors
    /// That of `work` where no waiting cures it; [`Error::Interrupted`] once it is to stop.
    pub(crate) async fn until_done<T, W>(&self, doing: &str, mut work: impl FnMut() -> W) -> Result<T, Error>
    where
        W: Future<Output = Result<T, Error>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match work().await {
                Ok(done) => {
                    self.notices.clear("database", "start");
                    self.waiting.send_replace(None);
                    return Ok(done);
                }
                Err(Error::Store(error)) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            let what = format!("{doing}: {error}");
            self.waiting.send_modify(|waiting| {
                let since = waiting.as_ref().map_or_else(|| self.clock.now(), |waiting| waiting.since);
                *waiting = Some(Waiting { since, what: what.clone() });
            });
            self.notices.set("database", "start", what, CURE);
            tracing::info!(doing, %error, pause_secs = pause.as_secs_f64(), "the start waits for the database");
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Error::Interrupted),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn patience() -> Patience {
        let clock = Clock::manual(Timestamp::from_secs(1));
        let (notices, waiting) = (Notices::new(clock.clone()), watch::Sender::new(None));
        Patience { clock, notices, waiting, stop: CancellationToken::new() }
    }

    fn unanswered() -> Error {
        Error::Store(penstock_store::Error::Unanswered { pid: 42, folder: "database/data".into() })
    }

    #[tokio::test]
    async fn what_passes_is_waited_for_and_told() {
        let patience = patience();
        let tries = Cell::new(0);
        let work = || {
            tries.set(tries.get() + 1);
            let told = (patience.notices.list(), patience.waiting.borrow().clone());
            patience.clock.set(Timestamp::from_secs(tries.get()));
            let outcome = match tries.get() {
                1 | 2 => Err(unanswered()),
                _ => Ok(told),
            };
            std::future::ready(outcome)
        };
        let (told, waiting) = patience.until_done("reading points", work).await.expect("done");
        let waiting = waiting.expect("whoever asks is told");
        assert_eq!(waiting.since, Timestamp::from_secs(1), "since the first try");
        assert!(waiting.told().message.contains("reading points"), "{waiting:?}");
        assert_eq!(*patience.waiting.borrow(), None);
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.what.contains("reading points") && told.what.contains("42"), "{told:?}");
        assert!(told.cure.contains("waits for its database"), "{told:?}");
        assert_eq!((tries.get(), patience.notices.count()), (3, 0));
    }

    #[tokio::test]
    async fn what_no_waiting_cures_ends_it_at_once() {
        let patience = patience();
        let tries = Cell::new(0);
        let work = || {
            tries.set(tries.get() + 1);
            let missing = penstock_store::Error::Missing { what: "PostGIS".into(), cure: "apt install".into() };
            std::future::ready(Err::<(), _>(Error::Store(missing)))
        };
        let outcome = patience.until_done("opening", work).await;
        assert!(matches!(outcome, Err(Error::Store(penstock_store::Error::Missing { .. }))), "{outcome:?}");
        assert_eq!((tries.get(), patience.notices.count()), (1, 0));
    }

    #[tokio::test]
    async fn whoever_stops_does_not_wait_for_it() {
        let patience = patience();
        let work = || {
            patience.stop.cancel();
            std::future::ready(Err::<(), _>(unanswered()))
        };
        let outcome = patience.until_done("opening", work).await;
        assert!(matches!(outcome, Err(Error::Interrupted)), "{outcome:?}");
    }
}
