//! The addresses of a guest behind `vif-nat`: its own, and that of the host on its vif.
//!
//! As Xen's script makes them: a guest without `ip=` is `10.x.y.z`, where x and y are the domain's number and z is the
//! interface's, counted from one; the host has the same address with 127 added to the last octet.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use xenstore::{Client, Requests};

use super::error::Error;
use super::nodes::{BadNode, Wanted, bad};
use super::request::Request;
use super::route::{HostAddress, Routing};
use super::uplinks::Uplinks;
use crate::guard::RoutedBy;
use crate::places::Places;
use crate::remember::{Addresses, Owner};
use crate::vif::Vif;

/// How far the host's address is from the guest's.
const DISTANCE: u8 = 127;
/// The last octet of the last address in a network of 24 bits.
const LAST: u8 = 254;
/// The length of the prefix that the host's address has, where `ip=` says none.
const PREFIX_LENGTH: u8 = 16;
/// Numbers that no domain has (`DOMID_FIRST_RESERVED`): for guests whose own number was another's before.
const FREE_NUMBERS: std::ops::RangeInclusive<u32> = 0x7ff0..=0xffff;

/// Fills in what the guest did not say, and finds out how the host leads to it. What the guest may send follows from the
/// result.
pub(super) fn addressing(
    wanted: &mut Wanted,
    request: &Request,
    store: &mut Client,
    uplinks: &Uplinks,
) -> Result<Routing, Error> {
    fill_in(wanted, request, store)?;
    let mut routing = Routing { answer_on: uplinks.devices.clone(), ..Routing::none(RoutedBy::Nat) };
    for network in &wanted.addresses {
        let IpNet::V4(network) = network else {
            routing.guest.push(network.trunc());
            continue;
        };
        // What is behind the slash says how large the network is that the guest believes to be in.
        let address = network.addr();
        let prefix_length = if network.prefix_len() == 32 { PREFIX_LENGTH } else { network.prefix_len() };
        let router = router_of(address)?;
        routing.guest.push(IpNet::from(IpAddr::from(address)));
        routing.own.push(HostAddress { address: router.into(), prefix_length });
        routing.source[0].get_or_insert(router.into());
    }
    if let Some(address) = uplinks.main_address(false) {
        routing.own.push(HostAddress { address, prefix_length: 128 });
        routing.source[1] = Some(address);
    }
    Ok(routing)
}

/// The guest's own addresses and networks, with those that are made up for it.
pub(super) fn guest_addresses(
    wanted: &Wanted,
    request: &Request,
    store: &mut Client,
) -> Result<Vec<IpNet>, Error> {
    let mut wanted = wanted.clone();
    fill_in(&mut wanted, request, store)?;
    // What is behind an IPv4 address says how large its network is, and not what the guest has of it.
    let own =
        |network: &IpNet| if network.addr().is_ipv4() { network.addr().into() } else { network.trunc() };
    Ok(wanted.addresses.iter().map(own).collect())
}

fn fill_in(wanted: &mut Wanted, request: &Request, store: &mut Client) -> Result<(), Error> {
    if !wanted.addresses.iter().any(|network| network.addr().is_ipv4()) {
        let made_up = made_up(request, store)?;
        wanted.addresses.push(IpAddr::from(made_up).into());
    }
    Ok(())
}

/// The address that the guest had before, or one that no other has.
fn made_up(request: &Request, store: &mut Client) -> Result<Ipv4Addr, Error> {
    let vif = request.port.vif;
    let domain = format!("/local/domain/{}", vif.domid);
    let uuid = store.read_text(&format!("{domain}/vm")).ok().flatten();
    let uuid = uuid.and_then(|path| Some(path.strip_prefix("/vm/")?.to_owned()));
    let Some(uuid) = uuid.filter(|uuid| !uuid.is_empty()) else { return Ok(address_of(vif.domid, vif)?) };
    let name = store.read_text(&format!("{domain}/name")).ok().flatten().unwrap_or_default();
    let own = address_of(vif.domid, vif)?;
    let others = FREE_NUMBERS.filter_map(|number| address_of(number, vif).ok());
    let owner = Owner { uuid, devid: vif.devid };
    let address = Addresses::of(&Places::from_environment(), &owner, &name, [own].into_iter().chain(others))?;
    Ok(address.ok_or_else(|| bad("ip", "", "all addresses that could be made up are in use; give it one"))?)
}

/// `10.x.y.z` of a number of 16 bits and an interface.
fn address_of(number: u32, vif: Vif) -> Result<Ipv4Addr, BadNode> {
    let last = u8::try_from(vif.devid).ok().and_then(|devid| devid.checked_add(1));
    let last = last.filter(|&last| last <= LAST - DISTANCE);
    match (u16::try_from(number).map(u16::to_be_bytes), last) {
        (Ok([high, low]), Some(last)) => Ok(Ipv4Addr::new(10, high, low, last)),
        _ => Err(bad("ip", "", &format!("no address can be made up for {vif}; give it one"))),
    }
}

/// The host's address on the vif of a guest with this one.
fn router_of(guest: Ipv4Addr) -> Result<Ipv4Addr, BadNode> {
    let [a, b, c, d] = guest.octets();
    match d.checked_add(DISTANCE).filter(|&sum| sum <= LAST && d > 0) {
        Some(sum) => Ok(Ipv4Addr::new(a, b, c, sum)),
        None => Err(bad(
            "ip",
            &guest.to_string(),
            "with vif-nat the host's address is 127 further in the last octet, which must be from 1 to 127",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_addresses_come_out() {
        let made_up = |domid, devid| address_of(domid, Vif { domid, devid }).map(|it| it.to_string());
        assert_eq!(made_up(1, 0).unwrap(), "10.0.1.1");
        assert_eq!(made_up(300, 2).unwrap(), "10.1.44.3");
        assert_eq!(router_of(Ipv4Addr::new(10, 0, 0, 1)).unwrap().to_string(), "10.0.0.128");
    }

    #[test]
    fn what_would_run_over_is_told() {
        let address = |domid, devid| address_of(domid, Vif { domid, devid });
        assert!(address(1, 126).is_ok() && address(1, 127).is_err() && address(0x1_0000, 0).is_err());
        assert!(router_of(Ipv4Addr::new(10, 0, 0, 127)).is_ok());
        for last in [0, 128, 200, 255] {
            let error = router_of(Ipv4Addr::new(10, 0, 0, last)).unwrap_err().to_string();
            assert!(error.contains("from 1 to 127"), "{error}");
        }
    }
}
