//! What guests must be able to send.

use std::net::Ipv6Addr;

use ethernet::MacAddress;
use lab::frame::{Arp, DhcpMessage, Ethernet, Packet, ethertype};

use super::stage::{OWN, VICTIM};
use super::{Case, all_pass, locked, locked_to_many};
use dom0net::guard::Policy;

const ME4: [u8; 4] = [10, 0, 0, 1];
const YOU4: [u8; 4] = [10, 0, 0, 2];

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn me() -> Ipv6Addr {
    v6("2001:db8::1")
}

fn you() -> Ipv6Addr {
    v6("2001:db8::2")
}

fn own_link_local() -> Ipv6Addr {
    OWN.link_local()
}

fn unicast(packet: &Packet) -> lab::frame::Frame {
    Ethernet::new(OWN, VICTIM).ip(packet)
}

fn multicast(packet: &Packet) -> lab::frame::Frame {
    Ethernet::new(OWN, packet.group_mac()).ip(packet)
}

fn ipv4() -> Vec<Case> {
    let from_me = || Packet::v4(ME4, YOU4);
    let [first, second] = from_me().udp(5000, 5001, &[7; 2000]).split(1480, 9);
    let [ping_first, ping_second] = from_me().echo_request(1, 1, &[7; 2000]).split(1480, 10);
    vec![
        ("TCP", unicast(&from_me().tcp_syn(40_000, 443))),
        ("TCP from port 67", unicast(&from_me().tcp_syn(67, 443))),
        ("UDP", unicast(&from_me().udp(5000, 5001, b"hello"))),
        ("UDP, first fragment", unicast(&first)),
        ("UDP, second fragment", unicast(&second)),
        ("ping", unicast(&from_me().echo_request(1, 1, b"ping"))),
        ("ping, first fragment", unicast(&ping_first)),
        ("ping, second fragment", unicast(&ping_second)),
        ("pong", unicast(&from_me().echo_reply(1, 1, b"ping"))),
        ("fragmentation needed (path MTU)", unicast(&from_me().icmp(3, 4, &[0; 36]))),
        ("IP options", unicast(&from_me().ipv4_options(&[7, 7, 4, 0, 0, 0, 0, 0]).echo_request(1, 1, b"rr"))),
        ("broadcast", Ethernet::broadcast(OWN).ip(&Packet::v4(ME4, [10, 0, 0, 255]).udp(137, 137, b"nb"))),
        ("multicast", multicast(&Packet::v4(ME4, [224, 0, 0, 251]).udp(5353, 5353, b"mdns"))),
        (
            "joining a group",
            multicast(&Packet::v4(ME4, [224, 0, 0, 22]).raw(2, &[0x22, 0, 0, 0, 0, 0, 0, 0])),
        ),
        ("GRE", unicast(&from_me().raw(47, &[0; 8]))),
    ]
}

fn dhcp() -> Vec<Case> {
    let discover = DhcpMessage::discover(OWN).packet();
    let request = DhcpMessage::request(OWN, ME4.into(), [10, 0, 0, 254].into()).packet();
    vec![
        ("DHCP discover", Ethernet::broadcast(OWN).ip(&discover)),
        ("DHCP request", Ethernet::broadcast(OWN).ip(&request)),
        ("DHCP request with the own address (renewal)", {
            let message = DhcpMessage::request(OWN, ME4.into(), [10, 0, 0, 254].into()).to_bytes();
            unicast(&Packet::v4(ME4, [10, 0, 0, 254]).udp(68, 67, &message))
        }),
        ("DHCPv6 solicit", multicast(&DhcpMessage::solicit_v6(OWN))),
    ]
}

fn arp() -> Vec<Case> {
    vec![
        ("ARP request", Ethernet::broadcast(OWN).arp(&Arp::request(OWN, ME4, YOU4))),
        ("ARP reply", Ethernet::new(OWN, VICTIM).arp(&Arp::reply(OWN, ME4, VICTIM, YOU4))),
        ("gratuitous ARP of one's own", Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, ME4))),
        ("ARP probe", Ethernet::broadcast(OWN).arp(&Arp::probe(OWN, ME4))),
        ("ARP without padding", Ethernet::broadcast(OWN).arp(&Arp::request(OWN, ME4, YOU4)).truncated(42)),
    ]
}

