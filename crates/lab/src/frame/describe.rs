//! What a frame says.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;

use super::packet::protocol;
use super::{Arp, discovery, ethertype, operation};

/// More VLAN tags, or extension headers, than this are not looked behind.
const DEEPEST: usize = 16;

/// A frame as a careful reader understands it. Any bytes give a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Whom it is from.
    pub source: MacAddress,
    /// Whom it is for.
    pub destination: MacAddress,
    /// VLAN tags from the outermost on: what announces each, and its priority and identifier.
    pub tags: Vec<(u16, u16)>,
    /// What it carries.
    pub content: Content,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// ARP.
    Arp(Arp),
    /// An IP packet.
    Ip(IpContent),
    /// Something else: its ethertype, and bytes.
    Other(u16, usize),
    /// An 802.3 frame, which has a length in place of a type: both service access points.
    Llc(u8, u8),
    /// It ends before it has said what it is.
    Cut,
}

/// What an IP packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpContent {
    /// Whom it is from.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// How many routers may still pass it on.
    pub hop_limit: u8,
    /// Numbers of the IPv6 extension headers.
    pub extensions: Vec<u8>,
    /// What it carries.
    pub message: Message,
}

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A ping: identifier and sequence number.
    EchoRequest(u16, u16),
    /// Its answer.
    EchoReply(u16, u16),
    /// Who has this address?
    NeighbourSolicitation {
        /// The address.
        target: Ipv6Addr,
    },
    /// I have it.
    NeighbourAdvertisement {
        /// The address.
        target: Ipv6Addr,
        /// Where, when it says so.
        mac: Option<MacAddress>,
        /// Whether it answers a question.
        solicited: bool,
    },
    /// Other ICMP messages: type and code.
    Icmp(u8, u8),
    /// UDP: source and destination port.
    Udp(u16, u16),
    /// TCP: source and destination port.
    Tcp(u16, u16),
    /// A fragment that does not begin the packet.
    Fragment,
    /// Another protocol, by its number.
    Other(u8),
}

