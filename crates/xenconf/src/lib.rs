//! Xen's configuration languages, with errors that explain themselves.
//!
//! Text goes in, typed values with their places come out, and diagnostics that say what is wrong, why it
//! matters and what to write instead. Nothing here reads a file, runs a program or asks the host.
//!
//! From the text upwards:
//!
//! - [`source`] is the text of a file and places in it; [`text`] is a string that knows where its parts stand;
//!   [`value`] is what variables hold; [`diagnostic`] is a finding, its code, its explanation and its drawing.
//! - [`sxp`], [`python`] and [`xl`] are the three languages: xend's S-expressions, the Python of xm, the
//!   assignments of xl. [`dialect`] tells which one a file is in.
//! - [`ip`], [`mac`], [`pci`], [`rate`], [`script`] and [`vlan`] are the small grammars inside strings; [`vif`]
//!   is the interface that is made of them, and what the toolstack makes of it.
//! - [`xend`], [`xlconf`] and [`domain`] are the files: `xend-config.sxp`, `xl.conf` and a domain in any
//!   language. [`names`] knows which settings exist.
//! - [`check`] looks at whole files, one by one and together, and reports them; [`options`] is what is known
//!   besides the files.
//! - [`convert`] and [`native`] write what was read in another language; [`sarif`] writes findings for editors;
//!   [`examples`] has a small configuration for each kind of finding.
#![forbid(unsafe_code)]

pub mod check;
pub mod convert;
pub mod diagnostic;
pub mod dialect;
pub mod domain;
pub mod examples;
pub mod ip;
pub mod mac;
pub mod names;
pub mod native;
pub mod options;
pub mod pci;
pub mod python;
mod quotes;
pub mod rate;
pub mod sarif;
pub mod script;
pub mod source;
mod spilled;
mod suggest;
pub mod sxp;
pub mod text;
pub mod value;
pub mod vif;
pub mod vlan;
pub mod xend;
pub mod xl;
pub mod xlconf;

/// The examples of the README run as tests.
#[cfg(all(doctest, feature = "render"))]
#[doc = include_str!("../README.md")]
struct Readme;
