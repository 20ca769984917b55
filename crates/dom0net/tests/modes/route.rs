//! `network-route` and `vif-route`.

use dom0net::guard::Reason;
use dom0net::vif::PortKind;
use lab::Lookout;
use lab::frame::{Ethernet, Packet};
use netkernel::Family;

use crate::stage::{Stage, reaches, reaches_not};

const WEB: &str = "mac=00:16:3e:00:00:02,script=vif-route,ip=10.0.0.2 2001:db8::2";
const DB: &str = "mac=00:16:3e:00:00:03,script=vif-route,ip=10.0.0.3 2001:db8::3";
/// Guests' own addresses, each alone, and the ways out: the host, by its address and by the one that is the same
/// everywhere.
const WEB_ADDRESSES: [&str; 2] = ["10.0.0.2/32", "2001:db8::2/128"];
const DB_ADDRESSES: [&str; 2] = ["10.0.0.3/32", "2001:db8::3/128"];
const BY_THE_HOST: [&str; 2] = ["10.0.0.250", "fe80::1"];
const EVERYBODY: [&str; 6] =
    ["10.0.0.250", "2001:db8::250", "10.0.0.254", "2001:db8::fe", "192.0.2.1", "2001:db8:ffff::1"];

/// What the program may change and must put back.
const SETTINGS: [&str; 9] = [
    "ipv4/ip_forward",
    "ipv4/conf/eth0/forwarding",
    "ipv4/conf/eth0/proxy_arp",
    "ipv4/conf/all/accept_redirects",
    "ipv4/neigh/eth0/proxy_delay",
    "ipv6/conf/all/forwarding",
    "ipv6/conf/eth0/proxy_ndp",
    "ipv6/conf/eth0/accept_ra",
    "ipv6/neigh/eth0/proxy_delay",
];

fn settings(stage: &Stage) -> Vec<String> {
    SETTINGS.iter().map(|setting| format!("{setting} = {}", stage.setting(setting))).collect()
}

#[test]
fn routed_guests_reach_everybody_and_everybody_them() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let web = stage.guest("web", WEB, &WEB_ADDRESSES, &BY_THE_HOST);
    let db = stage.guest("db", DB, &DB_ADDRESSES, &BY_THE_HOST);
    reaches(web.station(), &EVERYBODY);
    reaches(web.station(), &["10.0.0.3", "2001:db8::3"]);
    // The gateway has the whole network on its wire, and no route to the host: the host answers for its guests.
    reaches(stage.gateway(), &["10.0.0.2", "2001:db8::2", "10.0.0.3", "2001:db8::3"]);
    reaches(stage.host(), &["10.0.0.2", "2001:db8::3"]);
    stage.lab.toolstack().destroy(db.domid()).unwrap();
    reaches_not(stage.gateway(), &["10.0.0.3", "2001:db8::3"]);
    assert_eq!(stage.says("ip", "-6 neigh show proxy"), "2001:db8::2 dev eth0 proxy \n");
}

#[test]
fn a_guest_may_have_the_wires_gateway_for_its_own() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start netdev=eth0");
    // As on the wire: the whole network is on its link. The host answers for those who are not.
    let web = stage.guest("web", WEB, &["10.0.0.2/24"], &["10.0.0.254"]);
    reaches(web.station(), &["10.0.0.254", "192.0.2.1", "10.0.0.250"]);
    reaches(stage.gateway(), &["10.0.0.2"]);
}

#[test]
fn whole_networks_are_routed_to_a_guest() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let vif = "mac=00:16:3e:00:00:02,script=vif-route,ip=10.0.0.2 198.51.100.16/29 2001:db8:7::/48";
    let addresses = ["10.0.0.2/32", "198.51.100.17/32", "2001:db8:7::9/128"];
    let web = stage.guest("web", vif, &addresses, &BY_THE_HOST);
    reaches(stage.host(), &["198.51.100.17", "2001:db8:7::9"]);
    // Elsewhere they must be routed to the host, as always.
    let to_host = |net: &str, host: &str| {
        stage.gateway().add_route(net.parse().unwrap(), host.parse().unwrap()).unwrap();
    };
    to_host("198.51.100.16/29", "10.0.0.250");
    to_host("2001:db8:7::/48", "2001:db8::250");
    reaches(stage.gateway(), &["198.51.100.17", "2001:db8:7::9"]);
    drop(web);
}

