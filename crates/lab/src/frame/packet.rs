//! IP packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;
use etherparse::checksum::Sum16BitWords;
use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header};

use super::ethertype;

/// Numbers of what an IP packet carries (IANA "protocol numbers").
pub(super) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const NONE: u8 = 59;
}

/// Where both ends of a packet are. They are of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

/// An IPv4 packet's place in the packet that it is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fragment {
    offset: u16,
    more: bool,
    identification: u16,
}

/// An IP packet: addresses, then what it carries, with lengths and checksums that are right.
///
/// Say first what it carries and then what stands in front of that: [`hop_limit`](Self::hop_limit), extension
/// headers, fragmentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    ends: Ends,
    hop_limit: u8,
    options: Vec<u8>,
    fragment: Fragment,
    /// IPv6 extension headers from the outermost on: number and bytes, the first of which is for the next number.
    pub(super) extensions: Vec<(u8, Vec<u8>)>,
    protocol: u8,
    body: Vec<u8>,
}

impl Packet {
    /// An IPv4 packet that carries nothing yet.
    #[must_use]
    pub fn v4(source: impl Into<Ipv4Addr>, destination: impl Into<Ipv4Addr>) -> Self {
        Self::new(Ends::V4(source.into(), destination.into()))
    }

    /// An IPv6 packet that carries nothing yet.
    #[must_use]
    pub fn v6(source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        Self::new(Ends::V6(source, destination))
    }

