//! A start that nobody confirms goes back by itself.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::Wire;
use crate::{START, assert_same};

const CONFIRM: [&str; 5] = ["start", "netdev=eth0", "bridge=xenbr0", "--confirm", "2s"];

fn await_end_of(wire: &Wire) {
    let end = Instant::now() + Duration::from_secs(20);
    while wire.host.record("xenbr0").is_some() {
        assert!(Instant::now() < end, "it does not go back");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_nobody_confirms_goes_back() {
    let Some(wire) = Wire::new() else { return };
    let before = wire.state();
    wire.succeeds(&CONFIRM);
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
    await_end_of(&wire);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn what_is_confirmed_stays() {
    let Some(wire) = Wire::new() else { return };
    wire.succeeds(&CONFIRM);
    assert_eq!(wire.host.run("dom0net", &["confirm"], &[]).status, 0);
    let again = wire.host.run("dom0net", &["confirm"], &[]);
    assert_eq!((again.status, again.stderr.as_str()), (1, "dom0net: no start waits to be confirmed\n"));
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
}

#[test]
fn the_start_of_another_day_is_not_taken_back() {
    let Some(wire) = Wire::new() else { return };
    wire.succeeds(&CONFIRM);
    wire.succeeds(&["stop", "bridge=xenbr0"]);
    wire.succeeds(START);
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
}

#[test]
fn a_start_that_is_killed_goes_back_too() {
    if testkit::program("strace").is_none() {
        return;
    }
    let Some(wire) = Wire::quick() else { return };
    let before = wire.state();
    let strace = testkit::program("strace").unwrap();
    let run = || {
        Command::new(&strace)
            .args(["-o", "/dev/null", "-e", "trace=sendto", "-e", "inject=sendto:signal=KILL:when=30"])
            .arg(wire.host.script("network-bridge"))
            .args(CONFIRM)
            .env_clear()
            .envs(wire.host.environment())
            .output()
            .unwrap()
    };
    let output = wire.host.namespace.run(run).unwrap();
    assert!(!output.status.success(), "it was not killed");
    assert!(wire.host.record("xenbr0").is_some());
    await_end_of(&wire);
    assert_same(&before, &wire.state(), "");
}

#[test]
fn a_time_that_is_none_is_a_bad_call() {
    let Some(wire) = Wire::quick() else { return };
    let outcome = wire.network_bridge(&["start", "netdev=eth0", "--confirm", "soon"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("write it like 60s or 2m"), "{}", outcome.stderr);
}
