//! HTTP shell of a station: the screens in a browser, calls, the live feed, exports and map tiles, on loopback.
//!
//! Translates and nothing else: who may do what is the station's to say. Must not know business rules.

mod assets;
mod export;
mod live;
mod security;
mod starting;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use penstock_api::{ApiError, Code, Request};
use penstock_station::{Caller, Origin, Station};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use assets::Assets;
pub use starting::Starting;

/// The largest body of a call: a plant file of a large town.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Why the gateway cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; set gateway.listen to a free port, or to port 0 for any")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Serving ended.
    #[error("the gateway stopped serving: {0}")]
    Serve(#[source] std::io::Error),
}

/// A gateway that listens and does not serve yet.
pub struct Gateway {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

/// What every handler needs.
#[derive(Clone)]
struct Shared {
    station: Station,
    assets: Arc<dyn Assets>,
    shutdown: CancellationToken,
}

impl Gateway {
    /// Listens on `address`, which should be loopback.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address.
    pub async fn bind(address: &str) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address: address.to_owned(), source };
        let listener = TcpListener::bind(address).await.and_then(TcpListener::into_std).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same address, to be served until there is a station.
    ///
    /// # Errors
    /// [`Error::Serve`] where the system has no more room for it.
    pub fn starting(&self) -> Result<Starting, Error> {
        Ok(Starting { listener: self.listener.try_clone().map_err(Error::Serve)?, address: self.address })
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`Error::Serve`] where the listener fails.
    pub async fn serve(
        self,
        station: Station,
        assets: Arc<dyn Assets>,
        shutdown: CancellationToken,
    ) -> Result<(), Error> {
        let listener = TcpListener::from_std(self.listener).map_err(Error::Serve)?;
        let router = router(Shared { station, assets, shutdown: shutdown.clone() }, self.address);
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
            .map_err(Error::Serve)
    }
}

fn router(shared: Shared, address: SocketAddr) -> Router {
    Router::new()
        .route("/api/call/{name}", post(call))
        .route("/api/live", get(live::upgrade))
        .route("/api/export/{ticket}", get(export::take))
        .route("/tiles/{z}/{x}/{y}", get(tile))
        .fallback(get(assets::serve))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(security::headers))
        .layer(middleware::from_fn_with_state(address, security::own_pages_only))
        .with_state(shared)
}

/// One call: its name in the path, its JSON in the body, the session in the `Authorization` header.
async fn call(
    State(shared): State<Shared>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let caller = Caller { token: bearer(&headers), origin: Origin::Http(from.ip()) };
    let outcome = match Request::parse(&name, &body) {
        // To its end, also where the caller goes away half way: a change must not be cut in two.
        Ok(request) => {
            let call = tokio::spawn(async move { shared.station.call(&caller, request).await });
            call.await.unwrap_or_else(|error| Err(ApiError::new(Code::Failed, error.to_string())))
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(reply) => ([(header::CONTENT_TYPE, "application/json")], reply).into_response(),
        Err(error) => refusal(&error),
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::to_owned)
}

/// An error as HTTP says it, with the whole of it as JSON.
fn refusal(error: &ApiError) -> Response {
    let status = match error.code {
        Code::SignedOut => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::Away => StatusCode::SERVICE_UNAVAILABLE,
        Code::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, axum::Json(error)).into_response()
}

/// A tile of the map, fetched and cached by the station.
async fn tile(State(shared): State<Shared>, Path((z, x, y)): Path<(u8, u32, String)>) -> Response {
    let Ok(y) = y.trim_end_matches(".png").parse() else { return StatusCode::NOT_FOUND.into_response() };
    match shared.station.tile(z, x, y).await {
        Ok(png) => {
            let kept = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=86400")];
            (kept, Body::from(png)).into_response()
        }
        Err(error) => refusal(&error),
    }
}
