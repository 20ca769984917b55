//! Guests behind the host instead of beside it: routed networks (`network-route`), translated ones (`network-nat`), and
//! networks that lead nowhere.
//!
//! Each network is a plan, recorded on disk before it is carried out; stopping it carries out the way back. What several
//! networks need, that the host forwards at all, is [held](forwarding) by each, and put back with the last.

mod arguments;
mod error;
pub mod forwarding;
mod keep;
mod record;
mod route;
mod status;

pub use arguments::{BadWord, Command, RouteArguments};
pub use error::Error;
pub use record::{Gateway, Kind, Record, Records};
pub use route::{gateway_device, start, start_plan, started, stop, stop_plan};
pub use status::{Families, RouteStatus, route_status};
