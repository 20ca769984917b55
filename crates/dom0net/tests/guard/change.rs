//! The policy changes while frames come in: without a gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dom0net::guard::{Policy, Reason, Vlans};
use ethernet::MacAddress;
use lab::frame::{DhcpMessage, Ethernet, Frame, Packet};

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

/// A frame of the guest's own, and one that is not.
fn datagrams() -> [Frame; 2] {
    let from = |source: [u8; 4], payload: &[u8]| -> Frame {
        Ethernet::new(OWN, VICTIM).ip(&Packet::v4(source, [10, 0, 0, 2]).udp(1, 2, payload))
    };
    [from([10, 0, 0, 1], b"x"), from([10, 0, 0, 9], &[0; 1001])]
}

/// The same of what guests say now and then, which all guards of a table look up in one place.
fn requests() -> [Frame; 2] {
    let [me, you] = ["2001:db8::1", "2001:db8::2"].map(|address| address.parse().unwrap());
    let asks = Packet::v6(me, you).neighbour_solicitation(you, Some(OWN));
    [
        Ethernet::new(OWN, VICTIM).ip(&asks),
        Ethernet::broadcast(OWN).ip(&DhcpMessage::discover(VICTIM).packet()),
    ]
}

/// The frames differ in length, by which they are told apart behind the guard.
fn change_between(policies: &[Policy], [own, forged]: [Frame; 2]) -> Option<Outcome> {
    let gauge = Gauge::new(&policies[0])?;
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
    let Some(outcome) = change_between(&[locked(), isolated], datagrams()) else { return };
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
    let Some(outcome) = change_between(&[more, locked()], datagrams()) else { return };
    assert_eq!(outcome.forged_passed, 0);
    let lost = outcome.sent - outcome.own_passed;
    assert!(lost <= 10 * CHANGES as u64, "{lost} of {} frames were lost", outcome.sent);
}

#[test]
fn what_is_looked_up_of_a_guest_changes_without_a_gap() {
    let mut more = locked();
    let addresses = ["10.0.0.1/32", "2001:db8::1/128", "2001:db8::5/128", "2001:db8::9/128"];
    more.set_addresses(addresses.map(|address| address.parse().unwrap()));
    more.more_macs = vec![MacAddress::new([0, 0x16, 0x3e, 0, 0, 9])];
    let Some(outcome) = change_between(&[more, locked()], requests()) else { return };
    assert_eq!(outcome.forged_passed, 0);
    let lost = outcome.sent - outcome.own_passed;
    assert!(lost <= 10 * CHANGES as u64, "{lost} of {} frames were lost", outcome.sent);
    println!("{lost} of {} frames were lost", outcome.sent);
}
