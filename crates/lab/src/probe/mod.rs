//! Finding out who reaches whom.

mod lookout;
mod ping;
mod resolve;
mod tables;

pub use lookout::{Arrival, Arrivals, Lookout, Place};
pub use ping::{Answer, Ping};
pub use tables::{Beliefs, ChangedBelief};
