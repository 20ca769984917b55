//! `network-bridge` on a host in use: nothing is lost on the way there and back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

#[path = "../support/mod.rs"]
mod support;
mod wire;

mod confirmed;
mod exported;
mod hostile;
mod killed;
mod leased;
mod stacked;
mod standing;
mod traffic;

use std::process::{Command, Stdio};

use netkernel::link::LinkChange;

use traffic::Traffic;
use wire::Wire;

const START: &[&str] = &["start", "netdev=eth0", "bridge=xenbr0", "antispoof=yes"];
const STOP: &[&str] = &["stop", "bridge=xenbr0"];

/// What a host can have on its card, in `ip`'s words.
const AWKWARD: &[&str] = &[
    "addr add 10.0.0.251/24 dev eth0 label eth0:1",
    "addr add 192.0.2.9/30 dev eth0 scope link metric 77",
    "addr add 198.51.100.1 peer 198.51.100.2/32 dev eth0",
    "addr add 10.0.0.252/24 dev eth0 valid_lft 3000 preferred_lft 2000",
    "addr add 2001:db8:5::1/64 dev eth0 nodad valid_lft 3000 preferred_lft 2000",
    "addr add 2001:db8:6::1/64 dev eth0 nodad noprefixroute",
    "route add 10.7.0.0/16 via 10.0.0.77 dev eth0 metric 5 mtu lock 1400 advmss 1300",
    "route add 10.8.0.0/16 dev eth0 src 10.0.0.251 scope link table 100",
    "route add 10.9.0.0/16 via 203.0.113.7 dev eth0 onlink proto static",
    "route add 10.10.0.0/16 nexthop via 10.0.0.7 dev eth0 weight 2 nexthop via 10.0.0.8 dev eth0",
    "route add 198.18.0.0/15 via inet6 2001:db8::99 dev eth0",
    "-6 route add 2001:db8:aa::/48 via 2001:db8::7 dev eth0 table 100 pref high",
    "-6 route add 2001:db8:bb::/48 via 2001:db8::7 dev eth0 expires 3000",
    "nexthop add id 7 via 10.0.0.33 dev eth0",
    "route add 10.11.0.0/16 nhid 7",
    "rule add iif eth0 lookup 100 pref 500",
    "-6 rule add oif eth0 lookup 100 pref 501",
    "neigh add 10.0.0.40 lladdr 00:16:3e:00:00:40 dev eth0",
    "neigh add proxy 10.0.0.41 dev eth0",
    "-6 neigh add proxy 2001:db8::41 dev eth0",
    "link set eth0 mtu 1480",
    "link set eth0 alias the-card",
];

fn set(wire: &Wire, setting: &str, value: &str) {
    let path = format!("/proc/sys/net/{setting}");
    wire.host.namespace.run(|| std::fs::write(path, value).unwrap()).unwrap();
}

fn awkward() -> Option<Wire> {
    let wire = Wire::new()?;
    for words in AWKWARD {
        wire.ip(words);
    }
    for (setting, value) in [
        ("ipv4/conf/eth0/proxy_arp", "1"),
        ("ipv4/conf/eth0/rp_filter", "1"),
        ("ipv4/conf/eth0/arp_ignore", "2"),
        ("ipv6/conf/eth0/accept_ra", "0"),
        ("ipv6/conf/eth0/forwarding", "1"),
    ] {
        set(&wire, setting, value);
    }
    wire.await_gateway();
    wire.await_addresses();
    Some(wire)
}

