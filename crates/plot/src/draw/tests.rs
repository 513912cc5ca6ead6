//! What is drawn, seen through plotters' SVG backend, and where labels go.

use jiff::tz::Offset;
use penstock_model::LimitLevel;
use penstock_theme::Mode;

use super::*;
use crate::{Flag, Limit, Track, Words, svg};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_795_600_000 + secs)
}

fn pen(ink: usize, name: &str, samples: impl Iterator<Item = (i64, Option<f64>)>) -> Pen {
    let (times, values) = samples.map(|(secs, value)| (at(secs), value)).unzip();
    let track = Track { times, values, gap_after: Duration::from_secs(120) };
    Pen { ink, name: name.to_owned(), shown: true, selected: false, track, expected: Vec::new() }
}

fn lane(title: &str, unit: &str, decimals: u8, pens: Vec<Pen>) -> Lane {
    Lane { title: title.to_owned(), unit: unit.to_owned(), decimals, weight: 1.0, pens, limits: Vec::new() }
}

fn wave(ink: usize, name: &str, middle: f64, height: f64) -> Pen {
    pen(ink, name, (0..720).map(|n| (n * 60, Some(middle + height * (n as f64 / 60.0).sin()))))
}

fn chart() -> Chart {
    let mut flow = lane("Flow", "m³/h", 1, vec![wave(0, "FT-01", 90.0, 12.0)]);
    flow.limits =
        vec![Limit { level: LimitLevel::High, value: 110.0 }, Limit { level: LimitLevel::HighHigh, value: 120.0 }];
    let pressure = lane("Pressure", "bar", 2, vec![wave(2, "PT-01", 3.4, 0.1), wave(1, "PT-04", 3.38, 0.1)]);
    Chart {
        mode: Mode::Dark,
        range: Range { from: at(0), to: at(43_200) },
        lanes: vec![flow, pressure],
        stretches: Vec::new(),
        flags: Vec::new(),
        cursor: None,
        selection: None,
        now: None,
        offset: Offset::from_seconds(19_800).expect("5 h 30 min"),
        words: Words { zone: "IST".to_owned(), ..Words::default() },
    }
}

fn drawn(chart: &Chart) -> String {
    let layout = Layout::new(chart, 1_328.0, 566.0);
    svg(chart, &layout).expect("SVG takes everything")
}

/// The texts in the order that they are drawn.
fn texts(svg: &str) -> Vec<String> {
    svg.split("<text")
        .skip(1)
        .filter_map(|part| Some(part.split_once('>')?.1.split("</text>").next()?.trim().to_owned()))
        .collect()
}

#[test]
fn lanes_have_titles_scales_limits_and_names() {
    let texts = texts(&drawn(&chart()));
    for text in ["Flow", "m³/h", "Pressure", "bar", "80", "HH 120", "H 110", "FT-01 83.4", "16:00"] {
        assert!(texts.iter().any(|found| found == text), "{text} is missing in {texts:?}");
    }
}

