//! Who reaches whom, and who is fooled, on a bridge without any guard.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ethernet::MacAddress;
use lab::frame::{Arp, Description, Ethernet, Packet};
use lab::{DomainConfig, Guest, Lab, Lookout, Ping};

const LIMIT: Duration = Duration::from_millis(200);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn two_guests() -> Option<(Lab, Arc<Guest>, Arc<Guest>)> {
    let lab = common::lab()?;
    let guest = |name, last| {
        let vif = format!("mac=00:16:3e:00:00:0{last},ip=10.0.0.{last} 2001:db8::{last}");
        lab.create(&DomainConfig::xl(name, &[&vif]).unwrap()).unwrap()
    };
    let (mallory, victim) = (guest("mallory", 2), guest("victim", 3));
    Some((lab, mallory, victim))
}

fn mac(guest: &Guest) -> MacAddress {
    guest.station().mac("eth0").unwrap()
}

#[test]
fn a_broadcast_is_seen_by_the_other_guests_the_host_and_the_wire() {
    let Some((lab, mallory, _victim)) = two_guests() else { return };
    let mut lookout = Lookout::around(&lab, &mallory).unwrap();
    let frame = Ethernet::broadcast(mac(&mallory)).payload(0x88b5, b"hello, all");
    let arrivals = lookout.send(mallory.station(), "eth0", &frame).unwrap();
    assert_eq!(arrivals.stations(), ["host", "victim", "wire"], "{arrivals}");
    assert_eq!(arrivals.0[0].frame, frame);
}

#[test]
fn a_frame_for_one_is_seen_by_that_one_alone() {
    let Some((lab, mallory, victim)) = two_guests() else { return };
    assert!(victim.station().ping(&Ping::to([10, 0, 0, 2])).unwrap().is_here());
    let mut lookout = Lookout::around(&lab, &mallory).unwrap();
    for frame in [
        Ethernet::new(mac(&mallory), mac(&victim)).payload(0x88b5, b"hello, you"),
        Ethernet::new(mac(&mallory), mac(&victim)).vlan(7).payload(0x88b5, b"tagged"),
        Ethernet::new(mac(&mallory), mac(&victim)).vlan(0).service_vlan(9).payload(0x88b5, b"stacked"),
    ] {
        let begin = Instant::now();
        let arrivals = lookout.send(mallory.station(), "eth0", &frame).unwrap();
        assert_eq!(arrivals.stations(), ["victim"], "{frame}: {arrivals}");
        // The others have seen the marker.
        assert!(begin.elapsed() < Duration::from_millis(200), "{:?}", begin.elapsed());
    }
}

#[test]
fn a_frame_that_nobody_gets_arrives_nowhere() {
    let Some((lab, mallory, _victim)) = two_guests() else { return };
    let mut lookout = Lookout::around(&lab, &mallory).unwrap();
    // A bridge keeps these to itself.
    let pause = MacAddress::new([0x01, 0x80, 0xc2, 0, 0, 0x01]);
    let frame = Ethernet::new(mac(&mallory), pause).payload(0x8808, &[0, 1, 0xff, 0xff]);
    let arrivals = lookout.send(mallory.station(), "eth0", &frame).unwrap();
    assert!(arrivals.is_nowhere(), "{arrivals}");
    assert_eq!(arrivals.to_string(), "nowhere");
}

#[test]
fn a_packet_that_is_routed_is_known_by_what_it_carries() {
    let Some((lab, mallory, _victim)) = two_guests() else { return };
    let gateway = lab.wire().gateway().mac("eth0").unwrap();
    let mut lookout = Lookout::new();
    lookout.add(lab.wire().gateway(), "eth0").unwrap();
    let packet = Packet::v4([10, 0, 0, 2], [192, 0, 2, 1]).udp(9, 9, b"the token");
    let frame = Ethernet::new(mac(&mallory), gateway).ip(&packet);
    let arrivals = lookout
        .send_matching(mallory.station(), "eth0", &frame, |seen| seen.ends_with(b"the token"))
        .unwrap();
    assert!(arrivals.is_at("gateway"), "{arrivals}");
}

