//! Routes (`RTM_*ROUTE`).
//!
//! A route is kept as the kernel told it, attribute by attribute, so that what is moved or put back is what was
//! there: also the attributes that this crate knows nothing of.

use std::fmt;
use std::net::IpAddr;

use crate::family::{Family, ip_of, octets};
use crate::netlink::{Attributes, Context, Error, Message, OwnedAttributes, flags, u16_of, u32_of};
use crate::rtnetlink::Rtnetlink;

/// `RTNH_F_ONLINK`: the gateway is on the link though no route says so. The only flag that is configuration.
const ONLINK: u8 = 4;
/// `RTM_F_CLONED`: the entry is cached, not configured.
const CLONED: u32 = 0x200;

/// Numbers of tables, kinds and origins that the program speaks of (`linux/rtnetlink.h`).
pub mod route_numbers {
    /// The table of the host's own addresses.
    pub const TABLE_LOCAL: u32 = 255;
    /// The ordinary table.
    pub const TABLE_MAIN: u32 = 254;
    /// An ordinary route.
    pub const KIND_UNICAST: u8 = 1;
    /// The host's own address.
    pub const KIND_LOCAL: u8 = 2;
    /// Made by the kernel along with an address.
    pub const PROTOCOL_KERNEL: u8 = 2;
    /// Made at start by configuration.
    pub const PROTOCOL_BOOT: u8 = 3;
    /// Made by the administrator.
    pub const PROTOCOL_STATIC: u8 = 4;
    /// Made from a router advertisement.
    pub const PROTOCOL_RA: u8 = 9;
    /// Learned by DHCP.
    pub const PROTOCOL_DHCP: u8 = 16;
    /// Valid everywhere.
    pub const SCOPE_UNIVERSE: u8 = 0;
    /// Valid on the link.
    pub const SCOPE_LINK: u8 = 253;
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Route {
    /// The family.
    pub family: Family,
    /// The length of the destination's prefix; 0 with no destination is the default route.
    pub destination_length: u8,
    /// The length of the source's prefix, for routes that depend on the source.
    pub source_length: u8,
    /// The type of service that it is for; 0: any.
    pub tos: u8,
    /// Who made it (`RTPROT_*`).
    pub protocol: u8,
    /// `RT_SCOPE_*`.
    pub scope: u8,
    /// `RTN_*`: unicast, local, blackhole…
    pub kind: u8,
    /// `RTNH_F_*` and `RTM_F_*`.
    pub flags: u32,
    /// `RTA_*`.
    pub attributes: OwnedAttributes,
}

impl Route {
    /// A unicast route to `destination` in the main table, made by the administrator, with nothing said yet of
    /// where it leads.
    #[must_use]
    pub fn to(destination: IpAddr, length: u8) -> Self {
        let mut route = Self {
            family: Family::of(destination),
            destination_length: length,
            source_length: 0,
            tos: 0,
            protocol: route_numbers::PROTOCOL_STATIC,
            scope: route_numbers::SCOPE_UNIVERSE,
            kind: route_numbers::KIND_UNICAST,
            flags: 0,
            attributes: OwnedAttributes::default(),
        };
        if length > 0 {
            route.attributes.set(libc::RTA_DST, octets(destination));
        }
        route.attributes.set(libc::RTA_TABLE, route_numbers::TABLE_MAIN.to_ne_bytes());
        route
    }

    /// The same through the device with this index.
    #[must_use]
    pub fn through(mut self, link: u32) -> Self {
        self.attributes.set(libc::RTA_OIF, link.to_ne_bytes());
        if self.gateway().is_none() && self.family == Family::Inet {
            self.scope = route_numbers::SCOPE_LINK;
        }
        self
    }

    /// The same by way of this gateway.
    #[must_use]
    pub fn via(mut self, gateway: IpAddr) -> Self {
        self.attributes.set(libc::RTA_GATEWAY, octets(gateway));
        self.scope = route_numbers::SCOPE_UNIVERSE;
        self
    }

    /// The same with this metric.
    #[must_use]
    pub fn with_metric(mut self, metric: u32) -> Self {
        self.attributes.set(libc::RTA_PRIORITY, metric.to_ne_bytes());
        self
    }

