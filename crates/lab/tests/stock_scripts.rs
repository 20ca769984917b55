//! Xen's own scripts, as Debian has them, driven by our toolstack: what they do with us they do with libxl.
//!
//! They are in the package `xen-utils-common`, and need bash, `ip` and the tools of `xenstore-utils`.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

#[expect(dead_code, reason = "each test program uses its part")]
mod common;

use std::fs;
use std::path::PathBuf;

use lab::{DomainConfig, Lab, Ping, ToolstackError};
use xenstore::Requests;

/// Where the scripts are: installed, or unpacked in `$XEN_PACKAGES`. None, after saying so, where they are not.
fn stock_scripts() -> Option<PathBuf> {
    for program in ["bash", "ip", "xenstore-read", "xenstore-write"] {
        testkit::program(program)?;
    }
    let unpacked = std::env::var_os("XEN_PACKAGES").map(PathBuf::from);
    let roots = unpacked.into_iter().chain(["/".into()]);
    let found = roots
        .map(|root: PathBuf| root.join("etc/xen/scripts"))
        .find(|folder| folder.join("xen-hotplug-common.sh").is_file());
    if found.is_none() {
        testkit::skip!("needs Xen's scripts (package xen-utils-common), or XEN_PACKAGES with them");
    }
    found
}

fn lab() -> Option<Lab> {
    let scripts = stock_scripts()?;
    let lab = common::lab_with(|config| config.toolstack.scripts = scripts)?;
    if let Err(reason) = lab.host().log_folder() {
        testkit::skip!("Xen's scripts need a /sys of their own: {reason}");
        return None;
    }
    Some(lab)
}

/// What the scripts have logged: their only words, for they keep nothing of stderr.
fn log(lab: &Lab) -> String {
    let path = lab.host().log_folder().unwrap().join("xen-hotplug.log");
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn vif_bridge_plugs_and_unplugs() {
    let Some(lab) = lab() else { return };
    let config =
        DomainConfig::xl("web", &["mac=00:16:3e:00:00:02,ip=10.0.0.2,bridge=xenbr0,vifname=web"]).unwrap();
    let created = lab.toolstack().create(&config).unwrap_or_else(|error| panic!("{error}\n{}", log(&lab)));
    let guest = created.guest;
    guest.wait_connected(0, std::time::Duration::from_secs(5)).unwrap();
    assert!(guest.station().ping(&Ping::to([10, 0, 0, 254])).unwrap().is_here());
    let host = lab.host().station();
    let port = host.link("web").unwrap();
    assert_eq!(port.master, Some(host.link("xenbr0").unwrap().index));
    let mut store = lab.store().unwrap();
    let status = store.read_text("/local/domain/0/backend/vif/1/0/hotplug-status").unwrap();
    assert_eq!(status.as_deref(), Some("connected"));
    let detached = lab.toolstack().detach(1, 0).unwrap();
    // It looks for a device that has gone, and takes no offence.
    assert!(detached.runs[0].is_success(), "{:?}\n{}", detached.runs, log(&lab));
    assert!(host.link("web").is_err());
}

#[test]
fn vif_bridge_says_what_is_wrong() {
    let Some(lab) = lab() else { return };
    let error = lab.toolstack().create(&DomainConfig::xl("web", &["bridge=nonesuch"]).unwrap()).unwrap_err();
    assert!(matches!(error, ToolstackError::Script { .. }), "{error}");
    assert_eq!(error.hotplug_error(), Some("Could not find bridge device nonesuch"), "{}", log(&lab));
}

#[test]
fn vif_route_routes() {
    let Some(lab) = lab() else { return };
    let host = lab.host().station();
    // It wants the address on the gateway device, and a host that forwards.
    let config =
        DomainConfig::xl("web", &["mac=00:16:3e:00:00:02,ip=10.0.0.2,script=vif-route,gatewaydev=xenbr0"]);
    let created = lab.toolstack().create(&config.unwrap());
    let guest = created.unwrap_or_else(|error| panic!("{error}\n{}", log(&lab))).guest;
    guest.wait_connected(0, std::time::Duration::from_secs(5)).unwrap();
    let index = host.link("vif1.0").unwrap().index;
    let routes = host.kernel().unwrap().routes(netkernel::Family::Inet, Some(index)).unwrap();
    assert!(routes.iter().any(|route| route.to_string().starts_with("10.0.0.2/32")), "{routes:?}");
    assert!(guest.station().ping(&Ping::to([10, 0, 0, 250])).unwrap().is_here());
}
