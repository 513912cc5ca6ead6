//! The screens as files: the one build that both shells show.

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::Shared;

/// Where the files of the screens come from.
pub trait Assets: Send + Sync + 'static {
    /// The file at `path`, without a leading slash, as bytes.
    fn get(&self, path: &str) -> Option<Vec<u8>>;
}

/// A folder of files, for tests and for work on the screens.
impl Assets for std::path::PathBuf {
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let plain = path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        plain.then(|| std::fs::read(self.join(path)).ok()).flatten()
    }
}

/// Serves a file.
pub(crate) async fn serve(State(shared): State<Shared>, uri: Uri) -> Response {
    file(&*shared.assets, &uri)
}

/// A file; a path without an extension is a screen's address and gets the page.
pub(crate) fn file(assets: &dyn Assets, uri: &Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.rsplit('/').next().is_some_and(|name| name.contains('.')) { path } else { "index.html" };
    match assets.get(path) {
        Some(bytes) => {
            // Files keep their names over versions: a page must never mix two of them.
            ([(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, "no-cache")], bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, format!("there is no {path}")).into_response(),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("ttf") => "font/ttf",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
