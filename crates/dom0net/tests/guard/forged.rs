//! What no guest may send.

use std::net::Ipv6Addr;

use dom0net::guard::{Policy, Reason};
use ethernet::MacAddress;
use lab::frame::{Arp, DhcpMessage, Ethernet, Frame, Packet, RouterAdvertisement, ethertype, operation};

use super::stage::{OWN, Stage, VICTIM};
use super::{Case, all_drop, locked, locked_to_many};

const ME4: [u8; 4] = [10, 0, 0, 1];
const YOU4: [u8; 4] = [10, 0, 0, 2];
const GATEWAY4: [u8; 4] = [10, 0, 0, 254];
const OTHER: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 9]);

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn me() -> Ipv6Addr {
    v6("2001:db8::1")
}

fn you() -> Ipv6Addr {
    v6("2001:db8::2")
}

fn unicast(packet: &Packet) -> Frame {
    Ethernet::new(OWN, VICTIM).ip(packet)
}

fn multicast(packet: &Packet) -> Frame {
    Ethernet::new(OWN, packet.group_mac()).ip(packet)
}

fn router() -> RouterAdvertisement {
    let prefix = Some("2001:db8:bad::/64".parse().unwrap());
    RouterAdvertisement { lifetime: 1800, prefix, mac: Some(OWN) }
}

#[test]
fn anothers_mac_address() {
    let cases = |from: MacAddress| {
        let packet = Packet::v4(ME4, YOU4).udp(5000, 5001, b"x");
        vec![
            ("IPv4", Ethernet::new(from, VICTIM).ip(&packet)),
            ("IPv6", Ethernet::new(from, VICTIM).ip(&Packet::v6(me(), you()).udp(5000, 5001, b"x"))),
            ("ARP", Ethernet::broadcast(from).arp(&Arp::gratuitous(from, ME4))),
            ("ARP of the own address", Ethernet::broadcast(from).arp(&Arp::gratuitous(OWN, ME4))),
            ("DHCP", Ethernet::broadcast(from).ip(&DhcpMessage::discover(from).packet())),
            ("anything", Ethernet::new(from, VICTIM).payload(0x88b5, &[0; 46])),
            ("behind a VLAN tag", Ethernet::new(from, VICTIM).vlan(5).ip(&packet)),
        ]
    };
    for from in
        [VICTIM, OTHER, MacAddress::ZERO, MacAddress::BROADCAST, MacAddress::new([1, 0, 0x5e, 0, 0, 1])]
    {
        all_drop(&locked(), Reason::Mac, cases(from));
        all_drop(&Policy::mac_only(OWN), Reason::Mac, cases(from));
    }
}

#[test]
fn anothers_ipv4_address() {
    let cases = || -> Vec<Case> {
        let forged = |source: [u8; 4]| Packet::v4(source, YOU4);
        let [first, second] = forged(GATEWAY4).udp(5000, 5001, &[7; 2000]).split(1480, 9);
        vec![
            ("UDP", unicast(&forged(GATEWAY4).udp(5000, 5001, b"x"))),
            ("TCP", unicast(&forged(YOU4).tcp_syn(1, 2))),
            ("ping", unicast(&forged(GATEWAY4).echo_request(1, 1, b"x"))),
            ("first fragment", unicast(&first)),
            ("second fragment", unicast(&second)),
            (
                "with options",
                unicast(&forged(GATEWAY4).ipv4_options(&[0x83, 7, 4, 10, 0, 0, 1, 0]).tcp_syn(1, 2)),
            ),
            ("an address next to the own", unicast(&forged([10, 0, 0, 3]).tcp_syn(1, 2))),
            ("loopback", unicast(&forged([127, 0, 0, 1]).tcp_syn(1, 2))),
            ("broadcast", unicast(&forged([255; 4]).tcp_syn(1, 2))),
            ("nobody", unicast(&forged([0; 4]).tcp_syn(1, 2))),
            ("nobody, to the DHCP port, from another", unicast(&forged([0; 4]).udp(5000, 67, &[0; 240]))),
        ]
    };
    all_drop(&locked(), Reason::Ipv4Source, cases());
    all_drop(&locked_to_many(), Reason::Ipv4Source, cases());
}

