//! What is asked of a vif's guard in the kernel: what is there of it, how it stands to what it should be, what it has dropped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{ChainInfo, NfTables, TableFamily};

use super::compile::compile;
use super::install::Guard;
use super::layout::{Layout, mode_word};
use super::ledger::{self, Dropped, Noted};
use super::owned::Owned;
use super::policy::Policy;
use super::reason::Reason;
use super::sound::Sound;

/// A guard as it is in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardState {
    /// The devices that it is hooked to, by the names that it was given.
    pub devices: Vec<String>,
    /// The word for the mode of its policy; none if another version of the program made it.
    pub mode: Option<Cow<'static, str>>,
    /// How many frames each reason has dropped; those that have dropped nothing are left out.
    pub dropped: BTreeMap<Reason, u64>,
}

impl GuardState {
    /// The state of a guard of this mode on these devices, with what was dropped of each device of its table.
    pub(super) fn new(
        devices: Vec<String>,
        mode: Option<Cow<'static, str>>,
        dropped: &BTreeMap<String, Dropped>,
    ) -> Self {
        let mut sums = Dropped::new();
        let counted = devices.iter().filter_map(|device| dropped.get(device)).flatten();
        for (reason, frames) in counted.filter(|(_, frames)| **frames > 0) {
            *sums.entry(*reason).or_default() += frames;
        }
        Self { devices, mode, dropped: sums }
    }
}

/// The chains of a guard that are there.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// Its own, the base chain first.
    pub(super) chains: Vec<String>,
    /// Whether the table has noted it.
    pub(super) is_noted: bool,
    /// The devices that it is hooked to.
    pub(super) devices: Vec<String>,
    /// The names of devices by which the table may have something of it.
    pub(super) names: Vec<String>,
    /// The words of the variants of shared chains that it may jump to.
    pub(super) sound: Vec<String>,
}

/// How a guard stands to what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is in force.
    InForce,
    /// There shall be none, and there is none.
    Disabled,
    /// It is not there.
    Missing,
    /// It is hooked to devices with other names.
    Astray(Vec<String>),
    /// It is that of another policy, or another version of the program made it.
    Another,
    /// Rules of this chain are missing, or are more than there should be.
    Damaged(String),
    /// What its table's set of this name has of it is not what it should be.
    Incomplete(&'static str),
    /// The rules are in force, but the bridge does not hold the port as it should: its MAC address, or its isolation.
    Unfenced,
}

impl Condition {
    /// True when all is as it should be.
    #[must_use]
    pub fn is_right(&self) -> bool {
        matches!(self, Self::InForce | Self::Disabled)
    }
}

/// One sentence's end, behind the name of the device: "is guarded".
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => f.write_str("is guarded"),
            Self::Disabled => f.write_str("has no guard, as its configuration says"),
            Self::Missing => f.write_str("has NO GUARD: its rules are not there"),
            Self::Astray(devices) => {
                write!(f, "has NO GUARD: its rules are on {}", devices.join(" and "))
            }
            Self::Another => f.write_str("is guarded by ANOTHER POLICY than the one that is configured"),
            Self::Unfenced => f.write_str(
                "is guarded, but its port on the bridge is NOT LOCKED OR ISOLATED as it should be",
            ),
            Self::Incomplete(set) => {
                write!(f, "has a DAMAGED GUARD: what the set {set} has of it is not what it should be")
            }
            Self::Damaged(chain) => write!(f, "has a DAMAGED GUARD: rules of its chain {chain} are missing"),
        }
    }
}

impl Guard {
    /// What is there of this guard.
    pub(super) fn present(&self, filter: &mut NfTables) -> Result<Present, Error> {
        let base = filter.chain(self.table(), &self.name)?;
        let noted = ledger::noted(filter, self.table(), &self.name)?;
        let is_noted = noted != Noted::Nothing;
        let Some(layout) = noted.layout() else {
            // A guard that is not ours to understand, or none. Old kernels take its chain away with its device, which had the port's own
            // name most likely.
            let there = self.all_chains(filter)?;
            let names = there.devices.iter().chain([&self.name]).cloned().collect();
            return Ok(Present { is_noted, names, ..there });
        };
        // Old kernels take the base chain away with its device.
        let (base, devices) = base.map(|base| (base.name, base.devices)).unzip();
        let mut chains: Vec<String> = base.into_iter().collect();
        for name in layout.names(&self.name) {
            // What somebody has deleted cannot be taken away.
            chains.extend(filter.chain(self.table(), &name)?.map(|chain| chain.name));
        }
        let devices = devices.unwrap_or_default();
        let names = devices.iter().cloned().chain([layout.device]).collect();
        Ok(Present { chains, is_noted, devices, names, sound: vec![layout.sound] })
    }

