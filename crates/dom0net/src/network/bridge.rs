//! `network-bridge`: the host's card becomes the uplink of a bridge, and comes back.

use std::net::IpAddr;
use std::path::Path;

use netkernel::link::LinkName;
use nix::sys::mman::{MlockAllFlags, mlockall};

use super::arguments::Arguments;
use super::error::Error;
use super::handover::{CardBefore, Standing, Wish, off_bridge, onto_bridge};
use super::lease::{await_leases, card_of, give_clients_back, with_clients};
use super::manager::{Root, clients_of, is_wireless, manager_of};
use super::names::Names;
use super::record::{Record, Records, State, Ticket};
use super::recover::settle;
use super::root_storage::{root_storage, source_to};
use super::snapshot::Snapshot;
use super::verify::{answering_gateways, verify};
use crate::dhcp::Client;
use crate::guard::{Network, NetworkGuard, NetworkPolicy};
use crate::plan::{Device, Kernel, Plan};

/// What `start` did.
#[derive(Debug)]
pub enum Started {
    /// The network stands now.
    Now(Record),
    /// It stood already.
    Already(Record),
}

/// How a network is to be started.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// It must be confirmed, see [`watch`](super::watch).
    pub ticket: Option<Ticket>,
    /// Although another program manages the card.
    pub force: bool,
    /// With the DHCP clients that manage the card.
    pub take_over: bool,
}

/// Makes the network, unless it stands. If anything fails, all is as it was before.
pub fn start(
    kernel: &mut Kernel,
    records: &Records,
    names: &Names,
    arguments: &Arguments,
    how: How,
) -> Result<Started, Error> {
    let _lock = records.lock()?;
    if let Some(record) = settle(kernel, records, &names.bridge)? {
        return Ok(Started::Already(record));
    }
    let card = uplink(kernel, names)?;
    let clients = clients(&card, records, how)?;
    check_surroundings(&card, names)?;
    let (plan, mut record) = plan_start(kernel, names, &card, arguments, clients)?;
    record.unconfirmed = how.ticket;
    let answering = answering_gateways(kernel, &card)?;
    records.write(&record)?;
    let made = plan.apply(kernel).map_err(Error::Plan).and_then(|()| {
        verify(kernel, record.front(), &answering).inspect_err(|_| {
            plan.undo(kernel);
        })
    });
    if let Err(error) = made {
        records.remove(&names.bridge)?;
        return Err(error);
    }
    record.state = State::Started;
    records.write(&record)?;
    Ok(Started::Now(record))
}

/// The plan that [`start`] would carry out; none when the network stands.
pub fn start_plan(
    kernel: &mut Kernel,
    records: &Records,
    names: &Names,
    arguments: &Arguments,
    how: How,
) -> Result<Option<Plan>, Error> {
    if records.read(&names.bridge)?.is_some_and(|record| record.state == State::Started) {
        return Ok(None);
    }
    let card = uplink(kernel, names)?;
    // What would be refused can be looked at all the same.
    let clients = if how.take_over { clients(&card, records, how)? } else { Vec::new() };
    Ok(Some(plan_start(kernel, names, &card, arguments, clients)?.0))
}

fn plan_start(
    kernel: &mut Kernel,
    names: &Names,
    card: &Snapshot,
    arguments: &Arguments,
    clients: Vec<Client>,
) -> Result<(Plan, Record), Error> {
    // Devices get their indices from us, so that the record names them whatever they are called.
    let links = kernel.route.links()?;
    let free = links.iter().map(|link| link.index).max().unwrap_or(0) + 1;
    let bridge = Device { index: free, name: names.bridge.clone() };
    let wish =
        Wish { bridge: bridge.clone(), stp: arguments.stp.unwrap_or(false), shape: names.shape(free + 1) };
    let front = wish.shape.front(&wish.bridge);
    let mut plan = with_clients(onto_bridge(card, &wish), &clients, &card.device, front);
    await_leases(&mut plan, &clients, front);
    let name = wish.shape.card_name().unwrap_or(&card.device.name).clone();
    let record = Record {
        bridge,
        uplink: Device { name, ..card.device.clone() },
        shape: wish.shape,
        stp: wish.stp,
        before: CardBefore::of(card),
        antispoof: arguments.antispoof,
        unconfirmed: None,
        clients,
        state: State::Starting(plan.clone()),
    };
    Ok((plan, record))
}

/// The card, if it can become the uplink of a new bridge.
fn uplink(kernel: &mut Kernel, names: &Names) -> Result<Snapshot, Error> {
    for name in names.new_names() {
        if let Some(link) = kernel.route.link(name)? {
            return Err(if link.is_bridge() && *name == names.bridge {
                Error::ForeignBridge(name.clone())
            } else {
                Error::NameTaken(name.clone())
            });
        }
    }
    let Some(card) = Snapshot::take(kernel, &names.uplink)? else {
        let present = kernel.route.links()?.into_iter().filter(|link| !link.is_loopback());
        return Err(Error::NoUplink {
            name: names.uplink.clone(),
            present: present.map(|link| link.name).collect(),
        });
    };
    if let Some(master) = card.link.master {
        let master = kernel.route.link_at(master)?.map_or_else(|| master.to_string(), |link| link.name);
        return Err(Error::UplinkTaken { name: names.uplink.clone(), master });
    }
    if card.link.is_bridge() || card.link.is_loopback() || card.link.mac.is_none() {
        return Err(Error::NoCard(names.uplink.clone()));
    }
    check_uppers(kernel, &card, names)?;
    Ok(card)
}

