//! A policy in configuration: words of the form `key=value`, `key+=value` and `key-=value`.
//!
//! | word | what it says |
//! |---|---|
//! | `mode=` | `locked` (the default with `ip=`), `mac-only` (the default without), `open`, `disabled` |
//! | `ip=` | addresses and networks that the guest may send from |
//! | `mac=` | MAC addresses that it may send from beside its own |
//! | `link-local=` | `eui64` (made from the MAC address), `any`, `listed` (only what `ip=` lists) |
//! | `protocols=` | ethertypes, by name or number, or `all` |
//! | `vlans=` | VLANs that it may tag for: `10,20-29`, `all` or `none` |
//! | `vrrp=` | virtual routers that it may be: `7` |
//! | `dhcp-server=`, `router=`, `isolated=`, `log=` | `yes` or `no` |

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ethernet::MacAddress;
use ipnet::IpNet;

use super::policy::{LLC, LinkLocal, Mode, Plain, Policy, Protocols, Vlans};

/// The longest list that is taken: what one message to the kernel can hold, by far.
const LONGEST: usize = 256;

/// Names of ethertypes that guests may want to speak.
const PROTOCOLS: [(&str, u16); 16] = [
    ("ipv4", 0x0800),
    ("arp", 0x0806),
    ("ipv6", 0x86dd),
    ("llc", LLC),
    ("wake-on-lan", 0x0842),
    ("rarp", 0x8035),
    ("appletalk", 0x809b),
    ("aarp", 0x80f3),
    ("vlan", 0x8100),
    ("ipx", 0x8137),
    ("pppoe-discovery", 0x8863),
    ("pppoe", 0x8864),
    ("aoe", 0x88a2),
    ("service-vlan", 0x88a8),
    ("ptp", 0x88f7),
    ("mpls", 0x8847),
];

/// What words say of a policy. What they leave open is decided by what a vif is given besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    mode: Option<Mode>,
    addresses: Option<Vec<IpNet>>,
    macs: Vec<MacAddress>,
    link_local: Option<LinkLocal>,
    protocols: Option<Protocols>,
    vlans: Option<Vlans>,
    vrrp: Vec<u8>,
    dhcp_server: Option<bool>,
    router: Option<bool>,
    isolated: Option<bool>,
    log: Option<bool>,
    /// A locked guest is one that says so: `ip=` alone does not lock (`antispoof=no`).
    is_lax: bool,
}

/// What a word does to what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Set,
    Add,
    Remove,
}

/// A word that cannot be, or words that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadWord {
    /// The word, or what it is about.
    word: String,
    /// What is wrong, and what would be right.
    fault: String,
}

impl BadWord {
    pub(super) fn new(word: &str, fault: impl Into<String>) -> Self {
        // As long as a sentence can bear, and in one line.
        let shown: String = word.chars().take(60).flat_map(char::escape_debug).collect();
        Self { word: shown, fault: fault.into() }
    }
}

impl fmt::Display for BadWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be: {}", self.word, self.fault)
    }
}

impl std::error::Error for BadWord {}

