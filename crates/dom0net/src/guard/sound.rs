//! What does not depend on the vif: chains that all guards of a table share.
//!
//! They know nothing of a vif, only what it is permitted, so that there is one variant of them for each set of permissions. They are made with
//! the first guard that needs them and go with the last. A guard jumps to `ip4` or `ip6` with a packet whose source is right; they
//! *accept* what is sound, and *return* with all else, [marked](super::marks) by what is wrong with it. With the shared chains emptied by
//! somebody, no IP packet passes.

use netkernel::nftables::{Match, Rule, Statement, Verdict};

use super::compile::{Chain, accept, goto};
use super::frame::{
    ARP_SENDER, DHCP_CLIENT, FRAGMENT_HEADER, NdOption, arp_sender_is_nobody, destination_port,
    destination_port_is_outside, dhcp_is_not_relayed, dhcpv6_is_not_relayed, ethertype,
    fragments_extension_headers, has_fragment_header, has_transport_header, is_later_ipv4_fragment,
    is_later_ipv6_fragment, is_mld_form, is_plain_nd, message_type, nd_nonce_option, nd_option_is,
    next_header_is, next_header_is_not, outer_type_is, protocol, source_port_is_not, transport_is,
    transport_is_not,
};
use super::ledger;
use super::marks::{self, Form};
use super::owned::{is_own_mac, is_own_target};
use super::policy::{Mode, Policy, Protocols, Vlans};
use super::rare::{self, Own};
use super::reason::Reason;

/// What the names of the shared chains begin with.
pub(super) const PREFIX: &str = "sound-";

/// The form of the chains. Whenever a rule of them changes, this must have another number: a test says so.
const FORM: &str = "3";

/// A variant of the shared chains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each permission is one of its own")]
pub(super) struct Sound {
    is_locked: bool,
    router: bool,
    dhcp_server: bool,
    vrrp: bool,
}

/// The chains of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Frames from the guest's own MAC address that its own rules have not accepted, in a locked guard that
    /// [keeps what it owns](super::owned).
    Own,
    /// IPv4 packets whose source is right.
    Ipv4,
    /// IPv6 packets whose source is right.
    Ipv6,
    /// ICMPv6 of those, in a locked guard.
    Icmpv6,
    /// IPv6 packets from `::`, in a locked guard.
    Unspecified,
    /// Says why a frame is dropped that has no mark yet, of a vif with the usual protocols.
    Unmarked,
    /// Accepts a packet after all, without its mark.
    Pass,
    /// Counts what is about to be dropped. All guards jump here.
    Count,
}

impl Shared {
    const ALL: [Self; 8] = [
        Self::Own,
        Self::Ipv4,
        Self::Ipv6,
        Self::Icmpv6,
        Self::Unspecified,
        Self::Unmarked,
        Self::Pass,
        Self::Count,
    ];

    /// What the chain's name has behind that of the variant.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Ipv4 => "ip4",
            Self::Ipv6 => "ip6",
            Self::Icmpv6 => "nd",
            Self::Unspecified => "ip6-none",
            Self::Unmarked => "why",
            Self::Pass => "pass",
            Self::Count => "count",
        }
    }

    /// The chain's name in the variant with this word.
    pub(super) fn name(self, word: &str) -> String {
        format!("{PREFIX}{word}-{}", self.suffix())
    }

    const fn is_of_locked_only(self) -> bool {
        matches!(self, Self::Own | Self::Icmpv6 | Self::Unspecified)
    }
}

impl Sound {
    /// The variant for this policy.
    pub(super) fn of(policy: &Policy) -> Self {
        Self {
            is_locked: policy.mode == Mode::Locked,
            router: policy.router,
            dhcp_server: policy.dhcp_server,
            vrrp: !policy.vrrp.is_empty(),
        }
    }

    /// What the names of its chains have behind [`PREFIX`] and before a dash: `2lr`.
    pub(super) fn word(&self) -> String {
        let mut word = String::from(FORM);
        word.push(if self.is_locked { 'l' } else { 'a' });
        let permissions = [(self.router, 'r'), (self.dhcp_server, 'd'), (self.vrrp, 'v')];
        word.extend(permissions.into_iter().filter(|(has, _)| *has).map(|(_, letter)| letter));
        word
    }

    /// The name of one of its chains.
    pub(super) fn chain(&self, chain: Shared) -> String {
        chain.name(&self.word())
    }

