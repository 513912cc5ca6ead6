//! Scratch databases, a broker, clocks and fixtures for tests.
