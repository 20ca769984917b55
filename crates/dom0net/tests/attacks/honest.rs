//! What every guest must get through: the honest counterparts of the attacks.

use lab::frame::{Arp, DhcpMessage, Ethernet, Frame, Packet};

use super::scene::{OWN, OWN4, Target, own6, v6};

/// What is sent, and to whom.
pub(crate) type Honest = (&'static str, fn(&Target) -> Vec<Frame>);

/// All of it.
pub(crate) fn all() -> Vec<Honest> {
    vec![
        ("ARP request", |it| vec![Ethernet::broadcast(OWN).arp(&Arp::request(OWN, OWN4, it.ip4))]),
        ("ARP reply", |it| vec![to(it).arp(&Arp::reply(OWN, OWN4, it.mac, it.ip4))]),
        ("gratuitous ARP of one's own", |_| vec![Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, OWN4))]),
        ("ARP probe", |_| vec![Ethernet::broadcast(OWN).arp(&Arp::probe(OWN, [10, 0, 0, 77]))]),
        ("UDP", |it| vec![to(it).ip(&Packet::v4(OWN4, it.ip4).udp(5000, 5001, b"x"))]),
        ("TCP", |it| vec![to(it).ip(&Packet::v4(OWN4, it.ip4).tcp_syn(5000, 443))]),
        ("fragments", |it| split(it, &Packet::v4(OWN4, it.ip4).udp(5000, 5001, &[7; 2000]), 1480)),
        ("fragments of a ping", |it| {
            split(it, &Packet::v4(OWN4, it.ip4).echo_request(1, 1, &[5; 2000]), 1480)
        }),
        ("path MTU", |it| vec![to(it).ip(&Packet::v4(OWN4, it.ip4).icmp(3, 4, &[0; 36]))]),
        ("IP options", |it| {
            vec![to(it).ip(
                &Packet::v4(OWN4, it.ip4).ipv4_options(&[7, 7, 4, 0, 0, 0, 0, 0]).echo_request(1, 1, b"x"),
            )]
        }),
        ("DHCP discover to a server outside", |_| vec![to_group(&DhcpMessage::discover(OWN).packet())]),
        ("DHCP renewal", |it| {
            let message = DhcpMessage::request(OWN, OWN4.into(), it.ip4.into()).to_bytes();
            vec![to(it).ip(&Packet::v4(OWN4, it.ip4).udp(68, 67, &message))]
        }),
        ("UDP of IPv6", |it| vec![to(it).ip(&Packet::v6(own6(), it.ip6).udp(5000, 5001, b"x"))]),
        ("UDP from the link-local address", |it| {
            vec![to(it).ip(&Packet::v6(OWN.link_local(), it.ip6).udp(1, 2, b"x"))]
        }),
        ("fragments of IPv6", |it| split(it, &Packet::v6(own6(), it.ip6).udp(5000, 5001, &[7; 2000]), 1448)),
        ("path MTU of IPv6", |it| vec![to(it).ip(&Packet::v6(own6(), it.ip6).icmp(2, 0, &[0; 44]))]),
        ("extension headers", |it| {
            vec![to(it).ip(&Packet::v6(own6(), it.ip6).udp(1, 2, b"x").destination_options())]
        }),
        ("neighbour solicitation", |it| {
            vec![to(it).ip(&Packet::v6(own6(), it.ip6).neighbour_solicitation(it.ip6, Some(OWN)))]
        }),
        ("neighbour advertisement", |it| {
            vec![to(it).ip(&Packet::v6(own6(), it.ip6).solicited_advertisement(own6(), Some(OWN)))]
        }),
        ("duplicate address detection", |it| {
            vec![to(it).ip(&Packet::v6(v6("::"), v6("ff02::1:ff00:2")).neighbour_solicitation(own6(), None))]
        }),
        ("joining a group", |it| {
            vec![
                to(it).ip(&Packet::v6(OWN.link_local(), v6("ff02::16")).mld2_report(&[v6("ff02::1:ff00:2")])),
            ]
        }),
        ("joining a group before there is an address", |it| {
            vec![to(it).ip(&Packet::v6(v6("::"), v6("ff02::16")).mld2_report(&[v6("ff02::1:ff00:2")]))]
        }),
        ("router solicitation", |it| {
            vec![to(it).ip(&Packet::v6(OWN.link_local(), v6("ff02::2")).router_solicitation(Some(OWN)))]
        }),
        ("DHCPv6 solicit", |it| vec![to(it).ip(&DhcpMessage::solicit_v6(OWN))]),
    ]
}

fn to(target: &Target) -> Ethernet {
    Ethernet::new(OWN, target.mac)
}

fn to_group(packet: &Packet) -> Frame {
    Ethernet::new(OWN, packet.group_mac()).ip(packet)
}

fn split(target: &Target, packet: &Packet, at: usize) -> Vec<Frame> {
    packet.split(at, 9).iter().map(|part| to(target).ip(part)).collect()
}
