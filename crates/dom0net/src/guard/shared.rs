//! The life of the chains that the guards of a table share.

use std::collections::BTreeSet;

use netkernel::netlink::Error;
use netkernel::nftables::{Batch, ChainInfo, NfTables};

use super::compile::Chain;
use super::install::{ATTEMPTS, Guard};
use super::sound::{self, PREFIX, Sound};

/// How a shared chain stands to what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SharedCondition {
    /// It has all its rules, and no others.
    Right,
    /// It is not there.
    Missing,
    /// Somebody took rules away from it, or added some.
    Damaged,
}

impl Guard {
    /// Whether the shared chains of this variant are there. They come and go together.
    pub(super) fn has_shared(&self, filter: &mut NfTables, sound: &Sound) -> Result<bool, Error> {
        Ok(filter.chain(self.table(), &sound.chain("ip4"))?.is_some())
    }

    /// Makes shared chains. When somebody else does so at the same time, one of the two batches fails, and is made anew.
    pub(super) fn add_shared(&self, batch: &mut Batch, chains: &[Chain]) {
        for chain in chains {
            batch.add_chain(self.table(), &chain.name, None);
        }
        for chain in chains {
            self.add_shared_rules(batch, chain);
        }
    }

    fn add_shared_rules(&self, batch: &mut Batch, chain: &Chain) {
        for rule in &chain.rules {
            batch.add_rule(self.table(), &chain.name, rule);
        }
    }

    /// Makes the shared chains of this variant what they should be, from one packet to the next.
    pub(super) fn repair_shared(
        &self,
        filter: &mut NfTables,
        batch: &mut Batch,
        sound: &Sound,
    ) -> Result<(), Error> {
        let mut to_fill = Vec::new();
        for chain in sound.compile() {
            match self.condition_of_shared(filter, &chain)? {
                SharedCondition::Right => continue,
                SharedCondition::Missing => batch.add_chain(self.table(), &chain.name, None),
                SharedCondition::Damaged => batch.flush_chain(self.table(), &chain.name),
            }
            to_fill.push(chain);
        }
        for chain in &to_fill {
            self.add_shared_rules(batch, chain);
        }
        Ok(())
    }

    pub(super) fn condition_of_shared(
        &self,
        filter: &mut NfTables,
        chain: &Chain,
    ) -> Result<SharedCondition, Error> {
        if filter.chain(self.table(), &chain.name)?.is_none() {
            return Ok(SharedCondition::Missing);
        }
        let rules = filter.rules(self.table(), Some(&chain.name))?.len();
        Ok(if rules == chain.rules.len() { SharedCondition::Right } else { SharedCondition::Damaged })
    }

    /// Takes those shared chains away to which no guard jumps any more.
    pub(super) fn release_shared(&self, filter: &mut NfTables, words: &[String]) -> Result<(), Error> {
        let names: Vec<String> = words.iter().flat_map(|word| sound::names(word)).collect();
        for _ in 0..ATTEMPTS {
            // Anything that changes from here on makes the batch stale.
            let generation = filter.generation()?;
            let mut unused = BTreeSet::new();
            for name in &names {
                // Whoever jumps to the others jumps to this one too, or is one of them.
                if name.ends_with("-nd") {
                    continue;
                }
                let Some(chain) = filter.chain(self.table(), name)? else { continue };
                let rules = filter.rules(self.table(), Some(name))?.len();
                if chain.uses as usize <= rules {
                    unused.insert(name.as_str());
                }
            }
            let mut batch = Batch::expecting(Some(generation));
            for word in words {
                let chains = sound::names(word);
                let is_unused = |family| unused.contains(sound::name(word, family).as_str());
                if !(is_unused("ip4") && is_unused("ip6")) {
                    continue;
                }
                for chain in &chains {
                    batch.flush_chain(self.table(), chain);
                }
                for chain in &chains {
                    batch.delete_chain(self.table(), chain);
                }
            }
            match filter.commit(&batch) {
                Err(error) if error.is_stale() => {}
                // Somebody else has taken them away, or has come to need them; then they are the last one's to take away.
                Err(error) if error.is_not_found() || error.is_busy() => return Ok(()),
                result => return result,
            }
        }
        // Others are changing the rule set all the time; unused chains may stay for a while.
        Ok(())
    }

    /// The word of the variant that this chain belongs to; none if it is no shared chain of this guard's table.
    pub(super) fn shared_word(&self, chain: &ChainInfo) -> Option<String> {
        let (word, _) = chain.name.strip_prefix(PREFIX)?.split_once('-')?;
        (chain.table == self.table().name).then(|| word.to_owned())
    }
}
