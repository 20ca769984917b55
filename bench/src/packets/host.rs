//! A host with one contender's rules, and traffic between its first two guests.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use lab::Interface;
use netkernel::Family;
use netkernel::link::{LinkChange, LinkName};
use netkernel::route::Route;
use netkernel::sysctl::Sysctl;

use super::Traffic;
use super::rules;
use crate::contender;
use crate::crowd::{Crowd, Vif};

/// How packets get from one guest to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Both are on one bridge.
    Bridge,
    /// The host routes.
    Route,
}

/// Whose rules are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// Nobody's.
    Nobody,
    /// Ours.
    Dom0net,
    /// Those of Xen's script.
    Stock,
    /// What recipes for ebtables say.
    Ebtables,
    /// Sets in the bridge family.
    NftBridge,
}

/// A host with rules and traffic.
pub(super) struct Packets {
    contender: Contender,
    mode: Mode,
    crowd: Crowd,
    traffic: Option<Traffic>,
}

impl Mode {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Bridge => "bridged",
            Self::Route => "routed",
        }
    }
}

impl Contender {
    /// All that can be measured here, the unguarded host first.
    pub(super) fn all(mode: Mode) -> Vec<Self> {
        let mut all = vec![Self::Nobody, Self::Dom0net];
        if mode == Mode::Bridge {
            let others = [
                (Self::Stock, "iptables-restore"),
                (Self::Ebtables, "ebtables-restore"),
                (Self::NftBridge, "nft"),
            ];
            for (contender, program) in others {
                if contender::is_there(program) {
                    all.push(contender);
                } else {
                    eprintln!("not measured: {}, which needs {program}", contender.title());
                }
            }
        }
        all
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Nobody => "no guard",
            Self::Dom0net => "dom0net",
            Self::Stock => "the rules of Xen's script, IPv4 only",
            Self::Ebtables => "ebtables, four rules for each vif",
            Self::NftBridge => "nft, sets in the bridge family",
        }
    }
}

impl Packets {
    /// A host without vifs.
    pub(super) fn new(contender: Contender, mode: Mode) -> Result<Self, Box<dyn Error>> {
        let crowd = Crowd::new()?;
        if mode == Mode::Route {
            let host = crowd.host().station();
            host.set(&Sysctl::of_host(Family::Inet, "ip_forward"), "1")?;
            host.set(&Sysctl::of_host(Family::Inet6, "conf/all/forwarding"), "1")?;
        }
        Ok(Self { contender, mode, crowd, traffic: None })
    }

    pub(super) const fn contender(&self) -> Contender {
        self.contender
    }

    /// What its guests send each other; they are there after [`grow`](Self::grow).
    pub(super) fn traffic(&mut self) -> &mut Traffic {
        self.traffic.as_mut().expect("a host has grown before it is measured")
    }

    /// Makes vifs until there are so many, at least two, with the contender's rules for all of them.
    pub(super) fn grow(&mut self, count: u32) -> Result<(), Box<dyn Error>> {
        let new = self.crowd.grow(count)?;
        match (self.contender, self.mode) {
            (Contender::Dom0net, mode) => {
                let name = if mode == Mode::Bridge { "vif-bridge" } else { "vif-route" };
                let script: PathBuf = contender::linked("dom0net")?.join(name);
                self.crowd.each(&script, "online", &new)?;
            }
            (_, Mode::Bridge) => self.crowd.each(&contender::script("floor")?, "online", &new)?,
            (_, Mode::Route) => new.iter().try_for_each(|vif| self.route_to(*vif))?,
        }
        let vifs: Vec<Vif> = self.crowd.vifs().collect();
        match self.contender {
            Contender::Stock => self.load(&["iptables-restore"], &rules::stock(&vifs))?,
            Contender::Ebtables => self.load(&["ebtables-restore"], &rules::ebtables(&vifs))?,
            Contender::NftBridge => self.load(&["nft", "-f", "-"], &rules::nft_bridge(&vifs))?,
            Contender::Nobody | Contender::Dom0net => {}
        }
        if self.traffic.is_none() {
            self.traffic = Some(self.begin_traffic()?);
        }
        Ok(())
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

    fn begin_traffic(&self) -> Result<Traffic, Box<dyn Error>> {
        let [from, to] = [Vif(1), Vif(2)];
        for vif in [from, to] {
            let guest = self.crowd.guest(vif);
            let length = if self.mode == Mode::Bridge { (16, 64) } else { (32, 128) };
            let addresses = vec![
                ipnet::IpNet::new(vif.ipv4().into(), length.0)?,
                ipnet::IpNet::new(vif.ipv6().into(), length.1)?,
            ];
            guest.configure(&vif.peer(), &Interface { mac: None, addresses, gateways: Vec::new() })?;
            guest.wait_ready(&vif.peer())?;
        }
        if self.mode == Mode::Route {
            // Everything is at the other end of the cable: the host answers for all.
            for (vif, other) in [(from, to), (to, from)] {
                let guest = self.crowd.guest(vif);
                let link = guest.link(&vif.peer())?.index;
                let mut kernel = guest.kernel()?;
                kernel.replace_route(&Route::to(other.ipv4().into(), 32).through(link))?;
                kernel.replace_route(&Route::to(other.ipv6().into(), 128).through(link))?;
            }
        }
        // The host has its own address on routed vifs; on a bridge the other guest answers.
        let next_hop = match self.mode {
            Mode::Bridge => to.mac(),
            Mode::Route => self.crowd.host().station().mac(&from.device())?,
        };
        Traffic::new((self.crowd.guest(from), from), (self.crowd.guest(to), to), next_hop)
    }
}
