//! Device bytes to samples, one module a wire format.
