//! What an interface comes to when the toolstack has filled in its defaults, and the nodes it writes for it.

use ethernet::MacAddress;
use ipnet::IpNet;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Toolstack, Vif, VifType};
use crate::rate::Rate;
use crate::script;

/// What kind of machine a guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Guest {
    /// Paravirtual.
    #[default]
    Pv,
    /// Paravirtual in a hardware container.
    Pvh,
    /// Fully virtual, with emulated devices.
    Hvm,
}

/// What an interface's settings depend on besides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Whose defaults are filled in.
    pub toolstack: Toolstack,
    /// The kind of the guest.
    pub guest: Guest,
    /// True when the interface is attached to a running guest.
    pub hotplug: bool,
}

impl Context {
    /// A paravirtual guest that is about to be created.
    #[must_use]
    pub const fn new(toolstack: Toolstack) -> Self {
        Self { toolstack, guest: Guest::Pv, hotplug: false }
    }
}

/// What the host's configuration says for interfaces that do not say it themselves: `vif.default.*` of
/// `xl.conf`, or `(vif-script …)` of `xend-config.sxp`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The script, under xend with its arguments.
    pub script: Option<String>,
    /// The bridge.
    pub bridge: Option<String>,
    /// The gateway device.
    pub gatewaydev: Option<String>,
    /// The backend domain, by name or id.
    pub backend: Option<String>,
}

/// An interface with all defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The device's number in the guest.
    pub devid: u32,
    /// The guest's address; `None` when the toolstack generates one.
    #[serde(serialize_with = "display_option")]
    pub mac: Option<MacAddress>,
    /// The bridge. xm writes none when none is given; `vif-bridge` then takes the first one.
    pub bridge: Option<String>,
    /// The script: a name, or a path; under xend also arguments.
    pub script: String,
    /// The addresses and prefixes of `ip=`.
    #[serde(serialize_with = "display_all")]
    pub ip: Vec<IpNet>,
    /// The value of `ip=` as the script gets it.
    #[serde(skip)]
    pub ip_text: Option<String>,
    /// The device's name on the host, when it is not `vifDOMAIN.DEVID`.
    pub vifname: Option<String>,
    /// The limit, when there is one: as `rate_bytes_per_interval` and `rate_interval_usecs`, null without one.
    #[serde(flatten, serialize_with = "rate_fields")]
    pub rate: Option<Rate>,
    /// The largest packet in bytes, when the toolstack sets it.
    pub mtu: Option<u32>,
    /// `vif` or `ioemu`.
    #[serde(rename = "type", serialize_with = "kind_name")]
    pub kind: VifType,
    /// The emulated card's model.
    pub model: Option<String>,
    /// The domain that serves the interface, by name or id.
    pub backend: String,
    /// The device on which the host answers for a routed guest.
    pub gatewaydev: Option<String>,
    /// The VLANs, as written.
    pub vlan: Option<String>,
    /// Whether the guest trusts the backend.
    pub trusted: bool,
    /// Keys that are handed on under their own names (COLO).
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "pairs")]
    pub others: Vec<(String, String)>,
    /// Whose nodes are written.
    #[serde(skip)]
    toolstack: Toolstack,
}

/// The MTU that xl takes for "not set".
const DEFAULT_MTU: u32 = 1500;

impl Vif {
    /// Fills in what was not given. `index` is the position in the domain's list, from 0.
    #[must_use]
    pub fn effective(&self, context: &Context, defaults: &Defaults, index: u32) -> Effective {
        let is_xl = context.toolstack == Toolstack::Xl;
        let text = |given: &Option<crate::text::Text>, default: Option<&str>| {
            given.as_ref().map(crate::text::Text::as_str).or(default).map(str::to_owned)
        };
        let given_kind = self.kind.map(|kind| kind.value);
        let kind = match (context.toolstack, context.guest) {
            (Toolstack::Xl, Guest::Hvm) if !context.hotplug => given_kind.unwrap_or(VifType::Ioemu),
            _ => given_kind.unwrap_or(VifType::Vif),
        };
        Effective {
            devid: self.devid.map_or(index, |devid| devid.value),
            mac: self.mac.map(|mac| mac.value),
            bridge: text(&self.bridge, defaults.bridge.as_deref().or(is_xl.then_some("xenbr0"))),
            script: text(&self.script, defaults.script.as_deref()).unwrap_or_else(|| "vif-bridge".to_owned()),
            ip: self.ip.iter().flat_map(|ip| ip.nets.iter().map(|net| net.value)).collect(),
            ip_text: self.ip.as_ref().map(|ip| ip.text.as_str().to_owned()),
            vifname: text(&self.vifname, None),
            rate: self.rate.map(|rate| rate.value),
            mtu: self.mtu.map(|mtu| mtu.value).or(is_xl.then_some(DEFAULT_MTU)),
            kind,
            model: text(&self.model, is_xl.then_some("rtl8139")),
            backend: text(&self.backend, defaults.backend.as_deref()).unwrap_or_else(|| "0".to_owned()),
            gatewaydev: text(&self.gatewaydev, defaults.gatewaydev.as_deref()),
            vlan: self.vlan.as_ref().map(|(text, _)| text.as_str().to_owned()),
            trusted: self.trusted.is_none_or(|trusted| trusted.value),
            others: self.others.clone(),
            toolstack: context.toolstack,
        }
    }
}

