//! From model and view to shapes: what is drawn at which zoom, in which order, and what a click meets.

use penstock_theme::{Mode, Rgba, Theme, tokens};

use crate::clip::{Box2, along, clip_line, distance_to_line, line_length};
use crate::cluster::{Group, group};
use crate::ground::{FieldKind, PlaceKind};
use crate::label::{Label, Line, place};
use crate::symbol::{arrow, badge, draw, reach, state_ring, trust_tag};
use crate::{
    Alarm, Anchor, AreaMark, Bounds, Flow, Key, Look, MapModel, Mark, PipeMark, Px, Shape, Stroke, Suspicion, Symbol,
    Trust, View,
};

/// Up to here only areas and clusters are drawn.
const SITES_FROM: f64 = 13.0;
/// From here sensors and mains of 110 mm.
const SENSORS_FROM: f64 = 15.0;
/// From here valves, services and values.
const VALUES_FROM: f64 = 16.0;
/// From here symbols are drawn large.
const CLOSE_FROM: f64 = 16.75;
/// Smallest main drawn with sites, and with sensors, in mm.
const SITE_MAINS_MM: f64 = 200.0;
const SENSOR_MAINS_MM: f64 = 110.0;
/// From this zoom on, and from this width on at any, buildings and small streets are drawn.
const BUILDINGS_FROM: f64 = 14.0;
/// From here the base map's names.
const NAMES_FROM: f64 = 11.0;

const CLUSTER_RADIUS: f32 = 17.0;
/// As many marks at most are drawn in a row rather than as a cluster.
const ROW: usize = 4;
const BADGE: f32 = 18.0;
/// Names of the base map rank from here on, behind all others.
const PLACE_NAMES: i32 = 80;
const SYMBOL_PICK: f32 = 16.0;
const PIPE_PICK: f32 = 8.0;

/// How unacknowledged badges look at this moment; all blink in phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blink {
    /// The bright half of the blink.
    #[default]
    Full,
    /// The dim half of the blink.
    Dim,
    /// No blink but a double edge: for people who want no motion.
    DoubleEdge,
}

impl Blink {
    /// The half of the blink at `millis` since any moment that all badges share.
    pub fn at(millis: f64) -> Self {
        let motion = tokens().motion;
        let share = millis.rem_euclid(motion.blink_period) / motion.blink_period;
        if share < motion.blink_duty { Self::Full } else { Self::Dim }
    }
}

/// How a scene is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Which theme.
    pub mode: Mode,
    /// Where the blink is.
    pub blink: Blink,
    /// Whether something else, such as tiles, lies under the map in place of the base map.
    pub bare: bool,
}

/// A picture of the map.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What is in view.
    pub view: View,
    /// Ink of the ground.
    pub land: Rgba,
    /// What to draw, later ones over earlier ones.
    pub shapes: Vec<Shape>,
    marks: Vec<(Px, Hit)>,
    labels: Vec<(Box2, Key)>,
    pipes: Vec<(Key, Vec<Vec<Px>>)>,
}

/// What a click meets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hit {
    /// One thing.
    One(Key),
    /// A cluster that covers these bounds.
    Cluster(Bounds),
}

impl Scene {
    /// What a click at `at` meets: the nearest symbol or cluster, else a label, else the nearest main.
    pub fn hit(&self, at: Px) -> Option<Hit> {
        let nearest = |distances: &mut dyn Iterator<Item = (f32, Hit)>| {
            distances.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, hit)| hit)
        };
        let marks = self.marks.iter().map(|(place, hit)| ((place[0] - at[0]).hypot(place[1] - at[1]), *hit));
        let label = || self.labels.iter().find(|(bounds, _)| bounds.holds(at)).map(|(_, key)| Hit::One(*key));
        let pipes = self.pipes.iter().map(|(key, parts)| {
            let distance = parts.iter().map(|part| distance_to_line(at, part)).fold(f32::INFINITY, f32::min);
            (distance, Hit::One(*key))
        });
        nearest(&mut marks.filter(|(distance, _)| *distance <= SYMBOL_PICK))
            .or_else(label)
            .or_else(|| nearest(&mut pipes.filter(|(distance, _)| *distance <= PIPE_PICK)))
    }

    /// Where `key` is drawn, if it is.
    pub fn place_of(&self, key: Key) -> Option<Px> {
        self.marks.iter().find(|(_, hit)| *hit == Hit::One(key)).map(|(at, _)| *at)
    }
}

