//! The widget in egui, without a GPU: it draws what the scene holds, and pans, zooms and picks as a person would.

use std::sync::Arc;

use egui::{Event, Modifiers, MouseWheelUnit, Vec2, pos2, vec2};
use egui_kittest::Harness;
use penstock_map::{
    Bounds, FedTiles, Hit, Key, MapModel, MapView, Mark, Shown, Spot, Style, Symbol, Trust, View, font_definitions,
};
use penstock_model::{SiteId, Timestamp};

struct State {
    map: MapView,
    model: MapModel,
    tiles: Option<FedTiles>,
    clicked: Option<Option<Hit>>,
    shown: Option<Shown>,
    has_fonts: bool,
}

fn site(n: u8) -> Key {
    Key::Site(SiteId::made(Timestamp::from_secs(0), [n; 10]))
}

fn mark(n: u8, lon: f64, lat: f64) -> Mark {
    Mark {
        key: site(n),
        parent: None,
        symbol: Symbol::PumpingStation,
        spot: Spot::from_degrees(lon, lat),
        name: format!("PS-{n}"),
        value: None,
        alarm: None,
        trust: Trust::Good,
    }
}

fn harness(tiles: Option<FedTiles>) -> Harness<'static, State> {
    let model = MapModel {
        ground: Arc::default(),
        marks: vec![mark(1, 74.39, 18.60), mark(2, 74.41, 18.61)],
        ..MapModel::default()
    };
    let map = MapView::new(model.extent());
    let state = State { map, model, tiles, clicked: None, shown: None, has_fonts: false };
    let mut harness = Harness::builder().with_size(vec2(800.0, 600.0)).with_step_dt(1.0 / 60.0).build_ui_state(
        |ui, state: &mut State| {
            // Fonts count from the next frame on.
            if !std::mem::replace(&mut state.has_fonts, true) {
                return ui.ctx().set_fonts(font_definitions());
            }
            let tiles = state.tiles.as_mut().map(|tiles| tiles as &mut dyn walkers::Tiles);
            let shown = state.map.show(ui, &state.model, Style::default(), tiles);
            state.clicked = shown.clicked.or(state.clicked);
            state.shown = Some(shown);
        },
        state,
    );
    harness.run_steps(3);
    harness
}

fn view(harness: &Harness<'_, State>) -> View {
    harness.state().map.view()
}

/// Where a mark is on screen.
fn place(harness: &Harness<'_, State>, key: Key) -> egui::Pos2 {
    let shown = harness.state().shown.as_ref().expect("shown");
    // The harness keeps a margin around the widget.
    let [x, y] = shown.scene.place_of(key).expect("drawn");
    let margin = (vec2(800.0, 600.0) - vec2(shown.scene.view.width as f32, shown.scene.view.height as f32)) / 2.0;
    pos2(x, y) + margin
}

fn drag(harness: &mut Harness<'_, State>, from: egui::Pos2, by: Vec2) {
    let button = |pressed, pos| Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    harness.event(Event::PointerMoved(from));
    harness.event(button(true, from));
    harness.run_steps(1);
    for step in 1..=4 {
        harness.event(Event::PointerMoved(from + by * (step as f32 / 4.0)));
        harness.run_steps(1);
    }
    harness.event(button(false, from + by));
    harness.run_steps(1);
}

#[test]
fn it_opens_on_the_whole_plant() {
    let harness = harness(None);
    let bounds = view(&harness).bounds(0.0);
    let extent = harness.state().model.extent().expect("two stations");
    assert!(bounds.holds(extent.min) && bounds.holds(extent.max));
}

#[test]
fn a_click_meets_the_station_under_it_and_one_beside_meets_nothing() {
    let mut harness = harness(None);
    let at = place(&harness, site(1));
    drag(&mut harness, at, Vec2::ZERO);
    assert_eq!(harness.state().clicked, Some(Some(Hit::One(site(1)))));
    drag(&mut harness, at + vec2(120.0, 60.0), Vec2::ZERO);
    assert_eq!(harness.state().clicked, Some(None));
}

#[test]
fn dragging_pans() {
    let mut harness = harness(None);
    let before = place(&harness, site(1));
    drag(&mut harness, pos2(400.0, 300.0), vec2(60.0, -40.0));
    let moved = place(&harness, site(1)) - before;
    assert!(moved.x > 30.0 && moved.y < -20.0, "{moved:?}");
}

#[test]
fn the_wheel_zooms_around_the_pointer() {
    let mut harness = harness(None);
    let (zoom, at) = (view(&harness).zoom, place(&harness, site(1)));
    harness.event(Event::PointerMoved(at));
    harness.run_steps(1);
    for _ in 0..4 {
        harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, 60.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        });
        harness.run_steps(2);
    }
    harness.run_steps(10);
    assert!(view(&harness).zoom > zoom + 0.2, "{} from {zoom}", view(&harness).zoom);
    let strayed = place(&harness, site(1)) - at;
    assert!(strayed.length() < 4.0, "{strayed:?}");
}

#[test]
fn it_looks_where_it_is_told() {
    let mut harness = harness(None);
    let spot = Spot::from_degrees(74.395, 18.605).expect("on earth");
    let wanted = view(&harness).centred_on(spot, 17.0);
    harness.state_mut().map.look_at(wanted);
    harness.run_steps(2);
    let found = view(&harness);
    assert!((found.zoom - wanted.zoom).abs() < 1e-6 && (found.centre.x - spot.x).abs() < 1e-9, "{found:?}");
    harness.state_mut().map.fit(Bounds { min: spot, max: spot });
    harness.run_steps(2);
    assert_eq!(view(&harness).zoom, 17.0);
}

#[test]
fn with_tiles_it_asks_for_those_in_view() {
    let mut harness = harness(Some(FedTiles::default()));
    harness.run_steps(1);
    let wanted = harness.state_mut().tiles.as_mut().expect("tiles").take_wanted(usize::MAX);
    assert!(!wanted.is_empty() && wanted.len() < 64, "{wanted:?}");
}
