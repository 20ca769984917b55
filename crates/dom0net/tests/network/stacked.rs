//! What stands below and above a card, and how it queues: it stays, and works on.

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use crate::wire::Wire;
use crate::{START, STOP, assert_same};

/// For an answer, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(10);

impl Wire {
    /// Runs `ip` on the host; false, after saying so, when the kernel cannot do that.
    fn can(&self, words: &str) -> bool {
        let ip = testkit::program("ip").unwrap();
        let run = || Command::new(&ip).args(words.split(' ')).output().unwrap();
        let output = self.host.namespace.run(run).unwrap();
        if output.status.success() {
            return true;
        }
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        testkit::skip!("ip {words}: {error}");
        false
    }

    /// The same for `tc`.
    fn can_queue(&self, words: &str) -> bool {
        let Some(tc) = testkit::program("tc") else { return false };
        let run = || Command::new(&tc).args(words.split(' ')).output().unwrap();
        let output = self.host.namespace.run(run).unwrap();
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            testkit::skip!("tc {words}: {error}");
        }
        output.status.success()
    }

    /// How a device queues, in `tc`'s words.
    fn queueing_of(&self, device: &str) -> String {
        let tc = testkit::program("tc").unwrap();
        let mut text = String::new();
        for words in ["qdisc show dev", "class show dev", "filter show dev"] {
            let run = || Command::new(&tc).args(words.split(' ')).arg(device).output().unwrap();
            text += &String::from_utf8(self.host.namespace.run(run).unwrap().stdout).unwrap();
        }
        text
    }

    /// Sends a packet from the host to this address of the gateway's, and one back.
    pub(crate) fn reaches(&self, address: &str) {
        let echo = self.gateway.run(|| UdpSocket::bind((address, 0)).unwrap()).unwrap();
        let any = if address.contains(':') { "::" } else { "0.0.0.0" };
        let socket = self.host.namespace.run(|| UdpSocket::bind((any, 0)).unwrap()).unwrap();
        socket.connect(echo.local_addr().unwrap()).unwrap();
        for socket in [&echo, &socket] {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        socket.send(b"?").unwrap();
        let (_, from) = echo.recv_from(&mut [0]).expect(address);
        echo.send_to(b"!", from).unwrap();
        socket.recv(&mut [0]).expect(address);
    }
}

/// What the card is called while a layout stands.
const LAYOUTS: [(&str, &str); 3] =
    [("layout=today", "eth0"), ("layout=bridge-is-eth0", "peth0"), ("layout=classic", "peth0")];

fn queueing_stays(wire: &Wire) {
    let before = (wire.state(), wire.queueing_of("eth0"));
    assert!(before.1.contains("qdisc"), "{}", before.1);
    for (layout, card) in LAYOUTS {
        wire.succeeds(&["start", "netdev=eth0", layout]);
        assert_eq!(wire.queueing_of(card), before.1, "{layout}");
        wire.succeeds(&["stop"]);
        assert_same(&before.0, &wire.state(), layout);
        assert_eq!(wire.queueing_of("eth0"), before.1, "{layout}");
    }
}

#[test]
fn a_plain_queue_stays_on_the_card() {
    let Some(wire) = Wire::quick() else { return };
    if wire.can_queue("qdisc replace dev eth0 root handle 7: pfifo limit 77") {
        queueing_stays(&wire);
    }
}

