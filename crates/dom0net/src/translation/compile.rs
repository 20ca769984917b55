//! The one place that turns a translation into packet filter rules.

use std::net::IpAddr;

use ipnet::IpNet;
use netkernel::Family;
use netkernel::link::LinkName;
use netkernel::nftables::{
    Batch, Element, Field, Hook, KeyKind, Match, Policy, Rule, Statement, Table, Target, Test, Verdict,
    link_name, tracking_state, tracking_status,
};

use super::forward::{Forward, Protocol};
use super::{Inside, Passage, Translation};

/// `NF_INET_*`.
mod hook {
    pub(super) const PREROUTING: u32 = 0;
    pub(super) const FORWARD: u32 = 2;
    pub(super) const OUTPUT: u32 = 3;
    pub(super) const POSTROUTING: u32 = 4;
}

/// Where packets get another destination, and where another source (`NF_IP_PRI_NAT_DST`, `NF_IP_PRI_NAT_SRC`).
const DESTINATION: i32 = -100;
const SOURCE: i32 = 100;
/// `NF_IP_PRI_FILTER`.
const FILTER: i32 = 0;
/// `RTN_LOCAL`: the host itself.
const LOCAL: u32 = 2;
/// The chain of forwards.
const FORWARDS: &str = "forwards";

/// Writes the chains and rules of `translation` into its table, which is empty.
pub(super) fn compile(translation: &Translation, table: Table<'_>, batch: &mut Batch) {
    let mut base = |name: &str, kind: &'static str, number: u32, priority: i32| {
        batch.add_base_chain(
            table,
            name,
            &Hook { kind, number, priority, policy: Policy::Accept, devices: &[] },
        );
    };
    base("forward", "filter", hook::FORWARD, FILTER);
    base("postrouting", "nat", hook::POSTROUTING, SOURCE);
    if !translation.forwards.is_empty() {
        base("prerouting", "nat", hook::PREROUTING, DESTINATION);
        base("output", "nat", hook::OUTPUT, DESTINATION);
        add_forwards(translation, table, batch);
    }
    for rule in passage(translation) {
        batch.add_rule(table, "forward", &rule);
    }
    for rule in sources(translation) {
        batch.add_rule(table, "postrouting", &rule);
    }
}

/// Who may pass.
fn passage(translation: &Translation) -> Vec<Rule> {
    let Inside::Bridge { bridge, .. } = &translation.inside else { return Vec::new() };
    let (from, to) = (is_link(Field::InputLink, bridge), is_link(Field::OutputLink, bridge));
    // What passes from port to port of the bridge may be shown to us too, and is none of our business.
    let inwards = vec![is_not_link(Field::InputLink, bridge), to];
    let outwards = vec![from, is_not_link(Field::OutputLink, bridge)];
    let with = |matches: &[Match], more: Vec<Match>| [matches.to_vec(), more].concat();
    let mut rules = Vec::new();
    // A sender that is not of the network would leave as it is, and get no answer, or another's.
    for (family, source, network) in subnets(&translation.inside) {
        rules.push(drop_as("source", with(&outwards, vec![is_family(family), is_outside(source, network)])));
    }
    match translation.passage {
        Passage::Free => {}
        Passage::Outwards => {
            let known = tracking_state::ESTABLISHED | tracking_state::RELATED;
            rules.push(accept(with(&inwards, vec![has_bits(Field::TrackingState, known)])));
            rules.push(accept(with(&inwards, vec![was_forwarded()])));
            rules.push(drop_as("not asked for", inwards));
        }
        Passage::None => {
            rules.push(drop_as("isolated", inwards));
            rules.push(drop_as("isolated", outwards));
        }
    }
    rules
}

/// Whose address packets bear that leave.
fn sources(translation: &Translation) -> Vec<Rule> {
    let masquerades = |family| match family {
        Family::Inet6 => translation.masquerade_ipv6,
        _ => translation.masquerade_ipv4,
    };
    let leaving = translation.outside.as_ref().map(|outside| is_link(Field::OutputLink, outside));
    let mut rules = Vec::new();
    match &translation.inside {
        Inside::Guests => {
            for family in [Family::Inet, Family::Inet6].into_iter().filter(|&family| masquerades(family)) {
                let mut matches = vec![is_family(family), is_not_of_the_host()];
                matches.extend(leaving.clone());
                rules.push(masquerade(matches));
            }
        }
        Inside::Bridge { bridge, .. } => {
            for (family, source, network) in subnets(&translation.inside) {
                let inside = || vec![is_family(family), is_inside(source, network)];
                // A guest that comes to another one by the host's door must get its answers by that door.
                if translation.forwards.iter().any(|forward| Family::of(forward.address) == family) {
                    let back = vec![is_link(Field::OutputLink, bridge), was_forwarded()];
                    rules.push(masquerade([inside(), back].concat()));
                }
                if masquerades(family) {
                    let mut matches = inside();
                    matches.push(is_not_link(Field::OutputLink, bridge));
                    matches.extend(leaving.clone());
                    rules.push(masquerade(matches));
                }
            }
        }
    }
    rules
}

