//! Carrying changes out.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use netkernel::address::{Address, address_flags};
use netkernel::link::{LinkChange, LinkKind, Master};
use netkernel::neighbour::Neighbour;
use netkernel::netlink;
use netkernel::nftables::NfTables;
use netkernel::route::{Route, route_numbers};
use netkernel::sysctl::SysctlError;
use netkernel::{Family, Rtnetlink};

use super::change::{Change, Device, NewPair};
use crate::dhcp::{self, DhcpError};
use crate::guard::Guard;
use crate::openvswitch::{self, Database};

/// How long is waited for what the kernel does by itself: it takes less than a millisecond, but for a machine under
/// heavy load, if it comes at all.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(200);

/// The connections on which changes are made.
#[derive(Debug)]
pub struct Kernel {
    /// Links, addresses, routes.
    pub route: Rtnetlink,
    filter: Option<NfTables>,
}

impl Kernel {
    /// Opens the connection for links, addresses and routes; that for packet filters is opened when it is needed.
    pub fn open() -> Result<Self, netlink::Error> {
        Ok(Self { route: Rtnetlink::open()?, filter: None })
    }

    /// The connection for packet filters.
    pub fn filter(&mut self) -> Result<&mut NfTables, netlink::Error> {
        self.both().1
    }

    /// Both connections, for lists that are read at the same time.
    pub fn both(&mut self) -> (&mut Rtnetlink, Result<&mut NfTables, netlink::Error>) {
        let filter = match &mut self.filter {
            Some(filter) => Ok(filter),
            none => NfTables::open().map(|filter| none.insert(filter)),
        };
        (&mut self.route, filter)
    }

    /// For a program that ends now: does not wait for the kernel to finish what was deleted.
    pub fn close_later(self) {
        if let Some(filter) = self.filter {
            filter.close_later();
        }
    }

