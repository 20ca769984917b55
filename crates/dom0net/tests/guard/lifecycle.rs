//! The guard comes, is replaced, and goes without leaving anything.

use std::io::Write;
use std::process::{Command, Stdio};

use dom0net::guard::{Condition, Guard, Policy};
use dom0net::vif::{Port, PortKind, Vif};
use netkernel::Rtnetlink;
use netkernel::link::{BridgeOptions, LinkChange, LinkKind};
use netkernel::nftables::{
    Batch, Element, Hook, KeyKind, NfTables, Policy as Otherwise, Rule, Statement, Table, TableFamily,
    Verdict, link_name,
};

use super::locked;
use super::stage::{OWN, name};

pub(super) fn port(domid: u32, devid: u32, kind: PortKind) -> Port {
    Port { vif: Vif { domid, devid }, kind }
}

pub(super) const FIRST: Port = Port { vif: Vif { domid: 1, devid: 0 }, kind: PortKind::Vif };

/// Calls `test` in a namespace with devices of these names; does nothing, after saying so, where none can be made.
pub(super) fn with_devices(devices: &[&str], test: impl FnOnce(&mut NfTables) + Send) {
    let Some(namespace) = testkit::namespace() else { return };
    namespace
        .run(|| {
            let mut kernel = Rtnetlink::open().unwrap();
            for device in devices {
                let kind = LinkKind::Bridge(BridgeOptions::default());
                kernel.create_link(&name(device), &kind, &LinkChange::default()).unwrap();
            }
            test(&mut NfTables::open().unwrap());
        })
        .unwrap();
}

pub(super) fn tables(filter: &mut NfTables) -> usize {
    filter.tables(TableFamily::Netdev).unwrap().len()
}

#[test]
fn what_was_put_in_force_is_seen_and_goes_without_a_trace() {
    with_devices(&["vif1.0"], |filter| {
        let guard = Guard::of(FIRST);
        assert_eq!(guard.state(filter).unwrap(), None);
        for policy in [locked(), Policy::mac_only(OWN), super::locked_to_many()] {
            guard.install(filter, &name("vif1.0"), &policy).unwrap();
            let state = guard.state(filter).unwrap().unwrap();
            assert_eq!(state.devices, ["vif1.0"]);
            assert!(state.dropped.is_empty());
            guard.remove(filter).unwrap();
            assert_eq!(tables(filter), 0);
        }
        guard.remove(filter).unwrap();
    });
}

