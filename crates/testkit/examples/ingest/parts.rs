//! The parts of the measurement, each with the figures it brings: the whole road, batches, latency, a frozen database,
//! memory. Where samples are lost or duplicated they fail; a figure that is missed is told, and the rest measured.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use penstock_model::Clock;
use serde_json::json;

use crate::copy;
use crate::panel::{Panel, metronome, p95, spread};
use crate::plant::{self, Kind};
use crate::publisher::{Load, Published, Publishers};
use crate::report::{Report, Row, median};
use crate::room::{BareBroker, Room, Site};
use crate::subscriber::Subscriber;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Runs of each part.
    runs: usize,
    /// Messages of the whole road, and of batches.
    messages: u64,
    batches: u64,
    /// How long latency is measured, and from when on it counts.
    paced: Duration,
    settled: Duration,
    /// How long the database is frozen, and how long is published behind that.
    freezes: [(Duration, Duration); 2],
    /// How long memory is watched, and how often it is looked at.
    watched: Duration,
    glance: Duration,
    /// How long the panel is watched.
    looked: Duration,
}

impl Scale {
    /// The same with another number of runs, where one is asked for.
    pub(crate) fn with_runs(self, runs: Option<usize>) -> Self {
        Self { runs: runs.unwrap_or(self.runs), ..self }
    }

    /// What the figures are asked of.
    pub(crate) const FULL: Self = Self {
        runs: 3,
        messages: 600_000,
        // All of them fit into the broker's queue, should the station take none.
        batches: 30_000,
        paced: Duration::from_secs(120),
        settled: Duration::from_secs(5),
        freezes: [
            (Duration::from_secs(3), Duration::from_secs(15)),
            (Duration::from_secs(300), Duration::from_secs(90)),
        ],
        watched: Duration::from_secs(20 * 60),
        glance: Duration::from_secs(10),
        looked: Duration::from_secs(60),
    };

    /// For a try whether it works.
    pub(crate) const QUICK: Self = Self {
        runs: 1,
        messages: 100_000,
        batches: 5_000,
        paced: Duration::from_secs(10),
        settled: Duration::from_secs(3),
        freezes: [(Duration::from_secs(3), Duration::from_secs(8)), (Duration::from_secs(10), Duration::from_secs(10))],
        watched: Duration::from_secs(40),
        glance: Duration::from_secs(2),
        looked: Duration::from_secs(10),
    };
}

/// Points of a plant, and of a large one.
const POINTS: usize = 1_000;
const MANY_POINTS: usize = 10_000;
/// Samples of a message that carries many.
const MANY: i64 = 100;
/// Messages a second of the paced parts; the lower one is also the freezes' and memory's.
const PACES: [f64; 2] = [5_000.0, 20_000.0];
const PACE: f64 = 5_000.0;
/// What is asked.
const ROAD_SHARE: f64 = 0.8;
const BATCHES_SHARE: f64 = 0.5;
const COMMIT_MILLIS: f64 = 30.0;
const LIVE_MILLIS: f64 = 80.0;
const CATCH_UP: f64 = 5.0;
const MEMORY_MEGABYTES: f64 = 300.0;
const FLAT: f64 = 1.05;
const FRAME_MILLIS: f64 = 33.0;
const ON_SCREEN_MILLIS: f64 = 200.0;
/// Alarms that stand while the panel is watched, and a few more, since some of them end and come again.
const STANDING: usize = 3_000;
const SPARE: usize = 200;
/// Between two changes of standing alarms, and between two critical ones whose way to the screen is timed.
const CHANGE: Duration = Duration::from_millis(10);
const CRITICAL: Duration = Duration::from_millis(200);
/// A sample that is committed within this long of its being published was not waiting behind others.
const CAUGHT_UP: Duration = Duration::from_millis(250);
/// How long a station may take to raise what stands.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long is published before a freeze.
const BEFORE: Duration = Duration::from_secs(8);

/// As many messages as there are for so long at this pace.
fn paced(points: usize, per_sec: f64, time: Duration) -> Load {
    Load { points, messages: (per_sec * time.as_secs_f64()) as u64, samples: 1, per_sec: Some(per_sec), past: None }
}

