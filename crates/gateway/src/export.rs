//! Files of stored values, streamed as they are read: nothing holds a whole one. Must not know what is in them.

use std::io::{Error, ErrorKind, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use penstock_api::ApiError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::{Shared, refusal};

/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;
/// Whoever takes nothing for so long is taken to have gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pieces that wait for whoever downloads; then the work waits.
const AHEAD: usize = 8;

/// The file of a ticket. Where the work fails half way, the transfer breaks off, so that nobody takes a part for the
/// whole.
pub(crate) async fn take(State(shared): State<Shared>, Path(ticket): Path<String>) -> Response {
    let taken = match shared.station.take_export(&ticket) {
        Ok(taken) => taken,
        Err(error) => return refusal(&error),
    };
    let headers = [
        (header::CONTENT_TYPE, taken.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", taken.file_name())),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let (into, pieces) = mpsc::channel(AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe { into: into.clone(), piece: Vec::with_capacity(PIECE), runtime };
        if let Err(error) = taken.write(&mut pipe).and_then(|()| pipe.flush().map_err(broken)) {
            tracing::warn!(error = error.message, "an export broke off");
            // Whoever downloads may have gone.
            drop(into.blocking_send(Err(Error::other(error.message))));
        }
    });
    let pieces = futures_util::stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    (headers, Body::from_stream(pieces)).into_response()
}

fn broken(error: Error) -> ApiError {
    ApiError::new(penstock_api::Code::Failed, error.to_string())
}

/// Gathers what is written into pieces and hands them on.
struct Pipe {
    into: mpsc::Sender<Result<Bytes, Error>>,
    piece: Vec<u8>,
    runtime: Handle,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |why| Error::new(ErrorKind::BrokenPipe, format!("whoever downloads {why}"));
        let sent = self.runtime.block_on(tokio::time::timeout(PATIENCE, self.into.send(Ok(piece.into()))));
        sent.map_err(|_elapsed| gone("takes nothing any more"))?.map_err(|_closed| gone("has gone"))
    }
}
