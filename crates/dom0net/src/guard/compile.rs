//! The one place that turns a policy into packet filter rules.
//!
//! A guard is one chain at the ingress of its device, which begins with what most frames are: the guest's own IPv4, IPv6 and ARP,
//! each decided by few comparisons. Whether an IP packet is sound the [shared chains](super::sound) say; of most guests they also know
//! [what is kept](super::owned), and decide about what these say now and then. What nothing has accepted is marked with a reason, counted,
//! and dropped by the chain's policy: only *accepting* rules and jumps may decide what is right. A match on a field that the frame does not
//! have fails, so that a rule that would accept because something is *not* found always stands behind one that has found the header sound.
//!
//! A VLAN tag is taken off by the kernel before the rules see the frame: what is behind one tag is found in the same
//! places as without, and goes through the same rules, in a chain of its own. Behind a second tag nothing is found, and nothing passes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::nftables::{Element, Field, KeyKind, Match, Rule, Statement, Test, Verdict};

use super::frame::{
    ARP_SENDER_ADDRESS, IPV4_SOURCE, IPV6_SOURCE, ND_TARGET, NdOption, arp_is_sound, arp_sender,
    arp_sender_is_nobody, arp_sender_mac, comes_from, comes_from_as, dhcp_client_is, ethertype,
    goes_to_no_reserved_group, inner_type_is, ipv6_source_is_specified, is_a_length, is_none_of, is_of_vlan,
    nd_link_layer_option, octets, outer_type_is,
};
use super::marks;
use super::owned::Owned;
use super::policy::{LLC, Mode, Policy, Protocols, Vlans};
use super::rare::{self, Own};
use super::reason::Reason;
use super::sound::{Shared, Sound, say};

/// A chain and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
}

/// Up to this many addresses and networks, a comparison for each is cheaper than a look into a set.
const COMPARED_ADDRESSES: usize = 2;
/// How many dropped frames a second are told to the log, and how many at once.
const LOGGED: (u64, u32) = (5, 10);
/// What the name of the chain for tagged frames has behind that of the port and a dash.
const TAGGED: &str = "vlan";

/// Turns `policy` into chains whose names begin with `name`. The first is the base chain, which has just that name.
///
/// None at all: the guard is disabled.
pub(super) fn compile(policy: &Policy, name: &str) -> Vec<Chain> {
    if policy.mode == Mode::Disabled {
        return Vec::new();
    }
    let mut ipv6 = policy.all_ipv6();
    // Most packets come from others.
    ipv6.sort_by_key(|net| net.addr().is_unicast_link_local());
    let compiler = Compiler {
        policy,
        sound: Sound::of(policy),
        macs: policy.macs(),
        ipv4: policy.ipv4.iter().copied().map(IpNet::V4).collect(),
        ipv6: ipv6.into_iter().map(IpNet::V6).collect(),
        name,
    };
    let mut chains = vec![Chain { name: name.to_owned(), rules: compiler.rules(Layer::Outer) }];
    if policy.vlans != Vlans::Only(Vec::new()) {
        chains.push(Chain { name: compiler.tagged_chain(), rules: compiler.rules(Layer::BehindTag) });
    }
    chains
}

struct Compiler<'a> {
    policy: &'a Policy,
    sound: Sound,
    macs: Vec<MacAddress>,
    ipv4: Vec<IpNet>,
    ipv6: Vec<IpNet>,
    name: &'a str,
}

/// Where the type of a frame's content stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Behind the MAC addresses.
    Outer,
    /// Behind a VLAN tag. The tag's chain is reached only from the guest's own MAC address.
    BehindTag,
}

