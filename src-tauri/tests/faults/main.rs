//! Faults that happen to a station, really made to happen: the station, its database or its broker killed or stopped,
//! disks that fill up, networks that are cut, clocks that jump, and devices that send what they should not.
//!
//! After each, what was published and acknowledged is stored, once; the station is live again by itself; and the fault
//! was told under Station health and in the log.

mod alarms;
mod changes;
mod clock;
mod gauge;
mod guidance;
mod ledger;
mod room;
mod wire;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use penstock_model::Clock;
use penstock_testkit::broker::TestBroker;
use penstock_testkit::publisher::{Publisher, PublisherOptions};
use serde_json::{Value, json};

use clock::Jump;
use ledger::Devices;
use room::{Disk, PATIENCE, Room, signal, wait_for};
use wire::{Network, Wire};

/// How long a load runs where nothing else says when it has been long enough.
const A_WHILE: Duration = Duration::from_secs(1);

/// Why a test of full disks does nothing.
const NO_DISK: &str =
    "skipped: nobody but root may mount a small disk in a namespace of its own, and this machine may let not even root";

/// Discovered points that a station keeps waiting, as it says itself.
const MOST_DISCOVERED: usize = 20_000;

/// Random moments from a seed, so that a failure can be repeated.
struct Moments(u64);

impl Moments {
    /// Those of the seed in `PENSTOCK_FAULTS_SEED`, else of one that nobody has chosen.
    fn new() -> Result<Self> {
        let seed = match std::env::var("PENSTOCK_FAULTS_SEED") {
            Ok(text) => text.parse::<u64>().context("PENSTOCK_FAULTS_SEED is a number")?,
            Err(_unset) => Clock::System.now().as_micros().unsigned_abs(),
        };
        // The generator stands still at 0.
        Ok(Self(seed.max(1)))
    }

    /// How the same moments can be had again, to be asked before the first one.
    fn again(&self) -> impl Fn() -> String + Copy + use<> {
        let seed = self.0;
        move || format!("repeat it with PENSTOCK_FAULTS_SEED={seed}")
    }

    /// A moment within `most`.
    fn within(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap_or(u64::MAX)))
    }

    /// A number below `most`, by xorshift.
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

#[test]
fn station_killed_at_random_moments() -> Result<()> {
    const KILLS: usize = 8;
    let mut moments = Moments::new()?;
    let again = moments.again();
    let mut room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices
        .while_sending(|| {
            for kill in 0..KILLS {
                std::thread::sleep(moments.within(Duration::from_millis(1_200)));
                room.kill()?;
                if kill % 3 == 2 {
                    // Once more while it is just coming up.
                    room.launch()?;
                    std::thread::sleep(moments.within(Duration::from_millis(300)));
                    room.kill()?;
                }
                room.start().with_context(|| format!("start after kill {kill}"))?;
            }
            Ok(())
        })
        .with_context(again)?;
    let since = room.health()?["since"].as_i64().context("health says since when")?;
    ensure!(since > devices.begun(), "Station health says that the station was started anew");
    room.logged(&["adopted the PostgreSQL"])?;
    devices.balances(&room).with_context(again)
}

#[test]
fn station_killed_with_everything_copied_and_not_yet_forgotten() -> Result<()> {
    // The database knows more than the spool's own mark whenever a kill comes between commit and mark: the spool's copy
    // from before makes that moment certain.
    let mut room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    room.copied()?;
    let mark = room.data().join("spool/trimmed");
    let before = std::fs::read(&mark)?;
    devices.is_live(&room)?;
    room.copied()?;
    room.kill()?;
    std::fs::write(&mark, before)?;
    room.start().context("a start with nothing left to copy")?;
    devices.balances(&room)
}

#[test]
fn database_killed() -> Result<()> {
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let told = devices.while_sending(|| {
        std::thread::sleep(A_WHILE);
        // As often as it comes back, until somebody who looks at Station health can know.
        while_killing_the_database(&room, || room.told("database"))
    })?;
    ensure!(told.contains("database") || told.contains("postgres"), "it names the thing: {told}");
    room.cleared("database")?;
    room.logged(&["WARN", "database", "died"])?;
    devices.balances(&room)
}