fn per_sec(samples: u64, from: i64, to: i64) -> f64 {
    samples as f64 / ((to - from) as f64 / 1e6)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    Clock::System.now().as_micros()
}

/// One JSON sample a message, flat out, beside a subscriber that does nothing.
pub(crate) async fn road(site: &Site, scale: &Scale, report: &mut Report) -> Result<()> {
    let load = Load { points: POINTS, messages: scale.messages, samples: 1, per_sec: None, past: None };
    let (mut fan_outs, mut roads) = (Vec::new(), Vec::new());
    for run in 1..=scale.runs {
        let broker = BareBroker::start(site).await?;
        let (account, password) = &broker.station;
        let subscriber = Subscriber::ready(account, password, load.messages).await?;
        let (account, password) = &broker.device;
        let published = Publishers::ready(account, password, load).await?.publish().await?;
        let fan_out = per_sec(published.messages, published.first, subscriber.last().await?);
        broker.stop().await?;

        let (road, cpu) = through(site, load).await?;
        crate::tell(&format!("road {run}: fan-out {fan_out:.0}/s, the whole road {road:.0}/s"));
        report.runs.push(json!({ "part": "road", "run": run, "fan_out_per_sec": fan_out, "samples_per_sec": road,
            "messages": load.messages, "cpu_secs": cpu }));
        fan_outs.push(fan_out);
        roads.push(road);
    }
    let what = "the whole road, QoS 1, one JSON sample a message";
    report.rows.push(Row::reach(what, &roads, &fan_outs, "fan-out to nobody", ROAD_SHARE));
    Ok(())
}

/// A load through a station of its own: samples a second until the last commit.
async fn through(site: &Site, load: Load) -> Result<(f64, crate::processes::Cpu)> {
    let room = Room::start(site, load.points, Kind::Watched).await?;
    let published = push(&room, load).await?;
    let stored = room.stored(&published.0).await?;
    Ok((per_sec(published.0.samples, published.0.first, stored.last_commit), published.1))
}

/// Publishes a load and waits until it is stored.
async fn push(room: &Room, load: Load) -> Result<(Published, crate::processes::Cpu)> {
    let before = room.counted().await?;
    let publishers = room.publishers(load).await?;
    let cpu = room.processes.cpu()?;
    let published = publishers.publish().await?;
    room.drained(before, published.samples).await?;
    Ok((published, room.processes.cpu()?.since(cpu)))
}

/// A hundred samples a message, beside COPY of the same rows.
pub(crate) async fn batches(site: &Site, scale: &Scale, report: &mut Report) -> Result<()> {
    let load = Load { points: POINTS, messages: scale.batches, samples: MANY, per_sec: None, past: None };
    let (mut copies, mut roads) = (Vec::new(), Vec::new());
    for run in 1..=scale.runs {
        let room = Room::start(site, POINTS, Kind::Watched).await?;
        let (published, cpu) = push(&room, load).await?;
        let stored = room.stored(&published).await?;
        let road = per_sec(published.samples, published.first, stored.last_commit);
        let copy = copy::rows_per_sec(&room, published.first).await?;
        crate::tell(&format!("batches {run}: COPY {copy:.0}/s, the whole road {road:.0}/s"));
        report.runs.push(json!({ "part": "batches", "run": run, "copy_per_sec": copy, "samples_per_sec": road,
            "samples": published.samples, "cpu_secs": cpu }));
        copies.push(copy);
        roads.push(road);
    }
    let what = "the same with 100 samples a message";
    report.rows.push(Row::reach(what, &roads, &copies, "COPY of the same rows", BATCHES_SHARE));
    Ok(())
}