    /// The chains.
    pub(super) fn compile(&self) -> Vec<Chain> {
        let word = self.word();
        let of_this = |chain: &Shared| self.is_locked || !chain.is_of_locked_only();
        let make = |chain: Shared| Chain { name: chain.name(&word), rules: self.rules(chain) };
        Shared::ALL.into_iter().filter(of_this).map(make).collect()
    }

    fn rules(&self, chain: Shared) -> Vec<Rule> {
        match chain {
            Shared::Own => self.own(),
            Shared::Ipv4 => self.ipv4(),
            Shared::Ipv6 => self.ipv6(),
            Shared::Icmpv6 => self.icmpv6(),
            Shared::Unspecified => from_nobody(),
            Shared::Unmarked => {
                let kinds = if self.is_locked { &LOCKED[..] } else { &ANY_ADDRESS[..] };
                let mut rules = vec![say(Reason::Ethertype, [marks::is_none()])];
                rules.extend(kinds.iter().map(|(kind, reason)| {
                    say(*reason, [marks::is(marks::of(Reason::Ethertype)), outer_type_is(*kind)])
                }));
                rules
            }
            Shared::Pass => {
                vec![Rule {
                    statements: vec![marks::set(0), Statement::Verdict(Verdict::Accept)],
                    ..Rule::default()
                }]
            }
            Shared::Count => counted().to_vec(),
        }
    }

    /// Whether the chain that says why a frame is dropped speaks for guards of this policy.
    pub(super) fn explains(policy: &Policy) -> bool {
        match policy.mode {
            Mode::Locked => policy.protocols == Protocols::ip() && policy.vlans == Vlans::Only(Vec::new()),
            _ => policy.protocols == Protocols::All && policy.vlans == Vlans::All,
        }
    }

    /// What a guest of a guard that keeps what it owns says now and then, and why its frames are dropped: `Compiler::rare` for the others.
    fn own(&self) -> Vec<Rule> {
        let mut rules = vec![
            rare::arp_probe(&LookedUp),
            rare::dhcp_from_nobody(&LookedUp),
            rare::dhcp_request(&LookedUp, self),
        ];
        rules.extend(rare::neighbour_discovery(&LookedUp, self));
        rules.extend([rare::target(is_own_target(), self), self.jump([], Shared::Unmarked)]);
        rules
    }

    /// Goes through a shared chain if all of this holds, and on.
    pub(super) fn jump(&self, conditions: impl IntoIterator<Item = Match>, chain: Shared) -> Rule {
        let jump = Statement::Verdict(Verdict::Jump(self.chain(chain).into()));
        Rule { matches: conditions.into_iter().collect(), statements: vec![jump], comment: None }
    }

    /// If all of this holds, the packet is right after all.
    pub(super) fn pass(&self, conditions: Vec<Match>) -> Rule {
        goto(conditions, self.chain(Shared::Pass))
    }

    fn ipv4(&self) -> Vec<Rule> {
        let udp = || transport_is(protocol::UDP);
        // Later fragments are worth nothing without the first, whose ports are seen. They come before any rule that goes
        // by what a transport header says: they have none, but kernels read there all the same.
        let later_fragment = accept([is_later_ipv4_fragment(), transport_is_not(protocol::VRRP)]);
        let mut rules = vec![accept([transport_is(protocol::TCP)])];
        if self.dhcp_server {
            rules.extend([accept([udp()]), later_fragment]);
        } else {
            let harmless_ports = [source_port_is_not(67), destination_port_is_outside(67, 68)];
            rules.extend([accept([udp()].into_iter().chain(harmless_ports)), later_fragment]);
        }
        if !self.router {
            rules.extend([
                back(Reason::Router, [transport_is(protocol::ICMP), message_type(5, 5)]),
                back(Reason::Router, [transport_is(protocol::ICMP), message_type(9, 9)]),
                back(Reason::Router, [transport_is(protocol::IGMP), message_type(0x11, 0x11)]),
                // Multicast routers: a bridge that looks into multicast would send its port all groups.
                back(Reason::Router, [transport_is(protocol::IGMP), message_type(0x30, 0x30)]),
                back(Reason::Router, [transport_is(protocol::PIM)]),
            ]);
        }
        if !self.vrrp {
            rules.push(back(Reason::Router, [transport_is(protocol::VRRP)]));
        }
        rules.push(accept([transport_is_not(protocol::UDP)]));
        if !self.dhcp_server {
            rules.push(back_with(marks::of_form(Form::DhcpRequest, Reason::Dhcp), [udp()]));
        }
        rules.push(say(Reason::Malformed, []));
        rules
    }