impl Draft {
    /// Understands words with blanks between them, on top of what was said before.
    ///
    /// ```
    /// use dom0net::guard::Draft;
    ///
    /// let mut draft = Draft::default();
    /// draft.apply("ip=10.0.0.1 vlans=10,20-29")?;
    /// draft.apply("ip+=10.0.0.7 vlans=none")?;
    /// let policy = draft.policy("00:16:3e:00:00:01".parse()?)?;
    /// assert!(policy.allows_source("10.0.0.7".parse()?));
    /// assert_eq!(draft.to_string(), "ip=10.0.0.1,10.0.0.7 vlans=none");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply(&mut self, words: &str) -> Result<(), BadWord> {
        words.split_ascii_whitespace().try_for_each(|word| self.apply_one(word))?;
        let ranges = if let Some(Vlans::Only(ranges)) = &self.vlans { ranges.len() } else { 0 };
        let addresses = self.addresses.as_ref().map_or(0, Vec::len);
        for (key, length) in [("ip", addresses), ("mac", self.macs.len()), ("vlans", ranges)] {
            if length > LONGEST {
                let fault = format!("{length} are more than {LONGEST}; give networks and ranges");
                return Err(BadWord::new(key, fault));
            }
        }
        Ok(())
    }

    /// Guests with `ip=` are not locked unless a word says so: what `antispoof=no` means.
    pub fn set_lax(&mut self) {
        self.is_lax = true;
    }

    /// Says what a vif's `ip=` says, if it has one.
    #[must_use]
    pub fn for_vif(addresses: Option<Vec<IpNet>>) -> Self {
        Self { addresses, ..Self::default() }
    }

    fn apply_one(&mut self, word: &str) -> Result<(), BadWord> {
        let bad = |fault: &str| BadWord::new(word, fault);
        let (key, value) = word.split_once('=').ok_or_else(|| bad("a word is key=value"))?;
        let (key, manner) = match key.strip_suffix('+') {
            Some(key) => (key, Manner::Add),
            None => key.strip_suffix('-').map_or((key, Manner::Set), |key| (key, Manner::Remove)),
        };
        let is_set = manner == Manner::Set;
        match key {
            "ip" => {
                let items = parsed(word, value, address)?;
                change(self.addresses.get_or_insert_default(), manner, items);
            }
            "mac" => change(&mut self.macs, manner, parsed(word, value, mac)?),
            "vrrp" => change(&mut self.vrrp, manner, parsed(word, value, virtual_router)?),
            "protocols" => self.set_protocols(word, value, manner)?,
            "vlans" => self.set_vlans(word, value, manner)?,
            "mode" if is_set => self.mode = Some(by_word(word, value, &Mode::ALL, Mode::word)?),
            "link-local" if is_set => {
                self.link_local = Some(by_word(word, value, &LinkLocal::ALL, LinkLocal::word)?);
            }
            "dhcp-server" if is_set => self.dhcp_server = Some(truth(word, value)?),
            "router" if is_set => self.router = Some(truth(word, value)?),
            "isolated" if is_set => self.isolated = Some(truth(word, value)?),
            "log" if is_set => self.log = Some(truth(word, value)?),
            _ if !is_set => {
                return Err(bad("only ip, mac, vrrp, protocols and vlans are lists that += and -= change"));
            }
            _ => {
                return Err(bad(
                    "the keys are mode, ip, mac, link-local, protocols, vlans, vrrp, dhcp-server, router, \
                     isolated and log",
                ));
            }
        }
        Ok(())
    }

    fn set_protocols(&mut self, word: &str, value: &str, manner: Manner) -> Result<(), BadWord> {
        if value == "all" && manner == Manner::Set {
            self.protocols = Some(Protocols::All);
            return Ok(());
        }
        let listed = parsed(word, value, protocol)?;
        let Protocols::Only(mut list) = self.protocols.take().unwrap_or_else(Protocols::ip) else {
            return Err(BadWord::new(
                word,
                "all protocols are allowed already; set the list with protocols=",
            ));
        };
        change(&mut list, manner, listed);
        list.sort_unstable();
        self.protocols = Some(Protocols::Only(list));
        Ok(())
    }

    fn set_vlans(&mut self, word: &str, value: &str, manner: Manner) -> Result<(), BadWord> {
        self.vlans = Some(match (value, manner) {
            ("all", Manner::Set) => Vlans::All,
            ("none", Manner::Set) => Vlans::Only(Vec::new()),
            _ => {
                let listed = parsed(word, value, vlans)?;
                let Vlans::Only(ranges) = self.vlans.take().unwrap_or_else(|| Vlans::Only(Vec::new())) else {
                    return Err(BadWord::new(
                        word,
                        "all VLANs are allowed already; set the list with vlans=",
                    ));
                };
                let mut ids: Vec<u16> = ranges.into_iter().flatten().collect();
                change(&mut ids, manner, listed.into_iter().flatten().collect());
                Vlans::Only(ranges_of(ids))
            }
        });
        Ok(())
    }

    /// The policy of a vif with this MAC address.
    ///
    /// An error if a locked guest would have no address: the guard does not guess.
    pub fn policy(&self, mac: MacAddress) -> Result<Policy, BadWord> {
        let addresses = self.addresses.as_deref();
        let mode = self.mode.unwrap_or(match addresses {
            Some(_) if !self.is_lax => Mode::Locked,
            _ => Mode::MacOnly,
        });
        let mut policy = match (mode, addresses) {
            (Mode::Locked, None | Some([])) => {
                return Err(BadWord::new("mode=locked", "there is no address; give some with ip="));
            }
            (Mode::Locked, Some(addresses)) => Policy::locked(mac, addresses.iter().copied()),
            _ => Policy { mode, ..Policy::mac_only(mac) },
        };
        policy.more_macs.clone_from(&self.macs);
        policy.link_local = self.link_local.unwrap_or_default();
        if let Some(protocols) = &self.protocols {
            policy.protocols = protocols.clone();
        }
        if let Some(vlans) = &self.vlans {
            policy.vlans = vlans.clone();
        }
        policy.vrrp.clone_from(&self.vrrp);
        policy.dhcp_server = self.dhcp_server.unwrap_or(false);
        policy.router = self.router.unwrap_or(false);
        policy.isolated = self.isolated.unwrap_or(false);
        policy.log = self.log.unwrap_or(false);
        Ok(policy)
    }
}

