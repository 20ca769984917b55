//! The xenstore protocol.
#![forbid(unsafe_code)]