fn ipv6() -> Vec<Case> {
    let from_me = || Packet::v6(me(), you());
    let [first, second] = from_me().udp(5000, 5001, &[7; 2000]).split(1448, 9);
    let [ping_first, ping_second] = from_me().echo_request(1, 1, &[7; 2000]).split(1448, 10);
    vec![
        ("TCP", unicast(&from_me().tcp_syn(40_000, 443))),
        ("UDP", unicast(&from_me().udp(5000, 5001, b"hello"))),
        ("UDP, first fragment", unicast(&first)),
        ("UDP, second fragment", unicast(&second)),
        ("ping", unicast(&from_me().echo_request(1, 1, b"ping"))),
        ("ping, first fragment", unicast(&ping_first)),
        ("ping, second fragment", unicast(&ping_second)),
        (
            "ping with destination options",
            unicast(&from_me().echo_request(1, 1, b"ping").destination_options()),
        ),
        ("packet too big (path MTU)", unicast(&from_me().icmp(2, 0, &[0; 44]))),
        ("from the link-local address", unicast(&Packet::v6(own_link_local(), you()).udp(5000, 5001, b"x"))),
        ("ESP", unicast(&from_me().raw(50, &[0; 16]))),
        ("multicast", multicast(&Packet::v6(own_link_local(), v6("ff02::fb")).udp(5353, 5353, b"mdns"))),
    ]
}

/// A solicitation as Linux sends it while it checks an address: with a nonce, from nowhere.
fn enhanced_dad(target: Ipv6Addr) -> Packet {
    let mut body = vec![0, 0, 0, 0];
    body.extend(target.octets());
    body.extend([14, 1, 1, 2, 3, 4, 5, 6]);
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    Packet::v6(Ipv6Addr::UNSPECIFIED, group).icmp(135, 0, &body).hop_limit(255)
}

