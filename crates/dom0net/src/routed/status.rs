//! How a routed network is, as opposed to how it should be.

use std::fmt;

use netkernel::Family;
use netkernel::route::route_numbers;
use netkernel::sysctl::Sysctl;
use serde::Serialize;

use super::error::Error;
use super::record::Record;
use crate::plan::Kernel;

/// Which families something holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

/// The state of a network that `network-route` made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteStatus {
    /// The device that guests' packets leave by.
    pub gateway: String,
    /// False when that device has gone.
    pub is_there: bool,
    /// Whether the host passes packets on.
    pub forwards: Families,
    /// Whether it answers on the device for its guests.
    pub answers: Families,
    /// The guests' IPv6 addresses that it answers for.
    pub answers_for: Vec<String>,
    /// What leads to guests: networks, and the devices that they are behind.
    pub routes: Vec<(String, String)>,
}

/// Reads how the network is.
pub fn route_status(kernel: &mut Kernel, record: &Record) -> Result<RouteStatus, Error> {
    let name = &record.name;
    let link = kernel.route.link(name)?;
    let is_on = |setting: Sysctl| Ok::<_, Error>(setting.read()?.is_some_and(|value| value != "0"));
    let mut answers_for = Vec::new();
    if let Some(link) = &link {
        let proxied = kernel.route.proxied_neighbours(link.index)?;
        answers_for.extend(proxied.iter().map(|neighbour| neighbour.address.to_string()));
    }
    answers_for.sort();
    Ok(RouteStatus {
        gateway: name.to_string(),
        is_there: link.is_some(),
        forwards: Families {
            ipv4: is_on(Sysctl::of_host(Family::Inet, "ip_forward"))?,
            ipv6: is_on(Sysctl::of_host(Family::Inet6, "conf/all/forwarding"))?,
        },
        answers: Families {
            ipv4: is_on(Sysctl::of_link(Family::Inet, name, "proxy_arp"))?,
            ipv6: is_on(Sysctl::of_link(Family::Inet6, name, "proxy_ndp"))?,
        },
        answers_for,
        routes: routes_to_guests(kernel)?,
    })
}

/// The routes that `vif-route` makes: to single guests, through devices of vifs.
fn routes_to_guests(kernel: &mut Kernel) -> Result<Vec<(String, String)>, Error> {
    let links = kernel.route.links()?;
    let mut found = Vec::new();
    for family in [Family::Inet, Family::Inet6] {
        for route in kernel.route.routes(family, None)? {
            let link = links.iter().find(|link| Some(link.index) == route.link());
            let Some(link) = link.filter(|_| route.table() == route_numbers::TABLE_MAIN) else { continue };
            let is_of_vif = |text: &str| text.starts_with("vif") || text.starts_with("tap");
            let named = is_of_vif(&link.name) || link.alias.as_deref().is_some_and(is_of_vif);
            if named && route.protocol == route_numbers::PROTOCOL_STATIC {
                let Some(destination) = route.destination() else { continue };
                found.push((format!("{destination}/{}", route.destination_length), link.name.clone()));
            }
        }
    }
    Ok(found)
}

/// In words: "IPv4 and IPv6", "nothing".
impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.ipv4, self.ipv6) {
            (true, true) => "IPv4 and IPv6",
            (true, false) => "IPv4 alone",
            (false, true) => "IPv6 alone",
            (false, false) => "nothing",
        })
    }
}

/// One line for the device, and one for each route.
impl fmt::Display for RouteStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_there {
            return writeln!(f, "{}: the device has gone", self.gateway);
        }
        writeln!(f, "{}: forwards {}, answers for guests: {}", self.gateway, self.forwards, self.answers)?;
        self.routes.iter().try_for_each(|(network, device)| writeln!(f, "  {network} is behind {device}"))
    }
}
