//! The table of all kinds of findings, one file per language or subject.

mod host;
mod native;
mod pci;
mod python;
mod settings;
mod sxp;
mod text;
mod vif;
mod xend;
mod xl;

pub use host::*;
pub use native::*;
pub use pci::*;
pub use python::*;
pub use settings::*;
pub use sxp::*;
pub use text::*;
pub use vif::*;
pub use xend::*;
pub use xl::*;

use super::Kind;

pub(super) static TABLES: &[&[&Kind]] = &[TEXT, SXP, PYTHON, XL, XEND, SETTINGS, VIF, PCI, HOST, NATIVE];
