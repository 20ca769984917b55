//! What a spec means, in words; and whether the real program takes it.

use super::{Effective, Toolstack, Vif};
use crate::diagnostic::{Diagnostics, Kind, Severity, kinds};
use crate::mac::XEN_PREFIX;
use crate::script;

/// One setting of an interface, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The key.
    pub key: &'static str,
    /// The value, with defaults filled in.
    pub value: String,
    /// True when it was given, false for a default.
    pub given: bool,
    /// What it means.
    pub meaning: String,
}

/// True when the program would not take the spec: xl as arguments of `network-attach`, which is strict; xm in a
/// configuration, which lets pass what it does not look into.
#[must_use]
pub fn is_refused(toolstack: Toolstack, diagnostics: &Diagnostics) -> bool {
    let xm: [&'static Kind; 2] = [&kinds::VIF_UNKNOWN_KEY, &kinds::VIF_NO_VALUE];
    let xl: [&'static Kind; 8] = [
        &kinds::VIF_UNKNOWN_KEY,
        &kinds::VIF_NO_VALUE,
        &kinds::VIF_BLANK_IN_KEY,
        &kinds::VIF_TYPE,
        &kinds::MAC_INVALID,
        &kinds::RATE_SYNTAX,
        &kinds::RATE_RANGE,
        &kinds::NUMBER_INVALID,
    ];
    let refused: &[&Kind] = match toolstack {
        Toolstack::Xm => &xm,
        Toolstack::Xl => &xl,
    };
    diagnostics.iter().any(|found| {
        found.severity == Severity::Error && refused.iter().any(|kind| kind.code == found.kind.code)
    })
}

/// Every setting of an interface in words, those that were not given among them.
#[must_use]
pub fn explain(vif: &Vif, effective: &Effective, toolstack: Toolstack) -> Vec<Explained> {
    let mut lines = Vec::new();
    let mut line = |key: &'static str, value: Option<String>, meaning: String| {
        if let Some(value) = value {
            lines.push(Explained { key, value, given: vif.value(key).is_some(), meaning });
        }
    };
    match effective.mac {
        Some(mac) => line("mac", Some(mac.to_string()), mac_kind(mac)),
        None => line("mac", Some("generated".to_owned()), generated(toolstack).to_owned()),
    }
    match &effective.bridge {
        Some(bridge) => {
            line("bridge", Some(bridge.clone()), "the bridge that the interface is plugged into".to_owned());
        }
        None => line(
            "bridge",
            Some("none".to_owned()),
            "vif-bridge takes the first bridge of the host".to_owned(),
        ),
    }
    let path = script::path(&effective.script);
    line("script", Some(effective.script.clone()), format!("connects the interface: {path}"));
    let addresses = (!effective.ip.is_empty()).then(|| {
        let shown = effective.ip.iter().map(|net| {
            if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
        });
        shown.collect::<Vec<_>>().join(" ")
    });
    line("ip", addresses, "what the guest may send with, and where routes for it lead".to_owned());
    line(
        "vifname",
        effective.vifname.clone(),
        "the device's name on the host, in place of vifDOMAIN.NUMBER".to_owned(),
    );
    if let Some(rate) = effective.rate {
        let meaning = match rate.bytes_per_second() {
            Some(bytes) => format!(
                "{} bytes each {} microseconds: {bytes} bytes per second",
                rate.bytes_per_interval, rate.interval_usecs
            ),
            None => "no limit".to_owned(),
        };
        line("rate", Some(rate.to_string()), meaning);
    }
    let mtu_meaning = if vif.mtu.is_some_and(|mtu| mtu.value != 1500) {
        "the largest packet, in bytes"
    } else {
        "not set: the bridge's MTU"
    };
    line("mtu", effective.mtu.map(|mtu| mtu.to_string()), mtu_meaning.to_owned());
    let kind = match effective.kind {
        super::VifType::Vif => "a paravirtual interface",
        super::VifType::Ioemu => "an emulated card beside the paravirtual interface",
    };
    line("type", Some(effective.kind.name().to_owned()), kind.to_owned());
    line("model", effective.model.clone(), "the emulated card, if there is one".to_owned());
    line("backend", Some(effective.backend.clone()), "the domain that serves the interface".to_owned());
    line(
        "gatewaydev",
        effective.gatewaydev.clone(),
        "the device on which the host answers for the guest".to_owned(),
    );
    if let Some((text, vlans)) = &vif.vlan {
        let meaning = vlans.as_ref().map_or_else(
            || "cannot be read".to_owned(),
            |vlans| {
                let shown = vlans.iter().map(|vlan| match (vlan.pvid, vlan.untagged) {
                    (true, _) => format!("{} (untagged frames of the guest)", vlan.id),
                    (false, true) => format!("{} (untagged towards the guest)", vlan.id),
                    (false, false) => vlan.id.to_string(),
                });
                shown.take(64).collect::<Vec<_>>().join(", ")
            },
        );
        line("vlan", Some(text.as_str().to_owned()), meaning);
    }
    if toolstack == Toolstack::Xl {
        let trusted = if effective.trusted {
            "the guest trusts the backend"
        } else {
            "the guest protects itself from the backend"
        };
        line("trusted", Some(effective.trusted.to_string()), trusted.to_owned());
    }
    line("devid", Some(effective.devid.to_string()), format!("eth{} in the guest", effective.devid));
    lines
}