/// Ports of the host that lead inside. Ranges that keep their numbers are one map for each protocol and family, ports that
/// do not are another: each costs one look, however many there are.
///
/// In the second one each port is an element of its own. The kernel can move a range by a distance (`--to-destination
/// …:80-90/8000` of iptables), but nf_tables has no way to say the distance.
fn add_forwards(translation: &Translation, table: Table<'_>, batch: &mut Batch) {
    batch.add_chain(table, FORWARDS, None);
    for family in [Family::Inet, Family::Inet6] {
        for protocol in Protocol::ALL {
            for with_port in [true, false] {
                add_map(&translation.forwards, family, protocol, with_port, table, batch);
            }
        }
    }
    let to_the_host = Match::is(Field::DestinationRoute, LOCAL.to_ne_bytes());
    let jump = |matches| Rule { matches, statements: vec![jump_to_forwards()], comment: None };
    batch.add_rule(table, "prerouting", &jump(vec![to_the_host.clone()]));
    // What the host says to itself under the name `localhost` stays with it.
    let loopback = Test::Outside(vec![127, 0, 0, 0], vec![127, 255, 255, 255]);
    let not_loopback = Match { field: Field::network(16, 4), mask: None, test: loopback };
    let ipv4 = vec![is_family(Family::Inet), to_the_host.clone(), not_loopback];
    batch.add_rule(table, "output", &jump(ipv4));
    let mut one = [0; 16];
    one[15] = 1;
    let not_loopback = Match::is_not(Field::network(24, 16), one);
    batch.add_rule(table, "output", &jump(vec![is_family(Family::Inet6), to_the_host, not_loopback]));
}

fn add_map(
    forwards: &[Forward],
    family: Family,
    protocol: Protocol,
    with_port: bool,
    table: Table<'_>,
    batch: &mut Batch,
) {
    let is_meant = |forward: &&Forward| {
        forward.protocol == protocol
            && Family::of(forward.address) == family
            && forward.port.is_some() == with_port
    };
    let bytes = |port: u16| port.to_be_bytes().to_vec();
    let range = |forward: &Forward| {
        let element = Element { first: bytes(forward.first), last: Some(bytes(forward.last)) };
        (element, Target::value(forward.address, None))
    };
    let moved = |forward: &Forward| {
        let address = forward.address;
        let element = move |(from, to)| (Element::one(bytes(from)), Target::value(address, Some(to)));
        forward.moved().map(element).collect::<Vec<_>>()
    };
    let meant = forwards.iter().filter(is_meant);
    let elements: Vec<_> =
        if with_port { meant.flat_map(moved).collect() } else { meant.map(range).collect() };
    if elements.is_empty() {
        return;
    }
    let (address, digit) = match family {
        Family::Inet6 => (KeyKind::Ipv6, 6),
        _ => (KeyKind::Ipv4, 4),
    };
    let map = format!("{protocol}{digit}-{}", if with_port { "ports" } else { "ranges" });
    batch.add_map(table, &map, KeyKind::Port, !with_port, Target { address, with_port });
    batch.add_map_elements(table, &map, &elements);
    let redirect = Statement::Redirect { field: Field::transport(2, 2), map: map.into(), family, with_port };
    let matches = vec![is_family(family), Match::is(Field::TransportProtocol, [protocol.number()])];
    batch.add_rule(table, FORWARDS, &Rule { matches, statements: vec![redirect], comment: None });
}

fn jump_to_forwards() -> Statement {
    Statement::Verdict(Verdict::Jump(FORWARDS.into()))
}

/// The subnets of a bridge, with the field of a packet that has its sender.
fn subnets(inside: &Inside) -> Vec<(Family, Field, IpNet)> {
    let Inside::Bridge { ipv4, ipv6, .. } = inside else { return Vec::new() };
    let ipv4 = ipv4.map(|network| (Family::Inet, Field::network(12, 4), IpNet::V4(network)));
    let ipv6 = ipv6.map(|network| (Family::Inet6, Field::network(8, 16), IpNet::V6(network)));
    ipv4.into_iter().chain(ipv6).collect()
}

fn is_family(family: Family) -> Match {
    // `NFPROTO_IPV4` and `NFPROTO_IPV6` are the numbers of the address families.
    Match::is(Field::NetworkFamily, [family as u8])
}

fn is_link(field: Field, name: &LinkName) -> Match {
    Match::is(field, link_name(name))
}

fn is_not_link(field: Field, name: &LinkName) -> Match {
    Match::is_not(field, link_name(name))
}

fn is_inside(field: Field, network: IpNet) -> Match {
    Match { field, mask: None, test: Test::Within(bytes(network.network()), bytes(network.broadcast())) }
}

fn is_outside(field: Field, network: IpNet) -> Match {
    Match { field, mask: None, test: Test::Outside(bytes(network.network()), bytes(network.broadcast())) }
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn is_not_of_the_host() -> Match {
    Match::is_not(Field::SourceRoute, LOCAL.to_ne_bytes())
}

fn was_forwarded() -> Match {
    has_bits(Field::TrackingStatus, tracking_status::DESTINATION_TRANSLATED)
}

fn has_bits(field: Field, bits: u32) -> Match {
    Match::has_any(field, bits.to_ne_bytes())
}

fn masquerade(matches: Vec<Match>) -> Rule {
    Rule { matches, statements: vec![Statement::Masquerade], comment: None }
}

fn accept(matches: Vec<Match>) -> Rule {
    Rule { matches, statements: vec![Statement::Verdict(Verdict::Accept)], comment: None }
}

fn drop_as(reason: &'static str, matches: Vec<Match>) -> Rule {
    let statements = vec![Statement::Count, Statement::Verdict(Verdict::Drop)];
    Rule { matches, statements, comment: Some(reason.into()) }
}
