//! Interfaces and PCI devices in the lists of xm and xl.

use super::MAX_DEVICES;
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::pci::{self, PciError};
use crate::text::Text;
use crate::value::{Setting, Settings, Value, ValueKind};
use crate::vif::{self, Toolstack, Vif};

/// The interfaces of a domain for xm.
pub(super) fn vifs_xm(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<Vif> {
    let mut vifs = Vec::new();
    if let Some(setting) = settings.get("vif") {
        match &setting.value.kind {
            ValueKind::List(items) => {
                for item in items.iter().take(MAX_DEVICES) {
                    match &item.kind {
                        ValueKind::Text(text) => vifs.push(vif::parse(text, Toolstack::Xm, diagnostics)),
                        ValueKind::Unknown(_) => {}
                        _ => diagnostics.push(
                            Diagnostic::new(
                                &kinds::VIF_LIST,
                                item.span,
                                format!("each interface is a string, not {}", item.type_name()),
                            )
                            .note("xm stops here with a Python error")
                            .help("write a string in quotes: 'mac=…,bridge=…', or '' for the defaults"),
                        ),
                    }
                }
            }
            ValueKind::Text(text) if text.as_str().is_empty() => {}
            ValueKind::Text(text) => diagnostics.push(
                not_a_list(setting, text)
                    .note("xm takes each character of the string for an interface, and ends with an error"),
            ),
            _ => {}
        }
    }
    add_nics(settings, &mut vifs, diagnostics);
    if let Some(setting) = settings.get("vif2") {
        diagnostics.push(
            Diagnostic::new(
                &kinds::VIF2,
                setting.name_span,
                "`vif2` asks for netchannel2, which was given up in 2012",
            )
            .help("write the interface as `vif = [ '…' ]`"),
        );
    }
    vifs
}

fn not_a_list(setting: &Setting, text: &Text) -> Diagnostic {
    let span = setting.value.span;
    Diagnostic::new(&kinds::VIF_LIST, span, "`vif` must be a list")
        .label("a string")
        .help("put square brackets round it")
        .replace(span, format!("[ '{}' ]", text.as_str()))
}

/// `nics`: interfaces with defaults are added up to this number.
fn add_nics(settings: &Settings, vifs: &mut Vec<Vif>, diagnostics: &mut Diagnostics) {
    let Some(setting) = settings.get("nics") else { return };
    let count = setting.value.as_integer().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let instead = if count > vifs.len() {
        "write one '' in `vif` for each interface with defaults: vif = [ '' ]"
    } else {
        "delete it"
    };
    diagnostics.push(
        Diagnostic::new(&kinds::NICS, setting.name_span, "`nics` is an old setting")
            .note("xm adds interfaces with defaults until there are so many; xl ignores it")
            .help(instead),
    );
    while vifs.len() < count.min(MAX_DEVICES) {
        vifs.push(Vif { span: setting.value.span, ..Vif::default() });
    }
}

/// The interfaces of a domain for xl.
pub(super) fn vifs_xl(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<Vif> {
    if let Some(setting) = settings.get("nics") {
        diagnostics.push(
            Diagnostic::new(&kinds::NICS, setting.name_span, "`nics` is an old setting of xm")
                .note("xl ignores it without a word")
                .help("write one '' in `vif` for each interface with defaults: vif = [ '' ]"),
        );
    }
    if let Some(setting) = settings.get("vif2") {
        diagnostics.push(
            Diagnostic::new(
                &kinds::VIF2,
                setting.name_span,
                "`vif2` asks for netchannel2, which was given up in 2012",
            )
            .note("xl prints a warning and creates no interface of it")
            .help("write the interface as `vif = [ '…' ]`"),
        );
    }
    let mut vifs = Vec::new();
    let Some(setting) = settings.get("vif") else { return vifs };
    let items = match &setting.value.kind {
        ValueKind::List(items) => items,
        ValueKind::Text(text) | ValueKind::Number(text) => {
            diagnostics.push(
                not_a_list(setting, text).note("xl prints a warning, and the domain gets no interface"),
            );
            return vifs;
        }
        _ => return vifs,
    };
    for item in items.iter().take(MAX_DEVICES) {
        if let Some(text) = item.text() {
            vifs.push(vif::parse(text, Toolstack::Xl, diagnostics));
        } else {
            diagnostics.push(
                Diagnostic::new(&kinds::VIF_LIST, item.span, "a list inside the list of interfaces")
                    .note("xl stops reading here without a word: this interface and those behind it do not exist")
                    .help("write each interface as one string: 'mac=…,bridge=…'"),
            );
            break;
        }
    }
    vifs
}

/// The PCI devices of a domain.
pub(super) fn devices(
    settings: &Settings,
    toolstack: Toolstack,
    diagnostics: &mut Diagnostics,
) -> Vec<pci::Device> {
    let Some(setting) = settings.get("pci") else { return Vec::new() };
    let Some(items) = setting.value.items().filter(|_| !matches!(setting.value.kind, ValueKind::Tuple(_)))
    else {
        if let Some(text) = setting.value.text().filter(|text| !text.as_str().is_empty()) {
            let span = setting.value.span;
            diagnostics.push(
                Diagnostic::new(&kinds::WRONG_TYPE, span, "`pci` must be a list")
                    .help("put square brackets round it")
                    .replace(span, format!("[ '{}' ]", text.as_str())),
            );
        }
        return Vec::new();
    };
    let texts = items.iter().take(MAX_DEVICES).filter_map(Value::text);
    texts.filter_map(|text| device(text, toolstack, diagnostics)).collect()
}

fn device(text: &Text, toolstack: Toolstack, diagnostics: &mut Diagnostics) -> Option<pci::Device> {
    let parse = match toolstack {
        Toolstack::Xm => pci::parse_xm,
        Toolstack::Xl => pci::parse_xl,
    };
    let error = match parse(text.as_str(), text.span()) {
        Ok(device) => return Some(device),
        Err(error) => error,
    };
    let place = error.range().map_or_else(|| text.span(), |range| text.place(range));
    let kind = match &error {
        PciError::Syntax(_)
        | PciError::OldForm(..)
        | PciError::SeveralFunctions(_)
        | PciError::EmptyPart(_)
        | PciError::NoDevice => &kinds::PCI_SYNTAX,
        PciError::Range(..) => &kinds::PCI_RANGE,
        PciError::OptionWithoutValue(_) | PciError::UnknownOption(..) => &kinds::PCI_OPTION,
    };
    let program = toolstack.name();
    let mut diagnostic = Diagnostic::new(kind, place, error.to_string())
        .note(format!("{program} ends with an error and creates nothing"));
    diagnostic = match (&error, toolstack) {
        (PciError::OldForm(_, instead), _) => {
            diagnostic.help(format!("write `{instead}`")).replace(place, instead.clone())
        }
        (PciError::SeveralFunctions(_), _) => {
            diagnostic.help("write an entry for each function, or `.*` for all of the device")
        }
        (PciError::EmptyPart(_), _) => diagnostic.help("delete one of the commas").replace(place, ""),
        (PciError::Range(..), _) => diagnostic.help("the numbers are hexadecimal, as lspci prints them"),
        (PciError::UnknownOption(_, name), Toolstack::Xm)
            if matches!(name.as_str(), "permissive" | "seize") =>
        {
            diagnostic.help("it is an option of xl; xm reads permissive devices from xend-pci-permissive.sxp")
        }
        (PciError::UnknownOption(..), Toolstack::Xm) => {
            diagnostic.help("xm knows msitranslate and power_mgmt")
        }
        (PciError::UnknownOption(..), Toolstack::Xl) => diagnostic
            .help("xl knows vslot, permissive, msitranslate, seize, power_mgmt, name, and rdm_policy=strict or relaxed"),
        _ => diagnostic.help("write the address as lspci prints it: '03:1a.1'"),
    };
    diagnostics.push(diagnostic);
    None
}
