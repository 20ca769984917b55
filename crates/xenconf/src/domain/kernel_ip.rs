//! The `ip=…` of the kernel's command line, as xm made it of six variables (`preprocess_ip` in `create.py`).

use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::value::{Settings, Value};

/// The variables that make up the line.
const VARIABLES: [&str; 6] = ["dhcp", "ip", "netmask", "gateway", "hostname", "interface"];

/// What Linux takes as the way to configure itself (`Documentation/admin-guide/nfs/nfsroot.rst`).
const PROTOCOLS: [&str; 8] = ["off", "none", "on", "any", "dhcp", "bootp", "rarp", "both"];

fn text<'s>(settings: &'s Settings, name: &str) -> Option<&'s str> {
    settings.value(name).and_then(Value::as_str)
}

/// The line, when the variables ask for one.
pub(super) fn xm(settings: &Settings, diagnostics: &mut Diagnostics) -> Option<String> {
    if VARIABLES.iter().any(|name| settings.value(name).is_some_and(Value::is_unknown)) {
        return None;
    }
    let ip = text(settings, "ip").unwrap_or("");
    let dhcp = text(settings, "dhcp").unwrap_or("off");
    if ip.is_empty() && dhcp == "off" {
        question_unused(settings, diagnostics);
        return None;
    }
    if let Some(setting) = settings.get("dhcp").filter(|_| !PROTOCOLS.contains(&dhcp)) {
        diagnostics.push(
            Diagnostic::new(
                &kinds::KERNEL_IP_PROTOCOL,
                setting.value.span,
                format!("`{dhcp}` is no way in which the kernel configures itself"),
            )
            .note("the kernel's line becomes ip=…:".to_owned() + dhcp)
            .help("write `dhcp = 'dhcp'`, or leave it out"),
        );
    }
    let server = text(settings, "nfs_server").filter(|server| !server.is_empty()).unwrap_or("127.0.255.255");
    let part = |name: &str| text(settings, name).unwrap_or("");
    let interface = text(settings, "interface").unwrap_or("eth0");
    let (gateway, netmask, hostname) = (part("gateway"), part("netmask"), part("hostname"));
    Some(format!("ip={ip}:{server}:{gateway}:{netmask}:{hostname}:{interface}:{dhcp}"))
}

/// `gateway` and the like without `ip` or `dhcp` go nowhere.
fn question_unused(settings: &Settings, diagnostics: &mut Diagnostics) {
    let lone = ["netmask", "gateway"].into_iter().find_map(|name| settings.get(name));
    let Some(setting) = lone.filter(|setting| setting.value.as_str().is_some_and(|text| !text.is_empty()))
    else {
        return;
    };
    diagnostics.push(
        Diagnostic::new(
            &kinds::KERNEL_IP_UNUSED,
            setting.name_span,
            format!("`{}` does nothing without `ip` or `dhcp`", setting.name),
        )
        .note("xm makes an `ip=…` for the kernel only if `ip` is set or `dhcp` is not 'off'")
        .help("set `ip` as well, or delete the line"),
    );
}

/// xl knows none of the variables; the line that xm would have made goes into `extra`.
pub(super) fn xl(settings: &Settings, diagnostics: &mut Diagnostics) {
    let mut given = settings.iter().filter(|setting| VARIABLES.contains(&setting.name.as_str()));
    let Some(first) = given.next() else { return };
    let line = xm(settings, &mut Diagnostics::new());
    let mut diagnostic = Diagnostic::new(
        &kinds::XL_IGNORES_KERNEL_IP,
        first.name_span,
        format!("xl ignores `{}`", first.name),
    )
    .note(
        "xm made an `ip=…` for the guest's kernel out of dhcp, ip, netmask, gateway, hostname and interface",
    );
    for other in given {
        diagnostic = diagnostic.related(other.name_span, "and this one");
    }
    diagnostics.push(match line {
        Some(line) => diagnostic
            .help(format!("write `extra = '{line}'`, or add it to the `extra` or `cmdline` that is there")),
        None => diagnostic.help("delete it"),
    });
}
