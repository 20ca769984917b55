//! The wire and what is on it.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use lab::{Host, Interface, Ping, Station, Wire, WireConfig};

fn interface(address: &str, gateways: &[&str]) -> Interface {
    Interface {
        mac: None,
        addresses: vec![address.parse().unwrap()],
        gateways: gateways.iter().map(|gateway| gateway.parse().unwrap()).collect(),
    }
}

#[test]
fn a_station_on_the_wire_reaches_the_gateway_and_what_is_behind_it() {
    if testkit::namespace().is_none() {
        return;
    }
    let begin = std::time::Instant::now();
    let wire = Wire::new(WireConfig::default()).unwrap();
    let one = wire.station("one", &interface("10.0.0.1/24", &["10.0.0.254"])).unwrap();
    let six = wire.station("six", &interface("2001:db8::6/64", &["2001:db8::fe"])).unwrap();
    println!("{:?}", begin.elapsed());
    for (station, address) in
        [(&one, "10.0.0.254"), (&one, "192.0.2.1"), (&six, "2001:db8::fe"), (&six, "2001:db8:ffff::1")]
    {
        let answer = station.ping(&Ping::to(address.parse::<std::net::IpAddr>().unwrap())).unwrap();
        assert!(answer.is_here(), "{address}: {answer}");
        println!("{answer}");
    }
}

#[test]
fn programs_of_the_host_see_its_devices_and_folders_of_their_own() {
    if testkit::namespace().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let begin = std::time::Instant::now();
    let host = Host::new("host", folder.path(), false).unwrap();
    println!("{:?}", begin.elapsed());
    host.log_folder().unwrap();
    let links = host.run(|| std::fs::read_dir("/sys/class/net").unwrap().count()).unwrap();
    assert_eq!(links, 1);
    host.run(|| std::fs::write("/var/log/xen/test.log", "x").unwrap()).unwrap();
    host.run(|| std::fs::create_dir("/run/xen-hotplug").unwrap()).unwrap();
    assert!(!std::path::Path::new("/run/xen-hotplug").exists());
    assert!(folder.path().join("log/test.log").exists());
    let _ = Station::new("x");
}