/// Refuses a card whose traffic goes to devices on top of it, and one whose VLANs would not survive.
fn check_uppers(kernel: &mut Kernel, card: &Snapshot, names: &Names) -> Result<(), Error> {
    let links = kernel.route.links()?;
    let on_top = |kinds: &[&str]| -> Vec<String> {
        let own = links.iter().filter(|link| link.lower == Some(card.link.index) && !link.lower_is_elsewhere);
        let uppers = own.filter(|link| link.kind.as_deref().is_some_and(|kind| kinds.contains(&kind)));
        uppers.map(|link| link.name.clone()).collect()
    };
    let name = card.device.name.clone();
    let uppers = on_top(&["macvlan", "macvtap", "ipvlan", "ipvtap"]);
    if !uppers.is_empty() {
        return Err(Error::Shared { name, uppers });
    }
    let vlans = on_top(&["vlan"]);
    if !vlans.is_empty() && names.renamed.is_some() && card.link.is_up() && !renames_while_up() {
        return Err(Error::Vlans { name, vlans });
    }
    Ok(())
}

/// The DHCP clients that shall go with the card's addresses. Another program that manages the card is a reason to refuse.
fn clients(card: &Snapshot, records: &Records, how: How) -> Result<Vec<Client>, Error> {
    let root = Root(Path::new("/"));
    if how.take_over {
        return clients_of(root, &card.device, &records.clients);
    }
    match manager_of(root, &card.device) {
        Some(manager) if !how.force => Err(Error::Managed { name: card.device.name.clone(), manager }),
        _ => Ok(Vec::new()),
    }
}

/// Refuses what could go wrong for reasons that are not in the kernel's network.
fn check_surroundings(card: &Snapshot, names: &Names) -> Result<(), Error> {
    let root = Root(Path::new("/"));
    let name = &card.device.name;
    if is_wireless(root, name) {
        return Err(Error::Wireless(name.clone()));
    }
    let addresses: Vec<IpAddr> = card.addresses.iter().map(|address| address.local).collect();
    let Some(storage) = root_storage(root).filter(|storage| storage.is_reached_from(&addresses, source_to))
    else {
        return Ok(());
    };
    if names.renamed.is_some() && !renames_while_up() {
        return Err(Error::RootStorage { name: name.clone(), storage });
    }
    // What is not in memory cannot be read while the card changes hands.
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)
        .map_err(|error| Error::Memory(error.into()))
}

/// Linux 6.2 and later rename a device while it is up.
fn renames_while_up() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|text| text.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(2))
}

/// Gives the card everything back, and removes the bridge. Returns false when there is no such network.
pub fn stop(kernel: &mut Kernel, records: &Records, bridge: &LinkName, force: bool) -> Result<bool, Error> {
    let _lock = records.lock()?;
    stop_alone(kernel, records, bridge, force)
}

/// The same for who has the lock.
pub(super) fn stop_alone(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
    force: bool,
) -> Result<bool, Error> {
    let Some(record) = settle(kernel, records, bridge)? else { return Ok(false) };
    let Some(plan) = plan_stop(kernel, &record, force)? else {
        // Someone else has removed the bridge.
        give_clients_back(kernel, &record);
        records.remove(bridge)?;
        return Ok(true);
    };
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
    Ok(true)
}

/// The plan that [`stop`] would carry out; none when there is nothing to undo.
pub fn stop_plan(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
    force: bool,
) -> Result<Option<Plan>, Error> {
    match records.read(bridge)? {
        Some(record) => plan_stop(kernel, &record, force),
        None => Ok(None),
    }
}

fn plan_stop(kernel: &mut Kernel, record: &Record, force: bool) -> Result<Option<Plan>, Error> {
    let Some(mut front) = Snapshot::take(kernel, &record.front().name)? else { return Ok(None) };
    if front.device.index != record.front().index {
        return Err(Error::ForeignBridge(record.front().name.clone()));
    }
    let bridge = kernel.route.link_at(record.bridge.index)?.filter(netkernel::link::Link::is_bridge);
    if let Some(bridge) = &bridge {
        let ports = kernel.route.ports_of(bridge.index)?;
        let own = [Some(record.uplink.index), record.shape.back().map(|back| back.index)];
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
    let standing = Standing {
        front: &front,
        bridge: bridge.as_ref().map(|link| (&record.bridge, link)),
        card: &record.uplink,
        shape: &record.shape,
    };
    let plan = off_bridge(standing, &record.before);
    Ok(Some(with_clients(plan, &record.clients, record.front(), &card_of(record))))
}