fn discovery() -> Vec<Case> {
    let everyone = v6("ff02::1");
    let solicited = v6("ff02::1:ff00:2");
    vec![
        ("NS", multicast(&Packet::v6(me(), solicited).neighbour_solicitation(you(), Some(OWN)))),
        (
            "NS, unicast, without option",
            unicast(&Packet::v6(me(), you()).neighbour_solicitation(you(), None)),
        ),
        ("NS from the link-local address", {
            multicast(&Packet::v6(own_link_local(), solicited).neighbour_solicitation(you(), Some(OWN)))
        }),
        ("NA", unicast(&Packet::v6(me(), you()).solicited_advertisement(me(), Some(OWN)))),
        ("NA without option", unicast(&Packet::v6(me(), you()).solicited_advertisement(me(), None))),
        ("NA to everyone", multicast(&Packet::v6(me(), everyone).neighbour_advertisement(me(), Some(OWN)))),
        ("NA of the link-local address", {
            unicast(&Packet::v6(own_link_local(), you()).solicited_advertisement(own_link_local(), Some(OWN)))
        }),
        ("RS", multicast(&Packet::v6(own_link_local(), v6("ff02::2")).router_solicitation(Some(OWN)))),
        (
            "RS without option",
            multicast(&Packet::v6(own_link_local(), v6("ff02::2")).router_solicitation(None)),
        ),
        ("DAD", {
            let group = v6("ff02::1:ff00:1");
            multicast(&Packet::v6(Ipv6Addr::UNSPECIFIED, group).neighbour_solicitation(me(), None))
        }),
        ("DAD with a nonce", multicast(&enhanced_dad(me()))),
        ("DAD of the link-local address", multicast(&enhanced_dad(own_link_local()))),
        ("MLD report", multicast(&Packet::v6(own_link_local(), everyone).mld_report(solicited))),
        ("MLD done", multicast(&Packet::v6(own_link_local(), v6("ff02::2")).mld_done(solicited))),
        ("MLDv2 report", multicast(&Packet::v6(own_link_local(), v6("ff02::16")).mld2_report(&[solicited]))),
        ("MLDv2 report from nowhere", {
            multicast(&Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::16")).mld2_report(&[solicited]))
        }),
    ]
}

#[test]
fn ipv4_of_ones_own_passes() {
    all_pass(&locked(), ipv4());
}

#[test]
fn dhcp_for_oneself_passes() {
    all_pass(&locked(), dhcp());
}

#[test]
fn arp_of_ones_own_passes() {
    all_pass(&locked(), arp());
}

#[test]
fn ipv6_of_ones_own_passes() {
    all_pass(&locked(), ipv6());
}

#[test]
fn neighbour_discovery_of_ones_own_passes() {
    all_pass(&locked(), discovery());
}

#[test]
fn all_that_passes_with_few_addresses_passes_with_many() {
    all_pass(&locked_to_many(), [ipv4(), dhcp(), arp(), ipv6(), discovery()].concat());
}

#[test]
fn every_address_of_a_network_passes() {
    let other4 = [192, 0, 2, 200];
    let other6 = v6("2001:db8:7:ffff::9");
    all_pass(
        &locked_to_many(),
        vec![
            ("IPv4", unicast(&Packet::v4(other4, YOU4).udp(5000, 5001, b"x"))),
            ("ARP", Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, other4))),
            ("another single address", unicast(&Packet::v4([10, 0, 0, 77], YOU4).tcp_syn(1, 2))),
            ("IPv6", unicast(&Packet::v6(other6, you()).udp(5000, 5001, b"x"))),
            ("NA", unicast(&Packet::v6(other6, you()).solicited_advertisement(other6, Some(OWN)))),
        ],
    );
}

#[test]
fn a_guest_without_addresses_may_have_any_and_speak_anything() {
    let anyone = MacAddress::new([2, 0, 0, 0, 0, 9]);
    let any4 = [172, 16, 5, 5];
    let any6 = v6("fe80::5");
    let cases = vec![
        ("IPv4", unicast(&Packet::v4(any4, YOU4).udp(5000, 5001, b"x"))),
        ("IPv6", unicast(&Packet::v6(any6, you()).udp(5000, 5001, b"x"))),
        ("ARP", Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, any4))),
        ("NA", unicast(&Packet::v6(any6, you()).solicited_advertisement(any6, Some(OWN)))),
        (
            "NS with two options",
            multicast(&Packet::v6(any6, v6("ff02::1:ff00:2")).neighbour_solicitation(you(), Some(OWN))),
        ),
        ("ATA over Ethernet", Ethernet::new(OWN, anyone).payload(ethertype::AOE, &[0; 46])),
        ("AppleTalk", Ethernet::new(OWN, anyone).payload(ethertype::APPLETALK, &[0; 46])),
        ("IPX", Ethernet::new(OWN, anyone).payload(ethertype::IPX, &[0; 46])),
        ("a VLAN", Ethernet::new(OWN, VICTIM).vlan(5).ip(&Packet::v4(any4, YOU4).udp(1, 2, b"x"))),
        ("LLC", Ethernet::new(OWN, VICTIM).llc(0xaa, 0xaa, 3, &[0; 40])),
    ];
    let policy = Policy::mac_only(OWN);
    all_pass(&policy, [cases, ipv4(), dhcp(), arp(), ipv6(), discovery()].concat());
}

/// The policy of these words.
fn policy(words: &str) -> Policy {
    let mut draft = dom0net::guard::Draft::default();
    draft.apply(words).unwrap();
    draft.policy(OWN).unwrap()
}