#[test]
fn stop_gives_back_all_that_start_took() {
    let Some(wire) = awkward() else { return };
    let before = wire.state();
    wire.succeeds(START);

    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
    assert_eq!(wire.ip("-o addr show dev eth0"), "");
    has_all(&wire, "eth0", "xenbr0");

    wire.succeeds(STOP);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn the_bridge_can_have_the_cards_name() {
    let Some(wire) = awkward() else { return };
    let before = wire.state();
    // Xen from 3.2 to 4.4 did so when nothing was said; its documents say it with these words.
    wire.succeeds(&["start", "netdev=eth0", "bridge=eth0"]);

    assert_eq!(wire.host.master_of("peth0").as_deref(), Some("eth0"));
    assert!(wire.host.link("eth0").unwrap().is_bridge());
    has_all(&wire, "peth0", "eth0");
    wire.succeeds(&["start", "netdev=eth0", "layout=bridge-is-eth0"]);

    wire.succeeds(&["stop", "bridge=eth0"]);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn the_host_can_use_the_bridge_like_a_guest() {
    let Some(wire) = awkward() else { return };
    let before = wire.state();
    wire.succeeds(&["start", "vifnum=0", "layout=classic"]);

    for port in ["peth0", "vif0.0"] {
        assert_eq!(wire.host.master_of(port).as_deref(), Some("xenbr0"), "{port}");
    }
    assert_eq!(wire.ip("-o addr show dev xenbr0"), "");
    has_all(&wire, "peth0", "eth0");

    wire.succeeds(&["stop", "vifnum=0"]);
    assert_same(&before, &wire.state(), "");
}

/// The device in front has all that the card had, and the card nothing.
fn has_all(wire: &Wire, card: &str, front: &str) {
    let link = wire.host.link(front).unwrap();
    assert_eq!(link.mtu, 1480);
    assert!(link.is_running());
    assert_eq!(wire.ip(&format!("-o addr show dev {card}")), "");
    let routes = wire.ip(&format!("route show table all dev {card}"))
        + &wire.ip(&format!("-6 route show table all dev {card}"));
    assert!(
        routes.lines().all(|line| line.starts_with("multicast") || line.starts_with("anycast")),
        "{routes}"
    );
    for (words, part) in [
        ("addr show dev DEV", "10.0.0.251/24 scope global secondary DEV:1"),
        ("addr show dev DEV", "2001:db8:5::1/64"),
        ("route show table 100", "10.8.0.0/16 dev DEV"),
        ("route", "10.11.0.0/16 nhid 7 via 10.0.0.33 dev DEV"),
        ("rule", "iif DEV lookup 100"),
        ("neigh show proxy", "10.0.0.41 dev DEV"),
    ] {
        let (words, part) = (words.replace("DEV", front), part.replace("DEV", front));
        let text = wire.ip(&words);
        assert!(text.contains(&part), "{part} in ip {words}:\n{text}");
    }
    let setting = format!("/proc/sys/net/ipv4/conf/{front}/arp_ignore");
    let value = wire.host.namespace.run(|| std::fs::read_to_string(setting).unwrap()).unwrap();
    assert_eq!(value, "2\n");
    wire.await_gateway_on(front);
}

fn assert_same(before: &str, after: &str, when: &str) {
    let differing: Vec<String> = before
        .lines()
        .filter(|line| !after.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"))
        .chain(
            after
                .lines()
                .filter(|line| !before.lines().any(|other| other == *line))
                .map(|line| format!("+ {line}")),
        )
        .collect();
    assert!(differing.is_empty(), "{when}\n{}", differing.join("\n"));
    // The same lines, in another order.
    assert_eq!(before, after, "{when}");
}

#[test]
fn traffic_goes_on_while_the_network_starts_and_stops() {
    traffic_goes_on("layout=today");
}

#[test]
fn traffic_goes_on_when_the_bridge_gets_the_cards_name() {
    traffic_goes_on("layout=bridge-is-eth0");
}

#[test]
fn traffic_goes_on_when_the_host_becomes_like_a_guest() {
    traffic_goes_on("layout=classic");
}

fn traffic_goes_on(layout: &str) {
    let Some(wire) = Wire::new() else { return };
    let traffic = Traffic::start(&wire);
    for _ in 0..3 {
        wire.succeeds(&["start", "netdev=eth0", "bridge=xenbr0", layout]);
        traffic.goes_on();
        wire.succeeds(STOP);
        traffic.goes_on();
    }
    let (flows, connection) = traffic.end();
    for flow in &flows {
        // Six times the card changes hands. In the worst of orders each would cost a second, a thousand packets; the
        // few that are allowed here are for a machine under load.
        assert!(flow.lost <= 60, "{flows:?}");
    }
    connection.unwrap();
}

#[test]
fn each_card_has_its_own_network() {
    let Some(wire) = Wire::new() else { return };
    wire.host.add_device("eth1");
    // As a wrapper script calls it, twice.
    wire.succeeds(&["start", "vifnum=1"]);
    wire.succeeds(&["start"]);
    assert_eq!(wire.host.master_of("eth1").as_deref(), Some("xenbr1"));
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
    wire.succeeds(&["stop", "netdev=eth0"]);
    assert_eq!(wire.host.master_of("eth1").as_deref(), Some("xenbr1"));
    wire.succeeds(&["stop"]);
    assert_eq!(wire.host.link("xenbr1"), None);
}

#[test]
fn what_was_added_meanwhile_is_not_lost() {
    let Some(wire) = Wire::new() else { return };
    wire.succeeds(START);
    wire.ip("addr add 10.3.3.3/24 dev xenbr0");
    wire.ip("route add 10.99.0.0/16 via 10.0.0.1 dev xenbr0");
    wire.succeeds(STOP);
    assert!(wire.ip("addr show dev eth0").contains("10.3.3.3/24"));
    assert!(wire.ip("route").contains("10.99.0.0/16 via 10.0.0.1 dev eth0"));
}

#[test]
fn a_gateway_that_does_not_answer_afterwards_takes_all_back() {
    let Some(wire) = Wire::new() else { return };
    // It answers until the card is on the bridge.
    wire.lose_gateway();
    let before = wire.state();
    let outcome = wire.network_bridge(START);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("the gateway 10.0.0.254 answered before"), "{}", outcome.stderr);
    assert_same(&before, &wire.state(), "");
    wire.succeeds(STOP);
}

#[test]
fn a_dry_run_prints_the_plan_and_does_nothing() {
    let Some(wire) = Wire::new() else { return };
    let before = wire.state();
    let outcome = wire.network_bridge(&["start", "netdev=eth0", "--dry-run"]);
    assert_eq!(outcome.status, 0);
    assert!(outcome.stdout.starts_with("create bridge xenbr0\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("make eth0 a port of xenbr0\n"), "{}", outcome.stdout);
    let json = wire.network_bridge(&["start", "netdev=eth0", "--dry-run", "--json"]).stdout;
    let changes: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(changes.as_array().unwrap().len(), outcome.stdout.lines().count());
    assert_same(&before, &wire.state(), "");
}

#[test]
fn guests_are_not_cut_off_unless_that_is_wanted() {
    let Some(wire) = Wire::new() else { return };
    wire.succeeds(START);
    wire.host.add_device("vif1.0");
    wire.host.write("mac", "00:16:3e:27:95:c0");
    assert_eq!(wire.host.vif_bridge(&["online", "type_if=vif"]).status, 0);
    let outcome = wire.network_bridge(STOP);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("guests are still on xenbr0 (vif1.0)"), "{}", outcome.stderr);
    assert_eq!(wire.host.master_of("vif1.0").as_deref(), Some("xenbr0"));
    wire.succeeds(&["stop", "bridge=xenbr0", "--force"]);
    assert_eq!(wire.host.link("xenbr0"), None);
}

#[test]
fn a_guest_that_names_no_bridge_gets_one_for_guests() {
    let Some(wire) = Wire::new() else { return };
    // Some other program's, and the first in the alphabet.
    wire.host.add_bridge("docker0");
    wire.succeeds(START);
    wire.host.add_device("vif1.0");
    wire.host.write("mac", "00:16:3e:27:95:c0");
    assert_eq!(wire.host.vif_bridge(&["online", "type_if=vif"]).status, 0);
    assert_eq!(wire.host.master_of("vif1.0").as_deref(), Some("xenbr0"));
}

#[test]
fn what_cannot_be_started_is_told_before_anything_changes() {
    let Some(wire) = Wire::new() else { return };
    wire.host.add_bridge("virbr0");
    wire.host.add_device("eth1");
    let join = netkernel::link::Master::Link(wire.host.link("virbr0").unwrap().index);
    wire.host.change("eth1", &LinkChange { master: Some(join), ..LinkChange::default() });
    let before = wire.state();
    for (words, sentence) in [
        (
            &["start", "netdev=eth7"][..],
            "there is no network device eth7; name one that exists with netdev= (",
        ),
        (&["start", "netdev=eth0", "bridge=virbr0"], "that was not made by this program"),
        (&["start", "netdev=eth0", "bridge=eth1"], "eth1 is a device that is no bridge"),
        (&["start", "netdev=eth1", "bridge=xenbr1"], "eth1 is a port of virbr0 already"),
        (&["start", "netdev=lo", "bridge=xenbr1"], "lo is no device that a bridge can lead out through"),
        (&["start", "netdev=virbr0", "bridge=xenbr1"], "virbr0 is no device"),
        (&["status", "bridge=xenbr9"], "there is no bridge xenbr9"),
    ] {
        let outcome = wire.network_bridge(words);
        assert_eq!(outcome.status, 1, "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(sentence), "{words:?}: {}", outcome.stderr);
    }
    for words in [&[][..], &["restart"], &["start", "antispoof=maybe"], &["start", "--fast"]] {
        assert_eq!(wire.network_bridge(words).status, 2, "{words:?}");
    }
    assert_same(&before, &wire.state(), "");
}

#[test]
fn status_tells_what_is_not_as_it_should_be() {
    let Some(wire) = Wire::new() else { return };
    wire.succeeds(START);
    let status = &["status", "bridge=xenbr0"];
    let outcome = wire.network_bridge(status);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    for (words, sentence) in [
        (
            "addr add 10.0.0.9/24 dev eth0",
            "xenbr0: eth0 has addresses, which a bridge port should not: 10.0.0.9/24",
        ),
        (
            "link set xenbr0 type bridge stp_state 1",
            "xenbr0 speaks the spanning tree protocol, and should not",
        ),
        ("link set eth0 nomaster", "xenbr0: eth0 is not a port of xenbr0"),
        ("link set xenbr0 down", "xenbr0: xenbr0 is down"),
        ("link del xenbr0", "xenbr0: xenbr0 is gone"),
    ] {
        wire.ip(words);
        let outcome = wire.network_bridge(status);
        assert_eq!(outcome.status, 1, "{words}");
        assert!(outcome.stdout.contains(sentence), "{words}: {}", outcome.stdout);
    }
    let json = wire.network_bridge(&["status", "--json"]).stdout;
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["differences"][0]["what"], "xenbr0 is gone");
}

#[test]
fn a_record_that_cannot_be_read_is_set_aside_and_said() {
    let Some(wire) = Wire::new() else { return };
    let folder = wire.host.script("run/networks");
    std::fs::create_dir_all(&folder).unwrap();
    // As a loss of power leaves it, on a file system that does not keep its promises.
    std::fs::write(folder.join("xenbr0.json"), "{\"bridge\":{\"ind").unwrap();
    let outcome = wire.network_bridge(START);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("xenbr0.json is not a record"), "{}", outcome.stderr);
    let outcome = wire.host.run("dom0net", &["recover"], &[]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("set aside as"), "{}", outcome.stderr);
    assert!(folder.join("xenbr0.json.unreadable").exists());
    assert_eq!(wire.host.run("dom0net", &["recover"], &[]).status, 0);
    wire.succeeds(START);
}

#[test]
fn null_is_no_bridge_at_all() {
    let Some(wire) = Wire::new() else { return };
    let before = wire.state();
    wire.succeeds(&["start", "bridge=null"]);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn a_bridge_that_someone_removed_can_be_made_again() {
    let Some(wire) = Wire::new() else { return };
    wire.succeeds(START);
    wire.host.kernel(|kernel| wire::delete(kernel, "xenbr0"));
    wire.succeeds(START);
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
    assert!(wire.ip("addr show dev xenbr0").contains("10.0.0.250/24"));
}

#[test]
fn a_card_that_another_program_manages_is_left_to_it_unless_that_is_wanted() {
    let Some(wire) = Wire::new() else { return };
    // A process of that name, with the card among its words, in our network namespace.
    let client = wire.host.script("dhclient");
    std::fs::write(&client, "#!/bin/sh\nread line\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&client, executable).unwrap();
    let run = || Command::new(&client).args(["-4", "eth0"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut process = wire.host.namespace.run(run).unwrap();
    let comm = format!("/proc/{}/comm", process.id());
    while std::fs::read_to_string(&comm).unwrap() != "dhclient\n" {
        std::thread::yield_now();
    }
    let before = wire.state();
    let outcome = wire.network_bridge(START);
    assert_eq!(outcome.status, 1);
    let sentence = format!("eth0 is managed by dhclient (process {})", process.id());
    assert!(outcome.stderr.contains(&sentence), "{}", outcome.stderr);
    assert_same(&before, &wire.state(), "");
    wire.succeeds(&["start", "netdev=eth0", "bridge=xenbr0", "--force"]);
    drop(process.stdin.take());
    process.wait().unwrap();
}

#[test]
fn words_that_mean_nothing_are_warned_of() {
    let Some(wire) = Wire::new() else { return };
    let outcome = wire.network_bridge(&["start", "netdev=eth0", "brigde=xenbr1"]);
    assert_eq!(outcome.status, 0);
    assert!(outcome.stderr.contains("brigde=xenbr1 means nothing here"), "{}", outcome.stderr);
}