#[test]
fn database_killed_while_the_station_starts() -> Result<()> {
    let mut room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let address = room.listen_at_a_known_address()?;
    room.kill()?;
    signal(&room.database()?, Signal::SIGKILL)?;
    room.launch()?;
    while_killing_the_database(&room, || {
        room.logged(&["WARN", "waits for its database"])?;
        // Nobody is signed in yet: whoever asks is told this, and nothing else.
        Room::refuses(&address, &["since", "waits for its database"])
    })?;
    room.ready().context("it starts when it is let")?;
    room.cleared("database")?;
    devices.balances(&room)
}

#[test]
fn points_changed_while_the_database_is_frozen() -> Result<()> {
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let mut point = room.call("register", &json!({}))?["points"][0].clone();
    point["name"] = json!("renamed");
    let change = json!({ "points": [point], "reason": "a better name" });
    devices.while_sending(|| {
        let frozen = room.database()?;
        signal(&frozen, Signal::SIGSTOP)?;
        let answer = room.call("save-points", &change);
        signal(&frozen, Signal::SIGCONT)?;
        let Err(answer) = answer else { anyhow::bail!("a frozen database stores nothing") };
        let answer = format!("{answer:#}");
        ensure!(answer.contains("the database is away"), "whoever changes something is told: {answer}");
        room.cleared("database")?;
        room.call("save-points", &change).map(|_report| ())
    })?;
    follows_what_is_stored(&room, &point)?;
    devices.balances(&room)
}

#[test]
fn points_saved_while_the_database_is_killed() -> Result<()> {
    const KILLS: usize = 5;
    let mut moments = Moments::new()?;
    let seed = moments.0;
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let mut point = room.call("register", &json!({}))?["points"][0].clone();
    for kill in 0..KILLS {
        point["name"] = json!(format!("name {kill}"));
        let change = json!({ "points": [point], "reason": "a better name" });
        let (database, moment) = (room.database()?, moments.within(Duration::from_millis(40)));
        std::thread::scope(|scope| -> Result<()> {
            let killer = scope.spawn(|| {
                std::thread::sleep(moment);
                signal(&database, Signal::SIGKILL)
            });
            // Whether it is saved is open; what the station goes by afterwards is not.
            drop(room.call("save-points", &change));
            killer.join().map_err(|_panicked| anyhow::anyhow!("the killer panicked"))?
        })?;
        follows_what_is_stored(&room, &point)
            .with_context(|| format!("kill {kill}: repeat it with PENSTOCK_FAULTS_SEED={seed}"))?;
    }
    room.cleared("configuration")?;
    devices.balances(&room)
}

#[test]
fn database_frozen() -> Result<()> {
    const FROZEN: Duration = Duration::from_secs(4);
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    devices.while_sending(|| {
        let frozen = room.database()?;
        ensure!(frozen.contains(&room.postmaster()?), "the database runs");
        let begun = Instant::now();
        signal(&frozen, Signal::SIGSTOP)?;
        let told = room.told("database");
        std::thread::sleep(FROZEN.saturating_sub(begun.elapsed()));
        signal(&frozen, Signal::SIGCONT)?;
        told?;
        room.cleared("database")
    })?;
    room.logged(&["WARN", "database", "does not answer"])?;
    room.logged(&["the database answers again"])?;
    devices.balances(&room)
}