#[test]
fn the_guard_is_in_force_for_routed_guests() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let web = stage.guest("web", WEB, &WEB_ADDRESSES, &BY_THE_HOST);
    let _db = stage.guest("db", DB, &DB_ADDRESSES, &BY_THE_HOST);
    let mut lookout = Lookout::around(&stage.lab, &web).unwrap();
    let (own, host) = ("00:16:3e:00:00:02".parse().unwrap(), "fe:ff:ff:ff:ff:ff".parse().unwrap());
    for (source, passes) in [([10, 0, 0, 2], true), ([10, 0, 0, 3], false), ([192, 0, 2, 1], false)] {
        let packet = Packet::v4(source, [10, 0, 0, 3]).udp(40_000, 9, b"hello");
        let frame = Ethernet::new(own, host).ip(&packet);
        let arrivals =
            lookout.send_matching(web.station(), "eth0", &frame, |seen| seen.ends_with(b"hello")).unwrap();
        assert_eq!(arrivals.is_at("db"), passes, "{source:?}: {arrivals:?}");
    }
    assert_eq!(stage.guard(1, PortKind::Vif).unwrap().dropped[&Reason::Ipv4Source], 2);
}

#[test]
fn a_vif_has_the_hosts_address_and_no_network_with_it() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let _web = stage.guest("web", WEB, &WEB_ADDRESSES, &BY_THE_HOST);
    let addresses = stage.says("ip", "-o addr show dev vif1.0");
    assert!(addresses.contains("inet 10.0.0.250/32 scope link"), "{addresses}");
    assert!(addresses.contains("inet6 2001:db8::250/128") && addresses.contains("fe80::1/64"), "{addresses}");
    let routes = stage.says("ip", "route show dev vif1.0");
    assert_eq!(routes, "10.0.0.2 proto static scope link src 10.0.0.250 metric 2 \n");
    let routes = stage.says("ip", "-6 route show dev vif1.0");
    assert!(routes.contains("2001:db8::2 proto static src 2001:db8::250 metric 2"), "{routes}");
    assert!(!routes.contains("2001:db8::250 proto kernel"), "{routes}");
    // It is told apart from the card's: what the host sends elsewhere goes as before.
    assert!(stage.says("ip", "route get 192.0.2.1").contains("src 10.0.0.250"));
}

#[test]
fn stop_puts_back_all_that_start_changed_however_often_it_ran() {
    let Some(stage) = Stage::new() else { return };
    stage.set("ipv4/conf/all/accept_redirects", "0");
    stage.set("ipv6/conf/eth0/accept_ra", "1");
    let before = settings(&stage);
    stage.succeeds("network-route start");
    stage.succeeds("network-route start netdev=eth0");
    assert_eq!(stage.setting("ipv4/conf/eth0/proxy_arp"), "1");
    // A host that forwards would take no router's word any more, and lose its own way out.
    assert_eq!(stage.setting("ipv6/conf/eth0/accept_ra"), "2");
    let status = stage.succeeds("network-route status");
    assert!(status.contains("eth0: forwards IPv4 and IPv6, answers for guests: IPv4 and IPv6"), "{status}");
    stage.succeeds("network-route stop");
    assert_eq!(settings(&stage), before);
    stage.succeeds("network-route stop");
    assert_eq!(settings(&stage), before);
    assert!(stage.succeeds("network-route status").contains("no router"));
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(stage) = Stage::new() else { return };
    let before = settings(&stage);
    let plan = stage.succeeds("network-route start --dry-run");
    assert!(plan.contains("set net/ipv4/ip_forward to 1\n"), "{plan}");
    assert_eq!(settings(&stage), before);
    for (words, status, sentence) in [
        ("network-route begin", 2, "\"begin\" is not known"),
        ("network-route start netdev=eth7", 1, "there is no network device eth7"),
    ] {
        let outcome = stage.run(words);
        assert_eq!(outcome.status, status, "{words}");
        assert!(outcome.stderr.contains(sentence), "{outcome:?}");
    }
}

