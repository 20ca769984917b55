//! What holds for a domain in every language: its name, its UUID, what it serves.

use super::{Backend, Domain};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::dialect::Dialect;
use crate::source::Span;
use crate::text::Text;
use crate::value::{Value, integer};
use crate::vif::{Guest, Toolstack, VifType};

/// What is wrong with the domain by itself, once it is read.
pub(super) fn check(domain: &Domain, diagnostics: &mut Diagnostics) {
    if let Some(name) = &domain.name {
        check_name(name, diagnostics);
    }
    if let Some(uuid) = &domain.uuid {
        check_uuid(uuid, domain.toolstack(), diagnostics);
    }
    check_numbers(domain, diagnostics);
    check_backend(domain, diagnostics);
    check_types(domain, diagnostics);
    check_addresses(domain, diagnostics);
    check_devices(domain, diagnostics);
}

fn check_name(name: &Text, diagnostics: &mut Diagnostics) {
    let text = name.as_str();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        diagnostics.push(
            Diagnostic::new(
                &kinds::NAME_OF_DIGITS,
                name.span(),
                "a name of digits alone is taken for a domain's id",
            )
            .note("`xl network-list 5` asks for the domain with id 5, not for the one called 5")
            .help("begin the name with a letter"),
        );
    } else if text.is_empty() || text.contains(|c: char| c == '/' || c.is_control()) {
        diagnostics.push(
            Diagnostic::new(
                &kinds::NAME_INVALID,
                name.span(),
                format!("`{}` cannot be a domain's name", text.escape_debug()),
            )
            .help("use letters, digits, `-`, `_` and `.`"),
        );
    }
}

/// The usual form of a UUID: five groups, in small letters. `None` when it has not 32 hexadecimal digits.
pub(super) fn canonical_uuid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    Some(groups.map(|group| digits.get(group).unwrap_or("").to_owned()).join("-"))
}

/// libxl wants the usual form; xend does not look at the hyphens.
fn check_uuid(uuid: &Text, toolstack: Toolstack, diagnostics: &mut Diagnostics) {
    if toolstack == Toolstack::Xm && canonical_uuid(uuid.as_str()).is_some() {
        return;
    }
    let groups: Vec<&str> = uuid.as_str().split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_uuid {
        diagnostics.push(
            Diagnostic::new(&kinds::UUID_INVALID, uuid.span(), format!("`{}` is no UUID", uuid.as_str()))
                .note("the domain is not created")
                .help("write 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12, or leave it out to have one generated"),
        );
    }
}

/// Memory and processors are whole numbers, in whichever way they are written.
fn check_numbers(domain: &Domain, diagnostics: &mut Diagnostics) {
    for name in ["memory", "maxmem", "vcpus", "maxvcpus"] {
        let Some(value) = domain.settings.value(name) else { continue };
        let Some(text) = value.text().filter(|text| integer(text.as_str().trim()).is_none()) else {
            continue;
        };
        let digits = text.as_str().trim_end_matches(|c: char| !c.is_ascii_digit());
        let diagnostic = Diagnostic::new(
            &kinds::WRONG_TYPE,
            text.span(),
            format!("`{}` is no number for `{name}`", text.as_str()),
        )
        .note("the domain is not created");
        diagnostics.push(if name.starts_with("mem") || name == "maxmem" {
            diagnostic.help(format!(
                "write the number of megabytes, without a unit: {name} = {}",
                if digits.is_empty() { "512" } else { digits }
            ))
        } else {
            diagnostic.help("write a whole number")
        });
    }
}

/// A network backend with interfaces of its own from another backend.
fn check_backend(domain: &Domain, diagnostics: &mut Diagnostics) {
    let Some(backend) = domain.backends.iter().find(|backend| backend.value == Backend::Netif) else {
        return;
    };
    for vif in &domain.vifs {
        let from = vif.backend.as_ref().map_or("0", Text::as_str);
        diagnostics.push(
            Diagnostic::new(
                &kinds::BACKEND_IMPORTS,
                vif.span,
                "a network backend cannot import interfaces from another domain",
            )
            .label(format!("served by domain {from}"))
            .related(backend.span, "this domain is a network backend")
            .note("Xen's manual: a network backend cannot import virtual network devices from other domains")
            .help("give the domain a network card of its own (`pci`), and delete the interface"),
        );
    }
}

fn check_types(domain: &Domain, diagnostics: &mut Diagnostics) {
    if domain.guest == Guest::Hvm || is_stub_domain(domain) {
        check_models(domain, diagnostics);
        return;
    }
    for kind in domain.vifs.iter().filter_map(|vif| vif.kind).filter(|kind| kind.value == VifType::Ioemu) {
        let guest = if domain.guest == Guest::Pvh { "a PVH" } else { "a paravirtual" };
        let consequence = match domain.dialect {
            Dialect::Xl => {
                "xl ends with an error: trying to create PV or PVH guest with an emulated interface"
            }
            _ => "xend writes no frontend for such an interface, and the guest cannot use it",
        };
        let hvm = if domain.dialect == Dialect::Xl { "type = 'hvm'" } else { "builder = 'hvm'" };
        diagnostics.push(
            Diagnostic::new(&kinds::VIF_IOEMU_ON_PV, kind.span, format!("`type=ioemu` in {guest} guest"))
                .note(consequence)
                .help(format!("delete it, or say `{hvm}` if the guest is fully virtual")),
        );
    }
}

