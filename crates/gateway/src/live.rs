//! The live feed over a WebSocket: the session first as text, then frames as binary.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use penstock_station::{Follower, Step};

use crate::Shared;

/// How long a page has to say whose feed it wants.
const FIRST_WORD: Duration = Duration::from_secs(10);
/// How long one frame may take to be taken; a page that takes longer is let go and comes back.
const SLOWEST: Duration = Duration::from_secs(20);
/// Close code for "sign in again", in the range that applications have for themselves (RFC 6455, 7.4.2).
const SIGNED_OUT: u16 = 4_401;

pub(crate) async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(4_096).on_upgrade(|socket| serve(socket, shared))
}

async fn serve(mut socket: WebSocket, shared: Shared) {
    let Ok(Some(Ok(Message::Text(token)))) = tokio::time::timeout(FIRST_WORD, socket.recv()).await else { return };
    let token = token.as_str().to_owned();
    let feed = match shared.station.follow(&token) {
        Ok(feed) => feed,
        Err(error) => return close(socket, SIGNED_OUT, &error.message).await,
    };
    let mut follower = Follower::new(feed, || shared.station.touch(&token));
    loop {
        let message = tokio::select! {
            // What the page has said counts before it is asked why it says nothing.
            biased;
            () = shared.shutdown.cancelled() => return close(socket, 1_001, "the station is stopping").await,
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                // Browsers answer a ping by themselves.
                Some(Ok(_)) => {
                    follower.answered();
                    continue;
                }
            },
            step = follower.next() => match step {
                Step::Send(frame) => match frame.to_bytes() {
                    Ok(bytes) => Message::Binary(bytes.into()),
                    Err(error) => {
                        tracing::error!(%error, "a frame could not be encoded");
                        return;
                    }
                },
                Step::Ask => Message::Ping(Default::default()),
                Step::Silent => return,
                Step::Ended(error) => return close(socket, SIGNED_OUT, &error.message).await,
            },
        };
        if !matches!(tokio::time::timeout(SLOWEST, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &str) {
    // A close reason holds at most 123 bytes.
    let reason: String = reason.chars().take(60).collect();
    drop(socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await);
}
