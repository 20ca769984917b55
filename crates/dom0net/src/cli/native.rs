//! Networks of the native configuration, in the words of the scripts that make them.

use xenconf::native::{DEFAULT_ROUTE, Mode, Network};
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
