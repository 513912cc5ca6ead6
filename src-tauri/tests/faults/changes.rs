//! Stations killed in the middle of what makes stored samples others: a point gets another unit, months are taken away.
//!
//! Afterwards all of it has happened or nothing, and the same again comes to its end.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use penstock_testkit::publisher::Publisher;
use serde_json::{Value, json};

use crate::Moments;
use crate::ledger::Devices;
use crate::room::{PATIENCE, Room, signal, wait_for, with};

/// The source that the points here come over.
const SOURCE: &str = "local";
/// Who always says 1, in whatever unit.
const GAUGE: &str = "GAUGE";
/// What it has said, one a second.
const HISTORY: u64 = 20_000;

#[test]
fn station_killed_while_a_unit_change_rescales_history() -> Result<()> {
    const KILLS: usize = 3;
    let mut moments = Moments::new()?;
    let again = moments.again();
    let mut room = Room::started()?;
    let devices = Devices::of(&room)?;
    gauge_with_history(&room)?;
    for kill in 0..KILLS {
        let point = room.knows(SOURCE, GAUGE)?;
        let change = |room: &Room| room.change(&point, &other_unit(&point));
        if kill == 0 {
            // For certain with everything rescaled and nothing committed.
            kill_in_the_middle(&mut room, "insert on audit", change, |_| Ok(()))?;
        } else {
            let moment = moments.within(Duration::from_millis(400));
            kill_during(&mut room, change, |_| {
                std::thread::sleep(moment);
                Ok(())
            })?;
        }
        room.left_alone()?;
        agrees(&room).with_context(|| format!("kill {kill}")).with_context(again)?;
        room.start()?;
    }
    let point = room.knows(SOURCE, GAUGE)?;
    room.change(&point, &other_unit(&point))?;
    ensure!(room.knows(SOURCE, GAUGE)?["unit"] == other_unit(&point)["unit"], "the point has the unit at last");
    agrees(&room).with_context(again)?;
    devices.balances(&room).with_context(again)
}

