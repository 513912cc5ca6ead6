//! What keeps other pages out: headers on every answer, and a look at whom a request was made for.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What the page may load and run. `wasm-unsafe-eval` lets it compile WebAssembly and nothing else; styles set on
/// elements (positions of rows, widths of bars) need `unsafe-inline`.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
     base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// Puts the security headers on every answer.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// Refuses what was made for another host (a name bound to loopback by somebody else) or by another site's page.
pub(crate) async fn own_pages_only(State(own): State<SocketAddr>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_own(host, own) {
        return (StatusCode::MISDIRECTED_REQUEST, format!("this station is http://{own}/, not {host:?}"))
            .into_response();
    }
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        if !origin.strip_prefix("http://").is_some_and(|host| is_own(host, own)) {
            return (StatusCode::FORBIDDEN, "only the station's own pages may call it").into_response();
        }
    }
    next.run(request).await
}

/// Whether `host` names the address that is listened on.
fn is_own(host: &str, own: SocketAddr) -> bool {
    if host.parse() == Ok(own) {
        return true;
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    own.ip().is_loopback() && name == "localhost" && port.parse() == Ok(own.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_are_own() {
        let own: SocketAddr = "127.0.0.1:8470".parse().expect("address");
        for host in ["127.0.0.1:8470", "localhost:8470"] {
            assert!(is_own(host, own), "{host}");
        }
        for host in ["", "evil.example:8470", "127.0.0.1", "localhost:1", "127.0.0.1:8471", "localhost.evil:8470"] {
            assert!(!is_own(host, own), "{host}");
        }
    }
}
