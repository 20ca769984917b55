//! What can be in the way of a start, and what can become of a network while it stands.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use netkernel::link::LinkChange;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::host::Outcome;
use crate::wire::{GATEWAY, Wire, delete};
use crate::{START, STOP, assert_same};

const PATIENCE: Duration = Duration::from_secs(20);

/// The layouts, each with what must be deleted for the host's addresses to be gone.
const LAYOUTS: [(&str, &str); 3] =
    [("layout=today", "xenbr0"), ("layout=bridge-is-eth0", "eth0"), ("layout=classic", "eth0")];

impl Wire {
    fn refuses(&self, words: &[&str], sentence: &str) {
        let outcome = self.network_bridge(words);
        assert_eq!(outcome.status, 1, "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(sentence), "{words:?}: {}", outcome.stderr);
    }

    /// Starts `network-bridge`, without waiting for its end.
    fn begin(&self, words: &[&str]) -> Child {
        let run = || {
            Command::new(self.host.script("network-bridge"))
                .args(words)
                .env_clear()
                .envs(self.host.environment())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        self.host.namespace.run(run).unwrap()
    }

    /// Calls `network-bridge` under strace, which makes a system call fail.
    fn failing(&self, words: &[&str], inject: &str) -> Option<Outcome> {
        let (call, what) = inject.split_once(':').unwrap();
        let output = self.under_strace(&[], call, what, words)?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let status = output.status.code().expect("it ended by itself");
        Some(Outcome { status, stdout: text(output.stdout), stderr: text(output.stderr) })
    }
}

#[test]
fn a_card_without_carrier_becomes_an_uplink_that_nobody_could_try() {
    let Some(wire) = Wire::quick() else { return };
    wire.ip("route add 10.10.0.0/16 nexthop via 10.0.0.7 dev eth0 nexthop via 10.0.0.8 dev eth0");
    wire.ip_of(&wire.gateway, "link set eth0 down");
    let end = Instant::now() + PATIENCE;
    while !wire.ip("route").contains("linkdown") {
        assert!(Instant::now() < end, "the card has a carrier");
        thread::sleep(Duration::from_millis(20));
    }
    let before = wire.state();
    let outcome = wire.network_bridge(START);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("no gateway answers through eth0"), "{}", outcome.stderr);
    wire.succeeds(STOP);
    assert_same(&before, &wire.state(), "");
}

/// As hosts have it whose provider routes single addresses to them.
const HOST_ROUTES: &[&str] = &[
    "addr flush dev eth0 scope global",
    "addr add 10.0.0.250/32 dev eth0",
    "addr add 2001:db8::250/128 dev eth0 nodad",
    "route add 10.0.0.254 dev eth0",
    "route add default via 10.0.0.254",
    "-6 route add 2001:db8::fe dev eth0",
    "-6 route add default via 2001:db8::fe",
    // And one that the kernel is told of.
    "route add 10.99.0.0/16 via 10.0.1.1 dev eth0 onlink",
];

fn behind_host_routes() -> Option<Wire> {
    let wire = Wire::quick()?;
    wire.ip("-6 route del default");
    for words in HOST_ROUTES {
        wire.ip(words);
    }
    wire.await_addresses();
    wire.await_gateway();
    Some(wire)
}

#[test]
fn gateways_behind_routes_of_their_own_move_with_them() {
    let Some(wire) = behind_host_routes() else { return };
    let before = wire.state();
    for (layout, _) in LAYOUTS {
        wire.succeeds(&["start", "netdev=eth0", layout]);
        let front = if layout == "layout=today" { "xenbr0" } else { "eth0" };
        for (words, route) in [
            ("route", "default via 10.0.0.254 dev FRONT"),
            ("route", "10.99.0.0/16 via 10.0.1.1 dev FRONT onlink"),
            ("-6 route", "default via 2001:db8::fe dev FRONT"),
        ] {
            let routes = wire.ip(words);
            assert!(routes.contains(&route.replace("FRONT", front)), "{layout}: {routes}");
        }
        wire.await_gateway_on(front);
        wire.succeeds(&["stop"]);
        assert_same(&before, &wire.state(), layout);
    }
}

#[test]
fn gateways_behind_routes_of_their_own_are_put_back_with_them() {
    let Some(wire) = behind_host_routes() else { return };
    wire.lose_gateway();
    let before = wire.state();
    wire.refuses(START, "answered before");
    assert_same(&before, &wire.state(), "");
}

#[test]
fn names_that_would_be_too_long_are_told_with_the_word_for_another() {
    let Some(wire) = Wire::quick() else { return };
    for words in ["link set eth0 down", "link set eth0 name enx112233445566", "link set enx112233445566 up"] {
        wire.ip(words);
    }
    let netdev = "netdev=enx112233445566";
    wire.refuses(&["start", netdev], "choose another with bridge=");
    wire.refuses(&["start", netdev, "layout=bridge-is-eth0"], "choose another with pdev=");
    wire.succeeds(&["start", netdev, "bridge=abcdefghijklmno"]);
    assert_eq!(wire.host.master_of("enx112233445566").as_deref(), Some("abcdefghijklmno"));
    wire.succeeds(&["stop", netdev]);
    wire.succeeds(&["start", netdev, "layout=bridge-is-eth0", "pdev=p0"]);
    assert_eq!(wire.host.master_of("p0").as_deref(), Some("enx112233445566"));
    wire.succeeds(&["stop", netdev]);
}

#[test]
fn a_tunnel_that_is_bound_to_the_card_is_told_of_and_others_work_on() {
    let Some(wire) = Wire::quick() else { return };
    let tunnel = "type vxlan id 7 remote 10.0.0.254 dstport 4789";
    let run = |words: &str| {
        let ip = testkit::program("ip").unwrap();
        let run = || Command::new(&ip).args(words.split(' ')).output().unwrap();
        wire.host.namespace.run(run).unwrap()
    };
    let made = run(&format!("link add vx7 {tunnel} dev eth0"));
    if !made.status.success() {
        return testkit::skip!("no tunnel: {}", String::from_utf8_lossy(&made.stderr));
    }
    let before = wire.state();
    wire.refuses(START, "vx7 was made to send through eth0");
    assert_same(&before, &wire.state(), "");

    wire.ip("link del vx7");
    wire.ip_of(&wire.gateway, "link add vx7 type vxlan id 7 remote 10.0.0.250 local 10.0.0.254 dstport 4789");
    wire.ip_of(&wire.gateway, "addr add 10.77.0.254/24 dev vx7");
    wire.ip_of(&wire.gateway, "link set vx7 up");
    for words in [&format!("link add vx7 {tunnel}"), "addr add 10.77.0.1/24 dev vx7", "link set vx7 up"] {
        wire.ip(words);
    }
    wire.reaches("10.77.0.254");
    wire.succeeds(START);
    wire.reaches("10.77.0.254");
    wire.succeeds(STOP);
    wire.reaches("10.77.0.254");
}

#[test]
fn where_nothing_can_be_written_nothing_is_changed() {
    let Some(wire) = Wire::quick() else { return };
    let before = wire.state();
    // The first file is the record before the first change, the second the one behind the last.
    for inject in ["fsync:error=ENOSPC:when=1", "rename:error=EROFS:when=1", "fsync:error=EIO:when=3"] {
        let Some(outcome) = wire.failing(START, inject) else { return };
        assert_eq!(outcome.status, 1, "{inject}: {outcome:?}");
        assert!(outcome.stderr.contains("cannot write"), "{inject}: {}", outcome.stderr);
        assert_same(&before, &wire.state(), inject);
        assert_eq!(wire.host.record("xenbr0"), None, "{inject}");
        assert!(!wire.host.script("run/networks/xenbr0.new").exists(), "{inject}");
    }
    wire.succeeds(START);
    let standing = wire.standing();
    let outcome = wire.failing(STOP, "fsync:error=ENOSPC:when=1").unwrap();
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_same(&standing, &wire.standing(), "");
    wire.succeeds(STOP);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn of_starts_at_once_one_does_it() {
    let Some(wire) = Wire::quick() else { return };
    let before = wire.state();
    let outputs = |children: Vec<Child>| children.into_iter().map(|child| child.wait_with_output().unwrap());
    // The same network: all are content.
    for output in outputs((0..4).map(|_| wire.begin(START)).collect()) {
        assert!(output.status.success(), "{output:?}");
    }
    for output in outputs((0..4).map(|_| wire.begin(STOP)).collect()) {
        assert!(output.status.success(), "{output:?}");
    }
    assert_same(&before, &wire.state(), "");
    // Others with the same card: only one can have it.
    let bridges = ["bridge=xenbr0", "bridge=xenbr1", "bridge=xenbr2"];
    let begun = bridges.map(|bridge| wire.begin(&["start", "netdev=eth0", bridge]));
    let successful = outputs(begun.into()).filter(|output| output.status.success()).count();
    assert_eq!(successful, 1);
    wire.succeeds(&["stop"]);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn a_start_survives_its_terminal_and_who_would_end_it() {
    let Some(wire) = Wire::quick() else { return };
    for signals in [&[Signal::SIGHUP][..], &[Signal::SIGINT, Signal::SIGTSTP], &[Signal::SIGTERM]] {
        for words in [START, STOP] {
            let child = wire.begin(words);
            let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
            // From the moment on at which there is a lock, there may be something to be done to the end.
            let status = format!("/proc/{process}/status");
            let end = Instant::now() + PATIENCE;
            loop {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
                let caught = caught.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or_default();
                // It has handlers, or has done all already.
                if caught & 1 != 0 || text.contains("State:\tZ") {
                    break;
                }
                assert!(Instant::now() < end, "it does not begin");
            }
            for signal in signals {
                let _ = kill(process, *signal);
            }
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{words:?} {signals:?}: {output:?}");
        }
    }
}

#[test]
fn a_bridge_that_is_removed_by_hand_gives_all_back_at_the_next_call() {
    let Some(wire) = Wire::quick() else { return };
    let before = wire.state();
    for (layout, front) in LAYOUTS {
        wire.succeeds(&["start", "netdev=eth0", layout]);
        wire.host.kernel(|kernel| delete(kernel, front));
        let outcome = wire.network_bridge(&["stop", "netdev=eth0"]);
        assert_eq!(outcome.status, 0, "{layout}: {outcome:?}");
        assert!(outcome.stderr.contains("eth0 has back what it had before"), "{}", outcome.stderr);
        assert_same(&before, &wire.state(), layout);
    }
    // Where someone has seen to the card, that counts.
    wire.succeeds(START);
    wire.host.kernel(|kernel| delete(kernel, "xenbr0"));
    wire.ip("addr add 10.0.0.77/24 dev eth0");
    wire.succeeds(STOP);
    let addresses = wire.ip("addr show dev eth0");
    assert!(addresses.contains("10.0.0.77") && !addresses.contains("10.0.0.250"), "{addresses}");
}

#[test]
fn a_bridge_with_another_name_is_not_forgotten() {
    let Some(wire) = Wire::quick() else { return };
    let before = wire.state();
    wire.succeeds(START);
    for words in ["link set xenbr0 down", "link set xenbr0 name lan", "link set lan up"] {
        wire.ip(words);
    }
    for words in [STOP, START] {
        wire.refuses(words, "ip link set lan name xenbr0");
    }
    for words in ["link set lan down", "link set lan name xenbr0", "link set xenbr0 up"] {
        wire.ip(words);
    }
    wire.ip("route add default via 10.0.0.254 dev xenbr0 metric 100");
    wire.ip("-6 addr add 2001:db8::250/64 dev xenbr0 nodad");
    wire.ip("-6 route add default via 2001:db8::fe dev xenbr0 metric 1024");
    wire.succeeds(STOP);
    assert_eq!(
        before.lines().filter(|line| line.contains("default")).collect::<Vec<_>>(),
        wire.state().lines().filter(|line| line.contains("default")).collect::<Vec<_>>()
    );
}

#[test]
fn a_card_that_another_bridge_has_now_is_left_there() {
    let Some(wire) = Wire::quick() else { return };
    wire.succeeds(START);
    wire.host.add_bridge("br1");
    wire.ip("link set eth0 master br1");
    wire.refuses(STOP, "eth0 is a port of br1 now");
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("br1"));
    wire.succeeds(&["stop", "bridge=xenbr0", "--force"]);
    assert_eq!((wire.host.master_of("eth0"), wire.host.link("xenbr0")), (None, None));
}

#[test]
fn a_card_that_was_unplugged_is_told_of_and_gets_all_back_when_it_is_there_again() {
    let Some(wire) = Wire::quick() else { return };
    wire.succeeds(START);
    let mac = wire.host.link("eth0").unwrap().mac;
    wire.host.kernel(|kernel| delete(kernel, "eth0"));
    wire.refuses(STOP, "eth0 is gone, and cannot get back what xenbr0 has");
    assert!(wire.ip("addr show dev xenbr0").contains("10.0.0.250/24"));

    wire.plug_card(&LinkChange { mac, ..LinkChange::default() });
    wire.succeeds(STOP);
    assert!(wire.ip("addr show dev eth0").contains("10.0.0.250/24"));
    wire.await_gateway();
    assert!(wire.ip("route").contains(&format!("default via {} dev eth0", GATEWAY[0])));

    for (layout, bridge) in [("layout=today", "xenbr0"), ("layout=classic", "xenbr0")] {
        wire.succeeds(&["start", "netdev=eth0", layout]);
        let card = if layout == "layout=today" { "eth0" } else { "peth0" };
        wire.host.kernel(|kernel| delete(kernel, card));
        let outcome = wire.network_bridge(&["stop", "netdev=eth0", "--force"]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert!(outcome.stderr.contains("which eth0 was not there to get"), "{}", outcome.stderr);
        assert_eq!((wire.host.link(bridge), wire.host.link("eth0")), (None, None), "{layout}");
        wire.plug_card(&LinkChange { mac, up: Some(true), ..LinkChange::default() });
        wire.ip("addr add 10.0.0.250/24 dev eth0");
    }
}

#[test]
fn what_was_taken_away_meanwhile_does_not_come_back() {
    let Some(wire) = Wire::quick() else { return };
    wire.succeeds(START);
    wire.ip("addr del 2001:db8::250/64 dev xenbr0");
    wire.ip("route del default dev xenbr0");
    wire.ip("route add default via 10.0.0.1 dev xenbr0");
    wire.succeeds(STOP);
    let addresses = wire.ip("addr show dev eth0");
    assert!(addresses.contains("10.0.0.250/24") && !addresses.contains("2001:db8::250"), "{addresses}");
    assert_eq!(wire.ip("route show default").trim(), "default via 10.0.0.1 dev eth0");
}
