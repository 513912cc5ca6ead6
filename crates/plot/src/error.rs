//! What can go wrong while a chart is drawn.

/// What can go wrong while a chart is drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The surface refused; a page that lost its canvas draws again when it has a new one.
    #[error("the chart cannot be drawn on its surface: {0}")]
    Surface(String),
}