impl Compiler<'_> {
    fn rules(&self, layer: Layer) -> Vec<Rule> {
        let looks_into = |kind: [u8; 2]| self.policy.protocols.allow(u16::from_be_bytes(kind));
        let mut rules = Vec::new();
        // What is frequent comes first.
        if looks_into(ethertype::IPV4) {
            let sources = self.own_ipv4(IPV4_SOURCE).into_iter().map(|own| vec![own]).collect();
            rules.extend(self.own_packets(layer, ethertype::IPV4, sources, Shared::Ipv4));
        }
        if looks_into(ethertype::IPV6) {
            // Nobody's address is nobody's, in whatever network it is.
            let has_all_zeros = self.is_own(Ipv6Addr::UNSPECIFIED.into());
            let but = has_all_zeros.then(ipv6_source_is_specified);
            let sources = self.own_ipv6(IPV6_SOURCE).into_iter();
            let sources = sources.map(|own| [own].into_iter().chain(but.clone()).collect()).collect();
            rules.extend(self.own_packets(layer, ethertype::IPV6, sources, Shared::Ipv6));
        }
        if looks_into(ethertype::ARP) {
            rules.extend(self.arp(layer));
        }
        if layer == Layer::Outer && Owned::suffices(self.policy) {
            rules.push(self.sound.jump(self.own_mac(layer), Shared::Own));
            rules.extend(self.own_networks_as_targets());
        } else {
            rules.extend(self.rare(layer));
        }
        // Says why, counts, perhaps tells the log. That the frame is dropped is the chain's policy.
        rules.push(self.sound.jump([], Shared::Count));
        rules.extend(self.logged());
        rules
    }

    /// What a guest says now and then, and why its frames are dropped: `Sound::own`, for guests of which that does not know enough.
    fn rare(&self, layer: Layer) -> Vec<Rule> {
        let looks_into = |kind: [u8; 2]| self.policy.protocols.allow(u16::from_be_bytes(kind));
        let is_locked = self.policy.mode == Mode::Locked;
        let own = Compared { compiler: self, layer };
        let mut rules = Vec::new();
        if looks_into(ethertype::ARP) && is_locked {
            rules.push(rare::arp_probe(&own));
        }
        if looks_into(ethertype::IPV4) && is_locked && !self.is_own(Ipv4Addr::UNSPECIFIED.into()) {
            rules.push(rare::dhcp_from_nobody(&own));
        }
        if looks_into(ethertype::IPV4) && (is_locked || !self.policy.dhcp_server) {
            rules.push(rare::dhcp_request(&own, &self.sound));
        }
        if looks_into(ethertype::IPV6) && is_locked {
            rules.extend(rare::neighbour_discovery(&own, &self.sound));
            rules.extend(self.own_targets());
        }
        rules.extend(self.other_protocols(layer));
        if layer == Layer::Outer && Sound::explains(self.policy) {
            rules.push(self.sound.jump(self.own_mac(layer), Shared::Unmarked));
        } else {
            rules.extend(self.explained(layer));
        }
        rules
    }

    /// Packets of this type from one of these sources go through a shared chain, which accepts the sound ones.
    fn own_packets(&self, layer: Layer, kind: [u8; 2], sources: Vec<Vec<Match>>, chain: Shared) -> Vec<Rule> {
        let sources = if self.policy.mode == Mode::Locked { sources } else { vec![Vec::new()] };
        let jump = |source| self.sound.jump(self.is(layer, kind).into_iter().chain(source), chain);
        sources.into_iter().map(jump).collect()
    }

    fn arp(&self, layer: Layer) -> Vec<Rule> {
        let with =
            |conditions: Vec<Match>| accept(self.is(layer, ethertype::ARP).into_iter().chain(conditions));
        match self.policy.mode {
            Mode::Open | Mode::Disabled => vec![with(Vec::new())],
            Mode::MacOnly => vec![with(vec![arp_sender_mac(&self.macs)])],
            Mode::Locked => {
                let sound = |sender: Vec<Match>| with([vec![arp_is_sound()], sender].concat());
                self.arp_senders().into_iter().map(sound).collect()
            }
        }
    }

    /// What tells that the sender of an ARP message is the guest; one of them must hold.
    fn arp_senders(&self) -> Vec<Vec<Match>> {
        match self.macs[..] {
            [mac] if self.ipv4.len() <= COMPARED_ADDRESSES => {
                self.ipv4.iter().map(|network| vec![arp_sender(mac, *network)]).collect()
            }
            _ => {
                let mac = || arp_sender_mac(&self.macs);
                self.own_ipv4(ARP_SENDER_ADDRESS).into_iter().map(|address| vec![mac(), address]).collect()
            }
        }
    }

    /// Neighbour discovery for one of the guest's addresses.
    fn own_targets(&self) -> Vec<Rule> {
        let own = self.own_ipv6(ND_TARGET).into_iter();
        own.map(|is_own| rare::target(is_own, &self.sound)).collect()
    }

    /// The same where the guest has networks, which cannot be looked up.
    fn own_networks_as_targets(&self) -> Vec<Rule> {
        if Owned::of(self.policy).has_targets() { Vec::new() } else { self.own_targets() }
    }

    /// What is neither ARP nor IP, as far as it is allowed: frames with a tag, and other protocols.
    fn other_protocols(&self, layer: Layer) -> Vec<Rule> {
        let mut rules = if layer == Layer::Outer { self.tagged() } else { Vec::new() };
        // Spanning trees, discovery, pauses: what disturbs the wire itself.
        let harmless =
            |conditions: Vec<Match>| accept(conditions.into_iter().chain([goes_to_no_reserved_group()]));
        let of_any_type = |kind: Match| [self.own_mac(layer), vec![kind]].concat();
        match &self.policy.protocols {
            Protocols::All => {
                let known = LOOKED_INTO.into_iter().chain(TAGS);
                rules.push(harmless(of_any_type(is_none_of(layer.kind([0, 0]).field, known))));
            }
            Protocols::Only(kinds) => {
                let others = kinds.iter().copied().filter(|&kind| {
                    !LOOKED_INTO.contains(&kind.to_be_bytes()) && !self.is_tag(layer, kind.to_be_bytes())
                });
                rules.extend(others.map(|kind| {
                    harmless(match kind {
                        LLC => of_any_type(is_a_length(&layer.kind([0, 0]))),
                        kind => self.is(layer, kind.to_be_bytes()),
                    })
                }));
            }
        }
        rules
    }

    /// Frames with a tag for one of the guest's VLANs are looked into.
    fn tagged(&self) -> Vec<Rule> {
        let all = [1..=4094];
        let looked_into = TAGS.into_iter().filter_map(|kind| {
            let ranges = match &self.policy.vlans {
                Vlans::All => &all[..],
                Vlans::Only(ranges) if kind == ethertype::VLAN => ranges,
                Vlans::Only(_) => &[],
            };
            (!ranges.is_empty()).then(|| {
                let mut own = self.is(Layer::Outer, kind);
                own.push(is_of_vlan(ranges));
                goto(own, self.tagged_chain())
            })
        });
        looked_into.collect()
    }

    /// Whether this type stands for a tag that is looked at, and not for one of the protocols that are allowed.
    fn is_tag(&self, layer: Layer, kind: [u8; 2]) -> bool {
        // Nothing can be seen behind a second tag.
        TAGS.contains(&kind) && (layer == Layer::BehindTag || self.looks_at_tags(kind))
    }

    fn looks_at_tags(&self, kind: [u8; 2]) -> bool {
        match (&self.policy.vlans, &self.policy.protocols) {
            (Vlans::All, _) | (_, Protocols::All) => true,
            (Vlans::Only(ranges), _) => kind == ethertype::VLAN && !ranges.is_empty(),
        }
    }

    fn explained(&self, layer: Layer) -> Vec<Rule> {
        let mut rules =
            vec![say(Reason::Ethertype, self.own_mac(layer).into_iter().chain([marks::is_none()]))];
        let of_locked = [(ethertype::IPV4, Reason::Ipv4Source), (ethertype::IPV6, Reason::Ipv6Source)];
        let of_locked = of_locked.into_iter().filter(|_| self.policy.mode == Mode::Locked);
        let addresses = of_locked
            .chain([(ethertype::ARP, Reason::Arp)])
            .filter(|(kind, _)| self.policy.protocols.allow(u16::from_be_bytes(*kind)));
        let tags = TAGS.into_iter().filter(|kind| layer == Layer::Outer && self.looks_at_tags(*kind));
        let kinds = addresses.chain(tags.map(|kind| (kind, Reason::Vlan)));
        rules.extend(kinds.map(|(kind, reason)| {
            let mut conditions = self.is(layer, kind);
            conditions.push(marks::is(marks::of(Reason::Ethertype)));
            say(reason, conditions)
        }));
        rules
    }

    fn logged(&self) -> Option<Rule> {
        let of = self.policy.logged_as.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let prefix = format!("dom0net dropped {}{of}: ", self.name);
        let statements =
            vec![Statement::Limit { per_second: LOGGED.0, burst: LOGGED.1 }, Statement::Log(prefix.into())];
        self.policy.log.then(|| Rule { statements, ..Rule::default() })
    }

    /// The frame comes from the guest's own MAC address, and is of this type.
    fn is(&self, layer: Layer, kind: [u8; 2]) -> Vec<Match> {
        match (layer, self.policy.mode) {
            (Layer::Outer, mode) if mode != Mode::Open => vec![comes_from_as(&self.macs, kind)],
            _ => vec![layer.kind(kind)],
        }
    }

    /// The frame comes from the guest's own MAC address.
    fn own_mac(&self, layer: Layer) -> Vec<Match> {
        match (layer, self.policy.mode) {
            (Layer::Outer, mode) if mode != Mode::Open => vec![comes_from(&self.macs)],
            _ => Vec::new(),
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.ipv4.iter().chain(&self.ipv6).any(|network| network.contains(&address))
    }

    fn own_ipv4(&self, field: Field) -> Vec<Match> {
        address_tests(field, &self.ipv4)
    }

    fn own_ipv6(&self, field: Field) -> Vec<Match> {
        address_tests(field, &self.ipv6)
    }

    fn tagged_chain(&self) -> String {
        format!("{}-{TAGGED}", self.name)
    }
}