/// Draws `model` as `view` shows it.
pub fn scene(model: &MapModel, view: &View, style: Style) -> Scene {
    let mut painter = Painter {
        model,
        view,
        style,
        theme: style.mode.theme(),
        frame: Box2 { min: [0.0, 0.0], max: [view.width as f32, view.height as f32] },
        wide: Box2 { min: [-16.0, -16.0], max: [view.width as f32 + 16.0, view.height as f32 + 16.0] },
        shapes: Vec::new(),
        labels: Vec::new(),
        taken: Vec::new(),
        marks: Vec::new(),
    };
    if !style.bare {
        painter.ground();
    }
    painter.boundaries();
    let pipes = painter.pipes();
    painter.suspicions(&pipes);
    painter.marks();
    painter.keep_off_mains(&pipes);
    painter.area_labels(&pipes);
    let labels = painter.finish_labels();
    Scene {
        view: *view,
        land: painter.theme.map.land,
        shapes: painter.shapes,
        marks: painter.marks,
        labels,
        pipes: pipes.into_iter().map(|(pipe, parts)| (Key::Pipe(pipe.id), parts)).collect(),
    }
}

/// How many mains run through a rectangle.
fn crossings(bounds: &Box2, pipes: &[(&PipeMark, Vec<Vec<Px>>)]) -> usize {
    let crosses =
        |part: &Vec<Px>| part.iter().zip(part.iter().skip(1)).any(|(from, to)| bounds.cut(*from, *to).is_some());
    pipes.iter().filter(|(_, parts)| parts.iter().any(crosses)).count()
}

struct Painter<'a> {
    model: &'a MapModel,
    view: &'a View,
    style: Style,
    theme: &'a Theme,
    /// What is on screen.
    frame: Box2,
    /// A little more, so that cut ends of lines are not seen.
    wide: Box2,
    shapes: Vec<Shape>,
    labels: Vec<Label>,
    /// Where no label may lie.
    taken: Vec<Box2>,
    marks: Vec<(Px, Hit)>,
}

impl<'a> Painter<'a> {
    fn ground(&mut self) {
        let (view, map) = (self.view, &self.theme.map);
        let seen = view.bounds(8.0);
        let near = view.zoom >= BUILDINGS_FROM;
        let screen =
            |course: &[crate::Spot]| -> Vec<Px> { course.iter().map(|spot| view.screen_from_world(*spot)).collect() };
        for field in self.model.ground.fields.iter().filter(|field| field.bounds.meets(&seen)) {
            let fill = match field.kind {
                FieldKind::Water => map.water,
                FieldKind::Green => map.green,
                FieldKind::Building if near => map.building,
                FieldKind::Building => continue,
            };
            self.shapes.push(Shape::Polygon { points: screen(&field.ring), triangles: field.triangles.clone(), fill });
        }
        // Streets grow with the zoom, about 8 and 16 m wide.
        let metres = 1.0 / view.metres_per_px();
        for major in [false, true] {
            let roads = self.model.ground.roads.iter().filter(|road| road.major == major && road.bounds.meets(&seen));
            let (width, colour) = if major { (16.0, map.road_major) } else { (8.0, map.road) };
            let width = (width * metres).clamp(0.75, 24.0) as f32;
            if !major && !near {
                continue;
            }
            for road in roads {
                for points in clip_line(&screen(&road.course), &self.wide) {
                    self.shapes.push(Shape::Line { points, stroke: Stroke::solid(width, colour), closed: false });
                }
            }
        }
        let names = if view.zoom >= NAMES_FROM { self.model.ground.places.as_slice() } else { &[] };
        for place in names.iter().filter(|place| seen.holds(place.spot)) {
            let (size, rank) =
                if place.kind == PlaceKind::Water { (12.0, PLACE_NAMES) } else { (11.0, PLACE_NAMES + 10) };
            let lines = vec![self.line(&place.text, size, false, map.label)];
            let at = view.screen_from_world(place.spot);
            self.labels.push(Label {
                key: None,
                rank,
                places: vec![(Anchor::Middle, at)],
                lines,
                badge: None,
                forced: false,
            });
        }
    }

