//! What `vif-bridge` and `network-bridge` do beyond plugging one vif into one bridge.

use std::thread;
use std::time::{Duration, Instant};

use dom0net::vif::PortKind;
use lab::MachineKind;
use netkernel::link::LinkChange;
use xenstore::Requests;

use crate::stage::{Stage, domain, reaches, reaches_not};

const WEB: &str = "mac=00:16:3e:00:00:02,ip=10.0.0.2";
const BACKEND: &str = "/local/domain/0/backend/vif";

#[test]
fn a_guest_with_an_emulated_card_has_two_devices_and_both_are_guarded() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &["eth0"]).unwrap();
    stage.host().change("xenbr0", &LinkChange { mtu: Some(1400), ..LinkChange::default() }).unwrap();
    let mut config =
        domain("web", &format!("{WEB},bridge=xenbr0,vifname=web,type=ioemu"), &["10.0.0.2/24"], &[]);
    config.kind = MachineKind::Hvm;
    let web = stage.lab.create(&config).unwrap();
    let bridge = stage.host().link("xenbr0").unwrap().index;
    for (device, kind) in [("web", PortKind::Vif), ("web-emu", PortKind::Tap)] {
        let link = stage.host().link(device).unwrap();
        assert_eq!((link.master, link.mtu), (Some(bridge), 1400), "{device}");
        assert_eq!(stage.guard(1, kind).unwrap().devices, [device]);
    }
    // The guest is told, under its own number and not under the device's name.
    assert_eq!(stage.node("/local/domain/1/device/vif/0/mtu").as_deref(), Some("1400"));
    assert_eq!(stage.node("/local/domain/web"), None);
    reaches(web.station(), &["10.0.0.250"]);
    stage.lab.toolstack().destroy(1).unwrap();
    assert!(stage.guard(1, PortKind::Vif).is_none() && stage.guard(1, PortKind::Tap).is_none());
}

#[test]
fn the_emulated_card_of_a_routed_guest_comes_first_while_it_is_there() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let mut config =
        domain("web", &format!("{WEB} 2001:db8::2,script=vif-route,type=ioemu"), &["10.0.0.2/32"], &[]);
    config.kind = MachineKind::Hvm;
    stage.lab.create(&config).unwrap();
    let first = || stage.says("ip", "route get 10.0.0.2").split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(first(), "vif1.0-emu");
    stage.lab.toolstack().detach(1, 0).unwrap();
    assert_eq!(stage.says("ip", "-6 neigh show proxy"), "");
}

#[test]
fn a_vlan_on_a_bridge_that_filters_none_is_refused() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &["eth0"]).unwrap();
    // Xen's scripts ignore it, and the guest ends up in another network than its owner believes.
    let error = stage.refusal(&format!("{WEB},bridge=xenbr0,vlan=10p/100-110"));
    assert!(error.contains("vlan=\"10p/100-110\" cannot be: xenbr0"), "{error}");
    assert!(error.contains("filter VLANs"), "{error}");
    stage.succeeds("network-nat start bridge=nat0");
    let error = stage.refusal(&format!("{WEB},script=vif-route,vlan=10"));
    assert!(error.contains("only a bridge has VLANs"), "{error}");
}

#[test]
fn a_bridge_needs_no_card() {
    let Some(stage) = Stage::new() else { return };
    let before = stage.says("ip", "-o link");
    // The documents' words, on a kernel that has no dummies.
    stage.succeeds("network-bridge start vifnum=1 bridge=xenbr1 netdev=dummy0");
    stage.succeeds("network-bridge start vifnum=1 bridge=xenbr1 netdev=dummy0");
    let web = stage.guest("web", &format!("{WEB},bridge=xenbr1"), &["10.0.0.2/24"], &[]);
    let db = "mac=00:16:3e:00:00:03,ip=10.0.0.3,bridge=xenbr1";
    let db = stage.guest("db", db, &["10.0.0.3/24"], &[]);
    reaches(web.station(), &["10.0.0.3"]);
    reaches_not(web.station(), &["10.0.0.250", "10.0.0.254"]);
    assert_eq!(stage.says("ip", "-o addr show dev xenbr1"), "");
    let outcome = stage.run("network-bridge stop bridge=xenbr1 netdev=dummy0");
    assert!(outcome.stderr.contains("guests are still on xenbr1"), "{outcome:?}");
    for guest in [web, db] {
        stage.lab.toolstack().destroy(guest.domid()).unwrap();
    }
    let plan = stage.succeeds("network-bridge stop bridge=xenbr1 --dry-run");
    assert!(plan.ends_with("delete bridge xenbr1\n"), "{plan}");
    stage.succeeds("network-bridge stop bridge=xenbr1");
    stage.succeeds("network-bridge stop bridge=xenbr1");
    assert_eq!(stage.says("ip", "-o link"), before);
    stage.succeeds("network-bridge start bridge=null");
    assert_eq!(stage.says("ip", "-o link"), before);
}

#[test]
fn several_bridges_stand_beside_each_other() {
    let Some(stage) = Stage::new() else { return };
    let second =
        lab::Interface { addresses: vec!["10.9.0.1/24".parse().unwrap()], ..lab::Interface::default() };
    stage.lab.wire().connect(stage.host(), "eth1", &second).unwrap();
    stage.succeeds("network-bridge start vifnum=0 netdev=eth0 bridge=xenbr0");
    stage.succeeds("network-bridge start vifnum=1 netdev=eth1 bridge=xenbr1 stp=yes");
    stage.succeeds("network-bridge start bridge=xenbr2 netdev=none");
    let links = stage.host().kernel().unwrap().links_of_kind("bridge").unwrap();
    let stp = |name: &str| {
        let link = links.iter().find(|link| link.name == name).unwrap();
        link.bridge.as_ref().unwrap().stp.unwrap()
    };
    assert_eq!((stp("xenbr0"), stp("xenbr1"), stp("xenbr2")), (false, true, false));
    let port = |name: &str| stage.host().link(name).unwrap().master.unwrap();
    assert_ne!(port("eth0"), port("eth1"));
    for bridge in ["xenbr2", "xenbr1", "xenbr0"] {
        stage.succeeds(&format!("network-bridge stop bridge={bridge}"));
    }
    assert!(stage.says("ip", "-o addr show dev eth1").contains("10.9.0.1/24"));
}

