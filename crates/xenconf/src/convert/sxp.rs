//! Writes a domain in SXP, in the order in which xm did (`make_config` in `create.py`).

use super::machine::Machine;
use super::{comments, vif};
use crate::domain::Backend;
use crate::names;
use crate::pci::{self, Functions, Which};
use crate::sxp::atom;
use crate::text::Text;
use crate::value::{Value, ValueKind};
use crate::vif::Guest;

/// Forms that stand in the domain itself.
const FORMS: [&str; 19] = [
    "memory",
    "maxmem",
    "shadow_memory",
    "on_poweroff",
    "on_reboot",
    "on_crash",
    "features",
    "on_xend_start",
    "on_xend_stop",
    "target",
    "cpuid",
    "cpuid_check",
    "vcpus",
    "cpus",
    "cpu_weight",
    "bootloader",
    "bootloader_args",
    "localtime",
    "nomigrate",
];

/// Names that differ from xl's.
const RENAMED: [(&str, &str); 2] = [("pool", "pool_name"), ("cap", "cpu_cap")];

pub(super) fn write(machine: &Machine<'_>) -> String {
    let domain = machine.domain;
    let mut forms: Vec<String> = Vec::new();
    let mut left_out: Vec<String> = machine.left_out.clone();
    let mut image: Vec<String> = Vec::new();
    forms.extend(domain.name().map(|name| form("name", name)));
    forms.extend(domain.uuid.as_ref().map(|uuid: &Text| form("uuid", uuid.as_str())));
    let parts = [
        ("kernel", &machine.kernel),
        ("ramdisk", &machine.ramdisk),
        ("ip", &machine.ip),
        ("root", &machine.root),
        ("args", &machine.extra),
    ];
    for (name, value) in parts {
        // In the image, the address stands without its `ip=`.
        let value =
            value.as_deref().map(|value| value.strip_prefix("ip=").filter(|_| name == "ip").unwrap_or(value));
        image.extend(value.map(|value| form(name, value)));
    }
    for (name, value) in &machine.settings {
        let new_name = RENAMED.iter().find(|(old, _)| old == name).map_or(name.as_str(), |(_, new)| *new);
        let text = tree(value).map(|value| format!("({} {value})", atom(new_name)));
        match text {
            Some(text) if FORMS.contains(&new_name) || new_name != name => forms.push(text),
            Some(text) if domain.guest == Guest::Hvm && names::is_xm_setting(name) => image.push(text),
            _ => left_out.push(format!("{name} (xend does not know it)")),
        }
    }
    for backend in &domain.backends {
        match backend.value {
            Backend::Netif | Backend::DriverDomain => forms.push("(backend (netif))".to_owned()),
            Backend::Blkif => forms.push("(backend (blkif))".to_owned()),
        }
    }
    if domain.guest == Guest::Pvh {
        left_out.push("type = pvh (xend knows paravirtual and fully virtual domains)".to_owned());
    }
    let kind = if domain.guest == Guest::Hvm { "hvm" } else { "linux" };
    if domain.guest == Guest::Hvm && machine.kernel.is_none() {
        image.insert(0, form("kernel", "hvmloader"));
    }
    forms.push(nested("image", &nested(kind, &image.join(" "))));
    devices(machine, &mut forms, &mut left_out);
    format!("(vm\n    {})\n{}", forms.join("\n    "), comments(&left_out))
}

fn devices(machine: &Machine<'_>, forms: &mut Vec<String>, left_out: &mut Vec<String>) {
    let domain = machine.domain;
    for disk in &machine.disks {
        match disk.vbd() {
            Some(children) => forms.push(device("vbd", &children)),
            None => left_out.push(format!("disk {} (its form is not known)", disk.xl())),
        }
    }
    let devices: Vec<String> = domain.pci.iter().flat_map(pci_devices).collect();
    if !devices.is_empty() {
        forms.push(nested("device", &nested("pci", &devices.join(" "))));
    }
    left_out.extend(
        domain
            .pci
            .iter()
            .filter(|device| matches!(device.which, Which::Name(_)))
            .map(|_| "a PCI device told by its name (xend wants its address)".to_owned()),
    );
    for (index, interface) in domain.vifs.iter().enumerate() {
        let written = vif::sxp(interface);
        forms.push(device("vif", &written.text));
        left_out
            .extend(written.left_out.into_iter().map(|(what, why)| format!("vif {index}: {what} ({why})")));
    }
    for spec in &machine.frame_buffers {
        let children: Vec<(&str, String)> = spec
            .split(',')
            .filter_map(|piece| piece.split_once('='))
            .map(|(key, value)| (key, value.to_owned()))
            .collect();
        forms.push("(device (vkbd))".to_owned());
        forms.push(device("vfb", &children));
    }
}

fn pci_devices(device: &pci::Device) -> Vec<String> {
    let Which::Address(address, functions) = &device.which else { return Vec::new() };
    let functions = match functions {
        Functions::All => (0..8).collect(),
        Functions::Some(functions) => functions.clone(),
    };
    let options: Vec<String> =
        device.options.iter().map(|(key, value)| format!("({} {})", atom(key), atom(value))).collect();
    let tail = if options.is_empty() { String::new() } else { format!(" (opts {})", options.join(" ")) };
    let slot = device.vslot.map_or_else(|| "0x100".to_owned(), |slot| format!("{:#04x}", slot << 3));
    let one = |function: &u8| {
        format!(
            "(dev (domain {:#06x}) (bus {:#04x}) (slot {:#04x}) (func {function:#x}) (vdevfn {slot}){tail})",
            address.domain, address.bus, address.slot
        )
    };
    functions.iter().map(one).collect()
}

fn form(name: &str, value: &str) -> String {
    format!("({name} {})", atom(value))
}

fn nested(name: &str, inner: &str) -> String {
    if inner.is_empty() { format!("({name})") } else { format!("({name} {inner})") }
}

fn device(kind: &str, children: &[(&str, String)]) -> String {
    let children: Vec<String> =
        children.iter().map(|(key, value)| format!("({} {})", atom(key), atom(value))).collect();
    nested("device", &nested(kind, &children.join(" ")))
}

/// A value as S-expression; `None` when it has no such form.
fn tree(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => Some(atom(text.as_str())),
        ValueKind::Integer(number) => Some(number.to_string()),
        ValueKind::Float(number) => Some(number.to_string()),
        ValueKind::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(tree).collect();
            Some(format!("({})", items?.join(" ")))
        }
        _ => None,
    }
}
