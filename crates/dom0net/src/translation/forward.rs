//! What comes in from outside: ports of the host that lead to guests.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The transport protocols that have ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// Its number in IP headers.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Ports of the host that lead to a guest: `tcp:8080:10.0.0.2:80`, or a range that keeps its numbers,
/// `udp:5000-5999:10.0.0.2`.
///
/// ```
/// use dom0net::translation::Forward;
///
/// let forward: Forward = "tcp:8080:10.0.0.2:80".parse()?;
/// assert_eq!((forward.first, forward.last, forward.port), (8080, 8080, Some(80)));
/// let range: Forward = "udp:5000-5999:[fd00::2]".parse()?;
/// assert_eq!(range.to_string(), "udp:5000-5999:[fd00::2]");
/// # Ok::<(), dom0net::translation::BadForward>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port of the host.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// The guest.
    pub address: IpAddr,
    /// The guest's port; none: the same as the host's.
    pub port: Option<u16>,
}

/// A text is no forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadForward {
    /// It has not the form of one.
    Form,
    /// It is neither `tcp` nor `udp`.
    Protocol,
    /// A port is no number from 1 to 65535, or a range ends before it begins.
    Port,
    /// A range cannot lead to one port, nor to ports of other numbers.
    MovedRange,
    /// The address is none.
    Address,
}

impl FromStr for Forward {
    type Err = BadForward;

    fn from_str(text: &str) -> Result<Self, BadForward> {
        let (protocol, rest) = text.split_once(':').ok_or(BadForward::Form)?;
        let (ports, target) = rest.split_once(':').ok_or(BadForward::Form)?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(BadForward::Protocol),
        };
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err(BadForward::Port);
        }
        let (address, to) = match target.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']').ok_or(BadForward::Address)?;
                let to = match rest.strip_prefix(':') {
                    Some(to) => Some(to),
                    None if rest.is_empty() => None,
                    None => return Err(BadForward::Form),
                };
                (address, to)
            }
            None => target.split_once(':').map_or((target, None), |(address, to)| (address, Some(to))),
        };
        let address = address.parse().map_err(|_| BadForward::Address)?;
        let port = to.map(port).transpose()?.filter(|&port| first != last || port != first);
        if port.is_some() && first != last {
            return Err(BadForward::MovedRange);
        }
        Ok(Self { protocol, first, last, address, port })
    }
}

fn port(text: &str) -> Result<u16, BadForward> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| port > 0 && is_number).ok_or(BadForward::Port)
}

impl Forward {
    fn meets(&self, other: &Self) -> bool {
        let same = |forward: &Self| (forward.protocol, forward.address.is_ipv4());
        same(self) == same(other) && self.first <= other.last && other.first <= self.last
    }
}

/// Two of these that have a port in common, if there are any.
#[must_use]
pub fn overlap(forwards: &[Forward]) -> Option<(Forward, Forward)> {
    let mut sorted = forwards.to_vec();
    sorted.sort_by_key(|it| (it.protocol, it.address.is_ipv4(), it.first));
    sorted.windows(2).find(|pair| pair[0].meets(&pair[1])).map(|pair| (pair[0], pair[1]))
}

/// As it is read.
impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.protocol, self.first)?;
        if self.last != self.first {
            write!(f, "-{}", self.last)?;
        }
        match self.address {
            IpAddr::V4(address) => write!(f, ":{address}")?,
            IpAddr::V6(address) => write!(f, ":[{address}]")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for BadForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a forward is tcp:8080:10.0.0.2:80, or udp:5000-5999:10.0.0.2 for a range",
            Self::Protocol => "a forward begins with tcp: or udp:",
            Self::Port => "a port is a number from 1 to 65535, and a range does not end before it begins",
            Self::MovedRange => {
                "a range of ports keeps its numbers: leave the guest's port away, or give each port its own forward"
            }
            Self::Address => "a forward leads to an address, like 10.0.0.2 or [fd00::2]",
        })
    }
}

impl std::error::Error for BadForward {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Forward, BadForward> {
        text.parse()
    }

    #[test]
    fn forwards_read_back_as_they_are_written() {
        for text in
            ["tcp:80:10.0.0.2", "tcp:8080:10.0.0.2:80", "udp:5000-5999:10.0.0.2", "tcp:22:[fd00::2]:2222"]
        {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        // A port that stays need not be said.
        assert_eq!(read("tcp:80:10.0.0.2:80").unwrap().to_string(), "tcp:80:10.0.0.2");
    }

    #[test]
    fn what_is_no_forward_is_told() {
        for (text, error) in [
            ("", BadForward::Form),
            ("tcp:80", BadForward::Form),
            ("sctp:80:10.0.0.2", BadForward::Protocol),
            ("tcp:0:10.0.0.2", BadForward::Port),
            ("tcp:+80:10.0.0.2", BadForward::Port),
            ("tcp:65536:10.0.0.2", BadForward::Port),
            ("tcp:90-80:10.0.0.2", BadForward::Port),
            ("tcp:80-90:10.0.0.2:80", BadForward::MovedRange),
            ("tcp:80:host", BadForward::Address),
            ("tcp:80:[fd00::2", BadForward::Address),
            ("tcp:80:[fd00::2]80", BadForward::Form),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn ports_that_lead_to_two_guests_are_found() {
        let forwards = |texts: &[&str]| texts.iter().map(|text| read(text).unwrap()).collect::<Vec<_>>();
        let list =
            forwards(&["tcp:80-90:10.0.0.2", "udp:85:10.0.0.3", "tcp:85:[fd00::3]", "tcp:91:10.0.0.3"]);
        assert_eq!(overlap(&list), None);
        let list = forwards(&["tcp:85:10.0.0.3", "tcp:80-90:10.0.0.2"]);
        assert_eq!(overlap(&list).unwrap().1.first, 85);
    }
}
