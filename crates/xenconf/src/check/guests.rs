//! What a guest's interfaces ask for and the host cannot give.

use super::host::{Bridges, HostFacts, Mode};
use crate::diagnostic::{Diagnostic, Severity, kinds};
use crate::domain::Domain;
use crate::suggest::nearest;
use crate::text::Text;
use crate::vif::{Effective, Toolstack, Vif};

pub(super) fn check(domain: &Domain, host: &HostFacts) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let defaults = host.defaults(domain.toolstack());
    for (vif, effective) in domain.vifs.iter().zip(domain.effective_vifs(defaults)) {
        let script = effective.script.split(' ').next().unwrap_or("");
        let mode = Mode::of_vif_script(script);
        found.extend(missing_ip(vif, script, mode));
        found.extend(unguarded(vif, host, mode));
        found.extend(missing_bridge(vif, &effective, host, mode, domain.toolstack()));
        found.extend(openvswitch_bridge(vif, mode));
        found.extend(unhonoured(vif, script, mode));
        found.extend(wrong_script(vif, script));
        found.extend(backend(vif, domain, host));
    }
    found
}

fn missing_ip(vif: &Vif, script: &str, mode: Option<Mode>) -> Option<Diagnostic> {
    if mode != Some(Mode::Route) || vif.ip.is_some() {
        return None;
    }
    let place = vif.script.as_ref().map_or(vif.span, Text::span);
    Some(
        Diagnostic::new(&kinds::IP_MISSING, place, "a routed interface needs `ip=`")
            .note(format!(
                "without it, {script} does not know where to route packets for the guest, and none arrives"
            ))
            .help("write the guest's addresses: `ip=10.0.0.1`"),
    )
}

fn unguarded(vif: &Vif, host: &HostFacts, mode: Option<Mode>) -> Option<Diagnostic> {
    if !host.antispoof || vif.ip.is_some() || mode != Some(Mode::Bridge) {
        return None;
    }
    Some(
        Diagnostic::new(
            &kinds::IP_UNGUARDED,
            vif.span,
            "antispoofing is on, but this interface has no `ip=`",
        )
        .note("without addresses to hold it to, the guest may send with any")
        .help("write the guest's addresses: `ip=10.0.0.1`"),
    )
}

fn missing_bridge(
    vif: &Vif,
    effective: &Effective,
    host: &HostFacts,
    mode: Option<Mode>,
    toolstack: Toolstack,
) -> Option<Diagnostic> {
    let Bridges::Known(bridges, from) = host.bridges() else { return None };
    let wanted =
        effective.bridge.as_deref().filter(|_| mode == Some(Mode::Bridge) && effective.backend == "0")?;
    // vif-bridge takes eth0 for a missing xenbr0.
    let translated = wanted.strip_prefix("xenbr").map(|number| format!("eth{number}"));
    let exists = |name: &str| bridges.iter().any(|bridge| bridge == name);
    if exists(wanted) || translated.as_deref().is_some_and(exists) || wanted.is_empty() {
        return None;
    }
    let given = vif.bridge.as_ref();
    let place = given.map_or(vif.span, Text::span);
    let message = match given {
        Some(_) => format!("nothing makes a bridge `{wanted}`"),
        None => format!("no bridge is given; {} takes `{wanted}`, which nothing makes", toolstack.name()),
    };
    let list = if bridges.is_empty() { "none".to_owned() } else { bridges.join(", ") };
    let diagnostic = Diagnostic::new(&kinds::BRIDGE_MISSING, place, message)
        .note(format!("the bridges of {from} are: {list}"));
    Some(match (nearest(wanted, bridges.iter().map(String::as_str)), given) {
        (Some(meant), Some(_)) => diagnostic.help(format!("did you mean `{meant}`?")).replace(place, meant),
        _ => diagnostic.help("name a bridge that exists, or have the host make this one"),
    })
}