    fn boundaries(&mut self) {
        let sizes = &tokens().map;
        for area in &self.model.areas {
            let selected = self.model.selection == Some(Key::Area(area.id));
            let (width, colour) =
                if selected { (2.0, self.theme.map.main_selected) } else { (1.25, self.theme.map.boundary) };
            let mut points = self.screen(&area.boundary);
            points.extend(points.first().copied());
            for points in clip_line(&points, &self.wide) {
                let stroke = Stroke::dashed(width, colour, &sizes.boundary_dash);
                self.shapes.push(Shape::Line { points, stroke, closed: false });
            }
        }
    }

    /// Draws the mains; what is seen of each comes back.
    fn pipes(&mut self) -> Vec<(&'a PipeMark, Vec<Vec<Px>>)> {
        let model = self.model;
        let sizes = &tokens().map;
        let least = match self.view.zoom {
            zoom if zoom < SITES_FROM => f64::INFINITY,
            zoom if zoom < SENSORS_FROM => SITE_MAINS_MM,
            zoom if zoom < VALUES_FROM => SENSOR_MAINS_MM,
            _ => 0.0,
        };
        let seen = self.view.bounds(16.0);
        let mut pipes: Vec<(&PipeMark, Vec<Vec<Px>>)> = model
            .pipes
            .iter()
            .filter(|pipe| pipe.diameter_mm >= least || model.selection == Some(Key::Pipe(pipe.id)))
            .filter(|pipe| Bounds::around(pipe.course.iter().copied()).is_some_and(|bounds| bounds.meets(&seen)))
            .map(|pipe| (pipe, clip_line(&self.screen(&pipe.course), &self.wide)))
            .filter(|(_, parts)| !parts.is_empty())
            .collect();
        pipes.sort_by(|(a, _), (b, _)| a.diameter_mm.total_cmp(&b.diameter_mm));
        for (pipe, parts) in &pipes {
            let width = sizes.main_width(pipe.diameter_mm) as f32 + 3.0;
            for part in parts {
                let stroke = Stroke::solid(width, self.theme.map.land);
                self.shapes.push(Shape::Line { points: part.clone(), stroke, closed: false });
            }
        }
        for (pipe, parts) in &pipes {
            let selected = model.selection == Some(Key::Pipe(pipe.id));
            let colour = if selected { self.theme.map.main_selected } else { self.theme.map.main };
            let width = sizes.main_width(pipe.diameter_mm) as f32 + if selected { 1.5 } else { 0.0 };
            let dash: &[f64] = if pipe.closed { &sizes.closed_dash } else { &[] };
            for part in parts {
                let stroke = Stroke::dashed(width, colour, dash);
                self.shapes.push(Shape::Line { points: part.clone(), stroke, closed: false });
            }
        }
        for (pipe, parts) in &pipes {
            self.arrow(pipe, parts);
        }
        pipes
    }

    fn arrow(&mut self, pipe: &PipeMark, parts: &[Vec<Px>]) {
        let wide_enough = pipe.diameter_mm >= 250.0 || self.view.zoom >= VALUES_FROM;
        let sign = match pipe.flow {
            Flow::Unknown => return,
            Flow::Forward => 1.0,
            Flow::Backward => -1.0,
        };
        let longest = parts.iter().max_by(|a, b| line_length(a).total_cmp(&line_length(b)));
        let Some(part) = longest.filter(|part| wide_enough && line_length(part) >= 90.0) else { return };
        if let Some((at, [dx, dy])) = along(part, 0.5) {
            let length = 7.0 + tokens().map.main_width(pipe.diameter_mm) as f32 * 0.6;
            let map = &self.theme.map;
            self.shapes.push(arrow(at, [dx * sign, dy * sign], length, map.asset, map.label_halo));
        }
    }

