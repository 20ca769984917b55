//! `network-route`: the host answers for its guests on its card, and passes their packets on.

use netkernel::Family;
use netkernel::link::LinkName;
use netkernel::sysctl::Sysctl;

use super::error::Error;
use super::forget::forget_routed;
use super::forwarding::{self, push_setting, put_back};
use super::keep::Lock;
use super::record::{Gateway, Kind, Record, Records};
use crate::network;
use crate::places::Places;
use crate::plan::{Device, Kernel, Plan};

/// The device that guests' packets leave the host by: the one that is named, or that of the default route.
pub fn gateway_device(kernel: &mut Kernel, named: Option<&LinkName>) -> Result<Device, Error> {
    let name = match named {
        Some(name) => name.clone(),
        None => network::default_device(kernel)?.ok_or(network::Error::NoDefaultRoute)?,
    };
    if let Some(link) = kernel.route.link(&name)? {
        return Ok(Device { index: link.index, name });
    }
    let others = kernel.route.links()?.into_iter().filter(|link| !link.is_loopback());
    Err(Error::NoGateway { name, present: others.map(|link| link.name).collect() })
}

/// The network that a call means, if it was started: that of the device which is named, or the only one.
pub fn started(records: &Records, named: Option<&LinkName>) -> Result<Option<Record>, Error> {
    if let Some(name) = named {
        return records.read(Kind::Route, name);
    }
    let mut known = records.all(Kind::Route)?;
    Ok(known.pop().filter(|_| known.is_empty()))
}

/// What [`start`] would do.
pub fn start_plan(kernel: &mut Kernel, device: &Device) -> Result<Plan, Error> {
    let mut plan = gateway_plan(device)?;
    plan.changes.extend(forwarding::plan(kernel)?.changes);
    Ok(plan)
}

/// Makes the host forward, and answer on the device for what it leads to. Starting twice is as good as once.
pub fn start(kernel: &mut Kernel, places: &Places, device: &Device) -> Result<Record, Error> {
    let _lock = Lock::take(&places.runtime)?;
    let records = Records::of(places);
    let known = records.read(Kind::Route, &device.name)?;
    let mut record = Record {
        kind: Kind::Route,
        name: device.name.clone(),
        gateway: Some(Gateway { device: device.clone() }),
        // What was there before the first start counts, whatever somebody has changed since.
        plan: match known.filter(|record| record.gateway.as_ref().is_some_and(|it| it.device == *device)) {
            Some(record) => record.plan,
            None => gateway_plan(device)?,
        },
        is_complete: false,
    };
    records.write(&record)?;
    let made = record.plan.apply(kernel).map_err(Error::from);
    if let Err(error) = made.and_then(|()| forwarding::hold(places, &user(&record), kernel)) {
        put_back(&record.plan, kernel);
        forwarding::release(places, &user(&record), kernel)?;
        records.remove(&record)?;
        return Err(error);
    }
    record.is_complete = true;
    records.write(&record)?;
    Ok(record)
}

/// What [`stop`] would do, but for what other networks still need.
#[must_use]
pub fn stop_plan(record: &Record) -> Plan {
    record.plan.inverse()
}

/// Puts all back that [`start`] has changed.
pub fn stop(kernel: &mut Kernel, places: &Places, record: &Record) -> Result<(), Error> {
    let _lock = Lock::take(&places.runtime)?;
    let mut left = put_back(&record.plan, kernel);
    left.extend(forwarding::release(places, &user(record), kernel)?);
    Records::of(places).remove(record)?;
    forget_routed(kernel);
    if left.is_empty() { Ok(()) } else { Err(Error::Left(left)) }
}

/// Under which name this network holds the host's forwarding.
pub(super) fn user(record: &Record) -> String {
    format!("{} {}", record.kind.word(), record.name)
}

/// The host answers ARP and neighbour solicitations for those that it has routes to, and at once: by default it would let
/// most of a second pass.
fn gateway_plan(device: &Device) -> Result<Plan, Error> {
    let mut plan = Plan::new();
    let name = &device.name;
    let always = |_: &str| true;
    push_setting(&mut plan, Sysctl::of_link(Family::Inet, name, "proxy_arp"), "1", always)?;
    push_setting(&mut plan, Sysctl::of_neighbours(Family::Inet, name, "proxy_delay"), "0", always)?;
    push_setting(&mut plan, Sysctl::of_link(Family::Inet6, name, "proxy_ndp"), "1", always)?;
    push_setting(&mut plan, Sysctl::of_neighbours(Family::Inet6, name, "proxy_delay"), "0", always)?;
    Ok(plan)
}
