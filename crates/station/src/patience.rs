//! Patience at the start: what only has to be waited for does not end it. Must not know what is waited for.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::notices::Notices;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What cures all of it.
const CURE: &str = "the station waits for its database and starts when it is there; if that lasts, see to the cause";

/// Does `work`, which needs the database, until it is done; pauses that double are between the tries. Tells `doing` and
/// what is wrong for as long.
///
/// # Errors
/// That of `work` where no waiting cures it; [`Error::Interrupted`] once `stop` is cancelled.
pub(crate) async fn until_done<T, W>(
    doing: &str,
    notices: &Notices,
    stop: &CancellationToken,
    mut work: impl FnMut() -> W,
) -> Result<T, Error>
where
    W: Future<Output = Result<T, Error>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match work().await {
            Ok(done) => {
                notices.clear("database", "start");
                return Ok(done);
            }
            Err(Error::Store(error)) if error.is_transient() => error,
            Err(error) => return Err(error),
        };
        notices.set("database", "start", format!("{doing}: {error}"), CURE);
        tracing::info!(doing, %error, pause_secs = pause.as_secs_f64(), "the start waits for the database");
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Error::Interrupted),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use penstock_model::{Clock, Timestamp};

    use super::*;

    fn unanswered() -> Error {
        Error::Store(penstock_store::Error::Unanswered { pid: 42, folder: "database/data".into() })
    }

    #[tokio::test]
    async fn what_passes_is_waited_for_and_told() {
        let notices = Notices::new(Clock::manual(Timestamp::from_secs(1)));
        let tries = Cell::new(0);
        let work = || {
            tries.set(tries.get() + 1);
            let told = notices.list();
            let outcome = match tries.get() {
                1 => Err(unanswered()),
                _ => Ok(told),
            };
            std::future::ready(outcome)
        };
        let told = until_done("reading points", &notices, &CancellationToken::new(), work).await.expect("done");
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.what.contains("reading points") && told.what.contains("42"), "{told:?}");
        assert!(told.cure.contains("waits for its database"), "{told:?}");
        assert_eq!((tries.get(), notices.count()), (2, 0));
    }

    #[tokio::test]
    async fn what_no_waiting_cures_ends_it_at_once() {
        let notices = Notices::new(Clock::manual(Timestamp::from_secs(1)));
        let tries = Cell::new(0);
        let work = || {
            tries.set(tries.get() + 1);
            let missing = penstock_store::Error::Missing { what: "PostGIS".into(), cure: "apt install".into() };
            std::future::ready(Err::<(), _>(Error::Store(missing)))
        };
        let outcome = until_done("opening", &notices, &CancellationToken::new(), work).await;
        assert!(matches!(outcome, Err(Error::Store(penstock_store::Error::Missing { .. }))), "{outcome:?}");
        assert_eq!((tries.get(), notices.count()), (1, 0));
    }

    #[tokio::test]
    async fn whoever_stops_does_not_wait_for_it() {
        let notices = Notices::new(Clock::manual(Timestamp::from_secs(1)));
        let stop = CancellationToken::new();
        let work = || {
            stop.cancel();
            std::future::ready(Err::<(), _>(unanswered()))
        };
        let outcome = until_done("opening", &notices, &stop, work).await;
        assert!(matches!(outcome, Err(Error::Interrupted)), "{outcome:?}");
    }
}
