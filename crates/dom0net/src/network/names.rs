//! The names that a call of `network-bridge` comes down to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netkernel::link::LinkName;
use netkernel::route::{Route, route_numbers};
use netkernel::{Family, netlink};

use super::arguments::Arguments;
use super::error::Error;
use super::layout::{Layout, Shape};
use super::record::{Record, Records};
use crate::plan::{Device, Kernel};

/// The names that a call comes down to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The bridge's.
    pub bridge: LinkName,
    /// The uplink's.
    pub uplink: LinkName,
    /// What the uplink is called meanwhile, in the layouts in which it gets another name.
    pub renamed: Option<LinkName>,
    /// What the bridge's end of the pair is called through which the host uses it, in the layout that has one.
    pub back: Option<LinkName>,
}

impl Names {
    /// The names that no device may have.
    pub fn new_names(&self) -> impl Iterator<Item = &LinkName> {
        // Where the card gives its name away, a bridge may get it.
        let bridge = Some(&self.bridge).filter(|name| self.renamed.is_none() || **name != self.uplink);
        [bridge, self.renamed.as_ref(), self.back.as_ref()].into_iter().flatten()
    }

    /// The layout with these names; a pair gets this index and the next one.
    #[must_use]
    pub fn shape(&self, index: u32) -> Shape {
        match (&self.renamed, &self.back) {
            (None, _) => Shape::Today,
            (Some(card), None) => Shape::BridgeIsCard { card: card.clone() },
            (Some(card), Some(back)) => Shape::Classic {
                card: card.clone(),
                front: Device { index, name: self.uplink.clone() },
                back: Device { index: index + 1, name: back.clone() },
            },
        }
    }
}

/// The network that a call means, if it was started: by its bridge, its card or its number; a call that says none of
/// these means the network with the default route, or else the only one.
pub fn started(
    kernel: &mut Kernel,
    records: &Records,
    arguments: &Arguments,
) -> Result<Option<Record>, Error> {
    let mut known = records.all()?;
    if let Some(position) = position_of(&known, kernel, arguments)? {
        return Ok(Some(known.swap_remove(position)));
    }
    let says_nothing = (&arguments.bridge, &arguments.netdev, arguments.vifnum) == (&None, &None, None);
    Ok(known.pop().filter(|_| known.is_empty() && says_nothing))
}

fn position_of(known: &[Record], kernel: &mut Kernel, arguments: &Arguments) -> Result<Option<usize>, Error> {
    let is_meant: Box<dyn Fn(&Record) -> bool> =
        match (&arguments.bridge, &arguments.netdev, arguments.vifnum) {
            (Some(bridge), _, _) => Box::new(move |record| record.bridge.name == *bridge),
            (None, Some(netdev), _) => {
                Box::new(move |record| [&record.uplink.name, &record.before.name].contains(&netdev))
            }
            (None, None, Some(number)) => {
                let uplink = invented(format!("eth{number}"), "netdev")?;
                Box::new(move |record| record.before.name == uplink)
            }
            (None, None, None) => {
                let device = default_device(kernel)?;
                Box::new(move |record| Some(&record.front().name) == device.as_ref())
            }
        };
    Ok(known.iter().position(is_meant))
}

/// The names of the network that a call shall start: what it does not say is the device of the default route, and a
/// bridge with the number of the card.
///
/// # Errors
/// When no device is said, and there is no default route.
pub fn names(kernel: &mut Kernel, records: &Records, arguments: &Arguments) -> Result<Names, Error> {
    // The default route of a network that stands leads through its bridge, which is not to be put on another.
    let mut known = records.all()?;
    if let Some(position) = position_of(&known, kernel, arguments)? {
        let record = known.swap_remove(position);
        return Ok(of(&record));
    }
    let uplink = match (&arguments.netdev, arguments.vifnum) {
        (Some(netdev), _) => netdev.clone(),
        (None, Some(number)) => invented(format!("eth{number}"), "netdev")?,
        (None, None) => default_device(kernel)?.ok_or(Error::NoDefaultRoute)?,
    };
    let number = || arguments.vifnum.map_or_else(|| digits_of(&uplink), |number| number.to_string());
    let layout = arguments.layout.unwrap_or_else(|| {
        if arguments.bridge.as_ref() == Some(&uplink) { Layout::BridgeIsCard } else { Layout::Today }
    });
    let bridge = match (&arguments.bridge, layout) {
        (Some(bridge), _) => bridge.clone(),
        (None, Layout::BridgeIsCard) => uplink.clone(),
        (None, _) => invented(format!("xenbr{}", number()), "bridge")?,
    };
    let renamed = match (&arguments.pdev, layout) {
        (_, Layout::Today) => None,
        (Some(name), _) => Some(name.clone()),
        (None, _) => Some(invented(format!("p{uplink}"), "pdev")?),
    };
    let back =
        (layout == Layout::Classic).then(|| invented(format!("vif0.{}", number()), "vifnum")).transpose()?;
    Ok(Names { bridge, uplink, renamed, back })
}

/// The names of a network that stands.
fn of(record: &Record) -> Names {
    Names {
        bridge: record.bridge.name.clone(),
        uplink: record.before.name.clone(),
        renamed: record.shape.card_name().cloned(),
        back: record.shape.back().map(|back| back.name.clone()),
    }
}

/// A name that nobody has said. Where it cannot be, `word` is what has to be said.
fn invented(name: String, word: &str) -> Result<LinkName, Error> {
    LinkName::new(name).map_err(|error| Error::Name(format!("{error}; choose another with {word}=")))
}

/// `eth1` has the digits `1`; a name without any has `0`.
fn digits_of(name: &LinkName) -> String {
    let digits: String = name.as_str().chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { "0".into() } else { digits }
}

/// The device of the default route: of IPv4, or else of IPv6.
pub(crate) fn default_device(kernel: &mut Kernel) -> Result<Option<LinkName>, netlink::Error> {
    for (family, elsewhere) in ELSEWHERE {
        // Refused, too, is what a route says that is there to lose such packets.
        let default = match kernel.route.route_to(elsewhere).ok().flatten().filter(is_default) {
            Some(route) => Some(route),
            // There may be one all the same, behind a rule or another route. All are listed, which are many on a host that routes.
            None => {
                kernel.route.routes(family, None)?.into_iter().filter(is_default).min_by_key(Route::metric)
            }
        };
        let index = default.and_then(|route| route.link().or_else(|| Some(route.next_hops().next()?.link)));
        let link = index.map(|index| kernel.route.link_at(index)).transpose()?.flatten();
        if let Some(name) = link.and_then(|link| LinkName::new(link.name).ok()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Addresses to which nobody has a route of their own: they stand for documentation (RFC 5737, RFC 3849).
const ELSEWHERE: [(Family, IpAddr); 2] = [
    (Family::Inet, IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1))),
    (Family::Inet6, IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xffff, 0, 0, 0, 1))),
];

fn is_default(route: &Route) -> bool {
    route.destination_length == 0
        && route.table() == route_numbers::TABLE_MAIN
        && route.kind == route_numbers::KIND_UNICAST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_gets_the_number_of_its_card() {
        let digits = |name: &str| digits_of(&LinkName::new(name).unwrap());
        assert_eq!(
            (digits("eth1").as_str(), digits("bond0").as_str(), digits("lan").as_str()),
            ("1", "0", "0")
        );
    }
}
