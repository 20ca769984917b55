//! What a guest must not get through.

use ethernet::MacAddress;
use lab::frame::{Arp, DhcpMessage, Ethernet, Frame, Packet, RouterAdvertisement, ethertype, operation};

use super::scene::{OWN, OWN4, Target, own6, v6};

/// An attack: its name, and what is sent to a target.
pub(crate) struct Forgery {
    pub(crate) name: String,
    pub(crate) frames: Frames,
    /// Whether its frames are worth something only together: the fragments of a packet.
    pub(crate) is_whole: bool,
}

type Frames = Box<dyn Fn(&Target) -> Vec<Frame>>;

/// All of them.
pub(crate) fn all() -> Vec<Forgery> {
    let mut all = disguised();
    all.extend(link());
    all.extend(arp());
    all.extend(discovery());
    all.extend(ipv4());
    all.extend(ipv6());
    all
}

fn forgery(name: impl Into<String>, frames: impl Fn(&Target) -> Vec<Frame> + 'static) -> Forgery {
    Forgery { name: name.into(), frames: Box::new(frames), is_whole: false }
}

/// The fragments of a packet.
fn fragments(name: &str, frames: impl Fn(&Target) -> Vec<Frame> + 'static) -> Forgery {
    Forgery { is_whole: true, ..forgery(name, frames) }
}

/// One frame.
fn single(name: &str, frame: impl Fn(&Target) -> Frame + 'static) -> Forgery {
    forgery(name, move |target| vec![frame(target)])
}

fn to(target: &Target) -> Ethernet {
    Ethernet::new(OWN, target.mac)
}

fn router() -> RouterAdvertisement {
    RouterAdvertisement { lifetime: 1800, prefix: Some("2001:db8:bad::/64".parse().unwrap()), mac: Some(OWN) }
}

