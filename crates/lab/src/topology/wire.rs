//! The cable and what hangs on it.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Mutex;

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::Family;
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName, Master};
use netkernel::sysctl::Sysctl;

use super::station::{Interface, Station};
use crate::Error;
use crate::guest::lock;

/// The device that is the switch.
const SWITCH: &str = "switch";
/// The device of stations on the wire.
const CARD: &str = "eth0";

/// What is at the other end of the host's cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireConfig {
    /// The gateway's addresses.
    pub gateway: Vec<IpNet>,
    /// The gateway's MAC address.
    pub gateway_mac: MacAddress,
    /// Addresses far away, which answer to those who use their default route.
    pub internet: Vec<IpAddr>,
}

impl Default for WireConfig {
    /// A gateway `10.0.0.254/24` and `2001:db8::fe/64`, and `192.0.2.1` and `2001:db8:ffff::1` behind it.
    fn default() -> Self {
        Self {
            gateway: vec![net([10, 0, 0, 254], 24), net([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xfe], 64)],
            gateway_mac: MacAddress::new([0x52, 0x54, 0, 0, 0, 0xfe]),
            internet: vec![[192, 0, 2, 1].into(), [0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1].into()],
        }
    }
}

/// A network of this prefix length around the address.
pub(crate) fn net(address: impl Into<IpAddr>, length: u8) -> IpNet {
    // Lengths here are constants that fit.
    let address = address.into();
    IpNet::new(address, length).unwrap_or_else(|_| IpNet::from(address))
}

/// An Ethernet: a switch that forwards everything, and a gateway on it.
#[derive(Debug)]
pub struct Wire {
    switch: Station,
    gateway: Station,
    config: WireConfig,
    /// The names of stations, and of the ports that their cables end in.
    ports: Mutex<Vec<(String, String)>>,
}

impl Wire {
    /// Makes the switch and the gateway.
    pub fn new(config: WireConfig) -> Result<Self, Error> {
        let switch = Station::new(SWITCH)?;
        // A dumb one: it floods multicast, and has no spanning tree to wait for.
        let options = BridgeOptions {
            stp: Some(false),
            forward_delay: Some(0),
            multicast_snooping: Some(false),
            ..BridgeOptions::default()
        };
        switch
            .kernel()?
            .create_link(&LinkName::new(SWITCH)?, &LinkKind::Bridge(options), &LinkChange::default())
            .map_err(switch.kernel_error())?;
        let wire = Self { switch, gateway: Station::new("gateway")?, config, ports: Mutex::default() };
        wire.make_gateway()?;
        Ok(wire)
    }

    fn make_gateway(&self) -> Result<(), Error> {
        let interface = Interface {
            mac: Some(self.config.gateway_mac),
            addresses: self.config.gateway.clone(),
            gateways: Vec::new(),
        };
        self.plug(&self.gateway, &LinkName::new(CARD)?, &interface)?;
        // Only now: a bridge that comes up without a carrier may wait a second before it takes notice of one.
        self.switch.change(SWITCH, &LinkChange { up: Some(true), ..LinkChange::default() })?;
        self.switch.wait_ready(SWITCH)?;
        self.gateway.wait_ready(CARD)?;
        for &address in &self.config.internet {
            self.gateway.add_address("lo", IpNet::from(address))?;
        }
        self.gateway.set(&Sysctl::of_host(Family::Inet, "ip_forward"), "1")?;
        self.gateway.set(&Sysctl::of_host(Family::Inet6, "conf/all/forwarding"), "1")
    }

    /// Gives `station` a device called `link` whose cable ends in the switch, and sets it up.
    pub fn connect(&self, station: &Station, link: &str, interface: &Interface) -> Result<(), Error> {
        let port = self.plug(station, &LinkName::new(link)?, interface)?;
        station.wait_ready(link)?;
        self.switch.wait_ready(port.as_str())
    }

    /// A new station on the wire, with a device `eth0`: a machine that is no guest.
    pub fn station(&self, name: &str, interface: &Interface) -> Result<Station, Error> {
        let station = Station::new(name)?;
        self.connect(&station, CARD, interface)?;
        Ok(station)
    }

    /// Makes the cable, and returns the name of the switch's port.
    fn plug(&self, station: &Station, link: &LinkName, interface: &Interface) -> Result<LinkName, Error> {
        let failed = self.switch.kernel_error();
        let mut kernel = self.switch.kernel()?;
        let port = {
            let mut ports = lock(&self.ports);
            let port = LinkName::new(format!("port{}", ports.len()))?;
            ports.push((station.name().to_owned(), port.to_string()));
            port
        };
        let cable = LinkKind::Veth {
            peer: link.clone(),
            peer_index: None,
            peer_change: LinkChange::default(),
            peer_namespace: Some(station.namespace().as_fd()),
        };
        kernel.create_link(&port, &cable, &LinkChange::default()).map_err(&failed)?;
        let switch = self.switch.link(SWITCH)?.index;
        let index = self.switch.link(port.as_str())?.index;
        let change =
            LinkChange { up: Some(true), master: Some(Master::Link(switch)), ..LinkChange::default() };
        kernel.change_link(index, &change).map_err(&failed)?;
        station.configure(link.as_str(), interface)?;
        Ok(port)
    }

    /// The switch: a station with a bridge that has a port for each cable.
    #[must_use]
    pub const fn switch(&self) -> &Station {
        &self.switch
    }

    /// The gateway; its device on the wire is `eth0`.
    #[must_use]
    pub const fn gateway(&self) -> &Station {
        &self.gateway
    }

    /// The names of all stations that were plugged in, and of the switch's ports that their cables end in.
    #[must_use]
    pub fn ports(&self) -> Vec<(String, String)> {
        lock(&self.ports).clone()
    }

    /// What it was made of.
    #[must_use]
    pub const fn config(&self) -> &WireConfig {
        &self.config
    }
}
