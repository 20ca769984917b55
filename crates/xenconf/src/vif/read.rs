//! Gives the values of a spec their types, and says what is wrong with them.

use ethernet::MacAddress;

use super::{Addresses, Given, Toolstack, Vif, VifType, keys};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, kinds};
use crate::ip::parse_list;
use crate::mac;
use crate::rate::{self, Rate, RateError};
use crate::source::{Span, Spanned};
use crate::text::Text;
use crate::vlan::{self, VlanError};

/// The longest name of a network device in Linux, in bytes.
pub(super) const MAX_IFNAME: usize = 15;

/// More keys than there are; what is beyond is not read.
pub(super) const MAX_PIECES: usize = 256;

/// The address that the host's side of every vif has.
const HOST_SIDE: MacAddress = MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

/// Collects the keys of one interface.
pub(super) struct Reader<'d> {
    vif: Vif,
    toolstack: Toolstack,
    diagnostics: &'d mut Diagnostics,
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

    fn mac(&mut self, value: &Text) {
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

    fn rate(&mut self, value: &Text) {
        let text = value.as_str();
        match self.toolstack {
            Toolstack::Xl => match rate::parse_xl(text) {
                Ok(rate) => {
                    self.question_xl_rate(rate, value);
                    self.vif.rate = Some(Spanned::new(rate, value.span()));
                }
                Err(error) => {
                    let diagnostic = self.rate_diagnostic(&error, value);
                    self.diagnostics.push(diagnostic.note("xl ends with this error and creates nothing"));
                }
            },
            Toolstack::Xm => match rate::parse_xend(text) {
                Ok(rate) => self.vif.rate = Some(Spanned::new(rate, value.span())),
                Err(error) => {
                    let diagnostic = self.rate_diagnostic(&error, value);
                    self.diagnostics.push(
                        diagnostic
                            .severity(Severity::Warning)
                            .note("xend says nothing, and the guest may send without limit"),
                    );
                    self.vif.rate = Some(Spanned::new(Rate::UNLIMITED, value.span()));
                }
            },
        }
    }

    fn rate_diagnostic(&self, error: &RateError, value: &Text) -> Diagnostic {
        let place = match error {
            RateError::Speed(range)
            | RateError::Interval(range)
            | RateError::SpeedRange(range)
            | RateError::IntervalRange(range)
                if !range.is_empty() =>
            {
                value.place(range.clone())
            }
            _ => value.span(),
        };
        let kind = match error {
            RateError::Empty | RateError::Speed(_) | RateError::Interval(_) => &kinds::RATE_SYNTAX,
            _ => &kinds::RATE_RANGE,
        };
        let mut diagnostic =
            Diagnostic::new(kind, place, format!("`{}` is no rate: {error}", value.as_str()));
        diagnostic = match (error, self.toolstack) {
            (RateError::Interval(_), Toolstack::Xm) => {
                diagnostic.help("end the interval with `s`, `ms` or `us`")
            }
            (RateError::SpeedRange(_) | RateError::IntervalRange(_), Toolstack::Xl)
                if rate::has_octal(value.as_str()) =>
            {
                diagnostic.help("delete the leading zero: it makes xl read an octal number")
            }
            (RateError::Credit, _) => diagnostic.help("write a larger rate, or a longer interval"),
            _ => diagnostic.help("write a rate like `10MB/s`, `250Kb/s` or `1MB/s@20ms`"),
        };
        diagnostic
    }

    fn question_xl_rate(&mut self, rate: Rate, value: &Text) {
        let text = value.as_str();
        if rate.bytes_per_interval == 0 {
            self.diagnostics.push(
                Diagnostic::new(&kinds::RATE_NOTHING, value.span(), format!("`{text}` rounds to nothing"))
                    .note(format!(
                        "less than one byte in each interval of {} microseconds: the guest can send nothing",
                        rate.interval_usecs
                    ))
                    .help("write a larger rate, or a longer interval"),
            );
        } else if rate::has_octal(text) {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::RATE_OCTAL,
                    value.span(),
                    "xl reads a number with a leading zero as octal",
                )
                .note(format!(
                    "it allows {} bytes in each {} microseconds",
                    rate.bytes_per_interval, rate.interval_usecs
                ))
                .help("delete the leading zero"),
            );
        } else if let Some((_, interval)) =
            text.split_once('@').filter(|(_, unit)| unit.bytes().all(|b| b.is_ascii_digit()))
        {
            let place = value.place(text.len() - interval.len()..text.len());
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::RATE_BARE_INTERVAL,
                    place,
                    format!("xl reads this interval as {interval} seconds"),
                )
                .note("the manual says microseconds")
                .help("write the unit: `s`, `ms` or `us`"),
            );
        }
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

    fn vifname(&mut self, value: Text) {
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
