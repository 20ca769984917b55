//! Who is where: domains, their vifs, bridges, cards, addresses, guards.

mod bridges;
mod collect;
mod drawing;
mod model;
mod store;
mod text;

pub use bridges::bridges;
pub use collect::{collect, collect_shown, outline};
pub use drawing::drawing;
pub use model::{Bridge, Domain, Guard, Inventory, Network, Tap, Traffic, Vif};
pub use text::{bridge_lines, listing};
