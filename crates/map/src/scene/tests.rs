//! What is drawn at which zoom, what covers what, and what a click meets.

use std::sync::Arc;

use penstock_model::{AreaId, AssetId, PipeId, PointId, Priority, SiteId, Timestamp};
use penstock_theme::Mode;

use super::*;
use crate::{Ground, Spot};

/// A place `east` and `south` metres from the middle of the town.
fn spot(east: f64, south: f64) -> Spot {
    let middle = Spot::from_degrees(73.8567, 18.5204).expect("on earth");
    let metre = 1.0 / middle.metres_per_unit();
    Spot { x: middle.x + east * metre, y: middle.y + south * metre }
}

fn view(zoom: f64) -> View {
    View { centre: spot(0.0, 0.0), zoom, width: 1000.0, height: 700.0 }
}

fn made(n: u8) -> [u8; 10] {
    [n; 10]
}

fn site(n: u8) -> Key {
    Key::Site(SiteId::made(Timestamp::from_secs(0), made(n)))
}

fn point(n: u8) -> Key {
    Key::Point(PointId::made(Timestamp::from_secs(0), made(n)))
}

fn mark(key: Key, symbol: Symbol, name: &str, at: (f64, f64)) -> Mark {
    Mark {
        key,
        parent: None,
        symbol,
        spot: Some(spot(at.0, at.1)),
        name: name.to_owned(),
        value: None,
        alarm: None,
        trust: Trust::Good,
    }
}

const UNACKNOWLEDGED_P1: Alarm = Alarm { look: Look::Unacknowledged, priority: Priority::P1 };

fn sensor(n: u8, name: &str, at: (f64, f64)) -> Mark {
    mark(point(n), Symbol::Sensor { letter: 'P' }, name, at)
}

fn pipe(n: u8, diameter_mm: f64, course: &[(f64, f64)]) -> PipeMark {
    PipeMark {
        id: PipeId::made(Timestamp::from_secs(0), made(n)),
        name: format!("M-{n}"),
        diameter_mm,
        course: course.iter().map(|(east, south)| spot(*east, *south)).collect(),
        flow: Flow::Forward,
        closed: false,
    }
}

fn town() -> MapModel {
    MapModel {
        areas: vec![AreaMark {
            id: AreaId::made(Timestamp::from_secs(0), made(1)),
            name: "DMA 3 Riverside".to_owned(),
            boundary: [(-900.0, -600.0), (900.0, -600.0), (900.0, 600.0), (-900.0, 600.0)]
                .map(|(east, south)| spot(east, south))
                .to_vec(),
            note: Some("142.6 m³/h".to_owned()),
            alarm: None,
        }],
        pipes: vec![
            pipe(1, 450.0, &[(-800.0, 0.0), (800.0, 0.0)]),
            pipe(2, 160.0, &[(0.0, 0.0), (0.0, 500.0)]),
            pipe(3, 63.0, &[(0.0, 500.0), (300.0, 500.0)]),
        ],
        marks: vec![
            mark(site(1), Symbol::PumpingStation, "PS-2", (-400.0, -300.0)),
            mark(site(2), Symbol::Tower { filling: Some(0.48) }, "Clock Tower", (400.0, -300.0)),
            sensor(1, "PT-04", (0.0, 250.0)),
            mark(
                Key::Asset(AssetId::made(Timestamp::from_secs(0), made(1))),
                Symbol::Valve { closed: false },
                "XV-1",
                (300.0, 0.0),
            ),
        ],
        ..MapModel::default()
    }
}

fn drawn(model: &MapModel, zoom: f64) -> Scene {
    scene(model, &view(zoom), Style::default())
}

fn texts(scene: &Scene) -> Vec<&str> {
    scene
        .shapes
        .iter()
        .filter_map(|shape| if let Shape::Text { text, .. } = shape { Some(text.as_str()) } else { None })
        .collect()
}

fn one(scene: &Scene, key: Key) -> bool {
    scene.place_of(key).is_some()
}

#[test]
fn each_zoom_shows_its_own() {
    let model = town();
    let valve = model.marks[3].key;
    // Zoom; whether the station, the sensor and the valve are drawn; how many mains.
    for (zoom, station, gauge, bow_tie, mains) in [
        (12.0, false, false, false, 0),
        (13.5, true, false, false, 1),
        (14.9, true, false, false, 1),
        (15.0, true, true, false, 2),
        (16.0, true, true, true, 3),
    ] {
        let scene = drawn(&model, zoom);
        let found = (one(&scene, site(1)), one(&scene, point(1)), one(&scene, valve), scene.pipes.len());
        assert_eq!(found, (station, gauge, bow_tie, mains), "zoom {zoom}");
    }
}

