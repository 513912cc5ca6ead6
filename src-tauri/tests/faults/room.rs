//! A station under a test's thumb: the real program on a data folder of its own, called over HTTP as a browser does,
//! killed and started again. Must not know what is published to it.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use penstock_api::{Call, SignIn};
use penstock_testkit::database::ScratchFolder;
use penstock_testkit::leash::Leash;
use penstock_testkit::publisher::{Publisher, PublisherOptions};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_penstock");
const ADMIN: &str = "asha";
const ADMIN_PASSWORD: &str = "quiet-basin-2581";

/// How long anything may take before a test fails; generous, as machines that build are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
pub(crate) const GLANCE: Duration = Duration::from_millis(100);
/// How long the station may take to answer a call. Longer than it waits for a connection to its database.
const ANSWER: Duration = Duration::from_secs(20);

/// The point that a greeting makes.
const GREETING: &str = "HELLO";
/// How far back and ahead a history is looked through: a clock may have jumped.
const SHOWN_MICROS: i64 = 12 * 3_600_000_000;

/// Says which process it is, mounts what is to be a disk of its own, and becomes the station. The mounts are in a
/// namespace of the station's and of what it starts: they are gone with the last of them.
const START: &str = r#"
echo $$
log=$1
shift
while [ "$1" != -- ]; do
    mkdir -p "$1" && mount -t tmpfs -o "size=$2,mode=0755" penstock-test "$1" || exit 1
    shift 2
done
shift
exec "$@" 2>>"$log"
"#;

/// A small disk of its own for one folder of the station's data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk {
    /// The folder, inside the data folder.
    pub folder: &'static str,
    /// Its size.
    pub megabytes: u32,
}

/// Stations share the ports of private brokers: while one's broker is dead, another that starts would take its port.
/// Held by every room, across processes too, as tests run in several.
const PORTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-ports.lock");

/// A station with its data.
pub(crate) struct Room {
    running: Option<Running>,
    disks: Vec<Disk>,
    environment: Vec<(String, String)>,
    token: String,
    folder: ScratchFolder,
    _ports: File,
}

struct Running {
    pid: Pid,
    _leash: Leash,
}

impl Room {
    /// A room whose station does not run yet.
    pub(crate) fn new() -> Result<Self> {
        let ports = ports()?;
        ports.lock_shared()?;
        Self::holding(ports)
    }

    /// One without others beside it, for killing its broker; its station runs, with somebody signed in.
    pub(crate) fn alone() -> Result<Self> {
        let ports = ports()?;
        ports.lock()?;
        let mut room = Self::holding(ports)?;
        room.start()?;
        Ok(room)
    }

    fn holding(ports: File) -> Result<Self> {
        Ok(Self {
            running: None,
            disks: Vec::new(),
            environment: Vec::new(),
            token: String::new(),
            folder: ScratchFolder::new()?,
            _ports: ports,
        })
    }

    /// One whose station runs, with somebody signed in.
    pub(crate) fn started() -> Result<Self> {
        let mut room = Self::new()?;
        room.start()?;
        Ok(room)
    }

