//! VLAN tags that are not in the frame but beside it, as cards with VLAN offload hand them over: a VLAN device on top of the guest's
//! end leaves them there, and the veth between guest and host passes them on so.

use std::process::Command;

use dom0net::guard::{Policy, Vlans};
use lab::frame::{Arp, Ethernet, Frame, Packet};

use super::locked;
use super::stage::{OWN, Stage, VICTIM};

/// The ethertypes of both tags, in the words of `ip`.
const TAGS: [&str; 2] = ["802.1Q", "802.1ad"];

/// A VLAN device on another of the guest's. False, after saying so, where the kernel has none.
fn add_vlan(stage: &Stage, below: &str, name: &str, protocol: &str, id: &str) -> bool {
    let run = |words: &[&str]| stage.in_guest(|| Command::new("ip").args(words).output());
    if testkit::program("ip").is_none() {
        return false;
    }
    let output =
        run(&["link", "add", "link", below, "name", name, "up", "type", "vlan", "proto", protocol, "id", id])
            .unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        testkit::skip!("the kernel makes no VLAN device of {protocol}: {}", said.trim());
        return false;
    }
    true
}

/// What claims another sender, whatever is in front of it.
fn forged() -> Vec<Frame> {
    let (six, front) = (|text: &str| text.parse().unwrap(), Ethernet::new(OWN, VICTIM));
    vec![
        Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, [10, 0, 0, 254])),
        front.arp(&Arp::reply(OWN, [10, 0, 0, 254], VICTIM, [10, 0, 0, 2])),
        front.ip(&Packet::v4([10, 0, 0, 254], [10, 0, 0, 2]).udp(1, 2, b"x")),
        front.ip(&Packet::v6(six("2001:db8::fe"), six("2001:db8::2")).udp(1, 2, b"x")),
        front.ip(&Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(67, 68, b"x")),
        Ethernet::new(VICTIM, OWN).ip(&Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2, b"x")),
    ]
}

/// What is the guest's own.
fn own() -> Vec<Frame> {
    let (six, front) = (|text: &str| text.parse().unwrap(), Ethernet::new(OWN, VICTIM));
    vec![
        Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, [10, 0, 0, 1])),
        front.ip(&Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2, b"x")),
        front.ip(&Packet::v6(six("2001:db8::1"), six("2001:db8::2")).udp(1, 2, b"x")),
    ]
}

/// Each frame is dropped, and counted.
fn all_drop_through(stage: &mut Stage, link: &str, frames: &[Frame]) {
    for frame in frames {
        let before = stage.dropped_at_all();
        assert!(!stage.passes_through(link, frame), "passed through {link}: {frame}");
        assert_eq!(stage.dropped_at_all(), before + 1, "{link}: {frame}");
    }
}

#[test]
fn a_tag_beside_the_frame_hides_nothing() {
    for protocol in TAGS {
        let Some(mut stage) = Stage::new(&locked()) else { return };
        if !add_vlan(&stage, "eth0", "eth0.5", protocol, "5") {
            return;
        }
        all_drop_through(&mut stage, "eth0.5", &[forged(), own()].concat());
        // A second tag, in the frame and beneath the first.
        for inner in [0x8100, 0x88a8] {
            let tagged = Ethernet::new(OWN, VICTIM).tag(inner, 7);
            let packet = Packet::v4([10, 0, 0, 254], [10, 0, 0, 2]).udp(1, 2, b"x");
            all_drop_through(&mut stage, "eth0.5", &[tagged.ip(&packet)]);
        }
        if add_vlan(&stage, "eth0.5", "eth0.5.7", "802.1Q", "7") {
            all_drop_through(&mut stage, "eth0.5.7", &[forged(), own()].concat());
        }
    }
}

#[test]
fn a_trunk_is_held_behind_a_tag_beside_the_frame() {
    let policy = Policy { vlans: Vlans::Only(vec![5..=5]), ..locked() };
    let Some(mut stage) = Stage::new(&policy) else { return };
    if !add_vlan(&stage, "eth0", "eth0.5", "802.1Q", "5")
        || !add_vlan(&stage, "eth0", "eth0.6", "802.1Q", "6")
    {
        return;
    }
    for frame in own() {
        assert!(stage.passes_through("eth0.5", &frame), "{frame}");
    }
    all_drop_through(&mut stage, "eth0.5", &forged());
    all_drop_through(&mut stage, "eth0.6", &[forged(), own()].concat());
    // Nobody sees what is behind a second tag.
    let tagged = Ethernet::new(OWN, VICTIM).tag(0x8100, 5);
    let packet = Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2, b"x");
    all_drop_through(&mut stage, "eth0.5", &[tagged.ip(&packet)]);
    if add_vlan(&stage, "eth0", "eth0.p5", "802.1ad", "5") {
        all_drop_through(&mut stage, "eth0.p5", &[forged(), own()].concat());
    }
}

#[test]
fn a_guest_whose_addresses_are_not_held_may_tag_and_is_no_dhcp_server_so() {
    for protocol in TAGS {
        let Some(mut stage) = Stage::new(&Policy::mac_only(OWN)) else { return };
        if !add_vlan(&stage, "eth0", "eth0.5", protocol, "5") {
            return;
        }
        for frame in own() {
            assert!(stage.passes_through("eth0.5", &frame), "{protocol}: {frame}");
        }
        let server = Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(67, 68, b"x");
        let own_packet = Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2, b"x");
        let held = [Ethernet::new(OWN, VICTIM).ip(&server), Ethernet::new(VICTIM, OWN).ip(&own_packet)];
        all_drop_through(&mut stage, "eth0.5", &held);
    }
}