/// How a forgery is wrapped: behind which tags, or in which other form.
type Disguise = (&'static str, fn(Ethernet) -> Ethernet);

const DISGUISES: [Disguise; 8] = [
    ("", |front| front),
    (" behind a VLAN tag", |front| front.vlan(7)),
    (" behind a tag without a VLAN", |front| front.vlan(0)),
    (" behind a tag with priority alone", |front| front.tag(ethertype::VLAN, 0xe000)),
    (" behind two VLAN tags", |front| front.vlan(7).vlan(8)),
    (" behind a provider's tag (802.1ad)", |front| front.service_vlan(7)),
    (" behind a provider's tag and another", |front| front.service_vlan(0).vlan(0)),
    (" in SNAP", Ethernet::snap),
];

/// The plain forgeries, and each in every disguise.
fn disguised() -> Vec<Forgery> {
    type Plain = (&'static str, fn(&Target, &Ethernet) -> Frame);
    let plain: [Plain; 6] = [
        ("ARP reply for another", |it, front| front.arp(&Arp::reply(OWN, it.pose4, it.mac, it.ip4))),
        ("neighbour advertisement for another", |it, front| {
            front.ip(&Packet::v6(it.pose6, it.ip6).solicited_advertisement(it.pose6, Some(OWN)))
        }),
        ("IPv4 from another's address", |it, front| {
            front.ip(&Packet::v4(it.pose4, it.ip4).udp(5000, 5001, b"x"))
        }),
        ("IPv6 from another's address", |it, front| {
            front.ip(&Packet::v6(it.pose6, it.ip6).udp(5000, 5001, b"x"))
        }),
        ("DHCP offer", |it, front| {
            front.ip(&DhcpMessage::offer(it.mac, it.ip4.into(), OWN4.into()).packet())
        }),
        ("router advertisement", |_, front| {
            front.ip(&Packet::v6(OWN.link_local(), v6("ff02::1")).router_advertisement(&router()))
        }),
    ];
    let pairs = plain.into_iter().flat_map(|plain| DISGUISES.map(|disguise| (plain, disguise)));
    pairs
        .map(|((name, frame), (manner, wrap))| {
            single(&format!("{name}{manner}"), move |target| frame(target, &wrap(to(target))))
        })
        .collect()
}

/// What is below any protocol.
fn link() -> Vec<Forgery> {
    let group = |last: u8| MacAddress::new([1, 0x80, 0xc2, 0, 0, last]);
    vec![
        single("another's MAC address", |it| {
            Ethernet::new(it.pose, it.mac).ip(&Packet::v4(OWN4, it.ip4).udp(1, 2, b"x"))
        }),
        forgery("another's MAC address, in turn with the own", |it| {
            let from = |mac| Ethernet::new(mac, it.mac).ip(&Packet::v4(OWN4, it.ip4).udp(1, 2, b"flap"));
            (0..8)
                .map(|turn| {
                    from(if turn % 2 == 0 { it.pose } else { MacAddress::new([0, 0x16, 0x3e, 0, 0, 3]) })
                })
                .collect()
        }),
        forgery("a flood of new MAC addresses", |it| {
            (0..64)
                .map(|number| {
                    Ethernet::new(MacAddress::new([2, 0xf, 0, 0, 0, number]), it.mac)
                        .payload(0x88b5, &[0; 46])
                })
                .collect()
        }),
        single("from everybody", |it| {
            Ethernet::new(MacAddress::BROADCAST, it.mac).ip(&Packet::v4(OWN4, it.ip4).udp(1, 2, b"x"))
        }),
        single("from a group", |it| {
            Ethernet::new(MacAddress::new([1, 0, 0x5e, 0, 0, 1]), it.mac)
                .ip(&Packet::v4(OWN4, it.ip4).udp(1, 2, b"x"))
        }),
        single("a spanning tree's root", |_| Ethernet::bpdu(OWN)),
        single("a spanning tree's root to a victim", |it| to(it).llc(0x42, 0x42, 3, &[0; 35])),
        single("LLDP to its group", move |_| {
            Ethernet::new(OWN, group(0x0e)).payload(ethertype::LLDP, &[2, 7, 4, 0, 0, 0, 0, 0, 1])
        }),
        single("LLDP to everybody", |_| {
            Ethernet::broadcast(OWN).payload(ethertype::LLDP, &[2, 7, 4, 0, 0, 0, 0, 0, 1])
        }),
        single("a pause", move |_| {
            Ethernet::new(OWN, group(1)).payload(ethertype::FLOW_CONTROL, &[0, 1, 0xff, 0xff])
        }),
        single("link aggregation", move |_| Ethernet::new(OWN, group(2)).payload(ethertype::SLOW, &[1; 46])),
        single("the last reserved group", move |_| Ethernet::new(OWN, group(0x0f)).payload(0x88b5, &[0; 46])),
        single("the group of GVRP", |_| {
            Ethernet::new(OWN, MacAddress::new([1, 0x80, 0xc2, 0, 0, 0x21])).llc(0x42, 0x42, 3, &[0; 20])
        }),
        single("reverse ARP", |it| {
            to(it).payload(
                ethertype::RARP,
                &Arp { operation: operation::REVERSE_REPLY, ..Arp::reply(OWN, it.pose4, it.mac, it.ip4) }
                    .to_bytes(),
            )
        }),
        single("a protocol without a name", |it| to(it).payload(0x88b5, &[0; 46])),
        single("an Ethernet header and nothing else", |it| to(it).payload(ethertype::IPV4, &[])),
    ]
}

fn arp() -> Vec<Forgery> {
    let reply = |it: &Target| Arp::reply(OWN, it.pose4, it.mac, it.ip4);
    vec![
        single("ARP request for another", |it| to(it).arp(&Arp::request(OWN, it.pose4, it.ip4))),
        single("gratuitous ARP for another", |it| {
            Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, it.pose4))
        }),
        single("gratuitous ARP reply for another", |it| {
            Ethernet::broadcast(OWN)
                .arp(&Arp { operation: operation::REPLY, ..Arp::gratuitous(OWN, it.pose4) })
        }),
        single("ARP with another's MAC address inside", |it| {
            to(it).arp(&Arp::reply(it.pose, OWN4, it.mac, it.ip4))
        }),
        single("ARP from another's MAC address", |it| {
            Ethernet::new(it.pose, it.mac).arp(&Arp::reply(OWN, it.pose4, it.mac, it.ip4))
        }),
        single("ARP reply from nobody", |it| to(it).arp(&Arp::reply(OWN, [0; 4], it.mac, it.ip4))),
        single("ARP with hardware addresses too long", move |it| {
            to(it).arp(&Arp { hardware_length: 8, ..reply(it) })
        }),
        single("ARP with protocol addresses too long", move |it| {
            to(it).arp(&Arp { protocol_length: 16, ..reply(it) })
        }),
        single("ARP with addresses of no length", move |it| {
            to(it).arp(&Arp { hardware_length: 0, protocol_length: 0, ..reply(it) })
        }),
        single("ARP for another hardware", move |it| to(it).arp(&Arp { hardware: 6, ..reply(it) })),
        single("ARP for another protocol", move |it| to(it).arp(&Arp { protocol: 0x86dd, ..reply(it) })),
        single("ARP with an unknown operation", move |it| to(it).arp(&Arp { operation: 23, ..reply(it) })),
        single("ARP cut short", move |it| to(it).arp(&reply(it)).truncated(30)),
    ]
}

