//! Domains in the languages of xm and xl.

use super::{Backend, Domain, MAX_DEVICES, general, kernel_ip};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, kinds};
use crate::dialect::{Dialect, ReadAsXl};
use crate::names;
use crate::options::Options;
use crate::pci::{self, PciError};
use crate::python;
use crate::source::{Source, Span, Spanned};
use crate::suggest::nearest_within;
use crate::text::Text;
use crate::value::{Setting, Settings, Value, ValueKind};
use crate::vif::{self, Guest, Toolstack, Vif};
use crate::xl;

/// Settings of xm that have diagnostics of their own when xl ignores them.
const TOLD_ELSEWHERE: [&str; 9] =
    ["dhcp", "ip", "netmask", "gateway", "hostname", "interface", "nics", "netif", "blkif"];

/// How many unknown names are looked at.
const MAX_UNKNOWN: usize = 100;

pub(super) fn read_xm(source: &Source, options: &Options, diagnostics: &mut Diagnostics) -> Domain {
    // A name that xm knows as a setting wins over the file; another one is there from the beginning.
    let (given, predefined): (Vec<_>, Vec<_>) =
        options.variables.iter().cloned().partition(|(name, _)| names::is_xm_setting(name));
    let mut settings = python::read(source, &predefined, &options.host, names::is_xm_setting, diagnostics);
    give(given, &mut settings);
    question_types(&settings, diagnostics);
    question_names(&settings, names::is_xm_setting, Dialect::Xm, diagnostics);
    let name = match settings.get("name") {
        Some(_) => text_setting(&settings, "name", diagnostics),
        None => general::file_name(source.name()),
    };
    let hvm = settings
        .value("builder")
        .and_then(Value::as_str)
        .is_some_and(|builder| builder == "hvm" || builder == "vmx");
    let domain = Domain {
        dialect: Dialect::Xm,
        name,
        uuid: text_setting(&settings, "uuid", diagnostics),
        guest: if hvm { Guest::Hvm } else { Guest::Pv },
        vifs: vifs_xm(&settings, diagnostics),
        pci: devices(&settings, Toolstack::Xm, diagnostics),
        backends: backends_xm(&settings, diagnostics),
        kernel_ip: kernel_ip::xm(&settings, diagnostics),
        devices: Vec::new(),
        settings,
    };
    general::check(&domain, diagnostics);
    domain
}

/// Settings of xm that may be given several times on its command line; together they replace the file's list.
const REPEATED: [&str; 9] = ["vif", "vif2", "disk", "pci", "vfb", "ioports", "irq", "vscsi", "vusb"];

fn give(given: Vec<(String, String)>, settings: &mut Settings) {
    let span = Span::default();
    let mut lists: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, value) in given {
        if !REPEATED.contains(&name.as_str()) {
            settings.set(command_line_setting(name, value));
            continue;
        }
        let item = Value::new(ValueKind::Text(Text::whole(value, span)), span);
        match lists.iter_mut().find(|(known, _)| *known == name) {
            Some((_, items)) => items.push(item),
            None => lists.push((name, vec![item])),
        }
    }
    for (name, items) in lists {
        settings.set(Setting { name, name_span: span, value: Value::new(ValueKind::List(items), span) });
    }
}

fn command_line_setting(name: String, value: String) -> Setting {
    let span = Span::default();
    // xm makes numbers of the values of settings that are numbers.
    let is_number = !value.is_empty() && value.len() < 10 && value.bytes().all(|byte| byte.is_ascii_digit());
    let kind = match value.parse() {
        Ok(number) if is_number => ValueKind::Integer(number),
        _ => ValueKind::Text(Text::whole(value, span)),
    };
    Setting { name, name_span: span, value: Value::new(kind, span) }
}

