//! Finds overlaps among many addresses and prefixes, without looking at all of them each time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

/// A prefix as a number: IPv4 addresses lie in a range of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_ipv6: bool,
    first: u128,
    length: u8,
}

/// Prefixes, each with what it belongs to. Two prefixes overlap only if one holds the other.
#[derive(Debug)]
pub(super) struct Prefixes<T> {
    entries: BTreeMap<Key, T>,
    /// The lengths that occur, by family.
    lengths: BTreeSet<(bool, u8)>,
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), lengths: BTreeSet::new() }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn key(net: IpNet) -> Key {
    Key { is_ipv6: net.addr().is_ipv6(), first: number(net.network()), length: net.prefix_len() }
}

impl<T> Prefixes<T> {
    /// An entry that overlaps `net`, if there is one: the shortest that holds it, else the first inside it.
    pub(super) fn overlap(&self, net: IpNet) -> Option<&T> {
        let own = key(net);
        let bits = if own.is_ipv6 { 128 } else { 32 };
        let lengths = self.lengths.range((own.is_ipv6, 0)..=(own.is_ipv6, own.length));
        let holder = lengths.filter_map(|(_, length)| {
            let mask = u128::MAX.checked_shl(bits - u32::from(*length)).unwrap_or(0);
            self.entries.get(&Key { first: own.first & mask, length: *length, ..own })
        });
        let last = Key { first: number(net.broadcast()), length: u8::MAX, ..own };
        holder.chain(self.entries.range(own..=last).map(|(_, value)| value)).next()
    }

    /// Adds an entry; one with the same prefix stays as it is.
    pub(super) fn insert(&mut self, net: IpNet, value: T) {
        let key = key(net);
        self.lengths.insert((key.is_ipv6, key.length));
        self.entries.entry(key).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn holders_and_parts_are_found_and_neighbours_are_not() {
        let mut prefixes = Prefixes::default();
        for text in ["10.0.0.1/32", "10.1.0.0/16", "2001:db8::/64", "::a00:0/128"] {
            prefixes.insert(net(text), text);
        }
        for (asked, found) in [
            ("10.0.0.1/32", Some("10.0.0.1/32")),
            ("10.0.0.2/32", None),
            ("10.0.0.0/8", Some("10.0.0.1/32")),
            ("10.1.2.3/32", Some("10.1.0.0/16")),
            ("10.1.0.0/24", Some("10.1.0.0/16")),
            ("10.2.0.0/16", None),
            ("0.0.0.0/0", Some("10.0.0.1/32")),
            ("2001:db8::1/128", Some("2001:db8::/64")),
            ("2001:db8:0:1::/64", None),
            ("10.0.0.0/32", None),
        ] {
            assert_eq!(prefixes.overlap(net(asked)).copied(), found, "{asked}");
        }
    }
}
