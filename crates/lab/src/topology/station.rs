//! A network namespace with a name.

use std::net::IpAddr;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::address::{Address, address_flags};
use netkernel::link::{Link, LinkChange, LinkName};
use netkernel::namespace::Namespace;
use netkernel::packet::PacketSocket;
use netkernel::route::{Route, route_numbers};
use netkernel::sysctl::Sysctl;
use netkernel::{Family, Rtnetlink};

use crate::Error;

/// How long the kernel has to make a device ready whose two ends are up. It takes it a millisecond.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// A machine as far as the network is concerned: the host, a guest, the gateway, the switch.
///
/// It lives as long as this value; the devices in it go with it.
///
/// ```no_run
/// use lab::Station;
///
/// let station = Station::new("laptop")?;
/// let links = station.kernel()?.links()?;
/// assert_eq!(links[0].name, "lo");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Station {
    name: String,
    namespace: Namespace,
}

/// How a station's network device is set up by its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its MAC address; none: the kernel's choice, or the one that it has.
    pub mac: Option<MacAddress>,
    /// Its addresses, each with the length of its network's prefix.
    pub addresses: Vec<IpNet>,
    /// Where the default routes lead. A gateway outside of the networks of all addresses is reached directly.
    pub gateways: Vec<IpAddr>,
}

impl Station {
    /// Makes a station without any network device but the loopback device, which is up.
    ///
    /// Addresses are usable at once in it: it does not ask whether another has them already, which would take a
    /// second.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let namespace =
            Namespace::new().map_err(Error::system(format!("make a network namespace for {name}")))?;
        let station = Self { name, namespace };
        for (key, value) in [("conf/all/accept_dad", "0"), ("conf/default/accept_dad", "0")] {
            station.set(&Sysctl::of_host(Family::Inet6, key), value)?;
        }
        // Inherited from the machine, unlike the rest.
        station.set(&Sysctl::of_host(Family::Inet, "ip_forward"), "0")?;
        station.change("lo", &LinkChange { up: Some(true), ..LinkChange::default() })?;
        Ok(station)
    }

    /// What it is called: "host", "gateway", the guest's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Calls `work` in a thread of this station, and waits for it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        self.namespace.run(work).map_err(Error::system(format!("work in the namespace of {}", self.name)))
    }

    /// A handle on its devices, addresses, routes and neighbours. It can be used from anywhere.
    pub fn kernel(&self) -> Result<Rtnetlink, Error> {
        self.run(Rtnetlink::open)?.map_err(self.kernel_error())
    }

    /// Starts a program in it.
    pub fn spawn(&self, command: &mut Command) -> Result<Child, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        self.run(|| command.spawn())?
            .map_err(Error::system(format!("start {program} in the namespace of {}", self.name)))
    }

    /// A socket for whole frames on one of its devices.
    pub fn socket(&self, link: &str) -> Result<PacketSocket, Error> {
        let name = LinkName::new(link)?;
        self.run(|| PacketSocket::open(&name))?
            .map_err(Error::system(format!("open a packet socket on {link} of {}", self.name)))
    }

    /// Changes a kernel setting.
    pub fn set(&self, setting: &Sysctl, value: &str) -> Result<(), Error> {
        self.run(|| setting.write(value))?
            .map_err(|source| Error::Setting { station: self.name.clone(), source })
    }

    /// One of its devices.
    pub fn link(&self, name: &str) -> Result<Link, Error> {
        let found = self.kernel()?.link(&LinkName::new(name)?).map_err(self.kernel_error())?;
        found.ok_or_else(|| self.missing(format!("network device {name}")))
    }

    /// The MAC address of one of its devices.
    pub fn mac(&self, link: &str) -> Result<MacAddress, Error> {
        self.link(link)?.mac.ok_or_else(|| self.missing(format!("MAC address on {link}")))
    }

    /// Changes one of its devices.
    pub fn change(&self, link: &str, change: &LinkChange) -> Result<(), Error> {
        let index = self.link(link)?.index;
        self.kernel()?.change_link(index, change).map_err(self.kernel_error())
    }

    /// Adds an address to one of its devices.
    pub fn add_address(&self, link: &str, address: IpNet) -> Result<(), Error> {
        let index = self.link(link)?.index;
        self.kernel()?.add_address(&address_of(index, address)).map_err(self.kernel_error())
    }

    /// Adds a route by way of a gateway that is on the network of one of its addresses.
    pub fn add_route(&self, destination: IpNet, gateway: IpAddr) -> Result<(), Error> {
        let route = Route::to(destination.network(), destination.prefix_len()).via(gateway);
        self.kernel()?.replace_route(&route).map_err(self.kernel_error())
    }

    /// Sets up a device as its owner would: MAC address, up, addresses, default routes. It has these when this
    /// returns, whether or not there is a carrier.
    pub fn configure(&self, link: &str, interface: &Interface) -> Result<(), Error> {
        let failed = self.kernel_error();
        let mut kernel = self.kernel()?;
        let index = self.link(link)?.index;
        let up = LinkChange { mac: interface.mac, up: Some(true), ..LinkChange::default() };
        kernel.change_link(index, &up).map_err(&failed)?;
        for address in &interface.addresses {
            kernel.add_address(&address_of(index, *address)).map_err(&failed)?;
        }
        for &gateway in &interface.gateways {
            for route in default_routes(index, gateway, &interface.addresses) {
                kernel.replace_route(&route).map_err(&failed)?;
            }
        }
        Ok(())
    }

    /// Waits until a device that is up can pass traffic: it has a carrier, and its IPv6 addresses have been taken
    /// into use.
    pub fn wait_ready(&self, link: &str) -> Result<(), Error> {
        self.wait_ready_within(link, READY_LIMIT)
    }

    pub(crate) fn wait_ready_within(&self, link: &str, limit: Duration) -> Result<(), Error> {
        let failed = self.kernel_error();
        let mut kernel = self.kernel()?;
        let name = LinkName::new(link)?;
        let begin = Instant::now();
        loop {
            let Some(link) = kernel.link(&name).map_err(&failed)? else {
                return Err(self.missing(format!("network device {name}")));
            };
            if link.is_running() && uses_its_addresses(&mut kernel, link.index).map_err(&failed)? {
                return Ok(());
            }
            if begin.elapsed() > limit {
                let what = format!("{name} to get ready");
                return Err(Error::Late { station: self.name.clone(), what, waited: limit });
            }
            thread::sleep(Duration::from_micros(200));
        }
    }

    pub(crate) fn kernel_error(&self) -> impl Fn(netkernel::netlink::Error) -> Error + use<> {
        let station = self.name.clone();
        move |source| Error::Kernel { station: station.clone(), source }
    }

    pub(crate) fn missing(&self, what: impl Into<String>) -> Error {
        Error::Missing { station: self.name.clone(), what: what.into() }
    }
}

