//! A screen that follows the live feed, as every shell serves one: frames as they come and, again and again, the
//! questions whether its session is open still and whether its page is still there. A page that does not answer is let
//! go: what its desk answers for would be seen and heard by nobody.
//!
//! Must not know how a page is reached or how it answers.

use std::time::Duration;

use penstock_api::{ApiError, Frame};
use tokio::time::{Interval, MissedTickBehavior};

use crate::live::Feed;

/// How often the session is looked at while frames flow, and the page asked; it has until the next time to answer.
const RECHECK: Duration = Duration::from_secs(30);

/// What a shell does next for a page that follows.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Send it what has changed.
    Send(Box<Frame>),
    /// Ask it whether it is still there; what it answers goes to [`Follower::answered`].
    Ask,
    /// Let it go: it has not answered since it was asked last.
    Silent,
    /// Tell it that its session has ended, and why.
    Ended(ApiError),
}

/// A page that follows: what it attends is attended until this is dropped.
pub struct Follower<C> {
    feed: Feed,
    session: C,
    recheck: Interval,
    has_answered: bool,
}

impl<C: Fn() -> Result<(), ApiError>> Follower<C> {
    /// A page that has just asked for `feed`; `session` says whether its session is open, and counts as use of it.
    ///
    /// Inside a runtime.
    pub fn new(feed: Feed, session: C) -> Self {
        Self::asked_every(RECHECK, feed, session)
    }

    fn asked_every(period: Duration, feed: Feed, session: C) -> Self {
        let mut recheck = tokio::time::interval(period);
        // A page has all of that time to answer, also after a frame that took long.
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { feed, session, recheck, has_answered: true }
    }

    /// What to do next. Nothing is lost where the wait for it is given up.
    pub async fn next(&mut self) -> Step {
        tokio::select! {
            _ = self.recheck.tick() => self.look(),
            frame = self.feed.next() => Step::Send(Box::new(frame)),
        }
    }

    /// Takes in that the page has said something.
    pub fn answered(&mut self) {
        self.has_answered = true;
    }

    fn look(&mut self) -> Step {
        match (self.session)() {
            Err(ended) => Step::Ended(ended),
            Ok(()) if !self.has_answered => Step::Silent,
            Ok(()) => {
                self.has_answered = false;
                Step::Ask
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use penstock_api::Code;
    use penstock_model::{Clock, Timestamp};

    use super::*;
    use crate::live::Live;

    const PERIOD: Duration = Duration::from_millis(20);

    fn live() -> Arc<Live> {
        Live::new(Clock::manual(Timestamp::from_secs(9)), Duration::from_millis(5))
    }

    /// The next step that is no frame.
    async fn question<C: Fn() -> Result<(), ApiError>>(follower: &mut Follower<C>) -> Step {
        loop {
            match follower.next().await {
                Step::Send(_) => {}
                other => return other,
            }
        }
    }

    #[tokio::test]
    async fn a_page_that_answers_is_followed_by_and_one_that_does_not_is_let_go() {
        let live = live();
        let mut follower = Follower::asked_every(PERIOD, live.follow(), || Ok(()));
        for _ in 0..3 {
            assert_eq!(question(&mut follower).await, Step::Ask);
            follower.answered();
        }
        assert_eq!(question(&mut follower).await, Step::Ask);
        live.set_register(7);
        assert_eq!(question(&mut follower).await, Step::Silent, "frames that are sent prove nothing");
        assert_eq!(live.feeds(), 1);
        drop(follower);
        assert_eq!(live.feeds(), 0);
    }

    #[tokio::test]
    async fn frames_come_between_questions() {
        let live = live();
        let mut follower = Follower::asked_every(Duration::from_secs(3_600), live.follow(), || Ok(()));
        let mut registers = Vec::new();
        let mut questions = 0;
        for _ in 0..2 {
            match follower.next().await {
                Step::Send(frame) => registers.push((frame.full, frame.register)),
                Step::Ask => questions += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((registers, questions), (vec![(true, 0)], 1));
        live.set_register(7);
        let Step::Send(frame) = follower.next().await else { panic!("it has changed") };
        assert_eq!((frame.full, frame.register), (false, 7));
    }

    #[tokio::test]
    async fn a_session_that_has_ended_is_told_whether_or_not_its_page_answers() {
        let live = live();
        for does_answer in [true, false] {
            let is_open = Cell::new(true);
            let session = || match is_open.get() {
                true => Ok(()),
                false => Err(ApiError::new(Code::SignedOut, "sign in again")),
            };
            let mut follower = Follower::asked_every(PERIOD, live.follow(), session);
            assert_eq!(question(&mut follower).await, Step::Ask);
            if does_answer {
                follower.answered();
            }
            is_open.set(false);
            let ended = Step::Ended(ApiError::new(Code::SignedOut, "sign in again"));
            assert_eq!(question(&mut follower).await, ended, "{does_answer}");
        }
    }
}