/// What comes while a unit changes is read by the one or the other: it must be stored with the one that stays.
#[test]
fn station_killed_while_a_unit_changes_under_load() -> Result<()> {
    const MEANWHILE: u64 = 200;
    let mut room = Room::started()?;
    let gauge = gauge_with_history(&room)?;
    let point = room.knows(SOURCE, GAUGE)?;
    let change = |room: &Room| room.change(&point, &other_unit(&point));
    kill_in_the_middle(&mut room, "insert on audit", change, |room| {
        let before = stored(room)?;
        for _ in 0..MEANWHILE {
            gauge.publish(&topic(GAUGE), br#"{"value":1}"#, PATIENCE).context("the broker takes it")?;
        }
        gauge.settle(PATIENCE)?;
        wait_for("what came meanwhile is stored", || Ok((stored(room)? >= before + MEANWHILE).then_some(())))
    })?;
    room.start()?;
    agrees(&room)
}

#[test]
fn station_killed_while_a_plant_file_changes_a_unit() -> Result<()> {
    let mut room = Room::started()?;
    gauge_with_history(&room)?;
    let point = room.knows(SOURCE, GAUGE)?;
    let plant = room.call("register", &json!({}))?["plant"].clone();
    let file = json!({ "plant": plant, "points": [with(&point, &other_unit(&point))?], "rules": [] });
    let import = |room: &Room| -> Result<()> {
        let report = room.call("import-plant", &json!({ "file": file }))?;
        ensure!(report["faults"] == json!([]), "nothing is wrong with the file: {report}");
        Ok(())
    };
    kill_in_the_middle(&mut room, "update on samples", import, |_| Ok(()))?;
    room.left_alone()?;
    agrees(&room)?;
    room.start()?;
    import(&room)?;
    ensure!(room.knows(SOURCE, GAUGE)?["unit"] == other_unit(&point)["unit"], "the point has the unit at last");
    agrees(&room)
}

#[test]
fn station_killed_while_retention_takes_months_away() -> Result<()> {
    const KILLS: usize = 2;
    let mut moments = Moments::new()?;
    let again = moments.again();
    let mut room = Room::new()?;
    let archive = room.data().join("archive");
    std::fs::create_dir(&archive)?;
    let settings = format!(
        "[retention]\nsamples_days = 90\n[retention.samples_days_of]\nflow = 3000\n[archive]\nplace = \"{}\"\n",
        archive.display()
    );
    std::fs::write(room.data().join("penstock.toml"), settings)?;
    room.start()?;
    let devices = Devices::of(&room)?;
    Months::heard_of(&room)?;
    // None goes before it is looked for.
    room.kill()?;
    let months = Months::stored(&room)?;

    // For certain with a month taken away and nothing committed.
    room.stand_still("insert on samples_gone")?;
    room.launch()?;
    room.stands_still()?;
    room.kill()?;
    room.let_go()?;
    room.left_alone()?;
    ensure!(months.taken(&room, &archive)? == 0, "what was not committed is as it was");

    // Then wherever it comes.
    let mut taken = 0;
    for kill in 0..KILLS {
        room.launch()?;
        wait_for("a month goes", || {
            let noted = noted(&room)?;
            Ok((noted > taken || noted == Months::COUNT).then_some(()))
        })?;
        std::thread::sleep(moments.within(Duration::from_millis(60)));
        room.kill()?;
        room.left_alone()?;
        taken = months.taken(&room, &archive).with_context(|| format!("kill {kill}")).with_context(again)?;
        ensure!(taken > 0, "a month is gone, as was noted; {}", again());
    }
    room.start()?;
    wait_for("all months are gone", || Ok((noted(&room)? == Months::COUNT).then_some(())))?;
    ensure!(months.taken(&room, &archive).with_context(again)? == Months::COUNT, "all months are gone");
    room.logged(&["took away what was kept long enough"])?;
    devices.balances(&room).with_context(again)
}

/// Kills the station while it works on a call, when `when` is done; the call may have come to its end before.
fn kill_during(
    room: &mut Room,
    call: impl FnOnce(&Room) -> Result<()> + Send,
    when: impl FnOnce(&Room) -> Result<()>,
) -> Result<()> {
    let shared: &Room = room;
    std::thread::scope(|scope| {
        let calling = scope.spawn(move || call(shared));
        let outcome = when(shared).and_then(|()| signal(&[shared.pid()?], Signal::SIGKILL));
        // That nobody answered it any more is what is wanted.
        drop(calling.join());
        outcome
    })?;
    room.kill()
}

/// Kills the station where a call of it does this to a table, before that is committed and once `meanwhile` is done.
fn kill_in_the_middle(
    room: &mut Room,
    doing: &str,
    call: impl FnOnce(&Room) -> Result<()> + Send,
    meanwhile: impl FnOnce(&Room) -> Result<()>,
) -> Result<()> {
    room.stand_still(doing)?;
    kill_during(room, call, |room| {
        room.stands_still()?;
        meanwhile(room)
    })?;
    room.let_go()
}

fn topic(path: &str) -> String {
    format!("jjm/sensors/{path}/data")
}

/// A point that has been 1 for some hours, with hours to roll up, and its device.
fn gauge_with_history(room: &Room) -> Result<Publisher> {
    let gauge = room.device("gauge")?;
    gauge.publish(&topic(GAUGE), br#"{"value":1}"#, PATIENCE).context("the broker takes it")?;
    room.knows(SOURCE, GAUGE)?;
    room.copied()?;
    room.sql(&format!("select samples_partition(now() - make_interval(secs => {HISTORY}))"))?;
    room.sql(&format!(
        "insert into samples (source_time, received_time, value, point_no, quality) \
         select t.measured, t.measured, 1, p.no, 0 from generate_series(1, {HISTORY}) n \
         cross join lateral (select now() - make_interval(secs => n) as measured) t \
         join points p on p.path = '{GAUGE}'; \
         insert into rollups_due (point_no, hour) \
         select distinct s.point_no, date_trunc('hour', s.source_time) \
         from samples s join points p on p.no = s.point_no where p.path = '{GAUGE}'"
    ))?;
    Ok(gauge)
}

/// A unit that the point does not have yet, with what it takes to have it.
fn other_unit(point: &Value) -> Value {
    let unit = if point["unit"] == "bar" { "kPa" } else { "bar" };
    json!({ "state": "adopted", "quantity": "pressure", "unit": unit })
}

/// How many samples of the gauge are stored.
fn stored(room: &Room) -> Result<u64> {
    count(room, &format!("select count(*) from samples s join points p on p.no = s.point_no where p.path = '{GAUGE}'"))
}

/// How many months are noted as gone.
fn noted(room: &Room) -> Result<u64> {
    count(room, "select count(*) from samples_gone")
}

fn count(room: &Room, query: &str) -> Result<u64> {
    let rows = room.sql(query)?;
    Ok(rows.first().and_then(|row| row.first()).context("a count is one row")?.parse()?)
}

/// # Errors
/// Where a sample of the gauge, or a roll-up that is not to be made anew, is not 1 in the unit that its point has.
fn agrees(room: &Room) -> Result<()> {
    let roll_ups = ["minute", "hour", "day"].map(|level| {
        format!(
            "union select r.point_no, coalesce(r.max, r.first) from rollups_{level} r where not exists ( \
                 select from rollups_due d where d.point_no = r.point_no \
                 and date_trunc('{level}', d.hour) = date_trunc('hour', r.start) \
             )"
        )
    });
    let rows = room.sql(&format!(
        "with stored as (select point_no, value from samples {}) \
         select p.unit, string_agg(distinct round(stored.value::numeric, 3)::text, ' ') \
         from points p join stored on stored.point_no = p.no where p.path = '{GAUGE}' group by p.unit",
        roll_ups.join(" ")
    ))?;
    let [row] = rows.as_slice() else { bail!("the gauge is one point: {rows:?}") };
    let [unit, values] = row.as_slice() else { bail!("a unit and its values: {row:?}") };
    let pascals = match unit.as_str() {
        "bar" => "100000.000",
        "kPa" => "1000.000",
        // Nobody has said yet what it measures.
        _ => "1.000",
    };
    ensure!(values == pascals, "the point is taken for {unit:?}, so that 1 is {pascals}, and is stored as {values}");
    Ok(())
}

/// Samples of months that are over: of a plain point in all of them, of a flow, which is kept for longer, in every
/// other one.
struct Months {
    /// The beginning of month `m`, counted backwards, as SQL.
    first: String,
}

impl Months {
    const COUNT: u64 = 16;
    /// Samples of a point in a month.
    const SAMPLES: u64 = 300;

    /// Makes the two points.
    fn heard_of(room: &Room) -> Result<()> {
        let device = room.device("months")?;
        device.publish(&topic("PLAIN"), br#"{"value":1}"#, PATIENCE).context("the broker takes it")?;
        device.publish(&topic("FLOW"), br#"{"type":"flow","value":1}"#, PATIENCE).context("the broker takes it")?;
        ensure!(room.knows(SOURCE, "PLAIN")?["quantity"] == "plain", "it says only a number");
        ensure!(room.knows(SOURCE, "FLOW")?["quantity"] == "flow", "it says what it measures");
        room.copied()
    }

    /// Stores them past the station.
    fn stored(room: &Room) -> Result<Self> {
        let (count, samples) = (Self::COUNT, Self::SAMPLES);
        // One answer for all that follows: a month may end meanwhile.
        let rows = room.sql("select date_trunc('month', now())")?;
        let this_month = rows.first().and_then(|row| row.first()).context("a time is one row")?;
        let first = format!("('{this_month}'::timestamptz - make_interval(months => 4 + m))");
        room.sql(&format!("select samples_partition({first}) from generate_series(1, {count}) m"))?;
        room.sql(&format!(
            "insert into samples (source_time, received_time, value, point_no, quality) \
             select t.measured, t.measured, 1, p.no, 0 from generate_series(1, {count}) m \
             cross join generate_series(1, {samples}) n \
             cross join lateral (select {first} + make_interval(mins => n) as measured) t \
             join points p on p.path = 'PLAIN' or (p.path = 'FLOW' and m % 2 = 0)"
        ))?;
        Ok(Self { first })
    }

    /// How many are taken away.
    ///
    /// # Errors
    /// Where one is neither as it was nor gone and in the archive, and where a flow is touched.
    fn taken(&self, room: &Room, archive: &Path) -> Result<u64> {
        let Self { first } = self;
        let of = |path: &str| {
            format!(
                "(select count(*) from samples s join points p on p.no = s.point_no where p.path = '{path}' \
                 and s.source_time >= {first} and s.source_time < {first} + interval '1 month')"
            )
        };
        let of_archive = |figure: &str| {
            format!(
                "(select {figure} from samples_gone g cross join jsonb_array_elements(g.archive) as files (file) \
                 where g.first = {first})"
            )
        };
        let rows = room.sql(&format!(
            "select m, {}, {}, (select count(*) from samples_gone g where g.first = {first}), {}, {} \
             from generate_series(1, {}) m order by m",
            of("PLAIN"),
            of("FLOW"),
            of_archive("coalesce(sum((file ->> 'rows')::bigint), 0)"),
            of_archive("coalesce(string_agg(file ->> 'name', ' '), '')"),
            Self::COUNT
        ))?;
        let mut taken = 0;
        for row in &rows {
            let [month, plain, flow, noted, archived, file] = row.as_slice() else { bail!("six columns: {row:?}") };
            let [month, plain, flow] = [month.parse::<u64>()?, plain.parse()?, flow.parse()?];
            let [noted, archived] = [noted.parse::<u64>()?, archived.parse()?];
            let of_flow = if month % 2 == 0 { Self::SAMPLES } else { 0 };
            ensure!(flow == of_flow, "a flow is kept for longer: {row:?}");
            let is_before = (plain, noted) == (Self::SAMPLES, 0);
            let is_after = (plain, noted, archived) == (0, 1, Self::SAMPLES) && archive.join(file).is_file();
            ensure!(is_before || is_after, "neither as it was nor gone and in one file of the archive: {row:?}");
            taken += u64::from(is_after);
        }
        ensure!(u64::try_from(rows.len())? == Self::COUNT, "a row a month: {rows:?}");
        Ok(taken)
    }
}