    fn suspicions(&mut self, pipes: &[(&PipeMark, Vec<Vec<Px>>)]) {
        for suspicion in &self.model.suspicions {
            let Some((_, parts)) = pipes.iter().find(|(pipe, _)| pipe.id == suspicion.pipe) else { continue };
            for part in parts {
                self.hatch(part);
            }
            if let Some(part) = parts.first() {
                self.callout(suspicion, part);
            }
        }
    }

    /// Short strokes across a line, all at 45°.
    fn hatch(&mut self, part: &[Px]) {
        let ink = self.theme.anomaly.stretch_ink.with_opacity(0.55);
        let length = line_length(part);
        let steps = (length / 7.0).floor() as u32;
        for step in 0..=steps {
            let Some((at, _)) = along(part, (step as f32 * 7.0 / length.max(1.0)).min(1.0)) else { continue };
            let points = vec![[at[0] - 8.0, at[1] + 8.0], [at[0] + 8.0, at[1] - 8.0]];
            self.shapes.push(Shape::Line { points, stroke: Stroke::solid(1.0, ink), closed: false });
        }
    }

    fn callout(&mut self, suspicion: &Suspicion, part: &[Px]) {
        let Some((at, _)) = along(part, 0.4) else { return };
        let theme = self.theme;
        let title = format!("A {:.2} {}", suspicion.score, suspicion.what);
        let mut lines = vec![self.line(&title, 12.0, true, theme.text.primary)];
        lines.extend(suspicion.note.iter().map(|note| self.line(note, 12.0, false, theme.text.secondary)));
        let widest =
            lines.iter().map(|line| penstock_theme::text_width(&line.text, 12.0, line.bold)).fold(0.0, f64::max);
        let (half_width, half_height) = (widest as f32 / 2.0 + 9.0, lines.len() as f32 * 8.5 + 6.0);
        let far = half_width + 28.0;
        let places = [[at[0] - far, at[1]], [at[0] + far, at[1]], [at[0], at[1] - 48.0], [at[0], at[1] + 48.0]];
        let free = |middle: &&Px| {
            let bounds = Box2::around(**middle, half_width, half_height);
            self.frame.holds(bounds.min)
                && self.frame.holds(bounds.max)
                && !self.taken.iter().any(|box2| box2.meets(&bounds))
        };
        let [x, y] = places.iter().find(free).or(places.first()).copied().unwrap_or(at);
        let edge = Stroke::solid(1.0, theme.line.strong);
        self.shapes.push(Shape::Line { points: vec![[x, y], at], stroke: edge.clone(), closed: false });
        let points = crate::symbol::rectangle([x, y], half_width, half_height);
        self.shapes.push(Shape::Convex { points, fill: theme.surface.overlay, edge: Some(edge) });
        let mut line_y = y - (lines.len() as f32 - 1.0) * 8.25;
        for line in lines {
            self.shapes.push(Shape::Text {
                at: [x - half_width + 9.0, line_y],
                anchor: Anchor::Left,
                text: line.text,
                size: line.size,
                bold: line.bold,
                colour: line.colour,
                halo: None,
            });
            line_y += 16.5;
        }
        self.taken.push(Box2::around([x, y], half_width, half_height));
    }

