//! Beside Xen's own scripts, as Debian has them: the same guest on two hosts that are alike. What differs afterwards is
//! what `docs/differences.md` says.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use netkernel::Family;
use netkernel::route::route_numbers;

use crate::stage::{Stage, domain};

/// Where Xen's scripts are: installed, or unpacked in `$XEN_PACKAGES`. None, after saying so, where they are not.
fn stock_scripts() -> Option<PathBuf> {
    for program in ["bash", "ip", "xenstore-read", "xenstore-write"] {
        testkit::program(program)?;
    }
    let unpacked = std::env::var_os("XEN_PACKAGES").map(PathBuf::from);
    let roots = unpacked.into_iter().chain(["/".into()]);
    let mut folders = roots.map(|root: PathBuf| root.join("etc/xen/scripts"));
    let found = folders.find(|folder| {
        let is_stock = |path: PathBuf| path.is_file() && !path.is_symlink();
        is_stock(folder.join("vif-bridge")) && is_stock(folder.join("xen-hotplug-common.sh"))
    });
    if found.is_none() {
        testkit::skip!("needs Xen's scripts (package xen-utils-common), or XEN_PACKAGES with them");
    }
    found
}

/// What a plug leaves, as lines.
fn facts(stage: &Stage, device: &str) -> BTreeSet<String> {
    let link = stage.host().link(device).unwrap();
    let mut kernel = stage.host().kernel().unwrap();
    let mut facts = BTreeSet::from([
        format!("MAC {}", link.mac.unwrap()),
        format!("MTU {}", link.mtu),
        format!("up {}", link.is_up()),
        format!("proxy_arp {}", stage.setting(&format!("ipv4/conf/{device}/proxy_arp"))),
    ]);
    if let Some(master) = link.master {
        facts.insert(format!("port of {}", kernel.link_at(master).unwrap().unwrap().name));
    }
    // The kernel gives Xen's ports an IPv6 address, once the guest has come; ours get none. That takes a while.
    let comes_late = |address: IpAddr| address.to_string().starts_with("fe80::fcff:");
    for address in kernel.addresses(Some(link.index)).unwrap() {
        if comes_late(address.local) {
            continue;
        }
        facts.insert(format!("address {address} scope {}", address.scope));
    }
    for family in [Family::Inet, Family::Inet6] {
        for route in kernel.routes(family, Some(link.index)).unwrap() {
            let is_told = route.table() == route_numbers::TABLE_MAIN && route.destination_length != 64;
            if is_told && route.destination_length > 10 {
                facts.insert(format!("route {route}"));
            }
        }
    }
    for node in ["hotplug-status", "hotplug-error"] {
        let value = stage.node(&format!("/local/domain/0/backend/vif/1/0/{node}"));
        facts.insert(format!("{node} {value:?}"));
    }
    let told = stage.node("/local/domain/1/device/vif/0/mtu");
    // Xen's script takes the device's name for the guest's number.
    let junk = (!device.contains('.')).then(|| format!("/local/domain/{device}/device/vif/{device}/mtu"));
    let junk = junk.and_then(|path| stage.node(&path));
    facts.insert(format!("MTU told to the guest {told:?}"));
    facts.extend(junk.map(|value| format!("MTU told to nobody {value}")));
    facts
}

/// Plugs the same guest on both hosts, and returns what Xen's script alone has left, and ours alone.
fn differences(vif: &str, device: &str, prepare: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
    let stock = Stage::with_scripts(Some(&stock_scripts()?))?;
    if let Err(reason) = stock.lab.host().log_folder() {
        testkit::skip!("Xen's scripts need a /sys of their own: {reason}");
        return None;
    }
    let ours = Stage::new()?;
    let mut left = Vec::new();
    for stage in [&stock, &ours] {
        stage.lab.add_bridge("xenbr0", &[]).unwrap();
        for words in prepare {
            stage.says("ip", words);
        }
        match stage.lab.toolstack().create(&domain("web", vif, &[], &[])) {
            Ok(_) => left.push(facts(stage, device)),
            // With nothing beside it there is nothing to compare.
            Err(error) if left.is_empty() => {
                testkit::skip!("Xen's own script fails here: {error}");
                return None;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
    Some((only(&left[0], &left[1]), only(&left[1], &left[0])))
}

const MAC: &str = "mac=00:16:3e:00:00:02";

#[test]
fn a_bridged_guest_is_plugged_as_xen_does_it() {
    let vif = format!("{MAC},bridge=xenbr0,ip=10.0.0.2");
    let Some((stock, ours)) = differences(&vif, "vif1.0", &["link set xenbr0 mtu 1400"]) else { return };
    assert_eq!((stock, ours), (vec![], vec![]));
}

#[test]
fn a_named_guest_is_told_its_mtu_and_xens_script_tells_nobody() {
    let vif = format!("{MAC},bridge=xenbr0,vifname=web");
    let Some((stock, ours)) = differences(&vif, "web", &["link set xenbr0 mtu 1400"]) else { return };
    assert_eq!(stock, ["MTU told to nobody 1400", "MTU told to the guest Some(\"1500\")"]);
    assert_eq!(ours, ["MTU told to the guest Some(\"1400\")"]);
}

#[test]
fn a_routed_guest_is_plugged_as_xen_does_it_but_for_what_is_said() {
    let vif = format!("{MAC},script=vif-route,ip=10.0.0.2,gatewaydev=eth0");
    let Some((stock, ours)) = differences(&vif, "vif1.0", &[]) else { return };
    // The host's address is of the link alone, so that nobody takes it for one to reach the host by.
    assert_eq!(stock, ["address 10.0.0.250/32 scope 0"]);
    // IPv6, of which Xen's script knows nothing.
    let expected = [
        "address 10.0.0.250/32 scope 253",
        "address 2001:db8::250/128 scope 0",
        "address fe80::1/64 scope 253",
    ];
    assert_eq!(ours, expected);
}

#[test]
fn a_translated_guest_is_plugged_as_xen_does_it_but_for_what_is_said() {
    let vif = format!("{MAC},script=vif-nat,ip=10.0.0.1");
    let Some((stock, ours)) = differences(&vif, "vif1.0", &[]) else { return };
    assert_eq!(stock, ["address 10.0.0.128/32 scope 0", "route 10.0.0.1/32"]);
    // The same address, with the guest's prefix, by which a DHCP server can tell its network; and a metric, so that an
    // emulated card can come first.
    let expected =
        ["address 10.0.0.128/16 scope 253", "address fe80::1/64 scope 253", "route 10.0.0.1/32 metric 2"];
    assert_eq!(ours, expected);
}
