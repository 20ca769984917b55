//! What a guest says now and then: whether an address is free, asking for a lease, neighbour discovery.
//!
//! Of most guests the [shared rules](super::sound) look up in the sets of their table what is [their own](super::owned); a guard of
//! another kind compares with what [its policy](super::compile) says. The rules are the same, and stand here.

use netkernel::nftables::{Match, Rule};

use super::compile::accept;
use super::frame::{
    NdOption, arp_is_request, dhcp_is_request, ethertype, ipv4_source_is_unspecified,
    ipv6_source_is_unspecified, is_from_a_dhcp_client_port, is_whole_ipv4_packet, protocol, transport_is,
};
use super::marks::{self, Form};
use super::reason::Reason;
use super::sound::{Shared, Sound};

/// How it is told what is the guest's own: conditions, all of which must hold.
pub(super) trait Own {
    /// The frame comes from the guest, and is of this type.
    fn frame(&self, kind: [u8; 2]) -> Vec<Match>;

    /// An ARP message comes from the guest, which names no address.
    fn arp_sender_without_address(&self) -> Vec<Match>;

    /// A DHCP message is of the guest itself.
    fn dhcp_client(&self) -> Vec<Match>;

    /// Neighbour discovery has this option, of this type (1 source, 2 target), and it names the guest's MAC address.
    fn link_layer_option(&self, option: NdOption, kind: u8) -> Vec<Match>;
}

/// A probe (RFC 5227): is this address free?
pub(super) fn arp_probe(own: &impl Own) -> Rule {
    let mut conditions = own.frame(ethertype::ARP);
    conditions.push(arp_is_request());
    conditions.extend(own.arp_sender_without_address());
    accept(conditions)
}

/// Marks what a guest without an address says, which may be a [`dhcp_request`].
pub(super) fn dhcp_from_nobody(own: &impl Own) -> Rule {
    let mut conditions = own.frame(ethertype::IPV4);
    conditions.extend([ipv4_source_is_unspecified(), transport_is(protocol::UDP)]);
    let mark = marks::of_form(Form::DhcpRequest, Reason::Ipv4Source);
    Rule { matches: conditions, statements: vec![marks::set(mark)], comment: None }
}

/// What a DHCP client says, for itself. No fragments: a later one could overwrite whom it speaks for.
pub(super) fn dhcp_request(own: &impl Own, sound: &Sound) -> Rule {
    let mut conditions = vec![
        marks::has_form(Form::DhcpRequest),
        is_whole_ipv4_packet(),
        is_from_a_dhcp_client_port(),
        dhcp_is_request(),
    ];
    conditions.extend(own.dhcp_client());
    sound.pass(conditions)
}

/// Neighbour discovery that names the guest's own MAC address. The marks tell that the packet has the form for it, and that its source
/// is right. What stays marked as [`Form::Target`] passes by [`target`].
pub(super) fn neighbour_discovery(own: &impl Own, sound: &Sound) -> [Rule; 4] {
    let mark = |form| marks::of_form(form, Reason::Neighbour);
    let with_option = |form, option, kind| {
        let mut conditions = vec![marks::is(mark(form))];
        conditions.extend(own.link_layer_option(option, kind));
        conditions
    };
    let mut from_nobody = own.frame(ethertype::IPV6);
    from_nobody.push(ipv6_source_is_unspecified());
    [
        sound.jump(from_nobody, Shared::Unspecified),
        sound.pass(with_option(Form::NeighbourSolicitation, NdOption::BehindTarget, 1)),
        sound.pass(with_option(Form::RouterSolicitation, NdOption::BehindHeader, 1)),
        Rule {
            matches: with_option(Form::NeighbourAdvertisement, NdOption::BehindTarget, 2),
            statements: vec![marks::set(mark(Form::Target))],
            comment: None,
        },
    ]
}

/// Neighbour discovery that has the right form passes if its target is one of the guest's addresses, as this condition tells.
pub(super) fn target(is_own: Match, sound: &Sound) -> Rule {
    let is_form = marks::is(marks::of_form(Form::Target, Reason::Neighbour));
    sound.pass(vec![is_form, is_own])
}
