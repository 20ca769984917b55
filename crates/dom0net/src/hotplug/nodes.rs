//! What xenstore says of a vif, and what the vif should be by that.
//!
//! The nodes are those of `xen/include/public/io/netif.h` and of libxl's `libxl__set_xenstore_nic`. They are written by
//! the toolstack, but may repeat what somebody typed: each is checked before it is believed.

use std::fmt;

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::link::{InvalidLinkName, LinkName};
use xenconf::vlan::{self, Vlans};
use xenstore::{Batch, Error as StoreError, Requests};

use super::request::Request;
use crate::guard::Policy;
use crate::guard::words::address;
use crate::vif::PortKind;

/// How much of a strange value is repeated in an error.
const SHOWN: usize = 40;

/// The values of the vif's backend nodes; none: there is no such node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// The guest's MAC address.
    pub mac: Option<Vec<u8>>,
    /// Its addresses.
    pub ip: Option<Vec<u8>>,
    /// The bridge.
    pub bridge: Option<Vec<u8>>,
    /// The name that the device shall have.
    pub vifname: Option<Vec<u8>>,
    /// The MTU.
    pub mtu: Option<Vec<u8>>,
    /// The VLANs.
    pub vlan: Option<Vec<u8>>,
    /// Whether there is an emulated card beside the vif.
    pub kind: Option<Vec<u8>>,
    /// What its guard shall be beyond what follows from the others: words of [`Draft`](crate::guard::Draft).
    pub guard: Option<Vec<u8>>,
    /// The name of its domain.
    pub domain: Option<Vec<u8>>,
}

impl Nodes {
    /// Reads the nodes below `backend`, the folder of a vif of domain `domid`, in one round trip.
    pub fn read(store: &mut impl Requests, backend: &str, domid: u32) -> Result<Self, StoreError> {
        let mut batch = Batch::new();
        let mut ask = |node: &str| batch.read(&format!("{backend}/{node}"));
        let tickets = (
            ask("mac")?,
            ask("ip")?,
            ask("bridge")?,
            ask("vifname")?,
            ask("mtu")?,
            ask("vlan")?,
            ask("type")?,
            ask("guard")?,
        );
        let domain = batch.read(&format!("/local/domain/{domid}/name"))?;
        let replies = store.run(batch)?;
        let value = |ticket| replies.get(ticket).map(|value: Option<&[u8]>| value.map(<[u8]>::to_vec));
        Ok(Self {
            mac: value(tickets.0)?,
            ip: value(tickets.1)?,
            bridge: value(tickets.2)?,
            vifname: value(tickets.3)?,
            mtu: value(tickets.4)?,
            vlan: value(tickets.5)?,
            kind: value(tickets.6)?,
            guard: value(tickets.7)?,
            // A domain that is going may have lost its name.
            domain: value(domain).unwrap_or_default(),
        })
    }
}

/// What a vif should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name of its device.
    pub name: LinkName,
    /// What its guest may send.
    pub policy: Policy,
    /// The bridge that it belongs to; none: whichever this host has.
    pub bridge: Option<LinkName>,
    /// The MTU that was asked for; none: the bridge's.
    pub mtu: Option<u32>,
    /// The addresses and networks of `ip=`, as they were given; none: it was not.
    pub addresses: Vec<IpNet>,
    /// The VLANs that it shall be in, on a bridge that filters them.
    pub vlans: Option<Vlans>,
    /// The VLANs that the guest tags its frames for, by its configuration.
    pub tagged: Vec<u16>,
    /// Whether the guest has an emulated card too, with the same MAC address: it uses one of the two at a time.
    pub has_two_devices: bool,
}

/// A node says something that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNode {
    /// The node's name, which is the key in the guest's configuration too.
    node: &'static str,
    /// Its value, cut and escaped.
    value: String,
    /// What is wrong, and what would be right.
    fault: String,
}

