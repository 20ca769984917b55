//! systemd-networkd: `systemd.netdev(5)` and `systemd.network(5)`.

use std::fmt::Write;

use super::{File, HEAD, Wanted, WantedRoute, yes};

const FOLDER: &str = "/etc/systemd/network";

/// The bridge, the card, and what the bridge has; three files, as networkd wants it.
pub(super) fn files(wanted: &Wanted) -> Vec<File> {
    let path = |ending: &str| format!("{FOLDER}/10-{}{ending}", wanted.bridge);
    vec![
        File::new(path(".netdev"), netdev(wanted)),
        File::new(path("-uplink.network"), uplink(wanted)),
        File::new(path(".network"), network(wanted)),
    ]
}

fn netdev(wanted: &Wanted) -> String {
    let mut text = format!("{HEAD}[NetDev]\nName={}\nKind=bridge\n", wanted.bridge);
    if let Some(mac) = wanted.mac {
        let _ = writeln!(text, "MACAddress={mac}");
    }
    if let Some(mtu) = wanted.mtu {
        let _ = writeln!(text, "MTUBytes={mtu}");
    }
    let _ = write!(text, "\n[Bridge]\nSTP={}\n", yes(wanted.stp));
    if !wanted.stp {
        text.push_str("ForwardDelaySec=0\n");
    }
    text
}

fn uplink(wanted: &Wanted) -> String {
    let mut text = format!("{HEAD}[Match]\nName={}\n", wanted.card);
    if let Some(mtu) = wanted.mtu {
        let _ = write!(text, "\n[Link]\nMTUBytes={mtu}\n");
    }
    let _ = write!(text, "\n[Network]\nBridge={}\nLinkLocalAddressing=no\n", wanted.bridge);
    text
}

fn network(wanted: &Wanted) -> String {
    let dhcp = match (wanted.dhcp, wanted.dhcp6) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    let mut text = format!(
        "{HEAD}[Match]\nName={}\n\n[Network]\nDHCP={dhcp}\nIPv6AcceptRA={}\n",
        wanted.bridge,
        yes(wanted.autoconf)
    );
    for address in &wanted.addresses {
        let _ = writeln!(text, "Address={address}");
    }
    wanted.routes.iter().for_each(|route| push_route(&mut text, route));
    text
}

fn push_route(text: &mut String, route: &WantedRoute) {
    let _ = write!(text, "\n[Route]\nDestination={}\n", route.destination);
    match route.gateway {
        Some(gateway) => {
            let _ = writeln!(text, "Gateway={gateway}");
        }
        None => text.push_str("Scope=link\n"),
    }
    if let Some(metric) = route.metric {
        let _ = writeln!(text, "Metric={metric}");
    }
}
