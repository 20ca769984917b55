//! `vif-bridge`, called as a toolstack calls it, on hosts in namespaces of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod costs;
mod guarded;
mod order;

use dom0net::vif::PortKind;
use netkernel::link::LinkChange;
use netkernel::neighbour::neighbour_state;
use xenstore::Requests;

use support::host::{Host, Outcome};

const ONLINE: &[&str] = &["online", "type_if=vif"];
const OFFLINE: &[&str] = &["offline", "type_if=vif"];

/// The script failed, said why, and left nothing of the attempt.
fn assert_refused(host: &Host, outcome: &Outcome, sentence: &str) {
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(host.read("hotplug-status").as_deref(), Some("error"));
    let error = host.read("hotplug-error").unwrap();
    assert!(error.contains(sentence), "{error}");
    assert!(!error.contains('\n') && error.len() <= 1000, "{error}");
    assert!(outcome.stderr.contains(sentence), "{}", outcome.stderr);
    assert_eq!(host.tables(), 0);
    if let Some(link) = host.link("vif1.0") {
        assert_eq!((link.master, link.is_up()), (None, false));
    }
}

#[test]
fn a_person_is_told_how_the_script_is_called() {
    let Some(host) = Host::new() else { return };
    let outcome = host.vif_bridge(&["--help"]);
    assert_eq!(outcome.status, 0);
    assert!(outcome.stdout.contains("Usage: vif-bridge online|offline"), "{}", outcome.stdout);
}

#[test]
fn a_vif_comes_online() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("ip", "10.0.0.1 2001:db8::1");
    let outcome = host.vif_bridge(ONLINE);
    assert_eq!(outcome.status, 0, "{outcome:?}");

    assert_eq!(host.read("hotplug-status").as_deref(), Some("connected"));
    assert_eq!(host.read("hotplug-error"), None);
    let link = host.link("vif1.0").unwrap();
    assert_eq!(link.mac.unwrap().to_string(), "fe:ff:ff:ff:ff:ff");
    assert!(link.is_up());
    assert_eq!(host.master_of("vif1.0").as_deref(), Some("xenbr0"));
    assert_eq!(host.guard(1, PortKind::Vif).unwrap().devices, ["vif1.0"]);
    // The second fence.
    let port = link.port.unwrap();
    assert_eq!((port.learning, port.locked), (Some(false), Some(true)));
    let tied = host.forwarding_entries("xenbr0");
    assert!(tied.iter().any(|entry| {
        entry.mac.to_string() == "00:16:3e:27:95:c0" && entry.state == neighbour_state::NOARP
    }));
    let mtu = host.store().read_text("/local/domain/1/device/vif/0/mtu").unwrap();
    assert_eq!(mtu.as_deref(), Some("1500"));
}

#[test]
fn the_vif_gets_the_mtu_of_its_bridge_or_its_own() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    let mtu = || {
        assert_eq!(host.vif_bridge(ONLINE).status, 0);
        let told = host.store().read_text("/local/domain/1/device/vif/0/mtu").unwrap().unwrap();
        (host.link("vif1.0").unwrap().mtu, told)
    };
    host.change("xenbr0", &LinkChange { mtu: Some(9000), ..LinkChange::default() });
    assert_eq!(mtu(), (9000, "9000".into()));
    host.write("mtu", "1400");
    assert_eq!(mtu(), (1400, "1400".into()));
}

#[test]
fn a_named_vif_is_found_again_under_its_name() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("vifname", "web");
    host.write("mtu", "1400");
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert_eq!(host.link("vif1.0"), None);
    assert_eq!(host.link("web").unwrap().alias.as_deref(), Some("vif1.0"));
    assert_eq!(host.guard(1, PortKind::Vif).unwrap().devices, ["web"]);
    // The guest is told, not a domain that is called like the device.
    let told = host.store().read_text("/local/domain/1/device/vif/0/mtu").unwrap();
    assert_eq!(told.as_deref(), Some("1400"));

    // A second time nothing changes, and then it goes.
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert!(host.link("web").unwrap().is_up());
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    let link = host.link("web").unwrap();
    assert_eq!((link.master, link.is_up()), (None, false));
    assert_eq!(host.tables(), 0);
}

