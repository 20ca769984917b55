//! The names that a call of `network-bridge` comes down to.

use netkernel::link::LinkName;
use netkernel::route::route_numbers;
use netkernel::{Family, netlink};

use super::arguments::Arguments;
use super::error::Error;
use super::record::Records;
use crate::plan::Kernel;

/// The names that a call comes down to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The bridge's.
    pub bridge: LinkName,
    /// The uplink's.
    pub uplink: LinkName,
}

/// Fills in what a call does not say: the device of the default route, and a bridge with its number. What was started
/// is found under the names that it was started with.
///
/// # Errors
/// When nothing is said, and there is no default route.
pub fn names(kernel: &mut Kernel, records: &Records, arguments: &Arguments) -> Result<Names, Error> {
    let known = records.all()?;
    let uplink = match (&arguments.netdev, arguments.vifnum) {
        (Some(netdev), _) => netdev.clone(),
        (None, Some(number)) => invented(format!("eth{number}"))?,
        (None, None) => {
            let device = default_device(kernel)?;
            match known.iter().find(|record| Some(&record.bridge.name) == device.as_ref()) {
                // The default route has moved onto the bridge.
                Some(record) => record.uplink.name.clone(),
                None => device.ok_or(Error::NoDefaultRoute)?,
            }
        }
    };
    let started = known.into_iter().find(|record| record.uplink.name == uplink);
    let bridge = match (&arguments.bridge, started) {
        (Some(bridge), _) => bridge.clone(),
        (None, Some(record)) => record.bridge.name,
        (None, None) => {
            let number = arguments.vifnum.map_or_else(|| digits_of(&uplink), |number| number.to_string());
            invented(format!("xenbr{number}"))?
        }
    };
    Ok(Names { bridge, uplink })
}

fn invented(name: String) -> Result<LinkName, Error> {
    LinkName::new(name).map_err(|error| Error::Name(error.to_string()))
}

/// `eth1` has the digits `1`; a name without any has `0`.
fn digits_of(name: &LinkName) -> String {
    let digits: String = name.as_str().chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { "0".into() } else { digits }
}

/// The device of the default route: of IPv4, or else of IPv6.
fn default_device(kernel: &mut Kernel) -> Result<Option<LinkName>, netlink::Error> {
    for family in [Family::Inet, Family::Inet6] {
        let routes = kernel.route.routes(family, None)?;
        let default = routes
            .iter()
            .filter(|route| {
                route.destination_length == 0
                    && route.table() == route_numbers::TABLE_MAIN
                    && route.kind == route_numbers::KIND_UNICAST
            })
            .min_by_key(|route| route.metric());
        let index = default.and_then(|route| route.link().or_else(|| Some(route.next_hops().next()?.link)));
        let link = index.map(|index| kernel.route.link_at(index)).transpose()?.flatten();
        if let Some(name) = link.and_then(|link| LinkName::new(link.name).ok()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
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
