//! `[DDDD:]BB:SS.F[@VSLOT][,key=value…]`

use std::ops::Range;

use super::{Address, Device, Functions, PciError, Which};
use crate::source::Span;

/// Options that xl knows.
const XL_OPTIONS: [&str; 5] = ["permissive", "msitranslate", "seize", "power_mgmt", "rdm_policy"];
/// What xl takes for its option `rdm_policy`.
const XL_POLICIES: [&str; 2] = ["strict", "relaxed"];
/// Options that xm knows.
const XM_OPTIONS: [&str; 2] = ["msitranslate", "power_mgmt"];

/// Reads a specification of xl (`libxlu_pci.c`).
///
/// ```
/// use xenconf::pci::parse_xl;
/// use xenconf::source::Span;
///
/// let device = parse_xl("03:1a.1,permissive=1", Span::default()).unwrap();
/// assert_eq!(device.xl_specs(), ["0000:03:1a.1,permissive=1"]);
/// ```
pub fn parse_xl(text: &str, span: Span) -> Result<Device, PciError> {
    if let Some(error) = old_form(text) {
        return Err(error);
    }
    let (mut which, mut vslot, mut options) = (None, None, Vec::new());
    let mut rest = 0;
    let head = text.split(',').next().unwrap_or("");
    if let Some(at) = text.find(",,") {
        return Err(PciError::EmptyPart(at + 1..at + 2));
    }
    if !head.contains('=') {
        for_xl(head.split('@').next().unwrap_or(""), 0)?;
        let (address, slot) = head_of(head, 0)?;
        which = Some(address);
        vslot = slot;
        rest = head.len() + 1;
    }
    for (range, key, value) in pairs(text, rest) {
        let Some(value) = value else { return Err(PciError::OptionWithoutValue(range)) };
        let at = range.end - value.len();
        match key {
            "bdf" | "name" if which.is_some() => return Err(PciError::NoDevice),
            "bdf" => {
                for_xl(value, at)?;
                let (address, functions) = bdf(value, at)?;
                which = Some(Which::Address(address, functions));
            }
            "name" => which = Some(Which::Name(value.to_owned())),
            "vslot" => vslot = Some(virtual_slot(value, at)?),
            "rdm_policy" if !XL_POLICIES.contains(&value) => {
                return Err(PciError::UnknownOption(range, format!("{key}={value}")));
            }
            key if XL_OPTIONS.contains(&key) => options.push((key.to_owned(), value.to_owned())),
            key => return Err(PciError::UnknownOption(range, key.to_owned())),
        }
    }
    let which = which.ok_or(PciError::NoDevice)?;
    Ok(Device { which, vslot, options, span })
}

/// Reads a specification of xm, of any version (`util/pci.py`; `create.py` of 3.0.2 and before).
///
/// ```
/// use xenconf::pci::parse_xm;
/// use xenconf::source::Span;
///
/// let specs = |text| parse_xm(text, Span::default()).unwrap().xl_specs();
/// assert_eq!(specs("03,1a,1"), ["0000:03:1a.1"]);
/// assert_eq!(specs("0000:00:1d.0-2"), ["0000:00:1d.0", "0000:00:1d.1", "0000:00:1d.2"]);
/// ```
pub fn parse_xm(text: &str, span: Span) -> Result<Device, PciError> {
    if let Some(which) = comma_form(text)? {
        return Ok(Device { which, vslot: None, options: Vec::new(), span });
    }
    // A comma may continue the list of functions: 00:1d.0,2
    let more = text
        .split(',')
        .skip(1)
        .take_while(|part| !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'-')));
    let head_length =
        text.split(',').next().unwrap_or("").len() + more.map(|part| part.len() + 1).sum::<usize>();
    let head = text.get(..head_length).unwrap_or("");
    let (which, vslot) = head_of(head, 0)?;
    let mut options = Vec::new();
    for (range, key, value) in pairs(text, head.len() + 1) {
        let Some(value) = value else { return Err(PciError::OptionWithoutValue(range)) };
        if !XM_OPTIONS.contains(&key) {
            return Err(PciError::UnknownOption(range, key.to_owned()));
        }
        options.push((key.to_owned(), value.to_owned()));
    }
    Ok(Device { which, vslot, options, span })
}

/// The parts between commas from `start` on: where each stands, its key, and its value if it has one.
fn pairs(text: &str, start: usize) -> impl Iterator<Item = (Range<usize>, &str, Option<&str>)> {
    let rest = text.get(start..).unwrap_or("");
    rest.split(',').filter(|part| !part.is_empty()).map(move |part| {
        let at = part.as_ptr().addr() - text.as_ptr().addr();
        let range = at..at + part.len();
        match part.split_once('=') {
            Some((key, value)) => (range, key, Some(value)),
            None => (range, part, None),
        }
    })
}

