//! The one place that turns what holds for a network into packet filter rules.
//!
//! Guests' devices are in interface groups of their network's ([`Network`]), so that nothing here grows with their number.
//! A packet from a bridge's guest is not seen with its device any more by the host's own input: in the bridge family such packets
//! are given a priority that nobody else uses, by which they are known there. With routed guests the device is seen.

use ethernet::MacAddress;
use netkernel::nftables::{
    Batch, Field, Hook, KeyKind, Match, Policy as Otherwise, Rule, Statement, Table, TableFamily, Test,
    Verdict, link_name, tracking_state, tracking_status,
};

use super::frame::{destination_port, message_type, protocol, transport_is};
use super::groups::Network;
use super::network::{NetworkPolicy, NetworkReason, Reach, Service};
use super::network_guard::{NetworkGuard, elements};
use crate::vif::BACKEND_MAC;

/// The chain with the comment.
pub(super) const MARKED: &str = "policy";
/// The chain that says what guests may reach on the host.
pub(super) const SERVICES: &str = "services";
/// The set with the names of the devices of guests that are routed to.
pub(super) const GUESTS: &str = "guests";
/// The set with the names of the cards that they are reached by.
pub(super) const CARDS: &str = "cards";

/// The priority (`SO_PRIORITY`) of guests' packets on their way up. Its lowest bits are zero, as those of other packets:
/// should one leave the host again, it waits in the same queue.
const FROM_GUEST: u32 = 0x646e_0000;
/// The priority of packets that the host sends back to the bridge that they came from.
const SENT_BACK: u32 = 0x646f_0000;

/// Before `br_netfilter` hands packets to the IP hooks.
const FIRST: i32 = -500;
/// Before connection tracking (-200), behind the joining of fragments (-400).
const BEFORE_TRACKING: i32 = -300;
/// Before most hosts' own filters, which still see what passes.
const BEFORE_FILTERS: i32 = -10;
/// `NF_INET_PRE_ROUTING`, `NF_BR_PRE_ROUTING`.
const PREROUTING: u32 = 0;
/// `NF_INET_LOCAL_IN`, `NF_BR_LOCAL_IN`.
const INPUT: u32 = 1;
/// `NF_INET_FORWARD`.
const FORWARD: u32 = 2;
/// `NF_BR_LOCAL_OUT`.
const OUTPUT: u32 = 3;

/// A chain that packets pass at a hook, and what it says.
pub(super) struct BaseChain {
    pub(super) family: TableFamily,
    pub(super) name: &'static str,
    hook: u32,
    priority: i32,
    rules: Vec<Rule>,
}

/// The rules of a network.
pub(super) struct Rules<'a> {
    guard: &'a NetworkGuard,
    policy: &'a NetworkPolicy,
}

impl<'a> Rules<'a> {
    pub(super) fn of(guard: &'a NetworkGuard, policy: &'a NetworkPolicy) -> Self {
        Self { guard, policy }
    }

    /// The chains whose rules count what they drop.
    pub(super) fn counting(&self) -> Vec<(TableFamily, &'static str)> {
        let is_shielding = matches!(self.policy.host, Reach::Only(_));
        let shield = is_shielding.then_some((TableFamily::Inet, SERVICES));
        let isolation = match self.guard.network {
            Network::Bridge { .. } => (TableFamily::Bridge, "output"),
            Network::Routed(_) => (TableFamily::Inet, "forward"),
        };
        shield.into_iter().chain(self.policy.isolates.then_some(isolation)).collect()
    }

    /// Adds all but the chain with the comment, whose table is there.
    pub(super) fn add(&self, batch: &mut Batch, name: &str) {
        let inet = Table { family: TableFamily::Inet, name };
        batch.add_table(inet);
        if let Reach::Only(services) = &self.policy.host {
            batch.add_chain(inet, SERVICES, None);
            for rule in services_rules(services) {
                batch.add_rule(inet, SERVICES, &rule);
            }
        }
        if self.policy.untracked && matches!(self.guard.network, Network::Routed(_)) {
            batch.add_set(inet, GUESTS, KeyKind::LinkName, false);
            batch.add_set(inet, CARDS, KeyKind::LinkName, false);
            for (set, names) in [(GUESTS, &self.guard.guests), (CARDS, &self.guard.uplinks)] {
                if !names.is_empty() {
                    batch.add_elements(inet, set, &elements(names));
                }
            }
        }
        for chain in self.base_chains() {
            let table = Table { family: chain.family, name };
            let hook = Hook {
                kind: "filter",
                number: chain.hook,
                priority: chain.priority,
                policy: Otherwise::Accept,
                devices: &[],
            };
            batch.add_base_chain(table, chain.name, &hook);
            for rule in &chain.rules {
                batch.add_rule(table, chain.name, rule);
            }
        }
    }

