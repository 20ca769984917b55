//! The fields of a frame that the guard looks at, as packet filter matches.
//!
//! They are bytes, and what they are held against are numbers, not addresses or protocols: `nft` loads what it has listed only so.
//!
//! What a frame is, is decided by the outer ethertype at the link header alone. The kernel's own notion of the
//! protocol looks past a VLAN tag, so that a tag in front of a forged ARP would hide it from every rule.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::nftables::{Element, Field, KeyKind, Match, Test};

/// Transport protocols (IANA).
pub(super) mod protocol {
    pub(in crate::guard) const ICMP: u8 = 1;
    pub(in crate::guard) const IGMP: u8 = 2;
    pub(in crate::guard) const TCP: u8 = 6;
    pub(in crate::guard) const UDP: u8 = 17;
    pub(in crate::guard) const ICMPV6: u8 = 58;
    pub(in crate::guard) const PIM: u8 = 103;
    pub(in crate::guard) const VRRP: u8 = 112;
}

/// Ethertypes that the guard knows.
pub(super) mod ethertype {
    pub(in crate::guard) const IPV4: [u8; 2] = [0x08, 0x00];
    pub(in crate::guard) const ARP: [u8; 2] = [0x08, 0x06];
    pub(in crate::guard) const IPV6: [u8; 2] = [0x86, 0xdd];
    pub(in crate::guard) const VLAN: [u8; 2] = [0x81, 0x00];
    pub(in crate::guard) const PROVIDER_VLAN: [u8; 2] = [0x88, 0xa8];
}

/// The frame comes from one of `macs` and is of this ethertype: one comparison of eight bytes.
pub(super) fn comes_from_as(macs: &[MacAddress], ethertype: [u8; 2]) -> Match {
    let key = |mac: &MacAddress| [&mac.octets()[..], &ethertype].concat();
    one_of(Field::link(6, 8), KeyKind::Number(8), macs.iter().map(key).collect())
}

/// The frame comes from one of `macs`.
pub(super) fn comes_from(macs: &[MacAddress]) -> Match {
    is_mac(Field::link(6, 6), macs)
}

/// The field holds none of these ethertypes.
pub(super) fn is_none_of(field: Field, kinds: impl Iterator<Item = [u8; 2]>) -> Match {
    Match { field, mask: None, test: Test::NoneOf(KeyKind::Number(2), kinds.map(Element::one).collect()) }
}

/// The frame's ethertype is this; with a tag, that of the tag.
pub(super) fn outer_type_is(ethertype: [u8; 2]) -> Match {
    Match::is(Field::link(12, 2), ethertype)
}

/// The ethertype behind a tag is this.
pub(super) fn inner_type_is(ethertype: [u8; 2]) -> Match {
    Match::is(Field::link(16, 2), ethertype)
}

/// The field that `of` looks at is a length (802.3) and no ethertype.
pub(super) fn is_a_length(of: &Match) -> Match {
    Match { field: of.field, mask: None, test: Test::Within(vec![0, 0], vec![0x05, 0xff]) }
}

/// Behind the ethertype of a tag: it is for one of these VLANs.
pub(super) fn is_of_vlan(ids: &[RangeInclusive<u16>]) -> Match {
    let bytes = |id: &u16| id.to_be_bytes().to_vec();
    let test = match ids {
        [range] => Test::Within(bytes(range.start()), bytes(range.end())),
        ids => {
            let element = |range: &RangeInclusive<u16>| Element {
                first: bytes(range.start()),
                last: Some(bytes(range.end())),
            };
            Test::OneOf(KeyKind::Number(2), ids.iter().map(element).collect())
        }
    };
    Match { field: Field::link(14, 2), mask: Some(vec![0x0f, 0xff]), test }
}

/// The field holds one of these MAC addresses.
fn is_mac(field: Field, macs: &[MacAddress]) -> Match {
    one_of(field, KeyKind::Number(6), macs.iter().map(|mac| mac.octets().to_vec()).collect())
}

/// The field holds one of these values: a comparison if there is one, a look into a set if there are more.
fn one_of(field: Field, keys: KeyKind, mut values: Vec<Vec<u8>>) -> Match {
    if values.len() == 1 {
        return Match::is(field, values.remove(0));
    }
    let elements = values.into_iter().map(Element::one).collect();
    Match { field, mask: None, test: Test::OneOf(keys, elements) }
}

/// The frame does not go to a group that no bridge may pass on (IEEE 802.1D, table 7-10): 01:80:c2:00:00:0x.
pub(super) fn goes_to_no_reserved_group() -> Match {
    let mask = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xf0];
    Match { field: Field::link(0, 6), mask: Some(mask), test: Test::IsNot(vec![0x01, 0x80, 0xc2, 0, 0, 0]) }
}

