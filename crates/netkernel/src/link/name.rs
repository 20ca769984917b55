//! Names of network devices.

use std::fmt;
use std::str::FromStr;

/// A name that the kernel gives to a network device: 1 to 15 bytes, neither `.` nor `..`, no `/`, no `:`, no `%`,
/// no white space (`dev_valid_name()`; `%` would be taken for a pattern).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Box<str>"))]
pub struct LinkName(Box<str>);

impl LinkName {
    /// The longest name, in bytes: `IFNAMSIZ` less the closing NUL.
    pub const LONGEST: usize = 15;

    /// Takes `name` if a device can have it.
    ///
    /// ```
    /// use netkernel::link::LinkName;
    ///
    /// assert_eq!(LinkName::new("vif1.0")?.as_str(), "vif1.0");
    /// assert!(LinkName::new("wiki.xen.prgmr.com").is_err());
    /// # Ok::<(), netkernel::link::InvalidLinkName>(())
    /// ```
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, InvalidLinkName> {
        let name = name.into();
        let fault = if name.is_empty() {
            Fault::Empty
        } else if name.len() > Self::LONGEST {
            Fault::TooLong
        } else if matches!(&*name, "." | "..") {
            Fault::Reserved
        } else if let Some(character) =
            name.chars().find(|&c| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control())
        {
            Fault::Character(character)
        } else {
            return Ok(Self(name));
        };
        Err(InvalidLinkName { name, fault })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for LinkName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Box<str>> for LinkName {
    type Error = InvalidLinkName;

    fn try_from(name: Box<str>) -> Result<Self, InvalidLinkName> {
        Self::new(name)
    }
}

impl FromStr for LinkName {
    type Err = InvalidLinkName;

    fn from_str(name: &str) -> Result<Self, InvalidLinkName> {
        Self::new(name)
    }
}

/// A text that no network device can have for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLinkName {
    name: Box<str>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong,
    Reserved,
    Character(char),
}

impl fmt::Display for InvalidLinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.fault {
            Fault::Empty => f.write_str("a network device must have a name"),
            // The text may come from a guest's configuration and be of any length.
            Fault::TooLong => write!(
                f,
                "{:?}{} is no name for a network device: {} bytes, and {} is the most that Linux takes",
                name.chars().take(40).collect::<String>(),
                if name.chars().count() > 40 { "…" } else { "" },
                name.len(),
                LinkName::LONGEST
            ),
            Fault::Reserved => write!(f, "{name:?} is no name for a network device"),
            Fault::Character(character) => {
                write!(f, "{name:?} is no name for a network device: it may not contain {character:?}")
            }
        }
    }
}

impl std::error::Error for InvalidLinkName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_as_the_kernel_bounds_them() {
        assert!(LinkName::new("a".repeat(15)).is_ok());
        for bad in ["", ".", "..", "a b", "a/b", "eth0:1", "vif%d", "a\nb", "sixteen-bytes-xx", "ééééééééé"]
        {
            assert!(LinkName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_error_says_how_long_the_name_is_and_may_be() {
        let text = LinkName::new("wiki.xen.prgmr.com").unwrap_err().to_string();
        assert!(text.contains("18 bytes") && text.contains("15"), "{text}");
        assert!(LinkName::new("x".repeat(4096)).unwrap_err().to_string().len() < 200);
    }
}
