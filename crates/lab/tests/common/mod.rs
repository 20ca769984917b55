//! A script for the toolstack to call: this test program itself, called with another name.
//!
//! It does the least that a vif script does: the device becomes a port of its bridge, and the store is told. What
//! it shall do instead is said by `LAB_TEST_SCRIPT` in its environment.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::{Lab, LabConfig, Timeouts};
use netkernel::Rtnetlink;
use netkernel::link::{LinkChange, LinkName, Master, index_of};
use xenstore::{Client, Requests};

pub(crate) const BEHAVIOUR: &str = "LAB_TEST_SCRIPT";

/// A lab whose `vif-bridge` is the script below, with the bridge `xenbr0` around `eth0`. None, after saying so, where
/// this user may not make namespaces.
pub(crate) fn lab() -> Option<Lab> {
    lab_with(|_| ())
}

/// The same, set up otherwise.
pub(crate) fn lab_with(change: impl FnOnce(&mut LabConfig)) -> Option<Lab> {
    testkit::namespace()?;
    let mut config = LabConfig::default();
    config.toolstack.scripts = scripts();
    config.toolstack.timeouts = Timeouts {
        backend: Duration::from_secs(5),
        script: Duration::from_secs(20),
        hotplug: Duration::from_secs(5),
    };
    change(&mut config);
    let lab = Lab::build(config).unwrap();
    lab.add_bridge("xenbr0", &["eth0"]).unwrap();
    Some(lab)
}

/// A folder with `vif-bridge`, beside this program: it stays for the next run.
fn scripts() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.with_extension("scripts");
    fs::create_dir_all(&folder).unwrap();
    let script = folder.join("vif-bridge");
    if !script.exists() {
        let text = format!(
            "#!/bin/sh\nLAB_TEST_ARGUMENTS=\"$*\" exec {} --exact common::script --ignored --nocapture\n",
            program.display()
        );
        // Renamed into place: another test of this program may be about to call it.
        let mine = folder.join(format!("{:?}", std::thread::current().id()));
        fs::write(&mine, text).unwrap();
        fs::set_permissions(&mine, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&mine, &script).unwrap();
    }
    folder
}

#[test]
#[ignore = "run by the toolstack, as its script"]
fn script() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let arguments = variable("LAB_TEST_ARGUMENTS");
    let behaviour = std::env::var(BEHAVIOUR).unwrap_or_default();
    let path = variable("XENBUS_PATH");
    let mut store = Client::open().unwrap();
    if let Some(file) = behaviour.strip_prefix("record ") {
        record(Path::new(file), &arguments);
    }
    match behaviour.as_str() {
        "hang" => std::thread::sleep(Duration::from_secs(1000)),
        "silent" => return,
        "error" => {
            store.write(&format!("{path}/hotplug-error"), "no bridge, no way").unwrap();
            store.write(&format!("{path}/hotplug-status"), "error").unwrap();
            eprintln!("this is the last line");
            std::process::exit(1);
        }
        _ => {}
    }
    if arguments.contains("online") {
        plug(&mut store, &path, &variable("vif"));
        store.write(&format!("{path}/hotplug-status"), "connected").unwrap();
    }
}

/// Writes down how the script was called.
fn record(file: &Path, arguments: &str) {
    let names = ["script", "XENBUS_TYPE", "XENBUS_PATH", "XENBUS_BASE_PATH", "netdev", "vif", "INTERFACE"];
    let mut lines = vec![
        format!("arguments {arguments}"),
        format!("stdin {}", fs::read_link("/proc/self/fd/0").unwrap().display()),
    ];
    for name in names {
        let value = std::env::var(name).unwrap_or_else(|_| "(not set)".to_owned());
        lines.push(format!("{name}={value}"));
    }
    let links = Rtnetlink::open().unwrap().links().unwrap();
    lines.extend(links.iter().map(|link| format!("link {}", link.name)));
    lines.push(String::new());
    let mut log = OpenOptions::new().create(true).append(true).open(file).unwrap();
    log.write_all(lines.join("\n").as_bytes()).unwrap();
}

fn plug(store: &mut Client, path: &str, vif: &str) {
    let bridge = store.read_text(&format!("{path}/bridge")).unwrap().unwrap();
    let index = |name: &str| index_of(&LinkName::new(name).unwrap()).unwrap();
    let change =
        LinkChange { master: Some(Master::Link(index(&bridge))), up: Some(true), ..LinkChange::default() };
    Rtnetlink::open().unwrap().change_link(index(vif), &change).unwrap();
}