    fn marks(&mut self) {
        let far = self.view.zoom < SITES_FROM;
        let seen = self.view.bounds(48.0);
        let mut marks: Vec<(Px, &Mark)> = self
            .model
            .marks
            .iter()
            .filter(|mark| far || self.is_shown(mark))
            .filter_map(|mark| {
                let spot = mark.spot.filter(|spot| seen.holds(*spot))?;
                Some((self.view.screen_from_world(spot), mark))
            })
            .collect();
        marks.sort_by(|(_, a), (_, b)| self.rank(a).cmp(&self.rank(b)).then_with(|| a.key.cmp(&b.key)));
        let reach = if far { 2.0 * CLUSTER_RADIUS + 8.0 } else { self.size() + 4.0 };
        // The least in rank is drawn first, so that what matters lies on top.
        let groups = group(marks, reach);
        for group in groups.iter().rev() {
            // A row that would lie on others says less than their number.
            let half = (self.size() + 8.0) * group.others.len().saturating_add(1) as f32 / 2.0 + self.size() / 2.0;
            let ground = Box2::around(group.at, half, self.size());
            let is_free = || groups.iter().filter(|other| ground.holds(other.at)).count() <= 1;
            match group.standing_for_all() {
                Some(head) if self.view.zoom >= VALUES_FROM => self.station(group, head),
                Some(head) => self.mark(group, head),
                None if !far && group.others.len() < ROW && (group.others.is_empty() || is_free()) => {
                    self.row(group, &group.all().collect::<Vec<_>>())
                }
                None => self.cluster(group),
            }
        }
    }

    /// A pumping station seen near: its pumps in a row under its name; any other head stands for itself.
    fn station(&mut self, group: &Group<'_>, head: &Mark) {
        let mut pumps: Vec<&Mark> =
            group.all().filter(|mark| matches!(mark.symbol, Symbol::Pump { .. }) && mark.key != head.key).collect();
        if pumps.is_empty() || pumps.len() > ROW {
            return self.mark(group, head);
        }
        pumps.sort_by(|a, b| a.name.cmp(&b.name));
        self.row(group, &pumps);
        let theme = self.theme;
        let selected = self.model.selection == Some(head.key);
        let colour = if selected { theme.map.main_selected } else { theme.text.primary };
        let lines = vec![self.line(&head.name, 12.0, true, colour)];
        let down = self.size() / 2.0 + 20.0;
        let places = vec![
            (Anchor::Middle, [group.at[0], group.at[1] - down]),
            (Anchor::Middle, [group.at[0], group.at[1] + down]),
        ];
        self.labels.push(Label { key: Some(head.key), rank: 5, places, lines, badge: None, forced: true });
    }

    /// A few marks side by side on one ground, each with its own state.
    fn row(&mut self, group: &Group<'_>, members: &[&Mark]) {
        let (theme, size) = (self.theme, self.size());
        let step = size + 8.0;
        let half = step * members.len() as f32 / 2.0;
        let ground = crate::symbol::rectangle(group.at, half + 3.0, size / 2.0 + 7.0);
        let member_selected = members.iter().any(|mark| self.model.selection == Some(mark.key));
        let edge = if group.holds(self.model.selection) && !member_selected {
            Stroke::solid(tokens().map.ring.selected as f32, theme.selection.edge)
        } else {
            Stroke::solid(1.0, theme.line.strong)
        };
        self.shapes.push(Shape::Convex { points: ground, fill: theme.surface.raised, edge: Some(edge) });
        self.taken.push(Box2::around(group.at, half + 3.0, size / 2.0 + 7.0));
        for (index, mark) in members.iter().enumerate() {
            let at = [group.at[0] - half + step * (index as f32 + 0.5), group.at[1]];
            self.symbol(mark, mark.alarm, at, self.model.selection == Some(mark.key));
        }
        // What belongs to none of the members still shows its alarm.
        let rest = group.all().filter(|mark| members.iter().all(|member| member.key != mark.key));
        if let Some(alarm) = rest.filter_map(|mark| mark.alarm).min() {
            self.badge(alarm, [group.at[0] + half + 3.0, group.at[1] - size / 2.0 - 7.0]);
        }
    }

    fn is_shown(&self, mark: &Mark) -> bool {
        let from = match mark.symbol {
            Symbol::Works
            | Symbol::PumpingStation
            | Symbol::Reservoir { .. }
            | Symbol::Tower { .. }
            | Symbol::Borehole => SITES_FROM,
            Symbol::Sensor { .. } | Symbol::Valve { closed: true } => SENSORS_FROM,
            Symbol::Pump { .. } | Symbol::Valve { .. } | Symbol::Gateway => VALUES_FROM,
        };
        self.view.zoom >= from || mark.alarm.is_some() || self.model.selection == Some(mark.key)
    }

