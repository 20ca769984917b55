//! What makes an IP packet sound, whoever sends it: chains that all guards of a table share.
//!
//! They know nothing of a vif, only what it is permitted, so that there is one variant of them for each set of permissions. They are made with
//! the first guard that needs them and go with the last. A guard jumps there with a packet whose source is right; they
//! *accept* what is sound, and *return* with all else: what the guard then finds no reason to accept, it drops and counts. With the
//! shared chains emptied by somebody, nothing passes.
//!
//! Where the guard could not tell why a packet came back, its mark says so: of packets that nothing accepts any more.

use netkernel::nftables::{Field, Match, Rule, Statement, Verdict};

use super::compile::{Chain, accept};
use super::frame::{
    FRAGMENT_HEADER, destination_port, destination_port_is_outside, dhcpv6_is_not_relayed,
    fragments_extension_headers, has_fragment_header, has_transport_header, is_later_ipv4_fragment,
    is_later_ipv6_fragment, is_mld_form, is_plain_nd, message_type, next_header_is, next_header_is_not,
    protocol, source_port_is_not, transport_is, transport_is_not,
};
use super::policy::{Mode, Policy};

/// What the names of the shared chains begin with.
pub(super) const PREFIX: &str = "sound-";

/// The form of the chains. Whenever a rule of them changes, this must have another number: a test says so.
const FORM: &str = "1";

/// The marks of packets that came back: malformed, and what only a router says.
const MALFORMED: u32 = 0x6d30_6e01;
const ROUTER: u32 = 0x6d30_6e02;

/// A variant of the shared chains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each permission is one of its own")]
pub(super) struct Sound {
    is_locked: bool,
    router: bool,
    dhcp_server: bool,
    vrrp: bool,
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

    /// What the names of its chains have behind [`PREFIX`] and before a dash: `1lr`.
    pub(super) fn word(&self) -> String {
        let mut word = String::from(FORM);
        word.push(if self.is_locked { 'l' } else { 'a' });
        let permissions = [(self.router, 'r'), (self.dhcp_server, 'd'), (self.vrrp, 'v')];
        word.extend(permissions.into_iter().filter(|(has, _)| *has).map(|(_, letter)| letter));
        word
    }

    /// The chain that packets of this family are sent through: `ip4` or `ip6`.
    pub(super) fn chain(&self, family: &str) -> String {
        name(&self.word(), family)
    }

    /// The chains.
    pub(super) fn compile(&self) -> Vec<Chain> {
        let chain = |family: &str, rules| Chain { name: self.chain(family), rules };
        let mut chains = vec![chain("ip4", self.ipv4()), chain("ip6", self.ipv6())];
        if self.is_locked {
            chains.push(chain("nd", self.icmpv6()));
        }
        chains
    }

    /// A packet came back, and has this mark.
    pub(super) fn came_back_malformed() -> Match {
        Match::is(Field::Mark, MALFORMED.to_ne_bytes())
    }

    /// The same for what only a router says.
    pub(super) fn came_back_from_router() -> Match {
        Match::is(Field::Mark, ROUTER.to_ne_bytes())
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
                back([transport_is(protocol::ICMP), message_type(5, 5)]),
                back([transport_is(protocol::ICMP), message_type(9, 9)]),
                back([transport_is(protocol::IGMP), message_type(0x11, 0x11)]),
                // Multicast routers: a bridge that looks into multicast would send its port all groups.
                back([transport_is(protocol::IGMP), message_type(0x30, 0x30)]),
                back([transport_is(protocol::PIM)]),
            ]);
        }
        if !self.vrrp {
            rules.push(back([transport_is(protocol::VRRP)]));
        }
        rules.push(accept([transport_is_not(protocol::UDP)]));
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
            marked(MALFORMED, [is_fragment(), fragments_extension_headers()]),
            accept([is_fragment(), is_later_ipv6_fragment()]),
            // Nobody needs fragments behind other headers, and what is in them is not found reliably.
            marked(
                MALFORMED,
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
                back([udp()]),
            ]);
        }
        if !self.vrrp {
            // In the other order, nft 1.0.6 ends in an assertion when it lists the rule.
            rules.push(marked(ROUTER, [has_transport_header(), transport_is(protocol::VRRP)]));
        }
        if !self.router {
            rules.push(marked(ROUTER, [has_transport_header(), transport_is(protocol::PIM)]));
        }
        let icmp = || transport_is(protocol::ICMPV6);
        if self.is_locked {
            let nd = Statement::Verdict(Verdict::Goto(self.chain("nd").into()));
            let matches = vec![icmp(), has_transport_header()];
            rules.push(Rule { matches, statements: vec![nd], comment: None });
        } else if !self.router {
            let kinds = ROUTERS.into_iter().chain([MULTICAST_ROUTER]);
            rules.extend(kinds.map(|kind| marked(ROUTER, [icmp(), message_type(kind, kind)])));
        }
        rules.push(accept([has_transport_header()]));
        rules
    }

    /// ICMPv6 of which it does not matter which addresses the guest has.
    fn icmpv6(&self) -> Vec<Rule> {
        let plain = |length, kind| accept([is_plain_nd(length), message_type(kind, kind)]);
        let mut rules = vec![
            // Errors and echo.
            accept([message_type(1, 4)]),
            accept([message_type(128, 129)]),
            // Without an option that names a MAC address.
            plain(24, 135),
            plain(8, 133),
            accept([is_mld_form(), message_type(131, 132)]),
            accept([is_mld_form(), message_type(143, 143)]),
        ];
        rules.extend(ROUTERS.map(|kind| {
            let said = [message_type(kind, kind)];
            if self.router { accept(said) } else { marked(ROUTER, said) }
        }));
        rules
    }
}

/// The name of a chain of the variant with this word.
pub(super) fn name(word: &str, family: &str) -> String {
    format!("{PREFIX}{word}-{family}")
}

/// The names of all chains of the variant with this word.
pub(super) fn names(word: &str) -> Vec<String> {
    let families: &[&str] = if word.contains('l') { &["ip4", "ip6", "nd"] } else { &["ip4", "ip6"] };
    families.iter().map(|family| name(word, family)).collect()
}

/// ICMPv6: a query for group members, an advertisement, a redirect.
const ROUTERS: [u8; 3] = [130, 134, 137];
/// Multicast router advertisement. In a locked guard it is one of many that nobody needs.
const MULTICAST_ROUTER: u8 = 151;

fn back(conditions: impl IntoIterator<Item = Match>) -> Rule {
    let statements = vec![Statement::Verdict(Verdict::Return)];
    Rule { matches: conditions.into_iter().collect(), statements, comment: None }
}

fn marked(mark: u32, conditions: impl IntoIterator<Item = Match>) -> Rule {
    let statements = vec![Statement::SetMark(mark), Statement::Verdict(Verdict::Return)];
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
        assert_eq!((FORM, hash_of(&all).as_str()), ("1", "4519ab815515b055"), "count FORM up");
    }
}
