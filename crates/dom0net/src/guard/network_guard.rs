//! What holds for a network as a whole, in the kernel.
//!
//! Guests' devices are in an interface group of their bridge's, so that nothing here grows with their number. In the bridge
//! family their packets for the host are given a priority that nobody else uses: what has it when it reaches the host's
//! own input comes from a guest. The same table keeps out of connection tracking what only passes.

use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{
    Batch, Field, Hook, Match, NfTables, Policy as Otherwise, Rule, Statement, Table, TableFamily, Test,
    Verdict,
};

use ethernet::MacAddress;

use super::frame::{destination_port, message_type, protocol, transport_is};
use super::install::Condition;
use super::layout::hash;
use super::network::{NetworkPolicy, Reach, Service};

/// The interface groups of guests: this, and the index of their bridge.
const GROUPS: u32 = 0x646e_0000;
/// The priority (`SO_PRIORITY`) of guests' packets on their way up. Its lowest bits are zero, as those of other packets:
/// should one leave the host again, it waits in the same queue.
const FROM_GUEST: u32 = 0x646e_0000;
/// `NF_BR_PRE_ROUTING`.
const BRIDGE_PREROUTING: u32 = 0;
/// `NF_BR_LOCAL_IN`, `NF_INET_LOCAL_IN`.
const INPUT: u32 = 1;
/// Before `br_netfilter` hands packets to the IP hooks.
const FIRST: i32 = -500;
/// Before most hosts' own filters, which still see what passes.
const BEFORE_FILTERS: i32 = -10;
/// `NF_CT_STATE_BIT` of established and related connections.
const ANSWERS: u32 = 0b110;
/// How often a change that raced with others is tried again.
const ATTEMPTS: usize = 32;
/// The chain with the comment.
const MARKED: &str = "policy";

/// A network, as far as its guard needs to know it.
#[derive(Clone, Debug)]
pub struct NetworkGuard {
    /// The bridge's name.
    pub bridge: LinkName,
    /// Its index.
    pub index: u32,
    /// Its MAC address: frames for it are for the host.
    pub mac: Option<MacAddress>,
    /// Its ports that are no guests'.
    pub uplinks: Vec<LinkName>,
}

impl NetworkGuard {
    /// The interface group of guests on the bridge with this index.
    #[must_use]
    pub const fn group(bridge: u32) -> u32 {
        GROUPS | bridge & 0xffff
    }

    fn table_name(&self) -> String {
        format!("dom0net-{}", self.bridge)
    }

    /// How the network's guard stands to what it should be.
    pub fn condition(&self, filter: &mut NfTables, policy: &NetworkPolicy) -> Result<Condition, Error> {
        let name = self.table_name();
        let marked = filter.chain(Table { family: TableFamily::Bridge, name: &name }, MARKED)?;
        let Some(marked) = marked else {
            return Ok(if *policy == NetworkPolicy::default() {
                Condition::Disabled
            } else {
                Condition::Missing
            });
        };
        let is_there = |filter: &mut NfTables, family, chain: &str| {
            Ok::<_, Error>(filter.chain(Table { family, name: &name }, chain)?.is_some())
        };
        let is_shielding = policy.host != Reach::Everything;
        if marked.comment != Some(self.comment(policy)) {
            return Ok(Condition::Another);
        }
        if is_shielding && !is_there(filter, TableFamily::Inet, "input")? {
            return Ok(Condition::Missing);
        }
        Ok(Condition::InForce)
    }

