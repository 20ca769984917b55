//! The bridge in the configuration of another program, which makes it at each boot.
//!
//! What the card is now becomes a [`Wanted`], a value that is none of the formats'; each format is a pure function of it.

mod ifupdown;
mod netplan;
mod network_manager;
mod networkd;
mod nmstate;
mod yaml;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::Family;
use netkernel::address::Address;
use netkernel::link::LinkName;
use netkernel::route::{Route, route_numbers};

use crate::network::Snapshot;

/// Whose configuration is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// systemd-networkd: `systemd.netdev(5)`, `systemd.network(5)`.
    Networkd,
    /// NetworkManager's key files: `nm-settings-keyfile(5)`.
    NetworkManager,
    /// Debian's ifupdown: `interfaces(5)`, `bridge-utils-interfaces(5)`.
    Ifupdown,
    /// `netplan(5)`.
    Netplan,
    /// nmstate: the state that `nmstatectl apply` takes.
    Nmstate,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Networkd, Self::NetworkManager, Self::Ifupdown, Self::Netplan, Self::Nmstate];

    /// Its name, as in `--to networkd`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Networkd => "networkd",
            Self::NetworkManager => "networkmanager",
            Self::Ifupdown => "ifupdown",
            Self::Netplan => "netplan",
            Self::Nmstate => "nmstate",
        }
    }

    /// The files that make the bridge.
    #[must_use]
    pub fn write(self, wanted: &Wanted) -> Vec<File> {
        match self {
            Self::Networkd => networkd::files(wanted),
            Self::NetworkManager => network_manager::files(wanted),
            Self::Ifupdown => ifupdown::files(wanted),
            Self::Netplan => netplan::files(wanted),
            Self::Nmstate => nmstate::files(wanted),
        }
    }
}

/// The word names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is one of {}", Format::ALL.map(Format::word).join(", "))
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.word() == word).ok_or(UnknownFormat)
    }
}

/// A file of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it belongs, from the root.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
    /// What is in it.
    pub text: String,
}

impl File {
    fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), mode: 0o644, text }
    }

    /// One that its reader wants to be root's alone.
    fn private(path: impl Into<PathBuf>, text: String) -> Self {
        Self { mode: 0o600, ..Self::new(path, text) }
    }
}

/// A bridge with a card as its uplink, as it should be at each boot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of its own in all formats")]
pub struct Wanted {
    /// The bridge.
    pub bridge: LinkName,
    /// Its uplink.
    pub card: LinkName,
    /// The card's MAC address, which the bridge bears too.
    pub mac: Option<MacAddress>,
    /// The card's MTU in bytes, where it is not the usual 1,500.
    pub mtu: Option<u32>,
    /// Whether the bridge speaks the spanning tree protocol.
    pub stp: bool,
    /// Whether IPv4 addresses come by DHCP.
    pub dhcp: bool,
    /// Whether IPv6 addresses come by router advertisements.
    pub autoconf: bool,
    /// Whether IPv6 addresses come by DHCP.
    pub dhcp6: bool,
    /// The addresses that do not come by themselves.
    pub addresses: Vec<IpNet>,
    /// The routes that do not come by themselves.
    pub routes: Vec<WantedRoute>,
}

/// A route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRoute {
    /// Its destination; `0.0.0.0/0` and `::/0` for the default.
    pub destination: IpNet,
    /// Its gateway; none: the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Its metric, where it has one of its own.
    pub metric: Option<u32>,
}

impl WantedRoute {
    /// True for the default route of its family.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.destination.prefix_len() == 0
    }
}

/// The metric that IPv6 routes have who were given none.
const USUAL_METRIC_OF_IPV6: u32 = 1024;
const USUAL_MTU: u32 = 1500;

impl Wanted {
    /// What `bridge` should be at each boot, from what the card is now. Returns in words what cannot be said in every
    /// format, and is left out.
    #[must_use]
    pub fn from_card(card: &Snapshot, bridge: LinkName, stp: bool) -> (Self, Vec<String>) {
        let by_protocol = |protocol| card.routes.iter().any(move |route| route.protocol == protocol);
        let temporary = |family| {
            card.addresses.iter().any(move |address| address.family() == family && address.lifetime.is_some())
        };
        let dhcp = by_protocol(route_numbers::PROTOCOL_DHCP) || temporary(Family::Inet);
        let autoconf = by_protocol(route_numbers::PROTOCOL_RA) || temporary(Family::Inet6);
        let permanent = card.addresses.iter().filter(|address| address.lifetime.is_none());
        let mut left_out = Vec::new();
        let routes = card.routes.iter().filter_map(|route| match wanted_route(route) {
            Ok(route) => route,
            Err(why) => {
                left_out.push(format!("route {route}: {why}"));
                None
            }
        });
        let routes = routes.collect();
        left_out.extend(card.rules.iter().map(|rule| format!("rule {rule}")));
        left_out.extend(card.next_hops.iter().map(|hop| format!("next hop {hop}")));
        let wanted = Self {
            bridge,
            card: card.device.name.clone(),
            mac: card.link.mac,
            mtu: Some(card.link.mtu).filter(|mtu| *mtu != USUAL_MTU),
            stp,
            dhcp,
            autoconf,
            // An address of this length is one by DHCP; those by router advertisements have a prefix.
            dhcp6: card.addresses.iter().any(|address| {
                address.family() == Family::Inet6
                    && address.lifetime.is_some()
                    && address.prefix_length == 128
            }),
            addresses: permanent.filter(|address| !address.is_link_local()).filter_map(network_of).collect(),
            routes,
        };
        (wanted, left_out)
    }

