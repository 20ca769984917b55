//! Who is believed to be where: neighbours, and what bridges have learned.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ethernet::MacAddress;

use crate::{Error, Station};

/// What a station believes. Attackers change this; so it is compared before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beliefs {
    station: String,
    /// Device and address, and where that is believed to be.
    pub neighbours: BTreeMap<(String, IpAddr), MacAddress>,
    /// Bridge and MAC address, and the port that it is believed to be behind.
    pub forwarding: BTreeMap<(String, MacAddress), String>,
}

/// A belief that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedBelief {
    /// The station's name.
    pub station: String,
    /// What it is about: "10.0.0.3 on eth0".
    pub subject: String,
    /// What was believed; none: nothing.
    pub before: Option<String>,
    /// What is believed now; none: nothing.
    pub after: Option<String>,
}

impl Beliefs {
    /// What was added or changed since `before`. What was forgotten meanwhile is no change: that happens by itself.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<ChangedBelief> {
        let neighbours = self.neighbours.iter().map(|(key, mac)| {
            let old = before.neighbours.get(key).map(MacAddress::to_string);
            (format!("{} on {}", key.1, key.0), old, mac.to_string())
        });
        let forwarding = self.forwarding.iter().map(|(key, port)| {
            (format!("{} behind {}", key.1, key.0), before.forwarding.get(key).cloned(), port.clone())
        });
        neighbours
            .chain(forwarding)
            .filter(|(_, old, new)| old.as_ref() != Some(new))
            .map(|(subject, before, after)| ChangedBelief {
                station: self.station.clone(),
                subject,
                before,
                after: Some(after),
            })
            .collect()
    }

    /// Those of the changes that are about something that was known: somebody's traffic goes another way now.
    #[must_use]
    pub fn stolen_since(&self, before: &Self) -> Vec<ChangedBelief> {
        let mut changes = self.changes_since(before);
        changes.retain(|change| change.before.is_some());
        changes
    }
}

impl fmt::Display for ChangedBelief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |place: &Option<String>| place.clone().unwrap_or_else(|| "unknown".to_owned());
        write!(f, "{}: {} was {}, is {}", self.station, self.subject, word(&self.before), word(&self.after))
    }
}

impl Station {
    /// What this station believes now.
    pub fn beliefs(&self) -> Result<Beliefs, Error> {
        let failed = self.kernel_error();
        let mut kernel = self.kernel()?;
        let mut beliefs = Beliefs { station: self.name().to_owned(), ..Beliefs::default() };
        let links = kernel.links().map_err(&failed)?;
        for link in &links {
            for neighbour in kernel.neighbours(link.index).map_err(&failed)? {
                if let Some(mac) = neighbour.mac.filter(|_| neighbour.is_valid()) {
                    beliefs.neighbours.insert((link.name.clone(), neighbour.address), mac);
                }
            }
            if !link.is_bridge() {
                continue;
            }
            for entry in kernel.forwarding_entries(link.index).map_err(&failed)? {
                let port = links.iter().find(|port| port.index == entry.port);
                let port = port.map_or_else(|| format!("number {}", entry.port), |port| port.name.clone());
                beliefs.forwarding.insert((link.name.clone(), entry.mac), port);
            }
        }
        Ok(beliefs)
    }
}
