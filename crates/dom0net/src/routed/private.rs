//! Bridges that lead nowhere: guests reach each other, and neither the host nor anybody else.
//!
//! The documents make them with `network-bridge bridge=xenbr1 netdev=dummy0`, since Xen's script could not do without a
//! device. A bridge can, so that the kernel needs no driver for dummies.

use netkernel::link::{AddressGeneration, BridgeOptions, LinkChange, LinkName};

use super::choose::mac_of;
use super::error::Error;
use super::keep::Lock;
use super::nat::{bridge_of, stands, take_down};
use super::record::{Kind, Record, Records};
use crate::places::Places;
use crate::plan::{Change, Device, Kernel, NewBridge, Plan};

/// True when a bridge on this device is to have none: it is called `none`, or as the kernel calls its dummies, and
/// is not there.
pub fn is_no_device(kernel: &mut Kernel, netdev: &LinkName) -> Result<bool, Error> {
    let name = netdev.as_str();
    let number = name.strip_prefix("dummy");
    let is_dummy = number.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(matches!(name, "none" | "null") || is_dummy && kernel.route.link(netdev)?.is_none())
}

/// What [`private_start`] would do.
pub fn private_plan(kernel: &mut Kernel, bridge: &LinkName, stp: bool) -> Result<Plan, Error> {
    let links = kernel.route.links()?;
    let index = links.iter().map(|link| link.index).max().unwrap_or(0) + 1;
    let device = Device { index, name: bridge.clone() };
    let mut plan = Plan::new();
    plan.push(Change::CreateBridge(NewBridge {
        device: device.clone(),
        options: BridgeOptions {
            stp: Some(stp),
            forward_delay: (!stp).then_some(0),
            ..BridgeOptions::default()
        },
        link: LinkChange { mac: Some(mac_of(bridge)), ..LinkChange::default() },
    }));
    // The host has no business on it: not even a link-local address.
    let quiet = LinkChange { address_generation: Some(AddressGeneration::None), ..LinkChange::default() };
    plan.push(Change::Link { device: device.clone(), to: quiet, from: LinkChange::default() });
    let up = |up| LinkChange { up: Some(up), ..LinkChange::default() };
    plan.push(Change::Link { device, to: up(true), from: up(false) });
    Ok(plan)
}

/// Makes a bridge without a device. False when it stands already.
pub fn private_start(
    kernel: &mut Kernel,
    places: &Places,
    bridge: &LinkName,
    stp: bool,
) -> Result<bool, Error> {
    let _lock = Lock::take(&places.runtime)?;
    let records = Records::of(places);
    if let Some(known) = records.read(Kind::Private, bridge)? {
        if known.is_complete && stands(kernel, &known)? {
            return Ok(false);
        }
        take_down(kernel, places, &known)?;
    }
    if let Some(link) = kernel.route.link(bridge)? {
        return Err(Error::BridgeTaken { name: bridge.clone(), is_bridge: link.is_bridge() });
    }
    let plan = private_plan(kernel, bridge, stp)?;
    let name = bridge.clone();
    let mut record = Record { kind: Kind::Private, name, gateway: None, plan, is_complete: false };
    records.write(&record)?;
    if let Err(failure) = record.plan.apply(kernel) {
        records.remove(&record)?;
        return Err(failure.into());
    }
    record.is_complete = true;
    records.write(&record)?;
    Ok(true)
}

/// What [`private_stop`] would do; none when there is no such bridge.
pub fn private_stop_plan(places: &Places, bridge: &LinkName) -> Result<Option<Plan>, Error> {
    let record = Records::of(places).read(Kind::Private, bridge)?;
    Ok(record.map(|record| record.plan.inverse()))
}

/// Removes such a bridge. False when there is none of this name.
pub fn private_stop(
    kernel: &mut Kernel,
    places: &Places,
    bridge: &LinkName,
    force: bool,
) -> Result<bool, Error> {
    let _lock = Lock::take(&places.runtime)?;
    let Some(record) = Records::of(places).read(Kind::Private, bridge)? else { return Ok(false) };
    if let Some(device) = bridge_of(&record)
        && stands(kernel, &record)?
    {
        let ports = kernel.route.ports_of(device.index)?;
        let guests: Vec<String> = ports.into_iter().map(|port| port.name).collect();
        if !guests.is_empty() && !force {
            return Err(Error::InUse { name: device.name, guests });
        }
    }
    take_down(kernel, places, &record)?;
    Ok(true)
}
