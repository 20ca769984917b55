//! `dom0net guard`, as an administrator calls it, on a host with a guest.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dom0net::vif::PortKind;
use netkernel::link::{LinkChange, LinkName, PortOptions, index_of};
use netkernel::nftables::{Batch, NfTables, Table, TableFamily};
use xenstore::Requests;

use support::host::{Host, Outcome};

/// A host with a guest called web, whose vif is plugged.
fn host() -> Option<Host> {
    let host = Host::with_bridge_and_vif()?;
    host.write("ip", "10.0.0.1");
    host.store().write("/local/domain/1/name", "web").unwrap();
    let outcome = host.vif_bridge(&["online", "type_if=vif"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    Some(host)
}

fn guard(host: &Host, words: &[&str]) -> Outcome {
    host.run("dom0net", &[&["guard"], words].concat(), &[])
}

/// What a command prints that ends with this status.
fn said(host: &Host, status: i32, words: &[&str]) -> String {
    let outcome = guard(host, words);
    assert_eq!(outcome.status, status, "{words:?}: {outcome:?}");
    outcome.stdout
}

/// Deletes our tables, as `nft flush ruleset` does.
fn flush(host: &Host) {
    let work = || {
        let mut filter = NfTables::open().unwrap();
        for table in filter.tables(TableFamily::Netdev).unwrap() {
            let mut batch = Batch::new();
            batch.delete_table(Table { family: TableFamily::Netdev, name: &table.name });
            filter.commit(&batch).unwrap();
        }
    };
    host.namespace.run(work).unwrap();
}

#[test]
fn a_guests_policy_is_shown_by_any_of_its_names() {
    let Some(host) = host() else { return };
    for name in ["vif1.0", "web", "web/0"] {
        let text = said(&host, 0, &["show", name]);
        assert!(text.starts_with("vif1.0 (vif1.0 on xenbr0) is guarded.\n"), "{text}");
        assert!(
            text.contains("Mode locked: only from 00:16:3e:27:95:c0, and only as 10.0.0.1 or fe80::"),
            "{text}"
        );
        assert!(text.contains("No frame was dropped."), "{text}");
    }
    let shown: serde_json::Value = serde_json::from_str(&said(&host, 0, &["show", "web", "--json"])).unwrap();
    assert_eq!((&shown["in_force"], &shown["policy"]["mode"]), (&true.into(), &"locked".into()));
    let outcome = guard(&host, &["show", "nobody"]);
    assert!(outcome.status == 1 && outcome.stderr.contains("nobody is no guest's interface"), "{outcome:?}");
}

#[test]
fn the_rules_can_be_read_and_loaded_by_nft() {
    let Some(host) = host() else { return };
    if testkit::program("nft").is_none() {
        return;
    }
    for words in [
        "",
        "mode=open",
        "mode=mac-only vlans=5,7-9 protocols=ipv4,arp,llc,aoe",
        "ip+=10.9.0.0/16 ip+=10.8.0.1 ip+=::9 log=yes vrrp=7",
    ] {
        if !words.is_empty() {
            let words: Vec<&str> = ["set", "web"].into_iter().chain(words.split(' ')).collect();
            said(&host, 0, &words);
        }
        // nft has choked on rules that the kernel takes.
        let list = || Command::new("nft").args(["list", "ruleset"]).output().unwrap();
        let listed = host.namespace.run(list).unwrap();
        assert!(listed.status.success(), "{words}: {}", String::from_utf8_lossy(&listed.stderr));
        let text = said(&host, 0, &["show", "web", "--nft"]);
        assert!(
            text.contains("type filter hook ingress device \"vif1.0\" priority -500; policy drop;"),
            "{text}"
        );
        let load = || {
            let mut nft = Command::new("nft")
                .args(["-c", "-f", "-"])
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            nft.wait_with_output().unwrap()
        };
        flush(&host);
        let loaded = host.namespace.run(load).unwrap();
        assert!(loaded.status.success(), "{}\n{text}", String::from_utf8_lossy(&loaded.stderr));
        said(&host, 0, &["restore"]);
    }
}

#[test]
fn a_frame_is_tested_without_being_sent() {
    let Some(host) = host() else { return };
    let text = said(&host, 1, &["test", "web", "arp 10.0.0.1", "arp 10.0.0.254"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("passes: "), "{text}");
    assert!(lines[1].starts_with("dropped (ARP sender not its own): "), "{text}");
    said(&host, 0, &["test", "web", "udp 10.0.0.1:5000 10.0.0.2:53"]);
    let nobodys = ["test", "--policy", "vlans=7", "--mac", "00:16:3e:00:00:01"];
    said(&host, 0, &[&nobodys[..], &["vlan=7 ping 10.0.0.1 10.0.0.2"]].concat());
    assert!(
        said(&host, 1, &[&nobodys[..], &["vlan=8 ping 10.0.0.1 10.0.0.2"]].concat())
            .contains("VLAN not its own")
    );
    let outcome = guard(&host, &["test", "web", "nonsense"]);
    assert!(outcome.status == 1 && outcome.stderr.contains("dom0net guard test --help"), "{outcome:?}");
}

#[test]
fn what_a_running_guest_may_send_is_changed_in_store_and_kernel() {
    let Some(host) = host() else { return };
    said(&host, 1, &["test", "web", "arp 10.0.0.7"]);
    said(&host, 0, &["set", "web", "ip+=10.0.0.7", "isolated=yes"]);
    said(&host, 0, &["test", "web", "arp 10.0.0.7"]);
    said(&host, 0, &["check"]);
    assert_eq!(host.read("guard").as_deref(), Some("ip=10.0.0.1,10.0.0.7 isolated=yes"));
    assert_eq!(host.link("vif1.0").unwrap().port.unwrap().isolated, Some(true));
    // Another MAC address comes through the bridge's own fence too, and goes from it.
    let entries = |host: &Host| {
        host.forwarding_entries("xenbr0").iter().filter(|it| it.mac.to_string().ends_with("00:09")).count()
    };
    said(&host, 0, &["set", "web", "mac+=00:16:3e:00:00:09"]);
    // Kernels that filter VLANs have one for each.
    assert!(entries(&host) >= 1);
    said(&host, 0, &["set", "web", "mac-=00:16:3e:00:00:09"]);
    assert_eq!(entries(&host), 0);
    said(&host, 0, &["set", "web", "mode=open"]);
    assert_eq!(host.link("vif1.0").unwrap().port.unwrap().locked, Some(false));
    said(&host, 0, &["set", "web", "mode=locked"]);
    assert_eq!(host.link("vif1.0").unwrap().port.unwrap().locked, Some(true));
    said(&host, 0, &["set", "web", "mode=disabled"]);
    assert_eq!(host.guard(1, PortKind::Vif), None);
    assert!(said(&host, 0, &["check"]).contains("has no guard, as its configuration says"));
}

#[test]
fn a_change_that_cannot_be_changes_nothing() {
    let Some(host) = host() else { return };
    for words in ["ip-=10.0.0.1", "mode=shut", "vlans=5000"] {
        let outcome = guard(&host, &["set", "web", words]);
        assert_eq!(outcome.status, 1, "{outcome:?}");
    }
    assert_eq!(host.read("guard"), None);
    said(&host, 0, &["check"]);
}

#[test]
fn a_guard_that_was_flushed_is_found_out_and_comes_back() {
    let Some(host) = host() else { return };
    assert_eq!(said(&host, 0, &["check"]), "vif1.0 is guarded\n");
    assert_eq!(said(&host, 0, &["check", "--quiet"]), "");
    flush(&host);
    assert_eq!(said(&host, 1, &["check", "-q"]), "vif1.0 has NO GUARD: its rules are not there\n");
    assert!(said(&host, 0, &["show", "web"]).contains("has NO GUARD"));
    assert!(said(&host, 0, &["restore"]).ends_with("it is in force again\n"));
    said(&host, 0, &["check"]);
    assert_eq!(said(&host, 0, &["restore"]), "");
}

#[test]
fn a_watched_guard_comes_back_by_itself() {
    let Some(host) = host() else { return };
    let spawn = || {
        Command::new(host.script("dom0net"))
            .args(["guard", "watch"])
            .env_clear()
            .envs(host.environment())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut watch = host.namespace.run(spawn).unwrap();
    for _ in 0..3 {
        flush(&host);
        let end = Instant::now() + Duration::from_secs(20);
        while guard(&host, &["check"]).status != 0 {
            assert!(Instant::now() < end, "it does not come back");
            thread::sleep(Duration::from_millis(50));
        }
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    // Without it, nothing comes back.
    flush(&host);
    said(&host, 1, &["check"]);
}

#[test]
fn a_guard_that_was_tampered_with_is_found_out_and_comes_back() {
    let Some(host) = host() else { return };
    let tamper = || {
        let mut batch = Batch::new();
        batch.flush_chain(Table { family: TableFamily::Netdev, name: "dom0net-00" }, "vif1.0");
        NfTables::open().unwrap().commit(&batch).unwrap();
    };
    host.namespace.run(tamper).unwrap();
    assert!(said(&host, 1, &["check"]).contains("DAMAGED GUARD: rules of its chain vif1.0 are missing"));
    said(&host, 0, &["restore", "web"]);
    said(&host, 0, &["check"]);
    host.write_guard_config("web log=yes\n");
    assert!(said(&host, 1, &["check"]).contains("ANOTHER POLICY"));
    said(&host, 0, &["restore"]);
    said(&host, 0, &["check"]);
    host.write_guard_config("web log=yes\ndb mode=shut\n");
    assert!(said(&host, 1, &["check"]).contains("guard.conf:2: mode=shut cannot be"));
}

#[test]
fn a_port_that_was_unlocked_is_found_out_and_locked_again() {
    let Some(host) = host() else { return };
    said(&host, 0, &["set", "web", "isolated=yes"]);
    for options in [
        PortOptions { locked: Some(false), ..PortOptions::default() },
        PortOptions { isolated: Some(false), ..PortOptions::default() },
    ] {
        host.kernel(|kernel| {
            kernel.change_port(index_of(&LinkName::new("vif1.0").unwrap()).unwrap(), &options).unwrap();
        });
        assert!(said(&host, 1, &["check"]).contains("NOT LOCKED OR ISOLATED"));
        said(&host, 0, &["restore"]);
        said(&host, 0, &["check"]);
    }
    let port = host.link("vif1.0").unwrap().port.unwrap();
    assert_eq!((port.locked, port.learning, port.isolated), (Some(true), Some(false), Some(true)));
}

#[test]
fn a_device_that_was_renamed_is_found_out() {
    let Some(host) = host() else { return };
    let rename = |from: &str, to: &str| {
        let name = Some(LinkName::new(to).unwrap());
        host.change(from, &LinkChange { up: Some(false), ..LinkChange::default() });
        host.change(from, &LinkChange { name, ..LinkChange::default() });
    };
    host.write("state", "4");
    rename("vif1.0", "elsewhere");
    assert!(said(&host, 1, &["check"]).contains("there is no device with one of its names"));
    // Under the name that it should have by its configuration, it is found by its alias, and guarded again.
    host.change("elsewhere", &LinkChange { alias: Some("vif1.0".into()), ..LinkChange::default() });
    host.write("vifname", "elsewhere");
    // Old kernels tie rules to devices and not to their names.
    if host.guard(1, PortKind::Vif).unwrap().devices != ["elsewhere"] {
        let condition = said(&host, 1, &["check"]);
        assert!(condition.contains("NO GUARD"), "{condition}");
        said(&host, 0, &["restore"]);
    }
    said(&host, 0, &["check"]);
    assert_eq!(host.guard(1, PortKind::Vif).unwrap().devices, ["elsewhere"]);
}

/// Whoever puts the guard in force: the log says the same, and `check` finds nothing wrong.
#[test]
fn the_log_names_the_guest_whoever_puts_the_guard_in_force() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("ip", "10.0.0.1");
    host.store().write("/local/domain/1/name", "w\" drop\u{e9}").unwrap();
    host.write_guard_config("* log=yes\n");
    let outcome = host.vif_bridge(&["online", "type_if=vif"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let prefix = "log prefix \"dom0net dropped vif1.0 of w??drop?: \"";
    let logs = || {
        let rules = || Command::new("nft").args(["list", "ruleset"]).output();
        let Ok(output) = host.namespace.run(rules).unwrap() else { return };
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(prefix), "{text}");
    };
    logs();
    assert!(said(&host, 0, &["show", "vif1.0", "--nft"]).contains(prefix));
    said(&host, 0, &["check"]);
    said(&host, 0, &["set", "vif1.0", "ip+=10.0.0.9"]);
    logs();
    said(&host, 0, &["check"]);
    flush(&host);
    said(&host, 0, &["restore"]);
    logs();
    said(&host, 0, &["check"]);
}
