//! What can be wrong with what the map is given.

/// What can be wrong with what the map is given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base map's file does not fit its format.
    #[error("the base map cannot be read: {0}; make it anew or choose another file")]
    BaseMap(#[from] serde_json::Error),
    /// A tile is no picture.
    #[error("the map tile is no picture that can be shown: {0}; it is left out")]
    Tile(String),
}
