//! What a pipelined read costs in system calls, counted with strace.

use std::process::Command;

use xenstore::{Client, Requests, Server};

const SOCKET: &str = "XENSTORE_TEST_SOCKET";

/// What a hotplug script does first: six keys.
#[test]
#[ignore = "run under strace by the test below"]
fn reads_six_keys() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return testkit::skip!("only a part of the test below");
    };
    let mut client = Client::connect(socket).unwrap();
    let vif = ["bridge", "mac", "ip", "script", "vifname", "rate"].map(|key| format!("/vif/{key}"));
    let values = client.read_many(vif.each_ref().map(String::as_str)).unwrap();
    assert!(values.into_iter().all(|value| value.unwrap().is_some_and(|value| value.len() == 100)));
}

#[test]
fn six_keys_cost_one_write_and_at_most_two_reads() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    if Command::new("strace").arg("-V").output().is_err() {
        return testkit::skip!("strace cannot be run");
    }
    let server = Server::bind(folder.path().join("socket")).unwrap().spawn().unwrap();
    let keys = ["bridge", "mac", "ip", "script", "vifname", "rate"];
    let mut dom0 = Client::connect(server.path()).unwrap();
    dom0.write_each(keys.map(|key| (format!("/vif/{key}"), [b'v'; 100]))).unwrap();
    let run = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "system_calls::reads_six_keys", "--ignored"])
        .env(SOCKET, server.path())
        .output()
        .unwrap();
    if !run.status.success() && String::from_utf8_lossy(&run.stderr).contains("ptrace") {
        return testkit::skip!("strace may not trace here");
    }
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let calls =
        calls_on_the_socket(&std::fs::read_to_string(log).unwrap(), &server.path().display().to_string());
    let count = |names: &[&str]| calls.iter().filter(|call| names.contains(&call.as_str())).count();
    assert_eq!(count(&["write", "sendto", "writev", "sendmsg"]), 1, "{calls:?}");
    assert!((1..=2).contains(&count(&["read", "recvfrom"])), "{calls:?}");
    assert_eq!(count(&["connect", "close"]), 2, "{calls:?}");
    assert!(calls.len() <= 5, "nothing else: {calls:?}");
}

/// The names of the system calls on the descriptor that was connected to `socket`, from then on.
fn calls_on_the_socket(log: &str, socket: &str) -> Vec<String> {
    let mut calls = Vec::new();
    let mut descriptor = None;
    for line in log.lines() {
        // `1234  connect(5, {sa_family=AF_UNIX, sun_path="..."}, 110) = 0`
        let Some((name, arguments)) =
            line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').split_once('(')
        else {
            continue;
        };
        let first = arguments.split([',', ')']).next().unwrap_or_default().to_owned();
        if name == "connect" && line.contains(socket) {
            descriptor = Some(first.clone());
        }
        if descriptor.as_ref() == Some(&first) {
            calls.push(name.to_owned());
            if name == "close" {
                descriptor = None;
            }
        }
    }
    calls
}
