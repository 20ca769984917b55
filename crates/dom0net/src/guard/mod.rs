//! The guard: nothing leaves a vif that claims another sender.
//!
//! [`Policy`] says what a guest may send, and [`Draft`] is how configuration says that. One place (`compile`) turns it
//! into packet filter rules; [`Guard`] puts these in force at the ingress of the guest's own device, before the bridge or
//! the host sees a frame. [`Policy::verdict`] says what becomes of a frame, without a kernel.

mod compile;
mod config;
mod frame;
mod groups;
mod install;
mod layout;
mod ledger;
mod leftover;
mod marks;
mod network;
mod network_guard;
mod network_rules;
mod nft;
mod owned;
mod policy;
mod rare;
mod reason;
mod shared;
mod sound;
mod state;
mod survey;
mod turn;
mod verdict;
mod walk;
pub(crate) mod words;

pub use config::{Config, ConfigError, Who, check_words};
pub use groups::Network;
pub use install::Guard;
pub use leftover::guarded_ports;
pub use network::{NetworkDraft, NetworkPolicy, NetworkReason, Reach, RoutedBy, Service};
pub use network_guard::NetworkGuard;
pub use policy::{LLC, LinkLocal, Mode, Policy, Protocols, Vlans};
pub use reason::Reason;
pub use state::{Condition, GuardState};
pub use survey::Survey;
pub use verdict::{Judge, Verdict};
pub use words::{BadWord, Draft};