#[test]
fn a_guest_that_starts_anew_waits_for_the_name_that_its_old_device_still_has() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &["eth0"]).unwrap();
    let vif = format!("{WEB},bridge=xenbr0,vifname=web");
    let _old = stage.guest("web", &vif, &["10.0.0.2/24"], &[]);
    let new = thread::scope(|scope| {
        let begun = Instant::now();
        let new = scope.spawn(|| stage.lab.create(&domain("web2", &vif, &["10.0.0.2/24"], &[])));
        thread::sleep(Duration::from_millis(300));
        let mut kernel = stage.host().kernel().unwrap();
        let index = stage.host().link("web").unwrap().index;
        kernel.delete_link(index).unwrap();
        let new = new.join().unwrap().unwrap();
        assert!(begun.elapsed() > Duration::from_millis(300));
        new
    });
    assert_eq!(stage.host().link("web").unwrap().alias.as_deref(), Some("vif2.0"));
    reaches(new.station(), &["10.0.0.250"]);
}

#[test]
fn calls_from_the_days_of_udev_and_of_qemus_own_scripts_are_understood() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr1", &[]).unwrap();
    stage.says("ip", "link add vif5.0 type veth peer name peer");
    let mut store = stage.lab.store().unwrap();
    store.write(&format!("{BACKEND}/5/0/mac"), "00:16:3e:00:00:05").unwrap();
    // The node had the script's arguments with it, and udev gave the rest.
    let environment =
        [("script", "vif-bridge bridge=xenbr1"), ("XENBUS_PATH", "backend/vif/5/0"), ("vif", "vif5.0")];
    let outcome = stage.run_with("vif-setup online type_if=vif", &environment);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let bridge = stage.host().link("xenbr1").unwrap().index;
    assert_eq!(stage.host().link("vif5.0").unwrap().master, Some(bridge));
    // Any other script is run as it is.
    let environment = [("script", "/bin/echo one  two")];
    assert_eq!(stage.run_with("vif-setup offline", &environment).stdout, "one two offline\n");

    stage.says("ip", "link add tap5.0 type veth peer name peer2");
    assert_eq!(stage.run("qemu-ifup tap5.0 xenbr1").status, 0);
    assert_eq!(stage.host().link("tap5.0").unwrap().master, Some(bridge));
    assert_eq!(stage.guard(5, PortKind::Tap).unwrap().devices, ["tap5.0"]);
    assert_eq!(stage.run("qemu-ifdown tap5.0").status, 0);
    assert!(stage.guard(5, PortKind::Tap).is_none());
    let outcome = stage.run("qemu-ifup tap0 xenbr1");
    assert!(outcome.status == 2 && outcome.stderr.contains("cannot be guarded"), "{outcome:?}");
}

#[test]
fn vlans_keep_guests_apart_and_a_trunk_is_in_several() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    let filter = ["link", "set", "xenbr0", "type", "bridge", "vlan_filtering", "1"];
    let filters = stage.lab.on_host(std::process::Command::new("ip").args(filter)).unwrap();
    if !filters.status.success() {
        let reason = String::from_utf8_lossy(&filters.stderr).trim().to_owned();
        return testkit::skip!("this kernel's bridges cannot filter VLANs ({reason})");
    }
    let guest = |number: u8, vlan: &str| {
        let vif = format!("mac=00:16:3e:00:00:0{number},bridge=xenbr0,ip=10.9.0.{number},vlan={vlan}");
        stage.guest(&format!("guest{number}"), &vif, &[&format!("10.9.0.{number}/24")], &[])
    };
    let (web, db, other, trunk) = (guest(2, "10"), guest(3, "10"), guest(4, "20"), guest(5, "30p/10"));
    reaches(web.station(), &["10.9.0.3"]);
    reaches_not(web.station(), &["10.9.0.4", "10.9.0.5"]);
    reaches_not(other.station(), &["10.9.0.2", "10.9.0.3"]);
    // In the trunk's own VLAN there is nobody; in the one that it tags there is.
    let name = |text: &str| netkernel::link::LinkName::new(text).unwrap();
    let card = trunk.station().link("eth0").unwrap().index;
    let kind = netkernel::link::LinkKind::Vlan { parent: card, id: 10 };
    let made = trunk.station().kernel().unwrap().create_link(&name("eth0.10"), &kind, &LinkChange::default());
    if let Err(error) = made {
        return testkit::skip!("this kernel has no VLAN devices, so that no guest can tag ({error})");
    }
    trunk.station().change("eth0.10", &LinkChange { up: Some(true), ..LinkChange::default() }).unwrap();
    trunk
        .station()
        .kernel()
        .unwrap()
        .remove_address(&netkernel::address::Address::new(card, "10.9.0.5".parse().unwrap(), 24))
        .unwrap();
    trunk.station().add_address("eth0.10", "10.9.0.5/24".parse().unwrap()).unwrap();
    reaches(trunk.station(), &["10.9.0.2", "10.9.0.3"]);
    reaches_not(trunk.station(), &["10.9.0.4"]);
    drop(db);
}
