//! Packets within packets: the outer one is the guest's own, and passes; what is inside says that it comes from another. On a host, or
//! with a guest, that has no such tunnel, nothing comes of it.

use std::net::{Ipv6Addr, UdpSocket};
use std::time::Duration;

use ethernet::MacAddress;
use lab::frame::{Arp, Ethernet, Frame, Packet};

use super::forgeries::Forgery;
use super::scene::{OWN, OWN4, Scene, Target, own6};
use super::table::Cell;

/// Where the datagrams inside are for.
const PORT: u16 = 7777;

/// What is inside, and its ethertype.
struct Inside {
    four: Vec<u8>,
    six: Vec<u8>,
    frames: [Vec<u8>; 2],
}

impl Inside {
    fn of(target: &Target) -> Self {
        let four = Packet::v4(target.pose4, target.ip4).udp(PORT, PORT, b"inside");
        let six = Packet::v6(target.pose6, target.ip6).udp(PORT, PORT, b"inside");
        let from = |mac: MacAddress| Ethernet::new(mac, target.mac);
        let frames = [
            from(target.pose).ip(&four),
            from(OWN).arp(&Arp::reply(OWN, target.pose4, target.mac, target.ip4)),
        ];
        Self { four: four.to_bytes(), six: six.to_bytes(), frames: frames.map(Frame::into_bytes) }
    }
}

/// All kinds of tunnel, each with the guest's own address outside.
fn tunnels(target: &Target) -> Vec<(&'static str, Packet)> {
    let inside = Inside::of(target);
    let v4 = || Packet::v4(OWN4, target.ip4);
    let v6 = || Packet::v6(own6(), target.ip6);
    let behind = |front: &[u8], rest: &[u8]| [front, rest].concat();
    let [frame, arp] = &inside.frames;
    let vxlan = |inner: &[u8]| behind(&[8, 0, 0, 0, 0, 0, 1, 0], inner);
    let geneve = |inner: &[u8]| behind(&[0, 0, 0x65, 0x58, 0, 0, 1, 0], inner);
    vec![
        ("IPv4 in IPv4", v4().raw(4, &inside.four)),
        ("IPv6 in IPv4", v4().raw(41, &inside.six)),
        ("IPv4 in IPv6", v6().raw(4, &inside.four)),
        ("IPv6 in IPv6", v6().raw(41, &inside.six)),
        ("IPv4 in GRE", v4().raw(47, &behind(&[0, 0, 8, 0], &inside.four))),
        ("IPv6 in GRE", v4().raw(47, &behind(&[0, 0, 0x86, 0xdd], &inside.six))),
        ("a frame in GRE", v4().raw(47, &behind(&[0, 0, 0x65, 0x58], frame))),
        ("ARP in GRE", v4().raw(47, &behind(&[0, 0, 0x65, 0x58], arp))),
        ("IPv4 in GRE of IPv6", v6().raw(47, &behind(&[0, 0, 8, 0], &inside.four))),
        ("IPv4 in ESP", v4().raw(50, &behind(&[0, 0, 1, 0, 0, 0, 0, 1], &inside.four))),
        (
            "IPv4 in AH",
            v4().raw(
                51,
                &behind(
                    &[4, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                    &inside.four,
                ),
            ),
        ),
        ("a frame in EtherIP", v4().raw(97, &behind(&[0x30, 0], frame))),
        ("a frame in L2TP", v4().raw(115, &behind(&[0, 0, 0, 1], frame))),
        ("IPv4 in MPLS", v4().raw(137, &behind(&[0, 1, 1, 64], &inside.four))),
        ("a frame in VXLAN", v4().udp(PORT, 4789, &vxlan(frame))),
        ("ARP in VXLAN", v4().udp(PORT, 4789, &vxlan(arp))),
        ("a frame in VXLAN of IPv6", v6().udp(PORT, 4789, &vxlan(frame))),
        ("a frame in Geneve", v4().udp(PORT, 6081, &geneve(frame))),
        ("IPv4 in a packet for UDP encapsulation", v4().udp(PORT, 5555, &inside.four)),
    ]
}

/// Nobody takes out what is inside, and nobody believes it.
pub(crate) fn come_to_nothing(scene: &mut Scene) {
    for target in scene.targets() {
        let open = || UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT)).unwrap();
        let listener = scene.station(&target).run(open).unwrap();
        listener.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        for (name, packet) in tunnels(&target) {
            let frame = Ethernet::new(OWN, target.mac).ip(&packet);
            let frames = Box::new(move |_: &Target| vec![frame.clone()]);
            let cell = scene.attack(&target, &Forgery { name: name.into(), frames, is_whole: false });
            assert_eq!(cell, Cell::Arrived, "{name} at {}", target.station);
        }
        // What is not wrapped is heard, and so the rest would have been, which came first.
        for packet in [Packet::v4(OWN4, target.ip4), Packet::v6(own6(), target.ip6)] {
            let frame = Ethernet::new(OWN, target.mac).ip(&packet.udp(PORT, PORT, b"plain"));
            assert!(scene.arrives(&target, &frame));
            let mut heard = [0; 16];
            let length = listener.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"plain", "{} took out what was inside", target.station);
        }
    }
}
