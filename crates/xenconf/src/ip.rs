//! `ip=`: the addresses that a guest may use, as a list of addresses and prefixes of both families.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use ipnet::IpNet;

/// One word of an `ip=` list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the text, as byte offsets.
    pub range: Range<usize>,
    /// The address or prefix; an address is a prefix of full length. Host bits are kept as written.
    pub net: Result<IpNet, IpError>,
}

/// Why a word is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpError {
    /// It looks like nothing that is known.
    Syntax,
    /// The address is good, what follows the slash is not.
    Length,
    /// An octet of an IPv4 address has a leading zero, which some programs read as octal.
    LeadingZero,
    /// It is a name, not an address.
    Name,
}

impl IpError {
    /// What is wrong, as a sentence about `word`.
    #[must_use]
    pub fn message(self, word: &str) -> String {
        match self {
            Self::Syntax => format!("`{word}` is no IP address"),
            Self::Length => format!("the prefix length of `{word}` is out of range"),
            Self::LeadingZero => format!("`{word}` has a number with a leading zero, which can mean octal"),
            Self::Name => format!("`{word}` is a name; an address is needed here"),
        }
    }
}

/// Takes a list apart: words with blanks or commas between them.
///
/// ```
/// use xenconf::ip::parse_list;
///
/// let nets: Vec<_> = parse_list("10.0.0.1 2001:db8::/64").map(|entry| entry.net.unwrap().to_string()).collect();
/// assert_eq!(nets, ["10.0.0.1/32", "2001:db8::/64"]);
/// ```
pub fn parse_list(text: &str) -> impl Iterator<Item = Entry> + '_ {
    let is_separator = |c: char| c.is_ascii_whitespace() || c == ',';
    text.split(is_separator).filter(|word| !word.is_empty()).map(|word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        Entry { range: start..start + word.len(), net: parse(word) }
    })
}

/// Reads an address, or an address with a prefix length or a netmask behind a slash.
pub fn parse(word: &str) -> Result<IpNet, IpError> {
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (word, None),
    };
    let ip: IpAddr = address.parse().map_err(|_| classify(address))?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(length) => prefix_length(length, ip).ok_or(IpError::Length)?,
    };
    IpNet::new(ip, length).map_err(|_| IpError::Length)
}

fn prefix_length(text: &str, ip: IpAddr) -> Option<u8> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    // iptables, which the old scripts hand this to, takes a netmask as well.
    let mask: Ipv4Addr = text.parse().ok().filter(|_| ip.is_ipv4())?;
    ipnet::ipv4_mask_to_prefix(mask).ok()
}

fn classify(word: &str) -> IpError {
    let octets: Vec<&str> = word.split('.').collect();
    let is_number = |octet: &&str| !octet.is_empty() && octet.bytes().all(|byte| byte.is_ascii_digit());
    if octets.len() == 4 && octets.iter().all(is_number) {
        let stripped = octets.iter().map(|octet| octet.trim_start_matches('0'));
        let in_range = stripped.clone().all(|octet| octet.is_empty() || octet.parse::<u8>().is_ok());
        return if in_range { IpError::LeadingZero } else { IpError::Syntax };
    }
    let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if is_name { IpError::Name } else { IpError::Syntax }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_prefixes_and_netmasks_are_read() {
        let read = |word: &str| parse(word).map(|net| net.to_string());
        assert_eq!(read("10.0.0.1").as_deref(), Ok("10.0.0.1/32"));
        assert_eq!(read("10.0.0.1/8").as_deref(), Ok("10.0.0.1/8"));
        assert_eq!(read("10.0.0.0/255.255.255.0").as_deref(), Ok("10.0.0.0/24"));
        assert_eq!(read("2001:db8::1").as_deref(), Ok("2001:db8::1/128"));
        assert_eq!(read("2001:db8::/64").as_deref(), Ok("2001:db8::/64"));
    }

    #[test]
    fn what_is_no_address_is_told_apart() {
        for (word, error) in [
            ("10.0.0.256", IpError::Syntax),
            ("10.0.0", IpError::Syntax),
            ("10.0.0.01", IpError::LeadingZero),
            ("10.0.0.1/33", IpError::Length),
            ("10.0.0.1/", IpError::Length),
            ("10.0.0.1/255.0.255.0", IpError::Length),
            ("2001:db8::/129", IpError::Length),
            ("2001:db8::/255.255.255.0", IpError::Length),
            ("web1.example.org", IpError::Name),
            ("\"10.0.0.1\"", IpError::Syntax),
            ("", IpError::Syntax),
        ] {
            assert_eq!(parse(word), Err(error), "{word}");
        }
    }

    #[test]
    fn entries_know_where_they_stand() {
        let ranges: Vec<_> = parse_list(" 10.0.0.1,  x ").map(|entry| entry.range).collect();
        assert_eq!(ranges, [1..9, 12..13]);
        assert_eq!(parse_list(" , ").count(), 0);
    }
}
