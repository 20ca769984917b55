//! What holds for all guests that are routed to: what they reach on the host, whether they reach each other, and whether the
//! host tracks what only passes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use lab::frame::{Ethernet, Frame, Packet};
use lab::{Guest, Lookout, Ping, Station};

use crate::stage::{Stage, reaches, reaches_not};

const WEB: &str = "mac=00:16:3e:00:00:02,script=vif-route,ip=10.0.0.2 2001:db8::2";
const DB: &str = "mac=00:16:3e:00:00:03,script=vif-route,ip=10.0.0.3 2001:db8::3";
const BY_THE_HOST: [&str; 2] = ["10.0.0.250", "fe80::1"];
/// On the host: its card's, another of its own, and what it lends to each vif.
const HOST: [&str; 4] = ["10.0.0.250", "2001:db8::250", "203.0.113.1", "2001:db8:5::1"];
const OUTSIDE: [&str; 3] = ["10.0.0.254", "2001:db8::fe", "192.0.2.1"];

/// A host with two guests that are routed to, and this configuration of the guard.
struct Scene {
    stage: Stage,
    web: Arc<Guest>,
    db: Arc<Guest>,
}

impl Scene {
    fn new(config: &str) -> Option<Self> {
        let stage = Stage::new()?;
        std::fs::write(stage.script("guard.conf"), config).unwrap();
        for address in ["203.0.113.1/32", "2001:db8:5::1/128"] {
            stage.host().add_address("lo", address.parse().unwrap()).unwrap();
        }
        stage.succeeds("network-route start");
        let web = stage.guest("web", WEB, &["10.0.0.2/32", "2001:db8::2/128"], &BY_THE_HOST);
        let db = stage.guest("db", DB, &["10.0.0.3/32", "2001:db8::3/128"], &BY_THE_HOST);
        Some(Self { stage, web, db })
    }

    fn tables(&self) -> String {
        self.stage.says("nft", "list tables")
    }
}

