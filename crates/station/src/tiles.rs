//! Map tiles: fetched once from the configured server, kept on disk, served to the screens. Off unless an admin turns
//! it on; the page itself never fetches from elsewhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use penstock_api::{ApiError, Code};
use tokio::sync::Semaphore;

/// Fetches at once: OpenStreetMap's tile usage policy asks for two.
const FETCHES: usize = 2;
/// A tile is fetched anew after this long.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The deepest zoom that is served.
const MAX_ZOOM: u8 = 19;
/// The largest tile that is taken.
const MAX_BYTES: usize = 1 << 20;

/// The station's store of map tiles.
pub(crate) struct Tiles {
    folder: PathBuf,
    client: reqwest::Client,
    fetches: Arc<Semaphore>,
}

impl Tiles {
    /// Tiles kept in `folder`.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub(crate) fn new(folder: PathBuf) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            // The policy asks for a name that says who fetches.
            .user_agent(concat!("Penstock/", env!("CARGO_PKG_VERSION"), " (water network control room)"))
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self { folder, client, fetches: Arc::new(Semaphore::new(FETCHES)) })
    }

    /// A tile as PNG, from disk where it is there and young enough, else from the server at `template`. Where the server
    /// is away an old one serves.
    ///
    /// # Errors
    /// [`Code::NotFound`] outside the world, [`Code::Away`] where it is neither here nor to be had.
    pub(crate) async fn get(&self, template: &str, z: u8, x: u32, y: u32) -> Result<Vec<u8>, ApiError> {
        if z > MAX_ZOOM || x >= 1 << z || y >= 1 << z {
            return Err(ApiError::new(Code::NotFound, format!("there is no tile {z}/{x}/{y}")));
        }
        let file = self.folder.join(z.to_string()).join(x.to_string()).join(format!("{y}.png"));
        let kept = tokio::fs::read(&file).await.ok();
        let young = tokio::fs::metadata(&file)
            .await
            .and_then(|meta| meta.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age < KEPT));
        if let (Some(tile), true) = (&kept, young) {
            return Ok(tile.clone());
        }
        match self.fetch(template, z, x, y).await {
            Ok(tile) => {
                if let Err(error) = keep(&file, &tile).await {
                    tracing::warn!(file = %file.display(), %error, "a map tile could not be kept");
                }
                Ok(tile)
            }
            Err(problem) => kept.ok_or_else(|| {
                ApiError::new(
                    Code::Away,
                    format!("map tile {z}/{x}/{y} cannot be had: {problem}; the built-in map still works"),
                )
            }),
        }
    }

    async fn fetch(&self, template: &str, z: u8, x: u32, y: u32) -> Result<Vec<u8>, String> {
        let _permit = self.fetches.acquire().await.map_err(|error| error.to_string())?;
        let url = template.replace("{z}", &z.to_string()).replace("{x}", &x.to_string()).replace("{y}", &y.to_string());
        let response = self.client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let bytes = response.map_err(|error| error.without_url().to_string())?;
        let bytes = bytes.bytes().await.map_err(|error| error.without_url().to_string())?;
        let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n");
        if !is_png || bytes.len() > MAX_BYTES {
            return Err("what the server sent is no PNG of at most 1 MiB".into());
        }
        Ok(bytes.to_vec())
    }
}

async fn keep(file: &std::path::Path, tile: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let fresh = file.with_extension("new");
    tokio::fs::write(&fresh, tile).await?;
    tokio::fs::rename(&fresh, file).await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers the first `answers` requests with a tiny picture and then goes away.
    async fn server(answers: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        tokio::spawn(async move {
            for _ in 0..answers {
                let (mut socket, _) = listener.accept().await.expect("connection");
                let mut request = [0; 1_024];
                let read = socket.read(&mut request).await.expect("request");
                assert!(String::from_utf8_lossy(&request[..read]).contains("Penstock/"));
                let body = b"\x89PNG\r\n\x1a\npicture";
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                socket.write_all(head.as_bytes()).await.expect("head");
                socket.write_all(body).await.expect("body");
            }
        });
        format!("http://{address}/{{z}}/{{x}}/{{y}}.png")
    }

    #[tokio::test]
    async fn a_tile_is_fetched_once_and_then_kept() {
        let folder = tempfile::tempdir().expect("folder");
        let tiles = Tiles::new(folder.path().to_owned()).expect("client");
        let template = server(1).await;
        let first = tiles.get(&template, 3, 2, 1).await.expect("fetched");
        let second = tiles.get(&template, 3, 2, 1).await.expect("kept");
        assert_eq!(first, second);
        let missing = tiles.get(&template, 3, 2, 2).await.map_err(|error| error.code);
        assert_eq!(missing, Err(Code::Away));
        let outside = tiles.get(&template, 1, 2, 0).await.map_err(|error| error.code);
        assert_eq!(outside, Err(Code::NotFound));
    }
}
