//! Where an archive is: a folder, or a prefix in a bucket of an S3-compatible store.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::Error;

/// A store that is there takes a connection by then.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// One piece has gone over by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);

/// Where an archive is, and what opens it. Nothing is taken from the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveSettings {
    /// A folder that exists, or `s3://bucket/prefix`. Each station has a place of its own.
    pub place: String,
    /// The store's address, for example `https://minio.example:9000`; none for Amazon's own.
    pub endpoint: Option<String>,
    /// The store's region; `us-east-1` where none is given, which stores without regions take.
    pub region: Option<String>,
    /// What the store knows the station by. A folder needs none.
    pub key: Option<Key>,
}

/// An access key. Its secret is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Which key it is.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// An opened place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    /// What stands ahead of each file's name.
    prefix: Path,
    /// As it is told to people.
    pub(super) name: Arc<str>,
    folder: Option<PathBuf>,
}

impl Place {
    pub(super) fn open(settings: &ArchiveSettings) -> Result<Self, Error> {
        let refused = |cure: String| Error::Settings { place: settings.place.clone(), cure };
        match settings.place.split_once("://") {
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(refused("name the bucket, as in s3://bucket/prefix".to_owned()));
                }
                let key = settings.key.as_ref().filter(|key| !key.access_key.is_empty() && !key.secret.is_empty());
                let key =
                    key.ok_or_else(|| refused("a store needs an access key and its secret: give both".to_owned()))?;
                let prefix = Path::parse(prefix.trim_end_matches('/'))
                    .map_err(|error| refused(format!("{error}; use letters, digits, - and / in the prefix")))?;
                let store = s3(settings, bucket, key)
                    .map_err(|error| refused(format!("{error}; check bucket, endpoint and region")))?;
                Ok(Self { store, prefix, name: settings.place.as_str().into(), folder: None })
            }
            Some((scheme, _)) => {
                Err(refused(format!("{scheme}:// is not known: give a folder, or s3://bucket/prefix")))
            }
            None => {
                let folder = FilePath::new(&settings.place);
                // Made here, it might be in place of a disk that is not mounted.
                if settings.place.is_empty() || !folder.is_dir() {
                    return Err(refused("it is not a folder: make it, or mount the disk it is on".to_owned()));
                }
                let store = LocalFileSystem::new_with_prefix(folder)
                    .map_err(|error| refused(format!("{error}; see that it may be read and written")))?;
                let (name, folder) = (settings.place.as_str().into(), Some(folder.to_owned()));
                Ok(Self { store: Arc::new(store.with_fsync(true)), prefix: Path::default(), name, folder })
            }
        }
    }

    /// Where a file of this name is in the store.
    pub(super) fn path(&self, file: &str) -> Path {
        self.prefix.clone().join(file)
    }

    pub(super) fn prefix(&self) -> Option<&Path> {
        Some(&self.prefix).filter(|prefix| !prefix.as_ref().is_empty())
    }

    /// The name of a file that lies in this place itself, not in something below it.
    pub(super) fn file_at(&self, path: &Path) -> Option<String> {
        let mut below = path.prefix_match(&self.prefix)?;
        let name = below.next()?.as_ref().to_owned();
        below.next().is_none().then_some(name)
    }

    /// Removes what a put of this file left half written when the station was killed: such pieces are beside the file,
    /// with `#` and a number behind its name.
    pub(super) async fn sweep(&self, file: &str) -> Result<(), Error> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        let place = folder.join(file);
        let swept = tokio::task::spawn_blocking(move || {
            (1_u32..)
                .map(|number| {
                    let mut piece = place.clone().into_os_string();
                    piece.push(format!("#{number}"));
                    std::fs::remove_file(piece)
                })
                .find_map(Result::err)
        });
        match swept.await {
            Ok(Some(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.refused("clear up in", None, error))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(Error::BrokenOff { file: file.to_owned(), reason: error.to_string() }),
        }
    }

    /// What the folder or the store said, with what helps.
    pub(super) fn store_error(&self, action: &'static str, file: Option<&str>, error: object_store::Error) -> Error {
        match (&error, file) {
            (object_store::Error::NotFound { .. }, Some(file)) => {
                Error::Missing { file: file.to_owned(), place: self.name.to_string() }
            }
            _ => self.refused(action, file, error),
        }
    }

    fn refused(
        &self,
        action: &'static str,
        file: Option<&str>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let source = error.into();
        let cure = match source.downcast_ref::<object_store::Error>() {
            _ if self.folder.is_some() => "see that the disk is mounted, has room, and may be written by the station",
            Some(object_store::Error::Unauthenticated { .. } | object_store::Error::PermissionDenied { .. }) => {
                "check the access key and its secret, and that it may read, write, list and delete there"
            }
            Some(object_store::Error::NotFound { .. }) => "check that the bucket exists",
            _ => "check the endpoint, the region and the way to it",
        };
        let place = file.map_or_else(|| self.name.to_string(), |file| format!("{file} in {}", self.name));
        Error::Store { action, place, source, cure }
    }
}

fn s3(settings: &ArchiveSettings, bucket: &str, key: &Key) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(settings.region.as_deref().unwrap_or("us-east-1"))
        .with_access_key_id(&key.access_key)
        .with_secret_access_key(&key.secret)
        // Few stores but Amazon's know the bulk form; the archive removes one file at a time.
        .with_disable_bulk_delete(true)
        // A piece may take minutes on the line of a remote works.
        .with_client_options(ClientOptions::new().with_connect_timeout(CONNECT_WITHIN).with_timeout(ANSWER_WITHIN))
        .with_retry(RetryConfig { backoff: BackoffConfig::default(), max_retries: 5, retry_timeout: ANSWER_WITHIN });
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}