    /// One with a small disk under a folder, whose station runs; none where this machine does not let anybody mount.
    pub(crate) fn with_disk(disk: Disk) -> Result<Option<Self>> {
        let tried = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "penstock-test", "/mnt"])
            .output()
            .context("unshare cannot be started: it is in util-linux")?;
        if !tried.status.success() {
            return Ok(None);
        }
        let mut room = Self::new()?;
        room.disks.push(disk);
        room.start()?;
        Ok(Some(room))
    }

    /// Sets a variable of the station's environment, from its next start on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the data folder as the station sees it, also on a disk of its own.
    pub(crate) fn seen(&self, inside: &str) -> PathBuf {
        let path = self.data().join(inside);
        match &self.running {
            Some(running) if !self.disks.is_empty() => {
                let root = PathBuf::from(format!("/proc/{}/root", running.pid));
                root.join(path.strip_prefix("/").unwrap_or(&path))
            }
            _ => path,
        }
    }

    /// Starts the station, waits until it takes readings in, and signs in.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.launch()?;
        self.ready()
    }

    /// Starts the station and does not wait for it.
    pub(crate) fn launch(&mut self) -> Result<()> {
        ensure!(self.running.is_none(), "the station runs already");
        let mut command = match self.disks.is_empty() {
            true => Command::new("sh"),
            false => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "--propagation", "private", "sh"]);
                command
            }
        };
        command.args(["-c", START, "sh"]).arg(self.log_file());
        for disk in &self.disks {
            command.arg(self.data().join(disk.folder)).arg(format!("{}m", disk.megabytes));
        }
        command.args(["--", PROGRAM, "station", "--data"]).arg(self.data());
        command
            .env("PENSTOCK_SECRET__DEVICE_PASSWORD", self.device_password())
            .env("PENSTOCK_SECRET__STATION_PASSWORD", "of-this-station")
            .env("PENSTOCK_GATEWAY__LISTEN", "127.0.0.1:0")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut leash = Leash::start(command)?;
        let pid = leash.read_line(|line| line.trim().parse().ok())?;
        self.running = Some(Running { pid: Pid::from_raw(pid), _leash: leash });
        Ok(())
    }

    /// Waits until the station takes readings in, and signs in.
    pub(crate) fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while self.address().is_none() {
            // One that refuses to start does not come later either.
            ensure!(self.is_alive(), "the station ended: {}", self.last_words());
            ensure!(begun.elapsed() < PATIENCE, "the station is not ready after {PATIENCE:?}: {}", self.last_words());
            std::thread::sleep(GLANCE);
        }
        self.sign_in()
    }

    fn sign_in(&mut self) -> Result<()> {
        let card = self.call("hello", &json!({}))?;
        let session = if card["first_start"] == Value::Bool(true) {
            let admin = json!({ "name": ADMIN, "full_name": "Asha Verma", "password": ADMIN_PASSWORD });
            self.call("create-first-admin", &admin)?
        } else {
            self.call("sign-in", &json!({ "name": ADMIN, "password": ADMIN_PASSWORD }))?
        };
        self.token = session["token"].as_str().context("a session has a token")?.to_owned();
        Ok(())
    }

    /// Ends the station as a power cut would: its database and its broker run on.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let running = self.running.take().context("the station does not run")?;
        signal(&[running.pid], Signal::SIGKILL)?;
        wait_for("the station is gone", || Ok((!is_alive(running.pid)).then_some(())))
    }

    /// Asks the station to stop in order, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let running = self.running.take().context("the station does not run")?;
        kill(running.pid, Signal::SIGTERM)?;
        wait_for("the station has stopped", || Ok((!is_alive(running.pid)).then_some(())))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Result<Pid> {
        Ok(self.running.as_ref().context("the station does not run")?.pid)
    }

    fn is_alive(&self) -> bool {
        self.running.as_ref().is_some_and(|running| is_alive(running.pid))
    }

    /// What it says of itself; none where it does not say it of this run.
    fn note(&self) -> Option<Value> {
        let text = std::fs::read_to_string(self.data().join("run/station.json")).ok()?;
        let note: Value = serde_json::from_str(&text).ok()?;
        let is_of_this_run = note["pid"].as_i64() == Some(i64::from(self.pid().ok()?.as_raw()));
        (is_of_this_run && note["ready"] == Value::Bool(true)).then_some(note)
    }

    fn address(&self) -> Option<String> {
        let note = self.note()?;
        Some(note["address"].as_str()?.strip_prefix("http://")?.trim_end_matches('/').to_owned())
    }

    /// Of this room alone, so that its devices are let in nowhere else.
    fn device_password(&self) -> String {
        self.data().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A device of this name at the station's own broker.
    pub(crate) fn device(&self, name: &str) -> Result<Publisher> {
        let port = self.note().context("the station is not ready")?["broker_port"].as_u64();
        Publisher::start(PublisherOptions {
            port: port.and_then(|port| port.try_into().ok()).context("the station runs no broker")?,
            client_id: name.to_owned(),
            account: Some(("device".to_owned(), self.device_password())),
            window: 200,
        })
    }

    /// Makes a call and answers its reply.
    pub(crate) fn call(&self, name: &str, body: &Value) -> Result<Value> {
        self.call_as(&self.token, name, body)
    }

    /// The same with types.
    pub(crate) fn ask<C: Call>(&self, call: &C) -> Result<C::Reply> {
        self.ask_as(&self.token, call)
    }

    /// The same as somebody else, by the token of their session.
    pub(crate) fn ask_as<C: Call>(&self, token: &str, call: &C) -> Result<C::Reply> {
        let reply = self.call_as(token, C::NAME, &serde_json::to_value(call)?)?;
        Ok(serde_json::from_value(reply)?)
    }

    /// Gives somebody else an account with the admin's roles and password, and signs them in: their session's token.
    pub(crate) fn colleague(&self, name: &str, full_name: &str) -> Result<String> {
        self.sql(&format!(
            "insert into people (id, tenant, name, full_name) \
             select gen_random_uuid(), tenant, '{name}', '{full_name}' from people where name = '{ADMIN}'; \
             insert into credentials (person, password_hash) select p.id, c.password_hash from people p, \
             credentials c join people a on a.id = c.person where p.name = '{name}' and a.name = '{ADMIN}'; \
             insert into person_roles (person, role) select p.id, r.role from people p, \
             person_roles r join people a on a.id = r.person where p.name = '{name}' and a.name = '{ADMIN}'"
        ))?;
        let session = self.ask(&SignIn { name: name.to_owned(), password: ADMIN_PASSWORD.to_owned() })?;
        Ok(session.token)
    }

    fn call_as(&self, token: &str, name: &str, body: &Value) -> Result<Value> {
        let address = self.address().context("the station is not ready")?;
        let (status, reply) = post(&address, token, name, body)?;
        ensure!(status.contains(" 200 "), "{name}: {status}: {reply}");
        Ok(serde_json::from_str(&reply)?)
    }

    /// Lets the station listen, from its next start on, where it can be asked before it says itself where it is.
    pub(crate) fn listen_at_a_known_address(&mut self) -> Result<String> {
        // Free a moment ago, and the system gives others first.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        self.set("PENSTOCK_GATEWAY__LISTEN", &address);
        Ok(address)
    }

    /// Waits until whoever asks at `address` is refused with all of these words.
    pub(crate) fn refuses(address: &str, words: &[&str]) -> Result<()> {
        wait_for(&format!("{address} answers {words:?}"), || {
            let (status, reply) = post(address, "", "hello", &json!({}))?;
            ensure!(status.contains(" 503 "), "{status}: {reply}");
            ensure!(words.iter().all(|word| reply.contains(word)), "{reply}");
            Ok(Some(()))
        })
    }

    /// What Station health says.
    pub(crate) fn health(&self) -> Result<Value> {
        self.call("health", &json!({}))
    }

    /// What is told of a part under Station health: the words of its notices.
    pub(crate) fn notices(&self, part: &str) -> Result<Vec<String>> {
        let health = self.health()?;
        let notices = health["notices"].as_array().context("health has notices")?;
        let of_part = notices.iter().filter(|notice| notice["part"] == part);
        Ok(of_part.map(|notice| format!("{}: {}", notice["what"], notice["cure"])).collect())
    }

    /// Waits until Station health tells of trouble with a part, and answers its words.
    pub(crate) fn told(&self, part: &str) -> Result<String> {
        let found = || -> Result<Option<String>> { Ok(self.notices(part)?.into_iter().next()) };
        wait_for(&format!("Station health tells of the {part}"), found)
    }

    /// Waits until Station health tells of no trouble with a part any more.
    pub(crate) fn cleared(&self, part: &str) -> Result<()> {
        let found = || -> Result<Option<()>> { Ok(self.notices(part)?.is_empty().then_some(())) };
        wait_for(&format!("Station health has nothing to tell of the {part}"), found)
    }

    /// Waits until nothing waits in the spool.
    pub(crate) fn copied(&self) -> Result<()> {
        wait_for("all of the spool is in the database", || {
            Ok((self.health()?["spool"]["waiting"].as_u64() == Some(0)).then_some(()))
        })
    }

    /// Waits until the log has a line with all of these words.
    pub(crate) fn logged(&self, words: &[&str]) -> Result<()> {
        let is_it = |line: &str| words.iter().all(|word| line.contains(word));
        let found =
            || -> Result<Option<()>> { Ok(std::fs::read_to_string(self.log_file())?.lines().any(is_it).then_some(())) };
        wait_for(&format!("the log says {words:?}"), found).with_context(|| self.last_words())
    }

    fn log_file(&self) -> PathBuf {
        self.data().join("station.log")
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let mut lines: Vec<&str> = log.lines().rev().take(12).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Greets the station over a source until it has heard: a broker keeps nothing for one that has never subscribed.
    pub(crate) fn hears(&self, source: &str, greet: impl Fn(&str, &str) -> Result<()>) -> Result<()> {
        wait_for(&format!("the station hears what comes over {source}"), || {
            greet(&format!("jjm/sensors/{GREETING}/data"), r#"{"value":1}"#)?;
            Ok(self.point(source, GREETING)?.map(drop))
        })
    }

    /// A point as the register has it; none where it does not.
    fn point(&self, source: &str, path: &str) -> Result<Option<Value>> {
        let register = self.call("register", &json!({}))?;
        let points = register["points"].as_array().context("a register has points")?;
        let address = json!({ "source": source, "path": path });
        Ok(points.iter().find(|point| point["address"] == address).cloned())
    }

    /// Waits until the station knows a point, and answers it as the register has it.
    pub(crate) fn knows(&self, source: &str, path: &str) -> Result<Value> {
        wait_for(&format!("the station knows {path} of {source}"), || self.point(source, path))
    }

    /// Changes a point as an admin does: each of `fields` takes the place of its own.
    pub(crate) fn change(&self, point: &Value, fields: &Value) -> Result<()> {
        let report = self.call("save-points", &json!({ "points": [with(point, fields)?], "reason": "a test" }))?;
        ensure!(report["changed"] == 1, "the point is another from now on: {report}");
        Ok(())
    }

    /// A source as Station health shows it.
    pub(crate) fn source(&self, name: &str) -> Result<Value> {
        let health = self.health()?;
        let sources = health["sources"].as_array().context("health has sources")?;
        sources.iter().find(|source| source["name"] == name).cloned().with_context(|| format!("no source {name}"))
    }

    /// Waits until a source's state under Station health says what went wrong, and answers its words.
    pub(crate) fn source_told(&self, name: &str) -> Result<String> {
        let found = || -> Result<Option<String>> { Ok(self.source(name)?["last_error"].as_str().map(str::to_owned)) };
        wait_for(&format!("Station health says what is wrong with the source {name}"), found)
    }

    /// Waits until a source is connected and no notice of it stands.
    pub(crate) fn source_back(&self, name: &str) -> Result<()> {
        wait_for(&format!("the source {name} is connected"), || {
            Ok((self.source(name)?["connected"] == Value::Bool(true)).then_some(()))
        })?;
        self.cleared(&format!("source {name}"))
    }

    /// Waits until a point's history shows a value of these hours.
    pub(crate) fn shows(&self, source: &str, path: &str, value: f64) -> Result<()> {
        let now = penstock_model::Clock::System.now().as_micros();
        let (from, to) = (now - SHOWN_MICROS, now + SHOWN_MICROS);
        wait_for(&format!("the history of {path} of {source} shows {value}"), || {
            let Some(point) = self.point(source, path)? else { return Ok(None) };
            let wanted = json!({ "points": [point["id"]], "from": from, "to": to, "max_points": 10_000 });
            let history = self.call("history", &wanted)?;
            let values = history[0]["values"].as_array().context("history has values")?;
            Ok(values.iter().any(|shown| shown.as_f64() == Some(value)).then_some(()))
        })
    }

    /// Asks the station's database, past the station: the columns of each row. Times are UTC.
    pub(crate) fn sql(&self, query: &str) -> Result<Vec<Vec<String>>> {
        let mut command = Command::new("psql");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        let output = command
            .env("PGTZ", "UTC")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--username", "postgres", "--dbname", "penstock"])
            .arg("--host")
            .arg(self.seen("database/run"))
            .args(["--command", query])
            .output()
            .context("psql cannot be started: install it with `apt-get install postgresql-client`")?;
        let text = said(&output)?;
        Ok(text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
    }

    /// Makes whoever does this to a table of the database, for example `insert on audit`, stand still in the middle of
    /// the transaction, until [`Room::let_go`].
    pub(crate) fn stand_still(&self, doing: &str) -> Result<()> {
        let trigger = format!(
            "create function stand_still() returns trigger language plpgsql as \
             $$ begin perform pg_sleep(600); return null; end $$; \
             create trigger stand_still before {doing} for each statement execute function stand_still()"
        );
        self.sql(&trigger).map(drop)
    }

    /// Waits until somebody stands still.
    pub(crate) fn stands_still(&self) -> Result<()> {
        let asleep = "select pid from pg_stat_activity where wait_event = 'PgSleep'";
        wait_for("the database stands still in the middle", || Ok((!self.sql(asleep)?.is_empty()).then_some(())))
            .with_context(|| self.last_words())
    }

    /// Ends what stands still, as the database does once it finds that nobody waits for it any more.
    pub(crate) fn let_go(&self) -> Result<()> {
        self.sql("select pg_terminate_backend(pid, 30000) from pg_stat_activity where wait_event = 'PgSleep'")?;
        self.sql("drop function stand_still() cascade").map(drop)
    }

    /// Waits until the database has done with everything that a killed station had asked of it.
    pub(crate) fn left_alone(&self) -> Result<()> {
        let others = "select pid from pg_stat_activity \
                      where backend_type = 'client backend' and pid <> pg_backend_pid()";
        wait_for("nobody is at the database", || Ok(self.sql(others)?.is_empty().then_some(())))
    }

    /// The database's first process.
    pub(crate) fn postmaster(&self) -> Result<Pid> {
        let text = std::fs::read_to_string(self.seen("database/data/postmaster.pid"))?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok()).context("no process in the file")?;
        Ok(Pid::from_raw(pid))
    }

    /// All processes of the database.
    pub(crate) fn database(&self) -> Result<Vec<Pid>> {
        let data = self.data().join("database/data");
        let pids = processes()?.into_iter();
        Ok(pids
            .filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == data))
            .collect())
    }

    /// The broker's process.
    pub(crate) fn broker(&self) -> Result<Pid> {
        let config = self.data().join("broker/mosquitto.conf");
        let is_it = |pid: &Pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == config.as_os_str().as_bytes())
        };
        processes()?.into_iter().find(is_it).context("the broker does not run")
    }

    /// Fills the disk under a folder to its last byte; the file that is answered holds the room until it is removed.
    pub(crate) fn fill(&self, disk: Disk) -> Result<PathBuf> {
        let path = self.seen(disk.folder).join("filler");
        let mut file = File::create(&path)?;
        let mut bytes = 0_u64;
        // Single bytes at last: a record is smaller than a block of a disk.
        for size in [1 << 16, 1 << 12, 1] {
            loop {
                match file.write(&vec![b'x'; size]) {
                    Ok(written) => bytes += written as u64,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
                // Were the disk not mounted, this would be the machine's.
                ensure!(bytes <= u64::from(disk.megabytes) << 20, "{} is no disk of its own", path.display());
            }
        }
        Ok(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            // Quicker than asking; what it leaves running ends with the folder. Gone already is well.
            kill(running.pid, Signal::SIGKILL).unwrap_or_default();
        }
    }
}

