//! What a table notes of its guards, in two sets: which guards it has and of what form, and what they have dropped.
//!
//! Elements cost a plug less than rules or chains, and are read in one piece for all guards of a table.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use netkernel::netlink::{Error, text_of};
use netkernel::nftables::{Batch, Element, ElementInfo, Field, KeyKind, NfTables, Rule, Statement, Table};

use super::layout::{Layout, hash_of};
use super::marks;
use super::owned;
use super::reason::Reason;
use crate::vif::Port;

/// The set of guards: by the port's name, with the layout as comment.
const GUARDS: &str = "guards";
/// The set of what was dropped: by the device's name and the packet's mark. Rules fill it.
pub(super) const DROPPED: &str = "dropped";
/// What the elements of that are.
pub(super) const DROPPED_KEYS: [(&str, KeyKind); 2] =
    [("ifname", KeyKind::LinkName), ("mark", KeyKind::Mark)];

/// How many sets there are in a table, with those of [what is owned](owned).
pub(super) const SETS: usize = 2 + owned::COUNT;

/// How many a table may have whose guards are noted: this version of the program made it, or an earlier one.
pub(super) const SETS_OF_NOTED: [usize; 2] = [SETS, 2];
/// And one whose guards nobody has noted.
pub(super) const SETS_OF_OTHERS: [usize; 2] = [SETS, 0];

/// How many frames each reason has dropped.
pub(super) type Dropped = BTreeMap<Reason, u64>;

/// Makes all sets, unless they are there.
pub(super) fn add_sets(batch: &mut Batch, table: Table<'_>) {
    const KEYS: KeyKind = KeyKind::Joined(&[DROPPED_KEYS[0].1, DROPPED_KEYS[1].1]);
    batch.ensure_set(table, GUARDS, KeyKind::LinkName);
    batch.add_counting_set(table, DROPPED, KEYS);
    owned::add_sets(batch, table);
}

/// Counts the packet for its device and its mark.
pub(super) fn count() -> Rule {
    let count = Statement::CountIn { set: DROPPED.into(), key: vec![Field::InputLink, Field::Mark] };
    Rule { statements: vec![count], ..Rule::default() }
}

/// Notes a guard that is not noted.
pub(super) fn note(batch: &mut Batch, table: Table<'_>, port: &str, layout: &Layout) {
    batch.add_commented_element(table, GUARDS, &key_of(port), &layout.comment());
}

/// Forgets a guard that is noted.
pub(super) fn forget(batch: &mut Batch, table: Table<'_>, port: &str) {
    batch.delete_elements(table, GUARDS, &[Element::one(key_of(port))]);
}

/// What is noted of a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// Nothing.
    Nothing,
    /// Something that another version of the program wrote.
    Foreign,
    /// Its layout.
    As(Layout),
}

impl Noted {
    /// The layout, if that is what is noted.
    pub(super) fn layout(self) -> Option<Layout> {
        match self {
            Self::As(layout) => Some(layout),
            Self::Nothing | Self::Foreign => None,
        }
    }
}

/// What is noted of the guard of this port.
pub(super) fn noted(filter: &mut NfTables, table: Table<'_>, port: &str) -> Result<Noted, Error> {
    Ok(match filter.element(table, GUARDS, &key_of(port))? {
        None => Noted::Nothing,
        Some(element) => layout_of(&element).map_or(Noted::Foreign, Noted::As),
    })
}

/// The key that a port is noted by: the name of a device, or what stands for a longer one, filled with zeros.
pub(super) type Key = [u8; 16];

/// The modes of all guards of a table.
pub(super) struct Modes(HashMap<Key, Cow<'static, str>>);

impl Modes {
    /// Reads them.
    pub(super) fn of(filter: &mut NfTables, table: Table<'_>) -> Result<Self, Error> {
        let modes = filter.elements_as(table, GUARDS, |element| {
            Some((*element.key.first_chunk()?, Layout::mode_in(element.comment.as_deref()?)?))
        })?;
        Ok(Self(modes.into_iter().collect()))
    }

    /// That of the guard that is noted by this key, to be asked for once.
    pub(super) fn take(&mut self, key: &Key) -> Option<Cow<'static, str>> {
        self.0.remove(key)
    }
}

/// The names that the devices of all guards of a table but this port's had when these were made.
pub(super) fn devices_of_others(
    filter: &mut NfTables,
    table: Table<'_>,
    port: &str,
) -> Result<Vec<String>, Error> {
    let own = key_of(port);
    filter.elements_as(table, GUARDS, |element| {
        let layout = Layout::read(element.comment.as_deref()?)?;
        (element.key != own).then_some(layout.device)
    })
}

/// The ports whose guards a table has noted, whichever version of the program noted them. Those with the longest names, which are
/// [noted](noted_as) otherwise, are not among them.
pub(super) fn ports(filter: &mut NfTables, table: Table<'_>) -> Result<Vec<Port>, Error> {
    filter.elements_as(table, GUARDS, |element| Port::named(&text_of(element.key)))
}

/// What guards of a table have dropped, by the name of the device that the frames came from.
pub(super) fn all_dropped(
    filter: &mut NfTables,
    table: Table<'_>,
) -> Result<BTreeMap<String, Dropped>, Error> {
    let mut all = BTreeMap::<String, Dropped>::new();
    for element in filter.elements(table, DROPPED)? {
        let (name, mark) = parts(&element.key);
        if let (Some(reason), Some((frames, _))) = (marks::reason(mark), element.counted) {
            *all.entry(name.into_owned()).or_default().entry(reason).or_default() += frames;
        }
    }
    Ok(all)
}

/// Takes away what was counted for these devices.
pub(super) fn forget_dropped(
    filter: &mut NfTables,
    batch: &mut Batch,
    table: Table<'_>,
    is_of: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let gone = filter.elements_as(table, DROPPED, |element| {
        is_of(&parts(element.key).0).then(|| Element::one(element.key))
    })?;
    if !gone.is_empty() {
        batch.delete_elements(table, DROPPED, &gone);
    }
    Ok(())
}

fn layout_of(element: &ElementInfo) -> Option<Layout> {
    element.comment.as_deref().and_then(Layout::read)
}

fn parts(key: &[u8]) -> (Cow<'_, str>, u32) {
    let mark = key.get(16..).and_then(|rest| rest.first_chunk()).copied().map(u32::from_ne_bytes);
    (name_in(key), mark.unwrap_or_default())
}

/// What a port is noted as: its name, if that is not longer than the name of a device.
pub(super) fn noted_as(port: &str) -> Cow<'_, str> {
    const LONGEST: usize = 15;
    if port.len() <= LONGEST { port.into() } else { hash_of(port)[..LONGEST].to_owned().into() }
}

/// The key of the port with this name.
pub(super) fn key_of(port: &str) -> Key {
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(noted_as(port).bytes()) {
        *to = from;
    }
    key
}

/// The name of a device that a key begins with.
pub(super) fn name_in(key: &[u8]) -> Cow<'_, str> {
    text_of(key.get(..16).unwrap_or(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        assert_eq!(name_in(&key_of("vif4294967295.0")), "vif4294967295.0");
        let (long, other) = (key_of("vif4294967295.10"), key_of("vif4294967295.11"));
        assert_ne!(long, other);
        assert_eq!(name_in(&long), noted_as("vif4294967295.10"));
        let key = [&key_of("web")[..], &marks::of(Reason::Arp).to_ne_bytes()].concat();
        assert_eq!(parts(&key), ("web".into(), marks::of(Reason::Arp)));
        assert_eq!(parts(b"short"), ("short".into(), 0));
    }
}
