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

/// Ports of the host that lead to a guest: `tcp:8080:10.0.0.2:80`, a range that keeps its numbers,
/// `udp:5000-5999:10.0.0.2`, or one that gets others, `tcp:8000-8010:10.0.0.2:80-90`.
///
/// ```
/// use dom0net::translation::Forward;
///
/// let forward: Forward = "tcp:8080:10.0.0.2:80".parse()?;
/// assert_eq!((forward.first, forward.last, forward.port), (8080, 8080, Some(80)));
/// let range: Forward = "udp:5000-5999:[fd00::2]".parse()?;
/// assert_eq!(range.to_string(), "udp:5000-5999:[fd00::2]");
/// let moved: Forward = "tcp:8000-8010:10.0.0.2:80-90".parse()?;
/// assert_eq!(moved.moved().last(), Some((8010, 90)));
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
    /// The guest's port, or the first of them; none: the same as the host's.
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
    /// A range leads to one that is longer or shorter.
    Lengths,
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
        let (first, last) = ports_of(ports)?;
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
        let to = to.map(ports_of).transpose()?;
        if to.is_some_and(|(begin, end)| end - begin != last - first) {
            return Err(BadForward::Lengths);
        }
        // A number that stays need not be said.
        let port = to.map(|(begin, _)| begin).filter(|&begin| begin != first);
        Ok(Self { protocol, first, last, address, port })
    }
}

/// A port, or the first and the last of a range.
fn ports_of(text: &str) -> Result<(u16, u16), BadForward> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    if first > last { Err(BadForward::Port) } else { Ok((first, last)) }
}

fn port(text: &str) -> Result<u16, BadForward> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| port > 0 && is_number).ok_or(BadForward::Port)
}

impl Forward {
    /// Each port of the host, with the one of the guest that it leads to; none where all keep their numbers.
    pub fn moved(&self) -> impl Iterator<Item = (u16, u16)> {
        let to = self.port.into_iter().flat_map(|port| port..=u16::MAX);
        (self.first..=self.last).zip(to)
    }

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
        let Some(port) = self.port else { return Ok(()) };
        write!(f, ":{port}")?;
        if self.last == self.first { Ok(()) } else { write!(f, "-{}", port + (self.last - self.first)) }
    }
}

impl fmt::Display for BadForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a forward is tcp:8080:10.0.0.2:80, or udp:5000-5999:10.0.0.2 for a range",
            Self::Protocol => "a forward begins with tcp: or udp:",
            Self::Port => "a port is a number from 1 to 65535, and a range does not end before it begins",
            Self::Lengths => {
                "a range of ports leads to as many: tcp:8000-8010:10.0.0.2:80-90; without ports behind the address, \
                 it keeps its numbers"
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
        for text in [
            "tcp:80:10.0.0.2",
            "tcp:8080:10.0.0.2:80",
            "udp:5000-5999:10.0.0.2",
            "tcp:22:[fd00::2]:2222",
            "tcp:8000-8010:10.0.0.2:80-90",
            "udp:1-65534:[fd00::2]:2-65535",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        // A port that stays need not be said.
        assert_eq!(read("tcp:80:10.0.0.2:80").unwrap().to_string(), "tcp:80:10.0.0.2");
        assert_eq!(read("tcp:80-90:10.0.0.2:80-90").unwrap().to_string(), "tcp:80-90:10.0.0.2");
    }

    #[test]
    fn a_range_is_moved_port_by_port() {
        let moved = |text: &str| read(text).unwrap().moved().collect::<Vec<_>>();
        assert_eq!(moved("tcp:8000-8002:10.0.0.2:80-82"), [(8000, 80), (8001, 81), (8002, 82)]);
        assert_eq!(moved("tcp:8080:10.0.0.2:80"), [(8080, 80)]);
        assert_eq!(moved("tcp:65534-65535:10.0.0.2:1-2"), [(65534, 1), (65535, 2)]);
        assert_eq!(moved("tcp:8000-8002:10.0.0.2"), []);
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
            ("tcp:80-90:10.0.0.2:80", BadForward::Lengths),
            ("tcp:80-90:10.0.0.2:8000-8009", BadForward::Lengths),
            ("tcp:80:10.0.0.2:8000-8010", BadForward::Lengths),
            ("tcp:80-90:10.0.0.2:65530-65540", BadForward::Port),
            ("tcp:80-90:10.0.0.2:90-80", BadForward::Port),
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
