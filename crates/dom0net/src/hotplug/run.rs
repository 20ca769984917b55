//! A hotplug script from its call to its end.

use std::ffi::OsString;

use xenstore::{Batch, Client, Requests};

use super::error::Error;
use super::former;
use super::hooks::{HookError, Hooks, Known};
use super::mode::Mode;
use super::names::Names;
use super::network;
use super::prepare::{Prepared, addresses_in_store, name_in_store, prepare_plug, prepare_unplug};
use super::request::{Action, Call, Request};
use super::reserve::reservations;
use super::traces::{Trace, Traces};
use crate::guard::Guard;
use crate::log::{Event, Level, tell};
use crate::places::Places;
use crate::plan::Kernel;
use crate::vif::PortKind;

/// The longest `hotplug-error` that is written, in bytes: a value of xenstore may have 2,048.
const ERROR_MAX: usize = 1000;

/// Runs a vif script as a toolstack calls it, and returns its exit status.
///
/// There are two ways out. Either the vif is plugged, and `hotplug-status` is `connected`; or nothing is left of the
/// attempt, `hotplug-error` says in one sentence why, `hotplug-status` is `error`, and the exit status is 1. A call that
/// makes no sense is 2.
#[must_use]
pub fn run(
    mode: Mode,
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> u8 {
    let (flags, arguments): (Vec<OsString>, Vec<OsString>) =
        arguments.into_iter().partition(|argument| argument == "--dry-run");
    let request = match Call::parse(arguments, environment) {
        Ok(Call::Request(request)) if !flags.is_empty() => return dry_run(mode, &request),
        Ok(Call::Request(request)) => request,
        Ok(Call::NotForUs) => return 0,
        Err(error) => {
            report(mode, Level::Error, &error.to_string(), &[]);
            return 2;
        }
    };
    carry_out(mode, &request)
}

/// Carries a call out, and returns its exit status.
pub(super) fn carry_out(mode: Mode, request: &Request) -> u8 {
    // Kept for the end: closing may take a while, which nobody should wait for.
    let mut kernel = None;
    let status = match request.action {
        Action::Appeared => appeared(mode, request, &mut kernel),
        Action::Gone => gone(mode, request, &mut kernel),
    };
    if let Some(kernel) = kernel {
        kernel.close_later();
    }
    status
}

fn appeared(mode: Mode, request: &Request, kernel: &mut Option<Kernel>) -> u8 {
    let mut store = match Client::open() {
        Ok(store) => store,
        Err(error) => {
            // There is nowhere to write the error to but the log.
            report(mode, Level::Error, &error.to_string(), &fields(request));
            return 1;
        }
    };
    match open(kernel).and_then(|kernel| plug(mode, request, &mut store, kernel)) {
        Ok(plugged) => {
            let mut fields = fields(request).to_vec();
            fields.extend(plugged.bridge.as_ref().map(|bridge| ("bridge", bridge.name.as_str())));
            if let Some(warning) = &plugged.warning {
                report(mode, Level::Warning, warning, &fields);
            }
            report(mode, Level::Info, &plugged.message, &fields);
            0
        }
        Err(error) => {
            let message = error.to_string();
            report(mode, Level::Error, &message, &fields(request));
            if !error.is_of_nobody() {
                refuse(request, &mut store, &message);
            }
            1
        }
    }
}

fn plug(mode: Mode, request: &Request, store: &mut Client, kernel: &mut Kernel) -> Result<Prepared, Error> {
    let prepared = prepare_plug(mode, request, store, kernel)?;
    let places = &Places::from_environment();
    let reserved = reservations(mode, request, &prepared, store, places)?;
    if let Some(network) = &prepared.network {
        network::ensure(kernel, network, prepared.is_isolated, places)?;
    }
    let traces = Traces::of(places);
    sweep(mode, request, &traces, kernel);
    make_way(mode, request, &prepared, kernel, places)?;
    let trace = Trace::of(request.port, prepared.link, &prepared.plan, reserved.clone());
    if let Some(trace) = &trace {
        traces.note(trace)?;
    }
    let forget = |kernel: &mut Kernel| {
        Names::of(places).leave(&prepared.name, request.port);
        if trace.is_some() {
            // What this leaves goes with the port's end, or is swept.
            let _ = traces.end(kernel, request.port);
        }
    };
    if let Err(failure) = prepared.plan.apply(kernel) {
        forget(kernel);
        return Err(failure.into());
    }
    let known =
        reserved.iter().try_for_each(|it| it.make(places)).map_err(Error::Reservation).and_then(|()| {
            if let Some(network) = &prepared.network {
                network::join(kernel, network, &prepared.name, &prepared.cards, places)?;
            }
            let known = Known {
                device: Some(prepared.name.to_string()),
                bridge: prepared.bridge.as_ref().map(|bridge| bridge.name.as_str()),
                mac: Some(prepared.mac.to_string()),
                addresses: &prepared.addresses,
            };
            Hooks::find()?.run(mode, request, &known)?;
            announce(request, store, &prepared)
        });
    if let Err(error) = known {
        // Nobody will ever know of this vif, and nobody would take it out.
        let left = prepared.plan.undo(kernel);
        forget(kernel);
        if let Some(script) = mode.routed() {
            let _ = network::leave(kernel, script, &prepared.name);
        }
        return Err(Error::Announce { error: Box::new(error), left });
    }
    Ok(prepared)
}

/// Takes away what vifs have left whose end nobody told of. That something of another's stays is no reason to refuse this one.
fn sweep(mode: Mode, request: &Request, traces: &Traces, kernel: &mut Kernel) {
    match traces.sweep_some(kernel, request.port) {
        Ok(swept) => swept.iter().for_each(|port| {
            let message = format!("{port} has gone without a word; what was left of it is taken away");
            report(mode, Level::Warning, &message, &fields(request));
        }),
        Err(error) => report(mode, Level::Warning, &error.to_string(), &fields(request)),
    }
}

/// Puts aside what guests that have gone still hold of what this one shall have.
fn make_way(
    mode: Mode,
    request: &Request,
    prepared: &Prepared,
    kernel: &mut Kernel,
    places: &Places,
) -> Result<(), Error> {
    for former in &prepared.formers {
        former.put_aside(kernel, &prepared.name)?;
        let message = format!("{} is in the way, and its domain has gone; it is put aside", former.link.name);
        report(mode, Level::Warning, &message, &fields(request));
    }
    // One who has it for good keeps it, with its guard: the kernel will refuse it to this one.
    if prepared.name != request.device
        && kernel.route.link(&prepared.name)?.is_none_or(|other| other.index == prepared.link)
        && let Some(former) = Names::of(places).take(kernel, &prepared.name, request.port)?
    {
        let message = format!("{former} had the name {} and has gone; its guard goes too", prepared.name);
        report(mode, Level::Warning, &message, &fields(request));
    }
    Ok(())
}

/// Tells the toolstack and the backend driver that the vif is ready, and the guest its MTU.
fn announce(request: &Request, store: &mut Client, prepared: &Prepared) -> Result<(), Error> {
    // For a tap there is nothing to tell: QEMU waits for nobody, and the vif's script speaks for both.
    if request.port.kind == PortKind::Tap {
        return Ok(());
    }
    let vif = request.port.vif;
    let frontend = format!("/local/domain/{}/device/vif/{}/mtu", vif.domid, vif.devid);
    let mut batch = Batch::new();
    let there = batch.read(&format!("{}/mac", request.backend))?;
    // A guest that has gone meanwhile needs no MTU; that it has gone is not an error here.
    batch.write(&frontend, prepared.mtu.to_string())?;
    // What an earlier attempt has said is over.
    batch.remove(&format!("{}/hotplug-error", request.backend))?;
    let status = batch.write(&format!("{}/hotplug-status", request.backend), "connected")?;
    let replies = store.run(batch)?;
    replies.get(status)?;
    if prepared.is_in_store && replies.get(there)?.is_none() {
        former::take_back(store, &request.backend, vif.domid);
        return Err(Error::Vanished { port: request.port });
    }
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
fn gone(mode: Mode, request: &Request, kernel: &mut Option<Kernel>) -> u8 {
    let mut store = Client::open().ok();
    if let Err(error) = tell_hooks_of_end(mode, request, store.as_mut()) {
        // That one fails is no reason to leave the rest.
        report(mode, Level::Error, &error.to_string(), &fields(request));
    }
    let result = open(kernel).and_then(|kernel| take_out(mode, request, store.as_mut(), kernel));
    match result {
        Ok(()) => {
            let message = format!("{} taken out", request.port);
            report(mode, Level::Info, &message, &fields(request));
            0
        }
        Err(error) => {
            report(mode, Level::Error, &error.to_string(), &fields(request));
            1
        }
    }
}

/// Hooks come first, while something is still known.
fn tell_hooks_of_end(mode: Mode, request: &Request, store: Option<&mut Client>) -> Result<(), HookError> {
    let hooks = Hooks::find()?;
    if hooks.are_none() {
        return Ok(());
    }
    let (mut device, mut addresses) = (None, Vec::new());
    if let Some(store) = store {
        device = name_in_store(request, store).map(|name| name.to_string());
        addresses = addresses_in_store(request, store);
    }
    hooks.run(mode, request, &Known { device, addresses: &addresses, ..Known::default() })
}

fn take_out(
    mode: Mode,
    request: &Request,
    mut store: Option<&mut Client>,
    kernel: &mut Kernel,
) -> Result<(), Error> {
    // Whose name is in the rules must be known before the store forgets it.
    let named = store.as_deref_mut().and_then(|store| name_in_store(request, store));
    let name = named.clone().unwrap_or_else(|| request.device.clone());
    // A port that could not be taken out keeps its guard.
    prepare_unplug(mode, request, named.as_ref(), store, kernel)?.apply(kernel)?;
    if let Some(script) = mode.routed() {
        network::leave(kernel, script, &name)?;
    }
    Guard::of(request.port).remove(kernel.filter()?)?;
    let places = &Places::from_environment();
    if let Some(named) = named {
        Names::of(places).leave(&named, request.port);
    }
    // xenstore may know nothing of it any more.
    Traces::of(places).end(kernel, request.port)
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

pub(super) fn report(mode: Mode, level: Level, message: &str, fields: &[(&str, &str)]) {
    tell(&Event { program: mode.script(), level, message, fields });
}

/// Prints what would be done, and does nothing.
fn dry_run(mode: Mode, request: &Request) -> u8 {
    let plan = Kernel::open().map_err(Error::from).and_then(|mut kernel| match request.action {
        Action::Appeared => {
            let mut store = Client::open()?;
            let prepared = prepare_plug(mode, request, &mut store, &mut kernel)?;
            for former in &prepared.formers {
                println!("put {} aside, whose domain has gone", former.link.name);
            }
            Ok(prepared.plan)
        }
        Action::Gone => {
            let mut store = Client::open().ok();
            let named = store.as_mut().and_then(|store| name_in_store(request, store));
            prepare_unplug(mode, request, named.as_ref(), store.as_mut(), &mut kernel)
        }
    });
    match plan {
        Ok(plan) => {
            print!("{plan}");
            if request.action == Action::Gone {
                println!("take the guard of {} away", request.port);
            }
            0
        }
        Err(error) => {
            report(mode, Level::Error, &error.to_string(), &fields(request));
            1
        }
    }
}
