//! How a network that `network-nat` made is, as opposed to how it should be.

use std::fmt;

use serde::Serialize;

use super::dnsmasq::Dnsmasq;
use super::error::Error;
use super::nat::bridge_of;
use super::record::Record;
use crate::places::Places;
use crate::plan::{Change, Kernel};
use crate::translation::{Passage, Translation};

/// The state of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NatStatus {
    /// Its name.
    pub name: String,
    /// Its bridge; none: guests with `vif-nat`.
    pub bridge: Option<String>,
    /// The device that its packets leave by, where it is one alone.
    pub gateway: Option<String>,
    /// The host's addresses in it.
    pub addresses: Vec<String>,
    /// The guests' devices on the bridge.
    pub guests: Vec<String>,
    /// What holds between it and the outside.
    pub translation: Option<Translation>,
    /// Whether the rules for that are in force.
    pub is_in_force: bool,
    /// The process that gives addresses and tells names, if one should.
    pub dnsmasq: Service,
}

/// The state of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// It is not asked for.
    NotWanted,
    /// It runs, with this process number.
    Runs(i32),
    /// It should run, and does not.
    Missing,
}

/// Reads how the network is.
pub fn nat_status(kernel: &mut Kernel, places: &Places, record: &Record) -> Result<NatStatus, Error> {
    let mut status = NatStatus {
        name: record.name.to_string(),
        bridge: None,
        gateway: record.gateway.as_ref().map(|gateway| gateway.device.to_string()),
        addresses: Vec::new(),
        guests: Vec::new(),
        translation: None,
        is_in_force: false,
        dnsmasq: Service::NotWanted,
    };
    if let Some(bridge) = bridge_of(record) {
        status.bridge = Some(bridge.to_string());
        if kernel.route.link_at(bridge.index)?.is_some() {
            let addresses = kernel.route.addresses(Some(bridge.index))?;
            status.addresses = addresses.iter().map(ToString::to_string).collect();
            let ports = kernel.route.ports_of(bridge.index)?;
            status.guests = ports.into_iter().map(|port| port.name).collect();
        }
    }
    for change in &record.plan.changes {
        if let Change::Translate(translation) = change {
            status.is_in_force = translation.is_in_force(kernel.filter()?)?;
            status.translation = Some(translation.clone());
        }
    }
    let dnsmasq = Dnsmasq::of(places, &record.name);
    status.dnsmasq = match dnsmasq.process() {
        Some(process) => Service::Runs(process.as_raw()),
        None if dnsmasq.is_wanted() => Service::Missing,
        None => Service::NotWanted,
    };
    Ok(status)
}

/// A few lines for people.
impl fmt::Display for NatStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match &self.translation {
            Some(translation) if translation.passage == Passage::None => f.write_str("isolated")?,
            Some(translation) if translation.masquerade_ipv4 => f.write_str("out as this host")?,
            _ => f.write_str("out by this host")?,
        }
        if let Some(gateway) = &self.gateway {
            write!(f, ", by {gateway}")?;
        }
        if !self.addresses.is_empty() {
            write!(f, ", {}", self.addresses.join(" "))?;
        }
        writeln!(f)?;
        if !self.is_in_force {
            writeln!(f, "  its rules are gone: somebody has flushed them; start it again to put them back")?;
        }
        match self.dnsmasq {
            Service::NotWanted => {}
            Service::Runs(process) => writeln!(f, "  dnsmasq runs, as process {process}")?,
            Service::Missing => writeln!(f, "  dnsmasq has ended; start the network again to start it")?,
        }
        if let Some(translation) = &self.translation {
            translation.forwards.iter().try_for_each(|forward| writeln!(f, "  forward {forward}"))?;
        }
        if self.guests.is_empty() { Ok(()) } else { writeln!(f, "  guests: {}", self.guests.join(" ")) }
    }
}
