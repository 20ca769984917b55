//! `network-route start|stop|status [name=value…]`, by that name or as a command of dom0net.

use std::ffi::OsString;

use dom0net::places::Places;
use dom0net::plan::Kernel;
use dom0net::routed::{self, Command, Kind, Records, RouteArguments};

use super::output::{announce, json, out};
use super::script::{Flags, Script};

const SCRIPT: Script = Script { name: "network-route", help: HELP };

pub(crate) const HELP: &str = "\
Make this host a router for its guests, and undo that. Their interfaces have script=vif-route.

Usage: network-route start|stop|status [netdev=DEVICE] [--dry-run] [--json]

  netdev=DEVICE     the card; without it that of the default route

  --dry-run         print what would be done, and do nothing
  --json            print it as JSON

Examples:
  network-route start
  network-route start netdev=eth1 --dry-run
  network-route status
  network-route stop
";

/// Runs the script and returns its exit status.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let (flags, rest) = match SCRIPT.flags(words) {
        Ok(read) => read,
        Err(status) => return status,
    };
    match RouteArguments::parse(rest) {
        Ok(arguments) => {
            SCRIPT.warn_of_unknown(&arguments.unknown);
            SCRIPT.end(carry_out(&arguments, flags))
        }
        Err(error) => SCRIPT.bad_call(&error),
    }
}

fn carry_out(arguments: &RouteArguments, flags: Flags) -> Result<(), routed::Error> {
    let mut kernel = Kernel::open()?;
    let places = Places::from_environment();
    let named = arguments.netdev.as_ref();
    match arguments.command {
        Command::Start => {
            let device = routed::gateway_device(&mut kernel, named)?;
            if flags.dry_run {
                flags.print(&routed::start_plan(&mut kernel, &device)?);
                return Ok(());
            }
            SCRIPT.sweep(&mut kernel, &places);
            routed::start(&mut kernel, &places, &device)?;
            let message = format!("this host is a router for guests, by {device}");
            SCRIPT.done(&message, &[("gateway", device.name.as_str())]);
        }
        Command::Stop => match routed::started(&Records::of(&places), named)? {
            None => announce("that network was not started; there is nothing to stop"),
            Some(record) if flags.dry_run => flags.print(&routed::stop_plan(&record)),
            Some(record) => {
                routed::stop(&mut kernel, &places, &record)?;
                SCRIPT.done(&format!("{} is as it was", record.name), &[("gateway", record.name.as_str())]);
            }
        },
        Command::Status => status(&mut kernel, &Records::of(&places), flags)?,
    }
    Ok(())
}

fn status(kernel: &mut Kernel, records: &Records, flags: Flags) -> Result<(), routed::Error> {
    let mut states = Vec::new();
    for record in records.all(Kind::Route)? {
        states.push(routed::route_status(kernel, &record)?);
    }
    if flags.json {
        json(&states);
    } else if states.is_empty() {
        out("This host is no router for guests; make it one with: network-route start\n");
    } else {
        out(&states.iter().map(ToString::to_string).collect::<String>());
    }
    Ok(())
}