fn address_of(link: u32, net: IpNet) -> Address {
    let mut address = Address::new(link, net.addr(), net.prefix_len());
    match net {
        IpNet::V4(net) if net.prefix_len() < 31 => address.broadcast = Some(net.broadcast()),
        IpNet::V4(_) => {}
        IpNet::V6(_) => address.flags = address_flags::NODAD,
    }
    address
}

/// The default route by way of `gateway`, and the route to the gateway when no address brings one.
fn default_routes(link: u32, gateway: IpAddr, addresses: &[IpNet]) -> Vec<Route> {
    let anywhere: IpAddr = match gateway {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let default = Route::to(anywhere, 0).via(gateway).through(link);
    let is_link_local = matches!(gateway, IpAddr::V6(gateway) if gateway.is_unicast_link_local());
    if is_link_local || addresses.iter().any(|net| net.contains(&gateway)) {
        return vec![default];
    }
    let length = if gateway.is_ipv4() { 32 } else { 128 };
    vec![Route::to(gateway, length).through(link), default]
}

/// Whether each IPv6 address of the device has its local route: the kernel adds that a little later, and until then
/// the address is not answered for.
fn uses_its_addresses(kernel: &mut Rtnetlink, link: u32) -> Result<bool, netkernel::netlink::Error> {
    let addresses = kernel.addresses(Some(link))?;
    let local: Vec<IpAddr> = kernel
        .routes(Family::Inet6, Some(link))?
        .iter()
        .filter(|route| route.table() == route_numbers::TABLE_LOCAL && route.destination_length == 128)
        .filter_map(Route::destination)
        .collect();
    Ok(addresses.iter().all(|address| address.family() != Family::Inet6 || local.contains(&address.local)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(gateway: &str, addresses: &[&str]) -> Vec<String> {
        let addresses: Vec<IpNet> = addresses.iter().map(|net| net.parse().unwrap()).collect();
        default_routes(2, gateway.parse().unwrap(), &addresses).iter().map(Route::to_string).collect()
    }

    #[test]
    fn a_gateway_outside_of_all_networks_gets_a_route_of_its_own() {
        assert_eq!(routes("10.0.0.254", &["10.0.0.1/24"]), ["default via 10.0.0.254"]);
        assert_eq!(routes("10.0.0.254", &["10.0.0.1/32"]), ["10.0.0.254/32", "default via 10.0.0.254"]);
        assert_eq!(routes("fe80::1", &[]), ["default (IPv6) via fe80::1"]);
        assert_eq!(
            routes("2001:db8::fe", &["2001:db8:1::1/64"]),
            ["2001:db8::fe/128", "default (IPv6) via 2001:db8::fe"]
        );
    }
}
