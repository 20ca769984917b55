//! What a guard's table keeps of a vif is its own, whoever had its device's name before, and however much it is.

use dom0net::guard::{Condition, Guard, LinkLocal, Policy};
use dom0net::vif::PortKind;
use lab::frame::{Ethernet, Packet};
use netkernel::nftables::{Batch, Element, NfTables, link_name};

use super::lifecycle::{FIRST, SHARED_TABLE, owned, port, tables, with_devices};
use super::stage::{OWN, VICTIM, name};
use super::{all_pass, locked};

/// Another guest's policy than that of [`locked`].
fn others() -> Policy {
    Policy::locked(VICTIM, ["10.0.0.2/32".parse().unwrap(), "2001:db8::2/128".parse().unwrap()])
}

/// As kernels before 6.16 do when the device goes.
fn take_chain_away(filter: &mut NfTables, chain: &str) {
    let mut batch = Batch::new();
    batch.flush_chain(SHARED_TABLE, chain);
    batch.delete_chain(SHARED_TABLE, chain);
    filter.commit(&batch).unwrap();
}

#[test]
fn who_gets_the_name_of_one_that_has_gone_gets_nothing_else_of_it() {
    with_devices(&["web", "vif1.0"], |filter| {
        let (first, second) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        let of_second = ["web 16", "web 16", "web 8"];
        for keeps_its_chain in [false, true] {
            for moves in [false, true] {
                first.install(filter, &name("web"), &locked()).unwrap();
                if !keeps_its_chain {
                    take_chain_away(filter, "vif1.0");
                }
                second.install(filter, &name("web"), &others()).unwrap();
                assert_eq!(owned(filter), of_second);
                // And whoever has lost the name takes nothing from who has it.
                if moves {
                    first.install(filter, &name("vif1.0"), &locked()).unwrap();
                    assert_eq!(owned(filter).len(), 6);
                }
                first.remove(filter).unwrap();
                assert_eq!(owned(filter), of_second);
                let condition = second.condition(filter, &name("web"), &others()).unwrap();
                assert_eq!(condition, Condition::InForce);
                second.remove(filter).unwrap();
                assert_eq!(tables(filter), 0);
            }
        }
    });
}

#[test]
fn a_guard_that_moves_to_the_name_of_one_that_has_gone_gets_nothing_else_of_it() {
    with_devices(&["web", "vif2.0"], |filter| {
        let (first, second) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        first.install(filter, &name("web"), &locked()).unwrap();
        take_chain_away(filter, "vif1.0");
        second.install(filter, &name("vif2.0"), &others()).unwrap();
        second.install(filter, &name("web"), &others()).unwrap();
        assert_eq!(owned(filter), ["web 16", "web 16", "web 8"]);
        let condition = second.condition(filter, &name("web"), &others()).unwrap();
        assert_eq!(condition, Condition::InForce);
    });
}

#[test]
fn what_a_later_version_keeps_of_a_vif_goes_with_its_guard() {
    with_devices(&["vif1.0", "web", "vif2.0"], |filter| {
        let (guard, another) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        another.install(filter, &name("vif2.0"), &others()).unwrap();
        let of_another = owned(filter);
        // Where the chain is gone, the port's own name is all that is known.
        for (device, is_there) in [("vif1.0", true), ("vif1.0", false), ("web", true)] {
            guard.install(filter, &name(device), &locked()).unwrap();
            let key = link_name(&name("vif1.0"));
            let mut batch = Batch::new();
            batch.delete_elements(SHARED_TABLE, "guards", &[Element::one(key)]);
            batch.add_commented_element(SHARED_TABLE, "guards", &key, "1000 of another version");
            filter.commit(&batch).unwrap();
            if !is_there {
                take_chain_away(filter, "vif1.0");
            }
            guard.remove(filter).unwrap();
            assert_eq!(owned(filter), of_another, "{device} {is_there}");
        }
        another.remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

/// Versions of the program that know nothing of these sets leave what is in them.
#[test]
fn what_was_left_of_a_vif_does_not_stay_beside_what_it_has_now() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let (guard, another) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        let former = Policy::locked(OWN, ["2001:db8::7/128".parse().unwrap()]);
        for is_alone in [true, false] {
            guard.install(filter, &name("vif1.0"), &former).unwrap();
            if !is_alone {
                another.install(filter, &name("vif2.0"), &others()).unwrap();
            }
            take_chain_away(filter, "vif1.0");
            let mut batch = Batch::new();
            let key = link_name(&name("vif1.0"));
            batch.delete_elements(SHARED_TABLE, "guards", &[Element::one(key)]);
            filter.commit(&batch).unwrap();
            guard.install(filter, &name("vif1.0"), &locked()).unwrap();
            let condition = guard.condition(filter, &name("vif1.0"), &locked()).unwrap();
            assert_eq!(condition, Condition::InForce);
            guard.remove(filter).unwrap();
            another.remove(filter).unwrap();
            assert_eq!(tables(filter), 0);
        }
    });
}

#[test]
fn a_guest_may_have_more_addresses_than_a_message_holds() {
    with_devices(&["vif1.0", "vif2.0"], |filter| {
        let (guard, another) = (Guard::of(FIRST), Guard::of(port(2, 0, PortKind::Vif)));
        another.install(filter, &name("vif2.0"), &others()).unwrap();
        let of_another = owned(filter);
        // Two MAC addresses and a link-local one for each virtual router.
        let more_macs =
            (1..=255).map(|last| ethernet::MacAddress::new([0, 0x16, 0x3e, 1, 0, last])).collect();
        // No two of them make a network.
        let addresses =
            (0..3000_u32).map(|number| format!("2001:db8::{:x}/128", 2 * number).parse().unwrap());
        let mut policy = Policy { vrrp: (1..=255).collect(), more_macs, ..Policy::locked(OWN, addresses) };
        for link_local in [LinkLocal::Eui64, LinkLocal::Listed, LinkLocal::Any] {
            policy.link_local = link_local;
            // The second time in place of itself.
            for _ in 0..2 {
                guard.install(filter, &name("vif1.0"), &policy).unwrap();
                let condition = guard.condition(filter, &name("vif1.0"), &policy).unwrap();
                assert_eq!(condition, Condition::InForce);
            }
            guard.remove(filter).unwrap();
            assert_eq!(owned(filter), of_another);
        }
        another.remove(filter).unwrap();
        assert_eq!(tables(filter), 0);
    });
}

#[test]
fn the_last_of_many_addresses_passes_like_the_first() {
    let last = "2001:db8::ffff".parse().unwrap();
    let you = "2001:db8::2".parse().unwrap();
    let many = (1..600_u32).map(|number| format!("2001:db8::{:x}/128", 2 * number + 1).parse().unwrap());
    let own = ["10.0.0.1/32", "2001:db8::ffff/128"].map(|own| own.parse().unwrap());
    let policy = Policy::locked(OWN, many.chain(own));
    let frame = |packet| Ethernet::new(OWN, VICTIM).ip(&packet);
    let cases = vec![
        ("UDP", frame(Packet::v6(last, you).udp(5000, 5001, b"x"))),
        ("NA", frame(Packet::v6(last, you).solicited_advertisement(last, Some(OWN)))),
    ];
    all_pass(&policy, cases);
}
