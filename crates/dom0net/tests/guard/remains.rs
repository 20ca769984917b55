//! What is left of guards where not all of them is there, or another version of the program made it.

use dom0net::guard::{Condition, Guard, Policy, Protocols, Survey, guarded_ports};
use dom0net::vif::PortKind;
use netkernel::nftables::{
    Batch, Element, Hook, KeyKind, NfTables, Policy as Otherwise, Rule, Statement, Verdict, link_name,
};

use super::gauge::Gauge;
use super::lifecycle::{FIRST, SHARED_TABLE, port, shared_chains, tables, with_devices};
use super::locked;
use super::mutants::Mutants;
use super::stage::{OWN, name};

#[test]
fn a_guard_that_is_only_noted_takes_no_other_with_it() {
    with_devices(&["vif1.0", "vif2.0", "vif3.0"], |filter| {
        for is_gone in [true, false] {
            let guards = [1, 2, 3].map(|domid| Guard::of(port(domid, 0, PortKind::Vif)));
            // As many chains as what the first one noted tells of, and one.
            let tagging = Policy { protocols: Protocols::ip(), ..Policy::mac_only(OWN) };
            for (guard, (device, policy)) in
                guards.iter().zip([("vif1.0", &locked()), ("vif2.0", &locked()), ("vif3.0", &tagging)])
            {
                guard.install(filter, &name(device), policy).unwrap();
            }
            // Kernels before 6.16 do so when the device goes.
            let mut batch = Batch::new();
            batch.flush_chain(SHARED_TABLE, "vif1.0");
            // Or somebody takes the rules alone.
            if is_gone {
                batch.delete_chain(SHARED_TABLE, "vif1.0");
            }
            filter.commit(&batch).unwrap();
            // With this one goes what only the first one needed too.
            guards[1].remove(filter).unwrap();
            guards[0].remove(filter).unwrap();
            let condition = guards[2].condition(filter, &name("vif3.0"), &tagging).unwrap();
            assert_eq!(condition, Condition::InForce);
            guards[2].remove(filter).unwrap();
            assert_eq!(tables(filter), 0);
        }
    });
}

#[test]
fn what_is_noted_of_guards_is_found_whichever_version_noted_it() {
    with_devices(&[], |filter| {
        assert_eq!(guarded_ports(filter).unwrap(), []);
        let mut batch = Batch::new();
        batch.add_table(SHARED_TABLE);
        batch.ensure_set(SHARED_TABLE, "guards", KeyKind::LinkName);
        let key = link_name(&name("vif1.0"));
        batch.add_commented_element(SHARED_TABLE, "guards", &key, "1000 of another version");
        filter.commit(&batch).unwrap();
        assert_eq!(guarded_ports(filter).unwrap(), [FIRST]);
        Guard::of(FIRST).remove(filter).unwrap();
        assert_eq!(guarded_ports(filter).unwrap(), []);
    });
}

#[test]
fn foreign_things_in_the_place_of_ours_stay() {
    with_devices(&["vif1.0"], |filter| {
        let guard = Guard::of(FIRST);
        guard.install(filter, &name("vif1.0"), &locked()).unwrap();
        let mut batch = Batch::new();
        batch.flush_chain(SHARED_TABLE, "vif1.0");
        batch.delete_chain(SHARED_TABLE, "vif1.0");
        filter.commit(&batch).unwrap();
        // As many things as the guard has left, but not the same.
        let unused = shared_chains(filter).into_iter().find(|chain| chain.ends_with("-own")).unwrap();
        let mut batch = Batch::new();
        batch.flush_chain(SHARED_TABLE, &unused);
        batch.delete_chain(SHARED_TABLE, &unused);
        batch.add_chain(SHARED_TABLE, "someone-elses", None);
        filter.commit(&batch).unwrap();
        guard.remove(filter).unwrap();
        assert!(filter.chain(SHARED_TABLE, "someone-elses").unwrap().is_some());
    });
}

