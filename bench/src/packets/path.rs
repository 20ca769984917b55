//! Two ends, what is sent from one to the other, and the proof that a host does with it what it is measured for.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;
use lab::frame::{Arp, Content, Description, Ethernet, Frame, Message, Packet, SHORTEST};
use lab::{Lookout, Station};

/// What nobody listens to: dropped on arrival, so that the receiver costs little.
pub(super) const DISCARD: u16 = 9;
/// The source port of those packets.
const SOURCE: u16 = 1024;
/// Nobody's addresses (RFC 5737, RFC 3849): what a forger bears.
const FORGED: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 51, 100, 9), Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 9));

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ipv4,
    Ipv6,
    Arp,
}

/// A device of a station, and its addresses.
pub(super) struct End<'a> {
    pub(super) station: &'a Station,
    pub(super) device: String,
    pub(super) mac: MacAddress,
    pub(super) ipv4: Ipv4Addr,
    pub(super) ipv6: Ipv6Addr,
}

/// From one end to the other.
pub(super) struct Path<'a> {
    pub(super) from: End<'a>,
    pub(super) to: End<'a>,
    /// Whom the sender's frames are for: the receiver, or the host.
    pub(super) next_hop: MacAddress,
    /// The host's addresses that the receiver sees in place of the sender's, if it translates.
    pub(super) translated: Option<(Ipv4Addr, Ipv6Addr)>,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Ipv4, Self::Ipv6, Self::Arp];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ipv4 => "UDP over IPv4",
            Self::Ipv6 => "UDP over IPv6",
            Self::Arp => "ARP",
        }
    }

    /// The one of these that such packets bear.
    fn address(self, (ipv4, ipv6): (Ipv4Addr, Ipv6Addr)) -> IpAddr {
        match self {
            Self::Ipv4 | Self::Arp => ipv4.into(),
            Self::Ipv6 => ipv6.into(),
        }
    }
}

impl Path<'_> {
    /// A frame of 60 bytes that the sender may send.
    pub(super) fn frame(&self, kind: Kind) -> Frame {
        self.frame_of((self.from.ipv4, self.from.ipv6), kind)
    }

    fn frame_of(&self, (ipv4, ipv6): (Ipv4Addr, Ipv6Addr), kind: Kind) -> Frame {
        let header = Ethernet::new(self.from.mac, self.next_hop);
        let frame = match kind {
            Kind::Ipv4 => header.ip(&Packet::v4(ipv4, self.to.ipv4).udp(SOURCE, DISCARD, &[0; 18])),
            Kind::Ipv6 => header.ip(&Packet::v6(ipv6, self.to.ipv6).udp(SOURCE, DISCARD, &[])),
            Kind::Arp => header.arp(&Arp::reply(self.from.mac, ipv4, self.to.mac, self.to.ipv4)),
        };
        frame.padded(SHORTEST)
    }

    /// The address that the receiver sees in place of the sender's.
    pub(super) fn seen_as(&self) -> Ipv4Addr {
        self.translated.map_or(self.from.ipv4, |(ipv4, _)| ipv4)
    }

    /// An error unless frames of the sender arrive, translated where they shall be, and forged ones do not, where somebody
    /// stops them; nor if they are stopped where nobody should.
    pub(super) fn prove(&self, kinds: &[Kind], stops_forgers: bool) -> Result<(), Box<dyn Error>> {
        let mut lookout = Lookout::new();
        lookout.add(self.to.station, &self.to.device)?;
        let mut arrives_from = |frame: &Frame| -> Result<Option<IpAddr>, Box<dyn Error>> {
            let is_sent = |seen: &[u8]| sender_of(&Description::read(seen)).is_some();
            let arrivals = lookout.send_matching(self.from.station, &self.from.device, frame, is_sent)?;
            Ok(arrivals.0.first().and_then(|arrival| sender_of(&arrival.frame.describe())))
        };
        for &kind in kinds {
            let own = (self.from.ipv4, self.from.ipv6);
            for (borne, must_arrive) in [(own, true), (FORGED, !stops_forgers)] {
                let expected = must_arrive.then(|| kind.address(self.translated.unwrap_or(borne)));
                let frame = self.frame_of(borne, kind);
                let found = arrives_from(&frame)?;
                if found != expected {
                    let way = |address: Option<IpAddr>| {
                        address.map_or("not at all".to_owned(), |address| format!("from {address}"))
                    };
                    let (expected, found) = (way(expected), way(found));
                    return Err(format!("{frame} must arrive {expected}, and arrives {found}").into());
                }
            }
        }
        Ok(())
    }
}

/// The address that such a frame bears; none for one that nobody here has sent.
fn sender_of(frame: &Description) -> Option<IpAddr> {
    match &frame.content {
        Content::Arp(arp) if arp.operation == lab::frame::operation::REPLY => Some(arp.sender_ip.into()),
        Content::Ip(packet) if matches!(packet.message, Message::Udp(_, DISCARD)) => Some(packet.source),
        _ => None,
    }
}
