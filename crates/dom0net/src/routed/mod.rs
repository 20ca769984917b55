//! Guests behind the host instead of beside it: routed networks (`network-route`), translated ones (`network-nat`), and
//! networks that lead nowhere.
//!
//! Each network is a plan, recorded on disk before it is carried out; stopping it carries out the way back. What several
//! networks need, that the host forwards at all, is [held](forwarding) by each, and put back with the last.

mod arguments;
mod choose;
mod dnsmasq;
mod error;
mod forget;
pub mod forwarding;
mod keep;
mod nat;
mod nat_arguments;
mod nat_status;
mod private;
mod record;
mod recover;
mod route;
mod status;

pub use arguments::{BadWord, Command, RouteArguments};
pub use dnsmasq::{Reservation, Reserved};
pub use error::Error;
pub use nat::{NatNetwork, NatStarted, bridge_of, nat_start, nat_start_plan, nat_started, nat_stop};
pub use nat_arguments::{NatArguments, Outside, Services, Subnet6};
pub use nat_status::{NatStatus, Service, nat_status};
pub use private::{is_no_device, private_plan, private_start, private_stop, private_stop_plan};
pub use record::{Gateway, Kind, Record, Records};
pub use recover::recover;
pub use route::{gateway_device, start, start_plan, started, stop, stop_plan};
pub use status::{Families, RouteStatus, route_status};