fn discovery() -> Vec<Forgery> {
    let lie = |it: &Target| Packet::v6(own6(), it.ip6).solicited_advertisement(it.pose6, Some(OWN));
    let honest = |it: &Target| Packet::v6(own6(), it.ip6).solicited_advertisement(own6(), Some(OWN));
    vec![
        single("advertisement for another, from the own address", move |it| to(it).ip(&lie(it))),
        single("advertisement for another, without an option", |it| {
            to(it).ip(&Packet::v6(own6(), it.ip6).solicited_advertisement(it.pose6, None))
        }),
        single("advertisement with another's MAC address", |it| {
            to(it).ip(&Packet::v6(own6(), it.ip6).solicited_advertisement(own6(), Some(it.pose)))
        }),
        single("solicitation from another", |it| {
            to(it).ip(&Packet::v6(it.pose6, it.ip6).neighbour_solicitation(it.ip6, Some(OWN)))
        }),
        single("solicitation with another's MAC address", |it| {
            to(it).ip(&Packet::v6(own6(), it.ip6).neighbour_solicitation(it.ip6, Some(it.pose)))
        }),
        single("duplicate address detection for another", |it| {
            to(it).ip(&Packet::v6(v6("::"), v6("ff02::1:ff00:1")).neighbour_solicitation(it.pose6, None))
        }),
        single("advertisement behind hop-by-hop options", move |it| to(it).ip(&lie(it).hop_by_hop())),
        single("advertisement behind destination options", move |it| {
            to(it).ip(&lie(it).destination_options())
        }),
        single("advertisement behind a routing header", move |it| to(it).ip(&lie(it).routing_header(0))),
        single("advertisement behind three headers", move |it| {
            to(it).ip(&lie(it).destination_options().routing_header(0).hop_by_hop())
        }),
        single("advertisement in an atomic fragment", move |it| to(it).ip(&lie(it).fragment(0, false, 7))),
        single("the own advertisement in an atomic fragment", move |it| {
            to(it).ip(&honest(it).fragment(0, false, 7))
        }),
        fragments("advertisement in two fragments", move |it| {
            lie(it).split(24, 9).iter().map(|part| to(it).ip(part)).collect()
        }),
        fragments("advertisement in fragments that overlap", move |it| {
            let [first, _] = honest(it).split(24, 9);
            let [_, second] = lie(it).split(8, 9);
            [first, second].iter().map(|part| to(it).ip(part)).collect()
        }),
        single("advertisement from afar (hop limit)", move |it| to(it).ip(&honest(it).hop_limit(64))),
        single("redirect", |it| {
            to(it).ip(&Packet::v6(OWN.link_local(), it.ip6).redirect(own6(), v6("2001:db8:9::1"), Some(OWN)))
        }),
        single("query of group membership (MLD)", |_| {
            let packet = Packet::v6(OWN.link_local(), v6("ff02::1")).mld_query(v6("::"));
            Ethernet::new(OWN, packet.group_mac()).ip(&packet)
        }),
        single("router advertisement behind options", |it| {
            to(it).ip(&Packet::v6(OWN.link_local(), v6("ff02::1"))
                .router_advertisement(&router())
                .destination_options())
        }),
        single("router advertisement in a fragment", |it| {
            to(it).ip(&Packet::v6(OWN.link_local(), v6("ff02::1"))
                .router_advertisement(&router())
                .fragment(0, false, 3))
        }),
        single("router advertisement as another", |it| {
            to(it).ip(&Packet::v6(v6("fe80::fe"), v6("ff02::1")).router_advertisement(&router()))
        }),
    ]
}

