//! `CONTROL`: commands to the daemon itself.

use std::fmt::Write;

use super::core::Core;
use super::numbers::atoi;
use super::requests::{Answer, Outcome};
use crate::wire::{ErrorCode, strings};

/// What `help` prints: the commands of xenstored that make sense without a process of its own.
const HELP: &str = "check\t\nprint\t<string>\nquota\t[set <name> <val>|<domid>]\nhelp\t\n\0";

impl Core {
    pub(super) fn control(&mut self, payload: &[u8]) -> Outcome {
        let words: Vec<&[u8]> = strings(payload).collect();
        match words[..] {
            // The store cannot lose its shape here, so there is nothing to check.
            [b"check"] | [b"print", _] => Ok(Answer::done()),
            [b"help"] => Ok(Answer::text(HELP)),
            [b"quota"] => Ok(Answer::bytes(self.quota_settings())),
            [b"quota", b"set", name, value] => self.set_quota(name, value),
            [b"quota", domid] => self.usage_of(atoi(domid).cast_unsigned()),
            _ => Err(ErrorCode::Invalid),
        }
    }

    fn quota_settings(&self) -> String {
        let mut text = "Quota settings:\n".to_owned();
        for (name, meaning, value) in self.store.quotas.list() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<17}: {value:>8} {meaning}");
        }
        text.push('\0');
        text
    }

    fn set_quota(&mut self, name: &[u8], value: &[u8]) -> Outcome {
        let name = str::from_utf8(name).map_err(|_| ErrorCode::Invalid)?;
        let value = usize::try_from(atoi(value)).ok().filter(|value| *value > 0).ok_or(ErrorCode::Invalid)?;
        if self.store.quotas.set(name, value) { Ok(Answer::done()) } else { Err(ErrorCode::Invalid) }
    }

    /// What a domain uses of its quotas.
    fn usage_of(&self, domid: u32) -> Outcome {
        let nodes = self.store.owned_by(domid);
        let is_known = self.domains.is_introduced(domid) || nodes > 0;
        if !is_known && self.connections_of(domid).next().is_none() {
            return Err(ErrorCode::NotFound);
        }
        let outstanding: usize =
            self.connections_of(domid).map(|connection| connection.outbox.replies()).sum();
        let mut text = format!("Domain {domid}:\n");
        for (name, value) in [
            ("nodes", nodes),
            ("watches", self.watches_of(domid)),
            ("transactions", self.transactions_of(domid)),
            ("outstanding", outstanding),
        ] {
            let _ = writeln!(text, "{name:<16}: {value:>8}");
        }
        text.push('\0');
        Ok(Answer::bytes(text))
    }
}
