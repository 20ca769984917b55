//! `network-bridge stop`: the card gets everything back.
//!
//! What stands may not be what was started: a device may have been deleted, renamed or given to another bridge meanwhile.

use netkernel::link::{Link, LinkChange, LinkName};

use super::error::Error;
use super::handover::{Standing, off_bridge};
use super::lease::{card_of, with_clients};
use super::record::{Record, Records, State};
use super::recover::{Recovered, front_of, settle};
use super::snapshot::Snapshot;
use crate::guard::{Network, NetworkGuard, NetworkPolicy};
use crate::plan::{Change, Device, Kernel, NewBridge, Plan};

/// What `stop` did.
#[derive(Debug)]
pub enum Stopped {
    /// The card has everything back.
    Now,
    /// The bridge is gone with all addresses, as its card was.
    WithoutCard,
    /// A run that was killed, or another hand, had begun it.
    Before(Box<Recovered>),
    /// There was no such network.
    Never,
}

/// Gives the card everything back, and removes the bridge.
///
/// `force`: although guests are on it, the card is gone, or is another bridge's port.
pub fn stop(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
    force: bool,
) -> Result<Stopped, Error> {
    let _lock = records.lock()?;
    stop_alone(kernel, records, bridge, force)
}

/// The same for who has the lock.
pub(super) fn stop_alone(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
    force: bool,
) -> Result<Stopped, Error> {
    let record = match settle(kernel, records, bridge)? {
        None => return Ok(Stopped::Never),
        Some(Err(recovered)) => return Ok(Stopped::Before(Box::new(recovered))),
        Some(Ok(record)) => record,
    };
    let plan = plan_stop(kernel, &record, force)?;
    let stopped = if card_now(kernel, &record)?.is_some() { Stopped::Now } else { Stopped::WithoutCard };
    records.write(&Record { state: State::Stopping(plan.clone()), ..record.clone() })?;
    if let Err(failure) = plan.apply(kernel) {
        records.write(&record)?;
        return Err(Error::Plan(failure));
    }
    // What held for all guests of the bridge is about nothing now; if it cannot be taken away, it does no harm.
    let (name, index) = (record.bridge.name.clone(), record.bridge.index);
    let guard = NetworkGuard::of(Network::Bridge { name, index });
    let _ = kernel.filter().and_then(|filter| guard.install(filter, &NetworkPolicy::default(), None));
    records.remove(bridge)?;
    Ok(stopped)
}

/// The plan that [`stop`] would carry out; none when there is nothing to undo.
pub fn stop_plan(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
    force: bool,
) -> Result<Option<Plan>, Error> {
    match records.read(bridge)? {
        Some(record) if front_of(kernel, &record)?.is_some() => plan_stop(kernel, &record, force).map(Some),
        // Someone else has removed the bridge: what the start did is undone.
        Some(record) => Ok(Some(record.made.inverse())),
        None => Ok(None),
    }
}

fn plan_stop(kernel: &mut Kernel, record: &Record, force: bool) -> Result<Plan, Error> {
    let gone = || Error::NoBridge(record.front().name.clone());
    let mut front = Snapshot::take(kernel, &record.front().name)?.ok_or_else(gone)?;
    let bridge = kernel.route.link_at(record.bridge.index)?.filter(Link::is_bridge);
    let card = card_now(kernel, record)?;
    if let Some(bridge) = &bridge {
        let ports = kernel.route.ports_of(bridge.index)?;
        let own = [card.as_ref().map(|card| card.index), record.shape.back().map(|back| back.index)];
        let guests: Vec<String> =
            ports.into_iter().filter(|port| !own.contains(&Some(port.index))).map(|port| port.name).collect();
        if !guests.is_empty() && !force {
            return Err(Error::InUse { bridge: record.bridge.name.clone(), guests });
        }
        // Guests were neighbours on the bridge; the card will never see them.
        let table = kernel.route.forwarding_entries(bridge.index)?;
        front.neighbours.retain(|neighbour| {
            let behind = table.iter().find(|entry| Some(entry.mac) == neighbour.mac);
            behind.is_none_or(|entry| entry.port == record.uplink.index)
        });
    }
    let Some(card) = card else {
        return if force {
            Ok(without_card(record))
        } else {
            Err(Error::CardGone { name: record.uplink.name.clone(), bridge: record.bridge.name.clone() })
        };
    };
    if let Some(master) = card.master.filter(|master| *master != record.bridge.index && !force) {
        let master = kernel.route.link_at(master)?.map_or_else(|| master.to_string(), |link| link.name);
        return Err(Error::CardTaken { name: record.uplink.name.clone(), master });
    }
    let device = Device { index: card.index, ..record.uplink.clone() };
    let standing = Standing {
        front: &front,
        bridge: bridge.as_ref().map(|link| (&record.bridge, link)),
        card: &device,
        shape: &record.shape,
    };
    let mut plan = off_bridge(standing, &record.before);
    if !card.is_up() {
        // It takes no routes then; whether it stays up is seen to at the end.
        let up = |up| LinkChange { up: Some(up), ..LinkChange::default() };
        plan.changes.insert(0, Change::Link { device, to: up(true), from: up(false) });
    }
    Ok(with_clients(plan, &record.clients, record.front(), &card_of(record)))
}

/// The card; none: it was unplugged. One that was plugged in again has another index, but its name and its MAC address.
fn card_now(kernel: &mut Kernel, record: &Record) -> Result<Option<Link>, Error> {
    if let Some(card) = kernel.route.link_at(record.uplink.index)? {
        return Ok(Some(card));
    }
    let again = kernel.route.link(&record.uplink.name)?;
    Ok(again.filter(|card| card.mac == record.before.mac))
}

/// Removes the devices of a network whose card is gone, with the addresses that nobody can take.
fn without_card(record: &Record) -> Plan {
    let mut plan = Plan::new();
    for change in &record.made.changes {
        // What was made first goes last.
        if let Change::CreateBridge(NewBridge { .. }) | Change::CreatePair(_) = change {
            plan.changes.extend(change.inverse());
        }
    }
    plan.changes.reverse();
    plan
}
