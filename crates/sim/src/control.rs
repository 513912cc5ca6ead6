//! Asking a running simulator: one line of JSON each way over a Unix socket that only its owner may open.
//! Must not know the network.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::Error;
use crate::events::{EventKind, Request, Truth};

/// Longest question in bytes.
const LONGEST_LINE: u64 = 16 * 1_024;

/// What can be asked of a running simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Let something go wrong now.
    Event(Request),
    /// End an event now.
    End {
        /// Its number.
        number: u32,
    },
    /// List the events so far.
    Events,
    /// List the kinds of events.
    Kinds,
}

/// What a running simulator answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The event has begun.
    Begun(Truth),
    /// The events so far.
    Events(Vec<Truth>),
    /// The kinds of events.
    Kinds(Vec<EventKind>),
    /// It cannot be done, and why.
    Refused(String),
}

/// A question with the way back for its answer.
pub(crate) type Asked = (Ask, oneshot::Sender<Reply>);

/// A socket that is listened on; dropping it stops that and removes it.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket is gone already");
        }
    }
}

/// Where a simulator listens unless told otherwise.
pub fn usual_path() -> PathBuf {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join("penstock-sim.sock")
}

/// Listens for questions; must be called inside a tokio runtime.
///
/// # Errors
/// [`Error::File`] where the socket cannot be made.
pub(crate) fn listen(path: &Path) -> Result<(Socket, mpsc::Receiver<Asked>), Error> {
    let file = |source| Error::File { what: "cannot listen at", path: path.to_owned(), source };
    if std::os::unix::net::UnixStream::connect(path).is_err() && path.exists() {
        // Left by a simulator that was killed: nobody answers there.
        std::fs::remove_file(path).map_err(file)?;
    }
    let listener = UnixListener::bind(path).map_err(file)?;
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, only_owner).map_err(file)?;
    let (questions, asked) = mpsc::channel(16);
    let task = tokio::spawn(serve(listener, questions));
    Ok((Socket { path: path.to_owned(), task }, asked))
}

/// Asks a running simulator.
///
/// # Errors
/// [`Error::Control`] where none answers, [`Error::Refused`] where it refuses.
pub async fn ask(path: &Path, ask: &Ask) -> Result<Reply, Error> {
    let control = |source| Error::Control { path: path.to_owned(), source };
    let mut stream = UnixStream::connect(path).await.map_err(control)?;
    let line = serde_json::to_string(ask)? + "\n";
    stream.write_all(line.as_bytes()).await.map_err(control)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await.map_err(control)?;
    match serde_json::from_str(&answer)? {
        Reply::Refused(why) => Err(Error::Refused(why)),
        reply => Ok(reply),
    }
}

/// One question at a time: whoever asks waits for the answer, and the next one for them.
async fn serve(listener: UnixListener, questions: mpsc::Sender<Asked>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let asking = tokio::time::timeout(std::time::Duration::from_secs(5), one(stream, &questions));
        match asking.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a question was not answered"),
            Err(_) => tracing::debug!("a question took too long"),
        }
    }
}

async fn one(stream: UnixStream, questions: &mpsc::Sender<Asked>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LONGEST_LINE)).read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Ok(ask) => {
            let (back, answer) = oneshot::channel();
            if questions.send((ask, back)).await.is_err() {
                return Ok(());
            }
            answer.await.unwrap_or_else(|_| Reply::Refused("the simulator is stopping".to_owned()))
        }
        Err(error) => Reply::Refused(format!("the question is not understood: {error}")),
    };
    let text = serde_json::to_string(&reply).map_err(std::io::Error::other)? + "\n";
    write.write_all(text.as_bytes()).await
}