/// The words that say the same.
impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut word = |key: &str, value: String| words.push(format!("{key}={value}"));
        if let Some(mode) = self.mode {
            word("mode", mode.word().into());
        }
        if let Some(addresses) = &self.addresses {
            word("ip", list(addresses.iter().copied().map(Plain)));
        }
        if !self.macs.is_empty() {
            word("mac", list(&self.macs));
        }
        if let Some(link_local) = self.link_local {
            word("link-local", link_local.word().into());
        }
        match &self.protocols {
            Some(Protocols::All) => word("protocols", "all".into()),
            Some(Protocols::Only(types)) => {
                word("protocols", list(types.iter().map(|&it| protocol_word(it))));
            }
            None => {}
        }
        match &self.vlans {
            Some(Vlans::All) => word("vlans", "all".into()),
            Some(Vlans::Only(ranges)) if ranges.is_empty() => word("vlans", "none".into()),
            Some(Vlans::Only(ranges)) => word("vlans", list(ranges.iter().map(range_word))),
            None => {}
        }
        if !self.vrrp.is_empty() {
            word("vrrp", list(&self.vrrp));
        }
        let switches = [
            ("dhcp-server", self.dhcp_server),
            ("router", self.router),
            ("isolated", self.isolated),
            ("log", self.log),
        ];
        for (key, value) in switches {
            if let Some(value) = value {
                word(key, if value { "yes" } else { "no" }.into());
            }
        }
        f.write_str(&words.join(" "))
    }
}

fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

/// `aoe`, or `0x1234` for what has no name here.
pub(super) fn protocol_word(ethertype: u16) -> String {
    let named = PROTOCOLS.iter().find(|(_, number)| *number == ethertype);
    named.map_or_else(|| format!("{ethertype:#06x}"), |(name, _)| (*name).to_owned())
}

/// `7`, or `20-29`.
pub(super) fn range_word(range: &RangeInclusive<u16>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}-{}", range.start(), range.end())
    }
}

fn change<T: PartialEq>(list: &mut Vec<T>, manner: Manner, items: Vec<T>) {
    if manner == Manner::Set {
        list.clear();
    }
    for item in items {
        match manner {
            Manner::Remove => list.retain(|old| *old != item),
            _ if list.contains(&item) => {}
            _ => list.push(item),
        }
    }
}

/// The items of a list with commas; an error says what an item is.
fn parsed<T>(word: &str, value: &str, parse: fn(&str) -> Result<T, &'static str>) -> Result<Vec<T>, BadWord> {
    value
        .split(',')
        .filter(|item| !item.is_empty())
        .map(|item| parse(item).map_err(|fault| BadWord::new(word, format!("{item:.60}: {fault}"))))
        .collect()
}

/// An address, or a network with its prefix length.
pub(crate) fn address(text: &str) -> Result<IpNet, &'static str> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "it is neither an IP address, like 10.0.0.1, nor a network, like 10.0.0.0/24")
}

fn mac(text: &str) -> Result<MacAddress, &'static str> {
    text.parse()
        .ok()
        .filter(|mac: &MacAddress| !mac.is_multicast() && *mac != MacAddress::ZERO)
        .ok_or("it is not a MAC address of somebody, like 00:16:3e:27:95:c0")
}

fn virtual_router(text: &str) -> Result<u8, &'static str> {
    text.parse().ok().filter(|id| *id > 0).ok_or("a virtual router is a number from 1 to 255")
}

fn protocol(text: &str) -> Result<u16, &'static str> {
    let named = PROTOCOLS.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    let number = || u16::from_str_radix(text.strip_prefix("0x")?, 16).ok().filter(|it| *it >= 0x0600);
    named.or_else(number).ok_or(
        "it is neither an ethertype, like 0x88a2, nor arp, ipv4, ipv6, llc, aoe, appletalk, aarp, ipx, mpls, pppoe, \
         pppoe-discovery, ptp, rarp, vlan, service-vlan or wake-on-lan",
    )
}