fn head_of(head: &str, at: usize) -> Result<(Which, Option<u8>), PciError> {
    let (place, slot) = match head.split_once('@') {
        Some((place, slot)) => (place, Some(slot)),
        None => (head, None),
    };
    let (address, functions) = bdf(place, at)?;
    let vslot = slot.map(|slot| virtual_slot(slot, at + place.len() + 1)).transpose()?;
    Ok((Which::Address(address, functions), vslot))
}

fn virtual_slot(text: &str, at: usize) -> Result<u8, PciError> {
    let slot = hexadecimal(text, at)?;
    in_range(slot, at..at + text.len(), "the virtual slot", 0x1f)
}

/// What xm takes in an address, and xl does not: several functions, and `0x` before a number. xl counts the colons
/// in the digits at the beginning, and `x` is none.
fn for_xl(text: &str, at: usize) -> Result<(), PciError> {
    let (place, function) = text.rsplit_once('.').unwrap_or((text, ""));
    let start = at + text.len() - function.len();
    if function.contains(['-', ',']) && functions(function, start).is_ok() {
        return Err(PciError::SeveralFunctions(start..at + text.len()));
    }
    if place.contains('x') || function.contains('=') {
        return Err(PciError::Syntax(at..at + text.len()));
    }
    Ok(())
}

/// `[DDDD:]BB:SS.F`
fn bdf(text: &str, at: usize) -> Result<(Address, Functions), PciError> {
    let whole = at..at + text.len();
    let syntax = || PciError::Syntax(whole.clone());
    let (place, function) = text.rsplit_once('.').ok_or_else(syntax)?;
    let mut parts: Vec<&str> = place.split(':').collect();
    if parts.len() == 2 {
        parts.insert(0, "");
    }
    let [domain, bus, slot] = parts[..] else { return Err(syntax()) };
    let offset = |part: &str| part.as_ptr().addr().wrapping_sub(text.as_ptr().addr()).wrapping_add(at);
    let number = |part: &str, what, most| {
        let start = offset(part);
        in_range(hexadecimal(part, start)?, start..start + part.len(), what, most)
    };
    let domain_number = if domain.is_empty() && place.split(':').count() == 2 {
        0
    } else {
        let start = offset(domain);
        let value = hexadecimal(domain, start)?;
        u16::try_from(value)
            .map_err(|_| PciError::Range(start..start + domain.len(), "the PCI domain", value, 0xffff))?
    };
    let address = Address {
        domain: domain_number,
        bus: number(bus, "the bus", 0xff)?,
        slot: number(slot, "the slot", 0x1f)?,
    };
    Ok((address, functions(function, offset(function))?))
}

fn functions(text: &str, at: usize) -> Result<Functions, PciError> {
    if text == "*" {
        return Ok(Functions::All);
    }
    let mut list = Vec::new();
    for part in text.split(',') {
        let start = at + (part.as_ptr().addr() - text.as_ptr().addr());
        // `physical=virtual`: where the guest sees the function is not carried over.
        let part = part.split('=').next().unwrap_or("");
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = start..start + part.len();
        let first = in_range(hexadecimal(first, start)?, range.clone(), "the function", 7)?;
        let last = in_range(hexadecimal(last, start)?, range, "the function", 7)?;
        list.extend(first.min(last)..=first.max(last));
    }
    list.sort_unstable();
    list.dedup();
    Ok(Functions::Some(list))
}

fn hexadecimal(text: &str, at: usize) -> Result<u32, PciError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_number =
        !digits.is_empty() && digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_number {
        return Err(PciError::Syntax(at..at + text.len()));
    }
    u32::from_str_radix(digits, 16).map_err(|_| PciError::Syntax(at..at + text.len()))
}

fn in_range(value: u32, range: Range<usize>, what: &'static str, most: u8) -> Result<u8, PciError> {
    u8::try_from(value).ok().filter(|value| *value <= most).ok_or(PciError::Range(
        range,
        what,
        value,
        u32::from(most),
    ))
}

