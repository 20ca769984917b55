//! What no two guests may have in common.

use std::collections::HashMap;
use std::rc::Rc;

use ethernet::MacAddress;
use ipnet::IpNet;

use super::host::HostFacts;
use super::prefixes::Prefixes;
use super::reading::Reading;
use crate::diagnostic::{Diagnostic, Severity, kinds};
use crate::domain::Domain;
use crate::pci::{Address, Functions, Which};
use crate::source::{Position, Span};

/// Where something was seen first.
#[derive(Clone, Debug)]
struct Seen {
    path: Rc<str>,
    position: Position,
    /// The UUID of the domain, by which two files of the same domain are told.
    uuid: Option<Rc<str>>,
}

impl Seen {
    fn note(&self) -> String {
        format!("the other one is at {}:{}", self.path, self.position)
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    macs: HashMap<MacAddress, Seen>,
    vifnames: HashMap<String, Seen>,
    names: HashMap<String, Seen>,
    uuids: HashMap<String, Seen>,
    devices: HashMap<Address, Vec<(Functions, Seen)>>,
    /// Addresses by the bridge that they are on; routed ones are on none.
    addresses: HashMap<Option<String>, Prefixes<Seen>>,
}

/// The file that is being looked at.
struct File<'r> {
    reading: &'r Reading,
    path: Rc<str>,
    uuid: Option<Rc<str>>,
}

impl File<'_> {
    fn seen(&self, span: Span) -> Seen {
        let position = self.reading.source.position(span.start);
        Seen { path: Rc::clone(&self.path), position, uuid: self.uuid.clone() }
    }

    /// True when the other place is in a file of another domain.
    fn is_other(&self, other: &Seen) -> bool {
        other.path != self.path && (self.uuid.is_none() || other.uuid != self.uuid)
    }
}

impl Shared {
    pub(super) fn check(&mut self, reading: &mut Reading, host: &HostFacts) {
        let Some(domain) = reading.domain() else { return };
        let uuid = domain.canonical_uuid().map(Rc::from);
        let file = File { reading, path: Rc::from(reading.source.name()), uuid };
        let mut found = Vec::new();
        self.identity(domain, &file, &mut found);
        self.interfaces(domain, &file, host, &mut found);
        self.devices(domain, &file, &mut found);
        reading.diagnostics.extend(found);
    }

    fn identity(&mut self, domain: &Domain, file: &File<'_>, found: &mut Vec<Diagnostic>) {
        if let Some((uuid, key)) = domain.uuid.as_ref().zip(domain.canonical_uuid()) {
            match self.uuids.get(&key).filter(|other| other.path != file.path) {
                Some(other) => {
                    found.push(
                        Diagnostic::new(
                            &kinds::UUID_TWICE,
                            uuid.span(),
                            "another file configures a domain with this UUID",
                        )
                        .note(other.note())
                        .help("give each domain a UUID of its own; delete the file if it is an old version"),
                    );
                    return;
                }
                None => {
                    self.uuids.entry(key).or_insert_with(|| file.seen(uuid.span()));
                }
            }
        }
        let Some(name) = &domain.name else { return };
        match self.names.get(name.as_str()).filter(|other| file.is_other(other)) {
            Some(other) => found.push(
                Diagnostic::new(
                    &kinds::NAME_TWICE,
                    name.span(),
                    format!("another file configures a domain called `{}`", name.as_str()),
                )
                .note(other.note())
                .note("only one of the two can run at a time")
                .help("give each domain a name of its own"),
            ),
            None => {
                self.names.entry(name.as_str().to_owned()).or_insert_with(|| file.seen(name.span()));
            }
        }
    }

    fn interfaces(
        &mut self,
        domain: &Domain,
        file: &File<'_>,
        host: &HostFacts,
        found: &mut Vec<Diagnostic>,
    ) {
        let effective = domain.effective_vifs(host.defaults(domain.toolstack()));
        for (vif, effective) in domain.vifs.iter().zip(effective) {
            if let Some(mac) = vif.mac {
                match self.macs.get(&mac.value).filter(|other| file.is_other(other)) {
                    Some(other) => found.push(
                        Diagnostic::new(
                            &kinds::MAC_DUPLICATE,
                            mac.span,
                            format!("another guest has the address {}", mac.value),
                        )
                        .note(other.note())
                        .note("on one network the two take each other's traffic")
                        .help("give one of them another address"),
                    ),
                    None => {
                        self.macs.entry(mac.value).or_insert_with(|| file.seen(mac.span));
                    }
                }
            }
            if let Some(name) = &vif.vifname {
                match self.vifnames.get(name.as_str()).filter(|other| file.is_other(other)) {
                    Some(other) => found.push(
                        Diagnostic::new(
                            &kinds::VIFNAME_TWICE,
                            name.span(),
                            format!("another guest's interface is called `{}`", name.as_str()),
                        )
                        .note(other.note())
                        .note("the guest that starts second fails: the name exists")
                        .help("give one of them another name"),
                    ),
                    None => {
                        self.vifnames
                            .entry(name.as_str().to_owned())
                            .or_insert_with(|| file.seen(name.span()));
                    }
                }
            }
            let place = self.addresses.entry(host.network_of(&effective)).or_default();
            for net in vif.ip.iter().flat_map(|ip| &ip.nets) {
                match place.overlap(net.value).filter(|other| file.is_other(other)) {
                    Some(other) => found.push(overlap(net.value, net.span, other)),
                    None => place.insert(net.value, file.seen(net.span)),
                }
            }
        }
    }

    fn devices(&mut self, domain: &Domain, file: &File<'_>, found: &mut Vec<Diagnostic>) {
        for device in &domain.pci {
            let Which::Address(address, functions) = &device.which else { continue };
            let known = self.devices.entry(*address).or_default();
            let clash = known.iter().find(|(others, seen)| {
                let both = match (functions, others) {
                    (Functions::Some(functions), Functions::Some(others)) => {
                        functions.iter().any(|function| others.contains(function))
                    }
                    _ => true,
                };
                both && file.is_other(seen)
            });
            match clash {
                Some((_, other)) => found.push(
                    Diagnostic::new(&kinds::PCI_TWICE, device.span, "another domain is given this device")
                        .severity(Severity::Warning)
                        .note(other.note())
                        .note("only one of the two can run at a time")
                        .help("give the device to one of them"),
                ),
                None if known.len() < 64 => known.push((functions.clone(), file.seen(device.span))),
                None => {}
            }
        }
    }
}

fn overlap(net: IpNet, span: Span, other: &Seen) -> Diagnostic {
    let shown =
        if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() };
    Diagnostic::new(
        &kinds::IP_OVERLAP,
        span,
        format!("another guest on the same network may also use {shown}"),
    )
    .note(other.note())
    .note("antispoofing cannot tell the two apart")
    .help("give each guest addresses of its own")
}
