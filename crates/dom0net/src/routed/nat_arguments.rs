//! What `network-nat` is asked to do.

use std::ffi::OsString;

use ipnet::{Ipv4Net, Ipv6Net};
use netkernel::link::LinkName;

use super::arguments::{BadWord, Command, device_name, split};
use crate::translation::{Forward, overlap};

/// A call of `network-nat`.
///
/// Without `bridge=` it is what Xen's own script was: guests with `vif-nat` go out as the host. With `bridge=` it is a
/// network with a bridge and subnets of its own, which guests join with `vif-bridge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatArguments {
    /// What to do.
    pub command: Command,
    /// The network's bridge; none: guests with `vif-nat`.
    pub bridge: Option<LinkName>,
    /// The device that guests' packets leave by; none: without a bridge that of the default route, with one any.
    pub netdev: Option<LinkName>,
    /// The host's IPv4 address in the network, and with it the subnet; none: chosen.
    pub subnet: Option<Ipv4Net>,
    /// The same for IPv6.
    pub subnet6: Subnet6,
    /// How the network is tied to the outside.
    pub outside: Outside,
    /// What is served to guests.
    pub services: Services,
    /// What comes in.
    pub forwards: Vec<Forward>,
    /// Words that mean nothing here, for a warning.
    pub unknown: Vec<String>,
}

/// The IPv6 subnet of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subnet6 {
    /// A unique local one (RFC 4193), always the same for this host and name.
    Chosen,
    /// This one; the address is the host's.
    Is(Ipv6Net),
    /// There is none.
    None,
}

/// How a network is tied to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// `nat=`: IPv4 packets bear the host's address. `no` makes the host a router for the network.
    pub nat: bool,
    /// `nat66=`: IPv6 packets do.
    pub nat66: bool,
    /// `isolated=`: nothing passes at all.
    pub isolated: bool,
}

/// What is served to guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// `dhcp=`: addresses by DHCP, and for IPv6 by router advertisements.
    pub dhcp: bool,
    /// `dns=`: names.
    pub dns: bool,
}

impl NatArguments {
    /// Understands the words behind the script's name. The first without `=` is the command.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, BadWord> {
        let (command, variables, unknown) = split(words)?;
        let mut arguments = Self {
            command,
            bridge: None,
            netdev: None,
            subnet: None,
            subnet6: Subnet6::Chosen,
            outside: Outside { nat: true, nat66: false, isolated: false },
            services: Services::default(),
            forwards: Vec::new(),
            unknown,
        };
        let mut dns = None;
        for (name, value) in variables {
            match &*name {
                "dns" => dns = Some(truth("dns", &value)?),
                _ => arguments.set(&name, &value)?,
            }
        }
        // Who serves addresses serves names, unless told otherwise.
        arguments.services.dns = dns.unwrap_or(arguments.services.dhcp);
        if let Some((one, other)) = overlap(&arguments.forwards) {
            return Err(BadWord::Overlap(one, other));
        }
        Ok(arguments)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BadWord> {
        match name {
            "bridge" => self.bridge = device_name("bridge", value)?,
            "netdev" | "gatewaydev" => self.netdev = device_name("netdev", value)?,
            "subnet" => self.subnet = subnet(value)?,
            "subnet6" => self.subnet6 = subnet6(value)?,
            "nat" => self.outside.nat = truth("nat", value)?,
            "nat66" => self.outside.nat66 = truth("nat66", value)?,
            "isolated" => self.outside.isolated = truth("isolated", value)?,
            "dhcp" => self.services.dhcp = truth("dhcp", value)?,
            "forward" => {
                for word in value.split(',').filter(|word| !word.is_empty()) {
                    self.forwards.push(word.parse().map_err(|error| BadWord::Forward(word.into(), error))?);
                }
            }
            // What network-bridge takes, and wrappers pass on to whatever script there is.
            "vifnum" | "antispoof" => {}
            _ => self.unknown.push(format!("{name}={value}")),
        }
        Ok(())
    }
}