fn check_models(domain: &Domain, diagnostics: &mut Diagnostics) {
    let emulated = domain.vifs.iter().filter(|vif| vif.kind.is_none_or(|kind| kind.value == VifType::Ioemu));
    for model in emulated.filter_map(|vif| vif.model.as_ref()) {
        if model.as_str().starts_with("virtio") {
            let message =
                format!("a guest with the card `{}` can send from others' addresses", model.as_str());
            diagnostics.push(
                Diagnostic::new(&kinds::VIF_VIRTIO, model.span(), message)
                    .label("the kernel changes its packets behind the guard")
                    .help("write e1000 or rtl8139, if you do not trust the guest"),
            );
        }
    }
}

/// xend's domain that runs the emulator of an HVM guest is paravirtual, and has that guest's emulated card.
fn is_stub_domain(domain: &Domain) -> bool {
    let kernel = domain.settings.value("kernel").and_then(Value::as_str);
    domain.dialect == Dialect::Xm && kernel.is_some_and(|kernel| kernel.contains("stubdom"))
}

/// The same MAC address, name or number twice in one domain.
fn check_addresses(domain: &Domain, diagnostics: &mut Diagnostics) {
    for (index, vif) in domain.vifs.iter().enumerate() {
        let before = domain.vifs.get(..index).unwrap_or(&[]);
        let mac = vif.mac.and_then(|mac| {
            Some((mac, before.iter().filter_map(|vif| vif.mac).find(|other| other.value == mac.value)?))
        });
        if let Some((mac, other)) = mac {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::MAC_DUPLICATE,
                    mac.span,
                    format!("{} is the address of two interfaces", mac.value),
                )
                .related(other.span, "the other one")
                .note("on one network the two take each other's traffic; xend refuses it within a domain")
                .help("give one of them another address"),
            );
        }
        let devid = vif.devid.and_then(|devid| {
            Some((devid, before.iter().filter_map(|vif| vif.devid).find(|other| other.value == devid.value)?))
        });
        if let Some((devid, other)) = devid.filter(|_| domain.dialect == Dialect::Xl) {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::DEVID_TWICE,
                    devid.span,
                    format!("two interfaces have the number {}", devid.value),
                )
                .related(other.span, "the other one")
                .help("give one of them another `devid`, or leave it out"),
            );
        }
        check_vifname(domain, vif, before, diagnostics);
    }
}

fn check_vifname(
    domain: &Domain,
    vif: &crate::vif::Vif,
    before: &[crate::vif::Vif],
    diagnostics: &mut Diagnostics,
) {
    let Some(name) = &vif.vifname else { return };
    if let Some(other) = before.iter().filter_map(|vif| vif.vifname.as_ref()).find(|other| *other == name) {
        diagnostics.push(
            Diagnostic::new(
                &kinds::VIFNAME_TWICE,
                name.span(),
                format!("two interfaces are called `{}`", name.as_str()),
            )
            .related(other.span(), "the other one")
            .note("the second one does not come up: the name exists")
            .help("give one of them another name"),
        );
    }
    let has_tap = match (domain.dialect, vif.kind.map(|kind| kind.value)) {
        (_, Some(kind)) => kind == VifType::Ioemu,
        (Dialect::Xl, None) => true,
        (_, None) => false,
    };
    let length = name.as_str().len();
    if domain.guest == Guest::Hvm && has_tap && (12..=15).contains(&length) {
        diagnostics.push(
            Diagnostic::new(&kinds::VIFNAME_TOO_LONG, name.span(), format!("`{}-emu`, the emulated card's tap, would have {} characters", name.as_str(), length + 4))
                .label(format!("{} too many for a guest with an emulated card", length - 11))
                .note("a device's name has at most 15 characters; the kernel refuses more, and the guest does not start")
                .help("shorten the name to 11 characters"),
        );
    }
}

fn check_devices(domain: &Domain, diagnostics: &mut Diagnostics) {
    for (index, device) in domain.pci.iter().enumerate() {
        let before = domain.pci.get(..index).unwrap_or(&[]);
        if let Some(other) = before.iter().find(|other| other.overlaps(device)) {
            diagnostics.push(
                Diagnostic::new(&kinds::PCI_TWICE, device.span, "this device is given twice")
                    .related(other.span, "the first time")
                    .help("delete one of the two"),
            );
        }
    }
}

/// The name that xm gives a domain without one: that of the file.
pub(super) fn file_name(name: &str) -> Option<Text> {
    // Standard input has no name.
    let base = name.rsplit('/').next().filter(|base| !base.is_empty() && *base != "-")?;
    Some(Text::whole(base.to_owned(), Span::default()))
}