impl Description {
    /// Reads a frame.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mac = |at: usize| {
            let octets = bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
            octets.map_or(MacAddress::ZERO, MacAddress::new)
        };
        let mut description =
            Self { destination: mac(0), source: mac(6), tags: Vec::new(), content: Content::Cut };
        let mut at = 12;
        while let Some(kind) = word(bytes, at) {
            at += 2;
            let is_tag = matches!(kind, ethertype::VLAN | ethertype::SERVICE_VLAN);
            if !is_tag || description.tags.len() == DEEPEST {
                description.content = content(kind, bytes.get(at..).unwrap_or_default());
                break;
            }
            let Some(control) = word(bytes, at) else { break };
            description.tags.push((kind, control));
            at += 2;
        }
        description
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// As many bytes as a header says that the packet has. What is in the frame behind them no receiver reads: it is the padding
/// of short frames, or should be.
fn up_to(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

fn content(kind: u16, body: &[u8]) -> Content {
    match kind {
        ethertype::ARP => Arp::read(body).map_or(Content::Cut, Content::Arp),
        ethertype::IPV4 => IpContent::read_v4(body).map_or(Content::Cut, Content::Ip),
        ethertype::IPV6 => IpContent::read_v6(body).map_or(Content::Cut, Content::Ip),
        length if length < 0x0600 => match body {
            [destination, source, ..] => Content::Llc(*destination, *source),
            _ => Content::Cut,
        },
        kind => Content::Other(kind, body.len()),
    }
}

impl IpContent {
    /// Reads a packet from its IPv4 header on; none when that is not all there.
    pub(crate) fn read_v4(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<20>()?;
        let length = usize::from(header[0] & 0x0f) * 4;
        let source = Ipv4Addr::from(*header[12..].first_chunk::<4>()?);
        let destination = Ipv4Addr::from(*header[16..].first_chunk::<4>()?);
        let bytes = up_to(bytes, usize::from(u16::from_be_bytes([header[2], header[3]])));
        let is_later_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
        let message = if is_later_fragment {
            Message::Fragment
        } else {
            match header[9] {
                // Each family has its own ICMP.
                protocol::ICMPV6 => Message::Other(protocol::ICMPV6),
                number => Message::read(number, bytes.get(length..).unwrap_or_default()),
            }
        };
        Some(Self {
            source: source.into(),
            destination: destination.into(),
            hop_limit: header[8],
            extensions: Vec::new(),
            message,
        })
    }

    /// The same for IPv6.
    fn read_v6(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<40>()?;
        let source = Ipv6Addr::from(*header[8..].first_chunk::<16>()?);
        let destination = Ipv6Addr::from(*header[24..].first_chunk::<16>()?);
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let mut rest = bytes.get(40..).unwrap_or_default();
        // Jumbograms have their length in an option.
        if length > 0 {
            rest = up_to(rest, length);
        }
        let mut next = header[6];
        let mut extensions = Vec::new();
        let mut is_later_fragment = false;
        // Hop-by-hop, routing, fragment, destination options, mobility, HIP, Shim6.
        while matches!(next, 0 | 43 | 44 | 60 | 135 | 139 | 140) && extensions.len() < DEEPEST {
            let Some(front) = rest.first_chunk::<8>() else { break };
            extensions.push(next);
            let is_fragment = next == super::extension::FRAGMENT;
            is_later_fragment |= is_fragment && u16::from_be_bytes([front[2], front[3]]) >> 3 != 0;
            let length = if is_fragment { 8 } else { 8 + 8 * usize::from(front[1]) };
            next = front[0];
            rest = rest.get(length..).unwrap_or_default();
            if is_later_fragment {
                break;
            }
        }
        let message = match next {
            _ if is_later_fragment => Message::Fragment,
            protocol::ICMP => Message::Other(protocol::ICMP),
            number => Message::read(number, rest),
        };
        Some(Self {
            source: source.into(),
            destination: destination.into(),
            hop_limit: header[7],
            extensions,
            message,
        })
    }
}

impl Message {
    /// Reads what a packet carries under this number.
    pub(crate) fn read(number: u8, body: &[u8]) -> Self {
        let words = (word(body, 0), word(body, 2));
        match (number, words) {
            (protocol::UDP, (Some(source), Some(destination))) => Self::Udp(source, destination),
            (protocol::TCP, (Some(source), Some(destination))) => Self::Tcp(source, destination),
            (protocol::ICMP | protocol::ICMPV6, (Some(_), _)) => icmp(number == protocol::ICMPV6, body),
            _ => Self::Other(number),
        }
    }
}

fn icmp(is_v6: bool, body: &[u8]) -> Message {
    let (kind, code) = (body[0], body[1]);
    let echo = (word(body, 4).unwrap_or_default(), word(body, 6).unwrap_or_default());
    let target = body.get(8..).and_then(<[u8]>::first_chunk::<16>).copied().map(Ipv6Addr::from);
    match (is_v6, kind, target) {
        (false, 8, _) | (true, 128, _) => Message::EchoRequest(echo.0, echo.1),
        (false, 0, _) | (true, 129, _) => Message::EchoReply(echo.0, echo.1),
        (true, 135, Some(target)) => Message::NeighbourSolicitation { target },
        (true, 136, Some(target)) => Message::NeighbourAdvertisement {
            target,
            mac: target_mac(body.get(24..).unwrap_or_default()),
            solicited: body[4] & discovery::advertisement::SOLICITED != 0,
        },
        _ => Message::Icmp(kind, code),
    }
}

/// The MAC address in the first target link-layer address option.
fn target_mac(mut options: &[u8]) -> Option<MacAddress> {
    loop {
        let [kind, units] = *options.first_chunk()?;
        // A length of zero would keep us here for ever.
        let length = 8 * usize::from(units).max(1);
        if kind == 2 {
            return options.get(2..)?.first_chunk().copied().map(MacAddress::new);
        }
        options = options.get(length..)?;
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.source, self.destination)?;
        for (protocol, control) in &self.tags {
            let kind = if *protocol == ethertype::VLAN { "VLAN" } else { "service VLAN" };
            write!(f, ", {kind} {}", control & 0xfff)?;
        }
        write!(f, ", {}", self.content)
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arp(arp) if arp.operation == operation::REQUEST => {
                write!(f, "ARP who has {} tell {}", arp.target_ip, arp.sender_ip)
            }
            Self::Arp(arp) if arp.operation == operation::REPLY => {
                write!(f, "ARP reply {} is at {}", arp.sender_ip, arp.sender_mac)
            }
            Self::Arp(arp) => write!(f, "ARP operation {}", arp.operation),
            Self::Ip(ip) => ip.fmt(f),
            Self::Other(kind, bytes) => write!(f, "ethertype {kind:#06x} with {bytes} bytes"),
            Self::Llc(destination, source) => write!(f, "LLC {source:#04x} > {destination:#04x}"),
            Self::Cut => f.write_str("cut short"),
        }
    }
}

