//! Asking who has an address, without the kernel's own tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use ethernet::MacAddress;

use crate::frame::{Arp, Content, Description, Ethernet, Frame, IpContent, Message, Packet, operation};
use crate::{Error, Station};

/// How long is waited for a second answer after the first.
const SECOND: Duration = Duration::from_millis(20);

impl Station {
    /// Asks on one of its devices who has an address, with ARP or neighbour discovery, and returns the MAC
    /// addresses of all who answer: none after `limit`, one as a rule, several when somebody lies.
    pub fn who_has(&self, link: &str, address: IpAddr, limit: Duration) -> Result<Vec<MacAddress>, Error> {
        let mac = self.mac(link)?;
        let question = match address {
            IpAddr::V4(address) => {
                let own = self.own_ipv4(link, address)?;
                Ethernet::broadcast(mac).arp(&Arp::request(mac, own, address))
            }
            IpAddr::V6(address) => solicitation(mac, address),
        };
        let failed = || Error::system(format!("ask for {address} on {link} of {}", self.name()));
        let mut socket = self.socket(link)?;
        socket.send(&question).map_err(failed())?;
        let mut found: Vec<MacAddress> = Vec::new();
        let mut end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(bytes) = socket.receive(left).map_err(failed())? else { return Ok(found) };
            if let Some(answer) = answer_in(&bytes, address).filter(|answer| !found.contains(answer)) {
                found.push(answer);
                end = end.min(Instant::now() + SECOND);
            }
        }
    }

    /// The device's address in the network of `target`, or its first one; `0.0.0.0` when it has none.
    fn own_ipv4(&self, link: &str, target: Ipv4Addr) -> Result<Ipv4Addr, Error> {
        let index = self.link(link)?.index;
        let addresses = self.kernel()?.addresses(Some(index)).map_err(self.kernel_error())?;
        let own: Vec<(Ipv4Addr, u8)> = addresses
            .iter()
            .filter_map(|address| match address.local {
                IpAddr::V4(own) => Some((own, address.prefix_length)),
                IpAddr::V6(_) => None,
            })
            .collect();
        let is_near = |(own, length): &&(Ipv4Addr, u8)| {
            ipnet::Ipv4Net::new(*own, *length).is_ok_and(|net| net.contains(&target))
        };
        let best = own.iter().find(is_near).or(own.first());
        Ok(best.map_or(Ipv4Addr::UNSPECIFIED, |(own, _)| *own))
    }
}

/// A neighbour solicitation from the link-local address that belongs to `mac`, to the group of those who may have it.
fn solicitation(mac: MacAddress, target: Ipv6Addr) -> Frame {
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
    let packet = Packet::v6(mac.link_local(), group).neighbour_solicitation(target, Some(mac));
    Ethernet::new(mac, packet.group_mac()).ip(&packet)
}

/// Where the address is, if this is an answer about it.
fn answer_in(bytes: &[u8], address: IpAddr) -> Option<MacAddress> {
    let description = Description::read(bytes);
    match description.content {
        Content::Arp(arp) if arp.operation == operation::REPLY => {
            (address == IpAddr::V4(arp.sender_ip)).then_some(arp.sender_mac)
        }
        Content::Ip(IpContent { message: Message::NeighbourAdvertisement { target, mac, .. }, .. }) => {
            (address == IpAddr::V6(target)).then_some(mac.unwrap_or(description.source))
        }
        _ => None,
    }
}
