//! The one place that turns a policy into packet filter rules.
//!
//! The shape is a tree of decisions. A frame reaches only the chain of its own ethertype; a chain accepts what it knows
//! to be right and drops all else, counting why. A match on a field that the frame does not have fails, so that
//! only *accepting* rules and `goto`s may decide what is right: a rule that would accept because something is
//! *not* found always stands behind one that has found the header sound.

use ethernet::MacAddress;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netkernel::nftables::{Element, Field, KeyKind, Match, Rule, Statement, Test, Verdict};

use super::frame::{
    ARP_SENDER_ADDRESS, FRAGMENT_HEADER, IPV4_SOURCE, IPV6_SOURCE, ND_TARGET, arp_is_request, arp_is_sound,
    arp_sender_mac, comes_from, comes_from_as, destination_port, destination_port_is_outside, dhcp_client_is,
    ethertype, fragments_extension_headers, goes_to_reserved_group, ipv6_source_is_unspecified,
    is_later_ipv4_fragment, is_later_ipv6_fragment, is_mld_form, is_plain_nd, is_whole_ipv4_packet,
    message_type, names_no_vlan, nd_link_layer_option, nd_nonce_option, next_header_is, protocol,
    source_port, source_port_is_not, transport_is, transport_is_not,
};
use super::policy::{Policy, Reason, Sources};

/// A chain and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
}

/// Which chains a guard has: what must be known to take it away, when its policy is not known any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The comment of its [`MARKED`] chain. Another set of chains must have another one.
    pub(super) comment: &'static str,
    /// What their names have behind that of the port, in order.
    pub(super) suffixes: &'static [&'static str],
}

/// The chain that bears the layout's comment: one that each layout has, and that old kernels leave when the device goes.
pub(super) const MARKED: &str = "-arp";

/// The layout for guests with `ip=`.
pub(super) const LOCKED: Layout = Layout {
    comment: "locked 1",
    suffixes: &[
        "",
        "-ip4",
        "-arp",
        "-ip6",
        "-ip4-own",
        "-ip6-own",
        "-ip6-part",
        "-ip6-none",
        "-nd",
        "-nd-target",
    ],
};

/// The layout for guests without.
pub(super) const MAC_ONLY: Layout =
    Layout { comment: "mac-only 1", suffixes: &["", "-arp", "-ip4-own", "-ip6-own", "-ip6-part"] };

impl Layout {
    /// The layout of a policy's guard.
    pub(super) fn of(policy: &Policy) -> &'static Self {
        match policy.sources {
            Sources::Any => &MAC_ONLY,
            Sources::Only { .. } => &LOCKED,
        }
    }

    /// The layout with this comment; none if another version of the program made it.
    pub(super) fn named(comment: &str) -> Option<&'static Self> {
        [&LOCKED, &MAC_ONLY].into_iter().find(|layout| layout.comment == comment)
    }
}

/// Up to this many addresses, a comparison for each is cheaper than a look into a set.
const COMPARED_ADDRESSES: usize = 2;

/// Turns `policy` into chains whose names begin with `name`. The first is the base chain, which has just that name;
/// each of the others is reached only from chains before it.
pub(super) fn compile(policy: &Policy, name: &str) -> Vec<Chain> {
    let mut compiler = Compiler { mac: policy.mac, name, chains: Vec::new() };
    match &policy.sources {
        Sources::Any => compiler.mac_only(),
        Sources::Only { ipv4, ipv6 } => compiler.locked(ipv4, ipv6),
    }
    compiler.chains
}

struct Compiler<'a> {
    mac: MacAddress,
    name: &'a str,
    chains: Vec<Chain>,
}

