//! Streaming anomaly detectors with explanations.
