//! MAC addresses: the one word that configuration, kernel and frames share.
//!
//! ```
//! use ethernet::MacAddress;
//!
//! let mac: MacAddress = "00:16:3E:27:95:C0".parse()?;
//! assert_eq!(mac.to_string(), "00:16:3e:27:95:c0");
//! assert_eq!(mac.link_local().to_string(), "fe80::216:3eff:fe27:95c0");
//! # Ok::<(), ethernet::ParseMacError>(())
//! ```
#![forbid(unsafe_code)]

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A 48-bit IEEE 802 address, in transmission order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// `00:00:00:00:00:00`, which no interface may have; libxl takes it for "not set".
    pub const ZERO: Self = Self([0; 6]);
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address with these octets, the first one on the wire first.
    #[must_use]
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The octets, the first one on the wire first.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// True for group addresses, the broadcast address among them: the least significant bit of the first
    /// octet is set. No interface may have one, and no frame may come from one.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// True for addresses that no manufacturer assigns: the second least significant bit of the first octet
    /// is set (second hex digit 2, 6, a or e when it is not a group address).
    #[must_use]
    pub const fn is_locally_administered(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// The link-local IPv6 address that stateless autoconfiguration makes of this address (RFC 4291,
    /// appendix A: modified EUI-64).
    #[must_use]
    pub const fn link_local(self) -> Ipv6Addr {
        let mac = self.0;
        Ipv6Addr::from_octets([
            0xfe,
            0x80,
            0,
            0,
            0,
            0,
            0,
            0,
            mac[0] ^ 2,
            mac[1],
            mac[2],
            0xff,
            0xfe,
            mac[3],
            mac[4],
            mac[5],
        ])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mac = self.0;
        write!(f, "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not six two-digit hexadecimal octets with colons between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseMacError;

impl fmt::Display for ParseMacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a MAC address: six octets of two hexadecimal digits are needed, like 00:16:3e:27:95:c0",
        )
    }
}

impl std::error::Error for ParseMacError {}

impl FromStr for MacAddress {
    type Err = ParseMacError;

    /// Reads the strict form, in either case. The looser forms that xl accepts are `xenconf`'s to know.
    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or(ParseMacError)?;
            // from_str_radix alone would take a sign for a digit.
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(ParseMacError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| ParseMacError)?;
        }
        if parts.next().is_some() { Err(ParseMacError) } else { Ok(Self(octets)) }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for MacAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_strict_form_is_read() {
        for bad in [
            "",
            "00:16:3e:27:95",
            "00:16:3e:27:95:c0:01",
            "00:16:3e:27:95:c",
            "00:16:3e:27:95:+1",
            "00-16-3e-27-95-c0",
            "00:16:3e:27:95:gg",
            "é0:16:3e:27:95:c0",
        ] {
            assert_eq!(bad.parse::<MacAddress>(), Err(ParseMacError), "{bad}");
        }
    }

    #[test]
    fn kinds_are_read_off_the_first_octet() {
        let mac = |text: &str| text.parse::<MacAddress>().unwrap();
        assert!(mac("01:00:5e:00:00:01").is_multicast());
        assert!(MacAddress::BROADCAST.is_multicast());
        assert!(mac("ae:00:01:02:03:04").is_locally_administered());
        assert!(!mac("ae:00:01:02:03:04").is_multicast());
        assert!(!mac("00:16:3e:00:00:01").is_locally_administered());
    }
}
