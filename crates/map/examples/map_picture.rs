//! Draws a plant on its base map as SVG: `map_picture PLANT.json BASEMAP.json OUT.svg [ZOOM [light]]`.

use std::sync::Arc;

use penstock_map::{Alarm, Bounds, Ground, Look, MapModel, Style, Suspicion, Symbol, Trust, View, scene, svg};
use penstock_model::{PlantFile, Priority};
use penstock_theme::Mode;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plant, base_map, out, rest @ ..] = arguments.as_slice() else {
        return Err("usage: map_picture PLANT.json BASEMAP.json OUT.svg [ZOOM [light]]".into());
    };
    let file: PlantFile = serde_json::from_str(&std::fs::read_to_string(plant)?)?;
    let ground = Ground::from_json(&std::fs::read_to_string(base_map)?)?;
    let (mut model, _) = MapModel::of_plant(&file.plant, &file.points, Arc::new(ground));
    dress(&mut model);
    let extent = model.extent().ok_or("nothing in the plant has a place")?;
    let mode = if rest.get(1).is_some_and(|word| word == "light") { Mode::Light } else { Mode::Dark };
    let fitting = View::fitting(Bounds { ..extent }, 1_000.0, 780.0, 40.0);
    let zoom = rest.first().map_or(Ok(fitting.zoom), |zoom| zoom.parse())?;
    let drawn = scene(&model, &View { zoom, ..fitting }, Style { mode, ..Style::default() });
    std::fs::write(out, svg(&drawn))?;
    Ok(())
}

/// Gives some of the marks a state, so that the picture shows each kind.
fn dress(model: &mut MapModel) {
    let looks = [Look::Unacknowledged, Look::Acknowledged, Look::Returned];
    let states = Priority::ALL.iter().flat_map(|priority| looks.map(|look| Alarm { look, priority: *priority }));
    let mut states = states.collect::<Vec<_>>().into_iter();
    for (index, mark) in model.marks.iter_mut().enumerate() {
        match &mut mark.symbol {
            Symbol::Tower { filling } | Symbol::Reservoir { filling } => {
                *filling = Some(0.66);
                mark.value = Some("66 %".to_owned());
            }
            Symbol::Pump { running } => *running = Some(index % 3 != 0),
            Symbol::Valve { closed } => *closed = index % 4 == 0,
            Symbol::Sensor { .. } => {
                mark.value = Some("3.05 bar".to_owned());
                if index % 5 == 0 {
                    mark.alarm = states.next();
                }
                if index % 11 == 3 {
                    mark.trust = if index % 2 == 0 { Trust::Stale } else { Trust::Bad };
                }
            }
            _ => {}
        }
    }
    for area in &mut model.areas {
        area.note = Some("142.6 m³/h".to_owned());
    }
    if let Some(area) = model.areas.get_mut(2) {
        area.alarm = Some(Alarm { look: Look::Unacknowledged, priority: Priority::P1 });
    }
    if let Some(pipe) = model.pipes.get(30) {
        let (what, note) = ("burst here".to_owned(), Some("search 380 m".to_owned()));
        model.suspicions = vec![Suspicion { pipe: pipe.id, score: 0.94, what, note }];
    }
    model.selection = model.marks.iter().find(|mark| mark.name == "PS-2 Station Road").map(|mark| mark.key);
}
