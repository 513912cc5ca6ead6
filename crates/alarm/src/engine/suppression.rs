//! Suppression by design: while an expression holds, and outside a schedule. It is a matter of the present: an expression
//! is looked at in received time, so that history that is filled in suppresses nothing, and what is unknown keeps what
//! was. Must not know delays or conditions.

use std::time::Duration;

use penstock_model::{AlarmState, PointId, Schedule, Timestamp, Transition, TransitionKind};

use super::alarm::Alarm;
use super::point::WatchedPoint;

/// What may suppress an alarm.
#[derive(Debug)]
pub(super) struct Suppressor {
    /// The points that its expression names, by id.
    pub(super) points: Vec<(PointId, usize)>,
    /// Whether its expression held when that was last known.
    pub(super) by_expression: bool,
    /// Whether its schedule is over.
    pub(super) off_schedule: bool,
    /// When the schedule next begins or ends; `MIN` where it was not looked at yet, `MAX` where it never does.
    pub(super) changes_at: Timestamp,
}

/// How far back a schedule is gone through after a long sleep.
const LOOK_BACK: Duration = Duration::from_secs(7 * 24 * 3_600);

const MINUTE_MICROS: i64 = 60_000_000;
const WEEK: i64 = 7 * 1_440;

impl Suppressor {
    /// What a rule with an expression or a schedule starts with: what the state says, until more is known.
    pub(super) fn new(state: Option<&AlarmState>, has_expression: bool, has_schedule: bool) -> Self {
        let was = state.is_some_and(|state| state.suppressed.is_some());
        Self {
            points: Vec::new(),
            by_expression: was && has_expression,
            off_schedule: was && has_schedule,
            changes_at: Timestamp::MIN,
        }
    }
}

impl Alarm {
    /// Looks at its expression by what its points say at this received time, where that is known.
    pub(super) fn suppressing_expression(&self, points: &[WatchedPoint], now: Timestamp) -> Option<bool> {
        let expression = self.rule.as_ref()?.suppressed_while.as_ref()?;
        let named = &self.suppressor.as_ref()?.points;
        let value_of = |id: PointId| {
            let place = named.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            points.get(named.get(place)?.1)?.value_at(now)
        };
        expression.holds(&|point, test| value_of(point).map(|value| test.passes(value)))
    }

    /// Notes what its expression says.
    pub(super) fn note_expression(&mut self, holds: Option<bool>) {
        if let (Some(suppressor), Some(holds)) = (&mut self.suppressor, holds) {
            suppressor.by_expression = holds;
        }
    }

    /// Begins or ends its suppression where that is not as its design has it.
    pub(super) fn suppress_as_designed(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        let is = self.state.as_ref().is_some_and(|state| state.suppressed.is_some());
        let by_design = self.suppressor.as_ref().is_some_and(|it| it.by_expression || it.off_schedule);
        let should_be = by_design && self.place.is_some();
        if is != should_be {
            let kind = if should_be { TransitionKind::Suppressed } else { TransitionKind::Unsuppressed };
            self.put(kind, self.follows(now), out);
        }
    }

    /// Goes through its schedule up to `now`.
    pub(super) fn keep_schedule(&mut self, now: Timestamp, utc_offset_secs: i32, out: &mut Vec<Transition>) {
        while let (Some(rule), Some(suppressor)) = (&self.rule, &mut self.suppressor)
            && let Some(schedule) = &rule.schedule
            && suppressor.changes_at <= now
        {
            let is_first_look = suppressor.changes_at == Timestamp::MIN;
            let due = if is_first_look { now } else { suppressor.changes_at.max(now - LOOK_BACK) };
            suppressor.off_schedule = !is_in_force(schedule, due, utc_offset_secs);
            suppressor.changes_at = change_after(schedule, due, utc_offset_secs);
            self.suppress_as_designed(due, out);
        }
    }