#[test]
fn an_alarm_shows_at_every_zoom() {
    let mut model = town();
    model.marks[2].alarm = Some(UNACKNOWLEDGED_P1);
    for zoom in [13.0, 14.0, 15.0, 17.0] {
        assert!(one(&drawn(&model, zoom), point(1)), "zoom {zoom}");
    }
    let far = drawn(&model, 11.0);
    assert!(texts(&far).contains(&"1"), "the cluster wears its worst child's badge: {:?}", texts(&far));
}

#[test]
fn far_out_marks_gather_in_a_cluster_that_zooms_to_its_extent() {
    let model = town();
    let scene = drawn(&model, 11.0);
    assert!(texts(&scene).contains(&"4"), "{:?}", texts(&scene));
    let (at, _) = scene.marks[0];
    let Some(Hit::Cluster(bounds)) = scene.hit(at) else { panic!("no cluster under {at:?}") };
    assert!(model.marks.iter().all(|mark| mark.spot.is_some_and(|spot| bounds.holds(spot))));
}

#[test]
fn a_site_stands_for_what_belongs_to_it() {
    let mut model = town();
    let mut inside = sensor(9, "FT-07", (-400.0, -300.0));
    inside.parent = Some(site(1));
    inside.alarm = Some(UNACKNOWLEDGED_P1);
    model.marks.push(inside);
    let scene = drawn(&model, 15.0);
    let at = scene.place_of(site(1)).expect("the station is drawn, no cluster");
    assert_eq!(scene.hit(at), Some(Hit::One(site(1))));
    let edge = Style::default().mode.theme().alarm[0].edge;
    let ring = |shape: &&Shape| matches!(shape, Shape::Circle { at: place, edge: Some(stroke), .. } if *place == at && stroke.colour == edge);
    assert_eq!(scene.shapes.iter().filter(ring).count(), 1, "it wears the alarm of its sensor");
}

#[test]
fn both_rings_show_on_a_selected_alarm() {
    let mut model = town();
    model.marks[2].alarm = Some(UNACKNOWLEDGED_P1);
    model.selection = Some(point(1));
    let scene = drawn(&model, 15.5);
    let theme = Style::default().mode.theme();
    let at = scene.place_of(point(1)).expect("drawn");
    let radius = |colour: Rgba| {
        scene.shapes.iter().find_map(|shape| match shape {
            Shape::Circle { at: place, radius, edge: Some(stroke), .. } if *place == at && stroke.colour == colour => {
                Some((*radius, stroke.width))
            }
            _ => None,
        })
    };
    let (state, selected) =
        (radius(theme.alarm[0].edge).expect("state"), radius(theme.selection.edge).expect("selection"));
    assert_eq!((state.1, selected.1), (2.5, 3.0));
    assert!(state.0 + state.1 / 2.0 < selected.0 - selected.1 / 2.0, "{state:?} {selected:?}");
}

#[test]
fn acknowledging_outlines_the_badge_and_takes_the_ring() {
    let mut model = town();
    model.marks[2].alarm = Some(Alarm { look: Look::Acknowledged, priority: Priority::P1 });
    let scene = drawn(&model, 15.5);
    let colours = Style::default().mode.theme().alarm[0];
    let filled = scene.shapes.iter().any(|shape| matches!(shape, Shape::Convex { fill, .. } if *fill == colours.fill));
    let outlined = scene
        .shapes
        .iter()
        .any(|shape| matches!(shape, Shape::Line { stroke, closed: true, .. } if stroke.colour == colours.edge));
    let ring = scene
        .shapes
        .iter()
        .any(|shape| matches!(shape, Shape::Circle { edge: Some(stroke), .. } if stroke.colour == colours.edge));
    assert_eq!((filled, outlined, ring), (false, true, false));
}

#[test]
fn only_unacknowledged_badges_blink() {
    let fills = |look, blink| {
        let mut model = town();
        model.marks[2].alarm = Some(Alarm { look, priority: Priority::P3 });
        let style = Style { blink, ..Style::default() };
        let fill = style.mode.theme().alarm[2].fill;
        let scene = scene(&model, &view(15.5), style);
        scene.shapes.iter().find_map(|shape| match shape {
            Shape::Convex { fill: found, .. } if (found.r, found.g, found.b) == (fill.r, fill.g, fill.b) => {
                Some(found.a)
            }
            _ => None,
        })
    };
    assert_eq!(fills(Look::Unacknowledged, Blink::Full), Some(255));
    assert_eq!(fills(Look::Unacknowledged, Blink::Dim), Some(89));
    assert_eq!(fills(Look::Acknowledged, Blink::Dim), None);
    assert_eq!((Blink::at(0.0), Blink::at(700.0), Blink::at(1_250.0)), (Blink::Full, Blink::Dim, Blink::Full));
}

