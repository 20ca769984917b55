//! A hotplug script from its call to its end.

use std::ffi::OsString;

use netkernel::link::LinkName;
use xenstore::{Batch, Client, Requests};

use super::bridge::{Seen, mtu, plug, unplug};
use super::device;
use super::error::Error;
use super::network;
use super::nodes::{Nodes, Wanted, device_name, text};
use super::policy::policy_of;
use super::request::{Action, Call, Request};
use crate::guard::Guard;
use crate::log::{Event, Level, tell};
use crate::places::Places;
use crate::plan::{Kernel, Plan};
use crate::vif::PortKind;

/// The longest `hotplug-error` that is written, in bytes: a value of xenstore may have 2,048.
const ERROR_MAX: usize = 1000;

/// Runs `vif-bridge` as a toolstack calls it, and returns its exit status.
///
/// There are two ways out. Either the vif is plugged, and `hotplug-status` is `connected`; or nothing is left of the
/// attempt, `hotplug-error` says in one sentence why, `hotplug-status` is `error`, and the exit status is 1. A call that
/// makes no sense is 2.
#[must_use]
pub fn vif_bridge(
    program: &str,
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> u8 {
    let (flags, arguments): (Vec<OsString>, Vec<OsString>) =
        arguments.into_iter().partition(|argument| argument == "--dry-run");
    let request = match Call::parse(arguments, environment) {
        Ok(Call::Request(request)) if !flags.is_empty() => return dry_run(program, &request),
        Ok(Call::Request(request)) => request,
        Ok(Call::NotForUs) => return 0,
        Err(error) => {
            report(program, Level::Error, &error.to_string(), &[]);
            return 2;
        }
    };
    // Kept for the end: closing may take a while, which nobody should wait for.
    let mut kernel = None;
    let status = match request.action {
        Action::Appeared => appeared(program, &request, &mut kernel),
        Action::Gone => gone(program, &request, &mut kernel),
    };
    if let Some(kernel) = kernel {
        kernel.close_later();
    }
    status
}

fn appeared(program: &str, request: &Request, kernel: &mut Option<Kernel>) -> u8 {
    let mut store = match Client::open() {
        Ok(store) => store,
        Err(error) => {
            // There is nowhere to write the error to but the log.
            report(program, Level::Error, &error.to_string(), &fields(request));
            return 1;
        }
    };
    match open(kernel).and_then(|kernel| plug_into_bridge(request, &mut store, kernel)) {
        Ok(plugged) => {
            let message = format!("{} plugged into {}: {}", plugged.name, plugged.bridge, plugged.guard);
            let mut fields = fields(request).to_vec();
            fields.push(("bridge", &plugged.bridge));
            report(program, Level::Info, &message, &fields);
            0
        }
        Err(error) => {
            let message = error.to_string();
            report(program, Level::Error, &message, &fields(request));
            refuse(request, &mut store, &message);
            1
        }
    }
}

/// What a plug came to.
struct Plugged {
    name: LinkName,
    bridge: String,
    guard: String,
}

fn plug_into_bridge(request: &Request, store: &mut Client, kernel: &mut Kernel) -> Result<Plugged, Error> {
    let (wanted, seen, plan) = plan_plug(request, store, kernel)?;
    network::ensure(kernel, &seen.bridge.device, &Places::from_environment())?;
    plan.apply(kernel)?;
    if let Err(error) = announce(request, store, mtu(&wanted, &seen.bridge)) {
        // Nobody will ever know of this vif, and nobody would take it out.
        let left = plan.undo(kernel);
        return Err(Error::Announce { error, left });
    }
    Ok(Plugged {
        name: wanted.name,
        bridge: seen.bridge.device.name.to_string(),
        guard: wanted.policy.to_string(),
    })
}

/// Tells the toolstack and the backend driver that the vif is ready, and the guest its MTU.
fn announce(request: &Request, store: &mut Client, mtu: u32) -> Result<(), xenstore::Error> {
    // For a tap there is nothing to tell: QEMU waits for nobody, and the vif's script speaks for both.
    if request.port.kind == PortKind::Tap {
        return Ok(());
    }
    let vif = request.port.vif;
    let frontend = format!("/local/domain/{}/device/vif/{}/mtu", vif.domid, vif.devid);
    let mut batch = Batch::new();
    // A guest that has gone meanwhile needs no MTU; that it has gone is not an error here.
    batch.write(&frontend, mtu.to_string())?;
    // What an earlier attempt has said is over.
    batch.remove(&format!("{}/hotplug-error", request.backend))?;
    let status = batch.write(&format!("{}/hotplug-status", request.backend), "connected")?;
    store.run(batch)?.get(status)?;
    Ok(())
}

/// Tells the toolstack why not.
fn refuse(request: &Request, store: &mut Client, message: &str) {
    let message = &message[..message.floor_char_boundary(ERROR_MAX)];
    let written = store.write_each([
        (format!("{}/hotplug-error", request.backend), message),
        (format!("{}/hotplug-status", request.backend), "error"),
    ]);
    // What could not be written is in the log, where the message is already.
    drop(written);
}

/// Takes the vif out. The device may be gone, and so may all that xenstore said of it; what is left goes, whatever
/// part fails.
fn gone(program: &str, request: &Request, kernel: &mut Option<Kernel>) -> u8 {
    let name = name_in_store(request);
    let result = open(kernel).and_then(|kernel| take_out(request, name.as_ref(), kernel));
    match result {
        Ok(()) => {
            let message = format!("{} taken out", request.port);
            report(program, Level::Info, &message, &fields(request));
            0
        }
        Err(error) => {
            report(program, Level::Error, &error.to_string(), &fields(request));
            1
        }
    }
}

fn take_out(request: &Request, name: Option<&LinkName>, kernel: &mut Kernel) -> Result<(), Error> {
    // A port that could not be taken out keeps its guard.
    plan_unplug(request, name, kernel)?.apply(kernel)?;
    Guard::of(request.port).remove(kernel.filter()?)?;
    Ok(())
}

fn plan_unplug(request: &Request, name: Option<&LinkName>, kernel: &mut Kernel) -> Result<Plan, Error> {
    let found = device::find_existing(kernel, request.port, &request.device, name)?;
    let Some((device, link)) = found else { return Ok(Plan::new()) };
    let master = device::master_of(kernel, &link)?;
    Ok(unplug(&device, &link, master))
}

/// The name that the device was given, as far as xenstore still knows it.
fn name_in_store(request: &Request) -> Option<LinkName> {
    let mut store = Client::open().ok()?;
    let value = store.read(&format!("{}/vifname", request.backend)).ok()??;
    device_name(text("vifname", Some(&value)).ok()?, request).ok()
}

fn open(kernel: &mut Option<Kernel>) -> Result<&mut Kernel, Error> {
    match kernel {
        Some(kernel) => Ok(kernel),
        none => Ok(none.insert(Kernel::open()?)),
    }
}

fn fields(request: &Request) -> [(&'static str, &str); 1] {
    [("vif", request.device.as_str())]
}

fn report(program: &str, level: Level, message: &str, fields: &[(&str, &str)]) {
    tell(&Event { program, level, message, fields });
}

/// Finds out what the vif should be and what is there, and how to get from one to the other.
fn plan_plug(
    request: &Request,
    store: &mut Client,
    kernel: &mut Kernel,
) -> Result<(Wanted, Seen, Plan), Error> {
    let nodes = Nodes::read(store, &request.backend, request.port.vif.domid)?;
    let mut wanted = Wanted::new(&nodes, request)?;
    let bridge = device::find_bridge(kernel, request.port, wanted.bridge.as_ref())?;
    let places = Places::from_environment();
    wanted.policy = policy_of(&nodes, &wanted, request, Some(&bridge.device.name), &places)?.1;
    let (device, link) = device::find(kernel, request, &wanted.name)?;
    let seen = Seen {
        addresses: kernel.route.addresses(Some(device.index))?,
        master: device::master_of(kernel, &link)?,
        device: link,
        bridge,
    };
    let plan = plug(request.port, &wanted, &device.name, &seen);
    Ok((wanted, seen, plan))
}

/// Prints what would be done, and does nothing.
fn dry_run(program: &str, request: &Request) -> u8 {
    let plan = match request.action {
        Action::Appeared => Client::open().map_err(Error::from).and_then(|mut store| {
            let mut kernel = Kernel::open()?;
            plan_plug(request, &mut store, &mut kernel).map(|(_, _, plan)| plan)
        }),
        Action::Gone => {
            let name = name_in_store(request);
            Kernel::open()
                .map_err(Error::from)
                .and_then(|mut kernel| plan_unplug(request, name.as_ref(), &mut kernel))
        }
    };
    match plan {
        Ok(plan) => {
            print!("{plan}");
            0
        }
        Err(error) => {
            report(program, Level::Error, &error.to_string(), &fields(request));
            1
        }
    }
}
