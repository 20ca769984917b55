//! The guard, tried with frames: what a guest may send arrives unchanged, what it may not arrives nowhere, and is
//! counted under the right reason.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

mod accelerated;
mod agreement;
mod change;
mod forged;
mod gauge;
mod legitimate;
mod lifecycle;
mod log;
mod mutants;
mod offloaded;
mod owned;
mod remains;
mod stage;

use dom0net::guard::{Policy, Reason};
use lab::frame::Frame;

use stage::{OWN, Stage};

/// A frame with a name.
type Case = (&'static str, Frame);

/// The policy of a guest with two addresses.
fn locked() -> Policy {
    Policy::locked(OWN, ["10.0.0.1/32".parse().unwrap(), "2001:db8::1/128".parse().unwrap()])
}

/// The policy of a guest with more addresses than are compared one by one, and networks.
fn locked_to_many() -> Policy {
    let networks = [
        "10.0.0.1/32",
        "10.0.0.77/32",
        "192.0.2.0/24",
        "2001:db8::1/128",
        "2001:db8:7::/48",
        "2001:db8::77/128",
    ];
    Policy::locked(OWN, networks.map(|network| network.parse().unwrap()))
}

fn all_pass(policy: &Policy, cases: Vec<Case>) {
    let Some(mut stage) = Stage::new(policy) else { return };
    for (name, frame) in cases {
        assert!(stage.passes(&frame), "{name} was dropped: {frame}");
    }
    assert_eq!(stage.dropped_at_all(), 0);
}

fn all_drop(policy: &Policy, reason: Reason, cases: Vec<Case>) {
    let Some(mut stage) = Stage::new(policy) else { return };
    for (name, frame) in cases {
        let before = stage.dropped(reason);
        assert!(!stage.passes(&frame), "{name} passed: {frame}");
        assert_eq!(stage.dropped(reason), before + 1, "{name} was not dropped as {reason:?}: {frame}");
    }
}