impl Effective {
    /// The nodes that describe the interface in its backend's directory, in the order in which the toolstack
    /// writes them. The toolstack adds those that tie the two ends together (`frontend`, `frontend-id`,
    /// `online`, `state`). `mac` is the address to use when none is configured.
    ///
    /// Follows `libxl__set_xenstore_nic` (`libxl_nic.c`) and `getDeviceDetails` (`netif.py`).
    #[must_use]
    pub fn backend_nodes(&self, mac: MacAddress) -> Vec<(String, String)> {
        let is_xl = self.toolstack == Toolstack::Xl;
        let mut nodes: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                nodes.push((name.to_owned(), value));
            }
        };
        let mac = self.mac.unwrap_or(mac).to_string();
        add("script", Some(script::path(&self.script)));
        if is_xl {
            add("vifname", self.vifname.clone());
            for (name, value) in &self.others {
                add(name, Some(value.clone()));
            }
            add("mac", Some(mac));
            add("ip", self.ip_text.clone());
            add("gatewaydev", self.gatewaydev.clone());
            add("rate", self.rate.map(|rate| rate.to_string()));
            add("mtu", self.mtu.filter(|mtu| *mtu != DEFAULT_MTU).map(|mtu| mtu.to_string()));
            add("vlan", self.vlan.clone());
            add("bridge", self.bridge.clone());
            add("handle", Some(self.devid.to_string()));
            let kind = if self.kind == VifType::Ioemu { "vif_ioemu" } else { "vif" };
            add("type", Some(kind.to_owned()));
            add("hotplug-status", Some(String::new()));
        } else {
            add("mac", Some(mac));
            add("type", (self.kind == VifType::Ioemu).then(|| "ioemu".to_owned()));
            add("ip", self.ip_text.clone());
            add("bridge", self.bridge.clone());
            add("vifname", self.vifname.clone());
            add("rate", self.rate.map(|rate| rate.to_string()));
            add("model", self.model.clone());
            add("handle", Some(self.devid.to_string()));
        }
        nodes
    }

    /// The nodes that describe the interface in the guest's directory. The toolstack adds `backend`,
    /// `backend-id` and `state`.
    #[must_use]
    pub fn frontend_nodes(&self, mac: MacAddress) -> Vec<(String, String)> {
        let mac = self.mac.unwrap_or(mac).to_string();
        let handle = ("handle".to_owned(), self.devid.to_string());
        let mac = ("mac".to_owned(), mac);
        match self.toolstack {
            Toolstack::Xl => {
                let trusted = ("trusted".to_owned(), u8::from(self.trusted).to_string());
                let mtu = ("mtu".to_owned(), self.mtu.unwrap_or(DEFAULT_MTU).to_string());
                vec![handle, mac, trusted, mtu]
            }
            Toolstack::Xm if self.kind == VifType::Ioemu => Vec::new(),
            Toolstack::Xm => vec![handle, mac],
        }
    }
}

impl VifType {
    /// The word for it in a configuration: `vif` or `ioemu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vif => "vif",
            Self::Ioemu => "ioemu",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn kind_name<S: Serializer>(kind: &VifType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn display_option<S: Serializer>(value: &Option<MacAddress>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(mac) => serializer.collect_str(mac),
        None => serializer.serialize_none(),
    }
}

/// An address of full length is written without it.
fn display_all<S: Serializer>(nets: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(nets.iter().map(|net| {
        if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
    }))
}

#[expect(clippy::ref_option, reason = "serde asks for a reference")]
fn rate_fields<S: Serializer>(rate: &Option<Rate>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("rate_bytes_per_interval", &rate.map(|rate| rate.bytes_per_interval))?;
    map.serialize_entry("rate_interval_usecs", &rate.map(|rate| rate.interval_usecs))?;
    map.end()
}

fn pairs<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}
