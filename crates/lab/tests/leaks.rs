//! Nothing is left behind. This is the only test of its program, so that it can count the program's threads and files.
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

/// Threads that have been waited for may be seen for a moment.
fn settled(expected: [usize; 3]) -> [usize; 3] {
    let begin = Instant::now();
    while counts() != expected && begin.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(1));
    }
    counts()
}

#[test]
fn two_hundred_plugs_and_unplugs_leave_nothing_behind() {
    let before = counts();
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
    let at_rest = counts();
    let host = lab.host().station().snapshot().unwrap();
    let nodes = |lab: &lab::Lab| {
        let mut store = lab.store().unwrap();
        store.tree("/", xenstore::TreeLimits::default()).unwrap().unwrap().walk().count()
    };
    let stored = nodes(&lab);
    for _ in 0..CYCLES {
        cycle();
    }
    assert_eq!(settled(at_rest), at_rest, "files, threads, children");
    assert_eq!(lab.host().station().snapshot().unwrap().since(&host), []);
    assert_eq!(nodes(&lab), stored);
    assert_eq!(lab.netback_failure(), None);

    for _ in 0..10 {
        let guest = lab.create(&DomainConfig::xl("db", &["ip=10.0.0.3"]).unwrap()).unwrap();
        lab.toolstack().destroy(guest.domid()).unwrap();
    }
    assert_eq!(settled(at_rest), at_rest, "files, threads, children");
    let folder = lab.folder().to_owned();
    drop(lab);
    assert!(!folder.exists());
    drop(guest);
    assert_eq!(settled(before), before, "files, threads, children");
}
