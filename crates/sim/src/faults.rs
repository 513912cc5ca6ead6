//! What goes wrong shows where it should: each kind of event against the same days without it.

use std::time::Duration;

use penstock_model::Timestamp;

use crate::events::{EventKind, Request};
use crate::simulator::Simulator;

const MINUTE: Duration = Duration::from_secs(60);

/// 09:30 in Nandipur on a Tuesday.
fn morning() -> Timestamp {
    Timestamp::parse("2026-11-17T04:00:00Z").expect("valid")
}

fn town() -> Simulator {
    Simulator::new(5, morning()).expect("valid tables")
}

fn town_with(request: Request) -> Simulator {
    let mut simulator = town();
    let now = simulator.now();
    simulator.schedule(&request, now).expect("a place of the town");
    simulator
}

fn after(mut simulator: Simulator, minutes: u32) -> Simulator {
    let until = simulator.now() + MINUTE * minutes;
    simulator.advance(until);
    simulator
}

/// What a sensor shows, in the usual unit of its quantity.
fn shown(simulator: &mut Simulator, id: &str) -> Option<f64> {
    let number = simulator.sensor_ids().position(|known| known == id).unwrap_or_else(|| panic!("no sensor {id}"));
    let sensor = simulator.sensors()[number].clone();
    let reading = simulator.read(number)?;
    Some(sensor.quantity.display_unit().from_si(sensor.unit.to_si(reading.value)))
}

fn value(simulator: &mut Simulator, id: &str) -> f64 {
    shown(simulator, id).unwrap_or_else(|| panic!("{id} is silent"))
}

/// LL, L, H, HH of a sensor.
fn limits(simulator: &Simulator, id: &str) -> [f64; 4] {
    let sensor = simulator.sensors().iter().find(|sensor| sensor.id == id).expect("listed");
    let [ll, l, h, hh] = sensor.limits;
    [ll.unwrap_or(f64::MIN), l.unwrap_or(f64::MIN), h.unwrap_or(f64::MAX), hh.unwrap_or(f64::MAX)]
}

#[test]
fn a_burst_in_riverside_raises_its_inflow_and_lowers_its_pressure_within_minutes() {
    let mut simulator = after(town_with(Request::of(EventKind::Burst).at("DMA 3")), 5);
    let [.., hh] = limits(&simulator, "FT-01");
    let [ll, ..] = limits(&simulator, "PT-04");
    let (flow, pressure) = (value(&mut simulator, "FT-01"), value(&mut simulator, "PT-04"));
    assert!(flow > hh, "inflow {flow}, HH {hh}");
    assert!(pressure < ll, "critical pressure {pressure}, LL {ll}");
    let mut later = after(simulator, 60);
    assert!(value(&mut later, "TU-01") > limits(&later, "TU-01")[2], "a break stirs the mains up");
}

#[test]
fn a_burst_anywhere_by_day_raises_the_areas_alarm() {
    for (area, inflow, critical) in [
        ("DMA 1", "FT-11", "PT-14"),
        ("DMA 2", "FT-21", "PT-24"),
        ("DMA 4", "FT-41", "PT-43"),
        ("DMA 5", "FT-51", "PT-52"),
    ] {
        let mut sound = after(town(), 10);
        let mut simulator = after(town_with(Request::of(EventKind::Burst).at(area)), 10);
        let [_, l, h, _] = limits(&simulator, inflow);
        let flow = value(&mut simulator, inflow);
        assert!(flow > h && flow > l, "{area}: inflow {flow}, H {h}");
        let [_, l, ..] = limits(&simulator, critical);
        let (pressure, before) = (value(&mut simulator, critical), value(&mut sound, critical));
        assert!(pressure < l, "{area}: critical pressure {pressure} from {before}, L {l}");
    }
}

#[test]
fn a_repaired_burst_is_over() {
    let request = Request::of(EventKind::Burst).at("DMA 3").lasting(MINUTE * 30);
    let (mut sound, mut simulator) = (after(town(), 90), after(town_with(request), 90));
    assert!((value(&mut simulator, "FT-01") - value(&mut sound, "FT-01")).abs() < 4.0);
}

#[test]
fn a_leak_grows_over_days_without_touching_a_limit() {
    let request = Request::of(EventKind::Leak).at("DMA 5").sized(14.0).lasting(MINUTE * 5_760);
    let extra = |minutes: u32| {
        let (mut sound, mut leaking) = (after(town(), minutes), after(town_with(request.clone()), minutes));
        let more = value(&mut leaking, "FT-51") - value(&mut sound, "FT-51");
        assert!(value(&mut leaking, "FT-51") < limits(&leaking, "FT-51")[2]);
        more
    };
    let (first, last) = (extra(1_440), extra(5_700));
    assert!((1.0..8.0).contains(&first) && (10.0..20.0).contains(&last), "{first} then {last}");
}

