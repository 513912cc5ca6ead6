//! What people do: acknowledgement by model, reset, shelves, service, and calling again.

use std::time::Duration;

use crate::plant::{Bench, high, secs, user};
use penstock_alarm::{Axes, Error, Standing};
use penstock_model::TransitionKind::{
    Acknowledged, Cleared, Raised, Realarmed, Reset, ReturnedToService, Shelved, TakenOutOfService, Unshelved,
};
use penstock_model::{AcknowledgementModel, AlarmRule, AlarmState, Annunciation, Realarm, RuleId, Shelving, UserId};
use uuid::Uuid;

fn id() -> RuleId {
    high(0, 0, 0).id
}

fn state(bench: &Bench) -> AlarmState {
    bench.engine.state(id()).cloned().expect("a state")
}

fn standing(bench: &Bench) -> Standing {
    Axes::of(&state(bench)).standing()
}

fn acknowledge(bench: &mut Bench, at: i64) -> Result<(), Error> {
    let occurrence = bench.engine.state(id()).map_or(0, |state| state.occurrence);
    let entry = bench.engine.acknowledge(id(), occurrence, user(), None, secs(at))?;
    bench.journal.push(entry);
    Ok(())
}

fn shelve(bench: &mut Bench, until: i64, one_shot: bool, at: i64) -> Result<(), Error> {
    let shelving = Shelving { until: secs(until), one_shot };
    let entry = bench.engine.shelve(id(), shelving, user(), "probe is being cleaned", secs(at))?;
    bench.journal.push(entry);
    Ok(())
}

#[test]
fn a_latched_alarm_is_acknowledged_then_reset() {
    let mut bench = Bench::new(vec![AlarmRule { latches: true, ..high(0, 0, 0) }]);
    let reset = |bench: &mut Bench, at| bench.engine.reset(id(), user(), None, secs(at));
    assert_eq!(reset(&mut bench, 0), Err(Error::NeverRaised(id())));
    bench.value(0, 0, 12.0);
    assert_eq!(reset(&mut bench, 1), Err(Error::StillActive(id())));
    bench.value(0, 10, 1.0);
    assert_eq!(standing(&bench), Standing::LatchedUnacknowledged);
    assert_eq!(reset(&mut bench, 11), Err(Error::NotYetAcknowledged(id())));
    acknowledge(&mut bench, 12).expect("acknowledged");
    assert_eq!((standing(&bench), state(&bench).is_listed()), (Standing::LatchedAcknowledged, true));
    let entry = reset(&mut bench, 13).expect("reset");
    assert_eq!((entry.kind, entry.by, entry.occurrence), (Reset, Some(user()), 1));
    assert_eq!(standing(&bench), Standing::Normal);
    assert_eq!(reset(&mut bench, 14), Err(Error::NotLatched(id())));
}

#[test]
fn an_alarm_can_ask_to_be_acknowledged_after_its_return_or_not_at_all() {
    let with = |acknowledgement| vec![AlarmRule { acknowledgement, ..high(0, 0, 0) }];
    let mut bench = Bench::new(with(AcknowledgementModel::AfterReturn));
    bench.value(0, 0, 12.0);
    let refused = acknowledge(&mut bench, 1).expect_err("still active");
    assert_eq!(refused, Error::NotYetReturned(id()));
    assert!(refused.to_string().contains("shelve"), "it names a way out");
    bench.value(0, 10, 1.0);
    acknowledge(&mut bench, 11).expect("returned");
    assert_eq!(standing(&bench), Standing::Normal);

    let mut bench = Bench::new(with(AcknowledgementModel::NotRequired));
    bench.value(0, 0, 12.0);
    assert_eq!(state(&bench).annunciation(), Annunciation::Steady);
    assert_eq!(acknowledge(&mut bench, 1), Err(Error::NeedsNoAcknowledgement(id())));
    bench.value(0, 10, 1.0);
    assert!(!state(&bench).is_listed(), "it leaves by itself");
}

