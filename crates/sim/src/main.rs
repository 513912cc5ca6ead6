//! The command line of the demo water network.

mod arguments;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use penstock_model::Clock;
use penstock_sim::control::{self, Ask, Reply};
use penstock_sim::{Broker, Error, EventKind, Play, Request, Run, Stamp, Truth, parse_duration, script};

use crate::arguments::Arguments;

const USAGE: &str = "\
penstock-sim: the demo water town Nandipur, publishing MQTT like real devices

  penstock-sim run [--host 127.0.0.1] [--port 1883] [--user NAME] [--history 7d] [--state FILE]
                   [--seed 1] [--speed 1] [--interval 5s] [--script FILE] [--truth FILE] [--control PATH]
                   [--topic-prefix jjm/sensors] [--client-prefix penstock-sim]
      Publishes the past where --history is given and --state holds none yet, then the present.
      The password comes from PENSTOCK_SIM_PASSWORD. --speed (1 to 100) lets the plant's days pass
      faster; devices stamp their readings with the real time all the same.
  penstock-sim event KIND [--at PLACE] [--size X] [--for 10m] [--control PATH]
      Lets something go wrong in a running simulator: burst, leak, bearing-wear, stuck, drift, spike,
      dropout, offline, overflow, chlorine-loss, pump-trip.
  penstock-sim end NUMBER [--control PATH]      Ends an event.
  penstock-sim events [--control PATH]          Lists the events of a running simulator.
  penstock-sim play FILE.csv [--speed 1|max] [--time-column NAME] [--stamp now|recorded] [--id-prefix TEXT]
                   [--host ...] [--port ...] [--user ...] [--topic-prefix ...]
      Plays a recording as devices: each column is one that speaks again.
  penstock-sim plant --out FILE                 Writes the plant file.
  penstock-sim basemap --out FILE               Writes the base map of the town.
";

const BROKER: [&str; 5] = ["host", "port", "user", "topic-prefix", "client-prefix"];

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_writer(std::io::stderr)
        .init();
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match obey(&command, words.collect()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn obey(command: &str, words: Vec<String>) -> Result<(), Error> {
    match command {
        "run" => run(words).await,
        "play" => play(words).await,
        "event" => event(words).await,
        "end" => end(words).await,
        "events" => events(words).await,
        "plant" => plant(words),
        "basemap" => base_map(words),
        "" | "help" | "--help" | "-h" => say(USAGE),
        other => Err(Error::Usage(format!("command {other:?} is not known\n\n{USAGE}"))),
    }
}

async fn run(words: Vec<String>) -> Result<(), Error> {
    let mut known = vec!["history", "state", "seed", "speed", "interval", "script", "truth", "control"];
    known.extend(BROKER);
    let arguments = Arguments::sort(words, &known)?;
    let duration = |name: &str| arguments.text(name).map(parse_duration).transpose();
    let speed = arguments.read("speed")?.unwrap_or(1.0);
    if !(1.0..=100.0).contains(&speed) {
        return Err(Error::Usage(format!("option --speed cannot be {speed}: it is 1 to 100")));
    }
    let run = Run {
        broker: broker(&arguments)?,
        seed: arguments.read("seed")?.unwrap_or(1),
        speed,
        history: duration("history")?,
        interval: duration("interval")?.unwrap_or(Duration::from_secs(5)),
        script: arguments.text("script").map(|path| script::read(Path::new(path))).transpose()?.unwrap_or_default(),
        control: listening_path(&arguments),
        truth: arguments.text("truth").map(PathBuf::from),
        state: arguments.text("state").map(PathBuf::from),
        clock: Clock::System,
    };
    let published = run.until(stopped()).await?;
    tracing::info!(past = published.past, live = published.live, lost = published.lost, "stopped");
    Ok(())
}

async fn play(words: Vec<String>) -> Result<(), Error> {
    let mut known = vec!["speed", "time-column", "stamp", "id-prefix"];
    known.extend(BROKER);
    let arguments = Arguments::sort(words, &known)?;
    let [file] = arguments.rest() else { return Err(Error::Usage("name one CSV file to play".to_owned())) };
    let stamp = match arguments.text("stamp") {
        None | Some("now") => Stamp::Now,
        Some("recorded") => Stamp::Recorded,
        Some(other) => return Err(Error::Usage(format!("option --stamp cannot be {other:?}: use now or recorded"))),
    };
    let speed = match arguments.text("speed") {
        Some("max") => f64::INFINITY,
        _ => arguments.read("speed")?.unwrap_or(1.0),
    };
    let play = Play {
        broker: broker(&arguments)?,
        file: PathBuf::from(file),
        speed,
        time_column: arguments.text("time-column").map(str::to_owned),
        id_prefix: arguments.text("id-prefix").unwrap_or_default().to_owned(),
        stamp,
        clock: Clock::System,
    };
    let played = play.until(stopped()).await?;
    tracing::info!(rows = played.rows, readings = played.readings, empty = played.empty, "played");
    Ok(())
}

/// Completes when the process is asked to stop.
async fn stopped() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::warn!(%error, "cannot wait for SIGTERM");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => tracing::debug!(ok = interrupted.is_ok(), "interrupted"),
    }
}

