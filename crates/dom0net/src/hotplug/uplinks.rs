//! The devices that routed guests' packets leave the host by, and the host's own addresses on them.

use std::net::IpAddr;

use netkernel::address::Address;
use netkernel::link::LinkName;
use netkernel::netlink;

use super::error::Error;
use super::request::Request;
use crate::network::default_device;
use crate::places::Places;
use crate::plan::{Device, Kernel};
use crate::routed::{Kind, Records};

/// `RT_SCOPE_UNIVERSE`: an address that others may know the host by.
const GLOBAL: u8 = 0;

/// The devices that a routed guest's packets can leave by.
#[derive(Clone, Debug, Default)]
pub(super) struct Uplinks {
    /// The devices. On each the host answers for the guest's addresses.
    pub(super) devices: Vec<Device>,
    /// The host's addresses on them, in the kernel's order.
    addresses: Vec<Address>,
}

impl Uplinks {
    /// The one that the call names; or those that `network-route` was started for; or that of the default route. None
    /// at all is no error: guests reach each other and the host without.
    pub(super) fn find(kernel: &mut Kernel, request: &Request) -> Result<Self, Error> {
        let names = match &request.gateway_device {
            Some(name) => vec![name.clone()],
            None => of_the_host(kernel)?,
        };
        let mut uplinks = Self::default();
        for name in names {
            match kernel.route.link(&name)? {
                Some(link) => uplinks.devices.push(Device { index: link.index, name }),
                None if request.gateway_device.is_some() => return Err(Error::NoGatewayDevice { name }),
                None => {}
            }
        }
        for device in &uplinks.devices {
            uplinks.addresses.extend(kernel.route.addresses(Some(device.index))?);
        }
        Ok(uplinks)
    }

    /// The address that the host is known by, in this family.
    pub(super) fn main_address(&self, is_ipv4: bool) -> Option<IpAddr> {
        let usable = |address: &&Address| {
            address.local.is_ipv4() == is_ipv4 && address.scope == GLOBAL && !address.is_tentative()
        };
        self.addresses.iter().find(usable).map(|address| address.local)
    }
}

/// The cards that `network-route` was started for, or that of the default route.
pub(super) fn of_the_host(kernel: &mut Kernel) -> Result<Vec<LinkName>, netlink::Error> {
    // A record that cannot be read is found fault with by those who start and stop; a plug can do without.
    let started = Records::of(&Places::from_environment()).all(Kind::Route).unwrap_or_default();
    if started.is_empty() {
        return Ok(default_device(kernel)?.into_iter().collect());
    }
    Ok(started.into_iter().map(|record| record.name).collect())
}
