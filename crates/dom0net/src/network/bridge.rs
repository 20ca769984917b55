//! `network-bridge start`: the host's card becomes the uplink of a bridge.

use std::net::IpAddr;
use std::path::Path;

use nix::sys::mman::{MlockAllFlags, mlockall};

use super::arguments::Arguments;
use super::error::Error;
use super::handover::{CardBefore, Wish, onto_bridge};
use super::lease::{await_leases, with_clients};
use super::manager::{Root, clients_of, is_wireless, manager_of};
use super::names::Names;
use super::record::{Record, Records, State, Ticket};
use super::recover::settle;
use super::root_storage::{root_storage, source_to};
use super::snapshot::Snapshot;
use super::verify::{answering_gateways, verify};
use crate::dhcp::Client;
use crate::plan::{Device, Kernel, Plan};

/// What `start` did.
#[derive(Debug)]
pub enum Started {
    /// The network stands now.
    Now {
        /// Its record.
        record: Record,
        /// The gateways that answer through it; none: nobody answered before, so that nobody could be asked.
        gateways: Vec<IpAddr>,
    },
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
    if let Some(Ok(record)) = settle(kernel, records, &names.bridge)? {
        return stands(records, record, arguments).map(Started::Already);
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
    (record.made, record.state) = (plan, State::Started);
    if let Err(error) = records.write(&record) {
        // By the record that is there, the next start or stop would undo it at an unexpected moment.
        record.made.undo(kernel);
        records.remove(&names.bridge)?;
        return Err(error.into());
    }
    Ok(Started::Now { record, gateways: answering })
}

/// The plan that [`start`] would carry out; none when the network stands.
pub fn start_plan(
    kernel: &mut Kernel,
    records: &Records,
    names: &Names,
    arguments: &Arguments,
    how: How,
) -> Result<Option<Plan>, Error> {
    if let Some(record) = records.read(&names.bridge)?.filter(|record| record.state == State::Started) {
        return is_as_wanted(&record, arguments).map(|()| None);
    }
    let card = uplink(kernel, names)?;
    // What would be refused can be looked at all the same.
    let clients = if how.take_over { clients(&card, records, how)? } else { Vec::new() };
    Ok(Some(plan_start(kernel, names, &card, arguments, clients)?.0))
}

/// A network that stands is left as it is, but for what holds for guests that come from now on.
fn stands(records: &Records, mut record: Record, arguments: &Arguments) -> Result<Record, Error> {
    is_as_wanted(&record, arguments)?;
    if arguments.antispoof.is_some() && arguments.antispoof != record.antispoof {
        record.antispoof = arguments.antispoof;
        records.write(&record)?;
    }
    Ok(record)
}

/// Whoever asks for something else than what stands is told so: it is not made of what guests and the host use at this moment.
fn is_as_wanted(record: &Record, arguments: &Arguments) -> Result<(), Error> {
    let mut differing = Vec::new();
    let layout = record.shape.layout();
    if let Some(wanted) = arguments.layout.filter(|wanted| *wanted != layout) {
        differing.push(format!("layout={layout}, not {wanted}"));
    }
    let card = &record.before.name;
    if let Some(wanted) = arguments.netdev.as_ref().filter(|name| ![card, &record.uplink.name].contains(name))
    {
        differing.push(format!("netdev={card}, not {wanted}"));
    }
    let word = |is_so| if is_so { "yes" } else { "no" };
    if let Some(wanted) = arguments.stp.filter(|wanted| *wanted != record.stp) {
        differing.push(format!("stp={}, not {}", word(record.stp), word(wanted)));
    }
    if differing.is_empty() {
        return Ok(());
    }
    Err(Error::StandsOtherwise { bridge: record.bridge.name.clone(), differing })
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
        made: Plan::new(),
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

/// Devices that send what they carry through the device that they were made with, whatever the routes say.
const TUNNELS: [&str; 15] = [
    "vxlan",
    "gre",
    "gretap",
    "erspan",
    "ip6gre",
    "ip6gretap",
    "ip6erspan",
    "ipip",
    "sit",
    "ip6tnl",
    "vti",
    "vti6",
    "xfrm",
    "macsec",
    "hsr",
];

/// Refuses a card whose traffic goes to devices on top of it, one that these are bound to, and one whose VLANs would not survive.
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
    let uppers = on_top(&TUNNELS);
    if !uppers.is_empty() {
        return Err(Error::Bound { name, uppers });
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