    /// How the guard stands to what it should be: this policy, on the device that is called `device` now.
    pub fn condition(
        &self,
        filter: &mut NfTables,
        device: &LinkName,
        policy: &Policy,
    ) -> Result<Condition, Error> {
        let chains = compile(policy, &self.name);
        let base = filter.chain(self.table(), &self.name)?;
        let Some(base) = base.filter(|base| !base.devices.is_empty()) else {
            return Ok(if chains.is_empty() { Condition::Disabled } else { Condition::Missing });
        };
        if !base.devices.iter().any(|hooked| *hooked == device.as_str()) {
            return Ok(Condition::Astray(base.devices));
        }
        let layout = ledger::noted(filter, self.table(), &self.name)?.layout();
        if !layout.is_some_and(|layout| layout == Layout::of(policy, &chains, &layout.device)) {
            return Ok(Condition::Another);
        }
        for chain in Sound::of(policy).compile() {
            if !self.is_whole(filter, &chain)? {
                return Ok(Condition::Damaged(chain.name));
            }
        }
        for chain in &chains {
            let rules = filter.rules(self.table(), Some(&chain.name))?;
            let is_same = rules.len() == chain.rules.len()
                && rules
                    .iter()
                    .zip(&chain.rules)
                    .all(|(is, shall)| is.comment.as_deref() == shall.comment.as_deref());
            if !is_same {
                return Ok(Condition::Damaged(chain.name.clone()));
            }
        }
        if let Some(set) = Owned::of(policy).damaged_set(filter, self.table(), device)? {
            return Ok(Condition::Incomplete(set));
        }
        Ok(Condition::InForce)
    }

    /// What is there of this guard, whoever made it: found by looking at all chains of all guards.
    fn all_chains(&self, filter: &mut NfTables) -> Result<Present, Error> {
        let mut present = Present::default();
        for chain in filter.chains(TableFamily::Netdev)? {
            if self.owns(&chain) {
                if chain.name == self.name {
                    present.devices = chain.devices;
                }
                present.chains.push(chain.name);
            } else if let Some(word) = self.shared_word(&chain) {
                present.sound.push(word);
            }
        }
        present.sound.sort_unstable();
        present.sound.dedup();
        Ok(present)
    }

    fn owns(&self, chain: &ChainInfo) -> bool {
        let suffix = chain.name.strip_prefix(&self.name);
        chain.table == self.table().name
            && suffix.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The guard as it is in the kernel; none when it is not there.
    pub fn state(&self, filter: &mut NfTables) -> Result<Option<GuardState>, Error> {
        let Some(chain) = filter.chain(self.table(), &self.name)? else { return Ok(None) };
        let layout = ledger::noted(filter, self.table(), &self.name)?.layout();
        let dropped = ledger::all_dropped(filter, self.table())?;
        Ok(Some(GuardState::new(chain.devices, layout.map(|layout| mode_word(&layout.mode)), &dropped)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vif::{Port, PortKind, Vif};

    #[test]
    fn a_vif_and_its_tap_have_guards_of_their_own() {
        let guard = |kind| Guard::of(Port { vif: Vif { domid: 1, devid: 0 }, kind });
        let (vif, tap) = (guard(PortKind::Vif), guard(PortKind::Tap));
        let chain = |name: &str| ChainInfo {
            table: vif.table().name.to_owned(),
            name: name.into(),
            devices: Vec::new(),
            comment: None,
            uses: 0,
        };
        assert!(vif.owns(&chain("vif1.0")) && vif.owns(&chain("vif1.0-nd")));
        assert!(!vif.owns(&chain("tap1.0")) && !vif.owns(&chain("vif1.01")));
        assert!(tap.owns(&chain("tap1.0-nd")));
    }
}
