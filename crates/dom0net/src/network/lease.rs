//! A lease that stays alive: the card's DHCP clients go with its addresses, and come back with them.

use super::record::Record;
use crate::dhcp::Client;
use crate::plan::{Change, ClientMove, Device, Kernel, Plan};

/// The plan with the clients ended before all else, so that they undo nothing of it, and started behind the rest.
pub(super) fn with_clients(plan: Plan, clients: &[Client], from: &Device, to: &Device) -> Plan {
    let step = |client: &Client, on: &Device, other: &Device| ClientMove {
        client: Box::new(client.clone()),
        on: on.clone(),
        other: other.clone(),
    };
    let ended = clients.iter().map(|client| Change::StopClient(step(client, from, to)));
    let started = clients.iter().map(|client| Change::StartClient(step(client, to, from)));
    Plan { changes: ended.chain(plan.changes).chain(started).collect() }
}

/// A start is good when the server has said so.
pub(super) fn await_leases(plan: &mut Plan, clients: &[Client], on: &Device) {
    for client in clients {
        plan.push(Change::AwaitLease(Box::new(client.clone()), on.clone()));
    }
}

/// The card by the name that it has without the bridge.
pub(super) fn card_of(record: &Record) -> Device {
    Device { name: record.before.name.clone(), ..record.uplink.clone() }
}

/// Gives the clients back to the card of a network whose bridge someone else has removed. What fails has nobody to be
/// told to: the card has no address then either.
pub(super) fn give_clients_back(kernel: &mut Kernel, record: &Record) {
    for change in with_clients(Plan::new(), &record.clients, record.front(), &card_of(record)).changes {
        let _ = kernel.apply(&change);
    }
}