/// The private broker writes down what it keeps every second or two (`autosave_interval 1`): what it had accepted
/// before the last time it began to write may be neither lost nor doubled. What it accepted later and had not handed on
/// is lost with it, and what it had handed on later comes again, which only a message's own time tells.
#[test]
fn broker_killed() -> Result<()> {
    const QUEUED: u64 = 3_000;
    let room = Room::alone()?;
    let devices = Devices::of(&room)?;
    devices.send_all(500)?;
    devices.balances(&room)?;
    let handed_on = devices.publisher().books().acknowledged;
    written_down(&room)?;

    // A station that stands still leaves everything to the broker.
    let station = [room.pid()?];
    signal(&station, Signal::SIGSTOP)?;
    let queue = || -> Result<BTreeSet<u64>> {
        devices.send_all(QUEUED)?;
        devices.publisher().settle(PATIENCE)?;
        let kept = devices.publisher().books().acknowledged;
        written_down(&room)?;
        devices.send_all(500)?;
        devices.publisher().settle(PATIENCE)?;
        signal(&[room.broker()?], Signal::SIGKILL)?;
        Ok(kept)
    };
    let kept = queue();
    signal(&station, Signal::SIGCONT)?;
    let kept = kept?;

    room.source_told("local")?;
    room.source_back("local")?;
    room.logged(&["WARN", "the private broker does not run"])?;
    let balance = devices.balance(&room)?;
    say(&format!(
        "of {} messages that the killed broker had acknowledged, {} were accepted after it last wrote down what it \
         keeps; {} are lost; {} came again without a time to tell them by",
        devices.publisher().books().acknowledged.len(),
        devices.publisher().books().acknowledged.difference(&kept).count(),
        balance.lost.len(),
        balance.doubled.len()
    ));
    let lost_by_us: Vec<_> = balance.lost.intersection(&handed_on).collect();
    ensure!(lost_by_us.is_empty(), "what the station had is lost: {lost_by_us:?}");
    let lost: Vec<_> = balance.lost.intersection(&kept).collect();
    ensure!(lost.is_empty(), "what the broker had written down is lost: {lost:?}");
    let doubled: Vec<_> = balance.doubled.intersection(&kept).collect();
    ensure!(
        doubled.is_empty(),
        "{} that the broker had written down are doubled, first {:?}",
        doubled.len(),
        doubled.first()
    );
    ensure!(balance.strange.is_empty(), "{:?}", balance.strange);
    Ok(())
}

#[test]
fn both_killed() -> Result<()> {
    let room = Room::alone()?;
    let devices = Devices::of(&room)?;
    devices.send_all(500)?;
    devices.balances(&room)?;
    let kept = devices.publisher().books().acknowledged;
    written_down(&room)?;
    devices.while_sending(|| {
        std::thread::sleep(A_WHILE);
        signal(&[room.broker()?], Signal::SIGKILL)?;
        while_killing_the_database(&room, || room.told("database"))?;
        room.source_told("local")?;
        room.cleared("database")?;
        room.source_back("local")
    })?;
    room.logged(&["WARN", "database", "died"])?;
    room.logged(&["WARN", "the private broker does not run"])?;
    let balance = devices.balance(&room)?;
    say(&format!("{} messages that only the killed broker had are lost", balance.lost.len()));
    let lost: Vec<_> = balance.lost.intersection(&kept).collect();
    ensure!(lost.is_empty(), "what the station had is lost: {lost:?}");
    let doubled: Vec<_> = balance.doubled.intersection(&kept).collect();
    ensure!(doubled.is_empty(), "what the station had is doubled: {doubled:?}");
    ensure!(balance.strange.is_empty(), "{:?}", balance.strange);
    let timed_twice: Vec<_> = balance.doubled.iter().filter(|number| ledger::is_timed(**number)).collect();
    ensure!(timed_twice.is_empty(), "messages with a time are stored twice: {timed_twice:?}");
    Ok(())
}