fn address(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Whether a connection is made.
fn connects(from: &Station, to: &Station, at: &str, port: u16) -> bool {
    let listener = to.run(|| TcpListener::bind(("::", port)).unwrap()).unwrap();
    let result =
        from.run(|| TcpStream::connect_timeout(&address(at, port), Duration::from_millis(500))).unwrap();
    drop(listener);
    result.is_ok()
}

/// Whether the host takes in a datagram that a guest sends in this frame.
fn takes_in(scene: &Scene, frame: &Frame, port: u16) -> bool {
    let any = if frame.get(12..14) == Some(&[8, 0]) { "0.0.0.0" } else { "::" };
    let receiver = scene.stage.host().run(|| UdpSocket::bind((any, port)).unwrap()).unwrap();
    receiver.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    scene.web.station().socket("eth0").unwrap().send(frame).unwrap();
    receiver.recv(&mut [0; 64]).is_ok()
}

/// A datagram from the guest web to anywhere, for the port of the host.
fn datagram(scene: &Scene, to: &str, port: u16) -> Frame {
    let own = scene.web.station().mac("eth0").unwrap();
    let to: IpAddr = to.parse().unwrap();
    let from = if to.is_ipv4() { "10.0.0.2" } else { "2001:db8::2" };
    let packet = Packet::between(from.parse().unwrap(), to).unwrap().udp(40_000, port, b"hello");
    let is_group = match to {
        IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
        IpAddr::V6(to) => to.is_multicast(),
    };
    let destination = if is_group { packet.group_mac() } else { "fe:ff:ff:ff:ff:ff".parse().unwrap() };
    Ethernet::new(own, destination).ip(&packet)
}

#[test]
fn routed_guests_reach_what_is_allowed_on_the_host_and_nothing_else() {
    let Some(scene) = Scene::new("script:vif-route host=dns,tcp/2222\n") else { return };
    let (web, host) = (scene.web.station(), scene.stage.host());
    reaches_not(web, &HOST);
    for at in HOST {
        assert!(connects(web, host, at, 2222) && connects(web, host, at, 53), "{at}");
        assert!(!connects(web, host, at, 2223), "{at}");
        assert!(takes_in(&scene, &datagram(&scene, at, 53), 53), "{at}");
    }
    // Neither another of the host's addresses, nor that of the link, nor a group's is a way round.
    let ways = ["255.255.255.255", "224.0.0.1", "fe80::1", "ff02::1", "ff02::2"];
    for to in HOST.into_iter().chain(ways) {
        assert!(!takes_in(&scene, &datagram(&scene, to, 5353), 5353), "{to}");
    }
    let link_local = Ping::to("fe80::1".parse::<Ipv6Addr>().unwrap()).through("eth0");
    assert!(!web.ping(&link_local.attempts(2, Duration::from_millis(150))).unwrap().is_here());
    // What passes the host passes, and what the host begins is answered.
    reaches(web, &OUTSIDE);
    reaches(web, &["10.0.0.3", "2001:db8::3"]);
    reaches(scene.stage.gateway(), &["10.0.0.2", "2001:db8::2"]);
    reaches(scene.stage.gateway(), &["10.0.0.250", "2001:db8::250"]);
    reaches(host, &["10.0.0.2", "2001:db8::2"]);
    for at in ["10.0.0.2", "2001:db8::2"] {
        assert!(connects(host, web, at, 80), "{at}");
    }
}

/// The counterpart: each of these ways leads to the host where nothing is said.
#[test]
fn without_a_word_routed_guests_reach_the_host_in_all_ways() {
    let Some(scene) = Scene::new("") else { return };
    reaches(scene.web.station(), &HOST);
    for to in HOST.into_iter().chain(["255.255.255.255", "224.0.0.1", "fe80::1", "ff02::1"]) {
        assert!(takes_in(&scene, &datagram(&scene, to, 5353), 5353), "{to}");
    }
    assert!(!scene.tables().contains("routed-by"), "{}", scene.tables());
}

/// A segment of a connection that never was gets no answer, where an unshielded host resets it.
#[test]
fn what_looks_like_an_answer_is_none() {
    for (config, is_answered) in [("script:vif-route host=tcp/2222\n", false), ("", true)] {
        let Some(scene) = Scene::new(config) else { return };
        let own = scene.web.station().mac("eth0").unwrap();
        let mut lookout = Lookout::new();
        lookout.add(scene.web.station(), "eth0").unwrap();
        // Flags: ACK; SYN and ACK; RST would be answered by nobody.
        for flags in [0x10, 0x12] {
            let segment = segment([10, 0, 0, 2], [10, 0, 0, 250], 2222, 22, flags);
            let packet = Packet::v4([10, 0, 0, 2], [10, 0, 0, 250]).raw(6, &segment);
            let frame = Ethernet::new(own, "fe:ff:ff:ff:ff:ff".parse().unwrap()).ip(&packet);
            let is_reset = |seen: &[u8]| seen.get(34..36) == Some(&[0, 22]) && seen[47] & 4 != 0;
            let arrivals = lookout.send_matching(scene.web.station(), "eth0", &frame, is_reset).unwrap();
            assert_eq!(!arrivals.is_nowhere(), is_answered, "{flags:x}");
        }
    }
}

/// A TCP header without options, with its checksum.
fn segment(from: [u8; 4], to: [u8; 4], source: u16, destination: u16, flags: u8) -> Vec<u8> {
    let mut bytes =
        [&source.to_be_bytes()[..], &destination.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
    bytes.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
    let pseudo = [&from[..], &to, &[0, 6, 0, 20], &bytes].concat();
    let mut sum: u32 = pseudo.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !u16::try_from(sum).unwrap();
    bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn routed_guests_that_are_isolated_reach_everybody_but_each_other() {
    let Some(scene) = Scene::new("script:vif-route isolated=yes\n") else { return };
    reaches_not(scene.web.station(), &["10.0.0.3", "2001:db8::3"]);
    reaches_not(scene.db.station(), &["10.0.0.2", "2001:db8::2"]);
    for guest in [&scene.web, &scene.db] {
        reaches(guest.station(), &OUTSIDE);
        reaches(guest.station(), &HOST);
    }
    // One that is not isolated is reached, as on a bridge.
    let said = scene.stage.succeeds("dom0net guard set db isolated=no");
    reaches(scene.web.station(), &["10.0.0.3", "2001:db8::3"]);
    scene.stage.succeeds("dom0net guard set db isolated=yes");
    reaches_not(scene.web.station(), &["10.0.0.3"]);
    let check = scene.stage.succeeds("dom0net guard check");
    assert!(check.contains("vif-route is guarded") && check.contains("isolated guests"), "{said}{check}");
}

#[test]
fn guests_of_both_scripts_are_isolated_from_each_other() {
    let Some(stage) = Stage::new() else { return };
    let config = "script:vif-route isolated=yes\nscript:vif-nat isolated=yes host=ping\n";
    std::fs::write(stage.script("guard.conf"), config).unwrap();
    stage.succeeds("network-route start");
    let web = stage.guest("web", WEB, &["10.0.0.2/32", "2001:db8::2/128"], &BY_THE_HOST);
    let vif = "mac=00:16:3e:00:00:03,script=vif-nat,ip=10.7.0.3";
    let db = stage.guest("db", vif, &["10.7.0.3/16"], &["10.7.0.130"]);
    reaches_not(web.station(), &["10.7.0.3"]);
    reaches_not(db.station(), &["10.0.0.2"]);
    reaches(db.station(), &["10.7.0.130", "10.0.0.250"]);
    assert!(!connects(db.station(), stage.host(), "10.7.0.130", 2222));
    assert!(connects(web.station(), stage.host(), "10.0.0.250", 2222));
}

#[test]
fn what_passes_between_routed_guests_and_the_card_is_not_tracked() {
    let Some(scene) = Scene::new("script:vif-route track=no host=ping\n") else { return };
    let web = scene.web.station();
    reaches(web, &["10.0.0.254", "2001:db8::fe", "10.0.0.3", "2001:db8::3"]);
    reaches(scene.stage.gateway(), &["10.0.0.2", "2001:db8::2"]);
    let passing = [("10.0.0.2", "10.0.0.254"), ("10.0.0.254", "10.0.0.2"), ("10.0.0.2", "10.0.0.3")];
    let is_tracked = |from: &str, to: &str| {
        let read = || std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap();
        let (from, to) = (format!("src={from} "), format!("dst={to} "));
        let table = scene.stage.host().run(read).unwrap();
        table.lines().any(|line| line.contains(&from) && line.contains(&to))
    };
    let passing_ipv6 = [
        ("2001:0db8:0000:0000:0000:0000:0000:0002", "2001:0db8:0000:0000:0000:0000:0000:00fe"),
        ("2001:0db8:0000:0000:0000:0000:0000:00fe", "2001:0db8:0000:0000:0000:0000:0000:0002"),
    ];
    for (from, to) in passing.into_iter().chain(passing_ipv6) {
        assert!(!is_tracked(from, to), "{from} > {to}");
    }
    // The host's own is tracked as ever, in both directions.
    reaches(web, &["10.0.0.250"]);
    reaches(scene.stage.host(), &["10.0.0.2"]);
    reaches(scene.stage.gateway(), &["10.0.0.250"]);
    for (from, to) in [("10.0.0.2", "10.0.0.250"), ("10.0.0.250", "10.0.0.2"), ("10.0.0.254", "10.0.0.250")] {
        assert!(is_tracked(from, to), "{from} > {to}");
    }
    // After a flush it knows those again who are there.
    scene.stage.says("nft", "delete table inet dom0net-routed-by-vif-route");
    assert_eq!(scene.stage.run("dom0net guard check").status, 1);
    scene.stage.succeeds("dom0net guard restore");
    let set = scene.stage.says("nft", "list set inet dom0net-routed-by-vif-route guests");
    assert!(set.contains("vif1.0") && set.contains("vif2.0"), "{set}");
    let set = scene.stage.says("nft", "list set inet dom0net-routed-by-vif-route cards");
    assert!(set.contains("eth0"), "{set}");
    // Who goes is taken out.
    scene.stage.lab.toolstack().destroy(scene.db.domid()).unwrap();
    let set = scene.stage.says("nft", "list set inet dom0net-routed-by-vif-route guests");
    assert!(set.contains("vif1.0") && !set.contains("vif2.0"), "{set}");
}

/// The counterpart: it shows that passing traffic would be tracked.
#[test]
fn without_a_word_what_passes_the_host_is_tracked_where_it_tracks() {
    let Some(scene) = Scene::new("script:vif-route host=ping\n") else { return };
    reaches(scene.web.station(), &["10.0.0.254"]);
    let read = || std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap();
    let table = scene.stage.host().run(read).unwrap();
    assert!(table.lines().any(|line| line.contains("src=10.0.0.2 dst=10.0.0.254 ")), "{table}");
}

#[test]
fn what_is_translated_must_be_tracked() {
    let Some(stage) = Stage::new() else { return };
    let configure = |text: &str| std::fs::write(stage.script("guard.conf"), text).unwrap();
    configure("script:vif-nat track=no\n");
    stage.succeeds("network-nat start");
    let error = stage.refusal("mac=00:16:3e:00:00:09,script=vif-nat,ip=10.7.0.3");
    assert!(error.contains("guard.conf:1: track=no cannot be"), "{error}");
    // All that leaves by the card is translated, that of guests with vif-route too.
    configure("script:vif-route track=no\n");
    let error = stage.refusal(WEB);
    assert!(error.contains("network-nat translates all that leaves by eth0"), "{error}");
    stage.succeeds("network-nat stop");
    let _web = stage.guest("web", WEB, &["10.0.0.2/32"], &["10.0.0.250"]);
    let outcome = stage.run("network-nat start");
    assert!(outcome.status == 1 && outcome.stderr.contains("needs tracking"), "{outcome:?}");
    // A bridge's network is translated by its own subnets.
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24");
}

/// On a bridge, only what does not reach the host is untracked; what the host translates is tracked.
#[test]
fn guests_behind_a_bridge_that_tracks_nothing_else_still_go_out() {
    let Some(stage) = Stage::new() else { return };
    std::fs::write(stage.script("guard.conf"), "bridge:nat0 track=no host=ping isolated=yes\n").unwrap();
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24");
    let vif = "mac=00:16:3e:00:00:02,bridge=nat0,ip=10.1.0.2";
    let web = stage.guest("web", vif, &["10.1.0.2/24"], &["10.1.0.1"]);
    // The gateway knows no way back to 10.1.0.2.
    reaches(web.station(), &["10.0.0.254", "192.0.2.1", "10.1.0.1"]);
    // Nor does it get out untranslated by the address that the host's end of each vif has.
    let mut lookout = Lookout::around(&stage.lab, &web).unwrap();
    let own = web.station().mac("eth0").unwrap();
    let packet = Packet::v4([10, 1, 0, 2], [10, 0, 0, 254]).udp(40_000, 9, b"hello");
    for to in [stage.host().mac("nat0").unwrap(), "fe:ff:ff:ff:ff:ff".parse().unwrap()] {
        let frame = Ethernet::new(own, to).ip(&packet);
        let is_it = |seen: &[u8]| seen.ends_with(b"hello");
        let arrivals = lookout.send_matching(web.station(), "eth0", &frame, is_it).unwrap();
        let on_wire = arrivals.0.iter().find(|arrival| arrival.place.station == "wire");
        let on_wire = on_wire.expect("it leaves the host");
        assert_eq!(on_wire.frame[26..30], [10, 0, 0, 250], "{to}: {}", on_wire.frame);
    }
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    stage.succeeds("network-nat stop bridge=nat0");
    assert_eq!(stage.says("nft", "list tables"), "");
}

#[test]
fn nothing_is_left_of_what_held_for_routed_guests() {
    let Some(scene) = Scene::new("script:vif-route host=nothing isolated=yes track=no\n") else { return };
    assert!(scene.tables().contains("dom0net-routed-by-vif-route"), "{}", scene.tables());
    // With guests there, the shield outlives the network.
    scene.stage.succeeds("network-route stop");
    reaches_not(scene.web.station(), &["10.0.0.250"]);
    for guest in [&scene.web, &scene.db] {
        scene.stage.lab.toolstack().destroy(guest.domid()).unwrap();
    }
    scene.stage.succeeds("network-route start");
    scene.stage.succeeds("network-route stop");
    assert_eq!(scene.tables(), "");
}
