//! A device with all that the kernel ties to it.

use std::net::IpAddr;

use netkernel::Family;
use netkernel::address::Address;
use netkernel::link::{Link, LinkName};
use netkernel::neighbour::Neighbour;
use netkernel::next_hop::NextHopObject;
use netkernel::route::{Route, route_numbers};
use netkernel::rule::Rule;
use netkernel::sysctl::{Sysctl, SysctlError};

use super::error::Error;
use crate::plan::{Device, Kernel};

/// A device with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The device.
    pub device: Device,
    /// What the kernel says of it.
    pub link: Link,
    /// Its addresses, in the kernel's order: secondary ones behind their primary.
    pub addresses: Vec<Address>,
    /// The routes through it, of all tables and both families, but for those that come and go with its addresses, and
    /// those whose next hop object says where they lead.
    pub routes: Vec<Route>,
    /// The routes to its IPv6 networks whose addresses expire. The kernel makes them with the address, and lets them
    /// expire by themselves when that is removed.
    pub expiring: Vec<Route>,
    /// The next hop objects that lead through it.
    pub next_hops: Vec<NextHopObject>,
    /// The routing rules that name it.
    pub rules: Vec<Rule>,
    /// Who is known to be reachable through it.
    pub neighbours: Vec<Neighbour>,
    /// The addresses that this host answers for on it.
    pub proxied: Vec<Neighbour>,
    /// The kernel settings that are not those of a new device.
    pub settings: Vec<Setting>,
    /// The setting `rp_filter`: whether packets are dropped to whose sender there is another way back.
    pub reverse_path_filter: Option<String>,
}

/// A kernel setting of a device that is not what a new device gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The family.
    pub family: Family,
    /// Its name, as under `/proc/sys/net/ipv4/conf/DEVICE`.
    pub key: String,
    /// What it is.
    pub value: String,
    /// What it is on a new device.
    pub default: String,
}

/// Settings that are no configuration of the device's own: secrets, what the kernel derives, and what goes by netlink.
const DERIVED: [&str; 4] = ["stable_secret", "addr_gen_mode", "mtu", "mc_forwarding"];

impl Snapshot {
    /// Reads all about a device; none when there is none of that name.
    pub fn take(kernel: &mut Kernel, name: &LinkName) -> Result<Option<Self>, Error> {
        let route = &mut kernel.route;
        let Some(link) = route.link(name)? else { return Ok(None) };
        let index = Some(link.index);
        let mut routes = route.routes(Family::Inet, index)?;
        routes.extend(route.routes(Family::Inet6, index)?);
        let (of_addresses, mut routes): (Vec<Route>, Vec<Route>) =
            routes.into_iter().partition(|route| route.protocol == route_numbers::PROTOCOL_KERNEL);
        routes.retain(|route| route.next_hop_object().is_none());
        let expiring = of_addresses.into_iter().filter(|route| route.expires().is_some()).collect();
        let mut rules = route.rules()?;
        rules.retain(|rule| rule.names(name));
        Ok(Some(Self {
            device: Device { index: link.index, name: name.clone() },
            addresses: route.addresses(index)?,
            routes,
            expiring,
            next_hops: route.next_hop_objects(link.index)?,
            rules,
            neighbours: route.neighbours(link.index)?,
            proxied: route.proxied_neighbours(link.index)?,
            settings: settings_of(name)?,
            reverse_path_filter: Sysctl::of_link(Family::Inet, name, "rp_filter").read()?,
            link,
        }))
    }

    /// The gateways of the default routes through the device.
    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        self.routes.iter().filter(|route| route.destination_length == 0).filter_map(Route::gateway)
    }
}

fn settings_of(name: &LinkName) -> Result<Vec<Setting>, SysctlError> {
    let mut settings = Vec::new();
    for family in [Family::Inet, Family::Inet6] {
        for key in Sysctl::keys_of_link(family, name)? {
            if DERIVED.contains(&key.as_str()) {
                continue;
            }
            let value = Sysctl::of_link(family, name, &key).read()?;
            let default = Sysctl::default_of_links(family, &key).read()?;
            if let (Some(value), Some(default)) = (value, default)
                && value != default
            {
                settings.push(Setting { family, key, value, default });
            }
        }
    }
    Ok(settings)
}
