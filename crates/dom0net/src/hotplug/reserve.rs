//! Making a guest known to the DHCP server of its network, where there is one.

use std::net::IpAddr;

use ipnet::IpNet;
use netkernel::link::LinkName;
use xenstore::{Client, Requests};

use super::error::Error;
use super::mode::Mode;
use super::nodes::bad;
use super::prepare::Prepared;
use super::request::Request;
use crate::places::Places;
use crate::routed::{Kind, Records, Reservation, Reserved, bridge_of};
use crate::vif::PortKind;

/// What is to be reserved for the guest, if its network serves addresses.
pub(super) fn reservations(
    mode: Mode,
    request: &Request,
    prepared: &Prepared,
    store: &mut Client,
    places: &Places,
) -> Result<Vec<Reserved>, Error> {
    // The other of a guest's two devices has the same addresses.
    if request.port.kind == PortKind::Tap || prepared.addresses.is_empty() {
        return Ok(Vec::new());
    }
    let mut reserved = Vec::new();
    for network in networks(mode, prepared, places) {
        if !Reservation::is_served(places, &network) {
            continue;
        }
        // The server listens on devices by the beginning of their names, since it is started before they come.
        if mode == Mode::Nat && !prepared.name.as_str().starts_with("vif") {
            let fault = "where the network serves addresses (dhcp=yes), it must begin with vif";
            return Err(bad("vifname", prepared.name.as_str(), fault).into());
        }
        let name = store.read_text(&format!("/local/domain/{}/name", request.port.vif.domid)).ok().flatten();
        let addresses = prepared.addresses.iter().filter_map(single).collect();
        reserved.push(Reservation { mac: prepared.mac, addresses, name }.reserved(&network));
    }
    Ok(reserved)
}

/// The networks that the guest is in, as far as they can serve addresses.
fn networks(mode: Mode, prepared: &Prepared, places: &Places) -> Vec<LinkName> {
    match mode {
        Mode::Bridge => prepared.bridge.iter().map(|bridge| bridge.name.clone()).collect(),
        Mode::Nat => {
            let records = Records::of(places).all(Kind::Nat).unwrap_or_default();
            let of_guests = records.into_iter().filter(|record| bridge_of(record).is_none());
            of_guests.map(|record| record.name).collect()
        }
        Mode::Route | Mode::OpenVSwitch => Vec::new(),
    }
}

/// The address that an entry of `ip=` gives the guest, unless it is a network alone.
fn single(network: &IpNet) -> Option<IpAddr> {
    let is_single = network.prefix_len() == network.max_prefix_len();
    (is_single || network.addr() != network.network()).then(|| network.addr())
}