#[test]
fn no_address_on_the_card_is_needed() {
    let Some(stage) = Stage::new() else { return };
    // The host's address may be anywhere, on a bridge for instance.
    stage.says("ip", "addr flush dev eth0");
    stage.succeeds("network-route start netdev=eth0");
    let web = stage.guest("web", WEB, &WEB_ADDRESSES, &["fe80::1"]);
    let db = stage.guest("db", DB, &DB_ADDRESSES, &["fe80::1"]);
    reaches(web.station(), &["2001:db8::3"]);
    let routes = stage.host().kernel().unwrap().routes(Family::Inet, None).unwrap();
    assert!(routes.iter().any(|route| route.to_string().starts_with("10.0.0.3/32")));
    drop(db);
}

#[test]
fn a_host_that_forwards_nothing_is_told_of() {
    let Some(stage) = Stage::new() else { return };
    let _web = stage.guest("web", WEB, &WEB_ADDRESSES, &BY_THE_HOST);
    let environment = [("XENBUS_PATH", "backend/vif/1/0"), ("vif", "vif1.0")];
    let said = || stage.run_with("vif-route online type_if=vif", &environment).stderr;
    assert!(said().contains("this host does not forward IPv4"), "{}", said());
    stage.set("ipv4/ip_forward", "1");
    assert!(said().contains("this host does not forward IPv6"), "{}", said());
    stage.succeeds("network-route start");
    assert!(!said().contains("does not forward"), "{}", said());
}

#[test]
fn what_xend_was_told_to_start_is_started() {
    let Some(stage) = Stage::new() else { return };
    let config = stage.script("xend-config.sxp");
    std::fs::write(&config, "(network-script 'network-route netdev=eth0')\n").unwrap();
    let path = config.display();
    stage.succeeds(&format!("dom0net start --config {path}"));
    assert_eq!(stage.setting("ipv4/conf/eth0/proxy_arp"), "1");
    stage.succeeds(&format!("dom0net stop --config {path}"));
    assert_eq!(stage.setting("ipv4/conf/eth0/proxy_arp"), "0");
    std::fs::write(&config, "(network-script 'network-nat bridge=nat0 subnet=10.1.0.0/24')\n").unwrap();
    stage.succeeds(&format!("dom0net start --config {path}"));
    assert!(stage.says("ip", "-o addr show dev nat0").contains("10.1.0.1/24"));
}

#[test]
fn what_cannot_be_routed_is_refused() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let refused = |vif: &str, sentence: &str| {
        let error = stage.refusal(&format!("mac=00:16:3e:00:00:09,script=vif-route{vif}"));
        assert!(error.contains(sentence), "{vif}: {error}");
    };
    let _web = stage.guest("web", WEB, &WEB_ADDRESSES, &BY_THE_HOST);
    refused("", "a routed vif needs ip=");
    refused(",ip=10.0.0.250", "10.0.0.250 is in it");
    refused(",ip=10.0.0.240/28", "this host's own address 10.0.0.250 is in it");
    refused(",ip=2001:db8::2", "vif1.0 leads there already");
    refused(",ip=10.0.0.0/24", "this host's own address");
    refused(",ip=127.0.0.1", "an address of this host's own");
    refused(",ip=10.0.0.9,gatewaydev=eth7", "gatewaydev=eth7 cannot be");
    // Nothing is left of them.
    reaches(stage.host(), &["10.0.0.2"]);
    assert_eq!(stage.says("ip", "-6 neigh show proxy").lines().count(), 1);
}
