//! The life of the chains that the guards of a table share.

use netkernel::netlink::Error;
use netkernel::nftables::{Batch, ChainInfo, NfTables, TableFamily};

use super::compile::Chain;
use super::install::{ATTEMPTS, Guard};
use super::ledger;
use super::sound::{self, PREFIX, Shared, Sound};

impl Guard {
    /// Whether the shared chains of this variant are there. They come and go together.
    pub(super) fn has_shared(&self, filter: &mut NfTables, sound: &Sound) -> Result<bool, Error> {
        Ok(filter.chain(self.table(), &sound.chain(Shared::Count))?.is_some())
    }

    /// Makes shared chains, and the sets that they count in. When somebody else does so at the same time, the second one writes the
    /// same once more: a batch that fails would keep all others waiting for milliseconds.
    pub(super) fn add_shared(&self, batch: &mut Batch, chains: &[Chain]) {
        ledger::add_sets(batch, self.table());
        for chain in chains {
            batch.ensure_empty_chain(self.table(), &chain.name);
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
        ledger::add_sets(batch, self.table());
        let mut to_fill = Vec::new();
        for chain in sound.compile() {
            if !self.is_whole(filter, &chain)? {
                batch.ensure_empty_chain(self.table(), &chain.name);
                to_fill.push(chain);
            }
        }
        for chain in &to_fill {
            self.add_shared_rules(batch, chain);
        }
        Ok(())
    }

    /// Whether a shared chain has as many rules as it should have; one that is not there has none.
    pub(super) fn is_whole(&self, filter: &mut NfTables, chain: &Chain) -> Result<bool, Error> {
        Ok(filter.rules(self.table(), Some(&chain.name))?.len() == chain.rules.len())
    }

    /// Takes those shared chains away to which no guard jumps any more, and says whether that is true of all of them.
    pub(super) fn release_shared(&self, filter: &mut NfTables, words: &[String]) -> Result<bool, Error> {
        let (words, others): (Vec<&String>, _) = words.iter().partition(|word| sound::is_of_this_form(word));
        let mut others_are_unused = true;
        for word in others {
            others_are_unused &= self.release_what_is_there(filter, word)?;
        }
        Ok(self.release_this_form(filter, &words)? && others_are_unused)
    }

    /// For what has other chains than it should: another version of the program made it, or somebody deleted some. The kernel alone
    /// knows whether they are needed.
    fn release_what_is_there(&self, filter: &mut NfTables, word: &str) -> Result<bool, Error> {
        let mut chains = filter.chains(TableFamily::Netdev)?;
        chains.retain(|chain| self.shared_word(chain).as_deref() == Some(word));
        let names: Vec<String> = chains.into_iter().map(|chain| chain.name).collect();
        let mut batch = Batch::new();
        self.delete_chains(&mut batch, &names);
        match filter.commit(&batch) {
            Err(error) if error.is_not_found() || error.is_busy() => Ok(false),
            result => result.map(|()| true),
        }
    }

    fn release_this_form(&self, filter: &mut NfTables, words: &[&String]) -> Result<bool, Error> {
        if self.are_all_in_use(filter, words)? {
            return Ok(false);
        }
        for _ in 0..ATTEMPTS {
            // Anything that changes from here on makes the batch stale.
            let generation = filter.generation()?;
            let mut batch = Batch::expecting(Some(generation));
            let mut are_all_unused = true;
            for word in words {
                match self.is_unused(filter, word)? {
                    Some(true) => self.delete_chains(&mut batch, &sound::names(word)),
                    Some(false) => are_all_unused = false,
                    None => {}
                }
            }
            match filter.commit(&batch) {
                Err(error) if error.is_stale() => {}
                // Somebody has taken some of them away.
                Err(error) if error.is_not_found() => {
                    for word in words {
                        are_all_unused &= self.release_what_is_there(filter, word)?;
                    }
                    return Ok(are_all_unused);
                }
                // Somebody else has come to need them; then they are the last one's to take away.
                Err(error) if error.is_busy() => return Ok(false),
                result => return result.map(|()| are_all_unused),
            }
        }
        // Others are changing the rule set all the time; unused chains may stay for a while.
        Ok(false)
    }

    /// Whether there is nothing to take away: the usual case, and decided by one question for each.
    fn are_all_in_use(&self, filter: &mut NfTables, words: &[&String]) -> Result<bool, Error> {
        for word in words {
            if self.is_unused(filter, word)? != Some(false) {
                return Ok(false);
            }
        }
        Ok(!words.is_empty())
    }

    /// Whether no guard jumps to the shared chains of the variant with this word; none when they are not there.
    fn is_unused(&self, filter: &mut NfTables, word: &str) -> Result<Option<bool>, Error> {
        Ok(self.jumps_to(filter, word)?.map(|jumps| jumps == 0))
    }

    /// How many chains of guards jump to the shared ones of the variant with this word; none when these are not there.
    pub(super) fn jumps_to(&self, filter: &mut NfTables, word: &str) -> Result<Option<usize>, Error> {
        // Each chain of a guard jumps here once, and no shared chain does. If somebody took the rules of this one away, the number is too
        // small; but the kernel refuses to delete what is needed.
        let chain = filter.chain(self.table(), &Shared::Count.name(word))?;
        Ok(chain.map(|chain| (chain.uses as usize).saturating_sub(sound::counted().len())))
    }

    /// The word of the variant that this chain belongs to; none if it is no shared chain of this guard's table.
    pub(super) fn shared_word(&self, chain: &ChainInfo) -> Option<String> {
        let (word, _) = chain.name.strip_prefix(PREFIX)?.split_once('-')?;
        (chain.table == self.table().name).then(|| word.to_owned())
    }
}
