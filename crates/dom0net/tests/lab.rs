//! `dom0net lab`, as a newcomer calls it.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

struct Newcomer {
    /// Where the lab says that it is running.
    folder: TempDir,
}

impl Newcomer {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dom0net"))
            .arg("lab")
            .args(words)
            .env("DOM0NET_LAB_DIR", self.folder.path().join("lab"))
            .current_dir(repository())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What a command prints that succeeds. None, after saying so, where this user may not make namespaces.
    fn told(&self, words: &[&str]) -> Option<String> {
        let output = self.run(words);
        let error = String::from_utf8(output.stderr).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        if error.contains("may not make namespaces") {
            testkit::skip!("{}", error.trim());
            return None;
        }
        assert!(output.status.success(), "{words:?}: {error}\n{text}");
        Some(text)
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

#[test]
fn the_demonstration_shows_the_main_job() {
    let Some(text) = Newcomer::new().told(&["demo"]) else { return };
    let has = |words: &str| assert!(text.contains(words), "{words:?} is not in\n{text}");
    has("network-bridge start netdev=eth0 bridge=xenbr0 antispoof=yes  [succeeded");
    has("XENBUS_PATH=backend/vif/1/0 vif=vif1.0 vif-bridge online type_if=vif  [succeeded");
    assert!(!text.contains("NO\n") && !text.contains("REACHES"), "{text}");
    assert_eq!(text.matches("reaches nobody").count(), 11, "{text}");
    has("ARP sender not its own");
    has("── web ────");
    has("hotplug-status = \"connected\"");
    has("are as they were before");
    has("All was as it should be");
}

#[test]
fn the_demonstration_can_stay_for_a_look_around() {
    let newcomer = Newcomer::new();
    let Some(text) = newcomer.told(&["demo", "--keep"]) else { return };
    assert!(text.ends_with("dom0net lab down\n"), "{text}");
    let list = newcomer.told(&["list"]).unwrap();
    assert!(list.contains("dom0net lab enter rhel4\n"), "{list}");
    let shown = newcomer.told(&["enter", "host", "dom0net", "show"]).unwrap();
    assert!(shown.contains("rhel4   1   0    vif1.0  xenbr0"), "{shown}");
    // Where there are bonds, there is a file among the devices' folders.
    let devices = newcomer.told(&["enter", "db", "sh", "-c", "cd /sys/class/net; echo */"]).unwrap();
    assert_eq!(devices, "eth0/ lo/\n");
    newcomer.told(&["down"]).unwrap();
    assert!(!newcomer.run(&["list"]).status.success());
}

#[test]
fn a_lab_can_be_made_of_ones_own_files() {
    let newcomer = Newcomer::new();
    let files = ["up", "--config", "examples/xend-config.sxp", "examples/db.sxp"];
    let Some(text) = newcomer.told(&files) else { return };
    assert!(text.contains("db: from examples/db.sxp"), "{text}");
    let drawing = newcomer.told(&["enter", "host", "dom0net", "show", "--drawing"]).unwrap();
    assert!(drawing.contains("── eth0 db  10.0.0.3 2001:db8::3"), "{drawing}");
}

#[test]
fn a_file_with_errors_starts_nothing() {
    let newcomer = Newcomer::new();
    if newcomer.told(&["up"]).is_none() {
        return;
    }
    newcomer.told(&["down"]).unwrap();
    let output = newcomer.run(&["up", "Cargo.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!newcomer.run(&["list"]).status.success());
}
