//! Counters for Prometheus, of guests that send, forge, and have strange names.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

#[path = "support/mod.rs"]
mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use lab::DomainConfig;
use lab::frame::{Arp, Ethernet, Packet};

use support::guests::{Scene, reaches};

fn metrics(scene: &Scene, words: &[&str]) -> Output {
    let program = scene.lab.toolstack().options().scripts.join("dom0net");
    scene.lab.on_host(Command::new(program).arg("metrics").args(words)).unwrap()
}

fn text(scene: &Scene) -> String {
    let output = metrics(scene, &[]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The value of the only series of this family with all of these labels.
fn value(text: &str, family: &str, labels: &[&str]) -> u64 {
    let is_it = |line: &&str| {
        line.starts_with(&format!("{family}{{")) && labels.iter().all(|label| line.contains(label))
    };
    let lines: Vec<&str> = text.lines().filter(is_it).collect();
    assert_eq!(lines.len(), 1, "{family} {labels:?}: {text}");
    lines[0].rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_passed_and_what_was_dropped_is_counted_by_guest() {
    let Some(scene) = Scene::new("") else { return };
    let web = "domain=\"web\"";
    let dropped = |reason: &str| {
        let reason = format!("reason=\"{reason}\"");
        value(&text(&scene), "dom0net_guard_dropped_frames_total", &[web, "bridge=\"xenbr0\"", &reason])
    };
    assert_eq!((dropped("arp"), dropped("mac")), (0, 0));
    assert!(reaches(scene.web.station(), "10.0.0.254"));
    let own = scene.web.station().mac("eth0").unwrap();
    let forged = Ethernet::broadcast(own).arp(&Arp::request(own, [10, 0, 0, 254], [10, 0, 0, 3]));
    let socket = scene.web.station().socket("eth0").unwrap();
    (0..3).for_each(|_| socket.send(&forged).unwrap());
    assert_eq!((dropped("arp"), dropped("mac")), (3, 0));
    let text = text(&scene);
    for family in ["sent_bytes", "sent_packets", "received_bytes", "received_packets"] {
        assert!(value(&text, &format!("dom0net_guest_{family}_total"), &[web, "devid=\"0\""]) > 0, "{text}");
    }
    assert_eq!(value(&text, "dom0net_guard_in_force", &[web, "mode=\"locked\""]), 1);
}

#[test]
fn what_is_dropped_for_the_hosts_sake_and_to_isolate_guests_is_counted_by_network() {
    let Some(scene) = Scene::new("bridge:xenbr0 host=ping isolated=yes\n") else { return };
    let series = |family: &str, labels: &[&str]| value(&text(&scene), family, labels);
    let dropped = |reason: &str| {
        let reason = format!("reason=\"{reason}\"");
        series("dom0net_network_dropped_packets_total", &["network=\"xenbr0\"", &reason])
    };
    assert_eq!((dropped("host"), dropped("isolation")), (0, 0));
    assert_eq!(series("dom0net_network_guard_in_force", &["network=\"xenbr0\""]), 1);
    let web = scene.web.station();
    assert!(reaches(web, "10.0.0.250"));
    let own = web.mac("eth0").unwrap();
    let bridge = scene.host().mac("xenbr0").unwrap();
    let socket = web.socket("eth0").unwrap();
    let to_host = Ethernet::new(own, bridge).ip(&Packet::v4([10, 0, 0, 2], [10, 0, 0, 250]).udp(1, 2, b"x"));
    (0..3).for_each(|_| socket.send(&to_host).unwrap());
    assert_eq!((dropped("host"), dropped("isolation")), (3, 0));
    // By way of a host that forwards, once it has found out where the other is.
    scene.host().run(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap()).unwrap();
    assert!(reaches(scene.host(), "10.0.0.3"));
    let to_db = Ethernet::new(own, bridge).ip(&Packet::v4([10, 0, 0, 2], [10, 0, 0, 3]).udp(1, 2, b"x"));
    (0..2).for_each(|_| socket.send(&to_db).unwrap());
    assert_eq!((dropped("host"), dropped("isolation")), (3, 2));
    let show = |words: &[&str]| {
        let program = scene.lab.toolstack().options().scripts.join("dom0net");
        let output = scene.lab.on_host(Command::new(program).arg("show").args(words)).unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(
        show(&[]).contains("xenbr0   in force  host 3, isolation 2  guests reach ping on the host"),
        "{}",
        show(&[])
    );
    let json: serde_json::Value = serde_json::from_str(&show(&["--json"])).unwrap();
    assert_eq!(json["networks"][0]["dropped"], serde_json::json!({ "host": 3, "isolation": 2 }));
    // Where nothing is in force, that is what is told.
    let flush = || {
        use netkernel::nftables::{Batch, NfTables, Table, TableFamily};
        let mut batch = Batch::new();
        for family in [TableFamily::Inet, TableFamily::Bridge] {
            batch.delete_table(Table { family, name: "dom0net-xenbr0" });
        }
        NfTables::open().unwrap().commit(&batch).unwrap();
    };
    scene.host().run(flush).unwrap();
    assert_eq!(series("dom0net_network_guard_in_force", &["network=\"xenbr0\""]), 0);
}

#[test]
fn a_guest_is_the_same_when_it_starts_again_and_its_name_is_data() {
    let Some(scene) = Scene::new("") else { return };
    let name = "we\"b\\";
    let start = || {
        let mut config =
            DomainConfig::xl(name, &["mac=00:16:3e:00:00:09,ip=10.0.0.9,bridge=xenbr0"]).unwrap();
        config.uuid = Some("0b0b0b0b-0000-4000-8000-000000000009".to_owned());
        let guest = scene.lab.create(&config).unwrap();
        let series = text(&scene);
        parses(&series);
        let is_its = |line: &&str| line.contains("domain=\"we\\\"b\\\\\"");
        let names = series.lines().filter(is_its).map(|line| line.rsplit_once(' ').unwrap().0.to_owned());
        let names: Vec<String> = names.collect();
        scene.lab.toolstack().destroy(guest.domid()).unwrap();
        names
    };
    let first = start();
    assert!(first.iter().any(|name| name.contains("uuid=\"0b0b0b0b-")), "{first:?}");
    assert_eq!(first, start());
}

/// The format's own parser reads it, where it is installed.
fn parses(text: &str) {
    let script = "import sys\nfrom prometheus_client.parser import text_string_to_metric_families as read\n\
                  families = list(read(sys.stdin.read()))\n\
                  assert any(s.labels['domain'] == 'we\"b\\\\' for f in families for s in f.samples)";
    let run = |program: &str, script: &str| {
        Command::new(program).args(["-c", script]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    let has_it = |mut child: std::process::Child| child.wait().is_ok_and(|status| status.success());
    // A Python of somebody's own may come first, without the package's modules.
    let pythons = ["python3", "/usr/bin/python3"];
    let python = pythons.into_iter().find(|name| run(name, "import prometheus_client").is_ok_and(has_it));
    let Some(python) = python else {
        return testkit::skip!("needs python3 with the module prometheus_client to read the metrics back");
    };
    let mut child = run(python, script).unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let Some(scene) = Scene::new("") else { return };
    let file = scene.folder().join("dom0net.prom");
    let into = ["--into", file.to_str().unwrap()];
    assert!(metrics(&scene, &into).status.success());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("dom0net_guard_in_force{domain=\"web\""), "{written}");
    // Without the store nobody knows of any guest.
    let program = scene.lab.toolstack().options().scripts.join("dom0net");
    let mut command = Command::new("env");
    command.arg("XENSTORED_PATH=/nonexistent").arg(program).arg("metrics").args(into);
    let output = scene.lab.on_host(&mut command).unwrap();
    assert!(!output.status.success() && !output.stderr.is_empty(), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
    assert!(!metrics(&scene, &["--into", "/nonexistent/dom0net.prom"]).status.success());
}
