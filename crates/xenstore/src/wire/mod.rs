//! The bytes on the wire: pure, without input or output.
//!
//! Both sides of the protocol are made of these parts. The source for all of it is
//! `xen/include/public/io/xs_wire.h` and `docs/misc/xenstore.txt` of Xen.

mod decoder;
mod error_code;
mod header;
mod payload;

pub use decoder::{DecodeError, Decoder, Message};
pub use error_code::ErrorCode;
pub use header::{Header, MessageType};
pub use payload::{TooLong, join_strings, push_message, single_string, strings};

/// Bytes of a header: four 32-bit numbers.
pub const HEADER_LEN: usize = 16;

/// The most bytes that may follow a header, in both directions (`XENSTORE_PAYLOAD_MAX`).
///
/// A daemon drops a connection that announces more.
pub const PAYLOAD_MAX: usize = 4096;

/// The most bytes of a whole message.
pub const MESSAGE_MAX: usize = HEADER_LEN + PAYLOAD_MAX;
