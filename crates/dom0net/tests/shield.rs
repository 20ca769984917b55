//! What holds for all guests of a bridge: what they reach on the host, whether they reach each other, and whether the host
//! tracks what only passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

#[path = "support/mod.rs"]
mod support;

use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use dom0net::guard::{Condition, Network, NetworkGuard, NetworkPolicy, Reach, Service};
use lab::frame::{Ethernet, Packet};
use lab::{Lookout, Station};
use netkernel::link::LinkName;
use netkernel::nftables::NfTables;

use support::guests::{Scene, reaches};

const HOST: &str = "10.0.0.250";
const HOST6: &str = "2001:db8::250";
const GATEWAY: &str = "10.0.0.254";

/// Whether a connection is made, or at least refused by somebody who is there.
fn connects(station: &Station, host: &Station, port: u16) -> bool {
    let listener = host.run(|| TcpListener::bind(("0.0.0.0", port)).unwrap()).unwrap();
    let address: SocketAddr = format!("{HOST}:{port}").parse().unwrap();
    let result = station.run(|| TcpStream::connect_timeout(&address, Duration::from_millis(300))).unwrap();
    drop(listener);
    match result {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::TimedOut => false,
        Err(error) => panic!("{error}"),
    }
}

/// Whether a datagram arrives.
fn arrives(station: &Station, host: &Station, port: u16) -> bool {
    let receiver = host.run(|| UdpSocket::bind(("0.0.0.0", port)).unwrap()).unwrap();
    receiver.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    station.run(|| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", (HOST, port)).unwrap()).unwrap();
    receiver.recv(&mut [0; 8]).is_ok()
}

#[test]
fn guests_reach_what_is_allowed_on_the_host_and_nothing_else() {
    let Some(scene) = Scene::new("bridge:xenbr0 host=dns,tcp/2222\n") else { return };
    let (web, host) = (scene.web.station(), scene.host());
    for address in [HOST, HOST6] {
        assert!(!reaches(web, address), "{address}");
        // Who is on the wire is no guest.
        assert!(reaches(scene.lab.wire().gateway(), address), "{address}");
    }
    assert!(connects(web, host, 2222) && connects(web, host, 53) && !connects(web, host, 2223));
    assert!(arrives(web, host, 53) && !arrives(web, host, 5353));
    // Their traffic passes, and the host gets answers.
    for address in [GATEWAY, "2001:db8::fe", "10.0.0.3", "2001:db8::3", "192.0.2.1"] {
        assert!(reaches(web, address), "{address}");
    }
    assert!(reaches(host, "10.0.0.2") && reaches(host, "2001:db8::2"));
}

#[test]
fn a_host_may_be_out_of_reach_altogether_or_answer_pings() {
    let Some(scene) = Scene::new("bridge:xenbr0 host=nothing\n") else { return };
    assert!(!reaches(scene.web.station(), HOST) && !connects(scene.web.station(), scene.host(), 53));
    drop(scene);
    let scene = Scene::new("bridge:xenbr0 host=ping\n").unwrap();
    assert!(reaches(scene.web.station(), HOST) && reaches(scene.web.station(), HOST6));
    assert!(!connects(scene.web.station(), scene.host(), 53));
}

#[test]
fn without_a_word_guests_reach_the_host() {
    let Some(scene) = Scene::new("") else { return };
    assert!(reaches(scene.web.station(), HOST) && connects(scene.web.station(), scene.host(), 2222));
}

#[test]
fn isolated_guests_reach_everybody_but_each_other() {
    let Some(scene) = Scene::new("bridge:xenbr0 isolated=yes\n") else { return };
    for address in ["10.0.0.3", "2001:db8::3"] {
        assert!(!reaches(scene.web.station(), address), "{address}");
    }
    for guest in [&scene.web, &scene.db] {
        for address in [HOST, HOST6, GATEWAY, "2001:db8::fe", "192.0.2.1"] {
            assert!(reaches(guest.station(), address), "{} {address}", guest.name());
        }
    }
}

/// The ports of the bridge keep isolated guests apart; a host that forwards could be the way round.
#[test]
fn isolated_guests_do_not_reach_each_other_by_way_of_the_host() {
    for config in ["bridge:xenbr0 isolated=yes\n", ""] {
        let Some(scene) = Scene::new(config) else { return };
        let is_isolated = !config.is_empty();
        let set = |setting: &str, value: &str| {
            let path = format!("/proc/sys/net/{setting}");
            scene.host().run(|| std::fs::write(path, value).unwrap()).unwrap();
        };
        for (setting, value) in [
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            // So that the guest goes on asking the host, whatever it is told.
            ("ipv4/conf/all/send_redirects", "0"),
            ("ipv4/conf/xenbr0/send_redirects", "0"),
        ] {
            set(setting, value);
        }
        let own = scene.web.station().mac("eth0").unwrap();
        let bridge = scene.host().mac("xenbr0").unwrap();
        let backend = "fe:ff:ff:ff:ff:ff".parse().unwrap();
        let six = |text: &str| text.parse::<Ipv6Addr>().unwrap();
        let packets = [
            Packet::v4([10, 0, 0, 2], [10, 0, 0, 3]).udp(40_000, 9, b"round"),
            Packet::v6(six("2001:db8::2"), six("2001:db8::3")).udp(40_000, 9, b"round"),
        ];
        let mut lookout = Lookout::new();
        lookout.add(scene.db.station(), "eth0").unwrap();
        for (packet, to) in packets.iter().flat_map(|packet| [(packet, bridge), (packet, backend)]) {
            let frame = Ethernet::new(own, to).ip(packet);
            // The host has to find out where the other guest is.
            let arrives = (0..4).any(|_| {
                let is_it = |seen: &[u8]| seen.ends_with(b"round");
                !lookout.send_matching(scene.web.station(), "eth0", &frame, is_it).unwrap().is_nowhere()
            });
            assert_eq!(arrives, !is_isolated, "{frame}, isolated: {is_isolated}");
        }
        // The host itself reaches its guests as ever.
        assert!(reaches(scene.host(), "10.0.0.3") && reaches(scene.host(), "2001:db8::3"));
        assert!(reaches(scene.web.station(), HOST) && reaches(scene.web.station(), GATEWAY));
    }
}

#[test]
fn isolation_comes_and_goes_while_guests_run() {
    let Some(scene) = Scene::new("") else { return };
    let set = |words: &str| {
        for guest in ["web", "db"] {
            let (is_right, text) = scene.guard(&["set", guest, words]);
            assert!(is_right, "{text}");
        }
    };
    assert!(reaches(scene.web.station(), "10.0.0.3"));
    set("isolated=yes");
    assert!(!reaches(scene.web.station(), "10.0.0.3") && reaches(scene.web.station(), GATEWAY));
    let (is_right, text) = scene.guard(&["check"]);
    assert!(is_right && text.contains("isolated guests do not reach each other"), "{text}");
    set("isolated=no");
    assert!(reaches(scene.web.station(), "10.0.0.3"));
}

#[test]
fn what_only_passes_is_not_tracked_and_the_hosts_own_is() {
    // The shield asks connection tracking, which is on by that.
    let Some(scene) = Scene::new("bridge:xenbr0 track=no host=ping\n") else { return };
    let is_called = || std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").ok();
    if scene.host().run(is_called).unwrap().is_none_or(|text| text.trim() != "1") {
        return testkit::skip!("br_netfilter is not there: bridged traffic is not tracked anyway");
    }
    let tracked = || {
        scene.host().run(|| std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap()).unwrap()
    };
    assert!(reaches(scene.web.station(), GATEWAY) && reaches(scene.web.station(), "10.0.0.3"));
    assert!(reaches(scene.lab.wire().gateway(), "10.0.0.2"));
    let table = tracked();
    for pair in [("10.0.0.2", GATEWAY), (GATEWAY, "10.0.0.2"), ("10.0.0.2", "10.0.0.3")] {
        let (from, to) = (format!("src={} ", pair.0), format!("dst={} ", pair.1));
        assert!(!table.lines().any(|line| line.contains(&from) && line.contains(&to)), "{pair:?}:\n{table}");
    }
    assert!(reaches(scene.web.station(), HOST));
    let table = tracked();
    let is_own = |line: &str| line.contains("src=10.0.0.2 ") && line.contains(&format!("dst={HOST} "));
    assert!(table.lines().any(is_own), "{table}");
}

/// The counterpart of the test above: it shows that passing traffic would be tracked.
#[test]
fn without_a_word_what_passes_is_tracked_where_the_host_tracks() {
    let Some(scene) = Scene::new("bridge:xenbr0 host=ping\n") else { return };
    let Ok(Some(_)) = scene.host().run(|| std::fs::read("/proc/sys/net/bridge/bridge-nf-call-iptables").ok())
    else {
        return testkit::skip!("br_netfilter is not there: bridged traffic is not tracked anyway");
    };
    assert!(reaches(scene.web.station(), GATEWAY));
    let table =
        scene.host().run(|| std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap()).unwrap();
    let passes = |line: &str| line.contains("src=10.0.0.2 ") && line.contains(&format!("dst={GATEWAY} "));
    assert!(table.lines().any(passes), "{table}");
}

#[test]
fn a_shield_that_was_flushed_is_found_out_and_comes_back() {
    let Some(scene) = Scene::new("bridge:xenbr0 host=nothing\n") else { return };
    let (is_right, text) = scene.guard(&["check"]);
    assert!(is_right && text.contains("xenbr0 is guarded: guests reach nothing on the host"), "{text}");
    let flush = || {
        use netkernel::nftables::{Batch, Table, TableFamily};
        let mut batch = Batch::new();
        batch.delete_table(Table { family: TableFamily::Inet, name: "dom0net-xenbr0" });
        NfTables::open().unwrap().commit(&batch).unwrap();
    };
    scene.host().run(flush).unwrap();
    assert!(reaches(scene.web.station(), HOST));
    let (is_right, text) = scene.guard(&["check"]);
    assert!(!is_right && text.contains("xenbr0 has NO GUARD"), "{text}");
    assert!(scene.guard(&["restore"]).0);
    assert!(!reaches(scene.web.station(), HOST) && scene.guard(&["check"]).0);
}

#[test]
fn guests_that_are_plugged_side_by_side_do_not_disturb_each_other() {
    let Some(scene) = Scene::new("bridge:xenbr0 host=nothing track=no\n") else { return };
    let link = scene.host().link("xenbr0").unwrap();
    let network = Network::Bridge { name: LinkName::new("xenbr0").unwrap(), index: link.index };
    let guard = NetworkGuard {
        macs: link.mac.into_iter().collect(),
        uplinks: vec![LinkName::new("eth0").unwrap()],
        ..NetworkGuard::of(network)
    };
    let policy = NetworkPolicy { host: Reach::Only(vec![Service::Udp(67)]), untracked: true, isolates: true };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let install = || {
                    let mut filter = NfTables::open().unwrap();
                    (0..10).for_each(|_| guard.install(&mut filter, &policy, None).unwrap());
                };
                scene.host().run(install).unwrap();
            });
        }
    });
    let condition = || guard.condition(&mut NfTables::open().unwrap(), &policy).unwrap();
    assert_eq!(scene.host().run(condition).unwrap(), Condition::InForce);
}
