//! `dom0net vif-spec`.

use serde_json::json;

use crate::program::Folder;

#[test]
fn a_spec_is_explained_line_by_line() {
    let spec = "mac=00:16:3e:27:95:c0,bridge=xenbr1,rate=10MB/s@20ms,ip=10.0.0.1 2001:db8::/64";
    assert_eq!(
        Folder::new().run(&["vif-spec", "--for", "xl", spec]).printed(),
        "\
mac        00:16:3e:27:95:c0        with Xen's prefix
bridge     xenbr1                   the bridge that the interface is plugged into
script     vif-bridge             * connects the interface: /etc/xen/scripts/vif-bridge
ip         10.0.0.1 2001:db8::/64   what the guest may send with, and where routes for it lead
rate       200000,20000             200000 bytes each 20000 microseconds: 10000000 bytes per second
mtu        1500                   * not set: the bridge's MTU
type       vif                    * a paravirtual interface
model      rtl8139                * the emulated card, if there is one
backend    0                      * the domain that serves the interface
trusted    true                   * the guest trusts the backend
devid      0                      * eth0 in the guest

* not given: the default
"
    );
}

#[test]
fn json_is_the_object_that_check_has_for_the_interface() {
    let spec = "mac=00:16:3e:27:95:c0,rate=10Mb/s,untrusted,vlan=10p/20";
    let folder = Folder::with(&[("a.cfg", &format!("name = 'a'\ntype = 'pv'\nvif = [ '{spec}' ]\n"))]);
    let object = folder.run(&["vif-spec", "--json", spec]).json();
    assert_eq!(object, folder.run(&["check", "--json", "a.cfg"]).json()[0]["vifs"][0]);
    assert_eq!(object["untrusted"], true);
    assert_eq!(object["effective"]["rate_bytes_per_interval"], 62_500);
    assert_eq!(object["effective"]["rate_interval_usecs"], 50_000);
}

#[test]
fn nothing_at_all_is_an_interface_with_defaults() {
    let folder = Folder::new();
    let effective = folder.run(&["vif-spec", "--json", "--for", "xm", ""]).json()["effective"].clone();
    assert_eq!(
        (&effective["mac"], &effective["bridge"]),
        (&json!(null), &json!(null)),
        "xm writes no bridge"
    );
    assert_eq!(folder.run(&["vif-spec", "--json", ""]).json()["effective"]["bridge"], "xenbr0");
}

#[test]
fn the_exit_status_is_that_of_the_real_program() {
    let folder = Folder::new();
    for (spec, xm, xl) in [
        ("", 0, 0),
        ("mac=00:16:3e:00:00:01, bridge=xenbr0", 0, 0),
        ("bridge=xenbr0,", 1, 0),
        ("brigde=xenbr0", 1, 1),
        ("mac=zz", 0, 1),
        ("rate=10", 0, 1),
        ("mtu=9000", 1, 0),
        ("mac", 1, 1),
        ("policy=x", 0, 1),
    ] {
        let xm_ran = folder.run(&["vif-spec", "--for", "xm", "--", spec]);
        assert_eq!(xm_ran.status, xm, "xm: {spec}: {xm_ran:?}");
        let xl_ran = folder.run(&["vif-spec", "--for", "xl", "--json", "--", spec]);
        assert_eq!(xl_ran.status, xl, "xl: {spec}: {xl_ran:?}");
    }
    assert_eq!(folder.run(&["vif-spec"]).status, 2);
}

#[test]
fn findings_stand_beside_the_answer_not_in_it() {
    let ran = Folder::new().run(&["vif-spec", "--json", "brigde=x"]);
    assert_eq!(ran.json()["effective"]["bridge"], "xenbr0");
    assert!(ran.stderr.starts_with("error[X0601]: xl does not know the key `brigde`\n --> vif-spec:1:1\n"));
}