#[test]
fn what_somebody_sends_meanwhile_is_seen() {
    let Some((lab, mallory, victim)) = two_guests() else { return };
    let mut lookout = Lookout::around(&lab, &mallory).unwrap();
    let own = mac(&mallory);
    let (answer, arrivals) = lookout
        .during(
            || mallory.station().ping(&Ping::to([10, 0, 0, 3])).unwrap(),
            |seen| {
                Description::read(seen).source == own && Description::read(seen).destination == mac(&victim)
            },
        )
        .unwrap();
    assert!(answer.is_here());
    assert_eq!(arrivals.stations(), ["victim"], "{arrivals}");
}

#[test]
fn who_has_an_address_answers_for_it() {
    let Some((lab, mallory, victim)) = two_guests() else { return };
    for target in ["10.0.0.3", "2001:db8::3"] {
        let found = mallory.station().who_has("eth0", address(target), LIMIT).unwrap();
        assert_eq!(found, [mac(&victim)], "{target}");
        let found = lab.wire().gateway().who_has("eth0", address(target), LIMIT).unwrap();
        assert_eq!(found, [mac(&victim)], "{target}");
    }
    let link_local = mac(&victim).link_local().into();
    assert_eq!(mallory.station().who_has("eth0", link_local, LIMIT).unwrap(), [mac(&victim)]);
    assert_eq!(mallory.station().who_has("eth0", address("10.0.0.77"), LIMIT).unwrap(), []);
}

#[test]
fn two_who_answer_are_both_found() {
    let Some((lab, mallory, victim)) = two_guests() else { return };
    mallory.station().add_address("eth0", "10.0.0.3/24".parse().unwrap()).unwrap();
    let mut found = lab.wire().gateway().who_has("eth0", address("10.0.0.3"), LIMIT).unwrap();
    found.sort_unstable();
    assert_eq!(found, [mac(&mallory), mac(&victim)]);
}

#[test]
fn a_forged_arp_reply_changes_what_the_victim_believes() {
    let Some((lab, mallory, victim)) = two_guests() else { return };
    assert!(victim.station().ping(&Ping::to([10, 0, 0, 254])).unwrap().is_here());
    let before = victim.station().beliefs().unwrap();
    assert_eq!(victim.station().beliefs().unwrap().changes_since(&before), []);
    let forged = Arp::reply(mac(&mallory), [10, 0, 0, 254], mac(&victim), [10, 0, 0, 3]);
    let frame = Ethernet::new(mac(&mallory), mac(&victim)).arp(&forged);
    // The kernel takes a new answer only when the last one is a second old (arp_filter's locktime).
    std::thread::sleep(Duration::from_millis(1100));
    let mut lookout = Lookout::around(&lab, &mallory).unwrap();
    assert!(lookout.send(mallory.station(), "eth0", &frame).unwrap().is_at("victim"));
    let stolen = victim.station().beliefs().unwrap().stolen_since(&before);
    assert_eq!(stolen.len(), 1, "{stolen:?}");
    assert_eq!(
        stolen[0].to_string(),
        "victim: 10.0.0.254 on eth0 was 52:54:00:00:00:fe, is 00:16:3e:00:00:02"
    );
}

#[test]
fn a_frame_with_the_victims_mac_moves_it_in_the_bridges_table() {
    let Some((lab, mallory, victim)) = two_guests() else { return };
    assert!(victim.station().ping(&Ping::to([10, 0, 0, 250])).unwrap().is_here());
    let before = lab.host().station().beliefs().unwrap();
    let frame = Ethernet::broadcast(mac(&victim)).payload(0x88b5, b"it is me");
    let mut lookout = Lookout::around(&lab, &mallory).unwrap();
    // The victim's own kernel sends something now and then, which moves it back.
    let mut tries = (0..10).map(|_| {
        lookout.send(mallory.station(), "eth0", &frame).unwrap();
        lab.host().station().beliefs().unwrap().stolen_since(&before)
    });
    let stolen = tries.find(|stolen| !stolen.is_empty()).unwrap();
    assert_eq!(stolen[0].to_string(), "host: 00:16:3e:00:00:03 behind xenbr0 was vif2.0, is vif1.0");
}