async fn event(words: Vec<String>) -> Result<(), Error> {
    let arguments = Arguments::sort(words, &["at", "size", "for", "control"])?;
    let kind: EventKind = match arguments.rest() {
        [kind] => kind.parse()?,
        _ => return Err(Error::Usage(format!("name one event: {}", EventKind::ALL.map(EventKind::name).join(", ")))),
    };
    let length = arguments.text("for").map(parse_duration).transpose()?;
    let request = Request {
        kind,
        at: arguments.text("at").map(str::to_owned),
        size: arguments.read("size")?,
        for_secs: length.map(|length| length.as_secs_f64()),
    };
    show(control::ask(&control_path(&arguments), &Ask::Event(request)).await?)
}

async fn end(words: Vec<String>) -> Result<(), Error> {
    let arguments = Arguments::sort(words, &["control"])?;
    let number = match arguments.rest() {
        [number] => number.parse().ok(),
        _ => None,
    };
    let Some(number) = number else { return Err(Error::Usage("name the event by its number".to_owned())) };
    show(control::ask(&control_path(&arguments), &Ask::End { number }).await?)
}

async fn events(words: Vec<String>) -> Result<(), Error> {
    let arguments = Arguments::sort(words, &["control"])?;
    show(control::ask(&control_path(&arguments), &Ask::Events).await?)
}

fn plant(words: Vec<String>) -> Result<(), Error> {
    let arguments = Arguments::sort(words, &["out"])?;
    let text = serde_json::to_string_pretty(&penstock_sim::plant_file()?)? + "\n";
    write(&arguments, &text)
}

fn base_map(words: Vec<String>) -> Result<(), Error> {
    let arguments = Arguments::sort(words, &["out"])?;
    let text = serde_json::to_string(&penstock_sim::base_map())? + "\n";
    write(&arguments, &text)
}

fn write(arguments: &Arguments, text: &str) -> Result<(), Error> {
    let Some(path) = arguments.text("out") else { return say(text) };
    std::fs::write(path, text).map_err(|source| Error::File { what: "cannot write", path: path.into(), source })
}

fn broker(arguments: &Arguments) -> Result<Broker, Error> {
    let text = |name: &str, usual: &str| arguments.text(name).unwrap_or(usual).to_owned();
    let password = std::env::var("PENSTOCK_SIM_PASSWORD").unwrap_or_default();
    Ok(Broker {
        host: text("host", "127.0.0.1"),
        port: arguments.read("port")?.unwrap_or(1_883),
        credentials: arguments.text("user").map(|user| (user.to_owned(), password)),
        topic_prefix: text("topic-prefix", "jjm/sensors"),
        client_prefix: text("client-prefix", "penstock-sim"),
    })
}

fn control_path(arguments: &Arguments) -> PathBuf {
    arguments.text("control").map_or_else(control::usual_path, PathBuf::from)
}

/// Where a run listens: where it is told to, else at the usual place unless another simulator listens there.
fn listening_path(arguments: &Arguments) -> Option<PathBuf> {
    let path = control_path(arguments);
    if arguments.text("control").is_none() && std::os::unix::net::UnixStream::connect(&path).is_ok() {
        tracing::warn!(path = %path.display(), "another simulator listens here: events on demand need --control");
        return None;
    }
    Some(path)
}

fn show(reply: Reply) -> Result<(), Error> {
    let line = |truth: &Truth| {
        format!(
            "{:>4}  {:14} {} to {}  size {}  {}\n",
            truth.event,
            truth.kind.name(),
            truth.from,
            truth.until,
            truth.size,
            truth.at
        )
    };
    match reply {
        Reply::Begun(truth) => say(&line(&truth)),
        Reply::Events(truths) => say(&truths.iter().map(line).collect::<String>()),
        Reply::Kinds(kinds) => say(&kinds.iter().map(|kind| format!("{kind}\n")).collect::<String>()),
        Reply::Refused(why) => Err(Error::Refused(why)),
    }
}

fn say(text: &str) -> Result<(), Error> {
    let out = |source| Error::File { what: "cannot write", path: "standard output".into(), source };
    std::io::stdout().write_all(text.as_bytes()).map_err(out)
}
