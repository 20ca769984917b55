//! `network-nat`: networks whose guests go out as the host, or by the host as a router, or not at all.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use netkernel::Family;
use netkernel::address::{Address, address_flags};
use netkernel::link::{AddressGeneration, BridgeOptions, LinkChange, LinkName};
use netkernel::route::route_numbers;
use netkernel::sysctl::Sysctl;

use super::choose::{free_subnet, mac_of, unique_local};
use super::dnsmasq::{Dnsmasq, Serving};
use super::error::Error;
use super::forget::{forget_bridge, forget_routed};
use super::forwarding;
use super::keep::Lock;
use super::nat_arguments::{NatArguments, Subnet6};
use super::record::{Gateway, Kind, Record, Records};
use super::route::{gateway_device, user};
use crate::guard::{Config, RoutedBy};
use crate::places::Places;
use crate::plan::{Change, Device, Failure, Kernel, NewBridge, Plan};
use crate::translation::{Inside, Passage, Translation};

/// The way out for guests, on each bridge and each vif the same.
const GATEWAY_IPV6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// The addresses that `vif-nat` makes up: `10.x.y.z`.
const VIF_NAT_MASK: u8 = 16;

/// A network, with all that was left open decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatNetwork {
    /// Its name: that of its bridge, or of the device that its packets leave by.
    pub name: LinkName,
    /// Its bridge, with an index that no device has.
    pub bridge: Option<Device>,
    /// The device that its packets leave by, where it is one alone.
    pub gateway: Option<Device>,
    /// The host's address and subnet.
    pub ipv4: Option<Ipv4Net>,
    /// The same for IPv6.
    pub ipv6: Option<Ipv6Net>,
    /// The rest, as it was asked for.
    pub arguments: NatArguments,
}

/// What `start` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatStarted {
    /// The network stands now.
    Now,
    /// It stood already; rules and services are as they were asked for.
    Already,
}

impl NatNetwork {
    /// Decides what the call left open.
    pub fn decide(kernel: &mut Kernel, records: &Records, arguments: &NatArguments) -> Result<Self, Error> {
        let gateway = match (&arguments.netdev, &arguments.bridge) {
            (None, Some(_)) => None,
            (named, _) => Some(gateway_device(kernel, named.as_ref())?),
        };
        let Some(bridge) = &arguments.bridge else {
            let device = gateway.ok_or(crate::network::Error::NoDefaultRoute)?;
            let name = device.name.clone();
            let arguments = arguments.clone();
            return Ok(Self { name, bridge: None, gateway: Some(device), ipv4: None, ipv6: None, arguments });
        };
        let links = kernel.route.links()?;
        // A network that stands keeps what was chosen for it.
        let known = records.read(Kind::Nat, bridge)?.and_then(|record| Chosen::of(&record));
        let index = match &known {
            Some(known) => known.index,
            None => links.iter().map(|link| link.index).max().unwrap_or(0) + 1,
        };
        let ipv4 = match (arguments.subnet, known.as_ref().and_then(|known| known.ipv4)) {
            (Some(subnet), _) | (None, Some(subnet)) => subnet,
            (None, None) => free_subnet(kernel)?,
        };
        let ipv6 = match arguments.subnet6 {
            Subnet6::None => None,
            Subnet6::Is(subnet) => Some(subnet),
            Subnet6::Chosen => Some(unique_local(bridge)),
        };
        Ok(Self {
            name: bridge.clone(),
            bridge: Some(Device { index, name: bridge.clone() }),
            gateway,
            ipv4: Some(ipv4),
            ipv6,
            arguments: arguments.clone(),
        })
    }

    /// What holds between it and the outside.
    #[must_use]
    pub fn translation(&self) -> Translation {
        let outside = self.arguments.outside;
        let inside = match &self.bridge {
            None => Inside::Guests,
            Some(bridge) => Inside::Bridge {
                bridge: bridge.name.clone(),
                ipv4: self.ipv4.map(|net| net.trunc()),
                ipv6: self.ipv6.map(|net| net.trunc()),
            },
        };
        Translation {
            name: self.name.clone(),
            inside,
            outside: self.gateway.as_ref().map(|gateway| gateway.name.clone()),
            masquerade_ipv4: outside.nat && !outside.isolated,
            masquerade_ipv6: outside.nat66 && !outside.isolated,
            passage: match (outside.isolated, outside.nat) {
                (true, _) => Passage::None,
                (false, true) => Passage::Outwards,
                (false, false) => Passage::Free,
            },
            forwards: self.arguments.forwards.clone(),
        }
    }

