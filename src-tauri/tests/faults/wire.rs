//! A network between a station and a broker, for cutting: a proxy on loopback. Must not know MQTT.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;

/// How often a line looks whether the network is as it was.
const GLANCE: Duration = Duration::from_millis(20);

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// All goes through.
    Up,
    /// Nothing goes through and nobody is told; what is underway comes when it is up again, as TCP has it.
    Silent,
    /// Connections are ended, new ones too.
    Cut,
}

/// The way to a broker.
pub(crate) struct Wire {
    /// Where it begins, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
    door: Option<JoinHandle<()>>,
}

struct Shared {
    broker: u16,
    network: Mutex<Network>,
    /// Connections that began before so many times of forgetting are forgotten.
    forgotten: AtomicU64,
    /// Whether the broker is told that a connection is forgotten.
    is_told: AtomicBool,
    is_over: AtomicBool,
}

/// One way of a connection.
struct Line {
    from: TcpStream,
    to: TcpStream,
    /// Whether it leads to the broker.
    is_out: bool,
    /// How often the network had forgotten its connections before this one.
    began: u64,
}

impl Wire {
    /// A way to the broker on a port of 127.0.0.1.
    pub(crate) fn to(broker: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            broker,
            network: Mutex::new(Network::Up),
            forgotten: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let of_door = Arc::clone(&shared);
        let door = std::thread::spawn(move || of_door.serve(&listener));
        Ok(Self { port, shared, door: Some(door) })
    }

    /// Makes the network so from now on.
    pub(crate) fn set(&self, network: Network) {
        *self.shared.network.lock().unwrap_or_else(PoisonError::into_inner) = network;
    }

    /// Leaves every connection half open: the broker's side ends, the station's stays and is never answered again.
    pub(crate) fn forget(&self) {
        self.shared.is_told.store(true, Ordering::SeqCst);
        self.shared.forgotten.fetch_add(1, Ordering::SeqCst);
    }

    /// Leaves every connection open on both sides, and whatever either still sends is swallowed.
    pub(crate) fn swallow(&self) {
        self.shared.is_told.store(false, Ordering::SeqCst);
        self.shared.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(door) = self.door.take() {
            // A thread of ours that panicked has told so itself.
            drop(door.join());
        }
    }
}

impl Shared {
    fn network(&self) -> Network {
        *self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn serve(&self, listener: &TcpListener) {
        std::thread::scope(|scope| {
            while !self.is_over() {
                let came = if self.network() == Network::Silent { None } else { listener.accept().ok() };
                let Some((near, _)) = came else {
                    std::thread::sleep(GLANCE);
                    continue;
                };
                if self.network() == Network::Cut {
                    continue;
                }
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.broker)) else { continue };
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
                let began = self.forgotten.load(Ordering::SeqCst);
                scope.spawn(move || self.carry(Line { from: near, to: far, is_out: true, began }));
                scope.spawn(move || self.carry(Line { from: far_too, to: near_too, is_out: false, began }));
            }
        });
    }

    fn is_forgotten(&self, line: &Line) -> bool {
        self.forgotten.load(Ordering::SeqCst) > line.began
    }

    /// Carries bytes one way until either side ends or the network is cut.
    fn carry(&self, mut line: Line) {
        let is_ready = line.from.set_nonblocking(false).and_then(|()| line.from.set_read_timeout(Some(GLANCE)));
        let mut bytes = vec![0; 1 << 16];
        while is_ready.is_ok() && !self.is_over() && self.network() != Network::Cut {
            if self.is_forgotten(&line) {
                if self.is_told.load(Ordering::SeqCst) {
                    let far = if line.is_out { &line.to } else { &line.from };
                    drop(far.shutdown(Shutdown::Both));
                }
                // The station's side stays open as long as this does.
                while !self.is_over() {
                    if !line.from.read(&mut bytes).is_ok_and(|count| count > 0) {
                        std::thread::sleep(GLANCE);
                    }
                }
                break;
            }
            if self.network() == Network::Silent {
                std::thread::sleep(GLANCE);
                continue;
            }
            match line.from.read(&mut bytes) {
                // The end of the far side may be the forgetting's own.
                Ok(0) if self.is_forgotten(&line) => {}
                Ok(0) => break,
                Ok(count) => {
                    let carried = bytes.get(..count).unwrap_or_default();
                    if line.to.write_all(carried).is_err() && !self.is_forgotten(&line) {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) if self.is_forgotten(&line) => {}
                Err(_) => break,
            }
        }
        // Gone already is well.
        drop(line.from.shutdown(Shutdown::Both));
        drop(line.to.shutdown(Shutdown::Both));
    }
}
