//! The policy changes while frames come in: without a gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dom0net::guard::{Policy, Reason, Vlans};
use lab::frame::{Ethernet, Frame, Packet};

use super::gauge::Gauge;
use super::stage::{OWN, VICTIM};
use super::{locked, locked_to_many};

const CHANGES: usize = 200;

/// What came of two frames that a guest sends all the time while its policy changes.
struct Outcome {
    /// How often each was sent.
    sent: u64,
    own_passed: u64,
    forged_passed: u64,
    forged_counted: u64,
}

fn change_between(policies: &[Policy]) -> Option<Outcome> {
    let gauge = Gauge::new(&policies[0])?;
    let from = |source: [u8; 4], payload: &[u8]| -> Frame {
        Ethernet::new(OWN, VICTIM).ip(&Packet::v4(source, [10, 0, 0, 2]).udp(1, 2, payload))
    };
    // They differ in length, by which they are told apart behind the guard.
    let (own, forged) = (from([10, 0, 0, 1], b"x"), from([10, 0, 0, 9], &[0; 1001]));
    let is_over = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Acquire) {
                gauge.send(&own);
                gauge.send(&forged);
                sent += 1;
            }
            sent
        });
        policies.iter().cycle().take(CHANGES).for_each(|policy| gauge.change(policy));
        is_over.store(true, Ordering::Release);
        sender.join().unwrap()
    });
    assert!(sent > CHANGES as u64, "too slow to show anything: {sent} frames");
    let (passed, bytes) = gauge.passed();
    let without_header = |frame: &Frame| frame.len() as u64 - 14;
    let surplus = bytes - passed * without_header(&own);
    let forged_passed = surplus / (without_header(&forged) - without_header(&own));
    let forged_counted = gauge.tally().get(&Some(Reason::Ipv4Source)).copied().unwrap_or(0);
    Some(Outcome { sent, own_passed: passed - forged_passed, forged_passed, forged_counted })
}

#[test]
fn a_policy_changes_from_one_frame_to_the_next() {
    let isolated = Policy { isolated: true, router: true, ..locked() };
    let Some(outcome) = change_between(&[locked(), isolated]) else { return };
    assert_eq!(outcome.forged_passed, 0);
    assert_eq!(outcome.own_passed, outcome.sent, "all of the guest's own pass");
    // Counters go on: the last policy alone has counted a two-hundredth of that. What is counted between reading them and the
    // change is lost, on a slow machine most.
    assert!(outcome.forged_counted > outcome.sent / 20 && outcome.forged_counted <= outcome.sent);
}

/// Kernels may find nothing in a set for a moment while it comes into force: a frame then drops that would have passed,
/// never the other way round.
#[test]
fn sets_and_chains_come_and_go_without_a_gap() {
    let more = Policy { vlans: Vlans::All, log: true, ..locked_to_many() };
    let Some(outcome) = change_between(&[more, locked()]) else { return };
    assert_eq!(outcome.forged_passed, 0);
    let lost = outcome.sent - outcome.own_passed;
    assert!(lost <= 10 * CHANGES as u64, "{lost} of {} frames were lost", outcome.sent);
}
