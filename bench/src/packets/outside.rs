//! A machine at the other end of the host's cable, which knows no way to the guests.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use ipnet::IpNet;
use lab::{Interface, Station};
use netkernel::link::{LinkChange, LinkKind, LinkName};

use super::path::End;

/// This machine's addresses (RFC 5737, RFC 3849).
const OWN: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1));

/// The machine.
pub(super) struct Outside(Station);

impl Outside {
    /// The name of the card, at both ends.
    pub(super) const CARD: &str = "eth0";
    /// The host's addresses on the cable.
    pub(super) const HOST: (Ipv4Addr, Ipv6Addr) =
        (Ipv4Addr::new(192, 0, 2, 250), Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0x250));

    /// Gives `host` a card, and a default route by it.
    pub(super) fn new(host: &Station) -> Result<Self, Box<dyn Error>> {
        let station = Station::new("outside")?;
        let cable = LinkKind::Veth {
            peer: LinkName::new(Self::CARD)?,
            peer_index: None,
            peer_change: LinkChange::default(),
            peer_namespace: Some(station.namespace().as_fd()),
        };
        host.kernel()?.create_link(&LinkName::new(Self::CARD)?, &cable, &LinkChange::default())?;
        let addresses = |(ipv4, ipv6): (Ipv4Addr, Ipv6Addr)| {
            Ok::<_, ipnet::PrefixLenError>(vec![IpNet::new(ipv4.into(), 24)?, IpNet::new(ipv6.into(), 64)?])
        };
        let gateways = vec![OWN.0.into(), OWN.1.into()];
        station.configure(Self::CARD, &Interface { addresses: addresses(OWN)?, ..Interface::default() })?;
        host.configure(Self::CARD, &Interface { mac: None, addresses: addresses(Self::HOST)?, gateways })?;
        station.wait_ready(Self::CARD)?;
        host.wait_ready(Self::CARD)?;
        Ok(Self(station))
    }

    /// Where packets arrive.
    pub(super) fn end(&self) -> Result<End<'_>, Box<dyn Error>> {
        let (ipv4, ipv6) = OWN;
        Ok(End { station: &self.0, device: Self::CARD.to_owned(), mac: self.0.mac(Self::CARD)?, ipv4, ipv6 })
    }
}
