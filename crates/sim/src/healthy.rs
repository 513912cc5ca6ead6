//! What a healthy plant shows: the checks that hold the town's tables to its physics.

use std::time::Duration;

use penstock_model::Timestamp;

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