/// From being published to committed and to a live frame, beside the same without scoring and alarms.
pub(crate) async fn latency(site: &Site, scale: &Scale, report: &mut Report) -> Result<()> {
    // By pace, then watched and plain.
    let mut commits: [[Vec<f64>; 2]; 2] = Default::default();
    let mut lives: [[Vec<f64>; 2]; 2] = Default::default();
    for run in 1..=scale.runs {
        for ((per_sec, commits), lives) in PACES.into_iter().zip(&mut commits).zip(&mut lives) {
            let kinds = [Kind::Watched, Kind::Plain];
            for ((kind, commits), lives) in kinds.into_iter().zip(commits).zip(lives) {
                let room = Room::start(site, POINTS, kind).await?;
                let screen = room.follow().await?;
                let (published, cpu) = push(&room, paced(POINTS, per_sec, scale.paced)).await?;
                room.stored(&published).await?;
                let from = published.first + micros(scale.settled);
                let commit = room.commit_latency(from, i64::MAX / 2, published.samples).await?;
                let live = screen.ages(from, published.last).context("no value came in a live frame")?;
                let behind = published.behind as f64 / 1e3;
                crate::tell(&format!(
                    "latency {run}: {per_sec}/s, {kind:?}: committed p50 {:.1} p99 {:.1} ms, in a frame p50 {:.1} p99 \
                     {:.1} ms (publishers at most {behind:.0} ms behind)",
                    commit.p50, commit.p99, live.p50, live.p99
                ));
                report.runs.push(json!({ "part": "latency", "run": run, "messages_per_sec": per_sec,
                    "is_scored": kind == Kind::Watched, "committed_ms": commit, "live_ms": live,
                    "publishers_behind_ms": behind, "cpu_secs": cpu }));
                commits.push(commit.p99);
                lives.push(live.p99);
            }
        }
    }
    for ((per_sec, [watched, plain]), [live, live_plain]) in PACES.into_iter().zip(&commits).zip(&lives) {
        let plain = Some((plain.as_slice(), "no scoring, no alarms"));
        let what = format!("at {per_sec}/s, published to committed, p99");
        report.rows.push(Row::within(what, watched, plain, "ms", COMMIT_MILLIS));
        let plain = Some((live_plain.as_slice(), "no scoring, no alarms"));
        let what = format!("at {per_sec}/s, published to a live frame, p99");
        report.rows.push(Row::within(what, live, plain, "ms", LIVE_MILLIS));
    }
    Ok(())
}

/// PostgreSQL stopped dead under load.
pub(crate) async fn freeze(site: &Site, scale: &Scale, report: &mut Report) -> Result<()> {
    for (no, (frozen_for, after)) in scale.freezes.into_iter().enumerate() {
        // The long one is a long run by itself.
        let runs = if no == 0 { scale.runs } else { 1 };
        let (mut rates, mut during_all, mut before_all) = (Vec::new(), Vec::new(), Vec::new());
        for run in 1..=runs {
            let room = Room::start(site, POINTS, Kind::Watched).await?;
            let screen = room.follow().await?;
            let load = paced(POINTS, PACE, BEFORE + frozen_for + after);
            let publishers = room.publishers(load).await?;
            let counted = room.counted().await?;
            let (begun, publishing) = (now(), tokio::spawn(publishers.publish()));
            tokio::time::sleep(BEFORE).await;
            let frozen_at = now();
            let frozen = room.processes.freeze()?;
            tokio::time::sleep(frozen_for).await;
            let thawed_at = now();
            drop(frozen);
            let published = publishing.await??;
            room.drained(counted, published.samples).await?;
            room.stored(&published).await?;
            ensure!(now() - begun > micros(frozen_for), "the clock was set back");

            let (caught_up_at, rows) = caught_up(&room, published.first, thawed_at).await?;
            let rate = rows as f64 / ((caught_up_at - thawed_at) as f64 / 1e6);
            let before =
                screen.ages(begun + micros(BEFORE) / 4, frozen_at).context("no live frame before the freeze")?;
            let during = screen.ages(frozen_at, thawed_at).context("no live frame during the freeze")?;
            let gap = screen.longest_gap(frozen_at, thawed_at);
            crate::tell(&format!(
                "freeze {run}: {} s, caught up in {:.2} s at {rate:.0}/s, frames p99 {:.1} ms (before {:.1} ms), longest \
                 time without one {gap:.0} ms",
                frozen_for.as_secs(),
                (caught_up_at - thawed_at) as f64 / 1e6,
                during.p99,
                before.p99
            ));
            report.runs.push(json!({ "part": "freeze", "run": run, "frozen_secs": frozen_for.as_secs(),
                "samples": published.samples, "lost": 0, "duplicated": 0, "caught_up_rows": rows,
                "caught_up_secs": (caught_up_at - thawed_at) as f64 / 1e6, "caught_up_per_sec": rate,
                "live_before_ms": before, "live_during_ms": during, "longest_gap_ms": gap }));
            rates.push(rate);
            during_all.push(during.p99);
            before_all.push(before.p99);
        }
        let secs = frozen_for.as_secs();
        let arrivals = vec![PACE; rates.len()];
        let what = format!("database frozen {secs} s at {PACE}/s, caught up at (0 lost, 0 duplicated)");
        report.rows.push(Row::reach(&what, &rates, &arrivals, "arrivals", CATCH_UP));
        let what = format!("database frozen {secs} s, live frames meanwhile, p99");
        let before = Some((before_all.as_slice(), "before the freeze"));
        report.rows.push(Row::within(what, &during_all, before, "ms", LIVE_MILLIS));
    }
    Ok(())
}