/// The subnet of a host's address: `10.1.0.1/24`, or `10.1.0.0/24` for its first one.
fn subnet(value: &str) -> Result<Option<Ipv4Net>, BadWord> {
    if value.is_empty() {
        return Ok(None);
    }
    let expected = "a subnet with room for guests, like 10.1.0.0/24";
    let bad = || BadWord::Value { name: "subnet", value: value.into(), expected };
    let net: Ipv4Net = value.parse().map_err(|_| bad())?;
    if !(8..=30).contains(&net.prefix_len()) || net.addr().is_loopback() || net.addr().is_multicast() {
        return Err(bad());
    }
    if net.addr() == net.broadcast() {
        return Err(bad());
    }
    let first =
        if net.addr() == net.network() { net.hosts().next().unwrap_or(net.addr()) } else { net.addr() };
    Ipv4Net::new(first, net.prefix_len()).map(Some).map_err(|_| bad())
}

fn subnet6(value: &str) -> Result<Subnet6, BadWord> {
    match value {
        "" | "yes" => return Ok(Subnet6::Chosen),
        "no" | "none" => return Ok(Subnet6::None),
        _ => {}
    }
    let expected = "a subnet of 64 bits, like fd00:1:2:3::/64, or no";
    let bad = || BadWord::Value { name: "subnet6", value: value.into(), expected };
    let net: Ipv6Net = value.parse().map_err(|_| bad())?;
    if net.prefix_len() != 64 || net.addr().is_multicast() || net.addr().is_unicast_link_local() {
        return Err(bad());
    }
    let own = if net.addr() == net.network() { net.addr().to_bits() | 1 } else { net.addr().to_bits() };
    Ipv6Net::new(own.into(), 64).map(Subnet6::Is).map_err(|_| bad())
}

/// What xend took for yes and no.
fn truth(name: &'static str, value: &str) -> Result<bool, BadWord> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "y" | "1" | "on" | "true" | "t" => Ok(true),
        "no" | "n" | "0" | "off" | "false" | "f" => Ok(false),
        _ => Err(BadWord::Value { name, value: value.to_owned(), expected: "yes or no" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<NatArguments, BadWord> {
        NatArguments::parse(words.iter().map(Into::into))
    }

    #[test]
    fn a_network_is_said_in_words() {
        let arguments = parse(&[
            "start",
            "bridge=nat0",
            "subnet=10.1.0.0/24",
            "subnet6=fd00:1::/64",
            "dhcp=yes",
            "forward=tcp:8080:10.1.0.2:80,udp:5000-5999:10.1.0.3",
            "forward=tcp:22:[fd00:1::2]",
        ])
        .unwrap();
        assert_eq!(arguments.subnet.unwrap().to_string(), "10.1.0.1/24");
        assert_eq!(arguments.subnet6, Subnet6::Is("fd00:1::1/64".parse().unwrap()));
        assert_eq!((arguments.forwards.len(), arguments.services.dns), (3, true));
        assert!(arguments.outside.nat && !arguments.outside.nat66);
    }

    #[test]
    fn the_hosts_address_can_be_said() {
        let arguments = parse(&["start", "subnet=10.1.0.254/24", "subnet6=fd00::fe/64"]).unwrap();
        assert_eq!(arguments.subnet.unwrap().addr().to_string(), "10.1.0.254");
        assert_eq!(arguments.subnet6, Subnet6::Is("fd00::fe/64".parse().unwrap()));
        assert_eq!(parse(&["start", "subnet6=no"]).unwrap().subnet6, Subnet6::None);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        for (word, part) in [
            ("subnet=10.1.0.0", "like 10.1.0.0/24"),
            ("subnet=10.1.0.0/31", "room for guests"),
            ("subnet=10.1.0.255/24", "room for guests"),
            ("subnet=224.0.0.0/8", "room for guests"),
            ("subnet6=fd00::/48", "64 bits"),
            ("subnet6=fe80::/64", "64 bits"),
            ("dhcp=maybe", "yes or no"),
            ("forward=tcp:80", "forward=tcp:80 cannot be: a forward is"),
            ("forward=tcp:80:10.1.0.2,tcp:70-90:10.1.0.3", "tcp:70-90:10.1.0.3 and tcp:80:10.1.0.2"),
            ("bridge=a b", "bridge: "),
        ] {
            let error = parse(&["start", word]).unwrap_err().to_string();
            assert!(error.contains(part), "{word}: {error}");
        }
    }
}
