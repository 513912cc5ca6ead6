//! How long a scene of a large plant takes: 10,000 marks and 5,000 mains, against the 16.7 ms of a frame at 60 Hz.
#![expect(clippy::print_stdout, reason = "a bench measures and prints")]

use std::time::Instant;

use penstock_map::{Alarm, Flow, Key, Look, MapModel, Mark, PipeMark, Spot, Style, Symbol, Trust, View, scene, svg};
use penstock_model::{PipeId, PointId, Priority, Timestamp};

const ROUNDS: u32 = 40;

fn main() {
    let model = town();
    println!("{} marks, {} mains, 1440 × 900 px", model.marks.len(), model.pipes.len());
    let Some(extent) = model.extent() else { return };
    let fitting = View::fitting(extent, 1_440.0, 900.0, 40.0);
    for zoom in [11.0, 13.0, 14.0, 15.0, 16.0, 17.0] {
        let view = View { zoom, ..fitting };
        let started = Instant::now();
        let mut shapes = 0;
        for _ in 0..ROUNDS {
            shapes = scene(&model, &view, Style::default()).shapes.len();
        }
        let millis = started.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS);
        let drawn = scene(&model, &view, Style::default());
        let started = Instant::now();
        let bytes = svg(&drawn).len();
        let svg_millis = started.elapsed().as_secs_f64() * 1e3;
        println!(
            "zoom {zoom:4}: scene {millis:6.2} ms, {shapes:6} shapes; as SVG {svg_millis:6.2} ms, {} kB",
            bytes / 1_000
        );
    }
}

fn town() -> MapModel {
    let side = 100_u32;
    let place = |n: u32| {
        let (east, south) = (f64::from(n % side), f64::from(n / side));
        Spot::from_degrees(73.80 + east * 0.0013 + south * 0.0001, 18.60 - south * 0.0011)
    };
    let bytes = |n: u32| {
        let [a, b, c, d] = n.to_be_bytes();
        [a, b, c, d, 0, 0, 0, 0, 0, 0]
    };
    let at = Timestamp::from_secs(1);
    let marks = (0..side * side).map(|n| Mark {
        key: Key::Point(PointId::made(at, bytes(n))),
        parent: None,
        symbol: Symbol::Sensor { letter: 'P' },
        spot: place(n),
        name: format!("PT-{n:04}"),
        value: Some("3.05 bar".to_owned()),
        alarm: (n % 89 == 0).then_some(Alarm { look: Look::Unacknowledged, priority: Priority::P2 }),
        trust: Trust::Good,
    });
    let pipes = (0..side * side / 2).map(|n| PipeMark {
        id: PipeId::made(at, bytes(n)),
        name: format!("M-{n:04}"),
        diameter_mm: [110.0, 160.0, 200.0, 300.0, 450.0][(n % 5) as usize],
        course: [place(n * 2), place(n * 2 + 1), place((n * 2 + side) % (side * side))].into_iter().flatten().collect(),
        flow: Flow::Forward,
        closed: false,
    });
    MapModel { marks: marks.collect(), pipes: pipes.collect(), ..MapModel::default() }
}