/// When what had waited was committed after the thaw, and how many rows were committed until then.
async fn caught_up(room: &Room, first: i64, thawed_at: i64) -> Result<(i64, i64)> {
    let mut connection = room.connection().await?;
    let found: (Option<i64>, i64) = sqlx::query_as(
        "with late as materialized (select (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint as at, \
         (extract(epoch from source_time) * 1000000)::bigint as measured from samples \
         where source_time >= timestamptz 'epoch' + $1 * interval '1 microsecond'), \
         over as (select min(at) as at from late where at > $2 and at - measured < $3) \
         select over.at, (select count(*) from late where late.at > $2 and late.at <= over.at) from over",
    )
    .bind(first)
    .bind(thawed_at)
    .bind(micros(CAUGHT_UP))
    .fetch_one(&mut connection)
    .await?;
    let at = found.0.context("the station did not catch up while samples came: publish longer behind the freeze")?;
    Ok((at, found.1))
}

/// The station's memory on a large plant.
pub(crate) async fn memory(site: &Site, scale: &Scale, report: &mut Report) -> Result<()> {
    let room = Room::start(site, MANY_POINTS, Kind::Watched).await?;
    let _screen = room.follow().await?;
    let counted = room.counted().await?;
    let publishing = tokio::spawn(room.publishers(paced(MANY_POINTS, PACE, scale.watched)).await?.publish());
    let mut megabytes = Vec::new();
    while !publishing.is_finished() {
        megabytes.push(room.processes.memory()? as f64 / 1e6);
        tokio::time::sleep(scale.glance).await;
    }
    let published = publishing.await??;
    room.drained(counted, published.samples).await?;
    room.stored(&published).await?;

    let most = megabytes.iter().copied().fold(0.0, f64::max);
    let quarter = megabytes.len() / 4;
    let first = median(megabytes.get(..quarter).unwrap_or_default());
    let last = median(megabytes.get(megabytes.len() - quarter..).unwrap_or_default());
    crate::tell(&format!("memory: most {most:.0} MB, first quarter {first:.0} MB, last quarter {last:.0} MB"));
    report.runs.push(json!({ "part": "memory", "run": 1, "points": MANY_POINTS, "megabytes": megabytes,
        "glance_secs": scale.glance.as_secs(), "samples": published.samples }));
    let what = format!("memory of the station at {MANY_POINTS} points");
    report.rows.push(Row::within(what, &[most], None, "MB", MEMORY_MEGABYTES));
    let mut flat = Row::within(
        format!("the same over {} min, last quarter over first", scale.watched.as_secs() / 60),
        &[last],
        Some((&[first], "first quarter")),
        "MB",
        FLAT * first,
    );
    flat.asked = format!("ratio <= {FLAT}");
    report.rows.push(flat);
    Ok(())
}

