//! What a run that was killed left half done: undone or finished, from its record.

use std::fmt;

use netkernel::address::Address;
use netkernel::link::{Link, LinkChange, LinkName};

use super::error::Error;
use super::lease::give_clients_back;
use super::record::{Record, Records, State};
use crate::plan::{Device, Kernel, Plan};

/// What became of a network whose start or stop was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It was being started; all is as it was before.
    Undone(Record),
    /// It was being stopped; that is done.
    Finished(Record),
    /// Someone else has removed its bridge; its card has back what it had when that was made.
    GivenBack(Record),
    /// Someone else has removed its bridge, and seen to the card; it is forgotten.
    Forgotten(Record),
}

impl Recovered {
    /// The network.
    #[must_use]
    pub const fn record(&self) -> &Record {
        let (Self::Undone(record)
        | Self::Finished(record)
        | Self::GivenBack(record)
        | Self::Forgotten(record)) = self;
        record
    }
}

/// A sentence about the network.
impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { bridge, before, .. } = self.record();
        match self {
            Self::Undone(_) => write!(f, "{bridge}: its start was cut short, and has been undone"),
            Self::Finished(_) => write!(f, "{bridge}: its stop was cut short, and has been finished"),
            Self::GivenBack(_) => {
                write!(
                    f,
                    "{bridge}: another hand has removed it, and {} has back what it had before",
                    before.name
                )
            }
            Self::Forgotten(_) => write!(f, "{bridge}: its bridge is gone, and it is forgotten"),
        }
    }
}

/// Brings every network to where it was before, or to where it was to go.
pub fn recover(kernel: &mut Kernel, records: &Records) -> Result<Vec<Recovered>, Error> {
    let _lock = records.lock()?;
    let mut recovered = Vec::new();
    for record in records.all()? {
        recovered.extend(bring_to_an_end(kernel, records, record)?.err());
    }
    Ok(recovered)
}

/// The same for one network, if there is one. `Ok`: it stands.
pub(super) fn settle(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
) -> Result<Option<Result<Record, Recovered>>, Error> {
    records.read(bridge)?.map(|record| bring_to_an_end(kernel, records, record)).transpose()
}

/// `Ok`: it stands, as it is. `Err`: what had to be done.
fn bring_to_an_end(
    kernel: &mut Kernel,
    records: &Records,
    record: Record,
) -> Result<Result<Record, Recovered>, Error> {
    let recovered = match &record.state {
        State::Started if front_of(kernel, &record)?.is_some() => return Ok(Ok(record)),
        State::Started if is_card_bare(kernel, &record)? => {
            carry_out(&record.made.inverse(), &record, kernel)?;
            Recovered::GivenBack(record)
        }
        State::Started => {
            give_clients_back(kernel, &record);
            Recovered::Forgotten(record)
        }
        State::Starting(plan) => {
            carry_out(&plan.inverse(), &record, kernel)?;
            Recovered::Undone(record)
        }
        State::Stopping(plan) => {
            carry_out(plan, &record, kernel)?;
            Recovered::Finished(record)
        }
    };
    records.remove(&recovered.record().bridge.name)?;
    Ok(Err(recovered))
}

/// The device that has the host's addresses, if it is still there.
///
/// # Errors
/// When it has another name, by which nothing of it would be found.
pub(super) fn front_of(kernel: &mut Kernel, record: &Record) -> Result<Option<Link>, Error> {
    let front = record.front();
    let Some(link) = kernel.route.link_at(front.index)? else { return Ok(None) };
    if link.name == front.name.as_str() {
        return Ok(Some(link));
    }
    // A device that was made later may have its index.
    if link.mac.is_some() && link.mac == record.before.mac && link.index != record.uplink.index {
        return Err(Error::Renamed { wanted: front.name.clone(), is: link.name });
    }
    Ok(None)
}

/// True when nobody has given the card anything since its bridge was removed.
fn is_card_bare(kernel: &mut Kernel, record: &Record) -> Result<bool, Error> {
    let Some(card) = kernel.route.link_at(record.uplink.index)? else { return Ok(false) };
    let addresses = kernel.route.addresses(Some(card.index))?;
    Ok(card.name == record.uplink.name.as_str()
        && card.master.is_none_or(|master| master == record.bridge.index)
        && addresses.iter().all(Address::is_link_local))
}

/// True when there is a device with this index and this name. A run that was cut short may not have come to making it,
/// and then the index may be another's.
fn is_there(kernel: &mut Kernel, device: &Device) -> Result<bool, Error> {
    Ok(kernel.route.link_at(device.index)?.is_some_and(|link| link.name == device.name.as_str()))
}

/// Carries out a plan of which some was done already, and some has nothing to be done to. That such changes fail is
/// right.
fn carry_out(plan: &Plan, record: &Record, kernel: &mut Kernel) -> Result<(), Error> {
    let mut absent = Vec::new();
    for device in [Some(&record.bridge), record.shape.back(), Some(record.front())].into_iter().flatten() {
        if !is_there(kernel, device)? {
            absent.push(device);
        }
    }
    if record.before.up {
        // The run may have been cut short while it was down to be renamed, and a device that is down takes no routes.
        let _ = kernel
            .route
            .change_link(record.uplink.index, &LinkChange { up: Some(true), ..LinkChange::default() });
    }
    for change in &plan.changes {
        if !absent.iter().any(|device| change.concerns(device)) {
            let _ = kernel.apply(change);
        }
    }
    Ok(())
}