#[test]
fn letters_are_as_large_as_the_table_says() {
    // The backend divides by 1.24; a view box of 8 units a px comes on top.
    let svg = drawn(&chart());
    let sizes: Vec<&str> = svg.split("font-size=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
    assert!(sizes.iter().all(|size| ["88", "96"].contains(size)), "{sizes:?}");
    assert!(svg.starts_with("<svg width=\"1328\" height=\"566\""), "{}", &svg[..120]);
}

#[test]
fn a_gap_is_named_and_never_bridged() {
    let mut chart = chart();
    let full = |n: &i64| !(200..270).contains(n);
    chart.lanes =
        vec![lane("Chlorine", "mg/L", 2, vec![pen(3, "CL-01", (0..720).filter(full).map(|n| (n * 60, Some(0.4))))])];
    let svg = drawn(&chart);
    assert!(texts(&svg).contains(&"No data".to_owned()));
    let layout = Layout::new(&chart, 1_328.0, 566.0);
    let (left, right) = (layout.x_of(at(199 * 60)) * Paper::FINE, layout.x_of(at(270 * 60)) * Paper::FINE);
    let ink = "stroke=\"#CCAFB5\"";
    for line in svg.split("<polyline").skip(1).filter(|line| line.contains(ink)) {
        let points = line.split("points=\"").nth(1).and_then(|part| part.split('"').next()).expect("points");
        let xs: Vec<f64> =
            points.split_whitespace().filter_map(|point| point.split(',').next()?.parse().ok()).collect();
        let crosses = xs
            .windows(2)
            .any(|pair| pair[0] <= left + 1.0 && pair[1] >= right - 1.0 && pair[0] > layout.plot.left * Paper::FINE);
        assert!(!crosses, "{points}");
    }
}

#[test]
fn the_cursor_marks_real_samples_and_says_its_time() {
    let mut chart = chart();
    let layout = Layout::new(&chart, 1_328.0, 566.0);
    let snapped = layout.snap_time(&chart, at(21_610)).expect("a sample near");
    assert_eq!(snapped, at(21_600));
    chart.cursor = Some(snapped);
    let svg = drawn(&chart);
    // Three pens, each a filled and an open circle.
    assert_eq!(svg.matches("<circle").count(), 6);
    assert!(texts(&svg).contains(&"20:56:40 IST".to_owned()) || texts(&svg).iter().any(|text| text.ends_with(" IST")));
    assert_eq!(layout.snaps(&chart, snapped).len(), 3);
}

#[test]
fn names_at_the_end_keep_clear_of_each_other() {
    assert_eq!(spread(&[10.0, 12.0, 100.0], 23.0, 11.0, 500.0), [11.0, 34.0, 100.0]);
    assert_eq!(spread(&[490.0, 495.0, 499.0], 23.0, 11.0, 500.0), [454.0, 477.0, 500.0]);
    assert_eq!(shorten("FT-01 142.6", 200.0), "FT-01 142.6");
    assert!(shorten("a very long name of a point 142.6", 90.0).ends_with('\u{2026}'));
}

#[test]
fn alarms_and_comments_sit_under_the_lanes_and_stretches_are_hatched() {
    let mut chart = chart();
    let alarm = Alarm { priority: Priority::P1, look: AlarmLook::Unacknowledged };
    chart.flags = vec![
        Flag { at: at(30_000), kind: FlagKind::Alarm(alarm) },
        Flag { at: at(20_000), kind: FlagKind::Comment },
        Flag { at: at(99_000), kind: FlagKind::Comment },
    ];
    let what = Some("slow rise".to_owned());
    chart.stretches = vec![Stretch { lane: 0, range: Range { from: at(10_000), to: at(14_000) }, score: 0.81, what }];
    let svg = drawn(&chart);
    let found = texts(&svg);
    assert_eq!(found.iter().filter(|text| *text == "C").count(), 1, "one comment is out of range");
    assert!(found.contains(&"0.81 slow rise".to_owned()), "{found:?}");
    assert!(svg.contains(&Mode::Dark.theme().alarm[0].fill.to_string().to_uppercase()), "the badge is filled");
}

#[test]
fn a_stale_pen_goes_on_as_dots_to_the_present() {
    let mut chart = chart();
    chart.lanes = vec![lane("Flow", "m³/h", 1, vec![pen(0, "FT-01", (0..300).map(|n| (n * 60, Some(90.0))))])];
    let fresh = drawn(&chart).matches("<polyline").count();
    chart.now = Some(at(43_000));
    let stale = drawn(&chart).matches("<polyline").count();
    assert!(stale > fresh + 50, "{fresh} {stale}");
}

#[test]
fn an_empty_chart_and_an_empty_lane_are_drawn() {
    let mut chart = chart();
    chart.lanes = vec![lane("Flow", "m³/h", 1, Vec::new())];
    assert!(texts(&drawn(&chart)).contains(&"Flow".to_owned()));
    chart.lanes.clear();
    assert!(drawn(&chart).starts_with("<svg"));
}

#[test]
fn pixels_and_times_go_both_ways() {
    let chart = chart();
    let layout = Layout::new(&chart, 1_328.0, 566.0);
    for secs in [0, 1_234, 43_200] {
        assert!(layout.time_at(layout.x_of(at(secs))).micros_since(at(secs)).abs() < 2, "{secs}");
    }
    let lane = layout.lanes[0];
    assert!((lane.value_at(lane.y_of(101.5)) - 101.5).abs() < 1e-9);
    assert_eq!(layout.lane_at(lane.top + 1.0), Some(0));
    assert_eq!(layout.lane_at(layout.bottom() + 20.0), None);
}

#[test]
fn lines_are_cut_at_the_lanes_edge() {
    let parts = clip(&[(-10.0, 5.0), (5.0, 5.0), (5.0, 20.0), (8.0, 5.0)], (0.0, 0.0), (10.0, 10.0));
    assert_eq!(parts, [vec![(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)], vec![(7.0, 10.0), (8.0, 5.0)]]);
}
