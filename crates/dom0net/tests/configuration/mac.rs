//! `dom0net mac`.

use std::collections::BTreeSet;

use xenstore::{Client, Requests, Server};

use crate::program::{Folder, XENSTORED};

#[test]
fn random_addresses_are_what_they_promise() {
    let folder = Folder::new();
    let addresses = |words: &[&str]| -> BTreeSet<String> {
        folder.run(&[&["mac", "random"], words].concat()).printed().lines().map(str::to_owned).collect()
    };
    let xens = addresses(&["-n", "50"]);
    assert_eq!(xens.len(), 50, "no two are the same");
    assert!(xens.iter().all(|mac| mac.starts_with("00:16:3e:") && mac.as_bytes()[9] < b'8'), "{xens:?}");
    let local = addresses(&["--local", "--count", "50"]);
    assert_eq!(local.len(), 50);
    let second_digit = |mac: &String| matches!(mac.as_bytes()[1], b'2' | b'6' | b'a' | b'e');
    assert!(local.iter().all(second_digit), "{local:?}");
    assert_eq!(addresses(&[]).len(), 1);
}

#[test]
fn an_address_is_made_of_a_prefix_and_the_guests_ip() {
    let folder = Folder::new();
    let made = |words: [&str; 2]| folder.run(&["mac", "from-ip", words[0], words[1]]);
    assert_eq!(made(["ae:00", "1.2.3.4"]).printed(), "ae:00:01:02:03:04\n");
    assert_eq!(made(["00:16:3e", "10.0.0.1"]).printed(), "00:16:3e:00:00:01\n");
    for (prefix, address, status, said) in [
        (
            "00:16",
            "1.2.3.4",
            1,
            "00 as the first octet belongs to a manufacturer: its second digit must be 2, 6, a or e",
        ),
        ("ab:00", "1.2.3.4", 1, "ab as the first octet makes a multicast address"),
        ("ae", "1.2.3.4", 2, "ae is no prefix"),
        ("ae:00", "1.2.3", 2, "invalid value '1.2.3'"),
        ("ae:00", "::1", 2, "invalid value '::1'"),
    ] {
        let ran = made([prefix, address]);
        assert_eq!((ran.status, &ran.stdout[..]), (status, ""), "{prefix} {address}");
        assert!(ran.stderr.contains(said), "{prefix} {address}: {}", ran.stderr);
    }
}

#[test]
fn odds_are_those_of_the_birthday_paradox() {
    let folder = Folder::new();
    let text = folder.run(&["mac", "odds", "1000"]).printed();
    assert!(text.contains("  5.78 %  "), "{text}");
    let odds = folder.run(&["mac", "odds", "--json", "1000"]).json();
    let xen = odds["xen_prefix"].as_f64().unwrap();
    assert!((xen - 0.0578).abs() < 0.0005, "{xen}");
    let local = odds["locally_administered"].as_f64().unwrap();
    assert!(local > 0.0 && local < 1e-8, "{local}");
    assert!(folder.run(&["mac", "odds", "1"]).printed().contains("\n  0 %"));
    assert_eq!(folder.run(&["mac", "odds", "many"]).status, 2);
}

fn guest(name: &str, vif: &str) -> String {
    format!("name = '{name}'\ntype = 'pv'\nvif = [ {vif} ]\n")
}

#[test]
fn addresses_that_two_guests_have_are_found() {
    let folder = Folder::with(&[
        ("a.cfg", &guest("a", "'mac=00:16:3e:00:00:01', 'mac=00:16:3e:00:00:02'")),
        ("b.cfg", &guest("b", "'mac=00:16:3E:00:00:01'")),
    ]);
    let ran = folder.run(&["mac", "check", "a.cfg", "b.cfg"]);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.stdout, "00:16:3e:00:00:01 is used by a (a.cfg:3:14) and b (b.cfg:3:14)\n");
    let ran = folder.run(&["mac", "check", "--json", "."]);
    assert_eq!(ran.json()[0]["mac"], "00:16:3e:00:00:01");
    assert_eq!(ran.json()[0]["used_by"][1]["name"], "b");
    assert_eq!(folder.run(&["mac", "check", "a.cfg"]).status, 0);
    assert_eq!(folder.run(&["mac", "check", "missing.cfg"]).status, 2);
}

#[test]
fn one_address_can_be_asked_for() {
    let folder = Folder::with(&[("a.cfg", &guest("a", "'mac=00:16:3e:00:00:01'"))]);
    let ran = folder.run(&["mac", "check", "--mac", "00:16:3e:00:00:01", "a.cfg"]);
    assert_eq!((ran.status, &ran.stdout[..]), (1, "00:16:3e:00:00:01 is used by a (a.cfg:3:14)\n"));
    assert_eq!(folder.run(&["mac", "check", "--mac", "00:16:3e:00:00:02", "a.cfg"]).status, 0);
    assert_eq!(folder.run(&["mac", "check", "--mac", "x", "a.cfg"]).status, 2);
}

#[test]
fn two_interfaces_of_one_guest_are_two() {
    let folder = Folder::with(&[("a.cfg", &guest("a", "'mac=00:16:3e:00:00:01', 'mac=00:16:3e:00:00:01'"))]);
    assert_eq!(folder.run(&["mac", "check", "a.cfg"]).status, 1);
}

#[test]
fn guests_that_are_running_are_asked_too() {
    let folder = Folder::new();
    let _server = Server::bind(folder.path(XENSTORED)).unwrap().spawn().unwrap();
    let mut store = Client::connect(folder.path(XENSTORED)).unwrap();
    store.write("/local/domain/7/name", "a").unwrap();
    store.write("/local/domain/0/backend/vif/7/0/mac", "00:16:3e:00:00:01").unwrap();
    folder.write("a.cfg", guest("a", "'mac=00:16:3e:00:00:01'"));
    assert_eq!(
        folder.run(&["mac", "check", "a.cfg"]).printed(),
        "",
        "its own configuration is no other guest"
    );
    folder.write("b.cfg", guest("b", "'mac=00:16:3e:00:00:01'"));
    let ran = folder.run(&["mac", "check", "b.cfg"]);
    assert_eq!(ran.status, 1);
    let said = "00:16:3e:00:00:01 is used by b (b.cfg:3:14) and a (running, domain 7, interface 0)\n";
    assert_eq!(ran.stdout, said);
}

#[test]
fn what_could_not_be_asked_is_said() {
    let folder = Folder::with(&[("a.cfg", &guest("a", "''"))]);
    let ran = folder.run(&["mac", "check", "a.cfg"]);
    assert!(ran.stderr.starts_with("dom0net: running guests may be missing: "), "{}", ran.stderr);
}
