//! A guest's network interface as it is configured: the specs of xm and xl, the `(vif …)` elements of SXP.
//!
//! ```
//! use xenconf::diagnostic::Diagnostics;
//! use xenconf::source::Span;
//! use xenconf::text::Text;
//! use xenconf::vif::{self, Context, Defaults, Toolstack};
//!
//! let spec = Text::verbatim("mac=00:16:3e:27:95:c0,rate=10MB/s".into(), 0, Span::new(0, 33));
//! let mut diagnostics = Diagnostics::new();
//! let vif = vif::parse(&spec, Toolstack::Xl, &mut diagnostics);
//! let effective = vif.effective(&Context::new(Toolstack::Xl), &Defaults::default(), 0);
//! assert_eq!(effective.bridge.as_deref(), Some("xenbr0"));
//! assert_eq!(effective.rate.unwrap().to_string(), "500000,50000");
//! ```

mod effective;
mod explain;
mod keys;
mod missing_comma;
mod read;
mod read_mac;
mod read_name;
mod read_rate;
mod spec;
mod sxp;

use ethernet::MacAddress;
use ipnet::IpNet;

pub use effective::{Context, Defaults, Effective, Guest};
pub use explain::{Explained, explain, is_refused};
pub use spec::parse;
pub use sxp::parse_sxp;

use crate::rate::Rate;
use crate::source::{Span, Spanned};
use crate::text::Text;
use crate::vlan::Vlans;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Toolstack {
    /// xm and xend, up to Xen 4.4.
    Xm,
    /// xl and libxl, from Xen 4.1 on.
    Xl,
}

impl Toolstack {
    /// The name of the program: `xm` or `xl`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xm => "xm",
            Self::Xl => "xl",
        }
    }
}

/// What the interface is for the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VifType {
    /// A paravirtual interface alone.
    Vif,
    /// An emulated card beside the paravirtual interface, for guests that boot with it.
    Ioemu,
}

/// One key with its value, as written.
#[derive(Clone, Debug)]
pub struct Given {
    /// The key; also a flag such as `untrusted`, whose value is empty.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Text,
}

/// The addresses of `ip=`.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The value as written, without quotes inside it.
    pub text: Text,
    /// The addresses and prefixes that could be read.
    pub nets: Vec<Spanned<IpNet>>,
    /// False when some of them could not be read; a diagnostic says so.
    pub complete: bool,
}

/// A configured interface. What is `None` was not given, or could not be read; diagnostics tell the difference.
#[derive(Clone, Debug, Default)]
pub struct Vif {
    /// Where the whole stands.
    pub span: Span,
    /// All keys as given, in their order, duplicates included.
    pub given: Vec<Given>,
    /// The guest's address. After a fault, what xl has kept of it.
    pub mac: Option<Spanned<MacAddress>>,
    /// The bridge; for Open vSwitch also tag and trunks: `name[.tag][:trunk…]`.
    pub bridge: Option<Text>,
    /// The script: a name, or a path; under xm also arguments.
    pub script: Option<Text>,
    /// The addresses that the guest may use.
    pub ip: Option<Addresses>,
    /// The domain that serves the interface, by name or id.
    pub backend: Option<Text>,
    /// The device's name on the host.
    pub vifname: Option<Text>,
    /// Emulated card or not.
    pub kind: Option<Spanned<VifType>>,
    /// The emulated card's model.
    pub model: Option<Text>,
    /// How much the guest may send.
    pub rate: Option<Spanned<Rate>>,
    /// The device on which the host answers for a routed guest.
    pub gatewaydev: Option<Text>,
    /// The largest packet, in bytes.
    pub mtu: Option<Spanned<u32>>,
    /// The device's number in the guest.
    pub devid: Option<Spanned<u32>>,
    /// VLANs of a bridge that filters them.
    pub vlan: Option<(Text, Option<Vlans>)>,
    /// Whether the backend is trusted by the guest.
    pub trusted: Option<Spanned<bool>>,
    /// Keys that are handed on under their own names (COLO), and those that mean nothing here.
    pub others: Vec<(String, String)>,
}

impl Vif {
    /// The value of a key as it counts: the last one.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Text> {
        self.given.iter().rev().find(|given| given.key == key).map(|given| &given.value)
    }

    /// Where a key stands, else the whole.
    #[must_use]
    pub fn place(&self, key: &str) -> Span {
        self.value(key).map_or(self.span, Text::span)
    }
}
