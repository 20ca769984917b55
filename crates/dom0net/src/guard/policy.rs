//! What a guest may send, as a value.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ethernet::MacAddress;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// What may come out of a vif. The only input of what the guard enforces.
///
/// ```
/// use dom0net::guard::Policy;
///
/// let policy = Policy::locked("00:16:3e:27:95:c0".parse()?, ["10.0.0.1/32".parse()?]);
/// assert_eq!(
///     policy.to_string(),
///     "only from 00:16:3e:27:95:c0, and only as 10.0.0.1 or fe80::216:3eff:fe27:95c0"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is a permission of its own, with its own word")]
pub struct Policy {
    /// How much is held.
    pub mode: Mode,
    /// The vif's own MAC address.
    pub mac: MacAddress,
    /// Others that its guest may send from, for guests behind the guest.
    pub more_macs: Vec<MacAddress>,
    /// The IPv4 addresses that it may send from when it is locked; not overlapping, in order.
    pub ipv4: Vec<Ipv4Net>,
    /// The IPv6 addresses that it may send from when it is locked; not overlapping, in order. Link-local addresses that
    /// [`link_local`](Self::link_local) allows are not repeated here.
    pub ipv6: Vec<Ipv6Net>,
    /// Which link-local addresses it may send from when it is locked.
    pub link_local: LinkLocal,
    /// What its frames may carry.
    pub protocols: Protocols,
    /// The VLANs that it may tag its frames for. What is inside is held to the same policy.
    pub vlans: Vlans,
    /// Whether it may be a DHCP or DHCPv6 server.
    pub dhcp_server: bool,
    /// Whether it may send router advertisements, redirects and queries of group membership.
    pub router: bool,
    /// The virtual routers (VRRP, 1 to 255) that it may be. It may send from their MAC addresses.
    pub vrrp: Vec<u8>,
    /// Whether it is kept from other guests that are so too.
    pub isolated: bool,
    /// Whether dropped frames are told to the kernel's log, some of them.
    pub log: bool,
    /// What the log calls the guest, beside its interface ([`log_name`](Self::log_name)).
    pub logged_as: Option<String>,
}

/// How much is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// MAC and IP addresses: the default for guests with `ip=`.
    Locked,
    /// MAC addresses: the default for guests without.
    MacOnly,
    /// No addresses. What only a DHCP server or a router says is still held.
    Open,
    /// Nothing: there is no guard.
    Disabled,
}

/// Which IPv6 link-local addresses a locked guest may send from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkLocal {
    /// Those that its MAC addresses make (RFC 4291, appendix A).
    #[default]
    Eui64,
    /// Any: for guests that make them otherwise (RFC 7217).
    Any,
    /// None but those in its list of addresses.
    Listed,
}

/// What frames may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocols {
    /// Anything.
    All,
    /// These ethertypes, in order; [`LLC`] for 802.3 frames.
    Only(Vec<u16>),
}

/// Stands for frames that have a length in place of an ethertype: IPX and `AppleTalk` in their old forms.
pub const LLC: u16 = 0;

/// The VLANs that a guest may tag its frames for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vlans {
    /// All, with tags of customers (802.1Q) or of providers (802.1ad).
    All,
    /// These, tagged as 802.1Q says; from 1 to 4094, not overlapping, in order. None: it may not tag at all.
    Only(Vec<RangeInclusive<u16>>),
}

impl Protocols {
    /// What IP needs: ARP, IPv4 and IPv6.
    #[must_use]
    pub fn ip() -> Self {
        Self::Only(vec![0x0800, 0x0806, 0x86dd])
    }

    /// True when frames may carry this.
    #[must_use]
    pub fn allow(&self, ethertype: u16) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) if ethertype < 0x0600 => list.contains(&LLC),
            Self::Only(list) => list.contains(&ethertype),
        }
    }
}

impl Vlans {
    /// True when frames may be tagged so: the tag's ethertype, and the VLAN's number.
    #[must_use]
    pub fn allow(&self, protocol: u16, id: u16) -> bool {
        match self {
            Self::All => (1..=4094).contains(&id),
            Self::Only(list) => protocol == 0x8100 && list.iter().any(|range| range.contains(&id)),
        }
    }
}

impl Policy {
    /// For a guest without `ip=`: its MAC address is its own, whatever its IP addresses.
    #[must_use]
    pub fn mac_only(mac: MacAddress) -> Self {
        Self {
            mode: Mode::MacOnly,
            mac,
            more_macs: Vec::new(),
            ipv4: Vec::new(),
            ipv6: Vec::new(),
            link_local: LinkLocal::default(),
            protocols: Protocols::All,
            vlans: Vlans::All,
            dhcp_server: false,
            router: false,
            vrrp: Vec::new(),
            isolated: false,
            log: false,
            logged_as: None,
        }
    }

