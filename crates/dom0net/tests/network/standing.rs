//! A network that stands, started once more.

use crate::wire::{Wire, delete};
use crate::{START, assert_same};

#[test]
fn start_and_stop_find_what_was_started() {
    let Some(wire) = Wire::new() else { return };
    // Without a word: the card of the default route, and the bridge with its number.
    wire.succeeds(&["start"]);
    assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"));
    for again in [&["start"][..], START, &["start", "vifnum=0"]] {
        wire.succeeds(again);
    }
    assert_eq!(wire.host.kernel(|kernel| kernel.links_of_kind("bridge").unwrap().len()), 1);
    wire.succeeds(&["stop"]);
    assert_eq!(wire.host.link("xenbr0"), None);
    wire.succeeds(&["stop"]);
}

#[test]
fn the_default_route_is_found_beside_others() {
    let Some(wire) = Wire::quick() else { return };
    wire.host.add_device("eth1");
    wire.ip("link set eth1 up");
    // That of IPv6 would be found in its place.
    wire.ip("-6 route del default");
    // Addresses that nobody has lead elsewhere, or nowhere.
    for route in ["blackhole 203.0.113.0/24", "203.0.113.0/24 dev eth1", "0.0.0.0/1 dev eth1"] {
        wire.ip(&format!("route add {route}"));
        wire.succeeds(&["start"]);
        assert_eq!(wire.host.master_of("eth0").as_deref(), Some("xenbr0"), "{route}");
        wire.succeeds(&["stop"]);
        wire.ip(&format!("route del {route}"));
    }
}

#[test]
fn a_network_that_stands_otherwise_is_not_taken_for_what_was_asked() {
    let Some(wire) = Wire::new() else { return };
    wire.host.add_device("eth1");
    wire.succeeds(START);
    let before = wire.state();
    for (words, differing) in [
        (&["layout=classic"][..], "layout=today, not classic"),
        (&["netdev=eth1", "bridge=xenbr0"], "netdev=eth0, not eth1"),
        (&["stp=yes", "layout=bridge-is-eth0"], "layout=today, not bridge-is-eth0 and stp=no, not yes"),
    ] {
        for flag in [&[][..], &["--dry-run"]] {
            let outcome = wire.network_bridge(&[&["start"], words, flag].concat());
            assert_eq!(outcome.status, 1, "{words:?}: {outcome:?}");
            let sentence = format!("xenbr0 stands with {differing}; for another take it away first");
            assert!(outcome.stderr.contains(&sentence), "{words:?}: {}", outcome.stderr);
        }
    }
    assert_same(&before, &wire.state(), "");
}

#[test]
fn the_antispoofing_of_a_network_that_stands_can_change() {
    let Some(wire) = Wire::new() else { return };
    wire.host.write("mac", "00:16:3e:27:95:c0");
    wire.host.write("ip", "10.0.0.1");
    for (antispoof, mode) in [("antispoof=no", "mac-only"), ("antispoof=yes", "locked")] {
        wire.succeeds(&["start", antispoof]);
        wire.host.add_device("vif1.0");
        assert_eq!(wire.host.vif_bridge(&["online", "type_if=vif"]).status, 0);
        let shown = wire.host.run("dom0net", &["show", "--json"], &[]).stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["domains"][0]["vifs"][0]["guard"]["mode"], mode, "{shown}");
        assert_eq!(wire.host.vif_bridge(&["offline", "type_if=vif"]).status, 0);
        wire.host.kernel(|kernel| delete(kernel, "vif1.0"));
    }
}
