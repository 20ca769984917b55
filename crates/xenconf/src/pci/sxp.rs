//! `(pci (bus x) (dev y) (func z))`, and `(pci (dev (domain …) (bus …) (slot …) (func …)) …)`.

use super::{Address, Device, Functions, Which};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::sxp::NodeRef;
use crate::value::integer;

/// More devices than any domain has.
const MAX_DEVICES: usize = 1024;

/// Reads a `(pci …)` element: the one device of Xen 2.0's form, or all of a later one.
#[must_use]
pub fn parse_sxp(element: NodeRef<'_>, diagnostics: &mut Diagnostics) -> Vec<Device> {
    let is_old = element.value("bus").is_some() || element.value("func").is_some();
    if is_old {
        return device(element, "dev", diagnostics).into_iter().collect();
    }
    element.forms("dev").take(MAX_DEVICES).filter_map(|form| device(form, "slot", diagnostics)).collect()
}

/// Reads the numbers of one device; `slot_name` is what its slot is called.
fn device(form: NodeRef<'_>, slot_name: &str, diagnostics: &mut Diagnostics) -> Option<Device> {
    let mut number = |name: &str, what: &str, most: i64, default: Option<i64>| -> Option<i64> {
        let Some(node) = form.value(name) else {
            if default.is_none() {
                diagnostics.push(
                    Diagnostic::new(
                        &kinds::PCI_SYNTAX,
                        form.span(),
                        format!("this device has no `({name} …)`"),
                    )
                    .help("write `(pci (bus 0x03) (dev 0x1a) (func 0x1))`"),
                );
            }
            return default;
        };
        let text = node.as_str().unwrap_or("");
        match decimal_or_hexadecimal(text) {
            Some(value) if (0..=most).contains(&value) => Some(value),
            Some(value) => {
                diagnostics.push(
                    Diagnostic::new(
                        &kinds::PCI_RANGE,
                        node.span(),
                        format!("{what} {value:#x} does not exist: the highest is {most:#x}"),
                    )
                    .help("a number without 0x is decimal here"),
                );
                None
            }
            None => {
                diagnostics.push(
                    Diagnostic::new(&kinds::PCI_SYNTAX, node.span(), format!("`{text}` is no number"))
                        .help("write a decimal number, or a hexadecimal one with 0x before it"),
                );
                None
            }
        }
    };
    let domain = number("domain", "the PCI domain", 0xffff, Some(0));
    let bus = number("bus", "the bus", 0xff, None);
    let slot = number(slot_name, "the slot", 0x1f, None);
    let function = number("func", "the function", 7, None);
    let address = Address {
        domain: u16::try_from(domain?).ok()?,
        bus: u8::try_from(bus?).ok()?,
        slot: u8::try_from(slot?).ok()?,
    };
    let functions = Functions::Some(vec![u8::try_from(function?).ok()?]);
    // 0x100 and above: xend chooses the slot itself.
    let vslot = form
        .value("vdevfn")
        .and_then(|node| integer(node.as_str()?))
        .filter(|devfn| (0..0x100).contains(devfn))
        .and_then(|devfn| u8::try_from(devfn >> 3).ok());
    let options = form.forms("opts").flat_map(NodeRef::arguments).filter_map(|option| {
        // One more list is round the options in what xend writes: (opts ((msitranslate 1)))
        let option = if option.head().is_none() { option.children().next()? } else { option };
        let value = option.arguments().next()?;
        Some((option.head()?.to_owned(), value.as_str()?.to_owned()))
    });
    Some(Device {
        which: Which::Address(address, functions),
        vslot,
        options: options.collect(),
        span: form.span(),
    })
}

/// `0x` is hexadecimal; else the number is decimal, also with a leading zero.
fn decimal_or_hexadecimal(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            i64::from_str_radix(digits, 16).ok()
        }
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::sxp::parse;

    fn read(text: &str) -> (Vec<String>, Vec<&'static str>) {
        let mut diagnostics = Diagnostics::new();
        let tree = parse(&Source::new("x", text.as_bytes()), &mut diagnostics);
        let devices: Vec<Device> =
            tree.roots().flat_map(|element| parse_sxp(element, &mut diagnostics)).collect();
        let specs = devices.iter().flat_map(Device::xl_specs).collect();
        (specs, diagnostics.into_iter().map(|diagnostic| diagnostic.kind.code).collect())
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read("(pci (bus 0x03) (dev 0x1a) (func 0x1))").0, ["0000:03:1a.1"]);
        assert_eq!(read("(pci (bus 3) (dev 26) (func 1))").0, ["0000:03:1a.1"]);
        assert_eq!(
            read("(pci (dev (domain 0x0000) (bus 0x03) (slot 0x1a) (func 0x1) (vdevfn 0x30) (opts (msitranslate 1))) \
                  (dev (domain 0x0001) (bus 0x00) (slot 0x00) (func 0x0) (vdevfn 0x100) (key 0001:00:00.0)))")
            .0,
            ["0000:03:1a.1@6,msitranslate=1", "0001:00:00.0"]
        );
    }

    #[test]
    fn numbers_out_of_range_and_missing_ones_are_errors() {
        assert_eq!(read("(pci (bus 3) (dev 32) (func 1))"), (vec![], vec![kinds::PCI_RANGE.code]));
        assert_eq!(read("(pci (bus 3) (dev 1))"), (vec![], vec![kinds::PCI_SYNTAX.code]));
        assert_eq!(read("(pci (bus x) (dev 1) (func 0))"), (vec![], vec![kinds::PCI_SYNTAX.code]));
        assert_eq!(read("(pci)"), (vec![], vec![]));
    }
}
