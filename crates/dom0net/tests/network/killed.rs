//! Killed at any point, a start or stop is undone or finished, and nothing is lost.

use std::process::Command;

use crate::support::host::name;
use crate::wire::Wire;
use crate::{START, STOP, assert_same};

/// The system calls by which a run changes anything: messages to the kernel, and what keeps its record.
const POINTS: [&str; 7] = ["sendto", "write", "fsync", "rename", "unlink", "mkdir", "openat"];

impl Wire {
    /// Calls `network-bridge` and kills it when it is about to make the system call `point` for the `count`th time.
    /// Says whether it was killed.
    fn killed_at(&self, words: &[&str], point: &str, count: usize) -> bool {
        let strace = testkit::program("strace").expect("looked for before");
        let program = self.host.script("network-bridge");
        let inject = format!("inject={point}:signal=KILL:when={count}");
        let run = || {
            Command::new(&strace)
                .args(["-o", "/dev/null", "-f", "-e", &format!("trace={point}"), "-e", &inject])
                .arg(&program)
                .args(words)
                .env_clear()
                .envs(self.host.environment())
                .output()
                .unwrap()
        };
        let output = self.host.namespace.run(run).unwrap();
        // strace ends as its child did.
        !output.status.success()
    }

    /// Calls `dom0net recover`.
    fn recover(&self) {
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

#[test]
fn a_start_that_is_killed_anywhere_is_undone() {
    let Some(wire) = host() else { return };
    let before = wire.state();
    let points = walk(&wire, START, |at| {
        wire.recover();
        if wire.host.link("xenbr0").is_some() {
            // Killed behind its last change, it stands.
            assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"), "{at}");
            wire.succeeds(STOP);
        }
        assert_same(&before, &wire.state(), at);
    });
    // Each of the plan's changes is at least a message.
    assert!(points > 40, "only {points} points were found");
}

#[test]
fn a_stop_that_is_killed_anywhere_is_finished_or_not_begun() {
    let Some(wire) = host() else { return };
    let before = wire.state();
    wire.succeeds(START);
    let standing = wire.state();
    let points = walk(&wire, STOP, |at| {
        wire.recover();
        if wire.host.link("xenbr0").is_some() {
            assert_same(&standing, &wire.state(), at);
        } else {
            assert_same(&before, &wire.state(), at);
            wire.succeeds(START);
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
