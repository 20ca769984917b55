//! Network devices in a snapshot.

use netkernel::link::{BridgeOptions, Link, PortOptions};

use super::{Snapshot, name_of};

/// `IFF_NOARP`, `IFF_PROMISC`, `IFF_ALLMULTI`.
const FLAGS: [(u32, &str); 3] = [(0x80, "no ARP"), (0x100, "promiscuous"), (0x200, "all multicast")];

pub(super) fn add(snapshot: &mut Snapshot, links: &[Link]) {
    for link in links {
        snapshot.add(format!("link {}", link.name), describe(link, links));
    }
}

fn describe(link: &Link, links: &[Link]) -> String {
    let mut state = Vec::new();
    state.push(if link.is_up() { "up".to_owned() } else { "down".to_owned() });
    state.extend(link.kind.as_ref().map(|kind| format!("kind {kind}")));
    state.extend(link.mac.map(|mac| format!("MAC {mac}")));
    state.push(format!("MTU {}", link.mtu));
    state.extend(link.master.map(|master| format!("port of {}", name_of(links, master))));
    state.extend(link.alias.as_ref().map(|alias| format!("alias {alias:?}")));
    state.extend(link.address_generation.map(|mode| format!("IPv6 address generation {mode:?}")));
    state.extend(FLAGS.iter().filter(|(flag, _)| link.flags & flag != 0).map(|(_, word)| (*word).to_owned()));
    state.extend(link.bridge.as_ref().map(bridge));
    state.extend(link.port.as_ref().map(port).filter(|words| !words.is_empty()));
    state.join(", ")
}

fn bridge(options: &BridgeOptions) -> String {
    let number = |value: Option<u32>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    format!(
        "STP {}, forward delay {}, ageing {}, VLAN filtering {}, snooping {}",
        number(options.stp.map(u32::from)),
        number(options.forward_delay),
        number(options.ageing_time),
        number(options.vlan_filtering.map(u32::from)),
        number(options.multicast_snooping.map(u32::from)),
    )
}

/// What of a port's options is switched on.
fn port(options: &PortOptions) -> String {
    let all = [
        (options.learning, "learning"),
        (options.locked, "locked"),
        (options.isolated, "isolated"),
        (options.hairpin, "hairpin"),
        (options.bpdu_guard, "BPDU guard"),
        (options.unicast_flood, "unicast flood"),
        (options.multicast_flood, "multicast flood"),
        (options.broadcast_flood, "broadcast flood"),
        (options.neighbour_suppression, "neighbour suppression"),
    ];
    let words: Vec<&str> = all.iter().filter(|(on, _)| *on == Some(true)).map(|(_, word)| *word).collect();
    words.join(", ")
}
