//! What a domain is made of.

use std::fmt;
use std::str::FromStr;

use xenconf::diagnostic::Diagnostics;
use xenconf::domain::Domain;
use xenconf::source::Span;
use xenconf::text::Text;
use xenconf::vif::{Toolstack as Dialect, Vif};

pub use xenconf::vif::Guest as MachineKind;

use crate::Interface;
use crate::guest::GuestBehaviour;

/// A domain to be created: what its configuration file says, and what its owner does inside.
///
/// ```
/// use lab::DomainConfig;
///
/// let web = DomainConfig::xl("web", &["mac=00:16:3e:00:00:01,ip=10.0.0.2,bridge=xenbr0"])?;
/// assert_eq!(web.vifs.len(), 1);
/// # Ok::<(), lab::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DomainConfig {
    /// Its name.
    pub name: String,
    /// Its UUID; none: a random one.
    pub uuid: Option<String>,
    /// What kind of machine it is.
    pub kind: MachineKind,
    /// Its network interfaces.
    pub vifs: Vec<VifConfig>,
    /// How its kernel behaves.
    pub behaviour: GuestBehaviour,
}

/// A network interface to be attached.
#[derive(Clone, Debug)]
pub struct VifConfig {
    /// What is configured.
    pub vif: Vif,
    /// What the guest's owner configures inside; none: the addresses of `ip=`, and the gateways of the wire.
    pub interface: Option<Interface>,
    /// Backend nodes that are written otherwise than the toolstack would: a value, or none to leave the node out.
    pub nodes: Vec<(String, Option<String>)>,
}

impl DomainConfig {
    /// A paravirtual domain without interfaces.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            uuid: None,
            kind: MachineKind::Pv,
            vifs: Vec::new(),
            behaviour: GuestBehaviour::default(),
        }
    }

    /// A paravirtual domain with interfaces as in `vif = [ … ]` of a file for xl.
    pub fn xl(name: impl Into<String>, vifs: &[&str]) -> Result<Self, ConfigError> {
        let vifs = vifs.iter().map(|spec| spec.parse()).collect::<Result<_, _>>()?;
        Ok(Self { vifs, ..Self::new(name) })
    }

    /// The same with one more interface.
    #[must_use]
    pub fn with(mut self, vif: VifConfig) -> Self {
        self.vifs.push(vif);
        self
    }

    /// The same with a kernel that behaves so.
    #[must_use]
    pub const fn behaving(mut self, behaviour: GuestBehaviour) -> Self {
        self.behaviour = behaviour;
        self
    }
}

impl From<&Domain> for DomainConfig {
    /// The domain of a configuration file.
    fn from(domain: &Domain) -> Self {
        Self {
            name: domain.name().unwrap_or("unnamed").to_owned(),
            uuid: domain.uuid.as_ref().map(|uuid| uuid.as_str().to_owned()),
            kind: domain.guest,
            vifs: domain.vifs.iter().map(|vif| VifConfig::new(vif.clone())).collect(),
            behaviour: GuestBehaviour::default(),
        }
    }
}

impl VifConfig {
    /// An interface as it is configured.
    #[must_use]
    pub const fn new(vif: Vif) -> Self {
        Self { vif, interface: None, nodes: Vec::new() }
    }

    /// An interface as xm reads it from one string of `vif = [ … ]`.
    pub fn xm(spec: &str) -> Result<Self, ConfigError> {
        Self::read(spec, Dialect::Xm)
    }

    fn read(spec: &str, dialect: Dialect) -> Result<Self, ConfigError> {
        let text = Text::verbatim(spec.to_owned(), 0, Span::new(0, spec.len()));
        let mut diagnostics = Diagnostics::new();
        let vif = xenconf::vif::parse(&text, dialect, &mut diagnostics);
        if diagnostics.has_errors() {
            let sentences = diagnostics.iter().map(|diagnostic| diagnostic.message.clone()).collect();
            return Err(ConfigError { spec: spec.to_owned(), sentences });
        }
        Ok(Self::new(vif))
    }

    /// The same with this configuration inside the guest.
    #[must_use]
    pub fn inside(mut self, interface: Interface) -> Self {
        self.interface = Some(interface);
        self
    }

    /// The same with a backend node as nobody would configure it.
    #[must_use]
    pub fn with_node(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.nodes.push((name.into(), Some(value.into())));
        self
    }

    /// The same without a backend node.
    #[must_use]
    pub fn without_node(mut self, name: impl Into<String>) -> Self {
        self.nodes.push((name.into(), None));
        self
    }
}

impl FromStr for VifConfig {
    type Err = ConfigError;

    /// An interface as xl reads it from one string of `vif = [ … ]`.
    fn from_str(spec: &str) -> Result<Self, ConfigError> {
        Self::read(spec, Dialect::Xl)
    }
}

/// The spec of an interface has errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    spec: String,
    sentences: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no interface: {}", self.spec, self.sentences.join("; "))
    }
}

impl std::error::Error for ConfigError {}