    /// Extension headers can say that the transport header is where the packet has ended. Some kernels call that sound; so
    /// a rule that goes by the protocol asks for the header too.
    fn ipv6(&self) -> Vec<Rule> {
        let udp = || transport_is(protocol::UDP);
        let is_fragment = || next_header_is(FRAGMENT_HEADER);
        let mut rules = vec![
            accept([next_header_is(protocol::TCP), transport_is(protocol::TCP)]),
            // The first fragment is looked at like a whole packet, later ones are worth nothing without it.
            back(Reason::Malformed, [is_fragment(), fragments_extension_headers()]),
            accept([is_fragment(), is_later_ipv6_fragment()]),
            // Nobody needs fragments behind other headers, and what is in them is not found reliably.
            back(
                Reason::Malformed,
                [
                    next_header_is_not(protocol::UDP),
                    next_header_is_not(FRAGMENT_HEADER),
                    has_fragment_header(),
                ],
            ),
        ];
        if self.dhcp_server {
            rules.push(accept([udp(), has_transport_header()]));
        } else {
            rules.extend([
                accept([udp(), source_port_is_not(547), destination_port_is_outside(546, 547)]),
                accept([udp(), source_port_is_not(547), destination_port(547), dhcpv6_is_not_relayed()]),
                back(Reason::Dhcp, [udp(), has_transport_header()]),
            ]);
        }
        if !self.vrrp {
            // In the other order, nft 1.0.6 ends in an assertion when it lists the rule.
            rules.push(back(Reason::Router, [has_transport_header(), transport_is(protocol::VRRP)]));
        }
        if !self.router {
            rules.push(back(Reason::Router, [has_transport_header(), transport_is(protocol::PIM)]));
        }
        let icmp = || transport_is(protocol::ICMPV6);
        if self.is_locked {
            let nd = Statement::Verdict(Verdict::Goto(self.chain(Shared::Icmpv6).into()));
            let matches = vec![icmp(), has_transport_header()];
            rules.push(Rule { matches, statements: vec![nd], comment: None });
        } else if !self.router {
            let kinds = ROUTERS.into_iter().chain([MULTICAST_ROUTER]);
            rules.extend(kinds.map(|kind| back(Reason::Router, [icmp(), message_type(kind, kind)])));
        }
        rules.push(accept([has_transport_header()]));
        rules.push(say(Reason::Malformed, []));
        rules
    }

    /// ICMPv6. Where it matters which addresses the guest has, the mark says so.
    fn icmpv6(&self) -> Vec<Rule> {
        let plain = |length, kind| [is_plain_nd(length), message_type(kind, kind)];
        let mut rules = vec![
            // Errors and echo.
            accept([message_type(1, 4)]),
            accept([message_type(128, 129)]),
            // Without an option that names a MAC address.
            accept(plain(24, 135)),
            accept(plain(8, 133)),
            accept([is_mld_form(), message_type(131, 132)]),
            accept([is_mld_form(), message_type(143, 143)]),
        ];
        rules.extend(ROUTERS.map(|kind| {
            let said = [message_type(kind, kind)];
            if self.router { accept(said) } else { back(Reason::Router, said) }
        }));
        let forms = [
            (Form::NeighbourSolicitation, plain(32, 135)),
            (Form::RouterSolicitation, plain(16, 133)),
            (Form::NeighbourAdvertisement, plain(32, 136)),
            (Form::Target, plain(24, 136)),
        ];
        let mark = |form| marks::of_form(form, Reason::Neighbour);
        rules.extend(forms.map(|(form, plain)| back_with(mark(form), plain)));
        rules.push(say(Reason::Neighbour, []));
        rules
    }
}

/// Each field is looked up, by the name of the device, in the sets of the table. That the frame comes from the guest's MAC address, its own
/// chain has found.
struct LookedUp;

impl Own for LookedUp {
    fn frame(&self, kind: [u8; 2]) -> Vec<Match> {
        vec![outer_type_is(kind)]
    }

    fn arp_sender_without_address(&self) -> Vec<Match> {
        vec![arp_sender_is_nobody(), is_own_mac(&ARP_SENDER)]
    }