    /// Puts `policy` in force, in place of any that the network had.
    pub fn install(&self, filter: &mut NfTables, policy: &NetworkPolicy) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            match self.replace(filter, policy) {
                // When a host starts, guests are plugged side by side, and each sees to its network.
                Err(error) if (error.is_exists() || error.is_not_found()) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn replace(&self, filter: &mut NfTables, policy: &NetworkPolicy) -> Result<(), Error> {
        let name = self.table_name();
        let mut batch = Batch::new();
        for family in [TableFamily::Bridge, TableFamily::Inet] {
            let table = Table { family, name: &name };
            if filter.table(table)?.is_some() {
                batch.delete_table(table);
            }
        }
        if *policy != NetworkPolicy::default() {
            self.add_bridge_table(&mut batch, policy);
        }
        if let Reach::Only(services) = &policy.host {
            self.add_host_table(&mut batch, services);
        }
        filter.commit(&batch)
    }

    fn add_bridge_table(&self, batch: &mut Batch, policy: &NetworkPolicy) {
        let name = self.table_name();
        let table = Table { family: TableFamily::Bridge, name: &name };
        batch.add_table(table);
        batch.add_chain(table, MARKED, Some(&self.comment(policy)));
        let from_guest = || Match::is(Field::InGroup, Self::group(self.index).to_ne_bytes());
        if policy.host != Reach::Everything {
            batch.add_base_chain(table, "input", &hook(INPUT, FIRST));
            batch.add_rule(table, "input", &rule([from_guest()], [Statement::SetPriority(FROM_GUEST)]));
        }
        if policy.untracked {
            batch.add_base_chain(table, "prerouting", &hook(BRIDGE_PREROUTING, FIRST));
            let uplinks = self.uplinks.iter().map(|uplink| Match::is(Field::InputLink, name_bytes(uplink)));
            for from in std::iter::once(from_guest()).chain(uplinks) {
                let passes = [from].into_iter().chain(self.only_passes());
                batch.add_rule(table, "prerouting", &rule(passes, [Statement::DoNotTrack]));
            }
        }
    }

    /// A frame that is for one other machine. What goes to all goes to the host too.
    fn only_passes(&self) -> impl Iterator<Item = Match> {
        let is_for_one = Match { field: Field::link(0, 1), mask: Some(vec![1]), test: Test::Is(vec![0]) };
        let is_for_host = self.mac.map(|mac| Match::is_not(Field::link(0, 6), mac.octets()));
        std::iter::once(is_for_one).chain(is_for_host)
    }

    fn add_host_table(&self, batch: &mut Batch, services: &[Service]) {
        let name = self.table_name();
        let table = Table { family: TableFamily::Inet, name: &name };
        batch.add_table(table);
        batch.add_chain(table, "services", None);
        batch.add_base_chain(table, "input", &hook(INPUT, BEFORE_FILTERS));
        let accept = || [Statement::Verdict(Verdict::Accept)];
        let is_answer = Match {
            field: Field::TrackingState,
            mask: Some(ANSWERS.to_ne_bytes().to_vec()),
            test: Test::IsNot(vec![0; 4]),
        };
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
        for matches in allowed {
            batch.add_rule(table, "services", &rule(matches, accept()));
        }
        batch.add_rule(table, "services", &rule([], [Statement::Count, Statement::Verdict(Verdict::Drop)]));
        let from_guest = [
            Match::is(Field::InputLink, name_bytes(&self.bridge)),
            Match::is(Field::Priority, FROM_GUEST.to_ne_bytes()),
        ];
        let goto = [Statement::Verdict(Verdict::Goto("services".into()))];
        batch.add_rule(table, "input", &rule(from_guest, goto));
    }

    fn comment(&self, policy: &NetworkPolicy) -> String {
        format!("1 {}", hash(&format!("{policy:?} {self:?}")))
    }
}

fn hook(number: u32, priority: i32) -> Hook<'static> {
    Hook { kind: "filter", number, priority, policy: Otherwise::Accept, devices: &[] }
}

fn rule(matches: impl IntoIterator<Item = Match>, statements: impl Into<Vec<Statement>>) -> Rule {
    Rule { matches: matches.into_iter().collect(), statements: statements.into(), comment: None }
}

/// A device's name as the kernel compares it: sixteen bytes.
fn name_bytes(name: &LinkName) -> Vec<u8> {
    let mut bytes = name.as_str().as_bytes().to_vec();
    bytes.resize(16, 0);
    bytes
}