fn vlans(text: &str) -> Result<RangeInclusive<u16>, &'static str> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|id| (1..=4094).contains(id));
    let range = match text.split_once('-') {
        Some((first, last)) => number(first).zip(number(last)).map(|(first, last)| first..=last),
        None => number(text).map(|id| id..=id),
    };
    range.filter(|range| !range.is_empty()).ok_or("a VLAN is a number from 1 to 4094, or two: 20-29")
}

fn ranges_of(mut ids: Vec<u16>) -> Vec<RangeInclusive<u16>> {
    ids.sort_unstable();
    ids.dedup();
    let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some(range) if *range.end() + 1 == id => *range = *range.start()..=id,
            _ => ranges.push(id..=id),
        }
    }
    ranges
}

fn truth(word: &str, value: &str) -> Result<bool, BadWord> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(BadWord::new(word, "it is yes or no")),
    }
}

fn by_word<T: Copy>(word: &str, value: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, BadWord> {
    all.iter().copied().find(|item| name(*item) == value).ok_or_else(|| {
        BadWord::new(word, format!("it is one of {}", list(all.iter().map(|item| name(*item)))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 1]);

    fn draft(words: &str) -> Result<Draft, BadWord> {
        let mut draft = Draft::default();
        draft.apply(words).map(|()| draft)
    }

    fn policy(words: &str) -> Policy {
        draft(words).unwrap().policy(MAC).unwrap()
    }

    #[test]
    fn the_mode_follows_from_the_addresses_unless_it_is_said() {
        assert_eq!(policy("").mode, Mode::MacOnly);
        assert_eq!(policy("ip=10.0.0.1").mode, Mode::Locked);
        assert_eq!(policy("ip=10.0.0.1 mode=open").mode, Mode::Open);
        let mut lax = draft("ip=10.0.0.1").unwrap();
        lax.set_lax();
        assert_eq!(lax.policy(MAC).unwrap().mode, Mode::MacOnly);
        lax.apply("mode=locked").unwrap();
        assert_eq!(lax.policy(MAC).unwrap().mode, Mode::Locked);
    }

    #[test]
    fn a_lock_without_an_address_is_refused() {
        assert!(draft("mode=locked").unwrap().policy(MAC).is_err());
        assert!(draft("ip=10.0.0.1 ip-=10.0.0.1").unwrap().policy(MAC).is_err());
    }

    #[test]
    fn lists_grow_and_shrink() {
        let text = |words: &str| draft(words).unwrap().to_string();
        assert_eq!(text("vlans=10,20-29 vlans-=25 vlans+=11"), "vlans=10-11,20-24,26-29");
        assert_eq!(text("protocols+=aoe"), "protocols=ipv4,arp,ipv6,aoe");
        assert_eq!(text("protocols+=0x88A2 protocols-=ipv6"), "protocols=ipv4,arp,aoe");
        assert_eq!(text("vrrp=7,8 vrrp-=7"), "vrrp=8");
        assert_eq!(text("ip=10.0.0.0/8,::1 ip-=10.0.0.0/8"), "ip=::1");
    }

    #[test]
    fn words_read_back_as_the_same() {
        for words in [
            "mode=open ip=10.0.0.1,2001:db8::/48 mac=00:16:3e:00:00:09 link-local=any protocols=llc,0x1234",
            "protocols=all vlans=all vrrp=1 dhcp-server=yes router=no isolated=yes log=yes",
            "vlans=none",
        ] {
            let once = draft(words).unwrap();
            assert_eq!(draft(&once.to_string()).unwrap(), once, "{words}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        for (words, part) in [
            ("mode=shut", "locked,mac-only,open,disabled"),
            ("ip=10.0.0.300", "nor a network"),
            ("mac=01:00:5e:00:00:01", "MAC address of somebody"),
            ("vlans=0", "from 1 to 4094"),
            ("vlans=9-5", "from 1 to 4094"),
            ("vlans=all vlans+=7", "already"),
            ("vrrp=256", "from 1 to 255"),
            ("protocols=0x10", "ethertype"),
            ("router=maybe", "yes or no"),
            ("router+=yes", "lists"),
            ("colour=red", "the keys are"),
            ("antispoof", "key=value"),
            ("mode=\u{1b}[2J", "\\u{1b}"),
        ] {
            let error = draft(words).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
