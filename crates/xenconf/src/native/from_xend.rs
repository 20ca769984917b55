//! Networks out of `xend-config.sxp` and a wrapper script.

use super::{Call, DEFAULT_ROUTE, Mode, Network, Networks, calls};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::script::Script;
use crate::source::{Source, Span};
use crate::text::Text;
use crate::xend::{XendConfig, truth};

/// The prefix that Xen's network-nat gives to guests.
const NAT_SUBNET: &str = "10.0.0.0/16";

impl Networks {
    /// The networks that xend's configuration makes. When its network script is none of Xen's, `wrapper` is that
    /// script's text, and the calls in it count.
    #[must_use]
    pub fn from_xend(config: &XendConfig, wrapper: Option<&Source>, diagnostics: &mut Diagnostics) -> Self {
        let vif_script = config.vif_script.as_ref().map(|script| script.name.clone());
        let mut networks = Self { vif_script, guard: None, network: Vec::new() };
        diagnostics.extend(arguments_of_vif_script(config));
        let Some(script) = &config.network_script else { return networks };
        let place = config.network_script_text.as_ref().map(Text::span);
        let mut add =
            |name: &str, arguments: &[String], place: Option<Span>, diagnostics: &mut Diagnostics| {
                let number = networks.network.len();
                if let Some(network) = network(name, arguments, number, place, diagnostics) {
                    networks.network.push(network);
                }
            };
        if script.is_xens_network_script() {
            add(script.base_name(), &arguments_as_run(script, config), place, diagnostics);
        } else if let Some(wrapper) = wrapper {
            for Call { script, arguments, span } in calls(wrapper, diagnostics) {
                add(&script, &arguments, Some(span), diagnostics);
            }
        } else {
            diagnostics.push(own_script(script, place));
        }
        networks.make_names_unique();
        networks
    }

    /// The networks that a wrapper script makes by itself.
    #[must_use]
    pub fn from_wrapper(wrapper: &Source, diagnostics: &mut Diagnostics) -> Self {
        let mut networks = Self::default();
        for Call { script, arguments, span } in calls(wrapper, diagnostics) {
            let number = networks.network.len();
            networks.network.extend(network(&script, &arguments, number, Some(span), diagnostics));
        }
        networks.make_names_unique();
        networks
    }

    fn make_names_unique(&mut self) {
        for index in 0..self.network.len() {
            let (before, rest) = self.network.split_at_mut(index);
            let Some(network) = rest.first_mut() else { continue };
            let base = network.name.clone();
            let mut count = 2;
            while before.iter().any(|other| other.name == network.name) {
                network.name = format!("{base}-{count}");
                count += 1;
            }
        }
    }
}

/// The arguments with which xend runs a script of Xen's. That of Xen 2.0 got two of xend's own options.
fn arguments_as_run(script: &Script, config: &XendConfig) -> Vec<String> {
    let mut arguments = Vec::new();
    if script.base_name() == "network" {
        arguments.push(format!("bridge={}", config.vif_bridge.as_deref().unwrap_or("xen-br0")));
        arguments.extend(
            config.vif_antispoof.map(|truth| format!("antispoof={}", if truth { "yes" } else { "no" })),
        );
    }
    arguments.extend(script.arguments.iter().cloned());
    arguments
}

/// xend handed them to the script; nothing does so today.
fn arguments_of_vif_script(config: &XendConfig) -> Option<Diagnostic> {
    let script = config.vif_script.as_ref().filter(|script| !script.arguments.is_empty())?;
    let place = config.vif_script_text.as_ref().map(Text::span);
    let message = format!("the arguments of `{}` have no counterpart", script.name);
    Some(
        Diagnostic::new(&kinds::NATIVE_UNKNOWN_ARGUMENT, place, message)
            .note("a script is run for an interface without arguments")
            .help("say it in each interface: `bridge=`, `ip=`, `gatewaydev=`"),
    )
}

fn own_script(script: &Script, place: Option<Span>) -> Diagnostic {
    Diagnostic::new(&kinds::NATIVE_OWN_SCRIPT, place, format!("`{}` is a script of your own", script.name))
        .note("which networks it makes is not known without reading it")
        .help("give the script along with this file; calls of network-bridge in it are understood")
}

