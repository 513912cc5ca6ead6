//! The pumps: which of them run, what they draw, and how they shake and warm. Must not know the network behind them.

use crate::sensors::pumps;
use crate::town::STATIONS;

/// One pump's state that lasts.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Pump {
    pub(crate) station: usize,
    /// From 1.
    pub(crate) number: usize,
    pub(crate) running: bool,
    /// Out by its own protection.
    pub(crate) tripped: bool,
    /// How far its bearing is worn, 0 new to 1 gone.
    pub(crate) wear: f64,
    pub(crate) bearing_celsius: f64,
}

/// Every pump of the town, standing still.
pub(crate) fn all() -> Vec<Pump> {
    pumps()
        .into_iter()
        .map(|(station, number)| Pump {
            station,
            number,
            running: false,
            tripped: false,
            wear: 0.0,
            bearing_celsius: 26.0,
        })
        .collect()
}

/// How many pumps a station wants to run, given how many it wanted before and the fillings it looks at (0 to 1).
pub(crate) fn wanted(station: usize, before: usize, fillings: &[f64; 4], suction_ok: bool) -> usize {
    if !suction_ok {
        return 0;
    }
    let [fort, clock, hill, mill] = *fillings;
    match station {
        // One pump always while there is room, a second and a third as the reservoir falls.
        0 => staged(before, fort, &[(0.90, 0.97), (0.60, 0.70), (0.42, 0.54)]),
        1 => staged(before, clock.min(mill), &[(0.93, 0.965), (0.66, 0.78), (0.48, 0.64)]),
        _ => staged(before, hill, &[(0.56, 0.86), (0.30, 0.45)]),
    }
}

/// Speed of a station's pumps as a share of the full one. PS-2 slows down as its towers fill, so that a night's little
/// use does not stop it.
pub(crate) fn speed(station: usize, wanted: usize, fillings: &[f64; 4]) -> f64 {
    let [_, clock, _, mill] = *fillings;
    if station == 1 && wanted == 1 { 1.0 - 2.4 * (clock.min(mill) - 0.78).clamp(0.0, 0.13) } else { 1.0 }
}

/// Steps up below a stage's first filling and down above its second.
fn staged(before: usize, filling: f64, stages: &[(f64, f64)]) -> usize {
    let mut count = 0;
    for (stage, (start, stop)) in stages.iter().enumerate() {
        let on = if before > stage { filling < *stop } else { filling < *start };
        if on {
            count = stage + 1;
        }
    }
    count
}

/// Sets the station's pumps running: `wanted` of them, the duty turning by one every day, past those that tripped.
pub(crate) fn assign(pumps: &mut [Pump], station: usize, wanted: usize, day: i64) {
    let count = STATIONS.get(station).map_or(1, |spec| spec.pumps).max(1);
    let first = on_duty(count, day);
    let mut left = wanted;
    for turn in 0..count {
        let number = (first + turn) % count + 1;
        let Some(pump) = pumps.iter_mut().find(|pump| pump.station == station && pump.number == number) else {
            continue;
        };
        // A tripped pump keeps its place in the order: nobody starts another for it until the level asks.
        pump.running = left > 0 && !pump.tripped;
        left = left.saturating_sub(1);
    }
}

/// The pump of `count` that runs first on a day, from 0.
pub(crate) fn on_duty(count: usize, day: i64) -> usize {
    usize::try_from(day.rem_euclid(count.max(1) as i64)).unwrap_or(0)
}

/// Efficiency of one pump with its motor at a flow in m³/h, 0 to 1.
pub(crate) fn efficiency(station: usize, flow_m3h: f64, wear: f64) -> f64 {
    let Some(spec) = STATIONS.get(station) else { return 0.5 };
    let off = flow_m3h / spec.best_m3h - 1.0;
    (spec.best_efficiency * (1.0 - 0.55 * off * off) * (1.0 - 0.14 * wear)).max(0.2)
}

/// Power drawn in kW for a flow in m³/h lifted by `head_m`.
pub(crate) fn power_kw(station: usize, flow_m3h: f64, head_m: f64, wear: f64) -> f64 {
    9.81 * flow_m3h / 3_600.0 * head_m.max(0.0) / efficiency(station, flow_m3h, wear)
}

/// Vibration in mm/s; least near the flow of best efficiency.
pub(crate) fn vibration(pump: &Pump, flow_m3h: f64) -> f64 {
    if !pump.running {
        return 0.05;
    }
    let best = STATIONS.get(pump.station).map_or(200.0, |spec| spec.best_m3h);
    let off = flow_m3h / best - 1.0;
    let own = 0.12 * ((pump.station * 3 + pump.number) % 4) as f64;
    1.55 + own + 1.6 * off * off + 6.4 * pump.wear.powf(1.4)
}

/// The temperature that a bearing tends to, °C.
pub(crate) fn bearing_goal(pump: &Pump, ambient: f64, power_kw: f64) -> f64 {
    if !pump.running {
        return ambient;
    }
    let rated = match pump.station {
        0 => 48.0,
        1 => 26.0,
        _ => 23.0,
    };
    ambient + 26.0 * (power_kw / rated).min(1.6) + 24.0 * pump.wear
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_step_up_and_down_with_room_between() {
        let check = |before, clock, expect| {
            assert_eq!(wanted(1, before, &[0.7, clock, 0.7, 0.99], true), expect, "{before} {clock}");
        };
        check(0, 0.95, 0);
        check(1, 0.95, 1);
        check(1, 0.65, 2);
        check(2, 0.77, 2);
        check(2, 0.79, 1);
        check(2, 0.47, 3);
        assert_eq!(wanted(1, 3, &[0.02, 0.4, 0.7, 0.7], false), 0);
    }

    #[test]
    fn the_duty_turns_and_passes_nobody_over() {
        let mut pumps = all();
        assign(&mut pumps, 1, 2, 0);
        let running = |pumps: &[Pump]| -> Vec<usize> {
            pumps.iter().filter(|pump| pump.station == 1 && pump.running).map(|pump| pump.number).collect()
        };
        assert_eq!(running(&pumps), [1, 2]);
        assign(&mut pumps, 1, 2, 1);
        assert_eq!(running(&pumps), [2, 3]);
        assign(&mut pumps, 1, 2, 2);
        assert_eq!(running(&pumps), [1, 3]);
        for pump in pumps.iter_mut().filter(|pump| pump.station == 1 && pump.number == 3) {
            pump.tripped = true;
        }
        assign(&mut pumps, 1, 2, 2);
        assert_eq!(running(&pumps), [1]);
    }

    #[test]
    fn power_is_flow_times_head_over_efficiency() {
        let flow = 210.0;
        let power = power_kw(1, flow, 26.0, 0.0);
        assert!((power - 9.81 * flow / 3_600.0 * 26.0 / 0.69).abs() < 1e-9);
        assert!(power_kw(1, flow, 26.0, 0.8) > power);
    }

    #[test]
    fn a_worn_bearing_shakes_and_warms() {
        let sound = Pump { running: true, ..all()[0] };
        let worn = Pump { wear: 0.7, ..sound };
        assert!(vibration(&worn, 270.0) > 4.5 && vibration(&sound, 270.0) < 3.2);
        assert!(bearing_goal(&worn, 28.0, 48.0) > bearing_goal(&sound, 28.0, 48.0) + 15.0);
    }
}