#[test]
fn a_virtual_router_says_so_and_sends_from_its_address() {
    let mac = MacAddress::new([0, 0, 0x5e, 0, 1, 7]);
    let advertisement = Packet::v4(ME4, [224, 0, 0, 18]).raw(112, &[0x21, 7, 100, 1]);
    let cases = vec![
        ("VRRP", Ethernet::new(mac, advertisement.group_mac()).ip(&advertisement)),
        ("VRRP from the own MAC address", multicast(&advertisement)),
        ("gratuitous ARP", Ethernet::broadcast(mac).arp(&Arp::gratuitous(mac, [10, 0, 0, 254]))),
        (
            "the router's traffic",
            Ethernet::new(mac, VICTIM).ip(&Packet::v4([10, 0, 0, 254], YOU4).udp(1, 2, b"x")),
        ),
        ("neighbour advertisement", {
            let packet = Packet::v6(me(), v6("ff02::1")).neighbour_advertisement(me(), Some(mac));
            Ethernet::new(mac, packet.group_mac()).ip(&packet)
        }),
    ];
    all_pass(&policy("ip=10.0.0.1,10.0.0.254,2001:db8::1 vrrp=7"), cases);
}

#[test]
fn who_may_serve_dhcp_and_advertise_routes_does() {
    let server = ME4.into();
    let router = lab::frame::RouterAdvertisement { lifetime: 1800, prefix: None, mac: Some(OWN) };
    let cases = vec![
        ("an offer", Ethernet::broadcast(OWN).ip(&DhcpMessage::offer(VICTIM, YOU4.into(), server).packet())),
        ("DHCPv6", unicast(&DhcpMessage::advertise_v6(own_link_local(), you(), VICTIM))),
        (
            "router advertisement",
            multicast(&Packet::v6(own_link_local(), v6("ff02::1")).router_advertisement(&router)),
        ),
        ("redirect", unicast(&Packet::v4(ME4, YOU4).icmp(5, 1, &[0; 32]))),
        (
            "MLD query",
            multicast(&Packet::v6(own_link_local(), v6("ff02::1")).mld_query(Ipv6Addr::UNSPECIFIED)),
        ),
    ];
    for words in ["ip=10.0.0.1,2001:db8::1", "mode=mac-only", "mode=open"] {
        all_pass(&policy(&format!("{words} dhcp-server=yes router=yes")), cases.clone());
    }
}

#[test]
fn a_trunk_carries_what_would_pass_without_a_tag() {
    let to = || Ethernet::new(OWN, VICTIM);
    let cases = vec![
        ("IPv4", to().vlan(5).ip(&Packet::v4(ME4, YOU4).udp(1, 2, b"x"))),
        (
            "IPv4 with priority",
            to().tag(ethertype::VLAN, 0xe000 | 8).ip(&Packet::v4(ME4, YOU4).udp(1, 2, b"x")),
        ),
        ("ARP", Ethernet::broadcast(OWN).vlan(9).arp(&Arp::gratuitous(OWN, ME4))),
        ("NA", to().vlan(5).ip(&Packet::v6(me(), you()).solicited_advertisement(me(), Some(OWN)))),
        ("DHCP", Ethernet::broadcast(OWN).vlan(5).ip(&DhcpMessage::discover(OWN).packet())),
        ("no tag", unicast(&Packet::v4(ME4, YOU4).udp(1, 2, b"x"))),
    ];
    all_pass(&policy("ip=10.0.0.1,2001:db8::1 vlans=5,7-9"), cases);
}

#[test]
fn protocols_that_are_allowed_by_name_pass() {
    let cases = vec![
        ("ATA over Ethernet", unicast_of(ethertype::AOE)),
        ("IPX", unicast_of(ethertype::IPX)),
        ("by number", unicast_of(0x88b5)),
        ("LLC", Ethernet::new(OWN, VICTIM).llc(0xe0, 0xe0, 3, &[0; 40])),
    ];
    all_pass(&policy("ip=10.0.0.1 protocols+=aoe,ipx,0x88b5,llc"), cases);
}

fn unicast_of(ethertype: u16) -> lab::frame::Frame {
    Ethernet::new(OWN, VICTIM).payload(ethertype, &[0; 46])
}