    /// A domain's name as the log may show it: no more than letters, digits and `.+-_`, and no longer than a line bears.
    #[must_use]
    pub fn log_name(domain: &str) -> String {
        let is_plain = |char: &char| char.is_ascii_alphanumeric() || ".+-_".contains(*char);
        domain.chars().take(LONGEST_NAME).map(|char| if is_plain(&char) { char } else { '?' }).collect()
    }

    /// For a guest with `ip=`: these addresses and networks, and the link-local address that its MAC address makes.
    #[must_use]
    pub fn locked(mac: MacAddress, addresses: impl IntoIterator<Item = IpNet>) -> Self {
        let mut policy = Self {
            mode: Mode::Locked,
            protocols: Protocols::ip(),
            vlans: Vlans::Only(Vec::new()),
            ..Self::mac_only(mac)
        };
        policy.set_addresses(addresses);
        policy
    }

    /// For a guest that may be anybody, but no DHCP server and no router.
    #[must_use]
    pub fn open(mac: MacAddress) -> Self {
        Self { mode: Mode::Open, ..Self::mac_only(mac) }
    }

    /// Sets the addresses and networks.
    pub fn set_addresses(&mut self, addresses: impl IntoIterator<Item = IpNet>) {
        self.ipv4.clear();
        self.ipv6.clear();
        for network in addresses {
            match network {
                IpNet::V4(network) => self.ipv4.push(network.trunc()),
                IpNet::V6(network) => self.ipv6.push(network.trunc()),
            }
        }
        // The kernel takes no overlapping intervals, and neighbours that join are one comparison less.
        self.ipv4 = Ipv4Net::aggregate(&self.ipv4);
        self.ipv6 = Ipv6Net::aggregate(&self.ipv6);
    }

    /// All MAC addresses that it may send from: its own first.
    #[must_use]
    pub fn macs(&self) -> Vec<MacAddress> {
        // RFC 5798, 7.3: one for each family.
        let virtual_routers = self.vrrp.iter().flat_map(|&id| {
            [MacAddress::new([0, 0, 0x5e, 0, 1, id]), MacAddress::new([0, 0, 0x5e, 0, 2, id])]
        });
        let mut macs: Vec<MacAddress> = Vec::with_capacity(1);
        for mac in std::iter::once(self.mac).chain(self.more_macs.iter().copied()).chain(virtual_routers) {
            if !macs.contains(&mac) {
                macs.push(mac);
            }
        }
        macs
    }

    /// The IPv6 addresses that it may send from when it is locked, the link-local ones among them.
    #[must_use]
    pub fn all_ipv6(&self) -> Vec<Ipv6Net> {
        let mut all = self.ipv6.clone();
        match self.link_local {
            LinkLocal::Eui64 => all.extend(self.macs().iter().map(|mac| Ipv6Net::from(mac.link_local()))),
            LinkLocal::Any => all.push(LINK_LOCAL),
            LinkLocal::Listed => {}
        }
        Ipv6Net::aggregate(&all)
    }

    /// True when the guest may send as this address.
    #[must_use]
    pub fn allows_source(&self, address: IpAddr) -> bool {
        match (self.mode, address) {
            (Mode::Locked, IpAddr::V4(address)) => self.ipv4.iter().any(|net| net.contains(&address)),
            (Mode::Locked, IpAddr::V6(address)) => self.all_ipv6().iter().any(|net| net.contains(&address)),
            _ => true,
        }
    }

    /// True when a bridge can hold the guest's MAC address by itself: it is known, and nobody else's.
    #[must_use]
    pub fn can_be_fenced(&self) -> bool {
        // A virtual router's address moves from one guest to another, and the bridge must learn where it is.
        matches!(self.mode, Mode::Locked | Mode::MacOnly) && self.vrrp.is_empty()
    }
}

/// With this many bytes of a name, what is in front of a line of the log has fewer than 127.
const LONGEST_NAME: usize = 64;

/// `fe80::/10`.
const LINK_LOCAL: Ipv6Net = match Ipv6Net::new(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10) {
    Ok(network) => network,
    Err(_) => panic!("ten is a length"),
};

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Locked, Self::MacOnly, Self::Open, Self::Disabled];

    /// The word for it in configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::MacOnly => "mac-only",
            Self::Open => "open",
            Self::Disabled => "disabled",
        }
    }
}

impl LinkLocal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eui64, Self::Any, Self::Listed];

    /// The word for it in configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Eui64 => "eui64",
            Self::Any => "any",
            Self::Listed => "listed",
        }
    }
}

/// A network as people write it: an address alone when it is one.
pub(super) struct Plain(pub(super) IpNet);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