    fn rank(&self, mark: &Mark) -> (bool, Option<Alarm>, u8) {
        let standing = match mark.symbol {
            Symbol::Works | Symbol::PumpingStation => 0,
            Symbol::Reservoir { .. } | Symbol::Tower { .. } | Symbol::Borehole => 1,
            Symbol::Pump { .. } => 2,
            Symbol::Sensor { .. } => 3,
            Symbol::Valve { .. } => 4,
            Symbol::Gateway => 5,
        };
        // An absent alarm ranks behind every present one.
        let alarm = mark.alarm.unwrap_or(Alarm { look: Look::Acknowledged, priority: penstock_model::Priority::P4 });
        (self.model.selection != Some(mark.key), Some(alarm), standing + if mark.alarm.is_none() { 10 } else { 0 })
    }

    fn size(&self) -> f32 {
        let sizes = tokens().map.asset_size;
        let px = match self.view.zoom {
            zoom if zoom < SITES_FROM => sizes.far,
            zoom if zoom < CLOSE_FROM => sizes.near,
            _ => sizes.close,
        };
        px as f32
    }

    /// A mark alone, or one that stands for all that belongs to it.
    fn mark(&mut self, group: &Group<'_>, head: &Mark) {
        let selected = group.holds(self.model.selection);
        self.symbol(head, group.alarm(), group.at, selected);
    }

    /// A symbol with its rings, badge and label.
    fn symbol(&mut self, mark: &Mark, alarm: Option<Alarm>, at: Px, selected: bool) {
        let (theme, rings, size) = (self.theme, tokens().map.ring, self.size());
        let radius = reach(mark.symbol, size);
        let ground = theme.map.land.with_opacity(0.75);
        self.shapes.push(Shape::Circle { at, radius: radius + 2.0, fill: ground, edge: None });
        draw(mark.symbol, at, size, theme, &mut self.shapes);
        let (gap, state, ring) = (rings.gap as f32, rings.state as f32, rings.selected as f32);
        let unacknowledged = alarm.filter(|alarm| alarm.look == Look::Unacknowledged);
        let mut outer = radius;
        if let Some(colour) = unacknowledged.and_then(|alarm| self.edge_of(alarm)) {
            self.shapes.push(state_ring(at, radius + gap, state, colour));
            outer = radius + gap + state / 2.0;
        }
        if selected {
            self.shapes.push(state_ring(at, outer + gap, ring, theme.selection.edge));
            outer += gap + ring / 2.0;
        }
        let corner = [at[0] + outer * 0.72 + 7.0, at[1] - outer * 0.72 - 7.0];
        match alarm {
            Some(alarm) => self.badge(alarm, corner),
            None => trust_tag(mark.trust, corner, theme, &mut self.shapes),
        }
        self.marks.push((at, Hit::One(mark.key)));
        self.taken.push(Box2::around(at, outer + 1.0, outer + 1.0));
        if alarm.is_some() || mark.trust != Trust::Good {
            self.taken.push(Box2::around(corner, 9.0, 9.0));
        }
        self.mark_label(mark, at, outer, unacknowledged, selected);
    }

