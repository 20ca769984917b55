//! A host with one contender's rules, and traffic from its first guest.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ipnet::IpNet;
use lab::Interface;
use netkernel::Family;
use netkernel::link::{LinkChange, LinkName};
use netkernel::route::Route;
use netkernel::sysctl::Sysctl;

use super::contender::{Contender, Mode};
use super::outside::Outside;
use super::path::{End, Kind, Path};
use super::rules;
use super::traffic::Traffic;
use crate::contender;
use crate::crowd::{Crowd, Vif};

/// Who sends, and which of the guests receives.
const SENDER: Vif = Vif(1);
const RECEIVER: Vif = Vif(2);
/// The gateway of a guest that the host routes to.
const GATEWAY_IPV6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// A host with rules and traffic.
pub(super) struct Packets {
    contender: Contender,
    mode: Mode,
    crowd: Crowd,
    outside: Option<Outside>,
    traffic: Option<Traffic>,
}

impl Packets {
    /// A host without vifs.
    pub(super) fn new(contender: Contender, mode: Mode) -> Result<Self, Box<dyn Error>> {
        let mut crowd = Crowd::new()?;
        let host = crowd.host().station();
        if mode != Mode::Bridge {
            host.set(&Sysctl::of_host(Family::Inet, "ip_forward"), "1")?;
            host.set(&Sysctl::of_host(Family::Inet6, "conf/all/forwarding"), "1")?;
            // A new namespace has the machine's. Who asks the routing table for each sender has another guard.
            for key in ["conf/all/rp_filter", "conf/default/rp_filter"] {
                host.set(&Sysctl::of_host(Family::Inet, key), "0")?;
            }
        }
        let outside = (mode == Mode::Nat).then(|| Outside::new(host)).transpose()?;
        if mode == Mode::Nat {
            crowd.set_uplink(Outside::CARD);
            if contender != Contender::Dom0net {
                crowd.configure_guard("* mode=disabled\n")?;
            }
            if contender != Contender::Stock {
                let mut start = crowd.program(&contender::linked("dom0net")?.join("network-nat"));
                start.args(["start".to_owned(), format!("netdev={}", Outside::CARD), "nat66=yes".to_owned()]);
                crowd.time(start)?;
            }
        }
        Ok(Self { contender, mode, crowd, outside, traffic: None })
    }

    pub(super) const fn contender(&self) -> Contender {
        self.contender
    }

    /// What is sent on it; it is there after [`grow`](Self::grow).
    pub(super) fn traffic(&mut self) -> &mut Traffic {
        self.traffic.as_mut().expect("a host has grown before it is measured")
    }

