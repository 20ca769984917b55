//! PCI devices for a domain, in the forms of all versions.
//!
//! - Xen 2.0 and 3.0.0: `BUS,DEV,FUNC` in hexadecimal; SXP `(pci (bus x) (dev y) (func z))`, where a number is
//!   hexadecimal after `0x` and else decimal.
//! - 3.0.2 and later: `[DDDD:]BB:SS.F`; the last xm also functions as a range or `*`, `@VSLOT` and options.
//! - xl: the same with `key=value` options, or the `name=` of an assignable device.

mod spec;
mod sxp;

use std::fmt;
use std::ops::Range;

pub use spec::{parse_xl, parse_xm};
pub use sxp::parse_sxp;

use crate::source::Span;

/// The place of a device on the host's buses, without its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The PCI domain (segment).
    pub domain: u16,
    /// The bus.
    pub bus: u8,
    /// The slot (device) on the bus, from 0 to 31.
    pub slot: u8,
}

/// Which functions of a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Functions {
    /// `*`
    All,
    /// These, each from 0 to 7, at least one.
    Some(Vec<u8>),
}

/// How a device is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// By its place.
    Address(Address, Functions),
    /// By the name that `xl pci-assignable-add` gave it.
    Name(String),
}

/// A device for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which one.
    pub which: Which,
    /// The slot at which the guest sees it, from 0 to 31.
    pub vslot: Option<u8>,
    /// Options by name, such as `permissive`, as written.
    pub options: Vec<(String, String)>,
    /// Where it stands.
    pub span: Span,
}

impl Device {
    /// What xl takes for this device: one specification, or several where xm knew several functions in one.
    #[must_use]
    pub fn xl_specs(&self) -> Vec<String> {
        let mut tail = self.vslot.map(|slot| format!("@{slot:x}")).unwrap_or_default();
        for (key, value) in &self.options {
            for part in [",", key, "=", value] {
                tail.push_str(part);
            }
        }
        match &self.which {
            Which::Name(name) => vec![format!("name={name}{tail}")],
            Which::Address(address, Functions::All) => vec![format!("{address}.*{tail}")],
            Which::Address(address, Functions::Some(functions)) => {
                functions.iter().map(|function| format!("{address}.{function}{tail}")).collect()
            }
        }
    }

    /// True when the two share a function.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (&self.which, &other.which) {
            (Which::Address(a, functions), Which::Address(b, others)) => {
                a == b
                    && match (functions, others) {
                        (Functions::Some(functions), Functions::Some(others)) => {
                            functions.iter().any(|function| others.contains(function))
                        }
                        _ => true,
                    }
            }
            (Which::Name(a), Which::Name(b)) => a == b,
            _ => false,
        }
    }
}

/// `DDDD:BB:SS`
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}", self.domain, self.bus, self.slot)
    }
}

/// Why a device cannot be read. Ranges are byte offsets into the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PciError {
    /// It has not the form of an address.
    Syntax(Range<usize>),
    /// A number is too large: what, its value, and the highest one.
    Range(Range<usize>, &'static str, u32, u32),
    /// The old form with commas, which xl refuses; what to write instead.
    OldForm(Range<usize>, String),
    /// Several functions in one specification, which only xm knows.
    SeveralFunctions(Range<usize>),
    /// Two commas side by side.
    EmptyPart(Range<usize>),
    /// An option without `=`.
    OptionWithoutValue(Range<usize>),
    /// An option that the toolstack does not know.
    UnknownOption(Range<usize>, String),
    /// Neither an address nor a name, or both.
    NoDevice,
}

impl PciError {
    /// Where the fault is; `None` for the whole.
    #[must_use]
    pub fn range(&self) -> Option<Range<usize>> {
        match self {
            Self::Syntax(range)
            | Self::Range(range, ..)
            | Self::OldForm(range, _)
            | Self::SeveralFunctions(range)
            | Self::EmptyPart(range)
            | Self::OptionWithoutValue(range)
            | Self::UnknownOption(range, _) => (!range.is_empty()).then(|| range.clone()),
            Self::NoDevice => None,
        }
    }
}

impl fmt::Display for PciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(_) => f.write_str("this is no PCI address"),
            Self::Range(_, what, value, most) => {
                write!(f, "{what} {value:#x} does not exist: the highest is {most:#x}")
            }
            Self::OldForm(..) => f.write_str("xl does not know PCI addresses with commas"),
            Self::SeveralFunctions(_) => f.write_str("xl takes one function in a specification"),
            Self::EmptyPart(_) => f.write_str("there is nothing between two commas"),
            Self::OptionWithoutValue(_) => f.write_str("an option needs a value: `permissive=1`"),
            Self::UnknownOption(_, name) => write!(f, "the option `{name}` is not known"),
            Self::NoDevice => f.write_str("a device is told by its address or by its name, and not by both"),
        }
    }
}

impl std::error::Error for PciError {}
