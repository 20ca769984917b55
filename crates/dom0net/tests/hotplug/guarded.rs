//! What a vif is guarded by, as its network and the configuration of the guard say.

use dom0net::guard::{Condition, Draft, Guard, Policy};
use dom0net::vif::{Port, PortKind, Vif};
use netkernel::nftables::NfTables;
use xenstore::Requests;

use super::support::host::{Host, name};
use super::{ONLINE, assert_refused};

const PORT: Port = Port { vif: Vif { domid: 1, devid: 0 }, kind: PortKind::Vif };

/// A policy in words, for the vif of these tests.
fn policy(words: &str) -> Policy {
    let mut draft = Draft::default();
    draft.apply(words).unwrap();
    let policy = draft.policy("00:16:3e:27:95:c0".parse().unwrap()).unwrap();
    // Its log tells whose frames were dropped.
    Policy { logged_as: policy.log.then(|| "web".into()), ..policy }
}

/// The vif comes online, and is guarded by just this.
fn assert_guarded_by(host: &Host, words: &str) {
    let outcome = host.vif_bridge(ONLINE);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let condition = || {
        let mut filter = NfTables::open().unwrap();
        Guard::of(PORT).condition(&mut filter, &name("vif1.0"), &policy(words)).unwrap()
    };
    assert_eq!(host.namespace.run(condition).unwrap(), Condition::InForce, "{words}: {outcome:?}");
}

fn host() -> Option<Host> {
    let host = Host::with_bridge_and_vif()?;
    host.write("ip", "10.0.0.1");
    host.store().write("/local/domain/1/name", "web").unwrap();
    Some(host)
}

#[test]
fn antispoofing_that_was_switched_off_for_a_network_leaves_the_mac_address() {
    let Some(host) = host() else { return };
    let record = |antispoof: &str| {
        format!(
            r#"{{"bridge":{{"index":2,"name":"xenbr0"}},"uplink":{{"index":3,"name":"eth0"}},
               "shape":"today","stp":false,
               "before":{{"name":"eth0","up":true,"mac":null,"address_generation":null,
                          "reverse_path_filter":null}},
               "antispoof":{antispoof},"state":"started"}}"#
        )
    };
    host.write_record("xenbr0", &record("false"));
    assert_guarded_by(&host, "mode=mac-only");
    // A word for the guest counts over it.
    host.write_guard_config("web mode=locked\n");
    assert_guarded_by(&host, "ip=10.0.0.1");
    host.write_guard_config("");
    host.write_record("xenbr0", &record("true"));
    assert_guarded_by(&host, "ip=10.0.0.1");
    // Who cannot tell keeps to what is safe.
    host.write_record("xenbr0", "{");
    assert_guarded_by(&host, "ip=10.0.0.1");
}

#[test]
fn a_guest_may_do_what_the_configuration_says_of_it() {
    let Some(host) = host() else { return };
    host.write_guard_config(
        "* link-local=any\nbridge:xenbr0 isolated=yes\nweb/0 vlans=10 ip+=10.0.0.7\ndb mode=open\n",
    );
    assert_guarded_by(&host, "ip=10.0.0.1,10.0.0.7 link-local=any vlans=10 isolated=yes");
    let port = host.link("vif1.0").unwrap().port.unwrap();
    assert_eq!((port.isolated, port.locked), (Some(true), Some(true)));
}

#[test]
fn a_guest_that_may_be_anybody_is_not_fenced() {
    let Some(host) = host() else { return };
    host.write_guard_config("web mode=open\n");
    assert_guarded_by(&host, "mode=open");
    let port = host.link("vif1.0").unwrap().port.unwrap();
    assert_eq!((port.learning, port.locked), (Some(true), Some(false)));
}

#[test]
fn a_guest_whose_guard_is_disabled_has_none() {
    let Some(host) = host() else { return };
    host.write_guard_config("web mode=disabled\n");
    assert_eq!(host.vif_bridge(ONLINE).status, 0);
    assert_eq!((host.guard(1, PortKind::Vif), host.tables()), (None, 0));
}

#[test]
fn what_was_changed_while_the_vif_ran_counts_when_it_is_plugged_again() {
    let Some(host) = host() else { return };
    host.write("guard", "ip=10.0.0.1,10.0.0.8 log=yes");
    assert_guarded_by(&host, "ip=10.0.0.1,10.0.0.8 log=yes");
}

#[test]
fn a_configuration_that_cannot_be_refuses_those_whom_it_is_about() {
    let Some(host) = host() else { return };
    host.write_guard_config("db mode=shut\nweb vlans=5000\n");
    assert_refused(&host, &host.vif_bridge(ONLINE), "guard.conf:2: vlans=5000 cannot be");
    host.write_guard_config("db mode=shut\n");
    assert_guarded_by(&host, "ip=10.0.0.1");
    host.write("guard", "mode=\u{1b}x");
    assert_eq!(host.vif_bridge(ONLINE).status, 1);
}
