//! Nothing is left behind. This is the only test of its program, so that it can count the program's threads and
//! files.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use lab::DomainConfig;
use xenstore::Requests;

const CYCLES: usize = 200;

/// Open files, threads, and children of this program.
fn counts() -> [usize; 3] {
    let entries = |path: &str| fs::read_dir(path).unwrap().count();
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let children = threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default())
        .map(|children| children.split_ascii_whitespace().count())
        .sum();
    [entries("/proc/self/fd"), entries("/proc/self/task"), children]
}

/// The counts once they stay the same: the other end of a connection that was closed is closed a little later.
fn at_rest() -> [usize; 3] {
    let mut last = (counts(), Instant::now());
    while last.1.elapsed() < Duration::from_millis(300) {
        std::thread::sleep(Duration::from_millis(2));
        let now = counts();
        if now != last.0 {
            last = (now, Instant::now());
        }
    }
    last.0
}

#[test]
fn two_hundred_plugs_and_unplugs_leave_nothing_behind() {
    let before = at_rest();
    let Some(lab) = common::lab() else { return };
    let guest = lab.create(&DomainConfig::new("web")).unwrap();
    let vif = "mac=00:16:3e:00:00:02,ip=10.0.0.2".parse().unwrap();
    let cycle = || {
        lab.toolstack().attach(guest.domid(), &vif).unwrap();
        guest.wait_connected(0, Duration::from_secs(10)).unwrap();
        lab.toolstack().detach(guest.domid(), 0).unwrap();
    };
    // What is opened at the first use and kept.
    cycle();
    let quiet = at_rest();
    let host = lab.host().station().snapshot().unwrap();
    let nodes = |lab: &lab::Lab| {
        let mut store = lab.store().unwrap();
        store.tree("/", xenstore::TreeLimits::default()).unwrap().unwrap().walk().count()
    };
    let stored = nodes(&lab);
    for _ in 0..CYCLES {
        cycle();
    }
    assert_eq!(at_rest(), quiet, "files, threads, children");
    assert_eq!(lab.host().station().snapshot().unwrap().since(&host), []);
    assert_eq!(nodes(&lab), stored);
    assert_eq!(lab.netback_failure(), None);

    for _ in 0..10 {
        let guest = lab.create(&DomainConfig::xl("db", &["ip=10.0.0.3"]).unwrap()).unwrap();
        lab.toolstack().destroy(guest.domid()).unwrap();
    }
    assert_eq!(at_rest(), quiet, "files, threads, children");
    let folder = lab.folder().to_owned();
    drop(lab);
    assert!(!folder.exists());
    drop(guest);
    assert_eq!(at_rest(), before, "files, threads, children");
}
