//! Frames that the guest leaves others to finish: to cut into packets, to put a checksum into. Its card says how, and may lie. The guard
//! sees such a frame before it is finished; what comes out at the end must be the guest's own all the same.

use std::process::Command;

use lab::frame::{Arp, Content, Ethernet, Frame, Packet};
use netkernel::packet::{Offload, OffloadSender};

use super::locked;
use super::stage::{OWN, Stage, VICTIM, name};

const ME4: [u8; 4] = [10, 0, 0, 1];
const YOU4: [u8; 4] = [10, 0, 0, 2];
const OTHER4: [u8; 4] = [10, 0, 0, 254];
/// Of an Ethernet header, and of it with that of IP behind.
const ETHERNET: u16 = 14;
const IPV4: u16 = 34;
const IPV6: u16 = 54;
/// How much a packet shall carry.
const SEGMENT: u16 = 1000;

/// A stage whose victim's port leaves nothing to be finished: it is done in front of it, as in front of a card that cannot do it.
fn stage() -> Option<Stage> {
    let ethtool = testkit::program("ethtool")?;
    let stage = Stage::new(&locked())?;
    let run = || Command::new(&ethtool).args(["-K", "vif2.0", "tx", "off"]).output().unwrap();
    let output = stage.on_host(run);
    assert!(output.status.success(), "{output:?}");
    Some(stage)
}

fn sender(stage: &Stage) -> OffloadSender {
    stage.in_guest(|| OffloadSender::open(&name("eth0")).unwrap())
}

fn six(number: u16) -> std::net::Ipv6Addr {
    format!("2001:db8::{number:x}").parse().unwrap()
}

fn to_victim(packet: &Packet) -> Frame {
    Ethernet::new(OWN, VICTIM).ip(packet)
}

/// A segment of TCP with much to carry.
fn tcp(packet: Packet) -> Packet {
    let header =
        [&[0x13, 0x88, 1, 0xbb][..], &[0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 16, 0, 0, 0, 0, 0]].concat();
    packet.raw(6, &[&header[..], &[7; 3000]].concat())
}

fn udp(packet: Packet) -> Packet {
    packet.udp(5000, 5001, &[7; 3000])
}

/// Large packets from these addresses, and how an honest card would have them finished.
fn large(four: [u8; 4], last: u16) -> Vec<(&'static str, Frame, Offload)> {
    let v4 = || Packet::v4(four, YOU4);
    let v6 = || Packet::v6(six(last), six(2));
    let honest = |segmentation, front: u16, header: u16, checksum_offset| Offload {
        flags: Offload::CHECKSUM,
        segmentation,
        header_length: front + header,
        segment_length: SEGMENT,
        checksum_start: front,
        checksum_offset,
    };
    vec![
        ("TCP", to_victim(&tcp(v4())), honest(Offload::TCP4, IPV4, 20, 16)),
        ("TCP of IPv6", to_victim(&tcp(v6())), honest(Offload::TCP6, IPV6, 20, 16)),
        ("UDP", to_victim(&udp(v4())), honest(Offload::UDP, IPV4, 8, 6)),
        ("UDP of IPv6", to_victim(&udp(v6())), honest(Offload::UDP, IPV6, 8, 6)),
        ("UDP in fragments", to_victim(&udp(v4())), honest(Offload::UDP_FRAGMENTS, IPV4, 8, 6)),
        ("UDP of IPv6 in fragments", to_victim(&udp(v6())), honest(Offload::UDP_FRAGMENTS, IPV6, 8, 6)),
    ]
}

/// What a frame says of its sender is the guest's.
fn is_own(bytes: &[u8]) -> bool {
    let said = Frame::new(bytes).describe();
    let is_own = match &said.content {
        Content::Arp(arp) => arp.sender_mac == OWN && arp.sender_ip.octets() == ME4,
        Content::Ip(ip) => ip.source == std::net::IpAddr::from(ME4) || ip.source == six(1),
        Content::Other(..) | Content::Llc(..) | Content::Cut => false,
    };
    said.source == OWN && said.tags.is_empty() && is_own
}