    fn dhcp_client(&self) -> Vec<Match> {
        vec![dhcp_is_not_relayed(), is_own_mac(&DHCP_CLIENT)]
    }

    fn link_layer_option(&self, option: NdOption, kind: u8) -> Vec<Match> {
        vec![nd_option_is(option, kind), is_own_mac(option.owner())]
    }
}

/// What a frame is counted by. Whatever comes from the guest's own MAC address has a mark by now.
pub(super) fn counted() -> [Rule; 2] {
    [say(Reason::Mac, [marks::is_none()]), ledger::count()]
}

/// IPv6 from `::`: asking whether an address is free, and joining groups.
fn from_nobody() -> Vec<Rule> {
    let target = marks::of_form(Form::Target, Reason::Neighbour);
    let joining = |from, to| accept([is_mld_form(), transport_is(protocol::ICMPV6), message_type(from, to)]);
    vec![
        back_with(target, [is_plain_nd(24), message_type(135, 135)]),
        back_with(target, [is_plain_nd(32), message_type(135, 135), nd_nonce_option(24)]),
        joining(131, 132),
        joining(143, 143),
        say(Reason::Ipv6Source, []),
    ]
}

/// Whether chains of the variant with this word are those that this version of the program makes.
pub(super) fn is_of_this_form(word: &str) -> bool {
    word.strip_prefix(FORM).is_some_and(|rest| !rest.starts_with(|char: char| char.is_ascii_digit()))
}

/// The names of all chains of the variant with this word, which is [of this form](is_of_this_form).
pub(super) fn names(word: &str) -> Vec<String> {
    let is_locked = word.contains('l');
    let of_this = |chain: &Shared| is_locked || !chain.is_of_locked_only();
    Shared::ALL.into_iter().filter(of_this).map(|chain| chain.name(word)).collect()
}

/// Why a frame of a known type is dropped that nothing has accepted or marked: in a locked guard, and in one that holds no
/// addresses.
const LOCKED: [([u8; 2], Reason); 3] = [
    (ethertype::IPV4, Reason::Ipv4Source),
    (ethertype::IPV6, Reason::Ipv6Source),
    (ethertype::ARP, Reason::Arp),
];
const ANY_ADDRESS: [([u8; 2], Reason); 3] = [
    (ethertype::ARP, Reason::Arp),
    (ethertype::VLAN, Reason::Vlan),
    (ethertype::PROVIDER_VLAN, Reason::Vlan),
];

/// ICMPv6: a query for group members, an advertisement, a redirect.
const ROUTERS: [u8; 3] = [130, 134, 137];
/// Multicast router advertisement. In a locked guard it is one of many that nobody needs.
const MULTICAST_ROUTER: u8 = 151;

/// Marks the packet as one that drops for this reason, and goes on.
pub(super) fn say(reason: Reason, conditions: impl IntoIterator<Item = Match>) -> Rule {
    Rule {
        matches: conditions.into_iter().collect(),
        statements: vec![marks::set(marks::of(reason))],
        comment: Some(reason.word().into()),
    }
}

/// Sends the packet back as one that drops for this reason.
fn back(reason: Reason, conditions: impl IntoIterator<Item = Match>) -> Rule {
    Rule { comment: Some(reason.word().into()), ..back_with(marks::of(reason), conditions) }
}

fn back_with(mark: u32, conditions: impl IntoIterator<Item = Match>) -> Rule {
    let statements = vec![marks::set(mark), Statement::Verdict(Verdict::Return)];
    Rule { matches: conditions.into_iter().collect(), statements, comment: None }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::layout::hash_of;
    use super::*;

    #[test]
    fn chains_that_change_get_another_name() {
        let mut all = String::new();
        for number in 0..16_u8 {
            let bit = |bit: u8| number & 1 << bit != 0;
            let sound = Sound { is_locked: bit(0), router: bit(1), dhcp_server: bit(2), vrrp: bit(3) };
            let chains = sound.compile();
            let made: Vec<String> = chains.iter().map(|chain| chain.name.clone()).collect();
            assert_eq!(made, names(&sound.word()));
            write!(all, "{chains:?}").unwrap();
        }
        assert_eq!((FORM, hash_of(&all).as_str()), ("3", "c7d6b9daebab04d9"), "count FORM up");
    }
}
