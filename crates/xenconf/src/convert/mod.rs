//! One language into another: a domain for xl or for xend out of any, the host's networks out of xend's
//! configuration.
//!
//! What cannot be carried over stands as a comment in the result, with the reason.
//!
//! ```
//! use xenconf::convert;
//! use xenconf::diagnostic::Diagnostics;
//! use xenconf::domain;
//! use xenconf::options::Options;
//! use xenconf::source::Source;
//!
//! let old = "name = 'vm'\nmemory = 64\ndhcp = 'dhcp'\nvif = ['mac=00:16:3e:00:00:01']\n";
//! let source = Source::new("vm", old.as_bytes());
//! let domain = domain::read(&source, &Options::default(), &mut Diagnostics::new()).unwrap();
//! let new = convert::to_xl(&domain);
//! assert!(new.contains("extra = \"ip=:127.0.255.255::::eth0:dhcp\"\n"));
//! assert!(new.contains("vif = [ \"mac=00:16:3e:00:00:01\" ]\n"));
//! ```

mod disk;
mod machine;
mod sxp;
mod vif;
mod xl;

use crate::domain::Domain;
use machine::Machine;

/// What could not be carried over, as comments. Each is one line, whatever a value holds.
fn comments(left_out: &[String]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let lines = left_out.iter().map(|line| format!("# {}\n", line.replace(|c: char| c.is_control(), " ")));
    format!("\n# Not carried over:\n{}", lines.collect::<Vec<_>>().concat())
}

/// The domain as a configuration for xl.
#[must_use]
pub fn to_xl(domain: &Domain) -> String {
    xl::write(&Machine::new(domain))
}

/// The domain as a configuration in SXP, as `xm create -F` takes it.
#[must_use]
pub fn to_sxp(domain: &Domain) -> String {
    sxp::write(&Machine::new(domain))
}
