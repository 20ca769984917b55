//! Who uses which address: configurations, running guests, the host's own cards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dom0net::inventory;
use dom0net::network::Records;
use dom0net::places::Places;
use dom0net::plan::Kernel;
use ethernet::MacAddress;
use xenconf::check::Reading;
use xenconf::options::Options;

use crate::cli::configuration::files;

/// The end of every vif on the host's side has it.
const HOST_SIDE: MacAddress = MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

/// One who uses an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The guest's name, or that of the host's card.
    pub(super) name: String,
    /// Where that is said.
    pub(super) place: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of a configuration, with the number of the interface.
    Configured(usize),
    /// Of a guest that is running, with the number of the interface.
    Running(u32),
    Card,
}

#[derive(Default)]
pub(super) struct Uses {
    pub(super) by_address: BTreeMap<MacAddress, Vec<Owner>>,
    /// What could not be found out, in sentences.
    pub(super) problems: Vec<String>,
    /// A file could not be read.
    pub(super) unreadable: bool,
}

impl Owner {
    /// True for the same interface of one guest, as it is configured and as it runs. The numbers of the two need not
    /// be the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let one_guest = self.name == other.name && self.kind != Kind::Card && other.kind != Kind::Card;
        match (self.kind, other.kind) {
            (Kind::Configured(one), Kind::Configured(two)) => {
                one_guest && one == two && self.place == other.place
            }
            (Kind::Running(one), Kind::Running(two)) => one_guest && one == two,
            (Kind::Card, Kind::Card) => true,
            _ => one_guest,
        }
    }
}

impl Uses {
    fn add(&mut self, address: MacAddress, owner: Owner) {
        if address != MacAddress::ZERO && address != HOST_SIDE {
            self.by_address.entry(address).or_default().push(owner);
        }
    }

    /// Takes the addresses that configurations give to guests.
    pub(super) fn of_configurations(&mut self, paths: &[PathBuf], options: &Options) {
        let (inputs, unreadable) = files::named(paths);
        let mut problems: Vec<String> = unreadable.into_iter().map(|file| file.0).collect();
        files::read_all(&inputs, options, |reading| match reading {
            Ok(reading) => self.of_reading(&reading),
            Err(unreadable) => problems.push(unreadable.0),
        });
        self.unreadable = !problems.is_empty();
        self.problems.extend(problems);
    }

    fn of_reading(&mut self, reading: &Reading) {
        let Some(domain) = reading.domain() else { return };
        for (number, vif) in domain.vifs.iter().enumerate() {
            let Some(mac) = vif.mac else { continue };
            let position = reading.source.position(mac.span.start);
            self.add(
                mac.value,
                Owner {
                    name: domain.name().unwrap_or("a guest without a name").to_owned(),
                    place: format!("{}:{position}", reading.source.name()),
                    kind: Kind::Configured(number),
                },
            );
        }
    }

    /// Takes the addresses of guests that are running here, and those of this host's cards.
    pub(super) fn of_this_host(&mut self) {
        let records = Records::of(&Places::from_environment());
        let found = Kernel::open().and_then(|mut kernel| {
            let links = kernel.route.links()?;
            Ok((links, inventory::collect(&mut kernel, &records)?))
        });
        let (links, inventory) = match found {
            Ok(found) => found,
            Err(error) => return self.problems.push(format!("this host is left out: {error}")),
        };
        // Where guests were found, what could not be found out is not about their addresses.
        let problems = inventory.problems.iter().filter(|_| inventory.domains.is_empty());
        let unknown = problems.map(|problem| format!("running guests may be missing: {problem}"));
        self.problems.extend(unknown);
        // A card has no kind; bridges, bonds and VLANs have one, and share a card's address.
        for link in links.iter().filter(|link| link.kind.is_none()) {
            let name = link.name.clone();
            link.mac.into_iter().for_each(|mac| {
                self.add(
                    mac,
                    Owner { name: name.clone(), place: "a card of this host".to_owned(), kind: Kind::Card },
                );
            });
        }
        for domain in &inventory.domains {
            for vif in &domain.vifs {
                let Some(mac) = vif.mac.as_deref().and_then(|mac| mac.parse().ok()) else { continue };
                self.add(
                    mac,
                    Owner {
                        name: domain.title().into_owned(),
                        place: format!("running, domain {}, interface {}", domain.domid, vif.devid),
                        kind: Kind::Running(vif.devid),
                    },
                );
            }
        }
    }
}
