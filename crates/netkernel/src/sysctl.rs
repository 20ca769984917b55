//! Kernel settings under `/proc/sys/net`, of the calling thread's network namespace.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::family::Family;
use crate::link::LinkName;

/// A setting: where it is.
///
/// ```
/// use netkernel::{Family, link::LinkName, sysctl::Sysctl};
///
/// let forwarding = Sysctl::of_link(Family::Inet, &LinkName::new("vif1.0")?, "proxy_arp");
/// assert_eq!(forwarding.to_string(), "net/ipv4/conf/vif1.0/proxy_arp");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sysctl(String);

impl Sysctl {
    /// A setting of one device: `net/ipv4/conf/DEVICE/KEY` or `net/ipv6/conf/DEVICE/KEY`.
    #[must_use]
    pub fn of_link(family: Family, link: &LinkName, key: &str) -> Self {
        Self(format!("net/{}/conf/{link}/{key}", directory(family)))
    }

    /// A setting of how one device deals with neighbours: `net/ipv4/neigh/DEVICE/KEY`.
    #[must_use]
    pub fn of_neighbours(family: Family, link: &LinkName, key: &str) -> Self {
        Self(format!("net/{}/neigh/{link}/{key}", directory(family)))
    }

    /// True when it is a setting of the device called `link`.
    #[must_use]
    pub fn is_of_link(&self, link: &LinkName) -> bool {
        let mut parts = self.0.split('/');
        matches!(parts.nth(2), Some("conf" | "neigh")) && parts.next() == Some(link.as_str())
    }

    /// The same setting of the device called `to`, if it is one of the device called `from`.
    #[must_use]
    pub fn moved(&self, from: &LinkName, to: &LinkName) -> Self {
        if !self.is_of_link(from) {
            return self.clone();
        }
        let part = |(place, part)| if place == 3 { to.as_str() } else { part };
        Self(self.0.split('/').enumerate().map(part).collect::<Vec<_>>().join("/"))
    }

    /// What new devices get for a setting.
    #[must_use]
    pub fn default_of_links(family: Family, key: &str) -> Self {
        Self(format!("net/{}/conf/default/{key}", directory(family)))
    }

    /// The names of all settings that a device has in this family; none when it has none at all.
    pub fn keys_of_link(family: Family, link: &LinkName) -> Result<Vec<String>, SysctlError> {
        let folder = Self(format!("net/{}/conf/{link}", directory(family)));
        let entries = match fs::read_dir(folder.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| folder.error("list", error))?,
        };
        let mut keys = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| folder.error("list", error))?;
        keys.sort();
        Ok(keys)
    }

    /// A setting of the host: `net/ipv4/KEY` or `net/ipv6/KEY`, where the key may have slashes.
    #[must_use]
    pub fn of_host(family: Family, key: &str) -> Self {
        Self(format!("net/{}/{key}", directory(family)))
    }

    /// The value, without the newline at its end; none when this kernel has no such setting.
    pub fn read(&self) -> Result<Option<String>, SysctlError> {
        match fs::read_to_string(self.path()) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error("read", error)),
        }
    }

    /// Sets the value.
    pub fn write(&self, value: &str) -> Result<(), SysctlError> {
        fs::write(self.path(), value).map_err(|error| self.error("set", error))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/proc/sys").join(&self.0)
    }

    fn error(&self, verb: &'static str, source: io::Error) -> SysctlError {
        SysctlError { verb, setting: self.clone(), source }
    }
}

fn directory(family: Family) -> &'static str {
    match family {
        Family::Inet => "ipv4",
        Family::Inet6 => "ipv6",
        Family::Bridge => "bridge",
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A setting could not be read or set.
#[derive(Debug)]
pub struct SysctlError {
    verb: &'static str,
    setting: Sysctl,
    source: io::Error,
}

impl fmt::Display for SysctlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} kernel setting {}: {}", self.verb, self.setting, self.source)
    }
}

impl std::error::Error for SysctlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