/// Any of station, database and broker, alone or together, at any moment. What a killed broker had acknowledged and not
/// handed on is lost with it, which is no more than was acknowledged since the station was last seen to be live; what
/// it had handed on comes again, which only a message's own time tells.
#[test]
fn any_of_them_killed_at_random_moments() -> Result<()> {
    const ROUNDS: usize = 4;
    const STATION: u64 = 1;
    const DATABASE: u64 = 2;
    const BROKER: u64 = 4;
    let mut moments = Moments::new()?;
    let again = moments.again();
    let mut room = Room::alone()?;
    let devices = Devices::of(&room)?;
    // From here on the broker knows the station again whenever it is killed.
    written_down(&room)?;
    let mut at_stake = BTreeSet::<u64>::new();
    let mut handed_on_anew = 0_u64;
    let rounds = devices.while_sending(|| {
        for round in 0..ROUNDS {
            let kept = devices.publisher().books().acknowledged;
            // What comes over one session comes in order: all of that is stored when this is.
            devices.is_live(&room)?;
            let reconnects = devices.publisher().books().reconnects;
            let mut victims = 1 + moments.below(STATION + DATABASE + BROKER);
            let (station_too, broker_too) = (victims & STATION != 0, victims & BROKER != 0);
            while victims != 0 {
                // In an order of its own each time.
                let victim = victims & (1_u64 << moments.below(3));
                if victim == 0 {
                    continue;
                }
                victims &= !victim;
                std::thread::sleep(moments.within(Duration::from_millis(800)));
                match victim {
                    STATION => room.kill()?,
                    DATABASE => signal(&room.database()?, Signal::SIGKILL)?,
                    _ => signal(&[room.broker()?], Signal::SIGKILL)?,
                }
            }
            if station_too {
                room.start().with_context(|| format!("start in round {round}"))?;
            }
            if broker_too {
                let back = || Ok((devices.publisher().books().reconnects > reconnects).then_some(()));
                wait_for("the devices are back at their broker", back)?;
                let books = devices.publisher().books();
                at_stake.extend(books.acknowledged.difference(&kept).copied());
                handed_on_anew = books.published;
            }
        }
        Ok(())
    });
    rounds.with_context(again)?;
    let balance = devices.balance(&room).with_context(again)?;
    for part in ["database", "spool", "source local"] {
        room.cleared(part).with_context(again)?;
    }
    let lost: Vec<_> = balance.lost.difference(&at_stake).collect();
    ensure!(lost.is_empty(), "what no broker had to itself is lost: {lost:?}; {}", again());
    let doubled: Vec<_> =
        balance.doubled.iter().filter(|number| ledger::is_timed(**number) || **number >= handed_on_anew).collect();
    ensure!(doubled.is_empty(), "stored twice: {doubled:?}; {}", again());
    ensure!(balance.strange.is_empty(), "{:?}; {}", balance.strange, again());
    Ok(())
}

#[test]
fn disk_full_then_freed() -> Result<()> {
    const SPOOL: Disk = Disk { folder: "spool", megabytes: 48 };
    let Some(mut room) = Room::with_disk(SPOOL)? else {
        say(NO_DISK);
        return Ok(());
    };
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let filler = room.fill(SPOOL)?;
    devices.while_sending(|| {
        let told = room.told("spool")?;
        ensure!(told.contains("No space left"), "it names the cause: {told}");
        std::thread::sleep(A_WHILE);
        // Long since no message is taken in any more: screens are answered all the same.
        let register = room.call("register", &json!({}))?;
        let point = register["points"][0]["id"].clone();
        let now = Clock::System.now();
        let range = json!({ "points": [point], "from": now - A_WHILE * 60, "to": now, "max_points": 100 });
        ensure!(room.call("history", &range)?[0]["point"] == point, "a trend is drawn");
        std::fs::remove_file(&filler)?;
        room.cleared("spool")
    })?;
    room.logged(&["WARN", "spool", "No space left"])?;
    devices.balances(&room)?;
    room.stop()
}

#[test]
fn database_disk_full_then_freed() -> Result<()> {
    const DATABASE: Disk = Disk { folder: "database", megabytes: 300 };
    let Some(mut room) = Room::with_disk(DATABASE)? else {
        say(NO_DISK);
        return Ok(());
    };
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let filler = room.fill(DATABASE)?;
    devices.while_sending(|| {
        let told = room.told("database")?;
        ensure!(told.contains("full") || told.contains("No space left"), "it names the cause: {told}");
        std::fs::remove_file(&filler)?;
        room.cleared("database")
    })?;
    room.logged(&["WARN", "database", "full"])?;
    devices.balances(&room)?;
    room.stop()
}

