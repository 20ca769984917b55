//! Writes a domain for xl.

use super::machine::Machine;
use super::{comments, vif};
use crate::dialect::Dialect;
use crate::domain::Backend;
use crate::pci;
use crate::value::{Value, ValueKind};
use crate::vif::Guest;

pub(super) fn write(machine: &Machine<'_>) -> String {
    let domain = machine.domain;
    let mut lines = vec![match domain.dialect {
        Dialect::Sxp => "# A domain for xl, converted from SXP. See xl.cfg(5).".to_owned(),
        Dialect::Xm => "# A domain for xl, converted from a file for xm. See xl.cfg(5).".to_owned(),
        _ => "# A domain for xl. See xl.cfg(5).".to_owned(),
    }];
    let mut left_out: Vec<String> = machine.left_out.clone();
    let mut set = |name: &str, value: Option<&str>| {
        lines.extend(value.map(|value| format!("{name} = {}", string(value))));
    };
    set("name", domain.name());
    set("type", Some(guest(domain.guest)));
    set("uuid", domain.canonical_uuid().as_deref());
    set("kernel", machine.kernel.as_deref());
    set("ramdisk", machine.ramdisk.as_deref());
    set("root", machine.root.as_deref());
    let extra: Vec<&str> = machine.ip.iter().chain(&machine.extra).map(String::as_str).collect();
    set("extra", (!extra.is_empty()).then(|| extra.join(" ")).as_deref());
    if let Some(uuid) = domain.uuid.as_ref().filter(|_| domain.canonical_uuid().is_none()) {
        left_out.push(format!("uuid = {} (it is no UUID; without one, xl makes one)", uuid.as_str()));
    }
    for (name, value) in &machine.settings {
        match written(value) {
            Some(value) => lines.push(format!("{name} = {value}")),
            None => left_out.push(format!("{name} (its value has no form in xl's language)")),
        }
    }
    if domain.backends.iter().any(|backend| matches!(backend.value, Backend::Netif | Backend::DriverDomain)) {
        lines.push("driver_domain = 1".to_owned());
    }
    list("disk", machine.disks.iter().map(|disk| string(&disk.xl())), &mut lines);
    list("vfb", machine.frame_buffers.iter().map(|spec| string(spec)), &mut lines);
    interfaces(machine, &mut lines, &mut left_out);
    list("pci", domain.pci.iter().flat_map(pci::Device::xl_specs).map(|spec| string(&spec)), &mut lines);
    if domain.backends.iter().any(|backend| backend.value == Backend::Blkif) {
        left_out.push(
            "blkif (a driver domain serves disks when xl devd runs in it; write driver_domain = 1)"
                .to_owned(),
        );
    }
    lines.join("\n") + "\n" + &comments(&left_out)
}

const fn guest(guest: Guest) -> &'static str {
    match guest {
        Guest::Pv => "pv",
        Guest::Pvh => "pvh",
        Guest::Hvm => "hvm",
    }
}

fn interfaces(machine: &Machine<'_>, lines: &mut Vec<String>, left_out: &mut Vec<String>) {
    let domain = machine.domain;
    let mut specs = Vec::new();
    for (index, interface) in domain.vifs.iter().enumerate() {
        let written = vif::xl(interface, domain);
        specs.push(string(&written.text));
        left_out
            .extend(written.left_out.into_iter().map(|(what, why)| format!("vif {index}: {what} ({why})")));
    }
    if domain.dialect != Dialect::Xl && domain.vifs.iter().any(|vif| vif.bridge.is_none()) {
        lines.push("# Where no bridge is named, xend left it to vif-bridge, which took the host's first one; xl takes xenbr0.".to_owned());
    }
    list("vif", specs, lines);
}

fn list(name: &str, items: impl IntoIterator<Item = String>, lines: &mut Vec<String>) {
    let items: Vec<String> = items.into_iter().collect();
    match items.as_slice() {
        [] => {}
        [only] => lines.push(format!("{name} = [ {only} ]")),
        several => {
            lines.push(format!("{name} = [ {} ]", several.join(&format!(",\n{:1$}", "", name.len() + 5))));
        }
    }
}

/// A value in xl's language; `None` when it has none.
fn written(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Text(text) if is_number(text.as_str()) => Some(text.as_str().to_owned()),
        ValueKind::Text(text) => Some(string(text.as_str())),
        ValueKind::Number(text) => Some(text.as_str().to_owned()),
        ValueKind::Integer(number) if *number >= 0 => Some(number.to_string()),
        ValueKind::Integer(number) => Some(string(&number.to_string())),
        ValueKind::Float(number) if is_number(&number.to_string()) => Some(number.to_string()),
        ValueKind::Float(number) => Some(string(&number.to_string())),
        ValueKind::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(written).collect();
            Some(format!("[ {} ]", items?.join(", ")))
        }
        _ => None,
    }
}

/// True for a text that is a plain decimal number, and reads the same without its quotes.
fn is_number(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && !text.is_empty() && text.len() < 18 && (text == "0" || !text.starts_with('0'))
}

/// A string that xl and Python read the same.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