impl Compiler<'_> {
    fn locked(&mut self, ipv4: &[Ipv4Net], ipv6: &[Ipv6Net]) {
        let ipv4: Vec<IpNet> = ipv4.iter().copied().map(IpNet::V4).collect();
        let ipv6: Vec<IpNet> = ipv6.iter().copied().map(IpNet::V6).collect();
        let own_ipv4 = |field| address_tests(KeyKind::Ipv4, field, &ipv4).into_iter();
        let own_ipv6 = |field| address_tests(KeyKind::Ipv6, field, &ipv6).into_iter();

        self.chain(
            "",
            vec![
                self.on(comes_from_as(self.mac, ethertype::IPV4), "ip4"),
                self.on(comes_from_as(self.mac, ethertype::IPV6), "ip6"),
                self.on(comes_from_as(self.mac, ethertype::ARP), "arp"),
                drop_as(Reason::Ethertype, [comes_from(self.mac)]),
                drop_as(Reason::Mac, []),
            ],
        );
        self.chain_of("ip4", |it| {
            let mut rules: Vec<Rule> = own_ipv4(IPV4_SOURCE).map(|own| it.on(own, "ip4-own")).collect();
            rules.push(accept(it.dhcp_request([Match::is(IPV4_SOURCE, [0; 4])])));
            rules.push(drop_as(Reason::Ipv4Source, []));
            rules
        });
        self.chain_of("arp", |it| {
            let from_self = |operation: Match| vec![operation, arp_sender_mac(it.mac)];
            let mut rules: Vec<Rule> = own_ipv4(ARP_SENDER_ADDRESS)
                .map(|own| accept(from_self(arp_is_sound()).into_iter().chain([own])))
                .collect();
            // A probe (RFC 5227): is this address free?
            let probe = Match::is(ARP_SENDER_ADDRESS, [0; 4]);
            rules.push(accept(from_self(arp_is_request()).into_iter().chain([probe])));
            rules.push(drop_as(Reason::Arp, []));
            rules
        });
        self.chain_of("ip6", |it| {
            let mut rules: Vec<Rule> = own_ipv6(IPV6_SOURCE).map(|own| it.on(own, "ip6-own")).collect();
            rules.push(it.on(ipv6_source_is_unspecified(), "ip6-none"));
            rules.push(drop_as(Reason::Ipv6Source, []));
            rules
        });
        self.chain_of("ip4-own", Self::own_ipv4);
        self.chain_of("ip6-own", Self::own_ipv6);
        self.chain_of("ip6-part", |_| fragments());
        self.chain_of("ip6-none", Self::unspecified_ipv6);
        self.chain_of("nd", Self::own_icmpv6);
        self.chain_of("nd-target", |_| {
            let mut rules: Vec<Rule> = own_ipv6(ND_TARGET).map(|own| accept([own])).collect();
            rules.push(drop_as(Reason::Neighbour, []));
            rules
        });
    }

    fn mac_only(&mut self) {
        self.chain(
            "",
            vec![
                self.on(comes_from_as(self.mac, ethertype::IPV4), "ip4-own"),
                self.on(comes_from_as(self.mac, ethertype::IPV6), "ip6-own"),
                self.on(comes_from_as(self.mac, ethertype::ARP), "arp"),
                drop_as(Reason::Ethertype, [goes_to_reserved_group()]),
                // A tag without a VLAN would carry a router advertisement past the rules for IPv6.
                drop_as(Reason::Ethertype, [Match::is(Field::link(12, 2), ethertype::VLAN), names_no_vlan()]),
                drop_as(
                    Reason::Ethertype,
                    [Match::is(Field::link(12, 2), ethertype::PROVIDER_VLAN), names_no_vlan()],
                ),
                accept([comes_from(self.mac)]),
                drop_as(Reason::Mac, []),
            ],
        );
        self.chain_of("arp", |it| vec![accept([arp_sender_mac(it.mac)]), drop_as(Reason::Arp, [])]);
        self.chain_of("ip4-own", Self::own_ipv4);
        self.chain_of("ip6-own", |it| {
            let mut rules = it.sound_ipv6();
            rules.extend([
                drop_as(Reason::Router, [transport_is(protocol::ICMPV6), message_type(130, 130)]),
                drop_as(Reason::Router, [transport_is(protocol::ICMPV6), message_type(134, 134)]),
                drop_as(Reason::Router, [transport_is(protocol::ICMPV6), message_type(137, 137)]),
                accept([transport_is(protocol::ICMPV6), message_type(0, 255)]),
                accept([transport_is_not(protocol::ICMPV6)]),
                drop_as(Reason::Malformed, []),
            ]);
            rules
        });
        self.chain_of("ip6-part", |_| fragments());
    }

    /// IPv4 whose source is right.
    fn own_ipv4(&self) -> Vec<Rule> {
        let udp = || transport_is(protocol::UDP);
        let harmless_ports = [source_port_is_not(67), destination_port_is_outside(67, 68)];
        vec![
            accept([transport_is(protocol::TCP)]),
            accept([udp()].into_iter().chain(harmless_ports)),
            // Later fragments are worth nothing without the first, whose ports are seen.
            accept([udp(), is_later_ipv4_fragment()]),
            accept(self.dhcp_request([])),
            drop_as(Reason::Dhcp, [udp()]),
            drop_as(Reason::Router, [transport_is(protocol::ICMP), message_type(5, 5)]),
            drop_as(Reason::Router, [transport_is(protocol::ICMP), message_type(9, 9)]),
            drop_as(Reason::Router, [transport_is(protocol::IGMP), message_type(0x11, 0x11)]),
            accept([transport_is_not(protocol::UDP)]),
            drop_as(Reason::Malformed, []),
        ]
    }

    /// What a DHCP client says, for itself. No fragments: a later one could overwrite whom it speaks for.
    fn dhcp_request(&self, source: impl IntoIterator<Item = Match>) -> Vec<Match> {
        let mut matches: Vec<Match> = source.into_iter().collect();
        matches.extend([
            transport_is(protocol::UDP),
            source_port(68),
            destination_port(67),
            is_whole_ipv4_packet(),
        ]);
        matches.extend(dhcp_client_is(self.mac));
        matches
    }

    /// IPv6 whose source is right.
    fn own_ipv6(&self) -> Vec<Rule> {
        let mut rules = self.sound_ipv6();
        rules.extend([
            self.on(transport_is(protocol::ICMPV6), "nd"),
            accept([transport_is_not(protocol::ICMPV6)]),
            drop_as(Reason::Malformed, []),
        ]);
        rules
    }

    /// What holds for IPv6 of any source: fragments hide nothing, and no guest is a DHCPv6 server. Leaves open what is
    /// neither TCP nor UDP.
    fn sound_ipv6(&self) -> Vec<Rule> {
        let udp = || transport_is(protocol::UDP);
        vec![
            accept([transport_is(protocol::TCP)]),
            Rule {
                matches: vec![next_header_is(FRAGMENT_HEADER)],
                statements: vec![Statement::Verdict(Verdict::Jump(self.named("ip6-part").into()))],
                comment: None,
            },
            accept([udp(), source_port_is_not(547), destination_port_is_outside(546, 546)]),
            drop_as(Reason::Dhcp, [udp(), message_type(0, 255)]),
            // Its ports cannot be seen.
            drop_as(Reason::Malformed, [udp()]),
        ]
    }

    /// IPv6 from `::`: asking whether an address is free, and joining groups.
    fn unspecified_ipv6(&self) -> Vec<Rule> {
        vec![
            self.on_all([is_plain_nd(24), message_type(135, 135)], "nd-target"),
            self.on_all([is_plain_nd(32), message_type(135, 135), nd_nonce_option(24)], "nd-target"),
            accept(joining_groups(131, 132)),
            accept(joining_groups(143, 143)),
            drop_as(Reason::Ipv6Source, []),
        ]
    }

    /// ICMPv6 whose source is right.
    fn own_icmpv6(&self) -> Vec<Rule> {
        let source_option = |offset| nd_link_layer_option(offset, 1, self.mac);
        let target_option = |offset| nd_link_layer_option(offset, 2, self.mac);
        vec![
            // Errors and echo.
            accept([message_type(1, 4)]),
            accept([message_type(128, 129)]),
            accept([is_plain_nd(32), message_type(135, 135), source_option(24)]),
            accept([is_plain_nd(24), message_type(135, 135)]),
            self.on_all([is_plain_nd(32), message_type(136, 136), target_option(24)], "nd-target"),
            self.on_all([is_plain_nd(24), message_type(136, 136)], "nd-target"),
            accept([is_plain_nd(16), message_type(133, 133), source_option(8)]),
            accept([is_plain_nd(8), message_type(133, 133)]),
            accept(joining_groups(131, 132)),
            accept(joining_groups(143, 143)),
            drop_as(Reason::Router, [message_type(130, 130)]),
            drop_as(Reason::Router, [message_type(134, 134)]),
            drop_as(Reason::Router, [message_type(137, 137)]),
            drop_as(Reason::Neighbour, []),
        ]
    }

    fn chain_of(&mut self, suffix: &str, rules: impl FnOnce(&Self) -> Vec<Rule>) {
        let rules = rules(self);
        self.chain(suffix, rules);
    }

    fn chain(&mut self, suffix: &str, rules: Vec<Rule>) {
        self.chains.push(Chain { name: self.named(suffix), rules });
    }

    fn named(&self, suffix: &str) -> String {
        if suffix.is_empty() { self.name.to_owned() } else { format!("{}-{suffix}", self.name) }
    }

    /// If this holds, the chain with this suffix decides.
    fn on(&self, condition: Match, suffix: &str) -> Rule {
        self.on_all([condition], suffix)
    }

    fn on_all(&self, conditions: impl IntoIterator<Item = Match>, suffix: &str) -> Rule {
        let goto = Statement::Verdict(Verdict::Goto(self.named(suffix).into()));
        Rule { matches: conditions.into_iter().collect(), statements: vec![goto], comment: None }
    }
}