/// One call of a network script: `None` when it makes no network.
fn network(
    script: &str,
    arguments: &[String],
    number: usize,
    place: Option<Span>,
    diagnostics: &mut Diagnostics,
) -> Option<Network> {
    let value = |name: &str| {
        let words = arguments.iter().rev().filter_map(|word| word.split_once('='));
        words
            .filter(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| value.to_owned())
            .next()
    };
    let mode = match script {
        "network-bridge" | "network" => Mode::Bridge,
        "network-route" => Mode::Route,
        "network-nat" => Mode::Nat,
        _ => return None,
    };
    if value("bridge").as_deref() == Some("null") {
        return None;
    }
    let vifnum = value("vifnum");
    let netdev = value("netdev").or_else(|| vifnum.as_ref().map(|number| format!("eth{number}")));
    // A dummy device stands for "no device" in scripts that could not do without one.
    let is_private =
        mode == Mode::Bridge && netdev.as_ref().is_some_and(|device| device.starts_with("dummy"));
    let bridge = match mode {
        Mode::Bridge => value("bridge").or_else(|| vifnum.map(|number| format!("xenbr{number}"))),
        Mode::Route | Mode::Nat => None,
    };
    let default_name = match (mode, number) {
        (Mode::Bridge, 0) => "lan".to_owned(),
        (Mode::Bridge, number) => format!("lan{number}"),
        (mode, _) => mode.name().to_owned(),
    };
    let mut network = Network::new(bridge.clone().unwrap_or(default_name), mode);
    network.bridge = bridge;
    network.uplink = (!is_private).then(|| netdev.unwrap_or_else(|| DEFAULT_ROUTE.to_owned()));
    for (name, field) in [("antispoof", &mut network.antispoof), ("stp", &mut network.stp)] {
        *field = value(name).and_then(|value| truth(&value));
    }
    if mode == Mode::Nat {
        network.subnet = Some(NAT_SUBNET.to_owned());
        network.dhcp = value("dhcp").and_then(|value| truth(&value));
    }
    let known =
        ["bridge", "netdev", "vifnum", "antispoof", "stp", "dhcp", "nloopbacks", "pdev", "veth", "vif0"];
    for word in
        arguments.iter().filter_map(|word| word.split_once('=')).filter(|(name, _)| !known.contains(name))
    {
        diagnostics.push(
            Diagnostic::new(
                &kinds::NATIVE_UNKNOWN_ARGUMENT,
                place,
                format!("`{}={}` has no counterpart", word.0, word.1),
            )
            .help("say what it was for in the new configuration, if it is still needed"),
        );
    }
    Some(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xend;

    fn networks(config: &str, wrapper: Option<&str>) -> (Networks, Vec<&'static str>) {
        let mut diagnostics = Diagnostics::new();
        let config = xend::read(&Source::new("xend-config.sxp", config.as_bytes()), &mut diagnostics);
        let wrapper = wrapper.map(|text| Source::new("wrapper", text.as_bytes()));
        let networks = Networks::from_xend(&config, wrapper.as_ref(), &mut diagnostics);
        (networks, diagnostics.into_iter().map(|found| found.kind.code).collect())
    }

    fn shown(networks: &Networks) -> Vec<String> {
        let show = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        networks
            .network
            .iter()
            .map(|network| {
                format!(
                    "{} {} {} {}",
                    network.name,
                    network.mode.name(),
                    show(&network.bridge),
                    show(&network.uplink)
                )
            })
            .collect()
    }

    #[test]
    fn a_plain_script_makes_one_network() {
        for (config, expected) in [
            ("(network-script network-bridge)", "lan bridge - default-route"),
            ("(network-script 'network-bridge vifnum=1')", "xenbr1 bridge xenbr1 eth1"),
            ("(network-script 'network-bridge bridge=foo netdev=eth1')", "foo bridge foo eth1"),
            ("(network-script 'network-bridge bridge=xenbr1 netdev=dummy0')", "xenbr1 bridge xenbr1 -"),
            ("(network-script /etc/xen/scripts/network-nat)", "nat nat - default-route"),
            ("(network-script 'network-route netdev=eth2')", "route route - eth2"),
            ("(network-script network)", "xen-br0 bridge xen-br0 default-route"),
            ("(network-script network)(vif-bridge br7)", "br7 bridge br7 default-route"),
        ] {
            assert_eq!(shown(&networks(config, None).0), [expected], "{config}");
        }
        for none in [
            "(network-script 'network-bridge bridge=null')",
            "(network-script network-dummy)",
            "(network-script '')",
            "",
        ] {
            assert_eq!(shown(&networks(none, None).0), [""; 0], "{none}");
        }
    }

    #[test]
    fn the_wrapper_of_several_bridges_becomes_several_networks() {
        let wrapper = "#!/bin/sh\ndir=$(dirname \"$0\")\n\"$dir/network-bridge\" \"$@\" vifnum=0\n\"$dir/network-bridge\" \"$@\" vifnum=1 netdev=dummy0\n";
        let (networks, codes) =
            networks("(network-script my-wrapper)\n(vif-script vif-bridge)", Some(wrapper));
        assert_eq!(shown(&networks), ["xenbr0 bridge xenbr0 eth0", "xenbr1 bridge xenbr1 -"]);
        assert_eq!(networks.vif_script.as_deref(), Some("vif-bridge"));
        assert_eq!(codes, [""; 0]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(networks("(network-script my-wrapper)", None).1, [kinds::NATIVE_OWN_SCRIPT.code]);
        assert_eq!(
            networks("(network-script 'network-bridge foo=1')", None).1,
            [kinds::NATIVE_UNKNOWN_ARGUMENT.code]
        );
        assert_eq!(
            networks("(vif-script 'vif-bridge bridge=x')", None).1,
            [kinds::NATIVE_UNKNOWN_ARGUMENT.code]
        );
    }

    #[test]
    fn names_are_made_unique() {
        let wrapper = "network-nat start\nnetwork-nat start netdev=eth1\n";
        assert_eq!(
            shown(&networks("(network-script w)", Some(wrapper)).0),
            ["nat nat - default-route", "nat-2 nat - eth1"]
        );
    }
}
