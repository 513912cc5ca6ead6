//! What a person does with the control room, from signing in to signing out: in the desktop window and in Chromium, the
//! same steps on the same screens, with a station, a broker and a database of their own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use penstock_model::Clock;
use penstock_testkit::database::ScratchFolder;
use penstock_testkit::leash::Leash;
use penstock_testkit::webdriver::{Screen, Size, Window};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

const PROGRAM: &str = env!("CARGO_BIN_EXE_penstock");
const PLANT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/demo/plant.json");
const DEVICE_PASSWORD: &str = "of-one-test";

/// Why a rule is changed.
const REASON: &str = "it chattered at night";

/// Whom to call about any alarm of the plant.
const CONTACT: &str = "Duty engineer, then the area manager";

/// Why an alarm is shelved.
const SHELVED: &str = "the probe is being changed";

/// What an operator position is called.
const DESK: &str = "Urgent desk";

/// Two flows of the demo plant, in m³/h: one that is watched, and one that is driven beyond its limit, 188.
const WATCHED: &str = "FT-21";
const FLOW: &str = "FT-11";

/// Their rows on the sign-in screen.
const OPERATOR: &str = "first-child";
const ADMIN: &str = "last-child";

/// Ways in which a page could speak to another host, which it must not, in the window or in a browser.
const ESCAPES: &str = "
    const add = (kind, what) => document.body.append(Object.assign(document.createElement(kind), what));
    fetch(elsewhere).catch(() => {});
    add('script', { src: elsewhere });
    add('iframe', { src: elsewhere });
    add('img', { src: elsewhere });
    add('link', { rel: 'stylesheet', href: elsewhere });
    try { new WebSocket(elsewhere.replace('http', 'ws')) } catch {}
    try { navigator.sendBeacon(elsewhere, 'x') } catch {}";

/// What only the window's page could ask of Tauri, and must not.
const TAURI_ESCAPES: &[&str] = &[
    "plugin:window|set_title",
    "plugin:window|close",
    "plugin:webview|create_webview_window",
    "plugin:event|emit",
    "plugin:path|resolve_directory",
    "plugin:app|version",
];

/// A station on the demo plant whose devices are this test.
struct Room {
    folder: ScratchFolder,
}