pub(super) fn read_xl(
    source: &Source,
    read: Option<ReadAsXl>,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Domain {
    let mut settings = match read {
        Some((settings, found)) => {
            diagnostics.extend(found);
            settings
        }
        None => xl::read(source, &[], diagnostics),
    };
    xl::override_settings(&mut settings, source, &options.variables);
    question_names(&settings, names::is_xl_setting, Dialect::Xl, diagnostics);
    kernel_ip::xl(&settings, diagnostics);
    let name = text_setting(&settings, "name", diagnostics);
    if name.is_none() && settings.iter().next().is_some() && settings.get("name").is_none() {
        diagnostics.push(
            Diagnostic::new(&kinds::NAME_MISSING, None, "the domain has no name")
                .note("xl ends with an error; xm took the file's name")
                .help("write `name = '…'`"),
        );
    }
    let domain = Domain {
        dialect: Dialect::Xl,
        name,
        uuid: text_setting(&settings, "uuid", diagnostics),
        guest: guest_xl(&settings, diagnostics),
        vifs: vifs_xl(&settings, diagnostics),
        pci: devices(&settings, Toolstack::Xl, diagnostics),
        backends: backends_xl(&settings, diagnostics),
        kernel_ip: None,
        devices: Vec::new(),
        settings,
    };
    general::check(&domain, diagnostics);
    domain
}

/// xm takes strings, lists and numbers from the file and leaves all else out without a word.
fn question_types(settings: &Settings, diagnostics: &mut Diagnostics) {
    for setting in settings.iter().filter(|setting| names::is_xm_setting(&setting.name)) {
        let help = match &setting.value.kind {
            ValueKind::Boolean(true) => "write 1",
            ValueKind::Boolean(false) | ValueKind::None => "write 0, or leave it out",
            ValueKind::Tuple(_) => "write a list, in square brackets",
            ValueKind::Long(_) => "write a number without `L` that fits a machine's integer",
            ValueKind::Dictionary(_) => "write what the setting takes: a string, a number or a list",
            _ => continue,
        };
        let mut diagnostic = Diagnostic::new(
            &kinds::XM_IGNORED_TYPE,
            setting.value.span,
            format!("xm ignores `{}`: its value is {}", setting.name, setting.value.type_name()),
        )
        .note(
            "xm takes strings, lists and plain numbers from the file, and leaves all else out without a word",
        )
        .help(help);
        if let ValueKind::Boolean(truth) = setting.value.kind {
            diagnostic = diagnostic.replace(setting.value.span, if truth { "1" } else { "0" });
        }
        diagnostics.push(diagnostic);
    }
}

/// Names that are not known: a slip of the finger, or the other toolstack's.
fn question_names(
    settings: &Settings,
    is_known: fn(&str) -> bool,
    dialect: Dialect,
    diagnostics: &mut Diagnostics,
) {
    // What was given on the command line stands nowhere in the file.
    let in_file = settings.iter().filter(|setting| !setting.name_span.is_empty());
    for setting in in_file.filter(|setting| !is_known(&setting.name)).take(MAX_UNKNOWN) {
        let name = setting.name.as_str();
        let program = dialect.name();
        let is_other = names::is_xm_setting(name) || names::is_xl_setting(name);
        if is_other && TOLD_ELSEWHERE.contains(&name) {
            continue;
        }
        // In Python a variable may be the file's own.
        let meant = match dialect {
            Dialect::Xm => nearest_within(name, 1, names::xm_settings()),
            _ => nearest_within(name, 2, names::xl_settings()),
        };
        let diagnostic = Diagnostic::new(
            &kinds::UNKNOWN_SETTING,
            setting.name_span,
            format!("{program} does not know `{name}`"),
        )
        .note(format!("{program} ignores settings that it does not know, without a word"));
        match meant {
            _ if is_other => {
                let other = if dialect == Dialect::Xl { "xm" } else { "xl" };
                diagnostics
                    .push(diagnostic.help(format!("it is a setting of {other}; delete it for {program}")));
            }
            Some(meant) if dialect == Dialect::Xl || settings.get(meant).is_none() => {
                diagnostics.push(
                    diagnostic.help(format!("did you mean `{meant}`?")).replace(setting.name_span, meant),
                );
            }
            _ if dialect == Dialect::Xl => {
                diagnostics.push(diagnostic.help("delete it, or put a `#` before it"));
            }
            _ => {}
        }
    }
}

/// A setting that must be a string.
fn text_setting(settings: &Settings, name: &str, diagnostics: &mut Diagnostics) -> Option<Text> {
    let value = settings.value(name)?;
    match &value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => Some(text.clone()),
        ValueKind::Integer(number) => Some(Text::whole(number.to_string(), value.span)),
        ValueKind::List(_) | ValueKind::Float(_) => {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::WRONG_TYPE,
                    value.span,
                    format!("`{name}` must be a string, not {}", value.type_name()),
                )
                .help("put the value in quotes"),
            );
            None
        }
        _ => None,
    }
}

