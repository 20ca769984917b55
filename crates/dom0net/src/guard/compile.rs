//! The one place that turns a policy into packet filter rules.
//!
//! The shape is a tree of decisions. A frame reaches only the chain of its own ethertype; a chain accepts what it knows
//! to be right and drops all else, counting why. A match on a field that the frame does not have fails, so that
//! only *accepting* rules and `goto`s may decide what is right: a rule that would accept because something is
//! *not* found always stands behind one that has found the header sound.
//!
//! A VLAN tag is taken off by the kernel before the rules see the frame: what is behind one tag is found in the same
//! places as without, and goes through the same chains. Behind a second tag nothing is found, and nothing passes.

use std::net::IpAddr;

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::nftables::{Element, Field, KeyKind, Match, Rule, Statement, Test, Verdict};

use super::frame::{
    ARP_SENDER_ADDRESS, IPV4_SOURCE, IPV6_SOURCE, ND_TARGET, arp_is_request, arp_is_sound, arp_sender_mac,
    comes_from, comes_from_as, destination_port, dhcp_client_is, dhcp_is_request, ethertype,
    goes_to_reserved_group, has_transport_header, inner_type_is, ipv6_source_is_unspecified, is_a_length,
    is_mld_form, is_of_vlan, is_plain_nd, is_whole_ipv4_packet, message_type, nd_link_layer_option,
    nd_nonce_option, outer_type_is, protocol, source_port, transport_is, transport_is_not,
};
use super::policy::{LLC, Mode, Policy, Protocols, Vlans};
use super::reason::Reason;
use super::sound::Sound;

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

/// Turns `policy` into chains whose names begin with `name`. The first is the base chain, which has just that name.
///
/// None at all: the guard is disabled.
pub(super) fn compile(policy: &Policy, name: &str) -> Vec<Chain> {
    let mut compiler = Compiler {
        policy,
        macs: policy.macs(),
        ipv4: policy.ipv4.iter().copied().map(IpNet::V4).collect(),
        ipv6: policy.all_ipv6().into_iter().map(IpNet::V6).collect(),
        name,
        chains: Vec::new(),
    };
    match policy.mode {
        Mode::Disabled => return Vec::new(),
        Mode::Locked => compiler.locked(),
        Mode::MacOnly | Mode::Open => compiler.any_address(),
    }
    compiler.chains
}

struct Compiler<'a> {
    policy: &'a Policy,
    macs: Vec<MacAddress>,
    ipv4: Vec<IpNet>,
    ipv6: Vec<IpNet>,
    name: &'a str,
    chains: Vec<Chain>,
}