fn ipv4() -> Vec<Forgery> {
    let forged = |it: &Target| Packet::v4(it.pose4, it.ip4);
    let from = |source: [u8; 4]| move |it: &Target| to(it).ip(&Packet::v4(source, it.ip4).udp(1, 2, b"x"));
    vec![
        single("TCP from another's address", move |it| to(it).ip(&forged(it).tcp_syn(1, 2))),
        single("ping from another's address", move |it| to(it).ip(&forged(it).echo_request(1, 1, b"x"))),
        single("IPv4 with source routing", move |it| {
            to(it).ip(&forged(it).ipv4_options(&[0x83, 7, 4, 10, 0, 0, 2, 0]).tcp_syn(1, 2))
        }),
        fragments("fragments from another's address", move |it| {
            forged(it).udp(5000, 5001, &[7; 2000]).split(1480, 9).iter().map(|part| to(it).ip(part)).collect()
        }),
        fragments("fragments that overlap", move |it| {
            let [first, _] = forged(it).udp(5000, 5001, &[7; 200]).split(80, 9);
            let [_, second] = forged(it).udp(5000, 5001, &[8; 200]).split(40, 9);
            [first, second].iter().map(|part| to(it).ip(part)).collect()
        }),
        single("from the loopback address", from([127, 0, 0, 1])),
        single("from the broadcast address", from([255; 4])),
        single("from a group's address", from([224, 0, 0, 1])),
        single("from no address", from([0; 4])),
        single("IPv4 cut in its header", move |it| to(it).ip(&forged(it).tcp_syn(1, 2)).truncated(30)),
        single("IPv4 longer than its frame", move |it| {
            to(it).ip(&forged(it).tcp_syn(1, 2)).with(16, &[0x40, 0])
        }),
        single("IPv4 with a header too short", |it| {
            to(it).ip(&Packet::v4(OWN4, it.ip4).udp(1, 2, &[0; 40])).with(14, &[0x44])
        }),
        single("redirect of IPv4", |it| to(it).ip(&Packet::v4(OWN4, it.ip4).icmp(5, 1, &[0; 32]))),
        single("router advertisement of IPv4", |it| {
            to(it).ip(&Packet::v4(OWN4, it.ip4).icmp(9, 0, &[0; 12]))
        }),
        single("query of group membership (IGMP)", |it| {
            to(it).ip(&Packet::v4(OWN4, it.ip4).raw(2, &[0x11, 0, 0, 0, 0, 0, 0, 0]))
        }),
        single("VRRP", |it| to(it).ip(&Packet::v4(OWN4, it.ip4).raw(112, &[0x21, 1, 255, 1]))),
        single("DHCP discover as another", |it| to(it).ip(&DhcpMessage::discover(it.pose).packet())),
        single("release of another's lease", |it| {
            let message = DhcpMessage::request(it.pose, it.pose4.into(), it.ip4.into()).to_bytes();
            to(it).ip(&Packet::v4(OWN4, it.ip4).udp(68, 67, &message))
        }),
    ]
}

fn ipv6() -> Vec<Forgery> {
    let forged = |it: &Target| Packet::v6(it.pose6, it.ip6);
    let from =
        |source: &'static str| move |it: &Target| to(it).ip(&Packet::v6(v6(source), it.ip6).udp(1, 2, b"x"));
    vec![
        single("TCP of IPv6 from another's address", move |it| to(it).ip(&forged(it).tcp_syn(1, 2))),
        single("ping of IPv6 from another's address", move |it| {
            to(it).ip(&forged(it).echo_request(1, 1, b"x"))
        }),
        single("IPv6 from another's address behind options", move |it| {
            to(it).ip(&forged(it).udp(1, 2, b"x").destination_options().hop_by_hop())
        }),
        fragments("fragments of IPv6 from another's address", move |it| {
            forged(it).udp(5000, 5001, &[7; 2000]).split(1448, 9).iter().map(|part| to(it).ip(part)).collect()
        }),
        single("from another's link-local address", from("fe80::fe")),
        single("from the loopback address of IPv6", from("::1")),
        single("from a group's address of IPv6", from("ff02::1")),
        single("from no address of IPv6", from("::")),
        single("IPv6 cut in its header", move |it| to(it).ip(&forged(it).tcp_syn(1, 2)).truncated(50)),
        single("IPv6 longer than its frame", move |it| {
            to(it).ip(&forged(it).tcp_syn(1, 2)).with(18, &[0x40, 0])
        }),
        single("an extension header without end", |it| {
            to(it).ip(&Packet::v6(own6(), it.ip6).udp(1, 2, &[0; 40])).with(20, &[60]).with(54, &[58, 200])
        }),
        single("DHCPv6 advertisement", |it| {
            to(it).ip(&DhcpMessage::advertise_v6(OWN.link_local(), it.ip6, it.mac))
        }),
        single("VRRP of IPv6", |it| {
            to(it).ip(&Packet::v6(OWN.link_local(), it.ip6).raw(112, &[0x31, 1, 255, 1]))
        }),
    ]
}
