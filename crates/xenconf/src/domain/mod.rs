//! A domain's configuration, whichever language it is written in.
//!
//! ```
//! use xenconf::diagnostic::Diagnostics;
//! use xenconf::domain;
//! use xenconf::options::Options;
//! use xenconf::source::Source;
//! use xenconf::vif::Defaults;
//!
//! let source = Source::new("/etc/xen/web", b"name = 'web'\nmemory = 64\nvif = ['ip=10.0.0.2']\n");
//! let mut diagnostics = Diagnostics::new();
//! let domain = domain::read(&source, &Options::default(), &mut diagnostics).unwrap();
//! assert_eq!(domain.name(), Some("web"));
//! assert_eq!(domain.effective_vifs(&Defaults::default())[0].ip_text.as_deref(), Some("10.0.0.2"));
//! ```

mod assignments;
mod devices;
mod general;
mod kernel_ip;
mod sxp;

pub(crate) use sxp::form_value;

use crate::diagnostic::Diagnostics;
use crate::dialect::{Detection, Dialect, FileKind, ReadAsXl, detect_and_read};
use crate::options::Options;
use crate::pci;
use crate::source::{Source, Spanned};
use crate::text::Text;
use crate::value::Settings;
use crate::vif::{Context, Defaults, Effective, Guest, Toolstack, Vif};

/// More devices of a kind than any domain has; what is beyond is not read.
const MAX_DEVICES: usize = 1024;

/// What a domain serves to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Network interfaces: `netif`, `(backend (netif))`.
    Netif,
    /// Block devices: `blkif`, `(backend (blkif))`.
    Blkif,
    /// Whatever its own libxl can: `driver_domain=1`.
    DriverDomain,
}

impl Backend {
    /// The name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netif => "netif",
            Self::Blkif => "blkif",
            Self::DriverDomain => "driver_domain",
        }
    }

    /// True when the domain serves network interfaces.
    #[must_use]
    pub const fn is_network(self) -> bool {
        matches!(self, Self::Netif | Self::DriverDomain)
    }
}

/// A domain as it is configured.
#[derive(Clone, Debug)]
pub struct Domain {
    /// The language that it was read in.
    pub dialect: Dialect,
    /// Its name; for xm the file's name when none is given.
    pub name: Option<Text>,
    /// Its UUID, as written.
    pub uuid: Option<Text>,
    /// What kind of machine it is.
    pub guest: Guest,
    /// Its network interfaces, in order.
    pub vifs: Vec<Vif>,
    /// The PCI devices that it gets.
    pub pci: Vec<pci::Device>,
    /// What it serves to others.
    pub backends: Vec<Spanned<Backend>>,
    /// The `ip=…` that xm puts on the kernel's command line.
    pub kernel_ip: Option<String>,
    /// In SXP, the devices that are neither interfaces nor PCI devices; elsewhere these are settings.
    pub devices: Vec<OtherDevice>,
    /// All settings by name, those above among them.
    pub settings: Settings,
}

/// A device of SXP that this crate gives no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherDevice {
    /// What it is: `vbd`, `vfb`, …
    pub kind: String,
    /// Its elements that have one value, by name.
    pub values: Vec<(String, String)>,
}

impl Domain {
    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Text::as_str)
    }

    /// The UUID in its usual form: five groups, in small letters. `None` without one, and when it is none.
    #[must_use]
    pub fn canonical_uuid(&self) -> Option<String> {
        general::canonical_uuid(self.uuid.as_ref()?.as_str())
    }

    /// Whose rules and defaults hold for it. SXP is xend's.
    #[must_use]
    pub const fn toolstack(&self) -> Toolstack {
        match self.dialect {
            Dialect::Xl => Toolstack::Xl,
            _ => Toolstack::Xm,
        }
    }

    /// What its interfaces' defaults depend on.
    #[must_use]
    pub const fn context(&self) -> Context {
        Context { toolstack: self.toolstack(), guest: self.guest, hotplug: false }
    }

    /// Its interfaces with all defaults filled in.
    #[must_use]
    pub fn effective_vifs(&self, defaults: &Defaults) -> Vec<Effective> {
        let context = self.context();
        self.vifs.iter().zip(0..).map(|(vif, index)| vif.effective(&context, defaults, index)).collect()
    }

    /// A setting as a whole number, such as `memory` (in MiB) or `vcpus`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.settings.value(name)?.as_integer()
    }
}

/// Reads a domain in whichever language it is. `None` when the file is none: something else, or XML.
#[must_use]
pub fn read(source: &Source, options: &Options, diagnostics: &mut Diagnostics) -> Option<Domain> {
    let (detection, as_xl) = detect_and_read(source, options);
    read_detected(source, &detection, as_xl, options, diagnostics)
}

/// Reads a domain when it is known what the file is.
pub(crate) fn read_detected(
    source: &Source,
    detection: &Detection,
    as_xl: Option<ReadAsXl>,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Domain> {
    if !matches!(detection.kind, FileKind::Domain | FileKind::Empty) {
        return None;
    }
    match detection.dialect {
        Dialect::Sxp => sxp::read(source, diagnostics),
        Dialect::Xm => Some(assignments::read_xm(source, options, diagnostics)),
        Dialect::Xl => Some(assignments::read_xl(source, as_xl, options, diagnostics)),
        Dialect::Xml | Dialect::Toml | Dialect::Script => None,
    }
}
