//! Debian's ifupdown with bridge-utils: `interfaces(5)`, `bridge-utils-interfaces(5)`.

use std::fmt::Write;

use ipnet::IpNet;

use super::{File, HEAD, Wanted, WantedRoute};

/// One file that `/etc/network/interfaces` takes in by its line `source /etc/network/interfaces.d/*`.
pub(super) fn files(wanted: &Wanted) -> Vec<File> {
    let Wanted { bridge, card, .. } = wanted;
    let mut text = format!(
        "{HEAD}# In place of what /etc/network/interfaces says of {card}. Needs the package bridge-utils.\n\
         iface {card} inet manual\n\nauto {bridge}\n"
    );
    push_four(&mut text, wanted);
    push_six(&mut text, wanted);
    vec![File::new(format!("/etc/network/interfaces.d/{bridge}"), text)]
}

fn push_four(text: &mut String, wanted: &Wanted) {
    let mut addresses = wanted.addresses_of(true);
    let first = addresses.next();
    let method = match first {
        _ if wanted.dhcp => "dhcp",
        Some(_) => "static",
        None => "manual",
    };
    let _ = writeln!(text, "iface {} inet {method}", wanted.bridge);
    let gateway = wanted.routes_of(true).find(|route| route.is_default());
    if let Some(address) = first.filter(|_| !wanted.dhcp) {
        push_address(text, address, gateway);
    }
    let _ = write!(
        text,
        "    bridge_ports {}\n    bridge_stp {}\n    bridge_fd {}\n",
        wanted.card,
        if wanted.stp { "on" } else { "off" },
        if wanted.stp { 15 } else { 0 }
    );
    if let Some(mac) = wanted.mac {
        let _ = writeln!(text, "    bridge_hw {mac}");
    }
    if let Some(mtu) = wanted.mtu {
        let _ = write!(
            text,
            "    pre-up ip link set dev {} mtu {mtu}\n    post-up ip link set dev $IFACE mtu {mtu}\n",
            wanted.card
        );
    }
    let rest: Vec<&IpNet> =
        if wanted.dhcp { wanted.addresses_of(true).collect() } else { addresses.collect() };
    push_rest(text, &rest, wanted.routes_of(true).filter(|route| !route.is_default()));
}

fn push_six(text: &mut String, wanted: &Wanted) {
    let mut addresses = wanted.addresses_of(false);
    let automatic = wanted.autoconf || wanted.dhcp6;
    let first = if automatic { None } else { addresses.next() };
    let method = match first {
        _ if wanted.autoconf => "auto",
        _ if wanted.dhcp6 => "dhcp",
        Some(_) => "static",
        None => return,
    };
    let _ = write!(text, "\niface {} inet6 {method}\n", wanted.bridge);
    if let Some(address) = first {
        push_address(text, address, wanted.routes_of(false).find(|route| route.is_default()));
    }
    let rest: Vec<&IpNet> = addresses.collect();
    push_rest(text, &rest, wanted.routes_of(false).filter(|route| !route.is_default()));
}

fn push_address(text: &mut String, address: &IpNet, default: Option<&WantedRoute>) {
    let _ = writeln!(text, "    address {address}");
    if let Some(gateway) = default.and_then(|route| route.gateway) {
        let _ = writeln!(text, "    gateway {gateway}");
    }
    if let Some(metric) = default.and_then(|route| route.metric) {
        let _ = writeln!(text, "    metric {metric}");
    }
}

/// For what `interfaces(5)` has no words.
fn push_rest<'a>(text: &mut String, addresses: &[&IpNet], routes: impl Iterator<Item = &'a WantedRoute>) {
    for address in addresses {
        let _ = writeln!(text, "    up ip address add {address} dev $IFACE");
    }
    for route in routes {
        let _ = write!(text, "    up ip route add {}", route.destination);
        if let Some(gateway) = route.gateway {
            let _ = write!(text, " via {gateway}");
        }
        let metric = route.metric.map_or_else(String::new, |metric| format!(" metric {metric}"));
        let _ = writeln!(text, " dev $IFACE{metric}");
    }
}