#[test]
fn a_guard_replaces_another_of_its_port_on_whatever_device() {
    with_devices(&["vif1.0", "web"], |filter| {
        let guard = Guard::of(FIRST);
        guard.install(filter, &name("vif1.0"), &locked()).unwrap();
        guard.install(filter, &name("web"), &Policy::mac_only(OWN)).unwrap();
        assert_eq!(guard.state(filter).unwrap().unwrap().devices, ["web"]);
        guard.install(filter, &name("web"), &locked()).unwrap();
        guard.remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn guards_that_share_a_table_do_not_touch_each_other() {
    // Domains 1 and 2 are in the same table, and so are a vif and its tap.
    let ports = [
        port(1, 0, PortKind::Vif),
        port(1, 0, PortKind::Tap),
        port(2, 0, PortKind::Vif),
        port(3, 0, PortKind::Vif),
    ];
    with_devices(&["vif1.0", "vif1.0-emu", "vif2.0", "vif3.0"], |filter| {
        for (port, device) in ports.iter().zip(["vif1.0", "vif1.0-emu", "vif2.0", "vif3.0"]) {
            Guard::of(*port).install(filter, &name(device), &locked()).unwrap();
        }
        assert_eq!(tables(filter), 1);
        for gone in 0..ports.len() {
            Guard::of(ports[gone]).remove(filter).unwrap();
            for (number, port) in ports.iter().enumerate() {
                assert_eq!(Guard::of(*port).state(filter).unwrap().is_some(), number > gone);
            }
        }
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn who_guards_a_port_at_the_same_time_does_not_fail() {
    let Some(namespace) = testkit::namespace() else { return };
    let create = || {
        let kind = LinkKind::Bridge(BridgeOptions::default());
        Rtnetlink::open().unwrap().create_link(&name("vif1.0"), &kind, &LinkChange::default()).unwrap();
    };
    namespace.run(create).unwrap();
    std::thread::scope(|scope| {
        for policy in [locked(), Policy::mac_only(OWN)] {
            let namespace = &namespace;
            scope.spawn(move || {
                let install = || {
                    let mut filter = NfTables::open().unwrap();
                    (0..20).for_each(|_| {
                        Guard::of(FIRST).install(&mut filter, &name("vif1.0"), &policy).unwrap();
                    });
                };
                namespace.run(install).unwrap();
            });
        }
    });
    let state = namespace.run(|| Guard::of(FIRST).state(&mut NfTables::open().unwrap()).unwrap()).unwrap();
    assert_eq!(state.unwrap().devices, ["vif1.0"]);
}

#[test]
fn foreign_things_in_our_table_stay() {
    with_devices(&["vif1.0"], |filter| {
        let guard = Guard::of(FIRST);
        guard.install(filter, &name("vif1.0"), &locked()).unwrap();
        let table = Table { family: TableFamily::Netdev, name: "dom0net-00" };
        let mut batch = Batch::new();
        batch.add_chain(table, "someone-elses", None);
        filter.commit(&batch).unwrap();
        guard.remove(filter).unwrap();
        assert_eq!(guard.state(filter).unwrap(), None);
        assert!(filter.chain(table, "someone-elses").unwrap().is_some());
    });
}

#[test]
fn what_another_version_of_the_program_left_is_replaced_and_removed() {
    with_devices(&["vif1.0"], |filter| {
        let guard = Guard::of(FIRST);
        let leave = |filter: &mut NfTables, is_noted: bool| {
            let mut batch = Batch::new();
            batch.add_table(SHARED_TABLE);
            batch.add_chain(SHARED_TABLE, "vif1.0-of-another-shape", None);
            if is_noted {
                batch.ensure_set(SHARED_TABLE, "guards", KeyKind::LinkName);
                batch.add_counting_set(SHARED_TABLE, "dropped", KeyKind::LinkName);
                batch.add_commented_element(
                    SHARED_TABLE,
                    "guards",
                    &link_name(&name("vif1.0")),
                    "1000 of another version",
                );
            } else {
                let devices = [name("vif1.0")];
                let hook = Hook {
                    kind: "filter",
                    number: 0,
                    priority: 0,
                    policy: Otherwise::Drop,
                    devices: &devices,
                };
                batch.add_base_chain(SHARED_TABLE, "vif1.0", &hook);
                let jump = Verdict::Jump("vif1.0-of-another-shape".into());
                let rule = Rule { statements: vec![Statement::Verdict(jump)], ..Rule::default() };
                batch.add_rule(SHARED_TABLE, "vif1.0", &rule);
            }
            filter.commit(&batch).unwrap();
        };
        for is_noted in [false, true] {
            leave(filter, is_noted);
            guard.remove(filter).unwrap();
            assert_eq!(tables(filter), 0);
        }
        leave(filter, false);
        guard.install(filter, &name("vif1.0"), &locked()).unwrap();
        let condition = guard.condition(filter, &name("vif1.0"), &locked()).unwrap();
        assert_eq!(condition, Condition::InForce);
        guard.remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

pub(super) const SHARED_TABLE: Table<'_> = Table { family: TableFamily::Netdev, name: "dom0net-00" };

/// The chains of the first port's table that guards share.
pub(super) fn shared_chains(filter: &mut NfTables) -> Vec<String> {
    let mut names: Vec<String> =
        filter.chains(TableFamily::Netdev).unwrap().into_iter().map(|chain| chain.name).collect();
    names.retain(|name| name.starts_with("sound-"));
    names.sort();
    names
}

#[test]
fn what_guards_share_comes_with_the_first_and_goes_with_the_last_that_needs_it() {
    with_devices(&["vif1.0", "vif2.0", "vif3.0"], |filter| {
        let router = Policy { router: true, ..locked() };
        let install = |filter: &mut NfTables, domid: u32, policy: &Policy| {
            let device = name(&format!("vif{domid}.0"));
            Guard::of(port(domid, 0, PortKind::Vif)).install(filter, &device, policy).unwrap();
        };
        let remove = |filter: &mut NfTables, domid: u32| {
            Guard::of(port(domid, 0, PortKind::Vif)).remove(filter).unwrap();
        };
        install(filter, 1, &locked());
        let plain = shared_chains(filter);
        assert_eq!(plain.len(), 8, "{plain:?}");
        install(filter, 2, &locked());
        assert_eq!(shared_chains(filter), plain);
        install(filter, 3, &router);
        assert_eq!(shared_chains(filter).len(), 16);
        remove(filter, 1);
        assert_eq!(shared_chains(filter).len(), 16);
        // A policy that changes lets go what it needed before.
        install(filter, 3, &locked());
        assert_eq!(shared_chains(filter), plain);
        install(filter, 3, &router);
        remove(filter, 2);
        let of_routers = shared_chains(filter);
        assert!(of_routers.len() == 8 && of_routers != plain, "{of_routers:?}");
        remove(filter, 3);
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn a_shared_chain_that_somebody_emptied_is_damage_and_is_repaired() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let (first, second) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        first.install(filter, &name("vif1.0"), &locked()).unwrap();
        second.install(filter, &name("vif2.0"), &locked()).unwrap();
        for chain in shared_chains(filter) {
            let mut batch = Batch::new();
            batch.flush_chain(SHARED_TABLE, &chain);
            filter.commit(&batch).unwrap();
            let mut conditions = || {
                [(&first, "vif1.0"), (&second, "vif2.0")]
                    .map(|(guard, device)| guard.condition(filter, &name(device), &locked()).unwrap())
            };
            assert_eq!(conditions(), [(); 2].map(|()| Condition::Damaged(chain.clone())));
            first.install(filter, &name("vif1.0"), &locked()).unwrap();
            let mut conditions = || {
                [(&first, "vif1.0"), (&second, "vif2.0")]
                    .map(|(guard, device)| guard.condition(filter, &name(device), &locked()).unwrap())
            };
            assert_eq!(conditions(), [(); 2].map(|()| Condition::InForce), "{chain}");
        }
        for guard in [first, second] {
            guard.remove(filter).unwrap();
        }
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn what_was_counted_goes_with_the_guard_and_no_other() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let devices = [(FIRST, "vif1.0"), (port(2, 0, PortKind::Vif), "vif2.0")];
        let key = |device: &str| [&link_name(&name(device))[..], &0x6d30_6e04_u32.to_ne_bytes()].concat();
        for (port, device) in devices {
            Guard::of(port).install(filter, &name(device), &locked()).unwrap();
            // As a dropped frame does.
            let mut batch = Batch::new();
            batch.add_elements(SHARED_TABLE, "dropped", &[Element::one(key(device))]);
            filter.commit(&batch).unwrap();
        }
        // Another policy counts on.
        Guard::of(FIRST).install(filter, &name("vif1.0"), &Policy::mac_only(OWN)).unwrap();
        assert_eq!(filter.elements(SHARED_TABLE, "dropped").unwrap().len(), 2);
        Guard::of(FIRST).remove(filter).unwrap();
        let left = filter.elements(SHARED_TABLE, "dropped").unwrap();
        assert_eq!(left.iter().map(|element| &element.key).collect::<Vec<_>>(), [&key("vif2.0")]);
        Guard::of(devices[1].0).remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn a_guard_whose_chain_went_with_its_device_is_replaced_and_removed() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let (first, second) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        second.install(filter, &name("vif2.0"), &locked()).unwrap();
        for comes_again in [true, false] {
            first.install(filter, &name("vif1.0"), &Policy { router: true, ..locked() }).unwrap();
            // Kernels before 6.16 do so when the device goes.
            let mut batch = Batch::new();
            batch.flush_chain(SHARED_TABLE, "vif1.0");
            batch.delete_chain(SHARED_TABLE, "vif1.0");
            filter.commit(&batch).unwrap();
            assert_eq!(first.state(filter).unwrap(), None);
            if comes_again {
                first.install(filter, &name("vif1.0"), &locked()).unwrap();
                let condition = first.condition(filter, &name("vif1.0"), &locked()).unwrap();
                assert_eq!(condition, Condition::InForce);
            }
            first.remove(filter).unwrap();
            assert_eq!(filter.elements(SHARED_TABLE, "guards").unwrap().len(), 1);
            assert_eq!(shared_chains(filter).len(), 8);
        }
        second.remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

/// What the sets that shared chains look up have, as text: the device's name, and how many bytes stand behind it.
pub(super) fn owned(filter: &mut NfTables) -> Vec<String> {
    let sets = ["macs", "targets"].map(|set| filter.elements(SHARED_TABLE, set).unwrap());
    let mut all: Vec<String> = sets
        .iter()
        .flatten()
        .map(|it| {
            let name = String::from_utf8_lossy(&it.key[..16]);
            format!("{} {}", name.trim_end_matches('\0'), it.key.len() - 16)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_kept_of_a_vif_goes_with_its_guard_and_no_other() {
    with_devices(&["vif1.0", "web", "vif2.0"], |filter| {
        let (first, second) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        second.install(filter, &name("vif2.0"), &locked()).unwrap();
        // The MAC address in two words, an address and the link-local one.
        let of_second = ["vif2.0 16", "vif2.0 16", "vif2.0 8"];
        assert_eq!(owned(filter), of_second);
        first.install(filter, &name("web"), &locked()).unwrap();
        assert_eq!(owned(filter), [&of_second[..], &["web 16", "web 16", "web 8"]].concat());
        // Networks cannot be looked up, and others than locked guards look nothing up.
        first.install(filter, &name("web"), &super::locked_to_many()).unwrap();
        assert_eq!(owned(filter), [&of_second[..], &["web 8"]].concat());
        first.install(filter, &name("vif1.0"), &locked()).unwrap();
        assert_eq!(owned(filter), [&["vif1.0 16", "vif1.0 16", "vif1.0 8"], &of_second[..]].concat());
        first.install(filter, &name("vif1.0"), &Policy::mac_only(OWN)).unwrap();
        assert_eq!(owned(filter), of_second);
        // Kernels before 6.16 take the chain away with its device, whatever that was called.
        first.install(filter, &name("web"), &locked()).unwrap();
        let mut batch = Batch::new();
        batch.flush_chain(SHARED_TABLE, "vif1.0");
        batch.delete_chain(SHARED_TABLE, "vif1.0");
        filter.commit(&batch).unwrap();
        first.remove(filter).unwrap();
        assert_eq!(owned(filter), of_second);
        second.remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

/// What `nft` says on its standard output, with this on its standard input.
fn nft(arguments: &[&str], input: &str) -> String {
    let pipe = Stdio::piped;
    let mut child =
        Command::new("nft").args(arguments).stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{input}{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn rules_that_somebody_lists_and_loads_again_are_in_force() {
    with_devices(&["vif1.0", "vif2.0", "vif3.0"], |filter| {
        let (held, tagging, many) = (locked(), Policy::mac_only(OWN), super::locked_to_many());
        let guards = [(1, "vif1.0", &held), (2, "vif2.0", &tagging), (3, "vif3.0", &many)]
            .map(|(domid, device, policy)| (Guard::of(port(domid, 0, PortKind::Vif)), name(device), policy));
        for (guard, device, policy) in &guards {
            guard.install(filter, device, policy).unwrap();
        }
        let listed = nft(&["list", "ruleset"], "");
        nft(&["-f", "-"], &format!("flush ruleset\n{listed}"));
        for (guard, device, policy) in &guards {
            assert_eq!(guard.condition(filter, device, policy).unwrap(), Condition::InForce, "{listed}");
            guard.remove(filter).unwrap();
        }
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn what_is_missing_of_a_vif_or_too_much_is_damage_and_is_repaired() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let guard = Guard::of(FIRST);
        guard.install(filter, &name("vif1.0"), &locked()).unwrap();
        Guard::of(port(2, 0, PortKind::Vif)).install(filter, &name("vif2.0"), &locked()).unwrap();
        for set in ["macs", "targets"] {
            let condition =
                |filter: &mut NfTables| guard.condition(filter, &name("vif1.0"), &locked()).unwrap();
            let key = |device: &str, first: u8| {
                let rest = if set == "macs" { vec![first, 0, 0, 0, 0, 0, 0, 0] } else { vec![first; 16] };
                Element::one([&link_name(&name(device))[..], &rest].concat())
            };
            let mut batch = Batch::new();
            batch.add_elements(SHARED_TABLE, set, &[key("vif2.0", 2)]);
            filter.commit(&batch).unwrap();
            assert_eq!(condition(filter), Condition::InForce, "that is another's");
            let mut batch = Batch::new();
            batch.add_elements(SHARED_TABLE, set, &[key("vif1.0", 2)]);
            filter.commit(&batch).unwrap();
            assert_eq!(condition(filter), Condition::Incomplete(set), "too much");
            guard.install(filter, &name("vif1.0"), &locked()).unwrap();
            assert_eq!(condition(filter), Condition::InForce);
            let there =
                filter.elements(SHARED_TABLE, set).unwrap().into_iter().map(|it| Element::one(it.key));
            let mut batch = Batch::new();
            batch.delete_elements(SHARED_TABLE, set, &there.collect::<Vec<_>>());
            filter.commit(&batch).unwrap();
            assert_eq!(condition(filter), Condition::Incomplete(set), "too little");
            guard.install(filter, &name("vif1.0"), &locked()).unwrap();
            assert_eq!(condition(filter), Condition::InForce);
        }
    });
}

/// Guards of one table come and go, each with processes of its own, and somebody deletes the table again and again.
fn comings_and_goings(somebody_flushes: bool) {
    let Some(namespace) = testkit::namespace() else { return };
    let domains = [1, 2, 3, 4];
    let create = || {
        for domid in domains {
            let kind = LinkKind::Bridge(BridgeOptions::default());
            let device = name(&format!("vif{domid}.0"));
            Rtnetlink::open().unwrap().create_link(&device, &kind, &LinkChange::default()).unwrap();
        }
    };
    namespace.run(create).unwrap();
    std::thread::scope(|scope| {
        for domid in domains {
            let namespace = &namespace;
            scope.spawn(move || {
                let come_and_go = || {
                    let mut filter = NfTables::open().unwrap();
                    let (guard, device) =
                        (Guard::of(port(domid, 0, PortKind::Vif)), name(&format!("vif{domid}.0")));
                    for turn in 0..25 {
                        let policy = Policy { router: turn % 3 == 0, ..locked() };
                        guard.install(&mut filter, &device, &policy).unwrap();
                        if !somebody_flushes {
                            assert_eq!(
                                guard.condition(&mut filter, &device, &policy).unwrap(),
                                Condition::InForce
                            );
                        }
                        guard.remove(&mut filter).unwrap();
                    }
                    if somebody_flushes {
                        guard.install(&mut filter, &device, &locked()).unwrap();
                    }
                };
                namespace.run(come_and_go).unwrap();
            });
        }
        if somebody_flushes {
            let flush = || {
                let mut filter = NfTables::open().unwrap();
                for _ in 0..20 {
                    let mut batch = Batch::new();
                    batch.add_table(SHARED_TABLE);
                    batch.delete_table(SHARED_TABLE);
                    filter.commit(&batch).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            };
            namespace.run(flush).unwrap();
        }
    });
    let end = || {
        let mut filter = NfTables::open().unwrap();
        if !somebody_flushes {
            assert_eq!(tables(&mut filter), 0, "{:?}", filter.chains(TableFamily::Netdev));
            return;
        }
        for domid in domains {
            let (guard, device) = (Guard::of(port(domid, 0, PortKind::Vif)), name(&format!("vif{domid}.0")));
            guard.install(&mut filter, &device, &locked()).unwrap();
            assert_eq!(guard.condition(&mut filter, &device, &locked()).unwrap(), Condition::InForce);
        }
        for domid in domains {
            Guard::of(port(domid, 0, PortKind::Vif)).remove(&mut filter).unwrap();
        }
        assert_eq!(tables(&mut filter), 0);
    };
    namespace.run(end).unwrap();
}

#[test]
fn guards_that_come_and_go_at_once_leave_nothing() {
    comings_and_goings(false);
}

#[test]
fn guards_come_while_somebody_deletes_their_table() {
    comings_and_goings(true);
}