#[test]
fn clicks_meet_symbols_before_mains_and_nothing_far_off() {
    let scene = drawn(&town(), 15.5);
    let gauge = scene.place_of(point(1)).expect("drawn");
    let off = |dx: f32, dy: f32| scene.hit([gauge[0] + dx, gauge[1] + dy]);
    // The sensor sits on main 2, which runs north and south.
    assert_eq!(off(0.0, 0.0), Some(Hit::One(point(1))));
    assert_eq!(off(15.0, 0.0), Some(Hit::One(point(1))));
    let main = Key::Pipe(PipeId::made(Timestamp::from_secs(0), made(2)));
    assert_eq!(off(7.0, 40.0), Some(Hit::One(main)));
    assert_eq!(off(9.0, 40.0), None);
}

#[test]
fn labels_keep_clear_of_each_other() {
    let mut model = town();
    for n in 10..60_u8 {
        let mut mark =
            sensor(n, &format!("PT-{n}"), (f64::from(n % 8) * 45.0 - 150.0, f64::from(n / 8) * 45.0 - 150.0));
        mark.value = Some("3.05 bar".to_owned());
        model.marks.push(mark);
    }
    let scene = drawn(&model, 16.4);
    let labels = &scene.labels;
    assert!(labels.len() > 10, "{}", labels.len());
    for (index, (bounds, key)) in labels.iter().enumerate() {
        for (other, other_key) in labels.iter().skip(index + 1) {
            assert!(!bounds.meets(other), "{key:?} and {other_key:?} overlap");
        }
    }
}

#[test]
fn what_is_out_of_view_costs_no_shapes() {
    let mut model = town();
    for n in 0..200_u8 {
        model.marks.push(sensor(n, "far", (50_000.0 + f64::from(n) * 100.0, 0.0)));
        model.pipes.push(pipe(n, 450.0, &[(50_000.0, f64::from(n)), (60_000.0, 0.0)]));
    }
    assert_eq!(drawn(&model, 15.0).shapes.len(), drawn(&town(), 15.0).shapes.len());
}

#[test]
fn a_suspicion_is_hatched_in_no_alarm_colour() {
    let mut model = town();
    let id = model.pipes[1].id;
    let note = Some("search 380 m".to_owned());
    model.suspicions.push(Suspicion { pipe: id, score: 0.94, what: "burst here".to_owned(), note });
    let (plain, marked) = (drawn(&town(), 15.5), drawn(&model, 15.5));
    assert!(texts(&marked).contains(&"A 0.94 burst here"));
    assert!(marked.shapes.len() > plain.shapes.len() + 10);
    let alarms = Mode::Dark.theme().alarm.map(|alarm| alarm.edge);
    assert!(
        !marked
            .shapes
            .iter()
            .any(|shape| matches!(shape, Shape::Line { stroke, .. } if alarms.contains(&stroke.colour)))
    );
}

#[test]
fn svg_holds_the_same_and_escapes_names() {
    let mut model = town();
    model.marks[0].name = "PS <2> & co".to_owned();
    model.ground = Arc::new(
        Ground::from_json(r#"{"water":[[[73.8567,18.5204],[73.857,18.5204],[73.857,18.521]]]}"#).expect("a base map"),
    );
    let scene = drawn(&model, 15.0);
    let svg = crate::svg(&scene);
    assert_eq!(svg.matches("<text").count(), texts(&scene).len());
    assert_eq!(
        svg.matches("<circle").count(),
        scene.shapes.iter().filter(|shape| matches!(shape, Shape::Circle { .. })).count()
    );
    assert!(svg.contains("PS &lt;2&gt; &amp; co"));
}

#[test]
fn ten_thousand_marks_are_drawn_within_a_frames_shapes() {
    let mut model = town();
    for n in 0..10_000_u32 {
        let random = [(n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8, n as u8, 7, 0, 0, 0, 0, 0];
        let mut mark =
            sensor(0, &format!("PT-{n}"), (f64::from(n % 100) * 20.0 - 1000.0, f64::from(n / 100) * 12.0 - 600.0));
        mark.key = Key::Point(PointId::made(Timestamp::from_secs(1), random));
        mark.alarm = (n % 97 == 0).then_some(UNACKNOWLEDGED_P1);
        model.marks.push(mark);
    }
    for zoom in [11.0, 13.0, 15.0, 16.0, 18.0] {
        let scene = drawn(&model, zoom);
        // About 1,500 symbols fit on a screen side by side; each takes a few shapes.
        assert!(scene.shapes.len() < 12_000, "zoom {zoom}: {} shapes", scene.shapes.len());
    }
}
