//! netplan: `netplan(5)`.

use super::yaml::{Yaml, quoted};
use super::{File, HEAD, Wanted, WantedRoute};

/// One file; netplan wants it to be root's alone.
pub(super) fn files(wanted: &Wanted) -> Vec<File> {
    let mut yaml = Yaml::new(HEAD);
    yaml.map("network", |network| {
        network.value("version", 2);
        network.map("ethernets", |ethernets| {
            ethernets.map(quoted(&wanted.card), |card| push_card(card, wanted));
        });
        network.map("bridges", |bridges| {
            bridges.map(quoted(&wanted.bridge), |bridge| push_bridge(bridge, wanted));
        });
    });
    vec![File::private(format!("/etc/netplan/60-{}.yaml", wanted.bridge), yaml.finish())]
}

fn push_card(card: &mut Yaml, wanted: &Wanted) {
    card.value("dhcp4", false);
    card.value("dhcp6", false);
    card.value("link-local", "[]");
    if let Some(mtu) = wanted.mtu {
        card.value("mtu", mtu);
    }
}

fn push_bridge(bridge: &mut Yaml, wanted: &Wanted) {
    bridge.value("interfaces", format_args!("[{}]", quoted(&wanted.card)));
    if let Some(mac) = wanted.mac {
        bridge.value("macaddress", quoted(mac));
    }
    if let Some(mtu) = wanted.mtu {
        bridge.value("mtu", mtu);
    }
    bridge.value("dhcp4", wanted.dhcp);
    bridge.value("dhcp6", wanted.dhcp6);
    bridge.value("accept-ra", wanted.autoconf);
    if !wanted.addresses.is_empty() {
        bridge
            .map("addresses", |list| wanted.addresses.iter().for_each(|address| list.item(quoted(address))));
    }
    if !wanted.routes.is_empty() {
        bridge.map("routes", |list| wanted.routes.iter().for_each(|route| push_route(list, route)));
    }
    bridge.map("parameters", |parameters| {
        parameters.value("stp", wanted.stp);
        if !wanted.stp {
            parameters.value("forward-delay", 0);
        }
    });
}

fn push_route(list: &mut Yaml, route: &WantedRoute) {
    list.element("to", quoted(route.destination), |entry| {
        match route.gateway {
            Some(gateway) => entry.value("via", quoted(gateway)),
            None => entry.value("scope", "link"),
        }
        if let Some(metric) = route.metric {
            entry.value("metric", metric);
        }
    });
}
