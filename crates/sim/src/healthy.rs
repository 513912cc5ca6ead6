//! What a healthy plant shows: the checks that hold the town's tables to its physics.

use std::time::Duration;

use penstock_model::Timestamp;

use crate::events::{EventKind, Request};
use crate::simulator::Simulator;

fn start() -> Timestamp {
    Timestamp::parse("2026-11-14T00:00:00Z").expect("valid")
}

#[test]
fn limits_are_never_touched_in_a_week_of_any_seed() {
    let mut outside = Vec::new();
    for seed in [1, 2, 3] {
        let mut simulator = Simulator::new(seed, start()).expect("valid tables");
        let sensors = simulator.sensors().to_vec();
        let mut lowest = vec![f64::MAX; sensors.len()];
        let mut highest = vec![f64::MIN; sensors.len()];
        let mut sums = vec![0.0; sensors.len()];
        let minutes = 7 * 1_440;
        for minute in 0..minutes {
            for reading in simulator.read_all() {
                let sensor = &sensors[reading.sensor];
                let usual = sensor.quantity.display_unit();
                let value = usual.from_si(sensor.unit.to_si(reading.value));
                lowest[reading.sensor] = value.min(lowest[reading.sensor]);
                highest[reading.sensor] = value.max(highest[reading.sensor]);
                sums[reading.sensor] += value;
            }
            simulator.advance(start() + Duration::from_secs(60 * (minute + 1)));
        }
        for (number, sensor) in sensors.iter().enumerate() {
            let (low, high) = (lowest[number], highest[number]);
            if std::env::var_os("PENSTOCK_SIM_RANGES").is_some() {
                println!(
                    "{seed} {:7} {:34} {low:8.2} {:8.2} {high:8.2}   normal {:?} limits {:?}",
                    sensor.id,
                    sensor.description,
                    sums[number] / minutes as f64,
                    sensor.normal,
                    sensor.limits
                );
            }
            let [ll, l, h, hh] = sensor.limits;
            let below = [ll, l].into_iter().flatten().any(|limit| low <= limit);
            let above = [h, hh].into_iter().flatten().any(|limit| high >= limit);
            if below || above {
                outside.push(format!("seed {seed} {} {low:.2} to {high:.2}, limits {:?}", sensor.id, sensor.limits));
            }
        }
    }
    assert!(outside.is_empty(), "{outside:#?}");
}

#[test]
fn water_neither_appears_nor_vanishes() {
    let mut simulator = Simulator::new(11, start()).expect("valid tables");
    // A burst, a leak and an overflow must balance as well.
    for kind in [EventKind::Burst, EventKind::Leak, EventKind::Overflow] {
        simulator.schedule(&Request::of(kind), start() + Duration::from_secs(86_400)).expect("usual places");
    }
    for day in 1..=3 {
        let (before, held) = (simulator.ledger().clone(), simulator.tank_volumes());
        simulator.advance(start() + Duration::from_secs(86_400 * day));
        let (after, holds) = (simulator.ledger(), simulator.tank_volumes());
        for area in 0..5 {
            let entered = after.area_in[area] - before.area_in[area];
            let left = after.area_used[area] - before.area_used[area] + after.area_lost[area] - before.area_lost[area];
            assert!(entered > 500.0, "day {day} area {area}: only {entered} m3");
            assert!((entered - left).abs() < 1e-3 * entered, "day {day} area {area}: {entered} in, {left} out");
        }
        for tank in 0..4 {
            let entered = after.tank_in[tank] - before.tank_in[tank];
            let left = after.tank_out[tank] - before.tank_out[tank] + after.tank_over[tank] - before.tank_over[tank];
            let kept = holds[tank] - held[tank];
            assert!((entered - left - kept).abs() < 1e-3 * entered, "day {day} tank {tank}: {entered} {left} {kept}");
        }
    }
}

#[test]
fn the_instruments_see_the_same_balance() {
    let mut simulator = Simulator::new(12, start()).expect("valid tables");
    let ids: Vec<String> = simulator.sensor_ids().map(str::to_owned).collect();
    let number = |id: &str| ids.iter().position(|known| known == id).expect("listed");
    // Clock Tower feeds DMA 1 and DMA 3; what its meters count must be what theirs do, and what its level says.
    let [inflow, outflow, old_town, riverside, level] = ["FT-82", "FT-87", "FT-11", "FT-01", "LT-82"].map(number);
    let mut sums = vec![0.0; ids.len()];
    let first = simulator.read(level).expect("speaks").value;
    for minute in 0..1_440 {
        for reading in simulator.read_all() {
            sums[reading.sensor] += reading.value / 60.0;
        }
        simulator.advance(start() + Duration::from_secs(60 * (minute + 1)));
    }
    let kept = (simulator.read(level).expect("speaks").value - first) / 5.0 * 1_100.0;
    let areas = sums[old_town] + sums[riverside];
    assert!((sums[outflow] / areas - 1.0).abs() < 1e-3, "{} against {areas}", sums[outflow]);
    let balance = sums[inflow] - sums[outflow] - kept;
    assert!(balance.abs() < 1e-3 * sums[inflow], "{balance} of {}", sums[inflow]);
}

#[test]
fn the_same_seed_gives_the_same_readings() {
    let day = |seed: u64| {
        let mut simulator = Simulator::new(seed, start()).expect("valid tables");
        let mut all = Vec::new();
        for minute in 0..240 {
            all.extend(simulator.read_all().into_iter().map(|reading| (reading.sensor, reading.at, reading.value)));
            simulator.advance(start() + Duration::from_secs(60 * (minute + 1)));
        }
        all
    };
    assert_eq!(day(4), day(4));
    assert_ne!(day(4), day(5));
}

#[test]
fn a_kept_state_goes_on_where_it_was() {
    let mut straight = Simulator::new(6, start()).expect("valid tables");
    straight.schedule(&Request::of(EventKind::Leak), start()).expect("usual place");
    straight.advance(start() + Duration::from_secs(3_600));
    let text = serde_json::to_string(straight.state()).expect("plain data");
    let mut resumed = Simulator::from_state(serde_json::from_str(&text).expect("read back")).expect("valid tables");
    let later = start() + Duration::from_secs(2 * 3_600);
    straight.advance(later);
    resumed.advance(later);
    for (a, b) in straight.read_all().into_iter().zip(resumed.read_all()) {
        assert_eq!((a.sensor, a.at), (b.sensor, b.at));
        assert!(
            (a.value - b.value).abs() <= 0.02 * a.value.abs().max(1.0),
            "sensor {}: {} {}",
            a.sensor,
            a.value,
            b.value
        );
    }
    assert_eq!(straight.truths(), resumed.truths());
}

#[test]
fn towns_days_differ_little_by_how_they_are_stepped() {
    let run = |step: u64| {
        let mut simulator = Simulator::new(8, start()).expect("valid tables");
        for second in (step..=7_200).step_by(usize::try_from(step).expect("small")) {
            simulator.advance(start() + Duration::from_secs(second));
        }
        simulator.tank_volumes()
    };
    for (fine, coarse) in run(5).into_iter().zip(run(60)) {
        assert!((fine / coarse - 1.0).abs() < 0.01, "{fine} {coarse}");
    }
}