    fn mark_label(&mut self, mark: &Mark, at: Px, outer: f32, alarm: Option<Alarm>, selected: bool) {
        let theme = self.theme;
        let (is_site, is_tank) = match mark.symbol {
            Symbol::Works | Symbol::PumpingStation | Symbol::Borehole => (true, false),
            Symbol::Reservoir { .. } | Symbol::Tower { .. } => (true, true),
            _ => (false, false),
        };
        let near = self.view.zoom >= VALUES_FROM;
        let closed = matches!(mark.symbol, Symbol::Valve { closed: true });
        if !(alarm.is_some() || selected || is_site || closed || near) {
            return;
        }
        let (rank, bold, colour) = match alarm {
            _ if selected => (0, true, theme.map.main_selected),
            Some(alarm) => (10 + i32::from(alarm.priority.digit()), true, theme.text.primary),
            None if is_site => (40, false, theme.text.primary),
            None if closed => (50, false, theme.text.secondary),
            None => (60, false, theme.text.secondary),
        };
        let mut lines = Vec::new();
        match &mark.value {
            Some(value) if is_tank => lines.push(self.line(&format!("{} {value}", mark.name), 12.0, bold, colour)),
            Some(value) if alarm.is_some() || selected || near => {
                lines.push(self.line(&mark.name, 12.0, bold, colour));
                let ink = if alarm.is_some() || selected { theme.text.primary } else { theme.text.secondary };
                lines.push(self.line(value, 12.0, alarm.is_some(), ink));
            }
            _ => lines.push(self.line(&mark.name, 12.0, bold, colour)),
        }
        let (dx, down) = (outer + 6.0, outer + 11.0);
        let lift = (lines.len() as f32 - 1.0) * 8.0;
        let beside_badge = if mark.alarm.is_some() { 16.0 } else { 0.0 };
        let places = vec![
            (Anchor::Left, [at[0] + dx, at[1] - lift]),
            (Anchor::Right, [at[0] - dx, at[1] - lift]),
            (Anchor::Left, [at[0] + dx + beside_badge, at[1] - lift]),
            (Anchor::Middle, [at[0], at[1] + down]),
            (Anchor::Middle, [at[0], at[1] - down - lift * 2.0]),
            (Anchor::Left, [at[0] + dx - 4.0, at[1] + down]),
            (Anchor::Right, [at[0] - dx + 4.0, at[1] + down]),
        ];
        self.labels.push(Label { key: Some(mark.key), rank, places, lines, badge: None, forced: selected });
    }

    fn cluster(&mut self, group: &Group<'_>) {
        let (theme, at, alarm) = (self.theme, group.at, group.alarm());
        let edge = Stroke::solid(2.0, theme.map.asset);
        self.shapes.push(Shape::Circle { at, radius: CLUSTER_RADIUS, fill: theme.map.land, edge: Some(edge) });
        self.shapes.push(Shape::Text {
            at,
            anchor: Anchor::Middle,
            text: (group.others.len() + 1).to_string(),
            size: 13.0,
            bold: true,
            colour: theme.text.primary,
            halo: None,
        });
        let (mut outer, rings) = (CLUSTER_RADIUS, tokens().map.ring);
        let unacknowledged = alarm.filter(|alarm| alarm.look == Look::Unacknowledged);
        if let Some(colour) = unacknowledged.and_then(|alarm| self.edge_of(alarm)) {
            outer += rings.gap as f32;
            self.shapes.push(state_ring(at, outer, rings.state as f32, colour));
        }
        if group.holds(self.model.selection) {
            outer += rings.gap as f32 + 1.5;
            self.shapes.push(state_ring(at, outer, rings.selected as f32, theme.selection.edge));
        }
        if let Some(alarm) = alarm {
            self.badge(alarm, [at[0] + 15.0, at[1] - 15.0]);
        }
        self.taken.push(Box2::around(at, outer + 2.0, outer + 2.0));
        if let Some(bounds) = Bounds::around(group.all().filter_map(|mark| mark.spot)) {
            self.marks.push((at, Hit::Cluster(bounds)));
        }
    }

    fn area_labels(&mut self, pipes: &[(&PipeMark, Vec<Vec<Px>>)]) {
        let model = self.model;
        for area in &model.areas {
            if let Some(label) = self.area_label(area, pipes) {
                self.labels.push(label);
            }
        }
    }

