//! The native configuration as TOML, with remarks for the one who reads it.

use super::{DEFAULT_ROUTE, Mode, Network, Networks};

impl Networks {
    /// The file. It reads back as the same networks.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::from("# The networks of this host, for dom0net.\n");
        if let Some(script) = &self.vif_script {
            out.push_str("\n# Connects an interface that names no script itself.\n");
            pair(&mut out, "vif-script", &string(script));
        }
        if let Some(words) = &self.guard {
            out.push_str("\n# What guests may send.\n");
            pair(&mut out, "guard", &string(words));
        }
        for network in &self.network {
            out.push_str("\n[[network]]\n");
            write_network(&mut out, network);
        }
        if self.network.is_empty() {
            out.push_str("\n# No network is known of what this was made of.\n");
        }
        out
    }
}

fn write_network(out: &mut String, network: &Network) {
    pair(out, "name", &string(&network.name));
    pair(out, "mode", &string(network.mode.name()));
    if let Some(bridge) = &network.bridge {
        pair(out, "bridge", &string(bridge));
    } else if network.mode == Mode::Bridge {
        out.push_str("# The bridge is called xenbr and the number of the uplink: xenbr0 for eth0.\n");
    }
    match &network.uplink {
        Some(uplink) => {
            if uplink == DEFAULT_ROUTE {
                out.push_str("# The device that the default route leads through.\n");
            }
            pair(out, "uplink", &string(uplink));
        }
        None => out.push_str("# No uplink: the guests reach each other and the host, and nobody else.\n"),
    }
    for (name, value) in [("antispoof", network.antispoof), ("stp", network.stp)] {
        if let Some(value) = value {
            pair(out, name, if value { "true" } else { "false" });
        }
    }
    for (name, value) in [
        ("guard", &network.guard),
        ("layout", &network.layout),
        ("subnet", &network.subnet),
        ("subnet6", &network.subnet6),
    ] {
        if let Some(value) = value {
            pair(out, name, &string(value));
        }
    }
    for (name, value) in [("dhcp", network.dhcp), ("dns", network.dns), ("isolated", network.isolated)] {
        if let Some(value) = value {
            pair(out, name, if value { "true" } else { "false" });
        }
    }
    if !network.forward.is_empty() {
        let ports: Vec<String> = network.forward.iter().map(|port| string(port)).collect();
        pair(out, "forward", &format!("[{}]", ports.join(", ")));
    }
}

fn pair(out: &mut String, name: &str, value: &str) {
    for part in [name, " = ", value, "\n"] {
        out.push_str(part);
    }
}

/// A basic string of TOML.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Four hexadecimal digits; no control character has more.
            c if c.is_control() => {
                out.push_str("\\u");
                out.extend(
                    [12, 8, 4, 0]
                        .iter()
                        .filter_map(|shift| char::from_digit(u32::from(c) >> shift & 0xf, 16)),
                );
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
