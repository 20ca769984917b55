//! Domains in SXP: `(vm …)` as people write it, `(domain …)` as `xm list -l` prints it.

use super::{Backend, Domain, MAX_DEVICES, OtherDevice, general};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::dialect::Dialect;
use crate::pci;
use crate::source::{Source, Spanned};
use crate::suggest::nearest;
use crate::sxp::{NodeRef, parse};
use crate::text::Text;
use crate::value::{Setting, Settings, Value, ValueKind};
use crate::vif::{self, Guest};

/// How deep the lists of a setting are carried over into its value.
const MAX_DEPTH: usize = 64;

pub(super) fn read(source: &Source, diagnostics: &mut Diagnostics) -> Option<Domain> {
    let tree = parse(source, diagnostics);
    let mut forms = tree.roots().filter(|form| matches!(form.head(), Some("vm" | "domain")));
    let form = forms.next()?;
    for other in forms {
        diagnostics.push(
            Diagnostic::new(&kinds::SXP_SECOND_DOMAIN, other.span(), "a second domain in the file")
                .related(form.span(), "the first one, which is read")
                .note("`xm create -F` takes the first form of the file and no other")
                .help("write each domain in a file of its own"),
        );
    }
    let text = |name: &str| form.value(name).and_then(NodeRef::text).cloned();
    let image = form.value("image");
    let hvm = image.and_then(NodeRef::head).is_some_and(|kind| kind == "hvm" || kind == "vmx");
    let mut domain = Domain {
        dialect: Dialect::Sxp,
        name: text("name"),
        uuid: text("uuid"),
        guest: if hvm { Guest::Hvm } else { Guest::Pv },
        vifs: Vec::new(),
        pci: Vec::new(),
        backends: Vec::new(),
        kernel_ip: image.and_then(|image| image.value("ip")).and_then(NodeRef::as_str).map(kernel_line),
        devices: Vec::new(),
        settings: settings(form),
    };
    read_devices(form, &mut domain, diagnostics);
    read_backends(form, &mut domain, diagnostics);
    general::check(&domain, diagnostics);
    Some(domain)
}

fn kernel_line(ip: &str) -> String {
    if ip.starts_with("ip=") { ip.to_owned() } else { format!("ip={ip}") }
}

fn read_devices(form: NodeRef<'_>, domain: &mut Domain, diagnostics: &mut Diagnostics) {
    for device in form.forms("device").flat_map(NodeRef::arguments).take(MAX_DEVICES) {
        match device.head() {
            Some("vif") => domain.vifs.push(vif::parse_sxp(device, diagnostics)),
            Some("pci") if domain.pci.len() < MAX_DEVICES => {
                domain.pci.extend(pci::parse_sxp(device, diagnostics));
            }
            Some(kind) => domain.devices.push(OtherDevice { kind: kind.to_owned(), values: values(device) }),
            None => {}
        }
    }
    for stray in ["vif", "pci", "vbd"].into_iter().flat_map(|name| form.forms(name)) {
        let name = stray.head().unwrap_or("");
        diagnostics.push(
            Diagnostic::new(
                &kinds::SXP_STRAY_DEVICE,
                stray.span(),
                format!("`({name} …)` must stand in a `(device …)`"),
            )
            .note("xend leaves it out")
            .help(format!("write `(device ({name} …))`")),
        );
    }
}

fn values(device: NodeRef<'_>) -> Vec<(String, String)> {
    let pair = |element: NodeRef<'_>| {
        let value = element.arguments().next()?.as_str()?;
        Some((element.head()?.to_owned(), value.to_owned()))
    };
    device.arguments().take(MAX_DEVICES).filter_map(pair).collect()
}

fn read_backends(form: NodeRef<'_>, domain: &mut Domain, diagnostics: &mut Diagnostics) {
    for kind in form.forms("backend").flat_map(NodeRef::arguments) {
        let name = kind.head().or(kind.as_str()).unwrap_or("");
        let backend = match name {
            "netif" => Backend::Netif,
            "blkif" => Backend::Blkif,
            _ => {
                let diagnostic = Diagnostic::new(
                    &kinds::SXP_BACKEND,
                    kind.span(),
                    format!("`{name}` is no kind of backend"),
                )
                .note("xend knows netif and blkif (and usbif and tpmif)")
                .help("write `(backend (netif))` or `(backend (blkif))`");
                if !matches!(name, "usbif" | "tpmif") {
                    diagnostics.push(match nearest(name, ["netif", "blkif"]) {
                        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                        None => diagnostic,
                    });
                }
                continue;
            }
        };
        domain.backends.push(Spanned::new(backend, kind.span()));
    }
}

/// All forms of the domain but its devices, as values. The first form of a name counts.
fn settings(form: NodeRef<'_>) -> Settings {
    let mut list: Vec<Setting> = Vec::new();
    for child in form.arguments() {
        let mut parts = child.children();
        let Some(name) = parts.next().and_then(NodeRef::text) else { continue };
        if list.len() < 1000 && !list.iter().any(|setting| setting.name == name.as_str()) {
            let value = form_value(child);
            list.push(Setting { name: name.as_str().to_owned(), name_span: name.span(), value });
        }
    }
    Settings::new(list)
}

/// The value of a form: its one argument, or the list of them.
pub(crate) fn form_value(form: NodeRef<'_>) -> Value {
    let mut arguments = form.arguments();
    if let (Some(only), None) = (arguments.next(), arguments.next()) {
        node_value(only, MAX_DEPTH)
    } else {
        let items = form.arguments().map(|argument| node_value(argument, MAX_DEPTH)).collect();
        Value::new(ValueKind::List(items), form.span())
    }
}

fn node_value(node: NodeRef<'_>, depth: usize) -> Value {
    let kind = match node.text() {
        Some(text) => ValueKind::Text(text.clone()),
        // Deeper than anything that xend ever wrote: shown as text.
        None if depth == 0 => ValueKind::Text(Text::whole("…".to_owned(), node.span())),
        None => ValueKind::List(node.children().map(|child| node_value(child, depth - 1)).collect()),
    };
    Value::new(kind, node.span())
}