impl Compiler<'_> {
    fn locked(&mut self) {
        self.base(["ip4", "ip6", "arp"]);
        self.chain("ip4", |it| {
            let mut rules: Vec<Rule> = it.own_ipv4(IPV4_SOURCE).map(|own| it.on([own], "ip4-own")).collect();
            rules.push(accept(it.dhcp_request([Match::is(IPV4_SOURCE, [0; 4])])));
            rules.push(it.drop_as(Reason::Ipv4Source, []));
            rules
        });
        self.chain("arp", |it| {
            let from_self = |operation: Match| vec![operation, arp_sender_mac(&it.macs)];
            let mut rules: Vec<Rule> = it
                .own_ipv4(ARP_SENDER_ADDRESS)
                .map(|own| accept(from_self(arp_is_sound()).into_iter().chain([own])))
                .collect();
            // A probe (RFC 5227): is this address free?
            let probe = Match::is(ARP_SENDER_ADDRESS, [0; 4]);
            rules.push(accept(from_self(arp_is_request()).into_iter().chain([probe])));
            rules.push(it.drop_as(Reason::Arp, []));
            rules
        });
        self.chain("ip6", |it| {
            let mut rules: Vec<Rule> = it.own_ipv6(IPV6_SOURCE).map(|own| it.on([own], "ip6-own")).collect();
            rules.push(it.on([ipv6_source_is_unspecified()], "ip6-none"));
            rules.push(it.drop_as(Reason::Ipv6Source, []));
            rules
        });
        self.chain("ip4-own", Self::own_ipv4_packet);
        self.chain("ip6-own", Self::own_ipv6_packet);
        self.chain("ip6-none", Self::unspecified_ipv6);
        self.chain("nd-target", |it| {
            let mut rules: Vec<Rule> = it.own_ipv6(ND_TARGET).map(|own| accept([own])).collect();
            rules.push(it.drop_as(Reason::Neighbour, []));
            rules
        });
        self.log_chain();
    }

    fn any_address(&mut self) {
        self.base(["ip4-own", "ip6-own", "arp"]);
        self.chain("arp", |it| {
            if it.policy.mode == Mode::Open {
                return vec![accept([])];
            }
            vec![accept([arp_sender_mac(&it.macs)]), it.drop_as(Reason::Arp, [])]
        });
        self.chain("ip4-own", Self::own_ipv4_packet);
        self.chain("ip6-own", Self::own_ipv6_packet);
        self.log_chain();
    }

    /// The base chain and that for tagged frames: who sends, and what kind of frame it is. `chains`: those for IPv4,
    /// IPv6 and ARP.
    fn base(&mut self, chains: [&str; 3]) {
        let types = [ethertype::IPV4, ethertype::IPV6, ethertype::ARP];
        let looked_into: Vec<([u8; 2], &str)> = types
            .into_iter()
            .zip(chains)
            .filter(|(kind, _)| self.policy.protocols.allow(u16::from_be_bytes(*kind)))
            .collect();
        self.chain("", |it| {
            let mut rules: Vec<Rule> =
                looked_into.iter().map(|(kind, chain)| it.on(it.own_of_type(*kind), chain)).collect();
            rules.extend(it.tagged());
            rules.extend(it.other_protocols(outer_type_is));
            if it.policy.mode != Mode::Open {
                rules.push(it.drop_as(Reason::Mac, []));
            }
            rules
        });
        if self.policy.vlans != Vlans::Only(Vec::new()) {
            self.chain("vlan", |it| {
                let mut rules: Vec<Rule> =
                    looked_into.iter().map(|(kind, chain)| it.on([inner_type_is(*kind)], chain)).collect();
                // Nothing can be seen behind a second tag.
                rules.extend(
                    [ethertype::VLAN, ethertype::PROVIDER_VLAN]
                        .map(|kind| it.drop_as(Reason::Ethertype, [inner_type_is(kind)])),
                );
                rules.extend(it.other_protocols(inner_type_is));
                rules
            });
        }
    }

    /// Frames with a tag: those for the guest's VLANs are looked into.
    fn tagged(&self) -> Vec<Rule> {
        let is_any_protocol = self.policy.protocols == Protocols::All;
        let mut rules = Vec::new();
        for kind in [ethertype::VLAN, ethertype::PROVIDER_VLAN] {
            let all = [1..=4094];
            let ranges = match &self.policy.vlans {
                Vlans::All => &all[..],
                Vlans::Only(ranges) if kind == ethertype::VLAN => ranges,
                Vlans::Only(_) => &[],
            };
            if !ranges.is_empty() {
                let mut own = self.own_of_type(kind);
                own.push(is_of_vlan(ranges));
                rules.push(self.on(own, "vlan"));
            }
            if !ranges.is_empty() || is_any_protocol {
                rules.push(self.drop_as(Reason::Vlan, self.own_of_type(kind)));
            }
        }
        rules
    }

    /// What is neither ARP nor IP, as far as it is allowed; the rest of what comes from the guest's own MAC address drops.
    /// `is`: where the type is looked for.
    fn other_protocols(&self, is: fn([u8; 2]) -> Match) -> Vec<Rule> {
        let from_own = || match self.policy.mode {
            Mode::Open => Vec::new(),
            _ => vec![comes_from(&self.macs)],
        };
        let own = |more: Match| from_own().into_iter().chain([more]);
        // Spanning trees, discovery, pauses: what disturbs the wire itself.
        let reserved = || self.drop_as(Reason::Ethertype, own(goes_to_reserved_group()));
        let types = match &self.policy.protocols {
            Protocols::All => return vec![reserved(), accept(from_own())],
            Protocols::Only(types) => types,
        };
        let mut rules: Vec<Rule> = types
            .iter()
            .filter(|kind| !LOOKED_INTO.contains(kind))
            .map(|&kind| match kind {
                LLC => accept(own(is_a_length(&is([0, 0])))),
                kind => accept(own(is(kind.to_be_bytes()))),
            })
            .collect();
        if !rules.is_empty() {
            rules.insert(0, reserved());
        }
        rules.push(self.drop_as(Reason::Ethertype, from_own()));
        rules
    }

    /// The frame comes from the guest's own MAC address, and is of this type.
    fn own_of_type(&self, kind: [u8; 2]) -> Vec<Match> {
        match self.policy.mode {
            Mode::Open => vec![outer_type_is(kind)],
            _ => vec![comes_from_as(&self.macs, kind)],
        }
    }

    /// IPv4 whose source is right.
    fn own_ipv4_packet(&self) -> Vec<Rule> {
        let mut rules = vec![self.if_sound("ip4")];
        if !self.policy.dhcp_server {
            rules.extend([
                accept(self.dhcp_request([])),
                self.drop_as(Reason::Dhcp, [transport_is(protocol::UDP)]),
            ]);
        }
        if self.is_watched_for_routers() {
            rules.push(self.drop_as(Reason::Router, [transport_is_not(protocol::UDP)]));
        }
        rules.push(self.drop_as(Reason::Malformed, []));
        rules
    }

    /// IPv6 whose source is right.
    fn own_ipv6_packet(&self) -> Vec<Rule> {
        let is_locked = self.policy.mode == Mode::Locked;
        let mut rules = vec![self.if_sound("ip6")];
        if is_locked {
            rules.extend(self.own_neighbour_discovery());
        }
        rules.push(self.drop_as(Reason::Malformed, [Sound::came_back_malformed()]));
        if self.is_watched_for_routers() {
            rules.push(self.drop_as(Reason::Router, [Sound::came_back_from_router()]));
        }
        if !self.policy.dhcp_server {
            rules.push(self.drop_as(Reason::Dhcp, [transport_is(protocol::UDP), has_transport_header()]));
        }
        if is_locked {
            rules.push(
                self.drop_as(Reason::Neighbour, [transport_is(protocol::ICMPV6), has_transport_header()]),
            );
        }
        rules.push(self.drop_as(Reason::Malformed, []));
        rules
    }

    /// Whether something that only a router says is dropped.
    fn is_watched_for_routers(&self) -> bool {
        !self.policy.router || self.policy.vrrp.is_empty()
    }

    /// Accepts what the shared chain for this family finds sound.
    fn if_sound(&self, family: &str) -> Rule {
        let jump = Statement::Verdict(Verdict::Jump(Sound::of(self.policy).chain(family).into()));
        Rule { matches: Vec::new(), statements: vec![jump], comment: None }
    }

    /// What a DHCP client says, for itself. No fragments: a later one could overwrite whom it speaks for.
    fn dhcp_request(&self, source: impl IntoIterator<Item = Match>) -> Vec<Match> {
        let mut matches: Vec<Match> = source.into_iter().collect();
        matches.extend([
            transport_is(protocol::UDP),
            source_port(68),
            destination_port(67),
            is_whole_ipv4_packet(),
            dhcp_is_request(),
        ]);
        if self.policy.mode != Mode::Open {
            matches.push(dhcp_client_is(&self.macs));
        }
        matches
    }

    /// IPv6 from `::`: asking whether an address is free, and joining groups.
    fn unspecified_ipv6(&self) -> Vec<Rule> {
        vec![
            self.on([is_plain_nd(24), message_type(135, 135)], "nd-target"),
            self.on([is_plain_nd(32), message_type(135, 135), nd_nonce_option(24)], "nd-target"),
            accept(joining_groups(131, 132)),
            accept(joining_groups(143, 143)),
            self.drop_as(Reason::Ipv6Source, []),
        ]
    }

    /// Neighbour discovery that names the guest's own MAC address, or one of its addresses.
    fn own_neighbour_discovery(&self) -> [Rule; 4] {
        let option = |offset, kind| nd_link_layer_option(offset, kind, &self.macs);
        let with = |length, kind, option: Vec<Match>| {
            [is_plain_nd(length), message_type(kind, kind)].into_iter().chain(option).collect::<Vec<_>>()
        };
        [
            accept(with(32, 135, option(24, 1))),
            accept(with(16, 133, option(8, 1))),
            self.on(with(32, 136, option(24, 2)), "nd-target"),
            self.on(with(24, 136, Vec::new()), "nd-target"),
        ]
    }

    fn log_chain(&mut self) {
        if self.policy.log {
            self.chain("log", |it| {
                let of = it.policy.logged_as.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
                let prefix = format!("dom0net dropped {}{of}: ", it.name);
                let tell = vec![
                    Statement::Limit { per_second: LOGGED.0, burst: LOGGED.1 },
                    Statement::Log(prefix.into()),
                ];
                let drop = vec![Statement::Verdict(Verdict::Drop)];
                [tell, drop].map(|statements| Rule { statements, ..Rule::default() }).to_vec()
            });
        }
    }

    fn own_ipv4(&self, field: Field) -> impl Iterator<Item = Match> + use<> {
        address_tests(KeyKind::Ipv4, field, &self.ipv4).into_iter()
    }

    fn own_ipv6(&self, field: Field) -> impl Iterator<Item = Match> + use<> {
        address_tests(KeyKind::Ipv6, field, &self.ipv6).into_iter()
    }

    fn chain(&mut self, suffix: &str, rules: impl FnOnce(&Self) -> Vec<Rule>) {
        let rules = rules(self);
        self.chains.push(Chain { name: self.named(suffix), rules });
    }

    fn named(&self, suffix: &str) -> String {
        if suffix.is_empty() { self.name.to_owned() } else { format!("{}-{suffix}", self.name) }
    }

    /// If all of this holds, the chain with this suffix decides.
    fn on(&self, conditions: impl IntoIterator<Item = Match>, suffix: &str) -> Rule {
        let goto = Statement::Verdict(Verdict::Goto(self.named(suffix).into()));
        Rule { matches: conditions.into_iter().collect(), statements: vec![goto], comment: None }
    }

    fn drop_as(&self, reason: Reason, conditions: impl IntoIterator<Item = Match>) -> Rule {
        let verdict = if self.policy.log { Verdict::Goto(self.named("log").into()) } else { Verdict::Drop };
        Rule {
            matches: conditions.into_iter().collect(),
            statements: vec![Statement::Count, Statement::Verdict(verdict)],
            comment: Some(reason.word().into()),
        }
    }
}

