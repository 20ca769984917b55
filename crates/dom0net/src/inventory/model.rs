//! Who is where, as a value. The JSON of `--json` is this, field by field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ethernet::MacAddress;
use serde::Serialize;

/// The networks of this host and the guests on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// The bridges, by name: those that this program made, and those of others.
    pub bridges: Vec<Bridge>,
    /// The domains that have vifs whose backend is here, by number.
    pub domains: Vec<Domain>,
    /// The networks of guests for whom something holds as a whole: bridges, then scripts.
    pub networks: Vec<Network>,
    /// What could not be found out, and why: one sentence each.
    pub problems: Vec<String>,
}

/// A bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// Whether this program made it.
    pub ours: bool,
    /// Whether it is up.
    pub up: bool,
    /// Its MAC address.
    pub mac: Option<MacAddress>,
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// The host's addresses on it, with prefix lengths; link-local ones are left out.
    pub addresses: Vec<String>,
    /// The devices that it leads out through: ports that are no guest's.
    pub uplinks: Vec<String>,
    /// The ports that are guests' devices.
    pub vifs: Vec<String>,
}

/// A domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// Its number.
    pub domid: u32,
    /// Its name.
    pub name: Option<String>,
    /// Its UUID, which stays when its number changes.
    pub uuid: Option<String>,
    /// Its vifs, by number.
    pub vifs: Vec<Vif>,
}

/// An interface of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Vif {
    /// Its number in the domain.
    pub devid: u32,
    /// The name of its device on this host; none when there is no such device.
    pub device: Option<String>,
    /// Its MAC address in the guest, as xenstore has it.
    pub mac: Option<String>,
    /// The addresses of `ip=`.
    pub ip: Vec<String>,
    /// The bridge that its device is a port of.
    pub bridge: Option<String>,
    /// The bridge that was asked for.
    pub wanted_bridge: Option<String>,
    /// The state of the backend (`xen/include/public/io/xenbus.h`) in words.
    pub state: Option<&'static str>,
    /// What the hotplug script came to: `connected` or `error`.
    pub hotplug_status: Option<Cow<'static, str>>,
    /// Why it failed.
    pub hotplug_error: Option<String>,
    /// The guard of its device.
    pub guard: Guard,
    /// What has passed.
    pub traffic: Option<Traffic>,
    /// The device of its emulated card, where it has one.
    pub tap: Option<Tap>,
}

/// The device of an emulated card, which a guest uses before it has a driver for its vif.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tap {
    /// The name of the device.
    pub device: String,
    /// Its guard.
    pub guard: Guard,
    /// What has passed.
    pub traffic: Traffic,
}

/// The guard of a vif.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Whether it is in force on the device, under the name that this has now.
    pub in_force: bool,
    /// How much it holds: `locked`, `mac-only`, `open`.
    pub mode: Option<Cow<'static, str>>,
    /// Where it is in the packet filter: table and chain.
    pub place: String,
    /// How many frames it has dropped, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// Guests for whom something holds as a whole: what they reach on the host, whether they reach each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Network {
    /// The name of the bridge that they are on, or of the script that leads to them.
    pub name: String,
    /// What should hold, in words.
    pub policy: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// How many packets were dropped for its sake, by reason: each one that the policy has.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// What has passed through a device, from the guest's side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Bytes that the guest sent.
    pub sent_bytes: u64,
    /// Packets that the guest sent.
    pub sent_packets: u64,
    /// Bytes that the guest received.
    pub received_bytes: u64,
    /// Packets that the guest received.
    pub received_packets: u64,
}

impl Domain {
    /// What to call it: its name, or its number.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        match &self.name {
            Some(name) => name.into(),
            None => format!("domain {}", self.domid).into(),
        }
    }
}

impl Guard {
    /// All frames that it has dropped.
    #[must_use]
    pub fn total_dropped(&self) -> u64 {
        self.dropped.values().sum()
    }
}
