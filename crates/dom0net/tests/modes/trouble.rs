//! Wrong input, and things at the same time, in every mode.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use dom0net::vif::PortKind;
use netkernel::Family;
use xenstore::Requests;

use crate::stage::{Stage, domain};

const MODES: [&str; 4] = ["vif-bridge", "vif-route", "vif-nat", "vif-openvswitch"];
const BACKEND: &str = "/local/domain/0/backend/vif/7/0";
const CALL: [(&str, &str); 2] = [("XENBUS_PATH", "backend/vif/7/0"), ("vif", "vif7.0")];

/// A host with a device `vif7.0`, nodes for it, and all networks.
fn host() -> Option<Stage> {
    let stage = Stage::new()?;
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    stage.succeeds("network-route start netdev=eth0");
    stage.succeeds("network-nat start netdev=eth0");
    stage.says("ip", "link add vif7.0 type veth peer name peer");
    Some(stage)
}

fn write(stage: &Stage, node: &str, value: &[u8]) {
    stage.lab.store().unwrap().write(&format!("{BACKEND}/{node}"), value).unwrap();
}

/// The nodes of a vif that nothing is wrong with.
fn write_all(stage: &Stage) {
    stage.lab.store().unwrap().remove(BACKEND).unwrap();
    for (node, value) in [("mac", "00:16:3e:00:00:07"), ("ip", "10.0.7.1"), ("bridge", "xenbr0")] {
        write(stage, node, value.as_bytes());
    }
}

/// What a plug could have changed.
fn state(stage: &Stage) -> String {
    let mut kernel = stage.host().kernel().unwrap();
    let link = stage.host().link("vif7.0").unwrap();
    let card = stage.host().link("eth0").unwrap().index;
    let addresses = kernel.addresses(Some(link.index)).unwrap();
    let routes = [Family::Inet, Family::Inet6].map(|family| kernel.routes(family, Some(link.index)).unwrap());
    let proxied = kernel.proxied_neighbours(card).unwrap();
    let is_guarded = stage.guard(7, PortKind::Vif).is_some();
    format!("{addresses:?} {routes:?} {proxied:?} {:?} {:?} {} {is_guarded}", link.mac, link.master, link.mtu)
}

#[test]
fn values_from_the_store_are_data() {
    let Some(stage) = host() else { return };
    let long = "x".repeat(4000);
    let before = state(&stage);
    for (node, value) in [
        ("mac", &b""[..]),
        ("mac", b"$(touch /tmp/owned)"),
        ("ip", b"10.0.7.1\n; reboot"),
        ("ip", b"10.0.7.1/-1"),
        ("ip", b"\xff\xfe"),
        ("ip", long.as_bytes()),
        ("bridge", b"xenbr0;reboot /"),
        ("bridge", b"\xc3\x28"),
        ("bridge", long.as_bytes()),
        ("vifname", b"-web --all"),
        ("vifname", b"../../etc/passwd"),
        ("mtu", b"1500\n9000"),
        ("vlan", b"1p/1p"),
    ] {
        for script in MODES {
            // Where no bridge is looked at, nothing is wrong with one.
            if node == "bridge" && matches!(script, "vif-route" | "vif-nat") && value.is_ascii() {
                continue;
            }
            write_all(&stage);
            write(&stage, node, value);
            let outcome = stage.run_with(&format!("{script} online type_if=vif"), &CALL);
            let shown = String::from_utf8_lossy(&value[..value.len().min(30)]).into_owned();
            assert_eq!(outcome.status, 1, "{script} {node}={shown:?}: {outcome:?}");
            let error = stage.node(&format!("{BACKEND}/hotplug-error")).unwrap();
            assert!(error.contains(node), "{script}: {error}");
            assert!(error.len() < 400 && !error.contains('\n'), "{script}: {error}");
            assert_eq!(stage.node(&format!("{BACKEND}/hotplug-status")).as_deref(), Some("error"));
            assert_eq!(state(&stage), before, "{script} {node}={shown:?}");
        }
    }
    assert!(!std::path::Path::new("/tmp/owned").exists());
}

#[test]
fn going_needs_nothing_to_be_there() {
    let Some(stage) = host() else { return };
    for script in MODES.iter().filter(|script| **script != "vif-openvswitch") {
        // Never plugged; plugged, and the nodes gone; plugged, and the device gone.
        let offline = || stage.run_with(&format!("{script} offline type_if=vif"), &CALL);
        assert_eq!(offline().status, 0);
        write_all(&stage);
        let online = stage.run_with(&format!("{script} online type_if=vif"), &CALL);
        assert_eq!(online.status, 0, "{script}: {online:?}");
        stage.lab.store().unwrap().remove(BACKEND).unwrap();
        assert_eq!(offline().status, 0);
        assert!(stage.guard(7, PortKind::Vif).is_none());
        write_all(&stage);
        assert_eq!(stage.run_with(&format!("{script} online type_if=vif"), &CALL).status, 0);
        stage.says("ip", "link del vif7.0");
        assert_eq!(offline().status, 0);
        assert_eq!(offline().status, 0);
        assert!(stage.guard(7, PortKind::Vif).is_none());
        stage.says("ip", "link add vif7.0 type veth peer name peer");
    }
}