impl Room {
    fn new() -> Result<Self> {
        Ok(Self { folder: ScratchFolder::new()? })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn environment() -> Vec<(String, String)> {
        [
            ("PENSTOCK_PLANT__IMPORT", PLANT),
            ("PENSTOCK_DEMO__PEOPLE", "true"),
            ("PENSTOCK_SECRET__DEVICE_PASSWORD", DEVICE_PASSWORD),
            ("PENSTOCK_GATEWAY__LISTEN", "127.0.0.1:0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The station without a window, for browsers.
    fn start_station(&self) -> Result<Leash> {
        let mut command = Command::new(PROGRAM);
        command.args(["station", "--data"]).arg(self.data()).envs(Self::environment());
        Leash::start(command)
    }

    /// What the station says of itself, once it takes readings in.
    async fn note(&self) -> Result<Value> {
        let file = self.data().join("run/station.json");
        for _ in 0..600 {
            let note = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
            if let Some(note) = note.filter(|note| note["ready"] == Value::Bool(true)) {
                return Ok(note);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the station is not ready after a minute")
    }

    /// Publishes a value of a flow as measured `secs_ago`.
    async fn publish(&self, point: &str, value: f64, secs_ago: u64) -> Result<()> {
        let port = self.note().await?["broker_port"].to_string();
        let at = Clock::System.now() - Duration::from_secs(secs_ago);
        let payload = format!(r#"{{"sensor_id":"{point}","type":"flow","value":{value},"ts":"{at}"}}"#);
        let status = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-u", "device", "-P", DEVICE_PASSWORD, "-q", "1"])
            .args(["-t", &format!("jjm/sensors/{point}/data"), "-m", &payload])
            .status()
            .context("install mosquitto-clients")?;
        ensure!(status.success(), "mosquitto_pub: {status}");
        Ok(())
    }

    /// Asks the station's database, past the station: a line for each row, columns parted by bars.
    fn sql(&self, query: &str) -> Result<Vec<String>> {
        let mut command = Command::new("psql");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG")) {
            command.env_remove(name);
        }
        let output = command
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--username", "postgres", "--dbname", "penstock"])
            .arg("--host")
            .arg(self.data().join("database/run"))
            .args(["--command", query])
            .output()
            .context("psql cannot be started: install it with `apt-get install postgresql-client`")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }
}

fn id(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

/// As one of the demo's people: the first is an operator, the last an admin.
async fn sign_in(screen: &Screen, row: &str) -> Result<()> {
    screen.click(&format!("tr:{row} [data-testid^='use-']")).await?;
    // Whoever signs in comes to the screen that was left.
    screen.wait_for("[data-link=up]").await?;
    screen.click(&id("rail-")).await?;
    screen.wait_for(&id("overview")).await
}

async fn see_a_live_value_change(screen: &Screen, room: &Room) -> Result<()> {
    let value = id(&format!("live-{WATCHED}"));
    for reading in ["101", "122"] {
        room.publish(WATCHED, reading.parse()?, 0).await?;
        screen.wait_text(&value, |text| text.contains(reading)).await.context(reading)?;
    }
    Ok(())
}

async fn acknowledge_an_alarm(screen: &Screen, room: &Room) -> Result<()> {
    // The rule's delay runs in the devices' time.
    room.publish(FLOW, 260.0, 120).await?;
    room.publish(FLOW, 261.0, 0).await?;
    screen.wait_for(&id("banner-ack-1")).await.context("the banner calls")?;
    screen.click(&id("rail-alarms")).await?;
    let row = format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"]");
    screen.click(&row).await?;
    screen.click(&format!("{} {}", id("alarm-detail"), id("acknowledge"))).await?;
    // A comment is asked for only where the priority demands one.
    if screen.wait_for_within(&id("comment-text"), Duration::from_secs(1)).await.is_ok() {
        screen.fill(&id("comment-text"), "crew is on its way").await?;
        screen.click(&id("acknowledge-commit")).await?;
    }
    screen.wait_for(&format!("{row}[data-state=\"Acked\"]")).await
}

/// For a quarter of an hour, and back before it is over: it still stands, so it calls anew, and is heard until somebody
/// silences it.
async fn shelve_an_alarm(screen: &Screen) -> Result<()> {
    let kept = format!("[data-testid=\"kept-row\"][data-point=\"{FLOW}\"]");
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-active")).await?;
    // The point has another alarm, which stays.
    let of_point = format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"]");
    screen.wait_for(&of_point).await?;
    let rule = screen.attribute(&of_point, "data-rule").await?.context("a row names its rule")?;
    let row = format!("[data-testid=\"alarm-row\"][data-rule=\"{rule}\"]");
    screen.click(&row).await?;
    screen.click(&format!("{} {}", id("alarm-detail"), id("shelve"))).await?;
    screen.click(&format!("{} {}", id("shelve-dialog"), id("choose-15"))).await?;
    ensure!(screen.count("[data-testid=shelve-commit]:not([disabled])").await? == 0, "a reason is not asked for");
    screen.fill(&id("comment-text"), SHELVED).await?;
    screen.click(&id("shelve-commit")).await?;
    screen.wait_gone(&row).await.context("it is listed no more")?;
    screen.wait_for("[data-testid=kept-back][data-count=\"1\"]").await.context("the banner counts it")?;

    screen.click(&id("kept-back")).await?;
    screen.wait_for(&kept).await?;
    let shown = "document.querySelector('[data-testid=kept-row]')?.innerText";
    screen.wait_script(&format!("return /1[45]\\s*min/.test({shown})")).await.context("the time left")?;
    screen.click(&format!("{kept} {}", id("unshelve-row"))).await?;
    screen.wait_gone(&kept).await?;
    screen.wait_for("[data-testid=kept-back][data-count=\"0\"]").await?;

    screen.wait_for(&id("banner-ack-1")).await.context("it calls anew")?;
    screen.wait_for(&id("silence")).await?;
    screen.press("F8").await?;
    screen.wait_gone(&id("silence")).await?;
    ensure!(screen.count(&id("banner-ack-1")).await? == 1, "silencing acknowledges");
    Ok(())
}

/// All that stood on the screen for long enough to be read, and what the button says is what is acknowledged.
async fn acknowledge_what_was_on_screen(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-active")).await?;
    screen.wait_for(&format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"][data-state=\"Unacked\"]")).await?;
    let waiting = "[...document.querySelectorAll('[data-testid=alarm-row]')]
        .filter(row => ['Unacked', 'Returned'].includes(row.dataset.state)).length";
    let told = "Number(document.querySelector('[data-testid=acknowledge-seen]').dataset.count)";
    let both = format!("const waiting = {waiting}; return waiting > 0 && {told} === waiting && String(waiting)");
    let count = screen.wait_script(&both).await.context("all in sight was seen")?;
    let count = count.as_str().context("no count")?;
    screen.script("document.querySelector('[data-testid=alarm-list]').focus()").await?;
    screen.press("v").await?;
    // One that is not critical goes at once; else a dialog names each.
    if screen.wait_for_within(&id("acknowledge-dialog"), Duration::from_secs(1)).await.is_ok() {
        let named = screen.count(".touched-row").await?;
        ensure!(named.to_string() == count, "{count} were on the screen, {named} are named");
        screen.fill(&id("comment-text"), "all of it is known").await?;
        screen.click(&id("acknowledge-commit")).await?;
        screen.wait_gone(&id("acknowledge-dialog")).await?;
    }
    screen.wait_script(&format!("return {waiting} === 0")).await.context("none waits")?;
    screen.wait_for("[data-testid=acknowledge-seen][data-count=\"0\"][disabled]").await
}

async fn search_the_journal(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-journal")).await?;
    let rows = "document.querySelectorAll('[data-testid=journal-row]').length";
    screen.wait_script(&format!("return {rows} > 2")).await.context("what has happened")?;
    screen.fill(&id("filter"), "ch").await?;
    screen.wait_for(&id("search-hint")).await.context("why nothing is looked for")?;
    screen.fill(&id("filter"), &format!("CHANGED {FLOW}")).await?;
    screen.wait_script(&format!("return {rows} === 1")).await.context("what fits")?;
    see_text(screen, "journal-row", SHELVED).await?;
    screen.fill(&id("filter"), "nothing of the kind").await?;
    screen.wait_gone(&id("journal-row")).await
}

/// With the command that the app itself shows, run as it stands.
async fn adopt_a_point(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-health")).await?;
    let command = screen.text(&id("publish-command")).await?;
    let status = Command::new("sh").args(["-c", &command]).status()?;
    ensure!(status.success(), "{command}: {status}");
    screen.click(&id("rail-points")).await?;
    screen.click(&id("tab-discovered")).await?;
    screen.click(&id("point-row")).await?;
    screen.wait_text(&id("point-value"), |text| text.contains(|letter: char| letter.is_ascii_digit())).await?;
    screen.fill(&id("point-name"), "FT-99").await?;
    screen.click(&id("save-point")).await?;
    screen.wait_gone(&id("point-row")).await.context("it waits no more")?;
    screen.click(&id("tab-adopted")).await?;
    screen.fill(&id("filter"), "FT-99").await?;
    screen.wait_for("[data-testid=\"point-row\"][data-point=\"FT-99\"]").await
}

/// What the alarms of a week come to.
async fn look_at_the_figures(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-analysis")).await?;
    screen.wait_text(&id("analysis-figures"), |text| text.contains("Calls a day")).await?;
    screen.wait_text(&id("analysis-class"), |text| text.contains("EEMUA 191")).await.map(drop)
}

/// The rule of a limit of a flow in the drawer.
async fn open_a_rule(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-rules")).await?;
    screen.fill(&id("filter"), FLOW).await?;
    screen.click(&format!("[data-testid=\"rule-row\"][data-point=\"{FLOW}\"][data-kind=\"limit\"]")).await?;
    screen.wait_text(&id("rule-version"), |text| text.ends_with(" 1")).await.map(drop)
}

async fn look_at_a_rule(screen: &Screen) -> Result<()> {
    open_a_rule(screen).await?;
    ensure!(screen.count(&id("save-rule")).await? == 0, "an operator changes no rule");
    ensure!(screen.count(&id("new-rule")).await? == 0, "an operator makes no rule");
    screen.click(&id("close-drawer")).await?;
    screen.wait_gone(&id("rule-detail")).await
}

async fn edit_a_rule(screen: &Screen, room: &Room) -> Result<()> {
    open_a_rule(screen).await?;
    screen.fill(&id("rule-deadband"), "7.5").await?;
    screen.click(&id("save-rule")).await?;
    screen
        .wait_text(&id("rule-detail"), |text| text.contains("Something must stand here"))
        .await
        .context("a reason")?;
    screen.fill(&id("rule-reason"), REASON).await?;
    screen.click(&id("save-rule")).await?;
    screen.wait_for(&id("rule-saved")).await?;
    screen.wait_text(&id("rule-version"), |text| text.ends_with(" 2")).await?;
    screen.wait_text(&id("rule-versions"), |text| text.contains(REASON) && text.contains("Deadband")).await?;
    let audit = room.sql(
        "select reason, old #>> '{condition,limit,deadband}' <> new #>> '{condition,limit,deadband}', \
         new ->> 'version', new ->> 'edited' from audit where action = 'save-rules'",
    )?;
    ensure!(audit == [format!("{REASON}|t|2|true")], "the audit says {audit:?}");
    Ok(())
}

/// What is set for the whole plant is told beside an alarm of it, and its screen is one click away.
async fn guide_the_whole_plant(screen: &Screen, room: &Room) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-rules")).await?;
    screen.click(&id("guidance")).await?;
    screen.fill(&id("guidance-contact"), CONTACT).await?;
    screen.fill(&id("guidance-within"), "20").await?;
    screen.fill(&id("guidance-screen"), "/map").await?;
    screen.fill(&id("guidance-reason"), REASON).await?;
    screen.click(&id("save-guidance")).await?;
    screen.wait_for(&id("guidance-saved")).await?;
    screen.wait_text(&id("guidance-versions"), |text| text.contains(REASON) && text.contains(CONTACT)).await?;
    let audit = room.sql(
        "select reason, subject, old is null, new ->> 'contact', new ->> 'screen' from audit \
         where action = 'save-guidance'",
    )?;
    ensure!(audit == [format!("{REASON}|guidance of tenant|t|{CONTACT}|/map")], "the audit says {audit:?}");

    screen.click(&id("tab-active")).await?;
    screen.click(&format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"]")).await?;
    screen
        .wait_text(&id("alarm-guidance"), |text| {
            text.contains(CONTACT) && text.contains("within 20 min") && text.contains("from the whole plant")
        })
        .await?;
    screen.click(&id("linked-screen")).await?;
    screen.wait_for(&id("map")).await
}

/// What an admin decides on rules, with a reason.
async fn decide(screen: &Screen) -> Result<()> {
    screen.wait_for(&id("decide-dialog")).await?;
    ensure!(screen.count("[data-testid=decide-commit]:not([disabled])").await? == 0, "a reason is not asked for");
    screen.fill(&id("decide-reason"), REASON).await?;
    screen.click(&id("decide-commit")).await?;
    screen.wait_gone(&id("decide-dialog")).await
}

async fn approve_the_rules(screen: &Screen, room: &Room) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-analysis")).await?;
    screen.wait_for(&id("baseline-none")).await.context("nothing is approved yet")?;
    screen.click(&id("approve-all")).await?;
    decide(screen).await?;
    screen.wait_for(&id("baseline-calm")).await.context("nothing differs")?;
    let said = room.sql("select reason, new ->> 'approval' from audit where action = 'approve-rules'")?;
    ensure!(said == [format!("{REASON}|1")], "the audit says {said:?}");
    Ok(())
}

/// A rule that was changed since is named, and goes back as a version of its own.
async fn return_what_drifted(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-analysis")).await?;
    see_text(screen, "drift-row", "Deadband").await.context("the change is listed")?;
    screen.click(&id("return-rule")).await?;
    decide(screen).await?;
    screen.wait_for(&id("baseline-calm")).await.context("nothing differs any more")
}

async fn pan_the_map(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-map")).await?;
    let map = id("map");
    // Whether the plant is there before the map or after it, the map shows the town and not the world.
    screen.wait_script("return document.querySelector('[data-testid=map]')?.dataset.zoom > 10").await?;
    screen.reload().await?;
    screen.wait_script("return document.querySelector('[data-testid=map]')?.dataset.zoom > 10").await?;
    let centre = screen.attribute(&map, "data-centre").await?.context("the map says where it is")?;
    screen.drag(&map, (-60.0, -40.0), (90.0, 60.0)).await?;
    let moved = format!("return document.querySelector('[data-testid=map]')?.dataset.centre !== {centre:?}");
    screen.wait_script(&moved).await?;
    let zoom = screen.attribute(&map, "data-zoom").await?.context("the map says how near it is")?;
    screen.click(&id("zoom-in")).await?;
    screen
        .wait_script(&format!("return document.querySelector('[data-testid=map]')?.dataset.zoom !== {zoom:?}"))
        .await?;
    Ok(())
}

/// As the page has it: WebKit's driver passes over text in cells that could overflow.
async fn see_text(screen: &Screen, name: &str, part: &str) -> Result<()> {
    let shown = format!("document.querySelector('[data-testid={name}]')?.innerText");
    screen.wait_script(&format!("return {shown}?.includes({part:?})")).await.map(drop)
}

async fn see_pen(screen: &Screen, name: &str) -> Result<()> {
    see_text(screen, "trend-pens", name).await
}

async fn zoom_a_trend(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"]")).await?;
    screen.click(&id("to-trend")).await?;
    see_pen(screen, FLOW).await?;
    let width = "const { from, to } = document.querySelector('[data-testid=trend]').dataset; return to - from;";
    let before = screen.script(width).await?.as_f64().context("no width")?;
    // Until the chart is drawn there is no time under the pointer, and the wheel does nothing.
    for _ in 0..100 {
        screen.scroll(&id("trend"), -500).await?;
        if screen.script(width).await?.as_f64().is_some_and(|now| now < before * 0.75) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the wheel does not zoom")
}

