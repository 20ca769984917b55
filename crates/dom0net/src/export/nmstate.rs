//! nmstate: a state for `nmstatectl apply`.

use super::yaml::{Yaml, quoted};
use super::{File, HEAD, Wanted, WantedRoute};

/// One file.
pub(super) fn files(wanted: &Wanted) -> Vec<File> {
    let mut yaml = Yaml::new(HEAD);
    yaml.map("interfaces", |interfaces| {
        interfaces.element("name", quoted(&wanted.bridge), |bridge| push_bridge(bridge, wanted));
        interfaces.element("name", quoted(&wanted.card), |card| {
            card.value("type", "ethernet");
            card.value("state", "up");
            if let Some(mtu) = wanted.mtu {
                card.value("mtu", mtu);
            }
            for family in ["ipv4", "ipv6"] {
                card.map(family, |family| family.value("enabled", false));
            }
        });
    });
    if !wanted.routes.is_empty() {
        yaml.map("routes", |routes| {
            routes
                .map("config", |list| wanted.routes.iter().for_each(|route| push_route(list, route, wanted)));
        });
    }
    vec![File::new(format!("/etc/nmstate/{}.yml", wanted.bridge), yaml.finish())]
}

fn push_bridge(bridge: &mut Yaml, wanted: &Wanted) {
    bridge.value("type", "linux-bridge");
    bridge.value("state", "up");
    if let Some(mac) = wanted.mac {
        bridge.value("mac-address", quoted(mac));
    }
    if let Some(mtu) = wanted.mtu {
        bridge.value("mtu", mtu);
    }
    push_family(bridge, wanted, true);
    push_family(bridge, wanted, false);
    bridge.map("bridge", |bridge| {
        bridge.map("options", |options| options.map("stp", |stp| stp.value("enabled", wanted.stp)));
        bridge.map("port", |ports| ports.element("name", quoted(&wanted.card), |_| {}));
    });
}

fn push_family(bridge: &mut Yaml, wanted: &Wanted, four: bool) {
    let addresses: Vec<_> = wanted.addresses_of(four).collect();
    let automatic = if four { wanted.dhcp } else { wanted.dhcp6 || wanted.autoconf };
    bridge.map(if four { "ipv4" } else { "ipv6" }, |family| {
        // Without any address of its own, a bridge still has the link's IPv6.
        family.value("enabled", !four || automatic || !addresses.is_empty());
        family.value("dhcp", if four { wanted.dhcp } else { wanted.dhcp6 });
        if !four {
            family.value("autoconf", wanted.autoconf);
        }
        if !addresses.is_empty() {
            family.map("address", |list| {
                for address in addresses {
                    list.element("ip", quoted(address.addr()), |entry| {
                        entry.value("prefix-length", address.prefix_len());
                    });
                }
            });
        }
    });
}

fn push_route(list: &mut Yaml, route: &WantedRoute, wanted: &Wanted) {
    list.element("destination", quoted(route.destination), |entry| {
        if let Some(gateway) = route.gateway {
            entry.value("next-hop-address", quoted(gateway));
        }
        entry.value("next-hop-interface", quoted(&wanted.bridge));
        if let Some(metric) = route.metric {
            entry.value("metric", metric);
        }
    });
}