/// The tests whether a field holds an address of one of these networks; it does if one of them holds.
fn address_tests(keys: KeyKind, field: Field, networks: &[IpNet]) -> Vec<Match> {
    let single = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
    if networks.len() <= COMPARED_ADDRESSES && networks.iter().all(single) {
        return networks.iter().map(|network| Match::is(field, octets_of(network))).collect();
    }
    let elements = if networks.iter().all(single) {
        networks.iter().map(|network| Element::one(octets_of(network))).collect()
    } else {
        networks.iter().map(|network| Element::addresses(network.network(), network.broadcast())).collect()
    };
    vec![Match { field, mask: None, test: Test::OneOf(keys, elements) }]
}

fn octets_of(network: &IpNet) -> Vec<u8> {
    match network {
        IpNet::V4(network) => network.addr().octets().to_vec(),
        IpNet::V6(network) => network.addr().octets().to_vec(),
    }
}

/// Fragments of IPv6: the first one is looked at like a whole packet, later ones are worth nothing without it.
fn fragments() -> Vec<Rule> {
    vec![drop_as(Reason::Malformed, [fragments_extension_headers()]), accept([is_later_ipv6_fragment()])]
}

/// A report of multicast listener discovery, of these types.
fn joining_groups(from: u8, to: u8) -> [Match; 3] {
    [is_mld_form(), transport_is(protocol::ICMPV6), message_type(from, to)]
}

fn accept(conditions: impl IntoIterator<Item = Match>) -> Rule {
    Rule {
        matches: conditions.into_iter().collect(),
        statements: vec![Statement::Verdict(Verdict::Accept)],
        comment: None,
    }
}

fn drop_as(reason: Reason, conditions: impl IntoIterator<Item = Match>) -> Rule {
    Rule {
        matches: conditions.into_iter().collect(),
        statements: vec![Statement::Count, Statement::Verdict(Verdict::Drop)],
        comment: Some(reason.word().into()),
    }
}