fn ports() -> Result<File> {
    File::options().create(true).append(true).open(PORTS).with_context(|| format!("cannot open {PORTS}"))
}

/// A point with each of `fields` in the place of its own.
pub(crate) fn with(point: &Value, fields: &Value) -> Result<Value> {
    let mut point = point.clone();
    for (name, value) in fields.as_object().context("fields have names")? {
        point[name.as_str()] = value.clone();
    }
    Ok(point)
}

/// Sends a signal to each that is still there.
pub(crate) fn signal(pids: &[Pid], signal: Signal) -> Result<()> {
    for pid in pids {
        match kill(*pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => bail!("{signal} to process {pid}: {error}"),
        }
    }
    Ok(())
}

/// Makes a call of the station at `address`: the first line of the answer, and its content.
fn post(address: &str, token: &str, name: &str, body: &Value) -> Result<(String, String)> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(
        stream,
        "POST /api/call/{name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("{name}: no answer within {ANSWER:?}"))?;
    let answer = String::from_utf8(answer)?;
    let (head, reply) = answer.split_once("\r\n\r\n").with_context(|| format!("{name}: cut off: {answer}"))?;
    Ok((head.lines().next().unwrap_or_default().to_owned(), reply.to_owned()))
}

/// Waits until `found` finds something. What goes wrong meanwhile is told only where it does not end in time.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        let failure = match found() {
            Ok(Some(it)) => return Ok(it),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if begun.elapsed() >= PATIENCE {
            let late = format!("{what}: not within {PATIENCE:?}");
            return Err(match failure {
                Some(error) => error.context(late),
                None => anyhow!(late),
            });
        }
        std::thread::sleep(GLANCE);
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn processes() -> Result<Vec<Pid>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw));
    }
    Ok(pids)
}

fn said(output: &Output) -> Result<String> {
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout.clone())?)
}
