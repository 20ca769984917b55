//! Killed at any point, a start or stop is undone or finished, and nothing is lost.

use crate::support::host::name;
use crate::wire::Wire;
use crate::{START, STOP, assert_same};

/// The system calls by which a run changes anything: messages to the kernel, and what keeps its record.
const POINTS: [&str; 7] = ["sendto", "write", "fsync", "rename", "unlink", "mkdir", "openat"];

impl Wire {
    /// Calls `network-bridge` and kills it when it is about to make the system call `point` for the `count`th time.
    /// Says whether it was killed.
    fn killed_at(&self, words: &[&str], point: &str, count: usize) -> bool {
        self.killed(words, point, count, &["-f"])
    }

    /// The same without what it starts.
    pub(crate) fn killed_at_alone(&self, words: &[&str], point: &str, count: usize) -> bool {
        self.killed(words, point, count, &[])
    }

    fn killed(&self, words: &[&str], point: &str, count: usize, flags: &[&str]) -> bool {
        let what = format!("signal=KILL:when={count}");
        let output = self.under_strace(flags, point, &what, words).expect("looked for before");
        // strace ends as its child did.
        assert!(matches!(output.status.code(), None | Some(0)), "{words:?} failed: {output:?}");
        !output.status.success()
    }

    /// Calls `dom0net recover`.
    pub(crate) fn recover(&self) {
        let outcome = self.host.run("dom0net", &["recover"], &[]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
}

/// A host with a few things on its card, whose addresses are not checked for uniqueness, so that it is soon there.
fn host() -> Option<Wire> {
    testkit::program("strace")?;
    let wire = Wire::quick()?;
    for words in [
        "addr add 10.0.0.251/24 dev eth0 label eth0:1",
        "addr add 2001:db8:5::1/64 dev eth0 valid_lft 3000 preferred_lft 2000",
        "route add 10.7.0.0/16 via 10.0.0.77 dev eth0 metric 5 table 100",
        "-6 route add 2001:db8:aa::/48 via 2001:db8::7 dev eth0",
        "rule add iif eth0 lookup 100 pref 500",
        "neigh add proxy 10.0.0.41 dev eth0",
    ] {
        wire.ip(words);
    }
    // Even an address that is not checked is taken for unchecked until the kernel comes to it.
    wire.await_addresses();
    Some(wire)
}

/// Calls `check` with the name of each point at which a run with these words can be killed, killed there.
fn walk(wire: &Wire, words: &[&str], mut check: impl FnMut(&str)) -> usize {
    let mut points = 0;
    for point in POINTS {
        for count in 1.. {
            if !wire.killed_at(words, point, count) {
                break;
            }
            points += 1;
            check(&format!("killed at {point} number {count}"));
        }
        // The run that was not killed has done its work; the check brings the host back for the next.
        check(&format!("not killed at any {point}"));
    }
    points
}

/// Nobody is looked for who manages the card: that is a file for each process of the machine, and changes nothing.
const FORCE: &str = "--force";

/// A layout: how it is started and stopped, and who is the port of whom when it stands.
struct Layout {
    start: [&'static str; 5],
    stop: [&'static str; 2],
    card: &'static str,
    bridge: &'static str,
}

const TODAY: Layout = Layout {
    start: ["start", "netdev=eth0", "bridge=xenbr0", "layout=today", FORCE],
    stop: ["stop", "bridge=xenbr0"],
    card: "eth0",
    bridge: "xenbr0",
};

const BRIDGE_IS_CARD: Layout = Layout {
    start: ["start", "netdev=eth0", "bridge=eth0", "layout=bridge-is-eth0", FORCE],
    stop: ["stop", "bridge=eth0"],
    card: "peth0",
    bridge: "eth0",
};

const CLASSIC: Layout = Layout {
    start: ["start", "netdev=eth0", "bridge=xenbr0", "layout=classic", FORCE],
    stop: ["stop", "bridge=xenbr0"],
    card: "peth0",
    bridge: "xenbr0",
};

impl Layout {
    fn stands(&self, wire: &Wire) -> bool {
        wire.host.link(self.bridge).is_some_and(|link| link.is_bridge())
    }
}

#[test]
fn a_start_that_is_killed_anywhere_is_undone() {
    killed_start(&TODAY);
}

#[test]
fn a_start_that_is_killed_anywhere_is_undone_where_the_bridge_has_the_cards_name() {
    killed_start(&BRIDGE_IS_CARD);
}

#[test]
fn a_start_that_is_killed_anywhere_is_undone_where_the_host_is_like_a_guest() {
    killed_start(&CLASSIC);
}

fn killed_start(layout: &Layout) {
    let Some(wire) = host() else { return };
    let before = wire.state();
    let points = walk(&wire, &layout.start, |at| {
        wire.recover();
        if layout.stands(&wire) {
            // Killed behind its last change, it stands.
            assert_eq!(wire.host.master_of(layout.card).as_deref(), Some(layout.bridge), "{at}");
            wire.succeeds(&layout.stop);
        }
        assert_same(&before, &wire.state(), at);
    });
    // Each of the plan's changes is at least a message.
    assert!(points > 40, "only {points} points were found");
}

#[test]
fn a_stop_that_is_killed_anywhere_is_finished_or_not_begun() {
    killed_stop(&TODAY);
}

#[test]
fn a_stop_that_is_killed_anywhere_is_finished_where_the_bridge_has_the_cards_name() {
    killed_stop(&BRIDGE_IS_CARD);
}

#[test]
fn a_stop_that_is_killed_anywhere_is_finished_where_the_host_is_like_a_guest() {
    killed_stop(&CLASSIC);
}

fn killed_stop(layout: &Layout) {
    let Some(wire) = host() else { return };
    let before = wire.state();
    wire.succeeds(&layout.start);
    let standing = wire.standing();
    let points = walk(&wire, &layout.stop, |at| {
        wire.recover();
        if layout.stands(&wire) {
            assert_same(&standing, &wire.standing(), &format!("{at}: it stands"));
        } else {
            assert_same(&before, &wire.state(), at);
            wire.succeeds(&layout.start);
        }
    });
    assert!(points > 30, "only {points} points were found");
}

#[test]
fn the_next_call_recovers_by_itself() {
    let Some(wire) = host() else { return };
    let before = wire.state();
    assert!(wire.killed_at(START, "sendto", 35));
    wire.succeeds(START);
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
    assert!(wire.killed_at(STOP, "sendto", 40));
    wire.succeeds(STOP);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn a_device_that_got_the_bridges_number_meanwhile_is_left_alone() {
    let Some(wire) = host() else { return };
    let before = wire.state();
    let next =
        wire.host.kernel(|kernel| kernel.links().unwrap().iter().map(|link| link.index).max().unwrap() + 1);
    // Killed between its record and its first change.
    let record = (1..200).find(|&count| {
        assert!(wire.killed_at(START, "sendto", count));
        wire.host.record("xenbr0").is_some()
    });
    assert!(record.is_some() && wire.host.link("xenbr0").is_none());
    wire.host.add_device_at("veth9", next);
    wire.recover();
    assert_eq!(wire.host.link("veth9").map(|link| link.index), Some(next));
    wire.host.kernel(|kernel| crate::wire::delete(kernel, name("veth9").as_str()));
    assert_same(&before, &wire.state(), "");
}
