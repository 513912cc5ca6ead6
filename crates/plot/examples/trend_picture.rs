//! Draws a chart of made-up values with everything that a chart can hold as SVG: `trend_picture OUT.svg [light]`.

use std::time::Duration;

use jiff::tz::Offset;
use penstock_model::{LimitLevel, Priority, Timestamp};
use penstock_plot::{
    Alarm, AlarmLook, Chart, Flag, FlagKind, Lane, Layout, Limit, Pen, Range, Stretch, Track, Words, svg,
};
use penstock_theme::Mode;

const HOURS: i64 = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: trend_picture OUT.svg [light]")?;
    let mode = if arguments.next().as_deref() == Some("light") { Mode::Light } else { Mode::Dark };
    let end = Timestamp::parse("2026-11-21T13:12:00Z")?;
    let from = end - Duration::from_secs(3_600 * HOURS.unsigned_abs());
    let at = |minutes: i64| from + Duration::from_secs(60 * minutes.unsigned_abs());
    let noise = |n: i64| f64::from((n * 7_919 % 101) as i32) / 101.0 - 0.5;
    let pen = |ink: usize, name: &str, value: &dyn Fn(i64) -> Option<f64>| {
        let (times, values) = (0..=60 * HOURS).filter_map(|n| Some((at(n), Some(value(n)?)))).unzip();
        let track = Track { times, values, gap_after: Duration::from_secs(180) };
        Pen { ink, name: name.to_owned(), shown: true, selected: false, track, expected: Vec::new() }
    };
    let lane = |title: &str, unit: &str, decimals, weight, pens, limits: &[(LimitLevel, f64)]| Lane {
        title: title.to_owned(),
        unit: unit.to_owned(),
        decimals,
        weight,
        pens,
        limits: limits.iter().map(|(level, value)| Limit { level: *level, value: *value }).collect(),
    };
    let usual = |n: i64| 90.0 + 12.0 * (n as f64 / 95.0).sin();
    let mut flow = pen(0, "FT-01", &|n| {
        let rise = if (390..465).contains(&n) { 14.0 * ((n - 390) as f64 / 75.0 * 3.1).sin() } else { 0.0 };
        let burst = if n > 705 { 52.0 } else { 0.0 };
        Some(usual(n) + rise + burst + 2.0 * noise(n))
    });
    flow.expected = (0..=72).map(|n| (at(n * 10), usual(n * 10) - 9.0, usual(n * 10) + 9.0)).collect();
    let drop = |n: i64| if n > 705 { 1.2 } else { 0.0 };
    let inlet = pen(2, "PT-01", &|n| Some(3.4 + 0.08 * noise(n) - drop(n)));
    let street = pen(1, "PT-04", &|n| Some(3.0 + 0.08 * noise(n + 3) - 1.3 * drop(n)));
    let chlorine = pen(3, "CL-01", &|n| (!(215..283).contains(&n)).then(|| 0.4 + 0.03 * noise(n)));
    let limits = [(LimitLevel::High, 110.0), (LimitLevel::HighHigh, 120.0)];
    let low = [(LimitLevel::Low, 2.0), (LimitLevel::LowLow, 1.5)];
    let alarm = |priority, look| FlagKind::Alarm(Alarm { priority, look });
    let chart = Chart {
        mode,
        range: Range { from, to: end },
        lanes: vec![
            lane("Flow", "m³/h", 1, 1.6, vec![flow], &limits),
            lane("Pressure", "bar", 2, 1.3, vec![inlet, street], &low),
            lane("Chlorine", "mg/L", 2, 1.0, vec![chlorine], &[(LimitLevel::Low, 0.2)]),
        ],
        stretches: vec![
            Stretch {
                lane: 0,
                range: Range { from: at(390), to: at(465) },
                score: 0.81,
                what: Some("slow rise".to_owned()),
            },
            Stretch { lane: 0, range: Range { from: at(706), to: end }, score: 0.94, what: None },
        ],
        flags: vec![
            Flag { at: at(215), kind: alarm(Priority::P3, AlarmLook::Acknowledged) },
            Flag { at: at(520), kind: FlagKind::Comment },
            Flag { at: at(708), kind: alarm(Priority::P1, AlarmLook::Unacknowledged) },
        ],
        cursor: Some(at(434)),
        selection: None,
        now: Some(end),
        offset: Offset::from_seconds(19_800)?,
        words: Words { zone: "IST".to_owned(), ..Words::default() },
    };
    let layout = Layout::new(&chart, 1_328.0, 566.0);
    std::fs::write(out, svg(&chart, &layout)?)?;
    Ok(())
}