#[test]
fn a_successor_under_the_same_name_is_left_alone() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("vifname", "web");
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    host.remove_device("web");
    // The guest starts anew before the toolstack says that the old one has gone.
    host.add_device("vif2.0");
    let mut store = host.store();
    for (node, value) in [("mac", "00:16:3e:27:95:c0"), ("bridge", "xenbr0"), ("vifname", "web")] {
        store.write(&format!("/local/domain/0/backend/vif/2/0/{node}"), value).unwrap();
    }
    let environment = [("XENBUS_PATH", "backend/vif/2/0"), ("vif", "vif2.0")];
    assert_eq!(host.run("vif-bridge", ONLINE, &environment).status, 0);
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    assert!(host.link("web").unwrap().is_up());
    assert_eq!(host.guard(1, PortKind::Vif), None);
    assert!(host.guard(2, PortKind::Vif).is_some());
}

#[test]
fn a_vif_goes_offline_whether_its_device_is_there_or_not() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    assert_eq!(host.master_of("vif1.0"), None);
    assert_eq!(host.tables(), 0);

    // On real Xen the device has gone by then.
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    host.remove_device("vif1.0");
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    assert_eq!(host.tables(), 0);
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
}

#[test]
fn a_vif_goes_offline_without_xenstore() {
    let Some(mut host) = Host::with_bridge_and_vif() else { return };
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    host.stop_store();
    assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    assert_eq!(host.tables(), 0);
    let outcome = host.vif_bridge(ONLINE);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("no xenstore daemon can be reached"), "{}", outcome.stderr);
    assert_eq!(host.tables(), 0);
}

#[test]
fn a_tap_is_plugged_beside_its_vif_and_nobody_is_told() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.add_device("vif1.0-emu");
    assert_eq!(host.vif_bridge(&["add", "type_if=tap"]).status, 0);
    assert_eq!(host.master_of("vif1.0-emu").as_deref(), Some("xenbr0"));
    assert_eq!(host.guard(1, PortKind::Tap).unwrap().devices, ["vif1.0-emu"]);
    assert_eq!(host.read("hotplug-status"), None);
    assert_eq!(host.vif_bridge(&["remove", "type_if=tap"]).status, 0);
    assert_eq!(host.tables(), 0);
}

#[test]
fn calls_for_the_other_kind_of_device_do_nothing() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    for call in [["online", "type_if=tap"], ["add", "type_if=vif"]] {
        assert_eq!(host.vif_bridge(&call).status, 0);
    }
    assert_eq!((host.tables(), host.read("hotplug-status")), (0, None));
}

#[test]
fn a_bridge_that_does_not_exist_is_told_with_those_that_do() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("bridge", "xenbr7");
    let outcome = host.vif_bridge(ONLINE);
    assert_refused(
        &host,
        &outcome,
        "there is no bridge xenbr7 for vif1.0; name one that exists with bridge= (xenbr0)",
    );
}

#[test]
fn what_is_no_bridge_is_not_taken_for_one() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.add_device("eth0");
    host.write("bridge", "eth0");
    assert_refused(&host, &host.vif_bridge(ONLINE), "eth0 is no bridge but a device of kind veth");
}

#[test]
fn a_bridge_of_the_old_name_is_found_under_the_name_of_its_card() {
    let Some(host) = Host::new() else { return };
    host.add_bridge("eth0");
    host.add_device("vif1.0");
    host.write("mac", "00:16:3e:27:95:c0");
    host.write("bridge", "xenbr0");
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert_eq!(host.master_of("vif1.0").as_deref(), Some("eth0"));
}

#[test]
fn without_a_bridge_in_xenstore_the_first_one_is_taken() {
    let Some(host) = Host::new() else { return };
    host.add_device("vif1.0");
    host.write("mac", "00:16:3e:27:95:c0");
    assert_refused(&host, &host.vif_bridge(ONLINE), "vif1.0 names no bridge, and this host has none");
    host.add_bridge("xenbr1");
    host.add_bridge("xenbr0");
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert_eq!(host.master_of("vif1.0").as_deref(), Some("xenbr0"));
    assert_eq!(host.vif_bridge(&["online", "bridge=xenbr1"]).status, 0);
    assert_eq!(host.master_of("vif1.0").as_deref(), Some("xenbr1"));
}

