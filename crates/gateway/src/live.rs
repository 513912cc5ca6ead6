//! The live feed over a WebSocket: the session first as text, then frames as binary.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;

use crate::Shared;

/// How long a page has to say whose feed it wants.
const FIRST_WORD: Duration = Duration::from_secs(10);
/// How long one frame may take to be taken; a page that takes longer is let go and comes back.
const SLOWEST: Duration = Duration::from_secs(20);
/// How often the session is looked at while frames flow, and the page asked whether it is still there: one that has not
/// answered by the next time is let go, since what its desk answers for would be heard by nobody.
const RECHECK: Duration = Duration::from_secs(30);
/// Close code for "sign in again", in the range that applications have for themselves (RFC 6455, 7.4.2).
const SIGNED_OUT: u16 = 4_401;

pub(crate) async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(4_096).on_upgrade(|socket| serve(socket, shared))
}

async fn serve(mut socket: WebSocket, shared: Shared) {
    let Ok(Some(Ok(Message::Text(token)))) = tokio::time::timeout(FIRST_WORD, socket.recv()).await else { return };
    let token = token.as_str().to_owned();
    let mut feed = match shared.station.follow(&token) {
        Ok(feed) => feed,
        Err(error) => return close(socket, SIGNED_OUT, &error.message).await,
    };
    let mut recheck = tokio::time::interval(RECHECK);
    // A page has all of that time to answer, also after a frame that took long.
    recheck.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut has_answered = true;
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => return close(socket, 1_001, "the station is stopping").await,
            _ = recheck.tick() => {
                if let Err(error) = shared.station.touch(&token) {
                    return close(socket, SIGNED_OUT, &error.message).await;
                }
                let ping = socket.send(Message::Ping(Default::default()));
                if !has_answered || !matches!(tokio::time::timeout(SLOWEST, ping).await, Ok(Ok(()))) {
                    return;
                }
                has_answered = false;
            }
            frame = feed.next() => {
                let bytes = match frame.to_bytes() {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        tracing::error!(%error, "a frame could not be encoded");
                        return;
                    }
                };
                match tokio::time::timeout(SLOWEST, socket.send(Message::Binary(bytes.into()))).await {
                    Ok(Ok(())) => {}
                    _ => return,
                }
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => has_answered = true,
            },
        }
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &str) {
    // A close reason holds at most 123 bytes.
    let reason: String = reason.chars().take(60).collect();
    drop(socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await);
}