    /// The same, with this address as the host's own when it says nothing else.
    #[must_use]
    pub fn preferring(mut self, source: IpAddr) -> Self {
        self.attributes.set(libc::RTA_PREFSRC, octets(source));
        self
    }

    /// The same with its gateway on the link, even where no other route says so.
    #[must_use]
    pub fn on_link(mut self) -> Self {
        self.flags |= u32::from(ONLINK);
        self
    }

    /// The destination; none for the default route.
    #[must_use]
    pub fn destination(&self) -> Option<IpAddr> {
        self.attributes.get(libc::RTA_DST).and_then(ip_of)
    }

    /// The gateway, of the route's own family or (`RTA_VIA`) of the other.
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        gateway_in(|kind| self.attributes.get(kind))
    }

    /// The index of the device that it leads through, when there is only one.
    #[must_use]
    pub fn link(&self) -> Option<u32> {
        self.attributes.u32(libc::RTA_OIF)
    }

    /// The number of its table.
    #[must_use]
    pub fn table(&self) -> u32 {
        self.attributes.u32(libc::RTA_TABLE).unwrap_or(route_numbers::TABLE_MAIN)
    }

    /// Its metric: of several routes to a place the lowest counts.
    #[must_use]
    pub fn metric(&self) -> u32 {
        self.attributes.u32(libc::RTA_PRIORITY).unwrap_or(0)
    }

    /// In how many seconds it expires; none: it does not.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.attributes.get(libc::RTA_CACHEINFO).and_then(expires_in)
    }

    /// True when it leads through the device with this index, alone or among others.
    #[must_use]
    pub fn uses(&self, link: u32) -> bool {
        self.link() == Some(link) || self.next_hops().any(|hop| hop.link == link)
    }

    /// The gateways and devices among which traffic is spread, when there are several.
    pub fn next_hops(&self) -> impl Iterator<Item = NextHop> {
        let mut rest = self.attributes.get(libc::RTA_MULTIPATH).unwrap_or_default();
        std::iter::from_fn(move || {
            let length = usize::from(u16_of(rest)?);
            let hop = rest.get(..length)?;
            let link = u32_of(hop.get(4..)?)?;
            let attributes = Attributes::new(hop.get(8..)?);
            let gateway = gateway_in(|kind| attributes.clone().find(kind));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some(NextHop { link, gateway })
        })
    }

    /// The same route, through device `to` wherever it led through device `from`.
    #[must_use]
    pub fn moved(&self, from: u32, to: u32) -> Self {
        let mut route = self.clone();
        if route.link() == Some(from) {
            route.attributes.set(libc::RTA_OIF, to.to_ne_bytes());
        }
        if let Some(hops) = route.attributes.get_mut(libc::RTA_MULTIPATH) {
            move_next_hops(hops, from, to);
        }
        route
    }

    /// The number of the next hop object that says where it leads, if one does: then the route itself does not.
    #[must_use]
    pub fn next_hop_object(&self) -> Option<u32> {
        self.attributes.u32(RTA_NH_ID)
    }

    /// Reads the payload of an `RTM_NEWROUTE`; none when it is not one of an IP route.
    fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<12>()?;
        Some(Self {
            family: Family::from_number(header[0])?,
            destination_length: header[1],
            source_length: header[2],
            tos: header[3],
            protocol: header[5],
            scope: header[6],
            kind: header[7],
            flags: u32_of(&header[8..])?,
            attributes: OwnedAttributes::parse(&payload[12..]),
        })
    }

    pub(crate) fn write(&self, message: &mut Message) {
        let mut header = [0; 12];
        header[0] = self.family as u8;
        header[1] = self.destination_length;
        header[2] = self.source_length;
        header[3] = self.tos;
        // The table has eight bits here and 32 in its attribute, which counts.
        header[4] = u8::try_from(self.table()).unwrap_or(0);
        header[5] = self.protocol;
        header[6] = self.scope;
        header[7] = self.kind;
        header[8..].copy_from_slice(&(self.flags & u32::from(ONLINK)).to_ne_bytes());
        message.header(&header);
        let has_object = self.next_hop_object().is_some();
        for (kind, payload) in self.attributes.iter() {
            match kind {
                // The kernel tells where the object leads, but does not want to be told.
                libc::RTA_OIF | libc::RTA_GATEWAY | libc::RTA_MULTIPATH | RTA_VIA if has_object => {}
                // What is left of the route's life is told in one attribute and set by another.
                libc::RTA_CACHEINFO => {
                    if let Some(seconds) = expires_in(payload) {
                        message.u32(RTA_EXPIRES, seconds);
                    }
                }
                kind => message.attribute(kind, payload),
            }
        }
    }
}