#[test]
fn an_acknowledged_alarm_that_still_stands_calls_again() {
    let realarm = Some(Realarm { after: Duration::from_secs(600), at_most: 2 });
    let mut bench = Bench::new(vec![AlarmRule { realarm, ..high(0, 0, 0) }]);
    bench.value(0, 0, 12.0);
    bench.tick(1_000);
    acknowledge(&mut bench, 1_100).expect("acknowledged");
    assert_eq!(bench.engine.next_deadline(), Some(secs(1_700)));
    bench.tick(1_699);
    assert_eq!(bench.entries(), [(Raised, 0), (Acknowledged, 1_100)]);
    bench.tick(2_500);
    assert_eq!(bench.entries()[2..], [(Realarmed, 1_700)], "at its time, however late the tick");
    let again = state(&bench);
    assert_eq!((again.annunciation(), again.called_at, again.realarms), (Annunciation::Calling, secs(1_700), 1));
    assert_eq!((again.occurrence, again.raised_at), (1, secs(0)));
    acknowledge(&mut bench, 2_600).expect("acknowledged");
    bench.tick(3_200);
    acknowledge(&mut bench, 3_300).expect("acknowledged");
    bench.tick(9_000);
    assert_eq!(state(&bench).realarms, 2, "no more than that in one occurrence");
    assert_eq!(bench.engine.next_deadline(), None);
    // The next occurrence counts anew; one that has returned does not call again.
    bench.values(0, &[(9_010, 1.0), (9_020, 12.0)]);
    acknowledge(&mut bench, 9_030).expect("acknowledged");
    assert_eq!(bench.engine.next_deadline(), Some(secs(9_630)));
    bench.value(0, 9_100, 1.0);
    bench.tick(9_999);
    assert_eq!(bench.entries().last(), Some(&(Cleared, 9_100)));
}

#[test]
fn what_is_out_of_service_does_not_call_again() {
    let realarm = Some(Realarm { after: Duration::from_secs(600), at_most: 2 });
    let mut bench = Bench::new(vec![AlarmRule { realarm, ..high(0, 0, 0) }]);
    bench.value(0, 0, 12.0);
    acknowledge(&mut bench, 10).expect("acknowledged");
    bench.engine.take_out_of_service(id(), user(), "pump is away", secs(20)).expect("taken out");
    assert_eq!(bench.engine.next_deadline(), None);
    bench.tick(700);
    assert_eq!(bench.entries(), [(Raised, 0), (Acknowledged, 10)]);
}

#[test]
fn a_shelf_ends_at_its_time_and_calls_afresh() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    shelve(&mut bench, 100, false, 0).expect("before the first occurrence");
    assert_eq!(standing(&bench), Standing::Shelved);
    bench.value(0, 50, 12.0);
    assert_eq!((state(&bench).is_listed(), state(&bench).active), (false, true), "raised, and not called");
    acknowledge(&mut bench, 60).expect("acknowledged");
    assert_eq!(bench.engine.next_deadline(), Some(secs(100)));
    bench.tick(130);
    assert_eq!(bench.entries(), [(Shelved, 0), (Raised, 50), (Acknowledged, 60), (Unshelved, 100)]);
    let called = state(&bench);
    assert_eq!((called.annunciation(), called.called_at), (Annunciation::Calling, secs(100)));
    assert_eq!((called.occurrence, bench.journal[3].by), (1, None));
}

#[test]
fn a_one_shot_shelf_ends_with_the_return_to_normal() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    bench.value(0, 0, 12.0);
    shelve(&mut bench, 1_000, true, 10).expect("shelved");
    bench.value(0, 50, 1.0);
    assert_eq!(bench.entries(), [(Raised, 0), (Shelved, 10), (Cleared, 50), (Unshelved, 50)]);
    bench.value(0, 60, 12.0);
    assert!(state(&bench).is_listed(), "the next occurrence calls");
}

#[test]
fn shelving_needs_a_reason_and_an_end_to_come() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    assert_eq!(shelve(&mut bench, 10, false, 10), Err(Error::ShelfIsOver { rule: id(), until: secs(10) }));
    let shelving = Shelving { until: secs(99), one_shot: false };
    assert_eq!(bench.engine.shelve(id(), shelving, user(), " ", secs(0)), Err(Error::NoReason(id())));
    let unknown = high(3, 0, 0).id;
    assert_eq!(bench.engine.shelve(unknown, shelving, user(), "why", secs(0)), Err(Error::NoSuchAlarm(unknown)));
    assert_eq!(bench.engine.unshelve(id(), user(), None, secs(0)), Err(Error::NotShelved(id())));
    shelve(&mut bench, 100, false, 0).expect("shelved");
    shelve(&mut bench, 50, false, 5).expect("shelved anew, for less");
    bench.tick(50);
    assert_eq!(bench.entries(), [(Shelved, 0), (Shelved, 5), (Unshelved, 50)]);
    shelve(&mut bench, 100, false, 60).expect("shelved");
    let entry = bench.engine.unshelve(id(), user(), Some("done".to_owned()), secs(70)).expect("unshelved");
    assert_eq!((entry.kind, entry.by, entry.comment.as_deref()), (Unshelved, Some(user()), Some("done")));
    bench.tick(200);
    assert_eq!(bench.entries().len(), 4, "what was taken off does not end again");
}

