//! NetworkManager's key files: `nm-settings-keyfile(5)`.

use std::fmt::Write;

use super::{File, HEAD, Wanted, WantedRoute};

const FOLDER: &str = "/etc/NetworkManager/system-connections";

/// One connection for the bridge, one for the card.
pub(super) fn files(wanted: &Wanted) -> Vec<File> {
    let path = |name: &str| format!("{FOLDER}/{name}.nmconnection");
    let port = format!("{}-{}", wanted.bridge, wanted.card);
    // NetworkManager reads no file that others may read.
    vec![
        File::private(path(wanted.bridge.as_str()), bridge(wanted)),
        File::private(path(&port), uplink(wanted, &port)),
    ]
}

fn bridge(wanted: &Wanted) -> String {
    let name = &wanted.bridge;
    let mut text = format!("{HEAD}[connection]\nid={name}\ntype=bridge\ninterface-name={name}\n\n");
    let _ = write!(text, "[bridge]\nstp={}\n", wanted.stp);
    if let Some(mac) = wanted.mac {
        let _ = writeln!(text, "mac-address={mac}");
    }
    if let Some(mtu) = wanted.mtu {
        let _ = write!(text, "\n[ethernet]\nmtu={mtu}\n");
    }
    push_family(&mut text, wanted, true);
    push_family(&mut text, wanted, false);
    text
}

fn uplink(wanted: &Wanted, id: &str) -> String {
    let mut text = format!(
        "{HEAD}[connection]\nid={id}\ntype=ethernet\ninterface-name={}\nmaster={}\nslave-type=bridge\n",
        wanted.card, wanted.bridge
    );
    if let Some(mtu) = wanted.mtu {
        let _ = write!(text, "\n[ethernet]\nmtu={mtu}\n");
    }
    text
}

fn push_family(text: &mut String, wanted: &Wanted, four: bool) {
    let addresses: Vec<_> = wanted.addresses_of(four).collect();
    let method = match (four, addresses.is_empty()) {
        (true, _) if wanted.dhcp => "auto",
        (false, _) if wanted.autoconf => "auto",
        (false, _) if wanted.dhcp6 => "dhcp",
        (_, false) => "manual",
        (true, true) => "disabled",
        (false, true) => "link-local",
    };
    let _ = write!(text, "\n[{}]\nmethod={method}\n", if four { "ipv4" } else { "ipv6" });
    for (number, address) in addresses.iter().enumerate() {
        let _ = writeln!(text, "address{}={address}", number + 1);
    }
    for (number, route) in wanted.routes_of(four).enumerate() {
        let _ = writeln!(text, "route{}={}", number + 1, words(route));
    }
}

/// `DESTINATION,GATEWAY,METRIC`, as far as there is something to say.
fn words(route: &WantedRoute) -> String {
    let any = if route.destination.addr().is_ipv4() { "0.0.0.0" } else { "::" };
    let gateway = route.gateway.map(|gateway| gateway.to_string());
    match (gateway, route.metric) {
        (None, None) => route.destination.to_string(),
        (Some(gateway), None) => format!("{},{gateway}", route.destination),
        (gateway, Some(metric)) => {
            format!("{},{},{metric}", route.destination, gateway.as_deref().unwrap_or(any))
        }
    }
}