    pub(super) fn base_chains(&self) -> Vec<BaseChain> {
        let is_shielding = self.policy.host != Reach::Everything;
        let chains = match &self.guard.network {
            Network::Bridge { name, .. } => {
                let name = link_name(name);
                [
                    is_shielding.then(|| self.marks_what_comes_up()),
                    is_shielding.then(|| {
                        let on_bridge = Match::is(Field::InputLink, name);
                        shield(vec![on_bridge, Match::is(Field::Priority, FROM_GUEST.to_ne_bytes())])
                    }),
                    self.policy.untracked.then(|| self.passes_bridge_untracked()),
                    self.policy.isolates.then(|| self.marks_what_is_sent_back(name)),
                    self.policy.isolates.then(|| self.keeps_back_what_is_sent_back()),
                ]
            }
            Network::Routed(_) => [
                is_shielding.then(|| shield(vec![self.guard.network.is_of(Field::InGroup)])),
                self.policy.untracked.then(|| self.passes_host_untracked()),
                self.policy.isolates.then(|| self.keeps_isolated_apart()),
                None,
                None,
            ],
        };
        chains.into_iter().flatten().collect()
    }

    /// Who comes up from a bridge is known by its port only there.
    fn marks_what_comes_up(&self) -> BaseChain {
        let from_guest = self.guard.network.is_of(Field::InGroup);
        BaseChain {
            family: TableFamily::Bridge,
            name: "input",
            hook: INPUT,
            priority: FIRST,
            rules: vec![rule([from_guest], [Statement::SetPriority(FROM_GUEST)])],
        }
    }

    fn passes_bridge_untracked(&self) -> BaseChain {
        let from_guest = self.guard.network.is_of(Field::InGroup);
        let uplinks = self.guard.uplinks.iter().map(|uplink| Match::is(Field::InputLink, link_name(uplink)));
        let passes =
            |from: Match| rule([from].into_iter().chain(self.passes_the_bridge()), [Statement::DoNotTrack]);
        BaseChain {
            family: TableFamily::Bridge,
            name: "prerouting",
            hook: PREROUTING,
            priority: FIRST,
            rules: std::iter::once(from_guest).chain(uplinks).map(passes).collect(),
        }
    }

    /// A frame that is for one other machine. What goes to all goes to the host too, and so does what goes to the address that
    /// the host's end of each vif has.
    fn passes_the_bridge(&self) -> impl Iterator<Item = Match> {
        let is_for_one = Match { field: Field::link(0, 1), mask: Some(vec![1]), test: Test::Is(vec![0]) };
        let of_the_host = self.guard.macs.iter().chain([&BACKEND_MAC]);
        let is_for_other = |mac: &MacAddress| Match::is_not(Field::link(0, 6), mac.octets());
        std::iter::once(is_for_one).chain(of_the_host.map(is_for_other))
    }

    /// Isolated ports of a bridge exchange no frames; but a host that forwards could send a guest's packet back to the
    /// bridge, out of its own device, which is no isolated port.
    fn marks_what_is_sent_back(&self, bridge: [u8; 16]) -> BaseChain {
        let mut rules = Vec::new();
        if self.guard.is_translated {
            // By a forwarded port of the host's it was let in on purpose.
            let was_forwarded =
                Match::has_any(Field::TrackingStatus, tracking_status::DESTINATION_TRANSLATED.to_ne_bytes());
            rules.push(rule([was_forwarded], [Statement::Verdict(Verdict::Accept)]));
        }
        let back = [Match::is(Field::InputLink, bridge), Match::is(Field::OutputLink, bridge)];
        // The kernel sets the priority of IPv4 packets anew before this hook, so that it cannot be kept from their way up.
        rules.push(rule(back, [Statement::SetPriority(SENT_BACK)]));
        BaseChain {
            family: TableFamily::Inet,
            name: "forward",
            hook: FORWARD,
            priority: BEFORE_FILTERS,
            rules,
        }
    }

