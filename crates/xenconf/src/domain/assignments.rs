//! Domains in the languages of xm and xl.

use super::devices::{devices, vifs_xl, vifs_xm};
use super::{Backend, Domain, general, kernel_ip};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, kinds};
use crate::dialect::{Dialect, ReadAsXl};
use crate::names;
use crate::options::Options;
use crate::python;
use crate::source::{Source, Span, Spanned};
use crate::suggest::nearest_within;
use crate::text::Text;
use crate::value::{Setting, Settings, Value, ValueKind};
use crate::vif::{Guest, Toolstack};
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
    let sets_something = settings.iter().any(|setting| !setting.name_span.is_empty());
    if sets_something && settings.get("name").is_none() {
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

/// `vif = [ '…' ],`
fn is_list_with_comma(items: &[Value], tuple: Span) -> bool {
    matches!(items, [Value { kind: ValueKind::List(_), span }] if span.start == tuple.start)
}

/// xm takes strings, lists and numbers from the file and leaves all else out without a word.
fn question_types(settings: &Settings, diagnostics: &mut Diagnostics) {
    for setting in settings.iter().filter(|setting| names::is_xm_setting(&setting.name)) {
        let help = match &setting.value.kind {
            ValueKind::Boolean(true) => "write 1",
            ValueKind::Boolean(false) | ValueKind::None => "write 0, or leave it out",
            ValueKind::Tuple(items) if is_list_with_comma(items, setting.value.span) => {
                "delete the comma behind the list: it makes a tuple with the list in it"
            }
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
    // A line that cannot be read may not be a setting at all, and has its finding already.
    let in_file = in_file.filter(|setting| dialect != Dialect::Xl || !setting.value.is_unknown());
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