fn guest_xl(settings: &Settings, diagnostics: &mut Diagnostics) -> Guest {
    let kind = settings.value("type");
    match kind.and_then(Value::as_str) {
        Some("hvm") => return Guest::Hvm,
        Some("pvh") => return Guest::Pvh,
        Some("pv") => return Guest::Pv,
        Some(other) => {
            let span = kind.map(|value| value.span);
            diagnostics.push(
                Diagnostic::new(&kinds::GUEST_TYPE, span, format!("`{other}` is no type of guest"))
                    .note("xl ends with an error")
                    .help("write 'pv', 'pvh' or 'hvm'"),
            );
        }
        None => {}
    }
    match settings.value("builder").and_then(Value::as_str) {
        Some("hvm") => Guest::Hvm,
        _ if settings.value("pvh").and_then(Value::as_integer).is_some_and(|pvh| pvh != 0) => Guest::Pvh,
        _ => Guest::Pv,
    }
}

fn vifs_xm(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<Vif> {
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

fn vifs_xl(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<Vif> {
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

fn devices(settings: &Settings, toolstack: Toolstack, diagnostics: &mut Diagnostics) -> Vec<pci::Device> {
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
        PciError::Syntax(_) | PciError::OldForm(..) | PciError::NoDevice => &kinds::PCI_SYNTAX,
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
            .help("xl knows vslot, permissive, msitranslate, seize, power_mgmt, rdm_policy and name"),
        _ => diagnostic.help("write the address as lspci prints it: '03:1a.1'"),
    };
    diagnostics.push(diagnostic);
    None
}

fn backends_xm(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<Spanned<Backend>> {
    let mut backends = Vec::new();
    for (name, backend) in [("netif", Backend::Netif), ("blkif", Backend::Blkif)] {
        let Some(setting) = settings.get(name) else { continue };
        let from_command_line = setting.name_span == Span::default();
        let text = setting.value.as_str();
        let is_set = match &setting.value.kind {
            ValueKind::Text(text) if from_command_line => matches!(text.as_str(), "yes" | "y"),
            ValueKind::Text(text) => !text.as_str().is_empty(),
            ValueKind::Integer(number) => *number != 0,
            _ => false,
        };
        if let Some(no) = text.filter(|text| {
            !from_command_line
                && matches!(text.to_ascii_lowercase().as_str(), "no" | "n" | "0" | "off" | "false")
        }) {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::BACKEND_NO,
                    setting.value.span,
                    format!("`{name} = '{no}'` makes the domain a backend"),
                )
                .label("a string that is not empty")
                .note("xm asks only whether the value is empty; on its command line, `no` means no")
                .help("write 0, or delete the line")
                .replace(setting.value.span, "0"),
            );
        }
        if is_set {
            backends.push(Spanned::new(backend, setting.value.span));
        }
    }
    backends
}

fn backends_xl(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<Spanned<Backend>> {
    for name in ["netif", "blkif"] {
        if let Some(setting) = settings.get(name) {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::XL_IGNORES_BACKEND,
                    setting.name_span,
                    format!("xl ignores `{name}`"),
                )
                .severity(Severity::Warning)
                .note("xm made a backend of the domain")
                .help("write `driver_domain = 1`, and run `xl devd` in that domain"),
            );
        }
    }
    settings
        .get("driver_domain")
        .filter(|setting| setting.value.as_integer().is_some_and(|number| number != 0))
        .map(|setting| Spanned::new(Backend::DriverDomain, setting.value.span))
        .into_iter()
        .collect()
}
