//! Renaming a device that is in use.

use std::thread;
use std::time::{Duration, Instant};

use netkernel::Family;
use netkernel::address::Address;
use netkernel::link::{AddressGeneration, Link, LinkChange, LinkName};
use netkernel::neighbour::{Neighbour, neighbour_state};
use netkernel::netlink;
use netkernel::next_hop::NextHopObject;
use netkernel::route::{Route, route_numbers};

use super::apply::{Error, Kernel};
use super::change::Device;

/// How long a card may take to find its carrier again. Agreeing on a speed with the other end takes some seconds.
const CARRIER_PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

/// What the kernel takes from a device that goes down.
struct Lost {
    addresses: Vec<Address>,
    next_hops: Vec<NextHopObject>,
    routes: Vec<Route>,
    neighbours: Vec<Neighbour>,
}

impl Kernel {
    /// Gives a device another name. Linux 6.2 and later do that while it is up; before, it has to go down for a
    /// moment, and gets back what it loses by that.
    pub(super) fn rename(&mut self, device: &Device, to: &LinkName) -> Result<(), Error> {
        let renamed = LinkChange { name: Some(to.clone()), ..LinkChange::default() };
        match self.route.change_link(device.index, &renamed) {
            Err(error) if error.is_busy() => self.rename_while_down(device, &renamed),
            result => Ok(result?),
        }
    }

    fn rename_while_down(&mut self, device: &Device, renamed: &LinkChange) -> Result<(), Error> {
        let before = self.route.link_at(device.index)?.unwrap_or_default();
        let lost = self.what_down_would_take(device)?;
        let state = |up| LinkChange { up: Some(up), ..LinkChange::default() };
        self.route.change_link(device.index, &state(false))?;
        let result = self.route.change_link(device.index, renamed);
        // The link-local address comes back like the others: one that the kernel makes would be checked for uniqueness
        // first, for a second or more.
        let generation = |to| LinkChange { address_generation: to, ..LinkChange::default() };
        if before.address_generation.is_some() {
            self.route.change_link(device.index, &generation(Some(AddressGeneration::None)))?;
        }
        self.route.change_link(device.index, &state(true))?;
        self.await_carrier(device, &before)?;
        self.give_back(device, &lost)?;
        if before.address_generation.is_some() {
            self.route.change_link(device.index, &generation(before.address_generation))?;
        }
        Ok(result?)
    }