#[test]
fn classes_and_filters_stay_on_the_card() {
    let Some(wire) = Wire::quick() else { return };
    let words = [
        "qdisc replace dev eth0 root handle 1: htb default 20",
        "class add dev eth0 parent 1: classid 1:10 htb rate 50mbit ceil 100mbit",
        "class add dev eth0 parent 1: classid 1:20 htb rate 900mbit",
        "qdisc add dev eth0 parent 1:10 handle 10: pfifo limit 500",
        "filter add dev eth0 parent 1: protocol ip prio 5 u32 match ip dport 22 0xffff flowid 1:10",
        "qdisc add dev eth0 handle ffff: ingress",
    ];
    if words.into_iter().all(|words| wire.can_queue(words)) {
        queueing_stays(&wire);
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn a_vlan_on_the_card_works_on() {
    let Some(wire) = Wire::quick() else { return };
    if !wire.can("link add link eth0 name eth0.5 type vlan id 5") {
        return;
    }
    for words in [
        "link add link eth0 name eth0.5 type vlan id 5",
        "addr add 10.5.0.254/24 dev eth0.5",
        "addr add 2001:db8:5::fe/64 dev eth0.5 nodad",
        "link set eth0.5 up",
    ] {
        wire.ip_of(&wire.gateway, words);
    }
    for words in [
        "addr add 10.5.0.1/24 dev eth0.5",
        "addr add 2001:db8:5::1/64 dev eth0.5 nodad",
        "link set eth0.5 up",
        "route add 10.55.0.0/16 via 10.5.0.254",
    ] {
        wire.ip(words);
    }
    wire.await_addresses();
    let vlan = || wire.ip("-d link show dev eth0.5") + &wire.ip("addr show dev eth0.5");
    let before = (wire.state(), vlan());
    for (layout, card) in LAYOUTS {
        let outcome = wire.network_bridge(&["start", "netdev=eth0", layout]);
        if outcome.stderr.contains("this kernel cannot rename eth0 without taking it down") {
            assert_eq!(outcome.status, 1, "{outcome:?}");
            assert_same(&sorted(&before.0), &sorted(&wire.state()), layout);
            continue;
        }
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert_eq!(vlan(), before.1.replace("eth0.5@eth0", &format!("eth0.5@{card}")), "{layout}");
        wire.reaches("10.5.0.254");
        wire.reaches("2001:db8:5::fe");
        wire.succeeds(&["stop"]);
        // Of routes to the same place through several devices, the kernel lists the one that was made last first.
        assert_same(&sorted(&before.0), &sorted(&wire.state()), layout);
        assert_eq!(vlan(), before.1, "{layout}");
        wire.reaches("10.5.0.254");
    }
}

#[test]
fn a_bond_is_a_card_and_keeps_its_slaves() {
    let Some(wire) = Wire::quick() else { return };
    if !wire.can("link add bond0 type bond mode active-backup miimon 100") {
        return;
    }
    wire.host.add_device("eth1");
    for words in [
        "addr flush dev eth0",
        "link set eth0 down",
        "link set eth0 master bond0",
        "link set eth1 master bond0",
        "link set bond0 up",
        "addr add 10.0.0.250/24 dev bond0",
        "addr add 2001:db8::250/64 dev bond0 nodad",
        "route add default via 10.0.0.254 dev bond0",
    ] {
        wire.ip(words);
    }
    wire.reaches("10.0.0.254");
    let bond = || {
        let devices = ["bond0", "eth0", "eth1"].map(|device| wire.ip(&format!("-d link show dev {device}")));
        devices.concat() + &wire.ip("addr show dev bond0") + &wire.ip("route show table all dev bond0")
    };
    let before = bond();
    for layout in ["layout=today", "layout=bridge-is-eth0", "layout=classic"] {
        wire.succeeds(&["start", "netdev=bond0", layout]);
        for slave in ["eth0", "eth1"] {
            let master = if layout == "layout=today" { "bond0" } else { "pbond0" };
            assert_eq!(wire.host.master_of(slave).as_deref(), Some(master), "{layout}");
        }
        wire.reaches("10.0.0.254");
        wire.succeeds(&["stop"]);
        assert_same(&before, &bond(), layout);
        wire.reaches("10.0.0.254");
    }
}

#[test]
fn a_card_that_is_shared_is_refused_before_anything_changes() {
    let Some(wire) = Wire::quick() else { return };
    if !wire.can("link add link eth0 name mv0 type macvlan mode bridge") {
        return;
    }
    let before = wire.state();
    let outcome = wire.network_bridge(START);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("eth0 is shared with mv0"), "{}", outcome.stderr);
    assert_same(&before, &wire.state(), "");
    wire.ip("link del mv0");
    wire.succeeds(START);
    wire.succeeds(STOP);
}
