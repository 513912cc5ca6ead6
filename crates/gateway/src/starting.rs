//! The gateway before its station: while a start waits for its database, the screens are served and every call is told
//! for what and since when. Must not know what is waited for; nobody is signed in, so that there is nothing else to say.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::middleware;
use axum::response::Response;
use axum::routing::any;
use penstock_api::{ApiError, Code};
use penstock_station::Waiting;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Assets, Error, assets, refusal, security};

/// The gateway's address, for as long as there is no station behind it.
pub struct Starting {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) address: SocketAddr,
}

/// What every handler needs.
#[derive(Clone)]
struct Shared {
    waiting: watch::Receiver<Option<Waiting>>,
    assets: Arc<dyn Assets>,
}

impl Starting {
    /// Serves from when the start has to wait for something until it is `started`. A start that does not have to wait is
    /// not served: whoever connects meanwhile is answered by the station itself.
    ///
    /// # Errors
    /// [`Error::Serve`] where the listener fails.
    pub async fn serve(
        self,
        mut waiting: watch::Receiver<Option<Waiting>>,
        assets: Arc<dyn Assets>,
        started: CancellationToken,
    ) -> Result<(), Error> {
        let has_to_wait = async { waiting.wait_for(Option::is_some).await.is_ok() };
        let has_to_wait = tokio::select! {
            () = started.cancelled() => false,
            has_to_wait = has_to_wait => has_to_wait,
        };
        if !has_to_wait {
            return Ok(());
        }
        let listener = TcpListener::from_std(self.listener).map_err(Error::Serve)?;
        let router = router(Shared { waiting, assets }, self.address);
        axum::serve(listener, router.into_make_service())
            .with_graceful_shutdown(started.cancelled_owned())
            .await
            .map_err(Error::Serve)
    }
}

fn router(shared: Shared, address: SocketAddr) -> Router {
    Router::new()
        .route("/api/{*call}", any(answer))
        .route("/tiles/{*tile}", any(answer))
        .fallback(screens)
        .layer(middleware::from_fn(security::headers))
        .layer(middleware::from_fn_with_state(address, security::own_pages_only))
        .with_state(shared)
}

async fn answer(State(shared): State<Shared>) -> Response {
    let told = shared.waiting.borrow().as_ref().map(Waiting::told);
    refusal(&told.unwrap_or_else(|| ApiError::new(Code::Away, "the station is starting: it answers in a moment")))
}

async fn screens(State(shared): State<Shared>, uri: Uri) -> Response {
    assets::file(&*shared.assets, &uri)
}

#[cfg(test)]
mod tests {
    use penstock_model::Timestamp;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::Gateway;

    /// Everything that is answered to a request on a connection of its own.
    async fn asked(address: SocketAddr, request: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request = format!("{request} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer
    }

    #[tokio::test]
    async fn whoever_asks_before_the_station_runs_is_told_why() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("index.html"), "the page").expect("written");
        let gateway = Gateway::bind("127.0.0.1:0").await.expect("bound");
        let (address, own) = (gateway.address(), gateway.address().to_string());
        let (waits, waiting) = watch::channel(None);
        let started = CancellationToken::new();
        let starting = gateway.starting().expect("the same address");
        let serving = tokio::spawn(starting.serve(waiting, Arc::new(folder.path().to_owned()), started.clone()));
        let since = Timestamp::parse("2026-11-21T18:42:07Z").expect("a time");
        waits.send_replace(Some(Waiting { since, what: "opening the database: it does not answer".to_owned() }));

        let told = asked(address, "POST /api/call/hello", &own).await;
        assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
        for words in ["opening the database", "2026-11-21T18:42:07Z", "see to the cause", "\"away\""] {
            assert!(told.contains(words), "{words}: {told}");
        }
        let page = asked(address, "GET /alarms", &own).await;
        assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("the page"), "{page}");
        assert!(page.contains("content-security-policy"), "{page}");
        let strange = asked(address, "POST /api/call/hello", "evil.example").await;
        assert!(strange.starts_with("HTTP/1.1 421 "), "{strange}");
        waits.send_replace(None);
        let told = asked(address, "POST /api/call/hello", &own).await;
        assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("is starting"), "{told}");

        started.cancel();
        serving.await.expect("ends").expect("served");
        // The address is still the gateway's: what connects now waits for the station.
        TcpStream::connect(address).await.expect("it listens");
    }

    #[tokio::test]
    async fn a_start_that_does_not_wait_is_not_served() {
        let gateway = Gateway::bind("127.0.0.1:0").await.expect("bound");
        let (_waits, waiting) = watch::channel(None);
        let started = CancellationToken::new();
        let starting = gateway.starting().expect("the same address");
        let assets = Arc::new(std::path::PathBuf::from("."));
        let serving = tokio::spawn(starting.serve(waiting, assets, started.clone()));
        started.cancel();
        serving.await.expect("ends").expect("nothing went wrong");
    }
}