/// As if a file of this text had been chosen: the system's own dialog is beyond a driver.
async fn choose_file(screen: &Screen, text: &str) -> Result<()> {
    let choose = format!(
        "const input = document.querySelector('[data-testid=import-file]');
        const carrier = new DataTransfer();
        carrier.items.add(new File([{text:?}], 'values.csv', {{ type: 'text/csv' }}));
        input.files = carrier.files;
        input.dispatchEvent(new Event('change', {{ bubbles: true }}));"
    );
    screen.script(&choose).await.map(drop)
}

async fn import_historic_values(screen: &Screen) -> Result<()> {
    let begin = Clock::System.now() - Duration::from_secs(2 * 86_400);
    let rows = format!("{begin},{WATCHED},95\n{},{WATCHED},96\n", begin + Duration::from_secs(60));
    let values = format!("time,point,value\n{rows}");
    screen.click(&id("rail-trends")).await?;
    screen.click(&id("trend-import")).await?;
    screen.wait_for(&id("import-dialog")).await?;

    choose_file(screen, &format!("{values}{begin},NOBODY,1\n")).await?;
    see_text(screen, "import-dialog", "NOBODY").await.context("the line that is wrong")?;
    ensure!(screen.count("[data-testid=import-commit]:not([disabled])").await? == 0, "what is wrong can be stored");

    choose_file(screen, &values).await?;
    see_text(screen, "import-report", "2 would be stored, 0 are there already").await?;
    screen.click("[data-testid=import-commit]:not([disabled])").await?;
    see_text(screen, "import-report", "2 stored, 0 left out").await?;
    // It is on its way into the database for a moment.
    for _ in 0..100 {
        choose_file(screen, &values).await?;
        screen.wait_gone(&id("import-busy")).await?;
        let report = "return document.querySelector('[data-testid=import-report]')?.innerText";
        let report = screen.wait_script(report).await?;
        if report.as_str().is_some_and(|text| text.contains("0 would be stored, 2 are there already")) {
            return screen.click(&id("import-close")).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("what was imported is not there")
}

async fn keep_samples_for_longer(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-settings")).await?;
    screen.click(&id("edit-retention")).await?;
    screen.fill(&id("retention-days"), "120").await?;
    screen.click(&id("save-retention")).await?;
    screen.wait_gone(&id("retention-form")).await?;
    see_text(screen, "settings", "120 days").await
}

/// A desk that answers for the urgent alarms alone.
async fn make_a_position(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-settings")).await?;
    screen.click(&id("add-position")).await?;
    screen.fill(&id("position-name"), DESK).await?;
    screen.click(&id("save-position")).await?;
    see_text(screen, "position-form", "Choose at least one area").await.context("where it answers")?;
    screen.click(&format!("{} {}", id("position-form"), id("choose-plant"))).await?;
    screen.click(&id("position-priority-3")).await?;
    screen.click(&id("position-priority-4")).await?;
    screen.click(&id("save-position")).await?;
    screen.wait_gone(&id("position-form")).await?;
    screen.wait_for(&format!("[data-testid=\"position\"][data-position=\"{DESK}\"]")).await?;
    ensure!(screen.count(&id("desk")).await? == 0, "an admin answers no alarms and takes up no desk");
    Ok(())
}

/// It is held by the session, through a reload too; alarms of others are one click away, and are counted before it.
async fn take_up_a_position(screen: &Screen, room: &Room) -> Result<()> {
    let is_held = format!("return document.querySelector('[data-testid=desk]')?.innerText.includes({DESK:?})");
    screen.click(&id("desk")).await?;
    screen.click(&format!("[data-testid=\"take-position\"][data-position=\"{DESK}\"]")).await?;
    screen.wait_script(&is_held).await.context("the banner names it")?;
    screen.wait_for(&id("scope-outside")).await?;
    screen.reload().await?;
    screen.wait_script(&is_held).await.context("after a reload")?;
    screen.click(&id("rail-alarms")).await?;
    screen.click(&id("tab-active")).await?;
    screen.wait_for(&format!("{}[aria-pressed=\"true\"]", id("list-own"))).await?;
    screen.click(&id("list-all")).await?;
    screen.wait_for(&format!("{}[aria-pressed=\"true\"]", id("scope-all"))).await.context("the banner follows")?;
    let audit = room.sql("select new #>> '{0,name}' from audit where action = 'take-up-positions'")?;
    ensure!(audit == [DESK], "the audit says {audit:?}");

    screen.click(&id("desk")).await?;
    screen.click(&id("leave-positions")).await?;
    screen.wait_gone(&id("scope-outside")).await.context("all alarms are one's own again")?;
    screen.wait_gone(&id("desk-menu")).await
}

async fn stay_inside(screen: &Screen) -> Result<()> {
    // In a turn of its own: the driver's scripts may evaluate text, the page may not.
    let evaluate = "return new Promise(answer => setTimeout(() => {
        try { new Function('return 1')(); answer('done') } catch { answer('refused') }
    }));";
    ensure!(screen.script(evaluate).await? == "refused", "the page can evaluate text as code");

    let elsewhere = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = elsewhere.local_addr()?;
    screen.script(&format!("const elsewhere = 'http://{address}/'; {ESCAPES}")).await?;
    // A browser may open a connection ahead of a request that its policy then forbids: what counts is what is said.
    let mut said = String::new();
    let listen = async {
        loop {
            let (mut stream, _) = elsewhere.accept().await?;
            let mut request = [0; 512];
            if let Ok(length) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut request)).await {
                said.push_str(&String::from_utf8_lossy(request.get(..length?).unwrap_or_default()));
            }
        }
    };
    let listened: Result<Result<()>, _> = tokio::time::timeout(Duration::from_secs(3), listen).await;
    ensure!(listened.is_err(), "nobody can listen: {listened:?}");
    ensure!(said.is_empty(), "the page speaks to another host: {said}");
    Ok(())
}