    /// Carries one change out.
    pub fn apply(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::CreateBridge(bridge) => {
                let kind = LinkKind::Bridge(bridge.options.clone());
                let device = &bridge.device;
                self.route.create_link_at(Some(device.index), &device.name, &kind, &bridge.link)?;
            }
            Change::DeleteBridge(bridge) => gone(self.route.delete_link(bridge.device.index))?,
            Change::CreatePair(pair) => self.create_pair(pair)?,
            // The other end goes with it.
            Change::DeletePair(pair) => gone(self.route.delete_link(pair.front.0.index))?,
            Change::Rename(device, to) => self.rename(device, to)?,
            Change::Link { device, to, .. } => self.route.change_link(device.index, to)?,
            Change::Join { device, to, .. } => {
                let master = Master::from(to.as_ref().map(|bridge| bridge.index));
                let change = LinkChange { master: Some(master), ..LinkChange::default() };
                self.route.change_link(device.index, &change)?;
            }
            Change::PortOptions { device, to, .. } => self.route.change_port(device.index, to)?,
            Change::PortVlans { device, to, from } => {
                gone(self.route.remove_port_vlans(device.index, from))?;
                self.route.add_port_vlans(device.index, to)?;
            }
            Change::AddAddress(device, address) => self.add_address(&on(address, device))?,
            Change::RemoveAddress(device, address) => self.remove_address(&on(address, device))?,
            Change::Relabel { device, to, .. } => self.relabel(device, to)?,
            Change::TeachNeighbour(_, neighbour) => self.route.set_neighbour(neighbour)?,
            Change::SetRoute { to, .. } => self.set_route(to)?,
            Change::RemoveRoute(route) => gone(self.route.remove_route(route))?,
            Change::SetNextHop { to, .. } => self.route.set_next_hop_object(to)?,
            Change::ReplaceRule { to, from } => {
                self.route.add_rule(to)?;
                gone(self.route.remove_rule(from))?;
            }
            Change::AddRule(rule) => self.route.add_rule(rule)?,
            Change::RemoveRule(rule) => gone(self.route.remove_rule(rule))?,
            Change::AddProxy(device, neighbour) => {
                self.route.set_neighbour(&Neighbour { link: device.index, ..neighbour.clone() })?;
            }
            Change::RemoveProxy(device, neighbour) => {
                gone(self.route.remove_neighbour(&Neighbour { link: device.index, ..neighbour.clone() }))?;
            }
            Change::TieMac(device, mac) => self.route.add_forwarding_entry(device.index, *mac, None)?,
            Change::UntieMac(device, mac) => {
                gone(self.route.remove_forwarding_entry(device.index, *mac, None))?;
            }
            Change::Sysctl { setting, to, .. } => setting.write(to)?,
            Change::Guard(port, device, policy) => {
                Guard::of(*port).install(self.filter()?, device, policy)?;
            }
            Change::Unguard(port, ..) => Guard::of(*port).remove(self.filter()?)?,
            Change::AddSwitchPort(port) => port.add(&mut Database::open()?)?,
            Change::RemoveSwitchPort(port) => port.remove(&mut Database::open()?)?,
            Change::Translate(translation) => translation.install(self.filter()?)?,
            Change::Untranslate(translation) => translation.remove(self.filter()?)?,
            Change::StopClient(it) => dhcp::stop(&it.client, &it.on.name)?,
            Change::StartClient(it) => dhcp::start(&it.client, &it.on.name, &it.other.name)?,
            Change::AwaitLease(client, device) => dhcp::wait(client, &device.name)?,
            Change::AwaitLocalRoutes(device) => self.await_local_routes(device)?,
            Change::AwaitRunning(device) => self.await_running(device)?,
        }
        Ok(())
    }

    fn create_pair(&mut self, pair: &NewPair) -> Result<(), netlink::Error> {
        let ((front, front_change), (back, back_change)) = (&pair.front, &pair.back);
        let kind = LinkKind::Veth {
            peer: back.name.clone(),
            peer_index: Some(back.index),
            peer_change: back_change.clone(),
            peer_namespace: None,
        };
        self.route.create_link_at(Some(front.index), &front.name, &kind, front_change)
    }

    /// Adds an address. Checking an IPv6 address for uniqueness takes a second or more, in which it is of no use; one
    /// that has been found to be unique on the same wire is marked as not to be checked, until it is there.
    pub(super) fn add_address(&mut self, address: &Address) -> Result<(), netlink::Error> {
        let unmarked = address.flags & address_flags::NODAD == 0;
        if address.family() == Family::Inet6 && unmarked && !address.is_tentative() {
            let flags = address.flags | address_flags::NODAD;
            self.route.add_address(&Address { flags, ..address.clone() })?;
        }
        self.route.add_address(address)
    }

    /// Sets a route. A route outlives what its gateway was reached by, such as an address, but cannot be made anew without
    /// it, and there is no other way to move it than that.
    pub(super) fn set_route(&mut self, route: &Route) -> Result<(), netlink::Error> {
        match self.route.replace_route(route) {
            Err(error) if error.is_unreachable() && route.gateway().is_some() => {
                self.route.replace_route(&route.clone().on_link())
            }
            result => result,
        }
    }

    /// Removes an address. The kernel takes the route to its network away with it, unless the address was to expire:
    /// then it leaves the route to expire by itself, in the way of another device with that network.
    pub(super) fn remove_address(&mut self, address: &Address) -> Result<(), netlink::Error> {
        // Its label may have changed with the device's name, and does not matter here.
        gone(self.route.remove_address(&Address { label: None, ..address.clone() }))?;
        if address.family() != Family::Inet6 || address.lifetime.is_none() {
            return Ok(());
        }
        let others = self.route.addresses(Some(address.link))?;
        if others.iter().any(|other| other.is_in_network_of(address)) {
            return Ok(());
        }
        let routes = self.route.routes(Family::Inet6, Some(address.link))?;
        let is_left = |route: &&Route| {
            route.protocol == route_numbers::PROTOCOL_KERNEL
                && route.kind == route_numbers::KIND_UNICAST
                && route.destination_length == address.prefix_length
                && route.destination() == Some(address.network())
        };
        routes.iter().filter(is_left).try_for_each(|route| gone(self.route.remove_route(route)))
    }

    fn await_local_routes(&mut self, device: &Device) -> Result<(), Error> {
        let wanted: Vec<Address> = self
            .route
            .addresses(Some(device.index))?
            .into_iter()
            .filter(|address| address.family() == Family::Inet6 && !address.is_tentative())
            .collect();
        let is_delivered = |address: &Address, route: &Route| {
            route.table() == route_numbers::TABLE_LOCAL
                && route.kind == route_numbers::KIND_LOCAL
                && route.destination() == Some(address.local)
        };
        self.wait_until(&format!("{device} takes packets for its IPv6 addresses"), |kernel| {
            let routes = kernel.route.routes(Family::Inet6, Some(device.index))?;
            Ok(wanted.iter().all(|address| routes.iter().any(|route| is_delivered(address, route))))
        })
    }

    fn await_running(&mut self, device: &Device) -> Result<(), Error> {
        self.wait_until(&format!("{device} passes traffic"), |kernel| {
            // A new bridge counts as running until the kernel finds that it has no carrier.
            Ok(kernel.route.link_at(device.index)?.is_some_and(|link| link.carrier && link.is_running()))
        })
    }

    fn wait_until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> Result<bool, netlink::Error>,
    ) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        while !is_so(self)? {
            if Instant::now() > end {
                return Err(Error::Patience(what.to_owned()));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

/// What shall go may have gone already: with a device, with an address, or by another hand.
fn gone(result: Result<(), netlink::Error>) -> Result<(), netlink::Error> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}

/// The address as one of this device.
fn on(address: &Address, device: &Device) -> Address {
    Address { link: device.index, ..address.clone() }
}

/// A change could not be carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused.
    Netlink(netlink::Error),
    /// A kernel setting could not be set.
    Sysctl(SysctlError),
    /// Open vSwitch did not do it.
    Switch(openvswitch::Error),
    /// A DHCP client did not do it.
    Dhcp(DhcpError),
    /// The kernel did not do by itself what it always does: the text goes behind "waited in vain until".
    Patience(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Netlink(error) => error.fmt(f),
            Self::Sysctl(error) => error.fmt(f),
            Self::Switch(error) => error.fmt(f),
            Self::Dhcp(error) => error.fmt(f),
            Self::Patience(what) => write!(f, "waited {} seconds in vain until {what}", PATIENCE.as_secs()),
        }
    }
}

impl std::error::Error for Error {}

impl From<netlink::Error> for Error {
    fn from(error: netlink::Error) -> Self {
        Self::Netlink(error)
    }
}

impl From<DhcpError> for Error {
    fn from(error: DhcpError) -> Self {
        Self::Dhcp(error)
    }
}

impl From<openvswitch::Error> for Error {
    fn from(error: openvswitch::Error) -> Self {
        Self::Switch(error)
    }
}

impl From<SysctlError> for Error {
    fn from(error: SysctlError) -> Self {
        Self::Sysctl(error)
    }
}