#[test]
fn many_guests_come_at_once() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24");
    let config = |number: usize| {
        let mac = format!("mac=00:16:3e:00:01:{number:02x}");
        let vif = match number % 3 {
            0 => format!("{mac},bridge=nat0,ip=10.1.0.{}", number + 2),
            1 => format!("{mac},script=vif-route,ip=10.0.0.{} 2001:db8::1:{number}", number + 100),
            _ => format!("{mac},script=vif-nat"),
        };
        domain(&format!("guest{number}"), &vif, &[], &[])
    };
    let configs: Vec<_> = (0..18).map(config).collect();
    thread::scope(|scope| {
        // A network that starts again meanwhile disturbs nobody.
        let starts = scope.spawn(|| {
            for _ in 0..5 {
                stage.succeeds("network-route start");
                stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24");
            }
        });
        let plugs: Vec<_> = configs
            .iter()
            .map(|config| {
                scope.spawn(|| stage.lab.toolstack().create(config).map(|created| created.guest.domid()))
            })
            .collect();
        for plug in plugs {
            plug.join().unwrap().unwrap();
        }
        starts.join().unwrap();
    });
    let routes = stage.says("ip", "route show proto static");
    assert_eq!(routes.lines().filter(|line| line.contains("dev vif")).count(), 12, "{routes}");
    let made_up: std::collections::BTreeSet<&str> = routes
        .lines()
        .filter(|line| line.contains("src 10.0."))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(made_up.len(), 12, "{routes}");
    thread::scope(|scope| {
        for guest in stage.lab.toolstack().guests() {
            let toolstack = stage.lab.toolstack();
            scope.spawn(move || toolstack.destroy(guest.domid()).unwrap());
        }
    });
    assert_eq!(stage.says("ip", "-6 neigh show proxy"), "");
    stage.succeeds("network-nat stop bridge=nat0");
    stage.succeeds("network-route stop");
    assert_eq!(stage.says("nft", "list tables"), "");
}

/// The guest is destroyed while its vif is plugged: nothing is left of it, neither here nor in the store, where writing a node makes
/// all those above it.
#[test]
fn a_vif_that_vanishes_half_way_leaves_nothing() {
    let Some(stage) = host() else { return };
    let folder = stage.script("scripts/vif-post.d");
    std::fs::create_dir_all(&folder).unwrap();
    let (here, go) = (stage.script("here"), stage.script("go"));
    let hook =
        format!("#!/bin/sh\n: > {}\nwhile ! [ -e {} ]; do sleep 0.05; done\n", here.display(), go.display());
    std::fs::write(folder.join("wait.run"), hook).unwrap();
    std::fs::set_permissions(folder.join("wait.run"), Permissions::from_mode(0o755)).unwrap();
    let patient = [CALL[0], CALL[1], ("DOM0NET_HOOK_LIMIT", "60")];
    let before = state(&stage);
    for script in ["vif-bridge", "vif-route", "vif-nat"] {
        write_all(&stage);
        stage.lab.store().unwrap().write("/local/domain/7/name", "web").unwrap();
        for file in [&here, &go] {
            let _ = std::fs::remove_file(file);
        }
        let outcome = thread::scope(|scope| {
            let plug = scope.spawn(|| stage.run_with(&format!("{script} online type_if=vif"), &patient));
            while !here.exists() && !plug.is_finished() {
                thread::sleep(Duration::from_millis(10));
            }
            for path in ["/local/domain/0/backend/vif/7", "/local/domain/7"] {
                stage.lab.store().unwrap().remove(path).unwrap();
            }
            std::fs::write(&go, "").unwrap();
            plug.join().unwrap()
        });
        assert_eq!(outcome.status, 1, "{script}: {outcome:?}");
        assert!(
            outcome.stderr.contains("xenstore knows nothing of vif7.0 any more"),
            "{script}: {outcome:?}"
        );
        for path in ["/local/domain/0/backend/vif/7", "/local/domain/7"] {
            assert_eq!(stage.lab.store().unwrap().directory(path).unwrap(), None, "{script} {path}");
        }
        assert_eq!(state(&stage), before, "{script}");
    }
}
