//! Finding the devices that a call is about.

use std::borrow::Cow;
use std::thread;
use std::time::{Duration, Instant};

use netkernel::link::{Link, LinkName};
use netkernel::netlink;

use super::bridge::Bridge;
use super::error::Error;
use super::request::Request;
use crate::network::Records;
use crate::places::Places;
use crate::plan::{Device, Kernel};
use crate::vif::Port;

/// The port's device, under the name that it was made with or the one that it has been given.
pub(super) fn find(
    kernel: &mut Kernel,
    request: &Request,
    wanted: &LinkName,
) -> Result<(Device, Link), Error> {
    let found = find_existing(kernel, request.port, &request.device, Some(wanted))?;
    found.ok_or_else(|| Error::NoDevice { name: request.device.clone() })
}

/// The same, for when the device may be gone.
pub(super) fn find_existing(
    kernel: &mut Kernel,
    port: Port,
    made_as: &LinkName,
    named: Option<&LinkName>,
) -> Result<Option<(Device, Link)>, netlink::Error> {
    if let Some(link) = kernel.route.link(made_as)? {
        return Ok(Some((Device { index: link.index, name: made_as.clone() }, link)));
    }
    let Some(named) = named.filter(|named| *named != made_as) else { return Ok(None) };
    // The name may be another's by now: that of the same guest, started anew.
    let link = kernel.route.link(named)?.filter(|link| link.alias.as_deref() == Some(&port.to_string()));
    Ok(link.map(|link| (Device { index: link.index, name: named.clone() }, link)))
}

/// The bridge that a vif belongs to.
///
/// As Xen's script has it since the bridge was called like the card (Xen 3.2 to 4.4): a bridge `xenbrN` that does
/// not exist is `ethN`, if that is a bridge. Without a name it is the first bridge of the host; those that were made for
/// guests come before those that others made for purposes of their own.
pub(super) fn find_bridge(
    kernel: &mut Kernel,
    port: Port,
    wanted: Option<&LinkName>,
) -> Result<Bridge, Error> {
    let Some(name) = wanted else { return first_bridge(kernel, port) };
    match kernel.route.link(name)? {
        Some(link) if link.is_bridge() => return Ok(bridge(name.clone(), &link)),
        Some(link) => {
            return Err(Error::NotABridge { name: name.clone(), kind: link.kind.map(Cow::into_owned) });
        }
        None => {}
    }
    if let Some(card) = translated(name)
        && let Some(link) = kernel.route.link(&card)?
        && link.is_bridge()
    {
        return Ok(bridge(card, &link));
    }
    Err(Error::NoBridge { port, wanted: Some(name.clone()), present: bridge_names(kernel)? })
}

fn first_bridge(kernel: &mut Kernel, port: Port) -> Result<Bridge, Error> {
    let bridges = kernel.route.links_of_kind("bridge")?;
    let named = bridges.iter().filter_map(|link| Some(bridge(LinkName::new(&link.name[..]).ok()?, link)));
    // Who cannot tell takes the first of all.
    let ours = Records::of(&Places::from_environment()).all().unwrap_or_default();
    let is_foreign = |name: &LinkName| !ours.iter().any(|record| record.bridge.name == *name);
    let first = named.min_by_key(|bridge| (is_foreign(&bridge.device.name), bridge.device.name.clone()));
    first.ok_or(Error::NoBridge { port, wanted: None, present: Vec::new() })
}

fn bridge(name: LinkName, link: &Link) -> Bridge {
    let options = link.bridge.as_ref();
    Bridge {
        device: Device { index: link.index, name },
        mtu: link.mtu,
        vlan_filtering: options.and_then(|options| options.vlan_filtering),
        default_pvid: options.and_then(|options| options.default_pvid).unwrap_or(1),
    }
}

/// What the device is a port of.
pub(super) fn master_of(kernel: &mut Kernel, link: &Link) -> Result<Option<Device>, netlink::Error> {
    let Some(index) = link.master else { return Ok(None) };
    let master = kernel.route.link_at(index)?;
    Ok(master.and_then(|master| Some(Device { index, name: LinkName::new(master.name).ok()? })))
}

/// How long another device has to go that has the name or an address that this one shall have: that of the same guest,
/// which has just been started anew.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// Waits while something is so, up to a limit.
pub(super) fn await_while(
    mut is_so: impl FnMut() -> Result<bool, netlink::Error>,
) -> Result<(), netlink::Error> {
    let end = Instant::now() + PATIENCE;
    while is_so()? && Instant::now() < end {
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn bridge_names(kernel: &mut Kernel) -> Result<Vec<String>, netlink::Error> {
    let mut names: Vec<String> =
        kernel.route.links_of_kind("bridge")?.into_iter().map(|bridge| bridge.name).collect();
    names.sort();
    Ok(names)
}

fn translated(name: &LinkName) -> Option<LinkName> {
    let number = name.as_str().strip_prefix("xenbr")?;
    LinkName::new(format!("eth{number}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_bridge_names_lead_to_the_card_of_that_number() {
        let translate = |name: &str| translated(&LinkName::new(name).unwrap()).map(|name| name.to_string());
        assert_eq!(translate("xenbr0").as_deref(), Some("eth0"));
        assert_eq!(translate("br0"), None);
    }
}