impl Wanted {
    /// Puts together what the nodes and the call say. The nodes come first.
    pub fn new(nodes: &Nodes, request: &Request) -> Result<Self, BadNode> {
        let mac = match text("mac", nodes.mac.as_deref())? {
            Some(text) => mac(text)?,
            None => {
                return Err(bad("mac", "", "a vif without a MAC address cannot be guarded; give it mac="));
            }
        };
        let variable = |name: &str| request.variables.get(name).map(String::as_str);
        let addresses = match text("ip", nodes.ip.as_deref())?.or_else(|| variable("ip")) {
            Some(list) => Some(addresses(list)?),
            None => None,
        };
        let bridge = match text("bridge", nodes.bridge.as_deref())?.or_else(|| variable("bridge")) {
            Some(name) => Some(link_name("bridge", name)?),
            None => None,
        };
        let vlans = text("vlan", nodes.vlan.as_deref())?.map(vlans).transpose()?;
        let tagged = vlans.iter().flatten().filter(|vlan| !vlan.untagged && !vlan.pvid).map(|vlan| vlan.id);
        Ok(Self {
            tagged: tagged.collect(),
            name: device_name(text("vifname", nodes.vifname.as_deref())?, request)?,
            policy: match &addresses {
                Some(addresses) => Policy::locked(mac, addresses.iter().copied()),
                None => Policy::mac_only(mac),
            },
            addresses: addresses.unwrap_or_default(),
            bridge,
            mtu: text("mtu", nodes.mtu.as_deref())?.map(mtu).transpose()?,
            // libxl writes `vif_ioemu`, and xend wrote `ioemu`.
            has_two_devices: request.port.kind == PortKind::Tap
                || nodes.kind.as_deref().is_some_and(|kind| kind.ends_with(b"ioemu")),
            vlans,
        })
    }
}

impl Wanted {
    /// Whether the bridge itself takes the guest's own MAC addresses alone from this port. With two devices of one MAC
    /// address it must learn which of them the guest uses.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.policy.can_be_fenced() && !self.has_two_devices
    }

    /// The addresses that the guest is held to; none: it is held to its MAC address.
    #[must_use]
    pub(super) fn given(&self) -> Option<Vec<IpNet>> {
        (!self.addresses.is_empty()).then(|| self.addresses.clone())
    }
}

/// The name that the device shall have: `vifname`, with `-emu` behind it for the tap.
pub(super) fn device_name(vifname: Option<&str>, request: &Request) -> Result<LinkName, BadNode> {
    match (vifname, request.port.kind) {
        (None, _) => Ok(request.device.clone()),
        (Some(name), PortKind::Vif) => link_name("vifname", name),
        (Some(name), PortKind::Tap) => link_name("vifname", &format!("{name}-emu")),
    }
}

/// The value as text. An empty one is none: scripts cannot tell them apart, and toolstacks write either.
pub(super) fn text<'a>(node: &'static str, value: Option<&'a [u8]>) -> Result<Option<&'a str>, BadNode> {
    let Some(value) = value else { return Ok(None) };
    match std::str::from_utf8(value) {
        Ok("") => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(bad(node, &String::from_utf8_lossy(value), "it is not UTF-8")),
    }
}

/// As netfront reads it: six numbers of one or two hexadecimal digits.
fn mac(text: &str) -> Result<MacAddress, BadNode> {
    let octets = || -> Option<[u8; 6]> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|part| matches!(part.len(), 1..=2))?;
            let digits = part.bytes().all(|byte| byte.is_ascii_hexdigit());
            *octet = u8::from_str_radix(part, 16).ok().filter(|_| digits)?;
        }
        parts.next().is_none().then_some(octets)
    };
    let mac = octets()
        .map(MacAddress::new)
        .ok_or_else(|| bad("mac", text, "it is not a MAC address, like 00:16:3e:27:95:c0"))?;
    if mac.is_multicast() {
        return Err(bad("mac", text, "it is a group's address; the second digit must be even"));
    }
    if mac == MacAddress::ZERO {
        return Err(bad("mac", text, "it is nobody's address"));
    }
    Ok(mac)
}

/// Addresses and networks with blanks or commas between them. None at all is an error: the guard would have to
/// guess.
pub(super) fn addresses(list: &str) -> Result<Vec<IpNet>, BadNode> {
    let words = list.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let networks = words
        .map(|word| address(word).map_err(|fault| bad("ip", word, fault)))
        .collect::<Result<Vec<_>, _>>()?;
    if networks.is_empty() { Err(bad("ip", list, "there is no address in it")) } else { Ok(networks) }
}

fn mtu(text: &str) -> Result<u32, BadNode> {
    // What Ethernet devices take: the least that IPv4 can do with, to the most that a length can say.
    text.parse()
        .ok()
        .filter(|mtu| (68..=65_535).contains(mtu))
        .ok_or_else(|| bad("mtu", text, "it is not a number of bytes from 68 to 65535"))
}

fn vlans(text: &str) -> Result<Vlans, BadNode> {
    vlan::parse(text).map_err(|error| bad("vlan", text, &error.to_string()))
}

fn link_name(node: &'static str, text: &str) -> Result<LinkName, BadNode> {
    LinkName::new(text).map_err(|error: InvalidLinkName| bad(node, text, &error.to_string()))
}

pub(super) fn bad(node: &'static str, value: &str, fault: &str) -> BadNode {
    let mut shown: String = value.chars().take(SHOWN).collect::<String>().escape_debug().to_string();
    if value.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    BadNode { node, value: shown, fault: fault.to_owned() }
}