    /// The bridge and its addresses, and the rules before it is up.
    fn plan(&self) -> Result<Plan, Error> {
        let mut plan = Plan::new();
        let translation = Change::Translate(self.translation());
        let Some(bridge) = &self.bridge else {
            plan.push(translation);
            return Ok(plan);
        };
        plan.push(Change::CreateBridge(NewBridge {
            device: bridge.clone(),
            options: BridgeOptions { stp: Some(false), forward_delay: Some(0), ..BridgeOptions::default() },
            // Its own, so that it does not change with the guests on it.
            link: LinkChange { mac: Some(mac_of(&bridge.name)), ..LinkChange::default() },
        }));
        let quiet = LinkChange { address_generation: Some(AddressGeneration::None), ..LinkChange::default() };
        let link = |to, from| Change::Link { device: bridge.clone(), to, from };
        plan.push(link(quiet, LinkChange::default()));
        let accept = Sysctl::of_link(Family::Inet6, &bridge.name, "accept_ra");
        if Sysctl::default_of_links(Family::Inet6, "accept_ra").read()?.is_some() {
            plan.push(Change::Sysctl { setting: accept, to: "0".into(), from: "1".into() });
        }
        for address in self.addresses(bridge.index) {
            plan.push(Change::AddAddress(bridge.clone(), address));
        }
        plan.push(translation);
        let up = |up| LinkChange { up: Some(up), ..LinkChange::default() };
        plan.push(link(up(true), up(false)));
        Ok(plan)
    }

    fn addresses(&self, link: u32) -> Vec<Address> {
        let mut addresses = Vec::new();
        if let Some(ipv4) = self.ipv4 {
            let broadcast = Some(ipv4.broadcast());
            addresses
                .push(Address { broadcast, ..Address::new(link, ipv4.addr().into(), ipv4.prefix_len()) });
        }
        if let Some(ipv6) = self.ipv6 {
            let flags = address_flags::NODAD;
            addresses.push(Address { flags, ..Address::new(link, ipv6.addr().into(), ipv6.prefix_len()) });
            let scope = route_numbers::SCOPE_LINK;
            addresses.push(Address { flags, scope, ..Address::new(link, GATEWAY_IPV6.into(), 64) });
        }
        addresses
    }

    fn serving(&self) -> Option<Serving<'_>> {
        let services = self.arguments.services;
        (services.dhcp || services.dns).then(|| Serving {
            devices: self.bridge.as_ref().map_or("vif*", |bridge| bridge.name.as_str()),
            ipv4: self.ipv4.or_else(|| Ipv4Net::new([10, 0, 0, 0].into(), VIF_NAT_MASK).ok()),
            // Behind a vif of its own, a guest has the address that leads there, and no other.
            strangers: self.bridge.is_some(),
            ipv6: self.ipv6,
            is_way_out_ipv6: !self.arguments.outside.isolated
                && (self.arguments.outside.nat66 || !self.arguments.outside.nat),
            services,
        })
    }

    fn record(&self, plan: Plan, is_complete: bool) -> Record {
        let gateway = self.gateway.clone().map(|device| Gateway { device });
        Record { kind: Kind::Nat, name: self.name.clone(), gateway, plan, is_complete }
    }
}

/// What was chosen for a network that stands.
struct Chosen {
    index: u32,
    ipv4: Option<Ipv4Net>,
}

impl Chosen {
    fn of(record: &Record) -> Option<Self> {
        let index = bridge_of(record)?.index;
        let address = |change: &Change| match change {
            Change::AddAddress(_, address) => match address.local {
                IpAddr::V4(own) => Ipv4Net::new(own, address.prefix_length).ok(),
                IpAddr::V6(_) => None,
            },
            _ => None,
        };
        Some(Self { index, ipv4: record.plan.changes.iter().find_map(address) })
    }
}

/// The bridge that was made for a network.
#[must_use]
pub fn bridge_of(record: &Record) -> Option<Device> {
    record.plan.changes.iter().find_map(|change| match change {
        Change::CreateBridge(bridge) => Some(bridge.device.clone()),
        _ => None,
    })
}

/// What [`nat_start`] would do.
pub fn nat_start_plan(kernel: &mut Kernel, network: &NatNetwork) -> Result<Plan, Error> {
    let mut plan = network.plan()?;
    if !network.arguments.outside.isolated {
        plan.changes.extend(forwarding::plan(kernel)?.changes);
    }
    Ok(plan)
}

/// Makes the network. One that stands gets the rules and services that are asked for now.
pub fn nat_start(kernel: &mut Kernel, places: &Places, network: &NatNetwork) -> Result<NatStarted, Error> {
    let _lock = Lock::take(&places.runtime)?;
    let records = Records::of(places);
    let known = records.read(Kind::Nat, &network.name)?;
    let translation = network.translation();
    if translation.translates_everybody() && Config::of(places)?.routed(RoutedBy::Route)?.policy().untracked {
        return Err(Error::Untrackable { card: network.name.clone() });
    }
    if let Some(known) = known {
        if known.is_complete && stands(kernel, &known)? {
            return renew(kernel, places, network, &known);
        }
        // Cut short, or removed by somebody else.
        take_down(kernel, places, &known)?;
    }
    if let Some(bridge) = &network.bridge
        && let Some(link) = kernel.route.link(&bridge.name)?
    {
        return Err(Error::BridgeTaken { name: bridge.name.clone(), is_bridge: link.is_bridge() });
    }
    let plan = network.plan()?;
    let mut record = network.record(plan, false);
    records.write(&record)?;
    let made =
        record.plan.apply(kernel).map_err(Error::from).and_then(|()| serve(kernel, places, network, &record));
    if let Err(error) = made {
        take_down(kernel, places, &record)?;
        return Err(error);
    }
    record.is_complete = true;
    records.write(&record)?;
    Ok(NatStarted::Now)
}