async fn ask_tauri_for_nothing_else(screen: &Screen) -> Result<()> {
    for command in TAURI_ESCAPES {
        let body = format!(
            "return window.__TAURI_INTERNALS__.invoke({command:?}, {{}}).then(() => 'done', refusal => 'refused: ' + refusal);"
        );
        let answer = screen.script(&body).await?;
        let is_refused =
            answer.as_str().is_some_and(|text| text.starts_with("refused") && text.contains("not allowed"));
        ensure!(is_refused, "the page may {command}: {answer}");
    }
    Ok(())
}

async fn sign_out(screen: &Screen) -> Result<()> {
    screen.click(&id("person")).await?;
    screen.click(&id("sign-out")).await?;
    screen.wait_for(&id("sign-in")).await
}

/// A call that a session's end overtakes is refused, and a browser tells so.
fn is_complaint(line: &str) -> bool {
    line.starts_with("SEVERE") && !line.contains("status of 401")
}

/// All of them; where one fails, a picture of the screen is left beside the test's other files.
async fn walk(screen: &Screen, room: &Room, name: &str) -> Result<()> {
    let outcome = journeys(screen, room).await;
    if outcome.is_err() {
        screen.screenshot(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"))).await?;
    }
    outcome
}

async fn journeys(screen: &Screen, room: &Room) -> Result<()> {
    sign_in(screen, OPERATOR).await.context("sign in")?;
    see_a_live_value_change(screen, room).await.context("see a live value change")?;
    acknowledge_an_alarm(screen, room).await.context("acknowledge an alarm")?;
    shelve_an_alarm(screen).await.context("shelve an alarm")?;
    acknowledge_what_was_on_screen(screen).await.context("acknowledge what was on screen")?;
    search_the_journal(screen).await.context("search the journal")?;
    look_at_the_figures(screen).await.context("look at the figures of alarms")?;
    look_at_a_rule(screen).await.context("look at a rule")?;
    pan_the_map(screen).await.context("pan the map")?;
    zoom_a_trend(screen).await.context("zoom a trend")?;
    sign_out(screen).await.context("sign out")?;
    sign_in(screen, ADMIN).await.context("sign in as an admin")?;
    adopt_a_point(screen).await.context("adopt a point")?;
    import_historic_values(screen).await.context("import historic values")?;
    keep_samples_for_longer(screen).await.context("keep samples for longer")?;
    approve_the_rules(screen, room).await.context("approve the rules")?;
    edit_a_rule(screen, room).await.context("edit a rule")?;
    return_what_drifted(screen).await.context("return what drifted")?;
    guide_the_whole_plant(screen, room).await.context("guide the whole plant")?;
    make_a_position(screen).await.context("make an operator position")?;
    sign_out(screen).await.context("sign out again")?;
    sign_in(screen, OPERATOR).await.context("sign in for a desk")?;
    take_up_a_position(screen, room).await.context("take up an operator position")?;
    let complaints: Vec<_> = screen.console().await?.into_iter().filter(|line| is_complaint(line)).collect();
    ensure!(complaints.is_empty(), "the page complains: {complaints:?}");
    stay_inside(screen).await.context("stay inside the policy of the page")
}

/// What belongs to the burst lies under its cause and is counted there; opened, each alarm has its row. Then nothing is
/// folded any more.
async fn unfold_a_flood(screen: &Screen) -> Result<()> {
    let row = |more: &str| format!("[data-testid=\"alarm-row\"]{more}");
    screen.wait_for(&row("[aria-expanded=\"false\"]")).await.context("something is folded")?;
    screen
        .wait_script("return document.querySelector('.fold-cause')?.innerText.length > 0")
        .await
        .context("its cause")?;
    screen.click(&id("fold-handle")).await?;
    screen.wait_for(&row("[aria-expanded=\"true\"]")).await?;
    screen.wait_for(&row("[aria-level=\"2\"]")).await.context("what belongs to it")?;
    screen.click(&row("[aria-level=\"2\"]")).await?;
    see_text(screen, "together", "alarms are what it leads to").await.context("why they belong together")?;
    screen.click(&id("close-drawer")).await?;
    screen.click(&id("folding")).await?;
    screen.wait_gone(&id("fold-handle")).await.context("folding is switched off")
}

/// Devices tell of much flow into an area and of little pressure in it, beyond the delays of its alarms.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_folds_under_its_cause() -> Result<()> {
    let room = Room::new()?;
    let station = room.start_station()?;
    let note = room.note().await?;
    for (point, value) in [("FT-01", 216.0), ("PT-01", 0.5), ("PT-02", 0.5), ("PT-03", 0.5), ("PT-04", 0.5)] {
        room.publish(point, value, 900).await?;
        room.publish(point, value, 0).await?;
    }
    let screen = Screen::chromium(Size::WORKSTATION).await?;
    screen.goto(note["address"].as_str().context("no address")?).await?;
    sign_in(&screen, OPERATOR).await?;
    screen.click(&id("rail-alarms")).await?;
    unfold_a_flood(&screen).await?;
    screen.close().await?;
    tokio::task::spawn_blocking(move || drop(station)).await?;
    Ok(())
}