    fn keeps_back_what_is_sent_back(&self) -> BaseChain {
        let was_sent_back = Match::is(Field::Priority, SENT_BACK.to_ne_bytes());
        let to_isolated = self.guard.network.is_isolated_in(Field::OutGroup);
        BaseChain {
            family: TableFamily::Bridge,
            name: "output",
            hook: OUTPUT,
            priority: FIRST,
            rules: vec![drop_counted([was_sent_back, to_isolated], NetworkReason::Isolation)],
        }
    }

    /// Between guests, and between them and the cards. Not what the host translates, and not what is its own.
    fn passes_host_untracked(&self) -> BaseChain {
        let from_guest = || self.guard.network.is_of(Field::InGroup);
        let to = |set: &'static str| Match::is_in(Field::DestinationLink, set);
        let ways = [
            [from_guest(), to(CARDS)],
            [from_guest(), to(GUESTS)],
            [Match::is_in(Field::InputLink, CARDS), to(GUESTS)],
        ];
        BaseChain {
            family: TableFamily::Inet,
            name: "prerouting",
            hook: PREROUTING,
            priority: BEFORE_TRACKING,
            rules: ways.map(|way| rule(way, [Statement::DoNotTrack])).to_vec(),
        }
    }

    fn keeps_isolated_apart(&self) -> BaseChain {
        let isolated = |field| self.guard.network.is_isolated_in(field);
        BaseChain {
            family: TableFamily::Inet,
            name: "forward",
            hook: FORWARD,
            priority: BEFORE_FILTERS,
            rules: vec![drop_counted(
                [isolated(Field::InGroup), isolated(Field::OutGroup)],
                NetworkReason::Isolation,
            )],
        }
    }
}

/// What the host takes in from its guests.
fn shield(from_guest: Vec<Match>) -> BaseChain {
    let goto = Statement::Verdict(Verdict::Goto(SERVICES.into()));
    BaseChain {
        family: TableFamily::Inet,
        name: "input",
        hook: INPUT,
        priority: BEFORE_FILTERS,
        rules: vec![rule(from_guest, [goto])],
    }
}

fn services_rules(services: &[Service]) -> Vec<Rule> {
    let known = tracking_state::ESTABLISHED | tracking_state::RELATED;
    let is_answer = Match::has_any(Field::TrackingState, known.to_ne_bytes());
    let icmpv6 = |from, to| vec![transport_is(protocol::ICMPV6), message_type(from, to)];
    // Without neighbour discovery they could reach nothing at all, nor the host answer.
    let mut allowed = vec![vec![is_answer], icmpv6(133, 137)];
    for service in services {
        match *service {
            Service::Tcp(port) => allowed.push(vec![transport_is(protocol::TCP), destination_port(port)]),
            Service::Udp(port) => allowed.push(vec![transport_is(protocol::UDP), destination_port(port)]),
            Service::Ping => {
                allowed.push(vec![transport_is(protocol::ICMP), message_type(8, 8)]);
                allowed.push(icmpv6(128, 128));
            }
        }
    }
    let accept = |matches: Vec<Match>| rule(matches, [Statement::Verdict(Verdict::Accept)]);
    allowed.into_iter().map(accept).chain([drop_counted([], NetworkReason::Host)]).collect()
}

fn drop_counted(matches: impl IntoIterator<Item = Match>, reason: NetworkReason) -> Rule {
    Rule {
        comment: Some(reason.word().into()),
        ..rule(matches, [Statement::Count, Statement::Verdict(Verdict::Drop)])
    }
}

fn rule(matches: impl IntoIterator<Item = Match>, statements: impl Into<Vec<Statement>>) -> Rule {
    Rule { matches: matches.into_iter().collect(), statements: statements.into(), comment: None }
}
