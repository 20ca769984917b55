//! Guests: a station each, with a kernel that plays netfront and an owner who configures what comes.

mod netfront;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::{Error, Interface, Station};

/// How a guest's kernel treats its interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestBehaviour {
    /// It connects to backends. A guest that does not hangs, or has no driver.
    pub connects: bool,
    /// It closes its end when the toolstack asks for it. One that does not has to be forced.
    pub closes: bool,
    /// It switches its end on before the backend says that all is ready: what it sends then must not get anywhere.
    pub is_early: bool,
}

impl Default for GuestBehaviour {
    /// As Linux does.
    fn default() -> Self {
        Self { connects: true, closes: true, is_early: false }
    }
}

/// A guest: a domain that is not the host.
#[derive(Debug)]
pub struct Guest {
    domid: u32,
    station: Station,
    behaviour: GuestBehaviour,
    interfaces: Mutex<BTreeMap<u32, Interface>>,
    connected: Mutex<BTreeSet<u32>>,
    connected_changed: Condvar,
    is_stopped: AtomicBool,
    kernel: Mutex<Option<JoinHandle<()>>>,
}

impl Guest {
    pub(crate) fn new(domid: u32, name: &str, behaviour: GuestBehaviour) -> Result<Self, Error> {
        Ok(Self {
            domid,
            station: Station::new(name)?,
            behaviour,
            interfaces: Mutex::default(),
            connected: Mutex::default(),
            connected_changed: Condvar::new(),
            is_stopped: AtomicBool::new(false),
            kernel: Mutex::default(),
        })
    }

    /// The number of its domain.
    #[must_use]
    pub const fn domid(&self) -> u32 {
        self.domid
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.station.name()
    }

    /// Its network. The interface with number N is called `ethN` in it.
    #[must_use]
    pub const fn station(&self) -> &Station {
        &self.station
    }

    /// Says what the guest's owner has configured for its interface number `devid`.
    pub fn set_interface(&self, devid: u32, interface: Interface) {
        lock(&self.interfaces).insert(devid, interface);
    }

    /// What its owner has configured for its interface number `devid`.
    #[must_use]
    pub fn interface(&self, devid: u32) -> Interface {
        lock(&self.interfaces).get(&devid).cloned().unwrap_or_default()
    }

    /// Waits until its interface number `devid` is connected, configured and able to pass traffic.
    pub fn wait_connected(&self, devid: u32, limit: Duration) -> Result<(), Error> {
        let begin = Instant::now();
        let mut connected = lock(&self.connected);
        while !connected.contains(&devid) {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                let what = format!("eth{devid} to be connected");
                return Err(Error::Late { station: self.name().to_owned(), what, waited: limit });
            }
            let waited = self.connected_changed.wait_timeout(connected, left);
            connected = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(connected);
        self.station.wait_ready_within(&format!("eth{devid}"), limit.saturating_sub(begin.elapsed()))
    }

    /// The numbers of its interfaces that are connected.
    #[must_use]
    pub fn connected(&self) -> Vec<u32> {
        lock(&self.connected).iter().copied().collect()
    }

    /// Starts its kernel, which talks to the store over `store`.
    pub(crate) fn boot(self: &Arc<Self>, store: UnixStream) -> Result<(), Error> {
        let thread = netfront::spawn(Arc::clone(self), store)
            .map_err(Error::system(format!("start the kernel of {}", self.name())))?;
        *lock(&self.kernel) = Some(thread);
        Ok(())
    }

    /// Stops its processors: it does nothing any more, whatever happens.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    /// Waits for the end of its kernel's thread, which comes when its connection to the store is closed.
    pub(crate) fn wait_for_end(&self) {
        let kernel = lock(&self.kernel).take();
        if let Some(kernel) = kernel {
            // A panic in it has been reported where it happened.
            let _ = kernel.join();
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    fn set_connected(&self, devid: u32, is_connected: bool) {
        let mut connected = lock(&self.connected);
        if is_connected {
            connected.insert(devid);
        } else {
            connected.remove(&devid);
        }
        self.connected_changed.notify_all();
    }
}

/// What is behind these locks is right at each moment, also when a thread panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the owner of a guest configures when the toolstack was told `ip`, on a network whose gateways are `gateways`.
pub(crate) fn interface_for(ip: &[IpNet], gateways: &[IpNet]) -> Interface {
    let addresses: Vec<IpNet> = ip.iter().map(|net| address_in(*net, gateways)).collect();
    let is_v4 = |net: &IpNet| net.addr().is_ipv4();
    let is_used = |gateway: &&IpNet| addresses.iter().any(|address| is_v4(address) == is_v4(gateway));
    let gateways = gateways.iter().filter(is_used).map(IpNet::addr).collect();
    Interface { mac: None, addresses, gateways }
}

/// The guest's address: its own if one is given, else the first of the network; in the network of the gateway.
fn address_in(net: IpNet, gateways: &[IpNet]) -> IpNet {
    let is_whole_network = net.prefix_len() < net.max_prefix_len() && net.addr() == net.network();
    let address = if is_whole_network { net.hosts().next().unwrap_or(net.addr()) } else { net.addr() };
    let on_link = gateways.iter().find(|gateway| gateway.contains(&address));
    let length = on_link.map_or(net.prefix_len(), IpNet::prefix_len);
    IpNet::new(address, length).unwrap_or(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|net| net.parse().unwrap()).collect()
    }

    #[test]
    fn guests_take_the_prefix_length_and_the_gateways_of_the_network_they_are_in() {
        let gateways = nets(&["10.0.0.254/24", "2001:db8::fe/64"]);
        let both = interface_for(&nets(&["10.0.0.3/32", "2001:db8::3/128"]), &gateways);
        assert_eq!(both.addresses, nets(&["10.0.0.3/24", "2001:db8::3/64"]));
        assert_eq!(both.gateways.len(), 2);
        let elsewhere = interface_for(&nets(&["192.168.7.1/32"]), &gateways);
        assert_eq!(elsewhere.addresses, nets(&["192.168.7.1/32"]));
        assert_eq!(elsewhere.gateways, ["10.0.0.254".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(interface_for(&nets(&["10.0.0.16/28"]), &gateways).addresses, nets(&["10.0.0.17/24"]));
        assert_eq!(interface_for(&[], &gateways), Interface::default());
    }
}