#[test]
fn a_worn_bearing_shakes_and_warms_and_costs_power() {
    let request = Request::of(EventKind::BearingWear).at("PS-1 Pump 3").lasting(MINUTE * 10_080);
    let (mut sound, mut worn) = (after(town(), 7_200), after(town_with(request), 7_200));
    // The duty turns daily: compare while this pump runs.
    while value(&mut worn, "XS-13") < 0.5 {
        sound = after(sound, 10);
        worn = after(worn, 10);
        assert!(worn.now() < morning() + MINUTE * 10_000, "pump 3 never ran");
    }
    sound = after(sound, 30);
    worn = after(worn, 30);
    assert!(value(&mut worn, "VT-13") > limits(&worn, "VT-13")[2], "{}", value(&mut worn, "VT-13"));
    assert!(value(&mut worn, "TT-13") > value(&mut sound, "TT-13") + 8.0);
    assert!(value(&mut worn, "JT-13") > value(&mut sound, "JT-13") * 1.05);
}

#[test]
fn instruments_fail_in_their_own_ways() {
    let mut stuck = after(town_with(Request::of(EventKind::Stuck).at("PT-42")), 1);
    let first = value(&mut stuck, "PT-42");
    for _ in 0..20 {
        stuck = after(stuck, 5);
        assert_eq!(value(&mut stuck, "PT-42"), first);
    }
    let mut drifting = after(town_with(Request::of(EventKind::Drift).at("CL-01").lasting(MINUTE * 120)), 115);
    let mut sound = after(town(), 115);
    assert!(value(&mut drifting, "CL-01") > value(&mut sound, "CL-01") + 0.15);
    let mut spiking = town_with(Request::of(EventKind::Spike).at("CL-02"));
    let [.., h, _] = limits(&spiking, "CL-02");
    assert!(value(&mut spiking, "CL-02") > h);
    spiking = after(spiking, 2);
    assert!(value(&mut spiking, "CL-02") < h);
    let mut silent = after(town_with(Request::of(EventKind::Dropout).at("PT-22")), 5);
    assert_eq!(shown(&mut silent, "PT-22"), None);
    assert!(shown(&mut silent, "PT-23").is_some());
    assert!(shown(&mut after(silent, 60), "PT-22").is_some());
}

#[test]
fn a_gateway_takes_its_whole_site_along() {
    let mut simulator = after(town_with(Request::of(EventKind::Offline).at("PS-3")), 5);
    let speaking = simulator.read_all().len();
    let of_site = simulator.sensors().iter().filter(|sensor| sensor.site.gateway() == "GW-PS3").count();
    assert_eq!(speaking, 150 - of_site);
    assert!(of_site > 8);
    let offline: Vec<String> =
        simulator.gateways().into_iter().filter(|(_, online)| !online).map(|(tag, _)| tag).collect();
    assert_eq!(offline, ["GW-PS3"]);
}

#[test]
fn a_tank_overflows_and_loses_no_water_unseen() {
    for (tank, level, overflow) in
        [("Clock Tower", "LT-82", "LS-82"), ("Hill Colony", "LT-83", "LS-83"), ("Mill Estate", "LT-84", "LS-84")]
    {
        let mut simulator = after(town_with(Request::of(EventKind::Overflow).at(tank)), 350);
        let [.., hh] = limits(&simulator, level);
        assert!(value(&mut simulator, level) >= hh, "{tank}: {}", value(&mut simulator, level));
        assert_eq!(value(&mut simulator, overflow), 1.0, "{tank}");
        let over: f64 = simulator.ledger().tank_over.iter().sum();
        assert!(over > 1.0, "{tank}: {over} m3");
    }
}

#[test]
fn lost_chlorine_shows_at_the_works_then_in_the_areas() {
    let request = Request::of(EventKind::ChlorineLoss).at("Treatment works").lasting(MINUTE * 2_880);
    let mut soon = after(town_with(request.clone()), 5);
    assert!(value(&mut soon, "CL-61") < limits(&soon, "CL-61")[0]);
    assert!(value(&mut soon, "CL-01") > limits(&soon, "CL-01")[1], "it takes time to get there");
    let mut later = after(town_with(request), 2_000);
    assert!(value(&mut later, "CL-01") < limits(&later, "CL-01")[1], "{}", value(&mut later, "CL-01"));
    let mut used_up = after(town_with(Request::of(EventKind::ChlorineLoss).at("DMA 5")), 90);
    assert!(value(&mut used_up, "CL-02") < limits(&used_up, "CL-02")[1], "{}", value(&mut used_up, "CL-02"));
    assert!(value(&mut used_up, "CL-11") > limits(&used_up, "CL-11")[1]);
}

#[test]
fn a_tripped_pump_stands_and_says_so() {
    let mut running = town();
    let pump = (1..=3).find(|number| value(&mut running, &format!("XS-1{number}")) > 0.5).expect("one runs");
    let before = value(&mut running, "FT-71");
    let mut simulator = after(town_with(Request::of(EventKind::PumpTrip).at(&format!("PS-1 Pump {pump}"))), 2);
    assert_eq!(value(&mut simulator, &format!("XS-1{pump}")), 0.0);
    assert_eq!(value(&mut simulator, &format!("XA-1{pump}")), 1.0);
    assert_eq!(value(&mut simulator, &format!("JT-1{pump}")), 0.0);
    assert!(value(&mut simulator, "FT-71") < before - 80.0);
}

#[test]
fn an_event_can_be_ended() {
    let mut simulator = town_with(Request::of(EventKind::Offline).at("PS-2"));
    assert!(simulator.gateways().iter().any(|(_, online)| !online));
    assert!(simulator.end(1));
    assert!(simulator.gateways().iter().all(|(_, online)| *online));
    assert!(!simulator.end(1));
}