/// Each field is compared with what the policy says is the guest's own.
struct Compared<'a> {
    compiler: &'a Compiler<'a>,
    layer: Layer,
}

impl Own for Compared<'_> {
    fn frame(&self, kind: [u8; 2]) -> Vec<Match> {
        self.compiler.is(self.layer, kind)
    }

    fn arp_sender_without_address(&self) -> Vec<Match> {
        let nobody = IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        match self.compiler.macs[..] {
            [mac] => vec![arp_sender(mac, nobody)],
            _ => vec![arp_sender_mac(&self.compiler.macs), arp_sender_is_nobody()],
        }
    }

    fn dhcp_client(&self) -> Vec<Match> {
        let is_held = self.compiler.policy.mode != Mode::Open;
        is_held.then(|| dhcp_client_is(&self.compiler.macs)).into_iter().collect()
    }

    fn link_layer_option(&self, option: NdOption, kind: u8) -> Vec<Match> {
        vec![nd_link_layer_option(option, kind, &self.compiler.macs)]
    }
}

impl Layer {
    /// The content is of this type.
    fn kind(self, kind: [u8; 2]) -> Match {
        match self {
            Self::Outer => outer_type_is(kind),
            Self::BehindTag => inner_type_is(kind),
        }
    }
}

/// The ethertypes whose frames are looked into.
const LOOKED_INTO: [[u8; 2]; 3] = [ethertype::IPV4, ethertype::IPV6, ethertype::ARP];
/// Those of tags.
const TAGS: [[u8; 2]; 2] = [ethertype::VLAN, ethertype::PROVIDER_VLAN];

