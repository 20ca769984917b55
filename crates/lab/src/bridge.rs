//! A bridge made by the administrator, for scripts that expect one.

use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName, Master};

use crate::{Error, Interface, Station};

/// Makes a bridge with ports. The first port's addresses and gateways move to the bridge, as the distribution's
/// configuration would have them from the start.
pub(crate) fn add(host: &Station, name: &str, ports: &[&str]) -> Result<(), Error> {
    let failed = host.kernel_error();
    let mut kernel = host.kernel()?;
    let first = ports.first().map(|port| interface_of(host, port)).transpose()?;
    let options = BridgeOptions { stp: Some(false), forward_delay: Some(0), ..BridgeOptions::default() };
    let mac = first.as_ref().and_then(|first| first.mac);
    let change = LinkChange { mac, ..LinkChange::default() };
    kernel.create_link(&LinkName::new(name)?, &LinkKind::Bridge(options), &change).map_err(&failed)?;
    let bridge = host.link(name)?.index;
    for port in ports {
        let index = host.link(port)?.index;
        for address in kernel.addresses(Some(index)).map_err(&failed)? {
            kernel.remove_address(&address).map_err(&failed)?;
        }
        let enslave =
            LinkChange { master: Some(Master::Link(bridge)), up: Some(true), ..LinkChange::default() };
        kernel.change_link(index, &enslave).map_err(&failed)?;
    }
    host.configure(name, &first.unwrap_or_default())?;
    if ports.is_empty() { Ok(()) } else { host.wait_ready(name) }
}

/// How a device is set up now.
fn interface_of(station: &Station, link: &str) -> Result<Interface, Error> {
    let failed = station.kernel_error();
    let mut kernel = station.kernel()?;
    let link = station.link(link)?;
    let addresses = kernel.addresses(Some(link.index)).map_err(&failed)?;
    let mut gateways = Vec::new();
    for family in [netkernel::Family::Inet, netkernel::Family::Inet6] {
        let routes = kernel.routes(family, Some(link.index)).map_err(&failed)?;
        let defaults = routes.iter().filter(|route| route.destination_length == 0);
        gateways.extend(defaults.filter_map(netkernel::route::Route::gateway));
    }
    let addresses = addresses
        .iter()
        .filter(|address| !address.is_link_local())
        .filter_map(|address| ipnet::IpNet::new(address.local, address.prefix_length).ok())
        .collect();
    Ok(Interface { mac: link.mac, addresses, gateways })
}
