//! What a plug asks of the kernel, counted: the same on each machine, however fast it is.
//!
//! A change of these numbers is a change of what each plug of each guest costs. `UPDATE_COSTS=1` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::host::Host;

/// The system calls that the program decides on. What its start and its memory take is the C library's affair, and how often it
/// reads depends on how fast others answer.
const COUNTED: &str =
    "bind,clone,clone3,connect,execve,fork,mkdir,rename,sendmsg,sendto,setsockopt,socket,unlink,vfork";

const BASELINE: &str = include_str!("system-calls.txt");

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hotplug/system-calls.txt")
}

/// How often each system call is made, one line for each.
fn system_calls(host: &Host, words: &[&str]) -> String {
    let strace = testkit::program("strace").expect("looked for before");
    let log = host.script("calls");
    let run = || {
        Command::new(&strace)
            .args(["-f", "-qq", "-o", log.to_str().unwrap(), "-e", &format!("trace={COUNTED}")])
            .arg(host.script("vif-bridge"))
            .args(words)
            .env_clear()
            .envs(host.environment())
            .envs([("XENBUS_PATH", "backend/vif/1/0"), ("vif", "vif1.0")])
            .output()
            .unwrap()
    };
    let output = host.namespace.run(run).unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    let mut counts = BTreeMap::<String, u32>::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        // `PID name(…`; a call that another thread interrupts is told in two lines, of which one is counted.
        let call = line.split_whitespace().nth(1).and_then(|word| word.split_once('('));
        if let Some((name, _)) = call {
            // Each C library has its own way to begin a process.
            let name = if ["clone", "clone3", "vfork"].contains(&name) { "fork" } else { name };
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    let lines: Vec<String> =
        counts.into_iter().map(|(name, count)| format!("{} {name} {count}\n", words[0])).collect();
    lines.concat()
}

#[test]
fn a_plug_asks_no_more_of_the_kernel_than_it_did() {
    if testkit::program("strace").is_none() {
        return;
    }
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("ip", "10.0.0.1 2001:db8::1");
    // The first plug of a host makes a table that stays.
    assert_eq!(host.vif_bridge(&["online", "type_if=vif"]).status, 0);
    assert_eq!(host.vif_bridge(&["offline", "type_if=vif"]).status, 0);
    let online = system_calls(&host, &["online", "type_if=vif"]);
    let offline = system_calls(&host, &["offline", "type_if=vif"]);
    let now = online + &offline;
    if std::env::var_os("UPDATE_COSTS").is_some() {
        std::fs::write(baseline(), now).unwrap();
        return;
    }
    assert_eq!(now, BASELINE, "see UPDATE_COSTS");
}
