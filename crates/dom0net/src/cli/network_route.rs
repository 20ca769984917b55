//! `network-route start|stop|status [name=value…]`, by that name or as a command of dom0net.

use std::ffi::OsString;
use std::fmt::Display;

use dom0net::log::{Event, Level, tell};
use dom0net::places::Places;
use dom0net::plan::{Kernel, Plan};
use dom0net::routed::{self, Command, Kind, Records, RouteArguments};

use super::output::{announce, is_terminal, json, out};

const PROGRAM: &str = "network-route";

const HELP: &str = "\
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

/// The flags that stand among the words.
#[derive(Default)]
struct Flags {
    dry_run: bool,
    json: bool,
}

/// Runs the script and returns its exit status.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let mut flags = Flags::default();
    let mut rest = Vec::new();
    for word in words {
        match word.to_str() {
            Some("--dry-run" | "-n") => flags.dry_run = true,
            Some("--json") => flags.json = true,
            Some("--help" | "-h") => {
                out(HELP);
                return 0;
            }
            Some(flag) if flag.starts_with("--") => return bad_call(&format!("{flag} is not known")),
            _ => rest.push(word),
        }
    }
    let arguments = match RouteArguments::parse(rest) {
        Ok(arguments) => arguments,
        Err(error) => return bad_call(&error),
    };
    for word in &arguments.unknown {
        complain(Level::Warning, &format!("{word} means nothing here, and is ignored"), &[]);
    }
    match carry_out(&arguments, &flags) {
        Ok(()) => 0,
        Err(error) => {
            complain(Level::Error, &error.to_string(), &[]);
            1
        }
    }
}

fn carry_out(arguments: &RouteArguments, flags: &Flags) -> Result<(), routed::Error> {
    let mut kernel = Kernel::open()?;
    let places = Places::from_environment();
    let named = arguments.netdev.as_ref();
    match arguments.command {
        Command::Start => {
            let device = routed::gateway_device(&mut kernel, named)?;
            if flags.dry_run {
                print_plan(&routed::start_plan(&mut kernel, &device)?, flags);
            } else {
                routed::start(&mut kernel, &places, &device)?;
                done(&format!("this host is a router for guests, by {device}"), device.name.as_str());
            }
        }
        Command::Stop => match routed::started(&Records::of(&places), named)? {
            None => announce("that network was not started; there is nothing to stop"),
            Some(record) if flags.dry_run => print_plan(&routed::stop_plan(&record), flags),
            Some(record) => {
                routed::stop(&mut kernel, &places, &record)?;
                done(&format!("{} is as it was", record.name), record.name.as_str());
            }
        },
        Command::Status => status(&mut kernel, &Records::of(&places), flags)?,
    }
    Ok(())
}

fn status(kernel: &mut Kernel, records: &Records, flags: &Flags) -> Result<(), routed::Error> {
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

fn print_plan(plan: &Plan, flags: &Flags) {
    match (flags.json, plan.is_empty()) {
        (true, _) => json(plan),
        (false, true) => out("all is so already\n"),
        (false, false) => out(&plan.to_string()),
    }
}

fn done(message: &str, gateway: &str) {
    announce(message);
    complain(Level::Info, message, &[("gateway", gateway)]);
}

fn complain(level: Level, message: &str, fields: &[(&str, &str)]) {
    // A terminal has been told already.
    if level == Level::Info && is_terminal() {
        return;
    }
    tell(&Event { program: PROGRAM, level, message, fields });
}

fn bad_call(error: &dyn Display) -> u8 {
    complain(Level::Error, &format!("{error}; network-route --help shows how it is called"), &[]);
    2
}
