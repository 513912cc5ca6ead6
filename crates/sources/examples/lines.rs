//! A way in, worked through: whoever connects over TCP sends a line a reading, `topic payload`, and gets `ok` back for
//! each line once it is durable. `ARCHITECTURE.md` ("A new way in") refers to it.
//!
//! `cargo run -p penstock-sources --example lines 127.0.0.1:7700` stands in for the station: it prints what comes and
//! calls everything durable. Try it with `printf 'pump/1 {"value":3}\n' | nc -q1 127.0.0.1 7700`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use penstock_model::{Clock, Timestamp};
use penstock_sources::{AckLane, AckToken, Link, Problem, ProblemKind, Received, Source, SourceState, acknowledge};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A longer line ends its connection: what a sender may take of this machine's memory is bounded.
const LONGEST_LINE: u64 = 64 << 10;
/// Where the port is taken, it is tried again this much later.
const RETRY: Duration = Duration::from_secs(5);

/// Lines over TCP.
struct Lines {
    name: Arc<str>,
    address: String,
    clock: Clock,
}

impl Source for Lines {
    fn first_state(&self) -> SourceState {
        SourceState::new(&*self.name, format!("tcp://{}", self.address), self.clock.now())
    }

    async fn run(self, out: mpsc::Sender<Received>, state: watch::Sender<SourceState>, shutdown: CancellationToken) {
        let work = async {
            loop {
                let listener = match TcpListener::bind(&self.address).await {
                    Ok(listener) => listener,
                    // What goes wrong is a state with its cure, never the end of the source.
                    Err(error) => {
                        state.send_modify(|state| fail(state, self.clock.now(), &self.address, &error));
                        tokio::time::sleep(RETRY).await;
                        continue;
                    }
                };
                state.send_modify(|state| state.link = Link::Connected { since: self.clock.now() });
                while let Ok((connection, _)) = listener.accept().await {
                    let serving =
                        serve(connection, Arc::clone(&self.name), self.clock.clone(), out.clone(), state.clone());
                    let stop = shutdown.clone();
                    // It holds a way to the station: that has to go when the source is told to stop.
                    tokio::spawn(async move {
                        tokio::select! {
                            () = serving => {}
                            () = stop.cancelled() => {}
                        }
                    });
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = shutdown.cancelled() => {}
            // The station has gone.
            () = out.closed() => {}
        }
        state.send_modify(|state| state.link = Link::Stopped);
    }
}

fn fail(state: &mut SourceState, now: Timestamp, address: &str, error: &std::io::Error) {
    state.link = Link::Down { since: now, retry: now + RETRY };
    state.last_problem = Some(Problem {
        at: now,
        kind: ProblemKind::Setting,
        message: format!("cannot listen on {address}: {error}"),
        cure: "end what uses the port, or set another".to_owned(),
    });
}

/// Hands on the lines of one connection. A full `out` makes it wait, and the sender with it.
async fn serve(
    connection: TcpStream,
    source: Arc<str>,
    clock: Clock,
    out: mpsc::Sender<Received>,
    state: watch::Sender<SourceState>,
) {
    let (read, write) = connection.into_split();
    let (durable, told) = watch::channel(0);
    let lane: Arc<dyn AckLane> = Arc::new(Lane { durable });
    tokio::spawn(answer(write, told));
    let mut lines = BufReader::new(tokio::io::AsyncReadExt::take(read, LONGEST_LINE));
    let (mut line, mut number) = (String::new(), 0);
    while matches!(lines.read_line(&mut line).await, Ok(1..)) {
        let (topic, payload) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let message = Received {
            source: Arc::clone(&source),
            topic: topic.into(),
            payload: payload.as_bytes().to_vec().into(),
            received: clock.now(),
            retained: false,
            over_limit: None,
            has_broken_topic: false,
            // Nothing numbers a line: one that is sent again is known by the time in its payload alone.
            delivery: None,
            ack: AckToken::new(Arc::clone(&lane), number),
        };
        let bytes = message.payload.len() as u64;
        if out.send(message).await.is_err() {
            return;
        }
        state.send_modify(|state| {
            state.messages += 1;
            state.bytes += bytes;
        });
        number += 1;
        line.clear();
        lines.get_mut().set_limit(LONGEST_LINE);
    }
}

/// Where acknowledgements of a connection go: a count, so that nothing piles up behind a sender that does not read.
struct Lane {
    durable: watch::Sender<usize>,
}

impl AckLane for Lane {
    fn acknowledge(&self, ids: &[u64]) {
        // Void where the connection is gone.
        self.durable.send_modify(|durable| *durable += ids.len());
    }
}

async fn answer(mut write: OwnedWriteHalf, mut told: watch::Receiver<usize>) {
    let mut answered = 0;
    while told.changed().await.is_ok() {
        let durable = *told.borrow_and_update();
        if write.write_all("ok\n".repeat(durable - answered).as_bytes()).await.is_err() {
            return;
        }
        answered = durable;
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it stands in for the station and shows what comes")]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7700".to_owned());
    let source = Lines { name: "lines".into(), address, clock: Clock::System };
    let (state, mut told) = watch::channel(source.first_state());
    let (out, mut messages) = mpsc::channel(1_024);
    tokio::spawn(source.run(out, state, CancellationToken::new()));
    let count = AtomicUsize::new(0);
    loop {
        tokio::select! {
            Some(message) = messages.recv() => {
                let number = count.fetch_add(1, Ordering::Relaxed);
                println!("{number} {} {:?}", message.topic, message.payload);
                acknowledge([message.ack]);
            }
            Ok(()) = told.changed() => println!("{:?}", told.borrow_and_update().link),
            else => return,
        }
    }
}
