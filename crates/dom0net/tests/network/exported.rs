//! The bridge in the configuration of other programs, held against those programs' own readers.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::host::Outcome;
use crate::wire::Wire;

fn export(wire: &Wire, words: &[&str]) -> Outcome {
    wire.host.run("dom0net", &[&["export"], words].concat(), &[])
}

/// Writes the configuration below a folder, and returns that.
fn exported(wire: &Wire, format: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_str().unwrap();
    let outcome = export(wire, &["--to", format, "--into", into, "netdev=eth0", "bridge=xenbr0"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    folder
}

fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {error}", program.display());
    String::from_utf8(output.stdout).unwrap() + &error
}

#[test]
fn netplan_makes_the_bridge_out_of_what_is_written_for_it() {
    let Some(netplan) = testkit::program("netplan") else { return };
    let Some(wire) = Wire::quick() else { return };
    let folder = exported(&wire, "netplan");
    run(&netplan, &["generate", "--root-dir", folder.path().to_str().unwrap()]);
    let made = folder.path().join("run/systemd/network");
    let read = |name: &str| fs::read_to_string(made.join(name)).unwrap();
    let (device, network) = (read("10-netplan-xenbr0.netdev"), read("10-netplan-xenbr0.network"));
    for (text, part) in [
        (&device, "Kind=bridge"),
        (&device, "STP=false"),
        (&network, "Address=10.0.0.250/24"),
        (&network, "Address=2001:db8::250/64"),
        (&network, "Gateway=10.0.0.254"),
        (&network, "Metric=100"),
        (&network, "Gateway=2001:db8::fe"),
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(read("10-netplan-eth0.network").contains("Bridge=xenbr0"));
}

#[test]
fn ifupdown_reads_what_is_written_for_it() {
    let Some(ifquery) = testkit::program("ifquery") else { return };
    let Some(wire) = Wire::quick() else { return };
    wire.ip("route add 10.7.0.0/16 via 10.0.0.77 dev eth0");
    let folder = exported(&wire, "ifupdown");
    let file = folder.path().join("etc/network/interfaces.d/xenbr0");
    let text = run(&ifquery, &["--interfaces", file.to_str().unwrap(), "xenbr0"]);
    for part in [
        "address: 10.0.0.250\n",
        "netmask: 255.255.255.0",
        "gateway: 10.0.0.254",
        "metric: 100",
        "bridge_ports: eth0",
        "address: 2001:db8::250\n",
        "netmask: 64",
        "gateway: 2001:db8::fe",
        "up: ip route add 10.7.0.0/16 via 10.0.0.77 dev $IFACE",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn network_manager_reads_what_is_written_for_it() {
    let Some(nmcli) = testkit::program("nmcli") else { return };
    let Some(wire) = Wire::quick() else { return };
    let folder = exported(&wire, "networkmanager");
    let connections = folder.path().join("etc/NetworkManager/system-connections");
    for (file, parts) in [
        ("xenbr0", &["10.0.0.250/24", "10.0.0.254,100", "2001:db8::250/64", "stp=false"][..]),
        ("xenbr0-eth0", &["xenbr0", "interface-name=eth0"]),
    ] {
        let file = fs::File::open(connections.join(format!("{file}.nmconnection"))).unwrap();
        // It reads a connection, and writes it as it has understood it.
        let output = Command::new(&nmcli)
            .args(["--offline", "connection", "modify", "connection.autoconnect", "yes"])
            .stdin(file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for part in parts {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}

#[test]
fn a_network_that_stands_is_exported_as_if_it_did_not() {
    let Some(wire) = Wire::quick() else { return };
    for format in ["networkd", "networkmanager", "ifupdown", "netplan", "nmstate"] {
        let before = export(&wire, &["--to", format, "netdev=eth0", "bridge=xenbr0"]);
        assert!(before.stdout.starts_with("### /etc/"), "{before:?}");
        wire.succeeds(crate::START);
        let standing = export(&wire, &["--to", format]);
        assert_eq!(before.stdout, standing.stdout, "{format}");
        wire.succeeds(crate::STOP);
    }
}

#[test]
fn what_has_no_words_is_said() {
    let Some(wire) = Wire::quick() else { return };
    wire.ip("route add 10.8.0.0/16 dev eth0 table 100");
    wire.ip("rule add iif eth0 lookup 100");
    let outcome = export(&wire, &["--to", "networkd"]);
    assert_eq!(outcome.status, 0);
    for part in ["route 10.8.0.0/16 table 100: it is in another table", "rule 32765: iif eth0 lookup 100"] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    for words in [&["--to", "wicked"][..], &["--to", "networkd", "layout=classic"], &[]] {
        assert_eq!(export(&wire, words).status, 2, "{words:?}");
    }
}