/// One of the ways of a route with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The index of the device.
    pub link: u32,
    /// The gateway; none: the destination is on the link.
    pub gateway: Option<IpAddr>,
}

/// `RTM_F_FIB_MATCH`: tell the route as it stands in its table.
const FIB_MATCH: u32 = 0x2000;
/// What the kernel says where no route leads.
const NO_ROUTE: [i32; 3] = [libc::ENETUNREACH, libc::EHOSTUNREACH, libc::ESRCH];

const RTA_VIA: u16 = 18;
const RTA_EXPIRES: u16 = 23;
const RTA_NH_ID: u16 = 30;

fn gateway_in<'a>(get: impl Fn(u16) -> Option<&'a [u8]>) -> Option<IpAddr> {
    let via = || get(RTA_VIA).and_then(|payload| ip_of(payload.get(2..)?));
    get(libc::RTA_GATEWAY).and_then(ip_of).or_else(via)
}

/// Patches the device indices in the payload of an `RTA_MULTIPATH`. The kernel tells there which ways have no carrier, and
/// does not want to be told.
fn move_next_hops(payload: &mut [u8], from: u32, to: u32) {
    let mut at = 0;
    while let Some(length) = payload.get(at..).and_then(u16_of).map(usize::from) {
        // A length below the header would keep us here for ever.
        if length < 8 {
            return;
        }
        if let Some(index) = payload.get_mut(at + 4..at + 8)
            && u32_of(index) == Some(from)
        {
            index.copy_from_slice(&to.to_ne_bytes());
        }
        if let Some(flags) = payload.get_mut(at + 2) {
            *flags &= ONLINK;
        }
        at += length.next_multiple_of(4);
    }
}

/// Seconds until the route expires, from its `struct rta_cacheinfo`, which counts in hundredths; none: never.
fn expires_in(cache_info: &[u8]) -> Option<u32> {
    let ticks = u32_of(cache_info.get(8..)?)?.cast_signed();
    u32::try_from(ticks).ok().filter(|&ticks| ticks > 0).map(|ticks| ticks.div_ceil(100))
}

/// As `ip` writes it, but for the names of devices and tables: `default via 10.0.0.254 metric 100`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.destination() {
            Some(destination) => write!(f, "{destination}/{}", self.destination_length)?,
            None if self.family == Family::Inet => f.write_str("default")?,
            None => f.write_str("default (IPv6)")?,
        }
        if let Some(gateway) = self.gateway() {
            write!(f, " via {gateway}")?;
        }
        for hop in self.next_hops() {
            match hop.gateway {
                Some(gateway) => write!(f, " nexthop via {gateway}")?,
                None => write!(f, " nexthop dev number {}", hop.link)?,
            }
        }
        if self.table() != route_numbers::TABLE_MAIN {
            write!(f, " table {}", self.table())?;
        }
        if self.metric() != 0 {
            write!(f, " metric {}", self.metric())?;
        }
        Ok(())
    }
}

impl Rtnetlink {
    /// The routes of `family` in all tables: of all devices, or those that use the device with this index.
    pub fn routes(&mut self, family: Family, link: Option<u32>) -> Result<Vec<Route>, Error> {
        let mut header = [0; 12];
        header[0] = family as u8;
        let mut message = Message::new(libc::RTM_GETROUTE, 0);
        message.header(&header);
        if let Some(index) = link {
            message.u32(libc::RTA_OIF, index);
        }
        let mut routes: Vec<Route> = self
            .socket
            .dump(&message, Vec::new, |list, reply| list.extend(Route::parse(reply.payload)))
            .attempting(|| match link {
                Some(index) => format!("list the routes through network device number {index}"),
                None => "list the routes of this host".into(),
            })?;
        routes.retain(|route| route.flags & CLONED == 0 && link.is_none_or(|index| route.uses(index)));
        Ok(routes)
    }

