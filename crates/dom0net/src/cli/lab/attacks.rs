//! What a guest does that lies about who it is, and what becomes of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::Duration;

use ethernet::MacAddress;
use ipnet::IpNet;
use lab::frame::{Arp, Content, Description, DhcpMessage, Ethernet, Frame, Packet, RouterAdvertisement};
use lab::{Arrivals, Guest, Lab, Lookout, Ping, Station};
use netkernel::address::Address;
use netkernel::link::LinkChange;

use super::pings::Target;
use super::scene::SceneError;

/// The device of every guest here.
const CARD: &str = "eth0";
/// How long an answer may take that shall not come.
const PATIENCE: Duration = Duration::from_millis(250);

/// An attack and what came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What the guest did.
    pub(super) deed: String,
    /// Whom it reached.
    pub(super) reached: Vec<String>,
}

/// The guest that lies, and the one that it pretends to be.
#[derive(Debug)]
pub(super) struct Attack<'a> {
    pub(super) lab: &'a Lab,
    pub(super) liar: &'a Guest,
    pub(super) victim: &'a Guest,
    /// Everybody but the liar.
    pub(super) targets: &'a [Target],
}

impl Attack<'_> {
    /// Takes the victim's addresses, one kind after the other, and tries to talk to everybody with them.
    pub(super) fn impersonate(&self) -> Result<Vec<Outcome>, SceneError> {
        let mut lookout = Lookout::around(self.lab, self.liar)?;
        let (own, stolen) = (mac_of(self.liar)?, mac_of(self.victim)?);
        let mut outcomes = Vec::new();
        for address in self.addresses_of(self.victim) {
            let net = IpNet::new(address, if address.is_ipv4() { 24 } else { 64 })
                .map_err(|error| SceneError(error.to_string()))?;
            self.liar.station().add_address(CARD, net)?;
            let heard =
                lookout.during(|| self.reached_from(Some(address)), |seen| claims(seen, own, address));
            remove_address(self.liar.station(), address)?;
            let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
            let deed = format!("takes {}'s {family} address {address}", self.victim.name());
            outcomes.push(outcome(deed, heard?)?);
        }
        self.set_mac(stolen)?;
        // The victim's own frames would look the same.
        let heard = lookout.during(|| self.reached_from(None), |_| false);
        self.set_mac(own)?;
        let deed = format!("takes {}'s MAC address {stolen}", self.victim.name());
        outcomes.push(outcome(deed, heard?)?);
        Ok(outcomes)
    }

    /// Sends frames that no honest guest sends.
    pub(super) fn forge(&self) -> Result<Vec<Outcome>, SceneError> {
        let mut lookout = Lookout::around(self.lab, self.liar)?;
        self.forgeries()?
            .into_iter()
            .map(|(deed, frame)| {
                let arrivals = lookout.send(self.liar.station(), CARD, &frame)?;
                let reached = arrivals.stations().into_iter().map(str::to_owned).collect();
                Ok(Outcome { deed: deed.to_owned(), reached })
            })
            .collect()
    }

    fn forgeries(&self) -> Result<Vec<(&'static str, Frame)>, SceneError> {
        let (own, victim) = (mac_of(self.liar)?, mac_of(self.victim)?);
        let to_victim = Ethernet::new(own, victim);
        let (mut ipv4, mut ipv6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
        for address in self.addresses_of(self.victim) {
            match address {
                IpAddr::V4(address) => ipv4 = address,
                IpAddr::V6(address) => ipv6 = address,
            }
        }
        let (mut gateway, mut gateway6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
        for net in &self.lab.wire().config().gateway {
            match net.addr() {
                IpAddr::V4(address) => gateway = address,
                IpAddr::V6(address) => gateway6 = address,
            }
        }
        let arp = Arp::reply(own, gateway, victim, ipv4);
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let advertisement = Packet::v6(own.link_local(), ipv6).neighbour_advertisement(gateway6, Some(own));
        let router = Packet::v6(own.link_local(), all_nodes).router_advertisement(&RouterAdvertisement {
            lifetime: 1800,
            prefix: None,
            mac: Some(own),
        });
        let offer = DhcpMessage::offer(victim, ipv4, gateway).packet();
        Ok(vec![
            ("forges an ARP reply: it is the gateway", to_victim.arp(&arp)),
            ("forges it behind a VLAN tag", to_victim.clone().vlan(0).arp(&arp)),
            ("forges it in an LLC/SNAP frame", to_victim.clone().snap().arp(&arp)),
            ("forges a neighbour advertisement", to_victim.ip(&advertisement)),
            ("forges it behind an extension header", to_victim.ip(&advertisement.destination_options())),
            ("says that it is a router", Ethernet::new(own, router.group_mac()).ip(&router)),
            ("plays DHCP server", Ethernet::broadcast(own).ip(&offer)),
            ("says that it is the root of the spanning tree", Ethernet::bpdu(own)),
        ])
    }

    /// Whom the liar reaches from this address, or from its own.
    fn reached_from(&self, source: Option<IpAddr>) -> Result<Vec<String>, SceneError> {
        let reaches = |target: &Target| -> Result<bool, SceneError> {
            let is_family =
                |address: &&IpAddr| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
            for address in target.addresses.iter().filter(is_family) {
                let ping = Ping::to(*address).attempts(1, PATIENCE);
                let ping = match source {
                    Some(source) => ping.from(source),
                    None => ping,
                };
                if self.liar.station().ping(&ping)?.is_here() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        // Nor the one whose address it has taken: that would be itself.
        let is_other = |target: &&Target| {
            target.name != self.liar.name() && source.is_none_or(|source| !target.addresses.contains(&source))
        };
        let targets: Vec<&Target> = self.targets.iter().filter(is_other).collect();
        thread::scope(|scope| {
            let workers: Vec<_> = targets
                .iter()
                .map(|target| scope.spawn(|| Ok(reaches(target)?.then(|| target.name.clone()))))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .filter_map(Result::transpose)
                .collect()
        })
    }

    fn addresses_of(&self, guest: &Guest) -> Vec<IpAddr> {
        let target = self.targets.iter().find(|target| target.name == guest.name());
        target.map(|target| target.addresses.clone()).unwrap_or_default()
    }

    fn set_mac(&self, mac: MacAddress) -> Result<(), SceneError> {
        let change = LinkChange { mac: Some(mac), ..LinkChange::default() };
        Ok(self.liar.station().change(CARD, &change)?)
    }
}

/// Whether the frame is `own`'s and says that it has `address`.
fn claims(frame: &[u8], own: MacAddress, address: IpAddr) -> bool {
    let description = Description::read(frame);
    let claimed = match description.content {
        Content::Arp(arp) => IpAddr::V4(arp.sender_ip),
        Content::Ip(ip) => ip.source,
        _ => return false,
    };
    description.source == own && claimed == address
}

/// Who answered, and who would have had reason to.
fn outcome(
    deed: String,
    (answered, arrivals): (Result<Vec<String>, SceneError>, Arrivals),
) -> Result<Outcome, SceneError> {
    let mut reached = answered?;
    reached.extend(arrivals.stations().into_iter().map(str::to_owned));
    reached.sort_unstable();
    reached.dedup();
    Ok(Outcome { deed, reached })
}

fn mac_of(guest: &Guest) -> Result<MacAddress, SceneError> {
    Ok(guest.station().mac(CARD)?)
}

fn remove_address(station: &Station, address: IpAddr) -> Result<(), SceneError> {
    let index = station.link(CARD)?.index;
    let mut kernel = station.kernel()?;
    let failed = |error: netkernel::netlink::Error| SceneError(error.to_string());
    let mine: Vec<Address> = kernel.addresses(Some(index)).map_err(failed)?;
    for address in mine.iter().filter(|this| this.local == address) {
        kernel.remove_address(address).map_err(failed)?;
    }
    Ok(())
}