    /// The addresses of a family.
    fn addresses_of(&self, four: bool) -> impl Iterator<Item = &IpNet> {
        self.addresses.iter().filter(move |address| address.addr().is_ipv4() == four)
    }

    /// The routes of a family.
    fn routes_of(&self, four: bool) -> impl Iterator<Item = &WantedRoute> {
        self.routes.iter().filter(move |route| route.destination.addr().is_ipv4() == four)
    }
}

fn network_of(address: &Address) -> Option<IpNet> {
    IpNet::new(address.local, address.prefix_length).ok()
}

/// `Ok(None)`: it comes by itself.
fn wanted_route(route: &Route) -> Result<Option<WantedRoute>, &'static str> {
    if [route_numbers::PROTOCOL_KERNEL, route_numbers::PROTOCOL_DHCP, route_numbers::PROTOCOL_RA]
        .contains(&route.protocol)
    {
        return Ok(None);
    }
    if route.table() != route_numbers::TABLE_MAIN {
        return Err("it is in another table");
    }
    if route.kind != route_numbers::KIND_UNICAST || route.next_hops().next().is_some() {
        return Err("it has several ways, or none");
    }
    let any: IpAddr = if route.family == Family::Inet { [0; 4].into() } else { [0_u16; 8].into() };
    let destination = route.destination().unwrap_or(any);
    let Ok(destination) = IpNet::new(destination, route.destination_length) else {
        return Err("its destination cannot be");
    };
    let gateway = route.gateway();
    if gateway.is_some_and(|gateway| gateway.is_ipv4() != destination.addr().is_ipv4()) {
        return Err("its gateway is of the other family");
    }
    let usual = if destination.addr().is_ipv4() { 0 } else { USUAL_METRIC_OF_IPV6 };
    let metric = Some(route.metric()).filter(|metric| *metric != usual);
    Ok(Some(WantedRoute { destination, gateway, metric }))
}

/// What stands at the head of each file.
const HEAD: &str = "# A bridge for Xen's guests, as dom0net export writes it.\n";

/// `yes` or `no`.
fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A host with an address of each family, a default route of each, and a route of its own.
    pub(crate) fn wanted() -> Wanted {
        let net = |text: &str| -> IpNet { text.parse().unwrap() };
        let route = |destination: &str, gateway: &str, metric| WantedRoute {
            destination: net(destination),
            gateway: Some(gateway.parse().unwrap()),
            metric,
        };
        Wanted {
            bridge: LinkName::new("xenbr0").unwrap(),
            card: LinkName::new("eth0").unwrap(),
            mac: Some("52:54:00:00:00:fa".parse().unwrap()),
            mtu: None,
            stp: false,
            dhcp: false,
            autoconf: false,
            dhcp6: false,
            addresses: vec![net("10.0.0.250/24"), net("10.0.0.251/24"), net("2001:db8::250/64")],
            routes: vec![
                route("0.0.0.0/0", "10.0.0.254", Some(100)),
                route("10.7.0.0/16", "10.0.0.77", None),
                route("::/0", "2001:db8::fe", None),
            ],
        }
    }

    /// The same host with addresses that come by themselves, and larger frames.
    pub(crate) fn automatic() -> Wanted {
        Wanted {
            dhcp: true,
            autoconf: true,
            mtu: Some(9000),
            stp: true,
            addresses: Vec::new(),
            routes: Vec::new(),
            ..wanted()
        }
    }

    #[test]
    fn a_format_reads_as_it_is_written() {
        for format in Format::ALL {
            assert_eq!(format.word().parse(), Ok(format));
        }
        assert!(UnknownFormat.to_string().ends_with("netplan, nmstate"));
    }

    #[test]
    fn each_format_names_bridge_card_and_what_is_not_automatic() {
        for format in Format::ALL {
            let text: String = format.write(&wanted()).into_iter().map(|file| file.text).collect();
            for part in
                ["xenbr0", "eth0", "10.0.0.250", "10.0.0.251", "2001:db8::250", "10.0.0.254", "10.7.0.0"]
            {
                assert!(text.contains(part), "{part} in {format:?}:\n{text}");
            }
            let text: String = format.write(&automatic()).into_iter().map(|file| file.text).collect();
            assert!(text.contains("9000") && !text.contains("10.0.0"), "{format:?}:\n{text}");
        }
    }
}
