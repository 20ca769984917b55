//! What is configured at a station, before and after.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use lab::{Difference, Interface, Lab, Station};
use netkernel::link::LinkChange;
use netkernel::nftables::{Batch, NfTables, Table, TableFamily};
use netkernel::sysctl::Sysctl;
use netkernel::{Family, Rtnetlink};

fn changes(station: &Station, change: impl FnOnce(&Station)) -> Vec<String> {
    let before = station.snapshot().unwrap();
    assert_eq!(station.snapshot().unwrap().since(&before), [], "nothing has been done");
    change(station);
    station.snapshot().unwrap().since(&before).iter().map(Difference::to_string).collect()
}

#[test]
fn whatever_is_changed_is_told() {
    if testkit::namespace().is_none() {
        return;
    }
    let lab = Lab::new().unwrap();
    let host = lab.host().station();
    let mtu = changes(host, |host| {
        host.change("eth0", &LinkChange { mtu: Some(1400), ..LinkChange::default() }).unwrap();
    });
    assert_eq!(mtu.len(), 1, "{mtu:#?}");
    assert!(mtu[0].starts_with("link eth0 was (up, kind veth, MAC 52:54:00:00:00:fa, MTU 1500"), "{mtu:#?}");
    let address = changes(host, |host| host.add_address("eth0", "10.9.0.1/24".parse().unwrap()).unwrap());
    assert!(address[0].starts_with("address eth0 10.9.0.1/24 is new"), "{address:#?}");
    assert!(address.iter().any(|line| line.starts_with("route 10.9.0.0/24 dev eth0 is new")), "{address:#?}");
    let gateway = "10.0.0.254".parse().unwrap();
    let route = changes(host, |host| host.add_route("10.8.0.0/16".parse().unwrap(), gateway).unwrap());
    assert_eq!(route.len(), 1, "{route:#?}");
    assert!(route[0].starts_with("route 10.8.0.0/16 via 10.0.0.254 dev eth0 is new"), "{route:#?}");
    let setting = changes(host, |host| {
        host.set(&Sysctl::of_host(Family::Inet, "ip_forward"), "1").unwrap();
    });
    assert!(setting.contains(&"setting net/ipv4/ip_forward was (0) and is (1)".to_owned()), "{setting:#?}");
    let bridge = changes(host, |_| lab.add_bridge("xenbr0", &["eth0"]).unwrap());
    assert!(bridge.iter().any(|line| line.starts_with("link xenbr0 is new (up, kind bridge")), "{bridge:#?}");
    assert!(bridge.iter().any(|line| line.contains("port of xenbr0")), "{bridge:#?}");
    assert!(bridge.iter().any(|line| line.starts_with("address eth0 10.0.0.250/24 is gone")), "{bridge:#?}");
    let filter = changes(host, |host| {
        let mut batch = Batch::new();
        batch.add_table(Table { family: TableFamily::Netdev, name: "guard" });
        host.run(|| NfTables::open().unwrap().commit(&batch).unwrap()).unwrap();
    });
    assert_eq!(filter, ["table netdev guard is new"]);
}

#[test]
fn what_comes_back_is_as_it_was() {
    if testkit::namespace().is_none() {
        return;
    }
    let station = Station::new("alone").unwrap();
    let gone = changes(&station, |station| {
        station
            .configure(
                "lo",
                &Interface { addresses: vec!["10.0.0.1/32".parse().unwrap()], ..Interface::default() },
            )
            .unwrap();
        let mut kernel: Rtnetlink = station.kernel().unwrap();
        let addresses = kernel.addresses(None).unwrap();
        let address = addresses.iter().find(|address| address.local.to_string() == "10.0.0.1").unwrap();
        kernel.remove_address(address).unwrap();
    });
    assert_eq!(gone, Vec::<String>::new());
    let rules: Vec<String> =
        station.snapshot().unwrap().of("rule IPv4").map(|(subject, _)| subject.to_owned()).collect();
    assert_eq!(rules, ["rule IPv4 0", "rule IPv4 32766", "rule IPv4 32767"]);
}