impl fmt::Display for BadNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=\"{}\" cannot be: {}", self.node, self.value, self.fault)
    }
}

impl std::error::Error for BadNode {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hotplug::Call;

    fn request(kind: &str) -> Request {
        let command = if kind == "vif" { "online" } else { "add" };
        let call = Call::parse([command.into(), format!("type_if={kind}").into()], |name| match name {
            "XENBUS_PATH" => Some("backend/vif/1/0".into()),
            "vif" => Some("vif1.0".into()),
            "INTERFACE" => Some("vif1.0-emu".into()),
            _ => None,
        });
        match call {
            Ok(Call::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn nodes(values: &[(&str, &str)]) -> Nodes {
        let value = |wanted: &str| {
            values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes().to_vec())
        };
        Nodes {
            mac: value("mac").or(Some(b"00:16:3e:00:00:01".to_vec())),
            ip: value("ip"),
            bridge: value("bridge"),
            vifname: value("vifname"),
            mtu: value("mtu"),
            vlan: value("vlan"),
            kind: value("type"),
            guard: value("guard"),
            domain: None,
        }
    }

    fn wanted(values: &[(&str, &str)]) -> Result<Wanted, BadNode> {
        Wanted::new(&nodes(values), &request("vif"))
    }

    #[test]
    fn what_libxl_writes_is_understood() {
        let wanted = wanted(&[
            ("mac", "00:16:3e:27:95:c0"),
            ("ip", "10.0.0.1 2001:db8::1"),
            ("bridge", "xenbr0"),
            ("vifname", "http"),
            ("mtu", "9000"),
        ])
        .unwrap();
        assert_eq!((wanted.name.as_str(), wanted.mtu), ("http", Some(9000)));
        assert_eq!(wanted.bridge.unwrap().as_str(), "xenbr0");
        assert!(wanted.policy.allows_source("2001:db8::1".parse().unwrap()));
        assert!(!wanted.policy.allows_source("10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn a_mac_address_as_the_book_writes_it_is_taken() {
        let wanted = wanted(&[("mac", "aa:0:1:2:3:4")]).unwrap();
        assert_eq!(wanted.policy.mac.to_string(), "aa:00:01:02:03:04");
    }

    #[test]
    fn the_tap_of_a_named_vif_is_named_after_it() {
        let name = |kind| Wanted::new(&nodes(&[("vifname", "http")]), &request(kind)).unwrap().name;
        assert_eq!((name("vif").as_str(), name("tap").as_str()), ("http", "http-emu"));
    }

    #[test]
    fn without_a_name_the_device_keeps_the_kernels() {
        assert_eq!(wanted(&[("vifname", "")]).unwrap().name.as_str(), "vif1.0");
    }

    #[test]
    fn hostile_values_are_refused_in_one_short_line() {
        let long = "x".repeat(4096);
        for (node, value) in [
            ("mac", ""),
            ("mac", "00:16:3e:00:00"),
            ("mac", "01:00:5e:00:00:01"),
            ("mac", "00:00:00:00:00:00"),
            ("mac", "$(reboot)"),
            ("mac", "+1:16:3e:00:00:01"),
            ("ip", "10.0.0.300"),
            ("ip", "10.0.0.1/33"),
            ("ip", " "),
            ("ip", "10.0.0.1\n10.0.0.x"),
            ("bridge", "a/b"),
            ("bridge", "xen br0"),
            ("vifname", "sixteen-bytes-xx"),
            ("vifname", "..\u{0}"),
            ("mtu", "-1"),
            ("mtu", "67"),
            ("mtu", "1e9"),
            ("vlan", "0"),
            ("vlan", "10/20"),
            ("vlan", "1-4095"),
            ("ip", &long),
            ("bridge", &long),
        ] {
            let error = wanted(&[(node, value)]).expect_err(value).to_string();
            assert!(error.starts_with(node) && error.len() < 300 && !error.contains('\n'), "{error}");
        }
        let binary = Nodes { bridge: Some(vec![0xff, 0xfe]), ..nodes(&[]) };
        assert!(Wanted::new(&binary, &request("vif")).is_err());
    }

    #[test]
    fn arguments_stand_behind_xenstore() {
        let mut request = request("vif");
        request.variables.insert("bridge".into(), "xenbr1".into());
        let bridge = |values: &[(&str, &str)]| {
            Wanted::new(&nodes(values), &request).unwrap().bridge.unwrap().to_string()
        };
        assert_eq!(bridge(&[]), "xenbr1");
        assert_eq!(bridge(&[("bridge", "xenbr0")]), "xenbr0");
    }
}
