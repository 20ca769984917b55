//! A lab of its own processes, started, entered and ended with the example `lab`.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lab::keeper::{self, KeeperError, Places};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

struct Example {
    program: PathBuf,
    folder: TempDir,
}

impl Example {
    /// None, after saying so, where this user may not make namespaces.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/lab");
        assert!(program.exists(), "the example is missing: cargo build -p lab --examples");
        let example = Self { program, folder };
        let output = example.run(&["once"]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if error.contains("may not make namespaces") {
            testkit::skip!("{}", error.trim());
            return None;
        }
        assert_eq!(output.status.code(), Some(3), "{error}");
        Some(example)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env("DOM0NET_LAB_DIR", self.state()).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a command prints when it succeeds.
    fn told(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn places(&self) -> Places {
        Places::at(self.state())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = keeper::end(&self.places());
    }
}

fn pid_namespace(pid: &str) -> Option<PathBuf> {
    fs::read_link(Path::new("/proc").join(pid).join("ns/pid")).ok()
}

/// The processes of the lab whose first process is `first`.
fn processes_in(namespace: &Path) -> Vec<String> {
    let numbers = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    let numbers = numbers.filter_map(|name| name.into_string().ok());
    numbers.filter(|pid| pid_namespace(pid).as_deref() == Some(namespace)).collect()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_lab_that_stays_can_be_entered_and_ended() {
    let Some(example) = Example::new() else { return };
    assert!(example.told(&["up"]).contains("answered"));
    assert!(example.told(&["list"]).contains("host, gateway, switch, web"));
    // The namespaces of the guest, its mounts and its processes.
    // Where there are bonds, there is a file among the devices' folders.
    let look = "cd /sys/class/net; echo */; cat /proc/1/cmdline; hostname";
    let seen = example.told(&["enter", "web", "sh", "-c", look]);
    assert!(seen.starts_with("eth0/ lo/\nxen-lab\0--stage\0init"), "{seen:?}");
    assert!(seen.ends_with("xen-lab\n"), "{seen:?}");
    let store =
        example.told(&["enter", "host", "sh", "-c", "test -S $XENSTORED_PATH && echo $XENSTORED_PATH"]);
    assert!(store.starts_with("/run/xen-lab/"), "{store}");
    assert_eq!(example.run(&["enter", "host", "sh", "-c", "exit 7"]).status.code(), Some(7));
    example.told(&["down"]);
    assert!(matches!(keeper::running(&example.places()), Err(KeeperError::NotRunning)));
}

#[test]
fn what_cannot_be_done_is_explained() {
    let Some(example) = Example::new() else { return };
    let error = |words: &[&str]| {
        let output = example.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error(&["down"]).contains("no lab is running"));
    assert!(error(&["enter", "web"]).contains("no lab is running"));
    example.told(&["up"]);
    assert!(error(&["up"]).contains("a lab is running already"));
    let unknown = error(&["enter", "nobody"]);
    assert!(unknown.contains("no \"nobody\"; there is host, gateway, switch, web"), "{unknown}");
    assert!(error(&["enter", "web", "no-such-program"]).contains("cannot run no-such-program on web"));
}

#[test]
fn nothing_is_left_of_a_lab_whose_first_process_is_killed() {
    let Some(example) = Example::new() else { return };
    example.told(&["up"]);
    let running = keeper::running(&example.places()).unwrap();
    let namespace = pid_namespace(&running.pid.to_string()).unwrap();
    let mut shell = example.command(&["enter", "web", "sleep", "1000"]).spawn().unwrap();
    wait_until("the shell is inside", || processes_in(&namespace).len() == 3);
    kill(Pid::from_raw(running.pid.cast_signed()), Signal::SIGKILL).unwrap();
    wait_until("all are gone", || processes_in(&namespace).is_empty());
    assert!(!shell.wait().unwrap().success());
    // What is left says nothing, and keeps nobody from starting another one.
    assert!(matches!(keeper::running(&example.places()), Err(KeeperError::NotRunning)));
    example.told(&["up"]);
}

#[test]
fn a_lab_ends_with_the_command_that_started_it() {
    let Some(example) = Example::new() else { return };
    let mut command = example.command(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(command.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", command.id())).unwrap();
    let namespace = pid_namespace(children.trim()).unwrap();
    assert_eq!(processes_in(&namespace).len(), 2);
    command.kill().unwrap();
    command.wait().unwrap();
    wait_until("all are gone", || processes_in(&namespace).is_empty());
}

#[test]
fn processes_that_lose_their_parent_are_collected() {
    let Some(example) = Example::new() else { return };
    example.told(&["up"]);
    let running = keeper::running(&example.places()).unwrap();
    let namespace = pid_namespace(&running.pid.to_string()).unwrap();
    example.told(&["enter", "host", "sh", "-c", "sleep 0.05 & sleep 0.05 & exit 0"]);
    wait_until("only the lab itself is left", || processes_in(&namespace).len() == 2);
}