/// In words: `only from 00:16:3e:27:95:c0, and only as 10.0.0.1 or fe80::216:3eff:fe27:95c0`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let macs = alternatives(self.macs());
        match self.mode {
            Mode::Locked => {
                let ipv6 = self.all_ipv6().into_iter().map(IpNet::V6);
                let networks = self.ipv4.iter().copied().map(IpNet::V4).chain(ipv6).map(Plain);
                write!(f, "only from {macs}, and only as {}", alternatives(networks))?;
            }
            Mode::MacOnly => write!(f, "only from {macs}, as any address{}", self.still_not())?,
            Mode::Open => write!(f, "from anybody, as any address{}", self.still_not())?,
            Mode::Disabled => return f.write_str("anything: the guard is disabled"),
        }
        self.permissions().iter().try_for_each(|permission| write!(f, "; {permission}"))
    }
}

impl Policy {
    /// What is held in spite of all.
    fn still_not(&self) -> &'static str {
        match (self.dhcp_server, self.router) {
            (false, false) => ", but neither as a DHCP server nor as a router",
            (false, true) => ", but not as a DHCP server",
            (true, false) => ", but not as a router",
            (true, true) => "",
        }
    }

    /// What it may do beyond what its mode says.
    fn permissions(&self) -> Vec<String> {
        let mut list = Vec::new();
        if self.mode == Mode::Locked && self.dhcp_server {
            list.push("it may be a DHCP server".to_owned());
        }
        if self.mode == Mode::Locked && self.router {
            list.push("it may be a router".to_owned());
        }
        if !self.vrrp.is_empty() {
            list.push(format!("it may be virtual router {}", alternatives(&self.vrrp)));
        }
        match &self.protocols {
            Protocols::Only(types) if self.protocols != Protocols::ip() => {
                let words = types.iter().map(|&ethertype| super::words::protocol_word(ethertype));
                list.push(format!("it may speak {} alone", alternatives(words)));
            }
            Protocols::All if self.mode == Mode::Locked => list.push("it may speak any protocol".to_owned()),
            _ => {}
        }
        match &self.vlans {
            Vlans::Only(ranges) if !ranges.is_empty() => {
                let words = ranges.iter().map(super::words::range_word);
                list.push(format!("it may tag for VLAN {}", alternatives(words)));
            }
            Vlans::All if self.mode == Mode::Locked => list.push("it may tag for any VLAN".to_owned()),
            _ => {}
        }
        if self.isolated {
            list.push("it is kept from other isolated guests".to_owned());
        }
        list
    }
}

/// `a, b or c`.
fn alternatives(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).unwrap()
    }

    fn locked(addresses: &[&str]) -> Policy {
        Policy::locked("00:16:3e:00:00:01".parse().unwrap(), addresses.iter().map(|text| net(text)))
    }

    #[test]
    fn an_address_with_a_prefix_length_stands_for_its_network() {
        let policy = locked(&["10.0.0.1/8"]);
        assert!(policy.allows_source("10.255.0.7".parse().unwrap()));
        assert!(!policy.allows_source("11.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_name_in_the_log_is_plain_and_short() {
        assert_eq!(Policy::log_name("web-1.example_a+b"), "web-1.example_a+b");
        assert_eq!(Policy::log_name("a\" drop; é\n"), "a??drop????");
        assert_eq!(Policy::log_name(&"x".repeat(300)).len(), 64);
    }

    #[test]
    fn which_link_local_addresses_a_guest_has_can_be_chosen() {
        let allowed = |link_local| {
            let policy = Policy { link_local, ..locked(&["10.0.0.1"]) };
            ["fe80::216:3eff:fe00:1", "fe80::1", "2001:db8::1"]
                .map(|address| policy.allows_source(address.parse().unwrap()))
        };
        assert_eq!(allowed(LinkLocal::Eui64), [true, false, false]);
        assert_eq!(allowed(LinkLocal::Any), [true, true, false]);
        assert_eq!(allowed(LinkLocal::Listed), [false, false, false]);
    }

    #[test]
    fn overlapping_networks_become_one() {
        assert_eq!(locked(&["10.0.0.0/24", "10.0.0.7", "10.0.0.0/25"]), locked(&["10.0.0.0/24"]));
    }

    #[test]
    fn a_virtual_router_has_its_mac_addresses_too() {
        let policy = Policy { vrrp: vec![7], ..locked(&["10.0.0.1"]) };
        let macs: Vec<String> = policy.macs().iter().map(ToString::to_string).collect();
        assert_eq!(macs, ["00:16:3e:00:00:01", "00:00:5e:00:01:07", "00:00:5e:00:02:07"]);
        assert!(!policy.can_be_fenced());
    }

    #[test]
    fn what_a_guest_may_do_beyond_the_ordinary_is_said() {
        let policy = Policy { router: true, vlans: Vlans::Only(vec![5..=5, 7..=9]), ..locked(&["10.0.0.1"]) };
        let text = policy.to_string();
        assert!(text.ends_with("; it may be a router; it may tag for VLAN 5 or 7-9"), "{text}");
    }
}