pub(super) const IPV4_SOURCE: Field = Field::network(12, 4);
pub(super) const IPV6_SOURCE: Field = Field::network(8, 16);
pub(super) const ARP_SENDER_ADDRESS: Field = Field::network(14, 4);
/// The target of a neighbour solicitation or advertisement.
pub(super) const ND_TARGET: Field = Field::transport(8, 16);

/// The name of the device, and the MAC address of an ARP message's sender.
pub(super) const ARP_SENDER: [Field; 2] = [Field::InputLink, Field::network(8, 6)];
/// The name of the device, and the client of a DHCP message (`chaddr`).
pub(super) const DHCP_CLIENT: [Field; 2] = [Field::InputLink, Field::transport(8 + 28, 6)];

/// Where the option of neighbour discovery begins.
#[derive(Clone, Copy)]
pub(super) enum NdOption {
    /// Behind the header, in a message without a target.
    BehindHeader,
    /// Behind the target.
    BehindTarget,
}

impl NdOption {
    const fn offset(self) -> u32 {
        match self {
            Self::BehindHeader => 8,
            Self::BehindTarget => 24,
        }
    }

    /// The name of the device, and the MAC address in the option.
    pub(super) const fn owner(self) -> &'static [Field] {
        const BEHIND_HEADER: [Field; 2] = [Field::InputLink, Field::transport(8 + 2, 6)];
        const BEHIND_TARGET: [Field; 2] = [Field::InputLink, Field::transport(24 + 2, 6)];
        match self {
            Self::BehindHeader => &BEHIND_HEADER,
            Self::BehindTarget => &BEHIND_TARGET,
        }
    }
}

pub(super) fn ipv4_source_is_unspecified() -> Match {
    Match::is(IPV4_SOURCE, [0; 4])
}

pub(super) fn ipv6_source_is_unspecified() -> Match {
    Match::is(IPV6_SOURCE, [0; 16])
}

pub(super) fn ipv6_source_is_specified() -> Match {
    Match::is_not(IPV6_SOURCE, [0; 16])
}

pub(super) fn transport_is(protocol: u8) -> Match {
    Match::is(Field::TransportProtocol, [protocol])
}

/// Any protocol but this; the IP header must be sound.
pub(super) fn transport_is_not(protocol: u8) -> Match {
    Match::is_not(Field::TransportProtocol, [protocol])
}

/// The first byte of the transport header: the type of ICMP, IGMP and ICMPv6 messages.
pub(super) fn message_type(from: u8, to: u8) -> Match {
    let field = Field::transport(0, 1);
    if from == to {
        Match::is(field, [from])
    } else {
        Match { field, mask: None, test: Test::Within(vec![from], vec![to]) }
    }
}

/// The packet goes on to where its transport header begins.
pub(super) fn has_transport_header() -> Match {
    message_type(0, 255)
}

/// From port 68 to port 67.
pub(super) fn is_from_a_dhcp_client_port() -> Match {
    Match::is(Field::transport(0, 4), [0, 68, 0, 67])
}

pub(super) fn source_port_is_not(port: u16) -> Match {
    Match::is_not(Field::transport(0, 2), port.to_be_bytes())
}

pub(super) fn destination_port(port: u16) -> Match {
    Match::is(Field::transport(2, 2), port.to_be_bytes())
}

pub(super) fn destination_port_is_outside(from: u16, to: u16) -> Match {
    let test = Test::Outside(from.to_be_bytes().to_vec(), to.to_be_bytes().to_vec());
    Match { field: Field::transport(2, 2), mask: None, test }
}

/// A fragment of an IPv4 packet behind the first: its transport header is elsewhere.
pub(super) fn is_later_ipv4_fragment() -> Match {
    Match { field: Field::network(6, 2), mask: Some(vec![0x1f, 0xff]), test: Test::IsNot(vec![0, 0]) }
}

/// A whole IPv4 packet: no fragment, not even the first.
pub(super) fn is_whole_ipv4_packet() -> Match {
    Match { field: Field::network(6, 2), mask: Some(vec![0x3f, 0xff]), test: Test::Is(vec![0, 0]) }
}

/// A DHCP or BOOTP request: operation 1, Ethernet.
pub(super) fn dhcp_is_request() -> Match {
    Match::is(Field::transport(8, 3), [1, 1, 6])
}

/// The client of a DHCP message (`chaddr`) is one of these, and no relay (`giaddr`, in front of it) speaks for it: the server
/// would send its answer there.
pub(super) fn dhcp_client_is(macs: &[MacAddress]) -> Match {
    let key = |mac: &MacAddress| [&[0; 4][..], &mac.octets()].concat();
    one_of(Field::transport(8 + 24, 10), KeyKind::Number(10), macs.iter().map(key).collect())
}

/// No relay speaks for the client of a DHCP message (`giaddr`).
pub(super) fn dhcp_is_not_relayed() -> Match {
    Match::is(Field::transport(8 + 24, 4), [0; 4])
}