    /// Waits until the device has the carrier again that it had. Without, the kernel takes no next hops through it, and
    /// makes it no working port of a bridge. If it does not come, what can be given back is given back anyway.
    fn await_carrier(&mut self, device: &Device, before: &Link) -> Result<(), netlink::Error> {
        let end = Instant::now() + CARRIER_PATIENCE;
        let has_carrier = |link: Link| link.carrier && link.is_running();
        while before.carrier && before.is_running() && Instant::now() < end {
            if self.route.link_at(device.index)?.is_none_or(has_carrier) {
                break;
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Gives IPv4 addresses their labels back, which the kernel has changed with the device's name. It has no request for
    /// that: if one is wrong, they are added anew.
    pub(super) fn relabel(&mut self, device: &Device, addresses: &[Address]) -> Result<(), Error> {
        let now = self.route.addresses(Some(device.index))?;
        let is_right =
            |wanted: &Address| now.iter().any(|one| (one.local, &one.label) == (wanted.local, &wanted.label));
        if addresses.iter().all(is_right) {
            return Ok(());
        }
        let lost = self.what_down_would_take(device)?;
        for address in addresses.iter().rev() {
            self.remove_address(address)?;
        }
        for address in addresses {
            self.add_address(address)?;
        }
        self.give_back(device, &lost)
    }

    fn what_down_would_take(&mut self, device: &Device) -> Result<Lost, netlink::Error> {
        let route = &mut self.route;
        let mut routes = Vec::new();
        for family in [Family::Inet, Family::Inet6] {
            routes.extend(route.routes(family, Some(device.index))?);
        }
        // These come with the addresses.
        routes.retain(|route| route.protocol != route_numbers::PROTOCOL_KERNEL);
        let mut neighbours = route.neighbours(device.index)?;
        neighbours.retain(|neighbour| neighbour.state & neighbour_state::PERMANENT != 0);
        neighbours.extend(route.proxied_neighbours(device.index)?);
        Ok(Lost {
            addresses: route.addresses(Some(device.index))?,
            next_hops: route.next_hop_objects(device.index)?,
            routes,
            neighbours,
        })
    }

    fn give_back(&mut self, device: &Device, lost: &Lost) -> Result<(), Error> {
        let kept = self.route.addresses(Some(device.index))?;
        // Of IPv6 addresses, the one added last is listed first.
        for address in lost.addresses.iter().rev() {
            if !kept.iter().any(|one| one.local == address.local) {
                self.add_address(address)?;
            }
        }
        for object in &lost.next_hops {
            self.route.set_next_hop_object(object)?;
        }
        for neighbour in &lost.neighbours {
            self.route.set_neighbour(neighbour)?;
        }
        // Those without a gateway first: they may say that others' gateways are on the link.
        let (first, rest): (Vec<&Route>, Vec<&Route>) =
            lost.routes.iter().partition(|route| route.gateway().is_none() && route.next_hops().count() == 0);
        for route in first.into_iter().chain(rest) {
            self.set_route(route)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use netkernel::link::LinkKind;

    use super::*;

    fn name(text: &str) -> LinkName {
        LinkName::new(text).unwrap()
    }

    /// A device `eth0`, up, whose other end is up too.
    fn eth0(kernel: &mut Kernel) -> Device {
        let kind = LinkKind::Veth {
            peer: name("peer"),
            peer_index: Some(8),
            peer_change: LinkChange::default(),
            peer_namespace: None,
        };
        kernel.route.create_link_at(Some(7), &name("eth0"), &kind, &LinkChange::default()).unwrap();
        for index in [7, 8] {
            let up = LinkChange { up: Some(true), ..LinkChange::default() };
            kernel.route.change_link(index, &up).unwrap();
        }
        Device { index: 7, name: name("eth0") }
    }

    fn address(text: &str, length: u8, label: Option<&str>) -> Address {
        let local: IpAddr = text.parse().unwrap();
        Address { label: label.map(Into::into), ..Address::new(7, local, length) }
    }

    /// Waits until the device runs and its link-local address has been checked.
    fn settle(kernel: &mut Kernel) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let running = kernel.route.link_at(7).unwrap().unwrap().is_running();
            let addresses = kernel.route.addresses(Some(7)).unwrap();
            let is_settled = |one: &Address| one.is_link_local() && !one.is_tentative();
            if running && addresses.iter().any(is_settled) {
                return;
            }
            assert!(Instant::now() < end, "{addresses:?}");
            thread::sleep(PAUSE);
        }
    }

    /// All that a device could lose, in words.
    fn state(kernel: &mut Kernel, device: &Device) -> String {
        let lost = kernel.what_down_would_take(device).unwrap();
        let addresses: Vec<String> = lost.addresses.iter().map(ToString::to_string).collect();
        let routes: Vec<String> = lost.routes.iter().map(ToString::to_string).collect();
        let neighbours: Vec<String> = lost.neighbours.iter().map(|entry| entry.address.to_string()).collect();
        format!("{addresses:?}\n{routes:?}\n{neighbours:?}\n{}", lost.next_hops.len())
    }

    #[test]
    fn a_device_that_must_go_down_for_its_name_gets_everything_back() {
        let Some(namespace) = testkit::namespace() else { return };
        namespace
            .run(|| {
                let mut kernel = Kernel::open().unwrap();
                let device = eth0(&mut kernel);
                for one in [
                    address("10.0.0.1", 24, Some("eth0")),
                    address("2001:db8::1", 64, None),
                    address("2001:db8::2", 64, None),
                ] {
                    kernel.add_address(&one).unwrap();
                }
                for (destination, gateway) in [("10.7.0.0", "10.0.0.9"), ("2001:db8:7::", "2001:db8::9")] {
                    let route =
                        Route::to(destination.parse().unwrap(), if gateway.contains(':') { 48 } else { 16 });
                    kernel.route.replace_route(&route.via(gateway.parse().unwrap()).through(7)).unwrap();
                }
                // Gateways that are on the link because a route says so, which is listed behind theirs.
                for (gateway, length, any) in [("203.0.113.1", 32, "0.0.0.0"), ("2001:db8:1::1", 128, "::")] {
                    let gateway: IpAddr = gateway.parse().unwrap();
                    kernel.route.replace_route(&Route::to(gateway, length).through(7)).unwrap();
                    let default = Route::to(any.parse().unwrap(), 0).via(gateway).through(7);
                    kernel.route.replace_route(&default).unwrap();
                }
                let taught = Neighbour {
                    link: 7,
                    address: "10.0.0.40".parse().unwrap(),
                    mac: Some("00:16:3e:00:00:40".parse().unwrap()),
                    state: neighbour_state::PERMANENT,
                    flags: 0,
                };
                kernel.route.set_neighbour(&taught).unwrap();
                settle(&mut kernel);
                let before = state(&mut kernel, &device);
                let renamed = LinkChange { name: Some(name("peth0")), ..LinkChange::default() };
                kernel.rename_while_down(&device, &renamed).unwrap();
                let link = kernel.route.link_at(7).unwrap().unwrap();
                assert_eq!((link.name.as_str(), link.is_running()), ("peth0", true));
                assert_eq!(link.address_generation, Some(AddressGeneration::Eui64));
                assert_eq!(state(&mut kernel, &device), before);
                let addresses = kernel.route.addresses(Some(7)).unwrap();
                assert!(!addresses.iter().any(Address::is_tentative), "{addresses:?}");
            })
            .unwrap();
    }

    #[test]
    fn labels_that_the_kernel_has_changed_come_back() {
        let Some(namespace) = testkit::namespace() else { return };
        namespace
            .run(|| {
                let mut kernel = Kernel::open().unwrap();
                let device = eth0(&mut kernel);
                let addresses = [
                    address("10.0.0.1", 24, Some("eth0")),
                    address("10.1.0.1", 24, Some("eth0")),
                    address("10.0.0.2", 24, Some("eth0:1")),
                ];
                for one in &addresses {
                    kernel.add_address(one).unwrap();
                }
                let route = Route::to("10.7.0.0".parse().unwrap(), 16).via("10.0.0.9".parse().unwrap());
                kernel.route.replace_route(&route.through(7)).unwrap();
                settle(&mut kernel);
                let all = kernel.route.addresses(Some(7)).unwrap();
                let four: Vec<Address> =
                    all.into_iter().filter(|address| address.family() == Family::Inet).collect();
                let before = (state(&mut kernel, &device), labels(&mut kernel));
                for to in ["peth0", "eth0"] {
                    kernel.rename(&device, &name(to)).unwrap();
                }
                assert_ne!(labels(&mut kernel), before.1);
                kernel.relabel(&device, &four).unwrap();
                assert_eq!((state(&mut kernel, &device), labels(&mut kernel)), before);
            })
            .unwrap();
    }

    fn labels(kernel: &mut Kernel) -> Vec<Option<String>> {
        kernel.route.addresses(Some(7)).unwrap().into_iter().map(|address| address.label).collect()
    }
}
