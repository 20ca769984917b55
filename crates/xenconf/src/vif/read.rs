//! Gives the values of a spec their types, and says what is wrong with them.

use super::{Addresses, Given, Toolstack, Vif, VifType, keys};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, kinds};
use crate::ip::parse_list;
use crate::source::{Span, Spanned};
use crate::text::Text;
use crate::vlan::{self, VlanError};

/// More keys than there are; what is beyond is not read.
pub(super) const MAX_PIECES: usize = 256;

/// Collects the keys of one interface.
pub(super) struct Reader<'d> {
    pub(super) vif: Vif,
    pub(super) toolstack: Toolstack,
    pub(super) diagnostics: &'d mut Diagnostics,
}

impl<'d> Reader<'d> {
    pub(super) fn new(span: Span, toolstack: Toolstack, diagnostics: &'d mut Diagnostics) -> Self {
        Self { vif: Vif { span, ..Vif::default() }, toolstack, diagnostics }
    }

    pub(super) fn finish(self) -> Vif {
        self.vif
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn set(&mut self, key: &str, key_span: Span, value: Text) {
        if self.vif.given.len() >= MAX_PIECES {
            return;
        }
        if let Some(before) = self.vif.given.iter().find(|given| given.key == key) {
            let diagnostic =
                Diagnostic::new(&kinds::VIF_KEY_TWICE, key_span, format!("`{key}` is given twice"))
                    .label("this one counts")
                    .related(before.key_span, "this one is lost")
                    .help("keep one of the two");
            self.diagnostics.push(diagnostic);
        }
        self.vif.given.push(Given { key: key.to_owned(), key_span, value: value.clone() });
        let value = self.without_quotes(key, value);
        self.assign(key, value);
    }

    /// Quotes inside a spec are part of the value, which nobody wants. They are taken off here.
    fn without_quotes(&mut self, key: &str, value: Text) -> Text {
        let text = value.as_str();
        let is_quoted = text.len() >= 2
            && text.starts_with(['"', '\''])
            && text.as_bytes().first() == text.as_bytes().last();
        if !is_quoted {
            return value;
        }
        let inner = text.get(1..text.len() - 1).unwrap_or("");
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::VIF_QUOTED_VALUE,
                value.span(),
                format!("the quotes become part of the value of `{key}`"),
            )
            .label("quotes inside a quoted specification")
            .note(format!(
                "{} passes them on; an address or a name with quotes in it does not work",
                self.toolstack.name()
            ))
            .help("delete the inner quotes")
            .replace(value.span(), inner),
        );
        value.part(1..text.len() - 1)
    }

    fn assign(&mut self, key: &str, value: Text) {
        let is_xl = self.toolstack == Toolstack::Xl;
        match key {
            "mac" => self.mac(&value),
            "ip" => self.ip(value),
            "rate" => self.rate(&value),
            "type" => self.kind(&value),
            "vifname" => self.vifname(value),
            "script" => self.script(value),
            "bridge" => self.vif.bridge = Some(value),
            "backend" => self.vif.backend = Some(value),
            "model" => self.vif.model = Some(value),
            "gatewaydev" if is_xl => self.vif.gatewaydev = Some(value),
            "netdev" if is_xl => {
                self.old_name("netdev", "gatewaydev");
                self.vif.gatewaydev = Some(value);
            }
            "mtu" if is_xl => self.mtu(&value),
            "devid" => self.vif.devid = self.number("devid", &value),
            "vlan" if is_xl => self.vlan(value),
            "trusted" if is_xl => self.vif.trusted = Some(Spanned::new(true, value.span())),
            "untrusted" if is_xl => self.vif.trusted = Some(Spanned::new(false, value.span())),
            "accel" if is_xl => {
                let span = self.vif.given.last().map_or(value.span(), |given| given.key_span);
                self.diagnostics.push(
                    Diagnostic::new(
                        &kinds::VIF_IGNORED_KEY,
                        span,
                        "xl does not support `accel` and leaves it out",
                    )
                    .help("delete the key"),
                );
            }
            _ if keys::is_passed_on(key) => self.vif.others.push((key.to_owned(), value.into_string())),
            _ => {}
        }
    }

    fn old_name(&mut self, old: &str, new: &str) {
        let Some(given) = self.vif.given.last() else { return };
        let diagnostic =
            Diagnostic::new(&kinds::VIF_OLD_KEY, given.key_span, format!("`{old}` is an old name"))
                .help(format!("write `{new}`"))
                .replace(given.key_span, new);
        self.diagnostics.push(diagnostic);
    }

    fn ip(&mut self, text: Text) {
        let mut nets = Vec::new();
        let mut complete = true;
        for entry in parse_list(text.as_str()) {
            let place = text.place(entry.range.clone());
            match entry.net {
                Ok(net) => nets.push(Spanned::new(net, place)),
                Err(error) => {
                    complete = false;
                    let word = text.as_str().get(entry.range).unwrap_or("");
                    self.diagnostics.push(
                        Diagnostic::new(&kinds::IP_INVALID, place, error.message(word))
                            .note("the script gets it unchecked, and its firewall rule or route for the guest fails")
                            .help("write addresses or prefixes with blanks between them: `ip=10.0.0.1 2001:db8::1/128`"),
                    );
                }
            }
        }
        if text.as_str().trim().is_empty() {
            self.diagnostics.push(
                Diagnostic::new(&kinds::IP_EMPTY, text.span(), "there is no address behind `ip=`")
                    .note("it is the same as no `ip=` at all")
                    .help("write the guest's addresses, or leave the key out"),
            );
            return;
        }
        self.vif.ip = Some(Addresses { text, nets, complete });
    }

    fn kind(&mut self, value: &Text) {
        let text = value.as_str();
        let kind = match text {
            "vif" => Some(VifType::Vif),
            "ioemu" => Some(VifType::Ioemu),
            _ => None,
        };
        self.vif.kind = kind.map(|kind| Spanned::new(kind, value.span()));
        if kind.is_none() {
            let diagnostic =
                Diagnostic::new(&kinds::VIF_TYPE, value.span(), format!("`{text}` is no type of interface"))
                    .help("write `ioemu` for an emulated card, or leave `type=` out");
            self.diagnostics.push(match self.toolstack {
                Toolstack::Xl => {
                    diagnostic.note("xl prints a message and leaves it out; network-attach refuses it")
                }
                Toolstack::Xm => diagnostic
                    .severity(Severity::Warning)
                    .note("xend takes anything but `ioemu` for a paravirtual interface"),
            });
        }
    }

    fn script(&mut self, value: Text) {
        let text = value.as_str();
        if self.toolstack == Toolstack::Xl && text.trim().contains(' ') {
            let (name, arguments) = text.trim().split_once(' ').unwrap_or((text, ""));
            let at = text.len() - arguments.len();
            self.diagnostics.push(
                Diagnostic::new(&kinds::SCRIPT_ARGUMENTS, value.place(at..text.len()), "xl does not hand arguments to a script")
                    .label("part of the file's name for xl")
                    .note(format!("xl tries to run a file with the name `{text}`, and the interface does not come up; this worked with xend"))
                    .help("write a script of your own that calls this one with its arguments")
                    .replace(value.span(), name),
            );
        }
        self.vif.script = Some(value);
    }

    fn mtu(&mut self, value: &Text) {
        let Some(mtu) = self.number("mtu", value) else { return };
        self.vif.mtu = Some(mtu);
        if mtu.value == 1500 {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::MTU_DEFAULT,
                    value.span(),
                    "`mtu=1500` is the same as no `mtu=` for xl",
                )
                .note("on a bridge with another MTU, Xen's script gives the interface the bridge's")
                .help("give the bridge an MTU of 1500 if that is what is needed"),
            );
        } else if !(68..=65535).contains(&mtu.value) {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::MTU_RANGE,
                    value.span(),
                    format!("an MTU of {} is out of range", mtu.value),
                )
                .note("the kernel refuses it; Xen's script says nothing and leaves the MTU as it is")
                .help("write a number from 68 to 65535"),
            );
        }
    }

    /// A number as xl reads it: decimal, with whatever follows the digits ignored.
    fn number(&mut self, key: &str, value: &Text) -> Option<Spanned<u32>> {
        let text = value.as_str();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let Some(number) = text.get(..digits).and_then(|digits| digits.parse::<u32>().ok()) else {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::NUMBER_INVALID,
                    value.span(),
                    format!("`{text}` is no number for `{key}`"),
                )
                .note(format!("{} ends with an error and creates nothing", self.toolstack.name()))
                .help("write a whole number"),
            );
            return None;
        };
        if digits < text.len() {
            let place = value.place(digits..text.len());
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::NUMBER_INVALID,
                    place,
                    format!("characters behind the number of `{key}`"),
                )
                .severity(Severity::Warning)
                .note(format!("xl reads {number} and does not look at the rest"))
                .help("delete them")
                .replace(place, ""),
            );
        }
        Some(Spanned::new(number, value.span()))
    }

    fn vlan(&mut self, value: Text) {
        let vlans = match vlan::parse(value.as_str()) {
            Ok(vlans) => Some(vlans),
            Err(error) => {
                let place = match &error {
                    VlanError::Syntax(range)
                    | VlanError::Range(range)
                    | VlanError::Backwards(range)
                    | VlanError::Duplicate(range, _)
                    | VlanError::SecondPvid(range)
                        if !range.is_empty() =>
                    {
                        value.place(range.clone())
                    }
                    _ => value.span(),
                };
                self.diagnostics.push(
                    Diagnostic::new(&kinds::VLAN_INVALID, place, error.to_string())
                        .note("xl passes the text on unchecked")
                        .help(
                            "write terms with slashes between them, one of them with `p`: `10p/20/100-110`",
                        ),
                );
                None
            }
        };
        self.vif.vlan = Some((value, vlans));
    }
}