#[test]
fn anothers_ipv6_address() {
    let cases = || -> Vec<Case> {
        let forged = |source: &str| Packet::v6(v6(source), you());
        let [first, second] = forged("2001:db8::fe").udp(5000, 5001, &[7; 2000]).split(1448, 9);
        vec![
            ("UDP", unicast(&forged("2001:db8::fe").udp(5000, 5001, b"x"))),
            ("TCP", unicast(&forged("2001:db8::2").tcp_syn(1, 2))),
            ("ping", unicast(&forged("2001:db8::fe").echo_request(1, 1, b"x"))),
            ("first fragment", unicast(&first)),
            ("second fragment", unicast(&second)),
            ("the router's link-local address", unicast(&forged("fe80::1").udp(5000, 5001, b"x"))),
            ("nobody", unicast(&forged("::").udp(5000, 5001, b"x"))),
            ("loopback", unicast(&forged("::1").udp(5000, 5001, b"x"))),
            ("hidden behind options", unicast(&forged("2001:db8::fe").udp(1, 2, b"x").destination_options())),
            ("NS from another", multicast(&forged("2001:db8::fe").neighbour_solicitation(you(), Some(OWN)))),
            ("NA from another", unicast(&forged("2001:db8::fe").solicited_advertisement(me(), Some(OWN)))),
            (
                "RS from nobody",
                multicast(&Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::2")).router_solicitation(None)),
            ),
            ("DAD with a source option", {
                let packet = Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::1:ff00:1"));
                multicast(&packet.neighbour_solicitation(me(), Some(OWN)))
            }),
            ("NA from nobody", {
                multicast(
                    &Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::1"))
                        .neighbour_advertisement(me(), Some(OWN)),
                )
            }),
        ]
    };
    all_drop(&locked(), Reason::Ipv6Source, cases());
    all_drop(&locked_to_many(), Reason::Ipv6Source, cases());
}

#[test]
fn arp_for_another() {
    let of = |frame: Arp| Ethernet::broadcast(OWN).arp(&frame);
    let cases = || -> Vec<Case> {
        vec![
            ("a reply", Ethernet::new(OWN, VICTIM).arp(&Arp::reply(OWN, GATEWAY4, VICTIM, YOU4))),
            ("a request", of(Arp::request(OWN, GATEWAY4, YOU4))),
            ("a gratuitous one", of(Arp::gratuitous(OWN, GATEWAY4))),
            ("with another's MAC address inside", of(Arp::gratuitous(VICTIM, ME4))),
            ("a reply from nobody", Ethernet::new(OWN, VICTIM).arp(&Arp::reply(OWN, [0; 4], VICTIM, YOU4))),
            ("a wrong hardware type", of(Arp { hardware: 6, ..Arp::gratuitous(OWN, ME4) })),
            ("a wrong protocol", of(Arp { protocol: 0x86dd, ..Arp::gratuitous(OWN, ME4) })),
            ("a wrong hardware length", of(Arp { hardware_length: 8, ..Arp::gratuitous(OWN, ME4) })),
            ("a wrong protocol length", of(Arp { protocol_length: 16, ..Arp::gratuitous(OWN, ME4) })),
            (
                "a reverse request",
                of(Arp { operation: operation::REVERSE_REQUEST, ..Arp::gratuitous(OWN, ME4) }),
            ),
            ("an unknown operation", of(Arp { operation: 9, ..Arp::gratuitous(OWN, ME4) })),
            ("cut short", of(Arp::gratuitous(OWN, ME4)).truncated(30)),
        ]
    };
    all_drop(&locked(), Reason::Arp, cases());
    all_drop(&locked_to_many(), Reason::Arp, cases());
}

#[test]
fn neighbour_discovery_for_another() {
    let from_me = |to: Ipv6Addr| Packet::v6(me(), to);
    let cases = || -> Vec<Case> {
        let [first, _] = {
            let long = from_me(you()).solicited_advertisement(v6("2001:db8::fe"), Some(OWN));
            long.split(24, 3)
        };
        vec![
            ("NA for another address", unicast(&from_me(you()).solicited_advertisement(you(), Some(OWN)))),
            (
                "NA for another address, no option",
                unicast(&from_me(you()).solicited_advertisement(you(), None)),
            ),
            (
                "NA with another's MAC address",
                unicast(&from_me(you()).solicited_advertisement(me(), Some(VICTIM))),
            ),
            (
                "NS with another's MAC address",
                unicast(&from_me(you()).neighbour_solicitation(you(), Some(VICTIM))),
            ),
            (
                "RS with another's MAC address",
                multicast(&from_me(v6("ff02::2")).router_solicitation(Some(VICTIM))),
            ),
            ("NA behind destination options", {
                unicast(&from_me(you()).solicited_advertisement(you(), Some(OWN)).destination_options())
            }),
            ("NA of one's own behind options", {
                unicast(&from_me(you()).solicited_advertisement(me(), Some(OWN)).hop_by_hop())
            }),
            ("NA behind a routing header", {
                unicast(&from_me(you()).solicited_advertisement(you(), Some(OWN)).routing_header(0))
            }),
            ("NA in a fragment", unicast(&first)),
            ("NA in an atomic fragment", {
                unicast(&from_me(you()).solicited_advertisement(me(), Some(OWN)).fragment(0, false, 7))
            }),
            ("NA with a low hop limit", {
                let packet = from_me(you()).solicited_advertisement(me(), Some(OWN));
                unicast(&packet.hop_limit(64))
            }),
            ("NS with a second option behind the first", {
                let mut body = vec![0; 4];
                body.extend(you().octets());
                body.extend([1, 1]);
                body.extend(OWN.octets());
                body.extend([1, 1]);
                body.extend(VICTIM.octets());
                unicast(&from_me(you()).icmp(135, 0, &body).hop_limit(255))
            }),
            ("NA with an option of another kind", {
                let body = [&[0x60, 0, 0, 0][..], &me().octets(), &[1, 1], &OWN.octets()].concat();
                unicast(&from_me(you()).icmp(136, 0, &body).hop_limit(255))
            }),
            ("NS with an option of another kind", {
                let body = [&[0; 4][..], &you().octets(), &[2, 1], &OWN.octets()].concat();
                unicast(&from_me(you()).icmp(135, 0, &body).hop_limit(255))
            }),
            ("RS with an option of another kind", {
                let body = [&[0; 4][..], &[2, 1], &OWN.octets()].concat();
                multicast(&from_me(v6("ff02::2")).icmp(133, 0, &body).hop_limit(255))
            }),
            ("DAD for another address", {
                let packet = Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::1:ff00:2"));
                multicast(&packet.neighbour_solicitation(you(), None))
            }),
            ("inverse discovery", unicast(&from_me(you()).icmp(141, 0, &[0; 20]))),
            ("node information", unicast(&from_me(you()).icmp(139, 0, &[0; 20]))),
        ]
    };
    all_drop(&locked(), Reason::Neighbour, cases());
    all_drop(&locked_to_many(), Reason::Neighbour, cases());
}

/// Kernels differ in whether they take what it names for the transport's protocol: it counts as neighbour discovery, or as
/// malformed.
#[test]
fn neighbour_discovery_behind_an_extension_header_that_never_ends() {
    let frame = unicast(&Packet::v6(me(), you()).udp(1, 2, &[0; 40])).with(20, &[60]).with(54, &[58, 200]);
    for policy in [locked(), locked_to_many()] {
        let Some(mut stage) = Stage::new(&policy) else { return };
        assert!(!stage.passes(&frame), "it passed: {frame}");
        assert_eq!(stage.dropped_at_all(), 1);
    }
}

/// A fragment whose first header has this number, and whose content is options that say that they are longer than it.
fn fragment(protocol: u8, offset: u16, more: bool) -> Frame {
    let content = [17, 20, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    unicast(&Packet::v6(me(), you()).raw(protocol, &content).fragment(offset, more, 7))
}

/// What a router says, from the guest's own addresses.
fn routers_words() -> Vec<Case> {
    let from_me = || Packet::v6(OWN.link_local(), v6("ff02::1"));
    vec![
        ("router advertisement", multicast(&from_me().router_advertisement(&router()))),
        ("router advertisement behind options", {
            multicast(&from_me().router_advertisement(&router()).destination_options())
        }),
        ("router advertisement in an atomic fragment", {
            multicast(&from_me().router_advertisement(&router()).fragment(0, false, 3))
        }),
        (
            "redirect",
            unicast(&Packet::v6(OWN.link_local(), you()).redirect(me(), v6("2001:db8:9::1"), Some(OWN))),
        ),
        ("MLD query", multicast(&from_me().mld_query(Ipv6Addr::UNSPECIFIED))),
        ("ICMP redirect", unicast(&Packet::v4(ME4, YOU4).icmp(5, 1, &[0; 32]))),
        ("ICMP router advertisement", multicast(&Packet::v4(ME4, [224, 0, 0, 1]).icmp(9, 0, &[0; 12]))),
        ("IGMP query", multicast(&Packet::v4(ME4, [224, 0, 0, 1]).raw(2, &[0x11, 0, 0, 0, 0, 0, 0, 0]))),
        ("VRRP", multicast(&Packet::v4(ME4, [224, 0, 0, 18]).raw(112, &[0x21, 1, 255, 1]))),
        (
            "VRRP of IPv6",
            multicast(&Packet::v6(OWN.link_local(), v6("ff02::12")).raw(112, &[0x31, 1, 255, 1])),
        ),
    ]
}

#[test]
fn being_a_router() {
    all_drop(&locked(), Reason::Router, routers_words());
    all_drop(&Policy::mac_only(OWN), Reason::Router, routers_words());
}

#[test]
fn being_a_dhcp_server_or_another_client() {
    let cases = || -> Vec<Case> {
        let offer = DhcpMessage::offer(VICTIM, YOU4.into(), ME4.into()).to_bytes();
        let to_all = |source: u16, destination: u16, payload: &[u8]| {
            Ethernet::broadcast(OWN).ip(&Packet::v4(ME4, [255; 4]).udp(source, destination, payload))
        };
        vec![
            ("an offer", to_all(67, 68, &offer)),
            ("an offer from another port", to_all(5000, 68, &offer)),
            ("from the server's port", to_all(67, 5000, &offer)),
            ("a DHCPv6 advertisement", {
                unicast(&DhcpMessage::advertise_v6(OWN.link_local(), you(), VICTIM))
            }),
            ("a release of another's lease", {
                let request = DhcpMessage::request(VICTIM, YOU4.into(), GATEWAY4.into()).to_bytes();
                unicast(&Packet::v4(ME4, GATEWAY4).udp(68, 67, &request))
            }),
        ]
    };
    all_drop(&locked(), Reason::Dhcp, cases());
    all_drop(&Policy::mac_only(OWN), Reason::Dhcp, cases());
}

#[test]
fn asking_for_anothers_lease_from_nowhere() {
    let discover = DhcpMessage::discover(VICTIM).packet();
    all_drop(&locked(), Reason::Ipv4Source, vec![("a discover", Ethernet::broadcast(OWN).ip(&discover))]);
    // What would pass if it were UDP.
    let own = DhcpMessage::discover(OWN).to_bytes();
    let datagram = [&[0, 68, 0, 67, 0, 0, 0, 0][..], &own].concat();
    let cases = [("TCP", 6), ("UDP-Lite", 136), ("DCCP", 33)].map(|(name, protocol)| {
        let packet = Packet::v4([0; 4], [255; 4]).raw(protocol, &datagram);
        (name, Ethernet::broadcast(OWN).ip(&packet))
    });
    all_drop(&locked(), Reason::Ipv4Source, cases.into());
}

/// Then the source is right, and something else is wrong.
#[test]
fn what_is_forged_as_nobody_by_who_may_be_nobody() {
    let networks = ["0.0.0.0/1", "2001:db8::1/128"];
    let policy = Policy::locked(OWN, networks.map(|network| network.parse().unwrap()));
    let discover = DhcpMessage::discover(VICTIM).packet();
    all_drop(
        &policy,
        Reason::Dhcp,
        vec![
            ("a discover", Ethernet::broadcast(OWN).ip(&discover)),
            ("an offer", Ethernet::broadcast(OWN).ip(&Packet::v4([0; 4], [255; 4]).udp(67, 68, b"x"))),
        ],
    );
}

#[test]
fn anything_but_arp_and_ip() {
    let inner = Packet::v4(ME4, YOU4).udp(5000, 5001, b"x");
    let arp = Arp::gratuitous(OWN, ME4);
    let to = || Ethernet::new(OWN, VICTIM);
    all_drop(
        &locked(),
        Reason::Ethertype,
        vec![
            ("IPv4 behind a tag", to().vlan(5).ip(&inner)),
            ("IPv4 behind a tag without a VLAN", to().vlan(0).ip(&inner)),
            ("ARP behind a tag", to().vlan(5).arp(&arp)),
            ("forged ARP behind a tag without a VLAN", to().vlan(0).arp(&Arp::gratuitous(OWN, GATEWAY4))),
            ("IPv4 behind two tags", to().vlan(5).vlan(6).ip(&inner)),
            ("IPv4 behind a provider's tag", to().service_vlan(5).ip(&inner)),
            ("IPv4 behind a provider's tag and another", to().service_vlan(5).vlan(6).ip(&inner)),
            ("IPv4 in SNAP", to().snap().ip(&inner)),
            ("ARP in SNAP", to().snap().arp(&arp)),
            ("LLC", to().llc(0x42, 0x42, 3, &[0; 35])),
            ("a spanning tree's", Ethernet::bpdu(OWN)),
            ("LLDP", to().payload(ethertype::LLDP, &[0; 46])),
            ("a pause frame", to().payload(ethertype::FLOW_CONTROL, &[0, 1, 0xff, 0xff])),
            ("link aggregation", to().payload(ethertype::SLOW, &[1; 46])),
            ("reverse ARP", to().payload(ethertype::RARP, &[0; 46])),
            ("AoE", to().payload(ethertype::AOE, &[0; 46])),
            ("wake on LAN", to().payload(ethertype::WAKE_ON_LAN, &[0xff; 102])),
            ("a short frame", Frame::new([&VICTIM.octets()[..], &OWN.octets(), &[0x12, 0x34]].concat())),
        ],
    );
}

#[test]
fn in_any_protocol_what_disturbs_the_wire_itself() {
    all_drop(
        &Policy::mac_only(OWN),
        Reason::Ethertype,
        vec![
            ("a spanning tree's", Ethernet::bpdu(OWN)),
            (
                "LLDP",
                Ethernet::new(OWN, MacAddress::new([1, 0x80, 0xc2, 0, 0, 0x0e]))
                    .payload(ethertype::LLDP, &[0; 46]),
            ),
            ("what is hidden behind two tags", {
                let hidden = Packet::v6(OWN.link_local(), v6("ff02::1")).router_advertisement(&router());
                Ethernet::new(OWN, VICTIM).vlan(5).vlan(0).ip(&hidden)
            }),
        ],
    );
}

#[test]
fn being_a_router_behind_a_tag() {
    let hidden = Packet::v6(OWN.link_local(), v6("ff02::1")).router_advertisement(&router());
    let to = || Ethernet::new(OWN, hidden.group_mac());
    let without_a_vlan = vec![
        ("a tag without a VLAN", to().vlan(0).ip(&hidden)),
        ("the same of a provider", to().service_vlan(0).ip(&hidden)),
    ];
    let in_a_vlan =
        vec![("a tag", to().vlan(5).ip(&hidden)), ("a provider's tag", to().service_vlan(5).ip(&hidden))];
    for policy in [Policy::mac_only(OWN), Policy::open(OWN)] {
        all_drop(&policy, Reason::Vlan, without_a_vlan.clone());
        all_drop(&policy, Reason::Router, in_a_vlan.clone());
    }
}

#[test]
fn headers_that_are_not_sound() {
    let sound = |packet: &Packet| unicast(packet);
    let v4 = || sound(&Packet::v4(ME4, YOU4).udp(5000, 5001, &[0; 40]));
    let v6 = || sound(&Packet::v6(me(), you()).udp(5000, 5001, &[0; 40]));
    all_drop(
        &locked(),
        Reason::Malformed,
        vec![
            ("IPv4 of another version", v4().with(14, &[0x65])),
            ("IPv4 with a header too short", v4().with(14, &[0x44])),
            ("IPv4 longer than its frame", v4().with(16, &[0x40, 0])),
            ("IPv4 shorter than its header", v4().with(16, &[0, 10])),
            ("IPv6 of another version", v6().with(14, &[0x40])),
            ("IPv6 longer than its frame", v6().with(18, &[0x40, 0])),
            ("IPv6 whose extension header never ends", v6().with(20, &[60]).with(54, &[17, 200])),
            ("hidden behind an extension header that never ends", {
                unicast(&Packet::v6(me(), you()).udp(1, 2, &[0; 40])).with(20, &[60]).with(54, &[58, 200])
            }),
            ("a first fragment with an extension header", fragment(60, 0, true)),
            ("a later fragment that goes on with an extension header", fragment(60, 1, false)),
        ],
    );
}

#[test]
fn in_a_trunk_what_is_forged_without_a_tag_and_other_vlans() {
    let mut draft = dom0net::guard::Draft::default();
    draft.apply("ip=10.0.0.1,2001:db8::1 vlans=5,7-9").unwrap();
    let policy = draft.policy(OWN).unwrap();
    let to = || Ethernet::new(OWN, VICTIM);
    let own = Packet::v4(ME4, YOU4).udp(1, 2, b"x");
    all_drop(
        &policy,
        Reason::Vlan,
        vec![
            ("another VLAN", to().vlan(6).ip(&own)),
            ("no VLAN", to().vlan(0).ip(&own)),
            ("the reserved VLAN", to().vlan(4095).ip(&own)),
        ],
    );
    all_drop(&policy, Reason::Arp, vec![("ARP", to().vlan(5).arp(&Arp::gratuitous(OWN, GATEWAY4)))]);
    all_drop(
        &policy,
        Reason::Ipv4Source,
        vec![("IPv4", to().vlan(9).ip(&Packet::v4(GATEWAY4, YOU4).udp(1, 2, b"x")))],
    );
    all_drop(
        &policy,
        Reason::Neighbour,
        vec![("NA", to().vlan(5).ip(&Packet::v6(me(), you()).solicited_advertisement(you(), Some(OWN))))],
    );
    all_drop(
        &policy,
        Reason::Ethertype,
        vec![
            ("two tags", to().vlan(5).vlan(5).ip(&own)),
            ("a provider's tag", to().service_vlan(5).ip(&own)),
            ("AoE", to().vlan(5).payload(ethertype::AOE, &[0; 46])),
        ],
    );
}

/// A guest that may be anybody is still no server and no router.
#[test]
fn being_a_router_or_a_server_as_anybody() {
    all_drop(&Policy::open(OWN), Reason::Router, routers_words());
    let offer = DhcpMessage::offer(VICTIM, YOU4.into(), GATEWAY4.into()).packet();
    all_drop(
        &Policy::open(OWN),
        Reason::Dhcp,
        vec![("an offer from another MAC address", Ethernet::broadcast(OTHER).ip(&offer))],
    );
}

/// A server answers to where the relay says it is (`giaddr`), and a relay of DHCPv6 wraps anybody's message.
#[test]
fn a_relay_of_dhcp() {
    let relayed = |message: DhcpMessage| {
        let mut bytes = message.to_bytes();
        bytes[24..28].copy_from_slice(&GATEWAY4);
        Packet::v4([0; 4], [255; 4]).udp(68, 67, &bytes)
    };
    let [forward, reply] = [12, 13].map(|kind| {
        let body = [&[kind, 0][..], &[0; 32], &[0, 9, 0, 4, 1, 0, 0, 1]].concat();
        Packet::v6(OWN.link_local(), v6("ff02::1:2")).udp(546, 547, &body)
    });
    let [first, _] = Packet::v6(OWN.link_local(), v6("ff02::1:2")).udp(546, 547, &[12; 40]).split(8, 3);
    let own_relay = {
        let mut bytes = DhcpMessage::discover(OWN).to_bytes();
        bytes[24..28].copy_from_slice(&GATEWAY4);
        Packet::v4(ME4, YOU4).udp(68, 67, &bytes)
    };
    let of_ipv6 = || {
        vec![
            ("RELAY-FORW", multicast(&forward)),
            ("RELAY-FORW from any port", {
                multicast(&Packet::v6(OWN.link_local(), v6("ff02::1:2")).udp(9, 547, &[12; 40]))
            }),
            ("RELAY-REPL", multicast(&reply)),
            ("RELAY-FORW whose first fragment ends before it says so", multicast(&first)),
            ("DHCPv6 without a message", {
                multicast(&Packet::v6(OWN.link_local(), v6("ff02::1:2")).udp(546, 547, &[]))
            }),
        ]
    };
    for policy in [locked(), locked_to_many(), Policy::mac_only(OWN)] {
        all_drop(&policy, Reason::Dhcp, of_ipv6());
        all_drop(&policy, Reason::Dhcp, vec![("a relay's request", unicast(&own_relay))]);
    }
    let anonymous = Ethernet::broadcast(OWN).ip(&relayed(DhcpMessage::discover(OWN)));
    all_drop(&locked(), Reason::Ipv4Source, vec![("a relay's discover", anonymous)]);
}

/// The length stands in an option (RFC 2675), and the field for it says nothing.
#[test]
fn jumbograms() {
    let jumbogram = |packet: Packet, length: u32| {
        let option = [&[0, 0, 0xc2, 4][..], &length.to_be_bytes()].concat();
        unicast(&packet.extension(0, option)).with(18, &[0, 0])
    };
    for length in [0, 64, 0x1_0000, u32::MAX] {
        let of = |packet| jumbogram(packet, length);
        let from = |source: Ipv6Addr| Packet::v6(source, you());
        all_drop(
            &locked(),
            Reason::Ipv6Source,
            vec![
                ("UDP from another", of(from(v6("2001:db8::fe")).udp(1, 2, b"x"))),
                ("from nobody", of(from(Ipv6Addr::UNSPECIFIED).udp(1, 2, b"x"))),
            ],
        );
        let advertisement = from(me()).solicited_advertisement(you(), Some(OWN));
        let routers = from(OWN.link_local()).router_advertisement(&router());
        all_drop(&locked(), Reason::Neighbour, vec![("NA for another", of(advertisement))]);
        all_drop(&locked(), Reason::Router, vec![("router advertisement", of(routers))]);
        let server = DhcpMessage::advertise_v6(OWN.link_local(), you(), VICTIM);
        all_drop(&locked(), Reason::Dhcp, vec![("DHCPv6 advertisement", of(server))]);
    }
}

/// A bridge that looks into multicast takes the port of a multicast router for one that wants all groups.
#[test]
fn a_multicast_router() {
    let pim = [0x20, 0, 0, 0, 0, 1, 0, 2, 0, 105];
    let cases = || -> Vec<Case> {
        let groups = |packet: Packet| multicast(&packet);
        vec![
            ("PIM hello", groups(Packet::v4(ME4, [224, 0, 0, 13]).raw(103, &pim))),
            (
                "PIM hello, as a fragment",
                groups(Packet::v4(ME4, [224, 0, 0, 13]).raw(103, &pim).fragment(0, true, 3)),
            ),
            ("PIM hello of IPv6", groups(Packet::v6(OWN.link_local(), v6("ff02::d")).raw(103, &pim))),
            ("PIM hello of IPv6 behind options", {
                groups(Packet::v6(OWN.link_local(), v6("ff02::d")).raw(103, &pim).hop_by_hop())
            }),
            (
                "multicast router advertisement of IGMP",
                groups(Packet::v4(ME4, [224, 0, 0, 106]).raw(2, &[0x30, 20, 0, 0, 0, 0, 0, 0])),
            ),
        ]
    };
    let of_icmp = || {
        let packet = Packet::v6(OWN.link_local(), v6("ff02::6a")).icmp(151, 20, &[0; 4]);
        vec![("multicast router advertisement of ICMPv6", multicast(&packet))]
    };
    for policy in [locked(), Policy::mac_only(OWN), Policy::open(OWN)] {
        all_drop(&policy, Reason::Router, cases());
    }
    all_drop(&locked(), Reason::Neighbour, of_icmp());
    all_drop(&Policy::mac_only(OWN), Reason::Router, of_icmp());
    let router = Policy { router: true, ..locked() };
    super::all_pass(&router, cases().into_iter().take(1).collect());
}

/// `::` is nobody's address, even if it is in a network of the guest's.
#[test]
fn as_nobody_from_a_network_that_begins_with_nothing() {
    let few = ["10.0.0.1/32", "::/64", "2001:db8::1/128"];
    let many = ["10.0.0.1/32", "::/128", "2001:db8::1/128", "2001:db8::5/128"];
    let from = || Packet::v6(Ipv6Addr::UNSPECIFIED, you());
    let asks = |target| {
        multicast(
            &Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::1:ff00:2")).neighbour_solicitation(target, None),
        )
    };
    for networks in [&few[..], &many] {
        let policy = Policy::locked(OWN, networks.iter().map(|network| network.parse().unwrap()));
        all_drop(&policy, Reason::Neighbour, vec![("whether another's address is free", asks(you()))]);
        let cases =
            vec![("UDP", unicast(&from().udp(5000, 5001, b"x"))), ("TCP", unicast(&from().tcp_syn(1, 2)))];
        all_drop(&policy, Reason::Ipv6Source, cases);
        super::all_pass(&policy, vec![("whether the own address is free", asks(me()))]);
    }
}