/// `BUS,DEV,FUNC`, each hexadecimal: `None` when the text has another form.
fn comma_form(text: &str) -> Result<Option<Which>, PciError> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [bus, slot, function] = parts[..] else { return Ok(None) };
    if text.contains([':', '.', '=']) {
        return Ok(None);
    }
    let number = |part: &str, what, most| {
        let at = part.as_ptr().addr() - text.as_ptr().addr();
        in_range(hexadecimal(part, at)?, at..at + part.len(), what, most)
    };
    let address =
        Address { domain: 0, bus: number(bus, "the bus", 0xff)?, slot: number(slot, "the slot", 0x1f)? };
    let functions = Functions::Some(vec![number(function, "the function", 7)?]);
    Ok(Some(Which::Address(address, functions)))
}

fn old_form(text: &str) -> Option<PciError> {
    match comma_form(text) {
        Ok(Some(Which::Address(address, Functions::Some(functions)))) => {
            let function = functions.first()?;
            Some(PciError::OldForm(0..text.len(), format!("{address}.{function}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xl(text: &str) -> Result<Vec<String>, PciError> {
        parse_xl(text, Span::default()).map(|device| device.xl_specs())
    }

    fn xm(text: &str) -> Result<Vec<String>, PciError> {
        parse_xm(text, Span::default()).map(|device| device.xl_specs())
    }

    #[test]
    fn xl_specs_are_read_and_written() {
        for (text, written) in [
            ("03:1a.1", "0000:03:1a.1"),
            ("0001:03:1a.*", "0001:03:1a.*"),
            ("3:1.0@1f,seize=1", "0000:03:01.0@1f,seize=1"),
            ("bdf=03:1a.1,vslot=6", "0000:03:1a.1@6"),
            ("name=card,permissive=1", "name=card,permissive=1"),
            ("03:1a.1,rdm_policy=relaxed", "0000:03:1a.1,rdm_policy=relaxed"),
        ] {
            assert_eq!(xl(text), Ok(vec![written.to_owned()]), "{text}");
            assert_eq!(xl(written), Ok(vec![written.to_owned()]), "{written}");
        }
    }

    #[test]
    fn what_xl_refuses_is_an_error() {
        for (text, error) in [
            ("", PciError::Syntax(0..0)),
            ("03:1a", PciError::Syntax(0..5)),
            ("03:20.0", PciError::Range(3..5, "the slot", 0x20, 0x1f)),
            ("100:00.0", PciError::Range(0..3, "the bus", 0x100, 0xff)),
            ("03:1a.8", PciError::Range(6..7, "the function", 8, 7)),
            ("10000:03:1a.1", PciError::Range(0..5, "the PCI domain", 0x10000, 0xffff)),
            ("03:1a.1@20", PciError::Range(8..10, "the virtual slot", 0x20, 0x1f)),
            ("03:1a.1,permissive", PciError::OptionWithoutValue(8..18)),
            ("03:1a.1,colour=1", PciError::UnknownOption(8..16, "colour".into())),
            ("03:1a.1,name=x", PciError::NoDevice),
            ("permissive=1", PciError::NoDevice),
            ("03:1a.x", PciError::Syntax(6..7)),
            ("00:1d.0-2", PciError::SeveralFunctions(6..9)),
            ("seize=1,bdf=00:1d.0-2", PciError::SeveralFunctions(18..21)),
            ("0x03:1a.1", PciError::Syntax(0..9)),
            ("03:1a.1,,seize=1", PciError::EmptyPart(8..9)),
            ("03:1a.1,rdm_policy=none", PciError::UnknownOption(8..23, "rdm_policy=none".into())),
            ("é:1a.1", PciError::Syntax(0..2)),
        ] {
            assert_eq!(xl(text), Err(error), "{text}");
        }
        assert_eq!(xl("03:1a.0x1,"), Ok(vec!["0000:03:1a.1".to_owned()]));
        assert_eq!(xl("03,1a,1"), Err(PciError::OldForm(0..7, "0000:03:1a.1".into())));
    }

    #[test]
    fn xm_specs_of_all_versions_become_those_of_xl() {
        assert_eq!(xm("c0,02,1").unwrap(), ["0000:c0:02.1"]);
        assert_eq!(xm("0x03,0x1a,0x1").unwrap(), ["0000:03:1a.1"]);
        assert_eq!(xm("00:1d.*@6,msitranslate=1").unwrap(), ["0000:00:1d.*@6,msitranslate=1"]);
        assert_eq!(xm("00:1d.0,2").unwrap(), ["0000:00:1d.0", "0000:00:1d.2"]);
        assert_eq!(xm("c0,02,1a"), Err(PciError::Range(6..8, "the function", 0x1a, 7)));
        assert_eq!(xm("00:1d.0,permissive=1"), Err(PciError::UnknownOption(8..20, "permissive".into())));
    }
}
