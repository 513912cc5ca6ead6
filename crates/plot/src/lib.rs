//! Decimation, axes and drawing of trends on any plotters backend.
