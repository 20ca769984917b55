//! The host's networks: bridges that guests are plugged into.

mod arguments;
mod bridge;
mod error;
mod handover;
mod names;
mod record;
mod recover;
mod snapshot;
mod verify;

pub use arguments::{Arguments, BadWord, Command};
pub use bridge::{Started, start, start_plan, stop, stop_plan};
pub use error::Error;
pub use handover::{CardBefore, Wish, off_bridge, onto_bridge};
pub(crate) use names::default_device;
pub use names::{Names, names, started};
pub use record::{Record, RecordError, Records, State};
pub use recover::{Recovered, recover};
pub use snapshot::{Setting, Snapshot};
