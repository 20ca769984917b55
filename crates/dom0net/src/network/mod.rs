//! The host's networks: bridges that guests are plugged into.

mod arguments;
mod bridge;
mod confirm;
mod differences;
mod error;
mod handover;
mod layout;
mod lease;
mod manager;
mod names;
mod record;
mod recover;
mod root_storage;
mod snapshot;
mod stop;
mod verify;

pub use arguments::{Arguments, BadWord, Command};
pub use bridge::{How, Started, start, start_plan};
pub use confirm::{Watched, confirm, watch};
pub use differences::{Difference, differences};
pub use error::Error;
pub use handover::{CardBefore, Standing, Wish, off_bridge, onto_bridge};
pub use layout::{Layout, Shape, UnknownLayout};
pub use manager::{Manager, Program};
pub(crate) use names::default_device;
pub use names::{Names, names, started};
pub use record::{Lock, Record, RecordError, Records, State, Ticket};
pub use recover::{Recovered, recover};
pub use root_storage::RootStorage;
pub use snapshot::{Setting, Snapshot};
pub use stop::{Stopped, stop, stop_plan};