    /// A packet between two addresses; none when they are not of one family.
    #[must_use]
    pub fn between(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::v4(source, destination)),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::v6(source, destination)),
            _ => None,
        }
    }

    fn new(ends: Ends) -> Self {
        Self {
            ends,
            hop_limit: 64,
            options: Vec::new(),
            fragment: Fragment::default(),
            extensions: Vec::new(),
            protocol: protocol::NONE,
            body: Vec::new(),
        }
    }

    /// Carries these bytes of a protocol given by its number, as they are.
    #[must_use]
    pub fn raw(mut self, protocol: u8, body: &[u8]) -> Self {
        self.protocol = protocol;
        self.body = body.to_vec();
        self
    }

    /// Carries a UDP datagram.
    #[must_use]
    pub fn udp(self, source_port: u16, destination_port: u16, payload: &[u8]) -> Self {
        let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX);
        let mut message = Vec::with_capacity(8 + payload.len());
        message.extend_from_slice(&source_port.to_be_bytes());
        message.extend_from_slice(&destination_port.to_be_bytes());
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(&[0, 0]);
        message.extend_from_slice(payload);
        self.checksummed(protocol::UDP, message, 6)
    }

    /// Carries the first segment of a TCP connection.
    #[must_use]
    pub fn tcp_syn(self, source_port: u16, destination_port: u16) -> Self {
        let mut message = vec![0; 20];
        message[0..2].copy_from_slice(&source_port.to_be_bytes());
        message[2..4].copy_from_slice(&destination_port.to_be_bytes());
        // Five words of header, SYN, a window of 64 KiB.
        message[12..16].copy_from_slice(&[0x50, 0x02, 0xff, 0xff]);
        self.checksummed(protocol::TCP, message, 16)
    }

    /// Carries an echo request: a ping.
    #[must_use]
    pub fn echo_request(self, identifier: u16, sequence: u16, payload: &[u8]) -> Self {
        self.echo((8, 128), identifier, sequence, payload)
    }

    /// Carries the answer to a ping.
    #[must_use]
    pub fn echo_reply(self, identifier: u16, sequence: u16, payload: &[u8]) -> Self {
        self.echo((0, 129), identifier, sequence, payload)
    }

    fn echo(self, kinds: (u8, u8), identifier: u16, sequence: u16, payload: &[u8]) -> Self {
        let kind = if self.is_v6() { kinds.1 } else { kinds.0 };
        let mut body = identifier.to_be_bytes().to_vec();
        body.extend_from_slice(&sequence.to_be_bytes());
        body.extend_from_slice(payload);
        self.icmp(kind, 0, &body)
    }

    /// Carries an ICMP message, or an ICMPv6 message: type, code, and what stands behind the checksum.
    #[must_use]
    pub fn icmp(self, kind: u8, code: u8, body: &[u8]) -> Self {
        let mut message = vec![kind, code, 0, 0];
        message.extend_from_slice(body);
        let protocol = if self.is_v6() { protocol::ICMPV6 } else { protocol::ICMP };
        self.checksummed(protocol, message, 2)
    }

    /// Changes how many routers may pass the packet on; 64 if nothing is said, 255 in neighbour discovery.
    #[must_use]
    pub const fn hop_limit(mut self, limit: u8) -> Self {
        self.hop_limit = limit;
        self
    }

    /// IPv4 options; a multiple of four bytes and at most forty, else they are cut to that. IPv6 has none.
    #[must_use]
    pub fn ipv4_options(mut self, options: &[u8]) -> Self {
        self.options = options.iter().copied().take(40).collect();
        self.options.truncate(self.options.len() / 4 * 4);
        self
    }

    /// Makes it a fragment: `offset` in units of eight bytes (13 bits), whether more come behind it, and what all of
    /// them have in common. In IPv6 this adds an extension header.
    #[must_use]
    pub fn fragment(mut self, offset: u16, more: bool, identification: u16) -> Self {
        let offset = offset & 0x1fff;
        if self.is_v6() {
            let word = (offset << 3) | u16::from(more);
            let mut header = vec![0, 0];
            header.extend_from_slice(&word.to_be_bytes());
            header.extend_from_slice(&u32::from(identification).to_be_bytes());
            self.extensions.push((super::extension::FRAGMENT, header));
        } else {
            self.fragment = Fragment { offset, more, identification };
        }
        self
    }

    /// Two fragments of it: the first with `at` bytes (rounded up to a multiple of eight) of what it carries, IPv6
    /// extension headers included, the second with the rest.
    #[must_use]
    pub fn split(&self, at: usize, identification: u16) -> [Self; 2] {
        let (protocol, whole) = self.carried();
        let at = at.next_multiple_of(8).min(whole.len());
        let offset = u16::try_from(at / 8).unwrap_or(u16::MAX);
        let part = |body: &[u8], offset, more| {
            let mut part = Self::new(self.ends).hop_limit(self.hop_limit).raw(protocol, body);
            part.options.clone_from(&self.options);
            part.fragment(offset, more, identification)
        };
        [part(&whole[..at], 0, true), part(&whole[at..], offset, false)]
    }

    /// The number that it is carried under: [`ethertype::IPV4`] or [`ethertype::IPV6`].
    #[must_use]
    pub const fn ethertype(&self) -> u16 {
        if self.is_v6() { ethertype::IPV6 } else { ethertype::IPV4 }
    }

    /// The MAC address of its destination's group, for a multicast or the limited broadcast address.
    #[must_use]
    pub fn group_mac(&self) -> MacAddress {
        match self.ends {
            Ends::V4(_, Ipv4Addr::BROADCAST) => MacAddress::BROADCAST,
            Ends::V4(_, group) => {
                let [_, b, c, d] = group.octets();
                MacAddress::new([0x01, 0x00, 0x5e, b & 0x7f, c, d])
            }
            Ends::V6(_, group) => {
                let [.., a, b, c, d] = group.octets();
                MacAddress::new([0x33, 0x33, a, b, c, d])
            }
        }
    }

    pub(super) const fn is_v6(&self) -> bool {
        matches!(self.ends, Ends::V6(..))
    }

    /// The packet as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (protocol, carried) = self.carried();
        let length = |header: usize| u16::try_from(header + carried.len()).unwrap_or(u16::MAX);
        let mut bytes = match self.ends {
            Ends::V4(source, destination) => {
                let mut header = Ipv4Header {
                    total_len: length(Ipv4Header::MIN_LEN + self.options.len()),
                    identification: self.fragment.identification,
                    dont_fragment: false,
                    more_fragments: self.fragment.more,
                    fragment_offset: IpFragOffset::try_new(self.fragment.offset).unwrap_or_default(),
                    time_to_live: self.hop_limit,
                    protocol: IpNumber(protocol),
                    source: source.octets(),
                    destination: destination.octets(),
                    options: Ipv4Options::try_from(&self.options[..]).unwrap_or_default(),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                header.to_bytes().to_vec()
            }
            Ends::V6(source, destination) => Ipv6Header {
                payload_length: length(0),
                next_header: IpNumber(protocol),
                hop_limit: self.hop_limit,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            }
            .to_bytes()
            .to_vec(),
        };
        bytes.extend_from_slice(&carried);
        bytes
    }

    /// What stands behind the IP header, and its number.
    fn carried(&self) -> (u8, Vec<u8>) {
        let mut next = self.protocol;
        let mut parts = vec![self.body.clone()];
        for (number, header) in self.extensions.iter().rev() {
            let mut header = header.clone();
            header[0] = next;
            next = *number;
            parts.push(header);
        }
        parts.reverse();
        (next, parts.concat())
    }

    /// Carries `message` with its checksum at `place`.
    fn checksummed(mut self, protocol: u8, mut message: Vec<u8>, place: usize) -> Self {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut sum = match self.ends {
            // ICMP's checksum is over the message alone.
            Ends::V4(..) if protocol == protocol::ICMP => Sum16BitWords::new(),
            Ends::V4(source, destination) => {
                Sum16BitWords::new().add_4bytes(source.octets()).add_4bytes(destination.octets())
            }
            Ends::V6(source, destination) => {
                Sum16BitWords::new().add_16bytes(source.octets()).add_16bytes(destination.octets())
            }
        };
        let sum =
            if protocol == protocol::ICMP { sum } else { sum.add_4bytes(length).add_2bytes([0, protocol]) };
        let sum = sum.add_slice(&message);
        // In UDP, zero says that there is no checksum.
        let sum = if protocol == protocol::UDP {
            sum.to_ones_complement_with_no_zero()
        } else {
            sum.ones_complement()
        };
        message[place..place + 2].copy_from_slice(&sum.to_ne_bytes());
        self.protocol = protocol;
        self.body = message;
        self
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    use super::*;
    use crate::frame::{Ethernet, Frame};

    fn v4() -> Packet {
        Packet::v4([10, 0, 0, 1], [10, 0, 0, 2])
    }

    fn v6() -> Packet {
        Packet::v6("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap())
    }

    fn framed(packet: &Packet) -> Frame {
        Ethernet::broadcast(MacAddress::new([2, 0, 0, 0, 0, 1])).ip(packet)
    }

    /// What another program computes for the checksums of IP header and message must be what stands there.
    fn check_checksums(packet: &Packet) {
        let frame = framed(packet);
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let transport = sliced.transport.unwrap();
        let (there, computed) = match sliced.net.unwrap() {
            NetSlice::Ipv4(ip) => {
                let header = ip.header().to_header();
                assert_eq!(header.header_checksum, header.calc_header_checksum());
                let (source, destination) = (header.source, header.destination);
                match transport {
                    TransportSlice::Udp(udp) => {
                        let header = udp.to_header();
                        (udp.checksum(), header.calc_checksum_ipv4_raw(source, destination, udp.payload()))
                    }
                    TransportSlice::Tcp(tcp) => (tcp.checksum(), tcp.calc_checksum_ipv4(source, destination)),
                    TransportSlice::Icmpv4(icmp) => {
                        (icmp.checksum(), Ok(icmp.icmp_type().calc_checksum(icmp.payload())))
                    }
                    other => panic!("{other:?}"),
                }
            }
            NetSlice::Ipv6(ip) => {
                let (source, destination) = (ip.header().source(), ip.header().destination());
                match transport {
                    TransportSlice::Udp(udp) => {
                        let header = udp.to_header();
                        (udp.checksum(), header.calc_checksum_ipv6_raw(source, destination, udp.payload()))
                    }
                    TransportSlice::Tcp(tcp) => (tcp.checksum(), tcp.calc_checksum_ipv6(source, destination)),
                    TransportSlice::Icmpv6(icmp) => {
                        let kind = icmp.icmp_type();
                        (icmp.checksum(), kind.calc_checksum(source, destination, icmp.payload()))
                    }
                    other => panic!("{other:?}"),
                }
            }
            NetSlice::Arp(_) => panic!("{frame:?}"),
        };
        assert_eq!(Ok(there), computed, "{frame:?}");
    }

    #[test]
    fn checksums_are_what_another_program_computes() {
        for packet in [v4(), v6()] {
            check_checksums(&packet.clone().udp(1000, 53, b"odd"));
            check_checksums(&packet.clone().tcp_syn(1000, 80));
            check_checksums(&packet.clone().echo_request(7, 1, b"ping"));
            check_checksums(&packet.echo_reply(7, 1, b"pong!"));
        }
    }

    #[test]
    fn a_udp_checksum_is_never_the_zero_that_says_there_is_none() {
        let packet = (0..=u16::MAX).find_map(|port| {
            let packet = v4().udp(port, 0, &[]);
            (packet.body[6..8] == [0xff, 0xff]).then_some(packet)
        });
        check_checksums(&packet.unwrap());
    }

    #[test]
    fn extension_headers_stand_in_the_order_of_the_calls() {
        let bytes = v6().udp(1, 2, &[]).hop_by_hop().destination_options().fragment(0, false, 9).to_bytes();
        assert_eq!([bytes[6], bytes[40], bytes[48], bytes[56]], [0, 60, 44, 17]);
        assert_eq!(usize::from(u16::from_be_bytes([bytes[4], bytes[5]])), bytes.len() - 40);
    }

    #[test]
    fn fragments_put_together_are_the_whole() {
        for packet in [v4().udp(1, 2, &[7; 40]), v6().udp(1, 2, &[7; 40]).destination_options()] {
            let (number, whole) = packet.carried();
            let [first, second] = packet.split(12, 99);
            assert_eq!([first.body.clone(), second.body.clone()].concat(), whole);
            assert_eq!((first.body.len(), first.protocol, second.protocol), (16, number, number));
            let frame = framed(&first);
            let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
            assert!(sliced.is_ip_payload_fragmented(), "{frame:?}");
        }
    }

    #[test]
    fn groups_have_mac_addresses() {
        let group = |packet: Packet| packet.group_mac().to_string();
        assert_eq!(group(Packet::v4([10, 0, 0, 1], [255; 4])), "ff:ff:ff:ff:ff:ff");
        assert_eq!(group(Packet::v4([10, 0, 0, 1], [239, 255, 1, 2])), "01:00:5e:7f:01:02");
        assert_eq!(
            group(Packet::v6(Ipv6Addr::UNSPECIFIED, "ff02::1:ff00:1".parse().unwrap())),
            "33:33:ff:00:00:01"
        );
    }
}