/// What is not a matter of the kernel's tables.
fn serve(kernel: &mut Kernel, places: &Places, network: &NatNetwork, record: &Record) -> Result<(), Error> {
    if network.arguments.outside.isolated {
        forwarding::release(places, &user(record), kernel)?;
    } else {
        forwarding::hold(places, &user(record), kernel)?;
    }
    let dnsmasq = Dnsmasq::of(places, &network.name);
    match network.serving() {
        Some(serving) => dnsmasq.start(&serving),
        None => dnsmasq.stop(),
    }
}

fn renew(
    kernel: &mut Kernel,
    places: &Places,
    network: &NatNetwork,
    known: &Record,
) -> Result<NatStarted, Error> {
    let wanted = network.plan()?;
    let other = |plan: &Plan| -> Vec<Change> {
        plan.changes.iter().filter(|change| !matches!(change, Change::Translate(_))).cloned().collect()
    };
    if other(&wanted) != other(&known.plan) {
        return Err(Error::OtherNetwork(network.name.clone()));
    }
    // They may have been flushed by somebody, or be others now.
    if let Err(error) = kernel.apply(&Change::Translate(network.translation())) {
        // They are replaced in one step: those that were in force are in force.
        return Err(Failure { error, left: Vec::new() }.into());
    }
    let dnsmasq = Dnsmasq::of(places, &network.name);
    let services = network.arguments.services;
    let is_wanted = services.dhcp || services.dns;
    if is_wanted != dnsmasq.process().is_some() || services.dhcp != dnsmasq.serves() {
        serve(kernel, places, network, known)?;
    } else if !network.arguments.outside.isolated {
        forwarding::hold(places, &user(known), kernel)?;
    }
    Records::of(places).write(&network.record(wanted, true))?;
    Ok(NatStarted::Already)
}

/// Whether the bridge of a network is there, if it has one.
pub(super) fn stands(kernel: &mut Kernel, record: &Record) -> Result<bool, Error> {
    let Some(bridge) = bridge_of(record) else { return Ok(true) };
    let link = kernel.route.link_at(bridge.index)?;
    Ok(link.is_some_and(|link| link.is_bridge() && link.name == bridge.name.as_str()))
}

/// Undoes a network, of which not all may be there.
pub(super) fn take_down(kernel: &mut Kernel, places: &Places, record: &Record) -> Result<(), Error> {
    Dnsmasq::of(places, &record.name).stop()?;
    let stands = stands(kernel, record)?;
    let bridge = bridge_of(record);
    let is_there =
        |change: &&Change| stands || !bridge.as_ref().is_some_and(|bridge| change.concerns(bridge));
    // Of what was cut short, some has nothing to be undone; that this fails is right.
    let left = Plan { changes: record.plan.changes.iter().filter(is_there).cloned().collect() }.undo(kernel);
    let mut left = if record.is_complete { left } else { Vec::new() };
    left.extend(forwarding::release(places, &user(record), kernel)?);
    Records::of(places).remove(record)?;
    match bridge {
        Some(bridge) => forget_bridge(kernel, bridge),
        None => forget_routed(kernel),
    }
    if left.is_empty() { Ok(()) } else { Err(Error::Left(left)) }
}

/// The network that a call means, if it was started: by its bridge, its device, or because it is the only one.
pub fn nat_started(records: &Records, arguments: &NatArguments) -> Result<Option<Record>, Error> {
    if let Some(name) = arguments.bridge.as_ref().or(arguments.netdev.as_ref()) {
        return records.read(Kind::Nat, name);
    }
    let mut known = records.all(Kind::Nat)?;
    if known.len() > 1 {
        // Without a name it is that of `vif-nat`.
        known.retain(|record| bridge_of(record).is_none());
    }
    Ok(known.pop().filter(|_| known.is_empty()))
}

/// Removes a network. Guests on its bridge are a reason not to, unless forced.
pub fn nat_stop(kernel: &mut Kernel, places: &Places, record: &Record, force: bool) -> Result<(), Error> {
    let _lock = Lock::take(&places.runtime)?;
    if let Some(bridge) = bridge_of(record)
        && stands(kernel, record)?
    {
        let guests: Vec<String> =
            kernel.route.ports_of(bridge.index)?.into_iter().map(|port| port.name).collect();
        if !guests.is_empty() && !force {
            return Err(Error::InUse { name: bridge.name, guests });
        }
    }
    take_down(kernel, places, record)
}