/// Sends a frame; false, after saying so, where the kernel cannot cut such ones.
fn is_sent(sender: &OffloadSender, name: &str, frame: &Frame, offload: Offload) -> bool {
    match sender.send(offload, frame) {
        Ok(()) => true,
        Err(error) if offload.segmentation == Offload::UDP => {
            // Since Linux 6.2.
            testkit::skip!("the kernel does not cut {name}: {error}");
            false
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn what_is_ones_own_is_cut_behind_the_guard_and_arrives() {
    let Some(mut stage) = stage() else { return };
    let sender = sender(&stage);
    for (name, frame, offload) in large(ME4, 1) {
        if !is_sent(&sender, name, &frame, offload) {
            continue;
        }
        let arrivals = stage.arrivals();
        assert!(arrivals.len() >= 3, "{name}: {} packets", arrivals.len());
        assert!(arrivals.iter().all(|packet| is_own(packet) && packet.len() < 1200), "{name}: {arrivals:?}");
    }
    assert_eq!(stage.dropped_at_all(), 0);
}

#[test]
fn what_is_anothers_is_dropped_as_a_whole() {
    let Some(mut stage) = stage() else { return };
    let sender = sender(&stage);
    let checksum = |checksum_start, checksum_offset| Offload {
        flags: Offload::CHECKSUM,
        checksum_start,
        checksum_offset,
        ..Offload::default()
    };
    let mut cases = large(OTHER4, 0xfe);
    let from_victim =
        large(ME4, 1).into_iter().map(|(name, frame, offload)| (name, frame.from_mac(VICTIM), offload));
    cases.extend(from_victim);
    cases.extend([
        ("small UDP", to_victim(&Packet::v4(OTHER4, YOU4).udp(1, 2, b"x")), checksum(IPV4, 6)),
        ("ARP", Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, OTHER4)), checksum(IPV4, 0)),
        (
            "NA for another",
            to_victim(&Packet::v6(six(1), six(2)).solicited_advertisement(six(0xfe), Some(OWN))),
            checksum(IPV6, 2),
        ),
        ("a DHCP server", to_victim(&Packet::v4(ME4, YOU4).udp(67, 68, &[0; 300])), checksum(IPV4, 6)),
    ]);
    for (name, frame, offload) in cases {
        let before = stage.dropped_at_all();
        if !is_sent(&sender, name, &frame, offload) {
            continue;
        }
        assert!(stage.arrivals().is_empty(), "{name} arrived");
        assert!(stage.dropped_at_all() > before, "{name}");
    }
}

/// Another segmentation than the content's, and headers of other lengths: the kernel refuses it, or what comes out is the guest's own.
#[test]
fn lies_about_how_to_cut_make_nobody_else_of_the_sender() {
    let Some(mut stage) = stage() else { return };
    let sender = sender(&stage);
    let (mut believed, mut refused, mut arrived) = (0, 0, 0);
    for (name, frame, honest) in large(ME4, 1) {
        for segmentation in
            [0, Offload::TCP4, Offload::UDP_FRAGMENTS, Offload::TCP6, Offload::UDP, 0x80, 0xff]
        {
            for header_length in (0..=70).chain([ETHERNET + 1, 2000, u16::MAX]) {
                for segment_length in [0, 300, SEGMENT, u16::MAX] {
                    for flags in [0, Offload::CHECKSUM, 0xff] {
                        let lie = Offload { flags, segmentation, header_length, segment_length, ..honest };
                        match sender.send(lie, &frame) {
                            Ok(()) => believed += 1,
                            Err(_) => refused += 1,
                        }
                    }
                }
                // By turns, so that what comes does not pile up.
                for packet in stage.arrivals() {
                    arrived += 1;
                    assert!(is_own(&packet), "{name} as {segmentation}: {:?}", Frame::new(packet));
                }
            }
        }
    }
    // Were none believed, or none refused, this would show nothing.
    assert!(believed > 500 && refused > 500 && arrived > 500, "{believed} {refused} {arrived}");
}

/// The host writes two bytes where a virtual card tells it to, behind the guard: `docs/security.md` says who can tell it so, and what
/// follows. The link's header is out of its reach: bridges and switches are not deceived.
#[test]
fn checksums_from_anywhere_to_anywhere_leave_the_link_header_alone() {
    let Some(mut stage) = stage() else { return };
    let sender = sender(&stage);
    let frames = [
        to_victim(&Packet::v4(ME4, YOU4).udp(5000, 5001, b"small")),
        to_victim(&Packet::v6(six(1), six(2)).udp(5000, 5001, b"small")),
        Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, ME4)),
    ];
    let mut changed = 0;
    for frame in &frames {
        for checksum_start in (0..=60).chain([u16::MAX - 9]) {
            for checksum_offset in (0..=30).chain([u16::MAX - 29, u16::MAX - 7]) {
                let lie = Offload {
                    flags: Offload::CHECKSUM,
                    checksum_start,
                    checksum_offset,
                    ..Offload::default()
                };
                // What makes no sense is refused.
                let _ = sender.send(lie, frame);
            }
            for packet in stage.arrivals() {
                assert_eq!(packet[..14], frame[..14], "{frame} from {checksum_start}: {packet:x?}");
                changed += usize::from(packet != frame[..]);
            }
        }
    }
    assert!(changed > 500, "{changed}");
}
