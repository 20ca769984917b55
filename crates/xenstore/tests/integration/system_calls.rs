//! What a pipelined read costs in system calls, counted with strace.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

use xenstore::{Client, Requests, Server};

const SOCKET: &str = "XENSTORE_TEST_SOCKET";

const KEYS: [&str; 6] = ["/vif/bridge", "/vif/mac", "/vif/ip", "/vif/script", "/vif/vifname", "/vif/rate"];

/// What a hotplug script does first.
fn read_six_keys(client: &mut Client) {
    let values = client.read_many(KEYS).unwrap();
    assert!(values.into_iter().all(|value| value.unwrap().is_some_and(|value| value.len() == 100)));
}

#[test]
#[ignore = "run under strace by a test below"]
fn reads_from_the_socket() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return testkit::skip!("only a part of a test below");
    };
    read_six_keys(&mut Client::connect(socket).unwrap());
}

#[test]
#[ignore = "run under strace by a test below"]
fn reads_from_a_device() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return testkit::skip!("only a part of a test below");
    };
    let socket = UnixStream::connect(socket).unwrap();
    read_six_keys(&mut Client::from_device(File::from(OwnedFd::from(socket))));
}

#[test]
fn six_keys_cost_one_write_and_at_most_two_reads() {
    let Some(calls) = calls_of_or_skip("reads_from_the_socket") else { return };
    let count = |names: &[&str]| calls.iter().filter(|(name, _)| names.contains(&name.as_str())).count();
    assert_eq!(count(&["write", "sendto", "writev", "sendmsg"]), 1, "{calls:?}");
    assert!((1..=2).contains(&count(&["read", "recvfrom"])), "{calls:?}");
    assert_eq!(count(&["connect", "close"]), 2, "{calls:?}");
    assert!(calls.len() <= 5, "nothing else: {calls:?}");
}

#[test]
fn the_device_gets_a_request_only_after_the_reply_to_the_one_before() {
    let Some(calls) = calls_of_or_skip("reads_from_a_device") else { return };
    let talk: Vec<&str> =
        calls.iter().map(|(name, _)| name.as_str()).filter(|name| ["write", "read"].contains(name)).collect();
    assert_eq!(talk, ["write", "read"].repeat(KEYS.len()), "{calls:?}");
}

/// Runs a test of this file under strace and gives its system calls on the socket with their arguments.
fn calls_of_or_skip(test: &str) -> Option<Vec<(String, String)>> {
    if Command::new("strace").arg("-V").output().is_err() {
        testkit::skip!("strace cannot be run");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = Server::bind(folder.path().join("socket")).unwrap().spawn().unwrap();
    let mut dom0 = Client::connect(server.path()).unwrap();
    dom0.write_each(KEYS.map(|key| (key, [b'v'; 100]))).unwrap();
    let run = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("system_calls::{test}"), "--ignored"])
        .env(SOCKET, server.path())
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() && messages.contains("ptrace") {
        testkit::skip!("strace may not trace here: {messages}");
        return None;
    }
    assert!(run.status.success(), "{messages}");
    let log = std::fs::read_to_string(log).unwrap();
    Some(calls_on_the_socket(&log, &server.path().display().to_string()))
}

/// The system calls on the descriptor that was connected to `socket`, from then on.
fn calls_on_the_socket(log: &str, socket: &str) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    let mut descriptor = None;
    for line in log.lines() {
        // `1234  connect(5, {sa_family=AF_UNIX, sun_path="..."}, 110) = 0`
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let first = arguments.split([',', ')']).next().unwrap_or_default();
        if name == "connect" && line.contains(socket) {
            descriptor = Some(first.to_owned());
        }
        if descriptor.as_deref() == Some(first) {
            calls.push((name.to_owned(), arguments.to_owned()));
            if name == "close" {
                descriptor = None;
            }
        }
    }
    calls
}
