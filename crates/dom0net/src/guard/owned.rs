//! What is a vif's own, kept where chains that all guards share can find it: in two sets of the guard's table, by the name of the device.
//!
//! An element costs a plug a tenth of a rule. So a guard's own rules are only those that most frames need; what a guest says now and
//! then (asking for a lease, neighbour discovery) is looked at by [shared rules](super::sound), which look up here whose it is.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;
use ipnet::Ipv6Net;
use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{Batch, Element, Field, Match, NfTables, Table, link_name};

use super::frame::ND_TARGET;
use super::ledger::name_in;
use super::nft::{fields_text, number};
use super::policy::{Mode, Policy};
use super::sound::Sound;

/// The set of MAC addresses.
const MACS: &str = "macs";
/// The set of IPv6 addresses.
const TARGETS: &str = "targets";

/// The names of the sets, and fields like those that are looked up in them.
const SETS: [(&str, [Field; 2]); 2] =
    [(MACS, [Field::InputLink, Field::link(6, 6)]), (TARGETS, [Field::InputLink, ND_TARGET])];

/// How many sets there are.
pub(super) const COUNT: usize = SETS.len();

/// Makes the sets, unless they are there.
pub(super) fn add_sets(batch: &mut Batch, table: Table<'_>) {
    for (set, fields) in SETS {
        batch.ensure_set_of(table, set, &fields);
    }
}

/// These fields, the first of which is [`Field::InputLink`], are the name of a device and one of its MAC addresses.
pub(super) fn is_own_mac(fields: &'static [Field]) -> Match {
    Match::is_in(Field::Joined(fields), MACS)
}

/// The target of neighbour discovery is one of the device's addresses.
pub(super) fn is_own_target() -> Match {
    Match::is_in(Field::Joined(&[Field::InputLink, ND_TARGET]), TARGETS)
}

/// Takes out what the sets have of these devices.
pub(super) fn forget(
    filter: &mut NfTables,
    batch: &mut Batch,
    table: Table<'_>,
    is_of: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    for (set, _) in SETS {
        let gone: Vec<Element> = keys_of(filter, table, set, &is_of)?.into_iter().map(Element::one).collect();
        batch.delete_elements(table, set, &gone);
    }
    Ok(())
}

/// The keys of a set that are of such devices.
fn keys_of(
    filter: &mut NfTables,
    table: Table<'_>,
    set: &str,
    is_of: impl Fn(&str) -> bool,
) -> Result<Vec<Vec<u8>>, Error> {
    filter.elements_as(table, set, |element| is_of(&name_in(element.key)).then(|| element.key.to_vec()))
}

/// What the sets have of a vif.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owned {
    macs: Vec<MacAddress>,
    /// None where they are networks, which cannot be looked up.
    targets: Vec<Ipv6Addr>,
}

impl Owned {
    /// What is kept for the guard of this policy: nothing, if the shared rules do not speak for it.
    pub(super) fn of(policy: &Policy) -> Self {
        if !Self::suffices(policy) {
            return Self::default();
        }
        let addresses = policy.all_ipv6();
        let targets = if are_single(&addresses) { addresses } else { Vec::new() };
        Self { macs: policy.macs(), targets: targets.iter().map(Ipv6Net::addr).collect() }
    }

    /// Whether the shared rules speak for guards of this policy: those that hold addresses, let nothing through but IP, and for which
    /// nobody's address is not the guest's own.
    pub(super) fn suffices(policy: &Policy) -> bool {
        let has_all_zeros = || policy.ipv4.iter().any(|network| network.contains(&Ipv4Addr::UNSPECIFIED));
        policy.mode == Mode::Locked && Sound::explains(policy) && !has_all_zeros()
    }

    /// Whether the IPv6 addresses are kept: not if they are networks.
    pub(super) fn has_targets(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Puts it into the sets. They must have none of its MAC addresses: one that is there was left by somebody, and perhaps not alone.
    pub(super) fn keep(&self, batch: &mut Batch, table: Table<'_>, device: &LinkName) {
        for ((set, _), keys) in SETS.into_iter().zip(self.keys(device)) {
            let elements: Vec<Element> = keys.into_iter().map(Element::one).collect();
            if set == MACS {
                batch.add_new_elements(table, set, &elements);
            } else {
                // Each message that fails would be told of, with all that is in it.
                batch.add_elements(table, set, &elements);
            }
        }
    }

    /// The first of the sets that have not just this of the device; none if both have.
    pub(super) fn damaged_set(
        &self,
        filter: &mut NfTables,
        table: Table<'_>,
        device: &LinkName,
    ) -> Result<Option<&'static str>, Error> {
        for ((set, _), keys) in SETS.into_iter().zip(self.keys(device)) {
            let there = keys_of(filter, table, set, |name| name == device.as_str())?;
            if there.into_iter().collect::<BTreeSet<_>>() != keys.into_iter().collect() {
                return Ok(Some(set));
            }
        }
        Ok(None)
    }

    /// The keys for each of the sets.
    fn keys(&self, device: &LinkName) -> [Vec<Vec<u8>>; COUNT] {
        let name = link_name(device);
        // It fills two words.
        let mac = |mac: &MacAddress| [&name[..], &mac.octets(), &[0; 2]].concat();
        let target = |target: &Ipv6Addr| [&name[..], &target.octets()].concat();
        [self.macs.iter().map(mac).collect(), self.targets.iter().map(target).collect()]
    }

    /// The sets as `nft` writes them.
    pub(super) fn text(&self, device: &str) -> String {
        let macs = self.macs.iter().map(|mac| number(&mac.octets())).collect();
        let targets = self.targets.iter().map(|target| number(&target.octets())).collect();
        let elements: [Vec<String>; COUNT] = [macs, targets];
        let sets = SETS.into_iter().zip(elements).map(|((set, fields), elements)| {
            let elements: Vec<String> = elements.iter().map(|own| format!("\"{device}\" . {own}")).collect();
            let elements = match &elements[..] {
                [] => String::new(),
                list => format!("\t\telements = {{ {} }}\n", list.join(", ")),
            };
            format!("\tset {set} {{\n\t\ttypeof {}\n{elements}\t}}\n", fields_text(&fields))
        });
        sets.collect()
    }
}

/// Whether all of these are single addresses.
pub(super) fn are_single(networks: &[Ipv6Net]) -> bool {
    networks.iter().all(|network| network.prefix_len() == network.max_prefix_len())
}