/// The alarm panel in Chromium with thousands of alarms, a hundred of which change a second, beside the same panel with
/// nothing changing; and the way of a critical alarm from its reading to the screen.
pub(crate) async fn panel(site: &Site, scale: &Scale, report: &mut Report) -> Result<()> {
    let (mut frames, mut still_frames, mut ways) = (Vec::new(), Vec::new(), Vec::new());
    let criticals = (scale.looked.as_millis() / CRITICAL.as_millis()) as usize;
    let first_standing = POINTS + 1;
    let first_critical = first_standing + STANDING + SPARE;
    let kind = Kind::Alarmed { critical_from: first_critical };
    for run in 1..=scale.runs {
        let room = Room::start(site, first_critical + criticals, kind).await?;
        let (screen, mut speaker) = (room.follow().await?, room.speaker().await?);
        for point in first_standing..first_critical {
            speaker.say(point, plant::ALARMING).await?;
        }
        let begun = Instant::now();
        while screen.active_alarms() < STANDING + SPARE {
            ensure!(begun.elapsed() < PATIENCE, "the alarms are not raised");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let panel = Panel::open(&room).await?;
        panel.begin().await?;
        tokio::time::sleep(scale.settled).await;
        let still = p95(&panel.frames().await?).context("no frame was drawn")?;

        let publishers = room.publishers(paced(POINTS, PACE, scale.looked + scale.settled)).await?;
        let publishing = tokio::spawn(publishers.publish());
        tokio::time::sleep(scale.settled).await;
        panel.begin().await?;
        let begun = Instant::now();
        let (mut changes, mut criticals_due) = (metronome(CHANGE), metronome(CRITICAL));
        // Alarms end one after the other and come again in that order, so that never more than the spare ones are gone.
        let (mut turn, mut raised) = (0, Vec::new());
        while begun.elapsed() < scale.looked {
            tokio::select! {
                _ = changes.tick() => {
                    let (point, value) = change(turn, first_standing);
                    speaker.say(point, value).await?;
                    turn += 1;
                }
                _ = criticals_due.tick() => {
                    let point = first_critical + raised.len();
                    if raised.len() < criticals {
                        raised.push((plant::rule(point), speaker.say(point, plant::ALARMING).await?));
                    }
                }
            }
        }
        let drawn = panel.frames().await?;
        publishing.await??;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let rules: Vec<_> = raised.iter().map(|(rule, _)| *rule).collect();
        let painted = panel.painted(&rules).await?;
        panel.close().await?;
        ensure!(screen.active_alarms() >= STANDING, "fewer than {STANDING} alarms were active");
        drop(screen);
        let late = painted.iter().filter(|painted| painted.is_none()).count();
        ensure!(late == 0, "{late} of {} critical alarms never came to the top of the panel", rules.len());
        let mut way: Vec<f64> =
            raised.iter().zip(painted).filter_map(|((_, said), painted)| Some(painted? - *said as f64 / 1e3)).collect();
        way.sort_by(f64::total_cmp);
        let way = spread(&way).context("no alarm came to the screen")?;
        let frame = p95(&drawn).context("no frame was drawn")?;
        crate::tell(&format!(
            "panel {run}: {turn} changes, frame p95 {frame:.1} ms (still {still:.1} ms), to the screen p50 {:.1} p99 \
             {:.1} ms",
            way.p50, way.p99
        ));
        report.runs.push(json!({ "part": "panel", "run": run, "alarms": STANDING, "changes": turn,
            "frame_p95_ms": frame, "frames": drawn.len(), "still_frame_p95_ms": still, "to_screen_ms": way }));
        frames.push(frame);
        still_frames.push(still);
        ways.push(way.p99);
    }
    let what = format!("{STANDING} alarms, 100 changes/s: the panel's frame time, p95");
    let still = Some((still_frames.as_slice(), "nothing changes"));
    report.rows.push(Row::within(what, &frames, still, "ms", FRAME_MILLIS));
    let what = format!("at {PACE}/s, published to its alarm on the screen, p99");
    report.rows.push(Row::within(what, &ways, None, "ms", ON_SCREEN_MILLIS));
    Ok(())
}

/// The point and the value of a change: one alarm ends, and the one that ended a while ago comes again.
fn change(turn: usize, first: usize) -> (usize, f64) {
    let all = STANDING + SPARE;
    match turn % 2 {
        0 => (first + turn / 2 % all, plant::NORMAL),
        _ => (first + (turn / 2 + all - SPARE / 2) % all, plant::ALARMING),
    }
}