#[test]
fn what_guards_shared_in_another_form_goes_with_the_last_that_needs_it() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let leave = |filter: &mut NfTables, device: &str| {
            let mut batch = Batch::new();
            batch.add_table(SHARED_TABLE);
            if filter.chain(SHARED_TABLE, "sound-1l-ip4").unwrap().is_none() {
                for chain in ["sound-1l-ip4", "sound-1l-ip6", "sound-1l-nd"] {
                    batch.add_chain(SHARED_TABLE, chain, None);
                }
                let goto = Statement::Verdict(Verdict::Goto("sound-1l-nd".into()));
                let rule = Rule { statements: vec![goto], ..Rule::default() };
                batch.add_rule(SHARED_TABLE, "sound-1l-ip6", &rule);
            }
            let devices = [name(device)];
            let hook =
                Hook { kind: "filter", number: 0, priority: 0, policy: Otherwise::Drop, devices: &devices };
            batch.add_base_chain(SHARED_TABLE, device, &hook);
            for chain in ["sound-1l-ip4", "sound-1l-ip6"] {
                let jump = Statement::Verdict(Verdict::Jump(chain.into()));
                let rule = Rule { statements: vec![jump], ..Rule::default() };
                batch.add_rule(SHARED_TABLE, device, &rule);
            }
            filter.commit(&batch).unwrap();
        };
        let guards = [1, 2].map(|domid| Guard::of(port(domid, 0, PortKind::Vif)));
        for device in ["vif1.0", "vif2.0"] {
            leave(filter, device);
        }
        // Guards of both forms beside each other.
        guards[0].install(filter, &name("vif1.0"), &locked()).unwrap();
        assert_eq!(shared_chains(filter).len(), 11);
        guards[1].install(filter, &name("vif2.0"), &locked()).unwrap();
        assert_eq!(shared_chains(filter).len(), 8);
        for guard in &guards {
            guard.remove(filter).unwrap();
        }
        assert_eq!(tables(filter), 0);
        leave(filter, "vif1.0");
        guards[0].remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn a_guard_whose_chains_somebody_deleted_is_restored_and_removed() {
    with_devices(&["vif1.0"], |filter| {
        let guard = Guard::of(FIRST);
        let tagging = Policy::mac_only(OWN);
        for is_restored in [true, false] {
            guard.install(filter, &name("vif1.0"), &tagging).unwrap();
            let pass = shared_chains(filter).into_iter().find(|chain| chain.ends_with("-pass")).unwrap();
            let mut batch = Batch::new();
            for chain in ["vif1.0", "vif1.0-vlan", &pass] {
                batch.flush_chain(SHARED_TABLE, chain);
            }
            batch.delete_chain(SHARED_TABLE, "vif1.0-vlan");
            batch.delete_chain(SHARED_TABLE, &pass);
            filter.commit(&batch).unwrap();
            if is_restored {
                guard.install(filter, &name("vif1.0"), &tagging).unwrap();
                let condition = guard.condition(filter, &name("vif1.0"), &tagging).unwrap();
                assert_eq!(condition, Condition::InForce);
            }
            guard.remove(filter).unwrap();
            assert_eq!(tables(filter), 0);
        }
    });
}

#[test]
fn a_port_with_a_name_too_long_for_a_device_is_guarded_like_others() {
    with_devices(&["web", "db"], |filter| {
        let ports = [10, 11].map(|devid| port(u32::MAX, devid, PortKind::Vif));
        for (port, device) in ports.into_iter().zip(["web", "db"]) {
            Guard::of(port).install(filter, &name(device), &locked()).unwrap();
        }
        let survey = Survey::take(filter).unwrap();
        for (port, device) in ports.into_iter().zip(["web", "db"]) {
            let state = survey.state(port).unwrap();
            assert_eq!(
                (&state.devices[..], state.mode.as_deref()),
                (&[device.to_owned()][..], Some("locked"))
            );
            let condition = Guard::of(port).condition(filter, &name(device), &locked()).unwrap();
            assert_eq!(condition, Condition::InForce);
        }
        for port in ports {
            Guard::of(port).remove(filter).unwrap();
        }
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn what_cannot_be_counted_any_more_drops_all_the_same() {
    let policy = locked();
    let Some(gauge) = Gauge::new(&policy) else { return };
    // The most that the kernel gives a set of this kind.
    let all: Vec<Element> = (0..65_535_u32)
        .map(|number| Element::one([&link_name(&name("another"))[..], &number.to_ne_bytes()].concat()))
        .collect();
    gauge.on_host(|filter| {
        for part in all.chunks(1000) {
            let mut batch = Batch::new();
            batch.add_elements(SHARED_TABLE, "dropped", part);
            filter.commit(&batch).unwrap();
        }
    });
    let mut passing = 0;
    for frame in Mutants::new(1).take(2000) {
        passing += u64::from(policy.verdict(&frame) == dom0net::guard::Verdict::Pass);
        gauge.send(&frame);
    }
    assert_eq!((gauge.passed().0, gauge.passed_with_a_mark()), (passing, 0));
    assert_eq!(gauge.tally().len(), 1, "frames were counted");
}
