//! What a run that was killed left half done: undone or finished, from its record.

use netkernel::link::{LinkChange, LinkName};

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
    /// Someone else has removed its bridge; it is forgotten.
    Forgotten(Record),
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

/// The same for one network. Returns its record if it stands.
pub(super) fn settle(
    kernel: &mut Kernel,
    records: &Records,
    bridge: &LinkName,
) -> Result<Option<Record>, Error> {
    match records.read(bridge)? {
        Some(record) => Ok(bring_to_an_end(kernel, records, record)?.ok()),
        None => Ok(None),
    }
}

/// `Ok`: it stands, as it is. `Err`: what had to be done.
fn bring_to_an_end(
    kernel: &mut Kernel,
    records: &Records,
    record: Record,
) -> Result<Result<Record, Recovered>, Error> {
    let recovered = match &record.state {
        State::Started if is_there(kernel, record.front())? => return Ok(Ok(record)),
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
    let (Recovered::Undone(record) | Recovered::Finished(record) | Recovered::Forgotten(record)) = &recovered;
    records.remove(&record.bridge.name)?;
    Ok(Err(recovered))
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