#[test]
fn poisoned_message_among_10_000() -> Result<()> {
    const MESSAGES: usize = 10_000;
    const POISON: &[u8] = b"{\"value\":\xFF\x00[[[[";
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    let poisoner = room.device("poisoner")?;
    for message in 1..MESSAGES {
        if message == MESSAGES / 2 {
            poisoner.publish("jjm/sensors/POISON/data", POISON, PATIENCE).context("the broker takes it")?;
        }
        devices.send_all(1)?;
    }
    poisoner.settle(PATIENCE)?;
    devices.balances(&room)?;
    let rejected = room.health()?["pipeline"]["rejected"].as_u64();
    ensure!(rejected == Some(1), "Station health counts it: {rejected:?}");
    let rejects = room.call("rejects", &json!({ "limit": 10 }))?;
    let topics: Vec<_> = rejects.as_array().context("a list")?.iter().map(|reject| &reject["topic"]).collect();
    ensure!(topics == ["jjm/sensors/POISON/data"], "Station health shows it: {topics:?}");
    ensure!(rejects[0]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "and says why");
    room.logged(&["WARN", "jjm/sensors/POISON/data"])
}

#[test]
fn message_of_10_mb() -> Result<()> {
    const TOPIC: &str = "jjm/sensors/CAMERA/data";
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    let camera = room.device("camera")?;
    devices.while_sending(|| {
        std::thread::sleep(A_WHILE);
        let payload = format!(r#"{{"value":1,"picture":"{}"}}"#, "x".repeat(10 << 20));
        camera.publish(TOPIC, payload.as_bytes(), PATIENCE).context("the broker takes it")?;
        camera.settle(PATIENCE)?;
        let told = room.source_told("local")?;
        ensure!(told.contains(TOPIC) && told.contains("limit"), "it names topic and cause: {told}");
        std::thread::sleep(A_WHILE);
        Ok(())
    })?;
    room.logged(&["WARN", TOPIC, "limit"])?;
    devices.balances(&room)?;
    let rejects = room.call("rejects", &json!({ "limit": 10 }))?;
    let topics: Vec<_> = rejects.as_array().context("a list")?.iter().map(|reject| &reject["topic"]).collect();
    ensure!(topics == [TOPIC], "its beginning is kept for a look: {topics:?}");
    let source = room.source("local")?;
    ensure!(source["reconnects"].as_u64() == Some(0), "the connection outlives it: {source}");
    Ok(())
}

/// The clock of the station's whole machine: that of the station, its database and its broker.
#[test]
fn clock_jump() -> Result<()> {
    const HOURS: i64 = 3 * 3_600;
    let mut room = Room::new()?;
    let clock = Jump::prepare(&mut room)?;
    room.start()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    for jump in [HOURS, -HOURS] {
        devices.while_sending(|| {
            std::thread::sleep(A_WHILE);
            clock.set(jump)?;
            std::thread::sleep(A_WHILE);
            Ok(())
        })?;
        devices.balances(&room).with_context(|| format!("after a jump of {jump} s"))?;
    }
    let told = room.told("clock")?;
    room.logged(&["WARN", "clock"])?;
    clock.set(0)?;
    devices.balances(&room).context("after the clock is right again")?;
    room.cleared("clock").context(told)
}

#[test]
fn clock_of_a_device_jumps() -> Result<()> {
    const HOUR: i64 = 3_600_000_000;
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    let gateway = room.device("gateway")?;
    let now = Clock::System.now().as_micros();
    // Right, ahead, behind, days ahead (which no clock can be trusted with), right again.
    let jumps = [0, 5 * HOUR, -5 * HOUR, 3 * 24 * HOUR, 0];
    devices.while_sending(|| {
        for (value, jump) in (1_i64..).zip(jumps) {
            let payload = format!(r#"{{"ts":{},"value":{value}}}"#, now + jump + value);
            gateway.publish("jjm/sensors/GATEWAY/data", payload.as_bytes(), PATIENCE).context("the broker takes it")?;
        }
        gateway.settle(PATIENCE)
    })?;
    devices.balances(&room)?;
    let rows = room.sql(
        "select s.value::bigint, (extract(epoch from s.source_time) * 1000000)::bigint, s.quality \
         from samples s join points p on p.no = s.point_no where p.path = 'GATEWAY' order by 1",
    )?;
    let mut numbers = Vec::<Vec<i64>>::new();
    for row in &rows {
        let mut cells = Vec::new();
        for cell in row {
            cells.push(cell.parse::<i64>()?);
        }
        numbers.push(cells);
    }
    let [right, ahead, behind, days_ahead, last] = numbers.as_slice() else {
        anyhow::bail!("each is stored once: {rows:?}");
    };
    ensure!(right[1] == now + 1 && last[1] == now + 5, "right times stand: {rows:?}");
    ensure!(ahead[1] == now + 5 * HOUR + 2 && behind[1] == now - 5 * HOUR + 3, "hours are kept as told: {rows:?}");
    ensure!((days_ahead[1] - now).abs() < HOUR, "the received time stands in for days: {rows:?}");
    ensure!(right[2] == last[2] && right[2] == behind[2], "what can be right is good: {rows:?}");
    ensure!(ahead[2] != right[2] && days_ahead[2] != right[2], "the doubt is told: {rows:?}");
    Ok(())
}

#[test]
fn hundred_thousand_topics() -> Result<()> {
    const TOPICS: usize = 100_000;
    /// An idle station has some 100 MB in a debug build.
    const MOST_MEGABYTES: u64 = 512;
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let known = discovered(&room)?;
    let flood = room.device("flood")?;
    for topic in 0..TOPICS {
        let payload = format!(r#"{{"value":{topic}}}"#);
        flood
            .publish(&format!("jjm/sensors/X{topic}/data"), payload.as_bytes(), PATIENCE)
            .context("the broker takes it")?;
    }
    flood.settle(PATIENCE)?;
    let told = room.told("points")?;
    ensure!(told.contains("20000"), "it names the bound: {told}");
    room.logged(&["WARN", "unknown points"])?;

    devices.is_live(&room)?;
    room.copied()?;
    ensure!(discovered(&room)? == MOST_DISCOVERED, "{MOST_DISCOVERED} wait to be adopted");
    let rejected = room.health()?["pipeline"]["rejected"].as_u64();
    let refused = TOPICS - (MOST_DISCOVERED - known);
    ensure!(rejected == u64::try_from(refused).ok(), "{refused} are refused and counted: {rejected:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", room.pid()?))?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process has memory")?;
    let kilobytes: u64 = memory.trim().trim_end_matches("kB").trim().parse()?;
    ensure!(kilobytes >> 10 < MOST_MEGABYTES, "the station has {kilobytes} kB");

    // One that a person deals with makes room, and the notice goes.
    let register = room.call("register", &json!({}))?;
    let points = register["points"].as_array().context("a register has points")?;
    let is_of_flood = |point: &&Value| point["address"]["path"].as_str().is_some_and(|path| path.starts_with('X'));
    let point = points.iter().find(is_of_flood).context("one of the flood")?;
    room.change(point, &json!({ "state": "ignored" }))?;
    room.cleared("points")?;
    devices.balances(&room)
}

#[test]
fn network_cut() -> Result<()> {
    const CUT: Duration = Duration::from_secs(10);
    let (room, [Plant { wire, devices, .. }]) = &at_plants(["works"])?;
    devices.is_live(room)?;
    devices.while_sending(|| {
        std::thread::sleep(A_WHILE);
        let begun = Instant::now();
        wire.set(Network::Cut);
        room.told("source works")?;
        std::thread::sleep(CUT.saturating_sub(begun.elapsed()));
        ensure!(room.source("works")?["connected"] == Value::Bool(false), "Station health says that it is cut off");
        wire.set(Network::Up);
        room.source_back("works")?;
        // Without a word: what is underway waits in the network.
        wire.set(Network::Silent);
        std::thread::sleep(3 * A_WHILE);
        wire.set(Network::Up);
        Ok(())
    })?;
    room.logged(&["WARN", "source=works"])?;
    devices.balances(room)
}

/// Takes as long as the station's keep-alive, 30 s, which is what tells such a connection from a quiet one: one whose
/// broker has ended it, and one that neither side knows to be dead.
#[test]
fn network_half_open() -> Result<()> {
    let (room, plants) = &at_plants(["works", "wells"])?;
    let [works, wells] = plants;
    for plant in plants {
        plant.devices.is_live(room)?;
    }
    works.wire.forget();
    wells.wire.swallow();
    for plant in plants {
        plant.devices.send_all(500)?;
    }
    for plant in plants {
        // One ping that is sent, and one that is not answered.
        room.source_told(plant.name).or_else(|_not_yet| room.source_told(plant.name))?;
        room.source_back(plant.name)?;
        let source = room.source(plant.name)?;
        ensure!(source["reconnects"].as_u64() == Some(1), "once is enough: {source}");
        room.logged(&["WARN", &format!("source={}", plant.name)])?;
        plant.devices.balances(room).with_context(|| plant.name)?;
    }
    Ok(())
}

/// Devices at a broker of their own, which a station follows over a network that can be cut.
struct Plant {
    /// The source that the station knows them by.
    name: &'static str,
    wire: Wire,
    devices: Devices,
    _broker: TestBroker,
}

/// A station that follows a broker of each of these names beside its own.
fn at_plants<const COUNT: usize>(names: [&'static str; COUNT]) -> Result<(Room, [Plant; COUNT])> {
    let mut room = Room::new()?;
    let mut settings = String::new();
    let mut ways = Vec::new();
    for name in names {
        let broker = TestBroker::start()?;
        let wire = Wire::to(broker.port())?;
        settings += &format!("[[brokers]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {}\n", wire.port);
        ways.push((name, wire, broker));
    }
    std::fs::write(room.data().join("penstock.toml"), settings)?;
    room.start()?;
    let mut plants = Vec::new();
    for (name, wire, broker) in ways {
        room.hears(name, |topic, payload| broker.publish(topic, [payload]))?;
        let publisher = Publisher::start(PublisherOptions {
            port: broker.port(),
            client_id: "devices".to_owned(),
            account: None,
            window: 200,
        })?;
        plants.push(Plant { name, wire, devices: Devices::new(publisher, name), _broker: broker });
    }
    let plants: [Plant; COUNT] = plants.try_into().ok().context("a plant has a name")?;
    Ok((room, plants))
}

/// Kills the database as often as it comes up, until `work` is done.
fn while_killing_the_database<T>(room: &Room, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let killer = scope.spawn(move || -> Result<()> {
            while is_over.recv_timeout(room::GLANCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                signal(&room.database()?, Signal::SIGKILL)?;
            }
            Ok(())
        });
        let outcome = work();
        drop(over);
        match killer.join() {
            Ok(Ok(())) => outcome,
            Ok(Err(error)) => Err(error),
            Err(_panicked) => anyhow::bail!("the killer panicked"),
        }
    })
}

/// Waits until the station calls a point what its database calls it.
fn follows_what_is_stored(room: &Room, point: &Value) -> Result<()> {
    let id = point["id"].as_str().context("a point has an id")?;
    wait_for("the station goes by what is stored", || {
        let stored = room.sql(&format!("select name from points where id = '{id}'"))?;
        let register = room.call("register", &json!({}))?;
        let points = register["points"].as_array().context("a register has points")?;
        let known = points.iter().find(|point| point["id"] == id).and_then(|point| point["name"].as_str());
        let [row] = stored.as_slice() else { anyhow::bail!("{stored:?}") };
        Ok((row.first().map(String::as_str) == known).then_some(()))
    })
}

/// Waits until the broker has written down what it keeps, twice: the second time it began after this was called.
fn written_down(room: &Room) -> Result<()> {
    let file = room.data().join("broker/data/mosquitto.db");
    let stamp = || std::fs::metadata(&file).ok().map(|file| (file.ino(), file.mtime(), file.mtime_nsec()));
    for _ in 0..2 {
        let before = stamp();
        wait_for("the broker writes down what it keeps", || Ok((stamp() != before).then_some(())))?;
    }
    Ok(())
}

/// How many points wait to be adopted.
fn discovered(room: &Room) -> Result<usize> {
    let register = room.call("register", &json!({}))?;
    let points = register["points"].as_array().context("a register has points")?;
    Ok(points.iter().filter(|point| point["state"] == "discovered").count())
}

/// Says something to whoever runs the tests.
fn say(text: &str) {
    // Past the harness, which keeps what a test that passes says.
    drop(writeln!(std::io::stderr(), "{text}"));
}