/// A main in the demo town burst forty minutes ago; the devices tell of it as gateways tell of what they kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_seen() -> Result<()> {
    let room = Room::new()?;
    let station = room.start_station()?;
    let note = room.note().await?;
    let port = note["broker_port"].as_u64().context("no port")?.try_into()?;
    let town = penstock_sim::Run {
        broker: penstock_sim::Broker {
            host: "127.0.0.1".to_owned(),
            port,
            credentials: Some(("device".to_owned(), DEVICE_PASSWORD.to_owned())),
            topic_prefix: "jjm/sensors".to_owned(),
            client_prefix: "town".to_owned(),
        },
        seed: 1,
        speed: 1.0,
        history: Some(Duration::from_secs(3 * 3_600)),
        interval: Duration::from_secs(5),
        script: vec![penstock_sim::script::Step {
            request: penstock_sim::Request::of(penstock_sim::EventKind::Burst).at("DMA 3 Riverside"),
            after_micros: -40 * 60_000_000,
        }],
        control: None,
        truth: None,
        state: None,
        clock: Clock::System,
    };
    let (over, is_over) = tokio::sync::oneshot::channel::<()>();
    let town = tokio::spawn(town.until(async move { drop(is_over.await) }));

    let screen = Screen::chromium(Size::WORKSTATION).await?;
    screen.goto(note["address"].as_str().context("no address")?).await?;
    sign_in(&screen, OPERATOR).await?;
    // The worst area comes first, as long as the pointer is elsewhere.
    screen.wait_text(&id("area-row"), |text| text.contains("DMA 3 Riverside") && text.contains("alarms")).await?;
    screen.wait_text(&id("banner-line"), |text| text.contains("DMA 3 Riverside")).await?;
    screen.click(&id("rail-alarms")).await?;
    // It may lie under the worst of the burst's alarms.
    screen.wait_for(&id("alarm-row")).await?;
    screen.click(&id("folding")).await?;
    screen.click("[data-testid=\"alarm-row\"][data-point=\"FT-01\"]").await?;
    screen.click(&id("to-trend")).await?;
    see_pen(&screen, "FT-01").await?;
    // What the map draws, its table says.
    screen.click(&id("rail-map")).await?;
    screen.click(&id("map-table")).await?;
    screen.wait_text(&format!("{}.unacked", id("map-twin-row")), |text| text.contains("DMA 3 Riverside")).await?;
    screen.close().await?;
    drop(over);
    town.await??;
    tokio::task::spawn_blocking(move || drop(station)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium() -> Result<()> {
    let room = Room::new()?;
    let station = room.start_station()?;
    let note = room.note().await?;
    let address = note["address"].as_str().context("no address")?;

    let screen = Screen::chromium(Size::WORKSTATION).await?;
    screen.goto(address).await?;
    walk(&screen, &room, "in_chromium").await?;
    sign_out(&screen).await?;
    screen.close().await?;
    tokio::task::spawn_blocking(move || drop(station)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_window() -> Result<()> {
    let room = Room::new()?;
    let args = vec!["--data".to_owned(), room.data().display().to_string()];
    let window = Window { program: PROGRAM.into(), args, environment: Room::environment(), has_keyring: true };
    let screen = Screen::window(&window, Size::WORKSTATION).await?;
    room.note().await?;
    walk(&screen, &room, "in_the_window").await?;
    ask_tauri_for_nothing_else(&screen).await.context("ask Tauri for nothing else")?;
    sign_out(&screen).await?;
    screen.close().await
}