/// vif-openvswitch takes `name[.tag][:trunk…]`.
fn openvswitch_bridge(vif: &Vif, mode: Option<Mode>) -> Option<Diagnostic> {
    let bridge = vif.bridge.as_ref().filter(|_| mode == Some(Mode::OpenVSwitch))?;
    let (name, trunks) = match bridge.as_str().split_once(':') {
        Some((name, trunks)) => (name, Some(trunks)),
        None => (bridge.as_str(), None),
    };
    let (name, tag) = match name.split_once('.') {
        Some((name, tag)) => (name, Some(tag)),
        None => (name, None),
    };
    let is_vlan = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u16>().is_ok_and(|vlan| vlan < 4095)
    };
    let good = !name.is_empty()
        && tag.is_none_or(is_vlan)
        && trunks.is_none_or(|trunks| trunks.split(':').all(is_vlan));
    (!good).then(|| {
        Diagnostic::new(
            &kinds::BRIDGE_OPENVSWITCH,
            bridge.span(),
            format!("vif-openvswitch cannot read `{}`", bridge.as_str()),
        )
        .note("the interface does not come up")
        .help("write `NAME`, `NAME.TAG` or `NAME.TAG:TRUNK:TRUNK` with numbers up to 4094")
    })
}

/// Keys that mean nothing with this script.
fn unhonoured(vif: &Vif, script: &str, mode: Option<Mode>) -> Vec<Diagnostic> {
    let Some(mode) = mode else { return Vec::new() };
    let mut found = Vec::new();
    let mut ignored = |text: &Text, key: &str, why: &str, help: &str, severity: Severity| {
        found.push(
            Diagnostic::new(
                &kinds::KEY_UNHONOURED,
                text.span(),
                format!("{script} does nothing with `{key}`"),
            )
            .severity(severity)
            .note(why.to_owned())
            .help(help.to_owned()),
        );
    };
    let routed = matches!(mode, Mode::Route | Mode::Nat);
    if let Some((text, _)) = &vif.vlan {
        match mode {
            Mode::Bridge => {}
            Mode::OpenVSwitch => ignored(
                text,
                "vlan",
                "Open vSwitch takes the VLANs with the bridge's name",
                "write `bridge=NAME.TAG:TRUNK`",
                Severity::Warning,
            ),
            Mode::Route | Mode::Nat => ignored(
                text,
                "vlan",
                "a routed interface is on no bridge, and so in no VLAN",
                "delete the key, or connect the guest to a bridge",
                Severity::Warning,
            ),
        }
    }
    if let Some(text) = vif.bridge.as_ref().filter(|_| routed) {
        ignored(text, "bridge", "a routed interface is on no bridge", "delete the key", Severity::Warning);
    }
    if let Some(text) = vif.gatewaydev.as_ref().filter(|_| !routed) {
        ignored(text, "gatewaydev", "it is for routed interfaces", "delete the key", Severity::Warning);
    }
    found
}

/// `script=network-bridge`: the book's own example calls the wrong script.
fn wrong_script(vif: &Vif, script: &str) -> Option<Diagnostic> {
    let given = vif.script.as_ref()?;
    let mode = Mode::of_network_script(script).filter(|_| script.rsplit('/').next() != Some("network"))?;
    let wanted = mode.vif_script();
    Some(
        Diagnostic::new(
            &kinds::SCRIPT_OF_HOST,
            given.span(),
            format!("`{script}` prepares the host; it does not connect an interface"),
        )
        .note(
            "a host's script called for an interface does nothing for it, or takes the host's network apart",
        )
        .help(format!("write `script={wanted}`"))
        .replace(given.span(), wanted),
    )
}

/// A backend domain that is configured, but not to serve interfaces.
fn backend(vif: &Vif, domain: &Domain, host: &HostFacts) -> Option<Diagnostic> {
    let name = vif.backend.as_ref().filter(|name| Some(name.as_str()) != domain.name())?;
    let place = name.span();
    if host.serves_network.get(name.as_str()) != Some(&false) {
        return None;
    }
    let wanted = match domain.toolstack() {
        Toolstack::Xm => "netif = 1",
        Toolstack::Xl => "driver_domain = 1",
    };
    Some(
        Diagnostic::new(
            &kinds::BACKEND_NOT_SERVING,
            place,
            format!("the domain `{}` is not configured to serve interfaces", name.as_str()),
        )
        .help(format!("write `{wanted}` in its configuration")),
    )
}