/// The ethertypes whose frames are looked into.
const LOOKED_INTO: [u16; 3] = [0x0800, 0x0806, 0x86dd];

/// The tests whether a field holds an address of one of these networks; it does if one of them holds.
fn address_tests(keys: KeyKind, field: Field, networks: &[IpNet]) -> Vec<Match> {
    let single = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
    if networks.len() <= COMPARED_ADDRESSES {
        let test = |network: &IpNet| Match {
            field,
            mask: (!single(network)).then(|| octets_of(network.netmask())),
            test: Test::Is(octets_of(network.network())),
        };
        return networks.iter().map(test).collect();
    }
    let elements = if networks.iter().all(single) {
        networks.iter().map(|network| Element::one(octets_of(network.addr()))).collect()
    } else {
        networks.iter().map(|network| Element::addresses(network.network(), network.broadcast())).collect()
    };
    vec![Match { field, mask: None, test: Test::OneOf(keys, elements) }]
}

fn octets_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A report of multicast listener discovery, of these types.
fn joining_groups(from: u8, to: u8) -> [Match; 3] {
    [is_mld_form(), transport_is(protocol::ICMPV6), message_type(from, to)]
}

pub(super) fn accept(conditions: impl IntoIterator<Item = Match>) -> Rule {
    Rule {
        matches: conditions.into_iter().collect(),
        statements: vec![Statement::Verdict(Verdict::Accept)],
        comment: None,
    }
}