#[test]
fn what_was_due_before_a_return_comes_before_it_however_late_anybody_looks() {
    let realarm = Some(Realarm { after: Duration::from_secs(30), at_most: 2 });
    for ticks in [vec![40, 55], vec![55]] {
        let mut bench = Bench::new(vec![AlarmRule { realarm, ..high(0, 0, 20) }]);
        bench.value(0, 0, 12.0);
        acknowledge(&mut bench, 5).expect("acknowledged");
        bench.value(0, 30, 1.0);
        ticks.iter().for_each(|now| bench.tick(*now));
        assert_eq!(bench.entries(), [(Raised, 0), (Acknowledged, 5), (Realarmed, 35), (Cleared, 50)], "{ticks:?}");
        assert_eq!(standing(&bench), Standing::ReturnedUnacknowledged, "{ticks:?}");

        let mut bench = Bench::new(vec![high(0, 0, 20)]);
        bench.value(0, 0, 12.0);
        shelve(&mut bench, 35, false, 5).expect("shelved");
        acknowledge(&mut bench, 6).expect("acknowledged");
        bench.value(0, 30, 1.0);
        ticks.iter().for_each(|now| bench.tick(*now));
        assert_eq!(bench.entries()[3..], [(Unshelved, 35), (Cleared, 50)], "{ticks:?}");
        assert_eq!(standing(&bench), Standing::ReturnedUnacknowledged, "{ticks:?}");
    }
}

#[test]
fn what_another_person_shelved_stays_as_it_is() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    let ravi = UserId::derived(Uuid::nil(), "ravi");
    let by_ravi = |bench: &mut Bench, until: i64, at: i64| {
        let shelving = Shelving { until: secs(until), one_shot: false };
        bench.engine.shelve(id(), shelving, ravi, "works", secs(at))
    };
    shelve(&mut bench, 100, false, 0).expect("shelved");
    let refused = by_ravi(&mut bench, 200, 1).expect_err("somebody was faster");
    assert_eq!(refused, Error::AlreadyShelved { rule: id(), by: Some(user()), until: secs(100) });
    assert!(refused.to_string().contains(&user().to_string()), "{refused}");
    assert_eq!(state(&bench).shelf.map(|shelf| shelf.by), Some(Some(user())));
    // Whoever shelved it may change their mind, and a shelf whose time is over is nobody's.
    shelve(&mut bench, 150, false, 2).expect("shelved anew");
    let entry = by_ravi(&mut bench, 300, 150).expect("the other is over");
    assert_eq!((entry.kind, entry.by), (Shelved, Some(ravi)));
}

#[test]
fn out_of_service_ends_by_a_person_alone() {
    let mut bench = Bench::new(vec![high(0, 0, 0)]);
    assert_eq!(bench.engine.return_to_service(id(), user(), None, secs(0)), Err(Error::InService(id())));
    assert_eq!(bench.engine.take_out_of_service(id(), user(), "", secs(0)), Err(Error::NoReason(id())));
    let out = bench.engine.take_out_of_service(id(), user(), "pump is away", secs(1)).expect("taken out");
    assert_eq!((out.kind, out.occurrence, out.comment.as_deref()), (TakenOutOfService, 0, Some("pump is away")));
    let again = bench.engine.take_out_of_service(id(), user(), "again", secs(2));
    assert_eq!(again, Err(Error::AlreadyOutOfService { rule: id(), since: secs(1) }));
    bench.value(0, 10, 12.0);
    shelve(&mut bench, 100, false, 20).expect("shelved too");
    assert_eq!(standing(&bench), Standing::OutOfService);
    let back = bench.engine.return_to_service(id(), user(), None, secs(50)).expect("returned");
    assert_eq!((back.kind, standing(&bench)), (ReturnedToService, Standing::Shelved));
    assert_eq!(state(&bench).called_at, secs(10), "the shelf still keeps it");
    bench.tick(100);
    assert_eq!((standing(&bench), state(&bench).called_at), (Standing::Unacknowledged, secs(100)));
    let counts = bench.engine.counts();
    assert_eq!((counts.listed, counts.shelved, counts.out_of_service), (1, 0, 0));
}
