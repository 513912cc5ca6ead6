//! The seam between screens and station: one `Backend`, two ways to reach it, chosen at run time. The only code that
//! knows Tauri, HTTP or WebSockets; must not know what a screen does with a reply.

mod http;
mod js;
mod tauri;

use std::rc::Rc;

use penstock_api::{ApiError, Call, Code, Export, Frame};

/// A way to the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The desktop shell's IPC.
    Tauri,
    /// The gateway's HTTP and WebSocket.
    Http,
}

/// What the live feed brings.
#[derive(Debug)]
pub(crate) enum Live {
    /// What has changed.
    Frame(Box<Frame>),
    /// The way is lost; the feed tries again by itself.
    Lost,
}

/// Takes what the live feed brings.
pub(crate) type Sink = Rc<dyn Fn(Live)>;

/// A running live feed; it ends when this is dropped.
#[expect(dead_code, reason = "held only for what its end does")]
pub(crate) enum Feed {
    /// Over the shell's channel.
    Tauri(tauri::Feed),
    /// Over a WebSocket.
    Http(http::Feed),
}

impl Backend {
    /// The way that this page has: the shell's where the page is the shell's own, else HTTP to where it came from.
    pub(crate) fn found() -> Self {
        if tauri::is_here() { Self::Tauri } else { Self::Http }
    }

    /// Makes a call, with the session's `token` where there is one.
    pub(crate) async fn call<C: Call>(self, token: Option<String>, call: C) -> Result<C::Reply, ApiError> {
        let body = serde_json::to_string(&call)
            .map_err(|error| ApiError::invalid(format!("{} cannot be written: {error}", C::NAME)))?;
        let reply = match self {
            Self::Tauri => tauri::call(C::NAME, &body, token.as_deref()).await?,
            Self::Http => http::call(C::NAME, &body, token.as_deref()).await?,
        };
        serde_json::from_str(&reply)
            .map_err(|error| ApiError::new(Code::Failed, format!("the reply to {} cannot be read: {error}", C::NAME)))
    }

    /// Opens the live feed of a session.
    pub(crate) fn live(self, token: String, sink: Sink) -> Feed {
        match self {
            Self::Tauri => Feed::Tauri(tauri::Feed::open(&token, sink)),
            Self::Http => Feed::Http(http::Feed::open(token, sink)),
        }
    }

    /// A file that the page or the station serves under `path`, for example the base map or a tile.
    pub(crate) async fn fetch(self, token: Option<String>, path: &str) -> Result<Vec<u8>, ApiError> {
        // The shell serves the same paths as the gateway does.
        http::fetch(path, token.as_deref()).await
    }

    /// Hands a file that the station made ready to the person, as [`Self::save_file`] does, without it passing through the
    /// page.
    pub(crate) async fn save_export(self, export: &Export) -> Result<Option<String>, ApiError> {
        match self {
            Self::Tauri => tauri::save_export(&export.ticket).await,
            Self::Http => {
                http::follow(&format!("/api/export/{}", export.ticket), &export.file_name);
                Ok(None)
            }
        }
    }

    /// Hands a file to the person: a download in a browser, which shows it itself; in the shell a file whose path comes
    /// back.
    pub(crate) async fn save_file(self, name: &str, mime: &str, bytes: &[u8]) -> Result<Option<String>, ApiError> {
        match self {
            Self::Tauri => tauri::save_file(name, bytes).await,
            Self::Http => http::save_file(name, mime, bytes).map(|()| None),
        }
    }
}