fn mac_kind(mac: ethernet::MacAddress) -> String {
    let octets = mac.octets();
    if mac.is_multicast() {
        "a multicast address, which no interface can have"
    } else if mac.is_locally_administered() {
        "locally administered: an address of your own"
    } else if octets.starts_with(&XEN_PREFIX) {
        "with Xen's prefix"
    } else {
        "in the range of a manufacturer"
    }
    .to_owned()
}

const fn generated(toolstack: Toolstack) -> &'static str {
    match toolstack {
        Toolstack::Xm => "Xen's prefix and 23 random bits, new at each `xm create`",
        Toolstack::Xl => "Xen's prefix and 23 random bits, new at each `xl create`, kept over reboots",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;
    use crate::text::Text;
    use crate::vif::{Context, Defaults, parse};

    fn read(spec: &str, toolstack: Toolstack) -> (Vec<Explained>, bool) {
        let mut diagnostics = Diagnostics::new();
        let text = Text::verbatim(spec.to_owned(), 0, Span::new(0, spec.len()));
        let vif = parse(&text, toolstack, &mut diagnostics);
        let effective = vif.effective(&Context::new(toolstack), &Defaults::default(), 0);
        (explain(&vif, &effective, toolstack), is_refused(toolstack, &diagnostics))
    }

    #[test]
    fn what_the_real_program_refuses_is_told() {
        for (spec, xm, xl) in [
            ("", false, false),
            ("mac=00:16:3e:00:00:01,bridge=xenbr0", false, false),
            ("bridge=xenbr0,", true, false),
            ("brigde=xenbr0", true, true),
            ("mac=zz", false, true),
            ("mac=00:16:3e:00:00:01junk", false, false),
            ("type=netfront", false, true),
            ("rate=10", false, true),
            ("rate=1B/s@1us", false, false),
            ("mtu=x", true, true),
            ("mtu=9000", true, false),
            ("untrusted", true, false),
            ("mac", true, true),
            ("policy=x", false, true),
            ("ip=nonsense", false, false),
        ] {
            assert_eq!(read(spec, Toolstack::Xm).1, xm, "xm: {spec}");
            assert_eq!(read(spec, Toolstack::Xl).1, xl, "xl: {spec}");
        }
    }

    #[test]
    fn defaults_are_told_apart_from_what_was_given() {
        let (lines, _) = read("mac=00:16:3e:00:00:01,rate=10MB/s", Toolstack::Xl);
        let line = |key: &str| lines.iter().find(|line| line.key == key).unwrap();
        assert!(line("mac").given && !line("bridge").given);
        assert_eq!(line("bridge").value, "xenbr0");
        assert_eq!(line("rate").meaning, "500000 bytes each 50000 microseconds: 10000000 bytes per second");
    }
}