    /// What gets from one end to the other.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let kinds = self.mode.kinds().into_iter();
        kinds.filter(|kind| self.contender.carries(self.mode, *kind)).collect()
    }

    /// Makes vifs until there are so many, at least two, with the contender's rules for all of them. What the host does with
    /// packets is tried before they are measured.
    pub(super) fn grow(&mut self, count: u32) -> Result<(), Box<dyn Error>> {
        let new = self.crowd.grow(count)?;
        match (self.mode, self.contender) {
            (Mode::Bridge, Contender::Dom0net) => self.plug("dom0net", "vif-bridge", &new)?,
            (Mode::Bridge, _) => self.plug("floor", "vif-bridge", &new)?,
            (Mode::Route, Contender::Dom0net) => self.plug("dom0net", "vif-route", &new)?,
            (Mode::Route, _) => new.iter().try_for_each(|vif| self.route_to(*vif))?,
            // All are plugged alike, and but one has no guard.
            (Mode::Nat, _) => self.plug("dom0net", "vif-nat", &new)?,
        }
        let vifs: Vec<Vif> = self.crowd.vifs().collect();
        match self.contender {
            Contender::Stock => self.load(&["iptables-restore"], &rules::stock(&vifs, self.mode))?,
            Contender::Ebtables => self.load(&["ebtables-restore"], &rules::ebtables(&vifs))?,
            Contender::NftBridge => self.load(&["nft", "-f", "-"], &rules::nft_bridge(&vifs))?,
            Contender::Nobody | Contender::Dom0net => {}
        }
        if self.traffic.is_none() {
            self.configure_ends()?;
            self.traffic = Some(Traffic::new(&self.path()?)?);
        }
        let proof = self.path()?.prove(&self.kinds(), self.contender.stops_forgers());
        proof.map_err(|error| format!("{}, {}: {error}", self.contender.title(), self.mode.title()).into())
    }

    fn plug(&self, program: &str, script: &str, vifs: &[Vif]) -> Result<(), Box<dyn Error>> {
        let script: PathBuf = contender::linked(program)?.join(script);
        self.crowd.each(&script, "online", vifs)
    }

    /// What a routed vif needs, with no guard.
    fn route_to(&self, vif: Vif) -> Result<(), Box<dyn Error>> {
        let host = self.crowd.host().station();
        let link = host.link(&vif.device())?.index;
        let mut kernel = host.kernel()?;
        kernel.change_link(link, &LinkChange { up: Some(true), ..LinkChange::default() })?;
        let name = LinkName::new(vif.device())?;
        for (family, key) in [(Family::Inet, "proxy_arp"), (Family::Inet6, "proxy_ndp")] {
            host.set(&Sysctl::of_link(family, &name, key), "1")?;
        }
        kernel.replace_route(&Route::to(vif.ipv4().into(), 32).through(link))?;
        kernel.replace_route(&Route::to(vif.ipv6().into(), 128).through(link))?;
        Ok(())
    }

    fn load(&self, command: &[&str], rules: &str) -> Result<(), Box<dyn Error>> {
        let output = self.crowd.host().run(|| {
            let mut child = Command::new(command[0])
                .args(&command[1..])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut input) = child.stdin.take() {
                input.write_all(rules.as_bytes())?;
            }
            child.wait_with_output()
        })??;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{}: {}", command[0], String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Gives the guests at the ends their addresses, and ways to each other.
    fn configure_ends(&self) -> Result<(), Box<dyn Error>> {
        for (vif, other) in [(SENDER, RECEIVER), (RECEIVER, SENDER)] {
            let guest = self.crowd.guest(vif);
            let (length, gateways) = match self.mode {
                Mode::Bridge => ((16, 64), Vec::new()),
                Mode::Route => ((32, 128), Vec::new()),
                Mode::Nat => ((16, 128), vec![vif.router().into(), GATEWAY_IPV6.into()]),
            };
            let addresses =
                vec![IpNet::new(vif.ipv4().into(), length.0)?, IpNet::new(vif.ipv6().into(), length.1)?];
            guest.configure(&vif.peer(), &Interface { mac: None, addresses, gateways })?;
            guest.wait_ready(&vif.peer())?;
            if self.mode == Mode::Route {
                // Everything is at the other end of the cable: the host answers for all.
                let link = guest.link(&vif.peer())?.index;
                let mut kernel = guest.kernel()?;
                kernel.replace_route(&Route::to(other.ipv4().into(), 32).through(link))?;
                kernel.replace_route(&Route::to(other.ipv6().into(), 128).through(link))?;
            }
        }
        Ok(())
    }

    fn path(&self) -> Result<Path<'_>, Box<dyn Error>> {
        let guest = |vif: Vif| End {
            station: self.crowd.guest(vif),
            device: vif.peer(),
            mac: vif.mac(),
            ipv4: vif.ipv4(),
            ipv6: vif.ipv6(),
        };
        // The host has its own address on routed vifs; on a bridge the other guest answers.
        let next_hop = match self.mode {
            Mode::Bridge => RECEIVER.mac(),
            Mode::Route | Mode::Nat => self.crowd.host().station().mac(&SENDER.device())?,
        };
        let (to, translated) = match &self.outside {
            Some(outside) => (outside.end()?, Some(Outside::HOST)),
            None => (guest(RECEIVER), None),
        };
        Ok(Path { from: guest(SENDER), to, next_hop, translated })
    }
}