/// The tests whether a field holds an address of one of these networks; it does if one of them holds.
fn address_tests(field: Field, networks: &[IpNet]) -> Vec<Match> {
    let single = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
    if networks.len() <= COMPARED_ADDRESSES {
        let test = |network: &IpNet| Match {
            field,
            mask: (!single(network)).then(|| octets(network.netmask())),
            test: Test::Is(octets(network.network())),
        };
        return networks.iter().map(test).collect();
    }
    let elements = if networks.iter().all(single) {
        networks.iter().map(|network| Element::one(octets(network.addr()))).collect()
    } else {
        networks.iter().map(|network| Element::addresses(network.network(), network.broadcast())).collect()
    };
    let length = networks.first().map_or(0, |network| u32::from(network.max_prefix_len()) / 8);
    vec![Match { field, mask: None, test: Test::OneOf(KeyKind::Number(length), elements) }]
}

pub(super) fn goto(matches: Vec<Match>, chain: String) -> Rule {
    Rule { matches, statements: vec![Statement::Verdict(Verdict::Goto(chain.into()))], comment: None }
}

pub(super) fn accept(conditions: impl IntoIterator<Item = Match>) -> Rule {
    Rule {
        matches: conditions.into_iter().collect(),
        statements: vec![Statement::Verdict(Verdict::Accept)],
        comment: None,
    }
}