    /// The route that packets to this address take, as it stands in its table; none where there is none.
    pub fn route_to(&mut self, destination: IpAddr) -> Result<Option<Route>, Error> {
        let mut header = [0; 12];
        header[0] = Family::of(destination) as u8;
        header[1] = if destination.is_ipv4() { 32 } else { 128 };
        header[8..].copy_from_slice(&FIB_MATCH.to_ne_bytes());
        let mut message = Message::new(libc::RTM_GETROUTE, 0);
        message.header(&header);
        message.attribute(libc::RTA_DST, &octets(destination));
        match self.socket.get(&message, |reply| Route::parse(reply.payload)) {
            Ok(route) => Ok(route),
            Err(cause) if cause.code().is_some_and(|code| NO_ROUTE.contains(&code)) => Ok(None),
            Err(cause) => Err(Error::new(format!("look up the route to {destination}"), cause)),
        }
    }

    /// Adds a route, in place of one to the same destination with the same metric.
    pub fn replace_route(&mut self, route: &Route) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_NEWROUTE, flags::CREATE | flags::REPLACE);
        route.write(&mut message);
        self.socket.request(message).attempting(|| format!("set route {route}"))
    }

    /// Removes a route.
    pub fn remove_route(&mut self, route: &Route) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_DELROUTE, 0);
        route.write(&mut message);
        self.socket.request(message).attempting(|| format!("remove route {route}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn next_hop(link: u32) -> Vec<u8> {
        let mut hop = vec![8, 0, 0, 0];
        hop.extend_from_slice(&link.to_ne_bytes());
        hop
    }

    #[test]
    fn moving_touches_only_the_device_that_moves() {
        let mut route = Route::to("10.1.0.0".parse().unwrap(), 16);
        route.attributes.set(libc::RTA_MULTIPATH, [next_hop(3), next_hop(4), next_hop(3)].concat());
        let hops: Vec<_> = route.moved(3, 9).next_hops().map(|hop| hop.link).collect();
        assert_eq!(hops, [9, 4, 9]);
        assert_eq!(route.moved(3, 9).moved(9, 3), route);
    }

    #[test]
    fn a_way_without_carrier_can_be_moved() {
        let mut route = Route::to("10.1.0.0".parse().unwrap(), 16);
        // RTNH_F_ONLINK and RTNH_F_LINKDOWN.
        let hop = [&[8, 0, 4 | 16, 0][..], &3_u32.to_ne_bytes()].concat();
        route.attributes.set(libc::RTA_MULTIPATH, hop);
        let moved = route.moved(3, 9);
        assert_eq!(moved.attributes.get(libc::RTA_MULTIPATH).unwrap()[2], ONLINK);
    }

    #[test]
    fn a_route_reads_back_as_written() {
        let route = Route::to("2001:db8::".parse().unwrap(), 32).through(5).with_metric(1024);
        let mut message = Message::new(libc::RTM_NEWROUTE, 0);
        route.write(&mut message);
        assert_eq!(Route::parse(&message.bytes()[16..]).unwrap(), route);
    }

    #[test]
    fn routes_read_like_those_of_ip() {
        let gateway = "10.0.0.254".parse().unwrap();
        let default = Route::to("0.0.0.0".parse().unwrap(), 0).via(gateway).through(2).with_metric(100);
        assert_eq!(default.to_string(), "default via 10.0.0.254 metric 100");
    }

    proptest! {
        #[test]
        fn hostile_multipath_is_walked_to_an_end(mut bytes: Vec<u8>) {
            move_next_hops(&mut bytes, 1, 2);
            let mut route = Route::to("10.0.0.0".parse().unwrap(), 8);
            route.attributes.set(libc::RTA_MULTIPATH, bytes);
            let _ = route.next_hops().take(10_000).count();
        }
    }
}
