//! What holds for a network as a whole: what its guests may reach on the host, whether they reach each other, and whether
//! their traffic is tracked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::BadWord;

/// What the guests of a network may reach on the host, and whether the host tracks their connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NetworkPolicy {
    /// What they may reach on the host.
    pub host: Reach,
    /// Whether frames that only pass the bridge are kept out of connection tracking.
    pub untracked: bool,
    /// Whether some of its guests are kept from each other. Which, their own policies say.
    pub isolates: bool,
}

/// Which script leads to guests that are on no bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoutedBy {
    /// `vif-route`.
    Route,
    /// `vif-nat`.
    Nat,
}

impl RoutedBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Route, Self::Nat];

    /// The name of the script.
    #[must_use]
    pub const fn script(self) -> &'static str {
        match self {
            Self::Route => "vif-route",
            Self::Nat => "vif-nat",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn of_script(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|script| script.script() == name)
    }
}

/// Why a packet was dropped for the sake of a whole network. What isolated ports of a bridge keep from each other by
/// themselves is counted by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NetworkReason {
    /// It was for the host, and for nothing there that guests may reach.
    Host,
    /// It was from one isolated guest for another, by way of the host.
    Isolation,
}

impl NetworkReason {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Host, Self::Isolation];

    /// One word, the same in rule comments, JSON and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Isolation => "isolation",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// What guests may reach on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Everything.
    #[default]
    Everything,
    /// These services alone. What the host has begun itself is answered.
    Only(Vec<Service>),
}

/// Something on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// A port of TCP.
    Tcp(u16),
    /// A port of UDP.
    Udp(u16),
    /// Answers to pings.
    Ping,
}

/// What words say of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkDraft {
    host: Option<Reach>,
    untracked: Option<bool>,
}

const KEYS: [&str; 2] = ["host", "track"];

impl NetworkDraft {
    /// True for words that are about networks.
    #[must_use]
    pub fn knows(word: &str) -> bool {
        word.split_once('=').is_some_and(|(key, _)| KEYS.contains(&key))
    }

    /// Understands one word: `host=everything`, `host=dhcp,dns,tcp/22,ping`, `host=nothing`, `track=no`.
    pub fn apply(&mut self, word: &str) -> Result<(), BadWord> {
        match word.split_once('=') {
            Some(("host", "everything")) => self.host = Some(Reach::Everything),
            Some(("host", "nothing")) => self.host = Some(Reach::Only(Vec::new())),
            Some(("host", list)) => self.host = Some(Reach::Only(services(word, list)?)),
            Some(("track", "yes")) => self.untracked = Some(false),
            Some(("track", "no")) => self.untracked = Some(true),
            Some(("track", _)) => return Err(BadWord::new(word, "it is yes or no")),
            _ => return Err(BadWord::new(word, "the keys of a network are host and track")),
        }
        Ok(())
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> NetworkPolicy {
        NetworkPolicy {
            host: self.host.clone().unwrap_or_default(),
            untracked: self.untracked.unwrap_or(false),
            isolates: false,
        }
    }
}

fn services(word: &str, list: &str) -> Result<Vec<Service>, BadWord> {
    let mut services = Vec::new();
    for item in list.split(',').filter(|item| !item.is_empty()) {
        match item {
            "dhcp" => services.extend([Service::Udp(67), Service::Udp(547)]),
            "dns" => services.extend([Service::Udp(53), Service::Tcp(53)]),
            "ping" => services.push(Service::Ping),
            item => {
                let port = item.split_once('/').and_then(|(kind, port)| {
                    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
                    match kind {
                        "tcp" => Some(Service::Tcp(port)),
                        "udp" => Some(Service::Udp(port)),
                        _ => None,
                    }
                });
                let fault = "it is everything, nothing, or a list of dhcp, dns, ping, tcp/PORT and udp/PORT";
                services.push(port.ok_or_else(|| BadWord::new(word, fault))?);
            }
        }
    }
    services.sort_unstable();
    services.dedup();
    Ok(services)
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "tcp/{port}"),
            Self::Udp(port) => write!(f, "udp/{port}"),
            Self::Ping => f.write_str("ping"),
        }
    }
}

/// In words: `guests reach tcp/22 and ping on the host, and nothing else; passing traffic is not tracked`.
impl fmt::Display for NetworkPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Reach::Everything => f.write_str("guests reach everything on the host")?,
            Reach::Only(services) if services.is_empty() => {
                f.write_str("guests reach nothing on the host")?;
            }
            Reach::Only(services) => {
                let words: Vec<String> = services.iter().map(ToString::to_string).collect();
                write!(f, "guests reach {} on the host, and nothing else", words.join(", "))?;
            }
        }
        if self.isolates {
            f.write_str("; isolated guests do not reach each other by the host")?;
        }
        if self.untracked { f.write_str("; passing traffic is not tracked") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(words: &[&str]) -> Result<NetworkPolicy, BadWord> {
        let mut draft = NetworkDraft::default();
        words.iter().try_for_each(|word| draft.apply(word)).map(|()| draft.policy())
    }

    #[test]
    fn what_guests_may_reach_is_a_list() {
        let some = policy(&["host=dns,tcp/22,ping", "track=no"]).unwrap();
        assert_eq!(
            some.to_string(),
            "guests reach tcp/22, tcp/53, udp/53, ping on the host, and nothing else; passing traffic is not tracked"
        );
        assert_eq!(policy(&["host=nothing"]).unwrap().to_string(), "guests reach nothing on the host");
        assert_eq!(policy(&[]).unwrap(), policy(&["host=everything"]).unwrap());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for word in ["host=ssh", "host=tcp/0", "host=tcp/x", "track=maybe", "colour=red"] {
            assert!(policy(&[word]).is_err(), "{word}");
        }
    }
}