/// A DHCPv6 message that no relay has wrapped (RFC 8415, 7.3: `RELAY-FORW` and `RELAY-REPL`), in which a guest would speak for any
/// client.
pub(super) fn dhcpv6_is_not_relayed() -> Match {
    Match { field: Field::transport(8, 1), mask: None, test: Test::Outside(vec![12], vec![13]) }
}

/// An ARP request or reply for IPv4 over Ethernet, with sound lengths.
pub(super) fn arp_is_sound() -> Match {
    let head = |operation| vec![0, 1, 0x08, 0x00, 6, 4, 0, operation];
    Match { field: Field::network(0, 8), mask: None, test: Test::Within(head(1), head(2)) }
}

/// An ARP request for IPv4 over Ethernet, with sound lengths.
pub(super) fn arp_is_request() -> Match {
    Match::is(Field::network(0, 8), [0, 1, 0x08, 0x00, 6, 4, 0, 1])
}

pub(super) fn arp_sender_is_nobody() -> Match {
    Match::is(ARP_SENDER_ADDRESS, [0; 4])
}

pub(super) fn arp_sender_mac(macs: &[MacAddress]) -> Match {
    is_mac(Field::network(8, 6), macs)
}

/// The sender of an ARP message has this MAC address, and an IPv4 address of this network.
pub(super) fn arp_sender(mac: MacAddress, network: IpNet) -> Match {
    let joined = |mac: [u8; 6], address: IpAddr| [&mac[..], &octets(address)].concat();
    let mask =
        (network.prefix_len() < network.max_prefix_len()).then(|| joined([0xff; 6], network.netmask()));
    let test = Test::Is(joined(mac.octets(), network.network()));
    Match { field: Field::network(8, 10), mask, test }
}

/// An address as it stands in a packet.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// An IPv6 packet whose first header behind its own has this number.
pub(super) fn next_header_is(number: u8) -> Match {
    Match::is(Field::network(6, 1), [number])
}

/// An IPv6 packet whose first header behind its own has another number.
pub(super) fn next_header_is_not(number: u8) -> Match {
    Match::is_not(Field::network(6, 1), [number])
}

/// An IPv6 packet with a fragment header, wherever it stands.
pub(super) fn has_fragment_header() -> Match {
    Match::is(Field::HasExtensionHeader(FRAGMENT_HEADER), [1])
}

/// The number of the fragment header.
pub(super) const FRAGMENT_HEADER: u8 = 44;

/// Behind a fragment header directly behind the IPv6 header: a fragment but the first.
pub(super) fn is_later_ipv6_fragment() -> Match {
    Match { field: Field::network(42, 2), mask: Some(vec![0xff, 0xf8]), test: Test::IsNot(vec![0, 0]) }
}

/// Behind such a fragment header: there are more headers in the fragmented part, before the transport header. They could
/// reach into the next fragment, or be overwritten by it, and then nobody knows what this packet is.
pub(super) fn fragments_extension_headers() -> Match {
    let extension_headers = [0, 43, FRAGMENT_HEADER, 51, 60, 135, 139, 140];
    let elements = extension_headers.map(|number| Element::one([number])).to_vec();
    Match { field: Field::network(40, 1), mask: None, test: Test::OneOf(KeyKind::Number(1), elements) }
}

/// ICMPv6 directly behind the IPv6 header, with hop limit 255 and a payload of this many bytes: the form that
/// neighbour discovery must have (RFC 4861), and from which its options can be told.
pub(super) fn is_plain_nd(payload_length: u16) -> Match {
    let [high, low] = payload_length.to_be_bytes();
    Match::is(Field::network(4, 4), [high, low, protocol::ICMPV6, 255])
}

/// The option is a link-layer address option of this type (1 source, 2 target).
pub(super) fn nd_option_is(option: NdOption, kind: u8) -> Match {
    Match::is(Field::transport(option.offset(), 2), [kind, 1])
}

/// A link-layer address option of this type (1 source, 2 target), with one of these addresses.
pub(super) fn nd_link_layer_option(option: NdOption, kind: u8, macs: &[MacAddress]) -> Match {
    let content = |mac: &MacAddress| [&[kind, 1][..], &mac.octets()].concat();
    let contents = macs.iter().map(content).collect();
    one_of(Field::transport(option.offset(), 8), KeyKind::Number(8), contents)
}

/// A nonce option (RFC 3971, 5.3.2) of eight bytes at this offset: what enhanced duplicate address detection
/// (RFC 7527) adds.
pub(super) fn nd_nonce_option(offset: u32) -> Match {
    Match::is(Field::transport(offset, 2), [14, 1])
}

/// A packet with extension headers, the first of which is hop-by-hop options, and hop limit 1: the form of
/// multicast listener discovery (RFC 2710, RFC 3810).
pub(super) fn is_mld_form() -> Match {
    Match::is(Field::network(6, 2), [0, 1])
}
