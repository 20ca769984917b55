//! The name of an interface's device on the host.

use super::read::Reader;
use crate::diagnostic::{Diagnostic, kinds};
use crate::text::Text;

/// The longest name of a network device in Linux, in bytes.
const MAX_IFNAME: usize = 15;

impl Reader<'_> {
    pub(super) fn vifname(&mut self, value: Text) {
        let text = value.as_str();
        let span = value.span();
        let reserved =
            text.strip_prefix("vif").and_then(|rest| rest.split_once('.')).is_some_and(|(domain, device)| {
                [domain, device]
                    .iter()
                    .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            });
        let bad =
            text.find(|c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c.is_control());
        let diagnostic = if text.is_empty() {
            Diagnostic::new(&kinds::VIFNAME_INVALID, span, "there is no name behind `vifname=`")
                .help("write a name of up to 15 characters, or leave the key out")
        } else if let Some(at) = bad {
            let c = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
            Diagnostic::new(
                &kinds::VIFNAME_INVALID,
                value.place(at..at + c.len_utf8()),
                format!("a device's name cannot contain `{}`", c.escape_debug()),
            )
            .note("the kernel refuses it, and the interface does not come up")
            .help("use letters, digits, `-`, `_` and `.`")
        } else if text == "." || text == ".." {
            Diagnostic::new(&kinds::VIFNAME_INVALID, span, format!("`{text}` cannot be a device's name"))
                .help("use letters, digits, `-`, `_` and `.`")
        } else if text.len() > MAX_IFNAME {
            Diagnostic::new(&kinds::VIFNAME_TOO_LONG, span, format!("`{text}` has {} characters; a device's name has at most {MAX_IFNAME}", text.len()))
                .label(format!("{} too many", text.len() - MAX_IFNAME))
                .note("old kernels cut the name without a word; later ones refuse it, and the interface does not come up")
                .help("shorten the name")
        } else if reserved {
            Diagnostic::new(
                &kinds::VIFNAME_RESERVED,
                span,
                format!("`{text}` is a name that Xen gives to interfaces itself"),
            )
            .note("as soon as a domain with that id has such an interface, one of the two does not come up")
            .help("choose a name that does not look like `vif1.0`")
        } else if text.len() > 8 {
            Diagnostic::new(&kinds::VIFNAME_LONG, span, format!("`{text}` has {} characters; keep to 8 to be safe", text.len()))
                .note("15 is the limit, and an emulated card's tap adds `-emu`; some versions of iptables have trouble with long names")
                .help("shorten the name")
        } else {
            self.vif.vifname = Some(value);
            return;
        };
        self.diagnostics.push(diagnostic);
        self.vif.vifname = Some(value);
    }
}
