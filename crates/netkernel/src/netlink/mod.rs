//! The netlink protocol itself: messages, attributes, a socket, errors. Knows no family.

mod attributes;
mod error;
mod message;
mod owned;
mod socket;

pub use attributes::{Attributes, string_of, text_of, u16_of, u32_be_of, u32_of, u64_be_of, u64_of};
pub(crate) use error::Context;
pub use error::{Cause, Error};
pub use message::{Message, flags};
pub use owned::OwnedAttributes;
pub(crate) use socket::outcome;
pub use socket::{Protocol, Reply, Socket};
