//! Calls that come by other ways than a toolstack's: from the kernel's events in xend's days, and from QEMU.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use netkernel::link::LinkName;

use super::mode::Mode;
use super::request::{Action, Request};
use super::run::{carry_out, report, run};
use crate::log::{Event, Level, tell};
use crate::vif::{Port, PortKind, Vif};

/// `vif-setup ARGUMENTS…`: what udev's rules called in Xen 4.1 to 4.5. Runs what the variable `script` names, which may
/// have arguments of its own, with these behind them.
#[must_use]
pub fn vif_setup(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> u8 {
    let script = environment("script").and_then(|script| script.into_string().ok()).unwrap_or_default();
    let mut words = script.split_ascii_whitespace();
    let Some(path) = words.next() else { return 0 };
    // The command is the first word without `=`: it stands behind the script's own arguments as well as before them.
    let arguments = words.map(OsString::from).chain(arguments);
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(mode) = Mode::of_script(name) {
        return run(mode, arguments, environment);
    }
    let error = Command::new(path).args(arguments).exec();
    let message = format!("cannot run {path}: {error}");
    tell(&Event { program: "vif-setup", level: Level::Error, message: &message, fields: &[] });
    1
}

/// `qemu-ifup TAP [BRIDGE]` and `qemu-ifdown TAP`: what QEMU called for an emulated card before Xen 4.1. The guard is in
/// force for it as for any other device, so that its name must tell whose it is: `tap1.0`, or `vif1.0-emu`.
#[must_use]
pub fn qemu_script(action: Action, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut words = arguments.into_iter().map(OsString::into_string);
    let usage = "it is called with the name of a vif's tap, as in: qemu-ifup tap1.0 xenbr0";
    let Some(Ok(tap)) = words.next() else { return bad_call(usage) };
    let Ok(device) = LinkName::new(tap.as_str()) else { return bad_call(usage) };
    let Some(vif) = vif_of_tap(&tap) else {
        return bad_call(&format!("{tap:?} is not the tap of a vif, and cannot be guarded; {usage}"));
    };
    let mut variables = BTreeMap::new();
    if let Some(Ok(bridge)) = words.next().filter(|bridge| bridge.as_ref().is_ok_and(|name| !name.is_empty()))
    {
        variables.insert("bridge".to_owned(), bridge);
    }
    let request = Request {
        action,
        port: Port { vif, kind: PortKind::Tap },
        backend: format!("backend/vif/{}/{}", vif.domid, vif.devid),
        device,
        gateway_device: None,
        variables,
    };
    carry_out(Mode::Bridge, &request)
}

/// The vif that a tap belongs to, by the names that it has had: `tap1.0` until Xen 4.1, `vif1.0-emu` since.
fn vif_of_tap(tap: &str) -> Option<Vif> {
    let numbers = tap.strip_prefix("tap").or_else(|| tap.strip_prefix("vif")?.strip_suffix("-emu"))?;
    let (domid, devid) = numbers.split_once('.')?;
    Some(Vif { domid: domid.parse().ok()?, devid: devid.parse().ok()? })
}

fn bad_call(sentence: &str) -> u8 {
    report(Mode::Bridge, Level::Error, sentence, &[]);
    2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_of_all_times_are_known() {
        let known = |tap: &str| vif_of_tap(tap).map(|vif| vif.to_string());
        assert_eq!(known("tap7.1").as_deref(), Some("vif7.1"));
        assert_eq!(known("vif7.1-emu").as_deref(), Some("vif7.1"));
        assert_eq!(
            (known("tap0"), known("vif7.1"), known("tap-1.0"), known("tap1.0.0")),
            (None, None, None, None)
        );
    }
}
