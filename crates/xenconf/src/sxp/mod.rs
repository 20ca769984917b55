//! S-expressions as xend read them: `xend-config.sxp`, domains in SXP, PCI quirk files.
//!
//! [`parse`] accepts all that xend's reader (`tools/python/xen/xend/sxp.py`) accepted. Where that reader got
//! escapes wrong, the text is given its intended meaning, with a warning. A fault does not end the reading:
//! what follows is read too.
//!
//! ```
//! use xenconf::diagnostic::Diagnostics;
//! use xenconf::source::Source;
//! use xenconf::sxp;
//!
//! let source = Source::new("xend-config.sxp", b"(vif-script vif-bridge) # default\n");
//! let mut diagnostics = Diagnostics::new();
//! let tree = sxp::parse(&source, &mut diagnostics);
//! let form = tree.roots().next().unwrap();
//! assert_eq!(form.head(), Some("vif-script"));
//! assert_eq!(form.arguments().next().unwrap().as_str(), Some("vif-bridge"));
//! ```

mod lexer;
mod parser;
mod print;
mod tree;

pub use parser::parse;
pub use print::{atom, print};
pub use tree::{Children, NodeRef, Tree};
