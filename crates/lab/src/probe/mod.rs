//! Finding out who reaches whom.

mod ping;

pub use ping::{Answer, Ping};