    /// The area's name in that corner of what is seen of it where the fewest mains run.
    fn area_label(&self, area: &AreaMark, pipes: &[(&PipeMark, Vec<Vec<Px>>)]) -> Option<Label> {
        let theme = self.theme;
        let points = self.screen(&area.boundary);
        let inset = 14.0;
        let (mut min, mut max) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for point in &points {
            for axis in 0..2 {
                min[axis] = min[axis].min(point[axis]);
                max[axis] = max[axis].max(point[axis]);
            }
        }
        let (low, high) = ([0.0, 0.0], self.frame.max);
        for axis in 0..2 {
            (min[axis], max[axis]) = (min[axis].max(low[axis]), max[axis].min(high[axis]));
        }
        if max[0] - min[0] < 60.0 || max[1] - min[1] < 40.0 {
            return None;
        }
        let mut lines = vec![self.line(&area.name, 12.0, true, theme.text.primary)];
        lines.extend(area.note.iter().map(|note| self.line(note, 12.0, false, theme.text.secondary)));
        let bottom = max[1] - inset - (lines.len() as f32 - 1.0) * 16.0;
        let start = if area.alarm.is_some() { min[0] + inset + 24.0 } else { min[0] + inset };
        let middle = (min[0] + max[0]) / 2.0;
        let mut places = vec![
            (Anchor::Left, [start, min[1] + inset]),
            (Anchor::Left, [start, bottom]),
            (Anchor::Right, [max[0] - inset, min[1] + inset]),
            (Anchor::Right, [max[0] - inset, bottom]),
            (Anchor::Middle, [middle, min[1] + inset]),
            (Anchor::Middle, [middle, bottom]),
            (Anchor::Left, [start, (min[1] + max[1]) / 2.0]),
        ];
        let label = Label {
            key: Some(Key::Area(area.id)),
            rank: 20,
            places: Vec::new(),
            lines,
            badge: area.alarm,
            forced: false,
        };
        places.sort_by_key(|(anchor, at)| crossings(&label.bounds(*anchor, *at), pipes));
        Some(Label { places, ..label })
    }

    /// Makes names of sites keep off the mains where they can, and drops names of the base map that would lie on one.
    fn keep_off_mains(&mut self, pipes: &[(&PipeMark, Vec<Vec<Px>>)]) {
        self.labels.retain_mut(|label| {
            if (30..50).contains(&label.rank) {
                let mut places = std::mem::take(&mut label.places);
                places.sort_by_key(|(anchor, at)| crossings(&label.bounds(*anchor, *at), pipes));
                label.places = places;
            }
            let on_main = |(anchor, at): &(Anchor, Px)| crossings(&label.bounds(*anchor, *at), pipes) > 0;
            label.rank < PLACE_NAMES || !label.places.iter().any(on_main)
        });
    }

    fn finish_labels(&mut self) -> Vec<(Box2, Key)> {
        let (labels, taken) = (std::mem::take(&mut self.labels), std::mem::take(&mut self.taken));
        let placed = place(labels, taken, &self.frame, &mut self.shapes);
        for (alarm, at) in placed.iter().filter_map(|label| label.badge) {
            self.badge(alarm, at);
        }
        placed.into_iter().filter_map(|label| Some((label.bounds, label.key?))).collect()
    }

    fn badge(&mut self, alarm: Alarm, at: Px) {
        let blinks = alarm.look == Look::Unacknowledged;
        let opacity = if blinks && self.style.blink == Blink::Dim { tokens().motion.blink_to } else { 1.0 };
        let double = blinks && self.style.blink == Blink::DoubleEdge;
        badge(alarm, at, BADGE, opacity, double, self.theme, &mut self.shapes);
    }

    fn edge_of(&self, alarm: Alarm) -> Option<Rgba> {
        let index = usize::from(alarm.priority.digit()).checked_sub(1)?;
        Some(self.theme.alarm.get(index)?.edge)
    }

    fn line(&self, text: &str, size: f32, bold: bool, colour: Rgba) -> Line {
        Line { text: text.to_owned(), size, bold, colour, halo: self.theme.map.label_halo }
    }

    fn screen(&self, course: &[crate::Spot]) -> Vec<Px> {
        course.iter().map(|spot| self.view.screen_from_world(*spot)).collect()
    }
}

#[cfg(test)]
mod tests;