    /// When its schedule next suppresses it or lets it go, where its expression does not keep it anyhow.
    pub(super) fn schedule_deadline(&self) -> Option<Timestamp> {
        let suppressor = self.suppressor.as_ref().filter(|_| self.place.is_some())?;
        let changes_at = suppressor.changes_at;
        let is_to_come = changes_at != Timestamp::MIN && changes_at != Timestamp::MAX && !suppressor.by_expression;
        is_to_come.then_some(changes_at)
    }
}

fn is_in_force(schedule: &Schedule, at: Timestamp, utc_offset_secs: i32) -> bool {
    includes(schedule, local_minute(at, utc_offset_secs))
}

fn includes(schedule: &Schedule, local_minute: i64) -> bool {
    // 1 January 1970 was a Thursday.
    let minute = (local_minute + 3 * 1_440).rem_euclid(WEEK);
    u32::try_from(minute).is_ok_and(|minute| schedule.includes(minute))
}

fn local_minute(at: Timestamp, utc_offset_secs: i32) -> i64 {
    at.as_micros().saturating_add(i64::from(utc_offset_secs) * 1_000_000).div_euclid(MINUTE_MICROS)
}

/// When a schedule next begins or ends after `at`; `MAX` where it never does.
fn change_after(schedule: &Schedule, at: Timestamp, utc_offset_secs: i32) -> Timestamp {
    let now = local_minute(at, utc_offset_secs);
    let is_now = includes(schedule, now);
    let of_week = (now + 3 * 1_440).rem_euclid(WEEK);
    let edges = schedule.windows.iter().flat_map(|window| {
        let days = (0_i64..).zip(window.days).filter(|(_, begins)| *begins);
        days.flat_map(|(day, _)| {
            let from = day * 1_440 + i64::from(window.from_minute);
            [from, from + i64::from(window.minutes)]
        })
    });
    let next = edges
        .map(|edge| match (edge - of_week).rem_euclid(WEEK) {
            0 => WEEK,
            ahead => ahead,
        })
        .filter(|ahead| includes(schedule, now + ahead) != is_now)
        .min();
    let Some(ahead) = next else { return Timestamp::MAX };
    let local_micros = (now + ahead).saturating_mul(MINUTE_MICROS);
    Timestamp::from_micros(local_micros.saturating_sub(i64::from(utc_offset_secs) * 1_000_000))
}

#[cfg(test)]
mod tests {
    use penstock_model::Window;

    use super::*;

    const INDIA: i32 = 19_800;

    #[test]
    fn a_schedule_changes_at_its_edges() {
        // Monday to Friday, 22:00 to 06:00 local.
        let night = Window { days: [true, true, true, true, true, false, false], from_minute: 1_320, minutes: 480 };
        let schedule = Schedule { windows: vec![night] };
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let check = |now: &str, in_force, next: &str| {
            assert_eq!(is_in_force(&schedule, at(now), INDIA), in_force, "{now}");
            assert_eq!(change_after(&schedule, at(now), INDIA), at(next), "{now}");
        };
        // 21 November 2026 is a Saturday; Friday's window ends on it.
        check("2026-11-21T05:59:30+05:30", true, "2026-11-21T06:00:00+05:30");
        check("2026-11-21T06:00:00+05:30", false, "2026-11-23T22:00:00+05:30");
        check("2026-11-23T22:00:00+05:30", true, "2026-11-24T06:00:00+05:30");
    }

    #[test]
    fn windows_that_touch_are_one() {
        let all_day = Window { days: [true; 7], from_minute: 0, minutes: 1_440 };
        let always = Schedule { windows: vec![all_day] };
        assert_eq!(change_after(&always, Timestamp::from_secs(100), 0), Timestamp::MAX);
        let morning = Window { days: [true; 7], from_minute: 360, minutes: 60 };
        let next = Window { from_minute: 420, ..morning };
        let schedule = Schedule { windows: vec![morning, next] };
        assert_eq!(change_after(&schedule, Timestamp::from_secs(6 * 3_600), 0), Timestamp::from_secs(8 * 3_600));
    }
}
