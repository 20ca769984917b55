//! The address of an interface: read by xl's loose rules, and questioned.

use ethernet::MacAddress;

use super::Toolstack;
use super::read::Reader;
use crate::diagnostic::{Diagnostic, Severity, kinds};
use crate::mac;
use crate::source::{Span, Spanned};
use crate::text::Text;

/// The address that the host's side of every vif has.
const HOST_SIDE: MacAddress = MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

impl Reader<'_> {
    pub(super) fn mac(&mut self, value: &Text) {
        let text = value.as_str();
        if text.is_empty() {
            self.diagnostics.push(
                Diagnostic::new(&kinds::MAC_INVALID, value.span(), "there is no address behind `mac=`")
                    .help("write the address, or leave `mac=` out to have one generated"),
            );
            return;
        }
        let loose = match mac::parse_xl(text) {
            Ok(loose) => loose,
            Err(error) => return self.bad_mac(value, error),
        };
        let address = loose.address;
        self.vif.mac = Some(Spanned::new(address, value.span()));
        if let Some(from) = loose.junk_from {
            let place = value.place(from..text.len());
            let diagnostic = Diagnostic::new(
                &kinds::MAC_INVALID,
                place,
                "characters behind the sixth octet of the address",
            );
            self.diagnostics.push(
                match self.toolstack {
                    Toolstack::Xl => diagnostic.severity(Severity::Warning).note("xl does not read them"),
                    Toolstack::Xm => {
                        diagnostic.note("xm passes them on, and the guest's driver refuses the address")
                    }
                }
                .help("delete them")
                .replace(place, ""),
            );
        } else if loose.odd_separator {
            let diagnostic = Diagnostic::new(
                &kinds::MAC_FORM,
                value.span(),
                "the octets of the address are not separated by colons",
            );
            self.diagnostics.push(
                match self.toolstack {
                    Toolstack::Xl => diagnostic,
                    Toolstack::Xm => diagnostic
                        .severity(Severity::Error)
                        .note("xm passes the text on as it is, and the guest's driver refuses the address"),
                }
                .help("write colons")
                .replace(value.span(), address.to_string()),
            );
        } else if loose.odd_digits {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::MAC_FORM,
                    value.span(),
                    "not every octet of the address has two digits",
                )
                .note("the address is understood, but will not be found by comparing texts")
                .help("write two digits for each octet")
                .replace(value.span(), address.to_string()),
            );
        }
        self.check_mac(address, value.span());
    }

    fn check_mac(&mut self, address: MacAddress, span: Span) {
        if address == MacAddress::ZERO {
            self.vif.mac = None;
            self.diagnostics.push(
                Diagnostic::new(&kinds::MAC_ZERO, span, "all octets of the address are zero")
                    .note("xl takes this for no address and generates one; for xm it is an address that does not work")
                    .help("write another address, or leave `mac=` out to have one generated"),
            );
        } else if address.is_multicast() {
            self.diagnostics.push(
                Diagnostic::new(&kinds::MAC_MULTICAST, span, format!("{address} is a multicast address"))
                    .label("the first octet is odd")
                    .note("no frame may come from a multicast address: bridges and switches drop it")
                    .help("make the second digit even: 2, 6, a or e for an address of your own"),
            );
        } else if address == HOST_SIDE {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::MAC_HOST_SIDE,
                    span,
                    format!("{address} is the address of the host's side of every vif"),
                )
                .note("a guest with this address receives nothing through a bridge")
                .help("write another address"),
            );
        }
    }

    fn bad_mac(&mut self, value: &Text, error: mac::LooseError) {
        let text = value.as_str();
        let place = if error.at < text.len() { value.place(error.at..text.len()) } else { value.span() };
        let mut diagnostic =
            Diagnostic::new(&kinds::MAC_INVALID, place, format!("`{text}` is no MAC address")).help(
                "write six octets of two hexadecimal digits with colons between them, like 00:16:3e:27:95:c0",
            );
        if let Some(meant) = without_separators(text) {
            diagnostic =
                diagnostic.help("write colons between the octets").replace(value.span(), meant.to_string());
        }
        match self.toolstack {
            Toolstack::Xm => {
                diagnostic = diagnostic.note("xm passes it on, and the guest's driver refuses it");
            }
            Toolstack::Xl => {
                let kept = MacAddress::new(error.octets);
                if kept == MacAddress::ZERO {
                    diagnostic = diagnostic.note("xl prints a message and gives the guest a random address");
                } else {
                    diagnostic = diagnostic.note(format!(
                        "xl prints a message and creates the interface with what it has read: {kept}"
                    ));
                    self.vif.mac = Some(Spanned::new(kept, value.span()));
                }
            }
        }
        self.diagnostics.push(diagnostic);
    }
}

/// The address that is written as other systems write it: `00163e2795c0`, `0016.3e27.95c0`.
fn without_separators(text: &str) -> Option<MacAddress> {
    let digits: String = text.chars().filter(|c| !matches!(c, '.' | ':' | '-')).collect();
    let number = (digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u64::from_str_radix(&digits, 16).ok())??;
    let [_, _, octets @ ..] = number.to_be_bytes();
    Some(MacAddress::new(octets))
}
