//! The parts of the measurement, each with the figures it brings: the whole road, batches, latency, a frozen database,
//! memory. Where samples are lost or duplicated they fail; a figure that is missed is told and fails nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use penstock_model::Clock;
use serde_json::json;

use crate::copy;
use crate::plant::Kind;
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
/// A sample that is committed within this long of its being published was not waiting behind others.
const CAUGHT_UP: Duration = Duration::from_millis(250);
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
