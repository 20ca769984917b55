//! Networks of the native configuration, in the words of the scripts that make them.

use std::ffi::OsString;

use dom0net::guard::check_words;
use dom0net::network::Arguments;
use dom0net::routed::{NatArguments, RouteArguments};
use xenconf::check::{Content, Reading};
use xenconf::diagnostic::{Diagnostic, kinds};
use xenconf::native::{DEFAULT_ROUTE, Mode, Network, place};
use xenconf::script::Script;

/// The script that makes this network, with its words.
pub(crate) fn call(network: &Network) -> Script {
    let behind_the_host = network.mode == Mode::Nat || network.subnet.is_some();
    let name = match network.mode {
        Mode::Bridge => "network-bridge",
        _ if behind_the_host => "network-nat",
        _ => "network-route",
    };
    let mut arguments = Vec::new();
    let mut push = |key: &str, value: Option<&str>| {
        arguments.extend(value.map(|value| format!("{key}={value}")));
    };
    let truth = |value: Option<bool>| value.map(|value| if value { "yes" } else { "no" });
    push("bridge", network.bridge.as_deref());
    match network.uplink.as_deref() {
        Some(DEFAULT_ROUTE) => {}
        // A bridge without an uplink has no device; another network leaves by any.
        None if network.mode == Mode::Bridge => push("netdev", Some("none")),
        uplink => push("netdev", uplink),
    }
    push("antispoof", truth(network.antispoof));
    push("stp", truth(network.stp));
    push("layout", network.layout.as_deref());
    push("subnet", network.subnet.as_deref());
    push("subnet6", network.subnet6.as_deref());
    push("dhcp", truth(network.dhcp));
    push("dns", truth(network.dns));
    push("isolated", truth(network.isolated));
    if network.mode == Mode::Route && behind_the_host {
        push("nat", Some("no"));
    }
    let forward = network.forward.join(",");
    push("forward", Some(forward.as_str()).filter(|ports| !ports.is_empty()));
    Script { name: name.to_owned(), arguments }
}

/// Finds fault with the values of a file of networks: what the scripts and the guard would say of them.
pub(crate) fn judge(reading: &mut Reading) {
    let Content::Networks(networks) = &reading.content else { return };
    let mut faults: Vec<(Option<usize>, &str, String)> = Vec::new();
    let guards = networks.guard.iter().map(|words| (None, words));
    let guards = guards.chain(
        networks
            .network
            .iter()
            .enumerate()
            .filter_map(|(number, network)| Some((Some(number), network.guard.as_ref()?))),
    );
    for (number, words) in guards {
        faults.extend(
            check_words(words, number.is_some()).err().map(|error| (number, "guard", error.to_string())),
        );
    }
    for (number, network) in networks.network.iter().enumerate() {
        let script = call(network);
        // Word by word, so that each fault is found where it stands; and then what they are together.
        let words = script.arguments.iter().filter_map(|word| Some((key_of(word)?, word)));
        let each = words.filter_map(|(key, word)| Some((key, fault_of(&script, [word])?)));
        let mut found: Vec<(&str, String)> = each.collect();
        if found.is_empty() {
            found.extend(fault_of(&script, &script.arguments).map(|fault| (together(&fault), fault)));
        }
        faults.extend(found.into_iter().map(|(key, fault)| (Some(number), key, fault)));
    }
    for (number, key, fault) in faults {
        let span = place(reading.source.text(), number, key);
        reading.diagnostics.push(Diagnostic::new(&kinds::NATIVE_IMPOSSIBLE, span, fault));
    }
    reading.diagnostics.sort();
}

/// The key of the file that a script's word comes from.
fn key_of(word: &str) -> Option<&'static str> {
    let keys = [
        ("netdev", "uplink"),
        ("bridge", "bridge"),
        ("layout", "layout"),
        ("subnet", "subnet"),
        ("subnet6", "subnet6"),
        ("forward", "forward"),
    ];
    let (name, _) = word.split_once('=')?;
    keys.into_iter().find(|(own, _)| *own == name).map(|(_, key)| key)
}

/// The key that a fault of several words is about: forwards that meet are the only ones.
fn together(fault: &str) -> &'static str {
    if fault.contains(':') { "forward" } else { "name" }
}

/// What a script says of words, if it does not take them.
fn fault_of<'a>(script: &Script, words: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let words = [OsString::from("start")].into_iter().chain(words.into_iter().map(OsString::from));
    match script.base_name() {
        "network-bridge" => Arguments::parse(words).err().map(|error| error.to_string()),
        "network-nat" => NatArguments::parse(words).err().map(|error| error.to_string()),
        _ => RouteArguments::parse(words).err().map(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use xenconf::native::Networks;

    use super::*;

    fn words(text: &str) -> String {
        let networks = Networks::from_toml(&format!("[[network]]\nname = \"a\"\n{text}")).unwrap();
        let script = call(&networks.network[0]);
        format!("{} {}", script.base_name(), script.arguments.join(" "))
    }

    #[test]
    fn each_mode_is_a_script() {
        for (text, script) in [
            ("mode = \"bridge\"\nuplink = \"eth0\"\nstp = true", "network-bridge netdev=eth0 stp=yes"),
            ("mode = \"bridge\"\nuplink = \"default-route\"", "network-bridge "),
            ("mode = \"bridge\"\nbridge = \"private0\"", "network-bridge bridge=private0 netdev=none"),
            ("mode = \"route\"\nuplink = \"eth1\"", "network-route netdev=eth1"),
            (
                "mode = \"nat\"\nbridge = \"nat0\"\nsubnet = \"10.1.0.0/24\"\ndhcp = true\nforward = [\"tcp:80:10.1.0.2\"]",
                "network-nat bridge=nat0 subnet=10.1.0.0/24 dhcp=yes forward=tcp:80:10.1.0.2",
            ),
            (
                "mode = \"route\"\nbridge = \"br0\"\nsubnet = \"198.51.100.1/28\"",
                "network-nat bridge=br0 subnet=198.51.100.1/28 nat=no",
            ),
        ] {
            assert_eq!(words(text), script);
        }
    }
}