impl fmt::Display for IpContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.source, self.destination)?;
        for number in &self.extensions {
            write!(f, ", extension {number}")?;
        }
        write!(f, ", {}", self.message)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EchoRequest(id, sequence) => write!(f, "echo request {id}/{sequence}"),
            Self::EchoReply(id, sequence) => write!(f, "echo reply {id}/{sequence}"),
            Self::NeighbourSolicitation { target } => write!(f, "who has {target}"),
            Self::NeighbourAdvertisement { target, mac: Some(mac), .. } => write!(f, "{target} is at {mac}"),
            Self::NeighbourAdvertisement { target, mac: None, .. } => write!(f, "{target} is here"),
            Self::Icmp(kind, code) => write!(f, "ICMP {kind}/{code}"),
            Self::Udp(source, destination) => write!(f, "UDP {source} > {destination}"),
            Self::Tcp(source, destination) => write!(f, "TCP {source} > {destination}"),
            Self::Fragment => f.write_str("fragment"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{DhcpMessage, Ethernet, Frame, Packet, RouterAdvertisement};

    const A: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 0xa]);

    fn said(frame: &Frame) -> String {
        frame.describe().content.to_string()
    }

    fn v6() -> Packet {
        Packet::v6("fe80::1".parse().unwrap(), "ff02::1".parse().unwrap())
    }

    #[test]
    fn frames_say_what_they_were_built_to_say() {
        let front = Ethernet::broadcast(A);
        let target = "fe80::9".parse().unwrap();
        for (frame, expected) in [
            (front.arp(&Arp::probe(A, [10, 0, 0, 9])), "ARP who has 10.0.0.9 tell 0.0.0.0"),
            (
                front.ip(&Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).echo_request(3, 4, &[])),
                "10.0.0.1 > 10.0.0.2, echo request 3/4",
            ),
            (front.ip(&DhcpMessage::discover(A).packet()), "0.0.0.0 > 255.255.255.255, UDP 68 > 67"),
            (
                front.ip(&DhcpMessage::offer(A, [10, 0, 0, 7].into(), [10, 0, 0, 8].into()).packet()),
                "10.0.0.8 > 255.255.255.255, UDP 67 > 68",
            ),
            (front.ip(&v6().neighbour_solicitation(target, None)), "fe80::1 > ff02::1, who has fe80::9"),
            (
                front.ip(&v6().solicited_advertisement(target, Some(A)).destination_options()),
                "fe80::1 > ff02::1, extension 60, fe80::9 is at 00:16:3e:00:00:0a",
            ),
            (
                front.ip(&v6().router_advertisement(&RouterAdvertisement {
                    lifetime: 1800,
                    prefix: Some("2001:db8:bad::/64".parse().unwrap()),
                    mac: Some(A),
                })),
                "fe80::1 > ff02::1, ICMP 134/0",
            ),
            (front.ip(&v6().mld2_report(&[target])), "fe80::1 > ff02::1, extension 0, ICMP 143/0"),
            (Ethernet::bpdu(A), "LLC 0x42 > 0x42"),
            (front.payload(0x88cc, &[1, 2]), "ethertype 0x88cc with 2 bytes"),
            (front.payload(0x0800, &[0x45]), "cut short"),
        ] {
            assert_eq!(said(&frame), expected);
        }
    }

    #[test]
    fn what_stands_behind_tags_and_in_fragments_is_found() {
        let packet = v6().neighbour_advertisement("fe80::9".parse().unwrap(), Some(A));
        let frame = Ethernet::broadcast(A).service_vlan(9).vlan(7).ip(&packet);
        assert_eq!(
            frame.to_string(),
            "00:16:3e:00:00:0a > ff:ff:ff:ff:ff:ff, service VLAN 9, VLAN 7, \
             fe80::1 > ff02::1, fe80::9 is at 00:16:3e:00:00:0a"
        );
        let [first, second] = packet.split(24, 1);
        assert_eq!(
            said(&Ethernet::broadcast(A).ip(&first)),
            "fe80::1 > ff02::1, extension 44, fe80::9 is here"
        );
        assert_eq!(said(&Ethernet::broadcast(A).ip(&second)), "fe80::1 > ff02::1, extension 44, fragment");
    }

    #[test]
    fn what_stands_behind_the_end_of_a_packet_is_not_read() {
        let packet = v6().neighbour_advertisement("fe80::9".parse().unwrap(), Some(A));
        let mut bytes = Ethernet::broadcast(A).ip(&packet).to_vec();
        bytes[18..20].copy_from_slice(&24_u16.to_be_bytes());
        assert_eq!(said(&Frame::new(bytes)), "fe80::1 > ff02::1, fe80::9 is here");
    }

    /// The independent reader agrees about what neighbour discovery looks like.
    #[test]
    fn discovery_is_well_formed() {
        let target = "2001:db8::9".parse().unwrap();
        for packet in [
            v6().neighbour_solicitation(target, Some(A)),
            v6().neighbour_advertisement(target, Some(A)),
            v6().router_solicitation(Some(A)),
            v6().redirect(target, target, Some(A)),
            v6().mld_query(target),
            v6().mld_report(target),
            v6().mld_done(target),
        ] {
            let frame = Ethernet::broadcast(A).ip(&packet);
            let sliced = etherparse::SlicedPacket::from_ethernet(&frame).unwrap();
            let Some(etherparse::TransportSlice::Icmpv6(icmp)) = sliced.transport else {
                panic!("{frame:?}")
            };
            let Some(etherparse::NetSlice::Ipv6(ip)) = sliced.net else { panic!("{frame:?}") };
            assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()), "{frame:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_described(bytes: Vec<u8>) {
            let _ = Description::read(&bytes).to_string();
        }

        #[test]
        fn any_bytes_behind_an_ip_header_can_be_described(mut bytes: Vec<u8>, kind in 0_usize..3, next: u8) {
            let kind = [ethertype::IPV4, ethertype::IPV6, ethertype::ARP][kind];
            bytes.resize(bytes.len().max(41), next);
            bytes[6] = next;
            let _ = Ethernet::broadcast(A).vlan(1).payload(kind, &bytes).to_string();
        }
    }
}