#[test]
fn a_device_that_is_missing_is_told() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.remove_device("vif1.0");
    assert_refused(&host, &host.vif_bridge(ONLINE), "the kernel has no network device vif1.0");
}

#[test]
fn a_plug_that_fails_half_way_is_undone() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    let before = host.link("vif1.0").unwrap();
    host.add_device("web");
    host.write("vifname", "web");
    assert_refused(&host, &host.vif_bridge(ONLINE), "cannot set name web");
    let after = host.link("vif1.0").unwrap();
    assert_eq!((after.mac, after.mtu, after.alias), (before.mac, before.mtu, before.alias));
    assert_eq!(after.address_generation, before.address_generation);
    assert_eq!(host.forwarding_entries("xenbr0").iter().filter(|it| it.port == after.index).count(), 0);
}

#[test]
fn hostile_values_are_refused_in_one_sentence() {
    let long = "x".repeat(4000);
    for (node, value) in [
        ("mac", &b""[..]),
        ("mac", b"$(reboot)"),
        ("mac", b"ff:ff:ff:ff:ff:ff"),
        ("ip", b"10.0.0.1\n10.0.0.2; reboot"),
        ("ip", b"10.0.0.1/99"),
        ("ip", b"\xff\xfe"),
        ("bridge", b"../../etc"),
        ("bridge", b"'xenbr0'"),
        ("bridge", long.as_bytes()),
        ("vifname", b"vif%d"),
        ("vifname", b"a name"),
        ("vifname", long.as_bytes()),
        ("mtu", b"-5"),
        ("mtu", b"99999999999999999999"),
    ] {
        let Some(host) = Host::with_bridge_and_vif() else { return };
        host.write(node, value);
        assert_refused(&host, &host.vif_bridge(ONLINE), node);
    }
}

#[test]
fn an_error_of_an_earlier_attempt_does_not_outlive_a_later_success() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("bridge", "xenbr7");
    assert_eq!(host.vif_bridge(ONLINE).status, 1);
    host.write("bridge", "xenbr0");
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert_eq!(host.read("hotplug-status").as_deref(), Some("connected"));
    assert_eq!(host.read("hotplug-error"), None);
}

#[test]
fn a_call_that_makes_no_sense_is_a_bad_call() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    for (arguments, part) in [
        (&[][..], "nothing is asked for"),
        (&["up"], "\"up\" is not known"),
        (&["online", "type_if=tun"], "tun"),
    ] {
        let outcome = host.vif_bridge(arguments);
        assert_eq!(outcome.status, 2);
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    let outcome = host.run("vif-bridge", ONLINE, &[]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("XENBUS_PATH"), "{}", outcome.stderr);
}

#[test]
fn a_dry_run_prints_the_plan_and_does_nothing() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("ip", "10.0.0.1");
    let outcome = host.vif_bridge(&["online", "type_if=vif", "--dry-run"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("make vif1.0 a port of xenbr0\n"), "{}", outcome.stdout);
    assert_eq!((host.tables(), host.read("hotplug-status"), host.master_of("vif1.0")), (0, None, None));
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    let outcome = host.vif_bridge(&["offline", "type_if=vif", "--dry-run"]);
    assert!(outcome.stdout.ends_with("take the guard of vif1.0 away\n"), "{}", outcome.stdout);
    assert!(host.guard(1, PortKind::Vif).is_some());
}

#[test]
fn hundreds_of_plugs_leave_nothing() {
    let Some(host) = Host::with_bridge_and_vif() else { return };
    let links = host.kernel(|kernel| kernel.links().unwrap().len());
    for _ in 0..200 {
        assert_eq!(host.vif_bridge(ONLINE).status, 0);
        assert_eq!(host.vif_bridge(OFFLINE).status, 0);
    }
    assert_eq!(host.tables(), 0);
    assert_eq!(host.kernel(|kernel| kernel.links().unwrap().len()), links);
    assert_eq!(
        host.forwarding_entries("xenbr0").iter().filter(|it| it.state == neighbour_state::NOARP).count(),
        0
    );
}
