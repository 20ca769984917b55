//! Dropped frames in the kernel's log.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use dom0net::guard::{Policy, Reason};
use lab::frame::{Ethernet, Packet};

use super::gauge::Gauge;
use super::locked;
use super::stage::{OWN, VICTIM};

/// Whether namespaces other than the first may write to the log.
const ALL_NAMESPACES: &str = "/proc/sys/net/netfilter/nf_log_all_netns";

/// `O_NONBLOCK` of Linux, on all machines that Xen runs on.
const NONBLOCK: i32 = 0o4000;

#[test]
fn some_dropped_frames_are_told_with_the_name_of_the_vif() {
    let Some(gauge) = Gauge::new(&Policy { log: true, ..locked() }) else { return };
    let Ok(before) = fs::read_to_string(ALL_NAMESPACES) else {
        return testkit::skip!("the kernel has no {ALL_NAMESPACES}");
    };
    // O_NONBLOCK: reading ends at the last message.
    let Ok(mut log) = OpenOptions::new().read(true).custom_flags(NONBLOCK).open("/dev/kmsg") else {
        return testkit::skip!("/dev/kmsg may not be read");
    };
    if fs::write(ALL_NAMESPACES, "1").is_err() {
        return testkit::skip!("{ALL_NAMESPACES} may not be written");
    }
    // An address that no other test forges.
    let forged = Ethernet::new(OWN, VICTIM).ip(&Packet::v4([10, 77, 66, 55], [10, 0, 0, 2]).udp(1, 2, b"x"));
    for _ in 0..1000 {
        gauge.send(&forged);
    }
    fs::write(ALL_NAMESPACES, before).unwrap();
    let mut lines = 0;
    let mut message = [0; 8192];
    // A message that was overwritten meanwhile is an error, and no end.
    while let Ok(length) = log.read(&mut message).or_else(|error| match error.raw_os_error() {
        Some(32) => Ok(0),
        _ => Err(error),
    }) {
        let text = String::from_utf8_lossy(&message[..length]);
        lines += usize::from(
            text.contains("dom0net dropped vif1.0: IN=vif1.0 ") && text.contains("SRC=10.77.66.55"),
        );
    }
    // Ten at once, and five a second.
    assert!((1..100).contains(&lines), "{lines} lines");
    assert_eq!(gauge.tally().get(&Some(Reason::Ipv4Source)), Some(&1000), "all are counted");
}
